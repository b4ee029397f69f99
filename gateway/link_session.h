/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/link_session: DTLS sessions with the server that may be resumed, so that a link which is
 *                       opened again costs the short handshake. In memory alone: they end with
 *                       the session of the device.
 *
 * Promise: one for each session of a device, all of a worker within GW_LINK_SESSIONS bytes; what
 *          does not fit is not kept. One that has failed is not tried again; none outlives
 *          a reload, as then other keys may be trusted.
 * Memory:  in the vault, wiped when given back (I5).
 * Threads: the worker's own.
 */
#ifndef LWG_GATEWAY_LINK_SESSION_H
#define LWG_GATEWAY_LINK_SESSION_H

#include "base/attr.h"
#include "dtls/engine.h"

#include <stdbool.h>

struct gw_session;
struct gw_worker;

enum { GW_LINK_SESSIONS = 16 << 20 };

/* For the engine's owner: user is the session, or NULL. */
void gw_link_session_keep(void *worker, void *user, const struct dtls_resumable *r);
/* False: there is none. The holder wipes *out. */
MUST_USE bool gw_link_session_find(const struct gw_session *s, struct dtls_resumable *out);
void gw_link_session_drop(struct gw_session *s);
void gw_link_sessions_drop(struct gw_worker *w);

#endif
