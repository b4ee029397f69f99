/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kv.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "store/kv_ops.h"
#include "store/tree.h"

struct version {
	_Atomic unsigned refs;
	uint64_t number;
	uint64_t bytes;
	struct tree *root[KV_TABLES_MAX];
	uint64_t count[KV_TABLES_MAX];
};

struct ram {
	struct kv kv;
	pthread_mutex_t writer; /* held from begin to commit or abort */
	pthread_mutex_t lock;   /* of the rest */
	struct version *now;
	enum store_result fail;
	unsigned fails;
	bool broken;
};

struct ram_txn {
	struct kv_txn txn;
	struct version *version; /* a writer's own */
	uint64_t random;
};

static struct ram *ram_of(struct kv *kv)
{
	return (struct ram *)kv;
}

/* --- versions --------------------------------------------------------------------------------- */

static void version_drop(struct version *v)
{
	if (v == NULL || atomic_fetch_sub(&v->refs, 1) != 1)
		return;
	for (unsigned i = 0; i < KV_TABLES_MAX; i++)
		tree_drop(v->root[i]);
	free(v);
}

static struct version *version_copy(const struct version *of)
{
	struct version *const v = malloc(sizeof(*v));
	if (v == NULL)
		return NULL;
	atomic_init(&v->refs, 1);
	v->number = of->number;
	v->bytes = of->bytes;
	for (unsigned i = 0; i < KV_TABLES_MAX; i++) {
		v->root[i] = tree_hold(of->root[i]);
		v->count[i] = of->count[i];
	}
	return v;
}

static struct version *version_hold(struct ram *r)
{
	(void)pthread_mutex_lock(&r->lock);
	struct version *const v = r->now;
	atomic_fetch_add(&v->refs, 1);
	(void)pthread_mutex_unlock(&r->lock);
	return v;
}

static void version_set(struct ram *r, struct version *v)
{
	(void)pthread_mutex_lock(&r->lock);
	struct version *const old = r->now;
	r->now = v;
	(void)pthread_mutex_unlock(&r->lock);
	version_drop(old);
}

/* --- transactions ----------------------------------------------------------------------------- */

static struct ram_txn *txn_of(struct kv_txn *txn)
{
	return (struct ram_txn *)txn;
}

static enum store_result ram_begin_write(struct ram *r, struct ram_txn *t)
{
	(void)pthread_mutex_lock(&r->writer);
	enum store_result result = STORE_OK;
	if (r->broken) {
		result = STORE_BROKEN;
	} else {
		t->version = version_copy(r->now);
		t->random = (r->now->number + 1) * 0x9e3779b97f4a7c15U;
		result = t->version != NULL ? STORE_OK : STORE_FULL;
	}
	if (result != STORE_OK)
		(void)pthread_mutex_unlock(&r->writer);
	return result;
}

static enum store_result ram_begin(struct kv *kv, enum kv_mode mode, struct kv_txn **txn)
{
	struct ram_txn *const t = calloc(1, sizeof(*t));
	if (t == NULL)
		return STORE_FULL;
	t->txn.kv = kv;
	t->txn.writes = mode != KV_READ;
	if (t->txn.writes) {
		const enum store_result result = ram_begin_write(ram_of(kv), t);
		if (result != STORE_OK) {
			free(t);
			return result;
		}
	} else {
		t->version = version_hold(ram_of(kv));
	}
	*txn = &t->txn;
	return STORE_OK;
}

static void ram_rest(struct kv_txn *txn)
{
	version_drop(txn_of(txn)->version);
	txn_of(txn)->version = NULL;
}

static enum store_result ram_renew(struct kv_txn *txn)
{
	txn_of(txn)->version = version_hold(ram_of(txn->kv));
	return STORE_OK;
}

static void ram_abort(struct kv_txn *txn)
{
	version_drop(txn_of(txn)->version);
	if (txn->writes)
		(void)pthread_mutex_unlock(&ram_of(txn->kv)->writer);
	free(txn);
}

static enum store_result ram_commit(struct kv_txn *txn)
{
	struct ram *const r = ram_of(txn->kv);
	struct ram_txn *const t = txn_of(txn);
	(void)pthread_mutex_lock(&r->lock);
	const enum store_result result = r->fails > 0 ? r->fail : STORE_OK;
	if (r->fails > 0)
		r->fails--;
	r->broken = r->broken || result == STORE_BROKEN;
	(void)pthread_mutex_unlock(&r->lock);
	if (result == STORE_OK) {
		t->version->number++;
		version_set(r, t->version);
		t->version = NULL;
	}
	ram_abort(txn);
	return result;
}

/* --- access ----------------------------------------------------------------------------------- */

static enum store_result answer(
	const struct tree_entry *e, struct kv_slice *found, struct kv_slice *value)
{
	if (e == NULL)
		return STORE_NONE;
	if (found != NULL)
		*found = (struct kv_slice){ e->octets, e->key_len };
	*value = (struct kv_slice){ e->octets + e->key_len, e->len };
	return STORE_OK;
}

static enum store_result ram_get(
	struct kv_txn *txn, unsigned table, struct kv_slice key, struct kv_slice *value)
{
	return answer(tree_get(txn_of(txn)->version->root[table], key), NULL, value);
}

static enum store_result ram_seek(struct kv_txn *txn, unsigned table, struct kv_slice key,
	struct kv_slice *found, struct kv_slice *value)
{
	return answer(tree_seek(txn_of(txn)->version->root[table], key), found, value);
}

/* xorshift64*: only the shape of the tree depends on it. */
static uint32_t next_weight(struct ram_txn *t)
{
	uint64_t x = t->random;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	t->random = x;
	return (uint32_t)((x * 0x2545f4914f6cdd1dU) >> 32);
}

static uint64_t cost(size_t key_len, size_t len)
{
	enum { NODE = 40 };
	return NODE + sizeof(struct tree_entry) + key_len + len;
}

static enum store_result ram_put(
	struct kv_txn *txn, unsigned table, struct kv_slice key, struct kv_slice value)
{
	struct ram_txn *const t = txn_of(txn);
	struct version *const v = t->version;
	const struct tree_entry *const old = tree_get(v->root[table], key);
	const uint64_t old_cost = old != NULL ? cost(old->key_len, old->len) : 0;
	const uint64_t one_more = old == NULL;
	if (!tree_put(&v->root[table], key, value, next_weight(t)))
		return STORE_FULL;
	v->bytes += cost(key.len, value.len) - old_cost;
	v->count[table] += one_more;
	return STORE_OK;
}

static enum store_result ram_del(struct kv_txn *txn, unsigned table, struct kv_slice key)
{
	struct version *const v = txn_of(txn)->version;
	const struct tree_entry *const old = tree_get(v->root[table], key);
	if (old == NULL)
		return STORE_NONE;
	v->bytes -= cost(old->key_len, old->len);
	v->count[table]--;
	return tree_del(&v->root[table], key) ? STORE_OK : STORE_FULL;
}

static uint64_t ram_count(struct kv_txn *txn, unsigned table)
{
	return txn_of(txn)->version->count[table];
}

static struct kv_facts ram_facts(struct kv *kv)
{
	struct version *const v = version_hold(ram_of(kv));
	const struct kv_facts facts = { .txn = v->number, .file_bytes = v->bytes };
	version_drop(v);
	return facts;
}

static bool ram_owns(const struct kv *kv, const void *address)
{
	(void)kv;
	(void)address;
	return false;
}

/* --- the whole -------------------------------------------------------------------------------- */

static void ram_close(struct kv *kv)
{
	struct ram *const r = ram_of(kv);
	version_drop(r->now);
	(void)pthread_mutex_destroy(&r->writer);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static const struct kv_ops ops = {
	.close = ram_close,
	.begin = ram_begin,
	.rest = ram_rest,
	.renew = ram_renew,
	.commit = ram_commit,
	.abort = ram_abort,
	.get = ram_get,
	.seek = ram_seek,
	.put = ram_put,
	.del = ram_del,
	.count = ram_count,
	.facts = ram_facts,
	.owns = ram_owns,
};

/* Takes v. */
static struct kv *ram_new(unsigned tables, struct version *v)
{
	struct ram *const r = calloc(1, sizeof(*r));
	if (r == NULL || v == NULL) {
		free(r);
		version_drop(v);
		return NULL;
	}
	r->kv = (struct kv){ .ops = &ops, .tables = tables };
	(void)pthread_mutex_init(&r->writer, NULL);
	(void)pthread_mutex_init(&r->lock, NULL);
	r->now = v;
	return &r->kv;
}

struct kv *kv_open_ram(const char *const *tables, size_t tables_len)
{
	(void)tables;
	assert(tables_len <= KV_TABLES_MAX);
	struct version *const v = calloc(1, sizeof(*v));
	if (v != NULL)
		atomic_init(&v->refs, 1);
	return ram_new((unsigned)tables_len, v);
}

void kv_ram_fail(struct kv *kv, enum store_result how, unsigned n)
{
	struct ram *const r = ram_of(kv);
	assert(kv->ops == &ops);
	(void)pthread_mutex_lock(&r->lock);
	r->fail = how;
	r->fails = n;
	(void)pthread_mutex_unlock(&r->lock);
}

struct kv *kv_ram_copy(struct kv *kv)
{
	assert(kv->ops == &ops);
	return ram_new(kv->tables, version_hold(ram_of(kv)));
}

void kv_ram_restore(struct kv *kv, const struct kv *copy)
{
	assert(kv->ops == &ops && copy->ops == &ops);
	struct ram *const r = ram_of(kv);
	struct version *const v = ((const struct ram *)copy)->now;
	atomic_fetch_add(&v->refs, 1);
	(void)pthread_mutex_lock(&r->writer);
	version_set(r, v);
	r->broken = false;
	(void)pthread_mutex_unlock(&r->writer);
}
