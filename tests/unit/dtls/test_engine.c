/* SPDX-License-Identifier: Apache-2.0 */
/* What an association does once it is up, and how it ends. */
#include "pair.h"

#include "dtls/alert.h"

/* Puts a protected record on the wire that the peer `from` would not send by itself. */
static void forge_from(struct pair *p, unsigned from, uint8_t type, const uint8_t *body, size_t len)
{
	struct side *const s = &p->side[from];
	uint8_t out[256];
	if (len > 0)
		memcpy(out + DTLS_RECORD_HEADER + 8, body, len);
	assert_true(dtls_assoc_seal(&s->conn->assoc, &s->e->sealer, type, out, len));
	put_on_wire(p, 1 - from, 0, out, DTLS_RECORD_OVERHEAD + len, p->now_ms);
	pair_deliver(p);
}

static void test_handshake_of_both_roles_and_data_both_ways(void **state)
{
	(void)state;
	struct pair *const p = pair_up(1, NULL);
	assert_int_equal(p->asked, 1);
	assert_int_equal(p->side[SERVER].notes[0].cred, 7);
	assert_int_equal(p->side[CLIENT].notes[0].cred, 9);
	assert_ptr_equal(dtls_conn_user(p->side[CLIENT].conn), p);
	assert_null(dtls_conn_user(p->side[SERVER].conn));
	assert_int_equal(dtls_conn_role(p->side[SERVER].conn), DTLS_SERVER);
	assert_int_equal(dtls_conn_role(p->side[CLIENT].conn), DTLS_CLIENT);
	assert_talk(p);
	assert_talk(p);
	assert_int_equal(p->keylogs, 2);
	const struct dtls_stats s = dtls_stats(p->side[SERVER].e);
	assert_int_equal(s.handshakes_done[DTLS_SERVER], 1);
	assert_int_equal(s.conns, 1);
	assert_int_equal(s.handshakes, 0);
	assert_int_equal(s.handshake_bytes, 0);
	assert_int_equal(s.junk + s.forged + s.replayed + s.early, 0);
	const struct dtls_conn_facts f = dtls_conn_facts(p->side[SERVER].conn);
	assert_int_equal(f.records_in, 2);
	assert_int_equal(f.records_out, 3); /* Finished and two messages */
	assert_no_number_twice(p);
	pair_free(p);
}

static void test_a_message_may_be_of_any_length_up_to_the_record(void **state)
{
	(void)state;
	struct pair *const p = pair_up(2, NULL);
	static uint8_t big[DTLS_PLAIN_MAX + 1];
	memset(big, 0x5a, sizeof(big));
	struct side *const c = &p->side[CLIENT];
	assert_int_equal(dtls_send(c->e, c->conn, big, DTLS_PLAIN_MAX), DTLS_OK);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].last_len, DTLS_PLAIN_MAX);
	assert_memory_equal(p->side[SERVER].last, big, DTLS_PLAIN_MAX);
	assert_int_equal(dtls_send(c->e, c->conn, big, sizeof(big)), DTLS_TOO_LONG);
	pair_free(p);
}

static struct fate thrice(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)p;
	(void)d;
	(void)len;
	return (struct fate){ .copies = 2 };
}

static void test_I2_R122_a_record_is_delivered_once(void **state)
{
	(void)state;
	struct pair *const p = pair_up(3, NULL);
	p->fate = thrice;
	for (int i = 0; i < 100; i++)
		pair_say(p, CLIENT, "once");
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[MESSAGE], 100);
	assert_int_equal(dtls_stats(p->side[SERVER].e).replayed, 100);
	pair_free(p);
}

static struct fate shuffled(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = 1, .delay_ms = { 1 + pair_random(p) % 16 } };
}

static void test_I2_records_out_of_order_are_all_delivered(void **state)
{
	(void)state;
	struct pair *const p = pair_up(4, NULL);
	p->fate = shuffled;
	for (int i = 0; i < 40; i++)
		pair_say(p, CLIENT, "any order");
	pair_run(p, p->now_ms + 100);
	assert_int_equal(p->side[SERVER].count[MESSAGE], 40);
	pair_free(p);
}

static void test_R123_R124_invalid_records_get_no_answer_and_do_no_harm(void **state)
{
	(void)state;
	struct pair *const p = pair_up(5, NULL);
	assert_talk(p);
	const size_t sent = p->side[SERVER].sent;
	for (int i = 0; i < 20000; i++) {
		uint8_t d[64];
		own_random(&p->side[CLIENT], d, sizeof(d));
		if (i % 2) { /* a good header, then noise */
			const struct dtls_number n = { .type = (uint8_t)(20 + i % 4),
				.epoch = (uint16_t)(i / 4 % 3),
				.seq = (uint64_t)i };
			dtls_record_header(d, DTLS_VERSION_1_2, &n, sizeof(d) - DTLS_RECORD_HEADER);
		}
		pair_input(p, SERVER, 0, d, (size_t)i % (sizeof(d) + 1));
	}
	assert_int_equal(p->side[SERVER].sent, sent);
	assert_int_equal(p->side[SERVER].count[MESSAGE], 1);
	assert_int_equal(p->side[SERVER].count[DOWN], 0);
	const struct dtls_stats s = dtls_stats(p->side[SERVER].e);
	assert_true(s.forged > 0);
	assert_true(s.junk > 0);
	assert_int_equal(dtls_conn_facts(p->side[SERVER].conn).forged, s.forged);
	assert_talk(p);
	pair_free(p);
}

static void test_R114_a_plain_alert_does_not_touch_an_association(void **state)
{
	(void)state;
	struct pair *const p = pair_up(6, NULL);
	static const uint8_t fatal[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40 };
	static const uint8_t close[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0 };
	for (unsigned to = 0; to < 2; to++) {
		pair_input(p, to, 0, fatal, sizeof(fatal));
		pair_input(p, to, 0, close, sizeof(close));
		assert_int_equal(p->side[to].count[DOWN], 0);
	}
	assert_talk(p);
	pair_free(p);
}

static void test_R134_only_alert_handshake_and_data_are_let_in(void **state)
{
	(void)state;
	struct pair *const p = pair_up(7, NULL);
	for (unsigned type = 0; type < 256; type++) {
		if (type >= DTLS_ALERT && type <= DTLS_DATA)
			continue;
		const uint64_t before = dtls_stats(p->side[SERVER].e).junk;
		forge_from(p, CLIENT, (uint8_t)type, (const uint8_t *)"junk", 4);
		assert_int_equal(dtls_stats(p->side[SERVER].e).junk, before + 1);
	}
	/* That of RFC 9853 was opened before it could be known that nobody has agreed on it. */
	assert_int_equal(dtls_conn_facts(p->side[SERVER].conn).records_in, 1);
	assert_int_equal(p->side[SERVER].count[MESSAGE], 0);
	assert_talk(p);
	pair_free(p);
}

static void test_R118_R121_other_versions_and_epochs_are_dropped(void **state)
{
	(void)state;
	struct pair *const p = pair_up(8, NULL);
	struct side *const c = &p->side[CLIENT];
	for (int i = 0; i < 3; i++) {
		uint8_t out[64] = { 0 };
		assert_true(dtls_assoc_seal(&c->conn->assoc, &c->e->sealer, DTLS_DATA, out, 4));
		if (i == 0)
			out[2] = 0xff; /* version */
		if (i > 0)
			out[4] = i == 1 ? 0 : 2; /* epoch */
		pair_input(p, SERVER, 0, out, DTLS_RECORD_OVERHEAD + 4);
	}
	assert_int_equal(p->side[SERVER].count[MESSAGE], 0);
	assert_int_equal(dtls_stats(p->side[SERVER].e).junk, 3);
	assert_talk(p);
	pair_free(p);
}

static void test_R135_empty_data_is_counted_and_is_no_message(void **state)
{
	(void)state;
	struct pair *const p = pair_up(9, NULL);
	forge_from(p, CLIENT, DTLS_DATA, NULL, 0);
	assert_int_equal(p->side[SERVER].count[MESSAGE], 0);
	assert_int_equal(dtls_conn_facts(p->side[SERVER].conn).records_in, 1);
	pair_free(p);
}

static void test_R136_close_notify_is_answered_once_and_ends_it(void **state)
{
	(void)state;
	struct pair *const p = pair_up(10, NULL);
	const size_t sent = p->side[SERVER].sent;
	dtls_close(p->side[CLIENT].e, p->side[CLIENT].conn);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].sent, sent + 1);
	assert_int_equal(p->side[SERVER].count[DOWN], 1);
	assert_int_equal(p->side[SERVER].notes[1].what, DTLS_END_CLOSE_NOTIFY);
	assert_int_equal(p->side[CLIENT].count[DOWN], 0); /* who closes needs no event */
	assert_int_equal(dtls_stats(p->side[SERVER].e).conns, 0);
	assert_int_equal(dtls_stats(p->side[CLIENT].e).conns, 0);
	pair_free(p);
}

static void test_an_authentic_fatal_alert_ends_it_and_a_warning_does_not(void **state)
{
	(void)state;
	struct pair *const p = pair_up(11, NULL);
	static const uint8_t warning[] = { DTLS_WARNING, DTLS_NO_RENEGOTIATION };
	static const uint8_t fatal[] = { DTLS_FATAL, DTLS_DECODE_ERROR };
	forge_from(p, CLIENT, DTLS_ALERT, warning, 2);
	forge_from(p, CLIENT, DTLS_ALERT, fatal, 1); /* half an alert is none */
	assert_int_equal(p->side[SERVER].count[DOWN], 0);
	const size_t sent = p->side[SERVER].sent;
	forge_from(p, CLIENT, DTLS_ALERT, fatal, 2);
	assert_int_equal(p->side[SERVER].notes[1].what, DTLS_END_ALERT);
	assert_int_equal(p->side[SERVER].sent, sent);
	pair_free(p);
}

static void test_R107_renegotiation_is_declined_and_otherwise_ignored(void **state)
{
	(void)state;
	struct pair *const p = pair_up(12, NULL);
	static const uint8_t hello[DTLS_HS_HEADER] = { DTLS_HS_CLIENT_HELLO };
	static const uint8_t request[DTLS_HS_HEADER] = { DTLS_HS_HELLO_REQUEST };
	for (unsigned to = 0; to < 2; to++) {
		const uint64_t heard = dtls_conn_facts(p->side[1 - to].conn).records_in;
		const size_t sent = p->side[to].sent;
		forge_from(
			p, 1 - to, DTLS_HANDSHAKE, to == SERVER ? hello : request, DTLS_HS_HEADER);
		assert_int_equal(p->side[to].sent, sent + 1);
		assert_int_equal(p->side[to].room[0], DTLS_ALERT);
		assert_int_equal(p->side[to].room[4], 1); /* protected */
		assert_int_equal(dtls_conn_facts(p->side[1 - to].conn).records_in, heard + 1);
		/* What does not concern the role is not answered. */
		forge_from(
			p, 1 - to, DTLS_HANDSHAKE, to == SERVER ? request : hello, DTLS_HS_HEADER);
		assert_int_equal(p->side[to].sent, sent + 1);
		assert_int_equal(p->side[to].count[DOWN], 0);
	}
	assert_talk(p);
	pair_free(p);
}

static void test_R120_R132_numbers_end_in_a_close(void **state)
{
	(void)state;
	struct pair *const p = pair_up(13, NULL);
	struct side *const s = &p->side[SERVER];
	s->conn->assoc.wseq = DTLS_RECORDS_MAX - DTLS_RECORDS_SPARE - 1;
	pair_say(p, SERVER, "the last one");
	assert_int_equal(dtls_send(s->e, s->conn, (const uint8_t *)"x", 1), DTLS_EXHAUSTED);
	assert_int_equal(dtls_send(s->e, s->conn, (const uint8_t *)"x", 1), DTLS_EXHAUSTED);
	assert_int_equal(s->count[DOWN], 0);
	assert_true(dtls_next_ms(s->e) <= p->now_ms);
	dtls_tick(s->e, p->now_ms);
	assert_int_equal(s->count[DOWN], 1);
	assert_int_equal(s->notes[1].what, DTLS_END_NUMBERS);
	pair_deliver(p);
	assert_heard(&p->side[CLIENT], "the last one");
	assert_int_equal(p->side[CLIENT].count[DOWN], 1); /* by close_notify */
	assert_no_number_twice(p);
	pair_free(p);
}

static void test_close_of_a_spent_association_leaves_nothing_behind(void **state)
{
	(void)state;
	struct pair *const p = pair_up(14, NULL);
	struct side *const s = &p->side[SERVER];
	s->conn->assoc.wseq = DTLS_RECORDS_MAX - DTLS_RECORDS_SPARE;
	assert_int_equal(dtls_send(s->e, s->conn, (const uint8_t *)"x", 1), DTLS_EXHAUSTED);
	dtls_close(s->e, s->conn);
	dtls_tick(s->e, p->now_ms);
	assert_int_equal(s->count[DOWN], 0);
	pair_free(p);
}

static void test_close_inside_message_ends_the_datagram(void **state)
{
	(void)state;
	struct pair *const p = pair_up(15, NULL);
	struct side *const c = &p->side[CLIENT];
	p->side[SERVER].close_on_message = true;
	/* Three records in one datagram: R-111. */
	uint8_t d[3 * (DTLS_RECORD_OVERHEAD + 4)];
	for (size_t i = 0; i < 3; i++)
		assert_true(dtls_assoc_seal(&c->conn->assoc, &c->e->sealer, DTLS_DATA,
			d + i * (DTLS_RECORD_OVERHEAD + 4), 4));
	pair_input(p, SERVER, 0, d, sizeof(d));
	assert_int_equal(p->side[SERVER].count[MESSAGE], 1);
	assert_int_equal(dtls_stats(p->side[SERVER].e).conns, 0);
	assert_int_equal(dtls_stats(p->side[SERVER].e).junk, 2);
	pair_free(p);
}

static void test_R111_all_records_of_a_datagram_are_read(void **state)
{
	(void)state;
	struct pair *const p = pair_up(16, NULL);
	struct side *const c = &p->side[CLIENT];
	p->side[SERVER].echo = true;
	uint8_t d[5 * (DTLS_RECORD_OVERHEAD + 4) + 3] = { 0 };
	for (size_t i = 0; i < 5; i++)
		assert_true(dtls_assoc_seal(&c->conn->assoc, &c->e->sealer, DTLS_DATA,
			d + i * (DTLS_RECORD_OVERHEAD + 4), 4));
	pair_input(p, SERVER, 0, d, sizeof(d));
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[MESSAGE], 5);
	assert_int_equal(p->side[CLIENT].count[MESSAGE], 5);
	assert_int_equal(dtls_stats(p->side[SERVER].e).junk, 1); /* the three bytes at the end */
	pair_free(p);
}

static bool count_one(void *ctx, struct dtls_conn *c)
{
	size_t *const n = ctx;
	(void)c;
	return ++*n < 3;
}

static void test_each_visits_until_told_to_stop(void **state)
{
	(void)state;
	struct pair *const p = pair_new(17, NULL);
	for (unsigned line = 0; line < 5; line++)
		pair_connect(p, line);
	pair_deliver(p);
	size_t n = 0;
	dtls_each(p->side[SERVER].e, count_one, &n);
	assert_int_equal(n, 3);
	assert_int_equal(dtls_stats(p->side[SERVER].e).conns, 5);
	pair_free(p);
}

static void test_a_path_in_use_is_busy_and_unreachable_harms_no_association(void **state)
{
	(void)state;
	struct pair *const p = pair_new(18, NULL);
	struct side *const c = &p->side[CLIENT];
	pair_connect(p, 0);
	assert_int_equal(pair_connect_as(p, 0, "dev1", 4), DTLS_BUSY);
	pair_deliver(p);
	assert_int_equal(pair_connect_as(p, 0, "dev1", 4), DTLS_BUSY);
	const struct net_path path = line_path(CLIENT, 0);
	dtls_unreachable(c->e, &path, p->now_ms);
	dtls_connect_cancel(c->e, &path);
	assert_talk(p);
	const struct net_path other = line_path(CLIENT, 1);
	pair_connect(p, 1);
	dtls_unreachable(c->e, &other, p->now_ms);
	assert_int_equal(c->count[FAILED], 1);
	assert_int_equal(c->notes[c->note_count - 1].what, DTLS_FAIL_UNREACHABLE);
	pair_connect(p, 1);
	dtls_connect_cancel(c->e, &other);
	assert_int_equal(c->count[FAILED], 1);
	assert_int_equal(dtls_stats(c->e).handshakes, 0);
	pair_free(p);
}

static void test_connect_refuses_what_the_library_cannot_say(void **state)
{
	(void)state;
	struct pair *const p = pair_new(19, NULL);
	uint8_t identity[129];
	memset(identity, 'a', sizeof(identity));
	assert_int_equal(pair_connect_as(p, 0, identity, 129), DTLS_BROKEN);
	assert_int_equal(pair_connect_as(p, 0, identity, 0), DTLS_BROKEN);
	identity[1] = 0;
	assert_int_equal(pair_connect_as(p, 0, identity, 4), DTLS_BROKEN);
	p->key_len = 0;
	assert_int_equal(pair_connect_as(p, 0, "a", 1), DTLS_BROKEN);
	assert_int_equal(dtls_stats(p->side[CLIENT].e).handshakes, 0);
	pair_free(p);
}

static void test_engines_can_come_and_go(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300; i++)
		pair_free(pair_new(i, NULL));
}

static void test_close_inside_down_is_nothing(void **state)
{
	(void)state;
	struct pair *const p = pair_up(20, NULL);
	p->side[SERVER].close_on_down = true;
	dtls_close(p->side[CLIENT].e, p->side[CLIENT].conn);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[DOWN], 1);
	assert_int_equal(dtls_stats(p->side[SERVER].e).conns, 0);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake_of_both_roles_and_data_both_ways),
		cmocka_unit_test(test_a_message_may_be_of_any_length_up_to_the_record),
		cmocka_unit_test(test_I2_R122_a_record_is_delivered_once),
		cmocka_unit_test(test_I2_records_out_of_order_are_all_delivered),
		cmocka_unit_test(test_R123_R124_invalid_records_get_no_answer_and_do_no_harm),
		cmocka_unit_test(test_R114_a_plain_alert_does_not_touch_an_association),
		cmocka_unit_test(test_R134_only_alert_handshake_and_data_are_let_in),
		cmocka_unit_test(test_R118_R121_other_versions_and_epochs_are_dropped),
		cmocka_unit_test(test_R135_empty_data_is_counted_and_is_no_message),
		cmocka_unit_test(test_R136_close_notify_is_answered_once_and_ends_it),
		cmocka_unit_test(test_an_authentic_fatal_alert_ends_it_and_a_warning_does_not),
		cmocka_unit_test(test_R107_renegotiation_is_declined_and_otherwise_ignored),
		cmocka_unit_test(test_R120_R132_numbers_end_in_a_close),
		cmocka_unit_test(test_close_of_a_spent_association_leaves_nothing_behind),
		cmocka_unit_test(test_close_inside_message_ends_the_datagram),
		cmocka_unit_test(test_R111_all_records_of_a_datagram_are_read),
		cmocka_unit_test(test_each_visits_until_told_to_stop),
		cmocka_unit_test(test_a_path_in_use_is_busy_and_unreachable_harms_no_association),
		cmocka_unit_test(test_connect_refuses_what_the_library_cannot_say),
		cmocka_unit_test(test_engines_can_come_and_go),
		cmocka_unit_test(test_close_inside_down_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
