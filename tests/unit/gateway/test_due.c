/* SPDX-License-Identifier: Apache-2.0 */
/* The main thread's look at what is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/gateway_parts.h"
#include "io/inbox.h"
#include "town_night.h"

enum { SECOND = 1000, DAY = 86400, QUIET_TURNS = 20, GRACE_S = 93 };
static const size_t rounds = 60;

/* A main thread, as far as due.c goes. */
static struct gw_gateway *main_thread(struct town *t)
{
	static const struct log quiet = { .fd = 2, .level = LOG_LEVEL_ERROR, .name = "due" };
	struct gw_gateway *const g = calloc(1, sizeof(*g));
	assert_non_null(g);
	g->shared = t->shared;
	g->log = &quiet;
	g->len = t->workers_len;
	memcpy(g->inboxes, t->inboxes, sizeof(t->inboxes));
	g->reader = store_reader_new(t->store);
	g->loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(g->reader);
	assert_non_null(g->loop);
	gw_due_begin(g);
	return g;
}

static void main_thread_end(struct gw_gateway *g)
{
	gw_due_end(g);
	store_reader_free(g->reader);
	ev_loop_destroy(g->loop);
	free(g);
}

/* A second. */
static void look(struct town *t, struct gw_gateway *g)
{
	town_pass(SECOND);
	ev_invoke(g->loop, &g->due, EV_TIMER);
	town_turns(t, 2);
}

static void test_registrations_of_sleepers_end_in_time(void **state)
{
	(void)state;
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	for (size_t i = 0; i < TOWN_DEVICES; i++)
		(void)town_registered(t, i, i % 2);
	town_night(t);
	struct gw_gateway *const g = main_thread(t);
	look(t, g);
	assert_int_equal(town_awake(t), 0); /* nobody is woken before it is time */
	town_pass((uint64_t)(DAY + 2 * GRACE_S) * SECOND);
	look(t, g);
	town_until(t, &t->server.downs, TOWN_DEVICES);
	town_settle(t);
	for (size_t i = 0; i < TOWN_DEVICES; i++) {
		struct store_session row;
		assert_true(!town_row(t, i, &row) || !row.registered);
	}
	assert_int_equal(t->devices.downs, 0);
	town_night(t);
	for (size_t i = 0; i < 2 * rounds; i++)
		look(t, g);
	assert_int_equal(town_awake(t), 0); /* and that is the end of it */
	main_thread_end(g);
	town_free(t);
}

/* The relay gives a device some time more: who is asked too early is asked again. */
static void test_who_is_asked_within_the_grace_ends_later(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	(void)town_registered(t, 0, 0);
	town_night(t);
	struct gw_gateway *const g = main_thread(t);
	town_pass((uint64_t)(DAY + 10) * SECOND);
	look(t, g);
	assert_int_equal(t->server.downs, 0);
	for (size_t i = 0; i < 4 * rounds && t->server.downs == 0; i++)
		look(t, g);
	town_until(t, &t->server.downs, 1);
	main_thread_end(g);
	town_free(t);
}

/* What a worker had no room for comes again. */
static void test_what_is_lost_comes_again(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	(void)town_registered(t, 0, 0);
	town_night(t);
	struct gw_gateway *const g = main_thread(t);
	struct inbox_message *const m = malloc(sizeof(*m));
	assert_non_null(m);
	town_pass((uint64_t)(DAY + 2 * GRACE_S) * SECOND);
	ev_invoke(g->loop, &g->due, EV_TIMER);
	assert_true(inbox_take(t->inboxes[0], m)); /* it never arrives */
	assert_int_equal(m->kind, GW_DUE);
	free(m);
	for (size_t i = 0; i < 2 * rounds && t->server.downs == 0; i++)
		look(t, g);
	town_until(t, &t->server.downs, 1);
	main_thread_end(g);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registrations_of_sleepers_end_in_time),
		cmocka_unit_test(test_who_is_asked_within_the_grace_ends_later),
		cmocka_unit_test(test_what_is_lost_comes_again),
	};
	return cmocka_run_group_tests_name("gateway/due", tests, NULL, NULL);
}
