/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/trace.h"

#include "base/wipe.h"
#include "dtls/engine.h"
#include "gateway/chronicle_parts.h"
#include "gateway/worker.h"

#include <stdio.h>
#include <string.h>

enum {
	CREDENTIAL_MAX = 208,
	CCS = 20,
	ALERT = 21,
	HANDSHAKE = 22,
	DATA = 23,
	CID = 25,
	ROUTABILITY = 27,
	RECORD_MIN = 13,
	EPOCH_AT = 3,
	NUMBER_AT = 5,
	NUMBER_LEN = 6,
};

void gw_trace_turn(struct gw_worker *w)
{
	struct gw_tracing *const t = w->shared->tracing;
	const bool on = t && gw_tracing_is_on(t, w->now_ms);
	if (on != w->tracing)
		dtls_trace(w->dtls, on);
	w->tracing = on;
}

/* --- records ---------------------------------------------------------------------------------- */

/* By the name of their counters: a word that stays, and what it means. */
static const struct {
	const char *name, *fate, *why;
} fates[] = {
	{ "replayed", "replayed", "its number was seen before" },
	{ "forged", "forged", "its tag is wrong" },
	{ "untried", "dropped", "not tried, as many before it were forged" },
	{ "early", "dropped", "it came before the handshake was done" },
	{ "late", "dropped", "it was dealt with before" },
	{ "beyond", "dropped", "its number is not leased yet; it has to come again" },
	{ "unproven", "dropped", "its session has to prove itself first" },
	{ "unwoken", "dropped", "its session sleeps, and cannot be brought back" },
	{ "unknown_cid", "dropped", "nobody has this connection id" },
	{ "stray", "dropped", "a connection id is missing, or unwanted" },
	{ "refused_full", "dropped", "too many handshakes at once" },
	{ "deferred", "dropped", "it has to come again: too much from there has failed" },
	{ "unanswered", "dropped", "its datagram has had its answer" },
	{ "no_memory", "dropped", "memory is short" },
	{ "junk", "dropped", "no record of a session here" },
};

static void explain(const char *name, struct ctl_traced *line)
{
	line->fate = "dropped";
	for (size_t i = 0; i < COUNT_OF(fates); i++) {
		if (strcmp(fates[i].name, name) != 0)
			continue;
		line->fate = fates[i].fate;
		(void)snprintf(line->why, sizeof(line->why), "%s", fates[i].why);
	}
}

static const char *type_text(uint8_t type)
{
	switch (type) {
	case CCS:
		return "change of cipher";
	case ALERT:
		return "an alert";
	case HANDSHAKE:
		return "of a handshake";
	case DATA:
		return "data";
	case CID:
		return "protected, with a connection id";
	case ROUTABILITY:
		return "a check of the address";
	default:
		return "";
	}
}

/* Whose is what nobody has proved to be anybody's: of the one who was there last. */
static uint32_t whose(struct gw_worker *w, uint32_t cred, const struct net_path *path)
{
	return cred != DTLS_NO_CRED ? cred : gw_tracing_at(w->shared->tracing, path);
}

static enum ctl_traced_leg leg_of(enum dtls_role role)
{
	return role == DTLS_SERVER ? CTL_WITH_DEVICE : CTL_WITH_SERVER;
}

void gw_trace_fate(void *worker, const struct dtls_fated *f)
{
	struct gw_worker *const w = worker;
	const uint32_t cred = whose(w, f->cred, f->path);
	if (!w->tracing || (f->is_message && !f->why) || !gw_tracing_has(w->shared->tracing, cred))
		return;
	struct ctl_traced line = { .leg = leg_of(f->role),
		.peer = f->path->peer,
		.octets = (uint32_t)f->len,
		.numbered = true,
		.epoch = f->epoch,
		.record = f->seq,
		.fate = "taken" };
	if (f->why)
		explain(f->why, &line);
	else
		(void)snprintf(line.why, sizeof(line.why), "%s", type_text(f->type));
	/* Where a forged one came from is nobody's place. */
	(void)gw_tracing_add(w->shared->tracing, cred, NULL, &line);
}

/* --- handshakes ------------------------------------------------------------------------------- */

/* " of NAME (psk)": so that one who has several knows which. */
static void name_credential(const struct gw_worker *w, uint32_t cred, char *out, size_t cap)
{
	struct store_cred c;
	out[0] = '\0';
	if (cred != DTLS_NO_CRED && store_read_cred(w->reader, cred, &c) == STORE_OK) {
		const char *const kind = gw_credential_word(c.kind);
		(void)snprintf(out, cap, "; credential of %s (%s, generation %llu)", c.endpoint,
			kind ? kind : "unknown", (unsigned long long)c.generation);
	}
	wipe(&c, sizeof(c));
}

void gw_trace_failed(struct gw_worker *w, const struct dtls_failure *f)
{
	const struct gw_session *const s = f->role == DTLS_CLIENT ? f->user : NULL;
	const uint32_t cred = whose(w, s ? s->cred : f->cred, f->path);
	char credential[CREDENTIAL_MAX];
	if (!gw_tracing_has(w->shared->tracing, cred))
		return;
	struct ctl_traced line = {
		.leg = leg_of(f->role), .peer = f->path->peer, .fate = "refused"
	};
	name_credential(
		w, f->role == DTLS_SERVER ? f->cred : DTLS_NO_CRED, credential, sizeof(credential));
	(void)snprintf(line.why, sizeof(line.why), "handshake: %s%s", dtls_cause_text(f->cause),
		credential);
	(void)gw_tracing_add(w->shared->tracing, cred, NULL, &line);
}

void gw_trace_up(struct gw_worker *w, const struct dtls_conn *c)
{
	if (!gw_tracing_has(w->shared->tracing, dtls_conn_cred(c)))
		return;
	const struct net_path *const path = dtls_conn_path(c);
	struct ctl_traced line = {
		.leg = leg_of(dtls_conn_role(c)), .peer = path->peer, .fate = "taken"
	};
	(void)snprintf(line.why, sizeof(line.why), "the handshake is done%s",
		dtls_conn_resumed(c) ? ", abbreviated" : "");
	(void)gw_tracing_add(w->shared->tracing, dtls_conn_cred(c), path, &line);
}

/* --- what leaves ------------------------------------------------------------------------------ */

void gw_trace_room(struct gw_worker *w, const struct net_path *path, const uint8_t *place)
{
	w->trace.place = place;
	w->trace.to = *path;
}

static uint64_t number_of(const uint8_t *record)
{
	uint64_t n = 0;
	for (size_t i = 0; i < NUMBER_LEN; i++)
		n = n << 8 | record[NUMBER_AT + i];
	return n;
}

void gw_trace_leaves(struct gw_worker *w, size_t len)
{
	struct gw_trace_now *const now = &w->trace;
	const uint8_t *const d = now->place;
	now->place = NULL;
	if (!d || len < RECORD_MIN)
		return;
	now->left = len;
	now->epoch = (uint16_t)(d[EPOCH_AT] << 8 | d[EPOCH_AT + 1]);
	now->record = number_of(d);
	if (now->sends)
		return; /* gw_trace_sent() tells of it */
	const uint32_t cred = gw_tracing_at(w->shared->tracing, &now->to);
	if (cred == DTLS_NO_CRED)
		return;
	struct ctl_traced line = {
		.leg = now->to.sock < w->listeners_len ? CTL_WITH_DEVICE : CTL_WITH_SERVER,
		.out = true,
		.peer = now->to.peer,
		.octets = (uint32_t)len,
		.numbered = true,
		.epoch = now->epoch,
		.record = now->record,
		.fate = "sent",
	};
	(void)snprintf(line.why, sizeof(line.why), "%s", type_text(d[0]));
	(void)gw_tracing_add(w->shared->tracing, cred, NULL, &line);
}

/* --- decisions -------------------------------------------------------------------------------- */

void gw_trace_decided(struct gw_worker *w, const struct gw_entry *e)
{
	static const char *const outcomes[] = {
		[GW_DECIDED] = "not carried out yet",
		[GW_DONE] = "done",
		[GW_KEPT] = "nothing to be done",
		[GW_FAILED] = "failed",
	};
	const uint32_t cred = gw_tracing_named(w->shared->tracing, e->endpoint);
	if (cred == DTLS_NO_CRED)
		return;
	struct ctl_traced line = { .leg = CTL_WITH_NOBODY, .fate = "decided" };
	(void)snprintf(line.why, sizeof(line.why), "%s: device %s, upstream %s; %s",
		policy_event_word(e->event), policy_action_word(e->device.action),
		policy_action_word(e->upstream.action),
		(size_t)e->outcome < COUNT_OF(outcomes) ? outcomes[e->outcome] : "");
	memcpy(line.rule, e->rule, sizeof(line.rule));
	(void)gw_tracing_add(w->shared->tracing, cred, NULL, &line);
}
