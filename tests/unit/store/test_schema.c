/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/key.h"
#include "store/kv.h"
#include "store/schema.h"
#include "store/store.h"

/* What the steps of these tests change: a row that says which of them ran. */
static enum store_result note(struct kv_txn *kv, char which)
{
	const struct key k = key_name("ran");
	struct kv_slice v;
	char text[16] = "";
	if (kv_get(kv, KEY_META, key_slice(&k), &v) == STORE_OK)
		memcpy(text, v.data, v.len);
	text[strlen(text)] = which;
	return kv_put(kv, KEY_META, key_slice(&k), (struct kv_slice){ text, strlen(text) });
}

static enum store_result three_to_four(struct kv_txn *kv)
{
	return note(kv, '4');
}

static enum store_result four_to_five(struct kv_txn *kv)
{
	return note(kv, '5');
}

static enum store_result fails(struct kv_txn *kv)
{
	(void)kv;
	return STORE_DAMAGED;
}

static enum store_result (*const good[])(struct kv_txn *) = { three_to_four, four_to_five };
static enum store_result (*const bad[])(struct kv_txn *) = { three_to_four, fails };

static struct kv *database(uint32_t version)
{
	struct kv *const kv = kv_open_ram(key_tables(), KEY_TABLES);
	struct kv_txn *t;
	assert_non_null(kv);
	assert_int_equal(kv_begin(kv, KV_WRITE, &t), STORE_OK);
	assert_int_equal(schema_write(t, version), STORE_OK);
	assert_int_equal(kv_commit(t), STORE_OK);
	return kv;
}

static void ran_is(struct kv *kv, const char *text, uint32_t version)
{
	const struct key k = key_name("ran");
	struct kv_slice v;
	struct kv_txn *t;
	uint32_t is;
	assert_int_equal(schema_read(kv, &is), STORE_OK);
	assert_int_equal(is, version);
	assert_int_equal(kv_begin(kv, KV_READ, &t), STORE_OK);
	if (kv_get(t, KEY_META, key_slice(&k), &v) != STORE_OK)
		v.len = 0;
	assert_int_equal(v.len, strlen(text));
	if (v.len > 0)
		assert_memory_equal(v.data, text, v.len);
	kv_abort(t);
}

static bool up(
	struct kv *kv, enum store_result (*const *step)(struct kv_txn *), struct store_error *error)
{
	const struct schema_steps steps = { .step = step, .len = 2, .first = 3 };
	return schema_bring_up(kv, &steps, "x/data.mdb", error);
}

static void test_each_older_version_takes_the_steps_that_it_lacks(void **state)
{
	(void)state;
	static const char *const texts[] = { "45", "5", "" };
	for (uint32_t version = 3; version <= 5; version++) {
		struct kv *const kv = database(version);
		struct store_error e;
		assert_true(up(kv, good, &e));
		ran_is(kv, texts[version - 3], 5);
		assert_true(up(kv, good, &e));
		ran_is(kv, texts[version - 3], 5);
		kv_close(kv);
	}
}

static void test_a_step_that_fails_leaves_the_database_as_it_was(void **state)
{
	(void)state;
	struct kv *const kv = database(3);
	struct store_error e = { 0 };
	assert_false(up(kv, bad, &e));
	assert_non_null(strstr(e.text, "from schema 3 to 5"));
	ran_is(kv, "", 3);
	kv_ram_fail(kv, STORE_FULL, 1);
	assert_false(up(kv, good, &e));
	ran_is(kv, "", 3);
	assert_true(up(kv, good, &e));
	kv_close(kv);
}

static void test_a_newer_version_is_refused_and_not_touched(void **state)
{
	(void)state;
	struct kv *const kv = database(6);
	struct store_error e = { 0 };
	assert_false(up(kv, good, &e));
	assert_non_null(strstr(e.text, "schema 6, this lwgated knows up to 5"));
	ran_is(kv, "", 6);
	kv_close(kv);
}

static void test_a_version_from_before_the_first_step_is_refused(void **state)
{
	(void)state;
	struct kv *const kv = database(2);
	struct store_error e = { 0 };
	assert_false(up(kv, good, &e));
	assert_non_null(strstr(e.text, "schema 2"));
	kv_close(kv);
}

/* What a step makes of rows is told where they are: unit/store/test_kinds for version 2, test_move
   for version 3. */
static void test_every_version_from_1_on_comes_up_to_this_one(void **state)
{
	(void)state;
	const struct schema_steps steps = schema_steps();
	for (uint32_t version = 1; version <= STORE_SCHEMA; version++) {
		struct kv *const kv = database(version);
		struct store_error e;
		assert_true(schema_bring_up(kv, &steps, "x/data.mdb", &e));
		ran_is(kv, "", STORE_SCHEMA);
		kv_close(kv);
	}
	/* A program of schema 1 must not come near rows that it takes for damage. */
	const struct schema_steps old = { .step = NULL, .len = 0, .first = 1 };
	struct kv *const kv = database(STORE_SCHEMA);
	struct store_error e = { 0 };
	assert_false(schema_bring_up(kv, &old, "x/data.mdb", &e));
	assert_non_null(strstr(e.text, "knows up to 1"));
	kv_close(kv);
}

static void test_a_version_that_is_none_is_damage(void **state)
{
	(void)state;
	struct kv *const kv = database(0);
	struct store_error e = { 0 };
	uint32_t version;
	assert_int_equal(schema_read(kv, &version), STORE_DAMAGED);
	assert_false(up(kv, good, &e));
	kv_close(kv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_older_version_takes_the_steps_that_it_lacks),
		cmocka_unit_test(test_a_step_that_fails_leaves_the_database_as_it_was),
		cmocka_unit_test(test_a_newer_version_is_refused_and_not_touched),
		cmocka_unit_test(test_a_version_from_before_the_first_step_is_refused),
		cmocka_unit_test(test_every_version_from_1_on_comes_up_to_this_one),
		cmocka_unit_test(test_a_version_that_is_none_is_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
