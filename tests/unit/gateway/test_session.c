/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/credentials.h"
#include "gateway/ask.h"
#include "gateway/session.h"
#include "io/inbox.h"
#include "proxy/relay.h"
#include "town.h"

enum {
	QUIET_TURNS = 40,
	MANY_TURNS = 200,
	CODE_CHANGED = 68,
	CODE_BAD_GATEWAY = 162

};

static struct gw_session *session_at(struct town *t, size_t worker, uint32_t device)
{
	return gw_session_of(t->workers[worker], town_cred(device));
}

static size_t relays(const struct town *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->workers_len; i++)
		n += relay_stats(t->workers[i]->relay).devices;
	return n;
}

static size_t registrations(const struct town *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->workers_len; i++)
		n += relay_stats(t->workers[i]->relay).registrations;
	return n;
}

/* A device that is connected and registered through a worker; its socket. */
static size_t registered(struct town *t, size_t device, uint32_t worker)
{
	const size_t socket = town_socket(t, worker);
	const size_t ups = t->devices.ups, messages = t->devices.messages;
	town_connect(t, device, socket);
	town_until(t, &t->devices.ups, ups + 1);
	town_register(t, device, socket);
	town_until(t, &t->devices.messages, messages + 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	return socket;
}

/* The device at a socket says goodbye, or stops trying to come in. */
static void leave(struct town *t, size_t socket)
{
	const struct net_path path = { .peer = t->gateway, .sock = (uint32_t)socket };
	if (t->devices.conns[socket])
		dtls_close(t->devices.dtls, t->devices.conns[socket]);
	else
		dtls_connect_cancel(t->devices.dtls, &path);
	t->devices.conns[socket] = NULL;
}

static void test_R290_each_device_registers_over_its_own_link(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, true);
	(void)registered(t, 0, 0);
	(void)registered(t, 1, 1);
	(void)registered(t, 2, 0);
	assert_int_equal(t->server.ups, 3);
	assert_int_equal(dtls_stats(t->server.dtls).conns, 3);
	assert_int_equal(registrations(t), 3);
	assert_int_equal(session_at(t, 0, 0)->cred, town_cred(0));
	assert_null(session_at(t, 1, 0));
	assert_int_equal(t->workers[0]->handed_over + t->workers[1]->handed_over, 0);
	town_free(t);
}

/* D-5: a device that comes back has a new association and still its registration. */
static void test_R109_a_device_that_comes_back_keeps_registration_and_link(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, true);
	const size_t first = registered(t, 0, 1);
	const size_t second = town_socket(t, 1);
	town_connect(t, 0, second);
	town_until(t, &t->devices.ups, 2);
	town_until(t, &t->devices.downs, 1);
	assert_null(t->devices.conns[first]); /* the old association was told */
	assert_int_equal(t->server.ups, 1);
	assert_int_equal(t->server.downs, 0);
	assert_int_equal(relays(t), 1);
	assert_int_equal(registrations(t), 1);
	town_update(t, second);
	town_until(t, &t->devices.messages, 2);
	assert_int_equal(t->devices.code, CODE_CHANGED);
	town_free(t);
}

/* the same from the same port, as after a reboot; the engine itself replaces the
   association. */
static void test_R108_a_rebooted_device_on_the_same_port_keeps_its_link(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, true);
	const size_t socket = registered(t, 0, 1);
	const struct gw_session *before = session_at(t, 1, 0);
	town_reboot(t);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 2);
	town_update(t, socket);
	town_until(t, &t->devices.messages, 2);
	assert_int_equal(t->devices.code, CODE_CHANGED);
	assert_ptr_equal(session_at(t, 1, 0), before);
	assert_int_equal(t->server.ups, 1);
	assert_int_equal(t->server.downs, 0);
	assert_int_equal(dtls_stats(t->workers[1]->dtls).conns, 2);
	town_free(t);
}

/* the new association may be another device's. */
static void test_R108_another_device_behind_the_same_port_ends_the_first(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, true);
	const size_t socket = registered(t, 0, 0);
	town_reboot(t);
	town_connect(t, 1, socket);
	town_until(t, &t->devices.ups, 2);
	town_until(t, &t->server.downs, 1);
	assert_null(session_at(t, 0, 0));
	/* The new one relays when it is durable. */
	for (size_t i = 0; i < MANY_TURNS && relays(t) == 0; i++)
		town_turn(t);
	assert_int_equal(relays(t), 1);
	town_register(t, 1, socket);
	town_until(t, &t->devices.messages, 2);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	town_free(t);
}

/* Another worker: the registration moves, the old association and link are closed. */
static void test_R109_a_device_on_another_worker_takes_its_registration_along(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, true);
	const size_t first = registered(t, 0, 0);
	const size_t second = town_socket(t, 1);
	town_connect(t, 0, second);
	town_until(t, &t->devices.ups, 2);
	town_until(t, &t->devices.downs, 1);
	town_until(t, &t->server.downs, 1);
	assert_null(t->devices.conns[first]);
	assert_null(session_at(t, 0, 0));
	assert_non_null(session_at(t, 1, 0));
	for (size_t i = 0; i < MANY_TURNS && relays(t) == 0; i++)
		town_turn(t); /* until the store has it */
	assert_int_equal(relays(t), 1);
	assert_int_equal(registrations(t), 1);
	assert_string_equal(
		relay_device_registration(session_at(t, 1, 0)->relay)->location, "rd/5a");
	town_update(t, second);
	town_until(t, &t->devices.messages, 2);
	assert_int_equal(t->devices.code, CODE_CHANGED);
	assert_int_equal(t->server.ups, 2);
	town_free(t);
}

static void test_R109_messages_wait_for_the_old_worker(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, true);
	(void)registered(t, 0, 0);
	t->asleep[0] = true;
	const size_t second = town_socket(t, 1);
	town_connect(t, 0, second);
	town_until(t, &t->devices.ups, 2);
	for (int i = 0; i < 2 * GW_HOLD_MESSAGES; i++)
		town_update(t, second);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.messages, 1); /* nothing is relayed by two workers at once */
	assert_int_equal(relays(t), 1);
	t->asleep[0] = false;
	town_until(t, &t->devices.messages, 1 + GW_HOLD_MESSAGES);
	assert_int_equal(t->devices.code, CODE_CHANGED);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.messages, 1 + GW_HOLD_MESSAGES); /* bounded */
	town_free(t);
}

static void test_R109_a_device_that_leaves_while_it_waits_leaves_nothing(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, true);
	(void)registered(t, 0, 0);
	t->asleep[0] = true;
	const size_t second = town_socket(t, 1);
	town_connect(t, 0, second);
	town_until(t, &t->devices.ups, 2);
	town_turns(t, QUIET_TURNS);
	leave(t, second);
	town_turns(t, QUIET_TURNS);
	t->asleep[0] = false;
	town_until(t, &t->server.downs, 1);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(relays(t), 0);
	assert_null(t->workers[0]->sessions);
	assert_null(t->workers[1]->sessions);
	(void)registered(t, 0, 1); /* and the seat is free */
	town_free(t);
}

/* However the turns fall, one session is left, with the device's newest association. */
static void test_R109_a_wandering_device_has_one_session_in_the_end(void **state)
{
	(void)state;
	enum { WANDERINGS = 60 };
	struct town *t = town_new(3, true, true);
	size_t sockets[12];
	for (uint32_t i = 0; i < 12; i++)
		sockets[i] = town_socket(t, i % 3);
	uint32_t random = 4711;
	for (size_t i = 0; i < WANDERINGS; i++) {
		random = random * 1103515245 + 12345;
		const size_t socket = sockets[random >> 16 & 7]; /* never the last four */
		for (size_t w = 0; w < 3; w++)
			t->asleep[w] = (random >> (20 + w) & 3) == 0;
		leave(t, socket);
		town_connect(t, 0, socket);
		town_turns(t, random >> 28);
		assert_true(relays(t) <= 1);
	}
	memset(t->asleep, 0, sizeof(t->asleep));
	town_turns(t, MANY_TURNS);
	const size_t ups = t->devices.ups;
	const size_t last = sockets[11];
	town_connect(t, 0, last);
	town_until(t, &t->devices.ups, ups + 1);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(relays(t), 1);
	for (size_t w = 0; w < 3; w++) {
		assert_int_equal(t->workers[w]->waiting, 0);
		assert_int_equal(dtls_stats(t->workers[w]->dtls).conns, w == 2);
	}
	const size_t messages = t->devices.messages;
	town_register(t, 0, last);
	town_until(t, &t->devices.messages, messages + 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	town_free(t);
}

static void test_a_stray_reaches_its_owner(void **state)
{
	(void)state;
	struct town *t = town_new(4, true, false);
	for (uint32_t i = 0; i < 12; i++) {
		const size_t socket = registered(t, i % TOWN_DEVICES, i % 4);
		leave(t, socket);
	}
	town_until(t, &t->server.downs, 12);
	uint64_t handed_over = 0;
	for (size_t i = 0; i < 4; i++)
		handed_over += t->workers[i]->handed_over;
	assert_true(handed_over > 0); /* the kernel's own hash knows nothing of ours */
	town_free(t);
}

static void test_an_unreachable_server_is_told_at_once(void **state)
{
	(void)state;
	struct town *t = town_new(1, false, true);
	const size_t socket = town_socket(t, 0);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 1);
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(t->devices.code, CODE_BAD_GATEWAY); /* no 5.04 after minutes */
	assert_int_equal(registrations(t), 0);
	town_free(t);
}

static struct gw_ask *ask(struct town *t, size_t worker, enum gw_ask_what what, size_t device)
{
	struct gw_ask *a = gw_ask_new(what, town_cred(device));
	assert_non_null(a);
	assert_true(gw_ask_post(a, t->inboxes[worker]));
	assert_false(gw_ask_wait(a, 0));
	for (size_t i = 0; i < QUIET_TURNS && !gw_ask_wait(a, 0); i++)
		town_turn(t);
	assert_true(gw_ask_wait(a, 0));
	return a;
}

static void test_R220_an_operator_sees_and_closes_a_session(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, true);
	(void)registered(t, 0, 1);
	(void)registered(t, 1, 1);
	struct gw_ask *a = ask(t, 1, GW_ASK_SESSIONS, 0);
	assert_true(a->good);
	assert_int_equal(a->len, 2);
	gw_ask_release(a);
	a = ask(t, 1, GW_ASK_SESSION, 0);
	assert_true(a->good);
	assert_int_equal(a->len, 1);
	assert_string_equal(a->sessions[0].endpoint, "urn:dev:0");
	assert_true(a->sessions[0].registered);
	assert_string_equal(a->sessions[0].location, "rd/5a");
	assert_int_equal(a->sessions[0].worker, 1);
	const uint8_t source[3] = { 127, 0, 5 };
	assert_memory_equal(a->sessions[0].link_local.ip, source, sizeof(source));
	assert_true(a->sessions[0].link_local.port != 0);
	assert_true(net_addr_same(&a->sessions[0].link_peer, &t->upstreams[0].addresses[0]));
	gw_ask_release(a);
	a = ask(t, 0, GW_ASK_CLOSE, 0);
	assert_false(a->good); /* the other worker has it */
	gw_ask_release(a);
	a = ask(t, 1, GW_ASK_CLOSE, 0);
	assert_true(a->good);
	gw_ask_release(a);
	town_until(t, &t->devices.downs, 1);
	town_until(t, &t->server.downs, 1);
	a = ask(t, 1, GW_ASK_NUMBERS, 0);
	assert_int_equal(a->numbers.relay.devices, 1);
	assert_int_equal(a->numbers.dtls.conns, 2);
	assert_true(a->numbers.datagrams_in > 0 && a->numbers.datagrams_out > 0);
	gw_ask_release(a);
	town_free(t);
}

static void test_R221_at_the_end_every_peer_is_told(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, true);
	(void)registered(t, 0, 0);
	(void)registered(t, 1, 1);
	(void)registered(t, 2, 1);
	for (size_t i = 0; i < 2; i++)
		assert_true(inbox_post(t->inboxes[i], INBOX_SURE, GW_STOP, NULL, 0));
	town_until(t, &t->devices.downs, 3);
	town_until(t, &t->server.downs, 3);
	assert_null(t->workers[0]->sessions);
	assert_null(t->workers[1]->sessions);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R290_each_device_registers_over_its_own_link),
		cmocka_unit_test(test_R109_a_device_that_comes_back_keeps_registration_and_link),
		cmocka_unit_test(test_R108_a_rebooted_device_on_the_same_port_keeps_its_link),
		cmocka_unit_test(test_R108_another_device_behind_the_same_port_ends_the_first),
		cmocka_unit_test(test_R109_a_device_on_another_worker_takes_its_registration_along),
		cmocka_unit_test(test_R109_messages_wait_for_the_old_worker),
		cmocka_unit_test(test_R109_a_device_that_leaves_while_it_waits_leaves_nothing),
		cmocka_unit_test(test_R109_a_wandering_device_has_one_session_in_the_end),
		cmocka_unit_test(test_a_stray_reaches_its_owner),
		cmocka_unit_test(test_an_unreachable_server_is_told_at_once),
		cmocka_unit_test(test_R220_an_operator_sees_and_closes_a_session),
		cmocka_unit_test(test_R221_at_the_end_every_peer_is_told),
	};
	return cmocka_run_group_tests_name("gateway/session", tests, NULL, NULL);
}
