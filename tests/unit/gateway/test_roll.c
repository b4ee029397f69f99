/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/roll.h"
#include "gateway/session.h"

enum { MANY = 20000, STEPS = 200000, CREDS = 512, TENURES = 4, SHARED = 7 };

static void test_thousands_are_found_by_credential_and_tenure(void **state)
{
	(void)state;
	struct gw_roll r;
	struct gw_session *const s = calloc(MANY, sizeof(*s));
	assert_non_null(s);
	assert_true(gw_roll_init(&r));
	for (uint32_t i = 0; i < MANY; i++) {
		s[i].cred = 1 + i;
		s[i].tenure = 1000 + i;
		gw_roll_add(&r, &s[i]);
	}
	assert_int_equal(r.count, MANY);
	size_t longest = 0;
	for (size_t i = 0; i <= r.mask; i++) {
		size_t n = 0;
		for (const struct gw_session *at = r.buckets[i]; at; at = at->next_in_roll)
			n++;
		longest = n > longest ? n : longest;
	}
	assert_true(longest <= 4); /* a look-up costs the same */
	for (uint32_t i = 0; i < MANY; i++) {
		assert_ptr_equal(gw_roll_find(&r, 1 + i, 1000 + i), &s[i]);
		assert_null(gw_roll_find(&r, 1 + i, 999 + i));
	}
	assert_null(gw_roll_find(&r, 0, 1000));
	assert_null(gw_roll_find(&r, MANY + 1, 1000 + MANY));
	for (uint32_t i = 0; i < MANY; i += 2)
		gw_roll_remove(&r, &s[i]);
	assert_int_equal(r.count, MANY / 2);
	for (uint32_t i = 0; i < MANY; i++)
		assert_ptr_equal(gw_roll_find(&r, 1 + i, 1000 + i), i % 2 ? &s[i] : NULL);
	gw_roll_fini(&r);
	free(s);
}

/* Two lives of one endpoint may be there at once; one that is not there is not removed. */
static void test_tenures_of_one_credential_are_apart(void **state)
{
	(void)state;
	struct gw_roll r;
	struct gw_session s[TENURES] = { { .cred = SHARED } };
	assert_true(gw_roll_init(&r));
	for (uint32_t i = 0; i < TENURES; i++) {
		s[i].cred = SHARED;
		s[i].tenure = i << 8 | 1;
		gw_roll_add(&r, &s[i]);
	}
	for (uint32_t i = 0; i < TENURES; i++)
		assert_ptr_equal(gw_roll_find(&r, SHARED, i << 8 | 1), &s[i]);
	gw_roll_remove(&r, &s[1]);
	gw_roll_remove(&r, &s[1]);
	assert_int_equal(r.count, TENURES - 1);
	assert_null(gw_roll_find(&r, SHARED, 1 << 8 | 1));
	assert_ptr_equal(gw_roll_find(&r, SHARED, 2 << 8 | 1), &s[2]);
	gw_roll_fini(&r);
}

/* Against a plain table. */
static void test_any_order_of_coming_and_going(void **state)
{
	(void)state;
	static struct gw_session s[CREDS][TENURES];
	static bool in[CREDS][TENURES];
	struct gw_roll r;
	uint32_t random = 99;
	size_t count = 0;
	assert_true(gw_roll_init(&r));
	for (uint32_t c = 0; c < CREDS; c++) {
		for (uint32_t k = 0; k < TENURES; k++)
			s[c][k] = (struct gw_session){ .cred = c * 64, .tenure = k };
	}
	for (size_t i = 0; i < STEPS; i++) {
		random = random * 1103515245 + 12345;
		const uint32_t c = random >> 16 & (CREDS - 1), k = random >> 28 & (TENURES - 1);
		assert_ptr_equal(gw_roll_find(&r, c * 64, k), in[c][k] ? &s[c][k] : NULL);
		if (in[c][k])
			gw_roll_remove(&r, &s[c][k]);
		else
			gw_roll_add(&r, &s[c][k]);
		in[c][k] = !in[c][k];
		count += in[c][k] ? 1 : SIZE_MAX;
		assert_int_equal(r.count, count);
	}
	gw_roll_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thousands_are_found_by_credential_and_tenure),
		cmocka_unit_test(test_tenures_of_one_credential_are_apart),
		cmocka_unit_test(test_any_order_of_coming_and_going),
	};
	return cmocka_run_group_tests_name("gateway/roll", tests, NULL, NULL);
}
