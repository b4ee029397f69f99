/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "ctl/members.h"

static struct ctl_piece piece(const char *text)
{
	return (struct ctl_piece){ .at = text, .len = strlen(text) };
}

static void assert_piece(struct ctl_piece p, const char *text)
{
	assert_int_equal(p.len, strlen(text));
	assert_memory_equal(p.at, text, p.len);
}

static void test_members_come_in_their_order_whatever_they_hold(void **state)
{
	(void)state;
	static const char text[] =
		" { \"a\" : 1 , \"b\":{\"x\":[1,2,{\"}\":\"]\"}],\"y\":\"\\\"{\"},\"c\":\"}\\\\\","
		"\"d\":[ ],\"\":null }";
	static const char *const expect[][2] = {
		{ "a", "1" },
		{ "b", "{\"x\":[1,2,{\"}\":\"]\"}],\"y\":\"\\\"{\"}" },
		{ "c", "\"}\\\\\"" },
		{ "d", "[ ]" },
		{ "", "null" },
	};
	struct ctl_members m = ctl_members_of(piece(text));
	struct ctl_member one;
	for (size_t i = 0; i < COUNT_OF(expect); i++) {
		assert_true(ctl_members_next(&m, &one));
		assert_piece(one.name, expect[i][0]);
		assert_piece(one.value, expect[i][1]);
	}
	assert_false(ctl_members_next(&m, &one));
}

static void test_an_array_has_members_without_names(void **state)
{
	(void)state;
	struct ctl_members m = ctl_members_of(piece("[{\"a\":1},\"two\", 3]"));
	struct ctl_member one;
	assert_true(ctl_members_next(&m, &one));
	assert_int_equal(ctl_member_number(one.value, "a"), 1);
	assert_true(ctl_members_next(&m, &one));
	assert_piece(one.value, "\"two\"");
	assert_true(ctl_members_next(&m, &one));
	assert_piece(one.value, "3");
	assert_false(ctl_members_next(&m, &one));
}

static void test_only_the_outer_members_are_found(void **state)
{
	(void)state;
	const struct ctl_piece o = piece("{\"in\":{\"n\":1},\"n\":2,\"nn\":3}");
	assert_int_equal(ctl_member_number(o, "n"), 2);
	assert_int_equal(ctl_member_number(ctl_member_of(o, "in"), "n"), 1);
	assert_int_equal(ctl_member_number(o, "absent"), 0);
	assert_int_equal(ctl_member_number(o, "in"), 0);
}

static void test_numbers_to_the_last(void **state)
{
	(void)state;
	assert_true(ctl_member_number(piece("{\"n\":1844674407370955160}"), "n") ==
		    UINT64_C(1844674407370955160));
	assert_int_equal(ctl_member_number(piece("{\"n\":99999999999999999999}"), "n"), 0);
	assert_int_equal(ctl_member_number(piece("{\"n\":-1}"), "n"), 0);
	assert_int_equal(ctl_member_number(piece("{\"n\":1.5}"), "n"), 0);
}

static void test_text_is_what_was_written(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "{\"t\":\"plain\"}", "plain" },
		{ "{\"t\":\"\\u00fc\\u20ac \\ud83d\\ude00\"}",
			"\xc3\xbc\xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "{\"t\":\"a\\n\\t\\\"\\\\\\/\"}", "a\n\t\"\\/" },
		{ "{\"t\":\"\\ud83d!\"}", "?!" },
		{ "{\"t\":17}", "" },
		{ "{}", "" },
	};
	char out[32];
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(
			ctl_member_text(piece(rows[i][0]), "t", out, sizeof(out)), rows[i][1]);
	/* What does not fit ends before a code point, not in it. */
	assert_string_equal(ctl_member_text(piece("{\"t\":\"ab\\u20ac\"}"), "t", out, 5), "ab");
	assert_string_equal(ctl_member_text(piece("{\"t\":\"abcdef\"}"), "t", out, 4), "abc");
}

static void test_I7_what_is_cut_off_ends_early(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":\"x\\u00fc\",\"b\":[1,{\"c\":2}],\"d\":12}";
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		char copy[sizeof(text)], out[16];
		memcpy(copy, text, len);
		const struct ctl_piece cut = { .at = copy, .len = len };
		struct ctl_members m = ctl_members_of(cut);
		struct ctl_member one;
		size_t n = 0;
		while (ctl_members_next(&m, &one))
			n++;
		assert_true(n <= 3);
		(void)ctl_member_text(cut, "a", out, sizeof(out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_come_in_their_order_whatever_they_hold),
		cmocka_unit_test(test_an_array_has_members_without_names),
		cmocka_unit_test(test_only_the_outer_members_are_found),
		cmocka_unit_test(test_numbers_to_the_last),
		cmocka_unit_test(test_text_is_what_was_written),
		cmocka_unit_test(test_I7_what_is_cut_off_ends_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
