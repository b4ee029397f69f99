/* SPDX-License-Identifier: Apache-2.0 */
/* Write numbers are used only below a durable write_end, by the incarnation that took the lease.
 *
 * What a start may have to reckon with: the database is the one that the last incarnation left
 * (then everything below write_end may have been used), or an older copy of it. An anchor lets no
 * copy pass whose watermark is older (S5); under one watermark an association gets one lease, so a
 * copy lacks one at most for each incarnation that did not end cleanly, and one whole lease is
 * skipped for each of them. The lease row knows how many there had been when it was taken. Without
 * an anchor the proofs of S10 say that it is no copy, or nothing is reused at all (S6).
 */
#include <string.h>

#include "store/core.h"

/* A slot's `sent` has 32 bits; the engine gives a key up long before. */
#define NUMBERS_END ((uint64_t)UINT32_MAX)

enum store_trust lease_trust(const struct store *s, const struct value_lease *l)
{
	if (l->window < s->unsure_since)
		return STORE_UNSURE;
	return l->window < s->stale_since ? STORE_LAPSED : STORE_EXACT;
}

enum store_result lease_read(struct store_reader *r, uint32_t slot, struct value_lease *out)
{
	const struct key k = key_number(slot);
	struct kv_slice v;
	const enum store_result result = kv_get(r->kv, KEY_LEASE, key_slice(&k), &v);
	if (result != STORE_OK)
		return result;
	if (value_lease_read(v, &r->s->mac, slot, out))
		return STORE_OK;
	return reader_damage(r, KEY_LEASE, slot);
}

enum store_result lease_put(struct store_txn *t, uint32_t slot, const struct value_lease *l)
{
	const struct key k = key_number(slot);
	uint8_t value[VALUE_LEASE_MAX];
	const size_t len = value_lease_write(l, &t->s->mac, slot, value, sizeof(value));
	return kv_put(t->kv, KEY_LEASE, key_slice(&k), (struct kv_slice){ value, len });
}

/* The lease of a new association, whose keys no copy knows: it is not the one of its watermark. */
void lease_first(struct value_lease *l, const struct store_txn *t)
{
	l->incarnation = t->meta.incarnation;
	l->window = t->meta.incarnation;
	l->unclean = t->meta.unclean;
	l->begin = 0;
	l->write_end = STORE_LEASE;
	l->read_end = t->s->read_ceilings ? STORE_READ_LEASE : UINT64_MAX;
	l->watermark = 0;
}

/* From no bound to one: only where it is known what was let in without. */
static uint64_t first_read_end(const struct store *s, const struct value_lease *l,
	const struct store_assoc *a, uint64_t seen)
{
	const struct slot *const slot = hot_at(s->parts.hot, a->slot);
	struct slot_state w;
	if (lease_trust(s, l) != STORE_EXACT || !slot ||
		!slot_load(slot, &s->slot_key, a->slot, l->id, &w))
		return UINT64_MAX;
	return (w.edge > seen ? w.edge : seen) + STORE_READ_LEASE;
}

/* S11: nothing above it was let in before it is durable. seen: the edge of the window. */
static uint64_t next_read_end(const struct store *s, const struct value_lease *l,
	const struct store_assoc *a, uint64_t seen)
{
	const uint64_t next = seen + STORE_READ_LEASE;
	if (!s->read_ceilings)
		return UINT64_MAX;
	if (l->read_end == UINT64_MAX)
		return first_read_end(s, l, a, seen);
	return l->read_end > next ? l->read_end : next;
}

static bool has_enough(
	const struct store *s, const struct value_lease *l, const struct store_assoc *a)
{
	return s->read_ceilings && l->incarnation == s->start.incarnation &&
	       a->state.sent >= l->begin && a->state.sent <= l->write_end &&
	       l->write_end - a->state.sent > STORE_LEASE / 2;
}

/* False: there are no numbers left. */
static bool extend(const struct value_meta *m, struct value_lease *l)
{
	if (l->incarnation != m->incarnation) {
		const uint64_t skipped = (uint64_t)(m->unclean - l->unclean) * STORE_LEASE;
		l->begin = l->write_end + skipped;
		l->write_end = l->begin;
		l->incarnation = m->incarnation;
		l->unclean = m->unclean;
	}
	l->write_end += STORE_LEASE;
	return l->write_end <= NUMBERS_END;
}

/* One lease under each watermark; the next one is paid for with the watermark. */
static void mark_water(struct store_txn *t, struct value_lease *l)
{
	const bool again = l->watermark == t->meta.watermark;
	if (!again)
		l->watermark = t->meta.watermark;
	txn_needs_anchor(t, again);
}

enum store_result store_lease(struct store_txn *t, struct store_assoc *a, uint64_t seen)
{
	const struct store *const s = t->s;
	struct value_lease l;
	if (t->anchor_lags)
		return STORE_BROKEN; /* nor would it be good after the commit */
	enum store_result r = lease_read(&t->reader, a->slot, &l);
	if (r == STORE_NONE || (r == STORE_OK && memcmp(l.id, a->id, sizeof(l.id)) != 0))
		return STORE_STALE;
	if (r != STORE_OK)
		return r;
	if (lease_trust(s, &l) == STORE_UNSURE)
		return STORE_STALE;
	const bool fresh = l.incarnation != t->meta.incarnation;
	l.read_end = next_read_end(s, &l, a, seen);
	if (!has_enough(s, &l, a)) {
		if (!extend(&t->meta, &l))
			return STORE_FULL;
		mark_water(t, &l);
	}
	r = lease_put(t, a->slot, &l);
	if (r != STORE_OK)
		return r;
	if (fresh)
		a->state.sent = (uint32_t)l.begin;
	a->write_end = l.write_end;
	a->read_end = l.read_end;
	a->leased = true;
	a->trust = lease_trust(s, &l);
	(void)atomic_fetch_add(&t->s->leases, 1);
	return STORE_OK;
}

enum store_result store_assoc_prove(struct store_txn *t, uint32_t slot, const uint8_t id[SLOT_ID])
{
	struct value_lease l;
	const enum store_result r = lease_read(&t->reader, slot, &l);
	if (r == STORE_NONE || (r == STORE_OK && memcmp(l.id, id, sizeof(l.id)) != 0))
		return STORE_STALE;
	if (r != STORE_OK)
		return r;
	if (lease_trust(t->s, &l) == STORE_UNSURE)
		return STORE_STALE;
	if (l.window == t->meta.incarnation)
		return STORE_OK;
	l.window = t->meta.incarnation;
	return lease_put(t, slot, &l);
}
