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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/control.h"
#include "place.h"

static void test_nngs_request_is_answered(void **state)
{
	struct place *p = *state;
	struct ctl_control *c = place_open(p, "");
	nng_socket s;
	char answer[4096];
	size_t len = sizeof(answer);
	if (c == NULL)
		fail_msg("%s", p->error);
	ctl_serve(c); /* nothing waits: returns at once */
	place_connect(p, &s);
	nng_aio *aio = place_begin_send(s, place_status_request, sizeof(place_status_request));
	place_serve_until(c, s);
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
	struct ctl_control *c = place_open(p, g == NULL ? "" : g->gr_name);
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
	struct ctl_control *first = place_open(p, "");
	assert_non_null(first);
	assert_int_equal(stat(p->path, &before), 0);
	assert_null(place_open(p, ""));
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
	struct ctl_control *c = place_open(p, "");
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
	assert_null(place_open(p, ""));
	assert_non_null(strstr(p->error, "exists and is no socket"));
	assert_int_equal(stat(p->path, &st), 0);
}

static void test_errors_name_the_remedy(void **state)
{
	struct place *p = *state;
	assert_null(place_open(p, "no-such-group-x"));
	assert_non_null(strstr(
		p->error, "group no-such-group-x does not exist; create it (groupadd --system"));
	(void)snprintf(p->path, sizeof(p->path), "%s/a/b/c", p->folder);
	assert_null(place_open(p, ""));
	assert_non_null(strstr(p->error, "cannot be made: No such file or directory; make it"));
	char path[128];
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	const struct ctl_door door = { .path = path, .group = "", .inherited = -1 };
	assert_null(ctl_open(&door, &place_source, p->error, sizeof(p->error)));
	assert_non_null(strstr(p->error, "too long for a socket"));
}

static void test_nngs_longest_request_is_answered(void **state)
{
	struct place *p = *state;
	struct ctl_control *c = place_open(p, "");
	nng_socket s;
	char answer[4096];
	size_t len = sizeof(answer);
	static uint8_t longest[CTL_REQUEST_MAX] = { 0xff };
	assert_non_null(c);
	place_connect(p, &s);
	nng_aio *aio = place_begin_send(s, longest, sizeof(longest));
	place_serve_until(c, s);
	assert_int_equal(nng_recv(s, answer, &len, 0), 0);
	assert_int_equal(answer[1], CTL_BAD_REQUEST);
	nng_aio_wait(aio);
	nng_aio_free(aio);
	(void)nng_close(s);
	ctl_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_nngs_request_is_answered, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_socket_is_closed_to_others, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_a_live_gateways_socket_is_left_alone, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_a_dead_gateways_socket_is_replaced, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_what_is_no_socket_is_left_alone, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_errors_name_the_remedy, place_make, place_remove),
		cmocka_unit_test_setup_teardown(
			test_nngs_longest_request_is_answered, place_make, place_remove),
	};
	const int failed = cmocka_run_group_tests_name("ctl/control", tests, NULL, NULL);
	nng_fini();
	return failed;
}
