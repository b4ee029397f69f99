/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/suspect: who has failed too often lately, and who has waited: what dtls/admit knows of
 *               strangers, in memory of a fixed size however many they are.
 *
 * Failures are counted per source or identity in a sketch: each counts in one cell of every row,
 * and has as many as the cell that has fewest says. So nobody is taken for better than he is, and
 * for worse only who shares all his cells with others that fail; nobody can aim at that, as the
 * hashes are keyed. One failure is forgiven each DTLS_FORGIVE_MS.
 *
 * Who has waited is known by a filter of bits that forgets nobody for DTLS_WAITED_KEPT_MS: who
 * comes again is always known again. When very many wait, some who have not are taken for those who
 * have: it errs on the side of letting in.
 *
 * Promise: the size never changes; nothing is allocated. All zero is the beginning.
 * Errors:  none.
 * Threads: the worker that owns it. The time comes in, and never runs backwards.
 */
#ifndef LWG_DTLS_SUSPECT_H
#define LWG_DTLS_SUSPECT_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DTLS_SKETCH_ROWS = 2,
	DTLS_SKETCH_CELLS = 2048,
	DTLS_FORGIVE_MS = 1000,
	DTLS_FAILURES_MAX = 64, /* more are not counted: after a minute all is forgiven */
	DTLS_WAITED_BITS = 1 << 19,
	DTLS_WAITED_TURN_MS = 512,     /* who comes again within the same turn has not waited */
	DTLS_WAITED_KEPT_MS = 1 << 16, /* above the longest time between two of a hello */
};

struct dtls_failures {
	/* When everything in the cell is forgiven; below the time now: it is empty. */
	uint64_t free_ms[DTLS_SKETCH_ROWS][DTLS_SKETCH_CELLS];
};

void dtls_failures_add(struct dtls_failures *f, uint64_t hash, uint64_t now_ms);
/* One less: a success. */
void dtls_failures_forgive(struct dtls_failures *f, uint64_t hash, uint64_t now_ms);
/* How many are not forgiven; at most DTLS_FAILURES_MAX. */
MUST_USE unsigned dtls_failures_count(
	const struct dtls_failures *f, uint64_t hash, uint64_t now_ms);

struct dtls_crowd { /* a sketch of how many are here at the moment */
	uint32_t here[DTLS_SKETCH_ROWS][DTLS_SKETCH_CELLS];
};

void dtls_crowd_enter(struct dtls_crowd *c, uint64_t hash);
/* Who has entered. */
void dtls_crowd_leave(struct dtls_crowd *c, uint64_t hash);
MUST_USE uint32_t dtls_crowd_count(const struct dtls_crowd *c, uint64_t hash);

struct dtls_waiting {
	/* Who came in this turn; before it, in this period; in the period before. */
	uint64_t turn[DTLS_WAITED_BITS / 64];
	uint64_t period[DTLS_WAITED_BITS / 64];
	uint64_t last[DTLS_WAITED_BITS / 64];
	uint64_t turn_ms, period_ms; /* when they began */
	bool turn_used, any;         /* something is in turn; in any of them */
};

/* True when the same hash was asked for in an earlier turn, at most DTLS_WAITED_KEPT_MS ago (or not
   much longer). Otherwise it is kept: the answer is true next time. */
MUST_USE bool dtls_waiting_again(struct dtls_waiting *w, uint64_t hash, uint64_t now_ms);

/* All that one engine knows of strangers. */
struct dtls_suspects {
	struct dtls_failures sources, identities;
	struct dtls_crowd crowd; /* handshakes of devices under way, by source */
	struct dtls_crowd begun; /* by suspected sources, since: */
	uint64_t begun_ms;
	struct dtls_waiting waiting;
};

#endif
