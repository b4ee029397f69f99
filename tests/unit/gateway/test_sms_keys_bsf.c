/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a BSF, and what its answer is to the life of keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/sms_keys_bsf.h"

enum { LIFE_S = 600 };
#define WALL UINT64_C(1700000000000)
#define NOW  UINT64_C(5000000)

static struct store_cred cred(void)
{
	return (struct store_cred){ .kind = STORE_CRED_SMS,
		.number = 42,
		.identity = "4911111",
		.identity_len = 7,
		.sms = { .profile = STORE_SMS_CR_004,
			.spi2 = 3,
			.kic = 0x12,
			.kid = 0x22,
			.tar = { 0xbf, 0xff, 0x01 },
			.cc_len = 4,
			.renew = { .how = STORE_RENEW_GBA_PUSH } } };
}

static struct gw_bsf_answer answer(uint8_t key_len)
{
	struct gw_bsf_answer a = { .result = GW_BSF_OK,
		.key_len = key_len,
		.until_ms = WALL + 100000,
		.gpi_len = 3,
		.gpi = "gpi" };
	memset(a.kic, 'c', key_len);
	memset(a.kid, 'd', key_len);
	return a;
}

static void test_what_is_asked(void **state)
{
	(void)state;
	struct store_cred c = cred();
	struct gw_bsf_ask ask;
	assert_true(gw_keys_ask_of(&c, LIFE_S, &ask));
	assert_string_equal(ask.subscriber, "4911111");
	assert_true(ask.cred == 42 && !ask.uicc && !ask.triple_des && ask.lifetime_s == LIFE_S);
	memcpy(c.sms.renew.subscriber, "a@b", 4);
	c.sms.renew.gba = STORE_GBA_U;
	c.sms.kic = 0x39;
	assert_true(gw_keys_ask_of(&c, 0, &ask));
	assert_string_equal(ask.subscriber, "a@b");
	assert_true(ask.uicc && ask.triple_des && ask.lifetime_s == GW_KEYS_LIFETIME_S);
	memset(c.sms.renew.subscriber, 's', STORE_SUBSCRIBER_MAX);
	assert_true(gw_keys_ask_of(&c, 0, &ask));
	assert_int_equal(strlen(ask.subscriber), STORE_SUBSCRIBER_MAX);
}

static void test_who_is_asked_nothing(void **state)
{
	(void)state;
	struct store_cred c = cred();
	struct gw_bsf_ask ask;
	c.sms.renew.how = STORE_RENEW_SMARTCARD;
	assert_false(gw_keys_ask_of(&c, LIFE_S, &ask));
	c = cred();
	c.state = STORE_CRED_REVOKED;
	assert_false(gw_keys_ask_of(&c, LIFE_S, &ask));
	c = cred();
	c.kind = STORE_CRED_PSK;
	assert_false(gw_keys_ask_of(&c, LIFE_S, &ask));
}

static void test_keys_that_came(void **state)
{
	(void)state;
	struct store_cred c = cred();
	struct gw_bsf_answer a = answer(16);
	struct keyset_keys keys;
	struct keyset_news n;
	assert_int_equal(gw_keys_of_answer(&c, &a, LIFE_S, WALL, NOW, &keys, &n), KEYSET_OBTAINED);
	assert_true(n.now_ms == NOW && n.keys == &keys && n.blob == a.gpi && n.blob_len == 3);
	assert_true(keys.origin == KEYSET_GBA_PUSH && keys.agreed.key_len == 32);
	assert_memory_equal(keys.agreed.key, "ccccccccccccccccdddddddddddddddd", 32);
	assert_true(keys.agreed.profile == STORE_SMS_CR_004 && keys.agreed.spi2 == 3);
	assert_true(keys.agreed.kic == 0x12 && keys.agreed.kid == 0x22 && keys.agreed.cc_len == 4);
	assert_memory_equal(keys.agreed.tar, "\xbf\xff\x01", 3);
	/* The BSF's end is the earlier one; then what was wished is. */
	assert_int_equal(keys.until_ms, NOW + 100000);
	(void)gw_keys_of_answer(&c, &a, 60, WALL, NOW, &keys, &n);
	assert_int_equal(keys.until_ms, NOW + 60000);
	/* Without a clock, what was wished counts; what is over already is over. */
	(void)gw_keys_of_answer(&c, &a, LIFE_S, 0, NOW, &keys, &n);
	assert_int_equal(keys.until_ms, NOW + 600000);
	(void)gw_keys_of_answer(&c, &a, LIFE_S, WALL + 100000, NOW, &keys, &n);
	assert_int_equal(keys.until_ms, NOW + 1);
	c.sms.kic = c.sms.kid = 0x19;
	a = answer(24);
	assert_int_equal(gw_keys_of_answer(&c, &a, LIFE_S, WALL, NOW, &keys, &n), KEYSET_OBTAINED);
	assert_int_equal(keys.agreed.key_len, 48);
	assert_true(keys.agreed.key[23] == 'c' && keys.agreed.key[24] == 'd');
}

static void test_keys_that_did_not(void **state)
{
	(void)state;
	static const struct keyset_keys none;
	struct store_cred c = cred();
	struct gw_bsf_answer a = answer(16);
	struct keyset_keys keys;
	struct keyset_news n;
	a.result = GW_BSF_BUSY;
	a.retry_after_s = 77;
	assert_int_equal(gw_keys_of_answer(&c, &a, LIFE_S, WALL, NOW, &keys, &n), KEYSET_REFUSED);
	assert_string_equal(n.cause, gw_bsf_cause(GW_BSF_BUSY));
	assert_true(n.retry_s == 77 && !n.keys && !n.blob);
	assert_memory_equal(&keys, &none, sizeof(none));
	/* Keys of another algorithm, and ones that nothing delivers. */
	a = answer(24);
	assert_int_equal(gw_keys_of_answer(&c, &a, LIFE_S, WALL, NOW, &keys, &n), KEYSET_REFUSED);
	assert_string_equal(n.cause, gw_bsf_cause(GW_BSF_BAD_ANSWER));
	a = answer(16);
	a.gpi_len = 0;
	assert_int_equal(gw_keys_of_answer(&c, &a, LIFE_S, WALL, NOW, &keys, &n), KEYSET_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_asked),
		cmocka_unit_test(test_who_is_asked_nothing),
		cmocka_unit_test(test_keys_that_came),
		cmocka_unit_test(test_keys_that_did_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
