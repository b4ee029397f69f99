/* SPDX-License-Identifier: Apache-2.0 */
/* What a device on a slow radio says. */
#include "tests/unit/proxy/slow.h"

static struct build own_update(uint16_t mid, const char *token)
{
	return update(mid, token, "rd/5a3f");
}

static struct build changed(enum pdu_type type, uint16_t mid, const char *token)
{
	return build_start(type, PDU_CHANGED, mid, token);
}

static void expect_own_ack(struct world *w, uint16_t mid)
{
	(void)until_sent(w, &w->device, 0, GOVERNOR_PROCESSING_MS);
	expect_answer(&w->device, PDU_ACK, PDU_EMPTY, mid, "");
}

static void test_R228_a_repeated_request_is_answered_from_what_was_said(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build u = own_update(0x100, "a"), c = changed(PDU_ACK, 0x100, "a");
	pass_up(&w, &u);
	absorbed_up(&w, &u); /* the server's time has not run out */
	later(&w, 300);
	pass_down(&w, &c);
	for (int i = 0; i < 3; i++) {
		later(&w, 10000);
		up(&w, &u);
		expect_same(&w.device, &c);
	}
	expect_silence(&w.server);
	absorbed_down(&w, &c);
	assert_int_equal(relay_stats(w.relay).answered_from_kept, 3);
	assert_int_equal(relay_stats(w.relay).suppressed, 1);
	/* ... as long as the device may repeat it */
	later(&w, LIFETIME_MS - 31000);
	up(&w, &u);
	expect_same(&w.device, &c);
	later(&w, 2000);
	pass_up(&w, &u);
	world_end(&w);
}

static void test_R229_one_Register_stays_one(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	relay_device_set_radio(w.d, relay_radio_of(RELAY_NB_IOT));
	world_register(&w);
	const struct build r = reg(1, "t1"), created = build_created(PDU_ACK, 1, "t1", "rd/5a3f");
	up(&w, &r);
	expect_same(&w.device, &created);
	expect_silence(&w.server);
	assert_int_equal(relay_stats(w.relay).registered, 1);
	world_end(&w);
}

static void test_R239_the_device_is_told_that_its_request_has_come(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build u = own_update(0x100, "a"), c = changed(PDU_ACK, 0x100, "a");
	pass_up(&w, &u);
	expect_own_ack(&w, 0x100);
	up(&w, &u);
	expect_answer(&w.device, PDU_ACK, PDU_EMPTY, 0x100, "");
	(void)until_sent(&w, &w.server, 500, 1500); /* 2 to 3 s in all */
	expect_same(&w.server, &u);
	later(&w, 300);
	down(&w, &c);
	const uint16_t mid = expect_separate(&w.device, &c);
	(void)until_sent(&w, &w.device, FIRST_MIN_MS, FIRST_MAX_MS);
	assert_int_equal(expect_separate(&w.device, &c), mid);
	const struct build ack = empty(PDU_ACK, mid);
	absorbed_up(&w, &ack);
	nothing_for(&w, LIFETIME_MS);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	world_end(&w);
}

static void test_a_late_answer_without_end_is_504_for_the_device(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	w.at_once = false;
	const unsigned opened = w.opened, closed = w.server.closed;
	const uint64_t asked_ms = w.now_ms;
	const struct build u = own_update(0x100, "a");
	pass_up(&w, &u);
	expect_own_ack(&w, 0x100);
	for (int copies = 0; copies < 2; copies++) {
		(void)until_sent(&w, &w.server, 500, 12000);
		expect_same(&w.server, &u);
	}
	/* The fourth would come now: a server that says nothing has lost its link. */
	while (w.opened == opened)
		later(&w, 100);
	assert_int_equal(w.server.closed, closed + 1);
	quiet(&w);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	expect_same(&w.server, &u);
	(void)until_sent(&w, &w.server, 10000, 24000); /* the last of five */
	expect_same(&w.server, &u);
	(void)until_sent(&w, &w.device, 40000, 93000);
	expect_silence(&w.server);
	assert_in_range(w.now_ms - asked_ms, 93000, 93200); /* */
	const struct pdu m = expect_pdu(&w.device);
	assert_int_equal(m.type, PDU_CON);
	assert_int_equal(m.code, PDU_GATEWAY_TIMEOUT);
	expect_silence(&w.device);
	world_end(&w);
}

static void test_a_promised_answer_that_never_comes_is_504_for_the_device(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build u = own_update(0x100, "a"), ack = empty(PDU_ACK, 0x100);
	pass_up(&w, &u);
	absorbed_down(&w, &ack);
	expect_own_ack(&w, 0x100);
	(void)until_sent(&w, &w.device, 91000, 93000);
	const struct pdu m = expect_pdu(&w.device);
	assert_int_equal(m.type, PDU_CON); /* nothing less is sure to arrive */
	assert_int_equal(m.code, PDU_GATEWAY_TIMEOUT);
	expect_silence(&w.server);
	world_end(&w);
}

static void test_a_link_that_fails_is_told_in_a_message_of_its_own(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	w.at_once = false;
	w.never = true;
	w.end = RELAY_LINK_UNREACHABLE;
	const struct build u = own_update(0x100, "a");
	pass_up(&w, &u);
	expect_own_ack(&w, 0x100);
	relay_link_down(w.d, RELAY_LINK_CLOSED, w.now_ms);
	(void)until_sent(&w, &w.device, 500, 1500);
	const struct pdu m = expect_pdu(&w.device);
	assert_int_equal(m.type, PDU_CON);
	assert_int_equal(m.code, PDU_BAD_GATEWAY);
	const struct build ack = empty(PDU_ACK, m.mid);
	absorbed_up(&w, &ack);
	world_end(&w);
}

static void test_R248_a_notification_is_acknowledged_by_the_server_alone(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build n = observed(PDU_CON, 0x200, "o", 3), ack = empty(PDU_ACK, 0x200);
	pass_up(&w, &n);
	absorbed_up(&w, &n);
	(void)until_sent(&w, &w.server, 2000, 3000);
	expect_same(&w.server, &n);
	expect_silence(&w.device);
	pass_down(&w, &ack);
	later(&w, 10000);
	up(&w, &n);
	expect_same(&w.device, &ack);
	expect_silence(&w.server);
	/* A cancellation is kept as well. */
	const struct build last = observed(PDU_CON, 0x201, "o", 4), rst = empty(PDU_RST, 0x201);
	pass_up(&w, &last);
	pass_down(&w, &rst);
	up(&w, &last);
	expect_same(&w.device, &rst);
	/* What the server never acknowledged is not acknowledged. */
	const struct build lost = observed(PDU_CON, 0x202, "o", 5);
	pass_up(&w, &lost);
	for (int copies = 0; copies < 4; copies++) {
		(void)until_sent(&w, &w.server, 2000, 24000);
		expect_same(&w.server, &lost);
	}
	nothing_for(&w, 50000);
	pass_up(&w, &lost);
	world_end(&w);
}

static void test_the_servers_own_answer_is_repeated_by_the_radios_timers(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build u = own_update(0x100, "a"), ack = empty(PDU_ACK, 0x100);
	const struct build c = changed(PDU_CON, 0x900, "a"), got = empty(PDU_ACK, 0x900);
	pass_up(&w, &u);
	absorbed_down(&w, &ack); /* the answer may follow at once, and says the same */
	later(&w, 200);
	pass_down(&w, &c);
	absorbed_down(&w, &c);
	(void)until_sent(&w, &w.server, 0, GOVERNOR_PROCESSING_MS);
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x900, "");
	(void)until_sent(&w, &w.device, 8000, FIRST_MAX_MS);
	expect_same(&w.device, &c);
	absorbed_up(&w, &got);
	up(&w, &u);
	expect_answer(&w.device, PDU_ACK, PDU_EMPTY, 0x100, "");
	nothing_for(&w, 400000);
	world_end(&w);
}

static void test_R232_an_answer_goes_before_what_is_asked(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build one = get(PDU_CON, 0x800, "g"), two = get(PDU_CON, 0x801, "h");
	const struct build u = own_update(0x100, "a"), c = changed(PDU_CON, 0x900, "a");
	pass_down(&w, &one);
	absorbed_down(&w, &two);
	pass_up(&w, &u);
	absorbed_down(&w, &c);
	const struct build v = content(PDU_ACK, 0x800, "g"), got = empty(PDU_ACK, 0x900);
	up(&w, &v);
	expect_same(&w.server, &v);
	expect_same(&w.device, &c);
	expect_silence(&w.device);
	up(&w, &got);
	expect_same(&w.server, &got);
	expect_same(&w.device, &two);
	world_end(&w);
}

static void test_R235_own_message_ids_are_far_from_the_devices(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build n = observed(PDU_CON, 0xfffe, "o", 3), ack = empty(PDU_ACK, 0xfffe);
	pass_up(&w, &n);
	pass_down(&w, &ack);
	static const uint16_t drawn[] = { 0, 0xffff, 0xffff }; /* the ends, and one twice */
	uint16_t last = 0;
	for (size_t i = 0; i < COUNT_OF(drawn); i++) {
		const uint16_t asked = (uint16_t)(0x800 + i);
		const struct build g = get(PDU_CON, asked, "g"), v = content(PDU_ACK, asked, "g");
		pass_down(&w, &g);
		later(&w, GOVERNOR_PROCESSING_MS + 50);
		expect_answer(&w.server, PDU_ACK, PDU_EMPTY, asked, "");
		w.mid = drawn[i];
		up(&w, &v);
		const uint16_t mid = expect_separate(&w.server, &v);
		assert_in_range((uint16_t)(mid - 0xfffe), 0x4000, 0xc000);
		assert_true(i == 0 || mid != last);
		last = mid;
		const struct build got = empty(PDU_ACK, mid);
		absorbed_down(&w, &got);
	}
	world_end(&w);
}

static void test_ethernet_is_a_wire(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	const struct build g = get(PDU_CON, 0x800, "g"), v = content(PDU_ACK, 0x800, "g");
	const struct build u = own_update(0x100, "a"), c = changed(PDU_ACK, 0x100, "a");
	for (int i = 0; i < 2; i++) {
		pass_down(&w, &g);
		pass_up(&w, &u);
	}
	nothing_for(&w, 20000);
	for (int i = 0; i < 2; i++) {
		pass_up(&w, &v);
		pass_down(&w, &c);
	}
	assert_int_equal(relay_stats(w.relay).suppressed, 0);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R228_a_repeated_request_is_answered_from_what_was_said),
		cmocka_unit_test(test_R229_one_Register_stays_one),
		cmocka_unit_test(test_R239_the_device_is_told_that_its_request_has_come),
		cmocka_unit_test(test_a_late_answer_without_end_is_504_for_the_device),
		cmocka_unit_test(test_a_promised_answer_that_never_comes_is_504_for_the_device),
		cmocka_unit_test(test_a_link_that_fails_is_told_in_a_message_of_its_own),
		cmocka_unit_test(test_R248_a_notification_is_acknowledged_by_the_server_alone),
		cmocka_unit_test(test_the_servers_own_answer_is_repeated_by_the_radios_timers),
		cmocka_unit_test(test_R232_an_answer_goes_before_what_is_asked),
		cmocka_unit_test(test_R235_own_message_ids_are_far_from_the_devices),
		cmocka_unit_test(test_ethernet_is_a_wire),
	};
	return cmocka_run_group_tests_name("proxy/governor: upwards", tests, NULL, NULL);
}
