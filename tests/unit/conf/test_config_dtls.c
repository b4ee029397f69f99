/* SPDX-License-Identifier: Apache-2.0 */
/* Suites, keys and trust, for each listener and for the upstream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/suite.h"
#include "conf/config.h"
#include "conf/keys.h"

enum { TEXT = 2048, LINE_OF_LISTENERS = 2, LINE_OF_UPSTREAM = 3 };

static const uint16_t psk_ccm_8 = 0xc0a8, ecdsa_ccm_8 = 0xc0ae, psk_cbc = 0x00ae,
		      ecdsa_cbc = 0xc023, psk_gcm = 0x00a8;

/* A file whose one listener and whose upstream have these lines, too. */
static const char *file_with(const char *listener, const char *upstream)
{
	static char text[TEXT];
	(void)snprintf(text, sizeof(text),
		"credentials = \"c\";\n"
		"listeners = ( { address = \"0.0.0.0\"; %s } );\n"
		"upstream = { address = \"192.0.2.10\"; %s };\n",
		listener, upstream);
	return text;
}

static struct conf_gateway good(const char *listener, const char *upstream)
{
	struct conf_error e = { 0 };
	struct conf_gateway c;
	if (!conf_parse(file_with(listener, upstream), "F", &c, &e))
		fail_msg("%s", e.text);
	return c;
}

/* The error names the line, the key, and what would be right. */
static void refused(const char *listener, const char *upstream, const char *what)
{
	struct conf_error e = { 0 };
	struct conf_gateway c;
	char place[16];
	if (conf_parse(file_with(listener, upstream), "F", &c, &e))
		fail_msg("taken: %s %s", listener, upstream);
	(void)snprintf(place, sizeof(place),
		"F:%d: ", listener[0] != '\0' ? LINE_OF_LISTENERS : LINE_OF_UPSTREAM);
	if (strncmp(e.text, place, strlen(place)) != 0 || strstr(e.text, what) == NULL)
		fail_msg("\"%s\" is not in: %s", what, e.text);
	assert_non_null(strstr(e.text, "; ")); /* a remedy */
	assert_true(strlen(e.text) + 1 < CONF_ERROR_MAX);
}

#define KEY  "private_key_file = \"k\"; "
#define CERT "certificate_file = \"c\"; "
#define CA   "anchors_file = \"a\"; "
#define PIN                                                                                        \
	"server_public_key = [ \"sha-256:"                                                         \
	"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\" ]; "

static void test_R056_without_a_key_the_two_suites_of_PSK_are_on(void **state)
{
	(void)state;
	struct conf_gateway c = good("", "");
	const struct conf_dtls *l = &c.listener_dtls[0], *u = &c.upstreams[0].dtls;
	assert_int_equal(l->suites_len, 2);
	assert_int_equal(l->suites[0], psk_ccm_8);
	assert_int_equal(l->suites[1], psk_cbc);
	assert_int_equal(l->initial_ms, 9000);
	assert_int_equal(l->mtu, 1232);
	assert_true(l->server_preference);
	assert_false(l->mac_then_encrypt || l->raw_public_key || l->refuses_without_clock);
	assert_int_equal(l->chain_max, 5);
	assert_int_equal(l->names[0], CONF_NAME_EUI64);
	assert_int_equal(l->names[1], CONF_NAME_URI);
	assert_int_equal(l->names[2], CONF_NAME_CN);
	assert_int_equal(l->names[3], CONF_NAME_NONE);
	assert_null(l->private_key_file);
	assert_int_equal(u->proof, CONF_BY_PSK);
	assert_int_equal(u->suites_len, 2);
	assert_int_equal(u->suites[0], psk_ccm_8);
	assert_int_equal(u->fragment_max, 0);
	assert_null(u->server_name);
	assert_false(u->tickets);
	conf_free(&c);
}

static void test_R056_defaults_are_those_of_a_listener_that_nobody_wrote(void **state)
{
	(void)state;
	struct conf_error e = { 0 };
	struct conf_gateway c;
	assert_true(conf_parse("upstream = { address = \"192.0.2.1\"; };"
			       "handshake = { device_initial_ms = 5000; };",
		"F", &c, &e));
	assert_int_equal(c.listeners_len, 2);
	assert_int_equal(c.listener_dtls[1].suites[0], psk_ccm_8);
	assert_int_equal(c.listener_dtls[1].initial_ms, 5000);
	conf_free(&c);
}

static void test_R038_with_a_key_the_four_of_LwM2M_in_their_order(void **state)
{
	(void)state;
	struct conf_gateway c = good(KEY "raw_public_key = true;", "");
	const struct conf_dtls *l = &c.listener_dtls[0];
	assert_int_equal(l->suites_len, 4);
	assert_int_equal(l->suites[0], psk_ccm_8);
	assert_int_equal(l->suites[1], ecdsa_ccm_8);
	assert_int_equal(l->suites[2], psk_cbc);
	assert_int_equal(l->suites[3], ecdsa_cbc);
	assert_string_equal(l->private_key_file, "k");
	assert_true(l->raw_public_key);
	conf_free(&c);
}

static void test_R046_every_key_of_a_listener_is_read(void **state)
{
	(void)state;
	struct conf_gateway c = good(KEY CERT CA
		"suites = [ \"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256\","
		" \"TLS_PSK_WITH_AES_128_GCM_SHA256\" ]; server_preference = false;"
		" initial_ms = 1500; mtu = 100; crl_file = \"/r\"; chain_max = 2;"
		" name_from = [ \"serial\", \"dns\" ]; untrusted_clock = \"refuse\";"
		" mac_then_encrypt = true;",
		"");
	const struct conf_dtls *l = &c.listener_dtls[0];
	assert_int_equal(l->suites_len, 2);
	assert_int_equal(l->suites[0], ecdsa_cbc);
	assert_int_equal(l->suites[1], psk_gcm);
	assert_false(l->server_preference);
	assert_int_equal(l->initial_ms, 1500);
	assert_int_equal(l->mtu, 100);
	assert_string_equal(l->certificate_file, "c");
	assert_string_equal(l->anchors_file, "a");
	assert_string_equal(l->crl_file, "/r");
	assert_int_equal(l->chain_max, 2);
	assert_int_equal(l->names[0], CONF_NAME_SERIAL);
	assert_int_equal(l->names[1], CONF_NAME_DNS);
	assert_int_equal(l->names[2], CONF_NAME_NONE);
	assert_true(l->refuses_without_clock);
	assert_true(l->mac_then_encrypt);
	conf_free(&c);
}

static void test_R046_every_key_of_the_upstream_is_read(void **state)
{
	(void)state;
	struct conf_gateway c = good("",
		"credential = \"certificate\"; " KEY CERT CA PIN
		" crl_file = \"r\"; server_name = \"leshan.example\"; max_fragment_length = 1024;"
		" mac_then_encrypt = true; untrusted_clock = \"refuse\"; tickets = true;");
	const struct conf_dtls *u = &c.upstreams[0].dtls;
	assert_int_equal(u->proof, CONF_BY_CERTIFICATE);
	assert_int_equal(u->suites_len, 2);
	assert_int_equal(u->suites[0], ecdsa_ccm_8);
	assert_int_equal(u->suites[1], ecdsa_cbc);
	assert_string_equal(u->server_name, "leshan.example");
	assert_int_equal(u->pins_len, 1);
	assert_null(u->pins[0].file);
	assert_int_equal(u->pins[0].digest[31], 0xff);
	assert_int_equal(u->fragment_max, 1024);
	assert_true(u->mac_then_encrypt && u->refuses_without_clock && u->tickets);
	assert_false(u->raw_public_key);
	conf_free(&c);
}

static void test_D1_the_profile_of_RFC_7925_has_no_CBC(void **state)
{
	(void)state;
	struct conf_gateway c = good("profile = \"rfc7925\";", "");
	assert_int_equal(c.listener_dtls[0].suites_len, 1);
	assert_int_equal(c.listener_dtls[0].suites[0], psk_ccm_8);
	conf_free(&c);
	refused("profile = \"rfc7925\"; suites = [ \"TLS_PSK_WITH_AES_128_CBC_SHA256\" ];", "",
		"not in the profile \"rfc7925\"; remove it, or use profile = \"lwm2m\"");
	refused("profile = \"tls13\";", "", "use one of lwm2m|rfc7925");
}

static void test_R039_a_suite_with_SHA_1_is_an_error_that_lists_the_right_ones(void **state)
{
	(void)state;
	refused("suites = [ \"TLS_PSK_WITH_AES_128_CBC_SHA\" ];", "",
		"\"TLS_PSK_WITH_AES_128_CBC_SHA\" has SHA-1, which is never on; use some of "
		"TLS_PSK_WITH_AES_128_CCM_8, TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8");
	refused("", "suites = [ \"TLS_PSK_WITH_AES_256_CBC_SHA\" ];", "has SHA-1");
}

static void test_R046_an_unknown_suite_is_an_error_that_lists_the_right_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < SUITES; i++)
		refused("suites = [ \"PSK-AES128-CCM8\" ];", "", suites[i].name);
	refused("suites = [ ];", "", "is empty");
	refused("suites = [ \"TLS_PSK_WITH_AES_128_CCM_8\", \"TLS_PSK_WITH_AES_128_CCM_8\" ];", "",
		"twice");
	refused("suites = \"TLS_PSK_WITH_AES_128_CCM_8\";", "", "write an array");
}

static void test_R034_suites_of_ECDSA_need_a_key(void **state)
{
	(void)state;
	refused("suites = [ \"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8\" ];", "",
		"needs a key of the gateway; set listeners.private_key_file");
	refused(KEY "raw_public_key = true; suites = [ \"TLS_PSK_WITH_AES_128_CCM_8\" ];", "",
		"no suite of ECDHE_ECDSA is on");
	refused("", "suites = [ \"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8\" ];",
		"does not fit upstream.credential; use suites of PSK");
	refused("",
		"credential = \"raw_public_key\"; " KEY PIN
		"suites = [ \"TLS_PSK_WITH_AES_128_CCM_8\" ];",
		"use suites of ECDHE_ECDSA");
}

static void test_R065_what_a_listener_has_fits_together(void **state)
{
	(void)state;
	refused(CERT, "", "a certificate without its key proves nothing; set private_key_file");
	refused(KEY, "", "the key would never be used; add certificate_file, or raw_public_key");
	refused("raw_public_key = true;", "", "there is no key to show; set private_key_file");
	refused(CA, "", "set private_key_file");
	refused(KEY CERT, "", "add anchors_file, or raw_public_key = true");
	refused("crl_file = \"r\";", "", "set anchors_file");
	refused("suites = [ \"TLS_PSK_WITH_AES_128_CCM_8\" ]; mac_then_encrypt = true;", "",
		"no CBC suite is on");
	refused("name_from = [ ];", "", "name a rule");
	refused("name_from = [ \"email\" ];", "", "use some of eui64, uri, dns, cn, serial");
	refused("mtu = 99;", "", "use 100 to 16384");
	refused("initial_ms = 0;", "", "use 100 to 60000");
	refused("initial_ms = \"1\";", "", "write a decimal number like 9000");
	refused("initial_mss = 1000;", "", "did you mean listeners.initial_ms?");
	struct conf_gateway c = good(KEY CERT "raw_public_key = true;", "");
	conf_free(&c);
}

static void test_R061_R065_the_upstream_knows_whom_to_trust(void **state)
{
	(void)state;
	refused("", "credential = \"raw_public_key\";", "needs a key; set upstream.private_key");
	refused("", "credential = \"certificate\"; " KEY CA, "set upstream.certificate_file");
	refused("", "credential = \"raw_public_key\"; " KEY CERT PIN, "remove it, or set");
	refused("", "credential = \"raw_public_key\"; " KEY, "nothing says who the server is");
	refused("", "credential = \"certificate\"; " KEY CERT CA,
		"set upstream.server_name, or upstream.server_public_key");
	refused("", KEY, "is not used with upstream.credential = \"psk\"");
	refused("", PIN, "is not used with upstream.credential = \"psk\"");
	refused("", "credential = \"raw_public_key\"; server_public_key = [ \"sha-256:00\" ];" KEY,
		"neither a file nor sha-256: and 64 hexadecimal digits");
	refused("", "server_name = \"192.0.2.1\";", "is no name of a host");
	refused("", "server_name = \"a b\";", "is no name of a host");
	refused("", "max_fragment_length = 600;", "use 0, 512, 1024, 2048 or 4096");
	struct conf_gateway c =
		good("", "credential = \"raw_public_key\"; server_public_key = [ \"p\" ];" KEY);
	assert_string_equal(c.upstreams[0].dtls.pins[0].file, "p");
	assert_true(c.upstreams[0].dtls.raw_public_key);
	conf_free(&c);
}

/* RFC 6066 section 3: a name, never an address. */
static void test_R167_a_name_in_upstream_address_is_the_servers(void **state)
{
	(void)state;
	char path[] = "/tmp/lwgate-test-XXXXXX";
	static const char text[] = "upstream = { address = \"localhost\"; };\n";
	struct conf_error e = { 0 };
	struct conf_gateway c;
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	(void)close(fd);
	const bool ok = conf_load(path, &c, &e);
	(void)unlink(path);
	if (!ok)
		fail_msg("%s", e.text);
	assert_string_equal(c.upstreams[0].dtls.server_name, "localhost");
	conf_free(&c);
}

static void test_R100_a_listeners_timer_is_not_beyond_the_longest(void **state)
{
	(void)state;
	struct conf_error e = { 0 };
	struct conf_gateway c;
	assert_false(conf_parse("upstream = { address = \"192.0.2.1\"; };\n"
				"listeners = ( { address = \"::\"; initial_ms = 20000; } );\n"
				"handshake = { max_ms = 10000; };",
		"F", &c, &e));
	assert_non_null(strstr(e.text, "F:2: listeners.initial_ms: 20000 ms is more than"));
}

/* --- what a reload takes ------------------------------------------------------------------- */

static const char *first_fixed(const char *text)
{
	struct conf_error e = { 0 };
	struct conf_gateway *const both = calloc(2, sizeof(*both));
	char *const copy = strdup(text); /* it may lie where file_with() writes */
	const char *const texts[] = { file_with("", ""), copy };
	assert_non_null(both);
	for (size_t i = 0; i < 2; i++) {
		if (!conf_parse(texts[i], "F", &both[i], &e))
			fail_msg("%s", e.text);
	}
	const char *path = conf_fixed(&both[0], &both[1], 0);
	if (path != NULL)
		assert_null(conf_fixed(&both[0], &both[1], 1));
	for (size_t i = 0; i < 2; i++)
		conf_free(&both[i]);
	free(both);
	free(copy);
	return path;
}

static void test_R046_suites_keys_and_timers_need_no_restart(void **state)
{
	(void)state;
	char text[2 * TEXT];
	assert_null(first_fixed(file_with("", "")));
	(void)snprintf(text, sizeof(text),
		"%shandshake = { device_initial_ms = 3000; "
		"upstream_initial_ms = 2000; max_ms = 30000; };",
		file_with(KEY CERT CA "mtu = 500; suites = [ \"TLS_PSK_WITH_AES_128_CCM_8\","
				      " \"TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8\" ];",
			"server_name = \"a.example\"; max_fragment_length = 512;"));
	assert_null(first_fixed(text));
}

static void test_R046_what_needs_a_restart_is_named(void **state)
{
	(void)state;
	static const char *const changes[][2] = {
		{ "user", "user = \"x\"; " },
		{ "control.group", "control = { group = \"x\"; }; " },
		{ "relay.answer_s", "relay = { answer_s = 5; }; " },
		{ "relay.wrong_endpoint", "relay = { wrong_endpoint = \"4.03\"; }; " },
		{ "log.level", "log = { level = \"debug\"; }; " },
		{ "store.hot", "store = { hot = \"/dev/shm/h\"; }; " },
		{ "store.after_power_loss", "store = { after_power_loss = \"gap\"; }; " },
		{ "store.resumption_days", "store = { resumption_days = 31; }; " },
		{ "handshake.lifetime_s", "handshake = { lifetime_s = 20; }; " },
	};
	char text[2 * TEXT];
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		(void)snprintf(text, sizeof(text), "%s%s", file_with("", ""), changes[i][1]);
		assert_string_equal(first_fixed(text), changes[i][0]);
	}
	(void)snprintf(text, sizeof(text), "%s", file_with("port = 5685;", ""));
	assert_string_equal(first_fixed(text), "listeners");
	(void)snprintf(text, sizeof(text), "%s", file_with("", "port = 5685;"));
	assert_string_equal(first_fixed(text), "upstream.port");
	(void)snprintf(text, sizeof(text), "%s",
		file_with("", "credential = \"raw_public_key\"; " KEY PIN));
	assert_string_equal(first_fixed(text), "upstream.credential");
	(void)snprintf(text, sizeof(text), "%s", file_with("", "sources = [ \"192.0.2.64/26\" ];"));
	assert_string_equal(first_fixed(text), "upstream.sources");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R056_without_a_key_the_two_suites_of_PSK_are_on),
		cmocka_unit_test(test_R056_defaults_are_those_of_a_listener_that_nobody_wrote),
		cmocka_unit_test(test_R038_with_a_key_the_four_of_LwM2M_in_their_order),
		cmocka_unit_test(test_R046_every_key_of_a_listener_is_read),
		cmocka_unit_test(test_R046_every_key_of_the_upstream_is_read),
		cmocka_unit_test(test_D1_the_profile_of_RFC_7925_has_no_CBC),
		cmocka_unit_test(
			test_R039_a_suite_with_SHA_1_is_an_error_that_lists_the_right_ones),
		cmocka_unit_test(test_R046_an_unknown_suite_is_an_error_that_lists_the_right_ones),
		cmocka_unit_test(test_R034_suites_of_ECDSA_need_a_key),
		cmocka_unit_test(test_R065_what_a_listener_has_fits_together),
		cmocka_unit_test(test_R061_R065_the_upstream_knows_whom_to_trust),
		cmocka_unit_test(test_R167_a_name_in_upstream_address_is_the_servers),
		cmocka_unit_test(test_R100_a_listeners_timer_is_not_beyond_the_longest),
		cmocka_unit_test(test_R046_suites_keys_and_timers_need_no_restart),
		cmocka_unit_test(test_R046_what_needs_a_restart_is_named),
	};
	return cmocka_run_group_tests_name("conf/config_dtls", tests, NULL, NULL);
}
