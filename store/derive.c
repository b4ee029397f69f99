/* SPDX-License-Identifier: Apache-2.0 */
#include "store/derive.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/wipe.h"

enum { LABEL_MAX = 64, OUT_MAX = 64 };

struct derive {
	EVP_KDF_CTX *kdf;
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *seal, *open;
};

static const uint8_t zero[DERIVE_KEY];
static const uint8_t nonce[12]; /* one message for each key */

void derive_free(struct derive *d)
{
	if (d == NULL)
		return;
	EVP_KDF_CTX_free(d->kdf);
	EVP_CIPHER_CTX_free(d->seal);
	EVP_CIPHER_CTX_free(d->open);
	EVP_CIPHER_free(d->cipher);
	free(d);
}

/* The digest is fetched here, and never again. */
static bool begin_kdf(struct derive *d)
{
	EVP_KDF *const kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	d->kdf = EVP_KDF_CTX_new(kdf);
	EVP_KDF_free(kdf);
	char digest[] = "SHA2-256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, sizeof(digest) - 1),
		OSSL_PARAM_END,
	};
	return d->kdf != NULL && EVP_KDF_CTX_set_params(d->kdf, params) == 1;
}

struct derive *derive_new(void)
{
	struct derive *const d = calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	d->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	d->seal = EVP_CIPHER_CTX_new();
	d->open = EVP_CIPHER_CTX_new();
	if (begin_kdf(d) && d->cipher != NULL && d->seal != NULL && d->open != NULL &&
		EVP_EncryptInit_ex2(d->seal, d->cipher, zero, nonce, NULL) == 1 &&
		EVP_DecryptInit_ex2(d->open, d->cipher, zero, nonce, NULL) == 1)
		return d;
	derive_free(d);
	return NULL;
}

/* OpenSSL's parameters have no const; it copies from them. */
static OSSL_PARAM octets(const char *name, const void *data, size_t len)
{
	const union {
		const void *lent;
		void *taken;
	} value = { .lent = data };
	return OSSL_PARAM_construct_octet_string(name, value.taken, len);
}

bool derive_key(struct derive *d, const uint8_t key[DERIVE_KEY], struct kv_slice salt,
	const char *label, uint8_t *out, size_t len)
{
	assert(len <= OUT_MAX);
	const OSSL_PARAM params[] = {
		octets(OSSL_KDF_PARAM_KEY, key, DERIVE_KEY),
		octets(OSSL_KDF_PARAM_SALT, salt.len > 0 ? salt.data : zero,
			salt.len > 0 ? salt.len : sizeof(zero)),
		octets(OSSL_KDF_PARAM_INFO, label, strlen(label)),
		OSSL_PARAM_construct_end(),
	};
	const OSSL_PARAM forget[] = {
		octets(OSSL_KDF_PARAM_KEY, zero, sizeof(zero)),
		OSSL_PARAM_construct_end(),
	};
	const bool done = EVP_KDF_derive(d->kdf, out, len, params) == 1;
	const bool forgot = EVP_KDF_CTX_set_params(d->kdf, forget) == 1;
	if (!(done && forgot))
		wipe(out, len);
	return done && forgot;
}

static bool encrypt(EVP_CIPHER_CTX *c, const struct derive_message *m, uint8_t *out)
{
	int n;
	return EVP_EncryptInit_ex2(c, NULL, m->key, nonce, NULL) == 1 &&
	       EVP_EncryptUpdate(c, NULL, &n, m->aad.data, (int)m->aad.len) == 1 &&
	       (m->in.len == 0 || EVP_EncryptUpdate(c, out, &n, m->in.data, (int)m->in.len) == 1) &&
	       EVP_EncryptFinal_ex(c, out + m->in.len, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, DERIVE_TAG, out + m->in.len) == 1;
}

bool derive_seal(struct derive *d, const struct derive_message *m, uint8_t *out)
{
	if (m->in.len > INT_MAX / 2 || m->aad.len > INT_MAX / 2)
		return false;
	const bool done = encrypt(d->seal, m, out);
	const bool forgot = EVP_EncryptInit_ex2(d->seal, NULL, zero, nonce, NULL) == 1;
	if (!(done && forgot))
		wipe(out, m->in.len + DERIVE_TAG);
	return done && forgot;
}

static bool decrypt(EVP_CIPHER_CTX *c, const struct derive_message *m, size_t len, uint8_t *out)
{
	int n;
	uint8_t tag[DERIVE_TAG];
	uint8_t nothing[DERIVE_TAG];
	const uint8_t *const in = m->in.data;
	memcpy(tag, in + len, sizeof(tag));
	return EVP_DecryptInit_ex2(c, NULL, m->key, nonce, NULL) == 1 &&
	       EVP_DecryptUpdate(c, NULL, &n, m->aad.data, (int)m->aad.len) == 1 &&
	       (len == 0 || EVP_DecryptUpdate(c, out, &n, in, (int)len) == 1) &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, DERIVE_TAG, tag) == 1 &&
	       EVP_DecryptFinal_ex(c, nothing, &n) == 1;
}

bool derive_open(struct derive *d, const struct derive_message *m, uint8_t *out)
{
	if (m->in.len < DERIVE_TAG || m->in.len > INT_MAX / 2 || m->aad.len > INT_MAX / 2)
		return false;
	const size_t len = m->in.len - DERIVE_TAG;
	const bool done = decrypt(d->open, m, len, out);
	const bool forgot = EVP_DecryptInit_ex2(d->open, NULL, zero, nonce, NULL) == 1;
	if (!(done && forgot))
		wipe(out, len);
	return done && forgot;
}

bool derive_random(uint8_t *out, size_t len)
{
	for (size_t at = 0; at < len;) {
		const ssize_t n = getrandom(out + at, len - at, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}
