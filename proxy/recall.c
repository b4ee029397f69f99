/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/recall.h"

#include <stdlib.h>

struct recall_place {
	uint32_t name; /* the half of the endpoint's hash that is not its place */
	uint32_t sum;
	uint32_t until_s; /* 0: free */
	uint16_t mid, channels;
};
_Static_assert(sizeof(struct recall_place) == 16, "so much each");

/* FNV-1a. Endpoints are the operator's, not their devices' to choose. */
static uint64_t hash_of(const char *endpoint)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (const char *c = endpoint; *c; c++)
		h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
	return h;
}

void recall_put(struct recall *r, const char *endpoint, const struct recalled *what)
{
	const uint64_t h = hash_of(endpoint);
	if (!r->places)
		r->places = calloc(RECALL_PLACES, sizeof(*r->places));
	if (!r->places)
		return;
	r->places[h % RECALL_PLACES] = (struct recall_place){
		.name = (uint32_t)(h >> 32),
		.sum = what->sum,
		.until_s = (uint32_t)(what->until_ms / 1000) + 1,
		.mid = what->mid,
		.channels = what->channels,
	};
}

bool recall_knows(
	const struct recall *r, const char *endpoint, const struct recalled *what, uint64_t now_ms)
{
	const uint64_t h = hash_of(endpoint);
	const struct recall_place *const p = r->places ? &r->places[h % RECALL_PLACES] : NULL;
	return p && p->name == (uint32_t)(h >> 32) && now_ms / 1000 < p->until_s &&
	       p->mid == what->mid && p->sum == what->sum && p->channels == what->channels;
}

void recall_free(struct recall *r)
{
	free(r->places);
	r->places = NULL;
}
