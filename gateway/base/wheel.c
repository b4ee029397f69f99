/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wheel.h"

#include <string.h>

enum { SLOT_MASK = WHEEL_SLOTS - 1 };

/* The wheel reaches this many ticks ahead; what lies beyond waits in its last slot and is sorted
   again. */
static const uint64_t reach = (uint64_t)1 << (WHEEL_SLOT_BITS * WHEEL_LEVELS);

void wheel_init(struct wheel *w, uint64_t now_ms)
{
	memset(w, 0, sizeof(*w));
	w->tick = now_ms / WHEEL_TICK_MS;
}

static void link_in(struct wheel *w, struct wheel_timer *t)
{
	/* Rounded up: a timer never fires early. A tick that has run is no place to wait in. */
	uint64_t tick = t->due_ms / WHEEL_TICK_MS + (t->due_ms % WHEEL_TICK_MS != 0);
	if (tick < w->tick)
		tick = w->tick;
	if (tick - w->tick >= reach)
		tick = w->tick + reach - 1;
	unsigned level = 0;
	while (level + 1 < WHEEL_LEVELS && tick >> (WHEEL_SLOT_BITS * (level + 1)) !=
						   w->tick >> (WHEEL_SLOT_BITS * (level + 1)))
		level++;
	const unsigned slot = (unsigned)(tick >> (WHEEL_SLOT_BITS * level)) & SLOT_MASK;
	struct wheel_timer **const head = &w->slots[level][slot];
	t->next = *head;
	t->link = head;
	if (t->next)
		t->next->link = &t->next;
	*head = t;
	w->occupied[level] |= (uint64_t)1 << slot;
}

static void unlink(struct wheel_timer *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	t->next = NULL;
	t->link = NULL;
}

void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t due_ms)
{
	wheel_cancel(w, t);
	t->due_ms = due_ms;
	link_in(w, t);
	w->armed++;
}

void wheel_cancel(struct wheel *w, struct wheel_timer *t)
{
	if (!wheel_armed(t))
		return;
	unlink(t);
	w->armed--;
}

/* Sorts the timers of one slot again, now that their time is near enough for a finer wheel. */
static void cascade(struct wheel *w, unsigned level)
{
	const unsigned slot = (unsigned)(w->tick >> (WHEEL_SLOT_BITS * level)) & SLOT_MASK;
	if (slot == 0 && level + 1 < WHEEL_LEVELS)
		cascade(w, level + 1);
	struct wheel_timer *t = w->slots[level][slot];
	w->slots[level][slot] = NULL;
	w->occupied[level] &= ~((uint64_t)1 << slot);
	while (t) {
		struct wheel_timer *const next = t->next;
		link_in(w, t);
		t = next;
	}
}

/* Fires the slot of one tick. The list is cut off first, so that a timer armed now waits for its
   own turn. */
static void fire_slot(struct wheel *w, unsigned slot, uint64_t now_ms, void *ctx)
{
	struct wheel_timer *due = w->slots[0][slot];
	w->slots[0][slot] = NULL;
	w->occupied[0] &= ~((uint64_t)1 << slot);
	if (due)
		due->link = &due;
	while (due) {
		struct wheel_timer *const t = due;
		unlink(t);
		w->armed--;
		t->fire(t, ctx, now_ms);
	}
}

void wheel_run(struct wheel *w, uint64_t now_ms, void *ctx)
{
	const uint64_t target = now_ms / WHEEL_TICK_MS;
	while (w->tick <= target) {
		if (w->armed == 0) {
			w->tick = target + 1;
			memset(w->occupied, 0, sizeof(w->occupied));
			return;
		}
		const unsigned slot = (unsigned)w->tick & SLOT_MASK;
		if (slot == 0)
			cascade(w, 1);
		if (w->occupied[0] >> slot == 0) {
			/* Nothing before the next cascade. */
			const uint64_t block_end = (w->tick | SLOT_MASK) + 1;
			w->tick = block_end <= target + 1 ? block_end : target + 1;
			continue;
		}
		w->tick++;
		if (w->occupied[0] & (uint64_t)1 << slot)
			fire_slot(w, slot, now_ms, ctx);
	}
}

/* The first slot of a level that holds a timer, counted from the slot of now; WHEEL_SLOTS + 1 =
   none. */
static unsigned slots_ahead(const struct wheel *w, unsigned level)
{
	const unsigned shift = WHEEL_SLOT_BITS * level;
	const unsigned at = (unsigned)(w->tick >> shift) & SLOT_MASK;
	/* The slot of now is still to come only while its cascade is. */
	const bool now_pending = (w->tick & (((uint64_t)1 << shift) - 1)) == 0;
	for (unsigned ahead = now_pending ? 0 : 1; ahead <= WHEEL_SLOTS; ahead++) {
		const unsigned slot = (at + ahead) & SLOT_MASK;
		if (w->slots[level][slot])
			return ahead;
	}
	return WHEEL_SLOTS + 1;
}

uint64_t wheel_next_ms(const struct wheel *w)
{
	if (w->armed == 0)
		return UINT64_MAX;
	uint64_t next = UINT64_MAX;
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		const unsigned ahead = slots_ahead(w, level);
		if (ahead > WHEEL_SLOTS)
			continue;
		const unsigned shift = WHEEL_SLOT_BITS * level;
		const uint64_t tick = ((w->tick >> shift) + ahead) << shift;
		if (tick < next)
			next = tick;
	}
	return next == UINT64_MAX ? next : next * WHEEL_TICK_MS;
}
