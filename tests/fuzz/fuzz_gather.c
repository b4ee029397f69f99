/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments of handshake messages in any order. The input says how long the messages are,
 * and which fragments come: offset and length of each, and, if its first octet is odd, also others
 * that contradict them. Whatever comes, the bound on memory holds, and all messages are given on as
 * they were in the end; without contradiction, as soon as their last octet has come.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "dtls/gather.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HELD_MAX = 20480, MESSAGES = 10 };

struct message {
	uint8_t body[DTLS_GATHER_MAX];
	uint8_t come[DTLS_GATHER_MAX]; /* one octet each */
	uint32_t total;
	size_t missing;
};

struct run {
	struct dtls_gather g;
	struct message m[MESSAGES];
	uint16_t count, next;
	bool fits; /* all at once, so that nothing need be forgotten */
	bool honest;
};

static uint8_t octet(size_t message, size_t at)
{
	return (uint8_t)(message * 41 + at * 7 + (at >> 8) + 1);
}

static void begin(struct run *r, struct rd *in)
{
	const uint8_t how = rd_u8(in);
	size_t sum = 0;
	r->honest = (how & 1) == 0;
	r->count = (uint16_t)(1 + (how >> 1) % MESSAGES);
	r->next = 0;
	dtls_gather_init(&r->g, HELD_MAX);
	for (size_t i = 0; i < r->count; i++) {
		struct message *const m = &r->m[i];
		m->total = rd_u16(in) % (DTLS_GATHER_MAX + 1);
		m->missing = m->total;
		memset(m->come, 0, m->total);
		for (size_t k = 0; k < m->total; k++)
			m->body[k] = octet(i, k);
		/* Pages, their bits and their table. */
		sum += m->total + m->total / 8 + 8 * (m->total / DTLS_GATHER_PAGE + 2);
	}
	r->fits = sum <= HELD_MAX;
}

static bool same_body(const struct dtls_fragment *whole, const struct message *m)
{
	return m->total == 0 || memcmp(whole->body, m->body, m->total) == 0;
}

static void take_all(struct run *r)
{
	struct dtls_fragment whole;
	while (r->next < r->count && dtls_gather_take(&r->g, r->next, &whole)) {
		const struct message *const m = &r->m[r->next];
		assert(whole.offset == 0 && whole.len == whole.total);
		assert(whole.message_seq == r->next);
		if (r->honest)
			assert(whole.total == m->total && m->missing == 0 && same_body(&whole, m));
		dtls_gather_drop(&r->g, r->next);
		r->next++;
	}
	const bool sure = r->honest && r->fits && r->next < r->count;
	assert(!sure || r->m[r->next].total == 0 || r->m[r->next].missing > 0);
}

static void add(struct run *r, const struct dtls_fragment *f)
{
	const size_t before = dtls_gather_memory(&r->g);
	const enum dtls_gathering how = dtls_gather_add(&r->g, f, r->next);
	const size_t after = dtls_gather_memory(&r->g);
	assert(after <= HELD_MAX);
	/* In proportion to what came: pages that it touches, bits and table. */
	if (after > before)
		assert(after - before <= (f->len + (size_t)2 * DTLS_GATHER_PAGE) * 9 / 8 + 256);
	assert((how == DTLS_GATHER_OLD) == (f->message_seq < r->next));
	struct dtls_fragment whole;
	assert((how == DTLS_GATHER_WHOLE) <= dtls_gather_take(&r->g, r->next, &whole));
}

static void honest(struct run *r, struct rd *in)
{
	const uint16_t i = (uint16_t)(rd_u8(in) % r->count);
	struct message *const m = &r->m[i];
	const uint16_t drawn = rd_u16(in);
	const uint32_t offset = m->total > 0 ? drawn % m->total : 0;
	const size_t left = m->total - offset;
	const size_t len = rd_u16(in) % (left + 1);
	/* A block of its own: a read beyond it is seen. */
	uint8_t *const body = malloc(len ? len : 1);
	assert(body);
	memcpy(body, m->body + offset, len);
	add(r, &(struct dtls_fragment){ .type = (uint8_t)(11 + i),
		       .total = m->total,
		       .message_seq = i,
		       .offset = offset,
		       .body = body,
		       .len = len });
	free(body);
	if (i >= r->next && i - r->next < DTLS_GATHER_AHEAD) {
		for (size_t k = 0; k < len; k++) {
			m->missing -= !m->come[offset + k];
			m->come[offset + k] = 1;
		}
	}
	take_all(r);
}

static void forged(struct run *r, struct rd *in)
{
	static const uint8_t body[256];
	struct dtls_fragment f = {
		.type = rd_u8(in),
		.total = rd_u24(in),
		.message_seq = rd_u8(in),
		.offset = rd_u16(in),
		.body = body,
		.len = rd_u8(in),
	};
	if (f.offset <= f.total && f.len <= f.total - f.offset)
		add(r, &f);
	take_all(r);
}

/* The rest comes in order, as it would at last. */
static void finish(struct run *r)
{
	while (r->next < r->count) {
		const uint16_t i = r->next;
		struct message *const m = &r->m[i];
		m->missing = 0;
		add(r, &(struct dtls_fragment){ .type = (uint8_t)(11 + i),
			       .total = m->total,
			       .message_seq = i,
			       .body = m->body,
			       .len = m->total });
		take_all(r);
		assert(r->next > i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_from(data, size);
	static struct run r; /* too large for the stack */
	begin(&r, &in);
	while (in.left > 0) {
		if (!r.honest && rd_u8(&in) % 2 == 0)
			forged(&r, &in);
		else
			honest(&r, &in);
	}
	finish(&r);
	dtls_gather_fini(&r.g);
	assert(dtls_gather_memory(&r.g) == 0);
	return 0;
}
