/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/record: the DTLS 1.2 record: its header, and its protection with AES_128_CCM_8.
 *
 * Promise: parsing is pure, total and bounded (I7). Protection works on one direction's key; which
 *          number a record gets is not decided here (that is dtls/assoc, the one owner of nonces,
 *          I1).
 * Errors:  a bool; nothing is said about why a record did not open.
 * Memory:  struct dtls_aead owns two EVP contexts, one per worker, re-keyed for each record; no key
 *          is kept in it longer than until the next call or dtls_aead_free().
 * Threads: the worker that owns the struct dtls_aead; the header functions: any.
 * Source:  RFC 6347 section 4.1; RFC 6655 section 3 (nonce); RFC 5246 section 6.2.3.3 (additional
 *          data).
 */
#ifndef LWG_DTLS_RECORD_H
#define LWG_DTLS_RECORD_H

#include "base/attr.h"
#include "base/rd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DTLS_RECORD_HEADER = 13, /* RFC 6347 4.1 */
	DTLS_CCM8_OVERHEAD = 16, /* explicit nonce 8, tag 8 */
	DTLS_RECORD_OVERHEAD = DTLS_RECORD_HEADER + DTLS_CCM8_OVERHEAD,
	DTLS_PLAIN_MAX = 1 << 14,           /* RFC 5246 6.2.1 */
	DTLS_CIPHER_MAX = (1 << 14) + 2048, /* RFC 5246 6.2.3 */
	DTLS_EXPLICIT_LEN = 8, /* RFC 6655 3: the nonce's part that the record carries */
	DTLS_KEY_LEN = 16,
	DTLS_IV_LEN = 4,
};

enum dtls_type { /* RFC 5246 6.2.1 */
	DTLS_CCS = 20,
	DTLS_ALERT = 21,
	DTLS_HANDSHAKE = 22,
	DTLS_DATA = 23,
};

enum { DTLS_VERSION_1_0 = 0xfeff, DTLS_VERSION_1_2 = 0xfefd };

/* 2^48 - 1 is the last number; RFC 6347 4.1 forbids to wrap. */
#define DTLS_SEQ_MAX UINT64_C(0xffffffffffff)

struct dtls_record {
	uint8_t type; /* as on the wire; maybe none of enum dtls_type */
	uint16_t version;
	uint16_t epoch;
	uint64_t seq;  /* < 2^48 */
	uint8_t *body; /* borrowed from the datagram */
	size_t len;    /* of body */
};

/* One direction of one association. */
struct dtls_key {
	uint8_t key[DTLS_KEY_LEN];
	uint8_t iv[DTLS_IV_LEN];
};

/* Takes the next record off the front of *data, *len. False at the end and at anything that is no
   whole record (then the rest of the datagram is worthless, R-111, R-123). Does not judge type,
   version or epoch. */
MUST_USE bool dtls_record_next(uint8_t **data, size_t *len, struct dtls_record *out);

/* Writes the 13 bytes of a header. */
struct dtls_number;
void dtls_record_header(
	uint8_t out[DTLS_RECORD_HEADER], uint16_t version, const struct dtls_number *n, size_t len);

struct dtls_aead;
/* NULL when memory or the library's algorithms are missing. */
MUST_USE struct dtls_aead *dtls_aead_new(void);
void dtls_aead_free(struct dtls_aead *a);

/* What a record will say of itself. */
struct dtls_number {
	uint8_t type;
	uint16_t epoch;
	uint64_t seq; /* <= DTLS_SEQ_MAX */
};

/* Seals the len bytes that already stand at out + DTLS_RECORD_HEADER + 8 into one whole record of
   DTLS_RECORD_OVERHEAD + len bytes at out, which has that room. False (out is then worthless) when
   len is over DTLS_PLAIN_MAX or the library fails. The caller vouches that (key, epoch, seq) was
   never used before. */
MUST_USE bool dtls_seal(struct dtls_aead *a, const struct dtls_key *key,
	const struct dtls_number *n, uint8_t *out, size_t len);

/* The same, with an explicit part of the nonce that is not epoch and number (RFC 6655 3 leaves it
   to the sender). The caller vouches that (key, explicit) was and will never be used otherwise.
   Slow: for what is said once in the life of a key. */
MUST_USE bool dtls_seal_under(const struct dtls_key *key, const struct dtls_number *n,
	const uint8_t explicit[DTLS_EXPLICIT_LEN], uint8_t *out, size_t len);

/* Opens a record in place: on success *plain (inside r->body) and *len are set; on failure the body
   is destroyed. The nonce's explicit part is taken from the record, as RFC 6655 leaves it to the
   sender. */
MUST_USE bool dtls_open(struct dtls_aead *a, const struct dtls_key *key,
	const struct dtls_record *r, uint8_t **plain, size_t *len);

#endif
