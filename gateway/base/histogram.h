/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/histogram: how often something took how long, in fixed steps.
 *
 * Promise: adding one is a search among HISTOGRAM_BOUNDS numbers and two additions. Zeroed = empty.
 * Errors:  none. Threads: the owner's; a copy is anybody's.
 */
#ifndef LWG_BASE_HISTOGRAM_H
#define LWG_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 18 };

struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* [i]: at most bound i; the last: more than all */
	uint64_t sum_us;
};

/* Microseconds; a router's commit is among the first, a radio's answer among the last. */
static inline uint64_t histogram_bound_us(size_t i)
{
	static const uint32_t bounds[HISTOGRAM_BOUNDS] = { 100, 250, 500, 1000, 2500, 5000, 10000,
		25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000,
		60000000 };
	return bounds[i];
}

static inline void histogram_add(struct histogram *h, uint64_t us)
{
	size_t i = 0;
	while (i < HISTOGRAM_BOUNDS && us > histogram_bound_us(i))
		i++;
	h->counts[i]++;
	h->sum_us += us;
}

static inline void histogram_sum(struct histogram *to, const struct histogram *h)
{
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
		to->counts[i] += h->counts[i];
	to->sum_us += h->sum_us;
}

#endif
