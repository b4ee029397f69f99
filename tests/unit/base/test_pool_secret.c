/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/build.h"
#include "base/pool.h"
#include "smaps.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 200, NOBODY = 65534 };

static int make(void **state)
{
	static struct pool pool;
	pool_init_secret(&pool, SIZE);
	*state = &pool;
	return 0;
}

static int end(void **state)
{
	struct pool *p = *state;
	assert_int_equal(p->used, 0);
	pool_fini(p);
	assert_int_equal(p->chunks, 0);
	return 0;
}

static void *taken(struct pool *p)
{
	void *const object = pool_take(p);
	assert_non_null(object);
	memset(object, 0x5e, SIZE);
	return object;
}

/* But for the pointer to the next free one. */
static void test_I5_what_is_given_back_is_wiped(void **state)
{
	struct pool *p = *state;
	static const uint8_t zero[SIZE];
	if (BUILD_CHECKED)
		skip();              /* given back is freed there */
	void *const kept = taken(p); /* the chunk stays */
	uint8_t *const object = taken(p);
	pool_give(p, object);
	assert_memory_equal(object + sizeof(void *), zero, SIZE - sizeof(void *));
	pool_give(p, kept);
}

static void test_R195_it_lies_in_no_core_dump_and_in_no_swap(void **state)
{
	struct pool *p = *state;
	if (BUILD_CHECKED)
		skip();
	void *const object = taken(p);
	assert_false(p->unlocked);
	assert_true(smaps_flag(object, "dd"));
	assert_true(smaps_flag(object, "lo"));
	pool_give(p, object);
}

/* The price of a lock is paid by secrets only. */
static void test_R195_other_pools_are_as_they_were(void **state)
{
	struct pool plain;
	(void)state;
	if (BUILD_CHECKED)
		skip();
	pool_init(&plain, SIZE);
	void *const object = taken(&plain);
	assert_false(smaps_flag(object, "dd"));
	assert_false(smaps_flag(object, "lo"));
	pool_give(&plain, object);
	pool_fini(&plain);
}

/* A chunk in use before; then the system allows no more. Status 0: all was as it should be. */
static int without_lock(struct pool *p)
{
	const struct rlimit none = { 0 };
	void *objects[2 * POOL_CHUNK / SIZE];
	if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (geteuid() == 0 && setuid(NOBODY) != 0))
		return 1;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		objects[i] = pool_take(p);
		if (!objects[i])
			return 2;
		memset(objects[i], 0x5e, SIZE);
	}
	/* smaps is not ours to read any more if we were root before: the struct must say it */
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		pool_give(p, objects[i]);
	return p->unlocked ? 0 : 3;
}

static void test_R195_without_room_to_lock_it_goes_on_and_says_so(void **state)
{
	struct pool *p = *state;
	int status = -1;
	if (BUILD_CHECKED)
		skip();
	const pid_t child = fork();
	if (child == 0)
		_exit(without_lock(p));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_I5_zeroed_when_taken(void **state)
{
	struct pool *p = *state;
	static const uint8_t zero[SIZE];
	pool_give(p, taken(p));
	uint8_t *const object = pool_take(p);
	assert_non_null(object);
	assert_memory_equal(object, zero, SIZE);
	pool_give(p, object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_I5_what_is_given_back_is_wiped, make, end),
		cmocka_unit_test_setup_teardown(
			test_R195_it_lies_in_no_core_dump_and_in_no_swap, make, end),
		cmocka_unit_test(test_R195_other_pools_are_as_they_were),
		cmocka_unit_test_setup_teardown(
			test_R195_without_room_to_lock_it_goes_on_and_says_so, make, end),
		cmocka_unit_test_setup_teardown(test_I5_zeroed_when_taken, make, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
