/* SPDX-License-Identifier: Apache-2.0 */
/* The repository of firmware: all that it needs is said, or there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"
#include "conf/config_repository.h"

#define UP       "upstream = { address = \"192.0.2.10\"; };\n"
#define PREFIX   "prefix = \"fw\";\n"
#define ADDRESS  "address = \"192.0.2.20\";\n"
#define IDENTITY "identity = \"lwgate\";\n"
#define KEY      "key_file = \"/etc/lwgate/repository.key\";\n"
#define FOLDER   "directory = \"/var/lib/lwgate/images\";\n"
#define WITH(of) UP "repository = {\n" of "};"
#define ALL      PREFIX ADDRESS IDENTITY KEY FOLDER

static void says(const char *text, const char *wanted)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	if (conf_parse(text, "F", &c, &e)) {
		conf_free(&c);
		fail_msg("taken: %s", text);
	}
	assert_null(c.repository.prefix);
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

static void test_R287_there_is_none_unless_it_is_written(void **state)
{
	(void)state;
	struct conf_gateway c = good(UP);
	assert_null(c.repository.prefix);
	conf_free(&c);
	c = good(WITH(""));
	assert_null(c.repository.prefix);
	conf_free(&c);
}

static void test_R287_what_is_said_of_it(void **state)
{
	(void)state;
	struct conf_gateway c = good(WITH(ALL));
	assert_string_equal(c.repository.prefix, "fw");
	assert_string_equal(c.repository.identity, "lwgate");
	assert_string_equal(c.repository.key_file, "/etc/lwgate/repository.key");
	assert_string_equal(c.repository.directory, "/var/lib/lwgate/images");
	assert_int_equal(c.repository.size_mib, 256);
	assert_int_equal(c.repository.address.port, 5684);
	assert_memory_equal(c.repository.address.ip, "\xc0\x00\x02\x14", 4);
	conf_free(&c);
	c = good(WITH(ALL "port = 5690;\nsize_mib = 3;\n"));
	assert_int_equal(c.repository.size_mib, 3);
	assert_int_equal(c.repository.address.port, 5690);
	conf_free(&c);
}

static void test_R287_one_without_the_others_is_a_slip(void **state)
{
	(void)state;
	says(WITH(PREFIX IDENTITY KEY FOLDER), "F:3: repository.address is missing");
	says(WITH(PREFIX ADDRESS KEY FOLDER), "F:3: repository.identity is missing");
	says(WITH(PREFIX ADDRESS IDENTITY FOLDER), "F:3: repository.key_file is missing");
	says(WITH(PREFIX ADDRESS IDENTITY KEY), "F:3: repository.directory is missing");
	says(WITH(PREFIX ADDRESS "identity = \"\";\n" KEY FOLDER),
		"F:5: repository.identity is missing");
	says(WITH(ADDRESS IDENTITY KEY FOLDER),
		"F:3: repository.address: there is no repository.prefix");
	says(WITH("port = 5684;\n"), "F:3: repository.port: there is no repository.prefix");
	says(WITH("size_mib = 1;\n"), "F:3: repository.size_mib: there is no repository.prefix");
	says(WITH("prefix = \"\";\n" KEY),
		"F:4: repository.key_file: there is no repository.prefix");
}

static void test_R288_the_prefix_is_one_that_a_path_can_be_below(void **state)
{
	static const char *const bad[] = { "/", "/fw", "fw/", "a//b", ".", "..", "a/../b", "a/.",
		"fw%2f", "f w", "fw\\\\x", "fw\\\"", "f\\xc3\\xa4" };
	static const char *const fine[] = { "a/fw", "fw.1", "...", "a/b/c/d", "~fw" };
	char text[512];
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text),
			WITH("prefix = \"%s\";\n" ADDRESS IDENTITY KEY FOLDER), bad[i]);
		says(text, "F:3: repository.prefix: is no path");
	}
	says(WITH("prefix = \"f\\tw\";\n" ADDRESS IDENTITY KEY FOLDER),
		"F:3: repository.prefix: holds a control character");
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		(void)snprintf(text, sizeof(text),
			WITH("prefix = \"%s\";\n" ADDRESS IDENTITY KEY FOLDER), fine[i]);
		struct conf_gateway c = good(text);
		assert_string_equal(c.repository.prefix, fine[i]);
		conf_free(&c);
	}
}

static void test_R287_what_cannot_be_is_refused(void **state)
{
	(void)state;
	says(WITH(PREFIX "address = \"0.0.0.0\";\n" IDENTITY KEY FOLDER),
		"F:4: repository.address: \"0.0.0.0\"");
	says(WITH(PREFIX "address = \"224.0.0.1\";\n" IDENTITY KEY FOLDER),
		"F:4: repository.address: \"224.0.0.1\"");
	says(WITH(ALL "size_mib = 0;\n"), "F:8: repository.size_mib");
	says(WITH(ALL "size_mib = 1048577;\n"), "F:8: repository.size_mib");
	says(WITH(ALL "port = 0;\n"), "F:8: repository.port");
	says(WITH(ALL "port = 65536;\n"), "F:8: repository.port");
	says(WITH(ALL "key = \"00\";\n"), "F:8: unknown key repository.key");
}

static bool same(const char *next)
{
	static struct conf_gateway a, b;
	a = good(WITH(ALL));
	b = good(next);
	const bool is = conf_same_repository(&a, &b);
	const char *const fixed = conf_fixed(&a, &b, 0);
	assert_true(is == (fixed == NULL));
	if (fixed)
		assert_string_equal(fixed, "repository.prefix");
	conf_free(&a);
	conf_free(&b);
	return is;
}

static void test_R287_it_is_said_at_the_start(void **state)
{
	(void)state;
	assert_true(same(WITH(ALL)));
	assert_false(same(UP));
	assert_false(same(WITH("prefix = \"fv\";\n" ADDRESS IDENTITY KEY FOLDER)));
	assert_false(same(WITH(PREFIX "address = \"192.0.2.21\";\n" IDENTITY KEY FOLDER)));
	assert_false(same(WITH(PREFIX ADDRESS "identity = \"other\";\n" KEY FOLDER)));
	assert_false(same(WITH(PREFIX ADDRESS IDENTITY "key_file = \"/k\";\n" FOLDER)));
	assert_false(same(WITH(PREFIX ADDRESS IDENTITY KEY "directory = \"/d\";\n")));
	assert_false(same(WITH(ALL "size_mib = 7;\n")));
	assert_false(same(WITH(ALL "port = 7;\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R287_there_is_none_unless_it_is_written),
		cmocka_unit_test(test_R287_what_is_said_of_it),
		cmocka_unit_test(test_R287_one_without_the_others_is_a_slip),
		cmocka_unit_test(test_R288_the_prefix_is_one_that_a_path_can_be_below),
		cmocka_unit_test(test_R287_what_cannot_be_is_refused),
		cmocka_unit_test(test_R287_it_is_said_at_the_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
