/* SPDX-License-Identifier: Apache-2.0 */
/* I8: what waits somewhere, for whatever reason, does not go on before its session is judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/config.h"
#include "court.h"
#include "gateway/seats.h"
#include "gateway/session.h"
#include "io/inbox.h"
#include "io/sources.h"
#include "town_moves.h"

#define REVOKED  "\"credential-revoked\""
#define TEARDOWN "\"teardown\""

static struct town *court_of(size_t workers, const char *event)
{
	const struct town_cids cids = { .gateway = true };
	struct town *const t = town_new_kept(workers, CONF_POWER_RESUME, false);
	t->chronicle = inbox_new();
	t->shared.chronicle = t->chronicle;
	court_reload(t, court_rules(event, TEARDOWN, TEARDOWN, ""));
	town_use_cids(t, &cids);
	return t;
}

/* The worker may not judge of itself for a long time: only a message, or the sweep, makes it. */
static void use_up_the_pace(struct town *t)
{
	t->conf.policy_pace = 1;
	for (size_t i = 0; i < t->workers_len; i++)
		t->workers[i]->paced_us = UINT64_MAX / 2;
}

/* --- another worker has claimed it ------------------------------------------------------------ */

/* Its operations end first; but what waits for them is not its to pass on any more. */
static void test_R109_who_was_claimed_passes_nothing_more(void **state)
{
	(void)state;
	struct town *t = court_of(2, REVOKED);
	const size_t first = town_registered(t, 0, 0);
	const size_t up = t->server.messages, ups = t->devices.ups;
	struct gw_session *const s = town_session(t, 0, 0);
	town_settle(t);
	town_stall(t);
	town_update(t, first);
	town_until(t, &t->server.messages, up + 1);
	town_turns(t, COURT_QUIET_TURNS); /* the answer is being written down */
	assert_int_equal(s->ops, 1);
	town_update(t, first);
	town_turns(t, COURT_QUIET_TURNS);
	const size_t second = town_socket(t, 1);
	town_connect(t, 0, second);
	town_until(t, &t->devices.ups, ups + 1);
	town_turns(t, COURT_QUIET_TURNS);
	assert_int_not_equal(s->heir, 0);
	town_go_on(t);
	town_settle(t);
	assert_int_equal(t->server.messages, up + 1);
	assert_non_null(town_session(t, 1, 0));
	town_updated(t, second);
	assert_int_equal(town_awake(t), 1);
	court_free(t);
}

/* The seat is another's already, and the claim is on its way. */
static void test_I8_a_change_reaches_who_has_lost_its_seat(void **state)
{
	(void)state;
	for (int swept = 0; swept < 2; swept++) {
		struct town *t = court_of(2, REVOKED);
		const size_t socket = town_registered(t, 0, 0);
		town_settle(t);
		(void)gw_seat_take(gw_seat(t->shared.seats, town_cred(0)), 1);
		assert_null(town_session(t, 0, 0));
		town_revoke(t, 0);
		if (swept)
			court_sweep(t, 0);
		const size_t up = t->server.messages;
		town_update(t, socket);
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		assert_int_equal(t->server.messages, up);
		court_assert_said(t, GW_DONE, POLICY_CRED_REVOKED, false);
		court_free(t);
	}
}

/* --- its device is being asked where it is ---------------------------------------------------- */

static struct town *somewhere_else(const char *event)
{
	struct town *const t = court_of(1, event);
	const size_t away = town_moved(t, town_registered(t, 0, 0), 0);
	town_updated(t, away);
	town_settle(t);
	return t;
}

/* The device's answer lets the server's request go: not to who was revoked meanwhile. */
static void test_I8_what_waits_for_a_place_waits_for_its_judgement(void **state)
{
	(void)state;
	struct town *t = somewhere_else(REVOKED);
	t->devices.swallows = true;
	town_ask(t, 0);
	town_turns(t, COURT_QUIET_TURNS);
	t->devices.swallows = false;
	const size_t down = t->devices.messages;
	use_up_the_pace(t);
	town_revoke(t, 0);
	town_turns(t, COURT_QUIET_TURNS);
	town_pass(2500); /* it is asked again, and answers */
	town_until(t, &t->devices.downs, 1);
	assert_int_equal(t->devices.messages, down + 1);
	court_assert_said(t, GW_DONE, POLICY_CRED_REVOKED, false);
	court_free(t);
}

static void test_a_rule_of_moves_comes_before_what_has_waited(void **state)
{
	(void)state;
	struct town *t = somewhere_else("\"moved\"");
	const size_t down = t->devices.messages;
	town_ask(t, 0);
	town_until(t, &t->devices.downs, 1);
	assert_int_equal(t->devices.messages, down + 1); /* the question where it is */
	court_assert_said(t, GW_DONE, POLICY_MOVED, false);
	court_free(t);
}

/* Nothing was decided against it: it goes. */
static void test_what_has_waited_for_its_judgement_goes_on(void **state)
{
	(void)state;
	struct town *t = somewhere_else(REVOKED);
	t->devices.swallows = true;
	town_ask(t, 0);
	town_turns(t, COURT_QUIET_TURNS);
	t->devices.swallows = false;
	const size_t up = t->server.messages, down = t->devices.messages;
	use_up_the_pace(t);
	court_change(t, 0, court_label);
	town_turns(t, COURT_QUIET_TURNS);
	town_pass(2500);
	town_until(t, &t->server.messages, up + 1);
	assert_int_equal(t->devices.messages, down + 2);
	assert_int_equal(t->devices.downs, 0);
	court_free(t);
}

/* --- its link is being opened ----------------------------------------------------------------- */

static void test_I8_what_waits_for_a_link_waits_for_its_judgement(void **state)
{
	(void)state;
	struct town *t = court_of(1, "\"mapping-changed\"");
	const size_t socket = town_socket(t, 0);
	const struct gw_session *s = NULL;
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 1);
	town_settle(t);
	s = town_session(t, 0, 0);
	assert_non_null(s);
	use_up_the_pace(t);
	town_register(t, 0, socket);
	for (size_t i = 0; i < 100 && s->slot == SOURCES_NONE; i++)
		town_turn(t);
	assert_int_not_equal(s->slot, SOURCES_NONE);
	court_change(t, 0, court_label);
	town_until(t, &t->devices.downs, 1);
	town_settle(t);
	assert_int_equal(t->server.messages, 0);
	court_assert_said(t, GW_DONE, POLICY_MAPPING_CHANGED, false);
	court_free(t);
}

/* --- it is being made ------------------------------------------------------------------------- */

struct relabel {
	struct store_op op;
	uint32_t cred;
	bool done;
};

static enum store_result run_relabel(struct store_txn *x, struct store_op *op)
{
	struct store_cred c;
	const enum store_result r = store_read_cred(
		store_txn_reader(x), CONTAINER_OF(op, struct relabel, op)->cred, &c);
	if (r != STORE_OK)
		return r;
	court_label(&c);
	return store_cred_put(x, &c);
}

static void relabelled(struct store_op *op, enum store_result r)
{
	CONTAINER_OF(op, struct relabel, op)->done = r == STORE_OK;
}

/* The change is durable before its association is, and whoever was told had no session of it. */
static void test_I8_a_change_during_the_handshake_is_asked_about(void **state)
{
	(void)state;
	struct town *t = court_of(1, "\"mapping-changed\"");
	struct relabel x = { .op = { .run = run_relabel, .done = relabelled },
		.cred = town_cred(0) };
	const size_t socket = town_socket(t, 0);
	town_stall(t);
	store_submit(t->store, &x.op);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 1);
	town_register(t, 0, socket);
	town_turns(t, COURT_QUIET_TURNS);
	town_go_on(t);
	town_until(t, &t->devices.downs, 1);
	town_settle(t);
	assert_true(x.done);
	assert_int_equal(t->server.messages, 0);
	court_assert_said(t, GW_DONE, POLICY_MAPPING_CHANGED, false);
	court_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R109_who_was_claimed_passes_nothing_more),
		cmocka_unit_test(test_I8_a_change_reaches_who_has_lost_its_seat),
		cmocka_unit_test(test_I8_what_waits_for_a_place_waits_for_its_judgement),
		cmocka_unit_test(test_a_rule_of_moves_comes_before_what_has_waited),
		cmocka_unit_test(test_what_has_waited_for_its_judgement_goes_on),
		cmocka_unit_test(test_I8_what_waits_for_a_link_waits_for_its_judgement),
		cmocka_unit_test(test_I8_a_change_during_the_handshake_is_asked_about),
	};
	return cmocka_run_group_tests_name("gateway/judge_held", tests, NULL, NULL);
}
