/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/udp.h"

enum { SOCK_A = 3, SOCK_B = 4, WAIT_MS = 2000 };

struct pair {
	struct udp_rx rx;
	struct udp_tx tx;
	int a, b;
	struct net_addr addr_a, addr_b;
};

static struct net_addr loopback(uint8_t family)
{
	if (family == NET_IPV6)
		return (struct net_addr){ .ip = { [15] = 1 }, .family = NET_IPV6 };
	return (struct net_addr){ .ip = { 127, 0, 0, 1 }, .family = NET_IPV4 };
}

static struct pair *pair_new(uint8_t family)
{
	struct pair *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	udp_rx_init(&p->rx);
	udp_tx_init(&p->tx);
	const struct udp_options o = {
		.bind = { .family = family }, .errors = true, .free_bind = true
	};
	p->a = udp_open(&o);
	p->b = udp_open(&o);
	assert_true(p->a >= 0 && p->b >= 0);
	assert_true(udp_local(p->a, &p->addr_a) && udp_local(p->b, &p->addr_b));
	memcpy(p->addr_a.ip, loopback(family).ip, sizeof(p->addr_a.ip));
	memcpy(p->addr_b.ip, loopback(family).ip, sizeof(p->addr_b.ip));
	return p;
}

static void pair_free(struct pair *p)
{
	(void)close(p->a);
	(void)close(p->b);
	free(p);
}

static void await(int fd, short events)
{
	struct pollfd f = { .fd = fd, .events = events };
	assert_int_equal(poll(&f, 1, WAIT_MS), 1);
}

static void put(struct udp_tx *tx, int fd, const struct net_path *path, const char *text)
{
	uint8_t *room = udp_tx_room(tx, fd, path, strlen(text));
	assert_non_null(room);
	for (size_t i = 0; text[i] != '\0'; i++)
		room[i] = (uint8_t)text[i];
	udp_tx_done(tx, strlen(text));
}

static void round_trip(uint8_t family)
{
	struct pair *p = pair_new(family);
	const struct net_path to_b = { .peer = p->addr_b };
	put(&p->tx, p->a, &to_b, "there");
	udp_tx_flush(&p->tx);
	await(p->b, POLLIN);
	struct udp_got got = udp_receive(&p->rx, p->b, SOCK_B, true);
	assert_int_equal(got.len, 1);
	assert_false(got.more);
	const struct net_path back = p->rx.got[0].path;
	assert_true(net_addr_same(&back.peer, &p->addr_a));
	assert_memory_equal(back.local_ip, p->addr_b.ip, sizeof(back.local_ip));
	assert_int_equal(back.sock, SOCK_B);
	assert_int_equal(p->rx.got[0].len, 5);
	assert_memory_equal(p->rx.got[0].data, "there", 5);

	put(&p->tx, p->b, &back, "back");
	udp_tx_flush(&p->tx);
	await(p->a, POLLIN);
	got = udp_receive(&p->rx, p->a, SOCK_A, false);
	assert_int_equal(got.len, 1);
	static const uint8_t unknown[16];
	assert_memory_equal(p->rx.got[0].path.local_ip, unknown, sizeof(unknown));
	assert_true(udp_receive(&p->rx, p->a, SOCK_A, false).idle);
	assert_int_equal(p->tx.sent, 2);
	assert_int_equal(p->tx.dropped, 0);
	pair_free(p);
}

static void test_ipv4_there_and_back(void **state)
{
	(void)state;
	round_trip(NET_IPV4);
}

static void test_ipv6_there_and_back(void **state)
{
	(void)state;
	round_trip(NET_IPV6);
}

/* the server tells devices apart by the source address that we choose for each. */
static void test_R290_a_datagram_leaves_from_the_address_of_its_path(void **state)
{
	(void)state;
	struct pair *p = pair_new(NET_IPV4);
	for (uint8_t i = 1; i <= 5; i++) {
		const struct net_path path = { .peer = p->addr_b, .local_ip = { 127, 0, 9, i } };
		put(&p->tx, p->a, &path, "x");
	}
	udp_tx_flush(&p->tx);
	await(p->b, POLLIN);
	const struct udp_got got = udp_receive(&p->rx, p->b, SOCK_B, true);
	assert_int_equal(got.len, 5);
	for (uint8_t i = 1; i <= 5; i++) {
		const uint8_t want[4] = { 127, 0, 9, i };
		assert_memory_equal(p->rx.got[i - 1].path.peer.ip, want, sizeof(want));
		assert_int_equal(p->rx.got[i - 1].path.peer.port, p->addr_a.port);
	}
	pair_free(p);
}

static void test_a_full_batch_flushes_itself_and_keeps_the_order(void **state)
{
	(void)state;
	struct pair *p = pair_new(NET_IPV4);
	const struct net_path path = { .peer = p->addr_b };
	for (int i = 0; i < UDP_BATCH + 6; i++) {
		uint8_t *room = udp_tx_room(&p->tx, i % 2 ? p->a : p->b, &path, 1);
		assert_non_null(room);
		*room = (uint8_t)i;
		udp_tx_done(&p->tx, 1);
	}
	assert_int_equal(p->tx.sent, UDP_BATCH);
	udp_tx_flush(&p->tx);
	assert_int_equal(p->tx.sent, UDP_BATCH + 6);
	int last[2] = { -1, -1 };
	size_t seen = 0;
	bool full = false;
	while (seen < UDP_BATCH + 6) {
		await(p->b, POLLIN);
		const struct udp_got got = udp_receive(&p->rx, p->b, SOCK_B, true);
		full = full || got.more;
		for (size_t i = 0; i < got.len; i++, seen++) {
			const int value = p->rx.got[i].data[0];
			assert_true(value > last[value % 2]);
			last[value % 2] = value;
			const uint16_t from = value % 2 ? p->addr_a.port : p->addr_b.port;
			assert_int_equal(p->rx.got[i].path.peer.port, from);
		}
	}
	assert_true(full);
	pair_free(p);
}

static void test_a_datagram_that_is_too_long_is_dropped_and_counted(void **state)
{
	(void)state;
	struct pair *p = pair_new(NET_IPV4);
	static const uint8_t big[UDP_DATAGRAM_MAX + 1];
	union udp_name to = { .v4 = { .sin_family = AF_INET, .sin_port = htons(p->addr_b.port) } };
	to.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(sendto(p->a, big, sizeof(big), 0, &to.any, sizeof(to.v4)), sizeof(big));
	assert_int_equal(
		sendto(p->a, big, UDP_DATAGRAM_MAX, 0, &to.any, sizeof(to.v4)), UDP_DATAGRAM_MAX);
	assert_int_equal(sendto(p->a, big, 0, 0, &to.any, sizeof(to.v4)), 0);
	await(p->b, POLLIN);
	const struct udp_got got = udp_receive(&p->rx, p->b, SOCK_B, true);
	assert_int_equal(got.len, 1);
	assert_int_equal(p->rx.got[0].len, UDP_DATAGRAM_MAX);
	assert_int_equal(p->rx.unusable, 2);
	assert_null(udp_tx_room(&p->tx, p->a, &p->rx.got[0].path, UDP_DATAGRAM_MAX + 1));
	pair_free(p);
}

/* A port where nobody listens; the ICMP error must name our address and must not spin the
   loop. */
static void unreachable(uint8_t family, const uint8_t source[16], bool local)
{
	struct pair *p = pair_new(family);
	struct net_path path = { .peer = p->addr_b };
	memcpy(path.local_ip, source, sizeof(path.local_ip));
	(void)close(p->b);
	p->b = -1;
	put(&p->tx, p->a, &path, "anybody?");
	udp_tx_flush(&p->tx);
	await(p->a, 0); /* POLLERR */
	assert_true(udp_receive(&p->rx, p->a, SOCK_A, local).idle);
	struct net_path told = { .sock = SOCK_A };
	bool lost = false;
	assert_true(udp_next_error(p->a, local, &told, &lost));
	assert_true(lost);
	path.sock = SOCK_A;
	if (!local)
		memset(path.local_ip, 0, sizeof(path.local_ip));
	assert_true(net_path_same(&told, &path));
	assert_false(udp_next_error(p->a, local, &told, &lost));
	struct pollfd quiet = { .fd = p->a, .events = POLLIN };
	assert_int_equal(poll(&quiet, 1, 0), 0);
	pair_free(p);
}

static void test_an_icmp_error_names_the_path_and_is_read(void **state)
{
	(void)state;
	const uint8_t v4[16] = { 127, 0, 9, 7 };
	unreachable(NET_IPV4, v4, true);
	unreachable(NET_IPV4, v4, false);
	unreachable(NET_IPV6, loopback(NET_IPV6).ip, true);
	unreachable(NET_IPV6, loopback(NET_IPV6).ip, false);
}

/* The error of an earlier datagram must not cost a later one. */
static void test_an_old_error_does_not_swallow_a_new_datagram(void **state)
{
	(void)state;
	struct pair *p = pair_new(NET_IPV4);
	const struct net_path nobody = {
		.peer = { .ip = { 127, 0, 0, 1 }, .port = 9, .family = NET_IPV4 }
	};
	const struct net_path to_b = { .peer = p->addr_b };
	put(&p->tx, p->a, &nobody, "lost");
	udp_tx_flush(&p->tx);
	await(p->a, 0);
	put(&p->tx, p->a, &to_b, "found");
	udp_tx_flush(&p->tx);
	await(p->b, POLLIN);
	assert_int_equal(udp_receive(&p->rx, p->b, SOCK_B, true).len, 1);
	assert_int_equal(p->tx.dropped, 0);
	pair_free(p);
}

static void test_a_datagram_that_cannot_leave_is_listed_and_the_rest_goes(void **state)
{
	(void)state;
	struct pair *p = pair_new(NET_IPV4);
	const struct net_path foreign = { .peer = p->addr_b, .local_ip = { 192, 0, 2, 1 } };
	const struct net_path to_b = { .peer = p->addr_b };
	put(&p->tx, p->a, &foreign, "not from here");
	put(&p->tx, p->a, &to_b, "found");
	udp_tx_flush(&p->tx);
	await(p->b, POLLIN);
	assert_int_equal(udp_receive(&p->rx, p->b, SOCK_B, true).len, 1);
	assert_int_equal(p->tx.dropped, 1);
	assert_int_equal(p->tx.failed_len, 1);
	assert_true(net_path_same(&p->tx.failed[0].path, &foreign));
	pair_free(p);
}

static void test_RFC7252_46_datagrams_may_not_be_fragmented(void **state)
{
	(void)state;
	struct pair *p = pair_new(NET_IPV4);
	int value = 0;
	socklen_t len = sizeof(value);
	assert_int_equal(getsockopt(p->a, IPPROTO_IP, IP_MTU_DISCOVER, &value, &len), 0);
	assert_int_equal(value, IP_PMTUDISC_PROBE);
	pair_free(p);
	p = pair_new(NET_IPV6);
	assert_int_equal(getsockopt(p->a, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &value, &len), 0);
	assert_int_equal(value, IPV6_PMTUDISC_PROBE);
	pair_free(p);
}

static void test_a_taken_port_is_an_error(void **state)
{
	(void)state;
	struct pair *p = pair_new(NET_IPV4);
	const struct udp_options o = { .bind = p->addr_a };
	assert_int_equal(udp_open(&o), -EADDRINUSE);
	pair_free(p);
}

static void test_the_kernels_choice_of_source_is_told(void **state)
{
	(void)state;
	struct net_addr peer = loopback(NET_IPV4);
	peer.port = 5684;
	struct net_addr source;
	assert_true(udp_source_towards(&peer, &source));
	const struct net_addr want = loopback(NET_IPV4);
	assert_true(net_addr_same(&source, &want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_there_and_back),
		cmocka_unit_test(test_ipv6_there_and_back),
		cmocka_unit_test(test_R290_a_datagram_leaves_from_the_address_of_its_path),
		cmocka_unit_test(test_a_full_batch_flushes_itself_and_keeps_the_order),
		cmocka_unit_test(test_a_datagram_that_is_too_long_is_dropped_and_counted),
		cmocka_unit_test(test_an_icmp_error_names_the_path_and_is_read),
		cmocka_unit_test(test_an_old_error_does_not_swallow_a_new_datagram),
		cmocka_unit_test(test_a_datagram_that_cannot_leave_is_listed_and_the_rest_goes),
		cmocka_unit_test(test_RFC7252_46_datagrams_may_not_be_fragmented),
		cmocka_unit_test(test_a_taken_port_is_an_error),
		cmocka_unit_test(test_the_kernels_choice_of_source_is_told),
	};
	return cmocka_run_group_tests_name("io/udp", tests, NULL, NULL);
}
