/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/places: paths as the worker has them (a socket's number) and as the store keeps them (an
 *                 address and a port of ours), which are the same after a restart.
 *
 * Threads: the worker's own.
 */
#ifndef LWG_GATEWAY_PLACES_H
#define LWG_GATEWAY_PLACES_H

#include "base/attr.h"
#include "base/net.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_worker;

/* Where the store has the port of a link socket of an upstream, and how many of its source slots
   were ever used. The places of the first are those of when there was one. */
uint32_t gw_port_place(size_t upstream, size_t number);
uint32_t gw_port_mark(size_t upstream);

/* False: the system does not tell the socket's port. */
MUST_USE bool gw_place_to_store(const struct gw_worker *w, enum store_role role,
	const struct net_path *path, struct store_path *out);
/* False: this worker has no such socket. */
MUST_USE bool gw_place_from_store(
	const struct gw_worker *w, const struct store_path *place, struct net_path *out);

#endif
