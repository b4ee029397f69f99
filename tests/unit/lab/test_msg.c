/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lab/msg.h"

static size_t write_register(uint8_t *out, size_t cap)
{
	const struct lab_head head = {
		.type = LAB_CON, .code = LAB_POST, .id = 0x1234, .token = { 1, 2 }, .token_len = 2
	};
	struct lab_out o;
	lab_out_begin(&o, out, cap, &head);
	lab_out_parts(&o, LAB_OPT_PATH, "rd", '/');
	lab_out_uint(&o, LAB_OPT_FORMAT, LAB_LINKS);
	lab_out_parts(&o, LAB_OPT_QUERY, "ep=urn:lwgate:lab-00001&lt=60",
		'&'); /* a length of two bytes */
	lab_out_payload(&o, "</3/0>", 6);
	return lab_out_end(&o);
}

static void test_a_message_comes_back_as_it_was_written(void **state)
{
	uint8_t bytes[128];
	struct lab_msg m = { .payload = NULL };
	char ep[64];
	(void)state;
	const size_t len = write_register(bytes, sizeof(bytes));
	assert_true(len > 0 && lab_msg_parse(&m, bytes, len));
	assert_int_equal(m.head.type, LAB_CON);
	assert_int_equal(m.head.id, 0x1234);
	assert_int_equal(m.head.token_len, 2);
	assert_string_equal(m.path, "rd");
	assert_int_equal(m.format, LAB_LINKS);
	assert_true(m.accept == LAB_ABSENT && m.observe == LAB_ABSENT);
	assert_true(lab_query_value(m.query, "ep", ep, sizeof(ep)));
	assert_string_equal(ep, "urn:lwgate:lab-00001");
	assert_false(lab_query_value(m.query, "b", ep, sizeof(ep)));
	assert_false(lab_query_value(m.query, "ep", ep, strlen("urn:lwgate:lab-00001")));
	assert_int_equal(m.payload_len, 6);
}

static void test_R234_malformed_messages_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\x40\x01\x00", 3 },     /* too short */
		{ "\x80\x01\x00\x01", 4 }, /* version 2 */
		{ "\x49\x01\x00\x01"
		  "123456789",
			13 },                      /* token length 9 */
		{ "\x42\x01\x00\x01\x07", 5 },     /* token cut off */
		{ "\x40\x00\x00\x01\x00", 5 },     /* empty with a byte behind it */
		{ "\x41\x00\x00\x01\x07", 5 },     /* empty with a token */
		{ "\x40\x01\x00\x01\xff", 5 },     /* a marker and no payload */
		{ "\x40\x01\x00\x01\xf0", 5 },     /* delta 15 */
		{ "\x40\x01\x00\x01\x0f", 5 },     /* length 15 */
		{ "\x40\x01\x00\x01\xb2r", 6 },    /* value cut off */
		{ "\x40\x01\x00\x01\xb1\x00", 6 }, /* a NUL in a path would end our text */
	};
	struct lab_msg m;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(lab_msg_parse(&m, (const uint8_t *)bad[i].bytes, bad[i].len));
}

static void test_I7_every_cut_of_a_message_is_refused_or_whole(void **state)
{
	uint8_t bytes[128];
	struct lab_msg m;
	(void)state;
	const size_t len = write_register(bytes, sizeof(bytes));
	for (size_t cut = 0; cut < 4; cut++)
		assert_false(lab_msg_parse(&m, bytes, cut));
	for (size_t cut = 4; cut < len; cut++) {
		if (lab_msg_parse(&m, bytes, cut))
			assert_true(m.payload_len < 6);
	}
}

static void test_the_writer_keeps_its_capacity(void **state)
{
	uint8_t bytes[128];
	(void)state;
	const size_t len = write_register(bytes, sizeof(bytes));
	for (size_t cap = 0; cap < len; cap++)
		assert_int_equal(write_register(bytes, cap), 0);
	assert_int_equal(write_register(bytes, len), len);
	assert_int_equal(write_register(bytes, len + 1), len);
}

static void test_numbers_have_no_leading_zeros(void **state)
{
	static const struct {
		uint32_t value;
		size_t len;
	} rows[] = { { 0, 0 }, { 1, 1 }, { 255, 1 }, { 256, 2 }, { 0xffffff, 3 },
		{ 0x1000000, 4 } };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t bytes[16];
		struct lab_out o;
		lab_out_begin(&o, bytes, sizeof(bytes), &(struct lab_head){ .code = LAB_GET });
		lab_out_uint(&o, LAB_OPT_OBSERVE, rows[i].value);
		assert_int_equal(lab_out_end(&o), LAB_HEADER + 1 + rows[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_comes_back_as_it_was_written),
		cmocka_unit_test(test_R234_malformed_messages_are_refused),
		cmocka_unit_test(test_I7_every_cut_of_a_message_is_refused_or_whole),
		cmocka_unit_test(test_the_writer_keeps_its_capacity),
		cmocka_unit_test(test_numbers_have_no_leading_zeros),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
