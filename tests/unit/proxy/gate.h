/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/proxy/gate: what the tests of a gate have: a registered device, and messages of both
 * sides that pass, or do not.
 */
#ifndef LWG_TESTS_PROXY_GATE_H
#define LWG_TESTS_PROXY_GATE_H

#include "tests/unit/proxy/kit.h"

enum { RETRY_S = 600, GET = 1, CONTENT = 0x45 };

static inline struct build get(enum pdu_type type, uint16_t mid, const char *token)
{
	return build_request(&(struct want){ type, GET, mid, token, "3/0/0", NULL });
}

static inline struct build observed(enum pdu_type type, uint16_t mid, const char *token, unsigned n)
{
	struct build b = build_start(type, CONTENT, mid, token);
	const uint8_t value = (uint8_t)n;
	build_option(&b, PDU_OBSERVE, &value, 1);
	build_payload(&b, "1");
	return b;
}

static inline struct build content(enum pdu_type type, uint16_t mid, const char *token)
{
	return build_start(type, CONTENT, mid, token);
}

static inline struct build empty(enum pdu_type type, uint16_t mid)
{
	return build_start(type, PDU_EMPTY, mid, "");
}

/* The next message of w is a 5.03 that says when to come again. */
static inline void expect_503(
	struct wire *w, enum pdu_type type, int mid, const char *token, uint32_t retry_s)
{
	const struct pdu m = expect_pdu(w);
	struct pdu_options it = pdu_options(&m);
	struct pdu_option o;
	uint32_t said = 0;
	assert_int_equal(m.type, type);
	assert_int_equal(m.code, PDU_UNAVAILABLE);
	if (mid >= 0)
		assert_int_equal(m.mid, mid);
	assert_true(pdu_same_token(&m, (const uint8_t *)token, strlen(token)));
	assert_true(m.payload_len > 0); /* says why */
	assert_int_equal(pdu_next_of(&it, PDU_MAX_AGE, &o), retry_s > 0);
	for (size_t i = 0; retry_s > 0 && i < o.len; i++)
		said = said << 8 | o.value[i];
	assert_int_equal(said, retry_s);
}

static inline void pass_down(struct world *w, const struct build *b)
{
	down(w, b);
	expect_same(&w->device, b);
}

static inline void pass_up(struct world *w, const struct build *b)
{
	up(w, b);
	expect_same(&w->server, b);
}

static inline void begin(struct world *w)
{
	world_begin(w, NULL);
	world_register(w);
	assert_int_equal(relay_device_gated(w->d), RELAY_OPEN);
	assert_int_equal(relay_device_exchanges(w->d), 0);
}

static inline void quiet(const struct world *w)
{
	expect_silence(&w->device);
	expect_silence(&w->server);
}

#endif
