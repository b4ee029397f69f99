/* SPDX-License-Identifier: Apache-2.0 */
/* Padding hides how long messages are; it must not make a question too long to be asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_moves.h"

enum { QUIET_TURNS = 12, PADDING = 256 };

static void is_reached(bool asleep, bool rrc)
{
	const struct town_cids cids = { .gateway = true, .device = true, .routability = rrc };
	struct town *t = town_roaming(1, &cids);
	if (!asleep) {
		t->conf.cid_padding = PADDING;
		town_restart(t, TOWN_KILLED);
	}
	const size_t first = town_registered(t, 0, 0), second = town_moved(t, first, 0);
	town_update(t, second);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.messages, 2); /* its answer */
	town_settle(t);
	if (asleep) {
		t->conf.cid_padding = PADDING;
		town_restart(t, TOWN_KILLED);
	}
	const size_t up = t->server.messages;
	town_ask(t, 0);
	for (size_t i = 0; i < 8; i++) {
		town_turns(t, QUIET_TURNS);
		town_pass(4000);
	}
	assert_int_equal(t->server.messages, up + 1);
	/* The old socket still works here, so the answer alone shows nothing. */
	struct store_assoc a;
	town_where(t, 0, &a);
	assert_at(t, &a.path, second);
	town_free(t);
}

static void test_R279_awake(void **state)
{
	(void)state;
	is_reached(false, false);
}

static void test_R279_awake_rrc(void **state)
{
	(void)state;
	is_reached(false, true);
}

static void test_R279_asleep(void **state)
{
	(void)state;
	is_reached(true, false);
}

static void test_R279_asleep_rrc(void **state)
{
	(void)state;
	is_reached(true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R279_awake),
		cmocka_unit_test(test_R279_awake_rrc),
		cmocka_unit_test(test_R279_asleep),
		cmocka_unit_test(test_R279_asleep_rrc),
	};
	return cmocka_run_group_tests_name("moves_padded", tests, NULL, NULL);
}
