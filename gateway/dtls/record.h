/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/record: the DTLS 1.2 record: its header, and the keys of one direction. What protects its
 *              body is dtls/guard's.
 *
 * Promise: parsing is pure, total and bounded (I7).
 * Errors:  a bool; nothing is said about what was wrong.
 * Threads: any.
 * Source:  RFC 6347 section 4.1; RFC 9146 section 4.
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
	DTLS_MAC_KEY_LEN = 32, /* of HMAC-SHA256 */
};

enum dtls_type { /* RFC 5246 6.2.1 */
	DTLS_CCS = 20,
	DTLS_ALERT = 21,
	DTLS_HANDSHAKE = 22,
	DTLS_DATA = 23,
	DTLS_CID = 25,         /* RFC 9146 4: tls12_cid; the type that counts is inside */
	DTLS_ROUTABILITY = 27, /* RFC 9853 4: return_routability_check */
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
	/* Of a record of type DTLS_CID: between number and length; borrowed. Otherwise length 0. */
	const uint8_t *cid;
	size_t cid_len;
};

/* Where the record begins. */
static inline uint8_t *dtls_record_start(const struct dtls_record *r)
{
	return r->body - DTLS_RECORD_HEADER - r->cid_len;
}

/* Octets from there to the end of its body. */
static inline size_t dtls_record_whole(const struct dtls_record *r)
{
	return DTLS_RECORD_HEADER + r->cid_len + r->len;
}

/* One direction of one association. */
struct dtls_key {
	uint8_t key[DTLS_KEY_LEN];
	uint8_t iv[DTLS_IV_LEN];       /* of the AEAD suites; else zero */
	uint8_t mac[DTLS_MAC_KEY_LEN]; /* of the CBC suites; else zero */
};

/* Takes the next record off the front of *data, *len. False at the end and at anything that is no
   whole record (then the rest of the datagram is worthless, R-111, R-123), nor at a tls12_cid
   record whose CID is not laid out as ours are: nobody knows where it ends (RFC 9146 4). Does not
   judge type, version or epoch. */
MUST_USE bool dtls_record_next(uint8_t **data, size_t *len, struct dtls_record *out);

/* What a record will say of itself. */
struct dtls_number {
	uint8_t type;
	uint16_t epoch;
	uint64_t seq; /* <= DTLS_SEQ_MAX */
	/* cid_len > 0: it is a tls12_cid record, and type is what stands inside (RFC 9146 4). */
	const uint8_t *cid;
	size_t cid_len; /* <= 255 */
};

/* Writes the 13 bytes of a header, and the CID before the last two of them. */
void dtls_record_header(uint8_t *out, uint16_t version, const struct dtls_number *n, size_t len);

#endif
