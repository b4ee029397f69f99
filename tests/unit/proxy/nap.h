/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/proxy/nap: a device that has registered in queue mode, and its sleep.
 */
#ifndef LWG_TESTS_PROXY_NAP_H
#define LWG_TESTS_PROXY_NAP_H

#include "tests/unit/proxy/slow.h"

enum { AWAKE_MS = 93000, HOLD_MS = 247000, NAP_RETRY_S = 60 };

/* Its last message is just in. */
static inline void nap_register(struct world *w, const char *query)
{
	const struct build r =
		build_request(&(struct want){ PDU_CON, PDU_POST, 1, "t1", "rd", query });
	const struct build created = build_created(PDU_ACK, 1, "t1", "rd/5a3f");
	pass_up(w, &r);
	pass_down(w, &created);
	assert_true(registration_of(w)->attributes.queue);
}

static inline void nap_begin_with(struct world *w, const struct relay_settings *settings)
{
	world_begin(w, settings);
	nap_register(w, "ep=urn:dev:1&lt=86400&lwm2m=1.1&b=U&Q");
}

static inline void nap_begin(struct world *w)
{
	nap_begin_with(w, NULL);
}

/* It sleeps. */
static inline void nap(struct world *w)
{
	later(w, AWAKE_MS + 2000);
	assert_true(relay_device_rest(w->d, w->now_ms).asleep);
	quiet(w);
}

/* The server has its empty ACK in time, and the device nothing. */
static inline void held_down(struct world *w, const struct build *b, uint16_t mid)
{
	down(w, b);
	quiet(w);
	(void)until_sent(w, &w->server, 0, GOVERNOR_PROCESSING_MS);
	expect_answer(&w->server, PDU_ACK, PDU_EMPTY, mid, "");
	expect_silence(&w->device);
}

/* A message of the device that its server has passed by. */
static inline struct build sign(uint16_t mid)
{
	return observed(PDU_NON, mid, "obs", mid);
}

static inline void wake(struct world *w, uint16_t mid)
{
	const struct build b = sign(mid);
	pass_up(w, &b);
	assert_false(relay_device_rest(w->d, w->now_ms).asleep);
}

#endif
