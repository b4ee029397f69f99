/* SPDX-License-Identifier: Apache-2.0 */
/* Labels, dates and spans of time, as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/date.h"
#include "conf/labels.h"

#define L32 "abcdefghijklmnopqrstuvwxyz012345"

static const char *text_of(const char *text)
{
	static char out[CONF_LABELS_TEXT];
	struct conf_labels l;
	const char *const why = conf_labels_read(text, &l);
	return why != NULL ? why : conf_labels_text(&l, out);
}

static void test_labels_are_a_set_in_one_order(void **state)
{
	(void)state;
	assert_string_equal(text_of(""), "");
	assert_string_equal(text_of("b"), "b");
	assert_string_equal(text_of("c,a,b"), "a,b,c");
	assert_string_equal(
		text_of("m\xc3\xa4\xc3\x9f,north side"), "m\xc3\xa4\xc3\x9f,north side");
	assert_string_equal(text_of(L32), L32);
}

static void test_a_label_that_no_rule_could_have_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *part;
	} rows[] = {
		{ ",", "empty" },
		{ "a,", "empty" },
		{ ",a", "empty" },
		{ L32 "6", "too long" },
		{ "a, b", "blank" },
		{ "a ,b", "blank" },
		{ " ", "blank" },
		{ "a\tb", "control" },
		{ "a\x7f", "control" },
		{ "a,b,a", "twice" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strstr(text_of(rows[i].text), rows[i].part) == NULL)
			fail_msg("row %zu: %s", i, text_of(rows[i].text));
	}
	struct conf_labels l = { 0 };
	assert_non_null(strstr(conf_labels_add(&l, "a,b", 3), "comma"));
	assert_int_equal(l.len, 0);
}

static void test_labels_are_bounded_and_all_of_the_longest_fit(void **state)
{
	(void)state;
	struct conf_labels l = { 0 };
	char label[CONF_LABEL_MAX + 1], out[CONF_LABELS_TEXT];
	for (int i = 0; i < CONF_LABELS_MAX; i++) {
		(void)snprintf(label, sizeof(label), "%032d", CONF_LABELS_MAX - i);
		assert_null(conf_labels_add(&l, label, CONF_LABEL_MAX));
	}
	assert_int_equal(strlen(conf_labels_text(&l, out)), CONF_LABELS_TEXT - 1);
	assert_non_null(strstr(conf_labels_add(&l, "one", 3), "too many"));
	assert_string_equal(text_of(out), out);
}

static void test_a_date_is_read_and_written(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ms;
	} rows[] = {
		{ "never", 0 },
		{ "1970-01-01T00:00:01Z", 1000 },
		{ "2000-02-29T12:34:56Z", UINT64_C(951827696000) },
		{ "2027-01-01T00:00:00Z", UINT64_C(1798761600000) },
		{ "2038-01-19T03:14:08Z", UINT64_C(2147483648000) },
		{ "2100-03-01T00:00:00Z", UINT64_C(4107542400000) },
		{ "9999-12-31T23:59:59Z", UINT64_C(253402300799000) },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[CONF_DATE_TEXT];
		uint64_t ms = 1;
		assert_null(conf_date_read(rows[i].text, &ms));
		if (ms != rows[i].ms)
			fail_msg("%s: %ju", rows[i].text, (uintmax_t)ms);
		assert_string_equal(conf_date_text(ms, text), rows[i].text);
	}
	char text[CONF_DATE_TEXT];
	assert_string_equal(conf_date_text(UINT64_MAX, text), "9999-12-31T23:59:59Z");
}

static void test_a_day_that_no_calendar_has_is_refused(void **state)
{
	(void)state;
	static const char *const rows[] = { "", "2027-01-01", "2027-01-01T00:00:00",
		"2027-01-01 00:00:00Z", "2027-01-01T00:00:00+01:00", "2027-1-01T00:00:00Z",
		"2027-00-01T00:00:00Z", "2027-13-01T00:00:00Z", "2027-01-00T00:00:00Z",
		"2027-01-32T00:00:00Z", "2027-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
		"2027-04-31T00:00:00Z", "2027-01-01T24:00:00Z", "2027-01-01T00:60:00Z",
		"2027-01-01T00:00:60Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z",
		"2027-01-01T00:00:00Zx", "Never" };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t ms = 0;
		if (conf_date_read(rows[i], &ms) == NULL)
			fail_msg("%s", rows[i]);
	}
}

static void test_a_span_has_a_unit_and_a_bound(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t s;
	} good[] = { { "0", 0 }, { "3600", 3600 }, { "90s", 90 }, { "30m", 1800 }, { "24h", 86400 },
		{ "7d", 604800 }, { "365d", CONF_SPAN_MAX_S }, { "31536000", CONF_SPAN_MAX_S } };
	static const char *const bad[] = { "", "h", "24H", "1w", "-1", "1.5h", " 1h", "1h ", "1hh",
		"366d", "31536001", "99999999d", "100000000", "18446744073709551616" };
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		uint32_t s = 1;
		assert_null(conf_span_read(good[i].text, &s));
		assert_int_equal(s, good[i].s);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		uint32_t s = 0;
		if (conf_span_read(bad[i], &s) == NULL)
			fail_msg("%s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels_are_a_set_in_one_order),
		cmocka_unit_test(test_a_label_that_no_rule_could_have_is_refused),
		cmocka_unit_test(test_labels_are_bounded_and_all_of_the_longest_fit),
		cmocka_unit_test(test_a_date_is_read_and_written),
		cmocka_unit_test(test_a_day_that_no_calendar_has_is_refused),
		cmocka_unit_test(test_a_span_has_a_unit_and_a_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
