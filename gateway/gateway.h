/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/gateway: the whole of it: configuration and credentials read, sockets bound, workers,
 *                  the main thread.
 *
 * In order: gw_open() while still root, gw_source() for the control room, then privileges are
 * dropped, gw_start(), gw_run() until a signal ends it, gw_stop(), gw_free().
 *
 * Promise: nothing is half started: an error leaves no thread and no socket behind after
 *          gw_free(). On TERM and INT sessions go to sleep, in the store; where there is none,
 *          every peer of every association is told goodbye, for GW_STOP_S at most.
 * Errors:  false or NULL with *error filled: what is wrong and what would be right.
 * Threads: the main thread.
 */
#ifndef LWG_GATEWAY_GATEWAY_H
#define LWG_GATEWAY_GATEWAY_H

#include "base/attr.h"
#include "conf/config.h"
#include "ctl/control.h"

#include <stdbool.h>

struct conf_error;
struct conf_gateway;
struct cred_set;
struct gw_gateway;
struct gw_inherited;
struct gw_material;
struct gw_rules;
struct gw_self;
struct log;

enum { GW_STOP_S = 10 };
enum gw_end { GW_END_STOP, GW_END_UPGRADE };

struct gw_settings { /* all is borrowed until gw_free() */
	const struct conf_gateway *conf;
	const struct cred_set
		*creds; /* of the credentials file, with the master secret; may be empty */
	/* By upstream: with its master secret, where that is not in creds; or NULL. */
	const struct cred_set *masters[CONF_UPSTREAMS_MAX];
	struct gw_material *material; /* a reference is taken; NULL: PSK with CCM_8 alone */
	struct gw_rules *rules;       /* a reference is taken; NULL: nothing is decided */
	const struct log *log;
	const struct gw_self *self;     /* see gateway/upgrade.h */
	struct gw_inherited *inherited; /* or NULL */
	bool discard_sessions;          /* whatever is in the store; credentials stay */
	bool claims_store;              /* it has moved here from another machine */
	int keylog_fd;                  /* -1 for none */
};

/* Binds the listeners; makes the folders of the store and reads its key; opens the chronicle. */
MUST_USE struct gw_gateway *gw_open(const struct gw_settings *s, struct conf_error *error);
/* What the control room asks; good until gw_free(). Its store part is there after gw_start(). */
struct ctl_source gw_source(struct gw_gateway *g);
struct ctl_store_source gw_store_source(struct gw_gateway *g);
/* Opens the store, makes the workers and lets them run. */
MUST_USE bool gw_start(struct gw_gateway *g, struct conf_error *error);
/* How many credentials are in the store. */
size_t gw_credentials_count(const struct gw_gateway *g);
/* Tells the log which rules are in force. */
void gw_say_rules(const struct gw_gateway *g);
/* From now on signals are kept for gw_run(). False: there is no main loop. */
MUST_USE bool gw_watch(struct gw_gateway *g, struct ctl_control *control);
/* After gw_watch(). Serves signals and, if not NULL, the control socket, until TERM, INT, or an
   upgrade. */
enum gw_end gw_run(struct gw_gateway *g, struct ctl_control *control);
/* Ends the workers, politely. False: one did not end in time, and nothing may be freed. */
MUST_USE bool gw_stop(struct gw_gateway *g);
void gw_free(struct gw_gateway *g);

#endif
