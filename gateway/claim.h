/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/claim: one session per identity, though a device that comes back from another
 *                address may land on another worker.
 *
 * Each credential has a seat (gateway/seats). A worker whose device has come up takes it with one
 * exchange; if another worker had it, it sends CLAIM there and waits for YIELD, which brings the
 * registration. The one that had it lets its store operations finish first.
 *
 * Promise: at any time at most one worker relays for a credential. A chain of claims ends as it
 *          began: each CLAIM is answered by exactly one YIELD, to the tenure that claimed.
 * Threads: the worker's own.
 */
#ifndef LWG_GATEWAY_CLAIM_H
#define LWG_GATEWAY_CLAIM_H

#include "base/attr.h"
#include "proxy/relay.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_session;
struct gw_worker;

struct gw_claim { /* GW_CLAIM */
	uint32_t cred;
	uint32_t before; /* the tenure that is to end */
	uint32_t tenure; /* whom to yield to */
};

struct gw_yield { /* GW_YIELD */
	uint32_t cred;
	uint32_t tenure;   /* of the one who claimed */
	bool was_there;    /* registration says what is known; otherwise the store does */
	uint64_t upstream; /* of it: its mark */
	struct relay_registration registration;
};

/* Sends CLAIM and lets the session wait. Ends the program when memory is short: a device may not
   have two sessions. */
void gw_claim_send(struct gw_session *s, uint32_t before);
void gw_claim_received(struct gw_worker *w, const struct gw_claim *claim);
void gw_yield_received(struct gw_worker *w, const struct gw_yield *yield);
/* s ends before it could be handed over: its heir goes by what is in the store. */
void gw_claim_lost(struct gw_session *s);
/* s has an heir and nothing is under way any more. */
void gw_claim_go_on(struct gw_session *s);

#endif
