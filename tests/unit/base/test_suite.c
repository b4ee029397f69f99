/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/obj_mac.h>
#include <openssl/ssl.h>

#include "base/attr.h"
#include "base/suite.h"

static void test_R038_order_of_preference(void **state)
{
	(void)state;
	static const uint16_t order[] = { 0xc0a8, 0xc0ae, 0x00a8, 0xc02b, 0xc0a4, 0xc0ac, 0x00ae,
		0xc023 };
	assert_int_equal(COUNT_OF(order), SUITES);
	for (size_t i = 0; i < SUITES; i++)
		assert_int_equal(suites[i].number, order[i]);
}

static void test_R032_R033_R034_R035_the_four_of_lwm2m_are_on_at_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < SUITES; i++) {
		const uint16_t n = suites[i].number;
		const bool lwm2m = n == 0x00ae || n == 0xc0a8 || n == 0xc023 || n == 0xc0ae;
		assert_int_equal(suites[i].initial, lwm2m);
	}
}

static void test_R036_found_by_number_and_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < SUITES; i++) {
		assert_ptr_equal(suite_find(suites[i].number), &suites[i]);
		assert_ptr_equal(suite_named(suites[i].name), &suites[i]);
		assert_null(suite_named(suites[i].openssl));
	}
	assert_null(suite_named(""));
	assert_null(suite_named("TLS_PSK_WITH_AES_128_CCM_"));
	assert_null(suite_named("TLS_PSK_WITH_AES_128_CCM_8 "));
	assert_null(suite_named("tls_psk_with_aes_128_ccm_8"));
	assert_null(suite_find(SUITE_NONE));
}

/* no SHA-1 (8c is TLS_PSK_WITH_AES_128_CBC_SHA); R-043: no RC4, NULL, export, anonymous,
   static, RSA or 3DES ones. Of all numbers that there are, eight. */
static void test_R039_R043_no_other_number_is_a_suite(void **state)
{
	(void)state;
	size_t known = 0;
	for (uint32_t n = 0; n <= 0xffff; n++) {
		const struct suite *const s = suite_find((uint16_t)n);
		if (!s)
			continue;
		known++;
		assert_int_equal(s->number, n);
		assert_int_equal(strncmp(s->name,
					 s->ecdsa ? "TLS_ECDHE_ECDSA_WITH_AES_128_"
						  : "TLS_PSK_WITH_AES_128_",
					 s->ecdsa ? 29 : 21),
			0);
	}
	assert_int_equal(known, SUITES);
}

static enum suite_guard guard_of(const SSL_CIPHER *c)
{
	char text[256];
	switch (SSL_CIPHER_get_cipher_nid(c)) {
	case NID_aes_128_gcm:
		return SUITE_GCM;
	case NID_aes_128_cbc:
		assert_int_equal(SSL_CIPHER_get_digest_nid(c), NID_sha256);
		return SUITE_CBC;
	case NID_aes_128_ccm:
		assert_non_null(SSL_CIPHER_description(c, text, sizeof(text)));
		return strstr(text, "AESCCM8(128)") ? SUITE_CCM_8 : SUITE_CCM;
	default:
		fail_msg("no cipher of ours");
		return SUITE_CBC;
	}
}

/* The library knows each by the same number and name, and means the same by it. */
static void test_R036_the_library_agrees(void **state)
{
	(void)state;
	SSL_CTX *const ctx = SSL_CTX_new(DTLS_method());
	assert_non_null(ctx);
	SSL_CTX_set_security_level(ctx, 0);
	SSL *const ssl = SSL_new(ctx);
	assert_non_null(ssl);
	for (size_t i = 0; i < SUITES; i++) {
		const struct suite *const s = &suites[i];
		const unsigned char number[] = { (unsigned char)(s->number >> 8),
			(unsigned char)s->number };
		const SSL_CIPHER *const c = SSL_CIPHER_find(ssl, number);
		assert_non_null(c);
		assert_string_equal(SSL_CIPHER_get_name(c), s->openssl);
		assert_string_equal(SSL_CIPHER_standard_name(c), s->name);
		assert_int_equal(guard_of(c), s->guard);
		assert_int_equal(
			SSL_CIPHER_get_auth_nid(c), s->ecdsa ? NID_auth_ecdsa : NID_auth_psk);
		assert_int_equal(SSL_CIPHER_get_kx_nid(c), s->ecdsa ? NID_kx_ecdhe : NID_kx_psk);
		assert_int_equal(SSL_set_cipher_list(ssl, s->openssl), 1);
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R038_order_of_preference),
		cmocka_unit_test(test_R032_R033_R034_R035_the_four_of_lwm2m_are_on_at_first),
		cmocka_unit_test(test_R036_found_by_number_and_by_name),
		cmocka_unit_test(test_R039_R043_no_other_number_is_a_suite),
		cmocka_unit_test(test_R036_the_library_agrees),
	};
	return cmocka_run_group_tests_name("base/suite", tests, NULL, NULL);
}
