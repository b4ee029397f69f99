/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/alert.h"
#include "dtls/state.h"

#include <assert.h>
#include <string.h>

enum { CACHE_LINE = 64 };

/* What has a CID seldom needs it. */
static void hash_path(struct dtls_arrival *a)
{
	if (a->hash == 0)
		a->hash = sip_hash(&a->e->sip, a->path, sizeof(*a->path));
}

static void look_up(struct dtls_arrival *a)
{
	struct dtls_engine *const e = a->e;
	hash_path(a);
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
	/* One answer for one datagram, or it would grow. */
	uint8_t *const out =
		a->answered ? NULL : e->owner.room(e->owner.ctx, a->path, DTLS_VERIFY_LEN);
	a->answered = true;
	if (!out) {
		dtls_drop(a, &e->stats.unanswered);
		return;
	}
	const bool good = dtls_cookie_demand(&e->cookies, &a->path->peer, hello, q, out);
	e->stats.verify_sent += good;
	e->owner.sent(e->owner.ctx, good ? DTLS_VERIFY_LEN : 0);
	if (!good)
		dtls_drop(a, &e->stats.unanswered);
}

static void client_hello(struct dtls_arrival *a, const struct dtls_fragment *f, uint64_t seq)
{
	struct dtls_engine *const e = a->e;
	struct dtls_hello hello;
	if (f->total > DTLS_HELLO_MAX || !dtls_hello_parse(f->body, f->len, &hello)) {
		dtls_drop(a, &e->stats.junk);
		return;
	}
	if (e->hushed && !a->hs) {
		dtls_drop(a, &e->stats.deferred);
		return;
	}
	/* A hello that follows our demand is not the first (RFC 6347 4.2.2). */
	const bool good = dtls_cookie_good(&e->cookies, &a->path->peer, &hello, e->now_ms);
	if (!good || f->message_seq == 0) {
		const struct dtls_question q = { .seq = seq, .message_seq = f->message_seq };
		demand_cookie(a, &hello, &q);
		return;
	}
	/* Each costs libssl a hello more, he may begin anew from 0; and our numbers begin with his
	   they must not run out. */
	if (f->message_seq > DTLS_VERIFIES_MAX || seq > DTLS_SEQ_MAX / 2) {
		dtls_drop(a, &e->stats.junk);
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
		if (f->message_seq == a->hs->next_in) /* a part of it has not come yet */
			dtls_handshake_fragment(a, f);
		else
			dtls_handshake_again(a);
		return;
	}
	if (is_late(a, o.tag)) {
		dtls_drop(a, &e->stats.replayed); /* what this association came from, late */
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
			dtls_drop(a, &a->e->stats.junk);
	}
	if (!rd_end(&body) || r->len == 0)
		dtls_drop(a, &a->e->stats.junk);
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
	dtls_drop(a, &a->e->stats.junk);
}

/* --- protected ------------------------------------------------------------------------------- */

static void count_unopened(struct dtls_arrival *a, enum dtls_opening how)
{
	struct dtls_stats *const s = &a->e->stats;
	if (how == DTLS_REPLAYED || how == DTLS_STRAY) {
		dtls_drop(a, how == DTLS_REPLAYED ? &s->replayed : &s->stray);
		return;
	}
	dtls_drop(a, &s->forged);
	if (a->conn)
		dtls_conn_blame(a, a->conn);
}

/* To the association in memory, or to one that sleeps. False: there is neither. */
static bool to_association(
	struct dtls_arrival *a, const struct dtls_record *r, enum dtls_opening *how)
{
	if (!a->conn)
		return dtls_conn_rouse(a, r, how);
	a->cred = a->conn->cred;
	if (dtls_conn_is_besieged(a, a->conn)) {
		dtls_drop(a, &a->e->stats.untried);
		*how = DTLS_BEYOND; /* dropped, and nobody is to blame */
		return true;
	}
	*how = dtls_conn_record(a, r);
	return true;
}

static bool is_inhabited(struct dtls_arrival *a)
{
	const struct dtls_engine *const e = a->e;
	hash_path(a);
	return dtls_table_find(&e->conns, a->hash, a->path) ||
	       dtls_table_find(&e->moves, a->hash, a->path) ||
	       dtls_table_find(&e->handshakes, a->hash, a->path);
}

/* S27. Whoever has an association or a handshake there could take it for that one's end. The number
   is a random one: it says nothing, and no peer takes two of them for one. */
static void tell_lost(struct dtls_arrival *a, const struct dtls_record *r)
{
	enum { BODY_MIN = DTLS_CCM8_OVERHEAD, WHOLE = DTLS_RECORD_HEADER + DTLS_ALERT_LEN };
	const struct dtls_owner *const o = &a->e->owner;
	const bool cid = r->cid_len > 0; /* which has its type inside */
	if (!o->lost || a->role != DTLS_SERVER || a->records > 0 || a->answered ||
		(!cid && r->type != DTLS_DATA) || r->len < BODY_MIN + (size_t)cid)
		return;
	if (is_inhabited(a) || !o->lost(o->ctx, a->role, a->path, r->cid, r->cid_len))
		return;
	a->answered = true;
	uint8_t *const out = o->room(o->ctx, a->path, WHOLE);
	if (!out)
		return;
	uint32_t seq = 0;
	o->random(o->ctx, (uint8_t *)&seq, sizeof(seq));
	const struct dtls_number n = { .type = DTLS_ALERT, .seq = seq };
	dtls_record_header(out, DTLS_VERSION_1_2, &n, DTLS_ALERT_LEN);
	out[DTLS_RECORD_HEADER] = DTLS_FATAL;
	out[DTLS_RECORD_HEADER + 1] = DTLS_UNEXPECTED_MESSAGE;
	a->e->stats.told_lost++;
	o->sent(o->ctx, WHOLE);
}

/* A handshake is under way: this may be its Finished, or still be the old association's. */
static void maybe_finished(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_stats *const s = &a->e->stats;
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
	else
		dtls_drop(a, how == DTLS_REPLAYED ? &s->replayed : &s->forged);
	look_again(a);
	/* it was tried under that key, too, whoever has begun the handshake. */
	if (how == DTLS_FORGED && a->conn)
		dtls_conn_blame(a, a->conn);
}

static void sealed(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_stats *const s = &a->e->stats;
	/* an alert may be the new keys', too. */
	if ((r->type == DTLS_HANDSHAKE || r->type == DTLS_ALERT) && a->hs) {
		maybe_finished(a, r);
		return;
	}
	if (a->hs && dtls_handshake_early(a, r))
		return;
	/* How a record opens decides whether conn may still be looked at: only when it did not. */
	enum dtls_opening how = DTLS_FORGED;
	if (!to_association(a, r, &how)) {
		dtls_drop(a, a->hs ? &s->early : &s->junk); /* */
		tell_lost(a, r);
	} else if (how == DTLS_FORGED || how == DTLS_REPLAYED || how == DTLS_STRAY) {
		count_unopened(a, how);
	}
}

/* A handshake goes on where it began: its cookie is that address's. */
static void to_handshake(
	struct dtls_arrival *a, struct dtls_handshake *h, const struct dtls_record *r)
{
	if (h->role != a->role || !net_path_same(&h->node.path, a->path)) {
		dtls_drop(a, &a->e->stats.stray);
		return;
	}
	a->hs = h;
	a->cred = h->cred;
	if (!dtls_handshake_protected(a, r))
		dtls_handshake_unopened(a, r);
}

/* what has a CID is found by that, and by nothing else. Of an association and a handshake on
   one path each has its own. */
static void sealed_with_cid(
	struct dtls_arrival *a, const struct dtls_record *r, const uint64_t *known_hash)
{
	struct dtls_engine *const e = a->e;
	const uint64_t hash = known_hash ? *known_hash : sip_hash(&e->sip, r->cid, r->cid_len);
	struct dtls_cid_link *const l = dtls_cids_find(&e->cids, hash, r->cid, r->cid_len);
	enum dtls_opening how = DTLS_FORGED;
	if (l && l->of_handshake) {
		to_handshake(a, CONTAINER_OF(l, struct dtls_handshake, cid), r);
		forget_look(a);
		return;
	}
	a->conn = l ? CONTAINER_OF(l, struct dtls_conn, cid) : NULL;
	if (a->conn && a->conn->role != a->role) {
		dtls_drop(a, &e->stats.stray);
	} else if (!to_association(a, r, &how)) {
		dtls_drop(a, &e->stats.unknown_cid);
		tell_lost(a, r);
	} else if (how == DTLS_FORGED || how == DTLS_REPLAYED || how == DTLS_STRAY) {
		count_unopened(a, how);
	}
	forget_look(a);
}

static bool may_be_protected(const struct dtls_record *r)
{
	return r->epoch == 1 && r->version == DTLS_VERSION_1_2 && r->len >= DTLS_CCM8_OVERHEAD &&
	       (r->type == DTLS_DATA || r->type == DTLS_HANDSHAKE || r->type == DTLS_ALERT ||
		       r->type == DTLS_CID || r->type == DTLS_ROUTABILITY); /* */
}

static bool may_be_dtls(const struct dtls_datagram *d)
{
	const uint8_t type = d->len >= DTLS_RECORD_HEADER ? d->data[0] : 0;
	return (type >= DTLS_CCS && type <= DTLS_DATA) || type == DTLS_CID ||
	       type == DTLS_ROUTABILITY;
}

static void record(struct dtls_arrival *a, const struct dtls_record *r, const uint64_t *cid_hash)
{
	const bool cid = r->type == DTLS_CID;
	a->dropped = false;
	a->delivered = false;
	a->record = r;
	a->cred = DTLS_NO_CRED;
	if (!cid)
		look_again(a);
	if (!cid && a->hs)
		a->cred = a->hs->cred;
	if (r->epoch == 0 && !cid)
		clear(a, r);
	else if (!may_be_protected(r))
		dtls_drop(a, &a->e->stats.junk);
	else if (cid)
		sealed_with_cid(a, r, cid_hash);
	else
		sealed(a, r);
	a->e->stats.heard++;
	a->e->stats.taken += !a->dropped;
	a->records++;
	if (a->e->tells)
		dtls_fate_tell(a);
}

/* What was computed ahead of one datagram. */
struct ahead {
	uint64_t hash; /* of its path; if its first record has a CID, of that */
	bool has_cid;
};

static void input(struct dtls_engine *e, enum dtls_role role, const struct dtls_datagram *d,
	const struct ahead *ahead)
{
	uint8_t *at = d->data;
	size_t left = d->len;
	struct dtls_arrival a = {
		.e = e,
		.role = role,
		.path = d->path,
		.hash = ahead->has_cid ? 0 : ahead->hash,
		.len = d->len,
		.fresh = d->len,
	};
	struct dtls_record r;
	const uint64_t *cid_hash = ahead->has_cid ? &ahead->hash : NULL;
	const bool dtls = may_be_dtls(d); /* before any look-up */
	forget_look(&a);
	e->arrival = &a;
	while (dtls && dtls_record_next(&at, &left, &r)) {
		record(&a, &r, cid_hash);
		cid_hash = NULL;
	}
	e->arrival = NULL;
	const bool rest = left > 0 || !dtls;
	e->stats.heard += rest;
	e->stats.junk += rest;
}

/* --- the caches ------------------------------------------------------------------------------ */

/* Associations of a large fleet are not in the processor's caches. Asking for those of a whole
   batch before the first is needed lets the waits overlap: bucket, then node, then what the owner
   needs. */
static void hash_ahead(const struct dtls_engine *e, const struct dtls_datagram *d, struct ahead *a)
{
	const size_t len = d->len > CID_IN_RECORD && d->data[0] == DTLS_CID
				   ? dtls_cid_len(d->data[CID_IN_RECORD])
				   : 0;
	a->has_cid = len > 0 && d->len >= CID_IN_RECORD + len;
	a->hash = a->has_cid ? sip_hash(&e->sip, d->data + CID_IN_RECORD, len)
			     : sip_hash(&e->sip, d->path, sizeof(*d->path));
}

static void fetch_bucket(const struct dtls_engine *e, const struct ahead *a)
{
	if (a->has_cid)
		__builtin_prefetch(&e->cids.buckets[a->hash & e->cids.mask]);
	else
		__builtin_prefetch(&e->conns.buckets[a->hash & e->conns.mask]);
}

/* The first in its bucket, which is where most are. What a CID leads to may be a handshake: then
   this is no conn, and is_it() says so. */
static const struct dtls_conn *fetch_conn(const struct dtls_engine *e, const struct ahead *a)
{
	const struct dtls_conn *c = NULL;
	if (a->has_cid) {
		struct dtls_cid_link *const l = e->cids.buckets[a->hash & e->cids.mask];
		c = l ? CONTAINER_OF(l, struct dtls_conn, cid) : NULL;
	} else {
		struct dtls_node *const n = e->conns.buckets[a->hash & e->conns.mask].first;
		c = n ? CONTAINER_OF(n, struct dtls_conn, node) : NULL;
	}
	for (size_t at = 0; c && at < sizeof(*c); at += CACHE_LINE)
		__builtin_prefetch((const char *)c + at);
	return c;
}

static bool is_it(const struct dtls_conn *c, const struct ahead *a)
{
	if (a->has_cid)
		return !c->cid.of_handshake && c->cid.hash == a->hash;
	return c->node.hash == a->hash;
}

static void fetch_ahead(const struct dtls_engine *e, const struct ahead *ahead, size_t n)
{
	const struct dtls_conn *conns[DTLS_BATCH_MAX];
	for (size_t i = 0; i < n; i++)
		fetch_bucket(e, &ahead[i]);
	for (size_t i = 0; i < n; i++)
		conns[i] = fetch_conn(e, &ahead[i]);
	for (size_t i = 0; i < n; i++) {
		if (conns[i] && !is_it(conns[i], &ahead[i]))
			conns[i] = NULL;
		else if (conns[i])
			__builtin_prefetch(conns[i]->user);
	}
	for (size_t i = 0; e->owner.soon && i < n; i++) {
		if (conns[i])
			e->owner.soon(e->owner.ctx, conns[i]);
	}
}

void dtls_input(struct dtls_engine *e, enum dtls_role role, const struct dtls_datagram *batch,
	size_t n, uint64_t now_ms)
{
	struct ahead ahead[DTLS_BATCH_MAX];
	assert(n <= DTLS_BATCH_MAX);
	if (now_ms > e->now_ms)
		e->now_ms = now_ms;
	for (size_t i = 0; i < n; i++)
		hash_ahead(e, &batch[i], &ahead[i]);
	if (n > 1)
		fetch_ahead(e, ahead, n);
	for (size_t i = 0; i < n; i++)
		input(e, role, &batch[i], &ahead[i]);
}
