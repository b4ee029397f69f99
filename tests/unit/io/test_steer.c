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
#include "base/cid.h"
#include "io/steer.h"
#include "io/udp.h"

enum { OWNERS = 3, PORTS = 1000, WAIT_MS = 2000 };

enum { NODE = 7, RECORD_MAX = 64, CID_AT = CID_IN_RECORD, HEADER = 13 };

static const struct steer steer = { .seed = 0x5eed1234, .owners = OWNERS, .node = NODE };

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

/* A group of sockets, and somebody who sends to it from ever new addresses. */
struct world {
	struct udp_rx *rx;
	struct udp_tx *tx;
	uint8_t family;
	struct net_path to;
	int group[OWNERS];
	uint32_t sent;
	struct net_addr self; /* where the last came from */
	uint32_t share[OWNERS];
};

static void begin(struct world *w, uint8_t family)
{
	*w = (struct world){ .rx = calloc(1, sizeof(*w->rx)),
		.tx = calloc(1, sizeof(*w->tx)),
		.family = family,
		.to = { .peer = loopback(family) } };
	assert_non_null(w->rx);
	assert_non_null(w->tx);
	udp_rx_init(w->rx);
	udp_tx_init(w->tx);
	open_group(&w->to.peer, w->group);
}

static void end(struct world *w)
{
	for (size_t i = 0; i < OWNERS; i++)
		(void)close(w->group[i]);
	free(w->tx);
	free(w->rx);
}

/* Sends it from a new address; returns who has received it, as user space thinks, too. */
static uint32_t send_one(struct world *w, const uint8_t *data, size_t len)
{
	const uint32_t n = w->sent++;
	const int fd = open_one(w->family, w->family == NET_IPV4, &w->self);
	if (w->family == NET_IPV4) { /* other addresses too */
		w->to.local_ip[0] = 127;
		w->to.local_ip[1] = w->self.ip[1] = (uint8_t)(n & 0xff);
		w->to.local_ip[2] = w->self.ip[2] = (uint8_t)(n >> 3);
		w->to.local_ip[3] = w->self.ip[3] = 1;
	}
	uint8_t *room = udp_tx_room(w->tx, fd, &w->to, len);
	assert_non_null(room);
	memcpy(room, data, len);
	udp_tx_done(w->tx, len);
	udp_tx_flush(w->tx);
	const uint32_t got = receiver(w->rx, w->group);
	const struct udp_datagram *const d = &w->rx->got[0];
	assert_true(net_addr_same(&d->path.peer, &w->self));
	assert_int_equal(d->len, len);
	assert_int_equal(got, steer_owner_of(&steer, &d->path.peer, d->data, d->len));
	w->share[got]++;
	(void)close(fd);
	return got;
}

static void agree(uint8_t family)
{
	struct world w;
	begin(&w, family);
	for (size_t n = 0; n < PORTS; n++) {
		const uint32_t got = send_one(&w, (const uint8_t *)"x", 1);
		assert_int_equal(got, steer_owner(&steer, &w.self));
	}
	for (size_t i = 0; i < OWNERS; i++)
		assert_in_range(w.share[i], PORTS / OWNERS * 7 / 10, PORTS / OWNERS * 13 / 10);
	end(&w);
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

/* --- by connection id ------------------------------------------------------------------------ */

/* A record with a CID of `random` octets that depend on n. Returns its length. */
static size_t record(
	uint8_t out[RECORD_MAX], uint8_t node, uint8_t worker, size_t random, uint32_t n)
{
	const size_t cid_len = CID_ROUTE + random;
	memset(out, 0, RECORD_MAX);
	out[0] = CID_TYPE;
	out[1] = 0xfe;
	out[2] = 0xfd;
	out[4] = 1; /* epoch */
	out[10] = (uint8_t)n;
	out[CID_AT] = (uint8_t)(CID_VERSION | cid_len);
	out[CID_AT + CID_NODE] = node;
	out[CID_AT + CID_WORKER] = worker;
	for (size_t i = 0; i < random; i++) {
		n = n * 1664525 + 1013904223;
		out[CID_AT + CID_ROUTE + i] = (uint8_t)(n >> 24);
	}
	out[HEADER + cid_len - 1] = 20;
	return HEADER + cid_len + 20;
}

static void go_to_their_worker(uint8_t family)
{
	struct world w;
	uint8_t data[RECORD_MAX];
	begin(&w, family);
	for (uint32_t n = 0; n < 300; n++) {
		const uint8_t worker = (uint8_t)(n % OWNERS);
		const size_t random = CID_RANDOM_MIN + n % (CID_RANDOM_MAX - CID_RANDOM_MIN + 1);
		const size_t len = record(data, NODE, worker, random, n);
		assert_int_equal(send_one(&w, data, len), worker);
		assert_int_equal(
			steer_owner_of_cid(&steer, data + CID_AT, CID_ROUTE + random), worker);
	}
	end(&w);
}

static void test_S25_kernel_and_user_space_steer_by_the_worker_in_a_cid_on_ipv4(void **state)
{
	(void)state;
	go_to_their_worker(NET_IPV4);
}

static void test_S25_kernel_and_user_space_steer_by_the_worker_in_a_cid_on_ipv6(void **state)
{
	(void)state;
	go_to_their_worker(NET_IPV6);
}

/* Twice from different addresses: always the same worker, and all of them have some. */
static void go_by_hash(uint8_t node, uint8_t worker)
{
	struct world w;
	uint8_t data[RECORD_MAX];
	begin(&w, NET_IPV4);
	for (uint32_t n = 0; n < 300; n++) {
		const size_t random = CID_RANDOM_MIN + n % (CID_RANDOM_MAX - CID_RANDOM_MIN + 1);
		const size_t len = record(data, node, worker, random, n);
		const uint32_t first = send_one(&w, data, len);
		assert_int_equal(send_one(&w, data, len), first);
		assert_int_equal(
			steer_owner_of_cid(&steer, data + CID_AT, CID_ROUTE + random), first);
	}
	for (size_t i = 0; i < OWNERS; i++)
		assert_in_range(w.share[i], 600 / OWNERS * 7 / 10, 600 / OWNERS * 13 / 10);
	end(&w);
}

static void test_S25_a_cid_of_another_node_goes_by_its_hash(void **state)
{
	(void)state;
	go_by_hash(NODE + 1, 1);
}

static void test_S25_a_cid_of_a_worker_that_is_not_there_goes_by_its_hash(void **state)
{
	(void)state;
	go_by_hash(NODE, OWNERS);
	go_by_hash(NODE, 255);
}

/* Kernel and user space agree, and the address decides. */
static void goes_by_address(struct world *w, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < 6; i++) {
		const uint32_t got = send_one(w, data, len);
		assert_int_equal(got, steer_owner(&steer, &w->self));
	}
}

static void test_S25_what_is_too_short_for_a_cid_goes_by_its_address(void **state)
{
	struct world w;
	uint8_t data[RECORD_MAX];
	(void)state;
	begin(&w, NET_IPV4);
	(void)record(data, NODE, 1, CID_RANDOM_MIN, 5);
	for (size_t len = 1; len < CID_IN_RECORD + CID_MIN; len++)
		goes_by_address(&w, data, len);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(send_one(&w, data, CID_IN_RECORD + CID_MIN), 1);
	end(&w);
}

static void test_S25_what_has_no_cid_of_ours_goes_by_its_address(void **state)
{
	static const uint8_t forms[] = { 0, CID_FORM_MIN - 1, CID_FORM_MAX + 1, CID_FORM_MIN + 32,
		CID_FORM_MIN - 32, 0xff };
	static const uint8_t types[] = { 0, 20, 21, 22, 23, 24, 26, 27, 255 };
	struct world w;
	uint8_t data[RECORD_MAX];
	(void)state;
	begin(&w, NET_IPV4);
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		const size_t len = record(data, NODE, 1, CID_RANDOM_MIN, 5);
		data[CID_AT] = forms[i];
		goes_by_address(&w, data, len);
	}
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		const size_t len = record(data, NODE, 1, CID_RANDOM_MIN, 5);
		data[0] = types[i];
		goes_by_address(&w, data, len);
	}
	end(&w);
}

/* --- shares ---------------------------------------------------------------------------------- */

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
		cmocka_unit_test(
			test_S25_kernel_and_user_space_steer_by_the_worker_in_a_cid_on_ipv4),
		cmocka_unit_test(
			test_S25_kernel_and_user_space_steer_by_the_worker_in_a_cid_on_ipv6),
		cmocka_unit_test(test_S25_a_cid_of_another_node_goes_by_its_hash),
		cmocka_unit_test(test_S25_a_cid_of_a_worker_that_is_not_there_goes_by_its_hash),
		cmocka_unit_test(test_S25_what_is_too_short_for_a_cid_goes_by_its_address),
		cmocka_unit_test(test_S25_what_has_no_cid_of_ours_goes_by_its_address),
		cmocka_unit_test(test_owners_share_addresses_evenly),
	};
	return cmocka_run_group_tests_name("io/steer", tests, NULL, NULL);
}
