/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "policy/expect.h"
#include "rig.h"

static struct policy *sample(void)
{
	return policy_of("{ name = \"a\"; events = \"idle\"; labels = \"x\"; device = { action = "
			 "\"drain\"; within_s = 5; }; upstream = \"keep\"; },\n" RULE(
				 "b", "events = [ \"idle\", \"age\" ];"));
}

static struct policy_expect *table_of(const char *row)
{
	char text[2048];
	struct conf_error e = { 0 };
	(void)snprintf(text, sizeof(text), "expectations = (\n{ %s } );", row);
	struct policy_expect *t = policy_expect_parse(text, "T", &e);
	if (t == NULL)
		fail_msg("%s", e.text);
	assert_int_equal(policy_expect_len(t), 1);
	return t;
}

/* Does the row hold, and what is said? NULL: no matter. */
static void look(const char *row, bool good, const char *said)
{
	char line[POLICY_EXPECT_LINE];
	struct policy *p = sample();
	struct policy_expect *t = table_of(row);
	if (policy_expect_run(t, 0, p, line, sizeof(line)) != good)
		fail_msg("%s", line);
	if (said != NULL)
		assert_string_equal(line, said);
	assert_true(strncmp(line, good ? "passed: T:2: " : "failed: T:2: ", 13) == 0);
	policy_expect_free(t);
	policy_free(p);
}

#define IDLE "event = \"idle\"; endpoint = \"e\"; "
#define X    IDLE "labels = \"x\"; "

static void test_what_is_expected_is_held_against_what_comes(void **state)
{
	(void)state;
	look(X "name = \"one\"; expect = { rule = \"a\"; };", true,
		"passed: T:2: one: expected rule \"a\"; came rule \"a\" (line 2), device drain "
		"within 5 s, upstream keep, resumption refused");
	look(IDLE "expect = { rule = \"a\"; };", false,
		"failed: T:2: expectation 1: expected rule \"a\"; came rule \"b\" (line 3), device "
		"teardown, upstream teardown, resumption refused; passed over: \"a\" (line 2): "
		"label "
		"\"x\" is missing");
	look(X "expect = { rule = \"b\"; device = \"teardown\"; alert = true; };", false,
		"failed: T:2: expectation 1: expected rule \"b\", device teardown, alert; came "
		"rule "
		"\"a\" (line 2), device drain within 5 s, upstream keep, resumption refused; \"b\" "
		"(line 3) stands behind it");
	look(X "expect = { rule = \"zz\"; };", false,
		"failed: T:2: expectation 1: expected rule \"zz\"; came rule \"a\" (line 2), "
		"device "
		"drain within 5 s, upstream keep, resumption refused; the policy has no rule "
		"\"zz\"");
	look("event = \"moved\"; endpoint = \"e\"; expect = { rule = \"default\"; upstream = "
	     "\"keep\"; resumption = \"keep\"; };",
		true,
		"passed: T:2: expectation 1: expected rule \"default\", upstream keep, resumption "
		"kept; came rule \"default\" (line 4), device keep, upstream keep, resumption "
		"kept; "
		"passed over: \"a\" (line 2): event is moved, the rule wants idle; \"b\" (line 3): "
		"event is moved, the rule wants age or idle");
}

static void test_of_many_rules_passed_over_the_first_are_told(void **state)
{
	(void)state;
	char text[1024] = "", line[POLICY_EXPECT_LINE];
	size_t len = 0;
	for (int i = 0; i < 10; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			RULE("r%d", "events = \"%s\"; labels = \"l%d\";") ",\n", i, "age", i);
		char rules[1200];
		(void)snprintf(
			rules, sizeof(rules), "%s%s", text, RULE("z", "events = \"moved\";"));
		struct policy *p = policy_of(rules);
		struct policy_expect *t = table_of(IDLE "expect = { rule = \"default\"; };");
		assert_true(policy_expect_run(t, 0, p, line, sizeof(line)));
		/* Those of r0 to r<i>, and z: eight of them are named. */
		assert_int_equal(strstr(line, "\"r6\" (line 8): event is") != NULL, i >= 6);
		assert_int_equal(strstr(line, "\"r7\" (line 9): event is") != NULL, i >= 7);
		assert_null(strstr(line, "\"r8\""));
		assert_int_equal(strstr(line, "\"z\"") != NULL, i < 7);
		assert_int_equal(strstr(line, "; and 1 more") != NULL, i == 7);
		assert_int_equal(strstr(line, "; and 3 more") != NULL, i == 9);
		policy_expect_free(t);
		policy_free(p);
	}
}

static void test_each_part_of_a_decision_can_be_expected(void **state)
{
	(void)state;
	look(X "expect = { device = \"drain\"; };", true, NULL);
	look(X "expect = { device = \"keep\"; };", false, NULL);
	look(X "expect = { device = { action = \"drain\"; within_s = 5; }; };", true, NULL);
	look(X "expect = { device = { action = \"drain\"; within_s = 6; }; };", false, NULL);
	look(X "expect = { device = { action = \"drain\"; }; };", false, NULL);
	look(X "expect = { upstream = \"keep\"; };", true, NULL);
	look(X "expect = { upstream = \"drain\"; };", false, NULL);
	look(X "expect = { upstream = { action = \"keep\"; until_registration = true; }; };", false,
		NULL);
	look(X "expect = { resumption = \"refuse\"; };", true, NULL);
	look(X "expect = { resumption = \"keep\"; };", false, NULL);
	look(X "expect = { alert = false; };", true, NULL);
	look(X "expect = { alert = true; };", false, NULL);
}

static void test_every_fact_can_be_written(void **state)
{
	(void)state;
	struct policy_expect *t = table_of(
		"event = \"forged\"; endpoint = \"e\"; labels = [ \"x\", \"y\" ]; kind = "
		"\"certificate\"; channel = \"sms-dtls\"; listener = \"l:1\"; suite = "
		"\"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8\"; state = \"asleep\"; registered = false; "
		"upstream_state = \"down\"; age_s = 1; idle_s = 2; asleep_s = 3; records = 4; "
		"forged "
		"= 5; exchanges = 0; generation = 7; expect = { alert = false; };");
	const struct policy_facts *f = policy_expect_facts(t, 0);
	assert_int_equal(f->event, POLICY_FORGED);
	assert_string_equal(f->endpoint, "e");
	assert_int_equal(f->labels_len, 2);
	assert_string_equal(f->labels[0], "x");
	assert_string_equal(f->labels[1], "y");
	assert_int_equal(f->kind, POLICY_CERTIFICATE);
	assert_int_equal(f->channel, POLICY_SMS_DTLS);
	assert_string_equal(f->listener, "l:1");
	assert_int_equal(f->suite, 0xc0ae);
	assert_false(f->awake || f->registered || f->upstream_up);
	assert_true(f->age_s == 1 && f->idle_s == 2 && f->asleep_s == 3 && f->records == 4);
	assert_true(f->forged == 5 && f->exchanges == 0 && f->generation == 7);
	policy_expect_free(t);
	t = table_of(
		"event = \"idle\"; endpoint = \"\"; exchanges = 6; expect = { alert = false; };");
	f = policy_expect_facts(t, 0);
	assert_true(f->awake && f->registered && f->upstream_up);
	assert_int_equal(f->exchanges, 6);
	assert_int_equal(f->kind, POLICY_PSK);
	assert_int_equal(f->channel, POLICY_UDP_DTLS);
	assert_int_equal(f->suite, 0);
	assert_int_equal(f->labels_len, 0);
	policy_expect_free(t);
	t = table_of("event = \"deregistered\"; endpoint = \"e\"; expect = { alert = false; };");
	assert_false(policy_expect_facts(t, 0)->registered);
	policy_expect_free(t);
}

static void test_a_table_that_is_wrong_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "", "T: expectations is missing; add: expectations = " },
		{ "expectations = ( );", "T:1: expectations: has 0 members; use 1 to 10000" },
		{ "expectations = { };",
			"T:1: expectations: is a group { }; write expectations = (" },
		{ "expectations = ( 1 );", "T:1: expectation 1: is a number; write a group" },
		{ "expectations = (\n{ } );",
			"T:2: expectation 1: event is missing; add: event = " },
		{ "expectations = ( { " X "} );", "expect is missing; add: expect = " },
		{ "expectations = ( { " X "expect = { }; } );",
			"T:1: expectation 1: expect: expects nothing; write expect = " },
		{ "expectations = ( { " X "expect = { rle = \"a\"; }; } );",
			"unknown key rle; did you mean rule?" },
		{ "expectations = ( { " X "age_at_least_s = 1; expect = { rule = \"a\"; }; } );",
			"unknown key age_at_least_s; " },
		{ "expectations = ( { " X "asleep_s = 1; expect = { rule = \"a\"; }; } );",
			"T:1: expectation 1: such facts cannot be: a session that is awake has "
			"been "
			"asleep for no time; change the facts" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct conf_error e = { 0 };
		assert_null(policy_expect_parse(rows[i].text, "T", &e));
		if (strstr(e.text, rows[i].error) == NULL)
			fail_msg("%s\nis refused with\n%s", rows[i].text, e.text);
	}
	struct conf_error e = { 0 };
	assert_null(policy_expect_load("/nonexistent/table", &e));
	assert_non_null(strstr(e.text, "cannot be opened"));
}

static void test_rules_that_no_expectation_meets_are_found(void **state)
{
	(void)state;
	struct policy *p = sample();
	struct policy_expect *t = table_of(IDLE "expect = { rule = \"b\"; };");
	assert_int_equal(policy_expect_untested(t, p, 0), 0);
	assert_int_equal(policy_expect_untested(t, p, 1), 2);
	policy_expect_free(t);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_expected_is_held_against_what_comes),
		cmocka_unit_test(test_of_many_rules_passed_over_the_first_are_told),
		cmocka_unit_test(test_each_part_of_a_decision_can_be_expected),
		cmocka_unit_test(test_every_fact_can_be_written),
		cmocka_unit_test(test_a_table_that_is_wrong_is_refused),
		cmocka_unit_test(test_rules_that_no_expectation_meets_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
