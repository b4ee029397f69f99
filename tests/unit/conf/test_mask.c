/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/mask.h"

#define HEX "00112233445566778899aabbccddeeff"

static const char *const names[] = { "identity", NULL };

static const char *masked(const char *text, size_t *hidden)
{
	static char copy[512];
	struct conf_error e = { 0 };
	(void)snprintf(copy, sizeof(copy), "%s", text);
	if (!conf_mask(copy, names, "F", hidden, &e))
		fail_msg("%s", e.text);
	assert_int_equal(strlen(copy), strlen(text));
	return copy;
}

static void test_I5_the_parser_sees_places_in_place_of_keys(void **state)
{
	(void)state;
	size_t hidden = 0;
	assert_string_equal(masked("key = \"" HEX "\";", &hidden),
		"key = \"0000000007xxxxxxxxxxxxxxxxxxxxxx\";");
	assert_int_equal(hidden, 32);
	assert_string_equal(masked("identity = \"" HEX "\"; k:\"123456789\"", &hidden),
		"identity = \"" HEX "\"; k:\"---------\"");
	assert_int_equal(hidden, 9);
	/* What the scanner is not sure of is hidden. */
	assert_string_equal(masked("\"0123456789\"", &hidden), "\"0000000001\"");
	assert_string_equal(masked("identity2 = \"abc\"", &hidden), "identity2 = \"---\"");
	assert_string_equal(
		masked("key = \"" HEX, &hidden), "key = \"0000000007xxxxxxxxxxxxxxxxxxxxxx");
}

static void test_comments_and_escapes_are_read_as_libconfig_reads_them(void **state)
{
	(void)state;
	size_t hidden = 0;
	static const char *const same[] = {
		"# key = \"abc\"",
		"// key = \"abc\"",
		"/* key = \"abc\n\" */ identity = \"abc\"",
		"identity = \"a\\\"b\"",
		"identity = \"a\\\\\" # \"",
		"",
		"/*",
		"/",
	};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_string_equal(masked(same[i], &hidden), same[i]);
	assert_string_equal(
		masked("key = \"a\\\"b\" # x\n\"c\nd\"", &hidden), "key = \"----\" # x\n\"-\n-\"");
}

static void test_the_way_back_leads_to_one_whole_string(void **state)
{
	(void)state;
	static const char text[] = "key = \"" HEX "\";";
	const size_t len = sizeof(text) - 1;
	assert_ptr_equal(conf_mask_find("0000000007xxxxxxxxxxxxxxxxxxxxxx", text, len), text + 7);
	assert_null(conf_mask_find("0000000007xxxxxxxxxxxxxxxxxxxxxxx", text, len));
	assert_null(conf_mask_find("0000000007xxxxxxxxxxxxxxxxxxxxx", text, len));
	assert_null(conf_mask_find("0000000008xxxxxxxxxxxxxxxxxxxxxx", text, len));
	assert_null(conf_mask_find("9999999999", text, len));
	assert_null(conf_mask_find("0000000000", text, len));
	assert_null(conf_mask_find("000000000", text, len));
	assert_null(conf_mask_find("----------", text, len));
	assert_null(conf_mask_find("", text, len));
	/* Two strings that libconfig joins: their quotes are in between. */
	static const char two[] = "k = \"0123456789\"\"0123456789a\";";
	assert_null(conf_mask_find("0000000005xxxxxxxxxxxxx", two, sizeof(two) - 1));
}

static void test_includes_and_NUL_escapes_are_refused_at_their_line(void **state)
{
	(void)state;
	struct conf_error e = { 0 };
	char include[] = "a = 1;\n  @include \"x\"";
	char escape[] = "\n\na = \"b\\x00\";";
	char fine[] = "a = \"b\\\\x00 @include\"; # @include";
	assert_false(conf_mask(include, NULL, "F", NULL, &e));
	assert_non_null(strstr(e.text, "F:2: @include"));
	assert_false(conf_mask(escape, NULL, "F", NULL, &e));
	assert_non_null(strstr(e.text, "F:3: \\x00"));
	assert_true(conf_mask(fine, NULL, "F", NULL, &e));
}

static void test_I5_no_number_of_a_text_with_secrets_is_shown(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"k = 87319462051738462095713486209571;",
		"k = 87319462051738ab95713486209571ff;",
		"k = 8731946205;",
		"87319462051738462095713486209571",
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct conf_error e = { 0 };
		char copy[128];
		(void)snprintf(copy, sizeof(copy), "%s", texts[i]);
		assert_false(conf_mask(copy, names, "F", NULL, &e));
		assert_string_equal(
			e.text, "F:1: a number cannot stand here; write names and keys in quotes");
	}
}

/* lwgated -c was given the wrong file, say. */
static void test_I5_what_is_no_number_is_not_shown_elsewhere_either(void **state)
{
	(void)state;
	struct conf_error e = { 0 };
	char digits[] = "873194620517384620957134862095713";
	char hex[] = "k = 87319462051738ab95713486209571ff;";
	char number[] = "k = 4294967300;";
	assert_false(conf_mask(digits, NULL, "F", NULL, &e));
	assert_null(strstr(e.text, "8731"));
	assert_false(conf_mask(hex, NULL, "F", NULL, &e));
	assert_null(strstr(e.text, "8731"));
	assert_false(conf_mask(number, NULL, "F", NULL, &e));
	assert_non_null(strstr(e.text, "4294967300L"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I5_no_number_of_a_text_with_secrets_is_shown),
		cmocka_unit_test(test_I5_what_is_no_number_is_not_shown_elsewhere_either),
		cmocka_unit_test(test_I5_the_parser_sees_places_in_place_of_keys),
		cmocka_unit_test(test_comments_and_escapes_are_read_as_libconfig_reads_them),
		cmocka_unit_test(test_the_way_back_leads_to_one_whole_string),
		cmocka_unit_test(test_includes_and_NUL_escapes_are_refused_at_their_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
