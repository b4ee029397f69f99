/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "dtls/gather.h"

enum { MAX = 20480 };

static uint8_t octet(uint16_t message_seq, size_t at)
{
	return (uint8_t)((size_t)message_seq * 37 + at * 5 + (at >> 8));
}

/* A piece of message message_seq, in a block of its own: a sanitizer sees a read beyond it. */
static enum dtls_gathering add(struct dtls_gather *g, uint16_t message_seq, uint32_t total,
	uint32_t offset, size_t len, uint16_t next)
{
	uint8_t *const body = malloc(len ? len : 1);
	assert_non_null(body);
	for (size_t i = 0; i < len; i++)
		body[i] = octet(message_seq, offset + i);
	const struct dtls_fragment f = { .type = (uint8_t)(10 + message_seq),
		.total = total,
		.message_seq = message_seq,
		.offset = offset,
		.body = body,
		.len = len };
	const enum dtls_gathering how = dtls_gather_add(g, &f, next);
	free(body);
	assert_true(dtls_gather_memory(g) <= g->max);
	return how;
}

static void assert_taken(struct dtls_gather *g, uint16_t next, uint32_t total)
{
	struct dtls_fragment f;
	assert_true(dtls_gather_take(g, next, &f));
	assert_int_equal(f.type, 10 + next);
	assert_int_equal(f.message_seq, next);
	assert_int_equal(f.total, total);
	assert_int_equal(f.len, total);
	assert_int_equal(f.offset, 0);
	assert_non_null(f.body);
	for (size_t i = 0; i < total; i++)
		assert_int_equal(f.body[i], octet(next, i));
	dtls_gather_drop(g, next);
	assert_false(dtls_gather_take(g, next, &f));
}

static void test_R096_a_message_in_one_piece(void **state)
{
	(void)state;
	struct dtls_gather g;
	dtls_gather_init(&g, MAX);
	assert_int_equal(add(&g, 3, 66, 0, 66, 3), DTLS_GATHER_WHOLE);
	assert_int_equal(dtls_gather_memory(&g), 66);
	assert_taken(&g, 3, 66);
	assert_int_equal(add(&g, 4, 0, 0, 0, 4), DTLS_GATHER_WHOLE); /* ServerHelloDone */
	assert_taken(&g, 4, 0);
	assert_int_equal(dtls_gather_memory(&g), 0);
	/* After some pieces of it, which are then of no use. */
	assert_int_equal(add(&g, 5, 2000, 700, 700, 5), DTLS_GATHER_MORE);
	assert_int_equal(add(&g, 5, 2000, 0, 2000, 5), DTLS_GATHER_WHOLE);
	assert_int_equal(dtls_gather_memory(&g), 2000);
	assert_taken(&g, 5, 2000);
	dtls_gather_fini(&g);
}

static void test_R096_one_octet_at_a_time_forwards_and_backwards(void **state)
{
	(void)state;
	struct dtls_gather g;
	dtls_gather_init(&g, MAX);
	for (uint32_t i = 0; i < 1500; i++)
		assert_int_equal(
			add(&g, 0, 1500, i, 1, 0), i < 1499 ? DTLS_GATHER_MORE : DTLS_GATHER_WHOLE);
	assert_taken(&g, 0, 1500);
	for (uint32_t i = 1500; i-- > 0;)
		assert_int_equal(
			add(&g, 1, 1500, i, 1, 1), i > 0 ? DTLS_GATHER_MORE : DTLS_GATHER_WHOLE);
	assert_taken(&g, 1, 1500);
	dtls_gather_fini(&g);
}

/* Each piece reaches from one octet before to one behind, and comes twice. */
static void add_overlapping(struct dtls_gather *g, uint32_t total, uint32_t step)
{
	for (uint32_t at = 0; at < total; at += step) {
		const uint32_t from = at > 0 ? at - 1 : 0;
		const uint32_t end = at + step < total ? at + step + 1 : total;
		(void)add(g, 2, total, from, end - from, 2);
		(void)add(g, 2, total, from, end - from, 2);
	}
}

static void test_R096_overlaps_and_duplicates_of_every_size(void **state)
{
	(void)state;
	for (uint32_t total = 1; total < 2100; total += total < 30 ? 1 : 97) {
		for (uint32_t step = 1; step <= total; step += 1 + step / 2) {
			struct dtls_gather g;
			dtls_gather_init(&g, MAX);
			add_overlapping(&g, total, step);
			assert_taken(&g, 2, total);
			dtls_gather_fini(&g);
		}
	}
}

static void test_R096_R098_messages_come_in_any_order_and_go_on_in_theirs(void **state)
{
	(void)state;
	struct dtls_gather g;
	dtls_gather_init(&g, MAX);
	for (uint16_t s = DTLS_GATHER_AHEAD - 1; s > 0; s--) {
		assert_int_equal(add(&g, s, 100, 50, 50, 0), DTLS_GATHER_MORE);
		assert_int_equal(add(&g, s, 100, 0, 60, 0), DTLS_GATHER_MORE);
	}
	assert_int_equal(add(&g, DTLS_GATHER_AHEAD, 100, 0, 100, 0), DTLS_GATHER_FULL);
	assert_int_equal(add(&g, 0, 5, 0, 5, 0), DTLS_GATHER_WHOLE);
	assert_taken(&g, 0, 5);
	for (unsigned s = 1; s < DTLS_GATHER_AHEAD; s++)
		assert_taken(&g, (uint16_t)s, 100);
	assert_int_equal(add(&g, 3, 100, 0, 100, 6), DTLS_GATHER_OLD);
	assert_int_equal(dtls_gather_memory(&g), 0);
	dtls_gather_fini(&g);
}

static void test_R096_no_message_is_longer_than_16_KiB(void **state)
{
	(void)state;
	struct dtls_gather g;
	dtls_gather_init(&g, MAX);
	assert_int_equal(add(&g, 0, DTLS_GATHER_MAX + 1, 0, 1, 0), DTLS_GATHER_FULL);
	assert_int_equal(add(&g, 0, 0xffffff, 0xfffff0, 15, 0), DTLS_GATHER_FULL);
	assert_int_equal(dtls_gather_memory(&g), 0);
	for (uint32_t at = 0; at < DTLS_GATHER_MAX; at += 1024)
		(void)add(&g, 0, DTLS_GATHER_MAX, DTLS_GATHER_MAX - 1024 - at, 1024, 0);
	assert_taken(&g, 0, DTLS_GATHER_MAX);
	dtls_gather_fini(&g);
}

static void test_R096_I9_a_length_field_costs_nothing_by_itself(void **state)
{
	(void)state;
	struct dtls_gather g;
	dtls_gather_init(&g, MAX);
	assert_int_equal(add(&g, 0, DTLS_GATHER_MAX, 0, 0, 0), DTLS_GATHER_MORE);
	assert_int_equal(dtls_gather_memory(&g), 0);
	/* The last octet of the longest message: one page, its bits, and where the others are. */
	assert_int_equal(add(&g, 0, DTLS_GATHER_MAX, DTLS_GATHER_MAX - 1, 1, 0), DTLS_GATHER_MORE);
	assert_in_range(dtls_gather_memory(&g), 1, DTLS_GATHER_PAGE * 9 / 8 + 256);
	dtls_gather_fini(&g);
	assert_int_equal(dtls_gather_memory(&g), 0);
}

static void test_R096_later_messages_make_room_for_the_one_that_is_awaited(void **state)
{
	(void)state;
	struct dtls_gather g;
	dtls_gather_init(&g, MAX);
	/* Somebody fills all there is with messages that may come later. */
	for (unsigned s = 1; s < DTLS_GATHER_AHEAD; s++)
		for (uint32_t at = 0; at < 8192; at += 512)
			(void)add(&g, (uint16_t)s, 8192, at, at + 512 < 8192 ? 512 : 511, 0);
	assert_in_range(dtls_gather_memory(&g), MAX - 1024, MAX);
	for (uint32_t at = 0; at < 12000; at += 1000)
		assert_int_equal(add(&g, 0, 12000, at, 1000, 0),
			at < 11000 ? DTLS_GATHER_MORE : DTLS_GATHER_WHOLE);
	assert_taken(&g, 0, 12000);
	dtls_gather_fini(&g);
}

static void test_R096_who_awaits_one_over_the_bound_is_told_so(void **state)
{
	(void)state;
	struct dtls_gather g;
	dtls_gather_init(&g, 1000);
	assert_int_equal(add(&g, 0, 1001, 0, 1001, 0), DTLS_GATHER_FULL);
	assert_int_equal(dtls_gather_memory(&g), 0);
	assert_int_equal(add(&g, 0, 1500, 0, 500, 0), DTLS_GATHER_MORE);
	assert_int_equal(add(&g, 0, 1500, 600, 500, 0), DTLS_GATHER_FULL);
	assert_int_equal(
		add(&g, 1, 900, 0, 900, 1), DTLS_GATHER_WHOLE); /* 0 is no longer awaited */
	dtls_gather_fini(&g);
}

static void test_R096_a_forged_fragment_does_not_shut_out_the_real_ones(void **state)
{
	(void)state;
	struct dtls_gather g;
	dtls_gather_init(&g, MAX);
	assert_int_equal(add(&g, 0, 70, 0, 1, 0), DTLS_GATHER_MORE); /* another length */
	assert_int_equal(add(&g, 0, 100, 0, 60, 0), DTLS_GATHER_MORE);
	assert_int_equal(add(&g, 0, 100, 60, 40, 0), DTLS_GATHER_WHOLE);
	assert_taken(&g, 0, 100);
	const struct dtls_fragment other = {
		.type = 99, .total = 100, .message_seq = 1, .body = (const uint8_t *)"x", .len = 1
	};
	assert_int_equal(dtls_gather_add(&g, &other, 1), DTLS_GATHER_MORE); /* another type */
	assert_int_equal(add(&g, 1, 100, 1, 99, 1), DTLS_GATHER_MORE);
	assert_int_equal(add(&g, 1, 100, 0, 1, 1), DTLS_GATHER_WHOLE);
	assert_taken(&g, 1, 100);
	dtls_gather_fini(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R096_a_message_in_one_piece),
		cmocka_unit_test(test_R096_one_octet_at_a_time_forwards_and_backwards),
		cmocka_unit_test(test_R096_overlaps_and_duplicates_of_every_size),
		cmocka_unit_test(test_R096_R098_messages_come_in_any_order_and_go_on_in_theirs),
		cmocka_unit_test(test_R096_no_message_is_longer_than_16_KiB),
		cmocka_unit_test(test_R096_I9_a_length_field_costs_nothing_by_itself),
		cmocka_unit_test(test_R096_later_messages_make_room_for_the_one_that_is_awaited),
		cmocka_unit_test(test_R096_who_awaits_one_over_the_bound_is_told_so),
		cmocka_unit_test(test_R096_a_forged_fragment_does_not_shut_out_the_real_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
