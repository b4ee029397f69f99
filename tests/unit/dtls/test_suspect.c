/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/sip.h"
#include "dtls/suspect.h"

static const struct sip_key key = { .k0 = 0x1234567, .k1 = 0x89abcdef };

static uint64_t hash_of(uint32_t n)
{
	return sip_hash(&key, &n, sizeof(n));
}

static struct dtls_suspects *suspects_new(void)
{
	struct dtls_suspects *const s = calloc(1, sizeof(*s));
	assert_non_null(s);
	return s;
}

static void test_R057_failures_are_counted_and_forgiven_one_a_second(void **state)
{
	(void)state;
	struct dtls_suspects *const s = suspects_new();
	struct dtls_failures *const f = &s->sources;
	const uint64_t a = hash_of(1);
	assert_int_equal(dtls_failures_count(f, a, 5000), 0);
	for (unsigned i = 1; i <= 10; i++) {
		dtls_failures_add(f, a, 5000);
		assert_int_equal(dtls_failures_count(f, a, 5000), i);
	}
	assert_int_equal(dtls_failures_count(f, hash_of(2), 5000), 0);
	assert_int_equal(dtls_failures_count(f, a, 5000 + 3 * DTLS_FORGIVE_MS), 7);
	dtls_failures_forgive(f, a, 5000 + 3 * DTLS_FORGIVE_MS);
	assert_int_equal(dtls_failures_count(f, a, 5000 + 3 * DTLS_FORGIVE_MS), 6);
	assert_int_equal(dtls_failures_count(f, a, 5000 + 9 * DTLS_FORGIVE_MS), 0);
	dtls_failures_forgive(f, a, 5000 + 20 * DTLS_FORGIVE_MS); /* nothing is saved up */
	dtls_failures_add(f, a, 5000 + 20 * DTLS_FORGIVE_MS);
	assert_int_equal(dtls_failures_count(f, a, 5000 + 20 * DTLS_FORGIVE_MS), 1);
	free(s);
}

static void test_R057_after_a_minute_all_is_forgiven_however_many_failed(void **state)
{
	(void)state;
	struct dtls_suspects *const s = suspects_new();
	for (unsigned i = 0; i < 100000; i++)
		dtls_failures_add(&s->sources, hash_of(1), 1000);
	assert_int_equal(dtls_failures_count(&s->sources, hash_of(1), 1000), DTLS_FAILURES_MAX);
	const uint64_t later = 1000 + (uint64_t)DTLS_FAILURES_MAX * DTLS_FORGIVE_MS;
	assert_int_equal(dtls_failures_count(&s->sources, hash_of(1), later), 0);
	free(s);
}

static void test_R057_of_a_hundred_who_fail_few_others_get_the_blame(void **state)
{
	(void)state;
	struct dtls_suspects *const s = suspects_new();
	for (uint32_t i = 0; i < 100; i++)
		for (unsigned k = 0; k < 40; k++)
			dtls_failures_add(&s->sources, hash_of(i), 1000);
	unsigned blamed = 0;
	for (uint32_t i = 0; i < 100; i++)
		assert_true(dtls_failures_count(&s->sources, hash_of(i), 1000) >= 40);
	for (uint32_t i = 1000; i < 11000; i++)
		blamed += dtls_failures_count(&s->sources, hash_of(i), 1000) > 0;
	assert_in_range(blamed, 0, 60); /* of 10,000: (100 / 2048)^2 of them is 24 */
	free(s);
}

static void test_R116_a_crowd_is_counted_in_and_out(void **state)
{
	(void)state;
	struct dtls_suspects *const s = suspects_new();
	for (unsigned i = 0; i < 5; i++)
		dtls_crowd_enter(&s->crowd, hash_of(1));
	dtls_crowd_enter(&s->crowd, hash_of(2));
	assert_int_equal(dtls_crowd_count(&s->crowd, hash_of(1)), 5);
	assert_int_equal(dtls_crowd_count(&s->crowd, hash_of(2)), 1);
	assert_int_equal(dtls_crowd_count(&s->crowd, hash_of(3)), 0);
	for (unsigned i = 0; i < 5; i++)
		dtls_crowd_leave(&s->crowd, hash_of(1));
	assert_int_equal(dtls_crowd_count(&s->crowd, hash_of(1)), 0);
	assert_int_equal(dtls_crowd_count(&s->crowd, hash_of(2)), 1);
	free(s);
}

static void test_R057_who_comes_again_in_time_is_known_again(void **state)
{
	(void)state;
	struct dtls_suspects *const s = suspects_new();
	struct dtls_waiting *const w = &s->waiting;
	/* From one turn on to the longest time between two of a hello, begun anywhere in a turn. */
	static const uint64_t after[] = { DTLS_WAITED_TURN_MS, 1000, 9000, 60000, 65536 };
	uint32_t n = 0;
	for (uint64_t now = 7; now < 2000000; now += 61000) {
		for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++, now += 130) {
			assert_false(dtls_waiting_again(w, hash_of(++n), now));
			assert_true(dtls_waiting_again(w, hash_of(n), now + after[i]));
			now += after[i];
		}
	}
	free(s);
}

static void test_R057_who_comes_again_at_once_has_not_waited(void **state)
{
	(void)state;
	struct dtls_suspects *const s = suspects_new();
	struct dtls_waiting *const w = &s->waiting;
	for (unsigned i = 0; i < 10; i++)
		assert_false(dtls_waiting_again(w, hash_of(1), 1000 + 40 * i));
	assert_false(dtls_waiting_again(w, hash_of(2), 1000 + 500));
	assert_true(dtls_waiting_again(w, hash_of(1), 1000 + DTLS_WAITED_TURN_MS));
	assert_true(dtls_waiting_again(w, hash_of(1), 1000 + DTLS_WAITED_TURN_MS));
	free(s);
}

static void test_R057_who_comes_much_later_is_a_stranger_again(void **state)
{
	(void)state;
	struct dtls_suspects *const s = suspects_new();
	struct dtls_waiting *const w = &s->waiting;
	assert_false(dtls_waiting_again(w, hash_of(1), 1000));
	assert_false(dtls_waiting_again(w, hash_of(2), 3000));
	assert_false(dtls_waiting_again(w, hash_of(1), 1000 + 4 * DTLS_WAITED_KEPT_MS));
	assert_false(dtls_waiting_again(w, hash_of(2), 1000 + 4 * DTLS_WAITED_KEPT_MS));
	/* Others that come meanwhile do not keep him known. */
	assert_false(dtls_waiting_again(w, hash_of(3), 1000 + 8 * DTLS_WAITED_KEPT_MS));
	assert_false(dtls_waiting_again(w, hash_of(2), 3000 + 8 * DTLS_WAITED_KEPT_MS));
	free(s);
}

static void test_R057_nobody_is_forgotten_however_many_wait(void **state)
{
	(void)state;
	struct dtls_suspects *const s = suspects_new();
	struct dtls_waiting *const w = &s->waiting;
	/* He waits 9 s while a million others come: a filter that is full lets in, not out. */
	assert_false(dtls_waiting_again(w, hash_of(0), 1000));
	unsigned strangers = 0;
	for (uint32_t i = 1; i <= 60000; i++)
		strangers += !dtls_waiting_again(w, hash_of(i), 1000 + i * 9 / 60);
	assert_in_range(strangers, 57000, 60000); /* and most of them are told apart */
	for (uint32_t i = 60001; i <= 1000000; i++)
		strangers += !dtls_waiting_again(w, hash_of(i), 10000);
	assert_in_range(strangers, 900000, 1000000);
	assert_true(dtls_waiting_again(w, hash_of(0), 10000));
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R057_failures_are_counted_and_forgiven_one_a_second),
		cmocka_unit_test(test_R057_after_a_minute_all_is_forgiven_however_many_failed),
		cmocka_unit_test(test_R057_of_a_hundred_who_fail_few_others_get_the_blame),
		cmocka_unit_test(test_R116_a_crowd_is_counted_in_and_out),
		cmocka_unit_test(test_R057_who_comes_again_in_time_is_known_again),
		cmocka_unit_test(test_R057_who_comes_again_at_once_has_not_waited),
		cmocka_unit_test(test_R057_who_comes_much_later_is_a_stranger_again),
		cmocka_unit_test(test_R057_nobody_is_forgotten_however_many_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
