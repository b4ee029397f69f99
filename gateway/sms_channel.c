/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/clock.h"
#include "gateway/seats.h"
#include "gateway/sms_keeper.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_parts.h"
#include "gateway/trace.h"
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

void gw_sms_number_of(const uint8_t *digits, size_t len, struct wire_number *out)
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

/* What is agreed: of the set that is sent under, or of the credential itself. Of a keyed one
   without such a set: nothing. False: the store cannot tell. */
static bool find_agreed(struct gw_worker *w, const struct store_cred *c, struct gw_sms *out,
	struct sms_agreed *agreed)
{
	struct keyset k;
	bool is;
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	const enum store_result r = gw_keys_load(w->reader, c, now_ms, &k, &is);
	out->how = c->sms.renew.how;
	out->keyed = is || c->sms.renew.how != STORE_RENEW_NEVER;
	const struct keyset_keys *const x =
		!out->keyed ? &k.set[KEYSET_CURRENT] : keyset_sends(&k, now_ms);
	out->mute = !x;
	if (x) {
		*agreed = x->agreed;
		out->keys_until_ms = x->until_ms;
		if (out->keyed)
			out->keys =
				store_sms_keys_hash(w->reader, x->agreed.key, x->agreed.key_len);
	}
	wipe(&k, sizeof(k));
	return r == STORE_OK;
}

static bool set_up(struct gw_worker *w, const struct store_cred *c, struct gw_sms *out)
{
	const struct conf_sms *const conf = &w->shared->conf->sms;
	struct sms_agreed a = { 0 };
	const char *why = "it cannot be read";
	const bool good =
		find_agreed(w, c, out, &a) &&
		(out->mute || sms_profile_settings(&a, conf->allow_3des, &out->settings, &why));
	wipe(&a, sizeof(a));
	if (!good) {
		log_limited(&w->log, &w->limits.sms, w->now_ms, LOG_LEVEL_WARN, "sms-credential",
			"endpoint=%s why=\"%s\"", c->endpoint, why);
		return false;
	}
	out->profile = c->sms.profile;
	out->around = sms_profile_around((enum sms_profile)c->sms.profile);
	out->proved = c->proved;
	out->until_ms = c->until_ms;
	out->room = out->mute ? (size_t)STORE_SMS_DATA_MAX
			      : room_of(&out->settings, conf->segments_max);
	gw_sms_number_of(c->identity, c->identity_len, &out->peer);
	const char *const own = conf->number ? conf->number : "";
	gw_sms_number_of((const uint8_t *)own, strlen(own), &out->own);
	return true;
}

static bool read_counters(struct gw_worker *w, uint32_t cred, struct gw_sms *out)
{
	struct store_sms_counters n;
	const enum store_result r = store_sms_read(w->reader, cred, &n);
	if ((r != STORE_OK && r != STORE_NONE) || n.proved != out->proved)
		return false;
	if (out->keys != 0 && store_sms_read_under(w->reader, out->keys, &n) != STORE_OK)
		return false;
	out->in = n.in;
	const uint64_t used = gw_sms_last_used(w->smses, cred, n.proved, out->keys);
	out->out = used > n.out ? used : n.out;
	return true;
}

bool gw_sms_load(struct gw_worker *w, uint32_t cred, const char *endpoint, struct gw_sms *out)
{
	struct store_cred c;
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
	if (good && read_counters(w, cred, out))
		return true;
	wipe(out, sizeof(*out));
	return false;
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
	const bool ok = gw_sms_seal_and_keep(s->worker, s->cred, x, msg, len, answers);
	if (s->worker->tracing)
		gw_trace_sent_bare(s, msg, len, ok ? "held" : "dropped",
			ok ? "until it is durable; then the network has it" : "no key for it");
	return ok;
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
	if (x->tells)
		(void)gw_keeper_tell(s->worker->shared, &x->tale);
	s->worker->smses->stats.sessions--;
	wipe(x, sizeof(*x));
	free(x);
}

/* Other keys, of the credential or of a set that has taken its place. */
static void change_keys(struct gw_sms *x, const struct gw_sms *now)
{
	if (now->proved != x->proved)
		x->open_len = 0; /* what was said under the old is gone */
	x->settings = now->settings;
	x->around = now->around;
	x->proved = now->proved;
	x->keyed = now->keyed;
	x->mute = now->mute;
	x->how = now->how;
	x->keys = now->keys;
	x->in = now->in;
	x->out = now->out;
	x->room = now->room;
	x->peer = now->peer;
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
	} else if (now.proved != x->proved || now.keyed != x->keyed || now.mute != x->mute ||
		   now.keys != x->keys) {
		change_keys(x, &now);
	}
	if (good) {
		x->how = now.how;
		x->until_ms = now.until_ms;
		x->keys_until_ms = now.keys_until_ms;
	}
	wipe(&now, sizeof(now));
	return !x->closed;
}

void gw_sms_rekey(struct gw_session *s)
{
	if (!s->ended && s->sms && !s->sms->closed)
		(void)gw_sms_still(s);
}

/* Is a registration for so long a reason for other keys? */
static bool wants_others(const struct gw_session *s, uint32_t lifetime_s)
{
	const struct gw_worker *const w = s->worker;
	const struct gw_sms *const x = s->sms;
	const uint64_t lasts_ms = (uint64_t)lifetime_s * 1000;
	switch ((enum store_renew_how)x->how) {
	case STORE_RENEW_GBA_PUSH:
	case STORE_RENEW_SMARTCARD:
		return x->profile == SMS_CR_004;
	case STORE_RENEW_UDP:
		return x->keys_until_ms > store_time(w->shared->store, w->now_ms) + lasts_ms;
	case STORE_RENEW_NEVER:
	case STORE_RENEWS:
		break;
	}
	return false;
}

void gw_sms_registered(struct gw_session *s, bool active, uint32_t lifetime_s)
{
	struct gw_sms *const x = s->sms;
	const struct gw_keeper_told t = { .cred = s->cred,
		.event = active ? KEYSET_WANTED : KEYSET_LEFT,
		.lifetime_s = lifetime_s };
	if (!x || !x->keyed || (active && !wants_others(s, lifetime_s)))
		return;
	x->tale = t;
	x->tells = true;
	gw_session_loosen(s);
}

void gw_sms_look(struct gw_session *s)
{
	struct gw_sms *const x = s->sms;
	if (x->tells)
		(void)gw_keeper_tell(s->worker->shared, &x->tale);
	x->tells = false;
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

bool gw_sms_post(const struct gw_shared *s, const struct store_sms_message *m, uint64_t now_ms)
{
	uint8_t frame[GW_SMS_MO_MAX + 256];
	const size_t len = gw_sms_mt_frame(m, now_ms, frame, sizeof(frame));
	return len == 0 || !s->sms || inbox_post(s->sms, INBOX_SURE, GW_DESK_SAY, frame, len);
}
