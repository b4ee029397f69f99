/* SPDX-License-Identifier: Apache-2.0 */
/* When the governor sends: first, once more, and for the last time. */
#include "proxy/carry.h"

#include <stdlib.h>
#include <string.h>

static bool again_is_due(const struct governor_port *p, const struct carry *c)
{
	const uint8_t copies = carry_leg(p, carry_toward(c))->max_retransmit;
	return (c->confirmable || c->answered) && c->sent <= copies;
}

/* RFC 7252 section 4.2: "a random duration (often not an integral number of seconds) between
   ACK_TIMEOUT and (ACK_TIMEOUT * ACK_RANDOM_FACTOR)". */
static uint32_t first_timeout(const struct governor_port *p, const struct relay_radio *leg)
{
	const uint32_t spread = leg->ack_timeout_ms / 100 * (leg->random_percent - 100U);
	return leg->ack_timeout_ms + (uint32_t)((uint64_t)spread * p->ops->random(p->ctx) >> 16);
}

/* --- one at a time --------------------------------------------------------------------------- */

bool carry_lane_is_busy(const struct governor *g)
{
	for (const struct carry *c = g ? g->first : NULL; c; c = c->next) {
		if (c->flight == CARRY_FLIES && carry_toward(c) == SIDE_DEVICE)
			return true;
	}
	return false;
}

static bool fly(const struct governor_port *p, struct carry *c)
{
	const enum side to = carry_toward(c);
	c->timeout_ms = first_timeout(p, carry_leg(p, to));
	c->due_ms = p->now_ms + c->timeout_ms;
	c->sent = 1;
	c->flight = CARRY_FLIES;
	return p->ops->send(p->ctx, to, c->bytes, c->len);
}

/* In queue mode all wait equally long, whether or not the device falls asleep meanwhile. */
static void wait(const struct governor_port *p, struct carry *c)
{
	const bool by_queue = p->queues && c->asker == SIDE_SERVER && c->request && !c->answered;
	c->flight = CARRY_WAITS;
	c->due_ms = by_queue ? c->born_ms + p->home->asleep_ms : p->now_ms + p->home->wait_ms;
}

bool carry_launch(const struct governor_port *p, struct carry *c)
{
	if (carry_must_wait(p, c) ||
		(carry_toward(c) == SIDE_DEVICE && carry_lane_is_busy(c->of))) {
		wait(p, c);
		return true;
	}
	if (fly(p, c))
		return true;
	c->flight = CARRY_RESTS;
	return false;
}

/* An answer is waited for, and goes before what is new. */
static bool goes_first(const struct carry *c)
{
	return c->answered || !c->request;
}

void carry_next(const struct governor_port *p)
{
	struct carry *next = NULL;
	if (carry_lane_is_busy(*p->seat))
		return;
	for (struct carry *c = *p->seat ? (*p->seat)->first : NULL; c; c = c->next) {
		if (c->flight != CARRY_WAITS || carry_must_wait(p, c))
			continue;
		if (!next || (goes_first(c) && !goes_first(next)))
			next = c;
	}
	if (next)
		(void)fly(p, next); /* what the channel does not take is repeated in time */
}

void carry_land(const struct governor_port *p, struct carry *c, uint64_t due_ms)
{
	const bool flew = c->flight == CARRY_FLIES;
	c->flight = CARRY_RESTS;
	c->due_ms = due_ms;
	if (flew)
		carry_next(p);
}

/* --- what is due ----------------------------------------------------------------------------- */

static bool owes_ack(const struct carry *c)
{
	return c->confirmable && !c->acked && !c->answered &&
	       (c->request || c->asker == SIDE_SERVER);
}

static uint64_t due_ms(const struct carry *c)
{
	const uint64_t ack_ms = c->born_ms + GOVERNOR_PROCESSING_MS;
	return owes_ack(c) && ack_ms < c->due_ms ? ack_ms : c->due_ms;
}

uint64_t governor_next_ms(const struct governor *g)
{
	uint64_t next = UINT64_MAX;
	for (const struct carry *c = g ? g->first : NULL; c; c = c->next) {
		if (due_ms(c) < next)
			next = due_ms(c);
	}
	return next;
}

void carry_acknowledge(const struct governor_port *p, const struct carry *c)
{
	uint8_t ack[PDU_EMPTY_LEN];
	pdu_write_empty(ack, PDU_ACK, c->mid);
	(void)p->ops->send(p->ctx, (enum side)c->asker, ack, sizeof(ack));
}

/* What is handed out is a copy: c may be answered, and go, before that returns. */
static uint8_t *copy_of(const struct carry *c, struct pdu *m)
{
	uint8_t *const copy = c->bytes ? malloc(c->len) : NULL;
	if (!copy)
		return NULL;
	memcpy(copy, c->bytes, c->len);
	if (pdu_parse(copy, c->len, m) == PDU_OK)
		return copy;
	free(copy);
	return NULL;
}

void carry_give_up(const struct governor_port *p, struct carry *c, enum governor_end why)
{
	struct pdu m;
	uint8_t *const copy = copy_of(c, &m);
	const enum side asker = (enum side)c->asker;
	c->given_up = true;
	carry_land(p, c, p->now_ms + carry_leg(p, asker)->exchange_lifetime_ms);
	if (copy)
		p->ops->give_up(p->ctx, asker, &m, why);
	free(copy);
}

static void repeat(const struct governor_port *p, struct carry *c)
{
	struct pdu m;
	c->sent++;
	c->timeout_ms *= 2;
	c->due_ms = p->now_ms + c->timeout_ms;
	p->home->figures.repeated++;
	if (c->answered || c->asker == SIDE_SERVER) {
		(void)p->ops->send(p->ctx, carry_toward(c), c->bytes, c->len);
		return;
	}
	uint8_t *const copy = copy_of(c, &m);
	if (copy)
		p->ops->again(p->ctx, &m);
	free(copy);
}

static void drop(const struct governor_port *p, struct carry *c)
{
	carry_drop(p->home, c);
	carry_next(p);
}

/* Nothing of it has ever reached the device, so that it may be asked again whatever it does. */
static bool slept_on(const struct governor_port *p, const struct carry *c)
{
	return carry_must_wait(p, c) && c->flight == CARRY_WAITS && c->sent == 0;
}

/* no copies for a device that has fallen asleep; it is asked anew when it wakes. */
static void lie_down(const struct governor_port *p, struct carry *c)
{
	wait(p, c);
	carry_next(p);
}

/* RFC 7252 section 4.2: "the attempt to transmit the message is canceled and the application
   process informed of failure". */
static void exhausted(const struct governor_port *p, struct carry *c)
{
	if (c->answered) { /* its copies still get their ACK */
		p->home->figures.lost++;
		carry_empty(p, c);
		carry_land(p, c, p->now_ms);
		carry_keep(p, c);
		return;
	}
	const bool flew_once = !c->confirmable && c->flight == CARRY_FLIES;
	if (!c->request || flew_once) {
		p->home->figures.lost += c->confirmable ? 1 : 0;
		drop(p, c);
		return;
	}
	if (c->asker == SIDE_SERVER)
		carry_give_up(p, c, slept_on(p, c) ? GOVERNOR_ASLEEP : GOVERNOR_SILENT);
	else
		carry_land(p, c, p->now_ms + carry_patience_ms(p, SIDE_SERVER));
}

static void step(const struct governor_port *p, struct carry *c)
{
	if (owes_ack(c) && c->born_ms + GOVERNOR_PROCESSING_MS <= p->now_ms) {
		c->acked = true;
		p->home->figures.acknowledged++;
		carry_acknowledge(p, c);
		return;
	}
	switch ((enum carry_flight)c->flight) {
	case CARRY_FLIES:
		if (again_is_due(p, c) && carry_must_wait(p, c))
			lie_down(p, c);
		else if (again_is_due(p, c))
			repeat(p, c);
		else
			exhausted(p, c);
		return;
	case CARRY_WAITS:
		exhausted(p, c);
		return;
	case CARRY_RESTS:
		break;
	}
	const bool open = c->request && c->confirmable && !c->answered && !c->given_up;
	if (open && c->asker == SIDE_SERVER)
		carry_give_up(p, c, GOVERNOR_SILENT);
	else
		drop(p, c);
}

void governor_due(const struct governor_port *p)
{
	struct carry *c = *p->seat ? (*p->seat)->first : NULL;
	while (c) {
		if (due_ms(c) > p->now_ms) {
			c = c->next;
			continue;
		}
		step(p, c);
		c = *p->seat ? (*p->seat)->first : NULL; /* anything may be gone */
	}
}

void governor_rouse(const struct governor_port *p)
{
	carry_next(p);
}
