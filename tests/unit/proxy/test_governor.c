/* SPDX-License-Identifier: Apache-2.0 */
/* What the server asks of a device on a slow radio. */
#include "tests/unit/proxy/slow.h"

static struct build value(enum pdu_type type, uint16_t mid, const char *token)
{
	struct build b = content(type, mid, token);
	build_payload(&b, "21.5");
	return b;
}

/* To the server, when PROCESSING is over. */
static void expect_own_ack(struct world *w, uint16_t mid)
{
	(void)until_sent(w, &w->server, 0, GOVERNOR_PROCESSING_MS);
	expect_answer(&w->server, PDU_ACK, PDU_EMPTY, mid, "");
}

static void test_R238_what_is_answered_at_once_passes_untouched(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), v = value(PDU_ACK, 0x100, "a");
	pass_down(&w, &g);
	assert_int_equal(relay_device_exchanges(w.d), 1);
	later(&w, 1000);
	pass_up(&w, &v);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	nothing_for(&w, 60000);
	world_end(&w);
}

static void test_R228_a_copy_is_answered_from_what_was_said(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), v = value(PDU_ACK, 0x100, "a");
	pass_down(&w, &g);
	pass_up(&w, &v);
	for (int i = 0; i < 3; i++) {
		down(&w, &g);
		expect_same(&w.server, &v);
	}
	absorbed_up(&w, &v); /* nor is the answer passed twice */
	assert_int_equal(relay_stats(w.relay).answered_from_kept, 3);
	/* ... for EXCHANGE_LIFETIME, and no longer */
	later(&w, 246000);
	down(&w, &g);
	expect_same(&w.server, &v);
	assert_true(relay_stats(w.relay).kept_bytes > 0);
	later(&w, 2000);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	pass_down(&w, &g);
	world_end(&w);
}

static void test_R231_it_is_repeated_by_the_timers_of_the_radio(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a");
	const uint64_t begin_ms = w.now_ms;
	pass_down(&w, &g);
	expect_own_ack(&w, 0x100);
	(void)until_sent(&w, &w.device, FIRST_MIN_MS - GOVERNOR_PROCESSING_MS, FIRST_MAX_MS);
	uint64_t due_ms = w.now_ms - begin_ms;
	assert_in_range(due_ms, FIRST_MIN_MS, FIRST_MAX_MS + 50);
	expect_same(&w.device, &g);
	for (int copies = 2; copies <= 4; copies++) {
		due_ms *= 2;
		(void)until_sent(&w, &w.device, due_ms - 200, due_ms + 200);
		expect_same(&w.device, &g);
	}
	expect_silence(&w.server);
	/* "If the retransmission counter reaches MAX_RETRANSMIT on a timeout": 5.04 */
	(void)until_sent(&w, &w.server, 2 * due_ms - 400, 2 * due_ms + 400);
	struct pdu m = expect_pdu(&w.server);
	assert_int_equal(m.type, PDU_CON);
	assert_int_equal(m.code, PDU_GATEWAY_TIMEOUT);
	assert_true(pdu_same_token(&m, (const uint8_t *)"a", 1));
	const struct build ack = empty(PDU_ACK, m.mid);
	absorbed_down(&w, &ack);
	assert_int_equal(relay_stats(w.relay).repeated, 4);
	/* It comes too late. */
	const struct build v = value(PDU_ACK, 0x100, "a");
	absorbed_up(&w, &v);
	nothing_for(&w, LIFETIME_MS);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	world_end(&w);
}

static void test_copies_of_the_server_are_not_sent_on_the_radio(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a");
	pass_down(&w, &g);
	later(&w, 500);
	absorbed_down(&w, &g); /* too early for an ACK */
	expect_own_ack(&w, 0x100);
	for (int i = 0; i < 3; i++) { /* the ACK was lost */
		later(&w, 2000);
		down(&w, &g);
		expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x100, "");
	}
	expect_silence(&w.device);
	assert_int_equal(relay_stats(w.relay).suppressed, 4);
	assert_int_equal(relay_stats(w.relay).acknowledged, 1);
	world_end(&w);
}

static void test_R239_a_late_answer_is_a_separate_response(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), v = value(PDU_ACK, 0x100, "a");
	pass_down(&w, &g);
	expect_own_ack(&w, 0x100);
	later(&w, 4000);
	up(&w, &v);
	const uint16_t mid = expect_separate(&w.server, &v);
	const unsigned first = w.server.seen - 1;
	/* Repeated by the server's own kind of timers, with the same id. */
	uint64_t due_ms = until_sent(&w, &w.server, 2000, 3000);
	for (int copies = 1; copies <= 4; copies++, due_ms *= 2) {
		expect_bytes(&w.server, w.server.sent[first], w.server.len[first]);
		if (copies < 4)
			(void)until_sent(&w, &w.server, 2 * due_ms - 100, 2 * due_ms + 100);
	}
	const struct build ack = empty(PDU_ACK, mid);
	absorbed_down(&w, &ack);
	absorbed_down(&w, &ack);
	down(&w, &g); /* RFC 7252 section 5.2.2: not in another ACK */
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x100, "");
	nothing_for(&w, LIFETIME_MS);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	world_end(&w);
}

/* One of several. */
static struct build nth(uint16_t i)
{
	const char token[] = { (char)('a' + i), '\0' };
	return get(PDU_CON, 0x100 + i, token);
}

static struct build nth_value(uint16_t i)
{
	const char token[] = { (char)('a' + i), '\0' };
	return value(PDU_ACK, 0x100 + i, token);
}

static void burst(struct world *w, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct build g = nth(i);
		down(w, &g);
	}
}

static void test_R232_one_request_at_a_time_and_the_rest_in_order(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	struct build g = nth(0);
	burst(&w, 10);
	expect_same(&w.device, &g);
	expect_silence(&w.device);
	/* One flies, eight wait, the tenth is too many. */
	expect_503(&w.server, PDU_ACK, 0x109, "j", 30);
	assert_int_equal(relay_device_exchanges(w.d), 9);
	later(&w, GOVERNOR_PROCESSING_MS + 50);
	for (uint16_t i = 0; i < 9; i++)
		expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x100 + i, "");
	for (uint16_t i = 0; i < 9; i++) {
		const struct build v = nth_value(i);
		later(&w, 3000);
		up(&w, &v);
		const struct build ack = empty(PDU_ACK, expect_separate(&w.server, &v));
		g = nth(i + 1);
		if (i < 8)
			expect_same(&w.device, &g);
		absorbed_down(&w, &ack);
	}
	assert_int_equal(relay_device_exchanges(w.d), 0);
	assert_int_equal(relay_stats(w.relay).suppressed, 0);
	world_end(&w);
}

static void test_R232_what_waits_too_long_is_504(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build one = get(PDU_CON, 0x100, "a"), two = get(PDU_CON, 0x101, "b");
	pass_down(&w, &one);
	absorbed_down(&w, &two);
	later(&w, GOVERNOR_PROCESSING_MS + 50);
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x100, "");
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x101, "");
	(void)until_sent(&w, &w.server, 90000, 93000);
	const struct pdu m = expect_pdu(&w.server);
	assert_int_equal(m.code, PDU_GATEWAY_TIMEOUT);
	assert_true(pdu_same_token(&m, (const uint8_t *)"b", 1));
	while (w.device.seen < w.device.count) /* the other one is repeated meanwhile */
		expect_same(&w.device, &one);
	world_end(&w);
}

static void test_R232_a_NON_request_has_its_turn_and_is_not_repeated(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build non = get(PDU_NON, 0xff, "n"), no = empty(PDU_RST, 0xff);
	pass_down(&w, &non);
	pass_up(&w, &no);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	const struct build one = get(PDU_NON, 0x100, "a"), two = get(PDU_CON, 0x101, "b"),
			   three = get(PDU_NON, 0x102, "c");
	pass_down(&w, &one);
	absorbed_down(&w, &one);
	absorbed_down(&w, &two);
	absorbed_down(&w, &three);
	const struct build v = value(PDU_NON, 0x4000, "a");
	up(&w, &v); /* its answer makes room */
	expect_same(&w.server, &v);
	expect_same(&w.device, &two);
	const struct build x = value(PDU_ACK, 0x101, "b");
	up(&w, &x);
	expect_same(&w.server, &x);
	expect_same(&w.device, &three);
	const struct build four = get(PDU_CON, 0x103, "d");
	down(&w, &four);
	expect_silence(&w.device);
	expect_own_ack(&w, 0x103);
	(void)until_sent(&w, &w.device, FIRST_MIN_MS - 2000, FIRST_MAX_MS); /* or its time */
	expect_same(&w.device, &four);
	expect_silence(&w.server);
	world_end(&w);
}

static void test_a_separate_answer_of_the_device_passes(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), ack = empty(PDU_ACK, 0x100);
	pass_down(&w, &g);
	pass_up(&w, &ack); /* it was faster than the relay's own */
	absorbed_up(&w, &ack);
	assert_false(relay_device_is_idle(w.d));
	const uint64_t before = relay_stats(w.relay).repeated;
	nothing_for(&w, 60000); /* nor is the request repeated */
	const struct build v = value(PDU_CON, 0x4000, "a"), got = empty(PDU_ACK, 0x4000);
	pass_up(&w, &v);
	absorbed_up(&w, &v);
	pass_down(&w, &got);
	up(&w, &v); /* the ACK was lost */
	expect_same(&w.device, &got);
	absorbed_down(&w, &got);
	down(&w, &g);
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x100, "");
	assert_int_equal(relay_stats(w.relay).repeated, before);
	nothing_for(&w, LIFETIME_MS);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	world_end(&w);
}

/* RFC 7252 section 5.2.2: the answer says, too, that the request has come. */
static void test_a_separate_answer_without_its_ACK_ends_the_repeats(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), v = value(PDU_NON, 0x4000, "a");
	pass_down(&w, &g);
	later(&w, 1000);
	pass_up(&w, &v);
	nothing_for(&w, 60000);
	down(&w, &g);
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x100, "");
	world_end(&w);
}

static void test_R247_a_notification_is_not_the_answer_to_a_new_GET(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	struct build g = build_start(PDU_CON, GET, 0x100, "a");
	build_option(&g, PDU_OBSERVE, "", 0);
	pass_down(&w, &g);
	const struct build n = observed(PDU_NON, 0x4000, "a", 7);
	pass_up(&w, &n); /* of the observation that was */
	const struct build v = observed(PDU_ACK, 0x100, "a", 8);
	pass_up(&w, &v);
	down(&w, &g);
	expect_same(&w.server, &v);
	world_end(&w);
}

static void test_a_reset_ends_the_request_on_both_sides(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), rst = empty(PDU_RST, 0x100);
	pass_down(&w, &g);
	pass_up(&w, &rst);
	down(&w, &g);
	expect_same(&w.server, &rst);
	const struct build h = get(PDU_CON, 0x101, "b"), late = empty(PDU_RST, 0x101);
	pass_down(&w, &h);
	expect_own_ack(&w, 0x101);
	up(&w, &late); /* an ACK can not be taken back: it is an answer then */
	const struct pdu m = expect_pdu(&w.server);
	assert_int_equal(m.type, PDU_CON);
	assert_int_equal(m.code, PDU_BAD_GATEWAY);
	const struct build non = get(PDU_NON, 0x102, "c"), no = empty(PDU_RST, 0x102),
			   next = get(PDU_CON, 0x103, "d"), got = empty(PDU_ACK, m.mid);
	absorbed_down(&w, &got);
	pass_down(&w, &non);
	absorbed_down(&w, &next);
	up(&w, &no);
	expect_same(&w.server, &no);
	expect_same(&w.device, &next);
	const struct build v = value(PDU_ACK, 0x103, "x"); /* to nothing that was asked */
	pass_up(&w, &v);
	(void)until_sent(&w, &w.server, 0, GOVERNOR_PROCESSING_MS);
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x103, "");
	(void)until_sent(&w, &w.device, FIRST_MIN_MS - GOVERNOR_PROCESSING_MS, FIRST_MAX_MS);
	expect_same(&w.device, &next);
	world_end(&w);
}

static void test_a_message_id_that_is_used_anew_is_a_new_request(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), other = get(PDU_CON, 0x100, "b");
	struct build same = build_start(PDU_CON, GET, 0x100, "b");
	build_text(&same, PDU_URI_PATH, "4");
	pass_down(&w, &g);
	pass_down(&w, &other);
	pass_down(&w, &same);
	const struct build v = value(PDU_ACK, 0x100, "b");
	pass_up(&w, &v);
	world_end(&w);
}

static void bytes_are_bounded(const struct relay_settings *s)
{
	struct world w;
	slow_begin_with(&w, s);
	for (uint16_t i = 0; i < 20; i++) {
		const struct build g = get(PDU_CON, 0x100 + i, "a"),
				   v = value(PDU_ACK, 0x100 + i, "a");
		pass_down(&w, &g);
		pass_up(&w, &v);
		assert_in_range(relay_stats(w.relay).kept_bytes, 1, 1000);
	}
	const struct build old = get(PDU_CON, 0x100, "a"), young = get(PDU_CON, 0x113, "a");
	const struct build v = value(PDU_ACK, 0x113, "a");
	down(&w, &young);
	expect_same(&w.server, &v);
	pass_down(&w, &old); /* asked anew: the device knows */
	/* What is under way is not taken away for what is new. */
	uint16_t mid = 0x200;
	for (; mid < 0x210 && w.server.seen == w.server.count; mid++) {
		const struct build g = get(PDU_CON, mid, "b");
		down(&w, &g);
	}
	expect_503(&w.server, PDU_ACK, mid - 1, "b", 30);
	assert_in_range(relay_stats(w.relay).kept_bytes, 1, 1000);
	world_end(&w);
}

static void test_bytes_are_bounded_and_the_oldest_answer_goes(void **state)
{
	(void)state;
	const struct relay_settings usual = relay_settings_default();
	struct relay_settings device = usual, all = usual;
	device.radio_device_bytes = 1000;
	all.radio_bytes = 1000;
	bytes_are_bounded(&device);
	bytes_are_bounded(&all);
}

/* The device has it, and says no more. */
static void test_a_promised_answer_that_never_comes_is_504(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), ack = empty(PDU_ACK, 0x100);
	pass_down(&w, &g);
	pass_up(&w, &ack);
	(void)until_sent(&w, &w.server, 465000, 465000);
	const struct pdu m = expect_pdu(&w.server);
	assert_int_equal(m.type, PDU_CON);
	assert_int_equal(m.code, PDU_GATEWAY_TIMEOUT);
	expect_silence(&w.device);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R238_what_is_answered_at_once_passes_untouched),
		cmocka_unit_test(test_R228_a_copy_is_answered_from_what_was_said),
		cmocka_unit_test(test_R231_it_is_repeated_by_the_timers_of_the_radio),
		cmocka_unit_test(test_copies_of_the_server_are_not_sent_on_the_radio),
		cmocka_unit_test(test_R239_a_late_answer_is_a_separate_response),
		cmocka_unit_test(test_R232_one_request_at_a_time_and_the_rest_in_order),
		cmocka_unit_test(test_R232_what_waits_too_long_is_504),
		cmocka_unit_test(test_R232_a_NON_request_has_its_turn_and_is_not_repeated),
		cmocka_unit_test(test_a_separate_answer_of_the_device_passes),
		cmocka_unit_test(test_a_separate_answer_without_its_ACK_ends_the_repeats),
		cmocka_unit_test(test_R247_a_notification_is_not_the_answer_to_a_new_GET),
		cmocka_unit_test(test_a_reset_ends_the_request_on_both_sides),
		cmocka_unit_test(test_a_message_id_that_is_used_anew_is_a_new_request),
		cmocka_unit_test(test_bytes_are_bounded_and_the_oldest_answer_goes),
		cmocka_unit_test(test_a_promised_answer_that_never_comes_is_504),
	};
	return cmocka_run_group_tests_name("proxy/governor: downwards", tests, NULL, NULL);
}
