/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials file: devices that prove themselves by a raw public key or a certificate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "conf/hex.h"
#include "unit/conf/samples.h"

static const uint8_t master[32] = { 1, 2, 3 };

#define PSK(endpoint, name)                                                                        \
	"{ endpoint = \"" endpoint "\"; identity = \"" name                                        \
	"\"; key = \"8f1d2c6be0a94f7735d8c1be90e4537a\"; }"
#define RAW(endpoint, key)   "{ endpoint = \"" endpoint "\"; public_key = \"" key "\"; }"
#define CERT(endpoint, rest) "{ endpoint = \"" endpoint "\"; certificate = " rest "; }"
#define DIGEST               "sha-256:" SAMPLE_P256_DIGEST

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
	struct conf_error e = { 0 };
	struct cred_set *s = cred_parse(text, "F", master, sizeof(master), &e);
	if (s != NULL || strstr(e.text, error) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e.text, error);
}

static void test_R061_a_raw_key_is_known_by_its_digest(void **state)
{
	(void)state;
	struct cred_set *s = good("credentials = ( " RAW("a", SAMPLE_P256) ",\n" RAW(
		"b", SAMPLE_P384) ",\n" PSK("c", "dev-c") " );");
	uint8_t digest[CRED_PIN_LEN];
	struct cred_key k;
	uint32_t n = 9;
	assert_true(conf_hex_read(SAMPLE_P256_DIGEST, 64, digest));
	assert_true(cred_by_identity(s, CRED_RAW_KEY, digest, sizeof(digest), &n));
	assert_string_equal(cred_endpoint(s, n), "a");
	assert_int_equal(cred_kind(s, n), CRED_RAW_KEY);
	assert_null(cred_pin(s, n));
	cred_device_key(s, n, &k);
	assert_int_equal(k.identity_len, sizeof(digest));
	assert_memory_equal(k.identity, digest, sizeof(digest));
	assert_int_equal(k.key_len, 0);
	assert_true(cred_derives(s, n));
	assert_true(cred_upstream_key(s, n, &k)); /* towards the server nothing changes */
	assert_int_equal(k.key_len, 16);
	assert_int_equal(k.identity_len, 1);
	digest[31] ^= 1;
	assert_false(cred_by_identity(s, CRED_RAW_KEY, digest, sizeof(digest), &n));
	assert_false(cred_by_key(s, digest, 0, &n)); /* no key is nobody's */
	cred_free(s);
}

static void test_every_form_of_a_key_is_the_same(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"credentials = ( " RAW("a", SAMPLE_P256_BASE64) " );",
		"credentials = ( " RAW("a", DIGEST) " );",
		"credentials = ( " RAW("a", "ni:///sha-256;" SAMPLE_P256_NI) " );",
		"credentials = ( { endpoint = \"a\"; public_key = "
		"\"-----BEGIN PUBLIC KEY-----\n" SAMPLE_P256_BASE64
		"\n-----END PUBLIC KEY-----\"; } );",
		/* Strings that follow each other are one. */
		"credentials = ( { endpoint = \"a\"; public_key = \"sha-256:\"\n"
		"\t\"" SAMPLE_P256_DIGEST "\"; } );",
	};
	uint8_t digest[CRED_PIN_LEN];
	assert_true(conf_hex_read(SAMPLE_P256_DIGEST, 64, digest));
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct cred_set *s = good(texts[i]);
		uint32_t n = 9;
		if (!cred_by_identity(s, CRED_RAW_KEY, digest, sizeof(digest), &n))
			fail_msg("text %zu", i);
		cred_free(s);
	}
}

static void test_R075_a_certificate_is_known_by_its_name_and_may_be_pinned(void **state)
{
	(void)state;
	struct cred_set *s = good("credentials = ( " CERT("a", "\"urn:dev:a\"") ",\n" CERT("b",
		"\"b\"; certificate_pin = \"" SAMPLE_P256_DIGEST
		"\"; upstream_identity = \"gw-b\"; upstream_key = "
		"\"1b7ce94a03f85d62aa901fd64be73c58\"") ",\n"
		/* A CA's: the pin of many. */
		CERT("c", "\"c\"; certificate_pin = \"" DIGEST "\"") " );");
	uint8_t digest[CRED_PIN_LEN];
	struct cred_key k;
	uint32_t n = 9;
	assert_true(conf_hex_read(SAMPLE_P256_DIGEST, 64, digest));
	assert_true(cred_by_identity(s, CRED_CERTIFICATE, (const uint8_t *)"urn:dev:a", 9, &n));
	assert_int_equal(n, 0);
	assert_null(cred_pin(s, n));
	assert_true(cred_by_identity(s, CRED_CERTIFICATE, (const uint8_t *)"b", 1, &n));
	assert_int_equal(cred_kind(s, n), CRED_CERTIFICATE);
	assert_non_null(cred_pin(s, n));
	assert_memory_equal(cred_pin(s, n), digest, sizeof(digest));
	assert_false(cred_derives(s, n));
	assert_true(cred_upstream_key(s, n, &k));
	assert_memory_equal(k.identity, "gw-b", 4);
	assert_true(cred_by_identity(s, CRED_CERTIFICATE, (const uint8_t *)"c", 1, &n));
	assert_memory_equal(cred_pin(s, n), digest, sizeof(digest));
	cred_free(s);
}

static void test_R049_an_identity_of_one_kind_is_none_of_another(void **state)
{
	(void)state;
	struct cred_set *s =
		good("credentials = ( " CERT("a", "\"same\"") ",\n" PSK("b", "same") " );");
	uint32_t n = 9;
	assert_true(cred_by_identity(s, CRED_PSK, (const uint8_t *)"same", 4, &n));
	assert_int_equal(n, 1);
	assert_true(cred_by_identity(s, CRED_CERTIFICATE, (const uint8_t *)"same", 4, &n));
	assert_int_equal(n, 0);
	assert_false(cred_by_identity(s, CRED_RAW_KEY, (const uint8_t *)"same", 4, &n));
	cred_free(s);
}

static void test_R022_a_key_or_a_certificates_name_is_one_endpoints(void **state)
{
	(void)state;
	says("credentials = (\n" RAW("a", SAMPLE_P256) ",\n" RAW("b", DIGEST) " );",
		"F:3: the public key is also in the entry at line 2");
	says("credentials = (\n" CERT("a", "\"n\"") ",\n" CERT("b", "\"n\"") " );",
		"F:3: the name in the certificate is also in the entry at line 2");
	says("credentials = (\n" RAW("a", DIGEST) ",\n" CERT(
		     "b", "\"b\"; certificate_pin = \"" DIGEST "\"") " );",
		"F:3: the key of the certificate is also in the entry at line 2");
	says("credentials = (\n" CERT("a", "\"n\"") ",\n" RAW("a", DIGEST) " );",
		"F:3: the endpoint is also in the entry at line 2");
}

static void test_R020_a_device_proves_itself_in_one_way(void **state)
{
	(void)state;
	static const char two[] = "F:1: the entry has more than one of identity with key, "
				  "public_key, certificate, and nosec; write one of them";
	says("credentials = ( { endpoint = \"a\"; } );",
		"F:1: the entry is not complete; add: key");
	says("credentials = ( { endpoint = \"a\"; public_key = \"" DIGEST
	     "\"; certificate = \"a\"; } );",
		two);
	says("credentials = ( { endpoint = \"a\"; public_key = \"" DIGEST
	     "\"; key = \"8f1d2c6be0a94f7735d8c1be90e4537a\"; } );",
		two);
	says("credentials = ( { endpoint = \"a\"; certificate = \"a\"; identity_hex = \"00\"; } );",
		two);
	says("credentials = ( { endpoint = \"a\"; certificate_pin = \"" DIGEST "\"; } );",
		"F:1: the entry is not complete; add: key");
	says("credentials = ( { endpoint = \"a\"; public_key = \"" DIGEST
	     "\"; certificate_pin = \"" DIGEST "\"; } );",
		"F:1: certificate_pin goes with certificate");
	says("credentials = ( { public_key = \"" DIGEST "\"; } );",
		"F:1: the entry is not complete; add: endpoint");
}

static void test_what_is_no_key_or_no_name_is_told_with_line_and_remedy(void **state)
{
	(void)state;
	says("credentials = (\n{ endpoint = \"a\";\npublic_key = \"8f1d\"; } );",
		"F:3: public_key: is no public key; write");
	says("credentials = ( " RAW("a", SAMPLE_P256_COMPRESSED) " );",
		"F:1: public_key: has a point that is not uncompressed");
	says("credentials = ( " RAW("a", "-----BEGIN EC PRIVATE KEY-----\nMIGH\n") " );",
		"public_key: is a private key");
	says("credentials = ( " RAW("a", "") " );", "F:1: public_key: is no public key");
	says("credentials = ( " CERT("a", "\"\"") " );",
		"F:1: certificate: is 0 octets long; use 1 to 128");
	says("credentials = ( " CERT("a", "\"a\tb\"") " );",
		"F:1: certificate: holds a control character; use plain text");
	says("credentials = ( " CERT("a", "\"-----BEGIN CERTIFICATE-----\nMIIB\"") " );",
		"F:1: certificate: is a certificate; write the name that it gives");
	says("credentials = (\n" CERT("a", "\"a\";\ncertificate_pin = \"8f1d\"") " );",
		"F:3: certificate_pin: is no public key");
	says("credentials = ( { endpoint = \"a\"; public_kye = \"\"; } );",
		"did you mean public_key?");
}

/* Who writes a PSK in the place of a public key finds nothing of it in the error. */
static void test_I5_no_error_holds_what_stands_there(void **state)
{
	(void)state;
	struct conf_error e = { 0 };
	assert_null(
		cred_parse("credentials = ( " RAW("a", "8f1d2c6be0a94f7735d8c1be90e4537a") " );",
			"F", master, sizeof(master), &e));
	assert_null(strstr(e.text, "8f1d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R061_a_raw_key_is_known_by_its_digest),
		cmocka_unit_test(test_every_form_of_a_key_is_the_same),
		cmocka_unit_test(test_R075_a_certificate_is_known_by_its_name_and_may_be_pinned),
		cmocka_unit_test(test_R049_an_identity_of_one_kind_is_none_of_another),
		cmocka_unit_test(test_R022_a_key_or_a_certificates_name_is_one_endpoints),
		cmocka_unit_test(test_R020_a_device_proves_itself_in_one_way),
		cmocka_unit_test(test_what_is_no_key_or_no_name_is_told_with_line_and_remedy),
		cmocka_unit_test(test_I5_no_error_holds_what_stands_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
