/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/build.h"
#include "base/vault.h"
#include "gateway/vault_openssl.h"

#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { MANY = 2 * VAULT_CHUNK };

static bool installed; /* before main() has called anything else */
static int too_late;   /* status of a process that called OpenSSL first; 0: it was told so */

static void test_R195_all_that_openssl_takes_is_from_the_vault(void **state)
{
	(void)state;
	assert_true(installed);
	if (BUILD_CHECKED)
		skip(); /* it is the C library's memory there */
	const size_t before = vault_mapped();
	uint8_t *p = OPENSSL_zalloc(MANY);
	assert_non_null(p);
	assert_true(vault_mapped() >= before + MANY);
	p = OPENSSL_realloc(p, 2UL * MANY);
	assert_non_null(p);
	assert_true(vault_mapped() >= before + 2UL * MANY);
	OPENSSL_free(p);
	assert_int_equal(vault_mapped(), before);
}

static void test_a_cipher_works_in_it(void **state)
{
	(void)state;
	static const uint8_t key[16] = { 1 };
	static const uint8_t nonce[12] = { 2 };
	uint8_t sealed[16] = "sixteen octets.";
	int len = 0;
	EVP_CIPHER_CTX *const ctx = EVP_CIPHER_CTX_new();
	EVP_CIPHER *const cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	assert_non_null(ctx);
	assert_non_null(cipher);
	assert_int_equal(EVP_EncryptInit_ex2(ctx, cipher, key, nonce, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, sealed, &len, sealed, sizeof(sealed)), 1);
	assert_int_equal(EVP_DecryptInit_ex2(ctx, cipher, key, nonce, NULL), 1);
	assert_int_equal(EVP_DecryptUpdate(ctx, sealed, &len, sealed, sizeof(sealed)), 1);
	assert_memory_equal(sealed, "sixteen octets.", sizeof(sealed));
	EVP_CIPHER_free(cipher);
	EVP_CIPHER_CTX_free(ctx);
}

static void test_R195_too_late_is_told(void **state)
{
	(void)state;
	assert_int_equal(too_late, 0);
}

static int install_late(void)
{
	int status = -1;
	const pid_t child = fork();
	if (child == 0) {
		OPENSSL_free(OPENSSL_malloc(1));
		_exit(gw_vault_install() ? 1 : 0);
	}
	return waitpid(child, &status, 0) == child ? status : -1;
}

int main(void)
{
	too_late = install_late();
	installed = gw_vault_install();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R195_all_that_openssl_takes_is_from_the_vault),
		cmocka_unit_test(test_a_cipher_works_in_it),
		cmocka_unit_test(test_R195_too_late_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
