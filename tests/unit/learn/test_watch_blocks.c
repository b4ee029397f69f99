/* SPDX-License-Identifier: Apache-2.0 */
/* Writes in blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/unit/learn/talk.h"

enum { SIZE_64 = 2 };

static uint32_t block(uint32_t number, bool more, uint32_t szx)
{
	return number << 4 | (more ? 8U : 0U) | szx;
}

/* One block of `all` octets that are in `content`, and 2.31 or 2.04. */
static void give_block(uint32_t number, uint32_t szx, size_t all)
{
	const size_t size = (size_t)16 << szx, from = number * size;
	const bool more = from + size < all;
	ask_octets(
		LEARN_SENML_JSON, "/0/1", from, more ? size : all - from, block(number, more, szx));
	talk_start(PDU_ACK, more ? PDU_CONTINUE : PDU_CHANGED, mid, "w");
	option_number(PDU_BLOCK1, block(number, more, szx));
	assert_int_equal(answered(), LEARN_PASSES);
}

static void test_S31_blocks_are_put_together(void **state)
{
	const size_t all = text_of(ours);
	for (uint32_t szx = 0; szx <= 6; szx++) {
		assert_int_equal(talk_end(state), 0);
		assert_int_equal(talk_begin(state), 0);
		for (uint32_t i = 0; i * ((size_t)16 << szx) < all; i++) {
			expect_nothing(NULL);
			give_block(i, szx, all);
		}
		expect_found();
	}
}

static void test_S31_the_device_may_ask_for_smaller_blocks(void **state)
{
	const size_t all = text_of(ours);
	(void)state;
	/* RFC 7959 figure 8: what came is taken, and what follows is smaller. */
	ask_octets(LEARN_SENML_JSON, "/0/1", 0, 64, block(0, true, 2));
	talk_start(PDU_ACK, PDU_CONTINUE, mid, "w");
	option_number(PDU_BLOCK1, block(0, true, 0));
	(void)answered();
	for (uint32_t i = 4; i * 16UL < all; i++)
		give_block(i, 0, all);
	expect_found();
}

static void test_S31_a_write_that_was_too_large_begins_again_in_blocks(void **state)
{
	const size_t all = text_of(ours);
	(void)state;
	ask_octets(LEARN_SENML_JSON, "/0/1", 0, all, UINT32_MAX);
	talk_start(PDU_ACK, PDU_TOO_LARGE, mid, "w");
	option_number(PDU_BLOCK1, block(0, false, SIZE_64));
	(void)answered();
	expect_nothing(NULL);
	give_block(0, SIZE_64, all);
	give_block(1, SIZE_64, all);
	/* The device has lost what it had: all over again. */
	ask_octets(LEARN_SENML_JSON, "/0/1", 128, 64, block(2, true, SIZE_64));
	talk_start(PDU_ACK, 0x88, mid, "w");
	option_number(PDU_BLOCK1, block(0, false, SIZE_64));
	(void)answered();
	for (uint32_t i = 0; i * 64UL < all; i++)
		give_block(i, SIZE_64, all);
	expect_found();
}

static void test_S31_an_answer_to_an_earlier_block_is_none_to_this(void **state)
{
	const size_t all = text_of(ours);
	(void)state;
	for (uint32_t i = 0; i * 64UL < all; i++) {
		const bool more = (i + 1UL) * 64 < all;
		ask_octets(LEARN_SENML_JSON, "/0/1", i * 64UL, more ? 64 : all - i * 64UL,
			block(i, more, SIZE_64));
		if (i > 0) { /* one token for all */
			talk_start(PDU_CON, PDU_CONTINUE, 5, "w");
			option_number(PDU_BLOCK1, block(i - 1, true, SIZE_64));
			(void)answered();
			expect_nothing("the last Write was not answered");
		}
		talk_start(PDU_CON, more ? PDU_CONTINUE : PDU_CHANGED, 6, "w");
		option_number(PDU_BLOCK1, block(i, more, SIZE_64));
		(void)answered();
	}
	expect_found();
}

static void test_S31_blocks_out_of_order_leave_nothing_known(void **state)
{
	static const struct {
		uint32_t block;
		uint16_t format;
		size_t from, len;
		const char *path;
	} rows[] = {
		{ 2 << 4 | 8 | SIZE_64, LEARN_SENML_JSON, 128, 64, "/0/1" }, /* left out */
		{ 1 << 4 | 8 | SIZE_64, LEARN_SENML_JSON, 64, 63, "/0/1" },  /* too short */
		{ 1 << 4 | 8 | SIZE_64, LEARN_SENML_JSON, 64, 65, "/0/1" },  /* too long */
		{ 1 << 4 | SIZE_64, LEARN_SENML_JSON, 64, 65, "/0/1" },      /* the last */
		{ 1 << 4 | 8 | SIZE_64, LEARN_SENML_JSON, 64, 64, "/0/2" },  /* of another */
		{ 1 << 4 | 8 | SIZE_64, LEARN_SENML_CBOR, 64, 64, "/0/1" },  /* in another form */
		{ 1 << 4 | 8 | 7, LEARN_SENML_JSON, 64, 64, "/0/1" },        /* reserved */
		{ 1 << 4 | 8 | 3, LEARN_SENML_JSON, 64, 128, "/0/1" },       /* larger */
		{ 7, LEARN_SENML_JSON, 0, 64, "/0/1" },                      /* reserved */
		{ 7, LEARN_SENML_JSON, 0, 0, "/0/1" },
	};
	const size_t all = text_of(ours);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(talk_end(state), 0);
		assert_int_equal(talk_begin(state), 0);
		give_block(0, SIZE_64, all);
		ask_octets(rows[i].format, rows[i].path, rows[i].from, rows[i].len, rows[i].block);
		expect_nothing("the blocks of a Write are out of order");
	}
	/* One that comes first, and one whose number has four octets. */
	assert_int_equal(talk_end(state), 0);
	assert_int_equal(talk_begin(state), 0);
	ask_octets(LEARN_SENML_JSON, "/0/1", 64, 64, block(1, true, SIZE_64));
	expect_nothing("the blocks of a Write are out of order");
	assert_int_equal(talk_end(state), 0);
	assert_int_equal(talk_begin(state), 0);
	talk_start(PDU_CON, PUT, ++mid, "w");
	option_path("/0/1");
	option(PDU_BLOCK1, "\0\0\0\2", 4);
	(void)asked();
	expect_nothing("the blocks of a Write are out of order");
}

static void test_S31_a_block_that_was_refused_has_none_after_it(void **state)
{
	const size_t all = text_of(ours);
	(void)state;
	give_block(0, SIZE_64, all);
	ask_octets(LEARN_SENML_JSON, "/0/1", 64, 64, block(1, true, SIZE_64));
	(void)answer(PDU_ACK, PDU_TOO_LARGE, mid, "w");
	expect_nothing(NULL);
	ask_octets(LEARN_SENML_JSON, "/0/1", 128, 64, block(2, true, SIZE_64));
	expect_nothing("the blocks of a Write are out of order");
}

static void test_S31_a_write_in_blocks_ends_with_another(void **state)
{
	const size_t all = text_of(ours);
	(void)state;
	give_block(0, SIZE_64, all);
	erase("/0/2", PDU_DELETED);
	ask_octets(LEARN_SENML_JSON, "/0/1", 64, 64, block(1, true, SIZE_64));
	expect_nothing("the blocks of a Write are out of order");
}

static void test_S31_a_block_that_stands_for_itself_leaves_nothing_known(void **state)
{
	(void)text_of(ours);
	(void)state;
	ask_octets(LEARN_SENML_JSON, "/0/1", 0, 64, block(0, true, SIZE_64));
	talk_start(PDU_ACK, PDU_CHANGED, mid, "w"); /* RFC 7959 2.3: not atomic */
	option_number(PDU_BLOCK1, block(0, false, SIZE_64));
	(void)answered();
	expect_nothing("the device's answer does not say what it did");
}

static void test_S31_as_much_as_is_held_and_one_octet_more(void **state)
{
	for (size_t more = 0; more <= 1; more++) {
		assert_int_equal(talk_end(state), 0);
		assert_int_equal(talk_begin(state), 0);
		const size_t all = LEARN_CONTENT_MAX + more;
		(void)text_of(ours);
		memset(content + strlen(ours), ' ', sizeof(content) - strlen(ours));
		write_octets(LEARN_SENML_JSON, "/0/1", all);
		if (more == 0)
			expect_found();
		else
			expect_nothing("a Write is too long");
		assert_int_equal(talk_end(state), 0);
		assert_int_equal(talk_begin(state), 0);
		for (uint32_t i = 0; i * 1024UL < all; i++)
			give_block(i, 6, all);
		if (more == 0)
			expect_found();
		else
			expect_nothing("a Write is too long");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, talk_begin, talk_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_S31_blocks_are_put_together),
		TEST(test_S31_the_device_may_ask_for_smaller_blocks),
		TEST(test_S31_a_write_that_was_too_large_begins_again_in_blocks),
		TEST(test_S31_an_answer_to_an_earlier_block_is_none_to_this),
		TEST(test_S31_blocks_out_of_order_leave_nothing_known),
		TEST(test_S31_a_block_that_was_refused_has_none_after_it),
		TEST(test_S31_a_write_in_blocks_ends_with_another),
		TEST(test_S31_a_block_that_stands_for_itself_leaves_nothing_known),
		TEST(test_S31_as_much_as_is_held_and_one_octet_more),
	};
	return cmocka_run_group_tests_name("learn/watch: blocks", tests, NULL, NULL);
}
