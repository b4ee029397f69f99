/* SPDX-License-Identifier: Apache-2.0 */
/* What was staged once, and is put back into the database behind the store's back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/cred_row.h"
#include "unit/store/nursery.h"

struct copy {
	struct key key;
	uint8_t octets[2048];
	size_t len;
};

static void copy_row(struct depot *d, uint32_t cred, struct copy *out)
{
	struct kv_slice v;
	struct kv_txn *kv;
	out->key = key_number(cred);
	assert_int_equal(kv_begin(d->s->parts.kv, KV_READ, &kv), STORE_OK);
	assert_int_equal(kv_get(kv, KEY_STAGED, key_slice(&out->key), &v), STORE_OK);
	assert_in_range(v.len, 1, sizeof(out->octets));
	memcpy(out->octets, v.data, v.len);
	out->len = v.len;
	kv_abort(kv);
}

static void put_empty(struct kv_txn *kv, unsigned table, struct key k)
{
	const struct kv_slice nothing = { "", 0 };
	assert_int_equal(kv_put(kv, table, key_slice(&k), nothing), STORE_OK);
}

/* With all that leads to it. */
static void put_back(struct depot *d, const struct copy *c, const struct store_staged *s)
{
	struct kv_txn *kv;
	uint64_t hashes[4];
	const size_t n = cred_staged_hashes(d->s, s, hashes);
	const struct kv_slice row = { c->octets, c->len };
	assert_in_range(n, 1, COUNT_OF(hashes));
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &kv), STORE_OK);
	assert_int_equal(kv_put(kv, KEY_STAGED, key_slice(&c->key), row), STORE_OK);
	put_empty(kv, KEY_STAGED_END, key_time_number(s->until_ms, s->cred));
	for (size_t i = 0; i < n; i++)
		put_empty(kv, KEY_CRED_INDEX, key_hash_number(hashes[i], s->cred));
	assert_int_equal(kv_commit(kv), STORE_OK);
}

static void test_S20_what_was_replaced_and_is_put_back_is_not_staged(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = *depot_member(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n'), x;
	static struct copy old;
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_arm(d, c.number, s.generation), STORE_OK);
	copy_row(d, c.number, &old);
	/* An operator gives another key, which ends it. */
	memset(c.key, 'Z', c.key_len);
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation > s.generation);
	assert_int_equal(depot_staged(d, c.number, &x), STORE_NONE);
	put_back(d, &old, &s);
	assert_int_equal(depot_staged(d, c.number, &x), STORE_NONE);
	assert_int_equal(depot_find_staged(d, STORE_CRED_PSK, "next", &x), STORE_NONE);
	(void)depot_shake(d, &c, s.generation);
	const struct store_cred now = depot_cred_now(d, c.number);
	assert_true(now.generation == c.generation);
	assert_memory_equal(now.key, c.key, c.key_len);
}

static void test_S20_nor_does_it_take_the_place_when_its_time_is_over(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = *depot_member(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n');
	static struct copy old;
	bool taken = false;
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_arm(d, c.number, s.generation), STORE_OK);
	copy_row(d, c.number, &old);
	memset(c.key, 'Z', c.key_len);
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	put_back(d, &old, &s);
	depot_kill(d);
	d->settings.wall_ms = s.until_ms;
	depot_start(d);
	assert_int_equal(depot_over(d, c.number, &taken), STORE_OK);
	assert_false(taken || depot_is_staged(d, c.number));
	const struct store_cred now = depot_cred_now(d, c.number);
	assert_true(now.generation == c.generation);
	assert_memory_equal(now.key, c.key, c.key_len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, depot_begin, depot_end)
		T(test_S20_what_was_replaced_and_is_put_back_is_not_staged),
		T(test_S20_nor_does_it_take_the_place_when_its_time_is_over),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
