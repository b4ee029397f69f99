/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/proxy/slow: a registered device on a slow radio, and what goes to and fro.
 */
#ifndef LWG_TESTS_PROXY_SLOW_H
#define LWG_TESTS_PROXY_SLOW_H

#include "proxy/governor.h"
#include "proxy/radio.h"
#include "tests/unit/proxy/gate.h"

/* The world's random numbers begin here, which is this much of ACK_RANDOM_FACTOR's range. */
enum { FIRST_MIN_MS = 10000, FIRST_MAX_MS = 15000, LIFETIME_MS = 435000 };

static inline void slow_begin_with(struct world *w, const struct relay_settings *settings)
{
	world_begin(w, settings);
	relay_device_set_radio(w->d, relay_radio_of(RELAY_NB_IOT));
	world_register(w);
	later(w, LIFETIME_MS); /* the Register is forgotten */
	const struct build u =
		build_request(&(struct want){ PDU_NON, PDU_POST, 2, "t2", "rd/5a3f", "lt=86400" });
	const struct build changed = build_start(PDU_NON, PDU_CHANGED, 0x7002, "t2");
	pass_up(w, &u);
	pass_down(w, &changed);
	assert_int_equal(relay_stats(w->relay).kept_bytes, 0);
	quiet(w);
}

static inline void slow_begin(struct world *w)
{
	slow_begin_with(w, NULL);
}

/* Nothing is sent to either side for so long. */
static inline void nothing_for(struct world *w, uint64_t ms)
{
	later(w, ms);
	quiet(w);
}

static inline void absorbed_up(struct world *w, const struct build *b)
{
	up(w, b);
	quiet(w);
}

static inline void absorbed_down(struct world *w, const struct build *b)
{
	down(w, b);
	quiet(w);
}

/* The time until something goes to that wire, which is to be within [min, max]; at `step`. */
static inline uint64_t until_sent(
	struct world *w, const struct wire *to, uint64_t min, uint64_t max)
{
	enum { STEP_MS = 50 };
	const uint64_t begin_ms = w->now_ms;
	while (to->seen == to->count && w->now_ms - begin_ms < max + STEP_MS)
		later(w, STEP_MS);
	const uint64_t took_ms = w->now_ms - begin_ms;
	assert_true(to->seen < to->count);
	assert_in_range(took_ms, min, max + STEP_MS);
	return took_ms;
}

/* As the separate answer of the relay to that side: a CON, whose message id it gives. */
static inline uint16_t expect_separate(struct wire *w, const struct build *answer)
{
	const struct pdu m = expect_pdu(w);
	assert_int_equal(m.type, PDU_CON);
	assert_int_equal(m.len, answer->len);
	assert_int_equal(m.code, answer->data[1]);
	assert_memory_equal(m.data + 4, answer->data + 4, m.len - 4);
	return m.mid;
}

#endif
