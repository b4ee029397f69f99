/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A modem that says whatever it likes, whenever it likes. The input is steps, an octet each with
 * what it needs behind it (see step()).
 *
 * What must hold: each segment that was taken has one fate, at the latest when the stream ends;
 * at most so many messages wait, each with a tag of its own; ready changes, and only with a stream;
 * a stream is asked to be closed with a time that lies ahead; time never
 * stands still; lines are the same however the octets are cut.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "sms-bridge/modem/lines.h"
#include "sms-bridge/modem/modem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TPDU "440C915348103254767DF56211326000000003027000" /* a DELIVER of 22 octets */

enum { TAGS = 1024, WAITING_MAX = 32, START_MS = 1000 };

struct world {
	struct way *way;
	uint64_t now, again_ms;
	bool open, ready;
	uint8_t taken[TAGS]; /* 1: under way, 2: it has its fate */
	uint32_t tags, last;
	uint32_t waiting[WAITING_MAX];
	unsigned sum;
	uint8_t answers; /* within the event: 1 taken, 2 not, 0 later */
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_at_lines: %s\n", what);
	abort();
}

static void sent(void *ctx, struct way *way, const struct way_sent *s)
{
	struct world *const w = ctx;
	(void)way;
	must(s->tag < w->tags && w->taken[s->tag] == 1, "a fate of what is not under way");
	must(s->smsc_id && strlen(s->smsc_id) < 16, "a name too long");
	w->taken[s->tag] = 2;
}

static void received(void *ctx, struct way *way, const struct way_segment *s)
{
	struct world *const w = ctx;
	must(w->open && s->tag != w->last && s->len <= 140, "a message of nobody");
	w->last = s->tag;
	for (size_t i = 0; i < s->len; i++)
		w->sum += s->data[i];
	if (w->answers != 0)
		way->ops->answer(way, s->tag, w->answers == 1, w->now);
	else
		w->waiting[s->tag % WAITING_MAX] = s->tag;
}

static void ready(void *ctx, struct way *way, bool is, const char *why)
{
	struct world *const w = ctx;
	(void)way;
	must(w->open && w->ready != is && why, "ready without a change");
	w->ready = is;
}

static void close_stream(void *ctx, struct way *way, uint64_t again_ms, const char *why)
{
	struct world *const w = ctx;
	(void)way;
	must(!w->ready && why[0] != 0 && !strstr(why, "2468"), "it is ready and closed");
	must(again_ms > w->now && again_ms >= w->again_ms, "at once again");
	w->open = false;
	w->again_ms = again_ms;
	for (uint32_t i = 0; i < w->tags; i++)
		must(w->taken[i] != 1, "no fate at the end of the stream");
}

/* From a block of its own length. */
static void say(struct world *w, const uint8_t *data, size_t len)
{
	uint8_t *const exact = malloc(len + (len == 0));
	if (!exact)
		abort();
	memcpy(exact, data, len);
	if (w->open)
		w->way->ops->input(w->way, exact, len, w->now);
	free(exact);
}

static void say_line(struct world *w, uint8_t which)
{
	static const char *const lines[] = { "\r\nOK\r\n", "\r\nERROR\r\n", "\r\n> ",
		"\r\n+CMS ERROR: 42\r\n", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n",
		"\r\n+CPIN: READY\r\n\r\nOK\r\n", "\r\n+CREG: 0,1\r\n\r\nOK\r\n",
		"\r\n+CREG: 0,2\r\n", "\r\n+CMTI: \"SM\",1\r\n", "\r\n+CMGS: 9\r\n",
		("\r\n+CMT: ,22\r\n00" TPDU "\r\n"), "\r\n+CMGL: 1,0,,22\r\n", "\r\n+CMT: ,22\r\n",
		("00" TPDU "\r\n"), "\r\n+CME ERROR: 16\r\n" };
	const char *const line = lines[which % COUNT_OF(lines)];
	say(w, (const uint8_t *)line, strlen(line));
}

static void listen(struct world *w, size_t most)
{
	const uint8_t *data;
	const size_t there = w->way->ops->output(w->way, &data);
	must(w->open || there == 0, "octets for no stream");
	const size_t len = most < there ? most : there;
	for (size_t i = 0; i < len; i++)
		must(data[i] < 0x80 && data[i] != '\n', "no text");
	w->way->ops->consumed(w->way, len);
}

static void send_one(struct world *w, uint8_t len)
{
	static const uint8_t text[UINT8_MAX] = { 2, 0x70 };
	const struct way_segment s = { .tag = w->tags,
		.peer = { .type = 0x91, .len = 4, .digits = "3584" },
		.dcs = 0xf5,
		.data = text,
		.len = len,
		.header = true };
	if (w->tags == TAGS)
		return;
	const uint32_t tag = w->tags++;
	w->taken[tag] = 1;
	const bool took = w->way->ops->send(w->way, &s, w->now);
	must(!took || (w->ready && w->taken[tag] == 1), "taken, and not");
	if (!took)
		w->taken[tag] = 0;
}

static void pass(struct world *w, uint32_t ms)
{
	const uint64_t end = w->now + ms;
	for (unsigned ticks = 0;; ticks++) {
		const uint64_t next = w->way->ops->next_ms(w->way);
		must(ticks < 2000, "time stands still");
		if (next > end)
			break;
		w->now = next > w->now ? next : w->now;
		w->way->ops->tick(w->way, w->now);
	}
	w->now = end;
}

static void open_stream(struct world *w)
{
	if (w->now < w->again_ms)
		w->now = w->again_ms;
	if (w->open)
		return;
	w->open = true;
	w->way->ops->up(w->way, w->now);
}

/* Returns how many octets of rest it took. */
static size_t step(struct world *w, uint8_t op, const uint8_t *rest, size_t left)
{
	const uint8_t first = left > 0 ? rest[0] : 0;
	const size_t behind = left > 0 ? left - 1 : 0;
	const size_t len = first < behind ? first : behind;
	switch (op % 9) {
	case 0: /* octets, as many as the next one says */
		say(w, rest + (left > 0), len);
		return len + (left > 0);
	case 1:
	case 2:
		say_line(w, op / 9);
		return 0;
	case 3:
		pass(w, (uint32_t)first * first);
		return left > 0;
	case 4:
		send_one(w, first);
		return left > 0;
	case 5:
		w->way->ops->answer(w->way, w->waiting[first % WAITING_MAX], op >= 128, w->now);
		return left > 0;
	case 6:
		listen(w, first % 3 == 0 ? first : 1024);
		return left > 0;
	case 7:
		open_stream(w);
		return 0;
	default:
		if (op >= 240)
			w->way->ops->leave(w->way, w->now);
		else if (op >= 200)
			w->way->ops->down(w->way, w->now);
		w->answers = op / 10 % 3;
		return 0;
	}
}

/* A sum over what is read when the octets come in pieces of so many. */
static uint64_t read_by(const uint8_t *data, size_t size, size_t piece)
{
	struct at_lines l;
	uint64_t sum = 0;
	memset(&l, 0, sizeof(l));
	for (size_t at = 0; at < size; at += piece) {
		struct rd r = rd_from(data + at, size - at < piece ? size - at : piece);
		enum at_kind kind;
		uint8_t octets[16];
		uint32_t number = 0;
		while ((kind = at_lines_next(&l, &r, data[0] & 1)) != AT_MORE) {
			sum = sum * 31 + (uint64_t)kind;
			if (kind != AT_LINE)
				continue;
			must(l.text[0] != '\0' && strlen(l.text) <= AT_LINE_MAX, "no line");
			sum = sum * 31 + strlen(l.text) + at_hex(l.text, octets, sizeof(octets));
			sum += at_last_number(l.text, &number) ? number : 0;
		}
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *const w = calloc(1, sizeof(*w));
	struct modem_settings s = modem_settings_default();
	if (!w)
		return 0;
	if (size > 0)
		must(read_by(data, size, size) == read_by(data, size, 1), "cut otherwise");
	const struct way_owner o = {
		.ctx = w, .sent = sent, .received = received, .ready = ready, .close = close_stream
	};
	memcpy(s.pin, "2468", 5);
	w->way = modem_new(&s, &o);
	if (!w->way)
		abort();
	w->now = START_MS;
	for (size_t at = 0; at < size;) {
		const uint8_t op = data[at++];
		at += step(w, op, data + at, size - at);
	}
	w->way->ops->down(w->way, w->now);
	for (uint32_t i = 0; i < w->tags; i++)
		must(w->taken[i] != 1, "no fate at the end");
	w->way->ops->free(w->way);
	free(w);
	return 0;
}
