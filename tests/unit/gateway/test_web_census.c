/* SPDX-License-Identifier: Apache-2.0 */
/* When the sessions are counted for the metrics, and what becomes of that if a worker is late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/gateway_parts.h"
#include "gateway/web_facts.h"
#include "town_night.h"

static void test_a_late_worker_is_asked_again_soon(void **state)
{
	(void)state;
	struct town *const t = town_new_kept(1, CONF_POWER_RESUME, false);
	struct gw_gateway *const g = calloc(1, sizeof(*g));
	assert_non_null(g);
	(void)town_registered(t, 0, 0);
	town_settle(t);
	g->shared = t->shared;
	g->len = t->workers_len;
	memcpy(g->inboxes, t->inboxes, sizeof(t->inboxes));
	g->census.sessions = 77;
	gw_web_take_census(g); /* its worker's thread has not begun */
	assert_int_equal(g->census.sessions, 77);
	town_start(t);
	gw_web_take_census(g);
	assert_int_equal(g->census.sessions, 77); /* it is not asked at each scrape */
	g->since_s -= 5;
	gw_web_take_census(g);
	assert_int_equal(g->census.sessions, 1);
	g->census.sessions = 77;
	g->since_s -= 50;
	gw_web_take_census(g);
	assert_int_equal(g->census.sessions, 77);
	g->since_s -= 10;
	gw_web_take_census(g);
	assert_int_equal(g->census.sessions, 1);
	free(g);
	town_stop(t);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(
		test_a_late_worker_is_asked_again_soon) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
