/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/log.h"

/* A datagram socket pair: each write(2) is one message, so a line that takes two is seen. */
struct fixture {
	struct log log;
	int ours;
	char line[2 * LOG_LINE_MAX];
};

static int up(void **state)
{
	struct fixture *const f = calloc(1, sizeof(*f));
	int ends[2];
	if (!f || socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0) {
		free(f);
		return -1;
	}
	f->ours = ends[0];
	f->log = (struct log){ .fd = ends[1], .level = LOG_LEVEL_INFO, .name = "unit" };
	*state = f;
	return 0;
}

static int down(void **state)
{
	struct fixture *const f = *state;
	close(f->ours);
	close(f->log.fd);
	free(f);
	return 0;
}

/* The next line that was written, or NULL. */
static const char *said(struct fixture *f)
{
	const ssize_t n = recv(f->ours, f->line, sizeof(f->line) - 1, MSG_DONTWAIT);
	if (n < 0)
		return NULL;
	f->line[n] = 0;
	return f->line;
}

static void test_I8_a_line_is_level_event_words(void **state)
{
	struct fixture *const f = *state;
	log_say(&f->log, LOG_LEVEL_WARN, "link.down", "peer=%s n=%d", "192.0.2.1:5684", 7);
	assert_string_equal(said(f), "unit warn link.down peer=192.0.2.1:5684 n=7\n");
	assert_null(said(f));
}

static void test_I8_lines_above_the_level_are_not_written(void **state)
{
	struct fixture *const f = *state;
	struct log_limit limit = { 0 };
	log_say(&f->log, LOG_LEVEL_DEBUG, "e", "%s", "x");
	log_limited(&f->log, &limit, 0, LOG_LEVEL_DEBUG, "e", "%s", "x");
	assert_null(said(f));
	assert_int_equal(limit.said, 0);
	log_say(&f->log, LOG_LEVEL_INFO, "e", "%s", "x");
	assert_string_equal(said(f), "unit info e x\n");
	f->log.level = LOG_LEVEL_ERROR;
	log_say(&f->log, LOG_LEVEL_WARN, "e", "%s", "x");
	assert_null(said(f));
	log_say(&f->log, LOG_LEVEL_ERROR, "e", "%s", "x");
	assert_string_equal(said(f), "unit error e x\n");
}

static void test_I7_nobody_forges_a_line(void **state)
{
	struct fixture *const f = *state;
	log_say(&f->log, LOG_LEVEL_INFO, "e", "id=%s", "a\nb\rc\td\x1b[31m\x7f\x01z");
	assert_string_equal(said(f), "unit info e id=a.b.c.d.[31m..z\n");
	assert_null(said(f));
}

/* Words of every length around the limit: whole, one write, newline at the end. */
static void test_I7_a_line_is_never_longer_than_the_limit(void **state)
{
	struct fixture *const f = *state;
	const size_t head = strlen("unit info e ");
	char words[LOG_LINE_MAX + 100];
	for (size_t n = LOG_LINE_MAX - 40; n < sizeof(words); n++) {
		memset(words, 'w', sizeof(words));
		words[n] = 0;
		log_say(&f->log, LOG_LEVEL_INFO, "e", "%s", words);
		const char *const line = said(f);
		assert_non_null(line);
		const size_t len = strlen(line);
		assert_true(len <= LOG_LINE_MAX);
		assert_true(len == head + n + 1 || len >= LOG_LINE_MAX - 2);
		assert_int_equal(line[len - 1], '\n');
		assert_ptr_equal(strchr(line, '\n'), line + len - 1);
		assert_null(said(f));
	}
}

static void test_I7_an_event_name_over_the_limit(void **state)
{
	struct fixture *const f = *state;
	char event[LOG_LINE_MAX + 50];
	memset(event, 'e', sizeof(event));
	event[sizeof(event) - 1] = 0;
	log_say(&f->log, LOG_LEVEL_INFO, event, "%s", "words");
	const char *const line = said(f);
	assert_non_null(line);
	assert_true(strlen(line) <= LOG_LINE_MAX);
	assert_null(said(f));
}

static void test_I9_strangers_get_ten_lines_then_one_each_ten_seconds(void **state)
{
	struct fixture *const f = *state;
	struct log_limit limit = { 0 };
	unsigned lines = 0;
	for (unsigned i = 0; i < 1000; i++) {
		log_limited(&f->log, &limit, 5000, LOG_LEVEL_INFO, "junk", "%u", i);
		lines += said(f) != NULL;
	}
	assert_int_equal(lines, 10);
	log_limited(&f->log, &limit, 14999, LOG_LEVEL_INFO, "junk", "%s", "x");
	assert_null(said(f));
	log_limited(&f->log, &limit, 15000, LOG_LEVEL_INFO, "junk", "%s", "x");
	assert_string_equal(said(f), "unit info junk x\n");
	assert_string_equal(said(f), "unit info junk and 991 more like it held back\n");
	assert_null(said(f));
	log_limited(&f->log, &limit, 15001, LOG_LEVEL_INFO, "junk", "%s", "x");
	assert_null(said(f));
	log_limited(&f->log, &limit, 25000, LOG_LEVEL_INFO, "junk", "%s", "x");
	assert_string_equal(said(f), "unit info junk x\n");
	assert_string_equal(said(f), "unit info junk and 1 more like it held back\n");
}

static void test_I9_quiet_brings_the_burst_back(void **state)
{
	struct fixture *const f = *state;
	struct log_limit limit = { 0 };
	for (unsigned i = 0; i < 20; i++) {
		log_limited(&f->log, &limit, 0, LOG_LEVEL_INFO, "junk", "%u", i);
		(void)said(f);
	}
	unsigned lines = 0;
	for (unsigned i = 0; i < 100; i++) {
		log_limited(&f->log, &limit, 60000, LOG_LEVEL_INFO, "junk", "%u", i);
		while (said(f))
			lines++;
	}
	assert_int_equal(lines, 11); /* ten, and the word about those held back before */
}

static void test_I8_a_log_that_cannot_be_written_stops_nobody(void **state)
{
	(void)state;
	const struct log l = { .fd = -1, .level = LOG_LEVEL_INFO, .name = "unit" };
	log_say(&l, LOG_LEVEL_INFO, "e", "%s", "x");
}

static void test_I8_level_names(void **state)
{
	(void)state;
	static const char *const names[] = { "error", "warn", "info", "debug" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		enum log_level level;
		assert_true(log_level_parse(names[i], &level));
		assert_int_equal(level, i);
	}
	enum log_level level = LOG_LEVEL_WARN;
	assert_false(log_level_parse("", &level));
	assert_false(log_level_parse("warning", &level));
	assert_false(log_level_parse("Info", &level));
	assert_int_equal(level, LOG_LEVEL_WARN);
}

#define WITH_LOG(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(test_I8_a_line_is_level_event_words),
		WITH_LOG(test_I8_lines_above_the_level_are_not_written),
		WITH_LOG(test_I7_nobody_forges_a_line),
		WITH_LOG(test_I7_a_line_is_never_longer_than_the_limit),
		WITH_LOG(test_I7_an_event_name_over_the_limit),
		WITH_LOG(test_I9_strangers_get_ten_lines_then_one_each_ten_seconds),
		WITH_LOG(test_I9_quiet_brings_the_burst_back),
		cmocka_unit_test(test_I8_a_log_that_cannot_be_written_stops_nobody),
		cmocka_unit_test(test_I8_level_names),
	};
	return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
