/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms-bridge/modem/lines.h"

static struct rd text(const char *s)
{
	return rd_from((const uint8_t *)s, strlen(s));
}

static void test_lines_end_with_either(void **state)
{
	(void)state;
	struct at_lines l = { .len = 0 };
	struct rd r = text("\r\nOK\r\n\n  +CREG: 1\nhalf");
	assert_int_equal(at_lines_next(&l, &r, false), AT_LINE);
	assert_string_equal(l.text, "OK");
	assert_int_equal(at_lines_next(&l, &r, false), AT_LINE);
	assert_string_equal(l.text, "+CREG: 1");
	assert_int_equal(at_lines_next(&l, &r, false), AT_MORE);
	r = text(" a line\r");
	assert_int_equal(at_lines_next(&l, &r, false), AT_LINE);
	assert_string_equal(l.text, "half a line");
}

static void test_a_prompt_only_at_the_beginning_and_when_expected(void **state)
{
	(void)state;
	struct at_lines l = { .len = 0 };
	struct rd r = text("a > b\r\n> \r\nOK\r\n");
	assert_int_equal(at_lines_next(&l, &r, true), AT_LINE);
	assert_string_equal(l.text, "a > b");
	assert_int_equal(at_lines_next(&l, &r, true), AT_PROMPT);
	assert_int_equal(at_lines_next(&l, &r, false), AT_LINE);
	assert_string_equal(l.text, "OK");
	r = text("> \r\n");
	assert_int_equal(at_lines_next(&l, &r, false), AT_LINE);
	assert_string_equal(l.text, "> ");
}

static void test_the_bound(void **state)
{
	(void)state;
	struct at_lines l = { .len = 0 };
	char line[AT_LINE_MAX + 3];
	for (size_t over = 0; over < 2; over++) {
		memset(line, 'A', sizeof(line));
		line[AT_LINE_MAX + over] = '\n';
		struct rd r = rd_from((const uint8_t *)line, AT_LINE_MAX + over + 1);
		assert_int_equal(at_lines_next(&l, &r, true), over ? AT_TOO_LONG : AT_LINE);
		r = text("OK\n");
		assert_int_equal(at_lines_next(&l, &r, true), AT_LINE);
		assert_string_equal(l.text, "OK");
	}
}

static void test_fields(void **state)
{
	(void)state;
	uint32_t v = 7;
	assert_true(at_number("0,5", 1, &v));
	assert_int_equal(v, 5);
	assert_true(at_number(" 12 , 4294967289", 0, &v));
	assert_int_equal(v, 12);
	assert_false(at_number("0,5", 2, &v));
	assert_false(at_number("", 0, &v));
	assert_false(at_number("\"1\"", 0, &v));
	assert_false(at_number("1x", 0, &v));
	assert_false(at_number("4294967296", 0, &v));
	assert_false(at_number("99999999999", 0, &v));
	assert_int_equal(v, 12);
	assert_true(at_last_number("3,1,\"a,9\",23", &v));
	assert_int_equal(v, 23);
	assert_true(at_number("3,1,\"a,9\",23", 3, &v)); /* a comma in quotes parts nothing */
	assert_int_equal(v, 23);
	assert_true(at_last_number("24", &v));
	assert_int_equal(v, 24);
	assert_true(at_last_number(",25", &v));
	assert_int_equal(v, 25);
	assert_false(at_last_number("1,", &v));
}

static void test_hex(void **state)
{
	(void)state;
	uint8_t out[4];
	char digits[9];
	assert_int_equal(at_hex("00fFA1", out, sizeof(out)), 3);
	assert_memory_equal(out, "\x00\xff\xa1", 3);
	assert_int_equal(at_hex("00112233", out, sizeof(out)), 4);
	assert_int_equal(at_hex("0011223344", out, sizeof(out)), 0);
	assert_int_equal(at_hex("001", out, sizeof(out)), 0);
	assert_int_equal(at_hex("0g", out, sizeof(out)), 0);
	assert_int_equal(at_hex("", out, sizeof(out)), 0);
	at_hex_write((const uint8_t *)"\x00\x9a\xff", 3, digits);
	assert_string_equal(digits, "009AFF");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_end_with_either),
		cmocka_unit_test(test_a_prompt_only_at_the_beginning_and_when_expected),
		cmocka_unit_test(test_the_bound),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_hex),
	};
	return cmocka_run_group_tests_name("sms-bridge/modem/lines", tests, NULL, NULL);
}
