/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/build.h"
#include "base/pool.h"

#include <string.h>

enum { SIZE = 200, MANY = 900 };

static int make(void **state)
{
	static struct pool pool;
	pool_init(&pool, SIZE);
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

static void take_all(struct pool *p, uint8_t *objects[MANY])
{
	for (size_t i = 0; i < MANY; i++) {
		objects[i] = pool_take(p);
		assert_non_null(objects[i]);
		memset(objects[i], (int)(i & 0xff), SIZE);
	}
}

static void give_all(struct pool *p, uint8_t *objects[MANY])
{
	for (size_t i = 0; i < MANY; i++)
		pool_give(p, objects[i]);
}

static void test_I6_objects_are_packed(void **state)
{
	struct pool *p = *state;
	uint8_t *objects[MANY];
	take_all(p, objects);
	if (!BUILD_CHECKED)
		assert_in_range(p->chunks, 1, MANY * (SIZE + 16) / POOL_CHUNK + 1);
	give_all(p, objects);
}

static void test_I6_chunks_go_back_but_one(void **state)
{
	struct pool *p = *state;
	uint8_t *objects[MANY];
	take_all(p, objects);
	give_all(p, objects);
	assert_in_range(p->chunks, 0, 1);
}

/* One that stays keeps one chunk, not all. */
static void test_I6_the_last_object_keeps_its_own_chunk_only(void **state)
{
	struct pool *p = *state;
	uint8_t *objects[MANY];
	take_all(p, objects);
	uint8_t *kept = objects[MANY / 2];
	objects[MANY / 2] = NULL;
	give_all(p, objects);
	assert_in_range(p->chunks, 0, 2);
	assert_int_equal(kept[SIZE - 1], (MANY / 2) & 0xff);
	pool_give(p, kept);
}

static void test_no_object_overlaps_another(void **state)
{
	struct pool *p = *state;
	uint8_t *objects[MANY];
	take_all(p, objects);
	for (size_t i = 0; i < MANY; i += 2) { /* holes, filled again */
		pool_give(p, objects[i]);
		objects[i] = NULL;
	}
	for (size_t i = 0; i < MANY; i += 2) {
		objects[i] = pool_take(p);
		assert_non_null(objects[i]);
		memset(objects[i], (int)(i & 0xff), SIZE);
	}
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(objects[i][0], i & 0xff);
		assert_int_equal(objects[i][SIZE - 1], i & 0xff);
		assert_int_equal((uintptr_t)objects[i] % 16, 0);
	}
	give_all(p, objects);
}

/* What was in an object before is not in the next one. */
static void test_I5_a_taken_object_is_zeroed(void **state)
{
	struct pool *p = *state;
	static const uint8_t zero[SIZE];
	for (int i = 0; i < 3; i++) {
		uint8_t *object = pool_take(p);
		assert_non_null(object);
		assert_memory_equal(object, zero, SIZE);
		memset(object, 0xff, SIZE);
		pool_give(p, object);
	}
	pool_give(p, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_I6_objects_are_packed, make, end),
		cmocka_unit_test_setup_teardown(test_I6_chunks_go_back_but_one, make, end),
		cmocka_unit_test_setup_teardown(
			test_I6_the_last_object_keeps_its_own_chunk_only, make, end),
		cmocka_unit_test_setup_teardown(test_no_object_overlaps_another, make, end),
		cmocka_unit_test_setup_teardown(test_I5_a_taken_object_is_zeroed, make, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
