/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/credentials.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"

enum { DERIVED_LEN = 16 };

/* OSSL_PARAM takes what it only reads through a pointer to non-const. */
static void *unconst(const void *p)
{
	union {
		const void *in;
		void *out;
	} u = { .in = p };
	return u.out;
}

static bool derive_with(EVP_KDF_CTX *kdf, const uint8_t *master, size_t master_len,
	const char *endpoint, uint8_t out[DERIVED_LEN])
{
	static const char salt[] = "lwgate upstream psk v1";
	static char hash[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, unconst(master), master_len),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SALT, unconst(salt), sizeof(salt) - 1),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, unconst(endpoint), strlen(endpoint)),
		OSSL_PARAM_construct_end(),
	};
	return EVP_KDF_derive(kdf, out, DERIVED_LEN, params) == 1;
}

bool cred_derive(const uint8_t *master, size_t master_len, const char *endpoint, uint8_t out[16])
{
	bool ok = false;
	EVP_KDF *algorithm = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *kdf = algorithm == NULL ? NULL : EVP_KDF_CTX_new(algorithm);
	if (kdf != NULL)
		ok = derive_with(kdf, master, master_len, endpoint, out);
	EVP_KDF_CTX_free(kdf);
	EVP_KDF_free(algorithm);
	if (!ok)
		wipe(out, DERIVED_LEN);
	return ok;
}
