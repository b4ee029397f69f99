/* SPDX-License-Identifier: Apache-2.0 */
/* Images on disk: whole ones or none, whatever happens to their files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/images.h"
#include "tests/unit/store/folder.h"

enum { SIZE = 4096 }; /* of a whole piece, as its sum is made */
static const char path[] = "fw/m1/image";

static char top[FOLDER_MAX];
static char folder[2 * FOLDER_MAX];
static int at; /* the folder of the images, within top */
static struct images_facts facts;

static int setup(void **state)
{
	(void)state;
	folder_make(top);
	(void)snprintf(folder, sizeof(folder), "%s", folder_file(top, "images"));
	at = images_open(folder);
	assert_true(at >= 0);
	facts = (struct images_facts){ .format = 42,
		.fresh_until_ms = UINT64_C(1700000000123),
		.size = SIZE,
		.etag_len = 2,
		.etag = "v1" };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(at);
	folder_remove(top);
	return 0;
}

static uint8_t octet(size_t i)
{
	return (uint8_t)(i * 5 + (i >> 8));
}

/* Its file grows, and is not finished. */
static int grow(const char *name, size_t size)
{
	uint8_t all[SIZE];
	for (size_t i = 0; i < size; i++)
		all[i] = octet(i);
	const int fd = images_begin(at, name);
	assert_true(fd >= 0);
	assert_true(images_write(fd, 0, all, size / 2));
	assert_true(images_write(fd, size / 2, all + size / 2, size - size / 2));
	return fd;
}

static void keep(const char *name, size_t size)
{
	const int fd = grow(name, size);
	facts.size = size;
	assert_true(images_commit(at, fd, name, &facts));
	assert_int_equal(close(fd), 0);
}

static bool there_is(const char *name)
{
	struct images_facts f;
	const int fd = images_load(at, name, &f);
	if (fd < 0)
		return false;
	for (size_t i = 0; i < f.size; i++) {
		uint8_t c;
		assert_int_equal(pread(fd, &c, 1, (off_t)(IMAGES_HEADER + i)), 1);
		assert_int_equal(c, octet(i));
	}
	assert_int_equal(close(fd), 0);
	return true;
}

/* How many files there are; the name of one. */
static size_t files(const char *where, char name[NAME_MAX + 1])
{
	DIR *const d = opendir(where);
	const struct dirent *e;
	size_t n = 0;
	assert_non_null(d);
	while ((e = readdir(d))) { /* cppcheck-suppress readdirCalled */
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		(void)snprintf(name, NAME_MAX + 1, "%s", e->d_name);
		n++;
	}
	(void)closedir(d);
	return n;
}

static const char *the_file(void)
{
	static char file[3 * FOLDER_MAX];
	char name[NAME_MAX + 1];
	assert_int_equal(files(folder, name), 1);
	(void)snprintf(file, sizeof(file), "%s/%s", folder, name);
	return file;
}

static void restart(void)
{
	(void)close(at);
	at = images_open(folder);
	assert_true(at >= 0);
}

/* --- whole ones ------------------------------------------------------------------------------- */

static void test_R287_what_is_whole_is_there_after_a_restart(void **state)
{
	struct images_facts f;
	struct stat st;
	(void)state;
	assert_false(there_is(path));
	keep(path, SIZE);
	restart();
	const int fd = images_load(at, path, &f);
	assert_true(fd >= 0);
	assert_int_equal(f.format, 42);
	assert_int_equal(f.size, SIZE);
	assert_int_equal(f.fresh_until_ms, UINT64_C(1700000000123));
	assert_int_equal(f.etag_len, 2);
	assert_memory_equal(f.etag, "v1", 2);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(close(fd), 0);
	assert_true(there_is(path));
	assert_false(there_is("fw/m1/imagf"));
	keep("fw/empty", 0);
	assert_true(there_is("fw/empty"));
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_R287_what_grows_is_not_there(void **state)
{
	char name[NAME_MAX + 1];
	(void)state;
	int fd = grow(path, SIZE);
	assert_false(there_is(path));
	assert_int_equal(files(folder, name), 1);
	assert_string_equal(strrchr(name, '.'), ".part");
	restart();
	assert_int_equal(files(folder, name), 0);
	assert_false(images_commit(at, fd, path, &facts)); /* nothing is made of it any more */
	assert_int_equal(close(fd), 0);
	fd = grow(path, SIZE);
	images_drop(at, path);
	assert_int_equal(files(folder, name), 0);
	assert_int_equal(close(fd), 0);
	keep(path, SIZE);
	fd = grow(path, 10);
	assert_true(there_is(path)); /* the one before */
	images_drop(at, path);
	assert_true(there_is(path));
	assert_int_equal(close(fd), 0);
}

static void test_R287_a_new_one_takes_the_place(void **state)
{
	struct images_facts f;
	uint8_t c = 0;
	(void)state;
	keep(path, SIZE);
	const int before = images_load(at, path, &f);
	assert_true(before >= 0);
	facts.etag[1] = '2';
	keep(path, 10);
	const int fd = images_load(at, path, &f);
	assert_int_equal(f.size, 10);
	assert_memory_equal(f.etag, "v2", 2);
	assert_int_equal(pread(before, &c, 1, IMAGES_HEADER + SIZE - 1), 1); /* who reads it */
	assert_int_equal(c, octet(SIZE - 1));
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(before), 0);
	(void)the_file();
}

/* What a process does that is killed; step: how far it comes. */
static void replace_until(unsigned step)
{
	const int fd = step == 0 ? -1 : images_begin(at, path);
	facts.etag[1] = '2';
	facts.size = 1;
	if (step > 1)
		(void)!images_write(fd, 0, "", 1);
	if (step > 2 && !images_commit(at, fd, path, &facts))
		_exit(1);
	(void)kill(getpid(), SIGKILL);
	_exit(1);
}

static void test_R287_kill_9_leaves_the_old_one_or_the_new_one(void **state)
{
	struct images_facts f;
	int status;
	(void)state;
	for (unsigned step = 0; step <= 3; step++) {
		facts.etag[1] = '1';
		keep(path, SIZE);
		const pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			replace_until(step);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		restart();
		(void)the_file();
		const int fd = images_load(at, path, &f);
		assert_true(fd >= 0);
		assert_int_equal(f.etag[1], step < 3 ? '1' : '2');
		assert_int_equal(f.size, step < 3 ? SIZE : 1);
		assert_int_equal(close(fd), 0);
	}
}

/* --- damage ----------------------------------------------------------------------------------- */

static void is_damaged(const char *file, const uint8_t *data, size_t len)
{
	struct images_facts f;
	folder_write(file, data, len);
	assert_int_equal(images_load(at, path, &f), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(folder_size(file), -1); /* removed */
}

static void test_R287_a_flipped_bit_is_found(void **state)
{
	size_t len;
	(void)state;
	keep(path, SIZE);
	const char *const file = the_file();
	uint8_t *const data = folder_read(file, &len);
	assert_int_equal(len, IMAGES_HEADER + SIZE);
	for (size_t i = 0; i < len; i++) {
		data[i] ^= (uint8_t)(1U << i % 8);
		is_damaged(file, data, len);
		data[i] ^= (uint8_t)(1U << i % 8);
	}
	folder_write(file, data, len);
	assert_true(there_is(path));
	free(data);
}

static void test_R287_what_is_cut_off_or_longer_is_found(void **state)
{
	static uint8_t longer[IMAGES_HEADER + SIZE + 1];
	size_t len;
	(void)state;
	keep(path, SIZE);
	const char *const file = the_file();
	uint8_t *const data = folder_read(file, &len);
	for (size_t n = 0; n < len; n++)
		is_damaged(file, data, n);
	memcpy(longer, data, len);
	is_damaged(file, longer, len + 1);
	memset(longer, 0, sizeof(longer)); /* a hole that a crash has left */
	is_damaged(file, longer, len);
	folder_write(file, data, len);
	assert_true(there_is(path));
	free(data);
}

static void test_R287_the_file_of_another_path_is_not_taken(void **state)
{
	char first[3 * FOLDER_MAX];
	struct images_facts f;
	(void)state;
	keep(path, SIZE);
	(void)snprintf(first, sizeof(first), "%s", the_file());
	assert_int_equal(rename(first, folder_file(top, "aside")), 0);
	keep("fw/other", SIZE);
	assert_int_equal(rename(folder_file(top, "aside"), the_file()), 0);
	assert_int_equal(images_load(at, "fw/other", &f), -1);
	assert_int_equal(errno, EBADMSG);
}

static void test_R287_a_link_is_not_followed(void **state)
{
	char file[3 * FOLDER_MAX];
	struct images_facts f;
	(void)state;
	keep(path, SIZE);
	(void)snprintf(file, sizeof(file), "%s", the_file());
	const char *const aside = folder_file(top, "aside");
	assert_int_equal(rename(file, aside), 0);
	assert_int_equal(symlink(aside, file), 0);
	assert_int_equal(images_load(at, path, &f), -1);
	const int fd = grow(path, SIZE);
	assert_int_equal(close(fd), 0);
	char part[3 * FOLDER_MAX];
	(void)snprintf(part, sizeof(part), "%s", file);
	memcpy(strrchr(part, '.'), ".part", sizeof(".part"));
	assert_int_equal(unlink(part), 0);
	folder_write(aside, "precious", 8);
	assert_int_equal(symlink(aside, part), 0);
	const int other = grow(path, SIZE);
	assert_true(other >= 0);
	assert_int_equal(close(other), 0);
	assert_int_equal(folder_size(aside), 8);
}

static void test_R287_what_is_renewed_is_as_it_was(void **state)
{
	struct images_facts f;
	(void)state;
	keep(path, SIZE);
	int fd = images_load(at, path, &f);
	f.fresh_until_ms = 77;
	assert_true(images_renew(fd, path, &f));
	assert_int_equal(close(fd), 0);
	restart();
	fd = images_load(at, path, &f);
	assert_true(fd >= 0);
	assert_int_equal(f.fresh_until_ms, 77);
	assert_int_equal(f.size, SIZE);
	assert_int_equal(f.format, 42);
	assert_int_equal(close(fd), 0);
	assert_true(there_is(path));
}

/* --- names and room --------------------------------------------------------------------------- */

static void test_R288_no_name_leaves_the_folder(void **state)
{
	static const char *const paths[] = { "../aside", "/etc/passwd", "fw/../../aside", "..", ".",
		"", "a/b/c", "%2e%2e/x", "x\ny", "x.part", "aside.img" };
	char name[NAME_MAX + 1], longest[IMAGES_PATH_MAX + 2];
	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		keep(paths[i], SIZE);
		assert_int_equal(files(top, name), 1);
		for (size_t n = 0; n <= i; n++)
			assert_true(there_is(paths[n]));
		assert_int_equal(files(folder, name), i + 1); /* one for each path */
		assert_int_equal(strspn(name, "0123456789abcdef"), 32);
		assert_string_equal(name + 32, ".img");
	}
	memset(longest, 'x', sizeof(longest));
	longest[IMAGES_PATH_MAX + 1] = '\0';
	assert_int_equal(images_begin(at, longest), -1);
	longest[IMAGES_PATH_MAX] = '\0';
	keep(longest, SIZE);
	assert_true(there_is(longest));
}

static void use(const char *name, time_t when)
{
	struct images_facts f;
	const int fd = images_load(at, name, &f);
	const struct timespec t[2] = { { .tv_sec = when }, { .tv_sec = when } };
	assert_true(fd >= 0);
	if (when == 0)
		images_used(fd);
	else
		assert_int_equal(futimens(fd, t), 0);
	assert_int_equal(close(fd), 0);
}

static void test_R287_the_oldest_makes_room(void **state)
{
	const uint64_t each = IMAGES_HEADER + 100;
	(void)state;
	keep("a", 100);
	keep("b", 100);
	keep("c", 100);
	use("a", 1000);
	use("b", 900);
	use("c", 1100);
	assert_true(images_make_room(at, each, 4 * each));
	assert_true(there_is("a") && there_is("b") && there_is("c"));
	assert_true(images_make_room(at, each, 4 * each - 1));
	assert_true(there_is("a") && !there_is("b") && there_is("c"));
	use("a", 0);
	struct images_facts f;
	uint8_t c = 0;
	const int fd = images_load(at, "c", &f);
	assert_true(images_make_room(at, each, 2 * each));
	assert_true(there_is("a") && !there_is("c"));
	assert_int_equal(pread(fd, &c, 1, IMAGES_HEADER + 1), 1); /* who reads it goes on */
	assert_int_equal(c, octet(1));
	assert_int_equal(close(fd), 0);
	assert_false(images_make_room(at, 2 * each + 1, 2 * each));
	assert_true(there_is("a"));
	assert_true(images_make_room(at, 2 * each, 2 * each));
	assert_false(there_is("a"));
}

/* Octets that could not be written are not an image. */
static void test_R287_a_full_disk_is_told(void **state)
{
	struct images_facts f;
	(void)state;
	const int fd = grow(path, SIZE);
	facts.size = SIZE + 1;
	assert_false(images_commit(at, fd, path, &facts));
	assert_int_equal(images_load(at, path, &f), -1);
	assert_int_equal(close(fd), 0);
	const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(full >= 0);
	assert_false(images_write(full, 0, "x", 1));
	assert_true(images_write(full, 0, NULL, 0));
	assert_int_equal(close(full), 0);
}

static void test_R287_a_folder_that_is_none_is_refused(void **state)
{
	(void)state;
	folder_write(folder_file(top, "file"), "x", 1);
	assert_int_equal(images_open(folder_file(top, "file")), -1);
	assert_int_equal(images_open(folder_file(top, "no/such")), -1);
	assert_false(images_make_room(-1, 0, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(test_R287_what_is_whole_is_there_after_a_restart),
		TEST(test_R287_what_grows_is_not_there),
		TEST(test_R287_a_new_one_takes_the_place),
		TEST(test_R287_kill_9_leaves_the_old_one_or_the_new_one),
		TEST(test_R287_a_flipped_bit_is_found),
		TEST(test_R287_what_is_cut_off_or_longer_is_found),
		TEST(test_R287_the_file_of_another_path_is_not_taken),
		TEST(test_R287_a_link_is_not_followed),
		TEST(test_R287_what_is_renewed_is_as_it_was),
		TEST(test_R288_no_name_leaves_the_folder),
		TEST(test_R287_the_oldest_makes_room),
		TEST(test_R287_a_full_disk_is_told),
		TEST(test_R287_a_folder_that_is_none_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
