/* SPDX-License-Identifier: Apache-2.0 */
/* Associations that leave memory and come back, by their owner or by a record of their peer. */
#include "night.h"

#include "dtls/alert.h"

/* A record of line 0's peer `from`, which must be awake; returns its length. */
static size_t sealed_by(
	struct night *n, unsigned from, uint8_t type, const char *body, uint8_t *out)
{
	const struct side *const s = &n->p->side[from];
	const size_t len = strlen(body); /* a record's body has no NUL at its end */
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(out + DTLS_RECORD_HEADER + 8, body, len);
	assert_true(dtls_assoc_seal(&s->conn->assoc, &s->e->sealer, type, out, len));
	return DTLS_RECORD_OVERHEAD + len;
}

static void test_I1_I2_an_association_of_either_role_goes_on_after_sleep(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(1, UINT64_MAX, UINT64_MAX);
	for (int i = 0; i < 5; i++) {
		for (unsigned side = 0; side < 2; side++) {
			assert_talk(n->p);
			const struct dtls_numbers before =
				dtls_conn_numbers(n->side[side].bed[0].conn);
			night_sleep(n, side, 0);
			assert_int_equal(night_conns(n, side), 0);
			const struct dtls_conn *const c = night_wake(n, side, 0);
			assert_non_null(c);
			const struct dtls_numbers after = dtls_conn_numbers(c);
			assert_memory_equal(&before, &after, sizeof(before));
			assert_int_equal(dtls_conn_role(c), side);
			assert_int_equal(dtls_conn_cred(c), CRED);
			assert_int_equal(dtls_conn_generation(c), GENERATION);
			assert_ptr_equal(dtls_conn_user(c), &n->side[side].bed[0]);
		}
	}
	assert_talk(n->p);
	for (unsigned side = 0; side < 2; side++) {
		assert_int_equal(dtls_stats(n->p->side[side].e).slept, 5);
		assert_int_equal(dtls_stats(n->p->side[side].e).woken, 5);
		assert_int_equal(night_conns(n, side), 1);
	}
	assert_no_number_twice(n->p);
	night_free(n);
}

static void test_S14_a_record_wakes_it_and_is_marked_before_it_goes_on(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(2, UINT64_MAX, UINT64_MAX);
	assert_talk(n->p);
	for (unsigned side = 0; side < 2; side++) {
		night_hush(n);
		night_sleep(n, side, 0);
		pair_say(n->p, 1 - side, "wake up");
		pair_deliver(n->p);
		assert_heard(&n->p->side[side], "wake up");
		assert_log(n, side, "AWSM");
		assert_int_equal(dtls_conn_facts(n->side[side].bed[0].conn).records_in, 1);
		assert_talk(n->p);
		assert_log(n, side, "SM");
	}
	assert_no_number_twice(n->p);
	night_free(n);
}

static void test_S24_what_does_not_verify_wakes_nobody(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(3, UINT64_MAX, UINT64_MAX);
	struct dtls_engine *const e = n->p->side[SERVER].e;
	uint8_t d[64], copy[64];
	const size_t len = sealed_by(n, CLIENT, DTLS_DATA, "data", d);
	night_sleep(n, SERVER, 0);
	for (size_t at = 5; at < len; at++) {
		memcpy(copy, d, len);
		copy[at] ^= 1;
		if (at == 11 || at == 12)
			continue; /* the length: no record at all */
		pair_input(n->p, SERVER, 0, copy, len);
		assert_log(n, SERVER, "AN");
	}
	assert_int_equal(night_conns(n, SERVER), 0);
	assert_int_equal(dtls_stats(e).woken, 0);
	/* One of the numbers so made was its Finished's. */
	assert_int_equal(dtls_stats(e).forged, len - 8);
	assert_int_equal(dtls_stats(e).replayed, 1);
	assert_int_equal(e->conn_pool.used, 0);           /* nothing is resident */
	assert_int_equal(n->side[SERVER].bed[0].edge, 1); /* its Finished */
	pair_input(n->p, SERVER, 0, d, len);
	assert_log(n, SERVER, "AWSTM");
	night_free(n);
}

static void test_S24_what_can_be_no_record_does_not_ask_the_owner(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(4, UINT64_MAX, UINT64_MAX);
	uint8_t d[64], copy[64];
	const size_t len = sealed_by(n, CLIENT, DTLS_DATA, "data", d);
	night_sleep(n, SERVER, 0);
	static const struct {
		size_t at;
		uint8_t value;
	} spoilt[] = { { 0, 20 }, { 0, 24 }, { 0, 25 }, { 1, 0xfd }, { 2, 0xff }, { 4, 0 },
		{ 4, 2 }, { 3, 1 }, { 12, 15 }, { 11, 1 } };
	for (size_t i = 0; i < COUNT_OF(spoilt); i++) {
		memcpy(copy, d, len);
		copy[spoilt[i].at] = spoilt[i].value;
		pair_input(n->p, SERVER, 0, copy, len);
	}
	assert_log(n, SERVER, "");
	pair_input(n->p, SERVER, 1, d, len); /* from another path: asked, but nobody sleeps there */
	assert_log(n, SERVER, "");
	night_free(n);
}

static void test_I2_a_replay_does_not_wake(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(5, UINT64_MAX, UINT64_MAX);
	uint8_t d[64];
	const size_t len = sealed_by(n, CLIENT, DTLS_DATA, "data", d);
	pair_input(n->p, SERVER, 0, d, len);
	assert_log(n, SERVER, "STM");
	for (int i = 0; i < 3; i++) {
		night_sleep(n, SERVER, 0);
		pair_input(n->p, SERVER, 0, d, len);
		assert_log(n, SERVER, "AN");
		assert_non_null(night_wake(n, SERVER, 0));
		pair_input(n->p, SERVER, 0, d, len);
		assert_log(n, SERVER, "");
	}
	assert_int_equal(n->p->side[SERVER].count[MESSAGE], 1);
	assert_int_equal(dtls_stats(n->p->side[SERVER].e).replayed, 6);
	night_free(n);
}

static void test_S28_an_owner_may_refuse_it_when_it_has_verified(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(6, UINT64_MAX, UINT64_MAX);
	night_sleep(n, SERVER, 0);
	n->refuse = true;
	pair_say(n->p, CLIENT, "not heard");
	pair_deliver(n->p);
	assert_log(n, SERVER, "AW");
	assert_int_equal(night_conns(n, SERVER), 0);
	assert_int_equal(n->p->side[SERVER].count[MESSAGE], 0);
	night_free(n);
}

static void close_it(struct night *n, struct side *s, struct dtls_conn *c)
{
	n->side[s->id].bed[0] = (struct bed){ .conn = NULL };
	dtls_close(s->e, c);
}

static void part_from_it(struct night *n, struct side *s, struct dtls_conn *c)
{
	n->side[s->id].bed[0] = (struct bed){ .conn = NULL };
	dtls_farewell(s->e, c);
}

static void put_it_back(struct night *n, struct side *s, struct dtls_conn *c)
{
	n->side[s->id].bed[0].conn = NULL;
	dtls_sleep(s->e, c);
}

static void test_S30_an_owner_may_end_it_while_it_wakes(void **state)
{
	(void)state;
	static void (*const ends[])(struct night *, struct side *, struct dtls_conn *) = { close_it,
		part_from_it, put_it_back };
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		struct night *const n = night_up_pair(7, UINT64_MAX, UINT64_MAX);
		night_sleep(n, SERVER, 0);
		n->on_woken = ends[i];
		pair_say(n->p, CLIENT, "not heard");
		pair_deliver(n->p);
		assert_log(n, SERVER, "AW");
		assert_int_equal(night_conns(n, SERVER), 0);
		assert_int_equal(n->p->side[SERVER].count[MESSAGE], 0);
		assert_int_equal(n->p->side[CLIENT].count[DOWN], ends[i] != put_it_back);
		assert_no_number_twice(n->p);
		night_free(n);
	}
}

/* As a gateway does: the device's record brings its link back, too. */
static void wake_the_other(struct night *n, struct side *s, struct dtls_conn *c)
{
	n->on_woken = NULL;
	assert_non_null(night_wake(n, s->id, 1));
	assert_non_null(night_wake(n, s->id, 2));
	night_sleep(n, s->id, 2);
	assert_int_equal(dtls_send(s->e, c, (const uint8_t *)"up", 2), DTLS_OK);
}

static void test_an_owner_may_wake_others_while_one_wakes(void **state)
{
	(void)state;
	struct night *const n = night_new(8, UINT64_MAX, UINT64_MAX);
	for (unsigned line = 0; line < 3; line++)
		pair_connect(n->p, line);
	pair_deliver(n->p);
	for (unsigned line = 0; line < 3; line++)
		night_sleep(n, SERVER, line);
	n->on_woken = wake_the_other;
	n->p->side[CLIENT].conn = n->side[CLIENT].bed[0].conn;
	night_hush(n);
	pair_say(n->p, CLIENT, "all of you");
	pair_deliver(n->p);
	assert_log(n, SERVER, "AWSTM");
	assert_log(n, CLIENT, "SM");
	assert_int_equal(night_conns(n, SERVER), 2);
	night_free(n);
}

static void test_R136_a_close_notify_wakes_it_and_is_answered(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(8, UINT64_MAX, UINT64_MAX);
	const size_t sent = n->p->side[SERVER].sent;
	night_sleep(n, SERVER, 0);
	dtls_close(n->p->side[CLIENT].e, n->p->side[CLIENT].conn);
	n->side[CLIENT].bed[0] = (struct bed){ .conn = NULL };
	pair_deliver(n->p);
	assert_log(n, SERVER, "AWSD");
	assert_int_equal(n->p->side[SERVER].sent, sent + 1);
	assert_int_equal(night_conns(n, SERVER), 0);
	night_free(n);
}

static void test_R111_the_other_records_of_the_datagram_find_it_awake(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(9, UINT64_MAX, UINT64_MAX);
	uint8_t d[128];
	size_t len = sealed_by(n, CLIENT, DTLS_DATA, "one", d);
	len += sealed_by(n, CLIENT, DTLS_DATA, "two", d + len);
	night_sleep(n, SERVER, 0);
	pair_input(n->p, SERVER, 0, d, len);
	assert_log(n, SERVER, "AWSTMSM");
	assert_heard(&n->p->side[SERVER], "two");
	night_free(n);
}

static void test_R132_limits_and_parameters_outlive_sleep(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(10, UINT64_MAX, UINT64_MAX);
	struct side *const s = &n->p->side[SERVER];
	s->conn->fragment_code = 1;
	s->conn->assoc.wseq = DTLS_RECORDS_MAX - DTLS_RECORDS_SPARE;
	const uint64_t tag = s->conn->hello_tag;
	n->side[SERVER].bed[0].context_len =
		dtls_context_write(s->conn, n->side[SERVER].bed[0].context);
	night_sleep(n, SERVER, 0);
	assert_non_null(night_wake(n, SERVER, 0));
	static const uint8_t big[513];
	assert_int_equal(dtls_send(s->e, s->conn, big, 513), DTLS_TOO_LONG);
	assert_int_equal(dtls_send(s->e, s->conn, big, 512), DTLS_EXHAUSTED);
	assert_true(s->conn->hello_tag == tag);
	night_free(n);
}

static void test_a_context_that_is_not_sound_brings_nobody_back(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(11, UINT64_MAX, UINT64_MAX);
	struct bed *const b = &n->side[SERVER].bed[0];
	night_sleep(n, SERVER, 0);
	b->context_len--;
	assert_null(night_wake(n, SERVER, 0));
	pair_say(n->p, CLIENT, "x");
	pair_deliver(n->p);
	assert_log(n, SERVER, "AN");
	assert_int_equal(dtls_stats(n->p->side[SERVER].e).unwoken, 1);
	const struct net_path path = line_path(SERVER, 0);
	struct dtls_sleeper x = night_sleeper(n, SERVER, b, &path);
	x.context_len = SIZE_MAX;
	assert_null(dtls_wake(n->p->side[SERVER].e, &x, n->p->now_ms));
	b->context_len++;
	assert_non_null(night_wake(n, SERVER, 0));
	assert_null(night_wake(n, SERVER, 0)); /* the path is in use */
	assert_int_equal(night_conns(n, SERVER), 1);
	night_free(n);
}

static void test_a_link_does_not_come_back_beside_its_new_handshake(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(12, UINT64_MAX, UINT64_MAX);
	night_sleep(n, CLIENT, 0);
	pair_connect(n->p, 0);
	assert_null(night_wake(n, CLIENT, 0));
	night_free(n);
}

static void test_sleep_inside_an_event_ends_the_datagram(void **state)
{
	(void)state;
	struct night *const n = night_up_pair(13, UINT64_MAX, UINT64_MAX);
	struct side *const s = &n->p->side[SERVER];
	n->unproven = true;
	n->on_unproven = put_it_back;
	night_sleep(n, SERVER, 0);
	pair_say(n->p, CLIENT, "x");
	pair_deliver(n->p);
	assert_log(n, SERVER, "AWP");
	assert_int_equal(dtls_stats(s->e).slept, 2);
	assert_int_equal(night_conns(n, SERVER), 0);
	night_free(n);
}

/* A datagram of many paths at once goes the way of fetch_ahead(). */
static void test_sleepers_and_others_in_one_batch(void **state)
{
	(void)state;
	struct night *const n = night_new(14, UINT64_MAX, UINT64_MAX);
	for (unsigned line = 0; line < LINES; line++)
		pair_connect(n->p, line);
	pair_deliver(n->p);
	uint8_t d[LINES][64];
	struct net_path paths[LINES];
	struct dtls_datagram batch[LINES];
	night_hush(n);
	for (unsigned line = 0; line < LINES; line++) {
		n->p->side[CLIENT].conn = n->side[CLIENT].bed[line].conn;
		paths[line] = line_path(SERVER, line);
		batch[line] = (struct dtls_datagram){ .path = &paths[line],
			.data = d[line],
			.len = sealed_by(n, CLIENT, DTLS_DATA, "data", d[line]) };
		if (line % 2)
			night_sleep(n, SERVER, line);
	}
	dtls_input(n->p->side[SERVER].e, DTLS_SERVER, batch, LINES, n->p->now_ms);
	assert_log(n, SERVER, "STMAWSTMSTMAWSTM");
	night_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I1_I2_an_association_of_either_role_goes_on_after_sleep),
		cmocka_unit_test(test_S14_a_record_wakes_it_and_is_marked_before_it_goes_on),
		cmocka_unit_test(test_S24_what_does_not_verify_wakes_nobody),
		cmocka_unit_test(test_S24_what_can_be_no_record_does_not_ask_the_owner),
		cmocka_unit_test(test_I2_a_replay_does_not_wake),
		cmocka_unit_test(test_S28_an_owner_may_refuse_it_when_it_has_verified),
		cmocka_unit_test(test_S30_an_owner_may_end_it_while_it_wakes),
		cmocka_unit_test(test_an_owner_may_wake_others_while_one_wakes),
		cmocka_unit_test(test_R136_a_close_notify_wakes_it_and_is_answered),
		cmocka_unit_test(test_R111_the_other_records_of_the_datagram_find_it_awake),
		cmocka_unit_test(test_R132_limits_and_parameters_outlive_sleep),
		cmocka_unit_test(test_a_context_that_is_not_sound_brings_nobody_back),
		cmocka_unit_test(test_a_link_does_not_come_back_beside_its_new_handshake),
		cmocka_unit_test(test_sleep_inside_an_event_ends_the_datagram),
		cmocka_unit_test(test_sleepers_and_others_in_one_batch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
