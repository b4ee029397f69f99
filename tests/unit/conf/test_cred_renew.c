/* SPDX-License-Identifier: Apache-2.0 */
/* How a device's next keys for short messages come, as operators say it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/cred_sms.h"
#include "conf/credentials.h"

#define KEYS                                                                                       \
	"8f1d2c6be0a94f7735d8c1be90e4537a"                                                         \
	"1b7ce94a03f85d62aa901fd64be73c58"
#define HALF "8f1d2c6be0a94f7735d8c1be90e4537a"
#define OTA  "c6037ab9e15f4d28907be31ac45d6f82" KEYS

static struct cred_sms got;
static char number[CRED_SMS_NUMBER_MAX + 1];

/* NULL, or what is wrong with the text, or with what it says. */
static const char *wrong(const char *text, size_t key_len)
{
	uint8_t key[64];
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(5 * i + 1);
	const char *const why = cred_sms_read(text, &got, number);
	return why != NULL ? why : cred_sms_wrong(&got, key, key_len);
}

/* --- as a text -------------------------------------------------------------------------------- */

static void test_each_way_is_read_and_written(void **state)
{
	static const char *const texts[] = {
		"",
		",renew=udp",
		",renew=gba-push,gba=me",
		",renew=gba-push,subscriber=262011234567890@ims.mnc001.mcc262.3gppnetwork.org,gba="
		"u",
		",renew=smartcard,ota_file=7fff6432,ota_format=expanded,ota_kic=22,ota_kid=22,ota_"
		"tar=b00010,ota_spi2=39,ota_cc_len=4",
	};
	char text[CRED_SMS_TEXT], out[CRED_SMS_TEXT];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		(void)snprintf(text, sizeof(text),
			"number=49151,profile=cr-004,kic=12,kid=12,tar=bfff01,spi2=00,cc_len=8%s",
			texts[i]);
		assert_null(cred_sms_read(text, &got, number));
		assert_string_equal(number, "49151");
		assert_string_equal(cred_sms_text(&got, (const uint8_t *)number, 5, out), text);
	}
}

static void test_what_is_not_said_of_a_card_has_its_default(void **state)
{
	char out[CRED_SMS_TEXT];
	(void)state;
	assert_null(wrong("number=1,profile=cr-004,renew=smartcard,ota_file=6432,ota_tar=b00010,"
			  "ota_key=" KEYS,
		0));
	const struct cred_ota *const o = &got.renew.ota;
	assert_true(o->kic == 0x12 && o->kid == 0x12 && o->cc_len == 8 && o->spi2 == 0x39);
	assert_int_equal(o->format, CRED_OTA_COMPACT);
	assert_int_equal(o->key_len, 32);
	assert_int_equal(o->key[0], 0x8f);
	assert_int_equal(o->path_len, 2);
	/* The key is in no text. */
	assert_null(strstr(cred_sms_text(&got, (const uint8_t *)"1", 1, out), "8f1d"));
	assert_null(strstr(out, "ota_key"));
}

/* --- what is wrong ---------------------------------------------------------------------------- */

static void test_what_does_not_go_together_is_told(void **state)
{
	static const struct {
		const char *text, *why;
		size_t key_len;
	} rows[] = {
		{ "renew=gba", "renew: is unknown", 32 },
		{ "gba=x,renew=gba-push", "gba: is unknown", 32 },
		{ "subscriber=a", "go with renew=gba-push", 32 },
		{ "gba=u", "go with renew=gba-push", 32 },
		{ "renew=udp,gba=u", "go with renew=gba-push", 32 },
		{ "renew=gba-push,subscriber=a b", "subscriber: is no IMPI", 32 },
		{ "renew=gba-push,subscriber=", "subscriber: is no IMPI", 32 },
		{ "renew=gba-push,ota_file=6432", "ota goes with renew=smartcard", 32 },
		{ "ota_key=" KEYS, "ota goes with renew=smartcard", 32 },
		{ "renew=smartcard,ota_key=" KEYS, "needs the path", 32 },
		{ "renew=smartcard,ota_file=6432", "needs the card's OTA keys", 32 },
		{ "renew=smartcard,ota_file=643", "ota file", 32 },
		{ "renew=smartcard,ota_file=64", "ota file", 32 },
		{ "renew=smartcard,ota_file=6432,ota_key=8f", "ota key: is KIc's", 32 },
		{ "renew=smartcard,ota_file=6432,ota_key=" KEYS ",ota_kic=11", "second digit", 32 },
		{ "renew=smartcard,ota_file=6432,ota_key=" KEYS ",ota_kic=19,ota_kid=19", "48 of",
			32 },
		{ "renew=smartcard,ota_file=6432,ota_key=" KEYS ",ota_spi2=01", "proves nothing",
			32 },
		{ "renew=smartcard,ota_file=6432,ota_key=" KEYS ",ota_spi2=19", "proves nothing",
			32 },
		{ "renew=smartcard,ota_file=6432,ota_key=" KEYS ",ota_spi2=3a", "proves nothing",
			32 },
		{ "renew=smartcard,ota_file=6432,ota_key=" KEYS ",ota_spi2=79", "mean nothing",
			32 },
		{ "renew=smartcard,ota_file=6432,ota_key=" KEYS ",ota_spi2=31", "proves nothing",
			32 },
		{ "renew=smartcard,ota_file=6432,ota_key=" HALF HALF, "both halves", 32 },
		{ "renew=smartcard,ota_file=6432,ota_key=" KEYS ",ota_cc_len=5", "cc_len", 32 },
		{ "renew=smartcard,ota_file=6432,ota_key=" KEYS ",ota_what=5", "unknown", 32 },
		{ "profile=dtls,renew=udp", "no keys that could be renewed", 0 },
		{ "renew=never", "key: is KIc's key", 0 },
		{ "renew=udp,kic=11", "second digit", 0 },
	};
	char text[400];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		(void)snprintf(text, sizeof(text), "number=1,profile=cr-004,%s", rows[i].text);
		const char *const why = wrong(text, rows[i].key_len);
		if (why == NULL || strstr(why, rows[i].why) == NULL)
			fail_msg("row %zu: %s", i, why != NULL ? why : "it passes");
		else
			assert_null(strstr(why, "8f1d"));
	}
}

static void test_the_first_keys_may_come_as_the_others_do(void **state)
{
	(void)state;
	assert_null(wrong("number=1,profile=cr-004,renew=gba-push", 0));
	assert_null(wrong("number=1,profile=cr-004,renew=udp,kic=19,kid=19", 0));
	assert_null(wrong("number=1,profile=cr-004,renew=gba-push", 32));
	assert_non_null(wrong("number=1,profile=cr-004,renew=gba-push", 16));
	assert_non_null(wrong("number=1,profile=cr-004,renew=gba-push,tar=b20203", 0));
}

/* --- in the credentials file ------------------------------------------------------------------ */

static struct cred_set *file(const char *sms, struct conf_error *error)
{
	static const uint8_t master[32] = { 0x8f, 0x1d, 0x2c, 0x6b, 0xe0, 0xa9, 0x4f, 0x77, 0x35,
		0xd8, 0xc1, 0xbe, 0x90, 0xe4, 0x53, 0x7a, 0x1b, 0x7c, 0xe9, 0x4a, 0x03, 0xf8, 0x5d,
		0x62, 0xaa, 0x90, 0x1f, 0xd6, 0x4b, 0xe7, 0x3c, 0x58 };
	char text[600];
	(void)snprintf(text, sizeof(text), "credentials = ( { endpoint = \"e\"; %s } );\n", sms);
	return cred_parse(text, "test", master, sizeof(master), error);
}

static void test_a_group_of_the_credentials_file(void **state)
{
	struct conf_error error = { "" };
	uint32_t n = 0;
	(void)state;
	struct cred_set *s = file("sms = { number = \"49151\"; profile = \"cr-004\"; "
				  "renew = \"gba-push\"; subscriber = \"a@b\"; gba = \"u\"; };",
		&error);
	if (s == NULL)
		fail_msg("%s", error.text);
	assert_true(cred_by_endpoint_sms(s, "e", &n));
	got = cred_sms_of(s, n);
	assert_int_equal(got.renew.how, CRED_RENEW_GBA_PUSH);
	assert_int_equal(got.renew.gba, CRED_GBA_U);
	assert_string_equal(got.renew.subscriber, "a@b");
	assert_int_equal(got.profile, CRED_SMS_CR_004);
	cred_free(s);
	s = file("key = \"" KEYS "\"; sms = { number = \"49151\"; renew = \"smartcard\"; "
		 "ota = { key = \"" OTA "\"; file = \"7fff6432\"; format = \"indefinite\"; "
		 "tar = \"b00010\"; kic = 0x32; kid = \"32\"; cc_len = 4; }; };",
		&error);
	if (s == NULL)
		fail_msg("%s", error.text);
	got = cred_sms_of(s, 0);
	const struct cred_ota *const o = &got.renew.ota;
	assert_int_equal(got.renew.how, CRED_RENEW_SMARTCARD);
	assert_true(o->kic == 0x32 && o->kid == 0x32 && o->cc_len == 4 && o->spi2 == 0x39);
	assert_int_equal(o->key_len, 48);
	assert_int_equal(o->key[0], 0xc6);
	assert_int_equal(o->key[47], 0x58);
	assert_memory_equal(o->path, "\x7f\xff\x64\x32", 4);
	assert_int_equal(o->format, CRED_OTA_INDEFINITE);
	cred_free(s);
	assert_null(file("sms = { number = \"49151\"; };", &error));
	assert_null(file("sms = { number = \"49151\"; renew = 4; };", &error));
	assert_non_null(strstr(error.text, "renew"));
	assert_null(
		file("sms = { number = \"49151\"; renew = \"smartcard\"; ota = \"x\"; };", &error));
	assert_non_null(strstr(error.text, "ota: write a group"));
	assert_null(
		file("sms = { number = \"49151\"; renew = \"smartcard\"; ota = { key = \"8f1dzz\"; "
		     "}; };",
			&error));
	assert_null(strstr(error.text, "8f1d"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_way_is_read_and_written),
		cmocka_unit_test(test_what_is_not_said_of_a_card_has_its_default),
		cmocka_unit_test(test_what_does_not_go_together_is_told),
		cmocka_unit_test(test_the_first_keys_may_come_as_the_others_do),
		cmocka_unit_test(test_a_group_of_the_credentials_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
