/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grp.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/control.h"

enum { PATIENCE_MS = 10000 };

struct place {
	char folder[32], path[64];
	char error[512];
};

static uint8_t status_request[] = { CTL_VERSION, CTL_TEXT, CTL_STATUS,
	0 }; /* nng_send() takes no const */

static size_t no_workers(void *ctx)
{
	(void)ctx;
	return 0;
}

static uint64_t no_time(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct ctl_source source = { .workers = no_workers, .uptime_s = no_time };

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	(void)snprintf(p->folder, sizeof(p->folder), "/tmp/lwgate-test-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	(void)snprintf(p->path, sizeof(p->path), "%s/run/control", p->folder);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	char run[48];
	(void)unlink(p->path);
	(void)snprintf(run, sizeof(run), "%s/run", p->folder);
	(void)rmdir(run);
	(void)rmdir(p->folder);
	free(p);
	return 0;
}

static struct ctl_control *open_there(struct place *p, const char *group)
{
	const struct ctl_door door = { .path = p->path, .group = group, .inherited = -1 };
	return ctl_open(&door, &source, p->error, sizeof(p->error));
}

/* Serves until the client has its answer: greeting, request and reply are several events. */
static void serve_until(struct ctl_control *c, nng_socket s)
{
	int answered = -1;
	assert_int_equal(nng_socket_get_int(s, NNG_OPT_RECVFD, &answered), 0);
	struct pollfd fds[] = { { .fd = ctl_fd(c), .events = POLLIN },
		{ .fd = answered, .events = POLLIN } };
	do {
		assert_true(poll(fds, 2, PATIENCE_MS) > 0);
		ctl_serve(c);
	} while ((fds[1].revents & POLLIN) == 0);
}

static void connect_to(const struct place *p, nng_socket *s)
{
	char url[96];
	(void)snprintf(url, sizeof(url), "ipc://%s", p->path);
	assert_int_equal(nng_req0_open(s), 0);
	assert_int_equal(nng_socket_set_ms(*s, NNG_OPT_RECVTIMEO, PATIENCE_MS), 0);
	assert_int_equal(nng_socket_set_ms(*s, NNG_OPT_SENDTIMEO, PATIENCE_MS), 0);
	assert_int_equal(nng_dial(*s, url, NULL, NNG_FLAG_NONBLOCK), 0);
}

/* Sends in the background: the greeting needs us. The caller frees the aio. */
static nng_aio *begin_send(nng_socket s, const uint8_t *request, size_t len)
{
	nng_aio *aio = NULL;
	nng_msg *m = NULL;
	assert_int_equal(nng_aio_alloc(&aio, NULL, NULL), 0);
	assert_int_equal(nng_msg_alloc(&m, 0), 0);
	assert_int_equal(nng_msg_append(m, request, len), 0);
	nng_aio_set_msg(aio, m);
	nng_send_aio(s, aio);
	return aio;
}

static void test_nngs_request_is_answered(void **state)
{
	struct place *p = *state;
	struct ctl_control *c = open_there(p, "");
	nng_socket s;
	char answer[4096];
	size_t len = sizeof(answer);
	if (c == NULL)
		fail_msg("%s", p->error);
	ctl_serve(c); /* nothing waits: returns at once */
	connect_to(p, &s);
	nng_aio *aio = begin_send(s, status_request, sizeof(status_request));
	serve_until(c, s);
	assert_int_equal(nng_recv(s, answer, &len, 0), 0);
	assert_int_equal(answer[0], CTL_VERSION);
	assert_int_equal(answer[1], CTL_DONE);
	assert_memory_equal(answer + 2, "lwgated ", 8);
	nng_aio_wait(aio);
	nng_aio_free(aio);
	(void)nng_close(s);
	ctl_close(c);
	struct stat st;
	assert_int_not_equal(stat(p->path, &st), 0);
}

static void test_socket_is_closed_to_others(void **state)
{
	struct place *p = *state;
	struct stat st;
	char folder[48];
	char names[4096];
	struct group group;
	struct group *g = NULL;
	assert_int_equal(getgrgid_r(getegid(), &group, names, sizeof(names), &g), 0);
	struct ctl_control *c = open_there(p, g == NULL ? "" : g->gr_name);
	if (c == NULL)
		fail_msg("%s", p->error);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, getegid());
	(void)snprintf(folder, sizeof(folder), "%s/run", p->folder);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0007, 0);
	ctl_close(c);
}

static void test_a_live_gateways_socket_is_left_alone(void **state)
{
	struct place *p = *state;
	struct stat before, after;
	struct ctl_control *first = open_there(p, "");
	assert_non_null(first);
	assert_int_equal(stat(p->path, &before), 0);
	assert_null(open_there(p, ""));
	assert_non_null(strstr(p->error, "another gateway answers at"));
	assert_int_equal(stat(p->path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	ctl_close(first);
}

static void test_a_dead_gateways_socket_is_replaced(void **state)
{
	struct place *p = *state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char folder[48];
	(void)snprintf(folder, sizeof(folder), "%s/run", p->folder);
	assert_int_equal(mkdir(folder, 0750), 0);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", p->path);
	const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s, (const struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s, 1), 0);
	assert_int_equal(close(s), 0);
	struct ctl_control *c = open_there(p, "");
	if (c == NULL)
		fail_msg("%s", p->error);
	ctl_close(c);
}

static void test_what_is_no_socket_is_left_alone(void **state)
{
	struct place *p = *state;
	struct stat st;
	char folder[48];
	(void)snprintf(folder, sizeof(folder), "%s/run", p->folder);
	assert_int_equal(mkdir(folder, 0750), 0);
	FILE *f = fopen(p->path, "w");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	assert_null(open_there(p, ""));
	assert_non_null(strstr(p->error, "exists and is no socket"));
	assert_int_equal(stat(p->path, &st), 0);
}

static void test_errors_name_the_remedy(void **state)
{
	struct place *p = *state;
	assert_null(open_there(p, "no-such-group-x"));
	assert_non_null(strstr(
		p->error, "group no-such-group-x does not exist; create it (groupadd --system"));
	(void)snprintf(p->path, sizeof(p->path), "%s/a/b/c", p->folder);
	assert_null(open_there(p, ""));
	assert_non_null(strstr(p->error, "cannot be made: No such file or directory; make it"));
	char path[128];
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	const struct ctl_door door = { .path = path, .group = "", .inherited = -1 };
	assert_null(ctl_open(&door, &source, p->error, sizeof(p->error)));
	assert_non_null(strstr(p->error, "too long for a socket"));
}

static void test_nngs_longest_request_is_answered(void **state)
{
	struct place *p = *state;
	struct ctl_control *c = open_there(p, "");
	nng_socket s;
	char answer[4096];
	size_t len = sizeof(answer);
	static uint8_t longest[CTL_REQUEST_MAX] = { 0xff };
	assert_non_null(c);
	connect_to(p, &s);
	nng_aio *aio = begin_send(s, longest, sizeof(longest));
	serve_until(c, s);
	assert_int_equal(nng_recv(s, answer, &len, 0), 0);
	assert_int_equal(answer[1], CTL_BAD_REQUEST);
	nng_aio_wait(aio);
	nng_aio_free(aio);
	(void)nng_close(s);
	ctl_close(c);
}

/* --- clients that are no nng --------------------------------------------------------------- */

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
	struct ctl_control *c = open_there(p, "");
	assert_non_null(c);
	assert_int_equal(close(raw_client(p)), 0);
	serve_all(c);
	int s = raw_client(p);
	raw_send(c, s, hello, 3);
	assert_int_equal(close(s), 0);
	serve_all(c);
	assert_null(open_there(p, "")); /* a second gateway that looks whether there is a first */
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
	struct ctl_control *c = open_there(p, "");
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
	struct ctl_control *c = open_there(p, "");
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
	enum { MANY = 40 };
	struct place *p = *state;
	struct ctl_control *c = open_there(p, "");
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
	struct ctl_control *c = open_there(p, "");
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
	struct ctl_control *c = open_there(p, "");
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
	enum { CROWD = 17 }; /* what the kernel keeps waiting */
	struct place *p = *state;
	struct ctl_control *c = open_there(p, "");
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
	struct ctl_source long_source = source;
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
	struct ctl_control *c = open_there(p, "");
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
	struct ctl_control *c = open_there(p, "");
	assert_non_null(c);
	const int s = raw_client(p); /* knocks at the old one, is let in by the new one */
	const struct ctl_door door = {
		.path = p->path, .group = "", .inherited = dup(ctl_listener(c))
	};
	assert_true(door.inherited >= 0);
	struct ctl_control *next = ctl_open(&door, &source, p->error, sizeof(p->error));
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
			test_R024_who_hangs_up_has_imported_nothing, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_a_listener_is_handed_on, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_nngs_request_is_answered, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_socket_is_closed_to_others, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_a_live_gateways_socket_is_left_alone, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_a_dead_gateways_socket_is_replaced, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_what_is_no_socket_is_left_alone, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_errors_name_the_remedy, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_nngs_longest_request_is_answered, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_who_goes_during_the_greeting_shuts_no_door, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_requests_come_in_pieces_and_in_bunches, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_babble_is_hung_up_on, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_silent_clients_do_not_keep_others_out, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_without_descriptors_clients_are_hung_up_on, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_without_a_spare_descriptor_clients_wait_and_nobody_spins, make_place,
			remove_place),
		cmocka_unit_test_setup_teardown(
			test_a_crowd_at_the_door_is_served, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			test_a_long_answer_waits_for_its_reader, make_place, remove_place),
	};
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	nng_fini();
	return failed;
}
