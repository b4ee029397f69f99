/* SPDX-License-Identifier: Apache-2.0 */
/* Devices with connection ids that are not alone: others at their address, at another worker, or
   speaking in their name; and windows that are not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "town_moves.h"

enum { QUIET_TURNS = 12, FLOOD = 400 };

static void comes(struct town *t, size_t device, size_t socket)
{
	const size_t ups = t->devices.ups;
	town_connect(t, device, socket);
	town_until(t, &t->devices.ups, ups + 1);
}

static void asked(struct town *t, size_t device)
{
	const size_t up = t->server.messages;
	town_ask(t, device);
	town_until(t, &t->server.messages, up + 1);
	assert_int_equal(t->server.code, TOWN_CODE_CONTENT);
}

static void assert_not_reached(struct town *t, size_t device)
{
	const size_t down = t->devices.messages;
	town_ask(t, device);
	town_turns(t, QUIET_TURNS);
	assert_int_equal(t->devices.messages, down);
}

static void assert_tidy(struct town *t, size_t devices)
{
	town_settle(t);
	assert_int_equal(store_stats(t->store).associations, 2 * devices);
	assert_int_equal(store_stats(t->store).sessions, devices);
}

/* --- two at one address (R-109) --------------------------------------------------------------- */

enum meanwhile { AWAKE, ASLEEP, KILLED };

static void passes(struct town *t, enum meanwhile how)
{
	town_settle(t);
	if (how == ASLEEP)
		town_night(t);
	if (how == KILLED)
		town_restart(t, TOWN_KILLED);
}

/* The NAT has given its port to another device. Nothing of the first is lost but the place. */
static void test_R109_another_device_has_the_address_now(void **state)
{
	(void)state;
	for (int how = AWAKE; how <= KILLED; how++) {
		const struct town_cids cids = { .gateway = true };
		struct town *t = town_roaming(1, &cids);
		const size_t nat = town_registered(t, 0, 0), away = town_moved(t, nat, 0);
		struct store_assoc a;
		passes(t, (enum meanwhile)how);
		comes(t, 1, nat);
		town_register(t, 1, nat);
		town_until(t, &t->devices.messages, 2);
		town_settle(t);
		town_where(t, 0, &a);
		assert_true(a.adrift);
		assert_at(t, &a.path, nat);
		const size_t in = t->devices.in[nat];
		assert_not_reached(t, 0);
		passes(t, (enum meanwhile)how);
		assert_not_reached(t, 0);
		assert_int_equal(t->devices.in[nat], in); /* and nothing went to the other */
		passes(t, (enum meanwhile)how);
		/* It is heard again: from elsewhere, with its registration and keys. */
		town_updated(t, away);
		asked(t, 0);
		asked(t, 1);
		town_updated(t, nat);
		town_settle(t);
		town_where(t, 0, &a);
		assert_false(a.adrift);
		assert_at(t, &a.path, away);
		assert_int_equal(t->devices.ups, 2);
		assert_int_equal(town_registrations(t), 2);
		assert_tidy(t, 2);
		town_free(t);
	}
}

/* Both are behind one port at the end, as their CIDs tell them apart. */
static void test_R109_two_devices_at_one_port(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true, .device = true };
	for (int how = AWAKE; how <= KILLED; how++) {
		struct town *t = town_roaming(1, &cids);
		const size_t nat = town_registered(t, 0, 0), other = town_registered(t, 1, 0);
		struct dtls_conn *const conns[] = { t->devices.conns[nat],
			t->devices.conns[other] };
		passes(t, (enum meanwhile)how);
		town_move(t, other, nat);
		for (size_t i = 0; i < 6; i++) {
			t->devices.conns[nat] = conns[i % 2];
			town_updated(t, nat);
			asked(t, i % 2);
			passes(t, (enum meanwhile)how);
			asked(t, i % 2);
		}
		assert_int_equal(t->devices.ups, 2);
		assert_tidy(t, 2);
		town_free(t);
	}
}

/* The other one has no CID: it is found by the port alone, and keeps it. */
static void test_R109_a_device_without_a_CID_at_the_same_port(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true, .device = true };
	for (int how = AWAKE; how <= KILLED; how++) {
		const struct town_cids none = { .gateway = false };
		struct town *t = town_roaming(1, &none);
		const size_t nat = town_registered(t, 1, 0);
		town_use_cids(t, &cids);
		const size_t other = town_registered(t, 0, 0);
		struct dtls_conn *const conns[] = { t->devices.conns[other],
			t->devices.conns[nat] };
		passes(t, (enum meanwhile)how);
		town_move(t, other, nat);
		for (size_t i = 0; i < 6; i++) {
			t->devices.conns[nat] = conns[i % 2];
			town_updated(t, nat);
			asked(t, i % 2);
			passes(t, (enum meanwhile)how);
			asked(t, 1 - i % 2);
		}
		assert_int_equal(t->devices.ups, 2);
		assert_tidy(t, 2);
		town_free(t);
	}
}

/* The device itself shakes hands anew where it was adrift, or elsewhere: nothing is left. */
static void test_R109_a_device_adrift_comes_anew(void **state)
{
	(void)state;
	for (int how = AWAKE; how <= KILLED; how++) {
		const struct town_cids cids = { .gateway = true };
		struct town *t = town_roaming(1, &cids);
		const size_t nat = town_registered(t, 0, 0), away = town_moved(t, nat, 0);
		comes(t, 1, nat);
		town_register(t, 1, nat);
		town_until(t, &t->devices.messages, 2);
		town_settle(t);
		town_reboot(t);
		passes(t, (enum meanwhile)how);
		comes(t, 0, how == ASLEEP ? away : nat);
		town_updated(t, how == ASLEEP ? away : nat);
		asked(t, 0);
		assert_int_equal(town_registrations(t), how == AWAKE ? 2 : 1);
		assert_int_equal(dtls_stats(t->workers[0]->dtls).conns, 2 * town_awake(t));
		town_free(t);
	}
}

/* It shakes hands anew from elsewhere, while its session is awake: that has one association. */
static void test_R109_a_device_awake_comes_anew_from_elsewhere(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true, .links = true, .server = true };
	struct town *t = town_roaming(1, &cids);
	(void)town_registered(t, 0, 0);
	for (size_t i = 0; i < 3; i++) {
		const size_t elsewhere = town_socket(t, 0);
		town_reboot(t);
		comes(t, 0, elsewhere);
		town_updated(t, elsewhere);
		asked(t, 0);
		assert_tidy(t, 1);
		assert_int_equal(dtls_stats(t->workers[0]->dtls).conns, 2);
	}
	town_free(t);
}

/* a new handshake has a new CID; the old one is nobody's. */
static void test_R158_a_device_comes_to_another_worker(void **state)
{
	(void)state;
	for (int how = AWAKE; how <= KILLED; how++) {
		const struct town_cids cids = { .gateway = true };
		struct town *t = town_roaming(2, &cids);
		const size_t first = town_registered(t, 0, 0);
		t->devices.tapes = true;
		town_updated(t, first);
		t->devices.tapes = false;
		struct store_assoc before, now;
		town_settle(t);
		town_where(t, 0, &before);
		passes(t, (enum meanwhile)how);
		town_reboot(t);
		const size_t second = town_socket(t, 1);
		comes(t, 0, second);
		town_updated(t, second);
		assert_int_equal(town_registrations(t), 1);
		assert_non_null(town_session(t, 1, 0));
		assert_tidy(t, 1);
		town_where(t, 0, &now);
		assert_memory_not_equal(before.cid, now.cid, sizeof(now.cid));
		assert_int_equal(now.cid[2], 1); /* the worker */
		const size_t up = t->server.messages, down = t->devices.messages;
		town_replay(&t->devices, 0);
		town_turns(t, QUIET_TURNS);
		assert_int_equal(t->server.messages, up);
		assert_int_equal(t->devices.messages, down);
		/* It goes back to an address of the first worker, with the second's CID. */
		const size_t third = town_moved(t, second, 0);
		town_updated(t, third);
		asked(t, 0);
		town_night(t);
		asked(t, 0);
		town_restart(t, TOWN_KILLED);
		asked(t, 0);
		assert_non_null(town_session(t, 1, 0));
		assert_tidy(t, 1);
		town_free(t);
	}
}

/* The gateway listens elsewhere since its last start; the device has been told by other means. */
static void test_R159_a_listener_has_another_port_now(void **state)
{
	(void)state;
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(1, &cids);
	const size_t first = town_registered(t, 0, 0);
	struct store_assoc a;
	town_settle(t);
	town_die(t, TOWN_KILLED);
	const uint16_t before = t->gateway.port;
	t->gateway.port = 0;
	town_rise(t);
	assert_int_not_equal(t->gateway.port, before);
	town_ask(t, 0); /* nobody knows where it is */
	town_turns(t, QUIET_TURNS);
	const size_t second = town_moved(t, first, 0);
	town_updated(t, second);
	asked(t, 0);
	town_settle(t);
	town_where(t, 0, &a);
	assert_false(a.adrift);
	assert_at(t, &a.path, second);
	assert_int_equal(a.path.local.port, t->gateway.port);
	assert_int_equal(t->devices.ups, 1);
	town_free(t);
}

/* --- windows that are not known --------------------------------------------------------------- */

static struct town *darkened(enum conf_power_loss policy, size_t *home)
{
	const struct town_cids cids = { .gateway = true };
	struct town *const t = town_new_kept(1, policy, true);
	town_use_cids(t, &cids);
	*home = town_registered(t, 0, 0);
	t->devices.tapes = true;
	for (size_t i = 0; i < 4; i++)
		town_updated(t, *home);
	t->devices.tapes = false;
	town_settle(t);
	town_restart(t, TOWN_DARK);
	return t;
}

/* The question goes to where the record came from, and its answer shows that, too. */
static void test_S12_a_device_is_asked_where_it_is_now(void **state)
{
	(void)state;
	size_t home;
	struct town *t = darkened(CONF_POWER_PROBE, &home);
	const size_t away = town_moved(t, home, 0);
	struct store_assoc a;
	const size_t up = t->server.messages, in = t->devices.in[home];
	const size_t down = t->devices.messages;
	town_update(t, away);
	town_until(t, &t->devices.messages, down + 1);
	assert_int_equal(t->devices.code, TOWN_CODE_GET);
	town_settle(t);
	assert_int_equal(t->server.messages, up); /* nothing is forwarded for it (S11) */
	town_where(t, 0, &a);
	assert_at(t, &a.path, away);
	assert_int_equal(a.moves, 1);
	town_updated(t, away);
	assert_int_equal(t->devices.in[home], in);
	town_restart(t, TOWN_KILLED);
	town_updated(t, away);
	assert_int_equal(t->devices.ups, 1);
	town_assert_nonces(&t->devices);
	town_free(t);
}

/* S26: while the window is not known an old record moves nothing, and asks but little. */
static void test_S26_after_power_loss_a_replay_moves_nothing(void **state)
{
	(void)state;
	size_t home;
	struct town *t = darkened(CONF_POWER_PROBE, &home);
	const size_t thief = town_socket(t, 0);
	struct store_assoc a;
	const size_t up = t->server.messages;
	for (size_t i = 0; i < t->devices.tape_len; i++) {
		town_replay_from(&t->devices, i, thief);
		town_turns(t, 4);
	}
	town_settle(t);
	assert_int_equal(t->server.messages, up);
	assert_true(t->devices.in[thief] <= 3 * t->devices.out_of[thief]);
	town_where(t, 0, &a);
	assert_at(t, &a.path, home);
	assert_int_equal(a.candidate.peer.family, 0);
	town_pass(3000);
	const size_t down = t->devices.messages;
	town_update(t, home);
	town_until(t, &t->devices.messages, down + 1); /* it is asked itself, at home */
	town_settle(t);
	town_updated(t, home);
	town_where(t, 0, &a);
	assert_at(t, &a.path, home);
	assert_int_equal(t->devices.ups, 1);
	town_free(t);
}

/* The farewell reaches who has moved; and who has not, though somebody else repeats his record. */
static void test_S30_the_farewell_reaches_the_device(void **state)
{
	(void)state;
	for (int thief = 0; thief < 2; thief++) {
		size_t home;
		struct town *t = darkened(CONF_POWER_RESUME, &home);
		const size_t away = thief ? town_socket(t, 0) : town_moved(t, home, 0);
		if (thief)
			town_replay_from(&t->devices, 0, away);
		else
			town_update(t, away);
		town_until(t, &t->devices.downs, 1);
		town_settle(t);
		assert_true(t->devices.in[away] <= 3 * t->devices.out_of[away]);
		assert_int_equal(town_awake(t), 0);
		const size_t back = thief ? home : away;
		comes(t, 0, back);
		town_updated(t, back);
		assert_int_equal(town_registrations(t), 1);
		assert_tidy(t, 1); /* nothing is left of the old one */
		town_free(t);
	}
}

/* S11: above the ceiling it goes on, wherever it is. */
static void test_S11_a_gap_and_another_address(void **state)
{
	(void)state;
	size_t home;
	struct town *t = darkened(CONF_POWER_GAP, &home);
	const size_t away = town_moved(t, home, 0), up = t->server.messages;
	struct store_assoc a;
	for (size_t i = 0; i < (size_t)3 * STORE_READ_LEASE && t->server.messages == up; i++) {
		town_update(t, away);
		town_settle(t);
	}
	assert_int_equal(t->server.messages, up + 1);
	town_where(t, 0, &a);
	assert_at(t, &a.candidate, away);
	asked(t, 0);
	assert_int_equal(t->devices.ups, 1);
	town_free(t);
}

/* --- strangers (S24) -------------------------------------------------------------------------- */

static void test_S24_forged_CIDs_do_not_wake(void **state)
{
	enum { SEQ_LAST = 10 };
	(void)state;
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(1, &cids);
	const size_t home = town_registered(t, 0, 0), thief = town_socket(t, 0);
	t->devices.tapes = true;
	town_updated(t, home);
	t->devices.tapes = false;
	town_night(t);
	const struct gw_worker *const w = t->workers[0];
	struct town_sheet *const sheet = &t->devices.tape[0];
	const uint64_t unseals = store_stats(t->store).unseals,
		       commits = store_stats(t->store).commits;
	for (uint32_t i = 0; i < FLOOD; i++) {
		sheet->data[SEQ_LAST] = (uint8_t)(1 + i % 250);
		sheet->data[SEQ_LAST - 1] = (uint8_t)(1 + i / 250);
		sheet->data[sheet->len - 1] ^= 1;
		town_replay_from(&t->devices, 0, i % 2 ? home : thief);
		if (i % 16 == 0)
			town_turn(t);
	}
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 0);
	assert_int_equal(w->ops, 0);
	assert_int_equal(dtls_stats(w->dtls).conns, 0);
	assert_int_equal(store_stats(t->store).commits, commits);
	assert_true(store_stats(t->store).unseals - unseals < FLOOD / 5);
	assert_true(w->slowed_records > FLOOD / 2);
	town_pass(60000);
	town_updated(t, home);
	assert_int_equal(t->devices.ups, 1);
	town_free(t);
}

/* Without its CID nothing is its; it is neither woken nor slowed down by it. */
static void test_R144_a_classic_record_does_not_wake_a_CID(void **state)
{
	enum { SEQ_LAST = 10, LENGTH_AT = 11 };
	(void)state;
	const struct town_cids cids = { .gateway = true };
	struct town *t = town_roaming(1, &cids);
	const size_t home = town_registered(t, 0, 0);
	t->devices.tapes = true;
	town_updated(t, home);
	t->devices.tapes = false;
	town_night(t);
	struct town_sheet *const sheet = &t->devices.tape[0];
	const uint64_t unseals = store_stats(t->store).unseals;
	/* Type 23, and the CID is gone. */
	const size_t cid = 11;
	sheet->data[0] = 23;
	memmove(sheet->data + LENGTH_AT, sheet->data + LENGTH_AT + cid,
		sheet->len - LENGTH_AT - cid);
	sheet->len -= cid;
	for (uint32_t i = 0; i < FLOOD; i++) {
		sheet->data[SEQ_LAST - 1] = (uint8_t)(1 + i / 250);
		sheet->data[SEQ_LAST] = (uint8_t)(1 + i % 250);
		town_replay(&t->devices, 0);
		if (i % 16 == 0)
			town_turn(t);
	}
	town_turns(t, QUIET_TURNS);
	assert_int_equal(town_awake(t), 0);
	assert_true(store_stats(t->store).unseals - unseals < FLOOD / 5);
	town_updated(t, home); /* at once */
	assert_int_equal(t->devices.ups, 1);
	town_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R109_another_device_has_the_address_now),
		cmocka_unit_test(test_R109_two_devices_at_one_port),
		cmocka_unit_test(test_R109_a_device_without_a_CID_at_the_same_port),
		cmocka_unit_test(test_R109_a_device_adrift_comes_anew),
		cmocka_unit_test(test_R109_a_device_awake_comes_anew_from_elsewhere),
		cmocka_unit_test(test_R158_a_device_comes_to_another_worker),
		cmocka_unit_test(test_R159_a_listener_has_another_port_now),
		cmocka_unit_test(test_S12_a_device_is_asked_where_it_is_now),
		cmocka_unit_test(test_S26_after_power_loss_a_replay_moves_nothing),
		cmocka_unit_test(test_S30_the_farewell_reaches_the_device),
		cmocka_unit_test(test_S11_a_gap_and_another_address),
		cmocka_unit_test(test_S24_forged_CIDs_do_not_wake),
		cmocka_unit_test(test_R144_a_classic_record_does_not_wake_a_CID),
	};
	return cmocka_run_group_tests_name("gateway/roam: others", tests, NULL, NULL);
}
