/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/cred_index: finds numbers by octets: a hash table that holds no octets itself.
 *
 * Promise: keyed hash, so that no list of names can be made that is slow to look up. Never more
 *          than half full.
 * Errors:  false: memory is short. Threads: any may find at once; one writer.
 */
#ifndef LWG_CONF_CRED_INDEX_H
#define LWG_CONF_CRED_INDEX_H

#include "base/attr.h"
#include "base/sip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRED_INDEX_NONE = 0xffffffff };

/* Do these octets belong to the number? */
typedef bool cred_index_same(const void *ctx, uint32_t number, const void *octets, size_t len);

struct cred_index {
	uint32_t *slots; /* CRED_INDEX_NONE: free */
	size_t mask;
	struct sip_key key;
	cred_index_same *same;
	const void *ctx;
};

/* For at most `count` numbers. */
MUST_USE bool cred_index_init(
	struct cred_index *x, size_t count, cred_index_same *same, const void *ctx);
void cred_index_fini(struct cred_index *x);
/* The number, or CRED_INDEX_NONE. */
uint32_t cred_index_find(const struct cred_index *x, const void *octets, size_t len);
/* The number that these octets already have, or CRED_INDEX_NONE: then they have `number` now. */
uint32_t cred_index_add(struct cred_index *x, const void *octets, size_t len, uint32_t number);

#endif
