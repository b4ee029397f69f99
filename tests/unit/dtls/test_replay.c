/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "dtls/record.h"
#include "dtls/replay.h"

static bool take(struct dtls_replay *r, uint64_t seq)
{
	if (!dtls_replay_check(r, seq))
		return false;
	dtls_replay_mark(r, seq);
	return true;
}

static void test_I2_each_number_is_taken_once(void **state)
{
	(void)state;
	struct dtls_replay r = { 0 };
	for (uint64_t seq = 0; seq < 200; seq++) {
		assert_true(take(&r, seq));
		assert_false(take(&r, seq));
	}
	for (uint64_t seq = 0; seq < 200; seq++)
		assert_false(take(&r, seq));
}

static void test_I2_number_zero_counts_in_a_new_window(void **state)
{
	(void)state;
	struct dtls_replay r = { 0 };
	assert_true(dtls_replay_check(&r, 0));
	assert_true(take(&r, 5));
	assert_true(take(&r, 0));
	assert_false(take(&r, 0));
	assert_false(take(&r, 5));
}

static void test_R122_window_is_64_wide(void **state)
{
	(void)state;
	struct dtls_replay r = { 0 };
	assert_true(take(&r, 1000));
	assert_true(dtls_replay_check(&r, 1000 - 62));
	assert_true(dtls_replay_check(&r, 1000 - 63));  /* the last inside */
	assert_false(dtls_replay_check(&r, 1000 - 64)); /* the first outside */
	assert_false(dtls_replay_check(&r, 0));
	assert_true(take(&r, 1000 - 63));
	assert_false(take(&r, 1000 - 63));
	assert_true(take(&r, 1001)); /* ... which now falls out */
	assert_false(take(&r, 1000 - 63));
	assert_true(take(&r, 1000 - 62));
}

static void test_R122_window_moves_only_after_the_tag(void **state)
{
	(void)state;
	struct dtls_replay r = { 0 };
	assert_true(take(&r, 10));
	const struct dtls_replay before = r;
	assert_true(
		dtls_replay_check(&r, DTLS_SEQ_MAX)); /* a forged number: checked, never marked */
	assert_memory_equal(&r, &before, sizeof(r));
	assert_true(take(&r, 9));
}

static void test_R122_jumps_of_63_64_65_forget_what_is_left_behind(void **state)
{
	(void)state;
	for (uint64_t jump = 63; jump <= 65; jump++) {
		struct dtls_replay r = { 0 };
		assert_true(take(&r, 100));
		assert_true(take(&r, 100 + jump));
		assert_false(dtls_replay_check(&r, 100)); /* seen, or too old */
		assert_true(dtls_replay_check(&r, 100 + jump - 62));
		assert_int_equal(dtls_replay_check(&r, 100 + jump - 63), jump != 63);
	}
}

static void test_R122_last_number_of_an_epoch(void **state)
{
	(void)state;
	struct dtls_replay r = { 0 };
	assert_true(take(&r, DTLS_SEQ_MAX - 1));
	assert_true(take(&r, DTLS_SEQ_MAX));
	assert_false(take(&r, DTLS_SEQ_MAX));
	assert_false(take(&r, DTLS_SEQ_MAX - 1));
	assert_true(take(&r, DTLS_SEQ_MAX - 63));
}

/* Against the plainest model: a list of what was taken. */
static void test_I2_random_order_agrees_with_a_list(void **state)
{
	(void)state;
	enum { SPAN = 1024 };
	bool taken[SPAN] = { false };
	struct dtls_replay r = { 0 };
	uint64_t top = 0;
	uint32_t random = 12345;
	for (int i = 0; i < 20000; i++) {
		random = random * 1664525 + 1013904223;
		const uint64_t centre = (uint64_t)i * SPAN / 20000;
		const uint64_t seq = (centre + (random >> 24)) % SPAN;
		const bool fresh = !taken[seq] && seq + 64 > top;
		assert_int_equal(take(&r, seq), fresh);
		taken[seq] = taken[seq] || fresh;
		top = fresh && seq > top ? seq : top;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I2_each_number_is_taken_once),
		cmocka_unit_test(test_I2_number_zero_counts_in_a_new_window),
		cmocka_unit_test(test_R122_window_is_64_wide),
		cmocka_unit_test(test_R122_window_moves_only_after_the_tag),
		cmocka_unit_test(test_R122_jumps_of_63_64_65_forget_what_is_left_behind),
		cmocka_unit_test(test_R122_last_number_of_an_epoch),
		cmocka_unit_test(test_I2_random_order_agrees_with_a_list),
	};
	return cmocka_run_group_tests_name("dtls/replay", tests, NULL, NULL);
}
