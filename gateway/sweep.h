/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sweep: goes round all sessions when something has changed that may concern them, and has
 *                those judged that it does concern, not too many at once.
 *
 * A pure core: who drives it (gateway/sweep_drive) shows it what the store has of each session, and
 * posts to workers. Credentials of which it is known that they have changed come first; the round
 * is for all that was not known so: before a start, too many at once, or many sessions at once.
 *
 * Promise: a round that began after a change meets every session that there was then, each once,
 *          in the order of credentials; what changes during a round gets another. No more than
 *          `pace` are posted a second. A round that found something is followed by another, later,
 *          until one finds nothing: what was lost on the way is not forgotten.
 * Memory:  none of its own; a few KiB, whatever the number of sessions.
 * Clock:   milliseconds that never go back, told by the caller.
 * Threads: the main thread.
 * Source: ; issue 6: 1,000,000 sessions, lazily and paced.
 */
#ifndef LWG_GATEWAY_SWEEP_H
#define LWG_GATEWAY_SWEEP_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_glance;

enum {
	GW_SWEEP_HASTE = 1024,    /* credentials that can wait to be judged out of turn */
	GW_SWEEP_AGAIN_MS = 60000 /* after a round that found something */
};

enum gw_sweep_step {
	GW_SWEEP_REST, /* nothing is to be done before gw_sweep_due_ms() */
	GW_SWEEP_LOOK, /* find the session after *cred, then gw_sweep_seen() or gw_sweep_ended() */
	GW_SWEEP_POST, /* have *cred judged, then gw_sweep_posted() */
};

struct gw_sweep_progress {
	bool walking;
	uint64_t rounds;             /* that have ended, ever */
	uint64_t looked, found;      /* of the round under way, else of the last one */
	uint64_t judged;             /* posted, ever */
	uint64_t began_ms, ended_ms; /* of the round; 0: not yet */
	size_t waiting;              /* out of turn */
};

struct gw_sweep {
	uint32_t pace;
	uint64_t credit; /* thousandths of a post */
	uint64_t credit_ms;
	uint64_t again_ms; /* when another round begins by itself; UINT64_MAX: not */
	bool again;        /* something has changed since the round began */
	bool has_found;    /* the session at `at` is to be posted */
	uint32_t at;       /* the last that was looked at */
	uint32_t haste[GW_SWEEP_HASTE];
	size_t haste_first, haste_len;
	struct gw_sweep_progress progress;
};

/* pace: a second; >= 1. */
void gw_sweep_init(struct gw_sweep *s, uint32_t pace, uint64_t now_ms);
/* Something has changed for many. */
void gw_sweep_begin(struct gw_sweep *s);
/* For one. */
void gw_sweep_changed(struct gw_sweep *s, uint32_t cred);
enum gw_sweep_step gw_sweep_next(struct gw_sweep *s, uint64_t now_ms, uint32_t *cred);
/* It has looked: cred is the next session, which is concerned, or not. */
void gw_sweep_seen(struct gw_sweep *s, uint32_t cred, bool concerned);
/* There is no further session. */
void gw_sweep_ended(struct gw_sweep *s, uint64_t now_ms);
/* What gw_sweep_next() said was posted; false: not, there was no room: it comes again. */
void gw_sweep_posted(struct gw_sweep *s, bool good);
/* When there is something to do; UINT64_MAX: when something changes. */
uint64_t gw_sweep_due_ms(const struct gw_sweep *s, uint64_t now_ms);

/* What a glance tells. */
enum gw_concern {
	GW_CONCERN_NONE,
	GW_CONCERN_CHANGED, /* its credential is not what it was: judge it */
	GW_CONCERN_TIME,    /* a time is over: its verdict says whether that was decided already */
	GW_CONCERN_WAVE,    /* a wave is younger than what was decided: look at the associations */
};
/* newest: of all waves. wall_ms 0: the clock is not to be trusted. */
enum gw_concern gw_sweep_concern(const struct store_glance *g, uint64_t newest, uint64_t wall_ms);

#endif
