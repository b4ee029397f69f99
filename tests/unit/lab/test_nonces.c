/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/nonces.h"

enum { CCS = 20, HANDSHAKE = 22, DATA = 23, MANY = 200000 };

static const struct net_addr one = { .ip = { 127, 0, 0, 1 }, .port = 5684, .family = NET_IPV4 };
static const struct net_addr two = { .ip = { 127, 16, 0, 1 }, .port = 40000, .family = NET_IPV4 };
static const struct net_addr other = { .ip = { 127, 16, 0, 2 }, .port = 40000, .family = NET_IPV4 };

struct part { /* a record's body */
	uint8_t type, epoch, len;
	const uint8_t *body;
};

static void take(struct nonces *n, const struct net_addr *from, const struct net_addr *to,
	const struct part *p)
{
	uint8_t record[256] = { p->type, 0xfe, 0xfd, 0, p->epoch };
	record[12] = p->len;
	memcpy(record + 13, p->body, p->len);
	assert_true(nonces_take(n, from, to, record, (size_t)13 + p->len));
}

static void sealed(struct nonces *n, const struct net_addr *from, const struct net_addr *to,
	uint32_t seq, uint8_t fill)
{
	uint8_t body[8 + 20];
	memset(body, fill, sizeof(body));
	const uint8_t nonce[8] = { 0, 1, 0, 0, (uint8_t)(seq >> 24), (uint8_t)(seq >> 16),
		(uint8_t)(seq >> 8), (uint8_t)seq };
	memcpy(body, nonce, sizeof(nonce));
	take(n, from, to, &(struct part){ DATA, 1, sizeof(body), body });
}

/* A hello whose random is all `random`, and the ChangeCipherSpec after it. */
static void handshake(struct nonces *n, uint8_t random)
{
	uint8_t hello[60] = { 1 };
	const uint8_t ccs = 1;
	memset(hello + 14, random, 32);
	take(n, &one, &two, &(struct part){ HANDSHAKE, 0, sizeof(hello), hello });
	take(n, &one, &two, &(struct part){ CCS, 0, 1, &ccs });
}

static void test_I1_a_nonce_that_comes_twice_under_one_key_is_told(void **state)
{
	struct nonces *n = nonces_new();
	size_t len;
	(void)state;
	handshake(n, 7);
	sealed(n, &one, &two, 3, 'a');
	sealed(n, &one, &two, 4, 'b');
	assert_int_equal(nonces_counts(n).repeated, 0);
	sealed(n, &one, &two, 3, 'c');
	assert_int_equal(nonces_counts(n).repeated, 1);
	assert_int_equal(nonces_counts(n).same, 0);
	const struct nonces_twice *t = nonces_twice(n, &len);
	assert_int_equal(len, 1);
	assert_int_equal(t->nonce, 0x0001000000000003);
	assert_true(net_addr_same(&t->to, &two));
	nonces_free(n);
}

static void test_I1_the_same_octets_again_are_counted_apart(void **state)
{
	struct nonces *n = nonces_new();
	(void)state;
	sealed(n, &one, &two, 3, 'a');
	sealed(n, &one, &two, 3, 'a');
	assert_int_equal(nonces_counts(n).repeated, 0);
	assert_int_equal(nonces_counts(n).same, 1);
	nonces_free(n);
}

static void test_I1_each_direction_and_each_peer_has_a_key_of_its_own(void **state)
{
	struct nonces *n = nonces_new();
	(void)state;
	sealed(n, &one, &two, 3, 'a');
	sealed(n, &two, &one, 3, 'b');
	sealed(n, &one, &other, 3, 'c');
	assert_int_equal(nonces_counts(n).repeated + nonces_counts(n).same, 0);
	assert_int_equal(nonces_counts(n).keys, 3);
	nonces_free(n);
}

static void test_I1_a_new_handshake_is_a_new_key_and_a_repeated_flight_is_none(void **state)
{
	struct nonces *n = nonces_new();
	(void)state;
	handshake(n, 7);
	sealed(n, &one, &two, 0, 'a');
	handshake(n, 8);
	sealed(n, &one, &two, 0, 'b');
	assert_int_equal(nonces_counts(n).repeated, 0);
	handshake(n, 8);
	sealed(n, &one, &two, 0, 'c');
	assert_int_equal(nonces_counts(n).repeated, 1);
	assert_int_equal(nonces_counts(n).keys, 2);
	nonces_free(n);
}

static void test_I1_nothing_is_forgotten(void **state)
{
	struct nonces *n = nonces_new();
	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		sealed(n, &one, &two, i, 'a');
	assert_int_equal(nonces_counts(n).repeated, 0);
	for (uint32_t i = 0; i < MANY; i++)
		sealed(n, &one, &two, i, 'b');
	assert_int_equal(nonces_counts(n).repeated, MANY);
	nonces_free(n);
}

static void test_what_is_no_record_is_counted(void **state)
{
	struct nonces *n = nonces_new();
	const uint8_t junk[20] = { 'x' };
	(void)state;
	assert_true(nonces_take(n, &one, &two, junk, sizeof(junk)));
	assert_int_equal(nonces_counts(n).malformed, 1);
	take(n, &one, &two, &(struct part){ DATA, 0, sizeof(junk), junk });
	assert_int_equal(nonces_counts(n).plain, 1);
	nonces_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I1_a_nonce_that_comes_twice_under_one_key_is_told),
		cmocka_unit_test(test_I1_the_same_octets_again_are_counted_apart),
		cmocka_unit_test(test_I1_each_direction_and_each_peer_has_a_key_of_its_own),
		cmocka_unit_test(
			test_I1_a_new_handshake_is_a_new_key_and_a_repeated_flight_is_none),
		cmocka_unit_test(test_I1_nothing_is_forgotten),
		cmocka_unit_test(test_what_is_no_record_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
