/* SPDX-License-Identifier: Apache-2.0 */
/* Associations with connection ids that leave memory, and are found again by them. */
#include "roam.h"

#include "dtls/context.h"

/* What a store keeps of one association; the server's owner looks into it. */
struct shelf_of_one {
	struct dtls_sleeper s;
	bool there;
	size_t by_cid, by_path, woken, not_woken, unproven;
	uint8_t cid[DTLS_CID_OURS_MAX];
	size_t cid_len;
};

static struct shelf_of_one kept;

static bool own_by_cid(void *ctx, enum dtls_role role, const uint8_t *cid, size_t len, uint64_t seq,
	struct dtls_sleeper *out)
{
	(void)ctx;
	(void)seq;
	kept.by_cid++;
	if (!kept.there || role != kept.s.role || len != kept.cid_len ||
		memcmp(cid, kept.cid, len) != 0)
		return false;
	*out = kept.s;
	return true;
}

static bool own_by_path(void *ctx, enum dtls_role role, const struct net_path *path, uint64_t seq,
	struct dtls_sleeper *out)
{
	(void)ctx;
	(void)seq;
	kept.by_path++;
	if (!kept.there || role != kept.s.role || !net_path_same(path, &kept.s.path))
		return false;
	*out = kept.s;
	return true;
}

static bool own_woken(void *ctx, struct dtls_conn *c, const struct dtls_sleeper *s)
{
	struct roam *const r = roam_of(ctx);
	assert_memory_equal(s->context, kept.s.context, s->context_len);
	kept.woken++;
	kept.there = false;
	r->up = c;
	r->p->side[SERVER].conn = c;
	return true;
}

static void own_not_woken(void *ctx, const struct dtls_sleeper *s)
{
	(void)ctx;
	(void)s;
	kept.not_woken++;
}

static void watch(struct roam *r)
{
	struct dtls_owner *const o = &r->p->side[SERVER].e->owner;
	o->asleep_by_cid = own_by_cid;
	o->asleep = own_by_path;
	o->woken = own_woken;
	o->not_woken = own_not_woken;
}

static struct roam *up(uint64_t seed, const struct dtls_settings *set, uint16_t suite)
{
	struct roam *const r = roam_with(seed, KIND_PSK, suite, set);
	memset(&kept, 0, sizeof(kept));
	watch(r);
	trust_meet(r->t);
	r->up = r->p->side[SERVER].conn;
	return r;
}

static void to_sleep(struct roam *r)
{
	const uint8_t *const cid = dtls_conn_cid(r->up, &kept.cid_len);
	if (cid)
		memcpy(kept.cid, cid, kept.cid_len);
	kept.s = (struct dtls_sleeper){
		.path = *dtls_conn_path(r->up),
		.role = DTLS_SERVER,
		.cred = dtls_conn_cred(r->up),
		.numbers = dtls_conn_numbers(r->up),
		.adrift = dtls_conn_is_adrift(r->up),
		.up_ms = r->p->now_ms,
	};
	kept.s.context_len = dtls_context_write(r->up, kept.s.context);
	kept.there = true;
	dtls_sleep(r->p->side[SERVER].e, r->up);
	r->up = NULL;
	r->p->side[SERVER].conn = NULL;
}

/* kill -9, and another process. */
static void restart(struct roam *r)
{
	struct side *const s = &r->p->side[SERVER];
	const struct dtls_settings set = s->e->set;
	const struct dtls_owner owner = s->e->owner;
	dtls_engine_free(s->e);
	s->e = dtls_engine_new(&set, &owner, r->p->now_ms);
	assert_non_null(s->e);
}

static void test_R159_found_by_its_id_from_anywhere(void **state)
{
	(void)state;
	static const uint16_t of[] = { 0xc0a8, 0x00ae, 0x00a8 };
	for (unsigned i = 0; i < 2 * COUNT_OF(of); i++) {
		struct roam *const r = up(i, NULL, of[i / 2]);
		roam_say(r, "before");
		to_sleep(r);
		if (i & 1)
			restart(r);
		r->at = 3;
		roam_say(r, "after"); /* delivered at once */
		assert_int_equal(kept.woken, 1);
		assert_int_equal(kept.by_path, 0);
		pair_deliver(r->p);
		assert_int_equal(roam_server_line(r), 3);
		assert_int_equal(r->moved, 1);
		assert_int_equal(line_of(SERVER, &r->from), 0);
		assert_true(roam_is_reached(r));
		assert_int_equal(roam_stats(r, SERVER).handshakes, 0);
		assert_no_number_twice(r->p);
		roam_free(r);
	}
}

/* Between the move and the next record: what was committed is the old address. */
static void test_R159_killed_in_the_middle_of_a_check(void **state)
{
	(void)state;
	struct roam *const r = up(10, NULL, 0xc0a8);
	r->mute = true;
	r->at = 3;
	roam_say(r, "moved");
	assert_non_null(dtls_conn_candidate(r->up));
	to_sleep(r);
	restart(r);
	r->mute = false;
	roam_say(r, "still there");
	pair_deliver(r->p);
	assert_int_equal(roam_server_line(r), 3);
	assert_true(roam_is_reached(r));
	roam_free(r);
}

static void test_S24_S26_neither_forged_nor_old_records_wake_or_move_it(void **state)
{
	(void)state;
	struct roam *const r = up(11, NULL, 0xc0a8);
	roam_say(r, "before");
	to_sleep(r);
	r->how = DTLS_MOVE_TRUST;
	struct heard h = r->heard[(r->heard_count - 1) % HEARD_MAX];
	roam_replay(r, 0, 2);
	h.d[10] += 1;
	pair_input(r->p, SERVER, 2, h.d, h.len);
	h.d[12] ^= 1; /* another's id: nobody's */
	pair_input(r->p, SERVER, 2, h.d, h.len);
	assert_int_equal(kept.by_cid, 3);
	assert_int_equal(kept.not_woken, 2);
	assert_int_equal(kept.woken, 0);
	assert_int_equal(roam_stats(r, SERVER).conns, 0);
	assert_int_equal(roam_stats(r, SERVER).unknown_cid, 1);
	assert_int_equal(r->moving, 0);
	roam_say(r, "after");
	assert_int_equal(kept.woken, 1);
	roam_free(r);
}

/* its path is not what it is found by. */
static void test_R144_a_classic_record_does_not_wake_it(void **state)
{
	(void)state;
	struct roam *const r = up(12, NULL, 0xc0a8);
	struct dtls_assoc *const as = &r->p->side[CLIENT].conn->assoc;
	to_sleep(r);
	const uint8_t len = as->cid_out_len;
	as->cid_out_len = 0;
	pair_say(r->p, CLIENT, "classic");
	pair_deliver(r->p);
	as->cid_out_len = len;
	assert_int_equal(kept.by_path, 1);
	assert_int_equal(kept.not_woken, 1);
	assert_int_equal(roam_stats(r, SERVER).stray, 1);
	assert_int_equal(roam_stats(r, SERVER).forged, 0);
	roam_say(r, "with it");
	roam_free(r);
}

static void test_R159_the_owner_wakes_it_where_it_was_last(void **state)
{
	(void)state;
	struct roam *const r = up(13, NULL, 0xc0a8);
	struct side *const s = &r->p->side[SERVER];
	r->at = 2;
	roam_say(r, "moved");
	pair_deliver(r->p);
	to_sleep(r);
	r->up = s->conn = dtls_wake(s->e, &kept.s, r->p->now_ms);
	assert_non_null(r->up);
	assert_null(dtls_wake(s->e, &kept.s, r->p->now_ms)); /* one id, one association */
	assert_true(dtls_conn_facts(r->up).routability);
	assert_true(roam_is_reached(r));
	assert_talk(r->p);
	roam_free(r);
}

/* Two that were last seen at one address are both woken; one that has lost its own waits. */
static void test_R109_two_sleepers_of_one_address(void **state)
{
	(void)state;
	struct roam *const r = up(14, NULL, 0xc0a8);
	struct side *const s = &r->p->side[SERVER];
	to_sleep(r);
	struct dtls_sleeper other = kept.s;
	struct dtls_context k;
	assert_true(dtls_context_decode(other.context, other.context_len, &k));
	k.cid_in[5] ^= 1;
	other.context_len = dtls_context_encode(&k, other.context);
	other.adrift = true;
	struct dtls_conn *const two = dtls_wake(s->e, &other, r->p->now_ms);
	struct dtls_conn *const one = dtls_wake(s->e, &kept.s, r->p->now_ms);
	assert_non_null(one);
	assert_non_null(two);
	assert_true(dtls_conn_is_adrift(two));
	assert_int_equal(dtls_send(s->e, two, (const uint8_t *)"x", 1), DTLS_NOWHERE);
	const size_t sent = s->sent;
	dtls_farewell(s->e, two);
	assert_int_equal(s->sent, sent);
	r->up = s->conn = one;
	assert_true(roam_is_reached(r));
	roam_free(r);
}

static void test_R159_the_final_flight_is_kept_with_it(void **state)
{
	(void)state;
	struct roam *const r = roam_with(15, KIND_PSK, 0xc0a8, NULL);
	struct pair *const p = r->p;
	memset(&kept, 0, sizeof(kept));
	watch(r);
	trust_connect(r->t, 0);
	while (p->wire && p->side[SERVER].count[UP] == 0) {
		struct dgram *const g = p->wire;
		p->wire = g->next;
		pair_input(p, g->to, g->line, g->data, g->len);
		free(g);
	}
	while (p->wire) { /* the last flight is lost */
		struct dgram *const g = p->wire;
		p->wire = g->next;
		free(g);
	}
	r->up = p->side[SERVER].conn;
	assert_int_equal(p->side[CLIENT].count[UP], 0);
	to_sleep(r);
	restart(r);
	pair_run(p, p->now_ms + 9000);
	assert_int_equal(p->side[CLIENT].count[UP], 1);
	assert_int_equal(kept.woken, 1);
	assert_talk(p);
	assert_no_number_twice(p);
	roam_free(r);
}

static void test_S30_a_farewell_has_the_peers_id(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct dtls_settings set = dtls_settings_default();
		set.cid_bucket = i ? 64 : 0;
		struct roam *const r = up(16 + i, &set, i ? 0x00ae : 0xc0a8);
		r->p->side[CLIENT].count[DOWN] = 0;
		dtls_farewell(r->p->side[SERVER].e, r->up);
		pair_deliver(r->p);
		assert_int_equal(r->p->side[CLIENT].count[DOWN], 1);
		assert_int_equal(roam_stats(r, CLIENT).conns, 0);
		roam_free(r);
	}
}

/* what a radio sees of messages of 1 to 50 octets. */
static void test_R151_all_messages_look_alike(void **state)
{
	(void)state;
	struct dtls_settings set = dtls_settings_default();
	set.cid_bucket = 64;
	struct roam *const r = up(18, &set, 0xc0a8);
	size_t seen = 0;
	for (size_t len = 1; len <= 50; len++) {
		char text[64];
		memset(text, 'x', len);
		text[len] = 0;
		roam_say(r, text);
		const size_t now = r->heard[(r->heard_count - 1) % HEARD_MAX].len;
		assert_true(seen == 0 || now == seen);
		seen = now;
	}
	assert_int_equal(seen, 13 + DTLS_CID_OURS_MIN + 8 + 64 + 8);
	roam_free(r);
}

/* A peer with an id of 255 octets, over sleep and back. */
static void test_R142_R159_the_longest_id_is_kept(void **state)
{
	(void)state;
	struct roam *const r = up(19, NULL, 0x00ae);
	to_sleep(r);
	struct dtls_context k;
	assert_true(dtls_context_decode(kept.s.context, kept.s.context_len, &k));
	k.cid_out_len = DTLS_CID_MAX;
	memset(k.cid_out, 0x5e, DTLS_CID_MAX);
	k.finished_len = DTLS_FINISHED_LEN;
	kept.s.context_len = dtls_context_encode(&k, kept.s.context);
	struct side *const s = &r->p->side[SERVER];
	struct dtls_conn *const c = dtls_wake(s->e, &kept.s, r->p->now_ms);
	assert_non_null(c);
	uint8_t again[DTLS_CONTEXT_MAX];
	assert_int_equal(dtls_context_write(c, again), kept.s.context_len);
	assert_memory_equal(again, kept.s.context, kept.s.context_len);
	assert_int_equal(dtls_conn_facts(c).cid_out_len, DTLS_CID_MAX);
	assert_int_equal(dtls_assoc_size(&c->assoc, &s->e->sealer, 2), 13 + 255 + 16 + 16 + 32);
	roam_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R159_found_by_its_id_from_anywhere),
		cmocka_unit_test(test_R159_killed_in_the_middle_of_a_check),
		cmocka_unit_test(test_S24_S26_neither_forged_nor_old_records_wake_or_move_it),
		cmocka_unit_test(test_R144_a_classic_record_does_not_wake_it),
		cmocka_unit_test(test_R159_the_owner_wakes_it_where_it_was_last),
		cmocka_unit_test(test_R109_two_sleepers_of_one_address),
		cmocka_unit_test(test_R159_the_final_flight_is_kept_with_it),
		cmocka_unit_test(test_S30_a_farewell_has_the_peers_id),
		cmocka_unit_test(test_R151_all_messages_look_alike),
		cmocka_unit_test(test_R142_R159_the_longest_id_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
