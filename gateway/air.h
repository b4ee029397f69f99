/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/air: devices without DTLS, at listeners that are allowed to have none.
 *
 *   air.c        their addresses, and the channel to each
 *   air_input.c  what comes from them: who may begin a session, and where it goes
 *
 * A session is a listener and an address. It lives in memory, and so does its link: nothing
 * of it is in the store, and after a restart its device registers again.
 *
 * Promise: only an endpoint whose credential is of kind NoSec is served, from the listener's
 *          prefixes. An address whose session does not exist is answered without
 *          memory, with at most three times what it has sent. A session never passes to
 *          another address that has not shown, by RFC 9175, that it is where it says. The number
 *          of sessions is bounded, of each listener and of each network. The server's side has
 *          DTLS.
 * Errors:  said in CoAP, or by nothing; counted.
 * Memory:  some 400 bytes an address, and what its session has.
 * Threads: the worker's own.
 * Source: ; proxy/open_air.
 */
#ifndef LWG_GATEWAY_AIR_H
#define LWG_GATEWAY_AIR_H

#include "base/attr.h"
#include "base/net.h"
#include "base/sip.h"
#include "gateway/session.h"
#include "proxy/open_air.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_worker;
struct udp_datagram;

enum {
	GW_AIR_LISTENERS = 16,
	GW_AIR_NETWORKS = 4096, /* counters; networks that fall on one share its bound */
	GW_AIR_IDLE_MS = 247000 /* who is not registered, and silent: EXCHANGE_LIFETIME */
};

struct gw_air { /* one address of one listener */
	struct gw_session *session;
	struct gw_air *next; /* in its bucket */
	struct net_path path;
	struct air_flow flow;
	uint64_t heard_ms;
	uint64_t up_ms;
	uint64_t until_ms; /* wall clock: its credential ends; 0: it does not */
	uint32_t network;  /* counter */
	bool closed;       /* by the relay: it ends with this turn */
};

struct gw_air_stats {
	uint64_t datagrams, octets; /* in, of those that may come */
	uint64_t sent, sent_octets; /* out */
	uint64_t outside;           /* not of the listener's prefixes: dropped */
	uint64_t strangers;         /* endpoints that may not come without DTLS: 4.03 */
	uint64_t unknown;           /* of somebody who has no session: 4.04, 4.01, RST */
	uint64_t challenged, shown; /* 4.01 with Echo; addresses that were right */
	uint64_t withheld;          /* messages that were not sent: more than 3x */
	uint64_t copies;            /* NONs that had come already */
	uint64_t full;              /* no room for a session: 5.03 */
	size_t sessions;            /* now */
};

struct gw_airs {
	struct sip_key key; /* of Echo values and of the table; of this start */
	struct gw_air **buckets;
	size_t buckets_len; /* a power of two */
	size_t next_bucket; /* that is looked at next */
	uint32_t of_listener[GW_AIR_LISTENERS];
	uint32_t of_network[GW_AIR_NETWORKS];
	struct gw_air_stats stats;
};

/* NULL: no listener is without DTLS, or (with *failed) memory is short. */
struct gw_airs *gw_airs_new(struct gw_worker *w, bool *failed);
void gw_airs_free(struct gw_airs *a);

/* A datagram that has come to a listener without DTLS, and is this worker's. */
void gw_air_input(struct gw_worker *w, const struct udp_datagram *d);
/* Is the listener one? */
bool gw_air_is(const struct gw_worker *w, size_t listener);

struct gw_air *gw_air_find(const struct gw_airs *a, const struct net_path *path);
/* Is there room for one more, when `leaves` has left (NULL: nobody leaves)? Counts if not. */
MUST_USE bool gw_air_has_room(
	struct gw_worker *w, const struct net_path *path, const struct gw_air *leaves);
/* s is where path is, from now on. False: memory is short. */
MUST_USE bool gw_air_join(struct gw_session *s, const struct net_path *path);
/* s, which ends, is nowhere any more. */
void gw_air_leave(struct gw_session *s);
/* The policy's word on a device without DTLS. False: it is not to come in, or stay. */
MUST_USE bool gw_air_is_allowed(struct gw_session *s);
/* Begins to relay, if the policy lets it. False: s is gone. */
MUST_USE bool gw_air_begin(struct gw_session *s);
/* Sends what is no session's, or is not counted with one. */
void gw_air_say(struct gw_worker *w, const struct net_path *path, const uint8_t *msg, size_t len);
/* At the end of a turn, of one that was loosened: s may be gone. */
void gw_air_look(struct gw_session *s);
/* The link is up: it is not written down, and its numbers are its own. */
void gw_air_link_up(struct gw_session *s);
/* What it rests on may have changed: false, it ends with this turn. */
bool gw_air_still(struct gw_session *s);
/* Once a second: those who are not registered and silent end. */
void gw_air_turn(struct gw_worker *w);

#endif
