/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/trace: has a datagram left anything behind? Two traces of one side differ when what
 * lies between them was heard: something was said or told, a record opened, or a handshake or an
 * association is not what it was. And what is in a datagram (see dtls/stats), told apart anew.
 *
 * Threads: one.
 */
#ifndef LWG_TESTS_DTLS_TRACE_H
#define LWG_TESTS_DTLS_TRACE_H

#include "pair.h"

enum { UNITS_MAX = 4096 };

struct trace {
	uint64_t events, sent, opened, changes, handshakes;
};

static inline uint64_t trace_mix(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *const b = bytes;
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ b[i]) * 0x100000001b3U;
	return sum;
}

static inline struct trace trace_of(const struct side *s)
{
	const struct dtls_engine *const e = s->e;
	const struct dtls_table *const t = &e->handshakes;
	struct trace now = {
		.sent = s->sent_bytes,
		.opened = e->stats.records_in,
		.changes = e->changes,
	};
	for (size_t i = 0; i < COUNT_OF(s->count); i++)
		now.events += s->count[i];
	for (size_t i = 0; i <= t->mask; i++) {
		for (struct dtls_node *n = t->buckets[i].first; n; n = n->next)
			now.handshakes = trace_mix(now.handshakes,
				CONTAINER_OF(n, struct dtls_handshake, node),
				sizeof(struct dtls_handshake));
	}
	return now;
}

static inline bool trace_is_same(const struct trace *a, const struct trace *b)
{
	return a->events == b->events && a->sent == b->sent && a->opened == b->opened &&
	       a->changes == b->changes && a->handshakes == b->handshakes;
}

/* What a datagram is, told apart here anew. */
static inline uint64_t units_of(const uint8_t *d, size_t len)
{
	static uint8_t copy[UNITS_MAX];
	uint64_t n = 0;
	assert_true(len <= sizeof(copy));
	memcpy(copy, d, len);
	uint8_t *at = copy;
	size_t left = len;
	struct dtls_record r;
	if (len < 13 || ((d[0] < 20 || d[0] > 23) && d[0] != 25 && d[0] != 27))
		return 1;
	while (dtls_record_next(&at, &left, &r))
		n++;
	return n + (left > 0);
}

#endif
