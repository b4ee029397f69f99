/* SPDX-License-Identifier: Apache-2.0 */
/* What a program hands to the one that it becomes: written and read in one process. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/inherit.h"
#include "io/udp.h"

enum { WORKERS = 2, LINKS = 5, PATH_ROOM = 64, FDS = 256 };
static const char variable[] = "LWGATE_INHERIT";

struct estate { /* before exec */
	struct conf_gateway conf;
	struct conf_upstream upstream;
	struct kek kek;
	int listeners[WORKERS][2];
	int links[WORKERS][LINKS];
	int control, events;
	char path[PATH_ROOM], events_path[PATH_ROOM + 8];
};

static int bound(struct net_addr *a, bool shared)
{
	const struct udp_options o = { .bind = *a, .reuse_port = shared };
	const int fd = udp_open(&o);
	assert_true(fd >= 0);
	assert_true(udp_local(fd, a));
	return fd;
}

static int control_at(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	(void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	(void)unlink(path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

static void found(struct estate *e)
{
	const struct net_addr loopback = { .ip = { 127, 0, 0, 1 }, .family = NET_IPV4 };
	memset(e, 0, sizeof(*e));
	e->conf.workers = WORKERS;
	e->upstream.sockets = LINKS;
	e->upstream.addresses[0] = loopback;
	e->conf.upstreams = &e->upstream;
	e->conf.upstreams_len = 1;
	e->conf.listeners_len = 2;
	memset(e->kek.key, 0x5a, sizeof(e->kek.key));
	for (size_t l = 0; l < 2; l++) {
		e->conf.listeners[l] = loopback;
		for (size_t w = 0; w < WORKERS; w++)
			e->listeners[w][l] = bound(&e->conf.listeners[l], true);
	}
	for (size_t w = 0; w < WORKERS; w++) {
		for (size_t i = 0; i < LINKS; i++) {
			struct net_addr a = loopback;
			e->links[w][i] = bound(&a, false);
		}
	}
	(void)snprintf(e->path, sizeof(e->path), "/tmp/lwgate-inherit-%d", (int)getpid());
	e->control = control_at(e->path);
	(void)snprintf(e->events_path, sizeof(e->events_path), "%s-events", e->path);
	e->events = control_at(e->events_path);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* What exec leaves: the struct is gone, its descriptors are not. */
static void pass_on(struct gw_legacy *l, const bool before[FDS])
{
	int copies[FDS];
	for (int fd = 0; fd < FDS; fd++)
		copies[fd] = is_open(fd) && !before[fd] ? fcntl(fd, F_DUPFD, FDS) : -1;
	gw_legacy_free(l);
	for (int fd = 0; fd < FDS; fd++) {
		if (copies[fd] < 0)
			continue;
		assert_int_equal(dup2(copies[fd], fd), fd);
		(void)close(copies[fd]);
	}
}

static void bequeath(struct estate *e)
{
	bool before[FDS];
	for (int fd = 0; fd < FDS; fd++)
		before[fd] = is_open(fd);
	struct gw_legacy *const l = gw_legacy_new(&e->conf, &e->kek);
	assert_non_null(l);
	for (uint32_t w = 0; w < WORKERS; w++) {
		for (size_t i = 0; i < 2; i++)
			assert_true(gw_legacy_listener(l, w, i, e->listeners[w][i]));
		for (size_t i = 0; i < LINKS; i++)
			assert_true(gw_legacy_link(l, w, 0, e->links[w][i]));
	}
	assert_true(gw_legacy_control(l, e->control));
	assert_true(gw_legacy_events(l, e->events));
	assert_true(gw_legacy_write(l));
	assert_non_null(getenv(variable));
	pass_on(l, before);
}

static void bury(struct estate *e)
{
	for (size_t w = 0; w < WORKERS; w++) {
		for (size_t i = 0; i < 2; i++)
			(void)close(e->listeners[w][i]);
		for (size_t i = 0; i < LINKS; i++)
			(void)close(e->links[w][i]);
	}
	(void)close(e->control);
	(void)close(e->events);
	(void)unlink(e->path);
	(void)unlink(e->events_path);
}

static size_t descriptors(void)
{
	size_t n = 0;
	for (int fd = 0; fd < FDS; fd++)
		n += is_open(fd);
	return n;
}

static void assert_same_socket(int a, int b)
{
	struct stat x, y;
	assert_int_equal(fstat(a, &x), 0);
	assert_int_equal(fstat(b, &y), 0);
	assert_true(x.st_ino == y.st_ino);
	assert_int_equal(fcntl(a, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void test_everything_is_handed_over(void **state)
{
	(void)state;
	static struct estate e; /* too large for the stack */
	found(&e);
	const size_t before = descriptors();
	bequeath(&e);
	struct gw_inherited *const in = gw_inherit_read();
	assert_non_null(in);
	assert_null(getenv(variable)); /* not for a program that is run later */
	struct kek kek;
	assert_true(gw_inherit_kek(in, &kek));
	assert_memory_equal(kek.key, e.kek.key, sizeof(kek.key));
	static int fds[CONF_WORKERS_MAX][CONF_LISTENERS_MAX]; /* large, with a sanitizer */
	for (size_t l = 0; l < 2; l++) {
		assert_true(gw_inherit_listener(in, &e.conf, l, fds));
		for (size_t w = 0; w < WORKERS; w++)
			assert_same_socket(fds[w][l], e.listeners[w][l]);
		assert_false(gw_inherit_listener(in, &e.conf, l, fds)); /* once */
	}
	for (uint32_t w = WORKERS; w-- > 0;) {
		size_t len;
		const int *const links = gw_inherit_links(in, &e.conf, w, 0, &len);
		assert_int_equal(len, LINKS);
		for (size_t i = 0; i < LINKS; i++) {
			assert_same_socket(links[i], e.links[w][i]); /* in their order */
			(void)close(links[i]);
		}
		(void)gw_inherit_links(in, &e.conf, w, 0, &len);
		assert_int_equal(len, 0);
	}
	assert_int_equal(gw_inherit_control(in, "/tmp/another"), -1);
	const int control = gw_inherit_control(in, e.path);
	assert_same_socket(control, e.control);
	assert_int_equal(gw_inherit_control(in, e.path), -1);
	assert_int_equal(gw_inherit_events(in, e.path), -1);
	assert_int_equal(gw_inherit_events(in, NULL), -1);
	const int events = gw_inherit_events(in, e.events_path);
	assert_same_socket(events, e.events);
	assert_int_equal(gw_inherit_events(in, e.events_path), -1);
	gw_inherit_free(in);
	(void)close(control);
	(void)close(events);
	for (size_t l = 0; l < 2; l++) {
		for (size_t w = 0; w < WORKERS; w++)
			(void)close(fds[w][l]);
	}
	assert_int_equal(descriptors(), before); /* the list's own is closed, too */
	bury(&e);
}

/* The descriptor of the list, as the successor is told of it. */
static int heirloom(void)
{
	const char *const text = getenv(variable);
	assert_non_null(text);
	char *end = NULL;
	const long fd = text ? strtol(text, &end, 10) : -1;
	assert_true(end && end != text && *end == '\0' && fd >= 0 && fd <= INT_MAX);
	return (int)fd;
}

/* the key of the store does not stay in memory that others could read. */
static void test_the_list_is_wiped(void **state)
{
	(void)state;
	static struct estate e; /* too large for the stack */
	enum { ALL = 1 << 16 };
	uint8_t *const all = malloc(ALL);
	assert_non_null(all);
	found(&e);
	bequeath(&e);
	const int copy = dup(heirloom());
	assert_true(copy >= 0);
	ssize_t len = pread(copy, all, ALL, 0);
	assert_true(len > 0);
	assert_non_null(memmem(all, (size_t)len, e.kek.key, sizeof(e.kek.key)));
	gw_inherit_free(gw_inherit_read());
	len = pread(copy, all, ALL, 0);
	assert_null(memmem(all, (size_t)len, e.kek.key, sizeof(e.kek.key)));
	(void)close(copy);
	free(all);
	bury(&e);
}

static void test_what_nobody_takes_is_closed(void **state)
{
	(void)state;
	static struct estate e; /* too large for the stack */
	found(&e);
	const size_t before = descriptors();
	bequeath(&e);
	assert_true(descriptors() > before);
	gw_inherit_free(gw_inherit_read());
	assert_int_equal(descriptors(), before);
	bury(&e);
}

/* The configuration has changed since. */
static void test_what_does_not_fit_is_not_used(void **state)
{
	(void)state;
	static struct estate e;                               /* too large for the stack */
	static struct conf_gateway conf;                      /* both are too large for the stack */
	static int fds[CONF_WORKERS_MAX][CONF_LISTENERS_MAX]; /* large, with a sanitizer */
	size_t len;
	found(&e);
	const size_t before = descriptors();
	bequeath(&e);
	struct gw_inherited *in = gw_inherit_read();
	conf = e.conf;
	conf.workers = WORKERS + 1; /* a socket for each worker, or none */
	assert_false(gw_inherit_listener(in, &conf, 0, fds));
	(void)gw_inherit_links(in, &conf, 0, 0, &len);
	assert_int_equal(len, 0);
	conf = e.conf;
	conf.listeners[0].port ^= 1;
	assert_false(gw_inherit_listener(in, &conf, 0, fds));
	conf.listeners[0] = e.conf.listeners[0];
	conf.listeners[0].ip[3] = 2;
	assert_false(gw_inherit_listener(in, &conf, 0, fds));
	conf = e.conf;
	conf.listeners[0] = e.conf.listeners[1]; /* they have other numbers now */
	assert_true(gw_inherit_listener(in, &conf, 0, fds));
	for (size_t w = 0; w < WORKERS; w++) {
		assert_same_socket(fds[w][0], e.listeners[w][1]);
		(void)close(fds[w][0]);
	}
	conf.upstreams[0].addresses[0].family = NET_IPV6; /* IPv4 sockets are of no use for it */
	(void)gw_inherit_links(in, &conf, 0, 0, &len);
	assert_int_equal(len, 0);
	conf.upstreams[0].addresses[0].family = NET_IPV4;
	conf.upstreams[0].sockets = LINKS - 2;
	const int *const links = gw_inherit_links(in, &conf, 0, 0, &len);
	assert_int_equal(len, LINKS - 2);
	for (size_t i = 0; i < len; i++)
		(void)close(links[i]);
	gw_inherit_free(in);
	assert_int_equal(descriptors(), before);
	bury(&e);
}

/* Each server's links are its own; a program that knows of one has those of the first. */
static void test_links_to_another_server_are_not_the_first_ones(void **state)
{
	(void)state;
	static struct estate e; /* too large for the stack */
	struct conf_upstream two[2];
	struct conf_gateway conf;
	size_t len = 9, more = 9;
	found(&e);
	const size_t before = descriptors();
	two[0] = two[1] = e.upstream;
	conf = e.conf;
	conf.upstreams = two;
	conf.upstreams_len = 2;
	bool open[FDS];
	for (int fd = 0; fd < FDS; fd++)
		open[fd] = is_open(fd);
	struct gw_legacy *const l = gw_legacy_new(&conf, NULL);
	assert_true(gw_legacy_link(l, 0, 1, e.links[0][0]));
	assert_true(gw_legacy_link(l, 0, 0, e.links[0][1]));
	assert_true(gw_legacy_link(l, 1, 1, e.links[1][0]));
	assert_true(gw_legacy_link(l, 0, 1, e.links[0][2]));
	assert_true(gw_legacy_write(l));
	pass_on(l, open);
	struct gw_inherited *const in = gw_inherit_read();
	const int *const first = gw_inherit_links(in, &conf, 0, 0, &len);
	const int *const second = gw_inherit_links(in, &conf, 0, 1, &more);
	assert_int_equal(len, 1);
	assert_int_equal(more, 2);
	assert_same_socket(first[0], e.links[0][1]);
	assert_same_socket(second[0], e.links[0][0]);
	assert_same_socket(second[1], e.links[0][2]);
	(void)close(first[0]);
	(void)close(second[0]);
	(void)close(second[1]);
	const int *const other = gw_inherit_links(in, &conf, 1, 1, &len);
	assert_int_equal(len, 1);
	assert_same_socket(other[0], e.links[1][0]);
	(void)close(other[0]);
	gw_inherit_free(in);
	assert_int_equal(descriptors(), before);
	bury(&e);
}

/* A list of another version of the program, or cut off, or none at all. */
static void test_a_list_that_cannot_be_read_is_no_list(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "x", "-1", "1", "99999999999", "7x", "600" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(setenv(variable, texts[i], 1), 0);
		assert_null(gw_inherit_read());
		assert_null(getenv(variable));
	}
	assert_null(gw_inherit_read());
	static struct estate e; /* too large for the stack */
	found(&e);
	for (off_t how = 0; how < 4; how++) {
		uint8_t word[4];
		struct stat st;
		bequeath(&e);
		const int fd = heirloom();
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(pread(fd, word, sizeof(word), how * 4), sizeof(word));
		word[0] ^= 0x40; /* version, size, workers, links */
		if (how < 2)
			assert_int_equal(pwrite(fd, word, sizeof(word), how * 4), sizeof(word));
		else
			assert_int_equal(
				ftruncate(fd, how == 2 ? st.st_size - 1 : st.st_size / 2), 0);
		assert_null(gw_inherit_read());
		assert_int_equal(fcntl(fd, F_GETFD), -1);
	}
	bury(&e);
}

/* No key: the store is in memory, or its key is read anew. */
static void test_there_may_be_nothing_to_hand_over(void **state)
{
	(void)state;
	struct conf_upstream upstream = { .sockets = LINKS };
	struct conf_gateway conf = {
		.workers = WORKERS, .upstreams = &upstream, .upstreams_len = 1
	};
	static int fds[CONF_WORKERS_MAX][CONF_LISTENERS_MAX]; /* large, with a sanitizer */
	struct kek kek;
	size_t len;
	struct gw_legacy *const l = gw_legacy_new(&conf, NULL);
	assert_non_null(l);
	assert_true(gw_legacy_write(l));
	gw_legacy_free(l);
	struct gw_inherited *const in = gw_inherit_read();
	assert_non_null(in);
	assert_false(gw_inherit_kek(in, &kek));
	assert_false(gw_inherit_listener(in, &conf, 0, fds));
	(void)gw_inherit_links(in, &conf, 0, 0, &len);
	assert_int_equal(len, 0);
	assert_int_equal(gw_inherit_control(in, "/tmp/x"), -1);
	gw_inherit_free(in);
	assert_false(gw_inherit_kek(NULL, &kek)); /* a first start */
	assert_false(gw_inherit_listener(NULL, &conf, 0, fds));
	(void)gw_inherit_links(NULL, &conf, 0, 0, &len);
	assert_int_equal(len, 0);
	assert_int_equal(gw_inherit_control(NULL, "/tmp/x"), -1);
	assert_int_equal(gw_inherit_events(NULL, "/tmp/x"), -1);
	gw_inherit_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_handed_over),
		cmocka_unit_test(test_links_to_another_server_are_not_the_first_ones),
		cmocka_unit_test(test_the_list_is_wiped),
		cmocka_unit_test(test_what_nobody_takes_is_closed),
		cmocka_unit_test(test_what_does_not_fit_is_not_used),
		cmocka_unit_test(test_a_list_that_cannot_be_read_is_no_list),
		cmocka_unit_test(test_there_may_be_nothing_to_hand_over),
	};
	return cmocka_run_group_tests_name("gateway/inherit", tests, NULL, NULL);
}
