/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/air.h"

#include "base/wipe.h"
#include "conf/address.h"
#include "conf/config_air.h"
#include "gateway/claim.h"
#include "gateway/clock.h"
#include "gateway/facts.h"
#include "gateway/judge_parts.h"
#include "gateway/routes.h"
#include "gateway/rules.h"
#include "gateway/seats.h"
#include "gateway/worker.h"
#include "proxy/rewrite.h"

#include <string.h>

struct coming { /* one datagram */
	struct gw_worker *w;
	const struct conf_air *conf;
	const struct udp_datagram *d;
	struct air_look look;
	bool shown; /* it has an Echo value that was given to this address */
};

/* --- answers without a session --------------------------------------------------------------- */

/* flow: of the session, if there is one: it is counted there. */
static void answer_within(
	const struct coming *c, struct air_flow *flow, uint8_t code, const uint8_t *echo)
{
	uint8_t out[AIR_ANSWER_MAX];
	struct air_said said = { .code = code, .echo = echo };
	gw_worker_random(c->w, (uint8_t *)&said.mid, sizeof(said.mid));
	const size_t len = air_answer(&c->look, &said, out);
	if (len > 0 && (!flow || air_may_send(flow, out, len)))
		gw_air_say(c->w, &c->d->path, out, len);
}

static void answer(const struct coming *c, uint8_t code, const uint8_t *echo)
{
	answer_within(c, NULL, code, echo);
}

static void challenge(const struct coming *c, struct air_flow *flow)
{
	uint8_t echo[AIR_ECHO];
	air_echo(&c->w->airs->key, &c->d->path.peer, c->w->now_ms, echo);
	c->w->airs->stats.challenged++;
	answer_within(c, flow, PDU_UNAUTHORIZED, echo);
}

/* --- who begins ------------------------------------------------------------------------------ */

/* an endpoint that has DTLS is not told apart from one that nobody knows. */
static bool find_cred(struct gw_worker *w, const char *endpoint, uint32_t *cred)
{
	struct store_cred c;
	const bool good = store_find_identity(w->reader, STORE_CRED_NOSEC,
				  (const uint8_t *)endpoint, strlen(endpoint), &c) == STORE_OK &&
			  c.state == STORE_CRED_ACTIVE && c.kind == STORE_CRED_NOSEC &&
			  (c.until_ms == 0 || gw_clock_wall_ms() < c.until_ms);
	*cred = c.number;
	wipe(&c, sizeof(c));
	return good;
}

/* Would this Register take from another address what it has, be it only its place in the line for a
   link? Else strangers with forged addresses end each other's, and so the device's own, and each
   time a link is begun anew: those of all devices are so many a second (gateway/pace). */
static bool takes(const struct coming *c, uint32_t cred, const struct gw_air *here)
{
	const struct gw_worker *const w = c->w;
	_Atomic uint32_t *const seat = gw_seat(w->shared->seats, cred);
	const uint32_t holder = seat ? gw_tenure_worker(atomic_load(seat)) : UINT32_MAX;
	const struct gw_session *const s = gw_session_of(c->w, cred);
	if (here || (holder != UINT32_MAX && holder != w->number))
		return true;
	return s && s->air;
}

bool gw_air_is_allowed(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	struct gw_facts f;
	struct gw_ruling r;
	if (!w->rules)
		return true;
	if (!gw_facts_of_session(s, &f))
		return false;
	gw_judge_ask(w, &f, gw_event_bit(POLICY_NOSEC), &r);
	const bool good =
		gw_action_weight(r.device.action) < gw_action_weight(POLICY_REKEY_ON_WAKE);
	if (!good || strcmp(r.rule, "default") != 0)
		gw_judge_say(w, s->endpoint, &r, good ? GW_KEPT : GW_DECIDED, false);
	return good;
}

bool gw_air_begin(struct gw_session *s)
{
	if (!gw_air_is_allowed(s)) {
		gw_session_end(s, GW_KEEP, "the policy does not let it come without DTLS");
		return false;
	}
	return gw_session_begin(s, NULL);
}

/* A session of cred that is here; whatever there was of it, or at this address, has ended. NULL:
   memory is short. */
static struct gw_session *make(const struct coming *c, uint32_t cred, uint8_t to)
{
	static const char why[] = "its device has registered from another address";
	struct gw_worker *const w = c->w;
	struct gw_air *const here = gw_air_find(w->airs, &c->d->path);
	struct gw_session *const before = gw_session_of(w, cred);
	const bool other = here && here->session != before;
	if (before)
		gw_session_end(before, before->air ? GW_KEEP : GW_FORGET, why);
	if (other)
		gw_session_end(here->session, GW_KEEP, "another device is at its address");
	_Atomic uint32_t *const seat = gw_seat(w->shared->seats, cred);
	if (!seat)
		return NULL;
	const struct gw_taken taken = gw_seat_take(seat, w->number);
	struct gw_session *const s = gw_session_new_air(w, cred, taken.tenure);
	if (s) {
		s->upstream = to;
		s->routed = w->reroutes;
	}
	if (s && gw_air_join(s, &c->d->path)) {
		const uint32_t holder = gw_tenure_worker(taken.before);
		if (holder != UINT32_MAX && holder != w->number)
			gw_claim_send(s, taken.before);
		return s;
	}
	if (s)
		gw_session_end(s, GW_KEEP, "memory is short");
	else if (gw_tenure_worker(taken.before) == UINT32_MAX)
		gw_seat_leave(seat, taken.tenure);
	return NULL;
}

static void pass(const struct coming *c, struct gw_air *x);

static void begin(const struct coming *c)
{
	struct gw_worker *const w = c->w;
	uint32_t cred = 0;
	if (!find_cred(w, c->look.endpoint, &cred)) {
		w->airs->stats.strangers++;
		answer(c, PDU_FORBIDDEN, NULL);
		return;
	}
	const struct gw_air *const here = gw_air_find(w->airs, &c->d->path);
	const struct gw_session *const mine = gw_session_of(w, cred);
	if ((here && here->session->waits) || (mine && mine->waits))
		return; /* for another worker's; what comes again finds it here */
	if (!c->shown && (c->conf->echo_always || takes(c, cred, here))) {
		challenge(c, NULL);
		return;
	}
	const uint8_t to = gw_route(w, cred, c->d->path.sock);
	/* Who has only moved does not stand in its own way. */
	const bool fits = here || gw_air_has_room(w, &c->d->path, mine ? mine->air : NULL);
	if (to == GW_NO_UPSTREAM || !fits) {
		answer(c, PDU_UNAVAILABLE, NULL);
		return;
	}
	struct gw_session *const s = make(c, cred, to);
	if (!s || (!s->waits && !gw_air_begin(s))) {
		answer(c, s ? PDU_FORBIDDEN : PDU_UNAVAILABLE, NULL);
		return;
	}
	pass(c, s->air);
}

/* what is known of others is nothing here. R-080: what answers, answers nothing. */
static void from_nobody(const struct coming *c)
{
	switch (c->look.kind) {
	case AIR_BEGINS:
		begin(c);
		return;
	case AIR_NAMELESS:
		answer(c, PDU_BAD_REQUEST, NULL);
		break;
	case AIR_REGISTERED:
		answer(c, PDU_NOT_FOUND, NULL);
		break;
	case AIR_ASKS:
		answer(c, PDU_UNAUTHORIZED, NULL);
		break;
	case AIR_ANSWERS:
		if (c->look.m.type == PDU_CON)
			answer(c, 0, NULL);
		break;
	case AIR_RESETS:
		answer(c, 0, NULL);
		break;
	case AIR_NOTHING:
	case AIR_EMPTY:
		break;
	}
	c->w->airs->stats.unknown++;
}

/* --- who has a session ----------------------------------------------------------------------- */

/* Our Echo value is nothing to the server. */
static void hand_on(const struct coming *c, struct gw_session *s)
{
	static const struct rewrite without = { .without_echo = true };
	uint8_t copy[UDP_DATAGRAM_MAX + 8];
	const size_t len = c->shown ? rewrite_write(copy, sizeof(copy), &without, &c->look.m) : 0;
	if (len > 0)
		gw_session_message(s, GW_DEVICE, copy, len);
	else
		gw_session_message(s, GW_DEVICE, c->d->data, c->d->len);
}

static void pass(const struct coming *c, struct gw_air *x)
{
	struct gw_worker *const w = c->w;
	struct gw_air_stats *const stats = &w->airs->stats;
	const bool was = x->flow.proved;
	if (!air_takes(&x->flow, &c->look, c->d->len, w->now_ms)) {
		stats->copies += c->look.kind != AIR_NOTHING;
		return;
	}
	x->heard_ms = w->now_ms;
	x->flow.proved = x->flow.proved || c->shown;
	stats->shown += x->flow.proved && !was;
	if (!x->flow.proved && (x->flow.starved || c->conf->echo_always) &&
		pdu_is_request(&c->look.m) && c->look.kind != AIR_RESETS) {
		challenge(c, &x->flow);
		return;
	}
	hand_on(c, x->session);
}

static bool is_inside(const struct conf_air *c, const struct net_addr *peer)
{
	for (size_t i = 0; i < c->sources_len; i++) {
		if (conf_prefix_holds(&c->sources[i], peer))
			return true;
	}
	return false;
}

void gw_air_input(struct gw_worker *w, const struct udp_datagram *d)
{
	struct gw_airs *const a = w->airs;
	struct coming c = { .w = w, .conf = conf_air(w->shared->conf, d->path.sock), .d = d };
	if (!is_inside(c.conf, &d->path.peer)) { /* */
		a->stats.outside++;
		return;
	}
	a->stats.datagrams++;
	a->stats.octets += d->len;
	air_read(d->data, d->len, &c.look);
	c.shown = air_echo_good(&a->key, &d->path.peer, &c.look, w->now_ms);
	struct gw_air *const x = gw_air_find(a, &d->path);
	const bool other = x && c.look.kind == AIR_BEGINS &&
			   strcmp(c.look.endpoint, x->session->endpoint) != 0;
	if (!x || other) {
		from_nobody(&c);
		return;
	}
	if (!x->closed)
		pass(&c, x);
}
