/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/hold: messages that wait until what they rest on is durable, or has come from another
 *               worker: a new association (S9), a lease, a registration.
 *
 * Promise: they come out in the order that they went in; GW_HOLD_MESSAGES at most, more are
 *          dropped, as a network may.
 * Memory:  a copy each, in the vault, while it waits: a bootstrap has keys in its messages.
 * Threads: the worker's own.
 */
#ifndef LWG_GATEWAY_HOLD_H
#define LWG_GATEWAY_HOLD_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GW_HOLD_MESSAGES = 8 };

enum gw_way { GW_FROM_DEVICE, GW_FROM_SERVER, GW_TO_DEVICE };

struct gw_held {
	struct gw_held *next;
	enum gw_way way;
	size_t len;
	uint8_t msg[];
};

struct gw_hold {
	struct gw_held *first, **last; /* last is NULL while there was none */
	uint32_t len;
};

/* False: dropped. */
bool gw_hold_put(struct gw_hold *h, enum gw_way way, const uint8_t *msg, size_t len);
/* The first, which is the caller's to give back (vault_release()); NULL: none is left. */
struct gw_held *gw_hold_take(struct gw_hold *h);
void gw_hold_clear(struct gw_hold *h);

#endif
