/* SPDX-License-Identifier: Apache-2.0 */
/* Going round: each session once a round, nobody forgotten, not faster than it may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/sweep.h"
#include "store/store.h"

enum { MILLION = 1000000, FEW = 100, PACE = 1000, SECOND = 1000, STEP_MS = 20, SLICE = 2000 };

/* What a store would show, and what workers would do: a post is decided of when the time comes. */
struct fleet {
	struct gw_sweep s;
	uint64_t now_ms;
	uint32_t len;     /* credentials 1 .. len; those that are even have a session */
	uint8_t *changed; /* has yet to be decided of */
	uint8_t *looked;  /* in this round */
	uint32_t *posted; /* ever */
	size_t posts, looks;
	size_t deaf; /* posts from now on that are not taken */
};

static struct fleet *fleet(uint32_t len, uint32_t pace)
{
	struct fleet *const f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->len = len;
	f->changed = calloc((size_t)len + 1, sizeof(*f->changed));
	f->looked = calloc((size_t)len + 1, sizeof(*f->looked));
	f->posted = calloc((size_t)len + 1, sizeof(*f->posted));
	assert_true(f->changed && f->looked && f->posted);
	f->now_ms = 77777;
	gw_sweep_init(&f->s, pace, f->now_ms);
	return f;
}

static void fleet_free(struct fleet *f)
{
	free(f->changed);
	free(f->looked);
	free(f->posted);
	free(f);
}

static void look(struct fleet *f, uint32_t after)
{
	const uint32_t next = (after | 1) + 1;
	if (after == 0)
		memset(f->looked, 0, (size_t)f->len + 1);
	if (next > f->len) {
		gw_sweep_ended(&f->s, f->now_ms);
		return;
	}
	f->looks++;
	assert_int_equal(f->looked[next], 0); /* nobody twice within a round */
	f->looked[next] = 1;
	gw_sweep_seen(&f->s, next, f->changed[next]);
}

static void post(struct fleet *f, uint32_t cred)
{
	const bool good = f->deaf == 0;
	f->deaf -= !good;
	if (good) {
		f->posts++;
		f->posted[cred]++;
		f->changed[cred] = 0;
	}
	gw_sweep_posted(&f->s, good);
}

/* A slice as the main thread does it; then time passes. */
static bool slice(struct fleet *f)
{
	uint32_t cred = 0;
	enum gw_sweep_step step = GW_SWEEP_LOOK;
	for (size_t i = 0; i < SLICE && step != GW_SWEEP_REST; i++) {
		step = gw_sweep_next(&f->s, f->now_ms, &cred);
		if (step == GW_SWEEP_LOOK)
			look(f, cred);
		else if (step == GW_SWEEP_POST)
			post(f, cred);
	}
	const uint64_t due = gw_sweep_due_ms(&f->s, f->now_ms);
	if (due == UINT64_MAX)
		return false;
	assert_true(due >= f->now_ms);
	f->now_ms = due > f->now_ms + STEP_MS ? due : f->now_ms + STEP_MS;
	return true;
}

/* Until nothing is left to do. */
static void settle(struct fleet *f)
{
	while (slice(f))
		continue;
}

static void test_a_million_are_met_once_each_and_none_is_forgotten(void **state)
{
	struct fleet *const f = fleet(2 * MILLION, MILLION);
	(void)state;
	for (uint32_t i = 2; i <= f->len; i += 2)
		f->changed[i] = i % 14 == 0;
	gw_sweep_begin(&f->s);
	while (f->s.progress.rounds == 0)
		assert_true(slice(f));
	assert_int_equal(f->looks, MILLION);
	assert_int_equal(f->s.progress.looked, MILLION);
	for (uint32_t i = 2; i <= f->len; i += 2)
		assert_int_equal(f->posted[i], i % 14 == 0);
	/* One more, which finds nothing, and then there is rest. */
	settle(f);
	assert_int_equal(f->s.progress.rounds, 2);
	assert_int_equal(f->posts, MILLION / 7);
	assert_int_equal(f->s.progress.judged, MILLION / 7);
	fleet_free(f);
}

/* Over each window of time: what is put by while nothing is to be done is a tenth of a second. */
static void test_the_pace_is_kept(void **state)
{
	struct fleet *const f = fleet(70000, PACE);
	(void)state;
	memset(f->changed, 1, (size_t)f->len + 1);
	f->now_ms += (uint64_t)3600 * SECOND; /* a long rest earns no more than a short one */
	gw_sweep_begin(&f->s);
	const uint64_t began_ms = f->now_ms;
	while (f->posts < 30000) {
		assert_true(slice(f));
		const uint64_t passed = f->now_ms - began_ms;
		assert_true(f->posts <= PACE / 10 + passed * PACE / SECOND);
	}
	/* And it is made use of. */
	assert_in_range(f->now_ms - began_ms, 29 * SECOND, 31 * SECOND);
	fleet_free(f);
}

static void test_a_pace_of_one_a_second_goes_on(void **state)
{
	struct fleet *const f = fleet(30, 1);
	(void)state;
	memset(f->changed, 1, (size_t)f->len + 1);
	gw_sweep_begin(&f->s);
	const uint64_t began_ms = f->now_ms;
	while (f->posts < 10)
		assert_true(slice(f));
	assert_in_range(f->now_ms - began_ms, 9 * SECOND, 10 * SECOND);
	fleet_free(f);
}

/* Behind the place where the round is, too. */
static void test_what_changes_during_a_round_gets_another(void **state)
{
	struct fleet *const f = fleet(20 * FEW, MILLION);
	(void)state;
	gw_sweep_begin(&f->s);
	uint32_t cred = 0;
	for (size_t i = 0; i < FEW; i++) {
		assert_int_equal(gw_sweep_next(&f->s, f->now_ms, &cred), GW_SWEEP_LOOK);
		look(f, cred);
	}
	f->changed[2] = 1;
	gw_sweep_begin(&f->s);
	while (f->s.progress.rounds < 2)
		assert_true(slice(f));
	assert_int_equal(f->posted[2], 1);
	fleet_free(f);
}

static void test_one_that_is_known_to_have_changed_comes_first(void **state)
{
	struct fleet *const f = fleet(MILLION, PACE);
	(void)state;
	memset(f->changed, 1, (size_t)f->len + 1);
	gw_sweep_begin(&f->s);
	for (size_t i = 0; i < 10; i++)
		assert_true(slice(f));
	const uint32_t last = f->len;
	gw_sweep_changed(&f->s, last);
	gw_sweep_changed(&f->s, last); /* once is enough */
	assert_int_equal(f->s.progress.waiting, 1);
	const size_t before = f->posts;
	while (f->posted[last] == 0)
		assert_true(slice(f));
	assert_true(f->posts <= before + PACE / 20 + 1);
	assert_int_equal(f->posted[last], 1);
	assert_int_equal(f->s.progress.waiting, 0);
	fleet_free(f);
}

/* A round is not needed for one, nor is it begun. */
static void test_a_single_change_costs_no_round(void **state)
{
	struct fleet *const f = fleet(MILLION, PACE);
	(void)state;
	assert_int_equal(gw_sweep_due_ms(&f->s, f->now_ms), UINT64_MAX);
	gw_sweep_changed(&f->s, 4);
	settle(f);
	assert_int_equal(f->posted[4], 1);
	assert_int_equal(f->looks, 0);
	fleet_free(f);
}

static void test_those_who_find_no_place_to_wait_are_met_by_a_round(void **state)
{
	struct fleet *const f = fleet(20 * GW_SWEEP_HASTE, MILLION);
	(void)state;
	for (uint32_t i = 2; i <= f->len; i += 2) {
		f->changed[i] = 1;
		gw_sweep_changed(&f->s, i);
	}
	assert_int_equal(f->s.progress.waiting, GW_SWEEP_HASTE);
	settle(f);
	for (uint32_t i = 2; i <= f->len; i += 2)
		assert_int_equal(f->posted[i], 1);
	fleet_free(f);
}

static void test_a_worker_that_has_no_room_is_asked_again(void **state)
{
	struct fleet *const f = fleet(2 * FEW, PACE);
	(void)state;
	f->changed[6] = 1;
	f->deaf = 3;
	gw_sweep_changed(&f->s, 6);
	settle(f);
	assert_int_equal(f->posted[6], 1);
	memset(f->changed, 1, (size_t)f->len + 1);
	f->deaf = (size_t)3 * FEW;
	gw_sweep_begin(&f->s);
	while (f->s.progress.rounds == 0)
		assert_true(slice(f));
	assert_int_equal(f->deaf, 0);
	for (uint32_t i = 2; i <= f->len; i += 2)
		assert_int_equal(f->posted[i], i == 6 ? 2 : 1);
	fleet_free(f);
}

/* What was posted, and came to nothing: the worker could not write it down. */
static void test_a_round_that_found_something_is_followed_by_another(void **state)
{
	struct fleet *const f = fleet(2 * FEW, PACE);
	(void)state;
	f->changed[8] = 1;
	gw_sweep_begin(&f->s);
	while (f->s.progress.rounds == 0)
		assert_true(slice(f));
	const uint64_t ended_ms = f->s.progress.ended_ms;
	f->changed[8] = 1;
	settle(f);
	assert_int_equal(f->posted[8], 2);
	assert_int_equal(f->s.progress.rounds, 3);
	assert_true(f->now_ms >= ended_ms + 2 * (uint64_t)GW_SWEEP_AGAIN_MS);
	fleet_free(f);
}

/* --- what a glance tells --------------------------------------------------------------------- */

static struct store_glance glance(void)
{
	return (struct store_glance){ .cred = 4,
		.generation = 10,
		.born = 12,
		.mark = { .generation = 10, .proved = 10, .active = true } };
}

static void test_R207_a_glance_tells_what_has_changed(void **state)
{
	const uint64_t now = 1000000;
	struct store_glance g = glance();
	(void)state;
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_NONE);
	/* replaced, or its labels */
	g.mark.generation = 20;
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_CHANGED);
	g.upto = 20; /* decided */
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_NONE);
	g.mark.generation = 21; /* and once more */
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_CHANGED);
	/* revoked; its row may be gone altogether */
	g = glance();
	g.mark = (struct store_cred_mark){ .generation = 30 };
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_CHANGED);
	g.upto = 30;
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_NONE);
	g = glance();
	g.mark = (struct store_cred_mark){ .generation = 0 };
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_CHANGED);
}

static void test_R216_an_overlap_is_no_change_until_it_is_over(void **state)
{
	const uint64_t now = 1000000;
	struct store_glance g = glance();
	(void)state;
	g.mark = (struct store_cred_mark){ .generation = 20,
		.proved = 20,
		.before = 9,
		.before_until_ms = now + 1,
		.active = true };
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_NONE);
	g.mark.generation = 21; /* its labels are others */
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_CHANGED);
	g.mark.generation = 20;
	/* Who made a handshake with the new one is not concerned by the end of the old one. */
	g.generation = 20;
	assert_int_equal(gw_sweep_concern(&g, 0, now + 1), GW_CONCERN_NONE);
	g.generation = 10;
	assert_int_not_equal(gw_sweep_concern(&g, 0, now + 1), GW_CONCERN_NONE);
	g.upto = 25; /* by something else: whether the end of it was decided its time says */
	assert_int_equal(gw_sweep_concern(&g, 0, now + 1), GW_CONCERN_TIME);
	/* Proved by what was before even that. */
	g.generation = 8;
	g.upto = 0;
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_CHANGED);
}

static void test_what_expires_is_a_matter_of_time_and_of_a_clock(void **state)
{
	const uint64_t now = 1000000;
	struct store_glance g = glance();
	(void)state;
	g.mark.until_ms = now;
	assert_int_equal(gw_sweep_concern(&g, 0, now - 1), GW_CONCERN_NONE);
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_TIME);
	assert_int_equal(gw_sweep_concern(&g, 0, 0), GW_CONCERN_NONE); /* not trusted */
	g.mark.generation = 20; /* what has changed besides does not matter any more */
	assert_int_equal(gw_sweep_concern(&g, 0, now), GW_CONCERN_TIME);
}

static void test_R217_a_wave_concerns_who_was_born_before_it(void **state)
{
	struct store_glance g = glance();
	(void)state;
	assert_int_equal(gw_sweep_concern(&g, 12, 0), GW_CONCERN_NONE);
	assert_int_equal(gw_sweep_concern(&g, 13, 0), GW_CONCERN_WAVE);
	g.upto = 13;
	assert_int_equal(gw_sweep_concern(&g, 13, 0), GW_CONCERN_NONE);
	assert_int_equal(gw_sweep_concern(&g, 14, 0), GW_CONCERN_WAVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_million_are_met_once_each_and_none_is_forgotten),
		cmocka_unit_test(test_the_pace_is_kept),
		cmocka_unit_test(test_a_pace_of_one_a_second_goes_on),
		cmocka_unit_test(test_what_changes_during_a_round_gets_another),
		cmocka_unit_test(test_one_that_is_known_to_have_changed_comes_first),
		cmocka_unit_test(test_a_single_change_costs_no_round),
		cmocka_unit_test(test_those_who_find_no_place_to_wait_are_met_by_a_round),
		cmocka_unit_test(test_a_worker_that_has_no_room_is_asked_again),
		cmocka_unit_test(test_a_round_that_found_something_is_followed_by_another),
		cmocka_unit_test(test_R207_a_glance_tells_what_has_changed),
		cmocka_unit_test(test_R216_an_overlap_is_no_change_until_it_is_over),
		cmocka_unit_test(test_what_expires_is_a_matter_of_time_and_of_a_clock),
		cmocka_unit_test(test_R217_a_wave_concerns_who_was_born_before_it),
	};
	return cmocka_run_group_tests_name("gateway/sweep", tests, NULL, NULL);
}
