/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of sessions when their route is another, awake or asleep. Both servers of the town
   are the one that there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"
#include "gateway/material.h"
#include "gateway/routes.h"
#include "gateway/session.h"
#include "town_night.h"

enum { QUIET_TURNS = 40 };

static const char other_name[] = "other";

/* A town whose gateway knows of two. */
static struct town *town_of_two(void)
{
	static char name[] = "other";
	struct town *const t = town_new_kept(1, CONF_POWER_RESUME, false);
	t->upstreams[1] = t->upstreams[0];
	t->upstreams[1].name = name;
	t->conf.upstreams_len = 2;
	town_restart(t, TOWN_KILLED);
	return t;
}

/* As a reload does, without the rest of it. */
static void route(struct town *t, const char *routes)
{
	static char text[1024];
	struct gw_worker *const w = t->workers[0];
	struct conf_error error = { "" };
	struct conf_gateway c;
	(void)snprintf(text, sizeof(text),
		"upstreams = ( { name = \"upstream\"; address = \"192.0.2.1\"; },"
		" { name = \"other\"; address = \"192.0.2.1\"; } ); routes = ( %s );",
		routes);
	if (!conf_parse(text, "F", &c, &error))
		fail_msg("%s", error.text);
	gw_material_unref(w->material);
	w->material = gw_material_new(&c, &error);
	conf_free(&c);
	if (!w->material)
		fail_msg("%s", error.text);
	w->reroutes++;
}

#define FIRST_TO_OTHER "{ to = \"other\"; endpoint = \"urn:dev:0\"; }, { to = \"upstream\"; }"
#define NOWHERE                                                                                    \
	"{ to = \"other\"; endpoint = \"x\"; }, "                                                  \
	"{ to = \"upstream\"; endpoint = \"y\"; }"

static uint64_t mark_of(struct town *t, size_t device)
{
	struct store_session row;
	town_settle(t);
	assert_true(town_row(t, device, &row));
	return row.upstream;
}

/* What it is registered as is the former server's: it is told so, and registers with the other one
   (which in this town is the same). */
static void is_led_over(struct town *t, size_t socket, size_t links)
{
	enum { NOT_FOUND = 0x84 };
	const size_t messages = t->devices.messages;
	town_update(t, socket);
	town_until(t, &t->devices.messages, messages + 1);
	assert_int_equal(t->devices.code, NOT_FOUND);
	assert_false(relay_device_registration(town_session(t, 0, 0)->relay)->active);
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, messages + 2);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	assert_int_equal(t->server.ups, links + 1);
	assert_int_equal(mark_of(t, 0), gw_upstream_mark(other_name));
	assert_int_equal(town_session(t, 0, 0)->upstream, 1);
	assert_int_equal(gw_worker_upstream(t->workers[0],
				 dtls_conn_path(town_session(t, 0, 0)->legs[GW_LINK].conn)->sock),
		1);
	town_updated(t, socket);
}

static void test_R008_a_session_that_is_awake_is_led_over(void **state)
{
	(void)state;
	struct town *const t = town_of_two();
	const size_t socket = town_registered(t, 0, 0), stays = town_registered(t, 1, 0);
	assert_int_equal(mark_of(t, 0), gw_upstream_mark("upstream"));
	const size_t downs = t->server.downs, links = t->server.ups;
	route(t, FIRST_TO_OTHER);
	is_led_over(t, socket, links);
	assert_int_equal(t->server.downs, downs + 1); /* the link was told */
	town_updated(t, stays);
	assert_int_equal(t->server.ups, links + 1);
	assert_int_equal(mark_of(t, 1), gw_upstream_mark("upstream"));
	town_free(t);
}

static void test_R008_a_session_that_sleeps_is_led_over_when_it_wakes(void **state)
{
	(void)state;
	struct town *const t = town_of_two();
	const size_t socket = town_registered(t, 0, 0);
	town_night(t);
	const size_t links = t->server.ups;
	route(t, FIRST_TO_OTHER);
	is_led_over(t, socket, links);
	town_free(t);
}

static void test_R008_after_a_restart_too(void **state)
{
	(void)state;
	struct town *const t = town_of_two();
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	const size_t links = t->server.ups;
	town_restart(t, TOWN_KILLED);
	route(t, FIRST_TO_OTHER);
	is_led_over(t, socket, links);
	town_free(t);
}

/* What the former server sends to who is led over reaches nobody. */
static void test_R008_the_former_server_does_not_reach_it(void **state)
{
	(void)state;
	struct town *const t = town_of_two();
	(void)town_registered(t, 0, 0);
	town_settle(t);
	const size_t messages = t->devices.messages, downs = t->server.downs;
	route(t, FIRST_TO_OTHER);
	town_ask(t, 0);
	town_until(t, &t->server.downs, downs + 1);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.messages, messages);
	town_free(t);
}

static void test_R008_a_new_handshake_does_not_bring_the_registration_along(void **state)
{
	(void)state;
	struct town *const t = town_of_two();
	(void)town_registered(t, 0, 0);
	town_night(t);
	route(t, FIRST_TO_OTHER);
	const size_t again = town_socket(t, 0), ups = t->devices.ups;
	const size_t links = t->server.ups;
	town_connect(t, 0, again);
	town_until(t, &t->devices.ups, ups + 1);
	town_settle(t);
	assert_int_equal(town_registrations(t), 0);
	is_led_over(t, again, links);
	town_free(t);
}

static void test_R023_who_is_led_nowhere_is_not_let_in(void **state)
{
	(void)state;
	struct town *const t = town_of_two();
	town_hush(t);
	route(t, NOWHERE);
	const size_t socket = town_socket(t, 0), downs = t->devices.downs;
	town_connect(t, 0, socket);
	town_until(t, &t->devices.downs, downs + 1);
	assert_int_equal(town_awake(t), 0);
	town_free(t);
}

static void test_R023_who_is_led_nowhere_any_more_is_told(void **state)
{
	(void)state;
	struct town *const t = town_of_two();
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	town_hush(t);
	route(t, NOWHERE);
	const size_t downs = t->devices.downs, links = t->server.downs;
	const size_t messages = t->server.messages;
	town_update(t, socket);
	town_until(t, &t->devices.downs, downs + 1);
	town_until(t, &t->server.downs, links + 1);
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(t->server.messages, messages);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R008_a_session_that_is_awake_is_led_over),
		cmocka_unit_test(test_R008_a_session_that_sleeps_is_led_over_when_it_wakes),
		cmocka_unit_test(test_R008_after_a_restart_too),
		cmocka_unit_test(test_R008_the_former_server_does_not_reach_it),
		cmocka_unit_test(test_R008_a_new_handshake_does_not_bring_the_registration_along),
		cmocka_unit_test(test_R023_who_is_led_nowhere_is_not_let_in),
		cmocka_unit_test(test_R023_who_is_led_nowhere_any_more_is_told),
	};
	return cmocka_run_group_tests_name("gateway/session route", tests, NULL, NULL);
}
