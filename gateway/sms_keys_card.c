/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_keys_card.h"

#include "base/secret.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/sms_keys_bsf.h"
#include "gateway/sms_keys_parts.h"
#include "gateway/sms_parts.h"
#include "sms/counter.h"
#include "sms/efbootstrap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { ALGORITHM = 0x0f, TRIPLE_DES = 0x09, AES_BOTH = 32, TRIPLE_DES_BOTH = 48, DRAWS = 8 };
_Static_assert((int)CARD_STATE_MAX <= (int)KEYSET_BLOB_MAX, "a row has it");
_Static_assert((int)STORE_OTA_KEY == (int)(2 * SMS_KEY_MAX), "a key is a key");

/* --- the file --------------------------------------------------------------------------------- */

static bool fails(struct conf_error *error, const char *path, const char *why)
{
	(void)snprintf(error->text, sizeof(error->text), "sms_keys.card_file: %s: %s", path, why);
	return false;
}

bool gw_card_file_read(
	const char *path, const char *number, struct gw_card_file *out, struct conf_error *error)
{
	struct ef_account a;
	const char *why = "";
	memset(out, 0, sizeof(*out));
	if (!path)
		return true;
	FILE *const f = fopen(path, "rbe");
	if (!f)
		return fails(error, path, strerror(errno));
	out->len = fread(out->octets, 1, sizeof(out->octets), f);
	const bool whole = out->len > 0 && fgetc(f) == EOF && !ferror(f);
	(void)fclose(f);
	if (!whole)
		return fails(error, path, "is empty, or longer than 960 octets, or cannot be read");
	const bool good = ef_account(out->octets, out->len, number, &a, &why);
	wipe(&a, sizeof(a));
	return good || fails(error, path, why);
}

/* --- fresh keys ------------------------------------------------------------------------------- */

static bool settings_of(
	const struct store_ota *o, const struct gw_keys_settings *s, struct card_settings *out)
{
	struct card_ota ota = { .spi2 = o->spi2,
		.kic = o->kic,
		.kid = o->kid,
		.cc_len = o->cc_len,
		.key_len = o->key_len,
		.path_len = o->path_len,
		.format = o->format };
	const char *why;
	_Static_assert(sizeof(ota.path) >= sizeof(o->path), "it fits");
	memcpy(ota.tar, o->tar, sizeof(ota.tar));
	memcpy(ota.key, o->key, sizeof(ota.key));
	memcpy(ota.path, o->path, sizeof(o->path));
	const bool good = card_settings(&ota, s->allow_3des, out, &why);
	wipe(&ota, sizeof(ota));
	out->retry_ms = s->rules.retry_ms;
	out->wait_ms = s->rules.most_ms;
	out->tries = s->rules.tries;
	return good;
}

static bool draw(const struct store_cred *c, bool allow_3des, struct sms_agreed *out)
{
	const bool des = (c->sms.kic & ALGORITHM) == TRIPLE_DES;
	struct sms_settings s;
	const char *why;
	bool good = false;
	*out = gw_keys_around(c);
	out->key_len = des              ? (uint8_t)TRIPLE_DES_BOTH
		       : c->key_len > 0 ? c->key_len
					: (uint8_t)AES_BOTH;
	for (unsigned i = 0; i < DRAWS && !good; i++)
		good = getrandom(out->key, out->key_len, 0) == (ssize_t)out->key_len &&
		       sms_profile_settings(out, allow_3des, &s, &why);
	wipe(&s, sizeof(s));
	return good;
}

/* The file with these keys. 0: it cannot be. */
static size_t write_file(
	const struct gw_card_wish *w, const struct sms_agreed *keys, uint8_t out[CARD_FILE_MAX])
{
	enum { SPI1 = 0x16, WITHOUT_SPI2 = 6 };
	struct ef_account a;
	const char *why;
	size_t len = 0;
	if (ef_account(w->file->octets, w->file->len, w->number, &a, &why)) {
		uint8_t *const p = a.params;
		const bool is_short = a.params_len == WITHOUT_SPI2 && keys->spi2 == 0;
		size_t n = 0;
		p[n++] = keys->kic;
		p[n++] = keys->kid;
		p[n++] = SPI1;
		if (!is_short)
			p[n++] = keys->spi2;
		memcpy(p + n, keys->tar, sizeof(keys->tar));
		a.params_len = (uint8_t)(n + sizeof(keys->tar));
		a.key_len = keys->key_len;
		memcpy(a.key, keys->key, keys->key_len);
		len = ef_write(w->file->octets, w->file->len, &a, NULL, out, CARD_FILE_MAX, &why);
	}
	wipe(&a, sizeof(a));
	return len;
}

static bool begin(const struct gw_card_wish *w, const struct sms_agreed *keys,
	uint8_t blob[KEYSET_BLOB_MAX], size_t *len)
{
	struct work {
		struct card_settings settings;
		struct card_state was, next;
		uint8_t file[CARD_FILE_MAX];
	} *const x = secret_new(sizeof(*x));
	bool good = x && settings_of(&w->cred->sms.renew.ota, w->settings, &x->settings);
	const size_t n = good ? write_file(w, keys, x->file) : 0;
	if (n > 0) {
		const bool known = card_load(w->now->blob, w->now->blob_len, &x->was) &&
				   x->was.phase == CARD_HAS_IT && x->was.proved;
		good = card_begin(&x->next, &x->settings, known ? x->was.content : NULL,
			known ? x->was.len : 0, x->file, n, w->now_ms);
	}
	*len = good && n > 0 ? card_save(&x->next, blob, KEYSET_BLOB_MAX) : 0;
	secret_free(x, sizeof(*x));
	return *len > 0;
}

static enum keyset_event refuse(struct keyset_news *news, const char *cause)
{
	news->cause = cause;
	return KEYSET_REFUSED;
}

enum keyset_event gw_keys_card_make(const struct gw_card_wish *w, struct keyset_keys *keys,
	uint8_t blob[KEYSET_BLOB_MAX], struct keyset_news *news)
{
	const uint32_t life_s = w->lifetime_s > 0 ? w->lifetime_s : (uint32_t)GW_KEYS_LIFETIME_S;
	*news = (struct keyset_news){ .now_ms = w->now_ms };
	*keys = (struct keyset_keys){ .origin = KEYSET_SMARTCARD,
		.until_ms = w->now_ms + (uint64_t)life_s * 1000 };
	if (w->file->len == 0)
		return refuse(news, "no-card-file");
	if (!draw(w->cred, w->settings->allow_3des, &keys->agreed))
		return refuse(news, "no-random-keys");
	if (!begin(w, &keys->agreed, blob, &news->blob_len))
		return refuse(news, "card-file-or-ota");
	news->keys = keys;
	news->blob = blob;
	return KEYSET_OBTAINED;
}

/* --- in a transaction ------------------------------------------------------------------------- */

struct delivery { /* of one row; in secret memory */
	struct card_settings settings;
	struct card_state state, before; /* a packet that did not go out */
	uint8_t copy[GW_SMS_MO_MAX];
};

static bool is_under_way(const struct gw_keys_row *r)
{
	return r->has_card && r->k.set[KEYSET_NEXT].origin == KEYSET_SMARTCARD &&
	       r->k.set[KEYSET_NEXT].generation != 0 &&
	       (r->k.state == KEYSET_FRESH || r->k.state == KEYSET_DELIVERED);
}

static struct delivery *open(const struct gw_keys_change *x, const struct gw_keys_row *r)
{
	struct delivery *const d = r->has_card ? secret_new(sizeof(*d)) : NULL;
	if (d && settings_of(&r->ota, x->settings, &d->settings) &&
		card_load(r->k.blob, r->k.blob_len, &d->state))
		return d;
	secret_free(d, sizeof(*d));
	return NULL;
}

static void keep(struct gw_keys_row *r, struct delivery *d)
{
	wipe(r->k.blob, sizeof(r->k.blob));
	r->k.blob_len = (uint16_t)card_save(&d->state, r->k.blob, sizeof(r->k.blob));
	secret_free(d, sizeof(*d));
}

/* What the life of the keys is told of it. */
static enum store_result tell(struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r,
	enum keyset_event e, const char *cause)
{
	const struct keyset_news n = { .now_ms = x->now_ms, .cause = cause };
	return gw_keys_act(t, x, r, keyset_step(&r->k, &x->settings->rules, e, &n));
}

static const char *cause_of(const struct card_state *s)
{
	switch ((enum card_cause)s->cause) {
	case CARD_NO_ANSWER:
		return "card-no-answer";
	case CARD_BAD_STATUS:
		return "card-bad-status";
	case CARD_BAD_COMMAND:
		return "card-bad-command";
	case CARD_BAD_ANSWER:
		return "card-bad-answer";
	case CARD_BAD_FORMAT:
		return "card-bad-format";
	case CARD_TOO_LONG:
		return "card-too-long";
	case CARD_NO_CAUSE:
		break;
	}
	return "card";
}

static enum store_result write_packet(struct store_txn *t, struct gw_keys_change *x,
	const struct gw_keys_row *r, struct delivery *d)
{
	struct store_sms_counters n = { 0 }, own = { 0 };
	uint64_t counter;
	if (x->out_len == GW_KEYS_OUT)
		return STORE_FULL;
	struct store_sms_message *const m = gw_keys_message(x);
	m->keys = gw_keys_hash(t, r->ota.key, r->ota.key_len);
	enum store_result result = store_sms_read_under(store_txn_reader(t), m->keys, &n);
	if (result == STORE_OK)
		result = store_sms_read(store_txn_reader(t), x->cred, &own);
	if (result != STORE_OK && result != STORE_NONE)
		return result;
	if (!sms_next(SMS_COUNT_HIGHER, n.out, &counter))
		return STORE_FULL;
	memcpy(&d->before, &d->state, sizeof(d->before));
	m->len = card_packet(
		&d->state, &d->settings, x->cipher, counter, x->now_ms, m->data, sizeof(m->data));
	m->pid = CARD_PID;
	m->dcs = CARD_DCS;
	m->marker = CARD_MARKER;
	m->segments = gw_sms_segments(m->len);
	m->reference = (uint16_t)(own.reference + (m->segments > 1));
	if (m->len == 0)
		return STORE_FULL;
	result = store_sms_send(t, m, r->proved, true, counter, 0, x->settings->a_day);
	if (result == STORE_OK)
		d->state.message = x->out[x->out_len++].id;
	else /* its counter is still the next */
		memcpy(&d->state, &d->before, sizeof(d->state));
	return result;
}

/* What is due; *why is set where it cannot be, for now. */
static enum store_result go_on(struct store_txn *t, struct gw_keys_change *x,
	const struct gw_keys_row *r, struct delivery *d, const char **why)
{
	const bool was_given_up = d->state.phase == CARD_GIVEN_UP;
	*why = NULL;
	if (!x->cipher)
		return STORE_OK; /* it stays due, for who can seal */
	if (!card_is_due(&d->state, &d->settings, x->now_ms)) {
		if (d->state.phase == CARD_GIVEN_UP && !was_given_up)
			*why = cause_of(&d->state);
		return STORE_OK;
	}
	const enum store_result result = write_packet(t, x, r, d);
	if (result == STORE_FULL)
		*why = "no-room";
	return result == STORE_FULL ? STORE_OK : result;
}

static enum store_result say(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r, struct delivery *d)
{
	const char *why;
	enum store_result result = go_on(t, x, r, d, &why);
	const bool has = d->state.phase == CARD_HAS_IT;
	if (result == STORE_OK && why)
		result = tell(t, x, r, KEYSET_UNSENT, why);
	if (why && d->state.phase == CARD_TO_SEND)
		d->state.due_ms = r->k.due_ms; /* no sooner than the keys' own next try */
	keep(r, d);
	if (result != STORE_OK || why)
		return result;
	return has ? tell(t, x, r, KEYSET_TAKEN, NULL) : STORE_OK;
}

enum store_result gw_keys_card_send(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r)
{
	struct delivery *const d = open(x, r);
	r->k.message = 0; /* whatever push there was before */
	if (!d)
		return tell(t, x, r, KEYSET_UNSENT, "no-card");
	const bool lost = d->state.phase == CARD_HAS_IT && !d->state.proved;
	if (lost || d->state.phase == CARD_GIVEN_UP) {
		uint8_t file[CARD_FILE_MAX];
		const size_t len = d->state.len;
		memcpy(file, d->state.content, len);
		const bool again =
			card_begin(&d->state, &d->settings, NULL, 0, file, len, x->now_ms);
		wipe(file, sizeof(file));
		if (!again) {
			keep(r, d);
			return tell(t, x, r, KEYSET_UNSENT, "card-too-long");
		}
	}
	return say(t, x, r, d);
}

enum store_result gw_keys_card_time(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r)
{
	if (!is_under_way(r) || !x->cipher)
		return STORE_OK; /* it stays due */
	struct delivery *const d = open(x, r);
	if (!d || card_due_ms(&d->state) > x->now_ms) {
		secret_free(d, sizeof(*d));
		return STORE_OK;
	}
	return say(t, x, r, d);
}

enum store_result gw_keys_card_answer(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r)
{
	uint8_t status = 0;
	struct delivery *const d = x->card_len <= GW_SMS_MO_MAX ? open(x, r) : NULL;
	if (!d)
		return STORE_STALE;
	memcpy(d->copy, x->card, x->card_len); /* a transaction may be run twice */
	const enum card_event e = card_open(
		&d->state, &d->settings, x->cipher, d->copy, x->card_len, x->now_ms, &status);
	const char *const why = cause_of(&d->state);
	switch (e) {
	case CARD_NOT_OURS:
	case CARD_HINT:
		secret_free(d, sizeof(*d));
		return STORE_STALE;
	case CARD_LATER:
	case CARD_AGAIN:
		keep(r, d);
		return STORE_OK;
	case CARD_NEXT:
		return say(t, x, r, d);
	case CARD_PROVED:
		keep(r, d);
		return tell(t, x, r, KEYSET_TAKEN, NULL);
	case CARD_GAVE_UP:
		break;
	}
	keep(r, d);
	return tell(t, x, r, KEYSET_UNSENT, why);
}

enum store_result gw_keys_card_network(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r, bool has)
{
	if (!is_under_way(r))
		return STORE_OK;
	struct delivery *const d = open(x, r);
	if (!d || d->state.message != x->message) {
		secret_free(d, sizeof(*d));
		return STORE_OK;
	}
	card_network(&d->state, &d->settings, x->message, has, x->now_ms);
	return say(t, x, r, d);
}

void gw_keys_card_proved(struct gw_keys_change *x, struct gw_keys_row *r)
{
	struct delivery *const d = open(x, r);
	if (!d)
		return;
	d->state.phase = CARD_HAS_IT;
	d->state.proved = true;
	d->state.cause = CARD_NO_CAUSE;
	d->state.due_ms = 0;
	keep(r, d);
}

bool gw_keys_card_has_it(const struct gw_keys_row *r)
{
	struct card_state s;
	const bool has = is_under_way(r) && card_load(r->k.blob, r->k.blob_len, &s) &&
			 s.phase == CARD_HAS_IT && s.proved;
	wipe(&s, sizeof(s));
	return has;
}

/* That nobody has used them says less than why the card has not got them. */
void gw_keys_card_name(struct gw_keys_row *r)
{
	struct card_state s;
	const bool spent = r->has_card && r->k.state == KEYSET_FAILED &&
			   r->k.set[KEYSET_NEXT].origin == KEYSET_SMARTCARD &&
			   strcmp(r->k.cause, "not-proved") == 0;
	if (spent && card_load(r->k.blob, r->k.blob_len, &s) && s.phase != CARD_HAS_IT) {
		if (s.cause == CARD_NO_CAUSE)
			s.cause = CARD_NO_ANSWER;
		(void)snprintf(r->k.cause, sizeof(r->k.cause), "%s", cause_of(&s));
	}
	wipe(&s, sizeof(s));
}

uint64_t gw_keys_card_due_ms(const struct gw_keys_row *r)
{
	struct card_state s;
	uint64_t due_ms = UINT64_MAX;
	if (is_under_way(r) && card_load(r->k.blob, r->k.blob_len, &s))
		due_ms = card_due_ms(&s);
	wipe(&s, sizeof(s));
	return due_ms;
}
