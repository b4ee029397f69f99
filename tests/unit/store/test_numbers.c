/* SPDX-License-Identifier: Apache-2.0 */
/* Write numbers by chance: leases, ends of all kinds, copies that are put back, an anchor that
   fails; every number that was given out is noted, and none may come again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "unit/store/depot.h"

struct chance {
	uint64_t x;
};

static uint32_t draw(struct chance *c, uint32_t below)
{
	c->x ^= c->x << 13;
	c->x ^= c->x >> 7;
	c->x ^= c->x << 17;
	return (uint32_t)(c->x >> 33) % below;
}

enum { NUMBERS = 1 << 16 };

struct device {
	struct store_assoc a;
	bool holds;            /* a lease of this incarnation */
	uint8_t used[NUMBERS]; /* each number that was given out */
	uint32_t next;
};

/* All of what it has now been given is used at once: the worst that can be. */
static void use(struct device *x)
{
	for (; x->next < x->a.write_end && x->next < NUMBERS; x->next++) {
		assert_int_equal(x->used[x->next], 0);
		x->used[x->next] = 1;
	}
}

static void lease_one(struct depot *d, struct device *x)
{
	struct store_assoc a = x->a;
	a.state.sent = x->next;
	if (depot_lease(d, &a, 0) != STORE_OK)
		return;
	x->a = a;
	if (!x->holds)
		x->next = a.state.sent;
	x->holds = true;
	use(x);
}

enum { DEVICES = 3 };

static void restart(struct depot *d, struct device *x, struct chance *c)
{
	if (draw(c, 3) == 0)
		depot_stop(d);
	else
		depot_kill(d);
	for (unsigned i = 0; i < DEVICES; i++)
		x[i].holds = false;
	if (d->copy && draw(c, 2) == 0) {
		struct kv *const newest = kv_ram_copy(d->disk);
		depot_put_back(d);
		if (!depot_try(d)) { /* refused: the right one is put back */
			kv_close(d->disk);
			d->disk = newest;
			depot_start(d);
			return;
		}
		kv_close(newest);
		return;
	}
	depot_start(d);
}

static void wander(struct depot *d, uint64_t seed)
{
	static struct device x[DEVICES];
	struct chance c = { .x = seed * UINT64_C(0x9e3779b97f4a7c15) | 1 };
	memset(x, 0, sizeof(x));
	const struct store_cred cred = depot_cred(d, "meter");
	for (unsigned i = 0; i < DEVICES; i++) {
		x[i].a = depot_assoc(d, &cred, (uint16_t)(i + 1));
		x[i].holds = true;
		use(&x[i]);
	}
	depot_copy(d);
	for (unsigned step = 0; step < 120; step++) {
		const uint32_t what = draw(&c, 10);
		if (what < 6)
			lease_one(d, &x[draw(&c, DEVICES)]);
		else if (what == 6)
			depot_copy(d);
		else if (what == 7 && d->settings.anchor && draw(&c, 4) == 0)
			depot_break_anchor(d); /* commits go on that it is not told of */
		else
			restart(d, x, &c);
	}
}

static void test_I1_no_number_twice_over_crashes_stops_and_copies_with_an_anchor(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct depot *const d = depot_new();
		depot_anchor(d);
		depot_start(d);
		wander(d, seed);
		depot_free(d);
	}
}

static void test_I1_S6_nor_without_one_where_the_token_knows_a_copy(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct depot *const d = depot_new();
		depot_start(d);
		wander(d, seed);
		depot_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_I1_no_number_twice_over_crashes_stops_and_copies_with_an_anchor),
		cmocka_unit_test(test_I1_S6_nor_without_one_where_the_token_knows_a_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
