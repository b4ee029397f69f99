/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clock.h"
#include "gateway/judge_parts.h"
#include "gateway/material.h"
#include "gateway/worker.h"

#include <string.h>

/* What ends is what everybody's clock says, as at the handshake; store_time() may be ahead of that,
   and goes on where a clock that is not trusted does not. */
uint64_t gw_judge_now(const struct gw_worker *w)
{
	const uint64_t wall_ms = gw_clock_wall_ms();
	return wall_ms > 0 ? wall_ms : store_time(w->shared->store, w->now_ms);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t gw_case_upto(const struct gw_case *c)
{
	return larger(larger(c->upto, c->mark.generation), gw_material_newest(c->material));
}

/* --- the credential --------------------------------------------------------------------------- */

static bool has_expired(const struct gw_case *c)
{
	return c->mark.until_ms > 0 && c->now_ms >= c->mark.until_ms;
}

/* It was shown what the device proves no more: what it is to prove is another thing, and what it
   may prove beside that for a while is not this. */
static bool is_replaced(const struct gw_case *c)
{
	return c->generation < c->mark.proved &&
	       !store_cred_stands(&c->mark, c->generation, c->now_ms);
}

static bool was_before(const struct gw_case *c)
{
	return c->mark.before > 0 && c->mark.before <= c->generation;
}

static gw_events of_credential(const struct gw_case *c)
{
	const struct store_cred_mark *const m = &c->mark;
	const bool newer = m->generation > c->upto;
	if (!m->active)
		return newer ? gw_event_bit(POLICY_CRED_REVOKED) : 0;
	if (has_expired(c)) {
		/* No generation tells of a time that comes. */
		const bool anew =
			c->upto_ms < m->until_ms || (newer && c->decided != POLICY_CRED_EXPIRED);
		return anew ? gw_event_bit(POLICY_CRED_EXPIRED) : 0;
	}
	if (is_replaced(c)) {
		const bool over = was_before(c) && c->upto_ms < m->before_until_ms;
		if (m->proved > c->upto || over)
			return gw_event_bit(POLICY_CRED_REPLACED);
	}
	if (newer && c->generation < m->generation && m->generation > m->proved)
		return gw_event_bit(POLICY_MAPPING_CHANGED);
	return 0;
}

/* --- the certificate -------------------------------------------------------------------------- */

static enum gw_vouch vouches(const struct gw_case *c)
{
	return c->certificate && c->proof.len > 0
		       ? gw_material_vouches(c->material, c->listener, &c->proof, c->now_ms)
		       : GW_VOUCH_FINE;
}

static gw_events of_certificate(const struct gw_case *c)
{
	const bool newer = gw_material_wave(c->material, GW_WAVE_VOUCHING, c->listener) > c->upto;
	switch (vouches(c)) {
	case GW_VOUCH_FINE:
		return 0;
	case GW_VOUCH_REVOKED:
		return newer ? gw_event_bit(POLICY_CERT_REVOKED) : 0;
	case GW_VOUCH_ANCHOR_REMOVED:
		return newer ? gw_event_bit(POLICY_ANCHOR_REMOVED) : 0;
	case GW_VOUCH_EXPIRED:
		break;
	}
	return c->upto_ms < c->proof.until_ms ? gw_event_bit(POLICY_CRED_EXPIRED) : 0;
}

/* --- the gateway's own, and the server -------------------------------------------------------- */

static gw_events of_waves(const struct gw_case *c)
{
	const uint64_t device = larger(c->born, c->upto), link = larger(c->link_born, c->upto);
	const struct gw_material *const m = c->material;
	gw_events e = 0;
	/* A PSK is no key of ours alone: it is the credential's. */
	if (!c->psk && gw_material_wave(m, GW_WAVE_OWN_DEVICE, c->listener) > device)
		e |= gw_event_bit(POLICY_OWN_CHANGED);
	if (!c->has_link)
		return e; /* the next one begins with what is right then */
	if (gw_material_wave(m, GW_WAVE_OWN_UPSTREAM, c->upstream) > link)
		e |= gw_event_bit(POLICY_OWN_CHANGED);
	if (gw_material_wave(m, GW_WAVE_SERVER, c->upstream) > link)
		e |= gw_event_bit(POLICY_SERVER_DISTRUSTED);
	if (gw_material_wave(m, GW_WAVE_VOUCHING, c->upstream) > link &&
		gw_material_vouches(m, c->upstream, &c->link_proof, c->now_ms) != GW_VOUCH_FINE)
		e |= gw_event_bit(POLICY_SERVER_DISTRUSTED);
	return e;
}

gw_events gw_case_changes(const struct gw_case *c)
{
	return of_credential(c) | of_certificate(c) | of_waves(c);
}

gw_events gw_case_all(const struct gw_case *c)
{
	struct gw_case anew = *c;
	anew.upto = anew.upto_ms = 0;
	anew.decided = POLICY_EVENTS;
	return gw_case_changes(&anew);
}

bool gw_case_holds(const struct gw_case *c, enum policy_event e)
{
	const enum gw_vouch v = vouches(c);
	if (e == POLICY_CRED_EXPIRED)
		return has_expired(c) || v == GW_VOUCH_EXPIRED;
	if (e == POLICY_CERT_REVOKED)
		return v == GW_VOUCH_REVOKED;
	if (e == POLICY_ANCHOR_REMOVED)
		return v == GW_VOUCH_ANCHOR_REMOVED;
	if (e == POLICY_CRED_REPLACED) /* it may have been taken back into the time beside */
		return is_replaced(c);
	/* What the links rest on was changed again. Who was put in quarantine has no link. */
	if (e == POLICY_SERVER_DISTRUSTED)
		return larger(gw_material_wave(c->material, GW_WAVE_SERVER, c->upstream),
			       gw_material_wave(c->material, GW_WAVE_VOUCHING, c->upstream)) <=
		       c->upto;
	return true; /* it is never taken back */
}

void gw_ruling_lift(const struct gw_ruling *was, const struct gw_case *c, struct gw_ruling *out)
{
	*out = (struct gw_ruling){ .is = true,
		.fresh = true,
		.done = true,
		.lifted = true,
		.event = was->event,
		.upto = gw_case_upto(c),
		.upto_ms = c->now_ms,
		.at_ms = c->store_ms,
		.old_generation = c->generation,
		.new_generation = c->mark.generation };
	static const char why[] = "the reason for it is gone";
	memcpy(out->rule, was->rule, sizeof(out->rule));
	memcpy(out->reason, why, sizeof(why));
}

/* A device leg that was torn down with its link kept, and has come anew: the link is by the older
   credential still, as was decided. */
bool gw_case_settles(const struct gw_case *c, struct gw_ruling *out)
{
	static const char rule[] = "as before";
	const uint64_t newest = c->mark.generation;
	if (!c->has_link || c->link_generation >= newest || c->generation < newest ||
		c->upto >= newest)
		return false;
	*out = (struct gw_ruling){ .is = true,
		.fresh = true,
		.done = true,
		.event = POLICY_CRED_REPLACED,
		.upto = gw_case_upto(c),
		.upto_ms = c->now_ms,
		.at_ms = c->store_ms };
	memcpy(out->rule, rule, sizeof(rule));
	return true;
}
