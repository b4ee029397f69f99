/* SPDX-License-Identifier: Apache-2.0 */
/* Who sleeps, and when; who may not wake; what a sleeper's end is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/vault.h"
#include "gateway/ask.h"
#include "gateway/session.h"
#include "io/inbox.h"
#include "proxy/relay.h"
#include "town_night.h"

enum { QUIET_TURNS = 20, FLOOD = 1000, SEQ_AT = 5, LAST_SEQ_AT = 10 };
static const uint64_t second_ms = 1000, day_ms = 86400000;

static uint64_t evict_ms(const struct town *t)
{
	return t->conf.store_evict_after_s * second_ms;
}

/* --- falling asleep --------------------------------------------------------------------------- */

static void test_sessions_sleep_when_they_are_idle_for_long(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	const uint64_t commits = store_stats(t->store).commits;
	town_pass(evict_ms(t) - 2 * second_ms);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 1);
	town_pass(4 * second_ms);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(town_relays(t), 0);
	assert_int_equal(dtls_stats(t->workers[0]->dtls).conns, 0);
	assert_int_equal(store_stats(t->store).commits, commits); /* nothing is written */
	assert_int_equal(t->devices.downs + t->server.downs, 0);  /* nobody is told */
	town_updated(t, socket);
	town_free(t);
}

/* What the server hears or says keeps it awake as well. */
static void test_a_message_on_either_leg_keeps_awake(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	for (size_t i = 0; i < 4; i++) {
		town_pass(evict_ms(t) * 2 / 3);
		const size_t up = t->server.messages;
		if (i % 2 == 0)
			town_ask(t, 0);
		else
			town_update(t, socket);
		town_until(t, &t->server.messages, up + 1);
		town_settle(t);
		assert_int_equal(town_awake(t), 1);
	}
	town_free(t);
}

/* An exchange that is open needs its session: the device is owed an answer. */
static void test_no_session_sleeps_amid_an_exchange(void **state)
{
	enum { GATEWAY_TIMEOUT = 164 };
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	t->server.swallows = true;
	town_update(t, socket);
	town_turns(t, QUIET_TURNS);
	town_pass(evict_ms(t) + 5 * second_ms);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 1);
	town_pass(t->conf.relay_answer_s * second_ms);
	town_until(t, &t->devices.messages, 2);
	assert_int_equal(t->devices.code, GATEWAY_TIMEOUT);
	town_pass(evict_ms(t) + 5 * second_ms);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 0);
	t->server.swallows = false;
	town_updated(t, socket);
	town_free(t);
}

/* S9: what is not durable cannot sleep. */
static void test_S9_no_session_sleeps_before_it_is_durable(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_socket(t, 0);
	town_stall(t);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 1);
	town_pass(2 * evict_ms(t));
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 1);
	town_go_on(t);
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, 1);
	town_free(t);
}

/* TERM: everybody sleeps, nobody is told, and the next process goes on. */
static void test_at_the_end_everybody_sleeps(void **state)
{
	(void)state;
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	size_t sockets[TOWN_DEVICES];
	for (size_t i = 0; i < TOWN_DEVICES; i++)
		sockets[i] = town_registered(t, i, i % 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(inbox_post(t->inboxes[i], INBOX_SURE, GW_STOP, NULL, 0));
	for (size_t i = 0; i < 200 && town_awake(t) > 0; i++) {
		town_turns(t, 2);
		(void)town_do(t, NULL, NULL);
	}
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(t->devices.downs + t->server.downs, 0);
	town_restart(t, TOWN_KILLED);
	for (size_t i = 0; i < TOWN_DEVICES; i++)
		town_updated(t, sockets[i]);
	assert_int_equal(t->devices.ups + t->server.ups, 2 * TOWN_DEVICES);
	town_assert_nonces(&t->devices);
	town_assert_nonces(&t->server);
	town_free(t);
}

/* --- who may not wake ------------------------------------------------------------------------- */

/* Sheet 0 of the tape, with a number that is yet to come, and a tag that is not right. */
static void forge(struct town_peer *p, uint32_t number)
{
	struct town_sheet *const s = &p->tape[0];
	for (size_t i = 0; i < sizeof(number); i++)
		s->data[LAST_SEQ_AT - i] = (uint8_t)(number >> 8 * i);
	s->data[s->len - 1] ^= (uint8_t)(number | 1);
	town_replay(p, 0);
}

static void test_S24_forged_records_do_not_wake(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	struct store_session row;
	t->devices.tapes = true;
	town_updated(t, socket);
	t->devices.tapes = false;
	town_night(t);
	const struct gw_worker *const w = t->workers[0];
	const uint64_t unseals = store_stats(t->store).unseals,
		       commits = store_stats(t->store).commits;
	const size_t up = t->server.messages;
	for (uint32_t i = 0; i < FLOOD; i++) {
		forge(&t->devices, 1000 + i);
		if (i % 16 == 0)
			town_turn(t);
	}
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(w->ops, 0);
	assert_int_equal(dtls_stats(w->dtls).conns, 0);
	assert_int_equal(t->server.messages, up);
	assert_int_equal(store_stats(t->store).commits, commits);
	const uint64_t tried = store_stats(t->store).unseals - unseals;
	assert_true(tried > 0 && tried < FLOOD / 10); /* they are slowed down */
	assert_true(town_row(t, 0, &row));
	assert_true(atomic_load(&store_slot(t->store, row.device)->forged) > 0); /* S23 */
	town_pass(60 * second_ms);
	town_updated(t, socket); /* and nothing has become of it */
	assert_int_equal(t->devices.ups, 1);
	town_free(t);
}

/* The same for links. */
static void test_S24_forged_records_do_not_wake_links(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	(void)town_registered(t, 0, 0);
	t->server.tapes = true;
	const size_t up = t->server.messages, down = t->devices.messages;
	town_ask(t, 0);
	town_until(t, &t->server.messages, up + 1);
	t->server.tapes = false;
	town_night(t);
	const uint64_t unseals = store_stats(t->store).unseals;
	for (uint32_t i = 0; i < FLOOD; i++) {
		forge(&t->server, 1000 + i);
		if (i % 16 == 0)
			town_turn(t);
	}
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(t->devices.messages, down + 1);
	assert_true(store_stats(t->store).unseals - unseals < FLOOD / 10);
	town_pass(60 * second_ms);
	town_ask(t, 0);
	town_until(t, &t->server.messages, up + 2);
	assert_int_equal(t->server.ups, 1);
	town_free(t);
}

/* I6: who sleeps, and who is not there, takes nothing, whatever comes. */
static void test_S24_a_flood_of_forged_records_leaves_no_memory(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	t->devices.tapes = true;
	town_updated(t, socket);
	t->devices.tapes = false;
	const size_t strangers = town_socket(t, 0);
	town_night(t);
	const struct gw_worker *const w = t->workers[0];
	const uint64_t file_bytes = store_stats(t->store).file_bytes;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 100; i++) {
			t->devices.tape[0].path.sock = (uint32_t)(i % 2 ? socket : strangers);
			forge(&t->devices, 1000 + i + 100 * round);
		}
		town_turns(t, 4);
		town_pass(40 * second_ms); /* and again as many may be tried */
	}
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(w->ops, 0);
	assert_int_equal(dtls_stats(w->dtls).conns, 0);
	assert_int_equal(dtls_stats(w->dtls).handshakes, 0);
	assert_int_equal(w->session_pool.used, 0);
	assert_int_equal(w->op_pool.used, 0);
	assert_true(store_stats(t->store).file_bytes == file_bytes);
	town_pass(40 * second_ms);
	town_updated(t, socket);
	town_free(t);
}

/* S23, R-130: after so many wrong tags under one key nothing is let in, and its peer is told. */
static void test_S23_the_budget_of_wrong_tags_is_kept_asleep(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	uint32_t number = 1000;
	t->devices.tapes = true;
	town_updated(t, socket);
	t->devices.tapes = false;
	town_night(t);
	for (size_t tried = 0; tried < GW_FORGED_MAX; tried++) {
		forge(&t->devices, number++);
		town_turn(t);
		if (tried % 16 == 0)
			town_pass(40 * second_ms);
		if (tried == GW_FORGED_MAX / 2)
			town_restart(t, TOWN_KILLED); /* it is counted on */
	}
	assert_int_equal(t->devices.downs, 0); /* a stranger alone ends nothing */
	town_pass(40 * second_ms);
	const size_t up = t->server.messages;
	town_update(t, socket);
	town_until(t, &t->devices.downs, 1);
	town_settle(t);
	assert_int_equal(t->server.messages, up);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 2);
	town_updated(t, socket);
	town_free(t);
}

/* --- the end of sleepers ---------------------------------------------------------------------- */

static void due(struct town *t, size_t worker, size_t device)
{
	const uint32_t cred = town_cred(device);
	assert_true(inbox_post(t->inboxes[worker], INBOX_SURE, GW_DUE, &cred, sizeof(cred)));
}

static void ends_with_its_registration(bool killed)
{
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 1);
	struct store_session row;
	uint64_t after_ms = 0;
	uint32_t after_cred = 0;
	town_night(t);
	struct store_reader *const r = store_reader_new(t->store);
	assert_int_equal(store_next_deadline(
				 r, store_time(t->store, town_clock_ms()), &after_ms, &after_cred),
		STORE_NONE);
	town_pass(2 * day_ms);
	assert_int_equal(store_next_deadline(
				 r, store_time(t->store, town_clock_ms()), &after_ms, &after_cred),
		STORE_OK);
	assert_int_equal(after_cred, town_cred(0));
	store_reader_free(r);
	if (killed)
		town_restart(t, TOWN_KILLED);
	due(t, 1, 0);
	town_until(t, &t->server.downs, 1); /* close_notify */
	town_settle(t);
	assert_true(!town_row(t, 0, &row) || (!row.registered && row.link == STORE_NO_SLOT));
	assert_int_equal(town_registrations(t), 0);
	assert_int_equal(
		t->devices.downs, 0); /* it may register again, over the same association */
	town_night(t);
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, 2);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	assert_int_equal(t->devices.ups, 1);
	town_free(t);
}

static void test_a_sleepers_registration_ends_in_time(void **state)
{
	(void)state;
	ends_with_its_registration(false);
	ends_with_its_registration(true);
}

/* Asked too early, or of somebody who is awake. */
static void test_what_is_not_due_goes_on(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	due(t, 0, 0);
	due(t, 0, 1); /* of whom nothing is known */
	town_turns(t, QUIET_TURNS);
	town_night(t);
	due(t, 0, 0);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_registrations(t), 1);
	town_updated(t, socket);
	assert_int_equal(t->devices.downs + t->server.downs, 0);
	assert_int_equal(t->devices.ups + t->server.ups, 2);
	town_free(t);
}

/* A registration of a device that cannot be woken: its association is gone with the power. */
static void test_the_registration_of_a_lapsed_sleeper_ends(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, true);
	(void)town_registered(t, 0, 0);
	struct store_session row;
	town_night(t);
	town_restart(t, TOWN_DARK);
	town_pass(2 * day_ms);
	due(t, 0, 0);
	town_turns(t, QUIET_TURNS);
	town_settle(t);
	assert_true(!town_row(t, 0, &row) || !row.registered);
	uint64_t after_ms = 0;
	uint32_t after_cred = 0;
	struct store_reader *const r = store_reader_new(t->store);
	assert_int_equal(
		store_next_deadline(r, UINT64_MAX - 1, &after_ms, &after_cred), STORE_NONE);
	store_reader_free(r);
	town_free(t);
}

static bool closed(struct town *t, size_t worker, size_t device)
{
	struct gw_ask *const a = gw_ask_new(GW_ASK_CLOSE, town_cred(device));
	assert_non_null(a);
	assert_true(gw_ask_post(a, t->inboxes[worker]));
	for (size_t i = 0; i < QUIET_TURNS && !gw_ask_wait(a, 0); i++)
		town_turn(t);
	assert_true(gw_ask_wait(a, 0));
	const bool good = a->good;
	gw_ask_release(a);
	return good;
}

static void test_R220_an_operator_closes_a_sleeper(void **state)
{
	(void)state;
	for (int killed = 0; killed < 2; killed++) {
		struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
		const size_t socket = town_registered(t, 0, 1);
		struct store_session row;
		town_night(t);
		if (killed)
			town_restart(t, TOWN_KILLED);
		assert_false(closed(t, 0, 0)); /* the other one's */
		assert_false(closed(t, 1, 1));
		assert_true(closed(t, 1, 0));
		town_until(t, &t->devices.downs, 1); /* both are told */
		town_until(t, &t->server.downs, 1);
		town_settle(t);
		assert_int_equal(town_awake(t), 0);
		assert_false(town_row(t, 0, &row));
		assert_int_equal(store_stats(t->store).associations, 0);
		town_assert_nonces(&t->devices);
		town_connect(t, 0, socket);
		town_until(t, &t->devices.ups, 2);
		town_free(t);
	}
}

/* The server answers our close_notify while the row of the link is still there: that is no
   sleeper. */
static void test_S8_who_is_just_being_forgotten_is_not_woken(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	town_stall(t);
	dtls_close(t->devices.dtls, t->devices.conns[socket]);
	t->devices.conns[socket] = NULL;
	town_until(t, &t->server.downs, 1);
	town_turns(t, QUIET_TURNS);
	const struct dtls_stats s = dtls_stats(t->workers[0]->dtls);
	assert_int_equal(s.woken + s.unproven, 0);
	town_go_on(t);
	town_settle(t);
	assert_int_equal(store_stats(t->store).associations, 0);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S8_who_is_just_being_forgotten_is_not_woken),
		cmocka_unit_test(test_sessions_sleep_when_they_are_idle_for_long),
		cmocka_unit_test(test_a_message_on_either_leg_keeps_awake),
		cmocka_unit_test(test_no_session_sleeps_amid_an_exchange),
		cmocka_unit_test(test_S9_no_session_sleeps_before_it_is_durable),
		cmocka_unit_test(test_at_the_end_everybody_sleeps),
		cmocka_unit_test(test_S24_forged_records_do_not_wake),
		cmocka_unit_test(test_S24_forged_records_do_not_wake_links),
		cmocka_unit_test(test_S24_a_flood_of_forged_records_leaves_no_memory),
		cmocka_unit_test(test_S23_the_budget_of_wrong_tags_is_kept_asleep),
		cmocka_unit_test(test_a_sleepers_registration_ends_in_time),
		cmocka_unit_test(test_what_is_not_due_goes_on),
		cmocka_unit_test(test_the_registration_of_a_lapsed_sleeper_ends),
		cmocka_unit_test(test_R220_an_operator_closes_a_sleeper),
	};
	return cmocka_run_group_tests_name("gateway/doze", tests, NULL, NULL);
}
