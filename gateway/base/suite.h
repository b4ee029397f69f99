/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/suite: the cipher suites that lwgate can speak: their numbers, names and how their records
 *             are protected. The one list of them; a suite that is not in it is never negotiated.
 *
 * Promise: constant. No suite with SHA-1, RC4, NULL, anonymous or static keys is in it (R-039,
 *
 * Threads: any.
 * Source:  the IANA registry of TLS cipher suites; RFC 6655, RFC 7251, RFC 5487, RFC 5289.
 */
#ifndef LWG_BASE_SUITE_H
#define LWG_BASE_SUITE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a record is protected. All have keys of 16 octets. */
enum suite_guard {
	SUITE_CCM_8, /* AES_128_CCM_8: tag of 8 octets */
	SUITE_CCM,   /* AES_128_CCM: tag of 16 */
	SUITE_GCM,   /* AES_128_GCM */
	SUITE_CBC,   /* AES_128_CBC with HMAC-SHA256; encrypt-then-MAC (RFC 7366) or not */
};

enum { SUITES = 8, SUITE_NONE = 0 };

struct suite {
	const char *name;    /* IANA's: "TLS_PSK_WITH_AES_128_CCM_8" */
	const char *openssl; /* "PSK-AES128-CCM8" */
	uint16_t number;
	bool ecdsa;   /* ECDHE_ECDSA: raw public keys and certificates; else PSK */
	bool initial; /* one of the four that LwM2M wants, on by default */
	enum suite_guard guard;
};

/* In the order of preference: CCM_8 first, then the other AEAD ones, CBC last. */
extern const struct suite suites[SUITES];

/* NULL: it is none of ours. */
const struct suite *suite_find(uint16_t number);
const struct suite *suite_named(const char *name);

#endif
