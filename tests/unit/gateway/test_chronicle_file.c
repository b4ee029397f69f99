/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "chronicle_kit.h"

static void write_file(const char *path, const char *text)
{
	FILE *const f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

/* As a disk on which no more than so many octets of a file have room. */
static void limit_files(rlim_t octets)
{
	struct rlimit r;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = octets == 0 ? r.rlim_max : octets;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void test_lines_are_added_to_what_is_there(void **state)
{
	struct kit *const k = *state;
	struct stat s;
	kit_open(k, true, false);
	assert_int_equal(stat(k->file, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0640);
	kit_put(k, 1);
	gw_chronicle_serve(k->chronicle);
	assert_string_equal(kit_read(k->file), kit_line(1));
	gw_chronicle_close(k->chronicle);
	kit_open(k, true, false);
	kit_put(k, 2);
	gw_chronicle_close(k->chronicle); /* what waits is written */
	k->chronicle = NULL;
	const char *const text = kit_read(k->file);
	assert_int_equal(kit_count(text, "\n"), 2);
	assert_non_null(strstr(text, kit_line(1)));
	assert_non_null(strstr(text, kit_line(2)));
}

static void test_a_line_that_a_crash_has_cut_gets_its_end(void **state)
{
	struct kit *const k = *state;
	char wanted[2048];
	write_file(k->file, "{\"time\":\"2026-09");
	assert_int_equal(chmod(k->file, 0600), 0);
	kit_open(k, true, false);
	kit_put(k, 3);
	gw_chronicle_serve(k->chronicle);
	(void)snprintf(wanted, sizeof(wanted), "{\"time\":\"2026-09\n%s", kit_line(3));
	assert_string_equal(kit_read(k->file), wanted);
	struct stat s; /* whose file it was has said who may read it */
	assert_int_equal(stat(k->file, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
}

static void test_what_is_no_file_of_ours_is_refused(void **state)
{
	struct kit *const k = *state;
	struct gw_chronicle_settings s = { .file = k->file, .inherited = -1, .log = &k->log };
	write_file(k->moved, "");
	assert_int_equal(symlink(k->moved, k->file), 0);
	assert_null(gw_chronicle_open(&s, k->error, sizeof(k->error)));
	assert_non_null(strstr(k->error, "name the file itself, not a symbolic link to it"));
	assert_int_equal(unlink(k->file), 0);
	assert_int_equal(mkfifo(k->file, 0600), 0);
	assert_null(gw_chronicle_open(&s, k->error, sizeof(k->error)));
	assert_non_null(strstr(k->error, "is no regular file; name another"));
	s.file = "/nowhere/events.json";
	assert_null(gw_chronicle_open(&s, k->error, sizeof(k->error)));
	assert_non_null(strstr(k->error, "make its folder"));
	assert_int_equal(unlink(k->file), 0);
	s.file = k->file;
	s.group = "no-such-group-x";
	assert_null(gw_chronicle_open(&s, k->error, sizeof(k->error)));
	assert_non_null(strstr(k->error, "group no-such-group-x does not exist"));
	assert_null(kit_read(k->file));      /* none that the group could not read */
	assert_string_equal(kit_log(k), ""); /* whoever wanted it open says why it is not */
}

static void test_a_full_disk_is_told_once_and_costs_no_line(void **state)
{
	struct kit *const k = *state;
	const size_t one = strlen(kit_line(0));
	kit_open(k, true, false);
	limit_files((rlim_t)(one * 5 / 2));
	for (uint64_t n = 0; n < 5; n++) {
		kit_put(k, n);
		gw_chronicle_serve(k->chronicle);
		/* Whole lines only, all the time. */
		const char *const text = kit_read(k->file);
		assert_int_equal(strlen(text), one * (n < 2 ? n + 1 : 2));
	}
	const struct gw_chronicle_facts full = kit_facts(k);
	assert_true(full.failing);
	assert_int_equal(full.waiting, 3);
	assert_int_equal(full.unwritten, 0);
	assert_int_equal(kit_count(kit_log(k), "error events-file"), 1);
	limit_files(0);
	/* Without another entry: it is tried again after a while. */
	struct pollfd p = { .fd = gw_chronicle_fd(k->chronicle), .events = POLLIN };
	while (kit_facts(k).failing) {
		assert_int_equal(poll(&p, 1, KIT_PATIENCE_MS), 1);
		gw_chronicle_serve(k->chronicle);
	}
	assert_int_equal(kit_count(kit_log(k), "is written again"), 1);
	const char *at = kit_read(k->file);
	assert_int_equal(strlen(at), 5 * one);
	for (uint64_t n = 0; n < 5; n++, at += one)
		assert_memory_equal(at, kit_line(n), one);
	assert_int_equal(poll(&p, 1, 0), 0); /* and it rests */
}

static void test_lines_that_wait_too_long_are_counted_where_they_are_missing(void **state)
{
	struct kit *const k = *state;
	enum { MANY = 20000 };
	char counted[64];
	kit_open(k, true, false);
	k->log.level = LOG_LEVEL_WARN;
	limit_files(1);
	for (uint64_t n = 0; n < MANY; n++) {
		kit_put(k, 1000000 + n);
		gw_chronicle_serve(k->chronicle);
	}
	const struct gw_chronicle_facts full = kit_facts(k);
	assert_int_equal(full.entries, MANY);
	assert_true(full.unwritten > 0);
	assert_int_equal(full.waiting + full.unwritten, MANY);
	limit_files(0);
	kit_put(k, 1); /* there is no room for it until some have gone */
	gw_chronicle_serve(k->chronicle);
	kit_put(k, 2);
	gw_chronicle_serve(k->chronicle);
	assert_int_equal(kit_facts(k).waiting, 0);
	struct stat s;
	assert_int_equal(stat(k->file, &s), 0);
	const int fd = open(k->file, O_RDONLY | O_CLOEXEC);
	char tail[2048] = "";
	assert_true(pread(fd, tail, sizeof(tail) - 1, s.st_size - 1000) > 0);
	(void)close(fd);
	(void)snprintf(counted, sizeof(counted), "\"lost\":%llu}\n",
		(unsigned long long)full.unwritten + 1);
	const char *const told = strstr(tail, counted);
	assert_non_null(told);
	assert_string_equal(told + strlen(counted), kit_line(2));
}

static void test_after_a_rotation_the_new_file_is_written(void **state)
{
	struct kit *const k = *state;
	kit_open(k, true, false);
	kit_put(k, 1);
	gw_chronicle_serve(k->chronicle);
	assert_int_equal(rename(k->file, k->moved), 0);
	limit_files(1); /* what waits then belongs to the old one still */
	kit_put(k, 2);
	gw_chronicle_serve(k->chronicle);
	limit_files(0);
	gw_chronicle_reopen(k->chronicle);
	kit_put(k, 3);
	gw_chronicle_serve(k->chronicle);
	assert_string_equal(kit_read(k->file), kit_line(3));
	assert_int_equal(kit_count(kit_read(k->moved), "\n"), 2);
}

static void test_a_file_that_cannot_be_opened_anew_costs_no_line(void **state)
{
	struct kit *const k = *state;
	kit_open(k, true, false);
	assert_int_equal(rename(k->file, k->moved), 0);
	assert_int_equal(mkdir(k->file, 0700), 0);
	gw_chronicle_reopen(k->chronicle);
	for (uint64_t n = 0; n < 3; n++) {
		kit_put(k, n);
		gw_chronicle_serve(k->chronicle);
	}
	assert_int_equal(kit_facts(k).waiting, 3);
	assert_int_equal(kit_count(kit_log(k), "error events-file"), 1);
	assert_int_equal(rmdir(k->file), 0);
	kit_put(k, 3);
	gw_chronicle_serve(k->chronicle);
	assert_int_equal(kit_count(kit_read(k->file), "\n"), 4);
	assert_int_equal(kit_count(kit_read(k->moved), "\n"), 0);
}

#define CASE_OF(test) cmocka_unit_test_setup_teardown(test, kit_make, kit_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_OF(test_lines_are_added_to_what_is_there),
		CASE_OF(test_a_line_that_a_crash_has_cut_gets_its_end),
		CASE_OF(test_what_is_no_file_of_ours_is_refused),
		CASE_OF(test_a_full_disk_is_told_once_and_costs_no_line),
		CASE_OF(test_lines_that_wait_too_long_are_counted_where_they_are_missing),
		CASE_OF(test_after_a_rotation_the_new_file_is_written),
		CASE_OF(test_a_file_that_cannot_be_opened_anew_costs_no_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
