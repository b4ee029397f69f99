/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tree.h"

#include <stdlib.h>
#include <string.h>

struct tree {
	_Atomic unsigned refs;
	uint32_t weight; /* a parent's is at least its children's */
	struct tree_entry *entry;
	struct tree *side[2]; /* keys before, keys after */
};

static void entry_drop(struct tree_entry *e)
{
	if (atomic_fetch_sub(&e->refs, 1) == 1)
		free(e);
}

/* As deep as the tree is: some fifty for a million keys. */
void tree_drop(struct tree *t)
{
	if (t == NULL || atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	entry_drop(t->entry);
	tree_drop(t->side[0]);
	tree_drop(t->side[1]);
	free(t);
}

struct tree *tree_hold(struct tree *t)
{
	if (t != NULL)
		atomic_fetch_add(&t->refs, 1);
	return t;
}

/* Makes *at the caller's alone. False: no memory, and nothing has changed. */
static bool own(struct tree **at)
{
	struct tree *const t = *at;
	if (atomic_load(&t->refs) == 1)
		return true;
	struct tree *const copy = malloc(sizeof(*copy));
	if (copy == NULL)
		return false;
	atomic_init(&copy->refs, 1);
	copy->weight = t->weight;
	copy->entry = t->entry;
	atomic_fetch_add(&copy->entry->refs, 1);
	copy->side[0] = tree_hold(t->side[0]);
	copy->side[1] = tree_hold(t->side[1]);
	*at = copy;
	tree_drop(t);
	return true;
}

static int order(struct kv_slice key, const struct tree_entry *e)
{
	const size_t len = key.len < e->key_len ? key.len : e->key_len;
	const int d = len > 0 ? memcmp(key.data, e->octets, len) : 0;
	if (d != 0 || key.len == e->key_len)
		return d;
	return key.len < e->key_len ? -1 : 1;
}

static struct tree_entry *entry_new(struct kv_slice key, struct kv_slice value)
{
	struct tree_entry *const e = malloc(sizeof(*e) + key.len + value.len);
	if (e == NULL)
		return NULL;
	atomic_init(&e->refs, 1);
	e->key_len = key.len;
	e->len = value.len;
	memcpy(e->octets, key.data, key.len);
	if (value.len > 0)
		memcpy(e->octets + key.len, value.data, value.len);
	return e;
}

static const struct tree_entry *find(const struct tree *t, struct kv_slice key, bool exact)
{
	const struct tree_entry *after = NULL;
	while (t != NULL) {
		const int d = order(key, t->entry);
		if (d == 0)
			return t->entry;
		if (d < 0)
			after = t->entry;
		t = t->side[d > 0];
	}
	return exact ? NULL : after;
}

const struct tree_entry *tree_get(const struct tree *t, struct kv_slice key)
{
	return find(t, key, true);
}

const struct tree_entry *tree_seek(const struct tree *t, struct kv_slice key)
{
	return find(t, key, false);
}

/* Splits a tree at a key that it does not have; takes it. */
static bool split(struct tree *tree, struct kv_slice key, struct tree *out[2])
{
	struct tree **hole[2] = { &out[0], &out[1] };
	int side = 0;
	bool whole = true;
	while (tree != NULL && (whole = own(&tree))) {
		side = order(key, tree->entry) > 0 ? 0 : 1;
		*hole[side] = tree;
		hole[side] = &tree->side[1 - side];
		tree = *hole[side];
	}
	/* Without memory the rest stays where it hung. */
	*hole[side] = tree;
	*hole[1 - side] = NULL;
	return whole;
}

/* All of a before all of b; takes both. */
static bool merge(struct tree *a, struct tree *b, struct tree **at)
{
	while (a != NULL && b != NULL) {
		struct tree **const upper = a->weight >= b->weight ? &a : &b;
		if (!own(upper)) {
			tree_drop(a);
			tree_drop(b);
			*at = NULL;
			return false;
		}
		struct tree *const top = *upper;
		*at = top;
		at = &top->side[upper == &a];
		*upper = *at;
	}
	*at = a != NULL ? a : b;
	return true;
}

/* The place of a key that is there, with all above it owned; NULL: no memory. */
static struct tree **reach(struct tree **at, struct kv_slice key)
{
	while (*at != NULL && own(at)) {
		const int d = order(key, (*at)->entry);
		if (d == 0)
			return at;
		at = &(*at)->side[d > 0];
	}
	return NULL;
}

/* Takes e, whose key is new. */
static bool insert(struct tree **at, struct tree_entry *e, struct kv_slice key, uint32_t weight)
{
	struct tree *const t = calloc(1, sizeof(*t));
	bool whole = t != NULL;
	while (whole && *at != NULL && (*at)->weight >= weight) {
		whole = own(at);
		if (whole)
			at = &(*at)->side[order(key, (*at)->entry) > 0];
	}
	if (!whole) {
		free(t);
		entry_drop(e);
		return false;
	}
	atomic_init(&t->refs, 1);
	t->weight = weight;
	t->entry = e;
	struct tree *const below = *at;
	*at = t;
	return split(below, key, t->side);
}

bool tree_put(struct tree **t, struct kv_slice key, struct kv_slice value, uint32_t weight)
{
	struct tree_entry *const e = entry_new(key, value);
	if (e == NULL)
		return false;
	if (find(*t, key, true) == NULL)
		return insert(t, e, key, weight);
	struct tree **const at = reach(t, key);
	if (at == NULL) {
		entry_drop(e);
		return false;
	}
	entry_drop((*at)->entry);
	(*at)->entry = e;
	return true;
}

bool tree_del(struct tree **t, struct kv_slice key)
{
	struct tree **const at = reach(t, key);
	if (at == NULL)
		return false;
	struct tree *const gone = *at;
	struct tree *const before = gone->side[0];
	struct tree *const after = gone->side[1];
	gone->side[0] = gone->side[1] = NULL;
	tree_drop(gone);
	return merge(before, after, at);
}
