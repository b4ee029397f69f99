/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/impair.h"

enum { MANY = 20000 };

static const struct impair_settings bad = { .loss = 20,
	.dup = 10,
	.reorder = 10,
	.replay = 5,
	.delay_min_ms = 1,
	.delay_max_ms = 20,
	.reorder_ms = 60,
	.replay_ms = 2000,
	.seed = 42 };

static void test_the_same_seed_brings_the_same_decisions(void **state)
{
	struct impair a, b;
	(void)state;
	impair_init(&a, &bad);
	impair_init(&b, &bad);
	for (int i = 0; i < MANY; i++) {
		const struct impair_fate x = impair_next(&a, IMPAIR_UP),
					 y = impair_next(&b, IMPAIR_UP);
		assert_int_equal(x.copies, y.copies);
		assert_memory_equal(x.delay_ms, y.delay_ms, sizeof(x.delay_ms));
	}
}

static void test_one_way_does_not_change_the_luck_of_the_other(void **state)
{
	struct impair a, b;
	(void)state;
	impair_init(&a, &bad);
	impair_init(&b, &bad);
	for (int i = 0; i < MANY; i++) {
		(void)impair_next(&b, IMPAIR_DOWN);
		assert_int_equal(
			impair_next(&a, IMPAIR_UP).copies, impair_next(&b, IMPAIR_UP).copies);
	}
}

static void test_another_seed_brings_other_decisions(void **state)
{
	struct impair a, b;
	struct impair_settings other = bad;
	unsigned differ = 0;
	(void)state;
	other.seed++;
	impair_init(&a, &bad);
	impair_init(&b, &other);
	for (int i = 0; i < MANY; i++)
		differ += impair_next(&a, IMPAIR_UP).copies != impair_next(&b, IMPAIR_UP).copies;
	assert_in_range(differ, MANY / 10, MANY);
}

static void test_as_often_as_asked(void **state)
{
	struct impair im;
	unsigned lost = 0, dup = 0, reordered = 0, replayed = 0;
	(void)state;
	impair_init(&im, &bad);
	for (int i = 0; i < MANY; i++) {
		const struct impair_fate f = impair_next(&im, IMPAIR_DOWN);
		lost += f.copies == 0;
		dup += f.duplicated;
		reordered += f.reordered;
		replayed += f.replayed;
		assert_int_equal(f.copies, f.copies == 0 ? 0 : 1 + f.duplicated + f.replayed);
		assert_in_range(f.delay_ms[0], f.copies ? 1 : 0, 20 + 60);
	}
	assert_in_range(lost, MANY * 18 / 100, MANY * 22 / 100);
	/* Of the four fifths that are not lost. */
	assert_in_range(dup, MANY * 7 / 100, MANY * 9 / 100);
	assert_in_range(reordered, MANY * 7 / 100, MANY * 9 / 100);
	assert_in_range(replayed, MANY * 3 / 100, MANY * 5 / 100);
}

static void test_a_good_path_changes_nothing(void **state)
{
	const struct impair_settings good = { .seed = 1, .reorder_ms = 60, .replay_ms = 2000 };
	struct impair im;
	(void)state;
	impair_init(&im, &good);
	for (int i = 0; i < MANY; i++) {
		const struct impair_fate f = impair_next(&im, IMPAIR_UP);
		assert_true(f.copies == 1 && f.delay_ms[0] == 0);
	}
}

static void test_everything_is_lost_at_100_percent(void **state)
{
	const struct impair_settings none = { .loss = 100, .dup = 100 };
	struct impair im;
	(void)state;
	impair_init(&im, &none);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(impair_next(&im, IMPAIR_UP).copies, 0);
}

static void test_readdresses_after_each_so_many(void **state)
{
	struct impair_settings set = bad;
	struct impair im;
	(void)state;
	set.readdress = 5;
	impair_init(&im, &set);
	for (uint64_t n = 0; n < 21; n++)
		assert_int_equal(impair_readdress(&im, n), n > 0 && n % 5 == 0);
	set.readdress = 0;
	impair_init(&im, &set);
	assert_false(impair_readdress(&im, 5));
}

static void test_roams_as_often_as_asked_and_after_silence(void **state)
{
	struct impair_settings set = bad;
	struct impair im;
	unsigned moved = 0, early = 0, repeated = 0;
	(void)state;
	set.roam = 30;
	set.roam_idle_ms = 50;
	set.elsewhere = 10;
	impair_init(&im, &set);
	for (int i = 0; i < MANY; i++) {
		moved += impair_roams(&im, 50);
		early += impair_roams(&im, 49);
		repeated += impair_elsewhere(&im);
	}
	assert_in_range(moved, MANY * 28 / 100, MANY * 32 / 100);
	assert_int_equal(early, 0);
	assert_in_range(repeated, MANY * 9 / 100, MANY * 11 / 100);
}

static void test_who_does_not_roam_stays(void **state)
{
	struct impair im;
	(void)state;
	impair_init(&im, &bad);
	for (int i = 0; i < MANY; i++)
		assert_false(impair_roams(&im, UINT64_MAX) || impair_elsewhere(&im));
}

static void test_addresses_do_not_change_the_luck_of_datagrams(void **state)
{
	struct impair_settings roaming = bad;
	struct impair a, b;
	unsigned drawn = 0;
	(void)state;
	roaming.roam = roaming.elsewhere = 50;
	impair_init(&a, &bad);
	impair_init(&b, &roaming);
	for (int i = 0; i < MANY; i++) {
		drawn += impair_roams(&b, 0);
		drawn += impair_elsewhere(&b);
		const struct impair_fate x = impair_next(&a, IMPAIR_UP),
					 y = impair_next(&b, IMPAIR_UP);
		assert_int_equal(x.copies, y.copies);
		assert_memory_equal(x.delay_ms, y.delay_ms, sizeof(x.delay_ms));
	}
	assert_true(drawn > 0);
}

static void test_settings_out_of_range_are_refused(void **state)
{
	struct impair_settings set = bad;
	(void)state;
	assert_null(impair_check(&set));
	set.loss = 100.5;
	assert_non_null(impair_check(&set));
	set = bad;
	set.roam = -1;
	assert_non_null(impair_check(&set));
	set = bad;
	set.elsewhere = 101;
	assert_non_null(impair_check(&set));
	set = bad;
	set.delay_min_ms = set.delay_max_ms + 1;
	assert_non_null(impair_check(&set));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_seed_brings_the_same_decisions),
		cmocka_unit_test(test_one_way_does_not_change_the_luck_of_the_other),
		cmocka_unit_test(test_another_seed_brings_other_decisions),
		cmocka_unit_test(test_as_often_as_asked),
		cmocka_unit_test(test_a_good_path_changes_nothing),
		cmocka_unit_test(test_everything_is_lost_at_100_percent),
		cmocka_unit_test(test_readdresses_after_each_so_many),
		cmocka_unit_test(test_roams_as_often_as_asked_and_after_silence),
		cmocka_unit_test(test_who_does_not_roam_stays),
		cmocka_unit_test(test_addresses_do_not_change_the_luck_of_datagrams),
		cmocka_unit_test(test_settings_out_of_range_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
