/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suite.h"
#include "dtls/state.h"

#include <openssl/crypto.h>
#include <string.h>

/*
 * Why nobody with a right key is shut out, and what failures may cost.
 *
 * Who knows his key shows it only with his Finished, at the end. Before, a device and a stranger
 * behind the same NAT look the same if the stranger takes pains, so any fixed bound on attempts of
 * an address would shut the device out as soon as the stranger had used it up. Instead:
 *
 * - A source (an IPv4 address, an IPv6 /64) that has failed FAILURES_FREE times, less one each
 *   second and one per success, is suspected. A new hello from there is not answered; the same
 *   hello sent again is, 512 ms later at the latest. A device sends it again by its timer and is in
 *   after one retransmission. A stranger who does not gets one attempt per second; one who does
 *   needs a hello more and the time of a turn for each, and is bounded by the next point. Who has
 *   sent a hello is kept in a filter that forgets nobody in time: however many are asked to come
 *   again, the device among them is known when it does (dtls/suspect).
 * - All that one source can hold at once is its share of the handshakes; a suspected one is held to
 *   that always, others only when half of all is taken. Over it, a source takes its own oldest
 *   place. So other sources feel nothing of it but the work of answering, and a suspected one
 *   begins no more than its share in a second, nor anew within one.
 * - A suspected source, or an identity that has failed often from anywhere, gets one try at the
 *   Finished for each handshake, not several, and a suspected source hears no alert. The device's
 *   own Finished opens at the first try. What was unknown and what was wrong are counted alike, or
 *   the number of tries would tell which identities there are.
 *
 * What that does not do: a stranger who sends a key exchange and stops holds a place for 20 s, and
 * with 26 of them a second (6 once suspected; of 1,024 places) all that his source may have: a
 * device behind the same address then gets through only by luck. To take places back sooner would
 * have the devices of a real crowd, a site after a power cut, throw each other out. Another source
 * is not disturbed.
 */

enum {
	EVICT_AFTER_MS = 1000,  /* who has not answered for so long may have to go */
	EVICT_KEYED_MS = 20000, /* and who has sent a key exchange, which proves nothing yet */
	CROWD_SHARE = 8,        /* of the bound: what one source gets when half of it is taken */
	CROWD_MIN = 16,         /* but at least this: many devices may share one NAT's address */
	LINK_SHARE = 4,         /* of the bound: what devices must leave to links when they begin */
	GATHER_SHARE = 8,     /* of the bound on memory: and when their messages are put together */
	GATHERED_MAX = 20480, /* octets: of one peer's messages, a chain of certificates included */
	FAILURES_FREE = 32,
	IDENTITY_FAILURES_FREE = 8,
};

/* Heap of one SSL object between two datagrams, measured with OpenSSL 3.0.19 and 3.5.7, in either
   role and with a chain of four certificates: 75 and 119 KB with PSK, 95 and 138 KB with
   certificates. The test of what is counted measures again. */
enum {
	COST_3_0 = 76 * 1024,
	COST_3_2 = 120 * 1024,
	COST_PROOF = 20 * 1024, /* what keys and certificates take more */
};

/* --- memory ---------------------------------------------------------------------------------- */

static size_t cost(bool psk)
{
	const size_t library = OpenSSL_version_num() >= 0x30200000UL ? COST_3_2 : COST_3_0;
	return library + (psk ? 0 : COST_PROOF) + sizeof(struct dtls_handshake);
}

/* False also while it is not known: then the more costly kind counts. */
static bool is_psk(const struct dtls_handshake *h)
{
	const struct suite *const suite = h->suite != 0 ? suite_find(h->suite) : NULL;
	return suite ? !suite->ecdsa : h->role == DTLS_CLIENT && h->key_len > 0;
}

/* A client's second flight may bring a chain of certificates, when it is too late to refuse. */
static size_t flight_memory(const struct dtls_handshake *h)
{
	const bool may_grow = h->role == DTLS_CLIENT && !is_psk(h);
	return may_grow ? DTLS_FLIGHT_MAX : dtls_flight_memory(&h->flight);
}

void dtls_admit_resize(struct dtls_handshake *h)
{
	struct dtls_engine *const e = h->e;
	const size_t size = cost(is_psk(h)) + flight_memory(h) + dtls_gather_memory(&h->gather);
	e->stats.handshake_bytes += size - h->counted;
	h->counted = size;
}

/* A device's handshake must not take the last of it from the links of those who are in. */
static bool has_room(const struct dtls_engine *e, enum dtls_role role)
{
	const bool device = role == DTLS_SERVER;
	const uint32_t kept = device ? e->set.handshakes_max / LINK_SHARE : 0;
	const size_t kept_bytes = device ? e->set.handshake_bytes_max / LINK_SHARE : 0;
	const size_t more = cost(false) + DTLS_FLIGHT_MAX; /* said at once, or counted in advance */
	return e->stats.handshakes + kept < e->set.handshakes_max &&
	       e->stats.handshake_bytes + kept_bytes + more <= e->set.handshake_bytes_max;
}

enum dtls_gathering dtls_admit_gather(struct dtls_handshake *h, const struct dtls_fragment *f)
{
	const struct dtls_engine *const e = h->e;
	const size_t max = e->set.handshake_bytes_max;
	const size_t kept = h->role == DTLS_SERVER ? max / GATHER_SHARE : 0;
	const size_t taken = e->stats.handshake_bytes + kept;
	const size_t mine = dtls_gather_memory(&h->gather);
	const size_t spare = taken < max ? max - taken : 0;
	h->gather.max = mine + spare < GATHERED_MAX ? mine + spare : GATHERED_MAX;
	const enum dtls_gathering how = dtls_gather_add(&h->gather, f, h->next_in);
	dtls_admit_resize(h);
	return how;
}

/* --- whom we suspect ------------------------------------------------------------------------- */

uint64_t dtls_source_of(const struct dtls_engine *e, const struct net_path *path)
{
	uint8_t where[1 + sizeof(path->peer.ip)] = { path->peer.family };
	memcpy(where + 1, path->peer.ip, path->peer.family == NET_SMS ? sizeof(path->peer.ip) : 8);
	return sip_hash(&e->sip, where, sizeof(where));
}

static uint64_t identity_of(const struct dtls_handshake *h)
{
	return sip_hash(&h->e->sip, h->identity, h->identity_len);
}

/* Those under way from there count, too, when many have failed: they may be as many again. */
static bool is_suspect(const struct dtls_engine *e, uint64_t source)
{
	const struct dtls_suspects *const s = &e->suspects;
	const unsigned failures = dtls_failures_count(&s->sources, source, e->now_ms);
	if (failures < FAILURES_FREE / 2)
		return false;
	return failures + dtls_crowd_count(&s->crowd, source) >= FAILURES_FREE;
}

/* Of the handshakes, for one source; and of those that a suspected one may begin in a second. */
static uint32_t share_of(const struct dtls_engine *e)
{
	const uint32_t share = e->set.handshakes_max / CROWD_SHARE;
	return share > CROWD_MIN ? share : CROWD_MIN;
}

/* Who fails at once, or begins anew in his own place, never holds more than one: so what he begins
   is counted, too. */
static bool begins_too_much(struct dtls_engine *e, uint64_t source)
{
	struct dtls_suspects *const s = &e->suspects;
	if (e->now_ms - s->begun_ms >= DTLS_FORGIVE_MS) {
		memset(&s->begun, 0, sizeof(s->begun));
		s->begun_ms = e->now_ms;
	}
	if (dtls_crowd_count(&s->begun, source) >= share_of(e))
		return true;
	dtls_crowd_enter(&s->begun, source);
	return false;
}

/* A suspected one's. */
static bool has_waited(const struct dtls_arrival *a, const struct dtls_opener *o, uint64_t source)
{
	struct dtls_engine *const e = a->e;
	/* Not another one in the place of one that has only begun. */
	if (a->hs && e->now_ms - a->hs->began_ms < EVICT_AFTER_MS)
		return false;
	const uint64_t hello[2] = { a->hash, o->tag };
	const uint64_t hash = sip_hash(&e->sip, hello, sizeof(hello));
	/* Whose association is on this very path is no stranger there. */
	return (dtls_conn_on(e, a->hash, a->path, NULL) ||
		       dtls_waiting_again(&e->suspects.waiting, hash, e->now_ms)) &&
	       !begins_too_much(e, source);
}

bool dtls_admit_hello(struct dtls_arrival *a, const struct dtls_opener *o)
{
	struct dtls_engine *const e = a->e;
	const uint64_t source = dtls_source_of(e, a->path);
	if (!is_suspect(e, source) || has_waited(a, o, source))
		return true;
	dtls_drop(a, &e->stats.deferred);
	return false;
}

unsigned dtls_admit_tries(const struct dtls_handshake *h)
{
	const struct dtls_engine *const e = h->e;
	if (h->role != DTLS_SERVER)
		return e->set.bad_finished_max;
	const unsigned failures =
		dtls_failures_count(&e->suspects.identities, identity_of(h), e->now_ms);
	const bool one = failures >= IDENTITY_FAILURES_FREE || dtls_admit_is_quiet(h);
	return one ? 1 : e->set.bad_finished_max;
}

bool dtls_admit_is_quiet(const struct dtls_handshake *h)
{
	return h->role == DTLS_SERVER && is_suspect(h->e, dtls_source_of(h->e, &h->node.path));
}

/* Was it about who the peer is? */
static bool is_about_proof(enum dtls_cause cause)
{
	return cause == DTLS_FAIL_IDENTITY || cause == DTLS_FAIL_KEY ||
	       cause == DTLS_FAIL_RAW_KEY || cause == DTLS_FAIL_CERTIFICATE ||
	       cause == DTLS_FAIL_NAME;
}

void dtls_admit_failed(struct dtls_handshake *h, enum dtls_cause cause)
{
	struct dtls_engine *const e = h->e;
	/* Who was evicted has done nothing wrong that is known. */
	if (h->role != DTLS_SERVER || cause == DTLS_FAIL_FULL)
		return;
	dtls_failures_add(&e->suspects.sources, dtls_source_of(e, &h->node.path), e->now_ms);
	if (h->identity_len > 0 && is_about_proof(cause))
		dtls_failures_add(&e->suspects.identities, identity_of(h), e->now_ms);
}

void dtls_admit_proved(struct dtls_handshake *h)
{
	struct dtls_engine *const e = h->e;
	if (h->role != DTLS_SERVER)
		return;
	dtls_failures_forgive(&e->suspects.sources, dtls_source_of(e, &h->node.path), e->now_ms);
	if (h->identity_len > 0)
		dtls_failures_forgive(&e->suspects.identities, identity_of(h), e->now_ms);
}

/* --- who may have to go ---------------------------------------------------------------------- */

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

/* One host with a real address can finish the cookie exchange from each of its ports. */
static bool is_crowded(const struct dtls_engine *e, uint64_t source)
{
	const uint32_t here = dtls_crowd_count(&e->suspects.crowd, source);
	const bool held = e->stats.handshakes >= e->set.handshakes_max / 2 || is_suspect(e, source);
	return held && here >= share_of(e);
}

/* The oldest of a queue that may go, of one source or of all. */
static struct dtls_handshake *oldest_of(
	const struct dtls_engine *e, enum dtls_queue which, const uint64_t *source)
{
	const uint64_t age_ms = which == DTLS_KEYED ? EVICT_KEYED_MS : EVICT_AFTER_MS;
	struct dtls_handshake *h = e->queues[which].oldest;
	for (; h && e->now_ms - h->began_ms >= age_ms; h = h->newer) {
		if (!source || dtls_source_of(e, &h->node.path) == *source)
			return h;
	}
	return NULL;
}

bool dtls_admit(struct dtls_engine *e, enum dtls_role role, const struct net_path *path)
{
	const uint64_t source = dtls_source_of(e, path);
	const bool crowded = role == DTLS_SERVER && is_crowded(e, source);
	if (!crowded && has_room(e, role))
		return true;
	/* Oldest first, but nobody who may still be on the way to us. Who comes from a
	   crowded source takes the place of one from there: a good device behind the same NAT is
	   not shut out. */
	struct dtls_handshake *h = NULL;
	for (size_t q = 0; !h && q < DTLS_NOT_QUEUED; q++)
		h = oldest_of(e, (enum dtls_queue)q, crowded ? &source : NULL);
	if (!h)
		return false;
	dtls_handshake_fail(h, DTLS_FAIL_FULL, NULL);
	return has_room(e, role);
}

void dtls_admit_count(struct dtls_handshake *h)
{
	struct dtls_engine *const e = h->e;
	e->stats.handshakes++;
	if (h->role == DTLS_SERVER)
		dtls_crowd_enter(&e->suspects.crowd, dtls_source_of(e, &h->node.path));
	h->queue = DTLS_NOT_QUEUED;
	dtls_admit_resize(h);
}

void dtls_admit_queue(struct dtls_handshake *h)
{
	const bool suspect = is_suspect(h->e, dtls_source_of(h->e, &h->node.path));
	queue(h, suspect ? DTLS_SUSPECTED : DTLS_SILENT);
}

void dtls_admit_answered(struct dtls_handshake *h)
{
	if (h->queue != DTLS_SILENT && h->queue != DTLS_SUSPECTED)
		return;
	unqueue(h);
	queue(h, DTLS_KEYED);
}

void dtls_admit_forget(struct dtls_handshake *h)
{
	struct dtls_engine *const e = h->e;
	unqueue(h);
	e->stats.handshakes--;
	e->stats.handshake_bytes -= h->counted;
	h->counted = 0;
	if (h->role == DTLS_SERVER)
		dtls_crowd_leave(&e->suspects.crowd, dtls_source_of(e, &h->node.path));
}

void dtls_admit_refused(struct dtls_arrival *a, const struct dtls_hello *hello)
{
	struct dtls_engine *const e = a->e;
	dtls_drop(a, &e->stats.refused_full);
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
