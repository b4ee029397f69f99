/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dtls/keys.h"

/* RFC 5246 section 5 over the inputs of vector(), checked with a PRF built from HMAC by hand. */
static const struct dtls_keys expected = {
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

static struct dtls_keys derive(const struct input *in)
{
	struct dtls_keys keys;
	memset(&keys, 0xee, sizeof(keys));
	assert_true(dtls_keys_derive(in->master, in->client, in->server, &keys));
	return keys;
}

static void test_R118_key_block_of_the_vector(void **state)
{
	(void)state;
	const struct input in = vector();
	const struct dtls_keys keys = derive(&in);
	assert_memory_equal(&keys, &expected, sizeof(keys));
}

static void test_R125_every_input_changes_every_key(void **state)
{
	(void)state;
	for (size_t at = 0; at < sizeof(struct input); at += 15) {
		struct input in = vector();
		((uint8_t *)&in)[at] ^= 1;
		const struct dtls_keys keys = derive(&in);
		assert_memory_not_equal(keys.client.key, expected.client.key, DTLS_KEY_LEN);
		assert_memory_not_equal(keys.client.iv, expected.client.iv, DTLS_IV_LEN);
		assert_memory_not_equal(keys.server.key, expected.server.key, DTLS_KEY_LEN);
		assert_memory_not_equal(keys.server.iv, expected.server.iv, DTLS_IV_LEN);
	}
}

static void test_I5_inputs_are_left_as_they_were(void **state)
{
	(void)state;
	const struct input before = vector();
	struct input in = before;
	(void)derive(&in);
	assert_memory_equal(&in, &before, sizeof(in));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R118_key_block_of_the_vector),
		cmocka_unit_test(test_R125_every_input_changes_every_key),
		cmocka_unit_test(test_I5_inputs_are_left_as_they_were),
	};
	return cmocka_run_group_tests_name("dtls/keys", tests, NULL, NULL);
}
