/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/ask: a question of the main thread to one worker, and the worker's answer.
 *
 * Promise: the main thread waits no longer than it says; a worker that answers late writes into
 *          memory that is still there. Long answers are written a piece a turn, so that no
 *          datagram waits for them.
 * Memory:  two references; the last that lets go frees it.
 * Threads: the main thread makes and waits; one worker answers.
 */
#ifndef LWG_GATEWAY_ASK_H
#define LWG_GATEWAY_ASK_H

#include "base/attr.h"
#include "ctl/control.h"
#include "ctl/out.h"
#include "gateway/census.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attributes;
struct gw_worker;
struct inbox;

enum gw_ask_what {
	GW_ASK_NUMBERS,
	GW_ASK_SESSIONS,
	GW_ASK_SESSION,
	GW_ASK_CLOSE,
	GW_ASK_FACTS,    /* what a policy is asked, of all */
	GW_ASK_FACTS_OF, /* ... of one */
	GW_ASK_CENSUS,   /* what there is of all, in numbers */
};
enum { GW_ASK_MS = 5000, GW_ASK_PIECE = 128 };

/* The main thread may read what lies below `what` when gw_ask_wait() has returned true; the
   worker until then. */
struct gw_ask {
	struct gw_ask_state *state;
	enum gw_ask_what what;
	uint32_t cred; /* of GW_ASK_SESSION, GW_ASK_CLOSE, GW_ASK_FACTS_OF */
	bool good;     /* done as asked */
	struct ctl_worker numbers;
	struct ctl_session
		*sessions; /* malloc'd; freed with the question unless the asker takes it */
	size_t len, cap;
	struct ctl_out facts; /* as ctl/facts writes them */
	struct gw_census census;
};

MUST_USE struct gw_ask *gw_ask_new(enum gw_ask_what what, uint32_t cred);
/* Posts it; false when it cannot be. */
MUST_USE bool gw_ask_post(struct gw_ask *a, struct inbox *to);
/* True when the answer is there. */
MUST_USE bool gw_ask_wait(struct gw_ask *a, uint32_t ms);
/* What a device says of itself, as an operator reads it. Any thread. */
void gw_ask_attributes(const struct attributes *a, struct ctl_session *out);
/* Lets one reference go. */
void gw_ask_release(struct gw_ask *a);

struct gw_asked { /* GW_ASK */
	struct gw_ask *ask;
};

/* In the worker: answers, or begins to. */
void gw_ask_received(struct gw_worker *w, struct gw_ask *a);
void gw_ask_more(struct gw_worker *w);

#endif
