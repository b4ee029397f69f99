/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/bridge_parts.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	SWEEP_MS = 60000,
	BY_DEFAULT_ANSWER_MS = 20000,
	BY_DEFAULT_ANOTHER_MS = 10000,
	DAY_S = 86400
};

const char *bridge_event_name(enum bridge_event e)
{
	static const char *const names[BRIDGE_EVENTS] = {
		[BRIDGE_MT_SENT] = "sent",
		[BRIDGE_MT_REFUSED] = "refused",
		[BRIDGE_MT_EXPIRED] = "expired",
		[BRIDGE_MT_BUSY] = "busy",
		[BRIDGE_MT_KNOWN] = "known",
		[BRIDGE_MT_ANOTHER] = "another-way",
		[BRIDGE_MO_TAKEN] = "taken",
		[BRIDGE_MO_LATER] = "not-taken",
		[BRIDGE_MO_KEPT] = "segment-kept",
		[BRIDGE_MO_USELESS] = "useless",
		[BRIDGE_MO_REFUSED] = "segment-refused",
		[BRIDGE_MO_UNKEPT] = "segment-not-kept",
		[BRIDGE_WIRE_BAD] = "gateway-not-understood",
	};
	return (size_t)e < BRIDGE_EVENTS ? names[e] : "";
}

struct bridge_settings bridge_settings_default(void)
{
	return (struct bridge_settings){
		.name = "lwgate-smsd",
		.answer_ms = BY_DEFAULT_ANSWER_MS,
		.another_ms = BY_DEFAULT_ANOTHER_MS,
		.valid_s = DAY_S,
		.segments = segments_limits_default(),
	};
}

struct bridge *bridge_new(const struct bridge_settings *s, const struct bridge_spool *spool,
	const struct bridge_owner *o)
{
	struct bridge *const b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->segments = segments_new(&s->segments);
	if (!b->segments) {
		free(b);
		return NULL;
	}
	b->settings = *s;
	b->spool = *spool;
	b->owner = *o;
	return b;
}

void bridge_free(struct bridge *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < BRIDGE_MT_MAX; i++)
		free(b->mts[i].data);
	for (size_t i = 0; i < BRIDGE_MO_MAX; i++)
		free(b->mos[i].data);
	segments_free(b->segments);
	free(b);
}

bool bridge_add(struct bridge *b, struct way *w, const char *name, size_t *number)
{
	if (b->ways_len == BRIDGE_WAYS_MAX)
		return false;
	struct bridge_way *const way = &b->ways[b->ways_len];
	*way = (struct bridge_way){ .way = w };
	(void)snprintf(way->name, sizeof(way->name), "%s", name);
	*number = b->ways_len++;
	return true;
}

void bridge_tell(struct bridge *b, enum bridge_event e, size_t number, uint64_t id, uint32_t code)
{
	b->events[e]++;
	b->owner.event(b->owner.ctx, e, number, id, code);
}

void bridge_say(struct bridge *b, const struct wire_message *m)
{
	if (b->connected)
		b->owner.say(b->owner.ctx, m);
}

void bridge_connected(struct bridge *b, bool is, uint64_t now_ms)
{
	struct wire_message m = { .type = WIRE_HELLO,
		.hello = { .instance = b->settings.instance } };
	(void)now_ms;
	b->connected = is;
	if (!is)
		return;
	(void)snprintf(m.hello.name, sizeof(m.hello.name), "%s", b->settings.name);
	bridge_say(b, &m);
	bridge_mo_repeat(b);
}

void bridge_heard(struct bridge *b, const uint8_t *frame, size_t len, uint64_t now_ms)
{
	struct wire_message m;
	if (!wire_read(frame, len, &m)) {
		bridge_tell(b, BRIDGE_WIRE_BAD, BRIDGE_WAYS_MAX, 0, 0);
		return;
	}
	switch ((enum wire_type)m.type) {
	case WIRE_HELLO:
		break;
	case WIRE_MT:
		bridge_mt_heard(b, &m.mt, now_ms);
		break;
	case WIRE_MO_ANSWER:
		bridge_mo_answer(b, &m.mo_answer, now_ms);
		break;
	case WIRE_MT_OUTCOME:
	case WIRE_MO:
	default:
		bridge_tell(b, BRIDGE_WIRE_BAD, BRIDGE_WAYS_MAX, 0, m.type);
		break;
	}
}

void bridge_ready(struct bridge *b, size_t number, bool is, uint64_t now_ms)
{
	if (number >= b->ways_len || b->ways[number].ready == is)
		return;
	b->ways[number].ready = is;
	b->ways[number].since_ms = now_ms;
}

void bridge_ended(struct bridge *b, size_t number)
{
	bridge_mo_ended(b, number);
}

void bridge_sent(struct bridge *b, size_t number, const struct way_sent *s, uint64_t now_ms)
{
	bridge_mt_sent(b, number, s, now_ms);
}

void bridge_received(struct bridge *b, size_t number, const struct way_segment *s, uint64_t now_ms)
{
	bridge_mo_received(b, number, s, now_ms);
}

void bridge_restore(struct bridge *b, const struct segments_part *p, uint64_t now_ms)
{
	struct wire_text whole;
	/* What is whole in the spool is said when its last segment is repeated, which was not
	   acknowledged: only those before it are there. */
	(void)segments_add(b->segments, p, now_ms, &whole);
}

void bridge_tick(struct bridge *b, uint64_t now_ms, uint64_t wall_ms)
{
	b->now_ms = now_ms;
	b->wall_ms = wall_ms;
	bridge_mo_tick(b, now_ms);
	bridge_mt_tick(b, now_ms);
	(void)segments_expire(b->segments, now_ms);
	if (now_ms < b->sweep_ms)
		return;
	b->sweep_ms = now_ms + SWEEP_MS;
	if (wall_ms > b->settings.segments.patience_ms)
		b->spool.sweep(b->spool.ctx, wall_ms - b->settings.segments.patience_ms);
}

uint64_t bridge_sooner(const struct bridge *b, uint64_t next_ms, uint64_t at_ms)
{
	return at_ms > b->now_ms && at_ms < next_ms ? at_ms : next_ms;
}

uint64_t bridge_next_ms(const struct bridge *b)
{
	uint64_t next = bridge_sooner(b, b->sweep_ms, segments_next_ms(b->segments));
	next = bridge_sooner(b, next, bridge_mt_next_ms(b));
	return bridge_sooner(b, next, bridge_mo_next_ms(b));
}

struct bridge_counts bridge_counts(const struct bridge *b)
{
	struct bridge_counts c = { .segments = segments_stats(b->segments) };
	for (size_t i = 0; i < BRIDGE_EVENTS; i++)
		c.events[i] = b->events[i];
	for (size_t i = 0; i < BRIDGE_MT_MAX; i++)
		c.mt += b->mts[i].used && !b->mts[i].over;
	for (size_t i = 0; i < BRIDGE_MO_MAX; i++)
		c.mo += b->mos[i].used;
	return c;
}
