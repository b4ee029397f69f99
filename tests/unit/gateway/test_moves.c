/* SPDX-License-Identifier: Apache-2.0 */
/* Devices with connection ids that come from another address: where what is for them goes, and
   what the store knows of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "io/inbox.h"
#include "town_moves.h"

enum { QUIET_TURNS = 12 };
static const uint64_t check_ms = 28000;

/* --- what an address is good for ------------------------------------------------------------- */

/* Nothing is asked of a device that only reports. */
static void test_R152_answers_go_to_the_newest_address(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct town_cids cids = {
			.gateway = true, .routability = i & 1, .device = i & 2
		};
		struct town *t = town_roaming(1, &cids);
		const size_t first = town_registered(t, 0, 0), second = town_moved(t, first, 0);
		struct store_assoc a;
		const size_t in = t->devices.in[first], up = t->server.messages;
		for (size_t k = 0; k < 3; k++)
			town_updated(t, second);
		town_settle(t);
		assert_int_equal(t->devices.in[first], in);
		assert_int_equal(t->server.messages, up + 3);
		town_where(t, 0, &a);
		assert_at(t, &a.path, first);
		assert_at(t, &a.candidate, second);
		assert_int_equal(a.moves, 0);
		assert_int_equal(t->devices.ups, 1);
		/* And where it was, if it goes back. */
		town_move(t, second, first);
		town_updated(t, first);
		town_settle(t);
		town_where(t, 0, &a);
		assert_at(t, &a.path, first);
		assert_int_equal(a.candidate.peer.family, 0);
		town_assert_nonces(&t->devices);
		town_free(t);
	}
}

static void is_reached_after_a_check(const struct town_cids *cids)
{
	struct town *t = town_roaming(1, cids);
	const size_t first = town_registered(t, 0, 0), second = town_moved(t, first, 0);
	const size_t questions = cids->routability ? 0 : 1;
	struct store_assoc a;
	town_updated(t, second);
	const size_t down = t->devices.messages, up = t->server.messages;
	town_ask(t, 0);
	town_until(t, &t->server.messages, up + 1);
	assert_int_equal(t->server.code, TOWN_CODE_CONTENT);
	assert_int_equal(t->devices.messages, down + questions + 1);
	town_settle(t);
	town_where(t, 0, &a);
	assert_at(t, &a.path, second);
	assert_int_equal(a.candidate.peer.family, 0);
	assert_int_equal(a.moves, 1);
	assert_was_at(t, &a, first);
	/* It is its address now: nothing more is asked. */
	town_ask(t, 0);
	town_until(t, &t->server.messages, up + 2);
	assert_int_equal(t->devices.messages, down + questions + 2);
	assert_true(town_is_at_rest(town_session(t, 0, 0)));
	town_assert_nonces(&t->devices);
	town_free(t);
}

static void test_R153_a_request_waits_for_RFC_9853(void **state)
{
	(void)state;
	is_reached_after_a_check(&(struct town_cids){ .gateway = true, .routability = true });
	is_reached_after_a_check(
		&(struct town_cids){ .gateway = true, .routability = true, .device = true });
}

static void test_R153_a_request_waits_for_an_answer_to_ours(void **state)
{
	(void)state;
	is_reached_after_a_check(&(struct town_cids){ .gateway = true });
	is_reached_after_a_check(&(struct town_cids){ .gateway = true, .device = true });
}

/* Several, once each, in their order. */
static void test_R279_what_waits_leaves_in_its_order(void **state)
{
	enum { REQUESTS = 5 };
	(void)state;
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(1, &cids);
	const size_t second = town_moved(t, town_registered(t, 0, 0), 0);
	town_updated(t, second);
	const size_t down = t->devices.messages, up = t->server.messages;
	const uint16_t mid = t->mid;
	for (size_t i = 0; i < REQUESTS; i++)
		town_ask(t, 0);
	town_until(t, &t->server.messages, up + REQUESTS);
	assert_int_equal(t->devices.messages, down + 1 + REQUESTS);
	/* The last answer is to the last question. */
	assert_int_equal(t->server.last[2] << 8 | t->server.last[3], mid + REQUESTS);
	town_free(t);
}

/* Somebody sends a device's record on before it arrives itself: what waits goes to the device. */
static void a_thief_gets_nothing(bool routability)
{
	const struct town_cids cids = { .gateway = true, .routability = routability };
	struct town *t = town_roaming(1, &cids);
	const size_t home = town_registered(t, 0, 0), thief = town_socket(t, 0);
	struct store_assoc a;
	town_settle(t);
	town_snatch(t, home, thief);
	town_settle(t);
	town_where(t, 0, &a);
	assert_at(t, &a.candidate, thief);
	const size_t up = t->server.messages;
	town_ask(t, 0);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up);
	for (size_t i = 0; i < 4; i++) {
		town_pass(check_ms / 3);
		town_turns(t, QUIET_TURNS);
	}
	town_until(t, &t->server.messages, up + 1);
	town_settle(t);
	assert_true(t->devices.in[thief] <= 3 * t->devices.out_of[thief]);
	town_where(t, 0, &a);
	assert_at(t, &a.path, home);
	assert_int_equal(a.candidate.peer.family, 0);
	assert_int_equal(a.moves, 0);
	town_free(t);
}

static void test_R153_who_does_not_answer_gets_nothing(void **state)
{
	(void)state;
	a_thief_gets_nothing(false);
	a_thief_gets_nothing(true);
}

/* The device itself speaks from where it was: at once. */
static void test_S26_the_next_record_from_home_undoes_it(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(1, &cids);
	const size_t home = town_registered(t, 0, 0), thief = town_socket(t, 0);
	town_settle(t);
	town_snatch(t, home, thief);
	const size_t up = t->server.messages;
	town_ask(t, 0);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up);
	town_update(t, home);
	town_until(t, &t->server.messages, up + 2);
	assert_int_equal(dtls_stats(t->workers[0]->dtls).moves, 0);
	town_free(t);
}

static void test_S26_a_replayed_record_moves_nothing(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true, .routability = true };
	for (int night = 0; night < 3; night++) {
		struct town *t = town_roaming(1, &cids);
		const size_t home = town_registered(t, 0, 0), thief = town_socket(t, 0);
		struct store_assoc a;
		t->devices.tapes = true;
		for (size_t i = 0; i < 4; i++)
			town_updated(t, home);
		t->devices.tapes = false;
		town_settle(t);
		if (night > 0)
			town_night(t);
		if (night > 1)
			town_restart(t, TOWN_KILLED);
		const size_t up = t->server.messages;
		for (size_t i = 0; i < t->devices.tape_len; i++)
			town_replay_from(&t->devices, i, thief);
		town_turns(t, QUIET_TURNS);
		assert_int_equal(t->server.messages, up);
		assert_int_equal(t->devices.in[thief], 0);
		town_where(t, 0, &a);
		assert_at(t, &a.path, home);
		assert_int_equal(a.candidate.peer.family, 0);
		town_ask(t, 0);
		town_until(t, &t->server.messages, up + 1);
		town_free(t);
	}
}

/* of what is sent on from elsewhere; each answer of the server is longer. */
static void test_R154_no_more_than_three_times_goes_there(void **state)
{
	enum { REQUESTS = 8 };
	(void)state;
	for (int rrc = 0; rrc < 2; rrc++) {
		const struct town_cids cids = { .gateway = true, .routability = rrc > 0 };
		struct town *t = town_roaming(1, &cids);
		const size_t home = town_registered(t, 0, 0), thief = town_socket(t, 0);
		town_settle(t);
		town_snatch(t, home, thief);
		t->devices.manner = TOWN_IS_MUTE;
		for (size_t i = 0; i < REQUESTS; i++) {
			town_ask(t, 0);
			town_answer_late(t, 0);
			town_pass(1000);
			town_turns(t, 4);
		}
		assert_true(t->devices.in[thief] > 0);
		assert_true(t->devices.in[thief] <= 3 * t->devices.out_of[thief]);
		town_free(t);
	}
}

/* A NAT that knows a port for one datagram only. */
static void test_R152_each_datagram_from_another_port(void **state)
{
	enum { PORTS = 24 };
	(void)state;
	for (int rrc = 0; rrc < 2; rrc++) {
		const struct town_cids cids = { .gateway = true, .routability = rrc > 0 };
		struct town *t = town_roaming(2, &cids);
		size_t at = town_registered(t, 0, 1);
		for (size_t i = 0; i < PORTS; i++) {
			at = town_moved(t, at, i % 2);
			town_updated(t, at);
			if (i % 4 != 3)
				continue;
			const size_t up = t->server.messages;
			town_ask(t, 0);
			town_until(t, &t->server.messages, up + 1);
		}
		assert_int_equal(t->devices.ups, 1);
		assert_int_equal(dtls_stats(t->workers[1]->dtls).moves, PORTS / 4);
		assert_int_equal(town_awake(t), 1);
		town_free(t);
	}
}

/* --- trust ----------------------------------------------------------------------------------- */

static void test_R153_trust_moves_at_once_but_not_for_ever(void **state)
{
	enum { TRUSTS = 8, EASE_MS = 10000 };
	(void)state;
	const struct town_cids cids = { .gateway = true, .move = CONF_MOVE_TRUST };
	struct town *t = town_roaming(1, &cids);
	size_t at = town_registered(t, 0, 0), last = at;
	struct store_assoc a;
	for (size_t i = 0; i < TRUSTS; i++) {
		last = at;
		at = town_moved(t, at, 0);
		const size_t down = t->devices.messages;
		town_updated(t, at);
		const size_t up = t->server.messages;
		town_ask(t, 0);
		town_until(t, &t->server.messages, up + 1);
		assert_int_equal(t->devices.messages, down + 2); /* nobody has asked it */
	}
	town_settle(t);
	town_where(t, 0, &a);
	assert_at(t, &a.path, at);
	assert_int_equal(a.moves, TRUSTS);
	assert_was_at(t, &a, last);
	for (int later = 0; later < 2; later++) {
		if (later)
			town_pass(EASE_MS);
		at = town_moved(t, at, 0);
		town_updated(t, at);
		town_settle(t);
		assert_int_equal(dtls_stats(t->workers[0]->dtls).moves, TRUSTS + (size_t)later);
		town_where(t, 0, &a);
		assert_int_equal(a.candidate.peer.family != 0, !later);
	}
	town_free(t);
}

/* --- over deaths and nights ------------------------------------------------------------------- */

/* S26: whatever ends it between two records of a device, the server reaches it where it is. */
static void is_found_after(int how, const struct town_cids *cids)
{
	struct town *t = town_roaming(2, cids);
	const size_t first = town_registered(t, 0, 1);
	size_t at = first;
	for (size_t i = 0; i < 3; i++) {
		at = town_moved(t, at, i % 2);
		town_updated(t, at);
		if (how == 0)
			town_night(t);
		else if (how == 1)
			town_restart(t, TOWN_KILLED);
		const size_t up = t->server.messages;
		town_ask(t, 0);
		town_until(t, &t->server.messages, up + 1);
		assert_int_equal(t->server.code, TOWN_CODE_CONTENT);
		if (how == 1)
			town_restart(t, TOWN_KILLED);
	}
	struct store_assoc a;
	town_settle(t);
	town_where(t, 0, &a);
	assert_at(t, &a.path, at);
	assert_int_equal(a.moves, 3);
	assert_int_equal(t->devices.ups, 1);
	assert_int_equal(t->server.ups, 1);
	assert_int_equal(dtls_stats(t->devices.dtls).replayed, 0);
	town_assert_nonces(&t->server);
	town_free(t);
}

static void test_S26_an_evicted_device_is_found_where_it_was_last(void **state)
{
	(void)state;
	is_found_after(0, &(struct town_cids){ .gateway = true });
	is_found_after(0, &(struct town_cids){ .gateway = true, .routability = true });
	is_found_after(0, &(struct town_cids){ .gateway = true, .move = CONF_MOVE_TRUST });
}

static void test_S26_a_killed_gateway_knows_where_a_device_was_last(void **state)
{
	(void)state;
	is_found_after(1, &(struct town_cids){ .gateway = true });
	is_found_after(1, &(struct town_cids){ .gateway = true, .routability = true });
	is_found_after(1, &(struct town_cids){ .gateway = true, .move = CONF_MOVE_TRUST });
}

/* What it says from there has no effect before the store knows the place. */
static void test_S26_the_place_is_durable_before_the_message(void **state)
{
	(void)state;
	for (int trust = 0; trust < 2; trust++) {
		const struct town_cids cids = { .gateway = true,
			.move = trust ? CONF_MOVE_TRUST : CONF_MOVE_CHECK };
		struct town *t = town_roaming(1, &cids);
		const size_t home = town_registered(t, 0, 0);
		struct store_assoc a;
		town_settle(t);
		const size_t up = t->server.messages, second = town_moved(t, home, 0);
		town_stall(t);
		town_update(t, second);
		town_turns(t, QUIET_TURNS);
		assert_int_equal(t->server.messages, up);
		/* It goes on and on: one operation at a time. */
		size_t at = second;
		for (size_t i = 0; i < 4; i++) {
			at = town_moved(t, at, 0);
			town_update(t, at);
			town_turns(t, 4);
			assert_true(t->workers[0]->ops <= 1);
		}
		assert_int_equal(t->server.messages, up);
		town_go_on(t);
		town_until(t, &t->server.messages, up + 5);
		town_settle(t);
		town_where(t, 0, &a);
		/* So many answers may have been too long for a place that is not shown to be right:
		   then it was asked. */
		assert_at(t, a.candidate.peer.family != 0 ? &a.candidate : &a.path, at);
		town_free(t);
	}
}

/* Its association is being written down with the address of its handshake. */
static void test_S26_a_device_moves_before_it_is_durable(void **state)
{
	(void)state;
	for (int trust = 0; trust < 2; trust++) {
		const struct town_cids cids = { .gateway = true,
			.move = trust ? CONF_MOVE_TRUST : CONF_MOVE_CHECK };
		struct town *t = town_roaming(1, &cids);
		const size_t first = town_socket(t, 0);
		struct store_assoc a;
		town_stall(t);
		town_connect(t, 0, first);
		town_until(t, &t->devices.ups, 1);
		const size_t second = town_moved(t, first, 0);
		town_register(t, 0, second);
		town_turns(t, QUIET_TURNS);
		town_go_on(t);
		town_until(t, &t->devices.messages, 1);
		assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
		town_settle(t);
		town_where(t, 0, &a);
		assert_at(t, trust ? &a.path : &a.candidate, second);
		town_restart(t, TOWN_KILLED);
		const size_t up = t->server.messages;
		town_ask(t, 0);
		town_until(t, &t->server.messages, up + 1);
		town_free(t);
	}
}

/* The device goes on with its next record, wherever that comes from, to the worker in its CID. */
static void test_R159_a_sleeper_is_woken_from_anywhere(void **state)
{
	(void)state;
	for (int killed = 0; killed < 2; killed++) {
		const struct town_cids cids = { .gateway = true };
		struct town *t = town_roaming(2, &cids);
		size_t at = town_registered(t, 0, 1);
		for (uint32_t i = 0; i < 4; i++) {
			town_night(t);
			if (killed)
				town_restart(t, TOWN_KILLED);
			at = town_moved(t, at, i % 2);
			town_updated(t, at);
			assert_non_null(town_session(t, 1, 0));
		}
		assert_int_equal(t->devices.ups + t->server.ups, 2);
		town_assert_nonces(&t->devices);
		town_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R152_answers_go_to_the_newest_address),
		cmocka_unit_test(test_R153_a_request_waits_for_RFC_9853),
		cmocka_unit_test(test_R153_a_request_waits_for_an_answer_to_ours),
		cmocka_unit_test(test_R279_what_waits_leaves_in_its_order),
		cmocka_unit_test(test_R153_who_does_not_answer_gets_nothing),
		cmocka_unit_test(test_S26_the_next_record_from_home_undoes_it),
		cmocka_unit_test(test_S26_a_replayed_record_moves_nothing),
		cmocka_unit_test(test_R154_no_more_than_three_times_goes_there),
		cmocka_unit_test(test_R152_each_datagram_from_another_port),
		cmocka_unit_test(test_R153_trust_moves_at_once_but_not_for_ever),
		cmocka_unit_test(test_S26_an_evicted_device_is_found_where_it_was_last),
		cmocka_unit_test(test_S26_a_killed_gateway_knows_where_a_device_was_last),
		cmocka_unit_test(test_S26_the_place_is_durable_before_the_message),
		cmocka_unit_test(test_S26_a_device_moves_before_it_is_durable),
		cmocka_unit_test(test_R159_a_sleeper_is_woken_from_anywhere),
	};
	return cmocka_run_group_tests_name("gateway/roam: moves", tests, NULL, NULL);
}
