/* SPDX-License-Identifier: Apache-2.0 */
/* The governor's place in the relay: before all judgement on the way in, after it going out. */
#include "proxy/answer.h"
#include "proxy/device.h"
#include "proxy/governor.h"

struct place {
	struct relay_device *d;
	const struct answer *cut; /* what those are told whose request is cut off */
};

/* len: bounded by relay_room(), or our own. */
static bool to_channel(struct relay_device *d, enum side to, const uint8_t *msg, size_t len)
{
	struct channel *const c = d->ends[to];
	if (to == SIDE_SERVER)
		msg = shift_to_server(d->relay->shifted[to], d->reg.channels, msg, len);
	return c->ops->send(c, msg, len);
}

static bool place_send(void *ctx, enum side to, const uint8_t *msg, size_t len)
{
	struct relay_device *const d = ((struct place *)ctx)->d;
	const struct pdu m = { .code = msg[1] };
	/* Since it was judged the device may have left (I3), or the channel may have become
	   another. */
	if (to == SIDE_DEVICE && pdu_is_request(&m) && !device_is_asked(d))
		return false;
	return d->ends[to] && len <= relay_room(d, to) && to_channel(d, to, msg, len);
}

static void place_again(void *ctx, const struct pdu *m)
{
	struct relay_device *const d = ((struct place *)ctx)->d;
	struct channel *const link = d->ends[SIDE_SERVER];
	if (d->gate == RELAY_QUARANTINED)
		return;
	if (link && !relay_link_is_dead(d, m)) {
		(void)place_send(ctx, SIDE_SERVER, m->data, m->len);
		return;
	}
	if (link)
		relay_link_close(d, CHANNEL_SILENT);
	relay_up(d, m);
}

/* room: for one that is made. */
static const struct answer *answer_of(
	const struct place *place, enum governor_end why, struct answer *room)
{
	static const struct answer silent = { .code = PDU_GATEWAY_TIMEOUT,
		.why = "the device has not answered in time" };
	static const struct answer rejected = { .code = PDU_BAD_GATEWAY,
		.why = "the device rejected the request" };
	static const struct answer gone = { .code = PDU_UNAVAILABLE,
		.why = "the device's session has ended" };
	switch (why) {
	case GOVERNOR_SILENT:
		return &silent;
	case GOVERNOR_ASLEEP:
		*room = relay_asleep_answer(place->d->relay);
		return room;
	case GOVERNOR_RESET:
		return &rejected;
	case GOVERNOR_CUT:
		break;
	}
	return place->cut ? place->cut : &gone;
}

static void place_give_up(
	void *ctx, enum side asker, const struct pdu *request, enum governor_end why)
{
	const struct place *const place = ctx;
	struct answer room;
	const struct answer *const a = answer_of(place, why, &room);
	answer_request(place->d, asker, request, a);
	if (asker != SIDE_SERVER)
		return;
	const struct pdu said = { .type = request->type == PDU_CON ? PDU_ACK : PDU_NON,
		.code = a->code,
		.mid = request->mid,
		.token = request->token,
		.token_len = request->token_len };
	relay_asked_answer(place->d, &said);
}

static uint16_t place_random(void *ctx)
{
	const struct relay *const r = ((struct place *)ctx)->d->relay;
	return r->owner.message_id(r->owner.ctx);
}

static struct governor_port port_of(struct place *place)
{
	static const struct governor_ops ops = {
		.send = place_send,
		.again = place_again,
		.give_up = place_give_up,
		.random = place_random,
	};
	struct relay_device *const d = place->d;
	return (struct governor_port){ .home = &d->relay->governed,
		.seat = &d->governor,
		.radio = d->radio,
		.ops = &ops,
		.ctx = place,
		.now_ms = d->relay->now_ms,
		.queues = d->reg.active && d->reg.attributes.queue,
		.asleep = device_is_asleep(d) };
}

static void schedule(struct relay_device *d)
{
	relay_schedule(d, governor_next_ms(d->governor));
}

enum relay_fate relay_pass(
	struct relay_device *d, enum side to, const struct pdu *m, const struct pdu *came)
{
	struct place place = { .d = d };
	if (!d->ends[to])
		return RELAY_BROKEN;
	if (!d->governor && !d->radio->governed && !device_is_asleep(d))
		return to_channel(d, to, m->data, m->len) ? RELAY_PASSED : RELAY_BROKEN;
	const struct governor_port port = port_of(&place);
	const enum relay_fate fate = governor_out(&port, to, m, came);
	schedule(d);
	return fate;
}

static struct recalled recalled(const struct relay_device *d, const struct governor_said *s)
{
	return (struct recalled){
		.until_ms = s->until_ms, .sum = s->sum, .mid = s->mid, .channels = d->reg.channels
	};
}

void relay_governor_remember(struct relay_device *d)
{
	struct governor_said last;
	if (!governor_last_said(d->governor, SIDE_DEVICE, &last))
		return;
	const struct recalled what = recalled(d, &last);
	recall_put(&d->relay->recall, d->endpoint, &what);
}

/* A copy of what a device said last, which has been let go since. */
static bool is_recalled(struct relay_device *d, enum side from, const struct pdu *m)
{
	struct place place = { .d = d };
	uint8_t ack[PDU_EMPTY_LEN];
	if (from != SIDE_DEVICE || !d->radio->governed || m->type != PDU_CON || !pdu_is_response(m))
		return false;
	const struct governor_said said = governor_said_of(m);
	const struct recalled what = recalled(d, &said);
	if (!recall_knows(&d->relay->recall, d->endpoint, &what, d->relay->now_ms))
		return false;
	d->relay->governed.figures.answered_from_kept++;
	pdu_write_empty(ack, PDU_ACK, m->mid);
	(void)place_send(&place, SIDE_DEVICE, ack, sizeof(ack));
	return true;
}

bool relay_governor_stops(struct relay_device *d, enum side from, const struct pdu *m)
{
	struct place place = { .d = d };
	if (!d->governor)
		return is_recalled(d, from, m);
	const struct governor_port port = port_of(&place);
	const bool goes_on = governor_in(&port, from, m);
	schedule(d);
	return !goes_on || is_recalled(d, from, m);
}

void relay_governor_due(struct relay_device *d)
{
	struct place place = { .d = d };
	if (!d->governor)
		return;
	const struct governor_port port = port_of(&place);
	governor_due(&port);
	schedule(d);
}

void relay_governor_rouse(struct relay_device *d)
{
	struct place place = { .d = d };
	if (!d->governor)
		return;
	const struct governor_port port = port_of(&place);
	governor_rouse(&port);
	schedule(d);
}

void relay_governor_leg_gone(struct relay_device *d, enum side leg)
{
	struct place place = { .d = d };
	if (!d->governor)
		return;
	const struct governor_port port = port_of(&place);
	governor_leg_gone(&port, leg);
	schedule(d);
}

void relay_governor_cut(struct relay_device *d, const struct answer *a)
{
	struct place place = { .d = d, .cut = a };
	if (!d->governor)
		return;
	const struct governor_port port = port_of(&place);
	governor_cut(&port);
	schedule(d);
}
