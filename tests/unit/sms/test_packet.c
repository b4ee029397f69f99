/* SPDX-License-Identifier: Apache-2.0 */
/* What a receiver must not take, and what a sender must not send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms/crypt.h"
#include "sms/packet.h"
#include "sms/profile.h"

enum { ROOM = 400 };

struct bed {
	struct sms_cipher *c;
	struct sms_settings s;
	uint8_t packet[ROOM];
	size_t len;
};

static struct sms_agreed agreed(uint8_t kic, size_t key_len)
{
	struct sms_agreed a = sms_agreed_default(SMS_LWM2M_10);
	a.kic = a.kid = kic;
	a.key_len = (uint8_t)key_len;
	for (size_t i = 0; i < key_len; i++)
		a.key[i] = (uint8_t)(2 * i + 2);
	return a;
}

static void bed_begin(struct bed *b, uint8_t kic, size_t key_len, size_t data_len)
{
	const char *why = "";
	uint8_t data[ROOM];
	const struct sms_agreed a = agreed(kic, key_len);
	memset(data, 0x5a, sizeof(data));
	b->c = sms_cipher_new();
	assert_non_null(b->c);
	assert_true(sms_profile_settings(&a, true, &b->s, &why));
	b->len = sms_seal(b->c, &b->s, 7, data, data_len, b->packet, sizeof(b->packet), NULL);
	assert_true(b->len > 0);
}

static enum sms_fault open_copy(struct bed *b, const uint8_t *packet, size_t len)
{
	uint8_t copy[ROOM];
	struct sms_opened o;
	memcpy(copy, packet, len);
	const enum sms_fault f = sms_open(b->c, &b->s, copy, len, &o);
	if (f != SMS_GOOD)
		assert_true(o.counter == 0 && o.data == NULL && o.len == 0);
	return f;
}

static void test_I3_every_flipped_bit_is_refused(void **state)
{
	static const struct {
		uint8_t kic, key_len;
	} kinds[] = { { 0x12, 32 }, { 0x12, 48 }, { 0x12, 64 }, { 0x19, 48 } };
	/* What the profile says is reserved in SPI is not looked at (TS 102 225 5.1.1), but it is
	   under the checksum. */
	(void)state;
	for (size_t k = 0; k < COUNT_OF(kinds); k++) {
		struct bed b;
		bed_begin(&b, kinds[k].kic, kinds[k].key_len, 14);
		assert_int_equal(open_copy(&b, b.packet, b.len), SMS_GOOD);
		for (size_t bit = 0; bit < 8 * b.len; bit++) {
			b.packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
			assert_int_not_equal(open_copy(&b, b.packet, b.len), SMS_GOOD);
			b.packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
		sms_cipher_free(b.c);
	}
}

static void test_a_length_that_is_not_the_packets_is_refused(void **state)
{
	struct bed b;
	(void)state;
	bed_begin(&b, 0x12, 32, 14);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(open_copy(&b, b.packet, len), SMS_SHORT);
	b.packet[b.len] = 0;
	assert_int_equal(open_copy(&b, b.packet, b.len + 1), SMS_SHORT);
	/* The same with lengths that agree, but are no whole blocks. */
	b.packet[1]++;
	assert_int_equal(open_copy(&b, b.packet, b.len + 1), SMS_SHORT);
	sms_cipher_free(b.c);
}

/* A packet under the right keys, and all else as the sender likes it. */
static size_t forge(struct bed *b, const uint8_t head[7], uint8_t padding, uint8_t last)
{
	enum { BODY = 18, WHOLE = SMS_HEAD + 6 + SMS_CC_MAX + BODY };
	uint8_t mac[CRYPT_MAC_MAX];
	uint8_t *const p = b->packet;
	const struct crypt_key cipher = { SMS_AES, 16, b->s.cipher_key };
	const struct crypt_key check = { SMS_AES, 16, b->s.check_key };
	memset(p, 0, WHOLE);
	p[1] = WHOLE - 2;
	p[2] = 13 + SMS_CC_MAX;
	memcpy(p + 3, head, 7);
	p[14] = 9; /* counter */
	p[15] = padding;
	p[WHOLE - 1] = last;
	const struct crypt_piece pieces[] = { { p, 16 }, { p + 24, BODY } };
	assert_true(crypt_check(b->c, &check, pieces, 2, mac));
	memcpy(p + 16, mac, SMS_CC_MAX);
	assert_true(crypt_cipher(b->c, &cipher, true, p + SMS_HEAD, WHOLE - SMS_HEAD));
	return WHOLE;
}

static const uint8_t right[7] = { 0x16, 0x00, 0x12, 0x12, 0xb2, 0x02, 0x03 };

static void test_R302_a_sender_with_the_keys_chooses_nothing(void **state)
{
	struct bed b;
	(void)state;
	bed_begin(&b, 0x12, 32, 14);
	assert_int_equal(open_copy(&b, b.packet, forge(&b, right, 0, 0)), SMS_GOOD);
	static const struct {
		uint8_t at, value;
	} others[] = { { 0, 0x06 }, { 0, 0x0e }, { 0, 0x12 }, { 0, 0x14 }, { 0, 0x1e }, { 2, 0x11 },
		{ 2, 0x15 }, { 2, 0x1d }, { 2, 0x22 }, { 3, 0x11 }, { 3, 0x22 }, { 4, 0xb3 },
		{ 6, 0x02 }, { 6, 0x04 } };
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		uint8_t head[7];
		memcpy(head, right, sizeof(head));
		head[others[i].at] = others[i].value;
		assert_int_equal(open_copy(&b, b.packet, forge(&b, head, 0, 0)), SMS_OTHER);
	}
	/* SPI2 is the sender's affair, and so is what is reserved in SPI1. */
	uint8_t head[7];
	memcpy(head, right, sizeof(head));
	head[0] |= 0xe0;
	head[1] = 0x39;
	assert_int_equal(open_copy(&b, b.packet, forge(&b, head, 0, 0)), SMS_GOOD);
	sms_cipher_free(b.c);
}

static void test_padding_that_is_none_is_forged_even_under_the_right_keys(void **state)
{
	struct bed b;
	(void)state;
	bed_begin(&b, 0x12, 32, 14);
	assert_int_equal(open_copy(&b, b.packet, forge(&b, right, 15, 0)), SMS_GOOD);
	assert_int_equal(open_copy(&b, b.packet, forge(&b, right, 16, 0)), SMS_FORGED);
	assert_int_equal(open_copy(&b, b.packet, forge(&b, right, 255, 0)), SMS_FORGED);
	assert_int_equal(open_copy(&b, b.packet, forge(&b, right, 1, 1)), SMS_FORGED);
	assert_int_equal(open_copy(&b, b.packet, forge(&b, right, 0, 1)), SMS_GOOD);
	sms_cipher_free(b.c);
}

static void test_a_checksum_of_another_length_is_refused(void **state)
{
	struct bed b;
	(void)state;
	bed_begin(&b, 0x12, 32, 14);
	b.s.cc_len = 4;
	assert_int_equal(open_copy(&b, b.packet, b.len), SMS_SHORT);
	sms_cipher_free(b.c);
}

static void test_what_is_too_long_is_not_sealed(void **state)
{
	static uint8_t data[SMS_PACKET_MAX], out[SMS_PACKET_MAX + 64];
	struct bed b;
	uint8_t cc[SMS_CC_MAX];
	(void)state;
	bed_begin(&b, 0x12, 32, 14);
	const size_t len = sms_sealed_len(&b.s, 100);
	assert_int_equal(sms_seal(b.c, &b.s, 1, data, 100, out, len - 1, cc), 0);
	assert_int_equal(sms_seal(b.c, &b.s, 1, data, 100, out, len, cc), len);
	assert_int_equal(sms_seal(b.c, &b.s, 1, data, sizeof(data), out, sizeof(out), NULL), 0);
	assert_int_equal(
		sms_seal(b.c, &b.s, SMS_COUNTER_MAX + 1, data, 4, out, sizeof(out), NULL), 0);
	assert_true(sms_seal(b.c, &b.s, SMS_COUNTER_MAX, data, 4, out, sizeof(out), NULL) > 0);
	sms_cipher_free(b.c);
}

static void test_the_checksum_that_is_told_is_the_one_that_is_found(void **state)
{
	struct bed b;
	struct sms_opened o;
	uint8_t cc[SMS_CC_MAX];
	(void)state;
	bed_begin(&b, 0x12, 32, 14);
	b.len = sms_seal(b.c, &b.s, 8, (const uint8_t *)"reflected", 9, b.packet, ROOM, cc);
	assert_int_equal(sms_open(b.c, &b.s, b.packet, b.len, &o), SMS_GOOD);
	assert_memory_equal(o.cc, cc, SMS_CC_MAX);
	assert_int_equal(o.counter, 8);
	sms_cipher_free(b.c);
}

/* A response is for diagnosis; one that is as wrong as that is not even that. */
static void test_a_response_is_protected_as_its_command_asked(void **state)
{
	struct bed b;
	uint8_t copy[ROOM];
	struct sms_response r = { .counter = 7, .status = 2, .data = NULL };
	(void)state;
	bed_begin(&b, 0x12, 32, 14);
	b.s.spi[1] = 0x39;
	const size_t len = sms_seal_response(b.c, &b.s, &r, b.packet, ROOM);
	assert_true(len > 0);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(copy, b.packet, len);
		copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_not_equal(sms_open_response(b.c, &b.s, copy, len, &r), SMS_GOOD);
	}
	assert_int_equal(sms_open_response(b.c, &b.s, b.packet, len, &r), SMS_GOOD);
	assert_int_equal(r.status, 2);
	assert_string_equal(sms_status_name(r.status), "CNTR low");
	/* One of RC where CC was agreed. */
	b.s.spi[1] = 0x35;
	assert_int_equal(sms_seal_response(b.c, &b.s, &r, b.packet, ROOM), 0);
	sms_cipher_free(b.c);
}

static void test_an_envelope_is_all_there_is(void **state)
{
	static uint8_t data[700];
	static const size_t lengths[] = { 0, 1, 127, 128, 255, 256, 600 };
	const uint8_t *coap;
	size_t len;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		const size_t head = sms_wrap(SMS_TAG, lengths[i], data);
		assert_int_equal(head, lengths[i] > 255 ? 4 : lengths[i] > 127 ? 3 : 2);
		assert_true(sms_unwrap(SMS_TAG, data, head + lengths[i], &coap, &len));
		assert_ptr_equal(coap, data + head);
		assert_int_equal(len, lengths[i]);
		assert_false(sms_unwrap(SMS_TAG, data, head + lengths[i] + 1, &coap, &len));
		assert_false(sms_unwrap(SMS_TAG + 1, data, head + lengths[i], &coap, &len));
		for (size_t cut = 0; cut < head + lengths[i]; cut += 7)
			assert_false(sms_unwrap(SMS_TAG, data, cut, &coap, &len));
	}
	static const uint8_t longer[] = { SMS_TAG, 0x81, 1, 0 },
			     of_three[] = { SMS_TAG, 0x83, 0, 0, 0 };
	assert_false(sms_unwrap(SMS_TAG, longer, sizeof(longer), &coap, &len));
	assert_false(sms_unwrap(SMS_TAG, of_three, sizeof(of_three), &coap, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I3_every_flipped_bit_is_refused),
		cmocka_unit_test(test_a_length_that_is_not_the_packets_is_refused),
		cmocka_unit_test(test_R302_a_sender_with_the_keys_chooses_nothing),
		cmocka_unit_test(test_padding_that_is_none_is_forged_even_under_the_right_keys),
		cmocka_unit_test(test_a_checksum_of_another_length_is_refused),
		cmocka_unit_test(test_what_is_too_long_is_not_sealed),
		cmocka_unit_test(test_the_checksum_that_is_told_is_the_one_that_is_found),
		cmocka_unit_test(test_a_response_is_protected_as_its_command_asked),
		cmocka_unit_test(test_an_envelope_is_all_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
