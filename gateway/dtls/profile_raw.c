/* SPDX-License-Identifier: Apache-2.0 */
/* Raw public keys (RFC 7250): the one place that knows that OpenSSL before 3.2 has none. */
#include "dtls/profile_parts.h"

#include <openssl/opensslv.h>
#include <openssl/x509_vfy.h>

#if OPENSSL_VERSION_NUMBER >= 0x30200000L

bool dtls_profile_can_raw(void)
{
	return true;
}

EVP_PKEY *dtls_raw_shown(const X509_STORE_CTX *x)
{
	return X509_STORE_CTX_get0_rpk(x);
}

bool dtls_raw_types(SSL *ssl, const struct dtls_types *client, const struct dtls_types *server)
{
	return SSL_set1_client_cert_type(ssl, client->list, client->len) == 1 &&
	       SSL_set1_server_cert_type(ssl, server->list, server->len) == 1;
}

#else

bool dtls_profile_can_raw(void)
{
	return false;
}

EVP_PKEY *dtls_raw_shown(const X509_STORE_CTX *x)
{
	(void)x;
	return NULL;
}

bool dtls_raw_types(SSL *ssl, const struct dtls_types *client, const struct dtls_types *server)
{
	(void)ssl;
	(void)client;
	(void)server;
	return true;
}

#endif
