/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include "base/build.h"
#include "base/wipe.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 16 }; /* malloc's, where it is strictest */

struct cell { /* an object that nobody has */
	struct cell *next;
};

/* At an address that is a multiple of POOL_CHUNK. */
struct pool_chunk {
	_Alignas(ALIGN) struct pool_chunk *next; /* among those with room */
	struct pool_chunk **link;                /* the pointer that points here; NULL: no room */
	struct cell *free;
	uint32_t used;
	uint32_t fresh; /* bytes from the start that were handed out at least once */
};

static void enlist(struct pool *p, struct pool_chunk *c)
{
	c->next = p->roomy;
	c->link = &p->roomy;
	if (c->next)
		c->next->link = &c->next;
	p->roomy = c;
}

static void delist(struct pool_chunk *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->link = NULL;
}

/* Pages are locked when they are first used: what no object needs is not made resident. Once the
   bound is reached each further try would be a system call for nothing. */
static void keep_secret(struct pool *p, struct pool_chunk *c)
{
	(void)madvise(c, POOL_CHUNK, MADV_DONTDUMP);
	if (!p->unlocked)
		p->unlocked = mlock2(c, POOL_CHUNK, MLOCK_ONFAULT) != 0;
}

/* The system gives pages; two chunks' worth hold one that is aligned. */
static struct pool_chunk *chunk_new(struct pool *p)
{
	const size_t want = 2 * (size_t)POOL_CHUNK;
	uint8_t *const got =
		mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (got == MAP_FAILED)
		return NULL;
	const size_t before = (POOL_CHUNK - (uintptr_t)got % POOL_CHUNK) % POOL_CHUNK;
	if (before > 0)
		(void)munmap(got, before);
	(void)munmap(got + before + POOL_CHUNK, POOL_CHUNK - before);
	struct pool_chunk *const c = (struct pool_chunk *)(void *)(got + before);
	if (p->secret)
		keep_secret(p, c);
	c->fresh = sizeof(*c);
	p->chunks++;
	enlist(p, c);
	return c;
}

static void chunk_free(struct pool *p, struct pool_chunk *c)
{
	delist(c);
	p->chunks--;
	(void)munmap(c, POOL_CHUNK);
}

void pool_init(struct pool *p, size_t size)
{
	assert(size > 0 && size <= POOL_OBJECT_MAX);
	*p = (struct pool){ .size = (size + ALIGN - 1) / ALIGN * ALIGN };
}

void pool_init_secret(struct pool *p, size_t size)
{
	pool_init(p, size);
	p->secret = true;
}

void pool_fini(struct pool *p)
{
	assert(p->used == 0);
	while (p->roomy)
		chunk_free(p, p->roomy);
}

static bool has_room(const struct pool *p, const struct pool_chunk *c)
{
	return c->free || c->fresh + p->size <= POOL_CHUNK;
}

void *pool_take(struct pool *p)
{
	if (BUILD_CHECKED) {
		void *const object = calloc(1, p->size);
		p->used += object != NULL;
		return object;
	}
	struct pool_chunk *const c = p->roomy ? p->roomy : chunk_new(p);
	if (!c)
		return NULL;
	struct cell *object = c->free;
	if (object) {
		c->free = object->next;
		memset(object, 0, p->size);
	} else { /* the system's pages are zeroed */
		object = (struct cell *)(void *)((uint8_t *)c + c->fresh);
		c->fresh += (uint32_t)p->size;
	}
	c->used++;
	p->used++;
	if (!has_room(p, c))
		delist(c);
	return object;
}

void pool_give(struct pool *p, void *object)
{
	if (!object)
		return;
	p->used--;
	if (p->secret)
		wipe(object, p->size);
	if (BUILD_CHECKED) {
		free(object);
		return;
	}
	uint8_t *const start = (uint8_t *)object - (uintptr_t)object % POOL_CHUNK;
	struct pool_chunk *const c = (struct pool_chunk *)(void *)start;
	struct cell *const cell = object;
	cell->next = c->free;
	c->free = cell;
	c->used--;
	if (!c->link)
		enlist(p, c);
	/* One stays, or a single object that comes and goes would cost system calls each time. */
	if (c->used == 0 && (c->next || c->link != &p->roomy))
		chunk_free(p, c);
}
