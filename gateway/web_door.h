/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/web_door: HTTP on a loopback address, for the status page and the metrics, by nng's
 *                   server.
 *
 * nng answers in threads of its own. They put each question into an inbox of the main thread, which
 * knows the answer, and touch nothing else of the gateway.
 *
 * Promise: only GET and HEAD; only requests whose Host is this machine's (see web_host);
 *          GW_WEB_WAIT questions wait at once, more are told 503. Connections are bounded in number
 *          and silence (web_idle), but for those of the last second. A gateway whose port somebody
 *          else has serves its devices all the same, says so, and tries again; so does one whose
 *          descriptors are used up by connections to it: it closes them.
 * Errors:  gw_web_new(): NULL: memory is short.
 * Threads: the main thread.
 * Source:  nng_http_server(3http).
 */
#ifndef LWG_GATEWAY_WEB_DOOR_H
#define LWG_GATEWAY_WEB_DOOR_H

#include "base/attr.h"

#include <stdbool.h>

struct ev_loop;
struct gw_gateway;
struct gw_web;

enum { GW_WEB_WAIT = 32, GW_WEB_TARGET_MAX = 1024 };

/* Borrows g, whose configuration says where. */
MUST_USE struct gw_web *gw_web_new(struct gw_gateway *g);
void gw_web_free(struct gw_web *w);
/* From now on it is served. */
void gw_web_begin(struct gw_web *w, struct ev_loop *loop);
/* Whoever still waits is told 503; the port is free. */
void gw_web_end(struct gw_web *w, struct ev_loop *loop);

#endif
