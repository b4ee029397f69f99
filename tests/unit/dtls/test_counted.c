/* SPDX-License-Identifier: Apache-2.0 */
/* Records that come to nothing, in ways that are rare: each is counted (see dtls/stats). */
#include "caught.h"

static void test_R123_a_record_with_nothing_in_it_is_junk(void **state)
{
	(void)state;
	struct pair *const p = pair_up(4, NULL);
	const struct dtls_stats before = dtls_stats(p->side[SERVER].e);
	uint8_t d[DTLS_RECORD_HEADER];
	const struct dtls_number n = { .type = DTLS_HANDSHAKE };
	dtls_record_header(d, DTLS_VERSION_1_2, &n, 0);
	pair_input(p, SERVER, 0, d, sizeof(d));
	const struct dtls_stats after = dtls_stats(p->side[SERVER].e);
	assert_int_equal(after.junk, before.junk + 1);
	assert_int_equal(after.taken, before.taken);
	pair_free(p);
}

/* Neither the old association's nor, being too long, the Finished of the handshake that would
   replace it. */
static void test_R123_R108_a_long_record_during_a_handshake_is_forged(void **state)
{
	(void)state;
	struct pair *const p = pair_up(5, NULL);
	struct side *const c = &p->side[CLIENT];
	uint8_t d[DTLS_RECORD_HEADER + 900] = { 0 };
	const struct dtls_number n = { .type = DTLS_HANDSHAKE, .epoch = 1, .seq = 99 };
	dtls_sleep(c->e, c->conn);
	pair_connect(p, 0);
	for (int i = 0; i < 3; i++) {
		struct dgram *const g = p->wire;
		p->wire = g->next;
		pair_input(p, g->to, g->line, g->data, g->len);
		free(g);
	}
	const struct dtls_stats before = dtls_stats(p->side[SERVER].e);
	assert_int_equal(before.handshakes, 1);
	assert_int_equal(before.conns, 1);
	dtls_record_header(d, DTLS_VERSION_1_2, &n, 900);
	pair_input(p, SERVER, 0, d, sizeof(d));
	const struct dtls_stats after = dtls_stats(p->side[SERVER].e);
	assert_int_equal(after.forged, before.forged + 1);
	assert_int_equal(after.taken, before.taken);
	pair_free(p);
}

/* A question of RFC 9853 in a classic record is no Finished, and takes no try of it. */
static void test_R123_R157_a_check_during_a_handshake_is_none_of_it(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(FLIGHT_5, &c);
	uint8_t d[DTLS_RECORD_HEADER + 40] = { 0 };
	const struct dtls_number n = { .type = DTLS_ROUTABILITY, .epoch = 1, .seq = 99 };
	struct dtls_record r[4];
	const size_t finished = dtls_record_whole(&r[records_of(c.d, c.len, r, 4) - 1]);
	pair_input(p, SERVER, 0, c.d, c.len - finished);
	for (int k = 0; k < 9; k++) {
		dtls_record_header(d, DTLS_VERSION_1_2, &n, 40);
		pair_input(p, SERVER, 0, d, sizeof(d));
	}
	pair_input(p, SERVER, 0, c.d + c.len - finished, finished);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	assert_int_equal(p->side[SERVER].count[FAILED], 0);
	const struct dtls_stats s = dtls_stats(p->side[SERVER].e);
	assert_int_equal(s.heard, s.taken + dtls_dropped(&s));
	assert_talk(p);
	pair_free(p);
}

/* --- authentic, and yet nothing --------------------------------------------------------------- */

/* What the client has sealed, as datagrams of one record, or all in one. */
struct sealed {
	uint8_t type;
	size_t len;
	uint8_t text[64];
};

static struct dtls_stats hear(struct pair *p, const struct sealed *s, size_t n)
{
	struct side *const c = &p->side[CLIENT];
	struct dtls_assoc *const as = &c->conn->assoc;
	uint8_t d[512];
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(d + len + dtls_assoc_before(as), s[i].text, s[i].len);
		len += dtls_assoc_seal(as, &c->e->sealer, s[i].type, d + len, s[i].len);
	}
	const struct dtls_stats before = dtls_stats(p->side[SERVER].e);
	pair_input(p, SERVER, 0, d, len);
	struct dtls_stats after = dtls_stats(p->side[SERVER].e);
	assert_int_equal(after.heard - before.heard, n);
	assert_int_equal(
		after.taken - before.taken + dtls_dropped(&after) - dtls_dropped(&before), n);
	after.junk -= before.junk;
	after.late -= before.late;
	after.unanswered -= before.unanswered;
	after.taken -= before.taken;
	return after;
}

static void test_R134_R135_authentic_records_that_say_nothing(void **state)
{
	(void)state;
	struct pair *const p = pair_up(7, NULL);
	static const struct sealed empty = { .type = DTLS_DATA };
	static const struct sealed warning = { DTLS_ALERT, 2, { DTLS_WARNING, 90 } };
	static const struct sealed alert = { DTLS_ALERT, 3, { DTLS_FATAL, 80, 0 } };
	static const struct sealed broken = { DTLS_HANDSHAKE, 5, { DTLS_HS_FINISHED } };
	static const struct sealed finished = { DTLS_HANDSHAKE, 24,
		{ DTLS_HS_FINISHED, 0, 0, 12, 0, 3, 0, 0, 0, 0, 0, 12 } };
	static const struct sealed hello[2] = {
		{ DTLS_HANDSHAKE, 12, { DTLS_HS_CLIENT_HELLO } },
		{ DTLS_HANDSHAKE, 12, { DTLS_HS_CLIENT_HELLO } },
	};
	assert_int_equal(hear(p, &warning, 1).taken, 1);
	assert_int_equal(hear(p, &alert, 1).junk, 1);
	assert_int_equal(hear(p, &broken, 1).junk, 1);
	assert_int_equal(hear(p, &finished, 1).taken, 1); /* the final flight again */
	assert_int_equal(hear(p, &empty, 1).taken, 1);    /* nobody needs that any more */
	assert_int_equal(hear(p, &finished, 1).late, 1);
	assert_int_equal(hear(p, hello, 1).taken, 1);
	assert_int_equal(hear(p, hello, 2).unanswered, 1); /* one answer */
	p->side[SERVER].conn->fragment_code = 1;           /* 512 octets */
	p->side[CLIENT].conn->fragment_code = 0;
	static uint8_t much[513];
	struct side *const c = &p->side[CLIENT];
	const uint64_t junk = dtls_stats(p->side[SERVER].e).junk;
	assert_int_equal(dtls_send(c->e, c->conn, much, sizeof(much)), DTLS_OK);
	pair_deliver(p);
	assert_int_equal(dtls_stats(p->side[SERVER].e).junk, junk + 1);
	assert_int_equal(p->side[SERVER].count[MESSAGE], 0);
	pair_free(p);
}

/* Hellos: no room for a demand, or the datagram has had its answer. */
static void test_R320_hellos_without_an_answer(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(HELLO_1, &c);
	static uint8_t twice[2 * sizeof(c.d)]; /* a sanitizer takes its share of the stack */
	memcpy(twice, c.d, c.len);
	memcpy(twice + c.len, c.d, c.len);
	pair_input(p, SERVER, 0, twice, 2 * c.len);
	assert_int_equal(dtls_stats(p->side[SERVER].e).unanswered, 1);
	p->side[SERVER].no_room = true;
	pair_input(p, SERVER, 0, c.d, c.len);
	assert_int_equal(dtls_stats(p->side[SERVER].e).unanswered, 2);
	assert_int_equal(dtls_stats(p->side[SERVER].e).verify_sent, 1);
	pair_free(p);
	struct pair *const q = stopped_at(HELLO_2, &c);
	memcpy(twice, c.d, c.len);
	memcpy(twice + c.len, c.d, c.len);
	pair_input(q, SERVER, 0, twice, 2 * c.len);
	assert_int_equal(dtls_stats(q->side[SERVER].e).handshakes, 1);
	assert_int_equal(dtls_stats(q->side[SERVER].e).unanswered, 1);
	pair_free(q);
}

/* What a forger says in a server's name, too far ahead, or what cannot follow. */
static void test_R123_a_message_that_has_no_place_is_junk(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(HELLO_2, &c);
	const struct dtls_engine *const e = p->side[CLIENT].e;
	const uint16_t next = under_way(p, CLIENT)->next_in;
	uint8_t d[DTLS_RECORD_HEADER + DTLS_HS_HEADER + 8] = { 0 };
	const struct dtls_number n = { .type = DTLS_HANDSHAKE, .seq = 40 };
	dtls_record_header(d, DTLS_VERSION_1_2, &n, sizeof(d) - DTLS_RECORD_HEADER);
	d[DTLS_RECORD_HEADER] = DTLS_HS_SERVER_HELLO;
	d[DTLS_RECORD_HEADER + 3] = 8;
	d[DTLS_RECORD_HEADER + 11] = 8;
	const uint64_t junk = dtls_stats(e).junk;
	d[DTLS_RECORD_HEADER + 5] = (uint8_t)(next + DTLS_GATHER_AHEAD);
	pair_input(p, CLIENT, 0, d, sizeof(d));
	assert_int_equal(dtls_stats(e).junk, junk + 1);
	d[DTLS_RECORD_HEADER + 5] = (uint8_t)(next + 1);
	pair_input(p, CLIENT, 0, d, sizeof(d));
	assert_int_equal(dtls_stats(e).junk, junk + 1);
	pair_input(p, SERVER, 0, c.d, c.len);
	pair_deliver(p);
	assert_int_equal(dtls_stats(e).junk, junk + 2);
	assert_talk(p);
	pair_free(p);
}

/* Our numbers begin with the hello's: one that leaves us none is not taken. */
static void test_R093_R120_a_hello_with_a_number_near_the_end(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(HELLO_2, &c);
	uint8_t d[sizeof(c.d)];
	memcpy(d, c.d, c.len);
	memset(d + 5, 0xff, 6);
	pair_input(p, SERVER, 0, d, c.len);
	assert_int_equal(dtls_stats(p->side[SERVER].e).junk, 1);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 0);
	pair_input(p, SERVER, 0, c.d, c.len);
	pair_deliver(p);
	assert_talk(p);
	pair_free(p);
}

/* The first part of a hello, of which the rest never comes; then the hello in one piece. */
static void test_R096_R102_a_hello_that_was_begun_in_parts(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(HELLO_2, &c);
	struct dtls_record r;
	uint8_t d[sizeof(c.d)];
	memcpy(d, c.d, c.len);
	uint8_t *at = d;
	size_t left = c.len;
	assert_true(dtls_record_next(&at, &left, &r));
	r.body[2] = 9; /* another total: 9 * 256 octets and more */
	pair_input(p, SERVER, 0, d, c.len);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 1);
	assert_null(p->wire); /* it waits */
	pair_input(p, SERVER, 0, d, c.len);
	assert_int_equal(dtls_stats(p->side[SERVER].e).late, 1);
	pair_input(p, SERVER, 0, c.d, c.len);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	assert_talk(p);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R123_a_record_with_nothing_in_it_is_junk),
		cmocka_unit_test(test_R123_R108_a_long_record_during_a_handshake_is_forged),
		cmocka_unit_test(test_R123_R157_a_check_during_a_handshake_is_none_of_it),
		cmocka_unit_test(test_R134_R135_authentic_records_that_say_nothing),
		cmocka_unit_test(test_R320_hellos_without_an_answer),
		cmocka_unit_test(test_R093_R120_a_hello_with_a_number_near_the_end),
		cmocka_unit_test(test_R096_R102_a_hello_that_was_begun_in_parts),
		cmocka_unit_test(test_R123_a_message_that_has_no_place_is_junk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
