/* SPDX-License-Identifier: Apache-2.0 */
/* Who may begin a handshake, and what those may cost that come to nothing. */
#include "peer_rig.h"

#include "dtls/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	FREE = 32, /* failures of a source that nothing is made of */
	SHARE = 128,
	ATTEMPTS = 1000,
	TURN_MS = 512, /* who waits so long has waited */
};

/* Somebody at an address of his own: 192.0.2.host. */
static struct peer *at_host(struct peer_rig *rig, uint8_t host, size_t port)
{
	struct peer *const p = peer_rig_peer(rig, false, port);
	p->path.peer.ip[3] = host;
	return p;
}

/* As bad as they come: an odd one has a wrong key, an even one a name that nobody has. */
static struct peer *bad_peer(struct peer_rig *rig, unsigned i)
{
	struct peer *const p = at_host(rig, 1, 2000 + i);
	char name[16];
	if (i % 2 == 0)
		peer_identity(p, name, (size_t)snprintf(name, sizeof(name), "nobody%u", i));
	peer_key(p, "0123456789abcdef", 16);
	return p;
}

/* Up to where it awaits the server's flight. */
static void ask(struct peer_rig *rig, struct peer *p)
{
	peer_rig_ask(rig, p);
	assert_int_equal(p->verifies, 1);
}

static void ask_again(struct peer_rig *rig, struct peer *p)
{
	peer_say_again(p);
	peer_rig_pump(rig, p);
}

/* Its Finished, up to three times; the alert that it hears, or -1. */
static int come_to_nothing(struct peer_rig *rig, struct peer *p)
{
	if (p->flight) {
		peer_say_flight5(p);
		peer_say_again(p);
		peer_say_again(p);
		peer_rig_pump(rig, p);
	}
	assert_false(p->done);
	return peer_alert(p);
}

static void attempt(struct peer_rig *rig, unsigned i)
{
	struct peer *const p = bad_peer(rig, i);
	ask(rig, p);
	(void)come_to_nothing(rig, p);
	peer_free(p);
}

/* So many fail one after the other, and the source is suspected. */
static void make_suspect(struct peer_rig *rig)
{
	for (unsigned i = 0; i < 2 * FREE; i++)
		attempt(rig, i);
	peer_rig_forget(rig);
}

static void assert_gets_in(struct peer_rig *rig, struct peer *p)
{
	assert_true(p->flight);
	peer_say_flight5(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	peer_rig_check_alive(rig, p, peer_rig_event(rig, PEER_TOLD_UP)->conn);
}

static void let_pass(struct peer_rig *rig, uint64_t ms)
{
	peer_rig_until(rig, rig->now_ms + ms);
}

/* --- the requirement ------------------------------------------------------------------------- */

/* A device that sends its hello again when nothing is heard for initial_ms. */
struct device {
	struct peer *p;
	uint64_t due_ms;
	unsigned repeats;
	bool up;
};

static void device_turn(struct peer_rig *rig, struct device *d, uint64_t initial_ms)
{
	if (!d->p || d->up)
		return;
	if (d->due_ms == 0) {
		ask(rig, d->p);
		d->due_ms = rig->now_ms + initial_ms;
	}
	if (!d->p->flight && rig->now_ms >= d->due_ms) {
		d->repeats++;
		d->due_ms = rig->now_ms + 2 * initial_ms;
		ask_again(rig, d->p);
	}
	if (!d->p->flight)
		return;
	assert_gets_in(rig, d->p);
	d->up = true;
}

static void thousand_attempts(uint64_t each_ms, uint64_t initial_ms)
{
	struct peer_rig *const rig = peer_rig_new(NULL);
	struct device behind[5] = { { .p = NULL } }; /* the same address, at different times */
	struct device beside[5] = { { .p = NULL } }; /* another one */
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		attempt(rig, i);
		assert_in_range(dtls_stats(rig->e).handshakes, 0, 1);
		if (i % 200 == 100) {
			behind[i / 200].p = at_host(rig, 1, 60000 + i);
			beside[i / 200].p = at_host(rig, 77, 60000 + i);
		}
		for (size_t k = 0; k < 5; k++) {
			device_turn(rig, &behind[k], initial_ms);
			device_turn(rig, &beside[k], initial_ms);
			assert_int_equal(beside[k].up, beside[k].p != NULL);
		}
		let_pass(rig, each_ms);
	}
	let_pass(rig, 2 * initial_ms);
	for (size_t k = 0; k < 5; k++) {
		device_turn(rig, &behind[k], initial_ms);
		assert_true(behind[k].up && beside[k].up);
		assert_in_range(behind[k].repeats, 0, 1); /* fewer than 2 retransmissions */
		assert_int_equal(beside[k].repeats, 0);
		peer_free(behind[k].p);
		peer_free(beside[k].p);
	}
	const struct dtls_stats s = dtls_stats(rig->e);
	const uint64_t seconds = ATTEMPTS * each_ms / 1000;
	/* What they got for it: so many tries in all, and nothing is left of them. */
	assert_in_range(s.handshakes_failed[DTLS_SERVER], FREE, FREE + seconds + 12);
	assert_true(s.deferred + s.handshakes_failed[DTLS_SERVER] >= ATTEMPTS);
	assert_int_equal(s.handshakes + s.handshake_bytes, 0);
	peer_rig_free(rig);
}

static void test_R057_a_thousand_bad_attempts_do_not_shut_out_a_device_beside_them(void **state)
{
	(void)state;
	thousand_attempts(1, 1000);
	thousand_attempts(10, 1000);
	thousand_attempts(20, 9000);
}

/* The strangers take pains: each sends its hello again. */
static void test_R057_nor_do_those_that_wait_as_devices_do(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	struct peer *bad[50];
	make_suspect(rig);
	const uint64_t failed = dtls_stats(rig->e).handshakes_failed[DTLS_SERVER];
	for (unsigned round = 0; round < ATTEMPTS / 50; round++) {
		struct peer *const good = at_host(rig, 1, 60000 + round);
		for (unsigned i = 0; i < 50; i++) {
			bad[i] = bad_peer(rig, 5000 + round * 50 + i);
			ask(rig, bad[i]);
			if (i == 25)
				ask(rig, good);
		}
		let_pass(rig, TURN_MS);
		for (unsigned i = 0; i < 50; i++) {
			ask_again(rig, bad[i]);
			(void)come_to_nothing(rig, bad[i]);
			if (i == 25 && !good->flight)
				ask_again(rig, good);
			peer_free(bad[i]);
		}
		assert_gets_in(rig, good);
		peer_free(good);
	}
	const struct dtls_stats s = dtls_stats(rig->e);
	/* They are heard, after a turn's time; each had one try. */
	assert_int_equal(s.handshakes_failed[DTLS_SERVER] - failed, ATTEMPTS);
	assert_int_equal(s.handshakes + s.handshake_bytes, 0);
	peer_rig_free(rig);
}

static void test_R057_R116_open_handshakes_of_a_suspect_are_held_to_a_share(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	make_suspect(rig);
	for (unsigned round = 0; round < ATTEMPTS / 50; round++) {
		struct peer *open[50];
		for (unsigned i = 0; i < 50; i++) {
			open[i] = at_host(rig, 1, 4000 + round * 50 + i);
			ask(rig, open[i]);
		}
		let_pass(rig, TURN_MS);
		for (unsigned i = 0; i < 50; i++) {
			ask_again(rig, open[i]);
			peer_free(open[i]);
		}
		assert_in_range(dtls_stats(rig->e).handshakes, 50, SHARE);
	}
	assert_int_equal(dtls_stats(rig->e).handshakes, SHARE);
	struct peer *const other = at_host(rig, 77, 1);
	(void)peer_rig_meet(rig, other); /* undisturbed */
	struct peer *const same = at_host(rig, 1, 1);
	ask(rig, same);
	let_pass(rig, TURN_MS);
	ask_again(rig, same);
	assert_gets_in(rig, same);
	peer_free(other);
	peer_free(same);
	peer_rig_free(rig);
}

/* --- who is suspected ------------------------------------------------------------------------ */

static void test_R057_a_few_failures_change_nothing(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	for (unsigned i = 0; i < FREE - 2; i++) {
		struct peer *const p = bad_peer(rig, i);
		ask(rig, p);
		assert_int_equal(come_to_nothing(rig, p), DTLS_DECRYPT_ERROR); /* */
		peer_free(p);
	}
	struct peer *const good = at_host(rig, 1, 1);
	(void)peer_rig_meet(rig, good);
	assert_int_equal(dtls_stats(rig->e).deferred, 0);
	peer_free(good);
	peer_rig_free(rig);
}

static void open_handshakes(struct peer_rig *rig, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct peer *const p = at_host(rig, 1, 20000 + i);
		peer_rig_to_flight4(rig, p);
		peer_free(p);
	}
}

static void fail_times(struct peer_rig *rig, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		attempt(rig, i);
}

/* Those that are under way may fail, too: but only where many have. */
static void test_R057_many_at_once_are_suspect_only_when_many_have_failed(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	fail_times(rig, FREE / 2 - 1);
	open_handshakes(rig, 100);
	assert_int_equal(dtls_stats(rig->e).deferred, 0);
	fail_times(rig, 1);
	assert_int_equal(dtls_stats(rig->e).deferred, 0);
	fail_times(rig, 1);
	assert_int_equal(dtls_stats(rig->e).deferred, 1);
	peer_rig_free(rig);
}

static void test_R057_a_suspect_hears_no_alert_and_has_one_try(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	make_suspect(rig);
	struct peer *const p = bad_peer(rig, 999);
	ask(rig, p);
	assert_false(p->flight);
	let_pass(rig, TURN_MS);
	ask_again(rig, p);
	assert_true(p->flight);
	peer_say_flight5(p);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_FAILED), 1); /* at once */
	peer_rig_pump(rig, p);
	assert_int_equal(peer_alert(p), -1);
	peer_free(p);
	peer_rig_free(rig);
}

static void test_R057_a_hello_that_comes_again_at_once_has_not_waited(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	make_suspect(rig);
	let_pass(rig, 5);
	struct peer *const p = at_host(rig, 1, 1);
	ask(rig, p);
	for (unsigned i = 0; i < 20; i++)
		ask_again(rig, p);
	assert_false(p->flight);
	let_pass(rig, TURN_MS);
	ask_again(rig, p);
	assert_gets_in(rig, p);
	peer_free(p);
	peer_rig_free(rig);
}

static void test_R057_who_has_an_association_on_the_path_need_not_wait(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	struct peer *const before = at_host(rig, 1, 1);
	(void)peer_rig_meet(rig, before);
	make_suspect(rig);
	struct peer *const after = at_host(rig, 1, 1); /* it was restarted */
	(void)peer_rig_meet(rig, after);
	peer_free(before);
	peer_free(after);
	peer_rig_free(rig);
}

/* An IPv6 host has a /64 to draw addresses from. */
static void test_R057_a_source_is_an_IPv4_address_or_an_IPv6_64(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	for (unsigned i = 0; i < 3 * FREE; i++) {
		struct peer *const p = at_host(rig, 1, 1);
		p->path.peer.family = NET_IPV6;
		p->path.peer.ip[8 + i % 8] = (uint8_t)(i + 1);
		peer_key(p, "0123456789abcdef", 16);
		ask(rig, p);
		(void)come_to_nothing(rig, p);
		peer_free(p);
	}
	assert_in_range(dtls_stats(rig->e).deferred, FREE, 2 * FREE);
	struct peer *const next = at_host(rig, 1, 1); /* the next /64 */
	next->path.peer.family = NET_IPV6;
	next->path.peer.ip[7] = 1;
	(void)peer_rig_meet(rig, next);
	struct peer *const other = at_host(rig, 1, 1); /* IPv4, with the same octets */
	(void)peer_rig_meet(rig, other);
	peer_free(next);
	peer_free(other);
	peer_rig_free(rig);
}

static void test_R057_suspicion_passes(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	make_suspect(rig);
	let_pass(rig, 60000);
	struct peer *const good = at_host(rig, 1, 1);
	(void)peer_rig_meet(rig, good);
	peer_free(good);
	peer_rig_free(rig);
}

/* A NAT with many devices, one in three of them wrong: nobody has to wait. */
static void test_R057_successes_weigh_as_much_as_failures(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	for (unsigned i = 0; i < 300; i++) {
		if (i % 3 == 0)
			attempt(rig, i);
		struct peer *const good = at_host(rig, 1, 10000 + i);
		(void)peer_rig_meet(rig, good);
		peer_free(good);
	}
	assert_int_equal(dtls_stats(rig->e).deferred, 0);
	peer_rig_free(rig);
}

/* --- identities ------------------------------------------------------------------------------ */

/* How many Finished it takes to fail from a host that nothing is known of. */
static unsigned tries_of(struct peer_rig *rig, uint8_t host, const char *identity)
{
	struct peer *const p = at_host(rig, host, 5);
	peer_identity(p, identity, strlen(identity));
	peer_key(p, "0123456789abcdef", 16);
	ask(rig, p);
	const size_t before = peer_rig_told(rig, PEER_TOLD_FAILED);
	unsigned tries = 0;
	for (; tries < 10 && peer_rig_told(rig, PEER_TOLD_FAILED) == before; tries++) {
		if (tries == 0)
			peer_say_flight5(p);
		else
			peer_say_again(p);
	}
	peer_rig_pump(rig, p);
	assert_int_equal(peer_alert(p), DTLS_DECRYPT_ERROR);
	peer_free(p);
	return tries;
}

static void test_R057_an_identity_that_fails_from_anywhere_has_one_try(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	/* the known and the unknown one look the same. */
	static const char *const identities[] = { "thing", "nobody" };
	for (size_t i = 0; i < 2; i++) {
		for (uint8_t host = 1; host <= 8; host++)
			assert_int_equal(
				tries_of(rig, (uint8_t)(host + 100 * i), identities[i]), 3);
		assert_int_equal(tries_of(rig, (uint8_t)(50 + 100 * i), identities[i]), 1);
	}
	assert_int_equal(tries_of(rig, 60, "another"), 3);
	/* Whose it is comes in at the first, from wherever. */
	struct peer *const good = at_host(rig, 90, 1);
	(void)peer_rig_meet(rig, good);
	assert_int_equal(dtls_stats(rig->e).deferred, 0);
	peer_free(good);
	peer_rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_R057_a_thousand_bad_attempts_do_not_shut_out_a_device_beside_them),
		cmocka_unit_test(test_R057_nor_do_those_that_wait_as_devices_do),
		cmocka_unit_test(test_R057_R116_open_handshakes_of_a_suspect_are_held_to_a_share),
		cmocka_unit_test(test_R057_a_few_failures_change_nothing),
		cmocka_unit_test(test_R057_many_at_once_are_suspect_only_when_many_have_failed),
		cmocka_unit_test(test_R057_a_suspect_hears_no_alert_and_has_one_try),
		cmocka_unit_test(test_R057_a_hello_that_comes_again_at_once_has_not_waited),
		cmocka_unit_test(test_R057_who_has_an_association_on_the_path_need_not_wait),
		cmocka_unit_test(test_R057_a_source_is_an_IPv4_address_or_an_IPv6_64),
		cmocka_unit_test(test_R057_suspicion_passes),
		cmocka_unit_test(test_R057_successes_weigh_as_much_as_failures),
		cmocka_unit_test(test_R057_an_identity_that_fails_from_anywhere_has_one_try),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
