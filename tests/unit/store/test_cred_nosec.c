/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of devices without DTLS: what they are, and beside which others they may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "store/cred_rules.h"
#include "store/value.h"

static struct store_cred cred(uint8_t kind, uint8_t purpose)
{
	struct store_cred c = { .number = 3,
		.generation = 9,
		.proved = 9,
		.kind = kind,
		.purpose = purpose,
		.endpoint = "dev",
		.identity = "dev",
		.identity_len = 3 };
	if (kind == STORE_CRED_PSK)
		c.key_len = 16;
	return c;
}

static void test_R080_it_has_no_secret_and_the_endpoints_name(void **state)
{
	(void)state;
	struct store_cred c = cred(STORE_CRED_NOSEC, STORE_FOR_ANY);
	assert_true(cred_is_sound(&c));
	c.key_len = 16;
	assert_false(cred_is_sound(&c));
	c = cred(STORE_CRED_NOSEC, STORE_FOR_ANY);
	c.identity[0] = 'x';
	assert_false(cred_is_sound(&c));
	c = cred(STORE_CRED_NOSEC, STORE_FOR_ANY);
	c.identity_len = 2;
	assert_false(cred_is_sound(&c));
	c = cred(STORE_CRED_NOSEC, STORE_FOR_ANY);
	c.pinned = true;
	assert_false(cred_is_sound(&c));
	c = cred(STORE_CRED_NOSEC + 1, STORE_FOR_ANY);
	assert_false(cred_is_sound(&c));
}

static void test_R080_it_is_beside_none_that_has_dtls(void **state)
{
	(void)state;
	const struct store_cred bare = cred(STORE_CRED_NOSEC, STORE_FOR_SERVER);
	for (int kind = STORE_CRED_PSK; kind <= STORE_CRED_CERTIFICATE; kind++) {
		for (int purpose = STORE_FOR_ANY; purpose <= STORE_FOR_BOOTSTRAP; purpose++) {
			const struct store_cred other = cred((uint8_t)kind, (uint8_t)purpose);
			assert_true(cred_excludes(&bare, &other));
			assert_true(cred_excludes(&other, &bare));
		}
	}
	const struct store_cred other = cred(STORE_CRED_NOSEC, STORE_FOR_BOOTSTRAP);
	assert_false(cred_excludes(&bare, &other)); /* its identity is for the store to see */
}

static void test_its_row_is_read_as_it_was_written(void **state)
{
	(void)state;
	const struct store_cred c = cred(STORE_CRED_NOSEC, STORE_FOR_SERVER);
	struct store_cred back = { .number = 3, .generation = 9 };
	uint8_t octets[2048];
	const size_t len = value_cred_write(&c, octets, sizeof(octets));
	assert_true(len > 0);
	assert_true(value_cred_read((struct kv_slice){ octets, len }, &back));
	assert_int_equal(back.kind, STORE_CRED_NOSEC);
	assert_true(cred_same_content(&c, &back));
	assert_true(cred_is_sound(&back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R080_it_has_no_secret_and_the_endpoints_name),
		cmocka_unit_test(test_R080_it_is_beside_none_that_has_dtls),
		cmocka_unit_test(test_its_row_is_read_as_it_was_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
