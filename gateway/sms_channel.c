/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/clock.h"
#include "gateway/seats.h"
#include "gateway/sms_parts.h"
#include "gateway/worker.h"
#include "sms/counter.h"

#include <stdlib.h>
#include <string.h>

enum {
	INTERNATIONAL = 0x91,
	SINGLE = 137, /* octets of a packet in one short message, its header 02 70 00 aside */
	FIRST = 132,  /* the same of a concatenation with a reference of 8 bits */
	OTHER = 134,
};

/* --- numbers --------------------------------------------------------------------------------- */

void gw_sms_number_put(const struct wire_number *n, uint8_t out[STORE_SMS_NUMBER_MAX])
{
	_Static_assert((int)STORE_SMS_NUMBER_MAX == 2 + (int)WIRE_DIGITS_MAX, "it fits");
	memset(out, 0, STORE_SMS_NUMBER_MAX);
	out[0] = n->type;
	out[1] = n->len <= WIRE_DIGITS_MAX ? n->len : 0;
	memcpy(out + 2, n->digits, out[1]);
}

void gw_sms_number_get(const uint8_t in[STORE_SMS_NUMBER_MAX], struct wire_number *n)
{
	memset(n, 0, sizeof(*n));
	n->type = in[0];
	n->len = in[1] <= WIRE_DIGITS_MAX ? in[1] : 0;
	memcpy(n->digits, in + 2, n->len);
}

static void number_of(const uint8_t *digits, size_t len, struct wire_number *out)
{
	memset(out, 0, sizeof(*out));
	if (len == 0 || len > WIRE_DIGITS_MAX)
		return;
	out->type = INTERNATIONAL;
	out->len = (uint8_t)len;
	memcpy(out->digits, digits, len);
}

uint8_t gw_sms_segments(size_t len)
{
	if (len <= SINGLE)
		return 1;
	const size_t more = (len - FIRST + OTHER - 1) / OTHER;
	return more < UINT8_MAX ? (uint8_t)(1 + more) : UINT8_MAX;
}

/* The longest message that so many segments carry. */
static size_t room_of(const struct sms_settings *s, uint32_t segments)
{
	const size_t most = segments <= 1 ? (size_t)SINGLE : FIRST + (size_t)(segments - 1) * OTHER;
	const size_t cap = most < STORE_SMS_DATA_MAX ? most : (size_t)STORE_SMS_DATA_MAX;
	size_t len = cap;
	while (len > 0 && sms_sealed_len(s, len + SMS_ENVELOPE_MAX) > cap)
		len--;
	return len;
}

/* --- what is known of a device ---------------------------------------------------------------- */

static bool set_up(struct gw_worker *w, const struct store_cred *c, struct gw_sms *out)
{
	const struct conf_sms *const conf = &w->shared->conf->sms;
	struct sms_agreed a = { .profile = c->sms.profile,
		.spi2 = c->sms.spi2,
		.kic = c->sms.kic,
		.kid = c->sms.kid,
		.cc_len = c->sms.cc_len,
		.key_len = (uint8_t)c->key_len };
	const char *why = "its keys are too long";
	memcpy(a.tar, c->sms.tar, sizeof(a.tar));
	const bool fits = c->key_len <= sizeof(a.key) && c->sms.profile < SMS_PROFILES;
	if (fits)
		memcpy(a.key, c->key, c->key_len);
	const bool good = fits && sms_profile_settings(&a, conf->allow_3des, &out->settings, &why);
	wipe(&a, sizeof(a));
	if (!good) {
		log_limited(&w->log, &w->limits.sms, w->now_ms, LOG_LEVEL_WARN, "sms-credential",
			"endpoint=%s why=\"%s\"", c->endpoint, why);
		return false;
	}
	out->around = sms_profile_around((enum sms_profile)c->sms.profile);
	out->proved = c->proved;
	out->until_ms = c->until_ms;
	out->room = room_of(&out->settings, conf->segments_max);
	number_of(c->identity, c->identity_len, &out->peer);
	const char *const own = conf->number ? conf->number : "";
	number_of((const uint8_t *)own, strlen(own), &out->own);
	return true;
}

bool gw_sms_load(struct gw_worker *w, uint32_t cred, const char *endpoint, struct gw_sms *out)
{
	struct store_cred c;
	struct store_sms_counters n;
	memset(out, 0, sizeof(*out));
	if (!w->smses)
		return false;
	store_reader_rest(w->reader); /* it may have changed in this turn */
	const bool good = store_read_cred(w->reader, cred, &c) == STORE_OK &&
			  c.state == STORE_CRED_ACTIVE && c.kind == STORE_CRED_SMS &&
			  c.sms.profile != STORE_SMS_DTLS &&
			  (c.until_ms == 0 || gw_clock_wall_ms() < c.until_ms) &&
			  (!endpoint || strcmp(c.endpoint, endpoint) == 0) && set_up(w, &c, out);
	wipe(&c, sizeof(c));
	const enum store_result r = good ? store_sms_read(w->reader, cred, &n) : STORE_BROKEN;
	if ((r != STORE_OK && r != STORE_NONE) || n.proved != out->proved) {
		wipe(out, sizeof(*out));
		return false;
	}
	out->in = n.in;
	const uint64_t used = gw_sms_last_used(w->smses, cred, n.proved);
	out->out = used > n.out ? used : n.out;
	out->reference = n.reference;
	return true;
}

/* --- the channel ------------------------------------------------------------------------------ */

static size_t sms_room(struct channel *c)
{
	const struct gw_session *const s = CONTAINER_OF(c, struct gw_session, device);
	return s->sms ? s->sms->room : 0;
}

/* What is written down with what it answers; the network is told when that is durable. */
static bool sms_send_to(struct channel *c, const uint8_t *msg, size_t len)
{
	struct gw_session *const s = CONTAINER_OF(c, struct gw_session, device);
	struct gw_sms *const x = s->sms;
	if (!x || x->closed || len > x->room)
		return false;
	const uint64_t answers = gw_sms_answers(x, msg, len);
	return gw_sms_seal_and_keep(s->worker, s->cred, x, msg, len, answers);
}

static void sms_close(struct channel *c, enum channel_reason why)
{
	struct gw_session *const s = CONTAINER_OF(c, struct gw_session, device);
	(void)why;
	if (s->sms)
		s->sms->closed = true;
	gw_session_loosen(s);
}

static const struct channel_ops sms_ops = {
	.room = sms_room, .send = sms_send_to, .close = sms_close
};

/* --- its life --------------------------------------------------------------------------------- */

bool gw_sms_join(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	struct gw_sms *const x = calloc(1, sizeof(*x));
	if (!x)
		return false;
	if (!gw_sms_load(w, s->cred, s->endpoint, x)) {
		free(x);
		return false;
	}
	x->session = s;
	x->heard_ms = w->now_ms;
	s->sms = x;
	s->device.ops = &sms_ops;
	w->smses->stats.sessions++;
	return true;
}

void gw_sms_leave(struct gw_session *s)
{
	struct gw_sms *const x = s->sms;
	if (!x)
		return;
	s->sms = NULL;
	s->worker->smses->stats.sessions--;
	wipe(x, sizeof(*x));
	free(x);
}

bool gw_sms_still(struct gw_session *s)
{
	struct gw_sms now;
	struct gw_sms *const x = s->sms;
	const bool good = gw_sms_load(s->worker, s->cred, s->endpoint, &now);
	s->suspect = false;
	if (!good) {
		x->closed = true;
		gw_session_loosen(s);
	} else if (now.proved != x->proved) { /* other keys: what was said under the old is gone */
		x->settings = now.settings;
		x->around = now.around;
		x->proved = now.proved;
		x->in = now.in;
		x->out = now.out;
		x->room = now.room;
		x->peer = now.peer;
		x->open_len = 0;
	}
	if (good)
		x->until_ms = now.until_ms;
	wipe(&now, sizeof(now));
	return !x->closed;
}

void gw_sms_look(struct gw_session *s)
{
	struct gw_sms *const x = s->sms;
	if (s->suspect && !x->closed)
		(void)gw_sms_still(s);
	if (x->closed) {
		gw_session_end(s, GW_FORGET, "its credential is not good any more, or it is done");
		return;
	}
	if (s->relay && !x->fed)
		gw_sms_feed(s);
	gw_session_flow(s);
	gw_sms_tidy(s);
}

bool gw_sms_is_idle(const struct gw_session *s)
{
	return s->sms->open_len == 0 && s->sms->fed;
}

uint64_t gw_sms_heard_ms(const struct gw_session *s)
{
	return s->sms->heard_ms;
}

void gw_sms_turn(struct gw_worker *w)
{
	if (!w->smses)
		return;
	for (struct gw_session *s = w->sessions; s; s = s->next) {
		if (!s->sms)
			continue;
		gw_sms_tidy(s);
		if (s->sms->until_ms > 0 && gw_clock_wall_ms() >= s->sms->until_ms) {
			s->sms->closed = true;
			gw_session_loosen(s);
		}
	}
}

/* --- a worker's part -------------------------------------------------------------------------- */

struct gw_smses *gw_smses_new(struct gw_worker *w, bool *failed)
{
	*failed = false;
	if (!w->shared->conf->sms.socket)
		return NULL;
	struct gw_smses *const x = calloc(1, sizeof(*x));
	if (x)
		x->cipher = sms_cipher_new();
	if (x && x->cipher)
		return x;
	free(x);
	*failed = true;
	return NULL;
}

void gw_smses_free(struct gw_smses *x)
{
	if (!x)
		return;
	sms_cipher_free(x->cipher);
	wipe(x, sizeof(*x));
	free(x);
}

uint32_t gw_sms_worker(const struct gw_shared *shared, struct store_reader *r, uint32_t cred)
{
	_Atomic uint32_t *const seat = gw_seat(shared->seats, cred);
	const uint32_t owners = shared->steer.owners;
	const uint32_t holder = seat ? gw_tenure_worker(atomic_load(seat)) : UINT32_MAX;
	struct store_session row;
	if (holder < owners)
		return holder;
	if (store_read_session(r, cred, &row) == STORE_OK && row.workers == owners &&
		row.worker < owners)
		return row.worker; /* where its link is */
	return cred % owners;
}

size_t gw_sms_mt_frame(const struct store_sms_message *m, uint64_t now_ms, uint8_t *out, size_t cap)
{
	const uint64_t left_s = m->until_ms > now_ms ? (m->until_ms - now_ms + 999) / 1000 : 0;
	struct wire_message x = { .type = WIRE_MT };
	if (left_s == 0)
		return 0;
	x.mt.reference = m->reference;
	x.mt.valid_s = left_s < UINT32_MAX ? (uint32_t)left_s : UINT32_MAX;
	x.mt.text = (struct wire_text){ .id = m->id,
		.pid = m->pid,
		.dcs = m->dcs,
		.marker = m->marker,
		.port = m->port,
		.data = m->data,
		.len = m->len };
	gw_sms_number_get(m->peer, &x.mt.text.peer);
	gw_sms_number_get(m->own, &x.mt.text.own);
	return wire_write(&x, out, cap);
}
