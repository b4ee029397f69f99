/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/wheel: timers for very many sleepers; arming and cancelling cost the same however many there
 * are.
 *
 * A hierarchy of 5 wheels of 64 slots; a tick is WHEEL_TICK_MS. A timer never fires before it is
 * due, and at the latest one tick after the first wheel_run() at or past its due time.
 *
 * Promise: the wheel reads no clock; time is what wheel_run() is told, and never runs backwards.
 *          A timer that fires is no longer armed; its function may arm or cancel any timer, itself
 *          included, and may free its own struct.
 * Memory:  intrusive; the timer lives in its owner's struct and must be cancelled before that is
 *          freed.
 * Threads: the worker that owns the wheel.
 */
#ifndef LWG_BASE_WHEEL_H
#define LWG_BASE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WHEEL_TICK_MS = 8,
	WHEEL_SLOT_BITS = 6,
	WHEEL_SLOTS = 1 << WHEEL_SLOT_BITS,
	WHEEL_LEVELS = 5
};

struct wheel_timer;
typedef void wheel_fire(struct wheel_timer *t, void *ctx, uint64_t now_ms);

struct wheel_timer {
	struct wheel_timer *next;
	struct wheel_timer **link; /* the pointer that points here; NULL = not armed */
	wheel_fire *fire;          /* set before arming */
	uint64_t due_ms;
};

struct wheel {
	struct wheel_timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t occupied[WHEEL_LEVELS]; /* a bit per slot that may hold a timer */
	uint64_t tick;                   /* ticks before this one have run */
	size_t armed;                    /* timers in the wheel */
};

void wheel_init(struct wheel *w, uint64_t now_ms);
/* Arms t (again): it fires at due_ms or as soon as it may when that is past. */
void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t due_ms);
/* Nothing happens when t is not armed. */
void wheel_cancel(struct wheel *w, struct wheel_timer *t);
static inline bool wheel_armed(const struct wheel_timer *t)
{
	return t->link != NULL;
}
/* Fires everything that is due; ctx is passed through. */
void wheel_run(struct wheel *w, uint64_t now_ms, void *ctx);
/* When to call wheel_run() next: no timer is due before it; UINT64_MAX when none is armed. */
uint64_t wheel_next_ms(const struct wheel *w);

#endif
