/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/places.h"

#include "gateway/worker.h"
#include "io/sources.h"

#include <assert.h>
#include <string.h>

enum { PLACE_BITS = 20, PLACE_MARK = (1 << PLACE_BITS) - 1 };

uint32_t gw_port_place(size_t upstream, size_t number)
{
	assert(number < PLACE_MARK);
	return (uint32_t)(upstream << PLACE_BITS | number);
}

uint32_t gw_port_mark(size_t upstream)
{
	return upstream == 0 ? STORE_PORT_MARK : gw_port_place(upstream, 0) | PLACE_MARK;
}

static uint16_t link_port(const struct gw_worker *w, uint32_t sock)
{
	for (size_t i = 0; i < w->upstreams_len; i++) {
		const struct gw_upstream *const u = &w->upstreams[i];
		if (sock - u->first_sock < u->links_len)
			return u->links[sock - u->first_sock]->port;
	}
	return 0;
}

bool gw_place_to_store(const struct gw_worker *w, enum store_role role, const struct net_path *path,
	struct store_path *out)
{
	*out = (struct store_path){ .role = (uint8_t)role, .peer = path->peer };
	out->local.family = path->peer.family;
	memcpy(out->local.ip, path->local_ip, sizeof(out->local.ip));
	if (path->sock < w->listeners_len)
		out->local.port = w->bound[path->sock].port;
	else
		out->local.port = link_port(w, path->sock);
	return out->local.port != 0;
}

/* One that is bound to the address gets what comes there, before one that is bound to any. */
static bool listener_of(const struct gw_worker *w, const struct net_addr *local, uint32_t *sock)
{
	static const uint8_t any[sizeof(local->ip)];
	bool found = false;
	for (uint32_t i = 0; i < w->listeners_len; i++) {
		const struct net_addr *const l = &w->bound[i];
		const bool exact = memcmp(l->ip, local->ip, sizeof(any)) == 0;
		const bool here = exact || (!found && memcmp(l->ip, any, sizeof(any)) == 0);
		if (!here || l->port != local->port || l->family != local->family)
			continue;
		*sock = i;
		found = true;
		if (exact)
			return true;
	}
	return found;
}

/* Upstreams of both families may have the same port. */
static bool find_link(const struct gw_upstream *u, uint16_t port, struct net_path *out)
{
	for (size_t i = 0; i < u->links_len; i++) {
		if (u->links[i]->port != port)
			continue;
		out->sock = u->links[i]->sock;
		if (sources_find(u->sources, out) != SOURCES_NONE)
			return true;
	}
	return false;
}

bool gw_place_from_store(
	const struct gw_worker *w, const struct store_path *place, struct net_path *out)
{
	*out = (struct net_path){ .peer = place->peer };
	memcpy(out->local_ip, place->local.ip, sizeof(out->local_ip));
	if (place->role == STORE_DEVICE)
		return listener_of(w, &place->local, &out->sock);
	for (size_t i = 0; i < w->upstreams_len; i++) {
		if (find_link(&w->upstreams[i], place->local.port, out))
			return true;
	}
	return false;
}
