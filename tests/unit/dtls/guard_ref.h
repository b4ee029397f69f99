/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/guard_ref: every protection of dtls/guard once more, built by hand from the RFCs over
 * single AES blocks and HMAC: what dtls/guard is held against. Slow, and not constant in time.
 *
 * Threads: any.
 * Source:  RFC 3610 (CCM); NIST SP 800-38D (GCM); RFC 5246 section 6.2.3.2; RFC 7366 section 3.
 */
#ifndef LWG_TESTS_DTLS_GUARD_REF_H
#define LWG_TESTS_DTLS_GUARD_REF_H

#include "dtls/guard.h"
#include "dtls/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ref_bytes {
	const uint8_t *at;
	size_t len;
};

/* nonce: 12 octets; tag: 8 or 16 of them are written. in and out may be the same. */
struct ref_aead {
	const uint8_t *key, *nonce;
	struct ref_bytes aad;
	size_t tag_len;
};
void ref_ccm(
	const struct ref_aead *a, bool sealing, struct ref_bytes in, uint8_t *out, uint8_t *tag);
void ref_gcm(
	const struct ref_aead *a, bool sealing, struct ref_bytes in, uint8_t *out, uint8_t *tag);

/* What a record says, and what its sender chose. */
struct ref_record {
	const struct dtls_key *key;
	struct dtls_number n;
	uint16_t version;      /* 0: DTLS 1.2 */
	const uint8_t *before; /* explicit nonce or IV */
	/* CBC: octets of padding with the one that counts them; 0: as few as may be */
	size_t padding;
	/* CBC: 0: the padding is right; else the octet that many from the end (1: the last) is
	   another by one bit, and the MAC of encrypt-then-MAC is made after that. */
	size_t wrong;
};
/* A whole record at out; its length. */
size_t ref_seal(
	enum dtls_guard how, const struct ref_record *r, struct ref_bytes text, uint8_t *out);
/* CBC: the same with blocks that the caller has padded as badly as he likes; what there is of a MAC
   inside is his, too. */
size_t ref_seal_blocks(
	enum dtls_guard how, const struct ref_record *r, struct ref_bytes blocks, uint8_t *out);
/* Over the 13 octets and what. */
void ref_mac(const struct ref_record *r, struct ref_bytes what, uint8_t out[32]);
/* False: it does not open. text has room for as much as the record has. */
bool ref_open(enum dtls_guard how, const struct dtls_key *key, struct ref_bytes wire, uint8_t *text,
	size_t *len);

#endif
