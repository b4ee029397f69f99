/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay does while there is no link, and when a link or a server fails. */
#include "base/attr.h"
#include "proxy/device.h"
#include "tests/unit/proxy/kit.h"

static void begin_slow(struct world *w)
{
	world_begin(w, NULL);
	w->at_once = false;
}

static struct build non_update(uint16_t mid, const char *token)
{
	return build_request(&(struct want){ PDU_NON, PDU_POST, mid, token, "rd/5a3f", NULL });
}

static void test_R243_messages_wait_for_the_link_in_order(void **state)
{
	(void)state;
	struct world w;
	begin_slow(&w);
	const struct build first = reg(1, "t1"), second = update(2, "t2", "rd/5a3f");
	up(&w, &first);
	up(&w, &second);
	up(&w, &first); /* a retransmission is not a second message */
	assert_int_equal(w.opened, 1);
	assert_true(counted(&w)->queued_bytes > first.len + second.len);
	expect_silence(&w.device);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	expect_same(&w.server, &first);
	expect_same(&w.server, &second);
	expect_silence(&w.server);
	assert_int_equal(counted(&w)->queued_bytes, 0);
	assert_int_equal(counted(&w)->up, 2);
	const struct build created = build_created(PDU_ACK, 1, "t1", "rd/5a3f");
	down(&w, &created);
	expect_same(&w.device, &created);
	world_end(&w);
}

static void test_R243_too_many_waiting_messages_are_503(void **state)
{
	(void)state;
	struct relay_settings s = relay_settings_default();
	struct world w;
	s.queue_messages = 2;
	world_begin(&w, &s);
	w.at_once = false;
	for (uint16_t mid = 1; mid <= 3; mid++) {
		const struct build b = reg(mid, "t");
		up(&w, &b);
	}
	const struct pdu m = expect_pdu(&w.device);
	assert_int_equal(m.code, PDU_UNAVAILABLE);
	assert_int_equal(m.mid, 3);
	struct pdu_options it = pdu_options(&m);
	struct pdu_option o;
	assert_true(pdu_next_of(&it, PDU_MAX_AGE, &o));
	assert_int_equal(w.opened, 1);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	assert_int_equal(w.server.count, 2);
	world_end(&w);
}

static void test_R243_each_end_of_a_link_has_its_answer(void **state)
{
	(void)state;
	static const struct row {
		enum relay_link_end end;
		unsigned code;
		bool max_age;
	} rows[] = {
		{ RELAY_LINK_TIMEOUT, PDU_GATEWAY_TIMEOUT, false },
		{ RELAY_LINK_UNREACHABLE, PDU_BAD_GATEWAY, false },
		{ RELAY_LINK_REFUSED, PDU_BAD_GATEWAY, false },
		{ RELAY_LINK_CLOSED, PDU_BAD_GATEWAY, false },
		{ RELAY_LINK_FULL, PDU_UNAVAILABLE, true },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world w;
		begin_slow(&w);
		const struct build con = reg(1, "t1"), non = non_update(2, "t2");
		up(&w, &con);
		up(&w, &non);
		relay_link_down(w.d, rows[i].end, w.now_ms);
		const struct pdu m = expect_pdu(&w.device);
		assert_int_equal(m.type, PDU_ACK);
		assert_int_equal(m.code, rows[i].code);
		assert_int_equal(m.mid, 1);
		assert_true(m.payload_len > 0); /* says why */
		struct pdu_options it = pdu_options(&m);
		struct pdu_option o;
		assert_int_equal(pdu_next_of(&it, PDU_MAX_AGE, &o), rows[i].max_age);
		expect_answer(&w.device, PDU_NON, rows[i].code, 0xf000, "t2");
		expect_silence(&w.device);
		assert_int_equal(counted(&w)->failed, 2);
		assert_int_equal(counted(&w)->queued_bytes, 0);
		world_end(&w);
	}
}

/* One Register while the link can't be opened; returns how often the owner was asked. */
static unsigned try_once(struct world *w, uint16_t mid)
{
	const unsigned before = w->opened;
	const struct build b = reg(mid, "t");
	up(w, &b);
	expect_answer(&w->device, PDU_ACK, PDU_GATEWAY_TIMEOUT, mid, "t");
	return w->opened - before;
}

static void test_R243_a_link_that_failed_is_left_alone_for_a_while(void **state)
{
	(void)state;
	struct world w;
	uint16_t mid = 1;
	begin_slow(&w);
	w.never = true;
	w.end = RELAY_LINK_TIMEOUT;
	for (uint32_t wait = 1000; wait <= 32000; wait *= 2) {
		assert_int_equal(try_once(&w, mid++), 1);
		assert_int_equal(try_once(&w, mid++), 0); /* answered at once, nobody asked */
		later(&w, wait - 1);
		assert_int_equal(try_once(&w, mid++), 0);
		later(&w, 1);
	}
	assert_int_equal(try_once(&w, mid++), 1);
	later(&w, 59999);
	assert_int_equal(try_once(&w, mid++), 0);
	later(&w, 1);
	assert_int_equal(try_once(&w, mid++), 1); /* 60 s is the longest */
	later(&w, 60000);
	w.never = false;
	w.at_once = true; /* success, and then it starts anew */
	struct build b = reg(mid++, "t");
	up(&w, &b);
	expect_same(&w.server, &b);
	relay_link_down(w.d, RELAY_LINK_TIMEOUT, w.now_ms);
	later(&w, 1000);
	b = reg(mid, "t");
	up(&w, &b);
	expect_same(&w.server, &b);
	world_end(&w);
}

static void test_R243_a_closed_link_is_opened_again_at_once(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	relay_link_down(w.d, RELAY_LINK_CLOSED, w.now_ms);
	assert_null(relay_device_link(w.d));
	assert_true(registration_of(&w)->active);
	const struct build ack = build_start(PDU_ACK, 0, 0x700, "");
	up(&w, &ack); /* belongs to the link that was */
	assert_int_equal(w.opened, 1);
	const struct build notify = build_start(PDU_CON, 0x45, 9, "obs");
	w.at_once = false;
	up(&w, &notify);
	assert_int_equal(w.opened, 2);
	const struct build late = build_start(PDU_ACK, 0, 9, "");
	down(&w, &late); /* from nowhere */
	expect_silence(&w.device);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	expect_same(&w.server, &notify);
	/* Also when an earlier one had failed: that it was up ends the back-off. */
	relay_link_down(w.d, RELAY_LINK_TIMEOUT, w.now_ms);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	relay_link_down(w.d, RELAY_LINK_CLOSED, w.now_ms);
	up(&w, &notify);
	assert_int_equal(w.opened, 3);
	world_end(&w);
}

static void test_R243_a_notification_that_cannot_pass_is_not_answered(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	relay_link_down(w.d, RELAY_LINK_CLOSED, w.now_ms);
	w.at_once = false;
	const struct build con = build_start(PDU_CON, 0x45, 9, "obs");
	const struct build non = build_start(PDU_NON, 0x45, 10, "obs");
	up(&w, &con);
	up(&w, &non);
	relay_link_down(w.d, RELAY_LINK_UNREACHABLE, w.now_ms);
	up(&w, &con); /* in the back-off */
	/* Not even with an ACK: the device keeps what the server hasn't seen. */
	expect_silence(&w.device);
	assert_int_equal(counted(&w)->dropped, 3);
	world_end(&w);
}

static void test_R243_an_unanswered_request_is_504(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build r = reg(1, "t1"), non = non_update(2, "t2");
	up(&w, &r);
	up(&w, &non);
	later(&w, 92999);
	expect_silence(&w.device);
	assert_true(relay_next_ms(w.relay) <= w.now_ms + 1 + 8);
	later(&w, 9);
	expect_answer(&w.device, PDU_ACK, PDU_GATEWAY_TIMEOUT, 1, "t1");
	expect_answer(&w.device, PDU_NON, PDU_GATEWAY_TIMEOUT, 0xf000, "t2");
	assert_int_equal(counted(&w)->failed, 2);
	assert_true(relay_next_ms(w.relay) == UINT64_MAX);
	world_end(&w);
}

static void test_R243_an_empty_ack_gives_the_server_more_time(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build r = reg(1, "t1");
	up(&w, &r);
	later(&w, 90000);
	const struct build ack = build_start(PDU_ACK, 0, 1, "");
	down(&w, &ack);
	expect_same(&w.device, &ack);
	later(&w, 92000);
	expect_silence(&w.device);
	later(&w, 1009);
	/* The device has its ACK: what follows is a message of its own. */
	expect_answer(&w.device, PDU_NON, PDU_GATEWAY_TIMEOUT, 0xf000, "t1");
	world_end(&w);
}

static void test_R243_a_reset_request_is_over(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build r = reg(1, "t1"), rst = build_start(PDU_RST, 0, 1, "");
	up(&w, &r);
	down(&w, &rst);
	expect_same(&w.device, &rst);
	later(&w, 200000);
	expect_silence(&w.device);
	world_end(&w);
}

static void test_R257_no_504_for_who_wants_none(void **state)
{
	(void)state;
	static const uint8_t none = 26;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	struct build b = build_request(&(struct want){ PDU_NON, PDU_POST, 5, "n", "dp", NULL });
	build_option(&b, PDU_NO_RESPONSE, &none, 1);
	up(&w, &b);
	expect_same(&w.server, &b);
	later(&w, 94000);
	expect_silence(&w.device);
	/* Nor a 5.xx while the link is down; a refused CON is acknowledged, so that it ends. */
	relay_link_down(w.d, RELAY_LINK_TIMEOUT, w.now_ms);
	up(&w, &b);
	expect_silence(&w.device);
	b = build_request(&(struct want){ PDU_CON, PDU_POST, 6, "c", "dp", NULL });
	build_option(&b, PDU_NO_RESPONSE, &none, 1);
	up(&w, &b);
	expect_silence(&w.device);
	b = build_request(&(struct want){ PDU_CON, PDU_POST, 7, "c", "elsewhere", NULL });
	build_option(&b, PDU_NO_RESPONSE, &none, 1);
	up(&w, &b);
	expect_answer(&w.device, PDU_ACK, 0, 7, "");
	world_end(&w);
}

static void test_R243_a_silent_server_gets_a_new_link(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	const struct build b = update(2, "t2", "rd/5a3f");
	w.at_once = false;
	for (int copy = 0; copy < 3; copy++) {
		up(&w, &b);
		expect_same(&w.server, &b);
		later(&w, 3000);
	}
	assert_int_equal(w.server.closed, 0);
	later(&w, 5000);
	up(&w, &b); /* the fourth, 14 s after the first */
	assert_int_equal(w.server.closed, 1);
	assert_int_equal(w.server.why, CHANNEL_SILENT);
	assert_int_equal(w.opened, 2);
	assert_true(registration_of(&w)->active);
	struct wire fresh;
	relay_link_up(w.d, wire_init(&fresh), w.now_ms);
	expect_same(&fresh, &b);
	const struct build changed = build_start(PDU_ACK, PDU_CHANGED, 2, "t2");
	down(&w, &changed);
	expect_same(&w.device, &changed);
	expect_silence(&w.device);
	wire_fini(&fresh);
	world_end(&w);
}

static void test_R243_a_talking_server_keeps_its_link(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	const struct build b = update(2, "t2", "rd/5a3f");
	const struct build other = build_request(&(struct want){ PDU_NON, 1, 8, "x", "3", NULL });
	for (int copy = 0; copy < 8; copy++) {
		up(&w, &b);
		later(&w, 3000);
		if (copy % 3 == 2)
			down(&w, &other);
	}
	assert_int_equal(w.server.closed, 0);
	/* Copies of another message are not counted with these. */
	for (uint16_t mid = 10; mid < 20; mid++) {
		const struct build next = update(mid, "t3", "rd/5a3f");
		up(&w, &next);
		later(&w, 3000);
	}
	/* Nor copies at once: a device could have links opened as fast as it sends. */
	const struct build hasty = update(40, "t4", "rd/5a3f");
	for (int copy = 0; copy < 8; copy++)
		up(&w, &hasty);
	/* Nor those of a notification, to which a server may stay silent when it has seen it. */
	const struct build note = build_start(PDU_CON, 0x45, 30, "obs");
	for (int copy = 0; copy < 6; copy++) {
		up(&w, &note);
		later(&w, 3000);
	}
	assert_int_equal(w.server.closed, 0);
	assert_int_equal(w.opened, 1);
	world_end(&w);
}

static void test_R243_a_link_that_takes_nothing_is_502(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	w.server.broken = true;
	const struct build b = update(2, "t2", "rd/5a3f"), n = build_start(PDU_NON, 0x45, 3, "obs");
	up(&w, &b);
	expect_answer(&w.device, PDU_ACK, PDU_BAD_GATEWAY, 2, "t2");
	up(&w, &n);
	expect_silence(&w.device);
	assert_int_equal(counted(&w)->dropped, 1);
	later(&w, 100000); /* no second answer */
	expect_silence(&w.device);
	world_end(&w);
}

static void test_I8_a_device_that_goes_takes_its_link_along(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	const struct build b = update(2, "t2", "rd/5a3f");
	up(&w, &b); /* with all that may be armed or waiting */
	relay_device_down(w.d);
	assert_int_equal(w.server.closed, 1);
	assert_int_equal(w.server.why, CHANNEL_DONE);
	assert_int_equal(w.cancelled, 0);
	assert_int_equal(counted(&w)->devices, 0);
	assert_int_equal(counted(&w)->registrations, 0);
	later(&w, 1000000);
	w.at_once = false;
	struct wire other;
	w.d = relay_device_up(w.relay, "urn:dev:1", NULL, wire_init(&other));
	const struct build r = reg(1, "t");
	up(&w, &r);
	relay_device_down(w.d);
	assert_int_equal(w.cancelled, 1);
	assert_int_equal(counted(&w)->queued_bytes, 0);
	expect_silence(&other);
	wire_fini(&other);
	world_end(&w);
}

static void test_I6_an_idle_device_keeps_one_small_struct(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	assert_non_null(w.d->exchanges);
	later(&w, 94000);
	assert_null(w.d->exchanges);
	assert_null(w.d->waiting.head);
	assert_true(sizeof(struct relay_device) <= 320);
	print_message("# %zu bytes per idle registered device\n", sizeof(struct relay_device));
	world_end(&w);
}

static void test_I4_two_devices_never_meet(void **state)
{
	(void)state;
	struct world w;
	struct wire device, server;
	world_begin(&w, NULL);
	world_register(&w);
	struct relay_device *const other =
		relay_device_up(w.relay, "urn:dev:2", NULL, wire_init(&device));
	assert_string_equal(relay_device_endpoint(other), "urn:dev:2");
	relay_link_up(other, wire_init(&server), w.now_ms);
	const struct build foreign = reg(1, "t1"); /* names the first */
	relay_from_device(other, foreign.data, foreign.len, w.now_ms);
	expect_answer(&device, PDU_ACK, PDU_BAD_REQUEST, 1, "t1");
	/* The same token and id as an exchange of the first: still nobody's answer here. */
	const struct build created = build_created(PDU_ACK, 1, "t1", "rd/5a3f");
	relay_from_server(other, created.data, created.len, w.now_ms);
	expect_silence(&device);
	expect_silence(&server);
	expect_silence(&w.device);
	expect_silence(&w.server);
	assert_false(relay_device_registration(other)->active);
	wire_fini(&device);
	wire_fini(&server);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R243_messages_wait_for_the_link_in_order),
		cmocka_unit_test(test_R243_too_many_waiting_messages_are_503),
		cmocka_unit_test(test_R243_each_end_of_a_link_has_its_answer),
		cmocka_unit_test(test_R243_a_link_that_failed_is_left_alone_for_a_while),
		cmocka_unit_test(test_R243_a_closed_link_is_opened_again_at_once),
		cmocka_unit_test(test_R243_a_notification_that_cannot_pass_is_not_answered),
		cmocka_unit_test(test_R243_an_unanswered_request_is_504),
		cmocka_unit_test(test_R243_an_empty_ack_gives_the_server_more_time),
		cmocka_unit_test(test_R243_a_reset_request_is_over),
		cmocka_unit_test(test_R257_no_504_for_who_wants_none),
		cmocka_unit_test(test_R243_a_silent_server_gets_a_new_link),
		cmocka_unit_test(test_R243_a_talking_server_keeps_its_link),
		cmocka_unit_test(test_R243_a_link_that_takes_nothing_is_502),
		cmocka_unit_test(test_I8_a_device_that_goes_takes_its_link_along),
		cmocka_unit_test(test_I6_an_idle_device_keeps_one_small_struct),
		cmocka_unit_test(test_I4_two_devices_never_meet),
	};
	return cmocka_run_group_tests_name("proxy/relay: links", tests, NULL, NULL);
}
