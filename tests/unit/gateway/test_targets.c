/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/targets.h"

static struct gw_targets of(uint8_t a, uint8_t b)
{
	const uint8_t now[] = { a, b };
	struct gw_targets t = { .now_len = 0 };
	gw_targets_set(&t, now, 2);
	return t;
}

static void fails(struct gw_targets *t, uint8_t target, size_t times, uint64_t now_ms)
{
	while (times-- > 0)
		gw_targets_failed(t, target, now_ms);
}

static void test_newcomers_get_the_first_and_others_what_they_had(void **state)
{
	(void)state;
	struct gw_targets t = of(5, 7);
	assert_int_equal(gw_targets_pick(&t, GW_NO_TARGET, 0), 5);
	assert_int_equal(gw_targets_pick(&t, 5, 0), 5);
	assert_int_equal(gw_targets_pick(&t, 7, 0), 7);
	assert_int_equal(gw_targets_pick(&t, 3, 0), 5); /* it is none any more */
	struct gw_targets none = { .now_len = 0 };
	assert_int_equal(gw_targets_pick(&none, 3, 0), GW_NO_TARGET);
}

static void test_one_that_does_not_answer_is_passed_over(void **state)
{
	(void)state;
	struct gw_targets t = of(0, 1);
	fails(&t, 0, GW_TARGET_FAILURES - 1, 1000);
	assert_int_equal(gw_targets_pick(&t, 0, 1000), 0);
	gw_targets_answered(&t, 0); /* in a row, it says */
	fails(&t, 0, GW_TARGET_FAILURES - 1, 1000);
	assert_int_equal(gw_targets_pick(&t, 0, 1000), 0);
	fails(&t, 0, 1, 1000);
	assert_int_equal(gw_targets_pick(&t, 0, 1000), 1);
	assert_int_equal(gw_targets_pick(&t, GW_NO_TARGET, 1000), 1);
	assert_int_equal(gw_targets_pick(&t, 0, 1000 + GW_TARGET_PASS_MS - 1), 1);
}

/* Not the whole fleet waits for one that is dead. */
static void test_one_link_tries_it_again_and_the_rest_follow(void **state)
{
	(void)state;
	const uint64_t then = 1000 + GW_TARGET_PASS_MS;
	struct gw_targets t = of(0, 1);
	fails(&t, 0, GW_TARGET_FAILURES, 1000);
	assert_int_equal(gw_targets_pick(&t, GW_NO_TARGET, then), 0);
	assert_int_equal(gw_targets_pick(&t, GW_NO_TARGET, then), 1);
	assert_int_equal(gw_targets_pick(&t, 0, then + GW_TARGET_PASS_MS - 1), 1);
	/* It fails again, later. */
	fails(&t, 0, 1, then + 5000);
	assert_int_equal(gw_targets_pick(&t, 0, then + GW_TARGET_PASS_MS), 1);
	assert_int_equal(gw_targets_pick(&t, 0, then + 5000 + GW_TARGET_PASS_MS), 0);
	gw_targets_answered(&t, 0);
	assert_int_equal(gw_targets_pick(&t, GW_NO_TARGET, then + 5001 + GW_TARGET_PASS_MS), 0);
	/* Who is elsewhere stays there. */
	assert_int_equal(gw_targets_pick(&t, 1, then + 5001 + GW_TARGET_PASS_MS), 1);
}

static void test_where_none_answers_the_first_is_tried(void **state)
{
	(void)state;
	struct gw_targets t = of(0, 1);
	fails(&t, 0, GW_TARGET_FAILURES, 10);
	fails(&t, 1, GW_TARGET_FAILURES, 10);
	assert_int_equal(gw_targets_pick(&t, 1, 20), 0);
	const uint8_t only = 4;
	gw_targets_set(&t, &only, 1);
	fails(&t, 4, (size_t)2 * GW_TARGET_FAILURES, 10);
	assert_int_equal(gw_targets_pick(&t, GW_NO_TARGET, 20), 4);
	const uint8_t two[] = { 4, 5 };
	gw_targets_set(&t, two, 2); /* one more failure, and there is another */
	fails(&t, 4, 1, 30);
	assert_int_equal(gw_targets_pick(&t, 4, 31), 5);
}

static void test_other_addresses_begin_anew_and_the_same_ones_do_not(void **state)
{
	(void)state;
	struct gw_targets t = of(0, 1);
	const uint8_t next[] = { 0, 2 };
	fails(&t, 0, GW_TARGET_FAILURES, 10);
	fails(&t, 1, 2, 10);
	gw_targets_set(&t, next, 2);
	assert_int_equal(gw_targets_pick(&t, 1, 20), 2);
	const uint8_t back[] = { 1, 0 };
	gw_targets_set(&t, back, 2);
	fails(&t, 1, GW_TARGET_FAILURES - 1, 20);
	assert_int_equal(gw_targets_pick(&t, 1, 20), 1);
	fails(&t, 9, 9, 20); /* it is none: nothing to remember */
	fails(&t, GW_NO_TARGET, 9, 20);
	gw_targets_answered(&t, GW_NO_TARGET);
	assert_int_equal(t.failures[9], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_newcomers_get_the_first_and_others_what_they_had),
		cmocka_unit_test(test_one_that_does_not_answer_is_passed_over),
		cmocka_unit_test(test_one_link_tries_it_again_and_the_rest_follow),
		cmocka_unit_test(test_where_none_answers_the_first_is_tried),
		cmocka_unit_test(test_other_addresses_begin_anew_and_the_same_ones_do_not),
	};
	return cmocka_run_group_tests_name("gateway/targets", tests, NULL, NULL);
}
