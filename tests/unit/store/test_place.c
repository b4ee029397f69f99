/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/place.h"
#include "unit/store/folder.h"

/* What the folder's file system says it is; 0: what it really is. The functions
   below have libc's names. */
static uint32_t pretended;
static int sync_fails; /* errno; 0: it does not */

int faulty_fstatfs(int fd, struct statfs *s) __asm__("fstatfs");
int faulty_fstatfs(int fd, struct statfs *s)
{
	const int rc = (int)syscall(SYS_fstatfs, fd, s);
	s->f_type = pretended != 0 ? (long)pretended : s->f_type;
	return rc;
}

int faulty_fsync(int fd) __asm__("fsync");
int faulty_fsync(int fd)
{
	errno = sync_fails;
	return sync_fails != 0 ? -1 : (int)syscall(SYS_fsync, fd);
}

struct world {
	char folder[FOLDER_MAX];
	char dir[FOLDER_MAX + 8];
	struct store_error error;
};

enum { EXT4 = 0xef53 };

static int begin(void **state)
{
	struct world *const w = calloc(1, sizeof(*w));
	assert_non_null(w);
	folder_make(w->folder);
	(void)snprintf(w->dir, sizeof(w->dir), "%s/store", w->folder);
	pretended = EXT4;
	sync_fails = 0;
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *const w = *state;
	folder_remove(w->folder);
	free(w);
	return 0;
}

static struct place *must_open(struct world *w)
{
	w->error.text[0] = '\0';
	struct place *const p = place_open(w->dir, false, &w->error);
	assert_string_equal(w->error.text, "");
	assert_non_null(p);
	return p;
}

static void assert_refuses(struct world *w, const char *because)
{
	w->error.text[0] = '\0';
	assert_null(place_open(w->dir, false, &w->error));
	if (strstr(w->error.text, because) == NULL || strstr(w->error.text, w->folder) == NULL)
		fail_msg("'%s' lacks '%s'", w->error.text, because);
}

static void test_the_folder_is_made_for_its_user_only(void **state)
{
	struct world *const w = *state;
	place_close(must_open(w));
	struct stat st;
	assert_int_equal(stat(w->dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	place_close(must_open(w));
	assert_int_equal(chmod(w->dir, 0750), 0);
	assert_refuses(w, "chmod 0700");
	assert_int_equal(chmod(w->dir, 0701), 0);
	assert_refuses(w, "chmod 0700");
}

static void test_what_is_no_folder_is_told(void **state)
{
	struct world *const w = *state;
	folder_write(w->dir, "x", 1);
	assert_refuses(w, "Not a directory");
	(void)snprintf(w->dir, sizeof(w->dir), "%s/a/b", w->folder);
	assert_refuses(w, "No such file");
}

static void test_another_users_folder_is_refused(void **state)
{
	struct world *const w = *state;
	place_close(must_open(w));
	if (chown(w->dir, 12345, (gid_t)-1) != 0)
		skip(); /* only root can give it away */
	assert_refuses(w, "belongs to user 12345");
}

static void test_S10_file_systems_that_forget_or_share_are_refused(void **state)
{
	struct world *const w = *state;
	/* linux/magic.h, and what the kernel's sources say of cifs, smb2 and fuse. */
	static const uint32_t unfit[] = { 0x01021994, 0x858458f6, 0x794c7630, 0x6969, 0xff534d42,
		0xfe534d42, 0x65735546, 0x01021997 };
	for (size_t i = 0; i < COUNT_OF(unfit); i++) {
		pretended = unfit[i];
		assert_refuses(w, "file system");
		struct place *const p = place_open(w->dir, true, &w->error);
		assert_non_null(p);
		place_close(p);
	}
	static const uint32_t fit[] = { EXT4, 0x58465342, 0x9123683e, 0xf2f52010 };
	for (size_t i = 0; i < COUNT_OF(fit); i++) {
		pretended = fit[i];
		place_close(must_open(w));
	}
	pretended = 0;
	const int memory = (int)syscall(SYS_memfd_create, "x", 0);
	assert_string_equal(place_unfit(memory), "tmpfs");
	(void)close(memory);
}

/* Also within one process, where locks of the older kind would let it pass. */
static void test_S22_one_at_a_time(void **state)
{
	struct world *const w = *state;
	struct place *const p = must_open(w);
	char pid[32];
	(void)snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_refuses(w, pid);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const bool refused = place_open(w->dir, false, &w->error) == NULL;
		_exit(refused && strstr(w->error.text, pid) != NULL ? 0 : 1);
	}
	int status = 1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	place_close(p);
	place_close(must_open(w));
}

static void test_R193_the_lock_goes_with_its_process(void **state)
{
	struct world *const w = *state;
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (place_open(w->dir, false, NULL) == NULL)
			_exit(1);
		(void)raise(SIGKILL);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	place_close(must_open(w));
}

static void test_a_file_is_replaced_as_a_whole(void **state)
{
	struct world *const w = *state;
	struct place *const p = must_open(w);
	uint8_t out[100];
	size_t len = 1;
	assert_int_equal(place_read(p, "f", out, sizeof(out), &len, &w->error), STORE_NONE);
	assert_int_equal(place_replace(p, "f", "first one", 9, &w->error), STORE_OK);
	assert_int_equal(place_read(p, "f", out, sizeof(out), &len, &w->error), STORE_OK);
	assert_true(len == 9 && memcmp(out, "first one", 9) == 0);
	folder_write(folder_file(w->dir, "f.new"), "left by a crash", 15);
	assert_int_equal(place_replace(p, "f", "2", 1, &w->error), STORE_OK);
	assert_int_equal(place_read(p, "f", out, 1, &len, &w->error), STORE_OK);
	assert_true(len == 1 && out[0] == '2');
	assert_int_equal(access(folder_file(w->dir, "f.new"), F_OK), -1);
	struct stat st;
	assert_int_equal(stat(folder_file(w->dir, "f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	place_close(p);
}

static void test_a_failed_replacement_leaves_the_old_one(void **state)
{
	struct world *const w = *state;
	struct place *const p = must_open(w);
	uint8_t out[100];
	size_t len = 0;
	assert_int_equal(place_replace(p, "f", "old", 3, &w->error), STORE_OK);
	sync_fails = ENOSPC;
	assert_int_equal(place_replace(p, "f", "new", 3, &w->error), STORE_FULL);
	sync_fails = EIO;
	assert_int_equal(place_replace(p, "f", "new", 3, &w->error), STORE_BROKEN);
	assert_non_null(strstr(w->error.text, "/f: cannot be written"));
	sync_fails = 0;
	assert_int_equal(place_read(p, "f", out, sizeof(out), &len, &w->error), STORE_OK);
	assert_true(len == 3 && memcmp(out, "old", 3) == 0);
	place_close(p);
}

static void test_R194_the_old_octets_are_overwritten(void **state)
{
	struct world *const w = *state;
	struct place *const p = must_open(w);
	uint8_t old[1500];
	memset(old, 0x77, sizeof(old));
	assert_int_equal(place_replace(p, "f", old, sizeof(old), &w->error), STORE_OK);
	const int fd = open(folder_file(w->dir, "f"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(place_replace(p, "f", "new", 3, &w->error), STORE_OK);
	assert_int_equal(read(fd, old, sizeof(old)), sizeof(old));
	for (size_t i = 0; i < sizeof(old); i++)
		assert_int_equal(old[i], 0);
	(void)close(fd);
	place_close(p);
}

static void test_what_is_no_small_file_is_damaged(void **state)
{
	struct world *const w = *state;
	struct place *const p = must_open(w);
	uint8_t out[10];
	size_t len = 0;
	folder_write(folder_file(w->dir, "long"), "0123456789a", 11);
	assert_int_equal(place_read(p, "long", out, 10, &len, &w->error), STORE_DAMAGED);
	assert_int_equal(mkdir(folder_file(w->dir, "dir"), 0700), 0);
	assert_int_equal(place_read(p, "dir", out, 10, &len, &w->error), STORE_DAMAGED);
	assert_int_equal(symlink("long", folder_file(w->dir, "link")), 0);
	assert_int_equal(place_read(p, "link", out, 10, &len, &w->error), STORE_BROKEN);
	assert_int_equal(len, 0);
	place_close(p);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_the_folder_is_made_for_its_user_only),
		TEST(test_what_is_no_folder_is_told),
		TEST(test_another_users_folder_is_refused),
		TEST(test_S10_file_systems_that_forget_or_share_are_refused),
		TEST(test_S22_one_at_a_time),
		TEST(test_R193_the_lock_goes_with_its_process),
		TEST(test_a_file_is_replaced_as_a_whole),
		TEST(test_a_failed_replacement_leaves_the_old_one),
		TEST(test_R194_the_old_octets_are_overwritten),
		TEST(test_what_is_no_small_file_is_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
