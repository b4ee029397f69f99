/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/ask.h"
#include "gateway/session.h"
#include "town.h"

enum { PIECES = 3, TURNS_MAX = 20 };

/* A list of all sessions may be long: what devices send comes in between. */
static void test_I8_a_long_answer_is_written_a_piece_a_turn(void **state)
{
	(void)state;
	struct town *t = town_new(1, true, true);
	struct gw_worker *w = t->workers[0];
	struct gw_session *many = calloc((size_t)PIECES * GW_ASK_PIECE, sizeof(*many));
	assert_non_null(many);
	for (size_t i = 0; i + 1 < (size_t)PIECES * GW_ASK_PIECE; i++)
		many[i].next = &many[i + 1];
	assert_null(w->sessions);
	w->sessions = many;
	struct gw_ask *a = gw_ask_new(GW_ASK_SESSIONS, 0);
	assert_non_null(a);
	assert_true(gw_ask_post(a, t->inboxes[0]));
	for (size_t i = 1; i < PIECES; i++) {
		gw_worker_turn(w);
		assert_ptr_equal(w->ask_next, &many[i * GW_ASK_PIECE]);
	}
	gw_worker_turn(w);
	assert_true(gw_ask_wait(a, 0));
	assert_true(a->good);
	gw_ask_release(a);
	w->sessions = NULL;
	free(many);
	town_free(t);
}

/* One question a turn, but all are answered: none is forgotten in the inbox. */
static void test_many_questions_at_once_are_all_answered(void **state)
{
	enum { QUESTIONS = 5 };
	(void)state;
	struct town *t = town_new(1, true, true);
	struct gw_ask *asked[QUESTIONS];
	for (size_t i = 0; i < QUESTIONS; i++) {
		asked[i] = gw_ask_new(GW_ASK_NUMBERS, 0);
		assert_non_null(asked[i]);
		assert_true(gw_ask_post(asked[i], t->inboxes[0]));
	}
	for (size_t i = 0; i < TURNS_MAX; i++)
		gw_worker_turn(t->workers[0]);
	for (size_t i = 0; i < QUESTIONS; i++) {
		assert_true(gw_ask_wait(asked[i], 0));
		gw_ask_release(asked[i]);
	}
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I8_a_long_answer_is_written_a_piece_a_turn),
		cmocka_unit_test(test_many_questions_at_once_are_all_answered),
	};
	return cmocka_run_group_tests_name("gateway/ask", tests, NULL, NULL);
}
