/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/build.h"
#include "base/vault.h"
#include "smaps.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	STORM = 1000, /* handshakes at once */
	PIECES = 100, /* allocations of each */
	THREADS = 4,
	TURNS = 20000,
	HELD = 64,
	LARGE = 3 * VAULT_SHARED_MAX,
};

static const size_t sizes[] = { 1, 15, 16, 17, 31, 32, 33, 127, 128, 129, 160, 161, 255, 256, 257,
	1000, 1024, 1025, 4095, 4096, 4097, 17000, 20480, 20481, 65535, 65536, 65537, LARGE };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static uint8_t *taken(size_t size)
{
	uint8_t *const p = vault_alloc(size);
	assert_non_null(p);
	return p;
}

static bool is_all(const uint8_t *p, uint8_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != value)
			return false;
	return true;
}

static void test_every_size_is_aligned_whole_and_zeroed(void **state)
{
	(void)state;
	uint8_t *objects[SIZES];
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < SIZES; i++) {
			objects[i] = taken(sizes[i]);
			assert_int_equal((uintptr_t)objects[i] % 16, 0);
			assert_true(is_all(objects[i], 0, sizes[i]));
			memset(objects[i], (int)i + 1, sizes[i]);
		}
		for (size_t i = 0; i < SIZES; i++) {
			assert_true(is_all(objects[i], (uint8_t)(i + 1), sizes[i]));
			vault_release(objects[i]);
		}
	}
	assert_null(vault_alloc(0));
	vault_release(NULL);
}

/* Every size there is: none reaches into its neighbour. */
static void test_no_object_overlaps_another(void **state)
{
	(void)state;
	for (size_t size = 1; size <= VAULT_SHARED_MAX; size += size / 9 + 1) {
		uint8_t *two[2] = { taken(size), taken(size) };
		memset(two[0], 1, size);
		memset(two[1], 2, size);
		assert_true(is_all(two[0], 1, size));
		assert_true(is_all(two[1], 2, size));
		vault_release(two[0]);
		vault_release(two[1]);
	}
}

static void test_more_than_there_can_be_is_refused(void **state)
{
	(void)state;
	if (BUILD_CHECKED)
		skip(); /* the sanitizer ends the process */
	assert_null(vault_alloc(SIZE_MAX));
	assert_null(vault_alloc(SIZE_MAX / 2 - 1));
	uint8_t *const p = taken(8);
	p[0] = 7;
	assert_null(vault_resize(p, SIZE_MAX - 8));
	assert_int_equal(p[0], 7);
	vault_release(p);
}

static void test_resizing_keeps_what_is_there(void **state)
{
	(void)state;
	for (size_t from = 0; from < SIZES; from++) {
		for (size_t to = 0; to < SIZES; to++) {
			const size_t least = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
			uint8_t *p = taken(sizes[from]);
			memset(p, 0xc3, sizes[from]);
			p = vault_resize(p, sizes[to]);
			assert_non_null(p);
			assert_true(is_all(p, 0xc3, least));
			memset(p, 0x3c, sizes[to]);
			vault_release(p);
		}
	}
	uint8_t *const fresh = vault_resize(NULL, 40);
	assert_non_null(fresh);
	assert_null(vault_resize(fresh, 0));
}

/* A library may grow by a byte at a time. */
static void test_a_resize_that_fits_moves_nothing(void **state)
{
	(void)state;
	if (BUILD_CHECKED)
		skip();
	uint8_t *const p = taken(5000);
	assert_ptr_equal(vault_resize(p, 5001), p);
	assert_ptr_equal(vault_resize(p, 4000), p);
	uint8_t *const small = vault_resize(p, 100);
	assert_ptr_not_equal(small, p);
	vault_release(small);
}

/* --- secrets ---------------------------------------------------------------------------------- */

static void test_I5_what_is_given_back_is_wiped(void **state)
{
	(void)state;
	if (BUILD_CHECKED)
		skip(); /* nobody may read it there */
	for (size_t i = 0; sizes[i] <= VAULT_SHARED_MAX; i++) {
		uint8_t *const kept = taken(sizes[i]); /* the chunk stays */
		uint8_t *const p = taken(sizes[i]);
		memset(p, 0x5e, sizes[i]);
		vault_release(p);
		assert_true(is_all(p, 0, sizes[i]));
		vault_release(kept);
	}
}

/* Moved, or cut: the old place, and what was behind the new end once that is freed. */
static void test_I5_what_was_resized_is_wiped(void **state)
{
	(void)state;
	if (BUILD_CHECKED)
		skip();
	uint8_t *const kept = taken(1000);
	uint8_t *const p = taken(1000);
	memset(p, 0x5e, 1000);
	uint8_t *const moved = vault_resize(p, 9000);
	assert_non_null(moved);
	assert_true(is_all(p, 0, 1000));
	vault_release(moved);
	uint8_t *const whole = taken(1000);
	memset(whole, 0x5e, 1000);
	uint8_t *const cut = vault_resize(whole, 900);
	assert_ptr_equal(cut, whole);
	vault_release(cut);
	assert_true(is_all(whole, 0, 1000));
	vault_release(kept);
}

static void test_R195_it_lies_in_no_core_dump(void **state)
{
	(void)state;
	if (BUILD_CHECKED)
		skip();
	uint8_t *const small = taken(48);
	uint8_t *const large = taken(LARGE);
	void *const elsewhere = malloc(48);
	assert_true(smaps_flag(small, "dd"));
	assert_true(smaps_flag(large, "dd"));
	assert_true(smaps_flag(large + LARGE - 1, "dd"));
	assert_false(smaps_flag(elsewhere, "dd"));
	free(elsewhere);
	vault_release(small);
	vault_release(large);
}

static void give_back(void *p)
{
	vault_release(p);
}

static bool dies(void *p)
{
	int status = 0;
	const pid_t child = fork();
	if (child == 0) {
		(void)close(STDERR_FILENO); /* assert() speaks there */
		(void)signal(SIGABRT, SIG_DFL);
		give_back(p);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_what_was_given_back_already_ends_the_process(void **state)
{
	(void)state;
	if (BUILD_CHECKED)
		skip();
	uint8_t *const kept = taken(48);
	uint8_t *const p = taken(48);
	assert_true(dies(p + 16));
	vault_release(p);
	assert_true(dies(p));
	vault_release(kept);
}

/* --- floods ----------------------------------------------------------------------------------- */

static size_t piece(size_t i)
{
	return sizes[i * 7 % (SIZES - 8)] + (i % 25 == 0 ? 17000 : 0);
}

static void flood(uint8_t *(*objects)[PIECES])
{
	for (size_t h = 0; h < STORM; h++)
		for (size_t i = 0; i < PIECES; i++) {
			objects[h][i] = taken(piece(i));
			memset(objects[h][i], 1, piece(i));
		}
}

static void ebb(uint8_t *(*objects)[PIECES])
{
	for (size_t h = 0; h < STORM; h++)
		for (size_t i = 0; i < PIECES; i++)
			vault_release(objects[h][i]);
}

static size_t resident(uint8_t *(*objects)[PIECES])
{
	size_t n = 0;
	for (size_t h = 0; h < STORM; h++)
		for (size_t i = 0; i < PIECES; i++)
			n += smaps_resident(objects[h][i]);
	return n;
}

static void test_I6_a_flood_leaves_nothing_behind(void **state)
{
	(void)state;
	if (BUILD_CHECKED)
		skip();
	static uint8_t *objects[STORM][PIECES];
	vault_trim();
	const size_t mapped = vault_mapped();
	assert_int_equal(mapped, 0);
	flood(objects);
	assert_int_equal(resident(objects), STORM * PIECES);
	assert_true(vault_mapped() > mapped + (64 << 20));
	uint8_t *const kept = objects[STORM / 2][3];
	objects[STORM / 2][3] = NULL;
	ebb(objects);
	/* Without being asked: all but one of each size, and some. */
	assert_in_range(vault_mapped(), 0, mapped + 60UL * VAULT_CHUNK);
	vault_trim();
	assert_in_range(vault_mapped(), 0, mapped + VAULT_CHUNK);
	/* Those beside the one kept, and beside the head of its chunk. */
	assert_in_range(resident(objects), 0, 2 * 4096 / 16);
	assert_true(is_all(kept, 1, piece(3)));
	vault_release(kept);
}

/* Long-lived ones among those that go: their pages stay, the others' go. */
static void test_I6_what_stays_keeps_its_pages_only(void **state)
{
	(void)state;
	if (BUILD_CHECKED)
		skip();
	enum { MANY = 2000, SIZE = 4096, STEP = 20 };
	static uint8_t *objects[MANY];
	vault_trim();
	for (size_t i = 0; i < MANY; i++) {
		objects[i] = taken(SIZE);
		memset(objects[i], 1, SIZE);
	}
	for (size_t i = 0; i < MANY; i++)
		if (i % STEP != 0)
			vault_release(objects[i]);
	vault_trim();
	size_t still = 0;
	for (size_t i = 0; i < MANY; i++)
		still += smaps_resident(objects[i]);
	assert_in_range(still, MANY / STEP, 3 * MANY / STEP);
	for (size_t i = 0; i < MANY; i += STEP)
		assert_true(is_all(objects[i], 1, SIZE));
	for (size_t i = 0; i < MANY; i++) { /* what went is whole again */
		if (i % STEP == 0)
			continue;
		objects[i] = taken(SIZE);
		assert_true(is_all(objects[i], 0, SIZE));
	}
	for (size_t i = 0; i < MANY; i++)
		vault_release(objects[i]);
}

static void test_a_chunk_may_be_of_another_size_later(void **state)
{
	(void)state;
	if (BUILD_CHECKED)
		skip();
	enum { MANY = 2 * VAULT_CHUNK / 16, FEW = 200, SIZE = 4096 };
	static uint8_t *objects[MANY];
	vault_trim();
	for (size_t i = 0; i < MANY; i++) {
		objects[i] = taken(16);
		memset(objects[i], 1, 16);
	}
	for (size_t i = 0; i < MANY; i++)
		vault_release(objects[i]);
	const size_t mapped = vault_mapped();
	uint8_t *const first = taken(SIZE);
	assert_int_equal(vault_mapped(), mapped); /* none is new */
	vault_release(first);
	for (size_t i = 0; i < FEW; i++) {
		objects[i] = taken(SIZE);
		assert_true(is_all(objects[i], 0, SIZE));
		memset(objects[i], 1, SIZE);
	}
	for (size_t i = 0; i < FEW; i++)
		vault_release(objects[i]);
}

/* Those at the end of a chunk are used last, so that its pages can go first. */
static void test_I6_the_lowest_free_place_is_taken(void **state)
{
	(void)state;
	if (BUILD_CHECKED)
		skip();
	enum { MANY = 300, SIZE = 64 };
	uint8_t *objects[MANY];
	for (size_t i = 0; i < MANY; i++)
		objects[i] = taken(SIZE);
	for (size_t i = 0; i < MANY; i += 100) {
		vault_release(objects[i]);
		assert_ptr_equal(vault_alloc(SIZE), objects[i]);
	}
	for (size_t i = 0; i < MANY; i++)
		vault_release(objects[i]);
}

/* --- threads ---------------------------------------------------------------------------------- */

struct place { /* from where any thread may take what any thread has put */
	_Atomic(uint8_t *) object;
};

struct crowd {
	struct place places[HELD];
	atomic_bool spoilt;
};

/* An object says its size in its first two bytes, and is full of one byte otherwise. */
static uint8_t *marked(uint32_t random)
{
	const uint16_t size = (uint16_t)(4 + random % 3000);
	uint8_t *const p = vault_alloc(size);
	if (!p)
		abort();
	memset(p, (int)(size & 0xff), size);
	memcpy(p, &size, sizeof(size));
	return p;
}

static bool is_sound(const uint8_t *p)
{
	uint16_t size;
	memcpy(&size, p, sizeof(size));
	return is_all(p + sizeof(size), (uint8_t)(size & 0xff), size - sizeof(size));
}

static void *mingle(void *arg)
{
	struct crowd *const c = arg;
	uint32_t random = (uint32_t)(uintptr_t)&random | 1;
	for (int i = 0; i < TURNS; i++) {
		random = random * 1664525 + 1013904223;
		uint8_t *const mine = marked(random >> 8);
		uint8_t *const other =
			atomic_exchange(&c->places[random >> 24 & (HELD - 1)].object, mine);
		if (other && !is_sound(other))
			atomic_store(&c->spoilt, true);
		vault_release(other);
		if (i % 4096 == 0)
			vault_trim();
	}
	return NULL;
}

static void test_threads_take_and_give_each_others(void **state)
{
	(void)state;
	static struct crowd crowd;
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, mingle, &crowd), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_false(atomic_load(&crowd.spoilt));
	for (size_t i = 0; i < HELD; i++)
		vault_release(atomic_load(&crowd.places[i].object));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size_is_aligned_whole_and_zeroed),
		cmocka_unit_test(test_no_object_overlaps_another),
		cmocka_unit_test(test_more_than_there_can_be_is_refused),
		cmocka_unit_test(test_resizing_keeps_what_is_there),
		cmocka_unit_test(test_a_resize_that_fits_moves_nothing),
		cmocka_unit_test(test_I5_what_is_given_back_is_wiped),
		cmocka_unit_test(test_I5_what_was_resized_is_wiped),
		cmocka_unit_test(test_R195_it_lies_in_no_core_dump),
		cmocka_unit_test(test_what_was_given_back_already_ends_the_process),
		cmocka_unit_test(test_I6_a_flood_leaves_nothing_behind),
		cmocka_unit_test(test_I6_what_stays_keeps_its_pages_only),
		cmocka_unit_test(test_I6_the_lowest_free_place_is_taken),
		cmocka_unit_test(test_a_chunk_may_be_of_another_size_later),
		cmocka_unit_test(test_threads_take_and_give_each_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
