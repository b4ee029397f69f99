/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pages.h"

#include <stdlib.h>
#include <string.h>

enum {
	SIZE_LEAST = 256,
	SIZE_MOST = 32768, /* a page's offsets have 16 bits */
	FIRST = 2,         /* behind the two of facts */
	DEPTH_MOST = 32,   /* CURSOR_STACK */
	TABLES_MOST = 128,
	KEY_MOST = 511, /* MDB_MAXKEYSIZE */

	/* MDB_page */
	HEAD = 16,
	AT_FLAGS = 10,
	AT_LOWER = 12,
	AT_UPPER = 14,
	AT_PAGES = 12,
	BRANCH = 0x01,
	LEAF = 0x02,
	OVERFLOW = 0x04,
	META = 0x08,

	/* MDB_node */
	NODE = 8,
	NODE_FLAGS = 4,
	NODE_KEY = 6,
	BIG = 0x01,
	TABLE = 0x02,

	/* MDB_db */
	DB = 48,
	DB_FLAGS = 4,
	DB_DEPTH = 6,
	DB_ROOT = 40,
	NUMBER_KEYS = 0x08, /* MDB_INTEGERKEY */

	/* MDB_meta, behind the page's head */
	META_SIZE = 136,
	META_VERSION = 4,
	META_MAP = 16,
	META_FREE = 24,
	META_MAIN = 72,
	META_LAST = 120,
	META_TXN = 128,
	FORMAT = 1,
};
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "LMDB's numbers are as wide as a size_t");
static const uint32_t magic = 0xbeefc0de;
static const uint64_t nothing = UINT64_MAX; /* P_INVALID */
static const uint64_t map_most = UINT64_C(1) << 47;

enum kind { KIND_FREE, KIND_MAIN, KIND_TABLE };

struct root {
	uint64_t page;
	unsigned depth;
};

struct look {
	const uint8_t *file;
	uint64_t pages; /* whole ones in the file */
	size_t size;    /* of each */
	uint64_t last;  /* page that was ever used */
	uint64_t txn;
	uint64_t freed; /* by which transaction: the last one met */
	uint8_t *used;  /* a bit for each page */
	uint64_t leaves_left;
	unsigned tables_len;
	struct root tables[TABLES_MOST];
	uint8_t starts[SIZE_MOST / 2 / 8]; /* of a page's nodes, which are even */
	struct pages_fault *fault;
};

struct node {
	const uint8_t *at;
	size_t key; /* octets */
	size_t len; /* of its value */
	unsigned flags;
};

/* --- reading ---------------------------------------------------------------------------------- */

static uint16_t get16(const uint8_t *at)
{
	uint16_t n;
	memcpy(&n, at, sizeof(n));
	return n;
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t n;
	memcpy(&n, at, sizeof(n));
	return n;
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t n;
	memcpy(&n, at, sizeof(n));
	return n;
}

static bool wrong(struct look *l, uint64_t page, const char *what)
{
	*l->fault = (struct pages_fault){ .page = page, .what = what };
	return false;
}

static bool cut_off(struct look *l, uint64_t page)
{
	(void)wrong(l, page, "lies behind the end");
	l->fault->need = (l->last + 1) * l->size;
	return false;
}

/* The first of `count` pages that are in the file; NULL: it is cut off. */
static const uint8_t *page_at(struct look *l, uint64_t page, uint64_t count)
{
	if (page < l->pages && count <= l->pages - page)
		return l->file + (size_t)page * l->size;
	(void)cut_off(l, page);
	return NULL;
}

static bool claim(struct look *l, uint64_t from, uint64_t count)
{
	if (from < FIRST || from > l->last || count > l->last - from + 1)
		return wrong(l, from, "there is no such page");
	for (uint64_t page = from; page < from + count; page++) {
		const uint8_t bit = (uint8_t)(1U << page % 8);
		if (l->used[page / 8] & bit)
			return wrong(l, page, "is in two places");
		l->used[page / 8] |= bit;
	}
	return true;
}

/* --- a page ----------------------------------------------------------------------------------- */

static unsigned node_count(const uint8_t *p)
{
	return (get16(p + AT_LOWER) - HEAD) / 2U;
}

static struct node node_of(const uint8_t *p, unsigned i)
{
	const uint8_t *const at = p + get16(p + HEAD + (size_t)2 * i);
	return (struct node){ at, get16(at + NODE_KEY), get32(at), get16(at + NODE_FLAGS) };
}

/* A branch's node has its child's number where a leaf's has length and flags. */
static uint64_t child_of(const uint8_t *p, unsigned i)
{
	const struct node n = node_of(p, i);
	return n.len | (uint64_t)n.flags << 32;
}

/* How much of its page it takes; more than there is where its length makes no sense. */
static size_t node_size(const struct node *n, bool is_leaf)
{
	size_t size = NODE + n->key;
	if (is_leaf)
		size += n->flags & BIG ? sizeof(uint64_t) : n->len;
	return size + (size & 1);
}

/* Where nodes start; those of two that start in one place are one less. */
static bool mark_starts(struct look *l, const uint8_t *p, unsigned count, size_t upper)
{
	memset(l->starts, 0, l->size / 2 / 8);
	for (unsigned i = 0; i < count; i++) {
		const size_t at = get16(p + HEAD + (size_t)2 * i);
		if (at < upper || at > l->size - NODE || at % 2 != 0)
			return false;
		l->starts[at / 16] |= (uint8_t)(1U << at / 2 % 8);
	}
	return true;
}

/* From the first to the end of the page there is nothing but nodes. LMDB moves them about as if it
   were so. */
static bool nodes_fill(struct look *l, const uint8_t *p, unsigned count, bool is_leaf)
{
	size_t at = get16(p + AT_UPPER);
	if (!mark_starts(l, p, count, at))
		return false;
	for (unsigned i = 0; i < count; i++) {
		if (at > l->size - NODE || !(l->starts[at / 16] & 1U << at / 2 % 8))
			return false;
		const struct node n = { p + at, get16(p + at + NODE_KEY), get32(p + at),
			get16(p + at + NODE_FLAGS) };
		const size_t size = node_size(&n, is_leaf);
		if (n.key > KEY_MOST || size > l->size - at)
			return false;
		at += size;
	}
	return at == l->size;
}

/* Its head and its nodes: what is said of both kinds of page that make a tree. */
static bool page_is_sound(struct look *l, const uint8_t *p, uint64_t page, bool is_leaf)
{
	const size_t lower = get16(p + AT_LOWER);
	const size_t upper = get16(p + AT_UPPER);
	if (get64(p) != page || get16(p + AT_FLAGS) != (is_leaf ? LEAF : BRANCH))
		return wrong(l, page, "is of another kind");
	if (lower <= HEAD || lower % 2 != 0 || upper < lower || upper > l->size || upper % 2 != 0)
		return wrong(l, page, "its head makes no sense");
	if (!nodes_fill(l, p, node_count(p), is_leaf))
		return wrong(l, page, "its nodes make no sense");
	return true;
}

/* --- what leaves hold ------------------------------------------------------------------------- */

static const uint8_t *big_value(struct look *l, const struct node *n)
{
	const uint64_t page = get64(n->at + NODE + n->key);
	if (!claim(l, page, 1))
		return NULL;
	const uint8_t *const p = page_at(l, page, 1);
	if (p == NULL)
		return NULL;
	const uint64_t need = (HEAD - 1 + (uint64_t)n->len) / l->size + 1;
	const uint64_t have = get32(p + AT_PAGES); /* more, when its value has become smaller */
	if (get64(p) != page || get16(p + AT_FLAGS) != OVERFLOW || have < need) {
		(void)wrong(l, page, "is not what a long value begins with");
		return NULL;
	}
	if (have > 1 && !claim(l, page + 1, have - 1))
		return NULL;
	return page_at(l, page, have) != NULL ? p + HEAD : NULL;
}

/* Which transaction freed them; how many; each page's number, the highest first. */
static bool free_pages(struct look *l, const struct node *n, uint64_t page)
{
	if (n->key != sizeof(uint64_t) || (n->flags & ~(unsigned)BIG) != 0)
		return wrong(l, page, "has no transaction's free pages");
	const uint64_t txn = get64(n->at + NODE);
	if (txn <= l->freed || txn > l->txn)
		return wrong(l, page, "free pages of a transaction that there was not");
	l->freed = txn;
	if (n->len < sizeof(uint64_t) || n->len % sizeof(uint64_t) != 0)
		return wrong(l, page, "the length of a list of free pages");
	const uint8_t *const list = n->flags & BIG ? big_value(l, n) : n->at + NODE + n->key;
	if (list == NULL)
		return false;
	const uint64_t count = get64(list);
	if (count > n->len / sizeof(uint64_t) - 1)
		return wrong(l, page, "a list of free pages is longer than its room");
	uint64_t before = UINT64_MAX;
	for (uint64_t i = 1; i <= count; i++) {
		const uint64_t number = get64(list + i * sizeof(uint64_t));
		if (number >= before)
			return wrong(l, page, "a list of free pages is out of order");
		if (!claim(l, number, 1))
			return false;
		before = number;
	}
	return true;
}

/* An empty tree has no page and no depth. */
static bool root_of(const uint8_t *db, unsigned flags, struct root *out)
{
	*out = (struct root){ get64(db + DB_ROOT), get16(db + DB_DEPTH) };
	if (get16(db + DB_FLAGS) != flags || out->depth > DEPTH_MOST)
		return false;
	return (out->page == nothing) == (out->depth == 0);
}

static bool table(struct look *l, const struct node *n, uint64_t page)
{
	if (n->flags != TABLE || n->len != DB || n->key == 0)
		return wrong(l, page, "has something else than tables");
	if (l->tables_len == TABLES_MOST ||
		!root_of(n->at + NODE + n->key, 0, &l->tables[l->tables_len]))
		return wrong(l, page, "what it says of a table makes no sense");
	l->tables_len++;
	return true;
}

static bool row(struct look *l, const struct node *n, uint64_t page)
{
	if (n->key == 0 || (n->flags & ~(unsigned)BIG) != 0)
		return wrong(l, page, "has something else than rows");
	return !(n->flags & BIG) || big_value(l, n) != NULL;
}

static bool leaf(struct look *l, enum kind kind, const uint8_t *p, uint64_t page)
{
	const unsigned count = node_count(p);
	bool good = true;
	for (unsigned i = 0; i < count && good; i++) {
		const struct node n = node_of(p, i);
		if (kind == KIND_FREE)
			good = free_pages(l, &n, page);
		else if (kind == KIND_MAIN)
			good = table(l, &n, page);
		else
			good = row(l, &n, page);
	}
	return good;
}

/* --- a tree ----------------------------------------------------------------------------------- */

struct level {
	const uint8_t *page;
	unsigned at, count; /* of its children; none: a leaf */
};

/* A large store's leaves are too many to be read at each start. */
static bool passes_by(struct look *l, enum kind kind)
{
	if (kind != KIND_TABLE)
		return false;
	if (l->leaves_left == 0)
		return true;
	l->leaves_left--;
	return false;
}

static bool enter(struct look *l, enum kind kind, uint64_t page, unsigned height, struct level *out)
{
	*out = (struct level){ 0 };
	if (!claim(l, page, 1))
		return false;
	const uint8_t *const p = page_at(l, page, 1);
	if (p == NULL)
		return false;
	if (height == 1 && passes_by(l, kind))
		return true;
	if (!page_is_sound(l, p, page, height == 1))
		return false;
	if (height == 1)
		return leaf(l, kind, p, page);
	*out = (struct level){ .page = p, .count = node_count(p) };
	/* LMDB asserts it; its own list is the exception (its ITS#8336). */
	if (out->count < 2 && kind != KIND_FREE)
		return wrong(l, page, "is a branch with one child");
	return true;
}

static bool tree(struct look *l, enum kind kind, const struct root *root)
{
	struct level stack[DEPTH_MOST];
	unsigned top = 0;
	if (root->depth == 0)
		return true;
	if (!enter(l, kind, root->page, root->depth, &stack[0]))
		return false;
	for (;;) {
		struct level *const here = &stack[top];
		if (here->at == here->count && top-- == 0)
			return true;
		if (here->at == here->count)
			continue;
		const uint64_t child = child_of(here->page, here->at++);
		top++;
		if (!enter(l, kind, child, root->depth - top, &stack[top]))
			return false;
	}
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool meta_is_sound(const struct look *l, uint64_t page, size_t size)
{
	const uint8_t *const p = l->file + (size_t)page * l->size;
	const uint8_t *const m = p + HEAD;
	return get16(p + AT_FLAGS) == META && get32(m) == magic &&
	       get32(m + META_VERSION) == FORMAT && get32(m + META_FREE) == size;
}

/* The newer one, as LMDB takes it. */
static const uint8_t *newer(const struct look *l, uint64_t *page)
{
	const uint8_t *const first = l->file + HEAD;
	const uint8_t *const second = first + l->size;
	*page = get64(first + META_TXN) < get64(second + META_TXN);
	return *page == 1 ? second : first;
}

static bool facts(struct look *l, struct root *free_root, struct root *main_root)
{
	uint64_t page;
	const uint8_t *const m = newer(l, &page);
	l->last = get64(m + META_LAST);
	l->txn = get64(m + META_TXN);
	const uint64_t map = get64(m + META_MAP);
	/* LMDB writes them in turn; one that is out of turn would be written over next. */
	if (l->txn == UINT64_MAX || (l->txn != 0 && l->txn % 2 != page))
		return wrong(l, page, "the number of its transaction");
	if (l->last < 1 || map > map_most || l->last >= map / l->size)
		return wrong(l, page, "its number of pages");
	if (l->last >= l->pages + PAGES_LACKING)
		return cut_off(l, l->last);
	if (!root_of(m + META_FREE, NUMBER_KEYS, free_root) ||
		!root_of(m + META_MAIN, 0, main_root))
		return wrong(l, page, "what it says of its trees makes no sense");
	return true;
}

static bool look_at(struct look *l)
{
	struct root free_root;
	struct root main_root;
	for (uint64_t page = 0; page < FIRST; page++)
		if (!meta_is_sound(l, page, l->size))
			return wrong(l, page, "is none of LMDB's facts");
	if (!facts(l, &free_root, &main_root))
		return false;
	l->used = calloc((size_t)l->last / 8 + 1, 1);
	if (l->used == NULL)
		return wrong(l, 0, NULL);
	if (!tree(l, KIND_FREE, &free_root) || !tree(l, KIND_MAIN, &main_root))
		return false;
	for (unsigned i = 0; i < l->tables_len; i++)
		if (!tree(l, KIND_TABLE, &l->tables[i]))
			return false;
	return true;
}

bool pages_are_sound(const void *file, size_t len, struct pages_fault *out)
{
	*out = (struct pages_fault){ .what = "is none of LMDB's facts" };
	if (len < HEAD + META_SIZE)
		return false;
	const size_t size = get32((const uint8_t *)file + HEAD + META_FREE);
	if (size < SIZE_LEAST || size > SIZE_MOST || (size & (size - 1)) != 0)
		return false;
	out->need = len < FIRST * size ? FIRST * size : 0;
	if (out->need > 0)
		return false;
	struct look *const l = calloc(1, sizeof(*l));
	if (l == NULL) {
		out->what = NULL;
		return false;
	}
	l->file = file;
	l->size = size;
	l->pages = len / size;
	l->leaves_left = PAGES_LEAVES;
	l->fault = out;
	const bool good = look_at(l);
	free(l->used);
	free(l);
	return good;
}
