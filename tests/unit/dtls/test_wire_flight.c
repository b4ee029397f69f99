/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments, order, retransmission and the last flight, in server role. */
#include "peer_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

enum { SLACK_MS = 100 }; /* of a timer; it is never early */

static int rig_up(void **state)
{
	*state = peer_rig_new(NULL);
	return 0;
}

static int rig_down(void **state)
{
	peer_rig_free(*state);
	return 0;
}

/* Flight 5 made, nothing of it sent. */
static struct peer *before_flight5(struct peer_rig *rig)
{
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_rig_to_flight4(rig, p);
	peer_make_client_key(p);
	peer_make_finished(p);
	return p;
}

/* The handshake ends well; what was sent so far did not harm it. */
static void check_ends_well(struct peer_rig *rig, struct peer *p)
{
	peer_rig_pump(rig, p);
	assert_true(p->done);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 1);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_FAILED), 0);
	peer_rig_check_alive(rig, p, peer_rig_event(rig, PEER_TOLD_UP)->conn);
	peer_check_numbers(p);
	peer_free(p);
}

static void rest_of_flight5(struct peer *p)
{
	peer_put_ccs(p);
	peer_put_msg(p, PEER_FINISHED);
	peer_flush(p);
}

/* --- R-096, R-111 ---------------------------------------------------------------------------- */

static void test_R096_client_key_exchange_in_pieces_of_one_byte(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = before_flight5(rig);
	for (size_t i = 0; i < p->mine[PEER_CLIENT_KEY].body.len; i++) {
		peer_put_part(p, PEER_CLIENT_KEY, i, 1);
		peer_flush(p);
	}
	rest_of_flight5(p);
	check_ends_well(rig, p);
}

static void test_R096_pieces_backwards_overlapping_and_twice(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = before_flight5(rig);
	const size_t len = p->mine[PEER_CLIENT_KEY].body.len;
	for (size_t i = len; i > 0; i--) {
		peer_put_part(p, PEER_CLIENT_KEY, i - 1, len - i + 1 < 3 ? len - i + 1 : 3);
		peer_flush(p);
		peer_put_part(p, PEER_CLIENT_KEY, len - 1, 1);
		peer_flush(p);
	}
	rest_of_flight5(p);
	check_ends_well(rig, p);
}

static void test_R111_several_pieces_in_one_record_and_records_in_one_datagram(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = before_flight5(rig);
	const size_t len = p->mine[PEER_CLIENT_KEY].body.len;
	struct peer_buf b = { 0 };
	peer_add_fragment(&b, &p->mine[PEER_CLIENT_KEY], 0, 2);
	peer_add_fragment(&b, &p->mine[PEER_CLIENT_KEY], 2, 3);
	peer_put_next(p, PEER_HANDSHAKE, 0, b.at, b.len);
	peer_put_part(p, PEER_CLIENT_KEY, 5, len - 5);
	rest_of_flight5(p);
	peer_buf_free(&b);
	check_ends_well(rig, p);
}

static void test_R096_a_piece_beyond_its_message_is_not_taken(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = before_flight5(rig);
	/* type, length, message_seq, fragment_offset, fragment_length */
	static const uint8_t wrong[][14] = {
		{ 16, 0, 0, 2, 0, 2, 0, 0, 2, 0, 0, 2, 'x', 'x' },
		{ 16, 0, 0, 2, 0, 2, 0xff, 0xff, 0xff, 0, 0, 2, 'x', 'x' },
		{ 16, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 2, 'x', 'x' },
		{ 16, 0, 0, 2, 0, 2, 0, 0, 0, 0, 0, 9, 'x', 'x' },
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		peer_put_next(p, PEER_HANDSHAKE, 0, wrong[i], sizeof(wrong[i]));
		peer_flush(p);
		assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 0);
	}
	/* RFC 6347 4.1.2.7 lets the handshake live or die; memory is not to be lost. */
	peer_put_msg(p, PEER_CLIENT_KEY);
	rest_of_flight5(p);
	peer_rig_until(rig, rig->now_ms + 200000);
	assert_int_equal(dtls_stats(rig->e).handshakes, 0);
	peer_free(p);
}

static void test_R096_a_promised_giant_takes_no_memory(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = before_flight5(rig);
	const size_t before = dtls_stats(rig->e).handshake_bytes;
	for (uint8_t i = 0; i < 200; i++) {
		/* 16 MiB - 1, one byte of it at i << 16 */
		const uint8_t m[13] = { 16, 0xff, 0xff, 0xff, 0, (uint8_t)(2 + i % 8), i, 0, 0, 0,
			0, 1, 'x' };
		peer_put_next(p, PEER_HANDSHAKE, 0, m, sizeof(m));
		peer_flush(p);
	}
	assert_true(dtls_stats(rig->e).handshake_bytes <= before + 200000);
	peer_free(p);
}

static void test_R096_hello_in_pieces_with_the_cookie_in_the_first(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	uint8_t filling[300] = { 0 };
	peer_ext(&p->hello.exts, 0x4242, filling, sizeof(filling));
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	assert_int_equal(p->verifies, 1);
	peer_make_client_hello(p);
	const size_t len = p->mine[PEER_CLIENT_HELLO].body.len;
	for (size_t off = 0; off < len; off += 150) {
		peer_put_part(p, PEER_CLIENT_HELLO, off, len - off < 150 ? len - off : 150);
		peer_flush(p);
	}
	peer_rig_pump(rig, p);
	assert_true(p->flight);
	peer_say_flight5(p);
	check_ends_well(rig, p);
}

/* The second piece comes first and the client asks again after its timeout. */
static void test_R096_hello_in_pieces_in_disorder(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	uint8_t filling[300] = { 0 };
	peer_ext(&p->hello.exts, 0x4242, filling, sizeof(filling));
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	peer_make_client_hello(p);
	const size_t len = p->mine[PEER_CLIENT_HELLO].body.len;
	for (int i = 0; i < 2; i++) {
		peer_put_part(p, PEER_CLIENT_HELLO, 200, len - 200);
		peer_flush(p);
		peer_put_part(p, PEER_CLIENT_HELLO, 0, 210);
		peer_flush(p);
	}
	peer_rig_pump(rig, p);
	assert_true(p->flight);
	peer_say_flight5(p);
	check_ends_well(rig, p);
}

/* --- R-098, R-112 ---------------------------------------------------------------------------- */

static void test_R098_disorder_inside_flight_5(void **state)
{
	struct peer_rig *const rig = *state;
	static const char *const orders[] = { "fck", "fkc", "ckf", "cfk", "kfc" };
	for (size_t i = 0; i < COUNT_OF(orders); i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_rig_to_flight4(rig, p);
		peer_make_client_key(p);
		peer_make_finished(p);
		for (const char *at = orders[i]; *at; at++) {
			if (*at == 'k')
				peer_put_msg(p, PEER_CLIENT_KEY);
			if (*at == 'c')
				peer_put_ccs(p);
			if (*at == 'f')
				peer_put_msg(p, PEER_FINISHED);
			peer_flush(p);
		}
		peer_rig_pump(rig, p);
		if (!p->done)
			peer_say_again(p);
		peer_rig_pump(rig, p);
		assert_true(p->done);
		peer_check_numbers(p);
		peer_free(p);
	}
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), COUNT_OF(orders));
}

static void test_R098_lower_and_higher_message_numbers_do_no_harm(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = before_flight5(rig);
	const uint16_t right = p->mine[PEER_CLIENT_KEY].seq;
	static const uint16_t wrong[] = { 0, 9, 700, 0xffff };
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		p->mine[PEER_CLIENT_KEY].seq = wrong[i];
		peer_put_msg(p, PEER_CLIENT_KEY);
		peer_flush(p);
	}
	p->mine[PEER_CLIENT_KEY].seq = right;
	peer_put_msg(p, PEER_CLIENT_KEY);
	rest_of_flight5(p);
	check_ends_well(rig, p);
}

static void test_R112_change_cipher_spec_out_of_place_is_dropped(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_put_ccs(p);
	peer_flush(p);
	peer_say_hello(p);
	peer_put_ccs(p);
	peer_flush(p);
	peer_rig_pump(rig, p);
	peer_say_hello(p);
	peer_put_ccs(p); /* before the ClientKeyExchange */
	peer_flush(p);
	peer_put_next(p, PEER_CCS, 0, "\002", 1);
	peer_put_next(p, PEER_CCS, 0, "\001\001", 2);
	peer_flush(p);
	peer_rig_pump(rig, p);
	peer_say_flight5(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	peer_put_ccs(p);
	peer_put_next(p, PEER_CCS, 1, "\001", 1);
	peer_flush(p);
	check_ends_well(rig, p);
}

/* --- R-116 --------------------------------------------------------------------- */

static void check_due(const struct peer_sent *out, uint64_t begin_ms, uint64_t after_s)
{
	assert_in_range(
		out->at_ms, begin_ms + after_s * 1000, begin_ms + after_s * 1000 + SLACK_MS);
}

static void test_R099_R098_flight_4_again_at_9_27_63_and_123_seconds(void **state)
{
	struct peer_rig *const rig = *state;
	static const uint64_t again_s[] = { 9, 27, 63, 123 };
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_rig_to_flight4(rig, p);
	const uint64_t begin_ms = rig->now_ms;
	const uint16_t hello_seq = peer_heard(p, PEER_SERVER_HELLO)->seq;
	size_t records = p->recs;
	for (size_t i = 0; i < COUNT_OF(again_s); i++) {
		peer_rig_until(rig, begin_ms + again_s[i] * 1000 - 1);
		assert_int_equal(rig->outs, 0);
		peer_rig_until(rig, begin_ms + again_s[i] * 1000 + SLACK_MS);
		assert_true(rig->outs > 0);
		check_due(&rig->out[0], begin_ms, again_s[i]);
		peer_rig_pump(rig, p);
		assert_int_equal(p->recs, records + 2);
		assert_int_equal(p->rec[records].body[0], PEER_SERVER_HELLO);
		assert_int_equal(peer_int(p->rec[records].body + 4, 2), hello_seq);
		assert_int_equal(p->rec[records + 1].body[0], PEER_HELLO_DONE);
		records = p->recs;
	}
	peer_check_numbers(p);
	peer_rig_until(rig, begin_ms + 175000);
	assert_int_equal(rig->outs, 0);
	peer_say_flight5(p); /* it is not too late */
	check_ends_well(rig, p);
}

static void test_R116_a_half_open_handshake_ends_after_its_lifetime(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_rig_to_flight4(rig, p);
	assert_int_equal(dtls_stats(rig->e).handshakes, 1);
	assert_true(dtls_stats(rig->e).handshake_bytes > 0);
	const uint64_t begin_ms = rig->now_ms;
	peer_rig_until(rig, begin_ms + 180000 - 1);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_FAILED), 0);
	peer_rig_until(rig, begin_ms + 180000 + SLACK_MS);
	const struct peer_event *const ev = peer_rig_event(rig, PEER_TOLD_FAILED);
	assert_non_null(ev);
	assert_int_equal(ev->cause, DTLS_FAIL_TIMEOUT);
	assert_int_equal(ev->role, DTLS_SERVER);
	assert_int_equal(dtls_stats(rig->e).handshakes, 0);
	assert_int_equal(dtls_stats(rig->e).handshake_bytes, 0);
	assert_true(dtls_next_ms(rig->e) == UINT64_MAX ||
		    dtls_next_ms(rig->e) > begin_ms + 180000 + SLACK_MS);
	peer_free(p);
}

static void test_R102_a_hello_again_brings_flight_4_again(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_rig_to_flight4(rig, p);
	for (size_t i = 1; i < 4; i++) {
		const size_t records = p->recs;
		peer_rig_until(rig, rig->now_ms + 500);
		peer_say_again(p);
		peer_rig_pump(rig, p);
		assert_int_equal(p->recs, records + 2);
		assert_int_equal(p->rec[records].body[0], PEER_SERVER_HELLO);
	}
	assert_int_equal(dtls_stats(rig->e).handshakes, 1);
	peer_say_flight5(p);
	check_ends_well(rig, p);
}

static void test_R102_a_partial_flight_does_not_move_the_timer(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = before_flight5(rig);
	const uint64_t begin_ms = rig->now_ms;
	peer_rig_until(rig, begin_ms + 5000);
	peer_put_part(p, PEER_CLIENT_KEY, 0, 4);
	peer_flush(p);
	peer_rig_until(rig, begin_ms + 9000 + SLACK_MS);
	assert_true(rig->outs > 0);
	check_due(&rig->out[0], begin_ms, 9);
	peer_rig_pump(rig, p);
	peer_put_msg(p, PEER_CLIENT_KEY);
	rest_of_flight5(p);
	check_ends_well(rig, p);
}

/* --- R-103, R-133 ---------------------------------------------------------------------------- */

static void test_R103_R133_the_last_flight_again_with_fresh_numbers(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = before_flight5(rig);
	peer_put_msg(p, PEER_CLIENT_KEY);
	rest_of_flight5(p);
	assert_true(peer_rig_drop(rig) > 0); /* flight 6 is lost */
	struct dtls_conn *const c = peer_rig_event(rig, PEER_TOLD_UP)->conn;
	static const uint64_t again_s[] = { 9, 27, 63, 123, 183, 239 };
	const uint64_t begin_ms = rig->now_ms;
	for (size_t i = 0; i < COUNT_OF(again_s); i++) {
		peer_rig_until(rig, begin_ms + again_s[i] * 1000);
		assert_int_equal(dtls_send(rig->e, c, (const uint8_t *)"early", 5), DTLS_OK);
		peer_say_again(p);
		if (i % 2 == 1)
			peer_rig_drop(rig);
		peer_rig_pump(rig, p);
		assert_int_equal(peer_count(p, PEER_CCS, 0), i / 2 + 1);
		assert_int_equal(peer_count(p, PEER_HANDSHAKE, 1), i / 2 + 1);
	}
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 1);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_DOWN), 0);
	check_ends_well(rig, p);
}

/* A replayed Finished is an old number, and brings nothing. */
static void test_R103_R122_a_replayed_finished_brings_nothing(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = before_flight5(rig);
	peer_put_msg(p, PEER_CLIENT_KEY);
	peer_put_ccs(p);
	peer_put_msg(p, PEER_FINISHED);
	struct peer_buf flight = { 0 };
	peer_add(&flight, p->out.at, p->out.len);
	peer_flush(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	for (int i = 0; i < 5; i++)
		peer_rig_input(rig, p, flight.at, flight.len);
	assert_int_equal(rig->outs, 0);
	peer_buf_free(&flight);
	check_ends_well(rig, p);
}

/* The first epoch-1 records may be anybody's: RFC 6347 section 4.1.2.7. */
static void test_R123_forged_records_before_the_finished_do_not_end_the_handshake(void **state)
{
	struct peer_rig *const rig = *state;
	static const uint8_t forged[13 + 40] = { 22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40 };
	struct peer *const p = before_flight5(rig);
	peer_rig_input(rig, p, forged, sizeof(forged));
	peer_put_msg(p, PEER_CLIENT_KEY);
	peer_flush(p);
	peer_rig_input(rig, p, forged, sizeof(forged));
	rest_of_flight5(p);
	check_ends_well(rig, p);
}

int main(void)
{
#define RIG(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)
	const struct CMUnitTest tests[] = {
		RIG(test_R096_client_key_exchange_in_pieces_of_one_byte),
		RIG(test_R096_pieces_backwards_overlapping_and_twice),
		RIG(test_R111_several_pieces_in_one_record_and_records_in_one_datagram),
		RIG(test_R096_a_piece_beyond_its_message_is_not_taken),
		RIG(test_R096_a_promised_giant_takes_no_memory),
		RIG(test_R096_hello_in_pieces_with_the_cookie_in_the_first),
		RIG(test_R096_hello_in_pieces_in_disorder),
		RIG(test_R098_disorder_inside_flight_5),
		RIG(test_R098_lower_and_higher_message_numbers_do_no_harm),
		RIG(test_R112_change_cipher_spec_out_of_place_is_dropped),
		RIG(test_R099_R098_flight_4_again_at_9_27_63_and_123_seconds),
		RIG(test_R116_a_half_open_handshake_ends_after_its_lifetime),
		RIG(test_R102_a_hello_again_brings_flight_4_again),
		RIG(test_R102_a_partial_flight_does_not_move_the_timer),
		RIG(test_R103_R133_the_last_flight_again_with_fresh_numbers),
		RIG(test_R123_forged_records_before_the_finished_do_not_end_the_handshake),
		RIG(test_R103_R122_a_replayed_finished_brings_nothing),
	};
	return cmocka_run_group_tests_name("dtls/wire_flight", tests, NULL, NULL);
}
