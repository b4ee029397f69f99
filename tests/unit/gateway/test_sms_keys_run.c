/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a device's keys with a real store, one transaction after the other, and a process
   that ends before and behind each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_parts.h"
#include "gateway/store_wait.h"
#include "gba/gpi_push.h"
#include "proxy/coap.h"
#include "store/core.h"
#include "unit/gateway/cellar.h"

enum { GPI = 200, KEYS = 32 };
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define T0     UINT64_C(5000000)

static const struct gw_keys_settings settings = {
	.rules = { .overlap_ms = 300 * SECOND,
		.early_ms = 60 * SECOND,
		.answer_ms = 30 * SECOND,
		.retry_ms = MINUTE,
		.backoff_ms = 4 * SECOND,
		.most_ms = 15 * MINUTE,
		.rest_ms = 24 * HOUR,
		.an_hour = 20,
		.tries = 4 },
	.valid_s = 3600,
	.tag = SMS_TAG,
};

struct life {
	struct cellar *c;
	struct store *s;
	struct store_reader *r;
	struct sms_cipher *cipher;
	uint32_t cred;
	uint64_t now, id;
	struct gw_keys_change last, as;
	struct store_sms_keys before, after;
};

static void open_store(struct life *l)
{
	l->s = cellar_open(l->c);
	l->r = store_reader_new(l->s);
	assert_non_null(l->r);
}

static void close_store(struct life *l)
{
	store_reader_free(l->r);
	store_abandon(l->s);
}

static enum store_result run_cred(struct store_txn *t, void *arg)
{
	return store_cred_put(t, arg);
}

static struct store_cred the_cred(void)
{
	struct store_cred c = { .kind = STORE_CRED_SMS,
		.endpoint = "urn:dev:a",
		.identity = "4911111",
		.identity_len = 7,
		.key_len = KEYS,
		.sms = { .profile = STORE_SMS_CR_004,
			.kic = 0x12,
			.kid = 0x12,
			.tar = { 0xbf, 0xff, 0x00 },
			.cc_len = 8 } };
	for (unsigned i = 0; i < KEYS; i++)
		c.key[i] = (uint8_t)(i + 1);
	return c;
}

static int begin(void **state)
{
	struct life *const l = calloc(1, sizeof(*l));
	struct store_cred c = the_cred();
	assert_non_null(l);
	l->c = cellar_new(NULL);
	l->cipher = sms_cipher_new();
	l->now = T0;
	open_store(l);
	assert_int_equal(gw_store_do(l->s, run_cred, &c, false), STORE_OK);
	l->cred = c.number;
	*state = l;
	return 0;
}

static int end(void **state)
{
	struct life *const l = *state;
	close_store(l);
	sms_cipher_free(l->cipher);
	cellar_free(l->c);
	free(l);
	return 0;
}

/* --- what is there ---------------------------------------------------------------------------- */

static struct keyset row(struct life *l)
{
	struct store_sms_keys stored;
	struct keyset k;
	store_reader_rest(l->r);
	assert_int_equal(store_sms_keys_read(l->r, l->cred, &stored), STORE_OK);
	assert_true(keyset_load(stored.data, stored.len, &k));
	assert_int_equal(stored.due_ms, keyset_next_ms(&k));
	return k;
}

static struct store_sms_counters counters(struct life *l, const struct keyset_keys *x)
{
	struct store_sms_counters n = { 0 };
	store_reader_rest(l->r);
	const uint64_t keys = store_sms_keys_hash(l->r, x->agreed.key, x->agreed.key_len);
	assert_int_equal(store_sms_read_under(l->r, keys, &n), STORE_OK);
	return n;
}

static unsigned boxes(struct life *l, bool in)
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

static enum store_result run_twice(struct store_txn *t, void *arg)
{
	const enum store_result r = gw_keys_run(t, arg);
	return r == STORE_OK ? STORE_FULL : r; /* it ended before this was durable */
}

static struct gw_keys_change *change(struct life *l, enum keyset_event e)
{
	struct gw_keys_change *const x = &l->last;
	memset(x, 0, sizeof(*x));
	x->settings = &settings;
	x->cipher = l->cipher;
	x->cred = l->cred;
	x->now_ms = l->now;
	x->event = e;
	x->news.lifetime_s = 600;
	memcpy(x->peer,
		"\x91\x07"
		"4911111",
		9);
	return x;
}

/* The process ends just before it is durable, is there again, and does it; and ends then, too. */
static enum store_result does(struct life *l)
{
	struct gw_keys_change *const x = &l->last;
	l->as = *x;
	const enum store_result had = store_sms_keys_read(l->r, l->cred, &l->before);
	const unsigned in = boxes(l, true), out = boxes(l, false);
	const enum store_result first = gw_store_do(l->s, run_twice, x, false);
	if (first != STORE_FULL)
		return first;
	for (unsigned i = 0; i < 2; i++) {
		store_reader_rest(l->r);
		assert_int_equal(store_sms_keys_read(l->r, l->cred, &l->after), had);
		assert_int_equal(l->after.len, l->before.len);
		assert_memory_equal(l->after.data, l->before.data, l->before.len);
		assert_true(boxes(l, true) == in && boxes(l, false) == out);
		store_reader_rest(l->r);
		cellar_freeze(l->c, l->s);
		close_store(l);
		cellar_thaw(l->c);
		open_store(l);
	}
	*x = l->as;
	const enum store_result r = gw_store_do(l->s, run_change, x, false);
	const struct keyset k = row(l);
	store_reader_rest(l->r);
	cellar_freeze(l->c, l->s);
	close_store(l);
	cellar_thaw(l->c);
	open_store(l);
	const struct keyset again = row(l);
	assert_int_equal(again.state, k.state);
	assert_int_equal(keyset_next_ms(&again), keyset_next_ms(&k));
	return r;
}

static void tells(struct life *l, enum keyset_event e, enum keyset_state was, enum keyset_state is)
{
	(void)change(l, e);
	assert_int_equal(does(l), STORE_OK);
	assert_string_equal(keyset_state_name(l->last.was), keyset_state_name((uint8_t)was));
	assert_string_equal(keyset_state_name(l->last.is), keyset_state_name((uint8_t)is));
	assert_int_equal(row(l).state, is);
}

static void obtains(struct life *l, uint8_t number, uint64_t until_ms)
{
	static uint8_t gpi[GPI];
	struct keyset_keys keys = { .origin = KEYSET_GBA_PUSH,
		.agreed = sms_agreed_default(SMS_CR_004),
		.until_ms = until_ms };
	struct gw_keys_change *const x = change(l, KEYSET_OBTAINED);
	keys.agreed.key_len = KEYS;
	keys.agreed.tar[0] = 0xbf;
	keys.agreed.tar[1] = 0xff;
	for (unsigned i = 0; i < KEYS; i++)
		keys.agreed.key[i] = (uint8_t)(i * 3 + number);
	memset(gpi, number, sizeof(gpi));
	x->news.keys = &keys;
	x->news.blob = gpi;
	x->news.blob_len = sizeof(gpi);
	assert_int_equal(does(l), STORE_OK);
}

static const uint8_t update[] = { 0x42, PDU_POST, 0x12, 0x34, 0xaa, 0xbb, 0xb2, 'r', 'd' };

/* The device says something under this set, with this counter. */
static enum store_result hears(struct life *l, const struct keyset_keys *under, uint64_t counter)
{
	struct store_sms_message m = { .cred = l->cred, .id = ++l->id, .len = sizeof(update) };
	struct sms_settings s;
	struct sms_opened o;
	uint8_t data[64], packet[256];
	const char *why;
	const struct keyset k = row(l);
	assert_true(sms_profile_settings(&under->agreed, false, &s, &why));
	const size_t head = sms_wrap(SMS_TAG, sizeof(update), data);
	memcpy(data + head, update, sizeof(update));
	const size_t len = sms_seal(
		l->cipher, &s, counter, data, head + sizeof(update), packet, sizeof(packet), NULL);
	assert_true(len > 0);
	const enum keyset_which which = gw_keys_open(&k, false, l->now, l->cipher, packet, len, &o);
	if (which == KEYSET_SETS)
		return STORE_NONE;
	assert_true(o.counter == counter && o.len == head + sizeof(update));
	assert_memory_equal(o.data + head, update, sizeof(update));
	memcpy(m.data, update, sizeof(update));
	struct gw_keys_change *const x = change(l, KEYSET_EVENTS);
	x->under = k.set[which].generation;
	x->counter = o.counter;
	x->in = &m;
	x->refusal_len = gw_keys_refusal(update, sizeof(update), 9, x->refusal);
	return does(l);
}

static uint64_t pushes(struct life *l, uint64_t until_ms)
{
	tells(l, KEYSET_WANTED, KEYSET_CONFIRMED, KEYSET_REFRESHING);
	assert_true(l->last.ask && l->last.lifetime_s == 600 && l->last.out_len == 0);
	obtains(l, 7, until_ms);
	assert_true(l->last.is == KEYSET_FRESH && l->last.out_len == 1 && !l->last.ask);
	return l->last.out[0].id;
}

/* As far as delivered. */
static void delivers(struct life *l, uint64_t until_ms)
{
	const uint64_t id = pushes(l, until_ms);
	assert_int_equal(boxes(l, false), 1);
	change(l, KEYSET_TAKEN)->message = id;
	assert_int_equal(does(l), STORE_OK);
	assert_int_equal(l->last.is, KEYSET_DELIVERED);
	assert_int_equal(boxes(l, false), 0);
}

static void test_a_round(void **state)
{
	struct life *const l = *state;
	const uint64_t until = T0 + 600 * SECOND;
	delivers(l, until);
	const struct keyset k = row(l);
	const struct keyset_keys *const next = &k.set[KEYSET_NEXT];
	assert_true(k.set[KEYSET_CURRENT].origin == KEYSET_PROVISIONED && next->generation == 2);
	/* The device uses them: counter, box in and row in one. */
	l->now += 5 * SECOND;
	assert_int_equal(hears(l, next, 1), STORE_OK);
	assert_true(l->last.taken && l->last.is == KEYSET_CONFIRMED && l->last.out_len == 0);
	assert_int_equal(l->last.generation, 2);
	assert_int_equal(boxes(l, true), 1);
	assert_true(counters(l, next).in == 1 && counters(l, next).out == 0);
	/* The same once more is nothing. */
	assert_int_equal(hears(l, next, 1), STORE_STALE);
	assert_int_equal(boxes(l, true), 1);
}

static void test_the_push_octet_by_octet(void **state)
{
	struct life *const l = *state;
	struct store_sms_message m;
	uint64_t at = 0;
	uint32_t session;
	const uint8_t *gpi;
	size_t len;
	(void)pushes(l, T0 + 600 * SECOND);
	store_reader_rest(l->r);
	assert_int_equal(store_sms_next_out(l->r, 0, &at, &m), STORE_OK);
	assert_true(m.pid == 0x7d && m.dcs == 0xf5 && m.port == 2948 && m.marker == 0);
	assert_true(m.segments == 3 && m.reference == 1); /* 200 octets and 65 around them */
	assert_memory_equal(m.peer,
		"\x91\x07"
		"4911111",
		9);
	assert_int_equal(m.until_ms, T0 + 3600 * SECOND);
	assert_true(gba_gpi_read(m.data, m.len, &session, &gpi, &len));
	assert_true(session == 2 && len == GPI && gpi[0] == 7 && gpi[GPI - 1] == 7);
}

static void opens_as_refusal(struct life *l, const struct keyset_keys *under, uint64_t counter)
{
	static const uint8_t wanted[] = { 0x05, 6, 0x62, 0x80, 0x12, 0x34, 0xaa, 0xbb };
	struct sms_settings s;
	struct sms_opened o;
	const char *why;
	assert_int_equal(l->last.out_len, 1);
	struct store_sms_message *const m = &l->last.out[0];
	assert_true(m->pid == 0x7d && m->dcs == 0xf5 && m->marker == 0x70 && m->segments == 1);
	assert_true(sms_profile_settings(&under->agreed, false, &s, &why));
	assert_int_equal(sms_open(l->cipher, &s, m->data, m->len, &o), SMS_GOOD);
	assert_int_equal(o.counter, counter);
	assert_int_equal(o.len, sizeof(wanted));
	assert_memory_equal(o.data, wanted, sizeof(wanted));
	/* It is ours, if somebody sends it back. */
	const uint64_t keys = store_sms_keys_hash(l->r, under->agreed.key, under->agreed.key_len);
	store_reader_rest(l->r);
	assert_true(store_sms_is_own_under(l->r, keys, gw_sms_mark(o.cc)));
	store_reader_rest(l->r);
}

static void test_superseded_keys_are_refused_under_themselves(void **state)
{
	struct life *const l = *state;
	delivers(l, T0 + HOUR);
	const struct keyset k = row(l);
	const struct keyset_keys *const first = &k.set[KEYSET_CURRENT];
	assert_int_equal(hears(l, &k.set[KEYSET_NEXT], 1), STORE_OK);
	l->now += SECOND;
	assert_int_equal(hears(l, first, 5), STORE_OK);
	assert_true(!l->last.taken && l->last.was == KEYSET_CONFIRMED);
	opens_as_refusal(l, first, 1);
	/* One refresh, at once; a second contact is refused, too, and that is all. */
	assert_true(l->last.is == KEYSET_REFRESHING && l->last.ask);
	assert_int_equal(hears(l, first, 6), STORE_OK);
	opens_as_refusal(l, first, 2);
	assert_false(l->last.ask);
	/* Somebody who says it again causes nothing. */
	const unsigned out = boxes(l, false);
	assert_int_equal(hears(l, first, 6), STORE_STALE);
	assert_int_equal(boxes(l, false), out);
	assert_int_equal(boxes(l, true), 1);
	/* Behind the overlap they open nothing any more. */
	l->now += 300 * SECOND;
	assert_int_equal(hears(l, first, 7), STORE_NONE);
	assert_int_equal(boxes(l, false), out);
}

static void test_keys_that_are_over_are_refused_under_themselves(void **state)
{
	struct life *const l = *state;
	const uint64_t until = T0 + 600 * SECOND;
	delivers(l, until);
	const struct keyset k = row(l);
	const struct keyset_keys *const next = &k.set[KEYSET_NEXT];
	assert_int_equal(hears(l, next, 1), STORE_OK);
	tells(l, KEYSET_LEFT, KEYSET_CONFIRMED, KEYSET_EXPIRED);
	l->now = until + HOUR;
	assert_int_equal(hears(l, next, 2), STORE_OK);
	assert_true(!l->last.taken && l->last.ask && l->last.is == KEYSET_REFRESHING);
	opens_as_refusal(l, next, 1);
	assert_int_equal(boxes(l, true), 1);
	assert_int_equal(counters(l, next).in, 2);
}

static void test_next_keys_that_are_over_are_not_taken(void **state)
{
	struct life *const l = *state;
	const uint64_t until = T0 + 600 * SECOND;
	delivers(l, until);
	const struct keyset k = row(l);
	l->now = until;
	assert_int_equal(hears(l, &k.set[KEYSET_NEXT], 1), STORE_OK);
	assert_true(!l->last.taken && l->last.is == KEYSET_FAILED);
	opens_as_refusal(l, &k.set[KEYSET_NEXT], 1);
	assert_int_equal(boxes(l, true), 0);
	assert_string_equal(l->last.cause, "expired-unproved");
}

static void test_who_has_no_set_opens_nothing_and_changes_nothing(void **state)
{
	struct life *const l = *state;
	struct sms_opened o;
	uint8_t forged[64];
	delivers(l, T0 + HOUR);
	const struct keyset k = row(l);
	memset(forged, 0x11, sizeof(forged));
	assert_int_equal(gw_keys_open(&k, false, l->now, l->cipher, forged, sizeof(forged), &o),
		KEYSET_SETS);
	assert_true(forged[0] == 0x11 && forged[63] == 0x11 && o.len == 0);
	change(l, KEYSET_EVENTS)->under = 99;
	assert_int_equal(gw_store_do(l->s, run_change, &l->last, false), STORE_STALE);
}

static void test_the_source_fails_and_the_cause_stays(void **state)
{
	struct life *const l = *state;
	tells(l, KEYSET_WANTED, KEYSET_CONFIRMED, KEYSET_REFRESHING);
	change(l, KEYSET_REFUSED)->news.cause = "bsf-down";
	assert_int_equal(does(l), STORE_OK);
	assert_true(l->last.is == KEYSET_FAILED && l->last.out_len == 0);
	assert_string_equal(l->last.cause, "bsf-down");
	l->now += 4 * SECOND;
	tells(l, KEYSET_EVENTS, KEYSET_FAILED, KEYSET_REFRESHING);
	assert_true(l->last.ask);
	/* Nobody answers: it is asked again, from the row. */
	l->now += 30 * SECOND;
	tells(l, KEYSET_EVENTS, KEYSET_REFRESHING, KEYSET_REFRESHING);
	assert_true(l->last.ask);
}

static void test_a_push_that_was_lost_is_made_again(void **state)
{
	struct life *const l = *state;
	delivers(l, T0 + HOUR);
	const struct keyset k = row(l);
	const struct keyset_keys *const first = &k.set[KEYSET_CURRENT];
	l->now += MINUTE;
	assert_int_equal(hears(l, first, 1), STORE_OK);
	assert_true(l->last.taken && l->last.is == KEYSET_FRESH && l->last.out_len == 1);
	assert_int_equal(l->last.out[0].port, GBA_WAP_PORT);
	const uint64_t id = l->last.out[0].id;
	/* What becomes of the first one is nothing to this one. */
	change(l, KEYSET_TAKEN)->message = id - 1;
	assert_int_equal(does(l), STORE_OK);
	assert_int_equal(l->last.is, KEYSET_FRESH);
	change(l, KEYSET_UNSENT)->message = id;
	l->last.news.cause = "refused";
	assert_int_equal(does(l), STORE_OK);
	assert_string_equal(l->last.cause, "refused");
	assert_int_equal(row(l).due_ms, l->now + 2 * MINUTE);
}

static void test_a_full_box_is_as_a_network_that_refuses(void **state)
{
	struct life *const l = *state;
	struct gw_keys_settings few = settings;
	few.a_day = 2;
	tells(l, KEYSET_WANTED, KEYSET_CONFIRMED, KEYSET_REFRESHING);
	static uint8_t gpi[GPI];
	struct keyset_keys keys = { .origin = KEYSET_GBA_PUSH, .agreed = row(l).set[0].agreed };
	keys.agreed.key[0] = 99;
	struct gw_keys_change *const x = change(l, KEYSET_OBTAINED);
	x->settings = &few;
	x->news.keys = &keys;
	x->news.blob = gpi;
	x->news.blob_len = sizeof(gpi);
	assert_int_equal(does(l), STORE_OK);
	assert_true(l->last.is == KEYSET_FRESH && l->last.out_len == 0);
	assert_string_equal(l->last.cause, "no-room");
	assert_int_equal(row(l).due_ms, l->now + MINUTE);
	assert_int_equal(boxes(l, false), 0);
}

static void test_first_keys_of_who_has_none(void **state)
{
	struct life *const l = *state;
	struct store_cred c = the_cred();
	c.number = l->cred;
	c.key_len = 0;
	memset(c.key, 0, sizeof(c.key));
	c.sms.renew.how = STORE_RENEW_GBA_PUSH;
	assert_int_equal(gw_store_do(l->s, run_cred, &c, false), STORE_OK);
	tells(l, KEYSET_EVENTS, KEYSET_EXPIRED, KEYSET_REFRESHING);
	assert_true(l->last.ask && l->last.generation == 0);
	obtains(l, 9, T0 + HOUR);
	assert_true(l->last.is == KEYSET_FRESH && l->last.out_len == 1);
	const struct keyset k = row(l);
	assert_int_equal(hears(l, &k.set[KEYSET_NEXT], 1), STORE_OK);
	assert_true(l->last.taken && l->last.generation == 1);
}

static void test_what_is_refused_how(void **state)
{
	(void)state;
	static const uint8_t con[] = { 0x41, PDU_POST, 0x12, 0x34, 0xaa };
	static const uint8_t non[] = { 0x51, PDU_POST, 0x12, 0x34, 0xaa };
	static const uint8_t ack[] = { 0x61, 0x45, 0x12, 0x34, 0xaa };
	static const uint8_t ping[] = { 0x40, 0, 0x12, 0x34 };
	/* No-Response 8: no 4.xx */
	static const uint8_t quiet[] = { 0x41, PDU_POST, 0x12, 0x34, 0xaa, 0xd1, 0xf5, 0x08 };
	uint8_t out[GW_KEYS_REFUSAL_MAX];
	assert_int_equal(gw_keys_refusal(con, sizeof(con), 0x99, out), 5);
	assert_memory_equal(out, "\x61\x80\x12\x34\xaa", 5);
	assert_int_equal(gw_keys_refusal(non, sizeof(non), 0x99, out), 5);
	assert_memory_equal(out, "\x51\x80\x00\x99\xaa", 5);
	assert_int_equal(gw_keys_refusal(ack, sizeof(ack), 0x99, out), 0);
	assert_int_equal(gw_keys_refusal(ping, sizeof(ping), 0x99, out), 0);
	assert_int_equal(gw_keys_refusal(quiet, sizeof(quiet), 0x99, out), 0);
	assert_int_equal(gw_keys_refusal(con, 3, 0x99, out), 0);
	assert_int_equal(gw_keys_push_segments(133), 1);
	assert_int_equal(gw_keys_push_segments(134), 2);
	assert_int_equal(gw_keys_push_segments(256), 2);
	assert_int_equal(gw_keys_push_segments(257), 3);
}

#define LIFE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIFE(test_a_round),
		LIFE(test_the_push_octet_by_octet),
		LIFE(test_superseded_keys_are_refused_under_themselves),
		LIFE(test_keys_that_are_over_are_refused_under_themselves),
		LIFE(test_next_keys_that_are_over_are_not_taken),
		LIFE(test_who_has_no_set_opens_nothing_and_changes_nothing),
		LIFE(test_the_source_fails_and_the_cause_stays),
		LIFE(test_a_push_that_was_lost_is_made_again),
		LIFE(test_first_keys_of_who_has_none),
		LIFE(test_a_full_box_is_as_a_network_that_refuses),
		cmocka_unit_test(test_what_is_refused_how),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
