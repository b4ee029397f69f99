/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lab/keyfile.h"

static const char good[] = "# keys\n\nup-2 00112233445566778899aabbccddeeff urn:2\nup-1 AABB\n";

/* Loads a file of that text and mode. */
static bool load(struct keyfile *k, const char *text, mode_t mode)
{
	char file[] = "/tmp/lwgate-keyfile-XXXXXX";
	char error[256] = "";
	const int fd = mkstemp(file);
	assert_true(fd >= 0 && fchmod(fd, mode) == 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	const bool loaded = keyfile_load(k, file, error, sizeof(error));
	assert_true(loaded == (error[0] == 0));
	assert_null(strstr(error, "ccddee"));
	unlink(file);
	return loaded;
}

static void test_finds_what_was_loaded(void **state)
{
	struct keyfile k;
	size_t number;
	(void)state;
	assert_true(load(&k, good, 0600));
	assert_int_equal(k.len, 2);
	assert_true(keyfile_find(&k, (const uint8_t *)"up-2", 4, &number));
	assert_string_equal(k.entries[number].endpoint, "urn:2");
	assert_int_equal(k.entries[number].key_len, 16);
	assert_int_equal(k.entries[number].key[15], 0xff);
	assert_true(keyfile_find(&k, (const uint8_t *)"up-1", 4, &number));
	assert_string_equal(k.entries[number].endpoint, "up-1");
	assert_false(keyfile_find(&k, (const uint8_t *)"up-3", 4, &number));
	assert_false(keyfile_find(
		&k, (const uint8_t *)"up-1\0x", 6, &number)); /* octets, not a C string */
	keyfile_free(&k);
}

static void test_I5_a_file_that_others_can_read_is_refused(void **state)
{
	struct keyfile k;
	(void)state;
	assert_false(load(&k, good, 0604));
	assert_false(load(&k, good, 0606));
	assert_true(load(&k, good, 0640));
	keyfile_free(&k);
}

static void test_bad_lines_and_duplicates_are_refused(void **state)
{
	static const char *const bad[] = { "", "up-1\n", "up-1 0\n", "up-1 0g\n",
		"up-1 00 urn:1 more\n", "up-1 00\nup-1 11\n" };
	struct keyfile k;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(load(&k, bad[i], 0600));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_what_was_loaded),
		cmocka_unit_test(test_I5_a_file_that_others_can_read_is_refused),
		cmocka_unit_test(test_bad_lines_and_duplicates_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
