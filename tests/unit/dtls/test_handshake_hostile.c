/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes with the wrong key, unknown names, and forgers in between. */
#include "caught.h"

#include "dtls/alert.h"

/* --- who and with which key ------------------------------------------------------------------ */

struct outcome {
	struct note server, client;
	uint8_t log[512];
	size_t log_len;
	uint64_t at[64];
	size_t number;
};

static struct outcome refused(const char *identity, uint8_t key)
{
	struct pair *const p = pair_new(99, NULL);
	p->client_key[3] = key;
	assert_int_equal(pair_connect_as(p, 0, identity, strlen(identity)), DTLS_OK);
	pair_run(p, p->now_ms + 200000);
	assert_int_equal(p->side[SERVER].count[FAILED], 1);
	assert_int_equal(p->side[CLIENT].count[FAILED], 1);
	assert_int_equal(p->side[SERVER].count[UP] + p->side[CLIENT].count[UP], 0);
	assert_int_equal(p->asked, 1);
	assert_int_equal(dtls_stats(p->side[SERVER].e).forged, 3);
	struct outcome o = { .server = p->side[SERVER].notes[0],
		.client = p->side[CLIENT].notes[0] };
	assert_true(p->wire_log_len <= sizeof(o.log));
	memcpy(o.log, p->wire_log, p->wire_log_len);
	o.log_len = p->wire_log_len;
	memcpy(o.at, p->sent_at, sizeof(o.at));
	o.number = p->number;
	pair_free(p);
	return o;
}

static void test_R051_R052_unknown_identity_and_wrong_key_look_the_same(void **state)
{
	(void)state;
	const struct outcome unknown = refused("dev2", 0x5c);
	const struct outcome wrong = refused("dev1", 0x5d);
	assert_int_equal(unknown.log_len, wrong.log_len);
	assert_memory_equal(
		unknown.log, wrong.log, wrong.log_len); /* type, epoch, length of each record */
	assert_int_equal(unknown.number, wrong.number);
	assert_memory_equal(unknown.at, wrong.at, sizeof(wrong.at)); /* and when it went out */
	assert_int_equal(unknown.client.what, DTLS_FAIL_ALERT);
	assert_int_equal(unknown.client.alert, DTLS_DECRYPT_ERROR);
	assert_int_equal(wrong.client.what, DTLS_FAIL_ALERT);
	assert_int_equal(wrong.client.alert, DTLS_DECRYPT_ERROR);
	/* Only the operator is told the difference. */
	assert_int_equal(unknown.server.what, DTLS_FAIL_IDENTITY);
	assert_int_equal(unknown.server.cred, DTLS_NO_CRED);
	assert_int_equal(unknown.server.identity_len, 4);
	assert_memory_equal(unknown.server.identity, "dev2", 4);
	assert_int_equal(wrong.server.what, DTLS_FAIL_KEY);
	assert_int_equal(wrong.server.cred, 7);
}

static void test_R050_identities_of_1_to_128_octets_and_keys_of_1_to_64_work(void **state)
{
	(void)state;
	static const size_t identities[] = { 1, 2, 127, 128 };
	static const size_t keys[] = { 1, 16, 64 };
	for (size_t i = 0; i < COUNT_OF(identities); i++) {
		for (size_t k = 0; k < COUNT_OF(keys); k++) {
			struct pair *const p = pair_new(1, NULL);
			p->identity_len = identities[i];
			memset(p->identity, 0xc3, p->identity_len); /* octets, no text */
			p->key_len = keys[k];
			memset(p->key, 0x11, sizeof(p->key));
			memset(p->client_key, 0x11, sizeof(p->client_key));
			pair_connect(p, 0);
			pair_deliver(p);
			assert_talk(p);
			pair_free(p);
		}
	}
}

static void test_R049_an_octet_of_zero_is_part_of_the_identity(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(FLIGHT_5, &c);
	/* "dev1" is known. The client says "de\0v" where it said "dev1"; the length stays. */
	uint8_t *const identity = c.d + DTLS_RECORD_HEADER + DTLS_HS_HEADER + 2;
	assert_memory_equal(identity, "dev1", 4);
	static const uint8_t zero[] = { 'd', 'e', 0, 'v' };
	memcpy(identity, zero, sizeof(zero));
	p->identity_len = 2; /* what libssl's C string would say */
	pair_input(p, SERVER, 0, c.d, c.len);
	assert_int_equal(p->asked, 1);
	const struct dtls_handshake *const h = under_way(p, SERVER);
	assert_int_equal(h->identity_len, 4);
	assert_memory_equal(h->identity, "de\0v", 4);
	assert_true(h->unknown);
	pair_free(p);
}

static void test_R050_a_longer_identity_fails_at_once(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(FLIGHT_5, &c);
	enum { LEN = 129 };
	uint8_t d[DTLS_RECORD_HEADER + DTLS_HS_HEADER + 2 + LEN] = { 0 };
	const struct dtls_number n = { .type = DTLS_HANDSHAKE, .epoch = 0, .seq = 2 };
	dtls_record_header(d, DTLS_VERSION_1_2, &n, sizeof(d) - DTLS_RECORD_HEADER);
	uint8_t *const m = d + DTLS_RECORD_HEADER;
	m[0] = DTLS_HS_CLIENT_KEY_EXCHANGE;
	m[3] = m[11] = 2 + LEN;
	m[5] = 2;
	m[DTLS_HS_HEADER + 1] = LEN;
	pair_input(p, SERVER, 0, d, sizeof(d));
	assert_int_equal(p->asked, 0);
	assert_int_equal(p->side[SERVER].notes[0].what, DTLS_FAIL_IDENTITY);
	pair_deliver(p);
	assert_int_equal(p->side[CLIENT].notes[0].alert, DTLS_DECRYPT_ERROR);
	pair_free(p);
}

/* --- forgers --------------------------------------------------------------------------------- */

static size_t forged_finished(uint8_t *d, uint64_t seq)
{
	const struct dtls_number n = { .type = DTLS_HANDSHAKE, .epoch = 1, .seq = seq };
	memset(d, 0x77, DTLS_HELD_MAX);
	dtls_record_header(d, DTLS_VERSION_1_2, &n, DTLS_HELD_MAX - DTLS_RECORD_HEADER);
	return DTLS_HELD_MAX;
}

static void test_R123_forged_protected_records_do_not_end_a_handshake(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(FLIGHT_5, &c);
	struct dtls_record r[4];
	assert_int_equal(records_of(c.d, c.len, r, 4), 3);
	static uint8_t d[4096];
	/* Before the keys are known, in between, and of a number far ahead. */
	pair_input(p, SERVER, 0, d, forged_finished(d, 0));
	pair_input(p, SERVER, 0, c.d, (size_t)(r[1].body - c.d) - DTLS_RECORD_HEADER);
	pair_input(p, SERVER, 0, d, forged_finished(d, DTLS_SEQ_MAX));
	/* Of a length that no Finished has: these do not count. */
	for (int i = 0; i < 50; i++) {
		const struct dtls_number n = { .type = DTLS_HANDSHAKE, .epoch = 1, .seq = 3 };
		const size_t len = i % 2 ? DTLS_CCM8_OVERHEAD : 3000;
		dtls_record_header(d, DTLS_VERSION_1_2, &n, len);
		pair_input(p, SERVER, 0, d, DTLS_RECORD_HEADER + len);
	}
	assert_int_equal(under_way(p, SERVER)->bad_finished, 2);
	pair_input(p, SERVER, 0, c.d, c.len);
	pair_deliver(p);
	assert_talk(p);
	pair_free(p);
}

static void test_R123_forged_numbers_in_the_clear_do_not_shut_out_the_peer(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(FLIGHT_5, &c);
	uint8_t d[64] = { 0 };
	const struct dtls_number n = { .type = DTLS_HANDSHAKE, .epoch = 0, .seq = DTLS_SEQ_MAX };
	dtls_record_header(d, DTLS_VERSION_1_2, &n, DTLS_HS_HEADER);
	for (unsigned type = 0; type < 256; type++) {
		if (type == DTLS_HS_CLIENT_KEY_EXCHANGE)
			continue;
		d[DTLS_RECORD_HEADER] = (uint8_t)type;
		d[DTLS_RECORD_HEADER + 5] = (uint8_t)(type % 8); /* message_seq */
		pair_input(p, SERVER, 0, d, DTLS_RECORD_HEADER + DTLS_HS_HEADER);
		pair_input(p, CLIENT, 0, d, DTLS_RECORD_HEADER + DTLS_HS_HEADER);
	}
	/* a ChangeCipherSpec out of place, and data and alerts in the clear. */
	static const uint8_t ccs[] = { 20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1 };
	static const uint8_t data[] = { 23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1 };
	static const uint8_t warning[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 90 };
	for (unsigned to = 0; to < 2; to++) {
		pair_input(p, to, 0, ccs, sizeof(ccs));
		pair_input(p, to, 0, data, sizeof(data));
		pair_input(p, to, 0, warning, sizeof(warning));
	}
	pair_input(p, SERVER, 0, c.d, c.len);
	pair_deliver(p);
	assert_talk(p);
	pair_free(p);
}

static void test_a_fatal_alert_in_the_clear_ends_a_handshake_of_either_role(void **state)
{
	(void)state;
	static const uint8_t fatal[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40 };
	for (unsigned to = 0; to < 2; to++) {
		struct caught c;
		struct pair *const p = stopped_at(FLIGHT_5, &c);
		pair_input(p, to, 0, fatal, sizeof(fatal));
		assert_int_equal(p->side[to].count[FAILED], 1);
		assert_int_equal(p->side[to].notes[0].what, DTLS_FAIL_ALERT);
		assert_int_equal(p->side[to].notes[0].alert, 40);
		assert_int_equal(dtls_stats(p->side[to].e).handshakes, 0);
		pair_free(p);
	}
}

static void test_R105_I3_data_before_the_finished_is_dropped(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(FLIGHT_5, &c);
	struct dtls_record r[4];
	assert_int_equal(records_of(c.d, c.len, r, 4), 3);
	pair_input(p, SERVER, 0, c.d, (size_t)(r[1].body - c.d) - DTLS_RECORD_HEADER);
	/* The client's own keys: only the Finished is missing. */
	struct dtls_handshake *const h = under_way(p, CLIENT);
	uint8_t d[64];
	memset(d + DTLS_RECORD_HEADER + 8, '!', 4);
	assert_true(dtls_assoc_seal(&h->assoc, &p->side[CLIENT].e->sealer, DTLS_DATA, d, 4));
	pair_input(p, SERVER, 0, d, DTLS_RECORD_OVERHEAD + 4);
	assert_int_equal(p->side[SERVER].count[MESSAGE], 0);
	assert_int_equal(dtls_stats(p->side[SERVER].e).early, 1);
	pair_input(p, SERVER, 0, c.d, c.len);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[MESSAGE], 0);
	assert_talk(p);
	pair_free(p);
}

static void test_R096_a_finished_before_its_key_exchange_is_held(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(FLIGHT_5, &c);
	struct dtls_record r[4];
	assert_int_equal(records_of(c.d, c.len, r, 4), 3);
	const size_t first = (size_t)(r[1].body - c.d) - DTLS_RECORD_HEADER;
	pair_input(p, SERVER, 0, c.d + first, c.len - first);
	assert_int_equal(p->side[SERVER].count[UP], 0);
	pair_input(p, SERVER, 0, c.d, first);
	pair_deliver(p);
	assert_talk(p);
	pair_free(p);
}

/* Sends the handshake message of record r in pieces of `size` bytes, the last piece first when
   `backwards`. */
static void in_pieces(struct pair *p, const struct dtls_record *r, size_t size, bool backwards)
{
	struct rd body = rd_from(r->body, r->len);
	struct dtls_fragment f;
	assert_true(dtls_fragment_next(&body, &f));
	const size_t pieces = (f.len + size - 1) / size;
	for (size_t i = 0; i < pieces; i++) {
		const size_t at = (backwards ? pieces - 1 - i : i) * size;
		const size_t len = f.len - at < size ? f.len - at : size;
		uint8_t d[512];
		const struct dtls_number n = { .type = DTLS_HANDSHAKE, .epoch = 0, .seq = 1 + i };
		dtls_record_header(d, DTLS_VERSION_1_2, &n, DTLS_HS_HEADER + len);
		uint8_t *const m = d + DTLS_RECORD_HEADER;
		memcpy(m, r->body, DTLS_HS_HEADER);
		m[7] = (uint8_t)(at >> 8);
		m[8] = (uint8_t)at;
		m[10] = (uint8_t)(len >> 8);
		m[11] = (uint8_t)len;
		memcpy(m + DTLS_HS_HEADER, f.body + at, len);
		pair_input(p, SERVER, 0, d, DTLS_RECORD_HEADER + DTLS_HS_HEADER + len);
		if (i % 3 == 0) /* and some twice */
			pair_input(p, SERVER, 0, d, DTLS_RECORD_HEADER + DTLS_HS_HEADER + len);
	}
}

static void test_R096_fragments_of_one_byte_in_any_order(void **state)
{
	(void)state;
	for (int backwards = 0; backwards < 2; backwards++) {
		struct caught c;
		struct pair *const p = stopped_at(FLIGHT_5, &c);
		struct dtls_record r[4];
		assert_int_equal(records_of(c.d, c.len, r, 4), 3);
		in_pieces(p, &r[0], 1, backwards);
		assert_int_equal(p->asked, 1);
		pair_input(p, SERVER, 0, c.d, c.len);
		pair_deliver(p);
		assert_talk(p);
		pair_free(p);
	}
}

static void test_R096_a_hello_whose_first_fragment_has_the_cookie(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(HELLO_2, &c);
	struct dtls_record r[2];
	assert_int_equal(records_of(c.d, c.len, r, 2), 1);
	in_pieces(p, &r[0], 70, false);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 1);
	pair_deliver(p);
	assert_talk(p);
	pair_free(p);
}

static void test_R112_a_lost_change_cipher_spec_does_not_matter(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(FLIGHT_5, &c);
	struct dtls_record r[4];
	assert_int_equal(records_of(c.d, c.len, r, 4), 3);
	assert_int_equal(r[1].type, DTLS_CCS);
	r[1].body[-13] = 99; /* no type of DTLS */
	pair_input(p, SERVER, 0, c.d, c.len);
	pair_deliver(p);
	assert_talk(p);
	pair_free(p);
}

static void test_R051_nobody_guesses_the_key_of_an_unknown_identity(void **state)
{
	(void)state;
	static const uint8_t guesses[] = { 0, 0x5c, 0xff };
	for (size_t i = 0; i < COUNT_OF(guesses); i++) {
		struct pair *const p = pair_new(22, NULL);
		memset(p->client_key, guesses[i], sizeof(p->client_key));
		assert_int_equal(pair_connect_as(p, 0, "nobody", 6), DTLS_OK);
		pair_run(p, p->now_ms + 200000);
		assert_int_equal(p->side[SERVER].count[UP], 0);
		assert_int_equal(p->side[SERVER].notes[0].what, DTLS_FAIL_IDENTITY);
		pair_free(p);
	}
}

static void test_R096_a_forged_fragment_does_not_stay_in_the_message(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(FLIGHT_5, &c);
	struct dtls_record r[4];
	assert_int_equal(records_of(c.d, c.len, r, 4), 3);
	/* Of another length; then the real pieces, the last one first. */
	uint8_t d[DTLS_RECORD_HEADER + DTLS_HS_HEADER + 3] = { 0 };
	const struct dtls_number n = { .type = DTLS_HANDSHAKE, .epoch = 0, .seq = 2 };
	dtls_record_header(d, DTLS_VERSION_1_2, &n, sizeof(d) - DTLS_RECORD_HEADER);
	d[DTLS_RECORD_HEADER] = DTLS_HS_CLIENT_KEY_EXCHANGE;
	d[DTLS_RECORD_HEADER + 3] = 100;
	d[DTLS_RECORD_HEADER + 5] = 2;
	d[DTLS_RECORD_HEADER + 11] = 3;
	pair_input(p, SERVER, 0, d, sizeof(d));
	in_pieces(p, &r[0], 1, true);
	assert_int_equal(p->asked, 1);
	pair_input(p, SERVER, 0, c.d, c.len);
	pair_deliver(p);
	assert_talk(p);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R051_R052_unknown_identity_and_wrong_key_look_the_same),
		cmocka_unit_test(test_R050_identities_of_1_to_128_octets_and_keys_of_1_to_64_work),
		cmocka_unit_test(test_R049_an_octet_of_zero_is_part_of_the_identity),
		cmocka_unit_test(test_R050_a_longer_identity_fails_at_once),
		cmocka_unit_test(test_R123_forged_protected_records_do_not_end_a_handshake),
		cmocka_unit_test(test_R123_forged_numbers_in_the_clear_do_not_shut_out_the_peer),
		cmocka_unit_test(test_a_fatal_alert_in_the_clear_ends_a_handshake_of_either_role),
		cmocka_unit_test(test_R105_I3_data_before_the_finished_is_dropped),
		cmocka_unit_test(test_R096_a_finished_before_its_key_exchange_is_held),
		cmocka_unit_test(test_R096_fragments_of_one_byte_in_any_order),
		cmocka_unit_test(test_R096_a_hello_whose_first_fragment_has_the_cookie),
		cmocka_unit_test(test_R112_a_lost_change_cipher_spec_does_not_matter),
		cmocka_unit_test(test_R051_nobody_guesses_the_key_of_an_unknown_identity),
		cmocka_unit_test(test_R096_a_forged_fragment_does_not_stay_in_the_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
