/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a registration, seen through the relay. */
#include "proxy/registration.h"
#include "tests/unit/proxy/kit.h"

static void test_R260_register_update_deregister(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	assert_string_equal(registration_of(&w)->location, "rd/5a3f");
	assert_int_equal(registration_of(&w)->lifetime_s, 300);
	assert_int_equal(registration_of(&w)->expires_ms, w.now_ms + 300000);
	assert_int_equal(counted(&w)->registrations, 1);
	assert_int_equal(w.changed, 1);
	later(&w, 10000);
	struct build b = update(2, "t2", "rd/5a3f");
	up(&w, &b);
	expect_same(&w.server, &b);
	b = build_start(PDU_ACK, PDU_CHANGED, 2, "t2");
	down(&w, &b);
	expect_same(&w.device, &b);
	assert_int_equal(registration_of(&w)->expires_ms, w.now_ms + 300000); /* */
	assert_int_equal(w.changed, 2);
	b = build_request(&(struct want){ PDU_CON, PDU_DELETE, 3, "t3", "rd/5a3f", NULL });
	up(&w, &b);
	expect_same(&w.server, &b);
	b = build_start(PDU_ACK, PDU_DELETED, 3, "t3");
	down(&w, &b);
	expect_same(&w.device, &b);
	assert_false(registration_of(&w)->active); /* */
	assert_int_equal(counted(&w)->registrations, 0);
	assert_int_equal(w.changed, 3);
	assert_int_equal(w.server.closed, 0);
	world_end(&w);
}

static void test_I4_R264_a_foreign_endpoint_goes_nowhere(void **state)
{
	(void)state;
	struct relay_settings s = relay_settings_default();
	for (int strict = 0; strict < 2; strict++) {
		struct world w;
		s.wrong_endpoint_403 = strict == 1;
		world_begin(&w, &s);
		const struct build b = build_request(
			&(struct want){ PDU_CON, PDU_POST, 1, "t", "rd", "ep=urn:dev:2&lt=60" });
		up(&w, &b);
		expect_answer(&w.device, PDU_ACK, strict ? PDU_FORBIDDEN : PDU_BAD_REQUEST, 1, "t");
		assert_int_equal(w.opened, 0);
		assert_int_equal(w.server.count, 0);
		assert_int_equal(counted(&w)->refused, 1);
		world_end(&w);
	}
}

static void test_R266_register_again_replaces(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	struct build b = reg(5, "t5");
	up(&w, &b);
	expect_same(&w.server, &b);
	b = build_created(PDU_ACK, 5, "t5", "rd/new");
	down(&w, &b);
	expect_same(&w.device, &b);
	assert_string_equal(registration_of(&w)->location, "rd/new");
	assert_int_equal(counted(&w)->registrations, 1);
	assert_int_equal(counted(&w)->registered, 2);
	b = update(6, "t6", "rd/5a3f");
	up(&w, &b);
	expect_answer(&w.device, PDU_ACK, PDU_BAD_REQUEST, 6, "t6"); /* */
	expect_silence(&w.server);
	world_end(&w);
}

static void test_R267_update_after_a_restart_of_the_gateway(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	struct build b = update(2, "t2", "rd/before");
	up(&w, &b);
	expect_same(&w.server, &b);
	b = build_start(PDU_ACK, 0x84, 2, "t2"); /* 4.04: it doesn't know it either */
	down(&w, &b);
	expect_same(&w.device, &b);
	assert_false(registration_of(&w)->active);
	b = update(3, "t3", "rd/before");
	up(&w, &b);
	expect_same(&w.server, &b);
	b = build_start(PDU_ACK, PDU_CHANGED, 3, "t3");
	down(&w, &b);
	expect_same(&w.device, &b);
	assert_true(registration_of(&w)->active);
	assert_string_equal(registration_of(&w)->location, "rd/before");
	world_end(&w);
}

static void test_R273_register_in_blocks(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	for (uint16_t n = 0; n < 3; n++) {
		const uint8_t more = n < 2 ? 8 : 0;
		const uint8_t block = (uint8_t)(n << 4 | more | 2); /* of 64 bytes */
		struct build b = reg((uint16_t)(1 + n), "blk");
		build_option(&b, 27, &block, 1);
		build_payload(&b, "</1/0>,</3/0>");
		up(&w, &b);
		expect_same(&w.server, &b);
		struct build answer =
			n < 2 ? build_start(PDU_ACK, PDU_CONTINUE, (uint16_t)(1 + n), "blk")
			      : build_created(PDU_ACK, 3, "blk", "rd/5a3f");
		build_option(&answer, 27, &block, 1);
		down(&w, &answer);
		expect_same(&w.device, &answer);
		assert_int_equal(registration_of(&w)->active, n == 2);
	}
	assert_int_equal(registration_of(&w)->lifetime_s, 300);
	/* Every block must name the endpoint. */
	struct build b = build_request(&(struct want){ PDU_CON, PDU_POST, 9, "blk", "rd", NULL });
	up(&w, &b);
	expect_answer(&w.device, PDU_ACK, PDU_BAD_REQUEST, 9, "blk");
	world_end(&w);
}

static void test_R269_a_registration_ends_after_lifetime_and_grace(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	later(&w, 300000 + REGISTRATION_GRACE_MS - 1);
	assert_true(registration_of(&w)->active);
	assert_true(relay_next_ms(w.relay) <= w.now_ms + 1 + 8); /* a tick of the wheel */
	later(&w, 9);
	assert_false(registration_of(&w)->active);
	assert_int_equal(counted(&w)->registrations, 0);
	assert_int_equal(w.changed, 2);
	assert_int_equal(w.server.count, w.server.seen); /* the upstream is not asked */
	assert_int_equal(w.device.closed, 0);            /* */
	assert_int_equal(w.server.closed, 1);            /* others may need its place */
	assert_int_equal(w.server.why, CHANNEL_DONE);
	assert_true(relay_next_ms(w.relay) == UINT64_MAX);
	/* The device may register again in the same channel. */
	const struct build r = reg(9, "t9");
	w.at_once = false;
	up(&w, &r);
	assert_int_equal(w.opened, 2);
	struct wire fresh;
	relay_link_up(w.d, wire_init(&fresh), w.now_ms);
	expect_same(&fresh, &r);
	wire_fini(&fresh);
	world_end(&w);
}

static void test_R269_a_patient_relay_ends_it_in_time_too(void **state)
{
	(void)state;
	struct relay_settings s = relay_settings_default();
	struct world w;
	s.answer_ms = 3600000; /* no other timer is due before */
	world_begin(&w, &s);
	world_register(&w);
	later(&w, 300000 + REGISTRATION_GRACE_MS + 8);
	assert_false(registration_of(&w)->active);
	world_end(&w);
}

/* A server takes two requests with one message id for one (RFC 7252 section 4.5) and answers the
   first. */
static void test_I3_an_answer_to_another_request_registers_nobody(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build bs =
		build_request(&(struct want){ PDU_CON, PDU_POST, 5, "t", "bs", "ep=urn:dev:1" });
	const struct build claim = build_request(
		&(struct want){ PDU_CON, PDU_POST, 5, "t", "rd/victim", "lt=4294967295" });
	up(&w, &bs);
	up(&w, &claim);
	const struct build changed = build_start(PDU_ACK, PDU_CHANGED, 5, "t");
	down(&w, &changed);
	assert_false(registration_of(&w)->active);
	world_end(&w);
}

/* Nor does an answer count for the youngest of two requests that share a token. */
static void test_R262_the_answer_to_a_send_is_not_that_to_an_update(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	const struct build send =
		build_request(&(struct want){ PDU_NON, PDU_POST, 6, "t", "dp", NULL });
	const struct build long_life = build_request(
		&(struct want){ PDU_NON, PDU_POST, 7, "t", "rd/5a3f", "lt=4294967295" });
	up(&w, &send);
	up(&w, &long_life);
	const struct build good = build_start(PDU_NON, PDU_CHANGED, 900, "t");
	const struct build bad = build_start(PDU_NON, PDU_BAD_REQUEST, 901, "t");
	down(&w, &good);
	down(&w, &bad);
	assert_int_equal(registration_of(&w)->lifetime_s, 300);
	world_end(&w);
}

static void test_R262_an_update_moves_the_end(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	later(&w, 299000);
	struct build b =
		build_request(&(struct want){ PDU_CON, PDU_POST, 2, "t2", "rd/5a3f", "lt=600" });
	up(&w, &b);
	later(&w, 50000); /* the answer comes late, in the grace */
	assert_true(registration_of(&w)->active);
	b = build_start(PDU_ACK, PDU_CHANGED, 2, "t2");
	down(&w, &b);
	assert_int_equal(registration_of(&w)->lifetime_s, 600);
	later(&w, 600000);
	assert_true(registration_of(&w)->active);
	/* Send proves life, but a registration doesn't live on it. */
	b = build_request(&(struct want){ PDU_CON, PDU_POST, 3, "t3", "dp", NULL });
	up(&w, &b);
	b = build_start(PDU_ACK, PDU_CHANGED, 3, "t3");
	down(&w, &b);
	later(&w, REGISTRATION_GRACE_MS + 8);
	assert_false(registration_of(&w)->active);
	world_end(&w);
}

static void test_R261_an_answer_without_usable_location_is_502(void **state)
{
	(void)state;
	static const char too_long[] =
		"rd/0123456789012345678901234567890123456789012345678901234567890123456789";
	struct world w;
	world_begin(&w, NULL);
	struct build b = reg(1, "t1");
	up(&w, &b);
	b = build_created(PDU_ACK, 1, "t1", too_long);
	down(&w, &b);
	expect_answer(&w.device, PDU_ACK, PDU_BAD_GATEWAY, 1, "t1");
	assert_false(registration_of(&w)->active);
	/* The same in a separate answer: it is rejected, and the waiting CON is answered. */
	b = reg(2, "t2");
	up(&w, &b);
	w.server.seen = w.server.count;
	b = build_created(PDU_CON, 0x99, "t2", NULL);
	down(&w, &b);
	expect_answer(&w.server, PDU_RST, 0, 0x99, "");
	expect_answer(&w.device, PDU_ACK, PDU_BAD_GATEWAY, 2, "t2");
	world_end(&w);
}

static void test_R283_bootstrap_opens_both_ways_and_ends(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	struct build b =
		build_request(&(struct want){ PDU_CON, PDU_POST, 1, "bs", "bs", "ep=urn:dev:1" });
	up(&w, &b);
	expect_same(&w.server, &b);
	b = build_start(PDU_ACK, PDU_CHANGED, 1, "bs");
	down(&w, &b);
	expect_same(&w.device, &b);
	for (uint16_t mid = 10; mid < 13; mid++) { /* as long as the server writes it stays open */
		later(&w, 60000);
		b = build_request(&(struct want){ PDU_CON, 3, mid, "w", "0/1", NULL });
		down(&w, &b);
		expect_same(&w.device, &b);
		b = build_start(PDU_ACK, PDU_CHANGED, mid, "w");
		up(&w, &b);
		expect_same(&w.server, &b);
	}
	b = build_request(&(struct want){ PDU_CON, PDU_POST, 20, "f", "bs", NULL });
	down(&w, &b); /* Bootstrap-Finish */
	expect_same(&w.device, &b);
	b = build_start(PDU_ACK, PDU_CHANGED, 20, "f");
	up(&w, &b);
	expect_same(&w.server, &b);
	assert_false(registration_of(&w)->active);
	later(&w, 60000);
	b = build_request(&(struct want){ PDU_NON, 1, 21, "r", "0", NULL });
	down(&w, &b); /* still, but it extends nothing */
	expect_same(&w.device, &b);
	later(&w, 40000);
	down(&w, &b);
	expect_silence(&w.device);
	world_end(&w);
}

static void test_D5_a_new_channel_keeps_registration_and_link(void **state)
{
	(void)state;
	struct world w;
	struct wire fresh;
	world_begin(&w, NULL);
	world_register(&w);
	struct build b = update(7, "t7", "rd/5a3f");
	up(&w, &b); /* under way while the device shakes hands anew */
	relay_device_rebind(w.d, wire_init(&fresh));
	assert_true(registration_of(&w)->active);
	assert_ptr_equal(relay_device_link(w.d), &w.server.base);
	/* what was asked in the old channel is not answered in the new one. */
	later(&w, 200000);
	assert_int_equal(fresh.count, 0);
	b = build_request(&(struct want){ PDU_CON, 1, 9, "x", "3/0/0", NULL });
	down(&w, &b);
	expect_same(&fresh, &b);
	assert_int_equal(w.device.closed, 0); /* the owner's affair */
	wire_fini(&fresh);
	world_end(&w);
}

static void test_R230_a_new_channel_begins_with_nothing_open(void **state)
{
	(void)state;
	struct world w;
	struct wire fresh;
	world_begin(&w, NULL);
	world_register(&w);
	const struct build notify = build_start(PDU_CON, 0x45, 9, "obs");
	struct build b = build_request(&(struct want){ PDU_NON, 1, 4, "q", "x", NULL });
	up(&w, &b); /* gets an answer with an id of ours */
	up(&w, &notify);
	up(&w, &notify);
	w.server.seen = w.server.count;
	relay_device_rebind(w.d, wire_init(&fresh));
	b = build_start(PDU_RST, 0, 0xf000, ""); /* in the new channel that id is not ours */
	up(&w, &b);
	expect_same(&w.server, &b);
	const struct build renumbered = in_channel(&notify, 1);
	up(&w, &notify); /* nor is this a third copy */
	expect_same(&w.server, &renumbered);
	assert_int_equal(w.server.closed, 0);
	wire_fini(&fresh);
	world_end(&w);
}

static void test_R252_a_new_channel_ends_a_bootstrap(void **state)
{
	(void)state;
	struct world w;
	struct wire fresh;
	world_begin(&w, NULL);
	struct build b =
		build_request(&(struct want){ PDU_CON, PDU_POST, 1, "bs", "bs", "ep=urn:dev:1" });
	up(&w, &b);
	b = build_start(PDU_ACK, PDU_CHANGED, 1, "bs");
	down(&w, &b);
	b = build_request(&(struct want){ PDU_NON, 3, 2, "w", "0/1", NULL });
	down(&w, &b);
	assert_int_equal(w.device.count, 2);
	relay_device_rebind(w.d, wire_init(&fresh));
	down(&w, &b);
	expect_silence(&fresh);
	wire_fini(&fresh);
	world_end(&w);
}

static void test_R250_a_registration_can_be_adopted(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct relay_registration known = { .active = true,
		.location = "rd/77",
		.lifetime_s = 60,
		.expires_ms = w.now_ms + 60000 };
	relay_device_adopt(w.d, &known);
	assert_int_equal(counted(&w)->registrations, 1);
	const struct build b = build_start(PDU_NON, 0x45, 3, "obs");
	up(&w, &b); /* a notification opens the link */
	assert_int_equal(w.opened, 1);
	expect_same(&w.server, &b);
	later(&w, 60000 + REGISTRATION_GRACE_MS + 8);
	assert_false(registration_of(&w)->active);
	assert_int_equal(counted(&w)->registrations, 0);
	world_end(&w);
}

static void test_R239_a_separate_answer_and_its_acknowledgement(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	struct build b = reg(1, "t1");
	up(&w, &b);
	expect_same(&w.server, &b);
	b = build_start(PDU_ACK, 0, 1, "");
	down(&w, &b);
	expect_same(&w.device, &b);
	/* A refusal: nobody is registered, and still the answer, its copy and its ACK must pass. */
	b = build_start(PDU_CON, PDU_FORBIDDEN, 0x400, "t1");
	down(&w, &b);
	expect_same(&w.device, &b);
	down(&w, &b);
	expect_same(&w.device, &b);
	b = build_start(PDU_ACK, 0, 0x400, "");
	up(&w, &b);
	expect_same(&w.server, &b);
	b = build_start(PDU_ACK, 0, 0x401, "");
	up(&w, &b);
	expect_silence(&w.server);
	assert_int_equal(counted(&w)->dropped, 1);
	world_end(&w);
}

static void test_R263_a_lost_answer_is_asked_for_again(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	const struct build end =
		build_request(&(struct want){ PDU_CON, PDU_DELETE, 3, "t3", "rd/5a3f", NULL });
	const struct build deleted = build_start(PDU_ACK, PDU_DELETED, 3, "t3");
	for (int copy = 0; copy < 2; copy++) {
		up(&w, &end);
		expect_same(&w.server, &end);
		down(&w, &deleted);
		expect_same(&w.device, &deleted);
	}
	assert_int_equal(w.changed, 2);
	assert_int_equal(counted(&w)->registrations, 0);
	/* A Register whose answer was lost is one registration. */
	const struct build r = reg(4, "t4");
	const struct build created = build_created(PDU_ACK, 4, "t4", "rd/x");
	for (int copy = 0; copy < 2; copy++) {
		up(&w, &r);
		down(&w, &created);
	}
	assert_int_equal(counted(&w)->registered, 2);
	assert_int_equal(counted(&w)->registrations, 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R260_register_update_deregister),
		cmocka_unit_test(test_I4_R264_a_foreign_endpoint_goes_nowhere),
		cmocka_unit_test(test_R266_register_again_replaces),
		cmocka_unit_test(test_R267_update_after_a_restart_of_the_gateway),
		cmocka_unit_test(test_R273_register_in_blocks),
		cmocka_unit_test(test_R269_a_registration_ends_after_lifetime_and_grace),
		cmocka_unit_test(test_R269_a_patient_relay_ends_it_in_time_too),
		cmocka_unit_test(test_I3_an_answer_to_another_request_registers_nobody),
		cmocka_unit_test(test_R262_the_answer_to_a_send_is_not_that_to_an_update),
		cmocka_unit_test(test_R262_an_update_moves_the_end),
		cmocka_unit_test(test_R261_an_answer_without_usable_location_is_502),
		cmocka_unit_test(test_R283_bootstrap_opens_both_ways_and_ends),
		cmocka_unit_test(test_D5_a_new_channel_keeps_registration_and_link),
		cmocka_unit_test(test_R230_a_new_channel_begins_with_nothing_open),
		cmocka_unit_test(test_R252_a_new_channel_ends_a_bootstrap),
		cmocka_unit_test(test_R250_a_registration_can_be_adopted),
		cmocka_unit_test(test_R239_a_separate_answer_and_its_acknowledgement),
		cmocka_unit_test(test_R263_a_lost_answer_is_asked_for_again),
	};
	return cmocka_run_group_tests_name("proxy/relay: registration", tests, NULL, NULL);
}
