/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/session.h"

#include "base/sip.h"
#include "base/wipe.h"
#include "conf/credentials.h"
#include "gateway/explain.h"
#include "gateway/judge.h"
#include "gateway/keep.h"
#include "gateway/link_session.h"
#include "gateway/roam.h"
#include "gateway/upstream_key.h"
#include "gateway/worker.h"
#include "io/sources.h"

#include <assert.h>
#include <string.h>

/* --- as the relay sees it: channels ---------------------------------------------------------- */

/* One message is one record: what the peer has asked for (RFC 6066 section 4) bounds both. */
static size_t room(const struct dtls_conn *conn)
{
	const uint16_t max = conn ? dtls_conn_facts(conn).fragment_max : 0;
	return max > 0 ? max : SIZE_MAX;
}

static size_t device_room(struct channel *c)
{
	return room(CONTAINER_OF(c, struct gw_session, device)->legs[GW_DEVICE].conn);
}

static size_t link_room(struct channel *c)
{
	return room(CONTAINER_OF(c, struct gw_session, link)->legs[GW_LINK].conn);
}

static bool device_send(struct channel *c, const uint8_t *msg, size_t len)
{
	struct gw_session *s = CONTAINER_OF(c, struct gw_session, device);
	struct dtls_conn *const conn = s->legs[GW_DEVICE].conn;
	if (!conn)
		return false;
	gw_question_mids_see(&s->mids, msg, len);
	/* The device may not be told what could be forgotten. */
	if (s->blocked > 0)
		return gw_hold_put(&s->hold, GW_TO_DEVICE, msg, len);
	return gw_roam_send(s, msg, len);
}

static void device_close(struct channel *c, enum channel_reason why)
{
	struct gw_session *s = CONTAINER_OF(c, struct gw_session, device);
	struct dtls_conn *const conn = s->legs[GW_DEVICE].conn;
	(void)why;
	s->legs[GW_DEVICE].conn = NULL;
	if (conn) {
		dtls_conn_set_user(conn, NULL);
		dtls_close(s->worker->dtls, conn);
	}
	gw_session_loosen(s);
}

static bool link_send(struct channel *c, const uint8_t *msg, size_t len)
{
	struct gw_session *s = CONTAINER_OF(c, struct gw_session, link);
	struct dtls_conn *const conn = s->legs[GW_LINK].conn;
	return conn && dtls_send(s->worker->dtls, conn, msg, len) == DTLS_OK;
}

static void link_close(struct channel *c, enum channel_reason why)
{
	struct gw_session *s = CONTAINER_OF(c, struct gw_session, link);
	struct dtls_conn *const conn = s->legs[GW_LINK].conn;
	(void)why;
	s->legs[GW_LINK].conn = NULL;
	if (conn) {
		dtls_conn_set_user(conn, NULL);
		dtls_close(s->worker->dtls, conn);
	}
	gw_session_free_slot(s);
	gw_keep_no_link(s);
}

static const struct channel_ops device_ops = {
	.room = device_room, .send = device_send, .close = device_close
};
static const struct channel_ops link_ops = {
	.room = link_room, .send = link_send, .close = link_close
};

void gw_session_channels(struct gw_session *s)
{
	s->device.ops = &device_ops;
	s->link.ops = &link_ops;
}

/* --- links ----------------------------------------------------------------------------------- */

void gw_session_free_slot(struct gw_session *s)
{
	if (s->slot != SOURCES_NONE)
		gw_worker_give(s->worker, s->slot);
	s->slot = SOURCES_NONE;
}

static enum relay_link_end connect_end(enum dtls_result r)
{
	return r == DTLS_BROKEN ? RELAY_LINK_REFUSED : RELAY_LINK_FULL;
}

static bool take_slot(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	const uint32_t used = sources_used(w->sources);
	s->slot = sources_take(w->sources, w->now_ms);
	/* What a later run may not give to others, in steps, is on record before a link uses it. */
	if (sources_used(w->sources) > used && used % GW_SLOT_STEP == 0)
		gw_keep_port(w, STORE_PORT_MARK, used + GW_SLOT_STEP);
	return s->slot != SOURCES_NONE;
}

/* As the device, by its PSK. */
static enum dtls_result connect_by_psk(struct gw_session *s, struct dtls_peer peer)
{
	struct gw_worker *const w = s->worker;
	struct gw_upstream_key key;
	enum dtls_result result = DTLS_BROKEN;
	if (gw_upstream_key(w, s->cred, &key)) {
		peer.identity = key.identity;
		peer.identity_len = key.identity_len;
		peer.key = key.key;
		peer.key_len = key.key_len;
		peer.generation = key.generation;
		result = dtls_connect(w->dtls, &peer, w->now_ms);
	}
	wipe(&key, sizeof(key));
	return result;
}

/* As the gateway, which the server trusts with every endpoint. */
static enum dtls_result connect_by_own_key(struct gw_session *s, struct dtls_peer peer)
{
	struct gw_worker *const w = s->worker;
	struct store_cred_mark mark;
	if (store_read_cred_mark(w->reader, s->cred, &mark) != STORE_OK || !mark.active)
		return DTLS_BROKEN;
	peer.generation = mark.generation;
	return dtls_connect(w->dtls, &peer, w->now_ms);
}

static enum dtls_result shake_hands(struct gw_session *s)
{
	const struct gw_worker *const w = s->worker;
	struct dtls_resumable kept;
	s->link_reload = w->reloads;
	const bool resumes = gw_link_session_find(s, &kept);
	const struct dtls_peer peer = {
		.path = sources_path(w->sources, s->slot),
		.cred = s->cred,
		.user = s,
		.profile = w->profiles.upstream,
		.resume = resumes ? &kept : NULL,
	};
	const enum dtls_result r =
		w->profiles.upstream_key ? connect_by_own_key(s, peer) : connect_by_psk(s, peer);
	if (resumes)
		wipe(&kept, sizeof(kept));
	return r;
}

static void link_open(void *ctx, struct relay_device *d)
{
	struct gw_worker *w = ctx;
	struct gw_session *s = relay_device_user(d);
	if (s->link_wakes)
		return; /* it will be told when the link's numbers are there */
	assert(s->slot == SOURCES_NONE && !s->legs[GW_LINK].conn);
	if (!take_slot(s)) {
		char text[GW_EXPLAIN_MAX];
		log_limited(&w->log, &w->limits.link_handshake, w->now_ms, LOG_LEVEL_WARN,
			"link-full", "endpoint=%s %s", s->endpoint,
			gw_explain_no_slot(sources_error(w->sources), text));
		relay_link_down(d, RELAY_LINK_FULL, w->now_ms);
		return;
	}
	const enum dtls_result result = shake_hands(s);
	if (result == DTLS_OK)
		return;
	gw_session_free_slot(s);
	relay_link_down(d, connect_end(result), w->now_ms);
}

static void link_cancel(void *ctx, struct relay_device *d)
{
	struct gw_worker *w = ctx;
	struct gw_session *s = relay_device_user(d);
	if (s->slot == SOURCES_NONE || s->legs[GW_LINK].conn)
		return;
	const struct net_path path = sources_path(w->sources, s->slot);
	dtls_connect_cancel(w->dtls, &path);
	gw_session_free_slot(s);
}

/* --- registrations --------------------------------------------------------------------------- */

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
			"endpoint=%s location=/%s lifetime_s=%u", s->endpoint, r->location,
			r->lifetime_s);
	else
		log_limited(&w->log, gw_session_lines(s), w->now_ms, level, "deregistered",
			"endpoint=%s", s->endpoint);
	gw_keep_registration(s);
	if (!r->active)
		(void)gw_judge(s, w->ticking ? POLICY_REGISTRATION_EXPIRED : POLICY_DEREGISTERED);
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
