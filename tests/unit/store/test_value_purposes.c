/* SPDX-License-Identifier: Apache-2.0 */
/* How the values are written that came with purposes, and that others stay as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/value.h"

enum { TAIL = 2 }; /* purpose, right */

static struct kv_slice slice(const uint8_t *octets, size_t len)
{
	return (struct kv_slice){ octets, len };
}

static struct store_cred of(enum store_purpose purpose, bool repository)
{
	return (struct store_cred){ .generation = 9,
		.proved = 9,
		.endpoint = "e",
		.identity_len = 1,
		.key_len = 1,
		.purpose = (uint8_t)purpose,
		.repository = repository };
}

static void test_R023_a_purpose_and_a_right_are_read_as_written(void **state)
{
	(void)state;
	for (unsigned purpose = 0; purpose <= STORE_FOR_BOOTSTRAP; purpose++) {
		for (unsigned right = 0; right < 2; right++) {
			uint8_t octets[VALUE_PLAIN_MAX];
			const struct store_cred c = of((enum store_purpose)purpose, right == 1);
			/* Nothing of another row is left. */
			struct store_cred x = {
				.generation = 9, .purpose = STORE_FOR_SERVER, .repository = true
			};
			const size_t len = value_cred_write(&c, octets, sizeof(octets));
			assert_true(value_cred_read(slice(octets, len), &x));
			assert_memory_equal(&x, &c, sizeof(c));
			for (size_t n = 0; n < len; n++)
				assert_false(value_cred_read(slice(octets, n), &x));
			assert_int_equal(value_cred_write(&c, octets, len), len);
			assert_int_equal(value_cred_write(&c, octets, len - 1), 0);
			assert_int_equal(octets[0],
				purpose + right == 0 ? VALUE_LAYOUT : VALUE_LAYOUT_PURPOSES);
		}
	}
}

static void test_a_credential_for_any_purpose_is_written_as_it_was(void **state)
{
	(void)state;
	uint8_t octets[VALUE_PLAIN_MAX], was[VALUE_PLAIN_MAX];
	struct store_cred c = of(STORE_FOR_ANY, false);
	c.until_ms = 1;
	const size_t len = value_cred_write(&c, was, sizeof(was));
	assert_int_equal(was[0], VALUE_LAYOUT_POLICIES);
	c.purpose = STORE_FOR_SERVER;
	assert_int_equal(value_cred_write(&c, octets, sizeof(octets)), len + TAIL);
	assert_memory_equal(octets + 1, was + 1, len - 1);
}

static void test_a_purpose_is_written_in_one_way_only(void **state)
{
	(void)state;
	uint8_t octets[VALUE_PLAIN_MAX];
	const struct store_cred c = of(STORE_FOR_SERVER, false);
	struct store_cred x = { .generation = 9 };
	const size_t len = value_cred_write(&c, octets, sizeof(octets));
	static const uint8_t bad[][TAIL] = { { STORE_FOR_ANY, 0 }, { STORE_FOR_BOOTSTRAP + 1, 0 },
		{ STORE_FOR_SERVER, 2 } };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		memcpy(octets + len - TAIL, bad[i], TAIL);
		if (value_cred_read(slice(octets, len), &x))
			fail_msg("row %zu", i);
	}
	memcpy(octets + len - TAIL, (const uint8_t[]){ STORE_FOR_SERVER, 1 }, TAIL);
	assert_true(value_cred_read(slice(octets, len), &x));
	octets[0] = VALUE_LAYOUT_PURPOSES + 1;
	assert_false(value_cred_read(slice(octets, len), &x));
	octets[0] = VALUE_LAYOUT_POLICIES;
	assert_false(value_cred_read(slice(octets, len), &x));
}

static struct store_session session(void)
{
	struct store_session s = { .device = 1, .link = 2, .worker = 3, .workers = 4 };
	memset(s.location, 'l', STORE_LOCATION_MAX - 1);
	return s;
}

static void check_session(const struct store_session *s, bool plain)
{
	uint8_t octets[VALUE_PLAIN_MAX];
	struct store_session x;
	memset(&x, 0xff, sizeof(x));
	x.cred = s->cred;
	const size_t len = value_session_write(s, octets, sizeof(octets));
	assert_int_equal(octets[0], plain ? VALUE_LAYOUT : VALUE_LAYOUT_PURPOSES);
	assert_true(value_session_read(slice(octets, len), &x));
	assert_int_equal(x.upstream, s->upstream);
	assert_true(x.binding == s->binding && x.version == s->version && x.queue == s->queue &&
		    x.stale == s->stale && x.channels == s->channels);
	assert_memory_equal(x.sms, s->sms, sizeof(x.sms));
	for (size_t n = 0; n < len; n++)
		assert_false(value_session_read(slice(octets, n), &x));
	octets[0] ^= VALUE_LAYOUT ^ VALUE_LAYOUT_PURPOSES; /* that is written in one way only */
	assert_false(value_session_read(slice(octets, len), &x));
}

static void test_R275_each_thing_that_a_device_said_is_read_as_written(void **state)
{
	(void)state;
	for (unsigned what = 0; what < 8; what++) {
		struct store_session s = session();
		s.upstream = what == 1 ? UINT64_MAX : 0;
		s.binding = what == 2 ? 0xff : 0;
		s.version = what == 3 ? 0x12 : 0;
		s.queue = what == 4;
		s.stale = what == 5;
		s.channels = what == 7 ? 0x1234 : 0;
		if (what == 6)
			memset(s.sms, '9', STORE_SMS_MAX - 1);
		check_session(&s, what == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R023_a_purpose_and_a_right_are_read_as_written),
		cmocka_unit_test(test_a_credential_for_any_purpose_is_written_as_it_was),
		cmocka_unit_test(test_a_purpose_is_written_in_one_way_only),
		cmocka_unit_test(test_R275_each_thing_that_a_device_said_is_read_as_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
