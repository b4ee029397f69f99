/* SPDX-License-Identifier: Apache-2.0 */
/* Requirements of area H that no other test holds, against peers that follow a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "dtls/state.h"
#include "peer_pair.h"
#include "shelf.h"

enum { PORT = 40000 };

static int rig_up(void **state)
{
	*state = peer_rig_new(NULL);
	return 0;
}

static int rig_down(void **state)
{
	peer_rig_free(*state);
	return 0;
}

static bool rig_find(void *ctx, const uint8_t *id, size_t len, struct dtls_resumable *out)
{
	return shelf_find(((const struct peer_rig *)ctx)->shelf, id, len, out);
}

static void rig_keep(void *ctx, const struct dtls_resumable *x)
{
	shelf_keep(((const struct peer_rig *)ctx)->shelf, x);
}

static void rig_drop(void *ctx, const uint8_t *id, size_t len)
{
	shelf_drop(((const struct peer_rig *)ctx)->shelf, id, len);
}

/* Stricter than R-088 allows: not even from the address that the session was made at. */
static void test_R088_a_session_id_does_not_spare_the_cookie(void **state)
{
	static const size_t ports[] = { PORT, PORT + 1 };
	struct peer_rig *const rig = *state;
	struct shelf shelf = { .count = 0 };
	rig->shelf = &shelf;
	rig->e->owner.session_find = rig_find;
	rig->e->owner.session_keep = rig_keep;
	rig->e->owner.session_drop = rig_drop;
	struct peer *const first = peer_rig_peer(rig, false, PORT);
	peer_rig_meet(rig, first);
	assert_int_equal(shelf.count, 1);
	for (size_t i = 0; i < COUNT_OF(ports); i++) {
		struct peer *const p = peer_rig_peer(rig, false, ports[i]);
		peer_set(&p->hello.sid, first->answer.sid.at, first->answer.sid.len);
		p->resumes = true;
		memcpy(p->master, first->master, sizeof(p->master));
		peer_say_hello(p);
		assert_int_equal(peer_rig_pump(rig, p), 1);
		assert_int_equal(p->verifies, 1);
		assert_null(peer_heard(p, PEER_SERVER_HELLO));
		assert_int_equal(shelf.asks, i);
		assert_int_equal(dtls_stats(rig->e).handshakes, 0);
		peer_say_hello(p);
		peer_rig_pump(rig, p);
		assert_int_equal(shelf.finds, i + 1);
		assert_true(p->done); /* it was there to be resumed */
		peer_say_flight6(p);
		peer_rig_pump(rig, p);
		assert_int_equal(dtls_stats(rig->e).resumed, i + 1);
		peer_free(p);
	}
	peer_free(first);
}

/* A client that does not wait for our Finished sends data in the same datagram as its own. */
static void test_R106_data_beside_the_finished_is_processed_after_it(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, PORT);
	peer_rig_to_flight4(rig, p);
	peer_make_client_key(p);
	peer_put_msg(p, PEER_CLIENT_KEY);
	peer_put_ccs(p);
	peer_make_finished(p);
	peer_put_next(p, PEER_DATA, 1, "early", 5); /* before it in the datagram: R-105 */
	struct peer_buf finished = { 0 };
	const struct peer_msg *const m = &p->mine[PEER_FINISHED];
	peer_add_fragment(&finished, m, 0, m->body.len);
	peer_put_next(p, PEER_HANDSHAKE, 1, finished.at, finished.len);
	peer_put_next(p, PEER_DATA, 1, "late", 4);
	peer_buf_free(&finished);
	peer_flush(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 1);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_MESSAGE), 1);
	const struct peer_event *const last = &rig->event[rig->events - 1];
	assert_int_equal(last->told, PEER_TOLD_MESSAGE); /* after UP */
	assert_int_equal(last->body.len, 4);
	assert_memory_equal(last->body.at, "late", 4);
	peer_free(p);
}

/* As client the engine sends nothing before the server's Finished, and tells nobody that it
   could. */
static void test_R106_the_client_role_starts_nothing_false(void **state)
{
	struct peer_pair *const pair = *state;
	peer_pair_to_flight5(pair);
	assert_int_equal(peer_count(pair->p, PEER_HANDSHAKE, 1), 1); /* its Finished */
	assert_int_equal(peer_count(pair->p, PEER_DATA, 1), 0);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_UP), 0);
	assert_int_equal(dtls_stats(pair->rig->e).conns, 0);
	peer_say_flight6(pair->p);
	peer_pair_check_up(pair);
}

static uint64_t last_sent_ms(struct peer_rig *rig, struct peer *p, uint64_t limit_ms)
{
	while (rig->outs == 0 && rig->now_ms < limit_ms)
		(void)peer_rig_step(rig, limit_ms);
	assert_true(rig->outs > 0);
	const uint64_t at_ms = rig->out[0].at_ms;
	peer_rig_pump(rig, p);
	return at_ms;
}

/* The hello was lost once and came through at 18 s; the flight after it is given as long. */
static void test_R101_a_timer_that_has_backed_off_stays_so(void **state)
{
	struct peer_pair *const pair = *state;
	struct peer_rig *const rig = pair->rig;
	const uint64_t start_ms = rig->now_ms;
	assert_int_equal(last_sent_ms(rig, pair->p, start_ms + 20000) - start_ms, 9000);
	peer_pair_verify(pair, 0, "biscuit");
	const uint64_t verified_ms = rig->now_ms;
	const uint64_t wait_ms = last_sent_ms(rig, pair->p, verified_ms + 70000) - verified_ms;
	assert_int_equal(wait_ms, 18000);
}

int main(void)
{
#define RIG(f)  cmocka_unit_test_setup_teardown(f, rig_up, rig_down)
#define PAIR(f) cmocka_unit_test_setup_teardown(f, peer_pair_up, peer_pair_down)
	const struct CMUnitTest tests[] = {
		RIG(test_R088_a_session_id_does_not_spare_the_cookie),
		RIG(test_R106_data_beside_the_finished_is_processed_after_it),
		PAIR(test_R106_the_client_role_starts_nothing_false),
		PAIR(test_R101_a_timer_that_has_backed_off_stays_so),
	};
	return cmocka_run_group_tests_name("dtls/conf_handshake", tests, NULL, NULL);
}
