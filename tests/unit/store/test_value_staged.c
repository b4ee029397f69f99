/* SPDX-License-Identifier: Apache-2.0 */
/* How what is staged is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/value.h"

static const struct sip_key mac = { 1, 2 }, other = { 1, 3 };
enum { CRED = 9 };

static struct kv_slice slice(const uint8_t *octets, size_t len)
{
	return (struct kv_slice){ octets, len };
}

static void test_S20_the_head_is_bound_to_its_credential_and_a_flipped_bit_is_seen(void **state)
{
	(void)state;
	const struct value_staged_head h = { .generation = 5, .until_ms = 1000, .armed = true };
	uint8_t octets[VALUE_HEAD_MAX + 1];
	struct value_staged_head x;
	struct kv_slice rest;
	const size_t len = value_staged_head_write(&h, &mac, CRED, octets, VALUE_HEAD_MAX);
	assert_true(len > 0);
	octets[len] = 7;
	assert_true(value_staged_head_read(slice(octets, len + 1), &mac, CRED, &x, &rest));
	assert_true(x.generation == 5 && x.until_ms == 1000 && x.armed);
	assert_true(rest.len == 1 && rest.data == octets + len);
	assert_false(value_staged_head_read(slice(octets, len), &mac, CRED + 1, &x, &rest));
	assert_false(value_staged_head_read(slice(octets, len), &other, CRED, &x, &rest));
	assert_true(x.generation == 0 && !x.armed && rest.len == 0);
	for (size_t i = 0; i < len; i++)
		assert_false(value_staged_head_read(slice(octets, i), &mac, CRED, &x, &rest));
	for (size_t i = 0; i < len * 8; i++) {
		octets[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(value_staged_head_read(slice(octets, len), &mac, CRED, &x, &rest));
		octets[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t cap = 0; cap < len; cap++)
		assert_int_equal(value_staged_head_write(&h, &mac, CRED, octets, cap), 0);
}

/* The right MAC for what no writer writes. */
static void mac_anew(uint8_t *octets, size_t len)
{
	uint8_t all[6 + VALUE_HEAD_MAX] = { KEY_STAGED, 4, 0, 0, 0, CRED };
	memcpy(all + 6, octets, len - 8);
	uint64_t is = sip_hash(&mac, all, 6 + len - 8);
	for (size_t i = 0; i < 8; i++, is >>= 8)
		octets[len - 1 - i] = (uint8_t)is;
}

static void test_a_head_that_no_writer_writes_is_refused(void **state)
{
	(void)state;
	const struct value_staged_head h = { .generation = 5, .until_ms = 1000, .armed = true };
	uint8_t octets[VALUE_HEAD_MAX];
	struct value_staged_head x;
	struct kv_slice rest;
	const size_t len = value_staged_head_write(&h, &mac, CRED, octets, sizeof(octets));
	mac_anew(octets, len);
	assert_true(value_staged_head_read(slice(octets, len), &mac, CRED, &x, &rest));
	octets[len - 9] = 2; /* armed */
	mac_anew(octets, len);
	assert_false(value_staged_head_read(slice(octets, len), &mac, CRED, &x, &rest));
	octets[len - 9] = 1;
	octets[0]++;
	mac_anew(octets, len);
	assert_false(value_staged_head_read(slice(octets, len), &mac, CRED, &x, &rest));
}

static void comes_back(const struct store_staged *s)
{
	uint8_t octets[VALUE_PLAIN_MAX], again[VALUE_PLAIN_MAX];
	struct store_staged x = { 0 };
	const size_t len = value_staged_write(s, octets, sizeof(octets));
	assert_true(len > 0);
	assert_true(value_staged_read(slice(octets, len), &x));
	assert_memory_equal(&x, s, sizeof(x));
	assert_int_equal(value_staged_write(&x, again, sizeof(again)), len);
	assert_memory_equal(again, octets, len);
	for (size_t i = 0; i < len; i++) {
		x = (struct store_staged){ 0 };
		assert_false(value_staged_read(slice(octets, i), &x));
		assert_int_equal(value_staged_write(s, again, i), 0);
	}
	octets[len] = 0;
	assert_false(value_staged_read(slice(octets, len + 1), &x));
}

static void test_what_is_staged_comes_back_as_it_was_within_its_bounds(void **state)
{
	(void)state;
	struct store_staged s = {
		.kind = STORE_CRED_PSK, .identity_len = STORE_IDENTITY_MAX, .key_len = STORE_KEY_MAX
	};
	memset(s.identity, 'i', sizeof(s.identity));
	memset(s.key, 'k', sizeof(s.key));
	comes_back(&s);
	s.key_len = 0;
	memset(s.key, 0, sizeof(s.key));
	s.kind = STORE_CRED_CERTIFICATE;
	comes_back(&s);
	s.pinned = true;
	memset(s.pin, 'p', sizeof(s.pin));
	comes_back(&s);
}

static void test_what_no_writer_writes_is_refused(void **state)
{
	(void)state;
	static const uint8_t bad[][5] = {
		{ VALUE_LAYOUT + 1, 0, 0, 0, 0 },
		{ VALUE_LAYOUT, STORE_CRED_CERTIFICATE + 1, 0, 0, 0 },
		{ VALUE_LAYOUT, 0, 2, 0, 0 },
		{ VALUE_LAYOUT, 0, 0, STORE_IDENTITY_MAX + 1, 0 },
		{ VALUE_LAYOUT, 0, 0, 0, STORE_KEY_MAX + 1 },
	};
	uint8_t octets[5 + STORE_IDENTITY_MAX + 1] = { 0 };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct store_staged x = { 0 };
		memcpy(octets, bad[i], sizeof(bad[i]));
		assert_false(value_staged_read(slice(octets, sizeof(bad[i])), &x));
		assert_false(value_staged_read(slice(octets, sizeof(octets)), &x));
		assert_false(value_staged_read(slice(octets, 5 + STORE_KEY_MAX + 1), &x));
	}
	/* Only a certificate is pinned. */
	uint8_t pinned[3 + STORE_PIN_LEN + 2] = { VALUE_LAYOUT, STORE_CRED_CERTIFICATE, 1 };
	struct store_staged x = { 0 };
	assert_true(value_staged_read(slice(pinned, sizeof(pinned)), &x));
	pinned[1] = STORE_CRED_RAW_KEY;
	assert_false(value_staged_read(slice(pinned, sizeof(pinned)), &x));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_S20_the_head_is_bound_to_its_credential_and_a_flipped_bit_is_seen),
		cmocka_unit_test(test_a_head_that_no_writer_writes_is_refused),
		cmocka_unit_test(test_what_is_staged_comes_back_as_it_was_within_its_bounds),
		cmocka_unit_test(test_what_no_writer_writes_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
