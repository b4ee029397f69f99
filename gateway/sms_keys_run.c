/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_keys_run.h"

#include <stdio.h>
#include <string.h>

#include "base/wipe.h"
#include "gateway/sms_parts.h"
#include "gba/gpi_push.h"
#include "store/credential.h"

enum {
	PUSH_SINGLE = 133, /* octets behind a UDH with a port of 16 bits */
	PUSH_EACH = 128,   /* ... and a concatenation, its reference of 8 bits */
};

uint8_t gw_keys_push_segments(size_t len)
{
	_Static_assert(GBA_PUSH_MAX / PUSH_EACH < UINT8_MAX, "so many are counted");
	return len <= PUSH_SINGLE ? 1 : (uint8_t)((len + PUSH_EACH - 1) / PUSH_EACH);
}

/* --- what is there ---------------------------------------------------------------------------- */

struct row { /* its user wipes it */
	struct keyset k;
	struct sms_agreed own; /* the credential's, whose key_len may be 0 */
	uint64_t proved;
};

static bool agreed_of(const struct store_cred *c, struct sms_agreed *out)
{
	if (c->sms.profile >= (uint8_t)SMS_PROFILES || c->key_len > sizeof(out->key))
		return false;
	*out = (struct sms_agreed){ .profile = c->sms.profile,
		.spi2 = c->sms.spi2,
		.kic = c->sms.kic,
		.kid = c->sms.kid,
		.cc_len = c->sms.cc_len,
		.key_len = c->key_len };
	memcpy(out->tar, c->sms.tar, sizeof(out->tar));
	memcpy(out->key, c->key, c->key_len);
	return true;
}

/* The row as it is, or as the first one of this credential is to be. */
static enum store_result read_row(
	struct store_txn *t, const struct gw_keys_change *x, struct row *out)
{
	struct store_reader *const r = store_txn_reader(t);
	struct store_cred c;
	struct store_sms_keys stored;
	enum store_result result = store_read_cred(r, x->cred, &c);
	if (result == STORE_OK && (c.state != STORE_CRED_ACTIVE || c.kind != STORE_CRED_SMS ||
					  !agreed_of(&c, &out->own)))
		result = STORE_NONE;
	out->proved = c.proved;
	wipe(&c, sizeof(c));
	if (result != STORE_OK)
		return result;
	result = store_sms_keys_read(r, x->cred, &stored);
	if (result == STORE_OK && !keyset_load(stored.data, stored.len, &out->k))
		result = STORE_DAMAGED;
	wipe(&stored, sizeof(stored));
	if (result != STORE_NONE && result != STORE_DAMAGED)
		return result;
	keyset_begin(&out->k, out->own.key_len > 0 ? &out->own : NULL, x->now_ms);
	return STORE_OK;
}

static enum store_result put_row(struct store_txn *t, uint32_t cred, const struct row *r)
{
	struct store_sms_keys stored = {
		.cred = cred, .proved = r->proved, .due_ms = keyset_next_ms(&r->k)
	};
	stored.len = keyset_save(&r->k, stored.data, sizeof(stored.data));
	const enum store_result result = store_sms_keys_put(t, &stored);
	wipe(&stored, sizeof(stored));
	return result;
}

static uint64_t hash_of(struct store_txn *t, const struct keyset_keys *x)
{
	return store_sms_keys_hash(store_txn_reader(t), x->agreed.key, x->agreed.key_len);
}

/* --- out -------------------------------------------------------------------------------------- */

static struct store_sms_message *begin_message(struct gw_keys_change *x)
{
	struct store_sms_message *const m = &x->out[x->out_len];
	memset(m, 0, sizeof(*m));
	m->cred = x->cred;
	m->at_ms = x->now_ms;
	m->until_ms = x->now_ms + (uint64_t)x->settings->valid_s * 1000;
	memcpy(m->peer, x->peer, sizeof(m->peer));
	memcpy(m->own, x->own, sizeof(m->own));
	return m;
}

/* A push that more than one short message carries needs a reference: that of no other that is on
   its way to this device. */
static enum store_result write_push(struct store_txn *t, struct gw_keys_change *x, struct row *r)
{
	struct store_sms_counters n;
	struct store_sms_message *const m = begin_message(x);
	const enum store_result result = store_sms_read(store_txn_reader(t), x->cred, &n);
	if (result != STORE_OK && result != STORE_NONE)
		return result;
	m->len = gba_gpi_push(r->k.set[KEYSET_NEXT].generation, r->k.blob, r->k.blob_len, m->data,
		sizeof(m->data));
	m->pid = GBA_PID;
	m->dcs = GBA_DCS;
	m->port = GBA_WAP_PORT;
	m->segments = gw_keys_push_segments(m->len);
	m->reference = (uint16_t)(n.reference + (m->segments > 1));
	if (m->len == 0)
		return STORE_DAMAGED;
	return store_sms_send(t, m, r->proved, false, 0, 0, x->settings->a_day);
}

static const char *why_not(enum store_result r)
{
	return r == STORE_FULL ? "no-room" : "no-push";
}

static enum store_result deliver(struct store_txn *t, struct gw_keys_change *x, struct row *r)
{
	const bool pushes = r->k.set[KEYSET_NEXT].origin == KEYSET_GBA_PUSH;
	const bool fits = x->out_len < GW_KEYS_OUT;
	const enum store_result result = !pushes ? STORE_DAMAGED
					 : fits  ? write_push(t, x, r)
						 : STORE_FULL;
	if (result == STORE_OK) {
		r->k.message = x->out[x->out_len++].id;
		return STORE_OK;
	}
	if (result != STORE_FULL && result != STORE_DAMAGED)
		return result;
	const struct keyset_news n = { .now_ms = x->now_ms, .cause = why_not(result) };
	(void)keyset_step(&r->k, &x->settings->rules, KEYSET_UNSENT, &n);
	return STORE_OK;
}

/* 4.00 under the set that the message opened under, with its own next counter. */
static enum store_result refuse(struct store_txn *t, struct gw_keys_change *x, const struct row *r,
	const struct keyset_keys *under)
{
	struct sms_settings s;
	struct store_sms_counters n = { 0 };
	uint8_t data[SMS_ENVELOPE_MAX + GW_KEYS_REFUSAL_MAX], cc[SMS_CC_MAX] = { 0 };
	const char *why;
	if (x->refusal_len == 0 || !x->cipher || x->out_len == GW_KEYS_OUT)
		return STORE_OK;
	struct store_sms_message *const m = begin_message(x);
	m->keys = hash_of(t, under);
	enum store_result result = store_sms_read_under(store_txn_reader(t), m->keys, &n);
	if (result != STORE_OK || n.out >= SMS_COUNTER_MAX)
		return result;
	const size_t head = sms_wrap(x->settings->tag, x->refusal_len, data);
	memcpy(data + head, x->refusal, x->refusal_len);
	if (sms_profile_settings(&under->agreed, x->settings->allow_3des, &s, &why))
		m->len = sms_seal(x->cipher, &s, n.out + 1, data, head + x->refusal_len, m->data,
			sizeof(m->data), cc);
	wipe(&s, sizeof(s));
	const struct sms_around around =
		sms_profile_around((enum sms_profile)under->agreed.profile);
	m->pid = around.pid;
	m->dcs = around.dcs;
	m->marker = 0x70;
	m->segments = gw_sms_segments(m->len);
	m->mark = gw_sms_mark(cc);
	if (m->len == 0)
		return STORE_OK; /* it cannot be said: as good as lost */
	result = store_sms_send(t, m, r->proved, true, n.out + 1, 0, x->settings->a_day);
	x->out_len += result == STORE_OK;
	return result == STORE_FULL ? STORE_OK : result;
}

/* --- what happens ----------------------------------------------------------------------------- */

static enum store_result act(
	struct store_txn *t, struct gw_keys_change *x, struct row *r, unsigned does)
{
	x->ask = x->ask || (does & KEYSET_DO_ASK) != 0;
	return (does & KEYSET_DO_SEND) != 0 ? deliver(t, x, r) : STORE_OK;
}

static enum store_result pass_time(struct store_txn *t, struct gw_keys_change *x, struct row *r)
{
	return act(t, x, r, keyset_time(&r->k, &x->settings->rules, x->now_ms));
}

/* A message under one of the sets. */
static enum store_result hear(struct store_txn *t, struct gw_keys_change *x, struct row *r)
{
	size_t i = 0;
	while (i < KEYSET_SETS && r->k.set[i].generation != x->under)
		i++;
	if (i == KEYSET_SETS)
		return STORE_STALE;
	const struct keyset_keys under = r->k.set[i];
	const enum keyset_event e = keyset_heard(&r->k, (enum keyset_which)i, x->now_ms);
	const uint64_t keys = hash_of(t, &under);
	enum store_result result;
	if (e == KEYSET_HEARD_OLD) {
		result = store_sms_pass(t, x->cred, r->proved, keys, x->counter);
	} else {
		x->in->keys = keys;
		result = store_sms_take(t, x->in, r->proved, true, x->counter);
		x->taken = result == STORE_OK;
	}
	if (result != STORE_OK)
		return result;
	const unsigned does = keyset_step(&r->k, &x->settings->rules, e, &x->news);
	if ((does & KEYSET_DO_REFUSE) != 0)
		result = refuse(t, x, r, &under);
	return result == STORE_OK ? act(t, x, r, does) : result;
}

static enum store_result tell(struct store_txn *t, struct gw_keys_change *x, struct row *r)
{
	const bool outcome = x->event == KEYSET_TAKEN || x->event == KEYSET_UNSENT;
	if (x->event == KEYSET_EVENTS || (outcome && x->message != r->k.message))
		return STORE_OK;
	return act(t, x, r, keyset_step(&r->k, &x->settings->rules, x->event, &x->news));
}

enum store_result gw_keys_run(struct store_txn *t, struct gw_keys_change *x)
{
	struct row r;
	x->taken = x->ask = false;
	x->out_len = 0;
	x->news.now_ms = x->now_ms;
	memset(&r, 0, sizeof(r));
	enum store_result result = read_row(t, x, &r);
	x->was = r.k.state;
	if (result == STORE_OK)
		result = pass_time(t, x, &r);
	if (result == STORE_OK)
		result = x->under != 0 ? hear(t, x, &r) : tell(t, x, &r);
	if (result == STORE_OK)
		result = pass_time(t, x, &r);
	if (result == STORE_OK)
		result = put_row(t, x->cred, &r);
	x->is = r.k.state;
	x->generation = r.k.set[KEYSET_CURRENT].generation;
	x->lifetime_s = r.k.lifetime_s;
	memcpy(x->cause, r.k.cause, sizeof(x->cause));
	wipe(&r, sizeof(r));
	return result;
}
