/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/lost.h"

#include "base/cid.h"
#include "base/sip.h"
#include "conf/address.h"
#include "dtls/cid.h"
#include "gateway/places.h"
#include "gateway/worker.h"
#include "store/store.h"

void gw_lost_begin(struct gw_worker *w)
{
	const struct store_start start = store_start(w->shared->store);
	const bool went_dark = !start.fresh && !start.continuous;
	w->lost.speaks_ms = w->now_ms + (went_dark ? GW_TOLD_MUTE_LONG_MS : GW_TOLD_MUTE_MS);
}

static bool is_trusted(const struct gw_told *t, const struct net_addr *peer)
{
	for (size_t i = 0; i < t->len; i++) {
		if (conf_prefix_holds(&t->prefixes[i], peer))
			return true;
	}
	return false;
}

/* Nobody but this worker can have it in memory: what is durable nowhere yet is known here. */
static bool is_ours(
	const struct gw_worker *w, const struct net_addr *peer, const uint8_t *cid, size_t cid_len)
{
	const struct steer *const s = &w->shared->steer;
	if (!cid)
		return steer_owner(s, peer) == w->number;
	return cid_len > 0 && dtls_cid_len(cid[0]) == cid_len && cid[CID_NODE] == s->node &&
	       steer_owner_of_cid(s, cid, cid_len) == w->number;
}

/* Who has a CID may be told by anybody who has seen it: not where somebody else is. */
static bool is_absent(
	struct gw_worker *w, const struct net_path *path, const uint8_t *cid, size_t cid_len)
{
	struct store_path place;
	uint32_t slot;
	if (!gw_place_to_store(w, STORE_DEVICE, path, &place))
		return false;
	store_reader_rest(w->reader); /* the turn's snapshot may be from before the newest commit */
	if (cid && store_find_cid(w->reader, cid, cid_len, &slot) != STORE_NONE)
		return false;
	/* Whom we could not keep after a new handshake need not begin one. */
	return store_find_path(w->reader, &place, &slot) == STORE_NONE &&
	       !store_stats(w->shared->store).is_broken;
}

static uint64_t *network_of(struct gw_worker *w, const struct net_addr *a)
{
	return &w->lost.networks_ms[gw_worker_network(w, a) % GW_TOLD_NETWORKS];
}

static uint64_t *peer_of(struct gw_worker *w, const struct net_addr *a)
{
	const uint64_t hash = sip_hash(&w->shared->identity_key, a, sizeof(*a));
	return &w->lost.peers_ms[hash % GW_TOLD_PEERS];
}

/* A worker's share of the rate. */
static uint64_t interval_ms(const struct gw_worker *w)
{
	const uint64_t all_ms = UINT64_C(1000) * w->shared->steer.owners;
	const uint32_t rate = w->profiles.told.rate;
	return rate > 0 ? (all_ms + rate - 1) / rate : UINT32_MAX;
}

bool gw_lost(void *worker, enum dtls_role role, const struct net_path *path, const uint8_t *cid,
	size_t cid_len)
{
	struct gw_worker *const w = worker;
	struct gw_lost *const l = &w->lost;
	char text[NET_TEXT_MAX];
	if (role != DTLS_SERVER || w->stopping || w->now_ms < l->speaks_ms ||
		w->now_ms < l->next_ms || !is_trusted(&w->profiles.told, &path->peer) ||
		!is_ours(w, &path->peer, cid, cid_len))
		return false;
	uint64_t *const network_ms = network_of(w, &path->peer);
	uint64_t *const peer_ms = peer_of(w, &path->peer);
	if (w->now_ms < *network_ms || w->now_ms < *peer_ms || !is_absent(w, path, cid, cid_len))
		return false;
	l->next_ms = w->now_ms + interval_ms(w);
	*network_ms = w->now_ms + 2 * interval_ms(w);
	*peer_ms = w->now_ms + GW_TOLD_PAUSE_MS;
	log_limited(&w->log, &l->limit, w->now_ms, LOG_LEVEL_INFO, "told-lost",
		"peer=%s is told that nobody here knows it", net_addr_text(&path->peer, text));
	return true;
}
