/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/net.h"

static const struct net_addr v4 = { .ip = { 192, 0, 2, 1 }, .port = 5684, .family = NET_IPV4 };
static const struct net_addr v6 = {
	.ip = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
	.port = 65535,
	.family = NET_IPV6,
};

static void test_R090_every_part_of_an_address_counts(void **state)
{
	(void)state;
	struct net_addr a = v4;
	assert_true(net_addr_same(&a, &v4));
	a.port ^= 1;
	assert_false(net_addr_same(&a, &v4));
	a = v4;
	a.family = NET_IPV6;
	assert_false(net_addr_same(&a, &v4));
	for (size_t i = 0; i < sizeof(a.ip); i++) {
		a = v4;
		a.ip[i] ^= 0x80;
		assert_false(net_addr_same(&a, &v4));
	}
}

static void test_I3_every_part_of_a_path_counts(void **state)
{
	(void)state;
	const struct net_path path = { .peer = v6, .local_ip = { 1 }, .sock = 3 };
	struct net_path p = path;
	assert_true(net_path_same(&p, &path));
	p.sock = 4;
	assert_false(net_path_same(&p, &path));
	p = path;
	p.local_ip[15] = 1;
	assert_false(net_path_same(&p, &path));
	p = path;
	p.peer = v4;
	assert_false(net_path_same(&p, &path));
}

static void test_R301_a_number_is_what_was_written(void **state)
{
	(void)state;
	static const char *const good[] = { "", "4", "447700900111", "123456789012345",
		"0123456789*#abc01234" };
	struct net_addr a = { .family = NET_SMS };
	char digits[NET_DIGITS_MAX + 1], text[NET_TEXT_MAX], wanted[NET_TEXT_MAX];
	uint8_t type;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const size_t len = strlen(good[i]);
		assert_true(net_number_write(0x91, good[i], len, a.ip));
		assert_int_equal(net_number_read(a.ip, &type, digits), len);
		assert_string_equal(digits, good[i]);
		assert_int_equal(type, len > 0 ? 0x91 : 0);
		(void)snprintf(wanted, sizeof(wanted), len > 0 ? "sms:%s" : "sms", good[i]);
		assert_string_equal(net_addr_text(&a, text), wanted);
	}
	/* Another type, or one digit more, is another address. */
	struct net_addr b = a;
	assert_true(net_number_write(0x81, good[2], 12, a.ip));
	assert_true(net_number_write(0x91, good[2], 12, b.ip));
	assert_false(net_addr_same(&a, &b));
	assert_true(net_number_write(0x91, "4477009001110", 13, a.ip));
	assert_false(net_addr_same(&a, &b));
}

static void test_I7_what_is_no_number_is_none(void **state)
{
	(void)state;
	static const uint8_t none[16];
	uint8_t out[16];
	char digits[NET_DIGITS_MAX + 1];
	uint8_t type;
	memset(out, 0xff, sizeof(out));
	assert_int_equal(net_number_read(out, &type, digits), 0); /* 255 digits */
	assert_false(net_number_write(0x91, "012345678901234567890", 21, out));
	assert_memory_equal(out, none, sizeof(out));
	assert_false(net_number_write(0x91, "44+77", 5, out));
	assert_false(net_number_write(0x91, "44\0007", 4, out));
	assert_memory_equal(out, none, sizeof(out));
	memset(out, 0xff, sizeof(out));
	out[1] = 20;
	assert_int_equal(net_number_read(out, &type, digits), 20); /* signs that are none */
	assert_string_equal(digits, "????????????????????");
}

/* Hashed and MACed as they are: no byte of the structs is outside of a member. */
static void test_R090_structs_have_no_padding(void **state)
{
	(void)state;
	struct net_path a;
	struct net_path b;
	memset(&a, 0xff, sizeof(a));
	memset(&b, 0x00, sizeof(b));
	struct net_path *const both[] = { &a, &b };
	for (size_t i = 0; i < 2; i++) {
		struct net_path *const p = both[i];
		memcpy(p->peer.ip, v6.ip, sizeof(p->peer.ip));
		p->peer.port = v6.port;
		p->peer.family = v6.family;
		p->peer.zero = 0;
		memset(p->local_ip, 7, sizeof(p->local_ip));
		p->sock = 9;
	}
	assert_memory_equal(&a, &b, sizeof(a));
}

static void test_I8_addresses_as_people_write_them(void **state)
{
	(void)state;
	char text[NET_TEXT_MAX];
	assert_ptr_equal(net_addr_text(&v4, text), text);
	assert_string_equal(text, "192.0.2.1:5684");
	assert_string_equal(net_addr_text(&v6, text), "[2001:db8::1]:65535");
	const struct net_addr none = { .family = 0 };
	assert_string_equal(net_addr_text(&none, text), "?:0");
}

static void test_I7_longest_address_fits(void **state)
{
	(void)state;
	struct net_addr a = { .port = 65535, .family = NET_IPV6 };
	memset(a.ip, 0xfe, sizeof(a.ip));
	char text[NET_TEXT_MAX];
	assert_string_equal(
		net_addr_text(&a, text), "[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:65535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R301_a_number_is_what_was_written),
		cmocka_unit_test(test_I7_what_is_no_number_is_none),
		cmocka_unit_test(test_R090_every_part_of_an_address_counts),
		cmocka_unit_test(test_I3_every_part_of_a_path_counts),
		cmocka_unit_test(test_R090_structs_have_no_padding),
		cmocka_unit_test(test_I8_addresses_as_people_write_them),
		cmocka_unit_test(test_I7_longest_address_fits),
	};
	return cmocka_run_group_tests_name("base/net", tests, NULL, NULL);
}
