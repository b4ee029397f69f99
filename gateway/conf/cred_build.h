/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/cred_build: makes a set of credentials from octets, one credential at a time, wherever they
 * come from.
 *
 * Promise: what a set may not hold is refused: an entry without a proof or with two,
 *          names of a wrong length, keys that can be guessed, what two devices share
 *          (R-022, at the end). All or nothing. Grows as needed;
 *          the old place of a key is wiped.
 * Errors:  false with *error filled: "NAME:LINE: ...", never a key. Then only cred_build_abort()
 *          may follow.
 * Threads: any, one each.
 */
#ifndef LWG_CONF_CRED_BUILD_H
#define LWG_CONF_CRED_BUILD_H

#include "base/attr.h"
#include "conf/credentials.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cred_part {
	CRED_ENDPOINT,
	CRED_IDENTITY, /* of its kind: a name, or a digest */
	CRED_KEY,
	CRED_PIN,
	CRED_UPSTREAM_IDENTITY,
	CRED_UPSTREAM_KEY,
	CRED_PARTS
};

struct cred_octets {
	const void *at; /* borrowed; NULL: not there */
	size_t len;
	unsigned line;
	const char *name; /* as its writer calls it, in errors; NULL: as we do */
};

struct cred_draft {
	unsigned line; /* where the credential begins */
	enum cred_kind kind;
	struct cred_sms sms; /* of that kind */
	bool own_pin;        /* the pin is the device's own key: nobody else's */
	struct cred_octets parts[CRED_PARTS];
	struct cred_terms terms;
};

struct cred_build {
	const char *name; /* of the file, in errors; borrowed */
	struct cred_set *set;
	size_t names_cap, entries_cap;
	bool derives; /* a credential without an upstream key is right */
};

/* master: may be NULL, of length 0. derives: there is a master secret, here or where the set
   goes. */
MUST_USE bool cred_build_begin(struct cred_build *b, const char *name, const uint8_t *master,
	size_t master_len, bool derives);
MUST_USE bool cred_build_add(
	struct cred_build *b, const struct cred_draft *d, struct conf_error *error);
/* NULL: *error; b is gone in any case. */
MUST_USE struct cred_set *cred_build_end(struct cred_build *b, struct conf_error *error);
void cred_build_abort(struct cred_build *b);

#endif
