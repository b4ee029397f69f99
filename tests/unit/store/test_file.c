/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/file.h"
#include "unit/store/folder.h"
#include "unit/store/small.h"

enum { PAGE = 4096 };

static int begin(void **state)
{
	static char folder[FOLDER_MAX];
	folder_make(folder);
	*state = folder;
	return 0;
}

static int end(void **state)
{
	folder_remove(*state);
	return 0;
}

/* A stream gives what it has: parts. */
static void test_parts_are_read_as_one(void **state)
{
	(void)state;
	int ends[2];
	char text[8] = "";
	size_t len;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(send(ends[0], "ab", 2, 0), 2);
	assert_int_equal(send(ends[0], "cde", 3, 0), 3);
	assert_int_equal(send(ends[0], "f", 1, 0), 1);
	assert_true(file_read(ends[1], text, 5, &len)); /* no more than asked for */
	assert_int_equal(len, 5);
	assert_string_equal(text, "abcde");
	(void)close(ends[0]);
	assert_true(file_read(ends[1], text, sizeof(text), &len));
	assert_int_equal(len, 1); /* its end */
	assert_int_equal(text[0], 'f');
	(void)close(ends[1]);
	assert_false(file_read(ends[1], text, sizeof(text), &len));
	assert_int_equal(errno, EBADF);
}

static void write_on_a_full_disk(void *folder)
{
	static const uint8_t data[3 * PAGE] = { 1, 2, 3 };
	const int fd = open(folder_file(folder, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	small_fill(folder_file(folder, "other"), sizeof(data) - PAGE);
	errno = 0;
	small_must(!file_write(fd, data, sizeof(data), 0), "where did it find room?");
	small_must(errno == ENOSPC, "it does not say why");
	small_must(file_write(fd, data, sizeof(data) - PAGE, 0), "what fits does not");
	small_must(file_write(fd, "xy", 2, 1), "nor what is there");
	uint8_t found[4];
	small_must(pread(fd, found, sizeof(found), 0) == 4 && memcmp(found, "\1xy\0", 4) == 0,
		"it is not what was written");
	(void)close(fd);
}

static void test_S16_a_part_that_was_written_is_no_success(void **state)
{
	small_disk(*state, 1 << 20, write_on_a_full_disk, *state);
}

static void test_the_folder_of_a_name(void **state)
{
	assert_true(file_sync_folder_of(folder_file(*state, "file"))); /* it need not be there */
	assert_true(file_sync_folder_of("file"));
	assert_true(file_sync_folder_of("/file"));
	assert_false(file_sync_folder_of(folder_file(*state, "none/file")));
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_parts_are_read_as_one),
		T(test_S16_a_part_that_was_written_is_no_success),
		T(test_the_folder_of_a_name),
	};
	return cmocka_run_group_tests_name("store/file", tests, NULL, NULL);
}
