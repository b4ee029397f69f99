/* SPDX-License-Identifier: Apache-2.0 */
/* Associations that fall asleep while it is not known where their peer is (R-159, S26). */
#include "nap.h"

/* Heard from line 1, and asleep; another process then. */
static struct roam *asleep_in_doubt(uint64_t seed)
{
	struct roam *const r = up(seed, NULL, 0xc0a8);
	r->how = DTLS_MOVE_LATER;
	r->at = 1;
	roam_say(r, "moved");
	assert_int_equal(r->moving, 1);
	to_sleep(r);
	restart(r);
	return r;
}

/* How many octets are known to have come from the candidate, which is said to be at `line`. */
static uint64_t credit_at(const struct roam *r, unsigned line)
{
	const struct dtls_conn *const c = r->up;
	assert_true(c && c->move);
	if (!c || !c->move)
		return 0;
	assert_int_equal(line_of(SERVER, &c->move->node.path), line);
	assert_false(wheel_armed(&c->move->timer)); /* nobody asks yet */
	return c->move->in;
}

static bool candidate_is(const struct roam *r, unsigned line)
{
	const struct net_path want = line_path(SERVER, line);
	const struct net_path *const is = dtls_conn_candidate(r->up);
	return is && net_path_same(is, &want);
}

static void test_R159_S26_woken_from_where_it_was_heard_last(void **state)
{
	(void)state;
	struct roam *const r = asleep_in_doubt(20);
	roam_say(r, "still there");
	assert_int_equal(r->moving, 1); /* it was asked then */
	assert_int_equal(credit_at(r, 1), DTLS_CANDIDATE_CREDIT + r->heard[r->heard_count - 1].len);
	assert_int_equal(roam_server_line(r), 0);
	assert_int_equal(
		dtls_check(r->p->side[SERVER].e, r->up, false, r->p->now_ms), DTLS_CHECK_BEGUN);
	pair_deliver(r->p);
	assert_int_equal(roam_server_line(r), 1);
	assert_int_equal(r->unmoved, 0);
	roam_free(r);
}

static void test_R159_S26_woken_from_home(void **state)
{
	(void)state;
	struct roam *const r = asleep_in_doubt(21);
	r->at = 0;
	roam_say(r, "back");
	assert_int_equal(r->unmoved, 1);
	assert_null(dtls_conn_candidate(r->up));
	assert_int_equal(roam_server_line(r), 0);
	roam_free(r);
}

static void test_R159_S26_woken_from_a_third_address(void **state)
{
	(void)state;
	struct roam *const r = asleep_in_doubt(22);
	r->at = 2;
	roam_say(r, "further");
	assert_int_equal(r->moving, 2);
	assert_int_equal(r->unmoved, 0);
	assert_int_equal(credit_at(r, 2), r->heard[r->heard_count - 1].len);
	roam_free(r);
}

/* For a server's request: nothing has come from there in this memory. */
static void test_R159_R154_woken_by_the_owner(void **state)
{
	(void)state;
	for (unsigned mute = 0; mute < 2; mute++) {
		struct roam *const r = asleep_in_doubt(23 + mute);
		struct side *const s = &r->p->side[SERVER];
		r->mute = mute;
		r->up = s->conn = dtls_wake(s->e, &kept.s, r->p->now_ms);
		assert_true(candidate_is(r, 1));
		assert_int_equal(dtls_check(s->e, r->up, false, r->p->now_ms), DTLS_CHECK_BEGUN);
		pair_run(r->p, r->p->now_ms + 27010);
		assert_int_equal(roam_server_line(r), !mute);
		assert_int_equal(r->unmoved, mute);
		assert_true(r->bytes_to[1] > 0);
		assert_true(r->bytes_to[1] <= (size_t)3 * DTLS_CANDIDATE_CREDIT || !mute);
		assert_int_equal(r->moving, 1);
		roam_free(r);
	}
}

/* Its own is another's now: the candidate is all there is, even where it was before. */
static void test_R109_R159_woken_adrift(void **state)
{
	(void)state;
	struct roam *const r = asleep_in_doubt(25);
	kept.s.adrift = true;
	kept.s.candidate = kept.s.path;
	r->at = 0;
	roam_say(r, "back");
	assert_int_equal(r->moving, 1);
	assert_true(candidate_is(r, 0));
	assert_int_equal(
		dtls_check(r->p->side[SERVER].e, r->up, true, r->p->now_ms), DTLS_CHECK_BEGUN);
	pair_deliver(r->p);
	assert_false(dtls_conn_is_adrift(r->up));
	assert_true(roam_is_reached(r));
	roam_free(r);
}

/* Old records from anywhere undo nothing of what the owner knows. */
static void test_S12_S26_woken_with_a_window_that_is_not_known(void **state)
{
	(void)state;
	struct roam *const r = asleep_in_doubt(26);
	struct dtls_engine *const e = r->p->side[SERVER].e;
	kept.s.unproven = true;
	roam_replay(r, 0, 3);
	assert_true(candidate_is(r, 3)); /* whoever it is: good for a question */
	roam_replay(r, 0, 0);
	assert_null(dtls_conn_candidate(r->up));
	assert_int_equal(r->unmoved + r->moved, 0);
	assert_int_equal(r->moving, 1);
	dtls_prove(e, r->up, dtls_conn_numbers(r->p->side[CLIENT].conn).next - 1);
	r->at = 0;
	roam_say(r, "back");
	assert_int_equal(r->unmoved, 1); /* now it is known */
	roam_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R159_S26_woken_from_where_it_was_heard_last),
		cmocka_unit_test(test_R159_S26_woken_from_home),
		cmocka_unit_test(test_R159_S26_woken_from_a_third_address),
		cmocka_unit_test(test_R159_R154_woken_by_the_owner),
		cmocka_unit_test(test_R109_R159_woken_adrift),
		cmocka_unit_test(test_S12_S26_woken_with_a_window_that_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
