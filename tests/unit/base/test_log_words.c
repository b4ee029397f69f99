/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log_words.h"

static void test_what_is_a_word_stays(void **state)
{
	(void)state;
	char out[64];
	for (int c = '!'; c <= '~'; c++) {
		char text[] = { 'a', (char)c, 'z', '\0' };
		char got[sizeof(text)];
		log_word(text, got, sizeof(got));
		if (c == '"')
			text[1] = '.';
		assert_string_equal(got, text);
	}
	assert_string_equal(log_word("", out, sizeof(out)), "");
}

static void test_what_is_none_becomes_one(void **state)
{
	(void)state;
	char out[64];
	assert_string_equal(log_word("a b\nc\x7f\xc3\xa4\"d", out, sizeof(out)), "a.b.c....d");
	for (int c = 1; c < 256; c++) {
		const char text[] = { (char)c, '\0' };
		log_word(text, out, sizeof(out));
		assert_true(out[0] > ' ' && out[0] < 0x7f && out[0] != '"');
	}
}

static void test_a_word_keeps_within_its_room(void **state)
{
	(void)state;
	static const char text[] = "12345678";
	for (size_t cap = 1; cap <= sizeof(text); cap++) {
		char out[sizeof(text) + 1];
		memset(out, 'x', sizeof(out));
		assert_ptr_equal(log_word(text, out, cap), out);
		assert_int_equal(strlen(out), cap - 1);
		assert_memory_equal(out, text, cap - 1);
		assert_int_equal(out[cap], 'x');
	}
}

/* Whatever octets a name has: the line has the pairs that we wrote, and nothing else. */
static void test_a_word_forges_no_pair(void **state)
{
	(void)state;
	static const char *const names[] = { "x endpoint=y", "\"x", "x\" endpoint=\"y", "\" ", "",
		"a=b", "\n", "endpoint=y", " endpoint=y" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[32], line[96];
		log_word(names[i], name, sizeof(name));
		(void)snprintf(line, sizeof(line), "way=%s code=7 why=\"a b\"", name);
		struct log_words w = { .at = line, .end = line + strlen(line) };
		struct log_piece p;
		assert_true(log_words_next(&w, &p) && p.key_len == 3 && p.len == strlen(name));
		assert_true(log_words_next(&w, &p) && p.key_len == 4 && p.len == 1);
		assert_true(log_words_next(&w, &p) && p.key_len == 3 && p.len == 3);
		assert_false(log_words_next(&w, &p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_a_word_stays),
		cmocka_unit_test(test_what_is_none_becomes_one),
		cmocka_unit_test(test_a_word_keeps_within_its_room),
		cmocka_unit_test(test_a_word_forges_no_pair),
	};
	return cmocka_run_group_tests_name("base/log_words", tests, NULL, NULL);
}
