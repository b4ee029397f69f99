/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of this very process, to a server that never closes one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "gateway/web_idle.h"
#include "io/udp.h"

enum { MORE = 5, MANY = GW_WEB_CONNECTIONS + MORE, NEVER_MS = 3600000, SOON_MS = 200, FAR = 900 };

struct door {
	int listener, udp;
	struct net_addr address;
	struct sockaddr_in name;
	int client[MANY], server[MANY];
	size_t len;
	struct gw_web_idle idle;
};

static int begin(void **state)
{
	struct door *const d = calloc(1, sizeof(*d));
	socklen_t len = sizeof(d->name);
	assert_non_null(d);
	d->name = (struct sockaddr_in){ .sin_family = AF_INET };
	d->name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	d->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(d->listener, (struct sockaddr *)&d->name, len), 0);
	assert_int_equal(listen(d->listener, MANY), 0);
	assert_int_equal(getsockname(d->listener, (struct sockaddr *)&d->name, &len), 0);
	assert_true(udp_local(d->listener, &d->address));
	/* The same address, with a peer, but of datagrams. */
	d->udp = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(d->udp, (struct sockaddr *)&d->name, len), 0);
	assert_int_equal(connect(d->udp, (struct sockaddr *)&d->name, len), 0);
	*state = d;
	return 0;
}

static int end(void **state)
{
	struct door *const d = *state;
	for (size_t i = 0; i < d->len; i++) {
		(void)close(d->client[i]);
		(void)close(d->server[i]);
	}
	(void)close(d->udp);
	(void)close(d->listener);
	free(d);
	return 0;
}

static void come(struct door *d, size_t n)
{
	for (; n > 0; n--, d->len++) {
		d->client[d->len] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(
			connect(d->client[d->len], (struct sockaddr *)&d->name, sizeof(d->name)),
			0);
		d->server[d->len] = accept(d->listener, NULL, NULL);
		assert_true(d->server[d->len] >= 0);
	}
}

static bool has_ended(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t octet;
	return poll(&p, 1, 0) == 1 && recv(fd, &octet, 1, MSG_DONTWAIT) == 0;
}

static size_t ended(const struct door *d)
{
	size_t n = 0;
	for (size_t i = 0; i < d->len; i++)
		n += has_ended(d->client[i]);
	return n;
}

static size_t look(struct door *d, uint32_t idle_ms)
{
	return gw_web_idle_look(&d->idle, &d->address, idle_ms);
}

static void test_those_above_the_bound_are_ended(void **state)
{
	struct door *const d = *state;
	come(d, GW_WEB_CONNECTIONS);
	assert_int_equal(look(d, NEVER_MS), 0);
	assert_int_equal(look(d, NEVER_MS), 0); /* another round begins anew */
	assert_int_equal(ended(d), 0);
	come(d, MORE);
	assert_int_equal(look(d, NEVER_MS), MORE);
	assert_int_equal(ended(d), MORE);
	for (size_t i = 0; i < GW_WEB_CONNECTIONS; i++)
		assert_false(has_ended(d->client[i]));
}

/* One speaks again and again; one that is silent is ended, and not before its time. */
static void test_who_is_silent_is_ended_and_nobody_else(void **state)
{
	struct door *const d = *state;
	int other[2];
	come(d, 2);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
	assert_int_equal(look(d, SOON_MS), 0);
	assert_int_equal(ended(d), 0);
	while (ended(d) == 0) {
		struct pollfd p = { .fd = d->client[1], .events = POLLIN };
		assert_int_equal(send(d->client[0], "x", 1, MSG_NOSIGNAL), 1);
		assert_int_equal(look(d, SOON_MS), 0);
		(void)poll(&p, 1, 5);
	}
	assert_true(has_ended(d->client[1]) && !has_ended(d->client[0]));
	assert_int_equal(send(other[0], "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(send(d->udp, "x", 1, MSG_NOSIGNAL), 1);
	come(d, 1); /* the listener lives */
	(void)close(other[0]);
	(void)close(other[1]);
}

/* Behind a thousand numbers that nobody has. */
static void test_a_gap_hides_nobody(void **state)
{
	struct door *const d = *state;
	come(d, MANY);
	const int last = dup2(d->server[MANY - 1], FAR);
	assert_int_equal(last, FAR);
	(void)close(d->server[MANY - 1]);
	d->server[MANY - 1] = last;
	assert_int_equal(look(d, NEVER_MS), MORE);
	assert_true(has_ended(d->client[MANY - 1]));
}

/* Its own descriptor for a look is given back. */
static void test_a_look_leaves_nothing_behind(void **state)
{
	struct door *const d = *state;
	come(d, MANY);
	const int before = dup(0);
	(void)close(before);
	(void)look(d, NEVER_MS);
	const int after = dup(0);
	(void)close(after);
	assert_int_equal(before, after);
	assert_int_equal(d->idle.at, 0);
}

int main(void)
{
	struct rlimit most;
	if (getrlimit(RLIMIT_NOFILE, &most) == 0 && most.rlim_max >= 1024) {
		most.rlim_cur = 1024;
		(void)setrlimit(RLIMIT_NOFILE, &most);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_those_above_the_bound_are_ended, begin, end),
		cmocka_unit_test_setup_teardown(
			test_who_is_silent_is_ended_and_nobody_else, begin, end),
		cmocka_unit_test_setup_teardown(test_a_gap_hides_nobody, begin, end),
		cmocka_unit_test_setup_teardown(test_a_look_leaves_nothing_behind, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
