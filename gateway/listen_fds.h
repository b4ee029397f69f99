/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/listen_fds: sockets that the service manager has opened for us: listeners, and the
 *                     sockets of control, events and sms.
 *
 * They are known by the address that they are bound to, not by their names, so that a unit and the
 * configuration cannot be crossed.
 *
 * Promise: who was not meant (LISTEN_PID) takes nothing. The variables are gone afterwards, so that
 *          no program that we start believes them; every descriptor is closed at exec.
 * Errors:  what is no socket, or fits nothing of ours, is closed in the end, and told.
 * Threads: the main thread, without others.
 * Source:  sd_listen_fds(3), its protocol.
 */
#ifndef LWG_GATEWAY_LISTEN_FDS_H
#define LWG_GATEWAY_LISTEN_FDS_H

#include "base/attr.h"
#include "base/net.h"

#include <stddef.h>

struct gw_listen_fds;
struct log;

/* NULL: nothing was handed over. */
MUST_USE struct gw_listen_fds *gw_listen_fds_read(void);
/* Closes what nobody took. */
void gw_listen_fds_free(struct gw_listen_fds *l);
/* The datagram sockets that are bound to a, in the order of the manager, the caller's now; how
   many, of which the first cap are in fds and the rest is left. */
size_t gw_listen_fds_udp(struct gw_listen_fds *l, const struct net_addr *a, int *fds, size_t cap);
/* A socket that listens at path; -1: none. The caller's now. path and l may be NULL. */
int gw_listen_fds_unix(struct gw_listen_fds *l, const char *path);
/* A warning for each that nobody took. */
void gw_listen_fds_say(const struct gw_listen_fds *l, const struct log *log);

#endif
