/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/upgrade: the running gateway becomes the program that is installed now.
 *
 * First that program reads the configuration, as `lwgated -n` does; only when it takes it are the
 * handshakes under way ended (for some seconds at most, and none begins), do the workers put their
 * sessions to sleep, is the store closed, and the process becomes the new program by exec: the same
 * process id, the same sockets with whatever has arrived in them.
 *
 * Promise: one process at a time owns the sockets and the store. A program that refuses the
 *          configuration changes nothing.
 * Threads: the main thread.
 */
#ifndef LWG_GATEWAY_UPGRADE_H
#define LWG_GATEWAY_UPGRADE_H

#include "base/attr.h"
#include "ctl/proto.h"
#include "ctl/store_source.h"

#include <stdbool.h>

struct ctl_upgrading;
struct gw_gateway;

/* What started this program; both are borrowed. */
struct gw_self {
	const char *program; /* absolute path of the file on disk */
	char **argv;
	const char *conf_file;
};

/* For SIGUSR2. */
void gw_upgrade_begin(struct gw_gateway *g);
/* For the control room: begins when the answer is out. */
enum ctl_status gw_upgrade_asked(void *gateway, struct ctl_said *said);
/* For the control room. */
void gw_upgrading(void *gateway, struct ctl_upgrading *out);
/* After gw_run() has ended with GW_END_UPGRADE: all workers have ended. control: its listening
   socket, or -1. Returns only if the program cannot be executed, neither the new nor this one. */
void gw_upgrade_exec(struct gw_gateway *g, int control);

#endif
