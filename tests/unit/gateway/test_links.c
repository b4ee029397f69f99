/* SPDX-License-Identifier: Apache-2.0 */
/* Source slots of links: kept over restarts, never two links', and given back once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "gateway/worker_parts.h"
#include "io/sources.h"
#include "town_night.h"

enum { QUIET_TURNS = 12, REST_MS = SOURCES_REST_MS + 5000, RETRY_MS = 2000, SLOTS_MAX = 4096 };

/* Every slot is looked at, and those that were given back have rested. */
static void reclaimed(struct town *t)
{
	for (size_t i = 0; i < t->workers_len; i++) {
		struct gw_worker *const w = t->workers[i];
		w->reclaim_next = 0;
		w->reclaim_ms = 0;
		while (w->reclaim_ms == 0) {
			town_pass(RETRY_MS);
			town_turns(t, 2);
		}
	}
	town_settle(t);
	town_pass(REST_MS);
	town_turns(t, 2);
}

/* How many slots a worker still has to give away, each once; they are gone after that. */
static size_t count_free(struct town *t, size_t worker)
{
	static bool seen[SLOTS_MAX];
	struct gw_worker *const w = t->workers[worker];
	size_t n = 0;
	uint32_t slot;
	memset(seen, 0, sizeof(seen));
	while ((slot = sources_take(w->upstreams[0].sources, w->now_ms)) != SOURCES_NONE) {
		assert_true(slot < SLOTS_MAX);
		assert_false(seen[slot]); /* nothing was given back twice */
		seen[slot] = true;
		n++;
	}
	/* Those that sleep, or are awake, keep theirs. */
	for (size_t device = 0; device < TOWN_DEVICES; device++) {
		struct store_session row;
		struct store_assoc a;
		struct net_path path = { .sock = 0 };
		if (!town_row(t, device, &row) || row.worker != worker ||
			!town_assoc(t, row.link, &a) || a.cred != town_cred(device))
			continue;
		path.peer = a.path.peer;
		memcpy(path.local_ip, a.path.local.ip, sizeof(path.local_ip));
		for (size_t i = 0; i < w->upstreams[0].links_len; i++) {
			if (w->upstreams[0].links[i]->port == a.path.local.port)
				path.sock = w->upstreams[0].links[i]->sock;
		}
		slot = sources_find(w->upstreams[0].sources, &path);
		assert_true(slot != SOURCES_NONE && !seen[slot]);
	}
	return n;
}

static size_t all_slots(void)
{
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t n = count_free(t, 0);
	town_free(t);
	return n;
}

static void test_link_sockets_have_their_ports_again(void **state)
{
	(void)state;
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	(void)town_registered(t, 0, 0);
	(void)town_registered(t, 1, 1);
	town_settle(t);
	const uint16_t ports[2] = { t->workers[0]->upstreams[0].links[0]->port,
		t->workers[1]->upstreams[0].links[0]->port };
	for (size_t i = 0; i < 3; i++) {
		town_restart(t, TOWN_KILLED);
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(t->workers[k]->upstreams[0].links_len, 1);
			assert_int_equal(t->workers[k]->upstreams[0].links[0]->port, ports[k]);
		}
	}
	town_free(t);
}

static void test_another_program_has_the_port_now(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	const struct udp_options o = {
		.bind = { .family = NET_IPV4, .port = t->workers[0]->upstreams[0].links[0]->port }
	};
	town_die(t, TOWN_KILLED);
	const int fd = udp_open(&o);
	assert_true(fd >= 0);
	town_rise(t);
	town_updated(t, socket); /* over a link that is new */
	assert_int_equal(t->server.ups, 2);
	assert_int_equal(t->devices.ups, 1);
	assert_int_equal(town_registrations(t), 1);
	town_settle(t);
	assert_int_equal(store_stats(t->store).associations, 2);
	(void)close(fd);
	town_restart(t, TOWN_KILLED);
	town_updated(t, socket);
	assert_int_equal(t->server.ups, 2);
	town_free(t);
}

/* Slots of sleepers are not given to others; all others come back, once. */
static void test_slots_of_earlier_runs_are_given_back_once(void **state)
{
	(void)state;
	const size_t all = all_slots();
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	size_t sockets[TOWN_DEVICES];
	for (size_t i = 0; i < TOWN_DEVICES; i++)
		sockets[i] = town_registered(t, i, 0);
	town_restart(t, TOWN_KILLED);
	dtls_close(t->server.dtls, t->server.conns[1]); /* one wakes, and ends */
	town_updated(t, sockets[0]);                    /* one wakes */
	town_settle(t);
	reclaimed(t);
	assert_int_equal(count_free(t, 0), all - 2);
	town_free(t);
}

/* A link that is being opened has a slot, and no row yet. */
static void test_a_slot_in_use_is_not_given_to_others(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_socket(t, 0);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 1);
	town_settle(t);
	t->server.swallows = true;
	town_register(t, 0, socket);
	town_turns(t, QUIET_TURNS);
	const uint32_t mine = town_session(t, 0, 0)->slot;
	assert_true(mine != SOURCES_NONE);
	struct gw_worker *const w = t->workers[0];
	w->reclaim_ms = 0;
	w->reclaim_next = 0;
	gw_worker_reclaim(w);
	uint32_t slot;
	while ((slot = sources_take(w->upstreams[0].sources, w->now_ms)) != SOURCES_NONE)
		assert_int_not_equal(slot, mine);
	town_free(t);
}

/* A link ends while its slot is looked at, and its row goes after that. */
static void test_a_slot_whose_link_ends_meanwhile_is_given_back(void **state)
{
	(void)state;
	const size_t all = all_slots();
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_restart(t, TOWN_KILLED);
	town_updated(t, socket);
	town_settle(t);
	t->workers[0]->reclaim_next = 0;
	t->workers[0]->reclaim_ms = 0;
	town_stall(t);
	dtls_close(t->server.dtls, t->server.conns[0]);
	town_turns(t, QUIET_TURNS);
	town_pass(RETRY_MS);
	town_turns(t, 2);
	town_go_on(t);
	town_settle(t);
	reclaimed(t);
	assert_int_equal(count_free(t, 0), all);
	town_free(t);
}

/* After a power loss links are opened anew: the slots of the old ones must come back. */
static void test_S10_slots_of_lapsed_links_are_given_back(void **state)
{
	(void)state;
	const size_t all = all_slots();
	for (int how = 0; how < 3; how++) {
		struct town *t = town_new_kept(1, CONF_POWER_RESUME, true);
		const size_t socket = town_registered(t, 0, 0);
		town_settle(t);
		town_restart(t, TOWN_DARK);
		if (how == 1) { /* the server speaks first, and is told */
			town_ask(t, 0);
			town_until(t, &t->server.downs, 1);
		}
		if (how == 2) { /* the device does */
			town_update(t, socket);
			town_until(t, &t->devices.downs, 1);
			town_connect(t, 0, socket);
			town_until(t, &t->devices.ups, 2);
			town_updated(t, socket);
		}
		town_settle(t);
		reclaimed(t);
		reclaimed(t);
		assert_int_equal(count_free(t, 0), how == 2 ? all - 1 : all);
		town_free(t);
	}
}

/* A sleeper's device goes to another worker: the link that it had is nobody's. */
static void test_R109_the_slot_of_a_sleeper_that_moved_is_given_back(void **state)
{
	(void)state;
	const size_t all = all_slots();
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	(void)town_registered(t, 0, 0);
	town_night(t);
	const size_t second = town_socket(t, 1);
	town_connect(t, 0, second);
	town_until(t, &t->devices.ups, 2);
	town_updated(t, second);
	town_settle(t);
	reclaimed(t);
	assert_int_equal(count_free(t, 1), all - 1);
	assert_int_equal(count_free(t, 0), all);
	town_free(t);
}

/* A slot that was given back although its row could not be dropped is not given back again. */
static void test_S4_a_broken_disk_gives_no_slot_twice(void **state)
{
	(void)state;
	const size_t all = all_slots();
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, true);
	const size_t socket = town_registered(t, 0, 0);
	struct store_session row;
	town_settle(t);
	town_restart(t, TOWN_KILLED);
	reclaimed(t);
	town_hush(t);
	assert_true(town_row(t, 0, &row));
	atomic_store(&store_slot(t->store, row.link)->mac, 7); /* its link is lost */
	town_fail(t, STORE_FULL, 1000000);
	for (size_t i = 0; i < 5; i++) {
		town_update(t, socket);
		town_turns(t, QUIET_TURNS);
	}
	town_fail(t, STORE_OK, 0);
	town_settle(t);
	town_pass(REST_MS); /* the relay tries no link that has just failed */
	town_turns(t, 2);
	town_updated(t, socket);
	assert_int_equal(t->server.ups, 2);
	town_settle(t);
	reclaimed(t);
	assert_int_equal(count_free(t, 0), all - 1);
	town_free(t);
}

/* --- more workers, or fewer ------------------------------------------------------------------- */

static void grows(size_t before, size_t after)
{
	struct town *t = town_new_kept(before, CONF_POWER_RESUME, false);
	size_t sockets[TOWN_DEVICES];
	for (size_t i = 0; i < TOWN_DEVICES; i++)
		sockets[i] = town_registered(t, i, (uint32_t)(i % before));
	town_settle(t);
	town_die(t, TOWN_KILLED);
	t->workers_len = after;
	t->conf.workers = (uint32_t)after;
	town_rise(t);
	for (size_t i = 0; i < TOWN_DEVICES; i++)
		town_ask(t, i); /* it may arrive, or not; it must not make the device deaf */
	town_settle(t);
	town_turns(t, QUIET_TURNS);
	for (size_t i = 0; i < TOWN_DEVICES; i++)
		town_updated(t, sockets[i]);
	assert_int_equal(t->devices.ups, TOWN_DEVICES);
	assert_int_equal(t->devices.downs, 0);
	assert_int_equal(town_registrations(t), TOWN_DEVICES);
	town_settle(t);
	assert_int_equal(store_stats(t->store).associations, 2 * TOWN_DEVICES);
	town_restart(t, TOWN_KILLED);
	const size_t ups = t->server.ups;
	for (size_t i = 0; i < TOWN_DEVICES; i++)
		town_updated(t, sockets[i]);
	assert_int_equal(t->server.ups, ups);
	town_free(t);
}

static void test_more_workers_than_before(void **state)
{
	(void)state;
	grows(1, 2);
	grows(1, 4);
	grows(2, 3);
}

static void test_fewer_workers_than_before(void **state)
{
	(void)state;
	grows(2, 1);
	grows(4, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_sockets_have_their_ports_again),
		cmocka_unit_test(test_another_program_has_the_port_now),
		cmocka_unit_test(test_slots_of_earlier_runs_are_given_back_once),
		cmocka_unit_test(test_a_slot_in_use_is_not_given_to_others),
		cmocka_unit_test(test_a_slot_whose_link_ends_meanwhile_is_given_back),
		cmocka_unit_test(test_S10_slots_of_lapsed_links_are_given_back),
		cmocka_unit_test(test_R109_the_slot_of_a_sleeper_that_moved_is_given_back),
		cmocka_unit_test(test_S4_a_broken_disk_gives_no_slot_twice),
		cmocka_unit_test(test_more_workers_than_before),
		cmocka_unit_test(test_fewer_workers_than_before),
	};
	return cmocka_run_group_tests_name("gateway/links", tests, NULL, NULL);
}
