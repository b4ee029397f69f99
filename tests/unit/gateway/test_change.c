/* SPDX-License-Identifier: Apache-2.0 */
/* A credential is replaced or revoked: what becomes of its sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_night.h"

enum { QUIET_TURNS = 12 };

static void change(struct town *t, int how)
{
	if (how == 0)
		town_revoke(t, 0);
	else
		town_replace_key(t, 0);
}

static void test_S28_a_change_ends_who_is_awake_at_once(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
		const size_t socket = town_registered(t, 0, 0);
		const size_t other = town_registered(t, 1, 0);
		town_settle(t);
		change(t, how);
		town_until(t, &t->devices.downs, 1);
		town_until(t, &t->server.downs, 1);
		assert_null(t->devices.conns[socket]);
		town_settle(t);
		assert_int_equal(town_awake(t), 1);
		assert_int_equal(store_stats(t->store).associations, 2);
		assert_int_equal(store_stats(t->store).sessions, 1);
		town_updated(t, other);
		town_free(t);
	}
}

/* S30: asleep, it is told at its first record, which goes nowhere; a later one says nothing. */
static void test_S30_a_change_ends_a_sleeper_at_its_first_record(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
		const size_t socket = town_registered(t, 0, 0);
		const size_t other = town_registered(t, 1, 0);
		town_night(t);
		change(t, how % 2);
		if (how >= 2)
			town_restart(t, TOWN_KILLED);
		town_turns(t, QUIET_TURNS);
		const size_t up = t->server.messages, down = t->devices.messages;
		t->devices.tapes = true;
		town_update(t, socket);
		t->devices.tapes = false;
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		assert_int_equal(t->server.messages, up);
		assert_int_equal(t->devices.messages, down);
		assert_int_equal(
			store_stats(t->store).associations, 3); /* its device leg is gone */
		const size_t heard = t->devices.heard_len;
		town_replay(&t->devices, 0);
		town_turns(t, QUIET_TURNS);
		assert_int_equal(t->devices.heard_len, heard); /* S27: silence */
		assert_int_equal(t->server.messages, up);
		assert_int_equal(town_awake(t), 0);
		town_updated(t, other);
		town_free(t);
	}
}

/* The server's record wakes a link whose credential has changed: nothing goes down. */
static void test_S28_an_outbound_wake_looks_at_the_credential(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
		(void)town_registered(t, 0, 0);
		town_night(t);
		change(t, how);
		const size_t down = t->devices.messages;
		town_ask(t, 0);
		town_until(t, &t->server.downs, 1);
		town_settle(t);
		assert_int_equal(t->devices.messages, down);
		assert_int_equal(town_awake(t), 0);
		town_free(t);
	}
}

/* Revoked, and added again: the sessions of before do not come back with it. */
static void test_S29_revoke_and_add_again_brings_nothing_back(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_night(t);
	town_revoke(t, 0);
	town_add_again(t, 0);
	const size_t up = t->server.messages;
	town_update(t, socket);
	town_until(t, &t->devices.downs, 1);
	assert_int_equal(t->server.messages, up);
	town_connect(t, 0, socket); /* with the same key as before, which is good again */
	town_until(t, &t->devices.ups, 2);
	town_register(t, 0, socket);
	town_until(t, &t->server.messages, up + 1);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S28_a_change_ends_who_is_awake_at_once),
		cmocka_unit_test(test_S30_a_change_ends_a_sleeper_at_its_first_record),
		cmocka_unit_test(test_S28_an_outbound_wake_looks_at_the_credential),
		cmocka_unit_test(test_S29_revoke_and_add_again_brings_nothing_back),
	};
	return cmocka_run_group_tests_name("gateway/change", tests, NULL, NULL);
}
