/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/config.h"

static const char least[] = "credentials = \"c.conf\"; upstream = { address = \"192.0.2.10\"; };\n";

/* The error of a text that must be refused; "" when it was not. */
static const char *error_of(const char *text)
{
	static struct conf_error e;
	struct conf_gateway c;
	e = (struct conf_error){ 0 };
	if (conf_parse(text, "F", &c, &e)) {
		conf_free(&c);
		return "";
	}
	assert_int_equal(c.workers, 0);
	assert_null(c.user);
	assert_null(c.credentials);
	assert_int_equal(c.listeners_len, 0);
	return e.text;
}

static struct conf_gateway good(const char *text)
{
	struct conf_error e = { 0 };
	struct conf_gateway c;
	if (!conf_parse(text, "F", &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static void test_least_file_has_all_defaults(void **state)
{
	(void)state;
	char text[NET_TEXT_MAX];
	struct conf_gateway c = good(least);
	assert_in_range(c.workers, 1, CONF_WORKERS_MAX);
	assert_string_equal(c.user, "lwgate");
	assert_string_equal(c.group, "lwgate");
	assert_string_equal(c.credentials, "c.conf");
	assert_int_equal(c.listeners_len, 2);
	assert_string_equal(net_addr_text(&c.listeners[0], text), "0.0.0.0:5684");
	assert_string_equal(net_addr_text(&c.listeners[1], text), "[::]:5684");
	assert_string_equal(net_addr_text(&c.upstreams[0].addresses[0], text), "192.0.2.10:5684");
	assert_int_equal(c.upstreams[0].sources_len, 0);
	assert_int_equal(c.upstreams[0].sockets, 4096);
	assert_null(c.upstreams[0].master_secret_file);
	assert_int_equal(c.handshake_max_ms, 60000);
	assert_int_equal(c.handshake_lifetime_s, 180);
	assert_int_equal(c.handshakes_max, 1024);
	assert_int_equal(c.handshake_bytes_max, 201326592);
	assert_int_equal(c.relay_queue_messages, 4);
	assert_int_equal(c.relay_queue_bytes, 8388608);
	assert_int_equal(c.relay_answer_s, 93);
	assert_int_equal(c.relay_message_max, 1280);
	assert_false(c.wrong_endpoint_403);
	assert_int_equal(c.relay_awake_ms, 93000);
	assert_false(c.relay_awake_by_update);
	assert_false(c.relay_asleep_refused);
	assert_int_equal(c.relay_asleep_messages, 4);
	assert_int_equal(c.relay_asleep_wait_s, 247);
	assert_string_equal(c.control_path, "/run/lwgate/control");
	assert_string_equal(c.control_group, "lwgate");
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
	conf_free(&c);
}

static void test_R099_R294_handshake_timers_are_9_s_for_both_roles(void **state)
{
	(void)state;
	struct conf_gateway c = good(least);
	assert_int_equal(c.device_initial_ms, 9000);
	assert_int_equal(c.upstream_initial_ms, 9000);
	conf_free(&c);
}

static void test_every_key_is_read(void **state)
{
	(void)state;
	char text[NET_TEXT_MAX];
	struct conf_gateway c = good(
		"workers = 3; user = \"u\"; group = \"\"; credentials = \"/x/c\";\n"
		"listeners = ( { address = \"127.0.0.1\"; port = 1; }, { address = \"::1\"; } );\n"
		"upstream = { address = \"2001:db8::1\"; port = 65535; sockets = 7;\n"
		" sources = [ \"2001:db8:1::/64\", \"2001:db8:2::5\" ]; master_secret_file = "
		"\"m\"; };\n"
		"handshake = { device_initial_ms = 100; upstream_initial_ms = 1000; max_ms = "
		"2000;\n"
		" lifetime_s = 5; count = 48; bytes = 8589934592L; };\n"
		"relay = { queue_messages = 1; queue_bytes = 196608; answer_s = 2; message_max = "
		"1152;\n"
		" wrong_endpoint = \"4.03\"; awake_ms = 100; awake_by = \"update\";\n"
		" asleep = \"5.03\";"
		" asleep_messages = 64; asleep_wait_s = 86400; };\n"
		"control = { path = \"/c\"; group = \"g\"; }; log = { level = \"debug\"; }; # end");
	assert_int_equal(c.workers, 3);
	assert_string_equal(c.user, "u");
	assert_string_equal(c.group, "");
	assert_string_equal(c.credentials, "/x/c");
	assert_int_equal(c.listeners_len, 2);
	assert_string_equal(net_addr_text(&c.listeners[0], text), "127.0.0.1:1");
	assert_string_equal(net_addr_text(&c.listeners[1], text), "[::1]:5684");
	assert_string_equal(
		net_addr_text(&c.upstreams[0].addresses[0], text), "[2001:db8::1]:65535");
	assert_int_equal(c.upstreams[0].sockets, 7);
	assert_int_equal(c.upstreams[0].sources_len, 2);
	assert_int_equal(c.upstreams[0].sources[0].bits, 64);
	assert_int_equal(c.upstreams[0].sources[1].bits, 128);
	assert_string_equal(
		net_addr_text(&c.upstreams[0].sources[1].base, text), "[2001:db8:2::5]:0");
	assert_string_equal(c.upstreams[0].master_secret_file, "m");
	assert_int_equal(c.device_initial_ms, 100);
	assert_int_equal(c.upstream_initial_ms, 1000);
	assert_int_equal(c.handshake_max_ms, 2000);
	assert_int_equal(c.handshake_lifetime_s, 5);
	assert_int_equal(c.handshakes_max, 48);
	assert_true(c.handshake_bytes_max == UINT64_C(8589934592));
	assert_int_equal(c.relay_queue_messages, 1);
	assert_int_equal(c.relay_queue_bytes, 196608);
	assert_int_equal(c.relay_answer_s, 2);
	assert_int_equal(c.relay_message_max, 1152);
	assert_true(c.wrong_endpoint_403);
	assert_int_equal(c.relay_awake_ms, 100);
	assert_true(c.relay_awake_by_update);
	assert_true(c.relay_asleep_refused);
	assert_int_equal(c.relay_asleep_messages, 64);
	assert_int_equal(c.relay_asleep_wait_s, 86400);
	assert_string_equal(c.control_path, "/c");
	assert_string_equal(c.control_group, "g");
	assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
	conf_free(&c);
}

static void test_range_errors_say_file_line_value_and_range(void **state)
{
	(void)state;
	assert_string_equal(error_of("credentials = \"c\";\nupstream = {\n address = "
				     "\"192.0.2.1\";\n port = 70000;\n};"),
		"F:4: upstream.port: 70000 is out of range; use 1 to 65535");
	assert_string_equal(
		error_of("workers = -1;"), "F:1: workers: -1 is out of range; use 0 to 64 threads");
	assert_string_equal(
		error_of("workers = 65;"), "F:1: workers: 65 is out of range; use 0 to 64 threads");
	assert_string_equal(error_of("handshake = { bytes = 9223372036854775807L; };"),
		"F:1: handshake.bytes: 9223372036854775807 is out of range; use 4194304 to "
		"68719476736 bytes");
	/* 2^32 + 4: must not become 4, as libconfig 1.5 makes it. */
	assert_string_equal(error_of("\nworkers = 4294967300;"),
		"F:2: a number beyond 2147483647 needs an L at its end: 4294967300L");
	assert_string_equal(error_of("workers = 4294967300L;"),
		"F:1: workers: 4294967300 is out of range; use 0 to 64 threads");
	assert_string_equal(error_of("workers = 2147483647;"),
		"F:1: workers: 2147483647 is out of range; use 0 to 64 threads");
	assert_string_equal(error_of("# 4294967300 \nworkers = 65;"),
		"F:2: workers: 65 is out of range; use 0 to 64 threads");
	/* 8 to libconfig 1.7, 10 to libconfig 1.5. */
	assert_string_equal(error_of("workers = 010;"),
		"F:1: a number with a zero before it may be read as octal; remove the zero");
	assert_non_null(strstr(error_of("listeners = ( { address = \"::\"; port = 0; } );"),
		"listeners.port: 0 is out"));
	assert_non_null(
		strstr(error_of("control = { group = \"123456789012345678901234567890123\"; };"),
			"control.group: is 33 bytes long; use 0 to 32"));
	assert_non_null(strstr(error_of("control = { path = \"\"; };"),
		"control.path: is 0 bytes long; use 1 to 1024"));
}

static void test_wrong_types_say_what_is_there_and_what_is_right(void **state)
{
	(void)state;
	assert_string_equal(error_of("workers = \"4\";"),
		"F:1: workers: is a text; write a decimal number like 0");
	assert_string_equal(error_of("workers = 0x4;"),
		"F:1: workers: is a hexadecimal number; write a decimal number like 0");
	assert_string_equal(error_of("workers = 1.5;"),
		"F:1: workers: is a number with a fraction; write a decimal number like 0");
	assert_string_equal(
		error_of("user = 1;"), "F:1: user: is a number; write a text in quotes");
	assert_string_equal(error_of("upstream = 1;"),
		"F:1: upstream: is a number; write a group: upstream = { ... };");
	assert_non_null(strstr(
		error_of("listeners = { };"), "listeners: is a group { }; write listeners = ( {"));
	assert_non_null(
		strstr(error_of("listeners = ( );"), "listeners: has 0 members; use 1 to 16"));
	assert_non_null(strstr(error_of("listeners = ( 1 );"), "listeners: member 1 is a number"));
	assert_non_null(
		strstr(error_of("upstream = { sources = \"::\"; };"), "is a text; write an array"));
	assert_non_null(
		strstr(error_of("upstream = { sources = [ 1 ]; };"), "member 1 is a number"));
	assert_non_null(strstr(error_of("log = { level = \"loud\"; };"),
		"\"loud\" is not known; use one of error|warn|info|debug"));
	assert_non_null(strstr(error_of("log = { level = \"\"; };"), "is not known"));
	assert_non_null(strstr(error_of("user = \"a\\nb\";"), "control character"));
}

static void test_unknown_keys_are_errors_with_the_nearest_key(void **state)
{
	(void)state;
	assert_string_equal(
		error_of("\nworker = 1;"), "F:2: unknown key worker; did you mean workers?");
	assert_string_equal(error_of("upstream = { adress = \"::1\"; };"),
		"F:1: unknown key upstream.adress; did you mean upstream.address?");
	assert_string_equal(error_of("message_max = 1;"),
		"F:1: unknown key message_max; did you mean relay.message_max?");
	assert_string_equal(error_of("handshake = { level = \"info\"; };"),
		"F:1: unknown key handshake.level; did you mean log.level?");
	assert_string_equal(error_of("xyzzy_plugh = 1;"),
		"F:1: unknown key xyzzy_plugh; see lwgate.conf(5) for all keys");
	assert_non_null(strstr(error_of("listeners = ( { adress = \"::\"; } );"),
		"unknown key listeners.adress; did you mean listeners.address?"));
}

static void test_what_is_missing_is_named_with_an_example(void **state)
{
	(void)state;
	assert_string_equal(error_of("credentials = \"c\";"),
		"F: upstream.address is missing; add: upstream = { address = \"192.0.2.10\"; };");
	assert_non_null(strstr(error_of("listeners = ( { port = 1; } );"),
		"F:1: listeners.address is missing; add:"));
	assert_non_null(strstr(error_of(""), "upstream.address is missing"));
}

static void test_syntax_errors_say_file_and_line(void **state)
{
	(void)state;
	assert_non_null(strstr(error_of("workers = 1;\nuser = ;\n"), "F:2: syntax error"));
	assert_non_null(
		strstr(error_of("workers = 1;\nworkers = 2;\n"), "F:2: duplicate setting name"));
	assert_non_null(strstr(error_of("user = \"open\n"), "F:"));
	assert_non_null(strstr(error_of("\377\376"), "F:1: syntax error"));
}

static void test_no_file_is_opened_by_include(void **state)
{
	(void)state;
	assert_string_equal(error_of("workers = 1;\n \t@include \"/etc/passwd\"\n"),
		"F:2: @include is not supported; write its settings here");
	assert_non_null(strstr(error_of("user = \"\n@include \\\"x\\\"\";"), "@include"));
	assert_non_null(strstr(error_of("user = \"a\\x00b\";"), "\\x00"));
}

static void test_addresses_must_be_usable(void **state)
{
	(void)state;
	static const struct {
		const char *upstream, *error;
	} rows[] = {
		{ "address = \"0.0.0.0\";", "no one's address" },
		{ "address = \"::\";", "no one's address" },
		{ "address = \"224.0.0.1\";", "multicast" },
		{ "address = \"ff02::1\";", "multicast" },
		{ "address = \"::ffff:192.0.2.1\";", "write it as IPv4" },
		{ "address = \"192.0.2.256\";", "no IP address" },
		{ "address = \"server.example\";",
			"no IP address" }, /* only conf_load() resolves */
		{ "address = \"192.0.2.1\"; sources = [ \"2001:db8::/64\" ];", "another family" },
		{ "address = \"192.0.2.1\"; sources = [ \"10.0.0.0/7\" ];", "use /8 to /32" },
		{ "address = \"192.0.2.1\"; sources = [ \"10.0.0.0/33\" ];", "use /8 to /32" },
		{ "address = \"192.0.2.1\"; sources = [ \"10.0.0.0/\" ];", "use /8 to /32" },
		{ "address = \"192.0.2.1\"; sources = [ \"10.0.0.0/024x\" ];", "use /8 to /32" },
		{ "address = \"::1\"; sources = [ \"2001:db8::/31\" ];", "use /32 to /128" },
		{ "address = \"192.0.2.1\"; sources = [ \"10.0.0.1/24\" ];",
			"bits beyond its length" },
		{ "address = \"::1\"; sources = [ \"2001:db8::1/127\" ];",
			"bits beyond its length" },
		{ "address = \"192.0.2.1\"; sources = [ \"10.0.0.0/24\", \"10.0.0.128/25\" ];",
			"overlaps" },
		{ "address = \"192.0.2.1\"; sources = [ \"10.0.0.0/24\", \"::1\" ];",
			"one family" },
		{ "address = \"192.0.2.1\"; sources = [ "
		  "\"10.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0/8\" ];",
			"is no address" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256];
		(void)snprintf(text, sizeof(text), "credentials = \"c\"; upstream = { %s };",
			rows[i].upstream);
		if (strstr(error_of(text), rows[i].error) == NULL)
			fail_msg("row %zu: %s: %s", i, rows[i].upstream, error_of(text));
	}
	char text[256];
	(void)snprintf(text, sizeof(text),
		"%s listeners = ( { address = \"::\"; }, { address = \"0::0\"; } );", least);
	assert_non_null(strstr(error_of(text), "stands there twice"));
}

static void test_values_must_fit_together(void **state)
{
	(void)state;
	char text[512];
	(void)snprintf(text, sizeof(text), "%s handshake = { max_ms = 5000; };", least);
	assert_non_null(strstr(error_of(text), "F:2: handshake.device_initial_ms: 9000 ms is more "
					       "than handshake.max_ms, 5000 ms"));
	(void)snprintf(text, sizeof(text), "%s control = { path = \"/%0107d\"; };", least, 0);
	assert_non_null(strstr(error_of(text), "108 bytes long, a socket's path at most 107"));
	(void)snprintf(text, sizeof(text), "%s control = { path = \"/%0106d\"; };", least, 0);
	assert_string_equal(error_of(text), "");
}

static const char *error_with(const char *more)
{
	char text[512];
	(void)snprintf(text, sizeof(text), "%s%s", least, more);
	return error_of(text);
}

/* The workers share them: a share that is too small for a handshake would refuse everyone. */
static void test_R116_every_workers_share_suffices(void **state)
{
	(void)state;
	assert_string_equal(error_with("workers = 9;\nhandshake = { bytes = 4194304; };"),
		"F:3: handshake.bytes: 4194304 bytes are not enough for 9 workers, who share them "
		"and need 4194304 each; use at least 37748736, or fewer workers");
	assert_string_equal(error_with("workers = 9; handshake = { bytes = 37748736; };"), "");
	assert_non_null(strstr(error_with("workers = 3; handshake = { count = 47; };"),
		"F:2: handshake.count: 47 handshakes are not enough for 3 workers"));
	assert_string_equal(error_with("workers = 3; handshake = { count = 48; };"), "");
	assert_non_null(strstr(error_with("workers = 2; relay = { queue_bytes = 131071; };"),
		"F:2: relay.queue_bytes: 131071 bytes are not enough for 2 workers"));
	assert_string_equal(error_with("workers = 2; relay = { queue_bytes = 131072; };"), "");
}

static void test_defaults_suffice_for_any_number_of_workers(void **state)
{
	(void)state;
	char text[256];
	(void)snprintf(text, sizeof(text), "%sworkers = %d;", least, CONF_WORKERS_MAX);
	struct conf_gateway c = good(text);
	assert_int_equal(c.handshake_bytes_max / CONF_WORKERS_MAX, 4194304);
	conf_free(&c);
	assert_non_null(strstr(error_with("workers = 64; handshake = { bytes = 134217728; };"),
		"handshake.bytes: 134217728 bytes are not enough"));
}

static void test_errors_are_one_line_of_bounded_length(void **state)
{
	(void)state;
	char text[4096];
	(void)snprintf(text, sizeof(text), "log = { level = \"a\\nb\\x1b%02000d\"; };", 0);
	const char *error = error_of(text);
	assert_int_equal(strlen(error), CONF_ERROR_MAX - 1);
	assert_null(strpbrk(error, "\n\x1b"));
	(void)snprintf(text, sizeof(text), "k%02000d = 1;", 0);
	assert_non_null(strstr(error_of(text), "unknown key k00"));
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_file_names_are_relative_to_the_files_folder(void **state)
{
	(void)state;
	char folder[] = "/tmp/lwgate-test-XXXXXX", file[64], expect[128];
	struct conf_error e = { 0 };
	struct conf_gateway c;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(file, sizeof(file), "%s/f.conf", folder);
	write_file(file, "credentials = \"c\"; upstream = { address = \"localhost\"; sources = [ "
			 "\"127.0.1.0/24\" ];\n"
			 "master_secret_file = \"/abs/m\"; }; control = { path = \"sock\"; };");
	if (!conf_load(file, &c, &e))
		fail_msg("%s", e.text);
	char *real = realpath(folder, NULL);
	(void)snprintf(expect, sizeof(expect), "%s/c", real);
	assert_string_equal(c.credentials, expect);
	(void)snprintf(expect, sizeof(expect), "%s/sock", real);
	assert_string_equal(c.control_path, expect);
	assert_string_equal(c.upstreams[0].master_secret_file, "/abs/m");
	/* A name is resolved, into the family of the sources. */
	assert_int_equal(c.upstreams[0].addresses[0].family, NET_IPV4);
	assert_int_equal(c.upstreams[0].addresses[0].ip[0], 127);
	free(real);
	conf_free(&c);
	assert_int_equal(unlink(file), 0);
	assert_false(conf_load(file, &c, &e));
	assert_non_null(strstr(e.text, "f.conf: cannot be opened: No such file"));
	assert_false(conf_load(folder, &c, &e));
	assert_non_null(strstr(e.text, "is no regular file"));
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_least_file_has_all_defaults),
		cmocka_unit_test(test_R099_R294_handshake_timers_are_9_s_for_both_roles),
		cmocka_unit_test(test_every_key_is_read),
		cmocka_unit_test(test_range_errors_say_file_line_value_and_range),
		cmocka_unit_test(test_wrong_types_say_what_is_there_and_what_is_right),
		cmocka_unit_test(test_unknown_keys_are_errors_with_the_nearest_key),
		cmocka_unit_test(test_what_is_missing_is_named_with_an_example),
		cmocka_unit_test(test_syntax_errors_say_file_and_line),
		cmocka_unit_test(test_no_file_is_opened_by_include),
		cmocka_unit_test(test_addresses_must_be_usable),
		cmocka_unit_test(test_values_must_fit_together),
		cmocka_unit_test(test_R116_every_workers_share_suffices),
		cmocka_unit_test(test_defaults_suffice_for_any_number_of_workers),
		cmocka_unit_test(test_errors_are_one_line_of_bounded_length),
		cmocka_unit_test(test_file_names_are_relative_to_the_files_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
