/* SPDX-License-Identifier: Apache-2.0 */
/* Bootstraps that do not go as they should, and what was learned and is never proved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/gateway_parts.h"
#include "gateway/session.h"
#include "io/inbox.h"
#include "school.h"

enum { NEW = 7, REFUSES = 134, SECOND = 1000 };

static size_t known(struct town *t)
{
	const size_t socket = town_socket(t, 0), ups = t->devices.ups;
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, ups + 1);
	return socket;
}

static void assert_nothing(struct town *t)
{
	struct store_staged s;
	assert_false(school_staged(t, 0, &s));
}

/* --- breaks ----------------------------------------------------------------------------------- */

static void test_what_the_device_refuses_to_finish_is_given_up(void **state)
{
	(void)state;
	struct town *const t = school_new();
	size_t socket = known(t);
	school_bootstrap(t, socket, "next", NEW, false);
	school_answer(t, socket, REFUSES);
	town_settle(t);
	assert_nothing(t);
	school_assert_told(t, GW_ENTRY_STAGED, "");
	school_assert_told(t, GW_ENTRY_LAPSED, "not finished with it");
	assert_false(school_comes(t, &socket, "next", NEW));
	assert_true(school_comes_as_before(t, &socket));
	school_free(t);
}

static void write_uri(struct town *t, size_t socket, const char *uri)
{
	uint8_t key[SCHOOL_KEY];
	school_key(NEW, key);
	const struct school_account a = { .uri = uri,
		.identity = "next",
		.identity_len = 4,
		.key = key,
		.key_len = sizeof(key) };
	school_write(t, 0, &a);
	school_answer(t, socket, TOWN_CODE_CHANGED);
}

/* The answer to the second Finish is lost: the device has said already that it has this. */
static void test_S31_what_is_armed_and_written_the_same_again_stays_armed(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	struct store_staged s;
	school_bootstrap(t, socket, "next", NEW, true);
	assert_true(school_staged(t, 0, &s));
	assert_true(s.armed);
	school_bootstrap(t, socket, "next", NEW, false);
	assert_true(school_staged(t, 0, &s));
	assert_true(s.armed);
	school_free(t);
}

/* Finish, a Write beside it, the device's answer to that Finish, and another Finish. */
static void test_S31_what_is_written_beside_a_finish_is_learned_at_the_next(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	struct store_staged s;
	uint8_t key[SCHOOL_KEY], answer[6];
	school_key(NEW + 1, key);
	const struct school_account a = { .uri = SCHOOL_URI,
		.identity = "then",
		.identity_len = 4,
		.key = key,
		.key_len = sizeof(key) };
	school_bootstrap(t, socket, "next", NEW, false);
	memcpy(answer, t->devices.last, sizeof(answer));
	school_write(t, 0, &a);
	answer[0] = 0x62;
	answer[1] = TOWN_CODE_CHANGED;
	size_t before = t->server.messages;
	assert_int_equal(
		dtls_send(t->devices.dtls, t->devices.conns[socket], answer, sizeof(answer)),
		DTLS_OK);
	town_until(t, &t->server.messages, before + 1);
	school_answer(t, socket, TOWN_CODE_CHANGED); /* the Write */
	before = t->devices.messages;
	school_finish(t, 0);
	town_until(t, &t->devices.messages, before + 1);
	school_answer(t, socket, TOWN_CODE_CHANGED);
	town_settle(t);
	assert_true(school_staged(t, 0, &s));
	assert_memory_equal(s.identity, "then", 4);
	assert_true(s.armed);
	school_free(t);
}

/* The server goes on after a Finish that was not answered, and then the device has it no more. */
static void test_S31_what_was_written_over_is_not_armed(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	school_bootstrap(t, socket, "next", NEW, false);
	school_assert_told(t, GW_ENTRY_STAGED, "");
	write_uri(t, socket, "coaps://other.example:5684");
	const size_t messages = t->devices.messages;
	school_finish(t, 0);
	town_until(t, &t->devices.messages, messages + 1);
	school_answer(t, socket, TOWN_CODE_CHANGED);
	town_settle(t);
	assert_nothing(t);
	school_assert_told(t, GW_ENTRY_LAPSED, "not finished with it");
	court_assert_silent(t);
	school_free(t);
}

/* A kill between the server's Finish and the device's answer: the device has the new one, maybe. */
static void test_S31_a_kill_before_the_answer_leaves_both(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct town *const t = school_new();
		size_t socket = known(t);
		struct store_staged s;
		school_bootstrap(t, socket, "next", NEW, false);
		school_restart(t);
		assert_true(school_staged(t, 0, &s));
		assert_false(s.armed);
		if (how)
			assert_true(school_comes_as_before(t, &socket));
		assert_true(school_comes(t, &socket, "next", NEW));
		assert_nothing(t);
		school_free(t);
	}
}

/* A handshake in the middle of it: what comes after that is another bootstrap's. */
static void test_S31_a_new_association_ends_what_was_being_learned(void **state)
{
	(void)state;
	struct town *const t = school_new();
	size_t socket = known(t);
	school_teach(t, socket, "next", NEW);
	assert_int_equal(t->workers[0]->learnings, 1);
	assert_true(school_comes_as_before(t, &socket));
	assert_int_equal(t->workers[0]->learnings, 0);
	school_finish(t, 0);
	town_settle(t);
	assert_nothing(t);
	court_assert_silent(t);
	school_free(t);
}

/* Another identity's handshake takes the device's path while the server finishes. */
static void test_S31_a_finish_while_another_takes_the_path_stages_nothing_new(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	school_bootstrap(t, socket, "next", NEW, false);
	town_reboot(t);
	const size_t ups = t->devices.ups;
	town_connect(t, 1, socket);
	for (size_t i = 0; i < 400 && t->devices.ups == ups; i++) {
		if (t->server.conns[0])
			school_finish(t, 0);
		town_turns(t, 1);
	}
	assert_int_equal(t->devices.ups, ups + 1);
	town_settle(t);
	assert_int_equal(t->workers[0]->learnings, 0);
	school_free(t);
}

/* Its path is another's by now, and the turn is not over: the session hears the Finish yet. */
static void test_S31_a_finish_for_a_device_that_is_gone_is_not_learned_from(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	uint8_t finish[] = { 0x42, 2, 0x77, 0x77, 'b', 'z', 0xb2, 'b', 's' };
	school_teach(t, socket, "next", NEW);
	struct gw_session *const s = town_session(t, 0, 0);
	assert_non_null(s);
	assert_non_null(s->learning);
	struct dtls_conn *const was = s->legs[GW_DEVICE].conn;
	s->legs[GW_DEVICE].conn = NULL; /* as when its connection is replaced */
	gw_session_loosen(s);
	gw_session_message(s, GW_LINK, finish, sizeof(finish));
	s->legs[GW_DEVICE].conn = was;
	assert_null(s->learning);
	town_settle(t);
	assert_nothing(t);
	school_free(t);
}

static void test_I5_the_end_of_a_session_ends_its_learning(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	school_teach(t, socket, "next", NEW);
	assert_int_equal(t->workers[0]->learnings, 1);
	dtls_close(t->devices.dtls, t->devices.conns[socket]);
	t->devices.conns[socket] = NULL;
	town_settle(t);
	assert_int_equal(t->workers[0]->learnings, 0);
	assert_int_equal(town_awake(t), 0);
	school_free(t);
}

/* --- meanwhile -------------------------------------------------------------------------------- */

static void test_S31_nothing_is_unrevoked(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	static struct store_cred c;
	school_teach(t, socket, "next", NEW);
	town_revoke(t, 0);
	const size_t answers = t->server.messages;
	school_finish(t, 0);
	town_until(t, &t->server.messages, answers + 1);
	assert_int_equal(t->server.code, SCHOOL_NOT_ACCEPTABLE);
	town_settle(t);
	assert_nothing(t);
	school_cred(t, 0, &c);
	assert_int_equal(c.state, STORE_CRED_REVOKED);
	school_assert_told(t, GW_ENTRY_NOT_LEARNED, "withdrawn");
	school_free(t);
}

static void test_S31_a_revocation_takes_what_is_staged_along(void **state)
{
	(void)state;
	struct town *const t = school_new();
	size_t socket = known(t);
	school_bootstrap(t, socket, "next", NEW, true);
	town_revoke(t, 0);
	town_settle(t);
	assert_nothing(t);
	assert_false(school_comes(t, &socket, "next", NEW));
	school_free(t);
}

struct revoking {
	struct store_op op;
	enum store_result result;
	bool is_done;
};

static enum store_result run_revoke(struct store_txn *x, struct store_op *op)
{
	(void)op;
	return store_cred_revoke(x, town_cred(0), STORE_BY_CONTROL);
}

static void done_revoke(struct store_op *op, enum store_result r)
{
	struct revoking *const x = CONTAINER_OF(op, struct revoking, op);
	x->result = r;
	x->is_done = true;
}

/* The withdrawal is on its way into the store when the server finishes: the transaction knows. */
static void test_S28_a_revocation_that_comes_first_wins(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	static struct revoking x;
	x = (struct revoking){ .op = { .run = run_revoke, .done = done_revoke } };
	school_teach(t, socket, "next", NEW);
	town_settle(t);
	town_stall(t);
	store_submit(t->store, &x.op);
	const size_t messages = t->devices.messages;
	school_finish(t, 0);
	town_turns(t, COURT_QUIET_TURNS);
	town_go_on(t);
	town_until(t, &t->devices.messages, messages + 1); /* it passes, as it was told good */
	assert_int_equal(x.result, STORE_OK);
	assert_nothing(t);
	school_assert_told(t, GW_ENTRY_NOT_LEARNED, "meanwhile");
	school_answer(t, socket, TOWN_CODE_CHANGED);
	town_settle(t);
	court_assert_silent(t);
	school_free(t);
}

/* Labels are the operator's: the device's answer arms what it has all the same. */
static void test_S31_a_change_of_labels_before_the_answer_is_no_harm(void **state)
{
	(void)state;
	struct town *const t = school_new();
	size_t socket = known(t);
	struct store_staged s;
	static struct store_cred c;
	school_bootstrap(t, socket, "next", NEW, false);
	court_change(t, 0, court_label);
	school_answer(t, socket, TOWN_CODE_CHANGED);
	town_settle(t);
	assert_true(school_staged(t, 0, &s));
	assert_true(s.armed);
	assert_true(school_comes(t, &socket, "next", NEW));
	school_cred(t, 0, &c);
	assert_string_equal(c.labels[0], "l0");
	assert_memory_equal(c.identity, "next", 4);
	school_free(t);
}

static void test_a_store_that_fails_is_told_and_the_bootstrap_goes_on(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	school_teach(t, socket, "next", NEW);
	town_settle(t);
	town_hush(t);
	const size_t messages = t->devices.messages;
	town_fail(t, STORE_FULL, 1000);
	school_finish(t, 0);
	town_until(t, &t->devices.messages, messages + 1);
	school_assert_told(t, GW_ENTRY_NOT_LEARNED, "full");
	town_fail(t, STORE_FULL, 0);
	assert_nothing(t);
	school_free(t);
}

/* --- the clock -------------------------------------------------------------------------------- */

static struct gw_gateway *main_thread(struct town *t)
{
	static const struct log quiet = { .fd = 2, .level = LOG_LEVEL_ERROR, .name = "due" };
	struct gw_gateway *const g = calloc(1, sizeof(*g));
	assert_non_null(g);
	g->shared = t->shared;
	g->log = &quiet;
	g->len = g->running = t->workers_len;
	memcpy(g->inboxes, t->inboxes, sizeof(t->inboxes));
	g->reader = store_reader_new(t->store);
	g->loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(g->reader);
	assert_non_null(g->loop);
	gw_sweeping_begin(g);
	gw_due_begin(g);
	return g;
}

static void main_thread_end(struct gw_gateway *g)
{
	gw_due_end(g);
	gw_sweeping_end(g);
	store_reader_free(g->reader);
	ev_loop_destroy(g->loop);
	free(g);
}

static void look(struct town *t, struct gw_gateway *g)
{
	ev_invoke(g->loop, &g->due, EV_TIMER);
	town_turns(t, 2);
}

static void test_S31_what_is_armed_counts_when_its_time_is_over(void **state)
{
	(void)state;
	struct town *const t = school_new_under(
		court_rules("\"credential-replaced\"", "\"teardown\"", "\"keep\"", ""));
	size_t socket = known(t);
	static struct store_cred c;
	struct gw_entry e;
	school_bootstrap(t, socket, "next", NEW, true);
	school_assert_told(t, GW_ENTRY_STAGED, "");
	school_assert_told(t, GW_ENTRY_ARMED, "");
	struct gw_gateway *const g = main_thread(t);
	look(t, g);
	court_assert_silent(t);
	assert_non_null(town_session(t, 0, 0)); /* an hour before its time */
	town_pass((uint64_t)(SCHOOL_SETTLE_S + 1) * SECOND);
	look(t, g);
	school_assert_told(t, GW_ENTRY_LEARNED, "time to be proved is over");
	town_until(t, &t->devices.downs, 1); /* and the policy is asked about who is in */
	town_settle(t);
	assert_true(court_entry(t, &e));
	assert_int_equal(e.kind, GW_ENTRY_DECISION);
	assert_int_equal(e.event, POLICY_CRED_REPLACED);
	school_cred(t, 0, &c);
	assert_memory_equal(c.identity, "next", 4);
	assert_nothing(t);
	look(t, g);
	court_assert_silent(t);
	assert_false(school_comes_as_before(t, &socket));
	assert_true(school_comes(t, &socket, "next", NEW));
	main_thread_end(g);
	school_free(t);
}

static void test_S31_what_is_not_armed_lapses(void **state)
{
	(void)state;
	struct town *const t = school_new_under(
		court_rules("\"credential-replaced\"", "\"teardown\"", "\"keep\"", ""));
	size_t socket = known(t);
	school_bootstrap(t, socket, "next", NEW, false);
	school_assert_told(t, GW_ENTRY_STAGED, "");
	/* It was over before this run of the gateway began. */
	town_pass((uint64_t)(SCHOOL_SETTLE_S + 1) * SECOND);
	struct gw_gateway *const g = main_thread(t);
	look(t, g);
	school_assert_told(t, GW_ENTRY_LAPSED, "neither proved it nor finished");
	town_turns(t, COURT_QUIET_TURNS);
	assert_int_equal(t->devices.downs, 0);
	court_assert_silent(t);
	look(t, g);
	court_assert_silent(t);
	assert_false(school_comes(t, &socket, "next", NEW));
	assert_true(school_comes_as_before(t, &socket));
	main_thread_end(g);
	school_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_device_refuses_to_finish_is_given_up),
		cmocka_unit_test(test_S31_what_is_armed_and_written_the_same_again_stays_armed),
		cmocka_unit_test(test_S31_what_is_written_beside_a_finish_is_learned_at_the_next),
		cmocka_unit_test(test_S31_what_was_written_over_is_not_armed),
		cmocka_unit_test(test_S31_a_kill_before_the_answer_leaves_both),
		cmocka_unit_test(test_S31_a_new_association_ends_what_was_being_learned),
		cmocka_unit_test(test_S31_a_finish_while_another_takes_the_path_stages_nothing_new),
		cmocka_unit_test(test_S31_a_finish_for_a_device_that_is_gone_is_not_learned_from),
		cmocka_unit_test(test_I5_the_end_of_a_session_ends_its_learning),
		cmocka_unit_test(test_S31_nothing_is_unrevoked),
		cmocka_unit_test(test_S31_a_revocation_takes_what_is_staged_along),
		cmocka_unit_test(test_S28_a_revocation_that_comes_first_wins),
		cmocka_unit_test(test_S31_a_change_of_labels_before_the_answer_is_no_harm),
		cmocka_unit_test(test_a_store_that_fails_is_told_and_the_bootstrap_goes_on),
		cmocka_unit_test(test_S31_what_is_armed_counts_when_its_time_is_over),
		cmocka_unit_test(test_S31_what_is_not_armed_lapses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
