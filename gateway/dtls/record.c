/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/record.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "base/wr.h"

enum {
	TAG_LEN = DTLS_CCM8_OVERHEAD - DTLS_EXPLICIT_LEN,
	NONCE_LEN = DTLS_IV_LEN + DTLS_EXPLICIT_LEN,
	AAD_LEN = 13, /* RFC 5246 6.2.3.3 */
};

struct dtls_aead {
	EVP_CIPHER_CTX *seal;
	EVP_CIPHER_CTX *open;
};

bool dtls_record_next(uint8_t **data, size_t *len, struct dtls_record *out)
{
	if (*len == 0)
		return false;
	struct rd r = rd_from(*data, *len);
	struct dtls_record record = { .type = rd_u8(&r) };
	record.version = rd_u16(&r);
	record.epoch = rd_u16(&r);
	record.seq = rd_u48(&r);
	record.len = rd_u16(&r);
	rd_skip(&r, record.len);
	/* No record may be longer, in any epoch. */
	if (!rd_ok(&r) || record.len > DTLS_CIPHER_MAX)
		return false;
	record.body = *data + DTLS_RECORD_HEADER;
	*data += DTLS_RECORD_HEADER + record.len;
	*len = r.left;
	*out = record;
	return true;
}

void dtls_record_header(
	uint8_t out[DTLS_RECORD_HEADER], uint16_t version, const struct dtls_number *n, size_t len)
{
	struct wr w = wr_into(out, DTLS_RECORD_HEADER);
	wr_u8(&w, n->type);
	wr_u16(&w, version);
	wr_u16(&w, n->epoch);
	wr_u48(&w, n->seq);
	wr_u16(&w, (uint16_t)len);
}

/* Lengths are set once: the library keeps them when a context gets a new key. */
static EVP_CIPHER_CTX *context(const EVP_CIPHER *ccm, int encrypt)
{
	size_t nonce_len = NONCE_LEN;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &nonce_len),
		OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, TAG_LEN),
		OSSL_PARAM_construct_end(),
	};
	EVP_CIPHER_CTX *const ctx = EVP_CIPHER_CTX_new();
	if (ctx && EVP_CipherInit_ex2(ctx, ccm, NULL, NULL, encrypt, params) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

struct dtls_aead *dtls_aead_new(void)
{
	struct dtls_aead *const a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	EVP_CIPHER *const ccm = EVP_CIPHER_fetch(NULL, "AES-128-CCM", NULL);
	if (ccm) {
		a->seal = context(ccm, 1);
		a->open = context(ccm, 0);
	}
	EVP_CIPHER_free(ccm); /* the contexts hold their own references */
	if (a->seal && a->open)
		return a;
	ERR_clear_error();
	dtls_aead_free(a);
	return NULL;
}

void dtls_aead_free(struct dtls_aead *a)
{
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->seal);
	EVP_CIPHER_CTX_free(a->open);
	free(a);
}

static void additional(uint8_t aad[AAD_LEN], const struct dtls_record *r, size_t len)
{
	struct wr w = wr_into(aad, AAD_LEN);
	wr_u16(&w, r->epoch);
	wr_u48(&w, r->seq);
	wr_u8(&w, r->type);
	wr_u16(&w, r->version);
	wr_u16(&w, (uint16_t)len);
}

/*
 * One record through the cipher in its TLS mode: with "tlsaad" given, one update takes a whole body
 * (explicit nonce, text, tag) in place. Sealing, the library writes the explicit nonce: the first 8
 * bytes of the additional data, epoch and number, as R-125 wants it; opening, it takes it from the
 * body. The additional data comes with the length as on the wire; the library subtracts the nonce
 * and, opening, the tag. No sequence of OpenSSL 3 is cheaper: the plain AEAD mode takes five calls.
 */
static bool run(
	EVP_CIPHER_CTX *ctx, const struct dtls_key *key, const struct dtls_record *r, bool sealing)
{
	uint8_t nonce[NONCE_LEN] = { 0 }; /* the cipher puts the explicit part in */
	memcpy(nonce, key->iv, DTLS_IV_LEN);
	uint8_t aad[AAD_LEN];
	additional(aad, r, sealing ? r->len - TAG_LEN : r->len);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
			OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, aad, sizeof(aad)),
		OSSL_PARAM_construct_end(),
	};
	int done = 0;
	if (EVP_CipherInit_ex2(ctx, NULL, key->key, nonce, sealing, params) == 1 &&
		EVP_CipherUpdate(ctx, r->body, &done, r->body, (int)r->len) == 1)
		return true;
	/* A forged record must not fill the error queue, from which libssl's users read. */
	ERR_clear_error();
	return false;
}

/* The record that will stand at out, whose header is written. */
static struct dtls_record begin(const struct dtls_number *n, uint8_t *out, size_t len)
{
	const struct dtls_record r = {
		.type = n->type,
		.version = DTLS_VERSION_1_2,
		.epoch = n->epoch,
		.seq = n->seq,
		.body = out + DTLS_RECORD_HEADER,
		.len = len + DTLS_CCM8_OVERHEAD,
	};
	dtls_record_header(out, r.version, n, r.len);
	return r;
}

bool dtls_seal(struct dtls_aead *a, const struct dtls_key *key, const struct dtls_number *n,
	uint8_t *out, size_t len)
{
	if (len > DTLS_PLAIN_MAX || n->seq > DTLS_SEQ_MAX)
		return false;
	const struct dtls_record r = begin(n, out, len);
	return run(a->seal, key, &r, true);
}

/* The plain AEAD mode, as the TLS mode chooses the explicit part by itself; in a context of its
   own, as one that has been in that mode does not leave it. */
static bool run_plain(EVP_CIPHER_CTX *ctx, const struct dtls_key *key, const struct dtls_record *r)
{
	const size_t len = r->len - DTLS_CCM8_OVERHEAD;
	uint8_t *const text = r->body + DTLS_EXPLICIT_LEN;
	uint8_t nonce[NONCE_LEN];
	memcpy(nonce, key->iv, DTLS_IV_LEN);
	memcpy(nonce + DTLS_IV_LEN, r->body, DTLS_EXPLICIT_LEN);
	uint8_t aad[AAD_LEN];
	additional(aad, r, len);
	int done = 0;
	return EVP_CipherInit_ex2(ctx, NULL, key->key, nonce, 1, NULL) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &done, NULL, (int)len) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &done, aad, sizeof(aad)) == 1 &&
	       EVP_CipherUpdate(ctx, text, &done, text, (int)len) == 1 &&
	       EVP_CipherFinal_ex(ctx, text, &done) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, text + len) == 1;
}

bool dtls_seal_under(const struct dtls_key *key, const struct dtls_number *n,
	const uint8_t explicit[DTLS_EXPLICIT_LEN], uint8_t *out, size_t len)
{
	if (len > DTLS_PLAIN_MAX || n->seq > DTLS_SEQ_MAX)
		return false;
	const struct dtls_record r = begin(n, out, len);
	memcpy(r.body, explicit, DTLS_EXPLICIT_LEN);
	EVP_CIPHER *const ccm = EVP_CIPHER_fetch(NULL, "AES-128-CCM", NULL);
	EVP_CIPHER_CTX *const ctx = ccm ? context(ccm, 1) : NULL;
	const bool good = ctx && run_plain(ctx, key, &r);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(ccm);
	if (!good)
		ERR_clear_error();
	return good;
}

bool dtls_open(struct dtls_aead *a, const struct dtls_key *key, const struct dtls_record *r,
	uint8_t **plain, size_t *len)
{
	/* the negotiated version. R-129: no longer than a plaintext may be. */
	if (r->version != DTLS_VERSION_1_2 || r->len < DTLS_CCM8_OVERHEAD ||
		r->len > DTLS_PLAIN_MAX + DTLS_CCM8_OVERHEAD)
		return false;
	if (!run(a->open, key, r, false))
		return false;
	*plain = r->body + DTLS_EXPLICIT_LEN;
	*len = r->len - DTLS_CCM8_OVERHEAD;
	return true;
}
