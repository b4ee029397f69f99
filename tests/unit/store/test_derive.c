/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "store/derive.h"

static void hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[32])
{
	unsigned n = 32;
	assert_non_null(HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &n));
}

/* RFC 5869 section 2, by its two formulas. */
static void test_RFC5869_keys_are_extracted_and_expanded(void **state)
{
	(void)state;
	struct derive *const d = derive_new();
	assert_non_null(d);
	uint8_t key[32], salt[32], prk[32], info[33], wanted[32], out[32];
	memset(key, 0x0b, sizeof(key));
	for (uint8_t i = 0; i < 32; i++)
		salt[i] = i;
	for (size_t salt_len = 0; salt_len <= 32; salt_len += 16) {
		/* Twice: the first leaves nothing for the second. */
		for (uint8_t turn = 0; turn < 2; turn++) {
			key[0] = turn;
			assert_true(derive_key(d, key, (struct kv_slice){ salt, salt_len }, "label",
				out, sizeof(out)));
			static const uint8_t zeros[32];
			hmac(salt_len > 0 ? salt : zeros, salt_len > 0 ? salt_len : 32, key, 32,
				prk);
			(void)snprintf((char *)info, sizeof(info), "label\x01");
			hmac(prk, 32, info, 6, wanted);
			assert_memory_equal(out, wanted, 32);
		}
	}
	derive_free(d);
}

static void test_other_labels_and_keys_give_other_keys(void **state)
{
	(void)state;
	struct derive *const d = derive_new();
	static const uint8_t key[2][32] = { { 1 }, { 2 } };
	uint8_t a[16], b[16], c[16];
	assert_true(derive_key(d, key[0], (struct kv_slice){ 0 }, "one", a, sizeof(a)));
	assert_true(derive_key(d, key[0], (struct kv_slice){ 0 }, "two", b, sizeof(b)));
	assert_true(derive_key(d, key[1], (struct kv_slice){ 0 }, "one", c, sizeof(c)));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
	derive_free(d);
}

/* SP 800-38D's own algorithm through another interface: the tag of the GCM specification's test
   case 13 (key, nonce and text of zeros, nothing to authenticate). */
static void test_SP800_38D_an_empty_message_has_the_known_tag(void **state)
{
	(void)state;
	static const uint8_t known[16] = { 0x53, 0x0f, 0x8a, 0xfb, 0xc7, 0x45, 0x36, 0xb9, 0xa9,
		0x63, 0xb4, 0xf1, 0xc4, 0xcb, 0x73, 0x8b };
	static const uint8_t key[32];
	struct derive *const d = derive_new();
	uint8_t tag[DERIVE_TAG];
	uint8_t out[1];
	const struct derive_message m = { .key = key };
	assert_true(derive_seal(d, &m, tag));
	assert_memory_equal(tag, known, sizeof(tag));
	const struct derive_message back = { .key = key, .in = { tag, sizeof(tag) } };
	assert_true(derive_open(d, &back, out));
	tag[0] ^= 1;
	assert_false(derive_open(d, &back, out));
	derive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_RFC5869_keys_are_extracted_and_expanded),
		cmocka_unit_test(test_other_labels_and_keys_give_other_keys),
		cmocka_unit_test(test_SP800_38D_an_empty_message_has_the_known_tag),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
