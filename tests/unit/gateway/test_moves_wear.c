/* SPDX-License-Identifier: Apache-2.0 */
/* A device that is never where it was must not wear out the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_moves.h"

static uint64_t real_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* It says something useless, from two sockets in turn. The store's writer goes by the real clock:
   what it may commit, beyond what is free, follows from the time that this took. */
static void test_S26_who_moves_all_the_time_is_written_down_seldom(void **state)
{
	enum { MOVES = 600, FREE = 64, SLOW_MS = 50, OTHERS = 8 };
	static const uint8_t rst[] = { 0x70, 0, 1, 2 };
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(1, &cids);
	const size_t home = town_registered(t, 0, 0), second = town_socket(t, 0);
	(void)state;
	town_settle(t);
	const uint64_t before = store_stats(t->store).commits, from_ms = real_ms();
	size_t at = home;
	for (size_t i = 0; i < MOVES; i++) {
		const size_t to = at == home ? second : home;
		town_move(t, at, to);
		at = to;
		assert_int_equal(dtls_send(t->devices.dtls, t->devices.conns[at], rst, sizeof(rst)),
			DTLS_OK);
		town_turn(t);
	}
	town_settle(t);
	const uint64_t commits = store_stats(t->store).commits - before;
	const uint64_t may = FREE + OTHERS + (real_ms() - from_ms) / SLOW_MS;
	assert_true(commits > 0);
	assert_true(commits <= may);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S26_who_moves_all_the_time_is_written_down_seldom),
	};
	return cmocka_run_group_tests_name("moves_wear", tests, NULL, NULL);
}
