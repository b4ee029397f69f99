/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/kv: ordered tables of small values with transactions. Two backends: LMDB, and memory.
 *
 * Keys are octet strings in memcmp() order. One writer at a time, any number of readers; a reader
 * sees one state, that of its kv_begin() or kv_renew().
 *
 * Promise: kv_commit() STORE_OK: all of the transaction is on the medium (S4). Otherwise nothing of
 *          it is there, and STORE_BROKEN is final: no later commit of this kv succeeds (no retry
 *          after EIO). STORE_FULL is not: the next one may succeed. The first error of a write
 *          transaction stays with it: what comes after answers the same, and so does kv_commit().
 *          The database grows by itself, ahead of what is used, so that KV_VITAL has room for a
 *          while when the disk is full.
 * Errors:  enum store_result; kv_open_*() say in words what is wrong and what would be right.
 * Memory:  what kv_get() and kv_seek() find is borrowed until the transaction ends, is renewed, or
 *          writes.
 * Threads: a transaction belongs to one thread; kv itself to all.
 */
#ifndef LWG_STORE_KV_H
#define LWG_STORE_KV_H

#include "base/attr.h"
#include "store/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key has 1 to KV_KEY_MAX octets. */
enum { KV_KEY_MAX = 300, KV_TABLES_MAX = 32 };

struct kv;
struct kv_txn;

struct kv_slice {
	const void *data;
	size_t len;
};

/* KV_WRITE: STORE_FULL as soon as the room that is kept for KV_VITAL cannot be kept any more. */
enum kv_mode { KV_READ, KV_WRITE, KV_VITAL };

struct kv_facts {
	uint64_t txn;        /* number of the last commit */
	uint64_t file_bytes; /* of the database; memory: of what is kept */
	uint64_t map_bytes;
	const char *file; /* its name; memory: NULL */
	bool is_short;    /* KV_WRITE would answer STORE_FULL, as far as is known */
	bool is_damaged;  /* STORE_BROKEN came of pages that make no sense, not of the medium */
};

struct kv_lmdb_settings {
	const char *dir; /* exists, mode 0700; data.mdb and lock.mdb are made in it */
	const char *const *tables;
	size_t tables_len;
	/* Starts here and doubles by itself when a transaction needs more. 0: 1 GiB */
	uint64_t map_bytes;
	bool read_only; /* for inspection: nothing is made or written */
	/* A page turned out to be damaged while it was used, and no call can be answered any more.
	   Ends the process. NULL: says so on stderr, and status 74 (EX_IOERR). */
	void (*damaged)(const char *file, const char *what);
};

/* NULL with *error filled: no such folder, not writable, damaged, truncated, another format ... An
   empty folder becomes an empty database; *fresh tells. */
MUST_USE struct kv *kv_open_lmdb(
	const struct kv_lmdb_settings *s, bool *fresh, struct store_error *error);
/* The same in memory, for tests. */
MUST_USE struct kv *kv_open_ram(const char *const *tables, size_t tables_len);
/* Every transaction has ended. */
void kv_close(struct kv *kv);

/* Writers wait for the writer before. A thread that writes holds no snapshot of its own. */
MUST_USE enum store_result kv_begin(struct kv *kv, enum kv_mode mode, struct kv_txn **txn);
/* A reader: lets its snapshot go (so that pages can be reused and the map can grow) ... */
void kv_rest(struct kv_txn *txn);
/* ... and takes a new one. */
MUST_USE enum store_result kv_renew(struct kv_txn *txn);
/* Writers: durable when this returns STORE_OK. txn is gone in any case. */
MUST_USE enum store_result kv_commit(struct kv_txn *txn);
/* Readers, too. */
void kv_abort(struct kv_txn *txn);

/* STORE_NONE: not there. */
MUST_USE enum store_result kv_get(
	struct kv_txn *txn, unsigned table, struct kv_slice key, struct kv_slice *value);
/* The first at or after key (len 0: the first of all). found is the key that it has. */
MUST_USE enum store_result kv_seek(struct kv_txn *txn, unsigned table, struct kv_slice key,
	struct kv_slice *found, struct kv_slice *value);
MUST_USE enum store_result kv_put(
	struct kv_txn *txn, unsigned table, struct kv_slice key, struct kv_slice value);
/* STORE_NONE: was not there. */
MUST_USE enum store_result kv_del(struct kv_txn *txn, unsigned table, struct kv_slice key);
/* How many a table holds, about. */
MUST_USE uint64_t kv_count(struct kv_txn *txn, unsigned table);

struct kv_facts kv_facts(struct kv *kv);
/* Does a fault at this address, in the calling thread, come of the database? For a handler of
   SIGBUS and SIGSEGV: then the medium failed, or a page is damaged. Safe there. kv NULL: it is
   being opened. */
bool kv_owns_address(const struct kv *kv, const void *address);

/* --- the memory backend's faults, for tests --------------------------------------------------- */

/* The next commits answer so (STORE_FULL, STORE_BROKEN), n times. */
void kv_ram_fail(struct kv *kv, enum store_result how, unsigned n);
/* A copy of the last committed state; kv_ram_restore() puts it back, as somebody with the files
   could. The copy stays its holder's. */
MUST_USE struct kv *kv_ram_copy(struct kv *kv);
void kv_ram_restore(struct kv *kv, const struct kv *copy);

#endif
