/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/rd.h"

static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
	20, 21, 22, 23, 24 };

static void test_I7_integers_are_big_endian(void **state)
{
	(void)state;
	struct rd r = rd_from(bytes, sizeof(bytes));
	assert_int_equal(rd_u8(&r), 0x01);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u24(&r), 0x040506);
	assert_int_equal(rd_u32(&r), 0x0708090a);
	assert_int_equal(rd_u48(&r), 0x0b0c0d0e0f10);
	assert_int_equal(rd_u64(&r), 0x1112131415161718);
	assert_true(rd_end(&r));
}

static void test_I7_highest_bits_do_not_spread(void **state)
{
	(void)state;
	uint8_t ff[8];
	memset(ff, 0xff, sizeof(ff));
	struct rd r = rd_from(ff, sizeof(ff));
	assert_int_equal(rd_u24(&r), 0xffffff);
	r = rd_from(ff, sizeof(ff));
	assert_int_equal(rd_u32(&r), UINT32_MAX);
	r = rd_from(ff, sizeof(ff));
	assert_int_equal(rd_u48(&r), UINT64_C(0xffffffffffff));
	r = rd_from(ff, sizeof(ff));
	assert_true(rd_u64(&r) == UINT64_MAX);
}

static uint64_t read_width(struct rd *r, size_t width)
{
	switch (width) {
	case 1:
		return rd_u8(r);
	case 2:
		return rd_u16(r);
	case 3:
		return rd_u24(r);
	case 4:
		return rd_u32(r);
	case 6:
		return rd_u48(r);
	default:
		return rd_u64(r);
	}
}

/* One byte too few, just enough, one more; on the heap, exact, so that ASan sees a read beyond. */
static void test_I7_each_width_with_one_less_and_one_more(void **state)
{
	(void)state;
	const size_t widths[] = { 1, 2, 3, 4, 6, 8 };
	for (size_t i = 0; i < COUNT_OF(widths); i++) {
		for (size_t len = widths[i] - 1; len <= widths[i] + 1; len++) {
			uint8_t *const data = malloc(len ? len : 1);
			assert_non_null(data);
			memset(data, 0xff, len);
			struct rd r = rd_from(data, len);
			const uint64_t v = read_width(&r, widths[i]);
			const bool enough = len >= widths[i];
			assert_int_equal(rd_ok(&r), enough);
			assert_int_equal(rd_end(&r), len == widths[i]);
			assert_int_equal(v != 0, enough);
			free(data);
		}
	}
}

static void test_I7_first_error_latches(void **state)
{
	(void)state;
	struct rd r = rd_from(bytes, 3);
	assert_int_equal(rd_u32(&r), 0);
	assert_false(rd_ok(&r));
	assert_int_equal(rd_u8(&r), 0); /* though 3 bytes were there */
	assert_null(rd_bytes(&r, 1));
	assert_null(rd_bytes(&r, 0));
	rd_skip(&r, 0);
	assert_false(rd_ok(&r));
	assert_false(rd_end(&r));
	assert_int_equal(r.left, 0);
}

static void test_I7_bytes_are_lent_not_copied(void **state)
{
	(void)state;
	struct rd r = rd_from(bytes, 4);
	assert_ptr_equal(rd_bytes(&r, 3), bytes);
	assert_ptr_equal(rd_bytes(&r, 1), bytes + 3);
	assert_true(rd_end(&r));
	assert_ptr_equal(rd_bytes(&r, 0), bytes + 4); /* none, but not an error */
	assert_true(rd_end(&r));
}

static void test_I7_huge_lengths_do_not_wrap(void **state)
{
	(void)state;
	struct rd r = rd_from(bytes, 4);
	assert_null(rd_bytes(&r, SIZE_MAX));
	assert_false(rd_ok(&r));
	r = rd_from(bytes, 4);
	const struct rd sub = rd_sub(&r, SIZE_MAX - 1);
	assert_false(rd_ok(&sub));
	assert_false(rd_ok(&r));
}

static void test_I7_copy_zeroes_what_it_cannot_fill(void **state)
{
	(void)state;
	uint8_t out[5];
	struct rd r = rd_from(bytes, 4);
	memset(out, 0xee, sizeof(out));
	rd_copy(&r, out, 4);
	assert_memory_equal(out, bytes, 4);
	assert_int_equal(out[4], 0xee);
	r = rd_from(bytes, 4);
	rd_copy(&r, out, 5);
	const uint8_t zeros[5] = { 0 };
	assert_memory_equal(out, zeros, 5);
	assert_false(rd_ok(&r));
}

static void test_I7_sub_reader_ends_where_it_was_told(void **state)
{
	(void)state;
	struct rd r = rd_from(bytes, 6);
	struct rd sub = rd_sub(&r, 4);
	assert_int_equal(rd_u32(&sub), 0x01020304);
	assert_true(rd_end(&sub));
	assert_int_equal(rd_u8(&sub), 0); /* the next byte is the outer reader's */
	assert_false(rd_ok(&sub));
	assert_true(rd_ok(&r));
	assert_int_equal(rd_u16(&r), 0x0506);
	assert_true(rd_end(&r));
}

static void test_I7_sub_reader_longer_than_the_rest_spoils_both(void **state)
{
	(void)state;
	for (size_t n = 3; n <= 5; n++) {
		struct rd r = rd_from(bytes, 4);
		const struct rd sub = rd_sub(&r, n);
		assert_int_equal(rd_ok(&r), n <= 4);
		assert_int_equal(rd_ok(&sub), n <= 4);
	}
}

static void test_I7_nothing_to_read(void **state)
{
	(void)state;
	struct rd r = rd_from(NULL, 0);
	assert_true(rd_end(&r));
	rd_skip(&r, 0);
	const struct rd sub = rd_sub(&r, 0);
	assert_true(rd_end(&sub));
	assert_true(rd_end(&r));
	assert_int_equal(rd_u8(&r), 0);
	assert_false(rd_ok(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I7_integers_are_big_endian),
		cmocka_unit_test(test_I7_highest_bits_do_not_spread),
		cmocka_unit_test(test_I7_each_width_with_one_less_and_one_more),
		cmocka_unit_test(test_I7_first_error_latches),
		cmocka_unit_test(test_I7_bytes_are_lent_not_copied),
		cmocka_unit_test(test_I7_huge_lengths_do_not_wrap),
		cmocka_unit_test(test_I7_copy_zeroes_what_it_cannot_fill),
		cmocka_unit_test(test_I7_sub_reader_ends_where_it_was_told),
		cmocka_unit_test(test_I7_sub_reader_longer_than_the_rest_spoils_both),
		cmocka_unit_test(test_I7_nothing_to_read),
	};
	return cmocka_run_group_tests_name("base/rd", tests, NULL, NULL);
}
