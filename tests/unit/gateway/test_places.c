/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "gateway/places.h"
#include "gateway/routes.h"
#include "gateway/worker.h"
#include "io/sources.h"

enum { LISTENERS = 3, SOCKETS = 2, PORT = 5684, OTHER_PORT = 5685, LINK_PORT = 40000 };

static struct net_addr address(const char *text, uint16_t port)
{
	struct net_addr a = { .port = port, .family = strchr(text, ':') ? NET_IPV6 : NET_IPV4 };
	if (a.family == NET_IPV6) {
		memset(a.ip, 0, sizeof(a.ip));
		a.ip[0] = 0x20;
		a.ip[1] = 0x01;
		a.ip[15] = (uint8_t)text[strlen(text) - 1];
		return a;
	}
	assert_int_equal(inet_pton(AF_INET, text, a.ip), 1);
	return a;
}

static bool opened(void *ctx, uint32_t sock, int fd)
{
	struct gw_worker *const w = ctx;
	(void)fd;
	struct gw_socket *const s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->sock = sock;
	s->port = (uint16_t)(LINK_PORT + w->upstreams[0].links_len);
	w->upstreams[0].links[w->upstreams[0].links_len++] = s;
	return true;
}

/* A worker as far as its sockets go. The number of link sockets is even, and all are open. */
static struct gw_worker *worker(const struct net_addr *upstream, const struct net_addr *source)
{
	struct gw_worker *const w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->listeners_len = LISTENERS;
	w->upstreams_len = 1;
	w->upstreams[0].first_sock = LISTENERS;
	w->upstreams[0].sockets = SOCKETS;
	w->upstreams[0].links = calloc(SOCKETS, sizeof(struct gw_socket *));
	assert_non_null(w->upstreams[0].links);
	const struct sources_settings s = {
		.upstream = *upstream,
		.prefixes = { { .base = *source, .bits = source->family == NET_IPV4 ? 30 : 126 } },
		.prefixes_len = 1,
		.sockets_max = SOCKETS,
		.first_sock = LISTENERS,
		.ctx = w,
		.opened = opened,
	};
	w->upstreams[0].sources = sources_new(&s);
	assert_non_null(w->upstreams[0].sources);
	return w;
}

static void worker_end(struct gw_worker *w)
{
	for (size_t i = 0; i < w->upstreams[0].links_len; i++)
		free(w->upstreams[0].links[i]);
	free(w->upstreams[0].links);
	sources_free(w->upstreams[0].sources);
	free(w);
}

static struct gw_worker *worker_v4(void)
{
	const struct net_addr upstream = address("127.0.0.9", PORT),
			      source = address("127.0.7.0", 0);
	struct gw_worker *const w = worker(&upstream, &source);
	w->bound[0] = address("127.0.0.1", PORT);
	w->bound[1] = (struct net_addr){ .port = OTHER_PORT, .family = NET_IPV4 }; /* any */
	w->bound[2] = (struct net_addr){ .port = OTHER_PORT, .family = NET_IPV6 }; /* any */
	return w;
}

static void assert_round(
	const struct gw_worker *w, enum store_role role, const struct net_path *path)
{
	struct store_path place;
	struct net_path back;
	assert_true(gw_place_to_store(w, role, path, &place));
	assert_int_equal(place.role, role);
	assert_true(net_addr_same(&place.peer, &path->peer));
	assert_true(gw_place_from_store(w, &place, &back));
	assert_true(net_path_same(&back, path));
}

static struct net_path from(const char *peer, uint16_t port, const char *local, uint32_t sock)
{
	struct net_path p = { .peer = address(peer, port), .sock = sock };
	const struct net_addr l = address(local, 0);
	memcpy(p.local_ip, l.ip, sizeof(p.local_ip));
	return p;
}

static void test_a_devices_path_comes_back(void **state)
{
	(void)state;
	struct gw_worker *const w = worker_v4();
	const struct net_path paths[] = {
		from("192.0.2.7", 1234, "127.0.0.1", 0),
		from("192.0.2.7", 1234, "127.0.0.8", 1), /* at a listener that is bound to any */
		from("2001:db8::7", 1234, "2001:db8::1", 2),
	};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_round(w, STORE_DEVICE, &paths[i]);
	worker_end(w);
}

/* One peer at two listeners, or at two of our addresses, has two places. */
static void test_places_are_as_many_as_paths(void **state)
{
	(void)state;
	struct gw_worker *const w = worker_v4();
	const struct net_path paths[] = {
		from("192.0.2.7", 1234, "127.0.0.1", 0),
		from("192.0.2.7", 1234, "127.0.0.1", 1),
		from("192.0.2.7", 1234, "127.0.0.2", 1),
		from("192.0.2.7", 1235, "127.0.0.1", 1),
		from("192.0.2.8", 1234, "127.0.0.1", 1),
		from("2001:db8::7", 1234, "2001:db8::1", 2),
	};
	enum { N = sizeof(paths) / sizeof(paths[0]) };
	struct store_path places[N];
	for (size_t i = 0; i < N; i++) {
		assert_true(gw_place_to_store(w, STORE_DEVICE, &paths[i], &places[i]));
		for (size_t k = 0; k < i; k++)
			assert_false(net_addr_same(&places[i].peer, &places[k].peer) &&
				     net_addr_same(&places[i].local, &places[k].local));
	}
	worker_end(w);
}

/* The kernel gives a datagram to the socket that is bound to its address, wherever it is in the
   list. */
static void test_a_listener_for_the_address_goes_before_one_for_any(void **state)
{
	(void)state;
	struct gw_worker *const w = worker_v4();
	w->bound[0] = (struct net_addr){ .port = PORT, .family = NET_IPV4 };
	w->bound[1] = address("127.0.0.1", PORT);
	const struct net_path special = from("192.0.2.7", 1234, "127.0.0.1", 1);
	const struct net_path any = from("192.0.2.7", 1234, "127.0.0.2", 0);
	assert_round(w, STORE_DEVICE, &special);
	assert_round(w, STORE_DEVICE, &any);
	w->bound[0] = w->bound[1];
	w->bound[1] = (struct net_addr){ .port = PORT, .family = NET_IPV4 };
	const struct net_path first = from("192.0.2.7", 1234, "127.0.0.1", 0);
	assert_round(w, STORE_DEVICE, &first);
	worker_end(w);
}

/* After a change of the configuration: whose listener is gone has no path, whose number is another
   has another number. */
static void test_a_listener_may_be_gone_or_have_another_number(void **state)
{
	(void)state;
	struct gw_worker *const w = worker_v4();
	const struct net_path path = from("192.0.2.7", 1234, "127.0.0.1", 0);
	struct store_path place;
	struct net_path back;
	assert_true(gw_place_to_store(w, STORE_DEVICE, &path, &place));
	w->bound[2] = w->bound[0];
	w->bound[0] = (struct net_addr){ .port = PORT, .family = NET_IPV6 }; /* any, of the other */
	assert_true(gw_place_from_store(w, &place, &back));
	assert_int_equal(back.sock, 2);
	w->bound[2].port = OTHER_PORT;
	assert_false(gw_place_from_store(w, &place, &back));
	w->bound[2] = address("127.0.0.2", PORT);
	assert_false(gw_place_from_store(w, &place, &back));
	w->listeners_len = 0;
	assert_false(gw_place_from_store(w, &place, &back));
	worker_end(w);
}

static void links_come_back(struct gw_worker *w)
{
	uint32_t slot;
	size_t n = 0;
	while ((slot = sources_take(w->upstreams[0].sources, 0)) != SOURCES_NONE) {
		const struct net_path path = sources_path(w->upstreams[0].sources, slot);
		struct store_path place;
		assert_true(gw_place_to_store(w, STORE_LINK, &path, &place));
		assert_int_equal(place.local.port, LINK_PORT + path.sock - LISTENERS);
		assert_round(w, STORE_LINK, &path);
		n++;
	}
	assert_true(n > SOCKETS);
	assert_int_equal(w->upstreams[0].links_len, SOCKETS);
}

static void test_a_links_path_comes_back(void **state)
{
	(void)state;
	struct gw_worker *const w = worker_v4();
	links_come_back(w);
	worker_end(w);
	const struct net_addr upstream = address("2001:db8::9", PORT),
			      source = address("2001:db8::", 0);
	struct net_addr base = source;
	base.ip[15] = 0;
	struct gw_worker *const six = worker(&upstream, &base);
	links_come_back(six);
	worker_end(six);
}

/* Each in its own: the second's sockets have numbers above all that the first can have. */
static void test_links_of_two_servers_have_their_own_places(void **state)
{
	(void)state;
	const struct net_addr first = address("127.0.0.9", PORT),
			      second = address("127.0.0.8", PORT), source = address("127.0.7.0", 0);
	struct gw_worker *const w = worker(&first, &source);
	struct gw_worker *const other = worker(&second, &source);
	struct gw_upstream *const u = &w->upstreams[w->upstreams_len++];
	*u = other->upstreams[0];
	u->first_sock = LISTENERS + SOCKETS;
	struct sources_settings s = { .upstream = second,
		.prefixes = { { .base = source, .bits = 30 } },
		.prefixes_len = 1,
		.sockets_max = SOCKETS,
		.first_sock = u->first_sock,
		.ctx = other,
		.opened = opened };
	sources_free(u->sources);
	u->sources = sources_new(&s);
	const uint32_t slot = sources_take(u->sources, 0);
	u->links_len = other->upstreams[0].links_len;
	const struct net_path a = sources_path(w->upstreams[0].sources,
				      sources_take(w->upstreams[0].sources, 0)),
			      b = sources_path(u->sources, slot);
	assert_int_equal(gw_worker_upstream(w, a.sock), 0);
	assert_int_equal(gw_worker_upstream(w, b.sock), 1);
	assert_int_equal(gw_worker_upstream(w, LISTENERS - 1), GW_NO_UPSTREAM);
	assert_int_equal(gw_worker_upstream(w, b.sock + SOCKETS), GW_NO_UPSTREAM);
	/* Their ports are the same here, and the servers' addresses tell them apart. */
	assert_round(w, STORE_LINK, &a);
	assert_round(w, STORE_LINK, &b);
	other->upstreams[0].sources = u->sources;
	w->upstreams_len = 1;
	worker_end(w);
	worker_end(other);
}

static void test_ports_of_several_servers_are_kept_apart(void **state)
{
	(void)state;
	assert_int_equal(gw_port_place(0, 5), 5); /* as when there was one */
	assert_int_equal(gw_port_mark(0), STORE_PORT_MARK);
	assert_int_equal(gw_port_place(1, 0), 1 << 20);
	assert_int_equal(gw_port_place(7, 27999), (7 << 20) + 27999);
	assert_int_equal(gw_port_mark(1), (2 << 20) - 1);
	assert_int_equal(gw_port_mark(7), (8 << 20) - 1);
}

/* A socket on another port, a server that moved, a source address that is not ours any more. */
static void test_a_link_that_does_not_fit_is_not_there(void **state)
{
	(void)state;
	struct gw_worker *const w = worker_v4();
	const struct net_path path =
		sources_path(w->upstreams[0].sources, sources_take(w->upstreams[0].sources, 0));
	struct store_path good, place;
	struct net_path back;
	assert_true(gw_place_to_store(w, STORE_LINK, &path, &good));
	assert_true(gw_place_from_store(w, &good, &back));
	place = good;
	place.local.port++;
	assert_false(gw_place_from_store(w, &place, &back));
	place = good;
	place.peer.port++;
	assert_false(gw_place_from_store(w, &place, &back));
	place = good;
	place.local.ip[2]++;
	assert_false(gw_place_from_store(w, &place, &back));
	place = good;
	place.role = STORE_DEVICE;
	assert_false(gw_place_from_store(w, &place, &back));
	struct net_path nowhere = path;
	nowhere.sock = LISTENERS + SOCKETS;
	assert_false(gw_place_to_store(w, STORE_LINK, &nowhere, &place));
	worker_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_devices_path_comes_back),
		cmocka_unit_test(test_places_are_as_many_as_paths),
		cmocka_unit_test(test_a_listener_for_the_address_goes_before_one_for_any),
		cmocka_unit_test(test_a_listener_may_be_gone_or_have_another_number),
		cmocka_unit_test(test_a_links_path_comes_back),
		cmocka_unit_test(test_links_of_two_servers_have_their_own_places),
		cmocka_unit_test(test_ports_of_several_servers_are_kept_apart),
		cmocka_unit_test(test_a_link_that_does_not_fit_is_not_there),
	};
	return cmocka_run_group_tests_name("gateway/places", tests, NULL, NULL);
}
