/* SPDX-License-Identifier: Apache-2.0 */
/* Records that are dropped, with and without a connection id. */
#include "roam.h"

#include "caught.h"

static void test_R144_classic_records_are_dropped_where_an_id_was_given(void **state)
{
	(void)state;
	struct roam *const r = roam_up(8);
	struct side *const client = &r->p->side[CLIENT];
	const uint64_t stray = roam_stats(r, SERVER).stray + roam_stats(r, SERVER).junk;
	const size_t messages = r->p->side[SERVER].count[MESSAGE];
	const uint8_t len = client->conn->assoc.cid_out_len;
	client->conn->assoc.cid_out_len = 0; /* same keys */
	pair_say(r->p, CLIENT, "classic");
	pair_deliver(r->p);
	assert_int_equal(r->p->side[SERVER].count[MESSAGE], messages);
	assert_int_equal(roam_stats(r, SERVER).stray + roam_stats(r, SERVER).junk, stray + 1);
	client->conn->assoc.cid_out_len = len;
	roam_say(r, "and with it again");
	assert_int_equal(roam_stats(r, SERVER).forged, 0);
	roam_free(r);
}

/* unknown, cut, of epoch 0: not a byte goes out. */
static void test_R145_what_no_one_has_is_dropped_in_silence(void **state)
{
	(void)state;
	struct roam *const r = roam_up(9);
	struct pair *const p = r->p;
	roam_say(r, "how warm is it");
	const size_t sent = p->side[SERVER].sent;
	const struct heard *const h = &r->heard[(r->heard_count - 1) % HEARD_MAX];
	for (size_t at = 11; at < 11 + DTLS_CID_OURS_MIN; at++) {
		uint8_t d[sizeof(h->d)];
		memcpy(d, h->d, h->len);
		d[at] ^= 1;
		pair_input(p, SERVER, 0, d, h->len);
	}
	for (size_t cut = 0; cut < h->len; cut++)
		pair_input(p, SERVER, 0, h->d, cut);
	uint8_t plain[sizeof(h->d)];
	memcpy(plain, h->d, h->len);
	plain[4] = 0; /* epoch */
	pair_input(p, SERVER, 0, plain, h->len);
	assert_int_equal(p->side[SERVER].sent, sent);
	assert_int_equal(roam_stats(r, SERVER).unknown_cid, DTLS_CID_OURS_MIN - 1);
	assert_int_equal(roam_stats(r, SERVER).forged, 0);
	roam_say(r, "still here");
	roam_free(r);
}

/* What is inside of a record is data, an alert, a handshake or, where agreed, a check. */
static void test_R134_nothing_else_stands_inside(void **state)
{
	(void)state;
	struct roam *const r = roam_up(10);
	struct side *const client = &r->p->side[CLIENT];
	const size_t messages = r->p->side[SERVER].count[MESSAGE];
	for (unsigned type = 1; type < 256; type++) {
		const struct dtls_text text = {
			.type = (uint8_t)type, .bytes = (const uint8_t *)"abc", .len = 3
		};
		const uint64_t junk = roam_stats(r, SERVER).junk;
		if (type == DTLS_DATA)
			continue;
		assert_true(dtls_conn_write(
			client->e, client->conn, dtls_conn_path(client->conn), &text));
		pair_deliver(r->p);
		if (type != DTLS_ALERT && type != DTLS_HANDSHAKE)
			assert_int_equal(roam_stats(r, SERVER).junk, junk + 1);
	}
	assert_int_equal(r->p->side[SERVER].count[MESSAGE], messages);
	roam_say(r, "unharmed");
	roam_free(r);
}

/* The client's last flight in two: what comes before its Finished, and that. */
struct halves {
	uint8_t *before, finished[300];
	size_t before_len, finished_len;
};

static struct roam *stopped_before_the_finished(uint64_t seed, struct halves *out)
{
	struct roam *const r = roam_new(seed);
	struct pair *const p = r->p;
	p->fate = fate_catch;
	p->victim = FLIGHT_5;
	trust_connect(r->t, 0);
	pair_deliver(p);
	p->fate = fate_roam;
	struct dtls_record records[4];
	const size_t n = records_of(p->caught, p->caught_len, records, 4);
	assert_true(n > 0 && records[n - 1].type == DTLS_CID);
	out->finished_len = dtls_record_whole(&records[n - 1]);
	assert_true(out->finished_len <= sizeof(out->finished));
	memcpy(out->finished, dtls_record_start(&records[n - 1]), out->finished_len);
	out->before = p->caught;
	out->before_len = p->caught_len - out->finished_len;
	return r;
}

/* A handshake's cookie is one address's: its Finished from another one does nothing. */
static void test_R145_a_finished_from_elsewhere_is_dropped(void **state)
{
	(void)state;
	struct halves h;
	struct roam *const r = stopped_before_the_finished(12, &h);
	struct pair *const p = r->p;
	pair_input(p, SERVER, 0, h.before, h.before_len);
	const uint64_t stray = roam_stats(r, SERVER).stray;
	pair_input(p, SERVER, 1, h.finished, h.finished_len);
	assert_int_equal(roam_stats(r, SERVER).stray, stray + 1);
	assert_int_equal(p->side[SERVER].count[UP], 0);
	pair_input(p, SERVER, 0, h.finished, h.finished_len);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	pair_deliver(p);
	assert_talk(p);
	roam_free(r);
}

/* The Finished is early, and another's record earlier: it is held all the same. */
static void test_R144_what_is_no_finished_is_not_held_for_one(void **state)
{
	(void)state;
	struct halves h;
	struct roam *const r = stopped_before_the_finished(14, &h);
	struct pair *const p = r->p;
	uint8_t junk[DTLS_RECORD_HEADER + 64];
	const struct dtls_number number = { .type = DTLS_HANDSHAKE, .epoch = 1 };
	memset(junk, 7, sizeof(junk));
	dtls_record_header(junk, DTLS_VERSION_1_2, &number, 64);
	pair_input(p, SERVER, 0, junk, sizeof(junk));
	assert_int_equal(roam_stats(r, SERVER).stray, 1);
	pair_input(p, SERVER, 0, h.finished, h.finished_len);
	assert_int_equal(roam_stats(r, SERVER).early, 0);
	pair_input(p, SERVER, 0, h.finished, h.finished_len); /* once is enough */
	assert_int_equal(roam_stats(r, SERVER).early, 1);
	pair_input(p, SERVER, 0, h.before, h.before_len);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	pair_deliver(p);
	assert_talk(p);
	roam_free(r);
}

/* What a CID hides during a handshake: data, or what has no place there. */
static void test_R105_R134_what_comes_before_the_finished_is_dropped(void **state)
{
	(void)state;
	struct halves h;
	struct roam *const r = stopped_before_the_finished(16, &h);
	struct pair *const p = r->p;
	struct dtls_assoc *const as = &under_way(p, CLIENT)->assoc;
	pair_input(p, SERVER, 0, h.before, h.before_len);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t d[100];
		memset(d + dtls_assoc_before(as), 'x', 9);
		const size_t whole = dtls_assoc_seal(
			as, &p->side[CLIENT].e->sealer, i ? DTLS_ROUTABILITY : DTLS_DATA, d, 9);
		const uint64_t junk = roam_stats(r, SERVER).junk;
		pair_input(p, SERVER, 0, d, whole);
		assert_int_equal(roam_stats(r, SERVER).early, 1);
		assert_int_equal(roam_stats(r, SERVER).junk, junk + i);
	}
	assert_int_equal(p->side[SERVER].count[MESSAGE], 0);
	pair_input(p, SERVER, 0, h.finished, h.finished_len);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	roam_free(r);
}

/* one answer for one datagram. */
static void test_R157_R320_two_questions_get_one_answer(void **state)
{
	(void)state;
	struct roam *const r = roam_up(17);
	struct side *const c = &r->p->side[CLIENT];
	struct dtls_assoc *const as = &c->conn->assoc;
	uint8_t d[300];
	size_t len = 0;
	for (unsigned i = 0; i < 2; i++) {
		memset(d + len + dtls_assoc_before(as), 0, 9);
		len += dtls_assoc_seal(as, &c->e->sealer, DTLS_ROUTABILITY, d + len, 9);
	}
	const size_t sent = r->p->side[SERVER].sent;
	pair_input(r->p, SERVER, 0, d, len);
	assert_int_equal(r->p->side[SERVER].sent, sent + 1);
	assert_int_equal(roam_stats(r, SERVER).unanswered, 1);
	roam_free(r);
}

/* Where only we write with an id, the longest message still comes (RFC 5246 6.2.1). */
static void test_R150_the_longest_message_comes_in_a_classic_record(void **state)
{
	(void)state;
	struct roam *const r = roam_new(15);
	struct pair *const p = r->p;
	static uint8_t text[DTLS_PLAIN_MAX];
	r->t->set[SERVER].cid = DTLS_CID_SEND;
	trust_meet(r->t);
	struct side *const c = &p->side[CLIENT], *const s = &p->side[SERVER];
	assert_int_equal(c->conn->assoc.cid_out_len, 0);
	assert_true(s->conn->assoc.cid_out_len > 0);
	assert_int_equal(dtls_send(c->e, c->conn, text, sizeof(text)), DTLS_OK);
	pair_deliver(p);
	assert_int_equal(s->last_len, sizeof(text));
	assert_int_equal(dtls_send(s->e, s->conn, text, sizeof(text)), DTLS_TOO_LONG);
	assert_int_equal(dtls_send(s->e, s->conn, text, sizeof(text) - 1), DTLS_OK);
	pair_deliver(p);
	assert_int_equal(c->last_len, sizeof(text) - 1);
	roam_free(r);
}

/* A device's record does not come to a socket of our links. */
static void test_R145_nor_to_a_socket_of_the_other_role(void **state)
{
	(void)state;
	struct roam *const r = roam_up(13);
	roam_say(r, "x");
	r->loss = 100;
	pair_say(r->p, CLIENT, "y");
	struct heard h = r->heard[(r->heard_count - 1) % HEARD_MAX];
	const struct net_path path = line_path(SERVER, 0);
	const struct dtls_datagram d = { .path = &path, .data = h.d, .len = h.len };
	dtls_input(r->p->side[SERVER].e, DTLS_CLIENT, &d, 1, r->p->now_ms);
	assert_heard(&r->p->side[SERVER], "x");
	assert_int_equal(roam_stats(r, SERVER).stray, 1);
	roam_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R144_classic_records_are_dropped_where_an_id_was_given),
		cmocka_unit_test(test_R145_what_no_one_has_is_dropped_in_silence),
		cmocka_unit_test(test_R134_nothing_else_stands_inside),
		cmocka_unit_test(test_R145_a_finished_from_elsewhere_is_dropped),
		cmocka_unit_test(test_R105_R134_what_comes_before_the_finished_is_dropped),
		cmocka_unit_test(test_R157_R320_two_questions_get_one_answer),
		cmocka_unit_test(test_R144_what_is_no_finished_is_not_held_for_one),
		cmocka_unit_test(test_R150_the_longest_message_comes_in_a_classic_record),
		cmocka_unit_test(test_R145_nor_to_a_socket_of_the_other_role),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
