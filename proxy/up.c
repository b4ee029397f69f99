/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/answer.h"
#include "proxy/device.h"
#include "proxy/options.h"
#include "proxy/passage.h"

/* came: m as the device sent it. */
static bool send_up(struct relay_device *d, const struct pdu *m, const struct pdu *came)
{
	if (relay_pass(d, SIDE_SERVER, m, came) != RELAY_PASSED)
		return false;
	d->relay->stats.up++;
	return true;
}

/* A server that has lost the link (it was restarted, say) is silent: then a new one is opened, and
   the message waits. */
static bool link_is_usable(struct relay_device *d, const struct pdu *m)
{
	if (d->ends[SIDE_SERVER] && relay_link_is_dead(d, m))
		relay_link_close(d, CHANNEL_SILENT);
	return d->ends[SIDE_SERVER] != NULL;
}

/* came: m as the device sent it. What waits for the link is judged, and written, anew then. */
static void pass_request(struct relay_device *d, const struct pdu *m, const struct pdu *came,
	const struct registration_request *what)
{
	if (!relay_fits(d, SIDE_SERVER, m)) {
		relay_request_too_long(d, SIDE_DEVICE, m);
		return;
	}
	if (!link_is_usable(d, came)) {
		relay_link_wait(d, came);
		return;
	}
	const uint64_t due_ms = d->relay->now_ms + d->relay->settings.answer_ms;
	struct exchange *const e =
		exchange_open(&d->relay->tables, &d->exchanges, came, what, due_ms);
	if (!e) {
		const struct answer full = {
			.code = PDU_UNAVAILABLE, .why = "no memory", .max_age_s = 1
		};
		answer_request(d, SIDE_DEVICE, came, &full);
		return;
	}
	relay_schedule(d, e->due_ms);
	if (send_up(d, m, came))
		return;
	exchange_close(&d->exchanges, e);
	answer_request(d, SIDE_DEVICE, came,
		&(struct answer){
			.code = PDU_BAD_GATEWAY, .why = "the link does not take this message" });
}

static void up_request(struct relay_device *d, const struct pdu *m)
{
	struct passage p;
	const struct registration_verdict v = passage_judge(d, m);
	if (v.code != 0) {
		answer_request(d, SIDE_DEVICE, m, &(struct answer){ .code = v.code, .why = v.why });
		return;
	}
	if (!passage_open(&p, d, SIDE_SERVER, m, v.unnamed))
		return;
	pass_request(d, &p.m, m, &v.request);
	passage_close(&p);
}

/* Notifications, and answers to what the server asked. */
static void up_response(struct relay_device *d, const struct pdu *m)
{
	if (!device_is_asked(d)) {
		/* the server has no part in it; "matched" by nobody, so RFC 7252 section 4.2
		   rejects it. A NON may be passed over (4.3), and is, but for a notification,
		   which would come again: a word costs battery, and money by short messages */
		if (m->type == PDU_CON || (m->type == PDU_NON && relay_is_notification(m)))
			answer_reset(d, SIDE_DEVICE, m->mid);
		else
			d->relay->stats.dropped++;
		return;
	}
	if (!relay_fits(d, SIDE_SERVER, m)) {
		relay_response_too_long(d, SIDE_DEVICE, m);
		return;
	}
	if (!options_of_response(m)) {
		relay_response_unknown(d, SIDE_DEVICE, m);
		return;
	}
	if (link_is_usable(d, m)) {
		relay_bootstrap_answered(d, m);
		if (send_up(d, m, m))
			relay_asked_answer(d, m);
		else
			d->relay->stats.dropped++;
		return;
	}
	/* An ACK belongs to a message of the link that was. */
	if (m->type == PDU_ACK)
		d->relay->stats.dropped++;
	else
		relay_link_wait(d, m);
}

/* An ACK or RST that carries nothing. */
static void up_empty(struct relay_device *d, const struct pdu *m)
{
	const bool expected =
		device_is_asked(d) || exchange_of_server_mid(d->exchanges, m->mid) != NULL;
	if (expected && d->ends[SIDE_SERVER] && send_up(d, m, m))
		relay_asked_answer(d, m);
	else
		d->relay->stats.dropped++;
}

void relay_up(struct relay_device *d, const struct pdu *m)
{
	if (pdu_is_request(m))
		up_request(d, m);
	else if (pdu_is_response(m))
		up_response(d, m);
	else
		up_empty(d, m);
}
