/* SPDX-License-Identifier: Apache-2.0 */
/* Connection ids, agreed upon in a handshake, and the Finished under them. */
#include "roam.h"

#include "caught.h"

static struct dtls_conn_facts facts_of(const struct roam *r, unsigned side)
{
	return dtls_conn_facts(r->p->side[side].conn);
}

/* The extension in a hello that went over the wire; -1: it is not there. */
struct hellos {
	int cid[2],
		rrc[2];  /* of the last hello of the client, and the server's: length of the body */
	uint8_t type[2]; /* of the first record of epoch 1 */
	struct hellos *next;
};

static struct hellos seen; /* fate has no argument for it */

static void look_at_hello(unsigned from, const struct dtls_fragment *f)
{
	struct dtls_hello h = { .extensions = NULL };
	struct rd body;
	const bool whole = f->type == DTLS_HS_CLIENT_HELLO
				   ? dtls_hello_parse(f->body, f->len, &h)
				   : dtls_server_hello_parse(
					     f->body, f->len, &h.extensions, &h.extensions_len);
	assert_true(whole);
	seen.cid[from] = dtls_extension_find(h.extensions, h.extensions_len, 54, &body)
				 ? (int)body.left
				 : -1;
	seen.rrc[from] = dtls_extension_find(h.extensions, h.extensions_len, 61, &body)
				 ? (int)body.left
				 : -1;
}

static struct fate fate_looking(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	uint8_t copy[4096], *at = copy;
	size_t left = len;
	struct dtls_record r;
	assert_true(len <= sizeof(copy));
	memcpy(copy, d, len);
	while (dtls_record_next(&at, &left, &r)) {
		if (r.epoch == 1 && seen.type[from] == 0)
			seen.type[from] = r.type;
		if (r.epoch == 0)
			assert_int_not_equal(r.type, DTLS_CID); /* */
		struct rd body = rd_from(r.body, r.len);
		struct dtls_fragment f;
		while (r.epoch == 0 && r.type == DTLS_HANDSHAKE && dtls_fragment_next(&body, &f)) {
			if (f.type == DTLS_HS_CLIENT_HELLO || f.type == DTLS_HS_SERVER_HELLO)
				look_at_hello(from, &f);
		}
	}
	return fate_roam(p, from, line, d, len);
}

static struct roam *looking(uint64_t seed, enum dtls_cid_use server, enum dtls_cid_use client)
{
	struct roam *const r = roam_new(seed);
	seen = (struct hellos){ .cid = { -1, -1 }, .rrc = { -1, -1 } };
	r->t->set[SERVER].cid = server;
	r->t->set[CLIENT].cid = client;
	r->t->set[SERVER].routability = server != DTLS_CID_NEVER;
	r->t->set[CLIENT].routability = client != DTLS_CID_NEVER;
	r->p->fate = fate_looking;
	trust_meet(r->t);
	return r;
}

/* each direction has a CID exactly where its receiver has given one. */
static void test_R140_R143_every_combination_of_zero_and_non_zero(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		const enum dtls_cid_use use[2] = { i % 3, i / 3 };
		struct roam *const r = looking(i, use[SERVER], use[CLIENT]);
		const bool agreed = use[0] != DTLS_CID_NEVER && use[1] != DTLS_CID_NEVER;
		for (unsigned side = 0; side < 2; side++) {
			const bool in = agreed && use[side] == DTLS_CID_BOTH;
			const struct dtls_conn_facts f = facts_of(r, side);
			assert_int_equal(f.cid_in_len, in ? DTLS_CID_OURS_MIN : 0);
			assert_int_equal(facts_of(r, 1 - side).cid_out_len, f.cid_in_len);
			assert_int_equal(f.routability, agreed);
			if (in)
				assert_memory_equal(
					f.cid_in, facts_of(r, 1 - side).cid_out, f.cid_in_len);
			/* The first record of epoch 1 is the Finished. */
			assert_int_equal(seen.type[1 - side], in ? DTLS_CID : DTLS_HANDSHAKE);
		}
		assert_int_equal(seen.cid[SERVER] >= 0, agreed);
		assert_int_equal(seen.cid[CLIENT] >= 0, use[CLIENT] != DTLS_CID_NEVER);
		assert_talk(r->p);
		assert_no_number_twice(r->p);
		roam_free(r);
	}
}

/* one octet of length and the CID; R-157: nothing. R-160: off means off. */
static void test_R139_R157_what_the_hellos_say(void **state)
{
	(void)state;
	struct roam *r = looking(1, DTLS_CID_BOTH, DTLS_CID_SEND);
	assert_int_equal(seen.cid[CLIENT], 1);
	assert_int_equal(seen.cid[SERVER], 1 + DTLS_CID_OURS_MIN);
	assert_int_equal(seen.rrc[CLIENT], 0);
	assert_int_equal(seen.rrc[SERVER], 0);
	roam_free(r);
	r = looking(2, DTLS_CID_NEVER, DTLS_CID_BOTH);
	assert_int_equal(seen.cid[SERVER], -1);
	assert_int_equal(seen.rrc[SERVER], -1);
	roam_free(r);
}

/* --- a client of ours that offers what we say ------------------------------------------------- */

struct offer {
	uint16_t type;
	size_t len;
	uint8_t body[8];
};

static struct offer offers[2]; /* not const: so is libssl's argument */

/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): libssl's type */
static int offer_add(SSL *ssl, unsigned int type, unsigned int context, const unsigned char **out,
	size_t *len, X509 *x, size_t chain, int *alert, void *arg)
{
	const struct offer *const o = arg;
	(void)ssl;
	(void)type;
	(void)context;
	(void)x;
	(void)chain;
	(void)alert;
	*out = o->body;
	*len = o->len;
	return 1;
}

static int offer_answered(SSL *ssl, unsigned int type, unsigned int context,
	const unsigned char *in, size_t len, X509 *x, size_t chain, int *alert, void *arg)
{
	(void)ssl;
	(void)context;
	(void)in;
	(void)len;
	(void)x;
	(void)chain;
	(void)alert;
	(void)arg;
	fail_msg("extension %u was answered", type);
	return 0;
}
/* NOLINTEND(readability-function-size,readability-non-const-parameter) */

static struct roam *offering(const struct offer *a, const struct offer *b)
{
	struct roam *const r = roam_new(7);
	seen = (struct hellos){ .cid = { -1, -1 }, .rrc = { -1, -1 } };
	r->p->fate = fate_looking;
	r->t->set[CLIENT].cid = DTLS_CID_NEVER;
	r->t->set[CLIENT].routability = false;
	SSL_CTX *const ctx = trust_profile(r->t, CLIENT)->ctx;
	const struct offer *const both[2] = { a, b };
	for (size_t i = 0; i < 2 && both[i]; i++) {
		offers[i] = *both[i];
		assert_int_equal(SSL_CTX_add_custom_ext(ctx, offers[i].type,
					 SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO,
					 offer_add, NULL, &offers[i], offer_answered, NULL),
			1);
	}
	return r;
}

/* The drafts' code points are nobody's, whatever stands in them; and 61 is nothing without 54. */
static void test_R139_R157_53_and_254_and_61_alone_are_ignored(void **state)
{
	static const struct offer old[] = {
		{ .type = 53, .len = 3, .body = { 2, 1, 2 } },
		{ .type = 254, .len = 3, .body = { 2, 1, 2 } },
		{ .type = 61 },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(old); i++) {
		struct roam *const r = offering(&old[i], i == 0 ? &old[1] : NULL);
		trust_meet(r->t);
		assert_int_equal(seen.cid[SERVER], -1);
		assert_int_equal(seen.rrc[SERVER], -1);
		assert_talk(r->p);
		roam_free(r);
	}
}

static void test_R139_what_is_malformed_ends_the_handshake(void **state)
{
	static const struct offer bad[] = {
		{ .type = 54, .len = 0 },
		{ .type = 54, .len = 2, .body = { 2, 1 } },
		{ .type = 54, .len = 3, .body = { 1, 1, 1 } },
		{ .type = 61, .len = 1 },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct roam *const r = offering(&bad[i], NULL);
		trust_connect(r->t, 0);
		pair_deliver(r->p);
		assert_int_equal(r->p->side[SERVER].count[FAILED], 1);
		assert_int_equal(r->p->side[CLIENT].notes[0].alert, DTLS_DECODE_ERROR);
		roam_free(r);
	}
}

/* --- suites ----------------------------------------------------------------------------------- */

static void each_suite(enum kind kind, const struct suite *s, bool mte)
{
	struct roam *const r = roam_with(3, kind, s->number, NULL);
	for (unsigned i = 0; i < 2; i++)
		r->t->set[i].mac_then_encrypt = mte;
	if (mte)
		SSL_CTX_set_options(trust_profile(r->t, CLIENT)->ctx, SSL_OP_NO_ENCRYPT_THEN_MAC);
	trust_meet(r->t);
	/* with MAC-then-encrypt there is no CID. */
	assert_int_equal(facts_of(r, SERVER).cid_in_len > 0, !mte);
	assert_int_equal(facts_of(r, SERVER).cid_out_len > 0, !mte);
	assert_talk(r->p);
	r->at = mte ? 0 : 2;
	roam_say(r, "from elsewhere");
	pair_run(r->p, r->p->now_ms);
	assert_true(roam_is_reached(r));
	assert_int_equal(r->moved, !mte);
	assert_no_number_twice(r->p);
	roam_free(r);
}

static void test_R143_R147_every_suite(void **state)
{
	(void)state;
	trust_each(each_suite);
}

/* A server that gives a CID with MAC-then-encrypt is not spoken to. */
static void test_R147_a_choice_of_both_is_objected_to(void **state)
{
	(void)state;
	struct dtls_profile_settings s = dtls_profile_settings_default();
	const char *error = NULL;
	s.mac_then_encrypt = true;
	s.suites[0] = 0x00ae;
	s.suites_len = 1;
	struct dtls_profile *const p = dtls_profile_new(&s, &error);
	assert_non_null(p);
	struct dtls_choice c = { .suite = suite_find(0x00ae), .guard = DTLS_GUARD_MTE };
	assert_int_equal(dtls_choice_objection(p, &c), 0);
	c.cid_agreed = true;
	assert_int_equal(dtls_choice_objection(p, &c), DTLS_HANDSHAKE_FAILURE);
	dtls_profile_unref(p);
}

/* A server that says 61, and 54 or not; and one whose 54 is cut. */
static void test_R157_R139_what_a_server_may_answer(void **state)
{
	(void)state;
	uint8_t hello[64] = { 0xfe, 0xfd, [35] = 0xc0, [36] = 0xa8 };
	static const uint8_t both[] = { 0, 11, 0, 54, 0, 3, 2, 9, 8, 0, 61, 0, 0 };
	static const uint8_t alone[] = { 0, 4, 0, 61, 0, 0 };
	static const uint8_t cut[] = { 0, 7, 0, 54, 0, 3, 3, 9, 8 };
	struct dtls_choice c;
	memcpy(hello + 38, both, sizeof(both));
	assert_true(dtls_choice_parse(hello, 38 + sizeof(both), &c));
	assert_true(c.cid_agreed && c.routability);
	assert_int_equal(c.cid_len, 2);
	assert_int_equal(c.cid[0], 9);
	memcpy(hello + 38, alone, sizeof(alone));
	assert_true(dtls_choice_parse(hello, 38 + sizeof(alone), &c));
	assert_false(c.cid_agreed || c.routability);
	memcpy(hello + 38, cut, sizeof(cut));
	assert_false(dtls_choice_parse(hello, 38 + sizeof(cut), &c));
}

static void test_R157_no_check_without_ids(void **state)
{
	(void)state;
	struct dtls_profile_settings s = dtls_profile_settings_default();
	const char *error = NULL;
	s.routability = true;
	assert_null(dtls_profile_new(&s, &error));
	assert_non_null(error);
}

/* --- resumption ------------------------------------------------------------------------------- */

static void test_R158_a_fresh_id_at_each_resumption(void **state)
{
	(void)state;
	struct roam *const r = roam_new(5);
	uint8_t before[2][DTLS_CID_OURS_MAX];
	trust_meet(r->t);
	for (unsigned i = 0; i < 2; i++)
		memcpy(before[i], facts_of(r, i).cid_in, DTLS_CID_OURS_MIN);
	r->t->offer = true;
	dtls_close(r->p->side[CLIENT].e, r->p->side[CLIENT].conn);
	pair_deliver(r->p);
	trust_meet(r->t);
	assert_int_equal(roam_stats(r, SERVER).resumed, 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(facts_of(r, i).cid_in_len, DTLS_CID_OURS_MIN);
		assert_memory_not_equal(before[i], facts_of(r, i).cid_in, DTLS_CID_OURS_MIN);
		size_t len = 0;
		assert_non_null(dtls_conn_cid(r->p->side[i].conn, &len));
		assert_int_equal(len, DTLS_CID_OURS_MIN);
	}
	assert_talk(r->p);
	assert_no_number_twice(r->p);
	roam_free(r);
}

/* The old one is found by its own id until the new Finished has verified. */
static void test_R158_the_old_id_works_until_the_new_finished(void **state)
{
	(void)state;
	struct roam *const r = roam_up(6);
	struct pair *const p = r->p;
	struct side *const client = &p->side[CLIENT];
	const uint8_t text[3] = { 'o', 'l', 'd' };
	uint8_t record[200];
	struct dtls_assoc old = client->conn->assoc;
	uint8_t cid[DTLS_CID_OURS_MAX];
	memcpy(cid, old.cid_out, old.cid_out_len);
	old.cid_out = cid;
	dtls_conn_free(client->e, client->conn); /* it has rebooted */
	p->generation++;
	trust_connect(r->t, 0);
	for (int i = 0; i < 5; i++) { /* up to its second flight, exclusively */
		if (!p->wire)
			break;
		struct dgram *const g = p->wire;
		if (i == 4)
			break;
		p->wire = g->next;
		pair_input(p, g->to, g->line, g->data, g->len);
		free(g);
	}
	assert_int_equal(roam_stats(r, SERVER).handshakes, 1);
	memcpy(record + dtls_assoc_before(&old), text, sizeof(text));
	const size_t len = dtls_assoc_seal(&old, &client->e->sealer, DTLS_DATA, record, 3);
	p->side[SERVER].last_len = 0;
	pair_input(p, SERVER, 0, record, len);
	assert_heard(&p->side[SERVER], "old");
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[UP], 2);
	assert_int_equal(p->side[SERVER].count[DOWN], 1);
	const uint64_t unknown = roam_stats(r, SERVER).unknown_cid;
	memcpy(record + dtls_assoc_before(&old), text, sizeof(text));
	pair_input(p, SERVER, 0, record,
		dtls_assoc_seal(&old, &client->e->sealer, DTLS_DATA, record, 3));
	assert_int_equal(roam_stats(r, SERVER).unknown_cid, unknown + 1);
	assert_int_equal(roam_stats(r, SERVER).conns, 1);
	roam_free(r);
}

/* --- ours ------------------------------------------------------------------------------------- */

static void test_R141_S25_who_has_it_keeps_it(void **state)
{
	(void)state;
	struct dtls_settings set = dtls_settings_default();
	set.cid_node = 9;
	set.cid_worker = 3;
	set.cid_random = 16;
	struct roam *const r = roam_with(11, KIND_PSK, 0xc0a8, &set);
	r->taken_once = true; /* somebody sleeps with the first one */
	trust_meet(r->t);
	assert_int_equal(r->asked_taken, 2);
	const struct dtls_conn_facts f = facts_of(r, SERVER);
	assert_int_equal(f.cid_in_len, 19);
	assert_int_equal(f.cid_in[1], 9);
	assert_int_equal(f.cid_in[2], 3);
	assert_talk(r->p);
	roam_free(r);
}

/* Handshakes that lose one datagram in four, and their data early and late. */
static void test_R143_with_loss(void **state)
{
	(void)state;
	struct dtls_settings hasty = dtls_settings_default();
	hasty.initial_ms[0] = hasty.initial_ms[1] = 1000;
	hasty.max_ms = 8000;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct roam *const r =
			roam_with(seed, KIND_PSK, seed % 2 ? 0xc0a8 : 0x00ae, &hasty);
		for (unsigned round = 0; round < 2; round++) {
			r->loss = 25;
			r->t->offer = round > 0;
			r->p->generation++;
			trust_connect(r->t, 0);
			pair_run(r->p, r->p->now_ms + 170000);
			r->loss = 0;
			assert_int_equal(r->p->side[SERVER].count[UP], round + 1);
			assert_int_equal(r->p->side[CLIENT].count[UP], round + 1);
			assert_int_equal(roam_stats(r, SERVER).forged, 0);
			pair_run(r->p, r->p->now_ms + 70000);
			assert_talk(r->p);
			dtls_close(r->p->side[CLIENT].e, r->p->side[CLIENT].conn);
			pair_run(r->p, r->p->now_ms + 1000);
			assert_int_equal(roam_stats(r, SERVER).conns, 0);
		}
		assert_no_number_twice(r->p);
		roam_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R140_R143_every_combination_of_zero_and_non_zero),
		cmocka_unit_test(test_R139_R157_what_the_hellos_say),
		cmocka_unit_test(test_R139_R157_53_and_254_and_61_alone_are_ignored),
		cmocka_unit_test(test_R139_what_is_malformed_ends_the_handshake),
		cmocka_unit_test(test_R143_R147_every_suite),
		cmocka_unit_test(test_R147_a_choice_of_both_is_objected_to),
		cmocka_unit_test(test_R157_R139_what_a_server_may_answer),
		cmocka_unit_test(test_R157_no_check_without_ids),
		cmocka_unit_test(test_R158_a_fresh_id_at_each_resumption),
		cmocka_unit_test(test_R158_the_old_id_works_until_the_new_finished),
		cmocka_unit_test(test_R141_S25_who_has_it_keeps_it),
		cmocka_unit_test(test_R143_with_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
