/* SPDX-License-Identifier: Apache-2.0 */
/* How far the sweep is, as an operator sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/show.h"

enum { MILLION = 1000000 };

static const struct ctl_policy policy = { .name = "/etc/lwgate/policy\x1b.conf" };

static struct ctl_deciding half_way(void)
{
	return (struct ctl_deciding){ .rules = 7,
		.pace = 200,
		.walking = true,
		.sessions = MILLION,
		.looked = 400000,
		.found = 1200,
		.began_ms_ago = 125000,
		.judged = 1100,
		.waiting = 3,
		.entries = 1090,
		.unheard = 5,
		.subscribers = 2 };
}

/* Static, and terminated. */
static const char *shown(enum ctl_form form, const struct ctl_deciding *d)
{
	static char text[16384];
	struct ctl_out o = { 0 };
	const struct ctl_totals t = { .uptime_s = 9, .deciding = d, .policy = &policy };
	ctl_show_status(&o, form, &t);
	assert_false(o.bad);
	assert_in_range(o.len, 1, sizeof(text) - 1);
	memcpy(text, o.data, o.len);
	text[o.len] = '\0';
	ctl_out_fini(&o);
	return text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

static void test_people_see_how_far_it_is(void **state)
{
	struct ctl_deciding d = half_way();
	(void)state;
	const char *text = shown(CTL_TEXT, &d);
	has(text, "\npolicy                   /etc/lwgate/policy?.conf, 7 rules\n");
	has(text, "\n  pace                   200 decisions a second, at most\n");
	has(text, "\n  round                  under way for 2m05s: 400000 of 1000000 looked at\n");
	has(text, "\nsessions concerned                       1200  of these\n");
	has(text, "\nevents lost                                 5  not heard by a subscriber\n");
	d.rules = 1;
	d.walking = false;
	text = shown(CTL_TEXT, &d);
	has(text, ", 1 rule\n");
	has(text, "\n  round                  none yet\n");
	d.ended = true;
	d.ended_ms_ago = 3000;
	has(shown(CTL_TEXT, &d), "\n  round                  complete, 3s ago\n");
}

static void test_programs_get_each_number_by_its_name(void **state)
{
	struct ctl_deciding d = half_way();
	(void)state;
	has(shown(CTL_JSON, &d),
		"\"policy\":{\"name\":\"/etc/lwgate/policy\\u001b.conf\",\"rules\":7,\"pace\":200,"
		"\"walking\":true,\"began_ms_ago\":125000,\"sessions\":1000000,\"looked\":400000,"
		"\"found\":1200,\"waiting\":3,\"judged\":1100,\"rounds\":0,\"entries\":1090,"
		"\"refused\":0,\"unwritten\":0,\"unheard\":5,\"subscribers\":2}");
	d.walking = false;
	assert_null(strstr(shown(CTL_JSON, &d), "began_ms_ago"));
	d.ended = true;
	d.ended_ms_ago = 3000;
	has(shown(CTL_JSON, &d), "\"began_ms_ago\":125000,\"ended_ms_ago\":3000,");
}

static void test_where_nothing_is_decided_that_is_said(void **state)
{
	(void)state;
	has(shown(CTL_JSON, NULL), "\"policy\":null");
	assert_null(strstr(shown(CTL_TEXT, NULL), "policy"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_people_see_how_far_it_is),
		cmocka_unit_test(test_programs_get_each_number_by_its_name),
		cmocka_unit_test(test_where_nothing_is_decided_that_is_said),
	};
	return cmocka_run_group_tests_name("ctl/show_deciding", tests, NULL, NULL);
}
