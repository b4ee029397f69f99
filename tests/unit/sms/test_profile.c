/* SPDX-License-Identifier: Apache-2.0 */
/* What is agreed with a device, and which counters are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms/counter.h"
#include "sms/profile.h"

static struct sms_agreed agreed(enum sms_profile p, size_t key_len)
{
	struct sms_agreed a = sms_agreed_default(p);
	a.key_len = (uint8_t)key_len;
	for (size_t i = 0; i < key_len; i++)
		a.key[i] = (uint8_t)(3 * i + 1);
	return a;
}

static bool is_taken(const struct sms_agreed *a, bool allow_3des)
{
	struct sms_settings s;
	const char *why = NULL;
	const bool good = sms_profile_settings(a, allow_3des, &s, &why);
	if (!good)
		assert_non_null(why);
	return good;
}

/* what goes around a packet. */
static void test_R299_R300_class_and_pid_are_the_profiles(void **state)
{
	(void)state;
	const struct sms_around card = sms_profile_around(SMS_LWM2M_10);
	const struct sms_around device = sms_profile_around(SMS_CR_004);
	assert_int_equal(card.pid, 0x7f);
	assert_int_equal(card.dcs, 0xf6); /* class 2 */
	assert_int_equal(device.pid, 0x7d);
	assert_int_equal(device.dcs, 0xf5); /* class 1 */
	enum sms_profile p;
	assert_true(sms_profile_named("cr-004", &p) && p == SMS_CR_004);
	assert_true(sms_profile_named("lwm2m-1.0", &p) && p == SMS_LWM2M_10);
	assert_false(sms_profile_named("lwm2m", &p));
	assert_string_equal(sms_profile_name(SMS_CR_004), "cr-004");
}

static void test_R302_the_tar_is_of_the_profiles_range(void **state)
{
	(void)state;
	struct sms_agreed a = agreed(SMS_LWM2M_10, 32);
	assert_true(is_taken(&a, false));
	a.tar[2]++;
	assert_false(is_taken(&a, false));
	a = agreed(SMS_CR_004, 32);
	assert_true(is_taken(&a, false));
	a.tar[2] = 0xff;
	assert_true(is_taken(&a, false));
	a.tar[1] = 0xfe;
	assert_false(is_taken(&a, false));
	a.tar[0] = 0xc0;
	assert_false(is_taken(&a, false));
}

static void test_nothing_weaker_than_the_profile_is_agreed(void **state)
{
	static const uint8_t weak[] = { 0x10, 0x11, 0x15, 0x1d, 0x13, 0x1f };
	(void)state;
	for (size_t i = 0; i < sizeof(weak); i++) {
		struct sms_agreed a = agreed(SMS_LWM2M_10, 32);
		a.kic = weak[i];
		assert_false(is_taken(&a, true));
		a.kid = weak[i];
		assert_false(is_taken(&a, true));
	}
	for (size_t len = 0; len <= 64; len++) {
		const struct sms_agreed a = agreed(SMS_LWM2M_10, len);
		assert_int_equal(is_taken(&a, true), len == 32 || len == 48 || len == 64);
	}
	struct sms_agreed a = agreed(SMS_LWM2M_10, 32);
	for (unsigned n = 0; n <= UINT8_MAX; n++) {
		a.cc_len = (uint8_t)n;
		assert_int_equal(is_taken(&a, true), n == 4 || n == 8);
	}
}

static void test_3des_needs_leave_and_three_keys(void **state)
{
	(void)state;
	struct sms_agreed a = agreed(SMS_LWM2M_10, 48);
	a.kic = a.kid = 0x19;
	assert_false(is_taken(&a, false));
	assert_true(is_taken(&a, true));
	for (size_t half = 0; half <= 24; half += 24) {
		for (size_t pair = 0; pair < 3; pair++) {
			struct sms_agreed same = a;
			const size_t one = half + 8 * pair, two = half + 8 * ((pair + 1) % 3);
			memcpy(same.key + two, same.key + one, 8);
			assert_false(is_taken(&same, true));
			same.key[two] ^= 1; /* its parity alone */
			assert_false(is_taken(&same, true));
			same.key[two] ^= 2;
			assert_true(is_taken(&same, true));
		}
	}
	struct sms_agreed mixed = agreed(SMS_LWM2M_10, 48);
	mixed.kid = 0x19;
	assert_false(is_taken(&mixed, true));
}

static void test_each_use_has_a_key_of_its_own(void **state)
{
	(void)state;
	struct sms_agreed a = agreed(SMS_CR_004, 32);
	memcpy(a.key + 16, a.key, 16);
	assert_false(is_taken(&a, true));
	a.key[31] ^= 1;
	assert_true(is_taken(&a, true));
}

static void test_resource_7_has_six_octets_or_seven(void **state)
{
	static const uint8_t seven[] = { 0x22, 0x32, 0x16, 0x39, 0xb2, 0x02, 0x03, 0 };
	static const uint8_t six[] = { 0x22, 0x32, 0x16, 0xb2, 0x02, 0x03 };
	static const uint8_t weak[] = { 0x22, 0x32, 0x12, 0xb2, 0x02, 0x03 };
	struct sms_agreed a = agreed(SMS_LWM2M_10, 32);
	(void)state;
	assert_true(sms_agreed_from_resource_7(six, sizeof(six), &a));
	assert_true(a.kic == 0x22 && a.kid == 0x32 && a.spi2 == 0 && a.tar[0] == 0xb2);
	assert_true(sms_agreed_from_resource_7(seven, 7, &a));
	assert_true(a.spi2 == 0x39 && a.tar[2] == 0x03);
	assert_false(sms_agreed_from_resource_7(seven, 5, &a));
	assert_false(sms_agreed_from_resource_7(seven, 8, &a));
	assert_false(sms_agreed_from_resource_7(weak, sizeof(weak), &a));
}

/* TS 23.038: 8-bit data of any class, in each group that has it. */
static void test_8_bit_data_is_taken_whatever_its_class(void **state)
{
	static const uint8_t good[] = { 0x04, 0x14, 0x15, 0x16, 0x17, 0x44, 0x55, 0x56, 0xf4, 0xf5,
		0xf6, 0xf7 };
	(void)state;
	for (unsigned dcs = 0; dcs <= UINT8_MAX; dcs++) {
		const bool is_good = memchr(good, (int)dcs, sizeof(good)) != NULL;
		if (is_good)
			assert_true(sms_profile_takes((uint8_t)dcs));
		if ((dcs & 0xf0) == 0xf0 || (dcs & 0x0c) != 0x04)
			assert_int_equal(sms_profile_takes((uint8_t)dcs), is_good);
	}
	assert_false(sms_profile_takes(0x24)); /* compressed */
	assert_false(sms_profile_takes(0x84)); /* reserved */
}

static void test_I2_counters_go_up(void **state)
{
	uint64_t last = 5;
	(void)state;
	assert_int_equal(sms_count(SMS_COUNT_HIGHER, 5, &last), SMS_LOW);
	assert_int_equal(sms_count(SMS_COUNT_HIGHER, 4, &last), SMS_LOW);
	assert_int_equal(last, 5);
	assert_int_equal(sms_count(SMS_COUNT_HIGHER, 1000, &last), SMS_COUNTED);
	assert_int_equal(last, 1000);
	assert_int_equal(sms_count(SMS_COUNT_NEXT, 1002, &last), SMS_HIGH);
	assert_int_equal(sms_count(SMS_COUNT_NEXT, 1000, &last), SMS_LOW);
	assert_int_equal(sms_count(SMS_COUNT_NEXT, 1001, &last), SMS_COUNTED);
	assert_int_equal(sms_count(SMS_COUNT_HIGHER, SMS_COUNTER_MAX, &last), SMS_COUNTED);
	assert_int_equal(sms_count(SMS_COUNT_HIGHER, SMS_COUNTER_MAX, &last), SMS_BLOCKED);
	assert_int_equal(sms_count(SMS_COUNT_NEXT, 1, &last), SMS_BLOCKED);
	last = 5;
	assert_int_equal(sms_count(SMS_COUNT_NONE, 0, &last), SMS_COUNTED);
	assert_int_equal(sms_count(SMS_COUNT_UNCHECKED, 3, &last), SMS_COUNTED);
	assert_int_equal(last, 5);
}

static void test_I1_no_counter_is_sent_twice(void **state)
{
	uint64_t next = 7;
	(void)state;
	assert_true(sms_next(SMS_COUNT_HIGHER, 0, &next) && next == 1);
	assert_true(sms_next(SMS_COUNT_NEXT, 41, &next) && next == 42);
	assert_true(sms_next(SMS_COUNT_HIGHER, SMS_COUNTER_MAX - 1, &next));
	assert_int_equal(next, SMS_COUNTER_MAX);
	assert_false(sms_next(SMS_COUNT_HIGHER, SMS_COUNTER_MAX, &next));
	assert_true(sms_next(SMS_COUNT_NONE, 41, &next) && next == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R299_R300_class_and_pid_are_the_profiles),
		cmocka_unit_test(test_R302_the_tar_is_of_the_profiles_range),
		cmocka_unit_test(test_nothing_weaker_than_the_profile_is_agreed),
		cmocka_unit_test(test_3des_needs_leave_and_three_keys),
		cmocka_unit_test(test_each_use_has_a_key_of_its_own),
		cmocka_unit_test(test_resource_7_has_six_octets_or_seven),
		cmocka_unit_test(test_8_bit_data_is_taken_whatever_its_class),
		cmocka_unit_test(test_I2_counters_go_up),
		cmocka_unit_test(test_I1_no_counter_is_sent_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
