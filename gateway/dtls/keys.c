/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/keys.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"

static const char label[] = "key expansion"; /* RFC 5246 6.3 */

enum {
	LABEL_LEN = sizeof(label) - 1,
	SEED_LEN = LABEL_LEN + 2 * DTLS_RANDOM_LEN,
	KEY_BLOCK_LEN = 2 * (DTLS_KEY_LEN + DTLS_IV_LEN), /* an AEAD suite has no MAC keys */
};

/* RFC 5246 5: PRF(secret, label, seed) with SHA-256. */
static bool prf(uint8_t master[DTLS_MASTER_LEN], uint8_t seed[SEED_LEN], uint8_t out[KEY_BLOCK_LEN])
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, DTLS_MASTER_LEN),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, SEED_LEN),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *const kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, NULL);
	EVP_KDF_CTX *const ctx = EVP_KDF_CTX_new(kdf);
	const bool good = ctx && EVP_KDF_derive(ctx, out, KEY_BLOCK_LEN, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	if (!good)
		ERR_clear_error();
	return good;
}

bool dtls_keys_derive(const uint8_t master[DTLS_MASTER_LEN],
	const uint8_t client_random[DTLS_RANDOM_LEN], const uint8_t server_random[DTLS_RANDOM_LEN],
	struct dtls_keys *out)
{
	uint8_t secret[DTLS_MASTER_LEN]; /* the library's parameters are not const */
	uint8_t seed[SEED_LEN];
	uint8_t block[KEY_BLOCK_LEN] = { 0 };
	memcpy(secret, master, sizeof(secret));
	struct wr w = wr_into(seed, sizeof(seed));
	wr_bytes(&w, label, LABEL_LEN);
	wr_bytes(&w, server_random, DTLS_RANDOM_LEN);
	wr_bytes(&w, client_random, DTLS_RANDOM_LEN);

	const bool good = wr_ok(&w) && prf(secret, seed, block);
	memset(out, 0, sizeof(*out));
	if (good) {
		struct rd r = rd_from(block, sizeof(block));
		rd_copy(&r, out->client.key, DTLS_KEY_LEN);
		rd_copy(&r, out->server.key, DTLS_KEY_LEN);
		rd_copy(&r, out->client.iv, DTLS_IV_LEN);
		rd_copy(&r, out->server.iv, DTLS_IV_LEN);
	}
	wipe(block, sizeof(block));
	wipe(secret, sizeof(secret));
	return good;
}
