/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing passes before what it rests on is durable, and what becomes of it when it cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "proxy/relay.h"
#include "town_night.h"

enum { QUIET_TURNS = 20, CODE_5XX = 5, CLASS_SHIFT = 5 };

static void connected(struct town *t, size_t device, size_t socket)
{
	const size_t ups = t->devices.ups;
	town_connect(t, device, socket);
	town_until(t, &t->devices.ups, ups + 1);
}

/* --- before the commit ------------------------------------------------------------------------ */

static void test_S9_nothing_is_forwarded_before_the_base_commit(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_socket(t, 0);
	town_stall(t);
	connected(t, 0, socket);
	town_register(t, 0, socket);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.ups, 0);
	assert_int_equal(dtls_stats(t->workers[0]->dtls).handshakes, 0); /* of the link, neither */
	assert_int_equal(t->devices.messages, 0);
	assert_int_equal(town_relays(t), 0);
	town_go_on(t);
	town_until(t, &t->devices.messages, 1); /* it had waited */
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	town_free(t);
}

static void test_S9_nothing_goes_up_before_the_link_is_durable(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_socket(t, 0);
	connected(t, 0, socket);
	town_settle(t);
	town_stall(t);
	town_register(t, 0, socket);
	town_until(t, &t->server.ups, 1);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, 0);
	assert_int_equal(t->devices.messages, 0);
	town_go_on(t);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	assert_int_equal(t->server.messages, 1);
	town_free(t);
}

/* A device that has its 2.01 stays registered, whatever happens. */
static void test_a_registration_is_durable_before_the_device_knows(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_socket(t, 0);
	struct store_session row;
	connected(t, 0, socket);
	town_register(t, 0, socket);
	town_until(t, &t->server.ups, 1);
	while (t->server.messages == 0 && !t->stall) { /* stalls while the Register is under way */
		if (relay_stats(t->workers[0]->relay).up > 0)
			town_stall(t);
		else
			town_turn(t);
	}
	if (!t->stall)
		town_stall(t);
	town_until(t, &t->server.messages, 1);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.messages, 0);
	town_go_on(t);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	assert_true(town_row(t, 0, &row)); /* with the very turn in which it is told */
	assert_true(row.registered);
	assert_string_equal(row.location, "rd/5a");
	town_free(t);
}

/* The gateway dies after the server has said 2.01: the device repeats its Register. */
static void test_a_kill_before_the_registration_is_durable(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	struct store_session row;
	assert_true(town_row(t, 0, &row) && row.registered);
	const uint64_t expires_ms = row.expires_ms;
	town_stall(t);
	town_update(t, socket);
	town_until(t, &t->server.messages, 2);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.messages, 1);
	town_restart(t, TOWN_KILLED);
	assert_true(town_row(t, 0, &row) && row.registered);
	assert_true(row.expires_ms == expires_ms);
	town_updated(t, socket);
	assert_int_equal(t->devices.ups + t->server.ups, 2);
	town_free(t);
}

/* What waits for the store is bounded, and comes in its order. */
static void test_S9_what_waits_is_bounded(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_socket(t, 0);
	town_stall(t);
	connected(t, 0, socket);
	for (size_t i = 0; i < 3 * (size_t)GW_HOLD_MESSAGES; i++)
		town_register(t, 0, socket);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->workers[0]->held_lost, 2 * GW_HOLD_MESSAGES);
	town_go_on(t);
	town_until(t, &t->server.ups, 1);
	town_settle(t);
	assert_true(t->server.messages <= GW_HOLD_MESSAGES);
	assert_true(t->devices.messages <= GW_HOLD_MESSAGES);
	town_free(t);
}

/* S9: what was not durable when the gateway died is not there. */
static void test_S9_a_kill_before_the_commit_forgets_the_keys(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_socket(t, 0);
	town_stall(t);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 1);
	town_register(t, 0, socket);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.ups, 0);
	town_restart(t, TOWN_KILLED);
	town_register(t, 0, socket);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.ups + t->server.messages + t->devices.messages, 0);
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(store_stats(t->store).associations, 0);
	town_reboot(t);
	town_connect(t, 0, socket); /* it shakes hands again */
	town_until(t, &t->devices.ups, 2);
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	town_free(t);
}

/* The device never got the final flight, and the gateway that had sent it is dead: the next one
   says it again, under numbers of its own. */
static void test_S9_the_final_flight_outlives_the_process(void **state)
{
	enum { RETRANSMIT_MS = 10000 };
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_socket(t, 0);
	town_connect(t, 0, socket);
	for (size_t i = 0; i < 100 && t->workers[0]->sessions_len == 0; i++) {
		gw_worker_turn(t->workers[0]);
		t->devices.swallows = t->workers[0]->sessions_len > 0;
		town_turn(t);
	}
	assert_int_equal(t->workers[0]->sessions_len, 1);
	(void)town_do(t, NULL, NULL); /* its association is durable */
	assert_int_equal(t->devices.ups, 0);
	town_restart(t, TOWN_KILLED);
	t->devices.swallows = false;
	for (size_t i = 0; i < 3 && t->devices.ups == 0; i++) {
		/* Its first one wakes, and the numbers are not there yet. */
		town_pass((uint64_t)RETRANSMIT_MS << i);
		town_turns(t, QUIET_TURNS);
		(void)town_do(t, NULL, NULL);
		town_turns(t, QUIET_TURNS);
	}
	assert_int_equal(t->devices.ups, 1);
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	town_assert_nonces(&t->devices);
	town_assert_nonces(&t->server);
	town_free(t);
}

/* --- the store cannot ------------------------------------------------------------------------- */

static void is_refused(enum store_result how)
{
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_socket(t, 0);
	town_settle(t);

	town_hush(t);
	town_fail(t, how, 1000);
	connected(t, 0, socket);
	town_register(t, 0, socket);
	town_until(t, &t->devices.downs, 1); /* close_notify */
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.ups + t->server.messages + t->devices.messages, 0);
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(dtls_stats(t->workers[0]->dtls).conns, 0);
	town_fail(t, STORE_OK, 0);
	if (how == STORE_FULL) { /* the disk has room again */
		connected(t, 0, socket);
		town_register(t, 0, socket);
		town_until(t, &t->devices.messages, 1);
		assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	}
	town_free(t);
}

static void test_R189_a_full_disk_refuses_new_sessions(void **state)
{
	(void)state;
	is_refused(STORE_FULL);
}

static void test_S4_a_broken_disk_refuses_new_sessions(void **state)
{
	(void)state;
	is_refused(STORE_BROKEN);
}

static void test_a_full_disk_leaves_the_living_alone(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	town_hush(t);
	town_fail(t, STORE_FULL, 1000);
	const size_t down = t->devices.messages, up = t->server.messages;
	for (size_t i = 0; i < 5; i++) {
		town_ask(t, 0);
		town_until(t, &t->server.messages, up + i + 1);
		assert_int_equal(t->devices.messages, down + i + 1);
	}
	town_update(t, socket); /* what it says of its registration cannot be written now */
	town_until(t, &t->devices.messages, down + 6);
	assert_int_equal(t->devices.downs + t->server.downs, 0);
	town_fail(t, STORE_OK, 0);
	town_updated(t, socket);
	assert_int_equal(t->devices.downs + t->server.downs, 0);
	assert_int_equal(t->devices.ups + t->server.ups, 2);
	town_free(t);
}

/* The link cannot be kept: the device is told, and keeps its session. */
static void test_a_link_that_cannot_be_kept_is_closed(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_socket(t, 0);
	connected(t, 0, socket);
	town_settle(t);
	town_hush(t);
	town_fail(t, STORE_FULL, 1000);
	town_register(t, 0, socket);
	town_until(t, &t->server.downs, 1);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(t->devices.code >> CLASS_SHIFT, CODE_5XX);
	assert_int_equal(t->server.messages, 0);
	assert_int_equal(t->devices.downs, 0);
	assert_int_equal(town_relays(t), 1);
	town_fail(t, STORE_OK, 0);
	town_settle(t);
	assert_int_equal(dtls_stats(t->workers[0]->dtls).conns, 1);
	assert_int_equal(store_stats(t->store).associations, 1); /* the device's */
	town_free(t);
}

/* S4: numbers end where the durable lease does, and nowhere else. */
static void test_S4_no_number_is_used_beyond_the_durable_lease(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	(void)town_registered(t, 0, 0);
	town_settle(t);
	town_hush(t);
	t->devices.manner = TOWN_IS_MUTE;
	town_fail(t, STORE_FULL, 1000000);
	for (size_t i = 0; i < (size_t)2 * STORE_LEASE; i++) {
		town_ask(t, 0);
		town_turn(t);
	}
	town_turns(t, QUIET_TURNS);
	assert_true(t->devices.messages < STORE_LEASE);
	uint64_t highest = 0;
	for (size_t i = 0; i < t->devices.heard_len; i++) {
		uint64_t number = 0;
		for (size_t k = 2; k < sizeof(t->devices.heard[i].octets); k++)
			number = number << 8 | t->devices.heard[i].octets[k];
		highest = number > highest ? number : highest;
	}
	assert_int_equal(highest, STORE_LEASE - 1);
	assert_int_equal(t->devices.downs, 0);
	town_fail(t, STORE_OK, 0);
	const size_t before = t->devices.messages;
	for (size_t i = 0; i < 200 && t->devices.messages == before; i++) {
		town_ask(t, 0); /* it asks for more as soon as it is used */
		town_turns(t, 2);
	}
	assert_true(t->devices.messages > before);
	town_assert_nonces(&t->devices);
	town_free(t);
}

/* --- the credential changes meanwhile (S28) --------------------------------------------------- */

/* An unknown identity and a wrong key look the same from outside: the device may not have
   been told yet. */
static void comes_to_nothing(struct town *t)
{
	for (size_t i = 0; i < QUIET_TURNS; i++) {
		town_turns(t, 2);
		(void)town_do(t, NULL, NULL);
	}
	assert_int_equal(t->server.ups + t->server.messages + t->devices.messages, 0);
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(store_stats(t->store).associations, 0);
	assert_int_equal(store_stats(t->store).sessions, 0);
}

static void test_S28_revoked_between_hello_and_finished(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
		const size_t socket = town_socket(t, 0);
		town_hush(t);
		town_connect(t, 0, socket);
		for (size_t i = 0; i < 100 && dtls_stats(t->workers[0]->dtls).handshakes == 0; i++)
			town_turn(t);
		assert_int_equal(dtls_stats(t->workers[0]->dtls).handshakes, 1);
		assert_int_equal(t->devices.ups, 0);
		if (how == 0)
			town_revoke(t, 0);
		else
			town_replace_key(t, 0);
		for (size_t i = 0; i < 100 && t->devices.ups == 0; i++)
			town_turn(t);
		if (t->devices.conns[socket])
			town_register(t, 0, socket);
		comes_to_nothing(t);
		town_free(t);
	}
}

static enum store_result run_revoke(struct store_txn *x, struct store_op *op)
{
	(void)op;
	return store_cred_revoke(x, town_cred(0), STORE_BY_CONTROL);
}

static void revoked(struct store_op *op, enum store_result r)
{
	(void)op;
	(void)r;
}

/* The revocation is ahead in the writer's queue: the handshake has ended before it is durable. */
static void test_S28_revoked_before_the_base_commit(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	struct store_op op = { .run = run_revoke, .done = revoked };
	const size_t socket = town_socket(t, 0);
	town_hush(t);
	town_stall(t);
	store_submit(t->store, &op);
	connected(t, 0, socket);
	town_register(t, 0, socket);
	town_turns(t, QUIET_TURNS);
	town_go_on(t);
	comes_to_nothing(t);
	assert_int_equal(t->devices.downs, 1);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S9_nothing_is_forwarded_before_the_base_commit),
		cmocka_unit_test(test_S9_nothing_goes_up_before_the_link_is_durable),
		cmocka_unit_test(test_a_registration_is_durable_before_the_device_knows),
		cmocka_unit_test(test_a_kill_before_the_registration_is_durable),
		cmocka_unit_test(test_S9_what_waits_is_bounded),
		cmocka_unit_test(test_S9_a_kill_before_the_commit_forgets_the_keys),
		cmocka_unit_test(test_S9_the_final_flight_outlives_the_process),
		cmocka_unit_test(test_R189_a_full_disk_refuses_new_sessions),
		cmocka_unit_test(test_S4_a_broken_disk_refuses_new_sessions),
		cmocka_unit_test(test_a_full_disk_leaves_the_living_alone),
		cmocka_unit_test(test_a_link_that_cannot_be_kept_is_closed),
		cmocka_unit_test(test_S4_no_number_is_used_beyond_the_durable_lease),
		cmocka_unit_test(test_S28_revoked_between_hello_and_finished),
		cmocka_unit_test(test_S28_revoked_before_the_base_commit),
	};
	return cmocka_run_group_tests_name("gateway/keep", tests, NULL, NULL);
}
