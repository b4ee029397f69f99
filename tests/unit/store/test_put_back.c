/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "unit/store/depot.h"

static void test_S5_a_slot_file_put_back_while_we_run_is_no_proof(void **state)
{
	(void)state;
	struct depot *const d = depot_new();
	depot_start(d);
	const struct store_cred c = depot_cred(d, "meter");
	struct store_assoc a = depot_assoc(d, &c, 1);
	static uint8_t copy[1 << 21];
	FILE *f = fopen(d->hot, "r+");
	assert_non_null(f);
	const size_t n = fread(copy, 1, sizeof(copy), f);
	for (int i = 1; i < 6; i++) {
		store_batch(d->s, 0);
		depot_mark(d, &a, (uint64_t)i);
	}
	rewind(f); /* cp backup/hot hot */
	assert_int_equal(fwrite(copy, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	store_batch(d->s, 0); /* life goes on */
	depot_kill(d);
	depot_start(d);
	assert_false(d->start.continuous);
	depot_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S5_a_slot_file_put_back_while_we_run_is_no_proof),
	};
	return cmocka_run_group_tests_name("store/put_back", tests, NULL, NULL);
}
