/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "gateway/judge_parts.h"
#include "gateway/keep.h"
#include "gateway/rouse.h"
#include "gateway/rules.h"
#include "gateway/seats.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <string.h>

enum {
	NOTE_WAIT_MS = 10, /* many share a commit */
	TOLD_MS = 1000     /* after what was done is in the chronicle */
};

/* --- it wakes --------------------------------------------------------------------------------- */

static uint32_t number(uint64_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* A policy was asked of these just now. */
static void asked_of(struct gw_session *s, const struct store_assoc *a)
{
	const uint64_t now_ms = store_time(s->worker->shared->store, s->worker->now_ms);
	s->asked[GW_ASKED_AGE] = number(gw_seconds(now_ms, a->up_ms));
	s->asked[GW_ASKED_RECORDS] = number(gw_records_of(a));
	s->asked[GW_ASKED_FORGED] = a->state.forged;
}

/* That it may go on as the store's setting lets it (S6) is a rule's word, too, if one says so. */
static void say_power(const struct gw_session *s, const struct store_assoc *a)
{
	struct gw_ruling r;
	if (s->worker->rules &&
		gw_judge_ask_of(s->worker, a, gw_event_bit(POLICY_POWER_LOST), &r) &&
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
	if (!gw_case_of(w, d, &c, &v, &was_decided) || !gw_case_settles(&c, &r))
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
