/* SPDX-License-Identifier: Apache-2.0 */
/* Every suite, with each kind of proof that it can have, between the two roles of the engine. */
#include "trust.h"

/* The client offers no RFC 7366, and both allow it to be missing. */
static struct trust *begin(uint64_t seed, enum kind kind, const struct suite *s, bool mte)
{
	struct trust *const t = trust_new(seed, kind, s->number);
	for (unsigned i = 0; i < 2; i++)
		t->set[i].mac_then_encrypt = mte;
	if (mte)
		(void)SSL_CTX_set_options(
			trust_profile(t, CLIENT)->ctx, SSL_OP_NO_ENCRYPT_THEN_MAC);
	return t;
}

static enum dtls_guard guard_of(const struct suite *s, bool mte)
{
	switch (s->guard) {
	case SUITE_CCM_8:
		return DTLS_GUARD_CCM_8;
	case SUITE_CCM:
		return DTLS_GUARD_CCM;
	case SUITE_GCM:
		return DTLS_GUARD_GCM;
	case SUITE_CBC:
		break;
	}
	return mte ? DTLS_GUARD_MTE : DTLS_GUARD_ETM;
}

static void check_facts(const struct trust *t, const struct suite *s, bool mte, bool resumed)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct dtls_conn *const c = t->p->side[i].conn;
		const struct dtls_conn_facts f = dtls_conn_facts(c);
		assert_int_equal(f.suite, s->number);
		assert_int_equal(c->assoc.guard, guard_of(s, mte));
		assert_int_equal(f.encrypt_then_mac, s->guard == SUITE_CBC && !mte);
		assert_int_equal(f.fragment_max, 0);
		assert_int_equal(dtls_conn_resumed(c), resumed);
	}
	assert_int_equal(dtls_conn_cred(t->p->side[SERVER].conn), trust_cred(t->kind));
	assert_int_equal(dtls_conn_generation(t->p->side[SERVER].conn), 41);
	assert_int_equal(dtls_conn_cred(t->p->side[CLIENT].conn), 3);
}

static void close_it(struct trust *t)
{
	struct side *const c = &t->p->side[CLIENT];
	const size_t downs = t->p->side[SERVER].count[DOWN];
	dtls_close(c->e, c->conn);
	pair_deliver(t->p);
	assert_int_equal(t->p->side[SERVER].count[DOWN], downs + 1);
	assert_int_equal(dtls_stats(t->p->side[SERVER].e).conns, 0);
	assert_int_equal(dtls_stats(c->e).conns, 0);
}

static void meet_and_resume(enum kind kind, const struct suite *s, bool mte)
{
	struct trust *const t = begin(1, kind, s, mte);
	trust_meet(t);
	check_facts(t, s, mte, false);
	assert_talk(t->p);
	close_it(t);
	assert_int_equal(t->shelf.keeps, 1);
	assert_int_equal(t->links, 1);
	assert_int_equal(t->link.id_len, 32);
	const size_t asked = t->p->asked;
	t->offer = true;
	for (unsigned i = 0; i < 2; i++) {
		trust_meet(t);
		check_facts(t, s, mte, true);
		assert_int_equal(t->p->asked, asked); /* nobody is looked up again */
		assert_talk(t->p);
		close_it(t);
	}
	assert_int_equal(t->shelf.keeps, 1);
	assert_int_equal(t->links, 1);
	assert_no_number_twice(t->p);
	trust_free(t);
}

static void test_R032_R033_R034_R035_R196_each_suite_is_met_and_resumed(void **state)
{
	(void)state;
	trust_each(meet_and_resume);
}

/* Both sides go to sleep in turn, and come back from what they have written. */
static void sleep_and_wake(enum kind kind, const struct suite *s, bool mte)
{
	struct trust *const t = begin(2, kind, s, mte);
	trust_meet(t);
	for (unsigned i = 0; i < 4; i++) {
		struct side *const side = &t->p->side[i % 2];
		struct dtls_sleeper z = {
			.path = *dtls_conn_path(side->conn),
			.role = dtls_conn_role(side->conn),
			.cred = dtls_conn_cred(side->conn),
			.generation = dtls_conn_generation(side->conn),
			.numbers = dtls_conn_numbers(side->conn),
			.up_ms = dtls_conn_facts(side->conn).up_ms,
		};
		uint8_t again[DTLS_CONTEXT_MAX];
		z.context_len = dtls_context_write(side->conn, z.context);
		assert_int_equal(z.context[0], s->number == 0xc0a8 ? 1 : 2);
		dtls_sleep(side->e, side->conn);
		side->conn = dtls_wake(side->e, &z, t->p->now_ms);
		assert_non_null(side->conn);
		assert_int_equal(dtls_context_write(side->conn, again), z.context_len);
		assert_memory_equal(again, z.context, z.context_len);
		if (i >= 2)
			assert_talk(t->p);
	}
	const struct dtls_conn_facts f = dtls_conn_facts(t->p->side[SERVER].conn);
	assert_int_equal(f.suite, s->number);
	assert_int_equal(f.encrypt_then_mac, s->guard == SUITE_CBC && !mte);
	close_it(t);
	assert_no_number_twice(t->p);
	trust_free(t);
}

static void test_R185_each_suite_sleeps_and_wakes(void **state)
{
	(void)state;
	trust_each(sleep_and_wake);
}

/* S6: the peer's window and its library take the farewell of a suite. */
static void leave(enum kind kind, const struct suite *s, bool mte)
{
	struct trust *const t = begin(3, kind, s, mte);
	trust_meet(t);
	struct side *const c = &t->p->side[CLIENT];
	dtls_farewell(c->e, c->conn);
	pair_deliver(t->p);
	assert_int_equal(t->p->side[SERVER].count[DOWN], 1);
	assert_int_equal(t->p->side[SERVER].notes[t->p->side[SERVER].note_count - 1].what,
		DTLS_END_CLOSE_NOTIFY);
	trust_free(t);
}

static void test_S6_each_suite_can_be_left_without_a_number(void **state)
{
	(void)state;
	trust_each(leave);
}

/* One listener for all: whoever comes is met as what he is. */
static void test_R037_one_profile_meets_every_kind(void **state)
{
	(void)state;
	struct trust *const t = trust_new(4, KIND_X509, 0);
	struct dtls_profile_settings *const s = &t->set[SERVER];
	s->raw_public_key = dtls_profile_can_raw();
	for (size_t i = 0; i < SUITES; i++)
		s->suites[s->suites_len++] = suites[i].number;
	for (size_t i = 0; i < SUITES; i++) {
		for (enum kind k = KIND_PSK; k < KINDS; k++) {
			if (suites[i].ecdsa != (k != KIND_PSK) ||
				(k == KIND_RAW && !dtls_profile_can_raw()))
				continue;
			t->kind = k;
			dtls_profile_unref(t->profile[CLIENT]);
			t->profile[CLIENT] = NULL;
			trust_settings(t, CLIENT);
			t->set[CLIENT].suites[t->set[CLIENT].suites_len++] = suites[i].number;
			trust_meet(t);
			check_facts(t, &suites[i], false, false);
			assert_talk(t->p);
			close_it(t);
		}
	}
	trust_free(t);
}

/* the bound is the guard's; the owner's is CCM_8's. */
static void forge(enum kind kind, const struct suite *s, bool mte)
{
	enum { BOUND = 5 };
	struct dtls_settings set = dtls_settings_default();
	set.forged_max = BOUND;
	struct trust *const t = trust_with(5, kind, s->number, &set);
	struct side *const server = &t->p->side[SERVER];
	if (!mte) {
		trust_meet(t);
		for (unsigned i = 1; i <= 40; i++) {
			uint8_t d[128] = { 0 };
			const struct dtls_number n = { .type = DTLS_DATA, .epoch = 1, .seq = i };
			dtls_record_header(
				d, DTLS_VERSION_1_2, &n, sizeof(d) - 16 - DTLS_RECORD_HEADER);
			pair_input(t->p, SERVER, 0, d, sizeof(d) - 16);
			const bool closed = s->guard == SUITE_CCM_8 && i >= BOUND;
			assert_int_equal(server->count[DOWN], closed);
		}
		if (s->guard != SUITE_CCM_8) {
			assert_int_equal(dtls_conn_facts(server->conn).forged, 40);
			assert_int_equal(dtls_stats(server->e).untried, 0);
			assert_talk(t->p);
		}
	}
	trust_free(t);
}

static void test_R130_wrong_tags_are_counted_by_guard(void **state)
{
	(void)state;
	trust_each(forge);
}

/* neither role of it, whatever it was met with. */
static void renegotiate(enum kind kind, const struct suite *s, bool mte)
{
	struct trust *const t = begin(6, kind, s, mte);
	trust_meet(t);
	for (unsigned from = 0; from < 2; from++) {
		struct side *const side = &t->p->side[from];
		const enum dtls_guard how = dtls_assoc_guard(&side->conn->assoc);
		const uint8_t message[DTLS_HS_HEADER] = { from == CLIENT ? DTLS_HS_CLIENT_HELLO
									 : DTLS_HS_HELLO_REQUEST };
		uint8_t d[160];
		memcpy(d + DTLS_RECORD_HEADER + dtls_guard_before(how), message, sizeof(message));
		const size_t len = dtls_assoc_seal(
			&side->conn->assoc, &side->e->sealer, DTLS_HANDSHAKE, d, sizeof(message));
		const size_t sent = t->p->side[1 - from].sent;
		pair_input(t->p, 1 - from, 0, d, len);
		assert_int_equal(t->p->side[1 - from].sent, sent + 1); /* no_renegotiation */
		pair_deliver(t->p);
		assert_int_equal(dtls_stats(t->p->side[1 - from].e).handshakes, 0);
	}
	assert_talk(t->p);
	trust_free(t);
}

static void test_R107_R219_no_suite_is_renegotiated(void **state)
{
	(void)state;
	trust_each(renegotiate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R032_R033_R034_R035_R196_each_suite_is_met_and_resumed),
		cmocka_unit_test(test_R185_each_suite_sleeps_and_wakes),
		cmocka_unit_test(test_S6_each_suite_can_be_left_without_a_number),
		cmocka_unit_test(test_R037_one_profile_meets_every_kind),
		cmocka_unit_test(test_R130_wrong_tags_are_counted_by_guard),
		cmocka_unit_test(test_R107_R219_no_suite_is_renegotiated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
