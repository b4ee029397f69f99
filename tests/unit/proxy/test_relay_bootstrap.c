/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay's owner is told of a bootstrap, and what it may object to. */
#include "base/attr.h"
#include "proxy/device.h"
#include "tests/unit/proxy/gate.h"

enum { PUT = 3, NOT_ACCEPTABLE = 0x86 };

static struct build bootstrap_request(uint16_t mid, const char *token)
{
	return build_request(&(struct want){ PDU_CON, PDU_POST, mid, token, "bs", "ep=urn:dev:1" });
}

static struct build changed(uint16_t mid, const char *token)
{
	return build_start(PDU_ACK, PDU_CHANGED, mid, token);
}

static struct build write_to(uint16_t mid, const char *token)
{
	struct build b = build_request(&(struct want){ PDU_CON, PUT, mid, token, "0/1", NULL });
	build_payload(&b, "secret");
	return b;
}

static struct build finish(uint16_t mid, const char *token)
{
	return build_request(&(struct want){ PDU_CON, PDU_POST, mid, token, "bs", NULL });
}

static void expect_told(
	struct world *w, unsigned begins, unsigned asked, unsigned answered, unsigned ends)
{
	const unsigned want[] = { begins, asked, answered, ends };
	for (size_t i = 0; i < COUNT_OF(want); i++) {
		if (w->told[i] != want[i])
			fail_msg("told %u times of %zu, not %u", w->told[i], i, want[i]);
		w->told[i] = 0;
	}
}

/* A bootstrap has begun, and the test has looked at everything. */
static void begin_bootstrap(struct world *w)
{
	world_begin(w, NULL);
	const struct build ask = bootstrap_request(1, "bs"), yes = changed(1, "bs");
	pass_up(w, &ask);
	expect_told(w, 0, 0, 0, 0);
	down(w, &yes);
	expect_same(&w->device, &yes);
	expect_told(w, 1, 0, 0, 0);
}

static void write_once(struct world *w, uint16_t mid)
{
	const struct build b = write_to(mid, "w"), done = changed(mid, "w");
	pass_down(w, &b);
	pass_up(w, &done);
	expect_told(w, 0, 1, 1, 0);
}

static void test_S31_the_owner_follows_a_bootstrap_to_its_finish(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	write_once(&w, 0x20);
	assert_int_equal(w.told_mid, 0x20);
	const struct build f = finish(0x21, "f"), done = changed(0x21, "f");
	pass_down(&w, &f);
	expect_told(&w, 0, 1, 0, 0);
	pass_up(&w, &done);
	expect_told(&w, 0, 0, 1, 1);
	/* Copies pass, and are told to nobody. */
	pass_down(&w, &f);
	pass_up(&w, &done);
	expect_told(&w, 0, 0, 0, 0);
	later(&w, 200000);
	expect_told(&w, 0, 0, 0, 0);
	quiet(&w);
	world_end(&w);
}

static void test_S31_a_separate_answer_finishes_it_and_an_empty_ACK_does_not(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	const struct build f = finish(0x21, "f"), ack = empty(PDU_ACK, 0x21);
	const struct build done = build_start(PDU_CON, PDU_CHANGED, 0x500, "f");
	pass_down(&w, &f);
	pass_up(&w, &ack);
	expect_told(&w, 0, 1, 0, 0);
	pass_up(&w, &done);
	expect_told(&w, 0, 0, 1, 1);
	world_end(&w);
}

static void test_S31_a_refused_bootstrap_does_not_begin(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build ask = bootstrap_request(1, "bs");
	const struct build no = build_start(PDU_ACK, PDU_BAD_REQUEST, 1, "bs");
	pass_up(&w, &ask);
	down(&w, &no);
	const struct build b = write_to(0x20, "w");
	down(&w, &b);
	expect_told(&w, 0, 0, 0, 0);
	world_end(&w);
}

static void test_S31_of_management_the_owner_is_told_nothing(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	const struct build g = get(PDU_CON, 0x90, "g"), c = content(PDU_ACK, 0x90, "g");
	const struct build f = finish(0x91, "f"), done = changed(0x91, "f");
	pass_down(&w, &g);
	pass_up(&w, &c);
	pass_down(&w, &f);
	pass_up(&w, &done);
	later(&w, 200000);
	expect_told(&w, 0, 0, 0, 0);
	world_end(&w);
}

static void test_S31_to_what_the_owner_objects_the_device_never_sees(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	const struct build f = finish(0x21, "f");
	w.objection = (struct relay_objection){ NOT_ACCEPTABLE, "another's" };
	for (int copy = 0; copy < 2; copy++) {
		down(&w, &f);
		expect_silence(&w.device);
		const struct pdu m = expect_pdu(&w.server);
		assert_int_equal(m.type, PDU_ACK);
		assert_int_equal(m.code, NOT_ACCEPTABLE);
		assert_int_equal(m.mid, 0x21);
		assert_true(pdu_same_token(&m, (const uint8_t *)"f", 1));
		assert_int_equal(m.payload_len, strlen("another's"));
		assert_memory_equal(m.payload, "another's", m.payload_len);
	}
	expect_told(&w, 0, 2, 0, 0);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	assert_int_equal(counted(&w)->refused, 2);
	/* It was no Finish: the server has as long as before to write something else. */
	later(&w, relay_settings_default().answer_ms - 1);
	w.objection.code = 0;
	write_once(&w, 0x22);
	later(&w, relay_settings_default().answer_ms - 1);
	const struct build g = finish(0x23, "g"), done = changed(0x23, "g");
	pass_down(&w, &g);
	pass_up(&w, &done);
	expect_told(&w, 0, 1, 1, 1);
	world_end(&w);
}

static void test_S31_a_finish_that_the_device_refuses_can_be_mended(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	const struct build f = finish(0x21, "f");
	const struct build no = build_start(PDU_ACK, NOT_ACCEPTABLE, 0x21, "f");
	pass_down(&w, &f);
	pass_up(&w, &no);
	expect_told(&w, 0, 1, 1, 0);
	later(&w, 60000);
	write_once(&w, 0x22); /* and this lets it live on */
	later(&w, 60000);
	const struct build g = finish(0x23, "g"), done = changed(0x23, "g");
	pass_down(&w, &g);
	pass_up(&w, &done);
	expect_told(&w, 0, 1, 1, 1);
	world_end(&w);
}

/* What is asked after the Finish begins anew: the first Finish's answer does not end that. */
static void test_S31_a_write_after_the_finish_is_followed_to_the_next_finish(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	write_once(&w, 0x20);
	const struct build f = finish(0x21, "f"), done = changed(0x21, "f");
	const struct build b = write_to(0x22, "w"), written = changed(0x22, "w");
	const struct build g = finish(0x23, "g"), end = changed(0x23, "g");
	pass_down(&w, &f);
	expect_told(&w, 0, 1, 0, 0);
	pass_down(&w, &b);
	expect_told(&w, 0, 1, 0, 0);
	pass_up(&w, &done);
	expect_told(&w, 0, 0, 1, 0);
	pass_up(&w, &written);
	expect_told(&w, 0, 0, 1, 0);
	pass_down(&w, &g);
	expect_told(&w, 0, 1, 0, 0);
	pass_up(&w, &end);
	expect_told(&w, 0, 0, 1, 1);
	world_end(&w);
}

static void test_S31_it_lasts_while_it_is_talked_about(void **state)
{
	(void)state;
	const uint32_t answer_ms = relay_settings_default().answer_ms;
	struct world w;
	begin_bootstrap(&w);
	for (uint16_t i = 0; i < 3; i++) {
		later(&w, answer_ms - 1);
		write_once(&w, (uint16_t)(0x20 + i));
	}
	later(&w, answer_ms - 1);
	expect_told(&w, 0, 0, 0, 0);
	later(&w, WHEEL_TICK_MS);
	expect_told(&w, 0, 0, 0, 1);
	const struct build b = write_to(0x30, "w");
	down(&w, &b);
	expect_silence(&w.device);
	expect_told(&w, 0, 0, 0, 0);
	world_end(&w);
}

static void test_R269_a_registration_that_ends_leaves_a_bootstrap_its_link(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	world_register(&w); /* for 300 s */
	for (uint16_t i = 0; i < 8; i++) {
		write_once(&w, (uint16_t)(0x20 + i));
		later(&w, 60000);
	}
	assert_false(registration_of(&w)->active);
	assert_int_equal(w.server.closed, 0);
	write_once(&w, 0x30);
	world_end(&w);
}

static void test_S31_its_end_is_not_missed_though_no_clock_has_ticked(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	world_register(&w); /* so that the server may still ask */
	write_once(&w, 0x20);
	w.now_ms += relay_settings_default().answer_ms;
	const struct build b = write_to(0x21, "w"), done = changed(0x21, "w");
	pass_down(&w, &b);
	expect_told(&w, 0, 0, 0, 1);
	pass_up(&w, &done);
	later(&w, WHEEL_TICK_MS);
	expect_told(&w, 0, 0, 0, 0);
	world_end(&w);
}

static void test_S31_after_the_finish_the_device_has_as_long_to_answer(void **state)
{
	(void)state;
	const uint32_t answer_ms = relay_settings_default().answer_ms;
	struct world w;
	begin_bootstrap(&w);
	const struct build f = finish(0x21, "f");
	pass_down(&w, &f);
	later(&w, answer_ms - 1);
	pass_down(&w, &f); /* a copy lengthens nothing */
	expect_told(&w, 0, 2, 0, 0);
	later(&w, WHEEL_TICK_MS);
	expect_told(&w, 0, 0, 0, 1);
	world_end(&w);
}

static void test_S31_a_copy_of_the_request_begins_nothing(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	write_once(&w, 0x20);
	const struct build ask = bootstrap_request(1, "bs"), yes = changed(1, "bs");
	pass_up(&w, &ask);
	pass_down(&w, &yes);
	expect_told(&w, 0, 0, 0, 0);
	/* Another request does, and so the one before has ended. */
	const struct build anew = bootstrap_request(2, "b2"), again = changed(2, "b2");
	pass_up(&w, &anew);
	pass_down(&w, &again);
	expect_told(&w, 1, 0, 0, 1);
	const struct build f = finish(0x21, "f"), done = changed(0x21, "f");
	pass_down(&w, &f);
	pass_up(&w, &done);
	expect_told(&w, 0, 1, 1, 1);
	pass_up(&w, &anew);
	pass_down(&w, &again);
	expect_told(&w, 0, 0, 0, 0);
	world_end(&w);
}

/* --- broken off ------------------------------------------------------------------------------- */

static void rebind(struct world *w)
{
	relay_device_rebind(w->d, &w->device.base);
}

static void link_lost(struct world *w)
{
	relay_link_down(w->d, RELAY_LINK_CLOSED, w->now_ms);
}

/* The server is silent to four copies of a request. */
static void link_dead(struct world *w)
{
	const struct build b = update(7, "u", "rd/5a3f");
	for (int i = 0; i < 4; i++) {
		w->now_ms += 5000;
		up(w, &b);
	}
	assert_int_equal(w->server.closed, 1);
}

static void gate_shut(struct world *w)
{
	relay_device_gate(w->d, RELAY_QUARANTINED, 0);
}

static void device_down(struct world *w)
{
	relay_device_down(w->d);
	w->d = NULL;
}

static void let_go(struct world *w)
{
	relay_device_let_go(w->d);
	w->d = NULL;
}

static void cut(struct world *w)
{
	relay_device_cut(w->d);
}

static void test_S31_either_channels_end_breaks_it_off(void **state)
{
	static void (*const ends[])(struct world *) = { rebind, link_lost, link_dead, gate_shut,
		device_down, let_go, cut };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		struct world w;
		begin_bootstrap(&w);
		world_register(&w);
		write_once(&w, 0x20);
		ends[i](&w);
		assert_false(w.bootstrapping);
		expect_told(&w, 0, 0, 0, 1);
		w.server.seen = w.server.count;
		w.device.seen = w.device.count;
		/* What the server says later is not of it, over whatever link. */
		if (w.d && !relay_device_link(w.d))
			relay_link_up(w.d, &w.server.base, w.now_ms);
		const struct build b = write_to(0x21, "w");
		if (w.d)
			down(&w, &b);
		later(&w, 200000);
		expect_told(&w, 0, 0, 0, 0);
		world_end(&w);
	}
}

static void test_S31_a_gate_that_drains_leaves_it_to_end_by_itself(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	const struct build f = finish(0x21, "f"), done = changed(0x21, "f");
	pass_down(&w, &f);
	expect_told(&w, 0, 1, 0, 0);
	relay_device_gate(w.d, RELAY_DRAINING, 0);
	const struct build b = write_to(0x22, "w");
	down(&w, &b);
	expect_503(&w.server, PDU_ACK, 0x22, "w", 0);
	expect_told(&w, 0, 0, 0, 0);
	pass_up(&w, &done);
	expect_told(&w, 0, 0, 1, 1);
	world_end(&w);
}

static void test_S31_what_does_not_fit_the_device_is_not_told(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	w.device.max = 12;
	const struct build b = write_to(0x20, "w");
	down(&w, &b);
	expect_silence(&w.device);
	expect_told(&w, 0, 0, 0, 0);
	world_end(&w);
}

/* It is freed with the worker, whose watches are gone by then. */
static void test_the_end_of_the_relay_is_not_told(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	world_end(&w);
	expect_told(&w, 0, 0, 0, 0);
}

static void test_an_owner_who_does_not_want_to_know_is_not_asked(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	w.relay->owner.bootstrap = NULL;
	const struct build ask = bootstrap_request(1, "bs"), yes = changed(1, "bs");
	const struct build b = write_to(0x20, "w"), done = changed(0x20, "w");
	pass_up(&w, &ask);
	pass_down(&w, &yes);
	pass_down(&w, &b);
	pass_up(&w, &done);
	rebind(&w);
	down(&w, &b);
	expect_silence(&w.device);
	world_end(&w);
}

static void test_R283_a_bootstrap_under_way_is_not_let_go(void **state)
{
	(void)state;
	struct world w;
	begin_bootstrap(&w);
	assert_false(relay_device_is_idle(w.d));
	later(&w, relay_settings_default().answer_ms);
	assert_true(relay_device_is_idle(w.d));
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S31_the_owner_follows_a_bootstrap_to_its_finish),
		cmocka_unit_test(test_S31_a_separate_answer_finishes_it_and_an_empty_ACK_does_not),
		cmocka_unit_test(test_S31_a_refused_bootstrap_does_not_begin),
		cmocka_unit_test(test_S31_of_management_the_owner_is_told_nothing),
		cmocka_unit_test(test_S31_to_what_the_owner_objects_the_device_never_sees),
		cmocka_unit_test(test_S31_a_finish_that_the_device_refuses_can_be_mended),
		cmocka_unit_test(test_S31_a_write_after_the_finish_is_followed_to_the_next_finish),
		cmocka_unit_test(test_S31_it_lasts_while_it_is_talked_about),
		cmocka_unit_test(test_R269_a_registration_that_ends_leaves_a_bootstrap_its_link),
		cmocka_unit_test(test_S31_its_end_is_not_missed_though_no_clock_has_ticked),
		cmocka_unit_test(test_S31_after_the_finish_the_device_has_as_long_to_answer),
		cmocka_unit_test(test_S31_a_copy_of_the_request_begins_nothing),
		cmocka_unit_test(test_S31_either_channels_end_breaks_it_off),
		cmocka_unit_test(test_S31_a_gate_that_drains_leaves_it_to_end_by_itself),
		cmocka_unit_test(test_S31_what_does_not_fit_the_device_is_not_told),
		cmocka_unit_test(test_the_end_of_the_relay_is_not_told),
		cmocka_unit_test(test_an_owner_who_does_not_want_to_know_is_not_asked),
		cmocka_unit_test(test_R283_a_bootstrap_under_way_is_not_let_go),
	};
	return cmocka_run_group_tests_name("proxy/relay: bootstrap", tests, NULL, NULL);
}
