/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/seal: what is secret is sealed before it enters the database, as old pages keep old bytes.
 *
 * A sealed value: version 1, number of the data key (4 octets), salt (32 random octets),
 * AES-256-GCM ciphertext, tag (16). Each value has a key of its own: HKDF-SHA256(data key, salt),
 * so that the nonce can be constant (S18).
 *
 * Promise: seal_open() gives back only what was sealed under the same bind: store, table, key,
 *          schema, association, generation and data key (S20).
 * Errors:  false; nothing is told of why. The output is wiped.
 * Threads: a keyring is read by all; a sealer belongs to one thread.
 * Source:  NIST SP 800-38D section 8; RFC 5869.
 */
#ifndef LWG_STORE_SEAL_H
#define LWG_STORE_SEAL_H

#include "base/attr.h"
#include "store/kv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keyring;
struct sealer; /* cipher and KDF contexts */

enum { SEAL_SALT = 32, SEAL_TAG = 16, SEAL_OVERHEAD = 1 + 4 + SEAL_SALT + SEAL_TAG };

struct seal_bind { /* the additional data */
	struct kv_slice key;
	uint64_t generation; /* of the credential; 0 where there is none */
	unsigned table;
	uint8_t schema;    /* of the value's layout */
	uint8_t assoc[16]; /* zero where there is none */
};

MUST_USE struct sealer *sealer_new(const struct keyring *k);
void sealer_free(struct sealer *s);
/* out has room for len + SEAL_OVERHEAD. Sealed under the newest data key. */
MUST_USE bool seal_value(struct sealer *s, const struct seal_bind *bind, const uint8_t *plain,
	size_t len, uint8_t *out);
/* out has room for sealed.len - SEAL_OVERHEAD, which is what *len becomes. */
MUST_USE bool seal_open(struct sealer *s, const struct seal_bind *bind, struct kv_slice sealed,
	uint8_t *out, size_t cap, size_t *len);
/* The number of the data key that a value is sealed under; 0: it is no sealed value. */
uint32_t seal_key_id(struct kv_slice sealed);

#endif
