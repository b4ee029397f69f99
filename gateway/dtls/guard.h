/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/guard: the protection of DTLS 1.2 records, for every suite that lwgate speaks.
 *
 * Promise: works on one direction's key; which number a record gets is not decided here (that is
 *          dtls/assoc, the one owner of nonces, I1). Opening CBC takes the same time and says the
 *          same, whatever is wrong with the record; with encrypt-then-MAC nothing is
 *          decrypted before the MAC was right.
 * Errors:  a bool or length 0; nothing is said about why a record did not open.
 * Memory:  struct dtls_guards owns the library's contexts, one set per worker, re-keyed for each
 *          record; no key is kept in it longer than until the next call or dtls_guards_free().
 * Threads: the worker that owns the struct dtls_guards.
 * Source:  RFC 6655 section 3, RFC 5288 section 3 (nonces); RFC 5246 section 6.2.3; RFC 7366
 *          section 3; Appendix B of RFC 7925; RFC 9146 sections 4 and 5.
 */
#ifndef LWG_DTLS_GUARD_H
#define LWG_DTLS_GUARD_H

#include "base/attr.h"
#include "base/suite.h"
#include "dtls/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the records of one association are protected: one byte, which the store keeps. */
enum dtls_guard {
	DTLS_GUARD_CCM_8 =
		0, /* the value of associations that were written before there were others */
	DTLS_GUARD_CCM = 1,
	DTLS_GUARD_GCM = 2,
	DTLS_GUARD_ETM = 3, /* AES_128_CBC, HMAC-SHA256 over the ciphertext (RFC 7366) */
	DTLS_GUARD_MTE = 4, /* the same, MAC-then-encrypt: only where it is enabled */
};
enum {
	DTLS_GUARDS = 5,
	/* What protection adds to a text of any length, at most: IV 16, MAC 32, padding 16. */
	DTLS_GUARD_OVERHEAD_MAX = 64,
	/* Octets between the record's header and its text, at most. */
	DTLS_GUARD_BEFORE_MAX = 16,
};

struct dtls_guards;
/* NULL when memory or the library's algorithms are missing. */
MUST_USE struct dtls_guards *dtls_guards_new(void);
void dtls_guards_free(struct dtls_guards *g);

/* Octets before the text in a record's body: the explicit nonce or the IV. */
size_t dtls_guard_before(enum dtls_guard how);
/* Length of the body of a record with a text of len octets. */
size_t dtls_guard_body(enum dtls_guard how, size_t len);
/* No body is shorter. */
size_t dtls_guard_body_min(enum dtls_guard how);
/* tags that may be wrong under one read key: 2^7 for CCM_8, 2^23 for CCM, 2^36 for GCM; for
   CBC's 32 octets no bound is known to be needed: UINT64_MAX. */
uint64_t dtls_guard_forged_max(enum dtls_guard how);

/* Can records with a CID have this guard? Not MAC-then-encrypt: RFC 9146 5.1 would allow it, but
   what opens such records in constant time takes the classic header only. */
static inline bool dtls_guard_takes_cid(enum dtls_guard how)
{
	return how != DTLS_GUARD_MTE;
}

/* Seals the len octets that stand at out + DTLS_RECORD_HEADER + dtls_guard_before(how) into one
   whole record at out, which has room for DTLS_RECORD_HEADER + dtls_guard_body(how, len). Returns
   the record's length; 0 (out is then worthless): len is over DTLS_PLAIN_MAX, or the library fails.
   With a CID in n (RFC 9146 4) its length is to be added to the header's, and what is sealed are
   not len octets but `inner`: the text, its type and zeros; len < inner <= DTLS_PLAIN_MAX.
   The caller vouches that (key, epoch, seq) was never used before. random: 16 unpredictable octets
   for CBC's IV, not looked at otherwise. */
struct dtls_sealing {
	const struct dtls_key *key;
	const struct dtls_number *n;
	const uint8_t *random;
	/* Not NULL: the explicit nonce of an AEAD suite instead of epoch and number; the caller
	   vouches for it. Slow: for what is said once in the life of a key. */
	const uint8_t *explicit_nonce;
	size_t inner; /* with a CID; otherwise not looked at */
};
MUST_USE size_t dtls_guard_seal(struct dtls_guards *g, enum dtls_guard how,
	const struct dtls_sealing *s, uint8_t *out, size_t len);

/* Opens a record in place: on success *plain (inside r->body) and *len are set; on failure the body
   is destroyed. An AEAD nonce's explicit part is taken from the record. Of a record with a
   CID zeros and type are taken off; one that has nothing but zeros in it does not open. */
MUST_USE bool dtls_guard_open(struct dtls_guards *g, enum dtls_guard how,
	const struct dtls_key *key, const struct dtls_record *r, uint8_t **plain, size_t *len);

/* The type of what dtls_guard_open() has opened. */
static inline uint8_t dtls_guard_type(const struct dtls_record *r, const uint8_t *plain, size_t len)
{
	return r->cid_len > 0 ? plain[len] : r->type;
}

#endif
