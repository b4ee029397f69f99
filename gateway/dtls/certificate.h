/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/certificate: what lwgate demands of a certificate and of a raw public key beyond what the
 *                   library checks, and the names that a certificate gives its holder.
 *
 * Promise: pure, total; decides on what it is shown and on the time that it is told, never on the
 *          machine's clock. A name is octets of the certificate, checked (no NUL, no control
 *          character, at most DTLS_NAME_MAX), never a display form.
 * Errors:  NULL or false and a static sentence for the operator.
 * Threads: any.
 * Source:  RFC 7925 sections 4.3 and 4.4, RFC 7252 section
 *          9.1.3.2 and 9.1.3.3; RFC 5280.
 */
#ifndef LWG_DTLS_CERTIFICATE_H
#define LWG_DTLS_CERTIFICATE_H

#include "base/attr.h"
#include "dtls/belief.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DTLS_NAME_MAX = 128, DTLS_DIGEST_LEN = 32, DTLS_NAME_RULES = 6 };

/* Where the endpoint's name stands in a device's certificate. */
enum dtls_name_rule {
	DTLS_NAME_EUI64,  /* a subjectAltName or leftmost CN of the form of an EUI-64 (RFC 7925
			    4.4.2): 8 octets in hex, with or without '-' or ':' between */
	DTLS_NAME_URI,    /* a subjectAltName URI: "urn:..." as the endpoint's name itself */
	DTLS_NAME_DNS,    /* a subjectAltName dNSName */
	DTLS_NAME_CN,     /* the leftmost (most specific) common name */
	DTLS_NAME_SERIAL, /* the subject's serialNumber attribute */
	DTLS_NAME_NONE    /* end of a list */
};

struct dtls_name {
	uint8_t octets[DTLS_NAME_MAX];
	size_t len;
};

/* The first of the rules (ended by DTLS_NAME_NONE) that gives exactly one name; false: none does
   (none there, several different ones, or not clean). */
MUST_USE bool dtls_certificate_name(
	const X509 *leaf, const enum dtls_name_rule *rules, struct dtls_name *out);

/* NULL, or what is wrong with a public key: not EC, a curve other than P-256, P-384, P-521, not
   uncompressed. */
const char *dtls_key_weakness(EVP_PKEY *key);
/* NULL, or what is wrong with a certificate for whatever use: version, key, signature. */
const char *dtls_certificate_weakness(X509 *x);
/* NULL, or what is wrong with a chain that X509_verify_cert() has accepted, leaf first, anchor
   last: a key that is too weak, a signature below SHA-256 (the anchor's own is not looked at,
   R-040), no v3, more than depth_max certificates besides the anchor, key usage without
   digitalSignature, extended key usage without client (server: when we are the client) (R-066,
 */
const char *dtls_chain_weakness(const STACK_OF(X509) * chain, bool of_client, size_t depth_max);
/* NULL, or why a certificate must not be the gateway's own towards devices: not exactly one
   dNSName, a wildcard, an IP address, a DNS name in the CN, and what dtls_chain_weakness() says
   at most 3 with its chain, each signed by the next. chain: without the leaf; may
   be NULL. */
const char *dtls_own_weakness(X509 *leaf, const STACK_OF(X509) * chain, EVP_PKEY *key);
/* SHA-256 of the DER SubjectPublicKeyInfo: who this is. False: the library failed. */
MUST_USE bool dtls_spki_digest(const X509_PUBKEY *spki, uint8_t out[DTLS_DIGEST_LEN]);
MUST_USE bool dtls_key_digest(EVP_PKEY *key, uint8_t out[DTLS_DIGEST_LEN]);
/* Which certificate this is, as revocation lists name it: the first octets of SHA-256 over the DER
   of its issuer, then of its serial number. An authority writes its name in its lists as in its
   certificates (RFC 5280 4.1.2.6, 5.1.2.3), octet by octet. False: the library failed. */
MUST_USE bool dtls_certificate_trace(
	const X509_NAME *issuer, const ASN1_INTEGER *serial, uint8_t out[DTLS_TRACE]);
/* Of a chain that X509_verify_cert() has accepted, leaf first, anchor last. False: the library
   failed, or it is longer than DTLS_TRACES. */
MUST_USE bool dtls_chain_belief(const STACK_OF(X509) * chain, struct dtls_belief *out);

#endif
