/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/routes.h"

#define UPSTREAMS                                                                                  \
	"upstreams = ( { name = \"a\"; address = \"192.0.2.1\"; },"                                \
	" { name = \"b\"; address = \"192.0.2.2\"; }, { name = \"c\"; address = \"192.0.2.3\"; } " \
	");\n"
#define LISTENERS "listeners = ( { address = \"0.0.0.0\"; }, { address = \"::\"; } );\n"

static struct gw_routes *make(const char *routes, struct conf_error *error)
{
	static char text[4096];
	struct conf_gateway c;
	error->text[0] = '\0';
	(void)snprintf(text, sizeof(text), "%s%s", UPSTREAMS LISTENERS, routes);
	if (!conf_parse(text, "F", &c, error))
		fail_msg("%s", error->text);
	struct gw_routes *const r = gw_routes_new(&c, error);
	conf_free(&c);
	return r;
}

static struct gw_routes *good(const char *routes)
{
	struct conf_error error;
	struct gw_routes *const r = make(routes, &error);
	if (!r)
		fail_msg("%s", error.text);
	return r;
}

static void unreached(const char *routes, const char *wanted)
{
	struct conf_error error;
	assert_null(make(routes, &error));
	if (!strstr(error.text, wanted))
		fail_msg("\"%s\" is not in: %s", wanted, error.text);
}

static uint8_t ask(const struct gw_routes *r, const char *endpoint, enum conf_purpose purpose,
	const char *label, size_t listener)
{
	const struct gw_route_facts f = { .endpoint = endpoint,
		.purpose = purpose,
		.labels = &label,
		.labels_len = label ? 1 : 0,
		.listener = listener };
	return gw_routes_ask(r, &f);
}

static void test_R023_the_first_route_that_fits_decides(void **state)
{
	(void)state;
	struct gw_routes *const r =
		good("routes = ( { to = \"a\"; purpose = \"bootstrap\"; },\n"
		     " { to = \"b\"; endpoint = \"urn:imei:35*\"; labels = [ \"meter\" ]; },\n"
		     " { to = \"c\"; endpoint = \"urn:imei:3?\"; },\n"
		     " { to = \"a\"; listener = \"[::]:5684\"; purpose = \"any\"; } );");
	assert_int_equal(ask(r, "urn:imei:3512", CONF_FOR_BOOTSTRAP, "meter", 0), 0);
	assert_int_equal(ask(r, "urn:imei:3512", CONF_FOR_SERVER, "meter", 0), 1);
	assert_int_equal(ask(r, "urn:imei:35", CONF_FOR_ANY, "meter", 0), 1);
	assert_int_equal(ask(r, "urn:imei:35", CONF_FOR_ANY, NULL, 0), 2);
	assert_int_equal(ask(r, "urn:imei:35", CONF_FOR_ANY, "other", 0), 2);
	assert_int_equal(ask(r, "x", CONF_FOR_ANY, NULL, 1), 0);
	assert_int_equal(ask(r, "x", CONF_FOR_ANY, NULL, 0), GW_NO_UPSTREAM);
	assert_int_equal(ask(r, "x", CONF_FOR_SERVER, NULL, 1), GW_NO_UPSTREAM);
	assert_int_equal(gw_routes_everybody(r), GW_NO_UPSTREAM);
	gw_routes_free(r);
}

static void test_R023_all_labels_of_a_route_are_needed(void **state)
{
	(void)state;
	struct gw_routes *const r =
		good("routes = ( { to = \"b\"; labels = [ \"x\", \"y\" ]; },"
		     " { to = \"c\"; labels = [ \"x\" ]; }, { to = \"a\"; } );");
	static const char *const labels[] = { "y", "z", "x" };
	struct gw_route_facts f = { .endpoint = "e", .labels = labels, .labels_len = 3 };
	assert_int_equal(gw_routes_ask(r, &f), 1);
	f.labels_len = 2;
	assert_int_equal(gw_routes_ask(r, &f), 0);
	f.labels = labels + 1;
	assert_int_equal(gw_routes_ask(r, &f), 2);
	gw_routes_free(r);
}

static void test_a_route_that_nothing_reaches_is_an_error(void **state)
{
	(void)state;
	unreached("routes = ( { to = \"a\"; },\n { to = \"b\"; endpoint = \"x\"; }, { to = \"c\"; "
		  "} );",
		"F:4: routes: nothing reaches the route to \"b\", as the one in line 3 takes all");
	unreached("routes = ( { to = \"a\"; endpoint = \"x*\"; },\n { to = \"b\"; endpoint = "
		  "\"xy\"; purpose = \"server\"; }, { to = \"c\"; } );",
		"F:4:");
	unreached("routes = ( { to = \"a\"; endpoint = \"*\"; },\n { to = \"b\"; },\n"
		  " { to = \"c\"; } );",
		"F:4:");
	unreached("routes = ( { to = \"a\"; labels = [ \"x\" ]; },\n { to = \"b\"; },\n"
		  " { to = \"c\"; labels = [ \"y\", \"x\" ]; } );",
		"F:5: routes: nothing reaches the route to \"c\", as the one in line 3");
	unreached("routes = ( { to = \"a\"; listener = \"0.0.0.0:5684\"; },\n"
		  " { to = \"b\"; listener = \"0.0.0.0:5684\"; }, { to = \"c\"; } );",
		"F:4:");
	unreached("routes = ( { to = \"a\"; purpose = \"any\"; },\n"
		  " { to = \"b\"; purpose = \"any\"; }, { to = \"c\"; } );",
		"F:4:");
}

static void test_what_can_be_reached_is_no_error(void **state)
{
	(void)state;
	static const char *const lists[] = {
		"routes = ( { to = \"a\"; purpose = \"any\"; }, { to = \"b\"; purpose = "
		"\"server\"; "
		"}, { to = \"c\"; } );",
		"routes = ( { to = \"a\"; endpoint = \"x*\"; }, { to = \"b\"; endpoint = \"*x\"; "
		"}, "
		"{ to = \"c\"; } );",
		"routes = ( { to = \"a\"; labels = [ \"x\", \"y\" ]; }, { to = \"b\"; labels = [ "
		"\"x\" ]; }, { to = \"c\"; } );",
		"routes = ( { to = \"a\"; listener = \"0.0.0.0:5684\"; }, { to = \"b\"; listener = "
		"\"[::]:5684\"; }, { to = \"c\"; } );",
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		gw_routes_free(good(lists[i]));
}

static void test_without_routes_all_go_to_the_only_one(void **state)
{
	(void)state;
	struct conf_error error;
	struct conf_gateway c;
	assert_true(conf_parse("upstream = { address = \"192.0.2.1\"; };", "F", &c, &error));
	struct gw_routes *const r = gw_routes_new(&c, &error);
	conf_free(&c);
	assert_non_null(r);
	assert_int_equal(gw_routes_everybody(r), 0);
	assert_int_equal(ask(r, "", CONF_FOR_BOOTSTRAP, NULL, 15), 0);
	gw_routes_free(r);
}

static void test_routes_that_say_the_same(void **state)
{
	(void)state;
#define LAST " { to = \"b\"; endpoint = \"z\"; }, { to = \"c\"; } );"
	static const char *const lists[] = {
		"routes = ( { to = \"a\"; endpoint = \"x\"; }," LAST,
		"routes = ( { to = \"b\"; endpoint = \"x\"; }, { to = \"a\"; endpoint = \"y\"; "
		"}," LAST,
		"routes = ( { to = \"a\"; endpoint = \"y\"; }," LAST,
		"routes = ( { to = \"a\"; endpoint = \"x\"; purpose = \"any\"; }," LAST,
		"routes = ( { to = \"a\"; endpoint = \"x\"; purpose = \"server\"; }," LAST,
		"routes = ( { to = \"a\"; labels = [ \"x\" ]; }," LAST,
		"routes = ( { to = \"a\"; labels = [ \"y\" ]; }," LAST,
		"routes = ( { to = \"a\"; listener = \"[::]:5684\"; }," LAST,
	};
	enum { LISTS = sizeof(lists) / sizeof(lists[0]) };
	for (size_t i = 0; i < LISTS; i++) {
		for (size_t k = 0; k < LISTS; k++) {
			struct gw_routes *const a = good(lists[i]), *const b = good(lists[k]);
			assert_int_equal(gw_routes_same(a, b), i == k);
			gw_routes_free(a);
			gw_routes_free(b);
		}
	}
}

static void test_a_row_names_its_upstream(void **state)
{
	(void)state;
	static char a[] = "a", b[] = "b", only[] = "upstream";
	struct conf_upstream upstreams[] = { { .name = b }, { .name = a } };
	struct conf_gateway conf = { .upstreams = upstreams, .upstreams_len = 2 };
	assert_int_equal(gw_upstream_marked(&conf, gw_upstream_mark("a")), 1);
	assert_int_equal(gw_upstream_marked(&conf, gw_upstream_mark("b")), 0);
	assert_int_equal(gw_upstream_marked(&conf, gw_upstream_mark("x")), GW_NO_UPSTREAM);
	assert_int_equal(gw_upstream_marked(&conf, 0), GW_NO_UPSTREAM);
	upstreams[1].name = only;
	assert_int_equal(gw_upstream_marked(&conf, 0), 1); /* of an older program */
	assert_true(gw_upstream_same(0, 0));
	assert_true(gw_upstream_same(0, gw_upstream_mark("upstream")));
	assert_true(gw_upstream_same(gw_upstream_mark("upstream"), 0));
	assert_false(gw_upstream_same(gw_upstream_mark("a"), 0));
	assert_false(gw_upstream_same(gw_upstream_mark("a"), gw_upstream_mark("b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R023_the_first_route_that_fits_decides),
		cmocka_unit_test(test_R023_all_labels_of_a_route_are_needed),
		cmocka_unit_test(test_a_route_that_nothing_reaches_is_an_error),
		cmocka_unit_test(test_what_can_be_reached_is_no_error),
		cmocka_unit_test(test_without_routes_all_go_to_the_only_one),
		cmocka_unit_test(test_routes_that_say_the_same),
		cmocka_unit_test(test_a_row_names_its_upstream),
	};
	return cmocka_run_group_tests_name("gateway/routes", tests, NULL, NULL);
}
