/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/staged: what a device is to prove next, beside its credential (S31).
 *
 * A handshake carries the generation of what is staged for as long as it lasts, and a credential
 * that changes meanwhile gets a later one: so a stamp that is given up is kept in a table of its
 * own, as it would lie among the credential's.
 *
 * Promise: a row is there for an active credential only, and no two have the same identity or key.
 * Threads: those of the transaction or the reader.
 */
#ifndef LWG_STORE_STAGED_H
#define LWG_STORE_STAGED_H

#include "base/attr.h"
#include "store/staging.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PUBLIC: the SHA-256 of a SubjectPublicKeyInfo. */
enum staged_part { STAGED_IDENTITY, STAGED_KEY, STAGED_PUBLIC };

struct staged_wanted {
	enum staged_part part;
	uint8_t kind; /* of an identity */
	const uint8_t *octets;
	size_t len;
	uint32_t but; /* not of this credential */
};

/* What there is, whatever the clock says; the same of the next one that has this. */
MUST_USE enum store_result staged_read(
	struct store_reader *r, uint32_t cred, struct store_staged *out);
MUST_USE enum store_result staged_find(
	struct store_reader *r, const struct staged_wanted *w, struct store_staged *out);

/* Is it by what is staged that this was proved, and may that be? STORE_STALE: it was, and has been
   given up. STORE_OK and not *staged: it has nothing to do with it. Changes nothing. */
MUST_USE enum store_result staged_proves(
	struct store_txn *t, uint32_t cred, uint64_t generation, bool *staged);
/* It takes the credential's place, under this generation; 0: a new one. */
MUST_USE enum store_result staged_take(struct store_txn *t, uint32_t cred, uint64_t generation);
/* Its generation is later than any, again. */
MUST_USE enum store_result staged_stamp(struct store_txn *t, uint32_t cred);
/* The row goes, with all that leads to it; its generation may be used again. */
MUST_USE enum store_result staged_forget(struct store_txn *t, uint32_t cred);
/* What others have staged of what c has goes. */
MUST_USE enum store_result staged_yield(struct store_txn *t, const struct store_cred *c);

#endif
