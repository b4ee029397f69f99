/* SPDX-License-Identifier: Apache-2.0 */
#include <coap3/coap.h>

#include "base/attr.h"
#include "tests/unit/proxy/kit.h"
#include "tests/unit/proxy/oracle.h"

/* In a block of exactly its size, so that one byte too far is seen under ASan. */
static enum pdu_verdict verdict_of(const uint8_t *data, size_t len)
{
	struct pdu m;
	uint8_t *const exact = malloc(len ? len : 1);
	assert_non_null(exact);
	memcpy(exact, data, len);
	const enum pdu_verdict v = pdu_parse(exact, len, &m);
	free(exact);
	return v;
}

static void test_R234_malformed_messages_are_told_from_good_ones(void **state)
{
	(void)state;
	static const struct row {
		const char *what;
		uint8_t data[16];
		size_t len;
		enum pdu_verdict verdict;
	} rows[] = {
		{ "nothing", { 0 }, 0, PDU_MALFORMED },
		{ "half a header", { 0x40, 1, 0 }, 3, PDU_MALFORMED },
		{ "version 0", { 0x00, 1, 0, 1 }, 4, PDU_OTHER_VERSION },
		{ "version 2", { 0x80, 1, 0, 1 }, 4, PDU_OTHER_VERSION },
		{ "version 3", { 0xc0, 1, 0, 1 }, 4, PDU_OTHER_VERSION },
		{ "a GET", { 0x40, 1, 0, 1 }, 4, PDU_OK },
		{ "token of 8", { 0x48, 1, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8 }, 12, PDU_OK },
		{ "token cut off", { 0x48, 1, 0, 1, 1, 2, 3, 4, 5, 6, 7 }, 11, PDU_MALFORMED },
		{ "TKL 9", { 0x49, 1, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, 13, PDU_MALFORMED },
		{ "TKL 13 of RFC 8974", { 0x4d, 1, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2 }, 16,
			PDU_MALFORMED },
		{ "TKL 15", { 0x4f, 1, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3 }, 16,
			PDU_MALFORMED },
		{ "ping", { 0x40, 0, 0, 1 }, 4, PDU_OK },
		{ "ping with a token", { 0x41, 0, 0, 1, 7 }, 5, PDU_MALFORMED },
		{ "ping with bytes", { 0x40, 0, 0, 1, 0xff, 1 }, 6, PDU_MALFORMED },
		{ "empty NON", { 0x50, 0, 0, 1 }, 4, PDU_MALFORMED },
		{ "empty ACK", { 0x60, 0, 0, 1 }, 4, PDU_OK },
		{ "RST", { 0x70, 0, 0, 1 }, 4, PDU_OK },
		{ "RST with a code", { 0x70, 0x45, 0, 1 }, 4, PDU_MALFORMED },
		{ "ACK with a request", { 0x60, 1, 0, 1 }, 4, PDU_MALFORMED },
		{ "ACK with 2.05", { 0x60, 0x45, 0, 1 }, 4, PDU_OK },
		{ "class 1", { 0x40, 0x20, 0, 1 }, 4, PDU_MALFORMED },
		{ "class 3, a response by RFC 7252 12.1", { 0x40, 0x60, 0, 1 }, 4, PDU_OK },
		{ "class 6", { 0x50, 0xc0, 0, 1 }, 4, PDU_MALFORMED },
		{ "class 7, a signal of RFC 8323", { 0x40, 0xe1, 0, 1 }, 4, PDU_MALFORMED },
		{ "marker and payload", { 0x40, 2, 0, 1, 0xff, 1 }, 6, PDU_OK },
		{ "marker, no payload", { 0x40, 2, 0, 1, 0xff }, 5, PDU_MALFORMED },
		{ "option value cut off", { 0x40, 1, 0, 1, 0xb3, 'a', 'b' }, 7, PDU_MALFORMED },
		{ "delta 15", { 0x40, 1, 0, 1, 0xf0, 1 }, 6, PDU_MALFORMED },
		{ "length 15", { 0x40, 1, 0, 1, 0xbf, 1 }, 6, PDU_MALFORMED },
		{ "extended delta cut off", { 0x40, 1, 0, 1, 0xd0 }, 5, PDU_MALFORMED },
		{ "16-bit delta cut off", { 0x40, 1, 0, 1, 0xe0, 1 }, 6, PDU_MALFORMED },
		{ "extended length cut off", { 0x40, 1, 0, 1, 0xbd }, 5, PDU_MALFORMED },
		{ "option 65535", { 0x40, 1, 0, 1, 0xe0, 0xfe, 0xf2 }, 7, PDU_OK },
		{ "option 65536", { 0x40, 1, 0, 1, 0xe0, 0xfe, 0xf3 }, 7, PDU_MALFORMED },
		{ "option 65548, libcoap's 12", { 0x40, 1, 0, 1, 0xe0, 0xfe, 0xff }, 7,
			PDU_MALFORMED },
		{ "option 65804", { 0x40, 1, 0, 1, 0xe0, 0xff, 0xff }, 7, PDU_MALFORMED },
		{ "65535 and then one more", { 0x40, 1, 0, 1, 0xe0, 0xfe, 0xf2, 0x10 }, 8,
			PDU_MALFORMED },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (verdict_of(rows[i].data, rows[i].len) != rows[i].verdict)
			fail_msg("%s", rows[i].what);
	}
}

static struct build all_options(void)
{
	static const uint8_t bytes[40] = { 1, 2, 3 };
	struct build b = build_start(PDU_CON, 3, 0x1234, "\x01\x02\x03\x04");
	build_option(&b, 1, bytes, 8);
	build_text(&b, 3, "gateway.example");
	build_option(&b, 4, bytes, 8);
	build_option(&b, 6, bytes, 1);
	build_option(&b, PDU_URI_PATH, "rd", 2);
	build_option(&b, PDU_URI_PATH, "5a3f", 4);
	build_option(&b, 12, bytes, 1);
	build_text(&b, PDU_URI_QUERY, "lt=86400");
	build_option(&b, 23, bytes, 1);
	build_option(&b, 27, bytes, 3);
	build_option(&b, 60, bytes, 2);
	build_option(&b, 252, bytes, 40);
	build_option(&b, 292, bytes, 8);
	build_option(&b, 2048, bytes, 0);
	build_option(&b, 65000, bytes, 13);
	build_payload(&b, "</1/0>,</3/0>");
	return b;
}

static void test_R234_every_part_of_a_message_is_found(void **state)
{
	(void)state;
	static const uint16_t numbers[] = { 1, 3, 4, 6, 11, 11, 12, 15, 23, 27, 60, 252, 292, 2048,
		65000 };
	const struct build b = all_options();
	struct pdu m;
	assert_int_equal(pdu_parse(b.data, b.len, &m), PDU_OK);
	assert_int_equal(m.type, PDU_CON);
	assert_int_equal(m.code, 3);
	assert_int_equal(m.mid, 0x1234);
	assert_true(pdu_same_token(&m, (const uint8_t *)"\x01\x02\x03\x04", 4));
	assert_false(pdu_same_token(&m, (const uint8_t *)"\x01\x02\x03\x05", 4));
	assert_int_equal(m.payload_len, 13);
	assert_memory_equal(m.payload, "</1/0>,</3/0>", 13);
	struct pdu_options it = pdu_options(&m);
	struct pdu_option o;
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		assert_true(pdu_next(&it, &o));
		assert_int_equal(o.number, numbers[i]);
	}
	assert_int_equal(o.len, 13);
	assert_false(pdu_next(&it, &o));
	it = pdu_options(&m);
	assert_true(pdu_next_of(&it, PDU_URI_QUERY, &o));
	assert_int_equal(o.len, 8);
	assert_memory_equal(o.value, "lt=86400", 8);
	assert_false(pdu_next_of(&it, PDU_URI_QUERY, &o));
}

static void agree(const struct build *b, size_t len)
{
	const char *const wrong = oracle_compare(b->data, len);
	if (wrong)
		fail_msg("%s, %zu bytes", wrong, len);
}

static void test_R234_agrees_with_libcoap_on_every_cut_and_flip(void **state)
{
	(void)state;
	struct build b = all_options();
	for (size_t len = 0; len <= b.len; len++)
		agree(&b, len);
	for (size_t i = 0; i < b.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			b.data[i] ^= (uint8_t)(1U << bit);
			agree(&b, b.len);
			b.data[i] ^= (uint8_t)(1U << bit);
		}
	}
}

static void test_R241_proxy_options_are_noticed(void **state)
{
	(void)state;
	for (unsigned number = 30; number < 45; number++) {
		struct build b = build_start(PDU_CON, 1, 1, "");
		struct pdu m;
		build_text(&b, number, "coap://example");
		assert_int_equal(pdu_parse(b.data, b.len, &m), PDU_OK);
		assert_int_equal(m.proxying, number == 35 || number == 39);
	}
}

static void test_R257_no_response_is_a_bit_per_class(void **state)
{
	(void)state;
	static const struct row {
		size_t len;
		uint8_t value[2];
		bool no_2xx, no_4xx, no_5xx;
	} rows[] = {
		{ 0, { 0 }, false, false, false }, { 1, { 2 }, true, false, false },
		{ 1, { 8 }, false, true, false }, { 1, { 16 }, false, false, true },
		{ 1, { 26 }, true, true, true },
		{ 2, { 26, 26 }, false, false, false }, /* malformed: as if unknown */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct build b = build_start(PDU_NON, 3, 1, "");
		struct pdu m;
		build_option(&b, PDU_NO_RESPONSE, rows[i].value, rows[i].len);
		assert_int_equal(pdu_parse(b.data, b.len, &m), PDU_OK);
		assert_int_equal(pdu_unwanted(&m, PDU_CHANGED), rows[i].no_2xx);
		assert_int_equal(pdu_unwanted(&m, PDU_BAD_REQUEST), rows[i].no_4xx);
		assert_int_equal(pdu_unwanted(&m, PDU_GATEWAY_TIMEOUT), rows[i].no_5xx);
	}
}

static void test_R243_own_answers_are_read_by_libcoap(void **state)
{
	(void)state;
	static const uint32_t ages[] = { 0, 1, 60, 255, 256, 65535, 1U << 20 };
	for (size_t i = 0; i < COUNT_OF(ages); i++) {
		uint8_t out[PDU_OWN_MAX];
		const struct pdu_answer a = { .type = PDU_ACK,
			.code = PDU_UNAVAILABLE,
			.mid = 0xbeef,
			.token_len = 3,
			.token = (const uint8_t *)"abc",
			.max_age_s = ages[i],
			.has_block1 = i % 2 == 0,
			.block1 = ages[i],
			.diagnostic = "the gateway is full" };
		const size_t len = pdu_write(out, sizeof(out), &a);
		coap_pdu_t *const p = coap_pdu_init(COAP_MESSAGE_CON, 0, 0, sizeof(out));
		assert_true(coap_pdu_parse(COAP_PROTO_UDP, out, len, p));
		assert_int_equal(coap_pdu_get_code(p), COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE);
		assert_int_equal(coap_pdu_get_mid(p), 0xbeef);
		assert_int_equal(coap_pdu_get_token(p).length, 3);
		size_t said;
		const uint8_t *words;
		assert_true(coap_get_data(p, &said, &words));
		assert_int_equal(said, strlen(a.diagnostic));
		coap_opt_iterator_t it;
		coap_opt_t *const age = coap_check_option(p, COAP_OPTION_MAXAGE, &it);
		assert_int_equal(age != NULL, ages[i] > 0);
		if (age)
			assert_int_equal(
				coap_decode_var_bytes(coap_opt_value(age), coap_opt_length(age)),
				ages[i]);
		coap_opt_t *const block = coap_check_option(p, COAP_OPTION_BLOCK1, &it);
		assert_int_equal(block != NULL, i % 2 == 0);
		if (block)
			assert_int_equal(coap_decode_var_bytes(
						 coap_opt_value(block), coap_opt_length(block)),
				ages[i]);
		coap_delete_pdu(p);
	}
}

static void test_R234_a_writer_stays_inside_its_room(void **state)
{
	(void)state;
	uint8_t out[PDU_OWN_MAX + 1];
	const struct pdu_answer a = { .type = PDU_NON,
		.code = PDU_BAD_REQUEST,
		.mid = 1,
		.token_len = 8,
		.token = (const uint8_t *)"abcdefgh",
		.max_age_s = 60,
		.has_block1 = true,
		.block1 = 6,
		.diagnostic = "0123456789" };
	const size_t least = 4 + 8 + 3 + 3, full = least + 1 + 10;
	for (size_t cap = 0; cap <= full + 1; cap++) {
		struct pdu m;
		memset(out, 0xa5, sizeof(out));
		const size_t len = pdu_write(out, cap, &a);
		assert_true(len <= cap);
		assert_int_equal(out[cap], 0xa5);
		assert_int_equal(len == 0, cap < least);
		if (len > 0)
			assert_int_equal(pdu_parse(out, len, &m), PDU_OK);
		if (cap >= full)
			assert_int_equal(len, full);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R234_malformed_messages_are_told_from_good_ones),
		cmocka_unit_test(test_R234_every_part_of_a_message_is_found),
		cmocka_unit_test(test_R234_agrees_with_libcoap_on_every_cut_and_flip),
		cmocka_unit_test(test_R241_proxy_options_are_noticed),
		cmocka_unit_test(test_R257_no_response_is_a_bit_per_class),
		cmocka_unit_test(test_R243_own_answers_are_read_by_libcoap),
		cmocka_unit_test(test_R234_a_writer_stays_inside_its_room),
	};
	return cmocka_run_group_tests_name("proxy/coap", tests, NULL, NULL);
}
