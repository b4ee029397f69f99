/* SPDX-License-Identifier: Apache-2.0 */
/* A second handshake on a path that is in use: RFC 6347 section 4.2.8. `old` and `now` are two
   peers on one path: the device before and after its reboot, or an attacker with its address. */
#include "peer_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct pair {
	struct peer_rig *rig;
	struct peer *old, *now;
	struct dtls_conn *c; /* of the old one */
};

static int pair_up(void **state)
{
	struct pair *const pair = calloc(1, sizeof(*pair));
	if (!pair)
		return -1;
	pair->rig = peer_rig_new(NULL);
	pair->old = peer_rig_peer(pair->rig, false, 4000);
	pair->now = peer_rig_peer(pair->rig, false, 4000);
	*state = pair;
	return 0;
}

static int pair_met(void **state)
{
	if (pair_up(state) != 0)
		return -1;
	struct pair *const pair = *state;
	pair->c = peer_rig_meet(pair->rig, pair->old);
	return 0;
}

static int pair_down(void **state)
{
	struct pair *const pair = *state;
	peer_free(pair->old);
	peer_free(pair->now);
	peer_rig_free(pair->rig);
	free(pair);
	return 0;
}

static void check_old_lives(struct pair *pair)
{
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_DOWN), 0);
	peer_rig_check_alive(pair->rig, pair->old, pair->c);
}

/* The new one is up, the old one is gone and its records are worth nothing. */
static void check_replaced(struct pair *pair)
{
	struct peer_rig *const rig = pair->rig;
	assert_true(pair->now->done);
	const struct peer_event *const down = peer_rig_event(rig, PEER_TOLD_DOWN);
	assert_non_null(down);
	assert_ptr_equal(down->conn, pair->c);
	assert_int_equal(down->why, DTLS_END_REPLACED);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_DOWN), 1);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 2);
	assert_int_equal(dtls_stats(rig->e).conns, 1);
	assert_int_equal(dtls_stats(rig->e).handshakes, 0);
	struct dtls_conn *const c = peer_rig_event(rig, PEER_TOLD_UP)->conn;
	const size_t messages = peer_rig_told(rig, PEER_TOLD_MESSAGE);
	peer_say_data(pair->old, "ghost", 5);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_MESSAGE), messages);
	assert_int_equal(rig->outs, 0);
	peer_rig_check_alive(rig, pair->now, c);
	peer_check_numbers(pair->old);
	peer_check_numbers(pair->now);
}

static void test_R108_a_spoofed_hello_has_no_effect(void **state)
{
	struct pair *const pair = *state;
	for (int i = 0; i < 20; i++) {
		pair->now->hello.random[0]++;
		pair->now->msg_out = 0;
		peer_buf_clear(&pair->now->hello.cookie);
		peer_say_hello(pair->now);
		assert_int_equal(peer_rig_pump(pair->rig, pair->now), 1);
		check_old_lives(pair);
	}
	assert_int_equal(dtls_stats(pair->rig->e).handshakes, 0);
	peer_check_numbers(pair->old);
}

static void test_R108_a_rebooted_device_replaces_itself_when_it_has_finished(void **state)
{
	struct pair *const pair = *state;
	peer_rig_to_flight4(pair->rig, pair->now);
	check_old_lives(pair);
	peer_say_flight5(pair->now);
	peer_rig_pump(pair->rig, pair->now);
	check_replaced(pair);
}

static void test_R108_the_old_one_is_used_until_the_new_one_has_finished(void **state)
{
	struct pair *const pair = *state;
	struct peer *const p = pair->now;
	peer_say_hello(p);
	peer_rig_pump(pair->rig, p);
	check_old_lives(pair);
	peer_say_hello(p);
	peer_rig_pump(pair->rig, p);
	peer_make_client_key(p);
	peer_make_finished(p);
	for (int i = 0; i < 10; i++)
		check_old_lives(pair);
	peer_put_msg(p, PEER_CLIENT_KEY);
	peer_flush(p);
	for (int i = 0; i < 10; i++)
		check_old_lives(pair);
	peer_put_ccs(p);
	peer_flush(p);
	/* more than bad_finished_max: what opens under the old key is no bad Finished */
	for (int i = 0; i < 10; i++)
		check_old_lives(pair);
	peer_put_msg(p, PEER_FINISHED);
	peer_flush(p);
	peer_rig_pump(pair->rig, p);
	check_replaced(pair);
}

static void test_R108_another_identity_on_the_same_path(void **state)
{
	struct pair *const pair = *state;
	static const uint8_t key[16] = "another's secret";
	peer_rig_cred(pair->rig, "other", 5, key, sizeof(key));
	peer_identity(pair->now, "other", 5);
	peer_key(pair->now, key, sizeof(key));
	peer_rig_to_flight4(pair->rig, pair->now);
	peer_say_flight5(pair->now);
	peer_rig_pump(pair->rig, pair->now);
	check_replaced(pair);
	assert_int_equal(peer_rig_event(pair->rig, PEER_TOLD_DOWN)->cred, 7);
	assert_int_equal(peer_rig_event(pair->rig, PEER_TOLD_UP)->cred, 8);
}

static void test_R108_a_new_handshake_that_fails_harms_nobody(void **state)
{
	struct pair *const pair = *state;
	pair->now->psk[3] ^= 1;
	peer_rig_to_flight4(pair->rig, pair->now);
	peer_say_flight5(pair->now);
	for (int i = 0; i < 8; i++) {
		peer_say_again(pair->now);
		peer_rig_pump(pair->rig, pair->now);
		check_old_lives(pair);
	}
	assert_int_equal(peer_alert(pair->now), 51);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_FAILED), 1);
	assert_int_equal(dtls_stats(pair->rig->e).handshakes, 0);
	peer_check_numbers(pair->old);
}

static void test_R108_a_new_handshake_that_is_left_harms_nobody(void **state)
{
	struct pair *const pair = *state;
	peer_rig_to_flight4(pair->rig, pair->now);
	peer_rig_until(pair->rig, pair->rig->now_ms + 400000);
	peer_rig_drop(pair->rig);
	assert_int_equal(dtls_stats(pair->rig->e).handshakes, 0);
	check_old_lives(pair);
	peer_check_numbers(pair->old);
}

static void test_R108_R136_the_old_one_closes_while_the_new_one_begins(void **state)
{
	struct pair *const pair = *state;
	peer_rig_to_flight4(pair->rig, pair->now);
	peer_say_alert(pair->old, 1, 1, 0);
	peer_rig_pump(pair->rig, pair->old);
	assert_int_equal(peer_alert(pair->old), 0);
	assert_int_equal(peer_rig_event(pair->rig, PEER_TOLD_DOWN)->why, DTLS_END_CLOSE_NOTIFY);
	peer_say_flight5(pair->now);
	peer_rig_pump(pair->rig, pair->now);
	assert_true(pair->now->done);
	assert_int_equal(dtls_stats(pair->rig->e).conns, 1);
	peer_rig_check_alive(pair->rig, pair->now, peer_rig_event(pair->rig, PEER_TOLD_UP)->conn);
}

static void test_R108_R103_the_final_flight_of_the_new_one_is_repeated(void **state)
{
	struct pair *const pair = *state;
	peer_rig_to_flight4(pair->rig, pair->now);
	peer_say_flight5(pair->now);
	peer_rig_drop(pair->rig);
	peer_rig_until(pair->rig, pair->rig->now_ms + 9000);
	peer_say_again(pair->now);
	peer_rig_pump(pair->rig, pair->now);
	check_replaced(pair);
}

static void test_R108_the_same_path_many_times(void **state)
{
	struct pair *const pair = *state;
	for (int i = 0; i < 50; i++) {
		struct peer *const p = peer_rig_peer(pair->rig, false, 4000);
		peer_rig_check_alive(pair->rig, p, peer_rig_meet(pair->rig, p));
		peer_check_numbers(p);
		peer_free(p);
	}
	assert_int_equal(dtls_stats(pair->rig->e).conns, 1);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_DOWN), 50);
}

/* The address counts as a whole: port, address, our own address, socket. */
static void test_R109_other_paths_are_other_associations(void **state)
{
	struct pair *const pair = *state;
	for (int i = 0; i < 4; i++) {
		struct peer *const p = peer_rig_peer(pair->rig, false, 4000);
		p->path.peer.port ^= i == 0 ? 1 : 0;
		p->path.peer.ip[3] ^= i == 1 ? 1 : 0;
		p->path.local_ip[3] ^= i == 2 ? 1 : 0;
		p->path.sock ^= i == 3 ? 1 : 0;
		peer_rig_check_alive(pair->rig, p, peer_rig_meet(pair->rig, p));
		check_old_lives(pair);
		/* and its records are worth nothing on a path that is not its own */
		const size_t messages = peer_rig_told(pair->rig, PEER_TOLD_MESSAGE);
		p->path = pair->old->path;
		peer_say_data(p, "stray", 5);
		assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_MESSAGE), messages);
		peer_free(p);
	}
	check_old_lives(pair);
}

/* --- half open ------------------------------------------------------------------------------- */

/* A device that reboots in the midst of its handshake has a new random; its first try is dead. */
static void test_R108_a_reboot_in_the_midst_of_a_handshake(void **state)
{
	struct pair *const pair = *state;
	struct peer_rig *const rig = pair->rig;
	peer_rig_to_flight4(rig, pair->old);
	peer_rig_until(rig, rig->now_ms + 2000);
	peer_rig_to_flight4(rig, pair->now);
	assert_memory_not_equal(pair->now->answer.random, pair->old->answer.random, 32);
	peer_say_flight5(pair->now);
	peer_rig_pump(rig, pair->now);
	assert_true(pair->now->done);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 1);
	peer_rig_check_alive(rig, pair->now, peer_rig_event(rig, PEER_TOLD_UP)->conn);
	peer_check_numbers(pair->now);
}

/* Someone who only spoofs the address gets no cookie and cannot disturb. */
static void test_R108_a_spoofed_hello_in_the_midst_of_a_handshake(void **state)
{
	struct pair *const pair = *state;
	struct peer_rig *const rig = pair->rig;
	peer_rig_to_flight4(rig, pair->old);
	peer_say_hello(pair->now);
	peer_rig_pump(rig, pair->now);
	assert_int_equal(pair->now->verifies, 1);
	peer_say_flight5(pair->old);
	peer_rig_pump(rig, pair->old);
	assert_true(pair->old->done);
	peer_rig_check_alive(rig, pair->old, peer_rig_event(rig, PEER_TOLD_UP)->conn);
}

int main(void)
{
#define MET(f)  cmocka_unit_test_setup_teardown(f, pair_met, pair_down)
#define HALF(f) cmocka_unit_test_setup_teardown(f, pair_up, pair_down)
	const struct CMUnitTest tests[] = {
		MET(test_R108_a_spoofed_hello_has_no_effect),
		MET(test_R108_a_rebooted_device_replaces_itself_when_it_has_finished),
		MET(test_R108_the_old_one_is_used_until_the_new_one_has_finished),
		MET(test_R108_another_identity_on_the_same_path),
		MET(test_R108_a_new_handshake_that_fails_harms_nobody),
		MET(test_R108_a_new_handshake_that_is_left_harms_nobody),
		MET(test_R108_R136_the_old_one_closes_while_the_new_one_begins),
		MET(test_R108_R103_the_final_flight_of_the_new_one_is_repeated),
		MET(test_R108_the_same_path_many_times),
		MET(test_R109_other_paths_are_other_associations),
		HALF(test_R108_a_reboot_in_the_midst_of_a_handshake),
		HALF(test_R108_a_spoofed_hello_in_the_midst_of_a_handshake),
	};
	return cmocka_run_group_tests_name("dtls/wire_replace", tests, NULL, NULL);
}
