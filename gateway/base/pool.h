/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/pool: objects of one size, packed into pages that hold nothing else.
 *
 * What lives as long as an association must not lie between what a handshake needs for a moment
 * (libssl takes some 100 KB for each): one small object would keep a page resident that is
 * otherwise free, and 10,000 devices would hold four times the memory that they use (I6).
 *
 * Promise: taking and giving back cost the same however many there are. A chunk goes back to the
 *          system when its last object is given back, unless it is the only one with room.
 *          A pool for secrets (I5) wipes what is given back, and keeps its chunks out of core dumps
 *          and, as far as RLIMIT_MEMLOCK lets it, out of swap.
 * Errors:  pool_take() NULL: memory is short. Memory that could not be locked is no error: unlocked
 *          says so, for the owner to tell.
 * Memory:  chunks of POOL_CHUNK bytes, resident as far as they were used.
 * Threads: one per pool.
 * Source:  none. With an address sanitizer each object is an allocation of its own, so that use
 *          after giving back is found.
 */
#ifndef LWG_BASE_POOL_H
#define LWG_BASE_POOL_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

enum { POOL_CHUNK = 1 << 16, POOL_OBJECT_MAX = 4096 };

struct pool_chunk;

struct pool {
	size_t size;              /* of an object, rounded up */
	size_t used;              /* objects that are taken */
	size_t chunks;            /* there are */
	struct pool_chunk *roomy; /* those with room */
	bool secret;              /* for secrets */
	bool unlocked;            /* for secrets, but some of it may be swapped; it stays true */
};

/* size: 1 .. POOL_OBJECT_MAX. */
void pool_init(struct pool *p, size_t size);
/* The same, for objects with secrets in them. */
void pool_init_secret(struct pool *p, size_t size);
/* Every object has been given back. */
void pool_fini(struct pool *p);
/* A zeroed object, aligned as malloc's are. */
MUST_USE void *pool_take(struct pool *p);
/* NULL: nothing happens. Secrets are the caller's to wipe, unless the pool is one for secrets. */
void pool_give(struct pool *p, void *object);

#endif
