/* SPDX-License-Identifier: Apache-2.0 */
/* The way of short messages: none without its socket, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"
#include "conf/config_sms.h"

#define UP       "upstream = { address = \"192.0.2.10\"; };\n"
#define SOCKET   "socket = \"/run/lwgate/sms\";\n"
#define WITH(of) UP "sms = {\n" of "};"

static void says(const char *text, const char *wanted)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	if (conf_parse(text, "F", &c, &e)) {
		conf_free(&c);
		fail_msg("taken: %s", text);
	}
	assert_null(c.sms.socket);
	if (strncmp(e.text, wanted, strlen(wanted)) != 0)
		fail_msg("\"%s\" does not begin: %s", wanted, e.text);
}

static struct conf_gateway good(const char *text)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	if (!conf_parse(text, "F", &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static void test_there_is_none_unless_it_is_written(void **state)
{
	(void)state;
	struct conf_gateway c = good(UP);
	assert_true(c.sms.socket == NULL && c.sms.group == NULL && c.sms.number == NULL);
	conf_free(&c);
	c = good(WITH("socket = \"\";\n"));
	assert_null(c.sms.socket);
	conf_free(&c);
	says(WITH("tag = 5;\n"), "F:3: sms.tag: there is no sms.socket");
	says(WITH("valid_s = 600;\n"), "F:3: sms.valid_s: there is no sms.socket");
}

static void test_what_is_said_of_it(void **state)
{
	(void)state;
	struct conf_gateway c = good(WITH(SOCKET));
	assert_string_equal(c.sms.socket, "/run/lwgate/sms");
	assert_string_equal(c.sms.group, "");
	assert_null(c.sms.number);
	assert_true(!c.sms.allow_3des && c.sms.tag == 5 && c.sms.segments_max == 8);
	assert_true(c.sms.segments_a_day == 0 && c.sms.valid_s == 86400);
	conf_free(&c);
	c = good(WITH(SOCKET "group = \"smsd\"; number = \"4915\"; allow_3des = true; tag = 7;\n"
			     "segments_max = 2; segments_a_day = 30; valid_s = 600;\n"));
	assert_string_equal(c.sms.group, "smsd");
	assert_string_equal(c.sms.number, "4915");
	assert_true(c.sms.allow_3des && c.sms.tag == 7 && c.sms.segments_max == 2);
	assert_true(c.sms.segments_a_day == 30 && c.sms.valid_s == 600);
	conf_free(&c);
}

static void test_what_is_wrong_is_refused(void **state)
{
	(void)state;
	char text[512], path[128];
	says(WITH(SOCKET "number = \"+4915\";\n"), "F:4: sms.number: \"+4915\" is no number");
	says(WITH(SOCKET "tag = 256;\n"), "F:4: sms.tag: ");
	says(WITH(SOCKET "segments_max = 0;\n"), "F:4: sms.segments_max: ");
	says(WITH(SOCKET "segments_max = 12;\n"), "F:4: sms.segments_max: ");
	says(WITH(SOCKET "valid_s = 1;\n"), "F:4: sms.valid_s: ");
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[108] = '\0';
	(void)snprintf(text, sizeof(text), UP "sms = { socket = \"%s\"; };", path);
	says(text, "F:2: sms.socket: is longer than 107 bytes");
	path[107] = '\0';
	(void)snprintf(text, sizeof(text), UP "sms = { socket = \"%s\"; };", path);
	struct conf_gateway c = good(text);
	conf_free(&c);
}

static void differs(const struct conf_gateway *now, const char *text, const char *where)
{
	struct conf_gateway next = good(text);
	const char *const is = conf_fixed(now, &next, 0);
	assert_true((is == NULL) == (where == NULL));
	if (where != NULL)
		assert_string_equal(is, where);
	assert_null(where != NULL ? conf_fixed(now, &next, 1) : NULL);
	conf_free(&next);
}

static void test_it_is_taken_at_a_start_only(void **state)
{
	(void)state;
	static const char *const others[] = {
		UP,
		WITH("socket = \"/run/lwgate/other\";\n"),
		WITH(SOCKET "group = \"g\";\n"),
		WITH(SOCKET "number = \"49\";\n"),
		WITH(SOCKET "allow_3des = true;\n"),
		WITH(SOCKET "tag = 6;\n"),
		WITH(SOCKET "segments_max = 7;\n"),
		WITH(SOCKET "segments_a_day = 7;\n"),
		WITH(SOCKET "valid_s = 700;\n"),
	};
	struct conf_gateway now = good(WITH(SOCKET));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		differs(&now, others[i], "sms.socket");
	differs(&now, WITH(SOCKET), NULL);
	conf_free(&now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_is_none_unless_it_is_written),
		cmocka_unit_test(test_what_is_said_of_it),
		cmocka_unit_test(test_what_is_wrong_is_refused),
		cmocka_unit_test(test_it_is_taken_at_a_start_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
