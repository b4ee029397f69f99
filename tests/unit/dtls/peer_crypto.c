/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void peer_buf_free(struct peer_buf *b)
{
	free(b->at);
	*b = (struct peer_buf){ 0 };
}

void peer_buf_clear(struct peer_buf *b)
{
	b->len = 0;
}

void peer_add(struct peer_buf *b, const void *bytes, size_t n)
{
	if (b->len + n > b->cap) {
		b->cap = (b->len + n) * 2 + 64;
		b->at = realloc(b->at, b->cap);
		assert_non_null(b->at);
	}
	if (n > 0)
		memcpy(b->at + b->len, bytes, n);
	b->len += n;
}

void peer_add_int(struct peer_buf *b, uint64_t v, size_t n)
{
	for (size_t i = n; i > 0; i--) {
		const uint8_t byte = (uint8_t)(v >> (8 * (i - 1)));
		peer_add(b, &byte, 1);
	}
}

void peer_add_vec(struct peer_buf *b, size_t width, const void *bytes, size_t n)
{
	peer_add_int(b, n, width);
	peer_add(b, bytes, n);
}

void peer_set(struct peer_buf *b, const void *bytes, size_t n)
{
	peer_buf_clear(b);
	peer_add(b, bytes, n);
}

uint64_t peer_int(const uint8_t *at, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | at[i];
	return v;
}

void peer_sha256(const void *data, size_t len, uint8_t out[32])
{
	assert_int_equal(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL), 1);
}

static void hmac(const struct peer_secret *key, const struct peer_buf *data, uint8_t out[32])
{
	unsigned int len = 32;
	assert_non_null(HMAC(EVP_sha256(), key->at, (int)key->len, data->at, data->len, out, &len));
}

/* RFC 5246 section 5: P_hash = HMAC(secret, A(1) seed) HMAC(secret, A(2) seed) ...,
   A(i) = HMAC(secret, A(i-1)). */
void peer_prf(const struct peer_secret *secret, const char *label, const struct peer_buf *seed,
	uint8_t *out, size_t out_len)
{
	struct peer_buf a = { 0 };
	struct peer_buf block = { 0 };
	uint8_t digest[32];
	peer_add(&a, label, strlen(label));
	peer_add(&a, seed->at, seed->len);
	for (size_t done = 0; done < out_len; done += sizeof(digest)) {
		hmac(secret, &a, digest);
		peer_set(&a, digest, sizeof(digest));
		peer_set(&block, digest, sizeof(digest));
		peer_add(&block, label, strlen(label));
		peer_add(&block, seed->at, seed->len);
		hmac(secret, &block, digest);
		const size_t n = out_len - done < sizeof(digest) ? out_len - done : sizeof(digest);
		memcpy(out + done, digest, n);
	}
	peer_buf_free(&a);
	peer_buf_free(&block);
}

static EVP_CIPHER_CTX *aes(const uint8_t *key)
{
	EVP_CIPHER_CTX *const ctx = EVP_CIPHER_CTX_new();
	assert_non_null(ctx);
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL), 1);
	assert_int_equal(EVP_CIPHER_CTX_set_padding(ctx, 0), 1);
	return ctx;
}

static void aes_block(EVP_CIPHER_CTX *ctx, const uint8_t in[16], uint8_t out[16])
{
	int len = 0;
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &len, in, 16), 1);
	assert_int_equal(len, 16);
}

/* X := E(X xor block), the block filled up with zeros. RFC 3610 section 2.2. */
static void mac_block(EVP_CIPHER_CTX *ctx, uint8_t x[16], const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] ^= data[i];
	aes_block(ctx, x, x);
}

static void ccm_tag(EVP_CIPHER_CTX *ctx, const struct peer_ccm *c, const uint8_t *plain, size_t len,
	uint8_t x[16])
{
	/* flags: there is AAD (0x40), M = 8 ((8 - 2) / 2 << 3), L = 3 (3 - 1) */
	uint8_t b[16] = { 0x40 | 3 << 3 | 2 };
	memcpy(b + 1, c->nonce, 12);
	b[13] = (uint8_t)(len >> 16);
	b[14] = (uint8_t)(len >> 8);
	b[15] = (uint8_t)len;
	memset(x, 0, 16);
	mac_block(ctx, x, b, 16);
	struct peer_buf aad = { 0 };
	peer_add_vec(&aad, 2, c->aad, c->aad_len);
	for (size_t i = 0; i < aad.len; i += 16)
		mac_block(ctx, x, aad.at + i, aad.len - i < 16 ? aad.len - i : 16);
	peer_buf_free(&aad);
	for (size_t i = 0; i < len; i += 16)
		mac_block(ctx, x, plain + i, len - i < 16 ? len - i : 16);
}

/* The key stream block S_i. RFC 3610 section 2.3. */
static void ccm_stream(EVP_CIPHER_CTX *ctx, const struct peer_ccm *c, size_t i, uint8_t s[16])
{
	uint8_t a[16] = { 2 };
	memcpy(a + 1, c->nonce, 12);
	a[13] = (uint8_t)(i >> 16);
	a[14] = (uint8_t)(i >> 8);
	a[15] = (uint8_t)i;
	aes_block(ctx, a, s);
}

static void ccm_crypt(
	EVP_CIPHER_CTX *ctx, const struct peer_ccm *c, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t s[16];
	for (size_t i = 0; i < len; i++) {
		if (i % 16 == 0)
			ccm_stream(ctx, c, i / 16 + 1, s);
		out[i] = in[i] ^ s[i % 16];
	}
}

void peer_ccm8_seal(const struct peer_ccm *c, const uint8_t *plain, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *const ctx = aes(c->key);
	uint8_t x[16];
	uint8_t s[16];
	ccm_tag(ctx, c, plain, len, x);
	ccm_crypt(ctx, c, plain, len, out);
	ccm_stream(ctx, c, 0, s);
	for (size_t i = 0; i < 8; i++)
		out[len + i] = x[i] ^ s[i];
	EVP_CIPHER_CTX_free(ctx);
}

bool peer_ccm8_open(const struct peer_ccm *c, const uint8_t *sealed, size_t len, uint8_t *plain)
{
	if (len < 8)
		return false;
	EVP_CIPHER_CTX *const ctx = aes(c->key);
	uint8_t x[16];
	uint8_t s[16];
	ccm_crypt(ctx, c, sealed, len - 8, plain);
	ccm_tag(ctx, c, plain, len - 8, x);
	ccm_stream(ctx, c, 0, s);
	EVP_CIPHER_CTX_free(ctx);
	for (size_t i = 0; i < 8; i++)
		if (sealed[len - 8 + i] != (x[i] ^ s[i]))
			return false;
	return true;
}
