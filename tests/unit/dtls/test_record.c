/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "dtls/record.h"

/* client to server, epoch 1, number 5: the empty CON 40 00 12 34 */
static const uint8_t sealed[] = {
	23, 0xfe, 0xfd, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x00, 0x14, /* header */
	0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, /* explicit nonce */
	0x2d, 0xb0, 0x83, 0x3e,                         /* text */
	0xb0, 0xae, 0x76, 0x2f, 0xa4, 0xbd, 0x83, 0xd4, /* tag */
};
static const struct dtls_number number = { .type = DTLS_DATA, .epoch = 1, .seq = 5 };

/* A copy on the heap, exact to the byte: a read or write beyond it is seen under ASan. */
static uint8_t *copy_of(const uint8_t *data, size_t len)
{
	uint8_t *const copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, data, len);
	return copy;
}

static void test_R118_header_layout(void **state)
{
	(void)state;
	uint8_t out[DTLS_RECORD_HEADER];
	const struct dtls_number n = { .type = 22, .epoch = 0x0203, .seq = 0x040506070809 };
	dtls_record_header(out, DTLS_VERSION_1_0, &n, 0x0a0b);
	const uint8_t wire[] = { 22, 0xfe, 0xff, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x0b };
	assert_memory_equal(out, wire, sizeof(wire));
}

static void test_R118_header_is_read_back(void **state)
{
	(void)state;
	uint8_t wire[] = { 99, 1, 2, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 2, 7, 8,
		9 };
	uint8_t *at = wire;
	size_t len = sizeof(wire);
	struct dtls_record r;
	assert_true(dtls_record_next(&at, &len, &r));
	assert_int_equal(r.type, 99); /* the caller judges */
	assert_int_equal(r.version, 0x0102);
	assert_int_equal(r.epoch, 0xfffe);
	assert_int_equal(r.seq, DTLS_SEQ_MAX);
	assert_ptr_equal(r.body, wire + DTLS_RECORD_HEADER);
	assert_int_equal(r.len, 2);
	assert_ptr_equal(at, wire + DTLS_RECORD_HEADER + 2);
	assert_int_equal(len, 1);
}

static void test_R111_several_records_in_a_datagram(void **state)
{
	(void)state;
	uint8_t wire[3 * DTLS_RECORD_HEADER + 5] = { 0 };
	const size_t lens[] = { 3, 0, 2 };
	uint8_t *at = wire;
	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		const struct dtls_number n = { .type = DTLS_HANDSHAKE, .seq = i };
		dtls_record_header(at, DTLS_VERSION_1_2, &n, lens[i]);
		at += DTLS_RECORD_HEADER + lens[i];
	}
	at = wire;
	size_t len = sizeof(wire);
	struct dtls_record r;
	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		assert_true(dtls_record_next(&at, &len, &r));
		assert_int_equal(r.seq, i);
		assert_int_equal(r.len, lens[i]);
	}
	assert_int_equal(len, 0);
	assert_false(dtls_record_next(&at, &len, &r));
}

static void test_R111_a_record_ends_in_its_datagram(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < sizeof(sealed); cut++) {
		uint8_t *const wire = copy_of(sealed, cut);
		uint8_t *at = wire;
		size_t len = cut;
		struct dtls_record r;
		assert_false(dtls_record_next(&at, &len, &r));
		free(wire);
	}
	uint8_t *const wire = copy_of(sealed, sizeof(sealed));
	uint8_t *at = wire;
	size_t len = sizeof(sealed);
	struct dtls_record r;
	assert_true(dtls_record_next(&at, &len, &r));
	free(wire);
}

static void test_R129_no_record_over_the_ciphertext_limit(void **state)
{
	(void)state;
	for (size_t body = DTLS_CIPHER_MAX - 1; body <= DTLS_CIPHER_MAX + 1; body++) {
		uint8_t *const wire = calloc(1, DTLS_RECORD_HEADER + body);
		assert_non_null(wire);
		dtls_record_header(wire, DTLS_VERSION_1_2, &number, body);
		uint8_t *at = wire;
		size_t len = DTLS_RECORD_HEADER + body;
		struct dtls_record r;
		assert_int_equal(dtls_record_next(&at, &len, &r), body <= DTLS_CIPHER_MAX);
		free(wire);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R118_header_layout),
		cmocka_unit_test(test_R118_header_is_read_back),
		cmocka_unit_test(test_R111_several_records_in_a_datagram),
		cmocka_unit_test(test_R111_a_record_ends_in_its_datagram),
		cmocka_unit_test(test_R129_no_record_over_the_ciphertext_limit),
	};
	return cmocka_run_group_tests_name("dtls/record", tests, NULL, NULL);
}
