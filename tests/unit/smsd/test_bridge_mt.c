/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/smsd/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct world *setup(void)
{
	static struct world w;
	world_begin(&w);
	return &w;
}

static const struct wire_mt_outcome *outcome(const struct world *w)
{
	return &world_said(w, WIRE_MT_OUTCOME)->mt_outcome;
}

static void test_greets_first(void **state)
{
	struct world *const w = setup();
	(void)state;
	assert_int_equal(w->said[0].type, WIRE_HELLO);
	assert_int_equal(w->said[0].hello.instance, 7);
	world_end(w);
}

static void test_one_is_sent_and_told(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mt(w, 1, 100);
	assert_int_equal(w->ways[0].sent_len, 1);
	const struct way_segment *const s = &w->ways[0].sent[0].s;
	assert_true(s->header);
	assert_int_equal(s->pid, 0x7d);
	assert_int_equal(s->dcs, 0xf5);
	assert_int_equal(s->len, 103);
	assert_memory_equal(s->data, "\x02\x70\x00\x01\x00\x03", 6);
	assert_int_equal(s->valid_s, 3600);
	assert_int_equal(world_count(w, WIRE_MT_OUTCOME), 0);
	world_fate(w, 0, 0, WAY_SENT);
	assert_int_equal(outcome(w)->id, 1);
	assert_int_equal(outcome(w)->outcome, WIRE_ACCEPTED);
	assert_int_equal(outcome(w)->segments, 1);
	assert_string_equal(outcome(w)->way, "one");
	assert_string_equal(outcome(w)->smsc_id, "id");
	world_end(w);
}

static void test_known_is_answered_again(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mt(w, 1, 100);
	world_mt(w, 1, 100); /* under way: nothing is said */
	assert_int_equal(world_count(w, WIRE_MT_OUTCOME), 0);
	world_fate(w, 0, 0, WAY_SENT);
	world_mt(w, 1, 100);
	assert_int_equal(world_count(w, WIRE_MT_OUTCOME), 2);
	assert_int_equal(outcome(w)->outcome, WIRE_ACCEPTED);
	assert_int_equal(w->ways[0].sent_len, 1);
	/* A gateway with another store begins its numbers anew. */
	world_mt(w, 1, 90);
	assert_int_equal(w->ways[0].sent_len, 2);
	world_end(w);
}

static void test_another_text_under_way_is_busy(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mt(w, 1, 100);
	world_mt(w, 1, 90);
	assert_int_equal(outcome(w)->outcome, WIRE_BUSY);
	assert_int_equal(w->ways[0].sent_len, 1);
	world_end(w);
}

static void test_outcome_is_kept_while_the_gateway_is_away(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mt(w, 1, 100);
	bridge_connected(w->bridge, false, w->now_ms);
	world_fate(w, 0, 0, WAY_SENT);
	assert_int_equal(world_count(w, WIRE_MT_OUTCOME), 0);
	bridge_connected(w->bridge, true, w->now_ms);
	assert_int_equal(world_said(w, WIRE_HELLO)->hello.instance, 7);
	world_mt(w, 1, 100);
	assert_int_equal(outcome(w)->outcome, WIRE_ACCEPTED);
	assert_int_equal(w->ways[0].sent_len, 1);
	world_end(w);
}

static void test_all_segments_are_needed(void **state)
{
	struct world *const w = setup();
	(void)state;
	w->ways[0].room = 2;
	world_mt(w, 1, 300);
	assert_int_equal(w->ways[0].sent_len, 2);
	world_fate(w, 0, 1, WAY_SENT);
	w->ways[0].room = 1;
	world_tick(w, 0);
	assert_int_equal(w->ways[0].sent_len, 3);
	world_fate(w, 0, 0, WAY_SENT);
	assert_int_equal(world_count(w, WIRE_MT_OUTCOME), 0);
	world_fate(w, 0, 2, WAY_SENT);
	assert_int_equal(outcome(w)->outcome, WIRE_ACCEPTED);
	assert_int_equal(outcome(w)->segments, 3);
	assert_int_equal(w->ways[1].sent_len, 0);
	world_end(w);
}

static void test_not_now_is_tried_after_a_pause(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mt(w, 1, 100);
	world_fate(w, 0, 0, WAY_AGAIN);
	assert_int_equal(w->ways[0].sent_len, 1);
	assert_true(bridge_next_ms(w->bridge) <= w->now_ms + 1000);
	world_tick(w, 1000);
	assert_int_equal(w->ways[0].sent_len, 2);
	world_fate(w, 0, 1, WAY_AGAIN);
	world_tick(w, 1000); /* the pause grows */
	assert_int_equal(w->ways[0].sent_len, 2);
	world_tick(w, 1000);
	assert_int_equal(w->ways[0].sent_len, 3);
	world_fate(w, 0, 2, WAY_UNSURE);
	world_tick(w, 4000);
	world_fate(w, 0, 3, WAY_SENT);
	assert_int_equal(outcome(w)->outcome, WIRE_ACCEPTED);
	assert_int_equal(outcome(w)->segments, 2); /* one may have been sent twice */
	world_end(w);
}

static void test_refused_once_is_over(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mt(w, 1, 300);
	world_fate(w, 0, 1, WAY_REFUSED);
	assert_int_equal(outcome(w)->outcome, WIRE_REFUSED);
	assert_int_equal(outcome(w)->code, 0x58);
	assert_int_equal(world_count(w, WIRE_MT_OUTCOME), 1);
	world_fate(w, 0, 0, WAY_SENT);
	world_fate(w, 0, 2, WAY_AGAIN);
	world_tick(w, 100000);
	assert_int_equal(w->ways[0].sent_len, 3);
	assert_int_equal(world_count(w, WIRE_MT_OUTCOME), 1);
	assert_int_equal(bridge_counts(w->bridge).mt, 0);
	world_end(w);
}

static void test_expires(void **state)
{
	struct world *const w = setup();
	(void)state;
	w->ways[0].room = 0;
	w->ways[1].room = 0;
	world_mt(w, 1, 100);
	world_tick(w, 3599999);
	assert_int_equal(world_count(w, WIRE_MT_OUTCOME), 0);
	world_tick(w, 1);
	assert_int_equal(outcome(w)->outcome, WIRE_EXPIRED);
	world_end(w);
}

static void test_does_not_expire_while_the_network_thinks(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mt(w, 1, 100);
	world_tick(w, 3600001);
	assert_int_equal(world_count(w, WIRE_MT_OUTCOME), 0);
	world_fate(w, 0, 0, WAY_SENT);
	assert_int_equal(outcome(w)->outcome, WIRE_ACCEPTED);
	world_end(w);
}

static void test_another_way_takes_all_of_it(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mt(w, 1, 300);
	world_fate(w, 0, 0, WAY_SENT);
	bridge_ready(w->bridge, 0, false, w->now_ms);
	world_fate(w, 0, 1, WAY_UNSURE);
	world_tick(w, 9999);
	assert_int_equal(
		w->ways[1].sent_len, 0); /* events of the third are awaited, and it may be back */
	world_fate(w, 0, 2, WAY_UNSURE);
	world_tick(w, 10000);
	assert_int_equal(w->ways[1].sent_len, 3);
	for (size_t i = 0; i < 3; i++)
		world_fate(w, 1, i, WAY_SENT);
	assert_int_equal(outcome(w)->outcome, WIRE_ACCEPTED);
	assert_string_equal(outcome(w)->way, "two");
	assert_int_equal(outcome(w)->segments, 6);
	world_end(w);
}

static void test_too_many_are_busy_and_bounded(void **state)
{
	struct world *const w = setup();
	(void)state;
	w->ways[0].room = 0;
	w->ways[1].room = 0;
	for (uint64_t id = 1; id <= BRIDGE_MT_MAX; id++)
		world_mt(w, id, 10);
	assert_int_equal(world_count(w, WIRE_MT_OUTCOME), 0);
	world_mt(w, 1000, 10);
	assert_int_equal(outcome(w)->outcome, WIRE_BUSY);
	assert_int_equal(outcome(w)->id, 1000);
	w->ways[0].room = 1;
	world_tick(w, 0);
	world_fate(w, 0, 0, WAY_SENT); /* the oldest first */
	assert_int_equal(outcome(w)->id, 1);
	world_mt(w, 1000, 10);
	assert_int_equal(world_count(w, WIRE_MT_OUTCOME), 2);
	world_end(w);
}

static void test_nonsense_of_the_gateway(void **state)
{
	struct world *const w = setup();
	static const uint8_t nonsense[] = { 0xff, 0, 1, 2 };
	(void)state;
	bridge_heard(w->bridge, nonsense, sizeof(nonsense), w->now_ms);
	bridge_heard(w->bridge, nonsense, 0, w->now_ms);
	assert_int_equal(bridge_counts(w->bridge).events[BRIDGE_WIRE_BAD], 2);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greets_first),
		cmocka_unit_test(test_one_is_sent_and_told),
		cmocka_unit_test(test_known_is_answered_again),
		cmocka_unit_test(test_another_text_under_way_is_busy),
		cmocka_unit_test(test_outcome_is_kept_while_the_gateway_is_away),
		cmocka_unit_test(test_all_segments_are_needed),
		cmocka_unit_test(test_not_now_is_tried_after_a_pause),
		cmocka_unit_test(test_refused_once_is_over),
		cmocka_unit_test(test_expires),
		cmocka_unit_test(test_does_not_expire_while_the_network_thinks),
		cmocka_unit_test(test_another_way_takes_all_of_it),
		cmocka_unit_test(test_too_many_are_busy_and_bounded),
		cmocka_unit_test(test_nonsense_of_the_gateway),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
