/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A keyring file of arbitrary octets, under a fixed KEK. What is accepted is wrapped and unwrapped
 * again, and must be the same.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "store/keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_keys(const struct keyring *a, const struct keyring *b)
{
	assert(keyring_newest(a) == keyring_newest(b));
	const uint32_t newest = keyring_newest(a);
	for (uint32_t back = 0; back < 100 && back < newest; back++) {
		uint8_t ka[KEYRING_KEY];
		uint8_t kb[KEYRING_KEY];
		const bool in_a = keyring_key(a, newest - back, ka);
		const bool in_b = keyring_key(b, newest - back, kb);
		assert(in_a == in_b);
		assert(!in_a || memcmp(ka, kb, sizeof(ka)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kek kek = { { 1, 2, 3 } };
	struct store_error error = { 0 };
	struct keyring *const k = keyring_unwrap(&kek, data, size, &error);
	assert((k == NULL) == (error.text[0] != '\0'));
	if (k == NULL)
		return 0;
	uint8_t blob[KEYRING_WRAPPED_MAX];
	const size_t len = keyring_wrap(k, &kek, blob);
	assert(len == size);
	struct keyring *const again = keyring_unwrap(&kek, blob, len, &error);
	assert(again != NULL);
	same_keys(k, again);
	keyring_free(again);
	keyring_free(k);
	return 0;
}
