/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/web_idle: bounds how many connections to the status page there are, and how long one may
 *                   be silent.
 *
 * nng's server takes whoever connects and keeps him, and tells nobody. So the process's descriptors
 * are looked through: which are connections to that address, and, by the kernel (TCP_INFO), since
 * when nothing has come there. Such a one is shut down by a descriptor of our own for the same
 * socket, so that it does not matter if nng closes its own meanwhile and another socket gets the
 * number; nng sees the end of the connection, and frees it.
 *
 * Promise: no other socket is touched. A look costs GW_WEB_LOOKED_AT numbers of descriptors at most
 *          (one that is in use two calls, the others next to nothing), and goes on where the last
 *          one was, up to RLIMIT_NOFILE; there a round ends.
 * Errors:  what the kernel does not tell is left as it is.
 * Memory:  none. Threads: one.
 * Source:  tcp(7), shutdown(2).
 */
#ifndef LWG_GATEWAY_WEB_IDLE_H
#define LWG_GATEWAY_WEB_IDLE_H

#include "base/net.h"

#include <stddef.h>
#include <stdint.h>

enum { GW_WEB_CONNECTIONS = 64, GW_WEB_IDLE_MS = 120000, GW_WEB_LOOKED_AT = 16384 };

struct gw_web_idle {  /* zero to begin with */
	int at;       /* descriptor */
	size_t round; /* connections that were left in this round */
};

/* address: where the page is served. Ends those that were silent for idle_ms, and all above
   GW_WEB_CONNECTIONS; returns how many of the latter. */
size_t gw_web_idle_look(struct gw_web_idle *x, const struct net_addr *address, uint32_t idle_ms);

#endif
