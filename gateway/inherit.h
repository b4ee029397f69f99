/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/inherit: what a program hands to the one that it becomes by exec: sockets with everything
 *                  that has arrived in them, and the key of the store, which the successor may not
 *                  be able to read any more.
 *
 * The list lies in a memfd whose number is in the environment (LWGATE_INHERIT); sockets keep their
 * numbers. One process at a time owns sockets and store, before and after: nothing overlaps (S3,
 * S14, S22).
 *
 * Promise: what does not fit the configuration any more is closed, not used. The memfd is wiped
 *          when it has been read.
 * Errors:  gw_inherit_write() false: nothing was changed. A list that cannot be read is no list.
 * Threads: the main thread, without others.
 */
#ifndef LWG_GATEWAY_INHERIT_H
#define LWG_GATEWAY_INHERIT_H

#include "base/attr.h"
#include "conf/config.h"
#include "store/keyring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_inherited;
struct gw_listen_fds;

/* What was handed over, by who was in this process before or by the service manager, or NULL. */
struct gw_inherited *gw_inherit_read(void);
/* Closes what nobody took. */
void gw_inherit_free(struct gw_inherited *in);
/* The sockets of a listener, for all workers; false: there are none that fit. They are the caller's
   now. */
MUST_USE bool gw_inherit_listener(struct gw_inherited *in, const struct conf_gateway *conf,
	size_t listener, int fds[][CONF_LISTENERS_MAX]);
/* The link sockets of a worker to an upstream, by its number, in the order in which they were
   opened; the caller's now, in an array that lives as long as in. A program that knows of one
   upstream alone has those of the first. */
const int *gw_inherit_links(struct gw_inherited *in, const struct conf_gateway *conf,
	uint32_t worker, size_t upstream, size_t *len);
/* False: none. The caller wipes it. */
MUST_USE bool gw_inherit_kek(const struct gw_inherited *in, struct kek *out);
/* Sockets of the service manager (gateway/listen_fds), of which gw_inherit_control() and
   gw_inherit_events() give, too. NULL: it has handed over none. */
struct gw_listen_fds *gw_inherit_manager(struct gw_inherited *in);
/* The control socket, if it listens on path; -1: none. The caller's now. */
int gw_inherit_control(struct gw_inherited *in, const char *path);
/* The same of the socket that events are sent from; path may be NULL. */
int gw_inherit_events(struct gw_inherited *in, const char *path);

struct gw_legacy; /* what is collected for a successor */

MUST_USE struct gw_legacy *gw_legacy_new(const struct conf_gateway *conf, const struct kek *kek);
/* fd is duplicated. False: no descriptor, or memory, is left. */
MUST_USE bool gw_legacy_listener(struct gw_legacy *l, uint32_t worker, size_t listener, int fd);
MUST_USE bool gw_legacy_link(struct gw_legacy *l, uint32_t worker, size_t upstream, int fd);
MUST_USE bool gw_legacy_control(struct gw_legacy *l, int fd);
MUST_USE bool gw_legacy_events(struct gw_legacy *l, int fd);
/* Puts it where gw_inherit_read() finds it after exec. */
MUST_USE bool gw_legacy_write(struct gw_legacy *l);
/* Closes the duplicates. */
void gw_legacy_free(struct gw_legacy *l);

#endif
