/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of messages and events from both sides through one relay (R-321, I3, I4). The input is
 * steps: an operation byte, and for messages a length byte and the message, whose bytes are taken
 * as they are.
 *
 * What must hold after each step: what went to the server came from the device as it is, and the
 * reverse, or is a message that the relay may make; nothing but answers comes down to a device that
 * is neither open nor registering; a gate that is shut lets nothing up, and one that drains nothing
 * new; the figures add up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_relay: %s\n", what);
	abort();
}

struct end {
	struct channel base;
	struct bed *bed;
	enum side side;
	bool broken;
	size_t room;
};

struct bed {
	struct relay *relay;
	struct relay_device *d;
	struct end ends[2];
	uint64_t now_ms;
	uint16_t mid;
	uint8_t mood; /* what open() does */
	bool busy;    /* a message is being handed over: by `from` */
	bool known;   /* a copy of it came before */
	enum side from;
	const uint8_t *msg;
	size_t len;
};

/* Only ACK, RST, and answers of class 4 and 5 are the relay's own. */
static void judge_own(const struct pdu *m)
{
	if (m->code == PDU_EMPTY)
		must(m->type == PDU_ACK || m->type == PDU_RST, "the relay pings");
	else
		must(m->code >= PDU_BAD_REQUEST && (m->type == PDU_ACK || m->type == PDU_NON),
			"the relay invents a message");
}

static bool sent(struct channel *c, const uint8_t *msg, size_t len)
{
	struct end *const e = (struct end *)(void *)c;
	struct bed *const b = e->bed;
	struct pdu m;
	must(pdu_parse(msg, len, &m) == PDU_OK, "the relay sends a malformed message");
	must(len <= b->relay->settings.message_max && len <= e->room,
		"the relay sends too long a message");
	if (e->broken)
		return false;
	const bool shut = b->d->gate == RELAY_QUARANTINED;
	const bool passed =
		b->busy && b->from != e->side && len == b->len && memcmp(msg, b->msg, len) == 0;
	const bool waited = e->side == SIDE_SERVER && !passed && !b->busy;
	if (shut || (!passed && !waited))
		judge_own(&m);
	must(!shut || !passed, "something passes a gate that is shut");
	must(!passed || b->d->gate != RELAY_DRAINING || !pdu_is_request(&m) || b->known,
		"a new request passes a gate that drains");
	if (passed && e->side == SIDE_DEVICE && pdu_is_request(&m))
		must(device_is_asked(b->d), "a request reaches a device that is not open");
	return true;
}

static size_t has_room(struct channel *c)
{
	return ((const struct end *)(const void *)c)->room;
}

static void closed(struct channel *c, enum channel_reason why)
{
	(void)c;
	(void)why;
}

static void opens(void *ctx, struct relay_device *d)
{
	struct bed *const b = ctx;
	must(relay_device_link(d) == NULL, "a link is opened twice");
	if (b->mood % 4 == 0)
		relay_link_up(d, &b->ends[SIDE_SERVER].base, b->now_ms);
	if (b->mood % 4 == 1)
		relay_link_down(d, (enum relay_link_end)(b->mood / 4 % 5), b->now_ms);
}

static void nothing(void *ctx, struct relay_device *d)
{
	(void)ctx;
	(void)d;
}

static uint16_t next_mid(void *ctx)
{
	return ((struct bed *)ctx)->mid++;
}

static bool begin(struct bed *b)
{
	static const struct channel_ops ops = { .room = has_room, .send = sent, .close = closed };
	const struct relay_owner owner = { b, opens, nothing, nothing, next_mid };
	struct relay_settings s = relay_settings_default();
	s.message_max = 200;
	s.queue_bytes = 700;
	*b = (struct bed){ .now_ms = 1000 };
	b->relay = relay_new(&s, &owner, b->now_ms);
	if (!b->relay)
		return false;
	for (int i = 0; i < 2; i++)
		b->ends[i] = (struct end){ { &ops }, b, (enum side)i, false, SIZE_MAX };
	b->d = relay_device_up(b->relay, "urn:dev:1", b, &b->ends[SIDE_DEVICE].base);
	return b->d != NULL;
}

/* In a block of its own size, gone when the relay has seen it: it "may not keep the pointer". */
static void hand_over(struct bed *b, enum side from, const uint8_t *msg, size_t len)
{
	uint8_t *const copy = malloc(len ? len : 1);
	if (!copy)
		return;
	memcpy(copy, msg, len);
	struct pdu m;
	struct exchange_table *const t = from == SIDE_DEVICE ? b->d->exchanges : b->d->asked;
	b->known = pdu_parse(copy, len, &m) == PDU_OK &&
		   (exchange_of_copy(t, &m) || queue_has(&b->d->waiting, &m));
	b->busy = true;
	b->from = from;
	b->msg = copy;
	b->len = len;
	if (from == SIDE_DEVICE)
		relay_from_device(b->d, copy, len, b->now_ms);
	else
		relay_from_server(b->d, copy, len, b->now_ms);
	b->busy = false;
	free(copy);
}

static void link_event(struct bed *b, uint8_t op)
{
	if (!b->d->opening && op % 2 == 0)
		return;
	if (op % 2 == 0)
		relay_link_up(b->d, &b->ends[SIDE_SERVER].base, b->now_ms);
	else
		relay_link_down(b->d, (enum relay_link_end)(op / 2 % 5), b->now_ms);
}

static void check(const struct bed *b)
{
	const struct relay_device *const d = b->d;
	const struct relay_stats s = relay_stats(b->relay);
	must(s.registrations == (d->reg.active ? 1U : 0U), "registrations are miscounted");
	must((s.queued_bytes == 0) == (d->waiting.count == 0), "the queue's bytes are miscounted");
	must(s.queued_bytes <= 700 && d->waiting.count <= 4, "too much waits");
	must(d->waiting.count == 0 || d->opening, "messages wait for nothing");
	must(!d->ends[SIDE_SERVER] || !d->opening, "a link is up and being opened");
	must(!d->reg.active || d->reg.location[0] != '\0', "registered nowhere");
	must(!d->exchanges || wheel_armed(&d->timer), "an exchange that never ends");
	must(!d->asked || wheel_armed(&d->timer), "a request of the server that never ends");
	must(!d->asked || d->ends[SIDE_SERVER], "a request of a server that has gone");
	must(d->gate != RELAY_QUARANTINED || (!d->ends[SIDE_SERVER] && !d->opening),
		"a link beyond a gate that is shut");
	must(d->gate != RELAY_QUARANTINED || relay_device_exchanges(d) == 0,
		"something is under way behind a gate that is shut");
	must(!d->reg.active || wheel_armed(&d->timer) || d->reg.expires_ms == UINT64_MAX,
		"a registration that never ends");
}

static void again(struct bed *b, uint8_t op)
{
	if (op % 2 == 0) {
		relay_device_rebind(b->d, &b->ends[SIDE_DEVICE].base);
		return;
	}
	relay_device_down(b->d);
	b->d = relay_device_up(b->relay, "urn:dev:1", b, &b->ends[SIDE_DEVICE].base);
	must(b->d != NULL, "no memory");
}

static void event(struct bed *b, uint8_t op)
{
	const uint8_t detail = op >> 4;
	switch (op & 7) {
	case 2:
		b->now_ms += (uint64_t)50 << detail;
		relay_tick(b->relay, b->now_ms);
		break;
	case 3:
		link_event(b, detail);
		break;
	case 4:
		b->mood = detail;
		break;
	case 5:
		b->ends[detail & 1].broken = (detail & 2) != 0;
		b->ends[detail & 1].room = (detail & 4) != 0 ? 48 : SIZE_MAX;
		break;
	case 6:
		again(b, detail);
		break;
	case 7:
		if (detail == 15)
			relay_device_cut(b->d);
		else
			relay_device_gate(b->d, (enum relay_gate)(detail % 3), detail / 3U);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bed b = { .relay = NULL };
	if (!begin(&b))
		return 0;
	for (size_t at = 0; at < size;) {
		const uint8_t op = data[at++];
		if ((op & 7) >= 2) {
			event(&b, op);
		} else if (at < size) {
			const size_t want = data[at++];
			const size_t len = want < size - at ? want : size - at;
			hand_over(&b, (op & 7) == 0 ? SIDE_DEVICE : SIDE_SERVER, data + at, len);
			at += len;
		}
		check(&b);
	}
	relay_free(b.relay);
	return 0;
}
