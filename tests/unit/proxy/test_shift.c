/* SPDX-License-Identifier: Apache-2.0 */
/* Message ids of a device that has shaken hands, over a link that was kept (RFC 7252 4.5). */
#include "base/attr.h"
#include "proxy/shift.h"
#include "tests/unit/proxy/kit.h"

static void test_R235_what_a_device_numbers_goes_up_as_another_number_in_each_channel(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	for (int channel = 1; channel < 9; channel++) {
		relay_device_rebind(w.d, &w.device.base);
		/* Registers with the id, and the token, of the first time. */
		const struct build r = reg(1, "t1"), gone_up = in_channel(&r, channel);
		up(&w, &r);
		expect_same(&w.server, &gone_up);
		up(&w, &r); /* a copy is one again */
		expect_same(&w.server, &gone_up);
		const struct build created = build_created(PDU_ACK, 1, "t1", "rd/7");
		const struct build come_down = in_channel(&created, channel);
		down(&w, &come_down);
		expect_same(&w.device, &created);
		assert_string_equal(registration_of(&w)->location, "rd/7");
	}
	world_end(&w);
}

static void test_R235_what_the_server_numbers_stays_as_it_is(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	relay_device_rebind(w.d, &w.device.base);
	const struct build read =
		build_request(&(struct want){ PDU_CON, 0x01, 900, "s1", "3/0/1", NULL });
	down(&w, &read);
	expect_same(&w.device, &read);
	const struct build value = build_start(PDU_ACK, 0x45, 900, "s1");
	up(&w, &value);
	expect_same(&w.server, &value);
	/* The device's own separate answer, or notification, and what is said of it. */
	const struct build notice = build_start(PDU_CON, 0x45, 65000, "s1");
	const struct build gone_up = in_channel(&notice, 1);
	up(&w, &notice);
	expect_same(&w.server, &gone_up);
	const struct build ack = build_start(PDU_ACK, 0, 65000, "");
	const struct build come_down = in_channel(&ack, 1);
	down(&w, &come_down);
	expect_same(&w.device, &ack);
	world_end(&w);
}

static void test_R236_the_number_of_channels_outlives_registration_and_memory(void **state)
{
	(void)state;
	static struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	relay_device_rebind(w.d, &w.device.base);
	const struct build bye =
		build_request(&(struct want){ PDU_CON, PDU_DELETE, 2, "t2", "rd/5a3f", NULL });
	const struct build gone_up = in_channel(&bye, 1);
	up(&w, &bye);
	expect_same(&w.server, &gone_up);
	const struct build deleted = build_start(PDU_ACK, PDU_DELETED, 2, "t2");
	const struct build come_down = in_channel(&deleted, 1);
	down(&w, &come_down);
	assert_int_equal(expect_pdu(&w.device).mid, 2);
	assert_false(registration_of(&w)->active);
	/* It dozes, and comes back. */
	const struct relay_registration left = *registration_of(&w);
	relay_device_let_go(w.d);
	w.d = relay_device_up(w.relay, "urn:dev:1", &w, &w.device.base);
	assert_non_null(w.d);
	relay_device_adopt(w.d, &left);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	const struct build r = reg(1, "t1"), r_up = in_channel(&r, 1);
	up(&w, &r);
	expect_same(&w.server, &r_up);
	world_end(&w);
}

static void test_a_message_without_an_id_or_too_long_is_left_alone(void **state)
{
	(void)state;
	static uint8_t gone[SHIFT_MAX], msg[SHIFT_MAX + 1];
	msg[0] = 0x40;
	for (size_t len = 0; len < 4; len++)
		assert_ptr_equal(shift_to_server(gone, 1, msg, len), msg);
	assert_ptr_equal(shift_to_server(gone, 1, msg, sizeof(msg)), msg);
	assert_ptr_equal(shift_to_server(gone, 0, msg, 4), msg);
	const uint8_t *const there = shift_to_server(gone, 3, msg, SHIFT_MAX);
	assert_ptr_equal(there, gone);
	static uint8_t come[SHIFT_MAX];
	gone[0] = 0x60;
	assert_memory_equal(shift_from_server(come, 3, gone, SHIFT_MAX) + 1, msg + 1, 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_R235_what_a_device_numbers_goes_up_as_another_number_in_each_channel),
		cmocka_unit_test(test_R235_what_the_server_numbers_stays_as_it_is),
		cmocka_unit_test(test_R236_the_number_of_channels_outlives_registration_and_memory),
		cmocka_unit_test(test_a_message_without_an_id_or_too_long_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
