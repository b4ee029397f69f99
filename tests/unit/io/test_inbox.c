/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/inbox.h"

enum { POSTERS = 4, POSTS = 5000, WAIT_MS = 5000 };

static bool readable(const struct inbox *b)
{
	struct pollfd f = { .fd = inbox_fd(b), .events = POLLIN };
	return poll(&f, 1, 0) == 1;
}

static void test_messages_come_whole_and_in_order(void **state)
{
	(void)state;
	struct inbox *b = inbox_new();
	struct inbox_message *m = calloc(1, sizeof(*m));
	assert_non_null(b);
	assert_non_null(m);
	assert_false(readable(b));
	assert_false(inbox_take(b, m));
	for (uint32_t i = 0; i < 1000; i++) { /* wraps the ring several times */
		uint8_t data[INBOX_MESSAGE_MAX];
		const size_t len = (i * 37) % (INBOX_MESSAGE_MAX + 1);
		memset(data, (int)(i & 0xff), sizeof(data));
		assert_true(inbox_post(b, INBOX_LOSSY, i, data, len));
		assert_true(inbox_post(b, INBOX_SURE, i + 1, NULL, 0));
		assert_true(readable(b));
		assert_true(inbox_take(b, m));
		assert_int_equal(m->kind, i);
		assert_int_equal(m->len, len);
		assert_memory_equal(m->data, data, len);
		assert_true(readable(b));
		assert_true(inbox_take(b, m));
		assert_int_equal(m->kind, i + 1);
		assert_int_equal(m->len, 0);
		assert_false(readable(b));
	}
	free(m);
	inbox_free(b);
}

/* Strays that nobody reads must neither grow the memory nor keep a claim out. */
static void test_I9_strays_are_bounded_and_never_keep_a_sure_message_out(void **state)
{
	(void)state;
	static const uint8_t data[INBOX_MESSAGE_MAX];
	struct inbox *b = inbox_new();
	struct inbox_message *m = calloc(1, sizeof(*m));
	assert_non_null(b);
	assert_non_null(m);
	uint32_t strays = 0;
	while (inbox_post(b, INBOX_LOSSY, 1, data, sizeof(data)))
		strays++;
	assert_in_range(
		strays, INBOX_ROOM / 2 / INBOX_MESSAGE_MAX - 1, INBOX_ROOM / 2 / INBOX_MESSAGE_MAX);
	assert_int_equal(inbox_refused(b), 1);
	for (uint32_t i = 0; i < 1000; i++) /* far beyond the first room */
		assert_true(inbox_post(b, INBOX_SURE, 100 + i, data, 1000));
	assert_false(inbox_post(b, INBOX_LOSSY, 1, data, 1));
	for (uint32_t i = 0; i < strays; i++) {
		assert_true(inbox_take(b, m));
		assert_int_equal(m->kind, 1);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		assert_true(inbox_take(b, m));
		assert_int_equal(m->kind, 100 + i);
		assert_int_equal(m->len, 1000);
	}
	assert_false(inbox_take(b, m));
	free(m);
	inbox_free(b);
}

struct poster {
	pthread_t thread;
	struct inbox *inbox;
	uint32_t number;
};

static void *post_all(void *ctx)
{
	const struct poster *p = ctx;
	for (uint32_t i = 0; i < POSTS; i++) {
		if (!inbox_post(p->inbox, INBOX_SURE, p->number, &i, sizeof(i)))
			return NULL;
	}
	return NULL;
}

static void test_many_threads_post_and_nothing_is_lost(void **state)
{
	(void)state;
	struct inbox *b = inbox_new();
	struct inbox_message *m = calloc(1, sizeof(*m));
	assert_non_null(b);
	assert_non_null(m);
	struct poster posters[POSTERS];
	uint32_t next[POSTERS] = { 0 };
	for (uint32_t i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){ .inbox = b, .number = i };
		assert_int_equal(
			pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
	}
	for (uint32_t got = 0; got < POSTERS * POSTS;) {
		struct pollfd f = { .fd = inbox_fd(b), .events = POLLIN };
		assert_int_equal(poll(&f, 1, WAIT_MS), 1);
		while (inbox_take(b, m)) {
			uint32_t i = 0;
			assert_int_equal(m->len, sizeof(i));
			memcpy(&i, m->data, sizeof(i));
			assert_int_equal(i, next[m->kind]++);
			got++;
		}
	}
	for (uint32_t i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
	assert_false(readable(b));
	free(m);
	inbox_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_come_whole_and_in_order),
		cmocka_unit_test(test_I9_strays_are_bounded_and_never_keep_a_sure_message_out),
		cmocka_unit_test(test_many_threads_post_and_nothing_is_lost),
	};
	return cmocka_run_group_tests_name("io/inbox", tests, NULL, NULL);
}
