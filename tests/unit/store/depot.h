/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/store/depot: a store whose process can die, whose machine can lose power, and whose files
 * can
 *                   be put back, in one process.
 *
 * The database is in memory (or LMDB, when asked for); slots, token and anchor are files in a
 * folder of the test's own. Time is what the test says.
 *
 * Promise: depot_free() leaves nothing behind. Errors: asserted. Threads: one.
 */
#ifndef LWG_UNIT_STORE_DEPOT_H
#define LWG_UNIT_STORE_DEPOT_H

#include "base/attr.h"
#include "store/store.h"
#include "unit/store/folder.h"

#include <stdbool.h>
#include <stdint.h>

struct kv;

struct depot {
	struct store *s; /* NULL: nobody runs */
	struct store_reader *r;
	struct store_settings settings;
	struct store_start start; /* of the last one */
	struct kv *disk;          /* in memory: what the next start finds */
	struct kv *copy;          /* what depot_copy() took */
	struct kek kek;
	uint8_t keyring[1024];
	size_t keyring_len;
	char folder[FOLDER_MAX], token[FOLDER_MAX + 16], hot[FOLDER_MAX + 16],
		anchor[FOLDER_MAX + 16], dir[FOLDER_MAX + 16];
	struct store_error error;
	struct store_cred members[8]; /* of depot_member() */
	size_t members_len;
};

MUST_USE struct depot *depot_new(void);
/* In a folder, on LMDB. */
MUST_USE struct depot *depot_new_lmdb(void);
void depot_free(struct depot *d);
/* Setup and teardown: *state is one that runs. */
int depot_begin(void **state);
int depot_end(void **state);
void depot_anchor(struct depot *d); /* from the next start on there is one */
/* The anchor of the running store takes no more values. */
void depot_break_anchor(struct depot *d);
void depot_start(struct depot *d);
/* The start is refused, with these words. */
void depot_start_fails(struct depot *d, const char *words);
/* Whether it begins. */
MUST_USE bool depot_try(struct depot *d);
void depot_stop(struct depot *d); /* cleanly */
void depot_kill(struct depot *d);
/* kill, and the token is gone. */
void depot_power_loss(struct depot *d);

/* A copy of the database as it is now (running or not); putting it back is for when nobody runs. */
void depot_copy(struct depot *d);
void depot_put_back(struct depot *d);

/* Runs f in a transaction and waits for it. */
typedef enum store_result depot_run(struct store_txn *t, void *arg);
enum store_result depot_do(struct depot *d, depot_run *f, void *arg);
enum store_result depot_do_vital(struct depot *d, depot_run *f, void *arg);

/* Adds it: endpoint and identity are name. */
struct store_cred depot_cred(struct depot *d, const char *name);
/* The same, kept here: for those who have many. */
const struct store_cred *depot_member(struct depot *d, const char *name);
enum store_result depot_cred_put(struct depot *d, struct store_cred *c);
enum store_result depot_revoke(struct depot *d, uint32_t number);
/* Of a credential, from 192.0.2.1 and port; not written. */
struct store_assoc depot_assoc_of(const struct store_cred *c, uint16_t port);
enum store_result depot_put(struct depot *d, struct store_assoc *a);
/* Both, asserted. */
struct store_assoc depot_assoc(struct depot *d, const struct store_cred *c, uint16_t port);
enum store_result depot_drop(struct depot *d, const struct store_assoc *a);
enum store_result depot_lease(struct depot *d, struct store_assoc *a, uint64_t seen);
enum store_result depot_prove(struct depot *d, const struct store_assoc *a);
/* Gives it the CID number n; not written. */
void depot_name(struct store_assoc *a, uint32_t n);
/* depot_assoc() with the CID number n. */
struct store_assoc depot_roamer(
	struct depot *d, const struct store_cred *c, uint16_t port, uint32_t n);
enum store_result depot_move(struct depot *d, const struct store_assoc *a);
/* Time that passes. */
void depot_pass(struct depot *d, uint64_t ms);
enum store_result depot_read(struct depot *d, uint32_t slot, struct store_assoc *out);
enum store_result depot_session(struct depot *d, const struct store_session *s);
/* A record with this number was let in: the slot has it. */
void depot_mark(struct depot *d, const struct store_assoc *a, uint64_t number);

#endif
