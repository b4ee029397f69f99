/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says of devices that are in, and how much of it one of them can provoke. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/explain.h"
#include "town.h"

enum {
	BURST = 10, /* base/log: lines at once */
	MANY = 3 * BURST,
	CODE_UNAVAILABLE = 163,
};

static struct town *told_town(enum log_level level)
{
	struct town *t = town_new(1, true, true);
	t->workers[0]->log.level = level;
	t->workers[0]->log.fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(t->workers[0]->log.fd >= 0);
	return t;
}

static void free_told(struct town *t)
{
	const int fd = t->workers[0]->log.fd;
	town_free(t);
	assert_int_equal(close(fd), 0);
}

/* All of the log, until the next call. */
static const char *told(const struct town *t)
{
	static char text[1 << 16];
	const ssize_t n = pread(t->workers[0]->log.fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;
	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		n++;
	return n;
}

static size_t registered(struct town *t)
{
	const size_t socket = town_socket(t, 0);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 1);
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	return socket;
}

static void update(struct town *t, size_t socket, size_t times)
{
	for (size_t i = 0; i < times; i++) {
		const size_t before = t->devices.messages;
		town_update(t, socket);
		town_until(t, &t->devices.messages, before + 1);
	}
}

static void test_an_Update_that_changes_nothing_is_no_news(void **state)
{
	(void)state;
	struct town *t = told_town(LOG_LEVEL_INFO);
	const size_t socket = registered(t);
	update(t, socket, 5);
	assert_int_equal(count(told(t), "info registered endpoint=urn:dev:0 location=/rd/5a"), 1);
	assert_int_equal(count(told(t), "\n"), 2); /* and session-up */
	free_told(t);
	t = told_town(LOG_LEVEL_DEBUG);
	update(t, registered(t), 3);
	assert_int_equal(count(told(t), "debug registered"), 3);
	free_told(t);
}

static void test_one_device_cannot_flood_the_log_with_Updates(void **state)
{
	(void)state;
	struct town *t = told_town(LOG_LEVEL_DEBUG);
	update(t, registered(t), MANY);
	assert_true(count(told(t), "\n") <= BURST + 4);
	free_told(t);
}

static void test_one_device_cannot_flood_the_log_with_handshakes(void **state)
{
	(void)state;
	struct town *t = told_town(LOG_LEVEL_INFO);
	const size_t socket = registered(t);
	for (size_t i = 0; i < MANY; i++) {
		const size_t before = t->devices.ups;
		town_reboot(t);
		town_connect(t, 0, socket);
		town_until(t, &t->devices.ups, before + 1);
	}
	assert_int_equal(count(told(t), "session-up"), 1);
	assert_true(count(told(t), "session-again") > 0);
	assert_true(count(told(t), "\n") <= BURST + 4);
	free_told(t);
}

/* Each of its sessions is new, and still it is the same device. */
static void test_one_device_cannot_flood_the_log_with_goodbyes(void **state)
{
	(void)state;
	struct town *t = told_town(LOG_LEVEL_INFO);
	const size_t socket = town_socket(t, 0);
	for (size_t i = 0; i < MANY; i++) {
		town_connect(t, 0, socket);
		town_until(t, &t->devices.ups, i + 1);
		dtls_close(t->devices.dtls, t->devices.conns[socket]);
		t->devices.conns[socket] = NULL;
		town_turns(t, 2);
	}
	assert_true(count(told(t), "session-down") > 0);
	assert_true(count(told(t), "\n") <= BURST + 4);
	/* Another device is not held back for it. */
	const size_t other = town_socket(t, 0);
	town_connect(t, 1, other);
	town_until(t, &t->devices.ups, MANY + 1);
	assert_int_equal(count(told(t), "session-up endpoint=urn:dev:1"), 1);
	free_told(t);
}

static void test_a_link_without_a_descriptor_names_the_remedy(void **state)
{
	(void)state;
	struct town *t = told_town(LOG_LEVEL_WARN);
	struct rlimit before;
	const size_t socket = town_socket(t, 0);
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const int next = dup(STDERR_FILENO);
	assert_true(next >= 0);
	assert_int_equal(close(next), 0);
	const struct rlimit none = { .rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	town_register(t, 0, socket);
	town_until(t, &t->devices.messages, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(t->devices.code, CODE_UNAVAILABLE);
	assert_non_null(
		strstr(told(t), "warn link-full endpoint=urn:dev:0 why=\"Too many open files\" "
				"remedy=\"LimitNOFILE="));
	free_told(t);
}

static void test_a_link_without_a_slot_names_the_remedy(void **state)
{
	(void)state;
	char text[GW_EXPLAIN_MAX];
	assert_string_equal(gw_explain_no_slot(0, text),
		"why=\"every source address and port has a link\" remedy=\"upstream.sources, "
		"upstream.sockets\"");
	assert_non_null(strstr(gw_explain_no_slot(ENFILE, text), "remedy=\"sysctl fs.file-max\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_Update_that_changes_nothing_is_no_news),
		cmocka_unit_test(test_one_device_cannot_flood_the_log_with_Updates),
		cmocka_unit_test(test_one_device_cannot_flood_the_log_with_handshakes),
		cmocka_unit_test(test_one_device_cannot_flood_the_log_with_goodbyes),
		cmocka_unit_test(test_a_link_without_a_descriptor_names_the_remedy),
		cmocka_unit_test(test_a_link_without_a_slot_names_the_remedy),
	};
	return cmocka_run_group_tests_name("gateway/lines", tests, NULL, NULL);
}
