/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds of an association's numbers, and windows that are not known. */
#include "night.h"

#include "dtls/alert.h"

static struct bed *bed(struct night *n, unsigned side)
{
	return &n->side[side].bed[0];
}

static enum dtls_result say(struct night *n, unsigned from, const char *text)
{
	struct side *const s = &n->p->side[from];
	return dtls_send(s->e, s->conn, (const uint8_t *)text, strlen(text));
}

/* What the peer `from` would not send by itself. */
static void forge(struct night *n, unsigned from, uint8_t type, const uint8_t *body, size_t len)
{
	const struct side *const s = &n->p->side[from];
	uint8_t out[256];
	memcpy(out + DTLS_RECORD_HEADER + 8, body, len);
	assert_true(dtls_assoc_seal(&s->conn->assoc, &s->e->sealer, type, out, len));
	pair_input(n->p, 1 - from, 0, out, DTLS_RECORD_OVERHEAD + len);
}

/* --- writing --------------------------------------------------------------------------------- */

static void test_S1_no_number_at_or_beyond_write_end_is_used(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(1, LEASE, UINT64_MAX);
	n->later = true;
	struct side *const s = &n->p->side[SERVER];
	for (uint64_t i = dtls_conn_numbers(s->conn).next; i < LEASE; i++)
		assert_int_equal(say(n, SERVER, "x"), DTLS_OK);
	const size_t sent = s->sent;
	for (int i = 0; i < 3; i++)
		assert_int_equal(say(n, SERVER, "x"), DTLS_STARVED);
	assert_int_equal(s->sent, sent);
	assert_int_equal(dtls_stats(s->e).starved, 3);
	assert_int_equal(dtls_conn_numbers(s->conn).next, LEASE);
	assert_log(n, SERVER, "R"); /* once */
	pair_deliver(n->p);
	assert_int_equal(n->p->side[CLIENT].count[MESSAGE], LEASE - 1);
	night_commit(n, SERVER, bed(n, SERVER));
	assert_int_equal(say(n, SERVER, "x"), DTLS_STARVED); /* durable, but not told */
	night_tell(n, SERVER, bed(n, SERVER));
	assert_talk(n->p);
	assert_no_number_twice(n->p);
	night_free(n);
}

static void test_runs_short_is_called_once_when_fewer_than_128_are_left(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(2, LEASE, UINT64_MAX);
	n->later = true;
	while (dtls_conn_numbers(n->p->side[SERVER].conn).next < LEASE - DTLS_NUMBERS_LOW)
		assert_int_equal(say(n, SERVER, "x"), DTLS_OK);
	assert_log(n, SERVER, "");
	assert_int_equal(say(n, SERVER, "x"), DTLS_OK);
	assert_log(n, SERVER, "R");
	assert_int_equal(say(n, SERVER, "x"), DTLS_OK);
	assert_log(n, SERVER, "");
	/* An answer that gives too little is followed by a question. */
	dtls_allow(n->p->side[SERVER].e, n->p->side[SERVER].conn, 0, LEASE + 1, 0);
	assert_int_equal(say(n, SERVER, "x"), DTLS_OK);
	assert_log(n, SERVER, "R");
	night_free(n);
}

static void test_a_lease_that_comes_at_once_lets_the_message_go(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(3, LEASE, UINT64_MAX);
	night_crash(n, SERVER);
	assert_non_null(night_wake(n, SERVER, 0));
	night_hush(n);
	assert_int_equal(say(n, SERVER, "x"), DTLS_OK);
	assert_log(n, SERVER, "R");
	assert_int_equal(dtls_conn_numbers(n->p->side[SERVER].conn).next, LEASE + 1);
	for (int i = 0; i < 3 * LEASE; i++)
		assert_int_equal(say(n, SERVER, "x"), DTLS_OK);
	assert_log(n, SERVER, "RRR");
	assert_int_equal(dtls_stats(n->p->side[SERVER].e).starved, 0);
	assert_no_number_twice(n->p);
	night_free(n);
}

static void test_S1_nothing_else_is_said_without_a_number(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(4, LEASE, UINT64_MAX);
	n->later = true;
	night_crash(n, SERVER);
	assert_non_null(night_wake(n, SERVER, 0));
	struct side *const s = &n->p->side[SERVER];
	const size_t sent = s->sent;
	static const uint8_t hello[DTLS_HS_HEADER] = { DTLS_HS_CLIENT_HELLO };
	static const uint8_t close[] = { DTLS_WARNING, DTLS_CLOSE_NOTIFY };
	night_hush(n);
	forge(n, CLIENT, DTLS_HANDSHAKE, hello, sizeof(hello));
	assert_log(n, SERVER, "SR");
	forge(n, CLIENT, DTLS_ALERT, close, sizeof(close));
	assert_log(n, SERVER, "SD");
	assert_int_equal(s->sent, sent);
	assert_int_equal(dtls_stats(s->e).starved, 0); /* those are messages */
	night_free(n);
	struct night *const m = night_up_pair(5, LEASE, UINT64_MAX);
	night_crash(m, SERVER);
	dtls_close(m->p->side[SERVER].e, night_wake(m, SERVER, 0));
	assert_int_equal(m->p->side[CLIENT].count[DOWN], 0);
	night_free(m);
}

static void test_bounds_are_never_lowered(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(6, LEASE, READ_LEASE);
	struct dtls_engine *const e = n->p->side[SERVER].e;
	struct dtls_conn *const c = n->p->side[SERVER].conn;
	dtls_allow(e, c, 100, 300, 50);
	struct dtls_numbers want = {
		.edge = 1, .seen = 1, .read_end = 50, .next = 100, .write_end = 300
	};
	struct dtls_numbers got = dtls_conn_numbers(c);
	assert_memory_equal(&got, &want, sizeof(want));
	dtls_allow(e, c, 99, 299, 49);
	dtls_allow(e, c, 0, 0, 0);
	got = dtls_conn_numbers(c);
	assert_memory_equal(&got, &want, sizeof(want));
	assert_int_equal(say(n, SERVER, "x"), DTLS_OK);
	assert_int_equal(dtls_conn_numbers(c).next, 101);
	night_free(n);
}

static void test_S23_R132_numbers_that_leases_skip_count(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(7, LEASE, UINT64_MAX);
	struct side *const s = &n->p->side[SERVER];
	const uint64_t last = DTLS_RECORDS_MAX - DTLS_RECORDS_SPARE;
	dtls_allow(s->e, s->conn, last - 1, UINT64_MAX, 0);
	assert_int_equal(say(n, SERVER, "x"), DTLS_OK);
	assert_int_equal(say(n, SERVER, "x"), DTLS_EXHAUSTED);
	dtls_tick(s->e, n->p->now_ms);
	assert_log(n, SERVER, "D");
	assert_int_equal(s->notes[s->note_count - 1].what, DTLS_END_NUMBERS);
	night_free(n);
}

static void test_S9_S11_the_first_bounds_hold_from_the_first_record_on(void **state)
{
	(void)state;
	/* The Finished is number 0: there is none for it. */
	for (unsigned i = 0; i < 2; i++) {
		struct night *const n =
			night_new(8, i == 0 ? 0 : UINT64_MAX, i == 1 ? 0 : UINT64_MAX);
		pair_connect(n->p, 0);
		pair_run(n->p, n->p->now_ms + 200000);
		assert_int_equal(n->p->side[CLIENT].count[UP], 0);
		assert_int_equal(n->p->side[SERVER].count[UP], 0);
		for (size_t j = 0; i == 0 && j < n->p->seen_count; j++)
			assert_true(n->p->seen[j].nonce >> 48 == 0);
		night_free(n);
	}
	struct night *const n = night_up_pair(9, LEASE, READ_LEASE);
	for (unsigned side = 0; side < 2; side++) {
		const struct dtls_numbers got = dtls_conn_numbers(n->p->side[side].conn);
		const struct dtls_numbers want = {
			.edge = 1, .seen = 1, .read_end = READ_LEASE, .next = 1, .write_end = LEASE
		};
		assert_memory_equal(&got, &want, sizeof(want));
	}
	night_free(n);
}

/* --- reading --------------------------------------------------------------------------------- */

static void test_S11_nothing_at_or_above_read_end_is_let_in(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(10, UINT64_MAX, READ_LEASE);
	struct side *const s = &n->p->side[SERVER];
	n->later = true;
	n->p->side[CLIENT].conn->assoc.wseq = READ_LEASE;
	uint8_t d[64] = { 0 };
	assert_true(dtls_assoc_seal(
		&n->p->side[CLIENT].conn->assoc, &n->p->side[CLIENT].e->sealer, DTLS_DATA, d, 4));
	for (unsigned i = 1; i <= 3; i++) {
		pair_input(n->p, SERVER, 0, d, DTLS_RECORD_OVERHEAD + 4);
		assert_log(n, SERVER, i == 1 ? "R" : "");
		assert_int_equal(dtls_stats(s->e).beyond, i);
	}
	assert_int_equal(dtls_conn_facts(s->conn).records_in, 0);
	assert_int_equal(dtls_conn_facts(s->conn).forged, 0);
	assert_int_equal(dtls_conn_numbers(s->conn).edge, 1); /* the window has not moved */
	assert_int_equal(dtls_conn_numbers(s->conn).refused, READ_LEASE + 1);
	/* The number before it is let in. */
	n->p->side[CLIENT].conn->assoc.wseq = READ_LEASE - 1;
	assert_int_equal(say(n, CLIENT, "in"), DTLS_OK);
	pair_deliver(n->p);
	assert_log(n, SERVER, "STM");
	night_commit(n, SERVER, bed(n, SERVER));
	night_tell(n, SERVER, bed(n, SERVER));
	pair_input(n->p, SERVER, 0, d, DTLS_RECORD_OVERHEAD + 4);
	assert_log(n, SERVER, "SM"); /* was not let in before, so it is no replay */
	night_free(n);
}

static void test_S11_a_record_beyond_wakes_a_sleeper_and_goes_no_further(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(11, UINT64_MAX, READ_LEASE);
	night_sleep(n, SERVER, 0);
	n->p->side[CLIENT].conn->assoc.wseq = READ_LEASE;
	assert_int_equal(say(n, CLIENT, "x"), DTLS_OK);
	pair_deliver(n->p);
	assert_log(n, SERVER, "AWR");
	assert_int_equal(say(n, CLIENT, "y"), DTLS_OK);
	pair_deliver(n->p);
	assert_heard(&n->p->side[SERVER], "y");
	night_free(n);
}

static void test_runs_short_below_read_end_at_half_of_what_was_let_in(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(12, UINT64_MAX, READ_LEASE);
	n->later = true;
	for (int i = 1; i < READ_LEASE; i++) {
		assert_int_equal(say(n, CLIENT, "x"), DTLS_OK);
		pair_deliver(n->p);
		/* Asked for before the message goes on, so that it waits for nobody. */
		const char *const want = i == READ_LEASE / 2 ? "SRM" : "SM";
		assert_log(n, SERVER, i == 1 ? "STM" : want);
	}
	assert_int_equal(dtls_stats(n->p->side[SERVER].e).beyond, 0);
	night_free(n);
}

static void test_S14_seen_comes_before_whatever_a_record_does(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(13, UINT64_MAX, UINT64_MAX);
	static const uint8_t hello[DTLS_HS_HEADER] = { DTLS_HS_CLIENT_HELLO };
	static const uint8_t warning[] = { DTLS_WARNING, DTLS_NO_RENEGOTIATION };
	static const uint8_t fatal[] = { DTLS_FATAL, DTLS_DECODE_ERROR };
	forge(n, CLIENT, DTLS_HANDSHAKE, hello, sizeof(hello));
	assert_log(n, SERVER, "S");
	forge(n, CLIENT, DTLS_ALERT, warning, sizeof(warning));
	assert_log(n, SERVER, "S");
	forge(n, CLIENT, DTLS_DATA, hello, 0);
	assert_log(n, SERVER, "ST"); /* R-135 */
	forge(n, CLIENT, DTLS_DATA, hello, 1);
	assert_log(n, SERVER, "SM");
	assert_int_equal(bed(n, SERVER)->edge, 5);
	forge(n, CLIENT, DTLS_ALERT, fatal, sizeof(fatal));
	assert_log(n, SERVER, "SD");
	night_free(n);
}

static void test_an_owner_without_the_new_callbacks_misses_nothing(void **state)
{
	(void)state;
	const struct dtls_settings set = { .initial_ms = { 9000, 9000 },
		.max_ms = 60000,
		.lifetime_ms = 180000,
		.linger_ms = 240000,
		.handshakes_max = 16,
		.handshake_bytes_max = (size_t)16 << 20,
		.mtu = 1232,
		.first_write_end = 8,
		.first_read_end = 8 };
	struct pair *const p = pair_up(14, &set);
	for (int i = 0; i < 7; i++)
		pair_say(p, CLIENT, "x");
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[MESSAGE], 7);
	struct side *const c = &p->side[CLIENT];
	assert_int_equal(dtls_send(c->e, c->conn, (const uint8_t *)"x", 1), DTLS_STARVED);
	dtls_allow(c->e, c->conn, 0, 9, 0);
	pair_say(p, CLIENT, "x");
	pair_deliver(p);
	assert_int_equal(dtls_stats(p->side[SERVER].e).beyond, 1);
	pair_free(p);
}

/* --- windows that are not known -------------------------------------------------------------- */

static struct night *window_lost(uint64_t seed)
{
	struct night *const n = night_up_pair(seed, LEASE, UINT64_MAX);
	assert_talk(n->p);
	night_crash(n, SERVER);
	n->unproven = true;
	bed(n, SERVER)->edge = 0;
	bed(n, SERVER)->seen = 0;
	night_hush(n);
	return n;
}

static void test_S12_nothing_of_an_unknown_window_goes_on(void **state)
{
	(void)state;
	struct night *const n = window_lost(15);
	struct side *const s = &n->p->side[SERVER];
	static const uint8_t close[] = { DTLS_WARNING, DTLS_CLOSE_NOTIFY };
	static const uint8_t fatal[] = { DTLS_FATAL, DTLS_DECODE_ERROR };
	static const uint8_t hello[DTLS_HS_HEADER] = { DTLS_HS_CLIENT_HELLO };
	const size_t sent = s->sent;
	s->count[MESSAGE] = 0;
	assert_int_equal(say(n, CLIENT, "first"), DTLS_OK);
	pair_deliver(n->p);
	assert_log(n, SERVER, "AWP");
	assert_heard(s, "first");
	assert_int_equal(n->side[SERVER].unproven_number, 2);
	forge(n, CLIENT, DTLS_ALERT, close, sizeof(close));
	forge(n, CLIENT, DTLS_ALERT, fatal, sizeof(fatal));
	forge(n, CLIENT, DTLS_HANDSHAKE, hello, sizeof(hello));
	assert_log(n, SERVER, "PPP");
	assert_int_equal(s->last_len, 0); /* no alert passes for a message */
	assert_int_equal(n->side[SERVER].unproven_number, 5);
	assert_int_equal(s->sent, sent);
	assert_int_equal(s->count[MESSAGE] + s->count[DOWN], 0);
	assert_int_equal(dtls_stats(s->e).unproven, 4);
	assert_int_equal(dtls_conn_facts(s->conn).records_in, 0);
	assert_int_equal(dtls_conn_numbers(s->conn).edge, 0);
	uint8_t junk[64] = { 0 };
	const struct dtls_number number = { .type = DTLS_DATA, .epoch = 1, .seq = 9 };
	dtls_record_header(junk, DTLS_VERSION_1_2, &number, sizeof(junk) - DTLS_RECORD_HEADER);
	pair_input(n->p, SERVER, 0, junk, sizeof(junk));
	assert_log(n, SERVER, "");
	assert_int_equal(dtls_stats(s->e).forged, 1);
	night_free(n);
}

static void ask(struct night *n, struct side *s, struct dtls_conn *c)
{
	static const char token[] = "echo me";
	if (s->last_len == strlen(token) && memcmp(s->last, token, s->last_len) == 0) {
		dtls_prove(s->e, c, n->side[s->id].unproven_number);
		n->unproven = false;
		return;
	}
	assert_int_equal(dtls_send(s->e, c, (const uint8_t *)token, strlen(token)), DTLS_OK);
}

static void test_S12_the_window_begins_above_what_is_proven_fresh(void **state)
{
	(void)state;
	struct night *const n = window_lost(16);
	struct side *const s = &n->p->side[SERVER];
	struct side *const c = &n->p->side[CLIENT];
	n->on_unproven = ask;
	uint8_t old[3][64];
	for (int i = 0; i < 3; i++) { /* withheld */
		memset(old[i], 0, sizeof(old[i]));
		assert_true(dtls_assoc_seal(&c->conn->assoc, &c->e->sealer, DTLS_DATA, old[i], 4));
	}
	s->count[MESSAGE] = 0;
	c->echo = true;
	pair_input(n->p, SERVER, 0, old[1], DTLS_RECORD_OVERHEAD + 4);
	pair_deliver(n->p);
	assert_log(n, SERVER, "AWPRP");
	const struct dtls_numbers now = dtls_conn_numbers(s->conn);
	assert_int_equal(now.edge, 6); /* Finished, one of the talk, three, the echo */
	assert_true(now.seen == UINT64_MAX);
	for (int i = 0; i < 3; i++)
		pair_input(n->p, SERVER, 0, old[i], DTLS_RECORD_OVERHEAD + 4);
	assert_log(n, SERVER, "");
	assert_int_equal(dtls_stats(s->e).replayed, 3);
	assert_int_equal(s->count[MESSAGE], 0);
	c->echo = false;
	assert_talk(n->p);
	dtls_prove(s->e, s->conn, 1000); /* nothing more to prove */
	assert_talk(n->p);
	assert_no_number_twice(n->p);
	night_free(n);
}

static void test_S12_a_proof_never_takes_the_window_back(void **state)
{
	(void)state;
	struct night *const n = window_lost(17);
	bed(n, SERVER)->edge = 40;
	bed(n, SERVER)->seen = 1;
	struct dtls_conn *const c = night_wake(n, SERVER, 0);
	dtls_prove(n->p->side[SERVER].e, c, 7);
	assert_int_equal(dtls_conn_numbers(c).edge, 40);
	assert_true(dtls_conn_numbers(c).seen == UINT64_MAX);
	night_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S1_no_number_at_or_beyond_write_end_is_used),
		cmocka_unit_test(test_runs_short_is_called_once_when_fewer_than_128_are_left),
		cmocka_unit_test(test_a_lease_that_comes_at_once_lets_the_message_go),
		cmocka_unit_test(test_S1_nothing_else_is_said_without_a_number),
		cmocka_unit_test(test_bounds_are_never_lowered),
		cmocka_unit_test(test_S23_R132_numbers_that_leases_skip_count),
		cmocka_unit_test(test_S9_S11_the_first_bounds_hold_from_the_first_record_on),
		cmocka_unit_test(test_S11_nothing_at_or_above_read_end_is_let_in),
		cmocka_unit_test(test_S11_a_record_beyond_wakes_a_sleeper_and_goes_no_further),
		cmocka_unit_test(test_runs_short_below_read_end_at_half_of_what_was_let_in),
		cmocka_unit_test(test_S14_seen_comes_before_whatever_a_record_does),
		cmocka_unit_test(test_an_owner_without_the_new_callbacks_misses_nothing),
		cmocka_unit_test(test_S12_nothing_of_an_unknown_window_goes_on),
		cmocka_unit_test(test_S12_the_window_begins_above_what_is_proven_fresh),
		cmocka_unit_test(test_S12_a_proof_never_takes_the_window_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
