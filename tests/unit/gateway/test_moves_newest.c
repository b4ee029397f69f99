/* SPDX-License-Identifier: Apache-2.0 */
/* S26, R-153: an answer that comes from a third place does not take the device to the second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_moves.h"

enum { QUIET_TURNS = 12 };

/* The device is at its second address, as its records say. A thief is faster once, and hands the
   question on to the device, whose answer he cannot hold back. */
static void test_S26_the_newest_record_says_where_it_is(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true, .device = true };
	struct town *t = town_roaming(1, &cids);
	const size_t home = town_registered(t, 0, 0), second = town_moved(t, home, 0);
	const size_t thief = town_socket(t, 0);
	struct store_assoc a;
	town_updated(t, second);
	town_settle(t);
	town_snatch(t, second, thief);
	town_settle(t);
	const size_t up = t->server.messages;
	town_ask(t, 0);
	town_until(t, &t->server.messages, up + 1);
	town_settle(t);
	town_where(t, 0, &a);
	assert_at(t, &a.path, second);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S26_the_newest_record_says_where_it_is),
	};
	return cmocka_run_group_tests_name("moves_newest", tests, NULL, NULL);
}
