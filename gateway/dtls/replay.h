/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/replay: lets each record number of one epoch in at most once (invariant I2).
 *
 * Promise: dtls_replay_check() changes nothing; dtls_replay_mark() comes only after the record's
 *          tag has verified, so a forged record cannot move the window.
 * Errors:  none. Clock, I/O, allocation: none; 16 bytes inside the caller's struct.
 * Threads: the worker that owns the association.
 * Source:  RFC 6347 section 4.1.2.6.
 */
#ifndef LWG_DTLS_REPLAY_H
#define LWG_DTLS_REPLAY_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum { DTLS_REPLAY_WINDOW = 64 }; /* records; RFC 6347 4.1.2.6: at least 32, preferably 64 */

struct dtls_replay {
	uint64_t next; /* one above the highest number seen; 0 = none yet */
	uint64_t seen; /* bit i: number next - 1 - i was seen */
};

/* True if seq (< 2^48) is ahead of the window, or inside it and not yet marked. */
MUST_USE bool dtls_replay_check(const struct dtls_replay *r, uint64_t seq);
/* Marks a number that dtls_replay_check() let in. */
void dtls_replay_mark(struct dtls_replay *r, uint64_t seq);

#endif
