/* SPDX-License-Identifier: Apache-2.0 */
/* Who is traced, and the lines of each; what a worker tells of is in tests/system/test_trace.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dtls/engine.h"
#include "gateway/trace.h"

enum { NOW = 5000, CRED = 7, OTHER = 8 };

static bool begin(struct gw_tracing *t, const char *endpoint, uint32_t cred, uint64_t now_ms)
{
	bool fresh;
	const struct gw_trace_begin b = {
		.endpoint = endpoint, .creds = &cred, .len = 1, .now_ms = now_ms
	};
	return gw_tracing_begin(t, &b, &fresh);
}

static struct gw_line_place add(struct gw_tracing *t, uint32_t cred, const char *fate)
{
	struct ctl_traced *const line = calloc(1, sizeof(*line));
	assert_non_null(line);
	line->fate = fate;
	const struct gw_line_place p = gw_tracing_add(t, cred, NULL, line);
	free(line);
	return p;
}

/* How many lines come behind that, and where it goes on. */
static size_t count(struct gw_tracing *t, uint64_t *after, uint64_t *lost)
{
	struct ctl_trace out;
	assert_true(gw_tracing_read(t, "a", *after, &out));
	for (size_t i = 0; i < out.len; i++)
		assert_true(out.lines[i].number == out.next - out.len + 1 + i);
	*after = out.next;
	*lost = out.lost;
	free(out.lines);
	return out.len;
}

static void test_only_who_is_asked_for_has_lines(void **state)
{
	struct gw_tracing *const t = gw_tracing_new();
	uint64_t after = 0, lost = 0;
	(void)state;
	assert_false(gw_tracing_is_on(t, NOW));
	assert_true(begin(t, "a", CRED, NOW));
	assert_true(gw_tracing_is_on(t, NOW));
	assert_true(gw_tracing_has(t, CRED));
	assert_false(gw_tracing_has(t, OTHER));
	assert_false(gw_tracing_has(t, DTLS_NO_CRED));
	(void)add(t, CRED, "sent");
	assert_int_equal(add(t, OTHER, "sent").number, 0);
	(void)add(t, CRED, "sent");
	assert_int_equal(count(t, &after, &lost), 2);
	assert_int_equal(count(t, &after, &lost), 0);
	(void)add(t, CRED, "sent");
	assert_int_equal(count(t, &after, &lost), 1);
	assert_int_equal(lost, 0);
	gw_tracing_free(t);
}

static void test_a_line_without_its_fate_holds_up_those_behind(void **state)
{
	struct gw_tracing *const t = gw_tracing_new();
	struct ctl_traced *const line = calloc(1, sizeof(*line));
	uint64_t after = 0, lost = 0;
	(void)state;
	assert_non_null(line);
	assert_true(begin(t, "a", CRED, NOW));
	(void)add(t, CRED, "sent");
	const struct gw_line_place p = add(t, CRED, NULL);
	(void)add(t, CRED, "sent");
	assert_int_equal(count(t, &after, &lost), 1);
	line->fate = "relayed";
	gw_tracing_settle(t, &p, line);
	assert_int_equal(count(t, &after, &lost), 2);
	free(line);
	gw_tracing_free(t);
}

static void test_what_was_not_fetched_in_time_is_counted(void **state)
{
	struct gw_tracing *const t = gw_tracing_new();
	uint64_t after = 0, lost = 0;
	(void)state;
	assert_true(begin(t, "a", CRED, NOW));
	(void)add(t, CRED, "sent");
	assert_int_equal(count(t, &after, &lost), 1);
	for (int i = 0; i < GW_TRACE_LINES + 3; i++)
		(void)add(t, CRED, "sent");
	assert_int_equal(count(t, &after, &lost), GW_TRACE_LINES);
	assert_int_equal(lost, 3);
	assert_int_equal(count(t, &after, &lost), 0);
	assert_int_equal(lost, 0);
	gw_tracing_free(t);
}

static void test_it_ends_by_itself_unless_somebody_asks(void **state)
{
	struct gw_tracing *const t = gw_tracing_new();
	(void)state;
	assert_true(begin(t, "a", CRED, NOW));
	assert_true(gw_tracing_is_on(t, NOW + GW_TRACE_MS - 1));
	assert_true(begin(t, "a", CRED, NOW + GW_TRACE_MS - 1));
	assert_true(gw_tracing_is_on(t, NOW + GW_TRACE_MS));
	assert_false(gw_tracing_is_on(t, NOW + 2 * GW_TRACE_MS));
	assert_false(gw_tracing_has(t, CRED));
	assert_int_equal(add(t, CRED, "sent").number, 0);
	gw_tracing_free(t);
}

static void test_a_fifth_waits_until_another_ends(void **state)
{
	struct gw_tracing *const t = gw_tracing_new();
	char name[] = "a";
	(void)state;
	for (uint32_t i = 0; i < GW_TRACES; i++, name[0]++)
		assert_true(begin(t, name, CRED + i, NOW));
	assert_false(begin(t, "z", CRED + GW_TRACES, NOW));
	assert_true(begin(t, "b", CRED + 1, NOW + 1));
	assert_true(begin(t, "z", CRED + GW_TRACES, NOW + GW_TRACE_MS));
	assert_false(gw_tracing_has(t, CRED)); /* "a" has gone, "b" has been asked for */
	assert_true(gw_tracing_has(t, CRED + 1));
	gw_tracing_free(t);
}

static bool shows(struct gw_tracing *t, uint32_t cred, struct gw_trace_says m)
{
	return gw_tracing_shows(t, cred, &m);
}

static struct gw_trace_says asks(uint8_t token, bool open)
{
	return (struct gw_trace_says){
		.token = { .len = 1, .octets = { token } }, .request = true, .open = open
	};
}

static struct gw_trace_says answers(uint8_t token)
{
	return (struct gw_trace_says){ .token = { .len = 1, .octets = { token } } };
}

/* A request that is open: is it shown, and its answer? */
static bool shows_both(struct gw_tracing *t, uint32_t cred)
{
	const bool request = shows(t, cred, asks(1, true));
	assert_true(shows(t, cred, answers(1)) == request);
	return request;
}

static void test_I5_payload_is_wanted_only_if_asked_for_and_not_in_a_bootstrap(void **state)
{
	struct gw_tracing *const t = gw_tracing_new();
	const uint32_t cred = CRED;
	bool fresh;
	struct gw_trace_begin b = { .endpoint = "a", .creds = &cred, .len = 1, .now_ms = NOW };
	(void)state;
	assert_true(gw_tracing_begin(t, &b, &fresh));
	assert_true(fresh);
	assert_false(shows_both(t, CRED));
	b.payload = true;
	assert_true(gw_tracing_begin(t, &b, &fresh));
	assert_false(fresh);
	assert_true(shows_both(t, CRED));
	assert_false(shows_both(t, OTHER));
	gw_tracing_hide(t, CRED, true);
	assert_false(shows_both(t, CRED));
	gw_tracing_hide(t, CRED, false);
	assert_true(shows_both(t, CRED));
	gw_tracing_free(t);
}

static struct gw_tracing *with_payload(void)
{
	struct gw_tracing *const t = gw_tracing_new();
	const uint32_t cred = CRED;
	bool fresh;
	const struct gw_trace_begin b = {
		.endpoint = "a", .creds = &cred, .len = 1, .payload = true, .now_ms = NOW
	};
	assert_non_null(t);
	assert_true(gw_tracing_begin(t, &b, &fresh));
	return t;
}

/* An answer names nothing: it is as its request was; one that was not seen may be of anything. */
static void test_I5_an_answer_is_shown_as_its_request_was(void **state)
{
	struct gw_tracing *const t = with_payload();
	struct gw_trace_says by_device = asks(1, true), longer = answers(2);
	(void)state;
	assert_false(shows(t, CRED, answers(1)));
	assert_false(shows(t, CRED, asks(1, false)));
	assert_false(shows(t, CRED, answers(1)));
	assert_true(shows(t, CRED, asks(2, true)));
	assert_false(shows(t, CRED, answers(1)));
	assert_true(shows(t, CRED, answers(2)));
	assert_true(shows(t, CRED, answers(2)));
	/* The same token on the other side is another one, and so is a longer one. */
	by_device.token.by_device = true;
	assert_true(shows(t, CRED, by_device));
	assert_false(shows(t, CRED, answers(1)));
	longer.token.len = 2;
	assert_false(shows(t, CRED, longer));
	/* Used again, for what has keys. */
	assert_false(shows(t, CRED, asks(2, false)));
	assert_false(shows(t, CRED, answers(2)));
	/* What was asked in a bootstrap is not shown after it, either. */
	gw_tracing_hide(t, CRED, true);
	assert_false(shows(t, CRED, asks(3, true)));
	gw_tracing_hide(t, CRED, false);
	assert_false(shows(t, CRED, answers(3)));
	gw_tracing_free(t);
}

static void test_an_observation_is_shown_as_long_as_it_is_heard(void **state)
{
	struct gw_tracing *const t = with_payload();
	(void)state;
	for (uint8_t i = 1; i <= 2; i++)
		assert_true(shows(t, CRED, asks(i, true)));
	for (unsigned i = 10; i < 10 + 2 * GW_TRACE_TOKENS; i++) {
		assert_true(shows(t, CRED, asks((uint8_t)i, true)));
		assert_true(shows(t, CRED, answers(1)));
	}
	assert_false(shows(t, CRED, answers(2)));
	assert_false(shows(t, CRED, answers(10)));
	assert_true(shows(t, CRED, answers(10 + 2 * GW_TRACE_TOKENS - 1)));
	gw_tracing_free(t);
}

static void test_who_was_there_last_is_known_by_the_path(void **state)
{
	struct gw_tracing *const t = gw_tracing_new();
	struct ctl_traced *const line = calloc(1, sizeof(*line));
	const struct net_path path = {
		.peer = { .ip = { 192, 0, 2, 1 }, .port = 9, .family = NET_IPV4 }
	};
	const struct net_path nowhere = { .sock = 0 };
	(void)state;
	assert_non_null(line);
	line->fate = "sent";
	assert_true(begin(t, "a", CRED, NOW));
	assert_true(gw_tracing_at(t, &path) == DTLS_NO_CRED);
	(void)gw_tracing_add(t, CRED, &path, line);
	assert_true(gw_tracing_at(t, &path) == CRED);
	assert_true(gw_tracing_at(t, &nowhere) == DTLS_NO_CRED);
	assert_true(gw_tracing_named(t, "a") == CRED);
	assert_true(gw_tracing_named(t, "b") == DTLS_NO_CRED);
	free(line);
	gw_tracing_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_who_is_asked_for_has_lines),
		cmocka_unit_test(test_a_line_without_its_fate_holds_up_those_behind),
		cmocka_unit_test(test_what_was_not_fetched_in_time_is_counted),
		cmocka_unit_test(test_it_ends_by_itself_unless_somebody_asks),
		cmocka_unit_test(test_a_fifth_waits_until_another_ends),
		cmocka_unit_test(
			test_I5_payload_is_wanted_only_if_asked_for_and_not_in_a_bootstrap),
		cmocka_unit_test(test_I5_an_answer_is_shown_as_its_request_was),
		cmocka_unit_test(test_an_observation_is_shown_as_long_as_it_is_heard),
		cmocka_unit_test(test_who_was_there_last_is_known_by_the_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
