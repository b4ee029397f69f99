/* SPDX-License-Identifier: Apache-2.0 */
/* New addresses that are shown to be right only when that matters (R-153, R-154, S26). */
#include "roam.h"

static void assert_at(const struct roam *r, unsigned line)
{
	assert_int_equal(line_of(SERVER, dtls_conn_path(r->up)), line);
}

static bool candidate_is(const struct roam *r, unsigned line)
{
	const struct net_path want = line_path(SERVER, line);
	const struct net_path *const is = dtls_conn_candidate(r->up);
	return is && net_path_same(is, &want);
}

/* Up, and nothing is asked on its own. */
static struct roam *later(uint64_t seed, bool rrc)
{
	struct roam *const r = roam_new(seed);
	r->t->set[CLIENT].routability = rrc;
	r->how = DTLS_MOVE_LATER;
	trust_meet(r->t);
	r->up = r->p->side[SERVER].conn;
	return r;
}

/* The same, and heard from line 1. */
static struct roam *moved(uint64_t seed, bool rrc)
{
	struct roam *const r = later(seed, rrc);
	r->at = 1;
	roam_say(r, "here now");
	assert_true(candidate_is(r, 1));
	return r;
}

static enum dtls_checking check(const struct roam *r, bool old_first)
{
	return dtls_check(r->p->side[SERVER].e, r->up, old_first, r->p->now_ms);
}

static void assert_settled(const struct roam *r, size_t moves, size_t unmoved)
{
	assert_int_equal(r->moved, moves);
	assert_int_equal(r->unmoved, unmoved);
	assert_null(dtls_conn_candidate(r->up));
	assert_int_equal(r->p->side[SERVER].e->move_pool.used, 0);
	assert_int_equal(dtls_check(r->p->side[SERVER].e, r->up, false, 0), DTLS_CHECK_NONE);
}

/* --- until it is asked ------------------------------------------------------------------------ */

static void test_R153_who_only_reports_is_not_asked(void **state)
{
	(void)state;
	for (unsigned rrc = 0; rrc < 2; rrc++) {
		struct roam *const r = moved(1 + rrc, rrc);
		for (unsigned i = 0; i < 10; i++) {
			pair_run(r->p, r->p->now_ms + 3600000);
			roam_say(r, "report");
			pair_deliver(r->p);
		}
		assert_true(candidate_is(r, 1));
		assert_at(r, 0);
		assert_int_equal(r->moving, 1);
		assert_int_equal(r->unmoved, 0);
		assert_int_equal(r->bytes_to[1], 0);
		assert_int_equal(roam_stats(r, SERVER).moves_failed, 0);
		roam_free(r);
	}
}

static void test_R152_who_comes_home_is_not_in_doubt_any_more(void **state)
{
	(void)state;
	struct roam *const r = moved(3, true);
	r->at = 0;
	roam_say(r, "back");
	roam_say(r, "still");
	assert_settled(r, 0, 1);
	assert_int_equal(roam_stats(r, SERVER).moves_failed, 0);
	roam_free(r);
}

static void test_R152_the_newest_address_counts(void **state)
{
	(void)state;
	struct roam *const r = moved(4, true);
	r->at = 2;
	roam_say(r, "further");
	assert_true(candidate_is(r, 2));
	assert_int_equal(r->moving, 2);
	assert_int_equal(r->unmoved, 0);
	roam_replay(r, 1, 1); /* what was said before, once more */
	assert_true(candidate_is(r, 2));
	r->how = DTLS_MOVE_STAY;
	r->at = 3;
	roam_say(r, "that is too far");
	r->at = 0;
	roam_say(r, "back");
	assert_settled(r, 0, 0); /* the owner himself has let it go */
	roam_free(r);
}

/* An older record from where it was does not undo what a newer one has said. */
static void test_S26_an_older_record_undoes_nothing(void **state)
{
	(void)state;
	struct roam *const r = later(5, true);
	r->loss = 100;
	pair_say(r->p, CLIENT, "late");
	r->loss = 0;
	r->at = 1;
	roam_say(r, "here now");
	roam_forward(r, 1, 0);
	assert_heard(&r->p->side[SERVER], "late");
	assert_true(candidate_is(r, 1));
	assert_int_equal(r->unmoved, 0);
	roam_free(r);
}

/* --- when it is asked ------------------------------------------------------------------------- */

static void test_R153_R157_it_answers_and_has_moved(void **state)
{
	(void)state;
	for (unsigned old_first = 0; old_first < 2; old_first++) {
		struct roam *const r = moved(6 + old_first, true);
		assert_int_equal(check(r, old_first), DTLS_CHECK_BEGUN);
		assert_int_equal(check(r, old_first), DTLS_CHECK_BEGUN);
		assert_int_equal(r->bytes_to[1] > 0, !old_first);
		pair_run(r->p, r->p->now_ms + (old_first ? 9000 : 0));
		assert_at(r, 1);
		roam_say(r, "here still");
		assert_settled(r, 1, 0);
		assert_true(roam_is_reached(r));
		roam_free(r);
	}
}

/* the common modem has no id of its own, so it is asked in a classic record. */
static void test_R153_R157_R140_who_has_no_id_answers(void **state)
{
	(void)state;
	struct roam *const r = roam_new(24);
	r->t->set[CLIENT].cid = DTLS_CID_SEND;
	r->how = DTLS_MOVE_LATER;
	trust_meet(r->t);
	r->up = r->p->side[SERVER].conn;
	assert_int_equal(dtls_conn_facts(r->up).cid_out_len, 0);
	r->at = 1;
	roam_say(r, "here now");
	assert_int_equal(check(r, false), DTLS_CHECK_BEGUN);
	pair_deliver(r->p);
	assert_at(r, 1);
	assert_settled(r, 1, 0);
	assert_int_equal(roam_stats(r, CLIENT).junk, 0);
	roam_free(r);
}

static void test_R153_R154_it_does_not_answer(void **state)
{
	(void)state;
	struct roam *const r = moved(8, true);
	const size_t came = r->heard[(r->heard_count - 1) % HEARD_MAX].len;
	r->mute = true;
	assert_int_equal(check(r, false), DTLS_CHECK_BEGUN);
	pair_run(r->p, r->p->now_ms + 26999);
	assert_true(candidate_is(r, 1));
	pair_run(r->p, r->p->now_ms + 10);
	assert_settled(r, 0, 1);
	assert_at(r, 0);
	assert_int_equal(roam_stats(r, SERVER).moves_failed, 1);
	assert_true(r->bytes_to[1] <= 3 * came);
	roam_free(r);
}

/* Somebody has forwarded its record: it is where it was, and says so. */
static void test_S26_the_old_address_answers(void **state)
{
	(void)state;
	struct roam *const r = later(9, true);
	r->loss = 100;
	pair_say(r->p, CLIENT, "overtaken");
	r->loss = 0;
	roam_forward(r, 0, 3);
	assert_true(candidate_is(r, 3));
	assert_int_equal(check(r, true), DTLS_CHECK_BEGUN);
	pair_deliver(r->p);
	assert_settled(r, 0, 1);
	assert_at(r, 0);
	assert_int_equal(r->bytes_to[3], 0);
	roam_free(r);
}

/* What the old address was asked does not speak for the new one. */
static void test_S26_an_answer_that_is_late_moves_nothing(void **state)
{
	(void)state;
	struct roam *const r = later(10, true);
	struct side *const client = &r->p->side[CLIENT];
	r->loss = 100;
	pair_say(r->p, CLIENT, "overtaken");
	r->loss = 0;
	roam_forward(r, 0, 3);
	r->up->move->out = 3 * r->up->move->in; /* nothing may be asked there */
	r->mute = true;
	assert_int_equal(check(r, true), DTLS_CHECK_BEGUN);
	uint8_t message[9] = { 1 };
	memcpy(message + 1, r->up->move->challenge, 8);
	pair_run(r->p, r->p->now_ms + 9000);
	assert_false(r->up->move->asks_old);
	const struct dtls_text text = { DTLS_ROUTABILITY, message, sizeof(message), true };
	assert_true(dtls_conn_write(client->e, client->conn, dtls_conn_path(client->conn), &text));
	pair_deliver(r->p);
	assert_at(r, 0);
	assert_int_equal(r->moved, 0);
	assert_int_equal(roam_stats(r, SERVER).late, 1);
	roam_free(r);
}

static void test_R154_a_question_waits_until_it_may_be_asked(void **state)
{
	(void)state;
	for (unsigned comes = 0; comes < 2; comes++) {
		struct roam *const r = moved(11 + comes, true);
		r->up->move->out = 3 * r->up->move->in;
		assert_int_equal(check(r, false), DTLS_CHECK_BEGUN);
		assert_int_equal(r->bytes_to[1], 0);
		if (comes) {
			roam_say(r, "here still");
			pair_deliver(r->p);
			assert_at(r, 1);
		}
		pair_run(r->p, r->p->now_ms + 28000);
		assert_settled(r, comes, !comes);
		assert_int_equal(r->bytes_to[1] > 0, comes);
		roam_free(r);
	}
}

static void own_runs_short(void *ctx, struct dtls_conn *c)
{
	const struct roam *const r = roam_of(ctx);
	dtls_allow(r->p->side[SERVER].e, c, 0, dtls_conn_numbers(c).write_end + 256, 0);
}

static void test_R153_S9_a_question_that_lacks_numbers_gets_them(void **state)
{
	(void)state;
	struct roam *const r = moved(23, true);
	r->p->side[SERVER].e->owner.runs_short = own_runs_short;
	r->up->assoc.write_end = r->up->assoc.wseq;
	assert_int_equal(check(r, false), DTLS_CHECK_BEGUN);
	pair_deliver(r->p);
	assert_settled(r, 1, 0);
	roam_free(r);
}

static void test_R153_the_owner_asks(void **state)
{
	(void)state;
	struct roam *const r = moved(13, false);
	struct dtls_engine *const e = r->p->side[SERVER].e;
	const struct net_path new = line_path(SERVER, 1);
	static const uint8_t message[16] = { 0x40 };
	enum dtls_result last = DTLS_OK;
	size_t n = 0;
	for (; last == DTLS_OK; n++)
		last = dtls_send_to(e, r->up, &new, message, sizeof(message));
	assert_int_equal(last, DTLS_LIMITED);
	assert_true(n > 1); /* answers went there */
	assert_int_equal(check(r, false), DTLS_CHECK_YOURS);
	assert_int_equal(check(r, true), DTLS_CHECK_YOURS);
	assert_int_equal(dtls_send_to(e, r->up, &new, message, sizeof(message)), DTLS_OK);
	pair_deliver(r->p);
	assert_true(dtls_confirm(e, r->up, &new));
	assert_at(r, 1);
	assert_settled(r, 1, 0);
	roam_free(r);
}

static void test_R153_the_owner_asks_in_vain(void **state)
{
	(void)state;
	struct roam *const r = moved(14, false);
	pair_run(r->p, r->p->now_ms + 100000); /* not asked yet: no time is lost */
	assert_int_equal(check(r, false), DTLS_CHECK_YOURS);
	pair_run(r->p, r->p->now_ms + 26000);
	roam_say(r, "here still"); /* which is no answer */
	assert_int_equal(check(r, false), DTLS_CHECK_YOURS);
	pair_run(r->p, r->p->now_ms + 1010);
	assert_settled(r, 0, 1);
	assert_int_equal(r->moving, 1);
	roam_free(r);
}

static void test_R153_the_owner_says_that_it_has_stayed(void **state)
{
	(void)state;
	struct roam *const r = moved(15, true);
	const struct net_path home = line_path(SERVER, 0);
	assert_true(dtls_confirm(r->p->side[SERVER].e, r->up, &home));
	assert_settled(r, 0, 0);
	r->at = 0;
	roam_say(r, "back");
	assert_settled(r, 0, 0);
	roam_free(r);
}

static void test_S12_S26_what_is_not_proven_can_be_asked_by_the_owner_only(void **state)
{
	(void)state;
	struct roam *const r = later(16, true);
	struct dtls_engine *const e = r->p->side[SERVER].e;
	r->up->unproven = true; /* as after a power loss */
	r->at = 1;
	pair_say(r->p, CLIENT, "answer me");
	pair_deliver(r->p);
	assert_true(candidate_is(r, 1));
	assert_int_equal(r->moving, 0);
	assert_int_equal(check(r, true), DTLS_CHECK_YOURS);
	assert_int_equal(r->bytes_to[0] > 0 && r->bytes_to[1] == 0, true);
	pair_run(r->p, r->p->now_ms + 27010);
	assert_settled(r, 0, 1);
	pair_say(r->p, CLIENT, "once more");
	pair_deliver(r->p);
	assert_true(candidate_is(r, 1));
	r->at = 0; /* the last record counts, whatever it is */
	pair_say(r->p, CLIENT, "and from home");
	pair_deliver(r->p);
	assert_settled(r, 0, 1);
	(void)e;
	roam_free(r);
}

/* --- what goes where -------------------------------------------------------------------------- */

static void test_R136_R154_a_farewell_is_answered_where_it_came_from(void **state)
{
	(void)state;
	struct roam *const r = moved(17, true);
	struct side *const client = &r->p->side[CLIENT];
	const size_t home = r->bytes_to[0];
	dtls_close(client->e, client->conn);
	client->conn = NULL;
	pair_deliver(r->p);
	assert_int_equal(r->p->side[SERVER].count[DOWN], 1);
	assert_true(r->bytes_to[1] > 0);
	assert_int_equal(r->bytes_to[0], home);
	assert_int_equal(r->unmoved, 0); /* it has ended */
	roam_free(r);
}

/* Where it is, is in doubt: it is told at both places. */
static void test_R154_an_end_is_told_at_both_places(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct roam *const r = moved(18 + i, true);
		struct dtls_engine *const e = r->p->side[SERVER].e;
		const size_t home = r->bytes_to[0];
		if (i & 1)
			r->up->move->out = 3 * r->up->move->in;
		if (i & 2)
			dtls_farewell(e, r->up);
		else
			dtls_close(e, r->up);
		assert_true(r->bytes_to[0] > home);
		assert_int_equal(r->bytes_to[1] > 0, !(i & 1));
		r->p->side[SERVER].conn = NULL;
		pair_deliver(r->p);
		assert_int_equal(r->p->side[CLIENT].count[DOWN], !(i & 1));
		assert_int_equal(e->move_pool.used, 0);
		assert_no_number_twice(r->p);
		roam_free(r);
	}
}

/* The NAT forgets in the middle of the handshake: the final flight is asked for from elsewhere. */
static void test_R103_R152_the_final_flight_goes_where_it_is_asked_for(void **state)
{
	(void)state;
	struct roam *const r = roam_new(22);
	struct pair *const p = r->p;
	r->how = DTLS_MOVE_LATER;
	roam_half_met(r);
	r->at = 1;
	pair_run(p, p->now_ms + 9000);
	assert_true(candidate_is(r, 1));
	assert_int_equal(p->side[CLIENT].count[UP], 1);
	roam_say(r, "up");
	assert_int_equal(check(r, false), DTLS_CHECK_BEGUN);
	pair_deliver(p);
	assert_talk(p);
	assert_no_number_twice(p);
	roam_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R153_who_only_reports_is_not_asked),
		cmocka_unit_test(test_R152_who_comes_home_is_not_in_doubt_any_more),
		cmocka_unit_test(test_R152_the_newest_address_counts),
		cmocka_unit_test(test_S26_an_older_record_undoes_nothing),
		cmocka_unit_test(test_R153_R157_it_answers_and_has_moved),
		cmocka_unit_test(test_R153_R157_R140_who_has_no_id_answers),
		cmocka_unit_test(test_R153_R154_it_does_not_answer),
		cmocka_unit_test(test_S26_the_old_address_answers),
		cmocka_unit_test(test_S26_an_answer_that_is_late_moves_nothing),
		cmocka_unit_test(test_R154_a_question_waits_until_it_may_be_asked),
		cmocka_unit_test(test_R153_S9_a_question_that_lacks_numbers_gets_them),
		cmocka_unit_test(test_R153_the_owner_asks),
		cmocka_unit_test(test_R153_the_owner_asks_in_vain),
		cmocka_unit_test(test_R153_the_owner_says_that_it_has_stayed),
		cmocka_unit_test(test_S12_S26_what_is_not_proven_can_be_asked_by_the_owner_only),
		cmocka_unit_test(test_R136_R154_a_farewell_is_answered_where_it_came_from),
		cmocka_unit_test(test_R154_an_end_is_told_at_both_places),
		cmocka_unit_test(test_R103_R152_the_final_flight_goes_where_it_is_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
