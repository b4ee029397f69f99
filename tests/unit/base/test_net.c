/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
		cmocka_unit_test(test_R090_every_part_of_an_address_counts),
		cmocka_unit_test(test_I3_every_part_of_a_path_counts),
		cmocka_unit_test(test_R090_structs_have_no_padding),
		cmocka_unit_test(test_I8_addresses_as_people_write_them),
		cmocka_unit_test(test_I7_longest_address_fits),
	};
	return cmocka_run_group_tests_name("base/net", tests, NULL, NULL);
}
