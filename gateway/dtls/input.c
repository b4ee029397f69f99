/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/state.h"

#include <assert.h>
#include <string.h>

enum { CACHE_LINE = 64 };

static void look_up(struct dtls_arrival *a)
{
	struct dtls_engine *const e = a->e;
	struct dtls_node *const hs =
		e->handshakes.count > 0 ? dtls_table_find(&e->handshakes, a->hash, a->path) : NULL;
	a->conn = dtls_conn_on(e, a->hash, a->path, dtls_conn_is_classic);
	a->hs = hs ? CONTAINER_OF(hs, struct dtls_handshake, node) : NULL;
	if (a->hs && a->hs->role != a->role)
		a->hs = NULL;
	a->changes = e->changes;
}

/* Whatever came before in this datagram may have ended what was on the path. */
static void look_again(struct dtls_arrival *a)
{
	if (a->changes != a->e->changes)
		look_up(a);
}

/* What a->conn and a->hs are is not what is on the path: look_again() will look. */
static void forget_look(struct dtls_arrival *a)
{
	a->changes = a->e->changes - 1;
}

/* Any of those on the path that came from a hello; there are few. */
static bool is_late(const struct dtls_arrival *a, uint64_t tag)
{
	struct dtls_node *n = dtls_table_find(&a->e->conns, a->hash, a->path);
	for (; n; n = dtls_table_next(n)) {
		if (CONTAINER_OF(n, struct dtls_conn, node)->hello_tag == tag)
			return true;
	}
	return false;
}

/* --- in the clear ---------------------------------------------------------------------------- */

static void demand_cookie(
	struct dtls_arrival *a, const struct dtls_hello *hello, const struct dtls_question *q)
{
	struct dtls_engine *const e = a->e;
	if (a->answered)
		return; /* one answer for one datagram, or it would grow */
	a->answered = true;
	uint8_t *const out = e->owner.room(e->owner.ctx, a->path, DTLS_VERIFY_LEN);
	if (!out)
		return;
	const bool good = dtls_cookie_demand(&e->cookies, &a->path->peer, hello, q, out);
	e->stats.verify_sent += good;
	e->owner.sent(e->owner.ctx, good ? DTLS_VERIFY_LEN : 0);
}

static void client_hello(struct dtls_arrival *a, const struct dtls_fragment *f, uint64_t seq)
{
	struct dtls_engine *const e = a->e;
	struct dtls_hello hello;
	if (f->total > DTLS_HELLO_MAX || !dtls_hello_parse(f->body, f->len, &hello)) {
		e->stats.junk++;
		return;
	}
	/* A hello that follows our demand is not the first (RFC 6347 4.2.2). */
	const bool good = dtls_cookie_good(&e->cookies, &a->path->peer, &hello, e->now_ms);
	if (!good || f->message_seq == 0) {
		const struct dtls_question q = { .seq = seq, .message_seq = f->message_seq };
		demand_cookie(a, &hello, &q);
		return;
	}
	if (f->message_seq > DTLS_VERIFIES_MAX) {
		e->stats.junk++; /* each costs libssl a hello more; he may begin anew from 0 */
		return;
	}
	const struct dtls_opener o = {
		.hello = &hello,
		.fragment = f,
		.seq = seq,
		.tag = sip_hash(&e->sip, hello.random, 32),
	};
	/* With a later number it is not the hello that was answered: the client has heeded another
	   HelloVerifyRequest since, and awaits a ServerHello of that number. */
	if (a->hs && a->hs->hello_tag == o.tag && f->message_seq <= a->hs->hello_seq) {
		dtls_handshake_again(a);
		return;
	}
	if (is_late(a, o.tag)) {
		e->stats.replayed++; /* the hello that this association came from, late */
		return;
	}
	if (!dtls_admit_hello(a, &o))
		return;
	if (a->hs)
		dtls_handshake_superseded(a->hs);
	dtls_handshake_accept(a, &o);
}

static void plain_handshake(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct rd body = rd_from(r->body, r->len);
	struct dtls_fragment f;
	while (dtls_fragment_next(&body, &f)) {
		look_again(a);
		if (a->role == DTLS_SERVER && f.type == DTLS_HS_CLIENT_HELLO && f.offset == 0)
			client_hello(a, &f, r->seq);
		else if (a->hs)
			dtls_handshake_fragment(a, &f);
		else
			a->e->stats.junk++;
	}
	if (!rd_end(&body))
		a->e->stats.junk++;
}

static void clear(struct dtls_arrival *a, const struct dtls_record *r)
{
	const bool version = r->version == DTLS_VERSION_1_0 || r->version == DTLS_VERSION_1_2;
	if (version && r->type == DTLS_HANDSHAKE) {
		plain_handshake(a, r);
		return;
	}
	/* an established association does not hear it. */
	if (version && r->type == DTLS_ALERT && r->len == 2 && a->hs) {
		dtls_handshake_alert(a, r->body[0], r->body[1]);
		return;
	}
	if (version && r->type == DTLS_CCS && a->hs)
		return; /* the epoch of the next record says as much */
	a->e->stats.junk++;
}

/* --- protected ------------------------------------------------------------------------------- */

static void count_unopened(struct dtls_arrival *a, enum dtls_opening how)
{
	struct dtls_stats *const s = &a->e->stats;
	if (how == DTLS_REPLAYED || how == DTLS_STRAY) {
		s->replayed += how == DTLS_REPLAYED;
		s->stray += how == DTLS_STRAY;
		return;
	}
	s->forged++;
	if (a->conn)
		dtls_conn_blame(a->e, a->conn);
}

/* To the association in memory, or to one that sleeps. False: there is neither. */
static bool to_association(
	struct dtls_arrival *a, const struct dtls_record *r, enum dtls_opening *how)
{
	if (!a->conn)
		return dtls_conn_rouse(a, r, how);
	if (dtls_conn_is_besieged(a->e, a->conn)) {
		a->e->stats.untried++;
		*how = DTLS_BEYOND; /* dropped, and nobody is to blame */
		return true;
	}
	*how = dtls_conn_record(a, r);
	return true;
}

/* A handshake is under way: this may be its Finished, or still be the old association's. */
static void maybe_finished(struct dtls_arrival *a, const struct dtls_record *r)
{
	uint8_t saved[DTLS_HELD_MAX - DTLS_RECORD_HEADER];
	if (dtls_handshake_protected(a, r))
		return;
	const bool small = r->len <= sizeof(saved);
	if (small)
		memcpy(saved, r->body, r->len);
	enum dtls_opening how = DTLS_FORGED;
	const bool tried = to_association(a, r, &how);
	if (tried && (how == DTLS_OPENED || how == DTLS_BEYOND))
		return;
	if (tried && small)
		memcpy(r->body, saved, r->len);
	if (small || !tried)
		dtls_handshake_unopened(a, r);
	look_again(a);
	/* it was tried under that key, too, whoever has begun the handshake. */
	if (how == DTLS_FORGED && a->conn)
		dtls_conn_blame(a->e, a->conn);
}

static void sealed(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_stats *const s = &a->e->stats;
	if (r->type != DTLS_DATA && a->hs) { /* an alert may be the new keys', too */
		maybe_finished(a, r);
		return;
	}
	if (a->hs && dtls_handshake_early(a, r))
		return;
	/* How a record opens decides whether conn may still be looked at: only when it did not. */
	enum dtls_opening how = DTLS_FORGED;
	if (!to_association(a, r, &how)) {
		s->early += a->hs && r->type == DTLS_DATA; /* */
		s->junk += !a->hs;
	} else if (how == DTLS_FORGED || how == DTLS_REPLAYED || how == DTLS_STRAY) {
		count_unopened(a, how);
	}
}

/* A handshake goes on where it began: its cookie is that address's. */
static void to_handshake(
	struct dtls_arrival *a, struct dtls_handshake *h, const struct dtls_record *r)
{
	if (h->role != a->role || !net_path_same(&h->node.path, a->path)) {
		a->e->stats.stray++;
		return;
	}
	a->hs = h;
	if (!dtls_handshake_protected(a, r))
		dtls_handshake_unopened(a, r);
}

/* what has a CID is found by that, and by nothing else. Of an association and a handshake on
   one path each has its own. */
static void sealed_with_cid(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_engine *const e = a->e;
	const uint64_t hash = sip_hash(&e->sip, r->cid, r->cid_len);
	struct dtls_cid_link *const l = dtls_cids_find(&e->cids, hash, r->cid, r->cid_len);
	enum dtls_opening how = DTLS_FORGED;
	if (l && l->of_handshake) {
		to_handshake(a, CONTAINER_OF(l, struct dtls_handshake, cid), r);
		forget_look(a);
		return;
	}
	a->conn = l ? CONTAINER_OF(l, struct dtls_conn, cid) : NULL;
	if (a->conn && a->conn->role != a->role)
		e->stats.stray++;
	else if (!to_association(a, r, &how))
		e->stats.unknown_cid++;
	else if (how == DTLS_FORGED || how == DTLS_REPLAYED || how == DTLS_STRAY)
		count_unopened(a, how);
	forget_look(a);
}

static bool may_be_protected(const struct dtls_record *r)
{
	return r->epoch == 1 && r->version == DTLS_VERSION_1_2 && r->len >= DTLS_CCM8_OVERHEAD &&
	       (r->type == DTLS_DATA || r->type == DTLS_HANDSHAKE || r->type == DTLS_ALERT ||
		       r->type == DTLS_CID); /* */
}

static bool may_be_dtls(const struct dtls_datagram *d)
{
	return d->len >= DTLS_RECORD_HEADER &&
	       ((d->data[0] >= DTLS_CCS && d->data[0] <= DTLS_DATA) || d->data[0] == DTLS_CID);
}

static void input(
	struct dtls_engine *e, enum dtls_role role, const struct dtls_datagram *d, uint64_t hash)
{
	uint8_t *at = d->data;
	size_t left = d->len;
	if (!may_be_dtls(d)) {
		e->stats.junk++; /* before any look-up */
		return;
	}
	struct dtls_arrival a = {
		.e = e,
		.role = role,
		.path = d->path,
		.hash = hash,
		.len = d->len,
		.fresh = d->len,
	};
	forget_look(&a);
	struct dtls_record r;
	while (dtls_record_next(&at, &left, &r)) {
		const bool cid = r.type == DTLS_CID;
		if (!cid)
			look_again(&a);
		if (r.epoch == 0 && !cid)
			clear(&a, &r);
		else if (!may_be_protected(&r))
			e->stats.junk++;
		else if (cid)
			sealed_with_cid(&a, &r);
		else
			sealed(&a, &r);
	}
	e->stats.junk += left > 0;
}

/* Associations of a large fleet are not in the processor's caches. Asking for those of a whole
   batch before the first is needed lets the waits overlap: bucket, then node, then what the owner
   needs. */
static void fetch_ahead(const struct dtls_engine *e, const uint64_t *hashes, size_t n)
{
	const struct dtls_conn *conns[DTLS_BATCH_MAX];
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&e->conns.buckets[hashes[i] & e->conns.mask]);
	for (size_t i = 0; i < n; i++) {
		struct dtls_node *const first = e->conns.buckets[hashes[i] & e->conns.mask].first;
		conns[i] = first ? CONTAINER_OF(first, struct dtls_conn, node) : NULL;
		for (size_t at = 0; first && at < sizeof(struct dtls_conn); at += CACHE_LINE)
			__builtin_prefetch((const char *)first + at);
	}
	for (size_t i = 0; i < n; i++) {
		if (conns[i])
			__builtin_prefetch(conns[i]->user);
	}
	for (size_t i = 0; e->owner.soon && i < n; i++) {
		if (conns[i] && conns[i]->node.hash == hashes[i])
			e->owner.soon(e->owner.ctx, conns[i]);
	}
}

void dtls_input(struct dtls_engine *e, enum dtls_role role, const struct dtls_datagram *batch,
	size_t n, uint64_t now_ms)
{
	uint64_t hashes[DTLS_BATCH_MAX];
	assert(n <= DTLS_BATCH_MAX);
	if (now_ms > e->now_ms)
		e->now_ms = now_ms;
	for (size_t i = 0; i < n; i++)
		hashes[i] = sip_hash(&e->sip, batch[i].path, sizeof(*batch[i].path));
	if (n > 1)
		fetch_ahead(e, hashes, n);
	for (size_t i = 0; i < n; i++)
		input(e, role, &batch[i], hashes[i]);
}
