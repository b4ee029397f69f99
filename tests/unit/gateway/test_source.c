/* SPDX-License-Identifier: Apache-2.0 */
/* What the control room is told of sessions that sleep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/gateway_parts.h"
#include "town_night.h"

/* A main thread, as far as it is asked about sleepers. */
static struct gw_gateway *main_thread(const struct town *t)
{
	struct gw_gateway *const g = calloc(1, sizeof(*g));
	assert_non_null(g);
	g->shared = t->shared;
	g->reader = store_reader_new(t->store);
	assert_non_null(g->reader);
	return g;
}

static void main_thread_end(struct gw_gateway *g)
{
	store_reader_free(g->reader);
	free(g);
}

static enum store_result put_row(struct store_txn *t, void *row)
{
	return store_session_put(t, row);
}

static bool no_address(const struct net_addr *a)
{
	return a->family == 0;
}

/* Places are given to others when an association is gone, and a row may still name them. */
static void test_a_sleeper_is_not_shown_with_anothers_addresses(void **state)
{
	(void)state;
	enum { BOTH = 2 };
	struct town *const t = town_new_kept(1, CONF_POWER_RESUME, false);
	for (size_t i = 0; i < BOTH; i++)
		(void)town_registered(t, i, 0);
	town_night(t);
	struct gw_gateway *const g = main_thread(t);
	const struct ctl_source source = gw_source(g);
	struct ctl_session all[BOTH + 1];
	struct store_session first = { 0 }, second = { 0 };
	uint32_t from = 0;
	size_t len;
	assert_true(source.sleepers(source.ctx, &from, all, BOTH + 1, &len));
	assert_int_equal(len, BOTH);
	for (size_t i = 0; i < BOTH; i++) {
		assert_false(no_address(&all[i].device) || no_address(&all[i].link_peer));
		assert_true(all[i].generation > 0);
	}
	assert_true(town_row(t, 0, &first) && town_row(t, 1, &second));
	/* Its device's place is the other's, its link's place is its own device's. */
	second.link = second.device;
	second.device = first.device;
	assert_int_equal(town_do(t, put_row, &second), STORE_OK);
	from = 0;
	assert_true(source.sleepers(source.ctx, &from, all, BOTH + 1, &len));
	assert_int_equal(len, BOTH);
	assert_false(no_address(&all[0].device) || no_address(&all[0].link_peer));
	assert_true(no_address(&all[1].device) && no_address(&all[1].link_peer));
	assert_true(no_address(&all[1].link_local));
	assert_int_equal(all[1].generation, 0);
	assert_int_equal(all[1].device_up_ms_ago, 0);
	main_thread_end(g);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sleeper_is_not_shown_with_anothers_addresses),
	};
	return cmocka_run_group_tests_name("gateway/source", tests, NULL, NULL);
}
