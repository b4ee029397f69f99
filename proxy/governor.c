/* SPDX-License-Identifier: Apache-2.0 */
/* What the governor does with a message: on its way in, and on its way out. */
#include "proxy/carry.h"

#include <stdlib.h>
#include <string.h>

static bool token_is(const struct carry *c, const struct pdu *m)
{
	return pdu_same_token(m, c->token, c->token_len);
}

static bool has_observe(const struct pdu *m)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	return pdu_next_of(&it, PDU_OBSERVE, &o);
}

/* What that side has sent with this message id, as CON or not. */
static struct carry *asked(
	const struct governor *g, enum side asker, uint16_t mid, bool confirmable)
{
	struct carry *c = g ? g->first : NULL;
	while (c && (c->asker != asker || c->mid != mid || c->confirmable != confirmable))
		c = c->next;
	return c;
}

/* The request of that side that this response is to. */
static struct carry *request_of(const struct governor *g, enum side asker, const struct pdu *m)
{
	struct carry *c = g ? g->first : NULL;
	while (c && (!c->request || c->asker != asker || c->answered || !token_is(c, m)))
		c = c->next;
	return c;
}

/* What flies to that side with this message id. */
static struct carry *flight_to(const struct governor *g, enum side to, uint16_t mid)
{
	struct carry *c = g ? g->first : NULL;
	while (c &&
		(c->flight != CARRY_FLIES || carry_toward(c) != to || carry_flight_mid(c) != mid))
		c = c->next;
	return c;
}

/* What had its answer under this message id. */
static bool was_answered_with(const struct governor *g, enum side asker, uint16_t own_mid)
{
	const struct carry *c = g->first;
	while (c && (!c->separate || c->asker != asker || c->own_mid != own_mid))
		c = c->next;
	return c != NULL;
}

/* --- in -------------------------------------------------------------------------------------- */

static void answer_copy(const struct governor_port *p, const struct carry *c)
{
	struct governor_figures *const f = &p->home->figures;
	*(c->answered ? &f->answered_from_kept : &f->suppressed) += 1;
	if (c->acked)
		carry_acknowledge(p, c);
	else if (c->answered && c->bytes)
		(void)p->ops->send(p->ctx, (enum side)c->asker, c->bytes, c->len);
}

static bool is_copy(const struct governor_port *p, enum side from, const struct pdu *m)
{
	struct carry *const c = asked(*p->seat, from, m->mid, m->type == PDU_CON);
	if (!c)
		return false;
	if (c->sum != carry_sum(m)) {
		/* Another message with an id that is in use: its sender has forgotten that one. */
		carry_drop(p->home, c);
		carry_next(p);
		return false;
	}
	answer_copy(p, c);
	return true;
}

/* A response is an acknowledgement, too, if it is to this very request: a notification may be of an
   older one with the same token (RFC 7641 section 3.1). */
static void response_came(const struct governor_port *p, enum side from, const struct pdu *m)
{
	struct carry *const c = request_of(*p->seat, other_side(from), m);
	if (c && c->flight == CARRY_FLIES && !has_observe(m))
		carry_land(p, c, p->now_ms + carry_patience_ms(p, from));
}

static bool message_in(const struct governor_port *p, enum side from, const struct pdu *m)
{
	if (is_copy(p, from, m))
		return false;
	if (*p->seat)
		(*p->seat)->mid_seen[from] = m->mid;
	if (pdu_is_response(m))
		response_came(p, from, m);
	return true;
}

/* The answer that was on its way back has arrived, or nobody wants it any more. */
static void arrived(const struct governor_port *p, struct carry *c)
{
	carry_empty(p, c);
	carry_land(p, c, p->now_ms);
	carry_keep(p, c);
}

/* An ACK or RST. */
static bool reply_in(const struct governor_port *p, enum side from, const struct pdu *m)
{
	struct carry *c = flight_to(*p->seat, from, m->mid);
	if (!c) { /* a copy of a reply is the reply to a copy */
		if (was_answered_with(*p->seat, from, m->mid))
			return false;
		c = asked(*p->seat, other_side(from), m->mid, true);
		return !c || (!c->answered && m->code != PDU_EMPTY);
	}
	if (c->answered) {
		arrived(p, c);
		return false;
	}
	if (m->code != PDU_EMPTY && !token_is(c, m))
		return true;   /* to nothing that we know */
	if (!c->confirmable) { /* that was an RST, and all that it gets */
		carry_drop(p->home, c);
		carry_next(p);
		return true;
	}
	carry_land(p, c, p->now_ms + carry_patience_ms(p, from));
	return true;
}

bool governor_in(const struct governor_port *p, enum side from, const struct pdu *m)
{
	if (!*p->seat)
		return true;
	if (m->type == PDU_ACK || m->type == PDU_RST)
		return reply_in(p, from, m);
	return message_in(p, from, m);
}

/* --- out: replies ---------------------------------------------------------------------------- */

static enum relay_fate send_as_is(const struct governor_port *p, enum side to, const struct pdu *m)
{
	return p->ops->send(p->ctx, to, m->data, m->len) ? RELAY_PASSED : RELAY_BROKEN;
}

/* Not one that the other side uses for its own messages, which pass beside ours: those go up by one
   most of the time, so half of all ids are far away. */
static uint16_t own_mid(const struct governor_port *p, enum side to)
{
	enum { AWAY = 0x4000 };
	const struct governor *const g = *p->seat;
	const uint16_t far = (uint16_t)(g->mid_seen[other_side(to)] + AWAY);
	uint16_t mid = (uint16_t)(far + (p->ops->random(p->ctx) >> 1));
	while (was_answered_with(g, to, mid))
		mid++;
	return mid;
}

static void make_con(struct carry *c)
{
	enum { TYPE_BITS = 0x30 };
	c->bytes[0] = (uint8_t)((c->bytes[0] & ~TYPE_BITS) | PDU_CON << 4);
	c->bytes[2] = (uint8_t)(c->own_mid >> 8);
	c->bytes[3] = (uint8_t)c->own_mid;
}

static void done(const struct governor_port *p, struct carry *c)
{
	c->answered = true;
	if (!c->confirmable) {
		carry_drop(p->home, c);
		carry_next(p);
		return;
	}
	carry_land(p, c, p->now_ms);
	carry_keep(p, c);
}

/* RFC 7252 section 5.2.2: after an empty ACK, as a separate response. */
static enum relay_fate separate(const struct governor_port *p, struct carry *c, const struct pdu *m)
{
	const bool held = carry_put(p, c, m);
	carry_land(p, c, p->now_ms); /* the request flies no more: its place is free */
	c->own_mid = own_mid(p, (enum side)c->asker);
	c->answered = true;
	c->separate = true;
	if (held) {
		make_con(c);
		if (carry_launch(p, c))
			return RELAY_PASSED;
	}
	carry_empty(p, c);
	carry_keep(p, c);
	return RELAY_BROKEN;
}

static enum relay_fate empty_ack(
	const struct governor_port *p, enum side to, struct carry *c, const struct pdu *m)
{
	/* What the device asked gets one when PROCESSING is over, if its answer, which says the
	   same, has not come until then: that is one message less on the radio. */
	const bool later = c->request && to == SIDE_DEVICE;
	if (!c->acked && !later) {
		if (send_as_is(p, to, m) != RELAY_PASSED)
			return RELAY_BROKEN;
		c->acked = true;
	}
	if (c->request)
		return RELAY_PASSED;
	carry_empty(p, c);
	done(p, c);
	return RELAY_PASSED;
}

static enum relay_fate piggyback(
	const struct governor_port *p, enum side to, struct carry *c, const struct pdu *m)
{
	if (send_as_is(p, to, m) != RELAY_PASSED)
		return RELAY_BROKEN;
	if (carry_put(p, c, m)) {
		done(p, c);
		return RELAY_PASSED;
	}
	/* No room to keep it: a copy will ask the other side, which knows it. */
	carry_drop(p->home, c);
	carry_next(p);
	return RELAY_PASSED;
}

/* RST after the empty ACK: too late for those who wait for an ACK only; who waits for an answer
   gets none. */
static enum relay_fate late_reset(const struct governor_port *p, struct carry *c)
{
	if (c->request) {
		carry_give_up(p, c, GOVERNOR_RESET);
		return RELAY_PASSED;
	}
	carry_empty(p, c);
	done(p, c);
	return RELAY_PASSED;
}

static enum relay_fate reply_out(const struct governor_port *p, enum side to, const struct pdu *m)
{
	struct carry *const c = asked(*p->seat, to, m->mid, true);
	if (!c || c->answered || (m->code != PDU_EMPTY && !token_is(c, m)))
		return send_as_is(p, to, m);
	if (m->type == PDU_ACK && m->code == PDU_EMPTY)
		return empty_ack(p, to, c, m);
	if (!c->acked)
		return piggyback(p, to, c, m);
	return m->type == PDU_RST ? late_reset(p, c) : separate(p, c, m);
}

/* --- out: messages --------------------------------------------------------------------------- */

/* Answers are as many as the device has asked. */
static bool is_full(const struct governor_port *p, enum side to, const struct pdu *m)
{
	uint32_t waiting = 0;
	for (const struct carry *c = *p->seat ? (*p->seat)->first : NULL; c; c = c->next)
		waiting += c->flight == CARRY_WAITS && c->request && !c->answered ? 1 : 0;
	const uint32_t max = p->asleep ? p->home->asleep_max : p->home->waiting_max;
	return to == SIDE_DEVICE && pdu_is_request(m) &&
	       (p->asleep || carry_lane_is_busy(*p->seat)) && waiting >= max;
}

static enum relay_fate carry_out(
	const struct governor_port *p, enum side to, const struct pdu *m, const struct pdu *came)
{
	struct carry *const c = is_full(p, to, m) ? NULL : carry_new(p, m);
	if (!c) /* the server does not mind */
		return to == SIDE_DEVICE ? RELAY_FULL : send_as_is(p, to, m);
	c->asker = (uint8_t)other_side(to);
	c->mid = came->mid;
	c->sum = carry_sum(came);
	c->confirmable = came->type == PDU_CON;
	c->request = pdu_is_request(came);
	c->token_len = came->token_len;
	if (c->token_len > 0)
		memcpy(c->token, came->token, c->token_len);
	c->of->mid_seen[c->asker] = c->mid;
	if (carry_launch(p, c))
		return RELAY_PASSED;
	carry_drop(p->home, c);
	return RELAY_BROKEN;
}

/* It passes a second time: after it waited for a link, say. */
static enum relay_fate once_more(
	const struct governor_port *p, struct carry *c, enum side to, const struct pdu *m)
{
	if (c->flight == CARRY_WAITS)
		return RELAY_PASSED;
	if (c->flight == CARRY_FLIES)
		return send_as_is(p, to, m);
	return carry_launch(p, c) ? RELAY_PASSED : RELAY_BROKEN;
}

static bool is_governed(const struct governor_port *p, enum side to, const struct pdu *m)
{
	const bool asks_device = pdu_is_request(m) && to == SIDE_DEVICE;
	/* A NON that the device asks holds nothing up, and what it is answered neither. */
	if (p->radio->governed)
		return m->type == PDU_CON || asks_device;
	/* Behind what it was asked in its sleep, and before: in order. */
	return asks_device && (p->asleep || carry_lane_is_busy(*p->seat));
}

static enum relay_fate message_out(
	const struct governor_port *p, enum side to, const struct pdu *m, const struct pdu *came)
{
	if (!is_governed(p, to, came))
		return send_as_is(p, to, m);
	struct carry *const c = asked(*p->seat, other_side(to), came->mid, came->type == PDU_CON);
	if (c && !c->answered && !c->given_up && token_is(c, came))
		return once_more(p, c, to, m);
	if (c) {
		carry_drop(p->home, c);
		carry_next(p);
	}
	return carry_out(p, to, m, came);
}

/* Their request is answered with a message of its own, ours or not. */
static enum relay_fate response_out(
	const struct governor_port *p, enum side to, const struct pdu *m, const struct pdu *came)
{
	struct carry *const c = request_of(*p->seat, to, m);
	if (c && !came && c->confirmable && c->acked)
		return separate(p, c, m);
	const enum relay_fate fate = message_out(p, to, m, came ? came : m);
	struct carry *const answered = request_of(*p->seat, to, m);
	/* One that still flies is not what a notification answers: see response_came(). */
	if (fate != RELAY_PASSED || !answered || (came && answered->flight != CARRY_RESTS))
		return fate;
	carry_empty(p, answered);
	answered->acked = answered->confirmable;
	done(p, answered);
	return fate;
}

enum relay_fate governor_out(
	const struct governor_port *p, enum side to, const struct pdu *m, const struct pdu *came)
{
	if (m->type == PDU_ACK || m->type == PDU_RST)
		return reply_out(p, to, m);
	if (pdu_is_response(m))
		return response_out(p, to, m, came);
	return message_out(p, to, m, came ? came : m);
}
