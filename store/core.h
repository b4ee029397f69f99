/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/core: what the files of store/store share, and nobody else sees (but their tests).
 *
 * Erasure (R-194, S19). Deleting a row frees its pages, but their octets stay in the file until
 * they are used again, and in copies for ever. Those octets are ciphertext: keys and identities are
 * only in sealed values, each under a key of its own from the data key that it names.
 * store_rotate() makes a new data key, seals anew what lives, then drops the old ones from the
 * keyring and overwrites the old keyring file: from then on what was deleted before opens under no
 * key that exists here. An older copy of the keyring file together with the KEK that wrapped it
 * still opens it: store_rewrap() with a new KEK, and destroying the old one where it is kept, ends
 * that, too. On media that write elsewhere (flash, copy on write) overwriting reaches no old
 * blocks, so there the KEK is what to destroy.
 */
#ifndef LWG_STORE_CORE_H
#define LWG_STORE_CORE_H

#include "base/attr.h"
#include "base/log.h"
#include "base/sip.h"
#include "store/anchor.h"
#include "store/hot.h"
#include "store/key.h"
#include "store/keyring.h"
#include "store/kv.h"
#include "store/proof.h"
#include "store/seal.h"
#include "store/store.h"
#include "store/value.h"
#include "store/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place;

/* What a store is put together from; store_assemble() takes all of it, also when it fails. */
struct store_parts {
	struct kv *kv;
	struct hot *hot;
	struct keyring *keyring;
	struct anchor *anchor; /* opened when the store is put together */
	struct place *place;   /* NULL: none; the lock */
	struct kek *kek;       /* in secret memory */
	char *keyring_file;    /* its name from before the first commit; NULL: none */
	bool fresh;            /* there was nothing: the first rows are to be made */
	bool unsaid;           /* the keyring still has the name from before the first commit */
	struct proof_settings proof;
};

struct store_sweep { /* of the writer's thread */
	bool on;
	unsigned table; /* place in the list of sealed tables */
	struct key at;
};

struct store {
	struct store_parts parts;
	struct proof *proof;
	struct writer *writer;
	struct sip_key mac, path_key, index_key, slot_key, cid_key;
	uint64_t seed;
	const struct log *log; /* may be NULL */
	bool read_ceilings;
	uint32_t resumable_max;
	uint64_t resting_max; /* CIDs that rest; beyond it the oldest may be given again */
	uint64_t past_max;    /* stamps that were given up; beyond it the oldest are forgotten */
	struct store_start start;
	uint32_t stale_since, unsure_since;
	/* store_time() at boot_ms; and what this process's clocks said then */
	uint64_t base_ms, boot_ms, wall_ms, clock_boot_ms, clock_wall_ms;
	struct store_sweep sweep;
	uint32_t drop_after_ms;   /* old data keys, once nothing is sealed under them any more */
	bool told_broken;         /* the writer's */
	uint64_t anchor_again_ms; /* when one that failed is tried again; the writer's, as sealer */
	struct sealer *sealer;
	pthread_mutex_t kek_lock;  /* of parts.kek */
	pthread_mutex_t look_lock; /* of look: for store_stats() */
	struct store_reader *look;
	_Atomic uint64_t damaged, unseals, leases;
};

struct store_reader {
	struct store *s;
	struct kv_txn *kv;
	struct sealer *sealer;
	bool borrowed; /* of a store_txn */
	bool rests;
	struct log_limit told;
};

struct store_txn {
	struct store *s;
	struct kv_txn *kv;
	struct store_reader reader;
	struct value_meta meta;
	bool anchors; /* the operation that runs must not be answered before the anchor is raised */
	bool anchor_lags; /* it cannot be raised at the moment */
};

/* store.c */
MUST_USE struct store *store_assemble(struct store_parts *parts,
	const struct store_settings *settings, struct store_error *error);
/* As if the process had died: for tests. */
void store_abandon(struct store *s);

/* parts.c */
/* For an operator whose files are damaged. */
extern const char store_remedy[];
MUST_USE bool store_parts_open(const struct store_settings *settings, struct store_parts *parts,
	struct store_error *error);
void store_parts_close(struct store_parts *parts);
/* The keyring as it now is, durable. */
MUST_USE enum store_result store_parts_save_keyring(
	struct store_parts *parts, struct store_error *error);
/* After the first commit. */
MUST_USE bool store_parts_settle(struct store_parts *parts, struct store_error *error);

/* meta.c */
MUST_USE enum store_result meta_load(
	struct kv_txn *kv, const struct sip_key *mac, struct value_meta *out);
MUST_USE enum store_result meta_save(
	struct kv_txn *kv, const struct sip_key *mac, const struct value_meta *m);
uint64_t clock_ms(clockid_t clock);
/* store_time() now. */
uint64_t store_now(const struct store *s);
/* store_time() and the wall clock now, into m. */
void meta_set_time(struct value_meta *m, const struct store *s);
/* Judges the start, and takes the store over for this incarnation, in one transaction: *txn. */
MUST_USE bool store_begin(struct store *s, const struct store_settings *settings, uint64_t *txn,
	struct store_error *error);

/* txn.c: what the writer asks for; ctx is the store */
enum store_result txn_begin(void *ctx, bool vital, struct store_txn **t);
enum store_result txn_run(void *ctx, struct store_txn *t, struct store_op *op);
enum store_result txn_commit(void *ctx, struct store_txn *t);
void txn_abort(void *ctx, struct store_txn *t);
bool txn_anchor(void *ctx);
/* The running operation changes what an older copy of the database must not undo (S5, S29). raise:
   the watermark goes up. */
void txn_needs_anchor(struct store_txn *t, bool raise);

/* Good enough: what is not there need not be deleted. */
static inline enum store_result gone(enum store_result r)
{
	return r == STORE_NONE ? STORE_OK : r;
}

/* reader.c */
/* A snapshot is there when this is STORE_OK. */
MUST_USE enum store_result reader_ready(struct store_reader *r);
/* The row with the next number above *number, which becomes it. */
MUST_USE enum store_result reader_next(
	struct store_reader *r, unsigned table, uint32_t *number, struct kv_slice *value);
/* The earliest entry of an index by time after *after_ms and *after_number, which become its;
   STORE_NONE: that is after until_ms. */
MUST_USE enum store_result reader_next_time(struct store_reader *r, unsigned table,
	uint64_t until_ms, uint64_t *after_ms, uint32_t *after_number);
/* Counts and tells; answers STORE_DAMAGED. */
enum store_result reader_damage(struct store_reader *r, unsigned table, uint32_t number);

/* assoc.c */
MUST_USE enum store_result assoc_remove(struct store_txn *t, uint32_t slot);
/* The head of a row, without unsealing; tells of no damage. */
MUST_USE enum store_result assoc_head(
	struct store_txn *t, uint32_t slot, struct value_assoc_head *out);
/* Head and sealed part, from all of *a. */
MUST_USE enum store_result assoc_save(struct store_txn *t, const struct store_assoc *a);

/* assoc_read.c */
/* The row of a->slot, but no lease and nothing of the slot. Tells of damage. */
MUST_USE enum store_result assoc_open(struct store_reader *r, struct store_assoc *a);

/* assoc_path.c */
uint64_t store_path_hash(const struct store *s, const struct store_path *p);
/* What has the path that *a, a new one, comes with: it goes, or is adrift. */
MUST_USE enum store_result path_clear(struct store_txn *t, const struct store_assoc *a);
/* From here on the index leads to *a; but see there. */
MUST_USE enum store_result path_take(struct store_txn *t, const struct store_assoc *a);
MUST_USE enum store_result path_leave(struct store_txn *t, uint64_t hash, uint32_t slot);
/* The same, of the path that may be its next one. */
enum store_result candidate_leave(struct store_txn *t, const struct store_assoc *a);

/* cid.c */
uint64_t store_cid_hash(const struct store *s, const uint8_t *cid, size_t len);
/* STORE_STALE: it is taken. */
MUST_USE enum store_result cid_check(struct store_txn *t, const struct store_assoc *a);
MUST_USE enum store_result cid_put(struct store_txn *t, const struct store_assoc *a);
/* The association that had it has gone. */
MUST_USE enum store_result cid_rest(struct store_txn *t, uint64_t hash, uint32_t slot);
/* Some of those that have rested are forgotten. */
MUST_USE enum store_result cid_tidy(struct store_txn *t);

/* lease.c */
void lease_first(struct value_lease *l, const struct store_txn *t);
MUST_USE enum store_result lease_read(
	struct store_reader *r, uint32_t slot, struct value_lease *out);
MUST_USE enum store_result lease_put(
	struct store_txn *t, uint32_t slot, const struct value_lease *l);
enum store_trust lease_trust(const struct store *s, const struct value_lease *l);

/* cred.c: STORE_OK when what was proved under this generation stands now, else STORE_STALE */
MUST_USE enum store_result cred_check(struct store_reader *r, uint32_t number, uint64_t generation);
/* The same, and it is what the device is to prove now. */
MUST_USE enum store_result cred_check_newest(
	struct store_reader *r, uint32_t number, uint64_t generation);

/* expiry.c: the ends that a credential has, in their index */
MUST_USE enum store_result expiry_put(
	struct store_txn *t, uint32_t number, const struct store_cred_mark *m);
MUST_USE enum store_result expiry_drop(
	struct store_txn *t, uint32_t number, const struct store_cred_mark *m);

/* verdict.c: the association in this slot goes, and what was decided with it, if no other of the
   device is there */
MUST_USE enum store_result verdict_leave(struct store_txn *t, uint32_t cred, uint32_t slot);
MUST_USE enum store_result verdict_drop(struct store_txn *t, uint32_t cred);

/* resume.c: the index follows whether the credential has a registered session */
MUST_USE enum store_result resume_set_registered(
	struct store_txn *t, uint32_t cred, bool registered);

/* sms.c: all messages of a credential go; its counters are its keys', and stay */
MUST_USE enum store_result sms_forget(struct store_txn *t, uint32_t cred);

/* sms_keys.c: its sets of keys go, too; sms_forget() does it */
MUST_USE enum store_result sms_keys_forget(struct store_txn *t, uint32_t cred);
/* It is due at once, whether it has a row or not; or is not, unless its row says so. */
MUST_USE enum store_result sms_keys_look(struct store_txn *t, uint32_t cred, bool renews);

/* rotate.c */
uint32_t store_sweep_step(void *ctx);

#endif
