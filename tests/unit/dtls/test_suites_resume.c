/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of every kind: when they are resumed, and when not; a link's last flight. */
#include "trust.h"

/* The profile of a side is exchanged, as a reload does. */
static void exchange(struct trust *t, unsigned side)
{
	dtls_profile_unref(t->profile[side]);
	t->profile[side] = NULL;
}

static struct trust *met(enum kind kind, uint16_t suite)
{
	struct trust *const t = trust_new(1, kind, suite);
	trust_meet(t);
	assert_int_equal(t->links, 1);
	dtls_close(t->p->side[CLIENT].e, t->p->side[CLIENT].conn);
	pair_deliver(t->p);
	t->offer = true;
	return t;
}

static void check_again(struct trust *t, bool resumed, uint16_t suite)
{
	trust_meet(t);
	for (unsigned i = 0; i < 2; i++) {
		const struct dtls_conn *const c = t->p->side[i].conn;
		assert_int_equal(dtls_conn_resumed(c), resumed);
		assert_int_equal(dtls_conn_facts(c).suite, suite);
	}
	assert_talk(t->p);
	trust_free(t);
}

static void test_R198_a_suite_that_is_taken_away_is_not_resumed(void **state)
{
	(void)state;
	for (unsigned side = 0; side < 2; side++) {
		struct trust *const t = trust_new(1, KIND_PSK, 0);
		for (unsigned i = 0; i < 2; i++) {
			t->set[i].suites[0] = 0xc0a8;
			t->set[i].suites[1] = 0x00a8;
			t->set[i].suites_len = 2;
		}
		trust_meet(t);
		dtls_close(t->p->side[CLIENT].e, t->p->side[CLIENT].conn);
		pair_deliver(t->p);
		t->offer = true;
		t->set[side].suites[0] = 0x00a8;
		t->set[side].suites_len = 1;
		exchange(t, side);
		check_again(t, false, 0x00a8);
	}
}

static void test_R198_another_order_of_suites_changes_no_session(void **state)
{
	(void)state;
	struct trust *const t = met(KIND_PSK, 0x00ae);
	for (unsigned i = 0; i < 2; i++) {
		t->set[i].suites[0] = 0xc0a8;
		t->set[i].suites[1] = 0x00ae;
		t->set[i].suites_len = 2;
		exchange(t, i);
	}
	check_again(t, true, 0x00ae);
}

/* What a session was protected with is part of it. */
static void test_R198_encrypt_then_MAC_is_the_sessions(void **state)
{
	(void)state;
	static const uint64_t off = SSL_OP_NO_ENCRYPT_THEN_MAC;
	static const struct {
		bool first, then; /* the client offers it */
		bool allowed;     /* by the server, without it, the second time */
	} cases[] = {
		{ true, true, false },
		{ false, false, true },
		{ true, false, true },
		{ false, true, true },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct trust *const t = trust_new(1, KIND_X509, 0xc023);
		t->set[SERVER].mac_then_encrypt = !cases[i].first;
		t->set[CLIENT].mac_then_encrypt = true;
		(void)SSL_CTX_set_options(trust_profile(t, CLIENT)->ctx, cases[i].first ? 0 : off);
		trust_meet(t);
		dtls_close(t->p->side[CLIENT].e, t->p->side[CLIENT].conn);
		pair_deliver(t->p);
		t->offer = true;
		t->set[SERVER].mac_then_encrypt = cases[i].allowed;
		exchange(t, SERVER);
		exchange(t, CLIENT);
		(void)SSL_CTX_set_options(trust_profile(t, CLIENT)->ctx, cases[i].then ? 0 : off);
		trust_meet(t);
		for (unsigned j = 0; j < 2; j++) {
			const struct dtls_conn *const c = t->p->side[j].conn;
			assert_int_equal(dtls_conn_resumed(c), cases[i].first == cases[i].then);
			assert_int_equal(dtls_conn_facts(c).encrypt_then_mac, cases[i].then);
		}
		assert_talk(t->p);
		trust_free(t);
	}
}

/* whose credential has changed since proves himself anew. */
static void test_R211_a_changed_credential_is_asked_for_again(void **state)
{
	(void)state;
	for (enum kind k = KIND_PSK; k < KINDS; k++) {
		if (k == KIND_RAW && !dtls_profile_can_raw())
			continue;
		const uint16_t suite = k == KIND_PSK ? 0xc0a8 : 0xc0ae;
		struct trust *const t = met(k, suite);
		t->shelf.generation++;
		t->p->cred_generation++;
		check_again(t, false, suite);
	}
}

/* Our own credential towards a server, too: the session is another's. */
static void test_R211_a_link_offers_no_session_of_another_credential(void **state)
{
	(void)state;
	struct trust *const t = met(KIND_PSK, 0xc0a8);
	t->link.generation++;
	const size_t asks = t->shelf.asks;
	trust_meet(t);
	assert_int_equal(t->shelf.asks, asks);
	assert_false(dtls_conn_resumed(t->p->side[CLIENT].conn));
	trust_free(t);
}

/* A server that has lost it: a full handshake, and a new session to keep. */
static void test_R200_a_session_that_the_server_has_lost(void **state)
{
	(void)state;
	struct trust *const t = met(KIND_X509, 0xc0ae);
	t->shelf.count = 0;
	trust_meet(t);
	assert_false(dtls_conn_resumed(t->p->side[CLIENT].conn));
	assert_int_equal(t->links, 2);
	dtls_close(t->p->side[CLIENT].e, t->p->side[CLIENT].conn);
	pair_deliver(t->p);
	check_again(t, true, 0xc0ae);
}

static void test_R204_what_is_no_session_is_not_offered(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct trust *const t = met(KIND_X509, 0xc023);
		if (how == 0)
			t->link.len = 0;
		if (how == 1)
			t->link.session[0] = 77;
		if (how == 2)
			t->link.len--;
		if (how == 3)
			memset(t->link.session + 2, 0x5a, t->link.len - 2);
		check_again(t, false, 0xc023);
	}
}

/* --- the last flight, which is the client's -------------------------------------------------- */

static struct fate fate_lose_victim(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = p->number - 1 != p->victim };
}

/* It is said again when the server repeats its own, also by one who has slept in between; and not
   any more once the server has said something new. */
static void test_R103_R104_a_links_last_flight_is_kept(void **state)
{
	(void)state;
	for (int sleeps = 0; sleeps < 2; sleeps++) {
		struct trust *const t = met(KIND_X509, sleeps ? 0xc023 : 0xc0ae);
		struct pair *const p = t->p;
		struct side *const c = &p->side[CLIENT];
		p->generation++;
		p->fate = fate_lose_victim;
		p->victim = p->number + 4; /* hello, verify, hello, flight, flight */
		trust_connect(t, 0);
		pair_deliver(p);
		assert_int_equal(c->count[UP], 2);
		assert_int_equal(p->side[SERVER].count[UP], 1);
		assert_non_null(c->conn->linger);
		if (sleeps) {
			struct dtls_sleeper z = {
				.path = *dtls_conn_path(c->conn),
				.role = DTLS_CLIENT,
				.numbers = dtls_conn_numbers(c->conn),
				.up_ms = p->now_ms,
			};
			z.context_len = dtls_context_write(c->conn, z.context);
			dtls_sleep(c->e, c->conn);
			c->conn = dtls_wake(c->e, &z, p->now_ms);
			assert_non_null(c->conn);
		}
		pair_run(p, p->now_ms + 10000);
		assert_int_equal(p->side[SERVER].count[UP], 2);
		assert_non_null(c->conn->linger);
		assert_talk(p);
		assert_null(c->conn->linger);
		assert_no_number_twice(p);
		trust_free(t);
	}
}

/* --- profiles that change -------------------------------------------------------------------- */

/* who has begun goes on as he has begun; the next one sees the new profile. */
static void test_R046_a_handshake_keeps_the_profile_that_it_began_with(void **state)
{
	(void)state;
	struct trust *const t = trust_new(1, KIND_X509, 0xc0ae);
	struct pair *const p = t->p;
	trust_connect(t, 0);
	while (p->wire && dtls_stats(p->side[SERVER].e).handshakes == 0) {
		struct dgram *const g = p->wire;
		p->wire = g->next;
		pair_input(p, g->to, g->line, g->data, g->len);
		free(g);
	}
	for (unsigned i = 0; i < 2; i++) {
		t->set[i].suites[0] = 0xc023;
		exchange(t, i);
	}
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	assert_int_equal(dtls_conn_facts(p->side[SERVER].conn).suite, 0xc0ae);
	trust_connect(t, 1);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[UP], 2);
	assert_int_equal(dtls_conn_facts(p->side[SERVER].conn).suite, 0xc023);
	trust_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R198_a_suite_that_is_taken_away_is_not_resumed),
		cmocka_unit_test(test_R198_another_order_of_suites_changes_no_session),
		cmocka_unit_test(test_R198_encrypt_then_MAC_is_the_sessions),
		cmocka_unit_test(test_R211_a_changed_credential_is_asked_for_again),
		cmocka_unit_test(test_R211_a_link_offers_no_session_of_another_credential),
		cmocka_unit_test(test_R200_a_session_that_the_server_has_lost),
		cmocka_unit_test(test_R204_what_is_no_session_is_not_offered),
		cmocka_unit_test(test_R103_R104_a_links_last_flight_is_kept),
		cmocka_unit_test(test_R046_a_handshake_keeps_the_profile_that_it_began_with),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
