/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/state.h"

enum {
	EVICT_AFTER_MS = 1000,  /* who has not answered for so long may have to go */
	EVICT_KEYED_MS = 20000, /* and who has sent a key exchange, which proves nothing yet */
	CROWD_SHARE = 8,        /* of the bound: what one source gets when half of it is taken */
	CROWD_MIN = 16,         /* but at least this: many devices may share one NAT's address */
	CROWD_ANY = -1,
	LINK_SHARE = 4, /* of the bound: what devices must leave to links */
};

static size_t cost(const struct dtls_engine *e)
{
	return e->lib.cost + sizeof(struct dtls_handshake);
}

/* A device's handshake must not take the last of it from the links of those who are in. */
static bool has_room(const struct dtls_engine *e, enum dtls_role role)
{
	const bool device = role == DTLS_SERVER;
	const uint32_t kept = device ? e->set.handshakes_max / LINK_SHARE : 0;
	const size_t kept_bytes = device ? e->set.handshake_bytes_max / LINK_SHARE : 0;
	return e->stats.handshakes + kept < e->set.handshakes_max &&
	       e->stats.handshake_bytes + kept_bytes + cost(e) <= e->set.handshake_bytes_max;
}

/* Where the handshakes of one source are counted: an IPv4 address, or an IPv6 /64. */
static uint8_t crowd_of(const struct dtls_engine *e, const struct net_path *path)
{
	return (uint8_t)sip_hash(&e->sip, path->peer.ip, 8);
}

/* One host with a real address can finish the cookie exchange from each of its ports. */
static bool is_crowded(const struct dtls_engine *e, uint8_t crowd)
{
	const uint32_t share = e->set.handshakes_max / CROWD_SHARE;
	return e->stats.handshakes >= e->set.handshakes_max / 2 &&
	       e->crowd[crowd] >= (share > CROWD_MIN ? share : CROWD_MIN);
}

static void queue(struct dtls_handshake *h, enum dtls_queue which)
{
	struct dtls_queued *const q = &h->e->queues[which];
	h->queue = (uint8_t)which;
	h->older = q->newest;
	h->newer = NULL;
	if (q->newest)
		q->newest->newer = h;
	else
		q->oldest = h;
	q->newest = h;
}

static void unqueue(struct dtls_handshake *h)
{
	if (h->queue == DTLS_NOT_QUEUED)
		return;
	struct dtls_queued *const q = &h->e->queues[h->queue];
	*(h->older ? &h->older->newer : &q->oldest) = h->newer;
	*(h->newer ? &h->newer->older : &q->newest) = h->older;
	h->older = NULL;
	h->newer = NULL;
	h->queue = DTLS_NOT_QUEUED;
}

/* The oldest of a queue that may go, of one crowd or of all. */
static struct dtls_handshake *oldest_of(
	const struct dtls_engine *e, enum dtls_queue which, uint64_t age_ms, int crowd)
{
	struct dtls_handshake *h = e->queues[which].oldest;
	for (; h && e->now_ms - h->began_ms >= age_ms; h = h->newer) {
		if (crowd == CROWD_ANY || crowd_of(e, &h->node.path) == crowd)
			return h;
	}
	return NULL;
}

bool dtls_admit(struct dtls_engine *e, enum dtls_role role, const struct net_path *path)
{
	const uint8_t crowd = crowd_of(e, path);
	const bool crowded = role == DTLS_SERVER && is_crowded(e, crowd);
	if (!crowded && has_room(e, role))
		return true;
	/* Oldest first, but nobody who may still be on the way to us. Who comes from a
	   crowded source takes the place of one from there: a good device behind the same NAT is
	   not shut out. */
	const int from = crowded ? crowd : CROWD_ANY;
	struct dtls_handshake *h = oldest_of(e, DTLS_SILENT, EVICT_AFTER_MS, from);
	if (!h)
		h = oldest_of(e, DTLS_KEYED, EVICT_KEYED_MS, from);
	if (!h)
		return false;
	dtls_handshake_fail(h, DTLS_FAIL_FULL, NULL);
	return has_room(e, role);
}

void dtls_admit_count(struct dtls_handshake *h)
{
	struct dtls_engine *const e = h->e;
	e->stats.handshakes++;
	e->stats.handshake_bytes += cost(e);
	e->crowd[crowd_of(e, &h->node.path)] += h->role == DTLS_SERVER;
	h->queue = DTLS_NOT_QUEUED;
}

void dtls_admit_queue(struct dtls_handshake *h)
{
	queue(h, DTLS_SILENT);
}

void dtls_admit_answered(struct dtls_handshake *h)
{
	if (h->queue != DTLS_SILENT)
		return;
	unqueue(h);
	queue(h, DTLS_KEYED);
}

void dtls_admit_forget(struct dtls_handshake *h)
{
	struct dtls_engine *const e = h->e;
	unqueue(h);
	e->stats.handshakes--;
	e->stats.handshake_bytes -= cost(e);
	e->crowd[crowd_of(e, &h->node.path)] -= h->role == DTLS_SERVER;
}

void dtls_admit_refused(struct dtls_arrival *a, const struct dtls_hello *hello)
{
	struct dtls_engine *const e = a->e;
	e->stats.refused_full++;
	const struct dtls_failure f = {
		.role = DTLS_SERVER,
		.cause = DTLS_FAIL_FULL,
		.path = a->path,
		.cred = DTLS_NO_CRED,
		.suites = hello->suites,
		.suites_len = hello->suites_len,
	};
	e->owner.failed(e->owner.ctx, &f);
}
