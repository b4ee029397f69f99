/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "dtls/alert.h"
#include "dtls/state.h"

#include <stdlib.h>
#include <string.h>

/* --- the kept final flight (R-103) ----------------------------------------------------------- */

static void linger_end(struct dtls_engine *e, struct dtls_conn *c)
{
	if (!c->linger)
		return;
	wheel_cancel(&e->wheel, &c->linger->timer);
	wipe(c->linger, sizeof(*c->linger));
	free(c->linger);
	c->linger = NULL;
}

static void linger_due(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	(void)now_ms;
	linger_end(ctx, CONTAINER_OF(t, struct dtls_linger, timer)->conn);
}

void dtls_conn_linger(
	struct dtls_engine *e, struct dtls_conn *c, const struct dtls_context *k, uint64_t due_ms)
{
	struct dtls_linger *const l = k->finished_len > 0 ? malloc(sizeof(*l)) : NULL;
	if (!l)
		return;
	*l = (struct dtls_linger){
		.timer = { .fire = linger_due },
		.conn = c,
		.plain_base = k->plain_base,
		.finished_len = k->finished_len,
	};
	memcpy(l->finished, k->finished, k->finished_len);
	c->linger = l;
	wheel_arm(&e->wheel, &l->timer, due_ms);
}

/* Keeps the Finished that stands in the last flight, if there is one: if we have said it last. */
static void linger_begin(struct dtls_engine *e, struct dtls_conn *c, const struct dtls_handshake *h)
{
	struct dtls_context k = { .plain_base = h->plain_out };
	const size_t len = dtls_flight_finished(&h->flight, k.finished);
	if (len == 0 || h->plain_out > DTLS_SEQ_MAX)
		return;
	k.finished_len = (uint8_t)len;
	dtls_conn_linger(e, c, &k, e->now_ms + e->set.linger_ms);
	wipe(&k, sizeof(k));
}

/* It goes where it was asked for: a NAT may have forgotten the peer in the middle of the
   handshake. */
static void linger_send(const struct dtls_arrival *a, struct dtls_conn *c)
{
	struct dtls_engine *const e = a->e;
	struct dtls_linger *const l = c->linger;
	const size_t whole =
		DTLS_RECORD_HEADER + 1 + dtls_assoc_size(&c->assoc, &e->sealer, l->finished_len);
	const struct net_path *const to = dtls_move_back(a, c, whole);
	e->stats.nowhere += !to;
	if (!to)
		return;
	uint64_t plain_seq = l->plain_base + c->assoc.wseq;
	uint8_t ccs = 1;
	struct dtls_flight f = { .count = 0 };
	const struct dtls_record change = {
		.type = DTLS_CCS, .version = DTLS_VERSION_1_2, .epoch = 0, .body = &ccs, .len = 1
	};
	const struct dtls_record finished = { .type = DTLS_HANDSHAKE,
		.version = DTLS_VERSION_1_2,
		.epoch = 1,
		.body = l->finished,
		.len = l->finished_len };
	const struct dtls_sender s = {
		.owner = &e->owner,
		.path = to,
		.sealer = &e->sealer,
		.assoc = &c->assoc,
		.plain_seq = &plain_seq,
		.datagram_max = dtls_datagram_max(to, e->set.mtu),
	};
	if (dtls_flight_add(&f, &change) && dtls_flight_add(&f, &finished))
		e->stats.records_out += dtls_flight_send(&f, &s);
	dtls_flight_clear(&f);
}

/* --- life ------------------------------------------------------------------------------------ */

struct dtls_conn *dtls_conn_new(struct dtls_engine *e, const struct dtls_handshake *h)
{
	struct dtls_conn *const c = pool_take(&e->conn_pool);
	struct dtls_proved *const proved = c ? malloc(sizeof(*proved)) : NULL;
	if (!proved) {
		if (c)
			pool_give(&e->conn_pool, c);
		return NULL;
	}
	*proved = h->proved;
	*c = (struct dtls_conn){
		.node = h->node,
		.proved = proved,
		.user = h->user,
		.up_ms = e->now_ms,
		.heard_ms = e->now_ms,
		.hello_tag = h->hello_tag,
		.generation = h->generation,
		.cred = h->cred,
		.role = (uint8_t)h->role,
		.resumed = h->resumed,
		.routability = h->routability,
		.suite = h->suite,
	};
	const uint8_t code = SSL_SESSION_get_max_fragment_length(SSL_get_session(h->ssl));
	if (code >= TLSEXT_max_fragment_length_512 && code <= TLSEXT_max_fragment_length_4096)
		c->fragment_code = code;
	return c;
}

void dtls_conn_enter(struct dtls_engine *e, struct dtls_conn *c)
{
	const struct dtls_assoc *const as = &c->assoc;
	dtls_table_add(&e->conns, &c->node);
	if (as->cid_in_len > 0) {
		c->cid.hash = sip_hash(&e->sip, as->cid_in, as->cid_in_len);
		c->cid.assoc = as;
		dtls_cids_add(&e->cids, &c->cid);
	}
	e->stats.conns++;
	e->changes++;
}

void dtls_conn_adopt(struct dtls_engine *e, struct dtls_conn *c, struct dtls_handshake *h)
{
	c->assoc = h->assoc;
	dtls_cids_remove(&e->cids, &h->cid);
	h->assoc.cid_out = NULL; /* it is c's now */
	h->assoc.cid_out_len = 0;
	linger_begin(e, c, h);
	dtls_conn_enter(e, c);
}

struct dtls_conn *dtls_conn_on(const struct dtls_engine *e, uint64_t hash,
	const struct net_path *path, bool (*wanted)(const struct dtls_conn *c))
{
	struct dtls_node *n = dtls_table_find(&e->conns, hash, path);
	for (; n; n = dtls_table_next(n)) {
		struct dtls_conn *const c = CONTAINER_OF(n, struct dtls_conn, node);
		if (!c->adrift && (!wanted || wanted(c)))
			return c;
	}
	return NULL;
}

bool dtls_conn_is_classic(const struct dtls_conn *c)
{
	return c->assoc.cid_in_len == 0;
}

struct dtls_conn *dtls_conn_of_cid(const struct dtls_engine *e, const uint8_t *cid, size_t len)
{
	struct dtls_cid_link *const l =
		dtls_cids_find(&e->cids, sip_hash(&e->sip, cid, len), cid, len);
	return l && !l->of_handshake ? CONTAINER_OF(l, struct dtls_conn, cid) : NULL;
}

static void forget(struct dtls_engine *e, struct dtls_conn *c)
{
	linger_end(e, c);
	dtls_move_end(e, c);
	dtls_table_remove(&e->conns, &c->node);
	dtls_cids_remove(&e->cids, &c->cid);
	struct dtls_conn **at = &e->spent;
	while (c->spent && *at != c)
		at = &(*at)->spent_next;
	if (c->spent)
		*at = c->spent_next;
	c->spent = false;
	c->dead = true;
	e->stats.conns--;
	e->changes++;
}

static void release(struct dtls_engine *e, struct dtls_conn *c)
{
	free(c->assoc.cid_out);
	free(c->proved);
	wipe(c, sizeof(*c));
	pool_give(&e->conn_pool, c);
}

void dtls_conn_free(struct dtls_engine *e, struct dtls_conn *c)
{
	forget(e, c);
	release(e, c);
}

void dtls_conn_end(struct dtls_engine *e, struct dtls_conn *c, enum dtls_end why)
{
	forget(e, c);
	e->owner.down(e->owner.ctx, c, why);
	release(e, c);
}

/* --- receiving ------------------------------------------------------------------------------- */

static void check_read_end(struct dtls_engine *e, struct dtls_conn *c)
{
	const struct dtls_assoc *const as = &c->assoc;
	const uint64_t half = e->set.first_read_end / 2;
	const uint64_t low = half < DTLS_NUMBERS_LOW ? half : DTLS_NUMBERS_LOW;
	if (as->read_end < as->window.next || as->read_end - as->window.next < low)
		dtls_conn_tell_short(e, c);
}

static void got_alert(struct dtls_arrival *a, struct dtls_conn *c, const uint8_t *body, size_t len)
{
	if (len != DTLS_ALERT_LEN) {
		dtls_drop(a, &a->e->stats.junk);
		return;
	}
	if (body[1] == DTLS_CLOSE_NOTIFY) {
		dtls_conn_answer(a, c, DTLS_CLOSE_NOTIFY); /* */
		dtls_conn_end(a->e, c, DTLS_END_CLOSE_NOTIFY);
		return;
	}
	if (body[0] == DTLS_FATAL)
		dtls_conn_end(a->e, c, DTLS_END_ALERT);
}

static void got_handshake(
	struct dtls_arrival *a, struct dtls_conn *c, const uint8_t *body, size_t len)
{
	struct dtls_stats *const s = &a->e->stats;
	struct rd left = rd_from(body, len);
	struct dtls_fragment f;
	if (!dtls_fragment_next(&left, &f)) {
		dtls_drop(a, &s->junk);
		return;
	}
	const uint8_t again = c->role == DTLS_SERVER ? DTLS_HS_CLIENT_HELLO : DTLS_HS_HELLO_REQUEST;
	const bool anew = f.type == again; /* */
	const bool asks = anew || (f.type == DTLS_HS_FINISHED && c->linger);
	if (!asks || a->answered) {
		dtls_drop(a, asks ? &s->unanswered : &s->late);
		return;
	}
	a->answered = true;
	if (anew)
		dtls_conn_answer(a, c, DTLS_NO_RENEGOTIATION);
	else
		linger_send(a, c);
	dtls_conn_check_write_end(a->e, c);
}

static void got_data(struct dtls_arrival *a, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	struct dtls_engine *const e = a->e;
	if (c->linger) { /* who sends data has our Finished */
		linger_end(e, c);
		if (e->owner.settled)
			e->owner.settled(e->owner.ctx, c);
	}
	const size_t most = c->fragment_code > 0 ? dtls_conn_text_max(c) : DTLS_PLAIN_MAX;
	if (len > most) /* */
		dtls_drop(a, &e->stats.junk);
	else if (len > 0) { /* */
		a->delivered = true;
		e->owner.message(e->owner.ctx, c, msg, len);
	}
}

/* Nothing that it says is believed: it may be a record of long ago. */
static void got_unproven(struct dtls_arrival *a, struct dtls_conn *c, const struct dtls_opened *o)
{
	struct dtls_engine *const e = a->e;
	dtls_drop(a, &e->stats.unproven);
	dtls_move_note(a, c);
	if (e->owner.unproven)
		e->owner.unproven(
			e->owner.ctx, c, o->seq, o->plain, o->type == DTLS_DATA ? o->len : 0);
}

enum dtls_opening dtls_conn_open(struct dtls_engine *e, struct dtls_assoc *as, bool unproven,
	const struct dtls_record *r, struct dtls_opened *o)
{
	*o = (struct dtls_opened){ .seq = r->seq };
	if (!dtls_assoc_hears(as, r))
		o->how = DTLS_STRAY;
	else if (!unproven)
		o->how = dtls_assoc_open(as, e->sealer.guards, r, &o->plain, &o->len);
	else if (dtls_guard_open(
			 e->sealer.guards, dtls_assoc_guard(as), &as->in, r, &o->plain, &o->len))
		o->how = DTLS_OPENED;
	else
		o->how = DTLS_FORGED;
	if (o->how == DTLS_OPENED || o->how == DTLS_BEYOND)
		o->type = dtls_guard_type(r, o->plain, o->len);
	return o->how;
}

/* R-134; what stands in a record with a CID is known only now. */
static void dispatch(struct dtls_arrival *a, struct dtls_conn *c, const struct dtls_opened *o)
{
	switch (o->type) {
	case DTLS_ALERT:
		got_alert(a, c, o->plain, o->len);
		break;
	case DTLS_HANDSHAKE:
		got_handshake(a, c, o->plain, o->len);
		break;
	case DTLS_DATA:
		got_data(a, c, o->plain, o->len);
		break;
	case DTLS_ROUTABILITY:
		dtls_move_heard(a, c, o);
		break;
	default:
		dtls_drop(a, &a->e->stats.junk);
		break;
	}
}

void dtls_conn_take(struct dtls_arrival *a, struct dtls_conn *c, const struct dtls_opened *o)
{
	struct dtls_engine *const e = a->e;
	if (c->unproven) {
		got_unproven(a, c, o);
		return;
	}
	if (o->how == DTLS_BEYOND) {
		dtls_drop(a, &e->stats.beyond);
		if (o->seq >= c->refused)
			c->refused = o->seq + 1;
		dtls_conn_tell_short(e, c);
		return;
	}
	const struct dtls_replay *const w = &c->assoc.window;
	if (e->owner.seen) /* before anything comes of it (S14) */
		e->owner.seen(e->owner.ctx, c, o->seq, w->next, w->seen);
	check_read_end(e, c);
	e->stats.records_in++;
	c->records_in++;
	c->heard_ms = e->now_ms;
	dtls_move_look(a, c, o);
	dispatch(a, c, o);
}

enum dtls_opening dtls_conn_record(struct dtls_arrival *a, const struct dtls_record *r)
{
	struct dtls_conn *const c = a->conn;
	struct dtls_opened o;
	const enum dtls_opening how = dtls_conn_open(a->e, &c->assoc, c->unproven, r, &o);
	if (how == DTLS_OPENED || how == DTLS_BEYOND)
		dtls_conn_take(a, c, &o);
	return how;
}

/* --- wrong tags ------------------------------------------------------------------------------ */

enum { BLAMES = 32, BLAME_EASE_MS = DTLS_FORGIVE_MS, BLAMES_MS = BLAMES * BLAME_EASE_MS };

/* How many tags may be wrong under this read key; 0: no bound. The owner's is CCM_8's,
   which is so low that a stranger reaches it. */
static uint64_t forged_max(const struct dtls_engine *e, const struct dtls_conn *c)
{
	const enum dtls_guard how = dtls_assoc_guard(&c->assoc);
	if (how == DTLS_GUARD_CCM_8 || e->set.forged_max == 0)
		return e->set.forged_max;
	const uint64_t most = dtls_guard_forged_max(how);
	return most < UINT32_MAX ? most : UINT32_MAX; /* as far as it is counted */
}

/* Not where it is: whoever has seen a CID once can use it from anywhere, and shall not keep its
   device from being heard, be it at home or somewhere new. 0: at home. */
static uint64_t forger_of(const struct dtls_arrival *a, const struct dtls_conn *c)
{
	if (net_path_same(a->path, &c->node.path))
		return 0;
	const uint64_t both[] = { dtls_source_of(a->e, a->path), c->cid.hash };
	return sip_hash(&a->e->sip, both, sizeof(both)) | 1;
}

/* With any other guard, dropping records untried would harm more than trying them. */
bool dtls_conn_is_besieged(const struct dtls_arrival *a, const struct dtls_conn *c)
{
	const struct dtls_engine *const e = a->e;
	if (dtls_assoc_guard(&c->assoc) != DTLS_GUARD_CCM_8 || e->set.forged_max == 0)
		return false;
	const uint64_t forger = forger_of(a, c);
	if (forger != 0)
		return dtls_failures_count(&e->forgers, forger, e->now_ms) >= BLAMES;
	return c->blamed_ms > e->now_ms + BLAMES_MS - BLAME_EASE_MS;
}

/* Whoever can write the peer's address, or has seen its CID, can bring this about: so the peer is
   told, and loses no more than an abbreviated handshake (S23). */
void dtls_conn_blame(const struct dtls_arrival *a, struct dtls_conn *c)
{
	struct dtls_engine *const e = a->e;
	const uint64_t forger = forger_of(a, c);
	const uint64_t most = forged_max(e, c);
	c->forged += c->forged < UINT32_MAX;
	if (most == 0)
		return;
	if (forger != 0)
		dtls_failures_add(&e->forgers, forger, e->now_ms);
	else
		c->blamed_ms =
			(c->blamed_ms > e->now_ms ? c->blamed_ms : e->now_ms) + BLAME_EASE_MS;
	if (c->forged < most)
		return;
	dtls_conn_alert(e, c, DTLS_WARNING, DTLS_CLOSE_NOTIFY);
	dtls_conn_end(e, c, DTLS_END_FORGED);
}
