/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is done in whatever order: rows and indices fit each other, and no slot is lost. */
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
#include "store/cred_row.h"
#include "store/staged.h"
#include "store/staging.h"
#include "unit/store/depot.h"

enum { CREDS = 6, SLOTS_MAX = 4096, STEPS = 300, SEEDS = 12, RESTING = 30 };
#define FAR (UINT64_MAX / 2)

struct town {
	struct depot *d;
	struct store_cred cred[CREDS];
	struct store_assoc assoc[SLOTS_MAX];
	uint64_t x;
};

static uint32_t draw(struct town *t, uint32_t below)
{
	t->x ^= t->x << 13;
	t->x ^= t->x >> 7;
	t->x ^= t->x << 17;
	return (uint32_t)(t->x >> 33) % below;
}

/* --- what must hold --------------------------------------------------------------------------- */

typedef void visit(struct kv_txn *kv, struct kv_slice k, struct kv_slice v, void *arg);

static uint64_t each(struct kv_txn *kv, unsigned table, visit *f, void *arg)
{
	uint8_t at[KV_KEY_MAX + 1];
	struct kv_slice k = { "", 0 }, v;
	uint64_t n = 0;
	while (kv_seek(kv, table, k, &k, &v) == STORE_OK) {
		f(kv, k, v, arg);
		memcpy(at, k.data, k.len);
		at[k.len] = 0;
		k = (struct kv_slice){ at, k.len + 1 };
		n++;
	}
	return n;
}

static bool has(struct kv_txn *kv, unsigned table, const struct key *k, struct kv_slice *v)
{
	return kv_get(kv, table, key_slice(k), v) == STORE_OK;
}

static void assoc_fits(struct kv_txn *kv, struct kv_slice k, struct kv_slice v, void *arg)
{
	uint8_t *const seen = arg;
	struct value_assoc_head h;
	struct kv_slice rest, other;
	uint32_t slot, points;
	assert_true(key_is_number(k, &slot));
	assert_true(slot < SLOTS_MAX);
	assert_int_equal(seen[slot]++, 0);
	assert_true(value_assoc_head_read(v, &h, &rest));
	const struct key number = key_number(slot), of = key_pair(h.cred, slot);
	const struct key where = key_hash(h.has_cid ? h.cid : h.path);
	assert_true(has(kv, KEY_LEASE, &number, &other));
	assert_true(has(kv, KEY_ASSOC_OF, &of, &other));
	assert_true(has(kv, h.has_cid ? KEY_CID : KEY_PATH, &where, &other));
	assert_true(key_is_number(other, &points));
	assert_int_equal(points, slot);
}

static void path_fits(struct kv_txn *kv, struct kv_slice k, struct kv_slice v, void *arg)
{
	struct value_assoc_head h;
	struct kv_slice row, rest;
	uint32_t slot;
	uint64_t hash;
	(void)arg;
	assert_true(key_is_hash(k, &hash));
	assert_true(key_is_number(v, &slot));
	const struct key number = key_number(slot);
	assert_true(has(kv, KEY_ASSOC, &number, &row));
	assert_true(value_assoc_head_read(row, &h, &rest));
	assert_true(h.path == hash);
}

/* One that rests is in both tables; the others are somebody's. */
static void cid_fits(struct kv_txn *kv, struct kv_slice k, struct kv_slice v, void *arg)
{
	struct value_assoc_head h;
	struct kv_slice row, rest;
	uint32_t slot;
	uint64_t hash, since_ms;
	assert_true(key_is_hash(k, &hash));
	if (key_is_hash(v, &since_ms)) {
		const struct key resting = key_time_hash(since_ms, hash);
		assert_true(has(kv, KEY_CID_REST, &resting, &rest));
		return;
	}
	assert_true(key_is_number(v, &slot));
	const struct key number = key_number(slot);
	assert_true(has(kv, KEY_ASSOC, &number, &row));
	assert_true(value_assoc_head_read(row, &h, &rest));
	assert_true(h.has_cid && h.cid == hash);
	++*(uint64_t *)arg;
}

static void slot_is_free(struct kv_txn *kv, struct kv_slice k, struct kv_slice v, void *arg)
{
	uint8_t *const seen = arg;
	uint64_t txn;
	uint32_t slot;
	(void)kv;
	(void)v;
	assert_true(key_is_time_number(k, &txn, &slot));
	assert_true(slot < SLOTS_MAX);
	assert_int_equal(seen[slot]++, 0);
}

static void session_fits(struct kv_txn *kv, struct kv_slice k, struct kv_slice v, void *arg)
{
	struct value_session_head h;
	struct kv_slice rest, other;
	uint32_t cred;
	assert_true(key_is_number(k, &cred));
	assert_true(value_session_head_read(v, &h, &rest));
	const struct key deadline = key_time_number(h.expires_ms, cred);
	*(uint64_t *)arg += h.expires_ms != 0;
	assert_int_equal(has(kv, KEY_DEADLINE, &deadline, &other), h.expires_ms != 0);
}

static void resume_fits(struct kv_txn *kv, struct kv_slice k, struct kv_slice v, void *arg)
{
	struct value_resume_head h;
	struct value_session_head s = { 0 };
	struct kv_slice rest, other;
	uint32_t cred;
	(void)arg;
	assert_true(key_is_number(k, &cred));
	assert_true(value_resume_head_read(v, &h, &rest));
	const struct key id = key_octets(h.id, h.id_len), number = key_number(cred);
	const struct key age = key_age(h.registered, h.until_ms, cred);
	assert_true(has(kv, KEY_RESUME_ID, &id, &other));
	assert_true(has(kv, KEY_RESUME_AGE, &age, &other));
	if (has(kv, KEY_SESSION, &number, &other))
		assert_true(value_session_head_read(other, &s, &rest));
	assert_int_equal(h.registered, s.registered);
}

static void verdict_fits(struct kv_txn *kv, struct kv_slice k, struct kv_slice v, void *arg)
{
	struct kv_slice found, none;
	uint32_t cred, of, slot;
	(void)v;
	(void)arg;
	assert_true(key_is_number(k, &cred));
	const struct key from = key_pair(cred, 0);
	assert_int_equal(kv_seek(kv, KEY_ASSOC_OF, key_slice(&from), &found, &none), STORE_OK);
	assert_true(key_is_pair(found, &of, &slot) && of == cred);
}

struct ends {
	const struct sip_key *mac;
	uint64_t n;
};

static void ends_fit(struct kv_txn *kv, struct kv_slice k, struct kv_slice v, void *arg)
{
	struct ends *const e = arg;
	struct store_cred_mark m;
	struct kv_slice rest, other;
	uint32_t number;
	assert_true(key_is_number(k, &number));
	assert_true(value_cred_head_read(v, e->mac, number, &m, &rest));
	const struct key end = key_time_number(m.until_ms, number);
	const struct key before = key_time_number(m.before_until_ms, number);
	const bool ends = m.active && m.until_ms != 0,
		   overlaps = m.active && m.before != 0 && m.before_until_ms != 0;
	assert_int_equal(has(kv, KEY_EXPIRY, &end, &other),
		ends || (overlaps && m.before_until_ms == m.until_ms));
	assert_true(!overlaps || has(kv, KEY_EXPIRY, &before, &other));
	e->n += ends;
	e->n += overlaps && !(ends && m.before_until_ms == m.until_ms);
}

static size_t distinct(const uint64_t *hashes, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		size_t j = 0;
		while (j < i && hashes[j] != hashes[i])
			j++;
		n += j == i;
	}
	return n;
}

/* What is staged is an active credential's, has its end and its hints; returns how many hints. */
static size_t staged_fits(struct town *t, struct kv_txn *kv, const struct store_cred *c)
{
	uint64_t own[STAGED_HINTS];
	struct store_staged x;
	struct kv_slice v;
	const enum store_result r = staged_read(t->d->r, c->number, &x);
	assert_true(r == STORE_OK || r == STORE_NONE);
	if (r == STORE_NONE)
		return 0;
	assert_int_equal(c->state, STORE_CRED_ACTIVE);
	assert_true(x.generation > c->generation);
	const struct key end = key_time_number(x.until_ms, c->number);
	assert_true(has(kv, KEY_STAGED_END, &end, &v));
	const size_t len = cred_staged_hashes(t->d->s, &x, own);
	for (size_t i = 0; i < len; i++) {
		const struct key hint = key_hash_number(own[i], c->number);
		assert_true(has(kv, KEY_CRED_INDEX, &hint, &v));
	}
	return distinct(own, len);
}

static void creds_fit(struct town *t, struct kv_txn *kv)
{
	uint64_t own[CRED_HINTS];
	struct store_cred c;
	size_t hints = 0;
	uint32_t number = 0;
	store_reader_rest(t->d->r);
	while (store_next_cred(t->d->r, &number, &c) == STORE_OK) {
		hints += 1 + staged_fits(t, kv, &c); /* and its endpoint's */
		if (c.state == STORE_CRED_ACTIVE)
			hints += distinct(own, cred_hashes(t->d->s, &c, own));
	}
	store_reader_rest(t->d->r);
	assert_int_equal(kv_count(kv, KEY_CRED_INDEX), hints);
	assert_int_equal(kv_count(kv, KEY_STAGED_END), kv_count(kv, KEY_STAGED));
}

static void all_fits(struct town *t)
{
	static uint8_t seen[SLOTS_MAX];
	struct store *const s = t->d->s;
	struct value_meta m;
	struct kv_txn *kv;
	uint64_t deadlines = 0, named = 0;
	memset(seen, 0, sizeof(seen));
	assert_int_equal(kv_begin(s->parts.kv, KV_READ, &kv), STORE_OK);
	assert_int_equal(meta_load(kv, &s->mac, &m), STORE_OK);
	const uint64_t n = each(kv, KEY_ASSOC, assoc_fits, seen);
	assert_int_equal(kv_count(kv, KEY_LEASE), n);
	assert_true(each(kv, KEY_PATH, path_fits, NULL) <= n);
	assert_true(each(kv, KEY_CID, cid_fits, &named) <= named + kv_count(kv, KEY_CID_REST));
	assert_true(kv_count(kv, KEY_CID_REST) <= RESTING);
	assert_int_equal(kv_count(kv, KEY_ASSOC_OF), n);
	assert_int_equal(n + each(kv, KEY_FREE, slot_is_free, seen), m.slots);
	for (uint32_t slot = 0; slot < m.slots; slot++)
		assert_int_equal(seen[slot], 1);
	(void)each(kv, KEY_SESSION, session_fits, &deadlines);
	assert_int_equal(kv_count(kv, KEY_DEADLINE), deadlines);
	const uint64_t resumable = each(kv, KEY_RESUME, resume_fits, NULL);
	assert_int_equal(kv_count(kv, KEY_RESUME_ID), resumable);
	assert_int_equal(kv_count(kv, KEY_RESUME_AGE), resumable);
	assert_true(resumable <= s->resumable_max);
	struct ends ends = { .mac = &s->mac };
	(void)each(kv, KEY_VERDICT, verdict_fits, NULL);
	(void)each(kv, KEY_CRED, ends_fit, &ends);
	assert_int_equal(kv_count(kv, KEY_EXPIRY), ends.n);
	creds_fit(t, kv);
	kv_abort(kv);
}

/* --- what may happen -------------------------------------------------------------------------- */

static enum store_result resume(struct store_txn *txn, void *arg)
{
	struct town *const t = arg;
	const struct store_cred *const c = &t->cred[draw(t, CREDS)];
	struct store_resume x = { .id_len = 32,
		.cred = c->number,
		.generation = c->generation,
		.until_ms = draw(t, 9),
		.len = 10 };
	memset(x.id, (int)draw(t, 256), sizeof(x.id));
	return draw(t, 4) > 0 ? store_resume_put(txn, &x) : store_resume_drop(txn, x.id, 32);
}

static enum store_result session(struct store_txn *txn, void *arg)
{
	struct town *const t = arg;
	const uint32_t cred = t->cred[draw(t, CREDS)].number;
	const struct store_session s = { .cred = cred,
		.device = STORE_NO_SLOT,
		.link = STORE_NO_SLOT,
		.registered = draw(t, 2),
		.expires_ms = draw(t, 5) };
	return draw(t, 4) > 0 ? store_session_put(txn, &s) : store_session_drop(txn, cred);
}

/* Several in one transaction: what one frees, the next must not take. */
static enum store_result swap(struct store_txn *txn, void *arg)
{
	struct town *const t = arg;
	struct store_assoc a = depot_assoc_of(&t->cred[draw(t, CREDS)], (uint16_t)draw(t, 12));
	const struct store_assoc *const old = &t->assoc[draw(t, 16)];
	enum store_result r = store_assoc_drop(txn, old->slot, old->id);
	if (r != STORE_OK && r != STORE_NONE)
		return r;
	if (draw(t, 3) == 0)
		a.path.role = STORE_LINK;
	else if (draw(t, 2) == 0)
		depot_name(&a, draw(t, 60));
	r = store_assoc_put(txn, &a, slot_owner(t->d->start.incarnation, 0));
	if (r == STORE_OK)
		t->assoc[a.slot] = a;
	return r;
}

static enum store_result move(struct store_txn *txn, void *arg)
{
	struct town *const t = arg;
	struct store_assoc a = t->assoc[draw(t, 16)];
	if (a.cid_len == 0)
		return STORE_OK;
	a.path.peer.port = (uint16_t)draw(t, 12);
	a.candidate = draw(t, 2) == 0 ? a.path : (struct store_path){ 0 };
	a.adrift = draw(t, 4) == 0;
	return store_assoc_move(txn, &a);
}

static enum store_result verdict(struct store_txn *txn, void *arg)
{
	struct town *const t = arg;
	const struct store_verdict v = { .cred = t->cred[draw(t, CREDS)].number };
	return store_verdict_put(txn, &v);
}

static void keep_face(struct store_cred *c, uint64_t until_ms)
{
	c->before.generation = 1;
	c->before.until_ms = until_ms;
	c->before.identity_len = c->identity_len;
	c->before.key_len = c->key_len;
	memcpy(c->before.identity, c->identity, sizeof(c->identity));
	memcpy(c->before.key, c->key, sizeof(c->key));
}

static enum store_result cred(struct store_txn *txn, void *arg)
{
	struct town *const t = arg;
	struct store_cred *const c = &t->cred[draw(t, CREDS)];
	if (draw(t, 3) == 0)
		return store_cred_settle(txn, c->number);
	if (draw(t, 2) == 0) {
		memset(&c->before, 0, sizeof(c->before));
		c->until_ms = draw(t, 2) == 0 ? 0 : draw(t, 8) == 0 ? 1 : FAR + draw(t, 2);
		if (draw(t, 2) == 0)
			keep_face(c, draw(t, 2) == 0 ? draw(t, 2) : FAR + draw(t, 2));
		if (draw(t, 3) > 0)
			c->key[0]++;
		return store_cred_put(txn, c);
	}
	memset(&c->before, 0, sizeof(c->before));
	const enum store_result r = store_cred_revoke(txn, c->number, STORE_BY_CONTROL);
	c->number = 0;
	return r == STORE_OK ? store_cred_put(txn, c) : r;
}

/* Of few names and keys, so that they meet. */
static enum store_result stage(struct store_txn *txn, void *arg)
{
	struct town *const t = arg;
	struct store_staged x = { .cred = t->cred[draw(t, CREDS)].number,
		.until_ms = draw(t, 3) == 0 ? draw(t, 2) : FAR + draw(t, 2),
		.identity_len = 1,
		.key_len = 1 };
	x.identity[0] = (uint8_t)draw(t, 5);
	x.key[0] = (uint8_t)draw(t, 5);
	return store_stage(txn, &x);
}

static enum store_result prove(struct store_txn *txn, struct town *t, uint32_t cred)
{
	struct store_resume r = { .id_len = 32, .cred = cred, .until_ms = draw(t, 9) };
	struct store_staged x;
	if (staged_read(store_txn_reader(txn), cred, &x) != STORE_OK)
		return STORE_NONE;
	memset(r.id, (int)draw(t, 256), sizeof(r.id));
	r.generation = x.generation;
	return store_resume_put(txn, &r);
}

static enum store_result use(struct store_txn *txn, void *arg)
{
	struct town *const t = arg;
	struct store_cred *const c = &t->cred[draw(t, CREDS)];
	const uint32_t what = draw(t, 6);
	struct store_staged x;
	bool taken;
	enum store_result r;
	if (what < 2)
		r = prove(txn, t, c->number);
	else if (what < 4)
		r = store_stage_over(txn, c->number, &taken);
	else if (what == 4)
		return store_stage_drop(txn, c->number);
	else if ((r = store_read_staged(store_txn_reader(txn), c->number, &x)) == STORE_OK)
		r = store_stage_arm(txn, c->number, x.generation);
	if (r != STORE_OK)
		return r;
	return store_read_cred(store_txn_reader(txn), c->number, c);
}

static void step(struct town *t)
{
	static depot_run *const runs[] = { swap, swap, swap, move, move, session, resume, cred,
		cred, verdict, verdict, stage, stage, use };
	const uint32_t what = draw(t, 40);
	if (what == 0) {
		depot_kill(t->d);
		depot_start(t->d);
		t->d->s->resting_max = RESTING;
		return;
	}
	if (what == 1) /* what was done is undone, by whoever did it */
		kv_ram_fail(t->d->s->parts.kv, STORE_FULL, 1);
	depot_pass(t->d, draw(t, STORE_CID_REST_MS / 10));
	(void)depot_do(t->d, runs[draw(t, COUNT_OF(runs))], t);
}

static void test_S20_rows_and_indices_fit_whatever_is_done(void **state)
{
	(void)state;
	static struct town t;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		memset(&t, 0, sizeof(t));
		t.x = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
		t.d = depot_new();
		t.d->settings.resumable_max = 4;
		depot_start(t.d);
		t.d->s->resting_max = RESTING;
		for (unsigned i = 0; i < CREDS; i++) {
			char name[16];
			(void)snprintf(name, sizeof(name), "dev%u", i);
			t.cred[i] = depot_cred(t.d, name);
		}
		for (unsigned i = 0; i < STEPS; i++) {
			step(&t);
			all_fits(&t);
		}
		depot_free(t.d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S20_rows_and_indices_fit_whatever_is_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
