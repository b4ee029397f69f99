/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/resolver: looks again and again for what the names of servers stand for, and tells the
 *                   workers when that is something else.
 *
 * The system's resolver blocks; it is asked in a thread of its own, one round at a time. Links that
 * are up stay where they are; new ones go where the name says.
 *
 * Promise: a name that cannot be resolved takes no address away. Addresses that a server had keep
 *          their order, so that a resolver which turns them round moves nobody. A round begins each
 *          GW_RESOLVE_S, and when it was asked for, GW_RESOLVE_AGAIN_S after the last.
 * Errors:  gw_resolver_new(): NULL, memory is short or no name is to be looked up.
 *          A round that cannot begin is left out, and said.
 * Threads: the main thread; gw_resolver_ask(): any.
 * Source:  lwgate.conf(5), upstream.address.
 */
#ifndef LWG_GATEWAY_RESOLVER_H
#define LWG_GATEWAY_RESOLVER_H

#include "base/attr.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct gw_resolver;
struct log;

enum { GW_RESOLVE_S = 300, GW_RESOLVE_AGAIN_S = 10 };

struct gw_resolved {     /* GW_RESOLVED */
	size_t upstream; /* number */
	struct net_addr addresses[CONF_ADDRESSES_MAX];
	size_t len; /* >= 1 */
};

struct gw_resolver_settings {
	const struct conf_gateway *conf; /* borrowed */
	const struct log *log;           /* borrowed */
	void *ctx;
	/* The addresses of an upstream are others now. In the main thread. */
	void (*found)(void *ctx, const struct gw_resolved *r);
};

/* Is there a name to be looked up? */
bool gw_resolver_is_needed(const struct conf_gateway *conf);
MUST_USE struct gw_resolver *gw_resolver_new(const struct gw_resolver_settings *s);
void gw_resolver_free(struct gw_resolver *r);
void gw_resolver_begin(struct gw_resolver *r, struct ev_loop *loop);
void gw_resolver_end(struct gw_resolver *r);
/* A link could not be opened: soon. */
void gw_resolver_ask(struct gw_resolver *r);

struct gw_lookup { /* what one of an upstream's hosts stands for */
	struct net_addr found[CONF_ADDRESSES_MAX];
	size_t len; /* 0: it is not known */
};
/* What comes of the addresses *r when all hosts of its upstream were looked up, in their order.
   False: they are the same. */
MUST_USE bool gw_resolved_merge(struct gw_resolved *r, const struct gw_lookup *all, size_t len);

#endif
