/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ev.h>

#include "base/log.h"
#include "gateway/resolver.h"

enum { PATIENCE_S = 20 };

static struct net_addr at(uint8_t last)
{
	return (struct net_addr){ .ip = { 192, 0, 2, last }, .port = 5684, .family = NET_IPV4 };
}

static struct gw_resolved now_of(const char *digits)
{
	struct gw_resolved r = { .upstream = 3 };
	for (; *digits != '\0'; digits++)
		r.addresses[r.len++] = at((uint8_t)(*digits - '0'));
	return r;
}

static struct gw_lookup found_of(const char *digits)
{
	struct gw_lookup l = { .len = 0 };
	for (; *digits != '\0'; digits++)
		l.found[l.len++] = at((uint8_t)(*digits - '0'));
	return l;
}

/* hosts: what each was found to be; NULL ends them. */
static void merges(const char *now, const char *const hosts[], const char *wanted)
{
	struct gw_resolved r = now_of(now);
	struct gw_lookup all[CONF_ADDRESSES_MAX];
	char text[CONF_ADDRESSES_MAX + 1] = "";
	size_t len = 0;
	for (; hosts[len]; len++)
		all[len] = found_of(hosts[len]);
	const bool other = gw_resolved_merge(&r, all, len);
	for (size_t i = 0; i < r.len; i++)
		text[i] = (char)('0' + r.addresses[i].ip[3]);
	assert_string_equal(text, wanted);
	assert_int_equal(other, strcmp(now, wanted) != 0);
	assert_int_equal(r.upstream, 3);
}

#define HOSTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_what_names_stand_for_now_is_taken(void **state)
{
	(void)state;
	merges("1", HOSTS("1"), "1");
	merges("1", HOSTS("2"), "2");
	merges("12", HOSTS("21"), "12");   /* a resolver turns them round: nobody moves */
	merges("12", HOSTS("312"), "123"); /* who was there stays first */
	merges("12", HOSTS("2"), "2");
	merges("1234", HOSTS("4567"), "4567");
	merges("12", HOSTS("2", "1"), "21"); /* hosts are in the order of preference */
	merges("12", HOSTS("12", "21"), "12");
	merges("1", HOSTS("12", "34"), "1234");
}

static void test_a_name_that_is_not_found_takes_nothing_away(void **state)
{
	(void)state;
	merges("12", HOSTS(""), "12");
	merges("12", HOSTS("", ""), "12");
	merges("12", HOSTS("", "3"), "312");
	merges("12", HOSTS("1", ""), "12");
	merges("1234", HOSTS("5", ""), "5123");
}

/* --- a round --------------------------------------------------------------------------------- */

struct heard {
	struct ev_loop *loop;
	size_t times;
	struct gw_resolved last;
};

static void on_found(void *ctx, const struct gw_resolved *r)
{
	struct heard *const h = ctx;
	h->times++;
	h->last = *r;
	ev_break(h->loop, EVBREAK_ALL);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void wait_for(struct ev_loop *loop, double seconds)
{
	ev_timer late;
	ev_timer_init(&late, on_late, seconds, 0.0);
	ev_timer_start(loop, &late);
	(void)ev_run(loop, 0);
	ev_timer_stop(loop, &late);
}

static void test_a_round_asks_the_system_and_tells_what_is_new(void **state)
{
	(void)state;
	static char name[] = "upstream", host[] = "localhost", literal[] = "192.0.2.1";
	struct conf_upstream upstreams[] = {
		{ .name = name,
			.hosts = { literal },
			.hosts_len = 1,
			.addresses = { at(1) },
			.addresses_len = 1 },
		{ .name = name,
			.hosts = { host },
			.hosts_len = 1,
			.addresses = { at(9) },
			.addresses_len = 1 },
	};
	const struct conf_gateway conf = { .upstreams = upstreams, .upstreams_len = 2 };
	const struct log log = { .fd = STDERR_FILENO, .level = LOG_LEVEL_ERROR, .name = "test" };
	struct heard heard = { .loop = ev_loop_new(EVFLAG_AUTO) };
	const struct gw_resolver_settings s = {
		.conf = &conf, .log = &log, .ctx = &heard, .found = on_found
	};
	assert_true(gw_resolver_is_needed(&conf));
	struct gw_resolver *const r = gw_resolver_new(&s);
	assert_non_null(r);
	gw_resolver_begin(r, heard.loop);
	gw_resolver_ask(r);
	gw_resolver_ask(r);
	wait_for(heard.loop, PATIENCE_S);
	assert_int_equal(heard.times, 1);
	assert_int_equal(heard.last.upstream, 1);
	assert_int_equal(heard.last.addresses[0].ip[0], 127);
	assert_int_equal(heard.last.addresses[0].port, 5684);
	gw_resolver_ask(r); /* the next one has time ... */
	ev_now_update(heard.loop);
	(void)ev_run(heard.loop, EVRUN_ONCE);
	gw_resolver_end(r); /* ... and is not waited for */
	assert_int_equal(heard.times, 1);
	gw_resolver_free(r);
	ev_loop_destroy(heard.loop);
	gw_resolver_ask(NULL);
}

static void test_without_names_there_is_nothing_to_do(void **state)
{
	(void)state;
	static char name[] = "upstream", literal[] = "192.0.2.1";
	struct conf_upstream u = { .name = name, .hosts = { literal }, .hosts_len = 1 };
	const struct conf_gateway conf = { .upstreams = &u, .upstreams_len = 1 };
	const struct gw_resolver_settings s = { .conf = &conf };
	assert_false(gw_resolver_is_needed(&conf));
	assert_null(gw_resolver_new(&s));
	gw_resolver_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_names_stand_for_now_is_taken),
		cmocka_unit_test(test_a_name_that_is_not_found_takes_nothing_away),
		cmocka_unit_test(test_a_round_asks_the_system_and_tells_what_is_new),
		cmocka_unit_test(test_without_names_there_is_nothing_to_do),
	};
	return cmocka_run_group_tests_name("gateway/resolver", tests, NULL, NULL);
}
