/* SPDX-License-Identifier: Apache-2.0 */
/* Quarantine and its ends; decisions that do nothing but alert; a store that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "court.h"
#include "gateway/session.h"

#define REPLACED "\"credential-replaced\""
#define EXPIRED  "\"credential-expired\""

/* --- quarantine ------------------------------------------------------------------------------- */

static const char quarantine[] = "{ action = \"quarantine\"; for_s = 600; }";

static void told_unavailable(struct town *t, size_t socket)
{
	const size_t heard = t->devices.messages, up = t->server.messages;
	town_update(t, socket);
	town_until(t, &t->devices.messages, heard + 1);
	assert_int_equal(t->devices.code, COURT_UNAVAILABLE);
	town_turns(t, COURT_QUIET_TURNS);
	assert_int_equal(t->server.messages, up);
}

static void test_R218_quarantine_until_its_bound(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct town *t = court_new(court_rules(EXPIRED, quarantine, "\"teardown\"", ""));
		const size_t socket = town_registered(t, 0, 0);
		town_settle(t);
		court_change(t, 0, court_expire);
		town_until(t, &t->server.downs, 1);
		told_unavailable(t, socket);
		court_assert_said(t, GW_DONE, POLICY_CRED_EXPIRED, false);
		if (how == 1)
			town_night(t);
		if (how == 2)
			town_restart(t, TOWN_KILLED);
		town_pass(300000);
		told_unavailable(t, socket);
		town_settle(t);
		court_assert_silent(t);
		assert_int_equal(t->server.ups, 1);
		town_pass(301000);
		if (how > 0)
			town_update(t, socket);
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		assert_int_equal(store_stats(t->store).sessions, 0);
		court_free(t);
	}
}

static void test_quarantine_ends_when_its_reason_is_gone(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t = court_new(court_rules(EXPIRED, quarantine, "\"teardown\"", ""));
		const size_t socket = town_registered(t, 0, 0);
		struct store_verdict v;
		town_settle(t);
		court_change(t, 0, court_expire);
		town_until(t, &t->server.downs, 1);
		told_unavailable(t, socket);
		court_assert_said(t, GW_DONE, POLICY_CRED_EXPIRED, false);
		if (how == 1)
			town_night(t);
		court_change(t, 0, court_prolong);
		town_settle(t);
		town_updated(t, socket);
		town_settle(t);
		assert_int_equal(t->server.ups, 2);
		assert_true(court_verdict(t, 0, &v));
		assert_int_equal(v.device, POLICY_KEEP);
		town_pass(700000);
		town_updated(t, socket);
		assert_int_equal(t->devices.downs, 0);
		court_free(t);
	}
}

/* The server's key is another again, and nothing else has changed: the next link will show. */
static void test_R218_quarantine_for_the_servers_sake(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t = court_new(
			court_rules("\"server-distrusted\"", quarantine, "\"teardown\"", ""));
		const size_t socket = town_registered(t, 0, 0);
		struct gw_entry e;
		court_material(t);
		town_settle(t);
		court_wave(t, COURT_SERVER);
		told_unavailable(t, socket);
		town_until(t, &t->server.downs, 1);
		court_assert_said(t, GW_DONE, POLICY_SERVER_DISTRUSTED, false);
		if (how)
			town_night(t);
		court_wave(t, COURT_SERVER);
		town_updated(t, socket);
		assert_int_equal(t->server.ups, 2);
		town_settle(t);
		assert_true(court_entry(t, &e));
		assert_int_equal(e.outcome, GW_DONE);
		assert_int_equal(e.device.action, POLICY_KEEP);
		court_assert_silent(t);
		court_free(t);
	}
}

/* --- alert-only, resumption, the store -------------------------------------------------------- */

static void test_alert_only_changes_nothing(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(REPLACED, "\"alert-only\"", "\"alert-only\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	struct gw_entry e;
	town_settle(t);
	town_replace_key(t, 0);
	town_settle(t);
	assert_true(court_entry(t, &e));
	assert_true(e.alert);
	assert_int_equal(e.outcome, GW_KEPT);
	court_sweep(t, 0);
	town_updated(t, socket);
	court_assert_silent(t);
	assert_int_equal(t->devices.downs + t->server.downs, 0);
	court_free(t);
}

static void test_a_store_that_fails_tears_down(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(REPLACED, "\"keep\"", "\"keep\"", ""));
	(void)town_registered(t, 0, 0);
	struct gw_entry e;
	town_settle(t);
	town_hush(t);
	t->workers[0]->paced_us = UINT64_MAX;
	t->conf.policy_pace = 1;
	town_replace_key(t, 0);
	town_turns(t, 2);
	town_fail(t, STORE_BROKEN, 100);
	court_sweep(t, 0);
	town_until(t, &t->devices.downs, 1);
	assert_true(court_entry(t, &e));
	assert_int_equal(e.outcome, GW_FAILED);
	court_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R218_quarantine_until_its_bound),
		cmocka_unit_test(test_quarantine_ends_when_its_reason_is_gone),
		cmocka_unit_test(test_R218_quarantine_for_the_servers_sake),
		cmocka_unit_test(test_alert_only_changes_nothing),
		cmocka_unit_test(test_a_store_that_fails_tears_down),
	};
	return cmocka_run_group_tests_name("gateway/judge quarantine", tests, NULL, NULL);
}
