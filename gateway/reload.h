/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/reload: the configuration, keys, certificates, revocation lists and the policy are read
 *                 anew while the gateway runs.
 *
 * Promise: all or nothing: an error leaves everything as it was. Associations and handshakes under
 *          way keep what they began with, as far as the policy lets them: what has changed about it
 *          is durable before anything is in force. What needs a restart is named.
 * Errors:  CTL_FAILED; said is what is wrong and the remedy, or what was done.
 * Threads: the main thread.
 */
#ifndef LWG_GATEWAY_RELOAD_H
#define LWG_GATEWAY_RELOAD_H

#include "ctl/control.h"

struct gw_gateway;

/* What it says also goes into the log. */
enum ctl_status gw_reload_asked(void *gateway, struct ctl_said *said);

/* Once a day: certificates that are about to end. */
void gw_reload_begin(struct gw_gateway *g);
void gw_reload_end(struct gw_gateway *g);

#endif
