/* SPDX-License-Identifier: Apache-2.0 */
/* Several servers, the routes to them, and radios of listeners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/config.h"

#define BS     "{ name = \"bs\"; address = \"192.0.2.1\"; }"
#define METERS "{ name = \"meters\"; address = \"192.0.2.2\"; port = 5700; }"
#define REST   "{ name = \"rest\"; address = \"2001:db8::1\"; }"
#define THREE  "upstreams = ( " BS ",\n " METERS ",\n " REST " );\n"

static struct conf_gateway good(const char *text)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	if (!conf_parse(text, "F", &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static void says(const char *text, const char *wanted)
{
	struct conf_error e = { "" };
	struct conf_gateway c;
	if (conf_parse(text, "F", &c, &e)) {
		conf_free(&c);
		fail_msg("taken: %s", text);
	}
	assert_null(c.upstreams);
	assert_null(c.routes);
	if (strstr(e.text, wanted) == NULL)
		fail_msg("\"%s\" is not in: %s", wanted, e.text);
}

static void test_one_upstream_without_a_name_is_as_it_was(void **state)
{
	(void)state;
	struct conf_gateway c = good("upstream = { address = \"192.0.2.10\"; };");
	assert_int_equal(c.upstreams_len, 1);
	assert_string_equal(c.upstreams[0].name, "upstream");
	assert_int_equal(c.upstreams[0].addresses_len, 1);
	assert_string_equal(c.upstreams[0].hosts[0], "192.0.2.10");
	assert_int_equal(c.routes_len, 0);
	assert_int_equal(c.listener_radio[0], CONF_RADIO_ETHERNET);
	assert_string_equal(c.file, "F");
	conf_free(&c);
}

static void test_R023_upstreams_and_routes(void **state)
{
	(void)state;
	char text[NET_TEXT_MAX];
	struct conf_gateway c = good(THREE
		"listeners = ( { address = \"0.0.0.0\"; }, { address = \"::\"; port = 5690; } );\n"
		"routes = ( { to = \"bs\"; purpose = \"bootstrap\"; },\n"
		" { to = \"meters\"; endpoint = \"urn:imei:35*\"; labels = [ \"meter\", \"a b\" "
		"];\n"
		"   listener = \"[::]:5690\"; },\n"
		" { to = \"rest\"; } );\n");
	assert_int_equal(c.upstreams_len, 3);
	assert_string_equal(net_addr_text(&c.upstreams[1].addresses[0], text), "192.0.2.2:5700");
	assert_string_equal(c.upstreams[2].name, "rest");
	assert_int_equal(c.upstreams[2].sockets, 4096);
	assert_int_equal(c.routes_len, 3);
	assert_true(c.routes[0].has_purpose);
	assert_int_equal(c.routes[0].purpose, CONF_FOR_BOOTSTRAP);
	assert_null(c.routes[0].endpoint);
	assert_int_equal(c.routes[0].listener, CONF_LISTENERS_MAX);
	assert_int_equal(c.routes[1].to, 1);
	assert_int_equal(c.routes[1].line, 6);
	assert_false(c.routes[1].has_purpose);
	assert_string_equal(c.routes[1].endpoint, "urn:imei:35*");
	assert_int_equal(c.routes[1].labels.len, 2);
	assert_int_equal(c.routes[1].listener, 1);
	assert_int_equal(c.routes[2].to, 2);
	conf_free(&c);
}

static void test_each_upstream_has_its_own_settings(void **state)
{
	(void)state;
	struct conf_gateway c =
		good("upstreams = ( { name = \"a\"; address = \"192.0.2.1\"; sockets = 5;\n"
		     "  sources = [ \"198.51.100.0/24\" ]; master_secret_file = \"m\";\n"
		     "  suites = [ \"TLS_PSK_WITH_AES_128_CCM_8\" ]; connection_ids = \"off\"; },\n"
		     "  { name = \"b\"; address = \"192.0.2.1\"; credential = \"raw_public_key\";\n"
		     "    private_key_file = \"k\"; server_public_key = [ \"p\" ]; } );\n"
		     "routes = ( { to = \"a\"; endpoint = \"x\"; }, { to = \"b\"; } );");
	const struct conf_upstream *a = &c.upstreams[0], *b = &c.upstreams[1];
	assert_int_equal(a->sockets, 5);
	assert_int_equal(a->sources_len, 1);
	assert_string_equal(a->master_secret_file, "m");
	assert_int_equal(a->dtls.suites_len, 1);
	assert_int_equal(a->dtls.cid, CONF_CID_OFF);
	assert_int_equal(a->dtls.proof, CONF_BY_PSK);
	assert_int_equal(b->sockets, 4096);
	assert_int_equal(b->sources_len, 0);
	assert_null(b->master_secret_file);
	assert_int_equal(b->dtls.proof, CONF_BY_RAW_KEY);
	assert_string_equal(b->dtls.pins[0].file, "p");
	assert_int_equal(b->dtls.cid, CONF_CID_ON);
	conf_free(&c);
}

static void test_several_addresses_of_one_server(void **state)
{
	(void)state;
	char text[NET_TEXT_MAX];
	struct conf_gateway c =
		good("upstream = { address = [ \"192.0.2.1\", \"192.0.2.9\" ]; port = 7; };");
	assert_int_equal(c.upstreams[0].hosts_len, 2);
	assert_int_equal(c.upstreams[0].addresses_len, 2);
	assert_string_equal(net_addr_text(&c.upstreams[0].addresses[1], text), "192.0.2.9:7");
	conf_free(&c);
	says("upstream = { address = [ ]; };", "F:1: upstream.address: is empty");
	says("upstream = { address = 5; };", "is a number; write a text in quotes, or an array");
	says("upstream = { address = [ 5 ]; };", "member 1 is a number");
	says("upstream = { address = [ \"\" ]; };", "member 1 is no address");
	says("upstream = { address = [ \"192.0.2.1\", \"192.0.2.1\" ]; };", "is there twice");
	says("upstream = { address = [ \"192.0.2.1\", \"::1\" ]; };", "another family");
	says("upstream = { address = [ \"192.0.2.1\", \"a b\" ]; };", "\"a b\": is no IP address");
	says("upstream = { address = [ \"1.1.1.1\", \"1.1.1.2\", \"1.1.1.3\", \"1.1.1.4\", "
	     "\"1.1.1.5\" ]; };",
		"has 5 members; use at most 4");
	says("upstream = { address = [ \"192.0.2.1\", \"224.0.0.1\" ]; };", "multicast");
}

static void test_what_is_wrong_with_upstreams_is_said_with_its_line(void **state)
{
	(void)state;
	says("upstream = { address = \"192.0.2.1\"; };\nupstreams = ( " BS " );",
		"F:2: upstream and upstreams are both there");
	says("upstreams = ( " BS ",\n " BS " );\n", "F:2: upstreams.name: \"bs\" is there twice");
	says("upstreams = ( { address = \"192.0.2.1\"; } );", "F:1: upstreams.name is missing");
	says("upstreams = ( { name = \"a\"; } );", "F:1: upstream.address is missing");
	says("upstreams = ( { name = \"a b\"; address = \"192.0.2.1\"; } );", "has a blank");
	says("upstreams = ( );", "use 1 to 8");
	says("upstreams = { };", "is a group { }; write upstreams = (");
	says("upstreams = ( 5 );", "upstreams: member 1 is a number");
	says("upstreams = ( { name = \"a\"; adress = \"192.0.2.1\"; } );",
		"unknown key upstream.adress; did you mean upstream.address?");
	says("upstreams = ( " BS ",\n { name = \"b\"; address = \"192.0.2.1\"; port = 0; } );",
		"F:2: upstream.port: 0 is out of range");
	says("upstreams = ( " BS ",\n { name = \"b\"; address = \"192.0.2.1\";\n"
	     "crl_file = \"x\"; } ); routes = ( { to = \"b\"; }, { to = \"bs\"; } );",
		"F:3: upstream.crl_file: is not used with");
}

static void test_what_is_wrong_with_routes_is_said_with_its_line(void **state)
{
	(void)state;
	says(THREE, "F:1: there are 3 upstreams and no routes");
	says(THREE "routes = ( { to = \"bs\"; endpoint = \"a\"; },\n { to = \"meters\"; } );",
		"F:4: routes: none leads to \"rest\"");
	says(THREE "routes = ( { to = \"bs\"; },\n { to = \"metres\"; } );",
		"F:5: routes.to: no upstream has the name \"metres\"; use one of \"bs\", "
		"\"meters\", \"rest\"");
	says(THREE "routes = ( { purpose = \"any\"; } );", "F:4: routes.to is missing");
	says(THREE "routes = ( { to = \"bs\"; purpose = \"boot\"; } );",
		"routes.purpose: \"boot\" is not known");
	says(THREE "routes = ( { to = \"bs\"; listener = \"0.0.0.0:1\"; } );",
		"F:4: routes.listener: there is no listener \"0.0.0.0:1\"");
	says(THREE "routes = ( { to = \"bs\"; labels = [ \"a\", \"a\" ]; } );",
		"F:4: routes.labels: member 2");
	says(THREE "routes = ( );", "use 1 to 64");
	says(THREE "routes = ( { to = \"bs\"; name = \"x\"; } );", "unknown key routes.name");
}

static void test_a_listener_has_a_radio(void **state)
{
	(void)state;
	struct conf_gateway c =
		good("upstream = { address = \"192.0.2.1\"; };\n"
		     "listeners = ( { address = \"0.0.0.0\"; radio = \"nb-iot\"; },\n"
		     " { address = \"::\"; }, { address = \"::\"; port = 1; radio = \"lte-m\"; },\n"
		     " { address = \"::\"; port = 2; radio = \"sms\"; } );");
	assert_int_equal(c.listener_radio[0], CONF_RADIO_NB_IOT);
	assert_int_equal(c.listener_radio[1], CONF_RADIO_ETHERNET);
	assert_int_equal(c.listener_radio[2], CONF_RADIO_LTE_M);
	assert_int_equal(c.listener_radio[3], CONF_RADIO_SMS);
	conf_free(&c);
	says("upstream = { address = \"192.0.2.1\"; };\n"
	     "listeners = ( { address = \"0.0.0.0\"; radio = \"gsm\"; } );",
		"F:2: listeners.radio: \"gsm\" is not known");
}

static int update_of(const char *text)
{
	struct conf_gateway c = good(text);
	const int update = (int)c.relay_update;
	conf_free(&c);
	return update;
}

static void test_R267_an_update_after_a_handshake(void **state)
{
	(void)state;
	static const char *const words[] = { "forward", "4.04", "auto" };
	assert_int_equal(
		update_of("upstream = { address = \"192.0.2.1\"; };"), CONF_UPDATE_FORWARD);
	for (int i = 0; i < 3; i++) {
		char text[160];
		(void)snprintf(text, sizeof(text),
			"upstream = { address = \"192.0.2.1\"; };\n"
			"relay = { update_after_handshake = \"%s\"; };",
			words[i]);
		assert_int_equal(update_of(text), i);
	}
}

/* Of a name: what it stands for; of one that is unknown: nothing, as long as there is another. */
static void test_names_are_looked_up(void **state)
{
	(void)state;
	char path[] = "/tmp/lwgate-test-XXXXXX";
	static const char text[] =
		"upstream = { address = [ \"no-such-name.invalid\", \"localhost\" ]; };\n";
	struct conf_error e = { "" };
	struct conf_gateway c;
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	(void)close(fd);
	const bool ok = conf_load(path, &c, &e);
	(void)unlink(path);
	if (!ok)
		fail_msg("%s", e.text);
	assert_in_range(c.upstreams[0].addresses_len, 1, 4);
	assert_int_equal(c.upstreams[0].hosts_len, 2);
	conf_free(&c);
}

static const char *fixed(const char *now, const char *next, size_t number)
{
	static struct conf_gateway a, b;
	a = good(now);
	b = good(next);
	const char *const path = conf_fixed(&a, &b, number);
	conf_free(&a);
	conf_free(&b);
	return path;
}

static void test_what_of_upstreams_a_reload_does_not_take(void **state)
{
	(void)state;
#define ONE(name, more) "upstreams = ( { name = \"" name "\"; address = \"192.0.2.1\"; " more "} );"
	assert_null(fixed(ONE("a", ""), ONE("a", ""), 0));
	assert_null(fixed(ONE("a", ""), ONE("a", "connection_ids = \"off\"; "), 0));
	assert_null(fixed(ONE("a", ""), ONE("a", "") "routes = ( { to = \"a\"; } );", 0));
	assert_string_equal(fixed(ONE("a", ""), ONE("b", "port = 7; "), 0), "upstreams");
	assert_null(fixed(ONE("a", ""), ONE("b", "port = 7; "), 1));
	assert_string_equal(fixed(ONE("a", ""), ONE("a", "port = 7; "), 0), "upstream.port");
	assert_string_equal(fixed(ONE("a", ""), ONE("a", "sockets = 7; "), 0), "upstream.sockets");
	assert_string_equal(fixed(ONE("a", ""), ONE("a", "master_secret_file = \"x\"; "), 0),
		"upstream.master_secret_file");
	assert_string_equal(
		fixed("upstream = { address = \"192.0.2.1\"; };",
			"upstream = { address = [ \"192.0.2.1\", \"192.0.2.2\" ]; };", 0),
		"upstream.address");
	assert_string_equal(
		fixed("upstream = { address = \"192.0.2.1\"; }; listeners = ( { address = \"::\"; "
		      "} );",
			"upstream = { address = \"192.0.2.1\"; }; listeners = ( { address = "
			"\"::\"; radio = \"sms\"; } );",
			0),
		"listeners.radio");
	/* The group is an upstream of that name. */
	assert_null(fixed("upstream = { address = \"192.0.2.1\"; };", ONE("upstream", ""), 0));
}

static void test_there_are_ports_for_all_sockets(void **state)
{
	(void)state;
#define TWO(first, second)                                                                         \
	"workers = 4;\nupstreams = ( { name = \"a\"; address = \"192.0.2.1\"; " first "},\n"       \
	" { name = \"b\"; address = \"192.0.2.2\"; " second "} );\n"                               \
	"routes = ( { to = \"a\"; endpoint = \"x\"; }, { to = \"b\"; } );"
	struct conf_gateway c = good(TWO("sockets = 8000; ", "sockets = 8127; "));
	conf_free(&c);
	says(TWO("sockets = 8000; ", "sockets = 8128; "),
		"F:3: upstream.sockets: 16128 sockets for links, for each of 4 workers, need a "
		"port "
		"each, and there are 64511; use fewer, with upstream.sources");
	/* What nobody has written fits by itself. */
	c = good(TWO("sockets = 16000; ", ""));
	assert_int_equal(c.upstreams[0].sockets, 16000);
	assert_int_equal(c.upstreams[1].sockets, 127);
	conf_free(&c);
	c = good("workers = 64; upstream = { address = \"192.0.2.1\"; };");
	assert_int_equal(c.upstreams[0].sockets, 64511 / 64);
	conf_free(&c);
	says(TWO("sockets = 16127; ", ""), "F:2: upstream.sockets: ");
}

static void test_links_are_opened_at_a_pace(void **state)
{
	(void)state;
	struct conf_gateway c = good("upstream = { address = \"192.0.2.1\"; handshakes_per_s = "
				     "50; handshakes_max = 9; };");
	assert_int_equal(c.upstreams[0].handshakes_per_s, 50);
	assert_int_equal(c.upstreams[0].handshakes_max, 9);
	conf_free(&c);
	c = good(ONE("a", ""));
	assert_int_equal(c.upstreams[0].handshakes_per_s, 0);
	assert_int_equal(c.upstreams[0].handshakes_max, 0);
	conf_free(&c);
	says("upstream = {\naddress = \"192.0.2.1\";\nhandshakes_per_s = 1000001; };", "F:3: ");
	says("upstream = {\naddress = \"192.0.2.1\";\nhandshakes_max = -1; };", "F:3: ");
	assert_string_equal(fixed(ONE("a", ""), ONE("a", "handshakes_per_s = 7; "), 0),
		"upstream.handshakes_per_s");
	assert_string_equal(fixed(ONE("a", ""), ONE("a", "handshakes_max = 7; "), 0),
		"upstream.handshakes_max");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_upstream_without_a_name_is_as_it_was),
		cmocka_unit_test(test_R023_upstreams_and_routes),
		cmocka_unit_test(test_each_upstream_has_its_own_settings),
		cmocka_unit_test(test_several_addresses_of_one_server),
		cmocka_unit_test(test_what_is_wrong_with_upstreams_is_said_with_its_line),
		cmocka_unit_test(test_what_is_wrong_with_routes_is_said_with_its_line),
		cmocka_unit_test(test_a_listener_has_a_radio),
		cmocka_unit_test(test_R267_an_update_after_a_handshake),
		cmocka_unit_test(test_names_are_looked_up),
		cmocka_unit_test(test_what_of_upstreams_a_reload_does_not_take),
		cmocka_unit_test(test_there_are_ports_for_all_sockets),
		cmocka_unit_test(test_links_are_opened_at_a_pace),
	};
	return cmocka_run_group_tests_name("conf/config_upstreams", tests, NULL, NULL);
}
