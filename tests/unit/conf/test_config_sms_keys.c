/* SPDX-License-Identifier: Apache-2.0 */
/* When keys of secured packets are renewed: what is so unless it is written, and what cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/config.h"
#include "conf/config_sms_keys.h"

#define UP  "upstream = { address = \"192.0.2.10\"; };\n"
#define SMS "sms = { socket = \"/s\"; };\n"
#define BSF(s)                                                                                     \
	"bsf = { url = \"https://b\"; ca_file = \"/c\"; naf_fqdn = \"g\"; timeout_s = " s "; };\n"
#define WITH(of) UP SMS "sms_keys = {\n" of "};\n"

enum { NUMBERS = offsetof(struct conf_sms_keys, card_file) - sizeof(uint32_t) };

static void says(const char *text, const char *wanted)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	if (conf_parse(text, "F", &c, &e)) {
		conf_free(&c);
		fail_msg("taken: %s", text);
	}
	if (strncmp(e.text, wanted, strlen(wanted)) != 0)
		fail_msg("\"%s\" does not begin: %s", wanted, e.text);
}

static void good(const char *text, struct conf_gateway *c)
{
	struct conf_error e = { "" };
	if (!conf_parse(text, "F", c, &e))
		fail_msg("%s", e.text);
}

static void test_R305_what_is_so_unless_it_is_written(void **state)
{
	static const struct conf_sms_keys initial = { 300, 3600, 30, 60, 60, 3600, 21600, 30, 4,
		NULL };
	static const char *const texts[] = { UP, UP SMS, WITH("") };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct conf_gateway c;
		good(texts[i], &c);
		assert_memory_equal(&c.sms_keys, &initial, NUMBERS);
		assert_null(c.sms_keys.card_file);
		conf_free(&c);
	}
}

static void test_each_goes_where_it_belongs(void **state)
{
	static const struct conf_sms_keys wanted = { 0, 2, 3, 4, 5, 6, 0, 0, 100, NULL };
	struct conf_gateway c;
	(void)state;
	good(WITH("overlap_s = 0; early_s = 2; answer_s = 3; retry_s = 4; backoff_s = 5;\n"
		  "most_s = 6; rest_s = 0; refreshes_an_hour = 0; tries = 100;\n"),
		&c);
	assert_memory_equal(&c.sms_keys, &wanted, NUMBERS);
	conf_free(&c);
	good(WITH("card_file = \"/etc/lwgate/card\";\n"), &c);
	assert_string_equal(c.sms_keys.card_file, "/etc/lwgate/card");
	conf_free(&c);
}

static void test_what_is_out_of_range_is_refused(void **state)
{
	static const struct {
		const char *key, *value, *range;
	} bad[] = {
		{ "overlap_s", "86401", "0 to 86400 s" },
		{ "early_s", "604801", "0 to 604800 s" },
		{ "answer_s", "0", "1 to 3600 s" },
		{ "retry_s", "0", "1 to 86400 s" },
		{ "backoff_s", "0", "1 to 86400 s" },
		{ "most_s", "604801", "1 to 604800 s" },
		{ "rest_s", "2592001", "0 to 2592000 s" },
		{ "refreshes_an_hour", "3601", "0 to 3600 refreshes" },
		{ "tries", "0", "1 to 100 deliveries" },
		{ "tries", "101", "1 to 100 deliveries" },
	};
	char text[512], wanted[128];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		(void)snprintf(text, sizeof(text), WITH("%s = %s;\n"), bad[i].key, bad[i].value);
		(void)snprintf(wanted, sizeof(wanted),
			"F:4: sms_keys.%s: %s is out of range; use %s", bad[i].key, bad[i].value,
			bad[i].range);
		says(text, wanted);
	}
	says(WITH("overlap = 1;\n"), "F:4: unknown key sms_keys.overlap; did you mean "
				     "sms_keys.overlap_s?");
}

static void test_what_goes_together(void **state)
{
	struct conf_gateway c;
	(void)state;
	says(UP "sms_keys = {\n tries = 2; };",
		"F:3: sms_keys.tries: there is no sms.socket, without which there are no short "
		"messages; add: sms = {");
	says(WITH("retry_s = 3601;\n"), "F:4: sms_keys.retry_s: 3601 s is more than "
					"sms_keys.most_s, 3600 s; lower");
	says(WITH("\nmost_s = 59;\n"), "F:5: sms_keys.retry_s: 60 s is more than");
	says(WITH("most_s = 59;\nretry_s = 59;\n"), "F:4: sms_keys.backoff_s: 60 s is more than");
	says(BSF("10") WITH("answer_s = 10;\n"),
		"F:5: sms_keys.answer_s: 10 s is not more than bsf.timeout_s, 10 s, and what is");
	says(UP SMS BSF("30"), "F:3: sms_keys.answer_s: 30 s is not more than");
	good(BSF("10") WITH("answer_s = 11;\n"), &c);
	conf_free(&c);
}

static void test_only_a_start_takes_them(void **state)
{
	static const char *const keys[] = { "overlap_s", "early_s", "answer_s", "retry_s",
		"backoff_s", "most_s", "rest_s", "refreshes_an_hour", "tries" };
	static struct conf_gateway now, next;
	char text[256];
	(void)state;
	good(WITH("most_s = 3601;\n"), &now);
	assert_true(conf_same_sms_keys(&now, &now));
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		const bool most = strcmp(keys[i], "most_s") == 0;
		(void)snprintf(text, sizeof(text), WITH("%s%s = 55;\n"),
			most ? "retry_s = 1; backoff_s = 1;\n" : "most_s = 3601;\n", keys[i]);
		good(text, &next);
		assert_string_equal(conf_fixed(&now, &next, 0), "sms_keys.overlap_s");
		if (most) {
			next.sms_keys.retry_s = next.sms_keys.backoff_s = 60;
			assert_false(conf_same_sms_keys(&now, &next));
		}
		assert_null(conf_fixed(&now, &next, 1));
		conf_free(&next);
	}
	good(WITH("most_s = 3601; card_file = \"/c\";\n"), &next);
	assert_string_equal(conf_fixed(&now, &next, 0), "sms_keys.overlap_s");
	conf_free(&next);
	conf_free(&now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R305_what_is_so_unless_it_is_written),
		cmocka_unit_test(test_each_goes_where_it_belongs),
		cmocka_unit_test(test_what_is_out_of_range_is_refused),
		cmocka_unit_test(test_what_goes_together),
		cmocka_unit_test(test_only_a_start_takes_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
