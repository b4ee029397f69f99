/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions that make no sense for their leg, their events or their conditions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "policy/policy.h"
#include "rig.h"

struct row {
	const char *conditions, *device, *upstream;
	const char *error; /* NULL: it makes sense */
};

#define ANY  "events = \"any\";"
#define WORD "{ action = "

static void look(const struct row *r)
{
	char text[1024];
	(void)snprintf(text, sizeof(text), "{ name = \"a\"; %s device =\n%s; upstream =\n%s; }",
		r->conditions, r->device, r->upstream);
	if (r->error == NULL) {
		policy_free(policy_of(text));
		return;
	}
	const char *error = error_of(text);
	if (strstr(error, r->error) == NULL)
		fail_msg("%s\nis refused with\n%s\nand not\n%s", text, error, r->error);
	assert_non_null(strstr(error, "rule \"a\": "));
	assert_non_null(strchr(error, ';'));
}

static void look_all(const struct row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++)
		look(&rows[i]);
}

static void test_R208_a_bound_is_of_the_actions_that_have_one(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ ANY, "\"drain\"", "\"keep\"",
			"device: drain has no bound; write device = { action = \"drain\"; "
			"within_s" },
		{ ANY, "\"keep\"", "\"drain\"", "upstream: drain has no bound; write upstream = " },
		{ ANY, WORD "\"drain\"; for_s = 3; }", "\"keep\"",
			"for_s is of keep and quarantine, not of drain; remove it" },
		{ ANY, WORD "\"teardown\"; within_s = 3; }", "\"keep\"",
			"within_s is of drain and rekey-on-wake, not of teardown; remove it" },
		{ ANY, WORD "\"keep\"; within_s = 3; }", "\"keep\"", "within_s is of drain and" },
		{ ANY, WORD "\"keep\"; for_s = 3; within_s = 3; }", "\"keep\"", "within_s is of" },
		{ ANY, WORD "\"teardown\"; for_s = 3; }", "\"keep\"", "for_s is of keep and" },
		{ ANY, WORD "\"rekey-on-wake\"; for_s = 3; }", "\"keep\"", "for_s is of keep and" },
		{ ANY, "\"keep\"", WORD "\"teardown\"; for_s = 3; }",
			"upstream: for_s is of keep and quarantine" },
		{ ANY, "\"quarantine\"", "\"teardown\"",
			"device: quarantine has no bound; write device = { action = " },
		{ ANY, WORD "\"drain\"; within_s = 0; }", "\"keep\"",
			"within_s: 0 is out of range; use 1 to 86400 s" },
		{ ANY, WORD "\"drain\"; within_s = 86401; }", "\"keep\"", "is out of range" },
		{ ANY, WORD "\"drain\"; within_s = 86400; }", "\"keep\"", NULL },
		{ ANY, WORD "\"keep\"; for_s = 3; }", WORD "\"keep\"; for_s = 4; }", NULL },
		{ ANY, WORD "\"quarantine\"; for_s = 3; }", "\"teardown\"", NULL },
	};
	look_all(rows, COUNT_OF(rows));
}

static void test_R208_a_registration_that_is_none_is_no_bound(void **state)
{
	(void)state;
	static const char until[] = WORD "\"keep\"; until_registration = true; }";
	static const char off[] = WORD "\"keep\"; until_registration = false; }";
	const struct row rows[] = {
		{ "events = \"deregistered\";", until, "\"keep\"",
			"device: until_registration: the event is the registration's end; use" },
		{ "events = [ \"deregistered\", \"registration-expired\" ];", "\"keep\"", until,
			"upstream: until_registration: the event is the registration's end" },
		{ "events = \"age\";", until, "\"keep\"",
			"until_registration needs a registration; add the condition registered" },
		{ "events = \"age\"; registered = false;", until, "\"keep\"",
			"needs a registration" },
		{ "events = \"age\"; registered = true;", until, until, NULL },
		{ "events = [ \"age\", \"deregistered\" ]; registered = true;", until, until,
			NULL },
		{ "events = \"deregistered\";", off, "\"keep\"", NULL },
		{ ANY, WORD "\"drain\"; within_s = 3; until_registration = true; }", "\"keep\"",
			"until_registration is of keep, not of drain; remove it" },
	};
	look_all(rows, COUNT_OF(rows));
}

static void test_R208_actions_of_the_device_are_none_of_the_server(void **state)
{
	(void)state;
	static const char quarantine[] = WORD "\"quarantine\"; for_s = 60; }";
	static const char drain[] = WORD "\"drain\"; within_s = 60; }";
	const struct row rows[] = {
		{ ANY, "\"keep\"", "\"rekey-on-wake\"",
			"upstream: rekey-on-wake is of devices, a server does not sleep; use "
			"drain" },
		{ ANY, "\"keep\"", quarantine,
			"upstream: quarantine is of the device's leg; write device = " },
		{ ANY, quarantine, "\"keep\"",
			"upstream: a device in quarantine has no upstream leg; write upstream = " },
		{ ANY, quarantine, drain, "upstream: a device in quarantine has no" },
		{ "events = \"idle\"; upstream_state = \"down\";", "\"keep\"", drain,
			"upstream: a leg that is down has nothing to drain; use teardown or keep" },
		{ "events = \"idle\"; upstream_state = \"up\";", "\"keep\"", drain, NULL },
		{ ANY, "\"keep\"", "\"alert-only\"", "alert-only is of both legs, as it does" },
		{ ANY, "\"alert-only\"", "\"keep\"", "alert-only is of both legs, as it does" },
		{ ANY, "\"alert-only\"", "\"alert-only\"", NULL },
	};
	look_all(rows, COUNT_OF(rows));
}

static void test_R208_what_sleeps_has_nothing_to_drain_and_what_is_awake_does_not_wake(void **state)
{
	(void)state;
	static const char drain[] = WORD "\"drain\"; within_s = 60; }";
	const struct row rows[] = {
		{ "events = \"idle\"; state = \"asleep\";", drain, "\"keep\"",
			"device: a session that is asleep has nothing to drain; use teardown or" },
		{ "events = \"idle\"; state = \"awake\";", drain, "\"keep\"", NULL },
		{ "events = \"idle\"; state = \"awake\";", "\"rekey-on-wake\"", "\"keep\"",
			"device: rekey-on-wake is for sessions that sleep, the rule is for those" },
		{ "events = \"idle\"; state = \"asleep\";", "\"rekey-on-wake\"", "\"keep\"", NULL },
		{ ANY, "\"rekey-on-wake\"", "\"keep\"", NULL },
		{ "events = \"nosec\";", "\"rekey-on-wake\"", "\"keep\"",
			"device: rekey-on-wake needs DTLS, which nothing that meets the "
			"conditions" },
		{ "events = \"moved\"; channel = \"udp-nosec\";", "\"rekey-on-wake\"", "\"keep\"",
			"rekey-on-wake needs DTLS" },
		{ "events = \"moved\"; channel = [ \"udp-nosec\", \"sms-packet\" ];",
			"\"rekey-on-wake\"", "\"keep\"", "rekey-on-wake needs DTLS" },
		{ "events = \"moved\"; kind = [ \"sms\", \"none\" ];", "\"rekey-on-wake\"",
			"\"keep\"", "rekey-on-wake needs DTLS" },
		{ "events = \"moved\"; channel = [ \"udp-nosec\", \"sms-dtls\" ];",
			"\"rekey-on-wake\"", "\"keep\"", NULL },
	};
	look_all(rows, COUNT_OF(rows));
}

static void test_R211_nothing_comes_back_under_an_old_credential(void **state)
{
	(void)state;
	static const enum policy_event of_credentials[] = { POLICY_CRED_REPLACED,
		POLICY_CRED_REVOKED, POLICY_CRED_EXPIRED, POLICY_CERT_REVOKED,
		POLICY_ANCHOR_REMOVED, POLICY_MAPPING_CHANGED, POLICY_OWN_CHANGED,
		POLICY_SMS_KEY_STALE };
	bool of[POLICY_EVENTS] = { false };
	for (size_t i = 0; i < COUNT_OF(of_credentials); i++)
		of[of_credentials[i]] = true;
	for (int e = 0; e < POLICY_EVENTS; e++) {
		char conditions[128];
		(void)snprintf(conditions, sizeof(conditions),
			"resumption = \"keep\"; events = [ \"%s\" ];",
			policy_event_word((enum policy_event)e));
		const struct row kept = { conditions, "\"keep\"", "\"teardown\"", NULL };
		struct row ended = { conditions, "\"teardown\"", "\"keep\"", NULL };
		if (of[e])
			ended.error = "where the device's leg is not: it would come back under the "
				      "old credential; write refuse";
		if (e == POLICY_AGE)
			ended.error = "a resumed session is as old as before; write refuse";
		look(&kept);
		look(&ended);
	}
	const struct row any = { ANY " resumption = \"keep\";", "\"teardown\"", "\"keep\"",
		"resumption: cannot be kept after credential-replaced where the" };
	look(&any);
}

static void test_alert_only_alerts_and_nothing_else(void **state)
{
	(void)state;
	static const char only[] = "\"alert-only\"";
	const struct row rows[] = {
		{ ANY " alert = false;", only, only,
			"alert: is false, but alert-only does nothing else; use keep" },
		{ ANY " resumption = \"refuse\";", only, only,
			"resumption: is refused, but alert-only changes nothing; use keep" },
		{ ANY " alert = true; resumption = \"keep\";", only, only, NULL },
	};
	look_all(rows, COUNT_OF(rows));
}

/* The default has no conditions: it must make sense for all facts. */
static void test_R208_the_default_makes_sense_for_all_facts(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "device = { action = \"keep\"; until_registration = true; }; upstream = "
		  "\"keep\";",
			"default: device: until_registration needs a registration; " },
		{ "device = \"teardown\"; upstream = \"keep\"; resumption = \"keep\";",
			"default: resumption: cannot be kept after credential-replaced" },
		{ "device = \"drain\"; upstream = \"keep\";",
			"default: device: drain has no bound" },
		{ "device = \"keep\"; upstream = \"rekey-on-wake\";",
			"default: upstream: rekey-on-wake is of devices" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[512];
		(void)snprintf(text, sizeof(text), "policy = { rules = ( ); default = { %s }; };",
			rows[i].text);
		const char *error = error_of_text(text);
		if (strstr(error, rows[i].error) == NULL)
			fail_msg("%s: %s", rows[i].text, error);
	}
}

/* its associations end; the devices' may stay, and are told 5.03. R-217: so for the
   gateway's own. */
static void test_R217_R218_legs_are_decided_apart(void **state)
{
	(void)state;
	struct policy *p = policy_of(
		"{ name = \"server\"; events = \"server-distrusted\"; device = { action = "
		"\"quarantine\"; for_s = 60; }; upstream = \"teardown\"; },"
		"{ name = \"own\"; events = \"own-credential-changed\"; device = "
		"\"rekey-on-wake\"; "
		"upstream = { action = \"drain\"; within_s = 9; }; }");
	struct policy_facts f = facts_of(POLICY_SERVER_DISTRUSTED);
	struct policy_decision d = policy_decide(p, &f);
	assert_int_equal(d.device.action, POLICY_QUARANTINE);
	assert_int_equal(d.device.bound_s, 60);
	assert_int_equal(d.upstream.action, POLICY_TEARDOWN);
	f.event = POLICY_OWN_CHANGED;
	d = policy_decide(p, &f);
	assert_int_equal(d.device.action, POLICY_REKEY_ON_WAKE);
	assert_int_equal(d.upstream.action, POLICY_DRAIN);
	assert_true(d.refuse_resumption);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R208_a_bound_is_of_the_actions_that_have_one),
		cmocka_unit_test(test_R208_a_registration_that_is_none_is_no_bound),
		cmocka_unit_test(test_R208_actions_of_the_device_are_none_of_the_server),
		cmocka_unit_test(
			test_R208_what_sleeps_has_nothing_to_drain_and_what_is_awake_does_not_wake),
		cmocka_unit_test(test_R211_nothing_comes_back_under_an_old_credential),
		cmocka_unit_test(test_alert_only_alerts_and_nothing_else),
		cmocka_unit_test(test_R208_the_default_makes_sense_for_all_facts),
		cmocka_unit_test(test_R217_R218_legs_are_decided_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
