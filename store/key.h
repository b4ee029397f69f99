/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/key: the tables of the database, and the keys of each: the one place where both are named.
 *
 * Numbers are big-endian, so that the order of octets is that of numbers.
 *
 * Promise: each reader accepts what its writer made and nothing else.
 * Threads: any. Clock, I/O, allocation: none.
 */
#ifndef LWG_STORE_KEY_H
#define LWG_STORE_KEY_H

#include "base/attr.h"
#include "store/kv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_table {
	KEY_META,       /* name: schema, meta */
	KEY_CRED,       /* number: head, sealed credential */
	KEY_CRED_INDEX, /* keyed hash of endpoint, identity ..., number: nothing; a hint */
	KEY_ASSOC,      /* slot: head, sealed association */
	KEY_LEASE,      /* slot: lease with MAC */
	KEY_PATH,       /* keyed hash of the five-tuple: slot; a hint */
	KEY_ASSOC_OF,   /* credential, slot: nothing; a hint */
	KEY_FREE,       /* transaction that freed it, slot: nothing */
	KEY_SESSION,    /* credential: head, sealed session */
	KEY_DEADLINE,   /* store_time(), credential: nothing; a hint */
	KEY_RESUME,     /* credential: head, sealed resumption state */
	KEY_RESUME_ID,  /* session id: credential; a hint */
	KEY_RESUME_AGE, /* registered (0, 1), store_time(), credential: nothing; a hint */
	KEY_PORT,       /* worker, place: a local port */
	KEY_CID,        /* keyed hash of a CID: slot, a hint; or store_time() since when it rests */
	KEY_CID_REST,   /* store_time(), keyed hash of a CID: nothing */
	KEY_VERDICT,    /* credential: what was decided of its session, with MAC */
	KEY_EXPIRY,     /* wall clock, credential: nothing; a hint */
	KEY_STAGED,     /* credential: head, sealed: what is staged for it */
	KEY_STAGED_END, /* wall clock, credential: nothing; a hint */
	/* generation of what was staged and has gone, credential: nothing */
	KEY_STAGED_PAST,
	KEY_SMS,          /* credential: what is counted of its short messages, with MAC */
	KEY_SMS_COUNT,    /* keyed hash of keys: the counters of their packets, with MAC */
	KEY_SMS_IN,       /* id, credential: head, sealed message */
	KEY_SMS_OUT,      /* credential, running number (both: the id): head, sealed message */
	KEY_SMS_KEYS,     /* credential: head, sealed sets of keys */
	KEY_SMS_KEYS_DUE, /* store_time(), credential: nothing; a hint */
	KEY_TABLES
};

/* In the order of enum key_table; for kv_open_*(). */
const char *const *key_tables(void);

enum { KEY_LEN_MAX = 32 };

struct key {
	uint8_t octets[KEY_LEN_MAX];
	size_t len;
};

static inline struct kv_slice key_slice(const struct key *k)
{
	return (struct kv_slice){ k->octets, k->len };
}

struct key key_name(const char *name);
struct key key_number(uint32_t number); /* of a slot, a credential */
struct key key_hash(uint64_t hash);
struct key key_hash_number(uint64_t hash, uint32_t number);
struct key key_pair(uint32_t a, uint32_t b);
struct key key_time_number(uint64_t at, uint32_t number); /* also a transaction and a slot */
struct key key_age(bool registered, uint64_t until_ms, uint32_t cred);
struct key key_time_hash(uint64_t at, uint64_t hash);
struct key key_octets(const uint8_t *octets, size_t len); /* at most KEY_LEN_MAX */

MUST_USE bool key_is_number(struct kv_slice k, uint32_t *number);
MUST_USE bool key_is_hash(struct kv_slice k, uint64_t *hash);
MUST_USE bool key_is_hash_number(struct kv_slice k, uint64_t *hash, uint32_t *number);
MUST_USE bool key_is_pair(struct kv_slice k, uint32_t *a, uint32_t *b);
MUST_USE bool key_is_time_number(struct kv_slice k, uint64_t *at, uint32_t *number);
MUST_USE bool key_is_time_hash(struct kv_slice k, uint64_t *at, uint64_t *hash);
MUST_USE bool key_is_age(struct kv_slice k, bool *registered, uint64_t *until_ms, uint32_t *cred);

#endif
