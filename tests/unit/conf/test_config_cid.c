/* SPDX-License-Identifier: Apache-2.0 */
/* Connection ids: with whom, how they look, how addresses are checked, and who is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/address.h"
#include "conf/config.h"

enum { TEXT = 2048, FIELD = 64 };

/* The upstream is on line 2, what is put to it on line 3. */
static const char *file_with(const char *listener, const char *upstream, const char *more)
{
	static char text[TEXT];
	(void)snprintf(text, sizeof(text),
		"listeners = ( { address = \"::\"; %s } );\n"
		"upstream = { address = \"192.0.2.10\"; %s };\n%s",
		listener, upstream, more);
	return text;
}

static struct conf_gateway good(const char *listener, const char *upstream, const char *more)
{
	struct conf_error e = { 0 };
	struct conf_gateway c;
	if (!conf_parse(file_with(listener, upstream, more), "F", &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static void refused(const char *listener, const char *upstream, const char *more, const char *what)
{
	struct conf_error e = { 0 };
	struct conf_gateway c;
	if (conf_parse(file_with(listener, upstream, more), "F", &c, &e))
		fail_msg("taken: %s %s %s", listener, upstream, more);
	assert_string_equal(e.text, what);
}

static void test_R160_connection_ids_are_on_and_nobody_is_told(void **state)
{
	(void)state;
	struct conf_gateway c = good("", "", "");
	assert_int_equal(c.listener_dtls[0].cid, CONF_CID_ON);
	assert_int_equal(c.listener_dtls[0].move, CONF_MOVE_CHECK);
	assert_int_equal(c.upstreams[0].dtls.cid, CONF_CID_ON);
	assert_int_equal(c.cid_node, 0);
	assert_int_equal(c.cid_random, 8);
	assert_int_equal(c.cid_padding, 0);
	assert_int_equal(c.told_len, 0);
	assert_int_equal(c.told_rate, 10);
	conf_free(&c);
}

static void check_ids(
	const char *listener, const char *upstream, enum conf_cid at_listener, enum conf_cid up)
{
	struct conf_gateway c = good(listener, upstream, "");
	assert_int_equal(c.listener_dtls[0].cid, at_listener);
	assert_int_equal(c.upstreams[0].dtls.cid, up);
	conf_free(&c);
}

static void test_R160_each_listener_and_the_upstream_have_their_own(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		enum conf_cid cid;
	} ids[] = { { "off", CONF_CID_OFF }, { "send", CONF_CID_SEND }, { "on", CONF_CID_ON } };
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		char field[FIELD];
		(void)snprintf(field, sizeof(field), "connection_ids = \"%s\";", ids[i].word);
		check_ids(field, "", ids[i].cid, CONF_CID_ON);
		check_ids("", field, CONF_CID_ON, ids[i].cid);
	}
	refused("connection_ids = \"yes\";", "", "",
		"F:1: listeners.connection_ids: \"yes\" is not known; use one of off|send|on");
}

static void test_R153_each_listener_has_its_check_of_addresses(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		enum conf_move move;
	} checks[] = { { "check", CONF_MOVE_CHECK }, { "check-old", CONF_MOVE_CHECK_OLD },
		{ "trust", CONF_MOVE_TRUST } };
	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		char field[FIELD];
		(void)snprintf(field, sizeof(field), "address_check = \"%s\";", checks[i].word);
		struct conf_gateway c = good(field, "", "");
		assert_int_equal(c.listener_dtls[0].move, checks[i].move);
		conf_free(&c);
	}
	refused("address_check = \"rrc\";", "", "",
		"F:1: listeners.address_check: \"rrc\" is not known; use one of "
		"check|check-old|trust");
	refused("", "address_check = \"check\";", "",
		"F:2: unknown key upstream.address_check; did you mean listeners.address_check?");
}

static void test_R153_a_check_of_what_cannot_move_is_refused(void **state)
{
	(void)state;
	static const char *const without[] = {
		"connection_ids = \"off\"; address_check = \"trust\";",
		"address_check = \"check\"; connection_ids = \"send\";",
	};
	for (size_t i = 0; i < COUNT_OF(without); i++)
		refused(without[i], "", "",
			"F:1: listeners.address_check: without a connection id of the gateway's a "
			"device is known at one address only, and none is checked; set "
			"connection_ids = \"on\", or remove this line");
}

static void test_S25_form_and_padding_are_in_their_ranges(void **state)
{
	(void)state;
	struct conf_gateway c =
		good("", "", "connection_ids = { node = 255; random = 16; padding = 1024; };");
	assert_int_equal(c.cid_node, 255);
	assert_int_equal(c.cid_random, 16);
	assert_int_equal(c.cid_padding, 1024);
	conf_free(&c);
	refused("", "", "connection_ids = { node = 256; };",
		"F:3: connection_ids.node: 256 is out of range; use 0 to 255");
	refused("", "", "connection_ids = { random = 7; };",
		"F:3: connection_ids.random: 7 is out of range; use 8 to 16 bytes");
	refused("", "", "connection_ids = { random = 17; };",
		"F:3: connection_ids.random: 17 is out of range; use 8 to 16 bytes");
	refused("", "", "connection_ids = { padding = 1025; };",
		"F:3: connection_ids.padding: 1025 is out of range; use 0 to 1024 bytes");
	refused("", "", "connection_ids = \"on\";",
		"F:3: connection_ids: is a text; write a group: connection_ids = { ... };");
	refused("", "", "connection_ids = { nodes = 1; };",
		"F:3: unknown key connection_ids.nodes; did you mean connection_ids.node?");
}

static bool holds(const struct conf_gateway *c, const char *text)
{
	struct net_addr a;
	assert_null(conf_address_parse(text, 40000, &a));
	for (size_t i = 0; i < c->told_len; i++) {
		if (conf_prefix_holds(&c->told[i], &a))
			return true;
	}
	return false;
}

static void test_S27_only_who_is_in_a_prefix_is_told(void **state)
{
	(void)state;
	struct conf_gateway c = good("", "",
		"connection_ids = { tell = [ \"10.64.0.0/15\", \"2001:db8:8000::/33\","
		" \"192.0.2.7\" ]; tell_rate = 1000; };");
	assert_int_equal(c.told_len, 3);
	assert_int_equal(c.told_rate, 1000);
	assert_true(holds(&c, "10.64.0.0"));
	assert_true(holds(&c, "10.65.255.255"));
	assert_false(holds(&c, "10.66.0.0"));
	assert_false(holds(&c, "10.63.255.255"));
	assert_true(holds(&c, "192.0.2.7"));
	assert_false(holds(&c, "192.0.2.6"));
	assert_true(holds(&c, "2001:db8:8000::1"));
	assert_false(holds(&c, "2001:db8:7fff::1"));
	/* Octets of the one family are no address of the other. */
	assert_false(holds(&c, "a40::"));
	conf_free(&c);
}

static void test_S27_prefixes_are_checked_as_sources_are(void **state)
{
	(void)state;
	refused("", "", "connection_ids = { tell = [ \"10.0.0.1/8\" ]; };",
		"F:3: connection_ids.tell: \"10.0.0.1/8\" has bits beyond its length; write the "
		"first address of the range");
	refused("", "", "connection_ids = { tell = [ \"10.0.0.0/7\" ]; };",
		"F:3: connection_ids.tell: \"10.0.0.0/7\" has a wrong length; use /8 to /32");
	refused("", "", "connection_ids = { tell = [ \"fleet\" ]; };",
		"F:3: connection_ids.tell: \"fleet\" is no IP address; write it like 192.0.2.10 or "
		"2001:db8::10");
	refused("", "",
		"connection_ids = { tell = [ \"::1\", \"10.0.0.0/8\", \"10.1.0.0/16\" ]; };",
		"F:3: connection_ids.tell: \"10.1.0.0/16\" overlaps with \"10.0.0.0/8\"; leave "
		"one");
	refused("", "", "connection_ids = { tell = \"10.0.0.0/8\"; };",
		"F:3: connection_ids.tell: is a text; write an array like [ \"a\", \"b\" ]");
	refused("", "", "connection_ids = { tell_rate = 0; };",
		"F:3: connection_ids.tell_rate: 0 is out of range; use 1 to 1000 alerts");
	refused("", "", "connection_ids = { tell_rate = 1001; };",
		"F:3: connection_ids.tell_rate: 1001 is out of range; use 1 to 1000 alerts");
}

/* 16 of them, and not one more. */
static void test_S27_there_are_not_more_prefixes_than_places(void **state)
{
	(void)state;
	char list[TEXT / 2] = "connection_ids = { tell = [ \"10.0.0.1\"";
	for (size_t i = 2; i <= CONF_TOLD_MAX; i++) {
		const size_t len = strlen(list);
		(void)snprintf(list + len, sizeof(list) - len, ", \"10.0.0.%zu\"", i);
	}
	const size_t len = strlen(list);
	(void)snprintf(list + len, sizeof(list) - len, " ]; };");
	struct conf_gateway c = good("", "", list);
	assert_int_equal(c.told_len, CONF_TOLD_MAX);
	conf_free(&c);
	(void)snprintf(list + len, sizeof(list) - len, ", \"10.0.0.17\" ]; };");
	refused("", "", list, "F:3: connection_ids.tell: has 17 members; use at most 16");
}

static void test_R046_what_CIDs_look_like_needs_a_restart_the_rest_does_not(void **state)
{
	(void)state;
	static const struct {
		const char *listener, *upstream, *more, *fixed;
	} changes[] = {
		{ "", "", "connection_ids = { node = 1; };", "connection_ids.node" },
		{ "", "", "connection_ids = { random = 9; };", "connection_ids.random" },
		{ "", "", "connection_ids = { padding = 16; };", "connection_ids.padding" },
		{ "", "", "connection_ids = { tell = [ \"10.0.0.0/8\" ]; tell_rate = 1; };", NULL },
		{ "connection_ids = \"off\";", "connection_ids = \"send\";", "", NULL },
		{ "address_check = \"trust\";", "", "", NULL },
	};
	struct conf_gateway *const now = calloc(1, sizeof(*now));
	assert_non_null(now);
	*now = good("", "", "");
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		static struct conf_gateway next;
		next = good(changes[i].listener, changes[i].upstream, changes[i].more);
		const char *path = conf_fixed(now, &next, 0);
		if (changes[i].fixed == NULL)
			assert_null(path);
		else
			assert_string_equal(path, changes[i].fixed);
		assert_null(conf_fixed(now, &next, 1));
		conf_free(&next);
	}
	conf_free(now);
	free(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R160_connection_ids_are_on_and_nobody_is_told),
		cmocka_unit_test(test_R160_each_listener_and_the_upstream_have_their_own),
		cmocka_unit_test(test_R153_each_listener_has_its_check_of_addresses),
		cmocka_unit_test(test_R153_a_check_of_what_cannot_move_is_refused),
		cmocka_unit_test(test_S25_form_and_padding_are_in_their_ranges),
		cmocka_unit_test(test_S27_only_who_is_in_a_prefix_is_told),
		cmocka_unit_test(test_S27_prefixes_are_checked_as_sources_are),
		cmocka_unit_test(test_S27_there_are_not_more_prefixes_than_places),
		cmocka_unit_test(test_R046_what_CIDs_look_like_needs_a_restart_the_rest_does_not),
	};
	return cmocka_run_group_tests_name("conf/config_cid", tests, NULL, NULL);
}
