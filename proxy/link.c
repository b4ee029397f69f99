/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/answer.h"
#include "proxy/device.h"

/* The answer to a request that no link takes. */
static struct answer end_answer(const struct relay_device *d)
{
	switch ((enum relay_link_end)d->link_end) {
	case RELAY_LINK_TIMEOUT:
		return (struct answer){ .code = PDU_GATEWAY_TIMEOUT,
			.why = "the server does not answer" };
	case RELAY_LINK_UNREACHABLE:
		return (struct answer){ .code = PDU_BAD_GATEWAY,
			.why = "the server can not be reached" };
	case RELAY_LINK_REFUSED:
		return (struct answer){ .code = PDU_BAD_GATEWAY,
			.why = "the server refused the gateway" };
	case RELAY_LINK_CLOSED:
		return (struct answer){ .code = PDU_BAD_GATEWAY,
			.why = "the server closed the link" };
	case RELAY_LINK_FULL:
		break;
	}
	return (struct answer){ .code = PDU_UNAVAILABLE, .why = "the gateway is full" };
}

/* For a response there is nobody to tell: its sender will say it again, or its asker will ask
   again. */
static void fail(struct relay_device *d, const struct pdu *m, struct answer a)
{
	const uint64_t now_ms = d->relay->now_ms;
	if (!pdu_is_request(m)) {
		d->relay->stats.dropped++;
		return;
	}
	if (a.code == PDU_UNAVAILABLE) {
		const uint64_t wait_ms = d->retry_at_ms > now_ms ? d->retry_at_ms - now_ms : 1000;
		a.max_age_s = (uint32_t)((wait_ms + 999) / 1000);
	}
	answer_request(d, SIDE_DEVICE, m, &a);
}

void relay_link_wait(struct relay_device *d, const struct pdu *m)
{
	struct relay *const r = d->relay;
	if (!d->opening && r->now_ms < d->retry_at_ms) {
		fail(d, m, end_answer(d));
		return;
	}
	if (!queue_put(&d->waiting, &r->budget, r->settings.queue_messages, m)) {
		fail(d, m,
			(struct answer){
				.code = PDU_UNAVAILABLE, .why = "too much waits already" });
		return;
	}
	if (d->opening)
		return;
	d->opening = true;
	r->owner.open(r->owner.ctx, d);
}

bool relay_link_is_dead(struct relay_device *d, const struct pdu *m)
{
	/* The fourth comes 14 s or more after the first (RFC 7252 section 4.8) and leaves one more
	   for the new link. On a path that loses a fifth each way, 1 of 60 good links dies of it.
	   Copies that come faster than CoAP sends them say nothing about the server. */
	enum { COPIES = 4, SILENCE_MS = 10000 };
	/* Only requests: a server may stay silent to a notification that it has seen before. */
	if (m->type != PDU_CON || !pdu_is_request(m))
		return false;
	if (d->con_copies == 0 || m->mid != d->con_mid || d->heard != d->con_heard) {
		d->con_copies = 0;
		d->con_mid = m->mid;
		d->con_heard = d->heard;
		d->con_since_ms = d->relay->now_ms;
	}
	if (d->con_copies < COPIES)
		d->con_copies++;
	if (d->con_copies < COPIES || d->relay->now_ms - d->con_since_ms < SILENCE_MS)
		return false;
	d->con_copies = 0;
	return true;
}

void relay_link_close(struct relay_device *d, enum channel_reason why)
{
	struct channel *const link = d->ends[SIDE_SERVER];
	relay_bootstrap_ends(d);
	d->ends[SIDE_SERVER] = NULL;
	exchange_clear(&d->asked); /* nobody waits for them any more */
	relay_governor_leg_gone(d, SIDE_SERVER);
	if (link)
		link->ops->close(link, why);
}

/* Each is judged anew: much may have changed since. Bounded: what comes back into the queue waits
   for the next link. */
static void flush(struct relay_device *d)
{
	struct relay *const r = d->relay;
	struct queue waiting = d->waiting;
	d->waiting = (struct queue){ .head = NULL };
	struct queue_entry *e;
	while ((e = queue_take(&waiting))) {
		struct pdu m;
		if (pdu_parse(e->data, e->len, &m) == PDU_OK)
			relay_up(d, &m);
		queue_drop(&r->budget, e);
	}
}

void relay_link_up(struct relay_device *d, struct channel *link, uint64_t now_ms)
{
	relay_told(d->relay, now_ms);
	d->ends[SIDE_SERVER] = link;
	d->opening = false;
	d->retry_at_ms = 0;
	d->retry_ms = 0;
	d->con_copies = 0;
	d->own_mid_set[SIDE_SERVER] = false;
	if (d->gate == RELAY_QUARANTINED)
		relay_link_close(d, CHANNEL_ORDERED); /* it was on its way */
	flush(d);
}

static void back_off(struct relay_device *d)
{
	const struct relay_settings *const s = &d->relay->settings;
	const uint32_t doubled =
		d->retry_ms > s->retry_max_ms / 2 ? s->retry_max_ms : 2 * d->retry_ms;
	d->retry_ms = d->retry_ms == 0 ? s->retry_min_ms : doubled;
	d->retry_at_ms = d->relay->now_ms + d->retry_ms;
}

void relay_link_down(struct relay_device *d, enum relay_link_end why, uint64_t now_ms)
{
	relay_told(d->relay, now_ms);
	const bool was_up = d->ends[SIDE_SERVER] != NULL;
	relay_bootstrap_ends(d);
	d->ends[SIDE_SERVER] = NULL;
	exchange_clear(&d->asked);
	relay_governor_leg_gone(d, SIDE_SERVER);
	d->opening = false;
	d->link_end = (uint8_t)why;
	/* A server may close a link that was good, to save memory say: the next message opens
	   another. */
	if (!was_up || why != RELAY_LINK_CLOSED)
		back_off(d);
	struct queue_entry *e;
	while ((e = queue_take(&d->waiting))) {
		struct pdu m;
		if (pdu_parse(e->data, e->len, &m) == PDU_OK)
			fail(d, &m, end_answer(d));
		queue_drop(&d->relay->budget, e);
	}
}
