/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/bridge_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAUSE_MIN_MS = 1000, PAUSE_MAX_MS = 60000, SLOT_SHIFT = 8, GIVEN_MAX = 255, S_MS = 1000 };

_Static_assert(BRIDGE_SEGMENTS_MAX < 1 << SLOT_SHIFT, "a segment's number fits its tag");

static void leave(struct bridge_mt *m)
{
	free(m->data);
	*m = (struct bridge_mt){ .used = false };
}

/* Tells the gateway, and frees the slot as soon as no event of a segment can come. */
static void end(struct bridge *b, struct bridge_mt *m, enum wire_outcome outcome)
{
	static const enum bridge_event events[] = {
		[WIRE_ACCEPTED] = BRIDGE_MT_SENT,
		[WIRE_REFUSED] = BRIDGE_MT_REFUSED,
		[WIRE_EXPIRED] = BRIDGE_MT_EXPIRED,
		[WIRE_BUSY] = BRIDGE_MT_BUSY,
	};
	struct wire_message said = { .type = WIRE_MT_OUTCOME };
	struct wire_mt_outcome *const o = &said.mt_outcome;
	o->id = m->mt.text.id;
	o->outcome = (uint8_t)outcome;
	o->segments = (uint8_t)(m->given > GIVEN_MAX ? GIVEN_MAX : m->given);
	o->code = m->code;
	(void)snprintf(
		o->way, sizeof(o->way), "%s", m->way < b->ways_len ? b->ways[m->way].name : "");
	(void)snprintf(o->smsc_id, sizeof(o->smsc_id), "%s", m->smsc_id);
	bridge_known_add(&b->known, m->digest, o);
	bridge_tell(b, events[outcome], m->way, o->id, o->code);
	bridge_say(b, &said);
	m->over = true;
	if (m->under_way == 0)
		leave(m);
}

/* --- from the gateway ------------------------------------------------------------------------- */

static struct bridge_mt *find(struct bridge *b, uint64_t id)
{
	for (size_t i = 0; i < BRIDGE_MT_MAX; i++) {
		if (b->mts[i].used && !b->mts[i].over && b->mts[i].mt.text.id == id)
			return &b->mts[i];
	}
	return NULL;
}

static struct bridge_mt *vacant(struct bridge *b)
{
	for (size_t i = 0; i < BRIDGE_MT_MAX; i++) {
		if (!b->mts[i].used)
			return &b->mts[i];
	}
	return NULL;
}

/* Not remembered: the gateway says it again. */
static void say_busy(struct bridge *b, uint64_t id)
{
	const struct wire_message said = { .type = WIRE_MT_OUTCOME,
		.mt_outcome = { .id = id, .outcome = WIRE_BUSY } };
	bridge_tell(b, BRIDGE_MT_BUSY, BRIDGE_WAYS_MAX, id, 0);
	bridge_say(b, &said);
}

static void begin(struct bridge *b, struct bridge_mt *m, const struct wire_mt *mt, uint64_t now_ms)
{
	uint8_t *const data = malloc(mt->text.len > 0 ? mt->text.len : 1);
	if (!data) {
		say_busy(b, mt->text.id);
		return;
	}
	if (mt->text.len > 0)
		memcpy(data, mt->text.data, mt->text.len);
	*m = (struct bridge_mt){
		.used = true,
		.mt = *mt,
		.data = data,
		.digest = wire_mo_id(&mt->text, NULL, 0),
		.number = b->numbers++,
		.count = segments_count(&mt->text),
		.way = BRIDGE_WAYS_MAX,
		.pause_ms = PAUSE_MIN_MS,
	};
	m->mt.text.data = data;
	const uint32_t valid_s = mt->valid_s > 0 ? mt->valid_s : b->settings.valid_s;
	m->until_ms = now_ms + (uint64_t)valid_s * S_MS;
	if (m->count == 0)
		end(b, m, WIRE_REFUSED);
}

void bridge_mt_heard(struct bridge *b, const struct wire_mt *mt, uint64_t now_ms)
{
	const uint64_t digest = wire_mo_id(&mt->text, NULL, 0);
	const struct wire_mt_outcome *const known =
		bridge_known_find(&b->known, mt->text.id, digest);
	if (known) {
		const struct wire_message said = { .type = WIRE_MT_OUTCOME, .mt_outcome = *known };
		bridge_tell(b, BRIDGE_MT_KNOWN, BRIDGE_WAYS_MAX, known->id, 0);
		bridge_say(b, &said);
		return;
	}
	const struct bridge_mt *const same = find(b, mt->text.id);
	if (same && same->digest == digest)
		return; /* it is told when it is over */
	struct bridge_mt *const m = same ? NULL : vacant(b);
	if (m)
		begin(b, m, mt, now_ms);
	else
		say_busy(b, mt->text.id);
}

/* --- from a way ------------------------------------------------------------------------------- */

static void not_now(struct bridge_mt *m, uint64_t now_ms)
{
	m->again_ms = now_ms + m->pause_ms;
	m->pause_ms = m->pause_ms * 2 < PAUSE_MAX_MS ? m->pause_ms * 2 : PAUSE_MAX_MS;
}

static bool all_done(const struct bridge_mt *m)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->steps[i] != STEP_DONE)
			return false;
	}
	return true;
}

static void step(
	struct bridge *b, struct bridge_mt *m, size_t i, const struct way_sent *s, uint64_t now_ms)
{
	m->code = s->code;
	switch (s->fate) {
	case WAY_SENT:
		m->given++;
		m->steps[i] = STEP_DONE;
		m->pause_ms = PAUSE_MIN_MS;
		if (i + 1 == m->count)
			(void)snprintf(m->smsc_id, sizeof(m->smsc_id), "%s", s->smsc_id);
		break;
	case WAY_UNSURE:
		m->given++;
		m->steps[i] = STEP_WAITS;
		not_now(m, now_ms);
		break;
	case WAY_AGAIN:
		m->steps[i] = STEP_WAITS;
		not_now(m, now_ms);
		break;
	case WAY_REFUSED:
	default:
		end(b, m, WIRE_REFUSED);
		return;
	}
	if (all_done(m))
		end(b, m, WIRE_ACCEPTED);
}

void bridge_mt_sent(struct bridge *b, size_t number, const struct way_sent *s, uint64_t now_ms)
{
	const size_t slot = s->tag >> SLOT_SHIFT;
	const size_t i = s->tag & ((1U << SLOT_SHIFT) - 1);
	if (slot >= BRIDGE_MT_MAX || !b->mts[slot].used || b->mts[slot].way != number)
		return;
	struct bridge_mt *const m = &b->mts[slot];
	if (i >= m->count || m->steps[i] != STEP_GIVEN)
		return;
	m->under_way--;
	if (!m->over) {
		step(b, m, i, s, now_ms);
		return;
	}
	m->steps[i] = STEP_DONE;
	if (m->under_way == 0)
		leave(m);
}

/* --- to a way --------------------------------------------------------------------------------- */

/* Another way is another sender to who puts the segments together: all of them go again. */
static bool choose(struct bridge *b, struct bridge_mt *m, uint64_t now_ms)
{
	const bool begun = m->way < b->ways_len;
	if (begun && b->ways[m->way].ready)
		return true;
	if (begun &&
		(m->under_way > 0 || now_ms - b->ways[m->way].since_ms < b->settings.another_ms))
		return false;
	for (size_t i = 0; i < b->ways_len; i++) {
		if (!b->ways[i].ready)
			continue;
		if (begun)
			bridge_tell(b, BRIDGE_MT_ANOTHER, i, m->mt.text.id, 0);
		m->way = i;
		memset(m->steps, STEP_WAITS, sizeof(m->steps));
		return true;
	}
	return false;
}

static uint32_t left_s(const struct bridge_mt *m, uint64_t now_ms)
{
	return m->mt.valid_s == 0 ? 0 : (uint32_t)((m->until_ms - now_ms + S_MS - 1) / S_MS);
}

/* False: its way takes no more now. */
static bool give(struct bridge *b, size_t slot, uint64_t now_ms)
{
	struct bridge_mt *const m = &b->mts[slot];
	struct way *const way = b->ways[m->way].way;
	for (size_t i = 0; i < m->count && m->used && m->again_ms <= now_ms; i++) {
		uint8_t data[UDH_SPACE];
		if (m->over || m->steps[i] != STEP_WAITS)
			continue;
		struct way_segment s = {
			.tag = (uint32_t)(slot << SLOT_SHIFT | i),
			.peer = m->mt.text.peer,
			.own = m->mt.text.own,
			.pid = m->mt.text.pid,
			.dcs = m->mt.text.dcs,
			.data = data,
			.valid_s = left_s(m, now_ms),
		};
		s.len = segments_cut(&m->mt.text, m->mt.reference, m->count, i, data, &s.header);
		/* Its event may come before send() returns. */
		m->steps[i] = STEP_GIVEN;
		m->under_way++;
		if (way->ops->send(way, &s, now_ms))
			continue;
		m->steps[i] = STEP_WAITS;
		m->under_way--;
		return false;
	}
	return true;
}

/* The oldest that has not had its turn. */
static size_t oldest(const struct bridge *b, uint64_t from)
{
	size_t found = BRIDGE_MT_MAX;
	for (size_t i = 0; i < BRIDGE_MT_MAX; i++) {
		const struct bridge_mt *const m = &b->mts[i];
		if (m->used && !m->over && m->number >= from &&
			(found == BRIDGE_MT_MAX || m->number < b->mts[found].number))
			found = i;
	}
	return found;
}

void bridge_mt_tick(struct bridge *b, uint64_t now_ms)
{
	bool full[BRIDGE_WAYS_MAX] = { false };
	uint64_t from = 0;
	for (size_t i = oldest(b, 0); i < BRIDGE_MT_MAX; i = oldest(b, from)) {
		struct bridge_mt *const m = &b->mts[i];
		from = m->number + 1;
		if (now_ms >= m->until_ms) {
			if (m->under_way == 0)
				end(b, m, WIRE_EXPIRED);
			continue;
		}
		if (m->again_ms > now_ms || !choose(b, m, now_ms) || full[m->way])
			continue;
		const size_t way = m->way;
		full[way] = !give(b, i, now_ms);
	}
}

uint64_t bridge_mt_next_ms(const struct bridge *b)
{
	uint64_t next = UINT64_MAX;
	for (size_t i = 0; i < BRIDGE_MT_MAX; i++) {
		const struct bridge_mt *const m = &b->mts[i];
		if (!m->used || m->over)
			continue;
		next = bridge_sooner(b, next, m->until_ms);
		next = bridge_sooner(b, next, m->again_ms);
		if (m->way < b->ways_len && !b->ways[m->way].ready)
			next = bridge_sooner(
				b, next, b->ways[m->way].since_ms + b->settings.another_ms);
	}
	return next;
}
