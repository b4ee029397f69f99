/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/session.h"

#include "base/sip.h"
#include "base/wipe.h"
#include "conf/credentials.h"
#include "gateway/explain.h"
#include "gateway/worker.h"
#include "io/sources.h"

#include <assert.h>
#include <string.h>

static enum relay_link_end connect_end(enum dtls_result r)
{
	return r == DTLS_BROKEN ? RELAY_LINK_REFUSED : RELAY_LINK_FULL;
}

static void link_open(void *ctx, struct relay_device *d)
{
	struct gw_worker *w = ctx;
	struct gw_session *s = relay_device_user(d);
	assert(s->slot == SOURCES_NONE && !s->link_conn);
	s->slot = sources_take(w->sources, w->now_ms);
	if (s->slot == SOURCES_NONE) {
		char text[GW_EXPLAIN_MAX];
		log_limited(&w->log, &w->limits.link_handshake, w->now_ms, LOG_LEVEL_WARN,
			"link-full", "endpoint=%s %s", gw_session_endpoint(s),
			gw_explain_no_slot(sources_error(w->sources), text));
		relay_link_down(d, RELAY_LINK_FULL, w->now_ms);
		return;
	}
	struct cred_key key;
	enum dtls_result result = DTLS_BROKEN;
	if (cred_upstream_key(w->shared->creds, s->cred, &key)) {
		const struct dtls_peer peer = {
			.path = sources_path(w->sources, s->slot),
			.identity = key.identity,
			.identity_len = key.identity_len,
			.key = key.key,
			.key_len = key.key_len,
			.cred = s->cred,
			.user = s,
		};
		result = dtls_connect(w->dtls, &peer, w->now_ms);
	}
	wipe(&key, sizeof(key));
	if (result == DTLS_OK)
		return;
	gw_session_free_slot(s);
	relay_link_down(d, connect_end(result), w->now_ms);
}

static void link_cancel(void *ctx, struct relay_device *d)
{
	struct gw_worker *w = ctx;
	struct gw_session *s = relay_device_user(d);
	if (s->slot == SOURCES_NONE)
		return;
	const struct net_path path = sources_path(w->sources, s->slot);
	dtls_connect_cancel(w->dtls, &path);
	gw_session_free_slot(s);
}

uint64_t gw_session_sum(const struct gw_session *s, const struct relay_registration *r)
{
	struct {
		char location[RELAY_LOCATION_MAX];
		uint64_t lifetime_s;
	} what = { .lifetime_s = r->lifetime_s };
	memcpy(what.location, r->location, strnlen(r->location, sizeof(what.location)));
	return sip_hash(&s->worker->shared->identity_key, &what, sizeof(what));
}

/* An Update that changes nothing is no news: devices send them all day. */
static void changed(void *ctx, struct relay_device *d)
{
	const struct gw_worker *w = ctx;
	const struct relay_registration *r = relay_device_registration(d);
	struct gw_session *s = relay_device_user(d);
	const uint64_t sum = r->active ? gw_session_sum(s, r) : 0;
	const enum log_level level = sum != s->said ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
	s->said = sum;
	if (r->active)
		log_limited(&w->log, gw_session_lines(s), w->now_ms, level, "registered",
			"endpoint=%s location=/%s lifetime_s=%u", relay_device_endpoint(d),
			r->location, r->lifetime_s);
	else
		log_limited(&w->log, gw_session_lines(s), w->now_ms, level, "deregistered",
			"endpoint=%s", relay_device_endpoint(d));
}

static uint16_t message_id(void *ctx)
{
	uint16_t id;
	gw_worker_random(ctx, (uint8_t *)&id, sizeof(id));
	return id;
}

struct relay_owner gw_session_relay_owner(struct gw_worker *w)
{
	return (struct relay_owner){
		.ctx = w,
		.open = link_open,
		.cancel = link_cancel,
		.changed = changed,
		.message_id = message_id,
	};
}
