/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/rng: seeded randomness: the same seed gives the same run. Never for keys.
 *
 * Threads: any, one struct each. Clock, I/O, allocation: none.
 * Source:  Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (SplitMix64).
 */
#ifndef LWG_LAB_RNG_H
#define LWG_LAB_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *r);
/* low .. high, both included; low when high < low. */
uint32_t rng_between(struct rng *r, uint32_t low, uint32_t high);

#endif
