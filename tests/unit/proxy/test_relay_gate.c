/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as under way, and what a gate that drains lets through. */
#include "base/attr.h"
#include "proxy/device.h"
#include "tests/unit/proxy/gate.h"

/* --- counting --------------------------------------------------------------------------------- */

static void test_R213_requests_of_both_sides_are_under_way_until_answered(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	const struct build u = update(2, "u", "rd/5a3f"), g = get(PDU_CON, 0x90, "g");
	const struct build n = get(PDU_NON, 0x91, "n");
	pass_up(&w, &u);
	assert_int_equal(relay_device_exchanges(w.d), 1);
	pass_down(&w, &g);
	pass_down(&w, &g); /* a copy is not another one */
	assert_int_equal(relay_device_exchanges(w.d), 2);
	pass_down(&w, &n);
	assert_int_equal(relay_device_exchanges(w.d), 3);
	const struct build answer = content(PDU_ACK, 0x90, "g"), non = content(PDU_NON, 7, "n");
	pass_up(&w, &answer);
	assert_int_equal(relay_device_exchanges(w.d), 2);
	pass_up(&w, &non);
	assert_int_equal(relay_device_exchanges(w.d), 1);
	const struct build changed = build_start(PDU_ACK, PDU_CHANGED, 2, "u");
	pass_down(&w, &changed);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	world_end(&w);
}

static void test_R213_an_acknowledged_request_is_under_way_and_a_reset_one_is_not(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	const struct build g = get(PDU_CON, 0x90, "g"), ack = empty(PDU_ACK, 0x90);
	const struct build answer = content(PDU_CON, 8, "g");
	pass_down(&w, &g);
	pass_up(&w, &ack);
	assert_int_equal(relay_device_exchanges(w.d), 1);
	pass_up(&w, &answer);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	const struct build h = get(PDU_CON, 0x91, "h"), rst = empty(PDU_RST, 0x91);
	pass_down(&w, &h);
	assert_int_equal(relay_device_exchanges(w.d), 1);
	pass_up(&w, &rst);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	world_end(&w);
}

static void test_R213_an_observation_is_no_exchange_under_way(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	struct build g = build_start(PDU_CON, GET, 0x90, "o");
	build_option(&g, PDU_OBSERVE, "", 0);
	build_text(&g, PDU_URI_PATH, "3303");
	const struct build first = observed(PDU_ACK, 0x90, "o", 1);
	const struct build next = observed(PDU_CON, 9, "o", 2);
	pass_down(&w, &g);
	assert_int_equal(relay_device_exchanges(w.d), 1);
	pass_up(&w, &first);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	pass_up(&w, &next);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	world_end(&w);
}

static void test_R213_who_never_answers_is_not_waited_for_for_ever(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	const struct build g = get(PDU_CON, 0x90, "g");
	pass_down(&w, &g);
	later(&w, relay_settings_default().answer_ms - 1);
	assert_int_equal(relay_device_exchanges(w.d), 1);
	later(&w, 1);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	quiet(&w); /* the server has its own time-outs */
	world_end(&w);
}

/* Each has its own time, which begins anew when the device has it. */
static void test_R213_each_request_of_the_server_has_its_own_time(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	later(&w, 93000); /* that of the Register is gone */
	const struct build g = get(PDU_CON, 0x90, "g"), h = get(PDU_CON, 0x91, "h");
	const struct build ack = empty(PDU_ACK, 0x91);
	pass_down(&w, &g);
	later(&w, 60000);
	pass_down(&w, &h);
	later(&w, 33000);
	assert_int_equal(relay_device_exchanges(w.d), 1);
	pass_up(&w, &ack);
	later(&w, 92999);
	assert_int_equal(relay_device_exchanges(w.d), 1);
	later(&w, 1);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	assert_null(w.d->asked);
	world_end(&w);
}

static void test_R213_without_its_link_nothing_of_the_server_is_under_way(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	const struct build g = get(PDU_CON, 0x90, "g");
	pass_down(&w, &g);
	relay_link_down(w.d, RELAY_LINK_CLOSED, w.now_ms);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	pass_down(&w, &g);
	relay_link_close(w.d, CHANNEL_SILENT);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	pass_down(&w, &g);
	relay_device_rebind(w.d, &w.device.base);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	world_end(&w);
}

static void test_R213_what_waits_for_a_link_is_under_way(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	w.at_once = false;
	const struct build r = reg(1, "t1");
	up(&w, &r);
	assert_int_equal(relay_device_exchanges(w.d), 1);
	world_end(&w);
}

static void test_I6_what_was_asked_costs_nothing_when_its_copies_are_gone(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	later(&w, 93000); /* that of the Register is gone */
	const struct build g = get(PDU_CON, 0x90, "g"), answer = content(PDU_ACK, 0x90, "g");
	pass_down(&w, &g);
	pass_up(&w, &answer);
	assert_non_null(w.d->asked);
	later(&w, 45000); /* MAX_TRANSMIT_SPAN */
	assert_null(w.d->asked);
	assert_null(w.d->exchanges);
	world_end(&w);
}

/* --- draining --------------------------------------------------------------------------------- */

static void test_R213_draining_begins_no_exchange_of_either_side(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	relay_device_gate(w.d, RELAY_DRAINING, RETRY_S);
	assert_int_equal(relay_device_gated(w.d), RELAY_DRAINING);
	const struct build u = update(2, "u", "rd/5a3f"), g = get(PDU_CON, 0x90, "g");
	const struct build non = get(PDU_NON, 0x91, "n"), r = reg(3, "r");
	up(&w, &u);
	expect_503(&w.device, PDU_ACK, 2, "u", RETRY_S);
	up(&w, &r);
	expect_503(&w.device, PDU_ACK, 3, "r", RETRY_S);
	down(&w, &g);
	expect_503(&w.server, PDU_ACK, 0x90, "g", RETRY_S);
	down(&w, &non);
	expect_503(&w.server, PDU_NON, -1, "n", RETRY_S);
	quiet(&w);
	assert_int_equal(counted(&w)->failed, 4);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	world_end(&w);
}

static void test_R213_draining_lets_end_what_is_under_way(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	const struct build u = update(2, "u", "rd/5a3f"), g = get(PDU_CON, 0x90, "g");
	const struct build non = get(PDU_NON, 0x91, "n");
	pass_up(&w, &u);
	pass_down(&w, &g);
	pass_down(&w, &non);
	relay_device_gate(w.d, RELAY_DRAINING, RETRY_S);
	quiet(&w);
	assert_int_equal(relay_device_exchanges(w.d), 3);
	pass_up(&w, &u); /* nobody has heard the first copy, perhaps */
	pass_down(&w, &g);
	pass_down(&w, &non);
	const struct build changed = build_start(PDU_ACK, PDU_CHANGED, 2, "u");
	const struct build ack = empty(PDU_ACK, 0x90), separate = content(PDU_CON, 8, "g");
	const struct build answer = content(PDU_NON, 9, "n"), ours = empty(PDU_ACK, 8);
	pass_down(&w, &changed);
	pass_up(&w, &ack);
	pass_up(&w, &separate);
	pass_up(&w, &separate);
	pass_down(&w, &ours);
	pass_up(&w, &answer);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	/* The answer was lost: its asker asks once more, and is answered once more. */
	pass_down(&w, &g);
	pass_up(&w, &separate);
	quiet(&w);
	world_end(&w);
}

static void test_R213_draining_drops_notifications_of_both_sides(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	struct build g = build_start(PDU_CON, GET, 0x90, "o");
	build_option(&g, PDU_OBSERVE, "", 0);
	const struct build first = observed(PDU_CON, 8, "o", 1);
	pass_down(&w, &g);
	relay_device_gate(w.d, RELAY_DRAINING, RETRY_S);
	pass_up(&w, &first); /* the answer to what was asked before */
	pass_up(&w, &first); /* a copy */
	const struct build con = observed(PDU_CON, 9, "o", 2), non = observed(PDU_NON, 10, "o", 3);
	const struct build stray = observed(PDU_CON, 11, "x", 3);
	const uint64_t dropped = counted(&w)->dropped;
	up(&w, &con); /* an RST would end the observation, and nobody told the server */
	up(&w, &non);
	up(&w, &stray);
	down(&w, &stray);
	quiet(&w);
	assert_int_equal(counted(&w)->dropped - dropped, 4);
	world_end(&w);
}

static void test_R213_draining_lets_pass_what_waits_for_a_link(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	w.at_once = false;
	const struct build r = reg(1, "t1"), other = reg(2, "t2");
	up(&w, &r);
	relay_device_gate(w.d, RELAY_DRAINING, 0);
	up(&w, &r); /* its copy is no new one */
	expect_silence(&w.device);
	up(&w, &other);
	expect_503(&w.device, PDU_ACK, 2, "t2", 0);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	expect_same(&w.server, &r);
	const struct build created = build_created(PDU_ACK, 1, "t1", "rd/5a3f");
	pass_down(&w, &created);
	assert_true(registration_of(&w)->active);
	quiet(&w);
	world_end(&w);
}

/* Of more than the relay can know of, the oldest is forgotten: its answer is nobody's harm. */
static void test_R213_a_forgotten_request_is_still_answered(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	for (int i = 0; i < EXCHANGE_MAX + 1; i++) {
		const char token[] = { (char)('a' + i), '\0' };
		const struct build g = get(PDU_CON, (uint16_t)(0x90 + i), token);
		pass_down(&w, &g);
	}
	assert_int_equal(relay_device_exchanges(w.d), EXCHANGE_MAX);
	relay_device_gate(w.d, RELAY_DRAINING, RETRY_S);
	const struct build answer = content(PDU_ACK, 0x90, "a");
	pass_up(&w, &answer);
	quiet(&w);
	world_end(&w);
}

/* --- the device's association ends ------------------------------------------------------------ */

static void test_R213_who_waits_for_a_session_that_ends_is_answered(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	const struct build u = update(2, "u", "rd/5a3f"), g = get(PDU_CON, 0x90, "g");
	pass_up(&w, &u);
	pass_down(&w, &g);
	relay_device_cut(w.d);
	expect_503(&w.device, PDU_ACK, 2, "u", 0);
	expect_503(&w.server, PDU_ACK, 0x90, "g", 0);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	assert_int_equal(w.server.closed, 0);
	assert_non_null(relay_device_link(w.d));
	assert_int_equal(relay_device_gated(w.d), RELAY_OPEN);
	quiet(&w);
	world_end(&w);
	/* What has not been sent yet is not sent for who comes next. */
	world_begin(&w, NULL);
	w.at_once = false;
	const struct build r = reg(1, "t1");
	up(&w, &r);
	relay_device_cut(w.d);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	assert_int_equal(counted(&w)->queued_bytes, 0);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	quiet(&w);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R213_requests_of_both_sides_are_under_way_until_answered),
		cmocka_unit_test(
			test_R213_an_acknowledged_request_is_under_way_and_a_reset_one_is_not),
		cmocka_unit_test(test_R213_an_observation_is_no_exchange_under_way),
		cmocka_unit_test(test_R213_who_never_answers_is_not_waited_for_for_ever),
		cmocka_unit_test(test_R213_each_request_of_the_server_has_its_own_time),
		cmocka_unit_test(test_R213_without_its_link_nothing_of_the_server_is_under_way),
		cmocka_unit_test(test_R213_what_waits_for_a_link_is_under_way),
		cmocka_unit_test(test_I6_what_was_asked_costs_nothing_when_its_copies_are_gone),
		cmocka_unit_test(test_R213_draining_begins_no_exchange_of_either_side),
		cmocka_unit_test(test_R213_draining_lets_end_what_is_under_way),
		cmocka_unit_test(test_R213_draining_drops_notifications_of_both_sides),
		cmocka_unit_test(test_R213_draining_lets_pass_what_waits_for_a_link),
		cmocka_unit_test(test_R213_who_waits_for_a_session_that_ends_is_answered),
		cmocka_unit_test(test_R213_a_forgotten_request_is_still_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
