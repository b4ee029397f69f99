/* SPDX-License-Identifier: Apache-2.0 */
/* What one question to a BSF does next; a fake clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"
#include "gateway/bsf_try.h"

enum { NOW = 1000000, TIMEOUT = 10000 };

static void test_without_tokens(void **state)
{
	struct bsf_access a = { .wanted = false };
	struct bsf_try t = bsf_try_begin(NOW, TIMEOUT);
	enum gw_bsf_result result;
	(void)state;
	assert_int_equal(bsf_try_next(&t, &a, NOW), BSF_SENDS);
	assert_int_equal(bsf_try_status(&t, &a, 401, NOW, &result), BSF_ENDS);
	assert_int_equal(result, GW_BSF_UNAUTHORIZED);
	assert_int_equal(bsf_try_next(&t, &a, NOW + TIMEOUT - 1), BSF_SENDS);
	assert_int_equal(bsf_try_next(&t, &a, NOW + TIMEOUT), BSF_IS_SLOW);
}

static void test_one_gets_the_token_for_all(void **state)
{
	struct bsf_access a = { .wanted = true };
	struct bsf_try one = bsf_try_begin(NOW, TIMEOUT), two = one;
	(void)state;
	assert_int_equal(bsf_try_next(&one, &a, NOW), BSF_FETCHES);
	assert_int_equal(bsf_try_next(&two, &a, NOW), BSF_WAITS);
	bsf_token_failed(&a);
	assert_int_equal(bsf_try_next(&two, &a, NOW), BSF_FETCHES);
	assert_int_equal(bsf_try_next(&one, &a, NOW), BSF_WAITS);
	bsf_token_came(&a, 0, NOW);
	assert_int_equal(bsf_try_next(&one, &a, NOW), BSF_SENDS);
	assert_int_equal(bsf_try_next(&two, &a, NOW), BSF_SENDS);
}

static void test_a_token_ends_before_its_time(void **state)
{
	static const struct {
		uint32_t expires_s, used_s;
	} all[] = { { 3600, 3570 }, { 300, 270 }, { 100, 90 }, { 10, 9 }, { 1, 1 } };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct bsf_access a = { .wanted = true };
		const uint64_t end = NOW + (uint64_t)all[i].used_s * 1000;
		bsf_token_came(&a, all[i].expires_s, NOW);
		struct bsf_try t = bsf_try_begin(end - 1, TIMEOUT);
		assert_int_equal(bsf_try_next(&t, &a, end - 1), BSF_SENDS);
		assert_int_equal(bsf_try_next(&t, &a, end), BSF_FETCHES);
		assert_false(a.has);
	}
	struct bsf_access a = { .wanted = true };
	bsf_token_came(&a, UINT32_MAX, NOW);
	assert_true(a.until_ms > NOW);
	bsf_token_came(&a, 0, NOW);
	struct bsf_try t = bsf_try_begin(UINT64_MAX - TIMEOUT - 1, TIMEOUT);
	assert_int_equal(bsf_try_next(&t, &a, UINT64_MAX - TIMEOUT - 1), BSF_SENDS);
}

static void test_one_new_token_after_401(void **state)
{
	struct bsf_access a = { .wanted = true };
	struct bsf_try t = bsf_try_begin(NOW, TIMEOUT);
	enum gw_bsf_result result;
	(void)state;
	bsf_token_came(&a, 3600, NOW);
	assert_int_equal(bsf_try_next(&t, &a, NOW), BSF_SENDS);
	assert_int_equal(bsf_try_status(&t, &a, 401, NOW, &result), BSF_FETCHES);
	bsf_token_came(&a, 3600, NOW);
	assert_int_equal(bsf_try_next(&t, &a, NOW), BSF_SENDS);
	assert_int_equal(bsf_try_status(&t, &a, 401, NOW, &result), BSF_ENDS);
	assert_int_equal(result, GW_BSF_UNAUTHORIZED);
	assert_false(a.has); /* the next question has another */
}

static void test_who_was_refused_for_an_old_token_takes_the_new_one(void **state)
{
	struct bsf_access a = { .wanted = true };
	struct bsf_try one = bsf_try_begin(NOW, TIMEOUT), two = one;
	enum gw_bsf_result result;
	(void)state;
	bsf_token_came(&a, 3600, NOW);
	assert_int_equal(bsf_try_next(&one, &a, NOW), BSF_SENDS);
	assert_int_equal(bsf_try_next(&two, &a, NOW), BSF_SENDS);
	assert_int_equal(bsf_try_status(&one, &a, 401, NOW, &result), BSF_FETCHES);
	bsf_token_came(&a, 3600, NOW);
	assert_int_equal(bsf_try_status(&two, &a, 401, NOW, &result), BSF_SENDS);
	assert_true(a.has);
}

static void test_a_late_401_is_slow(void **state)
{
	struct bsf_access a = { .wanted = true };
	struct bsf_try t = bsf_try_begin(NOW, TIMEOUT);
	enum gw_bsf_result result;
	(void)state;
	bsf_token_came(&a, 3600, NOW);
	assert_int_equal(bsf_try_next(&t, &a, NOW), BSF_SENDS);
	assert_int_equal(bsf_try_status(&t, &a, 401, NOW + TIMEOUT, &result), BSF_IS_SLOW);
	assert_false(a.fetching);
}

static void test_statuses(void **state)
{
	static const struct {
		unsigned status;
		enum gw_bsf_result result;
	} all[] = { { 200, GW_BSF_OK }, { 201, GW_BSF_REFUSED }, { 204, GW_BSF_REFUSED },
		{ 307, GW_BSF_REFUSED }, { 400, GW_BSF_REFUSED }, { 403, GW_BSF_FORBIDDEN },
		{ 404, GW_BSF_NO_SUBSCRIBER }, { 429, GW_BSF_BUSY }, { 500, GW_BSF_BROKEN },
		{ 503, GW_BSF_BUSY }, { 599, GW_BSF_BROKEN }, { 600, GW_BSF_REFUSED },
		{ 0, GW_BSF_REFUSED } };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct bsf_access a = { .wanted = true, .has = true, .until_ms = UINT64_MAX };
		struct bsf_try t = bsf_try_begin(NOW, TIMEOUT);
		enum gw_bsf_result result;
		assert_int_equal(
			bsf_try_status(&t, &a, all[i].status, NOW + TIMEOUT, &result), BSF_ENDS);
		assert_int_equal(result, all[i].result);
		assert_true(a.has);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_tokens),
		cmocka_unit_test(test_one_gets_the_token_for_all),
		cmocka_unit_test(test_a_token_ends_before_its_time),
		cmocka_unit_test(test_one_new_token_after_401),
		cmocka_unit_test(test_who_was_refused_for_an_old_token_takes_the_new_one),
		cmocka_unit_test(test_a_late_401_is_slow),
		cmocka_unit_test(test_statuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
