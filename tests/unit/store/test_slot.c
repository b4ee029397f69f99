/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/slot.h"
#include "unit/store/slots.h"

/* --- what is kept ------------------------------------------------------------------------- */

static void test_S13_what_is_marked_is_loaded(void **state)
{
	(void)state;
	struct slot s;
	struct slot_state now = { .edge = 3, .seen = 5, .sent = 9, .forged = 2 };
	slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &now);
	struct slot_state got = slots_loaded(&s);
	assert_true(slots_same(&got, &now));
	assert_int_equal(got.sent, 9);
	assert_int_equal(got.forged, 2);
	static const uint64_t numbers[] = { 1, 3, 4, 10, 9, 73, 74, 138, 203, 140, 10000, 9937,
		UINT64_C(1) << 47 };
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		slots_mark(&s, &now, numbers[i]);
		got = slots_loaded(&s);
		assert_true(slots_same(&got, &now));
	}
}

static void test_S15_another_association_place_or_key_does_not_load(void **state)
{
	(void)state;
	struct slot s;
	struct slot_state now = { .edge = 3, .seen = 5 }, got;
	slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &now);
	for (size_t i = 0; i < SLOT_ID; i++) {
		uint8_t other[SLOT_ID];
		memcpy(other, slots_id, SLOT_ID);
		other[i] ^= 0x80;
		assert_false(slot_load(&s, &slots_key, SLOTS_PLACE, other, &got));
		assert_int_equal(got.edge, 0);
	}
	const struct sip_key wrong = { slots_key.k0, slots_key.k1 + 1 };
	assert_false(slot_load(&s, &slots_key, SLOTS_PLACE + 1, slots_id, &got));
	assert_false(slot_load(&s, &wrong, SLOTS_PLACE, slots_id, &got));
	assert_true(slot_load(&s, &slots_key, SLOTS_PLACE, slots_id, &got));
}

static void test_S15_slots_that_changed_places_do_not_load(void **state)
{
	(void)state;
	struct slot s[2], keep;
	static const uint8_t ids[2][SLOT_ID] = { { 1 }, { 2 } };
	struct slot_state now = { .edge = 3, .seen = 5 }, got;
	for (uint32_t i = 0; i < 2; i++)
		slot_init(&s[i], &slots_key, i, ids[i], &now);
	memcpy(&keep, &s[0], sizeof(keep));
	memcpy(&s[0], &s[1], sizeof(keep));
	memcpy(&s[1], &keep, sizeof(keep));
	for (uint32_t i = 0; i < 2; i++) {
		assert_false(slot_load(&s[i], &slots_key, i, ids[i], &got));
		assert_false(slot_load(&s[i], &slots_key, i, ids[1 - i], &got));
	}
}

/* Of a slot in rest, and of one in each state that a mark goes through. */
static void flip_all(const struct slot *s, const struct slot_state *before, uint64_t number)
{
	const struct slot_state then = slots_after(*before, number);
	static const struct {
		size_t from, to;
	} fields[] = {
		{ offsetof(struct slot, id), offsetof(struct slot, pending) },
		{ offsetof(struct slot, mac), sizeof(struct slot) },
	};
	for (size_t f = 0; f < COUNT_OF(fields); f++)
		for (size_t bit = fields[f].from * 8; bit < fields[f].to * 8; bit++) {
			struct slot spoilt;
			struct slot_state got;
			memcpy(&spoilt, s, sizeof(spoilt));
			((uint8_t *)&spoilt)[bit / 8] ^= (uint8_t)(1 << bit % 8);
			/* The one bit in which two true states differ may be it. */
			if (slot_load(&spoilt, &slots_key, SLOTS_PLACE, slots_id, &got))
				assert_true(s->pending != 0 &&
					    (slots_same(&got, before) || slots_same(&got, &then)));
		}
}

static void test_S21_a_flipped_bit_does_not_load(void **state)
{
	(void)state;
	struct slot s;
	struct slot_state now = { .edge = 100, .seen = 0x5555 };
	slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &now);
	flip_all(&s, &now, 0);
	s.pending = 98 + 1;
	flip_all(&s, &now, 98);
	s.pending = 104 + 1;
	flip_all(&s, &now, 104);
}

/* What no mark left, no mark explains. */
static void test_S13_at_rest_nothing_is_made_up(void **state)
{
	(void)state;
	struct slot s;
	const struct slot_state now = { .edge = 0, .seen = 1 };
	struct slot_state got;
	slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &now);
	s.edge = 5;
	assert_false(slot_load(&s, &slots_key, SLOTS_PLACE, slots_id, &got));
}

static void test_S15_a_slot_that_was_never_made_does_not_load(void **state)
{
	(void)state;
	static const struct slot empty;
	static const uint8_t none[SLOT_ID];
	struct slot_state got;
	assert_false(slot_load(&empty, &slots_key, 0, none, &got));
	assert_false(slot_has_seen(&empty, 0));
	assert_false(slot_is(&empty, slots_id));
}

/* Whoever holds on to a place that was given away. */
static void test_S15_a_slot_is_of_one_association_at_a_time(void **state)
{
	(void)state;
	struct slot s;
	struct slot_state now = { .edge = 3, .seen = 5 };
	uint8_t other[SLOT_ID];
	slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &now);
	slots_mark(&s, &now, 9);
	assert_true(slot_is(&s, slots_id));
	for (size_t i = 0; i < SLOT_ID; i++) {
		memcpy(other, slots_id, SLOT_ID);
		other[i] ^= 1;
		assert_false(slot_is(&s, other));
	}
	assert_true(slot_take(&s, slot_owner(3, 1)));
	slot_release(&s, slot_owner(3, 1), 7);
	assert_true(slot_is(&s, slots_id));
	slot_init(&s, &slots_key, SLOTS_PLACE, other, &now);
	assert_false(slot_is(&s, slots_id));
	assert_true(slot_is(&s, other));
}

/* --- looked at ---------------------------------------------------------------------------- */

static void test_S24_a_first_look_knows_what_was_seen(void **state)
{
	(void)state;
	struct slot s;
	struct slot_state now = { .edge = 0 };
	bool seen[2000] = { false };
	slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &now);
	for (uint64_t n = 0; now.edge < 1800; n++) {
		const uint64_t number = slots_number(&now, n);
		assert_false(slot_has_seen(&s, number));
		slots_mark(&s, &now, number);
		seen[number] = true;
		for (uint64_t i = 0; i < COUNT_OF(seen); i++) {
			const bool out = i + 64 < now.edge;
			assert_int_equal(slot_has_seen(&s, i), out || seen[i]);
		}
	}
	assert_false(slot_has_seen(&s, UINT64_MAX));
}

/* New bits beside the old edge would turn a genuine record away. */
static void test_S24_a_first_look_at_an_unended_mark_turns_nothing_away(void **state)
{
	(void)state;
	struct slot s;
	const struct slot_state now = { .edge = 100, .seen = 0 };
	slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &now);
	s.pending = 130 + 1;
	s.seen = 1;
	assert_false(slot_has_seen(&s, 99));
	assert_true(slot_has_seen(&s, 100 - 65));
}

struct beside {
	struct slot slot;
	_Atomic bool over;
};

static void *mark_many(void *arg)
{
	struct beside *const c = arg;
	struct slot_state now = { .edge = 0 };
	for (uint64_t n = 0; n < 200000; n++)
		slots_mark(&c->slot, &now, slots_number(&now, n));
	atomic_store(&c->over, true);
	return NULL;
}

static void test_S13_loads_beside_marks_and_never_goes_back(void **state)
{
	(void)state;
	static struct beside beside;
	struct beside *const c = &beside;
	struct slot_state last = { .edge = 0 };
	slot_init(&c->slot, &slots_key, SLOTS_PLACE, slots_id, &last);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, mark_many, c), 0);
	while (!atomic_load(&c->over)) {
		const struct slot_state now = slots_loaded(&c->slot);
		assert_true(now.edge >= last.edge);
		last = now;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* --- owned -------------------------------------------------------------------------------- */

static void test_S8_one_owner_of_an_incarnation(void **state)
{
	(void)state;
	struct slot s;
	const struct slot_state now = { .edge = 1, .seen = 1, .sent = 5 };
	slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &now);
	assert_true(slot_take(&s, slot_owner(3, 0)));
	assert_false(slot_take(&s, slot_owner(3, 0)));
	assert_false(slot_take(&s, slot_owner(3, 1)));
	slot_release(&s, slot_owner(3, 1), 77);
	assert_false(slot_take(&s, slot_owner(3, 1)));
	assert_int_equal(slots_loaded(&s).sent, 5);
	slot_release(&s, slot_owner(3, 0), 78);
	assert_int_equal(slots_loaded(&s).sent, 78);
	assert_true(slot_take(&s, slot_owner(3, 1)));
}

static void test_S3_a_dead_incarnation_owns_nothing_and_takes_nothing(void **state)
{
	(void)state;
	struct slot s;
	const struct slot_state now = { .edge = 1, .seen = 1 };
	slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &now);
	assert_true(slot_take(&s, slot_owner(3, 65534)));
	assert_true(slot_take(&s, slot_owner(4, 0)));
	assert_false(slot_take(&s, slot_owner(3, 65534)));
	slot_release(&s, slot_owner(3, 65534), 99);
	assert_true(s.owner == slot_owner(4, 0));
	assert_int_equal(slots_loaded(&s).sent, 0);
	slot_init(&s, &slots_key, SLOTS_PLACE, slots_id, &now);
	assert_true(slot_take(&s, slot_owner(3, 0)));
}

enum { TAKERS = 4, ROUNDS = 2000 };

struct taker {
	struct slot *slots;
	uint32_t worker;
	unsigned won;
};

static void *take_all(void *arg)
{
	struct taker *const t = arg;
	for (size_t i = 0; i < ROUNDS; i++)
		t->won += slot_take(&t->slots[i], slot_owner(2, t->worker));
	return NULL;
}

static void test_S8_of_many_that_take_one_wins(void **state)
{
	(void)state;
	static struct slot slots[ROUNDS];
	struct taker takers[TAKERS];
	pthread_t threads[TAKERS];
	unsigned won = 0;
	for (size_t i = 0; i < ROUNDS; i++)
		slots[i].owner = i % 2 ? slot_owner(1, 1) : 0;
	for (uint32_t i = 0; i < TAKERS; i++) {
		takers[i] = (struct taker){ .slots = slots, .worker = i };
		assert_int_equal(pthread_create(&threads[i], NULL, take_all, &takers[i]), 0);
	}
	for (size_t i = 0; i < TAKERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		won += takers[i].won;
	}
	assert_int_equal(won, ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S13_what_is_marked_is_loaded),
		cmocka_unit_test(test_S15_another_association_place_or_key_does_not_load),
		cmocka_unit_test(test_S15_slots_that_changed_places_do_not_load),
		cmocka_unit_test(test_S21_a_flipped_bit_does_not_load),
		cmocka_unit_test(test_S13_at_rest_nothing_is_made_up),
		cmocka_unit_test(test_S15_a_slot_that_was_never_made_does_not_load),
		cmocka_unit_test(test_S15_a_slot_is_of_one_association_at_a_time),
		cmocka_unit_test(test_S24_a_first_look_knows_what_was_seen),
		cmocka_unit_test(test_S24_a_first_look_at_an_unended_mark_turns_nothing_away),
		cmocka_unit_test(test_S13_loads_beside_marks_and_never_goes_back),
		cmocka_unit_test(test_S8_one_owner_of_an_incarnation),
		cmocka_unit_test(test_S3_a_dead_incarnation_owns_nothing_and_takes_nothing),
		cmocka_unit_test(test_S8_of_many_that_take_one_wins),
	};
	return cmocka_run_group_tests_name("store/slot", tests, NULL, NULL);
}
