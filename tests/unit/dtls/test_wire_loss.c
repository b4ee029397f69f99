/* SPDX-License-Identifier: Apache-2.0 */
/* Loss, duplicates and floods: handshakes between the engine and a client that keeps its own
   time. */
#include "peer_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

enum { RUNS = 400, LOSS_PERCENT = 20, CYCLES = 5, FLIGHTS = 6 };

/* A client's retransmission: RFC 6347 section 4.2.4.1 with the values of R-099. */
struct client {
	struct peer *p;
	uint64_t due_ms, step_ms;
	unsigned cycles; /* timeouts so far */
	bool asked;      /* the hello with the cookie is out */
	bool answered;   /* flight 5 is out */
};

static void say(struct peer_rig *rig, struct client *c)
{
	c->step_ms = 9000;
	c->due_ms = rig->now_ms + c->step_ms;
}

static void client_step(struct peer_rig *rig, struct client *c)
{
	struct peer *const p = c->p;
	peer_rig_pump(rig, p);
	if (!c->asked && p->verifies > 0) {
		c->asked = true;
		peer_say_hello(p);
		say(rig, c);
		peer_rig_pump(rig, p);
	}
	if (!c->answered && p->flight) {
		c->answered = true;
		peer_say_flight5(p);
		say(rig, c);
		peer_rig_pump(rig, p);
	}
	if (p->done || rig->now_ms < c->due_ms)
		return;
	c->cycles++;
	c->step_ms = c->step_ms * 2 < 60000 ? c->step_ms * 2 : 60000;
	c->due_ms = rig->now_ms + c->step_ms;
	peer_say_again(p);
	peer_rig_pump(rig, p);
}

/* Until it is done or the client has tried `cycles` times. */
static void client_run(struct peer_rig *rig, struct client *c, unsigned cycles)
{
	peer_say_hello(c->p);
	say(rig, c);
	while (!c->p->done && c->cycles <= cycles) {
		client_step(rig, c);
		peer_rig_step(rig, c->due_ms);
	}
	client_step(rig, c);
}

static void test_R117_handshakes_end_well_with_a_fifth_of_all_datagrams_lost(void **state)
{
	(void)state;
	unsigned good = 0;
	for (unsigned run = 0; run < RUNS; run++) {
		struct peer_rig *const rig = peer_rig_new(NULL);
		rig->drop_of_100 = LOSS_PERCENT;
		rig->drop_seed = run;
		struct client c = { .p = peer_rig_peer(rig, false, 4000) };
		client_run(rig, &c, CYCLES);
		good += c.p->done && c.cycles <= CYCLES ? 1 : 0;
		assert_true(peer_rig_told(rig, PEER_TOLD_UP) <= 1);
		if (c.p->done) {
			rig->drop_of_100 = 0;
			assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 1);
			struct dtls_conn *const up = peer_rig_event(rig, PEER_TOLD_UP)->conn;
			peer_rig_check_alive(rig, c.p, up);
			peer_check_numbers(c.p);
		}
		peer_free(c.p);
		peer_rig_free(rig);
	}
	print_message("# %u of %u within %d timeouts\n", good, RUNS, CYCLES);
	assert_true(good * 100 >= RUNS * 95);
}

/* The datagrams of the engine and of the client are counted from 1; one of them is lost or comes
   twice. */
struct mishap {
	unsigned mine, its; /* 0: none */
	bool twice;
	unsigned said;
	struct peer_rig *rig;
};

static void mishap_send(void *ctx, struct peer *p, const uint8_t *datagram, size_t len)
{
	struct mishap *const m = ctx;
	m->said++;
	const bool hit = m->said == m->mine;
	if (!hit || m->twice)
		peer_rig_input(m->rig, p, datagram, len);
	if (hit && m->twice)
		peer_rig_input(m->rig, p, datagram, len);
}

static void one_mishap(struct mishap *m)
{
	struct peer_rig *const rig = peer_rig_new(NULL);
	m->rig = rig;
	struct client c = { .p = peer_rig_peer(rig, false, 4000) };
	c.p->send = mishap_send;
	c.p->ctx = m;
	unsigned heard = 0;
	peer_say_hello(c.p);
	say(rig, &c);
	while (!c.p->done && c.cycles <= CYCLES) {
		if (rig->outs > 0 && ++heard == m->its && !m->twice)
			peer_rig_drop(rig);
		client_step(rig, &c);
		peer_rig_step(rig, c.due_ms);
	}
	assert_true(c.p->done);
	assert_true(c.cycles <= 2);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 1);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_FAILED), 0);
	assert_int_equal(dtls_stats(rig->e).handshakes, 0);
	m->mine = 0;
	peer_rig_pump(rig, c.p);
	peer_rig_check_alive(rig, c.p, peer_rig_event(rig, PEER_TOLD_UP)->conn);
	peer_check_numbers(c.p);
	peer_free(c.p);
	peer_rig_free(rig);
}

static void test_R102_any_one_datagram_may_be_lost_or_come_twice(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= FLIGHTS; i++) {
		one_mishap(&(struct mishap){ .mine = i });
		one_mishap(&(struct mishap){ .mine = i, .twice = true });
		one_mishap(&(struct mishap){ .its = i });
		for (unsigned j = 1; j <= FLIGHTS; j++)
			one_mishap(&(struct mishap){ .mine = i, .its = j });
	}
}

/* --- R-116 ----------------------------------------------------------------------------------- */

static void half_open(struct peer_rig *rig, size_t port)
{
	struct peer *const p = peer_rig_peer(rig, false, port);
	peer_rig_ask(rig, p);
	peer_free(p);
}

static void test_R116_half_open_handshakes_are_bounded_in_number(void **state)
{
	(void)state;
	struct dtls_settings s = dtls_settings_default();
	s.handshakes_max = 5;
	struct peer_rig *const rig = peer_rig_new(&s);
	for (size_t i = 0; i < 50; i++) {
		half_open(rig, 4000 + i);
		assert_true(dtls_stats(rig->e).handshakes <= 5);
	}
	peer_rig_until(rig, rig->now_ms + 181000);
	peer_rig_drop(rig);
	assert_int_equal(dtls_stats(rig->e).handshakes, 0);
	assert_int_equal(dtls_stats(rig->e).handshake_bytes, 0);
	struct peer *const p = peer_rig_peer(rig, false, 5000);
	peer_rig_check_alive(rig, p, peer_rig_meet(rig, p));
	peer_free(p);
	peer_rig_free(rig);
}

static void test_R116_half_open_handshakes_are_bounded_in_bytes(void **state)
{
	(void)state;
	struct dtls_settings s = dtls_settings_default();
	s.handshake_bytes_max = 1 << 20;
	struct peer_rig *const rig = peer_rig_new(&s);
	for (size_t i = 0; i < 200; i++)
		half_open(rig, 4000 + i);
	const struct dtls_stats st = dtls_stats(rig->e);
	assert_true(st.handshakes > 0 && st.handshakes < 200);
	assert_true(st.handshake_bytes <= s.handshake_bytes_max);
	peer_rig_free(rig);
}

/* The bound is on handshakes: associations that are up do not count, and go on while it is
   reached. */
static void test_R116_a_flood_does_not_touch_what_is_up(void **state)
{
	(void)state;
	struct dtls_settings s = dtls_settings_default();
	s.handshakes_max = 3;
	struct peer_rig *const rig = peer_rig_new(&s);
	struct peer *p[10];
	struct dtls_conn *c[10];
	for (size_t i = 0; i < 10; i++) {
		p[i] = peer_rig_peer(rig, false, 4000 + i);
		c[i] = peer_rig_meet(rig, p[i]);
	}
	for (size_t i = 0; i < 100; i++)
		half_open(rig, 5000 + i);
	for (size_t i = 0; i < 10; i++) {
		peer_rig_check_alive(rig, p[i], c[i]);
		peer_check_numbers(p[i]);
		peer_free(p[i]);
	}
	assert_int_equal(dtls_stats(rig->e).conns, 10);
	peer_rig_free(rig);
}

/* "oldest dropped first": with good cookies from everywhere a newcomer still gets through. */
static void test_R116_the_oldest_half_open_handshake_makes_room(void **state)
{
	(void)state;
	struct dtls_settings s = dtls_settings_default();
	s.handshakes_max = 3;
	struct peer_rig *const rig = peer_rig_new(&s);
	for (size_t i = 0; i < 10; i++) {
		half_open(rig, 5000 + i);
		peer_rig_until(rig, rig->now_ms + 1000);
		peer_rig_drop(rig);
	}
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_rig_ask(rig, p);
	assert_true(p->flight);
	peer_say_flight5(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	peer_free(p);
	peer_rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R117_handshakes_end_well_with_a_fifth_of_all_datagrams_lost),
		cmocka_unit_test(test_R102_any_one_datagram_may_be_lost_or_come_twice),
		cmocka_unit_test(test_R116_half_open_handshakes_are_bounded_in_number),
		cmocka_unit_test(test_R116_half_open_handshakes_are_bounded_in_bytes),
		cmocka_unit_test(test_R116_a_flood_does_not_touch_what_is_up),
		cmocka_unit_test(test_R116_the_oldest_half_open_handshake_makes_room),
	};
	return cmocka_run_group_tests_name("dtls/wire_loss", tests, NULL, NULL);
}
