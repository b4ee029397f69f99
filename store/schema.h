/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/schema: the version of what is in the database, and the steps from one to the next.
 *
 * The version's row (table meta, "schema": 4 octets) stays as it is in every version.
 *
 * Promise: all steps that are needed are one transaction: the database is of one version or the
 *          other. A newer one is never touched.
 * Errors:  *error says which versions, and what to do.
 * Threads: before others use the database.
 */
#ifndef LWG_STORE_SCHEMA_H
#define LWG_STORE_SCHEMA_H

#include "base/attr.h"
#include "store/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kv;
struct kv_txn;

struct schema_steps {
	/* [n]: from version first + n to the next */
	enum store_result (*const *step)(struct kv_txn *kv);
	size_t len;
	uint32_t first;
};

/* The steps of this program, which end at STORE_SCHEMA. */
struct schema_steps schema_steps(void);
/* 0: the database is empty. */
MUST_USE enum store_result schema_read(struct kv *kv, uint32_t *version);
MUST_USE enum store_result schema_write(struct kv_txn *kv, uint32_t version);
/* name: of the store, for *error. */
MUST_USE bool schema_bring_up(struct kv *kv, const struct schema_steps *steps, const char *name,
	struct store_error *error);

#endif
