/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void memory_init(struct memory *m, uint32_t each)
{
	*m = (struct memory){ .each = each < MEMORY_EACH_MAX ? each : MEMORY_EACH_MAX };
}

void memory_forget(struct memory *m)
{
	for (uint32_t i = 0; m->kept && i < 2 * m->each; i++) {
		free(m->kept[i]);
		m->kept[i] = NULL;
	}
	m->seen = 0;
}

void memory_free(struct memory *m)
{
	memory_forget(m);
	free(m->kept);
	m->kept = NULL;
}

/* What falls out of the ring is the next candidate of the sample. */
static void sample(struct memory *m, struct rng *r, struct kept *old)
{
	const uint64_t candidates = m->seen - m->each; /* old included */
	uint64_t place = candidates - 1;
	if (candidates > m->each)
		place = rng_next(r) % candidates;
	if (place >= m->each) {
		free(old);
		return;
	}
	free(m->kept[m->each + place]);
	m->kept[m->each + place] = old;
}

void memory_add(struct memory *m, struct rng *r, const uint8_t *data, size_t len)
{
	if (m->each == 0)
		return;
	if (!m->kept)
		m->kept = calloc((size_t)2 * m->each, sizeof(struct kept *));
	struct kept *k = m->kept ? malloc(sizeof(*k) + len) : NULL;
	if (!k)
		return;
	k->len = len;
	memcpy(k->data, data, len);
	struct kept **place = &m->kept[m->seen % m->each];
	struct kept *old = *place;
	m->seen++;
	*place = k;
	if (old)
		sample(m, r, old);
}

const struct kept *memory_at(const struct memory *m, uint32_t i)
{
	if (!m->kept || i >= 2 * m->each)
		return NULL;
	if (i < m->each)
		return m->kept[m->each + i];
	return m->kept[(m->seen + i) % m->each]; /* the oldest of the ring is the next to go */
}
