/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/leshan: credentials from the security store of Eclipse Leshan, as its servers give it: an
 *             array of objects, or one object.
 *
 *   2.0   {"endpoint": E, "tls": {"mode": "psk", "details": {"identity": I, "key": HEX}}}
 *         {"endpoint": E, "tls": {"mode": "rpk", "details": {"key": HEX}}}
 *         {"endpoint": E, "tls": {"mode": "x509"}}
 *   1.x   {"endpoint": E, "psk": {"identity": I, "key": HEX}}
 *         {"endpoint": E, "rpk": {"key": HEX, "pkcs8": BASE64, "x": HEX, "y": HEX,
 *                                 "params": CURVE}}
 *         {"endpoint": E, "x509": true}
 *   Redis {"ep": E, "id": I, "psk": HEX}, {"ep": E, "rpk": {...}}, {"ep": E, "x509": true}
 *
 * A public key is a SubjectPublicKeyInfo ("pkcs8" is one, too, whatever it is called), or a point
 * on P-256. Leshan takes a certificate whose common name is the endpoint's: so is the credential.
 *
 * Promise: total, bounded (I7); no allocation. What says two things of one device, what is OSCORE,
 *          and what has no security is refused, never guessed. No error has anything of a key (I5).
 *          Who holds the struct wipes it.
 * Errors:  false with why and line.
 * Threads: any, one each.
 * Source:  Leshan's demo servers, GET /api/security/clients: what 1.x and 2.0 write there.
 */
#ifndef LWG_CTL_LESHAN_H
#define LWG_CTL_LESHAN_H

#include "base/attr.h"
#include "ctl/credential.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LESHAN_WHY_MAX = 240,
	LESHAN_TEXT_MAX = 640, /* octets of a value: a key on P-521 in hexadecimal has 316 */
	LESHAN_MODE_MAX = 15,
};

struct leshan_text { /* one member's value */
	bool said;
	size_t len; /* LESHAN_TEXT_MAX + 1: it is longer */
	uint8_t octets[LESHAN_TEXT_MAX];
};

struct leshan {
	/* False: enough; then why is whose it is. */
	bool (*each)(void *ctx, const struct ctl_cred *c);
	/* One that is not taken; false: enough. NULL: the first one is an error. */
	bool (*refused)(void *ctx, unsigned line, const char *endpoint, const char *why);
	void *ctx;
	unsigned line; /* where the object begins, or the error is */
	char why[LESHAN_WHY_MAX];
	/* Ours: of one object. */
	bool psk, rpk, x509, oscore, tls, twice;
	struct leshan_text endpoint, identity, key, pkcs8, x, y, params, mode;
	struct ctl_cred cred;
};

/* each, refused and ctx are set, the rest is zero. All or nothing is the caller's. */
MUST_USE bool leshan_read(struct leshan *l, const uint8_t *text, size_t len);

#endif
