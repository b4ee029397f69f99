/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cred_index.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

bool cred_index_init(struct cred_index *x, size_t count, cred_index_same *same, const void *ctx)
{
	size_t slots = 2;
	*x = (struct cred_index){ .same = same, .ctx = ctx };
	while (slots < 2 * count)
		slots *= 2;
	if (getrandom(&x->key, sizeof(x->key), 0) != (ssize_t)sizeof(x->key))
		return false;
	x->slots = malloc(slots * sizeof(*x->slots));
	if (x->slots == NULL)
		return false;
	memset(x->slots, 0xff, slots * sizeof(*x->slots));
	x->mask = slots - 1;
	return true;
}

void cred_index_fini(struct cred_index *x)
{
	free(x->slots);
	*x = (struct cred_index){ 0 };
}

/* The slot where these octets are, or would be. */
static uint32_t *slot_of(const struct cred_index *x, const void *octets, size_t len)
{
	size_t at = (size_t)sip_hash(&x->key, octets, len) & x->mask;
	while (x->slots[at] != CRED_INDEX_NONE && !x->same(x->ctx, x->slots[at], octets, len))
		at = (at + 1) & x->mask;
	return &x->slots[at];
}

uint32_t cred_index_find(const struct cred_index *x, const void *octets, size_t len)
{
	return *slot_of(x, octets, len);
}

uint32_t cred_index_add(struct cred_index *x, const void *octets, size_t len, uint32_t number)
{
	uint32_t *slot = slot_of(x, octets, len);
	const uint32_t before = *slot;
	if (before == CRED_INDEX_NONE)
		*slot = number;
	return before;
}
