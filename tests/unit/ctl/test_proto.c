/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/proto.h"

static void test_what_is_written_is_read(void **state)
{
	(void)state;
	static const uint8_t body[] = { 0, 1, 2 };
	for (int verb = CTL_STATUS; verb < CTL_VERBS; verb++) {
		struct ctl_request q = { .form = CTL_JSON,
			.verb = (enum ctl_verb)verb,
			.arg = "urn:dev:1",
			.body = body,
			.body_len = sizeof(body) },
				   back;
		static uint8_t wire[CTL_REQUEST_MAX];
		const size_t len = ctl_request_write(&q, wire, sizeof(wire));
		assert_int_equal(len, 4 + 9 + 3);
		assert_true(ctl_request_parse(wire, len, &back));
		assert_int_equal(back.form, q.form);
		assert_int_equal(back.verb, q.verb);
		assert_string_equal(back.arg, q.arg);
		assert_ptr_equal(back.body, wire + 4 + 9);
		assert_int_equal(back.body_len, sizeof(body));
	}
}

static void test_capacity_is_kept_to_the_byte(void **state)
{
	(void)state;
	static const uint8_t body[CTL_BODY_MAX + 1];
	static uint8_t wire[CTL_REQUEST_MAX + 1];
	struct ctl_request q = { .verb = CTL_SESSION, .body = body, .body_len = CTL_BODY_MAX },
			   back;
	memset(q.arg, 'e', CTL_ARG_MAX);
	assert_int_equal(ctl_request_write(&q, wire, CTL_REQUEST_MAX - 1), 0);
	assert_int_equal(ctl_request_write(&q, wire, CTL_REQUEST_MAX), CTL_REQUEST_MAX);
	assert_true(ctl_request_parse(wire, CTL_REQUEST_MAX, &back));
	assert_int_equal(strlen(back.arg), CTL_ARG_MAX);
	assert_false(ctl_request_parse(wire, CTL_REQUEST_MAX + 1, &back));
	q.body_len = CTL_BODY_MAX + 1;
	assert_int_equal(ctl_request_write(&q, wire, sizeof(wire)), 0);
	q.body_len = 0;
	/* An argument that is not terminated. */
	q.arg[CTL_ARG_MAX] = 'e';
	assert_int_equal(ctl_request_write(&q, wire, sizeof(wire)), 0);
}

static void test_I7_malformed_requests_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		bool good;
	} rows[] = {
		{ "\1\0\0\0", 4, true },
		{ "\1\1\3\1e", 5, true },
		{ "", 0, false },
		{ "\1\0\0", 3, false },
		{ "\2\0\0\0", 4, false },
		{ "\1\2\0\0", 4, false },
		{ "\1\0\0\1", 4, false },
		{ "\1\0\0\0e", 5, true }, /* a body */
		{ "\1\0\2\2e\0", 6, false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ctl_request q;
		if (ctl_request_parse((const uint8_t *)rows[i].bytes, rows[i].len, &q) !=
			rows[i].good)
			fail_msg("row %zu", i);
	}
	struct ctl_request q;
	assert_true(ctl_request_parse((const uint8_t[]){ 1, 0, CTL_VERBS - 1, 0 }, 4, &q));
	assert_false(ctl_request_parse((const uint8_t[]){ 1, 0, CTL_VERBS, 0 }, 4, &q));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_capacity_is_kept_to_the_byte),
		cmocka_unit_test(test_I7_malformed_requests_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
