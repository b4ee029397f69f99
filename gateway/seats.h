/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/seats: which worker has the session of a credential: one word each, shared by all
 *                workers.
 *
 * The word is the tenure: a generation and a worker. It is 0 while the session sleeps.
 *
 * Promise: at any time at most one worker holds a seat. Seats cost nothing until they are used,
 *          then 4 bytes each in blocks.
 * Errors:  gw_seat() NULL: memory is short.
 * Threads: all.
 */
#ifndef LWG_GATEWAY_SEATS_H
#define LWG_GATEWAY_SEATS_H

#include "base/attr.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { GW_TENURE_WORKER = 0xff };

struct gw_seats;
struct slot;

struct gw_taken {
	uint32_t before; /* the tenure that was replaced */
	uint32_t tenure; /* the one that holds now; == before: this worker had the seat already */
};

MUST_USE struct gw_seats *gw_seats_new(void);
void gw_seats_free(struct gw_seats *s);
/* generation << 8 | worker + 1; 0 there: empty */
_Atomic uint32_t *gw_seat(struct gw_seats *s, uint32_t cred);
struct gw_taken gw_seat_take(_Atomic uint32_t *seat, uint32_t worker);
/* Only if nobody holds it; *tenure is the new one. */
MUST_USE bool gw_seat_take_empty(_Atomic uint32_t *seat, uint32_t worker, uint32_t *tenure);
/* Nothing happens when somebody has claimed the tenure meanwhile. */
void gw_seat_leave(_Atomic uint32_t *seat, uint32_t tenure);
/* What a slot is when its association falls asleep; and whether it still is that. A copy of the
   file that was put back within this run is known by it (S5): the slot's own MAC is good for any
   copy. */
void gw_night_begins(struct gw_seats *s, uint32_t place, const struct slot *hot, uint64_t now_ms);
/* When that was, to a second, in store_time(): at the earliest when this run began, of whom
   slept before. now_ms where memory was short. */
uint64_t gw_night_since_ms(struct gw_seats *s, uint32_t place, uint64_t now_ms);
/* This run began; not the first: nothing happens. */
void gw_nights_begin(struct gw_seats *s, uint64_t now_ms);
MUST_USE bool gw_night_was_quiet(struct gw_seats *s, uint32_t place, const struct slot *hot);
/* The worker that holds a tenure, or UINT32_MAX when nobody does. */
static inline uint32_t gw_tenure_worker(uint32_t tenure)
{
	return (tenure & GW_TENURE_WORKER) - 1;
}

#endif
