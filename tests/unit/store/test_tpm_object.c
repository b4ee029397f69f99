/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/wr.h"
#include "store/tpm.h"
#include "store/tpm_object.h"

#include <stdlib.h>
#include <string.h>

enum { PUBLIC = 2 + 2 + 2 + 4 + 2 + 2 + 2 + 32, PRIVATE = 2 + 126 };

static size_t sound(uint8_t out[TPM_OBJECT_MAX], size_t hidden)
{
	uint8_t name[TPM_OBJECT_NAME];
	memset(name, 0x5a, sizeof(name));
	struct wr w = wr_into(out, TPM_OBJECT_MAX);
	wr_u16(&w, PUBLIC - 2);
	wr_u16(&w, TPM_OBJECT_KEYEDHASH);
	wr_u16(&w, TPM_OBJECT_SHA256);
	wr_u32(&w, TPM_OBJECT_ATTRIBUTES);
	wr_u16(&w, 0);
	wr_u16(&w, TPM_OBJECT_NO_SCHEME);
	wr_u16(&w, TPM_OBJECT_NAME);
	wr_bytes(&w, name, sizeof(name));
	wr_u16(&w, (uint16_t)hidden);
	memset(wr_room(&w, hidden), 0xa5, hidden);
	assert_true(wr_ok(&w));
	return w.len;
}

/* From a block of exactly its length: a read too far is seen under ASan. */
static bool lets_in(const uint8_t *data, size_t len)
{
	struct tpm_object parts;
	uint8_t *const block = malloc(len ? len : 1);
	assert_non_null(block);
	memcpy(block, data, len);
	const bool in = tpm_object_parse(block, len, &parts);
	free(block);
	return in;
}

static void test_R190_a_sealed_object_has_two_parts(void **state)
{
	(void)state;
	uint8_t object[TPM_OBJECT_MAX];
	struct tpm_object parts;
	const size_t len = sound(object, PRIVATE - 2);
	assert_int_equal(len, PUBLIC + PRIVATE);
	assert_true(tpm_object_parse(object, len, &parts));
	assert_ptr_equal(parts.public_part, object);
	assert_int_equal(parts.public_len, PUBLIC);
	assert_ptr_equal(parts.private_part, object + PUBLIC);
	assert_int_equal(parts.private_len, PRIVATE);
}

static void test_R190_neither_cut_nor_longer(void **state)
{
	(void)state;
	uint8_t object[TPM_OBJECT_MAX] = { 0 };
	const size_t len = sound(object, PRIVATE - 2);
	for (size_t n = 0; n <= len + 4; n++)
		assert_int_equal(lets_in(object, n), n == len);
	assert_false(lets_in(object, sound(object, 0)));
	assert_true(lets_in(object, sound(object, TPM_OBJECT_MAX - PUBLIC - 2)));
}

/* Another kind, another hash, a policy, a scheme, other rights: not ours. Only the name and the
   private part are the TPM's to judge. */
static void test_R190_of_another_form_is_refused(void **state)
{
	(void)state;
	uint8_t object[TPM_OBJECT_MAX];
	const size_t len = sound(object, PRIVATE - 2);
	for (size_t bit = 0; bit < len * 8; bit++) {
		const size_t at = bit / 8;
		const bool content =
			(at >= PUBLIC - TPM_OBJECT_NAME && at < PUBLIC) || at >= PUBLIC + 2;
		object[at] ^= (uint8_t)(1U << bit % 8);
		assert_int_equal(lets_in(object, len), content);
		object[at] ^= (uint8_t)(1U << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R190_a_sealed_object_has_two_parts),
		cmocka_unit_test(test_R190_neither_cut_nor_longer),
		cmocka_unit_test(test_R190_of_another_form_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
