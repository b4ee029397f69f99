/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/trace.h"

#include "base/log.h"
#include "base/wipe.h"
#include "gateway/clock.h"
#include "gateway/gateway_parts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct trace {
	struct ctl_traced *ring; /* GW_TRACE_LINES; NULL: nobody is traced here */
	char endpoint[CTL_ARG_MAX + 1];
	uint64_t newest;   /* number of the last line */
	uint64_t until_ms; /* CLOCK_BOOTTIME: nobody has asked then */
	bool payload;      /* is wanted */
	bool hidden;       /* a bootstrap is under way */
	struct gw_trace_tokens tokens;
	struct net_path at[GW_LEGS]; /* where the device and the server are; peer.family 0: not
					known */
};

struct gw_tracing {
	atomic_bool on;
	/* By trace; DTLS_NO_CRED: none. Read without the lock, to pass over all others. */
	_Atomic uint32_t creds[GW_TRACES][GW_TRACE_CREDS];
	pthread_mutex_t lock; /* all below */
	struct trace traces[GW_TRACES];
};

static void free_trace(struct gw_tracing *t, size_t i)
{
	struct trace *const one = &t->traces[i];
	for (size_t n = 0; n < GW_TRACE_CREDS; n++)
		atomic_store(&t->creds[i][n], DTLS_NO_CRED);
	if (one->ring) {
		wipe(one->ring, GW_TRACE_LINES * sizeof(*one->ring));
		free(one->ring);
	}
	*one = (struct trace){ .ring = NULL };
}

struct gw_tracing *gw_tracing_new(void)
{
	struct gw_tracing *const t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	(void)pthread_mutex_init(&t->lock, NULL);
	for (size_t i = 0; i < GW_TRACES; i++)
		free_trace(t, i);
	return t;
}

void gw_tracing_free(struct gw_tracing *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < GW_TRACES; i++)
		free_trace(t, i);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

/* --- who is traced ---------------------------------------------------------------------------- */

static void lock(struct gw_tracing *t)
{
	(void)pthread_mutex_lock(&t->lock);
}

static void unlock(struct gw_tracing *t)
{
	(void)pthread_mutex_unlock(&t->lock);
}

static size_t find(const struct gw_tracing *t, uint32_t cred)
{
	for (size_t i = 0; i < GW_TRACES; i++) {
		for (size_t n = 0; n < GW_TRACE_CREDS; n++) {
			if (atomic_load_explicit(&t->creds[i][n], memory_order_relaxed) == cred)
				return i;
		}
	}
	return GW_TRACES;
}

bool gw_tracing_has(const struct gw_tracing *t, uint32_t cred)
{
	return cred != DTLS_NO_CRED && find(t, cred) < GW_TRACES;
}

/* Under the lock; NULL: none. */
static struct trace *trace_of(struct gw_tracing *t, uint32_t cred)
{
	const size_t i = cred == DTLS_NO_CRED ? (size_t)GW_TRACES : find(t, cred);
	return i < GW_TRACES && t->traces[i].ring ? &t->traces[i] : NULL;
}

static size_t named(const struct gw_tracing *t, const char *endpoint)
{
	size_t i = 0;
	while (i < GW_TRACES &&
		!(t->traces[i].ring && strcmp(t->traces[i].endpoint, endpoint) == 0))
		i++;
	return i;
}

bool gw_tracing_is_on(struct gw_tracing *t, uint64_t now_ms)
{
	if (!atomic_load_explicit(&t->on, memory_order_relaxed))
		return false;
	bool any = false;
	lock(t);
	for (size_t i = 0; i < GW_TRACES; i++) {
		if (t->traces[i].ring && now_ms >= t->traces[i].until_ms)
			free_trace(t, i);
		any = any || t->traces[i].ring;
	}
	atomic_store(&t->on, any);
	unlock(t);
	return any;
}

static bool begin(struct gw_tracing *t, size_t i, const struct gw_trace_begin *b)
{
	struct trace *const one = &t->traces[i];
	one->ring = calloc(GW_TRACE_LINES, sizeof(*one->ring));
	if (!one->ring)
		return false;
	(void)snprintf(one->endpoint, sizeof(one->endpoint), "%s", b->endpoint);
	return true;
}

bool gw_tracing_begin(struct gw_tracing *t, const struct gw_trace_begin *b, bool *fresh)
{
	(void)!gw_tracing_is_on(t, b->now_ms); /* forgets who is not asked for any more */
	lock(t);
	size_t i = named(t, b->endpoint);
	*fresh = i == GW_TRACES;
	for (i = *fresh ? 0 : i; *fresh && i < GW_TRACES && t->traces[i].ring;)
		i++;
	const bool good = i < GW_TRACES && (!*fresh || begin(t, i, b));
	if (good) {
		t->traces[i].until_ms = b->now_ms + GW_TRACE_MS;
		t->traces[i].payload = b->payload;
		for (size_t n = 0; n < GW_TRACE_CREDS; n++)
			atomic_store(&t->creds[i][n], n < b->len ? b->creds[n] : DTLS_NO_CRED);
		atomic_store(&t->on, true);
	}
	unlock(t);
	return good;
}

uint32_t gw_tracing_at(struct gw_tracing *t, const struct net_path *path)
{
	uint32_t cred = DTLS_NO_CRED;
	if (path->peer.family == 0)
		return cred;
	lock(t);
	for (size_t i = 0; i < GW_TRACES && cred == DTLS_NO_CRED; i++) {
		for (size_t leg = 0; leg < GW_LEGS; leg++) {
			if (t->traces[i].ring && net_path_same(&t->traces[i].at[leg], path))
				cred = atomic_load(&t->creds[i][0]);
		}
	}
	unlock(t);
	return cred;
}

uint32_t gw_tracing_named(struct gw_tracing *t, const char *endpoint)
{
	lock(t);
	const size_t i = named(t, endpoint);
	const uint32_t cred = i < GW_TRACES ? atomic_load(&t->creds[i][0]) : DTLS_NO_CRED;
	unlock(t);
	return cred;
}

/* --- lines ------------------------------------------------------------------------------------ */

static struct ctl_traced *place(const struct trace *one, uint64_t number)
{
	return &one->ring[number % GW_TRACE_LINES];
}

struct gw_line_place gw_tracing_add(struct gw_tracing *t, uint32_t cred,
	const struct net_path *path, const struct ctl_traced *line)
{
	struct gw_line_place p = { .number = 0, .cred = cred };
	lock(t);
	struct trace *const one = trace_of(t, cred);
	if (one) {
		struct ctl_traced *const to = place(one, ++one->newest);
		*to = *line;
		to->number = p.number = one->newest;
		to->wall_ms = gw_clock_shown_ms();
		if (path && line->leg < CTL_WITH_NOBODY)
			one->at[line->leg == CTL_WITH_DEVICE ? GW_DEVICE : GW_LINK] = *path;
	}
	unlock(t);
	return p;
}

void gw_tracing_settle(
	struct gw_tracing *t, const struct gw_line_place *p, const struct ctl_traced *line)
{
	lock(t);
	struct trace *const one = trace_of(t, p->cred);
	struct ctl_traced *const to = one && p->number > 0 ? place(one, p->number) : NULL;
	if (to && to->number == p->number) {
		to->fate = line->fate;
		memcpy(to->why, line->why, sizeof(to->why));
		memcpy(to->rule, line->rule, sizeof(to->rule));
	}
	unlock(t);
}

bool gw_tracing_shows(struct gw_tracing *t, uint32_t cred, const struct gw_trace_says *m)
{
	bool shows = false;
	lock(t);
	struct trace *const one = trace_of(t, cred);
	if (one) {
		const bool open = m->open && !one->hidden;
		if (m->request)
			gw_trace_asked_by(&one->tokens, &m->token, open);
		shows = m->request ? open : gw_trace_answers_open(&one->tokens, &m->token);
		shows = shows && one->payload && !one->hidden;
	}
	unlock(t);
	return shows;
}

void gw_tracing_hide(struct gw_tracing *t, uint32_t cred, bool hide)
{
	lock(t);
	struct trace *const one = trace_of(t, cred);
	if (one)
		one->hidden = hide;
	unlock(t);
}

/* Under the lock. One whose fate is not known yet ends it: the next question begins there. */
static void copy(const struct trace *one, uint64_t from, struct ctl_trace *out)
{
	for (uint64_t n = from; n <= one->newest && place(one, n)->fate; n++) {
		out->lines[out->len++] = *place(one, n);
		out->next = n;
	}
}

bool gw_tracing_read(
	struct gw_tracing *t, const char *endpoint, uint64_t after, struct ctl_trace *out)
{
	bool good = true;
	*out = (struct ctl_trace){ .next = after };
	lock(t);
	const size_t i = named(t, endpoint);
	const struct trace *const one = i < GW_TRACES ? &t->traces[i] : NULL;
	if (one) {
		const uint64_t oldest =
			one->newest > GW_TRACE_LINES ? one->newest - GW_TRACE_LINES + 1 : 1;
		uint64_t from = after > one->newest ? 1 : after + 1; /* of a trace before */
		out->lost = from < oldest ? oldest - from : 0;
		from = from < oldest ? oldest : from;
		out->next = from - 1;
		if (from <= one->newest) {
			out->lines = calloc(one->newest - from + 1, sizeof(*out->lines));
			good = out->lines;
		}
		if (out->lines)
			copy(one, from, out);
	}
	unlock(t);
	return good;
}

/* --- the main thread -------------------------------------------------------------------------- */

static uint64_t boot_ms(void)
{
	struct timespec now = { 0 };
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

enum ctl_status gw_trace_asked(void *ctx, const char *endpoint, const struct ctl_trace_ask *ask,
	struct ctl_trace *out, struct ctl_said *said)
{
	struct gw_gateway *const g = ctx;
	uint32_t creds[GW_CREDS_OF];
	bool fresh = false;
	_Static_assert((int)GW_CREDS_OF <= (int)GW_TRACE_CREDS, "each has a place");
	const struct gw_trace_begin b = { .endpoint = endpoint,
		.creds = creds,
		.len = gw_source_find(g, endpoint, CTL_FOR_UNSAID, creds),
		.payload = ask->payload,
		.now_ms = boot_ms() };
	if (b.len == 0)
		return CTL_UNKNOWN_ENDPOINT;
	if (!gw_tracing_begin(g->shared.tracing, &b, &fresh) ||
		!gw_tracing_read(g->shared.tracing, endpoint, ask->after, out)) {
		(void)snprintf(said->text, sizeof(said->text),
			"memory is short, or %d devices are traced already; end one of these",
			GW_TRACES);
		return CTL_FAILED;
	}
	if (fresh)
		log_say(g->log, LOG_LEVEL_INFO, "trace", "endpoint=%s payload=%s by=lwgatectl",
			endpoint, ask->payload ? "shown" : "not-shown");
	return CTL_DONE;
}
