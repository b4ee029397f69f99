/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/claim: one session per identity, though a device that comes back from another
 *                address may land on another worker.
 *
 * Each credential has a seat. Who holds it is one atomic word, the tenure: a generation and a
 * worker. A worker whose device has come up takes the seat with one exchange; if another worker
 * had it, it sends CLAIM there and waits for YIELD, which brings the registration. The rest of
 * the seat belongs to the worker that sat before until its YIELD is sent, so that no lock is
 * needed.
 *
 * Promise: at any time at most one worker relays for a credential. A chain of claims ends as it
 *          began: each CLAIM is answered by exactly one YIELD, to the tenure that claimed.
 * Threads: gw_seat_* any worker; the rest the worker's own.
 */
#ifndef LWG_GATEWAY_CLAIM_H
#define LWG_GATEWAY_CLAIM_H

#include "base/attr.h"
#include "base/log.h"
#include "proxy/relay.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_session;
struct gw_worker;

enum { GW_TENURE_WORKER = 0xff, GW_WAIT_MESSAGES = 4 };

struct gw_seat {
	_Atomic uint32_t tenure; /* generation << 8 | worker + 1; 0 there: empty */
	/* Only for the worker that sits: */
	struct gw_session *session;
	struct log_limit lines; /* that the device provokes, over all its sessions */
};

struct gw_taken {
	uint32_t before; /* the tenure that was replaced */
	uint32_t tenure; /* the one that holds now; == before: this worker had the seat already */
};

struct gw_claim { /* GW_CLAIM */
	uint32_t cred;
	uint32_t before; /* the tenure that is to end */
	uint32_t tenure; /* whom to yield to */
};

struct gw_yield { /* GW_YIELD */
	uint32_t cred;
	uint32_t tenure; /* of the one who claimed */
	struct relay_registration registration;
};

struct gw_wait {                 /* what a session has while it waits for its YIELD */
	struct gw_session *next; /* in the worker's list of those who wait */
	uint32_t heir;           /* tenure that has claimed this one meanwhile; 0 = none */
	size_t len;
	struct {
		uint8_t *data;
		size_t len;
	} messages[GW_WAIT_MESSAGES]; /* from the device; owned */
};

struct gw_taken gw_seat_take(struct gw_seat *seat, uint32_t worker);
/* Nothing happens when somebody has claimed the tenure meanwhile. */
void gw_seat_leave(struct gw_seat *seat, uint32_t tenure);
/* The worker that holds a tenure, or UINT32_MAX when nobody does. */
static inline uint32_t gw_tenure_worker(uint32_t tenure)
{
	return (tenure & GW_TENURE_WORKER) - 1;
}

/* Sends CLAIM and lets the session wait. Ends the program when memory is short: a device may not
   have two sessions. */
void gw_claim_send(struct gw_session *s, uint32_t before);
void gw_claim_received(struct gw_worker *w, const struct gw_claim *claim);
void gw_yield_received(struct gw_worker *w, const struct gw_yield *yield);
/* Keeps a message for after the YIELD; dropped when there are too many. */
void gw_wait_keep(struct gw_wait *wait, const uint8_t *msg, size_t len);
void gw_wait_free(struct gw_wait *wait);
/* The worker stops: the session waits no more, and a late YIELD is ignored. */
void gw_wait_abandon(struct gw_session *s);
/* This worker's session of a credential; NULL when another worker, or nobody, has it. */
struct gw_session *gw_session_of(struct gw_worker *w, uint32_t cred);

#endif
