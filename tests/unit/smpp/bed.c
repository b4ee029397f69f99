/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bed.h"

static void sent(void *ctx, struct way *w, const struct way_sent *s)
{
	struct bed *const b = ctx;
	(void)w;
	assert_true(b->sents < BED_EVENTS);
	struct bed_sent *const e = &b->sent[b->sents++];
	*e = (struct bed_sent){ .tag = s->tag, .code = s->code, .fate = s->fate };
	(void)snprintf(e->id, sizeof(e->id), "%s", s->smsc_id);
}

static void received(void *ctx, struct way *w, const struct way_segment *s)
{
	struct bed *const b = ctx;
	assert_true(b->receiveds < BED_EVENTS);
	struct bed_received *const e = &b->received[b->receiveds++];
	e->segment = *s;
	assert_true(s->len <= sizeof(e->data));
	if (s->len > 0)
		memcpy(e->data, s->data, s->len);
	e->segment.data = e->data;
	if (b->answers_at_once)
		w->ops->answer(w, s->tag, b->takes, b->now);
}

static void ready(void *ctx, struct way *w, bool is, const char *why)
{
	struct bed *const b = ctx;
	(void)w;
	assert_int_not_equal(b->ready, is);
	b->ready = is;
	b->readies++;
	(void)snprintf(b->ready_why, sizeof(b->ready_why), "%s", why);
}

static void close_stream(void *ctx, struct way *w, uint64_t again_ms, const char *why)
{
	struct bed *const b = ctx;
	(void)w;
	assert_false(b->ready);
	assert_true(again_ms > b->now);
	b->closes++;
	b->again_ms = again_ms;
	(void)snprintf(b->close_why, sizeof(b->close_why), "%s", why);
}

struct smpp_settings bed_settings(void)
{
	struct smpp_settings s = smpp_settings_default();
	memcpy(s.system_id, "SMPP3TEST", sizeof("SMPP3TEST"));
	memcpy(s.password, "secret08", sizeof("secret08"));
	memcpy(s.system_type, "SUBMIT1", sizeof("SUBMIT1"));
	s.own = (struct wire_number){ .type = 0xc0, .len = 4, .digits = "4040" };
	return s;
}

struct bed *bed_new(const struct smpp_settings *s)
{
	struct bed *const b = calloc(1, sizeof(*b));
	assert_non_null(b);
	const struct way_owner o = {
		.ctx = b, .sent = sent, .received = received, .ready = ready, .close = close_stream
	};
	b->way = smpp_new(s, &o);
	assert_non_null(b->way);
	b->now = BED_START_MS;
	return b;
}

struct bed *bed_bound(const struct smpp_settings *s)
{
	struct bed *const b = bed_new(s);
	bed_log_in(b);
	return b;
}

void bed_free(struct bed *b)
{
	b->way->ops->free(b->way);
	free(b);
}

bool bed_silent(struct bed *b)
{
	const uint8_t *data;
	return b->way->ops->output(b->way, &data) == 0;
}

struct smpp_pdu bed_heard(struct bed *b, uint32_t id)
{
	const uint8_t *data;
	size_t len = 0;
	struct smpp_pdu p;
	const size_t there = b->way->ops->output(b->way, &data);
	assert_int_equal(smpp_frame(data, there, &len), SMPP_WHOLE);
	memcpy(b->frame, data, len);
	b->way->ops->consumed(b->way, len);
	assert_int_equal(smpp_read(b->frame, len, &p), SMPP_OK);
	assert_int_equal(p.id, id);
	return p;
}

void bed_say(struct bed *b, const struct smpp_pdu *p)
{
	uint8_t out[SMPP_FRAME_MAX];
	const size_t len = smpp_write(p, out, sizeof(out));
	assert_true(len >= SMPP_HEADER);
	uint8_t *const exact = malloc(len); /* gone when it has been read */
	assert_non_null(exact);
	memcpy(exact, out, len);
	b->way->ops->input(b->way, exact, len, b->now);
	free(exact);
}

void bed_say_short(struct bed *b, uint32_t id, uint32_t status, uint32_t sequence)
{
	const struct smpp_pdu p = { .id = id, .status = status, .sequence = sequence };
	bed_say(b, &p);
}

void bed_log_in(struct bed *b)
{
	b->way->ops->up(b->way, b->now);
	const struct smpp_pdu p = bed_heard(b, SMPP_BIND_TRANSCEIVER);
	bed_say_short(b, SMPP_BIND_TRANSCEIVER | SMPP_RESP, SMPP_OK, p.sequence);
	assert_true(b->ready);
}

void bed_pass(struct bed *b, uint64_t ms)
{
	const uint64_t end = b->now + ms;
	for (size_t ticks = 0;; ticks++) {
		assert_true(ticks < 10000); /* it never stands still */
		const uint64_t next = b->way->ops->next_ms(b->way);
		if (next > end)
			break;
		b->now = next > b->now ? next : b->now;
		b->way->ops->tick(b->way, b->now);
	}
	b->now = end;
}

bool bed_send(struct bed *b, uint32_t tag)
{
	static const uint8_t data[] = { 0x02, 0x70, 0x00, 0xde, 0xad };
	const struct way_segment s = { .tag = tag,
		.peer = { .type = 0x91, .len = 12, .digits = "358401234567" },
		.pid = 0x7d,
		.dcs = 0xf5,
		.header = true,
		.data = data,
		.len = sizeof(data) };
	return b->way->ops->send(b->way, &s, b->now);
}

struct smpp_sm bed_message(const char *from, const char *to)
{
	static const uint8_t data[] = { 0x02, 0x70, 0x00, 0xbe, 0xef };
	return (struct smpp_sm){
		.source = { .ton = 1, .npi = 1, .digits = from },
		.destination = { .ton = 3, .npi = 1, .digits = to },
		.esm_class = SMPP_ESM_HEADER,
		.pid = 0x7f,
		.dcs = 0xf6,
		.text = data,
		.text_len = sizeof(data),
	};
}
