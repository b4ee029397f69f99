/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/keep.h"
#include "gateway/places.h"
#include "gateway/worker_parts.h"
#include "io/sources.h"
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

enum { RECLAIM_A_TIME = 512, RECLAIM_AGAIN_MS = 600000 };

static bool link_opened(void *ctx, uint32_t sock, int fd)
{
	struct gw_worker *w = ctx;
	struct gw_socket *s = calloc(1, sizeof(*s));
	struct net_addr self;
	uint32_t known = 0;
	if (!s || !udp_local(fd, &self)) {
		free(s);
		return false;
	}
	assert(w->links_len < w->shared->conf->upstream_sockets);
	s->sock = sock;
	s->port = self.port;
	/* On record before a link uses it, as operations keep their order. */
	const uint32_t at = (uint32_t)w->links_len;
	if (store_read_port(w->reader, w->number, at, &known) != STORE_OK || known != s->port)
		gw_keep_port(w, at, s->port);
	gw_worker_watch_socket(w, s, fd);
	w->links[w->links_len++] = s;
	return true;
}

struct sources *gw_worker_sources(struct gw_worker *w)
{
	const struct conf_gateway *conf = w->shared->conf;
	struct sources_settings s = {
		.upstream = conf->upstream,
		.prefixes_len = conf->sources_len,
		.sockets_max = conf->upstream_sockets,
		.first_sock = (uint32_t)w->listeners_len,
		.ctx = w,
		.opened = link_opened,
	};
	for (size_t i = 0; i < conf->sources_len; i++)
		s.prefixes[i] = (struct sources_prefix){ .base = conf->sources[i].base,
			.bits = conf->sources[i].bits };
	return sources_new(&s);
}

static int open_again(const struct gw_worker *w, uint32_t port)
{
	struct udp_options o = {
		.bind = { .family = w->shared->conf->upstream.family, .port = (uint16_t)port },
		.free_bind = true,
		.errors = true,
	};
	const int fd = udp_open(&o);
	if (fd >= 0)
		return fd;
	/* Somebody else has it now: its links begin anew from another. */
	o.bind.port = 0;
	return udp_open(&o);
}

bool gw_worker_restore_links(struct gw_worker *w, const struct gw_sockets *sockets)
{
	uint32_t port = 0, used = 0;
	bool good = true;
	for (uint32_t at = 0; at < w->shared->conf->upstream_sockets && good; at++) {
		const bool inherited = at < sockets->links_len;
		if (!inherited && store_read_port(w->reader, w->number, at, &port) != STORE_OK)
			break;
		const int fd = inherited ? sockets->links[at] : open_again(w, port);
		good = fd >= 0 && sources_add(w->sources, fd);
		if (!good && fd >= 0)
			(void)close(fd);
	}
	if (!good)
		log_say(&w->log, LOG_LEVEL_WARN, "links",
			"sockets=%zu are open again, no more: links of the others begin anew",
			w->links_len);
	if (store_read_port(w->reader, w->number, STORE_PORT_MARK, &used) != STORE_OK)
		used = 0;
	return sources_restore(w->sources, used);
}

void gw_worker_give(struct gw_worker *w, uint32_t slot)
{
	sources_give(w->sources, slot, w->now_ms);
}

/* A link whose window is not known any more is opened anew when it is needed, from another slot. */
static bool is_free(struct gw_worker *w, uint32_t slot)
{
	const struct net_path path = sources_path(w->sources, slot);
	struct store_path place;
	struct store_assoc a;
	uint32_t number;
	if (!gw_place_to_store(w, STORE_LINK, &path, &place))
		return false;
	const enum store_result r = store_find_path(w->reader, &place, &number);
	if (r != STORE_OK)
		return r == STORE_NONE;
	const bool lapsed = store_read_assoc(w->reader, number, &a) == STORE_OK &&
			    a.trust != STORE_EXACT && a.path.role == STORE_LINK;
	if (lapsed)
		gw_keep_drop(w, a.cred, GW_LINK, &a);
	wipe(&a, sizeof(a));
	return lapsed;
}

uint64_t gw_worker_reclaim_ms(const struct gw_worker *w)
{
	return sources_used(w->sources) > 0 ? w->reclaim_ms : UINT64_MAX;
}

/* Round after round: the link of a sleeper may have been dropped by another worker, or by the
   store's writer. */
void gw_worker_reclaim(struct gw_worker *w)
{
	if (w->now_ms < w->reclaim_ms)
		return;
	for (size_t i = 0; i < RECLAIM_A_TIME && w->reclaim_next < sources_used(w->sources); i++) {
		const uint32_t slot = w->reclaim_next++;
		if (sources_is_asleep(w->sources, slot) && is_free(w, slot))
			sources_give(w->sources, slot, w->now_ms);
	}
	if (w->reclaim_next < sources_used(w->sources))
		return;
	w->reclaim_next = 0;
	w->reclaim_ms = w->now_ms + RECLAIM_AGAIN_MS;
}
