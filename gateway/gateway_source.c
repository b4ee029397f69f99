/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "gateway/ask.h"
#include "gateway/chronicle.h"
#include "gateway/credentials_choose.h"
#include "gateway/gateway_parts.h"
#include "gateway/reload.h"
#include "gateway/routes.h"
#include "gateway/seats.h"
#include "gateway/sms.h"
#include "gateway/sms_keys_shown.h"
#include "gateway/trace.h"
#include "gateway/upgrade.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static size_t workers(void *ctx)
{
	const struct gw_gateway *g = ctx;
	return g->len;
}

/* Asks one worker and waits. NULL: it did not answer. Else the caller releases it. */
struct gw_ask *gw_source_ask(
	struct gw_gateway *g, size_t number, enum gw_ask_what what, uint32_t cred)
{
	struct gw_ask *a = gw_ask_new(what, cred);
	if (!a)
		return NULL;
	if (gw_ask_post(a, g->inboxes[number]) && gw_ask_wait(a, GW_ASK_MS))
		return a;
	gw_ask_release(a);
	return NULL;
}

static void fill_bridge(const struct gw_gateway *g, struct ctl_sms *out)
{
	const struct gw_sms_desk_stats s = gw_sms_desk_stats(g->sms);
	out->bridges = s.connected;
	out->strangers += s.strangers;
	out->lost += s.lost;
	out->other = s.other;
	out->refused = s.refused;
	out->expired = s.expired;
	out->segments = s.segments;
}

static bool worker(void *ctx, size_t number, struct ctl_worker *out)
{
	struct gw_gateway *g = ctx;
	if (number >= g->len)
		return false;
	struct gw_ask *a = gw_source_ask(g, number, GW_ASK_NUMBERS, 0);
	if (!a)
		return false;
	*out = a->numbers;
	if (number == 0 && g->sms)
		fill_bridge(g, &out->sms);
	if (number == 0)
		gw_keys_count(g, &out->sms);
	gw_ask_release(a);
	return true;
}

/* Adds a worker's sessions to those of the others. */
static bool join(struct gw_ask *a, struct ctl_session **out, size_t *len)
{
	if (a->len == 0)
		return true;
	struct ctl_session *all = realloc(*out, (*len + a->len) * sizeof(*all));
	if (!all)
		return false;
	memcpy(all + *len, a->sessions, a->len * sizeof(*all));
	*out = all;
	*len += a->len;
	return true;
}

/* --- sessions: awake, at their workers; asleep, in the store ---------------------------------- */

size_t gw_source_find(struct gw_gateway *g, const char *endpoint, enum ctl_purpose purpose,
	uint32_t creds[GW_CREDS_OF])
{
	struct gw_choice choice = { 0 };
	struct store_cred c = { 0 };
	(void)!gw_choose(g->reader, endpoint, purpose, &choice, &c);
	wipe(&c, sizeof(c));
	_Static_assert((int)GW_CREDS_OF == 1 + (int)GW_CHOICES, "all are told");
	size_t len = choice.len;
	for (size_t i = 0; i < len; i++)
		creds[i] = choice.numbers[i];
	/* The one for short messages is beside others, whatever they are for. */
	if (purpose == CTL_FOR_UNSAID && gw_choose(g->reader, endpoint, CTL_FOR_SMS, &choice, &c) &&
		(len == 0 || creds[0] != choice.numbers[0]))
		creds[len++] = choice.numbers[0];
	wipe(&c, sizeof(c));
	return len;
}

/* The place that a row names may be another's by now: then this one has none. The caller wipes
   *out. */
bool gw_source_leg(struct gw_gateway *g, const struct store_session *row, enum store_role role,
	struct store_assoc *out)
{
	const uint32_t slot = role == STORE_LINK ? row->link : row->device;
	return slot != STORE_NO_SLOT && store_read_assoc(g->reader, slot, out) == STORE_OK &&
	       out->cred == row->cred && out->path.role == role;
}

uint64_t gw_source_now(const struct gw_gateway *g)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return store_time(
		g->shared.store, (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
}

static uint64_t ago(uint64_t now_ms, uint64_t then_ms)
{
	return then_ms > 0 && now_ms > then_ms ? now_ms - then_ms : 0;
}

static void fill_cid(const struct store_assoc *a, struct ctl_cids *out)
{
	_Static_assert((int)STORE_CID_MAX <= (int)CTL_CID_MAX, "ours are shown whole");
	out->in_len = a->cid_len;
	memcpy(out->in, a->cid, a->cid_len);
}

static void fill_stays(const struct store_assoc *a, uint64_t now_ms, struct ctl_session *out)
{
	_Static_assert((int)STORE_STAYS == (int)CTL_STAYS, "all are shown");
	out->stays_known = true;
	out->device_since_ms_ago = ago(now_ms, a->path_ms);
	out->moves = a->moves;
	for (size_t i = 0; i < STORE_STAYS; i++)
		out->stays[i] = (struct ctl_stay){ .peer = a->stays[i].peer,
			.since_ms_ago = ago(now_ms, a->stays[i].since_ms) };
}

static void fill_device(
	struct gw_gateway *g, const struct store_session *row, struct ctl_session *out)
{
	struct store_assoc a;
	const uint64_t now_ms = gw_source_now(g);
	if (gw_source_leg(g, row, STORE_DEVICE, &a)) {
		out->device = a.path.peer;
		out->generation = a.generation;
		out->device_up_ms_ago = ago(now_ms, a.up_ms);
		out->adrift = a.adrift;
		out->candidate = a.candidate.peer;
		fill_cid(&a, &out->device_cids);
		fill_stays(&a, now_ms, out);
	}
	wipe(&a, sizeof(a));
}

static void fill_link(
	struct gw_gateway *g, const struct store_session *row, struct ctl_session *out)
{
	struct store_assoc a;
	if (gw_source_leg(g, row, STORE_LINK, &a)) {
		out->link_local = a.path.local;
		out->link_peer = a.path.peer;
		fill_cid(&a, &out->link_cids);
	}
	wipe(&a, sizeof(a));
}

static void fill_cred(const struct store_cred *c, struct ctl_session *out)
{
	(void)snprintf(out->endpoint, sizeof(out->endpoint), "%s", c->endpoint);
	out->kind = (enum ctl_cred_kind)c->kind;
	out->purpose = c->kind == STORE_CRED_SMS ? CTL_FOR_SMS : (enum ctl_purpose)(1 + c->purpose);
}

static bool fill_sleeper(
	struct gw_gateway *g, const struct store_session *row, struct ctl_session *out)
{
	struct store_cred c;
	*out = (struct ctl_session){ .asleep = true, .worker = row->worker };
	const bool known = store_read_cred(g->reader, row->cred, &c) == STORE_OK;
	if (known)
		fill_cred(&c, out);
	wipe(&c, sizeof(c));
	(void)snprintf(out->upstream, sizeof(out->upstream), "%s",
		gw_upstream_name(
			g->shared.conf, gw_upstream_marked(g->shared.conf, row->upstream)));
	fill_link(g, row, out);
	fill_device(g, row, out);
	out->registered = row->registered;
	(void)snprintf(out->location, sizeof(out->location), "%s", row->location);
	out->lifetime_s = row->lifetime_s;
	out->expires_in_s = ((int64_t)row->expires_ms - (int64_t)gw_source_now(g)) / 1000;
	struct attributes a = {
		.binding = row->binding, .version = row->version, .queue = row->queue
	};
	memcpy(a.sms, row->sms, sizeof(a.sms));
	gw_ask_attributes(&a, out);
	return known;
}

bool gw_source_is_awake(const struct gw_gateway *g, uint32_t cred)
{
	_Atomic uint32_t *const seat = gw_seat(g->shared.seats, cred);
	return seat && gw_tenure_worker(atomic_load(seat)) != UINT32_MAX;
}

/* Who is awake is passed over unread: they may be a hundred thousand, before the first sleeper. */
static bool sleepers(void *ctx, uint32_t *from, struct ctl_session *out, size_t cap, size_t *len)
{
	enum { LOOKS = 4096, READ = 16 }; /* what reading a row costs, in looks: that and more */
	struct gw_gateway *g = ctx;
	struct store_session row;
	uint32_t at = *from > 0 ? *from - 1 : 0;
	enum store_result r = STORE_OK;
	*len = 0;
	for (size_t looks = 0; *len < cap && looks < LOOKS; looks++) {
		r = store_next_session_number(g->reader, &at);
		if (r != STORE_OK)
			break;
		if (gw_source_is_awake(g, at))
			continue;
		looks += READ;
		if (store_read_session(g->reader, at, &row) == STORE_OK &&
			row.device != STORE_NO_SLOT && fill_sleeper(g, &row, &out[*len]))
			(*len)++;
	}
	*from = r == STORE_OK && at < UINT32_MAX ? at + 1 : 0;
	store_reader_rest(g->reader);
	return r == STORE_OK || r == STORE_NONE;
}

/* One more. */
static bool add_sleeper(struct gw_gateway *g, uint32_t cred, struct ctl_session **out, size_t *len)
{
	struct store_session row;
	const bool there = store_read_session(g->reader, cred, &row) == STORE_OK &&
			   row.device != STORE_NO_SLOT;
	struct ctl_session *const all = there ? realloc(*out, (*len + 1) * sizeof(*all)) : NULL;
	if (all) {
		*out = all;
		*len += fill_sleeper(g, &row, &all[*len]);
	}
	store_reader_rest(g->reader);
	return !there || all;
}

/* What memory does not keep of one that is awake. */
static void add_stays(struct gw_gateway *g, uint32_t cred, struct ctl_session *out)
{
	struct store_session row;
	struct store_assoc a;
	if (store_read_session(g->reader, cred, &row) == STORE_OK &&
		gw_source_leg(g, &row, STORE_DEVICE, &a))
		fill_stays(&a, gw_source_now(g), out);
	wipe(&a, sizeof(a));
	store_reader_rest(g->reader);
}

/* All who are awake, or (cred not 0) one of them. */
static bool add_awake(struct gw_gateway *g, uint32_t cred, struct ctl_session **out, size_t *len)
{
	bool good = true;
	for (size_t i = 0; i < g->len && good; i++) {
		struct gw_ask *a =
			gw_source_ask(g, i, cred != 0 ? GW_ASK_SESSION : GW_ASK_SESSIONS, cred);
		if (!a)
			good = false;
		else
			good = (a->good || cred != 0) && join(a, out, len);
		if (a)
			gw_ask_release(a);
	}
	return good;
}

/* While its worker was asked it may have gone to sleep, or to another worker. */
static bool add_one(struct gw_gateway *g, uint32_t cred, struct ctl_session **out, size_t *len)
{
	enum { TRIES = 4 };
	const size_t before = *len;
	for (int i = 0; i < TRIES && *len == before; i++) {
		if (!gw_source_is_awake(g, cred))
			return add_sleeper(g, cred, out, len);
		if (!add_awake(g, cred, out, len))
			return false;
	}
	if (*len == before + 1)
		add_stays(g, cred, &(*out)[before]);
	return true;
}

static bool sessions(void *ctx, const char *endpoint, struct ctl_session **out, size_t *len)
{
	struct gw_gateway *g = ctx;
	uint32_t creds[GW_CREDS_OF];
	*out = NULL;
	*len = 0;
	const size_t n = endpoint ? gw_source_find(g, endpoint, CTL_FOR_UNSAID, creds) : 0;
	bool good = endpoint || add_awake(g, 0, out, len);
	for (size_t i = 0; i < n && good; i++)
		good = add_one(g, creds[i], out, len);
	if (good)
		return true;
	free(*out);
	*out = NULL;
	*len = 0;
	return false;
}

/* Whoever has it awake closes it; a sleeper is woken first by its worker. */
static bool close_one(struct gw_gateway *g, uint32_t cred)
{
	bool closed = false;
	for (size_t i = 0; i < g->len && !closed; i++) {
		struct gw_ask *a = gw_source_ask(g, i, GW_ASK_CLOSE, cred);
		closed = a && a->good;
		if (a)
			gw_ask_release(a);
	}
	return closed;
}

static bool close_endpoint(void *ctx, const char *endpoint, enum ctl_purpose purpose)
{
	struct gw_gateway *g = ctx;
	uint32_t creds[GW_CREDS_OF];
	const size_t n = gw_source_find(g, endpoint, purpose, creds);
	bool closed = false;
	for (size_t i = 0; i < n; i++)
		closed = close_one(g, creds[i]) || closed;
	return closed;
}

static uint64_t uptime_s(void *ctx)
{
	const struct gw_gateway *g = ctx;
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)(t.tv_sec - g->since_s);
}

static void events(void *ctx, struct ctl_recent *recent, struct ctl_out *out)
{
	const struct gw_gateway *g = ctx;
	gw_chronicle_recent(g->chronicle, recent, out);
}

struct ctl_source gw_source(struct gw_gateway *g)
{
	return (struct ctl_source){
		.ctx = g,
		.workers = workers,
		.worker = worker,
		.sessions = sessions,
		.sleepers = sleepers,
		.close = close_endpoint,
		.uptime_s = uptime_s,
		.upgrade = gw_upgrade_asked,
		.upgrading = gw_upgrading,
		.reload = gw_reload_asked,
		.deciding = gw_sweeping_facts,
		.policy = gw_policy_asked,
		.facts = gw_policy_facts,
		.about = gw_policy_about,
		.sms_keys = gw_keys_asked,
		.sms_refresh = gw_keys_refresh,
		.trace = gw_trace_asked,
		.events = events,
		.happened = gw_happened,
	};
}
