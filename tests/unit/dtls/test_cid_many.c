/* SPDX-License-Identifier: Apache-2.0 */
/* Several associations at one address, and one that moves a thousand times. */
#include "roam.h"

static void assert_at(const struct roam *r, unsigned line)
{
	assert_int_equal(line_of(SERVER, dtls_conn_path(r->up)), line);
}

/* --- several at one address ------------------------------------------------------------------- */

static uint32_t cred_now;

static bool psk_of_many(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	const bool known = own_psk(ctx, identity, len, out);
	out->cred = cred_now;
	return known;
}

/* Another device, on a socket of its own, behind the same NAT's port. */
static struct dtls_conn *second(struct roam *r, uint32_t cred)
{
	struct pair *const p = r->p;
	const size_t ups = p->side[SERVER].count[UP];
	p->side[SERVER].e->owner.psk = psk_of_many;
	cred_now = cred;
	p->generation++;
	r->home = 1;
	trust_connect(r->t, 1);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[UP], ups + 1);
	return p->side[SERVER].conn;
}

static void test_R109_another_that_had_the_address_only_loses_that(void **state)
{
	(void)state;
	struct roam *const r = roam_up(17);
	struct pair *const p = r->p;
	struct dtls_engine *const e = p->side[SERVER].e;
	struct dtls_conn *const first = r->up, *const device = p->side[CLIENT].conn;
	struct dtls_conn *const other = second(r, 8);
	assert_int_equal(p->side[SERVER].count[DOWN], 0);
	assert_int_equal(r->adrift, 1);
	assert_true(dtls_conn_is_adrift(first));
	assert_false(dtls_conn_is_adrift(other));
	assert_int_equal(roam_stats(r, SERVER).conns, 2);
	const size_t sent = p->side[SERVER].sent;
	assert_int_equal(dtls_send(e, first, (const uint8_t *)"x", 1), DTLS_NOWHERE);
	assert_int_equal(p->side[SERVER].sent, sent);
	assert_true(roam_is_reached(r)); /* the other */
	/* The first one is heard again, from elsewhere. */
	p->side[CLIENT].conn = device;
	p->side[SERVER].conn = first;
	r->home = 0;
	r->at = 2;
	roam_say(r, "here now");
	pair_deliver(p);
	assert_false(dtls_conn_is_adrift(first));
	assert_at(r, 2);
	assert_true(roam_is_reached(r));
	roam_free(r);
}

/* And from the very same address, in turn: each is found by its own id. */
static void test_R109_one_address_in_turn(void **state)
{
	(void)state;
	struct roam *const r = roam_up(18);
	struct pair *const p = r->p;
	struct dtls_conn *const conns[2] = { r->up, second(r, 8) };
	struct dtls_conn *devices[2] = { NULL, p->side[CLIENT].conn };
	size_t len = 0;
	const uint8_t *const cid = dtls_conn_cid(conns[0], &len);
	for (size_t i = 0; i <= p->side[CLIENT].e->conns.mask; i++) {
		struct dtls_node *n = p->side[CLIENT].e->conns.buckets[i].first;
		for (; n; n = n->next) {
			struct dtls_conn *const c = CONTAINER_OF(n, struct dtls_conn, node);
			if (memcmp(c->assoc.cid_out, cid, len) == 0)
				devices[0] = c;
		}
	}
	assert_non_null(devices[0]);
	for (unsigned i = 0; i < 10; i++) {
		p->side[CLIENT].conn = devices[i & 1];
		p->side[SERVER].conn = conns[i & 1];
		r->home = i & 1;
		roam_say(r, i & 1 ? "I am two" : "I am one");
		pair_deliver(p);
		assert_true(roam_is_reached(r));
	}
	assert_int_equal(roam_stats(r, SERVER).forged, 0);
	assert_int_equal(roam_stats(r, SERVER).conns, 2);
	roam_free(r);
}

static void test_R109_the_same_identity_is_replaced(void **state)
{
	(void)state;
	struct roam *const r = roam_up(19);
	(void)second(r, 7);
	assert_int_equal(r->p->side[SERVER].count[DOWN], 1);
	assert_int_equal(roam_stats(r, SERVER).conns, 1);
	assert_int_equal(roam_stats(r, SERVER).adrift, 0);
	roam_free(r);
}

/* Also when it has lost its address to another before: each has one session. */
static void test_R109_the_same_identity_is_replaced_though_it_is_adrift(void **state)
{
	(void)state;
	struct roam *const r = roam_up(23);
	struct pair *const p = r->p;
	(void)second(r, 8);
	assert_true(dtls_conn_is_adrift(r->up));
	r->home = 2;
	cred_now = 7;
	trust_connect(r->t, 2);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[UP], 3);
	assert_int_equal(p->side[SERVER].count[DOWN], 1);
	assert_int_equal(roam_stats(r, SERVER).conns, 2);
	assert_int_equal(r->adrift, 2);
	roam_free(r);
}

/* One that is found by its path cannot be heard any more. */
static void test_R109_a_classic_one_is_replaced(void **state)
{
	(void)state;
	struct roam *const r = roam_new(20);
	r->t->set[SERVER].cid = DTLS_CID_SEND;
	trust_meet(r->t);
	(void)second(r, 8);
	assert_int_equal(r->p->side[SERVER].count[DOWN], 1);
	assert_int_equal(roam_stats(r, SERVER).conns, 1);
	roam_free(r);
}

/* A classic association is not disturbed by one with an id that comes to its address. */
static void test_R109_R138_a_mover_does_not_disturb_a_classic_one(void **state)
{
	(void)state;
	struct roam *const r = roam_new(21);
	struct pair *const p = r->p;
	r->t->set[CLIENT].cid = DTLS_CID_NEVER;
	r->t->set[CLIENT].routability = false;
	trust_meet(r->t); /* classic, on line 0 */
	struct dtls_conn *const classic[2] = { p->side[0].conn, p->side[1].conn };
	dtls_profile_unref(r->t->profile[CLIENT]);
	r->t->profile[CLIENT] = NULL;
	r->t->set[CLIENT].cid = DTLS_CID_BOTH;
	r->at = 2;
	r->up = second(r, 8);
	r->how = DTLS_MOVE_TRUST;
	r->at = 0;
	roam_say(r, "the same port now");
	assert_at(r, 0);
	assert_true(roam_is_reached(r));
	p->side[0].conn = classic[0];
	p->side[1].conn = classic[1];
	r->home = 0;
	assert_talk(p);
	assert_int_equal(p->side[SERVER].count[DOWN], 0);
	roam_free(r);
}

/* --- 1,000 moves ------------------------------------------------------------------------------ */

enum { MOVES = 1000 };

/* Wherever the device goes, whoever sends its old records from elsewhere. */
static void wander(struct roam *r, bool rrc)
{
	struct pair *const p = r->p;
	size_t again = 0;
	for (unsigned i = 1; i <= MOVES; i++) {
		char text[32];
		const int len = snprintf(text, sizeof(text), "message %u", i);
		r->at = 1 + (unsigned)(pair_random(p) % 50000);
		bool reached = false;
		for (int tries = 0; tries < 12 && !reached; tries++) {
			again += tries > 0;
			pair_say(p, CLIENT, text);
			pair_deliver(p);
			for (unsigned n = (unsigned)(pair_random(p) % 4); n > 0; n--)
				roam_replay(r, pair_random(p) % HEARD_MAX, STRANGE_LINE + n);
			pair_run(p, p->now_ms + 1500);
			reached = roam_server_line(r) == r->at && roam_is_reached(r);
		}
		assert_true(reached);
		assert_int_equal(p->side[SERVER].last_len, len);
	}
	print_message("# %d moves, rrc %d: %zu messages again, %llu checks without an answer\n",
		MOVES, rrc, again, (unsigned long long)roam_stats(r, SERVER).moves_failed);
	assert_int_equal(roam_stats(r, SERVER).handshakes_done[DTLS_SERVER], 1);
	assert_true(roam_stats(r, SERVER).moves >= MOVES);
	assert_int_equal(r->strange, 0);
	assert_true(roam_stats(r, SERVER).replayed > 0);
	assert_int_equal(roam_stats(r, SERVER).forged, 0);
	assert_int_equal(p->side[SERVER].count[DOWN], 0);
	assert_no_number_twice(p);
}

static struct roam *wanderer(uint64_t seed, unsigned loss, bool rrc)
{
	struct dtls_settings set = dtls_settings_default();
	set.check_ms = 300;
	struct roam *const r = roam_with(seed, KIND_PSK, 0xc0a8, &set);
	r->t->set[CLIENT].routability = rrc;
	trust_meet(r->t);
	r->up = r->p->side[SERVER].conn;
	r->how = rrc ? DTLS_MOVE_CHECK : DTLS_MOVE_TRUST;
	r->loss = loss;
	return r;
}

static void test_R152_S26_a_thousand_moves(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct roam *const r = wanderer(100 + i, i & 1 ? 20 : 0, i & 2);
		wander(r, i & 2);
		if (r->loss == 0)
			assert_int_equal(roam_stats(r, SERVER).moves, MOVES);
		roam_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R109_another_that_had_the_address_only_loses_that),
		cmocka_unit_test(test_R109_one_address_in_turn),
		cmocka_unit_test(test_R109_the_same_identity_is_replaced),
		cmocka_unit_test(test_R109_the_same_identity_is_replaced_though_it_is_adrift),
		cmocka_unit_test(test_R109_a_classic_one_is_replaced),
		cmocka_unit_test(test_R109_R138_a_mover_does_not_disturb_a_classic_one),
		cmocka_unit_test(test_R152_S26_a_thousand_moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
