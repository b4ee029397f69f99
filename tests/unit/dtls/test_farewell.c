/* SPDX-License-Identifier: Apache-2.0 */
/* The close_notify of an association whose write numbers are not known (S6), and how our own peers
   and libssl's take it. */
#include "night.h"
#include "raw.h"

#include "dtls/alert.h"

static struct fate keep_last(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	assert_true(len <= sizeof(p->caught));
	memcpy(p->caught, d, len);
	p->caught_len = len;
	return (struct fate){ .copies = 1 };
}

static struct dtls_record only_record(struct pair *p)
{
	uint8_t *at = p->caught;
	size_t left = p->caught_len;
	struct dtls_record r;
	assert_true(dtls_record_next(&at, &left, &r));
	assert_int_equal(left, 0);
	return r;
}

static void test_S6_a_farewell_says_close_notify_above_all_numbers(void **state)
{
	(void)state;
	for (unsigned side = 0; side < 2; side++) {
		struct pair *const p = pair_up(1 + side, NULL);
		struct side *const s = &p->side[side];
		assert_talk(p);
		/* Our last record has come, too. */
		s->conn->assoc.wseq = DTLS_RECORDS_MAX - 1;
		dtls_conn_alert(s->e, s->conn, DTLS_WARNING, DTLS_NO_RENEGOTIATION);
		pair_deliver(p);
		struct dtls_assoc peer = p->side[1 - side].conn->assoc;
		const uint64_t out = dtls_stats(s->e).records_out;
		p->fate = keep_last;
		dtls_farewell(s->e, s->conn);
		s->conn = NULL;
		assert_int_equal(dtls_stats(s->e).conns, 0);
		assert_int_equal(dtls_stats(s->e).records_out, out + 1);
		assert_int_equal(s->count[DOWN], 0);
		const struct dtls_record r = only_record(p);
		assert_int_equal(r.type, DTLS_ALERT);
		assert_int_equal(r.epoch, 1);
		assert_true(r.seq == DTLS_RECORDS_MAX);
		uint8_t *plain = NULL;
		size_t len = 0;
		assert_int_equal(dtls_assoc_open(&peer, p->side[1 - side].e->sealer.guards, &r,
					 &plain, &len),
			DTLS_OPENED);
		assert_int_equal(len, 2);
		assert_int_equal(plain[0], DTLS_WARNING);
		assert_int_equal(plain[1], DTLS_CLOSE_NOTIFY);
		p->fate = NULL;
		pair_deliver(p); /* our own engine takes it as well */
		assert_int_equal(p->side[1 - side].count[DOWN], 1);
		assert_int_equal(p->side[1 - side].notes[p->side[1 - side].note_count - 1].what,
			DTLS_END_CLOSE_NOTIFY);
		assert_no_number_twice(p);
		pair_free(p);
	}
}

/* Whatever the random source says, zeros and what looks like epoch 1 included. */
static void random_of_line(void *ctx, uint8_t *out, size_t len)
{
	struct side *const s = ctx;
	memset(out, 0, len);
	if (len == DTLS_EXPLICIT_LEN)
		memcpy(out, s->p->identity + 8, len);
}

static void test_I1_its_nonce_is_none_that_a_number_makes(void **state)
{
	(void)state;
	static const uint8_t said[][DTLS_EXPLICIT_LEN] = { { 0 }, { 0, 1 },
		{ 0, 1, 0, 0, 0, 0, 0, 1 }, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		struct pair *const p = pair_up(3, NULL);
		struct side *const s = &p->side[SERVER];
		s->e->owner.random = random_of_line;
		memcpy(p->identity + 8, said[i], DTLS_EXPLICIT_LEN);
		p->fate = keep_last;
		dtls_farewell(s->e, s->conn);
		const struct dtls_record r = only_record(p);
		assert_int_equal(r.body[0], said[i][0] | 0x80); /* numbers begin with 0, 1 */
		assert_memory_equal(r.body + 1, said[i] + 1, DTLS_EXPLICIT_LEN - 1);
		pair_deliver(p);
		assert_int_equal(p->side[CLIENT].count[DOWN], 1);
		pair_free(p);
	}
}

static void test_I1_S6_older_keys_that_are_put_back_say_it_anew(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(4, 256, UINT64_MAX);
	assert_talk(n->p);
	const struct bed old = n->side[SERVER].bed[0];
	for (int i = 0; i < 50; i++) { /* each time the same state of the store */
		night_crash(n, SERVER);
		n->side[SERVER].bed[0] = old;
		n->side[SERVER].bed[0].conn = NULL;
		struct dtls_conn *const c = night_wake(n, SERVER, 0);
		assert_non_null(c);
		dtls_farewell(n->p->side[SERVER].e, c);
	}
	n->side[SERVER].bed[0] = (struct bed){ .conn = NULL };
	assert_no_number_twice(n->p);
	pair_deliver(n->p);
	assert_int_equal(n->p->side[CLIENT].count[DOWN], 1);
	night_free(n);
}

static void part(struct night *n, struct side *s, struct dtls_conn *c)
{
	n->side[s->id].bed[0] = (struct bed){ .conn = NULL };
	dtls_farewell(s->e, c);
}

static void test_S6_at_the_first_authentic_record_and_not_before(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(5, 256, UINT64_MAX);
	night_crash(n, SERVER);
	night_hush(n);
	n->unproven = true;
	n->on_unproven = part;
	const size_t sent = n->p->side[SERVER].sent;
	uint8_t d[64] = { 0 };
	const struct dtls_number number = { .type = DTLS_DATA, .epoch = 1, .seq = 9 };
	dtls_record_header(d, DTLS_VERSION_1_2, &number, sizeof(d) - DTLS_RECORD_HEADER);
	pair_input(n->p, SERVER, 0, d, sizeof(d));
	assert_log(n, SERVER, "AN");
	assert_int_equal(n->p->side[SERVER].sent, sent);
	pair_say(n->p, CLIENT, "hello?");
	pair_deliver(n->p);
	assert_log(n, SERVER, "AWP");
	assert_int_equal(n->p->side[SERVER].sent, sent + 1);
	assert_log(n, CLIENT, "SD");
	assert_int_equal(night_conns(n, SERVER) + night_conns(n, CLIENT), 0);
	assert_no_number_twice(n->p);
	night_free(n);
}

static void test_a_farewell_without_room_or_inside_down_is_nothing(void **state)
{
	(void)state;
	struct pair *const p = pair_up(6, NULL);
	struct side *const s = &p->side[SERVER];
	s->conn->dead = true;
	dtls_farewell(s->e, s->conn);
	dtls_sleep(s->e, s->conn);
	assert_int_equal(dtls_stats(s->e).conns, 1);
	assert_int_equal(dtls_stats(s->e).slept, 0);
	s->conn->dead = false;
	s->no_room = true;
	const size_t sent = s->sent;
	dtls_farewell(s->e, s->conn);
	assert_int_equal(dtls_stats(s->e).conns, 0);
	assert_int_equal(s->sent, sent);
	pair_free(p);
}

static void libssl_takes_it(const SSL_METHOD *method, unsigned ours)
{
	struct pair *const p = pair_new(7, NULL);
	struct raw *const r = raw_new(p, method, "PSK-AES128-CCM8");
	struct side *const s = &p->side[ours];
	if (ours == SERVER) {
		SSL_set_connect_state(r->ssl);
	} else {
		SSL_set_accept_state(r->ssl);
		pair_connect(p, 0);
	}
	raw_talk(r, ours);
	assert_true(r->up);
	assert_data_both_ways(r, ours);
	assert_false(SSL_get_shutdown(r->ssl) & SSL_RECEIVED_SHUTDOWN);
	dtls_farewell(s->e, s->conn);
	s->conn = NULL;
	raw_talk(r, ours);
	assert_true(SSL_get_shutdown(r->ssl) & SSL_RECEIVED_SHUTDOWN);
	assert_int_equal(r->alert, DTLS_WARNING << 8 | DTLS_CLOSE_NOTIFY);
	assert_no_number_twice(p);
	raw_free(r);
	pair_free(p);
}

static void test_S6_a_libssl_client_takes_it(void **state)
{
	(void)state;
	libssl_takes_it(DTLS_client_method(), SERVER);
}

static void test_S6_a_libssl_server_takes_it(void **state)
{
	(void)state;
	libssl_takes_it(DTLS_server_method(), CLIENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S6_a_farewell_says_close_notify_above_all_numbers),
		cmocka_unit_test(test_I1_its_nonce_is_none_that_a_number_makes),
		cmocka_unit_test(test_I1_S6_older_keys_that_are_put_back_say_it_anew),
		cmocka_unit_test(test_S6_at_the_first_authentic_record_and_not_before),
		cmocka_unit_test(test_a_farewell_without_room_or_inside_down_is_nothing),
		cmocka_unit_test(test_S6_a_libssl_client_takes_it),
		cmocka_unit_test(test_S6_a_libssl_server_takes_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
