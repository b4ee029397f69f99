/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_keeper.h"

#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/bsf.h"
#include "gateway/clock.h"
#include "gateway/gateway_parts.h"
#include "gateway/sms_keys_bsf.h"
#include "gateway/sms_keys_card.h"
#include "gateway/sms_keys_count.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_keys_say.h"
#include "gateway/sms_keys_udp.h"
#include "gateway/sms_parts.h"
#include "io/inbox.h"

#include <ev.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGES_A_TURN = 256, NEVER_S = 86400 };

struct gw_sms_keeper {
	struct gw_gateway *g;
	struct inbox *inbox[1];
	struct gw_card_file card_file;
	ev_io io;
	uint64_t after_ms; /* of what is due: looked at up to there */
	uint32_t after_cred;
	struct log_limit limit;
	struct gw_keeper_stats stats;
	struct gw_keys_round round;
	struct inbox_message message;
};

struct change { /* one that is under way */
	struct store_op op;
	struct gw_sms_keeper *keeper;
	struct gw_keys_settings settings;
	struct gw_keys_change change;
	struct keyset_keys keys;      /* of change.news */
	struct gw_bsf_answer *answer; /* the same */
	uint8_t blob[KEYSET_BLOB_MAX];
	char cause[KEYSET_CAUSE_MAX + 1];
	char endpoint[STORE_ENDPOINT_MAX + 1];
};

struct ended { /* GW_KEEPER_DONE */
	struct change *change;
	enum store_result result;
};

/* --- changes ---------------------------------------------------------------------------------- */

static enum store_result run(struct store_txn *t, struct store_op *op)
{
	return gw_keys_run(t, &CONTAINER_OF(op, struct change, op)->change);
}

static void done(struct store_op *op, enum store_result r)
{
	struct change *const x = CONTAINER_OF(op, struct change, op);
	const struct ended e = { .change = x, .result = r };
	if (!inbox_post(x->keeper->inbox[0], INBOX_SURE, GW_KEEPER_DONE, &e, sizeof(e)))
		abort(); /* memory ended: the end would wait for ever */
}

static void change_free(struct change *x)
{
	if (!x)
		return;
	gw_bsf_answer_free(x->answer);
	sms_cipher_free(x->change.cipher);
	wipe(x, sizeof(*x));
	free(x);
}

/* Of this credential; NULL: memory is short. */
static struct change *change_new(
	struct gw_sms_keeper *k, const struct store_cred *c, enum keyset_event e)
{
	const struct conf_gateway *const conf = k->g->shared.conf;
	const char *const own = conf->sms.number ? conf->sms.number : "";
	struct wire_number n;
	struct change *const x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->keeper = k;
	x->op = (struct store_op){ .run = run, .done = done };
	gw_keys_settings_of(conf, &x->settings);
	memcpy(x->endpoint, c->endpoint, sizeof(x->endpoint));
	x->change.settings = &x->settings;
	x->change.cred = c->number;
	x->change.now_ms = gw_source_now(k->g);
	x->change.event = e;
	x->change.cipher = c->sms.renew.how == STORE_RENEW_SMARTCARD ? sms_cipher_new() : NULL;
	gw_sms_number_of(c->identity, c->identity_len, &n);
	gw_sms_number_put(&n, x->change.peer);
	gw_sms_number_of((const uint8_t *)own, strlen(own), &n);
	gw_sms_number_put(&n, x->change.own);
	return x;
}

static void submit(struct gw_sms_keeper *k, struct change *x)
{
	if (!x)
		return; /* it is due again */
	k->stats.under_way++;
	store_submit(k->g->shared.store, &x->op);
}

/* --- whoever gives keys ----------------------------------------------------------------------- */

static void refused(
	struct gw_sms_keeper *k, const struct store_cred *c, const char *cause, uint32_t retry_s)
{
	struct change *const x = change_new(k, c, KEYSET_REFUSED);
	if (!x)
		return;
	k->stats.refused++;
	(void)snprintf(x->cause, sizeof(x->cause), "%s", cause);
	x->change.news = (struct keyset_news){ .cause = x->cause, .retry_s = retry_s };
	submit(k, x);
}

static void ask_bsf(struct gw_sms_keeper *k, const struct store_cred *c, uint32_t lifetime_s)
{
	const struct gw_shared *const s = &k->g->shared;
	struct gw_bsf_ask ask;
	if (!gw_keys_ask_of(c, lifetime_s, &ask)) {
		refused(k, c, "no-subscriber", NEVER_S);
		return;
	}
	ask.tag = lifetime_s;
	if (!s->bsf)
		refused(k, c, "no-bsf", 0);
	else if (!gw_bsf_ask(s, &ask))
		refused(k, c, gw_bsf_cause(GW_BSF_CROWDED), 0);
}

/* Nobody is asked: the next moment has them. */
static void make_for_card(struct gw_sms_keeper *k, const struct store_cred *c, uint32_t lifetime_s)
{
	struct keyset now;
	bool is;
	struct change *const x = change_new(k, c, KEYSET_REFUSED);
	if (!x)
		return;
	if (gw_keys_load(k->g->reader, c, x->change.now_ms, &now, &is) == STORE_OK) {
		const struct gw_card_wish wish = { .cred = c,
			.now = &now,
			.file = &k->card_file,
			.number = k->g->shared.conf->sms.number,
			.lifetime_s = lifetime_s,
			.now_ms = x->change.now_ms,
			.settings = &x->settings };
		x->change.event = gw_keys_card_make(&wish, &x->keys, x->blob, &x->change.news);
	}
	wipe(&now, sizeof(now));
	k->stats.obtained += x->change.event == KEYSET_OBTAINED;
	k->stats.refused += x->change.event == KEYSET_REFUSED;
	submit(k, x);
}

static void ask(struct gw_sms_keeper *k, const struct store_cred *c, uint32_t lifetime_s)
{
	k->stats.asked++;
	switch ((enum store_renew_how)c->sms.renew.how) {
	case STORE_RENEW_GBA_PUSH:
		ask_bsf(k, c, lifetime_s);
		return;
	case STORE_RENEW_SMARTCARD:
		make_for_card(k, c, lifetime_s);
		return;
	case STORE_RENEW_UDP:
		gw_keys_udp_ask(k->g, c);
		return;
	case STORE_RENEW_NEVER:
	case STORE_RENEWS:
		break;
	}
	refused(k, c, "not-renewed", NEVER_S);
}

static void answered(struct gw_sms_keeper *k, struct gw_bsf_answer *a)
{
	struct store_cred c;
	const uint32_t lifetime_s = (uint32_t)a->tag;
	store_reader_rest(k->g->reader);
	const bool good = store_read_cred(k->g->reader, a->cred, &c) == STORE_OK &&
			  c.state == STORE_CRED_ACTIVE && c.kind == STORE_CRED_SMS;
	struct change *const x = good ? change_new(k, &c, KEYSET_EVENTS) : NULL;
	if (x) {
		x->answer = a;
		x->change.event = gw_keys_of_answer(&c, a, lifetime_s, gw_clock_wall_ms(),
			x->change.now_ms, &x->keys, &x->change.news);
		k->stats.obtained += x->change.event == KEYSET_OBTAINED;
		k->stats.refused += x->change.event == KEYSET_REFUSED;
		submit(k, x);
	} else {
		gw_bsf_answer_free(a);
	}
	wipe(&c, sizeof(c));
	store_reader_rest(k->g->reader);
}

/* --- what it is told -------------------------------------------------------------------------- */

/* Its keys are renewed, or there are sets of it from elsewhere. */
static bool is_kept(struct gw_sms_keeper *k, const struct store_cred *c)
{
	struct store_sms_keys row;
	if (c->state != STORE_CRED_ACTIVE || c->kind != STORE_CRED_SMS ||
		c->sms.profile == STORE_SMS_DTLS)
		return false;
	if (c->sms.renew.how != STORE_RENEW_NEVER)
		return true;
	const bool is = store_sms_keys_read(k->g->reader, c->number, &row) == STORE_OK;
	wipe(&row, sizeof(row));
	return is;
}

static void told(struct gw_sms_keeper *k, const struct gw_keeper_told *t)
{
	struct store_cred c;
	store_reader_rest(k->g->reader);
	const bool good = store_read_cred(k->g->reader, t->cred, &c) == STORE_OK && is_kept(k, &c);
	if (good && t->ask) {
		ask(k, &c, t->lifetime_s);
	} else if (good) {
		struct change *const x = change_new(k, &c, t->event);
		if (x) {
			memcpy(x->cause, t->cause, sizeof(x->cause));
			x->cause[KEYSET_CAUSE_MAX] = '\0';
			x->change.message = t->message;
			x->change.news = (struct keyset_news){ .cause = x->cause,
				.retry_s = t->retry_s,
				.lifetime_s = t->lifetime_s };
		}
		submit(k, x);
	}
	wipe(&c, sizeof(c));
	store_reader_rest(k->g->reader);
}

static void ended(struct gw_sms_keeper *k, struct change *x, enum store_result r)
{
	const struct gw_keys_change *const c = &x->change;
	k->stats.under_way--;
	k->stats.changes += r == STORE_OK;
	k->stats.failed += r != STORE_OK && r != STORE_NONE && r != STORE_STALE;
	if (r == STORE_OK) {
		for (size_t i = 0; i < c->out_len; i++)
			(void)gw_sms_post(&k->g->shared, &c->out[i], c->now_ms);
		k->stats.pushes += c->out_len;
		gw_keys_say(&k->g->shared, k->g->log, x->endpoint, c);
		if (c->ask)
			told(k, &(struct gw_keeper_told){ .cred = c->cred,
					.ask = true,
					.lifetime_s = c->lifetime_s });
	} else if (r != STORE_NONE && r != STORE_STALE) {
		log_limited(k->g->log, &k->limit, c->now_ms, LOG_LEVEL_WARN, "sms-keys-store",
			"endpoint=%s why=\"the store cannot do it now\" remedy=\"none: it is tried "
			"again; the log says what the store lacks\"",
			x->endpoint);
	}
	change_free(x);
}

static void take(struct gw_sms_keeper *k)
{
	const struct inbox_message *const m = &k->message;
	struct gw_keeper_told t;
	struct gw_bsf_told b;
	struct ended e;
	if (m->kind == GW_KEEPER_TOLD) {
		memcpy(&t, m->data, sizeof(t));
		told(k, &t);
	} else if (m->kind == GW_KEEPER_DONE) {
		memcpy(&e, m->data, sizeof(e));
		ended(k, e.change, e.result);
	} else if (m->kind == GW_BSF_ANSWER) {
		memcpy(&b, m->data, sizeof(b));
		answered(k, b.answer);
	}
}

static void on_inbox(struct ev_loop *loop, ev_io *io, int events)
{
	struct gw_sms_keeper *const k = io->data;
	(void)loop;
	(void)events;
	for (size_t i = 0; i < MESSAGES_A_TURN && inbox_take(k->inbox[0], &k->message); i++)
		take(k);
}

bool gw_keeper_tell(const struct gw_shared *s, const struct gw_keeper_told *t)
{
	return s->keeper && inbox_post(s->keeper, INBOX_SURE, GW_KEEPER_TOLD, t, sizeof(*t));
}

/* A hint: the row says whether it is. Whose change is under way is still there, so that the look
   goes on behind it till none is. */
void gw_sms_keeper_due(struct gw_sms_keeper *k, uint64_t now_ms)
{
	if (!k)
		return;
	if (k->stats.under_way == 0) {
		k->after_ms = 0;
		k->after_cred = 0;
	}
	store_reader_rest(k->g->reader);
	while (k->stats.under_way < GW_KEEPER_MAX &&
		store_sms_keys_next_due(k->g->reader, now_ms, &k->after_ms, &k->after_cred) ==
			STORE_OK)
		told(k, &(struct gw_keeper_told){ .cred = k->after_cred, .event = KEYSET_EVENTS });
	(void)gw_keys_round_turn(&k->round, k->g->reader, now_ms);
	store_reader_rest(k->g->reader);
}

/* --- its life --------------------------------------------------------------------------------- */

struct gw_sms_keeper *gw_sms_keeper_new(struct gw_gateway *g, struct conf_error *error)
{
	const struct conf_gateway *const conf = g->shared.conf;
	struct gw_sms_keeper *const k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->g = g;
	k->inbox[0] = inbox_new();
	if (k->inbox[0] &&
		gw_card_file_read(conf->sms_keys.card_file, conf->sms.number, &k->card_file, error))
		return k;
	gw_sms_keeper_free(k);
	return NULL;
}

void gw_sms_keeper_free(struct gw_sms_keeper *k)
{
	if (!k)
		return;
	inbox_free(k->inbox[0]);
	wipe(k, sizeof(*k));
	free(k);
}

struct inbox *const *gw_sms_keeper_inbox(const struct gw_sms_keeper *k)
{
	return k->inbox;
}

void gw_sms_keeper_begin(struct gw_sms_keeper *k, struct ev_loop *loop)
{
	ev_io_init(&k->io, on_inbox, inbox_fd(k->inbox[0]), EV_READ);
	k->io.data = k;
	ev_io_start(loop, &k->io);
}

/* What has come is let go. */
static void empty(struct gw_sms_keeper *k)
{
	struct ended e;
	struct gw_bsf_told b;
	while (inbox_take(k->inbox[0], &k->message)) {
		if (k->message.kind == GW_KEEPER_DONE) {
			memcpy(&e, k->message.data, sizeof(e));
			change_free(e.change);
			k->stats.under_way--;
		} else if (k->message.kind == GW_BSF_ANSWER) {
			memcpy(&b, k->message.data, sizeof(b));
			gw_bsf_answer_free(b.answer);
		}
	}
}

void gw_sms_keeper_end(struct gw_sms_keeper *k, struct ev_loop *loop)
{
	struct pollfd readable = { .fd = inbox_fd(k->inbox[0]), .events = POLLIN };
	ev_io_stop(loop, &k->io);
	empty(k);
	while (k->stats.under_way > 0 && poll(&readable, 1, -1) >= 0)
		empty(k);
}

struct gw_keeper_stats gw_sms_keeper_stats(const struct gw_sms_keeper *k)
{
	struct gw_keeper_stats s = k->stats;
	memcpy(s.sets, gw_keys_round_counts(&k->round), sizeof(s.sets));
	return s;
}
