/* SPDX-License-Identifier: Apache-2.0 */
/* a credential at rest is sealed, whole: any bit of its row that has changed is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/core.h"
#include "unit/store/depot.h"

enum { ROW_MAX = 1024 };

struct row {
	uint8_t data[ROW_MAX];
	size_t len;
};

static struct row row_of(struct depot *d, uint32_t number)
{
	const struct key k = key_number(number);
	struct row r = { .len = 0 };
	struct kv_slice v;
	struct kv_txn *kv;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_READ, &kv), STORE_OK);
	assert_int_equal(kv_get(kv, KEY_CRED, key_slice(&k), &v), STORE_OK);
	assert_in_range(v.len, 1, sizeof(r.data));
	memcpy(r.data, v.data, v.len);
	r.len = v.len;
	kv_abort(kv);
	return r;
}

static void put_row(struct depot *d, uint32_t number, const struct row *r)
{
	const struct key k = key_number(number);
	struct kv_txn *kv;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &kv), STORE_OK);
	assert_int_equal(kv_put(kv, KEY_CRED, key_slice(&k), (struct kv_slice){ r->data, r->len }),
		STORE_OK);
	assert_int_equal(kv_commit(kv), STORE_OK);
	store_reader_rest(d->r);
}

static void test_R029_any_bit_of_a_credential_that_flips_is_seen(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = depot_cred(d, "a");
	const struct row good = row_of(d, a.number);
	static struct store_cred c;
	for (size_t bit = 0; bit < good.len * 8; bit++) {
		struct row r = good;
		r.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		put_row(d, a.number, &r);
		assert_int_not_equal(store_read_cred(d->r, a.number, &c), STORE_OK);
	}
	for (size_t len = 0; len < good.len; len++) {
		struct row r = good;
		r.len = len;
		put_row(d, a.number, &r);
		assert_int_not_equal(store_read_cred(d->r, a.number, &c), STORE_OK);
	}
	put_row(d, a.number, &good);
	assert_int_equal(store_read_cred(d->r, a.number, &c), STORE_OK);
	assert_memory_equal(&c, &a, sizeof(c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_R029_any_bit_of_a_credential_that_flips_is_seen, depot_begin,
			depot_end),
	};
	return cmocka_run_group_tests_name("store/conf_rest", tests, NULL, NULL);
}
