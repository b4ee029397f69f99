/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "chronicle_kit.h"
#include "sms/keyset.h"

static const char *line_of(const struct gw_entry *e)
{
	static char line[GW_ENTRY_LINE + 1];
	const size_t len = gw_entry_line(e, line, GW_ENTRY_LINE);
	assert_true(len > 0);
	line[len] = '\0';
	return line;
}

static void test_R223_a_line_says_who_what_why_and_what_came_of_it(void **state)
{
	(void)state;
	assert_string_equal(kit_line(7),
		"{\"time\":\"2026-09-21T14:13:20.123Z\",\"endpoint\":\"meter-1\","
		"\"event\":\"credential-revoked\",\"rule\":\"withdrawn\","
		"\"reason\":\"the credential was withdrawn\","
		"\"device\":{\"action\":\"teardown\"},"
		"\"upstream\":{\"action\":\"drain\",\"within_s\":60},"
		"\"resumption\":\"refuse\",\"alert\":false,\"old_generation\":7,"
		"\"new_generation\":9,\"asleep\":false,\"outcome\":\"done\"}\n");
}

static void test_bounds_are_called_as_in_the_policys_file(void **state)
{
	(void)state;
	struct gw_entry e = kit_entry(1);
	e.device = (struct policy_leg){
		.action = POLICY_KEEP, .bound_s = 3600, .until_registration = true
	};
	e.upstream = (struct policy_leg){ .action = POLICY_KEEP };
	assert_non_null(strstr(line_of(&e),
		"\"device\":{\"action\":\"keep\",\"for_s\":3600,\"until_registration\":true},"
		"\"upstream\":{\"action\":\"keep\"},"));
	e.device = (struct policy_leg){ .action = POLICY_QUARANTINE, .bound_s = 5 };
	assert_non_null(strstr(line_of(&e), "{\"action\":\"quarantine\",\"for_s\":5}"));
	e.device = (struct policy_leg){ .action = POLICY_REKEY_ON_WAKE, .bound_s = 30 };
	assert_non_null(strstr(line_of(&e), "{\"action\":\"rekey-on-wake\",\"within_s\":30}"));
}

static void test_every_event_and_outcome_has_its_word(void **state)
{
	(void)state;
	struct gw_entry e = kit_entry(1);
	char wanted[64];
	for (int i = 0; i < POLICY_EVENTS; i++) {
		e.event = (enum policy_event)i;
		(void)snprintf(
			wanted, sizeof(wanted), "\"event\":\"%s\"", policy_event_word(e.event));
		assert_non_null(strstr(line_of(&e), wanted));
	}
	static const char *const outcomes[] = { "decided", "done", "kept", "failed" };
	for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
		e.outcome = (enum gw_outcome)i;
		(void)snprintf(wanted, sizeof(wanted), "\"outcome\":\"%s\"}\n", outcomes[i]);
		assert_non_null(strstr(line_of(&e), wanted));
	}
	e.asleep = e.alert = true;
	e.refuse_resumption = false;
	assert_non_null(strstr(line_of(&e), "\"resumption\":\"keep\",\"alert\":true"));
	assert_non_null(strstr(line_of(&e), "\"asleep\":true"));
}

/* A name that a stranger has chosen neither ends the line nor begins another member. */
static void test_I7_a_hostile_name_stays_inside_its_quotes(void **state)
{
	(void)state;
	struct gw_entry e = kit_entry(1);
	(void)snprintf(e.endpoint, sizeof(e.endpoint), "a\",\"alert\":true}\n{\x1b[2J\\\xff\x7f");
	const char *const line = line_of(&e);
	assert_non_null(strstr(line, "\"endpoint\":\"a\\\",\\\"alert\\\":true}\\u000a{"
				     "\\u001b[2J\\\\\\ufffd\\u007f\",\"event\""));
	assert_int_equal(kit_count(line, "\n"), 1);
	for (const char *at = line; at[1] != '\0'; at++)
		assert_true(*at >= 0x20 && *at < 0x7f);
}

static void test_the_longest_entry_has_a_line(void **state)
{
	(void)state;
	struct gw_entry e = kit_entry(UINT64_MAX);
	memset(e.endpoint, 0xff, sizeof(e.endpoint) - 1);
	memset(e.reason, 0x01, sizeof(e.reason) - 1);
	memset(e.rule, 0xff, sizeof(e.rule) - 1);
	e.device = e.upstream = (struct policy_leg){
		.action = POLICY_REKEY_ON_WAKE, .bound_s = UINT32_MAX, .until_registration = true
	};
	e.event = POLICY_REGISTRATION_EXPIRED;
	e.new_generation = UINT64_MAX;
	e.wall_ms = UINT64_MAX;
	const size_t len = strlen(line_of(&e));
	assert_true(len > 2000);
	assert_non_null(strstr(line_of(&e), "{\"time\":"));
	/* Whole or not there. */
	char line[GW_ENTRY_LINE] = "";
	assert_int_equal(gw_entry_line(&e, line, len - 1), 0);
	assert_int_equal(line[0], '\0');
	assert_int_equal(gw_entry_line(&e, line, len), len);
}

static void test_S31_what_is_learned_has_lines_of_its_own(void **state)
{
	(void)state;
	static const char *const words[] = { "credential-staged", "credential-armed",
		"credential-learned", "learning-refused", "learning-lapsed" };
	struct gw_entry e = { .wall_ms = kit_entry(7).wall_ms,
		.kind = GW_ENTRY_LEARNED,
		.credential = STORE_CRED_RAW_KEY,
		.endpoint = "meter-1",
		.reason = "the device has proved it",
		.new_generation = 9 };
	assert_string_equal(line_of(&e),
		"{\"time\":\"2026-09-21T14:13:20.123Z\",\"endpoint\":\"meter-1\","
		"\"event\":\"credential-learned\",\"kind\":\"public_key\","
		"\"reason\":\"the device has proved it\",\"generation\":9}\n");
	for (int i = 0; i < (int)COUNT_OF(words); i++) {
		e.kind = GW_ENTRY_STAGED + (enum gw_entry_kind)i;
		assert_non_null(strstr(line_of(&e), words[i]));
	}
	e.credential = GW_ENTRY_NO_CREDENTIAL;
	e.new_generation = 0;
	assert_null(strstr(line_of(&e), "\"kind\""));
	assert_null(strstr(line_of(&e), "generation"));
}

static void test_R317_what_becomes_of_keys_has_lines_of_its_own(void **state)
{
	(void)state;
	struct gw_entry e = { .wall_ms = kit_entry(7).wall_ms,
		.kind = GW_ENTRY_SMS_KEYS,
		.was = KEYSET_REFRESHING,
		.is = KEYSET_FAILED,
		.endpoint = "meter-1",
		.reason = "bsf-down",
		.new_generation = 3 };
	assert_string_equal(line_of(&e),
		"{\"time\":\"2026-09-21T14:13:20.123Z\",\"endpoint\":\"meter-1\","
		"\"event\":\"sms-keys\",\"was\":\"refreshing\",\"is\":\"failed\","
		"\"generation\":3,\"cause\":\"bsf-down\"}\n");
	e.reason[0] = '\0';
	e.new_generation = 0;
	assert_string_equal(line_of(&e),
		"{\"time\":\"2026-09-21T14:13:20.123Z\",\"endpoint\":\"meter-1\","
		"\"event\":\"sms-keys\",\"was\":\"refreshing\",\"is\":\"failed\","
		"\"generation\":0,\"cause\":null}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R223_a_line_says_who_what_why_and_what_came_of_it),
		cmocka_unit_test(test_bounds_are_called_as_in_the_policys_file),
		cmocka_unit_test(test_every_event_and_outcome_has_its_word),
		cmocka_unit_test(test_I7_a_hostile_name_stays_inside_its_quotes),
		cmocka_unit_test(test_the_longest_entry_has_a_line),
		cmocka_unit_test(test_S31_what_is_learned_has_lines_of_its_own),
		cmocka_unit_test(test_R317_what_becomes_of_keys_has_lines_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
