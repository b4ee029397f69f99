/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of keys, the man page and the shipped samples say the same. Run from the top of the
 * tree. With the argument `print`, prints what belongs between the page's two marks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/suite.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "conf/keys.h"
#include "dtls/cid.h"
#include "tests/unit/base/man_page.h"

static void test_man_page_has_the_table_of_the_code(void **state)
{
	(void)state;
	man_page_has(
		"deploy/man/lwgate.conf.5", "conf_print_table", conf_print_table, "test_table");
}

static void test_every_row_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct conf_row *r = &conf_rows[i];
		assert_non_null(r->path);
		assert_non_null(r->meaning);
		assert_true((r->initial == NULL) == (r->example != NULL));
		assert_int_equal(conf_key_find(r->path), i);
		assert_ptr_equal(conf_key_nearest(r->path), r->path);
		assert_true(r->kind == CONF_WORD ? r->words != NULL
						 : r->min <= r->max && r->words == NULL);
		if (r->kind == CONF_NUMBER) {
			assert_true(conf_row_number(r) >= r->min);
			assert_true(conf_row_number(r) <= r->max);
		}
		if (r->kind == CONF_BOOL)
			assert_true(conf_word_known("true|false", r->initial));
		if (r->kind == CONF_WORD)
			assert_true(conf_word_known(r->words, r->initial));
	}
	assert_int_equal(conf_rows[KEY_LISTENERS].max, CONF_LISTENERS_MAX);
	assert_int_equal(conf_rows[KEY_UPSTREAM_SOURCES].max, CONF_SOURCES_MAX);
	assert_int_equal(conf_rows[KEY_WORKERS].max, CONF_WORKERS_MAX);
	assert_int_equal(conf_rows[KEY_UPSTREAM_PINS].max, CONF_PINS_MAX);
	assert_int_equal(conf_rows[KEY_CID_TELL].max, CONF_TOLD_MAX);
	assert_int_equal(conf_rows[KEY_LEARN_URIS].max, CONF_URIS_MAX);
	assert_int_equal(conf_rows[KEY_CID_RANDOM].min, DTLS_CID_RANDOM_MIN);
	assert_int_equal(conf_rows[KEY_CID_RANDOM].max, DTLS_CID_RANDOM_MAX);
}

/* What the page says is on by default is what is on. */
static void test_R038_the_suites_on_by_default_are_those_of_the_one_list(void **state)
{
	(void)state;
	char all[CONF_ERROR_MAX] = "";
	size_t len = 0;
	for (size_t i = 0; i < SUITES; i++) {
		if (suites[i].initial)
			len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
				len > 0 ? ", " : "", suites[i].name);
		assert_true(len < sizeof(all));
	}
	assert_string_equal(conf_rows[KEY_LISTENER_SUITES].initial, all);
}

static void test_distance_is_the_number_of_edits(void **state)
{
	(void)state;
	assert_int_equal(conf_distance("", ""), 0);
	assert_int_equal(conf_distance("abc", ""), 3);
	assert_int_equal(conf_distance("", "abc"), 3);
	assert_int_equal(conf_distance("kitten", "sitting"), 3);
	assert_int_equal(conf_distance("adress", "address"), 1);
	assert_false(conf_word_known("a|bc", "b"));
	assert_false(conf_word_known("a|bc", "a|bc"));
	assert_true(conf_word_known("a|bc", "bc"));
}

static void test_R056_shipped_sample_is_PSK_and_good(void **state)
{
	(void)state;
	char *text = read_all("deploy/lwgate.conf");
	struct conf_gateway c;
	struct conf_error e = { 0 };
	if (!conf_parse(text, "deploy/lwgate.conf", &c, &e))
		fail_msg("%s", e.text);
	/* less than 9 s only where somebody wrote it down. */
	assert_int_equal(c.device_initial_ms, 9000);
	assert_int_equal(c.upstream_initial_ms, 1000);
	assert_string_equal(c.credentials, "deploy/credentials.conf");
	conf_free(&c);
	free(text);
}

static void test_R025_example_credentials_let_nobody_in(void **state)
{
	(void)state;
	static const uint8_t master[32] = { 1 };
	char *text = read_all("deploy/credentials.conf.example");
	struct conf_error e = { 0 };
	struct cred_set *s = cred_parse(text, "example", master, sizeof(master), &e);
	assert_null(s);
	assert_non_null(strstr(e.text, "example:15: key: is not hexadecimal; write two digits"));
	free(text);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_man_page_has_the_table_of_the_code),
		cmocka_unit_test(test_every_row_is_whole),
		cmocka_unit_test(test_R038_the_suites_on_by_default_are_those_of_the_one_list),
		cmocka_unit_test(test_distance_is_the_number_of_edits),
		cmocka_unit_test(test_R056_shipped_sample_is_PSK_and_good),
		cmocka_unit_test(test_R025_example_credentials_let_nobody_in),
	};
	if (argc > 1 && strcmp(argv[1], "print") == 0) {
		conf_print_table(stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
