/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/sip.h"

/* key 00 01 .. 0f, read little-endian, as in the paper's appendix A */
static const struct sip_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

static void test_I9_hash_of_the_paper(void **state)
{
	(void)state;
	uint8_t data[15];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	assert_true(sip_hash(&key, data, sizeof(data)) == 0xa129ca6149be45e5);
}

/* From the authors' table of 64 values: around the ends of whole words. */
static void test_I9_lengths_around_a_word(void **state)
{
	(void)state;
	static const struct {
		size_t len;
		uint64_t hash;
	} rows[] = {
		{ 0, 0x726fdb47dd0e0e31 },
		{ 1, 0x74f839c593dc67fd },
		{ 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 },
		{ 9, 0x9e0082df0ba9e4b0 },
		{ 63, 0x958a324ceb064572 },
	};
	uint8_t data[64];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_true(sip_hash(&key, data, rows[i].len) == rows[i].hash);
}

static void test_I9_another_key_another_hash(void **state)
{
	(void)state;
	const struct sip_key other = { key.k0, key.k1 ^ 1 };
	assert_false(sip_hash(&key, "abc", 3) == sip_hash(&other, "abc", 3));
}

static void test_I9_alignment_does_not_matter(void **state)
{
	(void)state;
	uint8_t room[40];
	uint64_t first = 0;
	for (size_t shift = 0; shift < 8; shift++) {
		for (size_t i = 0; i < 20; i++)
			room[shift + i] = (uint8_t)(i * 7);
		const uint64_t h = sip_hash(&key, room + shift, 20);
		first = shift == 0 ? h : first;
		assert_true(h == first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I9_hash_of_the_paper),
		cmocka_unit_test(test_I9_lengths_around_a_word),
		cmocka_unit_test(test_I9_another_key_another_hash),
		cmocka_unit_test(test_I9_alignment_does_not_matter),
	};
	return cmocka_run_group_tests_name("base/sip", tests, NULL, NULL);
}
