/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions whose links are opened in turn (gateway/pace): who waits is served, told, or out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "gateway/worker_parts.h"
#include "io/sources.h"
#include "town_night.h"

enum { QUIET_TURNS = 12, UNAVAILABLE = 5 << 5 | 3, COPY_MS = 1100, PATIENCE_MS = 5000 };

static struct gw_pace *pace_of(struct town *t)
{
	return &t->workers[0]->upstreams[0].pace;
}

static void until_asked(struct town *t, uint32_t links)
{
	const uint64_t end_ms = town_clock_ms() + PATIENCE_MS;
	while (pace_of(t)->under_way + pace_of(t)->waiting < links && town_clock_ms() < end_ms)
		town_turn(t);
}

/* One link at a time: the first device's is being opened to a server that does not answer, the
   second one's waits. */
static struct town *two_that_want(size_t sockets[2])
{
	struct town *t = town_new(1, true, false);
	gw_pace_init(pace_of(t), 1000000, 1, 1);
	t->server.swallows = true;
	for (size_t i = 0; i < 2; i++) {
		sockets[i] = town_socket(t, 0);
		town_connect(t, i, sockets[i]);
		town_until(t, &t->devices.ups, i + 1);
		town_register(t, i, sockets[i]);
		until_asked(t, (uint32_t)i + 1);
	}
	assert_int_equal(pace_of(t)->under_way, 1);
	assert_int_equal(pace_of(t)->waiting, 1);
	return t;
}

static void test_who_waits_has_its_turn_and_its_message_goes_on(void **state)
{
	(void)state;
	size_t sockets[2];
	struct town *t = two_that_want(sockets);
	t->server.swallows = false;
	town_pass(COPY_MS);
	town_until(t, &t->server.ups, 2);
	town_until(t, &t->devices.messages, 2);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	assert_int_equal(pace_of(t)->under_way, 0);
	assert_int_equal(pace_of(t)->waiting, 0);
	town_free(t);
}

static void test_who_waits_too_long_is_told_503(void **state)
{
	(void)state;
	size_t sockets[2];
	struct town *t = two_that_want(sockets);
	const size_t before = t->devices.messages;
	town_pass(GW_PACE_WAIT_MS + 1000);
	town_until(t, &t->devices.messages, before + 1);
	assert_int_equal(t->devices.code, UNAVAILABLE);
	assert_int_equal(pace_of(t)->waiting, 0);
	town_free(t);
}

static void test_who_goes_makes_room(void **state)
{
	(void)state;
	size_t sockets[2];
	struct town *t = two_that_want(sockets);
	dtls_close(t->devices.dtls, t->devices.conns[sockets[1]]); /* it only waited */
	town_turns(t, QUIET_TURNS);
	assert_int_equal(pace_of(t)->waiting, 0);
	assert_int_equal(pace_of(t)->under_way, 1);
	dtls_close(t->devices.dtls, t->devices.conns[sockets[0]]); /* it shook hands */
	town_turns(t, QUIET_TURNS);
	assert_int_equal(pace_of(t)->under_way, 0);
	town_free(t);
}

static void test_a_handshake_that_fails_makes_room(void **state)
{
	(void)state;
	size_t sockets[2];
	struct town *t = two_that_want(sockets);
	struct gw_session *const first = gw_session_of(t->workers[0], town_cred(0));
	assert_int_equal(first->pace.state, GW_PACE_UNDER);
	const struct net_path path = sources_path(gw_session_sources(first), first->slot);
	dtls_unreachable(t->workers[0]->dtls, &path, t->workers[0]->now_ms);
	assert_int_equal(first->pace.state, GW_PACE_OUT);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(pace_of(t)->waiting, 0);
	assert_int_equal(pace_of(t)->under_way, 1); /* the second one's */
	town_free(t);
}

static void test_led_elsewhere_it_waits_no_more(void **state)
{
	(void)state;
	size_t sockets[2];
	struct town *t = two_that_want(sockets);
	struct gw_session *const second = gw_session_of(t->workers[0], town_cred(1));
	assert_int_equal(second->pace.state, GW_PACE_WAITS);
	gw_session_close_link(second);
	assert_int_equal(second->pace.state, GW_PACE_OUT);
	assert_int_equal(pace_of(t)->waiting, 0);
	town_turns(t, QUIET_TURNS);
	town_free(t);
}

static void test_in_quarantine_it_waits_no_more(void **state)
{
	(void)state;
	size_t sockets[2];
	struct town *t = two_that_want(sockets);
	for (size_t i = 0; i < 2; i++) {
		struct gw_session *const s = gw_session_of(t->workers[0], town_cred(1 - i));
		relay_device_gate(s->relay, RELAY_QUARANTINED, 0);
		assert_int_equal(s->pace.state, GW_PACE_OUT);
	}
	assert_int_equal(pace_of(t)->waiting, 0);
	assert_int_equal(pace_of(t)->under_way, 0);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_waits_has_its_turn_and_its_message_goes_on),
		cmocka_unit_test(test_who_waits_too_long_is_told_503),
		cmocka_unit_test(test_who_goes_makes_room),
		cmocka_unit_test(test_a_handshake_that_fails_makes_room),
		cmocka_unit_test(test_led_elsewhere_it_waits_no_more),
		cmocka_unit_test(test_in_quarantine_it_waits_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
