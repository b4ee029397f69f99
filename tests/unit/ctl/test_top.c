/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/top.h"

static const char first[] =
	"{\"version\":\"1\",\"uptime_s\":60,\"total\":{\"devices\":3,\"registrations\":2,"
	"\"datagrams_in\":100,\"forged\":7,\"replayed\":5},\"store\":{\"sessions\":10},"
	"\"workers\":[{\"devices\":3,\"datagrams_in\":100}]}";
static const char second[] =
	"{\"version\":\"1\",\"uptime_s\":62,\"total\":{\"devices\":4,\"registrations\":2,"
	"\"datagrams_in\":151,\"forged\":9,\"replayed\":5},\"store\":{\"sessions\":10},"
	"\"workers\":[{\"devices\":4,\"datagrams_in\":151}]}";

static struct top_look look(const char *text, uint64_t at_ms)
{
	struct top_look l;
	assert_true(
		top_look_read((struct ctl_piece){ .at = text, .len = strlen(text) }, at_ms, &l));
	return l;
}

static void show(struct ctl_out *o, const struct top_view *v, bool json)
{
	if (json)
		top_show_json(o, v);
	else
		top_show_text(o, v);
	ctl_out_bytes(o, "", 1);
	assert_false(o->bad);
}

struct scene {
	struct top_look before, now;
	struct top_lines lines, failures;
	struct top_view view;
	struct ctl_out out;
};

static struct scene *begin(const char *one, const char *two)
{
	struct scene *const s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->before = look(one, 1000);
	s->now = look(two, 3000);
	s->view = (struct top_view){ .before = &s->before,
		.now = &s->now,
		.decisions = &s->lines,
		.failures = &s->failures,
		.every_ms = 2000,
		.wall = "12:00:00" };
	return s;
}

static void end(struct scene *s)
{
	ctl_out_fini(&s->out);
	top_lines_fini(&s->lines);
	top_lines_fini(&s->failures);
	free(s);
}

static void test_rates_are_what_came_in_between(void **state)
{
	struct scene *s;
	(void)state;
	s = begin(first, second);
	show(&s->out, &s->view, false);
	assert_non_null(strstr(s->out.data, "datagrams in                25.5")); /* 51 in 2 s */
	assert_non_null(strstr(s->out.data, "forged                       1.0"));
	assert_null(strstr(s->out.data, "replayed")); /* nothing has happened there */
	assert_non_null(strstr(s->out.data, "awake                          4"));
	assert_non_null(strstr(s->out.data, "asleep                         6"));
	end(s);
}

static void test_a_gateway_that_began_anew_has_no_rates(void **state)
{
	struct scene *s;
	(void)state;
	s = begin(second, first);
	show(&s->out, &s->view, false);
	assert_non_null(strstr(s->out.data, "datagrams in                 0.0"));
	assert_null(strstr(s->out.data, "forged"));
	end(s);
}

/* Lines of a page, none of which is wider or moves the cursor. */
static size_t lines_of(const char *page, size_t columns)
{
	size_t n = 0;
	for (const char *at = page; *at != '\0'; n++) {
		char line[2048];
		const char *const stop = strchr(at, '\n');
		assert_non_null(stop);
		(void)snprintf(line, sizeof(line), "%.*s", (int)(stop - at), at);
		assert_true(ctl_out_width(line) <= columns);
		assert_null(strchr(line, '\033'));
		at = stop + 1;
	}
	return n;
}

static void assert_fits(size_t columns, size_t rows)
{
	static const char line[] = "{\"time\":\"2026-01-01T10:11:12.000Z\",\"endpoint\":"
				   "\"urn:\\u20ac:\\u001b[2J\",\"event\":\"age\"}\n";
	struct scene *const s = begin(first, second);
	for (int i = 0; i < 80; i++) {
		top_lines_add(&s->lines, line, sizeof(line) - 1);
		top_lines_add(&s->failures, line, sizeof(line) - 1);
	}
	s->view.columns = columns;
	s->view.rows = rows;
	show(&s->out, &s->view, false);
	assert_true(lines_of(s->out.data, columns) <= rows);
	assert_true(rows < 61 || strstr(s->out.data, columns < 40 ? "  10:" : "urn:"));
	end(s);
}

static void test_no_line_is_wider_nor_a_page_higher(void **state)
{
	(void)state;
	for (size_t columns = 10; columns <= 130; columns += 40) {
		for (size_t rows = 1; rows <= 61; rows += 10)
			assert_fits(columns, rows);
	}
}

/* What is not good is shown while it is so, as a number; what is good takes no room. */
static void test_keys_that_are_not_good_are_counted(void **state)
{
	static const char bad[] = "{\"version\":\"1\",\"uptime_s\":9,\"total\":{\"sms_bridges\":1,"
				  "\"sms_key_sets_confirmed\":7,\"sms_key_sets_failed\":3},"
				  "\"store\":null,\"workers\":[]}";
	struct scene *s = begin(bad, bad);
	(void)state;
	show(&s->out, &s->view, false);
	assert_non_null(strstr(s->out.data, "devices without good keys"));
	assert_non_null(strstr(s->out.data, "keys failed"));
	assert_null(strstr(s->out.data, "keys stale"));
	end(s);
	s = begin(bad, bad);
	show(&s->out, &s->view, true);
	assert_non_null(strstr(s->out.data, "\"sms_key_sets_failed\":3,"));
	end(s);
	s = begin(first, second);
	show(&s->out, &s->view, false);
	assert_null(strstr(s->out.data, "SHORT MESSAGES now"));
	end(s);
}

static void test_decisions_are_shown_latest_first(void **state)
{
	struct scene *s;
	static const char *const lines[] = {
		"{\"time\":\"2026-01-01T10:11:12.000Z\",\"endpoint\":\"a\",\"event\":\"age\","
		"\"rule\":\"old\",\"outcome\":\"done\",\"reason\":\"too old\"}\n",
		"{\"time\":\"2026-01-01T10:11:13.000Z\",\"endpoint\":\"b\",\"event\":"
		"\"sms-keys\"}\n",
	};
	(void)state;
	s = begin(first, second);
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		top_lines_add(&s->lines, lines[i], strlen(lines[i]));
	show(&s->out, &s->view, false);
	const char *const a = strstr(s->out.data, "  10:11:12 a age old: done too old\n");
	const char *const b = strstr(s->out.data, "  10:11:13 b sms-keys ");
	assert_true(a && b && b < a);
	end(s);
}

static void test_failures_stand_behind_the_decisions(void **state)
{
	static const char failure[] = "{\"time\":\"2026-01-01T10:11:14.000Z\",\"level\":\"warn\","
				      "\"event\":\"no-key\",\"text\":\"endpoint=a\"}\n";
	struct scene *const s = begin(first, second);
	(void)state;
	top_lines_add(&s->lines, "{\"event\":\"age\"}\n", 16);
	top_lines_add(&s->failures, failure, sizeof(failure) - 1);
	show(&s->out, &s->view, false);
	const char *const decided = strstr(s->out.data, "LAST DECISIONS\n");
	const char *const failed =
		strstr(s->out.data, "LAST FAILURES\n  10:11:14 warn no-key endpoint=a\n");
	assert_true(decided && failed && decided < failed);
	end(s);
}

static void test_json_is_one_object(void **state)
{
	struct scene *s;
	(void)state;
	s = begin(first, second);
	top_lines_add(&s->lines, "{\"event\":\"x\"}\n", 14);
	top_lines_add(&s->lines, "{\"event\":\"y\"}\n", 14);
	show(&s->out, &s->view, true);
	const struct ctl_piece all = { .at = s->out.data, .len = s->out.len - 1 };
	const struct ctl_piece rates = ctl_member_of(all, "per_s");
	assert_memory_equal(ctl_member_of(rates, "datagrams_in").at, "25.5", 4);
	assert_int_equal(ctl_member_number(ctl_member_of(all, "now"), "devices"), 4);
	assert_int_equal(ctl_member_number(all, "interval_ms"), 2000);
	const struct ctl_piece told = ctl_member_of(all, "decisions");
	assert_int_equal(told.len, strlen("[{\"event\":\"x\"},{\"event\":\"y\"}]"));
	assert_null(memchr(s->out.data, '\n', s->out.len - 2));
	end(s);
}

static void test_what_is_no_status_is_refused(void **state)
{
	struct top_look l;
	(void)state;
	assert_false(top_look_read((struct ctl_piece){ .at = "{}", .len = 2 }, 1, &l));
	assert_false(top_look_read((struct ctl_piece){ .at = NULL }, 1, &l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_are_what_came_in_between),
		cmocka_unit_test(test_a_gateway_that_began_anew_has_no_rates),
		cmocka_unit_test(test_no_line_is_wider_nor_a_page_higher),
		cmocka_unit_test(test_keys_that_are_not_good_are_counted),
		cmocka_unit_test(test_decisions_are_shown_latest_first),
		cmocka_unit_test(test_failures_stand_behind_the_decisions),
		cmocka_unit_test(test_json_is_one_object),
		cmocka_unit_test(test_what_is_no_status_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
