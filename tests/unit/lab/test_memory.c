/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/memory.h"

enum { EACH = 4, MANY = 1000 };

static void add(struct memory *m, struct rng *r, uint32_t number)
{
	memory_add(m, r, (const uint8_t *)&number, sizeof(number));
}

static uint32_t at(const struct memory *m, uint32_t i)
{
	uint32_t number;
	const struct kept *k = memory_at(m, i);
	assert_non_null(k);
	assert_int_equal(k->len, sizeof(number));
	memcpy(&number, k->data, sizeof(number));
	return number;
}

static void test_the_newest_are_kept_in_order(void **state)
{
	struct memory m;
	struct rng r = { 1 };
	(void)state;
	memory_init(&m, EACH);
	assert_null(memory_at(&m, 0));
	for (uint32_t n = 0; n < MANY; n++)
		add(&m, &r, n);
	for (uint32_t i = 0; i < EACH; i++)
		assert_int_equal(at(&m, EACH + i), MANY - EACH + i);
	assert_null(memory_at(&m, 2 * EACH));
	memory_free(&m);
}

static void test_of_those_before_some_are_kept_and_none_twice(void **state)
{
	struct memory m;
	struct rng r = { 1 };
	uint32_t old = 0;
	(void)state;
	memory_init(&m, EACH);
	for (uint32_t n = 0; n < MANY; n++)
		add(&m, &r, n);
	for (uint32_t i = 0; i < EACH; i++) {
		assert_true(at(&m, i) < MANY - EACH);
		old += at(&m, i) < MANY / 2;
		for (uint32_t j = 0; j < i; j++)
			assert_int_not_equal(at(&m, i), at(&m, j));
	}
	assert_true(old > 0);
	memory_free(&m);
}

static void test_few_are_all_kept_and_forgotten_on_demand(void **state)
{
	struct memory m;
	struct rng r = { 1 };
	unsigned found = 0;
	(void)state;
	memory_init(&m, EACH);
	for (uint32_t n = 0; n < 2 * EACH; n++)
		add(&m, &r, n);
	for (uint32_t i = 0; i < 2 * EACH; i++)
		found += memory_at(&m, i) != NULL;
	assert_int_equal(found, 2 * EACH);
	memory_forget(&m);
	for (uint32_t i = 0; i < 2 * EACH; i++)
		assert_null(memory_at(&m, i));
	add(&m, &r, 7);
	memory_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_newest_are_kept_in_order),
		cmocka_unit_test(test_of_those_before_some_are_kept_and_none_twice),
		cmocka_unit_test(test_few_are_all_kept_and_forgotten_on_demand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
