/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy lets through. Each message is looked at once, as it comes: what waits for a link
 * has been let in, and is not looked at again.
 *
 * So that what is under way can end, it must be known: the device's requests are, and here are the
 * server's, as long as their answers and the copies of both may be under way. Where more have been
 * asked than there is room for, the oldest is forgotten: its answer still passes, its copies do
 * not.
 */
#include "proxy/answer.h"
#include "proxy/device.h"

enum {
	/* How long copies of a request or answer may follow the first: MAX_TRANSMIT_SPAN, RFC 7252
	   section 4.8.2. */
	COPIES_MS = 45000,
};

/* --- what the server has asked ---------------------------------------------------------------- */

void relay_asked(struct relay_device *d, const struct pdu *request)
{
	struct relay *const r = d->relay;
	const uint32_t sleep_ms = device_is_asleep(d) ? r->governed.asleep_ms : 0;
	const uint32_t wait_ms = sleep_ms + (d->radio->governed ? d->radio->transmit_wait_ms : 0);
	const uint64_t due_ms =
		r->now_ms + (wait_ms > r->settings.answer_ms ? wait_ms : r->settings.answer_ms);
	const struct registration_request what = {
		.kind = relay_is_finish(d, request) ? REGISTRATION_BOOTSTRAP : REGISTRATION_SEND,
	};
	const struct exchange *const e =
		exchange_open(&r->tables, &d->asked, request, &what, due_ms);
	if (e) /* else memory is short, and it is not known: it goes on without */
		relay_schedule(d, e->due_ms);
}

static void asked_empty(struct relay_device *d, const struct pdu *m)
{
	struct exchange *const e = exchange_of_mid(d->asked, m->mid);
	if (!e || e->answered)
		return;
	if (m->type == PDU_RST) {
		exchange_close(&d->asked, e);
		return;
	}
	e->acked = true;
	e->due_ms = d->relay->now_ms + d->relay->settings.answer_ms;
}

void relay_asked_answer(struct relay_device *d, const struct pdu *answer)
{
	if (!d->asked)
		return;
	if (answer->code == PDU_EMPTY) {
		asked_empty(d, answer);
		return;
	}
	struct exchange *const e = exchange_of_answer(d->asked, answer);
	if (!e || e->answered)
		return;
	e->answered = true;
	e->due_ms = d->relay->now_ms + COPIES_MS;
	e->has_server_mid = answer->type == PDU_CON;
	e->server_mid = answer->mid;
	relay_schedule(d, e->due_ms);
	if (e->request.kind == REGISTRATION_BOOTSTRAP)
		relay_finish_answered(d, answer);
}

/* --- the gate --------------------------------------------------------------------------------- */

static struct answer refusal(const struct relay_device *d)
{
	return (struct answer){
		.code = PDU_UNAVAILABLE,
		.why = d->gate == RELAY_DRAINING ? "this session is about to end"
						 : "not served for now",
		.max_age_s = d->retry_after_s,
	};
}

static void refuse(struct relay_device *d, enum side from, const struct pdu *m)
{
	const struct answer a = refusal(d);
	answer_request(d, from, m, &a);
}

/* By side of who asks. */
static struct exchange_table *table_of(struct relay_device *d, enum side asker)
{
	return asker == SIDE_DEVICE ? d->exchanges : d->asked;
}

static bool request_is_known(struct relay_device *d, enum side from, const struct pdu *m)
{
	return exchange_of_copy(table_of(d, from), m) ||
	       (from == SIDE_DEVICE && queue_has(&d->waiting, m));
}

/* What is no notification belongs to an exchange, known or forgotten. */
static bool response_is_known(struct relay_device *d, enum side from, const struct pdu *m)
{
	if (!relay_is_notification(m) || (from == SIDE_DEVICE && queue_has(&d->waiting, m)))
		return true;
	const struct exchange *const e = exchange_of_answer(table_of(d, other_side(from)), m);
	if (!e)
		return false;
	const bool copy = m->type == PDU_ACK || (e->has_server_mid && e->server_mid == m->mid);
	return !e->answered || copy;
}

static bool draining_stops(struct relay_device *d, enum side from, const struct pdu *m)
{
	if (pdu_is_request(m)) {
		if (request_is_known(d, from, m))
			return false;
		refuse(d, from, m);
		return true;
	}
	if (!pdu_is_response(m) || response_is_known(d, from, m))
		return false;
	d->relay->stats.dropped++;
	return true;
}

static void quarantine_stops(struct relay_device *d, enum side from, const struct pdu *m)
{
	if (pdu_is_request(m))
		refuse(d, from, m);
	else if (pdu_is_response(m) && m->type != PDU_ACK)
		answer_reset(d, from, m->mid);
	else
		d->relay->stats.dropped++;
}

bool relay_gate_stops(struct relay_device *d, enum side from, const struct pdu *m)
{
	switch ((enum relay_gate)d->gate) {
	case RELAY_OPEN:
		return false;
	case RELAY_DRAINING:
		return draining_stops(d, from, m);
	case RELAY_QUARANTINED:
		break;
	}
	quarantine_stops(d, from, m);
	return true;
}

static void cut_table(struct relay_device *d, enum side asker, const struct answer *a)
{
	struct exchange_table **const t = asker == SIDE_DEVICE ? &d->exchanges : &d->asked;
	for (size_t i = 0; *t && i < EXCHANGE_MAX; i++) {
		const struct exchange *const e = &(*t)->slots[i];
		if (e->used && !e->answered)
			answer_exchange(d, asker, e, a);
	}
	exchange_clear(t);
}

static void cut_exchanges(struct relay_device *d, const struct answer *a)
{
	cut_table(d, SIDE_DEVICE, a);
	relay_governor_cut(d, a); /* before it could think that the next one's turn has come */
	cut_table(d, SIDE_SERVER, a);
}

/* Before cut_exchanges(): of what was sent already, and waits again, the exchange is answered. */
static void cut_waiting(struct relay_device *d)
{
	struct queue_entry *e;
	while ((e = queue_take(&d->waiting))) {
		struct pdu m;
		if (pdu_parse(e->data, e->len, &m) == PDU_OK && !exchange_of_copy(d->exchanges, &m))
			quarantine_stops(d, SIDE_DEVICE, &m);
		queue_drop(&d->relay->budget, e);
	}
}

void relay_device_cut(struct relay_device *d)
{
	static const struct answer gone = { .code = PDU_UNAVAILABLE,
		.why = "the device's session has ended" };
	d->relay->stats.dropped += d->waiting.count;
	queue_clear(&d->waiting, &d->relay->budget);
	relay_bootstrap_ends(d);
	cut_exchanges(d, &gone);
}

static void shut(struct relay_device *d)
{
	struct relay *const r = d->relay;
	const struct answer a = refusal(d);
	cut_waiting(d);
	cut_exchanges(d, &a);
	if (d->opening)
		r->owner.cancel(r->owner.ctx, d);
	d->opening = false;
	relay_link_close(d, CHANNEL_ORDERED);
}

void relay_device_gate(struct relay_device *d, enum relay_gate gate, uint32_t retry_after_s)
{
	d->gate = (uint8_t)gate;
	d->retry_after_s = retry_after_s;
	if (gate == RELAY_QUARANTINED)
		shut(d);
}

enum relay_gate relay_device_gated(const struct relay_device *d)
{
	return (enum relay_gate)d->gate;
}

uint32_t relay_device_exchanges(const struct relay_device *d)
{
	const uint32_t asked = exchange_pending_count(d->asked);
	const uint32_t governed = governor_pending(d->governor, SIDE_SERVER);
	return exchange_pending_count(d->exchanges) + (asked > governed ? asked : governed) +
	       d->waiting.count;
}
