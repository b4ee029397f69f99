/* SPDX-License-Identifier: Apache-2.0 */
/* What the control room is told of sessions: of those that sleep, and of addresses and CIDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/gateway_parts.h"
#include "store/core.h"
#include "town_night.h"

/* A main thread, as far as it is asked about sessions. */
static struct gw_gateway *main_thread(const struct town *t)
{
	struct gw_gateway *const g = calloc(1, sizeof(*g));
	assert_non_null(g);
	g->shared = t->shared;
	g->len = t->workers_len;
	memcpy(g->inboxes, t->inboxes, sizeof(t->inboxes));
	g->reader = store_reader_new(t->store);
	assert_non_null(g->reader);
	return g;
}

static void main_thread_end(struct gw_gateway *g)
{
	store_reader_free(g->reader);
	free(g);
}

static enum store_result put_row(struct store_txn *t, void *row)
{
	return store_session_put(t, row);
}

static bool no_address(const struct net_addr *a)
{
	return a->family == 0;
}

/* Places are given to others when an association is gone, and a row may still name them. */
static void test_a_sleeper_is_not_shown_with_anothers_addresses(void **state)
{
	(void)state;
	enum { BOTH = 2 };
	struct town *const t = town_new_kept(1, CONF_POWER_RESUME, false);
	for (size_t i = 0; i < BOTH; i++)
		(void)town_registered(t, i, 0);
	town_night(t);
	struct gw_gateway *const g = main_thread(t);
	const struct ctl_source source = gw_source(g);
	struct ctl_session all[BOTH + 1];
	struct store_session first = { 0 }, second = { 0 };
	uint32_t from = 0;
	size_t len;
	assert_true(source.sleepers(source.ctx, &from, all, BOTH + 1, &len));
	assert_int_equal(len, BOTH);
	for (size_t i = 0; i < BOTH; i++) {
		assert_false(no_address(&all[i].device) || no_address(&all[i].link_peer));
		assert_true(all[i].generation > 0);
	}
	assert_true(town_row(t, 0, &first) && town_row(t, 1, &second));
	/* Its device's place is the other's, its link's place is its own device's. */
	second.link = second.device;
	second.device = first.device;
	assert_int_equal(town_do(t, put_row, &second), STORE_OK);
	from = 0;
	assert_true(source.sleepers(source.ctx, &from, all, BOTH + 1, &len));
	assert_int_equal(len, BOTH);
	assert_false(no_address(&all[0].device) || no_address(&all[0].link_peer));
	assert_true(no_address(&all[1].device) && no_address(&all[1].link_peer));
	assert_true(no_address(&all[1].link_local));
	assert_int_equal(all[1].generation, 0);
	assert_int_equal(all[1].device_up_ms_ago, 0);
	main_thread_end(g);
	town_free(t);
}

/* --- how long it looks ------------------------------------------------------------------------ */

enum { NAMELESS = 1000, NAMELESS_LAST = 9000 }; /* credentials, of sessions that nobody has */

static enum store_result put_nameless(struct store_txn *t, void *unused)
{
	enum store_result r = STORE_OK;
	(void)unused;
	for (uint32_t cred = NAMELESS; cred <= NAMELESS_LAST && r == STORE_OK; cred++) {
		const struct store_session s = {
			.cred = cred, .device = STORE_NO_SLOT, .link = STORE_NO_SLOT
		};
		r = store_session_put(t, &s);
	}
	return r;
}

/* The main thread has more to do than to look for sleepers among those that are none. */
static void test_a_look_for_sleepers_ends_though_it_has_found_none(void **state)
{
	(void)state;
	struct town *const t = town_new_kept(1, CONF_POWER_RESUME, false);
	(void)town_registered(t, 0, 0);
	town_night(t);
	assert_int_equal(town_do(t, put_nameless, NULL), STORE_OK);
	struct gw_gateway *const g = main_thread(t);
	const struct ctl_source source = gw_source(g);
	struct ctl_session all[2];
	uint32_t from = 1, before = 0;
	size_t len, turns = 0, found = 0;
	do {
		assert_true(from > before);
		before = from;
		const uint64_t unseals = atomic_load(&t->store->unseals);
		assert_true(source.sleepers(source.ctx, &from, all, 2, &len));
		assert_in_range(atomic_load(&t->store->unseals) - unseals, 1, 300);
		found += len;
		turns++;
	} while (from != 0);
	assert_int_equal(found, 1);
	assert_true(turns > (NAMELESS_LAST - NAMELESS) / 300);
	main_thread_end(g);
	town_free(t);
}

static void test_who_is_awake_is_passed_over_unread(void **state)
{
	(void)state;
	struct town *const t = town_new_kept(1, CONF_POWER_RESUME, false);
	(void)town_registered(t, 0, 0);
	town_settle(t);
	struct gw_gateway *const g = main_thread(t);
	const struct ctl_source source = gw_source(g);
	struct store_session row = { 0 };
	struct ctl_session one[1];
	uint32_t from = 1;
	size_t len;
	assert_true(town_row(t, 0, &row) && gw_source_is_awake(g, row.cred));
	const uint64_t unseals = atomic_load(&t->store->unseals);
	assert_true(source.sleepers(source.ctx, &from, one, 1, &len));
	assert_true(len == 0 && from == 0);
	assert_int_equal(atomic_load(&t->store->unseals), unseals);
	main_thread_end(g);
	town_free(t);
}

/* --- connection ids --------------------------------------------------------------------------- */

enum { CID_OCTETS = 11, CID_FORMAT = 1 << 5 | CID_OCTETS, AWAY_MS = 90000 };

static uint16_t port_of(const struct town *t, size_t socket)
{
	struct net_addr a;
	assert_true(udp_local(t->devices.fds[socket], &a));
	return a.port;
}

/* A device that is registered, and then speaks from another socket some time later. */
static struct town *roamed(const struct town_cids *cids, uint16_t ports[2])
{
	struct town *const t = town_new_kept(1, CONF_POWER_RESUME, false);
	town_hush(t);
	town_use_cids(t, cids);
	const size_t first = town_registered(t, 0, 0), second = town_socket(t, 0);
	town_settle(t);
	town_pass(AWAY_MS);
	town_move(t, first, second);
	town_updated(t, second);
	town_settle(t);
	ports[0] = port_of(t, first);
	ports[1] = port_of(t, second);
	return t;
}

static struct ctl_session sleeper(const struct town *t)
{
	struct gw_gateway *const g = main_thread(t);
	const struct ctl_source source = gw_source(g);
	struct ctl_session one[2];
	uint32_t from = 0;
	size_t len;
	assert_true(source.sleepers(source.ctx, &from, one, 2, &len));
	assert_int_equal(len, 1);
	main_thread_end(g);
	assert_true(one[0].asleep);
	return one[0];
}

/* Asks for one that is awake by its name; NULL: for all. */
static struct ctl_session awake(struct town *t, const char *endpoint)
{
	struct gw_gateway *const g = main_thread(t);
	const struct ctl_source source = gw_source(g);
	struct ctl_session *all = NULL;
	size_t len = 0;
	town_start(t);
	assert_true(source.sessions(source.ctx, endpoint, &all, &len));
	town_stop(t);
	assert_int_equal(len, 1);
	const struct ctl_session one = all[0];
	free(all);
	main_thread_end(g);
	assert_false(one.asleep);
	return one;
}

static void test_S26_a_sleeper_is_shown_where_it_is_and_was(void **state)
{
	(void)state;
	uint16_t ports[2];
	struct town *const t =
		roamed(&(struct town_cids){ .gateway = true, .move = CONF_MOVE_TRUST }, ports);
	town_night(t);
	const struct ctl_session s = sleeper(t);
	assert_int_equal(s.device.port, ports[1]);
	assert_true(s.stays_known);
	assert_int_equal(s.moves, 1);
	assert_int_equal(s.stays[0].peer.port, ports[0]);
	assert_true(s.stays[0].since_ms_ago >= AWAY_MS);
	assert_true(s.device_since_ms_ago < AWAY_MS);
	assert_true(no_address(&s.stays[1].peer));
	assert_true(no_address(&s.candidate));
	assert_false(s.adrift);
	assert_int_equal(s.device_cids.in_len, CID_OCTETS);
	assert_int_equal(s.device_cids.in[0], CID_FORMAT);
	assert_int_equal(s.device_cids.out_len, 0);
	town_free(t);
}

static void test_S26_a_sleepers_newest_address_is_a_candidate_until_it_is_shown(void **state)
{
	(void)state;
	uint16_t ports[2];
	struct town *const t = roamed(&(struct town_cids){ .gateway = true }, ports);
	town_night(t);
	const struct ctl_session s = sleeper(t);
	assert_int_equal(s.device.port, ports[0]);
	assert_int_equal(s.candidate.port, ports[1]);
	assert_int_equal(s.moves, 0);
	assert_true(no_address(&s.stays[0].peer));
	assert_true(s.device_since_ms_ago >= AWAY_MS);
	town_free(t);
}

/* What is borrowed of an association must not leave its thread. */
static void test_R156_one_that_is_awake_is_shown_with_what_the_store_knows(void **state)
{
	(void)state;
	uint16_t ports[2];
	struct town *const t = roamed(&(struct town_cids){ .gateway = true,
					      .move = CONF_MOVE_TRUST,
					      .device = true,
					      .links = true,
					      .server = true },
		ports);
	const struct ctl_session s = awake(t, "urn:dev:0");
	assert_int_equal(s.device.port, ports[1]);
	assert_true(s.stays_known);
	assert_int_equal(s.moves, 1);
	assert_int_equal(s.stays[0].peer.port, ports[0]);
	assert_true(s.stays[0].since_ms_ago >= AWAY_MS);
	assert_int_equal(s.device_cids.in_len, CID_OCTETS);
	assert_int_equal(s.device_cids.in[0], CID_FORMAT);
	assert_int_equal(s.device_cids.out_len, CID_OCTETS);
	assert_int_equal(s.link_cids.in_len, CID_OCTETS);
	assert_int_equal(s.link_cids.out_len, CID_OCTETS);
	assert_int_equal(s.link_cids.out[0], CID_FORMAT);
	assert_null(s.device_facts.cid_in);
	assert_null(s.device_facts.cid_out);
	assert_null(s.link_facts.cid_in);
	assert_null(s.link_facts.cid_out);
	town_free(t);
}

static void test_in_a_list_of_those_awake_the_store_is_not_asked_for_each(void **state)
{
	(void)state;
	uint16_t ports[2];
	struct town *const t = roamed(&(struct town_cids){ .gateway = true }, ports);
	const struct ctl_session s = awake(t, NULL);
	assert_false(s.stays_known);
	assert_int_equal(s.device.port, ports[0]);
	assert_int_equal(s.candidate.port, ports[1]);
	assert_int_equal(s.device_cids.in_len, CID_OCTETS);
	assert_int_equal(s.device_cids.out_len, 0);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sleeper_is_not_shown_with_anothers_addresses),
		cmocka_unit_test(test_S26_a_sleeper_is_shown_where_it_is_and_was),
		cmocka_unit_test(test_a_look_for_sleepers_ends_though_it_has_found_none),
		cmocka_unit_test(test_who_is_awake_is_passed_over_unread),
		cmocka_unit_test(
			test_S26_a_sleepers_newest_address_is_a_candidate_until_it_is_shown),
		cmocka_unit_test(test_R156_one_that_is_awake_is_shown_with_what_the_store_knows),
		cmocka_unit_test(test_in_a_list_of_those_awake_the_store_is_not_asked_for_each),
	};
	return cmocka_run_group_tests_name("gateway/source", tests, NULL, NULL);
}
