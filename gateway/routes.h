/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/routes: which of the servers a session belongs to, by what is known of it before it says
 *                 anything: who it is, what its credential is for, where it came in.
 *
 * Promise: pure. The first route whose conditions all hold decides. Each route of a list that was
 *          made can be the one: there is a session that no earlier one takes (as far as a pattern
 *          tells, see policy/pattern).
 * Errors:  gw_routes_new(): NULL with *error, the line of the route that nothing can reach.
 * Threads: any; not changed once it is made.
 * Source: ; lwgate.conf(5), routes.
 */
#ifndef LWG_GATEWAY_ROUTES_H
#define LWG_GATEWAY_ROUTES_H

#include "base/attr.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GW_NO_UPSTREAM = UINT8_MAX };
_Static_assert((int)CONF_UPSTREAMS_MAX < (int)GW_NO_UPSTREAM, "it is none's number");

struct gw_routes;

struct gw_route_facts { /* borrowed */
	const char *endpoint;
	enum conf_purpose purpose;
	const char *const *labels;
	size_t labels_len;
	size_t listener; /* number */
};

/* conf is not kept. */
MUST_USE struct gw_routes *gw_routes_new(const struct conf_gateway *conf, struct conf_error *error);
void gw_routes_free(struct gw_routes *r);
/* Number of the upstream, or GW_NO_UPSTREAM. */
uint8_t gw_routes_ask(const struct gw_routes *r, const struct gw_route_facts *f);
/* The number of the one to which all go, whatever they are; GW_NO_UPSTREAM: it must be asked. */
uint8_t gw_routes_everybody(const struct gw_routes *r);
/* Would both say the same of everybody? False may be wrong. */
bool gw_routes_same(const struct gw_routes *a, const struct gw_routes *b);

/* By what a server is known again in the store, wherever it stands in the file; never 0. */
uint64_t gw_upstream_mark(const char *name);
/* Do both, of rows, name the same? 0, of a row that is older than there were several, names the one
   of the group upstream. */
bool gw_upstream_same(uint64_t a, uint64_t b);
/* The number of the one that a row's mark names, or GW_NO_UPSTREAM. */
uint8_t gw_upstream_marked(const struct conf_gateway *conf, uint64_t mark);
/* Its name, for people; "" where none has one of its own, or there is none with this number. */
const char *gw_upstream_name(const struct conf_gateway *conf, uint8_t number);
/* Its place in a material; one that is not there any more has one that is none's. */
size_t gw_upstream_place(const struct conf_gateway *conf, uint64_t mark);

#endif
