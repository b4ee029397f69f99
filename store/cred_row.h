/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/cred_row: how credentials are found: keyed hashes of endpoint and identity, which an index
 *                 has with the number; whose they are, only the sealed row says (S20).
 *
 * Threads: any; a reader its own.
 */
#ifndef LWG_STORE_CRED_ROW_H
#define LWG_STORE_CRED_ROW_H

#include "base/attr.h"
#include "store/staging.h"
#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

uint64_t cred_endpoint_hash(const struct store *s, const char *endpoint);
uint64_t cred_identity_hash(
	const struct store *s, enum store_cred_kind kind, const uint8_t *identity, size_t len);
/* Of all that only one active credential may have, but the endpoint, and of the pin; returns how
   many. */
enum { CRED_HINTS = 6 };
size_t cred_hashes(const struct store *s, const struct store_cred *c, uint64_t out[CRED_HINTS]);
/* Of a key, as of the device's or an upstream's. */
uint64_t cred_key_hash(const struct store *s, const uint8_t *key, size_t len);
/* What is staged has hints of its own kinds in the same index: its identity; and its key, or the
   SHA-256 of its SubjectPublicKeyInfo, if that is known. */
enum { STAGED_HINTS = 2 };
size_t cred_staged_hashes(
	const struct store *s, const struct store_staged *x, uint64_t out[STAGED_HINTS]);
uint64_t cred_staged_identity_hash(
	const struct store *s, enum store_cred_kind kind, const uint8_t *identity, size_t len);
uint64_t cred_staged_key_hash(const struct store *s, const uint8_t *key, size_t len);
uint64_t cred_staged_public_hash(const struct store *s, const uint8_t digest[STORE_PIN_LEN]);
/* The next number with this hash, above *number. */
MUST_USE enum store_result cred_next_hint(struct store_reader *r, uint64_t hash, uint32_t *number);
MUST_USE enum store_result cred_put_hint(struct store_txn *t, uint64_t hash, uint32_t number);
MUST_USE enum store_result cred_drop_hint(struct store_txn *t, uint64_t hash, uint32_t number);
/* The SHA-256 of a SubjectPublicKeyInfo that a face has, or that pins it; NULL: none. */
const uint8_t *cred_public(uint8_t kind, bool pinned, const uint8_t *identity, const uint8_t *pin);
/* STORE_OK: another active credential has identity, key or public key of *x; what was proved before
   counts until it is over. */
MUST_USE enum store_result cred_find_sharer(struct store_reader *r, const struct store_staged *x);
/* store_cred_put(), under this generation; 0: a new one. */
MUST_USE enum store_result cred_put_as(
	struct store_txn *t, struct store_cred *c, uint64_t generation);
/* The wall clock as the store knows it. */
uint64_t cred_wall_ms(const struct store *s);
/* store_find_identity(), also by what was proved before and is over. */
MUST_USE enum store_result cred_find_holder(struct store_reader *r, enum store_cred_kind kind,
	const uint8_t *identity, size_t len, struct store_cred *out);

#endif
