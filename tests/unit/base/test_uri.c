/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/uri.h"

static void test_S31_what_means_the_same_is_the_same_text(void **state)
{
	static const char *const cases[][2] = {
		{ "coaps://gw.example", "coaps://gw.example:5684" },
		{ "coaps://gw.example/", "coaps://gw.example:5684" },
		{ "coaps://gw.example:", "coaps://gw.example:5684" },
		{ "COAPS://GW.Example:5684/", "coaps://gw.example:5684" },
		{ "coaps://gw.example:05684", "coaps://gw.example:5684" },
		{ "coaps://gw_1-a.example:1", "coaps://gw_1-a.example:1" },
		{ "coaps://192.0.2.10:65535", "coaps://192.0.2.10:65535" },
		{ "coaps://[2001:DB8:0::1]", "coaps://[2001:db8::1]:5684" },
		{ "coaps://[2001:db8::1]:5683/", "coaps://[2001:db8::1]:5683" },
	};
	char out[URI_MAX];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (!uri_coaps(cases[i][0], out, sizeof(out)) || strcmp(out, cases[i][1]) != 0)
			fail_msg("%s: \"%s\"", cases[i][0], out);
		assert_true(uri_coaps(cases[i][1], out, sizeof(out)));
		assert_string_equal(out, cases[i][1]);
	}
}

static void test_S31_what_is_no_servers_URI_is_refused(void **state)
{
	static const char *const cases[] = { "", "coaps", "coaps:", "coaps:/", "coaps://",
		"coaps:///", "coaps://:5684", "coap://gw.example", "coaps+tcp://gw.example",
		"https://gw.example", " coaps://gw.example", "coaps://gw.example ",
		"coaps://gw.example/rd", "coaps://gw.example//", "coaps://gw.example?a",
		"coaps://gw.example#a", "coaps://me@gw.example", "coaps://gw%2eexample",
		"coaps://gw\xc3\xa4.example", "coaps://gw.example:0", "coaps://gw.example:65536",
		"coaps://gw.example:655350", "coaps://gw.example:4294972980",
		"coaps://gw.example:-1", "coaps://gw.example:5684x", "coaps://2001:db8::1",
		"coaps://[2001:db8::1", "coaps://[]", "coaps://[gw.example]", "coaps://[192.0.2.1]",
		"coaps://[fe80::1%25eth0]", "coaps://[2001:db8::1]x",
		"coaps://[2001:db8::1000000000000000000000000000000000000000000000000000]" };
	char out[URI_MAX];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (uri_coaps(cases[i], out, sizeof(out)))
			fail_msg("taken: \"%s\"", cases[i]);
		assert_string_equal(out, "");
	}
}

static void test_S31_the_longest_URI_has_room_and_a_longer_one_has_not(void **state)
{
	char text[URI_TEXT_MAX + 2] = "coaps://", out[URI_MAX + 2];
	const size_t head = strlen(text);
	(void)state;
	memset(text + head, 'a', URI_TEXT_MAX - head);
	assert_true(uri_coaps(text, out, URI_MAX));
	assert_int_equal(strlen(out), URI_TEXT_MAX + strlen(":5684"));
	const size_t need = strlen(out) + 1;
	assert_true(need <= URI_MAX);
	for (size_t cap = 0; cap < need; cap++) {
		memset(out, 'x', sizeof(out));
		assert_false(uri_coaps(text, out, cap));
		if (cap > 0)
			assert_string_equal(out, "");
		assert_int_equal(out[cap], 'x');
	}
	assert_true(uri_coaps(text, out, need));
	/* and one that nobody should bring */
	char huge[3 * URI_TEXT_MAX] = "coaps://";
	memset(huge + head, 'a', sizeof(huge) - head - 1);
	assert_false(uri_coaps(huge, out, sizeof(out)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S31_what_means_the_same_is_the_same_text),
		cmocka_unit_test(test_S31_what_is_no_servers_URI_is_refused),
		cmocka_unit_test(test_S31_the_longest_URI_has_room_and_a_longer_one_has_not),
	};
	return cmocka_run_group_tests_name("base/uri", tests, NULL, NULL);
}
