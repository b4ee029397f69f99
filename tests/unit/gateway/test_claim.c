/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/vault.h"
#include "gateway/hold.h"
#include "gateway/seats.h"

enum { THREADS = 4, TURNS = 20000 };

static void test_R109_a_seat_has_one_holder(void **state)
{
	(void)state;
	_Atomic uint32_t seat = 0;
	const struct gw_taken a = gw_seat_take(&seat, 0);
	assert_int_equal(gw_tenure_worker(a.before), UINT32_MAX); /* it was empty */
	assert_int_equal(gw_tenure_worker(a.tenure), 0);
	const struct gw_taken again = gw_seat_take(&seat, 0);
	assert_int_equal(again.before, a.tenure);
	assert_int_equal(again.tenure, a.tenure);
	const struct gw_taken b = gw_seat_take(&seat, 63);
	assert_int_equal(b.before, a.tenure);
	assert_int_equal(gw_tenure_worker(b.tenure), 63);
	gw_seat_leave(&seat, a.tenure); /* too late: claimed */
	assert_int_equal(atomic_load(&seat), b.tenure);
	gw_seat_leave(&seat, b.tenure);
	assert_int_equal(gw_tenure_worker(atomic_load(&seat)), UINT32_MAX);
}

/* A late CLAIM of an earlier tenure must not be taken for one of the present tenure. */
static void test_R109_no_tenure_comes_twice(void **state)
{
	(void)state;
	_Atomic uint32_t seat = 0;
	const struct gw_taken first = gw_seat_take(&seat, 5);
	gw_seat_leave(&seat, first.tenure);
	const struct gw_taken second = gw_seat_take(&seat, 5);
	assert_int_not_equal(first.tenure, second.tenure);
	assert_int_equal(gw_tenure_worker(second.before), UINT32_MAX);
	(void)gw_seat_take(&seat, 6);
	const struct gw_taken third = gw_seat_take(&seat, 5);
	assert_int_not_equal(third.tenure, second.tenure);
	assert_int_not_equal(third.tenure, first.tenure);
}

struct sitter {
	pthread_t thread;
	_Atomic uint32_t *seat;
	uint32_t number;
	uint32_t replaced[THREADS]; /* how often it took the seat from each */
	uint32_t took;
};

static void *sit(void *ctx)
{
	struct sitter *s = ctx;
	for (size_t i = 0; i < TURNS; i++) {
		const struct gw_taken t = gw_seat_take(s->seat, s->number);
		if (t.before == t.tenure)
			continue;
		s->took++;
		if (gw_tenure_worker(t.before) < THREADS)
			s->replaced[gw_tenure_worker(t.before)]++;
	}
	return NULL;
}

/* Every tenure but the last is claimed by exactly one other: as many CLAIMs as there will be
   YIELDs. */
static void test_R109_each_tenure_is_claimed_once(void **state)
{
	(void)state;
	_Atomic uint32_t seat = 0;
	struct sitter sitters[THREADS];
	for (uint32_t i = 0; i < THREADS; i++) {
		sitters[i] = (struct sitter){ .seat = &seat, .number = i };
		assert_int_equal(pthread_create(&sitters[i].thread, NULL, sit, &sitters[i]), 0);
	}
	uint32_t lost[THREADS] = { 0 };
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(sitters[i].thread, NULL), 0);
	for (size_t i = 0; i < THREADS; i++) {
		for (size_t k = 0; k < THREADS; k++)
			lost[k] += sitters[i].replaced[k];
	}
	const uint32_t last = gw_tenure_worker(atomic_load(&seat));
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(lost[i], sitters[i].took - (i == last ? 1 : 0));
}

static void test_what_waits_for_a_session_is_bounded(void **state)
{
	(void)state;
	struct gw_hold hold = { .first = NULL };
	static const uint8_t data[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	for (size_t i = 0; i < sizeof(data); i++)
		assert_int_equal(
			gw_hold_put(&hold, GW_FROM_DEVICE, &data[i], 1), i < GW_HOLD_MESSAGES);
	assert_false(gw_hold_put(&hold, GW_FROM_DEVICE, data, 0));
	for (size_t i = 0; i < GW_HOLD_MESSAGES; i++) {
		struct gw_held *const m = gw_hold_take(&hold);
		assert_non_null(m);
		assert_int_equal(m->msg[0], i);
		vault_release(m);
	}
	assert_null(gw_hold_take(&hold));
	assert_true(gw_hold_put(&hold, GW_TO_DEVICE, data, 3));
	gw_hold_clear(&hold);
	assert_null(gw_hold_take(&hold));
}

/* Blocks of seats are made when they are needed, by whoever is first. */
static void test_seats_far_apart_are_apart(void **state)
{
	(void)state;
	struct gw_seats *const seats = gw_seats_new();
	assert_non_null(seats);
	static const uint32_t creds[] = { 1, 65535, 65536, 1000000, UINT32_MAX };
	uint32_t tenure;
	for (size_t i = 0; i < sizeof(creds) / sizeof(creds[0]); i++)
		assert_true(gw_seat_take_empty(gw_seat(seats, creds[i]), (uint32_t)i, &tenure));
	for (size_t i = 0; i < sizeof(creds) / sizeof(creds[0]); i++) {
		assert_int_equal(gw_tenure_worker(atomic_load(gw_seat(seats, creds[i]))), i);
		assert_false(gw_seat_take_empty(gw_seat(seats, creds[i]), 9, &tenure));
	}
	gw_seats_free(seats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R109_a_seat_has_one_holder),
		cmocka_unit_test(test_R109_no_tenure_comes_twice),
		cmocka_unit_test(test_R109_each_tenure_is_claimed_once),
		cmocka_unit_test(test_what_waits_for_a_session_is_bounded),
		cmocka_unit_test(test_seats_far_apart_are_apart),
	};
	return cmocka_run_group_tests_name("gateway/claim", tests, NULL, NULL);
}
