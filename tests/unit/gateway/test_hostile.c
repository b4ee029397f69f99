/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/claim.h"
#include "gateway/keep.h"
#include "gateway/session.h"
#include "proxy/relay.h"
#include "store/core.h"
#include "town_night.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* A: another identity behind the same port while the first sleeps; then a third gets its slot; then
   the first comes back from elsewhere. */
static void test_S15_nobody_drops_anothers_association(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	struct store_session row0, row2;
	struct store_assoc a;
	const size_t shared = town_socket(t, 0);
	town_connect(t, 0, shared);
	town_until(t, &t->devices.ups, 1);
	town_night(t);
	assert_true(town_row(t, 0, &row0));
	t->devices.conns[shared] = NULL;
	town_reboot(t);
	town_connect(t, 1, shared); /* NAT gave the port to another */
	town_until(t, &t->devices.ups, 2);
	town_settle(t);
	const size_t third = town_socket(t, 0);
	town_connect(t, 2, third);
	town_until(t, &t->devices.ups, 3);
	town_settle(t);
	assert_true(town_row(t, 2, &row2));
	assert_int_equal(row0.device, row2.device); /* the slot is used again */
	assert_true(town_assoc(t, row2.device, &a));
	assert_int_equal(a.cred, town_cred(2));
	const size_t elsewhere = town_socket(t, 0);
	town_connect(t, 0, elsewhere);
	town_until(t, &t->devices.ups, 4);
	town_settle(t);
	/* device 2 is awake, and its association must be there */
	assert_non_null(town_session(t, 0, 2));
	assert_true(town_assoc(t, row2.device, &a));
	assert_int_equal(a.cred, town_cred(2));
	town_free(t);
}

/* A2: power loss, policy resume: everybody takes his turn. And the consequence: nonces. */
static void test_S15_after_power_loss_nobody_loses_his_new_association(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	size_t s[3];
	for (size_t i = 0; i < 3; i++)
		s[i] = town_registered(t, i, 0);
	town_settle(t);
	town_restart(t, TOWN_DARK);
	for (size_t i = 0; i < 3; i++) {
		town_update(t, s[i]);
		town_until(t, &t->devices.downs, i + 1);
	}
	town_settle(t);
	for (size_t i = 0; i < 3; i++) { /* they come back in another order */
		const size_t d = 2 - i;
		const size_t ups = t->devices.ups;
		town_connect(t, d, s[d]);
		town_until(t, &t->devices.ups, ups + 1);
		town_settle(t);
	}
	for (size_t i = 0; i < 3; i++) {
		struct store_session row;
		struct store_assoc a;
		assert_true(town_row(t, i, &row));
		assert_true(town_assoc(t, row.device, &a));
		assert_int_equal(a.cred, town_cred(i));
	}
	town_free(t);
}

/* B: a lease of the old association comes back after the device has shaken hands anew. */
static void test_S4_a_lease_is_of_the_association_it_was_asked_for(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t socket = town_registered(t, 0, 0);
	for (int i = 0; i < 100; i++)
		town_updated(t, socket);
	town_settle(t);
	struct gw_session *s = town_session(t, 0, 0);
	assert_false(s->legs[GW_DEVICE].leasing);
	town_stall(t);               /* the disk is slow */
	gw_keep_lease(s, GW_DEVICE); /* as runs_short would */
	const size_t other = town_socket(t, 0);
	town_connect(t, 0, other);
	town_until(t, &t->devices.ups, 2);
	town_turns(t, 4);
	s = town_session(t, 0, 0);
	town_go_on(t);
	town_settle(t);
	struct store_session row;
	struct store_assoc a;
	assert_true(town_row(t, 0, &row) && town_assoc(t, row.device, &a));
	const struct dtls_numbers n = dtls_conn_numbers(s->legs[GW_DEVICE].conn);
	assert_int_equal(n.write_end, a.write_end);
	assert_false(s->legs[GW_DEVICE].leasing);
	town_free(t);
}

/* C: who is to yield and ends meanwhile yields all the same. */
static void test_R109_who_ends_yields(void **state)
{
	(void)state;
	struct town *t = town_new_kept(2, CONF_POWER_RESUME, false);
	const size_t first = town_registered(t, 0, 0);
	town_settle(t);
	town_stall(t);
	gw_keep_settled(
		town_session(t, 0, 0), GW_DEVICE); /* any op that is under way, up to a second */
	const size_t second = town_socket(t, 1);
	town_connect(t, 0, second);
	town_until(t, &t->devices.ups, 2);
	town_turns(t, 8); /* the claim is there */
	struct dtls_conn *c = t->devices.conns[first];
	assert_non_null(c);
	t->devices.conns[first] = NULL;
	dtls_close(
		t->devices.dtls, c); /* the device tidies up: close_notify on its old association */
	town_turns(t, 8);
	town_go_on(t);
	for (int i = 0; i < 200; i++) {
		town_turns(t, 2);
		(void)town_do(t, NULL, NULL);
	}
	assert_int_equal(t->workers[1]->waiting, 0);
	assert_int_equal(town_relays(t), 1);
	assert_int_equal(town_registrations(t), 1);
	town_free(t);
}

/* D: a row is not written with a place that is not known yet. */
static void test_S9_a_row_knows_the_association_that_is_being_written(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	(void)town_registered(t, 0, 0);
	town_settle(t);
	town_stall(t);
	const size_t other = town_socket(t, 0);
	town_connect(t, 0, other);
	town_until(t, &t->devices.ups, 2);
	town_turns(t, 4);
	gw_keep_registration(
		town_session(t, 0, 0)); /* as when its lifetime ends now, or its link comes up */
	town_go_on(t);
	town_settle(t);
	struct store_session row;
	struct store_assoc a;
	assert_true(town_row(t, 0, &row));
	assert_int_equal(row.device, town_session(t, 0, 0)->legs[GW_DEVICE].place);
	assert_true(town_assoc(t, row.device, &a));
	town_night(t);
	town_updated(t, other);
	town_free(t);
}

/* E: after a power loss the link goes first, and its slot becomes the device's own. */
static void test_S15_a_device_does_not_drop_itself(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	struct store_session row;
	struct store_assoc a;
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	town_restart(t, TOWN_DARK);
	town_ask(t, 0);
	town_until(t, &t->server.downs, 1);
	town_settle(t);
	town_update(t, socket);
	town_until(t, &t->devices.downs, 1);
	town_settle(t);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 2);
	town_settle(t);
	assert_true(town_row(t, 0, &row));
	const bool there = town_assoc(t, row.device, &a);
	assert_true(there);
	assert_int_equal(a.path.role, STORE_DEVICE);
	town_updated(t, socket);
	town_night(t);
	town_updated(t, socket);
	town_free(t);
}

static void test_R182_a_registration_without_end_has_none(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	t->store->base_ms += UINT64_C(40) * 86400000; /* the machine was booted anew */
	const struct relay_registration in = {
		.active = true, .location = "rd/1", .expires_ms = UINT64_MAX
	};
	struct relay_registration out;
	struct store_session row;
	gw_registration_to_row(t->workers[0], &in, &row);
	gw_registration_from_row(t->workers[0], &row, &out);
	assert_true(out.expires_ms == UINT64_MAX);
	town_free(t);
}

/* H: S5, a copy of the slot file put back within the same run, while everybody sleeps. */
static void test_S5_slots_put_back_in_the_same_run(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	struct store_session row;
	const size_t socket = town_registered(t, 0, 0);
	town_night(t);
	assert_true(town_row(t, 0, &row));
	struct slot *const d = store_slot(t->store, row.device);
	unsigned char copy[sizeof(*d)];
	memcpy(copy, (void *)d, sizeof(copy));
	t->devices.tapes = true;
	for (int i = 0; i < 5; i++)
		town_updated(t, socket);
	t->devices.tapes = false;
	town_night(t);
	memcpy((void *)d, copy, sizeof(copy)); /* cp backup/hot hot */
	const size_t up = t->server.messages;
	town_update(t, socket);
	town_turns(t, 30);
	for (size_t i = 0; i < t->devices.tape_len; i++)
		town_replay(&t->devices, i);
	town_turns(t, 30);
	assert_true(t->server.messages - up <= 1);
	town_assert_nonces(&t->devices);
	assert_int_equal(dtls_stats(t->devices.dtls).replayed, 0);
	town_free(t);
}

static void send_garbage(struct town *t, size_t socket, unsigned seq)
{
	unsigned char r[13 + 40] = { 23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, (unsigned char)(seq >> 8),
		(unsigned char)seq, 0, 40 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(t->gateway.port) };
	memcpy(&to.sin_addr, t->gateway.ip, 4);
	assert_true(sendto(t->devices.fds[socket], r, sizeof(r), 0, (struct sockaddr *)&to,
			    sizeof(to)) == sizeof(r));
}

/* K: one who sends garbage on his own path keeps all sleepers of his /24 from waking (S24, I9). */
static void test_S24_one_bad_sleeper_does_not_silence_his_neighbours(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_RESUME, false);
	const size_t bad = town_registered(t, 0, 0), good = town_registered(t, 1, 0);
	town_night(t);
	for (unsigned i = 0; i < 40; i++) {
		send_garbage(t, bad, 1000 + i);
		town_turn(t);
	}
	const size_t messages = t->devices.messages;
	town_update(t, good);
	town_turns(t, 30);
	assert_int_equal(t->devices.messages, messages + 1);
	town_free(t);
}

/* I: under probe, an attacker's old records while the device sleeps do not cost it its
   registration. */
static void test_S12_replays_after_power_loss_cost_no_registration(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_PROBE, true);
	struct store_session row;
	const size_t socket = town_registered(t, 0, 0);
	t->devices.tapes = true;
	for (size_t i = 0; i < 10; i++)
		town_updated(t, socket);
	t->devices.tapes = false;
	town_settle(t);
	town_restart(t, TOWN_DARK);
	t->devices.swallows = true; /* its radio is off */
	for (size_t i = 0; i < 10; i++) {
		town_pass(3000);
		town_replay(&t->devices, i);
		town_turns(t, 3);
	}
	town_settle(t);
	const bool there = town_row(t, 0, &row);
	assert_true(there && row.registered);
	town_free(t);
}

/* Q: who fell asleep while it was probed can come back. */
static void test_S12_a_probed_session_that_slept_wakes(void **state)
{
	(void)state;
	struct town *t = town_new_kept(1, CONF_POWER_PROBE, true);
	const size_t socket = town_registered(t, 0, 0);
	town_settle(t);
	town_restart(t, TOWN_DARK);
	t->devices.swallows = true; /* the probe is lost */
	town_update(t, socket);
	town_turns(t, 6);
	town_settle(t);
	assert_int_equal(town_awake(t), 1);
	for (int i = 0; i < 3 && town_awake(t) > 0; i++) {
		town_pass(130000);
		town_settle(t);
	}
	t->devices.swallows = false;
	const size_t up = t->server.messages;
	for (int i = 0; i < 6 && t->server.messages == up; i++) {
		town_pass(3000);
		town_update(t, socket);
		town_turns(t, 12);
		town_settle(t);
	}
	assert_true(t->server.messages > up);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S15_nobody_drops_anothers_association),
		cmocka_unit_test(test_S15_after_power_loss_nobody_loses_his_new_association),
		cmocka_unit_test(test_S4_a_lease_is_of_the_association_it_was_asked_for),
		cmocka_unit_test(test_R109_who_ends_yields),
		cmocka_unit_test(test_R182_a_registration_without_end_has_none),
		cmocka_unit_test(test_S5_slots_put_back_in_the_same_run),
		cmocka_unit_test(test_S24_one_bad_sleeper_does_not_silence_his_neighbours),
		cmocka_unit_test(test_S12_replays_after_power_loss_cost_no_registration),
		cmocka_unit_test(test_S12_a_probed_session_that_slept_wakes),
		cmocka_unit_test(test_S15_a_device_does_not_drop_itself),
		cmocka_unit_test(test_S9_a_row_knows_the_association_that_is_being_written),
	};
	return cmocka_run_group_tests_name("gateway/hostile", tests, NULL, NULL);
}
