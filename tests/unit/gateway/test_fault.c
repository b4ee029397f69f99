/* SPDX-License-Identifier: Apache-2.0 */
/* S16: what a failing disk takes with it, and what not. Each in a process of its own. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/build.h"
#include "base/log.h"
#include "gateway/fault.h"
#include "store/kv_lmdb.h"
#include "store/store.h"

static const struct log quiet = { .fd = STDERR_FILENO, .level = LOG_LEVEL_ERROR, .name = "t" };

struct folder {
	char path[64], token[96], file[96];
};

static struct folder folder_new(void)
{
	struct folder f;
	(void)snprintf(f.path, sizeof(f.path), "/tmp/lwgate-fault-XXXXXX");
	assert_non_null(mkdtemp(f.path));
	(void)snprintf(f.token, sizeof(f.token), "%s/token", f.path);
	(void)snprintf(f.file, sizeof(f.file), "%s/store", f.path);
	assert_int_equal(mkdir(f.file, 0700), 0);
	return f;
}

static void folder_free(const struct folder *f)
{
	static const char *const names[] = { "data.mdb", "lock.mdb", "keyring", "hot", "lock" };
	char file[128];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(file, sizeof(file), "%s/%s", f->file, names[i]);
		(void)unlink(file);
	}
	(void)unlink(f->token);
	assert_int_equal(rmdir(f->file), 0);
	assert_int_equal(rmdir(f->path), 0);
}

static struct store *open_in(const struct folder *f)
{
	static const struct kek kek = { .key = { 1, 2, 3 } };
	struct store_error why;
	const struct store_settings s = { .dir = f->file,
		.kek_given = &kek,
		.token = f->token,
		.any_filesystem = true,
		.log = &quiet };
	struct store *const store = store_open(&s, &why);
	if (!store)
		fail_msg("%s", why.text);
	return store;
}

/* The file loses its end, as it would with a disk that cannot be read there. */
static void cut(const struct folder *f, const char *name, off_t size)
{
	char file[128];
	(void)snprintf(file, sizeof(file), "%s/%s", f->file, name);
	assert_int_equal(truncate(file, size), 0);
}

static int in_child(int (*run)(const struct folder *f), const struct folder *f)
{
	const pid_t child = fork();
	int status;
	assert_true(child >= 0);
	if (child == 0)
		_exit(run(f));
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

struct first { /* an association, so that there are slots */
	struct store_op op;
	_Atomic int result; /* -1: not yet */
};

static enum store_result put_first(struct store_txn *t, struct store_op *op)
{
	struct store_cred c = {
		.endpoint = "e", .identity = "i", .identity_len = 1, .key_len = 16
	};
	struct store_assoc a = { .context_len = 1 };
	(void)op;
	enum store_result r = store_cred_put(t, &c);
	a.cred = c.number;
	a.generation = c.generation;
	if (r == STORE_OK)
		r = store_assoc_put(t, &a, slot_owner(1, 0));
	return r;
}

static void first_done(struct store_op *op, enum store_result r)
{
	atomic_store(&CONTAINER_OF(op, struct first, op)->result, (int)r);
}

static bool make_first(struct store *s)
{
	struct first first = { .op = { .run = put_first, .done = first_done }, .result = -1 };
	store_submit(s, &first.op);
	while (atomic_load(&first.result) < 0)
		(void)usleep(100);
	return atomic_load(&first.result) == STORE_OK;
}

static int lose_slots(const struct folder *f)
{
	struct store *const s = open_in(f);
	if (!make_first(s))
		return 5;
	gw_fault_install(s, f->file, f->token);
	if (access(f->token, F_OK) != 0)
		return 1;
	cut(f, "hot", 65536); /* its head stays */
	struct slot *const first = store_slot(s, 0);
	if (!first)
		return 4;
	if (atomic_load(&first->edge) != 0 || gw_fault_seen() != 1)
		return 2;
	return access(f->token, F_OK) != 0 ? 0
					   : 3; /* and so the next start is after a power loss */
}

static int lose_database(const struct folder *f)
{
	struct store *const s = open_in(f);
	struct store_reader *const r = store_reader_new(s);
	struct store_session row;
	gw_fault_install(s, f->file, f->token);
	cut(f, "data.mdb", 4096);
	if (!freopen("/dev/null", "w", stderr)) /* what it says is not for the test's own */
		return 3;
	return store_read_session(r, 1, &row) == STORE_OK ? 1 : 2;
}

/* The writer's thread, which hears of no other signals. */
static int lose_database_under_the_writer(const struct folder *f)
{
	struct store *const s = open_in(f);
	gw_fault_install(s, f->file, f->token);
	cut(f, "data.mdb", 4096);
	if (!freopen("/dev/null", "w", stderr))
		return 3;
	return make_first(s) ? 1 : 2;
}

/* As the allocator does when it finds that something was written beside its pages. */
static int abort_in_the_database(const struct folder *f)
{
	static const struct lmdb_kv some;
	gw_fault_install(NULL, f->file, NULL); /* it is being opened */
	if (!freopen("/dev/null", "w", stderr))
		return 3;
	lmdb_enter(&some);
	abort();
}

static int sent_signal; /* to the next child */

static int another_fault(const struct folder *f)
{
	gw_fault_install(open_in(f), f->file, f->token);
	(void)raise(sent_signal); /* once: it must not be swallowed */
	return 0;
}

static void ends_with_a_status(int (*run)(const struct folder *f))
{
	const struct folder f = folder_new();
	const int status = in_child(run, &f);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), GW_FAULT_STATUS);
	folder_free(&f);
}

static void test_S16_a_lost_page_of_slots_does_not_end_the_process(void **state)
{
	(void)state;
	const struct folder f = folder_new();
	assert_int_equal(in_child(lose_slots, &f), 0);
	folder_free(&f);
}

static void test_a_lost_database_ends_the_process_with_a_status(void **state)
{
	(void)state;
	ends_with_a_status(lose_database);
}

static void test_S16_a_fault_of_the_writer_is_heard_of(void **state)
{
	(void)state;
	ends_with_a_status(lose_database_under_the_writer);
}

static void test_an_abort_in_the_database_ends_the_process_with_a_status(void **state)
{
	(void)state;
	ends_with_a_status(abort_in_the_database);
}

static void test_every_other_fault_is_the_systems(void **state)
{
	(void)state;
	if (BUILD_CHECKED)
		skip(); /* the sanitizer has handlers of its own */
	static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT };
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		const struct folder f = folder_new();
		sent_signal = signals[i];
		const int status = in_child(another_fault, &f);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		folder_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S16_a_lost_page_of_slots_does_not_end_the_process),
		cmocka_unit_test(test_a_lost_database_ends_the_process_with_a_status),
		cmocka_unit_test(test_S16_a_fault_of_the_writer_is_heard_of),
		cmocka_unit_test(test_an_abort_in_the_database_ends_the_process_with_a_status),
		cmocka_unit_test(test_every_other_fault_is_the_systems),
	};
	return cmocka_run_group_tests_name("gateway/fault", tests, NULL, NULL);
}
