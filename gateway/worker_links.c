/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/keep.h"
#include "gateway/places.h"
#include "gateway/resolver.h"
#include "gateway/routes.h"
#include "gateway/worker_parts.h"
#include "io/sources.h"
#include "store/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECLAIM_A_TIME = 512, RECLAIM_AGAIN_MS = 600000 };

_Static_assert((int)GW_UPSTREAMS_MAX >= (int)CONF_UPSTREAMS_MAX, "every upstream has a place");
_Static_assert((int)GW_TARGETS_MAX >= (int)SOURCES_TARGETS_MAX, "every target has a number");
_Static_assert((int)GW_TARGETS_NOW >= (int)CONF_ADDRESSES_MAX, "every address has a place");
_Static_assert((int)GW_NO_TARGET == (int)SOURCES_NO_TARGET, "none is none");

static const struct conf_upstream *conf_of(const struct gw_worker *w, const struct gw_upstream *u)
{
	return &w->shared->conf->upstreams[u - w->upstreams];
}

const char *gw_worker_upstream_words(
	const struct gw_worker *w, uint8_t upstream, char out[GW_UPSTREAM_WORDS])
{
	const char *const name = gw_upstream_name(w->shared->conf, upstream);
	(void)snprintf(out, GW_UPSTREAM_WORDS, "%s%s", name[0] != '\0' ? " upstream=" : "", name);
	return out;
}

/* --- making them ----------------------------------------------------------------------------- */

static bool link_opened(void *ctx, uint32_t sock, int fd)
{
	struct gw_worker *w = ctx;
	struct gw_upstream *const u = &w->upstreams[gw_worker_upstream(w, sock)];
	struct gw_socket *s = calloc(1, sizeof(*s));
	struct net_addr self;
	uint32_t known = 0;
	if (!s || !udp_local(fd, &self)) {
		free(s);
		return false;
	}
	assert(u->links_len < u->sockets);
	s->sock = sock;
	s->port = self.port;
	/* On record before a link uses it, as operations keep their order. */
	const uint32_t at = gw_port_place((size_t)(u - w->upstreams), u->links_len);
	if (store_read_port(w->reader, w->number, at, &known) != STORE_OK || known != s->port)
		gw_keep_port(w, at, s->port);
	gw_worker_watch_socket(w, s, fd);
	u->links[u->links_len++] = s;
	return true;
}

static void aim(struct gw_worker *w, struct gw_upstream *u, const struct net_addr *all, size_t len)
{
	uint8_t numbers[GW_TARGETS_NOW], good[GW_TARGETS_NOW];
	size_t good_len = 0;
	sources_aim(u->sources, all, len, numbers);
	for (size_t i = 0; i < len; i++) {
		if (numbers[i] != SOURCES_NO_TARGET)
			good[good_len++] = numbers[i];
	}
	if (good_len < len)
		log_say(&w->log, LOG_LEVEL_WARN, "addresses",
			"upstream=%s has had too many addresses to which there are links yet; "
			"remedy: a name for fewer addresses",
			conf_of(w, u)->name);
	if (good_len > 0)
		gw_targets_set(&u->targets, good, good_len);
}

static bool make(struct gw_worker *w, struct gw_upstream *u, const struct conf_upstream *conf)
{
	struct sources_settings s = {
		.upstream = conf->addresses[0],
		.prefixes_len = conf->sources_len,
		.sockets_max = conf->sockets,
		.first_sock = u->first_sock,
		.ctx = w,
		.opened = link_opened,
	};
	for (size_t i = 0; i < conf->sources_len; i++)
		s.prefixes[i] = (struct sources_prefix){ .base = conf->sources[i].base,
			.bits = conf->sources[i].bits };
	u->links = calloc(conf->sockets, sizeof(struct gw_socket *));
	u->sources = sources_new(&s);
	u->mark = gw_upstream_mark(conf->name);
	if (!u->links || !u->sources)
		return false;
	gw_pace_init(
		&u->pace, conf->handshakes_per_s, w->shared->conf->workers, conf->handshakes_max);
	aim(w, u, conf->addresses, conf->addresses_len);
	return true;
}

bool gw_worker_make_upstreams(struct gw_worker *w)
{
	const struct conf_gateway *conf = w->shared->conf;
	uint32_t sock = (uint32_t)w->listeners_len;
	bool good = true;
	for (size_t i = 0; i < conf->upstreams_len; i++) {
		struct gw_upstream *const u = &w->upstreams[i];
		u->first_sock = sock;
		u->sockets = conf->upstreams[i].sockets;
		sock += u->sockets;
		w->upstreams_len++;
		good = make(w, u, &conf->upstreams[i]) && good;
	}
	return good;
}

void gw_worker_free_upstreams(struct gw_worker *w)
{
	for (size_t n = 0; n < w->upstreams_len; n++) {
		struct gw_upstream *const u = &w->upstreams[n];
		sources_free(u->sources);
		for (size_t i = 0; i < u->links_len; i++)
			free(u->links[i]);
		free(u->links);
	}
}

void gw_worker_resolved(struct gw_worker *w, const struct gw_resolved *r)
{
	if (r->upstream < w->upstreams_len)
		aim(w, &w->upstreams[r->upstream], r->addresses, r->len);
}

/* --- those of earlier runs ------------------------------------------------------------------- */

static int open_again(const struct conf_upstream *conf, uint32_t port)
{
	struct udp_options o = {
		.bind = { .family = conf->addresses[0].family, .port = (uint16_t)port },
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

static bool restore(
	struct gw_worker *w, struct gw_upstream *u, const int *inherited, size_t inherited_len)
{
	const size_t number = (size_t)(u - w->upstreams);
	uint32_t port = 0, used = 0;
	bool good = true;
	for (uint32_t at = 0; at < u->sockets && good; at++) {
		const bool is_here = at < inherited_len;
		if (!is_here && store_read_port(w->reader, w->number, gw_port_place(number, at),
					&port) != STORE_OK)
			break;
		const int fd = is_here ? inherited[at] : open_again(conf_of(w, u), port);
		good = fd >= 0 && sources_add(u->sources, fd);
		if (!good && fd >= 0)
			(void)close(fd);
	}
	if (!good)
		log_say(&w->log, LOG_LEVEL_WARN, "links",
			"upstream=%s sockets=%zu are open again, no more: links of the others "
			"begin anew",
			conf_of(w, u)->name, u->links_len);
	if (store_read_port(w->reader, w->number, gw_port_mark(number), &used) != STORE_OK)
		used = 0;
	return sources_restore(u->sources, used);
}

bool gw_worker_restore_links(struct gw_worker *w, const struct gw_sockets *sockets)
{
	bool good = true;
	for (size_t i = 0; i < w->upstreams_len && good; i++)
		good = restore(w, &w->upstreams[i], sockets->links[i].fds, sockets->links[i].len);
	return good;
}

/* --- slots of sleepers ----------------------------------------------------------------------- */

/* A link whose window is not known any more is opened anew when it is needed, from another slot. */
static bool is_free_to(struct gw_worker *w, const struct net_path *path)
{
	struct store_path place;
	struct store_assoc a;
	uint32_t number;
	if (!gw_place_to_store(w, STORE_LINK, path, &place))
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

/* Of a link of an earlier run it is not known to which of the addresses it leads. */
static bool is_free(struct gw_worker *w, const struct gw_upstream *u, uint32_t slot)
{
	bool is = true;
	for (uint8_t i = 0; is && i < sources_targets(u->sources); i++) {
		const struct net_path path = sources_path_to(u->sources, slot, i);
		is = is_free_to(w, &path);
	}
	return is;
}

uint64_t gw_worker_reclaim_ms(const struct gw_worker *w)
{
	for (size_t i = 0; i < w->upstreams_len; i++) {
		if (sources_used(w->upstreams[i].sources) > 0)
			return w->reclaim_ms;
	}
	return UINT64_MAX;
}

/* Round after round: the link of a sleeper may have been dropped by another worker, or by the
   store's writer. */
void gw_worker_reclaim(struct gw_worker *w)
{
	size_t n = 0;
	if (w->now_ms < w->reclaim_ms)
		return;
	for (; w->reclaim_of < w->upstreams_len; w->reclaim_of++) {
		const struct gw_upstream *const u = &w->upstreams[w->reclaim_of];
		for (; n < RECLAIM_A_TIME && w->reclaim_next < sources_used(u->sources); n++) {
			const uint32_t slot = w->reclaim_next++;
			if (sources_is_asleep(u->sources, slot) && is_free(w, u, slot))
				sources_give(u->sources, slot, w->now_ms);
		}
		if (w->reclaim_next < sources_used(u->sources))
			return;
		w->reclaim_next = 0;
	}
	w->reclaim_of = 0;
	w->reclaim_ms = w->now_ms + RECLAIM_AGAIN_MS;
}
