/* SPDX-License-Identifier: Apache-2.0 */
/* Resumption state, sessions with their deadlines, and what goes with them. */
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

/* --- resumption ------------------------------------------------------------------------------- */

static struct store_resume resume_of(const struct store_cred *c, uint8_t id, uint64_t until_ms)
{
	struct store_resume x = { .id_len = 32,
		.cred = c->number,
		.generation = c->generation,
		.full_ms = 5,
		.until_ms = until_ms,
		.len = 90 };
	memset(x.id, id, x.id_len);
	memset(x.session, id, x.len);
	return x;
}

static enum store_result resume_put(struct store_txn *t, void *arg)
{
	return store_resume_put(t, arg);
}

static enum store_result keep(
	struct depot *d, const struct store_cred *c, uint8_t id, uint64_t until_ms)
{
	struct store_resume x = resume_of(c, id, until_ms);
	return depot_do(d, resume_put, &x);
}

static enum store_result find(struct depot *d, uint8_t id)
{
	struct store_resume x;
	uint8_t octets[32];
	memset(octets, id, sizeof(octets));
	store_reader_rest(d->r);
	const enum store_result r = store_find_resume(d->r, octets, sizeof(octets), &x);
	if (r == STORE_OK) {
		assert_int_equal(x.len, 90);
		assert_int_equal(x.session[89], id);
		assert_int_equal(x.full_ms, 5);
	}
	return r;
}

static enum store_result resume_drop(struct store_txn *t, void *arg)
{
	return store_resume_drop(t, arg, 32);
}

static void test_R201_an_entry_is_found_until_it_is_dropped(void **state)
{
	struct depot *const d = *state;
	const struct store_cred a = depot_cred(d, "a");
	uint64_t full_ms;
	assert_int_equal(find(d, 1), STORE_NONE);
	assert_int_equal(keep(d, &a, 1, 1000), STORE_OK);
	assert_int_equal(find(d, 1), STORE_OK);
	assert_int_equal(store_resume_full_ms(d->r, a.number, &full_ms), STORE_OK);
	assert_int_equal(full_ms, 5);
	assert_int_equal(keep(d, &a, 2, 1000), STORE_OK); /* its last one */
	assert_int_equal(find(d, 1), STORE_NONE);
	assert_int_equal(find(d, 2), STORE_OK);
	uint8_t id[32];
	memset(id, 2, sizeof(id));
	assert_int_equal(depot_do(d, resume_drop, id), STORE_OK);
	assert_int_equal(find(d, 2), STORE_NONE);
	assert_int_equal(depot_do(d, resume_drop, id), STORE_NONE);
	assert_int_equal(store_stats(d->s).resumable, 0);
}

static void test_R211_a_changed_credential_resumes_nothing(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = depot_cred(d, "a");
	assert_int_equal(keep(d, &a, 1, 1000), STORE_OK);
	const struct store_cred before = a;
	a.key[0] ^= 1;
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_int_equal(find(d, 1), STORE_NONE);
	assert_int_equal(keep(d, &before, 1, 1000), STORE_STALE); /* S28 */
	assert_int_equal(keep(d, &a, 1, 1000), STORE_OK);
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	assert_int_equal(find(d, 1), STORE_NONE);
	assert_int_equal(store_stats(d->s).resumable, 0);
	assert_int_equal(keep(d, &a, 1, 1000), STORE_STALE);
}

static enum store_result put_again(
	struct depot *d, unsigned table, const struct key *k, const uint8_t *octets, size_t len)
{
	struct kv_txn *kv;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &kv), STORE_OK);
	assert_int_equal(
		kv_put(kv, table, key_slice(k), (struct kv_slice){ octets, len }), STORE_OK);
	return kv_commit(kv);
}

/* Somebody with the files puts back what the change of the credential has dropped. */
static void test_R211_nor_does_an_entry_that_is_put_back(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = depot_cred(d, "a");
	assert_int_equal(keep(d, &a, 1, 1000), STORE_OK);
	const struct key row = key_number(a.number);
	uint8_t id[32], octets[1024];
	memset(id, 1, sizeof(id));
	const struct key by_id = key_octets(id, sizeof(id));
	struct kv_txn *kv;
	struct kv_slice v;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_READ, &kv), STORE_OK);
	assert_int_equal(kv_get(kv, KEY_RESUME, key_slice(&row), &v), STORE_OK);
	const size_t len = v.len;
	memcpy(octets, v.data, len);
	kv_abort(kv);
	a.key[0] ^= 1;
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_int_equal(put_again(d, KEY_RESUME, &row, octets, len), STORE_OK);
	assert_int_equal(put_again(d, KEY_RESUME_ID, &by_id, row.octets, row.len), STORE_OK);
	assert_int_equal(find(d, 1), STORE_STALE);
}

static void registered(struct depot *d, const struct store_cred *c, bool yes)
{
	const struct store_session s = { .cred = c->number,
		.device = STORE_NO_SLOT,
		.link = STORE_NO_SLOT,
		.registered = yes,
		.expires_ms = 100000 };
	assert_int_equal(depot_session(d, &s), STORE_OK);
}

static void test_R205_room_is_made_by_those_who_are_not_registered_first(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *c[6];
	for (unsigned i = 0; i < COUNT_OF(c); i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "dev%u", i);
		c[i] = depot_member(d, name);
	}
	const uint64_t far = UINT64_MAX / 2;
	registered(d, c[0], true); /* the one that sleeps longest, and ends first */
	assert_int_equal(keep(d, c[0], 10, far), STORE_OK);
	assert_int_equal(keep(d, c[1], 11, far + 1), STORE_OK);
	registered(d, c[1], true); /* after its entry was made */
	assert_int_equal(keep(d, c[2], 12, far + 2), STORE_OK);
	assert_int_equal(keep(d, c[3], 13, far + 3), STORE_OK); /* instead of 12 */
	assert_int_equal(find(d, 10), STORE_OK);
	assert_int_equal(find(d, 11), STORE_OK);
	assert_int_equal(find(d, 12), STORE_NONE);
	assert_int_equal(find(d, 13), STORE_OK);
	registered(d, c[3], true);
	assert_int_equal(keep(d, c[4], 14, far + 4), STORE_FULL); /* nobody goes for it */
	assert_int_equal(find(d, 10), STORE_OK);
	assert_int_equal(keep(d, c[3], 23, far), STORE_OK); /* in its own place */
	registered(d, c[1], false);                         /* a deregistration */
	assert_int_equal(keep(d, c[4], 14, far + 4), STORE_OK);
	assert_int_equal(find(d, 11), STORE_NONE);
	assert_int_equal(find(d, 23), STORE_OK);
}

static void test_R205_then_by_those_who_are_too_old(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *c[4];
	for (unsigned i = 0; i < COUNT_OF(c); i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "dev%u", i);
		c[i] = depot_member(d, name);
		registered(d, c[i], true);
	}
	assert_int_equal(keep(d, c[0], 10, UINT64_MAX / 2), STORE_OK);
	assert_int_equal(keep(d, c[1], 11, 1), STORE_OK); /* store_time() begins at 1 */
	assert_int_equal(keep(d, c[2], 12, UINT64_MAX / 2), STORE_OK);
	assert_int_equal(keep(d, c[3], 13, UINT64_MAX / 2), STORE_OK);
	assert_int_equal(find(d, 11), STORE_NONE);
	assert_int_equal(find(d, 10), STORE_OK);
}

/* --- sessions --------------------------------------------------------------------------------- */

static enum store_result session_drop(struct store_txn *t, void *arg)
{
	return store_session_drop(t, *(const uint32_t *)arg);
}

static void test_deadlines_come_in_order_and_follow_their_sessions(void **state)
{
	struct depot *const d = *state;
	uint64_t ms = 0;
	uint32_t cred = 0;
	struct store_session s = { .device = 3,
		.link = STORE_NO_SLOT,
		.registered = true,
		.location = "/rd/1",
		.lifetime_s = 60,
		.worker = 1,
		.workers = 2 };
	const uint64_t at[] = { 300, 100, 100, UINT64_MAX };
	for (uint32_t i = 0; i < COUNT_OF(at); i++) {
		s.cred = i + 1;
		s.expires_ms = at[i];
		assert_int_equal(depot_session(d, &s), STORE_OK);
	}
	store_reader_rest(d->r);
	assert_int_equal(store_next_deadline(d->r, 99, &ms, &cred), STORE_NONE);
	assert_int_equal(store_next_deadline(d->r, 100, &ms, &cred), STORE_OK);
	assert_int_equal(cred, 2);
	assert_int_equal(store_next_deadline(d->r, 100, &ms, &cred), STORE_OK);
	assert_int_equal(cred, 3);
	assert_int_equal(store_next_deadline(d->r, 100, &ms, &cred), STORE_NONE);
	s.cred = 2;
	s.expires_ms = 400; /* a refresh */
	assert_int_equal(depot_session(d, &s), STORE_OK);
	cred = 3;
	assert_int_equal(depot_do(d, session_drop, &cred), STORE_OK);
	assert_int_equal(depot_do(d, session_drop, &cred), STORE_NONE);
	ms = cred = 0;
	store_reader_rest(d->r);
	assert_int_equal(store_next_deadline(d->r, UINT64_MAX, &ms, &cred), STORE_OK);
	assert_int_equal(cred, 1);
	assert_int_equal(store_next_deadline(d->r, UINT64_MAX, &ms, &cred), STORE_OK);
	assert_int_equal(cred, 2);
	assert_int_equal(ms, 400);
	assert_int_equal(store_next_deadline(d->r, UINT64_MAX, &ms, &cred), STORE_NONE);
	struct store_session x;
	assert_int_equal(store_read_session(d->r, 2, &x), STORE_OK);
	assert_memory_equal(&x, &s, sizeof(x));
	cred = 0;
	assert_int_equal(store_next_session(d->r, &cred, &x), STORE_OK);
	assert_int_equal(x.cred, 1);
	assert_int_equal(store_next_session(d->r, &cred, &x), STORE_OK);
	assert_int_equal(store_next_session(d->r, &cred, &x), STORE_OK);
	assert_int_equal(x.cred, 4);
	assert_int_equal(store_next_session(d->r, &cred, &x), STORE_NONE);
}

static void test_associations_are_found_by_credential_and_go_with_the_session(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a"), other = depot_cred(d, "b");
	const struct store_assoc a = depot_assoc(d, &c, 1), b = depot_assoc(d, &c, 2);
	const struct store_assoc kept = depot_assoc(d, &other, 3);
	uint32_t at = 0, slot, cred = c.number;
	store_reader_rest(d->r);
	assert_int_equal(store_next_assoc_of(d->r, cred, &at, &slot), STORE_OK);
	assert_int_equal(slot, a.slot);
	assert_int_equal(store_next_assoc_of(d->r, cred, &at, &slot), STORE_OK);
	assert_int_equal(slot, b.slot);
	assert_int_equal(store_next_assoc_of(d->r, cred, &at, &slot), STORE_NONE);
	registered(d, &c, true);
	assert_int_equal(depot_do(d, session_drop, &cred), STORE_OK);
	struct store_assoc x;
	assert_int_equal(depot_read(d, a.slot, &x), STORE_NONE);
	assert_int_equal(depot_read(d, b.slot, &x), STORE_NONE);
	assert_int_equal(depot_read(d, kept.slot, &x), STORE_OK);
	assert_int_equal(store_find_path(d->r, &a.path, &slot), STORE_NONE);
	assert_int_equal(store_find_path(d->r, &kept.path, &slot), STORE_OK);
	assert_int_equal(slot, kept.slot);
}

static enum store_result rewrite(struct store_txn *t, void *arg)
{
	return store_assoc_rewrite(t, arg);
}

static void test_S9_the_context_is_written_anew_for_the_same_association_only(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	struct store_assoc a = depot_assoc(d, &c, 1), x;
	a.context_len = 40;
	a.context[0] = 'n';
	assert_int_equal(depot_do(d, rewrite, &a), STORE_OK);
	assert_int_equal(depot_read(d, a.slot, &x), STORE_OK);
	assert_int_equal(x.context_len, 40);
	assert_int_equal(x.context[0], 'n');
	x = a;
	x.id[0] ^= 1;
	assert_int_equal(depot_do(d, rewrite, &x), STORE_STALE);
	assert_int_equal(depot_drop(d, &a), STORE_OK);
	assert_int_equal(depot_drop(d, &a), STORE_NONE);
	assert_int_equal(depot_do(d, rewrite, &a), STORE_STALE);
}

static enum store_result port_put(struct store_txn *t, void *arg)
{
	(void)arg;
	const enum store_result r = store_port_put(t, 1, STORE_PORT_MARK, 9);
	return r == STORE_OK ? store_port_put(t, 1, 7, 40123) : r;
}

static void test_ports_are_kept(void **state)
{
	struct depot *const d = *state;
	uint32_t value;
	assert_int_equal(depot_do(d, port_put, NULL), STORE_OK);
	assert_int_equal(store_read_port(d->r, 1, 7, &value), STORE_OK);
	assert_int_equal(value, 40123);
	assert_int_equal(store_read_port(d->r, 1, STORE_PORT_MARK, &value), STORE_OK);
	assert_int_equal(value, 9);
	assert_int_equal(store_read_port(d->r, 2, 7, &value), STORE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, depot_end)
		T(test_R201_an_entry_is_found_until_it_is_dropped),
		T(test_R211_a_changed_credential_resumes_nothing),
		T(test_R211_nor_does_an_entry_that_is_put_back),
		T(test_R205_room_is_made_by_those_who_are_not_registered_first),
		T(test_R205_then_by_those_who_are_too_old),
		T(test_deadlines_come_in_order_and_follow_their_sessions),
		T(test_associations_are_found_by_credential_and_go_with_the_session),
		T(test_S9_the_context_is_written_anew_for_the_same_association_only),
		T(test_ports_are_kept),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
