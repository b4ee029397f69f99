/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of devices that come by short messages, in the credentials file and as a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/config.h"
#include "conf/cred_sms.h"
#include "conf/credentials.h"

/* Random keys of this test; nobody else's. */
#define KIC  "8f1d2c6be0a94f7735d8c1be90e4537a"
#define KID  "1b7ce94a03f85d62aa901fd64be73c58"
#define KEY  "c6037ab9e15f4d28907be31ac45d6f82"
#define SIX  "8f1d2c6be0a94f77"
#define KEYS "key = \"" KIC KID "\";"

static const uint8_t master[32] = { 1, 2, 3 };

static struct cred_set *parse(const char *entries, struct conf_error *error)
{
	char text[2048];
	(void)snprintf(text, sizeof(text), "credentials = (\n%s );", entries);
	error->text[0] = '\0';
	return cred_parse(text, "F", master, sizeof(master), error);
}

static void refused(const char *entries, const char *because)
{
	struct conf_error error;
	struct cred_set *const s = parse(entries, &error);
	if (s != NULL)
		fail_msg("is taken: %s", entries);
	assert_string_equal(error.text, because);
}

static struct cred_set *taken(const char *entries)
{
	struct conf_error error;
	struct cred_set *const s = parse(entries, &error);
	if (s == NULL)
		fail_msg("%s", error.text);
	return s;
}

static void test_an_entry_says_all_of_it(void **state)
{
	(void)state;
	struct cred_set *const s = taken(
		"{ endpoint = \"e\"; sms = { number = \"4915112345678\"; profile = \"cr-004\"; "
		"kic = 0x22; kid = 0x32; tar = \"BFFF17\"; spi2 = 0x39; cc_len = 4; }; " KEYS " }");
	const struct cred_sms x = cred_sms_of(s, 0);
	struct cred_key k;
	uint32_t n = 9;
	assert_int_equal(cred_kind(s, 0), CRED_SMS);
	assert_true(x.profile == CRED_SMS_CR_004 && x.kic == 0x22 && x.kid == 0x32);
	assert_true(x.spi2 == 0x39 && x.cc_len == 4);
	assert_memory_equal(x.tar, "\xbf\xff\x17", sizeof(x.tar));
	cred_device_key(s, 0, &k);
	assert_true(k.identity_len == 13 && k.key_len == 32);
	assert_memory_equal(k.identity, "4915112345678", 13);
	assert_true(k.key[0] == 0x8f && k.key[31] == 0x58);
	assert_true(cred_by_endpoint_sms(s, "e", &n) && n == 0);
	assert_false(cred_by_endpoint(s, "e", CONF_FOR_ANY, &n));
	assert_true(cred_by_identity(s, CRED_SMS, (const uint8_t *)"4915112345678", 13, &n));
	assert_false(cred_by_identity(s, CRED_PSK, (const uint8_t *)"4915112345678", 13, &n));
	assert_string_equal(cred_identity_words(CRED_SMS), "the number");
	cred_free(s);
}

static void test_only_its_number_is_needed(void **state)
{
	(void)state;
	struct cred_set *s = taken("{ endpoint = \"e\"; sms = { number = \"49\"; }; " KEYS " }");
	struct cred_sms x = cred_sms_of(s, 0);
	assert_true(x.profile == CRED_SMS_LWM2M_10 && x.kic == 0x12 && x.kid == 0x12);
	assert_true(x.spi2 == 0 && x.cc_len == 8);
	assert_memory_equal(x.tar, "\xb2\x02\x03", sizeof(x.tar));
	cred_free(s);
	s = taken(
		"{ endpoint = \"e\"; sms = { number = \"49\"; profile = \"cr-004\"; }; " KEYS " }");
	x = cred_sms_of(s, 0);
	assert_memory_equal(x.tar, "\xbf\xff\x00", sizeof(x.tar));
	cred_free(s);
}

#define OF(sms, key) "{ endpoint = \"e\"; sms = { number = \"49\"; " sms " }; " key " }"

static void test_R299_what_is_weaker_than_its_profile_is_refused(void **state)
{
	(void)state;
	static const char algorithm[] =
		"F:2: sms: kic and kid: the second digit of each is the algorithm; write 2 (AES), "
		"or 9 (3DES with three keys)";
	static const char tar[] =
		"F:2: sms: tar: is not of this profile; write b20203 for lwm2m-1.0, bfff00 to "
		"bfffff for cr-004";
	static const char length[] =
		"F:2: sms: key: is KIc's key and then KID's; write 32, 48 or 64 octets, as from: "
		"openssl rand -hex 32";
	const struct {
		const char *text, *error;
	} rows[] = {
		{ OF("kic = 0x11;", KEYS), algorithm }, /* DES */
		{ OF("kid = 0x15;", KEYS), algorithm }, /* 3DES with two keys */
		{ OF("kid = 0x1d;", KEYS), algorithm }, /* DES, ECB */
		{ OF("kic = 0x10;", KEYS), algorithm }, /* it would be known otherwise */
		{ OF("kic = 0x02;", KEYS),
			"F:2: sms: kic and kid: the first digit of each is the key set; write 1 to "
			"f" },
		{ OF("kic = 0x19;", "key = \"" KIC KID KEY "\";"),
			"F:2: sms: kic and kid: name different algorithms; give both the same" },
		{ OF("kic = 0x19;", KEYS),
			"F:2: sms: key: has another length than 3DES has; write 48 octets" },
		{ OF("kic = 0x19; kid = 0x19;", "key = \"" SIX SIX KID KEY "\";"),
			"F:2: sms: key: two of the keys of 3DES are the same; write three" },
		{ OF("kic = 0x19; kid = 0x19; cc_len = 4;", "key = \"" KIC KID KEY "\";"),
			"F:2: sms: cc_len: write 8; or 4, of AES only" },
		{ OF("cc_len = 2;", KEYS), "F:2: sms: cc_len: write 8; or 4, of AES only" },
		{ OF("tar = \"BFFF00\";", KEYS), tar },
		{ OF("profile = \"cr-004\"; tar = \"B20203\";", KEYS), tar },
		{ OF("spi2 = 0x40;", KEYS),
			"F:2: sms: spi2: has bits that mean nothing; write 00 to 3f" },
		{ OF("", "key = \"" KIC "\";"), length },
		{ OF("", "key = \"" KIC KID "00\";"), length },
		{ OF("", "key = \"" KIC KIC "\";"),
			"F:2: sms: key: both halves are the same; KIc and KID need a key each" },
		{ OF("", ""), "F:2: the entry is not complete; add the number to sms, and: key = "
			      "\"HEX\"; of KIc's key and then KID's" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		refused(rows[i].text, rows[i].error);
	cred_free(taken(OF("kic = 0x19; kid = 0x29;", "key = \"" KIC KID KEY "\";")));
	cred_free(taken(OF("kic = 0x12; kid = 0x22;", "key = \"" KIC KID KEY SIX SIX "\";")));
}

static void test_what_is_not_its_form_is_refused(void **state)
{
	(void)state;
	const struct {
		const char *text, *error;
	} rows[] = {
		{ "{ endpoint = \"e\"; sms = 1; " KEYS " }",
			"F:2: sms: is a number; write a group: sms = { number = \"DIGITS\"; };" },
		{ "{ endpoint = \"e\"; sms = { }; " KEYS " }",
			"F:2: sms: has no number; add: number = \"DIGITS\";" },
		{ "{ endpoint = \"e\"; sms = { number = 49; }; " KEYS " }",
			"F:2: sms.number: is no text; write its digits in quotes" },
		{ "{ endpoint = \"e\"; sms = { number = \"+49\"; }; " KEYS " }",
			"F:2: sms: number: is none; write up to 15 digits, the country's first, "
			"without +" },
		{ "{ endpoint = \"e\"; sms = { number = \"1234567890123456\"; }; " KEYS " }",
			"F:2: sms: number: is none; write up to 15 digits, the country's first, "
			"without +" },
		{ OF("profile = \"lwm2m\";", KEYS), "F:2: sms.profile: is unknown; write "
						    "\"lwm2m-1.0\", \"cr-004\" or \"dtls\"" },
		{ OF("tar = \"B2020\";", KEYS),
			"F:2: sms.tar: write six digits 0-9, a-f in quotes: \"B20203\"" },
		{ OF("kic = 256;", KEYS), "F:2: sms.kic: write a number, as 0x12" },
		{ OF("kid = \"12\";", KEYS), "F:2: sms.kid: write a number, as 0x12" },
		{ OF("key = \"" KIC KID "\";", ""), "F:2: sms: unknown key; write number, profile, "
						    "kic, kid, tar, spi2, cc_len, "
						    "renew, subscriber, gba and ota" },
		{ OF("", KEYS " identity = \"i\";"),
			"F:2: of identity, public_key, certificate and nosec none goes with sms; "
			"leave it out" },
		{ OF("", KEYS " purpose = \"server\";"),
			"F:2: purpose and repository do not go with sms; leave them out" },
		{ OF("", KEYS " repository = true;"),
			"F:2: purpose and repository do not go with sms; leave them out" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		refused(rows[i].text, rows[i].error);
}

static void test_I5_no_key_is_in_an_error(void **state)
{
	(void)state;
	static const char *const texts[] = {
		OF("kic = 0x19;", KEYS),
		OF("number = \"" KIC KID "\";", KEYS),
		OF("tar = \"" KIC KID "\";", KEYS),
		OF("profile = \"" KIC KID "\";", KEYS),
		OF("kic = \"" KIC KID "\";", KEYS),
		OF("wrong = \"" KIC KID "\";", KEYS),
		OF("", "keys = \"" KIC KID "\";"),
		OF("", "key = \"" KIC KIC "\";"),
		OF("", "key = \"" KIC KID "zz\";"),
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct conf_error error;
		assert_null(parse(texts[i], &error));
		assert_true(error.text[0] != '\0');
		assert_null(strstr(error.text, "8f1d2c6b"));
		assert_null(strstr(error.text, "1b7ce94a"));
	}
}

/* --- beside others ---------------------------------------------------------------------------- */

#define PSK "{ endpoint = \"e\"; identity = \"i\"; key = \"" KEY "\"; }"
#define SMS OF("", KEYS)
#define UP                                                                                         \
	"upstream_identity = \"u\"; upstream_key = \"" SIX "00ff31c4"                              \
	"9a5512e7"                                                                                 \
	"\"; "

static void test_an_endpoint_has_one_beside_those_of_other_kinds(void **state)
{
	(void)state;
	uint32_t n = 9;
	struct cred_set *s = taken(PSK ",\n" SMS);
	assert_true(cred_by_endpoint(s, "e", CONF_FOR_ANY, &n) && n == 0);
	assert_true(cred_by_endpoint_sms(s, "e", &n) && n == 1);
	cred_free(s);
	cred_free(taken(SMS ",\n{ endpoint = \"e\"; nosec = true; }"));
	/* It is the same to its server either way. */
	cred_free(taken("{ endpoint = \"e\"; identity = \"i\"; key = \"" KEY "\"; " UP " },\n"
			"{ endpoint = \"e\"; sms = { number = \"49\"; }; " KEYS " " UP " }"));
	refused("{ endpoint = \"f\"; identity = \"i\"; key = \"" KEY "\"; " UP " },\n"
		"{ endpoint = \"e\"; sms = { number = \"49\"; }; " KEYS " " UP " }",
		"F:3: the upstream identity is also in the entry at line 2; each device needs its "
		"own (RFC 7925)");
	refused(SMS ",\n{ endpoint = \"e\"; sms = { number = \"48\"; }; key = \"" KEY KID "\"; }",
		"F:3: the endpoint is also in the entry at line 2; write one for any purpose, or "
		"one for server and one for bootstrap");
	refused(SMS ",\n{ endpoint = \"f\"; sms = { number = \"49\"; }; key = \"" KEY KID "\"; }",
		"F:3: the number is also in the entry at line 2; each device needs its own (RFC "
		"7925)");
	refused(SMS ",\n{ endpoint = \"f\"; sms = { number = \"48\"; }; " KEYS " }",
		"F:3: the key is also in the entry at line 2; each device needs its own (RFC "
		"7925)");
}

/* --- as a text -------------------------------------------------------------------------------- */

static void test_a_text_is_read_as_written(void **state)
{
	(void)state;
	static const char whole[] =
		"number=4915112345678,profile=cr-004,kic=22,kid=32,tar=bfff17,spi2=39,cc_len=4";
	char number[CRED_SMS_NUMBER_MAX + 1], text[CRED_SMS_TEXT];
	struct cred_sms x;
	assert_null(cred_sms_read(whole, &x, number));
	assert_string_equal(number, "4915112345678");
	assert_string_equal(
		cred_sms_text(&x, (const uint8_t *)number, strlen(number), text), whole);
	assert_null(cred_sms_read("number=49", &x, number));
	assert_string_equal(cred_sms_text(&x, (const uint8_t *)"49", 2, text),
		"number=49,profile=lwm2m-1.0,kic=12,kid=12,tar=b20203,spi2=00,cc_len=8");
	assert_null(cred_sms_read("profile=cr-004,number=49", &x, number));
	assert_true(x.tar[0] == 0xbf);
	/* The longest fits. */
	assert_string_equal(cred_sms_text(&x, (const uint8_t *)"123456789012345", 15, text),
		"number=123456789012345,profile=cr-004,kic=12,kid=12,tar=bfff00,spi2=00,cc_len=8");
	/* What is no number is not shown. */
	(void)cred_sms_text(&x, (const uint8_t *)"4\n", 2, text);
	assert_memory_equal(text, "number=,", 8);
}

static void test_what_is_no_such_text_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "49", "number=", "number=4x", "number=49,kic",
		"number=49,kic=1", "number=49,kic=123", "number=49,cc_len=5", "number=49,tar=b2020",
		"number=49,profile=x", "number=49,what=1", "number=1234567890123456",
		"number=49,tar=b20203b20203b20203b20203b20203", "profile=cr-004" };
	char number[CRED_SMS_NUMBER_MAX + 1];
	struct cred_sms x;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (cred_sms_read(texts[i], &x, number) == NULL)
			fail_msg("is taken: %s", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_entry_says_all_of_it),
		cmocka_unit_test(test_only_its_number_is_needed),
		cmocka_unit_test(test_R299_what_is_weaker_than_its_profile_is_refused),
		cmocka_unit_test(test_what_is_not_its_form_is_refused),
		cmocka_unit_test(test_I5_no_key_is_in_an_error),
		cmocka_unit_test(test_an_endpoint_has_one_beside_those_of_other_kinds),
		cmocka_unit_test(test_a_text_is_read_as_written),
		cmocka_unit_test(test_what_is_no_such_text_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
