/* SPDX-License-Identifier: Apache-2.0 */
/* Drives the sweep: looks at sessions in the store, a slice at a time, and posts to workers. */
#include "base/wipe.h"
#include "gateway/chronicle.h"
#include "gateway/clock.h"
#include "gateway/gateway_parts.h"
#include "gateway/material.h"
#include "gateway/routes.h"
#include "gateway/rules.h"
#include "gateway/seats.h"
#include "io/inbox.h"
#include "policy/policy.h"
#include "store/store.h"

#include <string.h>
#include <time.h>

enum { LOOKS = 64 /* between two looks at the clock */, SLICE_US = 2000 };
static const double tick_s = 0.02;
static const uint64_t tick_ms = 20;

static uint64_t clock_us(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_ms(void)
{
	return clock_us(CLOCK_BOOTTIME) / 1000;
}

/* --- does it concern a session? --------------------------------------------------------------- */

struct look { /* of a slice */
	struct gw_gateway *g;
	uint64_t newest; /* of waves */
	uint64_t wall_ms;
};

/* What is over by the clock was decided when a look was later; but an end may have been set that
   was over by then. */
static bool time_concerns(const struct look *l, const struct store_glance *s)
{
	const struct store_cred_mark *const m = &s->mark;
	struct store_verdict v;
	if (store_read_verdict(l->g->reader, s->cred, &v) != STORE_OK)
		return true;
	if (m->until_ms > 0 && l->wall_ms >= m->until_ms)
		return v.upto_ms < m->until_ms ||
		       (m->generation > v.upto && v.event != POLICY_CRED_EXPIRED);
	return s->generation < m->proved && m->before != 0 && l->wall_ms >= m->before_until_ms &&
	       v.upto_ms < m->before_until_ms;
}

static bool is_psk(const struct look *l, uint32_t cred)
{
	struct store_cred c;
	const bool psk =
		store_read_cred(l->g->reader, cred, &c) == STORE_OK && c.kind == STORE_CRED_PSK;
	wipe(&c, sizeof(c));
	return psk;
}

/* The listener of an address, as a worker finds it; GW_WAVE_PLACES: there is none any more. */
static size_t place_of(const struct gw_gateway *g, const struct net_addr *local)
{
	static const uint8_t any[sizeof(local->ip)];
	const struct conf_gateway *const conf = g->shared.conf;
	size_t place = GW_WAVE_PLACES;
	for (size_t i = 0; i < conf->listeners_len; i++) {
		const struct net_addr *const at = &conf->listeners[i];
		if (at->port != local->port || at->family != local->family)
			continue;
		if (memcmp(at->ip, local->ip, sizeof(any)) == 0)
			return i;
		if (memcmp(at->ip, any, sizeof(any)) == 0)
			place = i;
	}
	return place;
}

static bool wave_concerns_device(const struct look *l, const struct store_assoc *a, uint64_t upto)
{
	const struct gw_material *const m = l->g->material;
	const size_t place = place_of(l->g, &a->path.local);
	const uint64_t since = upto > a->born ? upto : a->born;
	if (place == GW_WAVE_PLACES)
		return false; /* no record of its can come in */
	if (gw_material_wave(m, GW_WAVE_OWN_DEVICE, place) > since && !is_psk(l, a->cred))
		return true;
	return gw_material_wave(m, GW_WAVE_VOUCHING, place) > since &&
	       gw_material_vouches(m, place, &a->proof, l->wall_ms) != GW_VOUCH_FINE;
}

static bool wave_concerns_link(const struct look *l, const struct store_assoc *a,
	const struct store_session *row, uint64_t upto)
{
	const struct gw_material *const m = l->g->material;
	const size_t place =
		GW_MATERIAL_UPSTREAM + (size_t)gw_upstream_marked(l->g->shared.conf, row->upstream);
	const uint64_t since = upto > a->born ? upto : a->born;
	if (gw_material_wave(m, GW_WAVE_OWN_UPSTREAM, place) > since ||
		gw_material_wave(m, GW_WAVE_SERVER, place) > since)
		return true;
	return gw_material_wave(m, GW_WAVE_VOUCHING, place) > since &&
	       gw_material_vouches(m, place, &a->proof, l->wall_ms) != GW_VOUCH_FINE;
}

static bool wave_concerns(const struct look *l, const struct store_glance *s)
{
	struct store_session row;
	struct store_assoc a;
	if (s->upto >= l->newest || s->born >= l->newest ||
		store_read_session(l->g->reader, s->cred, &row) != STORE_OK)
		return false;
	bool does =
		gw_source_leg(l->g, &row, STORE_DEVICE, &a) && wave_concerns_device(l, &a, s->upto);
	does = does || (gw_source_leg(l->g, &row, STORE_LINK, &a) &&
			       wave_concerns_link(l, &a, &row, s->upto));
	wipe(&a, sizeof(a));
	return does;
}

static bool concerns(const struct look *l, const struct store_glance *s)
{
	switch (gw_sweep_concern(s, l->newest, l->wall_ms)) {
	case GW_CONCERN_CHANGED:
		return true;
	case GW_CONCERN_TIME:
		return time_concerns(l, s) || wave_concerns(l, s);
	case GW_CONCERN_WAVE:
		return wave_concerns(l, s);
	case GW_CONCERN_NONE:
		break;
	}
	return false;
}

/* --- a slice --------------------------------------------------------------------------------- */

static void look(const struct look *l, uint32_t cred)
{
	struct gw_sweep *const s = &l->g->sweep;
	struct store_glance glance;
	const enum store_result r = store_next_glance(l->g->reader, &cred, &glance);
	if (r == STORE_OK)
		gw_sweep_seen(s, cred, concerns(l, &glance));
	else
		gw_sweep_ended(s, now_ms());
}

/* To whoever has it awake; else to the one whose link sockets it has. */
static void post(const struct look *l, uint32_t cred)
{
	struct gw_gateway *const g = l->g;
	const _Atomic uint32_t *const seat = gw_seat(g->shared.seats, cred);
	struct store_session row = { .worker = 0 };
	uint32_t worker = seat ? gw_tenure_worker(atomic_load(seat)) : UINT32_MAX;
	if (worker >= g->len && store_read_session(g->reader, cred, &row) == STORE_OK)
		worker = row.worker;
	worker %= (uint32_t)g->len; /* whichever: there were more once */
	gw_sweep_posted(&g->sweep,
		inbox_post(g->inboxes[worker], INBOX_LOSSY, GW_JUDGE, &cred, sizeof(cred)));
}

static void arm(struct gw_gateway *g)
{
	const uint64_t now = now_ms(), due = gw_sweep_due_ms(&g->sweep, now);
	ev_timer_stop(g->loop, &g->sweep_due);
	if (due == UINT64_MAX)
		return;
	const double in_s = due > now + tick_ms ? (double)(due - now) / 1000.0 : tick_s;
	ev_timer_set(&g->sweep_due, in_s, 0.0);
	ev_timer_start(g->loop, &g->sweep_due);
}

static void on_sweep(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gw_gateway *const g = timer->data;
	const struct look l = {
		.g = g, .newest = gw_material_newest(g->material), .wall_ms = gw_clock_wall_ms()
	};
	const uint64_t until_us = clock_us(CLOCK_MONOTONIC) + SLICE_US, now = now_ms();
	uint32_t cred = 0;
	(void)loop;
	(void)events;
	for (size_t i = 1; i % LOOKS != 0 || clock_us(CLOCK_MONOTONIC) < until_us; i++) {
		const enum gw_sweep_step step = gw_sweep_next(&g->sweep, now, &cred);
		if (step == GW_SWEEP_REST)
			break;
		if (step == GW_SWEEP_POST)
			post(&l, cred);
		else
			look(&l, cred);
	}
	store_reader_rest(g->reader);
	arm(g);
}

/* --- for the others -------------------------------------------------------------------------- */

/* Soon; but not put off by whatever comes next. */
static void hurry(struct gw_gateway *g)
{
	if (!ev_is_active(&g->sweep_due) || ev_timer_remaining(g->loop, &g->sweep_due) > tick_s)
		arm(g);
}

/* The round of a start finds what was changed while nobody was there, and what the last run
   had not come to. */
void gw_sweeping_begin(struct gw_gateway *g)
{
	ev_init(&g->sweep_due, on_sweep);
	g->sweep_due.data = g;
	gw_sweep_init(&g->sweep, g->shared.conf->policy_pace, now_ms());
	gw_sweeping_all(g);
}

void gw_sweeping_end(struct gw_gateway *g)
{
	ev_timer_stop(g->loop, &g->sweep_due);
}

void gw_sweeping_all(struct gw_gateway *g)
{
	if (!g->loop)
		return;
	gw_sweep_begin(&g->sweep);
	hurry(g);
}

/* Who has no session is nobody's to judge. */
void gw_sweeping_one(struct gw_gateway *g, uint32_t cred)
{
	struct store_session row;
	if (!g->loop)
		return; /* the round of the start will meet it */
	store_reader_rest(g->reader);
	if (store_read_session(g->reader, cred, &row) != STORE_OK)
		return;
	gw_sweep_changed(&g->sweep, cred);
	hurry(g);
}

bool gw_sweeping_facts(void *ctx, struct ctl_deciding *out)
{
	const struct gw_gateway *const g = ctx;
	const struct gw_sweep_progress *const p = &g->sweep.progress;
	const uint64_t now = now_ms();
	struct gw_chronicle_facts told = { .entries = 0 };
	if (!g->rules)
		return false;
	if (g->chronicle)
		gw_chronicle_facts(g->chronicle, &told);
	*out = (struct ctl_deciding){
		.rules = policy_rules(gw_rules_policy(g->rules)),
		.pace = g->sweep.pace,
		.walking = p->walking,
		.ended = p->rounds > 0,
		.sessions = store_stats(g->shared.store).sessions,
		.looked = p->looked,
		.found = p->found,
		.began_ms_ago = now - p->began_ms,
		.ended_ms_ago = p->walking ? 0 : now - p->ended_ms,
		.rounds = p->rounds,
		.judged = p->judged,
		.waiting = p->waiting + g->sweep.has_found,
		.entries = told.entries,
		.refused = told.refused,
		.unwritten = told.unwritten,
		.unheard = told.unheard,
		.subscribers = told.subscribers,
	};
	return true;
}
