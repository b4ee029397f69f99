/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/tree: ordered maps that share what they have in common, for the memory backend of store/kv.
 *
 * A treap whose nodes are never changed once two trees hold them: a change copies the path to it,
 * so that a snapshot is one reference.
 *
 * Promise: a change that answers false has met the end of memory; the tree can still be dropped,
 *          but may lack keys. Other trees never notice a change.
 * Threads: a tree's changes belong to one thread; what trees share, to all.
 */
#ifndef LWG_STORE_TREE_H
#define LWG_STORE_TREE_H

#include "base/attr.h"
#include "store/kv.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree; /* NULL: empty */

struct tree_entry {
	_Atomic unsigned refs;
	size_t key_len, len;
	uint8_t octets[]; /* key, value */
};

/* The same tree once more. */
struct tree *tree_hold(struct tree *t);
void tree_drop(struct tree *t);
/* NULL: none. It lives as long as the tree is held and not changed. */
const struct tree_entry *tree_get(const struct tree *t, struct kv_slice key);
/* The first at or after key. */
const struct tree_entry *tree_seek(const struct tree *t, struct kv_slice key);
/* weight: random. */
MUST_USE bool tree_put(
	struct tree **t, struct kv_slice key, struct kv_slice value, uint32_t weight);
/* The key is there. */
MUST_USE bool tree_del(struct tree **t, struct kv_slice key);

#endif
