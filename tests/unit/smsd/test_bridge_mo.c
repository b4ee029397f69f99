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

static const struct wire_mo *asked(const struct world *w)
{
	return &world_said(w, WIRE_MO)->mo;
}

static void test_one_waits_until_it_is_taken(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mo(w, 1, 77, 0, 1);
	const uint64_t id = asked(w)->text.id;
	assert_int_equal(asked(w)->text.marker, UDH_COMMAND);
	assert_int_equal(asked(w)->text.pid, 0x7f);
	assert_int_equal(asked(w)->text.dcs, 0xf6);
	assert_int_equal(asked(w)->text.len, 10);
	assert_int_equal(asked(w)->text.data[0], 0x21);
	assert_string_equal(asked(w)->text.peer.digits, "447700900001");
	assert_string_equal(asked(w)->text.own.digits, "447700900002");
	assert_string_equal(asked(w)->way, "two");
	assert_true(asked(w)->at_ms > 1700000000000);
	assert_int_equal(world_answered(w, 1, 77), -1);
	world_answer(w, id ^ 1, WIRE_TAKEN); /* another's */
	assert_int_equal(world_answered(w, 1, 77), -1);
	world_answer(w, id, WIRE_TAKEN);
	assert_int_equal(world_answered(w, 1, 77), 1);
	world_answer(w, id, WIRE_TAKEN);
	assert_int_equal(world_answered(w, 1, 77), 1);
	world_end(w);
}

static void test_later_stays_with_the_network(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mo(w, 0, 1, 0, 1);
	const uint64_t id = asked(w)->text.id;
	world_answer(w, id, WIRE_LATER);
	assert_int_equal(world_answered(w, 0, 1), 0);
	world_mo(w, 0, 2, 0, 1); /* it comes again */
	assert_int_equal(asked(w)->text.id, id);
	world_answer(w, id, WIRE_TAKEN);
	assert_int_equal(world_answered(w, 0, 2), 1);
	world_end(w);
}

static void test_no_answer_is_not_taken(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mo(w, 0, 1, 0, 1);
	assert_int_equal(bridge_next_ms(w->bridge), w->now_ms + 20000);
	world_tick(w, 19999);
	assert_int_equal(world_answered(w, 0, 1), -1);
	world_tick(w, 1);
	assert_int_equal(world_answered(w, 0, 1), 0);
	assert_int_equal(bridge_counts(w->bridge).mo, 0);
	world_end(w);
}

static void test_a_gateway_that_comes_is_asked(void **state)
{
	struct world *const w = setup();
	(void)state;
	bridge_connected(w->bridge, false, w->now_ms);
	world_mo(w, 0, 1, 0, 1);
	assert_int_equal(world_count(w, WIRE_MO), 0);
	bridge_connected(w->bridge, true, w->now_ms);
	world_answer(w, asked(w)->text.id, WIRE_TAKEN);
	assert_int_equal(world_answered(w, 0, 1), 1);
	world_end(w);
}

static void test_twice_by_two_ways_is_asked_once(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mo(w, 0, 1, 0, 1);
	world_mo(w, 1, 1, 0, 1);
	assert_int_equal(world_count(w, WIRE_MO), 1);
	world_answer(w, asked(w)->text.id, WIRE_TAKEN);
	assert_int_equal(world_answered(w, 0, 1), 1);
	assert_int_equal(world_answered(w, 1, 1), 1);
	world_end(w);
}

static void test_ended_stream_is_not_answered(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mo(w, 0, 1, 0, 1);
	bridge_ended(w->bridge, 0);
	world_answer(w, asked(w)->text.id, WIRE_TAKEN);
	assert_int_equal(world_answered(w, 0, 1), -1);
	world_end(w);
}

static void test_segments_are_kept_and_the_last_waits(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mo(w, 0, 1, 3, 3);
	world_mo(w, 0, 2, 3, 1);
	assert_int_equal(world_answered(w, 0, 1), 1);
	assert_int_equal(world_answered(w, 0, 2), 1);
	assert_int_equal(w->rows_len, 2);
	assert_int_equal(world_count(w, WIRE_MO), 0);
	world_mo(w, 0, 3, 3, 2);
	assert_int_equal(w->rows_len, 2); /* the network has the last */
	assert_int_equal(world_answered(w, 0, 3), -1);
	assert_int_equal(asked(w)->text.len, 30);
	assert_int_equal(asked(w)->text.data[0], 0x21);
	assert_int_equal(asked(w)->text.data[29], 0x23);
	assert_int_equal(asked(w)->text.marker, UDH_COMMAND);
	world_answer(w, asked(w)->text.id, WIRE_TAKEN);
	assert_int_equal(world_answered(w, 0, 3), 1);
	assert_int_equal(w->rows_len, 0);
	assert_int_equal(bridge_counts(w->bridge).segments.under_way, 0);
	world_end(w);
}

static void test_last_segment_again_is_the_same_message(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mo(w, 0, 1, 2, 1);
	world_mo(w, 0, 2, 2, 2);
	const uint64_t id = asked(w)->text.id;
	world_answer(w, id, WIRE_LATER);
	assert_int_equal(world_answered(w, 0, 2), 0);
	assert_int_equal(w->rows_len, 1);
	world_mo(w, 0, 3, 2, 2);
	assert_int_equal(world_count(w, WIRE_MO), 2);
	assert_int_equal(asked(w)->text.id, id);
	world_answer(w, id, WIRE_TAKEN);
	assert_int_equal(world_answered(w, 0, 3), 1);
	world_end(w);
}

static void test_full_disk_keeps_it_with_the_network(void **state)
{
	struct world *const w = setup();
	(void)state;
	w->disk_full = true;
	world_mo(w, 0, 1, 2, 1);
	assert_int_equal(world_answered(w, 0, 1), 0);
	world_mo(w, 0, 2, 2, 1); /* it is there, and not on disk */
	assert_int_equal(world_answered(w, 0, 2), 0);
	w->disk_full = false;
	world_mo(w, 0, 3, 2, 1);
	assert_int_equal(world_answered(w, 0, 3), 1);
	assert_int_equal(w->rows_len, 1);
	world_end(w);
}

static void test_goes_on_from_the_spool(void **state)
{
	struct world *const w = setup();
	const struct segments_part p = {
		.text = { .peer = world_number("447700900001"),
			.own = world_number("447700900002"),
			.pid = 0x7f,
			.dcs = 0xf6,
			.marker = UDH_COMMAND,
			.data = (const uint8_t *)"!!!!!!!!!!",
			.len = 10 },
		.udh = { .joined = true,
			.reference = 5,
			.total = 2,
			.number = 1,
			.marker = UDH_COMMAND },
	};
	(void)state;
	bridge_restore(w->bridge, &p, w->now_ms);
	world_mo(w, 0, 9, 2, 2);
	assert_int_equal(asked(w)->text.len, 20);
	world_answer(w, asked(w)->text.id, WIRE_TAKEN);
	assert_int_equal(world_answered(w, 0, 9), 1);
	world_end(w);
}

static void receive(struct world *w, struct way_segment s, const void *data, size_t len)
{
	s.peer = world_number("447700900001");
	s.data = data;
	s.len = len;
	bridge_received(w->bridge, 0, &s, w->now_ms);
	world_tick(w, 0);
}

static void test_useless_is_acknowledged(void **state)
{
	struct world *const w = setup();
	(void)state;
	receive(w, (struct way_segment){ .tag = 1, .dcs = 0 }, "hello", 5);
	receive(w, (struct way_segment){ .tag = 2, .dcs = 0xf5, .header = true }, "\x09\x70", 2);
	assert_int_equal(world_answered(w, 0, 1), 1);
	assert_int_equal(world_answered(w, 0, 2), 1);
	assert_int_equal(world_count(w, WIRE_MO), 0);
	assert_int_equal(bridge_counts(w->bridge).events[BRIDGE_MO_USELESS], 2);
	world_end(w);
}

static void test_without_header_the_gateway_looks(void **state)
{
	struct world *const w = setup();
	(void)state;
	receive(w, (struct way_segment){ .tag = 1, .dcs = 4 }, "\x02\x70\x00\x01", 4);
	assert_int_equal(asked(w)->text.marker, 0);
	assert_int_equal(asked(w)->text.len, 4);
	assert_int_equal(asked(w)->text.own.len, 0);
	world_end(w);
}

static void test_waiting_is_bounded(void **state)
{
	struct world *const w = setup();
	(void)state;
	bridge_connected(w->bridge, false, w->now_ms);
	for (uint32_t i = 0; i <= BRIDGE_MO_MAX; i++) {
		const uint8_t data[2] = { (uint8_t)(i >> 8), (uint8_t)i };
		receive(w, (struct way_segment){ .tag = i, .dcs = 4 }, data, sizeof(data));
	}
	assert_int_equal(world_answered(w, 0, BRIDGE_MO_MAX - 1), -1);
	assert_int_equal(world_answered(w, 0, BRIDGE_MO_MAX), 0);
	world_end(w);
}

/* Another total under the same reference is another message: it is kept, too, and the first one is
   whole in spite of it. */
static void test_a_contradiction_spoils_nothing(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_mo(w, 0, 1, 3, 1);
	world_mo(w, 0, 2, 4, 2);
	assert_int_equal(world_answered(w, 0, 2), 1);
	assert_int_equal(bridge_counts(w->bridge).events[BRIDGE_MO_REFUSED], 0);
	assert_int_equal(bridge_counts(w->bridge).events[BRIDGE_MO_KEPT], 2);
	world_mo(w, 0, 3, 3, 2);
	world_mo(w, 0, 4, 3, 3);
	assert_int_equal(world_answered(w, 0, 4), -1); /* it is whole: the gateway is asked */
	world_end(w);
}

static void test_sweeps(void **state)
{
	struct world *const w = setup();
	(void)state;
	world_tick(w, 60000);
	assert_int_equal(w->swept_ms, w->now_ms + 1700000000000 - 600000);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_waits_until_it_is_taken),
		cmocka_unit_test(test_later_stays_with_the_network),
		cmocka_unit_test(test_no_answer_is_not_taken),
		cmocka_unit_test(test_a_gateway_that_comes_is_asked),
		cmocka_unit_test(test_twice_by_two_ways_is_asked_once),
		cmocka_unit_test(test_ended_stream_is_not_answered),
		cmocka_unit_test(test_segments_are_kept_and_the_last_waits),
		cmocka_unit_test(test_last_segment_again_is_the_same_message),
		cmocka_unit_test(test_full_disk_keeps_it_with_the_network),
		cmocka_unit_test(test_goes_on_from_the_spool),
		cmocka_unit_test(test_useless_is_acknowledged),
		cmocka_unit_test(test_without_header_the_gateway_looks),
		cmocka_unit_test(test_waiting_is_bounded),
		cmocka_unit_test(test_a_contradiction_spoils_nothing),
		cmocka_unit_test(test_sweeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
