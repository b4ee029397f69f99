/* SPDX-License-Identifier: Apache-2.0 */
/* Resources 6 to 8 of a Security Object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/sms_object.h"

static uint8_t key[64];
static struct cred_sms got;
static enum sms_object_says says;

static const char *read_of(uint8_t mode, const uint8_t *params, size_t params_len, size_t key_len)
{
	const struct sms_object o = { .mode = mode,
		.cr_004 = SMS_OBJECT_ANY,
		.params = params,
		.params_len = params_len,
		.key = key,
		.key_len = key_len };
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(7 * i + 3);
	memset(&got, 0x5a, sizeof(got));
	return sms_object_read(&o, &says, &got);
}

static const uint8_t six[] = { 0x12, 0x22, 0x16, 0xb2, 0x02, 0x03 };
static const uint8_t seven[] = { 0x12, 0x22, 0x16, 0x39, 0xbf, 0xff, 0x07 };

static void test_R313_resource_7_has_six_octets_or_seven(void **state)
{
	(void)state;
	assert_null(read_of(2, six, sizeof(six), 32));
	assert_int_equal(says, SMS_OBJECT_PACKETS);
	assert_int_equal(got.profile, CRED_SMS_LWM2M_10);
	assert_true(got.kic == 0x12 && got.kid == 0x22 && got.spi2 == 0 && got.cc_len == 8);
	assert_memory_equal(got.tar, "\xb2\x02\x03", 3);
	assert_null(read_of(204, seven, sizeof(seven), 48));
	assert_int_equal(got.profile, CRED_SMS_CR_004);
	assert_int_equal(got.spi2, 0x39);
	assert_memory_equal(got.tar, "\xbf\xff\x07", 3);
	for (size_t len = 0; len <= sizeof(seven); len++) {
		if (len < 6)
			assert_non_null(strstr(read_of(2, six, len, 32), "resource 7"));
	}
}

static void test_modes(void **state)
{
	(void)state;
	assert_null(read_of(0, NULL, 0, 0));
	assert_int_equal(says, SMS_OBJECT_NOTHING);
	assert_null(read_of(3, six, sizeof(six), 32));
	assert_int_equal(says, SMS_OBJECT_NOTHING);
	assert_null(read_of(1, NULL, 0, 0));
	assert_int_equal(says, SMS_OBJECT_DTLS);
	assert_int_equal(got.profile, CRED_SMS_DTLS);
	assert_null(read_of(1, NULL, 0, 16));
	assert_non_null(strstr(read_of(1, NULL, 0, 32), "PSK"));
	for (unsigned mode = 4; mode < 204; mode++)
		assert_non_null(strstr(read_of((uint8_t)mode, six, sizeof(six), 32), "reserved"));
	struct sms_object o = { .mode = 205,
		.cr_004 = 204,
		.params = seven,
		.params_len = 7,
		.key = key,
		.key_len = 32 };
	assert_non_null(strstr(sms_object_read(&o, &says, &got), "not this gateway's"));
	o.mode = 204;
	assert_null(sms_object_read(&o, &says, &got));
}

/* Each reason leaves nothing. */
static void test_what_is_weak_or_does_not_fit_is_refused(void **state)
{
	static const struct {
		uint8_t mode, params[6];
		size_t key_len;
		const char *why;
	} rows[] = {
		{ 2, { 0x12, 0x12, 0x16, 0xb2, 0x02, 0x03 }, 16, "one key" },
		{ 2, { 0x12, 0x12, 0x16, 0xb2, 0x02, 0x03 }, 0, "resource 8" },
		{ 2, { 0x12, 0x12, 0x16, 0xb2, 0x02, 0x03 }, 64, "resource 8" },
		{ 2, { 0x12, 0x12, 0x12, 0xb2, 0x02, 0x03 }, 32, "SPI" },
		{ 2, { 0x12, 0x12, 0x16, 0xbf, 0xff, 0x00 }, 32, "tar" },
		{ 204, { 0x12, 0x12, 0x16, 0xb2, 0x02, 0x03 }, 32, "tar" },
		{ 2, { 0x15, 0x15, 0x16, 0xb2, 0x02, 0x03 }, 32, "kic" },
		{ 2, { 0x19, 0x19, 0x16, 0xb2, 0x02, 0x03 }, 32, "3DES" },
		{ 2, { 0x12, 0x19, 0x16, 0xb2, 0x02, 0x03 }, 48, "different" },
	};
	static const struct cred_sms none;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *const why = read_of(rows[i].mode, rows[i].params, 6, rows[i].key_len);
		if (why == NULL || strstr(why, rows[i].why) == NULL)
			fail_msg("row %zu: %s", i, why != NULL ? why : "it passes");
		assert_int_equal(says, SMS_OBJECT_NOTHING);
		assert_memory_equal(&got, &none, sizeof(got));
	}
	memset(key, 1, sizeof(key));
	const struct sms_object same = {
		.mode = 2, .params = six, .params_len = 6, .key = key, .key_len = 32
	};
	assert_non_null(strstr(sms_object_read(&same, &says, &got), "same"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R313_resource_7_has_six_octets_or_seven),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_what_is_weak_or_does_not_fit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
