/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/wipe.h"
#include "store/core.h"
#include "store/cred_row.h"
#include "store/row.h"
#include "store/staged.h"
#include "store/staging.h"

static enum store_result open_value(
	struct store_reader *r, uint32_t cred, struct kv_slice v, struct store_staged *out)
{
	struct row row = { .table = KEY_STAGED, .key = key_number(cred) };
	struct value_staged_head h;
	struct kv_slice rest;
	bool good = value_staged_head_read(v, &r->s->mac, cred, &h, &rest);
	row.generation = h.generation;
	(void)atomic_fetch_add(&r->s->unseals, 1);
	good = good && row_open(&row, r->sealer, rest) && value_staged_read(row_plain(&row), out);
	row_wipe(&row);
	if (!good) {
		wipe(out, sizeof(*out));
		return reader_damage(r, KEY_STAGED, cred);
	}
	out->generation = h.generation;
	out->until_ms = h.until_ms;
	out->armed = h.armed;
	return STORE_OK;
}

enum store_result staged_read(struct store_reader *r, uint32_t cred, struct store_staged *out)
{
	const struct key k = key_number(cred);
	struct kv_slice v;
	*out = (struct store_staged){ .cred = cred };
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = kv_get(r->kv, KEY_STAGED, key_slice(&k), &v);
	return result == STORE_OK ? open_value(r, cred, v, out) : result;
}

enum store_result store_read_staged(struct store_reader *r, uint32_t cred, struct store_staged *out)
{
	const uint64_t wall_ms = cred_wall_ms(r->s);
	struct store_cred_mark m;
	*out = (struct store_staged){ .cred = cred };
	enum store_result result = store_read_cred_mark(r, cred, &m);
	if (result == STORE_OK && (!m.active || (m.until_ms != 0 && wall_ms >= m.until_ms)))
		result = STORE_NONE;
	if (result == STORE_OK)
		result = staged_read(r, cred, out);
	/* One that is not later is an older row that was put back (S20). */
	if (result == STORE_OK && (wall_ms >= out->until_ms || out->generation <= m.generation))
		result = STORE_NONE;
	if (result != STORE_OK)
		wipe(out, sizeof(*out));
	return result;
}

/* --- by name ---------------------------------------------------------------------------------- */

static bool same_octets(const struct staged_wanted *w, const uint8_t *octets, size_t len)
{
	return len == w->len && same_secret(octets, w->octets, len);
}

static bool is_it(const struct staged_wanted *w, const struct store_staged *s)
{
	const uint8_t *const public = cred_public(s->kind, s->pinned, s->identity, s->pin);
	if (w->part == STAGED_IDENTITY)
		return s->kind == w->kind && same_octets(w, s->identity, s->identity_len);
	if (w->part == STAGED_KEY)
		return same_octets(w, s->key, s->key_len);
	return public && same_octets(w, public, STORE_PIN_LEN);
}

static uint64_t hash_of(const struct store *s, const struct staged_wanted *w)
{
	if (w->part == STAGED_IDENTITY)
		return cred_staged_identity_hash(
			s, (enum store_cred_kind)w->kind, w->octets, w->len);
	if (w->part == STAGED_KEY)
		return cred_staged_key_hash(s, w->octets, w->len);
	return cred_staged_public_hash(s, w->octets);
}

enum store_result staged_find(
	struct store_reader *r, const struct staged_wanted *w, struct store_staged *out)
{
	const uint64_t hash = hash_of(r->s, w);
	uint32_t number = 0;
	*out = (struct store_staged){ 0 };
	enum store_result result = reader_ready(r);
	while (result == STORE_OK) {
		result = cred_next_hint(r, hash, &number);
		if (result == STORE_OK && number != w->but &&
			staged_read(r, number, out) == STORE_OK && is_it(w, out))
			return STORE_OK;
	}
	wipe(out, sizeof(*out));
	return result;
}

enum store_result store_find_staged(struct store_reader *r, enum store_cred_kind kind,
	const uint8_t *identity, size_t len, struct store_staged *out)
{
	const struct staged_wanted w = {
		.part = STAGED_IDENTITY, .kind = (uint8_t)kind, .octets = identity, .len = len
	};
	const enum store_result result = staged_find(r, &w, out);
	return result == STORE_OK ? store_read_staged(r, out->cred, out) : result;
}

enum store_result store_next_staged_end(
	struct store_reader *r, uint64_t wall_ms, uint64_t *after_ms, uint32_t *after_cred)
{
	return reader_next_time(r, KEY_STAGED_END, wall_ms, after_ms, after_cred);
}
