/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vault.h"
#include "conf/config.h"
#include "gateway/facts.h"
#include "gateway/judge_parts.h"
#include "gateway/keep.h"
#include "gateway/link_session.h"
#include "gateway/roam.h"
#include "gateway/rouse.h"
#include "gateway/worker.h"
#include "io/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOOK_MS = 1000,
	RETRY_AFTER_S = 60,
	NOTE_WAIT_MS = 10 /* many share a commit */,
	TIDY_WAIT_MS = 1000
};

static uint64_t store_now(const struct gw_session *s)
{
	return store_time(s->worker->shared->store, s->worker->now_ms);
}

void gw_sentence_free(struct gw_session *s)
{
	if (!s->sentence)
		return;
	wheel_cancel(&s->worker->terms, &s->sentence->timer);
	free(s->sentence);
	s->sentence = NULL;
}

bool gw_judge_is_parting(const struct gw_session *s)
{
	return s->sentence && s->sentence->asleep;
}

void gw_judge_condemn(struct gw_session *s)
{
	s->condemned = true;
	gw_session_loosen(s);
}

void gw_judge_pass(struct gw_session *s, const struct gw_ruling *r)
{
	const struct gw_leg *const leg = &s->legs[GW_DEVICE];
	struct gw_sentence *const x = gw_sentence_new(s, r);
	struct gw_op *const o = x ? gw_op_new(s->worker, s, s->cred) : NULL;
	if (!o) {
		gw_judge_condemn(s);
		return;
	}
	x->ruling.done = gw_action_weight(r->device.action) == 0 &&
			 gw_action_weight(r->upstream.action) == 0;
	x->writing++;
	x->wrote = leg->serial;
	gw_judge_note(o, &x->ruling, leg->place, leg->id);
	o->judges = true;
	o->blocks = true;
	gw_op_submit(o, s->hold.len > 0 ? 0 : NOTE_WAIT_MS);
}

/* --- the link --------------------------------------------------------------------------------- */

/* Once: the next link is not closed for it, after a restart neither. */
static void link_is_done(struct gw_session *s)
{
	struct gw_sentence *const x = s->sentence;
	const struct gw_leg *const leg = &s->legs[GW_DEVICE];
	struct gw_op *const o = x->ruling.done ? NULL : gw_op_new(s->worker, s, s->cred);
	x->ruling.done = true;
	if (o) {
		gw_judge_note(o, &x->ruling, leg->place, leg->id);
		gw_op_submit(o, TIDY_WAIT_MS);
	}
	x->ruling.upstream = (struct policy_leg){ .action = POLICY_KEEP };
	if (gw_ruling_is_idle(&x->ruling))
		gw_sentence_free(s);
}

/* --- the device ------------------------------------------------------------------------------- */

/* What its own goodbye was answered with is its to hear. */
static void let_hear(struct gw_session *s, enum policy_event e)
{
	struct gw_held *m;
	if (e != POLICY_DEREGISTERED || !s->legs[GW_DEVICE].conn)
		return;
	while ((m = gw_hold_take(&s->hold))) {
		if (m->way == GW_TO_DEVICE)
			s->worker->held_lost += !gw_roam_send(s, m->msg, m->len);
		vault_release(m);
	}
}

/* Its association goes; registration and link stay for its next handshake (D-5). */
static void part_device(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	struct gw_leg *const device = &s->legs[GW_DEVICE];
	const struct gw_leg *const link = &s->legs[GW_LINK];
	struct dtls_conn *const c = device->conn;
	struct store_assoc a = { .slot = device->place };
	memcpy(a.id, device->id, sizeof(a.id));
	if (!link->hot) /* not durable, or being opened: it cannot be kept */
		gw_session_close_link(s);
	if (s->relay)
		relay_device_cut(s->relay); /* */
	device->conn = NULL;
	if (c) {
		dtls_conn_set_user(c, NULL);
		dtls_close(w->dtls, c);
	}
	gw_keep_drop(w, s->cred, GW_DEVICE, &a);
	gw_session_sleep(s);
}

/* s is gone, or will be. */
static void finish(struct gw_session *s)
{
	const struct gw_ruling r = s->sentence->ruling;
	char why[sizeof(r.rule) + sizeof("rule ")];
	(void)snprintf(why, sizeof(why), "rule %s", r.rule);
	gw_judge_say(s->worker, s->endpoint, &r, GW_DONE, false);
	let_hear(s, r.event);
	if (gw_action_weight(r.upstream.action) == 0) {
		part_device(s);
		return;
	}
	if (s->relay) /* who waits for an answer hears that none comes */
		relay_device_gate(s->relay, RELAY_QUARANTINED, RETRY_AFTER_S);
	gw_session_end(s, GW_FORGET, why);
}

/* --- carrying out ----------------------------------------------------------------------------- */

static void arm(struct gw_session *s)
{
	struct gw_sentence *const x = s->sentence;
	const uint64_t now_ms = s->worker->now_ms, store_ms = store_now(s);
	const uint64_t until_ms = x->ruling.until_ms;
	uint64_t due_ms = UINT64_MAX;
	if (until_ms > 0)
		due_ms = now_ms + (until_ms > store_ms ? until_ms - store_ms : 0);
	if (x->drain_ms > 0 && now_ms + LOOK_MS < due_ms)
		due_ms = now_ms + LOOK_MS;
	if (due_ms != UINT64_MAX)
		wheel_arm(&s->worker->terms, &x->timer, due_ms);
}

static uint32_t rest_of(uint32_t bound_s)
{
	return bound_s > 0 && bound_s < RETRY_AFTER_S ? bound_s : RETRY_AFTER_S;
}

static void drain(struct gw_session *s, uint32_t bound_s)
{
	struct gw_sentence *const x = s->sentence;
	const uint64_t end_ms = s->worker->now_ms + (uint64_t)bound_s * 1000;
	if (x->drain_ms == 0 || end_ms < x->drain_ms) /* what comes meanwhile does not put it off */
		x->drain_ms = end_ms;
	if (s->relay)
		relay_device_gate(s->relay, RELAY_DRAINING, rest_of(bound_s));
	gw_session_loosen(s); /* it may have nothing under way */
}

static void say_begun(struct gw_session *s)
{
	const struct gw_ruling *const r = &s->sentence->ruling;
	const unsigned device = gw_action_weight(r->device.action);
	const unsigned upstream = gw_action_weight(r->upstream.action);
	enum gw_outcome o = GW_DONE;
	if (!r->fresh || r->device.action == POLICY_TEARDOWN)
		return; /* it was said; or will be, by finish() */
	if (device == 0 && upstream == 0 && !r->lifted)
		o = GW_KEPT;
	else if (r->device.action == POLICY_DRAIN || r->device.action == POLICY_REKEY_ON_WAKE ||
		 r->upstream.action == POLICY_DRAIN)
		o = GW_DECIDED;
	gw_judge_say(s->worker, s->endpoint, r, o, false);
}

/* told: what is done to its link is in the chronicle already. */
static void keep_device(struct gw_session *s, bool told)
{
	const struct policy_leg up = s->sentence->ruling.upstream;
	if (s->relay && relay_device_gated(s->relay) != RELAY_OPEN && up.action != POLICY_DRAIN)
		relay_device_gate(s->relay, RELAY_OPEN, 0);
	if (up.action == POLICY_DRAIN) {
		drain(s, up.bound_s);
	} else if (gw_action_weight(up.action) > 0) {
		if (!told && s->legs[GW_LINK].conn) /* see gw_judge_noted() */
			gw_judge_say(s->worker, s->endpoint, &s->sentence->ruling, GW_DONE, false);
		gw_session_close_link(s);
		link_is_done(s);
	}
}

static bool drains(const struct gw_ruling *r)
{
	const enum policy_action a = r->device.action;
	return a == POLICY_DRAIN || a == POLICY_REKEY_ON_WAKE ||
	       (gw_action_weight(a) == 0 && r->upstream.action == POLICY_DRAIN);
}

static void carry_out(struct gw_session *s)
{
	struct gw_sentence *const x = s->sentence;
	struct gw_ruling *const r = &x->ruling;
	const bool told = r->fresh;
	x->begun = true;
	if (!drains(r))
		x->drain_ms = 0;
	say_begun(s);
	r->fresh = false;
	switch (r->device.action) {
	case POLICY_TEARDOWN:
	case POLICY_ACTIONS:
		finish(s);
		return;
	case POLICY_QUARANTINE:
		if (s->relay)
			relay_device_gate(s->relay, RELAY_QUARANTINED, rest_of(r->device.bound_s));
		gw_session_close_link(s);
		break;
	case POLICY_DRAIN:
	case POLICY_REKEY_ON_WAKE:
		if (r->upstream.action == POLICY_TEARDOWN)
			gw_session_close_link(s);
		drain(s, r->device.bound_s);
		break;
	case POLICY_KEEP:
	case POLICY_ALERT_ONLY:
		keep_device(s, told);
		break;
	}
	if (!s->sentence)
		return;
	if (gw_ruling_is_idle(&s->sentence->ruling))
		gw_sentence_free(s);
	else
		arm(s);
}

void gw_judge_begin(struct gw_session *s)
{
	struct gw_sentence *const x = s->sentence;
	if (!x || s->ended)
		return;
	if (x->waking)
		x->writing--;
	x->waking = false;
	if (x->writing == 0) /* else what writes it down comes back */
		carry_out(s);
}

void gw_judged(struct gw_session *s, enum store_result r)
{
	struct gw_sentence *const x = s->sentence;
	if (!x || x->writing == 0 || x->wrote != s->legs[GW_DEVICE].serial)
		return; /* its device has come anew */
	x->writing--;
	store_reader_rest(s->worker->reader); /* what was decided is seen from now on */
	if (x->asleep) {
		gw_judge_noted(s, r);
		return;
	}
	if (r != STORE_OK) {
		gw_judge_say(s->worker, s->endpoint, &x->ruling, GW_FAILED, false);
		gw_session_end(s, GW_FORGET, "what was decided of it cannot be kept");
		return;
	}
	if (x->writing == 0)
		carry_out(s);
}

/* --- ends ------------------------------------------------------------------------------------- */

static void drained(struct gw_session *s)
{
	struct gw_sentence *const x = s->sentence;
	x->drain_ms = 0;
	if (gw_action_weight(x->ruling.device.action) > 0) {
		finish(s);
		return;
	}
	gw_judge_say(s->worker, s->endpoint, &x->ruling, GW_DONE, false);
	gw_session_close_link(s);
	if (s->relay)
		relay_device_gate(s->relay, RELAY_OPEN, 0);
	link_is_done(s);
}

/* A bound has been reached: what was decided says what then, and is not decided again. */
static void end_term(struct gw_session *s)
{
	struct gw_ruling *const r = &s->sentence->ruling;
	if (gw_action_weight(r->device.action) > 0) {
		finish(s);
		return;
	}
	gw_judge_say(s->worker, s->endpoint, r, GW_DONE, false);
	gw_session_close_link(s);
	link_is_done(s);
}

void gw_judge_look(struct gw_session *s)
{
	struct gw_sentence *const x = s->sentence;
	if (!x || x->asleep || x->writing > 0 || !x->begun || s->ended)
		return;
	if (x->drain_ms > 0 && (s->worker->now_ms >= x->drain_ms || !s->relay ||
				       relay_device_exchanges(s->relay) == 0)) {
		drained(s);
		return;
	}
	if (gw_ruling_end(&x->ruling, store_now(s)))
		end_term(s);
}

void gw_sentence_due(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	struct gw_sentence *const x = CONTAINER_OF(t, struct gw_sentence, timer);
	struct gw_session *const s = x->session;
	(void)ctx;
	(void)now_ms;
	/* At the end of this turn; and again later, unless it is over then. */
	gw_session_loosen(s);
	wheel_arm(&s->worker->terms, t, s->worker->now_ms + LOOK_MS);
}

/* --- its device has come anew ----------------------------------------------------------------- */

void gw_judge_anew(struct gw_session *s)
{
	if (s->sentence && s->sentence->asleep)
		gw_session_sleep_link(s);
	gw_sentence_free(s);
	s->link_suspect = s->link_suspect || s->suspect;
	memset(s->asked, 0, sizeof(s->asked));
	s->full_ms = 0;
	s->proof_until_ms = 0;
	if (s->relay && relay_device_gated(s->relay) != RELAY_OPEN)
		relay_device_gate(s->relay, RELAY_OPEN, 0);
}
