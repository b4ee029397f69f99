/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of sets of keys, and their index, in memory and on LMDB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "store/sms.h"
#include "store/sms_keys.h"
#include "unit/store/nursery.h"

static int begin_lmdb(void **state)
{
	struct depot *const d = depot_new_lmdb();
	depot_start(d);
	*state = d;
	return 0;
}

static struct store_cred put_cred(
	struct depot *d, const char *endpoint, const char *number, char key)
{
	struct store_cred c = { .kind = STORE_CRED_SMS,
		.key_len = 32,
		.identity_len = (uint8_t)strlen(number),
		.sms = { .profile = STORE_SMS_CR_004, .kic = 0x12, .kid = 0x12, .cc_len = 8 } };
	memcpy(c.endpoint, endpoint, strlen(endpoint) + 1);
	memcpy(c.identity, number, strlen(number));
	memset(c.key, key, 32);
	c.key[0] = 'k';
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	return c;
}

static enum store_result run_put(struct store_txn *t, void *arg)
{
	return store_sms_keys_put(t, arg);
}

static struct store_sms_keys row_of(const struct store_cred *c, uint64_t due_ms, const char *what)
{
	struct store_sms_keys x = { .cred = c->number, .proved = c->proved, .due_ms = due_ms };
	x.len = strlen(what);
	memcpy(x.data, what, x.len);
	return x;
}

static enum store_result put(
	struct depot *d, const struct store_cred *c, uint64_t due_ms, const char *what)
{
	struct store_sms_keys x = row_of(c, due_ms, what);
	return depot_do(d, run_put, &x);
}

static void holds(struct depot *d, uint32_t cred, uint64_t due_ms, const char *what)
{
	struct store_sms_keys x;
	store_reader_rest(d->r);
	assert_int_equal(store_sms_keys_read(d->r, cred, &x), STORE_OK);
	assert_int_equal(x.due_ms, due_ms);
	assert_int_equal(x.len, strlen(what));
	assert_memory_equal(x.data, what, x.len);
}

static void holds_nothing(struct depot *d, uint32_t cred)
{
	struct store_sms_keys x;
	store_reader_rest(d->r);
	assert_int_equal(store_sms_keys_read(d->r, cred, &x), STORE_NONE);
	assert_true(x.len == 0 && x.due_ms == UINT64_MAX);
}

static void test_a_row_is_as_it_was_put(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "urn:dev:a", "4911111", 'a');
	struct store_sms_keys x = row_of(&c, UINT64_MAX, "x");
	holds_nothing(d, c.number);
	assert_int_equal(put(d, &c, 70, "secret-one"), STORE_OK);
	holds(d, c.number, 70, "secret-one");
	assert_int_equal(put(d, &c, UINT64_MAX, "secret-two"), STORE_OK);
	holds(d, c.number, UINT64_MAX, "secret-two");
	x.len = 0;
	assert_int_equal(depot_do(d, run_put, &x), STORE_DAMAGED);
	x.len = sizeof(x.data) + 1;
	assert_int_equal(depot_do(d, run_put, &x), STORE_DAMAGED);
	memset(x.data, 'f', sizeof(x.data));
	x.len = sizeof(x.data);
	assert_int_equal(depot_do(d, run_put, &x), STORE_OK);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(store_sms_keys_read(d->r, c.number, &x), STORE_OK);
	assert_int_equal(x.len, sizeof(x.data));
	store_reader_rest(d->r);
}

static bool is_due_at_once(struct depot *d, uint32_t cred)
{
	uint64_t ms = 0;
	uint32_t of = 0;
	store_reader_rest(d->r);
	while (store_sms_keys_next_due(d->r, 10, &ms, &of) == STORE_OK) {
		if (of == cred)
			return true;
	}
	return false;
}

/* Whose keys are to be renewed is there from the transaction on that says so, without a row. */
static void test_who_renews_is_looked_at_at_once(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = put_cred(d, "urn:dev:a", "4911111", 'a');
	assert_false(is_due_at_once(d, c.number));
	c.sms.renew.how = STORE_RENEW_UDP;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(is_due_at_once(d, c.number));
	depot_kill(d);
	depot_start(d);
	assert_true(is_due_at_once(d, c.number));
	/* Its row says from then on when it is. */
	assert_int_equal(put(d, &c, 70, "a row"), STORE_OK);
	assert_false(is_due_at_once(d, c.number));
	/* Other rules are looked at, too; none are no reason. */
	c.sms.renew.how = STORE_RENEW_GBA_PUSH;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(is_due_at_once(d, c.number));
	holds(d, c.number, 70, "a row");
	c.sms.renew.how = STORE_RENEW_NEVER;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_false(is_due_at_once(d, c.number));
	holds(d, c.number, 70, "a row");
}

static void test_it_is_sealed(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "urn:dev:a", "4911111", 'a');
	assert_int_equal(put(d, &c, 70, "secret-one"), STORE_OK);
	assert_false(depot_has_octets(d, "secret-one"));
}

static void test_the_index_has_each_once_in_the_order_of_time(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = put_cred(d, "urn:dev:a", "4911111", 'a');
	const struct store_cred b = put_cred(d, "urn:dev:b", "4922222", 'b');
	uint64_t ms = 0;
	uint32_t cred = 0;
	assert_int_equal(put(d, &a, 50, "one"), STORE_OK);
	assert_int_equal(put(d, &b, 40, "one"), STORE_OK);
	assert_int_equal(put(d, &a, 60, "two"), STORE_OK);
	assert_int_equal(depot_rows(d, KEY_SMS_KEYS_DUE), 2);
	assert_int_equal(store_sms_keys_next_due(d->r, 39, &ms, &cred), STORE_NONE);
	assert_int_equal(store_sms_keys_next_due(d->r, 59, &ms, &cred), STORE_OK);
	assert_true(ms == 40 && cred == b.number);
	assert_int_equal(store_sms_keys_next_due(d->r, 59, &ms, &cred), STORE_NONE);
	assert_int_equal(store_sms_keys_next_due(d->r, 60, &ms, &cred), STORE_OK);
	assert_true(ms == 60 && cred == a.number);
	store_reader_rest(d->r);
	assert_int_equal(put(d, &a, UINT64_MAX, "three"), STORE_OK);
	assert_int_equal(put(d, &b, UINT64_MAX, "three"), STORE_OK);
	assert_int_equal(depot_rows(d, KEY_SMS_KEYS_DUE), 0);
	assert_int_equal(depot_rows(d, KEY_SMS_KEYS), 2);
}

static void test_it_goes_with_its_credential(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = put_cred(d, "urn:dev:a", "4911111", 'a');
	struct store_cred b = put_cred(d, "urn:dev:b", "4922222", 'b');
	assert_int_equal(put(d, &a, 50, "one"), STORE_OK);
	assert_int_equal(put(d, &b, 50, "one"), STORE_OK);
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	holds_nothing(d, a.number);
	holds(d, b.number, 50, "one");
	assert_int_equal(depot_rows(d, KEY_SMS_KEYS), 1);
	assert_int_equal(depot_rows(d, KEY_SMS_KEYS_DUE), 1);
	assert_int_equal(put(d, &a, 50, "one"), STORE_STALE);
	/* Other keys of its own: what came after the old ones is nothing. */
	const struct store_cred old = b;
	b.key[5] = 'n';
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	assert_int_equal(put(d, &old, 50, "one"), STORE_STALE);
	holds_nothing(d, b.number);
	assert_int_equal(depot_rows(d, KEY_SMS_KEYS), 0);
	assert_int_equal(depot_rows(d, KEY_SMS_KEYS_DUE), 0);
	assert_int_equal(put(d, &b, 50, "new"), STORE_OK);
	holds(d, b.number, 50, "new");
}

static void test_no_other_kind_has_any(void **state)
{
	struct depot *const d = *state;
	const struct store_cred psk = depot_cred(d, "urn:dev:psk");
	assert_int_equal(put(d, &psk, 50, "one"), STORE_STALE);
	holds_nothing(d, psk.number);
}

static void test_what_is_damaged_is_told_and_can_be_put_anew(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "urn:dev:a", "4911111", 'a');
	static const size_t at[] = { 2, 12, 20, 40 }; /* proved, due, the MAC, what is sealed */
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		const struct key k = key_number(c.number);
		struct store_sms_keys x;
		assert_int_equal(put(d, &c, 50 + i, "secret-one"), STORE_OK);
		const uint64_t before = store_stats(d->s).damaged;
		depot_flip(d, KEY_SMS_KEYS, &k, at[i]);
		store_reader_rest(d->r);
		assert_int_not_equal(store_sms_keys_read(d->r, c.number, &x), STORE_OK);
		assert_true(store_stats(d->s).damaged > before && x.len == 0);
		store_reader_rest(d->r);
		assert_int_equal(put(d, &c, 90, "secret-two"), STORE_OK);
		holds(d, c.number, 90, "secret-two");
		assert_int_equal(depot_rows(d, KEY_SMS_KEYS_DUE), 1);
	}
}

static void test_another_data_key_seals_it_anew(void **state)
{
	struct depot *const d = *state;
	struct store_error e;
	const struct store_cred c = put_cred(d, "urn:dev:a", "4911111", 'a');
	assert_int_equal(put(d, &c, 50, "secret-one"), STORE_OK);
	assert_int_equal(store_rotate(d->s, &e), STORE_OK);
	depot_sweep(d);
	holds(d, c.number, 50, "secret-one");
	assert_int_equal(store_stats(d->s).damaged, 0);
}

/* --- one transaction -------------------------------------------------------------------------- */

struct change {
	struct store_sms_keys row;
	struct store_sms_message m;
	uint64_t counter;
	enum store_result after; /* how the transaction ends, behind both */
};

static enum store_result run_change(struct store_txn *t, void *arg)
{
	struct change *const x = arg;
	enum store_result r = store_sms_send(t, &x->m, x->row.proved, true, x->counter, 0, 0);
	if (r == STORE_OK)
		r = store_sms_keys_put(t, &x->row);
	return r == STORE_OK ? x->after : r;
}

static void test_row_counter_and_message_are_there_together_or_not(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "urn:dev:a", "4911111", 'a');
	struct store_sms_counters n;
	struct change x = { .row = row_of(&c, 60, "after"), .counter = 1, .after = STORE_FULL };
	x.m = (struct store_sms_message){ .cred = c.number, .segments = 1, .len = 1 };
	assert_int_equal(put(d, &c, 50, "before"), STORE_OK);
	assert_int_equal(depot_do(d, run_change, &x), STORE_FULL);
	for (unsigned killed = 0; killed < 2; killed++) {
		holds(d, c.number, 50, "before");
		assert_int_equal(store_sms_read(d->r, c.number, &n), STORE_NONE);
		assert_int_equal(depot_rows(d, KEY_SMS_OUT), 0);
		assert_int_equal(depot_rows(d, KEY_SMS_KEYS_DUE), 1);
		depot_kill(d);
		depot_start(d);
	}
	x.after = STORE_OK;
	assert_int_equal(depot_do(d, run_change, &x), STORE_OK);
	depot_kill(d);
	depot_start(d);
	holds(d, c.number, 60, "after");
	assert_int_equal(store_sms_read(d->r, c.number, &n), STORE_OK);
	assert_int_equal(n.out, 1);
	store_reader_rest(d->r);
	assert_int_equal(depot_rows(d, KEY_SMS_OUT), 1);
	assert_int_equal(depot_rows(d, KEY_SMS_KEYS_DUE), 1);
}

/* --- counters of a set ------------------------------------------------------------------------ */

struct counted {
	struct store_sms_message m;
	uint64_t proved, counter;
	bool passes;
};

static enum store_result run_take(struct store_txn *t, void *arg)
{
	const struct counted *const a = arg;
	return a->passes ? store_sms_pass(t, a->m.cred, a->proved, a->m.keys, a->counter)
			 : store_sms_take(t, &a->m, a->proved, true, a->counter);
}

static enum store_result run_send(struct store_txn *t, void *arg)
{
	struct counted *const a = arg;
	return store_sms_send(t, &a->m, a->proved, true, a->counter, 0, 0);
}

static enum store_result count(
	struct depot *d, const struct store_cred *c, uint64_t keys, bool passes, uint64_t counter)
{
	static uint64_t id = 100;
	struct counted a = { .proved = c->proved, .counter = counter, .passes = passes };
	id++;
	a.m = (struct store_sms_message){ .cred = c->number, .id = id, .keys = keys, .len = 1 };
	return depot_do(d, run_take, &a);
}

static void counts(struct depot *d, uint64_t keys, uint64_t in, uint64_t out)
{
	struct store_sms_counters n = { 0 };
	store_reader_rest(d->r);
	assert_int_equal(store_sms_read_under(d->r, keys, &n), STORE_OK);
	assert_int_equal(n.in, in);
	assert_int_equal(n.out, out);
	store_reader_rest(d->r);
}

static void test_each_set_has_counters_of_its_own(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = put_cred(d, "urn:dev:a", "4911111", 'a');
	const uint64_t own = store_sms_keys_hash(d->r, c.key, c.key_len);
	const uint64_t other = store_sms_keys_hash(d->r, (const uint8_t *)"other", 5);
	struct counted a = { .proved = c.proved, .counter = 4 };
	assert_true(own != other && own != 0 && other != 0);
	assert_int_equal(count(d, &c, 0, false, 7), STORE_OK);
	counts(d, own, 7, 0);
	counts(d, other, 0, 0);
	assert_int_equal(count(d, &c, other, false, 1), STORE_OK);
	assert_int_equal(count(d, &c, other, false, 1), STORE_STALE);
	assert_int_equal(count(d, &c, own, false, 7), STORE_STALE);
	/* What is dealt with at once counts as well, and is in no box. */
	assert_int_equal(count(d, &c, other, true, 1), STORE_STALE);
	assert_int_equal(count(d, &c, other, true, 5), STORE_OK);
	assert_int_equal(count(d, &c, other, false, 5), STORE_STALE);
	assert_int_equal(depot_rows(d, KEY_SMS_IN), 2);
	a.m = (struct store_sms_message){
		.cred = c.number, .keys = other, .mark = 99, .segments = 1, .len = 1
	};
	assert_int_equal(depot_do(d, run_send, &a), STORE_OK);
	assert_int_equal(depot_do(d, run_send, &a), STORE_STALE);
	depot_kill(d);
	depot_start(d);
	counts(d, own, 7, 0);
	counts(d, other, 5, 4);
	assert_true(store_sms_is_own_under(d->r, other, 99));
	assert_false(store_sms_is_own_under(d->r, own, 99));
	assert_false(store_sms_is_own(d->r, c.number, 99));
	store_reader_rest(d->r);
	/* Not for who has other keys of his own by now. */
	struct store_cred stale = c;
	stale.proved++;
	assert_int_equal(count(d, &stale, other, true, 9), STORE_STALE);
	counts(d, other, 5, 4);
}

#define BOTH(test)                                                                                 \
	cmocka_unit_test_setup_teardown(test, depot_begin, depot_end),                             \
	{                                                                                          \
#test "_lmdb", test, begin_lmdb, depot_end, NULL                                   \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_a_row_is_as_it_was_put),
		cmocka_unit_test_setup_teardown(
			test_who_renews_is_looked_at_at_once, depot_begin, depot_end),
		cmocka_unit_test_setup_teardown(test_it_is_sealed, depot_begin, depot_end),
		BOTH(test_the_index_has_each_once_in_the_order_of_time),
		BOTH(test_it_goes_with_its_credential),
		BOTH(test_no_other_kind_has_any),
		cmocka_unit_test_setup_teardown(
			test_what_is_damaged_is_told_and_can_be_put_anew, depot_begin, depot_end),
		BOTH(test_each_set_has_counters_of_its_own),
		BOTH(test_row_counter_and_message_are_there_together_or_not),
		cmocka_unit_test_setup_teardown(
			test_another_data_key_seals_it_anew, depot_begin, depot_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
