/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/wr.h"
#include "dtls/hello.h"

enum { RANDOM = 32 };

/* What a hello is built from; the lengths written may lie. */
struct shape {
	size_t session_id, cookie, suites, compressions;
	int extensions; /* -1 = none */
};

static const struct shape plain = { 0, 0, 4, 1, -1 };

static size_t build(uint8_t *out, size_t cap, const struct shape *s)
{
	struct wr w = wr_into(out, cap);
	wr_u16(&w, 0xfefd);
	memset(wr_room(&w, RANDOM), 0x11, RANDOM);
	wr_u8(&w, (uint8_t)s->session_id);
	memset(wr_room(&w, s->session_id), 0x22, s->session_id);
	wr_u8(&w, (uint8_t)s->cookie);
	memset(wr_room(&w, s->cookie), 0x33, s->cookie);
	wr_u16(&w, (uint16_t)s->suites);
	for (size_t i = 0; i < s->suites; i++)
		wr_u8(&w, (uint8_t)(0xc0 + i));
	wr_u8(&w, (uint8_t)s->compressions);
	memset(wr_room(&w, s->compressions), 0, s->compressions);
	if (s->extensions >= 0) {
		wr_u16(&w, (uint16_t)s->extensions);
		memset(wr_room(&w, (size_t)s->extensions), 0x55, (size_t)s->extensions);
	}
	assert_true(wr_ok(&w));
	return w.len;
}

/* Parses from a heap copy of exactly len bytes, so that ASan sees a read past the end. */
static bool parses(const uint8_t *data, size_t len)
{
	uint8_t *const copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, data, len);
	struct dtls_hello h;
	const bool good = dtls_hello_parse(copy, len, &h);
	free(copy);
	return good;
}

static bool shape_parses(const struct shape *s)
{
	uint8_t out[1024];
	return parses(out, build(out, sizeof(out), s));
}

static void test_R093_hello_fields_are_lent_where_they_stand(void **state)
{
	(void)state;
	uint8_t out[256];
	const struct shape s = { 5, 7, 6, 2, 9 };
	const size_t len = build(out, sizeof(out), &s);
	struct dtls_hello h;
	assert_true(dtls_hello_parse(out, len, &h));
	assert_int_equal(h.version, 0xfefd);
	assert_ptr_equal(h.random, out + 2);
	assert_ptr_equal(h.session_id, out + 35);
	assert_int_equal(h.session_id_len, 5);
	assert_ptr_equal(h.cookie, out + 41);
	assert_int_equal(h.cookie_len, 7);
	assert_ptr_equal(h.suites, out + 50);
	assert_int_equal(h.suites_len, 6);
	assert_ptr_equal(h.compressions, out + 57);
	assert_int_equal(h.compressions_len, 2);
	assert_ptr_equal(h.extensions, out + 61);
	assert_int_equal(h.extensions_len, 9);
}

static void test_R321_hello_cut_anywhere_before_its_extensions_is_refused(void **state)
{
	(void)state;
	uint8_t out[256];
	const struct shape s = { 5, 7, 6, 2, 9 };
	const size_t len = build(out, sizeof(out), &s);
	const size_t needed = len - 2 - 9;
	for (size_t cut = 0; cut <= len; cut++)
		assert_int_equal(parses(out, cut), cut >= needed);
}

static void test_R093_extensions_may_go_on_in_a_later_fragment(void **state)
{
	(void)state;
	uint8_t out[256];
	const struct shape s = { 0, 0, 2, 1, 9 };
	const size_t len = build(out, sizeof(out), &s);
	struct dtls_hello h;
	assert_true(dtls_hello_parse(out, len - 4, &h));
	assert_int_equal(h.extensions_len, 5);
	assert_true(dtls_hello_parse(out, len - 9, &h)); /* the length is here, nothing else */
	assert_int_equal(h.extensions_len, 0);
	assert_true(dtls_hello_parse(out, len - 10, &h)); /* half of the length */
	assert_null(h.extensions);
	assert_true(dtls_hello_parse(out, len - 11, &h)); /* none at all */
	assert_null(h.extensions);
}

/* What follows is libssl's to refuse: a stranger is asked for a cookie first. */
static void test_R177_bytes_after_the_extensions_are_not_lent(void **state)
{
	(void)state;
	uint8_t out[256] = { 0 };
	const struct shape s = { 0, 0, 2, 1, 9 };
	const size_t len = build(out, sizeof(out), &s);
	struct dtls_hello h;
	assert_true(dtls_hello_parse(out, len + 1, &h));
	assert_int_equal(h.extensions_len, 9);
	assert_true(parses(out, len + 1));
}

static void test_R177_a_type_that_stands_twice_is_found(void **state)
{
	(void)state;
	static const uint8_t block[] = { 0, 54, 0, 1, 9, 0, 23, 0, 0, 0x1a, 0x1a, 0, 0, 0, 54, 0, 0,
		1 };
	for (size_t len = 0; len <= sizeof(block); len++)
		assert_int_equal(dtls_extension_twice(block, len), len >= sizeof(block) - 1);
	assert_false(dtls_extension_twice(NULL, 0));
	static uint8_t many[4092];
	for (size_t i = 0; i < sizeof(many) / 4; i++)
		many[4 * i + 1] = (uint8_t)(1022 - i), many[4 * i] = (uint8_t)((1022 - i) >> 8);
	assert_false(dtls_extension_twice(many, sizeof(many)));
	memcpy(many + sizeof(many) - 4, many, 2);
	assert_true(dtls_extension_twice(many, sizeof(many)));
}

static void test_R180_what_was_not_offered_is_found(void **state)
{
	(void)state;
	static const uint8_t offered[] = { 0, 23, 0, 0, 0, 1, 0, 1, 2, 0, 54, 0, 0 };
	static const uint8_t answer[] = { 0xff, 1, 0, 1, 0, 0, 1, 0, 1, 2, 0, 23, 0, 0 };
	assert_true(dtls_extensions_offered(answer, sizeof(answer), offered, sizeof(offered)));
	assert_false(dtls_extensions_offered(answer, sizeof(answer), offered, 8));
	assert_false(dtls_extensions_offered(answer, sizeof(answer), offered, 0));
	assert_true(dtls_extensions_offered(answer, 5, NULL, 0)); /* renegotiation_info */
	assert_true(dtls_extensions_offered(NULL, 0, NULL, 0));
}

static void test_R321_server_hello_is_whole_or_refused(void **state)
{
	(void)state;
	uint8_t out[64] = { 0xfe, 0xfd, [34] = 3, [41] = 0, 5, 0, 23, 0, 1, 7 };
	const uint8_t *exts = NULL;
	size_t n = 0;
	for (size_t len = 0; len < sizeof(out); len++) {
		const bool good = len == 41 || len == 48; /* without any, and with five bytes */
		assert_int_equal(dtls_server_hello_parse(out, len, &exts, &n), good);
		if (good)
			assert_int_equal(n, len == 41 ? 0 : 5);
	}
	assert_true(dtls_server_hello_parse(out, 48, &exts, &n));
	assert_ptr_equal(exts, out + 43);
}

static void test_R321_session_id_of_31_32_33(void **state)
{
	(void)state;
	struct shape s = plain;
	for (s.session_id = 31; s.session_id <= 33; s.session_id++)
		assert_int_equal(shape_parses(&s), s.session_id <= 32);
}

static void test_R089_cookie_up_to_255(void **state)
{
	(void)state;
	struct shape s = plain;
	const size_t lens[] = { 0, 1, 32, 254, DTLS_COOKIE_MAX };
	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		s.cookie = lens[i];
		assert_true(shape_parses(&s));
	}
}

static void test_R321_suites_are_pairs_and_not_none(void **state)
{
	(void)state;
	struct shape s = plain;
	for (s.suites = 0; s.suites <= 7; s.suites++)
		assert_int_equal(shape_parses(&s), s.suites >= 2 && s.suites % 2 == 0);
}

static void test_R321_one_compression_method_at_least(void **state)
{
	(void)state;
	struct shape s = plain;
	for (s.compressions = 0; s.compressions <= 2; s.compressions++)
		assert_int_equal(shape_parses(&s), s.compressions >= 1);
}

static void test_R093_offered_suites_are_found_at_even_offsets_only(void **state)
{
	(void)state;
	const uint8_t suites[] = { 0xc0, 0xa8, 0x00, 0xae, 0x13, 0x01 };
	const struct dtls_hello h = { .suites = suites, .suites_len = sizeof(suites) };
	assert_true(dtls_hello_offers(&h, 0xc0a8));
	assert_true(dtls_hello_offers(&h, 0x00ae));
	assert_true(dtls_hello_offers(&h, 0x1301));
	assert_false(dtls_hello_offers(&h, 0xa800));
	assert_false(dtls_hello_offers(&h, 0xae13));
	assert_false(dtls_hello_offers(&h, 0xc0ae));
}

static size_t put_fragment(uint8_t *out, const struct dtls_fragment *f)
{
	struct wr w = wr_into(out, DTLS_HS_HEADER + f->len);
	wr_u8(&w, f->type);
	wr_u24(&w, f->total);
	wr_u16(&w, f->message_seq);
	wr_u24(&w, f->offset);
	wr_u24(&w, (uint32_t)f->len);
	memset(wr_room(&w, f->len), f->type, f->len);
	assert_true(wr_ok(&w));
	return w.len;
}

static void test_R111_several_fragments_share_a_record(void **state)
{
	(void)state;
	const struct dtls_fragment in[] = {
		{ .type = DTLS_HS_CLIENT_HELLO,
			.total = 0x010203,
			.message_seq = 0x0405,
			.offset = 0x010200,
			.len = 3 },
		{ .type = DTLS_HS_SERVER_DONE,
			.total = 0,
			.message_seq = 9,
			.offset = 0,
			.len = 0 },
		{ .type = 250, .total = 6, .message_seq = 65535, .offset = 2, .len = 4 },
	};
	uint8_t body[3 * DTLS_HS_HEADER + 7];
	size_t len = 0;
	for (size_t i = 0; i < COUNT_OF(in); i++)
		len += put_fragment(body + len, &in[i]);
	struct rd r = rd_from(body, len);
	struct dtls_fragment f;
	for (size_t i = 0; i < COUNT_OF(in); i++) {
		assert_true(dtls_fragment_next(&r, &f));
		assert_int_equal(f.type, in[i].type);
		assert_int_equal(f.total, in[i].total);
		assert_int_equal(f.message_seq, in[i].message_seq);
		assert_int_equal(f.offset, in[i].offset);
		assert_int_equal(f.len, in[i].len);
		for (size_t j = 0; j < f.len; j++)
			assert_int_equal(f.body[j], f.type);
	}
	assert_false(dtls_fragment_next(&r, &f));
	assert_true(rd_end(&r)); /* a clean end is told from a bad one */
}

static void test_R321_fragment_beyond_its_message_is_refused(void **state)
{
	(void)state;
	for (uint32_t total = 9; total <= 11; total++) {
		const struct dtls_fragment in = {
			.type = 1, .total = total, .offset = 6, .len = 4
		};
		uint8_t body[DTLS_HS_HEADER + 4];
		struct rd r = rd_from(body, put_fragment(body, &in));
		struct dtls_fragment f;
		assert_int_equal(dtls_fragment_next(&r, &f), total >= 10);
		assert_int_equal(rd_end(&r), total >= 10);
	}
}

static void test_R321_fragment_cut_short_is_refused(void **state)
{
	(void)state;
	const struct dtls_fragment in = { .type = 1, .total = 4, .len = 4 };
	uint8_t body[DTLS_HS_HEADER + 4];
	const size_t len = put_fragment(body, &in);
	for (size_t cut = 1; cut <= len; cut++) {
		uint8_t *const copy = malloc(cut);
		assert_non_null(copy);
		memcpy(copy, body, cut);
		struct rd r = rd_from(copy, cut);
		struct dtls_fragment f;
		assert_int_equal(dtls_fragment_next(&r, &f), cut == len);
		free(copy);
	}
}

/* A ClientKeyExchange that says `said` and carries `there` octets of identity. */
static bool identity_parses(size_t said, size_t there)
{
	uint8_t *const body = malloc(2 + there);
	assert_non_null(body);
	body[0] = (uint8_t)(said >> 8);
	body[1] = (uint8_t)said;
	memset(body + 2, 'i', there);
	const uint8_t *identity = NULL;
	size_t len = 0;
	const bool good = dtls_identity_parse(body, 2 + there, &identity, &len);
	if (good) {
		assert_ptr_equal(identity, body + 2);
		assert_int_equal(len, said);
	}
	free(body);
	return good;
}

static void test_R049_nul_in_an_identity_counts(void **state)
{
	(void)state;
	const uint8_t body[] = { 0, 4, 'a', 0, 'b', 0 };
	const uint8_t *identity;
	size_t len;
	assert_true(dtls_identity_parse(body, sizeof(body), &identity, &len));
	assert_int_equal(len, 4);
	assert_memory_equal(identity, "a\0b\0", 4);
}

static void test_R050_identities_of_1_to_128_octets(void **state)
{
	(void)state;
	for (size_t len = 0; len <= 300; len++)
		assert_int_equal(identity_parses(len, len), len >= 1 && len <= DTLS_IDENTITY_MAX);
}

static void test_R321_identity_fills_its_message(void **state)
{
	(void)state;
	assert_false(identity_parses(5, 4));
	assert_true(identity_parses(5, 5));
	assert_false(identity_parses(5, 6));
	const uint8_t one[] = { 0 };
	const uint8_t *identity;
	size_t len;
	assert_false(dtls_identity_parse(one, 1, &identity, &len));
	assert_false(dtls_identity_parse(one, 0, &identity, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R093_hello_fields_are_lent_where_they_stand),
		cmocka_unit_test(test_R321_hello_cut_anywhere_before_its_extensions_is_refused),
		cmocka_unit_test(test_R093_extensions_may_go_on_in_a_later_fragment),
		cmocka_unit_test(test_R177_bytes_after_the_extensions_are_not_lent),
		cmocka_unit_test(test_R177_a_type_that_stands_twice_is_found),
		cmocka_unit_test(test_R180_what_was_not_offered_is_found),
		cmocka_unit_test(test_R321_server_hello_is_whole_or_refused),
		cmocka_unit_test(test_R321_session_id_of_31_32_33),
		cmocka_unit_test(test_R089_cookie_up_to_255),
		cmocka_unit_test(test_R321_suites_are_pairs_and_not_none),
		cmocka_unit_test(test_R321_one_compression_method_at_least),
		cmocka_unit_test(test_R093_offered_suites_are_found_at_even_offsets_only),
		cmocka_unit_test(test_R111_several_fragments_share_a_record),
		cmocka_unit_test(test_R321_fragment_beyond_its_message_is_refused),
		cmocka_unit_test(test_R321_fragment_cut_short_is_refused),
		cmocka_unit_test(test_R049_nul_in_an_identity_counts),
		cmocka_unit_test(test_R050_identities_of_1_to_128_octets),
		cmocka_unit_test(test_R321_identity_fills_its_message),
	};
	return cmocka_run_group_tests_name("dtls/hello", tests, NULL, NULL);
}
