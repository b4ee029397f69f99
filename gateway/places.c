/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/places.h"

#include "gateway/worker.h"
#include "io/sources.h"

#include <string.h>

bool gw_place_to_store(const struct gw_worker *w, enum store_role role, const struct net_path *path,
	struct store_path *out)
{
	*out = (struct store_path){ .role = (uint8_t)role, .peer = path->peer };
	out->local.family = path->peer.family;
	memcpy(out->local.ip, path->local_ip, sizeof(out->local.ip));
	if (path->sock < w->listeners_len)
		out->local.port = w->bound[path->sock].port;
	else if (path->sock - w->listeners_len < w->links_len)
		out->local.port = w->links[path->sock - w->listeners_len]->port;
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

bool gw_place_from_store(
	const struct gw_worker *w, const struct store_path *place, struct net_path *out)
{
	*out = (struct net_path){ .peer = place->peer };
	memcpy(out->local_ip, place->local.ip, sizeof(out->local_ip));
	if (place->role == STORE_DEVICE)
		return listener_of(w, &place->local, &out->sock);
	for (size_t i = 0; i < w->links_len; i++) {
		if (w->links[i]->port != place->local.port)
			continue;
		out->sock = w->links[i]->sock;
		return sources_find(w->sources, out) != SOURCES_NONE;
	}
	return false;
}
