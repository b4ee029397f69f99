/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/session.h"

#include "base/wipe.h"
#include "gateway/claim.h"
#include "gateway/judge.h"
#include "gateway/keep.h"
#include "gateway/lapse.h"
#include "gateway/link_session.h"
#include "gateway/roam.h"
#include "gateway/seats.h"
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

static char *endpoint_of(struct gw_worker *w, uint32_t cred, uint8_t *kind)
{
	struct store_cred c;
	char *endpoint = NULL;
	c.kind = STORE_CRED_PSK;
	if (store_read_cred(w->reader, cred, &c) == STORE_OK)
		endpoint = strdup(c.endpoint);
	*kind = c.kind;
	wipe(&c, sizeof(c));
	return endpoint;
}

struct gw_session *gw_session_new(struct gw_worker *w, uint32_t cred, uint32_t tenure)
{
	struct gw_session *const s = pool_take(&w->session_pool);
	uint8_t kind;
	char *const endpoint = s ? endpoint_of(w, cred, &kind) : NULL;
	if (!endpoint) {
		pool_give(&w->session_pool, s);
		return NULL;
	}
	*s = (struct gw_session){
		.worker = w,
		.endpoint = endpoint,
		.cred = cred,
		.tenure = tenure,
		.kind = kind,
		.slot = SOURCES_NONE,
		.legs = { { .place = STORE_NO_SLOT }, { .place = STORE_NO_SLOT } },
		.next = w->sessions,
		.link_to_us = &w->sessions,
	};
	gw_session_channels(s);
	if (s->next)
		s->next->link_to_us = &s->next;
	w->sessions = s;
	w->sessions_len++;
	gw_roll_add(&w->roll, s);
	return s;
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
		const struct net_path path = sources_path(w->sources, s->slot);
		dtls_connect_cancel(w->dtls, &path);
	}
	gw_session_free_slot(s);
}

static void end_device(struct gw_session *s)
{
	struct dtls_conn *const c = s->legs[GW_DEVICE].conn;
	s->legs[GW_DEVICE].conn = NULL;
	if (!c)
		return;
	dtls_conn_set_user(c, NULL);
	dtls_close(s->worker->dtls, c);
}

void gw_session_end(struct gw_session *s, enum gw_fate fate, const char *why)
{
	struct gw_worker *const w = s->worker;
	log_limited(&w->log, gw_session_lines(s), w->now_ms, why ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
		why ? "session-down" : "session-asleep", "endpoint=%s why=\"%s\"", s->endpoint,
		why ? why : "idle");
	gw_roam_free(s);
	gw_sentence_free(s);
	if (s->relay) {
		/* The link is ours to close. */
		relay_device_let_go(s->relay);
		s->relay = NULL;
	}
	end_link(s);
	end_device(s);
	if (fate == GW_FORGET && s->heir == 0) /* an heir is to have the registration (D-5) */
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

void gw_session_doubt(struct gw_worker *w, uint32_t cred)
{
	struct gw_session *s = NULL;
	while (w->rules && (s = gw_roll_next(&w->roll, cred, s)))
		s->suspect = true;
}

bool gw_session_is_open(struct gw_session *s)
{
	if (s->suspect && s->heir == 0)
		(void)gw_judge_message(s);
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
		else if (s->legs[GW_DEVICE].conn || s->waits)
			gw_judge_look(s);
		else if (!gw_judge_is_parting(s))
			gw_session_end(
				s, GW_FORGET, "the device's association was replaced or closed");
	}
}

/* --- messages -------------------------------------------------------------------------------- */

bool gw_session_begin(struct gw_session *s, const struct relay_registration *registration)
{
	struct gw_worker *const w = s->worker;
	const bool registered = registration && registration->active;
	char text[NET_TEXT_MAX];
	s->relay = relay_device_up(w->relay, s->endpoint, s, &s->device);
	if (!s->relay) {
		gw_session_end(s, GW_KEEP, "memory is short");
		return false;
	}
	if (registered) {
		relay_device_adopt(s->relay, registration);
		s->said = gw_session_sum(s, registration);
	}
	if (s->legs[GW_DEVICE].conn)
		log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_INFO, "session-up",
			"endpoint=%s peer=%s%s", s->endpoint,
			net_addr_text(&dtls_conn_path(s->legs[GW_DEVICE].conn)->peer, text),
			registered ? " registered" : "");
	return true;
}

static void pass(struct gw_session *s, const struct gw_held *m)
{
	struct gw_worker *const w = s->worker;
	switch (m->way) {
	case GW_FROM_DEVICE:
		if (s->legs[GW_DEVICE].conn)
			relay_from_device(s->relay, m->msg, m->len, w->now_ms);
		return;
	case GW_FROM_SERVER:
		if (s->legs[GW_LINK].conn)
			relay_from_server(s->relay, m->msg, m->len, w->now_ms);
		return;
	case GW_TO_DEVICE:
		if (s->legs[GW_DEVICE].conn)
			w->held_lost += !gw_roam_send(s, m->msg, m->len);
		return;
	}
}

/* What passes may make the rest wait again. */
void gw_session_flow(struct gw_session *s)
{
	struct gw_held *m;
	if (s->link_wakes && s->legs[GW_LINK].conn && gw_session_is_open(s)) {
		s->link_wakes = false;
		relay_link_up(s->relay, &s->link, s->worker->now_ms);
	}
	while (gw_session_is_open(s) && (m = gw_hold_take(&s->hold))) {
		pass(s, m);
		free(m);
	}
	gw_roam_flow(s);
	if (s->sentence)
		gw_session_loosen(s); /* a drain may be over */
}

void gw_session_message(struct gw_session *s, enum gw_leg_name from, uint8_t *msg, size_t len)
{
	struct gw_worker *const w = s->worker;
	const bool open = gw_session_is_open(s);
	if (from == GW_DEVICE && s->roam && gw_roam_heard(s, msg, len))
		return;
	if (!open || s->hold.len > 0) {
		w->held_lost += !gw_hold_put(
			&s->hold, from == GW_DEVICE ? GW_FROM_DEVICE : GW_FROM_SERVER, msg, len);
		return;
	}
	if (from == GW_DEVICE)
		relay_from_device(s->relay, msg, len, w->now_ms);
	else
		relay_from_server(s->relay, msg, len, w->now_ms);
	if (s->sentence)
		gw_session_loosen(s);
}
