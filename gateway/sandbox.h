/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sandbox: what lwgated needs of the file system by its configuration, as a plan of
 *                  confine/confine, and the moment when it is entered.
 *
 * Read: the folders of what the configuration names, so that a reload finds what has been renamed
 * into its place. Written: the store, its token, the events' file, images, and the folders of
 * sockets. Executed: the folder of this program, for an upgrade.
 *
 * Promise: as confine/confine. What a later configuration names elsewhere cannot be reached before
 *          a restart: a reload, or an upgrade, then says that it may not be read.
 * Threads: the main thread, without others.
 */
#ifndef LWG_GATEWAY_SANDBOX_H
#define LWG_GATEWAY_SANDBOX_H

#include "base/attr.h"

#include <stdbool.h>

struct conf_error;
struct conf_gateway;
struct log;

/* program: absolute path; more: a file of its own choice that is written to; NULL: none. */
MUST_USE bool gw_sandbox_enter(const struct conf_gateway *conf, const char *program,
	const char *more, const struct log *log, struct conf_error *error);
/* What to add to an error that may be the sandbox's: "", or the remedy. */
const char *gw_sandbox_hint(const char *error);
/* For `lwgated -n`: could a process that is what is asking become this program, as it is confined?
   False with *error. */
MUST_USE bool gw_sandbox_fits(struct conf_error *error);

#endif
