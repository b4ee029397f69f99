/* SPDX-License-Identifier: Apache-2.0 */
/* S26, with everything at once: devices that move, sessions that sleep, a gateway that dies, a
   store that is slow, a server that asks, and somebody who repeats what he has heard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_moves.h"

enum { WORKERS = 3, DEVICES = 2, SPARE = 24, STEPS = 120, SEEDS = 6 };

struct storm {
	struct town *t;
	uint32_t random;
	size_t at[DEVICES]; /* their sockets */
	size_t spare[SPARE], spare_len;
	size_t thief;
};

static uint32_t next(struct storm *s, uint32_t below)
{
	s->random = s->random * 1103515245 + 12345;
	return (s->random >> 16) % below;
}

/* To a place where nobody was for long. */
static void move(struct storm *s, size_t device)
{
	const size_t i = next(s, SPARE), from = s->at[device];
	town_move(s->t, from, s->spare[i]);
	s->at[device] = s->spare[i];
	s->spare[i] = from;
}

static void sends_on(struct storm *s)
{
	struct town_peer *const p = &s->t->devices;
	if (p->tape_len > 0)
		town_replay_from(p, next(s, (uint32_t)p->tape_len), s->thief);
}

/* Some of what a device says is heard by the thief, and some of that does not arrive itself. */
static void speak(struct storm *s, size_t device)
{
	struct town_peer *const p = &s->t->devices;
	p->tapes = next(s, 2) == 0 && p->tape_len < TOWN_TAPE;
	p->withholds = p->tapes && next(s, 4) == 0;
	town_update(s->t, s->at[device]);
	p->tapes = false;
	p->withholds = false;
}

static void step(struct storm *s)
{
	struct town *const t = s->t;
	const size_t device = next(s, DEVICES);
	switch (next(s, 10)) {
	case 0:
		if (!t->stall)
			town_stall(t);
		return;
	case 1:
		if (t->stall)
			town_go_on(t);
		return;
	case 2:
		town_restart(t, TOWN_KILLED);
		return;
	case 3:
		town_pass(next(s, 2) ? 3000 : 130000); /* perhaps they sleep */
		return;
	case 4:
		sends_on(s);
		return;
	case 5:
	case 6:
		town_ask(t, device);
		return;
	case 7:
		move(s, device);
		return;
	default:
		speak(s, device);
		return;
	}
}

static void calm(struct storm *s)
{
	struct town *const t = s->t;
	const uint64_t over_ms = 40000;
	if (t->stall)
		town_go_on(t);
	for (size_t i = 0; i < 4; i++) {
		town_pass(over_ms);
		town_turns(t, 12);
	}
	town_settle(t);
}

/* Each is where it was last, with the association of its one handshake, for the server, too. */
static void assert_all_is_well(struct storm *s)
{
	struct town *const t = s->t;
	for (size_t device = 0; device < DEVICES; device++) {
		struct store_assoc a;
		town_updated(t, s->at[device]);
		const size_t up = t->server.messages;
		town_ask(t, device);
		town_until(t, &t->server.messages, up + 1);
		town_settle(t);
		town_where(t, device, &a);
		assert_at(t, &a.path, s->at[device]);
	}
	assert_int_equal(t->devices.ups, DEVICES);
	assert_int_equal(t->devices.downs, 0);
	assert_int_equal(store_stats(t->store).associations, 2 * DEVICES);
	assert_int_equal(town_registrations(t), DEVICES);
	assert_true(t->devices.in[s->thief] <= 3 * t->devices.out_of[s->thief]);
}

static void rages(uint32_t seed, const struct town_cids *cids)
{
	struct storm s = { .t = town_roaming(WORKERS, cids), .random = seed * 2654435761U };
	town_hush(s.t);
	for (size_t i = 0; i < DEVICES; i++)
		s.at[i] = town_registered(s.t, i, (uint32_t)i);
	for (size_t i = 0; i < SPARE; i++)
		s.spare[i] = town_socket(s.t, (uint32_t)i % WORKERS);
	s.thief = town_socket(s.t, 0);
	for (size_t i = 0; i < STEPS; i++) {
		step(&s);
		town_turns(s.t, next(&s, 6));
	}
	calm(&s);
	assert_all_is_well(&s);
	town_free(s.t);
}

static void test_S26_storms_of_moves(void **state)
{
	(void)state;
	static const struct town_cids all[] = {
		{ .gateway = true },
		{ .gateway = true, .device = true, .routability = true },
		{ .gateway = true,
			.device = true,
			.routability = true,
			.move = CONF_MOVE_CHECK_OLD },
		{ .gateway = true, .move = CONF_MOVE_TRUST, .links = true, .server = true },
	};
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			rages(seed, &all[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S26_storms_of_moves),
	};
	return cmocka_run_group_tests_name("gateway/roam: storm", tests, NULL, NULL);
}
