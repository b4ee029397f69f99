/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/slot: what changes with each message of an association, in 64 bytes of shared memory.
 *
 * Whoever dies between two stores of slot_mark() leaves a slot from which slot_load() finds the
 * state before or after it, and nothing else (S13): the number that is being marked is written
 * first, then the MAC of what will be, then the window.
 *
 * Promise: nothing secret is in a slot (S21). slot_load() answers false for a slot of another
 *          association, of another place, or with a wrong MAC: hot state lost (S15).
 * Threads: the owner writes; slot_take() and slot_release() are atomic between all (S8).
 * Source:  persistence rules S8, S13, S15, S21, S23 in ARCHITECTURE.md.
 */
#ifndef LWG_STORE_SLOT_H
#define LWG_STORE_SLOT_H

#include "base/attr.h"
#include "base/sip.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { SLOT_ID = 16, SLOT_SIZE = 64 };

struct slot {
	_Alignas(SLOT_SIZE) _Atomic uint64_t owner; /* 0: nobody; see slot_owner() */
	_Atomic uint64_t id[SLOT_ID / 8];           /* read with slot_load(), which compares it */
	_Atomic uint64_t edge;                      /* one above the highest number seen */
	_Atomic uint64_t seen;                      /* bit i: number edge - 1 - i was seen */
	_Atomic uint64_t pending; /* 1 + the number that is being marked; 0: none is */
	_Atomic uint32_t sent;    /* next write number; good only within the owner's incarnation */
	_Atomic uint32_t forged;  /* tags that did not verify (S23) */
	_Atomic uint64_t mac;     /* of place, id, edge, seen */
};

_Static_assert(sizeof(struct slot) == SLOT_SIZE, "slots fill cache lines");

struct slot_state {
	uint64_t edge, seen;
	uint32_t sent, forged;
};

/* incarnation >= 1 of the process, worker < 2^16. */
static inline uint64_t slot_owner(uint32_t incarnation, uint32_t worker)
{
	return (uint64_t)incarnation << 32 | (worker + 1);
}

/* Everything anew, without an owner; nobody else may know of it yet. Also after a lapse, when the
   window has been proven in another way, before slot_take(). */
void slot_init(struct slot *s, const struct sip_key *key, uint32_t place, const uint8_t id[SLOT_ID],
	const struct slot_state *state);
/* The window after a record's number was marked; edge and seen are what it has become. To be
   called before the record's message goes anywhere. Ends a mark that a dead owner began. Other
   numbers may be new, too: they are marked before. A window that is not what numbers make of the
   one before (as after a gap) asks for slot_init(). */
void slot_mark(struct slot *s, const struct sip_key *key, uint32_t place, uint64_t number,
	uint64_t edge, uint64_t seen);
MUST_USE bool slot_load(const struct slot *s, const struct sip_key *key, uint32_t place,
	const uint8_t id[SLOT_ID], struct slot_state *out);
/* Is it this association's still? One who holds on to a slot asks before he writes: a place that
   was given back may be another's by now. Its id alone is compared. */
MUST_USE bool slot_is(const struct slot *s, const uint8_t id[SLOT_ID]);
/* False: somebody of this incarnation has it, or of a later one (S3). An owner of an earlier
   incarnation is dead. */
MUST_USE bool slot_take(struct slot *s, uint64_t owner);
/* After the last slot_mark(); sent is kept for the next owner of the same incarnation. */
void slot_release(struct slot *s, uint64_t owner, uint32_t sent);
/* Has this number been seen, or fallen out of the window? A first look without MAC and id: it means
   something only where the slot is this association's and was not lost with the power. */
MUST_USE bool slot_has_seen(const struct slot *s, uint64_t number);

#endif
