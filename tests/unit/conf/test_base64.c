/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/base64.h"

static void is(const char *text, const char *octets, size_t octets_len)
{
	uint8_t out[16];
	size_t len = 99;
	if (!conf_base64_read(text, strlen(text), out, sizeof(out), &len))
		fail_msg("\"%s\" is none", text);
	assert_int_equal(len, octets_len);
	assert_memory_equal(out, octets, len);
}

/* RFC 4648 section 10. */
static void test_what_the_rfc_has_is_read(void **state)
{
	(void)state;
	is("", "", 0);
	is("Zg==", "f", 1);
	is("Zm8=", "fo", 2);
	is("Zm9v", "foo", 3);
	is("Zm9vYg==", "foob", 4);
	is("Zm9vYmFy", "foobar", 6);
}

static void test_either_alphabet_blanks_and_no_padding(void **state)
{
	(void)state;
	is("+/+/", "\xfb\xff\xbf", 3);
	is("-_-_", "\xfb\xff\xbf", 3);
	is("Zg", "f", 1);
	is("Zm8", "fo", 2);
	is(" Zm\r\n9v\tYg= =\n", "foob", 4);
}

static void test_what_is_none_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = { "Z", "Zm9vY",
		"Zg=", "Zg===", "Zm9v=", "Zm9v====", "Zg==Zg==", "Zh==", "Zm9=", "Zm9v.",
		"Zm9v\x80", "=" };
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		uint8_t out[16];
		size_t len = 99;
		if (conf_base64_read(texts[i], strlen(texts[i]), out, sizeof(out), &len) ||
			len != 0)
			fail_msg("\"%s\"", texts[i]);
	}
}

static void test_I7_no_more_than_there_is_room_for(void **state)
{
	(void)state;
	uint8_t out[4] = { 0, 0, 0, 0x55 };
	size_t len = 0;
	assert_false(conf_base64_read("Zm9vYg==", 8, out, 3, &len));
	assert_int_equal(out[3], 0x55);
	assert_true(conf_base64_read("Zm9v", 4, out, 3, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_rfc_has_is_read),
		cmocka_unit_test(test_either_alphabet_blanks_and_no_padding),
		cmocka_unit_test(test_what_is_none_is_refused),
		cmocka_unit_test(test_I7_no_more_than_there_is_room_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
