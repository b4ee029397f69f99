/* SPDX-License-Identifier: Apache-2.0 */
/* What mutations of gateway/sms had shown to be untested. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms/crypt.h"
#include "sms/packet.h"
#include "sms/profile.h"

enum { ROOM = 128, DATA = 14 };

static const uint8_t data[DATA] = "a CoAP message";

static void settings_of(uint8_t seed, uint8_t kic, size_t key_len, struct sms_settings *s)
{
	struct sms_agreed a = sms_agreed_default(SMS_LWM2M_10);
	const char *why = "";
	a.kic = a.kid = kic;
	a.key_len = (uint8_t)key_len;
	for (size_t i = 0; i < key_len; i++)
		a.key[i] = (uint8_t)(seed + 2 * i);
	if (!sms_profile_settings(&a, true, s, &why))
		fail_msg("%s", why);
}

static size_t seal_alone(const struct sms_settings *s, uint8_t *out)
{
	struct sms_cipher *const c = sms_cipher_new();
	const size_t len = sms_seal(c, s, 1, data, DATA, out, ROOM, NULL);
	sms_cipher_free(c);
	return len;
}

/* What one cipher does for a device does not depend on whom it served before. */
static void test_a_cipher_forgets_the_device_before(void **state)
{
	static const struct {
		uint8_t kic, key_len;
	} kinds[] = { { 0x12, 32 }, { 0x12, 48 }, { 0x12, 64 }, { 0x19, 48 } };
	struct sms_cipher *const c = sms_cipher_new();
	struct sms_settings s, other;
	struct sms_opened o;
	(void)state;
	for (size_t k = 0; k < COUNT_OF(kinds); k++) {
		for (uint8_t seed = 1; seed < 9; seed++) {
			uint8_t shared[ROOM], alone[ROOM];
			settings_of(seed, kinds[k].kic, kinds[k].key_len, &s);
			settings_of(seed + 100, kinds[k].kic, kinds[k].key_len, &other);
			const size_t len = seal_alone(&s, alone);
			assert_int_equal(sms_seal(c, &s, 1, data, DATA, shared, ROOM, NULL), len);
			assert_memory_equal(shared, alone, len);
			assert_int_equal(sms_open(c, &other, shared, len, &o), SMS_FORGED);
			assert_int_equal(sms_open(c, &s, alone, len, &o), SMS_GOOD);
		}
	}
	sms_cipher_free(c);
}

static void test_the_first_key_is_for_ciphering(void **state)
{
	struct sms_settings s;
	(void)state;
	settings_of(1, 0x12, 32, &s);
	for (size_t i = 0; i < 16; i++) {
		assert_int_equal(s.cipher_key[i], 1 + 2 * i);
		assert_int_equal(s.check_key[i], 33 + 2 * i);
	}
}

/* Under the right keys: two octets of data, and a padding of three, which reaches into a checksum
   that ends in zero as padding does. */
static void test_padding_beyond_the_data_is_forged(void **state)
{
	enum { CC = 8, WHOLE = SMS_HEAD + 6 + CC + 2, TRIES = 10000 };
	uint8_t p[WHOLE] = { 0, WHOLE - 2, 13 + CC, 0x16, 0, 0x19, 0x19, 0xb2, 2, 3 };
	uint8_t mac[CRYPT_MAC_MAX];
	struct sms_cipher *const c = sms_cipher_new();
	struct sms_settings s;
	struct sms_opened o;
	unsigned n = 0;
	(void)state;
	settings_of(1, 0x19, 48, &s);
	const struct crypt_key check = { SMS_3DES_3, 24, s.check_key };
	const struct crypt_key cipher = { SMS_3DES_3, 24, s.cipher_key };
	const struct crypt_piece pieces[] = { { p, 16 }, { p + 16 + CC, WHOLE - 16 - CC } };
	p[15] = 3;
	do {
		p[13] = (uint8_t)(++n >> 8); /* counter */
		p[14] = (uint8_t)n;
		assert_true(crypt_check(c, &check, pieces, 2, mac));
	} while (mac[CC - 1] != 0 && n < TRIES);
	assert_int_equal(mac[CC - 1], 0);
	memcpy(p + 16, mac, CC);
	assert_true(crypt_cipher(c, &cipher, true, p + SMS_HEAD, WHOLE - SMS_HEAD));
	assert_int_equal(sms_open(c, &s, p, WHOLE, &o), SMS_FORGED);
	assert_true(o.data == NULL && o.len == 0);
	sms_cipher_free(c);
}

/* Where nothing is checked there is only what was agreed. */
static void test_a_response_is_of_the_tar(void **state)
{
	const struct sms_response said = { .counter = 7, .status = 9 };
	struct sms_cipher *const c = sms_cipher_new();
	struct sms_response r;
	struct sms_settings s;
	uint8_t p[ROOM];
	(void)state;
	settings_of(1, 0x12, 32, &s);
	s.spi[1] = 0x39;
	const size_t len = sms_seal_response(c, &s, &said, p, sizeof(p));
	assert_true(len > 0);
	s.tar[2]++;
	assert_int_equal(sms_open_response(c, &s, p, len, &r), SMS_OTHER);
	sms_cipher_free(c);
}

static void test_a_response_is_not_ciphered_where_the_command_is_not(void **state)
{
	const struct sms_response said = { .counter = 7 };
	struct sms_settings s = {
		.spi = { 0x02, 0x19 }, .kid = 0x12, .cc_len = 8, .check_key_len = 16
	};
	struct sms_cipher *const c = sms_cipher_new();
	const char *why = "";
	uint8_t p[ROOM];
	(void)state;
	assert_true(sms_settings_derive(&s, &why));
	assert_int_equal(sms_seal_response(c, &s, &said, p, sizeof(p)), 0);
	sms_cipher_free(c);
}

static void test_what_is_longer_than_any_packet_is_short_of_nothing(void **state)
{
	static uint8_t p[SMS_PACKET_MAX + 16];
	struct sms_cipher *const c = sms_cipher_new();
	struct sms_settings s;
	struct sms_opened o;
	(void)state;
	settings_of(1, 0x12, 32, &s);
	const size_t len = SMS_HEAD + SMS_PACKET_MAX; /* whole blocks */
	p[0] = (uint8_t)((len - 2) >> 8);
	p[1] = (uint8_t)(len - 2);
	p[2] = 21;
	assert_int_equal(sms_open(c, &s, p, len, &o), SMS_SHORT);
	sms_cipher_free(c);
}

/* A reflected one is known by all eight octets. */
static void test_a_short_checksum_is_followed_by_zeros(void **state)
{
	uint8_t p[ROOM], cc[SMS_CC_MAX];
	struct sms_cipher *const c = sms_cipher_new();
	struct sms_settings s;
	struct sms_opened o;
	(void)state;
	settings_of(1, 0x12, 32, &s);
	s.cc_len = 4;
	memset(cc, 0xff, sizeof(cc));
	const size_t len = sms_seal(c, &s, 1, data, DATA, p, sizeof(p), cc);
	assert_int_equal(sms_open(c, &s, p, len, &o), SMS_GOOD);
	assert_memory_equal(o.cc, cc, sizeof(cc));
	sms_cipher_free(c);
}

/* X.25's checksum of "123456789" is 906E. */
static void test_crc_16_is_the_one_of_x25(void **state)
{
	static const uint8_t text[] = "123456789", want[] = { 0x90, 0x6e };
	const struct crypt_piece whole = { text, 9 };
	const struct crypt_key k = { .algorithm = SMS_CRC16 };
	uint8_t mac[CRYPT_MAC_MAX];
	(void)state;
	assert_true(crypt_check(NULL, &k, &whole, 1, mac));
	assert_memory_equal(mac, want, sizeof(want));
}

static void test_an_envelope_has_the_shortest_length(void **state)
{
	static uint8_t longer[4 + 255] = { SMS_TAG, 0x82, 0x00, 0xff };
	const uint8_t *coap;
	size_t len;
	(void)state;
	assert_false(sms_unwrap(SMS_TAG, longer, sizeof(longer), &coap, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_cipher_forgets_the_device_before),
		cmocka_unit_test(test_the_first_key_is_for_ciphering),
		cmocka_unit_test(test_padding_beyond_the_data_is_forged),
		cmocka_unit_test(test_a_response_is_of_the_tar),
		cmocka_unit_test(test_a_response_is_not_ciphered_where_the_command_is_not),
		cmocka_unit_test(test_what_is_longer_than_any_packet_is_short_of_nothing),
		cmocka_unit_test(test_a_short_checksum_is_followed_by_zeros),
		cmocka_unit_test(test_crc_16_is_the_one_of_x25),
		cmocka_unit_test(test_an_envelope_has_the_shortest_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
