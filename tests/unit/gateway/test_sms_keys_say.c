/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a change of keys: to the chronicle, and by it to the log, with limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "chronicle_kit.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_keys_say.h"
#include "gateway/worker.h"

static void say(struct kit *k, const struct gw_keys_change *x)
{
	const struct gw_shared s = { .chronicle = gw_chronicle_inbox(k->chronicle) };
	gw_keys_say(&s, &k->log, "urn:a", x);
	gw_chronicle_serve(k->chronicle);
}

static void test_R317_another_state_and_a_cause_are_told(void **state)
{
	struct kit *const k = *state;
	struct gw_keys_change x = { .event = KEYSET_PROVED,
		.was = KEYSET_DELIVERED,
		.is = KEYSET_CONFIRMED,
		.moved = true,
		.generation = 4 };
	kit_open(k, true, false);
	say(k, &x);
	assert_int_equal(
		kit_count(kit_read(k->file), "\"urn:a\",\"event\":\"sms-keys\","
					     "\"was\":\"delivered\",\"is\":"
					     "\"confirmed\",\"generation\":4,\"cause\":null}\n"),
		1);
	assert_non_null(strstr(
		kit_log(k), "endpoint=urn:a was=delivered is=confirmed generation=4 cause=none\n"));
	x.event = KEYSET_REFUSED;
	x.was = KEYSET_REFRESHING;
	x.is = KEYSET_FAILED;
	(void)snprintf(x.cause, sizeof(x.cause), "%s", "bsf-no-subscriber");
	say(k, &x);
	assert_non_null(strstr(kit_read(k->file), "\"is\":\"failed\",\"generation\":4,"
						  "\"cause\":\"bsf-no-subscriber\"}\n"));
	assert_non_null(strstr(kit_log(k), "cause=bsf-no-subscriber\n"));
	x.event = KEYSET_UNSENT;
	x.was = x.is = KEYSET_FRESH;
	say(k, &x);
	assert_non_null(strstr(kit_read(k->file), "\"was\":\"fresh\",\"is\":\"fresh\","));
}

static void test_what_changes_nothing_is_not_told(void **state)
{
	struct kit *const k = *state;
	const struct gw_keys_change x = { .event = KEYSET_HEARD,
		.was = KEYSET_CONFIRMED,
		.is = KEYSET_CONFIRMED,
		.cause = "bsf-down" };
	const struct gw_shared nobody = { .chronicle = NULL };
	kit_open(k, true, false);
	say(k, &x);
	assert_int_equal(kit_facts(k).entries, 0);
	assert_null(strstr(kit_log(k), "sms-keys"));
	k->log.level = LOG_LEVEL_DEBUG;
	say(k, &x);
	gw_keys_say(&nobody, &k->log, "urn:b", &x);
	assert_int_equal(kit_facts(k).entries, 0);
	assert_int_equal(kit_count(kit_log(k), "is=confirmed generation=0 event=\"heard\""), 2);
}

static void test_the_log_has_a_bound_the_chronicle_has_all(void **state)
{
	struct kit *const k = *state;
	struct gw_keys_change x = { .was = KEYSET_STALE, .is = KEYSET_REFRESHING, .moved = true };
	kit_open(k, true, false);
	for (unsigned i = 0; i < 40; i++)
		say(k, &x);
	assert_int_equal(kit_facts(k).entries, 40);
	assert_int_equal(kit_count(kit_read(k->file), "\"sms-keys\""), 40);
	assert_int_equal(kit_count(kit_log(k), "is=refreshing"), 10);
	/* A failure is not behind what went well. */
	(void)snprintf(x.cause, sizeof(x.cause), "%s", "not-proved");
	say(k, &x);
	assert_int_equal(kit_count(kit_log(k), "cause=not-proved"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_R317_another_state_and_a_cause_are_told, kit_make, kit_remove),
		cmocka_unit_test_setup_teardown(
			test_what_changes_nothing_is_not_told, kit_make, kit_remove),
		cmocka_unit_test_setup_teardown(
			test_the_log_has_a_bound_the_chronicle_has_all, kit_make, kit_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
