/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bucket.h"
#include "gateway/clock.h"
#include "gateway/facts.h"
#include "gateway/judge_parts.h"
#include "gateway/keep.h"
#include "gateway/rules.h"
#include "gateway/trace.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <string.h>

/* --- what is stricter ------------------------------------------------------------------------- */

unsigned gw_action_weight(enum policy_action a)
{
	switch (a) {
	case POLICY_KEEP:
	case POLICY_ALERT_ONLY:
	case POLICY_ACTIONS:
		return 0;
	case POLICY_DRAIN:
		return 1;
	case POLICY_REKEY_ON_WAKE:
		return 2;
	case POLICY_QUARANTINE:
		return 3;
	case POLICY_TEARDOWN:
		break;
	}
	return 4;
}

static bool is_kept(enum policy_action a)
{
	return gw_action_weight(a) == 0;
}

/* Is a stricter than b? Of two that keep, the one with a bound, and the sooner one. */
static bool is_stricter(const struct policy_leg *a, const struct policy_leg *b)
{
	const unsigned x = gw_action_weight(a->action), y = gw_action_weight(b->action);
	if (x != y)
		return x > y;
	if (a->until_registration != b->until_registration)
		return a->until_registration;
	return a->bound_s > 0 && (b->bound_s == 0 || a->bound_s < b->bound_s);
}

bool gw_ruling_is_idle(const struct gw_ruling *r)
{
	return !r->is || (is_kept(r->device.action) && is_kept(r->upstream.action) &&
				 r->until_ms == 0 && !r->until_registration);
}

/* --- asking ----------------------------------------------------------------------------------- */

static uint64_t sooner(uint64_t a_ms, uint64_t b_ms)
{
	return a_ms > 0 && (b_ms == 0 || a_ms < b_ms) ? a_ms : b_ms;
}

static bool lasts(const struct policy_leg *l)
{
	return l->action == POLICY_KEEP || l->action == POLICY_QUARANTINE;
}

/* When a leg that goes on is to end; a drain's end is in memory alone. */
static uint64_t end_of(const struct policy_leg *l, uint64_t now_ms)
{
	return lasts(l) && l->bound_s > 0 ? now_ms + (uint64_t)l->bound_s * 1000 : 0;
}

static void name(struct gw_ruling *r, enum policy_event e, const struct policy_decision *d)
{
	r->event = e;
	memset(r->rule, 0, sizeof(r->rule));
	memset(r->reason, 0, sizeof(r->reason));
	memcpy(r->rule, d->rule, strnlen(d->rule, POLICY_NAME_MAX));
	memcpy(r->reason, d->reason, strnlen(d->reason, POLICY_REASON_MAX));
}

/* Of several changes at once, each leg has the strictest of what was said, and the rule is the one
   that was the strictest with the device. */
static void fold(struct gw_ruling *r, enum policy_event e, const struct policy_decision *d)
{
	const bool device = is_stricter(&d->device, &r->device);
	const bool upstream = is_stricter(&d->upstream, &r->upstream);
	if (!r->is || device || (upstream && !is_stricter(&r->device, &d->device)))
		name(r, e, d);
	if (!r->is || device)
		r->device = d->device;
	if (!r->is || upstream)
		r->upstream = d->upstream;
	r->is = true;
	r->refuse = r->refuse || d->refuse_resumption;
	r->alert = r->alert || d->alert;
}

void gw_judge_ask(
	const struct gw_worker *w, struct gw_facts *f, gw_events events, struct gw_ruling *out)
{
	const struct policy *const p = gw_rules_policy(w->rules);
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	memset(out, 0, sizeof(*out));
	for (size_t e = 0; e < POLICY_EVENTS; e++) {
		if (!(events & gw_event_bit((enum policy_event)e)))
			continue;
		f->facts.event = (enum policy_event)e;
		const struct policy_decision d = policy_decide(p, &f->facts);
		fold(out, f->facts.event, &d);
	}
	out->fresh = out->is;
	out->until_registration =
		out->device.until_registration || out->upstream.until_registration;
	out->until_ms = sooner(end_of(&out->device, now_ms), end_of(&out->upstream, now_ms));
	out->at_ms = now_ms;
	out->old_generation = f->facts.generation;
	out->new_generation = f->mark.generation;
}

/* Something new that keeps does not undo what was decided before and is not over; but who is in
   quarantine and meets the same again has what is said now. */
void gw_ruling_join(struct gw_ruling *out, const struct gw_ruling *before)
{
	const bool again =
		before->event == out->event && before->device.action == POLICY_QUARANTINE;
	if (gw_ruling_is_idle(before) || again)
		return;
	const bool device = is_stricter(&before->device, &out->device);
	if (device) {
		out->device = before->device;
		out->event = before->event;
		memcpy(out->rule, before->rule, sizeof(out->rule));
		memcpy(out->reason, before->reason, sizeof(out->reason));
	}
	if (is_stricter(&before->upstream, &out->upstream) && !before->done)
		out->upstream = before->upstream;
	out->until_ms = sooner(out->until_ms, before->until_ms);
	out->until_registration = out->until_registration || before->until_registration;
}

bool gw_ruling_end(struct gw_ruling *r, uint64_t now_ms)
{
	if (r->until_ms == 0 || now_ms < r->until_ms)
		return false;
	r->until_ms = 0;
	r->ended = true;
	r->done = false;
	r->was[0] = r->device;
	r->was[1] = r->upstream;
	if (r->upstream.action == POLICY_KEEP && r->upstream.bound_s > 0)
		r->upstream = (struct policy_leg){ .action = POLICY_TEARDOWN };
	if (r->device.action == POLICY_QUARANTINE ||
		(r->device.action == POLICY_KEEP && r->device.bound_s > 0))
		r->device = (struct policy_leg){ .action = POLICY_TEARDOWN };
	return true;
}

void gw_ruling_end_registration(struct gw_ruling *r)
{
	r->until_registration = false;
	if (is_kept(r->device.action))
		r->device = (struct policy_leg){ .action = POLICY_TEARDOWN };
}

/* --- rows ------------------------------------------------------------------------------------- */

void gw_ruling_to_row(const struct gw_ruling *r, uint32_t cred, struct store_verdict *out)
{
	*out = (struct store_verdict){
		.cred = cred,
		.upto = r->upto,
		.upto_ms = r->upto_ms,
		.at_ms = r->at_ms,
		.until_ms = r->until_ms,
		.event = (uint8_t)r->event,
		.device = (uint8_t)r->device.action,
		.upstream = (uint8_t)r->upstream.action,
		.until_registration = r->until_registration,
		.done = r->done,
		.device_ends = lasts(&r->device) && r->device.bound_s > 0,
		.upstream_ends = lasts(&r->upstream) && r->upstream.bound_s > 0,
	};
	_Static_assert(sizeof(out->rule) == sizeof(r->rule), "both hold a rule's name");
	memcpy(out->rule, r->rule, sizeof(out->rule));
}

static struct policy_leg leg_of(uint8_t action, uint64_t until_ms, uint64_t now_ms)
{
	struct policy_leg l = { .action = (enum policy_action)action };
	if (action >= POLICY_ACTIONS)
		l.action = POLICY_TEARDOWN; /* of a program that is newer than this one */
	if (lasts(&l) && until_ms > 0)      /* over: a second, so that it is not for ever */
		l.bound_s = until_ms > now_ms + 1000 ? (uint32_t)((until_ms - now_ms) / 1000) : 1;
	return l;
}

void gw_ruling_from_row(const struct store_verdict *v, uint64_t now_ms, struct gw_ruling *out)
{
	*out = (struct gw_ruling){
		.is = true,
		.done = v->done,
		.until_registration = v->until_registration,
		.event = v->event < POLICY_EVENTS ? (enum policy_event)v->event : POLICY_EVENTS,
		.device = leg_of(v->device, v->device_ends ? v->until_ms : 0, now_ms),
		.upstream = leg_of(v->upstream, v->upstream_ends ? v->until_ms : 0, now_ms),
		.upto = v->upto,
		.upto_ms = v->upto_ms,
		.at_ms = v->at_ms,
		.until_ms = v->until_ms,
	};
	memcpy(out->rule, v->rule, sizeof(out->rule));
	out->rule[POLICY_NAME_MAX] = '\0';
	out->device.until_registration = v->until_registration;
	/* What was to be done at once is not to be done to the next link, too. */
	if (v->done && !is_kept(out->upstream.action) && is_kept(out->device.action))
		out->upstream.action = POLICY_KEEP;
}

void gw_judge_note(
	struct gw_op *o, const struct gw_ruling *r, uint32_t place, const uint8_t id[SLOT_ID])
{
	o->note = true;
	o->refuse = r->refuse;
	gw_ruling_to_row(r, o->cred, &o->verdict);
	o->verdict.done = r->done || (is_kept(r->device.action) && is_kept(r->upstream.action));
	o->noted_place = place;
	memcpy(o->noted_id, id, sizeof(o->noted_id));
}

struct gw_sentence *gw_sentence_new(struct gw_session *s, const struct gw_ruling *r)
{
	struct gw_sentence *const x = s->sentence ? s->sentence : calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->session = s;
	x->timer.fire = gw_sentence_due;
	x->ruling = *r;
	x->begun = false;
	s->sentence = x;
	return x;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* With each of its messages a device may bring it about that by some rule nothing is to be done. */
static bool may_say_kept(struct gw_worker *w, const char *endpoint)
{
	enum { EASE_MS = 10000, AT_ONCE = 32 };
	const uint64_t hash = sip_hash(&w->shared->identity_key, endpoint, strlen(endpoint));
	if (bucket_take(&w->kept[hash % GW_LINES], w->now_ms, EASE_MS,
		    (uint64_t)(AT_ONCE - 1) * EASE_MS))
		return true;
	log_limited(&w->log, &w->limits.kept, w->now_ms, LOG_LEVEL_WARN, "policy-held",
		"endpoint=%s so often it is decided that nothing is to be done that this is told "
		"once in 10 s",
		endpoint);
	return false;
}

void gw_judge_say(struct gw_worker *w, const char *endpoint, const struct gw_ruling *r,
	enum gw_outcome outcome, bool asleep)
{
	struct gw_entry e = {
		.wall_ms = gw_clock_shown_ms(),
		.event = r->event,
		.device = r->ended ? r->was[0] : r->device,
		.upstream = r->ended ? r->was[1] : r->upstream,
		.refuse_resumption = r->refuse,
		.alert = r->alert,
		.old_generation = r->old_generation,
		.new_generation = r->new_generation,
		.outcome = outcome,
		.asleep = asleep,
	};
	if (!w->shared->chronicle || r->event >= POLICY_EVENTS ||
		(outcome == GW_KEPT && !may_say_kept(w, endpoint)))
		return;
	memcpy(e.endpoint, endpoint, strnlen(endpoint, sizeof(e.endpoint) - 1));
	memcpy(e.rule, r->rule, sizeof(e.rule));
	memcpy(e.reason, r->reason, sizeof(e.reason));
	if (w->tracing)
		gw_trace_decided(w, &e);
	(void)gw_chronicle_put(w->shared->chronicle, &e); /* what is lost is counted there */
}
