/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/sources.h"
#include "io/udp.h"

enum { FIRST_SOCK = 2 };

struct seen {
	uint32_t opened;
	uint32_t refuse_from; /* sockets from this one on are refused */
};

static bool opened(void *ctx, uint32_t sock, int fd)
{
	struct seen *seen = ctx;
	assert_true(fd >= 0);
	assert_int_equal(sock, FIRST_SOCK + seen->opened);
	if (seen->opened == seen->refuse_from)
		return false;
	seen->opened++;
	return true;
}

static struct sources_prefix v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t bits)
{
	return (struct sources_prefix){ .base = { .ip = { a, b, c, d }, .family = NET_IPV4 },
		.bits = bits };
}

static struct sources_settings settings(struct seen *seen, uint32_t sockets_max)
{
	*seen = (struct seen){ .refuse_from = UINT32_MAX };
	return (struct sources_settings){
		.upstream = { .ip = { 127, 0, 0, 1 }, .port = 5684, .family = NET_IPV4 },
		.sockets_max = sockets_max,
		.first_sock = FIRST_SOCK,
		.ctx = seen,
		.opened = opened,
	};
}

static void check_range(struct sources_prefix p, uint32_t len, const char *first, const char *last)
{
	char text[NET_TEXT_MAX];
	assert_int_equal(sources_prefix_len(&p), len);
	struct net_addr a = sources_prefix_addr(&p, 0);
	assert_string_equal(net_addr_text(&a, text), first);
	a = sources_prefix_addr(&p, len - 1);
	assert_string_equal(net_addr_text(&a, text), last);
}

static void test_prefixes_yield_the_addresses_that_a_host_may_have(void **state)
{
	(void)state;
	check_range(v4(192, 0, 2, 0, 24), 254, "192.0.2.1:0", "192.0.2.254:0");
	check_range(v4(192, 0, 2, 4, 30), 2, "192.0.2.5:0", "192.0.2.6:0");
	check_range(v4(192, 0, 2, 4, 31), 2, "192.0.2.4:0", "192.0.2.5:0");
	check_range(v4(192, 0, 2, 9, 32), 1, "192.0.2.9:0", "192.0.2.9:0");
	check_range(v4(127, 0, 1, 0, 24), 256, "127.0.1.0:0", "127.0.1.255:0");
	check_range(v4(127, 0, 0, 0, 24), 254, "127.0.0.1:0", "127.0.0.254:0");
	check_range(v4(127, 255, 255, 0, 24), 254, "127.255.255.1:0", "127.255.255.254:0");
	check_range(v4(127, 0, 0, 0, 8), (1 << 24) - 2, "127.0.0.1:0", "127.255.255.254:0");
	check_range(v4(10, 0, 0, 0, 8), (1 << 24) - 2, "10.0.0.1:0", "10.255.255.254:0");
	struct sources_prefix p = { .base = { .ip = { 0xfd, 0, 0, 7 }, .family = NET_IPV6 },
		.bits = 64 };
	check_range(p, (1 << 24) - 1, "[fd00:7::1]:0", "[fd00:7::ff:ffff]:0");
	p.bits = 128;
	check_range(p, 1, "[fd00:7::]:0", "[fd00:7::]:0");
}

static void test_R290_every_link_has_its_own_address_and_port_pair(void **state)
{
	(void)state;
	struct seen seen;
	struct sources_settings s = settings(&seen, 3);
	s.prefixes[0] = v4(127, 0, 1, 8, 30);
	s.prefixes[1] = v4(192, 0, 2, 0, 31);
	s.prefixes_len = 2;
	struct sources *pool = sources_new(&s);
	assert_non_null(pool);
	assert_true(sources_use_local(pool));
	struct net_path paths[18];
	for (uint32_t i = 0; i < 18; i++) {
		const uint32_t slot = sources_take(pool, 0);
		assert_int_not_equal(slot, SOURCES_NONE);
		assert_int_equal(seen.opened, i / 6 + 1); /* no socket before it is needed */
		paths[i] = sources_path(pool, slot);
		assert_true(net_addr_same(&paths[i].peer, &s.upstream));
		assert_true(sources_fd(pool, paths[i].sock) >= 0);
		for (uint32_t k = 0; k < i; k++)
			assert_false(net_path_same(&paths[i], &paths[k]));
	}
	assert_int_equal(sources_take(pool, 0), SOURCES_NONE);
	struct net_addr a, b;
	assert_true(udp_local(sources_fd(pool, FIRST_SOCK), &a));
	assert_true(udp_local(sources_fd(pool, FIRST_SOCK + 1), &b));
	assert_int_not_equal(a.port, b.port);
	sources_free(pool);
}

static void test_without_addresses_each_link_has_its_own_socket(void **state)
{
	(void)state;
	static const uint8_t unknown[16];
	struct seen seen;
	const struct sources_settings s = settings(&seen, 5);
	struct sources *pool = sources_new(&s);
	assert_non_null(pool);
	assert_false(sources_use_local(pool));
	for (uint32_t i = 0; i < 5; i++) {
		const struct net_path path = sources_path(pool, sources_take(pool, 0));
		assert_int_equal(path.sock, FIRST_SOCK + i);
		assert_memory_equal(path.local_ip, unknown, sizeof(unknown));
	}
	assert_int_equal(sources_take(pool, 0), SOURCES_NONE);
	sources_free(pool);
}

/* The server may hold the old association of a slot's address for a while. */
static void test_a_slot_rests_before_it_is_taken_again(void **state)
{
	(void)state;
	struct seen seen;
	const struct sources_settings s = settings(&seen, 3);
	struct sources *pool = sources_new(&s);
	assert_non_null(pool);
	const uint32_t first = sources_take(pool, 1000);
	sources_give(pool, first, 1000);
	const uint32_t second = sources_take(pool, 2000);
	assert_int_not_equal(second, first); /* a fresh one, though first is free */
	assert_int_equal(sources_take(pool, 1000 + SOURCES_REST_MS), first); /* it has rested */
	sources_give(pool, second, 300000);
	sources_give(pool, first, 301000);
	const uint32_t third = sources_take(pool, 302000);
	assert_true(third != first && third != second);
	assert_int_equal(sources_take(pool, 303000), second); /* in need, the oldest first */
	assert_int_equal(sources_take(pool, 303000), first);
	assert_int_equal(sources_take(pool, 303000), SOURCES_NONE);
	sources_free(pool);
}

static void test_a_long_life_repeats_no_held_slot(void **state)
{
	(void)state;
	struct seen seen;
	struct sources_settings s = settings(&seen, 2);
	s.prefixes[0] = v4(127, 0, 4, 0, 24);
	s.prefixes_len = 1;
	struct sources *pool = sources_new(&s);
	assert_non_null(pool);
	static bool held[512];
	memset(held, 0, sizeof(held));
	uint32_t random = 1;
	for (uint64_t now = 0; now < 20000; now++) {
		random = random * 1103515245 + 12345;
		const uint32_t pick = random >> 16 & 511;
		if (held[pick]) {
			sources_give(pool, pick, now * 100);
			held[pick] = false;
			continue;
		}
		const uint32_t slot = sources_take(pool, now * 100);
		if (slot == SOURCES_NONE)
			continue;
		assert_true(slot < 512);
		assert_false(held[slot]);
		held[slot] = true;
	}
	sources_free(pool);
}

/* A link that sleeps has its slot: nobody takes it, and it is given back once. */
static void test_a_slot_that_sleeps_is_nobodys_to_take(void **state)
{
	(void)state;
	struct seen seen;
	const struct sources_settings s = settings(&seen, 3);
	struct sources *pool = sources_new(&s);
	assert_non_null(pool);
	const uint32_t first = sources_take(pool, 0), second = sources_take(pool, 0);
	assert_false(sources_is_asleep(pool, first));
	sources_sleep(pool, first);
	assert_true(sources_is_asleep(pool, first));
	const uint32_t third = sources_take(pool, 0);
	assert_int_equal(sources_take(pool, 0), SOURCES_NONE);
	sources_hold(pool, first);
	assert_false(sources_is_asleep(pool, first));
	for (int i = 0; i < 3; i++)
		sources_give(pool, first, 0);
	assert_false(sources_is_asleep(pool, first));
	assert_int_equal(sources_take(pool, 0), first);
	assert_int_equal(sources_take(pool, 0), SOURCES_NONE);
	/* It comes back after it was given away, before anybody took it. */
	sources_give(pool, second, 0);
	sources_hold(pool, second);
	assert_int_equal(sources_take(pool, 0), SOURCES_NONE);
	sources_give(pool, second, 0);
	sources_give(pool, third, 0);
	assert_int_equal(sources_take(pool, 0), second);
	assert_int_equal(sources_take(pool, 0), third);
	assert_int_equal(sources_take(pool, 0), SOURCES_NONE);
	sources_free(pool);
}

static void test_no_more_sockets_is_told_and_used_slots_still_serve(void **state)
{
	(void)state;
	struct seen seen;
	const struct sources_settings s = settings(&seen, 3);
	struct sources *pool = sources_new(&s);
	assert_non_null(pool);
	seen.refuse_from = 1;
	const uint32_t only = sources_take(pool, 0);
	assert_int_equal(only, 0);
	assert_int_equal(sources_take(pool, 0), SOURCES_NONE);
	sources_give(pool, only, 0);
	assert_int_equal(sources_take(pool, 0), only);
	seen.refuse_from = UINT32_MAX;
	assert_int_equal(sources_take(pool, 0), 1);
	sources_free(pool);
}

static void test_what_is_missing_is_told(void **state)
{
	(void)state;
	struct seen seen;
	struct rlimit before;
	const struct sources_settings s = settings(&seen, 1);
	struct sources *pool = sources_new(&s);
	assert_non_null(pool);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const int next = dup(STDERR_FILENO);
	assert_true(next >= 0);
	assert_int_equal(close(next), 0);
	const struct rlimit none = { .rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	const uint32_t slot = sources_take(pool, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(slot, SOURCES_NONE);
	assert_int_equal(sources_error(pool), EMFILE);
	assert_int_equal(sources_take(pool, 0), 0);
	assert_int_equal(sources_error(pool), 0);
	assert_int_equal(sources_take(pool, 0), SOURCES_NONE);
	assert_int_equal(sources_error(pool), 0); /* every slot is in use */
	sources_free(pool);
}

static void test_a_prefix_of_the_other_family_is_refused(void **state)
{
	(void)state;
	struct seen seen;
	struct sources_settings s = settings(&seen, 3);
	s.prefixes[0] = (struct sources_prefix){ .base = { .family = NET_IPV6 }, .bits = 64 };
	s.prefixes_len = 1;
	assert_null(sources_new(&s));
}

static struct net_addr target(uint8_t last)
{
	return (struct net_addr){ .ip = { 127, 0, 0, last }, .port = 5684, .family = NET_IPV4 };
}

static void test_a_slot_keeps_the_address_that_it_leads_to(void **state)
{
	(void)state;
	struct seen seen;
	struct sources_settings s = settings(&seen, 1);
	s.prefixes[s.prefixes_len++] = v4(127, 0, 1, 0, 29);
	struct sources *pool = sources_new(&s);
	const struct net_addr two[] = { target(1), target(2) };
	uint8_t numbers[2] = { 9, 9 };
	assert_int_equal(sources_targets(pool), 1);
	sources_aim(pool, two, 2, numbers);
	assert_int_equal(numbers[0], 0);
	assert_int_equal(numbers[1], 1);
	assert_int_equal(sources_targets(pool), 2);
	const uint32_t a = sources_take(pool, 0), b = sources_take(pool, 0);
	struct net_path path = sources_path(pool, b);
	assert_true(net_addr_same(&path.peer, &two[0]));
	sources_lead(pool, b, 1);
	path = sources_path(pool, b);
	assert_true(net_addr_same(&path.peer, &two[1]));
	assert_int_equal(sources_find(pool, &path), b);
	sources_sleep(pool, b);
	assert_true(sources_is_asleep(pool, b));
	sources_hold(pool, b);
	path = sources_path(pool, b);
	assert_true(net_addr_same(&path.peer, &two[1]));
	path = sources_path(pool, a);
	assert_true(net_addr_same(&path.peer, &two[0]));
	path.peer = target(3);
	assert_int_equal(sources_find(pool, &path), SOURCES_NONE);
	/* Another link's begins with the first one again. */
	sources_give(pool, b, 0);
	for (uint32_t i = 2; i < 8; i++)
		assert_int_equal(sources_take(pool, 0), i);
	assert_int_equal(sources_take(pool, SOURCES_REST_MS), b);
	path = sources_path(pool, b);
	assert_true(net_addr_same(&path.peer, &two[0]));
	sources_free(pool);
}

static void test_room_for_a_new_address_is_made_where_nobody_is(void **state)
{
	(void)state;
	struct seen seen;
	struct sources_settings s = settings(&seen, 4);
	struct sources *pool = sources_new(&s);
	struct net_addr now;
	uint8_t number;
	const uint32_t held = sources_take(pool, 0), asleep = sources_take(pool, 0);
	assert_true(sources_take(pool, 0) != SOURCES_NONE); /* leads to the first */
	now = target(2);
	sources_aim(pool, &now, 1, &number);
	sources_lead(pool, held, number);
	now = target(3);
	sources_aim(pool, &now, 1, &number);
	sources_lead(pool, asleep, number);
	sources_sleep(pool, asleep);
	for (uint8_t i = 4; i < 80; i++) { /* a name that means another machine each time */
		now = target(i);
		sources_aim(pool, &now, 1, &number);
		assert_in_range(number, 0, SOURCES_TARGETS_MAX - 1);
		assert_int_equal(sources_target(pool, &now), number);
	}
	assert_int_equal(sources_targets(pool), SOURCES_TARGETS_MAX);
	now = target(1);
	assert_true(sources_target(pool, &now) != SOURCES_NO_TARGET);
	now = target(2);
	assert_true(sources_target(pool, &now) != SOURCES_NO_TARGET);
	now = target(3);
	assert_true(sources_target(pool, &now) != SOURCES_NO_TARGET);
	now = target(SOURCES_TARGETS_MAX + 1); /* one of many that came and went */
	assert_int_equal(sources_target(pool, &now), SOURCES_NO_TARGET);
	const struct net_addr both[] = { target(79),
		target(80) }; /* neither makes room for the other */
	uint8_t two[2];
	sources_aim(pool, both, 2, two);
	assert_int_not_equal(two[0], two[1]);
	assert_int_equal(sources_target(pool, &both[0]), two[0]);
	now.family = NET_IPV6;
	sources_aim(pool, &now, 1, &number);
	assert_int_equal(number, SOURCES_NO_TARGET);
	sources_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes_yield_the_addresses_that_a_host_may_have),
		cmocka_unit_test(test_R290_every_link_has_its_own_address_and_port_pair),
		cmocka_unit_test(test_without_addresses_each_link_has_its_own_socket),
		cmocka_unit_test(test_a_slot_rests_before_it_is_taken_again),
		cmocka_unit_test(test_a_long_life_repeats_no_held_slot),
		cmocka_unit_test(test_a_slot_that_sleeps_is_nobodys_to_take),
		cmocka_unit_test(test_no_more_sockets_is_told_and_used_slots_still_serve),
		cmocka_unit_test(test_what_is_missing_is_told),
		cmocka_unit_test(test_a_prefix_of_the_other_family_is_refused),
		cmocka_unit_test(test_a_slot_keeps_the_address_that_it_leads_to),
		cmocka_unit_test(test_room_for_a_new_address_is_made_where_nobody_is),
	};
	return cmocka_run_group_tests_name("io/sources", tests, NULL, NULL);
}
