/* SPDX-License-Identifier: Apache-2.0 */
/* A security association: its sealed row, its lease, its slot, and the indices that lead to it. */
#include <string.h>

#include "base/wipe.h"
#include "store/core.h"
#include "store/derive.h"
#include "store/row.h"
#include "store/staged.h"

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

enum store_result assoc_save(struct store_txn *t, const struct store_assoc *a)
{
	struct value_assoc_head h = { .cred = a->cred,
		.generation = a->generation,
		.born = a->born,
		.path = store_path_hash(t->s, &a->path),
		.has_cid = a->cid_len > 0 };
	struct row row = {
		.table = KEY_ASSOC, .key = key_number(a->slot), .generation = a->generation
	};
	if (h.has_cid)
		h.cid = store_cid_hash(t->s, a->cid, a->cid_len);
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
	const struct key of = key_pair(a->cred, a->slot);
	enum store_result r = path_take(t, a);
	if (r == STORE_OK)
		r = cid_put(t, a);
	return r == STORE_OK ? put_nothing(t, KEY_ASSOC_OF, &of) : r;
}

enum store_result assoc_head(struct store_txn *t, uint32_t slot, struct value_assoc_head *out)
{
	const struct key k = key_number(slot);
	struct kv_slice v, rest;
	const enum store_result r = kv_get(t->kv, KEY_ASSOC, key_slice(&k), &v);
	if (r != STORE_OK)
		return r;
	return value_assoc_head_read(v, out, &rest) ? STORE_OK : STORE_DAMAGED;
}

static enum store_result drop_indices(
	struct store_txn *t, uint32_t slot, const struct value_assoc_head *h)
{
	const struct key of = key_pair(h->cred, slot);
	enum store_result r = path_leave(t, h->path, slot);
	struct store_assoc a = { .slot = slot };
	if (r == STORE_OK && h->has_cid && assoc_open(&t->reader, &a) == STORE_OK)
		r = candidate_leave(t, &a);
	wipe(&a, sizeof(a));
	if (r == STORE_OK && h->has_cid)
		r = cid_rest(t, h->cid, slot);
	return r == STORE_OK ? gone(kv_del(t->kv, KEY_ASSOC_OF, key_slice(&of))) : r;
}

enum store_result assoc_remove(struct store_txn *t, uint32_t slot)
{
	const struct key k = key_number(slot);
	const struct key free = key_time_number(t->meta.txn, slot);
	struct value_assoc_head h;
	enum store_result r = assoc_head(t, slot, &h);
	if (r == STORE_OK)
		r = verdict_leave(t, h.cred, slot);
	if (r == STORE_OK)
		r = drop_indices(t, slot, &h);
	else if (r == STORE_DAMAGED)
		r = STORE_OK; /* indices that lead nowhere are harmless */
	if (r == STORE_OK)
		r = kv_del(t->kv, KEY_ASSOC, key_slice(&k));
	if (r == STORE_OK)
		r = gone(kv_del(t->kv, KEY_LEASE, key_slice(&k)));
	if (r == STORE_OK)
		r = cid_tidy(t);
	return r == STORE_OK ? put_nothing(t, KEY_FREE, &free) : r;
}

/* --- for others ------------------------------------------------------------------------------- */

static bool begin_slot(const struct store *s, const struct store_assoc *a, uint64_t owner)
{
	struct slot *const slot = hot_at(s->parts.hot, a->slot);
	if (!slot)
		return false;
	slot_init(slot, &s->slot_key, a->slot, a->id, &a->state);
	return slot_take(slot, owner);
}

/* What may be refused; then, what is learned by its first use (S31). */
static enum store_result check(struct store_txn *t, const struct store_assoc *a, struct choice *c)
{
	bool staged = false;
	if (a->context_len > STORE_CONTEXT_MAX || a->cid_len > STORE_CID_MAX ||
		a->proof.len > STORE_CHAIN_MAX || a->path.role > STORE_LINK ||
		a->candidate.role > STORE_LINK)
		return STORE_DAMAGED;
	enum store_result r = STORE_OK;
	if (a->path.role == STORE_DEVICE)
		r = staged_proves(t, a->cred, a->generation, &staged);
	if (r == STORE_OK && !staged)
		r = cred_check(&t->reader, a->cred, a->generation); /* S28 */
	if (r == STORE_OK)
		r = cid_check(t, a); /* S25 */
	if (r == STORE_OK)
		r = choose_slot(t, c);
	return r == STORE_OK && staged ? staged_take(t, a->cred, a->generation) : r;
}

static enum store_result put_rows(
	struct store_txn *t, const struct store_assoc *a, const struct value_lease *l)
{
	enum store_result r = assoc_save(t, a);
	if (r == STORE_OK)
		r = lease_put(t, a->slot, l);
	return r == STORE_OK ? put_indices(t, a) : r;
}

enum store_result store_assoc_put(struct store_txn *t, struct store_assoc *a, uint64_t owner)
{
	struct choice c;
	enum store_result r = check(t, a, &c);
	if (r != STORE_OK)
		return r;
	a->slot = c.slot;
	a->path_ms = store_now(t->s);
	if (a->born == 0 || a->born > t->meta.generation)
		a->born = t->meta.generation;
	if (!derive_random(a->id, sizeof(a->id)) || !begin_slot(t->s, a, owner))
		return STORE_BROKEN;
	struct value_lease l = { 0 };
	memcpy(l.id, a->id, sizeof(l.id));
	lease_first(&l, t);
	r = path_clear(t, a);
	if (r == STORE_OK && a->path.role == STORE_DEVICE)
		r = verdict_drop(t, a->cred);
	if (r == STORE_OK)
		r = cid_tidy(t);
	if (r == STORE_OK)
		r = take_slot(t, &c);
	if (r == STORE_OK)
		r = put_rows(t, a, &l);
	a->write_end = l.write_end;
	a->read_end = l.read_end;
	a->leased = r == STORE_OK;
	a->trust = STORE_EXACT;
	return r;
}

/* Where it is and what it is called stays as the row has it. */
static enum store_result rewrite(
	struct store_txn *t, struct store_assoc *row, const struct store_assoc *a)
{
	const enum store_result r = assoc_open(&t->reader, row);
	if (r != STORE_OK)
		return r;
	row->context_len = a->context_len;
	memcpy(row->context, a->context, a->context_len);
	return assoc_save(t, row);
}

enum store_result store_assoc_rewrite(struct store_txn *t, const struct store_assoc *a)
{
	struct store_assoc row = { .slot = a->slot };
	struct value_assoc_head h;
	if (a->context_len > STORE_CONTEXT_MAX)
		return STORE_DAMAGED;
	enum store_result r = assoc_head(t, a->slot, &h);
	if (r == STORE_NONE)
		return STORE_STALE;
	if (r != STORE_OK)
		return r;
	if (memcmp(h.id, a->id, sizeof(h.id)) != 0 || h.cred != a->cred ||
		h.generation != a->generation)
		return STORE_STALE;
	r = rewrite(t, &row, a);
	wipe(&row, sizeof(row));
	return r;
}

enum store_result store_assoc_drop(struct store_txn *t, uint32_t slot, const uint8_t id[SLOT_ID])
{
	struct value_assoc_head h;
	const enum store_result r = assoc_head(t, slot, &h);
	if (r == STORE_NONE || (r == STORE_OK && memcmp(h.id, id, sizeof(h.id)) != 0))
		return STORE_NONE;
	if (r != STORE_OK && r != STORE_DAMAGED)
		return r;
	return assoc_remove(t, slot);
}
