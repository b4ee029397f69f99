/* SPDX-License-Identifier: Apache-2.0 */
/* Where associations are: the index of their paths, and how one moves.
 *
 * One without a CID is found by its path only, so the index leads to it wherever it is. Of those
 * with a CID several may be at one path, and none needs the index but to be found there when a
 * handshake shows that the path is another's: it leads to the one that came last, and to none of
 * them while one without a CID is there, who must stay findable.
 */
#include <string.h>

#include "base/wipe.h"
#include "store/core.h"

uint64_t store_path_hash(const struct store *s, const struct store_path *p)
{
	uint8_t octets[VALUE_PATH_MAX];
	const size_t len = value_path_write(p, octets);
	return sip_hash(&s->path_key, octets, len);
}

/* --- the index -------------------------------------------------------------------------------- */

static enum store_result who_is_at(struct store_txn *t, uint64_t hash, uint32_t *slot)
{
	const struct key k = key_hash(hash);
	struct kv_slice v;
	*slot = STORE_NO_SLOT;
	const enum store_result r = kv_get(t->kv, KEY_PATH, key_slice(&k), &v);
	if (r != STORE_OK)
		return r;
	return key_is_number(v, slot) ? STORE_OK : STORE_NONE; /* it leads nowhere */
}

static bool moves_freely(const struct store_assoc *a)
{
	return a->cid_len > 0 && a->path.role == STORE_DEVICE;
}

/* Is somebody without a CID there? */
static bool is_needed(struct store_txn *t, uint64_t hash)
{
	struct value_assoc_head h;
	uint32_t slot;
	return who_is_at(t, hash, &slot) == STORE_OK && assoc_head(t, slot, &h) == STORE_OK &&
	       h.path == hash && !h.has_cid;
}

enum store_result path_take(struct store_txn *t, const struct store_assoc *a)
{
	const uint64_t hash = store_path_hash(t->s, &a->path);
	const struct key path = key_hash(hash);
	const struct key slot = key_number(a->slot);
	if (moves_freely(a) && is_needed(t, hash))
		return STORE_OK;
	return kv_put(t->kv, KEY_PATH, key_slice(&path), key_slice(&slot));
}

enum store_result path_leave(struct store_txn *t, uint64_t hash, uint32_t slot)
{
	const struct key k = key_hash(hash);
	uint32_t points;
	const enum store_result r = who_is_at(t, hash, &points);
	if (r != STORE_OK || points != slot)
		return gone(r); /* another association's by now */
	return gone(kv_del(t->kv, KEY_PATH, key_slice(&k)));
}

/* A candidate takes nobody's place: it is there so that a look at the path finds somebody (S27). */
static enum store_result candidate_take(struct store_txn *t, const struct store_assoc *a)
{
	uint32_t slot;
	if (a->candidate.peer.family == 0)
		return STORE_OK;
	const uint64_t hash = store_path_hash(t->s, &a->candidate);
	const struct key path = key_hash(hash), number = key_number(a->slot);
	const enum store_result r = who_is_at(t, hash, &slot);
	return r == STORE_NONE ? kv_put(t->kv, KEY_PATH, key_slice(&path), key_slice(&number)) : r;
}

enum store_result candidate_leave(struct store_txn *t, const struct store_assoc *a)
{
	if (a->candidate.peer.family == 0)
		return STORE_OK;
	return path_leave(t, store_path_hash(t->s, &a->candidate), a->slot);
}

/* --- a new one -------------------------------------------------------------------------------- */

static enum store_result set_adrift(struct store_txn *t, uint32_t slot)
{
	struct store_assoc a = { .slot = slot };
	enum store_result r = assoc_open(&t->reader, &a);
	if (r == STORE_OK && !a.adrift) {
		a.adrift = true;
		r = assoc_save(t, &a);
	}
	wipe(&a, sizeof(a));
	return r == STORE_DAMAGED ? STORE_OK : gone(r); /* then it is taken as absent */
}

enum store_result path_clear(struct store_txn *t, const struct store_assoc *a)
{
	const uint64_t hash = store_path_hash(t->s, &a->path);
	struct value_assoc_head h;
	uint32_t slot;
	enum store_result r = who_is_at(t, hash, &slot);
	if (r != STORE_OK)
		return gone(r);
	r = assoc_head(t, slot, &h);
	if (r == STORE_DAMAGED)
		return gone(assoc_remove(t, slot));
	if (r != STORE_OK || h.path != hash)
		return gone(r);
	if (!h.has_cid || a->path.role == STORE_LINK)
		return gone(assoc_remove(t, slot));
	/* An earlier one of the same device is its session's to drop. */
	return h.cred == a->cred ? STORE_OK : set_adrift(t, slot);
}

/* --- moving ----------------------------------------------------------------------------------- */

bool store_path_same(const struct store_path *a, const struct store_path *b)
{
	return a->role == b->role && net_addr_same(&a->peer, &b->peer) &&
	       net_addr_same(&a->local, &b->local);
}

/* It was elsewhere until now. */
static void go(struct store_assoc *row, const struct store_path *to, uint64_t now_ms)
{
	memmove(row->stays + 1, row->stays, (STORE_STAYS - 1) * sizeof(row->stays[0]));
	row->stays[0] = (struct store_stay){ .peer = row->path.peer, .since_ms = row->path_ms };
	row->path = *to;
	row->path_ms = now_ms;
	if (row->moves < UINT32_MAX)
		row->moves++;
}

/* *row is as it was. */
static enum store_result move(
	struct store_txn *t, struct store_assoc *row, const struct store_assoc *to)
{
	const bool stays = store_path_same(&row->path, &to->path);
	const bool back = row->adrift && !to->adrift;
	const bool has_candidate = to->candidate.peer.family != 0;
	enum store_result r = STORE_OK;
	if (stays && row->adrift == to->adrift && store_path_same(&row->candidate, &to->candidate))
		return STORE_OK;
	if (!store_path_same(&row->candidate, &to->candidate))
		r = candidate_leave(t, row);
	if (r == STORE_OK && !stays) {
		r = path_leave(t, store_path_hash(t->s, &row->path), row->slot);
		go(row, &to->path, store_now(t->s));
	}
	row->adrift = to->adrift;
	row->candidate = has_candidate ? to->candidate : (struct store_path){ 0 };
	if (r == STORE_OK)
		r = assoc_save(t, row);
	if (r == STORE_OK && !row->adrift && (!stays || back))
		r = path_take(t, row);
	return r == STORE_OK ? candidate_take(t, row) : r;
}

enum store_result store_assoc_move(struct store_txn *t, const struct store_assoc *a)
{
	struct store_assoc row = { .slot = a->slot };
	struct value_assoc_head h;
	if (a->path.role > STORE_LINK || a->candidate.role > STORE_LINK)
		return STORE_DAMAGED;
	enum store_result r = assoc_head(t, a->slot, &h);
	if (r == STORE_NONE || (r == STORE_OK && memcmp(h.id, a->id, sizeof(h.id)) != 0))
		return STORE_STALE;
	if (r != STORE_OK)
		return r;
	r = assoc_open(&t->reader, &row);
	if (r == STORE_OK)
		r = move(t, &row, a);
	wipe(&row, sizeof(row));
	return r;
}
