/* SPDX-License-Identifier: Apache-2.0 */
/* What waits until the place of a device is shown to be right, and what may happen meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/hold.h"
#include "gateway/session.h"
#include "io/inbox.h"
#include "town_moves.h"

enum { QUIET_TURNS = 12 };
static const uint64_t again_ms = 2500, check_ms = 28000;

/* A device that is somewhere else, and a request for it that waits. */
static struct town *waiting(const struct town_cids *cids, size_t *home, size_t *away)
{
	struct town *const t = town_roaming(2, cids);
	*home = town_registered(t, 0, 0);
	*away = town_moved(t, *home, 1);
	town_updated(t, *away);
	town_settle(t);
	t->devices.swallows = true;
	town_ask(t, 0);
	town_turns(t, QUIET_TURNS);
	t->devices.swallows = false;
	return t;
}

/* What is lost is asked again: so often, and then it is over. */
static void test_R153_a_lost_question_is_repeated(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	size_t home, away;
	struct town *t = waiting(&cids, &home, &away);
	const size_t up = t->server.messages, down = t->devices.messages;
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.messages, down);
	town_pass(again_ms);
	town_until(t, &t->server.messages, up + 1);
	assert_int_equal(t->devices.messages, down + 2);
	town_free(t);
}

/* RFC 7252 5.2.2: the server hears of neither part, and the device is acknowledged. */
static void test_R153_an_answer_may_come_apart(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(1, &cids);
	const size_t second = town_moved(t, town_registered(t, 0, 0), 0);
	town_updated(t, second);
	town_settle(t);
	t->devices.manner = TOWN_ANSWERS_APART;
	const size_t up = t->server.messages, down = t->devices.messages;
	town_ask(t, 0);
	town_until(t, &t->server.messages, up + 2); /* ACK, 2.05: to its own request */
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up + 2);
	assert_int_equal(t->devices.messages, down + 3); /* question, ACK, request */
	town_free(t);
}

/* It is asked where it is by now, at once. */
static void test_R153_a_device_moves_while_it_is_asked(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	size_t home, away;
	struct town *t = waiting(&cids, &home, &away);
	const size_t third = town_moved(t, away, 0);
	const size_t up = t->server.messages, down = t->devices.messages;
	town_update(t, third);
	town_until(t, &t->server.messages, up + 2);
	town_settle(t);
	assert_int_equal(t->devices.messages, down + 3); /* 2.04, question, request */
	assert_int_equal(dtls_stats(t->workers[0]->dtls).moves, 1);
	town_free(t);
}

/* The first answer was late, the second was not: the server hears of neither. */
static void test_R153_a_late_answer_is_nobody_elses(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	size_t home, away;
	struct town *t = town_roaming(1, &cids);
	home = town_registered(t, 0, 0);
	away = town_moved(t, home, 0);
	town_updated(t, away);
	town_settle(t);
	const size_t up = t->server.messages, down = t->devices.messages;
	t->devices.tapes = true;
	t->devices.withholds = true;
	town_ask(t, 0);
	town_until(t, &t->devices.messages, down + 1);
	town_turns(t, 2);
	t->devices.tapes = false;
	t->devices.withholds = false;
	assert_int_equal(t->devices.tape_len, 1);
	town_pass(again_ms);
	town_until(t, &t->server.messages, up + 1);
	town_settle(t);
	town_replay(&t->devices, 0);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up + 1);
	town_updated(t, away);
	town_free(t);
}

/* RFC 9853 5.2: the device says itself that it has not moved, so nobody need wait. */
static void test_R153_the_old_address_is_asked_first(void **state)
{
	(void)state;
	const struct town_cids cids = {
		.gateway = true, .device = true, .routability = true, .move = CONF_MOVE_CHECK_OLD
	};
	struct town *t = town_roaming(1, &cids);
	const size_t home = town_registered(t, 0, 0), thief = town_socket(t, 0);
	town_settle(t);
	town_snatch(t, home, thief);
	town_settle(t);
	const size_t up = t->server.messages, in = t->devices.in[thief];
	town_ask(t, 0);
	town_until(t, &t->server.messages, up + 1);
	assert_int_equal(t->devices.in[thief], in);
	/* It has moved indeed, and says so. */
	const size_t away = town_moved(t, home, 0);
	town_updated(t, away);
	town_ask(t, 0);
	town_until(t, &t->server.messages, up + 3);
	assert_int_equal(dtls_stats(t->workers[0]->dtls).moves, 1);
	town_free(t);
}

static void say_again(struct town *t)
{
	t->mid--;
	town_ask(t, 0);
}

/* A server repeats its request, as it has no answer: one is enough. */
static void test_R154_what_is_repeated_waits_once(void **state)
{
	enum { REPEATED = 20 };
	(void)state;
	const struct town_cids cids = { .gateway = true };
	size_t home, away;
	struct town *t = waiting(&cids, &home, &away);
	t->devices.swallows = true;
	for (size_t i = 0; i < REPEATED; i++)
		say_again(t);
	town_turns(t, QUIET_TURNS);
	t->devices.swallows = false;
	const size_t up = t->server.messages, down = t->devices.messages;
	town_pass(again_ms);
	town_until(t, &t->server.messages, up + 1);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up + 1);
	assert_int_equal(t->devices.messages, down + 2);
	town_free(t);
}

/* no more than so many. */
static void test_R154_what_waits_is_bounded(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	size_t home, away;
	struct town *t = waiting(&cids, &home, &away);
	t->devices.swallows = true;
	for (size_t i = 0; i < (size_t)3 * GW_HOLD_MESSAGES; i++)
		town_ask(t, 0);
	town_turns(t, QUIET_TURNS);
	t->devices.swallows = false;
	const size_t up = t->server.messages;
	town_pass(again_ms);
	town_until(t, &t->server.messages, up + GW_HOLD_MESSAGES);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up + GW_HOLD_MESSAGES);
	town_free(t);
}

/* Whoever waits stays awake; not for ever. */
static void test_a_session_that_waits_does_not_sleep(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	size_t home, away;
	struct town *t = waiting(&cids, &home, &away);
	t->devices.manner = TOWN_IS_MUTE;
	t->conf.store_evict_after_s = 1;
	for (uint64_t ms = 0; ms + again_ms < check_ms; ms += again_ms) {
		assert_int_equal(town_awake(t), 1);
		assert_false(town_is_at_rest(town_session(t, 0, 0)));
		town_pass(again_ms);
		town_turns(t, 4);
	}
	for (size_t i = 0; i < 4; i++) {
		town_pass(again_ms);
		town_turns(t, QUIET_TURNS);
	}
	assert_int_equal(town_awake(t), 0);
	t->devices.manner = TOWN_ANSWERS;
	town_updated(t, away);
	town_free(t);
}

enum ending { HERE, ELSEWHERE, LEAVES, CHANGED, KILLED, STOPPED, WAYS }; /* shakes hands ... */

static void end_in_some_way(struct town *t, enum ending how, size_t away)
{
	const uint32_t cred = town_cred(0);
	if (how <= ELSEWHERE)
		town_reboot(t);
	if (how == LEAVES) {
		dtls_close(t->devices.dtls, t->devices.conns[away]);
		t->devices.conns[away] = NULL;
	}
	if (how == CHANGED)
		assert_true(inbox_post(t->inboxes[0], INBOX_SURE, GW_CHANGED, &cred, sizeof(cred)));
	for (size_t i = 0; how == STOPPED && i < 2; i++)
		assert_true(inbox_post(t->inboxes[i], INBOX_SURE, GW_STOP, NULL, 0));
	if (how == STOPPED)
		town_turns(t, QUIET_TURNS);
	if (how >= KILLED)
		town_restart(t, TOWN_KILLED);
	if (how == LEAVES || how == CHANGED)
		town_turns(t, QUIET_TURNS);
}

/* Whatever ends it, nothing of it is left, and the device goes on. */
static void test_what_waits_ends_with_its_association(void **state)
{
	(void)state;
	for (int how = 0; how < WAYS; how++) {
		const struct town_cids cids = { .gateway = true };
		size_t home, away;
		struct town *t = waiting(&cids, &home, &away);
		const size_t ups = t->devices.ups;
		end_in_some_way(t, (enum ending)how, away);
		const size_t at = how == HERE ? home : away, up = t->server.messages;
		if (how < KILLED) {
			town_connect(t, 0, at);
			town_until(t, &t->devices.ups, ups + 1);
			town_register(t, 0, at);
		} else {
			town_update(t, at);
		}
		town_until(t, &t->server.messages, up + 1);
		const size_t down = t->devices.messages;
		for (size_t i = 0; i < 4; i++) {
			town_pass(check_ms / 2);
			town_turns(t, QUIET_TURNS);
		}
		assert_true(t->devices.messages <= down + 1); /* 2.01 or 2.04 */
		assert_true(t->devices.code != TOWN_CODE_GET);
		town_ask(t, 0);
		town_until(t, &t->server.messages, up + 2);
		town_settle(t);
		town_free(t);
	}
}

/* Links have CIDs, too: they sleep, and wake for either side; their sockets do not follow. */
static void test_R159_links_with_CIDs_sleep_and_wake(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true, .links = true, .server = true };
	struct town *t = town_roaming(2, &cids);
	size_t at = town_registered(t, 0, 1);
	for (uint32_t i = 0; i < 4; i++) {
		at = town_moved(t, at, i % 2);
		town_updated(t, at);
		if (i % 2 == 0)
			town_night(t);
		else
			town_restart(t, TOWN_KILLED);
		const size_t up = t->server.messages;
		town_ask(t, 0);
		town_until(t, &t->server.messages, up + 1);
	}
	struct store_session row;
	struct store_assoc a;
	town_settle(t);
	assert_true(town_row(t, 0, &row) && town_assoc(t, row.link, &a));
	assert_true(a.cid_len > 0);
	assert_int_equal(a.moves, 0);
	assert_int_equal(t->server.ups, 1);
	assert_int_equal(store_stats(t->store).associations, 2);
	town_assert_nonces(&t->server);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R153_a_lost_question_is_repeated),
		cmocka_unit_test(test_R153_an_answer_may_come_apart),
		cmocka_unit_test(test_R153_a_device_moves_while_it_is_asked),
		cmocka_unit_test(test_R153_a_late_answer_is_nobody_elses),
		cmocka_unit_test(test_R153_the_old_address_is_asked_first),
		cmocka_unit_test(test_R154_what_is_repeated_waits_once),
		cmocka_unit_test(test_R154_what_waits_is_bounded),
		cmocka_unit_test(test_a_session_that_waits_does_not_sleep),
		cmocka_unit_test(test_what_waits_ends_with_its_association),
		cmocka_unit_test(test_R159_links_with_CIDs_sleep_and_wake),
	};
	return cmocka_run_group_tests_name("gateway/roam: waiting", tests, NULL, NULL);
}
