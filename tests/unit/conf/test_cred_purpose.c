/* SPDX-License-Identifier: Apache-2.0 */
/* What a credential is for, in the credentials file. */
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
#include "conf/purpose.h"

#define KEY   "8f1d2c6be0a94f7735d8c1be90e4537a"
#define KEY_2 "1b7ce94a03f85d62aa901fd64be73c58"

static const uint8_t master[32] = { 1, 2, 3 };

/* Two of one endpoint, each in its line, 2 and 3. */
static struct cred_set *parse(const char *first, const char *second, struct conf_error *error)
{
	char text[1024];
	(void)snprintf(text, sizeof(text),
		"credentials = (\n{ endpoint = \"e\"; identity = \"a\"; key = \"" KEY "\"; %s },\n"
		"{ endpoint = \"e\"; identity = \"b\"; key = \"" KEY_2 "\"; %s } );",
		first, second);
	error->text[0] = '\0';
	return cred_parse(text, "F", master, sizeof(master), error);
}

static void refused(const char *first, const char *second, const char *because)
{
	struct conf_error error;
	assert_null(parse(first, second, &error));
	assert_string_equal(error.text, because);
}

static void test_R023_an_endpoint_has_one_for_each_purpose(void **state)
{
	(void)state;
	struct conf_error error;
	struct cred_terms t;
	uint32_t n = 9, rivals[CRED_RIVALS];
	struct cred_set *s = parse(
		"purpose = \"server\"; repository = true;", "purpose = \"bootstrap\";", &error);
	if (s == NULL)
		fail_msg("%s", error.text);
	assert_true(cred_by_endpoint(s, "e", CONF_FOR_SERVER, &n));
	assert_int_equal(n, 0);
	assert_int_equal(cred_purpose(s, n), CONF_FOR_SERVER);
	cred_terms(s, n, &t);
	assert_true(t.says_purpose && t.purpose == CONF_FOR_SERVER);
	assert_true(t.says_repository && t.repository);
	assert_true(cred_by_endpoint(s, "e", CONF_FOR_BOOTSTRAP, &n));
	assert_int_equal(n, 1);
	cred_terms(s, n, &t);
	assert_true(t.says_purpose && !t.says_repository && !t.repository);
	assert_false(cred_by_endpoint(s, "e", CONF_FOR_ANY, &n));
	assert_false(cred_by_endpoint(s, "f", CONF_FOR_SERVER, &n));
	assert_string_equal(cred_endpoint(s, 1), "e");
	assert_int_equal(cred_rivals(s, "e", CONF_FOR_ANY, rivals), 2);
	assert_true(rivals[0] == 0 && rivals[1] == 1);
	assert_int_equal(cred_rivals(s, "e", CONF_FOR_SERVER, rivals), 0);
	/* Both are known to their servers by the endpoint's name: it is one device. */
	assert_true(cred_by_upstream_identity(s, (const uint8_t *)"e", 1, &n));
	cred_free(s);
}

static void leaves_no_room(const char *one, const char *other)
{
	struct conf_error error;
	struct cred_set *const s = parse(one, other, &error);
	if (s != NULL)
		fail_msg("\"%s\" beside \"%s\"", one, other);
	assert_string_equal(error.text,
		"F:3: the endpoint is also in the entry at line 2; write one for any purpose, or "
		"one for server and one for bootstrap");
}

static void test_R023_one_for_any_purpose_leaves_room_for_no_other(void **state)
{
	(void)state;
	static const char *const words[] = { "", "purpose = \"any\";", "purpose = \"server\";",
		"purpose = \"bootstrap\";" };
	for (size_t a = 0; a < COUNT_OF(words); a++) {
		for (size_t b = 0; b < COUNT_OF(words); b++) {
			if (a <= 1 || b <= 1 || a == b)
				leaves_no_room(words[a], words[b]);
		}
	}
}

static void test_R022_two_purposes_of_a_device_share_neither_identity_nor_key(void **state)
{
	(void)state;
	struct conf_error error;
	static const char first[] =
		"credentials = (\n{ endpoint = \"e\"; purpose = \"server\"; identity = \"a\"; "
		"key = \"" KEY "\"; },\n{ endpoint = \"e\"; purpose = \"bootstrap\"; ";
	static const struct {
		const char *rest, *error;
	} rows[] = {
		{ "identity = \"a\"; key = \"" KEY_2 "\"; } );",
			"F:3: the identity is also in the entry at line 2; each device needs its "
			"own (RFC 7925)" },
		{ "identity = \"b\"; key = \"" KEY "\"; } );",
			"F:3: the key is also in the entry at line 2; each device needs its own "
			"(RFC 7925)" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[512];
		(void)snprintf(text, sizeof(text), "%s%s", first, rows[i].rest);
		assert_null(cred_parse(text, "F", master, sizeof(master), &error));
		assert_string_equal(error.text, rows[i].error);
	}
	/* And what is upstream of one device is not of another. */
	assert_null(cred_parse("credentials = (\n{ endpoint = \"e\"; purpose = \"server\"; "
			       "identity = \"a\"; key = \"" KEY "\"; },\n"
			       "{ endpoint = \"f\"; purpose = \"bootstrap\"; identity = \"b\"; "
			       "key = \"" KEY_2 "\"; upstream_identity = \"e\"; "
			       "upstream_key = \"7d09e2b6c41f5a8813f7602bd94ce5a0\"; } );",
		"F", master, sizeof(master), &error));
	assert_string_equal(error.text, "F:3: the upstream identity is also in the entry at line "
					"2; each device needs its own (RFC 7925)");
}

static void test_what_is_no_purpose_or_no_right_is_told_with_line_and_remedy(void **state)
{
	(void)state;
	static const char fits[] = "purpose = \"bootstrap\";";
	refused("purpose = \"serve\";", fits,
		"F:2: purpose: is unknown; write server, bootstrap or any");
	refused(fits, "purpose = \"Server\";",
		"F:3: purpose: is unknown; write server, bootstrap or any");
	refused("purpose = 1;", fits, "F:2: purpose: is a number; write a text in quotes");
	refused("purpose = \"server\"; repository = \"yes\";", fits,
		"F:2: repository: is a text; write true or false");
	refused("purpose = \"server\";", "purpose = \"bootstrap\"; repository = true;",
		"F:3: repository does not go with purpose = \"bootstrap\", which allows nothing "
		"else; have the device's other credential say it");
	refused("purposes = \"server\";", fits, "F:2: unknown key; did you mean purpose?");
}

static void test_each_word_that_is_shown_is_read(void **state)
{
	(void)state;
	for (unsigned p = CONF_FOR_ANY; p <= CONF_FOR_BOOTSTRAP; p++) {
		enum conf_purpose back = CONF_FOR_ANY;
		assert_null(conf_purpose_read(conf_purpose_word((enum conf_purpose)p), &back));
		assert_int_equal(back, p);
	}
	enum conf_purpose untouched = CONF_FOR_BOOTSTRAP;
	assert_non_null(conf_purpose_read("", &untouched));
	assert_int_equal(untouched, CONF_FOR_BOOTSTRAP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R023_an_endpoint_has_one_for_each_purpose),
		cmocka_unit_test(test_R023_one_for_any_purpose_leaves_room_for_no_other),
		cmocka_unit_test(test_R022_two_purposes_of_a_device_share_neither_identity_nor_key),
		cmocka_unit_test(test_what_is_no_purpose_or_no_right_is_told_with_line_and_remedy),
		cmocka_unit_test(test_each_word_that_is_shown_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
