/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine's owner does from within its events, and an owner that has no room. */
#include "peer_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

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

static void send_at_up(struct peer_rig *rig, enum peer_told what, struct dtls_conn *c)
{
	if (what == PEER_TOLD_UP)
		assert_int_equal(dtls_send(rig->e, c, (const uint8_t *)"hail", 4), DTLS_OK);
}

static void close_at_up(struct peer_rig *rig, enum peer_told what, struct dtls_conn *c)
{
	if (what == PEER_TOLD_UP)
		dtls_close(rig->e, c);
}

static void close_at_message(struct peer_rig *rig, enum peer_told what, struct dtls_conn *c)
{
	if (what == PEER_TOLD_MESSAGE)
		dtls_close(rig->e, c);
}

static void close_other_at_message(struct peer_rig *rig, enum peer_told what, struct dtls_conn *c)
{
	(void)c;
	if (what != PEER_TOLD_MESSAGE || !rig->other)
		return;
	dtls_close(rig->e, rig->other);
	rig->other = NULL;
}

static void echo(struct peer_rig *rig, enum peer_told what, struct dtls_conn *c)
{
	const struct peer_event *const ev = &rig->event[rig->events - 1];
	if (what == PEER_TOLD_MESSAGE)
		assert_int_equal(dtls_send(rig->e, c, ev->body.at, ev->body.len), DTLS_OK);
}

static void connect_again(struct peer_rig *rig, enum peer_told what, struct dtls_conn *c)
{
	(void)c;
	if (what != PEER_TOLD_FAILED)
		return;
	struct peer *const same = peer_rig_peer(rig, true, 5684);
	assert_int_equal(peer_rig_connect(rig, same), DTLS_OK);
	peer_free(same);
}

/* RFC 6347 4.2.4: what is said at once must not come before the flight that makes it readable. */
static void test_data_sent_from_up_follows_the_finished(void **state)
{
	struct peer_rig *const rig = *state;
	rig->hook = send_at_up;
	for (size_t i = 0; i < 2; i++) {
		struct peer *const p = peer_rig_peer(rig, i == 1, 4000 + i);
		peer_rig_meet(rig, p);
		peer_rig_pump(rig, p);
		const struct peer_rec *const r = peer_last(p, PEER_DATA, 1);
		assert_non_null(r);
		assert_true(r->opened);
		assert_memory_equal(r->body, "hail", 4);
		assert_ptr_equal(r, &p->rec[p->recs - 1]);
		assert_true(peer_last(p, PEER_HANDSHAKE, 1)->seq < r->seq);
		peer_check_numbers(p);
		peer_free(p);
	}
}

static void test_R133_data_sent_from_up_and_a_last_flight_that_is_lost(void **state)
{
	struct peer_rig *const rig = *state;
	rig->hook = send_at_up;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_rig_to_flight4(rig, p);
	peer_say_flight5(p);
	rig->out[0].path.sock++; /* the first datagram goes astray */
	peer_rig_pump(rig, p);
	peer_say_again(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	peer_check_numbers(p);
	peer_rig_check_alive(rig, p, peer_rig_event(rig, PEER_TOLD_UP)->conn);
	peer_free(p);
}

static void test_R136_an_association_closed_from_up(void **state)
{
	struct peer_rig *const rig = *state;
	rig->hook = close_at_up;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_rig_to_flight4(rig, p);
	peer_say_flight5(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	assert_int_equal(peer_alert(p), 0);
	peer_check_numbers(p);
	assert_int_equal(dtls_stats(rig->e).conns, 0);
	assert_int_equal(dtls_stats(rig->e).handshakes, 0);
	peer_say_again(p);
	peer_say_data(p, "late", 4);
	peer_rig_pump(rig, p);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_MESSAGE), 0);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_DOWN), 0);
	peer_free(p);
}

static void test_R136_an_association_closed_from_its_message(void **state)
{
	struct peer_rig *const rig = *state;
	for (size_t i = 0; i < 2; i++) {
		struct peer *const p = peer_rig_peer(rig, i == 1, 4000 + i);
		peer_rig_meet(rig, p);
		peer_rig_forget(rig);
		rig->hook = close_at_message;
		for (int n = 0; n < 3; n++)
			peer_put_next(p, PEER_DATA, 1, "more", 4);
		peer_flush(p);
		rig->hook = NULL;
		assert_int_equal(peer_rig_told(rig, PEER_TOLD_MESSAGE), 1);
		assert_int_equal(peer_rig_pump(rig, p), 1);
		assert_int_equal(peer_count(p, PEER_ALERT, 1), 1);
		assert_int_equal(peer_alert(p), 0);
		assert_int_equal(dtls_stats(rig->e).conns, 0);
		peer_free(p);
	}
}

static void test_R136_another_association_closed_from_a_message(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	struct peer *const q = peer_rig_peer(rig, true, 4001);
	struct dtls_conn *const c = peer_rig_meet(rig, p);
	rig->other = peer_rig_meet(rig, q);
	rig->hook = close_other_at_message;
	peer_rig_check_alive(rig, p, c);
	peer_rig_pump(rig, q);
	assert_int_equal(peer_alert(q), 0);
	assert_int_equal(dtls_stats(rig->e).conns, 1);
	peer_free(p);
	peer_free(q);
}

static void test_R011_answers_from_a_message_in_its_own_association(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_rig_meet(rig, p);
	rig->hook = echo;
	for (int n = 0; n < 20; n++)
		peer_put_next(p, PEER_DATA, 1, "echo this", 9);
	peer_flush(p);
	peer_rig_pump(rig, p);
	assert_int_equal(peer_count(p, PEER_DATA, 1), 20);
	assert_int_equal(peer_count(p, PEER_HANDSHAKE, 1), 1);
	peer_check_numbers(p);
	peer_free(p);
}

static void test_a_failed_handshake_is_begun_again_from_its_event(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, true, 5684);
	assert_int_equal(peer_rig_connect(rig, p), DTLS_OK);
	rig->hook = connect_again;
	peer_rig_pump(rig, p);
	peer_say_alert(p, 0, 2, 40);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_FAILED), 1);
	peer_rig_until(rig, rig->now_ms + 400000);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_FAILED), 3);
	rig->hook = NULL;
	assert_int_equal(dtls_stats(rig->e).handshakes, 1);
	dtls_connect_cancel(rig->e, &p->path);
	peer_rig_drop(rig);
	struct peer *const again = peer_rig_peer(rig, true, 5684);
	peer_rig_check_alive(rig, again, peer_rig_meet(rig, again));
	peer_free(again);
	peer_free(p);
}

/* An owner without room is a wire that loses everything. */
static void test_R102_an_owner_without_room_is_survived(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	rig->no_room = true;
	peer_say_hello(p);
	rig->no_room = false;
	assert_int_equal(rig->outs, 0);
	peer_rig_until(rig, rig->now_ms + 9100);
	peer_rig_pump(rig, p);
	assert_true(p->flight);
	rig->no_room = true;
	peer_say_flight5(p);
	struct dtls_conn *const c = peer_rig_event(rig, PEER_TOLD_UP)->conn;
	assert_int_equal(dtls_send(rig->e, c, (const uint8_t *)"lost", 4), DTLS_OK);
	rig->no_room = false;
	peer_say_again(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	peer_rig_check_alive(rig, p, c);
	peer_check_numbers(p);
	peer_free(p);
}

/* RFC 9147 4.5.3, which R-132 takes for its measure: 2^23 records for a key of CCM. */
static void test_R132_R120_a_key_protects_no_more_than_8388608_records(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	struct dtls_conn *const c = peer_rig_meet(rig, p);
	enum dtls_result r = DTLS_OK;
	rig->deaf = true;
	while (r == DTLS_OK && rig->unheard <= 1 << 23)
		r = dtls_send(rig->e, c, (const uint8_t *)"x", 1);
	rig->deaf = false;
	assert_int_equal(r, DTLS_EXHAUSTED);
	assert_in_range(
		rig->unheard, (1 << 23) - 64, (1 << 23) - 1); /* and one is the Finished's */
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_DOWN), 0);
	peer_rig_until(rig, rig->now_ms + 1000);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_DOWN), 1);
	assert_int_equal(peer_rig_event(rig, PEER_TOLD_DOWN)->why, DTLS_END_NUMBERS);
	peer_rig_pump(rig, p);
	assert_int_equal(peer_alert(p), 0);
	assert_true(peer_last(p, PEER_ALERT, 1)->seq < 1 << 23);
	assert_int_equal(dtls_stats(rig->e).conns, 0);
	peer_free(p);
}

static void test_R132_what_was_used_is_counted(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	struct dtls_conn *const c = peer_rig_meet(rig, p);
	for (int i = 0; i < 3; i++)
		peer_rig_check_alive(rig, p, c);
	peer_say_again(p);
	peer_rig_check_alive(rig, p, c);
	assert_int_equal(dtls_conn_facts(c).records_out, peer_last(p, PEER_DATA, 1)->seq + 1);
	assert_int_equal(dtls_stats(rig->e).records_out, dtls_conn_facts(c).records_out);
	assert_int_equal(dtls_conn_facts(c).heard_ms, rig->now_ms);
	peer_free(p);
}

static bool count_three(void *ctx, struct dtls_conn *c)
{
	size_t *const n = ctx;
	assert_non_null(dtls_conn_path(c));
	return ++*n < 3;
}

static bool count_all(void *ctx, struct dtls_conn *c)
{
	size_t *const n = ctx;
	assert_int_equal(dtls_conn_cred(c), 7);
	++*n;
	return true;
}

static void test_every_association_is_visited_once(void **state)
{
	struct peer_rig *const rig = *state;
	for (size_t i = 0; i < 10; i++) {
		struct peer *const p = peer_rig_peer(rig, i % 2 == 1, 4000 + i);
		struct dtls_conn *const c = peer_rig_meet(rig, p);
		dtls_conn_set_user(c, p);
		assert_ptr_equal(dtls_conn_user(c), p);
		peer_free(p);
	}
	size_t n = 0;
	dtls_each(rig->e, count_all, &n);
	assert_int_equal(n, 10);
	n = 0;
	dtls_each(rig->e, count_three, &n);
	assert_int_equal(n, 3);
	assert_int_equal(dtls_stats(rig->e).handshakes_done[DTLS_SERVER], 5);
	assert_int_equal(dtls_stats(rig->e).handshakes_done[DTLS_CLIENT], 5);
}

int main(void)
{
#define RIG(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)
	const struct CMUnitTest tests[] = {
		RIG(test_data_sent_from_up_follows_the_finished),
		RIG(test_R133_data_sent_from_up_and_a_last_flight_that_is_lost),
		RIG(test_R136_an_association_closed_from_up),
		RIG(test_R136_an_association_closed_from_its_message),
		RIG(test_R136_another_association_closed_from_a_message),
		RIG(test_R011_answers_from_a_message_in_its_own_association),
		RIG(test_a_failed_handshake_is_begun_again_from_its_event),
		RIG(test_R102_an_owner_without_room_is_survived),
		RIG(test_R132_R120_a_key_protects_no_more_than_8388608_records),
		RIG(test_R132_what_was_used_is_counted),
		RIG(test_every_association_is_visited_once),
	};
	return cmocka_run_group_tests_name("dtls/wire_owner", tests, NULL, NULL);
}
