/* SPDX-License-Identifier: Apache-2.0 */
/* Who is awake, and what becomes of what the server asks of who is not. */
#include "tests/unit/proxy/nap.h"

static struct build value(enum pdu_type type, uint16_t mid, const char *token)
{
	struct build b = content(type, mid, token);
	build_payload(&b, "21.5");
	return b;
}

static void test_R276_awake_at_92_s_and_asleep_at_95_s(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	later(&w, 92000);
	const struct build first = get(PDU_CON, 0x100, "a"), second = get(PDU_CON, 0x101, "b");
	assert_false(relay_device_rest(w.d, w.now_ms).asleep);
	pass_down(&w, &first);
	later(&w, 3000);
	assert_true(relay_device_rest(w.d, w.now_ms).asleep);
	held_down(&w, &second, 0x101);
	assert_int_equal(relay_device_rest(w.d, w.now_ms).waiting, 1);
	assert_int_equal(relay_stats(w.relay).asleep_held, 1);
	nothing_for(&w, 60000);
	wake(&w, 7);
	expect_same(&w.device, &second); /* byte for byte, after what woke it was passed */
	const struct build v = value(PDU_ACK, 0x101, "b");
	up(&w, &v);
	(void)expect_separate(&w.server, &v);
	world_end(&w);
}

static void test_R276_the_window_is_a_setting_and_ends_to_the_millisecond(void **state)
{
	(void)state;
	static struct world w;
	struct relay_settings s = relay_settings_default();
	s.awake_ms = 5000;
	nap_begin_with(&w, &s);
	later(&w, 4999);
	const struct build g = get(PDU_CON, 0x100, "a"), h = get(PDU_CON, 0x101, "b");
	pass_down(&w, &g);
	assert_true(relay_device_rest(w.d, w.now_ms).awake_until_ms == w.now_ms + 1);
	later(&w, 1);
	held_down(&w, &h, 0x101);
	world_end(&w);
}

/* What it has asked to be bootstrapped for comes now. */
static void test_R285_in_a_bootstrap_nobody_sleeps(void **state)
{
	(void)state;
	static struct world w;
	struct relay_settings s = relay_settings_default();
	s.awake_ms = 5000;
	nap_begin_with(&w, &s);
	const struct build b =
		build_request(&(struct want){ PDU_CON, PDU_POST, 9, "b", "bs", "ep=urn:dev:1" });
	const struct build changed = build_start(PDU_ACK, PDU_CHANGED, 9, "b");
	const struct build g = get(PDU_CON, 0x100, "a");
	pass_up(&w, &b);
	pass_down(&w, &changed);
	later(&w, 10000);
	assert_false(relay_device_rest(w.d, w.now_ms).asleep);
	pass_down(&w, &g);
	world_end(&w);
}

static void test_R275_who_has_not_said_queue_mode_is_never_asleep(void **state)
{
	(void)state;
	static struct world w;
	world_begin(&w, NULL);
	const struct build r = build_request(&(struct want){
		PDU_CON, PDU_POST, 1, "t1", "rd", "ep=urn:dev:1&lt=86400&lwm2m=1.1&b=U" });
	const struct build created = build_created(PDU_ACK, 1, "t1", "rd/5a3f");
	pass_up(&w, &r);
	pass_down(&w, &created);
	later(&w, 3600000);
	const struct build g = get(PDU_CON, 0x100, "a");
	pass_down(&w, &g);
	assert_false(relay_device_rest(w.d, w.now_ms).queues);
	assert_int_equal(relay_stats(w.relay).asleep_held, 0);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	world_end(&w);
}

static void test_R275_queue_mode_of_1_0_is_in_its_binding(void **state)
{
	(void)state;
	static const char *const queries[] = { "ep=urn:dev:1&lt=86400&b=UQ",
		"ep=urn:dev:1&lt=86400&lwm2m=1.0&b=UQS", "ep=urn:dev:1&lt=86400&lwm2m=1.0&b=SQ" };
	for (size_t i = 0; i < COUNT_OF(queries); i++) {
		static struct world w;
		world_begin(&w, NULL);
		nap_register(&w, queries[i]);
		nap(&w);
		const struct build g = get(PDU_CON, 0x100, "a");
		held_down(&w, &g, 0x100);
		world_end(&w);
	}
}

static void wakes(const uint8_t *msg, size_t len)
{
	static struct world w;
	nap_begin(&w);
	nap(&w);
	const struct build g = get(PDU_CON, 0x100, "a");
	held_down(&w, &g, 0x100);
	relay_from_device(w.d, msg, len, w.now_ms);
	assert_false(relay_device_rest(w.d, w.now_ms).asleep);
	w.device.seen = w.device.count - 1; /* after an answer of ours, if there is one */
	expect_same(&w.device, &g);
	later(&w, 92000);
	assert_false(relay_device_rest(w.d, w.now_ms).asleep);
	world_end(&w);
}

static void test_R278_each_message_of_the_device_wakes_it(void **state)
{
	(void)state;
	enum { UPDATE, SEND, SURE, UNSURE, PING, ACK, RST, FORBIDDEN, MESSAGES };
	static struct build b[MESSAGES];
	b[UPDATE] = update(0x31, "u", "rd/5a3f");
	b[SEND] = update(0x32, "s", "dp");
	b[SURE] = observed(PDU_CON, 0x33, "o", 1);
	b[UNSURE] = observed(PDU_NON, 0x34, "o", 2);
	b[PING] = empty(PDU_CON, 0x35);
	b[ACK] = empty(PDU_ACK, 0x36);
	b[RST] = empty(PDU_RST, 0x37);
	b[FORBIDDEN] = get(PDU_CON, 0x38, "g");
	for (size_t i = 0; i < MESSAGES; i++)
		wakes(b[i].data, b[i].len);
	wakes(b[UPDATE].data, 1); /* is no CoAP, but the device's */
}

static void test_R278_what_it_asks_the_repository_wakes_it_too(void **state)
{
	(void)state;
	static struct world w;
	for (unsigned by_update = 0; by_update < 2; by_update++) {
		struct relay_settings s = relay_settings_default();
		s.awake_by_update = by_update != 0;
		nap_begin_with(&w, &s);
		nap(&w);
		const struct build g = get(PDU_CON, 0x100, "a"), image = get(PDU_CON, 0x38, "i");
		struct pdu m;
		held_down(&w, &g, 0x100);
		assert_true(pdu_parse(image.data, image.len, &m) == PDU_OK);
		relay_device_heard(w.d, &m, w.now_ms);
		assert_int_equal(relay_device_rest(w.d, w.now_ms).asleep, by_update);
		if (by_update)
			expect_silence(&w.device);
		else
			expect_same(&w.device, &g);
		expect_silence(&w.server);
		world_end(&w);
	}
}

static void test_R278_or_only_its_Register_and_Update(void **state)
{
	(void)state;
	static struct world w;
	struct relay_settings s = relay_settings_default();
	s.awake_by_update = true;
	nap_begin_with(&w, &s); /* the Register */
	nap(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), n = sign(7);
	const struct build send = update(8, "s", "dp"), u = update(9, "u", "rd/5a3f");
	held_down(&w, &g, 0x100);
	pass_up(&w, &n);
	pass_up(&w, &send);
	relay_from_device(w.d, n.data, 1, w.now_ms);
	quiet(&w);
	assert_true(relay_device_rest(w.d, w.now_ms).asleep);
	pass_up(&w, &u);
	expect_same(&w.device, &g);
	world_end(&w);
}

static void test_R276_an_awake_device_on_ethernet_has_a_wire(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), v = value(PDU_ACK, 0x100, "a");
	for (int i = 0; i < 3; i++) {
		pass_down(&w, &g); /* copies, too: they are the server's affair */
		later(&w, 2000);
	}
	pass_up(&w, &v);
	pass_up(&w, &v);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	assert_int_equal(relay_stats(w.relay).suppressed, 0);
	world_end(&w);
}

static void test_R276_a_copy_that_comes_too_late_waits_itself(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	later(&w, 92000);
	const struct build g = get(PDU_CON, 0x100, "a");
	pass_down(&w, &g); /* lost */
	later(&w, 3000);
	held_down(&w, &g, 0x100);
	down(&w, &g); /* another one has another empty ACK */
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x100, "");
	quiet(&w);
	wake(&w, 7);
	expect_same(&w.device, &g); /* which knows it, if the first has reached it after all */
	world_end(&w);
}

static void test_R277_few_wait_and_leave_in_order(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	nap(&w);
	const char *const tokens[] = { "a", "b", "c", "d" };
	const uint16_t count = COUNT_OF(tokens);
	for (uint16_t i = 0; i < count; i++) {
		const struct build g = get(PDU_CON, (uint16_t)(0x100 + i), tokens[i]);
		held_down(&w, &g, (uint16_t)(0x100 + i));
	}
	const struct build fifth = get(PDU_CON, 0x104, "e");
	down(&w, &fifth);
	expect_503(&w.server, PDU_ACK, 0x104, "e", 30);
	assert_int_equal(relay_device_rest(w.d, w.now_ms).waiting, 4);
	wake(&w, 7);
	/* One at a time (NSTART); what is asked now goes behind. */
	const struct build late = get(PDU_CON, 0x105, "f");
	for (uint16_t i = 0; i < count; i++) {
		const struct build g = get(PDU_CON, (uint16_t)(0x100 + i), tokens[i]);
		const struct build v = value(PDU_ACK, (uint16_t)(0x100 + i), tokens[i]);
		expect_same(&w.device, &g);
		expect_silence(&w.device);
		if (i == 0)
			absorbed_down(&w, &late);
		up(&w, &v);
		const uint16_t mid = expect_separate(&w.server, &v);
		const struct build ack = empty(PDU_ACK, mid);
		down(&w, &ack);
	}
	expect_same(&w.device, &late);
	world_end(&w);
}

static void test_R277_what_waits_too_long_is_503(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	nap(&w);
	const struct build g = get(PDU_CON, 0x100, "a");
	held_down(&w, &g, 0x100);
	(void)until_sent(&w, &w.server, HOLD_MS - 2000, HOLD_MS);
	expect_503(&w.server, PDU_CON, -1, "a", NAP_RETRY_S);
	assert_int_equal(relay_device_rest(w.d, w.now_ms).waiting, 0);
	wake(&w, 7);
	expect_silence(&w.device);
	world_end(&w);
}

static void test_R277_bytes_are_bounded_too(void **state)
{
	(void)state;
	static struct world w;
	struct relay_settings s = relay_settings_default();
	s.radio_device_bytes = 200;
	nap_begin_with(&w, &s);
	nap(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), h = get(PDU_CON, 0x101, "b");
	held_down(&w, &g, 0x100);
	down(&w, &h);
	expect_503(&w.server, PDU_ACK, 0x101, "b", 30);
	assert_in_range(relay_stats(w.relay).kept_bytes, 1, 200);
	world_end(&w);
}

static void test_R277_policy_503_lets_nothing_wait(void **state)
{
	(void)state;
	static struct world w;
	struct relay_settings s = relay_settings_default();
	s.asleep_refused = true;
	s.asleep_retry_s = 17;
	nap_begin_with(&w, &s);
	nap(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), n = get(PDU_NON, 0x101, "b");
	down(&w, &g);
	expect_503(&w.server, PDU_ACK, 0x100, "a", 17);
	down(&w, &n);
	expect_503(&w.server, PDU_NON, -1, "b", 17);
	assert_int_equal(relay_stats(w.relay).asleep_refused, 2);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	assert_true(relay_device_is_idle(w.d));
	wake(&w, 7);
	expect_silence(&w.device);
	pass_down(&w, &g);
	world_end(&w);
}

static void test_a_NON_waits_without_an_ACK(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	nap(&w);
	const struct build g = get(PDU_NON, 0x100, "a"), h = get(PDU_NON, 0x101, "b");
	const struct build v = value(PDU_NON, 0x55, "a");
	absorbed_down(&w, &g);
	absorbed_down(&w, &g);
	nothing_for(&w, 30000);
	wake(&w, 7);
	expect_same(&w.device, &g);
	pass_up(&w, &v);
	nap(&w);
	absorbed_down(&w, &h);
	(void)until_sent(&w, &w.server, HOLD_MS - 100, HOLD_MS);
	expect_503(&w.server, PDU_NON, -1, "b", NAP_RETRY_S);
	world_end(&w);
}

static void test_the_owner_is_told_once_in_a_sleep_that_somebody_asks(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	for (unsigned n = 1; n <= 2; n++) {
		nap(&w);
		assert_int_equal(w.wanted, n - 1);
		const struct build g = get(PDU_NON, (uint16_t)(0x100 + n), "a");
		const struct build h = get(PDU_NON, (uint16_t)(0x200 + n), "b");
		absorbed_down(&w, &g);
		absorbed_down(&w, &h);
		assert_int_equal(w.wanted, n);
		wake(&w, (uint16_t)n);
		expect_same(&w.device, &g);
		later(&w, 3000);
		expect_same(&w.device, &h);
	}
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R276_awake_at_92_s_and_asleep_at_95_s),
		cmocka_unit_test(test_R276_the_window_is_a_setting_and_ends_to_the_millisecond),
		cmocka_unit_test(test_R285_in_a_bootstrap_nobody_sleeps),
		cmocka_unit_test(test_R275_who_has_not_said_queue_mode_is_never_asleep),
		cmocka_unit_test(test_R275_queue_mode_of_1_0_is_in_its_binding),
		cmocka_unit_test(test_R278_each_message_of_the_device_wakes_it),
		cmocka_unit_test(test_R278_what_it_asks_the_repository_wakes_it_too),
		cmocka_unit_test(test_R278_or_only_its_Register_and_Update),
		cmocka_unit_test(test_R276_an_awake_device_on_ethernet_has_a_wire),
		cmocka_unit_test(test_R276_a_copy_that_comes_too_late_waits_itself),
		cmocka_unit_test(test_R277_few_wait_and_leave_in_order),
		cmocka_unit_test(test_R277_what_waits_too_long_is_503),
		cmocka_unit_test(test_R277_bytes_are_bounded_too),
		cmocka_unit_test(test_R277_policy_503_lets_nothing_wait),
		cmocka_unit_test(test_a_NON_waits_without_an_ACK),
		cmocka_unit_test(test_the_owner_is_told_once_in_a_sleep_that_somebody_asks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
