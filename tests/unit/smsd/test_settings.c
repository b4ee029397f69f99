/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/settings.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH = 96 };

#define SMPP  "smpp = { host = \"h\"; system_id = \"gw\"; password_file = \"password\"; "
#define ONE   "ways = ( { name = \"a\"; " SMPP "}; } );"
#define MODEM "modem = { device = \"/dev/ttyUSB2\"; "

static char folder[PATH];
static const char *const names[] = { "conf", "password", "pin", "open" };

static void put(const char *name, const char *text, mode_t mode)
{
	char path[2 * PATH];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/settings-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	put("password", "secret\nrest", 0600);
	put("pin", "1234\n", 0600);
	put("open", "secret\n", 0644);
	return 0;
}

static int teardown(void **state)
{
	char path[2 * PATH];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

static struct settings *load(const char *text, struct conf_error *error)
{
	char path[2 * PATH];
	(void)snprintf(path, sizeof(path), "%s/conf", folder);
	put("conf", text, 0644);
	return settings_load(path, error);
}

static void says(const char *text, const char *wanted)
{
	struct conf_error error = { .text = "" };
	assert_null(load(text, &error));
	if (!strstr(error.text, wanted))
		fail_msg("\"%s\" is not in: %s", wanted, error.text);
	assert_null(strstr(error.text, "secret"));
}

static void test_defaults(void **state)
{
	struct conf_error error;
	struct settings *const s = load(ONE, &error);
	(void)state;
	assert_non_null(s);
	assert_string_equal(s->user, "lwgate");
	assert_string_equal(s->gateway, "/run/lwgate/sms");
	assert_string_equal(s->spool, "/var/lib/lwgate-smsd");
	assert_int_equal(s->log_level, LOG_LEVEL_INFO);
	assert_int_equal(s->answer_s, 20);
	assert_int_equal(s->ways_len, 1);
	assert_int_equal(s->ways[0].kind, SETTINGS_SMPP);
	assert_int_equal(s->ways[0].port, 2775);
	assert_false(s->ways[0].tls);
	assert_string_equal(s->ways[0].smpp.system_id, "gw");
	assert_string_equal(s->ways[0].smpp.password, "secret");
	assert_int_equal(s->ways[0].smpp.window, 10);
	assert_int_equal(s->ways[0].smpp.enquire_ms, 30000);
	assert_int_equal(s->ways[0].smpp.own.len, 0);
	settings_free(s);
}

static void test_all_of_two_ways(void **state)
{
	struct conf_error error;
	struct settings *const s = load(
		"user = \"\"; group = \"g\"; log_level = \"debug\"; "
		"gateway = \"sock\"; spool = \"/s\"; answer_s = 5;\n"
		"ways = ( { name = \"a\"; number = \"4040\"; "
		"international = false; " SMPP "tls = true; anchors_file = \"ca.pem\"; window = 1; "
		"per_second = 3; enquire_s = 4; answer_s = 5; again_max_s = 6; "
		"system_type = \"T\"; subunit = true; }; },\n"
		"{ name = \"b\"; number = \"447700900002\"; " MODEM
		"speed = 9600; pin_file = \"pin\"; smsc = \"447700900000\"; "
		"command_s = 1; send_s = 7; register_s = 8; }; } );",
		&error);
	(void)state;
	assert_non_null(s);
	const struct settings_way *const a = &s->ways[0];
	const struct settings_way *const b = &s->ways[1];
	assert_int_equal(s->ways_len, 2);
	assert_string_equal(s->user, "");
	assert_string_equal(s->group, "g");
	assert_non_null(strstr(s->gateway, folder));
	assert_string_equal(s->spool, "/s");
	assert_true(a->tls);
	assert_int_equal(a->port, 3550);
	assert_string_equal(a->server_name, "h");
	assert_non_null(strstr(a->anchors, "/ca.pem"));
	assert_int_equal(a->smpp.own.type, 0x81);
	assert_string_equal(a->smpp.own.digits, "4040");
	assert_int_equal(a->smpp.window, 1);
	assert_int_equal(a->smpp.per_second, 3);
	assert_int_equal(a->smpp.enquire_ms, 4000);
	assert_int_equal(a->smpp.answer_ms, 5000);
	assert_int_equal(a->smpp.again_max_ms, 6000);
	assert_string_equal(a->smpp.system_type, "T");
	assert_true(a->smpp.dest_addr_subunit);
	assert_int_equal(b->kind, SETTINGS_MODEM);
	assert_string_equal(b->device, "/dev/ttyUSB2");
	assert_int_equal(b->speed, 9600);
	assert_string_equal(b->modem.pin, "1234");
	assert_int_equal(b->modem.own.type, 0x91);
	assert_string_equal(b->modem.smsc.digits, "447700900000");
	assert_int_equal(b->modem.command_ms, 1000);
	assert_int_equal(b->modem.send_ms, 7000);
	assert_int_equal(b->modem.register_ms, 8000);
	settings_free(s);
}

/* As it is installed: it starts, and is told of its ways later. */
static void test_no_way_is_none_yet(void **state)
{
	struct conf_error error;
	struct settings *const s = load("ways = ( );", &error);
	(void)state;
	assert_non_null(s);
	assert_int_equal(s->ways_len, 0);
	settings_free(s);
}

static void test_what_is_wrong_is_said(void **state)
{
	(void)state;
	says("", "ways is missing");
	says("ways = 1;", "at most 8 groups");
	says("ways = { };", "at most 8 groups");
	says("\ncolour = 1; " ONE, ":2: colour is no setting here; there are user, group");
	says("answer_s = 0; " ONE, "answer_s = 0; it must be 1 to 300");
	says("answer_s = \"1\"; " ONE, "answer_s is a text; it must be a decimal number");
	says("user = 1; " ONE, "user is a number; it must be a text");
	says("log_level = \"loud\"; " ONE, "error, warn, info or debug");
	says("answer_s = 1; answer_s = 2; " ONE, "duplicate");
	says("@include \"/etc/passwd\"\n" ONE, "@include");
	says("ways = ( 1 );", "a way must be a group");
	says("ways = ( { name = \"a\"; } );", "one of the groups smpp { } and modem { }");
	says("ways = ( { " SMPP "}; } );", "name is missing");
	says("ways = ( { name = \"a\"; " SMPP "}; " MODEM "}; } );", "one of the groups");
	says("ways = ( { name = \"a\"; number = \"+44 7\"; " SMPP "}; } );", "digits");
	says("ways = ( { name = \"a\"; " SMPP "tls = true; }; } );", "anchors_file must name");
	says("ways = ( { name = \"a\"; " SMPP "anchors_file = \"x\"; }; } );", "tls = true only");
	says("ways = ( { name = \"a\"; " SMPP "}; }, { name = \"a\"; " SMPP "}; } );",
		"there is a way \"a\" already");
	says("ways = ( { name = \"a\"; smpp = { host = \"h\"; system_id = \"gw\"; "
	     "password_file = \"open\"; }; } );",
		"chmod");
	says("ways = ( { name = \"a\"; smpp = { host = \"h\"; system_id = \"gw\"; "
	     "password_file = \"none\"; }; } );",
		"/none");
	says("ways = ( { name = \"a\"; " MODEM "pin_file = \"password\"; }; } );", "digits only");
}

static void test_password_that_is_too_long(void **state)
{
	(void)state;
	put("password", "123456789\n", 0600);
	says(ONE, "a password of 1 to 8 characters");
	put("password", "\n", 0600);
	says(ONE, "a password of 1 to 8 characters");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_of_two_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_way_is_none_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_wrong_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(test_password_that_is_too_long, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
