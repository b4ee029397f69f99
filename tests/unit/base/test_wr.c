/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/wr.h"

static void test_I7_integers_are_big_endian(void **state)
{
	(void)state;
	uint8_t out[24];
	struct wr w = wr_into(out, sizeof(out));
	wr_u8(&w, 0x01);
	wr_u16(&w, 0x0203);
	wr_u24(&w, 0x040506);
	wr_u32(&w, 0x0708090a);
	wr_u48(&w, 0x0b0c0d0e0f10);
	wr_u64(&w, 0x1112131415161718);
	assert_true(wr_ok(&w));
	assert_int_equal(w.len, sizeof(out));
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], i + 1);
}

static void write_width(struct wr *w, size_t width)
{
	switch (width) {
	case 1:
		wr_u8(w, 0xff);
		return;
	case 2:
		wr_u16(w, 0xffff);
		return;
	case 3:
		wr_u24(w, 0xffffff);
		return;
	case 4:
		wr_u32(w, UINT32_MAX);
		return;
	case 6:
		wr_u48(w, UINT64_C(0xffffffffffff));
		return;
	default:
		wr_u64(w, UINT64_MAX);
		return;
	}
}

/* The heap block is exact to the byte: ASan sees a write past the capacity. */
static void test_I7_each_width_with_one_less_and_one_more(void **state)
{
	(void)state;
	const size_t widths[] = { 1, 2, 3, 4, 6, 8 };
	for (size_t i = 0; i < COUNT_OF(widths); i++) {
		for (size_t cap = widths[i] - 1; cap <= widths[i] + 1; cap++) {
			uint8_t *const out = calloc(1, cap ? cap : 1);
			assert_non_null(out);
			struct wr w = wr_into(out, cap);
			write_width(&w, widths[i]);
			const bool fits = cap >= widths[i];
			assert_int_equal(wr_ok(&w), fits);
			assert_int_equal(w.len, fits ? widths[i] : 0);
			for (size_t j = 0; j < cap; j++)
				assert_int_equal(out[j], fits && j < widths[i] ? 0xff : 0);
			free(out);
		}
	}
}

static void test_I7_first_error_latches(void **state)
{
	(void)state;
	uint8_t out[3] = { 0 };
	struct wr w = wr_into(out, sizeof(out));
	wr_u32(&w, UINT32_MAX);
	assert_false(wr_ok(&w));
	wr_u8(&w, 0xff); /* would fit, is not written */
	wr_bytes(&w, "x", 1);
	wr_bytes(&w, "", 0);
	assert_null(wr_room(&w, 1));
	assert_false(wr_ok(&w));
	assert_int_equal(w.len, 0);
	const uint8_t zeros[3] = { 0 };
	assert_memory_equal(out, zeros, 3);
}

static void test_I7_bytes_with_one_less_and_one_more(void **state)
{
	(void)state;
	for (size_t n = 3; n <= 5; n++) {
		uint8_t out[4] = { 0 };
		struct wr w = wr_into(out, sizeof(out));
		wr_bytes(&w, "abcde", n);
		assert_int_equal(wr_ok(&w), n <= 4);
		assert_int_equal(w.len, n <= 4 ? n : 0);
		assert_int_equal(out[0], n <= 4 ? 'a' : 0);
	}
}

static void test_I7_room_is_where_the_next_byte_would_be(void **state)
{
	(void)state;
	uint8_t out[8];
	struct wr w = wr_into(out, sizeof(out));
	wr_u8(&w, 1);
	assert_ptr_equal(wr_room(&w, 6), out + 1);
	assert_ptr_equal(wr_room(&w, 1), out + 7);
	assert_true(wr_ok(&w));
	assert_non_null(wr_room(&w, 0)); /* nothing fits always */
	assert_null(wr_room(&w, 1));
	assert_false(wr_ok(&w));
}

static void test_I7_huge_lengths_do_not_wrap(void **state)
{
	(void)state;
	uint8_t out[8];
	struct wr w = wr_into(out, sizeof(out));
	wr_u32(&w, 0);
	assert_null(wr_room(&w, SIZE_MAX - 2)); /* 4 + this would wrap to 1 */
	assert_false(wr_ok(&w));
	assert_int_equal(w.len, 4);
}

static void test_I7_no_capacity(void **state)
{
	(void)state;
	struct wr w = wr_into(NULL, 0);
	wr_bytes(&w, NULL, 0);
	assert_true(wr_ok(&w));
	wr_u8(&w, 1);
	assert_false(wr_ok(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I7_integers_are_big_endian),
		cmocka_unit_test(test_I7_each_width_with_one_less_and_one_more),
		cmocka_unit_test(test_I7_first_error_latches),
		cmocka_unit_test(test_I7_bytes_with_one_less_and_one_more),
		cmocka_unit_test(test_I7_room_is_where_the_next_byte_would_be),
		cmocka_unit_test(test_I7_huge_lengths_do_not_wrap),
		cmocka_unit_test(test_I7_no_capacity),
	};
	return cmocka_run_group_tests_name("base/wr", tests, NULL, NULL);
}
