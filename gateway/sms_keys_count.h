/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms_keys_count: in which state the key sets of devices by short messages are, in numbers.
 *
 * The state is in the sealed row, so that somebody has to read all rows. A round does it a few rows
 * at a time, and begins anew for ever: a number is as old as the last round took, a second for
 * GW_KEYS_ROWS rows.
 *
 * Promise: a turn opens GW_KEYS_ROWS rows at most, and a round begins GW_KEYS_ROUND_MS after the
 *          last one at the earliest. Until the first one is done the numbers are those so far. A
 *          key set that changes in the middle of a round may be counted as it was.
 * Errors:  what cannot be read is not counted; a store that fails ends the round where it is, and
 *          the next turn goes on.
 * Memory:  none. Threads: the reader's.
 * Source:  sms/keyset.
 */
#ifndef LWG_GATEWAY_SMS_KEYS_COUNT_H
#define LWG_GATEWAY_SMS_KEYS_COUNT_H

#include "sms/keyset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_reader;

enum { GW_KEYS_ROWS = 256, GW_KEYS_ROUND_MS = 5000 };

struct gw_keys_round { /* zero to begin with */
	uint32_t at;   /* credential; 0: the next round has not begun */
	uint64_t begun_ms;
	bool whole; /* one has come to its end */
	uint64_t so_far[KEYSET_STATES], last[KEYSET_STATES];
};

/* One turn. Returns how many rows it has opened. */
size_t gw_keys_round_turn(struct gw_keys_round *x, struct store_reader *r, uint64_t now_ms);
/* KEYSET_STATES numbers, by state. */
const uint64_t *gw_keys_round_counts(const struct gw_keys_round *x);

#endif
