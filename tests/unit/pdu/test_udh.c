/* SPDX-License-Identifier: Apache-2.0 */
/* User data headers: TS 23.040 9.2.3.24, TS 31.115 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms-bridge/pdu/udh.h"

static bool reads(const char *octets, size_t len, struct udh *out, size_t *used)
{
	uint8_t *const exact = malloc(len + 1); /* ASan sees one octet too many */
	assert_non_null(exact);
	uint8_t *const at = realloc(exact, len > 0 ? len : 1);
	assert_non_null(at);
	memcpy(at, octets, len);
	memset(out, 0xaa, sizeof(*out));
	*used = SIZE_MAX;
	const bool good = udh_read(at, len, out, used);
	free(at);
	return good;
}
#define READS(octets, out, used) reads(octets, sizeof(octets) - 1, out, used)

static void test_a_command_packet_alone(void **state)
{
	(void)state;
	struct udh u;
	size_t used;
	assert_true(READS("\x02\x70\x00\x00\x1d\x15", &u, &used));
	assert_int_equal(used, 3);
	assert_int_equal(u.marker, 0x70);
	assert_false(u.joined);
	assert_false(u.ported);
	assert_true(READS("\x02\x71\x00", &u, &used));
	assert_int_equal(u.marker, 0x71);
}

static void test_the_first_of_two_in_any_order(void **state)
{
	(void)state;
	static const struct {
		char octets[9];
	} rows[] = { { "\x07\x00\x03\x2a\x02\x01\x70\x00" },
		{ "\x07\x70\x00\x00\x03\x2a\x02\x01" } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct udh u;
		size_t used;
		assert_true(reads(rows[i].octets, 8, &u, &used));
		assert_int_equal(used, 8);
		assert_true(u.joined);
		assert_false(u.wide);
		assert_int_equal(u.reference, 0x2a);
		assert_int_equal(u.total, 2);
		assert_int_equal(u.number, 1);
		assert_int_equal(u.marker, 0x70);
	}
}

static void test_sixteen_bits_and_ports(void **state)
{
	(void)state;
	struct udh u;
	size_t used;
	assert_true(READS("\x0c\x08\x04\x12\x34\xff\xff\x05\x04\x16\x33\x23\xf0", &u, &used));
	assert_int_equal(used, 13);
	assert_true(u.joined && u.wide && u.ported);
	assert_int_equal(u.reference, 0x1234);
	assert_int_equal(u.total, 255);
	assert_int_equal(u.number, 255);
	assert_int_equal(u.to_port, 5683);
	assert_int_equal(u.from_port, 0x23f0);
}

static void test_unknown_elements_are_passed_over(void **state)
{
	(void)state;
	struct udh u;
	size_t used;
	/* Special SMS indication, a reserved one without octets, then ours. */
	assert_true(READS("\x08\x01\x02\x80\x03\x99\x00\x70\x00z", &u, &used));
	assert_int_equal(used, 9);
	assert_int_equal(u.marker, 0x70);
	assert_true(READS("\x00z", &u, &used));
	assert_int_equal(used, 1);
	assert_int_equal(u.marker, 0);
}

static void test_the_last_of_two_counts(void **state)
{
	(void)state;
	struct udh u;
	size_t used;
	assert_true(READS("\x0b\x00\x03\x01\x04\x02\x08\x04\x02\x03\x05\x03", &u, &used));
	assert_true(u.joined && u.wide);
	assert_int_equal(u.reference, 0x0203);
	assert_int_equal(u.total, 5);
	assert_int_equal(u.number, 3);
	assert_true(READS("\x04\x70\x00\x71\x00", &u, &used));
	assert_int_equal(u.marker, 0x71);
}

static void test_a_concatenation_that_cannot_be_is_none(void **state)
{
	(void)state;
	static const char *const rows[] = { "\x05\x00\x03\x01\x00\x00", "\x05\x00\x03\x01\x00\x01",
		"\x05\x00\x03\x01\x02\x00", "\x05\x00\x03\x01\x02\x03", "\x05\x08\x03\x01\x02\x01",
		"\x05\x05\x03\x01\x02\x03" };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct udh u;
		size_t used;
		assert_true(reads(rows[i], 6, &u, &used));
		assert_int_equal(used, 6);
		assert_false(u.joined);
		assert_false(u.ported);
	}
	struct udh u;
	size_t used;
	assert_true(READS("\x06\x00\x04\x01\x02\x01\x01", &u, &used));
	assert_false(u.joined);
}

static void test_lengths_that_the_octets_do_not_have(void **state)
{
	(void)state;
	static const struct udh none;
	static const char whole[] = "\x07\x00\x03\x2a\x02\x01\x70\x00";
	struct udh u;
	size_t used;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		assert_false(reads(whole, len, &u, &used));
		assert_memory_equal(&u, &none, sizeof(u));
		assert_int_equal(used, 0);
	}
	/* Beyond the header, though within the data: an element is not of user data. */
	assert_false(READS("\x03\x00\x03\x2a\x02\x01", &u, &used));
	assert_false(READS("\x03\x70\x00\x00\x00", &u, &used)); /* half an element */
	assert_memory_equal(&u, &none, sizeof(u));
}

static void test_what_is_written(void **state)
{
	(void)state;
	static const struct {
		struct udh u;
		char octets[UDH_MAX + 1];
		size_t len;
	} rows[] = {
		{ { .marker = 0x70 }, "\x02\x70\x00", 3 },
		{ { .joined = true, .reference = 0x2a, .total = 2, .number = 1, .marker = 0x70 },
			"\x07\x00\x03\x2a\x02\x01\x70\x00", 8 },
		{ { .joined = true, .reference = 0x2a, .total = 2, .number = 2 },
			"\x05\x00\x03\x2a\x02\x02", 6 },
		{ { .joined = true,
			  .wide = true,
			  .reference = 0x1234,
			  .total = 3,
			  .number = 1,
			  .marker = 0x71,
			  .ported = true,
			  .to_port = 5683,
			  .from_port = 1 },
			"\x0e\x08\x04\x12\x34\x03\x01\x71\x00\x05\x04\x16\x33\x00\x01", 15 },
		{ { .reference = 7 }, "", 0 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t out[UDH_MAX];
		assert_int_equal(udh_write(&rows[i].u, out), rows[i].len);
		assert_memory_equal(out, rows[i].octets, rows[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command_packet_alone),
		cmocka_unit_test(test_the_first_of_two_in_any_order),
		cmocka_unit_test(test_sixteen_bits_and_ports),
		cmocka_unit_test(test_unknown_elements_are_passed_over),
		cmocka_unit_test(test_the_last_of_two_counts),
		cmocka_unit_test(test_a_concatenation_that_cannot_be_is_none),
		cmocka_unit_test(test_lengths_that_the_octets_do_not_have),
		cmocka_unit_test(test_what_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
