/* SPDX-License-Identifier: Apache-2.0 */
#include "sending.h"

static void test_R119_each_sending_has_new_numbers_in_both_epochs(void **state)
{
	(void)state;
	struct sending *const s = sending_new(DTLS_GUARD_CCM_8, 1232);
	s->plain_seq = 5;
	assert_true(add(s, 0, 0, 88) && add_ccs(s) && add(s, 1, 1, 12));
	assert_int_equal(dtls_flight_send(&s->flight, &s->sender), 1);
	assert_int_equal(s->sink.datagrams, 1); /* packed */
	assert_int_equal(s->sink.sizes[0], 113 + 14 + 53);
	memset(s->sink.ends, 0, sizeof(s->sink.ends));
	assert_int_equal(dtls_flight_send(&s->flight, &s->sender), 1);
	static const struct sent want[] = { { 5, 100, 0, 0, 22 }, { 6, 1, 0, 0, 20 },
		{ 0, 24, 0, 1, 22 }, { 7, 100, 1, 0, 22 }, { 8, 1, 1, 0, 20 },
		{ 1, 24, 1, 1, 22 } };
	assert_int_equal(s->sink.records, COUNT_OF(want));
	for (size_t i = 0; i < COUNT_OF(want); i++) {
		const struct sent *const n = &s->sink.sent[i];
		assert_int_equal(n->type, want[i].type);
		assert_int_equal(n->epoch, want[i].epoch);
		assert_int_equal(n->seq, want[i].seq);
		assert_int_equal(n->plain, want[i].plain);
		assert_int_equal(n->datagram, want[i].datagram);
	}
	sending_free(s);
}

static void test_R097_a_cut_message_is_byte_exact(void **state)
{
	(void)state;
	struct sending *const s = sending_new(DTLS_GUARD_CCM_8, 1232);
	static const uint8_t message[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 17, /* as
		libssl's record */
		11, 0, 0, 5, 0, 2, 0, 0, 0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o' };
	uint8_t copy[sizeof(message)];
	memcpy(copy, message, sizeof(message));
	uint8_t *at = copy;
	size_t left = sizeof(copy);
	struct dtls_record r;
	assert_true(dtls_record_next(&at, &left, &r));
	assert_true(dtls_flight_add(&s->flight, &r));
	s->sender.fragment_max = 3;
	s->plain_seq = 0x1234;
	s->sink.next = 2;
	(void)dtls_flight_send(&s->flight, &s->sender);
	static const uint8_t want[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 15, 11, 0,
		0, 5, 0, 2, 0, 0, 0, 0, 0, 3, 'h', 'e', 'l', 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0x12,
		0x35, 0, 14, 11, 0, 0, 5, 0, 2, 0, 0, 3, 0, 0, 2, 'l', 'o' };
	assert_int_equal(s->sink.datagrams, 1);
	assert_int_equal(s->sink.sizes[0], sizeof(want));
	assert_memory_equal(s->sink.room, want, sizeof(want));
	sending_free(s);
}

/* Every size: no datagram, no text and no fragment is longer than asked, and a peer makes the same
   messages of it. */
static void all_sizes(enum dtls_guard how, size_t plain_max, size_t fragment_max)
{
	static const size_t lens[] = { 70, 0, 1893, 401, 66, 12, 512 };
	struct sending *const s = sending_new(how, 0);
	for (size_t i = 0; i < COUNT_OF(lens); i++)
		assert_true(add(s, 0, (uint16_t)i, lens[i]));
	assert_true(add_ccs(s) && add(s, 1, COUNT_OF(lens), 12));
	s->sender.plain_max = plain_max;
	s->sender.fragment_max = fragment_max;
	const size_t sealed = DTLS_RECORD_HEADER + dtls_guard_body(how, DTLS_FINISHED_LEN);
	for (size_t max = 90; max <= 1500; max++) {
		again(s);
		s->sender.datagram_max = max;
		assert_int_equal(dtls_flight_send(&s->flight, &s->sender), 1);
		assert_heard_messages(s, lens, COUNT_OF(lens));
		assert_true(s->sink.longest <= (max > sealed ? max : sealed));
		assert_int_equal(s->sink.last_len, DTLS_FINISHED_LEN);
		for (size_t i = 0; i < s->sink.records; i++) {
			const struct sent *const n = &s->sink.sent[i];
			assert_true(plain_max == 0 || n->plain <= plain_max);
			assert_true(fragment_max == 0 || n->epoch == 1 ||
				    n->plain <= fragment_max + DTLS_HS_HEADER);
		}
	}
	sending_free(s);
}

static void test_R097_R110_every_size_of_datagram(void **state)
{
	(void)state;
	all_sizes(DTLS_GUARD_CCM_8, 0, 0);
	all_sizes(DTLS_GUARD_MTE, 0, 0);
}

static void test_R161_no_text_is_longer_than_what_was_agreed(void **state)
{
	(void)state;
	all_sizes(DTLS_GUARD_CCM_8, 512, 0);
	all_sizes(DTLS_GUARD_ETM, 1024, 0);
}

static void test_R097_fragments_as_small_as_the_peers(void **state)
{
	(void)state;
	all_sizes(DTLS_GUARD_GCM, 0, 64);
	all_sizes(DTLS_GUARD_CCM, 512, 13);
}

static void test_R097_what_fits_one_datagram_is_not_cut(void **state)
{
	(void)state;
	struct sending *const s = sending_new(DTLS_GUARD_CCM_8, 256);
	assert_true(add(s, 0, 0, 150) && add(s, 0, 1, 150) && add(s, 0, 2, 231));
	(void)dtls_flight_send(&s->flight, &s->sender);
	assert_int_equal(s->sink.records, 3);
	assert_int_equal(s->sink.datagrams, 3);
	assert_int_equal(s->sink.sizes[2], 256);
	dtls_flight_clear(&s->flight);
	again(s);
	/* One more octet has to be cut, and then begins where there is room. */
	assert_true(add(s, 0, 0, 150) && add(s, 0, 1, 232));
	(void)dtls_flight_send(&s->flight, &s->sender);
	assert_int_equal(s->sink.datagrams, 2);
	assert_int_equal(s->sink.sizes[0], 256);
	assert_int_equal(s->sink.sizes[1], 232 - (256 - 175 - 25) + 25);
	sending_free(s);
}

static void test_R110_after_losses_each_record_goes_alone_in_smaller_datagrams(void **state)
{
	(void)state;
	static const size_t limits[] = { 1232, 548, 256, 128, 128 };
	static const size_t lens[] = { 90, 800, 0 };
	struct sending *const s = sending_new(DTLS_GUARD_CCM_8, 1232);
	for (size_t i = 0; i < COUNT_OF(lens); i++)
		assert_true(add(s, 0, (uint16_t)i, lens[i]));
	for (unsigned n = 0; n < COUNT_OF(limits); n++) {
		again(s);
		s->sender.shrink = n;
		(void)dtls_flight_send(&s->flight, &s->sender);
		assert_heard_messages(s, lens, COUNT_OF(lens));
		assert_true(s->sink.longest <= limits[n]);
		assert_int_equal(s->sink.datagrams, n == 0 ? 1 : s->sink.records);
		assert_in_range(s->sink.longest, limits[n] * 7 / 10, limits[n]);
	}
	/* It never makes them longer than they were. */
	again(s);
	s->sender.shrink = 1;
	s->sender.datagram_max = 100;
	(void)dtls_flight_send(&s->flight, &s->sender);
	assert_heard_messages(s, lens, COUNT_OF(lens));
	assert_int_equal(s->sink.longest, 100);
	sending_free(s);
}

static void test_R098_the_pieces_of_the_library_become_whole_messages(void **state)
{
	(void)state;
	static const size_t lens[] = { 30, 1000, 0 };
	struct sending *const s = sending_new(DTLS_GUARD_CCM_8, 1232);
	struct dtls_fragment f;
	assert_true(add(s, 0, 0, 30));
	for (uint32_t at = 0; at < 1000; at += 100) {
		assert_true(add_part(s, 0, 1, 1000, at, 100));
		assert_int_equal(dtls_flight_is_whole(&s->flight), at == 900);
		assert_int_equal(dtls_flight_find(&s->flight, 3, &f), at == 900);
	}
	assert_true(add(s, 0, 2, 0));
	assert_int_equal(s->flight.count, 3);
	assert_int_equal(f.total, 1000);
	assert_int_equal(f.len, 1000);
	assert_int_equal(f.body[999], octet(1, 999));
	assert_true(dtls_flight_find(&s->flight, 2, &f));
	assert_int_equal(f.total, 30);
	assert_false(dtls_flight_find(&s->flight, 20, &f));
	(void)dtls_flight_send(&s->flight, &s->sender);
	assert_heard_messages(s, lens, COUNT_OF(lens));
	assert_int_equal(s->sink.records, 3);
	sending_free(s);
}

static void test_a_piece_that_does_not_follow_is_not_taken(void **state)
{
	(void)state;
	struct sending *const s = sending_new(DTLS_GUARD_CCM_8, 1232);
	assert_false(add_part(s, 0, 0, 100, 50, 50)); /* the first is missing */
	assert_true(add(s, 0, 0, 10));
	assert_true(add_part(s, 0, 1, 100, 0, 50));
	assert_false(add_part(s, 0, 1, 100, 51, 49));
	assert_false(add_part(s, 0, 1, 100, 49, 51));
	assert_false(add_part(s, 0, 1, 101, 50, 50));
	assert_false(add_part(s, 1, 1, 100, 50, 50));
	assert_false(add_part(s, 0, 2, 100, 50, 50));
	assert_false(add(s, 0, 2, 5));
	assert_false(add_ccs(s));
	(void)dtls_flight_send(&s->flight, &s->sender);
	assert_int_equal(s->sink.records, 1); /* what is not whole does not go */
	assert_true(add_part(s, 0, 1, 100, 50, 50));
	assert_true(add_ccs(s));
	sending_free(s);
}

static void test_R103_the_finished_can_be_kept(void **state)
{
	(void)state;
	struct sending *const s = sending_new(DTLS_GUARD_CCM_8, 1232);
	uint8_t out[DTLS_FINISHED_LEN];
	assert_int_equal(dtls_flight_finished(&s->flight, out), 0);
	assert_true(add(s, 0, 0, 12));
	assert_int_equal(dtls_flight_finished(&s->flight, out), 0);
	assert_true(add_ccs(s) && add(s, 1, 1, 12));
	assert_int_equal(dtls_flight_finished(&s->flight, out), DTLS_FINISHED_LEN);
	assert_int_equal(out[11], 12);
	assert_int_equal(out[23], octet(1, 11));
	assert_true(add(s, 1, 2, 13));
	assert_int_equal(dtls_flight_finished(&s->flight, out), 0);
	sending_free(s);
}

static void test_R116_a_flight_is_bounded_and_says_what_it_holds(void **state)
{
	(void)state;
	const size_t most = DTLS_FLIGHT_MAX - DTLS_HS_HEADER;
	struct sending *const s = sending_new(DTLS_GUARD_CCM_8, 1232);
	assert_false(add(s, 0, 0, most + 1));
	assert_int_equal(dtls_flight_memory(&s->flight), 0);
	assert_true(add(s, 0, 0, 50));
	assert_in_range(dtls_flight_memory(&s->flight), 62, 256);
	assert_false(add(s, 0, 1, most - 61));
	assert_true(add(s, 0, 1, most - 62));
	assert_int_equal(dtls_flight_memory(&s->flight), DTLS_FLIGHT_MAX);
	assert_false(add_ccs(s));
	dtls_flight_clear(&s->flight);
	assert_int_equal(dtls_flight_memory(&s->flight), 0);
	/* A length that its octets do not keep takes no memory. */
	assert_false(add_part(s, 0, 0, (uint32_t)most + 1, 0, 1));
	assert_false(add_part(s, 0, 0, 0xffffff, 0, 1));
	assert_true(add_part(s, 0, 0, (uint32_t)most, 0, 1));
	assert_in_range(dtls_flight_memory(&s->flight), 13, 256);
	dtls_flight_clear(&s->flight);
	for (unsigned i = 0; i < DTLS_FLIGHT_ITEMS; i++)
		assert_true(add(s, 0, (uint16_t)i, 1));
	assert_false(add(s, 0, DTLS_FLIGHT_ITEMS, 1));
	sending_free(s);
}

static void test_I1_what_has_no_room_uses_no_number(void **state)
{
	(void)state;
	struct sending *const s = sending_new(DTLS_GUARD_CCM_8, 1232);
	assert_true(add_ccs(s) && add(s, 1, 1, 12));
	s->sink.full = true;
	assert_int_equal(dtls_flight_send(&s->flight, &s->sender), 0);
	assert_int_equal(s->plain_seq, 0);
	assert_int_equal(s->assoc.wseq, 0);
	s->sink.full = false;
	assert_int_equal(dtls_flight_send(&s->flight, &s->sender), 1);
	assert_int_equal(s->sink.datagrams, 1);
	sending_free(s);
}

static void test_I1_a_record_that_is_not_sealed_does_not_go(void **state)
{
	(void)state;
	struct sending *const s = sending_new(DTLS_GUARD_CCM_8, 1232);
	assert_true(add_ccs(s) && add(s, 1, 1, 12));
	s->assoc.write_end = 0;
	assert_int_equal(dtls_flight_send(&s->flight, &s->sender), 0);
	assert_int_equal(s->sink.octets, 0);
	sending_free(s);
}

static void test_R120_a_plain_number_beyond_the_last_is_not_sent(void **state)
{
	(void)state;
	struct sending *const s = sending_new(DTLS_GUARD_CCM_8, 1232);
	s->plain_seq = DTLS_SEQ_MAX;
	assert_true(add(s, 0, 0, 10));
	(void)dtls_flight_send(&s->flight, &s->sender);
	assert_int_equal(s->sink.sizes[0], 35);
	(void)dtls_flight_send(&s->flight, &s->sender);
	assert_int_equal(s->sink.sizes[1], 0);
	sending_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R119_each_sending_has_new_numbers_in_both_epochs),
		cmocka_unit_test(test_R097_a_cut_message_is_byte_exact),
		cmocka_unit_test(test_R097_R110_every_size_of_datagram),
		cmocka_unit_test(test_R161_no_text_is_longer_than_what_was_agreed),
		cmocka_unit_test(test_R097_fragments_as_small_as_the_peers),
		cmocka_unit_test(test_R097_what_fits_one_datagram_is_not_cut),
		cmocka_unit_test(
			test_R110_after_losses_each_record_goes_alone_in_smaller_datagrams),
		cmocka_unit_test(test_R098_the_pieces_of_the_library_become_whole_messages),
		cmocka_unit_test(test_a_piece_that_does_not_follow_is_not_taken),
		cmocka_unit_test(test_R103_the_finished_can_be_kept),
		cmocka_unit_test(test_R116_a_flight_is_bounded_and_says_what_it_holds),
		cmocka_unit_test(test_I1_what_has_no_room_uses_no_number),
		cmocka_unit_test(test_I1_a_record_that_is_not_sealed_does_not_go),
		cmocka_unit_test(test_R120_a_plain_number_beyond_the_last_is_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
