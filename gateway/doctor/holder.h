/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor/holder: which process has a port.
 *
 * Promise: reads /proc only. Another user's sockets show their user, but not the process, unless
 *          root asks.
 * Threads: any.
 * Source:  proc(5): net/udp, net/tcp and those of IPv6, PID/fd.
 */
#ifndef LWG_DOCTOR_HOLDER_H
#define LWG_DOCTOR_HOLDER_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { HOLDER_NAME = 32 };

struct holder {
	pid_t pid; /* 0: it may not be seen */
	uid_t uid;
	char name[HOLDER_NAME]; /* of its program; "": not known */
};

/* One line of /proc/net/udp or tcp: whose local port this is. False: another's, or no such line. */
MUST_USE bool holder_read(const char *line, uint16_t port, unsigned long *inode, uid_t *uid);
/* False: nobody has it, of this network namespace. */
struct holder_port {
	bool tcp, ipv6;
	uint16_t port;
	pid_t first; /* who is asked before all others, as several may have one socket; 0: nobody */
};
MUST_USE bool holder_find(const struct holder_port *p, struct holder *out);
/* The name of a process's program; "": it is not known. */
void holder_name(pid_t pid, char out[HOLDER_NAME]);

#endif
