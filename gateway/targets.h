/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/targets: to which of a server's addresses a link is opened.
 *
 * Promise: pure. Who has had one gets it again as long as it is one and answers; others get the
 *          first one. One at which GW_TARGET_FAILURES handshakes in a row were not answered is
 *          passed over for GW_TARGET_PASS_MS where there is another; then one link tries it, and
 *          the others follow when that has succeeded.
 * Threads: the worker's own. The clock is told.
 * Source:  lwgate.conf(5), upstream.address.
 */
#ifndef LWG_GATEWAY_TARGETS_H
#define LWG_GATEWAY_TARGETS_H

#include <stddef.h>
#include <stdint.h>

enum {
	GW_TARGETS_MAX = 16, /* numbers, see io/sources */
	GW_TARGETS_NOW = 4,
	GW_TARGET_FAILURES = 3,
	GW_TARGET_PASS_MS = 60000,
	GW_NO_TARGET = UINT8_MAX,
};

struct gw_targets {                  /* zeroed: none */
	uint8_t now[GW_TARGETS_NOW]; /* in the order of preference */
	size_t now_len;
	uint8_t failures[GW_TARGETS_MAX];
	uint64_t until_ms[GW_TARGETS_MAX]; /* it is passed over; 0: it is not */
};

/* Those that the server has now, at most GW_TARGETS_NOW. One that was none before begins anew. */
void gw_targets_set(struct gw_targets *t, const uint8_t *now, size_t len);
/* last: the one that this link had, or GW_NO_TARGET. GW_NO_TARGET: there is none. */
uint8_t gw_targets_pick(struct gw_targets *t, uint8_t last, uint64_t now_ms);
void gw_targets_answered(struct gw_targets *t, uint8_t target);
/* A handshake there was not answered. */
void gw_targets_failed(struct gw_targets *t, uint8_t target, uint64_t now_ms);

#endif
