/* SPDX-License-Identifier: Apache-2.0 */
/* Our CIDs: who has which, and which rest (S25).
 *
 * A CID is known by a keyed hash: two that share it count as one, so the second is not given. When
 * an association goes, its CID rests: records that are still on their way reach nobody else, and
 * who repeats old ones is told nothing new. What has rested long enough is forgotten a few at a
 * time, with each association that comes or goes: more at once than one of these can add.
 */
#include <string.h>

#include "store/core.h"

enum { TIDY_AT_ONCE = 4 };

struct entry {
	bool rests;
	uint32_t slot;     /* of who has it */
	uint64_t since_ms; /* that it rests */
};

uint64_t store_cid_hash(const struct store *s, const uint8_t *cid, size_t len)
{
	return sip_hash(&s->cid_key, cid, len);
}

static enum store_result find(struct kv_txn *kv, uint64_t hash, struct entry *e)
{
	const struct key k = key_hash(hash);
	struct kv_slice v;
	*e = (struct entry){ .slot = STORE_NO_SLOT };
	const enum store_result r = kv_get(kv, KEY_CID, key_slice(&k), &v);
	if (r != STORE_OK)
		return r;
	e->rests = key_is_hash(v, &e->since_ms);
	return e->rests || key_is_number(v, &e->slot) ? STORE_OK : STORE_DAMAGED;
}

static enum store_result find_cid(
	struct store_reader *r, const uint8_t *cid, size_t len, struct entry *e)
{
	enum store_result result = reader_ready(r);
	*e = (struct entry){ .slot = STORE_NO_SLOT };
	if (result == STORE_OK)
		result = find(r->kv, store_cid_hash(r->s, cid, len), e);
	return result == STORE_DAMAGED ? reader_damage(r, KEY_CID, 0) : result;
}

static bool has_rested(const struct store *s, uint64_t since_ms)
{
	return store_now(s) >= since_ms + STORE_CID_REST_MS;
}

enum store_result store_find_cid(
	struct store_reader *r, const uint8_t *cid, size_t len, uint32_t *slot)
{
	struct entry e;
	*slot = STORE_NO_SLOT;
	const enum store_result result = find_cid(r, cid, len, &e);
	if (result != STORE_OK)
		return result;
	*slot = e.slot;
	return e.rests ? STORE_NONE : STORE_OK;
}

enum store_result store_cid_taken(struct store_reader *r, const uint8_t *cid, size_t len)
{
	struct entry e;
	const enum store_result result = find_cid(r, cid, len, &e);
	return result == STORE_OK && e.rests && has_rested(r->s, e.since_ms) ? STORE_NONE : result;
}

/* --- for others ------------------------------------------------------------------------------- */

enum store_result cid_check(struct store_txn *t, const struct store_assoc *a)
{
	if (a->cid_len == 0)
		return STORE_OK;
	const enum store_result r = store_cid_taken(&t->reader, a->cid, a->cid_len);
	if (r == STORE_NONE)
		return STORE_OK;
	return r == STORE_OK || r == STORE_DAMAGED ? STORE_STALE : r;
}

enum store_result cid_put(struct store_txn *t, const struct store_assoc *a)
{
	if (a->cid_len == 0)
		return STORE_OK;
	const struct key k = key_hash(store_cid_hash(t->s, a->cid, a->cid_len));
	const struct key slot = key_number(a->slot);
	return kv_put(t->kv, KEY_CID, key_slice(&k), key_slice(&slot));
}

enum store_result cid_rest(struct store_txn *t, uint64_t hash, uint32_t slot)
{
	const uint64_t now_ms = store_now(t->s);
	const struct key k = key_hash(hash), since = key_hash(now_ms);
	const struct key rest = key_time_hash(now_ms, hash);
	struct entry e;
	enum store_result r = find(t->kv, hash, &e);
	if (r == STORE_NONE || r == STORE_DAMAGED)
		return STORE_OK;
	if (r == STORE_OK && e.slot != slot)
		return STORE_OK; /* another's */
	if (r == STORE_OK)
		r = kv_put(t->kv, KEY_CID, key_slice(&k), key_slice(&since));
	return r == STORE_OK
		       ? kv_put(t->kv, KEY_CID_REST, key_slice(&rest), (struct kv_slice){ "", 0 })
		       : r;
}

/* Unless it has been given again, or rests anew. */
static enum store_result forget(struct store_txn *t, uint64_t hash, uint64_t since_ms)
{
	const struct key k = key_hash(hash);
	struct entry e;
	const enum store_result r = find(t->kv, hash, &e);
	if (r == STORE_OK && e.rests && e.since_ms == since_ms)
		return kv_del(t->kv, KEY_CID, key_slice(&k));
	return r == STORE_DAMAGED ? STORE_OK : gone(r);
}

/* The one that rests for longest. STORE_NONE: it is to rest on, or there is none. */
static enum store_result forget_oldest(struct store_txn *t)
{
	uint8_t key[KV_KEY_MAX];
	struct kv_slice k, v;
	uint64_t since_ms, hash;
	enum store_result r = kv_seek(t->kv, KEY_CID_REST, (struct kv_slice){ "", 0 }, &k, &v);
	if (r != STORE_OK)
		return r;
	memcpy(key, k.data, k.len);
	k.data = key;
	if (key_is_time_hash(k, &since_ms, &hash)) {
		const bool too_many = kv_count(t->kv, KEY_CID_REST) > t->s->resting_max;
		if (!too_many && !has_rested(t->s, since_ms))
			return STORE_NONE;
		r = forget(t, hash, since_ms);
	}
	return r == STORE_OK ? kv_del(t->kv, KEY_CID_REST, k) : r;
}

enum store_result cid_tidy(struct store_txn *t)
{
	enum store_result r = STORE_OK;
	for (unsigned i = 0; i < TIDY_AT_ONCE && r == STORE_OK; i++)
		r = forget_oldest(t);
	return gone(r);
}
