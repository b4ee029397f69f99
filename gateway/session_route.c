/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "conf/config.h"
#include "conf/purpose.h"
#include "gateway/keep.h"
#include "gateway/material.h"
#include "gateway/routes.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "io/sources.h"

#include <stdio.h>
#include <string.h>

_Static_assert((int)CONF_FOR_SERVER == (int)STORE_FOR_SERVER &&
		       (int)CONF_FOR_BOOTSTRAP == (int)STORE_FOR_BOOTSTRAP,
	"a purpose is the same everywhere");

/* --- asking ---------------------------------------------------------------------------------- */

static void refuse(struct gw_worker *w, const struct gw_route_facts *f)
{
	char listener[NET_TEXT_MAX] = "-";
	if (f->listener < w->listeners_len)
		(void)net_addr_text(&w->bound[f->listener], listener);
	log_limited(&w->log, &w->limits.unrouted, w->now_ms, LOG_LEVEL_WARN, "no-route",
		"endpoint=%s purpose=%s listener=%s labels=%zu why=\"no route leads it to a "
		"server\" remedy=\"routes of lwgate.conf: one whose conditions hold for it, then "
		"lwgatectl reload\"",
		f->endpoint, conf_purpose_word(f->purpose), listener, f->labels_len);
}

static uint8_t ask(
	struct gw_worker *w, const struct gw_routes *r, const struct store_cred *c, size_t listener)
{
	const char *labels[STORE_LABELS_MAX];
	const size_t len = c->labels_len < STORE_LABELS_MAX ? c->labels_len : STORE_LABELS_MAX;
	for (size_t i = 0; i < len; i++)
		labels[i] = c->labels[i];
	const struct gw_route_facts f = { .endpoint = c->endpoint,
		.purpose = (enum conf_purpose)c->purpose,
		.labels = labels,
		.labels_len = len,
		.listener = listener };
	const uint8_t to = gw_routes_ask(r, &f);
	if (to == GW_NO_UPSTREAM)
		refuse(w, &f);
	return to;
}

uint8_t gw_route(struct gw_worker *w, uint32_t cred, size_t listener)
{
	const struct gw_routes *const r = w->material ? gw_material_routes(w->material) : NULL;
	const uint8_t everybody = r ? gw_routes_everybody(r) : (uint8_t)0;
	struct store_cred c;
	if (everybody != GW_NO_UPSTREAM)
		return everybody; /* nothing need be unsealed for it */
	const uint8_t to = store_read_cred(w->reader, cred, &c) == STORE_OK
				   ? ask(w, r, &c, listener)
				   : (uint8_t)GW_NO_UPSTREAM;
	wipe(&c, sizeof(c));
	return to;
}

/* --- a session ------------------------------------------------------------------------------- */

void gw_session_take_row(struct gw_session *s, const struct store_session *row)
{
	s->upstream = gw_upstream_marked(s->worker->shared->conf, row->upstream);
	s->routed = 0;
}

struct sources *gw_session_sources(const struct gw_session *s)
{
	return s->worker->upstreams[s->upstream].sources;
}

static void leave(struct gw_session *s)
{
	static const struct relay_registration none = { .active = false };
	if (s->relay)
		relay_device_cut(s->relay);
	gw_session_close_link(s);
	if (!s->relay || !relay_device_registration(s->relay)->active)
		return;
	relay_device_adopt(s->relay, &none);
	s->said = 0;
}

void gw_session_route(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	const struct net_path *const path = gw_session_path(s);
	char from[GW_UPSTREAM_WORDS], text[GW_UPSTREAM_WORDS];
	if (s->routed == w->reroutes || (!path && !s->sms))
		return;
	s->routed = w->reroutes;
	const uint8_t to = gw_route(w, s->cred, path ? path->sock : GW_NO_LISTENER);
	if (to == s->upstream)
		return;
	if (to == GW_NO_UPSTREAM) {
		s->condemned = true;
		gw_session_loosen(s);
		return;
	}
	log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_INFO, "rerouted",
		"endpoint=%s%s was=\"%s\": its link and its registration end", s->endpoint,
		gw_worker_upstream_words(w, to, text),
		gw_worker_upstream_words(w, s->upstream, from) + (from[0] == ' '));
	leave(s);
	s->upstream = to;
	s->target = GW_NO_TARGET;
	if (s->relay)
		gw_keep_registration(s);
}
