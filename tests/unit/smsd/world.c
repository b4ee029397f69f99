/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/smsd/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool way_send(struct way *way, const struct way_segment *s, uint64_t now_ms)
{
	struct fake_way *const f = (struct fake_way *)(void *)way;
	(void)now_ms;
	if (f->room == 0)
		return false;
	f->room--;
	assert_true(f->sent_len < SENT_MAX);
	struct sent *const to = &f->sent[f->sent_len++];
	to->s = *s;
	memcpy(to->data, s->data, s->len);
	to->s.data = to->data;
	return true;
}

static void way_answer(struct way *way, uint32_t tag, bool taken, uint64_t now_ms)
{
	struct fake_way *const f = (struct fake_way *)(void *)way;
	(void)now_ms;
	assert_true(f->answers_len < ANSWERS_MAX);
	f->answers[f->answers_len++] = (struct answered){ .tag = tag, .taken = taken };
}

static const struct way_ops ops = { .send = way_send, .answer = way_answer };

static void on_say(void *ctx, const struct wire_message *m)
{
	struct world *const w = ctx;
	static uint8_t frame[WIRE_FRAME_MAX];
	assert_true(w->said_len < SAID_MAX);
	assert_true(wire_write(m, frame, sizeof(frame)) > 0);
	w->said[w->said_len] = *m;
	if (m->type == WIRE_MO) {
		assert_true(m->mo.text.len <= DATA_MAX);
		memcpy(w->said_data[w->said_len], m->mo.text.data, m->mo.text.len);
		w->said[w->said_len].mo.text.data = w->said_data[w->said_len];
	}
	w->said_len++;
}

static void on_event(void *ctx, enum bridge_event e, size_t number, uint64_t id, uint32_t code)
{
	(void)ctx;
	(void)number;
	(void)id;
	(void)code;
	assert_true(bridge_event_name(e)[0] != '\0');
}

static bool spool_put(void *ctx, const struct segments_part *p, uint64_t wall_ms)
{
	struct world *const w = ctx;
	(void)wall_ms;
	if (w->disk_full)
		return false;
	assert_true(w->rows_len < ROWS_MAX);
	w->rows[w->rows_len++] = (struct row){
		.peer = p->text.peer, .reference = p->udh.reference, .number = p->udh.number
	};
	return true;
}

static void spool_forget(void *ctx, const struct segments_part *p)
{
	struct world *const w = ctx;
	size_t kept = 0;
	for (size_t i = 0; i < w->rows_len; i++) {
		if (w->rows[i].reference != p->udh.reference)
			w->rows[kept++] = w->rows[i];
	}
	w->rows_len = kept;
}

static void spool_sweep(void *ctx, uint64_t wall_ms)
{
	struct world *const w = ctx;
	w->swept_ms = wall_ms;
}

void world_begin(struct world *w)
{
	struct bridge_settings s = bridge_settings_default();
	const struct bridge_spool spool = {
		.ctx = w, .put = spool_put, .forget = spool_forget, .sweep = spool_sweep
	};
	const struct bridge_owner owner = { .ctx = w, .say = on_say, .event = on_event };
	memset(w, 0, sizeof(*w));
	w->now_ms = 1000;
	s.instance = 7;
	w->bridge = bridge_new(&s, &spool, &owner);
	assert_non_null(w->bridge);
	for (size_t i = 0; i < WAYS; i++) {
		size_t number = 9;
		w->ways[i].way.ops = &ops;
		w->ways[i].room = SENT_MAX;
		assert_true(
			bridge_add(w->bridge, &w->ways[i].way, i == 0 ? "one" : "two", &number));
		assert_int_equal(number, i);
		bridge_ready(w->bridge, i, true, w->now_ms);
	}
	bridge_connected(w->bridge, true, w->now_ms);
	world_tick(w, 0);
}

void world_end(struct world *w)
{
	bridge_free(w->bridge);
}

void world_tick(struct world *w, uint64_t passes_ms)
{
	w->now_ms += passes_ms;
	bridge_tick(w->bridge, w->now_ms, w->now_ms + 1700000000000);
	/* Whoever waits for an event is not woken all the time. */
	assert_true(bridge_next_ms(w->bridge) > w->now_ms);
}

struct wire_number world_number(const char *digits)
{
	struct wire_number n;
	assert_true(wire_number_from_text(digits, &n));
	return n;
}

void world_mt(struct world *w, uint64_t id, size_t len)
{
	static uint8_t data[WIRE_DATA_MAX];
	static uint8_t frame[WIRE_FRAME_MAX];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i ^ id);
	const struct wire_message m = { .type = WIRE_MT,
		.mt = { .text = { .id = id,
				.peer = world_number("447700900001"),
				.pid = 0x7d,
				.dcs = 0xf5,
				.marker = UDH_COMMAND,
				.data = data,
				.len = len },
			.reference = (uint16_t)id,
			.valid_s = 3600 } };
	const size_t n = wire_write(&m, frame, sizeof(frame));
	assert_true(n > 0);
	bridge_heard(w->bridge, frame, n, w->now_ms);
	world_tick(w, 0);
}

void world_fate(struct world *w, size_t way, size_t sent, enum way_fate fate)
{
	assert_true(sent < w->ways[way].sent_len);
	const struct way_sent s = { .tag = w->ways[way].sent[sent].s.tag,
		.fate = fate,
		.code = fate == WAY_SENT ? 0 : 0x58,
		.smsc_id = fate == WAY_SENT ? "id" : "" };
	bridge_sent(w->bridge, way, &s, w->now_ms);
	world_tick(w, 0);
}

void world_mo(struct world *w, size_t way, uint32_t tag, uint8_t total, uint8_t number)
{
	const struct udh u = { .joined = total > 0,
		.reference = 5,
		.total = total,
		.number = number,
		.marker = number < 2 ? UDH_COMMAND : 0 };
	uint8_t data[UDH_SPACE];
	const size_t head = udh_write(&u, data);
	memset(data + head, 0x20 + number, 10);
	const struct way_segment s = { .tag = tag,
		.peer = world_number("447700900001"),
		.own = world_number("447700900002"),
		.pid = 0x7f,
		.dcs = 0xf6,
		.header = true,
		.data = data,
		.len = head + 10 };
	bridge_received(w->bridge, way, &s, w->now_ms);
	world_tick(w, 0);
}

void world_answer(struct world *w, uint64_t id, enum wire_taken taken)
{
	uint8_t frame[64];
	const struct wire_message m = { .type = WIRE_MO_ANSWER,
		.mo_answer = { .id = id, .taken = (uint8_t)taken } };
	const size_t n = wire_write(&m, frame, sizeof(frame));
	bridge_heard(w->bridge, frame, n, w->now_ms);
	world_tick(w, 0);
}

const struct wire_message *world_said(const struct world *w, enum wire_type type)
{
	assert_true(w->said_len > 0);
	assert_int_equal(w->said[w->said_len - 1].type, type);
	return &w->said[w->said_len - 1];
}

size_t world_count(const struct world *w, enum wire_type type)
{
	size_t n = 0;
	for (size_t i = 0; i < w->said_len; i++)
		n += w->said[i].type == type;
	return n;
}

int world_answered(const struct world *w, size_t way, uint32_t tag)
{
	int found = -1;
	for (size_t i = 0; i < w->ways[way].answers_len; i++) {
		if (w->ways[way].answers[i].tag != tag)
			continue;
		assert_int_equal(found, -1); /* once */
		found = w->ways[way].answers[i].taken ? 1 : 0;
	}
	return found;
}
