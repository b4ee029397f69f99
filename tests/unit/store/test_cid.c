/* SPDX-License-Identifier: Apache-2.0 */
/* S25: a CID is one association's, and for a while nobody's when that has gone. */
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
#include "unit/store/depot.h"

enum { HOUR_MS = 3600 * 1000 };

/* --- what is known of a CID ------------------------------------------------------------------- */

static enum store_result find(struct depot *d, uint32_t n, uint32_t *slot)
{
	struct store_assoc a = { 0 };
	depot_name(&a, n);
	store_reader_rest(d->r);
	const enum store_result r = store_find_cid(d->r, a.cid, a.cid_len, slot);
	store_reader_rest(d->r);
	return r;
}

static enum store_result taken(struct depot *d, uint32_t n)
{
	struct store_assoc a = { 0 };
	depot_name(&a, n);
	store_reader_rest(d->r);
	const enum store_result r = store_cid_taken(d->r, a.cid, a.cid_len);
	store_reader_rest(d->r);
	return r;
}

static enum store_result put(struct depot *d, const struct store_cred *c, uint16_t port, uint32_t n)
{
	struct store_assoc a = depot_assoc_of(c, port);
	depot_name(&a, n);
	return depot_put(d, &a);
}

static void is_at(struct depot *d, uint32_t n, uint32_t slot)
{
	uint32_t at;
	assert_int_equal(find(d, n, &at), STORE_OK);
	assert_int_equal(at, slot);
	assert_int_equal(taken(d, n), STORE_OK);
}

static void rests(struct depot *d, const struct store_cred *c, uint32_t n)
{
	uint32_t slot;
	assert_int_equal(find(d, n, &slot), STORE_NONE);
	assert_int_equal(slot, STORE_NO_SLOT);
	assert_int_equal(taken(d, n), STORE_OK);
	assert_int_equal(put(d, c, 999, n), STORE_STALE);
}

static void is_free(struct depot *d, uint32_t n)
{
	uint32_t slot;
	assert_int_equal(find(d, n, &slot), STORE_NONE);
	assert_int_equal(taken(d, n), STORE_NONE);
}

static uint64_t rows(struct depot *d, unsigned table)
{
	struct kv_txn *t;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_READ, &t), STORE_OK);
	const uint64_t n = kv_count(t, table);
	kv_abort(t);
	return n;
}

/* --- living ones ------------------------------------------------------------------------------ */

static void test_S25_a_CID_leads_to_its_association(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a"), e = depot_cred(d, "b");
	const struct store_assoc a = depot_roamer(d, &c, 1, 1), b = depot_roamer(d, &e, 2, 2);
	struct store_assoc x;
	uint32_t slot;
	is_at(d, 1, a.slot);
	is_at(d, 2, b.slot);
	is_free(d, 3);
	assert_int_equal(depot_read(d, b.slot, &x), STORE_OK);
	assert_int_equal(x.cid_len, b.cid_len);
	assert_memory_equal(x.cid, b.cid, sizeof(b.cid));
	/* A shorter one that begins the same is another. */
	store_reader_rest(d->r);
	assert_int_equal(store_find_cid(d->r, b.cid, b.cid_len - 1U, &slot), STORE_NONE);
	assert_int_equal(store_find_cid(d->r, b.cid, 0, &slot), STORE_NONE);
	depot_kill(d);
	depot_start(d);
	is_at(d, 1, a.slot);
	is_at(d, 2, b.slot);
}

static void test_S25_a_CID_that_somebody_has_is_refused_and_nothing_changes(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a"), e = depot_cred(d, "b");
	const struct store_assoc a = depot_roamer(d, &c, 1, 1), b = depot_assoc(d, &e, 2);
	struct store_assoc x;
	/* Otherwise it would replace b. */
	assert_int_equal(put(d, &c, 2, 1), STORE_STALE);
	assert_int_equal(depot_read(d, b.slot, &x), STORE_OK);
	assert_int_equal(rows(d, KEY_ASSOC), 2);
	assert_int_equal(rows(d, KEY_CID), 1);
	is_at(d, 1, a.slot);
}

struct two {
	struct depot *d;
	struct store_assoc a, b;
	enum store_result first, second;
};

static enum store_result put_two(struct store_txn *t, void *arg)
{
	struct two *const two = arg;
	const uint64_t owner = slot_owner(two->d->start.incarnation, 0);
	two->first = store_assoc_put(t, &two->a, owner);
	two->second = store_assoc_put(t, &two->b, owner);
	return two->first;
}

static void test_S25_two_of_one_transaction_do_not_get_the_same_CID(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a"), e = depot_cred(d, "b");
	struct two two = { .d = d, .a = depot_assoc_of(&c, 1), .b = depot_assoc_of(&e, 2) };
	depot_name(&two.a, 1);
	depot_name(&two.b, 1);
	assert_int_equal(depot_do(d, put_two, &two), STORE_OK);
	assert_int_equal(two.first, STORE_OK);
	assert_int_equal(two.second, STORE_STALE);
	is_at(d, 1, two.a.slot);
}

static void test_a_CID_that_is_too_long_is_refused(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	struct store_assoc a = depot_assoc_of(&c, 1);
	a.cid_len = STORE_CID_MAX + 1;
	assert_int_equal(depot_put(d, &a), STORE_DAMAGED);
	a.cid_len = STORE_CID_MAX;
	memset(a.cid, 9, sizeof(a.cid));
	assert_int_equal(depot_put(d, &a), STORE_OK);
}

static void change(struct depot *d, unsigned table, const struct key *k, struct kv_slice v)
{
	struct kv_txn *t;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &t), STORE_OK);
	assert_int_equal(kv_put(t, table, key_slice(k), v), STORE_OK);
	assert_int_equal(kv_commit(t), STORE_OK);
}

/* A hint that is another's is not this one's to change. */
static void test_S20_a_CID_that_leads_to_another_association_does_not_rest(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a"), e = depot_cred(d, "b");
	const struct store_assoc a = depot_roamer(d, &c, 1, 1), b = depot_roamer(d, &e, 2, 2);
	const struct key k = key_hash(store_cid_hash(d->s, a.cid, a.cid_len));
	const struct key slot = key_number(b.slot);
	change(d, KEY_CID, &k, key_slice(&slot));
	assert_int_equal(depot_drop(d, &a), STORE_OK);
	assert_int_equal(store_stats(d->s).resting, 0);
	is_at(d, 1, b.slot);
}

static void test_S20_a_head_with_another_CID_does_not_open(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	const struct store_assoc a = depot_roamer(d, &c, 1, 1);
	const struct key k = key_number(a.slot);
	enum { HASH = 1 + SLOT_ID + 4 + 8 + 8 }; /* of the CID, in the head */
	uint8_t value[1024];
	struct store_assoc x;
	struct kv_slice v;
	struct kv_txn *t;
	assert_int_equal(depot_read(d, a.slot, &x), STORE_OK);
	assert_int_equal(kv_begin(d->s->parts.kv, KV_READ, &t), STORE_OK);
	assert_int_equal(kv_get(t, KEY_ASSOC, key_slice(&k), &v), STORE_OK);
	assert_true(v.len <= sizeof(value));
	memcpy(value, v.data, v.len);
	kv_abort(t);
	v.data = value;
	value[HASH] ^= 1;
	change(d, KEY_ASSOC, &k, v);
	assert_int_equal(depot_read(d, a.slot, &x), STORE_DAMAGED);
	value[HASH] ^= 1;
	change(d, KEY_ASSOC, &k, v);
	assert_int_equal(depot_read(d, a.slot, &x), STORE_OK);
	/* Nor one with none. */
	value[0] = VALUE_LAYOUT;
	memmove(value + HASH, value + HASH + 8, v.len - HASH - 8);
	v.len -= 8;
	change(d, KEY_ASSOC, &k, v);
	assert_int_equal(depot_read(d, a.slot, &x), STORE_DAMAGED);
}

/* --- those that rest -------------------------------------------------------------------------- */

static enum store_result session_drop(struct store_txn *t, void *arg)
{
	return store_session_drop(t, *(const uint32_t *)arg);
}

static void test_S25_however_it_goes_its_CID_rests(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a"), e = depot_cred(d, "b");
	const struct store_assoc dropped = depot_roamer(d, &c, 1, 1);
	struct store_assoc link = depot_assoc_of(&c, 3);
	static struct store_assoc next;
	uint32_t cred = e.number;
	next = link;
	assert_int_equal(depot_drop(d, &dropped), STORE_OK);
	rests(d, &c, 1);
	(void)depot_roamer(d, &e, 2, 2);
	const struct store_session s = {
		.cred = cred, .device = STORE_NO_SLOT, .link = STORE_NO_SLOT
	};
	assert_int_equal(depot_session(d, &s), STORE_OK);
	assert_int_equal(depot_do(d, session_drop, &cred), STORE_OK);
	rests(d, &c, 2);
	link.path.role = next.path.role = STORE_LINK;
	depot_name(&link, 3);
	depot_name(&next, 4);
	assert_int_equal(depot_put(d, &link), STORE_OK);
	assert_int_equal(depot_put(d, &next), STORE_OK);
	rests(d, &c, 3);
	is_at(d, 4, next.slot);
	assert_int_equal(store_stats(d->s).resting, 3);
	assert_int_equal(store_stats(d->s).associations, 1);
}

static void test_S25_it_rests_for_a_day_over_any_end_of_the_process(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	const struct store_assoc a = depot_roamer(d, &c, 1, 1);
	assert_int_equal(depot_drop(d, &a), STORE_OK);
	depot_kill(d);
	depot_start(d);
	rests(d, &c, 1);
	depot_power_loss(d);
	depot_start(d);
	rests(d, &c, 1);
	depot_stop(d);
	depot_start(d);
	depot_pass(d, STORE_CID_REST_MS - HOUR_MS);
	rests(d, &c, 1);
	depot_pass(d, HOUR_MS);
	is_free(d, 1);
	const struct store_assoc b = depot_roamer(d, &c, 1, 1);
	is_at(d, 1, b.slot);
	assert_int_equal(store_stats(d->s).resting, 0);
}

/* Roamers with the CIDs from 1 to n, that have gone by now. */
static void make_resting(struct depot *d, const struct store_cred *c, uint32_t n)
{
	for (uint32_t i = 1; i <= n; i++) {
		const struct store_assoc a = depot_roamer(d, c, (uint16_t)i, i);
		assert_int_equal(depot_drop(d, &a), STORE_OK);
		depot_pass(d, 1); /* so that each has its own time */
	}
}

static void test_S25_what_has_rested_is_forgotten_a_few_at_a_time(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	make_resting(d, &c, 10);
	assert_int_equal(store_stats(d->s).resting, 10);
	depot_pass(d, STORE_CID_REST_MS);
	const struct store_assoc a = depot_roamer(d, &c, 1, 100);
	assert_int_equal(store_stats(d->s).resting, 6);
	assert_int_equal(depot_drop(d, &a), STORE_OK); /* and this one rests now */
	assert_int_equal(store_stats(d->s).resting, 3);
	const struct store_assoc b = depot_roamer(d, &c, 1, 101);
	assert_int_equal(store_stats(d->s).resting, 1);
	assert_int_equal(rows(d, KEY_CID), 2);
	rests(d, &c, 100);
	is_at(d, 101, b.slot);
}

static void test_S25_a_CID_given_again_is_not_forgotten_for_its_earlier_rest(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	make_resting(d, &c, 6);
	depot_pass(d, STORE_CID_REST_MS);
	const struct store_assoc a = depot_roamer(d, &c, 1, 6); /* four were forgotten before */
	const struct store_assoc b = depot_roamer(d, &c, 2, 100);
	assert_int_equal(store_stats(d->s).resting, 0);
	is_at(d, 6, a.slot);
	is_at(d, 100, b.slot);
	/* And one that rests a second time rests for the whole time. */
	assert_int_equal(depot_drop(d, &a), STORE_OK);
	assert_int_equal(depot_drop(d, &b), STORE_OK);
	rests(d, &c, 6);
}

static void test_S25_one_that_rests_anew_is_not_forgotten_for_its_earlier_rest(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	make_resting(d, &c, 6);
	depot_pass(d, STORE_CID_REST_MS);
	const struct store_assoc a = depot_roamer(d, &c, 1, 6); /* four were forgotten before */
	assert_int_equal(depot_drop(d, &a), STORE_OK);
	(void)depot_roamer(d, &c, 2, 100);
	assert_int_equal(store_stats(d->s).resting, 1);
	rests(d, &c, 6);
}

static void test_S25_those_that_rest_are_bounded_and_the_oldest_go_first(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	d->s->resting_max = 3;
	for (uint32_t i = 1; i <= 10; i++) {
		const struct store_assoc a = depot_roamer(d, &c, (uint16_t)i, i);
		depot_pass(d, 1000);
		assert_int_equal(depot_drop(d, &a), STORE_OK);
		assert_true(store_stats(d->s).resting <= 3);
	}
	assert_int_equal(rows(d, KEY_CID), 3);
	is_free(d, 7);
	for (uint32_t i = 8; i <= 10; i++)
		rests(d, &c, i);
}

/* --- damage ----------------------------------------------------------------------------------- */

static void test_a_damaged_entry_is_told_and_counts_as_taken(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	const struct store_assoc a = depot_roamer(d, &c, 1, 1);
	const struct key k = key_hash(store_cid_hash(d->s, a.cid, a.cid_len));
	uint32_t slot;
	change(d, KEY_CID, &k, (struct kv_slice){ "five!", 5 });
	assert_int_equal(find(d, 1, &slot), STORE_DAMAGED);
	assert_int_equal(slot, STORE_NO_SLOT);
	assert_int_equal(taken(d, 1), STORE_DAMAGED);
	assert_int_equal(put(d, &c, 2, 1), STORE_STALE);
	assert_true(store_stats(d->s).damaged >= 3);
	assert_int_equal(depot_drop(d, &a), STORE_OK);
}

static void test_a_damaged_row_of_those_that_rest_does_not_keep_the_others(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	const struct key first = key_name("\1");
	make_resting(d, &c, 2);
	change(d, KEY_CID_REST, &first, (struct kv_slice){ "", 0 });
	depot_pass(d, STORE_CID_REST_MS);
	(void)depot_roamer(d, &c, 1, 100);
	assert_int_equal(store_stats(d->s).resting, 0);
	is_free(d, 1);
	is_free(d, 2);
}

static void test_S5_who_discards_sessions_keeps_no_CIDs(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	make_resting(d, &c, 2);
	(void)depot_roamer(d, &c, 1, 100);
	depot_stop(d);
	d->settings.discard_sessions = true;
	depot_start(d);
	assert_int_equal(rows(d, KEY_CID), 0);
	assert_int_equal(rows(d, KEY_CID_REST), 0);
	is_free(d, 100);
}

static void test_S25_on_disk(void **state)
{
	(void)state;
	struct depot *const d = depot_new_lmdb();
	depot_start(d);
	const struct store_cred c = depot_cred(d, "a");
	make_resting(d, &c, 3);
	const struct store_assoc a = depot_roamer(d, &c, 1, 100);
	depot_kill(d);
	depot_start(d);
	is_at(d, 100, a.slot);
	rests(d, &c, 2);
	depot_pass(d, STORE_CID_REST_MS);
	const struct store_assoc b = depot_roamer(d, &c, 2, 2);
	is_at(d, 2, b.slot);
	assert_int_equal(store_stats(d->s).resting, 0);
	depot_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, depot_begin, depot_end)
		T(test_S25_a_CID_leads_to_its_association),
		T(test_S25_a_CID_that_somebody_has_is_refused_and_nothing_changes),
		T(test_S25_two_of_one_transaction_do_not_get_the_same_CID),
		T(test_a_CID_that_is_too_long_is_refused),
		T(test_S20_a_CID_that_leads_to_another_association_does_not_rest),
		T(test_S20_a_head_with_another_CID_does_not_open),
		T(test_S25_however_it_goes_its_CID_rests),
		T(test_S25_it_rests_for_a_day_over_any_end_of_the_process),
		T(test_S25_what_has_rested_is_forgotten_a_few_at_a_time),
		T(test_S25_a_CID_given_again_is_not_forgotten_for_its_earlier_rest),
		T(test_S25_one_that_rests_anew_is_not_forgotten_for_its_earlier_rest),
		T(test_S25_those_that_rest_are_bounded_and_the_oldest_go_first),
		T(test_a_damaged_entry_is_told_and_counts_as_taken),
		T(test_a_damaged_row_of_those_that_rest_does_not_keep_the_others),
		T(test_S5_who_discards_sessions_keeps_no_CIDs),
		cmocka_unit_test(test_S25_on_disk),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
