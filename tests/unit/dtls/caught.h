/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/caught: handshakes that are stopped at a datagram of the client, which a test then has
 * in its hands.
 *
 * Threads: one.
 */
#ifndef LWG_TESTS_DTLS_CAUGHT_H
#define LWG_TESTS_DTLS_CAUGHT_H

#include "pair.h"

/* Splits a datagram into its records. */
static inline size_t records_of(uint8_t *d, size_t len, struct dtls_record *out, size_t max)
{
	size_t n = 0;
	while (n < max && dtls_record_next(&d, &len, &out[n]))
		n++;
	return n;
}

/* Catches what the client sends from its datagram number p->victim on (counted over both sides). */
struct caught {
	uint8_t d[2048];
	size_t len;
};

static inline struct fate fate_catch(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	if (from != CLIENT || p->number - 1 < p->victim)
		return (struct fate){ .copies = 1 };
	assert_true(len <= sizeof(p->caught));
	memcpy(p->caught, d, len);
	p->caught_len = len;
	return (struct fate){ .copies = 0 };
}

/* The datagrams of a handshake on a clean wire. */
enum { HELLO_1, VERIFY, HELLO_2, FLIGHT_4, FLIGHT_5, FLIGHT_6 };

/* A handshake that stopped before the client's datagram `at` arrived; that is in *c. */
static inline struct pair *stopped_at(size_t at, struct caught *c)
{
	struct pair *const p = pair_new(at + 1, NULL);
	p->victim = at;
	p->fate = fate_catch;
	pair_connect(p, 0);
	pair_deliver(p);
	memcpy(c->d, p->caught, p->caught_len);
	c->len = p->caught_len;
	assert_true(c->len > 0);
	p->fate = NULL;
	return p;
}

static inline struct dtls_handshake *under_way(struct pair *p, unsigned side)
{
	struct dtls_node *const n = dtls_table_any(&p->side[side].e->handshakes);
	assert_non_null(n);
	return CONTAINER_OF(n, struct dtls_handshake, node);
}

#endif
