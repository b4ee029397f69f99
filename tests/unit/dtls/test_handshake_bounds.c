/* SPDX-License-Identifier: Apache-2.0 */
/* The timers of a handshake, its kept final flight, its datagrams, and what strangers may cost. */
#include "pair.h"

static bool is_verify(const uint8_t *d, size_t len)
{
	return len == DTLS_VERIFY_LEN && d[DTLS_RECORD_HEADER] == DTLS_HS_HELLO_VERIFY;
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

/* --- the timer ------------------------------------------------------------------------------- */

static struct fate fate_none(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)p;
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = 0 };
}

static void assert_times(const struct pair *p, size_t first, uint64_t begin)
{
	static const uint64_t after[] = { 0, 9000, 27000, 63000, 123000 };
	size_t at = first;
	for (size_t i = 0; i < COUNT_OF(after); i++) {
		assert_true(at < p->number);
		assert_in_range(p->sent_at[at], begin + after[i],
			begin + after[i] + 2 * (uint64_t)WHEEL_TICK_MS);
		while (at + 1 < p->number && p->sent_at[at + 1] == p->sent_at[at])
			at++; /* more datagrams of the same sending */
		at++;
	}
	assert_int_equal(at, p->number);
}

static void test_R099_client_sends_again_at_9_27_63_123_s(void **state)
{
	(void)state;
	struct pair *const p = pair_new(3, NULL);
	p->fate = fate_none;
	const uint64_t begin = p->now_ms;
	pair_connect(p, 0);
	pair_run(p, begin + 179000);
	assert_times(p, 0, begin);
	assert_int_equal(p->side[CLIENT].count[FAILED], 0);
	pair_run(p, begin + 180100);
	assert_int_equal(p->side[CLIENT].count[FAILED], 1);
	assert_int_equal(p->side[CLIENT].notes[0].what, DTLS_FAIL_TIMEOUT);
	assert_int_equal(dtls_stats(p->side[CLIENT].e).handshakes_failed[DTLS_CLIENT], 1);
	assert_int_equal(dtls_next_ms(p->side[CLIENT].e), UINT64_MAX);
	assert_no_number_twice(p);
	pair_free(p);
}

/* The client's part is heard no more after its second hello. */
static struct fate fate_mute_client(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	(void)len;
	(void)d;
	if (from == SERVER && p->number > 2)
		return (struct fate){ .copies = 0 };
	return (struct fate){ .copies = 1 };
}

static void test_R099_server_sends_again_at_9_27_63_123_s(void **state)
{
	(void)state;
	struct pair *const p = pair_new(4, NULL);
	p->fate = fate_mute_client;
	const uint64_t begin = p->now_ms;
	pair_connect(p, 0);
	pair_deliver(p);
	const struct net_path path = line_path(CLIENT, 0);
	dtls_connect_cancel(p->side[CLIENT].e, &path);
	pair_run(p, begin + 179000);
	assert_times(p, 3, begin);
	pair_run(p, begin + 180100);
	assert_int_equal(p->side[SERVER].count[FAILED], 1);
	assert_int_equal(p->side[SERVER].notes[0].what, DTLS_FAIL_TIMEOUT);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshake_bytes, 0);
	assert_no_number_twice(p);
	pair_free(p);
}

static struct fate fate_noted(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	(void)d;
	if (from == CLIENT && len > p->victim)
		p->victim = len;
	return (struct fate){ .copies = 1 };
}

static void test_R110_datagrams_keep_to_the_mtu(void **state)
{
	(void)state;
	struct dtls_settings set = dtls_settings_default();
	set.mtu = 256;
	struct pair *const p = pair_new(5, &set);
	p->fate = fate_noted;
	p->identity_len = 128;
	memset(p->identity, 'i', 128);
	pair_connect(p, 0);
	pair_deliver(p);
	assert_one_up(p);
	assert_in_range(p->victim, 129, 256);
	assert_no_number_twice(p);
	pair_free(p);
}

static void test_R110_after_two_losses_each_record_goes_alone(void **state)
{
	(void)state;
	struct pair *const p = pair_new(6, NULL);
	p->fate = fate_mute_client;
	pair_connect(p, 0);
	pair_deliver(p);
	assert_int_equal(p->number, 4); /* hello, demand, hello, flight 4 */
	pair_run(p, p->now_ms + 26000);
	const size_t server = p->side[SERVER].sent;
	pair_run(p, p->now_ms + 2000);
	/* ServerHello, ServerHelloDone: by the timer, and because the client repeats its hello. */
	assert_int_equal(p->side[SERVER].sent, server + 4);
	p->fate = NULL;
	pair_run(p, p->now_ms + 40000);
	assert_one_up(p);
	assert_no_number_twice(p);
	pair_free(p);
}

/* --- the final flight ------------------------------------------------------------------------ */

static struct fate fate_no_finished(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	(void)len;
	/* The server's datagram that begins with ChangeCipherSpec, the first `victim` times. */
	if (from == SERVER && d[0] == DTLS_CCS && p->victim > 0) {
		p->victim--;
		return (struct fate){ .copies = 0 };
	}
	return (struct fate){ .copies = 1 };
}

static void test_R103_R133_a_lost_final_flight_is_sent_again_with_new_numbers(void **state)
{
	(void)state;
	for (size_t losses = 1; losses < 5; losses++) {
		struct pair *const p = pair_new(7, NULL);
		p->victim = losses;
		p->fate = fate_no_finished;
		pair_connect(p, 0);
		pair_deliver(p);
		assert_int_equal(p->side[SERVER].count[UP], 1);
		assert_int_equal(p->side[CLIENT].count[UP], 0);
		/* The server may speak meanwhile: its numbers go on (I1). */
		pair_say(p, SERVER, "early");
		pair_deliver(p);
		assert_int_equal(p->side[CLIENT].count[MESSAGE], 0); /* */
		assert_int_equal(dtls_stats(p->side[CLIENT].e).early, 1);
		pair_run(p, p->now_ms + 125000);
		assert_one_up(p);
		assert_talk(p);
		assert_no_number_twice(p);
		pair_free(p);
	}
}

static size_t repeat_finished(struct pair *p)
{
	struct dtls_conn *const c = p->side[CLIENT].conn;
	uint8_t out[DTLS_HELD_MAX];
	memset(out, 0, sizeof(out));
	out[DTLS_RECORD_HEADER + 8] = DTLS_HS_FINISHED;
	out[DTLS_RECORD_HEADER + 8 + 3] = 12;
	out[DTLS_RECORD_HEADER + 8 + 11] = 12;
	assert_true(dtls_assoc_seal(
		&c->assoc, &p->side[CLIENT].e->sealer, DTLS_HANDSHAKE, out, DTLS_FINISHED_LEN));
	const size_t before = p->side[SERVER].sent;
	pair_input(p, SERVER, 0, out, sizeof(out));
	const size_t answers = p->side[SERVER].sent - before;
	pair_input(p, SERVER, 0, out, sizeof(out)); /* the same record again: a replay */
	assert_int_equal(p->side[SERVER].sent - before, answers);
	return answers;
}

static void test_R103_the_final_flight_is_kept_until_data_or_2_msl(void **state)
{
	(void)state;
	struct pair *p = pair_up(8, NULL);
	assert_int_equal(repeat_finished(p), 1);
	pair_run(p, p->now_ms + 239000);
	assert_int_equal(repeat_finished(p), 1);
	pair_run(p, p->now_ms + 1100);
	assert_int_equal(repeat_finished(p), 0);
	assert_int_equal(dtls_next_ms(p->side[SERVER].e), UINT64_MAX);
	assert_no_number_twice(p);
	pair_free(p);
	p = pair_up(9, NULL);
	assert_talk(p);
	assert_int_equal(repeat_finished(p), 0);
	pair_free(p);
}

static void test_R103_an_association_that_ends_takes_its_final_flight_along(void **state)
{
	(void)state;
	struct pair *const p = pair_up(10, NULL);
	dtls_close(p->side[SERVER].e, p->side[SERVER].conn);
	assert_int_equal(dtls_next_ms(p->side[SERVER].e), UINT64_MAX);
	pair_run(p, p->now_ms + 300000);
	pair_free(p);
}

/* --- bounds and strangers -------------------------------------------------------------------- */

static struct fate fate_keep(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	assert_true(len <= sizeof(p->caught));
	memcpy(p->caught, d, len);
	p->caught_len = len;
	return (struct fate){ .copies = 0 };
}

static void test_I9_R319_R320_a_stranger_costs_nothing(void **state)
{
	(void)state;
	struct pair *const p = pair_new(11, NULL);
	struct side *const s = &p->side[SERVER];
	p->fate = fate_keep;
	pair_connect(p, 0);
	uint8_t hello[512];
	const size_t len = p->caught_len;
	assert_in_range(len, 60, sizeof(hello));
	memcpy(hello, p->caught, len);
	for (unsigned line = 0; line < 10000; line++) {
		own_random(s, hello + DTLS_RECORD_HEADER + DTLS_HS_HEADER + 2, 32);
		pair_input(p, SERVER, line, hello, len);
	}
	const struct dtls_stats stats = dtls_stats(s->e);
	assert_int_equal(stats.verify_sent, 10000);
	assert_int_equal(s->sent_bytes, 10000 * (size_t)DTLS_VERIFY_LEN);
	assert_true(DTLS_VERIFY_LEN <= len);
	assert_int_equal(stats.handshakes + stats.conns + stats.handshake_bytes, 0);
	assert_int_equal(dtls_next_ms(s->e), UINT64_MAX);
	assert_int_equal(s->note_count, 0);
	/* Several hellos in one datagram are one question. */
	uint8_t twice[1024];
	memcpy(twice, hello, len);
	memcpy(twice + len, hello, len);
	pair_input(p, SERVER, 1, twice, 2 * len);
	assert_int_equal(dtls_stats(s->e).verify_sent, 10001);
	pair_free(p);
}

static struct fate fate_only_verify(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)p;
	(void)line;
	return (struct fate){ .copies = from == CLIENT || is_verify(d, len) ? 1 : 0 };
}

static void test_R116_handshakes_are_bounded_and_the_oldest_goes_first(void **state)
{
	(void)state;
	struct dtls_settings set = dtls_settings_default();
	set.handshakes_max = 4;
	struct pair *const p = pair_new(12, NULL);
	dtls_engine_free(p->side[SERVER].e);
	const struct dtls_owner o = pair_owner(&p->side[SERVER]);
	p->side[SERVER].e = dtls_engine_new(&set, &o, p->now_ms);
	struct side *const s = &p->side[SERVER];
	p->fate = fate_only_verify;
	for (unsigned line = 0; line < 3; line++)
		pair_connect(p, line);
	pair_deliver(p);
	assert_int_equal(dtls_stats(s->e).handshakes, 3); /* the fourth place is for links */
	pair_connect(p, 3);
	pair_deliver(p);
	assert_int_equal(dtls_stats(s->e).refused_full, 1);
	assert_int_equal(s->count[FAILED], 1); /* the operator is told */
	assert_int_equal(s->notes[0].what, DTLS_FAIL_FULL);
	assert_int_equal(s->notes[0].line, 3);
	pair_run(p, p->now_ms + 1500);
	pair_connect(p, 5);
	pair_deliver(p);
	assert_int_equal(s->count[FAILED], 2);
	assert_int_equal(s->notes[1].what, DTLS_FAIL_FULL);
	assert_int_equal(s->notes[1].line, 0);
	assert_int_equal(dtls_stats(s->e).handshakes, 3);
	struct dtls_peer link = { .path = line_path(SERVER, 99),
		.identity = (const uint8_t *)"x",
		.identity_len = 1,
		.key = p->key,
		.key_len = 16 };
	assert_int_equal(dtls_connect(s->e, &link, p->now_ms), DTLS_OK);
	pair_free(p);
}

/* One octet of a ClientKeyExchange, which needs no key, in place of the whole. */
static struct fate fate_stranger(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	if (from != CLIENT || line == 0 || d[0] != 22 || d[13] != DTLS_HS_CLIENT_KEY_EXCHANGE)
		return (struct fate){ .copies = len > 0 ? 1 : 0 };
	uint8_t f[13 + 12 + 1] = { 0 };
	memcpy(f, d, 25);
	f[11] = 0;
	f[12] = 13;  /* of the record */
	f[16] = 130; /* of the message */
	f[24] = 1;   /* of the fragment */
	put_on_wire(p, SERVER, line, f, sizeof(f), p->now_ms);
	return (struct fate){ .copies = 0 };
}

static void test_R116_I9_strangers_with_half_a_key_exchange_shut_nobody_out(void **state)
{
	(void)state;
	struct pair *const p = pair_new(14, NULL);
	const struct side *const s = &p->side[SERVER];
	p->fate = fate_stranger;
	for (unsigned i = 1; i <= 1100; i++) {
		const struct net_path path = line_path(CLIENT, i);
		assert_int_equal(pair_connect_as(p, i, "nobody", 6), DTLS_OK);
		pair_deliver(p);
		dtls_connect_cancel(p->side[CLIENT].e, &path);
	}
	assert_true(dtls_stats(s->e).refused_full > 0);
	struct dtls_peer link = { .path = line_path(SERVER, 9999),
		.identity = (const uint8_t *)"x",
		.identity_len = 1,
		.key = p->key,
		.key_len = 16 };
	assert_int_equal(dtls_connect(s->e, &link, p->now_ms), DTLS_OK);
	dtls_connect_cancel(s->e, &link.path);
	pair_connect(p, 0);
	pair_run(p, p->now_ms + 30000);
	assert_int_equal(s->count[UP], 1);
	pair_free(p);
}

static void test_R116_memory_of_handshakes_is_bounded(void **state)
{
	(void)state;
	struct dtls_settings set = dtls_settings_default();
	set.handshake_bytes_max = (size_t)300 * 1024;
	struct pair *const p = pair_new(13, &set);
	p->fate = fate_none;
	enum dtls_result r = DTLS_OK;
	unsigned line = 0;
	for (; r == DTLS_OK && line < 100; line++)
		r = pair_connect_as(p, line, "dev1", 4);
	assert_int_equal(r, DTLS_FULL);
	assert_in_range(line, 2, 5);
	assert_true(dtls_stats(p->side[CLIENT].e).handshake_bytes <= set.handshake_bytes_max);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R099_client_sends_again_at_9_27_63_123_s),
		cmocka_unit_test(test_R099_server_sends_again_at_9_27_63_123_s),
		cmocka_unit_test(test_R110_datagrams_keep_to_the_mtu),
		cmocka_unit_test(test_R110_after_two_losses_each_record_goes_alone),
		cmocka_unit_test(test_R103_R133_a_lost_final_flight_is_sent_again_with_new_numbers),
		cmocka_unit_test(test_R103_the_final_flight_is_kept_until_data_or_2_msl),
		cmocka_unit_test(test_R103_an_association_that_ends_takes_its_final_flight_along),
		cmocka_unit_test(test_I9_R319_R320_a_stranger_costs_nothing),
		cmocka_unit_test(test_R116_handshakes_are_bounded_and_the_oldest_goes_first),
		cmocka_unit_test(test_R116_I9_strangers_with_half_a_key_exchange_shut_nobody_out),
		cmocka_unit_test(test_R116_memory_of_handshakes_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
