/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/facts.h"

#include "base/wipe.h"
#include "dtls/context.h"
#include "gateway/air.h"
#include "gateway/seats.h"
#include "gateway/session.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_parts.h"
#include "gateway/worker.h"

#include <string.h>

static enum policy_kind kind_of(uint8_t kind)
{
	switch ((enum store_cred_kind)kind) {
	case STORE_CRED_PSK:
		return POLICY_PSK;
	case STORE_CRED_RAW_KEY:
		return POLICY_RAW_KEY;
	case STORE_CRED_NOSEC:
		return POLICY_NONE;
	case STORE_CRED_SMS:
		return POLICY_SMS;
	case STORE_CRED_CERTIFICATE:
		break;
	}
	return POLICY_CERTIFICATE;
}

static void take_labels(struct gw_facts *out, const struct store_cred *c)
{
	const size_t len = c->labels_len < STORE_LABELS_MAX ? c->labels_len : STORE_LABELS_MAX;
	_Static_assert((int)STORE_LABELS_MAX <= (int)POLICY_LABELS_MAX, "a policy takes them all");
	for (size_t i = 0; i < len; i++) {
		memcpy(out->label_octets[i], c->labels[i], sizeof(out->label_octets[i]));
		out->label_octets[i][STORE_LABEL_MAX] = '\0';
		out->labels[i] = out->label_octets[i];
	}
	out->facts.labels = out->labels;
	out->facts.labels_len = len;
}

/* What the store has of the credential, and of what was decided. */
static bool begin(struct store_reader *r, uint32_t cred, struct gw_facts *out)
{
	struct store_cred c;
	memset(out, 0, sizeof(*out));
	out->cred = cred;
	if (store_read_cred_mark(r, cred, &out->mark) != STORE_OK)
		return false;
	const bool known = store_read_cred(r, cred, &c) == STORE_OK;
	if (known) {
		_Static_assert(
			sizeof(out->endpoint) == sizeof(c.endpoint), "both hold an endpoint");
		memcpy(out->endpoint, c.endpoint, sizeof(out->endpoint));
		out->facts.kind = kind_of(c.kind);
		take_labels(out, &c);
	}
	wipe(&c, sizeof(c));
	out->facts.channel = POLICY_UDP_DTLS;
	out->facts.endpoint = out->endpoint;
	out->facts.listener = out->listener;
	return known;
}

static void take_verdict(struct store_reader *r, struct gw_facts *out)
{
	struct store_verdict v;
	if (store_read_verdict(r, out->cred, &v) != STORE_OK)
		return;
	out->upto = v.upto;
	out->upto_ms = v.upto_ms;
}

static uint64_t seconds(uint64_t now_ms, uint64_t since_ms)
{
	return now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static bool facts_of_air(const struct gw_session *s, struct gw_facts *out)
{
	const struct gw_worker *const w = s->worker;
	struct policy_facts *const f = &out->facts;
	if (!begin(w->reader, s->cred, out))
		return false;
	(void)net_addr_text(&w->bound[s->air->path.sock], out->listener);
	f->channel = POLICY_UDP_NOSEC;
	f->awake = true;
	f->registered = s->relay && relay_device_registration(s->relay)->active;
	f->upstream_up = s->legs[GW_LINK].conn != NULL;
	f->exchanges = s->relay ? relay_device_exchanges(s->relay) : 0;
	f->age_s = seconds(w->now_ms, s->air->up_ms);
	f->idle_s = seconds(w->now_ms, s->air->heard_ms);
	return true;
}

/* How old the keys are that it is spoken to under, where they are renewed; else nobody knows. */
static uint64_t age_of_keys(const struct gw_worker *w, uint32_t cred)
{
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	struct store_sms_keys row;
	struct keyset k;
	uint64_t age_s = 0;
	if (store_sms_keys_read(w->reader, cred, &row) == STORE_OK) {
		if (keyset_load(row.data, row.len, &k) && k.set[KEYSET_CURRENT].generation != 0)
			age_s = seconds(now_ms, k.set[KEYSET_CURRENT].obtained_ms);
		wipe(&k, sizeof(k));
	}
	wipe(&row, sizeof(row));
	return age_s;
}

/* By secured packets. */
static bool facts_of_packets(const struct gw_session *s, struct gw_facts *out)
{
	const struct gw_worker *const w = s->worker;
	struct policy_facts *const f = &out->facts;
	if (!begin(w->reader, s->cred, out))
		return false;
	f->channel = POLICY_SMS_PACKET;
	f->generation = s->sms->proved;
	f->awake = true;
	f->registered = s->relay && relay_device_registration(s->relay)->active;
	f->upstream_up = s->legs[GW_LINK].conn != NULL;
	f->exchanges = s->relay ? relay_device_exchanges(s->relay) : 0;
	f->age_s = age_of_keys(w, s->cred);
	f->idle_s = seconds(w->now_ms, s->sms->heard_ms);
	f->records = larger(s->sms->in, s->sms->out);
	return true;
}

bool gw_facts_of_session(const struct gw_session *s, struct gw_facts *out)
{
	if (s->air)
		return facts_of_air(s, out);
	if (s->sms)
		return facts_of_packets(s, out);
	const struct gw_worker *const w = s->worker;
	const struct dtls_conn *const c = s->legs[GW_DEVICE].conn;
	struct policy_facts *const f = &out->facts;
	if (!c || !begin(w->reader, s->cred, out))
		return false;
	take_verdict(w->reader, out);
	const struct dtls_conn_facts about = dtls_conn_facts(c);
	const struct dtls_numbers n = dtls_conn_numbers(c);
	const uint32_t sock = dtls_conn_path(c)->sock;
	if (sock < w->listeners_len)
		(void)net_addr_text(&w->bound[sock], out->listener);
	if (dtls_conn_path(c)->peer.family == NET_SMS)
		f->channel = POLICY_SMS_DTLS;
	f->suite = about.suite;
	f->generation = dtls_conn_generation(c);
	f->awake = true;
	f->registered = s->relay && relay_device_registration(s->relay)->active;
	f->upstream_up = s->legs[GW_LINK].conn != NULL;
	f->exchanges = s->relay ? relay_device_exchanges(s->relay) : 0;
	f->age_s =
		s->full_ms > 0 ? seconds(store_time(w->shared->store, w->now_ms), s->full_ms) : 0;
	f->idle_s = seconds(w->now_ms, about.heard_ms);
	f->records = larger(n.edge, n.next);
	f->forged = about.forged;
	return true;
}

static uint16_t suite_of(const struct store_assoc *a)
{
	struct dtls_context k;
	const uint16_t suite =
		dtls_context_decode(a->context, a->context_len, &k) ? k.suite : (uint16_t)0;
	wipe(&k, sizeof(k));
	return suite;
}

bool gw_facts_of_sleeper(const struct gw_shared *shared, struct store_reader *r,
	const struct store_assoc *a, uint64_t now_ms, struct gw_facts *out)
{
	struct policy_facts *const f = &out->facts;
	struct store_session row;
	if (!begin(r, a->cred, out))
		return false;
	take_verdict(r, out);
	if (store_read_session(r, a->cred, &row) == STORE_OK) {
		f->registered = row.registered;
		f->upstream_up = row.link != STORE_NO_SLOT;
	}
	(void)net_addr_text(&a->path.local, out->listener);
	if (a->path.peer.family == NET_SMS)
		f->channel = POLICY_SMS_DTLS;
	f->suite = suite_of(a);
	f->generation = a->generation;
	f->age_s = seconds(now_ms, a->up_ms);
	f->asleep_s = seconds(now_ms, gw_night_since_ms(shared->seats, a->slot, now_ms));
	f->idle_s = f->asleep_s;
	f->records = larger(a->state.edge, a->state.sent);
	f->forged = a->state.forged;
	return true;
}
