/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bed.h"
#include "sms-bridge/pdu/tpdu.h"

static void sent(void *ctx, struct way *w, const struct way_sent *s)
{
	struct bed *const b = ctx;
	assert_ptr_equal(w, b->way);
	assert_true(b->sents < BED_EVENTS);
	struct bed_sent *const to = &b->sent[b->sents++];
	to->tag = s->tag;
	to->fate = s->fate;
	to->code = s->code;
	(void)snprintf(to->id, sizeof(to->id), "%s", s->smsc_id);
}

static void received(void *ctx, struct way *w, const struct way_segment *s)
{
	struct bed *const b = ctx;
	assert_true(b->receiveds < BED_EVENTS);
	assert_in_range(s->len, 0, 140);
	struct bed_received *const to = &b->received[b->receiveds++];
	to->segment = *s;
	memcpy(to->data, s->data, s->len);
	to->segment.data = to->data;
	if (b->answers_at_once)
		w->ops->answer(w, s->tag, b->takes, b->now);
}

static void ready(void *ctx, struct way *w, bool is, const char *why)
{
	struct bed *const b = ctx;
	(void)w;
	assert_true(b->ready != is);
	b->ready = is;
	b->readies++;
	(void)snprintf(b->ready_why, sizeof(b->ready_why), "%s", why);
}

static void closed(void *ctx, struct way *w, uint64_t again_ms, const char *why)
{
	struct bed *const b = ctx;
	(void)w;
	assert_false(b->ready);
	b->closes++;
	b->again_ms = again_ms;
	(void)snprintf(b->close_why, sizeof(b->close_why), "%s", why);
}

struct modem_settings bed_settings(void)
{
	return modem_settings_default();
}

struct bed *bed_new(const struct modem_settings *s)
{
	struct bed *const b = calloc(1, sizeof(*b));
	assert_non_null(b);
	const struct way_owner o = {
		.ctx = b, .sent = sent, .received = received, .ready = ready, .close = closed
	};
	b->way = modem_new(s, &o);
	assert_non_null(b->way);
	b->now = BED_START_MS;
	return b;
}

void bed_free(struct bed *b)
{
	b->way->ops->free(b->way);
	free(b);
}

void bed_hears(struct bed *b, const char *text)
{
	const uint8_t *data;
	char heard[BED_LINE];
	const size_t len = b->way->ops->output(b->way, &data);
	assert_true(len < sizeof(heard));
	memcpy(heard, data, len);
	heard[len] = '\0';
	assert_string_equal(heard, text);
	b->way->ops->consumed(b->way, len);
}

bool bed_silent(struct bed *b)
{
	const uint8_t *data;
	return b->way->ops->output(b->way, &data) == 0;
}

/* Octet by octet: where a chunk ends means nothing. */
void bed_say(struct bed *b, const char *text)
{
	for (; *text != '\0'; text++)
		b->way->ops->input(b->way, (const uint8_t *)text, 1, b->now);
}

void bed_does(struct bed *b, const char *command, const char *answer)
{
	char line[BED_LINE];
	(void)snprintf(line, sizeof(line), "%s\r", command);
	bed_hears(b, line);
	bed_say(b, answer);
}

void bed_sync(struct bed *b)
{
	bed_hears(b, "\x1b"
		     "AT\r");
	bed_say(b, "AT\r\r\nOK\r\n");
	assert_true(bed_silent(b));
	bed_pass(b, 300);
}

static struct bed *begun(const struct modem_settings *s, const char *service)
{
	struct bed *const b = bed_new(s);
	b->way->ops->up(b->way, b->now);
	bed_sync(b);
	bed_does(b, "ATE0", "ATE0\r\r\nOK\r\n");
	bed_does(b, "AT+CMEE=1", "\r\nOK\r\n");
	bed_does(b, "AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n");
	bed_does(b, "AT+CMGF=0", "\r\nOK\r\n");
	bed_does(b, "AT+CPMS=\"SM\",\"SM\",\"SM\"", "\r\n+CPMS: 0,30,0,30,0,30\r\n\r\nOK\r\n");
	bed_does(b, "AT+CSMS=1", service);
	return b;
}

static void registered(struct bed *b)
{
	assert_false(b->ready);
	bed_does(b, "AT+CREG?", "\r\n+CREG: 0,5\r\n\r\nOK\r\n");
	assert_true(b->ready);
	bed_does(b, "AT+CMGL=4", "\r\nOK\r\n");
}

struct bed *bed_ready(const struct modem_settings *s)
{
	struct bed *const b = begun(s, "\r\n+CSMS: 1,1,1\r\n\r\nOK\r\n");
	bed_does(b, "AT+CNMI=2,2,0,0,0", "\r\nOK\r\n");
	registered(b);
	bed_does(b, "AT+CNMI=2,2,0,0,0", "\r\nOK\r\n");
	assert_true(bed_silent(b));
	return b;
}

struct bed *bed_stored(const struct modem_settings *s)
{
	struct bed *const b = begun(s, "\r\n+CMS ERROR: 303\r\n");
	bed_does(b, "AT+CNMI=2,1,0,0,0", "\r\nOK\r\n");
	registered(b);
	assert_true(bed_silent(b));
	return b;
}

void bed_pass(struct bed *b, uint64_t ms)
{
	const uint64_t end = b->now + ms;
	for (unsigned ticks = 0;; ticks++) {
		const uint64_t next = b->way->ops->next_ms(b->way);
		assert_true(ticks < 10000);
		if (next > end)
			break;
		b->now = next > b->now ? next : b->now;
		b->way->ops->tick(b->way, b->now);
	}
	b->now = end;
}

bool bed_send(struct bed *b, uint32_t tag)
{
	static const uint8_t data[] = { 2, 0x70, 0, 0xaa, 0xbb };
	const struct way_segment s = { .tag = tag,
		.peer = { .type = 0x91, .len = 12, .digits = "358401234567" },
		.pid = 0x7d,
		.dcs = 0xf5,
		.header = true,
		.data = data,
		.len = sizeof(data) };
	return b->way->ops->send(b->way, &s, b->now);
}

void bed_message(char out[BED_LINE], const char *header, char last)
{
	const uint8_t data[] = { 2, 0x70, 0, (uint8_t)last };
	const struct tpdu t = { .kind = TPDU_DELIVER,
		.number = { .type = 0x91, .len = 12, .digits = "358401234567" },
		.pid = 0x7d,
		.dcs = 0xf5,
		.header = true,
		.scts = { 0x62, 0x11, 0x32, 0x60, 0, 0, 0 },
		.data = data,
		.len = sizeof(data) };
	uint8_t octets[TPDU_MAX];
	const size_t len = tpdu_write(&t, octets);
	assert_true(len > 0);
	int at = snprintf(out, BED_LINE, "\r\n%s%zu\r\n00", header, len);
	for (size_t i = 0; i < len; i++)
		at += snprintf(out + at, (size_t)(BED_LINE - at), "%02X", octets[i]);
	(void)snprintf(out + at, (size_t)(BED_LINE - at), "\r\n");
}
