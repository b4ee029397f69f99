/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/guard_parts: what dtls/guard is made of: the AEAD suites, and AES_128_CBC with HMAC-SHA256.
 *                   Of no use to others.
 *
 * Promise: lengths and the version of the record were checked by dtls/guard; sealing gets a record
 *          whose body is as long as it will be, with the text in its place.
 * Errors:  a bool. The body is then worthless (dtls/guard destroys it), and the library's error
 *          queue may have grown (dtls/guard clears it).
 * Threads: the worker that owns the contexts.
 * Source:  as dtls/guard.h.
 */
#ifndef LWG_DTLS_GUARD_PARTS_H
#define LWG_DTLS_GUARD_PARTS_H

#include "base/attr.h"
#include "dtls/guard.h"
#include "dtls/record.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GUARD_AEADS = 3,    /* DTLS_GUARD_CCM_8, _CCM and _GCM are the first three */
	GUARD_AAD_LEN = 13, /* RFC 5246 6.2.3.3; the same octets precede what a MAC is made of */
	GUARD_AAD_MAX = 23 + 255, /* RFC 9146 5: with a CID, whose length is one octet */
	GUARD_BLOCK = 16,
	GUARD_MAC_LEN = 32,
};

/* epoch and number, type, version, len; of a record with a CID what RFC 9146 5.2 and
   5.3 say, and of no other. Returns the length. */
size_t dtls_guard_aad(uint8_t aad[GUARD_AAD_MAX], const struct dtls_record *r, size_t len);

struct guard_aead {
	EVP_CIPHER_CTX *seal[GUARD_AEADS];
	EVP_CIPHER_CTX *open[GUARD_AEADS];
	/* Never in TLS mode, which knows no CIDs, and which a context of CCM does not leave. */
	EVP_CIPHER_CTX *seal_cid[GUARD_AEADS];
	EVP_CIPHER_CTX *open_cid[GUARD_AEADS];
};
/* False: what was made is still to be let go by fini(). Zeroed memory may be let go, too. */
MUST_USE bool dtls_guard_aead_init(struct guard_aead *a);
void dtls_guard_aead_fini(struct guard_aead *a);
size_t dtls_guard_aead_tag(enum dtls_guard how);
MUST_USE bool dtls_guard_aead_seal(struct guard_aead *a, enum dtls_guard how,
	const struct dtls_key *key, const struct dtls_record *r);
/* With an explicit nonce of the caller's. */
MUST_USE bool dtls_guard_aead_seal_under(enum dtls_guard how, const struct dtls_key *key,
	const uint8_t explicit_nonce[DTLS_EXPLICIT_LEN], const struct dtls_record *r);
MUST_USE bool dtls_guard_aead_open(struct guard_aead *a, enum dtls_guard how,
	const struct dtls_key *key, const struct dtls_record *r);

struct guard_cbc {
	EVP_CIPHER_CTX *seal;
	EVP_CIPHER_CTX *open;     /* blocks only: the padding is ours to look at */
	EVP_CIPHER_CTX *open_mte; /* takes padding and MAC off in constant time */
	EVP_MAC_CTX *mac;
	EVP_MAC_CTX *mac_mte; /* never used itself: see open_mte() */
};
MUST_USE bool dtls_guard_cbc_init(struct guard_cbc *c);
void dtls_guard_cbc_fini(struct guard_cbc *c);
/* len: of the text, which stands after the place of the IV. */
MUST_USE bool dtls_guard_cbc_seal(struct guard_cbc *c, enum dtls_guard how,
	const struct dtls_sealing *s, const struct dtls_record *r, size_t len);
MUST_USE bool dtls_guard_cbc_open(struct guard_cbc *c, enum dtls_guard how,
	const struct dtls_key *key, const struct dtls_record *r, size_t *len);

#endif
