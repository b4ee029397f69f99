/* SPDX-License-Identifier: Apache-2.0 */
/* How many wrong tags one key takes (R-130, R-131, S23). */
#include "pair.h"

enum { MAX = 128, BURST = 32 };
static const uint64_t ease_ms = 1000;

static struct pair *besieged(uint64_t seed)
{
	struct dtls_settings set = dtls_settings_default();
	set.forged_max = MAX;
	struct pair *const p = pair_up(seed, &set);
	assert_talk(p);
	return p;
}

/* n records with a good header and a wrong tag, in the peer's name. */
static void forge(struct pair *p, unsigned to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t d[DTLS_RECORD_OVERHEAD + 5] = { 0 };
		const struct dtls_number number = {
			.type = DTLS_DATA, .epoch = 1, .seq = 1000 + i
		};
		dtls_record_header(d, DTLS_VERSION_1_2, &number, sizeof(d) - DTLS_RECORD_HEADER);
		pair_input(p, to, 0, d, sizeof(d));
	}
}

static void test_R130_the_bound_closes_and_one_less_does_not(void **state)
{
	(void)state;
	for (unsigned to = 0; to < 2; to++) {
		struct pair *const p = besieged(1 + to);
		for (size_t i = 0; i < MAX - 1; i++) {
			pair_run(p, p->now_ms + ease_ms);
			forge(p, to, 1);
		}
		assert_int_equal(dtls_conn_facts(p->side[to].conn).forged, MAX - 1);
		pair_run(p, p->now_ms + 3 * ease_ms);
		assert_talk(p);
		forge(p, to, 1);
		assert_int_equal(p->side[to].count[DOWN], 1);
		assert_int_equal(
			p->side[to].notes[p->side[to].note_count - 1].what, DTLS_END_FORGED);
		/* S23: never silently. */
		pair_deliver(p);
		assert_int_equal(p->side[!to].count[DOWN], 1);
		pair_free(p);
	}
}

static void test_R131_a_flood_is_not_tried(void **state)
{
	(void)state;
	struct pair *const p = besieged(3);
	forge(p, SERVER, 20000);
	const struct dtls_stats s = dtls_stats(p->side[SERVER].e);
	assert_int_equal(s.forged, BURST);
	assert_int_equal(s.untried, 20000 - BURST);
	assert_int_equal(p->side[SERVER].count[DOWN], 0);
	/* Its own records are heard again as soon as the bucket has room. */
	pair_run(p, p->now_ms + 2 * ease_ms);
	assert_talk(p);
	pair_free(p);
}

static void test_R130_no_bound_by_default(void **state)
{
	(void)state;
	struct pair *const p = pair_up(4, NULL);
	forge(p, SERVER, 1000);
	assert_int_equal(dtls_stats(p->side[SERVER].e).forged, 1000);
	assert_int_equal(p->side[SERVER].count[DOWN], 0);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R130_the_bound_closes_and_one_less_does_not),
		cmocka_unit_test(test_R131_a_flood_is_not_tried),
		cmocka_unit_test(test_R130_no_bound_by_default),
	};
	return cmocka_run_group_tests_name("dtls/forged", tests, NULL, NULL);
}
