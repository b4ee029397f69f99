/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes with certificates on paths and to peers that take little at once. */
#include "trust.h"

enum { FRAGMENT_HEADERS = DTLS_RECORD_HEADER + DTLS_HS_HEADER };

/* What was longest on the wire, by side, of everything in the clear and of everything. */
struct longest {
	size_t fragment[2]; /* of a handshake message */
	size_t plain[2];    /* record of epoch 0 */
	size_t datagram[2];
	size_t cut[2]; /* fragments that were not whole messages */
};

static struct longest longest; /* a fate has no other argument */

static void measure(unsigned from, const uint8_t *d, size_t len)
{
	static uint8_t copy[DGRAM_MAX];
	uint8_t *at = copy;
	struct dtls_record r;
	memcpy(copy, d, len);
	longest.datagram[from] = len > longest.datagram[from] ? len : longest.datagram[from];
	while (dtls_record_next(&at, &len, &r)) {
		if (r.epoch != 0)
			continue;
		longest.plain[from] = r.len > longest.plain[from] ? r.len : longest.plain[from];
		struct rd body = rd_from(r.body, r.len);
		struct dtls_fragment f;
		while (r.type == DTLS_HANDSHAKE && dtls_fragment_next(&body, &f)) {
			longest.cut[from] += f.len < f.total;
			if (f.len > longest.fragment[from])
				longest.fragment[from] = f.len;
		}
	}
}

static struct fate fate_measured(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)p;
	(void)line;
	measure(from, d, len);
	return (struct fate){ .copies = 1 };
}

/* Nothing longer than p->victim octets gets through. */
static struct fate fate_narrow(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	measure(from, d, len);
	return (struct fate){ .copies = len <= p->victim };
}

static struct trust *begin(enum kind kind, uint16_t suite)
{
	struct trust *const t = trust_new(1, kind, suite);
	longest = (struct longest){ .fragment = { 0, 0 } };
	t->p->fate = fate_measured;
	return t;
}

/* A client that cuts its messages into 64 octets gets them so, and nobody else does. */
static void test_R096_R097_fragments_of_64_octets_both_ways(void **state)
{
	(void)state;
	for (int small = 0; small < 2; small++) {
		struct trust *const t = begin(KIND_X509, 0xc0ae);
		if (small)
			trust_profile(t, CLIENT)->set.mtu = FRAGMENT_HEADERS + 64;
		trust_meet(t);
		assert_talk(t->p);
		for (unsigned i = 0; i < 2; i++) {
			if (small)
				assert_int_equal(longest.fragment[i], 64);
			else
				assert_true(longest.fragment[i] > 600);
			assert_int_equal(longest.cut[i] > 20, small);
		}
		assert_no_number_twice(t->p);
		trust_free(t);
	}
}

/* A peer may take long datagrams, and cut its messages all the same. */
static void test_R097_short_fragments_may_share_a_datagram(void **state)
{
	(void)state;
	struct trust *const t = begin(KIND_X509, 0xc0ae);
	trust_connect(t, 0);
	struct dtls_node *const n = dtls_table_any(&t->p->side[CLIENT].e->handshakes);
	assert_non_null(n);
	CONTAINER_OF(n, struct dtls_handshake, node)->fragment_seen = 200;
	pair_deliver(t->p);
	assert_int_equal(t->p->side[SERVER].count[UP], 1);
	assert_true(longest.cut[CLIENT] >= 5);
	assert_int_equal(longest.fragment[CLIENT], 200);
	assert_true(longest.datagram[CLIENT] > 1000);
	trust_free(t);
}

/* no text of a record is longer, that of certificates neither; and none is let in. */
static void test_R161_R162_max_fragment_length_holds_for_every_record(void **state)
{
	(void)state;
	static const uint16_t kinds[] = { 0xc0ae, 0xc023 };
	static const uint8_t long_message[2049];
	for (uint8_t code = 1; code <= 4; code++) {
		const size_t most = (size_t)256 << code;
		struct trust *const t = begin(KIND_X509, kinds[code % 2]);
		t->set[CLIENT].fragment_code = code;
		trust_meet(t);
		assert_talk(t->p);
		for (unsigned i = 0; i < 2; i++) {
			struct side *const s = &t->p->side[i];
			assert_true(longest.plain[i] <= most);
			assert_true(longest.plain[i] > 400);
			assert_int_equal(dtls_conn_facts(s->conn).fragment_max, most);
			if (most >= sizeof(long_message))
				continue;
			assert_int_equal(dtls_send(s->e, s->conn, long_message, most), DTLS_OK);
			assert_int_equal(
				dtls_send(s->e, s->conn, long_message, most + 1), DTLS_TOO_LONG);
			pair_deliver(t->p);
			assert_int_equal(t->p->side[1 - i].last_len, most);
		}
		trust_free(t);
	}
}

static void test_R129_a_record_beyond_what_was_agreed_is_dropped(void **state)
{
	(void)state;
	static uint8_t record[1024];
	struct trust *const t = begin(KIND_PSK, 0xc0a8);
	t->set[CLIENT].fragment_code = 1;
	trust_meet(t);
	struct side *const c = &t->p->side[CLIENT];
	for (size_t over = 0; over < 2; over++) {
		const size_t len = dtls_assoc_seal(
			&c->conn->assoc, &c->e->sealer, DTLS_DATA, record, 512 + over);
		pair_input(t->p, SERVER, 0, record, len);
		assert_int_equal(t->p->side[SERVER].count[MESSAGE], 1);
	}
	assert_talk(t->p);
	trust_free(t);
}

/* what was agreed is the session's. */
static void test_R163_max_fragment_length_is_resumed(void **state)
{
	(void)state;
	struct trust *const t = begin(KIND_X509, 0xc0ae);
	t->set[CLIENT].fragment_code = 1;
	t->offer = true;
	t->link.len = 0; /* none yet */
	for (unsigned i = 0; i < 3; i++) {
		trust_meet(t);
		assert_int_equal(dtls_conn_resumed(t->p->side[CLIENT].conn), i > 0);
		for (unsigned j = 0; j < 2; j++) {
			const struct dtls_conn *const c = t->p->side[j].conn;
			assert_int_equal(dtls_conn_facts(c).fragment_max, 512);
		}
		dtls_close(t->p->side[CLIENT].e, t->p->side[CLIENT].conn);
		pair_deliver(t->p);
	}
	/* Another length is another session. */
	dtls_profile_unref(t->profile[CLIENT]);
	t->profile[CLIENT] = NULL;
	t->set[CLIENT].fragment_code = 2;
	trust_meet(t);
	assert_false(dtls_conn_resumed(t->p->side[CLIENT].conn));
	assert_int_equal(dtls_conn_facts(t->p->side[SERVER].conn).fragment_max, 1024);
	trust_free(t);
}

/* the path takes no more than this; both sides find out. */
static void test_R110_a_narrow_path_is_passed_after_losses(void **state)
{
	(void)state;
	static const size_t widths[] = { 600, 548, 300, 256 };
	for (size_t i = 0; i < COUNT_OF(widths); i++) {
		struct trust *const t = begin(KIND_X509, 0xc0ae);
		struct pair *const p = t->p;
		p->fate = fate_narrow;
		p->victim = widths[i];
		trust_connect(t, 0);
		pair_run(p, p->now_ms + 179000);
		assert_int_equal(p->side[SERVER].count[UP], 1);
		assert_int_equal(p->side[CLIENT].count[UP], 1);
		assert_true(longest.datagram[SERVER] > widths[i]);
		assert_talk(p);
		assert_no_number_twice(p);
		trust_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R096_R097_fragments_of_64_octets_both_ways),
		cmocka_unit_test(test_R097_short_fragments_may_share_a_datagram),
		cmocka_unit_test(test_R161_R162_max_fragment_length_holds_for_every_record),
		cmocka_unit_test(test_R129_a_record_beyond_what_was_agreed_is_dropped),
		cmocka_unit_test(test_R163_max_fragment_length_is_resumed),
		cmocka_unit_test(test_R110_a_narrow_path_is_passed_after_losses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
