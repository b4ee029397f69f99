/* SPDX-License-Identifier: Apache-2.0 */
/* Where a device with a CID is, was, and may be; and who is found at its address. */
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
#include "unit/store/old.h"

static struct store_path at(uint16_t port)
{
	const struct store_cred nobody = { 0 };
	return depot_assoc_of(&nobody, port).path;
}

static struct store_assoc look(struct depot *d, const struct store_assoc *a)
{
	struct store_assoc x;
	assert_int_equal(depot_read(d, a->slot, &x), STORE_OK);
	assert_memory_equal(x.id, a->id, sizeof(x.id));
	return x;
}

/* What is large is not on the stack; until the next call. */
static const struct store_assoc *peek(struct depot *d, const struct store_assoc *a)
{
	static struct store_assoc x;
	x = look(d, a);
	return &x;
}

static void moves_to(struct depot *d, struct store_assoc *a, uint16_t port)
{
	a->path = at(port);
	a->candidate = (struct store_path){ 0 };
	assert_int_equal(depot_move(d, a), STORE_OK);
}

static bool is_same(const struct store_path *a, const struct store_path *b)
{
	return a->role == b->role && net_addr_same(&a->peer, &b->peer) &&
	       net_addr_same(&a->local, &b->local);
}

static void is_found(struct depot *d, uint16_t port, uint32_t slot)
{
	const struct store_path p = at(port);
	uint32_t is;
	store_reader_rest(d->r);
	assert_int_equal(store_find_path(d->r, &p, &is), STORE_OK);
	assert_int_equal(is, slot);
}

static void nobody_is_found(struct depot *d, uint16_t port)
{
	const struct store_path p = at(port);
	uint32_t is;
	store_reader_rest(d->r);
	assert_int_equal(store_find_path(d->r, &p, &is), STORE_NONE);
}

static bool is_there(struct depot *d, const struct store_assoc *a)
{
	struct store_assoc x;
	return depot_read(d, a->slot, &x) == STORE_OK && memcmp(x.id, a->id, sizeof(x.id)) == 0;
}

/* --- a move ----------------------------------------------------------------------------------- */

static void test_a_new_one_is_where_its_handshake_was(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	const struct store_assoc a = depot_roamer(d, c, 1, 1);
	const struct store_assoc x = look(d, &a);
	const struct store_path here = at(1);
	assert_true(is_same(&x.path, &here));
	assert_true(x.path_ms == a.path_ms && x.path_ms > 0 && x.path_ms <= store_now(d->s));
	assert_int_equal(x.candidate.peer.family, 0);
	assert_int_equal(x.stays[0].peer.family, 0);
	assert_true(x.moves == 0 && !x.adrift);
	assert_int_equal(x.up_ms, 77);
}

static void test_S26_a_candidate_outlives_the_process(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct store_assoc a = depot_roamer(d, c, 1, 1);
	a.candidate = at(2);
	assert_int_equal(depot_move(d, &a), STORE_OK);
	depot_kill(d);
	depot_start(d);
	struct store_assoc x = look(d, &a);
	const struct store_path here = at(1), there = at(2);
	assert_true(is_same(&x.path, &here));
	assert_true(is_same(&x.candidate, &there));
	assert_int_equal(x.moves, 0);
	assert_true(x.path_ms == a.path_ms);
	is_found(d, 2, a.slot); /* it is only claimed, but somebody is there (S27) */
	a.candidate = (struct store_path){ 0 };
	assert_int_equal(depot_move(d, &a), STORE_OK);
	x = look(d, &a);
	assert_int_equal(x.candidate.peer.family, 0);
	nobody_is_found(d, 2);
}

static void test_S26_a_move_outlives_the_process_and_the_power(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct store_assoc a = depot_roamer(d, c, 1, 1);
	a.candidate = at(2);
	assert_int_equal(depot_move(d, &a), STORE_OK);
	depot_pass(d, 5000);
	moves_to(d, &a, 2);
	depot_power_loss(d);
	depot_start(d);
	const struct store_assoc x = look(d, &a);
	const struct store_path here = at(1), there = at(2);
	assert_true(is_same(&x.path, &there));
	assert_true(x.path_ms >= a.path_ms + 5000);
	assert_int_equal(x.candidate.peer.family, 0);
	assert_int_equal(x.moves, 1);
	assert_true(net_addr_same(&x.stays[0].peer, &here.peer));
	assert_true(x.stays[0].since_ms == a.path_ms);
	assert_int_equal(x.stays[1].peer.family, 0);
	nobody_is_found(d, 1);
	is_found(d, 2, a.slot);
	assert_int_equal(x.context_len, a.context_len);
	assert_memory_equal(x.context, a.context, a.context_len);
	assert_memory_equal(x.cid, a.cid, sizeof(a.cid));
}

static void test_R159_a_move_outlives_kill_on_disk(void **state)
{
	(void)state;
	struct depot *const d = depot_new_lmdb();
	depot_start(d);
	const struct store_cred *const c = depot_member(d, "a");
	struct store_assoc a = depot_roamer(d, c, 1, 1);
	a.path = at(2);
	a.candidate = at(3);
	assert_int_equal(depot_move(d, &a), STORE_OK);
	depot_kill(d);
	depot_start(d);
	const struct store_assoc x = look(d, &a);
	assert_true(is_same(&x.path, &a.path));
	assert_true(is_same(&x.candidate, &a.candidate));
	is_found(d, 2, a.slot);
	depot_free(d);
}

static void test_the_latest_stays_are_kept(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct store_assoc a = depot_roamer(d, c, 1, 1);
	for (uint16_t port = 2; port <= 7; port++) {
		depot_pass(d, 1000);
		moves_to(d, &a, port);
		moves_to(d, &a, port); /* once more is no other place */
	}
	const struct store_assoc x = look(d, &a);
	assert_int_equal(x.moves, 6);
	for (unsigned i = 0; i < STORE_STAYS; i++)
		assert_int_equal(x.stays[i].peer.port, 6 - i);
	for (unsigned i = 1; i < STORE_STAYS; i++)
		assert_true(x.stays[i].since_ms + 1000 <= x.stays[i - 1].since_ms);
	assert_true(x.stays[0].since_ms + 1000 <= x.path_ms);
	for (uint16_t port = 1; port <= 6; port++)
		nobody_is_found(d, port);
	is_found(d, 7, a.slot);
}

static void test_another_socket_of_ours_is_another_place(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct store_assoc a = depot_assoc_of(c, 1);
	a.path.role = STORE_LINK;
	assert_int_equal(depot_put(d, &a), STORE_OK);
	a.path.local.port = 7;
	struct store_assoc b = a;
	assert_int_equal(depot_put(d, &b), STORE_OK); /* it is there before: the newer counts */
	assert_int_equal(depot_move(d, &a), STORE_OK);
	const struct store_assoc x = look(d, &a);
	uint32_t slot;
	assert_int_equal(x.moves, 1);
	store_reader_rest(d->r);
	assert_int_equal(store_find_path(d->r, &a.path, &slot), STORE_OK);
	assert_int_equal(slot, a.slot);
}

static void test_a_move_is_for_one_association(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	struct store_assoc a = depot_roamer(d, c, 1, 1), b = a;
	b.path = at(2);
	b.id[0] ^= 1;
	assert_int_equal(depot_move(d, &b), STORE_STALE);
	b = a;
	b.path.role = STORE_LINK + 1;
	assert_int_equal(depot_move(d, &b), STORE_DAMAGED);
	b = a;
	b.candidate = at(2);
	b.candidate.role = STORE_LINK + 1;
	assert_int_equal(depot_move(d, &b), STORE_DAMAGED);
	const struct store_assoc x = look(d, &a);
	assert_true(is_same(&x.path, &a.path));
	assert_int_equal(depot_drop(d, &a), STORE_OK);
	assert_int_equal(depot_move(d, &a), STORE_STALE);
}

static enum store_result rewrite(struct store_txn *t, void *arg)
{
	return store_assoc_rewrite(t, arg);
}

static void test_S9_a_new_context_leaves_where_it_is_and_was(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	const struct store_assoc old = depot_roamer(d, c, 1, 1);
	struct store_assoc a = old;
	moves_to(d, &a, 2);
	a.candidate = at(3);
	a.adrift = true;
	assert_int_equal(depot_move(d, &a), STORE_OK);
	const struct store_assoc before = look(d, &a);
	a = old; /* who writes it may know less */
	a.cid_len = 0;
	a.context_len = 3;
	assert_int_equal(depot_do(d, rewrite, &a), STORE_OK);
	struct store_assoc x = look(d, &a);
	assert_int_equal(x.context_len, 3);
	memcpy(x.context, before.context, sizeof(x.context));
	x.context_len = before.context_len;
	assert_memory_equal(&x, &before, sizeof(x));
	is_found(d, 2, a.slot);
}

/* --- who is found at an address --------------------------------------------------------------- */

static void test_who_has_only_its_address_stays_findable(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a"), *const e = depot_member(d, "b");
	const struct store_assoc classic = depot_assoc(d, c, 1);
	struct store_assoc a = depot_roamer(d, e, 2, 1), b = depot_roamer(d, e, 3, 2);
	moves_to(d, &a, 1);
	is_found(d, 1, classic.slot);
	moves_to(d, &a, 4);
	is_found(d, 1, classic.slot);
	is_found(d, 4, a.slot);
	moves_to(d, &b, 4); /* of those with a CID: the latest */
	is_found(d, 4, b.slot);
	assert_int_equal(depot_drop(d, &a), STORE_OK);
	is_found(d, 4, b.slot);
	assert_int_equal(depot_drop(d, &b), STORE_OK);
	nobody_is_found(d, 4);
}

static void test_R109_a_handshake_sets_adrift_who_was_there_with_a_CID(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a"), *const e = depot_member(d, "b");
	const struct store_cred *const f = depot_member(d, "f");
	const struct store_assoc a = depot_roamer(d, c, 1, 1);
	const struct store_assoc b = depot_roamer(d, e, 1, 2);
	assert_true(peek(d, &a)->adrift);
	assert_false(peek(d, &b)->adrift);
	is_found(d, 1, b.slot);
	const struct store_assoc classic = depot_assoc(d, f, 1);
	assert_true(peek(d, &b)->adrift);
	is_found(d, 1, classic.slot);
}

static void test_R109_who_is_adrift_stays_so_until_it_turns_up(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a"), *const e = depot_member(d, "b");
	const struct store_assoc a = depot_roamer(d, c, 1, 1);
	const uint32_t other = depot_assoc(d, e, 1).slot;
	depot_kill(d);
	depot_start(d);
	struct store_assoc x = look(d, &a);
	assert_true(x.adrift && x.moves == 0 && x.path_ms == a.path_ms);
	assert_true(is_same(&x.path, &a.path));
	uint32_t slot;
	assert_int_equal(store_find_cid(d->r, a.cid, a.cid_len, &slot), STORE_OK);
	assert_int_equal(slot, a.slot);
	x.adrift = false;
	moves_to(d, &x, 5);
	x = look(d, &a);
	assert_true(!x.adrift && x.moves == 1);
	is_found(d, 5, a.slot);
	is_found(d, 1, other);
}

static void test_R109_an_earlier_one_of_the_same_device_is_left_to_its_session(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a");
	const struct store_assoc a = depot_roamer(d, c, 1, 1);
	const struct store_assoc b = depot_roamer(d, c, 1, 2);
	assert_false(peek(d, &a)->adrift);
	is_found(d, 1, b.slot);
	assert_int_equal(depot_drop(d, &a), STORE_OK);
	is_found(d, 1, b.slot);
}

static void test_R109_a_handshake_replaces_who_was_there_without_a_CID(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a"), *const e = depot_member(d, "b");
	const struct store_assoc classic = depot_assoc(d, c, 1);
	const struct store_assoc a = depot_roamer(d, e, 1, 1);
	assert_false(is_there(d, &classic));
	is_found(d, 1, a.slot);
	/* And a link, with one or without. */
	struct store_assoc link = depot_assoc_of(c, 2), next = depot_assoc_of(e, 2);
	link.path.role = next.path.role = STORE_LINK;
	depot_name(&link, 2);
	depot_name(&next, 3);
	assert_int_equal(depot_put(d, &link), STORE_OK);
	assert_int_equal(depot_put(d, &next), STORE_OK);
	assert_false(is_there(d, &link));
	assert_true(is_there(d, &next));
}

static void test_R109_back_at_the_same_address_it_is_found_there_again(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a"), *const e = depot_member(d, "b");
	const struct store_assoc a = depot_roamer(d, c, 1, 1);
	const struct store_assoc b = depot_roamer(d, e, 1, 2);
	struct store_assoc x = look(d, &a);
	x.adrift = false;
	assert_int_equal(depot_move(d, &x), STORE_OK);
	is_found(d, 1, a.slot);
	assert_int_equal(peek(d, &a)->moves, 0);
	assert_false(peek(d, &a)->adrift);
	assert_false(peek(d, &b)->adrift);
}

static void test_R109_but_not_in_the_place_of_one_that_has_only_its_address(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a"), *const e = depot_member(d, "b");
	const struct store_assoc a = depot_roamer(d, c, 1, 1);
	const uint32_t classic = depot_assoc(d, e, 1).slot;
	struct store_assoc x = look(d, &a);
	assert_true(x.adrift);
	x.adrift = false;
	assert_int_equal(depot_move(d, &x), STORE_OK);
	is_found(d, 1, classic);
	x.adrift = true;
	assert_int_equal(depot_move(d, &x), STORE_OK);
	is_found(d, 1, classic);
	moves_to(d, &x, 2); /* where it is not any more, either */
	assert_true(peek(d, &a)->adrift);
	nobody_is_found(d, 2);
}

static void put_row(struct depot *d, unsigned table, const struct key *k, struct kv_slice v)
{
	struct kv_txn *t;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &t), STORE_OK);
	assert_int_equal(kv_put(t, table, key_slice(k), v), STORE_OK);
	assert_int_equal(kv_commit(t), STORE_OK);
}

static void test_S20_an_index_that_leads_astray_removes_nobody(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a"), *const e = depot_member(d, "b");
	const struct store_assoc classic = depot_assoc(d, c, 1);
	const struct store_path two = at(2), three = at(3);
	const struct key second = key_hash(store_path_hash(d->s, &two));
	const struct key third = key_hash(store_path_hash(d->s, &three));
	const struct key slot = key_number(classic.slot);
	put_row(d, KEY_PATH, &second, key_slice(&slot));
	const struct store_assoc a = depot_roamer(d, e, 2, 1);
	assert_true(is_there(d, &classic));
	is_found(d, 2, a.slot);
	put_row(d, KEY_PATH, &third, (struct kv_slice){ "?", 1 });
	const struct store_assoc b = depot_roamer(d, e, 3, 2);
	is_found(d, 3, b.slot);
}

static void test_a_damaged_one_at_an_address_does_not_stop_a_handshake_there(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const c = depot_member(d, "a"), *const e = depot_member(d, "b");
	const struct store_assoc a = depot_roamer(d, c, 1, 1);
	const struct key k = key_number(a.slot);
	uint8_t head[VALUE_HEAD_MAX];
	const struct value_assoc_head h = {
		.cred = c->number, .path = store_path_hash(d->s, &a.path), .has_cid = true
	};
	const size_t len = value_assoc_head_write(&h, head, sizeof(head));
	put_row(d, KEY_ASSOC, &k, (struct kv_slice){ head, len });
	const struct store_assoc b = depot_roamer(d, e, 1, 2);
	is_found(d, 1, b.slot);
	assert_true(store_stats(d->s).damaged > 0);
	put_row(d, KEY_ASSOC, &k, (struct kv_slice){ "?", 1 });
	struct store_assoc x;
	assert_int_equal(depot_read(d, a.slot, &x), STORE_DAMAGED);
	assert_int_equal(depot_move(d, &a), STORE_DAMAGED);
}

/* --- from before ------------------------------------------------------------------------------ */

static void old_goes_on(uint32_t version)
{
	struct depot *const d = old_depot(version);
	struct store_cred c;
	struct store_assoc a;
	uint32_t slot;
	assert_int_equal(store_read_cred(d->r, 2, &c), STORE_OK);
	assert_int_equal(depot_read(d, 0, &a), STORE_OK);
	assert_int_equal(a.cred, 2);
	assert_true(a.context_len > 0 && a.up_ms > 0);
	assert_true(a.path_ms == a.up_ms);
	assert_true(a.cid_len == 0 && a.moves == 0 && !a.adrift);
	assert_int_equal(a.candidate.peer.family, 0);
	assert_int_equal(a.stays[0].peer.family, 0);
	store_reader_rest(d->r);
	assert_int_equal(store_find_path(d->r, &a.path, &slot), STORE_OK);
	assert_int_equal(slot, 0);
	/* One with a CID comes to where it is. */
	struct store_assoc b = depot_roamer(d, &c, 9, 1);
	b.path = a.path;
	assert_int_equal(depot_move(d, &b), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_find_path(d->r, &a.path, &slot), STORE_OK);
	assert_int_equal(slot, 0);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(peek(d, &b)->moves, 1);
	assert_int_equal(store_stats(d->s).damaged, 0);
	depot_free(d);
}

static void test_associations_from_before_there_were_CIDs_go_on(void **state)
{
	(void)state;
	old_goes_on(1);
	old_goes_on(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, depot_begin, depot_end)
		T(test_a_new_one_is_where_its_handshake_was),
		T(test_S26_a_candidate_outlives_the_process),
		T(test_S26_a_move_outlives_the_process_and_the_power),
		cmocka_unit_test(test_R159_a_move_outlives_kill_on_disk),
		T(test_the_latest_stays_are_kept),
		T(test_another_socket_of_ours_is_another_place),
		T(test_a_move_is_for_one_association),
		T(test_S9_a_new_context_leaves_where_it_is_and_was),
		T(test_who_has_only_its_address_stays_findable),
		T(test_R109_a_handshake_sets_adrift_who_was_there_with_a_CID),
		T(test_R109_who_is_adrift_stays_so_until_it_turns_up),
		T(test_R109_an_earlier_one_of_the_same_device_is_left_to_its_session),
		T(test_R109_a_handshake_replaces_who_was_there_without_a_CID),
		T(test_R109_back_at_the_same_address_it_is_found_there_again),
		T(test_R109_but_not_in_the_place_of_one_that_has_only_its_address),
		T(test_S20_an_index_that_leads_astray_removes_nobody),
		T(test_a_damaged_one_at_an_address_does_not_stop_a_handshake_there),
		cmocka_unit_test(test_associations_from_before_there_were_CIDs_go_on),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
