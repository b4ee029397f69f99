/* SPDX-License-Identifier: Apache-2.0 */
/* Days of a device's keys, with a network that loses, doubles and is late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms/keyset.h"
#include "unit/sms/keyset_kit.h"

/* A device, a BSF and a network. What is on its way has a time; a message can be lost, be there
   twice, or be so late that others pass it. */
enum { AIR = 64, GENERATIONS = 4096 };

struct flying {
	uint64_t at_ms;
	uint32_t generation; /* of what it is sealed under; of a push: what it brings */
	uint32_t counter;
	bool there, up, refusal;
};

struct world {
	struct keyset k;
	uint64_t now, seed, next_update;
	struct flying air[AIR];
	bool lossy, registered;
	uint32_t device;                   /* generation that it uses; 0: none */
	uint32_t counters[2][GENERATIONS]; /* last sent by the device; last taken here */
	uint32_t updates, fresh, refusals, pushes, longest;
	uint64_t last_good;
	unsigned do_ask;
};

static uint32_t dice(struct world *w, uint32_t n)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
	return (uint32_t)(w->seed >> 33) % n;
}

static unsigned copies_of_one(struct world *w)
{
	if (!w->lossy)
		return 1;
	if (dice(w, 10) < 3)
		return 0;
	return dice(w, 10) < 3 ? 2 : 1;
}

static void enter(struct world *w, const struct flying *f)
{
	size_t i = 0;
	while (i < AIR && w->air[i].there)
		i++;
	if (i < AIR)
		w->air[i] = *f;
}

static void fly(struct world *w, struct flying f)
{
	f.there = true;
	for (unsigned n = copies_of_one(w); n > 0; n--) {
		const bool late = w->lossy && dice(w, 10) < 3;
		f.at_ms = w->now + 2 * SECOND + (late ? dice(w, 3 * MINUTE) : 0);
		enter(w, &f);
	}
}

static void does(struct world *w, unsigned all);

static void tick(struct world *w)
{
	does(w, keyset_time(&w->k, &keyset_kit_rules, w->now));
}

static void does(struct world *w, unsigned all)
{
	if ((all & KEYSET_DO_ASK) != 0)
		w->do_ask++;
	if ((all & KEYSET_DO_SEND) != 0) {
		w->pushes++;
		fly(w, (struct flying){ .generation = w->k.set[KEYSET_NEXT].generation });
		(void)kit_tell(&w->k, KEYSET_TAKEN, w->now);
	}
}

/* The BSF: it is down one time in five, where things are bad. */
static void bsf(struct world *w)
{
	const bool good = !w->lossy || dice(w, 5) > 0;
	const enum keyset_event e = good ? KEYSET_OBTAINED : KEYSET_REFUSED;
	for (; w->do_ask > 0; w->do_ask--)
		does(w, kit_anything(&w->k, e, w->now));
	if (w->k.state == KEYSET_FRESH || w->k.state == KEYSET_DELIVERED)
		w->k.set[KEYSET_NEXT].until_ms = w->k.set[KEYSET_NEXT].obtained_ms + 600 * SECOND;
}

/* Something of the device is here. */
static void gateway(struct world *w, const struct flying *f)
{
	size_t i = 0;
	while (i < KEYSET_SETS && w->k.set[i].generation != f->generation)
		i++;
	if (i == KEYSET_SETS || f->counter <= w->counters[1][f->generation])
		return; /* under none, or a double */
	w->counters[1][f->generation] = f->counter;
	const enum keyset_event e = keyset_heard(&w->k, (enum keyset_which)i, w->now);
	const uint64_t until = w->k.set[i].until_ms;
	const unsigned all = kit_tell(&w->k, e, w->now);
	if ((all & KEYSET_DO_REFUSE) != 0) {
		w->refusals++;
		fly(w, (struct flying){ .generation = f->generation, .refusal = true });
		tick(w);
		return;
	}
	assert_true(e == KEYSET_PROVED || e == KEYSET_HEARD);
	assert_true(until == 0 || until > w->now);
	w->updates++;
	w->fresh += e == KEYSET_PROVED;
	const uint64_t gap = (w->now - w->last_good) / SECOND;
	w->longest = gap > w->longest ? (uint32_t)gap : w->longest;
	w->last_good = w->now;
	(void)kit_tell(&w->k, KEYSET_WANTED, w->now);
	tick(w);
}

static void device(struct world *w, const struct flying *f)
{
	if (f->refusal)
		w->next_update = w->now + 30 * SECOND; /* it waits for a push, and tries again */
	else if (f->generation > w->device)
		w->device = f->generation;
}

static void updates(struct world *w)
{
	if (w->now < w->next_update || w->device == 0)
		return;
	w->next_update = w->now + 4 * MINUTE;
	fly(w, (struct flying){ .up = true,
		       .generation = w->device,
		       .counter = ++w->counters[0][w->device] });
}

static void day(struct world *w, unsigned hours)
{
	const uint64_t end = w->now + (uint64_t)hours * HOUR;
	for (; w->now < end; w->now += SECOND) {
		for (size_t i = 0; i < AIR; i++) {
			const struct flying f = w->air[i];
			if (!f.there || f.at_ms > w->now)
				continue;
			w->air[i].there = false;
			if (f.up)
				gateway(w, &f);
			else
				device(w, &f);
		}
		updates(w);
		bsf(w);
		tick(w);
	}
}

static void test_a_day_with_lives_of_ten_minutes(void **state)
{
	(void)state;
	struct world *const w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->now = w->last_good = T0;
	w->seed = 1;
	keyset_begin(&w->k, NULL, T0);
	day(w, 24);
	/* An Update each four minutes, each under fresh keys; an hour has room for them. */
	assert_in_range(w->updates, 355, 361);
	assert_int_equal(w->fresh, w->updates);
	assert_int_equal(w->refusals, 0);
	assert_int_equal(w->pushes, w->fresh + (w->k.state == KEYSET_DELIVERED));
	free(w);
}

static void test_bad_days_end_well(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *const w = calloc(1, sizeof(*w));
		assert_non_null(w);
		w->now = w->last_good = T0;
		w->seed = seed;
		w->lossy = true;
		keyset_begin(&w->k, NULL, T0);
		day(w, 24);
		/* It was never locked out for more than an hour of back-offs and bounds. */
		if (w->longest > 3600 || w->updates < 100)
			fail_msg("seed %u: %u updates, %u s without", (unsigned)seed, w->updates,
				w->longest);
		assert_true(w->k.begun <= keyset_kit_rules.an_hour &&
			    w->k.counted[0] <= UINT64_C(24) * keyset_kit_rules.an_hour);
		/* And when it is over, all is well. */
		w->lossy = false;
		day(w, 2);
		const uint32_t before = w->updates;
		day(w, 1);
		assert_in_range(w->updates - before, 12, 16);
		free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_day_with_lives_of_ten_minutes),
		cmocka_unit_test(test_bad_days_end_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
