/* SPDX-License-Identifier: Apache-2.0 */
/* What is staged for a credential comes and goes here, and takes its place. */
#include "store/staged.h"
#include "store/staging.h"

#include <string.h>

#include "base/wipe.h"
#include "store/core.h"
#include "store/cred_row.h"
#include "store/cred_rules.h"
#include "store/row.h"

/* --- rows ------------------------------------------------------------------------------------- */

static enum store_result put_nothing(
	struct store_txn *t, unsigned table, uint64_t at, uint32_t cred)
{
	const struct key k = key_time_number(at, cred);
	return kv_put(t->kv, table, key_slice(&k), (struct kv_slice){ "", 0 });
}

static enum store_result drop_nothing(
	struct store_txn *t, unsigned table, uint64_t at, uint32_t cred)
{
	const struct key k = key_time_number(at, cred);
	return gone(kv_del(t->kv, table, key_slice(&k)));
}

static enum store_result put_row(struct store_txn *t, const struct store_staged *s)
{
	const struct value_staged_head h = {
		.generation = s->generation, .until_ms = s->until_ms, .armed = s->armed
	};
	struct row row = {
		.table = KEY_STAGED, .key = key_number(s->cred), .generation = s->generation
	};
	row.head_len = value_staged_head_write(&h, &t->s->mac, s->cred, row.head, sizeof(row.head));
	row.plain_len = value_staged_write(s, row.plain, sizeof(row.plain));
	const enum store_result r = row_put(&row, t);
	row_wipe(&row);
	return r;
}

static enum store_result put_all(struct store_txn *t, const struct store_staged *s)
{
	uint64_t own[STAGED_HINTS];
	const size_t len = cred_staged_hashes(t->s, s, own);
	enum store_result r = put_row(t, s);
	for (size_t i = 0; i < len && r == STORE_OK; i++)
		r = cred_put_hint(t, own[i], s->cred);
	return r == STORE_OK ? put_nothing(t, KEY_STAGED_END, s->until_ms, s->cred) : r;
}

static enum store_result drop_leads(struct store_txn *t, const struct store_staged *s)
{
	uint64_t own[STAGED_HINTS];
	const size_t len = cred_staged_hashes(t->s, s, own);
	enum store_result r = drop_nothing(t, KEY_STAGED_END, s->until_ms, s->cred);
	for (size_t i = 0; i < len && r == STORE_OK; i++)
		r = cred_drop_hint(t, own[i], s->cred);
	return r;
}

/* Of a row that does not tell its end any more. Its hints are harmless. */
static enum store_result drop_ends(struct store_txn *t, uint32_t cred)
{
	uint64_t ms = 0;
	uint32_t number = 0;
	enum store_result r;
	while ((r = store_next_staged_end(&t->reader, UINT64_MAX, &ms, &number)) == STORE_OK) {
		if (number == cred)
			r = drop_nothing(t, KEY_STAGED_END, ms, cred);
		if (r != STORE_OK)
			return r;
	}
	return gone(r);
}

static enum store_result read_head(
	struct store_txn *t, uint32_t cred, struct value_staged_head *out)
{
	const struct key k = key_number(cred);
	struct kv_slice v, rest;
	*out = (struct value_staged_head){ 0 };
	const enum store_result r = kv_get(t->kv, KEY_STAGED, key_slice(&k), &v);
	if (r != STORE_OK)
		return r;
	return value_staged_head_read(v, &t->s->mac, cred, out, &rest)
		       ? STORE_OK
		       : reader_damage(&t->reader, KEY_STAGED, cred);
}

enum store_result staged_forget(struct store_txn *t, uint32_t cred)
{
	const struct key k = key_number(cred);
	struct store_staged s;
	enum store_result r = staged_read(&t->reader, cred, &s);
	if (r == STORE_OK)
		r = drop_leads(t, &s);
	else if (r == STORE_DAMAGED)
		r = drop_ends(t, cred);
	wipe(&s, sizeof(s));
	return r == STORE_OK ? kv_del(t->kv, KEY_STAGED, key_slice(&k)) : r;
}

/* --- stamps ----------------------------------------------------------------------------------- */

/* One that was given up matters while a handshake may carry it. */
static enum store_result forget_oldest(struct store_txn *t)
{
	uint64_t generation = 0;
	uint32_t cred = 0;
	if (kv_count(t->kv, KEY_STAGED_PAST) <= t->s->past_max)
		return STORE_OK;
	const enum store_result r =
		reader_next_time(&t->reader, KEY_STAGED_PAST, UINT64_MAX, &generation, &cred);
	return r == STORE_OK ? drop_nothing(t, KEY_STAGED_PAST, generation, cred) : gone(r);
}

/* The stamp of what is staged is given up, and the credential goes on. */
static enum store_result give_up(struct store_txn *t, uint32_t cred)
{
	struct value_staged_head h;
	enum store_result r = read_head(t, cred, &h);
	if (r == STORE_NONE || r == STORE_DAMAGED)
		return STORE_OK;
	if (r == STORE_OK)
		r = put_nothing(t, KEY_STAGED_PAST, h.generation, cred);
	return r == STORE_OK ? forget_oldest(t) : r;
}

static bool was_given_up(struct store_txn *t, uint32_t cred, uint64_t generation)
{
	const struct key k = key_time_number(generation, cred);
	struct kv_slice v;
	return kv_get(t->kv, KEY_STAGED_PAST, key_slice(&k), &v) == STORE_OK;
}

enum store_result staged_stamp(struct store_txn *t, uint32_t cred)
{
	struct store_staged s;
	enum store_result r = give_up(t, cred);
	if (r == STORE_OK)
		r = staged_read(&t->reader, cred, &s);
	if (r == STORE_OK) {
		s.generation = ++t->meta.generation;
		r = put_row(t, &s);
	} else if (r == STORE_DAMAGED) {
		r = staged_forget(t, cred);
	}
	wipe(&s, sizeof(s));
	return gone(r);
}

/* --- what another has ------------------------------------------------------------------------- */

static enum store_result drop(struct store_txn *t, uint32_t cred)
{
	const enum store_result r = give_up(t, cred);
	txn_needs_anchor(t, true); /* an older copy would bring it back */
	return r == STORE_OK ? staged_forget(t, cred) : r;
}

static enum store_result yield_part(struct store_txn *t, const struct staged_wanted *w)
{
	struct store_staged s;
	enum store_result r = STORE_OK;
	while (r == STORE_OK && (r = staged_find(&t->reader, w, &s)) == STORE_OK)
		r = drop(t, s.cred);
	wipe(&s, sizeof(s));
	return gone(r);
}

struct face {
	uint8_t kind;
	bool pinned;
	const uint8_t *pin, *identity, *key;
	size_t identity_len, key_len;
	uint32_t cred;
};

static enum store_result yield_key(
	struct store_txn *t, uint32_t cred, const uint8_t *key, size_t len)
{
	const struct staged_wanted w = {
		.part = STAGED_KEY, .octets = key, .len = len, .but = cred
	};
	return len > 0 ? yield_part(t, &w) : STORE_OK;
}

static enum store_result yield_face(struct store_txn *t, const struct face *f)
{
	const struct staged_wanted name = { .part = STAGED_IDENTITY,
		.kind = f->kind,
		.octets = f->identity,
		.len = f->identity_len,
		.but = f->cred };
	const struct staged_wanted public = { .part = STAGED_PUBLIC,
		.octets = cred_public(f->kind, f->pinned, f->identity, f->pin),
		.len = STORE_PIN_LEN,
		.but = f->cred };
	enum store_result r = yield_part(t, &name);
	if (r == STORE_OK)
		r = yield_key(t, f->cred, f->key, f->key_len);
	return r == STORE_OK && public.octets ? yield_part(t, &public) : r;
}

enum store_result staged_yield(struct store_txn *t, const struct store_cred *c)
{
	const struct store_cred_before *const b = &c->before;
	const struct face now = { .kind = c->kind,
		.pinned = c->pinned,
		.pin = c->pin,
		.identity = c->identity,
		.key = c->key,
		.identity_len = c->identity_len,
		.key_len = c->key_len,
		.cred = c->number };
	const struct face before = { .kind = c->kind,
		.pinned = b->pinned,
		.pin = b->pin,
		.identity = b->identity,
		.key = b->key,
		.identity_len = b->identity_len,
		.key_len = b->key_len,
		.cred = c->number };
	if (kv_count(t->kv, KEY_STAGED) == 0) /* as nearly always */
		return STORE_OK;
	enum store_result r = yield_face(t, &now);
	if (r == STORE_OK)
		r = yield_key(t, c->number, c->upstream_key, c->upstream_key_len);
	if (r == STORE_OK && b->generation != 0 && cred_wall_ms(t->s) < b->until_ms)
		r = yield_face(t, &before);
	return r;
}

/* --- for others of the store ------------------------------------------------------------------ */

static bool is_over(const struct store_txn *t, uint64_t until_ms)
{
	return cred_wall_ms(t->s) >= until_ms;
}

/* What staged_take() will read. */
static enum store_result may_take(struct store_txn *t, uint32_t cred)
{
	struct store_staged s;
	struct store_cred c;
	enum store_result r = store_read_staged(&t->reader, cred, &s);
	wipe(&s, sizeof(s));
	if (r == STORE_OK) {
		r = store_read_cred(&t->reader, cred, &c);
		wipe(&c, sizeof(c));
	}
	return r == STORE_NONE ? STORE_STALE : r;
}

enum store_result staged_proves(
	struct store_txn *t, uint32_t cred, uint64_t generation, bool *staged)
{
	struct value_staged_head h;
	struct store_cred_mark m;
	*staged = false;
	enum store_result r = store_read_cred_mark(&t->reader, cred, &m);
	if (r == STORE_OK && generation <= m.generation) /* what is staged is later */
		return was_given_up(t, cred, generation) ? STORE_STALE : STORE_OK;
	r = read_head(t, cred, &h);
	if (r == STORE_OK && h.generation == generation) {
		r = may_take(t, cred);
		*staged = r == STORE_OK;
		return r;
	}
	if (r != STORE_OK && r != STORE_NONE && r != STORE_DAMAGED)
		return r;
	return was_given_up(t, cred, generation) ? STORE_STALE : STORE_OK;
}

enum store_result staged_take(struct store_txn *t, uint32_t cred, uint64_t generation)
{
	struct store_staged s;
	struct store_cred c;
	enum store_result r = staged_read(&t->reader, cred, &s);
	if (r == STORE_OK) {
		r = store_read_cred(&t->reader, cred, &c);
		if (r == STORE_OK && s.generation <= c.generation)
			r = STORE_STALE; /* an older row that was put back (S20) */
		if (r == STORE_OK) {
			cred_take_face(&c, &s);
			/* What a file says is not what the device has any more. */
			const bool of_file = c.origin == STORE_BY_FILE;
			c.origin = STORE_BY_BOOTSTRAP;
			c.changed_ms = cred_wall_ms(t->s);
			r = cred_put_as(t, &c, generation);
			if (r == STORE_OK && of_file)
				r = store_note_put(t, STORE_NOTE_OF_FILE, NULL, 0);
		}
		wipe(&c, sizeof(c));
	}
	wipe(&s, sizeof(s));
	return r;
}

/* --- for others ------------------------------------------------------------------------------- */

/* STORE_OK: nobody else has anything of it, now or next. */
static enum store_result check_others(struct store_txn *t, const struct store_staged *s)
{
	const uint8_t *const public = cred_public(s->kind, s->pinned, s->identity, s->pin);
	const struct staged_wanted parts[] = {
		{ STAGED_IDENTITY, s->kind, s->identity, s->identity_len, s->cred },
		{ STAGED_KEY, s->kind, s->key, s->key_len, s->cred },
		{ STAGED_PUBLIC, s->kind, public, STORE_PIN_LEN, s->cred },
	};
	struct store_staged other;
	enum store_result r = cred_find_sharer(&t->reader, s);
	for (size_t i = 0; i < COUNT_OF(parts) && r == STORE_NONE; i++)
		if (parts[i].octets && parts[i].len > 0)
			r = staged_find(&t->reader, &parts[i], &other);
	wipe(&other, sizeof(other));
	return r == STORE_OK ? STORE_STALE : gone(r);
}

/* What may be refused; c is its credential. *same: it is what the device proves. */
static enum store_result check(
	struct store_txn *t, const struct store_staged *s, const struct store_cred *c, bool *same)
{
	struct store_cred next = *c;
	cred_take_face(&next, s);
	const bool sound = cred_is_sound(&next);
	*same = sound && cred_same_face(&next, c);
	wipe(&next, sizeof(next));
	if (!sound)
		return STORE_DAMAGED;
	if (c->state != STORE_CRED_ACTIVE || (c->until_ms != 0 && is_over(t, c->until_ms)))
		return STORE_STALE;
	return *same ? STORE_OK : check_others(t, s);
}

/* Has the device said already that it has this, in a bootstrap before? */
static bool was_armed(struct store_txn *t, const struct store_staged *s)
{
	struct store_staged old;
	struct store_cred a = { 0 }, b = { 0 };
	bool armed = store_read_staged(&t->reader, s->cred, &old) == STORE_OK && old.armed;
	if (armed) {
		cred_take_face(&a, &old);
		cred_take_face(&b, s);
		armed = cred_same_face(&a, &b);
	}
	wipe(&old, sizeof(old));
	wipe(&a, sizeof(a));
	wipe(&b, sizeof(b));
	return armed;
}

enum store_result store_stage(struct store_txn *t, struct store_staged *s)
{
	struct store_cred c;
	bool same = false;
	enum store_result r = store_read_cred(&t->reader, s->cred, &c);
	if (r == STORE_OK)
		r = check(t, s, &c, &same);
	else if (r == STORE_NONE)
		r = STORE_STALE;
	wipe(&c, sizeof(c));
	if (r != STORE_OK)
		return r;
	s->armed = was_armed(t, s);
	s->generation = 0;
	r = gone(drop(t, s->cred));
	if (r != STORE_OK || same)
		return r;
	s->generation = ++t->meta.generation;
	return put_all(t, s);
}

enum store_result store_stage_arm(struct store_txn *t, uint32_t cred, uint64_t generation)
{
	struct store_staged s;
	enum store_result r = store_read_staged(&t->reader, cred, &s);
	if (r == STORE_NONE || (r == STORE_OK && s.generation != generation))
		r = STORE_STALE;
	if (r == STORE_OK && !s.armed) {
		s.armed = true;
		r = put_row(t, &s);
	}
	wipe(&s, sizeof(s));
	return r;
}

enum store_result store_stage_drop(struct store_txn *t, uint32_t cred)
{
	struct value_staged_head h;
	const enum store_result r = read_head(t, cred, &h);
	return r == STORE_OK || r == STORE_DAMAGED ? drop(t, cred) : r;
}

enum store_result store_stage_over(struct store_txn *t, uint32_t cred, bool *taken)
{
	struct value_staged_head h;
	*taken = false;
	enum store_result r = read_head(t, cred, &h);
	if (r == STORE_OK && !is_over(t, h.until_ms))
		return STORE_NONE;
	if (r == STORE_OK && h.armed) {
		r = staged_take(t, cred, 0);
		*taken = r == STORE_OK;
		if (r != STORE_STALE && r != STORE_DAMAGED && r != STORE_NONE)
			return r;
		r = STORE_OK; /* it cannot be: then it is none */
	}
	return r == STORE_OK || r == STORE_DAMAGED ? drop(t, cred) : r;
}
