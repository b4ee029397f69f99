/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/wr.h"
#include "dtls/guard.h"
#include "dtls/keys.h"

/* RFC 5246 section 5 over the inputs of vector(), checked with a PRF built from HMAC by hand. */
static const struct dtls_keys aead_keys = {
	.client = {
		.key = { 0x77, 0x7f, 0xce, 0x36, 0xa1, 0x93, 0x5f, 0xaf, 0xd1, 0xd5, 0x81, 0xbf,
			0x7c, 0xae, 0x5b, 0x31 },
		.iv = { 0x3a, 0x5b, 0x37, 0x0c },
	},
	.server = {
		.key = { 0x6d, 0x88, 0x7a, 0x94, 0x17, 0x01, 0xfd, 0x4f, 0x91, 0xee, 0x36, 0x36,
			0x90, 0x16, 0x9e, 0xfa },
		.iv = { 0xa7, 0xe9, 0x9f, 0xa9 },
	},
};
/* The same stream of octets, and more of it, cut as RFC 5246 6.3 has it for HMAC-SHA256. */
static const struct dtls_keys cbc_keys = {
	.client = {
		.mac = { 0x77, 0x7f, 0xce, 0x36, 0xa1, 0x93, 0x5f, 0xaf, 0xd1, 0xd5, 0x81, 0xbf,
			0x7c, 0xae, 0x5b, 0x31, 0x6d, 0x88, 0x7a, 0x94, 0x17, 0x01, 0xfd, 0x4f,
			0x91, 0xee, 0x36, 0x36, 0x90, 0x16, 0x9e, 0xfa },
		.key = { 0xc3, 0xb5, 0x64, 0x4b, 0xcf, 0xa9, 0xfd, 0x2e, 0x7c, 0xa3, 0xc3, 0x1b,
			0x6c, 0x45, 0x37, 0x3a },
	},
	.server = {
		.mac = { 0x3a, 0x5b, 0x37, 0x0c, 0xa7, 0xe9, 0x9f, 0xa9, 0x74, 0x46, 0xb4, 0xf0,
			0xd1, 0x10, 0xf5, 0x6d, 0xfe, 0xb7, 0xd0, 0x4f, 0xc3, 0x6e, 0x13, 0xf8,
			0x83, 0x66, 0xc8, 0x15, 0x20, 0x7b, 0x32, 0xd8 },
		.key = { 0x64, 0x59, 0xc0, 0xe1, 0xa1, 0x3b, 0xae, 0x40, 0x91, 0xb2, 0x73, 0x33,
			0xd6, 0x47, 0x5f, 0x0d },
	},
};

struct input {
	uint8_t master[DTLS_MASTER_LEN];
	uint8_t client[DTLS_RANDOM_LEN];
	uint8_t server[DTLS_RANDOM_LEN];
};

static struct input vector(void)
{
	struct input in;
	for (size_t i = 0; i < sizeof(in.master); i++)
		in.master[i] = (uint8_t)i;
	memset(in.client, 0x11, sizeof(in.client));
	memset(in.server, 0x22, sizeof(in.server));
	return in;
}

static struct dtls_keys derive(const struct input *in, enum dtls_guard how)
{
	struct dtls_keys keys;
	memset(&keys, 0xee, sizeof(keys));
	assert_true(dtls_keys_derive(in->master, in->client, in->server, how, &keys));
	return keys;
}

static void test_R118_key_block_of_the_vector(void **state)
{
	(void)state;
	const struct input in = vector();
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_GCM; how++) {
		const struct dtls_keys keys = derive(&in, how);
		assert_memory_equal(&keys, &aead_keys, sizeof(keys));
	}
}

static void test_R128_key_block_of_the_vector_with_mac_keys(void **state)
{
	(void)state;
	const struct input in = vector();
	for (enum dtls_guard how = DTLS_GUARD_ETM; how <= DTLS_GUARD_MTE; how++) {
		const struct dtls_keys keys = derive(&in, how);
		assert_memory_equal(&keys, &cbc_keys, sizeof(keys));
	}
}

static void test_R125_R128_every_input_changes_every_key(void **state)
{
	(void)state;
	for (size_t at = 0; at < sizeof(struct input); at += 15) {
		struct input in = vector();
		((uint8_t *)&in)[at] ^= 1;
		struct dtls_keys keys = derive(&in, DTLS_GUARD_CCM_8);
		assert_memory_not_equal(keys.client.key, aead_keys.client.key, DTLS_KEY_LEN);
		assert_memory_not_equal(keys.client.iv, aead_keys.client.iv, DTLS_IV_LEN);
		assert_memory_not_equal(keys.server.key, aead_keys.server.key, DTLS_KEY_LEN);
		assert_memory_not_equal(keys.server.iv, aead_keys.server.iv, DTLS_IV_LEN);
		keys = derive(&in, DTLS_GUARD_ETM);
		assert_memory_not_equal(keys.client.key, cbc_keys.client.key, DTLS_KEY_LEN);
		assert_memory_not_equal(keys.client.mac, cbc_keys.client.mac, DTLS_MAC_KEY_LEN);
		assert_memory_not_equal(keys.server.key, cbc_keys.server.key, DTLS_KEY_LEN);
		assert_memory_not_equal(keys.server.mac, cbc_keys.server.mac, DTLS_MAC_KEY_LEN);
	}
}

static void test_I5_inputs_are_left_as_they_were(void **state)
{
	(void)state;
	const struct input before = vector();
	struct input in = before;
	(void)derive(&in, DTLS_GUARD_CCM_8);
	(void)derive(&in, DTLS_GUARD_MTE);
	assert_memory_equal(&in, &before, sizeof(in));
}

/* The library's own PRF over the same seed: "key expansion", server's random, client's. */
static void ask_library(struct input *in, uint8_t *out, size_t len)
{
	char digest[] = "SHA256";
	uint8_t seed[13 + 2 * DTLS_RANDOM_LEN];
	struct wr w = wr_into(seed, sizeof(seed));
	wr_bytes(&w, "key expansion", 13);
	wr_bytes(&w, in->server, DTLS_RANDOM_LEN);
	wr_bytes(&w, in->client, DTLS_RANDOM_LEN);
	assert_true(wr_ok(&w));
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SECRET, in->master, sizeof(in->master)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *const kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, NULL);
	EVP_KDF_CTX *const ctx = EVP_KDF_CTX_new(kdf);
	assert_non_null(ctx);
	assert_int_equal(EVP_KDF_derive(ctx, out, len, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* In the order of RFC 5246 6.3. */
static void test_R042_the_library_derives_the_same(void **state)
{
	enum { TIMES = 50, AEAD = 40, CBC = 96 };
	(void)state;
	for (int i = 0; i < TIMES; i++) {
		struct input in;
		uint8_t block[CBC];
		assert_int_equal(RAND_bytes((uint8_t *)&in, sizeof(in)), 1);
		const struct dtls_keys aead = derive(&in, DTLS_GUARD_CCM_8);
		ask_library(&in, block, AEAD);
		assert_memory_equal(aead.client.key, block, 16);
		assert_memory_equal(aead.server.key, block + 16, 16);
		assert_memory_equal(aead.client.iv, block + 32, 4);
		assert_memory_equal(aead.server.iv, block + 36, 4);
		const struct dtls_keys cbc = derive(&in, DTLS_GUARD_ETM);
		ask_library(&in, block, CBC);
		assert_memory_equal(cbc.client.mac, block, 32);
		assert_memory_equal(cbc.server.mac, block + 32, 32);
		assert_memory_equal(cbc.client.key, block + 64, 16);
		assert_memory_equal(cbc.server.key, block + 80, 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R042_the_library_derives_the_same),
		cmocka_unit_test(test_R118_key_block_of_the_vector),
		cmocka_unit_test(test_R128_key_block_of_the_vector_with_mac_keys),
		cmocka_unit_test(test_R125_R128_every_input_changes_every_key),
		cmocka_unit_test(test_I5_inputs_are_left_as_they_were),
	};
	return cmocka_run_group_tests_name("dtls/keys", tests, NULL, NULL);
}
