/* SPDX-License-Identifier: Apache-2.0 */
/* Random handshakes, goodbyes, updates, stalls of the store, full disks, kills and power losses,
   over three workers and three devices: at each rest everybody has what is his, and nobody is
   locked out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/seats.h"
#include "gateway/session.h"
#include "io/steer.h"
#include "io/udp.h"
#include "store/core.h"
#include "town_night.h"

enum { WORKERS = 3, PLACES = 9, STEPS = 120, STORMS = 8 };

static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 12) % n;
}

static void check_leg(struct town *t, struct gw_session *s, enum gw_leg_name name)
{
	const struct gw_leg *l = &s->legs[name];
	struct store_assoc a;
	if (!l->conn || !l->hot)
		return;
	const struct dtls_numbers n = dtls_conn_numbers(l->conn);
	if (!town_assoc(t, l->place, &a))
		fail_msg("leg %d of %u: its association is gone", name, s->cred);
	assert_memory_equal(a.id, l->id, SLOT_ID);
	assert_int_equal(a.cred, s->cred);
	assert_int_equal(a.path.role, name == GW_DEVICE ? STORE_DEVICE : STORE_LINK);
	if (n.write_end > a.write_end)
		fail_msg("engine may write to %llu, durable %llu", (unsigned long long)n.write_end,
			(unsigned long long)a.write_end);
	assert_true(n.next <= n.write_end || n.write_end == 0);
	if (!s->probe)
		assert_true(slot_is(l->hot, l->id));
	if (!s->probe) {
		assert_int_equal(atomic_load(&l->hot->edge), n.edge);
		assert_int_equal(atomic_load(&l->hot->seen), n.seen);
	}
}

static bool calm(const struct town *t)
{
	for (size_t i = 0; i < t->workers_len; i++) {
		const struct gw_worker *const w = t->workers[i];
		if (w->ops > 0 || w->waiting > 0 || w->loose || dtls_stats(w->dtls).handshakes > 0)
			return false;
	}
	return true;
}

static void tell_unrest(const struct town *t)
{
	for (size_t i = 0; i < t->workers_len; i++) {
		const struct gw_worker *const w = t->workers[i];
		print_message("# worker %zu: ops %zu, waiting %zu, loose %d, handshakes %zu\n", i,
			w->ops, w->waiting, w->loose != NULL, dtls_stats(w->dtls).handshakes);
	}
}

static void settle(struct town *t)
{
	int quiet = 0;
	for (int i = 0; i < 300 && quiet < 3; i++) {
		town_turns(t, 2);
		(void)town_do(t, NULL, NULL);
		quiet = calm(t) ? quiet + 1 : 0;
		if (i % 25 == 24)
			town_pass(25000);
	}
	if (quiet < 3)
		tell_unrest(t);
	assert_int_equal(quiet, 3);
}

static bool is_up(const struct gw_leg *l)
{
	return l->hot && l->conn;
}

static void check_session(struct town *t, struct gw_session *s)
{
	struct store_session row;
	check_leg(t, s, GW_DEVICE);
	check_leg(t, s, GW_LINK);
	if (!is_up(&s->legs[GW_DEVICE]))
		return;
	assert_true(town_row(t, s->cred - 1, &row));
	assert_int_equal(row.device, s->legs[GW_DEVICE].place);
	if (is_up(&s->legs[GW_LINK]))
		assert_int_equal(row.link, s->legs[GW_LINK].place);
}

/* What the store has of the devices can be read; it may be nothing. */
static void check_rows(struct town *t)
{
	for (size_t d = 0; d < TOWN_DEVICES; d++) {
		struct store_session row;
		struct store_assoc a;
		const bool there = town_row(t, d, &row) && row.device != STORE_NO_SLOT &&
				   town_assoc(t, row.device, &a);
		(void)there;
	}
}

static void check(struct town *t)
{
	check_rows(t);
	for (size_t w = 0; w < t->workers_len; w++) {
		assert_int_equal(t->workers[w]->waiting, 0);
		for (struct gw_session *s = t->workers[w]->sessions; s; s = s->next)
			check_session(t, s);
	}
	assert_true(store_stats(t->store).associations <= (size_t)2 * TOWN_DEVICES);
}

/* The association of a socket, if any, is the device's no more; NULL: there is none. */
static struct dtls_conn *take(struct town *t, size_t socket)
{
	struct dtls_conn *const c = t->devices.conns[socket];
	t->devices.conns[socket] = NULL;
	return c;
}

static void cancel(struct town *t, size_t socket)
{
	const struct net_path path = { .peer = t->gateway, .sock = (uint32_t)socket };
	dtls_connect_cancel(t->devices.dtls, &path);
}

/* Where a device that is not heard stands. */
static void tell_deaf(struct town *t, size_t device, size_t socket)
{
	struct store_session row = { .device = STORE_NO_SLOT };
	struct store_assoc a = { 0 };
	struct net_addr self;
	char peer[NET_TEXT_MAX];
	for (size_t w = 0; w < t->workers_len; w++) {
		const struct dtls_stats st = dtls_stats(t->workers[w]->dtls);
		print_message("# worker %zu: woken %llu, junk %llu, forged %llu, beyond %llu, "
			      "replayed %llu\n",
			w, (unsigned long long)st.woken, (unsigned long long)st.junk,
			(unsigned long long)st.forged, (unsigned long long)st.beyond,
			(unsigned long long)st.replayed);
	}
	if (town_row(t, device, &row) && row.device != STORE_NO_SLOT &&
		town_assoc(t, row.device, &a))
		print_message("# slot %u: cred %u, edge %llu, may read to %llu, write to %llu; "
			      "path from %s\n",
			row.device, a.cred, (unsigned long long)a.state.edge,
			(unsigned long long)a.read_end, (unsigned long long)a.write_end,
			net_addr_text(&a.path.peer, peer));
	if (t->devices.conns[socket])
		print_message("# the device's next number is %llu\n",
			(unsigned long long)dtls_conn_numbers(t->devices.conns[socket]).next);
	assert_true(udp_local(t->devices.fds[socket], &self));
	self.ip[0] = 127;
	self.ip[3] = 1;
	print_message("# it is steered to %u; its seat is %x\n",
		(unsigned)steer_owner(&t->shared.steer, &self),
		atomic_load(gw_seat(t->shared.seats, town_cred(device))));
}

static void is_heard(struct town *t, size_t device, size_t socket)
{
	const size_t messages = t->devices.messages;
	for (int i = 0; i < 5 && t->devices.messages == messages; i++) {
		town_register(t, device, socket);
		settle(t);
		if (t->devices.messages == messages)
			town_pass(30000); /* a link that is tried again later */
	}
	if (t->devices.messages != messages)
		return;
	tell_deaf(t, device, socket);
	fail_msg("device %zu is not heard; %zu awake", device, town_awake(t));
}

/* Nobody is locked out: each can come in anew, and is heard; and again after a night. */
static void alive(struct town *t, const size_t *sockets)
{
	for (size_t i = 0; i < PLACES; i++) /* nobody comes in from elsewhere meanwhile */
		cancel(t, sockets[i]);
	for (size_t d = 0; d < TOWN_DEVICES; d++) {
		const size_t s = sockets[PLACES - TOWN_DEVICES + d];
		struct dtls_conn *const c = take(t, s);
		if (c)
			dtls_sleep(t->devices.dtls, c);
		cancel(t, s);
		const size_t ups = t->devices.ups;
		town_connect(t, d, s);
		town_until(t, &t->devices.ups, ups + 1);
		settle(t);
		for (int night = 0; night < 2; night++) {
			is_heard(t, d, s);
			town_pass(130000);
			settle(t);
		}
	}
	check(t);
}

/* A device comes in from a socket; whoever had it says goodbye, or not. */
static void come_in(struct town *t, size_t device, size_t socket)
{
	struct dtls_conn *const c = take(t, socket);
	if (c && rnd(2))
		dtls_close(t->devices.dtls, c);
	else if (c)
		dtls_sleep(t->devices.dtls, c);
	cancel(t, socket);
	town_connect(t, device, socket);
}

static void go_on(struct town *t)
{
	if (t->stall)
		town_go_on(t);
}

static void fall(struct town *t)
{
	go_on(t);
	town_restart(t, rnd(4) == 0 ? TOWN_DARK : TOWN_KILLED);
	town_hush(t);
}

/* What a device or the server does. socket: where the device came in last. */
static void talk(struct town *t, uint32_t what, size_t device, size_t socket)
{
	if (what == 6 && t->server.conns[device])
		town_ask(t, device);
	if (what == 6 || !t->devices.conns[socket])
		return;
	if (what == 5)
		town_register(t, device, socket);
	else
		town_update(t, socket);
}

/* What happens to the gateway. */
static void befall(struct town *t, uint32_t what)
{
	switch (what) {
	case 7:
		if (!t->stall)
			town_stall(t);
		return;
	case 8:
	case 9:
		go_on(t);
		return;
	case 10:
		town_pass(70000);
		return;
	case 11:
		if (rnd(4) == 0)
			fall(t);
		return;
	case 12:
		if (rnd(3) == 0)
			town_fail(t, STORE_FULL, rnd(4));
		return;
	default:
		go_on(t);
		settle(t);
		check(t);
		return;
	}
}

/* at: where each device came in last. */
static void step(struct town *t, const size_t *sockets, size_t *at)
{
	const size_t d = rnd(TOWN_DEVICES);
	const uint32_t what = rnd(14);
	if (what < 2) {
		at[d] = sockets[rnd(PLACES)];
		come_in(t, d, at[d]);
	} else if (what < 7) {
		talk(t, what, d, at[d]);
	} else {
		befall(t, what);
	}
	for (size_t w = 0; w < WORKERS; w++)
		t->asleep[w] = rnd(5) == 0;
	town_turns(t, rnd(4));
	memset(t->asleep, 0, sizeof(t->asleep));
}

static void storm(uint32_t number, enum conf_power_loss policy, bool anchored)
{
	seed = number;
	struct town *t = town_new_kept(WORKERS, policy, anchored);
	town_hush(t);
	size_t sockets[PLACES], at[TOWN_DEVICES];
	for (uint32_t i = 0; i < PLACES; i++)
		sockets[i] = town_socket(t, i % WORKERS);
	for (size_t i = 0; i < TOWN_DEVICES; i++)
		at[i] = sockets[i];
	for (int i = 0; i < STEPS; i++)
		step(t, sockets, at);
	go_on(t);
	town_fail(t, STORE_OK, 0);
	settle(t);
	check(t);
	alive(t, sockets);
	town_free(t);
}

/* STORMS: how many, each another. */
static void test_I1_I2_R109_storms_leave_every_device_with_its_own_association(void **state)
{
	(void)state;
	const char *const wanted = getenv("STORMS");
	const unsigned long storms = wanted ? strtoul(wanted, NULL, 10) : STORMS;
	for (uint32_t i = 1; i <= storms; i++) {
		print_message("storm %u\n", i);
		storm(i * 7919, (enum conf_power_loss)(i % 3), i % 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_I1_I2_R109_storms_leave_every_device_with_its_own_association),
	};
	return cmocka_run_group_tests_name("gateway/storm", tests, NULL, NULL);
}
