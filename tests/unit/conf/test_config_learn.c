/* SPDX-License-Identifier: Apache-2.0 */
/* What of a bootstrap is learned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/config.h"

/* What is put to the file stands on line 2. */
static bool parse(const char *more, struct conf_gateway *out, struct conf_error *e)
{
	char text[1024];
	(void)snprintf(text, sizeof(text), "upstream = { address = \"192.0.2.10\"; };\n%s", more);
	e->text[0] = '\0';
	return conf_parse(text, "F", out, e);
}

static void good(const char *more, struct conf_gateway *out)
{
	struct conf_error e;
	if (!parse(more, out, &e))
		fail_msg("%s", e.text);
}

static void test_R224_without_a_word_nothing_is_learned(void **state)
{
	static struct conf_gateway c;
	(void)state;
	good("", &c);
	assert_int_equal(c.learn_uris_len, 0);
	assert_int_equal(c.learn_settle_s, 86400);
	conf_free(&c);
	good("learn = { server_uris = [ ]; settle_s = 60; };", &c);
	assert_int_equal(c.learn_uris_len, 0);
	assert_int_equal(c.learn_settle_s, 60);
	conf_free(&c);
}

static void test_S31_URIs_have_one_form(void **state)
{
	static struct conf_gateway c;
	(void)state;
	good("learn = { server_uris = [ \"COAPS://GW.example\", \"coaps://[2001:DB8::1]:99/\" ]; "
	     "};",
		&c);
	assert_int_equal(c.learn_uris_len, 2);
	assert_string_equal(c.learn_uris[0], "coaps://gw.example:5684");
	assert_string_equal(c.learn_uris[1], "coaps://[2001:db8::1]:99");
	conf_free(&c);
	assert_int_equal(c.learn_uris_len, 0);
}

static void test_what_is_wrong_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
		{ "learn = { server_uris = [ \"coaps://a\",\n \"coap://b\" ]; };",
			"F:2: learn.server_uris: \"coap://b\" is no URI of a server; write "
			"\"coaps://HOST\" or \"coaps://HOST:PORT\"" },
		{ "learn = { server_uris = [ \"coaps://a/rd\" ]; };",
			"\"coaps://a/rd\" is no URI" },
		{ "learn = { server_uris = [ \"\" ]; };", "F:2: learn.server_uris: \"\" is no" },
		{ "learn = { server_uris = [ \"coaps://a\", \"coaps://A:5684\" ]; };",
			"F:2: learn.server_uris: \"coaps://A:5684\" stands there twice; leave "
			"one" },
		{ "learn = { server_uris = \"coaps://a\"; };", "write an array like" },
		{ "learn = { server_uris = [ \"coaps://1\", \"coaps://2\", \"coaps://3\", "
		  "\"coaps://4\", \"coaps://5\", \"coaps://6\", \"coaps://7\", \"coaps://8\", "
		  "\"coaps://9\" ]; };",
			"F:2: learn.server_uris: has 9 members; use at most 8" },
		{ "learn = { settle_s = 59; };", "F:2: learn.settle_s: 59 is out of range" },
		{ "learn = { settle_s = 31536001; };", "F:2: learn.settle_s: " },
		{ "learn = { server_uri = [ ]; };", "did you mean learn.server_uris?" },
	};
	static struct conf_gateway c;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct conf_error e;
		if (parse(rows[i].text, &c, &e))
			fail_msg("taken: %s", rows[i].text);
		if (strstr(e.text, rows[i].part) == NULL)
			fail_msg("\"%s\" has no \"%s\"", e.text, rows[i].part);
	}
}

static void test_a_reload_takes_them(void **state)
{
	static struct conf_gateway now, next;
	(void)state;
	good("", &now);
	good("learn = { server_uris = [ \"coaps://a\" ]; settle_s = 3600; };", &next);
	assert_null(conf_fixed(&now, &next, 0));
	conf_free(&now);
	conf_free(&next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R224_without_a_word_nothing_is_learned),
		cmocka_unit_test(test_S31_URIs_have_one_form),
		cmocka_unit_test(test_what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(test_a_reload_takes_them),
	};
	return cmocka_run_group_tests_name("conf/config: learn", tests, NULL, NULL);
}
