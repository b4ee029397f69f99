/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/proof: tells a process that died from a machine that did (S10).
 *
 * A token on a tmpfs holds the boot id, the hot file's device, inode and instance, the number of
 * the last transaction, and each worker's batch counter. It is gone with the power, and younger
 * than any copy of the files that is put back.
 *
 * Promise: proof_holds() only when every one of them agrees and neither the database nor the hot
 *          file is older than the token. A missing token, one that is not on a tmpfs, and one of
 *          another container's boot are all power losses.
 * Threads: proof_batch() each worker its own counter; proof_commit() the store's writer.
 */
#ifndef LWG_STORE_PROOF_H
#define LWG_STORE_PROOF_H

#include "base/attr.h"
#include "store/error.h"
#include "store/hot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROOF_BOOT_ID = 36, PROOF_WHY_MAX = 128 };

struct proof;

struct proof_settings {
	const char *token;           /* file; its folder exists */
	uint8_t boot[PROOF_BOOT_ID]; /* see proof_boot_id() */
	bool any_filesystem;         /* tests: the token need not be on a tmpfs */
};

/* The kernel's boot id. */
MUST_USE bool proof_boot_id(uint8_t out[PROOF_BOOT_ID]);
/* Judges what is there. hot and txn are as found. why: for the log, when the answer is false. */
MUST_USE bool proof_holds(const struct proof_settings *s, const struct hot *hot,
	const uint8_t instance[HOT_INSTANCE], uint64_t txn, char why[PROOF_WHY_MAX]);
/* A new token for this run. NULL: it cannot be kept (no tmpfs ...): *error says so, and each start
   will be taken for one after a power loss. */
MUST_USE struct proof *proof_begin(const struct proof_settings *s, const struct hot *hot,
	uint64_t txn, struct store_error *error);
/* Before the first slot of a batch is changed. */
void proof_batch(struct proof *p, const struct hot *hot, uint32_t worker);
/* After a commit. */
void proof_commit(struct proof *p, uint64_t txn);
/* remove: the token goes, too (the store is being given up). */
void proof_end(struct proof *p, bool remove);

#endif
