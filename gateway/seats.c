/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/seats.h"

#include "store/slot.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

enum {
	GENERATION = GW_TENURE_WORKER + 1,
	BLOCK_BITS = 16,
	BLOCK = 1 << BLOCK_BITS,
	BLOCKS = 1 << (32 - BLOCK_BITS),
};

struct seat_block {
	_Atomic uint32_t seats[BLOCK];
};

struct gw_seats {
	_Atomic(struct seat_block *) blocks[BLOCKS];
	_Atomic(struct seat_block *) nights[BLOCKS]; /* by slot: what it was ... */
	_Atomic(struct seat_block *) since[BLOCKS];  /* ... and since when; seconds */
	_Atomic uint64_t began_ms;                   /* 0: not known */
};

struct gw_seats *gw_seats_new(void)
{
	return calloc(1, sizeof(struct gw_seats));
}

void gw_seats_free(struct gw_seats *s)
{
	for (size_t i = 0; s && i < BLOCKS; i++) {
		free(atomic_load(&s->blocks[i]));
		free(atomic_load(&s->nights[i]));
		free(atomic_load(&s->since[i]));
	}
	free(s);
}

static _Atomic uint32_t *word_of(_Atomic(struct seat_block *) *blocks, uint32_t number)
{
	_Atomic(struct seat_block *) *const at = &blocks[number >> BLOCK_BITS];
	struct seat_block *block = atomic_load_explicit(at, memory_order_acquire);
	if (!block) {
		struct seat_block *const made = calloc(1, sizeof(*made));
		if (!made)
			return NULL;
		if (atomic_compare_exchange_strong(at, &block, made))
			block = made;
		else
			free(made);
	}
	return &block->seats[number & (BLOCK - 1)];
}

_Atomic uint32_t *gw_seat(struct gw_seats *s, uint32_t cred)
{
	return word_of(s->blocks, cred);
}

/* The MAC stands for place, id and window. Never 0. */
static uint32_t sum_of(const struct slot *hot)
{
	const uint64_t mac = atomic_load_explicit(&hot->mac, memory_order_acquire);
	const uint64_t sent = atomic_load_explicit(&hot->sent, memory_order_acquire);
	const uint64_t mixed = mac ^ sent * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(mixed ^ mixed >> 32) | 1;
}

void gw_night_begins(struct gw_seats *s, uint32_t place, const struct slot *hot, uint64_t now_ms)
{
	_Atomic uint32_t *const night = word_of(s->nights, place);
	_Atomic uint32_t *const since = word_of(s->since, place);
	if (since)
		atomic_store_explicit(since, (uint32_t)(now_ms / 1000), memory_order_relaxed);
	if (night)
		atomic_store_explicit(night, sum_of(hot), memory_order_release);
}

void gw_nights_begin(struct gw_seats *s, uint64_t now_ms)
{
	uint64_t not_known = 0;
	(void)atomic_compare_exchange_strong(&s->began_ms, &not_known, now_ms);
}

uint64_t gw_night_since_ms(struct gw_seats *s, uint32_t place, uint64_t now_ms)
{
	_Atomic uint32_t *const since = word_of(s->since, place);
	const uint64_t began_ms = atomic_load(&s->began_ms);
	const uint64_t since_s = since ? atomic_load_explicit(since, memory_order_relaxed) : 0;
	if (since_s > 0)
		return since_s * 1000;
	return began_ms > 0 ? began_ms : now_ms;
}

bool gw_night_was_quiet(struct gw_seats *s, uint32_t place, const struct slot *hot)
{
	_Atomic uint32_t *const night = word_of(s->nights, place);
	return night && atomic_load_explicit(night, memory_order_acquire) == sum_of(hot);
}

static uint32_t next_tenure(uint32_t before, uint32_t worker)
{
	assert(worker < GW_TENURE_WORKER);
	return (before & ~(uint32_t)GW_TENURE_WORKER) + GENERATION + worker + 1;
}

bool gw_seat_take_empty(_Atomic uint32_t *seat, uint32_t worker, uint32_t *tenure)
{
	uint32_t before = atomic_load(seat);
	*tenure = next_tenure(before, worker);
	return gw_tenure_worker(before) == UINT32_MAX &&
	       atomic_compare_exchange_strong(seat, &before, *tenure);
}

struct gw_taken gw_seat_take(_Atomic uint32_t *seat, uint32_t worker)
{
	uint32_t before = atomic_load(seat);
	uint32_t tenure;
	do {
		if (gw_tenure_worker(before) == worker)
			return (struct gw_taken){ .before = before, .tenure = before };
		tenure = next_tenure(before, worker);
	} while (!atomic_compare_exchange_weak(seat, &before, tenure));
	return (struct gw_taken){ .before = before, .tenure = tenure };
}

void gw_seat_leave(_Atomic uint32_t *seat, uint32_t tenure)
{
	const uint32_t empty = tenure & ~(uint32_t)GW_TENURE_WORKER;
	(void)atomic_compare_exchange_strong(seat, &tenure, empty);
}
