/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "policy/policy.h"
#include "rig.h"

enum { WHY = 300 };

static void test_R209_every_kind_of_change_has_a_word_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < POLICY_EVENTS; i++) {
		enum policy_event e = POLICY_EVENTS;
		const char *word = policy_event_word((enum policy_event)i);
		assert_true(policy_event_of(word, &e));
		assert_int_equal(e, i);
	}
	/* Those that R-209 names. */
	static const char *const named[] = { "credential-replaced", "credential-revoked",
		"credential-expired", "certificate-revoked", "anchor-removed", "mapping-changed" };
	enum policy_event e = POLICY_EVENTS;
	for (size_t i = 0; i < COUNT_OF(named); i++)
		assert_true(policy_event_of(named[i], &e));
	e = POLICY_MOVED;
	assert_false(policy_event_of("credential", &e));
	assert_false(policy_event_of("", &e));
	assert_int_equal(e, POLICY_MOVED);
	assert_string_equal(policy_event_word(POLICY_EVENTS), "unknown");
	assert_string_equal(policy_action_word(POLICY_ACTIONS), "unknown");
	assert_string_equal(policy_kind_word(POLICY_KINDS), "unknown");
	assert_string_equal(policy_channel_word(POLICY_CHANNELS), "unknown");
}

/* A pair of legs that make sense together, whatever the event. */
static const struct pair {
	const char *device, *upstream;
	struct policy_leg to_device, to_upstream;
	bool refuse;
} pairs[] = {
	{ "\"keep\"", "\"keep\"", { POLICY_KEEP, 0, false }, { POLICY_KEEP, 0, false }, false },
	{ "{ action = \"keep\"; for_s = 7; }", "\"keep\"", { POLICY_KEEP, 7, false },
		{ POLICY_KEEP, 0, false }, false },
	{ "\"keep\"", "\"teardown\"", { POLICY_KEEP, 0, false }, { POLICY_TEARDOWN, 0, false },
		true },
	{ "\"teardown\"", "\"keep\"", { POLICY_TEARDOWN, 0, false }, { POLICY_KEEP, 0, false },
		true },
	{ "\"teardown\"", "{ action = \"drain\"; within_s = 9; }", { POLICY_TEARDOWN, 0, false },
		{ POLICY_DRAIN, 9, false }, true },
	{ "{ action = \"drain\"; within_s = 1; }", "\"teardown\"", { POLICY_DRAIN, 1, false },
		{ POLICY_TEARDOWN, 0, false }, true },
	{ "\"rekey-on-wake\"", "\"keep\"", { POLICY_REKEY_ON_WAKE, 30, false },
		{ POLICY_KEEP, 0, false }, true },
	{ "{ action = \"rekey-on-wake\"; within_s = 5; }", "\"keep\"",
		{ POLICY_REKEY_ON_WAKE, 5, false }, { POLICY_KEEP, 0, false }, true },
	{ "{ action = \"quarantine\"; for_s = 3600; }", "\"teardown\"",
		{ POLICY_QUARANTINE, 3600, false }, { POLICY_TEARDOWN, 0, false }, true },
	{ "\"alert-only\"", "\"alert-only\"", { POLICY_ALERT_ONLY, 0, false },
		{ POLICY_ALERT_ONLY, 0, false }, false },
};

static void leg_is(const struct policy_leg *l, const struct policy_leg *expected)
{
	assert_int_equal(l->action, expected->action);
	assert_int_equal(l->bound_s, expected->bound_s);
	assert_int_equal(l->until_registration, expected->until_registration);
}

static void check_pair(enum policy_event e, const struct pair *pair)
{
	char text[512];
	(void)snprintf(text, sizeof(text),
		"{ name = \"a\"; events = [ \"%s\" ]; device = %s; upstream = %s; reason = "
		"\"because\"; }",
		policy_event_word(e), pair->device, pair->upstream);
	struct policy *p = policy_of(text);
	const struct policy_facts f = facts_of(e);
	const struct policy_decision d = policy_decide(p, &f);
	assert_string_equal(d.rule, "a");
	assert_string_equal(d.reason, "because");
	assert_int_equal(d.number, 0);
	leg_is(&d.device, &pair->to_device);
	leg_is(&d.upstream, &pair->to_upstream);
	assert_int_equal(d.refuse_resumption, pair->refuse);
	assert_int_equal(d.alert, pair->to_device.action == POLICY_ALERT_ONLY);
	for (int other = 0; other < POLICY_EVENTS; other++) {
		const struct policy_facts of = facts_of((enum policy_event)other);
		assert_int_equal(policy_decide(p, &of).number, other != (int)e);
	}
	policy_free(p);
}

static void test_R208_every_event_can_have_every_decision(void **state)
{
	(void)state;
	for (int e = 0; e < POLICY_EVENTS; e++) {
		for (size_t i = 0; i < COUNT_OF(pairs); i++) {
			/* What has no DTLS is not rekeyed: see test_sense.c. */
			if (e != POLICY_NOSEC || pairs[i].to_device.action != POLICY_REKEY_ON_WAKE)
				check_pair((enum policy_event)e, &pairs[i]);
		}
	}
}

static void test_R208_where_no_rule_matches_the_default_decides(void **state)
{
	(void)state;
	struct policy *p = policy_of(RULE("a", "events = \"idle\";"));
	const struct policy_facts f = facts_of(POLICY_AGE);
	const struct policy_decision d = policy_decide(p, &f);
	assert_string_equal(d.rule, "default");
	assert_string_equal(d.reason, "the policy gives no reason");
	assert_int_equal(d.number, 1);
	assert_int_equal(d.device.action, POLICY_KEEP);
	assert_false(d.refuse_resumption);
	assert_string_equal(policy_rule_name(p, 0), "a");
	assert_string_equal(policy_rule_name(p, 1), "default");
	assert_string_equal(policy_rule_name(p, 99), "default");
	policy_free(p);
}

static void test_R211_resumption_is_refused_unless_both_legs_are_kept(void **state)
{
	(void)state;
	struct policy *p = policy_of(
		"{ name = \"a\"; events = \"age\"; device = \"keep\"; upstream = \"keep\"; },"
		"{ name = \"b\"; events = \"idle\"; device = \"teardown\"; upstream = \"keep\"; },"
		"{ name = \"c\"; events = \"records\"; device = \"keep\"; upstream = \"teardown\"; "
		"},"
		"{ name = \"d\"; events = \"moved\"; device = \"teardown\"; upstream = "
		"\"teardown\"; "
		"resumption = \"keep\"; },"
		"{ name = \"e\"; events = \"credential-replaced\"; device = \"keep\"; upstream = "
		"\"keep\"; resumption = \"refuse\"; },"
		"{ name = \"f\"; events = \"credential-revoked\"; device = \"alert-only\"; "
		"upstream "
		"= \"alert-only\"; }");
	static const struct {
		enum policy_event event;
		bool refuse;
	} rows[] = {
		{ POLICY_AGE, false },
		{ POLICY_IDLE, true },
		{ POLICY_RECORDS, true },
		{ POLICY_MOVED, false },
		{ POLICY_CRED_REPLACED, true },
		{ POLICY_CRED_REVOKED, false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct policy_facts f = facts_of(rows[i].event);
		assert_int_equal(policy_decide(p, &f).number, i);
		assert_int_equal(policy_decide(p, &f).refuse_resumption, rows[i].refuse);
	}
	policy_free(p);
}

/* Does this rule's condition take the facts? If not, the reason is this. */
static void takes(const char *condition, const struct policy_facts *f, const char *why_not)
{
	char text[512], why[WHY];
	(void)snprintf(text, sizeof(text), RULE("a", "events = [ \"any\" ]; %s"), condition);
	struct policy *p = policy_of(text);
	const bool not = policy_why_not(p, 0, f, why, sizeof(why));
	assert_int_equal(policy_decide(p, f).number, not );
	assert_string_equal(why, why_not == NULL ? "" : why_not);
	assert_int_equal(not, why_not != NULL);
	policy_free(p);
}

static void test_R208_who_and_which_state_are_conditions(void **state)
{
	(void)state;
	struct policy_facts f = facts_of(POLICY_MOVED);
	takes("", &f, NULL);
	takes("kind = \"psk\";", &f, NULL);
	takes("kind = [ \"certificate\", \"raw_public_key\" ];", &f,
		"kind is psk, the rule wants raw_public_key or certificate");
	takes("channel = \"sms-dtls\";", &f, "channel is udp-dtls, the rule wants sms-dtls");
	takes("state = \"awake\";", &f, NULL);
	takes("state = \"asleep\";", &f, "state is awake, the rule wants asleep");
	takes("registered = false;", &f, "registered is true, the rule wants false");
	takes("upstream_state = \"down\";", &f, "upstream_state is up, the rule wants down");
	f.awake = f.registered = f.upstream_up = false;
	takes("state = \"asleep\"; registered = false; upstream_state = \"down\";", &f, NULL);
	takes("state = \"awake\";", &f, "state is asleep, the rule wants awake");
	f.suite = 0xc0a8;
	takes("suite = \"TLS_PSK_WITH_AES_128_CCM_8\";", &f, NULL);
	takes("suite = \"TLS_PSK_WITH_AES_128_CCM\";", &f,
		"suite is TLS_PSK_WITH_AES_128_CCM_8, the rule wants TLS_PSK_WITH_AES_128_CCM");
	f.suite = 0xc0ff;
	takes("suite = \"TLS_PSK_WITH_AES_128_CCM\";", &f,
		"suite is none of ours, the rule wants TLS_PSK_WITH_AES_128_CCM");
	takes("listener = \"0.0.0.0:5684\";", &f, NULL);
	f.listener = "[::]:5684";
	takes("listener = [ \"0.0.0.0:5684\", \"0.0.0.0:1\" ];", &f,
		"listener is another, the rule wants 0.0.0.0:5684 or 0.0.0.0:1");
	f.listener = NULL;
	takes("listener = \"0.0.0.0:5684\";", &f,
		"listener is another, the rule wants 0.0.0.0:5684");
	takes("endpoint = [ \"urn:*\", \"x\" ];", &f, NULL);
	takes("endpoint = [ \"urn:dev:?\" ];", &f, NULL);
	takes("endpoint = [ \"dev*\", \"x\" ];", &f,
		"endpoint \"urn:dev:1\" does not fit \"dev*\" or \"x\"");
	f.endpoint = "urn\n\x7f";
	takes("endpoint = \"x\";", &f, "endpoint \"urn..\" does not fit \"x\"");
	f.endpoint = NULL;
	takes("endpoint = \"*\";", &f, NULL);
	takes("endpoint = \"?*\";", &f, "endpoint \"\" does not fit \"?*\"");
}

/* Nothing is read before a name that is shorter than the end of its pattern. */
static void test_a_name_shorter_than_its_pattern_does_not_fit(void **state)
{
	(void)state;
	static const char *const names[] = { "", "h", "abba", "abab" };
	struct policy_facts f = facts_of(POLICY_MOVED);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char *name = strdup(names[i]), why[WHY];
		assert_non_null(name);
		f.endpoint = name;
		(void)snprintf(
			why, sizeof(why), "endpoint \"%s\" does not fit \"*abcdefgh\"", name);
		takes("endpoint = \"*abcdefgh\";", &f, why);
		(void)snprintf(why, sizeof(why), "endpoint \"%s\" does not fit \"abb*bba\"", name);
		takes("endpoint = \"abb*bba\";", &f, why);
		free(name);
	}
}

static void test_R208_labels_are_conditions(void **state)
{
	(void)state;
	static const char *const labels[] = { "gas", "new", "north" };
	struct policy_facts f = facts_of(POLICY_MOVED);
	f.labels = labels;
	f.labels_len = COUNT_OF(labels);
	takes("labels = [ \"north\", \"gas\" ];", &f, NULL);
	takes("labels = [ \"north\", \"water\" ];", &f, "label \"water\" is missing");
	takes("any_label = [ \"water\", \"new\" ];", &f, NULL);
	takes("any_label = [ \"water\", \"south\" ];", &f,
		"the rule wants the label \"water\" or \"south\"");
	takes("without_label = [ \"water\", \"south\" ];", &f, NULL);
	takes("without_label = [ \"water\", \"gas\" ];", &f,
		"label \"gas\" is there, the rule is for those without it");
	takes("labels = \"Gas\";", &f, "label \"Gas\" is missing");
	f.labels_len = 0;
	f.labels = NULL;
	takes("without_label = \"gas\";", &f, NULL);
	takes("any_label = \"gas\";", &f, "the rule wants the label \"gas\"");
}

/* Between 10 and 20, of the number at `at`; NULL: of the exchanges. */
static void check_bounds(struct policy_facts *f, uint64_t *at, const char *name, const char *unit)
{
	for (unsigned n = 9; n <= 21; n++) {
		char text[128], why[WHY];
		const bool low = n<10, high = n> 20;
		(void)snprintf(text, sizeof(text), "%s_at_least%s = 10; %s_at_most%s = 20;", name,
			unit, name, unit);
		(void)snprintf(why, sizeof(why), "%s%s is %u, the rule wants at %s", name, unit, n,
			low ? "least 10" : "most 20");
		f->exchanges = n;
		if (at != NULL)
			*at = n;
		takes(text, f, low || high ? why : NULL);
	}
}

static void test_R208_numbers_are_conditions_and_both_ends_are_included(void **state)
{
	(void)state;
	struct policy_facts f = facts_of(POLICY_MOVED);
	check_bounds(&f, &f.age_s, "age", "_s");
	check_bounds(&f, &f.idle_s, "idle", "_s");
	check_bounds(&f, &f.asleep_s, "asleep", "_s");
	check_bounds(&f, &f.records, "records", "");
	check_bounds(&f, &f.forged, "forged", "");
	check_bounds(&f, NULL, "exchanges", "");
	check_bounds(&f, &f.generation, "generation", "");
}

static void test_the_next_bound_is_when_to_ask_again(void **state)
{
	(void)state;
	struct policy *p = policy_of(RULE("a",
		"events = [ \"age\", \"forged\" ]; labels = \"x\"; age_at_least_s = "
		"100;") ",\n" RULE("b", "events = \"age\"; age_at_least_s = 10; "
					"age_at_most_s = 19; idle_at_least_s = 3;") ",\n" RULE("c",
		"events = \"forged\"; forged_at_most = 4;"));
	static const uint64_t steps[] = { 0, 10, 20, 100, UINT64_MAX };
	for (size_t i = 0; i + 1 < COUNT_OF(steps); i++) {
		assert_int_equal(policy_next_bound(p, POLICY_AGE, steps[i]), steps[i + 1]);
		if (i > 0)
			assert_int_equal(policy_next_bound(p, POLICY_AGE, steps[i] - 1), steps[i]);
	}
	assert_int_equal(policy_next_bound(p, POLICY_FORGED, 0), 5);
	assert_int_equal(policy_next_bound(p, POLICY_FORGED, 4), 5);
	assert_int_equal(policy_next_bound(p, POLICY_FORGED, 5), UINT64_MAX);
	assert_int_equal(policy_next_bound(p, POLICY_IDLE, 0), UINT64_MAX);
	assert_int_equal(policy_next_bound(p, POLICY_MOVED, 0), UINT64_MAX);
	policy_free(p);
}

static void test_facts_of_no_known_kind_are_the_defaults(void **state)
{
	(void)state;
	char why[WHY];
	struct policy *p = policy_of(RULE("a", "events = [ \"any\" ];"));
	struct policy_facts f = facts_of(POLICY_EVENTS);
	assert_int_equal(policy_decide(p, &f).number, 1);
	assert_true(policy_why_not(p, 0, &f, why, sizeof(why)));
	assert_non_null(strstr(why, "event is unknown, the rule wants credential-replaced, "));
	f.event = POLICY_AGE;
	f.kind = POLICY_KINDS;
	assert_int_equal(policy_decide(p, &f).number, 1);
	f.kind = POLICY_PSK;
	f.channel = (enum policy_channel)77;
	assert_int_equal(policy_decide(p, &f).number, 1);
	f.channel = POLICY_UDP_DTLS;
	assert_int_equal(policy_decide(p, &f).number, 0);
	policy_free(p);
}

static void test_what_is_said_fits_its_room_and_is_cut(void **state)
{
	(void)state;
	char why[WHY], small[8];
	struct policy *p = policy_of(RULE("a", "events = [ \"age\" ];"));
	const struct policy_facts f = facts_of(POLICY_IDLE);
	assert_true(policy_why_not(p, 0, &f, why, sizeof(why)));
	assert_string_equal(why, "event is idle, the rule wants age");
	memset(small, 'x', sizeof(small));
	assert_true(policy_why_not(p, 0, &f, small, 6));
	assert_string_equal(small, "event");
	assert_int_equal(small[6], 'x');
	assert_true(policy_why_not(p, 0, &f, small, 1));
	assert_string_equal(small, "");
	assert_false(policy_why_not(p, 1, &f, why, sizeof(why)));
	assert_string_equal(why, "");
	policy_free(p);
}

static void test_a_decision_is_said_in_the_words_of_the_file(void **state)
{
	(void)state;
	char text[128];
	struct policy_decision d = {
		.device = { .action = POLICY_DRAIN, .bound_s = 30 },
		.upstream = { .action = POLICY_KEEP, .bound_s = 9, .until_registration = true },
		.refuse_resumption = true,
		.alert = true,
	};
	assert_string_equal(policy_decision_say(&d, text, sizeof(text)),
		"device drain within 30 s, upstream keep for 9 s or until the registration ends, "
		"resumption refused, alert");
	d = (struct policy_decision){
		.device = { .action = POLICY_REKEY_ON_WAKE, .bound_s = 5 },
		.upstream = { .action = POLICY_KEEP, .until_registration = true },
	};
	assert_string_equal(policy_decision_say(&d, text, sizeof(text)),
		"device rekey-on-wake within 5 s, upstream keep until the registration ends, "
		"resumption kept");
	d.device = (struct policy_leg){ .action = POLICY_QUARANTINE, .bound_s = 60 };
	assert_string_equal(policy_leg_say(&d.device, text, sizeof(text)), "quarantine for 60 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R209_every_kind_of_change_has_a_word_of_its_own),
		cmocka_unit_test(test_R208_every_event_can_have_every_decision),
		cmocka_unit_test(test_R208_where_no_rule_matches_the_default_decides),
		cmocka_unit_test(test_R211_resumption_is_refused_unless_both_legs_are_kept),
		cmocka_unit_test(test_R208_who_and_which_state_are_conditions),
		cmocka_unit_test(test_a_name_shorter_than_its_pattern_does_not_fit),
		cmocka_unit_test(test_R208_labels_are_conditions),
		cmocka_unit_test(test_R208_numbers_are_conditions_and_both_ends_are_included),
		cmocka_unit_test(test_the_next_bound_is_when_to_ask_again),
		cmocka_unit_test(test_facts_of_no_known_kind_are_the_defaults),
		cmocka_unit_test(test_what_is_said_fits_its_room_and_is_cut),
		cmocka_unit_test(test_a_decision_is_said_in_the_words_of_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
