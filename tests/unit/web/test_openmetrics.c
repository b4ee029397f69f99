/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/histogram.h"
#include "ctl/out.h"
#include "web/openmetrics.h"

static const struct om_family builds = { "x_build", OM_INFO, NULL, "What runs" };
static const struct om_family things = { "x_things", OM_COUNTER, NULL, "Things" };
static const struct om_family room = { "x_room_bytes", OM_GAUGE, "bytes", "Room" };
static const struct om_family waits = { "x_wait_seconds", OM_HISTOGRAM, "seconds", "Waits" };
static const struct om_family age = { "x_age_seconds", OM_GAUGE, "seconds", "Age" };

static void assert_written(struct ctl_out *out, const char *wanted)
{
	assert_false(out->bad);
	ctl_out_bytes(out, "", 1);
	assert_string_equal(out->data, wanted);
	ctl_out_fini(out);
}

static void write_all(const struct om *o)
{
	const struct om_label version = { "version", "1.2" };
	const struct om_label both[] = { { "with", "device" }, { "outcome", "done" } };
	om_begin(o, &builds);
	om_count(o, &builds, &version, 1, 1);
	om_begin(o, &things);
	om_count(o, &things, both, COUNT_OF(both), UINT64_MAX);
	om_begin(o, &room);
	om_count(o, &room, NULL, 0, 0);
	om_begin(o, &age);
	om_micros(o, &age, NULL, 0, 12000034);
	om_end(o);
}

static void test_openmetrics_to_the_letter(void **state)
{
	(void)state;
	struct ctl_out out = { 0 };
	write_all(&(struct om){ .out = &out });
	assert_written(&out, "# TYPE x_build info\n"
			     "# HELP x_build What runs\n"
			     "x_build_info{version=\"1.2\"} 1\n"
			     "# TYPE x_things counter\n"
			     "# HELP x_things Things\n"
			     "x_things_total{with=\"device\",outcome=\"done\"} "
			     "18446744073709551615\n"
			     "# TYPE x_room_bytes gauge\n"
			     "# UNIT x_room_bytes bytes\n"
			     "# HELP x_room_bytes Room\n"
			     "x_room_bytes 0\n"
			     "# TYPE x_age_seconds gauge\n"
			     "# UNIT x_age_seconds seconds\n"
			     "# HELP x_age_seconds Age\n"
			     "x_age_seconds 12.000034\n"
			     "# EOF\n");
}

/* It has neither units nor an end, and a counter is named as its samples are. */
static void test_the_older_format_to_the_letter(void **state)
{
	(void)state;
	struct ctl_out out = { 0 };
	write_all(&(struct om){ .out = &out, .classic = true });
	assert_written(&out, "# TYPE x_build_info gauge\n"
			     "# HELP x_build_info What runs\n"
			     "x_build_info{version=\"1.2\"} 1\n"
			     "# TYPE x_things_total counter\n"
			     "# HELP x_things_total Things\n"
			     "x_things_total{with=\"device\",outcome=\"done\"} "
			     "18446744073709551615\n"
			     "# TYPE x_room_bytes gauge\n"
			     "# HELP x_room_bytes Room\n"
			     "x_room_bytes 0\n"
			     "# TYPE x_age_seconds gauge\n"
			     "# HELP x_age_seconds Age\n"
			     "x_age_seconds 12.000034\n");
}

static void test_a_value_cannot_leave_its_quotes(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "\"} 1\nx_things_total 9", "\\\"} 1\\nx_things_total 9" },
		{ "\\", "\\\\" },
		{ "\\\"", "\\\\\\\"" },
		{ "\xc3\xa4\xf0\x9f\x93\xa1", "\xc3\xa4\xf0\x9f\x93\xa1" },
		{ "a\xff\xc3", "a??" },
		{ "\xed\xa0\x80", "???" }, /* half of a pair */
		{ "\xc0\xaf", "??" },      /* longer than it has to be */
		{ "{a=b,c}", "{a=b,c}" },
		{ "\r\t\x7f", "\r\t\x7f" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char wanted[128];
		struct ctl_out out = { 0 };
		const struct om_label label = { "l", rows[i][0] };
		om_count(&(struct om){ .out = &out }, &things, &label, 1, 7);
		(void)snprintf(wanted, sizeof(wanted), "x_things_total{l=\"%s\"} 7\n", rows[i][1]);
		assert_written(&out, wanted);
	}
}

static void test_a_histogram_counts_up_to_all(void **state)
{
	(void)state;
	struct histogram h = { { 0 }, 0 };
	struct ctl_out out = { 0 };
	histogram_add(&h, 0);
	histogram_add(&h, 100);
	histogram_add(&h, 101);
	histogram_add(&h, 1000000);
	histogram_add(&h, 60000001);
	om_begin(&(struct om){ .out = &out }, &waits);
	om_histogram(&(struct om){ .out = &out }, &waits, &h);
	assert_written(&out, "# TYPE x_wait_seconds histogram\n"
			     "# UNIT x_wait_seconds seconds\n"
			     "# HELP x_wait_seconds Waits\n"
			     "x_wait_seconds_bucket{le=\"0.0001\"} 2\n"
			     "x_wait_seconds_bucket{le=\"0.00025\"} 3\n"
			     "x_wait_seconds_bucket{le=\"0.0005\"} 3\n"
			     "x_wait_seconds_bucket{le=\"0.001\"} 3\n"
			     "x_wait_seconds_bucket{le=\"0.0025\"} 3\n"
			     "x_wait_seconds_bucket{le=\"0.005\"} 3\n"
			     "x_wait_seconds_bucket{le=\"0.01\"} 3\n"
			     "x_wait_seconds_bucket{le=\"0.025\"} 3\n"
			     "x_wait_seconds_bucket{le=\"0.05\"} 3\n"
			     "x_wait_seconds_bucket{le=\"0.1\"} 3\n"
			     "x_wait_seconds_bucket{le=\"0.25\"} 3\n"
			     "x_wait_seconds_bucket{le=\"0.5\"} 3\n"
			     "x_wait_seconds_bucket{le=\"1.0\"} 4\n"
			     "x_wait_seconds_bucket{le=\"2.5\"} 4\n"
			     "x_wait_seconds_bucket{le=\"5.0\"} 4\n"
			     "x_wait_seconds_bucket{le=\"10.0\"} 4\n"
			     "x_wait_seconds_bucket{le=\"30.0\"} 4\n"
			     "x_wait_seconds_bucket{le=\"60.0\"} 4\n"
			     "x_wait_seconds_bucket{le=\"+Inf\"} 5\n"
			     "x_wait_seconds_count 5\n"
			     "x_wait_seconds_sum 61.000202\n");
}

static void test_histograms_add_up(void **state)
{
	(void)state;
	struct histogram a = { { 0 }, 0 }, b = { { 0 }, 0 };
	histogram_add(&a, 100);
	histogram_add(&b, 100);
	histogram_add(&b, 3000);
	histogram_sum(&a, &b);
	assert_int_equal(a.counts[0], 2);
	assert_int_equal(a.counts[5], 1);
	assert_int_equal(a.sum_us, 3200);
	for (size_t i = 1; i < HISTOGRAM_BOUNDS; i++)
		assert_true(histogram_bound_us(i) > histogram_bound_us(i - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openmetrics_to_the_letter),
		cmocka_unit_test(test_the_older_format_to_the_letter),
		cmocka_unit_test(test_a_value_cannot_leave_its_quotes),
		cmocka_unit_test(test_a_histogram_counts_up_to_all),
		cmocka_unit_test(test_histograms_add_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
