/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies that we ship do what their tables say, and the tables ask for every rule and every
 * event. Run from the top of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "policy/cover.h"
#include "policy/expect.h"
#include "policy/load.h"

static const char *const samples[] = { "meters", "trackers", "industrial", "lab" };

static struct policy *policy_named(const char *name)
{
	char file[64];
	struct conf_error e = { 0 };
	(void)snprintf(file, sizeof(file), "deploy/policy/%s.conf", name);
	struct policy *p = policy_load(file, &e);
	if (p == NULL)
		fail_msg("%s (run the tests from the top of the tree)", e.text);
	return p;
}

static struct policy_expect *table_named(const char *name)
{
	char file[64];
	struct conf_error e = { 0 };
	(void)snprintf(file, sizeof(file), "deploy/policy/%s.expect", name);
	struct policy_expect *t = policy_expect_load(file, &e);
	if (t == NULL)
		fail_msg("%s", e.text);
	return t;
}

static void check_table(const struct policy *p, const struct policy_expect *t)
{
	char line[POLICY_EXPECT_LINE];
	bool events[POLICY_EVENTS] = { false };
	bool by_default = false;
	for (size_t i = 0; i < policy_expect_len(t); i++) {
		if (!policy_expect_run(t, i, p, line, sizeof(line)))
			fail_msg("%s", line);
		const struct policy_facts *f = policy_expect_facts(t, i);
		events[f->event] = true;
		by_default = by_default || policy_decide(p, f).number == policy_rules(p);
	}
	for (size_t i = 0; i < COUNT_OF(events); i++) {
		if (!events[i])
			fail_msg("no expectation with %s", policy_event_word((enum policy_event)i));
	}
	const size_t untested = policy_expect_untested(t, p, 0);
	if (untested < policy_rules(p))
		fail_msg("no expectation for %s", policy_rule_name(p, untested));
	assert_true(by_default);
}

static void test_R208_the_shipped_policies_do_what_their_tables_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct policy *p = policy_named(samples[i]);
		struct policy_expect *t = table_named(samples[i]);
		check_table(p, t);
		policy_expect_free(t);
		policy_free(p);
	}
}

/* A table is there to notice: another's policy does not meet it. */
static void test_the_tables_notice_another_policy(void **state)
{
	(void)state;
	char line[POLICY_EXPECT_LINE];
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct policy *p = policy_named(samples[(i + 1) % COUNT_OF(samples)]);
		struct policy_expect *t = table_named(samples[i]);
		size_t failed = 0;
		for (size_t k = 0; k < policy_expect_len(t); k++)
			failed += !policy_expect_run(t, k, p, line, sizeof(line));
		assert_true(failed * 2 > policy_expect_len(t));
		policy_expect_free(t);
		policy_free(p);
	}
}

static void test_every_shipped_rule_is_shown_to_be_reached(void **state)
{
	(void)state;
	struct policy_cover c;
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct policy *p = policy_named(samples[i]);
		for (size_t k = 0; k < policy_rules(p); k++) {
			policy_cover_rule(p, k, &c);
			assert_int_equal(c.reach, POLICY_REACHED);
			assert_int_equal(policy_decide(p, &c.facts).number, k);
		}
		policy_free(p);
	}
}

/* R-208's shipped default: what is withdrawn ends at once, in each of them. */
static void test_R208_the_shipped_policies_close_at_once_what_is_withdrawn(void **state)
{
	(void)state;
	static const enum policy_event events[] = { POLICY_CRED_REVOKED, POLICY_CERT_REVOKED,
		POLICY_ANCHOR_REMOVED };
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct policy *p = policy_named(samples[i]);
		for (unsigned k = 0; k < COUNT_OF(events) * 4; k++) {
			const struct policy_facts f = { .event = events[k % COUNT_OF(events)],
				.endpoint = "any",
				.kind = POLICY_CERTIFICATE,
				.awake = (k & 1) != 0,
				.registered = (k & 2) != 0 };
			const struct policy_decision d = policy_decide(p, &f);
			assert_int_equal(d.device.action, POLICY_TEARDOWN);
			assert_int_equal(d.upstream.action, POLICY_TEARDOWN);
			assert_true(d.refuse_resumption);
		}
		policy_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R208_the_shipped_policies_do_what_their_tables_say),
		cmocka_unit_test(test_the_tables_notice_another_policy),
		cmocka_unit_test(test_every_shipped_rule_is_shown_to_be_reached),
		cmocka_unit_test(test_R208_the_shipped_policies_close_at_once_what_is_withdrawn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
