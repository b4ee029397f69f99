/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer units by their octets: TS 23.040 9.2.2 and 9.2.3, TS 23.038 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms-bridge/pdu/tpdu.h"

/* --- units that others have published --------------------------------------------------------- */

/* "hellohello" as it stands in many descriptions of the PDU mode. */
static const uint8_t hello_deliver[] = { 0x04, 0x0b, 0xc8, 0x72, 0x38, 0x88, 0x09, 0x00, 0xf1, 0x00,
	0x00, 0x99, 0x30, 0x92, 0x51, 0x61, 0x95, 0x80, 0x0a, 0xe8, 0x32, 0x9b, 0xfd, 0x46, 0x97,
	0xd9, 0xec, 0x37 };
static const uint8_t hello_submit[] = { 0x11, 0x00, 0x0b, 0x91, 0x64, 0x07, 0x28, 0x15, 0x53, 0xf8,
	0x00, 0x00, 0xaa, 0x0a, 0xe8, 0x32, 0x9b, 0xfd, 0x46, 0x97, 0xd9, 0xec, 0x37 };
/* By hand from the figures of 9.2.2: a command packet to ME data download. */
static const uint8_t packet_submit[] = { 0x51, 0x2a, 0x0c, 0x91, 0x94, 0x71, 0x10, 0x32, 0x54, 0x76,
	0x7d, 0xf5, 0xa7, 0x05, 0x02, 0x70, 0x00, 0xca, 0xfe };
static const uint8_t packet_deliver[] = { 0x44, 0x0c, 0x91, 0x94, 0x71, 0x10, 0x32, 0x54, 0x76,
	0x7d, 0xf5, 0x62, 0x11, 0x32, 0x50, 0x00, 0x00, 0x40, 0x05, 0x02, 0x70, 0x00, 0xca, 0xfe };

static bool reads(const uint8_t *octets, size_t len, bool upwards, struct tpdu *out)
{
	uint8_t *const exact = malloc(len > 0 ? len : 1);
	assert_non_null(exact);
	memcpy(exact, octets, len);
	memset(out, 0xaa, sizeof(*out));
	const bool good = tpdu_read(exact, len, upwards, out);
	if (good && out->data) /* points into what goes now */
		out->data = octets + (out->data - exact);
	free(exact);
	return good;
}

static void test_a_published_deliver(void **state)
{
	(void)state;
	struct tpdu t;
	uint8_t out[TPDU_MAX];
	assert_true(reads(hello_deliver, sizeof(hello_deliver), false, &t));
	assert_int_equal(t.kind, TPDU_DELIVER);
	assert_int_equal(t.number.type, 0xc8);
	assert_int_equal(t.number.len, 11);
	assert_string_equal(t.number.digits, "27838890001");
	assert_int_equal(t.pid, 0);
	assert_int_equal(t.dcs, 0);
	assert_false(t.header);
	assert_memory_equal(t.scts, hello_deliver + 11, TPDU_SCTS);
	assert_int_equal(t.len, 9);
	assert_int_equal(tpdu_write(&t, out), sizeof(hello_deliver));
	assert_memory_equal(out, hello_deliver, sizeof(hello_deliver));
	assert_false(reads(hello_deliver, sizeof(hello_deliver), true, &t));
}

static void test_a_published_submit(void **state)
{
	(void)state;
	struct tpdu t;
	uint8_t out[TPDU_MAX];
	assert_true(reads(hello_submit, sizeof(hello_submit), true, &t));
	assert_int_equal(t.kind, TPDU_SUBMIT);
	assert_int_equal(t.number.type, 0x91);
	assert_string_equal(t.number.digits, "46708251358");
	assert_int_equal(t.validity, 0xaa);
	assert_int_equal(t.reference, 0);
	assert_false(t.report);
	assert_int_equal(tpdu_write(&t, out), sizeof(hello_submit));
	assert_memory_equal(out, hello_submit, sizeof(hello_submit));
	assert_false(reads(hello_submit, sizeof(hello_submit), false, &t));
}

static void test_a_command_packet_both_ways(void **state)
{
	(void)state;
	struct tpdu t;
	uint8_t out[TPDU_MAX];
	assert_true(reads(packet_submit, sizeof(packet_submit), true, &t));
	assert_true(t.header);
	assert_string_equal(t.number.digits, "491701234567");
	assert_int_equal(t.pid, 0x7d);
	assert_int_equal(t.dcs, 0xf5);
	assert_int_equal(t.reference, 0x2a);
	assert_int_equal(t.validity, 0xa7);
	assert_int_equal(t.len, 5);
	assert_memory_equal(t.data, "\x02\x70\x00\xca\xfe", 5);
	assert_int_equal(tpdu_write(&t, out), sizeof(packet_submit));
	assert_memory_equal(out, packet_submit, sizeof(packet_submit));
	assert_true(reads(packet_deliver, sizeof(packet_deliver), false, &t));
	assert_true(t.header);
	assert_string_equal(t.number.digits, "491701234567");
	assert_memory_equal(t.scts, "\x62\x11\x32\x50\x00\x00\x40", TPDU_SCTS);
	assert_memory_equal(t.data, "\x02\x70\x00\xca\xfe", 5);
	assert_int_equal(tpdu_write(&t, out), sizeof(packet_deliver));
	assert_memory_equal(out, packet_deliver, sizeof(packet_deliver));
}

/* --- lengths ---------------------------------------------------------------------------------- */

static void test_no_unit_is_shorter_or_longer(void **state)
{
	(void)state;
	static const struct tpdu none;
	uint8_t longer[sizeof(packet_deliver) + 1] = { 0 };
	struct tpdu t;
	for (size_t len = 0; len < sizeof(packet_submit); len++) {
		assert_false(reads(packet_submit, len, true, &t));
		assert_memory_equal(&t, &none, sizeof(t));
	}
	for (size_t len = 0; len < sizeof(packet_deliver); len++)
		assert_false(reads(packet_deliver, len, false, &t));
	memcpy(longer, packet_submit, sizeof(packet_submit));
	assert_false(reads(longer, sizeof(packet_submit) + 1, true, &t));
	memcpy(longer, packet_deliver, sizeof(packet_deliver));
	assert_false(reads(longer, sizeof(packet_deliver) + 1, false, &t));
}

static void test_the_longest_data(void **state)
{
	(void)state;
	uint8_t data[TPDU_DATA_MAX + 1], out[TPDU_MAX];
	struct tpdu t = { .kind = TPDU_SUBMIT,
		.number = { .type = 0x91, .len = 20, .digits = "12345678901234567890" },
		.dcs = 0xf6,
		.validity = 1,
		.data = data,
		.len = TPDU_DATA_MAX };
	struct tpdu back;
	memset(data, 0x5a, sizeof(data));
	const size_t len = tpdu_write(&t, out);
	assert_int_equal(len, 1 + 1 + 12 + 1 + 1 + 1 + 1 + 140);
	assert_true(reads(out, len, true, &back));
	assert_int_equal(back.len, TPDU_DATA_MAX);
	assert_memory_equal(back.data, data, TPDU_DATA_MAX);
	assert_string_equal(back.number.digits, "12345678901234567890");
	t.len++;
	assert_int_equal(tpdu_write(&t, out), 0);
	t.len--;
	t.dcs = 0; /* 160 septets */
	assert_int_equal(tpdu_write(&t, out), len);
	assert_int_equal(out[len - 141], 160);
	out[len - 141] = 161; /* would be of 141 octets */
	uint8_t more[TPDU_MAX + 1] = { 0 };
	memcpy(more, out, len);
	assert_false(reads(more, len + 1, true, &back));
}

static void test_absolute_validity_is_passed_over(void **state)
{
	(void)state;
	for (uint8_t form = 0x08; form <= 0x18; form = (uint8_t)(form + 0x10)) {
		uint8_t octets[] = { (uint8_t)(0x01 | form), 0x00, 0x04, 0x91, 0x21, 0x43, 0x7d,
			0x04, 1, 2, 3, 4, 5, 6, 7, 0x01, 0x99 };
		struct tpdu t;
		assert_true(reads(octets, sizeof(octets), true, &t));
		assert_int_equal(t.validity, 0);
		assert_int_equal(t.len, 1);
		assert_int_equal(t.data[0], 0x99);
	}
}

static void test_a_status_report_is_only_told_apart(void **state)
{
	(void)state;
	static const uint8_t status[] = { 0x06, 0x2a, 0x04, 0x91, 0x21, 0x43 };
	struct tpdu t;
	assert_true(reads(status, sizeof(status), false, &t));
	assert_int_equal(t.kind, TPDU_STATUS);
	assert_false(reads(status, sizeof(status), true, &t)); /* a SMS-COMMAND */
	uint8_t out[TPDU_MAX];
	t.kind = TPDU_STATUS;
	assert_int_equal(tpdu_write(&t, out), 0);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void test_half_octets(void **state)
{
	(void)state;
	struct tpdu t = { .kind = TPDU_SUBMIT,
		.number = { .type = 0x81, .len = 7, .digits = "1*0#abc" },
		.dcs = 4 };
	static const uint8_t expected[] = { 0x01, 0x00, 0x07, 0x81, 0xa1, 0xb0, 0xdc, 0xfe, 0x00,
		0x04, 0x00 };
	uint8_t out[TPDU_MAX];
	struct tpdu back;
	assert_int_equal(tpdu_write(&t, out), sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
	assert_true(reads(out, sizeof(expected), true, &back));
	assert_string_equal(back.number.digits, "1*0#abc");
	out[7] = 0x1e; /* no filler behind an odd number */
	assert_false(reads(out, sizeof(expected), true, &back));
	out[7] = 0xfe;
	out[4] = 0xaf; /* a filler in between */
	assert_false(reads(out, sizeof(expected), true, &back));
	t.number.digits[2] = 'x';
	assert_int_equal(tpdu_write(&t, out), 0);
	t.number.digits[2] = '\0';
	assert_int_equal(tpdu_write(&t, out), 0);
	t.number.len = 0;
	assert_int_equal(tpdu_write(&t, out), 0);
	t.number = (struct wire_number){ .type = 0, .len = 2, .digits = "12" };
	assert_int_equal(tpdu_write(&t, out), 0);
}

static void test_an_alphanumeric_sender_has_no_digits(void **state)
{
	(void)state;
	static const uint8_t octets[] = { 0x04, 0x0a, 0xd0, 0xcd, 0xe6, 0x35, 0x1a, 0x07, 0x00,
		0x04, 0x62, 0x11, 0x32, 0x50, 0x00, 0x00, 0x40, 0x01, 0x41 };
	struct tpdu t;
	assert_true(reads(octets, sizeof(octets), false, &t));
	assert_int_equal(t.number.len, 0);
	assert_int_equal(t.number.type, 0);
	assert_int_equal(t.data[0], 0x41);
	/* 21 digits with their filler, and 22: a number has 20 at most. */
	for (uint8_t digits = 20; digits <= 22; digits++) {
		const size_t half = (digits + 1U) / 2;
		uint8_t unit[40] = { 0x04, digits, 0x91 };
		memset(unit + 3, 0x11, half);
		if (digits % 2 == 1)
			unit[3 + half - 1] = 0xf1;
		unit[3 + half + 1] = 0x04;
		assert_int_equal(
			reads(unit, 3 + half + 2 + TPDU_SCTS + 1, false, &t), digits == 20);
	}
}

/* --- coding ----------------------------------------------------------------------------------- */

static void test_codings(void **state)
{
	(void)state;
	static const struct {
		uint8_t dcs, bits;
	} rows[] = { { 0x00, 7 }, { 0x04, 8 }, { 0x08, 16 }, { 0x0c, 7 }, { 0x10, 7 }, { 0x15, 8 },
		{ 0x16, 8 }, { 0x18, 16 }, { 0x20, 8 }, { 0x24, 8 }, { 0x28, 8 }, { 0x40, 7 },
		{ 0x44, 8 }, { 0x55, 8 }, { 0x56, 8 }, { 0x58, 16 }, { 0x80, 7 }, { 0x84, 7 },
		{ 0xb8, 7 }, { 0xc0, 7 }, { 0xc8, 7 }, { 0xd4, 7 }, { 0xe0, 16 }, { 0xe8, 16 },
		{ 0xf0, 7 }, { 0xf3, 7 }, { 0xf4, 8 }, { 0xf5, 8 }, { 0xf6, 8 }, { 0xf7, 8 } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(tpdu_is_8_bit(rows[i].dcs), rows[i].bits == 8);
		assert_int_equal(tpdu_is_7_bit(rows[i].dcs), rows[i].bits == 7);
	}
	for (unsigned dcs = 0; dcs < 256; dcs++)
		assert_false(tpdu_is_8_bit((uint8_t)dcs) && tpdu_is_7_bit((uint8_t)dcs));
}

/* TS 23.040 9.2.3.12.1, the table itself. */
static uint32_t seconds_of(uint8_t vp)
{
	if (vp <= 143)
		return (vp + 1U) * 300;
	if (vp <= 167)
		return 43200 + (vp - 143U) * 1800;
	if (vp <= 196)
		return (vp - 166U) * 86400;
	return (vp - 192U) * 604800;
}

static void test_validity_is_the_least_that_is_enough(void **state)
{
	(void)state;
	assert_int_equal(tpdu_validity(0), 0);
	assert_int_equal(tpdu_validity(1), 1);
	assert_int_equal(tpdu_validity(86400), 167);
	assert_int_equal(tpdu_validity(90000), 168); /* 25 hours: two days */
	assert_int_equal(tpdu_validity(UINT32_MAX), 255);
	for (unsigned vp = 1; vp < 255; vp++) {
		const uint32_t exact = seconds_of((uint8_t)vp);
		assert_int_equal(tpdu_validity(exact), vp);
		assert_int_equal(tpdu_validity(exact + 1), vp + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_published_deliver),
		cmocka_unit_test(test_a_published_submit),
		cmocka_unit_test(test_a_command_packet_both_ways),
		cmocka_unit_test(test_no_unit_is_shorter_or_longer),
		cmocka_unit_test(test_the_longest_data),
		cmocka_unit_test(test_absolute_validity_is_passed_over),
		cmocka_unit_test(test_a_status_report_is_only_told_apart),
		cmocka_unit_test(test_half_octets),
		cmocka_unit_test(test_an_alphanumeric_sender_has_no_digits),
		cmocka_unit_test(test_codings),
		cmocka_unit_test(test_validity_is_the_least_that_is_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
