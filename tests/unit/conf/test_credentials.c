/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "conf/credentials.h"

/* Random keys of this test; nobody else's. */
#define KEY_A                   "8f1d2c6be0a94f7735d8c1be90e4537a"
#define KEY_B                   "1b7ce94a03f85d62aa901fd64be73c58"
#define KEY_C                   "c6037ab9e15f4d28907be31ac45d6f82"
#define UPSTREAM(identity, key) " upstream_identity = \"" identity "\"; upstream_key = \"" key "\";"
#define ONE_A                   "{ endpoint = \"ep-a\"; identity = \"dev-a\"; key = \"" KEY_A "\";"
#define ONE_B                   "{ endpoint = \"ep-b\"; identity = \"dev-b\"; key = \"" KEY_B "\";"

static const uint8_t master[32] = { 0x0b, 0x4e, 0x91, 0x3c, 0xd7, 0x62, 0xa8, 0x15, 0xf3, 0x2a,
	0x7d, 0xc0, 0x58, 0x9e, 0x04, 0xb6, 0xe1, 0x37, 0x8c, 0x49, 0xfa, 0x60, 0x1d, 0xd2, 0x85,
	0x73, 0x2e, 0xbb, 0x96, 0x0f, 0x54, 0xc9 };

static const char *refused(const char *text)
{
	static struct conf_error e;
	e = (struct conf_error){ 0 };
	struct cred_set *s = cred_parse(text, "F", master, sizeof(master), &e);
	if (s == NULL)
		return e.text;
	cred_free(s);
	return "";
}

static struct cred_set *good(const char *text)
{
	struct conf_error e = { 0 };
	struct cred_set *s = cred_parse(text, "F", master, sizeof(master), &e);
	if (s == NULL)
		fail_msg("%s", e.text);
	return s;
}

static void says(const char *text, const char *error)
{
	if (strstr(refused(text), error) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", refused(text), error);
}

static void test_entries_are_found_by_identity_and_endpoint(void **state)
{
	(void)state;
	struct cred_set *s = good("credentials = (\n" ONE_A UPSTREAM("gw-a",
		KEY_C) " },\n"
		       "{ endpoint = \"ep-b\"; identity_hex = \"00fF\"; key = \"" KEY_B "\"; } );");
	struct cred_key k;
	uint32_t a = 9, b = 9, n = 9;
	assert_int_equal(cred_count(s), 2);
	assert_true(cred_by_identity(s, CRED_PSK, (const uint8_t *)"dev-a", 5, &a));
	assert_true(cred_by_identity(s, CRED_PSK, (const uint8_t *)"\x00\xff", 2, &b));
	assert_int_equal(a, 0);
	assert_int_equal(b, 1);
	assert_string_equal(cred_endpoint(s, a), "ep-a");
	assert_string_equal(cred_endpoint(s, b), "ep-b");
	assert_true(cred_by_endpoint(s, "ep-b", CONF_FOR_ANY, &n));
	assert_int_equal(n, b);
	assert_false(cred_by_endpoint(s, "dev-a", CONF_FOR_ANY, &n));
	assert_false(cred_by_identity(s, CRED_PSK, (const uint8_t *)"ep-a", 4, &n));
	cred_device_key(s, a, &k);
	assert_int_equal(k.identity_len, 5);
	assert_memory_equal(k.identity, "dev-a", 5);
	assert_int_equal(k.key_len, 16);
	assert_int_equal(k.key[0], 0x8f);
	assert_int_equal(k.key[15], 0x7a);
	assert_true(cred_upstream_key(s, a, &k));
	assert_memory_equal(k.identity, "gw-a", 4);
	assert_int_equal(k.key[0], 0xc6);
	cred_device_key(s, b, &k);
	assert_int_equal(k.identity_len, 2);
	assert_memory_equal(k.identity, "\x00\xff", 2);
	cred_free(s);
	cred_free(NULL);
}

static void test_R049_identities_are_compared_octet_by_octet(void **state)
{
	(void)state;
	struct cred_set *s =
		good("credentials = (\n"
		     "{ endpoint = \"1\"; identity = \"a\"; key = \"" KEY_A "\"; },\n"
		     "{ endpoint = \"2\"; identity_hex = \"610062\"; key = \"" KEY_B "\"; },\n"
		     "{ endpoint = \"3\"; identity = \"A\"; key = \"" KEY_C "\"; } );");
	uint32_t n = 9;
	assert_true(cred_by_identity(s, CRED_PSK, (const uint8_t *)"a\0b", 3, &n));
	assert_int_equal(n, 1);
	assert_true(cred_by_identity(s, CRED_PSK, (const uint8_t *)"a\0b", 1, &n));
	assert_int_equal(n, 0);
	assert_false(cred_by_identity(s, CRED_PSK, (const uint8_t *)"a\0b", 2, &n));
	assert_true(cred_by_identity(s, CRED_PSK, (const uint8_t *)"A", 1, &n));
	assert_int_equal(n, 2);
	assert_false(cred_by_identity(s, CRED_PSK, (const uint8_t *)"", 0, &n));
	cred_free(s);
	says("credentials = ( { endpoint = \"1\"; identity = \"a\\x00b\"; key = \"" KEY_A
	     "\"; } );",
		"identity_hex");
}

static void test_R050_bounds_of_identity_and_key(void **state)
{
	(void)state;
	static const char digits[] =
		"7f03a91c5be8d2460fb7913e6ac8254d1799fe3cd05a8b624e71ab0fd8369c53"
		"90c2e47b1d6fa835f20e59b7431c8ad6ee097354bfa1682dc94710f65e3ba82c00";
	static const struct {
		int identity, digits;
		const char *error;
	} rows[] = { { 1, 32, "" }, { 128, 128, "" },
		{ 129, 32, "identity: is 129 octets long; use 1 to 128" },
		{ 0, 32, "identity: is 0 octets long" },
		{ 1, 30, "key: is 15 octets long; use 16 to 64" },
		{ 1, 130, "key: is 65 octets long" }, { 1, 33, "key: is not hexadecimal" } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[1024], identity[160];
		memset(identity, 'i', sizeof(identity));
		identity[rows[i].identity] = '\0';
		(void)snprintf(text, sizeof(text),
			"credentials = ( { endpoint = \"ep\"; identity = \"%s\"; key = \"%.*s\"; } "
			");",
			identity, rows[i].digits, digits);
		const char *error = refused(text);
		if (rows[i].error[0] == '\0' ? error[0] != '\0'
					     : strstr(error, rows[i].error) == NULL)
			fail_msg("row %zu: %s", i, error);
	}
	says("credentials = ( { endpoint = \"e\"; identity_hex = \"\"; key = \"" KEY_A "\"; } );",
		"identity_hex: is 0");
	says("credentials = ( { endpoint = \"e\"; identity_hex = \"0\"; key = \"" KEY_A "\"; } );",
		"identity_hex: is 0");
	says("credentials = ( { endpoint = \"e\"; identity_hex = \"012\"; key = \"" KEY_A
	     "\"; } );",
		"not hex");
	says("credentials = ( { endpoint = \"e\"; identity_hex = \"0g\"; key = \"" KEY_A "\"; } );",
		"not hex");
}

static void test_R021_weak_keys_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		size_t len;
		const char *why; /* NULL: none */
	} rows[] = {
		{ "\x8f\x1d\x2c\x6b\xe0\xa9\x4f\x77\x35\xd8\xc1\xbe\x90\xe4\x53", 15,
			"is shorter than 16 octets" },
		{ "\x8f\x1d\x2c\x6b\xe0\xa9\x4f\x77\x35\xd8\xc1\xbe\x90\xe4\x53\x7a", 16, NULL },
		{ "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, "repeats a pattern" },
		{ "\x8f\x1d\x2c\x6b\xe0\xa9\x4f\x77\x8f\x1d\x2c\x6b\xe0\xa9\x4f\x77", 16,
			"repeats a pattern" },
		{ "\x8f\x1d\x2c\x8f\x1d\x2c\x8f\x1d\x2c\x8f\x1d\x2c\x8f\x1d\x2c\x8f", 16,
			"repeats a pattern" },
		{ "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16,
			"is a sequence" },
		{ "\xf9\xfa\xfb\xfc\xfd\xfe\xff\x00\x01\x02\x03\x04\x05\x06\x07\x08", 16,
			"is a sequence" },
		{ "\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08\x07\x06\x05\x04\x03\x02\x01\x00", 16,
			"is a sequence" },
		{ "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16,
			"is a sequence" },
		{ "\x00\x01\x02\x00\x00\x01\x03\x02\x02\x01\x00\x00\x01\x04\x04\x01", 16,
			"has too few different octets" },
		{ "Tr0ub4dor&3-long", 16, "is readable text and shorter than 32 octets" },
		{ "correct horse battery staple 17", 31,
			"is readable text and shorter than 32 octets" },
		{ "correct horse battery staple 174", 32, NULL },
		{ "\x8f\x1d\x2curn:dev:77\x4f\x77\x35\xd8", 17, "contains the name of its device" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *why =
			cred_key_weakness((const uint8_t *)rows[i].key, rows[i].len, "urn:dev:77");
		if (why == NULL ? rows[i].why != NULL
				: rows[i].why == NULL || strcmp(why, rows[i].why) != 0)
			fail_msg("row %zu: %s", i, why == NULL ? "none" : why);
	}
	uint8_t hash[32];
	assert_int_equal(EVP_Digest("urn:dev:77", 10, hash, NULL, EVP_sha256(), NULL), 1);
	assert_string_equal(
		cred_key_weakness(hash, 16, "urn:dev:77"), "is a hash of the name of its device");
	assert_string_equal(
		cred_key_weakness(hash, 32, "urn:dev:77"), "is a hash of the name of its device");
	assert_null(cred_key_weakness(hash, 32, "urn:dev:78"));
	uint8_t long_key[65];
	for (size_t i = 0; i < sizeof(long_key); i++)
		long_key[i] = (uint8_t)(i * i + 7 * i);
	assert_null(cred_key_weakness(long_key, 64, "x"));
	assert_string_equal(cred_key_weakness(long_key, 65, "x"), "is longer than 64 octets");
}

static void test_R021_weak_keys_are_refused_with_line_and_remedy(void **state)
{
	(void)state;
	says("credentials = (\n{ endpoint = \"ep\";\n identity = \"id\";\n"
	     "key = \"000102030405060708090a0b0c0d0e0f\"; } );",
		"F:4: key: is a sequence and can be guessed; make a random one: openssl rand -hex "
		"16");
	/* The identity's octets, in a key that is otherwise random. */
	says("credentials = ( { endpoint = \"ep\"; identity_hex = \"e0a94f77\"; key = \"" KEY_A
	     "\"; } );",
		"key: contains the name");
	says("credentials = ( " ONE_A
	     " upstream_identity = \"g\"; upstream_key = \"00000000000000000000000000000000\";"
	     " } );",
		"upstream_key: repeats a pattern");
}

static void test_I5_no_error_holds_a_key(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"credentials = ( { endpoint = \"e\"; identity = \"i\"; key = \"" KEY_A "xy\"; } );",
		"credentials = ( { endpoint = \"e\"; identity = \"i\"; ky = \"" KEY_A "\"; } );",
		"credentials = ( { endpoint = \"e\"; identity = \"i\"; key = \"8f1d2c6b\" "
		"\"e0a94f7735d8c1be90e4537a\"; } );",
		"credentials = ( { endpoint = \"e\"; identity = \"i\"; key = \"" KEY_A "; } );",
		"credentials = ( \"" KEY_A "\" );",
		"key = \"" KEY_A "\";",
		"credentials = ( " ONE_A " }, { endpoint = \"e\"; identity = \"i\"; key = \"" KEY_A
		"\"; } );",
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		const char *error = refused(texts[i]);
		assert_string_not_equal(error, "");
		assert_null(strstr(error, "8f1d"));
		assert_null(strstr(error, "e0a9"));
	}
	says(texts[1], "F:1: unknown key; did you mean key?");
	says(texts[2], "must be one plain string");
}

/* A key that somebody wrote without its quotes, or in the place of a name. */
static void test_I5_no_error_holds_what_may_be_a_key_in_the_wrong_place(void **state)
{
	(void)state;
#define ENTRY "credentials = ( { endpoint = \"dev1\"; identity = \"dev1\"; "
#define TAIL  "2051738462095713486209571"
	static const char *const texts[] = {
		ENTRY "key = 8731946" TAIL "; } );",
		ENTRY "key = 8731946" TAIL "L; } );",
		ENTRY "key = 0x8731946205173846; } );",
		ENTRY "key = 87319462051738ab95713486209571ff; } );",
		ENTRY "key = d731946" TAIL "; } );",
		ENTRY "d731946" TAIL " = \"\"; } );",
		ENTRY "key = { d731946" TAIL " = 1; }; } );",
		ENTRY "key = \"8731946" TAIL "\"; d731946" TAIL " } );",
		"d731946" TAIL " = 1;",
		"8731946" TAIL,
		"credentials = ( d731946" TAIL " );",
		"credentials = { d731946" TAIL " = 1; };",
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		const char *error = refused(texts[i]);
		assert_string_not_equal(error, "");
		if (strstr(error, "731946") != NULL || strstr(error, "205173") != NULL)
			fail_msg("text %zu: %s", i, error);
	}
	says(ENTRY "xyzzy = \"\"; } );", "unknown key; see lwgate-credentials(5)");
	says(ENTRY "upstraem_key = \"\"; } );", "unknown key; did you mean upstream_key?");
	says(ENTRY "public_key = \"3059\"; } );",
		"F:1: the entry has more than one of identity with");
}

static void test_R022_what_two_devices_share_is_refused_with_both_lines(void **state)
{
	(void)state;
	says("credentials = (\n" ONE_A
	     " },\n\n{ endpoint = \"ep-b\"; identity = \"dev-b\"; key = \"" KEY_A "\"; } );",
		"F:4: the key is also in the entry at line 2");
	says("credentials = (\n" ONE_A
	     " },\n{ endpoint = \"ep-b\"; identity = \"dev-a\"; key = \"" KEY_B "\"; } );",
		"F:3: the identity is also in the entry at line 2");
	says("credentials = (\n" ONE_A
	     " },\n{ endpoint = \"ep-b\"; identity_hex = \"6465762d61\"; key = \"" KEY_B "\"; } );",
		"F:3: the identity is also in the entry at line 2");
	says("credentials = (\n" ONE_A
	     " },\n{ endpoint = \"ep-a\"; identity = \"dev-b\"; key = \"" KEY_B "\"; } );",
		"F:3: the endpoint is also in the entry at line 2");
	says("credentials = (\n" ONE_A " },\n" ONE_B UPSTREAM("gw", KEY_A) " } );",
		"F:3: the upstream key is also in the entry at line 2");
	says("credentials = (\n" ONE_A UPSTREAM("gw", KEY_C) " },\n" ONE_B UPSTREAM(
		     "gw", "00" KEY_C) " } );",
		"F:3: the upstream identity is also in the entry at line 2");
	/* Derived: the endpoint's name is the identity. */
	says("credentials = (\n" ONE_A " },\n" ONE_B UPSTREAM("ep-a", KEY_C) " } );",
		"F:3: the upstream identity is also in the entry at line 2");
	/* One device, one key for both legs: still its own. */
	cred_free(good("credentials = ( " ONE_A UPSTREAM("dev-a", KEY_A) " } );"));
}

static void test_entries_must_be_complete(void **state)
{
	(void)state;
	struct conf_error e = { 0 };
	says("", "F: credentials is missing; add: credentials = (");
	says("credentials = 1;", "F:1: credentials: is a number; write a list of groups");
	says("credentials = ( 1 );", "a member is a number; write a group");
	says("credential = ( );", "F:1: unknown key; did you mean credentials?");
	says("credentials = ( ); credentials = ( );", "F:1: duplicate setting name");
	says("credentials = (\n{ identity = \"i\"; key = \"" KEY_A "\"; } );",
		"F:2: the entry is not complete; add: endpoint");
	says("credentials = ( { endpoint = \"e\"; identity = \"i\"; } );",
		"not complete; add: key = \"HEX\"");
	says("credentials = ( { endpoint = \"e\"; key = \"" KEY_A "\"; } );",
		"either identity or identity_hex");
	says("credentials = ( " ONE_A " identity_hex = \"00\"; } );",
		"either identity or identity_hex");
	says("credentials = ( " ONE_A " upstream_identity = \"g\"; } );",
		"go together; write both or none");
	says("credentials = ( " ONE_A " upstream_key = \"" KEY_B "\"; } );",
		"go together; write both or none");
	says("credentials = ( { endpoint = 1; } );",
		"endpoint: is a number; write a text in quotes");
	says("credentials = ( { endpoint = \"a\\nb\"; identity = \"i\"; key = \"" KEY_A "\"; } );",
		"control character");
	says("@include \"x\"", "@include is not supported");
	assert_null(cred_parse("credentials = ( " ONE_A " } );", "F", NULL, 0, &e));
	assert_non_null(strstr(e.text, "set upstream.master_secret_file in lwgate.conf"));
	/* nobody comes in, but the gateway starts. */
	struct cred_set *s = good("credentials = ( );");
	uint32_t n = 0;
	assert_int_equal(cred_count(s), 0);
	assert_false(cred_by_identity(s, CRED_PSK, (const uint8_t *)"x", 1, &n));
	cred_free(s);
}

/* RFC 5869 written out: HMAC for extract, one round of HMAC for expand. */
static void hkdf_by_hand(const uint8_t *ikm, size_t ikm_len, const char *info, uint8_t out[16])
{
	static const char salt[] = "lwgate upstream psk v1";
	uint8_t prk[32], okm[32], last[256];
	unsigned len = 0;
	assert_non_null(HMAC(EVP_sha256(), salt, (int)strlen(salt), ikm, ikm_len, prk, &len));
	const size_t info_len = strlen(info);
	for (size_t i = 0; i < info_len; i++)
		last[i] = (uint8_t)info[i];
	last[info_len] = 1;
	assert_non_null(HMAC(EVP_sha256(), prk, 32, last, info_len + 1, okm, &len));
	memcpy(out, okm, 16);
}

static void test_derived_keys_are_HKDF_of_RFC_5869(void **state)
{
	(void)state;
	uint8_t got[16], expect[16];
	hkdf_by_hand(master, sizeof(master), "urn:dev:1", expect);
	assert_true(cred_derive(master, sizeof(master), "urn:dev:1", got));
	assert_memory_equal(got, expect, 16);
	assert_true(cred_derive(master, sizeof(master), "urn:dev:2", got));
	assert_memory_not_equal(got, expect, 16);
	/* The figure of lwgate-credentials(5), as `openssl kdf` prints it. */
	static const uint8_t of_the_page[16] = { 0x2f, 0x4d, 0xe8, 0x55, 0x3d, 0xa9, 0x85, 0xfe,
		0xd9, 0xb3, 0xec, 0x19, 0x39, 0x41, 0x96, 0x24 };
	assert_true(cred_derive(master, sizeof(master), "urn:dev:1", got));
	assert_memory_equal(got, of_the_page, 16);
	struct cred_set *s =
		good("credentials = ( { endpoint = \"urn:dev:1\"; identity = \"i\"; key = \"" KEY_A
		     "\"; } );");
	struct cred_key k;
	assert_true(cred_upstream_key(s, 0, &k));
	assert_int_equal(k.key_len, 16);
	assert_memory_equal(k.key, expect, 16);
	assert_int_equal(k.identity_len, 9);
	assert_memory_equal(k.identity, "urn:dev:1", 9);
	cred_free(s);
}

static void test_10000_credentials_load_in_a_second(void **state)
{
	(void)state;
	enum { MANY = 10000, LINE = 128 };
	char *text = malloc((size_t)MANY * LINE);
	struct timespec a, b;
	size_t len = 0;
	uint32_t n = 0;
	assert_non_null(text);
	len += (size_t)sprintf(text, "credentials = (\n");
	for (uint32_t i = 0; i < MANY; i++) {
		uint8_t hash[32];
		assert_int_equal(EVP_Digest(&i, sizeof(i), hash, NULL, EVP_sha256(), NULL), 1);
		len += (size_t)sprintf(text + len,
			"%s{ endpoint = \"urn:dev:%u\"; identity = \"dev-%u\"; key = \"",
			i == 0 ? "" : ",", i, i);
		for (size_t k = 0; k < 16; k++)
			len += (size_t)sprintf(text + len, "%02x", hash[k]);
		len += (size_t)sprintf(text + len, "\"; }\n");
	}
	(void)sprintf(text + len, ");");
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	struct cred_set *s = good(text);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	assert_int_equal(cred_count(s), MANY);
	assert_true(cred_by_identity(s, CRED_PSK, (const uint8_t *)"dev-9999", 8, &n));
	assert_int_equal(n, 9999);
	/* Processor time, so that a busy machine does not fail it; sanitizers are some five
	   times slower. */
	assert_true((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9 < 1.0);
	cred_free(s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_are_found_by_identity_and_endpoint),
		cmocka_unit_test(test_R049_identities_are_compared_octet_by_octet),
		cmocka_unit_test(test_R050_bounds_of_identity_and_key),
		cmocka_unit_test(test_R021_weak_keys_are_named),
		cmocka_unit_test(test_R021_weak_keys_are_refused_with_line_and_remedy),
		cmocka_unit_test(test_I5_no_error_holds_a_key),
		cmocka_unit_test(test_I5_no_error_holds_what_may_be_a_key_in_the_wrong_place),
		cmocka_unit_test(test_R022_what_two_devices_share_is_refused_with_both_lines),
		cmocka_unit_test(test_entries_must_be_complete),
		cmocka_unit_test(test_derived_keys_are_HKDF_of_RFC_5869),
		cmocka_unit_test(test_10000_credentials_load_in_a_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
