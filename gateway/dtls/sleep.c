/* SPDX-License-Identifier: Apache-2.0 */
/* Associations that leave memory, come back, and are told their bounds. */
#include "base/wipe.h"
#include "dtls/alert.h"
#include "dtls/state.h"

#include <stdlib.h>
#include <string.h>

/* --- leaving --------------------------------------------------------------------------------- */

size_t dtls_context_write(const struct dtls_conn *c, uint8_t out[DTLS_CONTEXT_MAX])
{
	struct dtls_context k = {
		.in = c->assoc.in,
		.out = c->assoc.out,
		.hello_tag = c->hello_tag,
		.fragment_code = c->fragment_code,
		.suite = c->suite,
		.guard = c->assoc.guard,
		.routability = c->routability,
		.cid_in_len = c->assoc.cid_in_len,
		.cid_out_len = c->assoc.cid_out_len,
	};
	memcpy(k.cid_in, c->assoc.cid_in, k.cid_in_len);
	if (k.cid_out_len > 0)
		memcpy(k.cid_out, c->assoc.cid_out, k.cid_out_len);
	const struct dtls_linger *const l = c->linger;
	if (l) {
		k.plain_base = l->plain_base;
		k.finished_len = l->finished_len;
		memcpy(k.finished, l->finished, l->finished_len);
	}
	const size_t len = dtls_context_encode(&k, out);
	wipe(&k, sizeof(k));
	return len;
}

struct dtls_numbers dtls_conn_numbers(const struct dtls_conn *c)
{
	return (struct dtls_numbers){
		.edge = c->assoc.window.next,
		.seen = c->assoc.window.seen,
		.read_end = c->assoc.read_end,
		.next = c->assoc.wseq,
		.write_end = c->assoc.write_end,
		.refused = c->refused,
	};
}

void dtls_sleep(struct dtls_engine *e, struct dtls_conn *c)
{
	if (c->dead)
		return; /* its down event is running */
	e->stats.slept++;
	dtls_conn_free(e, c);
}

/* The header's number is one above all that dtls_assoc_seal() gives out, whatever those of
   this association were: the peer's window lets it in. Not the highest there is: Scandium drops
   what is at or above 2^40.
   The explicit nonce can be none that this key was used with: those are epoch and number,
   and the epoch is 1, so they begin with octets 0 and 1; this one's first octet is 128 or more. Its
   other 63 bits are random, and an association is left in this way seldom: once for each time that
   older keys are put back, and where somebody repeats an old record, once a second (S24), so no two
   of them meet. CBC has no nonce but an IV,
   which is random as always. */
static size_t seal_farewell(struct dtls_engine *e, const struct dtls_conn *c, uint8_t *out)
{
	enum { IV_LEN = 16 };
	const enum dtls_guard how = dtls_assoc_guard(&c->assoc);
	const struct dtls_number n = {
		.type = DTLS_ALERT,
		.epoch = 1,
		.seq = DTLS_RECORDS_MAX,
		.cid = c->assoc.cid_out,
		.cid_len = c->assoc.cid_out_len,
	};
	uint8_t iv[IV_LEN], explicit[DTLS_EXPLICIT_LEN];
	e->owner.random(e->owner.ctx, explicit, sizeof(explicit));
	explicit[0] |= 0x80;
	const bool cbc = how == DTLS_GUARD_ETM || how == DTLS_GUARD_MTE;
	if (cbc)
		e->owner.random(e->owner.ctx, iv, sizeof(iv));
	const struct dtls_sealing s = {
		.key = &c->assoc.out,
		.n = &n,
		.random = cbc ? iv : NULL,
		.explicit_nonce = cbc ? NULL : explicit,
		.inner = dtls_assoc_inner(&c->assoc, &e->sealer, DTLS_ALERT_LEN),
	};
	uint8_t *const text = out + dtls_assoc_before(&c->assoc);
	text[0] = DTLS_WARNING;
	text[1] = DTLS_CLOSE_NOTIFY;
	return dtls_guard_seal(e->sealer.guards, how, &s, out, DTLS_ALERT_LEN);
}

static void say_farewell(
	struct dtls_engine *e, const struct dtls_conn *c, const struct net_path *to, size_t whole)
{
	const struct dtls_owner *const o = &e->owner;
	uint8_t *const out = o->room(o->ctx, to, whole);
	if (!out)
		return;
	const size_t sealed = seal_farewell(e, c, out);
	e->stats.records_out += sealed > 0;
	o->sent(o->ctx, sealed);
}

void dtls_farewell(struct dtls_engine *e, struct dtls_conn *c)
{
	if (c->dead)
		return; /* its down event is running */
	const size_t whole = dtls_assoc_size(&c->assoc, &e->sealer, DTLS_ALERT_LEN);
	if (c->move && dtls_move_spend(c->move, whole, 0))
		say_farewell(e, c, &c->move->node.path, whole);
	if (!c->adrift)
		say_farewell(e, c, &c->node.path, whole);
	dtls_conn_free(e, c);
}

/* --- coming back ----------------------------------------------------------------------------- */

/* The peer's CID is only lent. */
static void fill_assoc(struct dtls_assoc *as, struct dtls_context *k, const struct dtls_numbers *n)
{
	/* Field by field: what is put together elsewhere first, leaves keys there. */
	memset(as, 0, sizeof(*as));
	as->in = k->in;
	as->out = k->out;
	as->window.next = n->edge;
	as->window.seen = n->seen;
	as->wseq = n->next;
	as->write_end = n->write_end;
	as->read_end = n->read_end;
	as->cid_out = k->cid_out;
	as->cid_out_len = k->cid_out_len;
	as->cid_in_len = k->cid_in_len;
	as->guard = k->guard;
	as->pad_max = (uint16_t)(k->fragment_code > 0 ? 256U << k->fragment_code : 0);
	memcpy(as->cid_in, k->cid_in, k->cid_in_len);
}

static bool read_context(const struct dtls_sleeper *s, struct dtls_context *k)
{
	return s->context_len <= sizeof(s->context) &&
	       dtls_context_decode(s->context, s->context_len, k);
}

/* Its final flight is kept no longer than if it had not slept, where that can be known: engine time
   may have begun anew since. */
static void linger_on(struct dtls_engine *e, struct dtls_conn *c, const struct dtls_context *k)
{
	const bool known = c->up_ms > 0 && c->up_ms <= e->now_ms;
	const uint64_t due_ms = (known ? c->up_ms : e->now_ms) + e->set.linger_ms;
	if (due_ms > e->now_ms)
		dtls_conn_linger(e, c, k, due_ms);
}

static struct dtls_conn *bring_back(struct dtls_engine *e, const struct dtls_sleeper *s,
	const struct dtls_context *k, const struct dtls_assoc *as)
{
	uint8_t *const cid_out = as->cid_out_len > 0 ? malloc(as->cid_out_len) : NULL;
	struct dtls_conn *const c = pool_take(&e->conn_pool);
	if (!c || (as->cid_out_len > 0 && !cid_out)) {
		free(cid_out);
		if (c)
			pool_give(&e->conn_pool, c);
		return NULL;
	}
	*c = (struct dtls_conn){
		.node = { .hash = sip_hash(&e->sip, &s->path, sizeof(s->path)), .path = s->path },
		.user = s->user,
		.up_ms = s->up_ms,
		.heard_ms = e->now_ms,
		.forged = s->forged,
		.hello_tag = k->hello_tag,
		.generation = s->generation,
		.cred = s->cred,
		.role = (uint8_t)s->role,
		.unproven = s->unproven,
		.adrift = s->adrift && as->cid_in_len > 0,
		.routability = k->routability,
		.fragment_code = k->fragment_code,
		.suite = k->suite,
	};
	c->assoc = *as; /* not above, where the compiler may put all of it together elsewhere */
	c->assoc.cid_out = cid_out;
	if (cid_out)
		memcpy(cid_out, as->cid_out, as->cid_out_len);
	linger_on(e, c, k);
	dtls_move_restore(e, c, &s->candidate);
	dtls_conn_enter(e, c);
	e->stats.woken++;
	return c;
}

/* Who is found by his CID does not need the path for himself. */
static bool is_taken(
	const struct dtls_engine *e, const struct dtls_sleeper *s, const struct dtls_context *k)
{
	const uint64_t hash = sip_hash(&e->sip, &s->path, sizeof(s->path));
	/* A handshake that a stranger has begun in a device's name keeps nobody from his own
	   association; one of ours means that the old one is given up. */
	const bool held = k->cid_in_len > 0
				  ? dtls_conn_of_cid(e, k->cid_in, k->cid_in_len) != NULL
				  : dtls_conn_on(e, hash, &s->path, dtls_conn_is_classic) != NULL;
	return held || (s->role == DTLS_CLIENT && dtls_table_find(&e->handshakes, hash, &s->path));
}

struct dtls_conn *dtls_wake(struct dtls_engine *e, const struct dtls_sleeper *s, uint64_t now_ms)
{
	if (now_ms > e->now_ms)
		e->now_ms = now_ms;
	struct dtls_context k;
	if (!read_context(s, &k))
		return NULL;
	struct dtls_assoc as;
	fill_assoc(&as, &k, &s->numbers);
	struct dtls_conn *const c = is_taken(e, s, &k) ? NULL : bring_back(e, s, &k, &as);
	wipe(&as, sizeof(as));
	wipe(&k, sizeof(k));
	return c;
}

/* Tells the owner, who may let it go again; then its record is dealt with. */
static void greet(struct dtls_arrival *a, const struct dtls_sleeper *s, struct dtls_conn *c,
	const struct dtls_opened *opened)
{
	struct dtls_engine *const e = a->e;
	const uint64_t changes = e->changes;
	const uint8_t cid_len = c->assoc.cid_in_len;
	uint8_t cid[DTLS_CID_OURS_MAX];
	memcpy(cid, c->assoc.cid_in, cid_len);
	const bool kept = e->owner.woken(e->owner.ctx, c, s);
	const struct dtls_conn *const here =
		cid_len > 0 ? dtls_conn_of_cid(e, cid, cid_len)
			    : dtls_conn_on(e, a->hash, a->path, dtls_conn_is_classic);
	const bool there = e->changes == changes || here == c; /* or the owner has closed it */
	if (there && kept) {
		dtls_conn_take(a, c, opened);
		return;
	}
	dtls_drop(a, &e->stats.unwoken);
	if (there)
		dtls_conn_free(e, c);
}

/* The record is tried in scratch memory: a forged one makes nothing resident (S24). */
static void try_sleeper(struct dtls_arrival *a, const struct dtls_record *r,
	const struct dtls_sleeper *s, enum dtls_opening *how)
{
	struct dtls_engine *const e = a->e;
	struct dtls_context k = { .suite = 0 };
	struct dtls_opened opened;
	struct dtls_conn *c = NULL;
	const bool sound = read_context(s, &k);
	if (!sound)
		dtls_drop(a, &e->stats.unwoken);
	struct dtls_assoc as;
	fill_assoc(&as, &k, &s->numbers);
	*how = sound ? dtls_conn_open(e, &as, s->unproven, r, &opened) : DTLS_FORGED;
	if (*how == DTLS_OPENED || *how == DTLS_BEYOND) {
		c = bring_back(e, s, &k, &as);
		if (!c)
			dtls_drop(a, &e->stats.no_memory);
	}
	wipe(&as, sizeof(as));
	wipe(&k, sizeof(k));
	if (c)
		greet(a, s, c, &opened);
	else
		e->owner.not_woken(e->owner.ctx, s);
}

bool dtls_conn_rouse(struct dtls_arrival *a, const struct dtls_record *r, enum dtls_opening *how)
{
	enum { STRANGE_MAX = 8 }; /* a look into the store for each, and a datagram holds 70 */
	const struct dtls_owner *const o = &a->e->owner;
	const bool cid = r->cid_len > 0;
	if ((cid ? !o->asleep_by_cid : !o->asleep) || a->strange >= STRANGE_MAX)
		return false;
	a->strange++;
	struct dtls_sleeper s = { .context_len = 0 };
	const struct dtls_knock k = {
		.from = a->path, .cid = r->cid, .cid_len = r->cid_len, .seq = r->seq
	};
	const bool known = cid ? o->asleep_by_cid(o->ctx, a->role, &k, &s)
			       : o->asleep(o->ctx, a->role, a->path, r->seq, &s);
	if (known) {
		a->cred = s.cred;
		try_sleeper(a, r, &s, how);
	}
	wipe(&s, sizeof(s));
	return known;
}

/* --- bounds ---------------------------------------------------------------------------------- */

static void raise(uint64_t *what, uint64_t to)
{
	if (to > *what)
		*what = to;
}

void dtls_allow(struct dtls_engine *e, struct dtls_conn *c, uint64_t next, uint64_t write_end,
	uint64_t read_end)
{
	(void)e;
	raise(&c->assoc.wseq, next);
	raise(&c->assoc.write_end, write_end);
	raise(&c->assoc.read_end, read_end);
	c->told_short = false;
}

void dtls_prove(struct dtls_engine *e, struct dtls_conn *c, uint64_t number)
{
	(void)e;
	if (!c->unproven)
		return;
	raise(&c->assoc.window.next, number + 1);
	c->assoc.window.seen = UINT64_MAX;
	c->unproven = false;
}
