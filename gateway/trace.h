/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/trace: what becomes of each datagram of a device that an operator looks at.
 *
 *   trace.c          who is traced, and the last lines of each, for the main thread and all workers
 *   trace_session.c  what a worker's sessions and engine tell
 *   trace_message.c  a message as a line, and what the relay has made of it
 *   trace_tokens.c   whose answer may be shown
 *
 * A trace begins with the first question about an endpoint and ends by itself GW_TRACE_MS after the
 * last one. Its lines are in a ring; who does not ask in time is told how many he has missed.
 *
 * Promise: where nobody is traced, a datagram costs one look at a flag of its worker. No key is
 *          in a line (I5): what a message carries only where it was asked for, and never in a
 *          bootstrap, nor of the objects that hold keys, nor of an answer whose request the trace
 *          has not seen, as nobody knows what it is of. Memory is for at most GW_TRACES, and is
 *          wiped.
 * Errors:  memory that is short costs lines, which are counted.
 * Threads: begin and read: the main thread; the rest: a worker, of its own sessions.
 */
#ifndef LWG_GATEWAY_TRACE_H
#define LWG_GATEWAY_TRACE_H

#include "base/attr.h"
#include "ctl/control.h"
#include "ctl/traced.h"
#include "gateway/session.h"
#include "gateway/trace_tokens.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_failure;
struct dtls_fated;
struct gw_entry;
struct gw_gateway;
struct gw_tracing;
struct gw_worker;

enum { GW_TRACES = 4, GW_TRACE_LINES = 256, GW_TRACE_MS = 15000, GW_TRACE_CREDS = 3 };

/* --- trace.c ---------------------------------------------------------------------------------- */

MUST_USE struct gw_tracing *gw_tracing_new(void);
void gw_tracing_free(struct gw_tracing *t);

struct gw_trace_begin { /* whom to trace, or to go on with */
	const char *endpoint;
	const uint32_t *creds; /* at most GW_TRACE_CREDS */
	size_t len;
	bool payload;
	uint64_t now_ms; /* CLOCK_BOOTTIME */
};
/* *fresh: it has begun. False: GW_TRACES are traced already, or memory is short. */
MUST_USE bool gw_tracing_begin(struct gw_tracing *t, const struct gw_trace_begin *b, bool *fresh);
/* The lines behind `after`. False: memory is short. */
MUST_USE bool gw_tracing_read(
	struct gw_tracing *t, const char *endpoint, uint64_t after, struct ctl_trace *out);
/* Is anybody traced? Forgets those that nobody asks for any more. */
MUST_USE bool gw_tracing_is_on(struct gw_tracing *t, uint64_t now_ms);
/* Is one of it? */
MUST_USE bool gw_tracing_has(const struct gw_tracing *t, uint32_t cred);
/* A credential of that endpoint; of the one that was last at that path. DTLS_NO_CRED: none. */
uint32_t gw_tracing_named(struct gw_tracing *t, const char *endpoint);
uint32_t gw_tracing_at(struct gw_tracing *t, const struct net_path *path);

struct gw_trace_says { /* a message, for gw_tracing_shows() */
	struct gw_trace_token token;
	bool request;
	bool open; /* a request that names what holds no keys */
};

struct gw_line_place {   /* of a line whose fate is not known yet: nobody reads on before it is */
	uint64_t number; /* 0: of none */
	uint32_t cred;
};
/* Adds a line; its number, wall_ms and what it may carry are seen to. line->fate NULL: it is told
   later. path: where the device, or the server, is; NULL: not known. */
struct gw_line_place gw_tracing_add(struct gw_tracing *t, uint32_t cred,
	const struct net_path *path, const struct ctl_traced *line);
void gw_tracing_settle(
	struct gw_tracing *t, const struct gw_line_place *p, const struct ctl_traced *line);
/* May what that device's message carries be shown? Not if nobody has asked for it, in a bootstrap,
   of a request that is not open, nor of an answer to one that was not, or was not seen. */
MUST_USE bool gw_tracing_shows(struct gw_tracing *t, uint32_t cred, const struct gw_trace_says *m);
/* The device asks to be bootstrapped, or is done with that: what is said until then has keys. */
void gw_tracing_hide(struct gw_tracing *t, uint32_t cred, bool hide);

/* A member of struct ctl_source. */
enum ctl_status gw_trace_asked(void *ctx, const char *endpoint, const struct ctl_trace_ask *ask,
	struct ctl_trace *out, struct ctl_said *said);

/* --- trace_session.c: only where w->tracing is set, but for the first ------------------------- */

/* A turn begins: sets w->tracing. */
void gw_trace_turn(struct gw_worker *w);
/* What became of a record. */
void gw_trace_fate(void *worker, const struct dtls_fated *f);
/* A handshake has failed; is done. */
void gw_trace_failed(struct gw_worker *w, const struct dtls_failure *f);
void gw_trace_up(struct gw_worker *w, const struct dtls_conn *c);
/* A datagram is written to a place, for that path; it is so long, and leaves. */
void gw_trace_room(struct gw_worker *w, const struct net_path *path, const uint8_t *place);
void gw_trace_leaves(struct gw_worker *w, size_t len);
/* A policy has decided. */
void gw_trace_decided(struct gw_worker *w, const struct gw_entry *e);

/* --- trace_message.c: the same ---------------------------------------------------------------- */

/* In the place of take(). */
typedef enum gw_took gw_taker(
	struct gw_session *s, enum gw_leg_name from, uint8_t *msg, size_t len);
void gw_trace_take(
	struct gw_session *s, enum gw_leg_name from, uint8_t *msg, size_t len, gw_taker *take);
/* What a session has to do with its line: peer and leg. */
void gw_trace_leg(const struct gw_session *s, enum gw_leg_name leg, struct ctl_traced *line);
/* A message is about to go to that leg; has gone, if ok, or waits. */
void gw_trace_sends(struct gw_worker *w);
void gw_trace_sent(
	struct gw_session *s, enum gw_leg_name to, const uint8_t *msg, size_t len, bool ok);
/* The same to a device that has no association. why NULL: by whom it was said. */
void gw_trace_sent_bare(
	struct gw_session *s, const uint8_t *msg, size_t len, const char *fate, const char *why);

#endif
