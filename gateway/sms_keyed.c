/* SPDX-License-Identifier: Apache-2.0 */
/* What has come of a device whose keys are renewed: opened under one of its sets of keys, it is one
   change of them (sms_keys_run), which says whether it is taken. */
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/judge.h"
#include "gateway/sms_keeper.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_keys_say.h"
#include "gateway/sms_op.h"
#include "gateway/sms_parts.h"
#include "gateway/worker.h"
#include "sms/counter.h"

#include <stdlib.h>
#include <string.h>

struct keyed_op {
	struct gw_sms_op base;
	struct gw_keys_settings settings;
	struct gw_keys_change change;
	struct store_sms_message in;
	uint64_t id; /* of the message that has come */
	uint8_t card[GW_SMS_MO_MAX];
	bool was_next; /* the set that it opened under was not proved yet */
	char endpoint[STORE_ENDPOINT_MAX + 1];
};

static struct keyed_op *of(struct gw_sms_op *base)
{
	return CONTAINER_OF(base, struct keyed_op, base);
}

static enum store_result run(struct store_txn *t, struct store_op *op)
{
	return gw_keys_run(t, &of(CONTAINER_OF(op, struct gw_sms_op, op))->change);
}

static void op_free(struct keyed_op *o)
{
	if (!o)
		return;
	sms_cipher_free(o->change.cipher);
	wipe(o, sizeof(*o));
	free(o);
}

/* --- what has become of it -------------------------------------------------------------------- */

static void count(struct gw_worker *w, const struct keyed_op *o, enum store_result r)
{
	struct gw_sms_stats *const stats = &w->smses->stats;
	stats->replayed += r == STORE_STALE;
	stats->later += r != STORE_OK && r != STORE_STALE;
	if (r != STORE_OK)
		return;
	if (o->change.card_len > 0)
		return;
	stats->in += o->change.taken;
	stats->old += !o->change.taken;
	stats->proved += o->was_next && o->change.taken;
}

void gw_sms_keys_follow(struct gw_worker *w, const char *endpoint, const struct gw_keys_change *x)
{
	for (size_t i = 0; i < x->out_len; i++)
		gw_sms_say(w, &x->out[i]);
	if (x->ask) {
		const struct gw_keeper_told t = {
			.cred = x->cred, .ask = true, .lifetime_s = x->lifetime_s
		};
		(void)gw_keeper_tell(w->shared, &t); /* else it is due again */
	}
	gw_keys_say(w->shared, &w->log, endpoint, x);
}

static void carry_out(struct gw_worker *w, struct keyed_op *o)
{
	const struct gw_keys_change *const x = &o->change;
	struct gw_session *const s = o->base.session;
	gw_sms_keys_follow(w, o->endpoint, x);
	if (!s)
		return;
	if (o->was_next || !x->taken)
		gw_sms_rekey(s);
	if (x->taken)
		gw_sms_took(s, &o->in);
	else if (!s->ended && s->relay)
		(void)gw_judge(s, POLICY_SMS_KEY_STALE);
}

static void finish(struct gw_sms_op *base, enum store_result r)
{
	struct keyed_op *const o = of(base);
	struct gw_worker *const w = base->worker;
	const bool settled = r == STORE_OK || r == STORE_STALE;
	gw_sms_answer(w, o->id, settled ? WIRE_TAKEN : WIRE_LATER);
	count(w, o, r);
	if (r == STORE_OK)
		carry_out(w, o);
	op_free(o);
}

/* --- a packet --------------------------------------------------------------------------------- */

struct found { /* the holder wipes it */
	struct keyset k;
	char endpoint[STORE_ENDPOINT_MAX + 1];
};

static bool find(struct gw_worker *w, uint32_t cred, uint64_t now_ms, struct found *out)
{
	struct store_cred c;
	bool is;
	store_reader_rest(w->reader);
	const bool good = store_read_cred(w->reader, cred, &c) == STORE_OK &&
			  gw_keys_load(w->reader, &c, now_ms, &out->k, &is) == STORE_OK;
	if (good)
		memcpy(out->endpoint, c.endpoint, sizeof(out->endpoint));
	wipe(&c, sizeof(c));
	return good;
}

/* The set that it opens under, and what is in it. KEYSET_SETS: it was dropped. */
static enum keyset_which open_it(
	struct gw_worker *w, const struct keyset *k, struct gw_sms_mo *m, struct gw_sms_packet *p)
{
	struct gw_sms_stats *const stats = &w->smses->stats;
	struct sms_opened o;
	struct store_sms_counters n = { 0 };
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	const enum keyset_which which = gw_keys_open(
		k, w->shared->conf->sms.allow_3des, now_ms, w->smses->cipher, m->data, m->len, &o);
	if (which == KEYSET_SETS) {
		gw_sms_drop(w, m, &stats->forged, "it opens under none of its sender's keys");
		return KEYSET_SETS;
	}
	const struct sms_agreed *const a = &k->set[which].agreed;
	const uint64_t keys = store_sms_keys_hash(w->reader, a->key, a->key_len);
	if (store_sms_is_own_under(w->reader, keys, gw_sms_mark(o.cc))) {
		gw_sms_drop(w, m, &stats->reflected, "it is one of ours");
		return KEYSET_SETS;
	}
	if (store_sms_read_under(w->reader, keys, &n) == STORE_OK &&
		sms_count(SMS_COUNT_HIGHER, o.counter, &n.in) != SMS_COUNTED) {
		gw_sms_drop(w, m, &stats->replayed, "its counter was there");
		return KEYSET_SETS;
	}
	return gw_sms_unwrap(w, m, &o, p) ? which : KEYSET_SETS;
}

/* NULL: memory is short. */
static struct keyed_op *op_new(
	struct gw_worker *w, const struct found *f, const struct gw_sms_mo *m)
{
	struct keyed_op *const o = calloc(1, sizeof(*o));
	struct sms_cipher *const cipher = o ? sms_cipher_new() : NULL;
	if (!cipher) {
		op_free(o);
		return NULL;
	}
	gw_keys_settings_of(w->shared->conf, &o->settings);
	memcpy(o->endpoint, f->endpoint, sizeof(o->endpoint));
	o->id = m->id;
	o->change = (struct gw_keys_change){
		.settings = &o->settings,
		.cipher = cipher,
		.cred = m->cred,
		.now_ms = store_time(w->shared->store, w->now_ms),
		.event = KEYSET_EVENTS,
	};
	gw_sms_number_put(&m->peer, o->change.peer);
	gw_sms_number_put(&m->own, o->change.own);
	o->base.op = (struct store_op){ .run = run };
	o->base.worker = w;
	o->base.finish = finish;
	return o;
}

/* s: NULL where it is only to be refused. False: memory is short. */
static bool submit(struct gw_worker *w, const struct found *f, enum keyset_which which,
	const struct gw_sms_packet *p, struct gw_session *s)
{
	struct keyed_op *const o = op_new(w, f, p->mo);
	uint16_t mid;
	if (!o)
		return false;
	gw_worker_random(w, (uint8_t *)&mid, sizeof(mid));
	o->was_next = which == KEYSET_NEXT;
	o->in.id = p->id;
	o->in.cred = p->mo->cred;
	if (s)
		gw_sms_message_of(s, p, &o->in);
	o->change.under = f->k.set[which].generation;
	o->change.counter = p->counter;
	o->change.in = &o->in;
	o->change.refusal_len = gw_keys_refusal(p->coap, p->len, mid, o->change.refusal);
	o->base.session = s;
	gw_sms_op_submit(&o->base);
	return true;
}

/* The card itself, of which nobody waits for an answer. */
static bool submit_card(struct gw_worker *w, const struct found *f, const struct gw_sms_mo *m)
{
	struct keyed_op *const o = op_new(w, f, m);
	if (!o)
		return false;
	memcpy(o->card, m->data, m->len);
	o->change.card = o->card;
	o->change.card_len = m->len;
	gw_sms_op_submit(&o->base);
	return true;
}

/* What is only to be refused wakes nobody. */
static bool hand_on(struct gw_worker *w, const struct found *f, enum keyset_which which,
	const struct gw_sms_packet *p)
{
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	struct gw_session *s = gw_session_of(w, p->mo->cred);
	if (keyset_heard(&f->k, which, now_ms) == KEYSET_HEARD_OLD)
		return submit(w, f, which, p, s && s->sms ? s : NULL);
	s = gw_sms_session(w, p->mo->cred);
	return s && submit(w, f, which, p, s);
}

void gw_sms_keyed(struct gw_worker *w, struct gw_sms_mo *m)
{
	struct found f;
	struct gw_sms_packet p;
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	memset(&f, 0, sizeof(f));
	if (!find(w, m->cred, now_ms, &f)) {
		gw_sms_drop(w, m, &w->smses->stats.forged, "its keys cannot be read");
		return;
	}
	const bool card = m->marker == GW_SMS_RESPONSE;
	const enum keyset_which which = card ? KEYSET_SETS : open_it(w, &f.k, m, &p);
	const bool good = card                   ? !w->stopping && submit_card(w, &f, m)
			  : which == KEYSET_SETS ? true
						 : !w->stopping && hand_on(w, &f, which, &p);
	if (!good) {
		w->smses->stats.later++;
		gw_sms_answer(w, m->id, WIRE_LATER);
	}
	wipe(&f, sizeof(f));
}
