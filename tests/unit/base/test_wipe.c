/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/wipe.h"

static void test_I5_wipe_clears_n_bytes_and_no_more(void **state)
{
	(void)state;
	for (size_t n = 0; n <= 40; n++) {
		uint8_t secret[48];
		memset(secret, 0xa5, sizeof(secret));
		wipe(secret, n);
		for (size_t i = 0; i < sizeof(secret); i++)
			assert_int_equal(secret[i], i < n ? 0 : 0xa5);
	}
	wipe(NULL, 0);
}

static void test_I5_any_differing_bit_is_seen(void **state)
{
	(void)state;
	uint8_t a[33];
	uint8_t b[33];
	memset(a, 0x5a, sizeof(a));
	memset(b, 0x5a, sizeof(b));
	assert_true(same_secret(a, b, sizeof(a)));
	for (size_t bit = 0; bit < sizeof(a) * 8; bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(same_secret(a, b, sizeof(a)));
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_I5_two_differences_do_not_cancel(void **state)
{
	(void)state;
	const uint8_t a[4] = { 1, 2, 3, 4 };
	const uint8_t b[4] = { 1, 3, 2, 4 };
	assert_false(same_secret(a, b, sizeof(a)));
	const uint8_t c[4] = { 0x80, 0, 0, 0 };
	const uint8_t d[4] = { 0, 0x80, 0, 0 };
	assert_false(same_secret(c, d, sizeof(c)));
}

static void test_I5_only_n_bytes_are_compared(void **state)
{
	(void)state;
	assert_true(same_secret("abcX", "abcY", 3));
	assert_false(same_secret("abcX", "abcY", 4));
	assert_true(same_secret("X", "Y", 0));
}

static void test_I5_nothing_is_left_in_vector_registers(void **state)
{
	(void)state;
#if defined(__x86_64__)
	static const uint8_t secret[16] = "sixteen octets..";
	uint8_t left[16], any = 1;
	__asm__ volatile("movups %0, %%xmm10" : : "m"(secret) : "xmm10");
	wipe(&any, sizeof(any));
	__asm__ volatile("movups %%xmm10, %0" : "=m"(left) : :);
	assert_memory_equal(left, (uint8_t[16]){ 0 }, sizeof(left));
#else
	skip();
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I5_wipe_clears_n_bytes_and_no_more),
		cmocka_unit_test(test_I5_any_differing_bit_is_seen),
		cmocka_unit_test(test_I5_two_differences_do_not_cancel),
		cmocka_unit_test(test_I5_only_n_bytes_are_compared),
		cmocka_unit_test(test_I5_nothing_is_left_in_vector_registers),
	};
	return cmocka_run_group_tests_name("base/wipe", tests, NULL, NULL);
}
