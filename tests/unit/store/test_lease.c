/* SPDX-License-Identifier: Apache-2.0 */
/* Write numbers: none is given out twice, whatever dies and whatever is put back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "unit/store/depot.h"

static struct store_assoc make(struct depot *d)
{
	const struct store_cred c = depot_cred(d, "meter");
	return depot_assoc(d, &c, 1);
}

static void read_ok(struct depot *d, uint32_t slot, struct store_assoc *out)
{
	assert_int_equal(depot_read(d, slot, out), STORE_OK);
}

static void test_S9_the_base_commit_brings_the_first_lease(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d), b;
	assert_true(a.leased);
	assert_int_equal(a.write_end, STORE_LEASE);
	assert_int_equal(a.read_end, UINT64_MAX);
	read_ok(d, a.slot, &b);
	assert_true(b.leased);
	assert_int_equal(b.write_end, STORE_LEASE);
	assert_int_equal(b.state.sent, 0);
	assert_int_equal(b.trust, STORE_EXACT);
	assert_memory_equal(b.context, a.context, a.context_len);
	assert_memory_equal(&b.path, &a.path, sizeof(a.path));
	assert_int_equal(b.cred, a.cred);
	assert_int_equal(b.up_ms, 77);
}

static void test_S8_within_an_incarnation_leases_join_and_sent_comes_from_the_slot(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d), b;
	a.state.sent = 130;
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(a.write_end, 2 * STORE_LEASE);
	assert_int_equal(a.state.sent, 130); /* no new block */
	slot_release(store_slot(d->s, a.slot), slot_owner(d->start.incarnation, 0), 200);
	read_ok(d, a.slot, &b);
	assert_true(b.leased);
	assert_int_equal(b.state.sent, 200);
	assert_int_equal(b.write_end, 2 * STORE_LEASE);
}

static void test_S1_after_a_start_nothing_may_be_sent_before_a_lease(void **state)
{
	struct depot *const d = *state;
	const struct store_assoc a = make(d);
	struct store_assoc b;
	slot_release(store_slot(d->s, a.slot), slot_owner(d->start.incarnation, 0), 9);
	depot_stop(d);
	depot_start(d);
	read_ok(d, a.slot, &b);
	assert_true(d->start.continuous);
	assert_false(b.leased);
	assert_int_equal(b.state.sent, b.write_end);
}

static void test_S2_a_clean_stop_skips_nothing(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d);
	depot_stop(d);
	depot_start(d);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(a.state.sent, STORE_LEASE);
	assert_int_equal(a.write_end, 2 * STORE_LEASE);
}

static void test_S5_an_unclean_end_skips_one_lease(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(a.state.sent, 2 * STORE_LEASE);
	assert_int_equal(a.write_end, 3 * STORE_LEASE);
	depot_stop(d); /* once */
	depot_start(d);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(a.state.sent, 3 * STORE_LEASE);
}

static void test_S5_two_kills_with_no_traffic_between_skip_two(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d);
	depot_kill(d);
	depot_start(d);
	depot_kill(d);
	depot_start(d);
	depot_stop(d); /* a clean one between is no pardon */
	depot_start(d);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(a.state.sent, 3 * STORE_LEASE);
}

/* Sent is what an earlier incarnation's slot said, though this one has a lease: the block that was
   skipped lies between. */
static void test_S1_numbers_below_the_lease_of_this_incarnation_are_never_told(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d), b;
	slot_release(store_slot(d->s, a.slot), slot_owner(d->start.incarnation, 0), 40);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	read_ok(d, a.slot, &b);
	assert_true(b.leased);
	assert_int_equal(b.state.sent, 2 * STORE_LEASE);
}

/* Another process has begun: as if its first transaction were in the database. */
static void supersede_now(struct depot *d)
{
	struct kv_txn *kv;
	struct value_meta m;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &kv), STORE_OK);
	assert_int_equal(meta_load(kv, &d->s->mac, &m), STORE_OK);
	m.incarnation++;
	assert_int_equal(meta_save(kv, &d->s->mac, &m), STORE_OK);
	assert_int_equal(kv_commit(kv), STORE_OK);
}

static void test_S3_superseded_incarnation_gets_no_lease(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d), b;
	supersede_now(d);
	assert_int_equal(depot_lease(d, &a, 0), STORE_STALE);
	const uint64_t commits = store_stats(d->s).commits;
	assert_int_equal(depot_lease(d, &a, 0), STORE_STALE);
	assert_int_equal(depot_drop(d, &a), STORE_STALE);
	assert_int_equal(store_stats(d->s).commits, commits);
	read_ok(d, a.slot, &b);
	assert_int_equal(b.write_end, STORE_LEASE);
	assert_false(store_stats(d->s).is_broken);
}

static void test_S15_a_lease_is_for_the_id_not_for_the_slot(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d), other = a;
	other.id[3] ^= 1;
	assert_int_equal(depot_lease(d, &other, 0), STORE_STALE);
	other = a;
	other.slot = 500;
	assert_int_equal(depot_lease(d, &other, 0), STORE_STALE);
	assert_int_equal(depot_drop(d, &a), STORE_OK);
	assert_int_equal(depot_lease(d, &a, 0), STORE_STALE);
	assert_int_equal(depot_prove(d, &a), STORE_STALE);
}

static void test_S4_a_failed_commit_gives_no_lease_and_is_final(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d);
	const struct store_assoc was = a;
	kv_ram_fail(d->s->parts.kv, STORE_BROKEN, 1);
	assert_int_equal(depot_lease(d, &a, 0), STORE_BROKEN);
	a = was;
	assert_int_equal(depot_lease(d, &a, 0), STORE_BROKEN);
	assert_true(store_stats(d->s).is_broken);
	depot_kill(d);
	depot_start(d);
	a = was;
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(a.state.sent, 2 * STORE_LEASE);
}

static void test_S1_a_lease_row_with_a_wrong_mac_is_damage(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d), b;
	const struct key k = key_number(a.slot);
	struct kv_txn *kv;
	struct kv_slice v;
	uint8_t octets[VALUE_LEASE_MAX];
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &kv), STORE_OK);
	assert_int_equal(kv_get(kv, KEY_LEASE, key_slice(&k), &v), STORE_OK);
	memcpy(octets, v.data, v.len);
	octets[34] ^= 1; /* write_end */
	assert_int_equal(
		kv_put(kv, KEY_LEASE, key_slice(&k), (struct kv_slice){ octets, v.len }), STORE_OK);
	assert_int_equal(kv_commit(kv), STORE_OK);
	assert_int_equal(depot_lease(d, &a, 0), STORE_DAMAGED);
	assert_int_equal(depot_read(d, a.slot, &b), STORE_DAMAGED);
	assert_true(store_stats(d->s).damaged >= 2);
}

static void test_R132_there_is_an_end_of_numbers(void **state)
{
	struct depot *const d = *state;
	struct store_assoc a = make(d);
	struct value_lease l = { .incarnation = d->start.incarnation,
		.window = d->start.incarnation,
		.write_end = UINT32_MAX - 2 * STORE_LEASE,
		.read_end = UINT64_MAX };
	const struct key k = key_number(a.slot);
	uint8_t octets[VALUE_LEASE_MAX];
	struct kv_txn *kv;
	memcpy(l.id, a.id, sizeof(l.id));
	const size_t len = value_lease_write(&l, &d->s->mac, a.slot, octets, sizeof(octets));
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &kv), STORE_OK);
	assert_int_equal(
		kv_put(kv, KEY_LEASE, key_slice(&k), (struct kv_slice){ octets, len }), STORE_OK);
	assert_int_equal(kv_commit(kv), STORE_OK);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(depot_lease(d, &a, 0), STORE_FULL);
}

/* --- with an anchor --------------------------------------------------------------------------- */

static uint64_t watermark(const struct depot *d)
{
	return anchor_value(d->s->parts.anchor);
}

static void anchored(struct depot *d)
{
	depot_stop(d);
	depot_anchor(d);
	depot_start(d);
	assert_true(d->start.anchored);
}

static void test_S5_the_second_lease_under_a_watermark_raises_it(void **state)
{
	struct depot *const d = *state;
	anchored(d);
	struct store_assoc a = make(d);
	const uint64_t w = watermark(d);
	for (unsigned i = 0; i < 3; i++) { /* one is free, the next is paid for */
		assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
		assert_int_equal(watermark(d), w + i);
		assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
		assert_int_equal(watermark(d), w + i + 1);
	}
}

static void test_S5_every_start_raises_the_watermark(void **state)
{
	struct depot *const d = *state;
	anchored(d);
	const uint64_t w = watermark(d);
	depot_stop(d);
	depot_start(d);
	assert_int_equal(watermark(d), w + 1);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(watermark(d), w + 2);
}

/* "restore of a copy within the same run": one lease is missing in the copy, and skipped. */
static void test_S5_a_copy_of_the_same_watermark_repeats_no_number(void **state)
{
	struct depot *const d = *state;
	anchored(d);
	struct store_assoc a = make(d);
	depot_copy(d);
	struct store_assoc real = a;
	assert_int_equal(depot_lease(d, &real, 0), STORE_OK);
	depot_kill(d);
	depot_put_back(d);
	depot_start(d);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_true(a.state.sent >= real.write_end);
}

static void test_S5_a_copy_from_before_two_leases_is_refused(void **state)
{
	struct depot *const d = *state;
	anchored(d);
	struct store_assoc a = make(d);
	depot_copy(d);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	depot_kill(d);
	depot_put_back(d);
	depot_start_fails(d, "older copy");
	depot_start_fails(d, "--discard-sessions");
}

static void test_S5_a_copy_from_before_a_restart_is_refused(void **state)
{
	struct depot *const d = *state;
	anchored(d);
	(void)make(d);
	depot_copy(d);
	depot_stop(d);
	depot_start(d);
	depot_stop(d);
	depot_put_back(d);
	depot_start_fails(d, "older copy");
}

/* Incarnation 5 dies, 6 takes the number block that was skipped for it, and dies; a copy from
   before that lease is put back: there are two to be skipped. */
static void test_S5_skipped_blocks_add_up_over_a_copy(void **state)
{
	struct depot *const d = *state;
	anchored(d);
	struct store_assoc a = make(d), real = a;
	depot_kill(d);
	depot_start(d);
	depot_copy(d);
	assert_int_equal(depot_lease(d, &real, 0), STORE_OK);
	depot_kill(d);
	depot_put_back(d);
	depot_start(d);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	assert_true(a.state.sent >= real.write_end);
}

static void test_S5_leases_fail_when_the_anchor_cannot_be_raised(void **state)
{
	struct depot *const d = *state;
	anchored(d);
	struct store_assoc a = make(d);
	const struct store_cred c = depot_cred(d, "other");
	struct store_assoc b = depot_assoc(d, &c, 2);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	depot_break_anchor(d);
	struct store_assoc t = a;
	assert_int_equal(depot_lease(d, &t, 0), STORE_BROKEN);
	/* Also the ones that would be free had the raise reached the anchor. */
	t = a;
	const uint64_t commits = store_stats(d->s).commits;
	assert_int_equal(depot_lease(d, &t, 0), STORE_BROKEN);
	assert_int_equal(depot_lease(d, &b, 0), STORE_BROKEN);
	assert_int_equal(store_stats(d->s).commits, commits); /* no number is wasted */
	assert_int_equal(depot_revoke(d, c.number), STORE_BROKEN);
	const uint64_t lost = watermark(d);
	assert_false(store_stats(d->s).is_broken);
	depot_kill(d);
	depot_start(d);                           /* the medium is back */
	assert_int_equal(watermark(d), lost + 2); /* the one that failed, and the start's */
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	struct store_cred_mark mark;
	assert_int_equal(store_read_cred_mark(d->r, c.number, &mark), STORE_OK);
	assert_false(mark.active); /* done, though it could not be promised */
}

static void test_S29_a_change_of_credentials_raises_the_watermark(void **state)
{
	struct depot *const d = *state;
	anchored(d);
	const struct store_cred c = depot_cred(d, "meter");
	depot_copy(d);
	assert_int_equal(depot_revoke(d, c.number), STORE_OK);
	depot_kill(d);
	depot_put_back(d); /* a copy that would undo the revocation */
	depot_start_fails(d, "older copy");
}

static void test_S5_discarding_lets_an_older_copy_begin_without_sessions(void **state)
{
	struct depot *const d = *state;
	anchored(d);
	const struct store_assoc a = make(d);
	struct store_session s = { .cred = a.cred,
		.device = a.slot,
		.link = STORE_NO_SLOT,
		.registered = true,
		.location = "/rd/7",
		.expires_ms = 5000 };
	assert_int_equal(depot_session(d, &s), STORE_OK);
	depot_copy(d);
	struct store_cred lost = depot_cred(d, "lost"); /* a generation that the copy lacks */
	depot_kill(d);
	depot_put_back(d);
	depot_start_fails(d, "older copy");
	d->settings.discard_sessions = true;
	depot_start(d);
	d->settings.discard_sessions = false;
	struct store_assoc b;
	struct store_cred c;
	assert_int_equal(depot_read(d, a.slot, &b), STORE_NONE);
	assert_int_equal(store_read_session(d->r, a.cred, &s), STORE_NONE);
	assert_int_equal(store_read_cred(d->r, a.cred, &c), STORE_OK);
	assert_int_equal(store_stats(d->s).associations, 0);
	struct store_cred next = depot_cred(d, "next");
	assert_true(next.generation > lost.generation);
	depot_kill(d);
	depot_start(d); /* it is the newest now */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, depot_begin, depot_end)
		T(test_S9_the_base_commit_brings_the_first_lease),
		T(test_S8_within_an_incarnation_leases_join_and_sent_comes_from_the_slot),
		T(test_S1_after_a_start_nothing_may_be_sent_before_a_lease),
		T(test_S2_a_clean_stop_skips_nothing),
		T(test_S5_an_unclean_end_skips_one_lease),
		T(test_S5_two_kills_with_no_traffic_between_skip_two),
		T(test_S1_numbers_below_the_lease_of_this_incarnation_are_never_told),
		T(test_S3_superseded_incarnation_gets_no_lease),
		T(test_S15_a_lease_is_for_the_id_not_for_the_slot),
		T(test_S4_a_failed_commit_gives_no_lease_and_is_final),
		T(test_S1_a_lease_row_with_a_wrong_mac_is_damage),
		T(test_R132_there_is_an_end_of_numbers),
		T(test_S5_the_second_lease_under_a_watermark_raises_it),
		T(test_S5_every_start_raises_the_watermark),
		T(test_S5_a_copy_of_the_same_watermark_repeats_no_number),
		T(test_S5_a_copy_from_before_two_leases_is_refused),
		T(test_S5_a_copy_from_before_a_restart_is_refused),
		T(test_S5_skipped_blocks_add_up_over_a_copy),
		T(test_S5_leases_fail_when_the_anchor_cannot_be_raised),
		T(test_S29_a_change_of_credentials_raises_the_watermark),
		T(test_S5_discarding_lets_an_older_copy_begin_without_sessions),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
