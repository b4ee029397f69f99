/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/proof.h"
#include "unit/store/box.h"
#include "unit/store/step.h"

enum { TXN = 50 };

struct run { /* of a process, and what it leaves */
	struct box *box;
	const char *hot_file;
	struct proof_settings s;
	struct hot *hot;
	struct hot_facts facts;
	char why[PROOF_WHY_MAX];
};

static struct hot *opened(const struct run *r)
{
	struct store_error error = { "" };
	bool fresh;
	struct hot *const h = hot_open(r->hot_file, &fresh, &error);
	assert_non_null(h);
	return h;
}

/* A hot file and a token after some traffic; its process is dead. */
static int begin(void **state)
{
	static struct run r;
	r = (struct run){ .box = box_new("/tmp"), .s.any_filesystem = true };
	r.hot_file = box_path(r.box, "hot");
	r.s.token = box_path(r.box, "token");
	if (!proof_boot_id(r.s.boot))
		return -1;
	r.hot = opened(&r);
	struct store_error error;
	struct proof *const p = proof_begin(&r.s, r.hot, TXN, &error);
	if (!p)
		return -1;
	for (int i = 0; i < 3; i++)
		proof_batch(p, r.hot, 5);
	proof_batch(p, r.hot, HOT_WORKERS_MAX - 1);
	proof_commit(p, TXN + 7);
	proof_end(p, false);
	r.facts = hot_facts(r.hot);
	*state = &r;
	return 0;
}

static int end(void **state)
{
	struct run *const r = *state;
	hot_close(r->hot);
	box_free(r->box);
	return 0;
}

static bool holds(struct run *r, uint64_t txn)
{
	return proof_holds(&r->s, r->hot, r->facts.instance, txn, r->why);
}

/* And says this. */
static void expect_not(struct run *r, uint64_t txn, const char *why)
{
	assert_false(holds(r, txn));
	if (!strstr(r->why, why))
		print_error("%s\n", r->why);
	assert_non_null(strstr(r->why, why));
}

static void test_S10_a_dead_process_left_an_exact_window(void **state)
{
	struct run *const r = *state;
	assert_true(holds(r, TXN + 7));
	assert_string_equal(r->why, "");
	assert_true(holds(r, TXN + 8)); /* died between commit and token */
	++*hot_counter(r->hot, 5);      /* died between the two counters */
	assert_true(holds(r, TXN + 7));
}

static void test_S10_an_older_database_is_told(void **state)
{
	struct run *const r = *state;
	expect_not(r, TXN + 6, "database is older");
	expect_not(r, 0, "database is older");
}

static void test_S10_an_older_hot_file_is_told_for_each_worker(void **state)
{
	struct run *const r = *state;
	--*hot_counter(r->hot, HOT_WORKERS_MAX - 1);
	expect_not(r, TXN + 7, "hot file is older than the token (worker 63)");
	++*hot_counter(r->hot, HOT_WORKERS_MAX - 1);
	--*hot_counter(r->hot, 5);
	expect_not(r, TXN + 7, "hot file is older than the token (worker 5)");
}

/* In place, so that device and inode are the same. */
static void test_S10_a_copy_put_back_in_the_same_boot(void **state)
{
	struct run *const r = *state;
	const long size = box_size(r->hot_file);
	uint8_t *const copy = malloc((size_t)size);
	assert_non_null(copy);
	box_read(r->hot_file, 0, copy, (size_t)size);
	struct store_error error;
	struct proof *const p = proof_begin(&r->s, r->hot, TXN + 7, &error);
	assert_non_null(p);
	proof_batch(p, r->hot, 0);
	proof_end(p, false);
	assert_true(holds(r, TXN + 7));
	box_write(r->hot_file, 0, copy, (size_t)size);
	expect_not(r, TXN + 7, "hot file is older");
	free(copy);
}

static void test_S10_the_hot_file_copied_to_another_name(void **state)
{
	struct run *const r = *state;
	const long size = box_size(r->hot_file);
	uint8_t *const copy = malloc((size_t)size);
	assert_non_null(copy);
	box_read(r->hot_file, 0, copy, (size_t)size);
	hot_close(r->hot);
	const char *const other = box_path(r->box, "other");
	box_write(other, -1, copy, (size_t)size);
	assert_int_equal(rename(other, r->hot_file), 0);
	r->hot = opened(r);
	expect_not(r, TXN + 7, "another file");
	free(copy);
}

static void test_S10_the_hot_file_alone_is_gone(void **state)
{
	struct run *const r = *state;
	hot_close(r->hot);
	assert_int_equal(unlink(r->hot_file), 0);
	r->hot = opened(r);
	expect_not(r, TXN + 7, "not the one that the database knows");
	/* Also if the database took the new one for its own, and the inode is used again. */
	r->facts = hot_facts(r->hot);
	assert_false(holds(r, TXN + 7));
}

static void test_S10_the_database_knows_another_instance(void **state)
{
	struct run *const r = *state;
	r->facts.instance[15] ^= 1;
	expect_not(r, TXN + 7, "not the one that the database knows");
}

static void test_S10_another_boot(void **state)
{
	struct run *const r = *state;
	r->s.boot[35] ^= 1;
	expect_not(r, TXN + 7, "booted");
}

static void test_S10_no_token(void **state)
{
	struct run *const r = *state;
	assert_int_equal(unlink(r->s.token), 0);
	expect_not(r, TXN + 7, "there is no token");
}

static void test_S10_a_token_on_a_disk_proves_nothing(void **state)
{
	struct run *const r = *state;
	struct statfs st;
	assert_int_equal(statfs(box_folder(r->box), &st), 0);
	if (st.f_type == TMPFS_MAGIC)
		skip();
	r->s.any_filesystem = false;
	expect_not(r, TXN + 7, "not on a tmpfs");
	/* And none is made; the old one does not stay to speak for this run. */
	struct store_error error = { "" };
	assert_null(proof_begin(&r->s, r->hot, TXN, &error));
	assert_non_null(strstr(error.text, r->s.token));
	assert_non_null(strstr(error.text, "tmpfs"));
	assert_int_equal(box_size(r->s.token), -1);
	assert_int_equal(box_size(box_path(r->box, "token.new")), -1);
}

static void test_S10_a_token_on_a_tmpfs(void **state)
{
	struct run *const r = *state;
	struct statfs st;
	if (statfs("/dev/shm", &st) != 0 || st.f_type != TMPFS_MAGIC)
		skip();
	struct box *const f = box_new("/dev/shm");
	r->s.token = box_path(f, "token");
	r->s.any_filesystem = false;
	struct store_error error;
	struct proof *const p = proof_begin(&r->s, r->hot, TXN, &error);
	assert_non_null(p);
	assert_true(holds(r, TXN));
	proof_end(p, true);
	expect_not(r, TXN, "there is no token");
	box_free(f);
}

static void test_S10_a_token_that_is_not_whole(void **state)
{
	struct run *const r = *state;
	const long size = box_size(r->s.token);
	assert_int_equal(truncate(r->s.token, size - 1), 0);
	expect_not(r, TXN + 7, "not whole");
	assert_int_equal(truncate(r->s.token, size + 1), 0);
	expect_not(r, TXN + 7, "not whole");
	assert_int_equal(truncate(r->s.token, 0), 0);
	expect_not(r, TXN + 7, "not whole");
	assert_int_equal(truncate(r->s.token, size), 0);
	expect_not(r, TXN + 7, "another format");
}

/* Each octet of what identifies. */
static void test_S10_a_token_with_another_octet(void **state)
{
	struct run *const r = *state;
	uint8_t token[92];
	box_read(r->s.token, 0, token, sizeof(token));
	for (size_t i = 0; i < 88; i++) {
		if (i >= 68 && i < 72)
			continue; /* fills up */
		token[i] ^= 1;
		box_write(r->s.token, 0, token, sizeof(token));
		assert_false(holds(r, TXN + 7));
		token[i] ^= 1;
	}
	box_write(r->s.token, 0, token, sizeof(token));
	assert_true(holds(r, TXN + 7));
}

static void test_S10_a_token_of_others(void **state)
{
	struct run *const r = *state;
	assert_int_equal(chmod(r->s.token, 0620), 0);
	expect_not(r, TXN + 7, "others may write");
	assert_int_equal(chmod(r->s.token, 0602), 0);
	expect_not(r, TXN + 7, "others may write");
	assert_int_equal(chmod(r->s.token, 0600), 0);
	const char *const other = box_path(r->box, "other");
	assert_int_equal(rename(r->s.token, other), 0);
	assert_int_equal(symlink(other, r->s.token), 0);
	expect_not(r, TXN + 7, "cannot be opened");
	assert_int_equal(unlink(r->s.token), 0);
	assert_int_equal(mkfifo(r->s.token, 0600), 0);
	expect_not(r, TXN + 7, "not a regular file");
}

static void test_S10_a_new_token_knows_what_it_found(void **state)
{
	struct run *const r = *state;
	struct store_error error;
	struct proof *const p = proof_begin(&r->s, r->hot, TXN + 20, &error);
	assert_non_null(p);
	proof_end(p, false);
	assert_true(holds(r, TXN + 20));
	expect_not(r, TXN + 19, "database is older");
	--*hot_counter(r->hot, 5);
	expect_not(r, TXN + 20, "hot file is older");
}

static void test_S10_a_token_ends_with_its_store(void **state)
{
	struct run *const r = *state;
	struct store_error error;
	struct proof *const p = proof_begin(&r->s, r->hot, TXN, &error);
	assert_non_null(p);
	proof_end(p, true);
	assert_int_equal(box_size(r->s.token), -1);
	proof_end(NULL, true);
}

static void test_S10_without_a_token_the_hot_file_still_counts(void **state)
{
	struct run *const r = *state;
	const uint64_t was = *hot_counter(r->hot, 9);
	proof_batch(NULL, r->hot, 9);
	proof_commit(NULL, 1);
	assert_int_equal(*hot_counter(r->hot, 9), was + 1);
}

/* --- killed ------------------------------------------------------------------------------- */

struct scene {
	struct run *run;
	struct proof *proof;
	unsigned steps;
	bool failed;
};

static void run_batch(void *arg)
{
	const struct scene *const c = arg;
	proof_batch(c->proof, c->run->hot, 5);
}

static void look(void *arg)
{
	struct scene *const c = arg;
	c->failed |= !holds(c->run, TXN + 7);
	c->steps++;
}

static void test_S10_killed_after_each_instruction_of_a_batch(void **state)
{
	struct scene *const c = step_shared(sizeof(*c));
	struct store_error error;
	c->run = *state;
	c->proof = proof_begin(&c->run->s, c->run->hot, TXN + 7, &error);
	assert_non_null(c->proof);
	const uint64_t was = *hot_counter(c->run->hot, 5);
	if (step_through(run_batch, look, c) == 0)
		skip();
	assert_false(c->failed);
	assert_int_equal(*hot_counter(c->run->hot, 5), was + 1);
	--*hot_counter(c->run->hot, 5);
	expect_not(c->run, TXN + 7, "worker 5"); /* the token counted it, too */
	proof_end(c->proof, false);
}

#define IN_RUN(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_RUN(test_S10_a_dead_process_left_an_exact_window),
		IN_RUN(test_S10_an_older_database_is_told),
		IN_RUN(test_S10_an_older_hot_file_is_told_for_each_worker),
		IN_RUN(test_S10_a_copy_put_back_in_the_same_boot),
		IN_RUN(test_S10_the_hot_file_copied_to_another_name),
		IN_RUN(test_S10_the_hot_file_alone_is_gone),
		IN_RUN(test_S10_the_database_knows_another_instance),
		IN_RUN(test_S10_another_boot),
		IN_RUN(test_S10_no_token),
		IN_RUN(test_S10_a_token_on_a_disk_proves_nothing),
		IN_RUN(test_S10_a_token_on_a_tmpfs),
		IN_RUN(test_S10_a_token_that_is_not_whole),
		IN_RUN(test_S10_a_token_with_another_octet),
		IN_RUN(test_S10_a_token_of_others),
		IN_RUN(test_S10_a_new_token_knows_what_it_found),
		IN_RUN(test_S10_a_token_ends_with_its_store),
		IN_RUN(test_S10_without_a_token_the_hot_file_still_counts),
		IN_RUN(test_S10_killed_after_each_instruction_of_a_batch),
	};
	return cmocka_run_group_tests_name("store/proof", tests, NULL, NULL);
}
