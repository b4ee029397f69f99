/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners without DTLS: what must be said for one to be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"
#include "conf/config_air.h"
#include "conf/credentials.h"

#define UP       "upstream = { address = \"192.0.2.10\"; };\n"
#define ADDRESS  " address = \"10.0.0.1\";"
#define NOSEC    " security = \"nosec\";\n"
#define LINK     " link_security = \"128-EEA2\";\n"
#define ENDS     " link_security_ends = \"base station\";\n"
#define ANALYSIS " threat_analysis = \"TA-17\";\n"
#define SOURCES  " source_prefixes = [ \"10.64.0.0/16\", \"10.65.0.0/24\" ];\n"
#define ALL      LINK ENDS ANALYSIS SOURCES
#define AIR(of)  UP "listeners = ( {" of "} );"

static void says(const char *text, const char *wanted)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	if (conf_parse(text, "F", &c, &e)) {
		conf_free(&c);
		fail_msg("taken: %s", text);
	}
	assert_null(c.airs);
	if (strncmp(e.text, wanted, strlen(wanted)) != 0)
		fail_msg("\"%s\" does not begin: %s", wanted, e.text);
}

static struct conf_gateway good(const char *text)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	if (!conf_parse(text, "F", &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static void test_R076_there_is_none_unless_it_is_written(void **state)
{
	(void)state;
	struct conf_gateway c = good(UP);
	assert_null(c.airs);
	assert_null(conf_air(&c, 0));
	conf_free(&c);
	c = good(AIR(ADDRESS " security = \"dtls\";"));
	assert_null(c.airs);
	conf_free(&c);
	says(AIR(ADDRESS " security = \"none\";"),
		"F:2: listeners.security: \"none\" is not known");
}

static void test_R077_what_is_said_of_it(void **state)
{
	(void)state;
	struct conf_gateway c =
		good(UP "listeners = ( { address = \"::\"; }, {" ADDRESS NOSEC ALL
			" echo = \"always\"; sessions = 7; sessions_per_network = 3; "
			"radio = \"nb-iot\"; } );");
	const struct conf_air *const air = conf_air(&c, 1);
	assert_null(conf_air(&c, 0));
	assert_null(conf_air(&c, 2));
	assert_non_null(air);
	assert_string_equal(air->link, "128-EEA2");
	assert_string_equal(air->ends, "base station");
	assert_string_equal(air->analysis, "TA-17");
	assert_int_equal(air->sources_len, 2);
	assert_int_equal(air->sources[0].bits, 16);
	assert_true(air->echo_always);
	assert_int_equal(air->sessions, 7);
	assert_int_equal(air->sessions_per_network, 3);
	assert_int_equal(c.listeners[0].port, 5684);
	assert_int_equal(c.listeners[1].port, 5683);
	conf_free(&c);
	c = good(AIR(ADDRESS " port = 5684;" NOSEC ALL));
	assert_int_equal(c.listeners[0].port, 5684);
	assert_false(conf_air(&c, 0)->echo_always);
	assert_int_equal(conf_air(&c, 0)->sessions, 10000);
	conf_free(&c);
}

static void test_R077_without_one_of_them_there_is_none(void **state)
{
	(void)state;
	says(AIR(ADDRESS NOSEC ENDS ANALYSIS SOURCES), "F:2: listeners.link_security is missing");
	says(AIR(ADDRESS NOSEC LINK ANALYSIS SOURCES),
		"F:2: listeners.link_security_ends is missing");
	says(AIR(ADDRESS NOSEC LINK ENDS SOURCES), "F:2: listeners.threat_analysis is missing");
	says(AIR(ADDRESS NOSEC LINK ENDS ANALYSIS), "F:2: listeners.source_prefixes is missing");
	says(AIR(ADDRESS NOSEC "link_security = \"\";\n" ENDS ANALYSIS SOURCES),
		"F:3: listeners.link_security is missing");
	says(AIR(ADDRESS NOSEC LINK "link_security_ends = \" \";\n" ANALYSIS SOURCES),
		"F:4: listeners.link_security_ends is missing");
}

static void test_R079_it_belongs_to_one_network(void **state)
{
	(void)state;
	says(AIR(" address = \"0.0.0.0\";" NOSEC ALL),
		"F:2: listeners.address: \"0.0.0.0\" is every");
	says(AIR(" address = \"::\";" NOSEC ALL), "F:2: listeners.address: \"::\" is every");
	says(AIR(ADDRESS NOSEC LINK ENDS ANALYSIS "source_prefixes = [ \"2001:db8::/32\" ];"),
		"F:6: listeners.source_prefixes: member 1 is not of the family");
	says(AIR(ADDRESS NOSEC LINK ENDS ANALYSIS "source_prefixes = [ \"0.0.0.0/0\" ];"),
		"F:6: listeners.source_prefixes: \"0.0.0.0/0\" has a wrong length");
	says(AIR(ADDRESS NOSEC LINK ENDS ANALYSIS "source_prefixes = [ ];"),
		"F:6: listeners.source_prefixes: is empty");
}

static void test_R077_keys_of_the_other_kind_are_no_good(void **state)
{
	(void)state;
	says(AIR(ADDRESS NOSEC ALL "connection_ids = \"on\";"),
		"F:7: listeners.connection_ids: is of DTLS");
	says(AIR(ADDRESS NOSEC ALL "mtu = 1000;"), "F:7: listeners.mtu: is of DTLS");
	says(AIR(ADDRESS "\n" LINK),
		"F:3: listeners.link_security: is of a listener with security");
	says(AIR(ADDRESS "\n" SOURCES), "F:3: listeners.source_prefixes: is of a listener");
	says(AIR(ADDRESS "\necho = \"needed\";"), "F:3: listeners.echo: is of a listener");
}

static const char *fixed(const char *next)
{
	static struct conf_gateway a, b;
	a = good(AIR(ADDRESS " port = 1;" NOSEC ALL));
	b = good(next);
	const char *const path = conf_fixed(&a, &b, 0);
	conf_free(&a);
	conf_free(&b);
	return path;
}

static void test_R077_it_is_said_at_the_start(void **state)
{
	(void)state;
	assert_null(fixed(AIR(ADDRESS " port = 1;" NOSEC ALL)));
	assert_string_equal(fixed(AIR(ADDRESS " port = 1;")), "listeners.security");
	assert_string_equal(fixed(AIR(ADDRESS " port = 1;" NOSEC LINK ENDS SOURCES
					      "threat_analysis = \"TA-18\";")),
		"listeners.security");
	assert_string_equal(fixed(AIR(ADDRESS " port = 1;" NOSEC LINK ENDS ANALYSIS
					      "source_prefixes = [ \"10.64.0.0/16\" ];")),
		"listeners.security");
}

/* --- credentials ------------------------------------------------------------------------------ */

#define KEY  "key = \"00e1d2c3b4a59687786950413223140f\";"
#define GOES " upstream_identity = \"u\"; upstream_key = \"5fe1d2c3b4a59687786950413223140a\"; "
#define ALSO " upstream_identity = \"u\"; upstream_key = \"6fe1d2c3b4a59687786950413223140b\"; "

static void refuses(const char *text, const char *wanted)
{
	struct conf_error e = { "" };
	struct cred_set *const s = cred_parse(text, "F", NULL, 0, &e);
	if (s) {
		cred_free(s);
		fail_msg("taken: %s", text);
	}
	if (!strstr(e.text, wanted))
		fail_msg("\"%s\" is not in: %s", wanted, e.text);
}

static void test_R080_a_credential_without_a_secret(void **state)
{
	struct conf_error e = { "" };
	struct cred_key k;
	uint32_t number = 7;
	(void)state;
	struct cred_set *const s = cred_parse(
		"credentials = ( { endpoint = \"a\"; nosec = true;" GOES "} );", "F", NULL, 0, &e);
	if (!s)
		fail_msg("%s", e.text);
	assert_int_equal(cred_kind(s, 0), CRED_NOSEC);
	cred_device_key(s, 0, &k);
	assert_int_equal(k.key_len, 0);
	assert_int_equal(k.identity_len, 1);
	assert_true(cred_by_identity(s, CRED_NOSEC, (const uint8_t *)"a", 1, &number));
	assert_int_equal(number, 0);
	assert_false(cred_by_identity(s, CRED_PSK, (const uint8_t *)"a", 1, &number));
	assert_true(cred_upstream_key(s, 0, &k));
	assert_int_equal(k.key_len, 16);
	cred_free(s);
	refuses("credentials = ( { endpoint = \"a\"; nosec = true; identity = \"i\"; " KEY GOES
		"} );",
		"F:1: the entry has more than one of");
	refuses("credentials = ( { endpoint = \"a\"; nosec = true; " KEY GOES "} );",
		"F:1: the entry has more than one of");
	refuses("credentials = ( { endpoint = \"a\"; nosec = false;" GOES "} );",
		"F:1: nosec: write true");
}

static void test_R080_who_has_dtls_has_no_other(void **state)
{
	static const char words[] = "a device that has DTLS never comes without it";
	(void)state;
	refuses("credentials = (\n{ endpoint = \"a\"; nosec = true; purpose = \"server\";" GOES
		"},\n"
		"{ endpoint = \"a\"; identity = \"i\"; purpose = \"bootstrap\"; " KEY ALSO "} );",
		words);
	refuses("credentials = (\n{ endpoint = \"a\"; identity = \"i\"; purpose = "
		"\"bootstrap\"; " KEY GOES "},\n"
		"{ endpoint = \"a\"; nosec = true; purpose = \"server\";" ALSO "} );",
		words);
	refuses("credentials = (\n{ endpoint = \"a\"; nosec = true; purpose = \"server\";" GOES
		"},\n"
		"{ endpoint = \"a\"; nosec = true; purpose = \"bootstrap\";" ALSO "} );",
		"F:3: the identity is also in the entry at line 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R076_there_is_none_unless_it_is_written),
		cmocka_unit_test(test_R077_what_is_said_of_it),
		cmocka_unit_test(test_R077_without_one_of_them_there_is_none),
		cmocka_unit_test(test_R079_it_belongs_to_one_network),
		cmocka_unit_test(test_R077_keys_of_the_other_kind_are_no_good),
		cmocka_unit_test(test_R077_it_is_said_at_the_start),
		cmocka_unit_test(test_R080_a_credential_without_a_secret),
		cmocka_unit_test(test_R080_who_has_dtls_has_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
