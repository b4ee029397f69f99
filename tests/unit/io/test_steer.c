/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "io/steer.h"
#include "io/udp.h"

enum { OWNERS = 3, PORTS = 1000, WAIT_MS = 2000 };

static const struct steer steer = { .seed = 0x5eed1234, .owners = OWNERS };

static struct net_addr loopback(uint8_t family)
{
	if (family == NET_IPV6)
		return (struct net_addr){ .ip = { [15] = 1 }, .family = NET_IPV6 };
	return (struct net_addr){ .ip = { 127, 0, 0, 1 }, .family = NET_IPV4 };
}

/* Which of the group's sockets has the one datagram that was sent. */
static uint32_t receiver(struct udp_rx *rx, const int group[OWNERS])
{
	struct pollfd fds[OWNERS];
	for (size_t i = 0; i < OWNERS; i++)
		fds[i] = (struct pollfd){ .fd = group[i], .events = POLLIN };
	assert_int_equal(poll(fds, OWNERS, WAIT_MS), 1);
	for (uint32_t i = 0; i < OWNERS; i++) {
		if (fds[i].revents == 0)
			continue;
		assert_int_equal(udp_receive(rx, group[i], i, true).len, 1);
		return i;
	}
	return OWNERS;
}

static void open_group(struct net_addr *at, int group[OWNERS])
{
	for (size_t i = 0; i < OWNERS; i++) {
		const struct udp_options o = { .bind = *at, .reuse_port = true };
		group[i] = udp_open(&o);
		assert_true(group[i] >= 0);
		assert_true(udp_local(group[i], at));
	}
	assert_true(steer_attach(&steer, group[0], at->family));
}

/* A socket on a port of its own: at the loopback address or, wide, at every address. Somebody may
   have the port at another address: then it is another port. */
static int open_one(uint8_t family, bool wide, struct net_addr *self)
{
	enum { TRIES = 100 };
	for (size_t i = 0; i < TRIES; i++) {
		const struct udp_options o = { .bind = loopback(family) };
		const int fd = udp_open(&o);
		assert_true(fd >= 0 && udp_local(fd, self));
		if (!wide)
			return fd;
		(void)close(fd);
		const struct udp_options any = { .bind = { .family = family, .port = self->port } };
		const int at_all = udp_open(&any);
		if (at_all >= 0)
			return at_all;
		assert_int_equal(at_all, -EADDRINUSE);
	}
	fail_msg("no port is free at every address");
	return -1;
}

static void agree(uint8_t family)
{
	struct udp_rx *rx = calloc(1, sizeof(*rx));
	struct udp_tx *tx = calloc(1, sizeof(*tx));
	assert_non_null(rx);
	assert_non_null(tx);
	udp_rx_init(rx);
	udp_tx_init(tx);
	struct net_path to = { .peer = loopback(family) };
	int group[OWNERS];
	open_group(&to.peer, group);
	uint32_t share[OWNERS] = { 0 };
	for (size_t n = 0; n < PORTS; n++) {
		struct net_addr self;
		const int fd = open_one(family, family == NET_IPV4, &self);
		if (family == NET_IPV4) { /* other addresses too */
			to.local_ip[0] = 127;
			to.local_ip[1] = self.ip[1] = (uint8_t)(n & 0xff);
			to.local_ip[2] = self.ip[2] = (uint8_t)(n >> 3);
			to.local_ip[3] = self.ip[3] = 1;
		}
		uint8_t *room = udp_tx_room(tx, fd, &to, 1);
		assert_non_null(room);
		*room = 'x';
		udp_tx_done(tx, 1);
		udp_tx_flush(tx);
		const uint32_t got = receiver(rx, group);
		assert_true(net_addr_same(&rx->got[0].path.peer, &self));
		assert_int_equal(got, steer_owner(&steer, &self));
		share[got]++;
		(void)close(fd);
	}
	for (size_t i = 0; i < OWNERS; i++) {
		assert_in_range(share[i], PORTS / OWNERS * 7 / 10, PORTS / OWNERS * 13 / 10);
		(void)close(group[i]);
	}
	free(tx);
	free(rx);
}

static void test_kernel_and_user_space_agree_on_ipv4(void **state)
{
	(void)state;
	agree(NET_IPV4);
}

static void test_kernel_and_user_space_agree_on_ipv6(void **state)
{
	(void)state;
	agree(NET_IPV6);
}

static void test_owners_share_addresses_evenly(void **state)
{
	(void)state;
	const uint32_t counts[] = { 1, 2, 4, 7, 64 };
	for (size_t c = 0; c < COUNT_OF(counts); c++) {
		const struct steer s = { .seed = 99, .owners = counts[c] };
		uint32_t share[64] = { 0 };
		for (uint32_t i = 0; i < 64000;
			i++) { /* a carrier's NAT: few addresses, ports in a row */
			struct net_addr a = { .ip = { 100, 64, 1, (uint8_t)(i & 3) },
				.family = NET_IPV4 };
			a.port = (uint16_t)(1024 + i / 4);
			const uint32_t owner = steer_owner(&s, &a);
			assert_true(owner < s.owners);
			share[owner]++;
		}
		for (uint32_t i = 0; i < s.owners; i++)
			assert_in_range(
				share[i], 64000 / s.owners * 8 / 10, 64000 / s.owners * 12 / 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_and_user_space_agree_on_ipv4),
		cmocka_unit_test(test_kernel_and_user_space_agree_on_ipv6),
		cmocka_unit_test(test_owners_share_addresses_evenly),
	};
	return cmocka_run_group_tests_name("io/steer", tests, NULL, NULL);
}
