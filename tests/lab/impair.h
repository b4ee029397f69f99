/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/impair: what a bad network does to the next datagram. Only decisions; impair_relay.c
 * carries them out.
 *
 * Promise: the fate of the n-th datagram of a direction depends on the seed, the settings, the
 *          direction and n only, so the same seed brings the same bad luck.
 * Threads: any, one struct each. Clock, I/O, allocation: none.
 */
#ifndef LWG_LAB_IMPAIR_H
#define LWG_LAB_IMPAIR_H

#include "base/attr.h"
#include "tests/lab/rng.h"

#include <stdbool.h>
#include <stdint.h>

enum impair_way { IMPAIR_UP /* client to server */, IMPAIR_DOWN, IMPAIR_WAYS };
enum { IMPAIR_COPIES = 3 }; /* itself, a duplicate, a replay */

struct impair_settings { /* percentages are 0 .. 100, of each way */
	double loss, dup, reorder, replay;
	uint32_t delay_min_ms, delay_max_ms;
	uint32_t
		/* a datagram out of order is held back for so long, and half of it at least */
		reorder_ms;
	uint32_t replay_ms; /* a replay comes so much later, and half of it at least */
	uint32_t
		/* the flow gets a new source port after so many datagrams up; 0 = never */
		readdress;
	double roam;           /* percentage of datagrams up before which the flow moves */
	uint32_t roam_idle_ms; /* but only after so long a silence of its */
	double elsewhere;      /* percentage: one that was seen is sent again by a stranger */
	uint64_t seed;
};

struct impair_fate {
	uint8_t copies;                       /* to be sent; 0 = lost */
	uint32_t delay_ms[IMPAIR_COPIES];     /* of each copy */
	bool reordered, duplicated, replayed; /* what was decided, for the summary */
};

struct impair {
	struct impair_settings set;
	struct rng rng[IMPAIR_WAYS];
	struct rng places; /* of what has to do with addresses */
};

void impair_init(struct impair *im, const struct impair_settings *set);
struct impair_fate impair_next(struct impair *im, enum impair_way way);
/* True when the flow that has carried `datagrams` upwards is to get a new address before the next
   one. */
MUST_USE bool impair_readdress(const struct impair *im, uint64_t datagrams);
/* True when a flow that was silent for so long moves before its next datagram up. */
MUST_USE bool impair_roams(struct impair *im, uint64_t silent_ms);
/* True when somebody repeats something now, from where he is. */
MUST_USE bool impair_elsewhere(struct impair *im);
/* NULL, or what is wrong with the settings. */
const char *impair_check(const struct impair_settings *set);

#endif
