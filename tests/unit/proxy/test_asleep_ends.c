/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for a sleeping device, when a channel, its registration, or its queue mode ends; and
   on a slow radio. */
#include "tests/unit/proxy/nap.h"

static struct build value(enum pdu_type type, uint16_t mid, const char *token)
{
	struct build b = content(type, mid, token);
	build_payload(&b, "21.5");
	return b;
}

static void test_R008_what_waits_is_of_its_own_link(void **state)
{
	(void)state;
	static struct world w;
	static struct wire other;
	nap_begin(&w);
	nap(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), u = update(8, "u", "rd/5a3f");
	held_down(&w, &g, 0x100);
	relay_link_down(w.d, RELAY_LINK_CLOSED, w.now_ms);
	assert_int_equal(relay_device_rest(w.d, w.now_ms).waiting, 0);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	w.at_once = false;
	up(&w, &u);
	relay_link_up(w.d, wire_init(&other), w.now_ms);
	expect_same(&other, &u);
	later(&w, 60000);
	quiet(&w);
	expect_silence(&other);
	wire_fini(&other);
	world_end(&w);
}

static void test_R230_a_handshake_wakes_and_what_was_never_sent_goes_there(void **state)
{
	(void)state;
	static struct world w;
	static struct wire fresh;
	nap_begin(&w);
	nap(&w);
	const struct build g = get(PDU_CON, 0x100, "a");
	held_down(&w, &g, 0x100);
	relay_device_rebind(w.d, wire_init(&fresh));
	assert_false(relay_device_rest(w.d, w.now_ms).asleep);
	expect_same(&fresh, &g);
	quiet(&w);
	wire_fini(&fresh);
	world_end(&w);
}

static void test_R230_what_was_sent_in_the_old_association_is_not_sent_in_the_new(void **state)
{
	(void)state;
	static struct world w;
	static struct wire fresh;
	struct relay_settings s = relay_settings_default();
	s.awake_ms = 4000;
	nap_begin_with(&w, &s);
	nap(&w);
	const struct build g = get(PDU_CON, 0x100, "a");
	held_down(&w, &g, 0x100);
	wake(&w, 7);
	expect_same(&w.device, &g);
	/* Copies by CoAP's own timers, until it sleeps: then it is asked no more. */
	later(&w, 3000);
	expect_same(&w.device, &g);
	nothing_for(&w, 100000);
	assert_int_equal(relay_device_rest(w.d, w.now_ms).waiting, 1);
	relay_device_rebind(w.d, wire_init(&fresh));
	expect_503(&w.server, PDU_CON, -1, "a", 0);
	expect_silence(&fresh);
	wire_fini(&fresh);
	world_end(&w);
}

static void test_R276_no_copies_while_it_sleeps_and_all_anew_when_it_wakes(void **state)
{
	(void)state;
	static struct world w;
	struct relay_settings s = relay_settings_default();
	s.awake_ms = 20000; /* between the first copies of this radio */
	nap_begin_with(&w, &s);
	relay_device_set_radio(w.d, relay_radio_of(RELAY_NB_IOT));
	const struct build g = get(PDU_CON, 0x100, "a"), v = value(PDU_ACK, 0x100, "a");
	later(&w, 10000);
	pass_down(&w, &g);
	(void)until_sent(&w, &w.server, 0, GOVERNOR_PROCESSING_MS);
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x100, "");
	nothing_for(&w, 60000);
	assert_true(relay_device_rest(w.d, w.now_ms).asleep);
	wake(&w, 7);
	expect_same(&w.device, &g);
	(void)until_sent(&w, &w.device, FIRST_MIN_MS, FIRST_MAX_MS);
	expect_same(&w.device, &g);
	up(&w, &v);
	(void)expect_separate(&w.server, &v);
	world_end(&w);
}

static void test_it_is_504_if_it_may_have_been_done(void **state)
{
	(void)state;
	static struct world w;
	struct relay_settings s = relay_settings_default();
	s.awake_ms = 1000;
	nap_begin_with(&w, &s);
	nap(&w);
	const struct build g = get(PDU_CON, 0x100, "a");
	held_down(&w, &g, 0x100);
	wake(&w, 7);
	expect_same(&w.device, &g);
	(void)until_sent(&w, &w.server, HOLD_MS - 3000, HOLD_MS); /* since it came */
	expect_answer(&w.server, PDU_CON, PDU_GATEWAY_TIMEOUT, -1, "a");
	world_end(&w);
}

static void test_R277_answers_go_before_what_waits(void **state)
{
	(void)state;
	static struct world w;
	struct relay_settings s = relay_settings_default();
	s.awake_ms = 5000;
	nap_begin_with(&w, &s);
	relay_device_set_radio(w.d, relay_radio_of(RELAY_NB_IOT));
	const struct build u = update(0x21, "u", "rd/5a3f"), g = get(PDU_CON, 0x100, "a");
	const struct build changed = build_start(PDU_CON, PDU_CHANGED, 0x900, "u");
	const struct build ack = empty(PDU_ACK, 0x900);
	const struct build acked = empty(PDU_ACK, 0x21);
	pass_up(&w, &u);
	down(&w, &acked);
	(void)until_sent(&w, &w.device, 0, GOVERNOR_PROCESSING_MS);
	expect_answer(&w.device, PDU_ACK, PDU_EMPTY, 0x21, "");
	later(&w, 3000);
	pass_down(&w, &g);
	(void)until_sent(&w, &w.server, 0, GOVERNOR_PROCESSING_MS);
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x100, "");
	later(&w, 2000);
	assert_true(relay_device_rest(w.d, w.now_ms).asleep);
	down(&w, &changed); /* who waits for an answer listens */
	expect_silence(&w.device);
	(void)until_sent(&w, &w.device, FIRST_MIN_MS - 4000, FIRST_MAX_MS);
	expect_same(&w.device, &changed);
	pass_up(&w, &ack);
	expect_same(&w.device, &g);
	world_end(&w);
}

static void test_R275_an_Update_may_end_queue_mode(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	const struct build u =
		build_request(&(struct want){ PDU_CON, PDU_POST, 9, "u", "rd/5a3f", "b=U" });
	const struct build changed = build_start(PDU_ACK, PDU_CHANGED, 9, "u");
	pass_up(&w, &u);
	pass_down(&w, &changed);
	later(&w, 300000);
	const struct build g = get(PDU_CON, 0x100, "a");
	pass_down(&w, &g);
	world_end(&w);
}

/* Its answer comes when it sleeps again: then nothing waits any more. */
static void test_R275_what_waits_goes_when_queue_mode_ends(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	const struct build u =
		build_request(&(struct want){ PDU_CON, PDU_POST, 9, "u", "rd/5a3f", "b=U" });
	const struct build acked = empty(PDU_ACK, 9), g = get(PDU_CON, 0x100, "a");
	const struct build changed = build_start(PDU_CON, PDU_CHANGED, 0x900, "u");
	pass_up(&w, &u);
	later(&w, 80000);
	pass_down(&w, &acked);
	later(&w, 15000);
	held_down(&w, &g, 0x100);
	pass_down(&w, &changed);
	expect_same(&w.device, &g);
	world_end(&w);
}

static void test_R269_what_waits_ends_with_the_registration(void **state)
{
	(void)state;
	static struct world w;
	world_begin(&w, NULL);
	nap_register(&w, "ep=urn:dev:1&lt=60&lwm2m=1.1&b=U&Q");
	later(&w, 100000);
	const struct build g = get(PDU_CON, 0x100, "a");
	held_down(&w, &g, 0x100);
	later(&w, 60000);
	assert_false(registration_of(&w)->active);
	assert_int_equal(w.server.closed, 1);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	quiet(&w);
	world_end(&w);
}

static void test_R213_a_quarantine_answers_what_waits(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	nap(&w);
	const struct build g = get(PDU_CON, 0x100, "a");
	held_down(&w, &g, 0x100);
	relay_device_gate(w.d, RELAY_QUARANTINED, RETRY_S);
	expect_503(&w.server, PDU_CON, -1, "a", RETRY_S);
	assert_int_equal(relay_device_rest(w.d, w.now_ms).waiting, 0);
	world_end(&w);
}

static void test_R218_a_drain_lets_what_waits_end(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	nap(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), h = get(PDU_CON, 0x101, "b");
	const struct build v = value(PDU_ACK, 0x100, "a"), n = sign(7);
	held_down(&w, &g, 0x100);
	relay_device_gate(w.d, RELAY_DRAINING, RETRY_S);
	down(&w, &h);
	expect_503(&w.server, PDU_ACK, 0x101, "b", RETRY_S);
	assert_int_equal(relay_device_exchanges(w.d), 1);
	up(&w, &n);
	expect_same(&w.device, &g);
	up(&w, &v);
	(void)expect_separate(&w.server, &v);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	world_end(&w);
}

/* A first notification is an answer, however long the request has waited. */
static void test_R218_a_drain_knows_what_has_waited(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	nap(&w);
	struct build g = build_start(PDU_CON, GET, 0x100, "a");
	build_option(&g, PDU_OBSERVE, "", 0);
	build_parts(&g, PDU_URI_PATH, "3/0/0", '/');
	const struct build n = observed(PDU_ACK, 0x100, "a", 1), u = update(9, "u", "rd/5a3f");
	held_down(&w, &g, 0x100);
	later(&w, 200000);
	relay_device_gate(w.d, RELAY_DRAINING, RETRY_S);
	up(&w, &u); /* refused, but it wakes */
	expect_503(&w.device, PDU_ACK, 9, "u", RETRY_S);
	expect_same(&w.device, &g);
	up(&w, &n);
	(void)expect_separate(&w.server, &n);
	world_end(&w);
}

static void test_a_device_that_comes_back_by_its_link_sleeps(void **state)
{
	(void)state;
	static struct world w;
	nap_begin(&w);
	const struct relay_registration reg = *registration_of(&w);
	assert_true(relay_device_is_idle(w.d));
	relay_device_let_go(w.d);
	w.d = relay_device_up(w.relay, "urn:dev:1", &w, &w.device.base);
	relay_device_adopt(w.d, &reg);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	const struct build g = get(PDU_CON, 0x100, "a");
	held_down(&w, &g, 0x100);
	assert_false(relay_device_is_idle(w.d)); /* it stays for what waits */
	wake(&w, 7);
	expect_same(&w.device, &g);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R008_what_waits_is_of_its_own_link),
		cmocka_unit_test(test_R230_a_handshake_wakes_and_what_was_never_sent_goes_there),
		cmocka_unit_test(
			test_R230_what_was_sent_in_the_old_association_is_not_sent_in_the_new),
		cmocka_unit_test(test_R276_no_copies_while_it_sleeps_and_all_anew_when_it_wakes),
		cmocka_unit_test(test_it_is_504_if_it_may_have_been_done),
		cmocka_unit_test(test_R277_answers_go_before_what_waits),
		cmocka_unit_test(test_R275_an_Update_may_end_queue_mode),
		cmocka_unit_test(test_R275_what_waits_goes_when_queue_mode_ends),
		cmocka_unit_test(test_R269_what_waits_ends_with_the_registration),
		cmocka_unit_test(test_R213_a_quarantine_answers_what_waits),
		cmocka_unit_test(test_R218_a_drain_lets_what_waits_end),
		cmocka_unit_test(test_R218_a_drain_knows_what_has_waited),
		cmocka_unit_test(test_a_device_that_comes_back_by_its_link_sleeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
