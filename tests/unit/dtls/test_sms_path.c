/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes on paths of short messages (RFC 7925 appendix A). */
#define LINE_FAMILY NET_SMS
#include "trust.h"

enum { INITIAL_MS = 30000, MAX_MS = 120000, LIFETIME_MS = 600000, LINES = 200, LOSS = 20 };

/* A fate has no other argument. */
static struct {
	size_t longest[2], datagrams[2];
	unsigned loss;
	uint32_t repeats_ms[2];     /* of the last datagram of each side */
	uint32_t least_ms, most_ms; /* of those of the server that are repeated */
} seen;

static struct fate fate_air(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	const uint32_t repeats_ms = dtls_repeats_ms(p->side[from].e);
	(void)line;
	(void)d;
	seen.longest[from] = len > seen.longest[from] ? len : seen.longest[from];
	seen.datagrams[from]++;
	seen.repeats_ms[from] = repeats_ms;
	if (from == SERVER && repeats_ms > 0) {
		seen.least_ms = repeats_ms < seen.least_ms ? repeats_ms : seen.least_ms;
		seen.most_ms = repeats_ms > seen.most_ms ? repeats_ms : seen.most_ms;
	}
	const bool lost = pair_random(p) % 100 < seen.loss;
	return (struct fate){ .copies = !lost, .delay_ms = { 2000 + pair_random(p) % 3000 } };
}

static struct trust *begin(enum kind kind, uint16_t suite)
{
	struct dtls_settings set = dtls_settings_default();
	set.handshakes_max = 4096;
	set.handshake_bytes_max = (size_t)1 << 30;
	struct trust *const t = trust_with(suite, kind, suite, &set);
	memset(&seen, 0, sizeof(seen));
	seen.least_ms = UINT32_MAX;
	for (unsigned i = 0; i < 2; i++) {
		t->set[i].initial_ms = INITIAL_MS;
		t->set[i].max_ms = MAX_MS;
		t->set[i].lifetime_ms = LIFETIME_MS;
	}
	t->p->fate = fate_air;
	return t;
}

static void fits_messages(enum kind kind, uint16_t suite, size_t more_than)
{
	struct trust *const t = begin(kind, suite);
	struct pair *const p = t->p;
	trust_connect(t, 0);
	pair_run(p, p->now_ms + LIFETIME_MS);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	for (unsigned i = 0; i < 2; i++)
		assert_true(seen.longest[i] <= DTLS_SMS_MAX);
	assert_true(seen.datagrams[SERVER] > more_than);
	assert_no_number_twice(p);
	trust_free(t);
}

static void test_R318_a_flight_goes_in_messages_of_140_octets(void **state)
{
	(void)state;
	fits_messages(KIND_PSK, 0xc0a8, 1);
	fits_messages(KIND_PSK, 0x00ae, 1);
	fits_messages(KIND_X509, 0xc0ae, 6);
	fits_messages(KIND_X509, 0xc023, 6);
	if (dtls_profile_can_raw())
		fits_messages(KIND_RAW, 0xc0ae, 3);
}

static void test_R318_a_message_of_a_flight_says_when_it_is_repeated(void **state)
{
	(void)state;
	struct trust *const t = begin(KIND_PSK, 0xc0a8);
	struct pair *const p = t->p;
	trust_connect(t, 0);
	pair_run(p, p->now_ms + LIFETIME_MS);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	assert_int_equal(seen.least_ms, INITIAL_MS);
	assert_int_equal(seen.most_ms, INITIAL_MS);
	assert_int_equal(dtls_repeats_ms(p->side[SERVER].e), 0);
	/* What an application says is not repeated by us. */
	assert_int_equal(
		dtls_send(p->side[SERVER].e, p->side[SERVER].conn, (const uint8_t *)"x", 1),
		DTLS_OK);
	assert_int_equal(seen.repeats_ms[SERVER], 0);
	trust_free(t);
}

static void test_R318_the_timer_doubles_to_its_bound_and_the_handshake_has_an_end(void **state)
{
	(void)state;
	struct trust *const t = begin(KIND_PSK, 0xc0a8);
	struct pair *const p = t->p;
	trust_connect(t, 0);
	/* Until the ServerHello has gone. */
	for (unsigned i = 0; seen.least_ms == UINT32_MAX && i < 600; i++)
		pair_run(p, p->now_ms + 1000);
	const uint64_t began_ms = p->now_ms;
	seen.loss = 100;
	pair_run(p, began_ms + LIFETIME_MS - 60000);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 1);
	assert_int_equal(seen.most_ms, MAX_MS);
	pair_run(p, began_ms + LIFETIME_MS + 60000);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 0);
	trust_free(t);
}

static void end_well(enum kind kind, uint16_t suite)
{
	struct trust *const t = begin(kind, suite);
	struct pair *const p = t->p;
	seen.loss = LOSS;
	for (unsigned line = 0; line < LINES; line++)
		trust_connect(t, line);
	pair_run(p, p->now_ms + LIFETIME_MS);
	const struct dtls_stats s = dtls_stats(p->side[SERVER].e);
	print_message("# %llu of %d, %zu messages each\n",
		(unsigned long long)s.handshakes_done[DTLS_SERVER], LINES,
		(seen.datagrams[0] + seen.datagrams[1]) / LINES);
	assert_int_equal(s.handshakes_done[DTLS_SERVER], LINES);
	assert_true(seen.longest[SERVER] <= DTLS_SMS_MAX && seen.longest[CLIENT] <= DTLS_SMS_MAX);
	assert_no_number_twice(p);
	trust_free(t);
}

static void test_R318_with_a_PSK_all_end_well_where_messages_are_lost(void **state)
{
	(void)state;
	end_well(KIND_PSK, 0xc0a8);
}

static void test_R318_what_fits_a_message_is_known(void **state)
{
	(void)state;
	struct trust *const t = begin(KIND_PSK, 0xc0a8);
	struct pair *const p = t->p;
	uint8_t text[DTLS_SMS_MAX] = { 0 };
	trust_connect(t, 0);
	pair_run(p, p->now_ms + LIFETIME_MS);
	struct side *const s = &p->side[SERVER];
	const size_t most = dtls_conn_room(s->e, s->conn, DTLS_SMS_MAX);
	/* Header 13, explicit nonce 8, tag 8: as LwM2M 1.1 Transport counts. */
	assert_int_equal(most, DTLS_SMS_MAX - 29);
	assert_int_equal(dtls_conn_room(s->e, s->conn, 29), 0);
	seen.longest[SERVER] = 0;
	assert_int_equal(dtls_send(s->e, s->conn, text, most), DTLS_OK);
	assert_int_equal(seen.longest[SERVER], DTLS_SMS_MAX);
	trust_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R318_a_flight_goes_in_messages_of_140_octets),
		cmocka_unit_test(test_R318_a_message_of_a_flight_says_when_it_is_repeated),
		cmocka_unit_test(
			test_R318_the_timer_doubles_to_its_bound_and_the_handshake_has_an_end),
		cmocka_unit_test(test_R318_with_a_PSK_all_end_well_where_messages_are_lost),
		cmocka_unit_test(test_R318_what_fits_a_message_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
