/* SPDX-License-Identifier: Apache-2.0 */
/* What has happened to whom that was not decided: by generations, and by times that have none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/judge_parts.h"

#define BIT(e) gw_event_bit(e)

enum { NOW = 1000000 };

/* Came in generation 10, when nothing had been decided; its credential is as it was. */
static struct gw_case fresh(void)
{
	return (struct gw_case){ .now_ms = NOW,
		.generation = 10,
		.born = 10,
		.psk = true,
		.mark = { .generation = 10, .proved = 10, .active = true } };
}

static void test_R209_nothing_has_happened(void **state)
{
	(void)state;
	struct gw_case c = fresh();
	assert_int_equal(gw_case_changes(&c), 0);
	c.mark.until_ms = NOW + 1;
	assert_int_equal(gw_case_changes(&c), 0);
}

static void test_R209_events_are_told_apart(void **state)
{
	(void)state;
	struct gw_case c = fresh();
	c.mark.generation = 20; /* labels */
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_MAPPING_CHANGED));
	c.mark.proved = 20;
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_CRED_REPLACED));
	c.mark.until_ms = NOW;
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_CRED_EXPIRED));
	c.mark.active = false;
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_CRED_REVOKED));
}

static void test_S28_what_was_decided_is_not_asked_again(void **state)
{
	(void)state;
	struct gw_case c = fresh();
	c.mark.generation = c.mark.proved = 20;
	c.upto = 19;
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_CRED_REPLACED));
	assert_int_equal(gw_case_upto(&c), 20);
	c.upto = 20;
	assert_int_equal(gw_case_changes(&c), 0);
	c.mark.generation = 30; /* labels, while it stands by the old key */
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_MAPPING_CHANGED));
	c.upto = 30;
	assert_int_equal(gw_case_changes(&c), 0);
	c.mark.generation = 40;
	c.mark.active = false;
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_CRED_REVOKED));
}

/* No generation tells of the end of a time: the time of the decision does. */
static void test_an_end_is_decided_once_and_anew_when_it_is_another(void **state)
{
	(void)state;
	struct gw_case c = fresh();
	c.mark.generation = 20; /* when its end was set */
	c.upto = 20;            /* and that was decided */
	c.upto_ms = NOW - 500;
	c.decided = POLICY_MAPPING_CHANGED;
	c.mark.until_ms = NOW - 100;
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_CRED_EXPIRED));
	assert_true(gw_case_holds(&c, POLICY_CRED_EXPIRED));
	c.upto_ms = NOW - 100;
	c.decided = POLICY_CRED_EXPIRED;
	assert_int_equal(gw_case_changes(&c), 0);
	c.decided = POLICY_OWN_CHANGED; /* something else was decided since */
	c.upto_ms = NOW - 50;
	assert_int_equal(gw_case_changes(&c), 0);
	c.mark.generation = 30; /* set back to what was over before that already */
	c.mark.until_ms = NOW - 200;
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_CRED_EXPIRED));
	c.mark.until_ms = NOW + 100;
	assert_false(gw_case_holds(&c, POLICY_CRED_EXPIRED));
}

static void test_R216_the_overlap(void **state)
{
	(void)state;
	struct gw_case c = fresh();
	c.mark.generation = c.mark.proved = 20;
	c.mark.before = 8; /* which has had other labels since */
	c.mark.before_until_ms = NOW + 1;
	assert_int_equal(gw_case_changes(&c), 0);
	assert_false(gw_case_holds(&c, POLICY_CRED_REPLACED));
	c.mark.before_until_ms = NOW;
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_CRED_REPLACED));
	c.upto = 25; /* a wave was decided of during the overlap */
	c.upto_ms = NOW - 1;
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_CRED_REPLACED));
	c.upto_ms = NOW;
	assert_int_equal(gw_case_changes(&c), 0);
	c.mark.before = 12; /* it is older than what stood beside */
	c.mark.before_until_ms = NOW + 1;
	c.upto = 0;
	c.upto_ms = 0;
	assert_int_equal(gw_case_changes(&c), BIT(POLICY_CRED_REPLACED));
}

/* --- rulings ---------------------------------------------------------------------------------- */

static struct gw_ruling ruling(enum policy_action device, enum policy_action upstream)
{
	return (struct gw_ruling){ .is = true,
		.event = POLICY_MAPPING_CHANGED,
		.device = { .action = device },
		.upstream = { .action = upstream },
		.rule = "new" };
}

/* Whatever comes later, what was decided and is not over holds. */
static void test_a_later_decision_is_never_milder(void **state)
{
	(void)state;
	for (int i = 0; i < POLICY_ACTIONS * POLICY_ACTIONS; i++) {
		struct gw_ruling now =
			ruling((enum policy_action)(i % POLICY_ACTIONS), POLICY_KEEP);
		struct gw_ruling before =
			ruling((enum policy_action)(i / POLICY_ACTIONS), POLICY_TEARDOWN);
		before.event = POLICY_CRED_REPLACED;
		memcpy(before.rule, "old", sizeof("old"));
		const unsigned was = gw_action_weight(now.device.action);
		gw_ruling_join(&now, &before);
		const unsigned is = gw_action_weight(now.device.action);
		assert_true(is >= was && is >= gw_action_weight(before.device.action));
		assert_string_equal(
			now.rule, gw_action_weight(before.device.action) > was ? "old" : "new");
		assert_int_equal(now.upstream.action, POLICY_TEARDOWN);
	}
}

static void test_a_bound_stays_the_sooner_one(void **state)
{
	(void)state;
	struct gw_ruling now = ruling(POLICY_KEEP, POLICY_KEEP);
	struct gw_ruling before = ruling(POLICY_KEEP, POLICY_KEEP);
	before.device.bound_s = 5;
	before.until_ms = NOW + 5000;
	gw_ruling_join(&now, &before);
	assert_true(now.until_ms == NOW + 5000);
	assert_false(gw_ruling_is_idle(&now));
	assert_false(gw_ruling_end(&now, NOW + 4999));
	assert_true(gw_ruling_end(&now, NOW + 5000));
	assert_int_equal(now.device.action, POLICY_TEARDOWN);
	assert_int_equal(now.upstream.action, POLICY_KEEP);
}

/* What a program that is newer has written, or damage, is no licence. */
static void test_a_row_that_is_not_understood_tears_down(void **state)
{
	(void)state;
	const struct store_verdict v = { .event = 200, .device = 99, .upstream = 99 };
	struct gw_ruling r;
	gw_ruling_from_row(&v, NOW, &r);
	assert_int_equal(r.device.action, POLICY_TEARDOWN);
	assert_int_equal(r.upstream.action, POLICY_TEARDOWN);
	assert_int_equal(r.event, POLICY_EVENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R209_nothing_has_happened),
		cmocka_unit_test(test_R209_events_are_told_apart),
		cmocka_unit_test(test_S28_what_was_decided_is_not_asked_again),
		cmocka_unit_test(test_an_end_is_decided_once_and_anew_when_it_is_another),
		cmocka_unit_test(test_R216_the_overlap),
		cmocka_unit_test(test_a_later_decision_is_never_milder),
		cmocka_unit_test(test_a_bound_stays_the_sooner_one),
		cmocka_unit_test(test_a_row_that_is_not_understood_tears_down),
	};
	return cmocka_run_group_tests_name("gateway/judge changes", tests, NULL, NULL);
}
