/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/json.h"

static void is(struct ctl_out *o, const char *expect)
{
	assert_false(o->bad);
	ctl_out_bytes(o, "", 1);
	assert_string_equal(o->data, expect);
	ctl_out_fini(o);
}

static void test_commas_stand_between_and_nowhere_else(void **state)
{
	(void)state;
	struct ctl_out o = { 0 };
	struct ctl_json j = { .out = &o };
	ctl_json_begin(&j, '{');
	ctl_json_key(&j, "a");
	ctl_json_begin(&j, '[');
	ctl_json_end(&j, ']');
	ctl_json_key(&j, "b");
	ctl_json_begin(&j, '[');
	ctl_json_number(&j, UINT64_MAX);
	ctl_json_signed(&j, INT64_MIN);
	ctl_json_begin(&j, '{');
	ctl_json_end(&j, '}');
	ctl_json_bool(&j, true);
	ctl_json_end(&j, ']');
	ctl_json_key(&j, "c");
	ctl_json_null(&j);
	ctl_json_end(&j, '}');
	is(&o, "{\"a\":[],\"b\":[18446744073709551615,-9223372036854775808,{},true],\"c\":null}");
}

static void test_texts_cannot_leave_their_quotes(void **state)
{
	(void)state;
	static const struct {
		const char *text, *json;
	} rows[] = {
		{ "plain", "\"plain\"" },
		{ "\",\"x\":\"", "\"\\\",\\\"x\\\":\\\"\"" },
		{ "\\", "\"\\\\\"" },
		{ "\n\x01\x1f\x7f", "\"\\u000a\\u0001\\u001f\\u007f\"" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\\u00e9\\u20ac\\ud83d\\ude00\"" },
		{ "\xe2\x80\xa8", "\"\\u2028\"" },
		/* No UTF-8: a lone follower, too long a form, a surrogate, too large, cut off. */
		{ "\x80", "\"\\ufffd\"" },
		{ "\xc0\xaf", "\"\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "a\xe2\x82", "\"a\\ufffd\\ufffd\"" },
		{ "\xff\"", "\"\\ufffd\\\"\"" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctl_out o = { 0 };
		struct ctl_json j = { .out = &o };
		ctl_json_text(&j, rows[i].text);
		is(&o, rows[i].json);
	}
}

static void test_text_for_people_moves_no_cursor(void **state)
{
	(void)state;
	struct ctl_out o = { 0 };
	/* NOLINTNEXTLINE(misc-misleading-bidirectional): that it is one is what is tested */
	ctl_out_clean(&o, "a\x1b[2J\r\nb\xc2\x9b\xe2\x80\xae\xff\xc3\xa9");
	is(&o, "a?[2J??b???\xc3\xa9");
	ctl_out_column(&o, "\xc3\xa9\xff", 4);
	ctl_out_column(&o, "long", 2);
	is(&o, "\xc3\xa9?  long");
}

static void test_output_grows_and_latches(void **state)
{
	(void)state;
	struct ctl_out o = { 0 };
	for (int i = 0; i < 5000; i++)
		ctl_out_form(&o, "%04d", i);
	assert_int_equal(o.len, 20000);
	assert_memory_equal(o.data + (size_t)4 * 4321, "4321", 4);
	ctl_out_form(&o, "%0600d", 1);
	assert_true(o.bad);
	ctl_out_text(&o, "x");
	assert_int_equal(o.len, 20000);
	ctl_out_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commas_stand_between_and_nowhere_else),
		cmocka_unit_test(test_texts_cannot_leave_their_quotes),
		cmocka_unit_test(test_text_for_people_moves_no_cursor),
		cmocka_unit_test(test_output_grows_and_latches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
