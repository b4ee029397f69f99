/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sweep.h"

#include "store/store.h"

enum { POST = 1000 /* in thousandths */, BURSTS = 10, BATCHES = 20 /* a second */ };

static uint64_t part(const struct gw_sweep *s, unsigned parts)
{
	const uint64_t of_second = (uint64_t)s->pace * POST / parts;
	return of_second > POST ? of_second : POST;
}

static uint64_t burst(const struct gw_sweep *s)
{
	return part(s, BURSTS);
}

void gw_sweep_init(struct gw_sweep *s, uint32_t pace, uint64_t now_ms)
{
	*s = (struct gw_sweep){
		.pace = pace > 0 ? pace : 1, .credit_ms = now_ms, .again_ms = UINT64_MAX
	};
	s->credit = burst(s);
}

/* --- what has changed ------------------------------------------------------------------------ */

void gw_sweep_begin(struct gw_sweep *s)
{
	s->again = true;
}

static bool is_in_haste(const struct gw_sweep *s, uint32_t cred)
{
	for (size_t i = 0; i < s->haste_len; i++) {
		if (s->haste[(s->haste_first + i) % GW_SWEEP_HASTE] == cred)
			return true;
	}
	return false;
}

/* Those who wait go on waiting in turn; who has no place any more is met by the round. */
void gw_sweep_changed(struct gw_sweep *s, uint32_t cred)
{
	if (s->haste_len == GW_SWEEP_HASTE) {
		gw_sweep_begin(s);
		return;
	}
	if (is_in_haste(s, cred))
		return;
	s->haste[(s->haste_first + s->haste_len++) % GW_SWEEP_HASTE] = cred;
	s->progress.waiting = s->haste_len;
}

/* --- going round ----------------------------------------------------------------------------- */

/* Time may have stood still, but it does not go back. */
static void earn(struct gw_sweep *s, uint64_t now_ms)
{
	const uint64_t most = burst(s);
	const uint64_t passed = now_ms > s->credit_ms ? now_ms - s->credit_ms : 0;
	s->credit_ms += passed;
	/* Thousandths of a post for milliseconds: the pace is their rate. */
	if (passed >= most / s->pace + 1 || s->credit + passed * s->pace > most)
		s->credit = most;
	else
		s->credit += passed * s->pace;
}

static void begin_round(struct gw_sweep *s, uint64_t now_ms)
{
	s->again = false;
	s->again_ms = UINT64_MAX;
	s->at = 0;
	s->has_found = false;
	s->progress.walking = true;
	s->progress.looked = 0;
	s->progress.found = 0;
	s->progress.began_ms = now_ms;
	s->progress.ended_ms = 0;
}

static bool is_due(const struct gw_sweep *s, uint64_t now_ms)
{
	return s->again || s->again_ms <= now_ms;
}

enum gw_sweep_step gw_sweep_next(struct gw_sweep *s, uint64_t now_ms, uint32_t *cred)
{
	earn(s, now_ms);
	if (!s->progress.walking && is_due(s, now_ms))
		begin_round(s, now_ms);
	const bool waits = s->haste_len > 0 || s->has_found;
	if (waits && s->credit >= POST) {
		*cred = s->haste_len > 0 ? s->haste[s->haste_first] : s->at;
		return GW_SWEEP_POST;
	}
	if (s->has_found || !s->progress.walking)
		return GW_SWEEP_REST;
	*cred = s->at;
	return GW_SWEEP_LOOK;
}

void gw_sweep_seen(struct gw_sweep *s, uint32_t cred, bool concerned)
{
	s->at = cred;
	s->has_found = concerned;
	s->progress.looked++;
	s->progress.found += concerned;
}

void gw_sweep_ended(struct gw_sweep *s, uint64_t now_ms)
{
	s->progress.walking = false;
	s->progress.rounds++;
	s->progress.ended_ms = now_ms;
	if (s->progress.found > 0)
		s->again_ms = now_ms + GW_SWEEP_AGAIN_MS;
}

void gw_sweep_posted(struct gw_sweep *s, bool good)
{
	/* A worker that has no room is not asked again at once. */
	s->credit -= POST;
	if (!good)
		return;
	s->progress.judged++;
	if (s->haste_len == 0) {
		s->has_found = false;
		return;
	}
	s->haste_first = (s->haste_first + 1) % GW_SWEEP_HASTE;
	s->progress.waiting = --s->haste_len;
}

uint64_t gw_sweep_due_ms(const struct gw_sweep *s, uint64_t now_ms)
{
	const bool waits = s->haste_len > 0 || s->has_found;
	if (s->again || (s->progress.walking && !s->has_found) || (waits && s->credit >= POST))
		return now_ms;
	/* Not one by one: what is decided together is written down together. */
	if (waits)
		return now_ms + (part(s, BATCHES) - s->credit + s->pace - 1) / s->pace;
	return s->again_ms;
}

/* --- what a glance tells --------------------------------------------------------------------- */

static bool is_over(uint64_t until_ms, uint64_t wall_ms)
{
	return until_ms > 0 && wall_ms >= until_ms;
}

enum gw_concern gw_sweep_concern(const struct store_glance *g, uint64_t newest, uint64_t wall_ms)
{
	const struct store_cred_mark *const m = &g->mark;
	const bool is_anew = m->generation > g->upto && m->generation > g->generation;
	const bool is_old = m->before != 0 && m->before <= g->generation &&
			    g->generation < m->proved; /* proved by what was before */
	const bool may_still = is_old && !is_over(m->before_until_ms, wall_ms);
	if (!m->active)
		return g->upto < m->generation || g->upto == 0 ? GW_CONCERN_CHANGED
							       : GW_CONCERN_NONE;
	if (is_over(m->until_ms, wall_ms))
		return GW_CONCERN_TIME;
	/* What it proved it may prove yet; but its labels may be others since. */
	if (is_anew && (!may_still || m->generation > m->proved))
		return GW_CONCERN_CHANGED;
	if (is_old && !may_still)
		return GW_CONCERN_TIME;
	return newest > g->upto && newest > g->born ? GW_CONCERN_WAVE : GW_CONCERN_NONE;
}
