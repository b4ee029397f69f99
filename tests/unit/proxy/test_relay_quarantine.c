/* SPDX-License-Identifier: Apache-2.0 */
/* What a device in quarantine is told, and what becomes of what was under way. */
#include "base/attr.h"
#include "proxy/device.h"
#include "tests/unit/proxy/gate.h"

static void test_R218_in_quarantine_the_device_is_told_503_and_nothing_goes_up(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	assert_int_equal(w.server.closed, 1);
	assert_int_equal(w.server.why, CHANNEL_ORDERED);
	assert_null(relay_device_link(w.d));
	const struct build all[] = { update(2, "u", "rd/5a3f"), reg(3, "r"), get(PDU_NON, 4, "n") };
	for (size_t i = 0; i < COUNT_OF(all); i++)
		up(&w, &all[i]);
	expect_503(&w.device, PDU_ACK, 2, "u", RETRY_S);
	expect_503(&w.device, PDU_ACK, 3, "r", RETRY_S);
	expect_503(&w.device, PDU_NON, -1, "n", RETRY_S);
	const struct build ack = content(PDU_ACK, 0x90, "g"), none = empty(PDU_ACK, 0x91);
	up(&w, &ack);
	up(&w, &none);
	quiet(&w);
	assert_int_equal(w.opened, 1); /* for the Register before */
	assert_true(registration_of(&w)->active);
	world_end(&w);
}

static void test_R218_observations_end_in_quarantine(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	const struct build con = observed(PDU_CON, 9, "o", 2), non = observed(PDU_NON, 10, "o", 3);
	up(&w, &con);
	expect_answer(&w.device, PDU_RST, PDU_EMPTY, 9, "");
	up(&w, &non);
	expect_answer(&w.device, PDU_RST, PDU_EMPTY, 10, "");
	quiet(&w);
	world_end(&w);
}

static void test_R213_quarantine_answers_the_device_what_is_under_way(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	const struct build u = update(2, "u", "rd/5a3f"), ack = empty(PDU_ACK, 2);
	pass_up(&w, &u);
	pass_down(&w, &ack);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	expect_503(&w.device, PDU_NON, -1, "u", RETRY_S); /* the ACK has been said */
	quiet(&w);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	assert_true(relay_device_is_idle(w.d));
	later(&w, 93000); /* and no 5.04 follows */
	quiet(&w);
	world_end(&w);
}

static void test_R213_quarantine_answers_the_server_what_is_under_way(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	const struct build g = get(PDU_CON, 0x90, "g"), n = get(PDU_NON, 0x91, "n");
	const struct build late = get(PDU_CON, 0x93, "l"), taken = empty(PDU_ACK, 0x93);
	pass_down(&w, &g);
	pass_down(&w, &n);
	pass_down(&w, &late);
	pass_up(&w, &taken);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	expect_503(&w.server, PDU_ACK, 0x90, "g", RETRY_S);
	expect_503(&w.server, PDU_NON, -1, "n", RETRY_S);
	expect_503(&w.server, PDU_NON, -1, "l", RETRY_S); /* the ACK has been said */
	quiet(&w);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	world_end(&w);
}

static void test_R213_quarantine_says_nothing_of_what_was_answered(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	const struct build done = get(PDU_CON, 0x92, "d"), answer = content(PDU_ACK, 0x92, "d");
	pass_down(&w, &done);
	pass_up(&w, &answer);
	assert_non_null(w.d->asked);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	quiet(&w);
	world_end(&w);
}

static void test_R213_quarantine_answers_what_waits_for_a_link_once(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	w.at_once = false;
	const struct build r = reg(1, "t1");
	up(&w, &r);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	expect_503(&w.device, PDU_ACK, 1, "t1", RETRY_S);
	assert_int_equal(w.cancelled, 1);
	assert_int_equal(counted(&w)->queued_bytes, 0);
	quiet(&w);
	world_end(&w);
	/* One that was sent, and waits again since the server has fallen silent. */
	begin(&w);
	w.at_once = false;
	const struct build u = update(2, "u", "rd/5a3f");
	for (unsigned i = 0; i < 3; i++) {
		pass_up(&w, &u);
		later(&w, 4000);
	}
	up(&w, &u);
	assert_int_equal(w.server.closed, 1);
	assert_int_equal(w.d->waiting.count, 1);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	expect_503(&w.device, PDU_ACK, 2, "u", RETRY_S);
	quiet(&w);
	world_end(&w);
}

static void test_R218_a_link_that_was_on_its_way_is_closed(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	assert_int_equal(w.server.closed, 1);
	assert_null(relay_device_link(w.d));
	const struct build g = get(PDU_CON, 0x90, "g");
	down(&w, &g); /* its last words */
	quiet(&w);
	world_end(&w);
}

static void test_R218_after_quarantine_the_next_message_opens_a_link(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	relay_device_gate(w.d, RELAY_OPEN, 0);
	assert_int_equal(relay_device_gated(w.d), RELAY_OPEN);
	const struct build u = update(2, "u", "rd/5a3f");
	pass_up(&w, &u);
	assert_int_equal(w.opened, 2);
	quiet(&w);
	world_end(&w);
}

static void test_R218_a_bootstrap_ends_with_quarantine(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build b =
		build_request(&(struct want){ PDU_CON, PDU_POST, 1, "b", "bs", "ep=urn:dev:1" });
	const struct build changed = build_start(PDU_ACK, PDU_CHANGED, 1, "b");
	const struct build g = get(PDU_CON, 0x90, "g");
	pass_up(&w, &b);
	pass_down(&w, &changed);
	pass_down(&w, &g);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	expect_503(&w.server, PDU_ACK, 0x90, "g", RETRY_S);
	relay_device_gate(w.d, RELAY_OPEN, 0);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	down(&w, &g);
	expect_answer(&w.server, PDU_RST, PDU_EMPTY, 0x90, "");
	quiet(&w);
	world_end(&w);
}

static void test_R257_who_wants_no_5xx_gets_none(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	struct build g = get(PDU_NON, 0x90, "g");
	const uint8_t no_5xx = 16;
	build_option(&g, PDU_NO_RESPONSE, &no_5xx, 1);
	pass_down(&w, &g);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	quiet(&w);
	up(&w, &g);
	quiet(&w);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_R218_in_quarantine_the_device_is_told_503_and_nothing_goes_up),
		cmocka_unit_test(test_R218_observations_end_in_quarantine),
		cmocka_unit_test(test_R213_quarantine_answers_the_device_what_is_under_way),
		cmocka_unit_test(test_R213_quarantine_answers_the_server_what_is_under_way),
		cmocka_unit_test(test_R213_quarantine_says_nothing_of_what_was_answered),
		cmocka_unit_test(test_R213_quarantine_answers_what_waits_for_a_link_once),
		cmocka_unit_test(test_R218_a_link_that_was_on_its_way_is_closed),
		cmocka_unit_test(test_R218_after_quarantine_the_next_message_opens_a_link),
		cmocka_unit_test(test_R218_a_bootstrap_ends_with_quarantine),
		cmocka_unit_test(test_R257_who_wants_no_5xx_gets_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
