/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes on a wire that loses, repeats and shuffles, and their timers. */
#include "pair.h"

enum { LINES = 1000 };

static struct fate fate_victim(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = p->number - 1 == p->victim ? 0 : 1 };
}

static struct fate fate_twice(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = p->number - 1 == p->victim ? 2 : 1, .delay_ms = { 0, 40 } };
}

static struct fate fate_late(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = 1, .delay_ms = { p->number - 1 == p->victim ? 20000 : 5 } };
}

static struct fate fate_loss(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = pair_random(p) % 100 < p->loss ? 0 : 1,
		.delay_ms = { pair_random(p) % 200 } };
}

/* Loses, doubles and shuffles all at once. */
static struct fate fate_chaos(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	const unsigned dice = (unsigned)(pair_random(p) % 100);
	return (struct fate){ .copies = dice < p->loss        ? 0
					: dice < p->loss + 10 ? 2
							      : 1,
		.delay_ms = { pair_random(p) % 3000, pair_random(p) % 3000 } };
}

static void assert_one_up(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(p->side[i].count[UP], 1);
		assert_int_equal(p->side[i].count[FAILED], 0);
		assert_int_equal(p->side[i].count[DOWN], 0);
		assert_int_equal(dtls_stats(p->side[i].e).handshakes, 0);
		assert_int_equal(dtls_stats(p->side[i].e).conns, 1);
	}
}

/* Each datagram of a handshake meets the same fate in turn. */
static void each_in_turn(
	struct fate (*fate)(struct pair *, unsigned, unsigned, const uint8_t *, size_t))
{
	struct pair *clean = pair_up(1, NULL);
	const size_t count = clean->number;
	pair_free(clean);
	assert_int_equal(count, 6);
	for (size_t victim = 0; victim < count; victim++) {
		struct pair *const p = pair_new(2, NULL);
		p->victim = victim;
		p->fate = fate;
		pair_connect(p, 0);
		pair_run(p, p->now_ms + 30000);
		assert_one_up(p);
		p->fate = NULL;
		assert_talk(p);
		assert_no_number_twice(p);
		pair_free(p);
	}
}

static void test_R102_each_datagram_may_be_lost(void **state)
{
	(void)state;
	each_in_turn(fate_victim);
}

static void test_R098_each_datagram_may_come_twice(void **state)
{
	(void)state;
	each_in_turn(fate_twice);
}

static void test_R098_each_datagram_may_come_much_too_late(void **state)
{
	(void)state;
	each_in_turn(fate_late);
}

struct picked {
	struct dtls_conn *conns[LINES];
	size_t count;
};

static bool pick(void *ctx, struct dtls_conn *c)
{
	struct picked *const all = ctx;
	assert_true(all->count < LINES);
	all->conns[all->count++] = c;
	return true;
}

/* One message from each client must come through: both sides mean the same association. */
static void assert_all_talk(struct pair *p)
{
	struct picked *const all = calloc(1, sizeof(*all));
	assert_non_null(all);
	dtls_each(p->side[CLIENT].e, pick, all);
	assert_int_equal(all->count, LINES);
	p->fate = NULL;
	const size_t before = p->side[SERVER].count[MESSAGE];
	for (size_t i = 0; i < LINES; i++)
		assert_int_equal(
			dtls_send(p->side[CLIENT].e, all->conns[i], (const uint8_t *)"here", 4),
			DTLS_OK);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[MESSAGE], before + LINES);
	free(all);
}

static struct pair *many(unsigned loss, const struct dtls_settings *set,
	struct fate (*fate)(struct pair *, unsigned, unsigned, const uint8_t *, size_t))
{
	struct pair *const p = pair_new(loss + 1, set);
	p->loss = loss;
	p->fate = fate;
	for (unsigned line = 0; line < LINES; line++)
		pair_connect(p, line);
	pair_run(p, p->now_ms + set->lifetime_ms);
	return p;
}

static void test_R117_a_thousand_handshakes_with_a_third_lost_all_end_well(void **state)
{
	(void)state;
	struct dtls_settings set = dtls_settings_default();
	set.initial_ms[0] = set.initial_ms[1] = 1000; /* so that enough tries fit a lifetime */
	set.max_ms = 4000;
	struct pair *const p = many(30, &set, fate_loss);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(dtls_stats(p->side[i].e).handshakes_done[i], LINES);
		assert_int_equal(p->side[i].count[FAILED], 0);
		assert_int_equal(dtls_stats(p->side[i].e).handshakes, 0);
	}
	assert_int_equal(p->side[SERVER].count[DOWN], 0);
	assert_no_number_twice(p);
	assert_all_talk(p);
	pair_free(p);
}

static void test_R117_a_thousand_handshakes_in_chaos_all_end_well(void **state)
{
	(void)state;
	struct dtls_settings set = dtls_settings_default();
	set.initial_ms[0] = set.initial_ms[1] = 1000;
	set.max_ms = 4000;
	struct pair *const p = many(20, &set, fate_chaos);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(dtls_stats(p->side[i].e).handshakes_done[i], LINES);
		assert_int_equal(p->side[i].count[FAILED], 0);
		assert_int_equal(dtls_stats(p->side[i].e).handshakes, 0);
	}
	assert_no_number_twice(p);
	assert_all_talk(p);
	pair_free(p);
}

/* in at least 95 of 100 runs within the lifetime, which is five cycles of the timer. */
static void test_R117_a_fifth_lost_with_the_prescribed_timers(void **state)
{
	(void)state;
	const struct dtls_settings set = dtls_settings_default();
	struct pair *const p = many(20, &set, fate_loss);
	const uint64_t done = dtls_stats(p->side[CLIENT].e).handshakes_done[DTLS_CLIENT];
	print_message("# %llu of %d with 20%% loss each way\n", (unsigned long long)done, LINES);
	assert_true(done >= LINES * 95 / 100);
	assert_no_number_twice(p);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R102_each_datagram_may_be_lost),
		cmocka_unit_test(test_R098_each_datagram_may_come_twice),
		cmocka_unit_test(test_R098_each_datagram_may_come_much_too_late),
		cmocka_unit_test(test_R117_a_thousand_handshakes_with_a_third_lost_all_end_well),
		cmocka_unit_test(test_R117_a_thousand_handshakes_in_chaos_all_end_well),
		cmocka_unit_test(test_R117_a_fifth_lost_with_the_prescribed_timers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
