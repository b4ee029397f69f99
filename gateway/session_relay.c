/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/session.h"

#include "base/log_words.h"
#include "base/sip.h"
#include "base/wipe.h"
#include "conf/credentials.h"
#include "gateway/explain.h"
#include "gateway/judge.h"
#include "gateway/keep.h"
#include "gateway/learning.h"
#include "gateway/link_session.h"
#include "gateway/places.h"
#include "gateway/roam.h"
#include "gateway/sms.h"
#include "gateway/sms_keys_udp.h"
#include "gateway/trace.h"
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

static bool is_by_sms(const struct net_path *path)
{
	return path && path->peer.family == NET_SMS;
}

/* One record is one short message, of a device that is there, or may be. */
static size_t device_room(struct channel *c)
{
	const struct gw_session *const s = CONTAINER_OF(c, struct gw_session, device);
	struct dtls_conn *const conn = s->legs[GW_DEVICE].conn;
	const size_t most = room(conn);
	if (!conn || (!is_by_sms(dtls_conn_path(conn)) && !is_by_sms(dtls_conn_candidate(conn))))
		return most;
	const size_t one = dtls_conn_room(s->worker->dtls, conn, DTLS_SMS_MAX);
	return one < most ? one : most;
}

static size_t link_room(struct channel *c)
{
	return room(CONTAINER_OF(c, struct gw_session, link)->legs[GW_LINK].conn);
}

static bool send_to_device(struct gw_session *s, const uint8_t *msg, size_t len)
{
	if (!s->legs[GW_DEVICE].conn)
		return false;
	gw_question_mids_see(&s->mids, msg, len);
	/* The device may not be told what could be forgotten. */
	if (s->blocked > 0)
		return gw_hold_put(&s->hold, GW_TO_DEVICE, msg, len);
	return gw_roam_send(s, msg, len);
}

static bool device_send(struct channel *c, const uint8_t *msg, size_t len)
{
	struct gw_session *s = CONTAINER_OF(c, struct gw_session, device);
	const bool traced = s->worker->tracing;
	if (traced)
		gw_trace_sends(s->worker);
	const bool ok = send_to_device(s, msg, len);
	if (traced)
		gw_trace_sent(s, GW_DEVICE, msg, len, ok);
	return ok;
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
	const bool traced = s->worker->tracing;
	if (traced)
		gw_trace_sends(s->worker);
	const bool ok = conn && dtls_send(s->worker->dtls, conn, msg, len) == DTLS_OK;
	if (traced)
		gw_trace_sent(s, GW_LINK, msg, len, ok);
	return ok;
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

static struct gw_pace *pace_of(const struct gw_session *s)
{
	return &s->worker->upstreams[s->upstream].pace;
}

void gw_session_free_slot(struct gw_session *s)
{
	if (s->pace.state != GW_PACE_OUT) /* else its upstream may be none */
		gw_pace_leave(pace_of(s), &s->pace);
	if (s->slot != SOURCES_NONE)
		sources_give(gw_session_sources(s), s->slot, s->worker->now_ms);
	s->slot = SOURCES_NONE;
}

void gw_session_close_link(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	gw_link_session_drop(s); /* what comes next proves all anew */
	s->link_wakes = false;
	if (s->legs[GW_LINK].conn) {
		s->link.ops->close(&s->link, CHANNEL_ORDERED);
	} else if (s->slot != SOURCES_NONE) {
		const struct net_path path = sources_path(gw_session_sources(s), s->slot);
		dtls_connect_cancel(w->dtls, &path);
		gw_session_free_slot(s);
	} else if (s->pace.state == GW_PACE_WAITS) {
		gw_pace_leave(pace_of(s), &s->pace);
	} else {
		return;
	}
	if (s->relay)
		relay_link_down(s->relay, RELAY_LINK_CLOSED, w->now_ms);
}

static enum relay_link_end connect_end(enum dtls_result r)
{
	return r == DTLS_BROKEN ? RELAY_LINK_REFUSED : RELAY_LINK_FULL;
}

static bool take_slot(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	struct gw_upstream *const u = &w->upstreams[s->upstream];
	const uint32_t used = sources_used(u->sources);
	s->slot = sources_take(u->sources, w->now_ms);
	/* What a later run may not give to others, in steps, is on record before a link uses it. */
	if (sources_used(u->sources) > used && used % GW_SLOT_STEP == 0)
		gw_keep_port(w, gw_port_mark(s->upstream), used + GW_SLOT_STEP);
	if (s->slot == SOURCES_NONE)
		return false;
	const uint8_t target = gw_targets_pick(&u->targets, s->target, w->now_ms);
	if (target != s->target)
		gw_link_session_drop(s); /* another machine has none of it */
	s->target = target;
	sources_lead(u->sources, s->slot, target);
	return true;
}

/* As the device, by its PSK. */
static enum dtls_result connect_by_psk(struct gw_session *s, struct dtls_peer peer)
{
	struct gw_worker *const w = s->worker;
	struct gw_upstream_key key;
	enum dtls_result result = DTLS_BROKEN;
	if (gw_upstream_key(w, s->cred, s->upstream, &key)) {
		peer.identity = key.identity;
		peer.identity_len = key.identity_len;
		peer.key = key.key;
		peer.key_len = key.key_len;
		peer.generation = key.generation;
		result = dtls_connect(w->dtls, &peer, w->now_ms);
	} else {
		char text[GW_UPSTREAM_WORDS];
		log_limited(&w->log, &w->limits.link_handshake, w->now_ms, LOG_LEVEL_WARN, "no-key",
			"endpoint=%s%s why=\"its credential has no upstream key, and there is no "
			"master secret\" remedy=\"upstream_key of the credential, or "
			"master_secret_file of this upstream\"",
			s->endpoint, gw_worker_upstream_words(w, s->upstream, text));
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
		.path = sources_path(gw_session_sources(s), s->slot),
		.cred = s->cred,
		.user = s,
		.profile = w->profiles.upstreams[s->upstream],
		.resume = resumes ? &kept : NULL,
	};
	const enum dtls_result r = w->profiles.upstream_keys[s->upstream]
					   ? connect_by_own_key(s, peer)
					   : connect_by_psk(s, peer);
	if (resumes)
		wipe(&kept, sizeof(kept));
	return r;
}

/* Its turn has come. */
static void open_link(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	assert(s->slot == SOURCES_NONE && !s->legs[GW_LINK].conn);
	if (!take_slot(s)) {
		char text[GW_EXPLAIN_MAX], words[GW_UPSTREAM_WORDS];
		log_limited(&w->log, &w->limits.link_handshake, w->now_ms, LOG_LEVEL_WARN,
			"link-full", "endpoint=%s%s %s", s->endpoint,
			gw_worker_upstream_words(w, s->upstream, words),
			gw_explain_no_slot(sources_error(gw_session_sources(s)), text));
		gw_pace_leave(pace_of(s), &s->pace);
		relay_link_down(s->relay, RELAY_LINK_FULL, w->now_ms);
		return;
	}
	const enum dtls_result result = shake_hands(s);
	if (result == DTLS_OK)
		return;
	gw_session_free_slot(s);
	relay_link_down(s->relay, connect_end(result), w->now_ms);
}

static void too_many(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	char words[GW_UPSTREAM_WORDS];
	log_limited(&w->log, &w->limits.link_handshake, w->now_ms, LOG_LEVEL_WARN, "link-late",
		"endpoint=%s%s why=\"%u links wait to be opened, %u are being opened\" "
		"remedy=\"none, if the server or the gateway has just begun anew; else "
		"upstream.handshakes_per_s\"",
		s->endpoint, gw_worker_upstream_words(w, s->upstream, words), pace_of(s)->waiting,
		pace_of(s)->under_way);
	relay_link_down(s->relay, RELAY_LINK_FULL, w->now_ms);
}

static void link_open(void *ctx, struct relay_device *d)
{
	struct gw_worker *w = ctx;
	struct gw_session *s = relay_device_user(d);
	if (s->link_wakes)
		return;                 /* it will be told when the link's numbers are there */
	if (s->routed != w->reroutes) { /* it is asked about with its next message */
		relay_link_down(d, RELAY_LINK_CLOSED, w->now_ms);
		return;
	}
	switch (gw_pace_ask(pace_of(s), &s->pace, w->now_ms)) {
	case GW_PACE_NOW:
		open_link(s);
		return;
	case GW_PACE_LATER:
		return;
	case GW_PACE_NEVER:
		too_many(s);
		return;
	}
}

/* The routes may have changed while it waited. */
static void take_turn(struct gw_session *s)
{
	if (s->routed == s->worker->reroutes) {
		open_link(s);
		return;
	}
	gw_pace_leave(pace_of(s), &s->pace);
	relay_link_down(s->relay, RELAY_LINK_CLOSED, s->worker->now_ms);
}

void gw_links_turn(struct gw_worker *w)
{
	for (size_t i = 0; i < w->upstreams_len; i++) {
		struct gw_pace *const p = &w->upstreams[i].pace;
		struct gw_pace_place *place;
		while ((place = gw_pace_late(p, w->now_ms)))
			too_many(CONTAINER_OF(place, struct gw_session, pace));
		while ((place = gw_pace_next(p, w->now_ms)))
			take_turn(CONTAINER_OF(place, struct gw_session, pace));
	}
}

uint64_t gw_links_next_ms(const struct gw_worker *w)
{
	uint64_t next_ms = UINT64_MAX;
	for (size_t i = 0; i < w->upstreams_len; i++) {
		const uint64_t of_ms = gw_pace_next_ms(&w->upstreams[i].pace);
		if (of_ms < next_ms)
			next_ms = of_ms;
	}
	return next_ms;
}

static void link_cancel(void *ctx, struct relay_device *d)
{
	struct gw_worker *w = ctx;
	struct gw_session *s = relay_device_user(d);
	if (s->legs[GW_LINK].conn)
		return;
	gw_pace_leave(pace_of(s), &s->pace);
	if (s->slot == SOURCES_NONE)
		return;
	const struct net_path path = sources_path(gw_session_sources(s), s->slot);
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
	char location[RELAY_LOCATION_MAX]; /* the server has said it */
	const uint64_t sum = r->active ? gw_session_sum(s, r) : 0;
	const enum log_level level = sum != s->said ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
	s->said = sum;
	if (r->active)
		log_limited(&w->log, gw_session_lines(s), w->now_ms, level, "registered",
			"endpoint=%s location=/%s lifetime_s=%u", s->endpoint,
			log_word(r->location, location, sizeof(location)), r->lifetime_s);
	else
		log_limited(&w->log, gw_session_lines(s), w->now_ms, level, "deregistered",
			"endpoint=%s", s->endpoint);
	gw_keep_registration(s);
	gw_sms_registered(s, r->active, r->lifetime_s);
	if (r->active)
		gw_keys_udp_awake(s);
	if (!r->active)
		(void)gw_judge(s, w->ticking ? POLICY_REGISTRATION_EXPIRED : POLICY_DEREGISTERED);
}

/* Where there is another way to the device, it is asked there to come. */
static void wanted(void *ctx, struct relay_device *d)
{
	const struct gw_worker *w = ctx;
	struct gw_session *s = relay_device_user(d);
	log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_DEBUG, "wanted",
		"endpoint=%s why=\"its server asks, and it sleeps\"", s->endpoint);
	gw_sms_wanted(s);
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
		.bootstrap = gw_learning_bootstrap,
		.wanted = wanted,
	};
}
