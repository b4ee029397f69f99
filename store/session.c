/* SPDX-License-Identifier: Apache-2.0 */
/* The session of a credential: its registration, its deadline, its two associations. */
#include <string.h>

#include "store/core.h"
#include "store/row.h"

static bool has_deadline(const struct value_session_head *h)
{
	return h->expires_ms != 0 && h->expires_ms != UINT64_MAX;
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum store_result open_value(
	struct store_reader *r, uint32_t cred, struct kv_slice v, struct store_session *out)
{
	struct row row = { .table = KEY_SESSION, .key = key_number(cred) };
	struct value_session_head h;
	struct kv_slice rest;
	*out = (struct store_session){ .cred = cred };
	(void)atomic_fetch_add(&r->s->unseals, 1);
	const bool good = value_session_head_read(v, &h, &rest) &&
			  row_open(&row, r->sealer, rest) &&
			  value_session_read(row_plain(&row), out) &&
			  out->expires_ms == h.expires_ms && out->registered == h.registered;
	row_wipe(&row);
	if (good)
		return STORE_OK;
	*out = (struct store_session){ .cred = cred };
	return reader_damage(r, KEY_SESSION, cred);
}

enum store_result store_read_session(
	struct store_reader *r, uint32_t cred, struct store_session *out)
{
	const struct key k = key_number(cred);
	struct kv_slice v;
	*out = (struct store_session){ .cred = cred };
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = kv_get(r->kv, KEY_SESSION, key_slice(&k), &v);
	return result == STORE_OK ? open_value(r, cred, v, out) : result;
}

enum store_result store_next_session(
	struct store_reader *r, uint32_t *cred, struct store_session *out)
{
	struct kv_slice v;
	enum store_result result = reader_ready(r);
	while (result == STORE_OK) {
		result = reader_next(r, KEY_SESSION, cred, &v);
		if (result == STORE_OK && open_value(r, *cred, v, out) == STORE_OK)
			return STORE_OK;
	}
	return result;
}

enum store_result store_next_session_number(struct store_reader *r, uint32_t *cred)
{
	struct kv_slice v;
	const enum store_result result = reader_ready(r);
	return result == STORE_OK ? reader_next(r, KEY_SESSION, cred, &v) : result;
}

enum store_result store_next_deadline(
	struct store_reader *r, uint64_t until_ms, uint64_t *after_ms, uint32_t *after_cred)
{
	return reader_next_time(r, KEY_DEADLINE, until_ms, after_ms, after_cred);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* STORE_NONE: there was none. Its head, zero when it is damaged. */
static enum store_result old_head(
	struct store_txn *t, uint32_t cred, struct value_session_head *out)
{
	const struct key k = key_number(cred);
	struct kv_slice v, rest;
	*out = (struct value_session_head){ 0 };
	const enum store_result r = kv_get(t->kv, KEY_SESSION, key_slice(&k), &v);
	if (r == STORE_OK && !value_session_head_read(v, out, &rest))
		*out = (struct value_session_head){ 0 };
	return r;
}

static enum store_result drop_deadline(
	struct store_txn *t, uint32_t cred, const struct value_session_head *h)
{
	if (!has_deadline(h))
		return STORE_OK;
	const struct key k = key_time_number(h->expires_ms, cred);
	const enum store_result r = kv_del(t->kv, KEY_DEADLINE, key_slice(&k));
	return r == STORE_NONE ? STORE_OK : r;
}

static enum store_result put_row(
	struct store_txn *t, const struct store_session *s, const struct value_session_head *h)
{
	struct row row = { .table = KEY_SESSION, .key = key_number(s->cred) };
	row.head_len = value_session_head_write(h, row.head, sizeof(row.head));
	row.plain_len = value_session_write(s, row.plain, sizeof(row.plain));
	const enum store_result r = row_put(&row, t);
	row_wipe(&row);
	return r;
}

enum store_result store_session_put(struct store_txn *t, const struct store_session *s)
{
	const struct value_session_head h = { s->expires_ms, s->registered };
	struct value_session_head old;
	enum store_result r = old_head(t, s->cred, &old);
	if (r != STORE_OK && r != STORE_NONE)
		return r;
	r = old.expires_ms != h.expires_ms ? drop_deadline(t, s->cred, &old) : STORE_OK;
	if (r == STORE_OK)
		r = put_row(t, s, &h);
	if (r == STORE_OK && has_deadline(&h)) {
		const struct key k = key_time_number(h.expires_ms, s->cred);
		r = kv_put(t->kv, KEY_DEADLINE, key_slice(&k), (struct kv_slice){ "", 0 });
	}
	if (r == STORE_OK && h.registered != old.registered)
		r = resume_set_registered(t, s->cred, h.registered);
	return r;
}

static enum store_result drop_assocs(struct store_txn *t, uint32_t cred)
{
	uint32_t at = 0, slot;
	enum store_result r;
	while ((r = store_next_assoc_of(&t->reader, cred, &at, &slot)) == STORE_OK) {
		r = assoc_remove(t, slot);
		if (r != STORE_OK)
			return r;
	}
	return r == STORE_NONE ? STORE_OK : r;
}

enum store_result store_session_drop(struct store_txn *t, uint32_t cred)
{
	const struct key k = key_number(cred);
	struct value_session_head old;
	const enum store_result had = old_head(t, cred, &old);
	if (had != STORE_OK && had != STORE_NONE)
		return had;
	enum store_result r = drop_deadline(t, cred, &old);
	if (r == STORE_OK)
		r = drop_assocs(t, cred);
	if (r == STORE_OK && had == STORE_OK)
		r = kv_del(t->kv, KEY_SESSION, key_slice(&k));
	if (r == STORE_OK && old.registered)
		r = resume_set_registered(t, cred, false);
	return r == STORE_OK ? had : r;
}
