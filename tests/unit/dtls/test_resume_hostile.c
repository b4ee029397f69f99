/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions resumed by peers that follow a script: who has only seen an id on the wire, and who
 * breaks the rules under the right keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/rand.h>

#include "dtls/alert.h"
#include "dtls/state.h"
#include "peer_rig.h"
#include "shelf.h"

enum { DEVICE_PORT = 40000, THIEF_PORT = 40001 };

struct scene {
	struct shelf shelf;
	struct peer_rig *rig;
	struct peer *device;    /* its first association is up */
	struct dtls_conn *conn; /* that */
};

static bool rig_find(void *ctx, const uint8_t *id, size_t len, struct dtls_resumable *out)
{
	const struct peer_rig *const rig = ctx;
	return shelf_find(rig->shelf, id, len, out);
}

static void rig_keep(void *ctx, const struct dtls_resumable *x)
{
	const struct peer_rig *const rig = ctx;
	shelf_keep(rig->shelf, x);
}

static void rig_drop(void *ctx, const uint8_t *id, size_t len)
{
	const struct peer_rig *const rig = ctx;
	shelf_drop(rig->shelf, id, len);
}

/* A session is known before its association is (so that both can be kept in one step). */
static void look(struct peer_rig *rig, enum peer_told what, struct dtls_conn *c)
{
	(void)c;
	if (what == PEER_TOLD_UP)
		assert_int_equal(rig->shelf->keeps + dtls_stats(rig->e).resumed,
			peer_rig_told(rig, PEER_TOLD_UP));
}

static int begin(void **state)
{
	struct scene *const s = calloc(1, sizeof(*s));
	if (!s)
		return -1;
	s->rig = peer_rig_new(NULL);
	s->rig->shelf = &s->shelf;
	s->rig->hook = look;
	struct dtls_owner *const o = &s->rig->e->owner;
	o->session_find = rig_find;
	o->session_keep = rig_keep;
	o->session_drop = rig_drop;
	s->device = peer_rig_peer(s->rig, false, DEVICE_PORT);
	s->conn = peer_rig_meet(s->rig, s->device);
	*state = s;
	return s->shelf.count == 1 ? 0 : -1;
}

static int end(void **state)
{
	struct scene *const s = *state;
	peer_free(s->device);
	peer_rig_free(s->rig);
	free(s);
	return 0;
}

/* A peer that offers the device's session. Knows its master secret, or only thinks so. */
static struct peer *returning(struct scene *s, size_t port, bool knows)
{
	struct peer *const p = peer_rig_peer(s->rig, false, port);
	peer_set(&p->hello.sid, s->device->answer.sid.at, s->device->answer.sid.len);
	assert_int_equal(p->hello.sid.len, 32);
	p->resumes = true;
	if (knows)
		memcpy(p->master, s->device->master, sizeof(p->master));
	else
		assert_int_equal(RAND_bytes(p->master, sizeof(p->master)), 1);
	return p;
}

static bool is_under_way(const struct scene *s)
{
	return dtls_stats(s->rig->e).handshakes == 1;
}

/* It has our abbreviated flight. */
static void assert_offered(struct scene *s, struct peer *p, bool knows)
{
	peer_rig_ask(s->rig, p);
	assert_true(is_under_way(s));
	assert_int_equal(p->answer.sid.len, 32);
	assert_memory_equal(p->answer.sid.at, p->hello.sid.at, 32);
	assert_null(peer_heard(p, PEER_HELLO_DONE));
	assert_int_equal(peer_count(p, PEER_CCS, 0), 1);
	assert_int_equal(peer_count(p, PEER_HANDSHAKE, 1), 1);
	assert_int_equal(p->done, knows);
}

/* The rightful device resumes at a port, and all is well. */
static void assert_resumes(struct scene *s, size_t port)
{
	const uint64_t resumed = dtls_stats(s->rig->e).resumed;
	struct peer *const p = returning(s, port, true);
	assert_offered(s, p, true);
	peer_say_flight6(p);
	assert_int_equal(peer_rig_pump(s->rig, p), 0); /* the device's word is the last */
	assert_int_equal(dtls_stats(s->rig->e).resumed, resumed + 1);
	const struct peer_event *const up = peer_rig_event(s->rig, PEER_TOLD_UP);
	assert_int_equal(up->cred, 7);
	peer_rig_check_alive(s->rig, p, up->conn);
	peer_check_numbers(p);
	peer_free(p);
}

/* --- an id from the wire --------------------------------------------------------------------- */

static void a_thief(struct scene *s, size_t port)
{
	struct peer *const thief = returning(s, port, false);
	assert_offered(s, thief, false);
	/* His address is real, or the cookie had not come back; all the same it is no amplifier. */
	assert_true(thief->bytes_in < 3 * thief->bytes_out);
	/* The association of whoever was there works on. */
	peer_rig_check_alive(s->rig, s->device, s->conn);
	peer_make_finished(thief);
	for (int i = 0; i < 3; i++) {
		assert_true(is_under_way(s));
		assert_int_equal(peer_rig_told(s->rig, PEER_TOLD_FAILED), 0);
		peer_put_ccs(thief);
		peer_put_msg(thief, PEER_FINISHED);
		peer_flush(thief);
	}
	peer_rig_pump(s->rig, thief);
	assert_int_equal(peer_alert(thief), DTLS_DECRYPT_ERROR);
	const struct peer_event *const ev = peer_rig_event(s->rig, PEER_TOLD_FAILED);
	assert_int_equal(ev->cause, DTLS_FAIL_KEY);
	assert_int_equal(ev->cred, 7);
	assert_int_equal(peer_rig_told(s->rig, PEER_TOLD_UP), 1);
	assert_int_equal(peer_rig_told(s->rig, PEER_TOLD_DOWN), 0);
	assert_int_equal(dtls_stats(s->rig->e).resumed, 0);
	assert_int_equal(s->shelf.drops, 0);
	peer_rig_check_alive(s->rig, s->device, s->conn);
	peer_free(thief);
	assert_resumes(s, port + 10);
}

static void test_R108_R201_an_id_without_its_secret_harms_nobody(void **state)
{
	a_thief(*state, THIEF_PORT);
}

static void test_R108_R201_not_even_from_the_path_of_its_owner(void **state)
{
	a_thief(*state, DEVICE_PORT);
}

static void test_R116_a_thief_who_says_nothing_is_forgotten(void **state)
{
	struct scene *const s = *state;
	struct peer *const thief = returning(s, THIEF_PORT, false);
	assert_offered(s, thief, false);
	const uint64_t start = s->rig->now_ms;
	peer_rig_until(s->rig, start + 180000);
	/* Our flight again: R-099; after two losses a datagram for each of its records: R-110. */
	static const uint64_t at[] = { 9000, 27000, 27000, 27000, 63000, 63000, 63000, 123000,
		123000, 123000 };
	assert_int_equal(s->rig->outs, COUNT_OF(at));
	for (size_t i = 0; i < COUNT_OF(at); i++)
		assert_int_equal(s->rig->out[i].at_ms - start, at[i]);
	assert_false(is_under_way(s));
	assert_int_equal(peer_rig_event(s->rig, PEER_TOLD_FAILED)->cause, DTLS_FAIL_TIMEOUT);
	peer_rig_drop(s->rig);
	peer_rig_until(s->rig, start + 900000);
	assert_int_equal(s->rig->outs, 0);
	assert_int_equal(s->shelf.drops, 0);
	peer_free(thief);
	assert_resumes(s, THIEF_PORT + 10);
}

/* Ids that nobody proved must not hold the places of those who come: he is among the
   silent, the first to go, whatever he sends. */
static void test_R116_what_a_thief_sends_does_not_keep_his_place(void **state)
{
	struct scene *const s = *state;
	struct peer *const thief = returning(s, THIEF_PORT, false);
	assert_offered(s, thief, false);
	struct dtls_node *const n = dtls_table_any(&s->rig->e->handshakes);
	const struct dtls_handshake *const h = CONTAINER_OF(n, struct dtls_handshake, node);
	peer_make_client_key(thief);
	peer_put_msg(thief, PEER_CLIENT_KEY);
	peer_flush(thief);
	peer_make_finished(thief);
	peer_put_msg(thief, PEER_FINISHED);
	peer_flush(thief);
	assert_true(is_under_way(s));
	assert_int_equal(h->bad_finished, 1);
	assert_int_equal(h->queue, DTLS_SILENT);
	peer_free(thief);
}

static void test_R200_an_id_cannot_be_guessed_or_cut(void **state)
{
	struct scene *const s = *state;
	for (size_t i = 0; i < 3; i++) {
		struct peer *const p = returning(s, THIEF_PORT + i, true);
		if (i == 0)
			p->hello.sid.len = 31;
		if (i == 1)
			p->hello.sid.at[0] ^= 1;
		if (i == 2)
			p->hello.sid.len = 0;
		peer_rig_ask(s->rig, p);
		assert_non_null(peer_heard(p, PEER_HELLO_DONE));
		assert_false(p->done);
		peer_say_flight5(p);
		peer_rig_pump(s->rig, p);
		assert_true(p->done);
		assert_int_equal(peer_rig_told(s->rig, PEER_TOLD_UP), 2 + i);
		peer_free(p);
	}
	assert_int_equal(dtls_stats(s->rig->e).resumed, 0);
	assert_int_equal(s->shelf.keeps, 4);
}

/* --- what is thrown in from outside ---------------------------------------------------------- */

static void test_R112_nothing_in_the_clear_spoils_an_abbreviated_handshake(void **state)
{
	struct scene *const s = *state;
	struct peer *const p = returning(s, THIEF_PORT, true);
	assert_offered(s, p, true);
	const uint64_t junk = dtls_stats(s->rig->e).junk;
	/* Forged in its name: key exchanges, what no client says, an early ChangeCipherSpec. */
	const struct peer_buf transcript = p->transcript;
	static const uint8_t body[] = { 0, 5, 't', 'h', 'i', 'n', 'g', 0, 0, 0, 0, 0 };
	const uint16_t number = p->msg_out;
	p->transcript = (struct peer_buf){ 0 };
	static const uint8_t kinds[] = { PEER_CLIENT_KEY, PEER_CERTIFICATE, PEER_CLIENT_KEY };
	for (size_t i = 0; i < sizeof(kinds); i++) {
		p->msg_out = number;
		peer_make_other(p, kinds[i], body, i == 2 ? 7 : sizeof(body));
		peer_put_msg(p, kinds[i]);
		peer_put_ccs(p);
		peer_flush(p);
	}
	peer_buf_free(&p->transcript);
	p->transcript = transcript;
	p->msg_out = number;
	assert_int_equal(dtls_stats(s->rig->e).junk, junk + sizeof(kinds));
	assert_true(is_under_way(s));
	assert_int_equal(peer_rig_pump(s->rig, p), 0);
	peer_say_flight6(p);
	assert_int_equal(dtls_stats(s->rig->e).resumed, 1);
	peer_rig_check_alive(s->rig, p, peer_rig_event(s->rig, PEER_TOLD_UP)->conn);
	/* Its Finished again, new or old: nobody answers, or two that repeat would never end. */
	for (int i = 0; i < 3; i++) {
		peer_put_ccs(p);
		peer_put_msg(p, PEER_FINISHED);
		peer_flush(p);
	}
	assert_int_equal(peer_rig_pump(s->rig, p), 0);
	peer_free(p);
}

static void test_R102_a_repeated_hello_gets_the_flight_again_under_new_numbers(void **state)
{
	struct scene *const s = *state;
	struct peer *const p = returning(s, THIEF_PORT, true);
	assert_offered(s, p, true);
	for (int i = 0; i < 3; i++) {
		peer_put_msg(p, PEER_CLIENT_HELLO);
		peer_put_msg(p, PEER_CLIENT_HELLO); /* twice in one datagram: one answer */
		peer_flush(p);
		assert_int_equal(peer_rig_pump(s->rig, p), 1);
	}
	assert_int_equal(peer_count(p, PEER_HANDSHAKE, 1), 4);
	peer_check_numbers(p);
	peer_say_flight6(p);
	assert_int_equal(dtls_stats(s->rig->e).resumed, 1);
	peer_free(p);
}

/* --- fatal alerts (R-201) -------------------------------------------------------------------- */

/* In the clear anybody can say it: the handshake ends, as without a session, but nothing else. */
static void test_R201_a_plain_alert_leaves_the_session(void **state)
{
	struct scene *const s = *state;
	struct peer *const p = returning(s, THIEF_PORT, true);
	assert_offered(s, p, true);
	peer_say_alert(p, 0, DTLS_FATAL, DTLS_INTERNAL_ERROR);
	assert_false(is_under_way(s));
	assert_int_equal(peer_rig_event(s->rig, PEER_TOLD_FAILED)->cause, DTLS_FAIL_ALERT);
	assert_int_equal(s->shelf.drops, 0);
	peer_free(p);
	assert_resumes(s, THIEF_PORT + 10);
}

static void assert_dropped(const struct scene *s)
{
	assert_false(is_under_way(s));
	assert_int_equal(peer_rig_told(s->rig, PEER_TOLD_FAILED), 1);
	assert_int_equal(peer_rig_told(s->rig, PEER_TOLD_UP), 1);
	assert_int_equal(s->shelf.drops, 1);
	assert_int_equal(s->shelf.count, 0);
}

static void test_R201_a_fatal_alert_under_its_keys_ends_the_session(void **state)
{
	struct scene *const s = *state;
	struct peer *const p = returning(s, THIEF_PORT, true);
	assert_offered(s, p, true);
	peer_say_alert(p, 1, DTLS_WARNING, DTLS_USER_CANCELED);
	assert_true(is_under_way(s));
	peer_say_alert(p, 1, DTLS_FATAL, DTLS_ACCESS_DENIED); /* its Finished was lost */
	assert_dropped(s);
	const struct peer_event *const ev = peer_rig_event(s->rig, PEER_TOLD_FAILED);
	assert_int_equal(ev->cause, DTLS_FAIL_ALERT);
	assert_int_equal(ev->alert, DTLS_ACCESS_DENIED);
	peer_free(p);
}

/* What has opened before does not vouch for what is said in the clear afterwards. */
static void test_R201_only_what_has_opened_counts(void **state)
{
	struct scene *const s = *state;
	struct peer *const p = returning(s, THIEF_PORT, true);
	assert_offered(s, p, true);
	peer_say_alert(p, 1, DTLS_WARNING, DTLS_USER_CANCELED);
	peer_make_finished(p);
	peer_put_part(p, PEER_FINISHED, 0, 6); /* half of it: authentic, and we wait */
	peer_flush(p);
	assert_true(is_under_way(s));
	peer_say_alert(p, 0, DTLS_FATAL, DTLS_ACCESS_DENIED);
	assert_false(is_under_way(s));
	assert_int_equal(s->shelf.drops, 0);
	peer_free(p);
}

static void test_R201_a_wrong_finished_under_its_keys_ends_the_session(void **state)
{
	struct scene *const s = *state;
	struct peer *const p = returning(s, THIEF_PORT, true);
	assert_offered(s, p, true);
	peer_make_finished(p);
	p->mine[PEER_FINISHED].body.at[0] ^= 1;
	peer_put_ccs(p);
	peer_put_msg(p, PEER_FINISHED);
	peer_flush(p);
	peer_rig_pump(s->rig, p);
	assert_int_equal(peer_count(p, PEER_ALERT, 1), 1); /* protected, as our keys are known */
	assert_int_equal(peer_alert(p), DTLS_DECRYPT_ERROR);
	peer_check_numbers(p);
	assert_dropped(s);
	peer_free(p);
}

static void test_R201_a_full_handshake_that_fails_ends_no_session(void **state)
{
	struct scene *const s = *state;
	struct peer *const p = returning(s, THIEF_PORT, true);
	s->shelf.generation++; /* it is not resumed */
	peer_rig_ask(s->rig, p);
	assert_non_null(peer_heard(p, PEER_HELLO_DONE));
	peer_make_client_key(p);
	peer_make_finished(p);
	p->mine[PEER_FINISHED].body.at[0] ^= 1;
	peer_put_msg(p, PEER_CLIENT_KEY);
	peer_put_ccs(p);
	peer_put_msg(p, PEER_FINISHED);
	peer_flush(p);
	assert_int_equal(peer_rig_told(s->rig, PEER_TOLD_FAILED), 1);
	assert_int_equal(s->shelf.drops, 0);
	assert_int_equal(s->shelf.keeps, 1);
	peer_free(p);
}

static void test_R199_the_association_before_is_replaced_at_the_finished_only(void **state)
{
	struct scene *const s = *state;
	struct peer *const p = returning(s, DEVICE_PORT, true);
	assert_offered(s, p, true);
	peer_rig_check_alive(s->rig, s->device, s->conn);
	assert_int_equal(peer_rig_told(s->rig, PEER_TOLD_DOWN), 0);
	peer_say_flight6(p);
	const struct peer_event *const down = peer_rig_event(s->rig, PEER_TOLD_DOWN);
	assert_int_equal(down->why, DTLS_END_REPLACED);
	assert_ptr_equal(down->conn, s->conn);
	peer_rig_check_alive(s->rig, p, peer_rig_event(s->rig, PEER_TOLD_UP)->conn);
	/* The old keys open nothing any more. */
	const size_t messages = peer_rig_told(s->rig, PEER_TOLD_MESSAGE);
	peer_say_data(s->device, "old", 3);
	assert_int_equal(peer_rig_told(s->rig, PEER_TOLD_MESSAGE), messages);
	peer_free(p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_R108_R201_an_id_without_its_secret_harms_nobody),
		TEST(test_R108_R201_not_even_from_the_path_of_its_owner),
		TEST(test_R116_a_thief_who_says_nothing_is_forgotten),
		TEST(test_R116_what_a_thief_sends_does_not_keep_his_place),
		TEST(test_R200_an_id_cannot_be_guessed_or_cut),
		TEST(test_R112_nothing_in_the_clear_spoils_an_abbreviated_handshake),
		TEST(test_R102_a_repeated_hello_gets_the_flight_again_under_new_numbers),
		TEST(test_R201_a_plain_alert_leaves_the_session),
		TEST(test_R201_a_fatal_alert_under_its_keys_ends_the_session),
		TEST(test_R201_only_what_has_opened_counts),
		TEST(test_R201_a_wrong_finished_under_its_keys_ends_the_session),
		TEST(test_R201_a_full_handshake_that_fails_ends_no_session),
		TEST(test_R199_the_association_before_is_replaced_at_the_finished_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
