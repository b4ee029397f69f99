/* SPDX-License-Identifier: Apache-2.0 */
/* Labels, end and overlap: from files and options, and as they are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "ctl/csv_cred.h"
#include "ctl/security_object.h"
#include "ctl/show.h"
#include "ctl/terms.h"

#define KEY "8f1d2c6be0a94f7735d8c1be90e4537a"

static const uint64_t new_year_ms = UINT64_C(1798761600000); /* 2027-01-01T00:00:00Z */

static bool keep(void *ctx, const struct ctl_cred *c)
{
	memcpy(ctx, c, sizeof(*c));
	return true;
}

/* "LINE: what is wrong", or "". */
static const char *csv(const char *text, struct ctl_cred *out)
{
	static char said[256];
	static struct csv_cred c;
	unsigned line = 0;
	csv_cred_begin(&c, keep, out);
	said[0] = '\0';
	if (!csv_cred_feed(&c, text, strlen(text)) || !csv_cred_end(&c)) {
		const char *const why = csv_cred_why(&c, &line);
		(void)snprintf(said, sizeof(said), "%u: %s", line, why);
	}
	return said;
}

static const char *object(const char *text, struct ctl_cred *out)
{
	static char said[256];
	static struct security_object s;
	unsigned line = 0;
	security_object_begin(&s, NULL, keep, out);
	said[0] = '\0';
	if (!security_object_feed(&s, text, strlen(text)) || !security_object_end(&s)) {
		const char *const why = security_object_why(&s, &line);
		(void)snprintf(said, sizeof(said), "%u: %s", line, why);
	}
	return said;
}

static void test_R207_labels_end_and_overlap_come_from_csv(void **state)
{
	(void)state;
	struct ctl_cred c;
	assert_string_equal(csv("endpoint,key,labels,valid_until,overlap_s\n"
				"e," KEY ",\"north,meter\",2027-01-01T00:00:00Z,86400\n",
				    &c),
		"");
	assert_true(c.says_labels && c.says_until && c.says_overlap);
	assert_string_equal(c.labels, "meter,north");
	assert_true(c.until_ms == new_year_ms);
	assert_int_equal(c.overlap_s, 86400);
	/* An empty field says that there is none, a column that is not there says nothing. */
	assert_string_equal(
		csv("endpoint,key,labels,valid_until,overlap_s\ne," KEY ",,,\n", &c), "");
	assert_true(c.says_labels && c.says_until && !c.says_overlap);
	assert_string_equal(c.labels, "");
	assert_true(c.until_ms == 0);
	assert_string_equal(csv("endpoint,key\ne," KEY "\n", &c), "");
	assert_false(c.says_labels || c.says_until || c.says_overlap);
}

static void test_R207_labels_end_and_overlap_come_with_a_security_object(void **state)
{
	(void)state;
	struct ctl_cred c;
	assert_string_equal(object("endpoint,2,3,5,labels,valid_until,overlap_s\n"
				   "e,0,text:e," KEY ",\"b,a\",2027-01-01T00:00:00Z,1h\n",
				    &c),
		"");
	assert_true(c.says_labels && c.says_until && c.says_overlap);
	assert_string_equal(c.labels, "a,b");
	assert_true(c.until_ms == new_year_ms);
	assert_int_equal(c.overlap_s, 3600);
	assert_string_equal(object("endpoint,2,3,5\ne,0,text:e," KEY "\n", &c), "");
	assert_false(c.says_labels || c.says_until || c.says_overlap);
	assert_non_null(strstr(
		object("endpoint,2,3,5,labels\ne,0,text:e," KEY ",\"a,a\"\n", &c), "2: labels: "));
}

/* I5: it may be a key that stands in the wrong column. */
static void test_I5_what_is_wrong_is_told_without_what_stands_there(void **state)
{
	(void)state;
	static const struct {
		const char *row, *error;
	} rows[] = {
		{ KEY KEY ",,", "2: labels: a label is too long; use 1 to 32 octets" },
		{ "\"a,,b\",,",
			"2: labels: a label is empty; write 1 to 32 octets, or leave it out" },
		{ "a,2027-02-29T00:00:00Z,",
			"2: valid_until: is no time; write it in UTC as 2027-01-31T00:00:00Z, or: "
			"never" },
		{ "a,," KEY,
			"2: overlap_s: is no span of time up to a year; write it as 90s, 30m, 24h "
			"or 7d" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[256];
		struct ctl_cred c;
		(void)snprintf(text, sizeof(text),
			"endpoint,key,labels,valid_until,overlap_s\ne," KEY ",%s\n", rows[i].row);
		assert_string_equal(csv(text, &c), rows[i].error);
	}
}

static struct ctl_cred sample(void)
{
	return (struct ctl_cred){
		.endpoint = "e",
		.identity_len = 1,
		.identity = { 'e' },
		.key_len = 16,
		.key = { 1, 2, 3 },
		.generation = 9,
		.says_labels = true,
		.labels = "meter,north",
		.until_ms = new_year_ms,
		.before_generation = 7,
		.before_until_ms = new_year_ms - 1000,
		.has_keys = true,
	};
}

static void test_what_is_exported_with_keys_keeps_labels_and_end(void **state)
{
	(void)state;
	const struct ctl_cred c = sample();
	struct ctl_cred back;
	struct ctl_out o = { 0 };
	char text[1024];
	csv_cred_titles(&o, true);
	csv_cred_row(&o, true, &c);
	(void)snprintf(text, sizeof(text), "%.*s", (int)o.len, o.data);
	ctl_out_fini(&o);
	assert_string_equal(csv(text, &back), "");
	assert_true(back.says_labels && back.says_until);
	assert_string_equal(back.labels, c.labels);
	assert_true(back.until_ms == c.until_ms);
}

static void has(enum ctl_form form, bool row, const struct ctl_cred *c, const char *part)
{
	struct ctl_out o = { 0 };
	char text[2048];
	if (row)
		ctl_show_cred_row(&o, form, c);
	else
		ctl_show_cred(&o, form, c);
	(void)snprintf(text, sizeof(text), "%.*s", (int)o.len, o.data);
	ctl_out_fini(&o);
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" has no \"%s\"", text, part);
}

static void test_labels_end_and_overlap_are_shown(void **state)
{
	(void)state;
	struct ctl_cred c = sample();
	has(CTL_TEXT, false, &c,
		"labels              meter,north\n"
		"valid until         2027-01-01T00:00:00Z\n"
		"before              of generation 7, taken until 2026-12-31T23:59:59Z\n");
	has(CTL_JSON, false, &c,
		"\"labels\":[\"meter\",\"north\"],\"valid_until_ms\":1798761600000,"
		"\"before\":{\"generation\":7,\"until_ms\":1798761599000}");
	has(CTL_TEXT, true, &c, "  2027-01-01T00:00:00Z  meter,north       e\n");
	has(CTL_JSON, true, &c, "\"labels\":[\"meter\",\"north\"]");
	c.state = CTL_CRED_EXPIRED;
	has(CTL_TEXT, false, &c, "state               expired\n");
	has(CTL_JSON, true, &c, "\"state\":\"expired\"");
	c.until_ms = c.before_generation = 0;
	c.labels[0] = '\0';
	has(CTL_TEXT, false, &c, "labels              -\nvalid until         -\nkey ");
	has(CTL_JSON, false, &c, "\"repository\":false,\"labels\":[]}");
	has(CTL_TEXT, true, &c, "  -                     -                 e\n");
}

static void test_an_export_without_keys_says_how_long(void **state)
{
	(void)state;
	const struct ctl_cred c = sample();
	struct ctl_out o = { 0 };
	csv_cred_row(&o, false, &c);
	ctl_out_bytes(&o, "", 1);
	assert_non_null(
		strstr(o.data, ",16,0,\"meter,north\",2027-01-01T00:00:00Z,2026-12-31T23:59:59Z,"));
	ctl_out_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R207_labels_end_and_overlap_come_from_csv),
		cmocka_unit_test(test_R207_labels_end_and_overlap_come_with_a_security_object),
		cmocka_unit_test(test_I5_what_is_wrong_is_told_without_what_stands_there),
		cmocka_unit_test(test_what_is_exported_with_keys_keeps_labels_and_end),
		cmocka_unit_test(test_labels_end_and_overlap_are_shown),
		cmocka_unit_test(test_an_export_without_keys_says_how_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
