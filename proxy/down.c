/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/answer.h"
#include "proxy/device.h"
#include "proxy/options.h"
#include "proxy/passage.h"

/* came: m as the server sent it. */
static enum relay_fate send_down(
	struct relay_device *d, const struct pdu *m, const struct pdu *came)
{
	const enum relay_fate fate = relay_pass(d, SIDE_DEVICE, m, came);
	d->relay->stats.down += fate == RELAY_PASSED ? 1 : 0;
	return fate;
}

static void not_sent(struct relay_device *d, const struct pdu *request, enum relay_fate fate)
{
	/* Some round trips of a slow radio. */
	enum { BUSY_S = 30 };
	static const struct answer broken = { .code = PDU_BAD_GATEWAY,
		.why = "the device's channel does not take this message" };
	static const struct answer full = { .code = PDU_UNAVAILABLE,
		.why = "too much waits for this device",
		.max_age_s = BUSY_S };
	answer_request(d, SIDE_SERVER, request, fate == RELAY_FULL ? &full : &broken);
}

/* a CON must be told that nobody takes it. */
static void turn_away(struct relay_device *d, const struct pdu *m)
{
	if (m->type == PDU_CON)
		answer_reset(d, SIDE_SERVER, m->mid);
	else
		d->relay->stats.dropped++;
}

/* came: m as the server sent it. */
static void pass_request(struct relay_device *d, const struct pdu *m, const struct pdu *came)
{
	if (!relay_fits(d, SIDE_DEVICE, m)) {
		relay_request_too_long(d, SIDE_SERVER, m);
		return;
	}
	const struct relay_objection no = relay_bootstrap_asked(d, m);
	if (no.code != 0) {
		answer_request(
			d, SIDE_SERVER, came, &(struct answer){ .code = no.code, .why = no.why });
		return;
	}
	if (relay_asleep_refuses(d, came))
		return;
	const enum relay_fate fate = send_down(d, m, came);
	if (fate == RELAY_PASSED) {
		relay_asked(d, came);
		relay_asleep_holds(d);
	} else {
		not_sent(d, came, fate);
	}
}

/* a bootstrap server may begin by itself, where the device's credential is for that alone.
   Its link is there since the device's last Bootstrap-Request. */
static void server_begins(struct relay_device *d)
{
	if (d->purpose != RELAY_FOR_BOOTSTRAP || device_is_open(d))
		return;
	relay_bootstrap_begins(d);
}

static struct registration_refusal judge(const struct relay_device *d, const struct pdu *m)
{
	if (m->proxying) /* */
		return (struct registration_refusal){ PDU_NO_PROXYING, "no forward proxy" };
	return registration_judge_server((enum relay_purpose)d->purpose, m);
}

static void down_request(struct relay_device *d, const struct pdu *m)
{
	struct passage p;
	server_begins(d);
	if (!device_is_asked(d)) {
		turn_away(d, m);
		return;
	}
	const struct registration_refusal no = judge(d, m);
	if (no.code != 0) {
		answer_request(
			d, SIDE_SERVER, m, &(struct answer){ .code = no.code, .why = no.why });
		return;
	}
	if (!passage_open(&p, d, SIDE_DEVICE, m, false))
		return;
	pass_request(d, &p.m, m);
	passage_close(&p);
}

static void tell(struct relay_device *d)
{
	struct relay *const r = d->relay;
	relay_schedule(d, registration_ends_ms(&d->reg));
	if (r->owner.changed)
		r->owner.changed(r->owner.ctx, d);
}

/* What the answer does to the registration. False: it must not be passed on. */
static bool settle(struct relay_device *d, struct exchange *e, const struct pdu *m)
{
	struct relay_stats *const stats = &d->relay->stats;
	const uint64_t now_ms = d->relay->now_ms;
	if (e->doubtful)
		return true;
	const bool was_active = d->reg.active;
	const char *const claim = exchange_claim(d->exchanges, e);
	const enum registration_change change =
		registration_answered(&d->reg, &e->request, claim, m, now_ms);
	const bool again = e->settled;
	e->settled = true;
	stats->registrations += (size_t)d->reg.active - (size_t)was_active;
	switch (change) {
	case REGISTRATION_UP:
		stats->registered += again ? 0 : 1;
		tell(d);
		break;
	case REGISTRATION_UPDATED:
	case REGISTRATION_GONE:
		tell(d);
		break;
	case REGISTRATION_BOOTSTRAPPING:
		/* A copy of the request and its answer begins nothing. */
		if (!again || d->bootstrap_until_ms <= now_ms)
			relay_bootstrap_begins(d);
		break;
	case REGISTRATION_SAME:
		break;
	case REGISTRATION_BAD_ANSWER:
		return false;
	}
	return true;
}

static void answered(struct relay_device *d, struct exchange *e, const struct pdu *m)
{
	struct relay *const r = d->relay;
	/* An empty ACK gives the server new time; the device has waited since it asked. */
	const uint32_t asked_ms = e->first_ms - r->settings.answer_ms;
	if (!e->answered)
		histogram_add(&r->stats.answer, 1000 * (uint64_t)((uint32_t)r->now_ms - asked_ms));
	e->answered = true;
	e->due_ms = r->now_ms + r->settings.answer_ms;
	e->has_server_mid = m->type == PDU_CON;
	e->server_mid = m->mid;
	/* Until the ACK of a separate answer the server repeats it. */
	relay_schedule(d, e->due_ms);
}

static void down_response(struct relay_device *d, const struct pdu *m)
{
	struct exchange *const e = exchange_of_answer(d->exchanges, m);
	if (!e && !device_is_open(d)) {
		turn_away(d, m);
		return;
	}
	if (!relay_fits(d, SIDE_DEVICE, m)) {
		relay_response_too_long(d, SIDE_SERVER, m);
		return;
	}
	if (!options_of_response(m)) {
		relay_response_unknown(d, SIDE_SERVER, m);
		return;
	}
	if (e && !e->answered && !settle(d, e, m)) {
		relay_down_bad(d, m, "the server's answer has no usable location");
		return;
	}
	if (send_down(d, m, m) != RELAY_PASSED) {
		relay_down_bad(d, m, "the device's channel does not take the answer");
		return;
	}
	if (e)
		answered(d, e, m);
}

static void down_empty(struct relay_device *d, const struct pdu *m)
{
	struct exchange *const e = exchange_of_mid(d->exchanges, m->mid);
	if (!e && !device_is_open(d)) {
		d->relay->stats.dropped++;
		return;
	}
	if (e && !e->answered && m->type == PDU_ACK) {
		e->acked = true; /* the server has it: its time begins anew */
		e->due_ms = d->relay->now_ms + d->relay->settings.answer_ms;
	}
	if (e && m->type == PDU_RST)
		exchange_close(&d->exchanges, e);
	if (send_down(d, m, m) != RELAY_PASSED)
		d->relay->stats.dropped++;
}

void relay_down(struct relay_device *d, const struct pdu *m)
{
	if (pdu_is_request(m))
		down_request(d, m);
	else if (pdu_is_response(m))
		down_response(d, m);
	else
		down_empty(d, m);
}

void relay_down_bad(struct relay_device *d, const struct pdu *m, const char *why)
{
	const struct answer bad = { .code = PDU_BAD_GATEWAY, .why = why };
	struct exchange *const e = exchange_of_answer(d->exchanges, m);
	if (m->type == PDU_CON)
		answer_reset(d, SIDE_SERVER, m->mid);
	if (!e) {
		d->relay->stats.dropped += m->type == PDU_CON ? 0 : 1;
		return;
	}
	if (!e->answered)
		answer_exchange(d, SIDE_DEVICE, e, &bad);
	answered(d, e, m);
	e->has_server_mid = false;
}
