/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/pem: keys, certificates and revocation lists, from files to the library's objects.
 *
 * Promise: a private key is taken only from a file that others cannot read; it lies in secret
 *          memory while it is read, and nobody is asked for a passphrase. Each file is read once,
 *          whole.
 * Errors:  NULL or false with *error: which file, what is wrong, and what would be right.
 * Threads: the main thread.
 * Source:  RFC 7468; RFC 5958, RFC 5915 (keys), RFC 5280.
 */
#ifndef LWG_GATEWAY_PEM_H
#define LWG_GATEWAY_PEM_H

#include "base/attr.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

struct conf_error;

enum { GW_DIGEST = 32 };

/* EC over P-256 or better. */
MUST_USE EVP_PKEY *gw_pem_key(const char *file, struct conf_error *error);
/* The holder's first; at least one. */
MUST_USE STACK_OF(X509) * gw_pem_certificates(const char *file, struct conf_error *error);
/* revoked: a file of lists, or NULL. */
MUST_USE X509_STORE *gw_pem_anchors(
	const char *file, const char *revoked, struct conf_error *error);
/* The SHA-256 of a public key, as conf/spki reads it. */
MUST_USE bool gw_pem_digest(const char *file, uint8_t out[GW_DIGEST], struct conf_error *error);

#endif
