/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of keys and the man page say the same. Run from the top of the tree. With the argument
 * `print`, prints what belongs between the page's two marks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/box.h"
#include "policy/keys.h"
#include "policy/policy.h"
#include "tests/unit/base/man_page.h"

static void test_man_page_has_the_table_of_the_code(void **state)
{
	(void)state;
	man_page_has("deploy/man/lwgate-policy.5", "policy_print_table", policy_print_table,
		"test_table");
}

static void test_every_row_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < PKEYS; i++) {
		const struct policy_row *r = &policy_rows[i];
		const bool of_words =
			r->type == PTYPE_WORD || r->type == PTYPE_WORDS || r->type == PTYPE_LEG;
		assert_non_null(r->meaning);
		assert_true(r->places != 0 && (r->required & ~r->places) == 0);
		/* What is not required has a default, and the other way round. */
		assert_true((r->required == 0) == (r->initial != NULL));
		assert_true(of_words == (r->words != NULL));
		assert_true(r->min <= r->max);
		/* How it is written begins with its name. */
		assert_true(r->name != NULL && r->example != NULL &&
			    strncmp(r->example, r->name, strlen(r->name)) == 0);
		for (unsigned place = IN_POLICY; place <= IN_EXPECT; place <<= 1) {
			const enum policy_key found =
				policy_key_find(r->name, (enum policy_place)place);
			if ((r->places & place) != 0)
				assert_int_equal(found, i);
		}
	}
	assert_int_equal(policy_key_find("name", IN_LEG), PKEYS);
	assert_string_equal(policy_key_nearest("lables", IN_RULE), "labels");
	assert_null(policy_key_nearest("lables", IN_LEG));
}

/* The keys that are reckoned with stand in the order of what they are of. */
static void test_bounds_stand_in_their_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < BOUNDS; i++) {
		const char *least = policy_rows[PKEY_AT_LEAST + i].name;
		const char *most = policy_rows[PKEY_AT_MOST + i].name;
		const char *fact = policy_rows[PKEY_FACT_NUMBER + i].name;
		const size_t stem = strcspn(fact, "_");
		assert_string_equal(fact, policy_bound_names[i]);
		assert_memory_equal(least, fact, stem);
		assert_memory_equal(most, fact, stem);
		assert_memory_equal(least + stem, "_at_least", 9);
		assert_memory_equal(most + stem, "_at_most", 8);
		assert_string_equal(least + stem + 9, fact + stem);
		assert_string_equal(most + stem + 8, fact + stem);
	}
	assert_int_equal(policy_rows[PKEY_RULES].max, POLICY_RULES_MAX);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_man_page_has_the_table_of_the_code),
		cmocka_unit_test(test_every_row_is_whole),
		cmocka_unit_test(test_bounds_stand_in_their_order),
	};
	if (argc > 1 && strcmp(argv[1], "print") == 0) {
		policy_print_table(stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
