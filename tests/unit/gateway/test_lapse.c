/* SPDX-License-Identifier: Apache-2.0 */
/* After a power loss: what may not simply go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_night.h"

enum { QUIET_TURNS = 12, PROBE_GAP_MS = 3000 };

/* What device 0 has sent, from the first on, is known to an attacker. */
static struct town *eavesdropped(enum conf_power_loss policy, bool anchored, size_t *socket)
{
	struct town *const t = town_new_kept(1, policy, anchored);
	*socket = town_registered(t, 0, 0);
	t->devices.tapes = true;
	t->server.tapes = true;
	for (size_t i = 0; i < 4; i++)
		town_updated(t, *socket);
	town_ask(t, 0);
	town_until(t, &t->server.messages, 6);
	t->devices.tapes = false;
	t->server.tapes = false;
	town_settle(t);
	return t;
}

/* Old records say nothing to anybody: neither up nor down goes a message. */
static void replay_all(struct town *t)
{
	const size_t up = t->server.messages, down = t->devices.messages;
	for (size_t i = 0; i < t->devices.tape_len; i++) {
		town_replay(&t->devices, i);
		town_turn(t);
	}
	for (size_t i = 0; i < t->server.tape_len; i++) {
		town_replay(&t->server, i);
		town_turn(t);
	}
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up);
	assert_int_equal(t->devices.messages, down);
}

/* --- resume ----------------------------------------------------------------------------------- */

static void resumes(bool anchored)
{
	size_t socket;
	struct town *t = eavesdropped(CONF_POWER_RESUME, anchored, &socket);
	struct store_session row;
	struct store_assoc old, a;
	assert_true(town_row(t, 0, &row) && town_assoc(t, row.device, &old));
	town_restart(t, TOWN_DARK);
	const size_t up = t->server.messages;
	town_update(t, socket);
	town_until(t, &t->devices.downs, 1); /* close_notify */
	town_settle(t);
	assert_int_equal(t->server.messages, up);
	assert_int_equal(town_awake(t), 0);
	/* S30: the keys are gone. */
	assert_true(!town_assoc(t, row.device, &a) || memcmp(a.id, old.id, sizeof(a.id)) != 0);
	replay_all(t);
	/* It comes anew, and still has its registration. */
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 2);
	town_updated(t, socket);
	assert_int_equal(town_registrations(t), 1);
	assert_int_equal(t->server.ups, 2); /* its link is a new one */
	replay_all(t);
	town_assert_nonces(&t->server);
	town_free(t);
}

static void test_S6_without_an_anchor_nothing_goes_on(void **state)
{
	(void)state;
	resumes(false);
}

static void test_S10_with_an_anchor_the_policy_is_resume(void **state)
{
	(void)state;
	resumes(true);
}

/* Without an anchor the database may be an older copy: no number is used, whatever the policy. */
static void test_S6_without_an_anchor_no_policy_goes_on(void **state)
{
	(void)state;
	static const enum conf_power_loss policies[] = { CONF_POWER_PROBE, CONF_POWER_GAP };
	for (size_t i = 0; i < 2; i++) {
		size_t socket;
		struct town *t = eavesdropped(policies[i], false, &socket);
		town_restart(t, TOWN_DARK);
		const size_t up = t->server.messages, down = t->devices.messages;
		town_update(t, socket);
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		replay_all(t);
		assert_int_equal(t->server.messages, up);
		assert_int_equal(t->devices.messages, down);
		assert_int_equal(store_stats(t->store).associations > 1, 0);
		town_free(t);
	}
}

/* An attacker's replay may come first: nobody's keys go on then either, and nothing passes. */
static void test_I2_after_power_loss_a_replay_is_not_forwarded(void **state)
{
	(void)state;
	for (int anchored = 0; anchored < 2; anchored++) {
		size_t socket;
		struct town *t = eavesdropped(CONF_POWER_RESUME, anchored > 0, &socket);
		town_restart(t, TOWN_DARK);
		replay_all(t);
		if (t->devices.conns[socket]) {
			const size_t downs = t->devices.downs;
			town_update(t, socket);
			town_until(t, &t->devices.downs, downs + 1);
		}
		town_free(t);
	}
}

/* Everybody comes anew, in any order, and gets the slots of others: nobody ends up with, or
   without, another's. */
static void test_S15_after_power_loss_slots_change_hands(void **state)
{
	(void)state;
	static const size_t orders[][TOWN_DEVICES] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 } };
	for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++) {
		struct town *t = town_new_kept(1, CONF_POWER_RESUME, true);
		size_t sockets[TOWN_DEVICES];
		for (size_t i = 0; i < TOWN_DEVICES; i++)
			sockets[i] = town_registered(t, i, 0);
		town_night(t);
		town_restart(t, TOWN_DARK);
		for (size_t i = 0; i < TOWN_DEVICES; i++) {
			town_update(t, sockets[i]);
			town_until(t, &t->devices.downs, i + 1);
			town_settle(t);
		}
		for (size_t i = 0; i < TOWN_DEVICES; i++) {
			const size_t device = orders[o][i];
			town_connect(t, device, sockets[device]);
			town_until(t, &t->devices.ups, TOWN_DEVICES + i + 1);
			town_updated(t, sockets[device]);
		}
		town_settle(t);
		assert_int_equal(store_stats(t->store).associations, 2 * TOWN_DEVICES);
		for (int how = 0; how < 2; how++) {
			if (how > 0)
				town_restart(t, TOWN_KILLED);
			else
				town_night(t);
			for (size_t i = 0; i < TOWN_DEVICES; i++)
				town_updated(t, sockets[i]);
		}
		assert_int_equal(t->devices.ups, 2 * TOWN_DEVICES);
		assert_int_equal(t->server.ups, 2 * TOWN_DEVICES);
		town_free(t);
	}
}

/* A request of the server on a link of before cannot be told from an old one. */
static void test_S10_links_are_opened_anew_after_power_loss(void **state)
{
	(void)state;
	size_t socket;
	struct town *t = eavesdropped(CONF_POWER_RESUME, true, &socket);
	town_restart(t, TOWN_DARK);
	const size_t down = t->devices.messages;
	town_ask(t, 0);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.messages, down);
	town_update(t, socket);
	town_until(t, &t->devices.downs, 1);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 2);
	town_updated(t, socket);
	assert_int_equal(t->server.ups, 2);
	town_ask(t, 0);
	town_until(t, &t->devices.messages, down + 2);
	town_free(t);
}

/* --- probe ------------------------------------------------------------------------------------ */

static void test_S12_a_device_that_answers_goes_on(void **state)
{
	(void)state;
	size_t socket;
	struct town *t = eavesdropped(CONF_POWER_PROBE, true, &socket);
	for (size_t i = 0; i < 3; i++) {
		town_restart(t, TOWN_DARK);
		const size_t up = t->server.messages, down = t->devices.messages;
		town_update(t, socket); /* not forwarded: it may be an old one */
		town_until(t, &t->devices.messages, down + 1);
		assert_int_equal(t->devices.code, TOWN_CODE_GET);
		assert_int_equal(t->devices.last[0] & 15, 8); /* the token's length */
		town_settle(t);
		assert_int_equal(t->server.messages, up);
		town_updated(t, socket);
		assert_int_equal(town_registrations(t), 1);
		replay_all(t);
		town_restart(t, TOWN_KILLED); /* proven once, it is exact for later starts */
		town_updated(t, socket);
		replay_all(t);
	}
	assert_int_equal(t->devices.ups, 1);
	assert_int_equal(t->devices.downs, 0);
	town_assert_nonces(&t->devices);
	town_free(t);
}

static void test_S12_a_replayed_record_only_asks(void **state)
{
	(void)state;
	size_t socket;
	struct town *t = eavesdropped(CONF_POWER_PROBE, true, &socket);
	t->devices.manner = TOWN_IS_MUTE;
	town_restart(t, TOWN_DARK);
	const size_t up = t->server.messages, down = t->devices.messages;
	for (size_t i = 0; i < t->devices.tape_len; i++) {
		town_replay(&t->devices, i);
		town_turns(t, 2);
	}
	town_settle(t);
	assert_int_equal(t->server.messages, up);
	/* The device is asked once, and not by each. */
	assert_int_equal(t->devices.messages, down + 1);
	t->devices.manner = TOWN_ANSWERS;
	for (size_t i = 0; i < t->devices.tape_len;
		i++) /* the attacker has the device's answers ... */
		town_replay(&t->devices, i);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up);
	town_free(t);
}

static void test_S12_a_wrong_token_proves_nothing(void **state)
{
	(void)state;
	size_t socket;
	struct town *t = eavesdropped(CONF_POWER_PROBE, true, &socket);
	t->devices.manner = TOWN_LIES;
	town_restart(t, TOWN_DARK);
	const size_t up = t->server.messages, down = t->devices.messages;
	town_update(t, socket);
	town_until(t, &t->devices.messages, down + 1);
	town_settle(t);
	for (size_t i = 0; i < 3; i++)
		town_update(t, socket);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up);
	town_free(t);
}

/* The token of the last question is not that of the next. */
static void test_S12_tokens_differ(void **state)
{
	(void)state;
	uint8_t tokens[4][8];
	for (size_t i = 0; i < 4; i++) {
		size_t socket;
		struct town *t = eavesdropped(CONF_POWER_PROBE, true, &socket);
		town_restart(t, TOWN_DARK);
		const size_t down = t->devices.messages;
		town_update(t, socket);
		town_until(t, &t->devices.messages, down + 1);
		memcpy(tokens[i], t->devices.last + 4, sizeof(tokens[i]));
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(tokens[i], tokens[k], sizeof(tokens[i]));
		town_free(t);
	}
}

static void test_S12_who_never_answers_is_let_go(void **state)
{
	(void)state;
	size_t socket;
	struct town *t = eavesdropped(CONF_POWER_PROBE, true, &socket);
	t->devices.manner = TOWN_IS_MUTE;
	town_restart(t, TOWN_DARK);
	const size_t up = t->server.messages;
	for (size_t i = 0; i < 20 && t->devices.conns[socket]; i++) {
		town_pass(PROBE_GAP_MS);
		town_update(t, socket);
		town_turns(t, 2);
	}
	assert_null(t->devices.conns[socket]);
	town_settle(t);
	assert_int_equal(t->server.messages, up);
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(store_stats(t->store).associations, 0);
	town_free(t);
}

/* Whoever repeats an old record of each device must not fill the memory with sessions that wait for
   an answer. */
static void test_S24_a_session_that_waits_for_an_answer_sleeps_again(void **state)
{
	enum { MINUTES_MS = 300000 };
	(void)state;
	size_t socket;
	struct town *t = eavesdropped(CONF_POWER_PROBE, true, &socket);
	t->devices.manner = TOWN_IS_MUTE;
	town_restart(t, TOWN_DARK);
	const size_t up = t->server.messages;
	for (size_t i = 0; i < 3; i++) {
		const size_t down = t->devices.messages;
		town_replay(&t->devices, i);
		town_until(t, &t->devices.messages, down + 1);
		town_settle(t);
		assert_int_equal(town_awake(t), 1);
		town_pass(MINUTES_MS);
		town_turns(t, QUIET_TURNS);
		assert_int_equal(town_awake(t), 0);
		assert_int_equal(t->server.messages, up);
	}
	t->devices.manner = TOWN_ANSWERS;
	const size_t down = t->devices.messages;
	town_update(t, socket); /* it is asked, too */
	town_until(t, &t->devices.messages, down + 1);
	town_settle(t);
	town_updated(t, socket);
	assert_int_equal(t->devices.ups, 1);
	replay_all(t);
	town_assert_nonces(&t->devices);
	town_free(t);
}

/* --- gap -------------------------------------------------------------------------------------- */

static void test_S11_only_numbers_above_the_ceiling_go_on(void **state)
{
	(void)state;
	size_t socket;
	struct town *t = eavesdropped(CONF_POWER_GAP, true, &socket);
	for (size_t round = 0; round < 3; round++) {
		struct store_session row = { 0 };
		struct store_assoc a = { 0 };
		assert_true(town_row(t, 0, &row) && town_assoc(t, row.device, &a));
		const uint64_t ceiling = a.read_end;
		assert_true(ceiling != UINT64_MAX);
		town_restart(t, TOWN_DARK);
		replay_all(t);
		const size_t up = t->server.messages, down = t->devices.messages;
		uint64_t number = 0;
		for (size_t i = 0; i < (size_t)3 * STORE_READ_LEASE && t->server.messages == up;
			i++) {
			number = dtls_conn_numbers(t->devices.conns[socket]).next;
			town_update(t, socket);
			town_settle(t);
		}
		assert_int_equal(t->server.messages, up + 1);
		assert_int_equal(t->devices.messages, down + 1);
		assert_true(number >= ceiling); /* none below passed */
		town_updated(t, socket);
		assert_int_equal(town_registrations(t), 1);
		town_settle(t);
		replay_all(t);
	}
	assert_int_equal(t->devices.ups, 1);
	assert_int_equal(t->devices.downs, 0);
	town_assert_nonces(&t->devices);
	town_free(t);
}

/* A device says more than one read lease has: the ceiling moves ahead of it, and is durable. */
static void test_S11_nothing_is_let_in_above_the_durable_ceiling(void **state)
{
	(void)state;
	size_t socket;
	struct town *t = eavesdropped(CONF_POWER_GAP, true, &socket);
	for (size_t i = 0; i < (size_t)3 * STORE_READ_LEASE; i++) {
		struct store_session row = { 0 };
		struct store_assoc a = { 0 };
		const uint64_t number = dtls_conn_numbers(t->devices.conns[socket]).next;
		town_updated(t, socket);
		assert_true(town_row(t, 0, &row) && town_assoc(t, row.device, &a));
		assert_true(a.read_end > number);
	}
	assert_int_equal(t->devices.ups, 1);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S6_without_an_anchor_nothing_goes_on),
		cmocka_unit_test(test_S10_with_an_anchor_the_policy_is_resume),
		cmocka_unit_test(test_S6_without_an_anchor_no_policy_goes_on),
		cmocka_unit_test(test_I2_after_power_loss_a_replay_is_not_forwarded),
		cmocka_unit_test(test_S15_after_power_loss_slots_change_hands),
		cmocka_unit_test(test_S10_links_are_opened_anew_after_power_loss),
		cmocka_unit_test(test_S12_a_device_that_answers_goes_on),
		cmocka_unit_test(test_S12_a_replayed_record_only_asks),
		cmocka_unit_test(test_S12_a_wrong_token_proves_nothing),
		cmocka_unit_test(test_S12_tokens_differ),
		cmocka_unit_test(test_S12_who_never_answers_is_let_go),
		cmocka_unit_test(test_S24_a_session_that_waits_for_an_answer_sleeps_again),
		cmocka_unit_test(test_S11_only_numbers_above_the_ceiling_go_on),
		cmocka_unit_test(test_S11_nothing_is_let_in_above_the_durable_ceiling),
	};
	return cmocka_run_group_tests_name("gateway/lapse", tests, NULL, NULL);
}
