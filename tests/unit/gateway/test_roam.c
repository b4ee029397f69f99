/* SPDX-License-Identifier: Apache-2.0 */
/* R-109 and D-5, with sessions that sleep and a store that takes its time: a device that comes from
   elsewhere keeps its registration, and nothing of before is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_night.h"

enum { QUIET_TURNS = 12 };

static void comes(struct town *t, size_t device, size_t socket)
{
	const size_t ups = t->devices.ups;
	town_connect(t, device, socket);
	town_until(t, &t->devices.ups, ups + 1);
}

/* The store has one association for each leg of so many devices, and nothing else. */
static void assert_tidy(struct town *t, size_t devices)
{
	town_settle(t);
	assert_int_equal(store_stats(t->store).associations, 2 * devices);
	assert_int_equal(store_stats(t->store).sessions, devices);
}

static void comes_from_elsewhere(uint32_t from, uint32_t to, bool killed)
{
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	const size_t first = town_registered(t, 0, from);
	const size_t other = town_registered(t, 1, from);
	t->devices.tapes = true;
	town_updated(t, first);
	town_update(t, first);
	t->devices.tapes = false;
	town_settle(t);
	town_night(t);
	if (killed)
		town_restart(t, TOWN_KILLED);
	const size_t second = town_socket(t, to);
	comes(t, 0, second);
	town_updated(t, second);
	assert_int_equal(town_awake(t), 1);
	assert_int_equal(town_registrations(t), 1);
	assert_non_null(town_session(t, to, 0));
	/* Its link is another only if its socket is another worker's. */
	assert_int_equal(t->server.ups, from == to ? 2 : 3);
	assert_tidy(t, 2);
	/* The old association is nobody's: not even silence is different. */
	const size_t up = t->server.messages, down = t->devices.messages;
	town_update(t, first);
	town_replay(&t->devices, 1);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up);
	assert_int_equal(t->devices.messages, down);
	town_updated(t, other);
	/* And the server reaches it. */
	town_ask(t, 0);
	town_until(t, &t->server.messages, up + 2);
	town_restart(t, TOWN_KILLED);
	town_updated(t, second);
	town_updated(t, other);
	town_free(t);
}

static void test_R109_a_sleepers_device_comes_from_another_address(void **state)
{
	(void)state;
	comes_from_elsewhere(1, 1, false);
	comes_from_elsewhere(1, 1, true);
}

static void test_R109_a_sleepers_device_comes_to_another_worker(void **state)
{
	(void)state;
	comes_from_elsewhere(0, 1, false);
	comes_from_elsewhere(0, 1, true);
}

/* from the same port, as after a reboot of the device. */
static void test_R108_a_sleepers_device_has_rebooted(void **state)
{
	(void)state;
	for (int killed = 0; killed < 2; killed++) {
		struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
		const size_t socket = town_registered(t, 0, 0);
		town_night(t);
		if (killed)
			town_restart(t, TOWN_KILLED);
		town_reboot(t);
		comes(t, 0, socket);
		town_updated(t, socket);
		assert_int_equal(t->server.ups, 1);
		assert_tidy(t, 1);
		town_free(t);
	}
}

/* A device has the address now that another one had, which sleeps. */
static void test_R109_two_devices_behind_one_path(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_night(t);
	town_reboot(t);
	comes(t, 1, socket);
	town_register(t, 1, socket);
	town_until(t, &t->devices.messages, 2);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	town_settle(t);
	struct store_session row;
	assert_true(town_row(t, 0, &row)); /* its registration goes on; its association does not */
	assert_true(row.registered);
	/* The first one comes from elsewhere, and has its registration and link. */
	const size_t second = town_socket(t, 0);
	comes(t, 0, second);
	town_updated(t, second);
	town_updated(t, socket);
	assert_int_equal(town_registrations(t), 2);
	assert_tidy(t, 2);
	town_restart(t, TOWN_KILLED);
	town_updated(t, second);
	town_updated(t, socket);
	town_free(t);
}

/* The server calls a device whose path another one has by now: it does not reach that one. */
static void test_R109_nobody_gets_what_is_anothers(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_night(t);
	town_reboot(t);
	comes(t, 1, socket);
	town_settle(t);
	const size_t down = t->devices.messages;
	town_ask(t, 0);
	town_turns(t, QUIET_TURNS);
	town_night(t);
	town_ask(t, 0);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.messages, down);
	town_free(t);
}

/* --- a slow store ----------------------------------------------------------------------------- */

static void test_R109_a_claim_waits_for_what_is_under_way(void **state)
{
	(void)state;
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	const size_t first = town_registered(t, 0, 0);
	const size_t second = town_socket(t, 1);
	town_settle(t);
	town_stall(t);
	town_update(t, first); /* 2.04 comes, and is to be written */
	town_until(t, &t->server.messages, 2);
	town_turns(t, QUIET_TURNS);
	comes(t, 0, second);
	town_update(t, second);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, 2);
	assert_int_equal(town_relays(t), 1);
	town_go_on(t);
	town_until(t, &t->server.messages, 3);
	town_settle(t);
	assert_int_equal(town_relays(t), 1);
	assert_int_equal(town_registrations(t), 1);
	assert_null(t->devices.conns[first]);
	town_updated(t, second);
	assert_tidy(t, 1);
	town_free(t);
}

/* It leaves the first worker before its association there was durable. */
static void test_R109_a_device_moves_before_it_is_durable(void **state)
{
	(void)state;
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	const size_t first = town_socket(t, 0), second = town_socket(t, 1);
	town_stall(t);
	comes(t, 0, first);
	town_turns(t, 2);
	comes(t, 0, second);
	town_register(t, 0, second);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.ups, 0);
	town_go_on(t);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	assert_tidy(t, 1);
	town_updated(t, second);
	assert_int_equal(town_relays(t), 1);
	town_restart(t, TOWN_KILLED);
	town_updated(t, second);
	town_free(t);
}

/* Its handshake is repeated before the first one's association was durable. */
static void test_R108_a_device_comes_twice_before_it_is_durable(void **state)
{
	(void)state;
	for (int same = 0; same < 2; same++) {
		struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
		const size_t first = town_socket(t, 0);
		const size_t second = same ? first : town_socket(t, 0);
		town_stall(t);
		comes(t, 0, first);
		town_turns(t, 2);
		if (same)
			town_reboot(t);
		comes(t, 0, second);
		town_register(t, 0, second);
		town_turns(t, QUIET_TURNS);
		town_go_on(t);
		town_until(t, &t->devices.messages, 1);
		assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
		assert_tidy(t, 1);
		for (int i = 0; i < 2; i++) {
			town_night(t);
			town_updated(t, second);
			town_restart(t, TOWN_KILLED);
			town_updated(t, second);
		}
		assert_int_equal(t->server.ups, 1);
		assert_int_equal(dtls_stats(t->devices.dtls).forged, 0);
		town_free(t);
	}
}

/* It says goodbye while its association is being written down. */
static void test_a_device_that_leaves_before_it_is_durable_leaves_nothing(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_socket(t, 0);
	town_stall(t);
	comes(t, 0, socket);
	town_turns(t, 2);
	dtls_close(t->devices.dtls, t->devices.conns[socket]);
	t->devices.conns[socket] = NULL;
	town_turns(t, QUIET_TURNS);
	town_go_on(t);
	assert_tidy(t, 0);
	assert_int_equal(town_awake(t), 0);
	(void)town_registered(t, 0, 0);
	assert_tidy(t, 1);
	town_free(t);
}

/* --- all of it -------------------------------------------------------------------------------- */

enum { WORKERS = 3, PLACES = 9, STEPS = 150, HANDSHAKE_MS = 190000 };

static uint32_t next(uint32_t *random)
{
	*random = *random * 1103515245 + 12345;
	return *random >> 16;
}

static void move(struct town *t, size_t device, size_t socket)
{
	const struct net_path path = { .peer = t->gateway, .sock = (uint32_t)socket };
	if (t->devices.conns[socket])
		dtls_close(t->devices.dtls, t->devices.conns[socket]);
	else
		dtls_connect_cancel(t->devices.dtls, &path);
	t->devices.conns[socket] = NULL;
	town_connect(t, device, socket);
}

/* Whoever may. */
static void lie_down(struct town *t)
{
	town_pass(2 * (uint64_t)t->conf.store_evict_after_s * 1000);
	town_turns(t, QUIET_TURNS);
}

static void step(struct town *t, const size_t sockets[PLACES], uint32_t *random)
{
	const size_t socket = sockets[next(random) % PLACES];
	switch (next(random) % 8) {
	case 0:
		memset(t->asleep, 0, sizeof(t->asleep));
		if (!t->stall)
			lie_down(t);
		return;
	case 1:
		town_restart(t, TOWN_KILLED);
		return;
	case 2:
		if (t->stall)
			town_go_on(t);
		else
			town_stall(t);
		return;
	case 3:
		if (t->devices.conns[socket])
			town_update(t, socket);
		return;
	case 4:
		t->asleep[next(random) % WORKERS] ^= true;
		return;
	default:
		move(t, next(random) % 2, socket);
		town_turns(t, next(random) % 12);
		return;
	}
}

/* However it goes, each device has one session in the end, one association for each leg, and no
   message has been relayed by two workers at once. */
static void test_R109_wandering_through_nights_and_deaths(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 4; seed++) {
		struct town *t = town_new_kept(WORKERS, CONF_POWER_RESUME, false);
		size_t sockets[PLACES];
		uint32_t random = seed * 2654435761U;
		town_hush(t);
		for (uint32_t i = 0; i < PLACES; i++)
			sockets[i] = town_socket(t, i % WORKERS);
		for (size_t i = 0; i < STEPS; i++) {
			step(t, sockets, &random);
			town_turns(t, 1);
			assert_true(town_relays(t) <= 2);
		}
		memset(t->asleep, 0, sizeof(t->asleep));
		if (t->stall)
			town_go_on(t);
		town_turns(t, QUIET_TURNS);
		town_pass(HANDSHAKE_MS); /* what the server has begun with the dead is over */
		town_turns(t, QUIET_TURNS);
		town_reboot(t);
		for (size_t device = 0; device < 2; device++) {
			const size_t socket = town_socket(t, (uint32_t)(seed + device) % WORKERS);
			const size_t messages = t->devices.messages;
			comes(t, device, socket);
			town_register(t, device, socket);
			town_until(t, &t->devices.messages, messages + 1);
			assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
			sockets[device] = socket;
		}
		assert_tidy(t, 2);
		assert_int_equal(town_awake(t), 2);
		town_restart(t, TOWN_KILLED);
		town_updated(t, sockets[0]);
		town_updated(t, sockets[1]);
		town_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R109_a_sleepers_device_comes_from_another_address),
		cmocka_unit_test(test_R109_a_sleepers_device_comes_to_another_worker),
		cmocka_unit_test(test_R108_a_sleepers_device_has_rebooted),
		cmocka_unit_test(test_R109_two_devices_behind_one_path),
		cmocka_unit_test(test_R109_nobody_gets_what_is_anothers),
		cmocka_unit_test(test_R109_a_claim_waits_for_what_is_under_way),
		cmocka_unit_test(test_R109_a_device_moves_before_it_is_durable),
		cmocka_unit_test(test_R108_a_device_comes_twice_before_it_is_durable),
		cmocka_unit_test(test_a_device_that_leaves_before_it_is_durable_leaves_nothing),
		cmocka_unit_test(test_R109_wandering_through_nights_and_deaths),
	};
	return cmocka_run_group_tests_name("gateway/roam", tests, NULL, NULL);
}
