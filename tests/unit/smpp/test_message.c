/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms-bridge/smpp/message.h"

#include "bed.h"

static uint8_t scratch[SMPP_SCRATCH];

static void test_a_message_keeps_its_class_and_number(void **state)
{
	(void)state;
	const struct smpp_sm m = bed_message("358401234567", "4040");
	struct way_segment s;
	assert_true(smpp_message_read(&m, scratch, &s));
	assert_int_equal(s.peer.type, 0x91);
	assert_int_equal(s.peer.len, 12);
	assert_string_equal(s.peer.digits, "358401234567");
	assert_int_equal(s.own.type, 0xb1); /* TON 3, network specific */
	assert_string_equal(s.own.digits, "4040");
	assert_int_equal(s.pid, 0x7f);
	assert_int_equal(s.dcs, 0xf6);
	assert_true(s.header);
	assert_ptr_equal(s.data, m.text);
	assert_int_equal(s.len, 5);
	static const uint8_t zero[7];
	assert_memory_equal(s.scts, zero, sizeof(zero));
}

/* Group 00xx says the same class as 1111: what an operator makes of it passes as it is. */
static void test_data_coding_15_and_16_pass(void **state)
{
	(void)state;
	static const uint8_t codings[] = { 0x15, 0x16, 0x04, 0x00 };
	for (size_t i = 0; i < COUNT_OF(codings); i++) {
		struct smpp_sm m = bed_message("3584", "4040");
		struct way_segment s;
		m.dcs = codings[i];
		assert_true(smpp_message_read(&m, scratch, &s));
		assert_int_equal(s.dcs, codings[i]);
	}
}

/* 5.2.12: what deliver_sm is, in bits 5 to 2. */
static void test_receipts_are_no_messages(void **state)
{
	(void)state;
	static const struct {
		uint8_t esm_class;
		bool message;
	} classes[] = {
		{ 0x00, true },
		{ 0x40, true },
		{ 0x01, true },
		{ 0x80, true },
		{ 0x04, false },
		{ 0x44, false },
		{ 0x20, false },
		{ 0x08, false },
		{ 0x10, false },
		{ 0x18, false },
		{ 0xc4, false },
	};
	for (size_t i = 0; i < COUNT_OF(classes); i++) {
		struct smpp_sm m = bed_message("3584", "4040");
		struct way_segment s;
		m.esm_class = classes[i].esm_class;
		assert_int_equal(smpp_message_read(&m, scratch, &s), classes[i].message);
	}
}

static void test_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *digits;
		uint8_t ton, npi, type; /* 0: it is none */
	} numbers[] = {
		{ "+3584", 0, 0, 0x91 },
		{ "3584", 0, 0, 0x80 },
		{ "3584", 9, 1, 0x81 }, /* reserved */
		{ "3584", 1, 200, 0x90 },
		{ "12345678901234567890", 1, 1, 0x91 },
		{ "123456789012345678901", 1, 1, 0 },
		{ "Operator", 5, 0, 0 },
		{ "", 1, 1, 0 },
		{ "+", 1, 1, 0 },
		{ "35 84", 1, 1, 0 },
	};
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		struct smpp_sm m = bed_message(numbers[i].digits, "4040");
		struct way_segment s;
		m.source.ton = numbers[i].ton;
		m.source.npi = numbers[i].npi;
		assert_int_equal(smpp_message_read(&m, scratch, &s), numbers[i].type != 0);
		assert_int_equal(s.peer.type, numbers[i].type);
	}
	struct smpp_sm m = bed_message("3584", "Gateway");
	struct way_segment s;
	assert_true(smpp_message_read(&m, scratch, &s)); /* ours is as the way has it */
	assert_int_equal(s.own.len, 0);
}

static void test_message_payload_is_data(void **state)
{
	(void)state;
	static const uint8_t data[3000] = { 0x02, 0x70, 0x00 };
	struct smpp_sm m = bed_message("3584", "4040");
	struct way_segment s;
	m.text_len = 0;
	m.payload = data;
	m.payload_len = sizeof(data);
	assert_true(smpp_message_read(&m, scratch, &s));
	assert_ptr_equal(s.data, data);
	assert_int_equal(s.len, sizeof(data));
}

struct sar_case {
	const char *name, *data, *want; /* want NULL: as data */
	uint16_t reference;
	uint8_t len, want_len, total, number;
	bool header;
};

static void check_sar(const struct sar_case *c)
{
	struct smpp_sm m = bed_message("3584", "4040");
	struct way_segment s;
	m.esm_class = c->header ? SMPP_ESM_HEADER : 0;
	m.text = (const uint8_t *)c->data;
	m.text_len = c->len;
	m.sar = true;
	m.sar_reference = c->reference;
	m.sar_total = c->total;
	m.sar_number = c->number;
	print_message("%s\n", c->name);
	assert_true(smpp_message_read(&m, scratch, &s));
	assert_int_equal(s.header, c->want || c->header);
	assert_int_equal(s.len, c->want ? c->want_len : c->len);
	assert_memory_equal(s.data, c->want ? c->want : c->data, s.len);
}

static void test_SAR_becomes_a_header(void **state)
{
	(void)state;
	static const struct sar_case cases[] = {
		{ "no header", "abc", "\5\0\3\x42\3\2\141\142\143", 0x42, 3, 9, 3, 2, false },
		{ "a reference of 16 bits", "abc", "\6\10\4\x12\x34\3\2\141\142\143", 0x1234, 3, 10,
			3, 2, false },
		{ "before the marker of the first", "\2\x70\0xy", "\7\0\3\x42\3\1\x70\0xy", 0x42, 5,
			10, 3, 1, true },
		{ "of an empty message", "", "\5\0\3\x42\2\2", 0x42, 0, 6, 2, 2, false },
		{ "of a header without elements", "\0z", "\5\0\3\x42\2\2z", 0x42, 2, 7, 2, 2,
			true },
		{ "the header has one", "\5\0\3\x99\3\1q", NULL, 0x42, 7, 0, 3, 1, true },
		{ "one of one", "abc", NULL, 0x42, 3, 0, 1, 1, false },
		{ "number 0", "abc", NULL, 0x42, 3, 0, 3, 0, false },
		{ "number beyond total", "abc", NULL, 0x42, 3, 0, 3, 4, false },
		{ "a header that is none", "\11\x70\0", NULL, 0x42, 3, 0, 3, 1, true },
		{ "a header that is not there", "", NULL, 0x42, 0, 0, 3, 1, true },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_sar(&cases[i]);
}

static void test_SAR_in_front_of_message_payload_fits(void **state)
{
	(void)state;
	static const uint8_t data[SMPP_FRAME_MAX] = { 0 };
	struct smpp_sm m = bed_message("3584", "4040");
	struct way_segment s;
	m.esm_class = 0;
	m.text_len = 0;
	m.payload = data;
	m.payload_len = sizeof(data);
	m.sar = true;
	m.sar_total = 2;
	m.sar_number = 1;
	assert_true(smpp_message_read(&m, scratch, &s));
	assert_int_equal(s.len, sizeof(data) + 6);
}

static struct way_segment segment(const uint8_t *data, size_t len)
{
	return (struct way_segment){ .tag = 1,
		.peer = { .type = 0x91, .len = 4, .digits = "3584" },
		.pid = 0x7d,
		.dcs = 0xf5,
		.data = data,
		.len = len };
}

static void test_a_segment_is_submitted_as_it_is(void **state)
{
	(void)state;
	static const uint8_t data[UDH_SPACE + 1] = { 0x02, 0x70, 0x00 };
	struct smpp_settings settings = bed_settings();
	struct way_segment s = segment(data, UDH_SPACE);
	char validity[SMPP_TIME_SIZE];
	struct smpp_sm m;
	assert_true(smpp_message_write(&s, &settings, validity, &m));
	assert_int_equal(m.destination.ton, 1);
	assert_int_equal(m.destination.npi, 1);
	assert_string_equal(m.destination.digits, "3584");
	assert_int_equal(m.source.ton, 4); /* of the settings */
	assert_int_equal(m.source.npi, 0);
	assert_string_equal(m.source.digits, "4040");
	assert_int_equal(m.esm_class, 0);
	assert_int_equal(m.pid, 0x7d);
	assert_int_equal(m.dcs, 0xf5);
	assert_int_equal(m.registered, 0);
	assert_int_equal(m.text_len, UDH_SPACE);
	assert_int_equal(m.subunit, 0);
	assert_string_equal(validity, "");
	s.header = true;
	s.own = (struct wire_number){ .type = 0x91, .len = 5, .digits = "44700" };
	assert_true(smpp_message_write(&s, &settings, validity, &m));
	assert_int_equal(m.esm_class, SMPP_ESM_HEADER);
	assert_string_equal(m.source.digits, "44700"); /* its own: what the device wrote to */
	s.len = UDH_SPACE + 1;
	assert_false(smpp_message_write(&s, &settings, validity, &m));
	s.len = 1;
	s.peer.len = 0;
	assert_false(smpp_message_write(&s, &settings, validity, &m));
}

/* 7.1.1: YYMMDDhhmmsstnnp with p R. */
static void test_validity_is_relative(void **state)
{
	(void)state;
	static const struct {
		uint32_t seconds;
		const char *text;
	} periods[] = {
		{ 0, "" },
		{ 1, "000000000001000R" },
		{ 86400, "000001000000000R" },
		{ 86400 + 2 * 3600 + 3 * 60 + 4, "000001020304000R" },
		{ 30 * 86400, "000030000000000R" },
		{ UINT32_MAX, "000030000000000R" },
	};
	const struct smpp_settings settings = bed_settings();
	for (size_t i = 0; i < COUNT_OF(periods); i++) {
		struct way_segment s = segment((const uint8_t *)"x", 1);
		char validity[SMPP_TIME_SIZE];
		struct smpp_sm m;
		s.valid_s = periods[i].seconds;
		assert_true(smpp_message_write(&s, &settings, validity, &m));
		assert_string_equal(m.validity, periods[i].text);
	}
}

/* 5.3.2.1: 2 is the mobile equipment, 3 the card. */
static void test_dest_addr_subunit_follows_the_class(void **state)
{
	(void)state;
	static const struct {
		uint8_t dcs, subunit;
	} codings[] = {
		{ 0xf5, 2 },
		{ 0xf6, 3 },
		{ 0x15, 2 },
		{ 0x16, 3 },
		{ 0x55, 2 },
		{ 0x56, 3 },
		{ 0xf4, 0 },
		{ 0xf7, 0 },
		{ 0x04, 0 },
		{ 0x05, 0 },
		{ 0x95, 0 },
		{ 0xd6, 0 },
	};
	struct smpp_settings settings = bed_settings();
	settings.dest_addr_subunit = true;
	for (size_t i = 0; i < COUNT_OF(codings); i++) {
		struct way_segment s = segment((const uint8_t *)"x", 1);
		char validity[SMPP_TIME_SIZE];
		struct smpp_sm m;
		s.dcs = codings[i].dcs;
		assert_true(smpp_message_write(&s, &settings, validity, &m));
		assert_int_equal(m.subunit, codings[i].subunit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_keeps_its_class_and_number),
		cmocka_unit_test(test_data_coding_15_and_16_pass),
		cmocka_unit_test(test_receipts_are_no_messages),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_message_payload_is_data),
		cmocka_unit_test(test_SAR_becomes_a_header),
		cmocka_unit_test(test_SAR_in_front_of_message_payload_fits),
		cmocka_unit_test(test_a_segment_is_submitted_as_it_is),
		cmocka_unit_test(test_validity_is_relative),
		cmocka_unit_test(test_dest_addr_subunit_follows_the_class),
	};
	return cmocka_run_group_tests_name("smpp/message", tests, NULL, NULL);
}
