/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "dtls/cookie.h"
#include "dtls/record.h"

enum {
	BEGIN_MS = 777,
	PERIOD = DTLS_COOKIE_PERIOD_MS,
	COOKIE_AT = DTLS_VERIFY_LEN - DTLS_COOKIE_LEN
};

/* Not random at all, and different at each call. */
static void count_up(void *ctx, uint8_t *out, size_t len)
{
	uint8_t *const next = ctx;
	for (size_t i = 0; i < len; i++)
		out[i] = (*next)++;
	(*next) = (uint8_t)(*next + 7);
}

static const uint8_t client_random[32] = { 1, 2, 3 };
static const uint8_t session_id[32] = { 4, 5, 6 };
static const uint8_t suites[8] = { 0xc0, 0xa8, 0, 0xff };
static const uint8_t compressions[2] = { 0, 1 };
static const uint8_t extensions[4] = { 0 };

static const struct dtls_hello hello = {
	.version = DTLS_VERSION_1_2,
	.random = client_random,
	.session_id = session_id,
	.session_id_len = 3,
	.suites = suites,
	.suites_len = 4,
	.compressions = compressions,
	.compressions_len = 1,
};
static const struct net_addr peer = { .ip = { 192, 0, 2, 1 }, .port = 5684, .family = NET_IPV4 };

struct fixture {
	struct dtls_cookies cookies;
	uint8_t next;
	uint8_t verify[DTLS_VERIFY_LEN];
};

static int up(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .next = 1 };
	*state = &f;
	return dtls_cookies_init(&f.cookies, count_up, &f.next, BEGIN_MS) ? 0 : -1;
}

static bool demand(struct fixture *f, const struct net_addr *from, const struct dtls_hello *h,
	struct dtls_question q)
{
	return dtls_cookie_demand(&f->cookies, from, h, &q, f->verify);
}

static int down(void **state)
{
	struct fixture *const f = *state;
	dtls_cookies_fini(&f->cookies);
	return 0;
}

/* The hello comes without a cookie at now_ms and is asked for one. */
static void ask(struct fixture *f, uint64_t now_ms)
{
	assert_false(dtls_cookie_good(&f->cookies, &peer, &hello, now_ms));
	assert_true(demand(f, &peer, &hello, (struct dtls_question){ 0 }));
}

/* The hello h comes from `from` with the cookie that was last demanded. */
static bool answer(
	struct fixture *f, const struct net_addr *from, struct dtls_hello h, uint64_t now_ms)
{
	h.cookie = f->verify + COOKIE_AT;
	h.cookie_len = DTLS_COOKIE_LEN;
	return dtls_cookie_good(&f->cookies, from, &h, now_ms);
}

static void test_R089_bytes_of_the_hello_verify_request(void **state)
{
	struct fixture *const f = *state;
	assert_true(demand(f, &peer, &hello, (struct dtls_question){ .seq = 0x010203040506 }));
	const uint8_t expected[COOKIE_AT] = {
		22, 0xfe, 0xff, 0, 0, 1, 2, 3, 4, 5, 6, 0, 31, /* the hello's number */
		3, 0, 0, 19, 0, 0, 0, 0, 0, 0, 0, 19,          /* message_seq 0, one fragment */
		0xfe, 0xff, 16, /* server_version, length of the cookie */
	};
	assert_memory_equal(f->verify, expected, sizeof(expected));
}

/* RFC 6347 4.2.2: each new message counts one more; whoever was asked before waits for that. */
static void test_R089_a_hello_that_is_not_the_first_is_answered_with_its_own_number(void **state)
{
	struct fixture *const f = *state;
	uint8_t first[DTLS_VERIFY_LEN];
	ask(f, BEGIN_MS);
	memcpy(first, f->verify, sizeof(first));
	assert_true(demand(f, &peer, &hello, (struct dtls_question){ .message_seq = 0x0102 }));
	first[17] = 1;
	first[18] = 2;
	assert_memory_equal(f->verify, first, sizeof(first));
}

static void test_I9_answer_is_shorter_than_the_shortest_hello(void **state)
{
	(void)state;
	/* version, random, no session, no cookie, one suite, one compression method */
	const size_t shortest =
		DTLS_RECORD_HEADER + DTLS_HS_HEADER + 2 + 32 + 1 + 1 + 2 + 2 + 1 + 1;
	assert_true(DTLS_VERIFY_LEN <= shortest);
}

static void test_R090_cookie_comes_back_good(void **state)
{
	struct fixture *const f = *state;
	ask(f, BEGIN_MS);
	assert_true(answer(f, &peer, hello, BEGIN_MS));
	assert_true(answer(f, &peer, hello, BEGIN_MS)); /* nothing was kept, nothing is used up */
}

static void test_R090_cookie_binds_the_address(void **state)
{
	struct fixture *const f = *state;
	ask(f, BEGIN_MS);
	struct net_addr elsewhere = peer;
	elsewhere.port++;
	assert_false(answer(f, &elsewhere, hello, BEGIN_MS));
	elsewhere = peer;
	elsewhere.ip[3]++;
	assert_false(answer(f, &elsewhere, hello, BEGIN_MS));
	elsewhere = peer;
	elsewhere.family = NET_IPV6;
	assert_false(answer(f, &elsewhere, hello, BEGIN_MS));
}

static void test_R090_R093_cookie_binds_the_parameters(void **state)
{
	struct fixture *const f = *state;
	static const uint8_t other[32] = { 9 };
	struct dtls_hello changed[9];
	for (size_t i = 0; i < COUNT_OF(changed); i++)
		changed[i] = hello;
	changed[0].version = DTLS_VERSION_1_0;
	changed[1].random = other;
	changed[2].session_id = other;
	changed[3].session_id_len++;
	changed[4].session_id_len = 0;
	changed[5].suites = other;
	changed[6].suites_len += 2;
	changed[7].compressions = other;
	changed[8].compressions_len++;
	ask(f, BEGIN_MS);
	for (size_t i = 0; i < COUNT_OF(changed); i++)
		assert_false(answer(f, &peer, changed[i], BEGIN_MS));
	assert_true(answer(f, &peer, hello, BEGIN_MS));
}

/* RFC 6347 4.2.1 lists what stays the same in the second hello; extensions are not in the list. */
static void test_R093_extensions_may_differ(void **state)
{
	struct fixture *const f = *state;
	ask(f, BEGIN_MS);
	struct dtls_hello h = hello;
	h.extensions = extensions;
	h.extensions_len = sizeof(extensions);
	assert_true(answer(f, &peer, h, BEGIN_MS));
}

/* Where one part ends and the next begins is bound too. */
static void test_R090_octets_do_not_slide_between_parts(void **state)
{
	struct fixture *const f = *state;
	static const uint8_t octets[] = { 1, 2, 3, 4, 5, 6, 7 };
	struct dtls_hello h = hello;
	h.session_id = octets;
	h.session_id_len = 3;
	h.suites = octets + 3;
	h.suites_len = 4;
	assert_true(demand(f, &peer, &h, (struct dtls_question){ 0 }));
	assert_true(answer(f, &peer, h, BEGIN_MS));
	h.session_id_len = 5;
	h.suites = octets + 5;
	h.suites_len = 2;
	assert_false(answer(f, &peer, h, BEGIN_MS));
}

static void test_R092_wrong_cookies_are_as_none(void **state)
{
	struct fixture *const f = *state;
	ask(f, BEGIN_MS);
	for (size_t bit = 0; bit < (size_t)8 * DTLS_COOKIE_LEN; bit++) {
		f->verify[COOKIE_AT + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(answer(f, &peer, hello, BEGIN_MS));
		f->verify[COOKIE_AT + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	uint8_t longer[DTLS_COOKIE_LEN + 1] = { 0 };
	memcpy(longer, f->verify + COOKIE_AT, DTLS_COOKIE_LEN);
	for (size_t len = DTLS_COOKIE_LEN - 1; len <= sizeof(longer); len++) {
		struct dtls_hello h = hello;
		h.cookie = longer;
		h.cookie_len = len;
		const bool good = dtls_cookie_good(&f->cookies, &peer, &h, BEGIN_MS);
		assert_int_equal(good, len == DTLS_COOKIE_LEN);
	}
}

static void test_R091_cookie_lives_one_to_two_periods(void **state)
{
	struct fixture *const f = *state;
	ask(f, BEGIN_MS);
	assert_true(answer(f, &peer, hello, BEGIN_MS + PERIOD - 1));
	assert_true(answer(f, &peer, hello, BEGIN_MS + PERIOD)); /* under the secret before */
	assert_true(answer(f, &peer, hello, BEGIN_MS + 2 * PERIOD - 1));
	assert_false(answer(f, &peer, hello, BEGIN_MS + 2 * PERIOD));
}

static void test_R091_the_last_cookie_of_a_secret_lives_a_period(void **state)
{
	struct fixture *const f = *state;
	ask(f, BEGIN_MS + PERIOD - 1);
	assert_true(answer(f, &peer, hello, BEGIN_MS + 2 * PERIOD - 1));
	assert_false(answer(f, &peer, hello, BEGIN_MS + 2 * PERIOD));
}

static void test_R091_silence_does_not_lengthen_a_cookie_s_life(void **state)
{
	struct fixture *const f = *state;
	ask(f, BEGIN_MS);
	/* The first visit is late in the second period: the secrets' grid does not move. */
	assert_true(answer(f, &peer, hello, BEGIN_MS + 2 * PERIOD - 1));
	assert_false(answer(f, &peer, hello, BEGIN_MS + 2 * PERIOD));
	/* Nobody comes for two periods: both secrets are new. */
	ask(f, BEGIN_MS + 2 * PERIOD);
	assert_false(answer(f, &peer, hello, BEGIN_MS + 4 * PERIOD));
}

static void test_R091_both_secrets_go_after_long_silence(void **state)
{
	struct fixture *const f = *state;
	uint8_t before[2][DTLS_COOKIE_SECRET];
	memcpy(before, f->cookies.secret, sizeof(before));
	assert_false(
		dtls_cookie_good(&f->cookies, &peer, &hello, BEGIN_MS + UINT64_C(1000) * PERIOD));
	for (size_t i = 0; i < COUNT_OF(before); i++)
		for (size_t j = 0; j < COUNT_OF(before); j++)
			assert_memory_not_equal(
				f->cookies.secret[i], before[j], DTLS_COOKIE_SECRET);
	assert_memory_not_equal(f->cookies.secret[0], f->cookies.secret[1], DTLS_COOKIE_SECRET);
}

static void test_R091_a_hello_without_a_cookie_turns_the_clock_too(void **state)
{
	struct fixture *const f = *state;
	uint8_t before[DTLS_COOKIE_SECRET];
	memcpy(before, f->cookies.secret[0], sizeof(before));
	assert_false(dtls_cookie_good(&f->cookies, &peer, &hello, BEGIN_MS + PERIOD));
	assert_memory_not_equal(f->cookies.secret[0], before, sizeof(before));
	assert_memory_equal(f->cookies.secret[1], before, sizeof(before));
}

static void test_I9_no_secret_is_zero_from_the_start(void **state)
{
	struct fixture *const f = *state;
	const uint8_t zeros[DTLS_COOKIE_SECRET] = { 0 };
	for (size_t i = 0; i < COUNT_OF(f->cookies.secret); i++)
		assert_memory_not_equal(f->cookies.secret[i], zeros, sizeof(zeros));
}

static void test_I5_secrets_are_wiped(void **state)
{
	(void)state;
	uint8_t next = 1;
	struct dtls_cookies c;
	assert_true(dtls_cookies_init(&c, count_up, &next, 0));
	dtls_cookies_fini(&c);
	const uint8_t zeros[sizeof(c.secret)] = { 0 };
	assert_memory_equal(c.secret, zeros, sizeof(zeros));
}

/* two secrets and one context, whoever comes and however often. */
static void test_R319_nothing_is_kept_per_peer(void **state)
{
	struct fixture *const f = *state;
	const struct dtls_cookies before = f->cookies;
	struct net_addr from = peer;
	for (unsigned i = 0; i < 2000; i++) {
		from.port = (uint16_t)i;
		assert_false(dtls_cookie_good(&f->cookies, &from, &hello, BEGIN_MS + i));
		assert_true(demand(f, &from, &hello, (struct dtls_question){ .seq = i }));
	}
	assert_memory_equal(&f->cookies, &before, sizeof(before));
}

#define WITH_COOKIES(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_COOKIES(test_R089_bytes_of_the_hello_verify_request),
		WITH_COOKIES(
			test_R089_a_hello_that_is_not_the_first_is_answered_with_its_own_number),
		cmocka_unit_test(test_I9_answer_is_shorter_than_the_shortest_hello),
		WITH_COOKIES(test_R090_cookie_comes_back_good),
		WITH_COOKIES(test_R090_cookie_binds_the_address),
		WITH_COOKIES(test_R090_R093_cookie_binds_the_parameters),
		WITH_COOKIES(test_R093_extensions_may_differ),
		WITH_COOKIES(test_R090_octets_do_not_slide_between_parts),
		WITH_COOKIES(test_R092_wrong_cookies_are_as_none),
		WITH_COOKIES(test_R091_cookie_lives_one_to_two_periods),
		WITH_COOKIES(test_R091_the_last_cookie_of_a_secret_lives_a_period),
		WITH_COOKIES(test_R091_silence_does_not_lengthen_a_cookie_s_life),
		WITH_COOKIES(test_R091_both_secrets_go_after_long_silence),
		WITH_COOKIES(test_R091_a_hello_without_a_cookie_turns_the_clock_too),
		WITH_COOKIES(test_I9_no_secret_is_zero_from_the_start),
		cmocka_unit_test(test_I5_secrets_are_wiped),
		WITH_COOKIES(test_R319_nothing_is_kept_per_peer),
	};
	return cmocka_run_group_tests_name("dtls/cookie", tests, NULL, NULL);
}
