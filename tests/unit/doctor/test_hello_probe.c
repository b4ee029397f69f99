/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/suite.h"
#include "doctor/hello_probe.h"

enum { RECORD_HEAD = 13, MESSAGE_HEAD = 12 };

static void test_the_hello_is_whole(void **state)
{
	(void)state;
	uint8_t random[HELLO_PROBE_RANDOM], out[HELLO_PROBE_MAX];
	uint16_t all[SUITES];
	for (size_t i = 0; i < SUITES; i++)
		all[i] = suites[i].number;
	memset(random, 0xa5, sizeof(random));
	const size_t len = hello_probe_write(all, SUITES, random, out);
	assert_in_range(len, RECORD_HEAD + MESSAGE_HEAD + 40, HELLO_PROBE_MAX);
	assert_int_equal(out[0], 22);
	assert_int_equal(out[11] << 8 | out[12], len - RECORD_HEAD);
	assert_int_equal(out[RECORD_HEAD], 1);
	assert_int_equal(
		out[RECORD_HEAD + 2] << 8 | out[RECORD_HEAD + 3], len - RECORD_HEAD - MESSAGE_HEAD);
	/* One fragment, which is all of it. */
	assert_memory_equal(out + RECORD_HEAD + 1, out + RECORD_HEAD + 9, 3);
	assert_memory_equal(out + RECORD_HEAD + MESSAGE_HEAD + 2, random, sizeof(random));
	/* More than there are is cut. */
	assert_int_equal(hello_probe_write(all, SUITES, random, out), len);
}

static void test_kinds_of_answers(void **state)
{
	(void)state;
	static const struct {
		uint8_t octets[RECORD_HEAD + 2];
		size_t len;
		enum hello_answer answer;
		uint8_t alert;
	} all[] = {
		{ { 22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0 }, 15, HELLO_ANSWER_GOOD,
			0 },
		{ { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0 }, 15, HELLO_ANSWER_GOOD,
			0 },
		{ { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0 }, 15, HELLO_ANSWER_OTHER,
			0 },
		{ { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40 }, 15, HELLO_ANSWER_ALERT,
			40 },
		{ { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2 }, 14, HELLO_ANSWER_OTHER, 0 },
		{ { 23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2 }, 14, HELLO_ANSWER_OTHER, 0 },
		{ { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 2, 0 }, 15, HELLO_ANSWER_NONE,
			0 },
		{ { 22, 0x03, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0 }, 15, HELLO_ANSWER_NONE,
			0 },
		{ { 22 }, 1, HELLO_ANSWER_NONE, 0 },
		{ { 0 }, 0, HELLO_ANSWER_NONE, 0 },
	};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		uint8_t alert = 1;
		assert_int_equal(
			hello_probe_read(all[i].octets, all[i].len, &alert), all[i].answer);
		assert_int_equal(alert, all[i].alert);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_hello_is_whole),
		cmocka_unit_test(test_kinds_of_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
