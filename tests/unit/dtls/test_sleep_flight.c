/* SPDX-License-Identifier: Apache-2.0 */
/* Sleepers and handshakes: the final flight that is kept, and strangers who begin anew on the path
   of one who sleeps. */
#include "caught.h"
#include "night.h"

#include "dtls/alert.h"

static struct fate lose_the_last_flight(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	(void)len;
	(void)p;
	/* ChangeCipherSpec and Finished of the server */
	return (struct fate){ .copies = from != SERVER || d[0] != DTLS_CCS };
}

/* The server is up, the client is not: flight 6 was lost. */
static struct night *half_up(uint64_t seed, uint64_t write_end)
{
	struct night *const n = night_new(seed, write_end, UINT64_MAX);
	n->p->fate = lose_the_last_flight;
	pair_connect(n->p, 0);
	pair_deliver(n->p);
	n->p->fate = NULL;
	assert_log(n, SERVER, "U");
	assert_log(n, CLIENT, "");
	return n;
}

/* The client repeats its flight 5. */
static void client_repeats(struct night *n)
{
	const struct side *const c = &n->p->side[CLIENT];
	for (const size_t sent = c->sent; c->sent == sent;) {
		const uint64_t due = dtls_next_ms(c->e);
		assert_true(due != UINT64_MAX);
		n->p->now_ms = due > n->p->now_ms ? due : n->p->now_ms;
		dtls_tick(c->e, n->p->now_ms);
	}
	pair_deliver(n->p);
}

static void test_R103_a_sleeper_repeats_its_final_flight(void **state)
{
	(void)state;
	struct night *const n = half_up(1, UINT64_MAX);
	for (int i = 0; i < 3; i++) { /* and the repetition is lost, too */
		night_sleep(n, SERVER, 0);
		n->p->fate = i < 2 ? lose_the_last_flight : NULL;
		client_repeats(n);
		assert_log(n, SERVER, "AWS");
	}
	assert_log(n, CLIENT, "U");
	const size_t before = n->side[SERVER].bed[0].context_len;
	assert_talk(n->p);
	assert_log(n, SERVER, "STM"); /* S9: known to have it, so dropped */
	assert_int_equal(n->side[SERVER].bed[0].context_len, before - 6 - DTLS_FINISHED_LEN);
	assert_talk(n->p);
	assert_log(n, SERVER, "SM");
	assert_no_number_twice(n->p);
	night_free(n);
}

static void test_S9_the_final_flight_outlives_the_process(void **state)
{
	(void)state;
	struct night *const n = half_up(2, LEASE);
	n->p->fate = lose_the_last_flight;
	for (int i = 0; i < 2; i++)
		client_repeats(n); /* numbers that the next process does not know of */
	night_crash(n, SERVER);
	n->later = true;
	n->p->fate = NULL;
	night_hush(n);
	client_repeats(n);
	/* No number may be used yet: nothing is said. */
	assert_log(n, SERVER, "AWSR");
	assert_log(n, CLIENT, "");
	night_commit(n, SERVER, &n->side[SERVER].bed[0]);
	night_tell(n, SERVER, &n->side[SERVER].bed[0]);
	client_repeats(n);
	assert_log(n, SERVER, "S");
	assert_log(n, CLIENT, "U");
	assert_talk(n->p);
	assert_no_number_twice(n->p); /* in epoch 0, too */
	night_free(n);
}

static void test_R103_it_is_kept_no_longer_for_sleep(void **state)
{
	(void)state;
	struct night *const n = half_up(3, UINT64_MAX);
	struct bed *const b = &n->side[SERVER].bed[0];
	const struct net_path path = line_path(SERVER, 0);
	struct dtls_engine *const e = n->p->side[SERVER].e;
	struct dtls_sleeper x = night_sleeper(n, SERVER, b, &path);
	night_sleep(n, SERVER, 0);
	x.up_ms = n->p->now_ms;
	n->p->now_ms += n->set.linger_ms - 1000;
	struct dtls_conn *c = dtls_wake(e, &x, n->p->now_ms);
	assert_non_null(c->linger);
	dtls_tick(e, n->p->now_ms + 999);
	assert_non_null(c->linger);
	dtls_tick(e, n->p->now_ms + 1008);
	assert_null(c->linger);
	dtls_sleep(e, c);
	n->p->now_ms += 2000;
	c = dtls_wake(e, &x, n->p->now_ms);
	assert_null(c->linger);
	dtls_sleep(e, c);
	x.up_ms = 0; /* not known: another process */
	c = dtls_wake(e, &x, n->p->now_ms);
	assert_non_null(c->linger);
	dtls_sleep(e, c);
	x.up_ms = n->p->now_ms + 60000; /* nor can this be */
	c = dtls_wake(e, &x, n->p->now_ms);
	assert_non_null(c->linger);
	dtls_tick(e, n->p->now_ms + n->set.linger_ms + 8);
	assert_null(c->linger);
	dtls_sleep(e, c);
	assert_int_equal(e->wheel.armed, 0);
	b->there = false;
	night_free(n);
}

/* --- R-108 ----------------------------------------------------------------------------------- */

/* A stranger who can answer from line 0, but does not know the key, is in a handshake with the
   server where the true client's association sleeps. The stranger is another pair's client. */
static struct pair *stranger_comes(struct night *n, size_t datagrams)
{
	struct pair *const other = pair_new(99, NULL);
	other->client_key[0] ^= 1;
	pair_connect(other, 0);
	for (size_t i = 0; i < datagrams; i++) {
		struct dgram *g = other->wire;
		assert_non_null(g);
		other->wire = g->next;
		pair_input(n->p, SERVER, 0, g->data, g->len);
		free(g);
		while (n->p->wire) {
			g = n->p->wire;
			n->p->wire = g->next;
			pair_input(other, CLIENT, 0, g->data, g->len);
			free(g);
		}
	}
	return other;
}

static void test_R108_a_strangers_handshake_does_not_harm_a_sleeper(void **state)
{
	(void)state;
	for (size_t datagrams = 1; datagrams <= 3; datagrams++) {
		struct night *const n = night_up_pair(4, UINT64_MAX, UINT64_MAX);
		night_sleep(n, SERVER, 0);
		struct pair *const other = stranger_comes(n, datagrams);
		night_hush(n);
		const size_t handshakes = dtls_stats(n->p->side[SERVER].e).handshakes;
		assert_int_equal(handshakes, datagrams > 1);
		pair_say(n->p, CLIENT, "I am still here");
		pair_deliver(n->p);
		assert_log(n, SERVER, "AWSTM");
		assert_talk(n->p);
		assert_int_equal(dtls_stats(n->p->side[SERVER].e).handshakes, handshakes);
		assert_int_equal(dtls_stats(n->p->side[SERVER].e).early, 0);
		pair_free(other);
		night_free(n);
	}
}

/* Renegotiation, declined: a handshake record of the old keys while new ones may be known. */
static void test_R108_a_sleepers_handshake_record_is_its_own(void **state)
{
	(void)state;
	for (size_t datagrams = 2; datagrams <= 3; datagrams++) {
		struct night *const n = night_up_pair(5, UINT64_MAX, UINT64_MAX);
		struct side *const c = &n->p->side[CLIENT];
		night_sleep(n, SERVER, 0);
		struct pair *const other = stranger_comes(n, datagrams);
		const struct dtls_stats before = dtls_stats(n->p->side[SERVER].e);
		uint8_t d[64] = { 0 };
		d[DTLS_RECORD_HEADER + 8] = DTLS_HS_CLIENT_HELLO;
		assert_true(dtls_assoc_seal(
			&c->conn->assoc, &c->e->sealer, DTLS_HANDSHAKE, d, DTLS_HS_HEADER));
		night_hush(n);
		pair_input(n->p, SERVER, 0, d, DTLS_RECORD_OVERHEAD + DTLS_HS_HEADER);
		assert_log(n, SERVER, "AWS");
		assert_int_equal(dtls_stats(n->p->side[SERVER].e).forged, before.forged);
		assert_int_equal(dtls_stats(n->p->side[SERVER].e).handshakes, 1);
		pair_deliver(n->p);
		assert_talk(n->p);
		pair_free(other);
		night_free(n);
	}
}

static void test_R108_who_knows_the_key_takes_the_place_of_a_sleeper(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(6, UINT64_MAX, UINT64_MAX);
	night_sleep(n, SERVER, 0);
	night_crash(n, CLIENT); /* and the device has lost its keys */
	n->side[CLIENT].bed[0] = (struct bed){ .conn = NULL };
	n->p->generation++;
	night_hush(n);
	pair_connect(n->p, 0);
	pair_deliver(n->p);
	/* The Finished may be the sleeper's: it is not. */
	assert_log(n, SERVER, "U");
	assert_log(n, CLIENT, "U");
	assert_int_equal(night_conns(n, SERVER), 1);
	assert_talk(n->p);
	assert_no_number_twice(n->p);
	night_free(n);
}

/* The key exchange is lost, so that the Finished comes before the keys: it is tried on the sleeper,
   and must still be whole for the handshake. */
static struct fate lose_the_first_key_exchange(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	(void)len;
	if (from == CLIENT && d[0] == DTLS_HANDSHAKE && d[4] == 0 &&
		d[DTLS_RECORD_HEADER] == DTLS_HS_CLIENT_KEY_EXCHANGE && p->victim == 0) {
		p->victim = 1;
		uint8_t *at = malloc(len);
		uint8_t *const whole = at;
		size_t left = len;
		struct dtls_record r;
		assert_non_null(at);
		memcpy(at, d, len);
		while (dtls_record_next(&at, &left, &r)) {
			if (r.epoch == 0)
				continue;
			put_on_wire(p, SERVER, 0, r.body - DTLS_RECORD_HEADER,
				DTLS_RECORD_HEADER + r.len, p->now_ms);
		}
		put_on_wire(
			p, SERVER, 0, d, len - DTLS_RECORD_OVERHEAD - DTLS_FINISHED_LEN, p->now_ms);
		free(whole);
		return (struct fate){ .copies = 0 };
	}
	return (struct fate){ .copies = 1 };
}

static void test_R112_an_early_finished_is_held_though_somebody_sleeps(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(7, UINT64_MAX, UINT64_MAX);
	night_sleep(n, SERVER, 0);
	night_crash(n, CLIENT);
	n->side[CLIENT].bed[0] = (struct bed){ .conn = NULL };
	n->p->generation++;
	/* So that it is not dropped as a replay before it is tried. */
	n->side[SERVER].bed[0].edge = 0;
	n->side[SERVER].bed[0].seen = 0;
	n->p->fate = lose_the_first_key_exchange;
	night_hush(n);
	pair_connect(n->p, 0);
	pair_deliver(n->p);
	assert_int_equal(n->p->victim, 1);
	assert_log(n, SERVER, "ANU");
	assert_log(n, CLIENT, "U");
	assert_talk(n->p);
	night_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R103_a_sleeper_repeats_its_final_flight),
		cmocka_unit_test(test_S9_the_final_flight_outlives_the_process),
		cmocka_unit_test(test_R103_it_is_kept_no_longer_for_sleep),
		cmocka_unit_test(test_R108_a_strangers_handshake_does_not_harm_a_sleeper),
		cmocka_unit_test(test_R108_a_sleepers_handshake_record_is_its_own),
		cmocka_unit_test(test_R108_who_knows_the_key_takes_the_place_of_a_sleeper),
		cmocka_unit_test(test_R112_an_early_finished_is_held_though_somebody_sleeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
