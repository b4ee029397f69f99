/* SPDX-License-Identifier: Apache-2.0 */
/* Links are opened in turn, so many a second, so many at once; nobody waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/pace.h"

enum { FLEET = 300, BEGIN_MS = 5000000, RATE = 100 };

static struct gw_pace pace;
static struct gw_pace_place fleet[FLEET * 100];
static uint64_t now_ms;

static int setup(void **state)
{
	(void)state;
	memset(fleet, 0, sizeof(fleet));
	now_ms = BEGIN_MS;
	gw_pace_init(&pace, RATE, 1, 0);
	return 0;
}

/* How many of the first n that ask may begin at once. */
static size_t ask(size_t n)
{
	size_t begun = 0;
	for (size_t i = 0; i < n; i++)
		begun += gw_pace_ask(&pace, &fleet[i], now_ms) == GW_PACE_NOW;
	return begun;
}

/* Those of a turn, in order, from *next on. */
static size_t turn(size_t *next)
{
	size_t begun = 0;
	const struct gw_pace_place *place;
	while ((place = gw_pace_next(&pace, now_ms))) {
		assert_ptr_equal(place, &fleet[*next]);
		(*next)++;
		begun++;
	}
	return begun;
}

static void test_a_server_that_comes_back_meets_no_more_than_the_rate(void **state)
{
	(void)state;
	size_t begun[FLEET] = { 0 }, begins = 0;
	uint64_t at[FLEET] = { 0 };
	size_t next = ask(FLEET);
	assert_in_range(next, 1, 1 + RATE * GW_PACE_SLACK_MS / 1000);
	for (; begins < next; begins++)
		at[begins] = now_ms;
	while (next < FLEET) {
		assert_true(gw_pace_next_ms(&pace) > now_ms);
		now_ms = gw_pace_next_ms(&pace); /* never in vain, so that no turn spins */
		size_t n = turn(&next);
		assert_true(n > 0);
		while (n-- > 0)
			at[begins++] = now_ms;
	}
	assert_int_equal(begins, FLEET);
	for (size_t i = 0; i < FLEET; i++)
		for (size_t k = i; k < FLEET && at[k] < at[i] + 1000; k++)
			begun[i]++;
	for (size_t i = 0; i < FLEET; i++)
		assert_in_range(begun[i], 1, RATE + 1 + RATE * GW_PACE_SLACK_MS / 1000);
	assert_in_range(now_ms - BEGIN_MS, 2800, 3010); /* and no less */
	assert_int_equal(gw_pace_next_ms(&pace), UINT64_MAX);
}

static void test_nobody_overtakes_those_who_wait(void **state)
{
	(void)state;
	size_t next = ask(20);
	now_ms += 40; /* a place is free, but it is the first one's who waits */
	assert_int_equal(gw_pace_ask(&pace, &fleet[20], now_ms), GW_PACE_LATER);
	while (next < 21) {
		now_ms += 10;
		(void)turn(&next);
	}
}

static void test_no_more_are_under_way_than_are_allowed(void **state)
{
	(void)state;
	gw_pace_init(&pace, 1000000, 1, 8);
	assert_int_equal(ask(100), 8);
	now_ms += 1000;
	size_t next = 8;
	assert_int_equal(turn(&next), 0);
	assert_true(gw_pace_next_ms(&pace) > now_ms + 1000); /* time alone changes nothing */
	gw_pace_leave(&pace, &fleet[3]);
	gw_pace_leave(&pace, &fleet[3]);
	assert_int_equal(turn(&next), 1);
	assert_int_equal(pace.under_way, 8);
}

static void test_who_waits_in_vain_is_told_in_time(void **state)
{
	(void)state;
	gw_pace_init(&pace, RATE, 1, 1);
	assert_int_equal(ask(3), 1);
	assert_null(gw_pace_late(&pace, now_ms + GW_PACE_WAIT_MS - 1));
	const uint64_t late_ms = gw_pace_next_ms(&pace);
	assert_in_range(late_ms - now_ms, GW_PACE_WAIT_MS, GW_PACE_WAIT_MS + 1000);
	assert_ptr_equal(gw_pace_late(&pace, late_ms), &fleet[1]);
	assert_ptr_equal(gw_pace_late(&pace, late_ms), &fleet[2]);
	assert_null(gw_pace_late(&pace, late_ms));
	assert_int_equal(fleet[1].state, GW_PACE_OUT);
	assert_int_equal(pace.refused, 2);
	assert_int_equal(pace.waiting, 0);
	/* It may ask again. */
	gw_pace_leave(&pace, &fleet[0]);
	assert_int_equal(gw_pace_ask(&pace, &fleet[1], late_ms), GW_PACE_NOW);
}

static void test_more_than_can_be_served_in_time_do_not_wait(void **state)
{
	(void)state;
	const size_t all = sizeof(fleet) / sizeof(fleet[0]);
	size_t later = 0, never = 0;
	for (size_t i = 0; i < all; i++) {
		const enum gw_pace_answer a = gw_pace_ask(&pace, &fleet[i], now_ms);
		later += a == GW_PACE_LATER;
		never += a == GW_PACE_NEVER;
		assert_int_equal(fleet[i].state == GW_PACE_OUT, a == GW_PACE_NEVER);
	}
	assert_in_range(later, RATE * GW_PACE_WAIT_MS / 1000, RATE * GW_PACE_WAIT_MS / 1000 + 1);
	assert_int_equal(pace.refused, never);
	/* All of them that wait are served before it is too late. */
	size_t begun = 0;
	while (pace.first) {
		now_ms = gw_pace_next_ms(&pace);
		assert_null(gw_pace_late(&pace, now_ms));
		while (gw_pace_next(&pace, now_ms)) {
			pace.under_way--;
			begun++;
		}
	}
	assert_int_equal(begun, later);
}

static void test_who_leaves_is_gone_wherever_it_stood(void **state)
{
	(void)state;
	size_t next = ask(20);
	const size_t first = next, last = 19, middle = 12;
	gw_pace_leave(&pace, &fleet[first]);
	gw_pace_leave(&pace, &fleet[middle]);
	gw_pace_leave(&pace, &fleet[last]);
	now_ms += 1000;
	const struct gw_pace_place *place;
	size_t begun = first;
	for (; (place = gw_pace_next(&pace, now_ms)) || pace.first; now_ms += 10) {
		if (!place)
			continue;
		assert_true(
			place != &fleet[first] && place != &fleet[middle] && place != &fleet[last]);
		begun++;
	}
	assert_int_equal(begun, 17);
	assert_int_equal(pace.waiting, 0);
	assert_null(pace.last);
}

static void test_the_rate_is_that_of_all_workers(void **state)
{
	(void)state;
	gw_pace_init(&pace, 100, 4, 0);
	assert_int_equal(pace.ease_us, 40000);
	gw_pace_init(&pace, 0, 4, 0); /* what is not said is for each */
	assert_int_equal(pace.ease_us, 1000000 / GW_PACE_WORKER);
	assert_int_equal(pace.under_way_max, GW_PACE_UNDER_WAY);
	gw_pace_init(&pace, 1000000, 1, 0);
	assert_true(pace.ease_us > 0);
	gw_pace_init(&pace, 1, 4, 0); /* one in four seconds: still one can wait */
	assert_true(pace.waiting_max > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			test_a_server_that_comes_back_meets_no_more_than_the_rate, setup),
		cmocka_unit_test_setup(test_nobody_overtakes_those_who_wait, setup),
		cmocka_unit_test_setup(test_no_more_are_under_way_than_are_allowed, setup),
		cmocka_unit_test_setup(test_who_waits_in_vain_is_told_in_time, setup),
		cmocka_unit_test_setup(test_more_than_can_be_served_in_time_do_not_wait, setup),
		cmocka_unit_test_setup(test_who_leaves_is_gone_wherever_it_stood, setup),
		cmocka_unit_test_setup(test_the_rate_is_that_of_all_workers, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
