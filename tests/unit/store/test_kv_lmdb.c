/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the LMDB backend: what becomes of them, and what is said when they are not sound. */
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
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/kv.h"
#include "unit/store/rows.h"
#include "unit/store/small.h"

/* --- the medium's faults: under libc's names, which win also for liblmdb ---------------------- */

static struct {
	int sync, write, allocate; /* errno to fail with; 0: none */
	int calls_to_live;         /* the process is killed before this one; 0: never */
} faults;

static void maybe_die(void)
{
	if (faults.calls_to_live > 0 && --faults.calls_to_live == 0)
		_exit(0);
}

int faulty_fdatasync(int fd) __asm__("fdatasync");
int faulty_fdatasync(int fd)
{
	maybe_die();
	errno = faults.sync;
	return faults.sync != 0 ? -1 : (int)syscall(SYS_fdatasync, fd);
}

ssize_t faulty_pwrite(int fd, const void *data, size_t len, off_t at) __asm__("pwrite");
ssize_t faulty_pwrite(int fd, const void *data, size_t len, off_t at)
{
	maybe_die();
	errno = faults.write;
	return faults.write != 0 ? -1 : syscall(SYS_pwrite64, fd, data, len, at);
}

ssize_t faulty_writev(int fd, const struct iovec *v, int n) __asm__("writev");
ssize_t faulty_writev(int fd, const struct iovec *v, int n)
{
	maybe_die();
	errno = faults.write;
	return faults.write != 0 ? -1 : syscall(SYS_writev, fd, v, n);
}

int faulty_fallocate(int fd, int mode, off_t at, off_t len) __asm__("fallocate");
int faulty_fallocate(int fd, int mode, off_t at, off_t len)
{
	errno = faults.allocate;
	return faults.allocate != 0 ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, len);
}

static int begin(void **state)
{
	memset(&faults, 0, sizeof(faults));
	return rows_begin(state);
}

static int end(void **state)
{
	memset(&faults, 0, sizeof(faults));
	return rows_end(state);
}

enum { CHILD_DONE = 78, CHILD_BAD = 1, SMALL = 24 << 20 };

/* --- opening ---------------------------------------------------------------------------------- */

static void test_only_a_missing_database_is_fresh(void **state)
{
	struct rows *const w = *state;
	kv_close(rows_must_open(w));
	assert_true(w->fresh);
	struct stat st;
	assert_int_equal(stat(rows_file(w), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	kv_close(rows_must_open(w));
	assert_false(w->fresh);
	folder_write(rows_file(w), "", 0);
	rows_refused(w, "is empty");
	assert_int_equal(unlink(rows_file(w)), 0);
	assert_int_equal(mkdir(rows_file(w), 0700), 0);
	rows_refused(w, "is no regular file");
}

static void test_what_a_killed_beginner_left_is_cleared_away(void **state)
{
	struct rows *const w = *state;
	assert_int_equal(mkdir(folder_file(w->folder, "new"), 0700), 0);
	folder_write(folder_file(w->folder, "new/data.mdb"), "half", 4);
	kv_close(rows_must_open(w));
	assert_true(w->fresh);
	assert_int_equal(access(folder_file(w->folder, "new"), F_OK), -1);
}

static void begin_and_die(struct rows *w)
{
	struct kv *const kv = rows_open(w, false);
	_exit(kv != NULL ? CHILD_DONE : CHILD_BAD);
}

/* Never an empty or half a data.mdb, which would look like damage ever after. */
static void test_whoever_dies_while_making_it_leaves_it_whole_or_not_there(void **state)
{
	struct rows *const w = *state;
	int calls = 1;
	for (int status = 0; calls < 100; calls++) {
		faults.calls_to_live = calls;
		status = rows_run_child(begin_and_die, w);
		faults.calls_to_live = 0;
		const bool there = access(rows_file(w), F_OK) == 0;
		kv_close(rows_must_open(w));
		assert_int_equal(w->fresh, !there);
		assert_int_equal(unlink(rows_file(w)), 0);
		if (WEXITSTATUS(status) == CHILD_DONE)
			break;
		assert_int_equal(status, 0);
	}
	assert_true(calls > 3 && calls < 100);
}

static void test_inspection_makes_nothing(void **state)
{
	struct rows *const w = *state;
	assert_null(rows_open(w, true));
	assert_non_null(strstr(w->error.text, "is not there"));
	assert_int_equal(access(rows_file(w), F_OK), -1);
	rows_make(w, 10);
	struct kv *const kv = rows_open(w, true);
	assert_non_null(kv);
	assert_int_equal(rows_good(kv), 10);
	kv_close(kv);
}

static void test_children_do_not_inherit_the_database(void **state)
{
	struct rows *const w = *state;
	struct kv *const kv = rows_must_open(w);
	struct stat st, other;
	assert_int_equal(stat(rows_file(w), &st), 0);
	unsigned seen = 0;
	for (int fd = 0; fd < 256; fd++) {
		if (fstat(fd, &other) != 0 || other.st_ino != st.st_ino)
			continue;
		seen++;
		assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	}
	assert_true(seen > 0);
	kv_close(kv);
}

static void test_I5_the_map_is_kept_out_of_core_dumps_and_is_known(void **state)
{
	struct rows *const w = *state;
	rows_make(w, 1);
	struct kv *const kv = rows_must_open(w);
	struct kv_txn *t = NULL;
	assert_int_equal(kv_begin(kv, KV_READ, &t), STORE_OK);
	struct kv_slice key, value;
	assert_int_equal(kv_seek(t, 0, slice(NULL, 0), &key, &value), STORE_OK);
	assert_true(kv_owns_address(kv, value.data));
	assert_false(kv_owns_address(kv, &value));
	kv_abort(t);
	FILE *const f = fopen("/proc/self/smaps", "re");
	assert_non_null(f);
	char line[512];
	bool ours = false;
	bool kept_out = false;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strchr(line, '-') != NULL && strstr(line, " r") != NULL)
			ours = strstr(line, rows_file(w)) != NULL;
		else if (ours && strncmp(line, "VmFlags:", 8) == 0)
			kept_out = strstr(line, " dd") != NULL;
	}
	(void)fclose(f);
	assert_true(kept_out);
	kv_close(kv);
}

/* --- growing ---------------------------------------------------------------------------------- */

static void test_the_map_grows_by_itself(void **state)
{
	struct rows *const w = *state;
	struct kv *const kv = rows_must_open(w);
	const uint64_t map = kv_facts(kv).map_bytes;
	for (uint32_t i = 0; i < 80; i++)
		assert_int_equal(rows_put(kv, KV_WRITE, i * 600, 600), STORE_OK);
	assert_true(kv_facts(kv).map_bytes > map);
	assert_int_equal(rows_good(kv), 80 * 600);
	/* More at once than the margin: the second time it fits. */
	enum { MANY = 120000 };
	assert_int_equal(rows_put(kv, KV_WRITE, 48000, MANY), STORE_FULL);
	assert_int_equal(rows_good(kv), 48000);
	enum store_result r = STORE_FULL;
	for (unsigned i = 0; i < 3 && r == STORE_FULL; i++)
		r = rows_put(kv, KV_WRITE, 48000, MANY);
	assert_int_equal(r, STORE_OK);
	assert_int_equal(rows_good(kv), 48000 + MANY);
	kv_close(kv);
}

static void test_a_reader_that_stays_does_not_stop_the_writer(void **state)
{
	struct rows *const w = *state;
	struct kv *const kv = rows_must_open(w);
	struct kv_txn *r = NULL;
	assert_int_equal(kv_begin(kv, KV_READ, &r), STORE_OK);
	const uint64_t map = kv_facts(kv).map_bytes;
	for (uint32_t i = 0; i < 36; i++)
		assert_int_equal(rows_put(kv, KV_WRITE, i * 600, 600), STORE_OK);
	assert_int_equal(kv_facts(kv).map_bytes, map); /* it could not move */
	kv_rest(r);
	assert_int_equal(rows_put(kv, KV_WRITE, 36 * 600, 600), STORE_OK);
	assert_true(kv_facts(kv).map_bytes > map);
	assert_int_equal(kv_renew(r), STORE_OK);
	assert_int_equal(kv_count(r, 0), 37 * 600);
	kv_abort(r);
	kv_close(kv);
}

/* --- the medium ------------------------------------------------------------------------------- */

static void test_S4_a_failed_sync_is_final(void **state)
{
	struct rows *const w = *state;
	rows_make(w, 10);
	struct kv *const kv = rows_must_open(w);
	faults.sync = EIO;
	assert_int_equal(rows_put(kv, KV_WRITE, 10, 10), STORE_BROKEN);
	assert_false(kv_facts(kv).is_damaged);
	faults.sync = 0;
	assert_int_equal(rows_put(kv, KV_WRITE, 10, 10), STORE_BROKEN);
	assert_int_equal(rows_put(kv, KV_VITAL, 10, 10), STORE_BROKEN);
	assert_int_equal(rows_good(kv), 10);
	kv_close(kv);
}

static void test_R189_a_failed_write_is_final(void **state)
{
	struct rows *const w = *state;
	rows_make(w, 10);
	struct kv *const kv = rows_must_open(w);
	faults.write = EIO;
	assert_int_equal(rows_put(kv, KV_WRITE, 10, 10), STORE_BROKEN);
	assert_false(kv_facts(kv).is_damaged);
	faults.write = 0;
	assert_int_equal(rows_put(kv, KV_WRITE, 10, 10), STORE_BROKEN);
	assert_int_equal(rows_good(kv), 10);
	kv_close(kv);
}

static void test_a_full_disk_is_not_final(void **state)
{
	struct rows *const w = *state;
	rows_make(w, 10);
	struct kv *const kv = rows_must_open(w);
	static const int full[] = { ENOSPC, EDQUOT };
	for (size_t i = 0; i < COUNT_OF(full); i++) {
		faults.write = full[i];
		assert_int_equal(rows_put(kv, KV_WRITE, 10, 10), STORE_FULL);
		faults.write = 0;
		assert_int_equal(rows_good(kv), 10);
	}
	assert_int_equal(rows_put(kv, KV_WRITE, 10, 10), STORE_OK);
	assert_int_equal(rows_good(kv), 20);
	kv_close(kv);
}

static void fill_a_disk(void *arg)
{
	struct rows *const w = arg;
	struct kv *const kv = rows_open(w, false);
	small_must(kv != NULL, w->error.text);
	/* Somebody else's file takes most of the disk. */
	const int other =
		open(folder_file(w->folder, "other"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	small_must(syscall(SYS_fallocate, other, 0, 0, 8 << 20) == 0, "no room for the other file");
	uint32_t n = 0;
	enum store_result r = STORE_OK;
	for (; r == STORE_OK; n += r == STORE_OK ? 50 : 0)
		r = rows_put(kv, KV_WRITE, n, 50);
	small_must(r == STORE_FULL && n > 1000, "filling does not end with STORE_FULL");
	small_must(kv_facts(kv).is_short, "it does not know that it is short");
	small_must(rows_good(kv) == (int)n, "the full database is not whole");
	for (unsigned i = 0; n > 0 && i < 3000; i++) {
		const uint32_t which = (i * 7919U) % n;
		small_must(rows_put(kv, KV_VITAL, which, 1) == STORE_OK, "an update found no room");
	}
	small_must(rows_put(kv, KV_WRITE, n, 1) == STORE_FULL, "what is not vital still goes");
	for (unsigned i = 0; i < 500; i++)
		small_must(
			rows_put(kv, KV_VITAL, n + i, 1) == STORE_OK, "a vital row found no room");
	small_must(rows_good(kv) == (int)n + 500, "the database is not whole after it");
	small_must(ftruncate(other, 0) == 0, "the other file stays");
	small_must(
		rows_put(kv, KV_WRITE, n + 500, 50) == STORE_OK, "room that came back is not seen");
	small_must(!kv_facts(kv).is_short, "it still believes to be short");
	kv_close(kv);
	kv_close(rows_open(w, false));
	small_must(w->error.text[0] == '\0', w->error.text);
}

/* LMDB writes many pages at a time: the write that meets the end of the disk is a short one. */
static void fill_a_disk_in_large_steps(void *arg)
{
	struct rows *const w = arg;
	struct kv *const kv = rows_open(w, false);
	small_must(kv != NULL, w->error.text);
	uint32_t n = 0;
	enum { STEP = 5000 };
	enum store_result r = STORE_OK;
	for (; r == STORE_OK; n += r == STORE_OK ? STEP : 0)
		r = rows_put(kv, KV_WRITE, n, STEP);
	small_must(r == STORE_FULL && n > 0, "a short write is no STORE_FULL");
	small_must(rows_good(kv) == (int)n, "the full database is not whole");
	small_must(rows_put(kv, KV_VITAL, 7, 1) == STORE_OK, "an update found no room");
	kv_close(kv);
	kv_close(rows_open(w, false));
	small_must(w->error.text[0] == '\0', w->error.text);
}

static void test_a_disk_that_fills_up_within_a_write_is_not_final(void **state)
{
	const struct rows *const w = *state;
	small_disk(w->folder, SMALL, fill_a_disk_in_large_steps, *state);
}

static void test_S16_what_is_vital_goes_on_when_the_disk_is_full(void **state)
{
	const struct rows *const w = *state;
	small_disk(w->folder, SMALL, fill_a_disk, *state);
}

static void use_read_only_disk(void *arg)
{
	struct rows *const w = arg;
	rows_make(w, 10);
	small_must(mount("small", w->folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0, "remount");
	small_must(rows_open(w, false) == NULL, "it opens for writing");
	small_must(strstr(w->error.text, "Read-only file system") != NULL &&
			   strstr(w->error.text, "mounted read-write") != NULL,
		w->error.text);
	struct kv *const kv = rows_open(w, true);
	small_must(kv != NULL, w->error.text);
	small_must(rows_good(kv) == 10, "inspection fails");
	kv_close(kv);
}

static void test_a_read_only_file_system_is_told(void **state)
{
	const struct rows *const w = *state;
	small_disk(w->folder, SMALL, use_read_only_disk, *state);
}

/* LMDB leaves out pages that a transaction took at the end and gave back. */
static void test_a_file_that_lacks_free_pages_only_is_sound(void **state)
{
	struct rows *const w = *state;
	kv_close(rows_must_open(w));
	assert_int_equal(truncate(rows_file(w), 0), 0);
	assert_int_equal(unlink(rows_file(w)), 0);
	faults.allocate = EOPNOTSUPP; /* as on a file system that cannot allocate ahead */
	struct kv *kv = rows_must_open(w);
	assert_int_equal(rows_put(kv, KV_WRITE, 0, 20), STORE_OK);
	assert_int_equal(rows_put(kv, KV_WRITE, 0, 20), STORE_OK);
	static uint8_t large[400000];
	struct kv_txn *t = NULL;
	assert_int_equal(kv_begin(kv, KV_WRITE, &t), STORE_OK);
	assert_int_equal(kv_put(t, 1, slice("x", 1), slice(large, sizeof(large))), STORE_OK);
	assert_int_equal(kv_del(t, 1, slice("x", 1)), STORE_OK);
	assert_int_equal(kv_put(t, 1, slice("y", 1), slice("z", 1)), STORE_OK);
	assert_int_equal(kv_commit(t), STORE_OK);
	kv_close(kv);
	const long size = folder_size(rows_file(w));
	kv = rows_must_open(w);
	assert_true(folder_size(rows_file(w)) > size); /* or the test tests nothing */
	assert_int_equal(rows_good(kv), 20);
	assert_int_equal(rows_put(kv, KV_WRITE, 0, 300), STORE_OK);
	assert_int_equal(rows_good(kv), 300);
	kv_close(kv);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_only_a_missing_database_is_fresh),
		TEST(test_what_a_killed_beginner_left_is_cleared_away),
		TEST(test_whoever_dies_while_making_it_leaves_it_whole_or_not_there),
		TEST(test_inspection_makes_nothing),
		TEST(test_children_do_not_inherit_the_database),
		TEST(test_I5_the_map_is_kept_out_of_core_dumps_and_is_known),
		TEST(test_the_map_grows_by_itself),
		TEST(test_a_reader_that_stays_does_not_stop_the_writer),
		TEST(test_S4_a_failed_sync_is_final),
		TEST(test_R189_a_failed_write_is_final),
		TEST(test_a_full_disk_is_not_final),
		TEST(test_a_disk_that_fills_up_within_a_write_is_not_final),
		TEST(test_S16_what_is_vital_goes_on_when_the_disk_is_full),
		TEST(test_a_read_only_file_system_is_told),
		TEST(test_a_file_that_lacks_free_pages_only_is_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
