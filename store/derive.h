/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/derive: HKDF-SHA256 and one AES-256-GCM operation, with contexts that are made once.
 *
 * A key is used for one message, so that its nonce can be constant.
 *
 * Promise: after each call no key is left in the contexts.
 * Errors:  false: the library failed, or (opening) the tag is wrong; outputs are wiped.
 * Threads: one at a time for each.
 * Source:  RFC 5869; NIST SP 800-38D.
 */
#ifndef LWG_STORE_DERIVE_H
#define LWG_STORE_DERIVE_H

#include "base/attr.h"
#include "store/kv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DERIVE_KEY = 32, DERIVE_SALT = 32, DERIVE_TAG = 16 };

struct derive;

MUST_USE struct derive *derive_new(void);
void derive_free(struct derive *d);

/* salt may be empty. len of out: at most 64. */
MUST_USE bool derive_key(struct derive *d, const uint8_t key[DERIVE_KEY], struct kv_slice salt,
	const char *label, uint8_t *out, size_t len);

struct derive_message {
	const uint8_t *key; /* DERIVE_KEY octets, for this message only */
	struct kv_slice aad, in;
};

/* out: in.len octets, then the tag. */
MUST_USE bool derive_seal(struct derive *d, const struct derive_message *m, uint8_t *out);
/* in ends with the tag; out: in.len - DERIVE_TAG octets. */
MUST_USE bool derive_open(struct derive *d, const struct derive_message *m, uint8_t *out);
/* From the kernel, which knows when a virtual machine was cloned (S7). */
MUST_USE bool derive_random(uint8_t *out, size_t len);

#endif
