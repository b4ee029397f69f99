/* SPDX-License-Identifier: Apache-2.0 */
/* Who sleeps where a record has come, and whether it may be tried on him. */
#include "base/sip.h"
#include "base/wipe.h"
#include "gateway/judge.h"
#include "gateway/places.h"
#include "gateway/rouse.h"
#include "gateway/seats.h"
#include "gateway/worker.h"

#include <string.h>

/* --- who may try (S24) ----------------------------------------------------------------------- */

enum { BLAME_EASE_MS = 1000, BLAMES_MS = 32 * BLAME_EASE_MS }; /* 32 failures at once */

/* A bucket tells since when it would be full of failures again. */
static bool may_try(const struct gw_worker *w, uint64_t hash)
{
	return w->blames[hash % GW_BLAMES] < w->now_ms + BLAMES_MS;
}

/* A whole fleet may come from one address: who has a bad neighbour there is slowed down only if
   something bad has come in his own name, too. */
static bool may_wake(const struct gw_worker *w, const struct gw_waking *k)
{
	return may_try(w, k->bucket) &&
	       (may_try(w, k->prefix) || w->blames[k->bucket % GW_BLAMES] <= w->now_ms);
}

static void blame(struct gw_worker *w, uint64_t hash)
{
	uint64_t *const bucket = &w->blames[hash % GW_BLAMES];
	*bucket = (*bucket > w->now_ms ? *bucket : w->now_ms) + BLAME_EASE_MS;
}

void gw_sleeper_blame(struct gw_worker *w)
{
	blame(w, w->waking.prefix);
	blame(w, w->waking.bucket);
}

/* --- what is in a row ------------------------------------------------------------------------ */

bool gw_sleeper_fill(
	const struct gw_worker *w, const struct store_assoc *a, struct dtls_sleeper *out)
{
	const bool known = gw_place_from_store(w, &a->path, &out->path);
	if (a->candidate.peer.family == 0 ||
		!gw_place_from_store(w, &a->candidate, &out->candidate))
		out->candidate = (struct net_path){ .sock = 0 };
	out->adrift = a->adrift;
	out->cred = a->cred;
	out->generation = a->generation;
	out->forged = a->state.forged;
	out->numbers = (struct dtls_numbers){ .edge = a->state.edge,
		.seen = a->state.seen,
		.next = a->state.sent,
		.write_end = a->leased ? a->write_end : a->state.sent,
		.read_end = a->read_end };
	_Static_assert((int)DTLS_CONTEXT_MAX <= (int)STORE_CONTEXT_MAX, "a context fits a row");
	out->context_len = a->context_len < sizeof(out->context) ? a->context_len : 0;
	memcpy(out->context, a->context, out->context_len);
	return known;
}

/* S5: what this run has written last is not there any more. */
static void distrust(struct gw_worker *w, struct store_assoc *a)
{
	const struct slot *const hot = store_slot(w->shared->store, a->slot);
	if (!a->leased || (hot && gw_night_was_quiet(w->shared->seats, a->slot, hot)))
		return;
	a->state = (struct slot_state){ .sent = (uint32_t)a->write_end, .forged = a->state.forged };
	if (a->trust == STORE_EXACT)
		a->trust = STORE_LAPSED;
}

bool gw_sleeper_look(struct gw_worker *w, uint32_t place, struct gw_waking *out)
{
	const enum store_result r = store_read_assoc(w->reader, place, &out->assoc);
	if (r != STORE_OK)
		return false;
	distrust(w, &out->assoc);
	out->verdict = gw_judge_sleeper(w, out);
	return true;
}

bool gw_sleeper_is_ours(const struct gw_worker *w, const struct store_assoc *a)
{
	const struct steer *const st = &w->shared->steer;
	const uint32_t owner = a->cid_len > 0 ? steer_owner_of_cid(st, a->cid, a->cid_len)
					      : steer_owner(st, &a->path.peer);
	return owner == w->number;
}

/* --- a record of somebody who is not in memory ------------------------------------------------ */

/* How he was found: what comes without a CID for one who has one is none of his, and does
   not slow him down. */
enum way { BY_PATH, BY_CID };

struct stranger {
	uint64_t seq; /* of the record, unverified */
	enum store_role role;
	enum way way;
};

static bool same_cid(const struct store_assoc *a, const uint8_t *cid, size_t len)
{
	return a->cid_len == len && memcmp(a->cid, cid, len) == 0;
}

/* Whom this run has not put to sleep yet is awake, or just being forgotten: a late word of his
   wakes nobody. */
static bool is_held(const struct gw_worker *w, const struct slot *hot)
{
	const uint64_t owner = atomic_load_explicit(&hot->owner, memory_order_relaxed);
	return owner >> 32 == w->shared->incarnation;
}

/* Before anything is unsealed. */
static bool may_look(struct gw_worker *w, uint32_t number, const struct stranger *who)
{
	struct gw_waking *const k = &w->waking;
	/* A CID is heard from anywhere: who has seen it does not slow its device down elsewhere. */
	const uint64_t whom[] = { number, who->way, who->way == BY_CID ? k->prefix : 0 };
	const struct slot *const hot = store_slot(w->shared->store, number);
	k->bucket = sip_hash(&w->shared->identity_key, (const uint8_t *)whom, sizeof(whom));
	if (!hot || is_held(w, hot))
		return false;
	if (!may_wake(w, k)) {
		w->slowed_records++;
		return false;
	}
	if (slot_has_seen(hot, who->seq)) {
		w->stale_records++;
		return false;
	}
	return true;
}

static bool find_by_path(
	struct gw_worker *w, const struct store_path *place, const struct stranger *who)
{
	struct gw_waking *const k = &w->waking;
	uint32_t number;
	if (store_find_path(w->reader, place, &number) != STORE_OK || !may_look(w, number, who) ||
		!gw_sleeper_look(w, number, k))
		return false;
	if (k->assoc.cid_len == 0)
		return store_path_same(&k->assoc.path, place);
	gw_sleeper_blame(w);
	return false;
}

static bool find_by_cid(
	struct gw_worker *w, const uint8_t *cid, size_t len, const struct stranger *who)
{
	struct gw_waking *const k = &w->waking;
	uint32_t number;
	return store_find_cid(w->reader, cid, len, &number) == STORE_OK &&
	       may_look(w, number, who) && gw_sleeper_look(w, number, k) &&
	       same_cid(&k->assoc, cid, len) && k->assoc.path.role == who->role;
}

/* What was found sleeps, and this record may be for it. */
static bool is_asleep(struct gw_worker *w, uint64_t seq)
{
	const struct gw_waking *const k = &w->waking;
	/* A datagram goes by its first record, and whoever is on its way can put one before the
	   device's: all that it says later would be for a worker that has it not. */
	if (k->assoc.path.role == STORE_DEVICE && !gw_sleeper_is_ours(w, &k->assoc))
		return false;
	/* Below the ceiling everything counts as seen (S11): that is no forgery. */
	if (k->verdict == GW_WAKE_GAP && seq < k->assoc.read_end) {
		w->stale_records++;
		return false;
	}
	/* One whose session is here, or elsewhere, is not asleep: this association is an old
	   one. */
	_Atomic uint32_t *const seat = gw_seat(w->shared->seats, k->assoc.cred);
	return seat && gw_tenure_worker(atomic_load(seat)) == UINT32_MAX;
}

/* from: where the record came from. Who has no CID is there; a device with one whose listener is
   not there any more is nowhere, until it was heard. */
static bool describe(struct gw_worker *w, const struct net_path *from, struct dtls_sleeper *out)
{
	const struct gw_waking *const k = &w->waking;
	const bool device = k->assoc.path.role == STORE_DEVICE, classic = k->assoc.cid_len == 0;
	*out = (struct dtls_sleeper){
		.role = device ? DTLS_SERVER : DTLS_CLIENT,
		.token = &w->waking,
	};
	const bool known = gw_sleeper_fill(w, &k->assoc, out);
	if (!known || classic)
		out->path = *from;
	out->adrift = out->adrift || !known;
	out->unproven = k->verdict == GW_FAREWELL || k->verdict == GW_WAKE_PROBE;
	if (k->verdict == GW_WAKE_GAP) {
		out->numbers.edge = k->assoc.read_end;
		out->numbers.seen = UINT64_MAX;
	}
	return known || device || classic;
}

static enum store_role stored(enum dtls_role role)
{
	return role == DTLS_SERVER ? STORE_DEVICE : STORE_LINK;
}

bool gw_asleep(void *worker, enum dtls_role role, const struct net_path *path, uint64_t seq,
	struct dtls_sleeper *out)
{
	struct gw_worker *const w = worker;
	struct gw_waking *const k = &w->waking;
	const struct stranger who = { .seq = seq, .role = stored(role), .way = BY_PATH };
	struct store_path place;
	k->prefix = gw_worker_network(w, &path->peer);
	if (w->stopping || !gw_place_to_store(w, who.role, path, &place))
		return false;
	const bool asleep =
		find_by_path(w, &place, &who) && is_asleep(w, seq) && describe(w, path, out);
	wipe(k->assoc.context, sizeof(k->assoc.context)); /* a worker's memory is no secret one */
	return asleep;
}

bool gw_asleep_by_cid(
	void *worker, enum dtls_role role, const struct dtls_knock *knock, struct dtls_sleeper *out)
{
	struct gw_worker *const w = worker;
	struct gw_waking *const k = &w->waking;
	const struct stranger who = { .seq = knock->seq, .role = stored(role), .way = BY_CID };
	k->prefix = gw_worker_network(w, &knock->from->peer);
	if (w->stopping)
		return false;
	const bool asleep = find_by_cid(w, knock->cid, knock->cid_len, &who) &&
			    is_asleep(w, knock->seq) && describe(w, knock->from, out);
	wipe(k->assoc.context, sizeof(k->assoc.context));
	return asleep;
}

void gw_not_woken(void *worker, const struct dtls_sleeper *s)
{
	struct gw_worker *const w = worker;
	const struct gw_waking *const k = s->token;
	struct slot *const hot = store_slot(w->shared->store, k->assoc.slot);
	if (hot)
		(void)atomic_fetch_add_explicit(&hot->forged, 1, memory_order_relaxed); /* S23 */
	gw_sleeper_blame(w);
}
