/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/memory: datagrams of one flow and way, kept by somebody on the path: the newest ones, and a
 * fair sample of all before.
 *
 * Memory:  at most 2 x `each` copies; memory_free() releases them.
 * Errors:  what there is no memory for is not kept.
 * Threads: one.
 * Source:  Vitter, "Random sampling with a reservoir" (algorithm R).
 */
#ifndef LWG_LAB_MEMORY_H
#define LWG_LAB_MEMORY_H

#include "tests/lab/rng.h"

#include <stddef.h>
#include <stdint.h>

enum { MEMORY_EACH_MAX = 256 };

struct kept {
	size_t len;
	uint8_t data[];
};

struct memory {
	struct kept **kept; /* each newest ones in a ring, then as many of those before */
	uint32_t each;
	uint64_t seen;
};

/* each: of both kinds, at most MEMORY_EACH_MAX; 0: nothing is kept. */
void memory_init(struct memory *m, uint32_t each);
void memory_free(struct memory *m);
void memory_add(struct memory *m, struct rng *r, const uint8_t *data, size_t len);
void memory_forget(struct memory *m);
/* The i-th from the oldest of the sample to the newest of all, of 2 x each; NULL: none there. */
const struct kept *memory_at(const struct memory *m, uint32_t i);

#endif
