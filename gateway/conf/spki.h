/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/spki: public keys, as people have them: who holds one is known by the SHA-256 of its
 *            SubjectPublicKeyInfo.
 *
 * A text or a file is one of
 *
 *   sha-256:HEX                        the digest itself
 *   ni:///sha-256;BASE64URL            the same (RFC 6920)
 *   3059...  or  MFkw...               a SubjectPublicKeyInfo in hexadecimal or base64
 *   -----BEGIN PUBLIC KEY-----         the same as PEM
 *   -----BEGIN CERTIFICATE-----        a certificate: the key in it
 *   octets                             DER of either
 *
 * Promise: total, bounded (I7). A key is on P-256, P-384 or P-521, its point uncompressed and on
 *          the curve, and written in DER. A private key is refused, and nothing of
 *          it is kept or said.
 * Errors:  a static sentence: what is wrong and the remedy; NULL: none.
 * Threads: any.
 * Source:  RFC 5480, RFC 7250 section 3, RFC 6920 section 3, RFC 7468.
 */
#ifndef LWG_CONF_SPKI_H
#define LWG_CONF_SPKI_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CONF_SPKI_DIGEST = 32,
	CONF_SPKI_FILE_MAX = 16384, /* more is none of these */
	CONF_SPKI_TEXT = 8 + 2 * CONF_SPKI_DIGEST + 1,
	CONF_COMMON_NAME_MAX = 128,
};

struct conf_spki {
	uint8_t digest[CONF_SPKI_DIGEST];
};

const char *conf_spki_read(const void *octets, size_t len, struct conf_spki *out);
/* Also 64 hexadecimal digits alone: what else could a pin be? */
const char *conf_spki_read_pin(const void *octets, size_t len, struct conf_spki *out);
/* DER of a SubjectPublicKeyInfo and nothing else. */
const char *conf_spki_from_der(const uint8_t *der, size_t len, struct conf_spki *out);
/* DER of a certificate: its key, and the leftmost common name of its subject ("": it has none that
   is plain text of 1 to 128 octets). */
const char *conf_spki_from_certificate(
	const uint8_t *der, size_t len, struct conf_spki *out, char name[CONF_COMMON_NAME_MAX + 1]);
/* "sha-256:HEX" */
void conf_spki_text(const uint8_t digest[CONF_SPKI_DIGEST], char out[CONF_SPKI_TEXT]);

#endif
