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
		for (size_t i = 0; i < t->workers_len; i++)
			fprintf(stderr, "# worker %zu ops %zu waiting %zu loose %d hs %zu\n", i,
				t->workers[i]->ops, t->workers[i]->waiting,
				t->workers[i]->loose != NULL,
				dtls_stats(t->workers[i]->dtls).handshakes);
	assert_int_equal(quiet, 3);
}

static void check(struct town *t)
{
	size_t slots = 0;
	for (size_t d = 0; d < TOWN_DEVICES; d++) {
		struct store_session row;
		struct store_assoc a;
		if (!town_row(t, d, &row))
			continue;
		if (row.device != STORE_NO_SLOT && town_assoc(t, row.device, &a) &&
			a.cred != town_cred(d))
			fprintf(stderr, "# note: row %zu names another's slot\n", d);
		slots++;
	}
	for (size_t w = 0; w < t->workers_len; w++) {
		assert_int_equal(t->workers[w]->waiting, 0);
		for (struct gw_session *s = t->workers[w]->sessions; s; s = s->next) {
			struct store_session row;
			check_leg(t, s, GW_DEVICE);
			check_leg(t, s, GW_LINK);
			if (s->legs[GW_DEVICE].hot && s->legs[GW_DEVICE].conn) {
				assert_true(town_row(t, s->cred - 1, &row));
				assert_int_equal(row.device, s->legs[GW_DEVICE].place);
				if (s->legs[GW_LINK].hot && s->legs[GW_LINK].conn)
					assert_int_equal(row.link, s->legs[GW_LINK].place);
			}
		}
	}
	assert_true(store_stats(t->store).associations <= 2 * TOWN_DEVICES);
}

/* Nobody is locked out: each can come in anew, and is heard; and again after a night. */
static void alive(struct town *t, const size_t *sockets)
{
	for (size_t i = 0; i < 9; i++) { /* nobody comes in from elsewhere meanwhile */
		const struct net_path path = { .peer = t->gateway, .sock = (uint32_t)sockets[i] };
		dtls_connect_cancel(t->devices.dtls, &path);
	}
	for (size_t d = 0; d < TOWN_DEVICES; d++) {
		const size_t s = sockets[6 + d];
		const struct net_path path = { .peer = t->gateway, .sock = (uint32_t)s };
		if (t->devices.conns[s]) {
			struct dtls_conn *c = t->devices.conns[s];
			t->devices.conns[s] = NULL;
			dtls_sleep(t->devices.dtls, c);
		}
		dtls_connect_cancel(t->devices.dtls, &path);
		const size_t ups = t->devices.ups;
		town_connect(t, d, s);
		town_until(t, &t->devices.ups, ups + 1);
		settle(t);
		for (int night = 0; night < 2; night++) {
			size_t m = t->devices.messages;
			for (int i = 0; i < 5 && t->devices.messages == m; i++) {
				town_register(t, d, s);
				settle(t);
				if (t->devices.messages == m)
					town_pass(30000); /* a link that is tried again later */
			}
			if (t->devices.messages == m)
				for (size_t w = 0; w < 3; w++) {
					const struct dtls_stats st =
						dtls_stats(t->workers[w]->dtls);
					struct store_session row = { 0 };
					struct store_assoc a = { 0 };
					const bool r = town_row(t, d, &row);
					const bool there = r && row.device != STORE_NO_SLOT &&
							   town_assoc(t, row.device, &a);
					fprintf(stderr,
						"# w%zu stale %llu woken %llu junk %llu forged "
						"%llu beyond %llu replayed %llu in %llu; row %d "
						"dev %x assoc %d cred %u trust %d leased %d edge "
						"%llu read_end %llu we %llu sent %u owner %llx; "
						"device next %llu\n",
						w, (unsigned long long)t->workers[w]->stale_records,
						(unsigned long long)st.woken,
						(unsigned long long)st.junk,
						(unsigned long long)st.forged,
						(unsigned long long)st.beyond,
						(unsigned long long)st.replayed,
						(unsigned long long)t->workers[w]->rx.received, r,
						row.device, there, a.cred, a.trust, a.leased,
						(unsigned long long)a.state.edge,
						(unsigned long long)a.read_end,
						(unsigned long long)a.write_end, a.state.sent,
						there ? (unsigned long long)atomic_load(
								&store_slot(t->store, row.device)
									 ->owner)
						      : 0,
						t->devices.conns[s]
							? (unsigned long long)dtls_conn_numbers(
								  t->devices.conns[s])
								  .next
							: 0);
				}
			if (t->devices.messages == m) {
				struct store_assoc a;
				struct store_session row;
				char x[NET_TEXT_MAX], y[NET_TEXT_MAX];
				fprintf(stderr, "# seat %x\n",
					atomic_load(gw_seat(t->shared.seats, town_cred(d))));
				if (town_row(t, d, &row) && town_assoc(t, row.device, &a))
					fprintf(stderr, "# path peer %s local %s; sock %zu seats\n",
						net_addr_text(&a.path.peer, x),
						net_addr_text(&a.path.local, y), s);
				struct net_addr self;
				if (!udp_local(t->devices.fds[s], &self))
					abort();
				self.ip[0] = 127;
				self.ip[3] = 1;
				fprintf(stderr, "# device is %s; owner %u\n",
					net_addr_text(&self, x),
					(unsigned)steer_owner(&t->shared.steer, &self));
			}
			if (t->devices.messages == m)
				fail_msg("device %zu night %d: conn %p awake %zu server conns %p",
					d, night, (void *)t->devices.conns[s], town_awake(t),
					(void *)t->server.conns[d]);
			town_pass(130000);
			settle(t);
		}
	}
	check(t);
}

static void storm(uint32_t number, enum conf_power_loss policy, bool anchored)
{
	seed = number;
	struct town *t = town_new_kept(3, policy, anchored);
	town_hush(t);
	size_t sockets[9], at[TOWN_DEVICES];
	for (uint32_t i = 0; i < 9; i++)
		sockets[i] = town_socket(t, i % 3);
	for (size_t i = 0; i < TOWN_DEVICES; i++)
		at[i] = sockets[i];
	for (int step = 0; step < 120; step++) {
		const size_t d = rnd(TOWN_DEVICES);
		const uint32_t what = rnd(14);
		switch (what) {
		case 0:
		case 1: {
			const size_t s = sockets[rnd(9)];
			if (t->devices.conns[s]) {
				struct dtls_conn *c = t->devices.conns[s];
				t->devices.conns[s] = NULL;
				if (rnd(2))
					dtls_close(t->devices.dtls, c);
				else
					dtls_sleep(t->devices.dtls, c);
			}
			const struct net_path path = { .peer = t->gateway, .sock = (uint32_t)s };
			dtls_connect_cancel(t->devices.dtls, &path);
			town_connect(t, d, s);
			at[d] = s;
			break;
		}
		case 2:
		case 3:
		case 4:
			if (t->devices.conns[at[d]])
				town_update(t, at[d]);
			break;
		case 5:
			if (t->devices.conns[at[d]])
				town_register(t, d, at[d]);
			break;
		case 6:
			if (t->server.conns[d])
				town_ask(t, d);
			break;
		case 7:
			if (!t->stall)
				town_stall(t);
			break;
		case 8:
		case 9:
			if (t->stall)
				town_go_on(t);
			break;
		case 10:
			town_pass(70000);
			break;
		case 11:
			if (rnd(4) == 0) {
				if (t->stall)
					town_go_on(t);
				town_restart(t, rnd(4) == 0 ? TOWN_DARK : TOWN_KILLED);
				town_hush(t);
			}
			break;
		case 12:
			if (rnd(3) == 0)
				town_fail(t, STORE_FULL, rnd(4));
			break;
		case 13:
			if (t->stall)
				town_go_on(t);
			settle(t);
			check(t);
			break;
		}
		for (size_t w = 0; w < 3; w++)
			t->asleep[w] = rnd(5) == 0;
		town_turns(t, rnd(4));
		memset(t->asleep, 0, sizeof(t->asleep));
	}
	if (t->stall)
		town_go_on(t);
	town_fail(t, STORE_OK, 0);
	settle(t);
	check(t);
	alive(t, sockets);
	town_free(t);
}

/* STORMS: how many, each another (8). */
static void test_I1_I2_R109_storms_leave_every_device_with_its_own_association(void **state)
{
	(void)state;
	const char *const wanted = getenv("STORMS");
	const unsigned long storms = wanted ? strtoul(wanted, NULL, 10) : 8;
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
