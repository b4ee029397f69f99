/* SPDX-License-Identifier: Apache-2.0 */
/* What both backends promise; each test runs over memory and over LMDB, or over both at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/kv.h"
#include "unit/store/folder.h"

enum { TABLES = 3, VALUE_MAX = 6000 };
static const char *const tables[TABLES] = { "one", "two", "three" };

struct world {
	char folder[FOLDER_MAX];
	struct kv *ram, *lmdb;
};

static int begin(void **state)
{
	struct world *const w = calloc(1, sizeof(*w));
	assert_non_null(w);
	folder_make(w->folder);
	const struct kv_lmdb_settings s = {
		.dir = w->folder, .tables = tables, .tables_len = TABLES, .map_bytes = 1 << 20
	};
	struct store_error error = { 0 };
	bool fresh = false;
	w->lmdb = kv_open_lmdb(&s, &fresh, &error);
	assert_string_equal(error.text, "");
	assert_non_null(w->lmdb);
	assert_true(fresh);
	w->ram = kv_open_ram(tables, TABLES);
	assert_non_null(w->ram);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *const w = *state;
	kv_close(w->ram);
	kv_close(w->lmdb);
	folder_remove(w->folder);
	free(w);
	return 0;
}

static struct kv_slice text(const char *s)
{
	return (struct kv_slice){ s, strlen(s) };
}

static bool same(struct kv_slice a, struct kv_slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static struct kv_txn *start(struct kv *kv, enum kv_mode mode)
{
	struct kv_txn *t = NULL;
	assert_int_equal(kv_begin(kv, mode, &t), STORE_OK);
	return t;
}

static void put(struct kv *kv, unsigned table, const char *key, const char *value)
{
	struct kv_txn *const t = start(kv, KV_WRITE);
	assert_int_equal(kv_put(t, table, text(key), text(value)), STORE_OK);
	assert_int_equal(kv_commit(t), STORE_OK);
}

static bool has(struct kv_txn *t, unsigned table, const char *key, const char *value)
{
	struct kv_slice found;
	const enum store_result r = kv_get(t, table, text(key), &found);
	if (value == NULL)
		return r == STORE_NONE;
	return r == STORE_OK && same(found, text(value));
}

/* --- the oracle: two implementations that know nothing of each other -------------------------- */

static uint64_t random_next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Few enough keys that they meet, of lengths 1 to 3 and the longest. */
static struct kv_slice random_key(uint64_t *x, uint8_t out[KV_KEY_MAX])
{
	const uint64_t r = random_next(x);
	memset(out, 0, KV_KEY_MAX);
	out[0] = (uint8_t)(r % 7 * 40);
	out[1] = (uint8_t)(r >> 8 & 15);
	out[2] = (uint8_t)(r >> 16 & 15);
	const size_t len = (r >> 24) % 16 == 0 ? KV_KEY_MAX : 1 + (r >> 24) % 3;
	return (struct kv_slice){ out, len };
}

static struct kv_slice random_value(uint64_t *x, uint8_t out[VALUE_MAX])
{
	const uint64_t r = random_next(x);
	const size_t most = r % 32 == 0 ? VALUE_MAX : 700;
	const size_t len = (r >> 8) % most;
	memset(out, (int)(r >> 40), len);
	return (struct kv_slice){ out, len };
}

/* The least key after this one that the test may ask for. */
static struct kv_slice after(struct kv_slice key, uint8_t room[KV_KEY_MAX + 1])
{
	memmove(room, key.data, key.len);
	room[key.len] = 0;
	if (key.len < KV_KEY_MAX)
		return (struct kv_slice){ room, key.len + 1 };
	room[2]++;
	return (struct kv_slice){ room, 3 };
}

static void compare_table(struct kv_txn *a, struct kv_txn *b, unsigned table)
{
	uint8_t room[KV_KEY_MAX + 1];
	struct kv_slice from = { 0 };
	struct kv_slice ka, va, kb, vb;
	uint64_t n = 0;
	enum store_result r;
	while ((r = kv_seek(a, table, from, &ka, &va)) == STORE_OK) {
		assert_int_equal(kv_seek(b, table, from, &kb, &vb), STORE_OK);
		assert_true(same(ka, kb) && same(va, vb));
		const size_t least = from.len < ka.len ? from.len : ka.len;
		assert_true(least == 0 || memcmp(from.data, ka.data, least) <= 0);
		from = after(ka, room);
		n++;
	}
	assert_int_equal(r, STORE_NONE);
	assert_int_equal(kv_seek(b, table, from, &kb, &vb), STORE_NONE);
	assert_int_equal(n, kv_count(a, table));
	assert_int_equal(n, kv_count(b, table));
}

static void compare_all(struct kv_txn *a, struct kv_txn *b)
{
	for (unsigned table = 0; table < TABLES; table++)
		compare_table(a, b, table);
}

static void one_step(uint64_t *x, struct kv_txn *a, struct kv_txn *b)
{
	uint8_t key_room[KV_KEY_MAX], value_room[VALUE_MAX];
	const unsigned table = (unsigned)(random_next(x) % TABLES);
	const struct kv_slice key = random_key(x, key_room);
	const struct kv_slice value = random_value(x, value_room);
	struct kv_slice ka, va, kb, vb;
	switch (random_next(x) % 8) {
	case 0:
	case 1:
		assert_int_equal(kv_del(a, table, key), kv_del(b, table, key));
		break;
	case 2:
		assert_int_equal(kv_get(a, table, key, &va), kv_get(b, table, key, &vb));
		assert_true(same(va, vb));
		break;
	case 3:
		assert_int_equal(
			kv_seek(a, table, key, &ka, &va), kv_seek(b, table, key, &kb, &vb));
		assert_true(same(ka, kb) && same(va, vb));
		break;
	default:
		assert_int_equal(kv_put(a, table, key, value), STORE_OK);
		assert_int_equal(kv_put(b, table, key, value), STORE_OK);
		break;
	}
}

static void both_answer_alike(struct world *w, uint64_t seed)
{
	enum { READERS = 3 };
	struct kv_txn *ra[READERS], *rb[READERS];
	uint64_t x = seed;
	for (unsigned i = 0; i < READERS; i++) {
		ra[i] = start(w->ram, KV_READ);
		rb[i] = start(w->lmdb, KV_READ);
	}
	for (unsigned round = 0; round < 80; round++) {
		struct kv_txn *const a = start(w->ram, KV_WRITE);
		struct kv_txn *const b = start(w->lmdb, KV_WRITE);
		for (uint64_t n = random_next(&x) % 60; n > 0; n--)
			one_step(&x, a, b);
		compare_all(a, b);
		if (random_next(&x) % 5 == 0) {
			kv_abort(a);
			kv_abort(b);
		} else {
			assert_int_equal(kv_commit(a), STORE_OK);
			assert_int_equal(kv_commit(b), STORE_OK);
		}
		const unsigned i = (unsigned)(random_next(&x) % READERS);
		if (random_next(&x) % 2 == 0) {
			assert_int_equal(kv_renew(ra[i]), STORE_OK);
			assert_int_equal(kv_renew(rb[i]), STORE_OK);
		}
		compare_all(ra[i], rb[i]);
	}
	for (unsigned i = 0; i < READERS; i++) {
		compare_all(ra[i], rb[i]);
		kv_abort(ra[i]);
		kv_abort(rb[i]);
	}
}

static void test_memory_and_lmdb_answer_alike(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		both_answer_alike(*state, seed * 0x9e3779b97f4a7c15U);
}

/* --- promises --------------------------------------------------------------------------------- */

static void snapshot_stays(struct kv *kv)
{
	put(kv, 0, "a", "old");
	struct kv_txn *const r = start(kv, KV_READ);
	put(kv, 0, "a", "new");
	put(kv, 0, "b", "more");
	assert_true(has(r, 0, "a", "old") && has(r, 0, "b", NULL));
	assert_int_equal(kv_count(r, 0), 1);
	kv_rest(r);
	put(kv, 0, "a", "newer");
	assert_int_equal(kv_renew(r), STORE_OK);
	assert_true(has(r, 0, "a", "newer") && has(r, 0, "b", "more"));
	struct kv_txn *const t = start(kv, KV_WRITE);
	assert_int_equal(kv_put(t, 0, text("a"), text("lost")), STORE_OK);
	assert_int_equal(kv_del(t, 0, text("b")), STORE_OK);
	assert_true(has(t, 0, "a", "lost") && has(t, 0, "b", NULL));
	kv_abort(t);
	assert_int_equal(kv_renew(r), STORE_OK);
	assert_true(has(r, 0, "a", "newer") && has(r, 0, "b", "more"));
	kv_abort(r);
}

static void test_a_snapshot_stays_until_it_is_renewed(void **state)
{
	struct world *const w = *state;
	snapshot_stays(w->ram);
	snapshot_stays(w->lmdb);
}

static void order_is_kept(struct kv *kv)
{
	static const char *const keys[] = { "\x01", "a", "aa", "ab", "b", "\xff" };
	for (size_t i = COUNT_OF(keys); i > 0; i--)
		put(kv, 1, keys[i - 1], "v");
	struct kv_txn *const r = start(kv, KV_READ);
	struct kv_slice key, value;
	assert_int_equal(kv_seek(r, 1, (struct kv_slice){ 0 }, &key, &value), STORE_OK);
	assert_true(same(key, text("\x01")));
	assert_int_equal(kv_seek(r, 1, text("a"), &key, &value), STORE_OK);
	assert_true(same(key, text("a")));
	assert_int_equal(kv_seek(r, 1, text("aaa"), &key, &value), STORE_OK);
	assert_true(same(key, text("ab")));
	assert_int_equal(kv_seek(r, 1, text("bb"), &key, &value), STORE_OK);
	assert_true(same(key, text("\xff")));
	assert_int_equal(kv_seek(r, 1, text("\xff\xff"), &key, &value), STORE_NONE);
	assert_int_equal(kv_seek(r, 2, (struct kv_slice){ 0 }, &key, &value), STORE_NONE);
	kv_abort(r);
}

static void test_keys_are_in_the_order_of_memcmp(void **state)
{
	struct world *const w = *state;
	order_is_kept(w->ram);
	order_is_kept(w->lmdb);
}

static void numbers_grow(struct kv *kv)
{
	put(kv, 0, "a", "1");
	const uint64_t before = kv_facts(kv).txn;
	put(kv, 0, "a", "2");
	assert_int_equal(kv_facts(kv).txn, before + 1);
	kv_abort(start(kv, KV_WRITE));
	assert_int_equal(kv_facts(kv).txn, before + 1);
	assert_true(kv_facts(kv).file_bytes > 0);
	assert_false(kv_facts(kv).is_short);
}

static void test_S10_each_commit_has_the_next_number(void **state)
{
	struct world *const w = *state;
	numbers_grow(w->ram);
	numbers_grow(w->lmdb);
}

static void nothing_is_something(struct kv *kv)
{
	put(kv, 0, "empty", "");
	struct kv_txn *const r = start(kv, KV_READ);
	struct kv_slice value;
	assert_int_equal(kv_get(r, 0, text("empty"), &value), STORE_OK);
	assert_int_equal(value.len, 0);
	kv_abort(r);
	struct kv_txn *const t = start(kv, KV_WRITE);
	assert_int_equal(kv_del(t, 0, text("empty")), STORE_OK);
	assert_int_equal(kv_del(t, 0, text("empty")), STORE_NONE);
	assert_int_equal(kv_put(t, 0, text("x"), text("y")), STORE_OK); /* NONE spoils nothing */
	assert_int_equal(kv_commit(t), STORE_OK);
}

static void test_an_empty_value_is_there(void **state)
{
	struct world *const w = *state;
	nothing_is_something(w->ram);
	nothing_is_something(w->lmdb);
}

/* --- threads ---------------------------------------------------------------------------------- */

struct race {
	struct kv *kv;
	_Atomic bool done;
	_Atomic unsigned bad, looks;
};

/* Two tables always hold the same value under one key, in each snapshot. */
static void *watch(void *arg)
{
	struct race *const race = arg;
	struct kv_txn *r = NULL;
	if (kv_begin(race->kv, KV_READ, &r) != STORE_OK) {
		race->bad++;
		return NULL;
	}
	while (!race->done) {
		struct kv_slice a, b;
		const enum store_result ra = kv_get(r, 0, text("twin"), &a);
		const enum store_result rb = kv_get(r, 1, text("twin"), &b);
		if (ra != rb || !same(a, b))
			race->bad++;
		kv_rest(r);
		if (kv_renew(r) != STORE_OK)
			race->bad++;
		race->looks++;
	}
	kv_abort(r);
	return NULL;
}

static void twins_agree(struct kv *kv)
{
	enum { WATCHERS = 4, ROUNDS = 200 };
	struct race race = { .kv = kv };
	pthread_t watcher[WATCHERS];
	for (unsigned i = 0; i < WATCHERS; i++)
		assert_int_equal(pthread_create(&watcher[i], NULL, watch, &race), 0);
	static uint8_t filler[200000];
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct kv_txn *const t = start(kv, KV_WRITE);
		const struct kv_slice value = { &i, sizeof(i) };
		assert_int_equal(kv_put(t, 0, text("twin"), value), STORE_OK);
		assert_int_equal(
			kv_put(t, 2, value, (struct kv_slice){ filler, sizeof(filler) }), STORE_OK);
		assert_int_equal(kv_put(t, 1, text("twin"), value), STORE_OK);
		assert_int_equal(kv_commit(t), STORE_OK);
	}
	race.done = true;
	for (unsigned i = 0; i < WATCHERS; i++)
		assert_int_equal(pthread_join(watcher[i], NULL), 0);
	assert_int_equal(race.bad, 0);
	assert_true(race.looks > 0);
}

/* LMDB's map moves several times meanwhile: it begins with 32 MiB, and 40 MB are written. */
static void test_readers_in_other_threads_see_whole_states(void **state)
{
	struct world *const w = *state;
	twins_agree(w->ram);
	const uint64_t map = kv_facts(w->lmdb).map_bytes;
	twins_agree(w->lmdb);
	assert_true(kv_facts(w->lmdb).map_bytes > map);
}

/* --- the memory backend's faults -------------------------------------------------------------- */

static enum store_result try_put(struct kv *kv, const char *key, const char *value)
{
	struct kv_txn *t = NULL;
	const enum store_result r = kv_begin(kv, KV_WRITE, &t);
	if (r != STORE_OK)
		return r;
	assert_int_equal(kv_put(t, 0, text(key), text(value)), STORE_OK);
	return kv_commit(t);
}

static void test_R189_a_broken_medium_is_final_and_a_full_one_is_not(void **state)
{
	struct world *const w = *state;
	put(w->ram, 0, "a", "1");
	kv_ram_fail(w->ram, STORE_FULL, 2);
	assert_int_equal(try_put(w->ram, "a", "2"), STORE_FULL);
	assert_int_equal(try_put(w->ram, "a", "3"), STORE_FULL);
	assert_int_equal(try_put(w->ram, "a", "4"), STORE_OK);
	kv_ram_fail(w->ram, STORE_BROKEN, 1);
	assert_int_equal(try_put(w->ram, "a", "5"), STORE_BROKEN);
	assert_int_equal(try_put(w->ram, "a", "6"), STORE_BROKEN);
	struct kv_txn *const r = start(w->ram, KV_READ);
	assert_true(has(r, 0, "a", "4"));
	kv_abort(r);
}

static void test_S5_a_copy_of_memory_can_be_put_back(void **state)
{
	struct world *const w = *state;
	put(w->ram, 0, "a", "1");
	struct kv *const copy = kv_ram_copy(w->ram);
	assert_non_null(copy);
	const uint64_t number = kv_facts(w->ram).txn;
	put(w->ram, 0, "a", "2");
	put(copy, 0, "b", "apart");
	struct kv_txn *r = start(w->ram, KV_READ);
	assert_true(has(r, 0, "a", "2") && has(r, 0, "b", NULL));
	kv_ram_restore(w->ram, copy);
	assert_true(has(r, 0, "a", "2"));
	assert_int_equal(kv_renew(r), STORE_OK);
	assert_true(has(r, 0, "a", "1") && has(r, 0, "b", "apart"));
	kv_abort(r);
	assert_int_equal(kv_facts(w->ram).txn, number + 1);
	kv_close(copy);
	r = start(w->ram, KV_READ);
	assert_true(has(r, 0, "b", "apart"));
	kv_abort(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_memory_and_lmdb_answer_alike, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_snapshot_stays_until_it_is_renewed, begin, end),
		cmocka_unit_test_setup_teardown(test_keys_are_in_the_order_of_memcmp, begin, end),
		cmocka_unit_test_setup_teardown(
			test_S10_each_commit_has_the_next_number, begin, end),
		cmocka_unit_test_setup_teardown(test_an_empty_value_is_there, begin, end),
		cmocka_unit_test_setup_teardown(
			test_readers_in_other_threads_see_whole_states, begin, end),
		cmocka_unit_test_setup_teardown(
			test_R189_a_broken_medium_is_final_and_a_full_one_is_not, begin, end),
		cmocka_unit_test_setup_teardown(
			test_S5_a_copy_of_memory_can_be_put_back, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
