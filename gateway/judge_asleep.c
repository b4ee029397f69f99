/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "gateway/facts.h"
#include "gateway/judge_parts.h"
#include "gateway/keep.h"
#include "gateway/lapse.h"
#include "gateway/material.h"
#include "gateway/places.h"
#include "gateway/rouse.h"
#include "gateway/routes.h"
#include "gateway/rules.h"
#include "gateway/seats.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <string.h>

enum {
	NOTE_WAIT_MS = 10, /* many share a commit */
	TOLD_MS = 1000     /* after what was done is in the chronicle */
};

/* --- what has happened ------------------------------------------------------------------------ */

static void read_link(struct gw_worker *w, uint32_t cred, struct gw_case *c)
{
	struct store_session row;
	struct store_assoc a;
	if (store_read_session(w->reader, cred, &row) != STORE_OK)
		return;
	c->registered = row.registered;
	c->upstream = gw_upstream_place(w->shared->conf, row.upstream);
	if (row.link == STORE_NO_SLOT)
		return;
	c->has_link = store_read_assoc(w->reader, row.link, &a) == STORE_OK && a.cred == cred &&
		      a.path.role == STORE_LINK;
	c->link_born = c->has_link ? a.born : 0;
	c->link_generation = c->has_link ? a.generation : 0;
	if (c->has_link)
		c->link_proof = a.proof;
	wipe(&a, sizeof(a));
}

/* A place that is none where its listener is not there any more: nothing vouches there. */
static uint32_t listener_of(const struct gw_worker *w, const struct store_assoc *d)
{
	struct net_path path;
	return gw_place_from_store(w, &d->path, &path) ? path.sock : GW_LISTENERS_MAX - 1;
}

/* Unsealed only where it matters: where the listener's own key is another. */
static bool is_psk(struct gw_worker *w, uint32_t cred, const struct gw_case *c)
{
	struct store_cred row;
	const uint64_t since = c->upto > c->born ? c->upto : c->born;
	if (c->certificate ||
		gw_material_wave(w->material, GW_WAVE_OWN_DEVICE, c->listener) <= since)
		return false;
	const bool psk =
		store_read_cred(w->reader, cred, &row) == STORE_OK && row.kind == STORE_CRED_PSK;
	wipe(&row, sizeof(row));
	return psk;
}

/* False: the store cannot tell. */
static bool case_of(struct gw_worker *w, const struct store_assoc *d, struct gw_case *c,
	struct store_verdict *v, bool *was_decided)
{
	*c = (struct gw_case){ .material = w->material,
		.now_ms = gw_judge_now(w),
		.store_ms = store_time(w->shared->store, w->now_ms),
		.generation = d->generation,
		.born = d->born,
		.proof = d->proof,
		.listener = listener_of(w, d),
		.certificate = d->proof.len > 0 };
	if (store_read_cred_mark(w->reader, d->cred, &c->mark) != STORE_OK)
		return false;
	read_link(w, d->cred, c);
	const enum store_result r = store_read_verdict(w->reader, d->cred, v);
	*was_decided = r == STORE_OK;
	if (*was_decided) {
		c->upto = v->upto;
		c->upto_ms = v->upto_ms;
		c->decided = (enum policy_event)v->event;
	}
	c->psk = is_psk(w, d->cred, c);
	return r == STORE_OK || r == STORE_NONE;
}

static uint64_t seconds(uint64_t now_ms, uint64_t since_ms)
{
	return now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0;
}

static uint64_t records_of(const struct store_assoc *a)
{
	return a->state.edge > a->state.sent ? a->state.edge : a->state.sent;
}

static bool has_reached(const struct policy *p, enum policy_event e, uint64_t asked, uint64_t is)
{
	return policy_next_bound(p, e, asked) <= is;
}

/* What counts on while it sleeps. Of what was decided already, it is not asked again. */
static gw_events of_numbers(
	struct gw_worker *w, const struct store_assoc *d, const struct store_verdict *v)
{
	const struct policy *const p = gw_rules_policy(w->rules);
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	const uint64_t since_ms = gw_night_since_ms(w->shared->seats, d->slot, now_ms);
	const bool aged = v && v->event == POLICY_AGE;
	gw_events e = 0;
	if (has_reached(p, POLICY_AGE, aged ? seconds(v->at_ms, d->up_ms) : 0,
		    seconds(now_ms, d->up_ms)))
		e |= gw_event_bit(POLICY_AGE);
	if (has_reached(p, POLICY_IDLE, 0, seconds(now_ms, since_ms)))
		e |= gw_event_bit(POLICY_IDLE);
	if (!(v && v->event == POLICY_RECORDS) && has_reached(p, POLICY_RECORDS, 0, records_of(d)))
		e |= gw_event_bit(POLICY_RECORDS);
	if (!(v && v->event == POLICY_FORGED) && has_reached(p, POLICY_FORGED, 0, d->state.forged))
		e |= gw_event_bit(POLICY_FORGED);
	if (d->trust != STORE_EXACT && d->path.role == STORE_DEVICE)
		e |= gw_event_bit(POLICY_POWER_LOST);
	return e;
}

/* --- what is to be done ----------------------------------------------------------------------- */

static bool ask(
	struct gw_worker *w, const struct store_assoc *d, gw_events events, struct gw_ruling *out)
{
	struct gw_facts f;
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	if (!gw_facts_of_sleeper(w->shared, w->reader, d, now_ms, &f))
		return false;
	gw_judge_ask(w, &f, events, out);
	return true;
}

/* The words of a decision are not written down with it: they are the rule's, if that still says
   so. */
static void recall(struct gw_worker *w, const struct store_assoc *d, struct gw_ruling *r)
{
	struct gw_ruling now;
	if (r->event >= POLICY_EVENTS || !ask(w, d, gw_event_bit(r->event), &now) ||
		strcmp(now.rule, r->rule) != 0)
		return;
	memcpy(r->reason, now.reason, sizeof(r->reason));
	r->refuse = now.refuse;
	r->alert = now.alert;
}

/* Decided now, or before. of_link: whether it is its link that wakes. False: nobody can tell. */
static bool rule(
	struct gw_worker *w, const struct store_assoc *d, bool of_link, struct gw_ruling *out)
{
	struct gw_case c;
	struct store_verdict v;
	struct gw_ruling before = { .is = false };
	bool was_decided;
	*out = before;
	if (!case_of(w, d, &c, &v, &was_decided))
		return false;
	if (!of_link)
		gw_case_join_link(&c);
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	if (was_decided)
		gw_ruling_from_row(&v, now_ms, &before);
	before.old_generation = c.generation;
	before.new_generation = c.mark.generation;
	if (before.until_registration && !c.registered) /* it may have ended without this */
		gw_ruling_end_registration(&before);
	const bool lifted =
		before.device.action == POLICY_QUARANTINE && !gw_case_holds(&c, before.event);
	const gw_events changes = lifted ? gw_case_all(&c) : gw_case_changes(&c);
	const gw_events events = changes | of_numbers(w, d, was_decided ? &v : NULL);
	if (events != 0 && !ask(w, d, events, out))
		return false;
	if (changes == 0 && gw_ruling_is_idle(out) && !out->alert && !out->refuse) {
		*out = before;
		if (lifted)
			gw_ruling_lift(&before, &c, out);
		(void)gw_ruling_end(out, now_ms);
		if (!lifted && !gw_ruling_is_idle(out))
			recall(w, d, out);
		return true;
	}
	out->upto = changes != 0 ? gw_case_upto(&c) : c.upto;
	out->upto_ms = c.now_ms;
	if (was_decided && !lifted)
		gw_ruling_join(out, &before);
	return true;
}

static bool find_device(struct gw_worker *w, uint32_t cred, struct store_assoc *out)
{
	struct store_session row;
	return store_read_session(w->reader, cred, &row) == STORE_OK &&
	       row.device != STORE_NO_SLOT &&
	       store_read_assoc(w->reader, row.device, out) == STORE_OK && out->cred == cred &&
	       out->path.role == STORE_DEVICE;
}

/* Its device is to come anew, and nobody knows what was decided of the last association: it stays
   for that, as long as its credential is good for anything and what it rests on is as it was. */
static bool may_wait(struct gw_worker *w, const struct store_assoc *link)
{
	struct gw_case c = { .material = w->material, .upstream = GW_MATERIAL_PLACES };
	struct store_session row;
	if (store_read_cred_mark(w->reader, link->cred, &c.mark) != STORE_OK)
		return false;
	if (store_read_session(w->reader, link->cred, &row) == STORE_OK)
		c.upstream = gw_upstream_place(w->shared->conf, row.upstream);
	c.now_ms = gw_judge_now(w);
	c.generation = c.mark.generation;
	c.psk = c.has_link = true;
	c.link_born = link->born;
	c.link_proof = link->proof;
	return gw_case_changes(&c) == 0;
}

/* A link's own fate hangs on what was decided of its session. */
static bool rule_of_link(struct gw_worker *w, const struct store_assoc *link, struct gw_ruling *out)
{
	struct store_assoc d;
	const bool known = find_device(w, link->cred, &d);
	const bool good = known ? rule(w, &d, true, out) : may_wait(w, link);
	wipe(&d, sizeof(d));
	return good;
}

static enum gw_verdict verdict_of(
	const struct gw_ruling *r, enum store_role role, enum gw_verdict otherwise)
{
	if (!r->is)
		return otherwise;
	const enum policy_action a = role == STORE_DEVICE ? r->device.action : r->upstream.action;
	/* Who is in quarantine is awake, and told so. */
	const bool goes = gw_action_weight(a) > 0 && a != POLICY_QUARANTINE;
	return goes ? GW_FAREWELL : otherwise;
}

enum gw_verdict gw_judge_sleeper(struct gw_worker *w, struct gw_waking *k)
{
	const struct store_assoc *const a = &k->assoc;
	const enum gw_verdict otherwise = gw_lapse_judge(w, a);
	struct store_cred_mark mark;
	k->ruling = (struct gw_ruling){ .is = false };
	if (!w->rules) {
		const bool same = store_read_cred_mark(w->reader, a->cred, &mark) == STORE_OK &&
				  mark.active && mark.generation == a->generation;
		return same ? otherwise : GW_FAREWELL; /* S28, S30 */
	}
	const enum store_role role = (enum store_role)a->path.role;
	const bool good = role == STORE_DEVICE ? rule(w, a, false, &k->ruling)
					       : rule_of_link(w, a, &k->ruling);
	return good ? verdict_of(&k->ruling, role, otherwise) : GW_FAREWELL;
}

/* --- it wakes --------------------------------------------------------------------------------- */

static uint32_t number(uint64_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* A policy was asked of these just now. */
static void asked_of(struct gw_session *s, const struct store_assoc *a)
{
	const uint64_t now_ms = store_time(s->worker->shared->store, s->worker->now_ms);
	s->asked[GW_ASKED_AGE] = number(seconds(now_ms, a->up_ms));
	s->asked[GW_ASKED_RECORDS] = number(records_of(a));
	s->asked[GW_ASKED_FORGED] = a->state.forged;
}

/* That it may go on as the store's setting lets it (S6) is a rule's word, too, if one says so. */
static void say_power(const struct gw_session *s, const struct store_assoc *a)
{
	struct gw_ruling r;
	if (s->worker->rules && ask(s->worker, a, gw_event_bit(POLICY_POWER_LOST), &r) &&
		strcmp(r.rule, "default") != 0)
		gw_judge_say(s->worker, s->endpoint, &r, GW_KEPT, true);
}

bool gw_judge_adopt(struct gw_session *s, struct gw_op *o, const struct gw_waking *k)
{
	const struct store_assoc *const a = &k->assoc;
	s->full_ms = a->up_ms;
	s->proof_until_ms = a->proof.len > 0 ? a->proof.until_ms : 0;
	asked_of(s, a);
	if (a->trust != STORE_EXACT && !k->ruling.fresh)
		say_power(s, a);
	if (!k->ruling.is)
		return true;
	struct gw_sentence *const x = gw_sentence_new(s, &k->ruling);
	if (!x)
		return false;
	x->writing = 1;
	x->waking = true; /* until gw_judge_begin() */
	if (x->ruling.fresh)
		gw_judge_note(o, &x->ruling, a->slot, a->id);
	return true;
}

/* --- it sleeps on, and what can be done without it is ----------------------------------------- */

static struct gw_session *sit_in(
	struct gw_worker *w, uint32_t cred, const struct gw_ruling *r, struct gw_op **op)
{
	struct gw_session *const s = gw_session_seated(w, cred);
	struct gw_sentence *const x = s ? gw_sentence_new(s, r) : NULL;
	*op = x ? gw_op_new(w, s, cred) : NULL;
	if (s && !*op)
		gw_session_end(s, GW_KEEP, NULL);
	if (!*op)
		return NULL;
	x->asleep = true;
	x->writing = 1;
	(*op)->judges = true;
	return s;
}

static bool closes_link(const struct gw_ruling *r, uint32_t link)
{
	return gw_action_weight(r->upstream.action) > 0 && link != STORE_NO_SLOT;
}

static void settle(struct gw_worker *w, const struct store_assoc *d)
{
	struct gw_case c;
	struct gw_ruling r;
	struct store_verdict v;
	bool was_decided;
	if (!case_of(w, d, &c, &v, &was_decided) || !gw_case_settles(&c, &r))
		return;
	struct gw_op *const o = gw_op_new(w, NULL, d->cred);
	if (!o)
		return;
	gw_judge_note(o, &r, d->slot, d->id);
	gw_op_submit(o, NOTE_WAIT_MS);
}

/* While it is written down, the session's seat is taken: a record of its device waits for its own
   repetition, and is judged by what was decided. */
static void note(struct gw_worker *w, uint32_t cred)
{
	struct store_session row;
	struct gw_waking k;
	struct gw_op *o = NULL;
	store_reader_rest(w->reader);
	if (store_read_session(w->reader, cred, &row) != STORE_OK || row.device == STORE_NO_SLOT)
		return;
	const bool its = gw_sleeper_look(w, row.device, &k) && k.assoc.cred == cred &&
			 k.assoc.path.role == STORE_DEVICE;
	const bool links = its && k.ruling.is && closes_link(&k.ruling, row.link);
	const bool any = its && (k.ruling.fresh || links);
	struct gw_session *const s = any ? sit_in(w, cred, &k.ruling, &o) : NULL;
	if (its && !any)
		settle(w, &k.assoc);
	if (s) {
		gw_judge_note(o, &k.ruling, k.assoc.slot, k.assoc.id);
		s->sentence->place = k.assoc.slot;
		memcpy(s->sentence->id, k.assoc.id, sizeof(k.assoc.id));
		if (links)
			gw_rouse_to_part(s, o, row.link);
		gw_op_submit(o, NOTE_WAIT_MS);
	}
	wipe(&k, sizeof(k));
}

/* c is the device, just heard. link: a place, if that is to be closed, and can be. */
static bool begin_part(
	struct gw_worker *w, const struct gw_waking *k, struct dtls_conn *c, uint32_t link)
{
	struct gw_op *o = NULL;
	const struct store_assoc *const a = &k->assoc;
	struct gw_session *const s = sit_in(w, a->cred, &k->ruling, &o);
	if (!s)
		return false;
	s->legs[GW_DEVICE].conn = c; /* what it says meanwhile goes nowhere, see gw_unproven() */
	dtls_conn_set_user(c, s);
	s->sentence->parts = true;
	s->sentence->ends = gw_action_weight(k->ruling.upstream.action) > 0;
	o->refuse = k->ruling.refuse;
	o->forget = s->sentence->ends;
	o->legs[GW_DEVICE].drop = true;
	o->legs[GW_DEVICE].drop_place = a->slot;
	memcpy(o->legs[GW_DEVICE].drop_id, a->id, sizeof(a->id));
	if (closes_link(&k->ruling, link))
		gw_rouse_to_part(s, o, link);
	gw_op_submit(o, 0);
	return true;
}

bool gw_judge_parts(struct gw_worker *w, const struct gw_waking *k, struct dtls_conn *c)
{
	struct store_session row;
	const struct store_assoc *const a = &k->assoc;
	return a->path.role == STORE_DEVICE && k->ruling.is && a->trust == STORE_EXACT &&
	       store_read_session(w->reader, a->cred, &row) == STORE_OK && row.device == a->slot &&
	       begin_part(w, k, c, row.link);
}

static void say_parted(struct gw_worker *w, const struct gw_waking *k)
{
	struct store_cred c;
	if (k->ruling.is && store_read_cred(w->reader, k->assoc.cred, &c) == STORE_OK)
		gw_judge_say(w, c.endpoint, &k->ruling, GW_DONE, true);
	wipe(&c, sizeof(c));
}

void gw_judge_part(struct gw_worker *w, const struct gw_waking *k, struct dtls_conn *c)
{
	const struct gw_ruling *const r = &k->ruling;
	const bool all = r->is && gw_action_weight(r->device.action) > 0 &&
			 gw_action_weight(r->upstream.action) > 0;
	struct slot *const hot = store_slot(w->shared->store, k->assoc.slot);
	if (r->is && begin_part(w, k, c, STORE_NO_SLOT))
		return;
	/* What its device answers the farewell with, before the row is gone, wakes nobody. */
	if (hot && slot_take(hot, slot_owner(w->shared->incarnation, w->number))) {
		gw_keep_part(w, &k->assoc, all, r->is && r->refuse);
		say_parted(w, k);
	}
	dtls_farewell(w->dtls, c);
}

static enum gw_outcome noted_outcome(const struct gw_sentence *x, enum store_result r)
{
	const bool stays = gw_action_weight(x->ruling.device.action) == 0;
	if (r != STORE_OK)
		return GW_FAILED;
	if (x->parts || x->ruling.lifted)
		return GW_DONE;
	if (stays && gw_action_weight(x->ruling.upstream.action) == 0)
		return GW_KEPT;
	return stays ? GW_DONE : GW_DECIDED;
}

static void part(struct gw_session *s)
{
	struct dtls_conn *const c = s->legs[GW_DEVICE].conn;
	s->legs[GW_DEVICE].conn = NULL;
	if (!c)
		return;
	dtls_conn_set_user(c, NULL);
	dtls_farewell(s->worker->dtls, c);
}

/* After the goodbye, which a process that is killed before has not said: then the link is there
   still, and it is said when the device wakes. */
static void link_is_done(struct gw_session *s)
{
	const struct gw_leg *const link = &s->legs[GW_LINK];
	struct gw_sentence *const x = s->sentence;
	struct gw_op *const o = gw_op_new(s->worker, NULL, s->cred);
	if (!o)
		return;
	x->ruling.done = gw_action_weight(x->ruling.device.action) == 0;
	gw_judge_note(o, &x->ruling, x->place, x->id);
	o->refuse = false;
	o->legs[GW_LINK].drop = true;
	o->legs[GW_LINK].drop_place = link->place;
	memcpy(o->legs[GW_LINK].drop_id, link->id, sizeof(link->id));
	gw_op_submit(o, TOLD_MS);
}

void gw_judge_noted(struct gw_session *s, enum store_result r)
{
	struct gw_worker *const w = s->worker;
	const struct gw_sentence *const x = s->sentence;
	const bool parts = x->parts;
	/* Decided by a process that was killed before it could tell, or after: told now, maybe
	   again. */
	if (x->ruling.fresh || parts || s->legs[GW_LINK].conn)
		gw_judge_say(w, s->endpoint, &x->ruling, noted_outcome(x, r), true);
	if (r != STORE_OK) { /* the sweep comes again, or its next record */
		gw_session_sleep(s);
		return;
	}
	if (parts)
		part(s);
	else if (s->legs[GW_LINK].conn)
		link_is_done(s);
	gw_session_end(s, GW_KEEP, parts ? "a rule of the policy" : NULL);
}

void gw_judge_received(struct gw_worker *w, uint32_t cred)
{
	struct gw_session *const s = gw_session_of(w, cred);
	_Atomic uint32_t *const seat = gw_seat(w->shared->seats, cred);
	if (!w->rules || !seat || w->stopping)
		return;
	if (s) {
		gw_judge_swept(s);
		return;
	}
	const uint32_t owner = gw_tenure_worker(atomic_load(seat));
	if (owner == UINT32_MAX)
		note(w, cred);
	else if (owner != w->number &&
		 !inbox_post(w->shared->inboxes[owner], INBOX_LOSSY, GW_JUDGE, &cred, sizeof(cred)))
		log_say(&w->log, LOG_LEVEL_DEBUG, "judge",
			"a worker is busy; the sweep comes again");
}
