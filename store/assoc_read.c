/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/wipe.h"
#include "store/core.h"
#include "store/row.h"

enum store_result store_find_path(
	struct store_reader *r, const struct store_path *p, uint32_t *slot)
{
	const struct key k = key_hash(store_path_hash(r->s, p));
	struct kv_slice v;
	*slot = STORE_NO_SLOT;
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = kv_get(r->kv, KEY_PATH, key_slice(&k), &v);
	if (result != STORE_OK)
		return result;
	return key_is_number(v, slot) ? STORE_OK : reader_damage(r, KEY_PATH, 0);
}

/* What is in the clear must be what was sealed (S20). */
static bool is_as_sealed(
	const struct store *s, const struct value_assoc_head *h, const struct store_assoc *a)
{
	if (h->has_cid && h->cid != store_cid_hash(s, a->cid, a->cid_len))
		return false;
	return h->has_cid == (a->cid_len > 0) && a->cred == h->cred && a->born == h->born &&
	       store_path_hash(s, &a->path) == h->path;
}

/* STORE_NONE: there is none. id, cred, generation: from the head. */
static enum store_result open_base(
	struct store_reader *r, struct store_assoc *a, const struct row *at, struct row *row)
{
	struct value_assoc_head h;
	struct kv_slice v, rest;
	*row = *at;
	const enum store_result result = kv_get(r->kv, KEY_ASSOC, key_slice(&row->key), &v);
	if (result != STORE_OK)
		return result;
	if (!value_assoc_head_read(v, &h, &rest))
		return STORE_DAMAGED;
	memcpy(a->id, h.id, sizeof(a->id));
	memcpy(row->assoc, h.id, sizeof(row->assoc));
	a->generation = row->generation = h.generation;
	(void)atomic_fetch_add(&r->s->unseals, 1);
	if (!row_open(row, r->sealer, rest) || !value_assoc_read(row_plain(row), a))
		return STORE_DAMAGED;
	return is_as_sealed(r->s, &h, a) ? STORE_OK : STORE_DAMAGED;
}

enum store_result assoc_open(struct store_reader *r, struct store_assoc *a)
{
	const struct row at = { .table = KEY_ASSOC, .key = key_number(a->slot) };
	struct row row;
	const enum store_result result = open_base(r, a, &at, &row);
	row_wipe(&row);
	return result == STORE_DAMAGED ? reader_damage(r, KEY_ASSOC, a->slot) : result;
}

/* What of the slot is good (S1, S15). */
static void add_slot(const struct store *s, const struct value_lease *l, struct store_assoc *a)
{
	const struct slot *const slot = hot_at(s->parts.hot, a->slot);
	const bool loads = slot && slot_load(slot, &s->slot_key, a->slot, a->id, &a->state);
	if (!loads) {
		a->state = (struct slot_state){ 0 };
		if (a->trust == STORE_EXACT)
			a->trust = STORE_LAPSED;
	}
	/* S3: of numbers only those that this incarnation took; none until it has. */
	if (!a->leased || !loads)
		a->state.sent = (uint32_t)l->write_end;
	else if (a->state.sent < l->begin)
		a->state.sent = (uint32_t)l->begin;
	a->read_end = l->read_end;
	/* Records above what was seen came without a bound: from here on there is to be one (S11).
	   Where it is not known what was seen, there can be none. */
	if (s->read_ceilings && l->read_end == UINT64_MAX && a->trust == STORE_EXACT)
		a->read_end = a->state.edge;
}

enum store_result store_read_assoc(struct store_reader *r, uint32_t slot, struct store_assoc *out)
{
	struct value_lease l;
	*out = (struct store_assoc){ .slot = slot };
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = assoc_open(r, out);
	if (result == STORE_OK) {
		result = lease_read(r, slot, &l);
		/* Without its lease its numbers are not known. */
		if (result == STORE_NONE ||
			(result == STORE_OK && memcmp(l.id, out->id, sizeof(l.id)) != 0))
			result = reader_damage(r, KEY_LEASE, slot);
	}
	if (result != STORE_OK) {
		wipe(out, sizeof(*out));
		return result;
	}
	out->write_end = l.write_end;
	out->leased = l.incarnation == r->s->start.incarnation;
	out->trust = lease_trust(r->s, &l);
	add_slot(r->s, &l, out);
	return STORE_OK;
}

/* An index row is a hint: the head says whose the association is. */
static bool is_of(struct store_reader *r, uint32_t slot, uint32_t cred)
{
	const struct key k = key_number(slot);
	struct value_assoc_head h;
	struct kv_slice v, rest;
	return kv_get(r->kv, KEY_ASSOC, key_slice(&k), &v) == STORE_OK &&
	       value_assoc_head_read(v, &h, &rest) && h.cred == cred;
}

enum store_result store_next_assoc_of(
	struct store_reader *r, uint32_t cred, uint32_t *at, uint32_t *slot)
{
	enum store_result result = reader_ready(r);
	*slot = STORE_NO_SLOT;
	while (result == STORE_OK) {
		const struct key from = key_pair(cred, *at);
		struct kv_slice k, v;
		uint32_t of;
		result = kv_seek(r->kv, KEY_ASSOC_OF, key_slice(&from), &k, &v);
		if (result != STORE_OK)
			break;
		if (!key_is_pair(k, &of, slot) || of != cred)
			return STORE_NONE;
		*at = *slot + 1;
		if (is_of(r, *slot, cred))
			return STORE_OK;
	}
	return result;
}
