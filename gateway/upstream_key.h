/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/upstream_key: what the gateway proves to a server for an endpoint: configured with its
 *                       credential, or derived from the upstream's master secret.
 *
 * Threads: the worker's own.
 * Source:  lwgate-credentials(5).
 */
#ifndef LWG_GATEWAY_UPSTREAM_KEY_H
#define LWG_GATEWAY_UPSTREAM_KEY_H

#include "base/attr.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_worker;

struct gw_upstream_key { /* the holder wipes it */
	uint8_t identity[STORE_IDENTITY_MAX];
	size_t identity_len;
	uint8_t key[STORE_KEY_MAX];
	size_t key_len;
	uint64_t generation; /* of the credential */
};

/* upstream: its number. False: there is no such credential any more, or nothing to derive from. */
MUST_USE bool gw_upstream_key(
	struct gw_worker *w, uint32_t cred, size_t upstream, struct gw_upstream_key *out);

#endif
