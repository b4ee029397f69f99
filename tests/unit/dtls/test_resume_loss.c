/* SPDX-License-Identifier: Apache-2.0 */
/* The abbreviated handshake on a bad path (RFC 6347 4.2.4), by a device that is libssl all the
   way. */
#include "device.h"

/* The datagrams of an abbreviated handshake on a clean wire. */
enum { HELLO_1, VERIFY, HELLO_2, FLIGHT_SERVER, FLIGHT_CLIENT, DATAGRAMS };

/* A pair, and a device with a session that is about to be offered. */
struct scene {
	struct shelf shelf;
	struct pair *p;
	struct device *d;
};

static void scene_begin(struct scene *s, uint64_t seed)
{
	s->p = pair_with_shelf(seed, &s->shelf);
	struct device *const first = device_new(s->p, NULL);
	device_connect(first);
	assert_true(first->up);
	SSL_SESSION *const session = SSL_get1_session(first->ssl);
	device_free(first);
	s->p->generation++;
	s->p->number = 0;
	s->d = device_new(s->p, session);
	SSL_SESSION_free(session);
}

static void scene_end(struct scene *s)
{
	device_free(s->d);
	pair_free(s->p);
}

static bool is_done(const struct scene *s)
{
	return s->d->up && s->p->side[SERVER].count[UP] == 2;
}

static void assert_resumed(struct scene *s)
{
	const struct side *const server = &s->p->side[SERVER];
	assert_true(is_done(s));
	assert_true(SSL_session_reused(s->d->ssl));
	assert_int_equal(dtls_stats(server->e).resumed, 1);
	assert_int_equal(s->p->asked, 1); /* by the first, full one */
	assert_int_equal(s->shelf.keeps, 1);
	assert_int_equal(s->shelf.drops, 0);
	assert_int_equal(server->count[FAILED], 0);
	s->p->fate = NULL;
	device_run(s->d, s->p->now_ms + 10000); /* what is late arrives */
	assert_device_talks(s->d);
	assert_no_number_twice(s->p);
	assert_int_equal(dtls_stats(server->e).handshakes, 0);
	/* Both are content: nobody says a word any more. */
	const size_t number = s->p->number;
	device_run(s->d, s->p->now_ms + 600000);
	assert_int_equal(s->p->number, number);
}

static struct fate fate_lose(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = p->number - 1 == p->victim ? 0 : 1 };
}

static struct fate fate_repeat(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	const bool twice = p->number - 1 == p->victim;
	return (struct fate){ .copies = twice ? 2 : 1, .delay_ms = { 0, 1 } };
}

static struct fate fate_be_late(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = 1, .delay_ms = { p->number - 1 == p->victim ? 12000 : 0 } };
}

static void test_R102_each_datagram_of_it_may_be_lost_twice_or_late(void **state)
{
	(void)state;
	struct fate (*const fates[])(struct pair *, unsigned, unsigned, const uint8_t *,
		size_t) = { fate_lose, fate_repeat, fate_be_late };
	for (size_t f = 0; f < COUNT_OF(fates); f++) {
		for (size_t victim = HELLO_1; victim < DATAGRAMS; victim++) {
			struct scene s;
			scene_begin(&s, victim + 1);
			s.p->fate = fates[f];
			s.p->victim = victim;
			device_take(s.d, NULL, 0);
			device_run(s.d, s.p->now_ms + 13000);
			assert_resumed(&s);
			scene_end(&s);
		}
	}
}

static struct fate fate_lose_from(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = from == CLIENT && p->number - 1 >= p->victim ? 0 : 1 };
}

/* The device's Finished is the last message: if it does not come, our flight goes out again by our
   timer, and the device, which is done, answers each with its own. */
static void test_R099_R103_the_server_asks_for_a_lost_last_flight_by_its_timer(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s, 1);
	const uint64_t start = s.p->now_ms;
	s.p->fate = fate_lose_from;
	s.p->victim = FLIGHT_CLIENT;
	device_take(s.d, NULL, 0);
	device_run(s.d, start + 100000);
	assert_true(s.d->up);
	assert_int_equal(s.p->side[SERVER].count[UP], 1);
	/* Ours again, the last two times one record to a datagram, and each time the
	   device's answer: lost. */
	static const struct {
		size_t number;
		uint64_t after_ms;
	} again[] = { { DATAGRAMS, 9000 }, { DATAGRAMS + 2, 27000 }, { DATAGRAMS + 6, 63000 } };
	assert_int_equal(s.p->number, DATAGRAMS + 2 + 4 + 4);
	for (size_t i = 0; i < COUNT_OF(again); i++)
		assert_int_equal(s.p->sent_at[again[i].number] - start, again[i].after_ms);
	s.p->fate = NULL;
	device_run(s.d, start + 123000);
	assert_resumed(&s);
	scene_end(&s);
}

/* Data under the new keys that comes first is not let in, but makes us ask at once. */
static void test_R105_early_data_is_dropped_and_hastens_the_last_flight(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s, 1);
	struct side *const server = &s.p->side[SERVER];
	s.p->fate = fate_lose_from;
	s.p->victim = FLIGHT_CLIENT;
	device_connect(s.d);
	assert_true(s.d->up);
	s.p->fate = fate_lose;
	s.p->victim = s.p->number + 1; /* our flight that it causes: lost, too */
	device_say(s.d, "one");
	device_deliver(s.d);
	assert_int_equal(server->count[UP], 1);
	assert_int_equal(s.p->number, DATAGRAMS + 2);
	s.p->fate = NULL;
	device_say(s.d, "two");
	device_deliver(s.d);
	assert_int_equal(server->count[MESSAGE], 0);
	assert_int_equal(dtls_stats(server->e).early, 2);
	assert_int_equal(dtls_stats(server->e).forged, 0);
	assert_int_equal(server->count[UP], 2);
	assert_resumed(&s);
	scene_end(&s);
}

static struct fate fate_chaos(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	struct fate f = { .copies = 1 };
	if (pair_random(p) % 100 < 25)
		f.copies = 0;
	else if (pair_random(p) % 100 < 20)
		f.copies = 2;
	f.delay_ms[0] = pair_random(p) % 3000;
	f.delay_ms[1] = pair_random(p) % 15000;
	return f;
}

static void test_R117_it_gets_through_loss_repetition_and_disorder(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct scene s;
		scene_begin(&s, seed);
		s.p->fate = fate_chaos;
		device_take(s.d, NULL, 0);
		for (int i = 0; i < 20 && !is_done(&s); i++) {
			device_run(s.d, s.p->now_ms + 5000);
			if (s.d->up) /* as CoAP does until it is answered */
				device_say(s.d, "again");
		}
		device_deliver(s.d);
		assert_resumed(&s);
		scene_end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R102_each_datagram_of_it_may_be_lost_twice_or_late),
		cmocka_unit_test(
			test_R099_R103_the_server_asks_for_a_lost_last_flight_by_its_timer),
		cmocka_unit_test(test_R105_early_data_is_dropped_and_hastens_the_last_flight),
		cmocka_unit_test(test_R117_it_gets_through_loss_repetition_and_disorder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
