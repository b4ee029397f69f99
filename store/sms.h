/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sms: what must outlive the process of the way to devices by short messages: counters of
 *            secured packets, what has come and was not answered, what is to go and was not taken.
 *
 * A box in (what has come, opened) and a box out (what is to be sent, sealed) for all devices. A
 * counter changes in the same transaction as the box that the message goes into: so nothing that
 * has come is lost or taken twice, and no counter leaves with different octets (I1, I2).
 *
 * Promise: bounded: STORE_SMS_IN messages in and STORE_SMS_OUT out of one credential; and of all by
 *          what the disk has. Sealed, as is all that is secret. Counters are those of the keys, not
 *          of the credential: other keys begin at 0, with empty boxes; who comes back to keys that
 *          were used goes on where they were, whatever credential has them. After a start that
 *          cannot tell whether the database is an older copy (S6), `out` is far ahead.
 * Errors, Threads: as of store/store.
 * Source:  TS 102 225 5.1.4; I1, I2.
 */
#ifndef LWG_STORE_SMS_H
#define LWG_STORE_SMS_H

#include "base/attr.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STORE_SMS_IN = 8,
	STORE_SMS_OUT = 16,
	STORE_SMS_OWN = 64,
	STORE_SMS_DATA_MAX = 1536,
	STORE_SMS_NUMBER_MAX = 22, /* type, length, digits: see sms-bridge/wire */
};

struct store_sms_counters {
	uint32_t cred;
	uint64_t proved;    /* of the credential: of which keys they are */
	uint64_t in, out;   /* last taken, last used; 0: none */
	uint16_t reference; /* of the last concatenation that was given */
	uint32_t day;       /* of store_time(), on which ... */
	uint32_t segments;  /* ... so many were sent: what they cost */
};

struct store_sms_message {
	uint64_t id; /* in: the bridge's; out: given by store_sms_send(), never used again */
	uint32_t cred;
	uint64_t at_ms, until_ms; /* store_time(): since when it is there; useless then */
	uint8_t pid, dcs, marker;
	uint16_t port, reference;
	uint8_t segments; /* out */
	/* out, for store_sms_send() alone: the packet's checksum, by which store_sms_is_own() knows
	   it again; 0: it has none. */
	uint64_t mark;
	/* For store_sms_take() and store_sms_send() alone: keyed hash of the keys whose counters it
	   has (store_sms_keys_hash()); 0: the credential's own. */
	uint64_t keys;
	/* in: to which number it came, and from which (the answer's destination, R-301); out: the
	   other way round. As octets that this room does not look into. */
	uint8_t peer[STORE_SMS_NUMBER_MAX], own[STORE_SMS_NUMBER_MAX];
	size_t len;
	uint8_t data
		[STORE_SMS_DATA_MAX]; /* in: the CoAP message; out: as the bridge is to send it */
};

/* --- reading ---------------------------------------------------------------------------------- */

/* STORE_NONE: nothing was counted yet under these keys; *out is zero but for cred and proved, which
   is 0 of one that is not active. in, out: 0 of a credential that is of another kind. */
MUST_USE enum store_result store_sms_read(
	struct store_reader *r, uint32_t cred, struct store_sms_counters *out);
/* The first message after that id, in or out, of all devices; of cred alone if that is not 0.
   STORE_NONE: there is none. Ids are not in the order of time; each is seen once. */
MUST_USE enum store_result store_sms_next_in(
	struct store_reader *r, uint32_t cred, uint64_t *after, struct store_sms_message *out);
MUST_USE enum store_result store_sms_next_out(
	struct store_reader *r, uint32_t cred, uint64_t *after, struct store_sms_message *out);

/* By which the store knows both keys together (KIc's, then KID's) again; never 0. */
uint64_t store_sms_keys_hash(const struct store_reader *r, const uint8_t *key, size_t len);
/* Counters of keys that are not the credential's own; zero where nothing was counted. Of *out only
   in and out change. */
MUST_USE enum store_result store_sms_read_under(
	struct store_reader *r, uint64_t keys, struct store_sms_counters *out);
/* Was it sent under these keys, and by no device (A11)? The last STORE_SMS_OWN are known. False
   also where the store cannot tell. */
MUST_USE bool store_sms_is_own(struct store_reader *r, uint32_t cred, uint64_t mark);
MUST_USE bool store_sms_is_own_under(struct store_reader *r, uint64_t keys, uint64_t mark);

/* --- writing, as of store/store --------------------------------------------------------------- */

/* What has come, opened under `counter`, is taken (m->cred, id, not 0, data ...). proved: of the
   keys. counted: its counter is to be higher than the last; false: it has none (NoSec, DTLS), and
   only its id tells whether it was there. STORE_STALE: counter or id were there (also of one of the
   last eight that were answered), or the keys are others' or revoked.
   STORE_FULL: the box of this device is full; nothing has changed, the counter neither.
   STORE_DAMAGED: also when it is too long, or has a counter and its credential no such keys. */
MUST_USE enum store_result store_sms_take(struct store_txn *t, const struct store_sms_message *m,
	uint64_t proved, bool counted, uint64_t counter);
/* The same of what is dealt with at once: the counter moves, and nothing is in the box. */
MUST_USE enum store_result store_sms_pass(
	struct store_txn *t, uint32_t cred, uint64_t proved, uint64_t keys, uint64_t counter);
/* m is sealed with `counter`, which must be higher than the last; gives m->id, and keeps
   m->reference if it has more than one segment. answers: the id of
   what it answers, which goes; 0: none. m->segments are added to those of the day; STORE_FULL: they
   would be more than a_day (0: no limit), or the box is full. STORE_STALE: as above. */
MUST_USE enum store_result store_sms_send(struct store_txn *t, struct store_sms_message *m,
	uint64_t proved, bool counted, uint64_t counter, uint64_t answers, uint32_t a_day);
/* So many more were sent of something that is in no box (DTLS). STORE_STALE: it is active no
   more. */
MUST_USE enum store_result store_sms_spend(struct store_txn *t, uint32_t cred, uint8_t segments);
/* The day that segments are counted of, in store_time(). */
uint32_t store_sms_day(uint64_t now_ms);
/* It has been answered otherwise, or cannot be. STORE_NONE: it is not there. */
MUST_USE enum store_result store_sms_in_done(struct store_txn *t, uint32_t cred, uint64_t id);
/* Whose message of the box out that is, by its id. */
uint32_t store_sms_cred_of(uint64_t id);
/* The network has it, or nobody wants it any more. */
MUST_USE enum store_result store_sms_out_done(struct store_txn *t, uint64_t id);

#endif
