/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/hex.h"
#include "conf/spki.h"
#include "unit/conf/samples.h"

static size_t octets(const char *hex, uint8_t *out)
{
	const size_t len = strlen(hex);
	assert_true(conf_hex_read(hex, len, out));
	return len / 2;
}

static const char *why_not(const char *text)
{
	struct conf_spki s;
	const char *const why = conf_spki_read(text, strlen(text), &s);
	return why == NULL ? "" : why;
}

static void says(const char *text, const char *part)
{
	if (strstr(why_not(text), part) == NULL)
		fail_msg("\"%s\": \"%s\" does not say \"%s\"", text, why_not(text), part);
}

static void is_p256(const void *text, size_t len)
{
	struct conf_spki s;
	char digest[CONF_SPKI_TEXT];
	const char *const why = conf_spki_read(text, len, &s);
	if (why != NULL)
		fail_msg("%s", why);
	conf_spki_text(s.digest, digest);
	assert_string_equal(digest, "sha-256:" SAMPLE_P256_DIGEST);
}

static void test_R064_one_key_in_every_form_is_one_digest(void **state)
{
	(void)state;
	static const char *const texts[] = { SAMPLE_P256, SAMPLE_P256_BASE64,
		"  " SAMPLE_P256 "\r\n", SAMPLE_P256_BASE64 "\n",
		"-----BEGIN PUBLIC KEY-----\n" SAMPLE_P256_BASE64 "\n-----END PUBLIC KEY-----\n",
		"digest sha-256:00\n-----BEGIN PUBLIC KEY-----\n" SAMPLE_P256_BASE64
		"\n-----END PUBLIC KEY-----\n",
		"-----BEGIN CERTIFICATE-----\r\n" SAMPLE_CERTIFICATE_BASE64
		"\r\n-----END CERTIFICATE-----\r\n",
		SAMPLE_CERTIFICATE, SAMPLE_CERTIFICATE_BASE64, "sha-256:" SAMPLE_P256_DIGEST,
		"ni:///sha-256;" SAMPLE_P256_NI };
	uint8_t der[1024];
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		is_p256(texts[i], strlen(texts[i]));
	is_p256(der, octets(SAMPLE_P256, der));
	is_p256(der, octets(SAMPLE_CERTIFICATE, der));
}

static void test_R041_P256_P384_and_P521_are_taken_and_no_other(void **state)
{
	(void)state;
	assert_string_equal(why_not(SAMPLE_P384), "");
	assert_string_equal(why_not(SAMPLE_P521), "");
	says(SAMPLE_SECP256K1, "is on another curve than P-256, P-384 and P-521");
	says(SAMPLE_ED25519, "is no elliptic-curve key");
}

static void test_R062_a_compressed_point_is_refused(void **state)
{
	(void)state;
	says(SAMPLE_P256_COMPRESSED, "uncompressed");
}

static void test_a_point_that_is_not_on_the_curve_is_refused(void **state)
{
	(void)state;
	uint8_t der[256];
	struct conf_spki s;
	const size_t len = octets(SAMPLE_P256, der);
	assert_null(conf_spki_from_der(der, len, &s));
	for (size_t bit = 0; bit < len * 8; bit++) {
		der[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (conf_spki_from_der(der, len, &s) == NULL)
			fail_msg("bit %zu", bit);
		assert_int_equal(s.digest[0] | s.digest[31], 0);
		der[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < len; n++)
		assert_non_null(conf_spki_from_der(der, n, &s));
	der[len] = 0;
	assert_non_null(conf_spki_from_der(der, len + 1, &s));
}

static void test_I5_a_private_key_is_refused_by_name(void **state)
{
	(void)state;
	says("-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n", "is a private key");
	says("-----BEGIN PUBLIC KEY-----\n" SAMPLE_P256_BASE64 "\n-----END PUBLIC KEY-----\n"
	     "-----BEGIN EC PRIVATE KEY-----\nMIGH\n-----END EC PRIVATE KEY-----\n",
		"is a private key");
}

static void test_what_is_none_is_refused_with_the_remedy(void **state)
{
	(void)state;
	static const char *const texts[] = { "", " \n", "x", "30", "3059", "MFkw", "\x30\x59",
		"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "8f1d2c6be0a94f77",
		SAMPLE_P256_DIGEST /* might be a PSK: a digest says that it is one */ };
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		says(texts[i], "is no public key");
	says(SAMPLE_P256 "00", "is no public key");
	says("-----BEGIN PUBLIC KEY-----\n" SAMPLE_P256_BASE64, "is cut short");
	says("sha-256:" SAMPLE_P256_DIGEST "0", "is no SHA-256 digest");
	says("sha-256:8f1d", "is no SHA-256 digest");
	says("ni:///sha-256;" SAMPLE_P256_NI "A", "is no SHA-256 digest");
	says("-----BEGIN RSA PUBLIC KEY-----\nMIGH\n-----END RSA PUBLIC KEY-----", "is no public");
	char *const big = malloc(CONF_SPKI_FILE_MAX + 1);
	struct conf_spki s;
	assert_non_null(big);
	memset(big, ' ', CONF_SPKI_FILE_MAX + 1);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(big, SAMPLE_P256, strlen(SAMPLE_P256));
	assert_non_null(conf_spki_read(big, CONF_SPKI_FILE_MAX + 1, &s));
	assert_null(conf_spki_read(big, CONF_SPKI_FILE_MAX, &s));
	free(big);
}

static void test_R075_a_pin_may_be_the_digits_alone(void **state)
{
	(void)state;
	struct conf_spki a, b;
	static const char digits[] = SAMPLE_P256_DIGEST, key[] = SAMPLE_P256;
	assert_null(conf_spki_read_pin(digits, strlen(digits), &a));
	assert_null(conf_spki_read_pin(key, strlen(key), &b));
	assert_memory_equal(&a, &b, sizeof(a));
}

static void test_a_certificate_has_its_key_and_its_leftmost_common_name(void **state)
{
	(void)state;
	uint8_t der[1024];
	struct conf_spki s;
	char name[CONF_COMMON_NAME_MAX + 1], digest[CONF_SPKI_TEXT];
	size_t len = octets(SAMPLE_CERTIFICATE, der);
	assert_null(conf_spki_from_certificate(der, len, &s, name));
	assert_string_equal(name, "urn:dev:cert-1");
	conf_spki_text(s.digest, digest);
	assert_string_equal(digest, "sha-256:" SAMPLE_P256_DIGEST);
	for (size_t n = 0; n < len; n++)
		assert_non_null(conf_spki_from_certificate(der, n, &s, name));
	assert_non_null(conf_spki_from_certificate(der, len + 1, &s, name));
	len = octets(SAMPLE_CERTIFICATE_NAMELESS, der);
	assert_null(conf_spki_from_certificate(der, len, &s, name));
	assert_string_equal(name, "");
	len = octets(SAMPLE_P256, der);
	assert_non_null(conf_spki_from_certificate(der, len, &s, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R064_one_key_in_every_form_is_one_digest),
		cmocka_unit_test(test_R041_P256_P384_and_P521_are_taken_and_no_other),
		cmocka_unit_test(test_R062_a_compressed_point_is_refused),
		cmocka_unit_test(test_a_point_that_is_not_on_the_curve_is_refused),
		cmocka_unit_test(test_I5_a_private_key_is_refused_by_name),
		cmocka_unit_test(test_what_is_none_is_refused_with_the_remedy),
		cmocka_unit_test(test_R075_a_pin_may_be_the_digits_alone),
		cmocka_unit_test(test_a_certificate_has_its_key_and_its_leftmost_common_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
