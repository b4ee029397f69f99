/* SPDX-License-Identifier: Apache-2.0 */
/* A policy decides of sessions that sleep: with their next record at the latest, before anything of
   it goes on (S28, S30); what the sweep has found is noted, and decided once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "court.h"
#include "gateway/session.h"
#include "io/inbox.h"

#define REVOKED  "\"credential-revoked\""
#define REPLACED "\"credential-replaced\""
#define EXPIRED  "\"credential-expired\""
#define MAPPING  "\"mapping-changed\""

static const char drain[] = "{ action = \"drain\"; within_s = 600; }";

/* Awake and asleep, swept before it wakes or not, and killed between. */
enum { SWEPT = 1, KILLED = 2, HOWS = 4 };

static void befall(struct town *t, int how)
{
	if (how & SWEPT)
		court_sweep(t, 0);
	if (how & KILLED)
		town_restart(t, TOWN_KILLED);
}

static void test_S30_a_sleepers_next_record_goes_nowhere(void **state)
{
	(void)state;
	static const char *const device[] = { "\"teardown\"", drain, "\"rekey-on-wake\"" };
	for (int how = 0; how < 3 * HOWS; how++) {
		struct town *t =
			court_new(court_rules(REPLACED, device[how / HOWS], "\"keep\"", ""));
		const size_t socket = town_registered(t, 0, 0);
		struct store_session row;
		town_night(t);
		town_replace_key(t, 0);
		befall(t, how);
		const size_t up = t->server.messages, down = t->devices.messages;
		town_update(t, socket);
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		assert_int_equal(t->server.messages, up);
		assert_int_equal(t->devices.messages, down);
		assert_int_equal(t->server.downs, 0);
		assert_true(town_row(t, 0, &row));
		assert_true(row.registered && row.device == STORE_NO_SLOT);
		assert_int_not_equal(row.link, STORE_NO_SLOT);
		if (how & SWEPT)
			court_assert_said(t, GW_DECIDED, POLICY_CRED_REPLACED, true);
		court_assert_said(t, GW_DONE, POLICY_CRED_REPLACED, true);
		court_assert_silent(t);
		court_free(t);
	}
}

/* The server hears goodbye: at once when the sweep has come, otherwise when the device wakes. */
static void test_R214_teardown_of_a_sleeper_on_both_legs(void **state)
{
	(void)state;
	for (int how = 0; how < HOWS; how++) {
		struct town *t =
			court_new(court_rules(REVOKED, "\"teardown\"", "\"teardown\"", ""));
		const size_t socket = town_registered(t, 0, 0);
		town_night(t);
		town_revoke(t, 0);
		befall(t, how);
		if (how & SWEPT)
			town_until(t, &t->server.downs, 1);
		assert_int_equal(t->devices.downs, 0);
		assert_int_equal(town_awake(t), 0);
		const size_t up = t->server.messages;
		town_update(t, socket);
		town_until(t, &t->devices.downs, 1);
		town_until(t, &t->server.downs, 1);
		town_settle(t);
		assert_int_equal(t->server.messages, up);
		assert_int_equal(town_awake(t), 0);
		assert_int_equal(store_stats(t->store).associations, 0);
		assert_int_equal(store_stats(t->store).sessions, 0);
		if (how & SWEPT)
			court_assert_said(t, GW_DECIDED, POLICY_CRED_REVOKED, true);
		court_assert_said(t, GW_DONE, POLICY_CRED_REVOKED, true);
		court_assert_silent(t);
		town_assert_nonces(&t->devices);
		town_assert_nonces(&t->server);
		court_free(t);
	}
}

/* What the server says wakes nobody that is to go. */
static void test_S28_the_servers_record_wakes_nobody(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(REVOKED, "\"teardown\"", "\"teardown\"", ""));
	(void)town_registered(t, 0, 0);
	town_night(t);
	town_revoke(t, 0);
	const size_t down = t->devices.messages;
	town_ask(t, 0);
	town_until(t, &t->server.downs, 1);
	town_settle(t);
	assert_int_equal(t->devices.messages, down);
	assert_int_equal(town_awake(t), 0);
	court_free(t);
}

static void test_R215_keep_is_noted_once(void **state)
{
	(void)state;
	for (int how = 0; how < HOWS; how++) {
		struct town *t = court_new(court_rules(REPLACED, "\"keep\"", "\"keep\"", ""));
		const size_t socket = town_registered(t, 0, 0);
		struct store_verdict v;
		town_night(t);
		town_replace_key(t, 0);
		befall(t, how);
		town_updated(t, socket);
		town_settle(t);
		court_assert_said(t, GW_KEPT, POLICY_CRED_REPLACED, how & SWEPT);
		assert_true(court_verdict(t, 0, &v));
		assert_true(v.done);
		for (int i = 0; i < 2; i++) {
			court_sweep(t, 0);
			town_night(t);
			court_sweep(t, 0);
			town_restart(t, TOWN_KILLED);
			court_sweep(t, 0);
			town_updated(t, socket);
		}
		court_assert_silent(t);
		assert_int_equal(t->devices.downs + t->server.downs, 0);
		town_assert_nonces(&t->devices);
		town_assert_nonces(&t->server);
		court_free(t);
	}
}

/* The change came while the gateway was not there. */
static void test_R215_a_change_while_it_was_down(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(REVOKED, "\"teardown\"", "\"teardown\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	t->asleep[0] = true; /* it hears nothing of it, and dies awake */
	town_revoke(t, 0);
	town_restart(t, TOWN_KILLED);
	t->asleep[0] = false;
	const size_t up = t->server.messages;
	town_update(t, socket);
	town_until(t, &t->devices.downs, 1);
	town_settle(t);
	assert_int_equal(t->server.messages, up);
	court_assert_said(t, GW_DONE, POLICY_CRED_REVOKED, true);
	court_assert_silent(t);
	court_free(t);
}

static void test_the_link_of_a_sleeper_is_closed_and_the_device_stays(void **state)
{
	(void)state;
	for (int how = 0; how < HOWS; how++) {
		struct town *t = court_new(court_rules(MAPPING, "\"keep\"", "\"teardown\"", ""));
		const size_t socket = town_registered(t, 0, 0);
		town_night(t);
		court_change(t, 0, court_label);
		befall(t, how);
		if (how & SWEPT)
			town_until(t, &t->server.downs, 1);
		town_updated(t, socket);
		town_settle(t);
		assert_int_equal(t->server.downs, 1);
		assert_int_equal(t->server.ups, 2);
		assert_int_equal(t->devices.downs, 0);
		court_assert_said(t, GW_DONE, POLICY_MAPPING_CHANGED, how & SWEPT);
		for (int i = 0; i < 2; i++) { /* the next link stays */
			town_night(t);
			court_sweep(t, 0);
			town_restart(t, TOWN_KILLED);
			town_updated(t, socket);
		}
		assert_int_equal(t->server.downs, 1);
		assert_int_equal(t->server.ups, 2);
		court_assert_silent(t);
		court_free(t);
	}
}

static void test_R218_a_sleeper_in_quarantine_is_told_so(void **state)
{
	(void)state;
	for (int how = 0; how < HOWS; how++) {
		struct town *t = court_new(court_rules(
			EXPIRED, "{ action = \"quarantine\"; for_s = 600; }", "\"teardown\"", ""));
		const size_t socket = town_registered(t, 0, 0);
		town_night(t);
		court_change(t, 0, court_expire);
		befall(t, how);
		const size_t heard = t->devices.messages, up = t->server.messages;
		town_update(t, socket);
		town_until(t, &t->devices.messages, heard + 1);
		assert_int_equal(t->devices.code, COURT_UNAVAILABLE);
		town_until(t, &t->server.downs, 1);
		town_settle(t);
		assert_int_equal(t->server.messages, up);
		struct gw_entry e;
		assert_true(court_entry(t, &e));
		assert_int_equal(e.event, POLICY_CRED_EXPIRED);
		court_assert_silent(t);
		town_pass(601000); /* and it ends, without a word of its device */
		town_until(t, &t->devices.downs, 1);
		court_assert_said(t, GW_DONE, POLICY_CRED_EXPIRED, false);
		court_free(t);
	}
}

/* Its device shakes hands anew: what was decided of the last association is over. */
static void test_a_new_handshake_begins_anew(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(MAPPING, drain, "\"keep\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	struct store_verdict v;
	town_night(t);
	court_change(t, 0, court_label);
	court_sweep(t, 0);
	assert_true(court_verdict(t, 0, &v));
	court_assert_said(t, GW_DECIDED, POLICY_MAPPING_CHANGED, true);
	town_reboot(t);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 2);
	town_settle(t);
	assert_false(court_verdict(t, 0, &v));
	town_updated(t, socket);
	assert_int_equal(t->devices.downs, 0);
	court_sweep(t, 0);
	court_assert_silent(t);
	court_free(t);
}

/* While a decision is being noted, its device comes: it is let in by that, or not at all. */
static void test_S28_a_record_while_the_decision_is_written(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(REPLACED, "\"keep\"", "\"keep\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	const uint32_t cred = town_cred(0);
	town_night(t);
	town_replace_key(t, 0);
	town_turns(t, 2);
	town_stall(t);
	const size_t up = t->server.messages;
	assert_true(inbox_post(t->inboxes[0], INBOX_SURE, GW_JUDGE, &cred, sizeof(cred)));
	town_turns(t, 2);
	town_update(t, socket);
	town_turns(t, COURT_QUIET_TURNS);
	assert_int_equal(t->server.messages, up);
	town_go_on(t);
	town_settle(t);
	court_assert_said(t, GW_KEPT, POLICY_CRED_REPLACED, true);
	town_updated(t, socket);
	court_assert_silent(t);
	court_free(t);
}

static void test_R211_resumption_is_refused_where_a_rule_says_so(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct town *t = court_new(court_rules(how < 2 ? MAPPING : "\"idle\"",
			how ? "\"rekey-on-wake\"" : "\"keep\"", "\"keep\"",
			how < 2 ? "resumption = \"refuse\";"
				: "resumption = \"keep\"; idle_at_least_s = 100;"));
		const size_t socket = town_registered(t, 0, 0);
		const size_t downs = how > 0;
		town_night(t);
		assert_int_equal(store_stats(t->store).resumable, 1);
		if (how < 2)
			court_change(t, 0, court_label);
		else
			town_pass(230000); /* town_night() goes ahead of the clock */
		town_update(t, socket);
		town_until(t, &t->devices.downs, downs);
		town_settle(t);
		assert_int_equal(t->devices.downs, downs);
		assert_int_equal(store_stats(t->store).resumable, how == 2);
		court_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S30_a_sleepers_next_record_goes_nowhere),
		cmocka_unit_test(test_R214_teardown_of_a_sleeper_on_both_legs),
		cmocka_unit_test(test_S28_the_servers_record_wakes_nobody),
		cmocka_unit_test(test_R215_keep_is_noted_once),
		cmocka_unit_test(test_R215_a_change_while_it_was_down),
		cmocka_unit_test(test_the_link_of_a_sleeper_is_closed_and_the_device_stays),
		cmocka_unit_test(test_R218_a_sleeper_in_quarantine_is_told_so),
		cmocka_unit_test(test_a_new_handshake_begins_anew),
		cmocka_unit_test(test_S28_a_record_while_the_decision_is_written),
		cmocka_unit_test(test_R211_resumption_is_refused_where_a_rule_says_so),
	};
	return cmocka_run_group_tests_name("gateway/judge asleep", tests, NULL, NULL);
}
