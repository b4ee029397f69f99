/* SPDX-License-Identifier: Apache-2.0 */
/* What is to become of a session that sleeps: by what the store tells of it, and the policy. */
#include "base/wipe.h"
#include "gateway/facts.h"
#include "gateway/judge_parts.h"
#include "gateway/lapse.h"
#include "gateway/material.h"
#include "gateway/places.h"
#include "gateway/routes.h"
#include "gateway/rules.h"
#include "gateway/seats.h"
#include "gateway/worker.h"

#include <string.h>

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

bool gw_case_of(struct gw_worker *w, const struct store_assoc *d, struct gw_case *c,
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

uint64_t gw_seconds(uint64_t now_ms, uint64_t since_ms)
{
	return now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0;
}

uint64_t gw_records_of(const struct store_assoc *a)
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
	if (has_reached(p, POLICY_AGE, aged ? gw_seconds(v->at_ms, d->up_ms) : 0,
		    gw_seconds(now_ms, d->up_ms)))
		e |= gw_event_bit(POLICY_AGE);
	if (has_reached(p, POLICY_IDLE, 0, gw_seconds(now_ms, since_ms)))
		e |= gw_event_bit(POLICY_IDLE);
	if (!(v && v->event == POLICY_RECORDS) &&
		has_reached(p, POLICY_RECORDS, 0, gw_records_of(d)))
		e |= gw_event_bit(POLICY_RECORDS);
	if (!(v && v->event == POLICY_FORGED) && has_reached(p, POLICY_FORGED, 0, d->state.forged))
		e |= gw_event_bit(POLICY_FORGED);
	if (d->trust != STORE_EXACT && d->path.role == STORE_DEVICE)
		e |= gw_event_bit(POLICY_POWER_LOST);
	return e;
}

/* --- what is to be done ----------------------------------------------------------------------- */

bool gw_judge_ask_of(
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
	if (r->event >= POLICY_EVENTS || !gw_judge_ask_of(w, d, gw_event_bit(r->event), &now) ||
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
	if (!gw_case_of(w, d, &c, &v, &was_decided))
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
	if (events != 0 && !gw_judge_ask_of(w, d, events, out))
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
