/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that are never reached, and rules that contradict each other, are named with their
   lines. */
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
#include "policy/parts.h"
#include "policy/world.h"
#include "rig.h"

#define AGE "events = \"age\"; "

struct row {
	const char *first, *second;
	const char *error; /* NULL: both decide */
};

static void look(const struct row *r)
{
	char text[2048];
	(void)snprintf(text, sizeof(text), "%s,\n%s", r->first, r->second);
	if (r->error == NULL) {
		policy_free(policy_of(text));
		return;
	}
	const char *error = error_of(text);
	if (strstr(error, r->error) == NULL)
		fail_msg("%s\nis refused with\n%s\nand not\n%s", text, error, r->error);
}

static void look_all(const struct row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++)
		look(&rows[i]);
}

static void test_R208_the_same_conditions_and_another_decision_contradict(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ RULE("a", AGE), KEEPS("b", AGE),
			"F:3: rule \"b\": contradicts rule \"a\" (line 2): the same conditions, "
			"another decision; remove one, or" },
		{ RULE("a", AGE), RULE("b", AGE),
			"F:3: rule \"b\": is never reached: rule \"a\" (line 2) is the same; "
			"remove" },
		/* Written another way, they are the same. */
		{ RULE("a", "events = [ \"age\", \"idle\" ]; labels = [ \"x\", \"y\" ]; endpoint = "
			    "\"*?\";"),
			KEEPS("b", "labels = [ \"y\", \"x\" ]; events = [ \"idle\", \"age\" ]; "
				   "endpoint = \"?*\";"),
			"contradicts rule \"a\" (line 2)" },
	};
	look_all(rows, COUNT_OF(rows));
}

static void test_R208_what_an_earlier_rule_takes_is_never_reached(void **state)
{
	(void)state;
	static const char never[] = "F:3: rule \"b\": is never reached: rule \"a\" (line 2) takes "
				    "all that it would; put "
				    "it before that rule, or remove it";
	const struct row rows[] = {
		{ RULE("a", AGE), KEEPS("b", AGE "labels = \"x\";"), never },
		{ RULE("a", AGE "labels = \"x\";"), KEEPS("b", AGE), NULL },
		{ RULE("a", "events = \"any\";"), KEEPS("b", AGE), never },
		{ RULE("a", AGE "any_label = [ \"x\", \"y\" ];"), KEEPS("b", AGE "labels = \"y\";"),
			never },
		{ RULE("a", AGE "labels = \"y\";"), KEEPS("b", AGE "any_label = [ \"x\", \"y\" ];"),
			NULL },
		{ RULE("a", AGE "any_label = [ \"x\", \"y\", \"z\" ];"),
			KEEPS("b", AGE "any_label = [ \"z\", \"x\" ];"), never },
		{ RULE("a", AGE "without_label = \"x\";"),
			KEEPS("b", AGE "without_label = [ \"y\", \"x\" ];"), never },
		{ RULE("a", AGE "without_label = [ \"x\", \"y\" ];"),
			KEEPS("b", AGE "without_label = \"x\";"), NULL },
		{ RULE("a", AGE "age_at_least_s = 10;"), KEEPS("b", AGE "age_at_least_s = 11;"),
			never },
		{ RULE("a", AGE "age_at_least_s = 10;"), KEEPS("b", AGE "age_at_least_s = 9;"),
			NULL },
		{ RULE("a", AGE "age_at_most_s = 10;"),
			KEEPS("b", AGE "age_at_most_s = 10; "
				       "idle_at_most_s = 5;"),
			never },
		{ RULE("a", AGE "endpoint = \"urn:*\";"), KEEPS("b", AGE "endpoint = \"urn:a*\";"),
			never },
		{ RULE("a", AGE "endpoint = \"urn:a*\";"), KEEPS("b", AGE "endpoint = \"urn:*\";"),
			NULL },
		{ RULE("a", AGE "endpoint = [ \"urn:*\", \"x\" ];"),
			KEEPS("b", AGE "endpoint = [ \"x\", \"urn:?\" ];"), never },
		{ RULE("a", AGE "endpoint = [ \"urn:*\", \"x\" ];"),
			KEEPS("b", AGE "endpoint = [ \"x\", \"y\" ];"), NULL },
		{ RULE("a", AGE "endpoint = \"*\";"), KEEPS("b", AGE), never },
		{ RULE("a", AGE "listener = [ \"l:1\", \"l:2\" ];"),
			KEEPS("b", AGE "listener = \"l:2\";"), never },
		{ RULE("a", AGE "listener = \"l:2\";"),
			KEEPS("b", AGE "listener = [ \"l:1\", \"l:2\" ];"), NULL },
		{ RULE("a", AGE "suite = \"TLS_PSK_WITH_AES_128_CCM_8\";"), KEEPS("b", AGE), NULL },
	};
	look_all(rows, COUNT_OF(rows));
}

static void test_R208_earlier_rules_can_cover_one_together(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ RULE("a", AGE "state = \"awake\";"),
			RULE("b", AGE "state = \"asleep\";") ",\n" KEEPS(
				"c", AGE "labels = \"x\";"),
			"F:4: rule \"c\": is never reached: the rules \"a\" (line 2) and \"b\" "
			"(line 3) take together all that it would; put it before them, or remove" },
		{ RULE("a", AGE "labels = \"x\";"),
			RULE("b", AGE "without_label = \"x\";") ",\n" KEEPS("c", AGE),
			"the rules \"a\" (line 2) and \"b\" (line 3) take together" },
		{ RULE("a", AGE "age_at_most_s = 10;"),
			RULE("b", AGE "age_at_least_s = 11;") ",\n" KEEPS("c", AGE),
			"the rules \"a\" (line 2) and \"b\" (line 3) take together" },
		{ RULE("a", AGE "age_at_most_s = 10;"),
			RULE("b", AGE "age_at_least_s = 12;") ",\n" KEEPS("c", AGE), NULL },
		/* What is left is one piece of several: x and no y; no x, but y. */
		{ RULE("a", AGE "labels = [ \"x\", \"y\" ];"),
			RULE("b", AGE "without_label = \"x\";") ",\n" KEEPS("c", AGE), NULL },
		{ RULE("a", AGE "without_label = [ \"x\", \"y\" ];"),
			RULE("b", AGE "labels = \"x\";") ",\n" KEEPS("c", AGE), NULL },
		{ RULE("a", AGE "without_label = [ \"x\", \"y\" ];"),
			RULE("b", AGE "labels = [ \"x\", \"z\" ];") ",\n" RULE("c",
				AGE "labels = \"x\"; without_label = \"z\";") ",\n" KEEPS("d", AGE),
			NULL },
		{ RULE("a", AGE "labels = [ \"x\", \"y\" ];"),
			RULE("b", AGE "without_label = [ \"x\", \"z\" ];") ",\n" RULE("c",
				AGE "without_label = \"x\"; labels = \"z\";") ",\n" KEEPS("d", AGE),
			NULL },
		/* One alone is named alone, whatever other patterns there are. */
		{ RULE("z", AGE "endpoint = \"z\";"),
			RULE("a", AGE "endpoint = \"urn:*\";") ",\n" KEEPS(
				"b", AGE "endpoint = [ \"urn:a\", \"urn:b\" ];"),
			"rule \"b\": is never reached: rule \"a\" (line 3) takes all" },
		/* The one in between has nothing to do with it. */
		{ RULE("a", AGE "registered = true;"),
			RULE("b", "events = \"idle\";") ",\n" RULE(
				"c", AGE "registered = false;") ",\n" KEEPS("d", AGE),
			"F:5: rule \"d\": is never reached: the rules \"a\" (line 2) and \"c\" "
			"(line 4) take" },
		/* What is left cannot be: a device of kind none has no age. */
		{ RULE("a", AGE "channel = [ \"udp-dtls\", \"sms-dtls\" ];"),
			RULE("b", AGE "channel = \"sms-packet\";") ",\n" KEEPS("c", AGE),
			"the rules \"a\" (line 2) and \"b\" (line 3) take together" },
	};
	look_all(rows, COUNT_OF(rows));
}

static void test_many_rules_are_named_as_far_as_there_is_room(void **state)
{
	(void)state;
	char text[4096] = "";
	size_t len = 0;
	for (unsigned i = 0; i < 6; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			RULE("r%u", AGE "age_at_least_s = %u; age_at_most_s = %u;") ",\n", i,
			i * 10 + 1, i * 10 + 10);
	(void)snprintf(text + len, sizeof(text) - len, "%s",
		KEEPS("z", AGE "age_at_least_s = 2; age_at_most_s = 59;"));
	assert_non_null(strstr(error_of(text),
		"F:8: rule \"z\": is never reached: the rules \"r0\" (line 2), \"r1\" (line 3), "
		"\"r2\" (line 4), \"r3\" (line 5) and 2 more take together"));
}

static void test_R208_conditions_that_no_facts_can_meet(void **state)
{
	(void)state;
	static const struct {
		const char *conditions, *why;
	} rows[] = {
		{ "events = \"idle\"; state = \"awake\"; asleep_at_least_s = 1;",
			"is awake has been" },
		{ "events = \"idle\"; state = \"asleep\"; exchanges_at_least = 1;",
			"has no exchanges" },
		{ "events = \"moved\"; kind = \"none\"; channel = \"udp-dtls\";",
			"only a device on" },
		{ "events = \"moved\"; kind = \"psk\"; channel = \"udp-nosec\";",
			"is of kind none" },
		{ "events = \"moved\"; kind = \"sms\"; channel = \"udp-dtls\";", "keys of SMS" },
		{ "events = \"moved\"; kind = \"psk\"; channel = \"sms-packet\";",
			"is of kind sms" },
		{ "events = \"moved\"; suite = \"TLS_PSK_WITH_AES_128_CCM_8\"; channel = "
		  "\"udp-nosec\";",
			"only DTLS has" },
		{ "events = \"moved\"; suite = \"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8\"; kind = "
		  "\"psk\";",
			"a suite of ECDHE_ECDSA" },
		{ "events = \"moved\"; suite = \"TLS_PSK_WITH_AES_128_CCM_8\"; kind = "
		  "\"certificate\";",
			"with a suite of PSK" },
		{ "events = \"certificate-revoked\"; kind = \"psk\";",
			"with a certificate has one" },
		{ "events = \"nosec\"; channel = \"udp-dtls\";", "of a device on udp-nosec" },
		{ "events = \"sms-key-stale\"; channel = \"udp-dtls\";", "of a device on SMS" },
		{ "events = \"credential-revoked\"; kind = \"none\";",
			"no credential and no keys" },
		{ "events = \"moved\"; kind = \"none\"; forged_at_least = 1;",
			"no records that are" },
		{ "events = \"deregistered\"; registered = true;", "after its end there is no" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[512];
		(void)snprintf(text, sizeof(text),
			"{ name = \"a\"; %s device = \"keep\"; upstream = \"keep\"; }",
			rows[i].conditions);
		const char *error = error_of(text);
		if (strstr(error, rows[i].why) == NULL)
			fail_msg("%s\nis refused with\n%s", text, error);
		assert_non_null(
			strstr(error, "F:2: rule \"a\": no facts can meet its conditions: "));
		assert_non_null(strstr(error, "; change them, or remove the rule"));
	}
}

static enum policy_reach reach_of(const char *rules, size_t number)
{
	struct conf_error e = { 0 };
	char *text = NULL;
	assert_true(asprintf(&text,
			    "policy = { rules = ( %s ); default = { device = \"keep\"; upstream = "
			    "\"keep\"; }; "
			    "};",
			    rules) > 0);
	struct policy *p = policy_parse_uncovered(text, "F", &e);
	free(text);
	if (p == NULL)
		fail_msg("%s", e.text);
	struct policy_cover *c = calloc(1, sizeof(*c));
	assert_non_null(c);
	policy_cover_rule(p, number, c);
	const enum policy_reach reach = c->reach;
	if (reach == POLICY_REACHED) {
		assert_null(policy_impossible(&c->facts));
		assert_int_equal(policy_decide(p, &c->facts).number, number);
	}
	free(c);
	policy_free(p);
	return reach;
}

/* What cannot be shown is let through: it is the operator's file. */
static void test_patterns_that_cover_only_together_are_left_open(void **state)
{
	(void)state;
	assert_int_equal(
		reach_of(RULE("a", AGE "endpoint = \"?\";") "," RULE("b", AGE
				 "endpoint = \"??*\";") "," KEEPS("c", AGE "endpoint = \"?*\";"),
			2),
		POLICY_UNPROVED);
	assert_int_equal(reach_of(RULE("a", AGE "endpoint = \"?\";") "," KEEPS(
					  "b", AGE "endpoint = \"?*\";"),
				 1),
		POLICY_REACHED);
	/* A name of a length in between. */
	assert_int_equal(
		reach_of(RULE("a", AGE "endpoint = [ \"\x7e\", \"?\", \"????*\" ];") "," KEEPS(
				 "b", AGE "endpoint = \"*\";"),
			1),
		POLICY_REACHED);
}

/* Three labels, each of a third of them, there or not. */
static void put_three(FILE *to, uint64_t *random)
{
	unsigned numbers[3];
	const unsigned signs = (unsigned)(model_random(random) % 8);
	for (unsigned i = 0; i < 3; i++)
		numbers[i] = i * 15 + (unsigned)(model_random(random) % 15);
	for (unsigned there = 0; there < 2; there++) {
		const char *before = there != 0 ? "labels = [ " : "without_label = [ ";
		bool some = false;
		for (unsigned i = 0; i < 3; i++) {
			if ((signs >> i & 1) != there)
				continue;
			(void)fprintf(to, "%s\"l%u\"", before, numbers[i]);
			before = ", ";
			some = true;
		}
		(void)fputs(some ? " ]; " : "", to);
	}
}

/* 255 rules of three labels out of 45 each, there or not: whether they leave anything is as hard to
   say as such questions are. The search ends after its steps, and says nothing that is not so. */
static void test_the_search_ends_and_errs_on_the_side_of_the_operator(void **state)
{
	(void)state;
	uint64_t random = 7;
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	assert_non_null(to);
	for (unsigned i = 0; i < POLICY_RULES_MAX - 1; i++) {
		(void)fprintf(to, "{ name = \"r%u\"; " AGE, i);
		put_three(to, &random);
		(void)fputs("device = \"keep\"; upstream = \"keep\"; },\n", to);
	}
	(void)fputs(KEEPS("last", AGE), to);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(reach_of(text, POLICY_RULES_MAX - 1), POLICY_UNPROVED);
	free(text);
}

static void test_facts_that_cannot_be_have_a_reason(void **state)
{
	(void)state;
	struct policy_facts f = facts_of(POLICY_MOVED);
	assert_null(policy_impossible(&f));
	f.asleep_s = 1;
	assert_string_equal(
		policy_impossible(&f), "a session that is awake has been asleep for no time");
	f.awake = false;
	assert_null(policy_impossible(&f));
	f.suite = 0xc0ae;
	assert_non_null(strstr(policy_impossible(&f), "pre-shared key"));
	f.suite = 0xc0a8;
	assert_null(policy_impossible(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R208_the_same_conditions_and_another_decision_contradict),
		cmocka_unit_test(test_R208_what_an_earlier_rule_takes_is_never_reached),
		cmocka_unit_test(test_R208_earlier_rules_can_cover_one_together),
		cmocka_unit_test(test_many_rules_are_named_as_far_as_there_is_room),
		cmocka_unit_test(test_R208_conditions_that_no_facts_can_meet),
		cmocka_unit_test(test_patterns_that_cover_only_together_are_left_open),
		cmocka_unit_test(test_the_search_ends_and_errs_on_the_side_of_the_operator),
		cmocka_unit_test(test_facts_that_cannot_be_have_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
