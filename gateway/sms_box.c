/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/sms_keeper.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_op.h"
#include "gateway/sms_parts.h"
#include "gateway/worker.h"
#include "sms/counter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum what { TAKE, SEND, IN_DONE };

struct sms_op {
	struct gw_sms_op base;
	enum what what;
	uint32_t a_day;
	uint64_t proved, counter, answers;
	uint8_t cc[SMS_CC_MAX]; /* of what is sent */
	struct tale *tale;      /* what goes with that; NULL: nothing */
	struct store_sms_message m;
};

struct tale { /* what a registration means to keys that are renewed */
	struct gw_keeper_told told;
	struct gw_keys_settings settings;
	struct gw_keys_change change;
	char endpoint[STORE_ENDPOINT_MAX + 1];
};

/* --- operations ------------------------------------------------------------------------------ */

static struct sms_op *of(struct gw_sms_op *base)
{
	return CONTAINER_OF(base, struct sms_op, base);
}

/* A message of more than one segment has a reference that no other on its way to this device has,
   whoever has written that. */
static enum store_result send_it(struct store_txn *t, struct sms_op *o)
{
	struct store_sms_counters n;
	enum store_result r = STORE_OK;
	if (o->m.segments > 1) {
		r = store_sms_read(store_txn_reader(t), o->m.cred, &n);
		o->m.reference = (uint16_t)(n.reference + 1);
	}
	if (r != STORE_OK && r != STORE_NONE)
		return r;
	r = store_sms_send(t, &o->m, o->proved, true, o->counter, o->answers, o->a_day);
	return r == STORE_OK && o->tale ? gw_keys_run(t, &o->tale->change) : r;
}

static enum store_result run(struct store_txn *t, struct store_op *op)
{
	struct sms_op *const o = of(CONTAINER_OF(op, struct gw_sms_op, op));
	switch (o->what) {
	case TAKE:
		return store_sms_take(t, &o->m, o->proved, true, o->counter);
	case SEND:
		return send_it(t, o);
	case IN_DONE:
		break;
	}
	return store_sms_in_done(t, o->m.cred, o->m.id);
}

static void finish(struct gw_sms_op *base, enum store_result r);

static struct sms_op *op_new(struct gw_worker *w, struct gw_session *s, uint32_t cred, enum what is)
{
	struct sms_op *const o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->base.op = (struct store_op){ .run = run, .vital = is == IN_DONE };
	o->base.worker = w;
	o->base.session = s;
	o->base.finish = finish;
	o->what = is;
	o->m.cred = cred;
	return o;
}

static void submit(struct sms_op *o)
{
	gw_sms_op_submit(&o->base);
}

uint64_t gw_sms_last_used(const struct gw_smses *x, uint32_t cred, uint64_t proved, uint64_t keys)
{
	uint64_t last = 0;
	for (struct gw_sms_op *i = x->under_way; i; i = i->next) {
		const struct sms_op *const o = of(i);
		if (i->finish == finish && o->what == SEND && o->m.cred == cred &&
			o->proved == proved && o->m.keys == keys && o->counter > last)
			last = o->counter;
	}
	return last;
}

static void op_free(struct sms_op *o)
{
	if (o->tale)
		wipe(o->tale, sizeof(*o->tale));
	free(o->tale);
	wipe(o, sizeof(*o));
	free(o);
}

static uint64_t store_now(const struct gw_worker *w)
{
	return store_time(w->shared->store, w->now_ms);
}

void gw_sms_answer(const struct gw_worker *w, uint64_t id, enum wire_taken taken)
{
	const struct gw_sms_answer a = { .id = id, .taken = taken };
	if (w->shared->sms &&
		!inbox_post(w->shared->sms, INBOX_SURE, GW_DESK_ANSWER, &a, sizeof(a)))
		w->smses->stats.later++; /* what is not answered comes again */
}

/* --- in -------------------------------------------------------------------------------------- */

static struct gw_sms_open *find_open(struct gw_sms *x, uint64_t id)
{
	for (size_t i = 0; i < x->open_len; i++) {
		if (x->open[i].id == id)
			return &x->open[i];
	}
	return NULL;
}

static void close_open(struct gw_sms *x, const struct gw_sms_open *o)
{
	const size_t at = (size_t)(o - x->open);
	x->open_len--;
	memmove(&x->open[at], &x->open[at + 1], (x->open_len - at) * sizeof(x->open[0]));
}

/* What an answer is to be known by. False: no answer is waited for. */
static bool note(struct gw_sms *x, uint64_t id, const uint8_t *msg, size_t len)
{
	const struct gw_session *const s = x->session;
	struct pdu m;
	if (x->open_len == STORE_SMS_IN)
		return false; /* the store has refused it before */
	struct gw_sms_open *const o = &x->open[x->open_len];
	*o = (struct gw_sms_open){ .id = id,
		.until_ms = s->worker->now_ms + gw_session_radio(s)->exchange_lifetime_ms };
	if (pdu_parse(msg, len, &m) == PDU_OK) {
		o->mid = m.mid;
		o->token_len = m.token_len;
		memcpy(o->token, m.token, m.token_len);
		o->request = pdu_is_request(&m);
		o->brief = !o->request && m.type != PDU_CON;
	} else {
		o->brief = true;
	}
	x->open_len++;
	return true;
}

static void pass(struct gw_session *s, uint64_t id, uint8_t *msg, size_t len)
{
	struct gw_sms *const x = s->sms;
	if (find_open(x, id) || !note(x, id, msg, len))
		return;
	gw_session_message(s, GW_DEVICE, msg, len);
	gw_session_loosen(s);
}

void gw_sms_message_of(
	struct gw_session *s, const struct gw_sms_packet *p, struct store_sms_message *out)
{
	struct gw_sms *const x = s->sms;
	memset(out, 0, offsetof(struct store_sms_message, data));
	out->id = p->id;
	out->cred = s->cred;
	/* All of a turn come at one time: their order is theirs, for the next life to know. */
	out->at_ms = store_now(s->worker);
	if (out->at_ms <= x->last_ms)
		out->at_ms = x->last_ms + 1;
	x->last_ms = out->at_ms;
	out->pid = p->mo->pid;
	out->dcs = p->mo->dcs;
	out->marker = p->mo->marker;
	gw_sms_number_put(&p->mo->peer, out->peer);
	gw_sms_number_put(&p->mo->own, out->own);
	out->len = p->len;
	memcpy(out->data, p->coap, p->len);
}

bool gw_sms_take(struct gw_session *s, const struct gw_sms_packet *p)
{
	struct gw_worker *const w = s->worker;
	struct sms_op *const o = p->len <= sizeof(o->m.data) ? op_new(w, s, s->cred, TAKE) : NULL;
	if (!o)
		return false;
	o->proved = s->sms->proved;
	o->counter = p->counter;
	gw_sms_message_of(s, p, &o->m);
	submit(o);
	return true;
}

void gw_sms_took(struct gw_session *s, struct store_sms_message *m)
{
	struct gw_sms *const x = s->ended ? NULL : s->sms;
	if (!x)
		return; /* the next life of the session feeds it */
	gw_sms_number_get(m->peer, &x->peer);
	gw_sms_number_get(m->own, &x->own);
	x->heard_ms = s->worker->now_ms;
	if (x->fed)
		pass(s, m->id, m->data, m->len);
	else
		gw_session_loosen(s); /* with all the others */
}

static void taken(struct sms_op *o, enum store_result r)
{
	struct gw_worker *const w = o->base.worker;
	struct gw_session *const s = o->base.session;
	struct gw_sms_stats *const stats = &w->smses->stats;
	const bool good = r == STORE_OK || r == STORE_STALE;
	gw_sms_answer(w, o->m.id, good ? WIRE_TAKEN : WIRE_LATER);
	stats->in += r == STORE_OK;
	stats->replayed += r == STORE_STALE;
	stats->later += !good;
	if (r != STORE_OK)
		return;
	if (!s->ended && s->sms && o->counter > s->sms->in)
		s->sms->in = o->counter;
	gw_sms_took(s, &o->m);
}

static int by_age(const void *a, const void *b)
{
	const struct store_sms_message *const x = a, *const y = b;
	return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

void gw_sms_feed(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	struct gw_sms *const x = s->sms;
	struct store_sms_message *const all = calloc(STORE_SMS_IN, sizeof(*all));
	size_t n = 0;
	uint64_t after = 0;
	if (!all)
		return;
	store_reader_rest(w->reader);
	while (n < STORE_SMS_IN &&
		store_sms_next_in(w->reader, s->cred, &after, &all[n]) == STORE_OK)
		n++;
	qsort(all, n, sizeof(*all), by_age);
	x->fed = true;
	/* One of them may have proved its keys a moment ago, and the change is not back yet. */
	if (n > 0 && x->keyed)
		gw_sms_rekey(s);
	for (size_t i = 0; i < n && !s->ended && !s->condemned; i++) {
		gw_sms_number_get(all[i].peer, &x->peer);
		gw_sms_number_get(all[i].own, &x->own);
		pass(s, all[i].id, all[i].data, all[i].len);
	}
	wipe(all, STORE_SMS_IN * sizeof(*all));
	free(all);
}

static void in_done(struct gw_session *s, uint64_t id)
{
	struct sms_op *const o = op_new(s->worker, s, s->cred, IN_DONE);
	if (!o)
		return; /* the next life of the session passes it on again, as a network may */
	o->m.id = id;
	o->base.op.may_wait_ms = 50;
	submit(o);
}

/* It is where nothing of ours can lose it any more. */
static bool has_passed(const struct gw_session *s)
{
	return s->hold.len == 0 && s->blocked == 0 && s->legs[GW_LINK].conn && !s->link_wakes;
}

void gw_sms_tidy(struct gw_session *s)
{
	struct gw_sms *const x = s->sms;
	const bool passed = has_passed(s);
	for (size_t i = 0; i < x->open_len;) {
		const struct gw_sms_open *const o = &x->open[i];
		if (!(o->brief && passed) && s->worker->now_ms < o->until_ms) {
			i++;
			continue;
		}
		in_done(s, o->id);
		close_open(x, o);
	}
}

uint64_t gw_sms_answers(struct gw_sms *x, const uint8_t *msg, size_t len)
{
	struct pdu m;
	if (pdu_parse(msg, len, &m) != PDU_OK)
		return 0;
	for (size_t i = 0; i < x->open_len; i++) {
		const struct gw_sms_open *const o = &x->open[i];
		if (o->lost)
			continue;
		const bool same_mid =
			(m.type == PDU_ACK || m.type == PDU_RST) && m.mid == o->mid && !o->brief;
		const bool response =
			pdu_is_response(&m) && pdu_same_token(&m, o->token, o->token_len);
		/* An empty ACK says of a request only that it has come. */
		const bool its =
			o->request ? response || (same_mid && m.type == PDU_RST) : same_mid;
		if (!its)
			continue;
		const uint64_t id = o->id;
		close_open(x, o);
		return id;
	}
	return 0;
}

/* --- out ------------------------------------------------------------------------------------- */

static size_t seal(
	struct gw_worker *w, struct gw_sms *x, const uint8_t *msg, size_t len, struct sms_op *o)
{
	uint8_t plain[STORE_SMS_DATA_MAX], head[SMS_ENVELOPE_MAX];
	const size_t head_len = sms_wrap(w->shared->conf->sms.tag, len, head);
	if (head_len == 0 || head_len + len > sizeof(plain) ||
		!sms_next(SMS_COUNT_HIGHER, x->out, &o->counter))
		return 0;
	memcpy(plain, head, head_len);
	memcpy(plain + head_len, msg, len);
	const size_t sealed = sms_seal(w->smses->cipher, &x->settings, o->counter, plain,
		head_len + len, o->m.data, sizeof(o->m.data), o->cc);
	wipe(plain, sizeof(plain));
	return sealed;
}

/* Nothing is said under keys whose time is over. */
static bool is_mute(const struct gw_worker *w, const struct gw_sms *x)
{
	return x->mute || (x->keys_until_ms != 0 && x->keys_until_ms <= store_now(w));
}

/* False: memory is short, and it is told later, by itself. */
static bool take_tale(const struct gw_worker *w, struct gw_sms *x, struct sms_op *o)
{
	struct tale *const t = calloc(1, sizeof(*t));
	if (!t)
		return false;
	x->tells = false;
	t->told = x->tale;
	(void)snprintf(t->endpoint, sizeof(t->endpoint), "%s", x->session->endpoint);
	gw_keys_settings_of(w->shared->conf, &t->settings);
	t->change = (struct gw_keys_change){ .settings = &t->settings,
		.cred = o->m.cred,
		.now_ms = store_now(w),
		.event = t->told.event,
		.news = { .lifetime_s = t->told.lifetime_s } };
	gw_sms_number_put(&x->peer, t->change.peer);
	gw_sms_number_put(&x->own, t->change.own);
	o->tale = t;
	return true;
}

bool gw_sms_seal_and_keep(struct gw_worker *w, uint32_t cred, struct gw_sms *x, const uint8_t *msg,
	size_t len, uint64_t answers)
{
	const struct conf_sms *const conf = &w->shared->conf->sms;
	struct sms_op *const o = op_new(w, x->session, cred, SEND);
	const size_t sealed = o && !is_mute(w, x) ? seal(w, x, msg, len, o) : 0;
	if (sealed == 0) {
		w->smses->stats.lost++;
		log_limited(&w->log, &w->limits.store, w->now_ms, LOG_LEVEL_WARN, "sms-lost",
			"credential=%u why=\"%s\"", cred,
			is_mute(w, x) ? "its keys have ended, and it has proved no others yet"
				      : "memory is short, or its counter is at its end");
		if (o)
			op_free(o);
		return false;
	}
	x->out = o->counter;
	o->proved = x->proved;
	o->m.keys = x->keys;
	o->answers = answers;
	o->a_day = conf->segments_a_day;
	o->m.at_ms = store_now(w);
	o->m.until_ms = o->m.at_ms + (uint64_t)conf->valid_s * 1000;
	o->m.pid = x->around.pid;
	o->m.dcs = x->around.dcs;
	o->m.marker = GW_SMS_COMMAND;
	o->m.segments = gw_sms_segments(sealed);
	gw_sms_number_put(&x->peer, o->m.peer);
	gw_sms_number_put(&x->own, o->m.own);
	o->m.len = sealed;
	o->m.mark = gw_sms_mark(o->cc);
	if (x->tells && answers != 0)
		(void)take_tale(w, x, o);
	submit(o);
	return true;
}

/* Its answer is lost: what it answers is let go in its time, so that the box is not full for
   ever. */
static void keep_till_late(const struct sms_op *o)
{
	const struct gw_session *const s = o->base.session;
	struct gw_sms *const x = s && !s->ended ? s->sms : NULL;
	if (!x || o->answers == 0 || x->open_len == STORE_SMS_IN || find_open(x, o->answers))
		return;
	x->open[x->open_len++] = (struct gw_sms_open){ .id = o->answers,
		.until_ms = s->worker->now_ms + gw_session_radio(s)->exchange_lifetime_ms,
		.lost = true };
}

void gw_sms_say(struct gw_worker *w, const struct store_sms_message *m)
{
	w->smses->stats.out++;
	w->smses->stats.lost += !gw_sms_post(w->shared, m, store_now(w));
}

static void sent(struct sms_op *o, enum store_result r)
{
	struct gw_worker *const w = o->base.worker;
	if (r == STORE_OK) {
		gw_sms_say(w, &o->m);
		if (o->tale)
			gw_sms_keys_follow(w, o->tale->endpoint, &o->tale->change);
		return;
	}
	if (o->tale)
		(void)gw_keeper_tell(w->shared, &o->tale->told);
	w->smses->stats.lost++;
	keep_till_late(o);
	log_limited(&w->log, &w->limits.store, w->now_ms, LOG_LEVEL_WARN, "sms-lost",
		"credential=%u why=\"%s\"", o->m.cred,
		r == STORE_FULL ? "too much waits for it, or sms.segments_a_day are spent"
				: "its keys are others by now, or the store has failed");
}

/* --- coming back ----------------------------------------------------------------------------- */

static void finish(struct gw_sms_op *base, enum store_result r)
{
	struct sms_op *const o = of(base);
	if (o->what == TAKE)
		taken(o, r);
	else if (o->what == SEND)
		sent(o, r);
	op_free(o);
}
