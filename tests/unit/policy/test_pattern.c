/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/pattern.h"

enum { LETTERS = 4, LONGEST = 4, TEXTS = 1 + 3 + 9 + 27 + 81, PATTERNS = 2 * TEXTS };

static void test_star_is_any_and_question_mark_is_one(void **state)
{
	(void)state;
	assert_true(policy_pattern_fits("", ""));
	assert_false(policy_pattern_fits("", "a"));
	assert_true(policy_pattern_fits("*", ""));
	assert_true(policy_pattern_fits("*", "anything"));
	assert_false(policy_pattern_fits("?", ""));
	assert_true(policy_pattern_fits("?", "x"));
	assert_false(policy_pattern_fits("?", "xy"));
	assert_true(policy_pattern_fits("urn:imei:*", "urn:imei:"));
	assert_false(policy_pattern_fits("urn:imei:*", "urn:imei"));
	assert_false(policy_pattern_fits("urn:imei:*", "URN:imei:1"));
	assert_true(policy_pattern_fits("*-meter-?", "a-meter-b-meter-c"));
	assert_false(policy_pattern_fits("*-meter-?", "a-meter-b-meter-cc"));
	assert_true(policy_pattern_fits("a*b*c", "abbbbc"));
	assert_false(policy_pattern_fits("a*b*c", "abbbb"));
	/* There is no escape: what else means something elsewhere is itself. */
	assert_true(policy_pattern_fits("[a]\\.", "[a]\\."));
	assert_false(policy_pattern_fits("[a]", "a"));
}

static void tidied(const char *from, const char *to)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "%s", from);
	policy_pattern_tidy(text);
	assert_string_equal(text, to);
}

static void test_a_pattern_is_tidied_to_one_way_of_writing_it(void **state)
{
	(void)state;
	tidied("", "");
	tidied("abc", "abc");
	tidied("**", "*");
	tidied("*?*?", "??*");
	tidied("a?*b**c*?", "a?*b*c?*");
	tidied("??", "??");
}

/* All texts of up to LONGEST of these letters, by number. */
static size_t text_at(size_t number, const char *letters, size_t n, char out[LONGEST + 1])
{
	size_t len = 0;
	for (; number > 0 && len < LONGEST; number = (number - 1) / n)
		out[len++] = letters[(number - 1) % n];
	out[len] = '\0';
	return len;
}

/* Does every text that fits the one fit the other? Over one letter more than patterns have. */
static bool all_fit(const char *outer, const char *inner)
{
	char text[LONGEST + 1];
	for (size_t i = 0; i < TEXTS; i++) {
		(void)text_at(i, "abc", 3, text);
		if (policy_pattern_fits(inner, text) && !policy_pattern_fits(outer, text))
			return false;
	}
	return true;
}

static bool check_holds(size_t outer_number, size_t inner_number)
{
	char outer[LONGEST + 1], inner[LONGEST + 1];
	(void)text_at(outer_number, "a*?b", LETTERS, outer);
	(void)text_at(inner_number, "a*?b", LETTERS, inner);
	policy_pattern_tidy(outer);
	policy_pattern_tidy(inner);
	const bool all = all_fit(outer, inner), holds = policy_pattern_holds(outer, inner);
	if (holds && !all)
		fail_msg("%s does not hold %s", outer, inner);
	/* What may be missed: a '?' that takes a part of a '*'. */
	if (all && !holds && (!strchr(outer, '?') || !strchr(inner, '*')))
		fail_msg("%s holds %s", outer, inner);
	return holds;
}

/* What is called within is within: of all texts there are. */
static void test_what_one_pattern_holds_of_another_is_true_for_every_text(void **state)
{
	(void)state;
	size_t held = 0;
	for (size_t i = 0; i < PATTERNS; i++) {
		for (size_t k = 0; k < PATTERNS; k++)
			held += check_holds(i, k);
	}
	assert_true(held > 1000);
}

static void test_a_sample_fits_its_pattern(void **state)
{
	(void)state;
	char text[16];
	assert_true(policy_pattern_sample("a?*b", '~', 3, text, sizeof(text)));
	assert_string_equal(text, "a~~~~b");
	assert_true(policy_pattern_sample("*", '~', 0, text, sizeof(text)));
	assert_string_equal(text, "");
	assert_true(policy_pattern_sample("*", '~', 15, text, sizeof(text)));
	assert_int_equal(strlen(text), 15);
	assert_false(policy_pattern_sample("*", '~', 16, text, sizeof(text)));
	assert_false(policy_pattern_sample("*", '~', 17, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_star_is_any_and_question_mark_is_one),
		cmocka_unit_test(test_a_pattern_is_tidied_to_one_way_of_writing_it),
		cmocka_unit_test(test_what_one_pattern_holds_of_another_is_true_for_every_text),
		cmocka_unit_test(test_a_sample_fits_its_pattern),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
