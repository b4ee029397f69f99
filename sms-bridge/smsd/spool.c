/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/spool.h"

#include "sms-bridge/smsd/spool_row.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FOLDER_MODE = 0700, FILE_MODE = 0600, SWEEP_MAX = 4096 };

struct spool {
	MDB_env *env;
	MDB_dbi rows;
};

struct spool *spool_open(const char *folder, char why[SPOOL_WHY_MAX])
{
	struct spool *const s = calloc(1, sizeof(*s));
	MDB_txn *txn = NULL;
	int error = ENOMEM;
	if (mkdir(folder, FOLDER_MODE) != 0 && errno != EEXIST)
		error = errno;
	else if (s)
		error = mdb_env_create(&s->env);
	if (error == 0)
		error = mdb_env_set_mapsize(s->env, SPOOL_BYTES);
	if (error == 0)
		error = mdb_env_open(s->env, folder, MDB_NOTLS, FILE_MODE);
	if (error == 0)
		error = mdb_txn_begin(s->env, NULL, 0, &txn);
	if (error == 0)
		error = mdb_dbi_open(txn, NULL, 0, &s->rows);
	if (error == 0) {
		error = mdb_txn_commit(txn);
		txn = NULL;
	}
	if (error == 0)
		return s;
	(void)snprintf(why, SPOOL_WHY_MAX,
		"spool %s: %s; it must be a folder of this user's, on a disk with room", folder,
		mdb_strerror(error));
	if (txn)
		mdb_txn_abort(txn);
	spool_close(s);
	return NULL;
}

void spool_close(struct spool *s)
{
	if (s && s->env)
		mdb_env_close(s->env);
	free(s);
}

/* Ends the transaction whatever has become of it. */
static bool finish(MDB_txn *txn, int error)
{
	if (error != 0) {
		mdb_txn_abort(txn);
		return false;
	}
	return mdb_txn_commit(txn) == 0;
}

/* Half is left, so that what is old can be deleted: that takes pages, too. */
static bool has_room(const struct spool *s, MDB_txn *txn)
{
	MDB_stat is;
	if (mdb_stat(txn, s->rows, &is) != 0)
		return false;
	const size_t pages = is.ms_branch_pages + is.ms_leaf_pages + is.ms_overflow_pages;
	return pages * is.ms_psize < SPOOL_BYTES / 2;
}

/* Behind version and time of spool_row. */
static bool same_but_time(const MDB_val *there, const uint8_t *row, size_t len)
{
	enum { HEAD = 1 + 8 };
	return there->mv_size == len && len >= HEAD &&
	       memcmp((const uint8_t *)there->mv_data + HEAD, row + HEAD, len - HEAD) == 0;
}

static bool put(void *ctx, const struct segments_part *p, uint64_t wall_ms)
{
	struct spool *const s = ctx;
	uint8_t key[SPOOL_KEY];
	uint8_t row[SPOOL_ROW_MAX];
	const size_t len = spool_row_write(p, wall_ms, row);
	MDB_val k = { .mv_size = sizeof(key), .mv_data = key };
	MDB_val v = { .mv_size = len, .mv_data = row };
	MDB_txn *txn = NULL;
	if (len == 0 || !spool_row_key(p, key) || mdb_txn_begin(s->env, NULL, 0, &txn) != 0)
		return false;
	int error =
		has_room(s, txn) ? mdb_put(txn, s->rows, &k, &v, MDB_NOOVERWRITE) : MDB_MAP_FULL;
	if (error == MDB_KEYEXIST && !same_but_time(&v, row, len)) {
		/* It is left over from a message that was forgotten. */
		v = (MDB_val){ .mv_size = len, .mv_data = row };
		error = mdb_put(txn, s->rows, &k, &v, 0);
	}
	if (error != MDB_KEYEXIST)
		return finish(txn, error);
	mdb_txn_abort(txn);
	return true;
}

static bool same_group(const MDB_val *k, const uint8_t *group)
{
	return k->mv_size == SPOOL_KEY && memcmp(k->mv_data, group, SPOOL_GROUP) == 0;
}

static void remove_group(MDB_txn *txn, MDB_dbi rows, const uint8_t *group)
{
	uint8_t first[SPOOL_KEY] = { 0 };
	MDB_cursor *c = NULL;
	MDB_val v;
	memcpy(first, group, SPOOL_GROUP);
	MDB_val k = { .mv_size = sizeof(first), .mv_data = first };
	if (mdb_cursor_open(txn, rows, &c) != 0)
		return;
	int error = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	while (error == 0 && same_group(&k, group)) {
		error = mdb_cursor_del(c, 0);
		if (error == 0)
			error = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(c);
}

/* What stays there by an error is dropped by a sweep. */
static void forget(void *ctx, const struct segments_part *p)
{
	struct spool *const s = ctx;
	uint8_t key[SPOOL_KEY];
	MDB_txn *txn = NULL;
	if (!spool_row_key(p, key) || mdb_txn_begin(s->env, NULL, 0, &txn) != 0)
		return;
	remove_group(txn, s->rows, key);
	(void)finish(txn, 0);
}

struct group {
	uint8_t octets[SPOOL_GROUP];
};

struct place { /* in a walk over all rows */
	MDB_cursor *cursor;
	MDB_val k, v;
	int error;
};

static void walk(struct place *at, MDB_cursor_op op)
{
	at->error = mdb_cursor_get(at->cursor, &at->k, &at->v, op);
}

static bool is_old(const struct place *at, uint64_t wall_ms)
{
	struct segments_part p;
	uint64_t at_ms = 0;
	return !spool_row_read(
		       at->k.mv_data, at->k.mv_size, at->v.mv_data, at->v.mv_size, &p, &at_ms) ||
	       at_ms < wall_ms;
}

/* The next concatenation whose newest segment is too old; false: none is left. */
static bool next_old(struct place *at, uint64_t wall_ms, uint8_t group[SPOOL_GROUP])
{
	while (at->error == 0) {
		bool old = true;
		if (at->k.mv_size != SPOOL_KEY) { /* not ours */
			walk(at, MDB_NEXT);
			continue;
		}
		memcpy(group, at->k.mv_data, SPOOL_GROUP);
		for (; at->error == 0 && same_group(&at->k, group); walk(at, MDB_NEXT))
			old = is_old(at, wall_ms) && old;
		if (old)
			return true;
	}
	return false;
}

static void sweep(void *ctx, uint64_t wall_ms)
{
	struct spool *const s = ctx;
	struct group *const groups = calloc(SWEEP_MAX, sizeof(*groups));
	MDB_txn *txn = NULL;
	struct place at = { .cursor = NULL };
	size_t len = 0;
	if (!groups || mdb_txn_begin(s->env, NULL, 0, &txn) != 0) {
		free(groups);
		return;
	}
	if (mdb_cursor_open(txn, s->rows, &at.cursor) == 0) {
		walk(&at, MDB_FIRST);
		while (len < SWEEP_MAX && next_old(&at, wall_ms, groups[len].octets))
			len++;
		mdb_cursor_close(at.cursor);
	}
	for (size_t i = 0; i < len; i++)
		remove_group(txn, s->rows, groups[i].octets);
	free(groups);
	(void)finish(txn, len > 0 ? 0 : EAGAIN);
}

struct bridge_spool spool_for_bridge(struct spool *s)
{
	return (struct bridge_spool){ .ctx = s, .put = put, .forget = forget, .sweep = sweep };
}

size_t spool_each(
	struct spool *s, void (*each)(void *ctx, const struct segments_part *p), void *ctx)
{
	MDB_txn *txn = NULL;
	MDB_cursor *c = NULL;
	MDB_val k, v;
	size_t count = 0;
	if (mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn) != 0)
		return 0;
	int error = mdb_cursor_open(txn, s->rows, &c);
	if (error == 0)
		error = mdb_cursor_get(c, &k, &v, MDB_FIRST);
	while (error == 0) {
		struct segments_part p;
		uint64_t at_ms = 0;
		if (spool_row_read(k.mv_data, k.mv_size, v.mv_data, v.mv_size, &p, &at_ms)) {
			each(ctx, &p);
			count++;
		}
		error = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	}
	if (c)
		mdb_cursor_close(c);
	mdb_txn_abort(txn);
	return count;
}
