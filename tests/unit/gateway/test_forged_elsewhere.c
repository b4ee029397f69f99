/* SPDX-License-Identifier: Apache-2.0 */
/* Who has seen a CID can send what does not open from anywhere: R-131, S23, S24. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_moves.h"

enum { QUIET_TURNS = 12, BURST = 32, SECOND = 1000 };

/* A record of the device that was lost on the way, with a wrong tag. */
static size_t forgery(struct town *t, size_t socket)
{
	const size_t i = t->devices.tape_len;
	t->devices.tapes = true;
	t->devices.withholds = true;
	town_update(t, socket);
	t->devices.tapes = false;
	t->devices.withholds = false;
	t->devices.tape[i].data[t->devices.tape[i].len - 1] ^= 1;
	return i;
}

static void flood(struct town *t, size_t sheet, size_t thief, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		town_replay_from(&t->devices, sheet, thief);
		if (i % 16 == 15)
			town_turns(t, 2);
	}
	town_turns(t, 2);
}

/* An awake device goes on at its address, whatever comes from elsewhere. */
static void test_R131_a_flood_from_elsewhere_is_not_in_its_way(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(1, &cids);
	const size_t home = town_registered(t, 0, 0), thief = town_socket(t, 0);
	town_settle(t);
	const size_t sheet = forgery(t, home);
	flood(t, sheet, thief, 2 * (size_t)BURST);
	for (size_t i = 0; i < 4; i++) {
		const size_t up = t->server.messages;
		town_pass(SECOND / 2);
		flood(t, sheet, thief, 4);
		town_update(t, home);
		town_turns(t, QUIET_TURNS);
		assert_int_equal(t->server.messages, up + 1);
	}
	town_free(t);
}

/* S23: who has used up the budget of a device that does not listen just now has not made an end
   of its registration, and the device is told as soon as it speaks. */
static void test_S23_a_device_that_did_not_listen_is_told(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(1, &cids);
	const size_t home = town_registered(t, 0, 0), thief = town_socket(t, 0);
	struct store_session row;
	town_settle(t);
	const size_t sheet = forgery(t, home);
	t->conf.store_evict_after_s = 3600; /* its server talks a lot */
	t->devices.swallows = true;         /* its radio is off */
	for (size_t i = 0; i < GW_FORGED_MAX; i++) {
		town_pass(SECOND);
		flood(t, sheet, thief, 1);
	}
	town_settle(t);
	t->devices.swallows = false;
	assert_null(town_session(t, 0, 0));
	assert_true(town_row(t, 0, &row));
	assert_true(row.registered);
	town_pass(60 * (uint64_t)SECOND);
	town_turns(t, 4);
	const size_t downs = t->devices.downs;
	town_update(t, home);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.downs, downs + 1); /* it shakes hands again */
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R131_a_flood_from_elsewhere_is_not_in_its_way),
		cmocka_unit_test(test_S23_a_device_that_did_not_listen_is_told),
	};
	return cmocka_run_group_tests_name("forged_elsewhere", tests, NULL, NULL);
}
