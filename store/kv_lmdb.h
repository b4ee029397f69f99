/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/kv_lmdb: what the two halves of the LMDB backend share: opening (kv_lmdb_open.c), and
 *                transactions (kv_lmdb.c). Nobody else says mdb_.
 *
 * Locks:   writer, then gate. The map moves only while the gate is shut and the writer's lock is
 *          held, so that no transaction of this process is under way (mdb_env_set_mapsize).
 * Threads: as store/kv.
 */
#ifndef LWG_STORE_KV_LMDB_H
#define LWG_STORE_KV_LMDB_H

#include <pthread.h>
#include <stdatomic.h>

#include <lmdb.h>

#include "store/kv_ops.h"

enum { LMDB_PATH_MAX = 2048 };

struct lmdb_kv {
	struct kv kv;
	MDB_env *env;
	MDB_dbi dbi[KV_TABLES_MAX];
	char file[LMDB_PATH_MAX];
	size_t page;
	void (*damaged)(const char *file, const char *what);

	pthread_mutex_t writer; /* held from begin to commit or abort */
	bool must_grow;         /* the last writer met the end of the map */

	pthread_mutex_t gate;
	pthread_cond_t moved;
	unsigned readers; /* with a snapshot */
	bool shut;

	_Atomic uintptr_t map;
	_Atomic size_t map_len;
	_Atomic bool broken, is_short;
	_Atomic bool is_damaged; /* that is why it is broken */
};

extern const struct kv_ops lmdb_ops;

/* Around what LMDB does with pages: it believes what is written there, and a damaged one may lead
   it anywhere. The handler of that fault has nothing but its thread to know it by. */
void lmdb_enter(const struct lmdb_kv *k);
void lmdb_exit(void);
/* LMDB's own numbers are negative: what it found makes no sense. Nor does what a damaged page has
   it ask of the kernel. The medium's errors have those of errno. */
bool lmdb_makes_no_sense(int rc);
/* For the answer to a caller; marks the kv broken when the medium is. */
enum store_result lmdb_result(struct lmdb_kv *k, int rc);
/* After the map may have moved. */
void lmdb_note_map(struct lmdb_kv *k);
/* Makes room in the file and in the map. Under the writer's lock. */
void lmdb_make_room(struct lmdb_kv *k);
/* mdb_txn_commit(), which says EIO also where the disk is full. */
int lmdb_end(struct lmdb_kv *k, MDB_txn *txn);
/* Another process has made the map larger. No lock of k is held. */
void lmdb_follow_map(struct lmdb_kv *k);
void lmdb_free(struct lmdb_kv *k);

/* A reader with a snapshot passes the gate; it waits while the map moves. */
void lmdb_pass(struct lmdb_kv *k);
void lmdb_leave(struct lmdb_kv *k);

#endif
