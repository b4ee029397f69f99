/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/gateway/card_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/store_wait.h"
#include "sms/efbootstrap.h"
#include "store/core.h"

enum { T0 = 5000000 };
#define SECOND UINT64_C(1000)

static const uint8_t ef_path[] = { 0x7f, 0xff, 0x64, 0x32 };

/* --- a store, and a process ------------------------------------------------------------------- */

static void open_store(struct cardkit *l)
{
	l->s = cellar_open(l->c);
	l->r = store_reader_new(l->s);
	assert_non_null(l->r);
}

static void close_store(struct cardkit *l)
{
	store_reader_free(l->r);
	store_abandon(l->s);
}

static void dies(struct cardkit *l)
{
	store_reader_rest(l->r);
	cellar_freeze(l->c, l->s);
	close_store(l);
	cellar_thaw(l->c);
	open_store(l);
}

static enum store_result run_cred(struct store_txn *t, void *arg)
{
	return store_cred_put(t, arg);
}

static struct store_cred the_cred(uint8_t spi2)
{
	struct store_cred c = { .kind = STORE_CRED_SMS,
		.endpoint = "urn:dev:a",
		.identity = "4911111",
		.identity_len = 7,
		.key_len = CARDKIT_KEYS,
		.sms = { .profile = STORE_SMS_CR_004,
			.kic = 0x12,
			.kid = 0x12,
			.tar = { 0xbf, 0xff, 0x00 },
			.cc_len = 8,
			.renew = { .how = STORE_RENEW_SMARTCARD,
				.ota = { .spi2 = spi2,
					.kic = 0x22,
					.kid = 0x22,
					.cc_len = 8,
					.tar = { 0xb0, 0x00, 0x10 },
					.key_len = CARDKIT_KEYS,
					.path_len = sizeof(ef_path) } } } };
	memcpy(c.sms.renew.ota.path, ef_path, sizeof(ef_path));
	for (unsigned i = 0; i < CARDKIT_KEYS; i++) {
		c.key[i] = (uint8_t)(i + 1);
		c.sms.renew.ota.key[i] = (uint8_t)(5 * i + 9);
	}
	return c;
}

void cardkit_personalise(struct cardkit *l, size_t len)
{
	const struct ef_new fresh = { .uri = "coap://lwm2m.example", .short_id = 101 };
	struct ef_account a = {
		.mode = 2, .params_len = 7, .key_len = CARDKIT_KEYS, .number = "4040"
	};
	static uint8_t erased[CARD_FILE_MAX];
	const char *why;
	memset(erased, 0xff, sizeof(erased));
	memcpy(a.params, "\x12\x12\x16\x00\xbf\xff\x00", 7);
	memset(a.key, 0x11, CARDKIT_KEYS);
	l->file.len = ef_write(erased, len, &a, &fresh, l->file.octets, CARD_FILE_MAX, &why);
	assert_int_equal(l->file.len, len);
	memcpy(l->card.file, l->file.octets, len);
}

void cardkit_agree(struct cardkit *l, uint8_t spi2)
{
	struct sms_agreed a = {
		.spi2 = spi2, .kic = 0x22, .kid = 0x22, .cc_len = 8, .key_len = CARDKIT_KEYS
	};
	const char *why;
	const uint32_t number = l->cred.number;
	l->cred = the_cred(spi2);
	l->cred.number = number;
	assert_int_equal(gw_store_do(l->s, run_cred, &l->cred, false), STORE_OK);
	memcpy(a.tar, l->cred.sms.renew.ota.tar, sizeof(a.tar));
	memcpy(a.key, l->cred.sms.renew.ota.key, CARDKIT_KEYS);
	assert_true(sms_agreed_settings(&a, false, &l->card.ota, &why));
}

int cardkit_begin(void **state)
{
	struct cardkit *const l = calloc(1, sizeof(*l));
	assert_non_null(l);
	l->c = cellar_new(NULL);
	l->cipher = sms_cipher_new();
	l->now = T0;
	l->settings = (struct gw_keys_settings){ .rules = { .overlap_ms = 300 * SECOND,
							 .early_ms = 60 * SECOND,
							 .answer_ms = 30 * SECOND,
							 .retry_ms = CARDKIT_MINUTE,
							 .backoff_ms = 4 * SECOND,
							 .most_ms = 15 * CARDKIT_MINUTE,
							 .rest_ms = 24 * CARDKIT_HOUR,
							 .an_hour = 20,
							 .tries = CARDKIT_TRIES },
		.valid_s = 3600,
		.tag = SMS_TAG };
	open_store(l);
	cardkit_agree(l, 0x39);
	cardkit_personalise(l, CARDKIT_SMALL);
	*state = l;
	return 0;
}

int cardkit_end(void **state)
{
	struct cardkit *const l = *state;
	close_store(l);
	sms_cipher_free(l->cipher);
	cellar_free(l->c);
	free(l);
	return 0;
}

/* --- what is there ---------------------------------------------------------------------------- */

const struct store_sms_keys *cardkit_stored(struct cardkit *l)
{
	store_reader_rest(l->r);
	assert_int_equal(store_sms_keys_read(l->r, l->cred.number, &l->stored), STORE_OK);
	return &l->stored;
}

const struct keyset *cardkit_row(struct cardkit *l)
{
	const struct store_sms_keys *const x = cardkit_stored(l);
	assert_true(keyset_load(x->data, x->len, &l->row));
	return &l->row;
}

const struct card_state *cardkit_delivery(struct cardkit *l)
{
	const struct keyset *const k = cardkit_row(l);
	assert_true(card_load(k->blob, k->blob_len, &l->delivery));
	return &l->delivery;
}

uint64_t cardkit_until_due(struct cardkit *l)
{
	const uint64_t due_ms = cardkit_stored(l)->due_ms;
	assert_true(due_ms > l->now); /* else it would be due for ever */
	return due_ms - l->now;
}

uint64_t cardkit_ota_out(struct cardkit *l)
{
	struct store_sms_counters n = { 0 };
	store_reader_rest(l->r);
	const uint64_t keys = store_sms_keys_hash(l->r, l->cred.sms.renew.ota.key, CARDKIT_KEYS);
	const enum store_result r = store_sms_read_under(l->r, keys, &n);
	assert_true(r == STORE_OK || r == STORE_NONE);
	return n.out;
}

unsigned cardkit_boxes(struct cardkit *l, bool in)
{
	struct store_sms_message m;
	uint64_t at = 0;
	unsigned n = 0;
	store_reader_rest(l->r);
	while ((in ? store_sms_next_in(l->r, 0, &at, &m) : store_sms_next_out(l->r, 0, &at, &m)) ==
		STORE_OK)
		n++;
	return n;
}

/* --- what happens ----------------------------------------------------------------------------- */

static enum store_result run_change(struct store_txn *t, void *arg)
{
	return gw_keys_run(t, arg);
}

static enum store_result run_not_durable(struct store_txn *t, void *arg)
{
	const enum store_result r = gw_keys_run(t, arg);
	return r == STORE_OK ? STORE_FULL : r;
}

struct gw_keys_change *cardkit_change(struct cardkit *l, enum keyset_event e)
{
	struct gw_keys_change *const x = &l->last;
	memset(x, 0, sizeof(*x));
	x->settings = &l->settings;
	x->cipher = l->cipher;
	x->cred = l->cred.number;
	x->now_ms = l->now;
	x->event = e;
	x->news.lifetime_s = 600;
	return x;
}

enum store_result cardkit_does(struct cardkit *l)
{
	l->as = l->last;
	const enum store_result had = store_sms_keys_read(l->r, l->cred.number, &l->before);
	const unsigned out = cardkit_boxes(l, false);
	const uint64_t counter = cardkit_ota_out(l);
	const enum store_result first = gw_store_do(l->s, run_not_durable, &l->last, false);
	for (unsigned i = 0; i < 2; i++) {
		store_reader_rest(l->r);
		assert_int_equal(store_sms_keys_read(l->r, l->cred.number, &l->after), had);
		assert_int_equal(l->after.len, l->before.len);
		assert_memory_equal(l->after.data, l->before.data, l->before.len);
		assert_true(cardkit_boxes(l, false) == out && cardkit_ota_out(l) == counter);
		dies(l);
	}
	if (first != STORE_FULL)
		return first;
	l->last = l->as;
	const enum store_result r = gw_store_do(l->s, run_change, &l->last, false);
	l->after = *cardkit_stored(l);
	dies(l);
	assert_int_equal(cardkit_stored(l)->len, l->after.len);
	assert_memory_equal(l->stored.data, l->after.data, l->after.len);
	return r;
}

void cardkit_passes(struct cardkit *l, uint64_t ms)
{
	l->now += ms;
	(void)cardkit_change(l, KEYSET_EVENTS);
	assert_int_equal(cardkit_does(l), STORE_OK);
}

void cardkit_network(struct cardkit *l, enum keyset_event e, uint64_t id)
{
	cardkit_change(l, e)->message = id;
	l->last.news.cause = "network-refused";
	assert_int_equal(cardkit_does(l), STORE_OK);
}

void cardkit_obtains(struct cardkit *l)
{
	struct keyset_keys keys;
	struct keyset_news news;
	static uint8_t blob[KEYSET_BLOB_MAX];
	const struct gw_card_wish w = { .cred = &l->cred,
		.now = cardkit_row(l),
		.file = &l->file,
		.number = "4040",
		.lifetime_s = 86400,
		.now_ms = l->now,
		.settings = &l->settings };
	assert_int_equal(gw_keys_card_make(&w, &keys, blob, &news), KEYSET_OBTAINED);
	cardkit_change(l, KEYSET_OBTAINED)->news = news;
	assert_int_equal(cardkit_does(l), STORE_OK);
}

void cardkit_wants(struct cardkit *l)
{
	(void)cardkit_change(l, KEYSET_WANTED);
	l->last.news.lifetime_s = 86400;
	assert_int_equal(cardkit_does(l), STORE_OK);
	assert_true(l->last.ask && l->last.is == KEYSET_REFRESHING && l->last.out_len == 0);
}

void cardkit_begins(struct cardkit *l)
{
	cardkit_wants(l);
	cardkit_obtains(l);
	assert_true(l->last.is == KEYSET_FRESH && l->last.out_len == 1);
}

/* --- the card --------------------------------------------------------------------------------- */

/* How many commands. */
static uint8_t execute(struct cardkit_card *k, const uint8_t *data, size_t len)
{
	static const uint8_t select[] = { 0, 0xa4, 8, 0x0c, 4, 0x7f, 0xff, 0x64, 0x32 };
	uint8_t n = 1;
	assert_true(len > sizeof(select));
	assert_memory_equal(data, select, sizeof(select));
	for (size_t i = sizeof(select); i < len; i += (size_t)5 + data[i + 4], n++) {
		const uint8_t *const a = data + i;
		const size_t at = (size_t)a[2] << 8 | a[3];
		assert_true(len - i > 5 && a[0] == 0 && a[1] == 0xd6);
		assert_true((size_t)5 + a[4] <= len - i && at + a[4] <= sizeof(k->file));
		memcpy(k->file + at, a + 5, a[4]);
	}
	k->executed++;
	return n;
}

size_t cardkit_gets(struct cardkit *l, const struct store_sms_message *m)
{
	struct cardkit_card *const k = &l->card;
	uint8_t packet[STORE_SMS_DATA_MAX], data[3] = { 0, 0x90, 0 };
	struct sms_opened o;
	assert_true(m->pid == 0x7f && m->dcs == 0xf6 && m->marker == 0x70 && m->port == 0);
	assert_int_equal(m->until_ms, m->at_ms + 3600 * SECOND);
	memcpy(packet, m->data, m->len);
	assert_int_equal(sms_open(l->cipher, &k->ota, packet, m->len, &o), SMS_GOOD);
	struct sms_response r = { .counter = o.counter, .data = data };
	if (o.counter <= k->counter) {
		r.status = 2;
	} else {
		k->counter = o.counter;
		r.status = k->status;
	}
	if (r.status == 0) {
		data[0] = execute(k, o.data, o.len);
		r.len = sizeof(data);
	}
	if ((k->ota.spi[1] & 3) == 0)
		return 0;
	return sms_seal_response(l->cipher, &k->ota, &r, l->answer, sizeof(l->answer));
}

enum store_result cardkit_hears(struct cardkit *l, const uint8_t *answer, size_t len)
{
	struct gw_keys_change *const x = cardkit_change(l, KEYSET_EVENTS);
	x->card = answer;
	x->card_len = len;
	return cardkit_does(l);
}

unsigned cardkit_brings(struct cardkit *l)
{
	unsigned n = 0;
	while (l->last.is == KEYSET_FRESH && n < CARDKIT_MOST) {
		assert_int_equal(l->last.out_len, 1);
		struct store_sms_message m = l->last.out[0];
		cardkit_network(l, KEYSET_TAKEN, m.id);
		assert_true(l->last.is == KEYSET_FRESH && l->last.out_len == 0);
		const size_t len = cardkit_gets(l, &m);
		assert_int_equal(cardkit_hears(l, l->answer, len), STORE_OK);
		assert_int_equal(cardkit_boxes(l, false), l->last.out_len);
		n++;
	}
	return n;
}

void cardkit_has_it(struct cardkit *l)
{
	const struct card_state *const s = cardkit_delivery(l);
	assert_true(s->phase == CARD_HAS_IT && s->proved);
	assert_memory_equal(l->card.file, s->content, s->len);
	assert_int_equal(cardkit_row(l)->state, KEYSET_DELIVERED);
}

static enum store_result run_answered(struct store_txn *t, void *arg)
{
	const struct store_sms_message *const m = arg;
	return store_sms_in_done(t, m->cred, m->id);
}

void cardkit_uses(struct cardkit *l, const struct keyset_keys *under, uint64_t counter)
{
	struct store_sms_message m = { .cred = l->cred.number, .id = ++l->id, .len = 4 };
	struct gw_keys_change *const x = cardkit_change(l, KEYSET_EVENTS);
	x->under = under->generation;
	x->counter = counter;
	x->in = &m;
	assert_int_equal(cardkit_does(l), STORE_OK);
	assert_true(l->last.taken);
	assert_int_equal(gw_store_do(l->s, run_answered, &m, false), STORE_OK);
}
