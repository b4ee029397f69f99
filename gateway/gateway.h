/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/gateway: the whole of it: configuration and credentials read, sockets bound, workers,
 *                  the main thread.
 *
 * In order: gw_open() while still root, gw_source() for the control room, then privileges are
 * dropped, gw_start(), gw_run() until a signal ends it, gw_stop(), gw_free().
 *
 * Promise: nothing is half started: an error leaves no thread and no socket behind after
 *          gw_free(). On TERM and INT every peer of every association is told goodbye, for
 *          GW_STOP_S at most.
 * Errors:  false or NULL with *error filled: what is wrong and what would be right.
 * Threads: the main thread.
 */
#ifndef LWG_GATEWAY_GATEWAY_H
#define LWG_GATEWAY_GATEWAY_H

#include "base/attr.h"
#include "ctl/control.h"

#include <stdbool.h>

struct conf_error;
struct conf_gateway;
struct cred_set;
struct gw_gateway;
struct log;

enum { GW_STOP_S = 10 };

/* Binds the listeners and makes the workers. All are borrowed until gw_free(). keylog_fd: -1 for
   none. */
MUST_USE struct gw_gateway *gw_open(const struct conf_gateway *conf, const struct cred_set *creds,
	const struct log *log, int keylog_fd, struct conf_error *error);
/* What the control room asks; good until gw_free(). */
struct ctl_source gw_source(struct gw_gateway *g);
MUST_USE bool gw_start(struct gw_gateway *g, struct conf_error *error);
/* Serves signals and, if not NULL, the control socket, until TERM or INT. */
void gw_run(struct gw_gateway *g, struct ctl_control *control);
/* Ends the workers, politely. False: one did not end in time, and nothing may be freed. */
MUST_USE bool gw_stop(struct gw_gateway *g);
void gw_free(struct gw_gateway *g);

#endif
