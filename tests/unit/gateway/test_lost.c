/* SPDX-License-Identifier: Apache-2.0 */
/* S27: who is told that he is not known here, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "dtls/cid.h"
#include "gateway/lost.h"
#include "gateway/places.h"
#include "store/slot.h"
#include "town_night.h"

enum { RATE = 10, NODE = 5 };

static const uint64_t second_ms = 1000, interval_ms = 100; /* at RATE */

static const uint8_t random_part[DTLS_CID_RANDOM_MAX] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };

/* --- what is looked at ------------------------------------------------------------------------ */

/* Everybody in 10.0.0.0/8 may be told, from now on. */
static struct gw_worker *trusting(struct town *t, size_t worker)
{
	struct gw_worker *const w = t->workers[worker];
	w->profiles.told = (struct gw_told){
		.prefixes = { { .base = { .ip = { 10 }, .family = NET_IPV4 }, .bits = 8 } },
		.len = 1,
		.rate = RATE,
	};
	w->lost.speaks_ms = 0;
	return w;
}

/* Somebody of network n, with a port whose worker is w. */
static struct net_path from(const struct gw_worker *w, uint16_t n)
{
	struct net_path p = { .peer = { .ip = { 10, (uint8_t)(n >> 8), (uint8_t)n, 1 },
				      .family = NET_IPV4 } };
	memcpy(p.local_ip, w->bound[0].ip, sizeof(p.local_ip));
	do
		p.peer.port++;
	while (steer_owner(&w->shared->steer, &p.peer) != w->number);
	return p;
}

struct cid {
	uint8_t octets[DTLS_CID_OURS_MAX];
	size_t len;
};

static struct cid cid_of(uint8_t node, uint8_t worker)
{
	const struct dtls_cid_form form = {
		.node = node, .worker = worker, .random = DTLS_CID_RANDOM_MIN
	};
	struct cid c;
	c.len = dtls_cid_make(&form, random_part, c.octets);
	return c;
}

static bool is_told(struct gw_worker *w, const struct net_path *path)
{
	return gw_lost(w, DTLS_SERVER, path, NULL, 0);
}

static bool is_told_by_cid(struct gw_worker *w, const struct net_path *path, const struct cid *c)
{
	return gw_lost(w, DTLS_SERVER, path, c->octets, c->len);
}

/* Time passes, and the workers know. */
static void pass(struct town *t, uint64_t ms)
{
	town_pass(ms);
	for (size_t i = 0; i < t->workers_len; i++)
		t->workers[i]->now_ms += ms;
}

/* Nobody is kept from being told by what was told before. */
static void forgive(struct town *t)
{
	pass(t, GW_TOLD_PAUSE_MS);
}

/* --- the store's rows ------------------------------------------------------------------------- */

static enum store_result put(struct store_txn *x, void *assoc)
{
	return store_assoc_put(x, assoc, slot_owner(1, 0));
}

static enum store_result drop(struct store_txn *x, void *assoc)
{
	const struct store_assoc *const a = assoc;
	return store_assoc_drop(x, a->slot, a->id);
}

/* Device 0 sleeps there; c NULL: without a CID. */
static void settle_row(struct town *t, const struct gw_worker *w, const struct net_path *path,
	const struct cid *c, struct store_assoc *out)
{
	struct store_cred_mark mark;
	struct store_reader *const r = store_reader_new(t->store);
	assert_non_null(r);
	assert_int_equal(store_read_cred_mark(r, town_cred(0), &mark), STORE_OK);
	store_reader_free(r);
	*out = (struct store_assoc){ .cred = town_cred(0),
		.generation = mark.generation,
		.context_len = 1,
		.cid_len = c ? (uint8_t)c->len : 0 };
	if (c)
		memcpy(out->cid, c->octets, c->len);
	assert_true(gw_place_to_store(w, STORE_DEVICE, path, &out->path));
	assert_int_equal(town_do(t, put, out), STORE_OK);
}

/* --- where ------------------------------------------------------------------------------------ */

static void test_S27_only_who_is_in_a_trusted_prefix_is_told(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = trusting(t, 0);
	struct net_path path = from(w, 1);
	path.peer.ip[0] = 11;
	assert_false(is_told(w, &path));
	path.peer = (struct net_addr){ .ip = { 10 }, .port = 1, .family = NET_IPV6 };
	assert_false(is_told(w, &path));
	path = from(w, 1);
	w->profiles.told.len = 0;
	assert_false(is_told(w, &path));
	w->profiles.told.len = 2; /* one of several is enough */
	w->profiles.told.prefixes[1] = w->profiles.told.prefixes[0];
	w->profiles.told.prefixes[0].base.ip[0] = 12;
	assert_true(is_told(w, &path));
	town_free(t);
}

static void test_S27_a_server_is_never_told(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = trusting(t, 0);
	const struct net_path path = from(w, 1);
	assert_false(gw_lost(w, DTLS_CLIENT, &path, NULL, 0));
	assert_true(is_told(w, &path));
	town_free(t);
}

static void test_S27_nobody_is_told_while_the_gateway_stops(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = trusting(t, 0);
	const struct net_path path = from(w, 1);
	w->stopping = true;
	assert_false(is_told(w, &path));
	w->stopping = false;
	assert_true(is_told(w, &path));
	town_free(t);
}

/* --- when ------------------------------------------------------------------------------------- */

/* From ms after the start of its worker on, and not before. */
static void speaks_after(struct town *t, uint64_t ms)
{
	struct gw_worker *const w = t->workers[0];
	const uint64_t speaks_ms = w->lost.speaks_ms;
	(void)trusting(t, 0);
	w->lost.speaks_ms = speaks_ms;
	const struct net_path path = from(w, 1);
	assert_in_range(speaks_ms, w->now_ms + ms - second_ms, w->now_ms + ms);
	assert_false(is_told(w, &path));
	pass(t, speaks_ms - w->now_ms - 1);
	assert_false(is_told(w, &path));
	pass(t, 1);
	assert_true(is_told(w, &path));
}

static void test_S27_nobody_is_told_in_the_first_minute(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	speaks_after(t, GW_TOLD_MUTE_MS);
	town_restart(t, TOWN_KILLED); /* as an upgrade: a new process */
	speaks_after(t, GW_TOLD_MUTE_MS);
	town_free(t);
}

static void test_S27_nobody_is_told_for_long_after_a_power_loss(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	town_hush(t);
	town_restart(t, TOWN_DARK);
	speaks_after(t, GW_TOLD_MUTE_LONG_MS);
	town_free(t);
}

/* --- who -------------------------------------------------------------------------------------- */

static void test_S27_who_sleeps_here_is_not_told(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = trusting(t, 0);
	const struct net_path path = from(w, 1);
	struct store_assoc a;
	settle_row(t, w, &path, NULL, &a);
	assert_false(is_told(w, &path));
	assert_int_equal(town_do(t, drop, &a), STORE_OK);
	assert_true(is_told(w, &path));
	town_free(t);
}

static void test_S27_who_is_awake_here_is_not_told(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	struct gw_worker *const w = trusting(t, 0);
	struct net_addr self;
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	assert_true(udp_local(t->devices.fds[socket], &self));
	struct net_path path = from(w, 1);
	path.peer = self;
	w->profiles.told.prefixes[0].bits = 0;
	assert_false(is_told(w, &path));
	town_night(t);
	assert_false(is_told(w, &path));
	town_free(t);
}

/* The turn has looked into the store already: what has happened since counts. */
static void test_S27_absence_is_of_a_fresh_snapshot(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = trusting(t, 0);
	const struct net_path path = from(w, 1);
	const struct cid c = cid_of(0, 0);
	struct store_assoc a;
	uint32_t slot;
	struct store_path place;
	assert_true(gw_place_to_store(w, STORE_DEVICE, &path, &place));
	for (int by_cid = 0; by_cid < 2; by_cid++) {
		assert_int_equal(store_find_path(w->reader, &place, &slot), STORE_NONE);
		settle_row(t, w, &path, by_cid ? &c : NULL, &a);
		const struct net_path at = from(w, by_cid ? 2 : 1);
		assert_false(by_cid ? is_told_by_cid(w, &at, &c) : is_told(w, &at));
		assert_int_equal(town_do(t, drop, &a), STORE_OK);
		assert_true(by_cid ? is_told_by_cid(w, &at, &c) : is_told(w, &at));
		forgive(t);
	}
	town_free(t);
}

static void test_S27_what_the_store_cannot_say_is_no_absence(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = trusting(t, 0);
	const struct net_path path = from(w, 1);
	struct net_path nowhere = path;
	nowhere.sock = 1000; /* no port of ours */
	assert_false(is_told(w, &nowhere));
	town_hush(t);
	town_fail(t, STORE_BROKEN, 1);
	assert_int_equal(town_do(t, NULL, NULL), STORE_BROKEN);
	assert_false(is_told(w, &path)); /* nor could anybody be kept who came anew */
	town_free(t);
}

/* --- by connection id ------------------------------------------------------------------------- */

static void test_S27_a_cid_must_be_of_this_node(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = trusting(t, 0);
	t->shared.steer.node = NODE;
	const struct net_path path = from(w, 1);
	const struct cid theirs = cid_of(NODE + 1, 0);
	struct cid ours = cid_of(NODE, 0);
	assert_false(is_told_by_cid(w, &path, &theirs));
	ours.octets[0]++; /* longer than it is */
	assert_false(is_told_by_cid(w, &path, &ours));
	ours.octets[0]--;
	assert_true(is_told_by_cid(w, &path, &ours));
	town_free(t);
}

static void test_S27_a_cid_must_be_of_this_worker(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, false);
	for (size_t i = 0; i < 2; i++) {
		struct gw_worker *const w = trusting(t, i);
		const struct net_path path = from(w, 1);
		const struct cid other = cid_of(0, (uint8_t)(1 - i)), mine = cid_of(0, (uint8_t)i);
		assert_false(is_told_by_cid(w, &path, &other));
		assert_true(is_told_by_cid(w, &path, &mine));
	}
	/* Of a worker that is not there any more: one of the two sees to it. */
	forgive(t);
	const struct cid gone = cid_of(0, 2);
	const struct net_path a = from(t->workers[0], 1), b = from(t->workers[1], 1);
	const bool by_first = is_told_by_cid(t->workers[0], &a, &gone);
	assert_int_equal(is_told_by_cid(t->workers[1], &b, &gone), !by_first);
	town_free(t);
}

static void test_S27_an_address_must_be_of_this_worker(void **state)
{
	(void)state;
	struct town *t = town_new(2, true, false);
	struct gw_worker *const w = trusting(t, 0);
	(void)trusting(t, 1);
	const struct net_path path = from(t->workers[1], 1);
	assert_false(is_told(w, &path));
	assert_true(is_told(t->workers[1], &path));
	town_free(t);
}

static void test_S27_who_has_a_cid_here_is_not_told_wherever_he_is(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = trusting(t, 0);
	const struct net_path home = from(w, 1), abroad = from(w, 2);
	const struct cid c = cid_of(0, 0);
	struct store_assoc a;
	settle_row(t, w, &home, &c, &a);
	assert_false(is_told_by_cid(w, &home, &c));
	assert_false(is_told_by_cid(w, &abroad, &c));
	assert_int_equal(town_do(t, drop, &a), STORE_OK);
	assert_true(is_told_by_cid(w, &abroad, &c)); /* it rests: nobody has it (S25) */
	town_free(t);
}

/* Whoever can forge that address could have him told by a CID of nobody. */
static void test_S27_nobody_is_told_where_somebody_else_is(void **state)
{
	(void)state;
	for (int with_cid = 0; with_cid < 2; with_cid++) {
		struct town *t = town_new(1, true, false);
		struct gw_worker *const w = trusting(t, 0);
		const struct net_path home = from(w, 1), abroad = from(w, 2);
		const struct cid his = cid_of(0, 0);
		struct cid nobodys = cid_of(0, 0);
		struct store_assoc a;
		nobodys.octets[DTLS_CID_ROUTE]++;
		settle_row(t, w, &home, with_cid ? &his : NULL, &a);
		assert_false(is_told_by_cid(w, &home, &nobodys));
		assert_false(is_told(w, &home));
		assert_true(is_told_by_cid(w, &abroad, &nobodys));
		town_free(t);
	}
}

/* --- how often -------------------------------------------------------------------------------- */

static void test_S27_one_address_is_told_once_in_a_while(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = trusting(t, 0);
	const struct net_path path = from(w, 1);
	struct net_path neighbour = path;
	neighbour.peer.port++;
	assert_true(is_told(w, &path));
	pass(t, 2 * interval_ms);
	assert_false(is_told(w, &path));
	assert_true(is_told(w, &neighbour)); /* many are behind one address */
	pass(t, GW_TOLD_PAUSE_MS - 2 * interval_ms - 1);
	assert_false(is_told(w, &path));
	pass(t, 1);
	assert_true(is_told(w, &path));
	town_free(t);
}

static void test_S27_one_network_has_half_of_the_rate(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = trusting(t, 0);
	struct net_path path = from(w, 1);
	size_t told = 0;
	for (size_t ms = 0; ms < 10 * second_ms; ms += 10) {
		path.peer.port++;
		path.peer.ip[3]++;
		told += is_told(w, &path);
		pass(t, 10);
	}
	assert_int_equal(told, 10 * RATE / 2);
	town_free(t);
}

/* A thousand networks, all at once, at all workers. */
static size_t flood(struct town *t, size_t seconds)
{
	size_t told = 0;
	for (size_t ms = 0; ms < seconds * second_ms; ms += 5) {
		for (size_t i = 0; i < t->workers_len; i++) {
			const struct net_path path = from(t->workers[i], (uint16_t)(ms * 7));
			told += is_told(t->workers[i], &path);
		}
		pass(t, 5);
	}
	return told;
}

static void test_S27_all_workers_together_keep_the_rate(void **state)
{
	(void)state;
	static const struct {
		size_t workers;
		uint32_t rate;
	} cases[] = { { 1, RATE }, { 3, RATE }, { 4, 1 } };
	for (size_t c = 0; c < COUNT_OF(cases); c++) {
		struct town *t = town_new(cases[c].workers, true, false);
		for (size_t i = 0; i < cases[c].workers; i++)
			trusting(t, i)->profiles.told.rate = cases[c].rate;
		const size_t told = flood(t, 20);
		assert_in_range(told, 20 * cases[c].rate * 8 / 10,
			20 * (size_t)cases[c].rate + cases[c].workers);
		town_free(t);
	}
}

/* Who is not told costs nobody else anything. */
static void test_S27_whom_the_store_knows_takes_nothing_from_the_rate(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, false);
	struct gw_worker *const w = trusting(t, 0);
	const struct net_path home = from(w, 1), other = from(w, 2);
	struct store_assoc a;
	settle_row(t, w, &home, NULL, &a);
	for (size_t i = 0; i < 100; i++)
		assert_false(is_told(w, &home));
	assert_true(is_told(w, &other));
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S27_only_who_is_in_a_trusted_prefix_is_told),
		cmocka_unit_test(test_S27_a_server_is_never_told),
		cmocka_unit_test(test_S27_nobody_is_told_while_the_gateway_stops),
		cmocka_unit_test(test_S27_nobody_is_told_in_the_first_minute),
		cmocka_unit_test(test_S27_nobody_is_told_for_long_after_a_power_loss),
		cmocka_unit_test(test_S27_who_sleeps_here_is_not_told),
		cmocka_unit_test(test_S27_who_is_awake_here_is_not_told),
		cmocka_unit_test(test_S27_absence_is_of_a_fresh_snapshot),
		cmocka_unit_test(test_S27_what_the_store_cannot_say_is_no_absence),
		cmocka_unit_test(test_S27_a_cid_must_be_of_this_node),
		cmocka_unit_test(test_S27_a_cid_must_be_of_this_worker),
		cmocka_unit_test(test_S27_an_address_must_be_of_this_worker),
		cmocka_unit_test(test_S27_who_has_a_cid_here_is_not_told_wherever_he_is),
		cmocka_unit_test(test_S27_nobody_is_told_where_somebody_else_is),
		cmocka_unit_test(test_S27_one_address_is_told_once_in_a_while),
		cmocka_unit_test(test_S27_one_network_has_half_of_the_rate),
		cmocka_unit_test(test_S27_all_workers_together_keep_the_rate),
		cmocka_unit_test(test_S27_whom_the_store_knows_takes_nothing_from_the_rate),
	};
	return cmocka_run_group_tests_name("gateway/lost", tests, NULL, NULL);
}
