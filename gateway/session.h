/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/session: joins, for one endpoint, the device's association, the relay, and the link to
 *                  the server.
 *
 * session.c is the owner of the worker's associations, session_relay.c that of its relay.
 *
 * Promise: an endpoint has one session, a session one device association and at most one
 *          link. A new handshake of a device keeps its registration and link (D-5). Whatever
 *          ends, the other side is told. The log tells of each device at most ten times at once,
 *          then once each 10 s, and of a registration when something of it changed.
 * Errors:  a session that cannot be made closes its association; a link that cannot be opened is
 *          told to the relay.
 * Memory:  struct gw_session is some 120 bytes in a pool of the worker; its channels are embedded
 *          in it.
 * Threads: the worker that owns it.
 */
#ifndef LWG_GATEWAY_SESSION_H
#define LWG_GATEWAY_SESSION_H

#include "base/attr.h"
#include "dtls/engine.h"
#include "proxy/channel.h"
#include "proxy/relay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_wait;
struct gw_worker;
struct log_limit;

struct gw_session {
	struct channel device; /* for the relay */
	struct channel link;
	struct gw_worker *worker;
	struct dtls_conn *device_conn;         /* NULL: about to end, or gone while waiting */
	struct dtls_conn *link_conn;           /* NULL: not up */
	struct relay_device *relay;            /* NULL while waiting */
	struct gw_wait *wait;                  /* NULL: not waiting */
	struct gw_session *next, **link_to_us; /* in the worker's list */
	struct gw_session *next_loose;
	uint64_t said; /* of the registration that the log last told of; 0 = of none */
	uint32_t cred;
	uint32_t tenure; /* see gateway/claim.h */
	uint32_t slot;   /* of the link, from the moment it is being opened; SOURCES_NONE = none */
	bool seated;     /* the seat's session is this one */
	bool is_loose;   /* in the worker's list of those to look at */
};

/* What the worker's engine and its relay ask of their owner. */
struct dtls_owner gw_session_dtls_owner(struct gw_worker *w);
struct relay_owner gw_session_relay_owner(struct gw_worker *w);

/* Takes the seat, which is this worker's, and starts to relay. registration: what another worker
   knew, or NULL. False: memory is short, and s is gone. */
MUST_USE bool gw_session_begin(struct gw_session *s, const struct relay_registration *registration);
/* Says goodbye on both legs and frees s; why is for the log. Its seat is left, if it sat. */
void gw_session_end(struct gw_session *s, const char *why);
/* Ends sessions whose device association has gone and was not replaced. */
void gw_sessions_sweep(struct gw_worker *w);
/* Ends at most n; true when some are left. */
MUST_USE bool gw_sessions_end_some(struct gw_worker *w, size_t n);

/* For session.c and session_relay.c. */
const char *gw_session_endpoint(const struct gw_session *s);
/* What this device's lines in the log may cost, however often it comes and goes. */
struct log_limit *gw_session_lines(struct gw_session *s);
/* Changes when the location or the lifetime of a registration does. */
uint64_t gw_session_sum(const struct gw_session *s, const struct relay_registration *r);
/* The link's slot, if it has one, may be another's. */
void gw_session_free_slot(struct gw_session *s);

#endif
