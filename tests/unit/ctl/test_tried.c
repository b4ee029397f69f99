/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/tried.h"

static void test_what_is_written_is_read(void **state)
{
	(void)state;
	static const struct ctl_tried all[] = {
		{ .what = CTL_TRIED_ADD, .line = 7, .endpoint = "urn:a" },
		{ .what = CTL_TRIED_REFUSE, .why = "too short" },
		{ .what = CTL_TRIED_SAME, .line = UINT32_MAX, .endpoint = "b", .why = "x" },
	};
	struct ctl_out o = { 0 };
	struct ctl_tried t;
	for (size_t i = 0; i < COUNT_OF(all); i++)
		ctl_tried_write(&o, &all[i]);
	struct rd r = rd_from((const uint8_t *)o.data, o.len);
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		assert_true(ctl_tried_read(&r, &t));
		assert_memory_equal(&t, &all[i], sizeof(t));
	}
	assert_true(rd_end(&r));
	for (size_t len = 0; len < 13; len++) {
		r = rd_from((const uint8_t *)o.data, len);
		assert_false(ctl_tried_read(&r, &t));
	}
	ctl_out_fini(&o);
}

static void test_what_is_too_long_or_no_word_is_refused(void **state)
{
	(void)state;
	static const uint8_t word[] = { CTL_TRIED_WHATS, 0, 0, 0, 1, 0, 0, 0 };
	static const uint8_t name[8 + 129] = { 0, 0, 0, 0, 1, 129 };
	static const uint8_t why[8 + CTL_TRIED_WHY_MAX] = { 0, 0, 0, 0, 1, 0,
		CTL_TRIED_WHY_MAX >> 8, CTL_TRIED_WHY_MAX & 255 };
	struct ctl_tried t;
	struct rd r = rd_from(word, sizeof(word));
	assert_false(ctl_tried_read(&r, &t));
	r = rd_from(name, sizeof(name));
	assert_false(ctl_tried_read(&r, &t));
	r = rd_from(why, sizeof(why));
	assert_false(ctl_tried_read(&r, &t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_what_is_too_long_or_no_word_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
