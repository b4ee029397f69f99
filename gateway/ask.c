/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ask.h"
#include "gateway/air.h"

#include "ctl/facts.h"
#include "gateway/facts.h"
#include "gateway/keep.h"
#include "gateway/rouse.h"
#include "gateway/routes.h"
#include "gateway/seats.h"
#include "gateway/session.h"
#include "gateway/sms.h"
#include "gateway/worker.h"
#include "io/sources.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct gw_ask_state {
	pthread_mutex_t lock; /* all below */
	pthread_cond_t changed;
	unsigned refs;
	bool done;
};

static struct gw_ask_state *state_new(void)
{
	struct gw_ask_state *state = calloc(1, sizeof(*state));
	if (!state)
		return NULL;
	pthread_condattr_t attr;
	state->refs = 1;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&state->lock, NULL);
	(void)pthread_cond_init(&state->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	return state;
}

struct gw_ask *gw_ask_new(enum gw_ask_what what, uint32_t cred)
{
	struct gw_ask *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->what = what;
	a->cred = cred;
	a->state = state_new();
	if (a->state)
		return a;
	free(a);
	return NULL;
}

bool gw_ask_post(struct gw_ask *a, struct inbox *to)
{
	(void)pthread_mutex_lock(&a->state->lock);
	a->state->refs++;
	(void)pthread_mutex_unlock(&a->state->lock);
	const struct gw_asked asked = { .ask = a };
	if (inbox_post(to, INBOX_SURE, GW_ASK, &asked, sizeof(asked)))
		return true;
	gw_ask_release(a);
	return false;
}

bool gw_ask_wait(struct gw_ask *a, uint32_t ms)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	(void)pthread_mutex_lock(&a->state->lock);
	int error = 0;
	while (!a->state->done && error == 0)
		error = pthread_cond_timedwait(&a->state->changed, &a->state->lock, &until);
	const bool done = a->state->done;
	(void)pthread_mutex_unlock(&a->state->lock);
	return done;
}

void gw_ask_release(struct gw_ask *a)
{
	(void)pthread_mutex_lock(&a->state->lock);
	const bool last = --a->state->refs == 0;
	(void)pthread_mutex_unlock(&a->state->lock);
	if (!last)
		return;
	(void)pthread_cond_destroy(&a->state->changed);
	(void)pthread_mutex_destroy(&a->state->lock);
	free(a->state);
	free(a->sessions);
	ctl_out_fini(&a->facts);
	free(a);
}

static void done(struct gw_ask *a, bool good)
{
	a->good = good;
	(void)pthread_mutex_lock(&a->state->lock);
	a->state->done = true;
	(void)pthread_cond_signal(&a->state->changed);
	(void)pthread_mutex_unlock(&a->state->lock);
	gw_ask_release(a);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static uint64_t ago(uint64_t now_ms, uint64_t then_ms)
{
	return now_ms > then_ms ? now_ms - then_ms : 0;
}

/* What is borrowed of an association's facts must not leave its thread. */
static void fill_cids(struct dtls_conn_facts *facts, struct ctl_cids *out)
{
	*out = (struct ctl_cids){ .in_len = facts->cid_in_len, .out_len = facts->cid_out_len };
	if (facts->cid_in)
		memcpy(out->in, facts->cid_in, least(out->in_len, sizeof(out->in)));
	if (facts->cid_out)
		memcpy(out->out, facts->cid_out, least(out->out_len, sizeof(out->out)));
	facts->cid_in = facts->cid_out = NULL;
}

static void fill_link(
	const struct gw_worker *w, const struct gw_session *s, struct ctl_session *out)
{
	struct dtls_conn *const c = s->legs[GW_LINK].conn;
	if (!c)
		return;
	const struct net_path *path = dtls_conn_path(c);
	out->link_facts = dtls_conn_facts(c);
	fill_cids(&out->link_facts, &out->link_cids);
	out->link_peer = path->peer;
	memcpy(out->link_local.ip, path->local_ip, sizeof(out->link_local.ip));
	struct net_addr chosen;
	if (!sources_use_local(gw_session_sources(s)) && udp_source_towards(&path->peer, &chosen))
		out->link_local = chosen;
	out->link_local.family = path->peer.family;
	struct net_addr bound;
	if (udp_local(gw_worker_fd(w, path->sock), &bound))
		out->link_local.port = bound.port;
}

void gw_ask_attributes(const struct attributes *a, struct ctl_session *out)
{
	_Static_assert(sizeof(out->binding) == ATTRIBUTES_BINDING_MAX, "it has room");
	_Static_assert(sizeof(out->version) == ATTRIBUTES_VERSION_MAX, "it has room");
	(void)attributes_binding_text(a, out->binding);
	(void)attributes_version_text(a, out->version);
	(void)snprintf(out->sms, sizeof(out->sms), "%s", a->sms);
	out->queues = a->queue;
}

static void fill_registration(
	const struct gw_worker *w, const struct gw_session *s, struct ctl_session *out)
{
	if (!s->relay)
		return;
	const struct relay_registration *r = relay_device_registration(s->relay);
	if (!r->active)
		return;
	out->registered = true;
	(void)snprintf(out->location, sizeof(out->location), "%s", r->location);
	out->lifetime_s = r->lifetime_s;
	out->expires_in_s = ((int64_t)r->expires_ms - (int64_t)w->now_ms) / 1000;
	gw_ask_attributes(&r->attributes, out);
	const struct relay_rest rest = relay_device_rest(s->relay, w->now_ms);
	out->listens_ms = rest.asleep ? 0 : ago(rest.awake_until_ms, w->now_ms);
	out->asked = rest.waiting;
}

static void fill(const struct gw_worker *w, const struct gw_session *s, struct ctl_session *out)
{
	_Static_assert((int)CTL_CRED_SMS == (int)STORE_CRED_SMS, "a kind is the same everywhere");
	*out = (struct ctl_session){ .worker = w->number,
		.kind = (enum ctl_cred_kind)s->kind,
		.purpose = s->kind == STORE_CRED_SMS ? CTL_FOR_SMS
						     : (enum ctl_purpose)(1 + s->purpose) };
	(void)snprintf(out->endpoint, sizeof(out->endpoint), "%s", s->endpoint);
	(void)snprintf(out->upstream, sizeof(out->upstream), "%s",
		gw_upstream_name(w->shared->conf, s->upstream));
	struct dtls_conn *const c = s->legs[GW_DEVICE].conn;
	if (c) {
		out->device = dtls_conn_path(c)->peer;
		out->generation = dtls_conn_generation(c);
		out->device_facts = dtls_conn_facts(c);
		fill_cids(&out->device_facts, &out->device_cids);
		out->adrift = dtls_conn_is_adrift(c);
		const struct net_path *const candidate = dtls_conn_candidate(c);
		if (candidate)
			out->candidate = candidate->peer;
		/* One that was asleep has been up for longer than it is here. */
		out->device_up_ms_ago =
			s->full_ms > 0 ? ago(store_time(w->shared->store, w->now_ms), s->full_ms)
				       : ago(w->now_ms, out->device_facts.up_ms);
		out->device_heard_ms_ago = ago(w->now_ms, out->device_facts.heard_ms);
	}
	if (s->air) {
		out->device = s->air->path.peer;
		out->device_up_ms_ago = ago(w->now_ms, s->air->up_ms);
		out->device_heard_ms_ago = ago(w->now_ms, s->air->heard_ms);
	}
	fill_link(w, s, out);
	fill_registration(w, s, out);
}

static bool append(const struct gw_worker *w, struct gw_ask *a, const struct gw_session *s)
{
	if (a->len == a->cap) {
		const size_t cap = a->cap > 0 ? a->cap * 2 : GW_ASK_PIECE;
		struct ctl_session *more = realloc(a->sessions, cap * sizeof(*more));
		if (!more)
			return false;
		a->sessions = more;
		a->cap = cap;
	}
	fill(w, s, &a->sessions[a->len++]);
	return true;
}

/* Of whom the store knows nothing any more there is nothing to tell. */
static bool append_facts(struct gw_ask *a, const struct gw_session *s)
{
	struct gw_facts f;
	if (!gw_facts_of_session(s, &f))
		return true;
	const struct ctl_facts_rest rest = { .credential_generation = f.mark.generation,
		.decided = f.upto };
	ctl_facts_put(&a->facts, &f.facts, &rest);
	return !a->facts.bad;
}

static bool tell(const struct gw_worker *w, struct gw_ask *a, const struct gw_session *s)
{
	if (a->what == GW_ASK_CENSUS)
		return gw_census_add(&a->census, s);
	return a->what == GW_ASK_FACTS ? append_facts(a, s) : append(w, a, s);
}

void gw_ask_more(struct gw_worker *w)
{
	struct gw_ask *a = w->ask;
	bool good = true;
	if (!a)
		return;
	for (size_t n = 0; n < GW_ASK_PIECE && w->ask_next && good; n++) {
		const struct gw_session *s = w->ask_next;
		w->ask_next = s->next;
		if (gw_session_path(s) || s->sms)
			good = tell(w, a, s);
	}
	if (good && w->ask_next &&
		inbox_post(w->shared->inboxes[w->number], INBOX_SURE, GW_ASK_MORE, NULL, 0))
		return;
	good = good && !w->ask_next;
	w->ask = NULL;
	w->ask_next = NULL;
	done(a, good);
}

static void sessions(struct gw_worker *w, struct gw_ask *a)
{
	if (w->ask) { /* its asker has given up */
		done(a, false);
		return;
	}
	w->ask = a;
	w->ask_next = w->sessions;
	gw_ask_more(w);
}

static struct ctl_air air_numbers(const struct gw_worker *w)
{
	static const struct gw_air_stats none = { .sessions = 0 };
	const struct gw_air_stats *const s = w->airs ? &w->airs->stats : &none;
	return (struct ctl_air){ .sessions = s->sessions,
		.datagrams = s->datagrams,
		.octets = s->octets,
		.sent = s->sent,
		.sent_octets = s->sent_octets,
		.outside = s->outside,
		.strangers = s->strangers,
		.unknown = s->unknown,
		.challenged = s->challenged,
		.shown = s->shown,
		.withheld = s->withheld,
		.copies = s->copies,
		.full = s->full };
}

static struct ctl_sms sms_numbers(const struct gw_worker *w)
{
	static const struct gw_sms_stats none = { .sessions = 0 };
	const struct gw_sms_stats *const s = w->smses ? &w->smses->stats : &none;
	return (struct ctl_sms){ .sessions = s->sessions,
		.in = s->in + s->dtls_in,
		.out = s->out + s->dtls_out,
		.strangers = s->dtls_strangers,
		.forged = s->forged,
		.replayed = s->replayed,
		.reflected = s->reflected,
		.malformed = s->malformed,
		.later = s->later,
		.lost = s->lost + s->dtls_lost,
		.triggers = s->triggers,
		.old = s->old,
		.proved = s->proved };
}

static void fill_upstreams(const struct gw_worker *w, struct ctl_worker *out)
{
	_Static_assert((int)CTL_UPSTREAMS_MAX == (int)GW_UPSTREAMS_MAX, "each has a place");
	out->upstreams_len = w->upstreams_len;
	for (size_t i = 0; i < w->upstreams_len; i++) {
		const struct gw_targets *const t = &w->upstreams[i].targets;
		out->upstreams[i].addresses = (uint32_t)t->now_len;
		for (size_t n = 0; n < t->now_len; n++)
			out->upstreams[i].passed_over += t->until_ms[t->now[n]] > w->now_ms;
	}
}

static void numbers(const struct gw_worker *w, struct gw_ask *a)
{
	a->numbers = (struct ctl_worker){
		.air = air_numbers(w),
		.sms = sms_numbers(w),
		.dtls = dtls_stats(w->dtls),
		.relay = relay_stats(w->relay),
		.datagrams_in = w->rx.received,
		.datagrams_out = w->tx.sent,
		.send_failed = w->tx.dropped,
		.handed_over = w->handed_over,
		.stale = w->stale_records,
		.slowed = w->slowed_records,
		.held_lost = w->held_lost,
	};
	_Static_assert((int)CTL_LISTENERS_MAX == (int)GW_LISTENERS_MAX, "each has a place");
	a->numbers.listeners_len = w->listeners_len;
	for (size_t i = 0; i < w->listeners_len; i++) {
		const struct gw_traffic *const t = &w->traffic[i];
		a->numbers.listeners[i] = (struct ctl_listener){ .address = w->bound[i],
			.is_bare = gw_air_is(w, i),
			.datagrams_in = t->datagrams_in,
			.octets_in = t->octets_in,
			.datagrams_out = t->datagrams_out,
			.octets_out = t->octets_out,
			.handshakes = t->handshakes };
	}
	fill_upstreams(w, &a->numbers);
	_Static_assert(sizeof(a->numbers.proofs) == sizeof(w->proofs), "both are by kind");
	memcpy(a->numbers.proofs, w->proofs, sizeof(w->proofs));
	done(a, true);
}

/* One that cannot be woken is forgotten without a word. */
static bool close_sleeper(struct gw_worker *w, uint32_t cred)
{
	struct store_session row;
	if (store_read_session(w->reader, cred, &row) != STORE_OK || row.device == STORE_NO_SLOT ||
		row.worker % w->shared->steer.owners != w->number)
		return false;
	struct gw_session *const s = gw_rouse(w, cred);
	if (s && !s->relay) {
		s->closes = true;
		return true;
	}
	if (s) {
		gw_session_end(s, GW_FORGET, "an operator closed it");
		return true;
	}
	struct gw_op *const o = gw_op_new(w, NULL, cred);
	if (!o)
		return false;
	o->forget = true;
	o->anyhow = true;
	gw_op_submit(o, 0);
	return true;
}

static bool close_session(struct gw_worker *w, uint32_t cred)
{
	struct gw_session *s = gw_session_of(w, cred);
	_Atomic uint32_t *const seat = gw_seat(w->shared->seats, cred);
	if (!s && seat && gw_tenure_worker(atomic_load(seat)) == UINT32_MAX)
		return close_sleeper(w, cred);
	if (!s || s->waits)
		return false;
	gw_session_end(s, GW_FORGET, "an operator closed it");
	return true;
}

void gw_ask_received(struct gw_worker *w, struct gw_ask *a)
{
	const struct gw_session *s = NULL;
	switch (a->what) {
	case GW_ASK_NUMBERS:
		numbers(w, a);
		return;
	case GW_ASK_SESSIONS:
	case GW_ASK_FACTS:
	case GW_ASK_CENSUS:
		sessions(w, a);
		return;
	case GW_ASK_SESSION:
		s = gw_session_of(w, a->cred);
		done(a, s && append(w, a, s));
		return;
	case GW_ASK_FACTS_OF:
		s = gw_session_of(w, a->cred);
		done(a, s && (gw_session_path(s) || s->sms) && append_facts(a, s));
		return;
	case GW_ASK_CLOSE:
		done(a, close_session(w, a->cred));
		return;
	}
}
