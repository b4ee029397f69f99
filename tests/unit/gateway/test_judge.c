/* SPDX-License-Identifier: Apache-2.0 */
/* A policy decides of sessions that are awake: what goes out, what reaches the server, what the
   store has afterwards, what was said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "court.h"
#include "gateway/session.h"

#define REVOKED  "\"credential-revoked\""
#define REPLACED "\"credential-replaced\""
#define MAPPING  "\"mapping-changed\""

/* --- teardown --------------------------------------------------------------------------------- */

static void test_R210_teardown_of_both_legs_leaves_nothing(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(REVOKED, "\"teardown\"", "\"teardown\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	const size_t other = town_registered(t, 1, 0);
	town_settle(t);
	town_revoke(t, 0);
	town_until(t, &t->devices.downs, 1); /* close_notify, to both */
	town_until(t, &t->server.downs, 1);
	assert_null(t->devices.conns[socket]);
	town_settle(t);
	assert_int_equal(store_stats(t->store).associations, 2);
	assert_int_equal(store_stats(t->store).sessions, 1);
	court_assert_said(t, GW_DONE, POLICY_CRED_REVOKED, false);
	court_assert_silent(t);
	town_updated(t, other);
	court_free(t);
}

/* The registration and the link stay for the next handshake of the device (D-5). */
static void test_teardown_of_the_device_leg_keeps_the_link(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(REPLACED, "\"teardown\"", "\"keep\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	struct store_session row;
	town_settle(t);
	town_replace_key(t, 0);
	town_until(t, &t->devices.downs, 1);
	assert_null(t->devices.conns[socket]);
	town_settle(t);
	assert_int_equal(t->server.downs, 0);
	assert_true(town_row(t, 0, &row));
	assert_true(row.registered && row.device == STORE_NO_SLOT && row.link != STORE_NO_SLOT);
	court_assert_said(t, GW_DONE, POLICY_CRED_REPLACED, false);
	court_assert_silent(t);
	court_free(t);
}

/* ... which takes both over; whatever the server says meanwhile. The sweep asks no more. */
static void test_D5_the_next_handshake_takes_the_link_over(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t = court_new(court_rules(MAPPING, "\"teardown\"", "\"keep\"", ""));
		const size_t socket = town_registered(t, 0, 0);
		struct store_verdict v;
		if (how)
			town_night(t);
		else
			town_settle(t);
		court_change(t, 0, court_label);
		if (how)
			town_update(t, socket);
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		town_ask(t, 0);
		town_turns(t, COURT_QUIET_TURNS);
		assert_int_equal(t->server.downs, 0);
		town_connect(t, 0, socket);
		town_until(t, &t->devices.ups, 2);
		town_updated(t, socket);
		assert_int_equal(t->server.ups, 1);
		town_settle(t);
		court_assert_said(t, GW_DONE, POLICY_MAPPING_CHANGED, how);
		if (how)
			town_night(t);
		court_sweep(t, 0);
		town_settle(t);
		assert_true(court_verdict(t, 0, &v));
		court_assert_silent(t);
		town_updated(t, socket);
		assert_int_equal(t->server.ups + t->server.downs, 1);
		court_free(t);
	}
}

static void test_teardown_of_the_link_keeps_the_device(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(MAPPING, "\"keep\"", "\"teardown\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	struct store_verdict v;
	town_settle(t);
	court_change(t, 0, court_label);
	town_until(t, &t->server.downs, 1);
	town_settle(t);
	assert_int_equal(t->devices.downs, 0);
	assert_true(court_verdict(t, 0, &v));
	assert_true(v.done);
	assert_string_equal(v.rule, "one");
	court_assert_said(t, GW_DONE, POLICY_MAPPING_CHANGED, false);
	town_updated(t, socket); /* over another link, which stays */
	assert_int_equal(t->server.ups, 2);
	town_settle(t);
	court_sweep(t, 0);
	town_night(t);
	court_sweep(t, 0);
	town_updated(t, socket);
	assert_int_equal(t->server.downs, 1);
	court_assert_silent(t);
	court_free(t);
}

/* what had come already, and waited, goes nowhere. */
static void test_R212_nothing_passes_between_the_change_and_the_decision(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(REVOKED, "\"teardown\"", "\"teardown\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	const size_t up = t->server.messages, down = t->devices.messages;
	t->asleep[0] = true;
	town_update(t, socket);
	town_ask(t, 0);
	town_revoke(t, 0);
	town_turns(t, 2);
	t->asleep[0] = false;
	town_until(t, &t->devices.downs, 1);
	town_settle(t);
	assert_int_equal(t->server.messages, up);
	assert_int_equal(t->devices.messages, down);
	court_free(t);
}

/* The pace lets nothing be judged at once: the message itself asks. */
static void test_I8_a_suspect_is_judged_before_its_message(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(REVOKED, "\"teardown\"", "\"teardown\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	const size_t up = t->server.messages;
	t->conf.policy_pace = 1;
	t->workers[0]->paced_us = UINT64_MAX;
	town_revoke(t, 0);
	town_turns(t, COURT_QUIET_TURNS);
	assert_int_equal(t->devices.downs, 0);
	assert_true(town_session(t, 0, 0)->suspect);
	town_update(t, socket);
	town_until(t, &t->devices.downs, 1);
	town_settle(t);
	assert_int_equal(t->server.messages, up);
	court_assert_said(t, GW_DONE, POLICY_CRED_REVOKED, false);
	court_free(t);
}

/* --- keep ------------------------------------------------------------------------------------- */

static void test_S28_keep_is_decided_once(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(REPLACED, "\"keep\"", "\"keep\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	struct store_verdict v;
	town_settle(t);
	town_replace_key(t, 0);
	town_settle(t);
	court_assert_said(t, GW_KEPT, POLICY_CRED_REPLACED, false);
	assert_true(court_verdict(t, 0, &v));
	assert_true(v.done && v.until_ms == 0);
	assert_int_equal(v.event, POLICY_CRED_REPLACED);
	town_updated(t, socket);
	for (int how = 0; how < 3; how++) { /* again, asleep, after a kill */
		if (how == 1)
			town_night(t);
		if (how == 2)
			town_restart(t, TOWN_KILLED);
		court_sweep(t, 0);
		town_updated(t, socket);
		court_sweep(t, 0);
	}
	court_assert_silent(t);
	assert_int_equal(t->devices.downs + t->server.downs, 0);
	court_change(
		t, 0, court_label); /* it is by the old key still, but this is new: the default */
	town_settle(t);
	struct gw_entry e;
	assert_true(court_entry(t, &e));
	assert_int_equal(e.event, POLICY_MAPPING_CHANGED);
	assert_int_equal(e.outcome, GW_KEPT);
	court_assert_silent(t);
	court_free(t);
}

static void test_keep_ends_with_its_bound_awake_or_not(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct town *t = court_new(court_rules(
			REPLACED, "{ action = \"keep\"; for_s = 60; }", "\"keep\"", ""));
		const size_t socket = town_registered(t, 0, 0);
		town_settle(t);
		town_replace_key(t, 0);
		town_settle(t);
		court_assert_said(t, GW_KEPT, POLICY_CRED_REPLACED, false);
		town_updated(t, socket);
		if (how > 0)
			town_night(t);
		if (how > 1)
			town_restart(t, TOWN_KILLED);
		town_pass(50000);
		town_updated(t, socket);
		assert_int_equal(t->devices.downs, 0);
		if (how > 0)
			town_night(t);
		const size_t up = t->server.messages;
		town_pass(12000);
		if (how > 0)
			town_update(t, socket);
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		assert_int_equal(t->server.messages, up);
		court_assert_said(t, GW_DONE, POLICY_CRED_REPLACED, how > 0);
		court_assert_silent(t);
		court_free(t);
	}
}

/* What was decided of the last association does not end the new one. */
static void test_a_bound_ends_with_the_association(void **state)
{
	(void)state;
	struct town *t = court_new(
		court_rules(MAPPING, "{ action = \"keep\"; for_s = 60; }", "\"keep\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	t->conf.store_evict_after_s = 3600;
	town_settle(t);
	court_change(t, 0, court_label);
	town_settle(t);
	court_assert_said(t, GW_KEPT, POLICY_MAPPING_CHANGED, false);
	town_reboot(t);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 2);
	town_updated(t, socket);
	town_pass(62000);
	town_turns(t, COURT_QUIET_TURNS);
	town_updated(t, socket);
	assert_int_equal(t->devices.downs, 0);
	court_assert_silent(t);
	court_free(t);
}

/* The link's own bound closes it once, not the next one, too. */
static void test_the_bound_of_a_link_ends_it_once(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t = court_new(
			court_rules(MAPPING, "\"keep\"", "{ action = \"keep\"; for_s = 60; }", ""));
		const size_t socket = town_registered(t, 0, 0);
		t->conf.store_evict_after_s = how ? 60 : 3600;
		town_settle(t);
		court_change(t, 0, court_label);
		town_settle(t);
		court_assert_said(t, GW_KEPT, POLICY_MAPPING_CHANGED, false);
		if (how)
			town_night(t);
		town_pass(62000);
		town_turns(t, COURT_QUIET_TURNS);
		town_updated(t, socket);
		town_until(t, &t->server.downs, 1);
		town_settle(t);
		t->conf.store_evict_after_s = 60;
		for (int i = 0; i < 2; i++) {
			town_updated(t, socket);
			town_night(t);
			town_restart(t, TOWN_KILLED);
		}
		town_updated(t, socket);
		assert_int_equal(t->server.downs, 1);
		assert_int_equal(t->server.ups, 2);
		assert_int_equal(t->devices.downs, 0);
		court_free(t);
	}
}

static void deregister(struct town *t, size_t socket)
{
	/* CON DELETE /rd/5a */
	uint8_t msg[] = { 0x40, 4, 0, 0, 0xb2, 'r', 'd', 0x02, '5', 'a' };
	t->mid++;
	msg[2] = (uint8_t)(t->mid >> 8);
	msg[3] = (uint8_t)(t->mid & 0xff);
	assert_int_equal(
		dtls_send(t->devices.dtls, t->devices.conns[socket], msg, sizeof(msg)), DTLS_OK);
}

static void test_keep_ends_with_the_registration(void **state)
{
	(void)state;
	struct town *t =
		court_new(court_rules(REPLACED, "{ action = \"keep\"; until_registration = true; }",
			"\"keep\"", "registered = true;"));
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	town_replace_key(t, 0);
	town_settle(t);
	court_assert_said(t, GW_KEPT, POLICY_CRED_REPLACED, false);
	town_updated(t, socket);
	const size_t down = t->devices.messages;
	deregister(t, socket);
	town_until(t, &t->devices.downs, 1);
	assert_int_equal(t->devices.messages, down + 1); /* it was answered */
	struct gw_entry e;
	assert_true(court_entry(t, &e));
	assert_int_equal(e.outcome, GW_DONE);
	assert_int_equal(e.event, POLICY_DEREGISTERED);
	court_free(t);
}

/* --- drain ------------------------------------------------------------------------------------ */

static void test_a_drain_ends_when_nothing_is_under_way(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules(REPLACED, "{ action = \"drain\"; within_s = 600; }",
		"{ action = \"drain\"; within_s = 600; }", ""));
	(void)town_registered(t, 0, 0);
	town_settle(t);
	town_replace_key(t, 0);
	town_until(t, &t->devices.downs, 1);
	town_until(t, &t->server.downs, 1);
	town_settle(t);
	court_assert_said(t, GW_DECIDED, POLICY_CRED_REPLACED, false);
	court_assert_said(t, GW_DONE, POLICY_CRED_REPLACED, false);
	assert_int_equal(store_stats(t->store).sessions, 0);
	court_free(t);
}

/* Something is under way: that may end; nothing new begins. */
static void test_a_drain_lets_end_what_is_under_way(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct town *t = court_new(court_rules(REPLACED,
			how == 2 ? "{ action = \"rekey-on-wake\"; within_s = 20; }"
				 : "{ action = \"drain\"; within_s = 20; }",
			"\"keep\"", ""));
		const size_t socket = town_registered(t, 0, 0);
		town_settle(t);
		t->devices.manner = TOWN_IS_MUTE;
		const size_t heard = t->devices.messages, up = t->server.messages;
		town_ask(t, 0);
		town_until(t, &t->devices.messages, heard + 1);
		town_replace_key(t, 0);
		town_settle(t);
		court_assert_said(t, GW_DECIDED, POLICY_CRED_REPLACED, false);
		assert_int_equal(t->devices.downs, 0);
		town_update(t, socket);
		town_until(t, &t->devices.messages, heard + 2);
		assert_int_equal(t->devices.code, COURT_UNAVAILABLE);
		assert_int_equal(t->server.messages, up);
		if (how == 0) { /* the device answers: the exchange ends, and with it the drain */
			uint8_t answer[] = { 0x62, TOWN_CODE_CONTENT, 0, 0, 't', 0 };
			const uint16_t asked = (uint16_t)(t->mid - 1);
			answer[2] = (uint8_t)(asked >> 8);
			answer[3] = answer[5] = (uint8_t)(asked & 0xff);
			assert_int_equal(dtls_send(t->devices.dtls, t->devices.conns[socket],
						 answer, sizeof(answer)),
				DTLS_OK);
			town_until(t, &t->server.messages, up + 1);
			assert_int_equal(t->server.code, TOWN_CODE_CONTENT);
		} else {
			town_pass(18000);
			town_turns(t, COURT_QUIET_TURNS);
			assert_int_equal(t->devices.downs, 0);
			town_pass(3100);
		}
		town_until(t, &t->devices.downs, 1);
		assert_int_equal(t->server.downs, 0);
		court_assert_said(t, GW_DONE, POLICY_CRED_REPLACED, false);
		court_assert_silent(t);
		court_free(t);
	}
}

static void test_a_drain_of_the_link_alone(void **state)
{
	(void)state;
	struct town *t = court_new(
		court_rules(MAPPING, "\"keep\"", "{ action = \"drain\"; within_s = 20; }", ""));
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	court_change(t, 0, court_label);
	town_until(t, &t->server.downs, 1);
	town_settle(t);
	court_assert_said(t, GW_DECIDED, POLICY_MAPPING_CHANGED, false);
	court_assert_said(t, GW_DONE, POLICY_MAPPING_CHANGED, false);
	assert_int_equal(t->devices.downs, 0);
	town_updated(t, socket);
	assert_int_equal(t->server.ups, 2);
	court_assert_silent(t);
	court_free(t);
}

/* A drain that a kill cuts short is a farewell with the next record: S30. */
static void test_S30_a_drain_that_was_cut_short_is_a_farewell(void **state)
{
	(void)state;
	struct town *t = court_new(
		court_rules(REPLACED, "{ action = \"drain\"; within_s = 600; }", "\"keep\"", ""));
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	t->devices.manner = TOWN_IS_MUTE;
	const size_t heard = t->devices.messages, up = t->server.messages;
	town_ask(t, 0);
	town_until(t, &t->devices.messages, heard + 1);
	town_replace_key(t, 0);
	town_settle(t);
	court_assert_said(t, GW_DECIDED, POLICY_CRED_REPLACED, false);
	town_restart(t, TOWN_KILLED);
	town_update(t, socket);
	town_until(t, &t->devices.downs, 1);
	town_settle(t);
	assert_int_equal(t->server.messages, up);
	court_assert_said(t, GW_DONE, POLICY_CRED_REPLACED, true);
	court_assert_silent(t); /* it was decided once */
	court_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R210_teardown_of_both_legs_leaves_nothing),
		cmocka_unit_test(test_teardown_of_the_device_leg_keeps_the_link),
		cmocka_unit_test(test_D5_the_next_handshake_takes_the_link_over),
		cmocka_unit_test(test_teardown_of_the_link_keeps_the_device),
		cmocka_unit_test(test_R212_nothing_passes_between_the_change_and_the_decision),
		cmocka_unit_test(test_I8_a_suspect_is_judged_before_its_message),
		cmocka_unit_test(test_S28_keep_is_decided_once),
		cmocka_unit_test(test_keep_ends_with_its_bound_awake_or_not),
		cmocka_unit_test(test_a_bound_ends_with_the_association),
		cmocka_unit_test(test_the_bound_of_a_link_ends_it_once),
		cmocka_unit_test(test_keep_ends_with_the_registration),
		cmocka_unit_test(test_a_drain_ends_when_nothing_is_under_way),
		cmocka_unit_test(test_a_drain_lets_end_what_is_under_way),
		cmocka_unit_test(test_a_drain_of_the_link_alone),
		cmocka_unit_test(test_S30_a_drain_that_was_cut_short_is_a_farewell),
	};
	return cmocka_run_group_tests_name("gateway/judge", tests, NULL, NULL);
}
