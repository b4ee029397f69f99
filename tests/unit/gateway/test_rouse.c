/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that come back: after sleep, and after the process was killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "io/inbox.h"
#include "town_night.h"

enum { QUIET_TURNS = 12 };

/* What a repeated number of the gateway, or one that it had used, would look like to its peers. */
static void assert_no_harm(const struct town *t)
{
	assert_int_equal(dtls_stats(t->devices.dtls).replayed, 0);
	assert_int_equal(dtls_stats(t->devices.dtls).forged, 0);
	assert_int_equal(dtls_stats(t->server.dtls).replayed, 0);
	assert_int_equal(dtls_stats(t->server.dtls).forged, 0);
	town_assert_nonces(&t->devices);
	town_assert_nonces(&t->server);
}

static void assert_nobody_came_anew(const struct town *t, size_t devices)
{
	assert_int_equal(t->devices.ups, devices);
	assert_int_equal(t->server.ups, devices);
	assert_int_equal(t->devices.downs + t->server.downs, 0);
}

/* The server asks a device, and has its answer. */
static void asked(struct town *t, size_t device)
{
	const size_t at_device = t->devices.messages, at_server = t->server.messages;
	town_ask(t, device);
	town_until(t, &t->server.messages, at_server + 1);
	assert_int_equal(t->server.code, TOWN_CODE_CONTENT);
	assert_int_equal(t->devices.messages, at_device + 1);
}

static void test_I1_a_killed_gateway_goes_on_without_a_handshake(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	for (size_t i = 0; i < 5; i++) {
		town_restart(t, TOWN_KILLED);
		assert_int_equal(town_awake(t), 0);
		town_updated(t, socket);
		assert_int_equal(town_registrations(t), 1);
		asked(t, 0);
	}
	assert_nobody_came_anew(t, 1);
	assert_no_harm(t);
	town_free(t);
}

static void test_I1_two_kills_with_no_traffic_between(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_restart(t, TOWN_KILLED);
	town_restart(t, TOWN_KILLED);
	town_updated(t, socket);
	town_restart(t, TOWN_KILLED);
	asked(t, 0);
	town_restart(t, TOWN_KILLED);
	town_restart(t, TOWN_KILLED);
	town_updated(t, socket);
	assert_nobody_came_anew(t, 1);
	assert_no_harm(t);
	town_free(t);
}

/* S2: whatever makes it say something, a goodbye too: before its lease is durable there is no
   number for it. */
static void test_S2_nothing_is_sent_before_the_lease(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
		const size_t socket = town_registered(t, 0, 0);
		const uint32_t cred = town_cred(0);
		town_settle(t);
		town_restart(t, TOWN_KILLED);
		town_stall(t);
		const size_t at_device = t->devices.heard_len, at_server = t->server.heard_len;
		if (how == 0)
			dtls_close(t->devices.dtls, t->devices.conns[socket]);
		else
			town_update(t, socket);
		town_turns(t, QUIET_TURNS);
		if (how == 1) /* it is to be closed at once */
			assert_true(inbox_post(
				t->inboxes[0], INBOX_SURE, GW_CHANGED, &cred, sizeof(cred)));
		if (how == 2)
			town_ask(t, 0);
		town_turns(t, QUIET_TURNS);
		assert_int_equal(t->devices.heard_len, at_device);
		assert_int_equal(t->server.heard_len, at_server);
		town_go_on(t);
		town_settle(t);
		town_assert_nonces(&t->devices);
		town_assert_nonces(&t->server);
		town_free(t);
	}
}

/* More records than a lease has numbers, on both legs, and a death now and then. */
static void test_S1_leases_go_on_over_kills(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	for (size_t i = 0; i < 3 * STORE_LEASE / 2; i++) {
		if (i % 75 == 50)
			town_restart(t, TOWN_KILLED);
		if (i % 3 == 0)
			asked(t, 0);
		else
			town_updated(t, socket);
	}
	assert_nobody_came_anew(t, 1);
	assert_no_harm(t);
	town_free(t);
}

/* The gateway dies at any moment of an exchange: nothing is answered twice, and the next exchange
   goes through. */
static void test_I1_killed_between_any_two_turns(void **state)
{
	(void)state;
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	const size_t first = town_registered(t, 0, 0);
	const size_t second = town_registered(t, 1, 1);
	for (size_t i = 0; i < 24; i++) {
		town_update(t, i % 2 > 0 ? first : second);
		town_ask(t, i % 3 == 0);
		town_turns(t, i % 8);
		town_restart(t, TOWN_KILLED);
		if (i % 4 == 0)
			town_turns(t, 2);
	}
	town_turns(t, QUIET_TURNS);
	town_updated(t, first);
	town_updated(t, second);
	asked(t, 0);
	asked(t, 1);
	assert_nobody_came_anew(t, 2);
	assert_no_harm(t);
	town_free(t);
}

static void test_a_sleepers_first_message_wakes_it(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_night(t);
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(town_relays(t), 0);
	town_updated(t, socket);
	assert_int_equal(town_awake(t), 1);
	assert_int_equal(town_registrations(t), 1);
	assert_nobody_came_anew(t, 1);
	assert_no_harm(t);
	town_free(t);
}

static void test_a_request_of_the_server_wakes_both_legs(void **state)
{
	(void)state;
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	(void)town_registered(t, 0, 1);
	(void)town_registered(t, 1, 0);
	town_night(t);
	asked(t, 0);
	assert_int_equal(town_awake(t), 1);
	town_night(t);
	town_restart(t, TOWN_KILLED);
	asked(t, 0);
	asked(t, 1);
	assert_int_equal(town_awake(t), 2);
	assert_nobody_came_anew(t, 2);
	assert_no_harm(t);
	town_free(t);
}

/* S8: sleeping and waking within one incarnation cost no write, and no lease. */
static void test_S8_sleep_and_wake_write_nothing(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_updated(t, socket);
	town_settle(t);
	/* An Update is written, as the registration lives longer for it: what is relayed is a
	   request of the server. */
	const struct store_stats before = store_stats(t->store);
	for (size_t i = 0; i < 10; i++) {
		struct store_stats s = store_stats(t->store);
		const uint64_t commits = s.commits;
		for (struct gw_session *x = t->workers[0]->sessions; x; x = t->workers[0]->sessions)
			gw_session_sleep(x);
		asked(t, 0);
		town_turns(t, 2);
		s = store_stats(t->store);
		assert_int_equal(s.commits, commits);
	}
	const struct store_stats after = store_stats(t->store);
	assert_int_equal(after.commits, before.commits);
	assert_int_equal(after.operations, before.operations);
	assert_int_equal(after.leases, before.leases);
	struct store_session row;
	struct store_assoc a;
	assert_true(town_row(t, 0, &row));
	assert_true(town_assoc(t, row.device, &a));
	assert_int_equal(a.write_end, STORE_LEASE); /* the first one still */
	assert_true(town_assoc(t, row.link, &a));
	assert_int_equal(a.write_end, STORE_LEASE);
	assert_no_harm(t);
	town_free(t);
}

/* S8: who sleeps has no owner; who is awake has one. */
static void test_S8_the_slots_owner_is_who_is_awake(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	struct store_session row;
	town_settle(t);
	assert_true(town_row(t, 0, &row));
	const uint64_t mine = slot_owner(t->shared.incarnation, 0);
	assert_true(atomic_load(&store_slot(t->store, row.device)->owner) == mine);
	assert_true(atomic_load(&store_slot(t->store, row.link)->owner) == mine);
	town_night(t);
	assert_true(atomic_load(&store_slot(t->store, row.device)->owner) == 0);
	assert_true(atomic_load(&store_slot(t->store, row.link)->owner) == 0);
	town_updated(t, socket);
	assert_true(atomic_load(&store_slot(t->store, row.device)->owner) == mine);
	assert_true(atomic_load(&store_slot(t->store, row.link)->owner) == mine);
	town_free(t);
}

/* I2: an attacker has every record, and sends them all again. */
static void test_I2_no_record_goes_on_twice(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	t->devices.tapes = true;
	t->server.tapes = true;
	for (size_t i = 0; i < 5; i++) {
		town_updated(t, socket);
		asked(t, 0);
	}
	t->devices.tapes = false;
	t->server.tapes = false;
	assert_true(t->devices.tape_len >= 10 && t->server.tape_len >= 10);
	for (int how = 0; how < 4; how++) { /* awake, asleep, dead, and dead while awake */
		if (how == 1 || how == 2)
			town_night(t);
		if (how >= 2)
			town_restart(t, TOWN_KILLED);
		const size_t up = t->server.messages, down = t->devices.messages;
		const uint64_t unseals = store_stats(t->store).unseals;
		for (size_t i = 0; i < t->devices.tape_len; i++)
			town_replay(&t->devices, i);
		for (size_t i = 0; i < t->server.tape_len; i++)
			town_replay(&t->server, i);
		town_turns(t, QUIET_TURNS);
		assert_int_equal(t->server.messages, up);
		assert_int_equal(t->devices.messages, down);
		if (how == 1 || how == 2) { /* S24: the slot tells, before the unseal */
			assert_int_equal(town_awake(t), 0);
			assert_int_equal(store_stats(t->store).unseals, unseals);
			assert_true(t->workers[0]->stale_records > 0);
		}
		town_updated(t, socket);
		asked(t, 0);
	}
	assert_nobody_came_anew(t, 1);
	assert_no_harm(t);
	town_free(t);
}

/* Killed while awake: what it had let in until then is in the slot, with no sleep in between; and
   the records too that had come before there was a slot. */
static void test_I2_what_was_let_in_before_the_kill_is_known(void **state)
{
	(void)state;
	for (int early = 0; early < 2; early++) {
		struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
		const size_t socket = town_socket(t, 0);
		if (early)
			town_stall(t);
		town_connect(t, 0, socket);
		town_until(t, &t->devices.ups, 1);
		if (!early)
			town_settle(t);
		t->devices.tapes = true;
		town_register(t, 0, socket);
		town_turns(t, QUIET_TURNS);
		t->devices.tapes = false;
		if (early)
			town_go_on(t);
		town_until(t, &t->devices.messages, 1);
		assert_int_equal(t->server.messages, 1);
		town_restart(t, TOWN_KILLED);
		for (size_t i = 0; i < t->devices.tape_len; i++)
			town_replay(&t->devices, i);
		town_turns(t, QUIET_TURNS);
		assert_int_equal(t->server.messages, 1);
		town_updated(t, socket);
		town_free(t);
	}
}

/* A record that was withheld, not repeated, is fresh, as long as the window has not left it. */
static void test_I2_a_late_record_goes_on_once(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	t->devices.tapes = true;
	town_updated(t, socket); /* sheet 0 */
	t->devices.tapes = false;
	town_night(t);
	t->asleep[0] = true;
	t->devices.tapes = true;
	const size_t up = t->server.messages;
	town_update(t, socket); /* sheet 1 will be read by nobody: */
	town_turns(t, 1);
	t->devices.tapes = false;
	town_die(t, TOWN_KILLED);
	t->asleep[0] = false;
	town_rise(t);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up);
	town_updated(t, socket); /* a later number wakes it */
	assert_int_equal(t->server.messages, up + 1);
	town_night(t);
	town_replay(&t->devices, 1); /* late, and never seen */
	town_until(t, &t->server.messages, up + 2);
	town_replay(&t->devices, 1);
	town_night(t);
	town_replay(&t->devices, 1);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up + 2);
	town_free(t);
}

/* S15, S21: one slot is not what it was; only who sleeps there must come anew. */
static void test_S13_a_damaged_slot_harms_one_association(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t first = town_registered(t, 0, 0);
	const size_t second = town_registered(t, 1, 0);
	struct store_session row;
	t->devices.tapes = true;
	town_updated(t, first);
	t->devices.tapes = false;
	town_night(t);
	town_restart(t, TOWN_KILLED);
	assert_true(town_row(t, 0, &row));
	struct slot *const hot = store_slot(t->store, row.device);
	atomic_store(&hot->edge, 0); /* an attacker hopes that old records will go on */
	const size_t up = t->server.messages;
	town_replay(&t->devices, 0);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up); /* not forwarded */
	if (t->devices.conns[first]) {            /* it may have been told by now */
		town_update(t, first);
		town_until(t, &t->devices.downs, 1);
	}
	assert_int_equal(t->server.messages, up);
	town_updated(t, second);
	assert_int_equal(t->devices.downs, 1);
	town_free(t);
}

/* Two slots were exchanged: neither is believed. */
static void test_S15_exchanged_slots_are_not_believed(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t first = town_registered(t, 0, 0);
	const size_t second = town_registered(t, 1, 0);
	struct store_session one, other;
	for (size_t i = 0; i < 5; i++)
		town_updated(t, second);
	town_night(t);
	town_restart(t, TOWN_KILLED);
	assert_true(town_row(t, 0, &one) && town_row(t, 1, &other));
	struct slot *const a = store_slot(t->store, one.device);
	struct slot *const b = store_slot(t->store, other.device);
	struct slot c;
	memcpy(&c, a, sizeof(c));
	memcpy(a, b, sizeof(c));
	memcpy(b, &c, sizeof(c));
	const size_t up = t->server.messages;
	for (size_t i = 0; i < 8 && t->devices.downs < 1; i++) {
		town_update(t, first);
		town_turns(t, 2);
	}
	town_update(t, second);
	town_until(t, &t->devices.downs, 2);
	assert_int_equal(t->server.messages, up);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I1_a_killed_gateway_goes_on_without_a_handshake),
		cmocka_unit_test(test_I1_two_kills_with_no_traffic_between),
		cmocka_unit_test(test_S2_nothing_is_sent_before_the_lease),
		cmocka_unit_test(test_S1_leases_go_on_over_kills),
		cmocka_unit_test(test_I1_killed_between_any_two_turns),
		cmocka_unit_test(test_a_sleepers_first_message_wakes_it),
		cmocka_unit_test(test_a_request_of_the_server_wakes_both_legs),
		cmocka_unit_test(test_S8_sleep_and_wake_write_nothing),
		cmocka_unit_test(test_S8_the_slots_owner_is_who_is_awake),
		cmocka_unit_test(test_I2_no_record_goes_on_twice),
		cmocka_unit_test(test_I2_what_was_let_in_before_the_kill_is_known),
		cmocka_unit_test(test_I2_a_late_record_goes_on_once),
		cmocka_unit_test(test_S13_a_damaged_slot_harms_one_association),
		cmocka_unit_test(test_S15_exchanged_slots_are_not_believed),
	};
	return cmocka_run_group_tests_name("gateway/rouse", tests, NULL, NULL);
}
