/* SPDX-License-Identifier: Apache-2.0 */
/* The policy, its pace, and where its events go. */
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
	return conf_parse(text, "dir/F", out, e);
}

static struct conf_gateway good(const char *more)
{
	struct conf_gateway c;
	struct conf_error e;
	if (!parse(more, &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static void test_R207_without_a_word_the_built_in_policy_holds(void **state)
{
	(void)state;
	struct conf_gateway c = good("");
	assert_null(c.policy_file);
	assert_int_equal(c.policy_pace, 200);
	assert_int_equal(c.policy_overlap_s, 0); /* */
	assert_null(c.events_file);
	assert_null(c.events_path);
	conf_free(&c);
}

static void test_R207_files_are_those_of_the_configurations_folder(void **state)
{
	(void)state;
	struct conf_gateway c = good("policy = { file = \"policy.conf\"; pace = 5000;"
				     " overlap_s = 86400; };"
				     " events = { file = \"/var/log/e.json\"; path = \"e\"; };");
	assert_string_equal(c.policy_file, "dir/policy.conf");
	assert_int_equal(c.policy_pace, 5000);
	assert_int_equal(c.policy_overlap_s, 86400);
	assert_string_equal(c.events_file, "/var/log/e.json");
	assert_string_equal(c.events_path, "dir/e");
	conf_free(&c);
}

static void test_what_is_wrong_is_told_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *part;
	} rows[] = {
		{ "policy = { pace = 0; };", "dir/F:2: policy.pace: " },
		{ "policy = { overlap_s = 31536001; };", "dir/F:2: policy.overlap_s: " },
		{ "policy = { fil = \"x\"; };", "did you mean policy.file?" },
		{ "policy = { rules = ( ); };", "dir/F:2: " },
		{ "events = { path = \"/0123456789012345678901234567890123456789012345678901234567"
		  "89012345678901234567890123456789012345678901234567\"; };",
			"dir/F:2: events.path: " },
		{ "events = { path = \"/run/lwgate/control\"; };",
			"dir/F:2: events.path: /run/lwgate/control is control.path, too" },
		{ "events = { file = \"/run/lwgate/control\"; };",
			"dir/F:2: events.file: /run/lwgate/control is control.path, too" },
		{ "events = { file = \"x\"; path = \"x\"; };",
			"dir/F:2: events.file: dir/x is events.path, too" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct conf_gateway c;
		struct conf_error e;
		if (parse(rows[i].text, &c, &e))
			fail_msg("taken: %s", rows[i].text);
		if (strstr(e.text, rows[i].part) == NULL)
			fail_msg("\"%s\" has no \"%s\"", e.text, rows[i].part);
	}
}

static void test_a_reload_takes_the_policys_file_and_tells_of_the_rest(void **state)
{
	(void)state;
	static const char *const paths[] = { "policy.pace", "policy.overlap_s", "events.file",
		"events.path" };
	static struct conf_gateway now, file, all;
	now = good("");
	file = good("policy = { file = \"p\"; };");
	all = good("policy = { file = \"p\"; pace = 1; overlap_s = 1; };"
		   " events = { file = \"f\"; path = \"e\"; };");
	assert_null(conf_fixed(&now, &file, 0));
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		assert_string_equal(conf_fixed(&now, &all, i), paths[i]);
	assert_null(conf_fixed(&now, &all, COUNT_OF(paths)));
	conf_free(&now);
	conf_free(&file);
	conf_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R207_without_a_word_the_built_in_policy_holds),
		cmocka_unit_test(test_R207_files_are_those_of_the_configurations_folder),
		cmocka_unit_test(test_what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(test_a_reload_takes_the_policys_file_and_tells_of_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
