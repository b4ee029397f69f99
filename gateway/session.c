/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/session.h"

#include "base/vault.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/air.h"
#include "gateway/claim.h"
#include "gateway/judge.h"
#include "gateway/keep.h"
#include "gateway/lapse.h"
#include "gateway/learning.h"
#include "gateway/link_session.h"
#include "gateway/repository.h"
#include "gateway/roam.h"
#include "gateway/routes.h"
#include "gateway/seats.h"
#include "gateway/sms.h"
#include "gateway/trace.h"
#include "gateway/worker.h"
#include "io/sources.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct log_limit *gw_session_lines(struct gw_session *s)
{
	return &s->worker->limits.devices[s->cred % GW_LINES];
}

void gw_session_loosen(struct gw_session *s)
{
	if (s->is_loose)
		return;
	s->is_loose = true;
	s->next_loose = s->worker->loose;
	s->worker->loose = s;
}

/* --- making and ending ----------------------------------------------------------------------- */

/* What s is to know of its credential. False: there is none (any more), or memory is short. */
static bool know_cred(struct gw_session *s, bool nosec)
{
	struct store_cred c;
	if (store_read_cred(s->worker->reader, s->cred, &c) == STORE_OK &&
		(c.kind == STORE_CRED_NOSEC) == nosec) /* */
		s->endpoint = strdup(c.endpoint);
	s->kind = c.kind;
	s->purpose = c.purpose;
	s->repository = c.repository;
	wipe(&c, sizeof(c));
	return s->endpoint != NULL;
}

static struct gw_session *make(struct gw_worker *w, uint32_t cred, uint32_t tenure, bool nosec)
{
	struct gw_session *const s = pool_take(&w->session_pool);
	if (!s)
		return NULL;
	*s = (struct gw_session){
		.worker = w,
		.cred = cred,
		.tenure = tenure,
		.upstream = GW_NO_UPSTREAM,
		.target = GW_NO_TARGET,
		.slot = SOURCES_NONE,
		.legs = { { .place = STORE_NO_SLOT }, { .place = STORE_NO_SLOT } },
		.next = w->sessions,
		.link_to_us = &w->sessions,
	};
	gw_session_channels(s);
	if (!know_cred(s, nosec) || (s->kind == STORE_CRED_SMS && !gw_sms_join(s))) {
		free(s->endpoint);
		pool_give(&w->session_pool, s);
		return NULL;
	}
	if (s->next)
		s->next->link_to_us = &s->next;
	w->sessions = s;
	w->sessions_len++;
	gw_roll_add(&w->roll, s);
	return s;
}

struct gw_session *gw_session_new(struct gw_worker *w, uint32_t cred, uint32_t tenure)
{
	return make(w, cred, tenure, false);
}

struct gw_session *gw_session_new_air(struct gw_worker *w, uint32_t cred, uint32_t tenure)
{
	return make(w, cred, tenure, true);
}

const struct net_path *gw_session_path(const struct gw_session *s)
{
	if (s->air)
		return s->air->closed ? NULL : &s->air->path;
	return s->legs[GW_DEVICE].conn ? dtls_conn_path(s->legs[GW_DEVICE].conn) : NULL;
}

/* Nobody finds it any more. */
static void unlist(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	if (w->ask_next == s)
		w->ask_next = s->next;
	if (w->doze_next == s)
		w->doze_next = s->next;
	if (w->judge_next == s)
		w->judge_next = s->next;
	*s->link_to_us = s->next;
	if (s->next)
		s->next->link_to_us = s->link_to_us;
	w->sessions_len--;
	gw_roll_remove(&w->roll, s);
	for (struct gw_session **at = &w->loose; s->is_loose && *at; at = &(*at)->next_loose) {
		if (*at == s) {
			*at = s->next_loose;
			break;
		}
	}
	s->is_loose = false;
}

void gw_session_free(struct gw_session *s)
{
	gw_hold_clear(&s->hold);
	gw_probe_free(s);
	gw_roam_free(s);
	gw_link_session_drop(s);
	gw_learning_drop(s);
	free(s->endpoint);
	pool_give(&s->worker->session_pool, s);
}

static void end_link(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	struct dtls_conn *const c = s->legs[GW_LINK].conn;
	s->legs[GW_LINK].conn = NULL;
	if (c) {
		dtls_conn_set_user(c, NULL);
		dtls_close(w->dtls, c);
	} else if (s->slot != SOURCES_NONE) {
		const struct net_path path = sources_path(gw_session_sources(s), s->slot);
		dtls_connect_cancel(w->dtls, &path);
	}
	gw_session_free_slot(s);
}

static void end_device(struct gw_session *s)
{
	struct dtls_conn *const c = s->legs[GW_DEVICE].conn;
	s->legs[GW_DEVICE].conn = NULL;
	gw_air_leave(s);
	gw_sms_leave(s);
	if (!c)
		return;
	dtls_conn_set_user(c, NULL);
	dtls_close(s->worker->dtls, c);
}

void gw_session_end(struct gw_session *s, enum gw_fate fate, const char *why)
{
	struct gw_worker *const w = s->worker;
	const bool kept = !s->air;
	log_limited(&w->log, gw_session_lines(s), w->now_ms, why ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
		why ? "session-down" : "session-asleep", "endpoint=%s why=\"%s\"", s->endpoint,
		why ? why : "idle");
	gw_roam_free(s);
	gw_sentence_free(s);
	gw_learning_drop(s);
	if (s->relay) {
		/* The link is ours to close. */
		relay_device_let_go(s->relay);
		s->relay = NULL;
	}
	end_link(s);
	end_device(s);
	if (kept && fate == GW_FORGET &&
		s->heir == 0) /* an heir is to have the registration (D-5) */
		gw_keep_nothing(s);
	if (s->heir != 0)
		gw_claim_lost(s); /* somebody waits for it */
	_Atomic uint32_t *const seat = gw_seat(w->shared->seats, s->cred);
	if (seat)
		gw_seat_leave(seat, s->tenure);
	unlist(s);
	w->waiting -= s->waits;
	s->ended = true;
	if (s->ops == 0)
		gw_session_free(s);
}

struct gw_session *gw_session_of(struct gw_worker *w, uint32_t cred)
{
	_Atomic uint32_t *const seat = gw_seat(w->shared->seats, cred);
	const uint32_t tenure = seat ? atomic_load(seat) : 0;
	return gw_tenure_worker(tenure) == w->number ? gw_roll_find(&w->roll, cred, tenure) : NULL;
}

/* Whatever a policy says of a changed credential: what is not allowed any more is not done
 */
static void learn_use(struct gw_session *s)
{
	struct store_cred c;
	store_reader_rest(s->worker->reader); /* it has changed in this turn */
	if (store_read_cred(s->worker->reader, s->cred, &c) == STORE_OK) {
		s->purpose = c.purpose;
		s->repository = c.repository;
		if (s->relay)
			relay_device_set_purpose(s->relay, (enum relay_purpose)s->purpose);
	}
	wipe(&c, sizeof(c));
}

void gw_session_doubt(struct gw_worker *w, uint32_t cred)
{
	struct gw_session *s = NULL;
	while ((s = gw_roll_next(&w->roll, cred, s))) {
		learn_use(s);
		s->suspect = s->suspect || w->rules || s->air || s->sms;
		s->routed = 0; /* its labels may be others, too */
	}
}

bool gw_session_is_open(struct gw_session *s)
{
	if (s->suspect && s->heir == 0 && s->air)
		(void)gw_air_still(s);
	else if (s->suspect && s->heir == 0 && s->sms)
		(void)gw_sms_still(s);
	else if (s->suspect && s->heir == 0)
		(void)gw_judge_message(s);
	if (s->routed != s->worker->reroutes && gw_session_may_flow(s))
		gw_session_route(s);
	return gw_session_may_flow(s);
}

void gw_sessions_sweep(struct gw_worker *w)
{
	while (w->loose) {
		struct gw_session *s = w->loose;
		w->loose = s->next_loose;
		s->is_loose = false;
		if (s->condemned)
			gw_session_end(s, GW_FORGET, "what is to become of it cannot be decided");
		else if (s->air)
			gw_air_look(s);
		else if (s->sms)
			gw_sms_look(s);
		else if (s->legs[GW_DEVICE].conn || s->waits)
			gw_judge_look(s);
		else if (!gw_judge_is_parting(s))
			gw_session_end(
				s, GW_FORGET, "the device's association was replaced or closed");
	}
}

/* --- messages -------------------------------------------------------------------------------- */

/* Classes have the same order everywhere. */
const struct relay_radio *gw_session_radio(const struct gw_session *s)
{
	const struct conf_gateway *const conf = s->worker->shared->conf;
	const struct net_path *const path = gw_session_path(s);
	if (s->sms)
		return relay_radio_of(RELAY_SMS);
	const uint32_t listener = path ? path->sock : CONF_LISTENERS_MAX;
	_Static_assert((int)CONF_RADIO_LTE_M == (int)RELAY_LTE_M &&
			       (int)CONF_RADIO_NB_IOT == (int)RELAY_NB_IOT &&
			       (int)CONF_RADIO_SMS == (int)RELAY_SMS,
		"they have");
	return relay_radio_of(listener < conf->listeners_len
				      ? (enum relay_radio_class)conf->listener_radio[listener]
				      : RELAY_ETHERNET);
}

bool gw_session_begin(struct gw_session *s, const struct relay_registration *registration)
{
	struct gw_worker *const w = s->worker;
	const bool registered = registration && registration->active;
	char text[NET_TEXT_MAX], words[GW_UPSTREAM_WORDS];
	s->relay = relay_device_up_radio(w->relay, s->endpoint, s, &s->device, gw_session_radio(s));
	if (!s->relay) {
		gw_session_end(s, GW_KEEP, "memory is short");
		return false;
	}
	relay_device_set_purpose(s->relay, (enum relay_purpose)s->purpose);
	if (registered) {
		relay_device_adopt(s->relay, registration);
		s->said = gw_session_sum(s, registration);
	}
	if (s->sms)
		gw_session_loosen(s); /* what waits in its box */
	if (gw_session_path(s) || s->sms)
		log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_INFO, "session-up",
			"endpoint=%s peer=%s%s%s%s", s->endpoint,
			s->sms ? "sms" : net_addr_text(&gw_session_path(s)->peer, text),
			s->air ? " nosec" : "", gw_worker_upstream_words(w, s->upstream, words),
			registered ? " registered" : "");
	return true;
}

static enum gw_took take_open(struct gw_session *s, enum gw_leg_name from, uint8_t *msg, size_t len)
{
	if (from == GW_DEVICE && gw_session_image(s, msg, len))
		return GW_TOOK_IMAGE;
	if (from == GW_DEVICE)
		relay_from_device(s->relay, msg, len, s->worker->now_ms);
	else
		relay_from_server(s->relay, msg, len, s->worker->now_ms);
	return GW_TOOK_PASSED;
}

static void take_held(struct gw_session *s, enum gw_leg_name from, struct gw_held *m)
{
	if (s->worker->tracing)
		gw_trace_take(s, from, m->msg, m->len, take_open);
	else
		(void)take_open(s, from, m->msg, m->len);
}

static bool send_held(struct gw_session *s, const struct gw_held *m)
{
	const bool traced = s->worker->tracing;
	if (traced)
		gw_trace_sends(s->worker);
	const bool ok = gw_roam_send(s, m->msg, m->len);
	if (traced)
		gw_trace_sent(s, GW_DEVICE, m->msg, m->len, ok);
	return ok;
}

static void pass(struct gw_session *s, struct gw_held *m)
{
	struct gw_worker *const w = s->worker;
	switch (m->way) {
	case GW_FROM_DEVICE:
		if (gw_session_path(s) || s->sms)
			take_held(s, GW_DEVICE, m);
		return;
	case GW_FROM_SERVER:
		if (s->legs[GW_LINK].conn)
			take_held(s, GW_LINK, m);
		return;
	case GW_TO_DEVICE:
		if (s->legs[GW_DEVICE].conn)
			w->held_lost += !send_held(s, m);
		return;
	}
}

/* What passes may make the rest wait again. */
void gw_session_flow(struct gw_session *s)
{
	struct gw_held *m;
	/* The last may end the link. */
	if (s->link_wakes && gw_session_is_open(s) && s->legs[GW_LINK].conn) {
		s->link_wakes = false;
		relay_link_up(s->relay, &s->link, s->worker->now_ms);
	}
	while (gw_session_is_open(s) && (m = gw_hold_take(&s->hold))) {
		pass(s, m);
		vault_release(m);
	}
	gw_roam_flow(s);
	if (s->sentence)
		gw_session_loosen(s); /* a drain may be over */
}

/* A bootstrap has keys in its messages, which are not left lying where they came in (I5). */
static void forget(const struct gw_session *s, enum gw_leg_name from, uint8_t *msg, size_t len)
{
	if (from == GW_LINK && s->learning)
		wipe(msg, len);
}

enum gw_took gw_session_take(struct gw_session *s, enum gw_leg_name from, uint8_t *msg, size_t len)
{
	struct gw_worker *const w = s->worker;
	const bool open = gw_session_is_open(s);
	if (from == GW_DEVICE && s->roam && gw_roam_heard(s, msg, len))
		return GW_TOOK_REPLY;
	if (from == GW_LINK && !s->legs[GW_LINK].conn)
		return GW_TOOK_ELSEWHERE; /* it is led to another server by now */
	if (!open || s->hold.len > 0) {
		const bool held = gw_hold_put(
			&s->hold, from == GW_DEVICE ? GW_FROM_DEVICE : GW_FROM_SERVER, msg, len);
		w->held_lost += !held;
		forget(s, from, msg, len);
		return held ? GW_TOOK_HELD : GW_TOOK_LOST;
	}
	const enum gw_took took = take_open(s, from, msg, len);
	if (took == GW_TOOK_IMAGE)
		return took;
	forget(s, from, msg, len);
	if (s->sentence)
		gw_session_loosen(s);
	return took;
}

void gw_session_message(struct gw_session *s, enum gw_leg_name from, uint8_t *msg, size_t len)
{
	if (s->worker->tracing)
		gw_trace_take(s, from, msg, len, gw_session_take);
	else
		(void)gw_session_take(s, from, msg, len);
}
