/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/pcap.h"

enum { RECORD = 16 };

static uint32_t ones_sum(const uint8_t *bytes, size_t len, uint32_t acc)
{
	for (size_t i = 0; i < len; i++)
		acc += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return acc;
}

static void test_an_ipv4_datagram_has_true_addresses_and_right_checksums(void **state)
{
	const struct net_addr from = { .ip = { 127, 16, 0, 1 }, .port = 40000, .family = NET_IPV4 };
	const struct net_addr to = { .ip = { 127, 0, 0, 1 }, .port = 5684, .family = NET_IPV4 };
	const uint8_t data[3] = { 'a', 'b', 'c' };
	uint8_t out[PCAP_HEADERS_MAX], whole[64];
	(void)state;
	const size_t len = pcap_headers(out, &from, &to, data, sizeof(data), 5000000000001ULL);
	assert_int_equal(len, RECORD + 20 + 8);
	const uint8_t record[RECORD] = { 0x40, 0x4b, 0x4c, 0, 1, 0, 0, 0, 31, 0, 0, 0, 31, 0, 0,
		0 };
	assert_memory_equal(out, record, RECORD);
	const uint8_t *ip = out + RECORD;
	assert_int_equal(ones_sum(ip, 20, 0), 0xffff);
	assert_memory_equal(ip + 12, from.ip, 4);
	assert_memory_equal(ip + 16, to.ip, 4);
	assert_int_equal(ip[20] << 8 | ip[21], 40000);
	assert_int_equal(ip[22] << 8 | ip[23], 5684);
	/* RFC 768: addresses, protocol, length, header and data add up to all ones. */
	memcpy(whole, ip + 12, 8 + 8);
	memcpy(whole + 16, data, sizeof(data));
	assert_int_equal(ones_sum(whole, 16 + sizeof(data), 17 + 8 + sizeof(data)), 0xffff);
}

static void test_an_ipv6_datagram_has_right_checksums(void **state)
{
	const struct net_addr from = { .ip = { [15] = 1 }, .port = 1, .family = NET_IPV6 };
	const struct net_addr to = { .ip = { 0x20, 1, [15] = 2 }, .port = 2, .family = NET_IPV6 };
	const uint8_t data[4] = { 1, 2, 3, 4 };
	uint8_t out[PCAP_HEADERS_MAX], whole[64];
	(void)state;
	const size_t len = pcap_headers(out, &from, &to, data, sizeof(data), 0);
	assert_int_equal(len, RECORD + 40 + 8);
	const uint8_t *ip = out + RECORD;
	assert_int_equal(ip[0] >> 4, 6);
	assert_int_equal(ip[4] << 8 | ip[5], 12);
	memcpy(whole, ip + 8, 32 + 8);
	memcpy(whole + 40, data, sizeof(data));
	assert_int_equal(ones_sum(whole, 40 + sizeof(data), 17 + 8 + sizeof(data)), 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_ipv4_datagram_has_true_addresses_and_right_checksums),
		cmocka_unit_test(test_an_ipv6_datagram_has_right_checksums),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
