/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/row: a row with a head and a sealed part, while it is made or read.
 *
 * Promise: table, key, layout, association and generation are bound to what is sealed (S20).
 * Memory:  plain is secret: row_wipe() when it is done with, whatever row_*() answered.
 * Threads: those of the transaction.
 */
#ifndef LWG_STORE_ROW_H
#define LWG_STORE_ROW_H

#include "base/attr.h"
#include "store/key.h"
#include "store/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sealer;
struct store_txn;

enum { ROW_MAX = VALUE_HEAD_MAX + VALUE_PLAIN_MAX + 64 };

struct row {
	unsigned table;
	struct key key;
	uint8_t assoc[SLOT_ID]; /* zero where there is none */
	uint64_t generation;    /* 0 where there is none */
	uint8_t head[VALUE_HEAD_MAX];
	size_t head_len;
	uint8_t plain[VALUE_PLAIN_MAX];
	size_t plain_len;
};

/* Fills plain from what came after the head. */
MUST_USE bool row_open(struct row *r, struct sealer *sealer, struct kv_slice sealed);
MUST_USE enum store_result row_put(const struct row *r, struct store_txn *t);
void row_wipe(struct row *r);
static inline struct kv_slice row_plain(const struct row *r)
{
	return (struct kv_slice){ r->plain, r->plain_len };
}

#endif
