/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_keys_run.h"

#include <stdio.h>
#include <string.h>

#include "base/wipe.h"
#include "gateway/sms_keys_parts.h"
#include "gateway/sms_parts.h"
#include "gba/gpi_push.h"

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

static enum store_result read_row(
	struct store_txn *t, const struct gw_keys_change *x, struct gw_keys_row *out)
{
	struct store_reader *const r = store_txn_reader(t);
	struct store_cred c;
	bool is;
	enum store_result result = store_read_cred(r, x->cred, &c);
	if (result == STORE_OK)
		result = gw_keys_load(r, &c, x->now_ms, &out->k, &is);
	out->proved = c.proved;
	out->has_card = c.sms.renew.how == STORE_RENEW_SMARTCARD;
	out->ota = c.sms.renew.ota;
	wipe(&c, sizeof(c));
	return result;
}

static enum store_result put_row(struct store_txn *t, uint32_t cred, const struct gw_keys_row *r)
{
	const uint64_t card_ms = gw_keys_card_due_ms(r), next_ms = keyset_next_ms(&r->k);
	struct store_sms_keys stored = {
		.cred = cred, .proved = r->proved, .due_ms = card_ms < next_ms ? card_ms : next_ms
	};
	stored.len = keyset_save(&r->k, stored.data, sizeof(stored.data));
	const enum store_result result = store_sms_keys_put(t, &stored);
	wipe(&stored, sizeof(stored));
	return result;
}

uint64_t gw_keys_hash(struct store_txn *t, const uint8_t *key, size_t len)
{
	return store_sms_keys_hash(store_txn_reader(t), key, len);
}

/* --- out -------------------------------------------------------------------------------------- */

struct store_sms_message *gw_keys_message(struct gw_keys_change *x)
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
static enum store_result write_push(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r)
{
	struct store_sms_counters n;
	struct store_sms_message *const m = gw_keys_message(x);
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

static enum store_result deliver(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r)
{
	const uint8_t origin = r->k.set[KEYSET_NEXT].origin;
	const bool pushes = origin == KEYSET_GBA_PUSH;
	if (origin == KEYSET_SMARTCARD)
		return gw_keys_card_send(t, x, r);
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
static enum store_result refuse(struct store_txn *t, struct gw_keys_change *x,
	const struct gw_keys_row *r, const struct keyset_keys *under)
{
	struct sms_settings s;
	struct store_sms_counters n = { 0 };
	uint8_t data[SMS_ENVELOPE_MAX + GW_KEYS_REFUSAL_MAX], cc[SMS_CC_MAX] = { 0 };
	const char *why;
	if (x->refusal_len == 0 || !x->cipher || x->out_len == GW_KEYS_OUT)
		return STORE_OK;
	struct store_sms_message *const m = gw_keys_message(x);
	m->keys = gw_keys_hash(t, under->agreed.key, under->agreed.key_len);
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

enum store_result gw_keys_act(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r, unsigned does)
{
	x->ask = x->ask || (does & KEYSET_DO_ASK) != 0;
	return (does & KEYSET_DO_SEND) != 0 ? deliver(t, x, r) : STORE_OK;
}

static enum store_result pass_time(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r)
{
	const enum store_result result =
		gw_keys_act(t, x, r, keyset_time(&r->k, &x->settings->rules, x->now_ms));
	gw_keys_card_name(r);
	return result == STORE_OK ? gw_keys_card_time(t, x, r) : result;
}

/* A message under one of the sets. */
static enum store_result hear(struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r)
{
	size_t i = 0;
	while (i < KEYSET_SETS && r->k.set[i].generation != x->under)
		i++;
	if (i == KEYSET_SETS)
		return STORE_STALE;
	const struct keyset_keys under = r->k.set[i];
	const enum keyset_event e = keyset_heard(&r->k, (enum keyset_which)i, x->now_ms);
	const uint64_t keys = gw_keys_hash(t, under.agreed.key, under.agreed.key_len);
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
	const bool of_card = e == KEYSET_PROVED && under.origin == KEYSET_SMARTCARD;
	/* A device looks into its card when it is bootstrapped: nothing brings it there sooner. */
	const bool rests = e == KEYSET_HEARD && gw_keys_card_has_it(r);
	const unsigned does = rests ? 0 : keyset_step(&r->k, &x->settings->rules, e, &x->news);
	if (of_card)
		gw_keys_card_proved(x, r);
	if ((does & KEYSET_DO_REFUSE) != 0)
		result = refuse(t, x, r, &under);
	return result == STORE_OK ? gw_keys_act(t, x, r, does) : result;
}

static enum store_result tell(struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r)
{
	const bool outcome = x->event == KEYSET_TAKEN || x->event == KEYSET_UNSENT;
	if (outcome && x->message != 0) {
		const enum store_result gone = store_sms_out_done(t, x->message);
		if (gone != STORE_OK && gone != STORE_NONE)
			return gone;
	}
	if (outcome && x->message != r->k.message)
		return gw_keys_card_network(t, x, r, x->event == KEYSET_TAKEN);
	if (x->event == KEYSET_EVENTS)
		return STORE_OK;
	return gw_keys_act(t, x, r, keyset_step(&r->k, &x->settings->rules, x->event, &x->news));
}

enum store_result gw_keys_run(struct store_txn *t, struct gw_keys_change *x)
{
	struct gw_keys_row r;
	x->taken = x->ask = false;
	x->out_len = 0;
	x->news.now_ms = x->now_ms;
	memset(&r, 0, sizeof(r));
	enum store_result result = read_row(t, x, &r);
	const uint32_t generation = r.k.set[KEYSET_CURRENT].generation;
	char cause[sizeof(r.k.cause)];
	memcpy(cause, r.k.cause, sizeof(cause));
	x->was = r.k.state;
	if (result == STORE_OK)
		result = pass_time(t, x, &r);
	if (result == STORE_OK)
		result = x->card         ? gw_keys_card_answer(t, x, &r)
			 : x->under != 0 ? hear(t, x, &r)
					 : tell(t, x, &r);
	if (result == STORE_OK)
		result = pass_time(t, x, &r);
	if (result == STORE_OK)
		result = put_row(t, x->cred, &r);
	x->is = r.k.state;
	x->generation = r.k.set[KEYSET_CURRENT].generation;
	x->moved = x->was != x->is || x->generation != generation || strcmp(cause, r.k.cause) != 0;
	x->lifetime_s = r.k.lifetime_s;
	memcpy(x->cause, r.k.cause, sizeof(x->cause));
	wipe(&r, sizeof(r));
	return result;
}
