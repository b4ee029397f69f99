/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kv_lmdb.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct lmdb_txn {
	struct kv_txn txn;
	MDB_txn *mdb;
	MDB_cursor *cursor[KV_TABLES_MAX]; /* made when needed */
	bool stale[KV_TABLES_MAX];         /* of an earlier snapshot */
};

static struct lmdb_kv *kv_of(const struct kv_txn *txn)
{
	return (struct lmdb_kv *)txn->kv;
}

static struct lmdb_txn *txn_of(struct kv_txn *txn)
{
	return (struct lmdb_txn *)txn;
}

/* --- faults ----------------------------------------------------------------------------------- */

static _Thread_local const struct lmdb_kv *inside;
/* What a writer reads may be on a page that is not in the map, so nobody can say whether it is
   where it should be (see is_sound()): all of a transaction that writes counts as LMDB's work. */
static _Thread_local const struct lmdb_kv *writing;

void lmdb_enter(const struct lmdb_kv *k)
{
	inside = k;
}

void lmdb_exit(void)
{
	inside = writing;
}

static void writes(const struct lmdb_kv *k)
{
	inside = writing = k;
}

bool lmdb_is_at_work(void)
{
	return inside != NULL;
}

/* --- results ---------------------------------------------------------------------------------- */

/* The user's limit (ulimit -f) says EFBIG, too. */
static bool files_are_limited(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

bool lmdb_makes_no_sense(int rc)
{
	if (rc == MDB_MAP_FULL || rc == MDB_TXN_FULL || rc == MDB_READERS_FULL)
		return false;
	return rc < 0 || rc == EINVAL || (rc == EFBIG && !files_are_limited());
}

static enum store_result break_off(struct lmdb_kv *k, int rc)
{
	if (!atomic_exchange(&k->broken, true)) /* what comes after comes of this */
		atomic_store(&k->is_damaged, lmdb_makes_no_sense(rc));
	return STORE_BROKEN;
}

enum store_result lmdb_result(struct lmdb_kv *k, int rc)
{
	switch (rc) {
	case 0:
		return STORE_OK;
	case MDB_NOTFOUND:
		return STORE_NONE;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case MDB_READERS_FULL:
	case ENOSPC:
	case EDQUOT:
	case ENOMEM:
		return STORE_FULL;
	case EFBIG:
		return lmdb_makes_no_sense(rc) ? break_off(k, rc) : STORE_FULL;
	default: /* the medium, or the tree on it */
		return break_off(k, rc);
	}
}

/* A reader that meets a damaged page says so; the rest may be good. */
static enum store_result read_result(const struct kv_txn *txn, int rc)
{
	if (rc == 0)
		return STORE_OK;
	if (rc == MDB_NOTFOUND)
		return STORE_NONE;
	return txn->writes ? lmdb_result(kv_of(txn), rc) : STORE_DAMAGED;
}

/* --- transactions ----------------------------------------------------------------------------- */

static enum store_result begin_write(struct lmdb_kv *k, enum kv_mode mode, struct lmdb_txn *t)
{
	(void)pthread_mutex_lock(&k->writer);
	enum store_result r = STORE_OK;
	if (!atomic_load(&k->broken))
		lmdb_make_room(k);
	if (atomic_load(&k->broken))
		r = STORE_BROKEN;
	else if (mode == KV_WRITE && atomic_load(&k->is_short))
		r = STORE_FULL;
	else
		r = lmdb_result(k, mdb_txn_begin(k->env, NULL, 0, &t->mdb));
	if (r != STORE_OK)
		(void)pthread_mutex_unlock(&k->writer);
	return r;
}

static enum store_result begin_read(struct lmdb_kv *k, struct lmdb_txn *t)
{
	lmdb_pass(k);
	int rc = mdb_txn_begin(k->env, NULL, MDB_RDONLY, &t->mdb);
	if (rc == MDB_MAP_RESIZED) {
		lmdb_leave(k);
		lmdb_follow_map(k);
		lmdb_pass(k);
		rc = mdb_txn_begin(k->env, NULL, MDB_RDONLY, &t->mdb);
	}
	if (rc == 0)
		return STORE_OK;
	lmdb_leave(k);
	return rc == MDB_READERS_FULL || rc == ENOMEM ? STORE_FULL : STORE_BROKEN;
}

static enum store_result lmdb_begin(struct kv *kv, enum kv_mode mode, struct kv_txn **txn)
{
	struct lmdb_kv *const k = (struct lmdb_kv *)kv;
	struct lmdb_txn *const t = calloc(1, sizeof(*t));
	if (t == NULL)
		return STORE_FULL;
	t->txn.kv = kv;
	t->txn.writes = mode != KV_READ;
	const enum store_result r = t->txn.writes ? begin_write(k, mode, t) : begin_read(k, t);
	if (r == STORE_OK && t->txn.writes)
		writes(k);
	if (r != STORE_OK)
		free(t);
	else
		*txn = &t->txn;
	return r;
}

static void lmdb_rest(struct kv_txn *txn)
{
	struct lmdb_txn *const t = txn_of(txn);
	mdb_txn_reset(t->mdb);
	for (unsigned i = 0; i < txn->kv->tables; i++)
		t->stale[i] = true;
	lmdb_leave(kv_of(txn));
}

static enum store_result lmdb_renew(struct kv_txn *txn)
{
	struct lmdb_kv *const k = kv_of(txn);
	lmdb_pass(k);
	int rc = mdb_txn_renew(txn_of(txn)->mdb);
	if (rc == MDB_MAP_RESIZED) {
		lmdb_leave(k);
		lmdb_follow_map(k);
		lmdb_pass(k);
		rc = mdb_txn_renew(txn_of(txn)->mdb);
	}
	if (rc != 0)
		lmdb_leave(k);
	return rc == 0 ? STORE_OK : STORE_BROKEN;
}

/* A writer's cursors go with its transaction, a reader's would not. */
static void close_cursors(struct lmdb_txn *t)
{
	for (unsigned i = 0; i < t->txn.kv->tables; i++)
		if (t->cursor[i] != NULL)
			mdb_cursor_close(t->cursor[i]);
}

static void lmdb_abort(struct kv_txn *txn)
{
	struct lmdb_kv *const k = kv_of(txn);
	struct lmdb_txn *const t = txn_of(txn);
	close_cursors(t);
	lmdb_enter(k);
	mdb_txn_abort(t->mdb);
	lmdb_exit();
	if (txn->writes) {
		writes(NULL);
		(void)pthread_mutex_unlock(&k->writer);
	} else if (!txn->rests) {
		lmdb_leave(k);
	}
	free(t);
}

static void note_full(struct lmdb_kv *k, int rc)
{
	if (rc == MDB_MAP_FULL)
		k->must_grow = true;
}

static enum store_result lmdb_commit(struct kv_txn *txn)
{
	struct lmdb_kv *const k = kv_of(txn);
	struct lmdb_txn *const t = txn_of(txn);
	close_cursors(t);
	lmdb_enter(kv_of(txn));
	const int rc = lmdb_end(k, t->mdb);
	writes(NULL);
	note_full(k, rc);
	const enum store_result r = lmdb_result(k, rc);
	(void)pthread_mutex_unlock(&k->writer);
	free(t);
	return r;
}

/* --- access ----------------------------------------------------------------------------------- */

static MDB_val val_of(struct kv_slice s)
{
	/* LMDB's type has no const; it does not write there. */
	const union {
		const void *lent;
		void *taken;
	} data = { .lent = s.data };
	return (MDB_val){ s.len, data.taken };
}

static struct kv_slice slice_of(MDB_val v)
{
	return (struct kv_slice){ v.mv_data, v.mv_size };
}

/* The length of a value on a damaged page may be anything. A writer's pages may be in the heap; it
   is the reader's pages that are taken unseen. */
static bool is_sound(const struct kv_txn *txn, MDB_val v)
{
	struct lmdb_kv *const k = kv_of(txn);
	const uintptr_t at = (uintptr_t)v.mv_data;
	const uintptr_t map = atomic_load(&k->map);
	const size_t len = atomic_load(&k->map_len);
	if (txn->writes || len == 0)
		return true;
	return at >= map && at - map < len && v.mv_size <= len - (at - map);
}

static enum store_result lmdb_get(
	struct kv_txn *txn, unsigned table, struct kv_slice key, struct kv_slice *value)
{
	MDB_val k = val_of(key);
	MDB_val v;
	lmdb_enter(kv_of(txn));
	const int rc = mdb_get(txn_of(txn)->mdb, kv_of(txn)->dbi[table], &k, &v);
	lmdb_exit();
	if (rc == 0 && !is_sound(txn, v))
		return STORE_DAMAGED;
	if (rc == 0)
		*value = slice_of(v);
	return read_result(txn, rc);
}

static int cursor_of(struct lmdb_txn *t, unsigned table, MDB_cursor **out)
{
	int rc = 0;
	if (t->cursor[table] == NULL)
		rc = mdb_cursor_open(t->mdb, kv_of(&t->txn)->dbi[table], &t->cursor[table]);
	else if (t->stale[table])
		rc = mdb_cursor_renew(t->mdb, t->cursor[table]);
	t->stale[table] = false;
	*out = t->cursor[table];
	return rc;
}

static enum store_result lmdb_seek(struct kv_txn *txn, unsigned table, struct kv_slice key,
	struct kv_slice *found, struct kv_slice *value)
{
	MDB_cursor *cursor;
	lmdb_enter(kv_of(txn));
	int rc = cursor_of(txn_of(txn), table, &cursor);
	MDB_val k = val_of(key);
	MDB_val v;
	if (rc == 0)
		rc = mdb_cursor_get(cursor, &k, &v, key.len > 0 ? MDB_SET_RANGE : MDB_FIRST);
	lmdb_exit();
	if (rc == 0 && !(is_sound(txn, k) && is_sound(txn, v)))
		return STORE_DAMAGED;
	if (rc == 0) {
		*found = slice_of(k);
		*value = slice_of(v);
	}
	return read_result(txn, rc);
}

static enum store_result lmdb_put(
	struct kv_txn *txn, unsigned table, struct kv_slice key, struct kv_slice value)
{
	MDB_val k = val_of(key);
	MDB_val v = val_of(value);
	lmdb_enter(kv_of(txn));
	const int rc = mdb_put(txn_of(txn)->mdb, kv_of(txn)->dbi[table], &k, &v, 0);
	lmdb_exit();
	note_full(kv_of(txn), rc);
	return lmdb_result(kv_of(txn), rc);
}

static enum store_result lmdb_del(struct kv_txn *txn, unsigned table, struct kv_slice key)
{
	MDB_val k = val_of(key);
	lmdb_enter(kv_of(txn));
	const int rc = mdb_del(txn_of(txn)->mdb, kv_of(txn)->dbi[table], &k, NULL);
	lmdb_exit();
	note_full(kv_of(txn), rc);
	return lmdb_result(kv_of(txn), rc);
}

static uint64_t lmdb_count(struct kv_txn *txn, unsigned table)
{
	MDB_stat stat;
	if (mdb_stat(txn_of(txn)->mdb, kv_of(txn)->dbi[table], &stat) != 0)
		return 0;
	return stat.ms_entries;
}

/* --- the whole -------------------------------------------------------------------------------- */

static struct kv_facts lmdb_facts(struct kv *kv)
{
	struct lmdb_kv *const k = (struct lmdb_kv *)kv;
	struct kv_facts facts = {
		.file = k->file,
		.is_short = atomic_load(&k->is_short),
		.is_damaged = atomic_load(&k->is_damaged),
	};
	MDB_envinfo info;
	lmdb_pass(k);
	if (mdb_env_info(k->env, &info) == 0) {
		facts.txn = info.me_last_txnid;
		facts.map_bytes = info.me_mapsize;
	}
	int fd;
	struct stat st;
	if (mdb_env_get_fd(k->env, &fd) == 0 && fstat(fd, &st) == 0)
		facts.file_bytes = (uint64_t)st.st_size;
	lmdb_leave(k);
	return facts;
}

static bool lmdb_owns(const struct kv *kv, const void *address)
{
	const struct lmdb_kv *const k = (const struct lmdb_kv *)kv;
	const uintptr_t map = atomic_load(&k->map);
	const uintptr_t at = (uintptr_t)address;
	if (inside == k)
		return true;
	return at >= map && at - map < atomic_load(&k->map_len);
}

void lmdb_free(struct lmdb_kv *k)
{
	lmdb_enter(k);
	if (k->env != NULL)
		mdb_env_close(k->env);
	lmdb_exit();
	(void)pthread_cond_destroy(&k->moved);
	(void)pthread_mutex_destroy(&k->gate);
	(void)pthread_mutex_destroy(&k->writer);
	free(k);
}

static void lmdb_close(struct kv *kv)
{
	lmdb_free((struct lmdb_kv *)kv);
}

const struct kv_ops lmdb_ops = {
	.close = lmdb_close,
	.begin = lmdb_begin,
	.rest = lmdb_rest,
	.renew = lmdb_renew,
	.commit = lmdb_commit,
	.abort = lmdb_abort,
	.get = lmdb_get,
	.seek = lmdb_seek,
	.put = lmdb_put,
	.del = lmdb_del,
	.count = lmdb_count,
	.facts = lmdb_facts,
	.owns = lmdb_owns,
};
