/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments of some senders in any order, with a clock that goes on (I7). Of each six octets: who,
 * which message, its total, which segment, its length and kind, and how much later.
 *
 * What must hold: what is held is bounded, and is gone when its time is over; a whole message is
 * of one sender and reference, in the order of its segments; what is refused is counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms-bridge/pdu/segments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz_segments: %s\n", what);
	abort();
}

enum { STEP = 6, OCTETS = 16384, PATIENCE_MS = 1000, SENDERS = 8, REFERENCES = 8 };

/* The octets of a segment tell whose it is and which: so a wrong one is seen in the whole. */
static void fill(uint8_t *out, size_t len, const struct segments_part *p)
{
	const uint8_t who = (uint8_t)p->text.peer.digits[1];
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(who * 31 + p->udh.reference * 7 + p->udh.number);
}

static struct segments_part part_from(const uint8_t *o, uint8_t data[UDH_SPACE + 1])
{
	struct segments_part p = {
		.text = { .peer = { .type = 0x91, .len = 2, .digits = "40" },
			.pid = 0x7d,
			.dcs = (o[4] & 1) != 0 ? 0xf5 : 0xf6,
			.data = data,
			.len = o[4] % (UDH_SPACE + 2) },
		.udh = { .joined = (o[0] & 0x80) == 0,
			.wide = (o[1] & 0x80) != 0,
			.reference = o[1] % REFERENCES,
			.total = o[2],
			.number = o[3],
			.marker = (o[0] & 0x40) != 0 ? UDH_COMMAND : 0 },
	};
	p.text.peer.digits[1] = (char)('0' + o[0] % SENDERS);
	fill(data, p.text.len, &p);
	return p;
}

static void whole_is_right(const struct wire_text *whole, const struct segments_part *p)
{
	must(whole->len <= WIRE_DATA_MAX, "a whole that nobody can be told of");
	must(memcmp(&whole->peer, &p->text.peer, sizeof(whole->peer)) == 0, "of somebody else");
	const uint8_t first = (uint8_t)(p->text.peer.digits[1] * 31 + p->udh.reference * 7);
	uint8_t last = 0;
	for (size_t i = 0; i < whole->len; i++) {
		const uint8_t n = (uint8_t)(whole->data[i] - first);
		must(n >= last, "segments out of order, or of another message");
		must(n > 0 && (!p->udh.joined || n <= p->udh.total), "a segment beyond the total");
		last = n;
	}
}

static void stays_bounded(const struct segments *s, uint64_t now)
{
	const struct segments_stats st = segments_stats(s);
	must(st.octets <= OCTETS, "more is held than there is room");
	must(st.under_way <= (size_t)SENDERS * 4, "more is under way than the senders may have");
	must((st.under_way == 0) == (segments_next_ms(s) == UINT64_MAX), "a time of nothing");
	must(st.under_way == 0 || segments_next_ms(s) <= now + PATIENCE_MS, "it lives too long");
}

static void one(struct segments *s, const uint8_t *o, uint64_t now)
{
	uint8_t data[UDH_SPACE + 1];
	struct wire_text whole;
	const struct segments_part p = part_from(o, data);
	if (!p.udh.joined && p.udh.number == 0)
		return; /* its octets could not be told from those of another */
	const struct segments_stats before = segments_stats(s);
	const enum segments_result r = segments_add(s, &p, now, &whole);
	const struct segments_stats after = segments_stats(s);
	must((r == SEGMENTS_REFUSED) == (after.refused == before.refused + 1), "not counted");
	if (r == SEGMENTS_WHOLE)
		whole_is_right(&whole, &p);
	if (r == SEGMENTS_WHOLE && (o[5] & 1) != 0)
		segments_forget(s, &p);
	stays_bounded(s, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct segments_limits l = {
		.octets = OCTETS, .of_one = 4, .total_max = 80, .patience_ms = PATIENCE_MS
	};
	struct segments *const s = segments_new(&l);
	uint64_t now = 0;
	if (!s)
		return 0;
	for (size_t i = 0; i + STEP <= size; i += STEP) {
		now += data[i + 5];
		one(s, data + i, now);
	}
	(void)segments_expire(s, now + PATIENCE_MS);
	const struct segments_stats st = segments_stats(s);
	must(st.under_way == 0 && st.octets == 0, "something is left when its time is over");
	segments_free(s);
	return 0;
}
