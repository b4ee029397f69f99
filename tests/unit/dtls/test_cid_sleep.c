/* SPDX-License-Identifier: Apache-2.0 */
/* Associations with connection ids that leave memory, and are found again by them. */
#include "nap.h"

#include "dtls/context.h"

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
		assert_int_equal(line_of(SERVER, &kept.from), 3);
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
	kept.s.candidate.peer.family = 0; /* as if it had not been written yet */
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
	roam_half_met(r);
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

static void test_S30_who_is_not_kept_is_counted(void **state)
{
	(void)state;
	struct roam *const r = up(27, NULL, 0xc0a8);
	to_sleep(r);
	kept.unwanted = true;
	pair_say(r->p, CLIENT, "x");
	pair_deliver(r->p);
	assert_int_equal(kept.woken, 1);
	assert_int_equal(roam_stats(r, SERVER).conns, 0);
	assert_int_equal(roam_stats(r, SERVER).unwoken, 1);
	assert_int_equal(r->p->side[SERVER].count[MESSAGE], 0);
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
		cmocka_unit_test(test_S30_who_is_not_kept_is_counted),
		cmocka_unit_test(test_R142_R159_the_longest_id_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
