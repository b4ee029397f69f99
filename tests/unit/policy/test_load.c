/* SPDX-License-Identifier: Apache-2.0 */
/* Every error names file, line, what is wrong and what would be right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/config.h"
#include "policy/load.h"
#include "rig.h"

#define AGE    "events = [ \"age\" ]; "
#define LEGS   "device = \"keep\"; upstream = \"keep\"; "
#define SIMPLE "name = \"a\"; " AGE LEGS

struct row {
	const char *text, *error;
};

static void refused(const struct row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char *error = error_of(rows[i].text);
		if (strstr(error, rows[i].error) == NULL)
			fail_msg("%s\nis refused with\n%s\nand not\n%s", rows[i].text, error,
				rows[i].error);
		/* Which it was, and a remedy behind the semicolon; "did you mean" is one. */
		assert_non_null(strstr(error, "F:"));
		assert_true(strchr(error, ';') != NULL);
	}
}

static const struct row of_rules[] = {
	{ "3", "F:2: policy: rules: member 1 is a number; write a group" },
	{ "{ }", "F:2: rule 1: name is missing; add: name = " },
	{ "{ name = \"a\"; }", "F:2: rule \"a\": events is missing; add: events = " },
	{ "{ name = \"a\"; " AGE "}", "F:2: rule \"a\": device is missing; add: device = " },
	{ "{ name = \"a\"; " AGE "device = \"keep\"; }", "upstream is missing; add: " },
	{ "{ " SIMPLE "\n\nendpont = \"x\"; }",
		"F:4: rule \"a\": unknown key endpont; did you mean endpoint?" },
	{ "{ " SIMPLE "zzzzzzz = 1; }", "unknown key zzzzzzz; see lwgate-policy(5)" },
	{ "{ " SIMPLE "action = \"keep\"; }", "unknown key action; " },
	{ "{ name = 1; " AGE LEGS "}", "rule 1: name: is a number; write a text in quotes" },
	{ "{ name = \"\"; " AGE LEGS "}", "name: is 0 bytes long; use 1 to 48" },
	{ "{ name = \"1234567890123456789012345678901234567890123456789\"; " AGE LEGS "}",
		"name: is 49 bytes long; use 1 to 48" },
	{ "{ name = \"a b\"; " AGE LEGS "}", "name: has a character that is none of" },
	{ "{ name = \"default\"; " AGE LEGS "}", "name: \"default\" is what decides" },
	{ "{ " SIMPLE "},\n{ " SIMPLE "}",
		"F:3: rule \"a\": name: the rule of line 2 has it too; use another" },
	{ "{ name = \"a\"; events = [ ]; " LEGS "}", "events: is empty, which nothing" },
	{ "{ name = \"a\"; events = [ \"old\" ]; " LEGS "}",
		"events: \"old\" is not known; use credential-replaced, " },
	{ "{ name = \"a\"; events = [ \"forge\" ]; " LEGS "}",
		"events: \"forge\" is not known; did you mean \"forged\"?" },
	{ "{ name = \"a\"; events = [ \"age\", \"idle\", \"age\" ]; " LEGS "}",
		"events: \"age\" stands there twice; leave one" },
	{ "{ name = \"a\"; events = [ 1 ]; " LEGS "}",
		"events: is a number; write a word in quotes" },
	{ "{ name = \"a\"; events = ( \"age\", \"any\" ); " LEGS "}",
		"events: \"any\" is not known" },
	{ "{ " SIMPLE "kind = \"password\"; }", "kind: \"password\" is not known; use psk, "
						"raw_public_key, certificate, sms "
						"or none" },
	{ "{ " SIMPLE "suite = \"TLS_PSK_WITH_AES_128_CCM_9\"; }",
		"did you mean \"TLS_PSK_WITH_AES_128_CCM_8\"?" },
	{ "{ " SIMPLE "state = true; }", "state: is true or false; write a word in quotes" },
	{ "{ " SIMPLE "registered = \"yes\"; }",
		"registered: is a text; write true or false, without quotes" },
	{ "{ " SIMPLE "endpoint = [ \"\" ]; }", "endpoint: is 0 bytes long; use 1 to 128" },
	{ "{ " SIMPLE "endpoint = [ \"a\\x01\" ]; }",
		"endpoint: holds a control character; use plain text" },
	{ "{ " SIMPLE "endpoint = [ \"a\", \"a\" ]; }", "endpoint: \"a\" stands there twice" },
	{ "{ " SIMPLE "labels = [ \"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", "
	  "\"i\", \"j\", \"k\", \"l\", \"m\", \"n\", \"o\", \"p\", \"q\" ]; }",
		"labels: has 17 members; use at most 16" },
	{ "{ " SIMPLE "labels = [ \"123456789012345678901234567890123\" ]; }",
		"labels: is 33 bytes long; use 1 to 32 bytes" },
	{ "{ " SIMPLE "age_at_least_s = 0; }", "age_at_least_s: 0 is out of range; use 1 to" },
	{ "{ " SIMPLE "age_at_least_s = -1; }", "age_at_least_s: -1 is out of range" },
	{ "{ " SIMPLE "age_at_least_s = 0x10; }",
		"age_at_least_s: is a hexadecimal number; write a decimal number" },
	{ "{ " SIMPLE "age_at_least_s = \"1 day\"; }",
		"age_at_least_s: is a text; write a decimal number" },
	{ "{ " SIMPLE "age_at_least = 1; }", "did you mean age_at_least_s?" },
	{ "{ " SIMPLE "exchanges_at_least = 4294967296L; }",
		"exchanges_at_least: 4294967296 is out of range; use 1 to 4294967295" },
	{ "{ " SIMPLE "reason = \"\"; }", "reason: is 0 bytes long; use 1 to 160 bytes" },
	{ "{ " SIMPLE "alert = 1; }", "alert: is a number; write true or false" },
	{ "{ " SIMPLE "resumption = \"no\"; }",
		"resumption: \"no\" is not known; use keep or refuse" },
	{ "{ name = \"a\"; " AGE "device = 1; upstream = \"keep\"; }",
		"device: is a number; write device = " },
	{ "{ name = \"a\"; " AGE "device = \"kep\"; upstream = \"keep\"; }",
		"device: \"kep\" is not known; did you mean \"keep\"?" },
	{ "{ name = \"a\"; " AGE "device = { }; upstream = \"keep\"; }",
		"action is missing; add: action = " },
	{ "{ name = \"a\"; " AGE "device = { action = \"keep\"; within = 1; }; upstream = "
	  "\"keep\"; }",
		"unknown key within; did you mean within_s?" },
};

static void test_what_may_not_stand_in_a_rule(void **state)
{
	(void)state;
	refused(of_rules, COUNT_OF(of_rules));
}

static void test_conditions_that_exclude_each_other(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "{ " SIMPLE "labels = [ \"x\", \"y\" ];\nwithout_label = \"y\"; }",
			"F:3: rule \"a\": without_label: \"y\" stands in labels too, of line 2, so "
			"that no facts can meet the conditions; leave" },
		{ "{ " SIMPLE "any_label = [ \"x\", \"y\" ]; without_label = [ \"y\", \"z\" ]; }",
			"without_label: \"y\" stands in any_label too, of line 2, so that no" },
		{ "{ " SIMPLE "labels = \"x\"; any_label = [ \"y\", \"x\" ]; }",
			"any_label: \"x\" stands in labels too, of line 2, which says all; leave "
			"it" },
		{ "{ " SIMPLE "age_at_least_s = 5;\nage_at_most_s = 4; }",
			"F:3: rule \"a\": age_at_most_s: 4 is below age_at_least_s of line 2, so "
			"that no facts" },
	};
	refused(rows, COUNT_OF(rows));
	policy_free(policy_of("{ " SIMPLE "age_at_least_s = 5; age_at_most_s = 5; }"));
}

static void test_what_must_stand_in_a_file(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "", "F: policy is missing; add: policy = " },
		{ "policy = 1;", "F:1: policy: is a number; write policy = " },
		{ "policy = { rules = ( ); };\n",
			"F:1: policy: default is missing; add: default = " },
		{ "policy = { default = { device = \"keep\"; upstream = \"keep\"; }; };",
			"F:1: policy: rules is missing; add: rules = ( );" },
		{ "policy = { rules = [ ]; };", "rules: is an array [ ]; write rules = ( );" },
		{ "policy = { rule = ( ); };", "unknown key rule; did you mean rules?" },
		{ "polcy = { };",
			"F:1: unknown key polcy; the file holds policy and nothing else" },
		{ "policy = { rules = ( ); default = { name = \"x\"; device = \"keep\"; upstream = "
		  "\"keep\"; }; };",
			"F:1: default: unknown key name; " },
		{ "policy = { rules = ( ); default = { device = \"keep\"; }; };",
			"default: upstream is missing; add: " },
		{ "policy = { rules = ( ); default = { labels = \"x\"; device = \"keep\"; upstream "
		  "= \"keep\"; }; };",
			"default: unknown key labels; " },
		{ "policy = { rules = ( ) default", "F:2: syntax error; look for a missing quote" },
		{ "@include \"x\"", "F:1: @include is not supported; write its settings here" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *error = error_of_text(rows[i].text);
		if (strstr(error, rows[i].error) == NULL)
			fail_msg("%s\nis refused with\n%s", rows[i].text, error);
	}
}

/* The caller frees it. */
static char *many(size_t len, const char *form)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	assert_non_null(to);
	for (size_t i = 0; i < len; i++) {
		(void)fprintf(to, "%s{ name = \"r%zu\"; " AGE LEGS, i > 0 ? ",\n" : "", i);
		(void)fprintf(to, "%s = \"n%zu\"; }", form, i);
	}
	assert_int_equal(fclose(to), 0);
	return text;
}

static void at_most(size_t most, const char *key, const char *error)
{
	char *text = many(most, key);
	struct policy *p = policy_of(text);
	assert_int_equal(policy_rules(p), most);
	policy_free(p);
	free(text);
	text = many(most + 1, key);
	assert_non_null(strstr(error_of(text), error));
	free(text);
}

static void test_what_is_too_much_is_refused_and_just_enough_is_not(void **state)
{
	(void)state;
	at_most(POLICY_RULES_MAX, "endpoint",
		"F:1: policy: rules: has 257 members; use at most 256");
	at_most(64, "labels", "labels: \"n64\" is one too many; a policy names at most 64 of them");
	at_most(16, "listener", "listener: \"n16\" is one too many; a policy names at most 16");
}

static void test_a_policy_has_at_most_256_patterns(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	assert_non_null(to);
	for (size_t i = 0; i < 17; i++) {
		(void)fprintf(to, "%s{ name = \"r%zu\"; " AGE LEGS "endpoint = [ ",
			i > 0 ? ",\n" : "", i);
		for (size_t k = 0; k < 16; k++)
			(void)fprintf(to, "%s\"p%zu\"", k > 0 ? ", " : "", i * 16 + k);
		(void)fputs(" ]; }", to);
	}
	assert_int_equal(fclose(to), 0);
	assert_non_null(strstr(error_of(text),
		"endpoint: \"p256\" is one too many; a policy has at most 256 patterns: give the "
		"endpoints a label"));
	free(text);
}

static void test_a_name_has_plain_characters(void **state)
{
	(void)state;
	static const char others[] = "@[`{/:,^ *\xc3";
	policy_free(policy_of("{ name = \"AZaz09-_.\"; " AGE LEGS "}"));
	for (const char *c = others; *c != '\0'; c++) {
		char text[128];
		(void)snprintf(text, sizeof(text), "{ name = \"a%c\"; " AGE LEGS "}", *c);
		assert_non_null(strstr(error_of(text), "name: has a character that is none of"));
	}
}

/* Names are taken whole, however long they may be. */
static void test_the_longest_names_are_taken_whole(void **state)
{
	(void)state;
	enum { LONG = POLICY_PATTERN_MAX };
	char text[1024], name[LONG + 1];
	memset(name, 'n', LONG);
	name[LONG] = '\0';
	(void)snprintf(text, sizeof(text),
		"{ name = \"%.*s\"; events = \"age\"; endpoint = \"%s\"; labels = \"%.*s\"; "
		"listener = \"%.64s\"; " LEGS "}",
		POLICY_NAME_MAX, name, name, POLICY_LABEL_MAX, name, name);
	struct policy *p = policy_of(text);
	char label[POLICY_LABEL_MAX + 1] = "", listener[65] = "";
	memcpy(label, name, sizeof(label) - 1);
	memcpy(listener, name, sizeof(listener) - 1);
	const char *const labels[] = { label };
	struct policy_facts f = facts_of(POLICY_AGE);
	f.endpoint = name;
	f.labels = labels;
	f.labels_len = 1;
	f.listener = listener;
	assert_int_equal(policy_decide(p, &f).number, 0);
	assert_int_equal(strlen(policy_decide(p, &f).rule), POLICY_NAME_MAX);
	name[LONG - 1] = '\0';
	assert_int_equal(policy_decide(p, &f).number, 1);
	name[LONG - 1] = 'n';
	label[POLICY_LABEL_MAX - 1] = '\0';
	assert_int_equal(policy_decide(p, &f).number, 1);
	label[POLICY_LABEL_MAX - 1] = 'n';
	listener[63] = '\0';
	assert_int_equal(policy_decide(p, &f).number, 1);
	policy_free(p);
}

static void test_a_single_value_stands_for_an_array_of_one(void **state)
{
	(void)state;
	struct policy *one = policy_of("{ name = \"a\"; events = \"age\"; labels = \"x\"; kind = "
				       "\"psk\"; " LEGS "}");
	struct policy *two = policy_of("{ name = \"a\"; events = [ \"age\" ]; labels = ( \"x\" ); "
				       "kind = [ \"psk\" ]; " LEGS "}");
	assert_true(policy_same(one, two));
	policy_free(one);
	policy_free(two);
}

static void test_R208_a_comment_more_is_the_same_policy(void **state)
{
	(void)state;
	static const char *const others[] = {
		"{ " SIMPLE "labels = \"y\"; }",
		"{ " SIMPLE "without_label = \"x\"; }",
		"{ " SIMPLE "any_label = [ \"x\", \"y\" ]; }",
		"{ " SIMPLE "labels = \"x\"; age_at_least_s = 1; }",
		"{ " SIMPLE "labels = \"x\"; endpoint = \"e\"; }",
		"{ " SIMPLE "labels = \"x\"; listener = \"e\"; }",
		"{ " SIMPLE "labels = \"x\"; reason = \"other\"; }",
		"{ " SIMPLE "labels = \"x\"; alert = true; }",
		"{ " SIMPLE "labels = \"x\"; resumption = \"refuse\"; }",
		"{ name = \"a\"; events = \"idle\"; labels = \"x\"; " LEGS "}",
		"{ name = \"b\"; " AGE LEGS "labels = \"x\"; }",
		"{ name = \"a\"; " AGE
		"labels = \"x\"; device = \"teardown\"; upstream = \"keep\"; }",
		"",
	};
	struct policy *p = policy_of("{ " SIMPLE "labels = \"x\"; }");
	struct policy *q = policy_of("# one line more\n\n{ " SIMPLE "labels = \"x\"; }");
	assert_true(policy_same(p, q));
	assert_int_equal(policy_rule_line(p, 0), 2);
	assert_int_equal(policy_rule_line(q, 0), 4);
	policy_free(q);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		q = policy_of(others[i]);
		assert_false(policy_same(p, q));
		assert_false(policy_same(q, p));
		policy_free(q);
	}
	policy_free(p);
}

static void test_a_file_is_read_and_one_that_is_not_there_is_said(void **state)
{
	(void)state;
	char name[] = "/tmp/policy-XXXXXX";
	const int fd = mkstemp(name);
	assert_true(fd >= 0);
	static const char text[] =
		"policy = { rules = ( ); default = { device = \"keep\"; upstream = \"keep\"; }; };";
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(close(fd), 0);
	struct conf_error e = { 0 };
	struct policy *p = policy_load(name, &e);
	assert_non_null(p);
	assert_int_equal(policy_rules(p), 0);
	policy_free(p);
	assert_int_equal(unlink(name), 0);
	assert_null(policy_load(name, &e));
	assert_non_null(strstr(e.text, "cannot be opened: No such file or directory; check"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_may_not_stand_in_a_rule),
		cmocka_unit_test(test_conditions_that_exclude_each_other),
		cmocka_unit_test(test_what_must_stand_in_a_file),
		cmocka_unit_test(test_what_is_too_much_is_refused_and_just_enough_is_not),
		cmocka_unit_test(test_a_policy_has_at_most_256_patterns),
		cmocka_unit_test(test_a_name_has_plain_characters),
		cmocka_unit_test(test_the_longest_names_are_taken_whole),
		cmocka_unit_test(test_a_single_value_stands_for_an_array_of_one),
		cmocka_unit_test(test_R208_a_comment_more_is_the_same_policy),
		cmocka_unit_test(test_a_file_is_read_and_one_that_is_not_there_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
