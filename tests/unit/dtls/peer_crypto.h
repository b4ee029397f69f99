/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests: the arithmetic of a DTLS 1.2 peer that owes nothing to the engine: growing buffers, HMAC,
 * the PRF, and CCM_8 made by hand of single AES blocks.
 *
 * Promise: no code of gateway/ is called. A failure of the library fails the test that runs.
 * Source:  RFC 5246 section 5 (PRF); RFC 3610 (CCM, M = 8, L = 3); RFC 6655 section 3.
 */
#ifndef LWG_TESTS_DTLS_PEER_CRYPTO_H
#define LWG_TESTS_DTLS_PEER_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer_buf {
	uint8_t *at;
	size_t len, cap;
};

void peer_buf_free(struct peer_buf *b);
void peer_buf_clear(struct peer_buf *b);
void peer_add(struct peer_buf *b, const void *bytes, size_t n);
/* The low n bytes of v, big-endian. */
void peer_add_int(struct peer_buf *b, uint64_t v, size_t n);
/* A length of `width` bytes, then the n bytes. */
void peer_add_vec(struct peer_buf *b, size_t width, const void *bytes, size_t n);
void peer_set(struct peer_buf *b, const void *bytes, size_t n);
uint64_t peer_int(const uint8_t *at, size_t n);

void peer_sha256(const void *data, size_t len, uint8_t out[32]);

struct peer_secret {
	const uint8_t *at;
	size_t len;
};
/* PRF(secret, label, seed) of TLS 1.2 with SHA-256; out_len bytes to out. */
void peer_prf(const struct peer_secret *secret, const char *label, const struct peer_buf *seed,
	uint8_t *out, size_t out_len);

struct peer_ccm {
	const uint8_t *key;   /* 16 */
	const uint8_t *nonce; /* 12 */
	const uint8_t *aad;
	size_t aad_len;
};
/* len bytes of plain to len + 8 bytes at out. */
void peer_ccm8_seal(const struct peer_ccm *c, const uint8_t *plain, size_t len, uint8_t *out);
/* len counts the tag; len - 8 bytes to plain. False when the tag is wrong. */
bool peer_ccm8_open(const struct peer_ccm *c, const uint8_t *sealed, size_t len, uint8_t *plain);

#endif
