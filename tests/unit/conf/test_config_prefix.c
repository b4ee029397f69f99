/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths may be those of images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"

#define UP "upstream = { address = \"192.0.2.10\"; };\n"
#define REST                                                                                       \
	" address = \"192.0.2.20\"; identity = \"gateway\"; key_file = \"k\"; directory = \"d\"; " \
	"};"
#define UNDER(prefix) UP "repository = { prefix = \"" prefix "\";" REST

static void says(const char *text, const char *wanted)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	if (conf_parse(text, "F", &c, &e)) {
		conf_free(&c);
		fail_msg("taken: %s", text);
	}
	if (strncmp(e.text, wanted, strlen(wanted)) != 0)
		fail_msg("\"%s\" does not begin: %s", wanted, e.text);
}

static void is_taken(const char *text, const char *prefix)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	if (!conf_parse(text, "F", &c, &e))
		fail_msg("%s", e.text);
	assert_string_equal(c.repository.prefix, prefix);
	conf_free(&c);
}

static void test_R288_a_prefix_is_a_path_of_sound_segments(void **state)
{
	(void)state;
	static const char no_path[] =
		"F:2: repository.prefix: is no path of segments joined by single slashes";
	is_taken(UNDER("fw"), "fw");
	is_taken(UNDER("a/fw"), "a/fw");
	says(UNDER("/fw"), no_path);
	says(UNDER("fw/"), no_path);
	says(UNDER("a//fw"), no_path);
	says(UNDER("a/../fw"), no_path);
	says(UNDER("."), no_path);
	says(UNDER("f%77"), no_path);
	says(UNDER("f w"), no_path);
}

static void test_R287_what_is_a_registrations_is_no_images(void **state)
{
	(void)state;
	static const char taken[] = "F:2: repository.prefix: begins with rd, bs or dp";
	says(UNDER("rd"), taken);
	says(UNDER("bs"), taken);
	says(UNDER("dp"), taken);
	says(UNDER("rd/fw"), taken);
	is_taken(UNDER("rdx"), "rdx");
	is_taken(UNDER("r"), "r");
	is_taken(UNDER("fw/rd"), "fw/rd");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R288_a_prefix_is_a_path_of_sound_segments),
		cmocka_unit_test(test_R287_what_is_a_registrations_is_no_images),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
