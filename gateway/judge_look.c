/* SPDX-License-Identifier: Apache-2.0 */
/* When a session that is awake is looked at, and what is found. */
#include "base/bucket.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/air.h"
#include "gateway/facts.h"
#include "gateway/judge_parts.h"
#include "gateway/keep.h"
#include "gateway/material.h"
#include "gateway/rules.h"
#include "gateway/seats.h"
#include "gateway/sms_parts.h"
#include "gateway/worker.h"

#include <string.h>

enum {
	ROUND_MS = 30000,
	STEP_MS = 1000,
	LEAST_A_STEP = 16,
	BURST_US = 1000000,
	SETTLE_WAIT_MS = 1000
};

/* What is not durable cannot be decided of; its messages wait. */
static bool is_ready(const struct gw_session *s)
{
	const struct gw_leg *const leg = &s->legs[GW_DEVICE];
	return leg->conn && leg->hot && !leg->putting && !s->waits && !s->probe && !s->ended &&
	       !s->condemned;
}

static bool read_device(const struct gw_session *s, struct gw_case *c, uint64_t *full_ms)
{
	const struct gw_leg *const leg = &s->legs[GW_DEVICE];
	struct store_assoc a;
	const bool good = store_read_assoc(s->worker->reader, leg->place, &a) == STORE_OK &&
			  memcmp(a.id, leg->id, sizeof(a.id)) == 0;
	if (good) {
		c->generation = a.generation;
		c->born = a.born;
		c->proof = a.proof;
		*full_ms = a.up_ms;
	}
	wipe(&a, sizeof(a));
	return good;
}

static bool read_link(const struct gw_session *s, struct gw_case *c)
{
	const struct gw_leg *const leg = &s->legs[GW_LINK];
	struct store_assoc a;
	if (!leg->conn || !leg->hot)
		return true; /* of one that is being written down, gw_session_link_kept() asks */
	const bool good = store_read_assoc(s->worker->reader, leg->place, &a) == STORE_OK;
	c->has_link = good;
	c->link_born = good ? a.born : 0;
	c->link_generation = good ? a.generation : 0;
	if (good)
		c->link_proof = a.proof;
	wipe(&a, sizeof(a));
	return good;
}

/* False: the store cannot tell. */
static bool case_of(struct gw_session *s, struct gw_case *c)
{
	struct gw_worker *const w = s->worker;
	struct store_verdict v;
	*c = (struct gw_case){ .material = w->material,
		.now_ms = gw_judge_now(w),
		.store_ms = store_time(w->shared->store, w->now_ms),
		.listener = dtls_conn_path(s->legs[GW_DEVICE].conn)->sock,
		.upstream = GW_MATERIAL_UPSTREAM + (size_t)s->upstream,
		.psk = s->kind == STORE_CRED_PSK,
		.certificate = s->kind == STORE_CRED_CERTIFICATE };
	store_reader_rest(w->reader); /* it may have changed in this turn */
	if (store_read_cred_mark(w->reader, s->cred, &c->mark) != STORE_OK ||
		!read_device(s, c, &s->full_ms) || !read_link(s, c))
		return false;
	const enum store_result r = store_read_verdict(w->reader, s->cred, &v);
	if (r == STORE_OK) {
		c->upto = v.upto;
		c->upto_ms = v.upto_ms;
		c->decided = (enum policy_event)v.event;
	}
	return r == STORE_OK || r == STORE_NONE;
}

/* --- changes ---------------------------------------------------------------------------------- */

static bool is_lifted(const struct gw_session *s, const struct gw_case *c)
{
	const struct gw_sentence *const x = s->sentence;
	return x && x->ruling.device.action == POLICY_QUARANTINE &&
	       !gw_case_holds(c, x->ruling.event);
}

static void lift(struct gw_session *s, const struct gw_case *c)
{
	struct gw_ruling r;
	gw_ruling_lift(&s->sentence->ruling, c, &r);
	gw_judge_pass(s, &r);
}

static void decide(struct gw_session *s, const struct gw_case *c, gw_events changes, bool anew)
{
	struct gw_facts f;
	struct gw_ruling r;
	if (!gw_facts_of_session(s, &f)) {
		gw_judge_condemn(s);
		return;
	}
	gw_judge_ask(s->worker, &f, changes, &r);
	r.upto = gw_case_upto(c);
	r.upto_ms = c->now_ms;
	if (s->sentence && !anew)
		gw_ruling_join(&r, &s->sentence->ruling);
	gw_judge_pass(s, &r);
}

bool gw_judge_changes(struct gw_session *s)
{
	struct gw_case c;
	if (!s->worker->rules || !is_ready(s) || (s->sentence && s->sentence->writing > 0))
		return s->ended || s->condemned;
	s->suspect = false;
	if (!case_of(s, &c)) {
		gw_judge_condemn(s);
		return true;
	}
	if (!s->link_suspect)
		gw_case_join_link(&c);
	s->link_suspect = false;
	const bool lifted = is_lifted(s, &c);
	const gw_events changes = lifted ? gw_case_all(&c) : gw_case_changes(&c);
	if (changes != 0)
		decide(s, &c, changes, lifted);
	else if (lifted)
		lift(s, &c);
	return s->condemned;
}

void gw_judge_swept(struct gw_session *s)
{
	struct gw_case c;
	struct gw_ruling r;
	if (s->sms) {
		(void)gw_sms_still(s);
		return;
	}
	s->suspect = true;
	if (gw_judge_changes(s) || s->suspect || s->sentence)
		return;
	if (case_of(s, &c) && gw_case_settles(&c, &r)) {
		struct gw_op *const o = gw_op_new(s->worker, NULL, s->cred);
		const struct gw_leg *const leg = &s->legs[GW_DEVICE];
		if (!o)
			return;
		gw_judge_note(o, &r, leg->place, leg->id);
		gw_op_submit(o, SETTLE_WAIT_MS);
	}
}

bool gw_judge_message(struct gw_session *s)
{
	return gw_judge_changes(s);
}

/* --- other events ----------------------------------------------------------------------------- */

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static bool ends_registration(enum policy_event e)
{
	return e == POLICY_REGISTRATION_EXPIRED || e == POLICY_DEREGISTERED;
}

/* A device by secured packets has no association that could be closed or renewed: what it is told
   is the 4.00, whatever a rule says. What a rule wants of both legs ends its session; of the
   upstream one, that. */
static bool judge_packets(struct gw_session *s, enum policy_event e)
{
	struct gw_facts f;
	struct gw_ruling r;
	const bool over = s->ended || s->sms->closed;
	if (e != POLICY_SMS_KEY_STALE || over || !gw_facts_of_session(s, &f))
		return over;
	gw_judge_ask(s->worker, &f, gw_event_bit(e), &r);
	const unsigned device = gw_action_weight(r.device.action);
	const unsigned upstream = gw_action_weight(r.upstream.action);
	const bool closes = upstream >= gw_action_weight(POLICY_TEARDOWN);
	if (closes || r.alert || strcmp(r.rule, "default") != 0)
		gw_judge_say(s->worker, s->endpoint, &r, closes ? GW_DONE : GW_KEPT, false);
	if (closes && device >= gw_action_weight(POLICY_REKEY_ON_WAKE)) {
		s->sms->closed = true;
		gw_session_loosen(s);
	} else if (closes) {
		gw_session_close_link(s);
	}
	return s->sms->closed;
}

bool gw_judge(struct gw_session *s, enum policy_event e)
{
	struct gw_facts f;
	struct gw_ruling r;
	const struct gw_sentence *const x = s->sentence;
	if (s->worker->rules && s->sms)
		return judge_packets(s, e);
	if (!s->worker->rules || !is_ready(s))
		return s->ended || s->condemned;
	if (!gw_facts_of_session(s, &f)) {
		gw_judge_condemn(s);
		return true;
	}
	gw_judge_ask(s->worker, &f, gw_event_bit(e), &r);
	/* This looks at no change: what the last look has left is left (S28). */
	r.upto = larger(f.upto, x ? x->ruling.upto : 0);
	r.upto_ms = larger(f.upto_ms, x ? x->ruling.upto_ms : 0);
	const bool over = x && x->ruling.until_registration && ends_registration(e);
	if (over && gw_action_weight(r.device.action) == 0)
		r.device = (struct policy_leg){ .action = POLICY_TEARDOWN };
	/* Most sessions move, and register anew, and nobody wants to be told. */
	if (gw_ruling_is_idle(&r) && !r.alert && !r.refuse) {
		if (strcmp(r.rule, "default") != 0)
			gw_judge_say(s->worker, s->endpoint, &r, GW_KEPT, false);
		return false;
	}
	if (x)
		gw_ruling_join(&r, &x->ruling);
	if (over)
		r.until_registration = false;
	gw_judge_pass(s, &r);
	return s->condemned;
}

/* S23: whoever has seen its records can bring this about, so it is not torn down, whatever a rule
   says, and the key is used no more, whatever a rule says. */
void gw_judge_worn(struct gw_session *s)
{
	struct gw_facts f;
	struct gw_ruling r;
	static const char why[] = "the suite's own limit, which holds whatever a rule says";
	if (!s->worker->rules || !gw_facts_of_session(s, &f))
		return;
	gw_judge_ask(s->worker, &f, gw_event_bit(POLICY_FORGED), &r);
	r.device = (struct policy_leg){ .action = POLICY_REKEY_ON_WAKE };
	r.upstream = (struct policy_leg){ .action = POLICY_KEEP };
	memcpy(r.reason, why, sizeof(why));
	gw_judge_say(s->worker, s->endpoint, &r, GW_DECIDED, false);
}

/* --- who is looked at when -------------------------------------------------------------------- */

void gw_judge_all(struct gw_worker *w)
{
	if (!w->rules)
		return;
	for (struct gw_session *s = w->sessions; s; s = s->next) {
		s->suspect = true;
		memset(s->asked, 0, sizeof(s->asked));
	}
}

/* As many a second as the pace lets this worker, at once; the sweep comes to the others, and no
   message goes by before. */
static bool may_judge_now(struct gw_worker *w)
{
	const struct conf_gateway *const conf = w->shared->conf;
	const uint64_t share = conf->policy_pace / conf->workers;
	const uint64_t ease_us = UINT64_C(1000000) / (share > 0 ? share : 1);
	return conf->policy_pace == 0 ||
	       bucket_take(&w->paced_us, w->now_ms * 1000, ease_us, BURST_US);
}

void gw_changed_received(struct gw_worker *w, uint32_t cred)
{
	struct gw_session *const s = gw_session_of(w, cred);
	/* What wakes in this turn yet must not be judged by what was before (S28). */
	store_reader_rest(w->reader);
	if (!s)
		return;
	if (s->air) {
		(void)gw_air_still(s);
		return;
	}
	if (s->sms) {
		(void)gw_sms_still(s);
		return;
	}
	s->suspect = w->rules != NULL;
	if (!w->rules && !s->waits)
		gw_session_end(s, GW_FORGET, "its credential has changed");
	else if (w->rules && may_judge_now(w))
		(void)gw_judge_changes(s);
}

/* asked: the number at which it was asked last. */
static void ask_of(struct gw_session *s, enum policy_event e, uint32_t *asked, uint64_t is)
{
	const struct policy *const p = gw_rules_policy(s->worker->rules);
	const uint32_t now = is < UINT32_MAX ? (uint32_t)is : UINT32_MAX;
	if (now < *asked)
		*asked = 0; /* it was idle, and is so again */
	const bool due = policy_next_bound(p, e, *asked) <= now;
	*asked = now;
	if (due && !s->condemned)
		(void)gw_judge(s, e);
}

static void visit(struct gw_session *s)
{
	const struct gw_worker *const w = s->worker;
	if (!is_ready(s) || (s->sentence && s->sentence->writing > 0))
		return;
	if (s->proof_until_ms > 0 && gw_judge_now(w) >= s->proof_until_ms) {
		s->proof_until_ms = 0;
		s->suspect = true;
		if (gw_judge_changes(s))
			return;
	}
	const struct dtls_conn *const c = s->legs[GW_DEVICE].conn;
	const struct dtls_conn_facts about = dtls_conn_facts(c);
	const struct dtls_numbers n = dtls_conn_numbers(c);
	const uint64_t store_ms = store_time(w->shared->store, w->now_ms);
	if (s->full_ms > 0 && store_ms > s->full_ms)
		ask_of(s, POLICY_AGE, &s->asked[GW_ASKED_AGE], (store_ms - s->full_ms) / 1000);
	if (w->now_ms > about.heard_ms)
		ask_of(s, POLICY_IDLE, &s->asked[GW_ASKED_IDLE],
			(w->now_ms - about.heard_ms) / 1000);
	ask_of(s, POLICY_RECORDS, &s->asked[GW_ASKED_RECORDS], n.edge > n.next ? n.edge : n.next);
	ask_of(s, POLICY_FORGED, &s->asked[GW_ASKED_FORGED], about.forged);
}

/* Each once in ROUND_MS, so that it costs a message nothing. */
static void go_round(struct gw_worker *w)
{
	size_t n = (size_t)(w->sessions_len * (w->now_ms - w->judged_ms) / ROUND_MS) + LEAST_A_STEP;
	w->judged_ms = w->now_ms;
	if (n > w->sessions_len)
		n = w->sessions_len;
	for (; n > 0; n--) {
		struct gw_session *const s = w->judge_next ? w->judge_next : w->sessions;
		w->judge_next = s->next;
		visit(s);
	}
}

uint64_t gw_judge_next_ms(const struct gw_worker *w)
{
	const uint64_t terms_ms = wheel_next_ms(&w->terms);
	const uint64_t round_ms = w->rules && w->sessions ? w->judged_ms + STEP_MS : UINT64_MAX;
	return terms_ms < round_ms ? terms_ms : round_ms;
}

void gw_judge_turn(struct gw_worker *w)
{
	if (w->now_ms >= wheel_next_ms(&w->terms))
		wheel_run(&w->terms, w->now_ms, w);
	if (w->rules && w->now_ms >= w->judged_ms + STEP_MS)
		go_round(w);
}
