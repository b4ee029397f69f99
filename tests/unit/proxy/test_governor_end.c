/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of what is under way over a slow radio when something ends. */
#include "tests/unit/proxy/slow.h"

static struct build answer(enum pdu_type type, uint16_t mid, const char *token)
{
	struct build b = content(type, mid, token);
	build_payload(&b, "21.5");
	return b;
}

/* One request flies, one waits; the server has had its ACKs. */
static void two_asked(struct world *w)
{
	const struct build one = get(PDU_CON, 0x100, "a"), two = get(PDU_CON, 0x101, "b");
	slow_begin(w);
	pass_down(w, &one);
	absorbed_down(w, &two);
	later(w, GOVERNOR_PROCESSING_MS + 50);
	expect_answer(&w->server, PDU_ACK, PDU_EMPTY, 0x100, "");
	expect_answer(&w->server, PDU_ACK, PDU_EMPTY, 0x101, "");
	assert_int_equal(relay_device_exchanges(w->d), 2);
	assert_false(relay_device_is_idle(w->d));
}

static void expect_cut(struct wire *w, const char *token)
{
	const struct pdu m = expect_pdu(w);
	assert_int_equal(m.type, PDU_CON);
	assert_int_equal(m.code, PDU_UNAVAILABLE);
	assert_true(pdu_same_token(&m, (const uint8_t *)token, 1));
}

static void test_R230_no_copy_crosses_into_another_association(void **state)
{
	(void)state;
	struct world w;
	struct wire other;
	two_asked(&w);
	relay_device_rebind(w.d, wire_init(&other));
	expect_cut(&w.server, "a");
	/* What was never sent is no copy. */
	const struct build two = get(PDU_CON, 0x101, "b"), v = answer(PDU_ACK, 0x101, "b");
	expect_same(&other, &two);
	expect_silence(&other);
	const struct build late = answer(PDU_ACK, 0x100, "a");
	absorbed_up(&w, &late);
	up(&w, &v);
	(void)expect_separate(&w.server, &v);
	later(&w, 60000);
	expect_silence(&other);
	expect_silence(&w.device);
	world_end(&w);
	wire_fini(&other);
}

static void test_R230_what_the_server_will_repeat_is_left_to_it(void **state)
{
	(void)state;
	struct world w;
	struct wire other;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a");
	const struct build n = observed(PDU_CON, 0x4000, "o", 3), ack = empty(PDU_ACK, 0x4000);
	pass_down(&w, &g);
	pass_up(&w, &n);
	relay_device_rebind(w.d, wire_init(&other));
	nothing_for(&w, 1000);
	expect_silence(&other);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	down(&w, &ack); /* to the old one's notification */
	const struct build unknown = in_channel(&ack, -1);
	expect_same(&other, &unknown); /* as it would on a wire: the device knows */
	down(&w, &g);
	expect_same(&other, &g);
	world_end(&w);
	wire_fini(&other);
}

/* what the device asked in the old association is no affair of the new one. */
static void test_R227_nothing_is_said_to_a_new_association_about_the_old_one(void **state)
{
	(void)state;
	static struct world w;
	static struct wire other;
	slow_begin(&w);
	const struct build u = update(0x4000, "u", "rd/5a3f");
	const struct build c = build_start(PDU_ACK, PDU_CHANGED, 0x4000, "u");
	pass_up(&w, &u);
	relay_device_rebind(w.d, wire_init(&other));
	nothing_for(&w, 60000); /* no ACK of ours, no copy to the server */
	expect_silence(&other);
	/* Nor is an answer that was on its way. */
	const struct build v = update(0x4001, "v", "rd/5a3f");
	const struct build gone_up = in_channel(&v, 1);
	up(&w, &v);
	expect_same(&w.server, &gone_up);
	(void)until_sent(&w, &other, 0, GOVERNOR_PROCESSING_MS);
	expect_answer(&other, PDU_ACK, PDU_EMPTY, 0x4001, "");
	struct build d = c;
	d.data[3] = 1;
	d.data[4] = 'v';
	const struct build come_down = in_channel(&d, 1);
	down(&w, &come_down);
	(void)expect_separate(&other, &d);
	relay_device_rebind(w.d, &w.device.base);
	nothing_for(&w, 60000);
	expect_silence(&other);
	world_end(&w);
	wire_fini(&other);
}

static void test_what_waits_for_a_new_association_must_fit_it(void **state)
{
	(void)state;
	struct world w;
	struct wire other;
	two_asked(&w);
	(void)wire_init(&other);
	other.max = 8;
	relay_device_rebind(w.d, &other.base);
	expect_cut(&w.server, "a");
	later(&w, 60000);
	assert_int_equal(other.count, 0);
	world_end(&w);
	wire_fini(&other);
}

static void test_I3_what_waits_is_not_sent_to_a_device_that_has_left(void **state)
{
	(void)state;
	struct world w;
	two_asked(&w);
	const struct build bye =
		build_request(&(struct want){ PDU_CON, PDU_DELETE, 0x4000, "u", "rd/5a3f", NULL });
	const struct build deleted = build_start(PDU_ACK, PDU_DELETED, 0x4000, "u");
	pass_up(&w, &bye);
	pass_down(&w, &deleted);
	later(&w, 600000);
	expect_silence(&w.device);
	world_end(&w);
}

static void test_R213_a_cut_answers_all_that_is_under_way(void **state)
{
	(void)state;
	struct world w;
	two_asked(&w);
	const struct build u = update(0x4000, "u", "rd/5a3f");
	pass_up(&w, &u);
	relay_device_cut(w.d);
	expect_cut(&w.server, "a");
	expect_cut(&w.server, "b");
	expect_answer(&w.device, PDU_ACK, PDU_UNAVAILABLE, 0x4000, "u");
	assert_int_equal(relay_device_exchanges(w.d), 0);
	quiet(&w);
	world_end(&w);
}

static void test_a_gate_that_is_shut_sends_nothing_more(void **state)
{
	(void)state;
	struct world w;
	two_asked(&w);
	const struct build n = observed(PDU_CON, 0x4000, "o", 3);
	const struct build u = update(0x4001, "u", "rd/5a3f");
	pass_up(&w, &n);
	pass_up(&w, &u);
	const unsigned opened = w.opened;
	relay_device_gate(w.d, RELAY_QUARANTINED, 600);
	expect_cut(&w.server, "a");
	expect_cut(&w.server, "b");
	expect_answer(&w.device, PDU_ACK, PDU_UNAVAILABLE, 0x4001, "u");
	assert_int_equal(relay_device_exchanges(w.d), 0);
	assert_true(relay_device_is_idle(w.d));
	up(&w, &u);
	expect_answer(&w.device, PDU_ACK, PDU_UNAVAILABLE, 0x4001, "u");
	nothing_for(&w, LIFETIME_MS);
	assert_int_equal(w.opened, opened);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	world_end(&w);
}

static void test_a_drain_lets_what_waits_end(void **state)
{
	(void)state;
	struct world w;
	two_asked(&w);
	relay_device_gate(w.d, RELAY_DRAINING, 600);
	const struct build v = answer(PDU_ACK, 0x100, "a"), x = answer(PDU_ACK, 0x101, "b");
	const struct build one = get(PDU_CON, 0x100, "a"), two = get(PDU_CON, 0x101, "b"),
			   three = get(PDU_CON, 0x102, "c");
	up(&w, &v);
	(void)expect_separate(&w.server, &v);
	expect_same(&w.device, &two);
	down(&w, &three);
	expect_503(&w.server, PDU_ACK, 0x102, "c", 600);
	down(&w, &one);
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x100, "");
	up(&w, &x);
	(void)expect_separate(&w.server, &x);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	expect_silence(&w.device);
	world_end(&w);
}

static void test_what_a_link_asked_ends_with_it(void **state)
{
	(void)state;
	struct world w;
	two_asked(&w);
	w.at_once = false;
	const struct build n = observed(PDU_CON, 0x4000, "o", 3);
	pass_up(&w, &n);
	const unsigned opened = w.opened;
	relay_link_down(w.d, RELAY_LINK_CLOSED, w.now_ms);
	nothing_for(&w, 60000); /* neither repeated, nor sent when its turn would come */
	assert_int_equal(w.opened, opened);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	assert_true(relay_device_is_idle(w.d));
	world_end(&w);
}

static void test_I6_an_idle_device_gives_all_back_without_a_word(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), v = answer(PDU_ACK, 0x100, "a");
	pass_down(&w, &g);
	assert_false(relay_device_is_idle(w.d));
	later(&w, GOVERNOR_PROCESSING_MS + 50);
	expect_answer(&w.server, PDU_ACK, PDU_EMPTY, 0x100, "");
	up(&w, &v);
	const struct build ack = empty(PDU_ACK, expect_separate(&w.server, &v));
	assert_false(relay_device_is_idle(w.d)); /* it may have to be said again */
	absorbed_down(&w, &ack);
	assert_true(relay_device_is_idle(w.d)); /* what is only kept does not hold it */
	assert_true(relay_stats(w.relay).kept_bytes > 0);
	relay_device_let_go(w.d);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	quiet(&w);
	world_end(&w);
}

static void test_what_is_under_way_goes_with_the_device_in_silence(void **state)
{
	(void)state;
	struct world w;
	two_asked(&w);
	/* An answer waits for its turn, which must not come now. */
	const struct build u = update(0x4000, "u", "rd/5a3f");
	const struct build c = build_start(PDU_ACK, PDU_CHANGED, 0x4000, "u");
	pass_up(&w, &u);
	(void)until_sent(&w, &w.device, 0, GOVERNOR_PROCESSING_MS);
	expect_answer(&w.device, PDU_ACK, PDU_EMPTY, 0x4000, "");
	absorbed_down(&w, &c);
	relay_device_down(w.d);
	assert_int_equal(relay_stats(w.relay).kept_bytes, 0);
	quiet(&w);
	later(&w, 60000);
	quiet(&w);
	world_end(&w);
}

/* the ids on both legs are those of the peers, who can tell a copy by them. */
static void test_R229_after_a_restart_a_copy_is_still_a_copy(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build g = get(PDU_CON, 0x100, "a"), v = answer(PDU_ACK, 0x100, "a");
	pass_down(&w, &g);
	const struct relay_registration reg = *relay_device_registration(w.d);
	relay_device_let_go(w.d);
	w.d = relay_device_up_radio(
		w.relay, "urn:dev:1", &w, &w.device.base, relay_radio_of(RELAY_NB_IOT));
	assert_non_null(w.d);
	relay_device_adopt(w.d, &reg);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	pass_up(&w, &v); /* to what was asked before */
	pass_down(&w, &g);
	pass_up(&w, &v);
	world_end(&w);
}

static void come_again(struct world *w)
{
	const struct relay_registration reg = *relay_device_registration(w->d);
	relay_device_let_go(w->d);
	w->d = relay_device_up_radio(
		w->relay, "urn:dev:1", w, &w->device.base, relay_radio_of(RELAY_NB_IOT));
	assert_non_null(w->d);
	relay_device_adopt(w->d, &reg);
	relay_link_up(w->d, &w->server.base, w->now_ms);
}

/* Its copies come for minutes, and not every server answers one. */
static void test_a_notification_is_known_again_after_sleep(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build n = answer(PDU_CON, 0x700, "o"), other = answer(PDU_CON, 0x701, "o");
	const struct build ack = empty(PDU_ACK, 0x700), rst = empty(PDU_RST, 0x701);
	pass_up(&w, &n);
	pass_down(&w, &ack);
	come_again(&w);
	for (int copies = 0; copies < 2; copies++) {
		up(&w, &n);
		expect_answer(&w.device, PDU_ACK, PDU_EMPTY, 0x700, "");
	}
	assert_int_equal(relay_stats(w.relay).answered_from_kept, 2);
	pass_up(&w, &other);
	pass_down(&w, &rst); /* to which there may be another answer yet */
	come_again(&w);
	up(&w, &n);
	expect_answer(&w.device, PDU_ACK, PDU_EMPTY, 0x700, "");
	w.now_ms += relay_radio_of(RELAY_NB_IOT)->exchange_lifetime_ms + 1000;
	pass_up(&w, &n);
	world_end(&w);
}

/* RFC 7252 section 4.4: the ids of a new association mean something else. */
static void test_R230_a_notification_of_another_association_is_another(void **state)
{
	(void)state;
	struct world w;
	slow_begin(&w);
	const struct build n = answer(PDU_CON, 0x700, "o"), ack = empty(PDU_ACK, 0x700);
	pass_up(&w, &n);
	pass_down(&w, &ack);
	come_again(&w);
	relay_device_rebind(w.d, &w.device.base);
	up(&w, &n);
	assert_int_equal(relay_stats(w.relay).answered_from_kept, 0);
	(void)expect_pdu(&w.server); /* with an id of this channel's, see proxy/shift */
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R230_no_copy_crosses_into_another_association),
		cmocka_unit_test(test_R230_what_the_server_will_repeat_is_left_to_it),
		cmocka_unit_test(test_R227_nothing_is_said_to_a_new_association_about_the_old_one),
		cmocka_unit_test(test_what_waits_for_a_new_association_must_fit_it),
		cmocka_unit_test(test_I3_what_waits_is_not_sent_to_a_device_that_has_left),
		cmocka_unit_test(test_R213_a_cut_answers_all_that_is_under_way),
		cmocka_unit_test(test_a_gate_that_is_shut_sends_nothing_more),
		cmocka_unit_test(test_a_drain_lets_what_waits_end),
		cmocka_unit_test(test_what_a_link_asked_ends_with_it),
		cmocka_unit_test(test_I6_an_idle_device_gives_all_back_without_a_word),
		cmocka_unit_test(test_a_notification_is_known_again_after_sleep),
		cmocka_unit_test(test_R230_a_notification_of_another_association_is_another),
		cmocka_unit_test(test_what_is_under_way_goes_with_the_device_in_silence),
		cmocka_unit_test(test_R229_after_a_restart_a_copy_is_still_a_copy),
	};
	return cmocka_run_group_tests_name("proxy/governor: ends", tests, NULL, NULL);
}
