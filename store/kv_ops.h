/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/kv_ops: what a backend of store/kv gives. Each puts struct kv and struct kv_txn first in
 *               its own structs.
 *
 * Promise: kv.c has checked modes, tables and key lengths before a backend is called.
 */
#ifndef LWG_STORE_KV_OPS_H
#define LWG_STORE_KV_OPS_H

#include "store/kv.h"

struct kv_ops {
	void (*close)(struct kv *kv);
	enum store_result (*begin)(struct kv *kv, enum kv_mode mode, struct kv_txn **txn);
	void (*rest)(struct kv_txn *txn);
	enum store_result (*renew)(struct kv_txn *txn);
	enum store_result (*commit)(struct kv_txn *txn);
	void (*abort)(struct kv_txn *txn);
	enum store_result (*get)(
		struct kv_txn *txn, unsigned table, struct kv_slice key, struct kv_slice *value);
	enum store_result (*seek)(struct kv_txn *txn, unsigned table, struct kv_slice key,
		struct kv_slice *found, struct kv_slice *value);
	enum store_result (*put)(
		struct kv_txn *txn, unsigned table, struct kv_slice key, struct kv_slice value);
	enum store_result (*del)(struct kv_txn *txn, unsigned table, struct kv_slice key);
	uint64_t (*count)(struct kv_txn *txn, unsigned table);
	struct kv_facts (*facts)(struct kv *kv);
	bool (*owns)(const struct kv *kv, const void *address);
};

/* Is the calling thread in LMDB? */
bool lmdb_is_at_work(void);

struct kv {
	const struct kv_ops *ops;
	unsigned tables;
};

struct kv_txn {
	struct kv *kv;
	bool writes;
	bool rests;               /* a reader between kv_rest() and kv_renew() */
	enum store_result failed; /* a writer's first error, which stays */
};

#endif
