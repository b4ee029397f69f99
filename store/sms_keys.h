/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sms_keys: the sets of keys that a device by short messages has at the moment, and when
 *                 something is due about them. What is in a row is its owner's (sms/keyset).
 *
 * Promise: sealed, one row for a credential at most; it goes with the credential, and when that
 *          gets other keys. The index of what is due changes in the same transaction as the row;
 *          who looks there scans nothing. Counters and messages change in that transaction, too, if
 *          the owner says so (store/sms): state after a crash is that before it, or that after.
 * Memory:  data is secret; who holds one wipes it.
 * Errors, Threads: as of store/store.
 * Source: .
 */
#ifndef LWG_STORE_SMS_KEYS_H
#define LWG_STORE_SMS_KEYS_H

#include "base/attr.h"
#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

enum { STORE_SMS_KEYS_MAX = 1536 };

struct store_sms_keys {
	uint32_t cred;
	uint64_t proved; /* of the credential: of which keys of its own they come after */
	uint64_t due_ms; /* store_time(); UINT64_MAX: nothing is due */
	size_t len;
	uint8_t data[STORE_SMS_KEYS_MAX];
};

/* STORE_NONE: there is no row, or it is not of what the credential has now. */
MUST_USE enum store_result store_sms_keys_read(
	struct store_reader *r, uint32_t cred, struct store_sms_keys *out);
/* STORE_STALE: the credential is not active, no SMS credential, or has other keys of its own.
   STORE_DAMAGED: it is too long. */
MUST_USE enum store_result store_sms_keys_put(struct store_txn *t, const struct store_sms_keys *x);
/* The lowest credential above *cred that has a row, which becomes its; 0 to begin with. Nothing is
   unsealed: whether the row can be read, and is of what the credential has now, reading it says. */
MUST_USE enum store_result store_sms_keys_next(struct store_reader *r, uint32_t *cred);
/* The earliest that is due by now_ms, after *after_ms and *after_cred, which become its;
   STORE_NONE: there is none. A hint: the row says whether it is. */
MUST_USE enum store_result store_sms_keys_next_due(
	struct store_reader *r, uint64_t now_ms, uint64_t *after_ms, uint32_t *after_cred);

#endif
