/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cid.h"
#include "dtls/cid.h"
#include "dtls/record.h"
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

/* A record for nobody, with a CID of a worker, from a device's socket. */
static void send_with_cid(struct town *t, size_t socket, uint8_t worker)
{
	enum { BODY = 30 };
	static const uint8_t random[CID_RANDOM_MIN] = { 1, 2, 3 };
	uint8_t cid[DTLS_CID_OURS_MAX], data[64] = { 0 };
	const struct dtls_cid_form form = { .worker = worker, .random = sizeof(random) };
	const struct dtls_number n = { .type = DTLS_CID,
		.epoch = 1,
		.cid = cid,
		.cid_len = dtls_cid_make(&form, random, cid) };
	const struct net_path path = { .peer = t->gateway };
	const size_t len = DTLS_RECORD_HEADER + n.cid_len + BODY;
	struct udp_tx *const tx = &t->devices.tx;
	dtls_record_header(data, DTLS_VERSION_1_2, &n, BODY);
	uint8_t *const room = udp_tx_room(tx, t->devices.fds[socket], &path, len);
	assert_non_null(room);
	memcpy(room, data, len);
	udp_tx_done(tx, len);
	udp_tx_flush(tx);
}

/* Wherever it comes from, and whether the kernel helps or not. */
static void test_S25_a_cid_brings_a_record_to_its_worker(void **state)
{
	enum { RECORDS = 12 };
	(void)state;
	for (int steered = 0; steered < 2; steered++) {
		struct town *t = town_new(2, true, steered);
		for (uint32_t i = 0; i < RECORDS; i++)
			send_with_cid(t, town_socket(t, i % 2), 1);
		town_turns(t, QUIET_TURNS);
		assert_int_equal(dtls_stats(t->workers[0]->dtls).unknown_cid, 0);
		assert_int_equal(dtls_stats(t->workers[1]->dtls).unknown_cid, RECORDS);
		assert_int_equal(t->workers[1]->handed_over, 0);
		if (steered)
			assert_int_equal(t->workers[0]->handed_over, 0);
		town_free(t);
	}
}

static void test_S25_a_cid_names_node_and_worker(void **state)
{
	enum { NODE = 9, RANDOM = 12 };
	(void)state;
	struct town *t = town_found(2, true);
	t->conf.cid_node = NODE;
	t->conf.cid_random = RANDOM;
	town_make_gateway(t, true);
	town_use_cids(t, &(struct town_cids){ .gateway = true });
	for (uint32_t worker = 0; worker < 2; worker++) {
		const size_t socket = town_socket(t, worker);
		town_connect(t, worker, socket);
		town_until(t, &t->devices.ups, worker + 1);
		const struct dtls_conn_facts f = dtls_conn_facts(t->devices.conns[socket]);
		assert_int_equal(f.cid_out_len, CID_ROUTE + RANDOM);
		assert_int_equal(f.cid_out[0], CID_VERSION | (CID_ROUTE + RANDOM));
		assert_int_equal(f.cid_out[CID_NODE], NODE);
		assert_int_equal(f.cid_out[CID_WORKER], worker);
	}
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R109_wandering_devices_on_real_threads),
		cmocka_unit_test(test_a_worker_that_stops_does_not_wait_for_another),
		cmocka_unit_test(test_S25_a_cid_brings_a_record_to_its_worker),
		cmocka_unit_test(test_S25_a_cid_names_node_and_worker),
		cmocka_unit_test(test_random_bytes_do_not_repeat),
	};
	return cmocka_run_group_tests_name("gateway/worker", tests, NULL, NULL);
}
