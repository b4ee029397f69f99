/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/bridge_parts.h"

#include "base/wr.h"
#include "sms-bridge/pdu/tpdu.h"

#include <stdlib.h>
#include <string.h>

/* --- what waits ------------------------------------------------------------------------------- */

static struct bridge_mo *find(struct bridge *b, uint64_t id)
{
	for (size_t i = 0; i < BRIDGE_MO_MAX; i++) {
		if (b->mos[i].used && b->mos[i].mo.text.id == id)
			return &b->mos[i];
	}
	return NULL;
}

static struct bridge_mo *vacant(struct bridge *b)
{
	for (size_t i = 0; i < BRIDGE_MO_MAX; i++) {
		if (!b->mos[i].used)
			return &b->mos[i];
	}
	return NULL;
}

static void leave(struct bridge_mo *m)
{
	free(m->data);
	*m = (struct bridge_mo){ .used = false };
}

static void say(struct bridge *b, const struct bridge_mo *m)
{
	const struct wire_message said = { .type = WIRE_MO, .mo = m->mo };
	bridge_say(b, &said);
}

static void answer(struct bridge *b, size_t number, uint32_t tag, bool taken, uint64_t now_ms)
{
	struct way *const w = b->ways[number].way;
	w->ops->answer(w, tag, taken, now_ms);
}

/* Tells all who wait for this message. */
static void answer_all(struct bridge *b, uint64_t id, bool taken, uint64_t now_ms)
{
	for (size_t i = 0; i < BRIDGE_MO_MAX; i++) {
		struct bridge_waiter *const w = &b->waiters[i];
		if (!w->used || w->id != id)
			continue;
		w->used = false;
		answer(b, w->way, w->tag, taken, now_ms);
	}
}

static bool await(struct bridge *b, size_t number, uint32_t tag, uint64_t id)
{
	for (size_t i = 0; i < BRIDGE_MO_MAX; i++) {
		if (b->waiters[i].used)
			continue;
		b->waiters[i] =
			(struct bridge_waiter){ .used = true, .way = number, .tag = tag, .id = id };
		return true;
	}
	return false;
}

/* --- what comes ------------------------------------------------------------------------------- */

struct came {
	size_t number;
	uint32_t tag;
	uint64_t now_ms;
};

static void drop(
	struct bridge *b, const struct came *c, enum bridge_event e, uint64_t id, bool taken)
{
	bridge_tell(b, e, c->number, id, 0);
	answer(b, c->number, c->tag, taken, c->now_ms);
}

/* part: NULL, it is no concatenation. */
static struct bridge_mo *begin(struct bridge *b, const struct came *c, const struct wire_text *t,
	const struct segments_part *part)
{
	struct bridge_mo *const m = vacant(b);
	uint8_t *const data = m ? malloc(t->len > 0 ? t->len : 1) : NULL;
	if (!data)
		return NULL;
	if (t->len > 0)
		memcpy(data, t->data, t->len);
	*m = (struct bridge_mo){
		.used = true,
		.mo = { .text = *t, .at_ms = b->wall_ms },
		.data = data,
		.joined = part != NULL,
	};
	m->mo.text.data = data;
	if (part) {
		m->part = *part;
		m->part.text.data = NULL; /* it is the caller's */
		m->part.text.len = 0;
	}
	memcpy(m->mo.way, b->ways[c->number].name, sizeof(m->mo.way));
	return m;
}

static bool same_text(const struct wire_text *a, const struct wire_text *b)
{
	return a->len == b->len && a->peer.len == b->peer.len &&
	       memcmp(a->peer.digits, b->peer.digits, a->peer.len) == 0 &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* t is whole: the gateway is asked, and the network waits. An id is a hash that somebody could have
   made the same: the octets tell. */
static void ask(struct bridge *b, const struct came *c, const struct wire_text *t,
	const struct segments_part *part)
{
	struct bridge_mo *const same = find(b, t->id);
	struct bridge_mo *const m = same ? same : begin(b, c, t, part);
	if (!m || (same && !same_text(&same->mo.text, t)) || !await(b, c->number, c->tag, t->id)) {
		drop(b, c, BRIDGE_MO_LATER, t->id, false);
		return;
	}
	m->until_ms = c->now_ms + b->settings.answer_ms;
	if (!same)
		say(b, m);
}

/* Each segment has a time stamp of its own, and any of them may be the last to come. */
static uint64_t joined_id(const struct wire_text *whole, const struct udh *u)
{
	uint8_t about[4];
	struct wr w = wr_into(about, sizeof(about));
	wr_u8(&w, u->wide);
	wr_u16(&w, u->reference);
	wr_u8(&w, u->total);
	return wire_mo_id(whole, about, sizeof(about));
}

static void join(struct bridge *b, const struct came *c, const struct segments_part *p)
{
	struct wire_text whole;
	switch (segments_add(b->segments, p, c->now_ms, &whole)) {
	case SEGMENTS_WHOLE:
		whole.id = joined_id(&whole, &p->udh);
		ask(b, c, &whole, p);
		break;
	case SEGMENTS_KEPT:
	case SEGMENTS_DOUBLE: /* perhaps the disk was full the first time */
		if (b->spool.put(b->spool.ctx, p, b->wall_ms))
			drop(b, c, BRIDGE_MO_KEPT, 0, true);
		else
			drop(b, c, BRIDGE_MO_UNKEPT, 0, false);
		break;
	case SEGMENTS_REFUSED:
	default:
		drop(b, c, BRIDGE_MO_REFUSED, 0, true);
		break;
	}
}

void bridge_mo_received(
	struct bridge *b, size_t number, const struct way_segment *s, uint64_t now_ms)
{
	const struct came c = { .number = number, .tag = s->tag, .now_ms = now_ms };
	struct segments_part p = {
		.text = { .peer = s->peer,
			.own = s->own,
			.pid = s->pid,
			.dcs = s->dcs,
			.data = s->data,
			.len = s->len },
	};
	size_t head = 0;
	if (!tpdu_is_8_bit(s->dcs) || s->len > WIRE_DATA_MAX || s->peer.len == 0 ||
		(s->header && !udh_read(s->data, s->len, &p.udh, &head))) {
		drop(b, &c, BRIDGE_MO_USELESS, 0, true);
		return;
	}
	if (p.text.own.len == 0)
		p.text.own.type = 0;
	if (head > 0) {
		p.text.data += head;
		p.text.len -= head;
	}
	p.text.marker = p.udh.marker;
	p.text.port = p.udh.ported ? p.udh.to_port : 0;
	if (p.udh.joined) {
		join(b, &c, &p);
		return;
	}
	p.text.id = wire_mo_id(&p.text, s->scts, sizeof(s->scts));
	ask(b, &c, &p.text, NULL);
}

/* --- what becomes of it ----------------------------------------------------------------------- */

void bridge_mo_answer(struct bridge *b, const struct wire_mo_answer *a, uint64_t now_ms)
{
	struct bridge_mo *const m = find(b, a->id);
	const bool taken = a->taken == WIRE_TAKEN;
	if (!m)
		return;
	/* Its segments are of no use any more; those that come again would be a message anew. */
	if (taken && m->joined) {
		segments_forget(b->segments, &m->part);
		b->spool.forget(b->spool.ctx, &m->part);
	}
	leave(m);
	bridge_tell(b, taken ? BRIDGE_MO_TAKEN : BRIDGE_MO_LATER, BRIDGE_WAYS_MAX, a->id, 0);
	answer_all(b, a->id, taken, now_ms);
}

void bridge_mo_repeat(struct bridge *b)
{
	for (size_t i = 0; i < BRIDGE_MO_MAX; i++) {
		if (b->mos[i].used)
			say(b, &b->mos[i]);
	}
}

void bridge_mo_ended(struct bridge *b, size_t number)
{
	for (size_t i = 0; i < BRIDGE_MO_MAX; i++) {
		if (b->waiters[i].way == number)
			b->waiters[i].used = false;
	}
}

void bridge_mo_tick(struct bridge *b, uint64_t now_ms)
{
	for (size_t i = 0; i < BRIDGE_MO_MAX; i++) {
		struct bridge_mo *const m = &b->mos[i];
		if (!m->used || now_ms < m->until_ms)
			continue;
		const uint64_t id = m->mo.text.id;
		leave(m);
		bridge_tell(b, BRIDGE_MO_LATER, BRIDGE_WAYS_MAX, id, 0);
		answer_all(b, id, false, now_ms);
	}
}

uint64_t bridge_mo_next_ms(const struct bridge *b)
{
	uint64_t next = UINT64_MAX;
	for (size_t i = 0; i < BRIDGE_MO_MAX; i++) {
		if (b->mos[i].used)
			next = bridge_sooner(b, next, b->mos[i].until_ms);
	}
	return next;
}
