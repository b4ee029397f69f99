/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/wheel.h"

static const uint64_t tick_ms = WHEEL_TICK_MS;

/* How far the wheel reaches: what is armed beyond is sorted again on the way. */
#define REACH_MS ((uint64_t)tick_ms << (WHEEL_SLOT_BITS * WHEEL_LEVELS))

struct sleeper {
	struct wheel_timer timer;
	uint64_t fired_ms;
	unsigned fired;
};

static void wake(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	(void)ctx;
	struct sleeper *const s = CONTAINER_OF(t, struct sleeper, timer);
	assert_false(wheel_armed(t));
	assert_true(t->due_ms <= now_ms); /* never early */
	s->fired_ms = now_ms;
	s->fired++;
}

static struct sleeper asleep(void)
{
	return (struct sleeper){ .timer = { .fire = wake } };
}

/* As the owner does: sleeps until wheel_next_ms(), runs. Returns how many turns it took. */
static unsigned run_until_fired(struct wheel *w, const struct sleeper *s)
{
	unsigned turns = 0;
	uint64_t last = 0;
	while (s->fired == 0) {
		const uint64_t next = wheel_next_ms(w);
		assert_true(next != UINT64_MAX);
		assert_true(turns == 0 || next > last); /* no busy turn */
		last = next;
		wheel_run(w, next, NULL);
		assert_true(++turns < 1000);
	}
	return turns;
}

static void test_R099_a_timer_fires_once_when_due(void **state)
{
	(void)state;
	for (uint64_t wait = 0; wait <= 5 * tick_ms; wait++) {
		struct wheel w;
		wheel_init(&w, 1003);
		struct sleeper s = asleep();
		wheel_arm(&w, &s.timer, 1003 + wait);
		assert_true(wheel_armed(&s.timer));
		for (uint64_t now = 1003; now <= 1003 + 7 * tick_ms; now++) {
			wheel_run(&w, now, NULL);
			assert_true(s.fired == 0 || s.fired_ms >= 1003 + wait);
			assert_true(s.fired == 1 ||
				    now < 1003 + wait + tick_ms); /* a tick late at most */
		}
		assert_int_equal(s.fired, 1);
		assert_int_equal(w.armed, 0);
	}
}

static void sleep_through(uint64_t start, uint64_t wait)
{
	struct wheel w;
	wheel_init(&w, start);
	struct sleeper s = asleep();
	wheel_arm(&w, &s.timer, start + wait);
	assert_true(run_until_fired(&w, &s) <= 2 * WHEEL_LEVELS + 2);
	assert_true(s.fired_ms >= start + wait);
	assert_true(s.fired_ms < start + wait + tick_ms);
}

/* Around every power of two that a level begins or ends with, from odd starts. */
static void test_R099_waits_across_all_levels(void **state)
{
	(void)state;
	const uint64_t starts[] = { 0, 5, 63 * tick_ms, 64 * tick_ms - 1, 64 * tick_ms, 123456789,
		REACH_MS - 9, REACH_MS };
	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		for (unsigned step = 0; step < 150; step++)
			sleep_through(
				starts[i], (UINT64_C(1) << step / 5) + (uint64_t)4 * (step % 5));
	}
}

static void test_R099_past_and_present_fire_at_the_next_turn(void **state)
{
	(void)state;
	struct wheel w;
	wheel_init(&w, 100 * tick_ms);
	struct sleeper past = asleep();
	struct sleeper zero = asleep();
	wheel_arm(&w, &past.timer, 50 * tick_ms);
	wheel_arm(&w, &zero.timer, 0);
	wheel_run(&w, 100 * tick_ms, NULL);
	assert_int_equal(past.fired, 1);
	assert_int_equal(zero.fired, 1);
	wheel_arm(&w, &past.timer, 0); /* this tick has run: the next one */
	wheel_run(&w, 100 * tick_ms, NULL);
	assert_int_equal(past.fired, 1);
	assert_int_equal(wheel_next_ms(&w), 101 * tick_ms);
	wheel_run(&w, 101 * tick_ms, NULL);
	assert_int_equal(past.fired, 2);
}

static void test_I6_cancel_and_arm_again(void **state)
{
	(void)state;
	struct wheel w;
	wheel_init(&w, 0);
	struct sleeper s = asleep();
	wheel_cancel(&w, &s.timer); /* not armed: nothing happens */
	assert_int_equal(w.armed, 0);
	wheel_arm(&w, &s.timer, 1000);
	wheel_arm(&w, &s.timer, 100000); /* moved, not doubled */
	assert_int_equal(w.armed, 1);
	wheel_run(&w, 2000, NULL);
	assert_int_equal(s.fired, 0);
	wheel_cancel(&w, &s.timer);
	assert_false(wheel_armed(&s.timer));
	assert_int_equal(w.armed, 0);
	assert_true(wheel_next_ms(&w) == UINT64_MAX);
	wheel_run(&w, 200000, NULL);
	assert_int_equal(s.fired, 0);
	wheel_arm(&w, &s.timer, 200100);
	assert_int_equal(run_until_fired(&w, &s), 1);
}

static void test_R099_time_without_end(void **state)
{
	(void)state;
	struct wheel w;
	wheel_init(&w, 77);
	struct sleeper s = asleep();
	wheel_arm(&w, &s.timer, UINT64_MAX);
	struct sleeper far = asleep();
	wheel_arm(&w, &far.timer, REACH_MS + 3000);
	unsigned turns = 0;
	while (far.fired == 0) {
		wheel_run(&w, wheel_next_ms(&w), NULL);
		assert_true(++turns < 1000);
	}
	assert_int_equal(s.fired, 0);
	assert_true(far.fired_ms >= REACH_MS + 3000 && far.fired_ms < REACH_MS + 3000 + tick_ms);
	wheel_cancel(&w, &s.timer);
	assert_int_equal(w.armed, 0);
}

/* --- what a timer may do when it fires --- */

struct actor {
	struct wheel *w;
	struct wheel_timer timer;
	struct actor *victim; /* cancelled, and freed */
	uint64_t every_ms;    /* 0 = once */
	unsigned fired;
};

static void act(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	unsigned *const count = ctx;
	struct actor *const a = CONTAINER_OF(t, struct actor, timer);
	(*count)++;
	a->fired++;
	if (a->victim) {
		wheel_cancel(a->w, &a->victim->timer);
		free(a->victim);
		a->victim = NULL;
	}
	if (a->every_ms > 0)
		wheel_arm(a->w, t, now_ms + a->every_ms);
}

static struct actor *actor_new(struct wheel *w, uint64_t due_ms)
{
	struct actor *const a = calloc(1, sizeof(*a));
	assert_non_null(a);
	a->w = w;
	a->timer.fire = act;
	wheel_arm(w, &a->timer, due_ms);
	return a;
}

static void act_and_free(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	act(t, ctx, now_ms);
	free(CONTAINER_OF(t, struct actor, timer));
}

/* Three timers of one tick: the first cancels and frees the second or the third. */
static void test_I6_a_timer_may_cancel_and_free_its_neighbour(void **state)
{
	(void)state;
	for (unsigned killer = 0; killer < 3; killer++) {
		struct wheel w;
		wheel_init(&w, 0);
		struct actor *a[3];
		for (size_t i = 0; i < 3; i++)
			a[i] = actor_new(&w, 80);
		struct actor *const victim = a[(killer + 1) % 3];
		struct actor *const third = a[(killer + 2) % 3];
		victim->timer.fire = act_and_free;
		a[killer]->victim = victim;
		unsigned count = 0;
		wheel_arm(&w, &a[killer]->timer, 80); /* armed last, it is first in its slot */
		wheel_run(&w, 80, &count);
		assert_int_equal(count, 2);
		assert_int_equal(a[killer]->fired, 1);
		assert_int_equal(third->fired, 1);
		assert_int_equal(w.armed, 0);
		free(a[killer]);
		free(third);
	}
}

static void test_I6_a_timer_may_free_itself(void **state)
{
	(void)state;
	struct wheel w;
	wheel_init(&w, 0);
	unsigned count = 0;
	for (unsigned i = 0; i < 10; i++)
		actor_new(&w, 100 + i)->timer.fire = act_and_free;
	wheel_run(&w, 1000, &count);
	assert_int_equal(count, 10);
}

static void test_R099_a_timer_may_arm_itself_again(void **state)
{
	(void)state;
	struct wheel w;
	wheel_init(&w, 0);
	unsigned count = 0;
	struct actor *const a = actor_new(&w, 0);
	a->every_ms = 1000;
	for (uint64_t now = 0; now <= 10000; now += tick_ms)
		wheel_run(&w, now, &count);
	assert_int_equal(count, 11);
	wheel_run(&w, 60000, &count); /* a long pause is one firing, not fifty */
	assert_int_equal(count, 12);
	wheel_cancel(&w, &a->timer);
	free(a);
}

/* --- against the plainest model --- */

enum { MANY = 300 };

struct model {
	struct wheel w;
	struct sleeper sleepers[MANY];
	uint64_t due[MANY]; /* UINT64_MAX = not armed */
	uint64_t now;
	uint32_t random;
};

static uint32_t draw(struct model *m)
{
	m->random = m->random * 1664525 + 1013904223;
	return m->random >> 8;
}

static void shuffle(struct model *m)
{
	const size_t i = draw(m) % MANY;
	if (draw(m) % 4 == 0) {
		wheel_cancel(&m->w, &m->sleepers[i].timer);
		m->due[i] = UINT64_MAX;
		return;
	}
	m->due[i] = m->now + (draw(m) >> draw(m) % 24);
	wheel_arm(&m->w, &m->sleepers[i].timer, m->due[i]);
}

/* A sleeper has fired if and only if it was due, give or take the tick; next is not after any. */
static void compare(struct model *m)
{
	size_t armed = 0;
	uint64_t first = UINT64_MAX;
	for (size_t i = 0; i < MANY; i++) {
		struct sleeper *const s = &m->sleepers[i];
		const bool now_armed = wheel_armed(&s->timer);
		if (m->due[i] == UINT64_MAX) {
			assert_false(now_armed);
			continue;
		}
		if (!now_armed) {
			assert_true(m->due[i] <= m->now);
			m->due[i] = UINT64_MAX;
			continue;
		}
		assert_true(m->due[i] + tick_ms > m->now);
		armed++;
		first = m->due[i] < first ? m->due[i] : first;
	}
	assert_int_equal(m->w.armed, armed);
	const uint64_t next = wheel_next_ms(&m->w);
	assert_int_equal(next == UINT64_MAX, armed == 0);
	assert_true(armed == 0 || next < first + tick_ms || next <= m->now + tick_ms);
}

static void test_R099_random_arming_agrees_with_a_list(void **state)
{
	(void)state;
	struct model *const m = calloc(1, sizeof(*m));
	assert_non_null(m);
	m->now = 987654321;
	m->random = 42;
	wheel_init(&m->w, m->now);
	for (size_t i = 0; i < MANY; i++) {
		m->sleepers[i] = asleep();
		m->due[i] = UINT64_MAX;
	}
	for (unsigned turn = 0; turn < 20000; turn++) {
		for (uint32_t n = draw(m) % 4; n > 0; n--)
			shuffle(m);
		m->now += draw(m) % 16 == 0 ? draw(m) >> draw(m) % 20 : draw(m) % 50;
		wheel_run(&m->w, m->now, NULL);
		compare(m);
	}
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R099_a_timer_fires_once_when_due),
		cmocka_unit_test(test_R099_waits_across_all_levels),
		cmocka_unit_test(test_R099_past_and_present_fire_at_the_next_turn),
		cmocka_unit_test(test_I6_cancel_and_arm_again),
		cmocka_unit_test(test_R099_time_without_end),
		cmocka_unit_test(test_I6_a_timer_may_cancel_and_free_its_neighbour),
		cmocka_unit_test(test_I6_a_timer_may_free_itself),
		cmocka_unit_test(test_R099_a_timer_may_arm_itself_again),
		cmocka_unit_test(test_R099_random_arming_agrees_with_a_list),
	};
	return cmocka_run_group_tests_name("base/wheel", tests, NULL, NULL);
}
