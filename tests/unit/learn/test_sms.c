/* SPDX-License-Identifier: Apache-2.0 */
/* What a bootstrap server writes of short messages beside what the device is to prove. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/unit/learn/talk.h"

/* TLV of resources 7 and 8. */
#define PARAMS "c70712121639b20203"
#define KEYS32 "c80820000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void write_hex(const char *path, const char *hex)
{
	write_octets(LEARN_TLV, path, octets_of(hex));
}

static void expect_keys(uint8_t mode, size_t params, size_t key, const char *number)
{
	static const uint8_t first[] = { 0x12, 0x12, 0x16 };
	expect_found();
	assert_int_equal(found.sms.mode, mode);
	assert_int_equal(found.sms.params_len, params);
	assert_int_equal(found.sms.key_len, key);
	assert_string_equal(found.sms.number, number);
	if (params > 0)
		assert_memory_equal(found.sms.params, first, sizeof(first));
	for (size_t i = 0; i < key; i++)
		assert_int_equal(found.sms.key[i], i);
}

static void test_R313_keys_for_short_messages_are_found_in_TLV(void **state)
{
	(void)state;
	write_text("/0/1", ours);
	expect_keys(0, 0, 0, "");
	/* A part of the account: path of the resource. */
	write_hex("/0/1/6", "c10602");
	write_hex("/0/1/7", PARAMS);
	write_hex("/0/1/8", KEYS32);
	write_hex("/0/1/9", "c809083439313531323334");
	expect_keys(2, 7, 32, "49151234");
	write_hex("/0/1/6", "c20600cc"); /* 204 */
	expect_keys(204, 7, 32, "49151234");
	write_hex("/0/1/6", "c106cc"); /* the same, without its sign */
	expect_keys(204, 7, 32, "49151234");
}

static void test_R313_keys_for_short_messages_are_found_in_SenML_JSON(void **state)
{
	(void)state;
	write_text("/0/1", BASE("1") SERVER("coaps://gw.example") KEYS("0") //
		",{\"n\":\"6\",\"v\":2},{\"n\":\"7\",\"vd\":\"EhIWsgID\"},{\"n\":\"8\",\"vd\":"
		"\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"},{\"n\":\"9\",\"vs\":"
		"\"4915\"}]");
	expect_keys(2, 6, 32, "4915");
}

/* It is no reason to know nothing of what the device is to prove. */
static void test_what_cannot_be_is_as_if_it_were_not_there(void **state)
{
	(void)state;
	write_text("/0/1", BASE("1") SERVER("coaps://gw.example") KEYS("0") //
		",{\"n\":\"6\",\"v\":256},{\"n\":\"7\",\"vd\":\"EhIWsgIDAAAA\"},{\"n\":\"8\","
		"\"v\":8},{\"n\":\"9\",\"v\":4915}]");
	expect_keys(0, 0, 0, "");
	write_hex("/0/1/6", "c10602");
	write_hex("/0/1/7", PARAMS);
	expect_keys(2, 7, 0, "");
	write_hex("/0/1/7", "c50712121639b2");
	write_hex("/0/1/6", "c3060000cc");
	expect_found();
	assert_int_equal(found.sms.mode, 0);
	assert_int_equal(found.sms.params_len, 5); /* whether that is right, others know */
	write_hex("/0/1/8", "8008");               /* several, none */
	expect_found();
}

static void test_they_are_of_the_account_of_this_gateway_alone(void **state)
{
	(void)state;
	write_text("/0/2", BASE("2") SERVER("coaps://other.example") KEYS("0") //
		",{\"n\":\"6\",\"v\":2},{\"n\":\"7\",\"vd\":\"EhIWsgID\"}]");
	write_text("/0/1", ours);
	expect_keys(0, 0, 0, "");
	write_hex("/0/1/6", "c10602");
	expect_keys(2, 0, 0, "");
	/* And they go with it. */
	erase("/0/1", PDU_DELETED);
	write_text("/0/1", ours);
	expect_keys(0, 0, 0, "");
}

/* A device may keep, or not, what a later Write of the whole account has not. */
static void test_what_is_written_again_with_less_is_not_known(void **state)
{
	(void)state;
	write_text("/0/1", ours);
	write_hex("/0/1/6", "c10602");
	write_hex("/0/1/8", KEYS32);
	expect_keys(2, 0, 32, "");
	write_text("/0/1", BASE("1") SERVER("coaps://gw.example") KEYS("0") //
		",{\"n\":\"6\",\"v\":2}]");
	expect_keys(0, 0, 0, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_R313_keys_for_short_messages_are_found_in_TLV, talk_begin, talk_end),
		cmocka_unit_test_setup_teardown(
			test_R313_keys_for_short_messages_are_found_in_SenML_JSON, talk_begin,
			talk_end),
		cmocka_unit_test_setup_teardown(
			test_what_cannot_be_is_as_if_it_were_not_there, talk_begin, talk_end),
		cmocka_unit_test_setup_teardown(
			test_they_are_of_the_account_of_this_gateway_alone, talk_begin, talk_end),
		cmocka_unit_test_setup_teardown(
			test_what_is_written_again_with_less_is_not_known, talk_begin, talk_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
