/* SPDX-License-Identifier: Apache-2.0 */
/* The bootstrapping server function: none without its URL, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/config.h"
#include "conf/config_bsf.h"

#define UP       "upstream = { address = \"192.0.2.10\"; };\n"
#define WITH(of) UP "bsf = {\n" of "};"
#define URL      "url = \"https://bsf.example:8443/a\";\n"
#define CA       "ca_file = \"/etc/ca.pem\";\n"
#define NAF      "naf_fqdn = \"gw.example\";\n"
#define LEAST    URL CA NAF

static void says(const char *text, const char *wanted)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	if (conf_parse(text, "F", &c, &e)) {
		conf_free(&c);
		fail_msg("taken: %s", text);
	}
	assert_null(c.bsf.url);
	if (strncmp(e.text, wanted, strlen(wanted)) != 0)
		fail_msg("\"%s\" does not begin: %s", wanted, e.text);
}

static void good(const char *text, struct conf_gateway *c)
{
	struct conf_error e = { "" };
	if (!conf_parse(text, "F", c, &e))
		fail_msg("%s", e.text);
}

static void test_there_is_none_unless_it_is_written(void **state)
{
	(void)state;
	struct conf_gateway c;
	good(UP, &c);
	assert_true(c.bsf.url == NULL && c.bsf.naf_fqdn == NULL && c.bsf.timeout_s == 0);
	conf_free(&c);
	says(WITH(CA), "F:3: bsf.ca_file: there is no bsf.url");
	says(WITH("under_way = 3;\n"), "F:3: bsf.under_way: there is no bsf.url");
}

static void test_what_is_said_of_it(void **state)
{
	static const uint8_t ua[5] = { 1, 0, 0, 0, 5 }, other[5] = { 3, 0, 0, 0xab, 0x63 };
	(void)state;
	struct conf_gateway c;
	good(WITH(LEAST), &c);
	assert_string_equal(c.bsf.url, "https://bsf.example:8443/a");
	assert_string_equal(c.bsf.ca_file, "/etc/ca.pem");
	assert_string_equal(c.bsf.naf_fqdn, "gw.example");
	assert_string_equal(c.bsf.uicc_application, "USIM");
	assert_string_equal(c.bsf.label_cipher, "DMBEK");
	assert_string_equal(c.bsf.label_check, "DMBIK");
	assert_memory_equal(c.bsf.ua_id, ua, sizeof(ua));
	assert_true(c.bsf.timeout_s == 10 && c.bsf.under_way == 16);
	assert_true(!c.bsf.token_url && !c.bsf.client_id && !c.bsf.client_secret_file);
	assert_true(!c.bsf.certificate_file && !c.bsf.key_file);
	conf_free(&c);
	good(WITH(LEAST "token_url = \"https://nrf.example/oauth2/token\"; client_id = \"gw\";\n"
			"client_secret_file = \"/s\"; certificate_file = \"/c\";\n"
			"key_file = \"/k\"; ua_id = \"030000aB63\"; labels = \"e i\";\n"
			"uicc_application = \"ISIM\"; timeout_s = 3; under_way = 1;\n"),
		&c);
	assert_string_equal(c.bsf.token_url, "https://nrf.example/oauth2/token");
	assert_string_equal(c.bsf.client_id, "gw");
	assert_string_equal(c.bsf.client_secret_file, "/s");
	assert_string_equal(c.bsf.certificate_file, "/c");
	assert_string_equal(c.bsf.key_file, "/k");
	assert_memory_equal(c.bsf.ua_id, other, sizeof(other));
	assert_string_equal(c.bsf.label_cipher, "e");
	assert_string_equal(c.bsf.label_check, "i");
	assert_string_equal(c.bsf.uicc_application, "ISIM");
	assert_true(c.bsf.timeout_s == 3 && c.bsf.under_way == 1);
	conf_free(&c);
}

static void test_urls(void **state)
{
	static const char *const bad[] = { "bsf.example", "ftp://bsf.example", "https://",
		"https:///a", "https://:8443", "https://h/", "https://h:", "https://u@h",
		"https://h?q", "https://h#f", "https://h h", "https://h%20", "HTTPS://h" };
	char text[512];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		(void)snprintf(text, sizeof(text), WITH(CA NAF "url = \"%s\";\n"), bad[i]);
		says(text, "F:5: bsf.url: ");
		(void)snprintf(text, sizeof(text),
			WITH(LEAST "client_id = \"g\"; client_secret_file = \"/s\";\ntoken_url = "
				   "\"%s\";\n"),
			bad[i]);
		says(text, "F:7: bsf.token_url: ");
	}
	says(WITH("url = \"http://h\";\n" NAF), "F:3: bsf.url: keys would come in clear");
	struct conf_gateway c;
	good(WITH("url = \"http://h\"; h2c = true;\n" NAF), &c);
	assert_string_equal(c.bsf.url, "http://h");
	conf_free(&c);
	good(WITH("url = \"https://[2001:db8::1]:8443\";\n" CA NAF), &c);
	conf_free(&c);
}

static void test_what_goes_together(void **state)
{
	(void)state;
	says(WITH(URL NAF), "F:3: bsf.ca_file: is missing");
	says(WITH(URL CA), "F:3: bsf.naf_fqdn: is missing");
	says(WITH(LEAST "token_url = \"https://h\";\n"), "F:6: bsf.token_url: goes with");
	says(WITH(LEAST "client_id = \"g\";\n"), "F:3: bsf.token_url: goes with");
	says(WITH(LEAST "client_secret_file = \"g\";\n"), "F:3: bsf.token_url: goes with");
	says(WITH(LEAST "certificate_file = \"g\";\n"), "F:6: bsf.certificate_file: goes with");
	says(WITH(LEAST "key_file = \"g\";\n"), "F:3: bsf.certificate_file: goes with");
	says(WITH(LEAST "ua_id = \"010000000g\";\n"), "F:6: bsf.ua_id: is not 10");
}

static void test_labels(void **state)
{
	static const char *const bad[] = { "one", "a  b", "a b c", " ab", "ab ", "same same",
		"123456789012345678901234567890123 b", "b 123456789012345678901234567890123" };
	char text[512];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		(void)snprintf(text, sizeof(text), WITH(LEAST "labels = \"%s\";\n"), bad[i]);
		says(text, "F:6: bsf.labels: is ");
	}
}

static void test_what_a_restart_takes(void **state)
{
	(void)state;
	static struct conf_gateway none, one, other;
	good(UP, &none);
	good(WITH(LEAST), &one);
	good(WITH(LEAST "timeout_s = 3;\n"), &other);
	assert_true(conf_same_bsf(&none, &none) && conf_same_bsf(&one, &other));
	assert_true(!conf_same_bsf(&none, &one) && !conf_same_bsf(&one, &none));
	assert_string_equal(conf_fixed(&none, &one, 0), "bsf.url");
	assert_null(conf_fixed(&one, &other, 0));
	conf_free(&none);
	conf_free(&one);
	conf_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_is_none_unless_it_is_written),
		cmocka_unit_test(test_what_is_said_of_it),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_what_goes_together),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_what_a_restart_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
