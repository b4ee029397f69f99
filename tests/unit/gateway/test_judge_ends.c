/* SPDX-License-Identifier: Apache-2.0 */
/* What ends by the clock, with a registration, or with a quarantine, is decided, whatever else was
   decided since; and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "court.h"
#include "gateway/clock.h"
#include "gateway/judge_parts.h"
#include "gateway/material.h"
#include "gateway/session.h"
#include "gateway/waves.h"
#include "gateway/worker.h"
#include "io/inbox.h"
#include "papers.h"

#define TEARDOWN "\"teardown\""
#define KEEP     "\"keep\""

enum { SOON_MS = 100000, ROUND_MS = 31000 };

static void soon(struct store_cred *c)
{
	court_prolong(c);
	c->until_ms -= 86400000 - SOON_MS;
}

static void other_key(struct store_cred *c)
{
	c->key[0] ^= 0x55;
}

static void assert_not_forwarded(struct town *t, size_t socket)
{
	const size_t up = t->server.messages;
	if (t->devices.conns[socket])
		town_update(t, socket);
	town_turns(t, (size_t)4 * COURT_QUIET_TURNS);
	assert_int_equal(t->server.messages, up);
	assert_int_equal(t->devices.downs, 1);
}

/* The device could bring such an event about itself. */
static void test_S28_what_has_expired_is_decided_although_something_else_was_since(void **state)
{
	(void)state;
	for (int asleep = 0; asleep < 2; asleep++) {
		struct town *t = court_new(court_rules("\"credential-expired\"", TEARDOWN, TEARDOWN,
			"}, { name = \"two\"; events = [ \"age\" ]; age_at_least_s = 100; "
			"device = \"keep\"; upstream = \"keep\"; reason = \"a test\"; "
			"alert = true;"));
		const size_t socket = town_registered(t, 0, 0);
		const uint32_t cred = town_cred(0);
		struct gw_entry e;
		struct store_verdict v;
		town_settle(t);
		court_change(t, 0, soon);
		town_settle(t);
		assert_true(court_entry(t, &e));
		assert_int_equal(e.event, POLICY_MAPPING_CHANGED);
		town_pass(SOON_MS + 1000); /* it is over; its age is asked about before that is */
		town_turns(t, 2);
		town_pass(ROUND_MS);
		town_turns(t, COURT_QUIET_TURNS);
		assert_true(court_entry(t, &e));
		assert_int_equal(e.event, POLICY_AGE);
		assert_true(court_verdict(t, 0, &v));
		assert_int_equal(v.event, POLICY_AGE);
		assert_true(v.at_ms <= store_time(t->store, town_clock_ms()));
		if (asleep)
			town_night(t);
		else
			assert_true(inbox_post(
				t->inboxes[0], INBOX_SURE, GW_CHANGED, &cred, sizeof(cred)));
		town_turns(t, COURT_QUIET_TURNS);
		assert_not_forwarded(t, socket);
		assert_true(court_entry(t, &e));
		assert_int_equal(e.event, POLICY_CRED_EXPIRED);
		court_free(t);
	}
}

static enum store_result run_take(struct store_txn *x, void *arg)
{
	return store_take_generation(x, arg);
}

/* The listener's own certificate is another. */
static void own_changes(struct town *t)
{
	struct gw_waves waves = { .at = { { 0 } } };
	uint64_t generation = 0;
	assert_int_equal(town_do(t, run_take, &generation), STORE_OK);
	waves.at[GW_WAVE_OWN_DEVICE][0] = generation;
	const struct papers nowhere = { "" };
	struct conf_error error = { "" };
	struct conf_gateway conf = papers_conf(&nowhere, "", "");
	struct gw_material *const m = gw_material_new(&conf, &error);
	conf_free(&conf);
	assert_non_null(m);
	gw_material_set_waves(m, &waves);
	const struct gw_renewed one = { .material = gw_material_ref(m) };
	assert_true(inbox_post(t->inboxes[0], INBOX_SURE, GW_MATERIAL, &one, sizeof(one)));
	gw_material_unref(t->shared.material);
	t->shared.material = m;
	town_turns(t, 2);
}

static void test_R209_a_psk_rests_on_no_key_of_the_gateway_awake_or_asleep(void **state)
{
	(void)state;
	for (int asleep = 0; asleep < 2; asleep++) {
		struct town *t = court_new(
			court_rules("\"own-credential-changed\"", TEARDOWN, TEARDOWN, ""));
		const size_t socket = town_registered(t, 0, 0);
		court_material(t);
		town_settle(t);
		if (asleep)
			town_night(t);
		own_changes(t);
		town_update(t, socket);
		town_turns(t, (size_t)4 * COURT_QUIET_TURNS);
		assert_int_equal(t->devices.downs, 0);
		court_assert_silent(t);
		court_free(t);
	}
}

static void test_a_bound_of_the_link_alone_is_not_the_devices_after_a_night(void **state)
{
	(void)state;
	for (int asleep = 0; asleep < 2; asleep++) {
		struct town *t = court_new(court_rules("\"credential-replaced\"", KEEP,
			"{ action = \"keep\"; for_s = 100; }", ""));
		const size_t socket = town_registered(t, 0, 0);
		town_settle(t);
		town_replace_key(t, 0);
		town_turns(t, COURT_QUIET_TURNS);
		town_settle(t);
		if (asleep)
			town_night(t);
		town_pass(SOON_MS + 1000);
		if (asleep)
			town_update(t, socket);
		town_turns(t, (size_t)4 * COURT_QUIET_TURNS);
		assert_int_equal(t->devices.downs, 0);
		court_free(t);
	}
}

static enum store_result run_unregister(struct store_txn *x, void *arg)
{
	struct store_session row;
	enum store_result r = store_read_session(store_txn_reader(x), *(uint32_t *)arg, &row);
	row.registered = false;
	row.expires_ms = 0;
	return r == STORE_OK ? store_session_put(x, &row) : r;
}

/* As when a kill falls between the two, or while it sleeps. */
static void test_a_registration_that_ended_undecided_ends_what_lasted_until_then(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules("\"credential-replaced\"",
		"{ action = \"keep\"; until_registration = true; }", KEEP, "registered = true;"));
	const size_t socket = town_registered(t, 0, 0);
	uint32_t cred = town_cred(0);
	town_settle(t);
	town_replace_key(t, 0);
	town_turns(t, COURT_QUIET_TURNS);
	town_settle(t);
	town_night(t);
	assert_int_equal(town_do(t, run_unregister, &cred), STORE_OK);
	assert_not_forwarded(t, socket);
	court_free(t);
}

static void test_a_quarantine_that_ends_takes_nothing_with_it(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules("\"credential-expired\"",
		"{ action = \"quarantine\"; for_s = 3600; }", TEARDOWN,
		"}, { name = \"two\"; events = [ \"credential-replaced\" ]; "
		"device = \"rekey-on-wake\"; upstream = \"keep\"; reason = \"a test\";"));
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	town_night(t);
	court_change(t, 0, other_key);
	court_sweep(t, 0);
	court_change(t, 0, court_expire);
	court_sweep(t, 0);
	court_change(t, 0, court_prolong);
	assert_not_forwarded(t, socket);
	court_free(t);
}

/* store_time() may be ahead, for ever, of the clock by which devices are let in. */
static void test_an_end_is_not_early_by_a_clock_of_our_own(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules("\"credential-expired\"", TEARDOWN, TEARDOWN, ""));
	struct gw_worker *const w = t->workers[0];
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	const uint64_t wall_ms = ((uint64_t)now.tv_sec + 1) * 1000, was_ms = w->now_ms;
	w->now_ms = 2 * wall_ms;
	assert_true(store_time(t->store, w->now_ms) > wall_ms + 3600000);
	assert_true(gw_judge_now(w) < wall_ms + 3600000);
	w->now_ms = was_ms;
	court_free(t);
}

/* Who comes when a credential has ended must not be told that it has not, as nobody comes again. */
static void test_an_end_is_seen_when_it_has_come(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules("\"credential-expired\"", TEARDOWN, TEARDOWN, ""));
	uint64_t shown_ms;
	do
		shown_ms = gw_clock_shown_ms();
	while (shown_ms % 1000 == 0);
	assert_true(gw_judge_now(t->workers[0]) >= shown_ms);
	court_free(t);
}

/* With each of its messages a device may have it decided that nothing is to be done. */
static void test_I8_what_changes_nothing_fills_no_log(void **state)
{
	enum { AT_ONCE = 32, EASE_MS = 10000 };
	(void)state;
	struct town *t = court_new(court_rules("\"moved\"", KEEP, KEEP, ""));
	const struct gw_ruling r = { .is = true,
		.event = POLICY_MOVED,
		.old_generation = 1,
		.new_generation = 1,
		.rule = "one",
		.reason = "a test" };
	for (size_t i = 0; i < (size_t)2 * AT_ONCE; i++)
		gw_judge_say(t->workers[0], "urn:dev:0", &r, GW_KEPT, false);
	for (size_t i = 0; i < AT_ONCE; i++)
		court_assert_said(t, GW_KEPT, POLICY_MOVED, false);
	court_assert_silent(t);
	gw_judge_say(t->workers[0], "urn:dev:0", &r, GW_DONE, false); /* all else is told */
	court_assert_said(t, GW_DONE, POLICY_MOVED, false);
	t->workers[0]->now_ms += EASE_MS;
	gw_judge_say(t->workers[0], "urn:dev:0", &r, GW_KEPT, false);
	gw_judge_say(t->workers[0], "urn:dev:0", &r, GW_KEPT, false);
	court_assert_said(t, GW_KEPT, POLICY_MOVED, false);
	court_assert_silent(t);
	court_free(t);
}

/* The link may be roused while something is being written down of a session that is awake. */
static void test_S28_what_is_not_durable_is_not_carried_out_with_a_link_that_wakes(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules("\"moved\"", KEEP, TEARDOWN, ""));
	(void)town_registered(t, 0, 0);
	town_settle(t);
	struct gw_session *const s = gw_session_of(t->workers[0], town_cred(0));
	assert_non_null(s);
	assert_false(gw_judge(s, POLICY_MOVED));
	assert_true(s->sentence->writing > 0);
	gw_judge_begin(s);
	assert_true(s->sentence && s->sentence->writing > 0 && !s->sentence->begun);
	town_until(t, &t->server.downs, 1);
	town_settle(t);
	court_assert_said(t, GW_DONE, POLICY_MOVED, false);
	court_free(t);
}

/* Who is told to go can bring other events about, and gets no time by them. */
static void test_a_drain_is_not_put_off_by_what_comes_meanwhile(void **state)
{
	(void)state;
	struct town *t = court_new(court_rules("\"credential-replaced\"",
		"{ action = \"drain\"; within_s = 20; }", KEEP,
		"}, { name = \"two\"; events = [ \"moved\" ]; device = \"keep\"; "
		"upstream = \"keep\"; reason = \"a test\"; alert = true;"));
	(void)town_registered(t, 0, 0);
	town_settle(t);
	t->devices.manner = TOWN_IS_MUTE;
	const size_t heard = t->devices.messages;
	town_ask(t, 0);
	town_until(t, &t->devices.messages, heard + 1);
	town_replace_key(t, 0);
	town_settle(t);
	for (int i = 0; i < 2; i++) {
		struct gw_session *const s = gw_session_of(t->workers[0], town_cred(0));
		assert_non_null(s);
		assert_int_equal(t->devices.downs, 0);
		(void)gw_judge(s, POLICY_MOVED);
		town_settle(t);
		town_pass(9000);
		town_turns(t, COURT_QUIET_TURNS);
	}
	town_pass(3000);
	town_until(t, &t->devices.downs, 1);
	court_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_S28_what_has_expired_is_decided_although_something_else_was_since),
		cmocka_unit_test(test_R209_a_psk_rests_on_no_key_of_the_gateway_awake_or_asleep),
		cmocka_unit_test(test_a_bound_of_the_link_alone_is_not_the_devices_after_a_night),
		cmocka_unit_test(
			test_a_registration_that_ended_undecided_ends_what_lasted_until_then),
		cmocka_unit_test(test_a_quarantine_that_ends_takes_nothing_with_it),
		cmocka_unit_test(test_an_end_is_not_early_by_a_clock_of_our_own),
		cmocka_unit_test(test_an_end_is_seen_when_it_has_come),
		cmocka_unit_test(test_I8_what_changes_nothing_fills_no_log),
		cmocka_unit_test(
			test_S28_what_is_not_durable_is_not_carried_out_with_a_link_that_wakes),
		cmocka_unit_test(test_a_drain_is_not_put_off_by_what_comes_meanwhile),
	};
	return cmocka_run_group_tests_name("gateway/judge ends", tests, NULL, NULL);
}
