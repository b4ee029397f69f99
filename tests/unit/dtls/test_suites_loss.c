/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes of every kind over a bad radio: datagrams are lost, doubled and shuffled. */
#include "trust.h"

enum { LINES = 1000, LOSS = 30, DOUBLED = 10 };

static struct fate fate_radio(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	const unsigned dice = (unsigned)(pair_random(p) % 100);
	return (struct fate){ .copies = dice < LOSS             ? 0
					: dice < LOSS + DOUBLED ? 2
								: 1,
		.delay_ms = { pair_random(p) % 3000, pair_random(p) % 3000 } };
}

static struct dtls_settings hasty(void)
{
	struct dtls_settings set = dtls_settings_default();
	set.initial_ms[0] = set.initial_ms[1] = 1000; /* so that enough tries fit a lifetime */
	set.max_ms = 4000;
	set.handshakes_max = 4096;
	set.handshake_bytes_max = (size_t)1 << 30;
	return set;
}

struct talkers {
	struct side *s;
	size_t sent;
};

static bool say_to_all(void *ctx, struct dtls_conn *c)
{
	struct talkers *const t = ctx;
	if (dtls_conn_role(c) == DTLS_CLIENT)
		t->sent += dtls_send(t->s->e, c, (const uint8_t *)"x", 1) == DTLS_OK;
	return true;
}

/* All lines are up on both sides, with the same keys. */
static void check_all_up(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(p->side[i].count[FAILED], 0);
		assert_int_equal(dtls_stats(p->side[i].e).handshakes_done[i], LINES);
		assert_int_equal(dtls_stats(p->side[i].e).handshakes, 0);
		assert_int_equal(dtls_stats(p->side[i].e).conns, LINES);
	}
	p->fate = NULL;
	const size_t heard = p->side[SERVER].count[MESSAGE];
	struct talkers t = { .s = &p->side[CLIENT] };
	dtls_each(p->side[CLIENT].e, say_to_all, &t);
	pair_deliver(p);
	assert_int_equal(t.sent, LINES);
	assert_int_equal(p->side[SERVER].count[MESSAGE] - heard, LINES);
	assert_no_number_twice(p);
}

static void all_end_well(enum kind kind, uint16_t suite, bool resume)
{
	const struct dtls_settings set = hasty();
	struct trust *const t = trust_with(suite, kind, suite, &set);
	struct pair *const p = t->p;
	if (resume) {
		trust_meet(t);
		dtls_close(p->side[CLIENT].e, p->side[CLIENT].conn);
		pair_deliver(p);
		t->offer = true;
		p->generation++;
	}
	const uint64_t before = dtls_stats(p->side[CLIENT].e).handshakes_done[DTLS_CLIENT];
	const size_t datagrams = p->number;
	p->fate = fate_radio;
	for (unsigned line = 0; line < LINES; line++)
		trust_connect(t, line);
	pair_run(p, p->now_ms + set.lifetime_ms);
	const struct dtls_stats client = dtls_stats(p->side[CLIENT].e);
	print_message("# %llu of %d handshakes, %llu resumed, %zu datagrams each\n",
		(unsigned long long)(client.handshakes_done[DTLS_CLIENT] - before), LINES,
		(unsigned long long)client.resumed, (p->number - datagrams) / LINES);
	assert_int_equal(client.resumed, resume ? LINES : 0);
	for (unsigned i = 0; i < 2; i++)
		p->side[i].e->stats.handshakes_done[i] -= before;
	check_all_up(p);
	trust_free(t);
}

static void test_R117_a_thousand_with_PSK_and_CCM_8_all_end_well(void **state)
{
	(void)state;
	all_end_well(KIND_PSK, 0xc0a8, false);
}

static void test_R117_a_thousand_with_PSK_and_CBC_all_end_well(void **state)
{
	(void)state;
	all_end_well(KIND_PSK, 0x00ae, false);
}

static void test_R117_a_thousand_with_raw_keys_all_end_well(void **state)
{
	(void)state;
	if (dtls_profile_can_raw())
		all_end_well(KIND_RAW, 0xc0ae, false);
}

static void test_R117_a_thousand_with_chains_and_CCM_8_all_end_well(void **state)
{
	(void)state;
	all_end_well(KIND_X509, 0xc0ae, false);
}

static void test_R117_a_thousand_with_chains_and_CBC_all_end_well(void **state)
{
	(void)state;
	all_end_well(KIND_X509, 0xc023, false);
}

static void test_R103_a_thousand_resumed_by_links_all_end_well(void **state)
{
	(void)state;
	all_end_well(KIND_X509, 0xc0ae, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R117_a_thousand_with_PSK_and_CCM_8_all_end_well),
		cmocka_unit_test(test_R117_a_thousand_with_PSK_and_CBC_all_end_well),
		cmocka_unit_test(test_R117_a_thousand_with_raw_keys_all_end_well),
		cmocka_unit_test(test_R117_a_thousand_with_chains_and_CCM_8_all_end_well),
		cmocka_unit_test(test_R117_a_thousand_with_chains_and_CBC_all_end_well),
		cmocka_unit_test(test_R103_a_thousand_resumed_by_links_all_end_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
