/* SPDX-License-Identifier: Apache-2.0 */
/* Resumption state: one entry for each credential, found by session id, bound to the generation.
   When there are too many, those whose device has no registration go first, then those that are too
   old to be used; nobody goes for having slept long. */
#include <string.h>

#include "base/wipe.h"
#include "store/core.h"
#include "store/row.h"
#include "store/staged.h"

/* --- reading ---------------------------------------------------------------------------------- */

static enum store_result read_row(
	struct store_reader *r, uint32_t cred, struct value_resume_head *h, struct kv_slice *rest)
{
	const struct key k = key_number(cred);
	struct kv_slice v;
	const enum store_result result = kv_get(r->kv, KEY_RESUME, key_slice(&k), &v);
	if (result != STORE_OK)
		return result;
	return value_resume_head_read(v, h, rest) ? STORE_OK : STORE_DAMAGED;
}

/* Of an entry whose credential is what it was. */
static enum store_result read_entry(struct store_reader *r, uint32_t cred, struct store_resume *out)
{
	struct row row = { .table = KEY_RESUME, .key = key_number(cred) };
	struct value_resume_head h;
	struct kv_slice rest;
	*out = (struct store_resume){ .cred = cred };
	enum store_result result = read_row(r, cred, &h, &rest);
	if (result == STORE_OK)
		result = cred_check_newest(r, cred, h.generation); /* */
	if (result == STORE_DAMAGED)
		return reader_damage(r, KEY_RESUME, cred);
	if (result != STORE_OK)
		return result;
	row.generation = out->generation = h.generation;
	(void)atomic_fetch_add(&r->s->unseals, 1);
	const bool good = row_open(&row, r->sealer, rest) &&
			  value_resume_read(row_plain(&row), out) && out->id_len == h.id_len &&
			  memcmp(out->id, h.id, h.id_len) == 0 && out->until_ms == h.until_ms;
	row_wipe(&row);
	if (good)
		return STORE_OK;
	wipe(out, sizeof(*out));
	return reader_damage(r, KEY_RESUME, cred);
}

static enum store_result whose(
	struct store_reader *r, const uint8_t *id, size_t len, uint32_t *cred)
{
	struct kv_slice v;
	if (len == 0 || len > STORE_SESSION_ID_MAX)
		return STORE_NONE;
	const struct key k = key_octets(id, len);
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = kv_get(r->kv, KEY_RESUME_ID, key_slice(&k), &v);
	if (result != STORE_OK)
		return result;
	return key_is_number(v, cred) ? STORE_OK : reader_damage(r, KEY_RESUME_ID, 0);
}

enum store_result store_find_resume(
	struct store_reader *r, const uint8_t *id, size_t len, struct store_resume *out)
{
	uint32_t cred;
	enum store_result result = whose(r, id, len, &cred);
	if (result == STORE_OK)
		result = read_entry(r, cred, out);
	if (result != STORE_OK)
		return result;
	if (out->id_len == len && memcmp(out->id, id, len) == 0)
		return STORE_OK;
	wipe(out, sizeof(*out));
	return STORE_NONE; /* the hint was old */
}

enum store_result store_resume_full_ms(struct store_reader *r, uint32_t cred, uint64_t *full_ms)
{
	struct store_resume x;
	*full_ms = 0;
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = read_entry(r, cred, &x);
	if (result != STORE_OK)
		return result;
	*full_ms = x.full_ms;
	wipe(&x, sizeof(x));
	return STORE_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

enum store_result store_resume_drop_cred(struct store_txn *t, uint32_t cred)
{
	const struct key k = key_number(cred);
	struct value_resume_head h;
	struct kv_slice rest;
	enum store_result r = read_row(&t->reader, cred, &h, &rest);
	if (r == STORE_NONE)
		return STORE_OK;
	if (r == STORE_OK) {
		const struct key id = key_octets(h.id, h.id_len);
		const struct key age = key_age(h.registered, h.until_ms, cred);
		r = gone(kv_del(t->kv, KEY_RESUME_ID, key_slice(&id)));
		if (r == STORE_OK)
			r = gone(kv_del(t->kv, KEY_RESUME_AGE, key_slice(&age)));
	} else if (r == STORE_DAMAGED) {
		r = STORE_OK;
	}
	return r == STORE_OK ? kv_del(t->kv, KEY_RESUME, key_slice(&k)) : r;
}

enum store_result store_resume_drop(struct store_txn *t, const uint8_t *id, size_t len)
{
	struct value_resume_head h;
	struct kv_slice rest;
	uint32_t cred;
	enum store_result r = whose(&t->reader, id, len, &cred);
	if (r == STORE_OK)
		r = read_row(&t->reader, cred, &h, &rest);
	if (r != STORE_OK)
		return r;
	if (h.id_len != len || memcmp(h.id, id, len) != 0)
		return STORE_NONE;
	return store_resume_drop_cred(t, cred);
}

/* Whose entry may go. STORE_FULL: nobody's. */
static enum store_result victim(struct store_txn *t, uint64_t now_ms, uint32_t *cred)
{
	const struct key registered = key_age(true, 0, 0);
	struct kv_slice k, v;
	bool is_registered;
	uint64_t until_ms;
	enum store_result r = kv_seek(t->kv, KEY_RESUME_AGE, (struct kv_slice){ "", 0 }, &k, &v);
	if (r == STORE_OK && key_is_age(k, &is_registered, &until_ms, cred) && !is_registered)
		return STORE_OK;
	if (r == STORE_OK)
		r = kv_seek(t->kv, KEY_RESUME_AGE, key_slice(&registered), &k, &v);
	if (r != STORE_OK)
		return r == STORE_NONE ? STORE_FULL : r;
	return key_is_age(k, &is_registered, &until_ms, cred) && until_ms <= now_ms ? STORE_OK
										    : STORE_FULL;
}

static enum store_result make_room(struct store_txn *t, uint32_t cred)
{
	const struct key k = key_number(cred);
	const struct store *const s = t->s;
	struct kv_slice v;
	enum store_result r = kv_get(t->kv, KEY_RESUME, key_slice(&k), &v);
	if (r != STORE_NONE)
		return r; /* it takes its own place */
	if (kv_count(t->kv, KEY_RESUME) < s->resumable_max)
		return STORE_OK;
	uint32_t whose_entry;
	const uint64_t ran_ms = clock_ms(CLOCK_BOOTTIME) - s->clock_boot_ms;
	r = victim(t, s->base_ms + ran_ms, &whose_entry);
	return r == STORE_OK ? store_resume_drop_cred(t, whose_entry) : r;
}

static enum store_result put_row(
	struct store_txn *t, const struct store_resume *x, const struct value_resume_head *h)
{
	struct row row = {
		.table = KEY_RESUME, .key = key_number(x->cred), .generation = x->generation
	};
	row.head_len = value_resume_head_write(h, row.head, sizeof(row.head));
	const uint64_t last = t->meta.generation;
	const uint64_t born = x->born != 0 && x->born < last ? x->born : last;
	row.plain_len = value_resume_write(x, born, row.plain, sizeof(row.plain));
	const enum store_result r = row_put(&row, t);
	row_wipe(&row);
	return r;
}

static enum store_result put_indices(
	struct store_txn *t, uint32_t cred, const struct value_resume_head *h)
{
	const struct key id = key_octets(h->id, h->id_len);
	const struct key age = key_age(h->registered, h->until_ms, cred);
	const struct key number = key_number(cred);
	const enum store_result r =
		kv_put(t->kv, KEY_RESUME_ID, key_slice(&id), key_slice(&number));
	if (r != STORE_OK)
		return r;
	return kv_put(t->kv, KEY_RESUME_AGE, key_slice(&age), (struct kv_slice){ "", 0 });
}

static enum store_result look_registered(struct store_txn *t, uint32_t cred, bool *out)
{
	struct store_session s;
	const enum store_result r = store_read_session(&t->reader, cred, &s);
	*out = r == STORE_OK && s.registered;
	return r == STORE_BROKEN ? r : STORE_OK;
}

/* An id is random, and so nobody else's; if it is after all, it was. */
static enum store_result take_id(struct store_txn *t, const struct store_resume *x)
{
	uint32_t other;
	const enum store_result r = whose(&t->reader, x->id, x->id_len, &other);
	if (r != STORE_OK || other == x->cred)
		return r == STORE_DAMAGED ? STORE_OK : gone(r);
	return store_resume_drop_cred(t, other);
}

enum store_result store_resume_put(struct store_txn *t, const struct store_resume *x)
{
	struct value_resume_head h = {
		.id_len = x->id_len, .generation = x->generation, .until_ms = x->until_ms
	};
	if (x->id_len == 0 || x->id_len > STORE_SESSION_ID_MAX || x->len > STORE_RESUME_MAX ||
		x->proof.len > STORE_CHAIN_MAX)
		return STORE_DAMAGED;
	if (t->s->resumable_max == 0)
		return STORE_FULL;
	memcpy(h.id, x->id, x->id_len);
	bool staged = false;
	enum store_result r = staged_proves(t, x->cred, x->generation, &staged);
	if (r == STORE_OK && !staged)
		r = cred_check_newest(&t->reader, x->cred, x->generation); /* S28 */
	if (r == STORE_OK)
		r = look_registered(t, x->cred, &h.registered);
	if (r == STORE_OK)
		r = make_room(t, x->cred);
	if (r == STORE_OK && staged)
		r = staged_take(t, x->cred, x->generation);
	if (r == STORE_OK)
		r = store_resume_drop_cred(t, x->cred);
	if (r == STORE_OK)
		r = take_id(t, x);
	if (r == STORE_OK)
		r = put_row(t, x, &h);
	return r == STORE_OK ? put_indices(t, x->cred, &h) : r;
}

/* The head is not sealed: only it and the index change. */
enum store_result resume_set_registered(struct store_txn *t, uint32_t cred, bool registered)
{
	const struct key k = key_number(cred);
	struct value_resume_head h;
	struct kv_slice rest;
	uint8_t value[ROW_MAX];
	enum store_result r = read_row(&t->reader, cred, &h, &rest);
	if (r == STORE_NONE || r == STORE_DAMAGED || (r == STORE_OK && h.registered == registered))
		return STORE_OK;
	if (r != STORE_OK)
		return r;
	const struct key before = key_age(h.registered, h.until_ms, cred);
	h.registered = registered;
	const size_t head = value_resume_head_write(&h, value, sizeof(value));
	if (rest.len > sizeof(value) - head)
		return STORE_OK; /* no row of ours is so long */
	memcpy(value + head, rest.data, rest.len);
	r = gone(kv_del(t->kv, KEY_RESUME_AGE, key_slice(&before)));
	if (r == STORE_OK)
		r = kv_put(t->kv, KEY_RESUME, key_slice(&k),
			(struct kv_slice){ value, head + rest.len });
	return r == STORE_OK ? put_indices(t, cred, &h) : r;
}
