/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/question.h"

enum { TOKEN_AT = 4 };

static const struct gw_question question = { .token = { 1, 2, 3, 4, 5, 6, 7, 0xf8 },
	.mid = { 0xab, 0xcd } };

static size_t answer(uint8_t out[32], unsigned type, uint8_t code)
{
	out[0] = (uint8_t)(0x40 | type << 4 | sizeof(question.token));
	out[1] = code;
	memcpy(out + 2, question.mid, sizeof(question.mid));
	memcpy(out + TOKEN_AT, question.token, sizeof(question.token));
	return TOKEN_AT + sizeof(question.token);
}

/* Octet by octet as RFC 7252 3 has it. */
static void test_R153_it_is_a_request_that_every_client_answers(void **state)
{
	static const uint8_t wanted[GW_QUESTION_LEN] = { 0x48, 0x01, 0xab, 0xcd, 1, 2, 3, 4, 5, 6,
		7, 0xf8, 0xb3, 'l', 'w', 'g' };
	uint8_t out[GW_QUESTION_LEN];
	(void)state;
	gw_question_write(&question, out);
	assert_memory_equal(out, wanted, sizeof(wanted));
}

static void test_S12_any_response_with_the_token_answers(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 4; type++) {
		for (unsigned code = 0; code < 256; code++) {
			uint8_t msg[32];
			const size_t len = answer(msg, type, (uint8_t)code);
			const bool good = type < 3 && code >= 64 && code < 192;
			assert_int_equal(gw_question_reply(&question, msg, len),
				good ? GW_REPLY_ANSWER : GW_REPLY_NONE);
		}
	}
}

static void test_S12_no_other_token_does(void **state)
{
	(void)state;
	uint8_t msg[32];
	const size_t len = answer(msg, 2, 132);
	for (size_t bit = 0; bit < 8 * sizeof(question.token); bit++) {
		msg[TOKEN_AT + bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_equal(gw_question_reply(&question, msg, len), GW_REPLY_NONE);
		msg[TOKEN_AT + bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_int_equal(gw_question_reply(&question, msg, len), GW_REPLY_ANSWER);
	for (unsigned token = 0; token < 16; token++) {
		msg[0] = (uint8_t)(0x60 | token);
		assert_int_equal(gw_question_reply(&question, msg, len),
			token == 8 ? GW_REPLY_ANSWER : GW_REPLY_NONE);
	}
}

/* Of a copy that ends where it is said to end: a sanitizer sees who reads on. */
static void test_S12_what_is_cut_is_no_answer(void **state)
{
	(void)state;
	uint8_t msg[32];
	const size_t whole = answer(msg, 2, 132);
	for (size_t len = 0; len < whole; len++) {
		uint8_t *const piece = malloc(len > 0 ? len : 1);
		uint8_t thanks[GW_THANKS_LEN];
		assert_non_null(piece);
		memcpy(piece, msg, len);
		assert_int_equal(gw_question_reply(&question, piece, len), GW_REPLY_NONE);
		assert_false(gw_question_thanks(piece, len, thanks));
		free(piece);
	}
	uint8_t longer[64] = { 0 };
	memcpy(longer, msg, whole);
	assert_int_equal(gw_question_reply(&question, longer, sizeof(longer)), GW_REPLY_ANSWER);
}

static void test_R153_an_acknowledgement_alone_proves_nothing(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 4; type++) {
		uint8_t msg[] = { (uint8_t)(0x40 | type << 4), 0, 0xab, 0xcd };
		assert_int_equal(gw_question_reply(&question, msg, sizeof(msg)),
			type >= 2 ? GW_REPLY_HEARD : GW_REPLY_NONE);
		msg[3] ^= 1;
		assert_int_equal(gw_question_reply(&question, msg, sizeof(msg)), GW_REPLY_NONE);
	}
}

/* RFC 7252 5.2.2: or it would be sent four times more. */
static void test_an_answer_of_its_own_is_acknowledged(void **state)
{
	static const uint8_t wanted[GW_THANKS_LEN] = { 0x60, 0, 0x12, 0x34 };
	(void)state;
	for (unsigned type = 0; type < 4; type++) {
		uint8_t msg[32], thanks[GW_THANKS_LEN];
		const size_t len = answer(msg, type, 132);
		msg[2] = 0x12;
		msg[3] = 0x34;
		assert_int_equal(gw_question_thanks(msg, len, thanks), type == 0);
		if (type == 0)
			assert_memory_equal(thanks, wanted, sizeof(wanted));
	}
}

static unsigned mid_of(const struct gw_question_mids *mids, uint16_t drawn)
{
	struct gw_question q;
	const uint8_t random[GW_QUESTION_RANDOM] = { 9, 8, 7, 6, 5, 4, 3, 2, (uint8_t)(drawn >> 8),
		(uint8_t)drawn };
	gw_question_draw(&q, mids, random);
	assert_memory_equal(q.token, random, sizeof(q.token));
	return (unsigned)q.mid[0] << 8 | q.mid[1];
}

/* RFC 7252 4.5: a device answers what has the id of an earlier message by what it answered to that
   one. A server that counts on is far from the ids of ours, whichever way round. */
static void test_its_id_is_far_from_those_of_the_server(void **state)
{
	static const uint16_t lasts[] = { 0, 1, 0x3fff, 0x4000, 0x8000, 0xc001, 0xffff };
	(void)state;
	for (size_t i = 0; i < sizeof(lasts) / sizeof(lasts[0]); i++) {
		struct gw_question_mids mids = { .known = false };
		const uint8_t request[] = { 0x40, 1, (uint8_t)(lasts[i] >> 8), (uint8_t)lasts[i] };
		gw_question_mids_see(&mids, request, sizeof(request));
		for (unsigned drawn = 0; drawn < 65536; drawn++) {
			const uint16_t on = (uint16_t)(mid_of(&mids, (uint16_t)drawn) - lasts[i]);
			assert_in_range(on, 0x4000, 0xbfff);
		}
	}
}

static void test_without_a_server_its_id_is_any(void **state)
{
	const struct gw_question_mids mids = { .known = false };
	(void)state;
	for (unsigned drawn = 0; drawn < 65536; drawn++)
		assert_int_equal(mid_of(&mids, (uint16_t)drawn), drawn);
}

/* What begins a message of the server's: a request, or an answer that comes by itself and is to be
   acknowledged; not an ACK or a reset, and not the relay's own answer as a NON. */
static void test_whose_ids_are_the_servers(void **state)
{
	static const struct {
		uint8_t head[4];
		uint8_t len;
		bool counts;
	} cases[] = {
		{ { 0x40, 1, 0x12, 0x34 }, 4, true },
		{ { 0x50, 3, 0x12, 0x34 }, 4, true },
		{ { 0x40, 69, 0x12, 0x34 }, 4, true },
		{ { 0x50, 69, 0x12, 0x34 }, 4, false },
		{ { 0x60, 69, 0x12, 0x34 }, 4, false },
		{ { 0x70, 0, 0x12, 0x34 }, 4, false },
		{ { 0x40, 1, 0x12, 0x34 }, 3, false },
		{ { 0x40 }, 0, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gw_question_mids mids = { .known = false };
		gw_question_mids_see(&mids, cases[i].head, cases[i].len);
		assert_int_equal(mids.known, cases[i].counts);
		assert_int_equal(mids.last, cases[i].counts ? 0x1234 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R153_it_is_a_request_that_every_client_answers),
		cmocka_unit_test(test_S12_any_response_with_the_token_answers),
		cmocka_unit_test(test_S12_no_other_token_does),
		cmocka_unit_test(test_S12_what_is_cut_is_no_answer),
		cmocka_unit_test(test_R153_an_acknowledgement_alone_proves_nothing),
		cmocka_unit_test(test_an_answer_of_its_own_is_acknowledged),
		cmocka_unit_test(test_its_id_is_far_from_those_of_the_server),
		cmocka_unit_test(test_without_a_server_its_id_is_any),
		cmocka_unit_test(test_whose_ids_are_the_servers),
	};
	return cmocka_run_group_tests_name("gateway/question", tests, NULL, NULL);
}
