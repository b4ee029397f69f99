/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/suspect.h"

#include <string.h>

enum { WAITED_PROBES = 3, WAITED_SHIFT = 19 };

/* --- failures -------------------------------------------------------------------------------- */

/* The cell of row i: other bits of the hash for each. */
static size_t cell(uint64_t hash, size_t i)
{
	return (size_t)(hash >> i * 16) % DTLS_SKETCH_CELLS;
}

void dtls_failures_add(struct dtls_failures *f, uint64_t hash, uint64_t now_ms)
{
	const uint64_t most = now_ms + (uint64_t)DTLS_FAILURES_MAX * DTLS_FORGIVE_MS;
	for (size_t i = 0; i < DTLS_SKETCH_ROWS; i++) {
		uint64_t *const free_ms = &f->free_ms[i][cell(hash, i)];
		const uint64_t from = *free_ms > now_ms ? *free_ms : now_ms;
		*free_ms = from + DTLS_FORGIVE_MS < most ? from + DTLS_FORGIVE_MS : most;
	}
}

void dtls_failures_forgive(struct dtls_failures *f, uint64_t hash, uint64_t now_ms)
{
	for (size_t i = 0; i < DTLS_SKETCH_ROWS; i++) {
		uint64_t *const free_ms = &f->free_ms[i][cell(hash, i)];
		*free_ms = *free_ms > now_ms + DTLS_FORGIVE_MS ? *free_ms - DTLS_FORGIVE_MS : 0;
	}
}

unsigned dtls_failures_count(const struct dtls_failures *f, uint64_t hash, uint64_t now_ms)
{
	uint64_t least = UINT64_MAX;
	for (size_t i = 0; i < DTLS_SKETCH_ROWS; i++) {
		const uint64_t free_ms = f->free_ms[i][cell(hash, i)];
		const uint64_t left = free_ms > now_ms ? free_ms - now_ms : 0;
		least = left < least ? left : least;
	}
	return (unsigned)((least + DTLS_FORGIVE_MS - 1) / DTLS_FORGIVE_MS);
}

/* --- who is here ----------------------------------------------------------------------------- */

void dtls_crowd_enter(struct dtls_crowd *c, uint64_t hash)
{
	for (size_t i = 0; i < DTLS_SKETCH_ROWS; i++)
		c->here[i][cell(hash, i)]++;
}

void dtls_crowd_leave(struct dtls_crowd *c, uint64_t hash)
{
	for (size_t i = 0; i < DTLS_SKETCH_ROWS; i++)
		c->here[i][cell(hash, i)]--;
}

uint32_t dtls_crowd_count(const struct dtls_crowd *c, uint64_t hash)
{
	uint32_t least = UINT32_MAX;
	for (size_t i = 0; i < DTLS_SKETCH_ROWS; i++) {
		const uint32_t here = c->here[i][cell(hash, i)];
		least = here < least ? here : least;
	}
	return least;
}

/* --- who has waited -------------------------------------------------------------------------- */

static size_t probe(uint64_t hash, size_t i)
{
	return (size_t)(hash >> i * WAITED_SHIFT) % DTLS_WAITED_BITS;
}

static bool has(const uint64_t *bits, uint64_t hash)
{
	bool all = true;
	for (size_t i = 0; i < WAITED_PROBES; i++) {
		const size_t at = probe(hash, i);
		all = all && (bits[at / 64] >> at % 64 & 1) != 0;
	}
	return all;
}

static void put(uint64_t *bits, uint64_t hash)
{
	for (size_t i = 0; i < WAITED_PROBES; i++) {
		const size_t at = probe(hash, i);
		bits[at / 64] |= UINT64_C(1) << at % 64;
	}
}

/* Those of a turn that is over have waited. */
static void end_turn(struct dtls_waiting *w, uint64_t now_ms)
{
	for (size_t i = 0; w->turn_used && i < DTLS_WAITED_BITS / 64; i++)
		w->period[i] |= w->turn[i];
	if (w->turn_used)
		memset(w->turn, 0, sizeof(w->turn));
	w->turn_used = false;
	w->turn_ms = now_ms;
}

static void end_period(struct dtls_waiting *w, uint64_t now_ms)
{
	if (now_ms - w->period_ms >= 2 * (uint64_t)DTLS_WAITED_KEPT_MS)
		memset(w->period, 0, sizeof(w->period));
	memcpy(w->last, w->period, sizeof(w->last));
	memset(w->period, 0, sizeof(w->period));
	w->period_ms = now_ms;
}

static void go_on(struct dtls_waiting *w, uint64_t now_ms)
{
	if (!w->any) { /* the memory has never been touched: nobody has waited */
		w->any = true;
		w->turn_ms = now_ms;
		w->period_ms = now_ms;
	}
	if (now_ms - w->turn_ms >= DTLS_WAITED_TURN_MS)
		end_turn(w, now_ms);
	if (now_ms - w->period_ms >= DTLS_WAITED_KEPT_MS)
		end_period(w, now_ms);
}

bool dtls_waiting_again(struct dtls_waiting *w, uint64_t hash, uint64_t now_ms)
{
	go_on(w, now_ms);
	if (has(w->period, hash) || has(w->last, hash))
		return true;
	put(w->turn, hash);
	w->turn_used = true;
	return false;
}
