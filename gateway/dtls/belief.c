/* SPDX-License-Identifier: Apache-2.0 */
/* By what the holder of a certificate was believed. */
#include "dtls/certificate.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>
#include <time.h>

bool dtls_certificate_trace(
	const X509_NAME *issuer, const ASN1_INTEGER *serial, uint8_t out[DTLS_TRACE])
{
	uint8_t *name = NULL, *number = NULL;
	uint8_t digest[DTLS_DIGEST_LEN];
	EVP_MD_CTX *const sum = EVP_MD_CTX_new();
	const int name_len = i2d_X509_NAME(issuer, &name);
	const int number_len = i2d_ASN1_INTEGER(serial, &number);
	const bool good = sum && name_len > 0 && number_len > 0 &&
			  EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1 &&
			  EVP_DigestUpdate(sum, name, (size_t)name_len) == 1 &&
			  EVP_DigestUpdate(sum, number, (size_t)number_len) == 1 &&
			  EVP_DigestFinal_ex(sum, digest, NULL) == 1;
	EVP_MD_CTX_free(sum);
	OPENSSL_free(name);
	OPENSSL_free(number);
	if (good)
		memcpy(out, digest, DTLS_TRACE);
	return good;
}

/* In seconds since 1970; what ends before that has ended, what cannot be read too. */
static uint64_t ends_s(const X509 *x)
{
	struct tm at;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &at) != 1)
		return 0;
	const time_t s = timegm(&at);
	return s > 0 ? (uint64_t)s : 0;
}

bool dtls_chain_belief(const STACK_OF(X509) * chain, struct dtls_belief *out)
{
	const int n = sk_X509_num(chain);
	const int below = n > 1 ? n - 1 : n;
	uint8_t digest[DTLS_DIGEST_LEN];
	if (n < 1 || below > DTLS_TRACES)
		return false;
	*out = (struct dtls_belief){ .until_s = UINT64_MAX, .len = (uint8_t)below };
	for (int i = 0; i < n; i++) {
		const uint64_t end_s = ends_s(sk_X509_value(chain, i));
		out->until_s = end_s < out->until_s ? end_s : out->until_s;
	}
	for (int i = 0; i < below; i++) {
		const X509 *const x = sk_X509_value(chain, i);
		if (!dtls_certificate_trace(
			    X509_get_issuer_name(x), X509_get0_serialNumber(x), out->chain[i]))
			return false;
	}
	if (!dtls_spki_digest(X509_get_X509_PUBKEY(sk_X509_value(chain, n - 1)), digest))
		return false;
	memcpy(out->anchor, digest, DTLS_TRACE);
	return true;
}
