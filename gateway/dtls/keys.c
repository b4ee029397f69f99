/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/keys.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"

static const char label[] = "key expansion"; /* RFC 5246 6.3 */

enum {
	LABEL_LEN = sizeof(label) - 1,
	SEED_LEN = LABEL_LEN + 2 * DTLS_RANDOM_LEN,
	AEAD_BLOCK_LEN = 2 * (DTLS_KEY_LEN + DTLS_IV_LEN),
	CBC_BLOCK_LEN = 2 * (DTLS_MAC_KEY_LEN + DTLS_KEY_LEN), /* each record has its IV */
};

enum { HASH_LEN = 32, HASH_BLOCK = 64 };

/* HMAC-SHA256 under one key: the two halves are begun once, and copied for each message. */
struct hmac {
	EVP_MD_CTX *inner, *outer, *work;
};

static bool hmac_begin(EVP_MD_CTX *half, const uint8_t key[DTLS_MASTER_LEN], uint8_t mask)
{
	uint8_t pad[HASH_BLOCK];
	memset(pad, mask, sizeof(pad));
	for (size_t i = 0; i < DTLS_MASTER_LEN; i++)
		pad[i] ^= key[i];
	const bool good = half && EVP_DigestInit_ex(half, EVP_sha256(), NULL) == 1 &&
			  EVP_DigestUpdate(half, pad, sizeof(pad)) == 1;
	wipe(pad, sizeof(pad));
	return good;
}

static bool hmac(const struct hmac *h, const uint8_t *msg, size_t len, uint8_t out[HASH_LEN])
{
	return EVP_MD_CTX_copy_ex(h->work, h->inner) == 1 &&
	       EVP_DigestUpdate(h->work, msg, len) == 1 &&
	       EVP_DigestFinal_ex(h->work, out, NULL) == 1 &&
	       EVP_MD_CTX_copy_ex(h->work, h->outer) == 1 &&
	       EVP_DigestUpdate(h->work, out, HASH_LEN) == 1 &&
	       EVP_DigestFinal_ex(h->work, out, NULL) == 1;
}

/* RFC 5246 5: P_SHA256(master, seed). The library's own TLS1-PRF says the same (the tests ask it)
   and takes four times as long, which every handshake would feel. */
static bool expand(const struct hmac *h, const uint8_t seed[SEED_LEN], uint8_t *out, size_t out_len)
{
	uint8_t a[HASH_LEN + SEED_LEN]; /* A(i), then the seed */
	uint8_t piece[HASH_LEN];
	memcpy(a + HASH_LEN, seed, SEED_LEN);
	bool good = hmac(h, seed, SEED_LEN, a);
	for (size_t at = 0; good && at < out_len; at += HASH_LEN) {
		const size_t left = out_len - at;
		good = hmac(h, a, sizeof(a), piece) && hmac(h, a, HASH_LEN, a);
		memcpy(out + at, piece, left < HASH_LEN ? left : HASH_LEN);
	}
	wipe(a, sizeof(a));
	wipe(piece, sizeof(piece));
	return good;
}

static bool prf(const uint8_t master[DTLS_MASTER_LEN], const uint8_t seed[SEED_LEN], uint8_t *out,
	size_t out_len)
{
	const struct hmac h = {
		.inner = EVP_MD_CTX_new(),
		.outer = EVP_MD_CTX_new(),
		.work = EVP_MD_CTX_new(),
	};
	const bool good = h.work && hmac_begin(h.inner, master, 0x36) &&
			  hmac_begin(h.outer, master, 0x5c) && expand(&h, seed, out, out_len);
	EVP_MD_CTX_free(h.inner); /* the library cleanses what it frees */
	EVP_MD_CTX_free(h.outer);
	EVP_MD_CTX_free(h.work);
	if (!good)
		ERR_clear_error();
	return good;
}

/* In the order of RFC 5246 6.3: MAC keys, keys, IVs; of each the client's first. */
static void cut(struct rd *block, bool cbc, struct dtls_keys *out)
{
	const size_t mac_len = cbc ? DTLS_MAC_KEY_LEN : 0;
	const size_t iv_len = cbc ? 0 : DTLS_IV_LEN;
	rd_copy(block, out->client.mac, mac_len);
	rd_copy(block, out->server.mac, mac_len);
	rd_copy(block, out->client.key, DTLS_KEY_LEN);
	rd_copy(block, out->server.key, DTLS_KEY_LEN);
	rd_copy(block, out->client.iv, iv_len);
	rd_copy(block, out->server.iv, iv_len);
}

bool dtls_keys_derive(const uint8_t master[DTLS_MASTER_LEN],
	const uint8_t client_random[DTLS_RANDOM_LEN], const uint8_t server_random[DTLS_RANDOM_LEN],
	enum dtls_guard how, struct dtls_keys *out)
{
	const bool cbc = how == DTLS_GUARD_ETM || how == DTLS_GUARD_MTE;
	const size_t len = cbc ? CBC_BLOCK_LEN : AEAD_BLOCK_LEN;
	uint8_t seed[SEED_LEN];
	uint8_t block[CBC_BLOCK_LEN] = { 0 };
	struct wr w = wr_into(seed, sizeof(seed));
	wr_bytes(&w, label, LABEL_LEN);
	wr_bytes(&w, server_random, DTLS_RANDOM_LEN);
	wr_bytes(&w, client_random, DTLS_RANDOM_LEN);

	const bool good = wr_ok(&w) && prf(master, seed, block, len);
	memset(out, 0, sizeof(*out));
	if (good) {
		struct rd r = rd_from(block, len);
		cut(&r, cbc, out);
	}
	wipe(block, sizeof(block));
	return good;
}
