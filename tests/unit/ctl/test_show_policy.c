/* SPDX-License-Identifier: Apache-2.0 */
/* What lwgatectl tells those who write policies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "ctl/show_policy.h"
#include "ctl/what_if.h"
#include "policy/diff.h"
#include "policy/expect.h"
#include "policy/load.h"

static const char first[] =
	"policy = { rules = (\n"
	"{ name = \"lab\"; events = \"any\"; labels = \"lab\"; device = \"keep\";\n"
	"  upstream = \"keep\"; resumption = \"keep\"; },\n"
	"{ name = \"withdrawn\"; events = [ \"credential-revoked\" ]; device = \"teardown\";\n"
	"  upstream = { action = \"drain\"; within_s = 7; }; alert = true; reason = \"gone\"; },\n"
	"{ name = \"old\"; events = \"age\"; age_at_least_s = 1000; device = \"teardown\";\n"
	"  upstream = \"teardown\"; }\n"
	"); default = { device = { action = \"keep\"; for_s = 60; }; upstream = \"keep\"; }; };\n";

static const char second[] =
	"policy = { rules = (\n"
	"{ name = \"gone\"; events = [ \"credential-revoked\" ]; device = \"teardown\";\n"
	"  upstream = \"teardown\"; alert = true; reason = \"gone\"; },\n"
	"{ name = \"old\"; events = \"age\"; age_at_least_s = 2000; device = \"teardown\";\n"
	"  upstream = \"teardown\"; }\n"
	"); default = { device = { action = \"keep\"; for_s = 60; }; upstream = \"keep\"; }; };\n";

static const char *const labels[] = { "meter", "wa\x1bter" };

static struct policy_facts sleeper(enum policy_event e)
{
	return (struct policy_facts){ .event = e,
		.endpoint = "urn:dev:1\x1b",
		.labels = labels,
		.labels_len = COUNT_OF(labels),
		.listener = "0.0.0.0:5684",
		.suite = 0xc0a8,
		.generation = 5,
		.registered = true,
		.age_s = 90061,
		.idle_s = 61,
		.asleep_s = 60,
		.records = 11,
		.forged = 12 };
}

static const struct ctl_facts_rest rest = { .credential_generation = 6, .decided = 4 };

/* *own: what it points to, to be freed. */
static struct ctl_rules rules_of(const char *text, const char *name, struct policy **own)
{
	struct conf_error error = { "" };
	*own = policy_parse(text, name, &error);
	if (*own == NULL)
		fail_msg("%s", error.text);
	return (struct ctl_rules){
		.name = name, .text = text, .len = strlen(text), .policy = *own
	};
}

/* Static, and terminated; o is empty then. */
static const char *text_of(struct ctl_out *o)
{
	static char text[16384];
	assert_false(o->bad);
	assert_in_range(o->len, 1, sizeof(text) - 1);
	memcpy(text, o->data, o->len);
	text[o->len] = '\0';
	ctl_out_fini(o);
	*o = (struct ctl_out){ 0 };
	return text;
}

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" in:\n%s", part, text);
}

/* What `show` prints is the policy, for who takes it as a file. */
static void test_what_is_shown_is_a_policy_again(void **state)
{
	(void)state;
	struct policy *own = NULL;
	const struct ctl_rules r = rules_of(first, "/etc/lwgate/policy.conf", &own);
	struct conf_error error;
	struct ctl_out o = { 0 };
	ctl_show_rules(&o, CTL_TEXT, &r);
	const char *text = text_of(&o);
	has(text, "# /etc/lwgate/policy.conf, 3 rules and a default\npolicy = {");
	struct policy *again = policy_parse(text, "F", &error);
	assert_non_null(again);
	assert_true(policy_same(again, r.policy));
	policy_free(again);
	ctl_show_rules(&o, CTL_JSON, &r);
	text = text_of(&o);
	has(text, "{\"file\":\"/etc/lwgate/policy.conf\",\"rules\":3,\"text\":\"policy = { rules");
	assert_string_equal(text + strlen(text) - 2, "}\n");
	policy_free(own);
}

/* A name of a file cannot end the comment that it stands in, and no text moves the cursor. */
static void test_I5_names_are_shown_without_controls(void **state)
{
	(void)state;
	struct policy *own = NULL;
	const struct ctl_rules r = rules_of(first, "a\nb", &own);
	struct ctl_out o = { 0 };
	ctl_show_rules(&o, CTL_TEXT, &r);
	has(text_of(&o), "# a?b, 3 rules");
	const struct policy_facts f = sleeper(POLICY_CRED_REVOKED);
	ctl_show_explained(&o, CTL_TEXT, &r, &f, &rest);
	const char *text = text_of(&o);
	has(text, "endpoint        urn:dev:1?\n");
	has(text, "labels          meter, wa?ter\n");
	lacks(text, "\x1b");
	policy_free(own);
}

static void test_R223_explaining_tells_the_rule_the_reason_and_what_was_passed_over(void **state)
{
	(void)state;
	struct policy *own = NULL;
	const struct ctl_rules r = rules_of(first, "F", &own);
	struct ctl_out o = { 0 };
	const struct policy_facts f = sleeper(POLICY_CRED_REVOKED);
	ctl_show_explained(&o, CTL_TEXT, &r, &f, &rest);
	const char *text = text_of(&o);
	has(text, "event           credential-revoked\npolicy          F\n");
	has(text, "passed over     lab (line 2): ");
	has(text, "decided by      withdrawn (line 4)\n"
		  "decision        device teardown, upstream drain within 7 s, resumption refused, "
		  "alert\n"
		  "reason          gone\n");
	has(text, "generation      5, of the credential 6\nstate           asleep\n"
		  "asleep for      1m00s\nregistered      yes\nupstream        down\n"
		  "age             1d01h\nidle for        1m01s\n"
		  "records         11\nforged          12\n");
	lacks(text, "old (line");
	policy_free(own);
}

static void test_R223_explaining_in_JSON(void **state)
{
	(void)state;
	struct policy *own = NULL;
	const struct ctl_rules r = rules_of(first, "F", &own);
	struct ctl_out o = { 0 };
	struct policy_facts f = sleeper(POLICY_CRED_REVOKED);
	ctl_show_explained(&o, CTL_JSON, &r, &f, &rest);
	const char *text = text_of(&o);
	has(text,
		"{\"policy\":{\"file\":\"F\",\"rules\":3},\"facts\":{\"event\":"
		"\"credential-revoked\",\"endpoint\":\"urn:dev:1\\u001b\",\"labels\":[\"meter\",");
	has(text, "\"kind\":\"psk\",\"channel\":\"udp-dtls\",\"listener\":\"0.0.0.0:5684\","
		  "\"suite\":\"TLS_PSK_WITH_AES_128_CCM_8\",\"state\":\"asleep\","
		  "\"registered\":true,\"upstream_state\":\"down\",\"age_s\":90061,\"idle_s\":61,"
		  "\"asleep_s\":60,\"records\":11,\"forged\":12,\"exchanges\":0,\"generation\":5,"
		  "\"credential_generation\":6,\"decided_generation\":4}");
	has(text, "\"passed_over\":[{\"rule\":\"lab\",\"line\":2,\"why\":\"");
	has(text, "],\"rule\":\"withdrawn\",\"line\":4,\"reason\":\"gone\",\"device\":{\"action\":"
		  "\"teardown\"},\"upstream\":{\"action\":\"drain\",\"within_s\":7},"
		  "\"resumption\":\"refuse\",\"alert\":true,");
	f.event = POLICY_MOVED;
	ctl_show_explained(&o, CTL_JSON, &r, &f, &rest);
	text = text_of(&o);
	has(text, "\"rule\":\"default\",\"line\":8,");
	has(text,
		"\"device\":{\"action\":\"keep\",\"for_s\":60},\"upstream\":{\"action\":\"keep\"},"
		"\"resumption\":\"keep\",\"alert\":false,");
	policy_free(own);
}

static const char table[] =
	"expectations = (\n"
	"{ event = \"credential-revoked\"; endpoint = \"e\"; expect = { rule = \"withdrawn\"; }; "
	"},\n"
	"{ event = \"moved\"; endpoint = \"e\"; expect = { device = \"teardown\"; }; },\n"
	"{ event = \"moved\"; endpoint = \"e\"; expect = { rule = \"default\"; }; } );\n";

static void test_expectations_are_told_one_by_one_and_so_are_rules_without_one(void **state)
{
	(void)state;
	struct policy *own = NULL;
	const struct ctl_rules r = rules_of(first, "F", &own);
	struct conf_error error;
	struct policy_expect *t = policy_expect_parse(table, "T", &error);
	struct ctl_out o = { 0 };
	assert_non_null(t);
	assert_int_equal(ctl_show_expected(&o, CTL_TEXT, &r, t), 1);
	const char *text = text_of(&o);
	has(text, "passed: T:2: ");
	has(text, "\nfailed: T:3: ");
	has(text, "\nuntested: F:2: rule \"lab\": nothing");
	has(text, "\nuntested: F:6: rule \"old\": nothing");
	lacks(text, "rule \"withdrawn\": nothing");
	has(text, "\n2 expectations passed, 1 failed; 2 of 3 rules untested\n");
	assert_int_equal(ctl_show_expected(&o, CTL_JSON, &r, t), 1);
	text = text_of(&o);
	has(text, "{\"policy\":{\"file\":\"F\",\"rules\":3},\"expectations\":[{\"passed\":true,"
		  "\"text\":\"passed: T:2: ");
	has(text, "},{\"passed\":false,\"text\":\"failed: T:3: ");
	has(text, "\"untested\":[{\"rule\":\"lab\",\"line\":2},{\"rule\":\"old\",\"line\":6}],"
		  "\"passed\":2,\"failed\":1}\n");
	policy_expect_free(t);
	policy_free(own);
}

static void test_another_policy_is_told_by_pairs_of_rules_and_examples(void **state)
{
	(void)state;
	struct policy *one = NULL, *other = NULL;
	struct ctl_compared c = { .from = rules_of(first, "F", &one),
		.to = rules_of(second, "G", &other) };
	struct policy_diff *now = policy_diff_new(c.from.policy, c.to.policy, 3);
	struct policy_diff *later = policy_diff_new(c.from.policy, c.to.policy, 3);
	struct policy_facts f = sleeper(POLICY_AGE);
	struct ctl_out o = { 0 };
	f.age_s = 1;
	ctl_what_if_now(now, &f);
	ctl_what_if_later(later, c.from.policy, c.to.policy, &f);
	c.now = now;
	c.later = later;
	c.sessions = 1;
	ctl_show_compared(&o, CTL_TEXT, &c);
	const char *text = text_of(&o);
	has(text, "now             F, 3 rules\nnew             G, 2 rules\n"
		  "sessions        1, 0 of them awake\n"
		  "as they are     1 of 14 questions are decided otherwise\n"
		  "  1: rule \"withdrawn\", device teardown, upstream drain within 7 s,");
	has(text, "  such as urn:dev:1?, credential-revoked: withdrawn -> gone\n");
	has(text, "in time         1 of 2 questions are decided otherwise\n");
	has(text, "  such as urn:dev:1?, age: old -> default\n");
	ctl_show_compared(&o, CTL_JSON, &c);
	text = text_of(&o);
	has(text, "{\"from\":{\"file\":\"F\",\"rules\":3},\"to\":{\"file\":\"G\",\"rules\":2},"
		  "\"sessions\":1,\"awake\":0,\"now\":{\"asked\":14,\"changed\":1,\"pairs\":["
		  "{\"from\":{\"rule\":\"withdrawn\",\"line\":4},\"to\":{\"rule\":\"gone\","
		  "\"line\":2},\"count\":1,\"decision\":true,\"text\":\"");
	has(text, "\"examples\":[{\"endpoint\":\"urn:dev:1\\u001b\",\"event\":"
		  "\"credential-revoked\",\"from\":{\"rule\":\"withdrawn\"");
	has(text, "\"later\":{\"asked\":2,\"changed\":1,");
	policy_diff_free(now);
	policy_diff_free(later);
	policy_free(one);
	policy_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_shown_is_a_policy_again),
		cmocka_unit_test(test_I5_names_are_shown_without_controls),
		cmocka_unit_test(
			test_R223_explaining_tells_the_rule_the_reason_and_what_was_passed_over),
		cmocka_unit_test(test_R223_explaining_in_JSON),
		cmocka_unit_test(
			test_expectations_are_told_one_by_one_and_so_are_rules_without_one),
		cmocka_unit_test(test_another_policy_is_told_by_pairs_of_rules_and_examples),
	};
	return cmocka_run_group_tests_name("ctl/show_policy", tests, NULL, NULL);
}
