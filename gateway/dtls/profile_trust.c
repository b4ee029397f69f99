/* SPDX-License-Identifier: Apache-2.0 */
/* Whose proof a session was made on: by it a session is known that is trusted no more. */
#include "dtls/profile_parts.h"

#include <openssl/sha.h>
#include <string.h>

static const uint8_t raw_context[] = "lwgate raw public key";

static int der_of(X509_OBJECT *o, uint8_t **der)
{
	switch (X509_OBJECT_get_type(o)) {
	case X509_LU_X509:
		return i2d_X509(X509_OBJECT_get0_X509(o), der);
	case X509_LU_CRL:
		return i2d_X509_CRL(X509_OBJECT_get0_X509_CRL(o), der);
	case X509_LU_NONE:
		break;
	}
	return -1;
}

/* The sum of all, as their order is the library's matter. */
static bool sum_up(X509_STORE *anchors, uint8_t sum[DTLS_DIGEST_LEN])
{
	const STACK_OF(X509_OBJECT) *const all = X509_STORE_get0_objects(anchors);
	bool good = true;
	for (int i = 0; good && i < sk_X509_OBJECT_num(all); i++) {
		uint8_t digest[DTLS_DIGEST_LEN];
		uint8_t *der = NULL;
		const int len = der_of(sk_X509_OBJECT_value(all, i), &der);
		good = len > 0 && SHA256(der, (size_t)len, digest);
		OPENSSL_free(der);
		for (size_t k = 0; good && k < sizeof(digest); k++)
			sum[k] ^= digest[k];
	}
	return good;
}

bool dtls_profile_take_trust(struct dtls_profile *p, X509_STORE *anchors)
{
	if (!p->x509_peer)
		return true;
	if (!X509_STORE_lock(anchors))
		return false;
	const bool good = sum_up(anchors, p->trust);
	return X509_STORE_unlock(anchors) == 1 && good;
}

bool dtls_profile_mark(const struct dtls_profile *p, SSL_SESSION *s, bool raw)
{
	return raw ? SSL_SESSION_set1_id_context(s, raw_context, sizeof(raw_context) - 1) == 1
		   : SSL_SESSION_set1_id_context(s, p->trust, sizeof(p->trust)) == 1;
}

bool dtls_profile_trusts(const struct dtls_profile *p, const SSL_SESSION *s)
{
	unsigned int len = 0;
	const uint8_t *const at = SSL_SESSION_get0_id_context(s, &len);
	if (len == sizeof(raw_context) - 1)
		return p->raw && memcmp(at, raw_context, len) == 0;
	return len == sizeof(p->trust) && p->x509_peer && memcmp(at, p->trust, len) == 0;
}

bool dtls_profile_unmark(SSL_SESSION *s)
{
	return SSL_SESSION_set1_id_context(
		       s, (const uint8_t *)DTLS_SESSION_NAME, sizeof(DTLS_SESSION_NAME) - 1) == 1;
}
