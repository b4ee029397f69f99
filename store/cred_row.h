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
/* The wall clock as the store knows it. */
uint64_t cred_wall_ms(const struct store *s);
/* store_find_identity(), also by what was proved before and is over. */
MUST_USE enum store_result cred_find_holder(struct store_reader *r, enum store_cred_kind kind,
	const uint8_t *identity, size_t len, struct store_cred *out);

#endif
