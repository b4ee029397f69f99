/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that are no nng, and too many of any kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/control.h"
#include "place.h"

static int raw_client(const struct place *p)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", p->path);
	const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s >= 0);
	assert_int_equal(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(connect(s, (const struct sockaddr *)&a, sizeof(a)), 0);
	return s;
}

/* Serves until nothing is left to do. */
static void serve_all(struct ctl_control *c)
{
	struct pollfd fd = { .fd = ctl_fd(c), .events = POLLIN };
	for (int i = 0; i < 1000 && poll(&fd, 1, 0) == 1; i++)
		ctl_serve(c);
	assert_int_equal(poll(&fd, 1, 0), 0);
}

static void raw_send(struct ctl_control *c, int s, const void *bytes, size_t len)
{
	assert_int_equal(send(s, bytes, len, MSG_NOSIGNAL), len);
	serve_all(c);
}

static void raw_expect(int s, const void *bytes, size_t len)
{
	uint8_t got[64];
	assert_int_equal(recv(s, got, len, MSG_WAITALL), len);
	assert_memory_equal(got, bytes, len);
}

static const uint8_t hello[] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0 };
static const uint8_t rep_hello[] = { 0, 'S', 'P', 0, 0, 0x31, 0, 0 };
/* A request that is malformed for us, but not for nng; and what begins its answer. */
static const uint8_t frame[] = { 1, 0, 0, 0, 0, 0, 0, 0, 5, 0x80, 1, 2, 3, 0xff };
static const char answer_head[] = "\1\0\0\0\0\0\0\0";

static void expect_answer(int s)
{
	uint8_t rest[256];
	raw_expect(s, answer_head, 8);
	assert_int_equal(recv(s, rest, 1, 0), 1);
	assert_in_range(rest[0], 6, 255);
	const size_t len = rest[0];
	assert_int_equal(recv(s, rest, len, MSG_WAITALL), len);
	assert_memory_equal(rest, "\x80\1\2\3\1\2", 6); /* its id, version 1, CTL_BAD_REQUEST */
}

/* nanomsg/nng issue 1518: its own listener would be shut for ever after the first of these. */
static void test_who_goes_during_the_greeting_shuts_no_door(void **state)
{
	struct place *p = *state;
	struct ctl_control *c = place_open(p, "");
	assert_non_null(c);
	assert_int_equal(close(raw_client(p)), 0);
	serve_all(c);
	int s = raw_client(p);
	raw_send(c, s, hello, 3);
	assert_int_equal(close(s), 0);
	serve_all(c);
	assert_null(place_open(p, "")); /* a second gateway that looks whether there is a first */
	serve_all(c);
	s = raw_client(p);
	serve_all(c);
	raw_expect(s, rep_hello, 8);
	raw_send(c, s, hello, 8);
	raw_send(c, s, frame, 14);
	expect_answer(s);
	assert_int_equal(close(s), 0);
	ctl_close(c);
}

static void test_requests_come_in_pieces_and_in_bunches(void **state)
{
	struct place *p = *state;
	struct ctl_control *c = place_open(p, "");
	uint8_t both[8 + 2 * 14];
	assert_non_null(c);
	memcpy(both, hello, 8);
	memcpy(both + 8, frame, 14);
	memcpy(both + 22, frame, 14);
	const int slow = raw_client(p), quick = raw_client(p);
	for (size_t i = 0; i < sizeof(both); i++)
		raw_send(c, slow, both + i, 1);
	raw_send(c, quick, both, sizeof(both));
	raw_expect(slow, rep_hello, 8);
	expect_answer(slow);
	expect_answer(slow);
	raw_expect(quick, rep_hello, 8);
	expect_answer(quick);
	expect_answer(quick);
	assert_int_equal(close(slow), 0);
	assert_int_equal(close(quick), 0);
	serve_all(c);
	ctl_close(c);
}

static void test_babble_is_hung_up_on(void **state)
{
	struct place *p = *state;
	struct ctl_control *c = place_open(p, "");
	char byte = 0;
	assert_non_null(c);
	int s = raw_client(p);
	raw_send(c, s, "GET / HT", 8);
	raw_expect(s, rep_hello, 8);
	assert_true(recv(s, &byte, 1, 0) <= 0);
	assert_int_equal(close(s), 0);
	s = raw_client(p);
	raw_send(c, s, hello, 8);
	raw_send(c, s, "\1\xff\xff\xff\xff\xff\xff\xff\xff", 9);
	raw_expect(s, rep_hello, 8);
	assert_true(recv(s, &byte, 1, 0) <= 0);
	assert_int_equal(close(s), 0);
	serve_all(c);
	ctl_close(c);
}

static void test_silent_clients_do_not_keep_others_out(void **state)
{
	enum { MANY = 80 };
	struct place *p = *state;
	struct ctl_control *c = place_open(p, "");
	int silent[MANY];
	char byte = 0;
	assert_non_null(c);
	for (size_t i = 0; i < MANY; i++) {
		silent[i] = raw_client(p);
		serve_all(c);
	}
	const int s = raw_client(p);
	serve_all(c);
	raw_expect(s, rep_hello, 8);
	raw_send(c, s, hello, 8);
	raw_send(c, s, frame, 14);
	expect_answer(s);
	/* The first has been pushed out: its greeting, then the end. */
	raw_expect(silent[0], rep_hello, 8);
	assert_int_equal(recv(silent[0], &byte, 1, 0), 0);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(close(silent[i]), 0);
	assert_int_equal(close(s), 0);
	serve_all(c);
	ctl_close(c);
}

/* From now on no descriptor can be opened. The caller puts the limit back. */
static struct rlimit use_up_descriptors(void)
{
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const int next = dup(STDERR_FILENO);
	assert_true(next >= 0);
	assert_int_equal(close(next), 0);
	const struct rlimit none = { .rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return before;
}

static void connect_raw(const struct place *p, int s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", p->path);
	assert_int_equal(connect(s, (const struct sockaddr *)&a, sizeof(a)), 0);
}

/* The main thread would spin, and nobody could look why. */
static void test_without_descriptors_clients_are_hung_up_on(void **state)
{
	struct place *p = *state;
	struct ctl_control *c = place_open(p, "");
	char byte = 0;
	assert_non_null(c);
	const int first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int second = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(first >= 0 && second >= 0);
	const struct rlimit before = use_up_descriptors();
	connect_raw(p, first);
	connect_raw(p, second);
	serve_all(c); /* comes to rest */
	assert_int_equal(recv(first, &byte, 1, 0), 0);
	assert_int_equal(recv(second, &byte, 1, 0), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	const int third = raw_client(p);
	serve_all(c);
	raw_expect(third, rep_hello, 8);
	assert_int_equal(close(first), 0);
	assert_int_equal(close(second), 0);
	assert_int_equal(close(third), 0);
	serve_all(c);
	ctl_close(c);
}

/* A worker may have been quicker to take what the spare descriptor left: here the limit is below
   all that is open. */
static void test_without_a_spare_descriptor_clients_wait_and_nobody_spins(void **state)
{
	struct place *p = *state;
	struct ctl_control *c = place_open(p, "");
	assert_non_null(c);
	const int early = raw_client(p);
	const int late = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(late >= 0);
	serve_all(c);
	raw_expect(early, rep_hello, 8);
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit less = { .rlim_cur = 3, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	connect_raw(p, late);
	for (int i = 0; i < 10; i++) /* poll() itself would refuse more than the limit */
		ctl_serve(c);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	struct pollfd fd = { .fd = ctl_fd(c), .events = POLLIN };
	assert_int_equal(poll(&fd, 1, 0), 0);
	raw_send(c, early, hello, 8); /* whatever happens next wakes those who wait, too */
	raw_expect(late, rep_hello, 8);
	assert_int_equal(close(early), 0);
	assert_int_equal(close(late), 0);
	serve_all(c);
	ctl_close(c);
}

/* We are told once of all who wait. */
static void test_a_crowd_at_the_door_is_served(void **state)
{
	enum { CROWD = 50 };
	struct place *p = *state;
	struct ctl_control *c = place_open(p, "");
	int crowd[CROWD];
	assert_non_null(c);
	for (size_t i = 0; i < CROWD; i++)
		crowd[i] = raw_client(p);
	serve_all(c);
	for (size_t i = 0; i < CROWD; i++) {
		raw_expect(crowd[i], rep_hello, 8);
		assert_int_equal(close(crowd[i]), 0);
	}
	serve_all(c);
	ctl_close(c);
}

/* As many commands at once as a script of an operator begins: each has its answer, also those that
   come while all places are taken by others that were not heard yet. */
static void test_who_has_asked_is_not_pushed_out(void **state)
{
	enum { PLACES = 64, CROWD = PLACES + 20 };
	struct place *p = *state;
	struct ctl_control *c = place_open(p, "");
	int crowd[CROWD];
	assert_non_null(c);
	for (size_t i = 0; i < CROWD; i++) {
		crowd[i] = raw_client(p);
		if (i < PLACES)
			serve_all(c);
		assert_int_equal(send(crowd[i], hello, 8, MSG_NOSIGNAL), 8);
		assert_int_equal(send(crowd[i], frame, 14, MSG_NOSIGNAL), 14);
	}
	struct pollfd fd = { .fd = ctl_fd(c), .events = POLLIN };
	size_t left = CROWD;
	for (int turn = 0; turn < 1000 && left > 0; turn++) {
		char byte;
		if (poll(&fd, 1, 0) == 1)
			ctl_serve(c);
		for (size_t i = 0; i < CROWD; i++) {
			if (crowd[i] < 0 || recv(crowd[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
				continue;
			serve_all(c);
			raw_expect(crowd[i], rep_hello, 8);
			expect_answer(crowd[i]);
			assert_int_equal(close(crowd[i]), 0);
			crowd[i] = -1;
			left--;
		}
	}
	assert_int_equal(left, 0);
	serve_all(c);
	ctl_close(c);
}

static bool many_sessions(void *ctx, const char *endpoint, struct ctl_session **out, size_t *len)
{
	enum { SESSIONS = 20000 };
	(void)ctx;
	(void)endpoint;
	*out = calloc(SESSIONS, sizeof(**out));
	*len = SESSIONS;
	return *out != NULL;
}

/* More than a socket's buffer holds: the rest goes when the client has read. */
static void test_a_long_answer_waits_for_its_reader(void **state)
{
	struct place *p = *state;
	struct ctl_source long_source = place_source;
	long_source.sessions = many_sessions;
	const struct ctl_door door = { .path = p->path, .group = "", .inherited = -1 };
	struct ctl_control *c = ctl_open(&door, &long_source, p->error, sizeof(p->error));
	uint8_t head[9], piece[4096];
	uint64_t left = 0;
	assert_non_null(c);
	const int s = raw_client(p);
	raw_send(c, s, hello, 8);
	/* JSON, CTL_SESSIONS, no argument; page 0, no widths. */
	static const uint8_t request[9 + 4 + 4 + 4 + CTL_WIDTHS] = { 1, 0, 0, 0, 0, 0, 0, 0,
		8 + 4 + CTL_WIDTHS, 0x80, 0, 0, 0, CTL_VERSION, CTL_JSON, CTL_SESSIONS, 0 };
	raw_send(c, s, request, sizeof(request));
	raw_expect(s, rep_hello, 8);
	assert_int_equal(recv(s, head, sizeof(head), MSG_WAITALL), sizeof(head));
	for (size_t i = 1; i < sizeof(head); i++)
		left = left << 8 | head[i];
	assert_true(left > 1000000);
	while (left > 0) {
		serve_all(c);
		const ssize_t n = recv(s, piece, sizeof(piece), 0);
		assert_true(n > 0);
		left -= (uint64_t)n;
	}
	assert_int_equal(close(s), 0);
	serve_all(c);
	ctl_close(c);
}

struct staged {
	size_t begun, aborted;
};

static void *import_begin(void *ctx, const char *name, bool replace, struct ctl_said *said)
{
	struct staged *st = ctx;
	(void)said;
	assert_string_equal(name, "f.csv");
	assert_true(replace);
	st->begun++;
	return st;
}

static void import_abort(void *ctx, void *import)
{
	struct staged *st = ctx;
	assert_ptr_equal(import, st);
	st->aborted++;
}

/* All or nothing: what its client does not commit is forgotten. */
static void test_R024_who_hangs_up_has_imported_nothing(void **state)
{
	struct place *p = *state;
	struct staged st = { .begun = 0 };
	const struct ctl_store_source store = {
		.ctx = &st, .import_begin = import_begin, .import_abort = import_abort
	};
	static const uint8_t request[] = { 1, 0, 0, 0, 0, 0, 0, 0, 14, 0x80, 0, 0, 0, CTL_VERSION,
		CTL_TEXT, CTL_IMPORT_BEGIN, 5, 'f', '.', 'c', 's', 'v', 1 };
	struct ctl_control *c = place_open(p, "");
	assert_non_null(c);
	ctl_set_store(c, &store);
	const int s = raw_client(p);
	raw_send(c, s, hello, 8);
	raw_send(c, s, request, sizeof(request));
	assert_int_equal(st.begun, 1);
	/* Another one begins anew. */
	raw_send(c, s, request, sizeof(request));
	assert_int_equal(st.begun, 2);
	assert_int_equal(st.aborted, 1);
	assert_int_equal(close(s), 0);
	serve_all(c);
	assert_int_equal(st.aborted, 2);
	ctl_close(c);
	assert_int_equal(st.aborted, 2);
}

static void test_a_listener_is_handed_on(void **state)
{
	struct place *p = *state;
	struct ctl_control *c = place_open(p, "");
	assert_non_null(c);
	const int s = raw_client(p); /* knocks at the old one, is let in by the new one */
	const struct ctl_door door = {
		.path = p->path, .group = "", .inherited = dup(ctl_listener(c))
	};
	assert_true(door.inherited >= 0);
	struct ctl_control *next = ctl_open(&door, &place_source, p->error, sizeof(p->error));
	assert_non_null(next);
	raw_send(next, s, hello, 8);
	raw_expect(s, rep_hello, 8);
	assert_int_equal(close(s), 0);
	serve_all(next);
	ctl_close(next);
	ctl_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_who_goes_during_the_greeting_shuts_no_door, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_requests_come_in_pieces_and_in_bunches, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_babble_is_hung_up_on, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_silent_clients_do_not_keep_others_out, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_without_descriptors_clients_are_hung_up_on, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_without_a_spare_descriptor_clients_wait_and_nobody_spins, place_make,
			place_remove),
		cmocka_unit_test_setup_teardown(
			test_a_crowd_at_the_door_is_served, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_who_has_asked_is_not_pushed_out, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_a_long_answer_waits_for_its_reader, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_R024_who_hangs_up_has_imported_nothing, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_a_listener_is_handed_on, place_make, place_remove),
	};
	const int failed = cmocka_run_group_tests_name("ctl/control_raw", tests, NULL, NULL);
	nng_fini();
	return failed;
}
