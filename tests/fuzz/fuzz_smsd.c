/* SPDX-License-Identifier: Apache-2.0 */
/* Anything that a gateway, two ways and a disk can do to smsd/bridge, in any order: what has come
   is answered at most once, and as taken only if the gateway has said so, or the spool, or if
   nobody was asked about it. */
#include "sms-bridge/smsd/bridge.h"
#include "sms-bridge/smsd/spool_row.h"

#include "base/rd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WAYS = 2, TAGS = 256, GIVEN = 512, STEPS = 512, WALL = 1700000000 };

struct tag {
	bool open;  /* it waits for an answer */
	bool asked; /* the gateway was asked while it came */
};
struct lab;
struct fake {
	struct way way; /* first */
	struct lab *lab;
	struct tag tags[TAGS];
	uint32_t next;
	uint32_t given[GIVEN]; /* tags of segments without an event */
	size_t given_len;
};
struct lab {
	struct bridge *bridge;
	struct fake ways[WAYS];
	struct rd rd;
	uint64_t now_ms;
	bool connected, taking; /* an answer that takes is being heard */
	uint64_t last_mo;
};

static bool send_one(struct way *w, const struct way_segment *s, uint64_t now_ms)
{
	struct fake *const f = (struct fake *)(void *)w;
	(void)now_ms;
	assert(s->len <= UDH_SPACE);
	if (f->given_len == GIVEN || rd_u8(&f->lab->rd) % 4 == 0)
		return false;
	f->given[f->given_len++] = s->tag;
	return true;
}

static void answer(struct way *w, uint32_t tag, bool taken, uint64_t now_ms)
{
	struct fake *const f = (struct fake *)(void *)w;
	(void)now_ms;
	assert(tag < TAGS && f->tags[tag].open);
	assert(!taken || !f->tags[tag].asked || f->lab->taking);
	f->tags[tag].open = false;
}

static const struct way_ops ops = { .send = send_one, .answer = answer };

static void say(void *ctx, const struct wire_message *m)
{
	static uint8_t frame[WIRE_FRAME_MAX];
	struct lab *const l = ctx;
	assert(l->connected && wire_write(m, frame, sizeof(frame)) > 0);
	if (m->type == WIRE_MO)
		l->last_mo = m->mo.text.id;
}

static void event(void *ctx, enum bridge_event e, size_t number, uint64_t id, uint32_t code)
{
	(void)ctx;
	(void)number;
	(void)id;
	(void)code;
	assert(bridge_event_name(e)[0] != '\0');
}

/* A row that was written is read again as it was. */
static bool put(void *ctx, const struct segments_part *p, uint64_t wall_ms)
{
	struct lab *const l = ctx;
	uint8_t key[SPOOL_KEY];
	uint8_t row[SPOOL_ROW_MAX];
	struct segments_part again;
	uint64_t at_ms = 0;
	const size_t len = spool_row_write(p, wall_ms, row);
	if (len == 0 || !spool_row_key(p, key))
		return false;
	const bool read = spool_row_read(key, sizeof(key), row, len, &again, &at_ms);
	assert(read && at_ms == wall_ms && again.text.len == p->text.len);
	return rd_u8(&l->rd) % 4 != 0;
}

static void forget(void *ctx, const struct segments_part *p)
{
	(void)ctx;
	(void)p;
}

static void sweep(void *ctx, uint64_t wall_ms)
{
	(void)ctx;
	(void)wall_ms;
}

static void receive(struct lab *l, size_t way)
{
	struct fake *const f = &l->ways[way];
	const uint32_t tag = f->next++ % TAGS;
	const uint8_t about = rd_u8(&l->rd);
	struct rd data = rd_sub(&l->rd, rd_u8(&l->rd) % (UDH_SPACE + 1));
	if (f->tags[tag].open)
		return;
	struct way_segment s = { .tag = tag,
		.dcs = about & 1 ? 0xf5 : 4,
		.header = about & 2,
		.data = data.at,
		.len = data.left };
	if (!wire_number_from_text(about & 4 ? "4477009" : "4477008", &s.peer))
		abort();
	struct udh u;
	size_t len = 0;
	const bool useful = !s.header || udh_read(s.data, s.len, &u, &len);
	f->tags[tag] = (struct tag){ .open = true, .asked = useful && !(s.header && u.joined) };
	bridge_received(l->bridge, way, &s, l->now_ms);
}

static void fate(struct lab *l, size_t way)
{
	struct fake *const f = &l->ways[way];
	if (f->given_len == 0)
		return;
	const struct way_sent s = {
		.tag = f->given[--f->given_len], .fate = rd_u8(&l->rd) % 4, .smsc_id = ""
	};
	bridge_sent(l->bridge, way, &s, l->now_ms);
}

static void hear(struct lab *l)
{
	struct rd frame = rd_sub(&l->rd, rd_u16(&l->rd) % 512);
	struct wire_message m;
	l->taking = wire_read(frame.at, frame.left, &m) && m.type == WIRE_MO_ANSWER &&
		    m.mo_answer.taken == WIRE_TAKEN;
	bridge_heard(l->bridge, frame.at, frame.left, l->now_ms);
	l->taking = false;
}

static void answer_last(struct lab *l)
{
	uint8_t frame[64];
	const bool takes = rd_u8(&l->rd) % 2;
	const struct wire_message m = { .type = WIRE_MO_ANSWER,
		.mo_answer = { .id = l->last_mo, .taken = takes ? WIRE_TAKEN : WIRE_LATER } };
	const size_t len = wire_write(&m, frame, sizeof(frame));
	l->taking = takes;
	bridge_heard(l->bridge, frame, len, l->now_ms);
	l->taking = false;
}

static void end_stream(struct lab *l, size_t way)
{
	struct fake *const f = &l->ways[way];
	while (f->given_len > 0)
		fate(l, way);
	bridge_ready(l->bridge, way, false, l->now_ms);
	bridge_ended(l->bridge, way);
	memset(f->tags, 0, sizeof(f->tags));
}

static void one_step(struct lab *l)
{
	const uint8_t what = rd_u8(&l->rd);
	const size_t way = what >> 7;
	switch (what % 8) {
	case 0:
		receive(l, way);
		break;
	case 1:
		fate(l, way);
		break;
	case 2:
		hear(l);
		break;
	case 3:
		answer_last(l);
		break;
	case 4:
		l->connected = !l->connected;
		bridge_connected(l->bridge, l->connected, l->now_ms);
		break;
	case 5:
		end_stream(l, way);
		break;
	case 6:
		bridge_ready(l->bridge, way, true, l->now_ms);
		break;
	default:
		l->now_ms += (uint64_t)rd_u16(&l->rd) * 16;
		break;
	}
	bridge_tick(l->bridge, l->now_ms, l->now_ms + WALL);
	assert(bridge_next_ms(l->bridge) > l->now_ms);
}

static void read_row(const uint8_t *data, size_t size)
{
	struct segments_part p;
	uint64_t at_ms = 0;
	uint8_t key[SPOOL_KEY];
	if (size < SPOOL_KEY ||
		!spool_row_read(data, SPOOL_KEY, data + SPOOL_KEY, size - SPOOL_KEY, &p, &at_ms))
		return;
	const bool good = spool_row_key(&p, key);
	assert(good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lab *const l = calloc(1, sizeof(*l));
	struct bridge_settings s = bridge_settings_default();
	const struct bridge_spool spool = {
		.ctx = l, .put = put, .forget = forget, .sweep = sweep
	};
	const struct bridge_owner owner = { .ctx = l, .say = say, .event = event };
	assert(l);
	read_row(data, size);
	s.segments.octets = 1 << 16;
	l->bridge = bridge_new(&s, &spool, &owner);
	l->now_ms = 1000;
	l->rd = rd_from(data, size);
	assert(l->bridge);
	for (size_t i = 0; i < WAYS; i++) {
		size_t number = 0;
		l->ways[i].way.ops = &ops;
		l->ways[i].lab = l;
		const bool added = bridge_add(l->bridge, &l->ways[i].way, "way", &number);
		assert(added && number == i);
	}
	for (int i = 0; i < STEPS && l->rd.left > 0; i++)
		one_step(l);
	bridge_free(l->bridge);
	free(l);
	return 0;
}
