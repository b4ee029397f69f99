/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/governor: the message layer between a device on a slow radio, or one that sleeps, and its
 * server: each leg has the retransmissions that fit it, and no copy crosses from one to the other.
 *
 * Model:   what is confirmable is received on its own leg and sent on the other, with type, message
 *          id, token, options and payload untouched where that can be:
 *          - to the device it is repeated by the radio's timers, one at a time (NSTART 1); the rest
 *            waits in order, answers before requests;
 *          - to the server, which the radio costs nothing, by those of RFC 7252;
 *          - a copy is answered with what was said before, or, before anything was, not at all;
 *          - what a sleeping device is asked, on a radio of whatever class, waits until it wakes;
 *            what it has not answered before it fell asleep is sent anew then;
 *          - who asks gets an empty ACK before its own first timer ends (PROCESSING), and then the
 *            answer as a separate response: a CON with a message id of the governor's, repeated,
 *            its ACK absorbed. A device's notification is acknowledged by its server alone.
 *
 * Promise: no copy leaves inside the timer of its leg. What is held is bounded in messages and
 *          bytes, per device and in all, the oldest kept answer going first; nothing is kept beyond
 *          EXCHANGE_LIFETIME. Nothing held: no memory.
 *          What a restart loses is harmless: message ids and tokens are the peers' own, so that
 *          their deduplication and ours agree about copies that pass.
 * Errors:  too much waits: RELAY_FULL, and nothing has changed.
 * Memory:  malloc; charged to struct governor_home with its bookkeeping.
 * Threads: the worker of the relay. No I/O: what is to be sent goes through struct governor_ops,
 *          whose functions may call governor_in() and governor_out() of the same device, not free
 *          it. The clock is told.
 * Source:  RFC 7252 sections 4.2 to 4.8, 5.2.2; LwM2M 1.0 section 8.3; requirements,
 *
 */
#ifndef LWG_PROXY_GOVERNOR_H
#define LWG_PROXY_GOVERNOR_H

#include "base/attr.h"
#include "proxy/side.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct carry;
struct pdu;
struct relay_radio;

enum {
	/* An empty ACK leaves so long after what it is for: before the first timer of a peer that
	   has RFC 7252's (ACK_TIMEOUT 2 s) ends, its way there included. */
	GOVERNOR_PROCESSING_MS = 1500,
};

enum relay_fate {
	RELAY_PASSED, /* sent, or it will be when its turn comes */
	RELAY_BROKEN, /* the channel does not take it */
	RELAY_FULL,   /* too much waits for this device */
};

struct governor_figures {
	uint64_t suppressed, repeated, answered_from_kept, acknowledged;
	uint64_t lost; /* repeated to the end, and nobody is told */
};

struct governor_home { /* of all devices of a relay; to be zeroed but for the limits */
	uint32_t waiting_max;
	uint32_t asleep_max;        /* the same, for a device that sleeps */
	size_t device_max, all_max; /* bytes */
	uint32_t wait_ms;           /* what waits longer is given up; RFC 7252 MAX_TRANSMIT_WAIT */
	uint32_t asleep_ms;         /* the same, since it came, for a device in queue mode */
	size_t used;                /* bytes */
	struct carry *oldest, *newest;
	struct governor_figures figures;
};

struct governor {               /* of one device, there only while it holds something */
	struct governor **seat; /* what points here */
	struct carry *first;    /* in order of arrival */
	size_t used;            /* bytes, this struct not counted */
	uint16_t mid_seen[2];   /* by side that it came from */
};

enum governor_end {
	GOVERNOR_SILENT, /* repeated to the end, or its turn did not come in time */
	GOVERNOR_ASLEEP, /* never sent: the device has slept too long */
	GOVERNOR_RESET,  /* rejected */
	GOVERNOR_CUT,    /* the session ends */
};

struct governor_ops {
	bool (*send)(void *ctx, enum side to, const uint8_t *msg, size_t len);
	/* The same message once more to the server, or to a new link if this one is dead. */
	void (*again)(void *ctx, const struct pdu *m);
	/* The request of that side gets no answer: to be answered, through governor_out(). */
	void (*give_up)(
		void *ctx, enum side asker, const struct pdu *request, enum governor_end why);
	uint16_t (*random)(void *ctx);
};

struct governor_port { /* made anew for each call */
	struct governor_home *home;
	struct governor **seat; /* NULL in there: nothing is held */
	const struct relay_radio *radio;
	const struct governor_ops *ops;
	void *ctx;
	uint64_t now_ms;
	bool queues; /* the device is in queue mode ... */
	bool asleep; /* ... and sleeps */
};

/* One sound message came. False: it has been dealt with, and does not go on. */
MUST_USE bool governor_in(const struct governor_port *p, enum side from, const struct pdu *m);
/* One is to go. came: as the other side sent it, m itself if it was not changed; NULL: it is our
   own. */
MUST_USE enum relay_fate governor_out(
	const struct governor_port *p, enum side to, const struct pdu *m, const struct pdu *came);
void governor_due(const struct governor_port *p);
/* The device is awake. */
void governor_rouse(const struct governor_port *p);
uint64_t governor_next_ms(const struct governor *g); /* UINT64_MAX: never */

/* The channel of that side is another one, or none: nothing that was said there counts any more.
   Requests of the server that were never sent wait on. */
void governor_leg_gone(const struct governor_port *p, enum side leg);
/* All requests under way are given up, and what else is on its way between the sides is dropped. */
void governor_cut(const struct governor_port *p);
void governor_clear(struct governor_home *h, struct governor **seat);

/* The last message of that side that was no request, and that has had its empty ACK. False: there
   is none. */
struct governor_said {
	uint64_t until_ms; /* its copies may come */
	uint32_t sum;
	uint16_t mid;
};
MUST_USE bool governor_last_said(const struct governor *g, enum side by, struct governor_said *out);
/* What that would be of m; until_ms is left 0. */
struct governor_said governor_said_of(const struct pdu *m);
/* Something is on its way, or will be answered. What is only kept for copies is nothing. */
MUST_USE bool governor_is_busy(const struct governor *g);
/* Requests of that side without an answer. */
uint32_t governor_pending(const struct governor *g, enum side asker);

#endif
