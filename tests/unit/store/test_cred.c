/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials, and the associations that rest on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "unit/store/depot.h"

static int begin(void **state)
{
	struct depot *const d = depot_new();
	d->settings.resumable_max = 3;
	depot_start(d);
	*state = d;
	return 0;
}

static enum store_result by_identity(struct depot *d, const char *name, struct store_cred *out)
{
	store_reader_rest(d->r);
	return store_find_identity(d->r, STORE_CRED_PSK, (const uint8_t *)name, strlen(name), out);
}

static enum store_result by_endpoint(struct depot *d, const char *name, struct store_cred *out)
{
	store_reader_rest(d->r);
	return store_find_endpoint(d->r, name, STORE_FOR_ANY, out);
}

static void test_a_credential_is_found_by_number_identity_and_endpoint(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = depot_cred(d, "a"), b = depot_cred(d, "b");
	struct store_cred c;
	assert_int_equal(a.number, 1);
	assert_int_equal(b.number, 2);
	assert_int_equal(store_read_cred(d->r, a.number, &c), STORE_OK);
	assert_memory_equal(&c, &a, sizeof(c));
	assert_int_equal(by_identity(d, "b", &c), STORE_OK);
	assert_memory_equal(&c, &b, sizeof(c));
	assert_int_equal(by_endpoint(d, "a", &c), STORE_OK);
	assert_int_equal(c.number, a.number);
	assert_int_equal(by_endpoint(d, "", &c), STORE_NONE);
	assert_int_equal(by_identity(d, "c", &c), STORE_NONE);
	uint32_t at = 0;
	assert_int_equal(store_next_cred(d->r, &at, &c), STORE_OK);
	assert_int_equal(c.number, 1);
	assert_int_equal(store_next_cred(d->r, &at, &c), STORE_OK);
	assert_int_equal(c.number, 2);
	assert_int_equal(store_next_cred(d->r, &at, &c), STORE_NONE);
}

static void test_an_endpoint_or_identity_of_another_is_refused(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = depot_cred(d, "a"), b = depot_cred(d, "b"), c = b;
	const uint64_t commits = store_stats(d->s).commits;
	c.number = 0;
	assert_int_equal(depot_cred_put(d, &c), STORE_STALE);
	c = b;
	memcpy(c.identity, a.identity, a.identity_len);
	assert_int_equal(depot_cred_put(d, &c), STORE_STALE);
	c = b;
	(void)strcpy(c.endpoint, "a");
	assert_int_equal(depot_cred_put(d, &c), STORE_STALE);
	c = b;
	c.number = 77;
	(void)strcpy(c.endpoint, "new");
	c.identity[0] = 'n';
	assert_int_equal(depot_cred_put(d, &c), STORE_NONE);
	c.number = 0;
	c.key_len = 0;
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	assert_int_equal(store_stats(d->s).commits, commits);
}

static void test_S29_generations_are_of_the_whole_store_and_never_used_again(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = depot_cred(d, "a");
	const struct store_cred b = depot_cred(d, "b");
	assert_true(b.generation > a.generation);
	a.key[0] ^= 1;
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_true(a.generation > b.generation);
	const uint64_t last = a.generation;
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	depot_kill(d);
	depot_start(d);
	const struct store_cred again = depot_cred(d, "a");
	assert_true(again.generation > last + 1);
}

static void test_the_same_content_keeps_its_generation(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = depot_cred(d, "a");
	struct store_cred c = a;
	c.generation = 0;
	c.changed_ms = 99;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(c.generation, a.generation);
	c.upstream_key_len = 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation > a.generation);
}

static uint64_t kv_count_of(struct depot *d, unsigned table)
{
	struct kv_txn *kv;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_READ, &kv), STORE_OK);
	const uint64_t n = kv_count(kv, table);
	kv_abort(kv);
	return n;
}

static void test_replacing_moves_the_indices(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = depot_cred(d, "a"), c;
	const uint64_t hints = kv_count_of(d, KEY_CRED_INDEX);
	(void)strcpy(a.endpoint, "z");
	a.identity[0] = 'z';
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_int_equal(by_endpoint(d, "a", &c), STORE_NONE);
	assert_int_equal(by_identity(d, "a", &c), STORE_NONE);
	assert_int_equal(by_endpoint(d, "z", &c), STORE_OK);
	assert_int_equal(by_identity(d, "z", &c), STORE_OK);
	assert_int_equal(kv_count_of(d, KEY_CRED_INDEX), hints); /* none is left behind */
	(void)depot_cred(d, "a");                                /* the names are free */
}

static void test_revoked_has_no_key_and_no_identity_and_stays(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = depot_cred(d, "a");
	struct store_cred c;
	struct store_cred_mark mark;
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	assert_int_equal(depot_revoke(d, 99), STORE_NONE);
	assert_int_equal(by_identity(d, "a", &c), STORE_NONE);
	assert_int_equal(by_endpoint(d, "a", &c), STORE_OK);
	assert_int_equal(c.state, STORE_CRED_REVOKED);
	assert_int_equal(c.key_len, 0);
	assert_int_equal(c.key[0], 0);
	assert_int_equal(store_read_cred_mark(d->r, a.number, &mark), STORE_OK);
	assert_false(mark.active);
	assert_true(mark.generation > a.generation);
	c = a; /* nothing is un-revoked */
	c.key[0] ^= 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_STALE);
}

static enum store_result revoke_by_file(struct store_txn *t, void *arg)
{
	return store_cred_revoke(t, *(const uint32_t *)arg, STORE_BY_FILE);
}

static void test_who_revoked_it_is_kept_and_an_operator_stands_above_a_file(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = depot_cred(d, "a");
	struct store_cred c;
	assert_int_equal(depot_do(d, revoke_by_file, &a.number), STORE_OK);
	assert_int_equal(by_endpoint(d, "a", &c), STORE_OK);
	assert_int_equal(c.origin, STORE_BY_FILE);
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	assert_int_equal(by_endpoint(d, "a", &c), STORE_OK);
	assert_int_equal(c.origin, STORE_BY_CONTROL);
}

static void test_R022_keys_and_upstream_identities_are_found(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = { .endpoint = "a",
		.identity = "a",
		.identity_len = 1,
		.key = "0123",
		.key_len = 4,
		.upstream_key = "4567",
		.upstream_key_len = 4,
		.upstream_identity = "up",
		.upstream_identity_len = 2 };
	const uint8_t *const key = a.key, *const up = a.upstream_key;
	const uint8_t *const identity = a.upstream_identity;
	uint32_t number;
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	(void)depot_cred(d, "b");
	assert_int_equal(store_find_key(d->r, key, 4, &number), STORE_OK);
	assert_int_equal(number, a.number);
	assert_int_equal(store_find_key(d->r, up, 4, &number), STORE_OK);
	assert_int_equal(number, a.number);
	assert_int_equal(store_find_upstream_identity(d->r, identity, 2, &number), STORE_OK);
	assert_int_equal(number, a.number);
	assert_int_equal(store_find_key(d->r, key, 3, &number), STORE_NONE);
	assert_int_equal(store_find_key(d->r, identity, 2, &number), STORE_NONE);
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_find_key(d->r, key, 4, &number), STORE_NONE);
	assert_int_equal(store_find_upstream_identity(d->r, identity, 2, &number), STORE_NONE);
}

static enum store_result note_put(struct store_txn *t, void *arg)
{
	return store_note_put(t, "file", arg, 5);
}

static void test_a_note_is_kept(void **state)
{
	struct depot *const d = *state;
	uint8_t text[] = "hello", out[8];
	size_t len;
	assert_int_equal(store_read_note(d->r, "file", out, sizeof(out), &len), STORE_NONE);
	assert_int_equal(depot_do(d, note_put, text), STORE_OK);
	assert_int_equal(store_read_note(d->r, "file", out, sizeof(out), &len), STORE_OK);
	assert_int_equal(len, 5);
	assert_memory_equal(out, text, 5);
	assert_int_equal(store_read_note(d->r, "file", out, 4, &len), STORE_DAMAGED);
	assert_int_equal(store_read_note(d->r, "other", out, sizeof(out), &len), STORE_NONE);
}

static void test_S29_a_revocation_outlives_the_process(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = depot_cred(d, "a");
	struct store_cred_mark mark;
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(store_read_cred_mark(d->r, a.number, &mark), STORE_OK);
	assert_false(mark.active);
}

static void test_S28_revoke_and_add_again(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = depot_cred(d, "a");
	struct store_assoc old = depot_assoc_of(&a, 1);
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	const struct store_cred b = depot_cred(d, "a");
	assert_int_not_equal(b.number, a.number);
	assert_int_equal(depot_put(d, &old), STORE_STALE);
	old.cred = b.number;
	assert_int_equal(depot_put(d, &old), STORE_STALE);
	old.generation = b.generation;
	assert_int_equal(depot_put(d, &old), STORE_OK);
	struct store_cred c;
	assert_int_equal(store_read_cred(d->r, a.number, &c), STORE_NONE);
}

static void test_S28_revocation_between_ServerHello_and_Finished(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = depot_cred(d, "a");
	struct store_assoc x = depot_assoc_of(&a, 1); /* the handshake has begun */
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	assert_int_equal(depot_put(d, &x), STORE_STALE);
	struct store_cred c;
	assert_int_equal(by_endpoint(d, "a", &c), STORE_OK);
	x.generation = c.generation; /* the revoked one's own */
	assert_int_equal(depot_put(d, &x), STORE_STALE);
	uint32_t slot;
	assert_int_equal(store_find_path(d->r, &x.path, &slot), STORE_NONE);
}

static void test_S28_a_replaced_key_between_ServerHello_and_Finished(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = depot_cred(d, "a");
	struct store_assoc x = depot_assoc_of(&a, 1);
	a.key[1] ^= 1;
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_int_equal(depot_put(d, &x), STORE_STALE);
	x.cred = 4711;
	assert_int_equal(depot_put(d, &x), STORE_STALE);
}

static void test_S20_a_row_of_another_number_does_not_open(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = depot_cred(d, "a"), b = depot_cred(d, "b");
	const struct key ka = key_number(a.number), kb = key_number(b.number);
	struct store_cred c;
	struct kv_txn *kv;
	struct kv_slice v;
	uint8_t row[1024];
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &kv), STORE_OK);
	assert_int_equal(kv_get(kv, KEY_CRED, key_slice(&ka), &v), STORE_OK);
	memcpy(row, v.data, v.len);
	const struct kv_slice copy = { row, v.len };
	assert_int_equal(kv_put(kv, KEY_CRED, key_slice(&kb), copy), STORE_OK);
	assert_int_equal(kv_commit(kv), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_read_cred(d->r, b.number, &c), STORE_DAMAGED);
	struct store_cred_mark mark;
	assert_int_equal(store_read_cred_mark(d->r, b.number, &mark), STORE_DAMAGED);
	uint32_t at = 0;
	assert_int_equal(store_next_cred(d->r, &at, &c), STORE_OK);
	assert_int_equal(store_next_cred(d->r, &at, &c), STORE_NONE); /* passed over */
	/* One must be able to be rid of it. */
	assert_int_equal(depot_revoke(d, b.number), STORE_OK);
	assert_int_equal(store_read_cred(d->r, b.number, &c), STORE_OK);
	assert_int_equal(c.state, STORE_CRED_REVOKED);
}

static void test_I5_no_key_or_identity_is_plain_in_the_database(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = { .endpoint = "meter-4711",
		.identity = "id-of-meter-4711",
		.identity_len = 16,
		.key = "kkkk-secret-kkkk",
		.key_len = 16 };
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	c.before.generation = c.generation; /* and what it was until now */
	c.before.until_ms = UINT64_MAX;
	c.before.identity_len = c.identity_len;
	c.before.key_len = c.key_len;
	memcpy(c.before.identity, c.identity, sizeof(c.identity));
	memcpy(c.before.key, c.key, sizeof(c.key));
	c.key[0] = 'l';
	c.labels_len = 1;
	(void)strcpy(c.labels[0], "label-4711");
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	struct store_assoc a = depot_assoc_of(&c, 1);
	memcpy(a.context, "context-secret", 14);
	assert_int_equal(depot_put(d, &a), STORE_OK);
	struct kv_txn *kv;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_READ, &kv), STORE_OK);
	for (unsigned t = 0; t < KEY_TABLES; t++) {
		struct kv_slice k = { "", 0 }, v;
		uint8_t next[KV_KEY_MAX + 1];
		while (kv_seek(kv, t, k, &k, &v) == STORE_OK) {
			assert_null(memmem(v.data, v.len, "secret", 6));
			assert_null(memmem(v.data, v.len, "4711", 4));
			assert_null(memmem(k.data, k.len, "4711", 4));
			memcpy(next, k.data, k.len);
			next[k.len] = 0;
			k = (struct kv_slice){ next, k.len + 1 };
		}
	}
	kv_abort(kv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, depot_end)
		T(test_a_credential_is_found_by_number_identity_and_endpoint),
		T(test_an_endpoint_or_identity_of_another_is_refused),
		T(test_S29_generations_are_of_the_whole_store_and_never_used_again),
		T(test_the_same_content_keeps_its_generation),
		T(test_replacing_moves_the_indices),
		T(test_revoked_has_no_key_and_no_identity_and_stays),
		T(test_who_revoked_it_is_kept_and_an_operator_stands_above_a_file),
		T(test_R022_keys_and_upstream_identities_are_found),
		T(test_a_note_is_kept),
		T(test_S29_a_revocation_outlives_the_process),
		T(test_S28_revoke_and_add_again),
		T(test_S28_revocation_between_ServerHello_and_Finished),
		T(test_S28_a_replaced_key_between_ServerHello_and_Finished),
		T(test_S20_a_row_of_another_number_does_not_open),
		T(test_I5_no_key_or_identity_is_plain_in_the_database),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
