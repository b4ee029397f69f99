/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in a request to the status page: its Host, its query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "gateway/web_host.h"
#include "gateway/web_query.h"

static void test_only_this_machine_is_meant(void **state)
{
	(void)state;
	static const char *const ours[] = { "localhost", "localhost:9684", "LocalHost:1",
		"127.0.0.1", "127.0.0.1:9684", "127.255.0.9:65535", "[::1]", "[::1]:9684",
		"localhost:" };
	static const char *const others[] = { "", ":", ":9684", "localhost.", "localhost.example",
		"localhost:9684.example", "localhost:96840x", "localhost:-1", "localhost:123456",
		"evil.example", "evil.example:9684", "127.0.0.1.example", "127.0.0.1.nip.io",
		"127.1", "127.0.0.01", "0x7f.0.0.1", "2130706433", "128.0.0.1", "126.0.0.1",
		"0.0.0.0", "::1", "[::1", "[::1]9684", "[::2]", "[::ffff:127.0.0.1]", "[]", "[",
		" localhost", "localhost ", "user@localhost", "localhost/", "localhost:9684:1",
		"localhost:9684, evil.example" };
	for (size_t i = 0; i < COUNT_OF(ours); i++) {
		if (!gw_web_host_is_ours(ours[i]))
			fail_msg("%s is ours", ours[i]);
	}
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		if (gw_web_host_is_ours(others[i]))
			fail_msg("%s is not ours", others[i]);
	}
	assert_false(gw_web_host_is_ours(NULL));
}

static void test_a_long_host_is_nobody(void **state)
{
	(void)state;
	char text[512];
	for (size_t len = 1; len < sizeof(text); len++) {
		memset(text, '1', len);
		text[len] = '\0';
		assert_false(gw_web_host_is_ours(text));
		text[0] = '[';
		assert_false(gw_web_host_is_ours(text));
		text[len - 1] = ']';
		assert_false(gw_web_host_is_ours(text));
	}
}

static void test_a_member_is_found_and_decoded(void **state)
{
	(void)state;
	static const struct {
		const char *query, *wanted; /* NULL: none */
	} rows[] = {
		{ NULL, NULL }, { "", NULL }, { "e", NULL }, { "e=", "" },
		{ "e=urn:dev:1", "urn:dev:1" }, { "e=urn%3Adev%3a1", "urn:dev:1" },
		{ "e=a+b%2Bc", "a b+c" }, { "x=1&e=2", "2" }, { "ee=1&e=2", "2" },
		{ "e=1&e=2", "1" }, { "&&&e=1&", "1" }, { "x&e=1", "1" }, { "e=a=b", "a=b" },
		{ "e=%", NULL }, { "e=%4", NULL }, { "e=%4&x", NULL }, { "e=%zz", NULL },
		{ "e=%4z", NULL }, { "e=%00", NULL }, { "e=a%00b", NULL }, { "e=%41", "A" },
		{ "e=123456789012345", "123456789012345" },
		{ "e=1234567890123456", NULL },     /* no room */
		{ "E=1", NULL }, { "%65=1", NULL }, /* names are ours, and come as they are */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char out[16];
		const bool found = gw_web_query(rows[i].query, "e", out, sizeof(out));
		if (found != (rows[i].wanted != NULL) ||
			(found && strcmp(out, rows[i].wanted) != 0))
			fail_msg("%s", rows[i].query);
	}
}

static void test_a_number_is_one(void **state)
{
	(void)state;
	static const char *const bad[] = { "n", "n=", "n=-1", "n=+1", "n=1x", "n=0x1", "n=1.0",
		"n=10000000000000000000", "m=1" };
	uint64_t n = 7;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_false(gw_web_query_number(bad[i], "n", &n));
		assert_int_equal(n, 7);
	}
	assert_true(gw_web_query_number("n=0", "n", &n));
	assert_int_equal(n, 0);
	assert_true(gw_web_query_number("m=2&n=9999999999999999999", "n", &n));
	assert_true(n == UINT64_C(9999999999999999999));
	assert_true(gw_web_query_number("n=%31%32", "n", &n));
	assert_int_equal(n, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_this_machine_is_meant),
		cmocka_unit_test(test_a_long_host_is_nobody),
		cmocka_unit_test(test_a_member_is_found_and_decoded),
		cmocka_unit_test(test_a_number_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
