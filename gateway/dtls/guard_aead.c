/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "base/attr.h"
#include "base/wr.h"
#include "dtls/guard_parts.h"

enum { NONCE_LEN = DTLS_IV_LEN + DTLS_EXPLICIT_LEN };

static const struct {
	const char *name;
	size_t tag;
	bool ccm;
} kinds[GUARD_AEADS] = {
	[DTLS_GUARD_CCM_8] = { "AES-128-CCM", 8, true },
	[DTLS_GUARD_CCM] = { "AES-128-CCM", 16, true },
	[DTLS_GUARD_GCM] = { "AES-128-GCM", 16, false },
};

size_t dtls_guard_aead_tag(enum dtls_guard how)
{
	return kinds[how].tag;
}

/* Lengths are set once: the library keeps them when a context gets a new key. GCM has both as the
   library's defaults, and learns that of a tag from the tag. */
static EVP_CIPHER_CTX *context(enum dtls_guard how, int encrypt)
{
	size_t nonce_len = NONCE_LEN;
	const OSSL_PARAM ccm[] = {
		OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &nonce_len),
		OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, kinds[how].tag),
		OSSL_PARAM_construct_end(),
	};
	const OSSL_PARAM *const params = kinds[how].ccm ? ccm : NULL;
	EVP_CIPHER *const cipher = EVP_CIPHER_fetch(NULL, kinds[how].name, NULL);
	EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
	if (ctx && EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, params) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(cipher); /* the context holds its own reference */
	return ctx;
}

bool dtls_guard_aead_init(struct guard_aead *a)
{
	for (unsigned i = 0; i < GUARD_AEADS; i++) {
		a->seal[i] = context((enum dtls_guard)i, 1);
		a->open[i] = context((enum dtls_guard)i, 0);
		a->seal_cid[i] = context((enum dtls_guard)i, 1);
		a->open_cid[i] = context((enum dtls_guard)i, 0);
		if (!a->seal[i] || !a->open[i] || !a->seal_cid[i] || !a->open_cid[i])
			return false;
	}
	return true;
}

void dtls_guard_aead_fini(struct guard_aead *a)
{
	for (unsigned i = 0; i < GUARD_AEADS; i++) {
		EVP_CIPHER_CTX_free(a->seal[i]);
		EVP_CIPHER_CTX_free(a->open[i]);
		EVP_CIPHER_CTX_free(a->seal_cid[i]);
		EVP_CIPHER_CTX_free(a->open_cid[i]);
	}
}

/*
 * One record through CCM in its TLS mode: with "tlsaad" given, one update takes a whole body
 * (explicit nonce, text, tag) in place. Sealing, the library writes the explicit nonce: the first 8
 * bytes of the additional data, epoch and number, as R-125 wants it; opening, it takes it from the
 * body. The additional data comes with the length as on the wire; the library subtracts the nonce
 * and, opening, the tag. No sequence of OpenSSL 3 is cheaper: the plain AEAD mode takes five calls.
 */
static bool run_ccm(EVP_CIPHER_CTX *ctx, const struct dtls_key *key, const struct dtls_record *r,
	size_t aad_len)
{
	uint8_t nonce[NONCE_LEN] = { 0 }; /* the cipher puts the explicit part in */
	memcpy(nonce, key->iv, DTLS_IV_LEN);
	uint8_t aad[GUARD_AAD_MAX];
	(void)dtls_guard_aad(aad, r, aad_len);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
			OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, aad, GUARD_AAD_LEN),
		OSSL_PARAM_construct_end(),
	};
	int done = 0;
	return EVP_CipherInit_ex2(ctx, NULL, key->key, nonce, -1, params) == 1 &&
	       EVP_CipherUpdate(ctx, r->body, &done, r->body, (int)r->len) == 1;
}

/* The plain AEAD mode, under the explicit nonce that the body has. GCM's TLS mode is no cheaper,
   and would choose nonces by itself. */
static bool run_plain(EVP_CIPHER_CTX *ctx, enum dtls_guard how, const struct dtls_key *key,
	const struct dtls_record *r, bool sealing)
{
	const size_t tag_len = kinds[how].tag;
	const size_t len = r->len - DTLS_EXPLICIT_LEN - tag_len;
	uint8_t *const text = r->body + DTLS_EXPLICIT_LEN;
	uint8_t nonce[NONCE_LEN];
	memcpy(nonce, key->iv, DTLS_IV_LEN);
	memcpy(nonce + DTLS_IV_LEN, r->body, DTLS_EXPLICIT_LEN);
	uint8_t aad[GUARD_AAD_MAX];
	const size_t aad_len = dtls_guard_aad(aad, r, len);
	const OSSL_PARAM expected[] = {
		OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, text + len, tag_len),
		OSSL_PARAM_construct_end(),
	};
	OSSL_PARAM made[] = { expected[0], expected[1] };
	int done = 0;
	return EVP_CipherInit_ex2(ctx, NULL, key->key, nonce, -1, sealing ? NULL : expected) == 1 &&
	       (!kinds[how].ccm || EVP_CipherUpdate(ctx, NULL, &done, NULL, (int)len) == 1) &&
	       EVP_CipherUpdate(ctx, NULL, &done, aad, (int)aad_len) == 1 &&
	       EVP_CipherUpdate(ctx, text, &done, text, (int)len) == 1 &&
	       EVP_CipherFinal_ex(ctx, text, &done) == 1 &&
	       (!sealing || EVP_CIPHER_CTX_get_params(ctx, made) == 1);
}

bool dtls_guard_aead_seal(struct guard_aead *a, enum dtls_guard how, const struct dtls_key *key,
	const struct dtls_record *r)
{
	const bool cid = r->cid_len > 0;
	if (kinds[how].ccm && !cid)
		return run_ccm(a->seal[how], key, r, r->len - kinds[how].tag);
	struct wr explicit = wr_into(r->body, DTLS_EXPLICIT_LEN);
	wr_u16(&explicit, r->epoch);
	wr_u48(&explicit, r->seq);
	return run_plain(cid ? a->seal_cid[how] : a->seal[how], how, key, r, true);
}

/* In a context of its own, as one of CCM that has been in TLS mode does not leave it. */
bool dtls_guard_aead_seal_under(enum dtls_guard how, const struct dtls_key *key,
	const uint8_t explicit_nonce[DTLS_EXPLICIT_LEN], const struct dtls_record *r)
{
	memcpy(r->body, explicit_nonce, DTLS_EXPLICIT_LEN);
	EVP_CIPHER_CTX *const ctx = context(how, 1);
	const bool good = ctx && run_plain(ctx, how, key, r, true);
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

bool dtls_guard_aead_open(struct guard_aead *a, enum dtls_guard how, const struct dtls_key *key,
	const struct dtls_record *r)
{
	const bool cid = r->cid_len > 0;
	if (kinds[how].ccm && !cid)
		return run_ccm(a->open[how], key, r, r->len);
	return run_plain(cid ? a->open_cid[how] : a->open[how], how, key, r, false);
}
