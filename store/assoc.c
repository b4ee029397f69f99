/* SPDX-License-Identifier: Apache-2.0 */
/* A security association: its sealed row, its lease, its slot, and the two indices that lead to it.
   */
#include <string.h>

#include "store/core.h"
#include "store/derive.h"
#include "store/row.h"

uint64_t store_path_hash(const struct store *s, const struct store_path *p)
{
	uint8_t octets[VALUE_PATH_MAX];
	const size_t len = value_path_write(p, octets);
	return sip_hash(&s->path_key, octets, len);
}

/* --- slots ------------------------------------------------------------------------------------ */

struct choice {
	uint32_t slot;
	bool reused;
	struct key free; /* then: of its row among the free ones */
};

/* The one that is free for longest, if it became so in an earlier transaction (S15); else a new
   one. Changes nothing but the length of the file of slots. */
static enum store_result choose_slot(struct store_txn *t, struct choice *c)
{
	struct kv_slice k, v;
	uint64_t txn;
	*c = (struct choice){ .slot = t->meta.slots };
	const enum store_result r = kv_seek(t->kv, KEY_FREE, (struct kv_slice){ "", 0 }, &k, &v);
	if (r != STORE_OK && r != STORE_NONE)
		return r;
	uint32_t slot;
	if (r == STORE_OK && key_is_time_number(k, &txn, &slot) && txn < t->meta.txn &&
		slot < t->meta.slots) {
		c->reused = true;
		c->slot = slot;
		c->free = key_octets(k.data, k.len);
	}
	const bool good = c->slot < HOT_SLOTS_MAX && hot_grow(t->s->parts.hot, c->slot + 1);
	return good ? STORE_OK : STORE_FULL;
}

static enum store_result take_slot(struct store_txn *t, const struct choice *c)
{
	if (c->reused)
		return kv_del(t->kv, KEY_FREE, key_slice(&c->free));
	t->meta.slots = c->slot + 1;
	return STORE_OK;
}

/* --- rows ------------------------------------------------------------------------------------- */

static enum store_result put_nothing(struct store_txn *t, unsigned table, const struct key *k)
{
	return kv_put(t->kv, table, key_slice(k), (struct kv_slice){ "", 0 });
}

static enum store_result put_base(struct store_txn *t, const struct store_assoc *a)
{
	struct value_assoc_head h = { .cred = a->cred,
		.generation = a->generation,
		.path = store_path_hash(t->s, &a->path) };
	struct row row = {
		.table = KEY_ASSOC, .key = key_number(a->slot), .generation = a->generation
	};
	memcpy(h.id, a->id, sizeof(h.id));
	memcpy(row.assoc, a->id, sizeof(row.assoc));
	row.head_len = value_assoc_head_write(&h, row.head, sizeof(row.head));
	row.plain_len = value_assoc_write(a, row.plain, sizeof(row.plain));
	const enum store_result r = row_put(&row, t);
	row_wipe(&row);
	return r;
}

static enum store_result put_indices(struct store_txn *t, const struct store_assoc *a)
{
	const struct key path = key_hash(store_path_hash(t->s, &a->path));
	const struct key of = key_pair(a->cred, a->slot);
	const struct key slot = key_number(a->slot);
	const enum store_result r = kv_put(t->kv, KEY_PATH, key_slice(&path), key_slice(&slot));
	return r == STORE_OK ? put_nothing(t, KEY_ASSOC_OF, &of) : r;
}

/* Good enough: what is not there need not be deleted. */
static enum store_result gone(enum store_result r)
{
	return r == STORE_NONE ? STORE_OK : r;
}

static enum store_result drop_path(struct store_txn *t, uint64_t hash, uint32_t slot)
{
	const struct key k = key_hash(hash);
	struct kv_slice v;
	uint32_t points;
	const enum store_result r = kv_get(t->kv, KEY_PATH, key_slice(&k), &v);
	if (r != STORE_OK)
		return gone(r);
	if (!key_is_number(v, &points) || points != slot)
		return STORE_OK; /* another association's by now */
	return gone(kv_del(t->kv, KEY_PATH, key_slice(&k)));
}

static enum store_result read_head(struct store_txn *t, uint32_t slot, struct value_assoc_head *out)
{
	const struct key k = key_number(slot);
	struct kv_slice v, rest;
	const enum store_result r = kv_get(t->kv, KEY_ASSOC, key_slice(&k), &v);
	if (r != STORE_OK)
		return r;
	return value_assoc_head_read(v, out, &rest) ? STORE_OK : STORE_DAMAGED;
}

enum store_result assoc_remove(struct store_txn *t, uint32_t slot)
{
	const struct key k = key_number(slot);
	const struct key free = key_time_number(t->meta.txn, slot);
	struct value_assoc_head h;
	enum store_result r = read_head(t, slot, &h);
	if (r == STORE_OK) {
		const struct key of = key_pair(h.cred, slot);
		r = drop_path(t, h.path, slot);
		if (r == STORE_OK)
			r = gone(kv_del(t->kv, KEY_ASSOC_OF, key_slice(&of)));
	} else if (r == STORE_DAMAGED) {
		r = STORE_OK; /* indices that lead nowhere are harmless */
	}
	if (r == STORE_OK)
		r = kv_del(t->kv, KEY_ASSOC, key_slice(&k));
	if (r == STORE_OK)
		r = gone(kv_del(t->kv, KEY_LEASE, key_slice(&k)));
	return r == STORE_OK ? put_nothing(t, KEY_FREE, &free) : r;
}

/* --- for others ------------------------------------------------------------------------------- */

static enum store_result remove_same_path(struct store_txn *t, const struct store_path *p)
{
	const struct key k = key_hash(store_path_hash(t->s, p));
	struct kv_slice v;
	uint32_t slot;
	const enum store_result r = kv_get(t->kv, KEY_PATH, key_slice(&k), &v);
	if (r != STORE_OK || !key_is_number(v, &slot))
		return gone(r);
	return gone(assoc_remove(t, slot));
}

static bool begin_slot(const struct store *s, const struct store_assoc *a, uint64_t owner)
{
	struct slot *const slot = hot_at(s->parts.hot, a->slot);
	if (!slot)
		return false;
	slot_init(slot, &s->slot_key, a->slot, a->id, &a->state);
	return slot_take(slot, owner);
}

enum store_result store_assoc_put(struct store_txn *t, struct store_assoc *a, uint64_t owner)
{
	struct choice c;
	if (a->context_len > STORE_CONTEXT_MAX || a->path.role > STORE_LINK)
		return STORE_DAMAGED;
	enum store_result r = cred_check(&t->reader, a->cred, a->generation); /* S28 */
	if (r == STORE_OK)
		r = choose_slot(t, &c);
	if (r != STORE_OK)
		return r;
	a->slot = c.slot;
	if (!derive_random(a->id, sizeof(a->id)) || !begin_slot(t->s, a, owner))
		return STORE_BROKEN;
	struct value_lease l = { 0 };
	memcpy(l.id, a->id, sizeof(l.id));
	lease_first(&l, t);
	r = remove_same_path(t, &a->path);
	if (r == STORE_OK)
		r = take_slot(t, &c);
	if (r == STORE_OK)
		r = put_base(t, a);
	if (r == STORE_OK)
		r = lease_put(t, a->slot, &l);
	if (r == STORE_OK)
		r = put_indices(t, a);
	a->write_end = l.write_end;
	a->read_end = l.read_end;
	a->leased = r == STORE_OK;
	a->trust = STORE_EXACT;
	return r;
}

enum store_result store_assoc_rewrite(struct store_txn *t, const struct store_assoc *a)
{
	struct value_assoc_head h;
	if (a->context_len > STORE_CONTEXT_MAX)
		return STORE_DAMAGED;
	const enum store_result r = read_head(t, a->slot, &h);
	if (r == STORE_NONE)
		return STORE_STALE;
	if (r != STORE_OK)
		return r;
	if (memcmp(h.id, a->id, sizeof(h.id)) != 0 || h.cred != a->cred ||
		h.generation != a->generation || h.path != store_path_hash(t->s, &a->path))
		return STORE_STALE;
	return put_base(t, a);
}

enum store_result store_assoc_drop(struct store_txn *t, uint32_t slot, const uint8_t id[SLOT_ID])
{
	struct value_assoc_head h;
	const enum store_result r = read_head(t, slot, &h);
	if (r == STORE_NONE || (r == STORE_OK && memcmp(h.id, id, sizeof(h.id)) != 0))
		return STORE_NONE;
	if (r != STORE_OK && r != STORE_DAMAGED)
		return r;
	return assoc_remove(t, slot);
}
