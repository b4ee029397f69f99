/* SPDX-License-Identifier: Apache-2.0 */
/* CoAP without DTLS: what a stranger's message says, whether an address is right, and how much it
   may be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/sip.h"
#include "proxy/open_air.h"
#include "proxy/rewrite.h"

static const struct sip_key key = { .k0 = 1, .k1 = 2 };
static const struct net_addr home = { .ip = { 10, 0, 0, 1 }, .port = 5683, .family = NET_IPV4 };

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static struct air_look look(const uint8_t *msg, size_t len)
{
	struct air_look l;
	air_read(msg, len, &l);
	return l;
}

static enum air_kind kind(const uint8_t *msg, size_t len)
{
	return look(msg, len).kind;
}

#define REGISTER                                                                                   \
	"\x42\x02\x00\x01tt\xb2rd\x46"                                                             \
	"ep=dev"

static void test_R082_only_a_register_or_a_bootstrap_request_begins(void **state)
{
	(void)state;
	const struct air_look l = look(BYTES(REGISTER));
	assert_int_equal(l.kind, AIR_BEGINS);
	assert_string_equal(l.endpoint, "dev");
	assert_int_equal(kind(BYTES("\x42\x02\x00\x01tt\xb2"
				    "bs\x46"
				    "ep=dev")),
		AIR_BEGINS);
	assert_int_equal(kind(BYTES("\x52\x02\x00\x01tt\xb2rd\x46"
				    "ep=dev")),
		AIR_BEGINS);
	assert_int_equal(kind(BYTES("\x42\x03\x00\x01tt\xb2rd\x46"
				    "ep=dev")),
		AIR_ASKS);
	assert_int_equal(kind(BYTES("\x42\x02\x00\x01tt\xb2"
				    "dp\x46"
				    "ep=dev")),
		AIR_ASKS);
	assert_int_equal(kind(BYTES("\x42\x01\x00\x01tt\xb2rd")), AIR_ASKS);
	assert_int_equal(kind(BYTES("\x42\x02\x00\x01tt\xb2rd\x01"
				    "7")),
		AIR_REGISTERED);
	assert_int_equal(kind(BYTES("\x42\x04\x00\x01tt\xb2rd\x01"
				    "7")),
		AIR_REGISTERED);
	assert_int_equal(kind(BYTES("\x42\x02\x00\x01tt\xb2rd\x02"
				    "..")),
		AIR_ASKS);
}

static void test_R264_a_name_is_one_name(void **state)
{
	(void)state;
	assert_int_equal(kind(BYTES("\x42\x02\x00\x01tt\xb2rd")), AIR_NAMELESS);
	assert_int_equal(kind(BYTES("\x42\x02\x00\x01tt\xb2rd\x43"
				    "ep=")),
		AIR_NAMELESS);
	assert_int_equal(kind(BYTES("\x42\x02\x00\x01tt\xb2rd\x44"
				    "ep=a\x04"
				    "ep=a")),
		AIR_NAMELESS);
	assert_int_equal(kind(BYTES("\x42\x02\x00\x01tt\xb2rd\x44"
				    "ep=\0")),
		AIR_NAMELESS);
	assert_int_equal(kind(BYTES("\x42\x02\x00\x01tt\xb2rd\x44"
				    "ep=a\x09"
				    "lt=6&ep=b")),
		AIR_NAMELESS);
}

static void test_R080_what_is_no_request_is_nobodys(void **state)
{
	(void)state;
	assert_int_equal(kind(BYTES("\x62\x45\x00\x01tt")), AIR_ANSWERS);
	assert_int_equal(kind(BYTES("\x42\x45\x00\x01tt")), AIR_ANSWERS);
	assert_int_equal(kind(BYTES("\x60\x00\x00\x01")), AIR_EMPTY);
	assert_int_equal(kind(BYTES("\x70\x00\x00\x01")), AIR_EMPTY);
	assert_int_equal(kind(BYTES("\x40\x00\x00\x01")), AIR_RESETS);
	assert_int_equal(kind(BYTES("\x50\x00\x00\x01")), AIR_NOTHING);
	assert_int_equal(kind(BYTES("\x62\x02\x00\x01tt\xb2rd\x46"
				    "ep=dev")),
		AIR_NOTHING);
	assert_int_equal(kind(BYTES("\x49\x02\x00\x01tt")), AIR_RESETS);
	assert_int_equal(kind(BYTES("\x59\x02\x00\x01tt")), AIR_NOTHING);
	assert_int_equal(kind(BYTES("\x82\x02\x00\x01tt")), AIR_NOTHING);
	assert_int_equal(kind(NULL, 0), AIR_NOTHING);
	assert_int_equal(kind(BYTES("\x16\xfe\xfd")), AIR_NOTHING);
}

/* --- Echo ------------------------------------------------------------------------------------- */

/* A Register with that Echo value. */
static size_t with_echo(const uint8_t *echo, size_t len, uint8_t out[64])
{
	static const uint8_t head[] = "\x42\x02\x00\x01tt\xb2rd\x46"
				      "ep=dev";
	memcpy(out, head, sizeof(head) - 1);
	size_t at = sizeof(head) - 1;
	out[at++] = (uint8_t)(0xd0 | len);
	out[at++] = 252 - 15 - 13;
	memcpy(out + at, echo, len);
	return at + len;
}

static bool is_good(const struct net_addr *peer, const uint8_t *echo, size_t len, uint64_t now_ms)
{
	uint8_t msg[64];
	const struct air_look l = look(msg, with_echo(echo, len, msg));
	assert_int_equal(l.kind, AIR_BEGINS);
	return air_echo_good(&key, peer, &l, now_ms);
}

static void test_R083_an_echo_value_is_good_for_one_address_and_a_while(void **state)
{
	static const struct sip_key other_key = { .k0 = 1, .k1 = 3 };
	struct net_addr other = home;
	uint8_t echo[AIR_ECHO], msg[64];
	(void)state;
	air_echo(&key, &home, 5000, echo);
	assert_true(is_good(&home, echo, AIR_ECHO, 5000));
	assert_true(is_good(&home, echo, AIR_ECHO, 5000 + AIR_ECHO_MS));
	assert_false(is_good(&home, echo, AIR_ECHO, 6000 + AIR_ECHO_MS));
	assert_false(is_good(&home, echo, AIR_ECHO, 3000)); /* of the future */
	assert_false(is_good(&home, echo, AIR_ECHO - 1, 5000));
	other.port++;
	assert_false(is_good(&other, echo, AIR_ECHO, 5000));
	other = home;
	other.ip[3]++;
	assert_false(is_good(&other, echo, AIR_ECHO, 5000));
	for (size_t i = 0; i < AIR_ECHO; i++) {
		echo[i] ^= 1;
		assert_false(is_good(&home, echo, AIR_ECHO, 5000));
		echo[i] ^= 1;
	}
	const struct air_look l = look(msg, with_echo(echo, AIR_ECHO, msg));
	assert_false(air_echo_good(&other_key, &home, &l, 5000));
	const struct air_look none = look(BYTES(REGISTER));
	assert_false(air_echo_good(&key, &home, &none, 5000));
}

static void test_R083_our_echo_value_goes_no_further(void **state)
{
	static const struct rewrite without = { .without_echo = true };
	uint8_t echo[AIR_ECHO], msg[64], out[80];
	(void)state;
	air_echo(&key, &home, 5000, echo);
	const struct air_look l = look(msg, with_echo(echo, AIR_ECHO, msg));
	const size_t len = rewrite_write(out, sizeof(out), &without, &l.m);
	assert_int_equal(len, sizeof(REGISTER) - 1);
	assert_memory_equal(out, REGISTER, len);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void test_R083_an_answer_is_at_most_three_times_the_question(void **state)
{
	uint8_t echo[AIR_ECHO] = { 0 }, out[AIR_ANSWER_MAX];
	const struct air_said asks = { .code = PDU_UNAUTHORIZED, .echo = echo, .mid = 0x1234 };
	const struct air_said resets = { .code = 0 };
	(void)state;
	struct air_look l = look(BYTES(REGISTER));
	assert_int_equal(air_answer(&l, &asks, out), 4 + 2 + 2 + AIR_ECHO);
	assert_memory_equal(out, "\x62\x81\x00\x01tt\xdc\xef", 8);
	l = look(BYTES("\x52\x02\x00\x01tt\xb2rd\x46"
		       "ep=dev"));
	assert_int_equal(air_answer(&l, &asks, out), 20);
	assert_memory_equal(out, "\x52\x81\x12\x34tt", 6);
	/* 5 octets have come: 15 may go. */
	l = look(BYTES("\x40\x02\x00\x01\xb0"));
	assert_int_equal(l.kind, AIR_ASKS);
	assert_int_equal(air_answer(&l, &asks, out), 0);
	l = look(BYTES("\x40\x00\x00\x07"));
	assert_int_equal(air_answer(&l, &resets, out), 4);
	assert_memory_equal(out, "\x70\x00\x00\x07", 4);
	/* A NON that wants to hear nothing of class 4. */
	l = look(BYTES("\x50\x02\x00\x01\xd1\xf5\x08"));
	assert_int_equal(l.kind, AIR_ASKS);
	assert_int_equal(air_answer(&l, &(struct air_said){ .code = PDU_NOT_FOUND }, out), 0);
}

static void test_R083_an_address_that_has_shown_nothing_gets_three_times(void **state)
{
	static const uint8_t ask[] = "\x44\x01\x00\x01"
				     "abcd\xb1"
				     "3";
	static const size_t len = sizeof(ask) - 1;
	struct air_flow f = { .got = 0 };
	(void)state;
	assert_false(air_may_send(&f, ask, len)); /* nothing has come */
	assert_true(f.starved);
	f = (struct air_flow){ .got = 0 };
	const struct air_look l = look(BYTES(REGISTER));
	assert_true(air_takes(&f, &l, sizeof(REGISTER) - 1, 0));
	size_t sent = 0;
	while (air_may_send(&f, ask, len))
		sent += len;
	assert_true(sent <= 3 * (sizeof(REGISTER) - 1));
	assert_true(sent + len > 3 * (sizeof(REGISTER) - 1));
	f.proved = true;
	assert_true(air_may_send(&f, ask, len));
}

static bool shows(const char *asked, size_t asked_len, const char *answer, size_t answer_len)
{
	struct air_flow f = { .got = 1000 };
	assert_true(air_may_send(&f, (const uint8_t *)asked, asked_len));
	const struct air_look l = look((const uint8_t *)answer, answer_len);
	assert_true(air_takes(&f, &l, answer_len, 0));
	return f.proved;
}

#define SHOWS(asked, answer) shows(asked, sizeof(asked) - 1, answer, sizeof(answer) - 1)

static void test_R083_who_answers_by_the_token_is_there(void **state)
{
	(void)state;
	assert_true(SHOWS("\x44\x01\x00\x01"
			  "abcd",
		"\x64\x45\x00\x01"
		"abcd"));
	assert_true(SHOWS("\x44\x01\x00\x01"
			  "abcd",
		"\x44\x84\x00\x77"
		"abcd"));
	assert_false(SHOWS("\x44\x01\x00\x01"
			   "abcd",
		"\x64\x45\x00\x01"
		"abce"));
	assert_false(SHOWS("\x44\x01\x00\x01"
			   "abcd",
		"\x63\x45\x00\x01"
		"abc"));
	assert_false(SHOWS("\x44\x01\x00\x01"
			   "abcd",
		"\x60\x00\x00\x01"));
	assert_false(SHOWS("\x44\x01\x00\x01"
			   "abcd",
		"\x70\x00\x00\x01"));
	assert_false(SHOWS("\x44\x01\x00\x01"
			   "abcd",
		"\x44\x02\x00\x01"
		"abcd"));
	/* A short token can be guessed; what was an answer was no question. */
	assert_false(SHOWS("\x43\x01\x00\x01"
			   "abc",
		"\x63\x45\x00\x01"
		"abc"));
	assert_false(SHOWS("\x44\x45\x00\x01"
			   "abcd",
		"\x64\x45\x00\x01"
		"abcd"));
}

static void test_R083_the_last_tokens_are_remembered(void **state)
{
	struct air_flow f = { .got = 1000 };
	uint8_t ask[] = { 0x44, 1, 0, 1, 'a', 'b', 'c', 'd' };
	uint8_t answer[] = { 0x64, 0x45, 0, 1, 'a', 'b', 'c', '0' };
	(void)state;
	for (unsigned i = 0; i <= AIR_TOKENS; i++) {
		ask[7] = (uint8_t)('0' + i);
		assert_true(air_may_send(&f, ask, sizeof(ask)));
		assert_true(air_may_send(&f, ask, sizeof(ask))); /* a copy takes no place */
	}
	struct air_look l = look(answer, sizeof(answer));
	assert_true(air_takes(&f, &l, sizeof(answer), 0));
	assert_false(f.proved);
	answer[7] = '1';
	l = look(answer, sizeof(answer));
	assert_true(air_takes(&f, &l, sizeof(answer), 0));
	assert_true(f.proved);
}

static void test_a_copy_of_a_non_is_known_for_its_lifetime(void **state)
{
	struct air_flow f = { .got = 0 };
	const struct air_look con = look(BYTES(REGISTER));
	const struct air_look non = look(BYTES("\x50\x02\x00\x01\xb2rd"));
	const struct air_look other = look(BYTES("\x50\x02\x00\x02\xb2rd"));
	(void)state;
	assert_true(air_takes(&f, &con, 10, 0));
	assert_true(air_takes(&f, &con, 10, 1)); /* its receiver knows it by its id */
	assert_true(air_takes(&f, &non, 10, 5));
	assert_false(air_takes(&f, &non, 10, 6));
	assert_true(air_takes(&f, &other, 10, 7));
	assert_false(air_takes(&f, &non, 10, 4 + AIR_NON_MS));
	assert_true(air_takes(&f, &non, 10, 5 + AIR_NON_MS));
	assert_int_equal(f.got, 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R082_only_a_register_or_a_bootstrap_request_begins),
		cmocka_unit_test(test_R264_a_name_is_one_name),
		cmocka_unit_test(test_R080_what_is_no_request_is_nobodys),
		cmocka_unit_test(test_R083_an_echo_value_is_good_for_one_address_and_a_while),
		cmocka_unit_test(test_R083_our_echo_value_goes_no_further),
		cmocka_unit_test(test_R083_an_answer_is_at_most_three_times_the_question),
		cmocka_unit_test(test_R083_an_address_that_has_shown_nothing_gets_three_times),
		cmocka_unit_test(test_R083_who_answers_by_the_token_is_there),
		cmocka_unit_test(test_R083_the_last_tokens_are_remembered),
		cmocka_unit_test(test_a_copy_of_a_non_is_known_for_its_lifetime),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
