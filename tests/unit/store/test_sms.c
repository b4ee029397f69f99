/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and boxes of short messages, in memory and on LMDB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "store/cred_row.h"
#include "store/sms.h"
#include "unit/store/nursery.h"

enum { COUNTED = true, KEYS = 32 };

static int begin_lmdb(void **state)
{
	struct depot *const d = depot_new_lmdb();
	depot_start(d);
	*state = d;
	return 0;
}

static struct store_cred sms_cred(const char *endpoint, const char *number, char key)
{
	struct store_cred c = { .kind = STORE_CRED_SMS,
		.key_len = KEYS,
		.identity_len = (uint8_t)strlen(number),
		.sms = { .profile = STORE_SMS_CR_004,
			.kic = 0x12,
			.kid = 0x12,
			.tar = { 0xbf, 0xff, 0x00 },
			.cc_len = 8 } };
	memcpy(c.endpoint, endpoint, strlen(endpoint) + 1);
	memcpy(c.identity, number, strlen(number));
	memset(c.key, key, KEYS);
	c.key[0] = 'k';
	return c;
}

static struct store_cred put_cred(struct depot *d, const char *name, const char *number, char key)
{
	struct store_cred c = sms_cred(name, number, key);
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	return c;
}

struct asked {
	struct store_sms_message m;
	uint64_t proved, counter, answers;
	bool counted;
	uint32_t a_day;
};

static enum store_result run_take(struct store_txn *t, void *arg)
{
	const struct asked *const a = arg;
	return store_sms_take(t, &a->m, a->proved, a->counted, a->counter);
}

static enum store_result run_send(struct store_txn *t, void *arg)
{
	struct asked *const a = arg;
	return store_sms_send(t, &a->m, a->proved, a->counted, a->counter, a->answers, a->a_day);
}

static enum store_result run_in_done(struct store_txn *t, void *arg)
{
	const struct asked *const a = arg;
	return store_sms_in_done(t, a->m.cred, a->m.id);
}

static enum store_result run_out_done(struct store_txn *t, void *arg)
{
	return store_sms_out_done(t, *(const uint64_t *)arg);
}

static struct asked ask(const struct store_cred *c, uint64_t counter)
{
	struct asked a = { .proved = c->proved, .counter = counter, .counted = COUNTED };
	a.m = (struct store_sms_message){
		.cred = c->number, .at_ms = 5, .until_ms = 6, .segments = 1
	};
	a.m.len = 7;
	memcpy(a.m.data, "content", 7);
	memcpy(a.m.peer, "peer", 4);
	memcpy(a.m.own, "own", 3);
	return a;
}

static enum store_result take(
	struct depot *d, const struct store_cred *c, uint64_t id, uint64_t counter)
{
	struct asked a = ask(c, counter);
	a.m.id = id;
	return depot_do(d, run_take, &a);
}

static enum store_result send_one(
	struct depot *d, const struct store_cred *c, uint64_t counter, uint64_t *id)
{
	struct asked a = ask(c, counter);
	const enum store_result r = depot_do(d, run_send, &a);
	*id = a.m.id;
	return r;
}

static enum store_result in_done(struct depot *d, const struct store_cred *c, uint64_t id)
{
	struct asked a = ask(c, 0);
	a.m.id = id;
	return depot_do(d, run_in_done, &a);
}

static struct store_sms_counters counters(struct depot *d, uint32_t cred)
{
	struct store_sms_counters n;
	const enum store_result r = store_sms_read(d->r, cred, &n);
	assert_true(r == STORE_OK || r == STORE_NONE);
	store_reader_rest(d->r);
	return n;
}

static size_t boxed(struct depot *d, uint32_t cred, bool out)
{
	struct store_sms_message m;
	uint64_t at = 0;
	size_t n = 0;
	while ((out ? store_sms_next_out(d->r, cred, &at, &m)
		    : store_sms_next_in(d->r, cred, &at, &m)) == STORE_OK) {
		assert_true(m.id == at && (cred == 0 || m.cred == cred));
		n++;
	}
	store_reader_rest(d->r);
	return n;
}

static void test_what_has_come_is_there_with_its_counter(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	struct store_sms_message m;
	struct store_sms_counters n;
	uint64_t at = 0;
	assert_int_equal(store_sms_read(d->r, c.number, &n), STORE_NONE);
	assert_true(n.cred == c.number && n.proved == c.proved && n.in == 0 && n.out == 0);
	assert_int_equal(take(d, &c, 77, 3), STORE_OK);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(counters(d, c.number).in, 3);
	assert_int_equal(store_sms_next_in(d->r, 0, &at, &m), STORE_OK);
	assert_true(m.id == 77 && at == 77 && m.cred == c.number && m.len == 7);
	assert_true(m.at_ms == 5 && m.until_ms == 6 && m.segments == 1);
	assert_memory_equal(m.data, "content", 7);
	assert_memory_equal(m.peer, "peer", 5);
	assert_memory_equal(m.own, "own", 4);
	assert_int_equal(store_sms_next_in(d->r, 0, &at, &m), STORE_NONE);
	assert_int_equal(store_stats(d->s).damaged, 0);
}

static void test_I1_a_counter_is_never_lower(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	uint64_t id;
	assert_int_equal(take(d, &c, 1, 5), STORE_OK);
	assert_int_equal(take(d, &c, 2, 5), STORE_STALE);
	assert_int_equal(take(d, &c, 3, 4), STORE_STALE);
	assert_int_equal(take(d, &c, 1, 6), STORE_STALE); /* the same message */
	assert_int_equal(counters(d, c.number).in, 5);
	assert_int_equal(send_one(d, &c, 5, &id), STORE_OK);
	assert_int_equal(send_one(d, &c, 5, &id), STORE_STALE);
	assert_int_equal(send_one(d, &c, 4, &id), STORE_STALE);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(send_one(d, &c, 5, &id), STORE_STALE);
	assert_int_equal(take(d, &c, 4, 5), STORE_STALE);
	assert_int_equal(counters(d, c.number).out, 5);
	assert_int_equal(boxed(d, c.number, false), 1);
	assert_int_equal(boxed(d, c.number, true), 1);
}

static void test_A11_what_was_sent_is_known_again(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	const struct store_cred other = put_cred(d, "f", "4916", 'b');
	uint64_t id;
	for (uint64_t i = 1; i <= STORE_SMS_OWN + 1; i++) {
		struct asked a = ask(&c, i);
		a.m.mark = 1000 + i;
		assert_int_equal(depot_do(d, run_send, &a), STORE_OK);
		id = a.m.id;
		assert_int_equal(depot_do(d, run_out_done, &id), STORE_OK);
	}
	depot_kill(d);
	depot_start(d);
	assert_false(store_sms_is_own(d->r, c.number, 1001)); /* the last 64 */
	assert_true(store_sms_is_own(d->r, c.number, 1002));
	assert_true(store_sms_is_own(d->r, c.number, 1001 + STORE_SMS_OWN));
	assert_false(store_sms_is_own(d->r, c.number, 0));
	assert_false(store_sms_is_own(d->r, other.number, 1002));
	assert_int_equal(counters(d, c.number).out, STORE_SMS_OWN + 1);
}

static void test_what_was_answered_is_not_taken_again(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	struct asked a = ask(&c, 1);
	a.counted = false;
	a.m.id = 9;
	assert_int_equal(depot_do(d, run_take, &a), STORE_OK);
	assert_int_equal(in_done(d, &c, 9), STORE_OK);
	assert_int_equal(in_done(d, &c, 9), STORE_NONE);
	assert_int_equal(depot_do(d, run_take, &a), STORE_STALE);
	assert_int_equal(counters(d, c.number).in, 0);
	a.m.id = 0;
	assert_int_equal(depot_do(d, run_take, &a), STORE_DAMAGED);
	a.m.id = 10;
	a.m.len = STORE_SMS_DATA_MAX + 1;
	assert_int_equal(depot_do(d, run_take, &a), STORE_DAMAGED);
	assert_int_equal(depot_do(d, run_send, &a), STORE_DAMAGED);
}

static void test_I7_a_box_is_bounded(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	const struct store_cred other = put_cred(d, "f", "4916", 'b');
	uint64_t id, last = 0;
	for (uint64_t i = 1; i <= STORE_SMS_IN; i++)
		assert_int_equal(take(d, &c, 100 - i, i), STORE_OK);
	assert_int_equal(take(d, &c, 200, 50), STORE_FULL);
	assert_int_equal(counters(d, c.number).in, STORE_SMS_IN); /* it can come again */
	assert_int_equal(boxed(d, c.number, false), STORE_SMS_IN);
	assert_int_equal(take(d, &other, 200, 1), STORE_OK);
	assert_int_equal(in_done(d, &c, 95), STORE_OK);
	assert_int_equal(take(d, &c, 201, 50), STORE_OK);
	assert_int_equal(boxed(d, 0, false), STORE_SMS_IN + 1);
	for (uint64_t i = 1; i <= STORE_SMS_OUT; i++) {
		assert_int_equal(send_one(d, &c, i, &id), STORE_OK);
		assert_true(id > last);
		last = id;
	}
	assert_int_equal(send_one(d, &c, 99, &id), STORE_FULL);
	assert_int_equal(counters(d, c.number).out, STORE_SMS_OUT);
	assert_int_equal(send_one(d, &other, 1, &id), STORE_OK);
	assert_int_equal(boxed(d, 0, true), STORE_SMS_OUT + 1);
	assert_int_equal(boxed(d, other.number, true), 1);
	assert_int_equal(depot_do(d, run_out_done, &last), STORE_OK);
	assert_int_equal(depot_do(d, run_out_done, &last), STORE_NONE);
	assert_int_equal(send_one(d, &c, 99, &id), STORE_OK);
	assert_true(id > last); /* never again */
}

static void test_I2_an_answer_takes_the_place_of_what_it_answers(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	struct asked a = ask(&c, 1);
	struct store_sms_message m;
	uint64_t at = 0;
	assert_int_equal(take(d, &c, 31, 1), STORE_OK);
	assert_int_equal(take(d, &c, 30, 2), STORE_OK);
	a.answers = 31;
	a.m.reference = 4711;
	a.m.segments = 2;
	assert_int_equal(depot_do(d, run_send, &a), STORE_OK);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(boxed(d, c.number, false), 1);
	assert_int_equal(store_sms_next_out(d->r, 0, &at, &m), STORE_OK);
	assert_true(m.id == a.m.id && m.reference == 4711 && m.segments == 2);
	assert_int_equal(counters(d, c.number).reference, 4711);
	assert_int_equal(take(d, &c, 31, 9), STORE_STALE);
}

static void test_a_day_has_its_bound(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	struct asked a = ask(&c, 1);
	a.a_day = 5;
	a.m.segments = 3;
	assert_int_equal(depot_do(d, run_send, &a), STORE_OK);
	a.counter = 2;
	assert_int_equal(depot_do(d, run_send, &a), STORE_FULL);
	a.m.segments = 2;
	assert_int_equal(depot_do(d, run_send, &a), STORE_OK);
	assert_int_equal(counters(d, c.number).segments, 5);
	a.counter = 3;
	a.m.segments = 1;
	assert_int_equal(depot_do(d, run_send, &a), STORE_FULL);
	a.a_day = 0;
	assert_int_equal(depot_do(d, run_send, &a), STORE_OK);
	a.a_day = 5;
	a.counter = 4;
	depot_pass(d, UINT64_C(24) * 3600000);
	depot_stop(d);
	depot_start(d);
	assert_int_equal(depot_do(d, run_send, &a), STORE_OK);
	assert_int_equal(counters(d, c.number).segments, 1);
}

/* --- keys ------------------------------------------------------------------------------------- */

static void test_other_keys_begin_at_0_with_empty_boxes(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = put_cred(d, "e", "4915", 'a'), old;
	uint64_t id, first;
	assert_int_equal(take(d, &c, 1, 5), STORE_OK);
	assert_int_equal(send_one(d, &c, 7, &first), STORE_OK);
	old = c;
	c.key[9] ^= 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.number == old.number && c.proved > old.proved);
	assert_true(boxed(d, 0, false) == 0 && boxed(d, 0, true) == 0);
	assert_true(counters(d, c.number).in == 0 && counters(d, c.number).out == 0);
	assert_int_equal(take(d, &old, 2, 9), STORE_STALE);
	assert_int_equal(send_one(d, &old, 9, &id), STORE_STALE);
	assert_int_equal(take(d, &c, 3, 1), STORE_OK);
	assert_int_equal(send_one(d, &c, 1, &id), STORE_OK);
	assert_true(id > first);
	/* Who comes back to the old keys goes on where they were. */
	memcpy(c.key, old.key, sizeof(c.key));
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(counters(d, c.number).in == 5 && counters(d, c.number).out == 7);
	assert_int_equal(send_one(d, &c, 7, &id), STORE_STALE);
	assert_int_equal(send_one(d, &c, 8, &id), STORE_OK);
}

static void test_the_same_keys_keep_what_they_have(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = put_cred(d, "e", "4915", 'a');
	const struct store_cred old = c;
	uint64_t id;
	assert_int_equal(take(d, &c, 1, 5), STORE_OK);
	assert_int_equal(send_one(d, &c, 7, &id), STORE_OK);
	c.sms.tar[2] = 1; /* agreed otherwise */
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.proved > old.proved);
	assert_true(counters(d, c.number).in == 5 && counters(d, c.number).out == 7);
	assert_true(boxed(d, 0, false) == 1 && boxed(d, 0, true) == 1);
	c.labels_len = 1;
	c.labels[0][0] = 'x';
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(send_one(d, &c, 8, &id), STORE_OK);
}

static void test_who_is_revoked_has_nothing_but_its_keys_counters(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	struct store_sms_counters n;
	uint64_t id;
	assert_int_equal(take(d, &c, 1, 5), STORE_OK);
	assert_int_equal(send_one(d, &c, 7, &id), STORE_OK);
	assert_int_equal(depot_revoke(d, c.number), STORE_OK);
	assert_true(depot_rows(d, KEY_SMS_IN) == 0 && depot_rows(d, KEY_SMS_OUT) == 0);
	assert_int_equal(take(d, &c, 2, 9), STORE_STALE);
	assert_int_equal(store_sms_read(d->r, c.number, &n), STORE_NONE);
	store_reader_rest(d->r);
	const struct store_cred next = put_cred(d, "e", "4915", 'a');
	assert_true(next.number != c.number);
	assert_true(counters(d, next.number).in == 5 && counters(d, next.number).out == 7);
	assert_int_equal(send_one(d, &next, 7, &id), STORE_STALE);
	assert_int_equal(send_one(d, &next, 8, &id), STORE_OK);
}

static void test_who_has_no_such_keys_has_no_counters(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "dtls");
	struct asked a = ask(&c, 1);
	a.m.id = 5;
	assert_int_equal(depot_do(d, run_take, &a), STORE_DAMAGED);
	assert_int_equal(depot_do(d, run_send, &a), STORE_DAMAGED);
	a.counted = false;
	assert_int_equal(depot_do(d, run_take, &a), STORE_OK);
	assert_int_equal(depot_do(d, run_send, &a), STORE_OK);
	assert_true(counters(d, c.number).in == 0 && counters(d, c.number).out == 0);
}

/* --- what an older copy lacks, what is damaged ------------------------------------------------ */

static void test_S6_an_older_copy_uses_no_counter_again(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	uint64_t id;
	assert_int_equal(send_one(d, &c, 1, &id), STORE_OK);
	depot_copy(d);
	for (uint64_t i = 2; i < 12; i++)
		assert_int_equal(send_one(d, &c, i, &id), STORE_OK);
	depot_power_loss(d);
	depot_put_back(d);
	depot_start(d);
	assert_false(d->start.continuous);
	const uint64_t out = counters(d, c.number).out;
	assert_true(out >= 12);
	assert_int_equal(send_one(d, &c, 5, &id), STORE_STALE);
	assert_int_equal(send_one(d, &c, out + 1, &id), STORE_OK);
	assert_int_equal(counters(d, c.number).out, out + 1); /* once only */
}

/* Beyond the last watermark there is less than one lease. */
static void test_S5_a_copy_that_the_anchor_lets_pass_uses_no_counter_again(void **state)
{
	struct depot *const d = *state;
	depot_stop(d);
	depot_anchor(d);
	depot_start(d);
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	uint64_t id;
	assert_int_equal(send_one(d, &c, 1, &id), STORE_OK);
	depot_copy(d);
	assert_int_equal(send_one(d, &c, STORE_LEASE - 1, &id), STORE_OK);
	depot_power_loss(d);
	depot_put_back(d);
	depot_start(d);
	assert_true(d->start.anchored && !d->start.continuous);
	const uint64_t out = counters(d, c.number).out;
	assert_in_range(out, STORE_LEASE - 1, 2 * STORE_LEASE);
	assert_int_equal(send_one(d, &c, STORE_LEASE - 1, &id), STORE_STALE);
	assert_int_equal(send_one(d, &c, out + 1, &id), STORE_OK);
}

static void test_S5_an_older_copy_is_known_after_a_lease_of_counters(void **state)
{
	struct depot *const d = *state;
	depot_stop(d);
	depot_anchor(d);
	depot_start(d);
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	uint64_t id;
	assert_int_equal(send_one(d, &c, 1, &id), STORE_OK);
	depot_copy(d);
	assert_int_equal(send_one(d, &c, STORE_LEASE, &id), STORE_OK);
	depot_power_loss(d);
	depot_put_back(d);
	assert_false(depot_try(d));
}

static void test_damage_lowers_no_counter(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	const struct key box = key_number(c.number);
	const struct key count = key_hash(cred_key_hash(d->s, c.key, c.key_len));
	struct store_sms_counters n;
	uint64_t id;
	assert_int_equal(take(d, &c, 1, 5), STORE_OK);
	assert_int_equal(send_one(d, &c, 7, &id), STORE_OK);
	depot_flip(d, KEY_SMS_COUNT, &count, 2);
	assert_int_equal(take(d, &c, 2, 9), STORE_DAMAGED);
	assert_int_equal(send_one(d, &c, 9, &id), STORE_DAMAGED);
	assert_int_equal(store_sms_read(d->r, c.number, &n), STORE_DAMAGED);
	store_reader_rest(d->r);
	depot_flip(d, KEY_SMS, &box, 2);
	assert_int_equal(depot_revoke(d, c.number), STORE_OK);
	assert_true(depot_rows(d, KEY_SMS_IN) == 0 && depot_rows(d, KEY_SMS_OUT) == 0);
}

static void test_a_damaged_message_is_passed_by(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	const struct key first = key_hash_number(1, c.number);
	uint64_t id, next;
	assert_int_equal(take(d, &c, 1, 1), STORE_OK);
	assert_int_equal(take(d, &c, 2, 2), STORE_OK);
	assert_int_equal(send_one(d, &c, 1, &id), STORE_OK);
	assert_int_equal(send_one(d, &c, 2, &next), STORE_OK);
	const struct key out = key_hash(id);
	depot_flip(d, KEY_SMS_IN, &first, 30);
	depot_flip(d, KEY_SMS_OUT, &out, 30);
	assert_true(boxed(d, 0, false) == 1 && boxed(d, c.number, false) == 1);
	assert_true(boxed(d, 0, true) == 1 && boxed(d, c.number, true) == 1);
	assert_int_equal(in_done(d, &c, 1), STORE_OK);
	assert_int_equal(depot_do(d, run_out_done, &id), STORE_OK);
}

static void test_I5_nothing_of_it_is_in_the_clear(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "491512345", 'a');
	uint64_t id;
	assert_int_equal(take(d, &c, 1, 1), STORE_OK);
	assert_int_equal(send_one(d, &c, 1, &id), STORE_OK);
	assert_false(depot_has_octets(d, "content"));
	assert_false(depot_has_octets(d, "491512345"));
	assert_false(depot_has_octets(d, "aaaaaaaa"));
	assert_false(depot_has_octets(d, "peer"));
}

static void test_what_is_boxed_is_sealed_anew(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "e", "4915", 'a');
	struct store_error e;
	uint64_t id;
	assert_int_equal(take(d, &c, 1, 1), STORE_OK);
	assert_int_equal(send_one(d, &c, 1, &id), STORE_OK);
	assert_int_equal(store_rotate(d->s, &e), STORE_OK);
	depot_sweep(d);
	assert_true(boxed(d, 0, false) == 1 && boxed(d, 0, true) == 1);
	assert_int_equal(store_stats(d->s).damaged, 0);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, depot_begin, depot_end)
#define LMDB(test) cmocka_unit_test_setup_teardown(test, begin_lmdb, depot_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_what_has_come_is_there_with_its_counter),
		LMDB(test_what_has_come_is_there_with_its_counter),
		EACH(test_I1_a_counter_is_never_lower),
		LMDB(test_I1_a_counter_is_never_lower),
		EACH(test_A11_what_was_sent_is_known_again),
		EACH(test_what_was_answered_is_not_taken_again),
		EACH(test_I7_a_box_is_bounded),
		LMDB(test_I7_a_box_is_bounded),
		EACH(test_I2_an_answer_takes_the_place_of_what_it_answers),
		LMDB(test_I2_an_answer_takes_the_place_of_what_it_answers),
		EACH(test_a_day_has_its_bound),
		EACH(test_other_keys_begin_at_0_with_empty_boxes),
		LMDB(test_other_keys_begin_at_0_with_empty_boxes),
		EACH(test_the_same_keys_keep_what_they_have),
		EACH(test_who_is_revoked_has_nothing_but_its_keys_counters),
		EACH(test_who_has_no_such_keys_has_no_counters),
		EACH(test_S6_an_older_copy_uses_no_counter_again),
		EACH(test_S5_a_copy_that_the_anchor_lets_pass_uses_no_counter_again),
		EACH(test_S5_an_older_copy_is_known_after_a_lease_of_counters),
		EACH(test_damage_lowers_no_counter),
		EACH(test_a_damaged_message_is_passed_by),
		EACH(test_I5_nothing_of_it_is_in_the_clear),
		EACH(test_what_is_boxed_is_sealed_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
