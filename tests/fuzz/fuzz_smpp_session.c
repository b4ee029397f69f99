/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with an SMSC that says whatever it likes, whenever it likes. The input is steps, an
 * octet each with what it needs behind it (see step()).
 *
 * What must hold: each segment that was taken has one fate, at the latest when the stream ends, and
 * none that was not; a message comes only while it is of use, at most so many wait, an answer to it
 * goes out once; ready changes, and only with a stream; a stream is asked to be closed with a time
 * that lies ahead; what goes out are units that can be read; time never stands still.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms-bridge/smpp/pdu.h"
#include "sms-bridge/smpp/smpp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TAGS = 4096, WAITING_MAX = 64, START_MS = 1000 };

struct world {
	struct way *way;
	uint64_t now, again_ms;
	bool open, ready, left;
	uint8_t taken[TAGS]; /* 1: under way, 2: it has its fate */
	uint32_t tags;
	uint32_t waiting[WAITING_MAX]; /* tags of messages; 0: none */
	uint8_t answers;               /* within the event: 1 taken, 2 not, 0 later */
	unsigned sum;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_smpp_session: %s\n", what);
	abort();
}

/* --- the owner -------------------------------------------------------------------------------- */

static void sent(void *ctx, struct way *way, const struct way_sent *s)
{
	struct world *const w = ctx;
	(void)way;
	must(s->tag < w->tags && w->taken[s->tag] == 1, "a fate of what is not under way");
	must(s->smsc_id != NULL && strlen(s->smsc_id) <= SMPP_MESSAGE_ID_MAX, "a name too long");
	w->taken[s->tag] = 2;
}

static void received(void *ctx, struct way *way, const struct way_segment *s)
{
	struct world *const w = ctx;
	must(w->ready, "a message of nobody");
	for (size_t i = 0; i < s->len; i++)
		w->sum += s->data[i];
	if (w->answers != 0) {
		way->ops->answer(way, s->tag, w->answers == 1, w->now);
		return;
	}
	for (size_t i = 0; i < WAITING_MAX; i++) {
		must(w->waiting[i] != s->tag, "a tag twice");
		if (w->waiting[i] != 0)
			continue;
		w->waiting[i] = s->tag;
		return;
	}
	must(false, "more wait than there may");
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
	must(!w->ready && why[0] != 0, "it is ready and closed");
	must(again_ms > w->now, "at once again");
	must(!strstr(why, "secret08"), "the password is told");
	w->open = false;
	w->again_ms = again_ms;
	memset(w->waiting, 0, sizeof(w->waiting));
	for (uint32_t i = 0; i < w->tags; i++)
		must(w->taken[i] != 1, "no fate at the end of the stream");
}

/* --- the SMSC and the clock ------------------------------------------------------------------- */

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

static void listen(struct world *w, size_t most)
{
	const uint8_t *data;
	const size_t there = w->way->ops->output(w->way, &data);
	size_t at = 0, len;
	struct smpp_pdu p;
	must(w->open || there == 0, "octets for no stream");
	while (at < there && at < most) {
		must(smpp_frame(data + at, there - at, &len) == SMPP_WHOLE, "not a frame");
		must(smpp_read(data + at, len, &p) == SMPP_OK, "a unit that cannot be read");
		at += len;
	}
	if (at > 0)
		w->way->ops->consumed(w->way, at);
}

static void send_one(struct world *w, uint8_t len)
{
	static const uint8_t text[UINT8_MAX] = { 2, 0x70 };
	const struct way_segment s = { .tag = w->tags,
		.peer = { .type = 0x91, .len = 4, .digits = "3584" },
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

static void answer_one(struct world *w, uint8_t which, bool taken)
{
	uint32_t *const place = &w->waiting[which % WAITING_MAX];
	const uint32_t tag = *place;
	const uint8_t *data;
	const size_t before = w->way->ops->output(w->way, &data);
	*place = 0;
	w->way->ops->answer(w->way, tag, taken, w->now);
	must(!w->open || (w->way->ops->output(w->way, &data) > before) == (tag != 0),
		"an answer that does not go out, or one to nothing");
}

static void let_in(struct world *w)
{
	static const uint8_t resp[] = { 0, 0, 0, 17, 0x80, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0 };
	if (w->now < w->again_ms)
		w->now = w->again_ms;
	if (!w->open) {
		w->open = true;
		w->way->ops->up(w->way, w->now);
	}
	say(w, resp, sizeof(resp));
}

/* Returns how many octets of rest it took. */
static size_t step(struct world *w, uint8_t op, const uint8_t *rest, size_t left)
{
	const uint8_t first = left > 0 ? rest[0] : 0;
	const size_t behind = left > 0 ? left - 1 : 0;
	const size_t len = first < behind ? first : behind;
	switch (op % 10) {
	case 0: /* octets, as many as the next one says */
	case 1:
		say(w, rest + (left > 0), len);
		return len + (left > 0);
	case 2: /* a unit whose length is right */
	{
		uint8_t frame[UINT8_MAX + 4] = { 0, 0, 0, 0 };
		frame[2] = (uint8_t)((len + 4) >> 8);
		frame[3] = (uint8_t)(len + 4);
		if (len > 0)
			memcpy(frame + 4, rest + 1, len);
		say(w, frame, len + 4);
		return len + (left > 0);
	}
	case 3:
		pass(w, (uint32_t)first * first);
		return left > 0;
	case 4:
		send_one(w, first);
		return left > 0;
	case 5:
		answer_one(w, first, op >= 128);
		return left > 0;
	case 6:
		listen(w, (size_t)first * 64);
		return left > 0;
	case 7:
		let_in(w);
		return 0;
	case 8:
		w->way->ops->down(w->way, w->now);
		return 0;
	default:
		if (op >= 240)
			w->way->ops->leave(w->way, w->now);
		w->answers = op / 10 % 3;
		return 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *const w = calloc(1, sizeof(*w));
	struct smpp_settings s = smpp_settings_default();
	if (!w)
		return 0;
	const struct way_owner o = {
		.ctx = w, .sent = sent, .received = received, .ready = ready, .close = close_stream
	};
	memcpy(s.password, "secret08", sizeof("secret08"));
	if (size > 0) { /* how it is set up */
		s.window = data[0];
		s.per_second = data[0] % 3 == 1 ? data[0] : 0;
	}
	w->way = smpp_new(&s, &o);
	if (!w->way)
		abort();
	w->now = START_MS;
	for (size_t at = 1; at < size;) {
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
