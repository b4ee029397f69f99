/* SPDX-License-Identifier: Apache-2.0 */
/* Labels, end and overlap in the credentials file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/config.h"
#include "conf/credentials.h"

#define KEY   "8f1d2c6be0a94f7735d8c1be90e4537a"
#define KEY_2 "1b7ce94a03f85d62aa901fd64be73c58"

static const uint8_t master[32] = { 1, 2, 3 };

static struct cred_set *parse(const char *more, struct conf_error *error)
{
	char text[1024];
	(void)snprintf(text, sizeof(text),
		"credentials = (\n{ endpoint = \"a\"; identity = \"a\"; key = \"" KEY "\";\n%s },\n"
		"{ endpoint = \"b\"; identity = \"b\"; key = \"" KEY_2 "\"; } );",
		more);
	error->text[0] = '\0';
	return cred_parse(text, "F", master, sizeof(master), error);
}

static struct cred_terms terms_of(const struct cred_set *s, const char *endpoint)
{
	struct cred_terms t;
	uint32_t n = 0;
	assert_true(cred_by_endpoint(s, endpoint, CONF_FOR_ANY, &n));
	cred_terms(s, n, &t);
	return t;
}

static void test_R207_an_entry_has_labels_an_end_and_an_overlap(void **state)
{
	(void)state;
	struct conf_error error;
	char labels[CONF_LABELS_TEXT];
	struct cred_set *s = parse("labels = [ \"north\", \"meter\" ];"
				   " valid_until = \"2027-01-01T00:00:00Z\"; overlap_s = 86400;",
		&error);
	if (s == NULL)
		fail_msg("%s", error.text);
	const struct cred_terms a = terms_of(s, "a"), b = terms_of(s, "b");
	assert_true(a.says_labels && a.says_until && a.says_overlap);
	assert_string_equal(conf_labels_text(&a.labels, labels), "meter,north");
	assert_true(a.until_ms == UINT64_C(1798761600000));
	assert_int_equal(a.overlap_s, 86400);
	assert_false(b.says_labels || b.says_until || b.says_overlap);
	assert_int_equal(b.labels.len, 0);
	assert_true(b.until_ms == 0 && b.overlap_s == 0);
	cred_free(s);
}

static void test_no_labels_is_something_that_is_said(void **state)
{
	(void)state;
	struct conf_error error;
	struct cred_set *s = parse("labels = [ ]; valid_until = \"never\"; overlap_s = 0;", &error);
	if (s == NULL)
		fail_msg("%s", error.text);
	const struct cred_terms a = terms_of(s, "a");
	assert_true(a.says_labels && a.says_until && a.says_overlap);
	assert_int_equal(a.labels.len, 0);
	assert_true(a.until_ms == 0);
	cred_free(s);
}

/* I5: a key may stand in the wrong place. */
static void test_I5_what_is_wrong_is_told_with_its_line_and_not_shown(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "labels = \"" KEY "\";",
			"F:3: labels: is a text; write an array of texts: [ \"a\", \"b\" ]" },
		{ "labels = [ \"" KEY KEY "\" ];",
			"F:3: labels: a label is too long; use 1 to 32 octets" },
		{ "labels = [ \"a\", \"a\" ];",
			"F:3: labels: a label stands there twice; leave one" },
		{ "labels = [ 7 ];", "F:3: labels: a member is no text; write texts in quotes" },
		{ "valid_until = \"" KEY "\";",
			"F:3: valid_until: is no time; write it in UTC as 2027-01-31T00:00:00Z, "
			"or: never" },
		{ "valid_until = 2027;", "F:3: valid_until: is a number; write a text in quotes" },
		{ "overlap_s = \"24h\";",
			"F:3: overlap_s: is no whole number of seconds; write 0 to 31536000" },
		{ "overlap_s = 31536001;",
			"F:3: overlap_s: is no whole number of seconds; write 0 to 31536000" },
		{ "overlap_s = -1;",
			"F:3: overlap_s: is no whole number of seconds; write 0 to 31536000" },
		{ "label = [ \"a\" ];", "F:3: unknown key; did you mean labels?" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct conf_error error;
		struct cred_set *s = parse(rows[i].text, &error);
		if (s != NULL || strcmp(error.text, rows[i].error) != 0)
			fail_msg("row %zu: \"%s\"", i, error.text);
		cred_free(s);
	}
}

static void test_as_many_labels_as_there_may_be(void **state)
{
	(void)state;
	struct conf_error error;
	char text[800] = "labels = [ ";
	size_t at = strlen(text);
	for (int i = 0; i < CONF_LABELS_MAX; i++)
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, "%s\"%032d\"", i == 0 ? "" : ", ", i);
	(void)snprintf(text + at, sizeof(text) - at, " ];");
	struct cred_set *s = parse(text, &error);
	if (s == NULL)
		fail_msg("%s", error.text);
	assert_int_equal(terms_of(s, "a").labels.len, CONF_LABELS_MAX);
	cred_free(s);
	(void)snprintf(text + at, sizeof(text) - at, ", \"one\" ];");
	assert_null(parse(text, &error));
	assert_non_null(strstr(error.text, "too many labels"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R207_an_entry_has_labels_an_end_and_an_overlap),
		cmocka_unit_test(test_no_labels_is_something_that_is_said),
		cmocka_unit_test(test_I5_what_is_wrong_is_told_with_its_line_and_not_shown),
		cmocka_unit_test(test_as_many_labels_as_there_may_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
