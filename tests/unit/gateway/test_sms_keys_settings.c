/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration says of keys that are renewed, as the core of their life takes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/config.h"
#include "gateway/sms_keeper.h"
#include "gateway/sms_keys_run.h"

static struct gw_keys_settings of(const char *text)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	struct gw_keys_settings s;
	if (!conf_parse(text, "F", &c, &e))
		fail_msg("%s", e.text);
	gw_keys_settings_of(&c, &s);
	conf_free(&c);
	return s;
}

static void test_R305_seconds_become_milliseconds(void **state)
{
	(void)state;
	const struct gw_keys_settings s =
		of("upstream = { address = \"192.0.2.1\"; };\n"
		   "sms = { socket = \"/s\"; allow_3des = true; tag = 9; segments_a_day = 7; "
		   "valid_s = 400; };\n"
		   "sms_keys = { overlap_s = 1; early_s = 2; answer_s = 3; retry_s = 4; backoff_s "
		   "= 5; most_s = 6; rest_s = 7; refreshes_an_hour = 8; tries = 9; };\n");
	assert_int_equal(s.rules.overlap_ms, 1000);
	assert_int_equal(s.rules.early_ms, 2000);
	assert_int_equal(s.rules.answer_ms, 3000);
	assert_int_equal(s.rules.retry_ms, 4000);
	assert_int_equal(s.rules.backoff_ms, 5000);
	assert_int_equal(s.rules.most_ms, 6000);
	assert_int_equal(s.rules.rest_ms, 7000);
	assert_int_equal(s.rules.an_hour, 8);
	assert_int_equal(s.rules.tries, 9);
	assert_int_equal(s.valid_s, 400);
	assert_int_equal(s.a_day, 7);
	assert_int_equal(s.tag, 9);
	assert_true(s.allow_3des);
}

static void test_the_longest_fits(void **state)
{
	(void)state;
	const struct gw_keys_settings s =
		of("upstream = { address = \"192.0.2.1\"; };\nsms = { socket = \"/s\"; };\n"
		   "sms_keys = { early_s = 604800; most_s = 604800; rest_s = 2592000; tries = 100; "
		   "};\n");
	assert_int_equal(s.rules.early_ms, 604800000);
	assert_int_equal(s.rules.most_ms, 604800000);
	assert_int_equal(s.rules.rest_ms, UINT32_C(2592000000));
	assert_int_equal(s.rules.tries, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R305_seconds_become_milliseconds),
		cmocka_unit_test(test_the_longest_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
