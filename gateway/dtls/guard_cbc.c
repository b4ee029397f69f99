/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/prov_ssl.h>
#include <string.h>

#include "base/attr.h"
#include "base/wipe.h"
#include "dtls/guard_parts.h"

static EVP_CIPHER_CTX *cipher(int encrypt, const OSSL_PARAM *params)
{
	EVP_CIPHER *const cbc = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
	EVP_CIPHER_CTX *ctx = cbc ? EVP_CIPHER_CTX_new() : NULL;
	if (ctx && EVP_CipherInit_ex2(ctx, cbc, NULL, NULL, encrypt, params) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(cbc);
	return ctx;
}

/* With a key, though not one of use: OpenSSL 3.0 does not copy a context that never had one. */
static EVP_MAC_CTX *hmac(void)
{
	static const uint8_t key[DTLS_MAC_KEY_LEN];
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *const mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	if (ctx && EVP_MAC_init(ctx, key, sizeof(key), params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_MAC_free(mac);
	return ctx;
}

bool dtls_guard_cbc_init(struct guard_cbc *c)
{
	unsigned blocks_only = 0;
	unsigned version = DTLS1_2_VERSION;
	size_t mac_len = GUARD_MAC_LEN;
	const OSSL_PARAM plain[] = {
		OSSL_PARAM_construct_uint(OSSL_CIPHER_PARAM_PADDING, &blocks_only),
		OSSL_PARAM_construct_end(),
	};
	const OSSL_PARAM tls[] = {
		OSSL_PARAM_construct_uint(OSSL_CIPHER_PARAM_TLS_VERSION, &version),
		OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_TLS_MAC_SIZE, &mac_len),
		OSSL_PARAM_construct_end(),
	};
	c->seal = cipher(1, plain);
	c->open = cipher(0, plain);
	c->open_mte = cipher(0, tls);
	c->mac = hmac();
	c->mac_mte = hmac();
	return c->seal && c->open && c->open_mte && c->mac && c->mac_mte;
}

void dtls_guard_cbc_fini(struct guard_cbc *c)
{
	EVP_CIPHER_CTX_free(c->seal);
	EVP_CIPHER_CTX_free(c->open);
	EVP_CIPHER_CTX_free(c->open_mte);
	EVP_MAC_CTX_free(c->mac);
	EVP_MAC_CTX_free(c->mac_mte);
}

struct span {
	const uint8_t *data;
	size_t len;
};

/* over the 13 octets and what was sealed: the text, or IV and blocks. */
static bool mac_of(EVP_MAC_CTX *ctx, const struct dtls_key *key, const struct dtls_record *r,
	struct span what, uint8_t out[GUARD_MAC_LEN])
{
	uint8_t head[GUARD_AAD_MAX];
	const size_t head_len = dtls_guard_aad(head, r, what.len);
	size_t len = 0;
	return EVP_MAC_init(ctx, key->mac, sizeof(key->mac), NULL) == 1 &&
	       EVP_MAC_update(ctx, head, head_len) == 1 &&
	       EVP_MAC_update(ctx, what.data, what.len) == 1 &&
	       EVP_MAC_final(ctx, out, &len, GUARD_MAC_LEN) == 1 && len == GUARD_MAC_LEN;
}

/* The blocks after the IV, in place. */
static bool blocks(
	EVP_CIPHER_CTX *ctx, const struct dtls_key *key, const struct dtls_record *r, size_t len)
{
	uint8_t *const text = r->body + GUARD_BLOCK;
	int done = 0;
	return EVP_CipherInit_ex2(ctx, NULL, key->key, r->body, -1, NULL) == 1 &&
	       EVP_CipherUpdate(ctx, text, &done, text, (int)len) == 1 && (size_t)done == len;
}

/* RFC 5246 6.2.3.2: each octet of the padding says how many there are besides the last one. */
static void pad(uint8_t *end, size_t octets)
{
	memset(end, (int)octets - 1, octets);
}

bool dtls_guard_cbc_seal(struct guard_cbc *c, enum dtls_guard how, const struct dtls_sealing *s,
	const struct dtls_record *r, size_t len)
{
	uint8_t *const text = r->body + GUARD_BLOCK;
	uint8_t *const end = r->body + r->len;
	memcpy(r->body, s->random, GUARD_BLOCK);
	if (how == DTLS_GUARD_MTE) {
		const size_t whole = r->len - GUARD_BLOCK;
		pad(text + len + GUARD_MAC_LEN, whole - len - GUARD_MAC_LEN);
		return mac_of(c->mac, s->key, r, (struct span){ text, len }, text + len) &&
		       blocks(c->seal, s->key, r, whole);
	}
	const size_t whole = r->len - GUARD_BLOCK - GUARD_MAC_LEN;
	const struct span sealed = { r->body, GUARD_BLOCK + whole };
	pad(text + len, whole - len);
	return blocks(c->seal, s->key, r, whole) &&
	       mac_of(c->mac, s->key, r, sealed, end - GUARD_MAC_LEN);
}

/* All bits set when a < b, for lengths below 2^31; without a branch. */
static uint32_t below(uint32_t a, uint32_t b)
{
	return 0 - ((a - b) >> 31);
}

/*
 * Whether the padding in whole blocks of len octets is right; *text: how much is before it. Looks
 * at as many octets as there may be padding, whatever the last one says: the MAC was right before,
 * so nobody but the peer has made them, but none need to rely on that.
 */
static bool unpad(const uint8_t *data, size_t len, size_t *text)
{
	const uint32_t last = data[len - 1];
	const size_t most = len < 256 ? len : 256;
	uint32_t wrong = below((uint32_t)len, last + 1);
	for (size_t i = 0; i < most; i++)
		wrong |= below((uint32_t)i, last + 1) & (data[len - 1 - i] ^ last);
	*text = len - 1 - last;
	return wrong == 0;
}

static bool open_etm(
	struct guard_cbc *c, const struct dtls_key *key, const struct dtls_record *r, size_t *len)
{
	const size_t sealed = r->len - GUARD_MAC_LEN;
	uint8_t mac[GUARD_MAC_LEN];
	/* RFC 7366 3: nothing is deciphered before the MAC was right. */
	if (!mac_of(c->mac, key, r, (struct span){ r->body, sealed }, mac) ||
		!same_secret(mac, r->body + sealed, sizeof(mac)))
		return false;
	const size_t whole = sealed - GUARD_BLOCK;
	return blocks(c->open, key, r, whole) && unpad(r->body + GUARD_BLOCK, whole, len);
}

/*
 * MAC-then-encrypt as libssl opens it, because Lucky Thirteen taught how hard that is: the cipher
 * takes IV, padding and MAC off in constant time, and gives a random MAC where the padding is
 * wrong; the HMAC, told how much there was in all, works on as many blocks whatever the length.
 * The length is a secret until the MAC was right.
 */
static bool open_mte(
	struct guard_cbc *c, const struct dtls_key *key, const struct dtls_record *r, size_t *len)
{
	static const uint8_t
		iv[GUARD_BLOCK]; /* the record's own is deciphered as a block, and dropped */
	int done = 0;
	if (EVP_CipherInit_ex2(c->open_mte, NULL, key->key, iv, 0, NULL) != 1 ||
		EVP_CipherUpdate(c->open_mte, r->body, &done, r->body, (int)r->len) != 1)
		return false;
	void *claimed = NULL;
	OSSL_PARAM get[] = {
		OSSL_PARAM_construct_octet_ptr(OSSL_CIPHER_PARAM_TLS_MAC, &claimed, GUARD_MAC_LEN),
		OSSL_PARAM_construct_end(),
	};
	if (EVP_CIPHER_CTX_get_params(c->open_mte, get) != 1 || !claimed)
		return false;
	size_t all = r->len - GUARD_BLOCK;
	const OSSL_PARAM set[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_TLS_DATA_SIZE, &all),
		OSSL_PARAM_construct_end(),
	};
	/* A context that has got this parameter does not leave the mode that it means. */
	EVP_MAC_CTX *const mac = EVP_MAC_CTX_dup(c->mac_mte);
	const struct span text = { r->body + GUARD_BLOCK, (size_t)done };
	uint8_t made[GUARD_MAC_LEN];
	const bool good = mac && EVP_MAC_CTX_set_params(mac, set) == 1 &&
			  mac_of(mac, key, r, text, made) &&
			  same_secret(made, claimed, sizeof(made));
	EVP_MAC_CTX_free(mac);
	*len = text.len;
	return good;
}

bool dtls_guard_cbc_open(struct guard_cbc *c, enum dtls_guard how, const struct dtls_key *key,
	const struct dtls_record *r, size_t *len)
{
	return how == DTLS_GUARD_MTE ? open_mte(c, key, r, len) : open_etm(c, key, r, len);
}
