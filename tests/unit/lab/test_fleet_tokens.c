/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/fleet.h"

enum { MANY = 1000 };

static void ask(struct fleet *f, struct fleet_device *d, enum lab_type type, uint32_t token)
{
	struct lab_head head = { .type = type, .code = LAB_GET, .token_len = sizeof(token) };
	memcpy(head.token, &token, sizeof(token));
	fleet_tokens_asked(f, &d->model, &head);
}

static void test_I2_a_NON_request_that_comes_twice_is_counted_however_late(void **state)
{
	struct fleet *f = calloc(1, sizeof(*f));
	struct fleet_device one = { .number = 0 }, two = { .number = 1 };
	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		ask(f, &one, LAB_NON, i);
		ask(f, &two, LAB_NON, i);
	}
	assert_int_equal(f->counts.twice, 0);
	ask(f, &one, LAB_NON, 0);
	ask(f, &two, LAB_NON, MANY - 1);
	assert_int_equal(f->counts.twice, 2);
	free(one.tokens.seen);
	free(two.tokens.seen);
	free(f);
}

static void test_a_CON_request_may_come_again(void **state)
{
	struct fleet *f = calloc(1, sizeof(*f));
	struct fleet_device one = { .number = 0 };
	(void)state;
	ask(f, &one, LAB_CON, 1);
	ask(f, &one, LAB_CON, 1);
	assert_int_equal(f->counts.twice, 0);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I2_a_NON_request_that_comes_twice_is_counted_however_late),
		cmocka_unit_test(test_a_CON_request_may_come_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
