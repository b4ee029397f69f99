/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every policy and all facts: by random ones, held against a model. Seeded: a
   failure says the seed, and is the same again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/config.h"
#include "model.h"
#include "policy/cover.h"
#include "policy/load.h"
#include "policy/parts.h"
#include "policy/world.h"

enum {
	POLICIES = 2500,
	FACTS = 60, /* of each: 150,000 pairs */
	FEW_POLICIES = 60,
	WHY = 400,
};

struct sums {
	size_t pairs, by_rule, reached, unreached, never, unproved, refused;
};

static struct policy *parse(const struct model *m)
{
	struct conf_error e = { 0 };
	char *text = model_text(m);
	struct policy *p = policy_parse_uncovered(text, "random", &e);
	if (p == NULL)
		fail_msg("%s in\n%s", e.text, text);
	free(text);
	assert_int_equal(policy_rules(p), m->len);
	return p;
}

static bool same(const struct policy_decision *a, const struct policy_decision *b)
{
	return a->number == b->number && a->device.action == b->device.action &&
	       a->device.bound_s == b->device.bound_s && a->upstream.action == b->upstream.action &&
	       a->alert == b->alert && a->refuse_resumption == b->refuse_resumption &&
	       strcmp(a->rule, b->rule) == 0 && strcmp(a->reason, b->reason) == 0;
}

/* Total, deterministic, the first that takes them, and why the others do not. */
static void check_pair(const struct model *m, const struct policy *p, const struct policy_facts *f)
{
	char why[WHY];
	const struct policy_decision d = policy_decide(p, f), again = policy_decide(p, f);
	const size_t expected = model_decides(m, f);
	assert_true(same(&d, &again));
	assert_int_equal(d.number, expected);
	assert_string_equal(d.rule, policy_rule_name(p, expected));
	for (size_t i = 0; i < m->len; i++) {
		const bool not = policy_why_not(p, i, f, why, sizeof(why));
		assert_int_equal(not, !model_takes(&m->rules[i], f));
		assert_int_equal(not, why[0] != '\0');
	}
}

static void test_R208_random_policies_decide_as_the_model_does(void **state)
{
	(void)state;
	struct sums sums = { 0 };
	for (size_t n = 0; n < POLICIES; n++) {
		uint64_t random = n;
		struct model m;
		struct model_facts f;
		model_make(&m, &random, MODEL_ALL);
		struct policy *p = parse(&m);
		for (size_t i = 0; i < FACTS; i++) {
			model_facts(&m, &random, &f);
			check_pair(&m, p, &f.facts);
			sums.pairs++;
			sums.by_rule += policy_decide(p, &f.facts).number < m.len;
		}
		policy_free(p);
	}
	/* The facts are not all left to the default. */
	assert_true(sums.pairs >= 100000);
	assert_true(sums.by_rule * 2 > sums.pairs);
}

static void test_R208_rules_after_the_match_have_no_effect(void **state)
{
	(void)state;
	for (size_t n = 0; n < POLICIES; n++) {
		uint64_t random = n + 1000000;
		struct model m;
		struct model_facts f;
		model_make(&m, &random, MODEL_ALL);
		struct policy *p = parse(&m);
		model_facts(&m, &random, &f);
		const struct policy_decision before = policy_decide(p, &f.facts);
		if (before.number < m.len) {
			model_remake(&m, before.number + 1, &random, MODEL_ALL);
			struct policy *other = parse(&m);
			const struct policy_decision after = policy_decide(other, &f.facts);
			assert_true(same(&before, &after));
			policy_free(other);
		}
		policy_free(p);
	}
}

static void test_R208_the_same_file_again_is_the_same_policy(void **state)
{
	(void)state;
	for (size_t n = 0; n < POLICIES / 5; n++) {
		uint64_t random = n + 2000000;
		struct model m;
		model_make(&m, &random, MODEL_ALL);
		struct policy *p = parse(&m), *again = parse(&m);
		assert_true(policy_same(p, again));
		policy_free(again);
		m.salt++;
		again = parse(&m);
		assert_int_equal(policy_same(p, again), m.len == 0);
		policy_free(again);
		policy_free(p);
	}
}

/* --- what covers what ------------------------------------------------------------------------- */

static void check_witness(
	const struct model *m, const struct policy *p, size_t number, const struct policy_cover *c)
{
	assert_null(policy_impossible(&c->facts));
	assert_int_equal(policy_decide(p, &c->facts).number, number);
	assert_int_equal(model_decides(m, &c->facts), number);
}

static void count_reach(struct sums *s, enum policy_reach reach)
{
	s->reached += reach == POLICY_REACHED;
	s->unreached += reach == POLICY_UNREACHED;
	s->never += reach == POLICY_NEVER;
	s->unproved += reach == POLICY_UNPROVED;
}

static bool dead(enum policy_reach reach)
{
	return reach == POLICY_UNREACHED || reach == POLICY_NEVER;
}

/* Fills dead_rules; returns whether there is one. */
static bool cover_all(const struct model *m, const struct policy *p, bool dead_rules[MODEL_RULES],
	struct sums *sums)
{
	struct policy_cover *c = calloc(1, sizeof(*c));
	bool some = false;
	assert_non_null(c);
	for (size_t i = 0; i < m->len; i++) {
		policy_cover_rule(p, i, c);
		count_reach(sums, c->reach);
		dead_rules[i] = dead(c->reach);
		some = some || dead_rules[i];
		if (c->reach == POLICY_REACHED)
			check_witness(m, p, i, c);
	}
	free(c);
	return some;
}

static void check_load(const struct model *m, bool some_dead)
{
	struct conf_error e = { 0 };
	char *text = model_text(m);
	struct policy *p = policy_parse(text, "random", &e);
	assert_int_equal(p == NULL, some_dead);
	if (p == NULL)
		assert_true(strstr(e.text, "never reached") != NULL ||
			    strstr(e.text, "contradicts") != NULL ||
			    strstr(e.text, "no facts can meet") != NULL);
	policy_free(p);
	free(text);
}

static void cover_random(enum model_world world, uint64_t seed, struct sums *sums)
{
	for (size_t n = 0; n < POLICIES / 2; n++) {
		uint64_t random = n + seed;
		struct model m;
		struct model_facts f;
		bool dead_rules[MODEL_RULES] = { false };
		model_make(&m, &random, world);
		struct policy *p = parse(&m);
		const bool some = cover_all(&m, p, dead_rules, sums);
		check_load(&m, some);
		for (size_t i = 0; i < FACTS; i++) {
			model_facts(&m, &random, &f);
			const size_t number = policy_decide(p, &f.facts).number;
			if (number < m.len && dead_rules[number])
				assert_non_null(policy_impossible(&f.facts));
		}
		policy_free(p);
	}
}

static void test_unreached_never_decides_and_what_is_reached_has_a_witness(void **state)
{
	(void)state;
	struct sums s = { 0 };
	cover_random(MODEL_ALL, 3000000, &s);
	assert_true(s.reached > 1000 && s.unreached > 100 && s.never > 100);
	/* Few are left open, though patterns are what a policy is made of here. */
	assert_true(s.unproved * 100 < s.reached + s.unreached);
}

static void test_without_names_nothing_is_left_open(void **state)
{
	(void)state;
	struct sums s = { 0 };
	cover_random(MODEL_NO_NAMES, 4000000, &s);
	assert_true(s.reached > 1000 && s.unreached > 100 && s.never > 100);
	assert_int_equal(s.unproved, 0);
}

/* Both ways: what is called unreached decides of none of all facts that there are, and what decides
   of none is called so. */
static void test_the_verdict_is_exact_over_all_facts_of_a_small_world(void **state)
{
	(void)state;
	struct sums s = { 0 };
	for (size_t n = 0; n < FEW_POLICIES; n++) {
		uint64_t random = n + 5000000;
		struct model m;
		struct model_facts f;
		bool dead_rules[MODEL_RULES] = { false }, decided[MODEL_RULES + 1] = { false };
		model_make(&m, &random, MODEL_FEW);
		struct policy *p = parse(&m);
		(void)cover_all(&m, p, dead_rules, &s);
		for (size_t i = 0; model_few(i, &f); i++) {
			const size_t number = policy_decide(p, &f.facts).number;
			if (!decided[number] && policy_impossible(&f.facts) == NULL)
				decided[number] = true;
		}
		for (size_t i = 0; i < m.len; i++)
			assert_int_equal(dead_rules[i], !decided[i]);
		policy_free(p);
	}
	assert_true(s.reached > 100 && s.unreached > 30 && s.unproved == 0);
}

/* So for sets of labels, where there are more ways to be wrong, and more policies. */
static void test_the_verdict_is_exact_over_all_sets_of_labels(void **state)
{
	(void)state;
	struct sums s = { 0 };
	for (size_t n = 0; n < POLICIES; n++) {
		uint64_t random = n + 6000000;
		struct model m;
		struct model_facts f;
		bool dead_rules[MODEL_RULES] = { false }, decided[MODEL_RULES + 1] = { false };
		model_make(&m, &random, MODEL_SETS);
		struct policy *p = parse(&m);
		(void)cover_all(&m, p, dead_rules, &s);
		for (size_t i = 0; model_sets(i, &f); i++)
			decided[policy_decide(p, &f.facts).number] = true;
		for (size_t i = 0; i < m.len; i++)
			assert_int_equal(dead_rules[i], !decided[i]);
		policy_free(p);
	}
	assert_true(s.reached > 5000 && s.unreached > 5000 && s.unproved == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R208_random_policies_decide_as_the_model_does),
		cmocka_unit_test(test_R208_rules_after_the_match_have_no_effect),
		cmocka_unit_test(test_R208_the_same_file_again_is_the_same_policy),
		cmocka_unit_test(test_unreached_never_decides_and_what_is_reached_has_a_witness),
		cmocka_unit_test(test_without_names_nothing_is_left_open),
		cmocka_unit_test(test_the_verdict_is_exact_over_all_facts_of_a_small_world),
		cmocka_unit_test(test_the_verdict_is_exact_over_all_sets_of_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
