/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of messages and events from both sides through one relay (R-321, I3, I4). The input is
 * steps: an operation byte, and for messages a length byte and the message, whose bytes are taken
 * as they are.
 *
 * What must hold after each step: what went to the server came from the device, and the reverse, or
 * is a message that the relay may make; nothing but answers comes down to a device that is neither
 * open nor registering; a gate that is shut lets nothing up, and one that drains nothing new; of a
 * bootstrap the owner is told the beginning, what passes and the end, and what it objects to does
 * not pass; the figures add up. On a slow radio: at most one message flies to the device,
 * nothing is sent again inside its timer, and what is held is bounded. A device in queue mode is
 * asked nothing while it sleeps, and when it is awake nothing waits but for its turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/carry.h"
#include "proxy/device.h"

enum { HELD_MAX = 900, DEVICE_HELD_MAX = 700 };

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

struct heard {        /* of one side */
	uint32_t sum; /* of what may not change on its way */
	uint16_t mid;
	uint8_t type;
};

struct bed {
	struct relay *relay;
	struct heard *heard[2]; /* by who said it */
	unsigned heards[2];
	uint32_t sum_down;    /* of the latest CON to the device */
	uint64_t sum_down_ms; /* 0: it may come again */
	uint16_t mid_down;
	struct relay_device *d;
	struct end ends[2];
	uint64_t now_ms;
	uint16_t mid;
	uint8_t mood;    /* what open() does */
	unsigned unsent; /* requests that waited for the device after the last step */
	bool governed;
	bool busy;     /* a message is being handed over: by `from` */
	bool known;    /* a copy of it came before */
	bool watching; /* a bootstrap */
	bool objects;  /* to whatever the server asks in one */
	bool told;     /* of the message that is handed over */
	enum side from;
	const uint8_t *msg; /* as the device would know it */
	size_t len;
};

/* Code, token and payload; the options of a request may be written anew (proxy/passage). */
static uint32_t sum_of(const struct pdu *m)
{
	uint32_t sum = m->code;
	for (size_t i = 0; i < m->token_len; i++)
		sum = sum * 31 + m->token[i];
	for (size_t i = 0; i < m->payload_len; i++)
		sum = sum * 31 + m->payload[i];
	return sum;
}

/* Has the other side said this? An answer may be separated from its ACK. */
static bool was_heard(const struct bed *b, enum side from, const struct pdu *m)
{
	const uint32_t sum = sum_of(m);
	for (unsigned i = 0; i < b->heards[from]; i++) {
		const struct heard *const h = &b->heard[from][i];
		const bool separate =
			m->type == PDU_CON && h->type == PDU_ACK && pdu_is_response(m);
		if (h->sum == sum && (separate || (h->mid == m->mid && h->type == m->type)))
			return true;
	}
	return false;
}

/* Only ACK, RST, and answers of class 4 and 5 are the relay's own. */
static void judge_own(const struct bed *b, const struct pdu *m)
{
	if (m->code == PDU_EMPTY)
		must(m->type == PDU_ACK || m->type == PDU_RST, "the relay pings");
	else
		must(m->code >= PDU_BAD_REQUEST && (m->type == PDU_ACK || m->type == PDU_NON ||
							   (m->type == PDU_CON && b->governed)),
			"the relay invents a message");
}

static void judge_time(struct bed *b, const struct pdu *m)
{
	if (m->type != PDU_CON || !b->d->radio->governed)
		return;
	const uint32_t sum = carry_sum(m);
	must(b->sum_down_ms == 0 || sum != b->sum_down ||
			b->now_ms - b->sum_down_ms >= b->d->radio->ack_timeout_ms,
		"a copy inside the radio's timer");
	b->sum_down = sum;
	b->sum_down_ms = b->now_ms;
	b->mid_down = m->mid;
}

static void remember(struct bed *b, enum side from, const struct pdu *m)
{
	const size_t n = b->heards[from] + 1;
	struct heard *const more = realloc(b->heard[from], n * sizeof(*more));
	must(more != NULL, "no memory");
	more[n - 1] = (struct heard){ sum_of(m), m->mid, m->type };
	b->heard[from] = more;
	b->heards[from] = (unsigned)n;
	/* What is answered, or whose id is used for something else, may come anew. */
	if (from == SIDE_DEVICE || (m->mid == b->mid_down && carry_sum(m) != b->sum_down))
		b->sum_down_ms = 0;
}

/* As the device has numbered it: see proxy/shift. */
static const uint8_t *unshifted(const struct bed *b, enum side to, const uint8_t *msg, size_t len)
{
	static uint8_t space[SHIFT_MAX];
	const uint16_t back = (uint16_t)(0U - b->d->reg.channels);
	return to == SIDE_SERVER ? shift_to_server(space, back, msg, len) : msg;
}

static bool sent(struct channel *c, const uint8_t *said, size_t len)
{
	struct end *const e = (struct end *)(void *)c;
	struct bed *const b = e->bed;
	const uint8_t *const msg = unshifted(b, e->side, said, len);
	struct pdu m;
	must(pdu_parse(msg, len, &m) == PDU_OK, "the relay sends a malformed message");
	must(len <= b->relay->settings.message_max && len <= e->room,
		"the relay sends too long a message");
	if (e->broken)
		return false;
	const bool shut = b->d->gate == RELAY_QUARANTINED;
	const bool passed =
		b->busy && b->from != e->side && len == b->len && memcmp(msg, b->msg, len) == 0;
	/* What was said to the device before a gate was shut may be said again. */
	const bool kept = b->governed && e->side == SIDE_DEVICE && pdu_is_response(&m);
	if (!was_heard(b, other_side(e->side), &m) || (shut && !kept))
		judge_own(b, &m);
	must(!shut || !passed, "something passes a gate that is shut");
	if (e->side == SIDE_DEVICE)
		judge_time(b, &m);
	must(!passed || b->d->gate != RELAY_DRAINING || !pdu_is_request(&m) || b->known,
		"a new request passes a gate that drains");
	if (e->side == SIDE_DEVICE && pdu_is_request(&m))
		must(device_is_asked(b->d) && !device_is_asleep(b->d),
			"a request reaches a device that is not open, or sleeps");
	const bool of_device = e->side == SIDE_SERVER && pdu_is_response(&m);
	const bool of_server = e->side == SIDE_DEVICE && pdu_is_request(&m);
	if (passed && b->watching && (of_device || of_server))
		must(b->told, "something of a bootstrap passes that the owner does not know");
	must(!passed || !of_server || !b->watching || !b->objects, "what is objected to passes");
	return true;
}

static size_t has_room(struct channel *c)
{
	return ((const struct end *)(const void *)c)->room;
}

static void closed(struct channel *c, enum channel_reason why)
{
	(void)why;
	((struct end *)(void *)c)->bed->sum_down_ms = 0; /* the next link's requests are new */
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

/* The message is what is handed over, but for options of the way, and has not passed yet. */
static void told(struct bed *b, enum relay_bootstrap what, const struct pdu *m)
{
	const bool asked = what == RELAY_BOOTSTRAP_ASKED;
	struct pdu came;
	must(b->busy && !b->told && m && pdu_parse(b->msg, b->len, &came) == PDU_OK &&
			m->mid == came.mid && m->type == came.type && sum_of(m) == sum_of(&came),
		"the owner is told of something else");
	must(b->from == (asked ? SIDE_SERVER : SIDE_DEVICE) &&
			(asked ? pdu_is_request(m) : pdu_is_response(m)),
		"the owner is told of what is neither asked nor answered");
	b->told = true;
}

static struct relay_objection bootstraps(
	void *ctx, struct relay_device *d, enum relay_bootstrap what, const struct pdu *m)
{
	struct bed *const b = ctx;
	must(d == b->d, "a bootstrap of another device");
	must(b->watching == (what != RELAY_BOOTSTRAP_BEGINS), "a bootstrap within another");
	b->watching = what != RELAY_BOOTSTRAP_ENDS;
	if (what == RELAY_BOOTSTRAP_BEGINS || what == RELAY_BOOTSTRAP_ENDS)
		must(!m, "a message that is none");
	else
		told(b, what, m);
	const bool no = b->objects && what == RELAY_BOOTSTRAP_ASKED;
	return (struct relay_objection){ .code = no ? 0x86 : 0, .why = "no" };
}

static bool begin(struct bed *b)
{
	static const struct channel_ops ops = { .room = has_room, .send = sent, .close = closed };
	const struct relay_owner owner = { b, opens, nothing, nothing, next_mid, bootstraps,
		nothing };
	struct relay_settings s = relay_settings_default();
	s.message_max = 200;
	s.queue_bytes = 700;
	s.radio_waiting = 3;
	s.asleep_waiting = 2;
	s.asleep_wait_ms = 100000;
	s.radio_device_bytes = DEVICE_HELD_MAX;
	s.radio_bytes = HELD_MAX;
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
	static uint8_t space[SHIFT_MAX];
	uint8_t *const copy = malloc(len ? len : 1);
	if (!copy)
		return;
	memcpy(copy, msg, len);
	if (from == SIDE_SERVER)
		msg = shift_from_server(space, b->d->reg.channels, msg, len);
	struct pdu m;
	struct exchange_table *const t = from == SIDE_DEVICE ? b->d->exchanges : b->d->asked;
	const bool sound = pdu_parse(msg, len, &m) == PDU_OK;
	b->known = sound && (exchange_of_copy(t, &m) || queue_has(&b->d->waiting, &m));
	if (sound)
		remember(b, from, &m);
	b->busy = true;
	b->told = false;
	b->from = from;
	b->msg = msg;
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

static void check_carry(const struct bed *b, const struct carry *c)
{
	must(c->flight == CARRY_RESTS || c->bytes, "nothing is on its way");
	must(!c->answered || c->flight != CARRY_RESTS || c->kept,
		"what was answered is never forgotten");
	must(!c->kept || (c->answered && c->flight == CARRY_RESTS),
		"what is under way may be taken away");
	must(wheel_armed(&b->d->timer), "what is held is never looked at");
}

/* unsent: of those that wait, the ones that never left. */
static void check_sleep(struct bed *b, unsigned unsent)
{
	must(!b->relay->settings.asleep_refused || !device_is_asleep(b->d) || unsent <= b->unsent,
		"waits for whom nothing may wait");
	b->unsent = unsent;
	b->governed = b->governed || b->d->reg.attributes.queue; /* it may be, asleep */
}

static void check_governor(struct bed *b)
{
	const struct governor *const g = b->d->governor;
	const size_t kept = relay_stats(b->relay).kept_bytes;
	size_t used = 0;
	unsigned flying = 0, waiting = 0, unsent = 0;
	for (const struct carry *c = g ? g->first : NULL; c; c = c->next) {
		const bool waits = c->flight == CARRY_WAITS && c->request && !c->answered;
		used += sizeof(*c) + c->len;
		flying += c->flight == CARRY_FLIES && carry_toward(c) == SIDE_DEVICE ? 1 : 0;
		waiting += waits ? 1 : 0;
		unsent += waits && c->sent == 0 ? 1 : 0;
		check_carry(b, c);
	}
	must(kept == used && (kept > 0) == (g != NULL), "what is held is miscounted");
	must(kept <= DEVICE_HELD_MAX, "too much is held");
	must(flying <= 1 && flying + waiting <= 4, "too much is under way to the device");
	must(flying == 1 || waiting == 0 || device_is_asleep(b->d) || !device_is_open(b->d),
		"waits for nothing");
	must(b->d->gate != RELAY_QUARANTINED || waiting == 0, "waits behind a gate that is shut");
	check_sleep(b, unsent);
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
	must(d->bootstrap_watched == b->watching, "the end of a bootstrap is not told");
	must(!b->watching || (d->bootstrap_until_ms != 0 && wheel_armed(&d->timer)),
		"a bootstrap that never ends");
	must(!b->watching || d->ends[SIDE_SERVER], "a bootstrap without a server");
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
	must(!b->watching, "a bootstrap outlives its device");
	b->d = relay_device_up(b->relay, "urn:dev:1", b, &b->ends[SIDE_DEVICE].base);
	must(b->d != NULL, "no memory");
}

static void tune(struct bed *b, enum relay_radio_class radio)
{
	if (b->d->radio == relay_radio_of(radio))
		return;
	b->governed = b->governed || radio != RELAY_ETHERNET;
	relay_device_set_radio(b->d, relay_radio_of(radio));
	relay_device_rebind(b->d, &b->ends[SIDE_DEVICE].base);
	b->sum_down_ms = 0;
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
		b->sum_down_ms = 0;
		break;
	case 4:
		b->mood = detail;
		b->objects = detail >= 12;
		b->relay->settings.asleep_refused = (detail & 3) == 3;
		b->relay->settings.awake_by_update = (detail & 5) == 5;
		break;
	case 5:
		b->ends[detail & 1].broken = (detail & 2) != 0;
		b->ends[detail & 1].room = (detail & 4) != 0 ? 48 : SIZE_MAX;
		tune(b, (detail & 8) != 0 ? RELAY_NB_IOT : RELAY_ETHERNET);
		break;
	case 6:
		again(b, detail);
		b->sum_down_ms = 0;
		break;
	case 7:
		if (detail == 15)
			relay_device_cut(b->d);
		else
			relay_device_gate(b->d, (enum relay_gate)(detail % 3), detail / 3U);
		b->sum_down_ms = 0;
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
		check_governor(&b);
	}
	relay_free(b.relay);
	free(b.heard[SIDE_DEVICE]);
	free(b.heard[SIDE_SERVER]);
	return 0;
}
