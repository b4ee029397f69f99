/* SPDX-License-Identifier: Apache-2.0 */
/* What a start may believe of windows and numbers: process gone, machine gone, files gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "unit/store/depot.h"

static int begin_anchored(void **state)
{
	struct depot *const d = depot_new();
	depot_anchor(d);
	depot_start(d);
	*state = d;
	return 0;
}

static struct store_assoc make(struct depot *d)
{
	const struct store_cred c = depot_cred(d, "meter");
	struct store_assoc a = depot_assoc(d, &c, 1);
	depot_mark(d, &a, 1);
	depot_mark(d, &a, 3);
	return a;
}

static enum store_trust trust(struct depot *d, const struct store_assoc *a)
{
	struct store_assoc b;
	assert_int_equal(depot_read(d, a->slot, &b), STORE_OK);
	return b.trust;
}

static void test_S10_after_a_kill_the_window_is_exact(void **state)
{
	struct depot *const d = *state;
	const struct store_assoc a = make(d);
	struct store_assoc b;
	depot_kill(d);
	depot_start(d);
	assert_true(d->start.continuous);
	assert_string_equal(d->start.why, "");
	assert_int_equal(depot_read(d, a.slot, &b), STORE_OK);
	assert_int_equal(b.trust, STORE_EXACT);
	assert_int_equal(b.state.edge, 4);
	assert_int_equal(b.state.seen, 5);
}

static void test_S10_without_its_token_it_was_a_power_loss(void **state)
{
	struct depot *const d = *state;
	const struct store_assoc a = make(d);
	depot_power_loss(d);
	depot_start(d);
	assert_false(d->start.continuous);
	assert_true(strlen(d->start.why) > 0);
	assert_int_equal(trust(d, &a), STORE_UNSURE);
}

static void test_S10_a_database_older_than_the_token_is_a_power_loss(void **state)
{
	struct depot *const d = *state;
	const struct store_assoc a = make(d);
	depot_copy(d);
	(void)depot_cred(d, "more");
	depot_kill(d);
	depot_put_back(d);
	depot_start(d);
	assert_false(d->start.continuous);
	assert_int_equal(trust(d, &a), STORE_UNSURE);
}

static void test_S6_unsure_gets_no_lease_and_is_never_proven(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d);
	depot_power_loss(d);
	depot_start(d);
	assert_int_equal(depot_lease(d, &a, 0), STORE_STALE);
	assert_int_equal(depot_prove(d, &a), STORE_STALE);
	depot_kill(d);
	depot_start(d); /* nor by another start, however good */
	assert_true(d->start.continuous);
	assert_int_equal(trust(d, &a), STORE_UNSURE);
	assert_int_equal(depot_lease(d, &a, 0), STORE_STALE);
	assert_int_equal(depot_drop(d, &a), STORE_OK);
}

static void test_S6_with_an_anchor_the_numbers_are_good_and_the_window_is_not(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d);
	depot_power_loss(d);
	depot_start(d);
	assert_true(d->start.anchored);
	assert_int_equal(trust(d, &a), STORE_LAPSED);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(a.trust, STORE_LAPSED);
	assert_int_equal(a.state.sent, 2 * STORE_LEASE);
}

/* A lease is needed to ask the device (S12); who dies then has still not heard the answer. */
static void test_S12_a_lease_alone_does_not_make_a_window_exact(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d);
	depot_power_loss(d);
	depot_start(d);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	depot_kill(d);
	depot_start(d);
	assert_true(d->start.continuous);
	assert_int_equal(trust(d, &a), STORE_LAPSED);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(trust(d, &a), STORE_LAPSED);
}

static void test_S12_once_proven_it_stays_exact_until_the_next_power_loss(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d);
	depot_power_loss(d);
	depot_start(d);
	const struct slot_state proven = { .edge = 50, .seen = UINT64_MAX };
	slot_init(store_slot(d->s, a.slot), store_slot_key(d->s), a.slot, a.id, &proven);
	assert_int_equal(trust(d, &a), STORE_LAPSED); /* until it is durable that it was */
	assert_int_equal(depot_prove(d, &a), STORE_OK);
	assert_int_equal(depot_prove(d, &a), STORE_OK);
	assert_int_equal(trust(d, &a), STORE_EXACT);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(trust(d, &a), STORE_EXACT);
	depot_power_loss(d);
	depot_start(d);
	assert_int_equal(trust(d, &a), STORE_LAPSED);
}

/* What its edge says would turn away the first records of whoever gets it next, or be believed. */
static void test_S10_slots_are_forgotten_after_a_power_loss(void **state)
{
	struct depot *const d = *state;
	const struct store_assoc a = make(d);
	struct slot_state w;
	assert_true(slot_load(store_slot(d->s, a.slot), store_slot_key(d->s), a.slot, a.id, &w));
	depot_power_loss(d);
	depot_start(d);
	struct slot *const slot = store_slot(d->s, a.slot);
	assert_non_null(slot);
	assert_false(slot_load(slot, store_slot_key(d->s), a.slot, a.id, &w));
	assert_false(slot_has_seen(slot, 1));
}

static void test_S10_associations_after_the_power_loss_are_exact(void **state)
{
	struct depot *const d = *state;
	const struct store_assoc a = make(d);
	depot_power_loss(d);
	depot_start(d);
	const struct store_cred c = depot_cred(d, "young");
	const struct store_assoc b = depot_assoc(d, &c, 9);
	assert_int_equal(trust(d, &a), STORE_UNSURE);
	assert_int_equal(trust(d, &b), STORE_EXACT);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(trust(d, &a), STORE_UNSURE);
	assert_int_equal(trust(d, &b), STORE_EXACT);
}

static void test_S10_only_the_hot_file_deleted(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d), b;
	depot_kill(d);
	assert_int_equal(unlink(d->hot), 0);
	depot_start(d);
	assert_false(d->start.continuous);
	assert_int_equal(depot_read(d, a.slot, &b), STORE_OK);
	assert_int_equal(b.trust, STORE_LAPSED); /* the anchor vouches for the numbers */
	assert_int_equal(b.state.edge, 0);
	assert_non_null(store_slot(d->s, a.slot)); /* there is a place for the proven one */
	depot_kill(d);
	depot_start(d); /* the new file is known now */
	assert_true(d->start.continuous);
}

static void test_S15_two_slots_swapped_are_lost_both(void **state)
{
	struct depot *const d = *state;
	const struct store_assoc a = make(d);
	const struct store_cred c = depot_cred(d, "other");
	const struct store_assoc b = depot_assoc(d, &c, 2);
	struct slot *const one = store_slot(d->s, a.slot), *const two = store_slot(d->s, b.slot);
	uint8_t between[SLOT_SIZE];
	memcpy(between, one, SLOT_SIZE);
	memcpy(one, two, SLOT_SIZE);
	memcpy(two, between, SLOT_SIZE);
	assert_int_equal(trust(d, &a), STORE_LAPSED);
	assert_int_equal(trust(d, &b), STORE_LAPSED);
	/* Within the incarnation, too: what the slot says of sent numbers is not to be had. */
	struct store_assoc x;
	assert_int_equal(depot_read(d, a.slot, &x), STORE_OK);
	assert_true(x.leased);
	assert_int_equal(x.state.sent, x.write_end);
}

static void test_S15_a_slot_is_reused_only_in_a_later_transaction(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "meter");
	const struct store_assoc a = depot_assoc(d, &c, 1);
	/* The same path: the old one is dropped in the transaction that puts the new one. */
	const struct store_assoc b = depot_assoc(d, &c, 1);
	assert_int_not_equal(a.slot, b.slot);
	const struct store_assoc e = depot_assoc(d, &c, 2);
	assert_int_equal(e.slot, a.slot);
	assert_memory_not_equal(e.id, a.id, SLOT_ID);
	struct store_assoc x;
	assert_int_equal(depot_read(d, e.slot, &x), STORE_OK);
	assert_memory_equal(x.id, e.id, SLOT_ID);
	assert_int_equal(x.trust, STORE_EXACT);
}

struct swap {
	struct store_assoc old, new;
	uint64_t owner;
};

static enum store_result drop_and_put(struct store_txn *t, void *arg)
{
	struct swap *const x = arg;
	const enum store_result r = store_assoc_drop(t, x->old.slot, x->old.id);
	return r == STORE_OK ? store_assoc_put(t, &x->new, x->owner) : r;
}

static void test_S15_nor_is_one_that_the_same_transaction_freed(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "meter");
	struct swap x = { .old = depot_assoc(d, &c, 1),
		.new = depot_assoc_of(&c, 2),
		.owner = slot_owner(d->start.incarnation, 0) };
	assert_int_equal(depot_do(d, drop_and_put, &x), STORE_OK);
	assert_int_not_equal(x.new.slot, x.old.slot);
}

static void test_S20_an_index_row_that_points_elsewhere_is_left_alone(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "meter");
	const struct store_assoc a = depot_assoc(d, &c, 1);
	struct store_assoc other = a;
	const struct key path = key_hash(store_path_hash(d->s, &a.path)), nine = key_number(9);
	struct kv_txn *kv;
	uint32_t slot;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &kv), STORE_OK);
	assert_int_equal(kv_put(kv, KEY_PATH, key_slice(&path), key_slice(&nine)), STORE_OK);
	assert_int_equal(kv_commit(kv), STORE_OK);
	other.id[0] ^= 1;
	assert_int_equal(depot_drop(d, &other), STORE_NONE);
	assert_int_equal(depot_drop(d, &a), STORE_OK);
	assert_int_equal(store_find_path(d->r, &a.path, &slot), STORE_OK);
	assert_int_equal(slot, 9);
}

static void test_S15_a_commit_that_fails_leaves_the_slot_free(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "meter");
	struct store_assoc a = depot_assoc_of(&c, 1);
	kv_ram_fail(d->s->parts.kv, STORE_FULL, 1);
	assert_int_equal(depot_put(d, &a), STORE_FULL);
	assert_true(store_stats(d->s).is_full);
	const uint32_t slot = a.slot;
	a = depot_assoc(d, &c, 1);
	assert_int_equal(a.slot, slot);
	assert_false(store_stats(d->s).is_full);
	assert_int_equal(trust(d, &a), STORE_EXACT);
}

static void test_the_store_knows_the_window_that_it_was_given(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "meter");
	struct store_assoc a = depot_assoc_of(&c, 1), b;
	a.state = (struct slot_state){ .edge = 3, .seen = 7, .sent = 2 };
	assert_int_equal(depot_put(d, &a), STORE_OK);
	assert_int_equal(depot_read(d, a.slot, &b), STORE_OK);
	assert_int_equal(b.state.edge, 3);
	assert_int_equal(b.state.seen, 7);
	assert_int_equal(b.state.sent, 2);
	/* S8: it has an owner. */
	struct slot *const slot = store_slot(d->s, a.slot);
	assert_false(slot_take(slot, slot_owner(d->start.incarnation, 1)));
}

static void test_time_goes_on_over_starts_and_never_back(void **state)
{
	enum { HOUR = 3600 * 1000 };
	struct depot *const d = *state;
	const uint64_t first = store_time(d->s, d->settings.boot_ms);
	assert_int_equal(store_time(d->s, d->settings.boot_ms + 500), first + 500);
	assert_int_equal(store_time(d->s, 0), first);
	depot_stop(d);
	d->settings.wall_ms += HOUR;
	d->settings.boot_ms = 5; /* a reboot */
	depot_start(d);
	const uint64_t second = store_time(d->s, d->settings.boot_ms);
	assert_in_range(second, first + HOUR - 1000, first + HOUR + 1000);
	depot_stop(d);
	d->settings.wall_ms -= 5 * (uint64_t)HOUR; /* a clock that was never set */
	depot_start(d);
	const uint64_t third = store_time(d->s, d->settings.boot_ms);
	assert_in_range(third, second, second + 1000);
	depot_stop(d);
	d->settings.wall_ms += (uint64_t)24 * 365 * HOUR; /* or set wrong */
	depot_start(d);
	assert_in_range(store_time(d->s, d->settings.boot_ms), third, third + 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, depot_begin, depot_end)
#define A(f) cmocka_unit_test_setup_teardown(f, begin_anchored, depot_end)
		T(test_S10_after_a_kill_the_window_is_exact),
		T(test_S10_without_its_token_it_was_a_power_loss),
		T(test_S10_a_database_older_than_the_token_is_a_power_loss),
		T(test_S6_unsure_gets_no_lease_and_is_never_proven),
		A(test_S6_with_an_anchor_the_numbers_are_good_and_the_window_is_not),
		A(test_S12_a_lease_alone_does_not_make_a_window_exact),
		A(test_S12_once_proven_it_stays_exact_until_the_next_power_loss),
		T(test_S10_slots_are_forgotten_after_a_power_loss),
		T(test_S10_associations_after_the_power_loss_are_exact),
		A(test_S10_only_the_hot_file_deleted),
		T(test_S15_two_slots_swapped_are_lost_both),
		T(test_S15_a_slot_is_reused_only_in_a_later_transaction),
		T(test_S15_nor_is_one_that_the_same_transaction_freed),
		T(test_S20_an_index_row_that_points_elsewhere_is_left_alone),
		T(test_S15_a_commit_that_fails_leaves_the_slot_free),
		T(test_the_store_knows_the_window_that_it_was_given),
		T(test_time_goes_on_over_starts_and_never_back),
#undef T
#undef A
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
