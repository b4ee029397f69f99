/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/known: whose proof a handshake is: a credential of the store, or nobody's.
 *
 * Promise: nobody is let in who has no credential that is active, of the kind that was proved
 *          identities of different kinds never meet. A pin is compared in constant time.
 *          Who has expired is nobody. What a device proved before its credential was replaced is
 *          taken until its end, and has the generation of then. So is what it is to prove
 *          next (S31), under the generation by which the store knows that. A PSK identity that has
 *          several keys for a while: the newest that the device is known to have, and after a
 *          handshake that has failed for its key the next one, which is kept to until that fails.
 * Errors:  false: nobody's.
 * Threads: the worker's own.
 * Source: , S31.
 */
#ifndef LWG_GATEWAY_KNOWN_H
#define LWG_GATEWAY_KNOWN_H

#include "base/attr.h"
#include "dtls/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_worker;

/* For the engine's owner; ctx is the worker. */
bool gw_known_psk(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out);
bool gw_known_raw_key(void *ctx, const uint8_t digest[32], struct dtls_known *out);
bool gw_known_certificate(void *ctx, const struct dtls_chain *chain, struct dtls_known *out);
/* A handshake has failed. */
void gw_known_failed(struct gw_worker *w, const struct dtls_failure *f);

#endif
