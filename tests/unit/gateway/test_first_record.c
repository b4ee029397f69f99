/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram's first record decides which worker gets it; a sleeper must be woken by its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_moves.h"

enum { QUIET_TURNS = 12 };

/* Somebody on the way puts a record of nobody in front of the device's. */
static void send_behind(struct town *t, size_t device_socket, const uint8_t *junk, size_t len)
{
	const size_t i = t->devices.tape_len;
	t->devices.tapes = true;
	t->devices.withholds = true;
	town_update(t, device_socket);
	t->devices.tapes = false;
	t->devices.withholds = false;
	assert_int_equal(t->devices.tape_len, i + 1);
	struct town_sheet *const s = &t->devices.tape[i];
	assert_true(s->len + len <= TOWN_DATAGRAM);
	memmove(s->data + len, s->data, s->len);
	memcpy(s->data, junk, len);
	s->len += len;
	town_replay(&t->devices, i);
	town_turns(t, QUIET_TURNS);
}

static void goes_on(struct town *t, size_t at)
{
	size_t up = t->server.messages;
	town_update(t, at); /* nobody touches this one */
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up + 1);
	up = t->server.messages;
	town_ask(t, 0);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up + 1);
}

static void test_R159_a_device_with_a_cid_is_woken_by_its_own_worker(void **state)
{
	(void)state;
	static const uint8_t alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0 };
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(2, &cids);
	size_t at = town_registered(t, 0, 1);
	at = town_moved(t, at, 0); /* its CID says 1, its address 0 */
	town_updated(t, at);
	town_night(t);
	send_behind(t, at, alert, sizeof(alert));
	goes_on(t, at);
	town_free(t);
}

static void test_R159_a_device_without_a_cid_is_woken_by_its_own_worker(void **state)
{
	(void)state;
	/* A record with a CID of worker 1, which nobody has. */
	static const uint8_t strange[] = { 25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, /* cid: */ 0x2b,
		0, 1, 1, 2, 3, 4, 5, 6, 7, 8, /* length: */ 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0 };
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	const size_t at = town_registered(t, 0, 0);
	town_night(t);
	send_behind(t, at, strange, sizeof(strange));
	goes_on(t, at);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R159_a_device_with_a_cid_is_woken_by_its_own_worker),
		cmocka_unit_test(test_R159_a_device_without_a_cid_is_woken_by_its_own_worker),
	};
	return cmocka_run_group_tests_name("first_record", tests, NULL, NULL);
}
