/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/hot.h"
#include "unit/store/box.h"
#include "unit/store/small.h"

enum { HEAD = 65536, PAGE = 4096, PER_PAGE = PAGE / SLOT_SIZE, STEP = 16384 };

static const struct sip_key key = { 1, 2 };
static const uint8_t id[SLOT_ID] = { 42 };

struct place {
	struct box *box;
	const char *file;
};

static int begin(void **state)
{
	static struct place p;
	p.box = box_new("/tmp");
	p.file = box_path(p.box, "hot");
	*state = &p;
	return 0;
}

static int end(void **state)
{
	box_free(((const struct place *)*state)->box);
	return 0;
}

static struct hot *opened(const char *file, bool want_fresh)
{
	struct store_error error = { "" };
	bool fresh;
	struct hot *const h = hot_open(file, &fresh, &error);
	if (!h)
		print_error("%s\n", error.text);
	assert_non_null(h);
	assert_int_equal(fresh, want_fresh);
	return h;
}

/* What is left for the next process. */
static void fill(struct hot *h, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		const struct slot_state s = { .edge = i + 1, .seen = 1 };
		slot_init(hot_at(h, i), &key, i, id, &s);
	}
}

static void check_filled(struct hot *h, uint32_t to)
{
	for (uint32_t i = 0; i < to; i++) {
		struct slot_state s;
		assert_true(slot_load(hot_at(h, i), &key, i, id, &s));
		assert_int_equal(s.edge, i + 1);
	}
}

static void test_S13_slots_and_counters_outlive_the_process(void **state)
{
	const struct place *const p = *state;
	struct hot *h = opened(p->file, true);
	assert_int_equal(hot_facts(h).slots, 0);
	assert_null(hot_at(h, 0));
	assert_true(hot_grow(h, 100));
	fill(h, 0, 100);
	for (uint32_t w = 0; w < HOT_WORKERS_MAX; w++)
		*hot_counter(h, w) = w + 1000;
	const struct hot_facts before = hot_facts(h);
	hot_close(h);
	h = opened(p->file, false);
	const struct hot_facts f = hot_facts(h);
	assert_memory_equal(f.instance, before.instance, HOT_INSTANCE);
	assert_true(f.device == before.device && f.inode == before.inode);
	assert_int_equal(f.slots, before.slots);
	check_filled(h, 100);
	for (uint32_t w = 0; w < HOT_WORKERS_MAX; w++)
		assert_int_equal(*hot_counter(h, w), w + 1000);
	struct stat st;
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(st.st_dev == f.device && st.st_ino == f.inode);
	hot_close(h);
}

static void test_S10_each_new_file_is_another_instance(void **state)
{
	const struct place *const p = *state;
	struct hot *h = opened(p->file, true);
	const struct hot_facts a = hot_facts(h);
	hot_close(h);
	assert_int_equal(unlink(p->file), 0);
	h = opened(p->file, true);
	const struct hot_facts b = hot_facts(h);
	hot_close(h);
	assert_memory_not_equal(a.instance, b.instance, HOT_INSTANCE);
}

static void test_S10_reset_forgets_all_and_is_another_instance(void **state)
{
	const struct place *const p = *state;
	struct hot *h = opened(p->file, true);
	assert_true(hot_grow(h, STEP + 1));
	fill(h, 0, STEP + 1);
	const struct hot_facts was = hot_facts(h);
	assert_true(hot_reset(h));
	assert_memory_not_equal(hot_facts(h).instance, was.instance, HOT_INSTANCE);
	assert_null(hot_at(h, 0));
	assert_int_equal(box_size(p->file), HEAD);
	assert_true(hot_grow(h, STEP + 1));
	static const struct slot empty;
	for (uint32_t i = 0; i <= STEP; i++)
		assert_memory_equal(hot_at(h, i), &empty, sizeof(empty));
	fill(h, 0, 5);
	const struct hot_facts now = hot_facts(h);
	hot_close(h);
	h = opened(p->file, false);
	assert_memory_equal(hot_facts(h).instance, now.instance, HOT_INSTANCE);
	check_filled(h, 5);
	hot_close(h);
}

static void test_S8_a_slot_never_moves(void **state)
{
	const struct place *const p = *state;
	struct hot *const h = opened(p->file, true);
	assert_true(hot_grow(h, 1));
	assert_int_equal(hot_facts(h).slots, STEP);
	struct slot *const first = hot_at(h, 0), *const last = hot_at(h, STEP - 1);
	assert_null(hot_at(h, STEP));
	fill(h, 0, STEP);
	assert_true(hot_grow(h, STEP)); /* has them */
	assert_int_equal(hot_facts(h).slots, STEP);
	for (uint32_t n = STEP; n < 200000; n = hot_facts(h).slots)
		assert_true(hot_grow(h, n + 1));
	assert_true(hot_facts(h).slots < 200000 + 200000 / 4); /* a quarter at most to spare */
	assert_ptr_equal(hot_at(h, 0), first);
	assert_ptr_equal(hot_at(h, STEP - 1), last);
	check_filled(h, STEP);
	assert_int_equal(hot_at(h, 199999)->mac, 0);
	assert_int_equal((uintptr_t)first % SLOT_SIZE, 0);
	assert_int_equal(box_size(p->file), HEAD + hot_facts(h).slots * (long)SLOT_SIZE);
	hot_close(h);
}

static void test_S16_slots_are_written_not_sparse(void **state)
{
	const struct place *const p = *state;
	struct hot *const h = opened(p->file, true);
	assert_true(hot_grow(h, 20000));
	struct stat st;
	assert_int_equal(stat(p->file, &st), 0);
	assert_true(st.st_blocks * 512 >= st.st_size);
	hot_close(h);
}

static void test_S16_no_room_changes_nothing(void **state)
{
	const struct place *const p = *state;
	struct hot *const h = opened(p->file, true);
	assert_true(hot_grow(h, 1));
	fill(h, 0, STEP);
	const long size = box_size(p->file);
	struct rlimit was;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	const struct rlimit little = { (rlim_t)size + 100000, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_false(hot_grow(h, STEP + 1));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(box_size(p->file), size);
	assert_int_equal(hot_facts(h).slots, STEP);
	assert_null(hot_at(h, STEP));
	check_filled(h, STEP);
	assert_true(hot_grow(h, STEP + 1));
	fill(h, STEP, STEP + 1);
	check_filled(h, STEP + 1);
	assert_false(hot_grow(h, UINT32_MAX));
	hot_close(h);
}

static void grow_on_a_small_disk(void *arg)
{
	const struct place *const p = arg;
	bool fresh;
	struct store_error error;
	struct hot *const h = hot_open(p->file, &fresh, &error);
	small_must(h && hot_grow(h, 1), "it does not begin");
	small_must(!hot_grow(h, STEP + 1) && hot_facts(h).slots == STEP, "the disk is not full");
	/* A hole would be SIGBUS here. */
	for (uint32_t i = 0; i < STEP; i++)
		hot_at(h, i)->forged = i;
	small_must(box_size(p->file) == HEAD + STEP * SLOT_SIZE, "a part stays");
}

static void test_S16_a_full_disk_is_met_while_growing(void **state)
{
	const struct place *const p = *state;
	small_disk(box_folder(p->box), 2 << 20, grow_on_a_small_disk, *state);
}

/* As tools put files back. */
static void reset_with_holes(void *arg)
{
	const struct place *const p = arg;
	struct hot *h = opened(p->file, true);
	hot_close(h);
	small_must(truncate(p->file, PAGE) == 0 && truncate(p->file, HEAD) == 0, "no holes");
	h = opened(p->file, false);
	small_fill(box_path(p->box, "other"), 0);
	small_must(!hot_reset(h), "where did it find room?");
	hot_close(h);
	small_fill(box_path(p->box, "other"), HEAD);
	bool fresh;
	struct store_error error;
	h = hot_open(p->file, &fresh, &error);
	small_must(h != NULL, "it does not open");
	small_must(hot_reset(h), "it does not find the room that is there");
	small_fill(box_path(p->box, "other"), 0);
	for (uint32_t w = 0; w < HOT_WORKERS_MAX; w++)
		++*hot_counter(h, w);
	hot_close(h);
}

static void test_S16_reset_leaves_no_holes(void **state)
{
	const struct place *const p = *state;
	small_disk(box_folder(p->box), 1 << 20, reset_with_holes, *state);
}

static void test_S13_dying_while_it_grew_loses_nothing(void **state)
{
	const struct place *const p = *state;
	struct hot *h = opened(p->file, true);
	assert_true(hot_grow(h, 1));
	fill(h, 0, STEP);
	hot_close(h);
	static const uint8_t part[PAGE + 100] = { 0 };
	box_write(p->file, box_size(p->file), part, sizeof(part));
	h = opened(p->file, false);
	assert_int_equal(hot_facts(h).slots, STEP + PER_PAGE);
	check_filled(h, STEP);
	assert_int_equal(hot_at(h, STEP + PER_PAGE - 1)->mac, 0);
	assert_true(hot_grow(h, STEP + PER_PAGE + 1));
	assert_int_equal(hot_at(h, STEP + PER_PAGE)->mac, 0);
	check_filled(h, STEP);
	hot_close(h);
}

static void spoil_and_open(const char *file, long at, uint8_t xor)
{
	uint8_t octet;
	box_read(file, at, &octet, 1);
	octet ^= xor;
	box_write(file, at, &octet, 1);
	struct hot *const h = opened(file, true);
	assert_int_equal(hot_facts(h).slots, 0);
	assert_true(hot_grow(h, 1));
	hot_close(h);
}

static void test_S15_an_unsound_file_is_replaced_and_said_so(void **state)
{
	const struct place *const p = *state;
	static const uint8_t zeroes[HEAD] = { 0 };
	hot_close(opened(p->file, true));
	hot_close(opened(p->file, false));
	for (long at = 0; at < 20; at++) /* magic, format, sizes */
		spoil_and_open(p->file, at, 1);
	hot_close(opened(p->file, false));
	assert_int_equal(truncate(p->file, HEAD - 1), 0);
	hot_close(opened(p->file, true));
	box_write(p->file, -1, "", 0);
	hot_close(opened(p->file, true));
	box_write(p->file, 20, zeroes, HOT_INSTANCE); /* an instance of nobody */
	hot_close(opened(p->file, true));
	assert_int_equal(truncate(p->file, (off_t)1 << 40), 0);
	hot_close(opened(p->file, true));
	hot_close(opened(p->file, false));
	assert_int_equal(box_size(box_path(p->box, "hot.new")), -1);
}

static void expect_error(const char *file)
{
	struct store_error error = { "" };
	bool fresh;
	assert_null(hot_open(file, &fresh, &error));
	assert_non_null(strstr(error.text, file));
}

static void test_R189_what_cannot_be_opened_is_an_error_not_a_new_file(void **state)
{
	const struct place *const p = *state;
	expect_error("/nowhere/at/all/hot");
	assert_int_equal(mkdir(p->file, 0700), 0);
	expect_error(p->file);
	assert_int_equal(rmdir(p->file), 0);
	const char *const other = box_path(p->box, "other");
	box_write(other, -1, "precious", 8);
	assert_int_equal(symlink(other, p->file), 0);
	expect_error(p->file);
	assert_int_equal(box_size(other), 8);
	assert_int_equal(unlink(p->file), 0);
	assert_int_equal(mkfifo(p->file, 0600), 0);
	expect_error(p->file);
}

static void test_S21_a_file_that_others_may_read_is_closed_to_them(void **state)
{
	const struct place *const p = *state;
	hot_close(opened(p->file, true));
	assert_int_equal(chmod(p->file, 0666), 0);
	hot_close(opened(p->file, false));
	struct stat st;
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_S8_workers_count_on_cache_lines_of_their_own(void **state)
{
	(void)state;
	struct hot *const h = opened(NULL, true);
	assert_true(hot_grow(h, 3));
	fill(h, 0, 3);
	for (uint32_t w = 1; w < HOT_WORKERS_MAX; w++) {
		const uintptr_t a = (uintptr_t)hot_counter(h, w - 1);
		assert_int_equal((uintptr_t)hot_counter(h, w) - a, 64);
	}
	assert_true((uintptr_t)hot_counter(h, HOT_WORKERS_MAX - 1) < (uintptr_t)hot_at(h, 0));
	check_filled(h, 3);
	hot_close(h);
}

/* 0 good, 1 bad. */
static int open_in_little_room(const char *file)
{
	const struct rlimit limit = { 128 << 20, 128 << 20 };
	const uint32_t most = 1 << 18; /* the power of two in a quarter of that */
	bool fresh;
	struct store_error error;
	if (setrlimit(RLIMIT_AS, &limit) != 0)
		return 1;
	struct hot *const h = hot_open(file, &fresh, &error);
	if (!h || !hot_grow(h, most - most / 8) || hot_grow(h, most + 1) || !hot_grow(h, most))
		return 1;
	fill(h, 0, most);
	/* The rest of the program has not been left without. */
	void *const rest = mmap(NULL, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return rest != MAP_FAILED && hot_facts(h).slots == most ? 0 : 1;
}

static void test_R189_opens_where_address_space_is_scarce(void **state)
{
	const struct place *const p = *state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)p;
	(void)open_in_little_room;
	skip(); /* they need all of it themselves */
#else
	const pid_t pid = fork();
	if (pid == 0)
		_exit(open_in_little_room(p->file));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#endif
}

#define IN_BOX(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOX(test_S13_slots_and_counters_outlive_the_process),
		IN_BOX(test_S10_each_new_file_is_another_instance),
		IN_BOX(test_S10_reset_forgets_all_and_is_another_instance),
		IN_BOX(test_S8_a_slot_never_moves),
		IN_BOX(test_S16_slots_are_written_not_sparse),
		IN_BOX(test_S16_no_room_changes_nothing),
		IN_BOX(test_S16_a_full_disk_is_met_while_growing),
		IN_BOX(test_S16_reset_leaves_no_holes),
		IN_BOX(test_S13_dying_while_it_grew_loses_nothing),
		IN_BOX(test_S15_an_unsound_file_is_replaced_and_said_so),
		IN_BOX(test_R189_what_cannot_be_opened_is_an_error_not_a_new_file),
		IN_BOX(test_S21_a_file_that_others_may_read_is_closed_to_them),
		IN_BOX(test_S8_workers_count_on_cache_lines_of_their_own),
		IN_BOX(test_R189_opens_where_address_space_is_scarce),
	};
	return cmocka_run_group_tests_name("store/hot", tests, NULL, NULL);
}
