/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/sending: a flight and where it is sent to: what goes out is checked octet by octet,
 * opened again, and put together as a peer would.
 *
 * Threads: one.
 */
#ifndef LWG_TESTS_DTLS_SENDING_H
#define LWG_TESTS_DTLS_SENDING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/wr.h"
#include "dtls/assoc.h"
#include "dtls/flight.h"
#include "dtls/gather.h"
#include "dtls/guard.h"

enum { ROOM = 20000, SENT_MAX = 512 };

/* What went out, opened again. */
struct sent {
	uint64_t seq;
	size_t plain; /* octets of text */
	unsigned datagram;
	uint16_t epoch;
	uint8_t type;
};

struct sink {
	uint8_t room[ROOM];
	size_t cap;
	bool full; /* no room */
	size_t datagrams, octets, longest;
	size_t sizes[SENT_MAX];
	struct sent sent[SENT_MAX];
	size_t records;
	struct dtls_guards *guards;
	struct dtls_assoc *assoc;
	/* What a peer makes of it. */
	struct dtls_gather gather;
	uint16_t next;
	uint64_t ends[16]; /* offset + length of the fragments so far, by message_seq: no overlap */
	uint8_t heard[ROOM];
	size_t heard_len;
	uint8_t last[64]; /* text of the last protected record */
	size_t last_len;
};

struct sending {
	struct sink sink;
	struct dtls_owner owner;
	struct net_path path;
	struct dtls_assoc assoc;
	struct dtls_sealer sealer;
	uint64_t plain_seq;
	struct dtls_sender sender;
	struct dtls_flight flight;
};

static inline uint8_t *sink_room(void *ctx, const struct net_path *path, size_t cap)
{
	struct sink *const s = ctx;
	(void)path;
	assert_in_range(cap, 1, sizeof(s->room));
	s->cap = cap;
	memset(s->room, 0xee, sizeof(s->room));
	return s->full ? NULL : s->room;
}

static inline void hear_fragments(struct sink *s, const struct dtls_record *r)
{
	struct rd body = rd_from(r->body, r->len);
	struct dtls_fragment f;
	while (dtls_fragment_next(&body, &f)) {
		assert_int_equal(f.offset, s->ends[f.message_seq % 16]);
		s->ends[f.message_seq % 16] = f.offset + f.len;
		(void)dtls_gather_add(&s->gather, &f, s->next);
		for (; dtls_gather_take(&s->gather, s->next, &f); s->next++) {
			assert_true(s->heard_len + f.len + 1 <= sizeof(s->heard));
			s->heard[s->heard_len++] = f.type;
			memcpy(s->heard + s->heard_len, f.body, f.len);
			s->heard_len += f.len;
			dtls_gather_drop(&s->gather, s->next);
		}
	}
	assert_true(rd_end(&body));
}

static inline void hear(struct sink *s, const struct dtls_record *r)
{
	struct sent *const n = &s->sent[s->records++];
	assert_true(s->records < SENT_MAX);
	*n = (struct sent){ .type = r->type,
		.epoch = r->epoch,
		.seq = r->seq,
		.plain = r->len,
		.datagram = (unsigned)s->datagrams };
	if (r->epoch == 0) {
		if (r->type == DTLS_HANDSHAKE)
			hear_fragments(s, r);
		return;
	}
	uint8_t *plain = NULL;
	assert_true(dtls_guard_open(
		s->guards, dtls_assoc_guard(s->assoc), &s->assoc->out, r, &plain, &n->plain));
	assert_in_range(n->plain, 1, sizeof(s->last));
	memcpy(s->last, plain, n->plain);
	s->last_len = n->plain;
}

static inline void sink_sent(void *ctx, size_t len)
{
	struct sink *const s = ctx;
	uint8_t *at = s->room;
	size_t left = len;
	assert_true(len <= s->cap && s->datagrams < SENT_MAX);
	assert_int_equal(s->room[s->cap], 0xee);
	struct dtls_record r;
	while (dtls_record_next(&at, &left, &r))
		hear(s, &r);
	assert_int_equal(left, 0);
	s->sizes[s->datagrams++] = len;
	s->octets += len;
	s->longest = len > s->longest ? len : s->longest;
}

static inline void some_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	memset(out, 0x77, len);
}

static inline struct sending *sending_new(enum dtls_guard how, size_t datagram_max)
{
	struct sending *const s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->owner = (struct dtls_owner){ .ctx = &s->sink, .room = sink_room, .sent = sink_sent };
	s->sealer = (struct dtls_sealer){ .guards = dtls_guards_new(), .random = some_random };
	assert_non_null(s->sealer.guards);
	s->sender = (struct dtls_sender){ .owner = &s->owner,
		.path = &s->path,
		.sealer = &s->sealer,
		.assoc = &s->assoc,
		.plain_seq = &s->plain_seq,
		.datagram_max = datagram_max };
	s->assoc.guard = (uint8_t)how;
	s->assoc.write_end = UINT64_MAX;
	memset(&s->assoc.out, 0x31, sizeof(s->assoc.out));
	s->sink.guards = s->sealer.guards;
	s->sink.assoc = &s->assoc;
	dtls_gather_init(&s->sink.gather, 20480);
	return s;
}

/* What was heard is forgotten; numbers go on. */
static inline void again(struct sending *s)
{
	struct sink *const k = &s->sink;
	dtls_gather_fini(&k->gather);
	*k = (struct sink){ .guards = k->guards, .assoc = k->assoc };
	dtls_gather_init(&k->gather, 20480);
}

static inline void sending_free(struct sending *s)
{
	dtls_flight_clear(&s->flight);
	assert_int_equal(dtls_flight_memory(&s->flight), 0);
	dtls_gather_fini(&s->sink.gather);
	dtls_guards_free(s->sealer.guards);
	free(s);
}

static inline uint8_t octet(uint16_t message_seq, size_t at)
{
	return (uint8_t)((size_t)message_seq * 59 + at * 3 + (at >> 8));
}

/* One fragment of message `seq` as a record. */
static inline bool add_part(struct sending *s, uint16_t epoch, uint16_t seq, uint32_t total,
	uint32_t offset, size_t len)
{
	static uint8_t body[DTLS_FLIGHT_MAX + 64];
	struct wr w = wr_into(body, sizeof(body));
	wr_u8(&w, (uint8_t)(2 + seq));
	wr_u24(&w, total);
	wr_u16(&w, seq);
	wr_u24(&w, offset);
	wr_u24(&w, (uint32_t)len);
	for (size_t i = 0; i < len; i++)
		wr_u8(&w, octet(seq, offset + i));
	assert_true(wr_ok(&w));
	const struct dtls_record r = { .type = DTLS_HANDSHAKE,
		.version = DTLS_VERSION_1_2,
		.epoch = epoch,
		.body = body,
		.len = w.len };
	return dtls_flight_add(&s->flight, &r);
}

static inline bool add(struct sending *s, uint16_t epoch, uint16_t seq, size_t len)
{
	return add_part(s, epoch, seq, (uint32_t)len, 0, len);
}

static inline bool add_ccs(struct sending *s)
{
	uint8_t one = 1;
	const struct dtls_record r = {
		.type = DTLS_CCS, .version = DTLS_VERSION_1_2, .body = &one, .len = 1
	};
	return dtls_flight_add(&s->flight, &r);
}

/* The messages of these lengths, from number 0 on, were heard as they are, and nothing else. */
static inline void assert_heard_messages(const struct sending *s, const size_t *lens, size_t count)
{
	const struct sink *const k = &s->sink;
	size_t at = 0;
	assert_int_equal(k->next, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(k->heard[at++], 2 + i);
		for (size_t n = 0; n < lens[i]; n++)
			assert_int_equal(k->heard[at++], octet((uint16_t)i, n));
	}
	assert_int_equal(at, k->heard_len);
	assert_int_equal(dtls_gather_memory(&k->gather), 0);
}

#endif
