/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

#include "dtls/alert.h"

struct sink {
	uint8_t room[2048];
	size_t datagrams;
	size_t sizes[16];
	uint64_t numbers[64]; /* epoch << 48 | number */
	size_t records;
	bool full; /* no room */
};

static uint8_t *sink_room(void *ctx, const struct net_path *path, size_t cap)
{
	struct sink *const s = ctx;
	(void)path;
	assert_true(cap <= sizeof(s->room));
	return s->full ? NULL : s->room;
}

static void sink_sent(void *ctx, size_t len)
{
	struct sink *const s = ctx;
	uint8_t *at = s->room;
	s->sizes[s->datagrams++] = len;
	struct dtls_record r;
	while (dtls_record_next(&at, &len, &r))
		s->numbers[s->records++] = (uint64_t)r.epoch << 48 | r.seq;
	assert_int_equal(len, 0);
}

struct sending {
	struct sink sink;
	struct dtls_owner owner;
	struct net_path path;
	struct dtls_assoc assoc;
	uint64_t plain_seq;
	struct dtls_sender sender;
	struct dtls_flight flight;
};

static struct sending *sending_new(size_t datagram_max)
{
	struct sending *const s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->owner = (struct dtls_owner){ .ctx = &s->sink, .room = sink_room, .sent = sink_sent };
	s->sender = (struct dtls_sender){ .owner = &s->owner,
		.path = &s->path,
		.aead = dtls_aead_new(),
		.assoc = &s->assoc,
		.plain_seq = &s->plain_seq,
		.datagram_max = datagram_max };
	assert_non_null(s->sender.aead);
	s->assoc.write_end = UINT64_MAX;
	return s;
}

static void sending_free(struct sending *s)
{
	dtls_aead_free(s->sender.aead);
	free(s);
}

static bool add(struct sending *s, uint16_t epoch, size_t len)
{
	static uint8_t body[DTLS_FLIGHT_MAX + 1];
	const struct dtls_record r = { .type = DTLS_HANDSHAKE,
		.version = DTLS_VERSION_1_2,
		.epoch = epoch,
		.body = body,
		.len = len };
	return dtls_flight_add(&s->flight, &r);
}

static void test_R119_each_sending_has_new_numbers_in_both_epochs(void **state)
{
	(void)state;
	struct sending *const s = sending_new(1232);
	s->plain_seq = 5;
	assert_true(add(s, 0, 100) && add(s, 0, 1) && add(s, 1, 24));
	assert_int_equal(dtls_flight_send(&s->flight, &s->sender), 1);
	assert_int_equal(dtls_flight_send(&s->flight, &s->sender), 1);
	assert_int_equal(s->sink.datagrams, 2); /* packed */
	assert_int_equal(s->sink.sizes[0], 113 + 14 + 53);
	const uint64_t epoch1 = (uint64_t)1 << 48;
	const uint64_t want[] = { 5, 6, epoch1, 7, 8, epoch1 + 1 };
	assert_int_equal(s->sink.records, COUNT_OF(want));
	assert_memory_equal(s->sink.numbers, want, sizeof(want));
	sending_free(s);
}

static void test_R110_no_datagram_is_longer_than_asked_but_for_a_single_record(void **state)
{
	(void)state;
	struct sending *const s = sending_new(256);
	for (int i = 0; i < 5; i++)
		assert_true(add(s, 0, 100));
	(void)dtls_flight_send(&s->flight, &s->sender);
	assert_int_equal(s->sink.datagrams, 3);
	assert_int_equal(s->sink.sizes[0], 226);
	assert_int_equal(s->sink.sizes[2], 113);
	s->sender.datagram_max = 0;
	(void)dtls_flight_send(&s->flight, &s->sender);
	assert_int_equal(s->sink.datagrams, 3 + 5);
	sending_free(s);
}

static void test_a_flight_is_bounded(void **state)
{
	(void)state;
	struct sending *const s = sending_new(1232);
	assert_false(add(s, 0, DTLS_FLIGHT_MAX + 1));
	assert_true(add(s, 0, DTLS_FLIGHT_MAX));
	assert_false(add(s, 0, 1));
	dtls_flight_clear(&s->flight);
	for (size_t i = 0; i < DTLS_FLIGHT_ITEMS; i++)
		assert_true(add(s, 0, 1));
	assert_false(add(s, 0, 1));
	sending_free(s);
}

static void test_I1_what_has_no_room_uses_no_number_twice(void **state)
{
	(void)state;
	struct sending *const s = sending_new(1232);
	assert_true(add(s, 1, 24));
	s->sink.full = true;
	assert_int_equal(dtls_flight_send(&s->flight, &s->sender), 0);
	s->sink.full = false;
	assert_int_equal(dtls_flight_send(&s->flight, &s->sender), 1);
	assert_int_equal(s->sink.datagrams, 1);
	sending_free(s);
}

static void test_R120_a_plain_number_beyond_the_last_is_not_sent(void **state)
{
	(void)state;
	struct sending *const s = sending_new(1232);
	s->plain_seq = DTLS_SEQ_MAX;
	assert_true(add(s, 0, 10));
	(void)dtls_flight_send(&s->flight, &s->sender);
	assert_int_equal(s->sink.sizes[0], 23);
	(void)dtls_flight_send(&s->flight, &s->sender);
	assert_int_equal(s->sink.sizes[1], 0);
	sending_free(s);
}

static void test_R115_alerts_that_must_not_be_said_are_said_otherwise(void **state)
{
	(void)state;
	static const uint8_t never[] = { 21, 30, 41, 42, 43, 44, 45, 46, 48, 49, 60, 115 };
	for (unsigned alert = 0; alert < 256; alert++) {
		const uint8_t said = dtls_alert_said((uint8_t)alert);
		assert_null(memchr(never, said, sizeof(never)));
		if (!memchr(never, (int)alert, sizeof(never)))
			assert_int_equal(said, alert);
	}
	assert_int_equal(dtls_alert_said(115), 51); /* */
	assert_int_equal(dtls_alert_said(42), 40);  /* */
	assert_string_equal(dtls_alert_text(51), "decrypt_error");
	assert_string_equal(dtls_alert_text(0), "close_notify");
	assert_string_equal(dtls_alert_text(250), "alert");
	assert_string_equal(dtls_cause_text(DTLS_FAIL_KEY), "the keys of the two sides differ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R119_each_sending_has_new_numbers_in_both_epochs),
		cmocka_unit_test(
			test_R110_no_datagram_is_longer_than_asked_but_for_a_single_record),
		cmocka_unit_test(test_a_flight_is_bounded),
		cmocka_unit_test(test_I1_what_has_no_room_uses_no_number_twice),
		cmocka_unit_test(test_R120_a_plain_number_beyond_the_last_is_not_sent),
		cmocka_unit_test(test_R115_alerts_that_must_not_be_said_are_said_otherwise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
