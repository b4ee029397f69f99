/* SPDX-License-Identifier: Apache-2.0 */
/* S12, S23: who repeats one old record from elsewhere makes no end of a device's association. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_moves.h"

enum { QUIET_TURNS = 12, TIMES = 8, AGAIN_MS = 2100 };

/* Says something that somebody keeps; then the power is lost, and the device sleeps. */
static struct town *dark(enum conf_power_loss policy, bool anchor, size_t *home, size_t *thief)
{
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_new_kept(1, policy, anchor);
	town_use_cids(t, &cids);
	*home = town_registered(t, 0, 0);
	*thief = town_socket(t, 0);
	t->devices.tapes = true;
	town_updated(t, *home);
	t->devices.tapes = false;
	town_settle(t);
	town_restart(t, TOWN_DARK);
	t->devices.swallows = true;
	return t;
}

static void repeat(struct town *t, size_t thief)
{
	for (size_t i = 0; i < TIMES; i++) {
		town_replay_from(&t->devices, 0, thief);
		town_turns(t, QUIET_TURNS);
		town_pass(AGAIN_MS);
	}
	t->devices.swallows = false;
	town_turns(t, QUIET_TURNS);
}

static void is_kept(struct town *t)
{
	struct store_session row;
	assert_true(town_row(t, 0, &row));
	assert_true(row.device != STORE_NO_SLOT);
}

static void test_S23_one_old_record_from_elsewhere_ends_nothing(void **state)
{
	size_t home, thief;
	struct town *t = dark(CONF_POWER_PROBE, true, &home, &thief);
	(void)state;
	repeat(t, thief);
	is_kept(t);
	town_free(t);
}

/* Nor where everybody has to resume: the device itself is told as soon as it speaks. */
static void test_S23_the_device_is_told_not_who_repeats_it(void **state)
{
	size_t home, thief;
	struct town *t = dark(CONF_POWER_RESUME, false, &home, &thief);
	(void)state;
	repeat(t, thief);
	is_kept(t);
	const size_t downs = t->devices.downs;
	town_update(t, home);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.downs, downs + 1);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S23_one_old_record_from_elsewhere_ends_nothing),
		cmocka_unit_test(test_S23_the_device_is_told_not_who_repeats_it),
	};
	return cmocka_run_group_tests_name("lapse_elsewhere", tests, NULL, NULL);
}
