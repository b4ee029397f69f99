/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/ask.h"
#include "proxy/relay.h"
#include "town.h"

enum { WORKERS = 4, SOCKETS = 32, WANDERINGS = 300, ASK_MS = 5000, QUIET_TURNS = 50 };

static size_t relayed_devices(struct town *t)
{
	size_t n = 0;
	for (size_t i = 0; i < WORKERS; i++) {
		struct gw_ask *a = gw_ask_new(GW_ASK_NUMBERS, 0);
		assert_non_null(a);
		assert_true(gw_ask_post(a, t->inboxes[i]));
		assert_true(gw_ask_wait(a, ASK_MS));
		n += a->numbers.relay.devices;
		gw_ask_release(a);
	}
	return n;
}

static size_t listed_sessions(struct town *t)
{
	size_t n = 0;
	for (size_t i = 0; i < WORKERS; i++) {
		struct gw_ask *a = gw_ask_new(GW_ASK_SESSIONS, 0);
		assert_non_null(a);
		assert_true(gw_ask_post(a, t->inboxes[i]));
		assert_true(gw_ask_wait(a, ASK_MS));
		assert_true(a->good);
		n += a->len;
		gw_ask_release(a);
	}
	return n;
}

/* Two devices change their addresses all the time, an operator looks and closes, and all of it
   on real threads. */
static void wander(struct town *t, const size_t sockets[SOCKETS])
{
	uint32_t random = 4711;
	for (size_t i = 0; i < WANDERINGS; i++) {
		random = random * 1103515245 + 12345;
		const size_t socket = sockets[random >> 16 & (SOCKETS - 1)];
		const struct net_path path = { .peer = t->gateway, .sock = (uint32_t)socket };
		if (t->devices.conns[socket])
			dtls_close(t->devices.dtls, t->devices.conns[socket]);
		else
			dtls_connect_cancel(t->devices.dtls, &path);
		t->devices.conns[socket] = NULL;
		town_connect(t, random >> 24 & 1, socket);
		town_turns(t, random >> 28);
		if (i % 10 == 0)
			(void)listed_sessions(t);
		if (i % 25 == 0) {
			struct gw_ask *a = gw_ask_new(GW_ASK_CLOSE, 0);
			assert_non_null(a);
			assert_true(gw_ask_post(a, t->inboxes[i % WORKERS]));
			gw_ask_release(a); /* not waited for */
		}
	}
	for (size_t i = 0; i < QUIET_TURNS; i++)
		town_turn(t);
}

static void test_R109_wandering_devices_on_real_threads(void **state)
{
	(void)state;
	struct town *t = town_new(WORKERS, true, false); /* strays as well */
	size_t sockets[SOCKETS];
	for (uint32_t i = 0; i < SOCKETS; i++)
		sockets[i] = town_socket(t, i % WORKERS);
	town_start(t);
	wander(t, sockets);
	for (size_t device = 0; device < 2; device++) {
		const size_t fresh = town_socket(t, (uint32_t)(WORKERS - 1 - device));
		const size_t ups = t->devices.ups;
		town_connect(t, device, fresh);
		town_until(t, &t->devices.ups, ups + 1);
		const size_t messages = t->devices.messages;
		town_register(t, device, fresh);
		town_until(t, &t->devices.messages, messages + 1);
		assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	}
	assert_int_equal(relayed_devices(t), 2);
	assert_int_equal(listed_sessions(t), 2);
	town_stop(t);
	for (size_t i = 0; i < WORKERS; i++)
		assert_null(t->workers[i]->sessions);
	town_free(t);
}

static void test_a_worker_that_stops_does_not_wait_for_another(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, true);
	const size_t first = town_socket(t, 0);
	const size_t second = town_socket(t, 1);
	town_connect(t, 0, first);
	town_until(t, &t->devices.ups, 1);
	t->asleep[0] = true;
	town_connect(t, 0, second);
	town_until(t, &t->devices.ups, 2); /* waits for worker 0 */
	assert_int_equal(t->workers[1]->waiting, 1);
	assert_true(inbox_post(t->inboxes[1], INBOX_SURE, GW_STOP, NULL, 0));
	town_turns(t, QUIET_TURNS);
	assert_null(t->workers[1]->sessions);
	assert_int_equal(t->workers[1]->waiting, 0);
	t->asleep[0] = false; /* its yield comes too late, and nobody minds */
	town_turns(t, QUIET_TURNS);
	assert_null(t->workers[0]->sessions);
	town_free(t);
}

static void test_random_bytes_do_not_repeat(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, true);
	static uint64_t got[1000];
	for (size_t i = 0; i < 1000; i++) {
		gw_worker_random(t->workers[0], (uint8_t *)&got[i], sizeof(got[i]));
		for (size_t k = 0; k < i; k++)
			assert_true(got[k] != got[i]);
	}
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R109_wandering_devices_on_real_threads),
		cmocka_unit_test(test_a_worker_that_stops_does_not_wait_for_another),
		cmocka_unit_test(test_random_bytes_do_not_repeat),
	};
	return cmocka_run_group_tests_name("gateway/worker", tests, NULL, NULL);
}
