/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/web_facts: the metrics: what is counted where, as OpenMetrics. lwgate-metrics(7) says
 *                    what each means.
 *
 * Promise: no label has an endpoint, an identity or an address of a device: the number of
 *          samples is bounded by the configuration. A look at all sessions that are awake is made
 *          once a minute at most.
 * Errors:  false: the workers did not answer in time, or memory is short.
 * Threads: the main thread.
 */
#ifndef LWG_GATEWAY_WEB_FACTS_H
#define LWG_GATEWAY_WEB_FACTS_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdio.h>

struct ctl_out;
struct gw_gateway;

/* classic: for who does not say that he takes OpenMetrics. */
MUST_USE bool gw_web_metrics(struct gw_gateway *g, bool classic, struct ctl_out *to);
/* [{"name": ..., "addresses": 2, "passed_over": 0, "links": 17}] */
MUST_USE bool gw_web_upstreams(struct gw_gateway *g, struct ctl_out *to);
/* Looks at all who are awake, if that is due: a minute after the last time, or five seconds after
   one at which a worker was late, and which changes nothing. */
void gw_web_take_census(struct gw_gateway *g);
/* The families, as man page source, for lwgate-metrics(7). */
void gw_web_metrics_table(FILE *to);

#endif
