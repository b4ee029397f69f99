/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/spots.h"
#include "tests/lab/udp.h"

struct room {
	int server;
	struct spots spots;
};

static int set_up(void **state)
{
	static struct room r;
	struct net_addr a = { .ip = { 127, 0, 0, 1 }, .family = NET_IPV4 };
	r = (struct room){ .server = udp_socket(&a) };
	r.spots = (struct spots){ .to = a, .epoll = epoll_create1(EPOLL_CLOEXEC), .rng = { 7 } };
	*state = &r;
	return r.server >= 0 && r.spots.epoll >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct room *r = *state;
	spots_close(&r->spots);
	close(r->spots.epoll);
	close(r->server);
	return 0;
}

/* Where the server sees what is sent from there. */
static struct net_addr seen_from(const struct room *r, const struct spot *spot)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	struct net_addr from = { .family = 0 };
	uint8_t octet = 1;
	assert_int_equal(send(spot->fd, &octet, 1, 0), 1);
	assert_int_equal(recvfrom(r->server, &octet, 1, 0, (struct sockaddr *)&name, &len), 1);
	assert_true(udp_from_sockaddr(&name, &from));
	return from;
}

static void test_a_roaming_client_is_where_it_is_said_to_be(void **state)
{
	struct room *r = *state;
	int owner;
	struct spot *a = spots_take(&r->spots, SPOT_ROAMING, &owner);
	struct spot *b = spots_take(&r->spots, SPOT_ROAMING, &owner);
	assert_non_null(a);
	assert_non_null(b);
	const struct net_addr from_a = seen_from(r, a), from_b = seen_from(r, b);
	assert_true(net_addr_same(&from_a, &a->local) && net_addr_same(&from_b, &b->local));
	assert_memory_not_equal(from_a.ip, from_b.ip, sizeof(from_a.ip));
	assert_int_equal(from_a.ip[0], 127);
	assert_in_range(from_a.ip[1], 32, 191);
	spots_end(&r->spots, a);
	spots_end(&r->spots, b);
}

static void test_a_stranger_is_never_where_a_client_may_be(void **state)
{
	struct room *r = *state;
	for (int i = 0; i < 64; i++) {
		struct spot *s = spots_take(&r->spots, SPOT_ELSEWHERE, NULL);
		assert_non_null(s);
		assert_int_equal(s->local.ip[1], 200);
		spots_end(&r->spots, s);
	}
}

static bool reaches(const struct room *r, const struct net_addr *to, const struct spot *spot)
{
	struct sockaddr_storage name;
	const socklen_t len = udp_to_sockaddr(to, &name);
	uint8_t octet = 2;
	assert_int_equal(sendto(r->server, &octet, 1, 0, (const struct sockaddr *)&name, len), 1);
	return spot->fd >= 0 && recv(spot->fd, &octet, 1, 0) == 1;
}

static void test_what_comes_to_a_spot_that_was_left_is_seen(void **state)
{
	struct room *r = *state;
	int owner;
	struct spot *old = spots_take(&r->spots, SPOT_ROAMING, &owner);
	assert_non_null(old);
	spots_leave(&r->spots, old);
	assert_null(old->owner);
	assert_true(reaches(r, &old->local, old));
}

static void test_what_is_held_may_still_be_sent_and_then_it_is_gone(void **state)
{
	struct room *r = *state;
	int owner;
	struct spot *old = spots_take(&r->spots, SPOT_ROAMING, &owner);
	assert_non_null(old);
	spots_hold(old);
	spots_leave(&r->spots, old);
	const struct net_addr from = seen_from(r, old);
	assert_true(net_addr_same(&from, &old->local));
	for (int i = 0; i < SPOTS_LEFT; i++) { /* it falls out of the ring */
		struct spot *s = spots_take(&r->spots, SPOT_ROAMING, &owner);
		assert_non_null(s);
		spots_leave(&r->spots, s);
	}
	spots_bury(&r->spots);
	assert_int_equal(old->fd, -1); /* closed, but there */
	spots_release(&r->spots, old);
	assert_ptr_equal(r->spots.dead, old);
	spots_bury(&r->spots);
	assert_null(r->spots.dead);
}

static void test_R109_a_pool_gives_one_spot_from_one_to_the_next(void **state)
{
	struct room *r = *state;
	int one, two;
	assert_true(spots_open(&r->spots, 1, SPOT_ROAMING));
	struct spot *a = spots_take(&r->spots, SPOT_ROAMING, &one);
	struct spot *b = spots_take(&r->spots, SPOT_ROAMING, &two);
	assert_ptr_equal(a, b);
	assert_ptr_equal(a->owner, &two);
	spots_leave(&r->spots, b); /* it stays the pool's */
	assert_null(b->owner);
	assert_ptr_equal(spots_take(&r->spots, SPOT_ROAMING, &one), a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_roaming_client_is_where_it_is_said_to_be, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_stranger_is_never_where_a_client_may_be, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_comes_to_a_spot_that_was_left_is_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_is_held_may_still_be_sent_and_then_it_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_R109_a_pool_gives_one_spot_from_one_to_the_next, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
