/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/seats.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

enum { GENERATION = GW_TENURE_WORKER + 1, BLOCK_BITS = 16, BLOCK = 1 << BLOCK_BITS };

struct seat_block {
	_Atomic uint32_t seats[BLOCK];
};

struct gw_seats {
	_Atomic(struct seat_block *) blocks[1 << (32 - BLOCK_BITS)];
};

struct gw_seats *gw_seats_new(void)
{
	return calloc(1, sizeof(struct gw_seats));
}

void gw_seats_free(struct gw_seats *s)
{
	for (size_t i = 0; s && i < sizeof(s->blocks) / sizeof(s->blocks[0]); i++)
		free(atomic_load(&s->blocks[i]));
	free(s);
}

_Atomic uint32_t *gw_seat(struct gw_seats *s, uint32_t cred)
{
	_Atomic(struct seat_block *) *const at = &s->blocks[cred >> BLOCK_BITS];
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
	return &block->seats[cred & (BLOCK - 1)];
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
