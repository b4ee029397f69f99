/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/proof: what an association or a resumable session was based on, between the engine's
 *                words and the store's, so that it is noticed when that is withdrawn.
 *
 * Promise: what was judged by a material is older than each wave that comes with a later one: a
 *          change that overtakes a handshake is not lost.
 * Threads: the worker's own.
 * Source: ; S29.
 */
#ifndef LWG_GATEWAY_PROOF_H
#define LWG_GATEWAY_PROOF_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct dtls_belief;
struct dtls_conn;
struct store_assoc;
struct store_proof;

/* For the engine's owner: the newest wave that the worker's material knows. */
uint64_t gw_proof_born(void *worker);
/* a.born and a.proof, from c, which forgets them. */
void gw_proof_write(struct dtls_conn *c, struct store_assoc *a);
void gw_proof_to_store(const struct dtls_belief *b, struct store_proof *out);
void gw_proof_from_store(const struct store_proof *p, struct dtls_belief *out);
/* The certificates' time is over; now_s: negative: the clock is not to be trusted, and nothing is
   known to be over. */
MUST_USE bool gw_proof_is_over(const struct store_proof *p, int64_t now_s);

#endif
