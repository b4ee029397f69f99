/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/learning.h"

#include "base/bucket.h"
#include "base/vault.h"
#include "base/wipe.h"
#include "dtls/engine.h"
#include "gateway/clock.h"
#include "gateway/keep.h"
#include "gateway/material.h"
#include "gateway/profiles.h"
#include "gateway/worker.h"
#include "learn/watch.h"

#include <string.h>

enum { NOT_ACCEPTABLE = 0x86, MS = 1000, FINDING_EASE_MS = 60000 };

struct gw_learning { /* in the vault */
	struct learn_watch *watch;
	struct gw_material *material; /* a reference: its URIs are the watch's */
	uint32_t findings;            /* that were submitted */
	bool finished;                /* the device has the last of them ... */
	bool armed;                   /* ... and the store has been told */
	const char *told;             /* why nothing was learned, the last time; static */
	/* The last; generation 0: it is not durable, or was nothing new. cred 0: there is none. */
	struct store_staged staged;
	struct gw_learned_sms sms; /* the last that was submitted; cred 0: none */
};

static const struct relay_objection none = { .code = 0 };

static void tell(const struct gw_session *s, enum gw_entry_kind kind, uint8_t credential,
	uint64_t generation, const char *why)
{
	const struct gw_learning_news n = {
		.kind = kind,
		.credential = credential,
		.generation = generation,
		.endpoint = s->endpoint,
		.why = why,
	};
	gw_learning_tell(s->worker->shared->chronicle, &n);
}

/* Each finding is a commit, and a step of the store's anchor: a device that bootstraps for ever
   must not wear them out. */
static bool may_find(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	return bucket_take(&w->findings[s->cred % GW_LINES], w->now_ms, FINDING_EASE_MS,
		(uint64_t)(GW_FINDINGS - 1) * FINDING_EASE_MS);
}

/* --- its life --------------------------------------------------------------------------------- */

void gw_learning_drop(struct gw_session *s)
{
	struct gw_learning *const l = s->learning;
	if (!l)
		return;
	s->learning = NULL;
	s->worker->learnings--;
	learn_watch_free(l->watch);
	gw_material_unref(l->material);
	vault_release(l);
}

static struct gw_learning *learning_new(struct gw_material *m)
{
	const struct gw_learn *const learn = gw_material_learn(m);
	struct gw_learning *const l = vault_alloc(sizeof(*l));
	if (!l)
		return NULL;
	*l = (struct gw_learning){ .watch = learn_watch_new(learn->uris, learn->len) };
	if (l->watch) {
		l->material = gw_material_ref(m);
		return l;
	}
	vault_release(l);
	return NULL;
}

static void begin(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	gw_learning_drop(s);
	if (!w->material || gw_material_learn(w->material)->len == 0 || !s->legs[GW_DEVICE].conn ||
		!s->legs[GW_LINK].conn)
		return;
	if (w->learnings < GW_LEARNING_MAX)
		s->learning = learning_new(w->material);
	w->learnings += s->learning != NULL;
	if (!s->learning && may_find(s))
		tell(s, GW_ENTRY_NOT_LEARNED, GW_ENTRY_NO_CREDENTIAL, 0,
			"too many bootstraps are under way, or memory is short");
}

/* --- what is written down --------------------------------------------------------------------- */

static bool submit(struct gw_session *s, enum gw_learns what)
{
	const struct gw_learning *const l = s->learning;
	struct gw_op *const o = gw_op_new(s->worker, s, s->cred);
	if (!o)
		return false;
	o->learns = (uint8_t)what;
	o->learning = l->findings;
	if (what == GW_LEARNS_SMS)
		o->sms = l->sms;
	else
		o->staged = l->staged;
	/* The device may not have what could be forgotten. */
	o->blocks = what == GW_LEARNS_STAGE || what == GW_LEARNS_SMS;
	o->op.vital = !o->blocks;
	gw_op_submit(o, 0);
	return true;
}

static void arm(struct gw_session *s)
{
	struct gw_learning *const l = s->learning;
	if (l->finished && !l->armed && l->staged.generation > 0)
		l->armed = submit(s, GW_LEARNS_ARM); /* without, it is proved, or lapses */
}

static void refused(struct gw_session *s, uint8_t credential, const char *why)
{
	if (s->learning->told != why && may_find(s))
		tell(s, GW_ENTRY_NOT_LEARNED, credential, 0, why);
	s->learning->told = why;
}

static void stage(struct gw_session *s, const struct store_staged *next)
{
	struct gw_learning *const l = s->learning;
	l->staged = *next;
	l->findings++;
	l->finished = l->armed = false;
	l->told = NULL;
	if (submit(s, GW_LEARNS_STAGE))
		return;
	wipe(&l->staged, sizeof(l->staged));
	refused(s, next->kind, "memory is short");
}

static void stage_sms(struct gw_session *s, const struct gw_learned_sms *next)
{
	struct gw_learning *const l = s->learning;
	l->sms = *next;
	if (next->cred == 0 || submit(s, GW_LEARNS_SMS))
		return;
	wipe(&l->sms, sizeof(l->sms));
	refused(s, STORE_CRED_SMS, "memory is short");
}

/* The device has it no more, or that is not known: what was staged in this bootstrap goes. */
static void give_up(struct gw_session *s)
{
	struct gw_learning *const l = s->learning;
	if (l->staged.cred != 0)
		(void)submit(s, GW_LEARNS_DROP); /* without, it lapses */
	wipe(&l->staged, sizeof(l->staged));
}

/* The finding that o is about is the last of a bootstrap that is still followed. */
static struct gw_learning *finding_of(const struct gw_op *o)
{
	struct gw_learning *const l = o->session->ended ? NULL : o->session->learning;
	return l && l->staged.cred != 0 && l->findings == o->learning &&
			       gw_learning_same(&l->staged, &o->staged)
		       ? l
		       : NULL;
}

static const char *why_not(enum store_result r)
{
	switch (r) {
	case STORE_NONE:
	case STORE_STALE:
		return "its identity or key is another's by now, or the credential was changed or "
		       "withdrawn meanwhile";
	case STORE_FULL:
		return "the store is full: make room on the disk of store.path";
	case STORE_DAMAGED:
		return "a value in the store is damaged";
	case STORE_OK:
	case STORE_BROKEN:
		break;
	}
	return "the disk of store.path has failed: see store-broken in the log";
}

static void staged(const struct gw_op *o, enum store_result r)
{
	const struct gw_session *const s = o->session;
	struct gw_learning *const l = finding_of(o);
	const uint64_t generation = r == STORE_OK ? o->staged.generation : 0;
	if (r != STORE_OK)
		tell(s, GW_ENTRY_NOT_LEARNED, o->staged.kind, 0, why_not(r));
	else if (generation > 0) /* it is not what the device proves already */
		tell(s, GW_ENTRY_STAGED, o->staged.kind, generation,
			"the bootstrap server has finished");
	if (!l)
		return;
	l->staged.generation = generation;
	arm(o->session);
}

void gw_learning_stored(const struct gw_op *o, enum store_result r)
{
	struct gw_session *const s = o->session;
	if (o->learned && r == STORE_OK) {
		s->kind = o->staged.kind;
		tell(s, GW_ENTRY_LEARNED, o->staged.kind, o->legs[GW_DEVICE].assoc.generation,
			"the device has proved it");
	}
	switch ((enum gw_learns)o->learns) {
	case GW_LEARNS_STAGE:
		staged(o, r);
		return;
	case GW_LEARNS_ARM:
		if (r == STORE_OK)
			tell(s, GW_ENTRY_ARMED, o->staged.kind, o->staged.generation,
				"the device has finished its bootstrap");
		return;
	case GW_LEARNS_DROP:
		if (r == STORE_OK)
			tell(s, GW_ENTRY_LAPSED, o->staged.kind, o->staged.generation,
				"its bootstrap was not finished with it");
		return;
	case GW_LEARNS_SMS:
		if (r == STORE_OK)
			tell(s, GW_ENTRY_STAGED, STORE_CRED_SMS, 0,
				"the bootstrap server has written keys for short messages");
		else
			tell(s, GW_ENTRY_NOT_LEARNED, STORE_CRED_SMS, 0, why_not(r));
		gw_learned_sms_stored(s, &o->sms);
		return;
	case GW_LEARNS_NOTHING:
		return;
	}
}

/* --- what is said ----------------------------------------------------------------------------- */

/* When what is staged now is over. By a clock that has not been set that would be at the moment
   when it is: then never, but by being proved, or written over. */
static uint64_t ends_ms(const struct gw_learning *l)
{
	const uint64_t settle_ms = (uint64_t)gw_material_learn(l->material)->settle_s * MS;
	return gw_clock_now_s(NULL) < 0 ? UINT64_MAX : gw_clock_shown_ms() + settle_ms;
}

/* Both: what is to be proved by DTLS, and what by short messages. */
static const char *check(const struct gw_session *s, const struct learn_found *found,
	struct store_staged *next, struct gw_learned_sms *sms, uint8_t *kind)
{
	const char *why = gw_learning_check(s, found, next);
	*kind = next->kind;
	memset(sms, 0, sizeof(*sms));
	if (!why) {
		why = gw_learned_sms_check(s, &found->sms, sms);
		*kind = why ? STORE_CRED_SMS : next->kind;
	}
	return why;
}

/* The server finishes. A copy finds the same, which is staged once. */
static struct relay_objection finish_with(struct gw_session *s, const struct learn_found *found)
{
	struct gw_learning *const l = s->learning;
	struct relay_objection o = none;
	struct store_staged next;
	struct gw_learned_sms sms;
	uint8_t kind;
	const char *why = check(s, found, &next, &sms, &kind);
	const bool is_copy = !why && gw_learning_same(&next, &l->staged);
	const bool same_sms = !why && gw_learned_sms_same(&sms, &l->sms);
	next.until_ms = ends_ms(l);
	if (!why && !(is_copy && same_sms) && !may_find(s))
		why = "it is too soon after so many others: try again in some minutes";
	if (why) {
		give_up(s);
		refused(s, kind, why);
		o = (struct relay_objection){ .code = NOT_ACCEPTABLE, .why = why };
	} else {
		if (!is_copy)
			stage(s, &next);
		if (!same_sms)
			stage_sms(s, &sms);
	}
	wipe(&next, sizeof(next));
	wipe(&sms, sizeof(sms));
	return o;
}

static struct relay_objection finishes(struct gw_session *s)
{
	const struct gw_learning *const l = s->learning;
	struct relay_objection o = none;
	struct learn_found found;
	if (learn_watch_found(l->watch, &found)) {
		o = finish_with(s, &found);
	} else {
		const char *const why = learn_watch_why(l->watch);
		give_up(s);
		if (why)
			refused(s, GW_ENTRY_NO_CREDENTIAL, why);
	}
	wipe(&found, sizeof(found));
	return o;
}

static void answered(struct gw_session *s, const struct pdu *m)
{
	struct gw_learning *const l = s->learning;
	const enum learn_event e = learn_watch_answered(l->watch, m);
	if (e == LEARN_FINISHED && l->staged.cred != 0) {
		l->finished = true;
		arm(s);
	}
	if (e == LEARN_BREAKS)
		give_up(s);
}

struct relay_objection gw_learning_bootstrap(
	void *ctx, struct relay_device *d, enum relay_bootstrap what, const struct pdu *m)
{
	struct gw_session *const s = relay_device_user(d);
	(void)ctx;
	switch (what) {
	case RELAY_BOOTSTRAP_BEGINS:
		begin(s);
		return none;
	case RELAY_BOOTSTRAP_ASKED:
		/* Another identity's handshake has taken its path, and the turn is not over: the
		   device has none of it. */
		if (!s->legs[GW_DEVICE].conn)
			gw_learning_drop(s);
		if (s->learning && learn_watch_asked(s->learning->watch, m) == LEARN_FINISHES)
			return finishes(s);
		return none;
	case RELAY_BOOTSTRAP_ANSWERED:
		if (s->learning)
			answered(s, m);
		return none;
	case RELAY_BOOTSTRAP_ENDS:
		gw_learning_drop(s);
		return none;
	}
	return none;
}

uint8_t gw_learning_kind(const struct gw_session *s, const struct dtls_conn *c)
{
	struct store_reader *const reader = s->worker->reader;
	struct store_staged next;
	struct store_cred now;
	uint8_t kind = s->kind;
	if (store_read_staged(reader, s->cred, &next) == STORE_OK &&
		next.generation == dtls_conn_generation(c))
		kind = next.kind;
	else if (store_read_cred(reader, s->cred, &now) == STORE_OK)
		kind = now.kind;
	wipe(&next, sizeof(next));
	wipe(&now, sizeof(now));
	return kind;
}
