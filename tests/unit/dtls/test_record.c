/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "dtls/record.h"

static const struct dtls_key client = {
	.key = { 0x77, 0x7f, 0xce, 0x36, 0xa1, 0x93, 0x5f, 0xaf, 0xd1, 0xd5, 0x81, 0xbf, 0x7c, 0xae,
		0x5b, 0x31 },
	.iv = { 0x3a, 0x5b, 0x37, 0x0c },
};
static const struct dtls_key other = { .key = { 1 }, .iv = { 2 } };

/* client to server, epoch 1, number 5: the empty CON 40 00 12 34 */
static const uint8_t sealed[] = {
	23, 0xfe, 0xfd, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x00, 0x14, /* header */
	0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, /* explicit nonce */
	0x2d, 0xb0, 0x83, 0x3e,                         /* text */
	0xb0, 0xae, 0x76, 0x2f, 0xa4, 0xbd, 0x83, 0xd4, /* tag */
};
static const uint8_t empty_con[] = { 0x40, 0x00, 0x12, 0x34 };
static const struct dtls_number number = { .type = DTLS_DATA, .epoch = 1, .seq = 5 };

/* A copy on the heap, exact to the byte: a read or write beyond it is seen under ASan. */
static uint8_t *copy_of(const uint8_t *data, size_t len)
{
	uint8_t *const copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, data, len);
	return copy;
}

static int aead_up(void **state)
{
	*state = dtls_aead_new();
	return *state ? 0 : -1;
}

static int aead_down(void **state)
{
	dtls_aead_free(*state);
	return 0;
}

/* Seals len bytes of `fill` under `n` into fresh memory of exactly the promised size. */
static uint8_t *seal(struct dtls_aead *a, const struct dtls_number *n, uint8_t fill, size_t len)
{
	uint8_t *const out = malloc(DTLS_RECORD_OVERHEAD + len);
	assert_non_null(out);
	memset(out, 0xee, DTLS_RECORD_OVERHEAD + len);
	memset(out + DTLS_RECORD_HEADER + 8, fill, len);
	assert_true(dtls_seal(a, &client, n, out, len));
	return out;
}

static bool opens(struct dtls_aead *a, const struct dtls_key *key, uint8_t *data, size_t len)
{
	struct dtls_record r;
	uint8_t *plain;
	size_t plain_len;
	return dtls_record_next(&data, &len, &r) && dtls_open(a, key, &r, &plain, &plain_len);
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

static void test_R125_R127_sealed_as_the_vector(void **state)
{
	uint8_t out[sizeof(sealed) + 1];
	memset(out, 0xee, sizeof(out));
	memcpy(out + DTLS_RECORD_HEADER + 8, empty_con, sizeof(empty_con));
	assert_true(dtls_seal(*state, &client, &number, out, sizeof(empty_con)));
	assert_memory_equal(out, sealed, sizeof(sealed));
	assert_int_equal(out[sizeof(sealed)], 0xee);
}

static void test_R125_R127_vector_is_opened(void **state)
{
	uint8_t *const wire = copy_of(sealed, sizeof(sealed));
	uint8_t *at = wire;
	size_t len = sizeof(sealed);
	struct dtls_record r;
	uint8_t *plain;
	size_t plain_len;
	assert_true(dtls_record_next(&at, &len, &r));
	assert_true(dtls_open(*state, &client, &r, &plain, &plain_len));
	assert_ptr_equal(plain, wire + DTLS_RECORD_HEADER + 8);
	assert_int_equal(plain_len, sizeof(empty_con));
	assert_memory_equal(plain, empty_con, sizeof(empty_con));
	free(wire);
}

/* "abc" under the explicit part 80 01 02 03 04 05 06 07, which is not epoch and number: computed
   with a CCM built by hand over single AES blocks. */
static void test_R125_explicit_nonce_is_the_sender_s_choice(void **state)
{
	uint8_t wire[] = { 23, 0xfe, 0xfd, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x00,
		0x13, 0x80, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xd8, 0x9a, 0xed, 0x26, 0x35,
		0x62, 0x63, 0xf7, 0x0b, 0xb7, 0xa2 };
	uint8_t *at = wire;
	size_t len = sizeof(wire);
	struct dtls_record r;
	uint8_t *plain;
	size_t plain_len;
	assert_true(dtls_record_next(&at, &len, &r));
	assert_true(dtls_open(*state, &client, &r, &plain, &plain_len));
	assert_int_equal(plain_len, 3);
	assert_memory_equal(plain, "abc", 3);
}

static void test_R127_every_bit_of_a_record_counts(void **state)
{
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		uint8_t *const wire = copy_of(sealed, sizeof(sealed));
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(opens(*state, &client, wire, sizeof(sealed)));
		free(wire);
	}
	uint8_t *const wire = copy_of(sealed, sizeof(sealed));
	assert_true(opens(*state, &client, wire, sizeof(sealed)));
	free(wire);
}

static void test_R127_one_byte_less_or_more_does_not_open(void **state)
{
	for (size_t len = 0; len <= sizeof(sealed) - DTLS_RECORD_HEADER + 1; len++) {
		uint8_t wire[sizeof(sealed) + 1] = { 0 };
		memcpy(wire, sealed, sizeof(sealed));
		wire[12] = (uint8_t)len;
		const bool whole = len == sizeof(sealed) - DTLS_RECORD_HEADER;
		assert_int_equal(opens(*state, &client, wire, sizeof(wire)), whole);
	}
}

static void test_R127_another_key_or_iv_does_not_open(void **state)
{
	struct dtls_key keys[] = { other, client, client };
	keys[1].iv[3] ^= 1;
	keys[2].key[15] ^= 1;
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		uint8_t *const wire = copy_of(sealed, sizeof(sealed));
		assert_false(opens(*state, &keys[i], wire, sizeof(sealed)));
		free(wire);
	}
}

static void test_R129_longest_plaintext_goes_and_one_more_does_not(void **state)
{
	const size_t most = DTLS_PLAIN_MAX;
	uint8_t *const wire = seal(*state, &number, 0x5a, most);
	uint8_t *at = wire;
	size_t len = DTLS_RECORD_OVERHEAD + most;
	struct dtls_record r;
	uint8_t *plain;
	size_t plain_len;
	assert_true(dtls_record_next(&at, &len, &r));
	assert_true(dtls_open(*state, &client, &r, &plain, &plain_len));
	assert_int_equal(plain_len, most);
	for (size_t i = 0; i < most; i++)
		assert_int_equal(plain[i], 0x5a);
	free(wire);

	uint8_t *const big = calloc(1, DTLS_RECORD_OVERHEAD + most + 1);
	assert_non_null(big);
	assert_false(dtls_seal(*state, &client, &number, big, most + 1));
	free(big);
}

static void test_R129_plaintext_over_the_limit_is_not_opened(void **state)
{
	const size_t size = DTLS_PLAIN_MAX + DTLS_CCM8_OVERHEAD + 1;
	uint8_t *const body = malloc(size);
	assert_non_null(body);
	memset(body, 0x77, size);
	const struct dtls_record r = {
		.type = DTLS_DATA,
		.version = DTLS_VERSION_1_2,
		.epoch = 1,
		.body = body,
		.len = size,
	};
	uint8_t *plain;
	size_t len;
	assert_false(dtls_open(*state, &client, &r, &plain, &len));
	for (size_t i = 0; i < size; i++)
		assert_int_equal(body[i], 0x77); /* no cipher ran */
	free(body);
}

static void test_R127_lengths_0_to_100_go_round(void **state)
{
	for (size_t n = 0; n <= 100; n++) {
		const struct dtls_number at = { .type = DTLS_ALERT, .epoch = 1, .seq = n };
		uint8_t *const wire = seal(*state, &at, 0x33, n);
		uint8_t *next = wire;
		size_t len = DTLS_RECORD_OVERHEAD + n;
		struct dtls_record r;
		uint8_t *plain;
		size_t plain_len;
		assert_true(dtls_record_next(&next, &len, &r));
		assert_int_equal(len, 0);
		assert_int_equal(r.type, DTLS_ALERT);
		assert_int_equal(r.seq, n);
		assert_true(dtls_open(*state, &client, &r, &plain, &plain_len));
		assert_int_equal(plain_len, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(plain[i], 0x33);
		free(wire);
	}
}

static void test_I1_numbers_beyond_48_bits_are_not_sealed(void **state)
{
	uint8_t out[DTLS_RECORD_OVERHEAD];
	struct dtls_number n = { .type = DTLS_DATA, .epoch = 1, .seq = DTLS_SEQ_MAX };
	assert_true(dtls_seal(*state, &client, &n, out, 0));
	n.seq++;
	assert_false(dtls_seal(*state, &client, &n, out, 0));
}

static void test_R118_protected_records_are_dtls_1_2(void **state)
{
	uint8_t body[DTLS_CCM8_OVERHEAD + 4];
	memcpy(body, sealed + DTLS_RECORD_HEADER, sizeof(body));
	struct dtls_record r = {
		.type = DTLS_DATA,
		.version = DTLS_VERSION_1_0,
		.epoch = 1,
		.seq = 5,
		.body = body,
		.len = sizeof(body),
	};
	uint8_t *plain;
	size_t len;
	assert_false(dtls_open(*state, &client, &r, &plain, &len));
	r.version = DTLS_VERSION_1_2;
	assert_true(dtls_open(*state, &client, &r, &plain, &len));
}

static void test_R123_a_forged_record_leaves_no_trace(void **state)
{
	uint8_t *const forged = copy_of(sealed, sizeof(sealed));
	forged[sizeof(sealed) - 1] ^= 1;
	for (int i = 0; i < 100; i++) {
		uint8_t *const wire = copy_of(forged, sizeof(sealed));
		assert_false(opens(*state, &client, wire, sizeof(sealed)));
		assert_memory_not_equal(
			wire + DTLS_RECORD_HEADER + 8, empty_con, sizeof(empty_con));
		free(wire);
	}
	assert_int_equal(ERR_peek_error(), 0);
	free(forged);
	/* and the contexts still work */
	test_R125_R127_sealed_as_the_vector(state);
	test_R125_R127_vector_is_opened(state);
}

static void test_I1_keys_alternate_in_one_context(void **state)
{
	uint8_t mine[DTLS_RECORD_OVERHEAD + 4];
	for (int i = 0; i < 10; i++) {
		memset(mine, i, sizeof(mine));
		assert_true(dtls_seal(*state, &other, &number, mine, 4));
		test_R125_R127_sealed_as_the_vector(state);
		test_R125_R127_vector_is_opened(state);
		assert_true(opens(*state, &other, mine, sizeof(mine)));
	}
}

#define WITH_AEAD(f) cmocka_unit_test_setup_teardown(f, aead_up, aead_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R118_header_layout),
		cmocka_unit_test(test_R118_header_is_read_back),
		cmocka_unit_test(test_R111_several_records_in_a_datagram),
		cmocka_unit_test(test_R111_a_record_ends_in_its_datagram),
		cmocka_unit_test(test_R129_no_record_over_the_ciphertext_limit),
		WITH_AEAD(test_R125_R127_sealed_as_the_vector),
		WITH_AEAD(test_R125_R127_vector_is_opened),
		WITH_AEAD(test_R125_explicit_nonce_is_the_sender_s_choice),
		WITH_AEAD(test_R127_every_bit_of_a_record_counts),
		WITH_AEAD(test_R127_one_byte_less_or_more_does_not_open),
		WITH_AEAD(test_R127_another_key_or_iv_does_not_open),
		WITH_AEAD(test_R129_longest_plaintext_goes_and_one_more_does_not),
		WITH_AEAD(test_R129_plaintext_over_the_limit_is_not_opened),
		WITH_AEAD(test_R127_lengths_0_to_100_go_round),
		WITH_AEAD(test_I1_numbers_beyond_48_bits_are_not_sealed),
		WITH_AEAD(test_R118_protected_records_are_dtls_1_2),
		WITH_AEAD(test_R123_a_forged_record_leaves_no_trace),
		WITH_AEAD(test_I1_keys_alternate_in_one_context),
	};
	return cmocka_run_group_tests_name("dtls/record", tests, NULL, NULL);
}
