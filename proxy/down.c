/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/answer.h"
#include "proxy/device.h"

#include <string.h>

static bool send_down(struct relay_device *d, const struct pdu *m)
{
	struct channel *const c = d->ends[SIDE_DEVICE];
	if (!c->ops->send(c, m->data, m->len))
		return false;
	d->relay->stats.down++;
	return true;
}

/* a CON must be told that nobody takes it. */
static void turn_away(struct relay_device *d, const struct pdu *m)
{
	if (m->type == PDU_CON)
		answer_reset(d, SIDE_SERVER, m->mid);
	else
		d->relay->stats.dropped++;
}

/* A bootstrap lives as long as it is talked about, and once more after the server has said that it
   is finished. */
static void bootstrap_goes_on(struct relay_device *d, const struct pdu *request)
{
	char path[RELAY_LOCATION_MAX];
	if (d->bootstrap_until_ms == 0 || d->bootstrap_finished)
		return;
	d->bootstrap_until_ms = d->relay->now_ms + d->relay->settings.answer_ms;
	d->bootstrap_finished = request->code == PDU_POST && registration_path(request, path) &&
				strcmp(path, "bs") == 0;
}

static void down_request(struct relay_device *d, const struct pdu *m)
{
	if (!device_is_asked(d)) {
		turn_away(d, m);
		return;
	}
	if (m->proxying) {
		answer_request(d, SIDE_SERVER, m,
			&(struct answer){
				.code = PDU_NO_PROXYING, .why = "no forward proxy" }); /* */
		return;
	}
	if (!relay_fits(d, SIDE_DEVICE, m)) {
		relay_request_too_long(d, SIDE_SERVER, m);
		return;
	}
	bootstrap_goes_on(d, m);
	if (send_down(d, m))
		relay_asked(d, m);
	else
		answer_request(d, SIDE_SERVER, m,
			&(struct answer){ .code = PDU_BAD_GATEWAY,
				.why = "the device's channel does not take this message" });
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
		d->bootstrap_until_ms = now_ms + d->relay->settings.answer_ms;
		d->bootstrap_finished = false;
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
	e->answered = true;
	e->due_ms = d->relay->now_ms + d->relay->settings.answer_ms;
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
	if (e && !e->answered && !settle(d, e, m)) {
		relay_down_bad(d, m, "the server's answer has no usable location");
		return;
	}
	if (!send_down(d, m)) {
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
	if (!send_down(d, m))
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
