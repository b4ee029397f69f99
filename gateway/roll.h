/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/roll: finds a worker's sessions by credential and tenure.
 *
 * Promise: a look-up costs the same however many there are. When memory is short it goes on with
 *          what it has, slower.
 * Memory:  intrusive: struct gw_session has the link.
 * Threads: the worker's own.
 */
#ifndef LWG_GATEWAY_ROLL_H
#define LWG_GATEWAY_ROLL_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_session;

struct gw_roll {
	struct gw_session **buckets;
	size_t mask; /* number of buckets - 1 */
	size_t count;
};

MUST_USE bool gw_roll_init(struct gw_roll *r);
void gw_roll_fini(struct gw_roll *r);
void gw_roll_add(struct gw_roll *r, struct gw_session *s);
void gw_roll_remove(struct gw_roll *r, struct gw_session *s);
/* The one of a credential, of whatever tenure, that follows on s, or the first; NULL: none. */
struct gw_session *gw_roll_next(const struct gw_roll *r, uint32_t cred, const struct gw_session *s);
struct gw_session *gw_roll_find(const struct gw_roll *r, uint32_t cred, uint32_t tenure);

#endif
