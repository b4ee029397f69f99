/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/nursery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR_MS = 3600000, KEY = 16 };

uint64_t depot_wall(const struct depot *d)
{
	return d->settings.wall_ms;
}

/* --- what is next ----------------------------------------------------------------------------- */

static struct store_staged next(const struct depot *d, const struct store_cred *c, uint8_t kind)
{
	return (struct store_staged){
		.cred = c->number, .until_ms = depot_wall(d) + HOUR_MS, .kind = kind
	};
}

struct store_staged next_psk(
	const struct depot *d, const struct store_cred *c, const char *identity, char key)
{
	struct store_staged s = next(d, c, STORE_CRED_PSK);
	s.identity_len = (uint8_t)strlen(identity);
	memcpy(s.identity, identity, s.identity_len);
	s.key_len = KEY;
	memset(s.key, key, KEY);
	return s;
}

struct store_staged next_raw_key(const struct depot *d, const struct store_cred *c, uint8_t digest)
{
	struct store_staged s = next(d, c, STORE_CRED_RAW_KEY);
	s.identity_len = STORE_PIN_LEN;
	memset(s.identity, digest, STORE_PIN_LEN);
	return s;
}

struct store_staged next_certificate(
	const struct depot *d, const struct store_cred *c, const char *name, uint8_t pin)
{
	struct store_staged s = next(d, c, STORE_CRED_CERTIFICATE);
	s.identity_len = (uint8_t)strlen(name);
	memcpy(s.identity, name, s.identity_len);
	s.pinned = true;
	memset(s.pin, pin, sizeof(s.pin));
	return s;
}

/* --- operations ------------------------------------------------------------------------------- */

static enum store_result stage(struct store_txn *t, void *arg)
{
	return store_stage(t, arg);
}

enum store_result depot_stage(struct depot *d, struct store_staged *s)
{
	return depot_do(d, stage, s);
}

struct what {
	uint32_t cred;
	uint64_t generation;
	bool taken;
};

static enum store_result arm(struct store_txn *t, void *arg)
{
	const struct what *const w = arg;
	return store_stage_arm(t, w->cred, w->generation);
}

enum store_result depot_arm(struct depot *d, uint32_t cred, uint64_t generation)
{
	struct what w = { .cred = cred, .generation = generation };
	return depot_do(d, arm, &w);
}

static enum store_result unstage(struct store_txn *t, void *arg)
{
	const struct what *const w = arg;
	return store_stage_drop(t, w->cred);
}

enum store_result depot_unstage(struct depot *d, uint32_t cred)
{
	struct what w = { .cred = cred };
	return depot_do(d, unstage, &w);
}

static enum store_result over(struct store_txn *t, void *arg)
{
	struct what *const w = arg;
	return store_stage_over(t, w->cred, &w->taken);
}

enum store_result depot_over(struct depot *d, uint32_t cred, bool *taken)
{
	struct what w = { .cred = cred };
	const enum store_result r = depot_do(d, over, &w);
	*taken = w.taken;
	return r;
}

enum store_result depot_shake(struct depot *d, const struct store_cred *c, uint64_t generation)
{
	struct store_assoc a = depot_assoc_of(c, (uint16_t)(6000 + c->number));
	a.generation = generation;
	return depot_put(d, &a);
}

/* --- looks ------------------------------------------------------------------------------------ */

enum store_result depot_staged(struct depot *d, uint32_t cred, struct store_staged *out)
{
	store_reader_rest(d->r);
	return store_read_staged(d->r, cred, out);
}

enum store_result depot_find_staged(
	struct depot *d, enum store_cred_kind kind, const char *identity, struct store_staged *out)
{
	store_reader_rest(d->r);
	return store_find_staged(d->r, kind, (const uint8_t *)identity, strlen(identity), out);
}

enum store_result depot_find_cred(struct depot *d, const char *identity, struct store_cred *out)
{
	store_reader_rest(d->r);
	return store_find_identity(
		d->r, STORE_CRED_PSK, (const uint8_t *)identity, strlen(identity), out);
}

struct store_cred depot_cred_now(struct depot *d, uint32_t number)
{
	struct store_cred c;
	store_reader_rest(d->r);
	assert_int_equal(store_read_cred(d->r, number, &c), STORE_OK);
	return c;
}

struct store_cred_mark depot_mark_now(struct depot *d, uint32_t number)
{
	struct store_cred_mark m;
	store_reader_rest(d->r);
	assert_int_equal(store_read_cred_mark(d->r, number, &m), STORE_OK);
	return m;
}

bool depot_is_staged(struct depot *d, uint32_t cred)
{
	struct store_staged x;
	const enum store_result r = depot_staged(d, cred, &x);
	assert_true(r == STORE_OK || r == STORE_NONE);
	return r == STORE_OK;
}

uint64_t depot_generation(struct depot *d)
{
	uint64_t generation;
	store_reader_rest(d->r);
	assert_int_equal(store_read_generation(d->r, &generation), STORE_OK);
	return generation;
}

/* --- credentials ------------------------------------------------------------------------------ */

void keep_face(struct store_cred *c, uint64_t until_ms)
{
	c->before.generation = 1; /* the store knows better */
	c->before.until_ms = until_ms;
	c->before.pinned = c->pinned;
	memcpy(c->before.pin, c->pin, sizeof(c->pin));
	c->before.identity_len = c->identity_len;
	memcpy(c->before.identity, c->identity, sizeof(c->identity));
	c->before.key_len = c->key_len;
	memcpy(c->before.key, c->key, sizeof(c->key));
}

void rename_it(struct store_cred *c, const char *identity)
{
	c->identity_len = (uint8_t)strlen(identity);
	memset(c->identity, 0, sizeof(c->identity));
	memcpy(c->identity, identity, c->identity_len);
}

static void forget_key(struct store_cred *c)
{
	memset(c->key, 0, sizeof(c->key));
	c->key_len = 0;
}

void become_raw_key(struct store_cred *c, uint8_t digest)
{
	forget_key(c);
	c->kind = STORE_CRED_RAW_KEY;
	c->identity_len = STORE_PIN_LEN;
	memset(c->identity, digest, STORE_PIN_LEN);
}

void become_certificate(struct store_cred *c, uint8_t pin)
{
	forget_key(c);
	c->kind = STORE_CRED_CERTIFICATE;
	c->pinned = true;
	memset(c->pin, pin, sizeof(c->pin));
}

static struct store_cred *member(struct depot *d, const char *name, const struct store_cred *like)
{
	assert_true(d->members_len < COUNT_OF(d->members));
	struct store_cred *const c = &d->members[d->members_len++];
	*c = *like;
	(void)snprintf(c->endpoint, sizeof(c->endpoint), "%s", name);
	if (c->kind != STORE_CRED_RAW_KEY)
		rename_it(c, name);
	assert_int_equal(depot_cred_put(d, c), STORE_OK);
	return c;
}

const struct store_cred *depot_with_key(struct depot *d, const char *name, char key)
{
	struct store_cred c = { .changed_ms = 1, .key_len = KEY };
	memset(c.key, key, KEY);
	return member(d, name, &c);
}

struct store_cred *depot_of_all_kinds(struct depot *d)
{
	struct store_cred a = { .key_len = KEY }, b = { 0 }, c = { 0 };
	memset(a.key, 'a', KEY);
	struct store_cred *const first = member(d, "a", &a);
	become_raw_key(&b, 0xb0);
	become_certificate(&c, 0xc0);
	(void)member(d, "b", &b);
	(void)member(d, "c", &c);
	memset(a.key, 'x', KEY);
	a.upstream_key_len = KEY;
	memset(a.upstream_key, 'e', KEY);
	(void)member(d, "e", &a);
	return first;
}

/* --- rows ------------------------------------------------------------------------------------- */

static struct kv_txn *look(struct depot *d)
{
	struct kv_txn *kv;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_READ, &kv), STORE_OK);
	return kv;
}

uint64_t depot_rows(struct depot *d, unsigned table)
{
	struct kv_txn *const kv = look(d);
	const uint64_t n = kv_count(kv, table);
	kv_abort(kv);
	return n;
}

void depot_flip(struct depot *d, unsigned table, const struct key *k, size_t at)
{
	uint8_t row[2048];
	struct kv_slice v;
	struct kv_txn *kv;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_WRITE, &kv), STORE_OK);
	assert_int_equal(kv_get(kv, table, key_slice(k), &v), STORE_OK);
	assert_true(v.len <= sizeof(row) && at < v.len);
	memcpy(row, v.data, v.len);
	row[at] ^= 1;
	assert_int_equal(
		kv_put(kv, table, key_slice(k), (struct kv_slice){ row, v.len }), STORE_OK);
	assert_int_equal(kv_commit(kv), STORE_OK);
}

static bool has(struct kv_slice in, const char *octets)
{
	return memmem(in.data, in.len, octets, strlen(octets)) != NULL;
}

static bool table_has(struct kv_txn *kv, unsigned table, const char *octets)
{
	uint8_t at[KV_KEY_MAX + 1];
	struct kv_slice k = { "", 0 }, v;
	while (kv_seek(kv, table, k, &k, &v) == STORE_OK) {
		if (has(k, octets) || has(v, octets))
			return true;
		memcpy(at, k.data, k.len);
		at[k.len] = 0;
		k = (struct kv_slice){ at, k.len + 1 };
	}
	return false;
}

bool depot_has_octets(struct depot *d, const char *octets)
{
	struct kv_txn *const kv = look(d);
	bool found = false;
	for (unsigned table = 0; table < KEY_TABLES && !found; table++)
		found = table_has(kv, table, octets);
	kv_abort(kv);
	return found;
}

uint32_t depot_staged_under(struct depot *d, uint32_t cred)
{
	const struct key k = key_number(cred);
	struct value_staged_head h;
	struct kv_slice v, rest;
	struct kv_txn *const kv = look(d);
	assert_int_equal(kv_get(kv, KEY_STAGED, key_slice(&k), &v), STORE_OK);
	assert_true(value_staged_head_read(v, &d->s->mac, cred, &h, &rest));
	const uint32_t id = seal_key_id(rest);
	kv_abort(kv);
	return id;
}

void depot_sweep(struct depot *d)
{
	uint8_t key[KEYRING_KEY];
	d->s->drop_after_ms = 1;
	for (unsigned i = 0; i < 1000 && keyring_key(d->s->parts.keyring, 1, key); i++) {
		writer_wake(d->s->writer);
		(void)depot_revoke(d, 4711); /* a turn of the writer */
	}
	assert_false(keyring_key(d->s->parts.keyring, 1, key));
}
