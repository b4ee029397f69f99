/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/rng.h"

uint64_t rng_next(struct rng *r)
{
	r->state += 0x9e3779b97f4a7c15;
	uint64_t z = r->state;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t rng_between(struct rng *r, uint32_t low, uint32_t high)
{
	if (high <= low)
		return low;
	return low + (uint32_t)(rng_next(r) % ((uint64_t)high - low + 1));
}
