/* SPDX-License-Identifier: Apache-2.0 */
/* Devices in queue mode: how long they stay, how they come back, and where to what waits goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "proxy/relay.h"
#include "town_moves.h"

enum { QUIET_TURNS = 20 };
static const uint64_t second_ms = 1000, processing_ms = 1600;

/* An Update that says so; and its answer. */
static void queue_up(struct town *t, size_t socket)
{
	uint8_t msg[] = { 0x40, 2, 0, 0, 0xb2, 'r', 'd', 0x02, '5', 'a', 0x44, 'b', '=', 'U', 'Q' };
	const size_t before = t->devices.messages;
	t->mid++;
	msg[2] = (uint8_t)(t->mid >> 8);
	msg[3] = (uint8_t)(t->mid & 0xff);
	assert_int_equal(
		dtls_send(t->devices.dtls, t->devices.conns[socket], msg, sizeof(msg)), DTLS_OK);
	town_until(t, &t->devices.messages, before + 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CHANGED);
	town_settle(t);
}

static struct relay_rest rest_of(struct town *t, size_t worker)
{
	const struct gw_session *const s = town_session(t, worker, 0);
	return relay_device_rest(s->relay, s->worker->now_ms);
}

/* The server asks, and has its empty ACK; the device hears nothing. */
static void ask_sleeper(struct town *t)
{
	const size_t up = t->server.messages, down = t->devices.messages;
	town_ask(t, 0);
	town_turns(t, QUIET_TURNS);
	town_pass(processing_ms);
	town_until(t, &t->server.messages, up + 1);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->server.messages, up + 1);
	assert_int_equal(t->devices.messages, down);
	assert_int_equal(town_awake(t), 1);
}

static void test_R276_who_listens_stays_in_memory(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	t->conf.store_evict_after_s = 10;
	queue_up(t, socket);
	town_pass(90 * second_ms);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 1);
	const size_t up = t->server.messages;
	town_ask(t, 0);
	town_until(t, &t->server.messages, up + 1); /* it is asked, and answers, at once */
	town_settle(t);
	town_pass(95 * second_ms);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 0);
	town_free(t);
}

static void test_R276_who_has_left_comes_back_to_wait(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	queue_up(t, socket);
	town_pass(180 * second_ms);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 0);
	ask_sleeper(t);
	assert_true(rest_of(t, 0).asleep);
	assert_int_equal(rest_of(t, 0).waiting, 1);
	town_pass(100 * second_ms); /* as long as it waits, it stays */
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 1);
	const size_t up = t->server.messages, down = t->devices.messages;
	town_update(t, socket);
	town_until(t, &t->server.messages, up + 2); /* Update, 2.05 */
	town_settle(t);
	assert_int_equal(t->devices.messages, down + 2); /* request, 2.04 */
	assert_int_equal(rest_of(t, 0).waiting, 0);
	town_free(t);
}

/* RFC 9146 section 6: to where the device shows that it receives, not to where it came from. */
static void test_R279_what_waits_goes_where_the_device_receives(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(1, &cids);
	const size_t home = town_registered(t, 0, 0);
	queue_up(t, home);
	town_pass(95 * second_ms);
	town_turns(t, QUIET_TURNS);
	ask_sleeper(t);
	const size_t octets = t->devices.in[home];
	const size_t away = town_moved(t, home, 0);
	const size_t up = t->server.messages, down = t->devices.messages;
	t->devices.manner = TOWN_IS_MUTE; /* it does not show it */
	town_update(t, away);
	town_until(t, &t->devices.messages, down + 2); /* 2.04, a question */
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.messages, down + 2);
	t->devices.manner = TOWN_ANSWERS;
	town_pass(3 * second_ms);                   /* it is asked again */
	town_until(t, &t->server.messages, up + 2); /* Update, 2.05 */
	assert_int_equal(t->devices.in[home], octets);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R276_who_listens_stays_in_memory),
		cmocka_unit_test(test_R276_who_has_left_comes_back_to_wait),
		cmocka_unit_test(test_R279_what_waits_goes_where_the_device_receives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
