/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kv.h"

#include <assert.h>
#include <string.h>

#include "store/kv_ops.h"

void kv_close(struct kv *kv)
{
	if (kv != NULL)
		kv->ops->close(kv);
}

enum store_result kv_begin(struct kv *kv, enum kv_mode mode, struct kv_txn **txn)
{
	*txn = NULL;
	return kv->ops->begin(kv, mode, txn);
}

void kv_rest(struct kv_txn *txn)
{
	assert(!txn->writes);
	if (txn->rests)
		return;
	txn->kv->ops->rest(txn);
	txn->rests = true;
}

enum store_result kv_renew(struct kv_txn *txn)
{
	kv_rest(txn);
	const enum store_result r = txn->kv->ops->renew(txn);
	txn->rests = r != STORE_OK;
	return r;
}

enum store_result kv_commit(struct kv_txn *txn)
{
	assert(txn->writes);
	const enum store_result failed = txn->failed;
	if (failed == STORE_OK)
		return txn->kv->ops->commit(txn);
	txn->kv->ops->abort(txn);
	return failed;
}

void kv_abort(struct kv_txn *txn)
{
	if (txn != NULL)
		txn->kv->ops->abort(txn);
}

static void check(const struct kv_txn *txn, unsigned table, struct kv_slice key, size_t least)
{
	assert(table < txn->kv->tables);
	assert(key.len >= least && key.len <= KV_KEY_MAX);
	assert(!txn->rests);
}

/* What a writer cannot do spoils its transaction; STORE_NONE is an answer, no failure. */
static enum store_result note(struct kv_txn *txn, enum store_result r)
{
	if (txn->writes && r != STORE_OK && r != STORE_NONE)
		txn->failed = r;
	return r;
}

enum store_result kv_get(
	struct kv_txn *txn, unsigned table, struct kv_slice key, struct kv_slice *value)
{
	*value = (struct kv_slice){ 0 };
	check(txn, table, key, 1);
	if (txn->failed != STORE_OK)
		return txn->failed;
	return note(txn, txn->kv->ops->get(txn, table, key, value));
}

/* On a damaged page a key may have any length, and its neighbour be a lower one: whoever walks from
   key to key would go round for ever. */
static bool is_what_was_sought(struct kv_slice key, struct kv_slice found)
{
	const size_t both = key.len < found.len ? key.len : found.len;
	if (found.len == 0 || found.len > KV_KEY_MAX)
		return false;
	const int order = memcmp(found.data, key.data ? key.data : "", both);
	return order > 0 || (order == 0 && found.len >= key.len);
}

enum store_result kv_seek(struct kv_txn *txn, unsigned table, struct kv_slice key,
	struct kv_slice *found, struct kv_slice *value)
{
	*found = *value = (struct kv_slice){ 0 };
	check(txn, table, key, 0);
	if (txn->failed != STORE_OK)
		return txn->failed;
	const enum store_result r = txn->kv->ops->seek(txn, table, key, found, value);
	return note(txn, r != STORE_OK || is_what_was_sought(key, *found) ? r : STORE_DAMAGED);
}

enum store_result kv_put(
	struct kv_txn *txn, unsigned table, struct kv_slice key, struct kv_slice value)
{
	assert(txn->writes);
	check(txn, table, key, 1);
	if (txn->failed != STORE_OK)
		return txn->failed;
	return note(txn, txn->kv->ops->put(txn, table, key, value));
}

enum store_result kv_del(struct kv_txn *txn, unsigned table, struct kv_slice key)
{
	assert(txn->writes);
	check(txn, table, key, 1);
	if (txn->failed != STORE_OK)
		return txn->failed;
	return note(txn, txn->kv->ops->del(txn, table, key));
}

uint64_t kv_count(struct kv_txn *txn, unsigned table)
{
	assert(table < txn->kv->tables && !txn->rests);
	return txn->failed == STORE_OK ? txn->kv->ops->count(txn, table) : 0;
}

struct kv_facts kv_facts(struct kv *kv)
{
	return kv->ops->facts(kv);
}

bool kv_owns_address(const struct kv *kv, const void *address)
{
	return kv ? kv->ops->owns(kv, address) : lmdb_is_at_work();
}
