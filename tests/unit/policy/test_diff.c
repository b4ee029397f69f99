/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/diff.h"
#include "rig.h"

/* A fleet: each endpoint with each event; every third has the label. */
struct fleet {
	size_t at, len;
	char endpoint[32];
};

static bool next(void *context, struct policy_facts *out)
{
	static const char *const labels[] = { "x" };
	struct fleet *f = context;
	const size_t number = f->at / POLICY_EVENTS;
	if (number == f->len)
		return false;
	*out = facts_of((enum policy_event)(f->at++ % POLICY_EVENTS));
	(void)snprintf(f->endpoint, sizeof(f->endpoint), "e%zu", number);
	out->endpoint = f->endpoint;
	out->labels = labels;
	out->labels_len = number % 3 == 0;
	return true;
}

static struct policy_diff *diff_of(
	const struct policy *from, const struct policy *to, size_t examples)
{
	struct fleet fleet = { .len = 30 };
	struct policy_diff *d = policy_diff_new(from, to, examples);
	assert_non_null(d);
	policy_diff_run(d, next, &fleet);
	assert_int_equal(policy_diff_seen(d), 30 * POLICY_EVENTS);
	return d;
}

static void test_what_changes_is_counted_by_the_rules_before_and_after(void **state)
{
	(void)state;
	char text[512];
	size_t at = 0;
	struct policy_diff_pair pair;
	struct policy *from = policy_of(RULE("a", "events = \"idle\";"));
	struct policy *to = policy_of(KEEPS("b", "events = \"idle\"; labels = \"x\";") ",\n" RULE(
		"c", "events = [ \"idle\", \"age\" ];"));
	struct policy_diff *d = diff_of(from, to, 4);
	/* idle: 10 with the label keep now; 20 are torn down by a rule of another name; age: 30. */
	assert_int_equal(policy_diff_changed(d), 40);
	assert_true(policy_diff_pairs(d, &at, &pair));
	assert_true(pair.from == 0 && pair.to == 0 && pair.count == 10 && pair.decision);
	assert_string_equal(policy_diff_say(d, &pair, text, sizeof(text)),
		"10: rule \"a\", device teardown, upstream teardown, resumption refused -> rule "
		"\"b\", device keep, upstream keep, resumption kept");
	assert_true(policy_diff_pairs(d, &at, &pair));
	assert_true(pair.from == 0 && pair.to == 1 && pair.count == 20 && !pair.decision);
	assert_true(policy_diff_pairs(d, &at, &pair));
	assert_true(pair.from == 1 && pair.to == 1 && pair.count == 30 && pair.decision);
	assert_false(policy_diff_pairs(d, &at, &pair));
	assert_int_equal(policy_diff_examples(d), 4);
	const struct policy_diff_example *e = policy_diff_example(d, 0);
	assert_string_equal(e->endpoint, "e0");
	assert_int_equal(e->event, POLICY_AGE);
	assert_true(e->from == 1 && e->to == 1);
	assert_int_equal(policy_diff_example(d, 1)->event, POLICY_IDLE);
	assert_string_equal(policy_diff_example(d, 3)->endpoint, "e2");
	policy_diff_free(d);
	policy_free(from);
	policy_free(to);
}

static void test_the_same_policy_changes_nothing(void **state)
{
	(void)state;
	size_t at = 0;
	struct policy_diff_pair pair;
	struct policy *from = policy_of(RULE("a", "events = \"idle\";"));
	struct policy *to = policy_of("# a comment\n" RULE("a", "events = \"idle\";"));
	struct policy_diff *d = diff_of(from, to, 0);
	assert_int_equal(policy_diff_changed(d), 0);
	assert_int_equal(policy_diff_examples(d), 0);
	assert_false(policy_diff_pairs(d, &at, &pair));
	policy_diff_free(d);
	policy_free(to);
	/* Where only words are others, so are they. */
	to = policy_of(RULE("a", "reason = \"new\"; events = \"idle\";"));
	d = diff_of(from, to, 3);
	assert_int_equal(policy_diff_changed(d), 0);
	assert_int_equal(policy_diff_examples(d), 0);
	at = 0;
	assert_true(policy_diff_pairs(d, &at, &pair));
	assert_true(pair.count == 30 && !pair.decision);
	assert_false(policy_diff_pairs(d, &at, &pair));
	policy_diff_free(d);
	policy_free(from);
	policy_free(to);
}

static void test_facts_without_a_name_can_be_an_example(void **state)
{
	(void)state;
	struct policy *from = policy_of(RULE("a", "events = \"nosec\";")), *to = policy_of("");
	struct policy_diff *d = policy_diff_new(from, to, 1);
	assert_non_null(d);
	struct policy_facts f = facts_of(POLICY_NOSEC);
	f.endpoint = NULL;
	policy_diff_add(d, &f);
	policy_diff_add(d, &f);
	assert_int_equal(policy_diff_changed(d), 2);
	assert_int_equal(policy_diff_examples(d), 1);
	assert_string_equal(policy_diff_example(d, 0)->endpoint, "");
	policy_diff_free(d);
	policy_diff_free(NULL);
	policy_free(from);
	policy_free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_changes_is_counted_by_the_rules_before_and_after),
		cmocka_unit_test(test_the_same_policy_changes_nothing),
		cmocka_unit_test(test_facts_without_a_name_can_be_an_example),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
