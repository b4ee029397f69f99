/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vault.h"

#include "base/build.h"
#include "base/wipe.h"

#include <assert.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	GRAIN = 16, /* alignment, and the step of small sizes */
	FINE = 8,   /* classes up to FINE_MAX, GRAIN apart; then four for each doubling */
	FINE_MAX = FINE * GRAIN,
	FINE_LOG = 7,
	CLASSES = FINE + 4 * (16 - FINE_LOG),
	WORD = 64, /* bits of a map */
	LINE = 64, /* of a cache */
	/* Chunks that are kept though empty: some, and one for so many that are not. */
	SPARE = 32,
	SPARE_ONE_IN = 2,
};

struct share;

/* At an address that is a multiple of VAULT_CHUNK. Whatever in it is free is zero. */
struct vault_chunk {
	_Alignas(LINE) struct vault_chunk *next; /* among those with room */
	struct vault_chunk **link;               /* the pointer that points here; NULL: no room */
	struct share *share;                     /* NULL: one object, with a mapping of its own */
	size_t mapped;
	uint32_t class;
	uint32_t size; /* of an object */
	uint32_t count, used;
	uint32_t first; /* where the first object begins */
	uint32_t hint;  /* no word of the map before this one has a bit set */
	uint64_t free[];
};

struct share {
	_Alignas(LINE) pthread_mutex_t lock;
	struct vault_chunk *roomy[CLASSES];
	struct vault_chunk *empty; /* of no class; linked by next only */
	size_t chunks, empties;
};

/* The one thing of its kind in this program: a library's allocator is found without a context. */
#define SHARE                                                                                      \
	{                                                                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER                                                  \
	}
static struct share shares[VAULT_SHARES] = { SHARE, SHARE, SHARE, SHARE, SHARE, SHARE, SHARE,
	SHARE };
static atomic_uint threads;
static atomic_size_t mapped;
static _Thread_local struct share *mine;

static struct share *my_share(void)
{
	if (!mine)
		mine = &shares[atomic_fetch_add(&threads, 1) % VAULT_SHARES];
	return mine;
}

/* --- sizes ------------------------------------------------------------------------------------ */

static unsigned log2_of(size_t n)
{
	return (unsigned)(8 * sizeof(long)) - 1 - (unsigned)__builtin_clzl(n);
}

/* size: 1 .. VAULT_SHARED_MAX. */
static uint32_t class_of(size_t size)
{
	if (size <= FINE_MAX)
		return (uint32_t)((size - 1) / GRAIN);
	const unsigned log = log2_of(size - 1);
	return FINE + 4 * (log - FINE_LOG) + (uint32_t)((size - 1) >> (log - 2) & 3);
}

static uint32_t size_of(uint32_t class)
{
	if (class < FINE)
		return (class + 1) * GRAIN;
	const uint32_t over = class - FINE;
	return (5 + over % 4) << (FINE_LOG - 2 + over / 4);
}

/* --- chunks ----------------------------------------------------------------------------------- */

/* The system gives pages; one chunk more than needed holds a start that is aligned. */
static struct vault_chunk *map_aligned(size_t len)
{
	const size_t want = len + VAULT_CHUNK;
	uint8_t *const got =
		mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (got == MAP_FAILED)
		return NULL;
	const size_t before = (VAULT_CHUNK - (uintptr_t)got % VAULT_CHUNK) % VAULT_CHUNK;
	if (before > 0)
		(void)munmap(got, before);
	if (before < VAULT_CHUNK)
		(void)munmap(got + before + len, VAULT_CHUNK - before);
	(void)madvise(got + before, len, MADV_DONTDUMP);
	atomic_fetch_add(&mapped, len);
	struct vault_chunk *const c = (struct vault_chunk *)(void *)(got + before);
	c->mapped = len;
	return c;
}

static void unmap(struct vault_chunk *c)
{
	atomic_fetch_sub(&mapped, c->mapped);
	(void)munmap(c, c->mapped);
}

static void enlist(struct share *s, struct vault_chunk *c)
{
	c->next = s->roomy[c->class];
	c->link = &s->roomy[c->class];
	if (c->next)
		c->next->link = &c->next;
	s->roomy[c->class] = c;
}

static void delist(struct vault_chunk *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->link = NULL;
}

static struct vault_chunk *chunk_any(struct share *s)
{
	struct vault_chunk *c = s->empty;
	if (c) {
		s->empty = c->next;
		s->empties--;
		return c;
	}
	c = map_aligned(VAULT_CHUNK);
	if (c)
		s->chunks++;
	return c;
}

static struct vault_chunk *chunk_new(struct share *s, uint32_t class)
{
	struct vault_chunk *const c = chunk_any(s);
	if (!c)
		return NULL;
	c->share = s;
	c->class = class;
	c->size = size_of(class);
	/* As if all were objects: a bit too many in the map, at most a few. */
	const uint32_t words = (VAULT_CHUNK / c->size + WORD - 1) / WORD;
	c->first = (uint32_t)(sizeof(*c) + words * sizeof(c->free[0]) + GRAIN - 1) / GRAIN * GRAIN;
	c->count = (VAULT_CHUNK - c->first) / c->size;
	for (uint32_t i = 0; i < c->count; i += WORD)
		c->free[i / WORD] =
			c->count - i >= WORD ? UINT64_MAX : (UINT64_C(1) << (c->count - i)) - 1;
	enlist(s, c);
	return c;
}

static void free_empties(struct share *s, size_t keep)
{
	while (s->empties > keep) {
		struct vault_chunk *const c = s->empty;
		s->empty = c->next;
		s->empties--;
		s->chunks--;
		unmap(c);
	}
}

/* Its map is zeroed, too: a class with larger objects has its first one there. hint is 0 again, as
   the first object has come back. */
static void chunk_empty(struct share *s, struct vault_chunk *c)
{
	delist(c);
	memset(c->free, 0, c->first - sizeof(*c));
	c->next = s->empty;
	s->empty = c;
	s->empties++;
	free_empties(s, SPARE + (s->chunks - s->empties) / SPARE_ONE_IN);
}

static uint8_t *object_at(struct vault_chunk *c, uint32_t i)
{
	return (uint8_t *)c + c->first + (size_t)i * c->size;
}

/* The lowest that is free, so that the pages above empty themselves. */
static void *chunk_take(struct vault_chunk *c)
{
	while (c->free[c->hint] == 0)
		c->hint++;
	const uint32_t bit = (uint32_t)__builtin_ctzll(c->free[c->hint]);
	c->free[c->hint] &= c->free[c->hint] - 1;
	if (++c->used == c->count)
		delist(c);
	return object_at(c, c->hint * WORD + bit);
}

static struct vault_chunk *chunk_of(const void *p)
{
	const uintptr_t at = (uintptr_t)p;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): that is how an object finds its chunk */
	return (struct vault_chunk *)(at - at % VAULT_CHUNK);
}

/* The number of the object; one that nobody took is an error of ours that must not go on. */
static uint32_t number_of(const struct vault_chunk *c, const void *p)
{
	const uint32_t offset = (uint32_t)((uintptr_t)p % VAULT_CHUNK) - c->first;
	const uint32_t i = offset / c->size;
	assert(i < c->count && offset % c->size == 0);
	return i;
}

static void chunk_give(struct share *s, struct vault_chunk *c, const void *p)
{
	const uint32_t i = number_of(c, p);
	const uint64_t bit = UINT64_C(1) << i % WORD;
	assert(!(c->free[i / WORD] & bit));
	c->free[i / WORD] |= bit;
	if (i / WORD < c->hint)
		c->hint = i / WORD;
	c->used--;
	if (!c->link)
		enlist(s, c);
	/* One of each class stays one, or an object that comes and goes would cost this each
	   time. */
	if (c->used == 0 && (c->next || c->link != &s->roomy[c->class]))
		chunk_empty(s, c);
}

/* --- large objects: a mapping each ------------------------------------------------------------ */

static void *large_take(size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct vault_chunk *const c = map_aligned((sizeof(*c) + size + page - 1) / page * page);
	return c ? c + 1 : NULL;
}

static void large_give(struct vault_chunk *c)
{
	wipe(c + 1, c->mapped - sizeof(*c));
	unmap(c);
}

static size_t room_of(const struct vault_chunk *c)
{
	return c->share ? c->size : c->mapped - sizeof(*c);
}

/* --- giving pages back ------------------------------------------------------------------------ */

static void drop_pages(const uint8_t *from, const uint8_t *to, size_t page)
{
	const uintptr_t first = ((uintptr_t)from + page - 1) / page * page;
	const uintptr_t past = (uintptr_t)to / page * page;
	/* They read as zero ever after, as what is free does. */
	if (past > first)
		/* NOLINTNEXTLINE(performance-no-int-to-ptr): rounded to pages */
		(void)madvise((void *)first, past - first, MADV_DONTNEED);
}

static void trim_chunk(struct vault_chunk *c, size_t page)
{
	uint32_t run = 0; /* free ones that end before i */
	for (uint32_t i = 0; i <= c->count; i++) {
		if (i < c->count && c->free[i / WORD] >> i % WORD & 1) {
			run++;
			continue;
		}
		if (run > 0)
			drop_pages(object_at(c, i - run), object_at(c, i), page);
		run = 0;
	}
}

static void trim_share(struct share *s, size_t page)
{
	for (uint32_t i = 0; i < CLASSES; i++) {
		struct vault_chunk *next;
		for (struct vault_chunk *c = s->roomy[i]; c; c = next) {
			next = c->next;
			if (c->used == 0)
				chunk_empty(s, c);
			else
				trim_chunk(c, page);
		}
	}
	free_empties(s, 0);
}

void vault_trim(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	for (size_t i = 0; i < VAULT_SHARES; i++) {
		(void)pthread_mutex_lock(&shares[i].lock);
		trim_share(&shares[i], page);
		(void)pthread_mutex_unlock(&shares[i].lock);
	}
}

size_t vault_mapped(void)
{
	return atomic_load(&mapped);
}

/* --- the three of malloc(3) ------------------------------------------------------------------- */

void *vault_alloc(size_t size)
{
	if (size == 0)
		return NULL;
	if (BUILD_CHECKED)
		return calloc(1, size);
	if (size > VAULT_SHARED_MAX)
		return large_take(size);
	struct share *const s = my_share();
	const uint32_t class = class_of(size);
	(void)pthread_mutex_lock(&s->lock);
	struct vault_chunk *const c = s->roomy[class] ? s->roomy[class] : chunk_new(s, class);
	void *const p = c ? chunk_take(c) : NULL;
	(void)pthread_mutex_unlock(&s->lock);
	return p;
}

void vault_release(void *p)
{
	if (!p)
		return;
	if (BUILD_CHECKED) {
		wipe(p, malloc_usable_size(p));
		free(p);
		return;
	}
	struct vault_chunk *const c = chunk_of(p);
	struct share *const s = c->share;
	if (!s) {
		large_give(c);
		return;
	}
	wipe(p, c->size);
	(void)pthread_mutex_lock(&s->lock);
	chunk_give(s, c, p);
	(void)pthread_mutex_unlock(&s->lock);
}

/* Stays where it is while that is not too small, nor twice too large. */
static bool fits(size_t room, size_t size)
{
	return size <= room && (size > room / 2 || room <= FINE_MAX);
}

void *vault_resize(void *p, size_t size)
{
	if (p && size > 0 && !BUILD_CHECKED && fits(room_of(chunk_of(p)), size))
		return p;
	void *const other = vault_alloc(size);
	if (!other && size > 0)
		return NULL;
	if (p && other) {
		const size_t room = BUILD_CHECKED ? malloc_usable_size(p) : room_of(chunk_of(p));
		memcpy(other, p, room < size ? room : size);
	}
	vault_release(p);
	return other;
}
