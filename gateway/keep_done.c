/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/claim.h"
#include "gateway/judge.h"
#include "gateway/keep.h"
#include "gateway/lapse.h"
#include "gateway/learning.h"
#include "gateway/material.h"
#include "gateway/places.h"
#include "gateway/rouse.h"
#include "gateway/worker.h"

#include <string.h>

static const char *why(enum store_result r)
{
	switch (r) {
	case STORE_OK:
		return "";
	case STORE_NONE:
		return "its credential is gone";
	case STORE_STALE:
		return "its credential has changed meanwhile";
	case STORE_FULL:
		return "the store is full: make room on the disk of store.path";
	case STORE_DAMAGED:
		return "a value in the store is damaged";
	case STORE_BROKEN:
		return "the disk of store.path has failed, or what is on it is damaged: see "
		       "store-broken above; restart after it is mended";
	}
	return "unknown";
}

static void complain(const struct gw_op *o, enum store_result r)
{
	struct gw_worker *const w = o->worker;
	log_limited(&w->log, &w->limits.store, w->now_ms, LOG_LEVEL_ERROR, "store-failed",
		"endpoint=%s why=\"%s\"", o->session ? o->session->endpoint : "-", why(r));
}

/* Since its path was written down it has been elsewhere. */
static bool has_moved(
	const struct gw_worker *w, const struct dtls_conn *c, const struct store_path *was)
{
	struct store_path now;
	if (dtls_conn_candidate(c) || dtls_conn_is_adrift(c))
		return true;
	return gw_place_to_store(w, STORE_DEVICE, dtls_conn_path(c), &now) &&
	       (!net_addr_same(&now.peer, &was->peer) || !net_addr_same(&now.local, &was->local));
}

/* What has changed while it was being made may have been told before there was a session. What a
   resumed one is older than was asked about when it was resumed. */
static bool is_overtaken(const struct gw_op *o, enum gw_leg_name name)
{
	struct gw_worker *const w = o->worker;
	const struct store_assoc *const a = &o->legs[name].assoc;
	struct store_cred_mark mark;
	if (a->born < gw_material_newest(w->material))
		return true;
	if (name != GW_DEVICE || o->resumed)
		return false;
	store_reader_rest(w->reader);
	return store_read_cred_mark(w->reader, a->cred, &mark) != STORE_OK ||
	       a->born < mark.generation;
}

/* The association that is in the operation is durable now, and still the leg's. */
static bool attach(const struct gw_op *o, enum gw_leg_name name)
{
	struct gw_worker *const w = o->worker;
	struct gw_leg *const leg = &o->session->legs[name];
	const struct store_assoc *const a = &o->legs[name].assoc;
	if (!leg->conn || leg->serial != o->legs[name].serial)
		return false;
	leg->place = a->slot;
	memcpy(leg->id, a->id, sizeof(leg->id));
	leg->hot = store_slot(w->shared->store, a->slot);
	/* What was let in meanwhile has waited, and goes on after this. */
	const struct dtls_numbers n = dtls_conn_numbers(leg->conn);
	gw_worker_batch(w);
	slot_mark(
		leg->hot, store_slot_key(w->shared->store), leg->place, n.edge - 1, n.edge, n.seen);
	if (leg->settled)
		gw_keep_settled(o->session, name);
	if (name == GW_DEVICE && has_moved(w, leg->conn, &a->path))
		(void)gw_keep_move(o->session);
	if (name == GW_DEVICE) {
		o->session->full_ms = a->up_ms;
		o->session->proof_until_ms = a->proof.len > 0 ? a->proof.until_ms : 0;
	}
	if (w->rules && is_overtaken(o, name)) /* it is asked about before its first message */
		o->session->suspect = true;
	/* Who ran short before there was a row to lease for has told us once, and asks again. */
	dtls_allow(w->dtls, leg->conn, 0, a->write_end, a->read_end);
	return true;
}

static void device_kept(const struct gw_op *o, enum store_result r)
{
	struct gw_session *const s = o->session;
	struct gw_worker *const w = s->worker;
	struct relay_registration registration;
	if (r != STORE_OK) {
		complain(o, r);
		gw_session_end(s, GW_KEEP, why(r));
		return;
	}
	if (!attach(o, GW_DEVICE) || s->relay)
		return;
	gw_registration_from_row(w, &o->row, &registration);
	if (!gw_session_begin(s, &registration))
		return;
	if (o->row.link != STORE_NO_SLOT && s->legs[GW_LINK].place == STORE_NO_SLOT)
		gw_rouse_link(s, &o->row);
}

static void link_kept(const struct gw_op *o, enum store_result r)
{
	struct gw_session *const s = o->session;
	struct gw_worker *const w = s->worker;
	if (!s->legs[GW_LINK].conn)
		return; /* it has ended meanwhile, and the relay knows */
	if (r == STORE_OK && attach(o, GW_LINK)) {
		log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_DEBUG, "link-up",
			"endpoint=%s", s->endpoint);
		s->link_wakes = true; /* gw_session_flow() comes next */
		return;
	}
	complain(o, r);
	s->link.ops->close(&s->link, CHANNEL_ORDERED);
	relay_link_down(s->relay, RELAY_LINK_FULL, w->now_ms);
}

static void leased(const struct gw_op *o, enum gw_leg_name name, enum store_result r)
{
	struct gw_session *const s = o->session;
	struct gw_leg *const leg = &s->legs[name];
	const struct store_assoc *const a = &o->legs[name].assoc;
	if (!leg->conn || memcmp(leg->id, a->id, sizeof(a->id)) != 0)
		return;
	leg->leasing = false;
	const struct dtls_numbers n = dtls_conn_numbers(leg->conn);
	const uint64_t next = a->state.sent > n.next ? a->state.sent : 0;
	if (r == STORE_OK)
		dtls_allow(s->worker->dtls, leg->conn, next, a->write_end, a->read_end);
	else if (r == STORE_FULL) /* asks again, as soon as it is used */
		dtls_allow(s->worker->dtls, leg->conn, 0, n.write_end, n.read_end);
}

/* The session has ended while its association was being written down: nobody else knows of it. */
static void orphan(const struct gw_op *o)
{
	struct gw_op *const last = gw_op_new(o->worker, NULL, o->cred);
	if (!last)
		return; /* its device will shake hands again, and replace it */
	last->forget = true;
	for (size_t i = 0; i < GW_LEGS; i++) {
		last->legs[i].drop = o->legs[i].put;
		last->legs[i].drop_place = o->legs[i].assoc.slot;
		memcpy(last->legs[i].drop_id, o->legs[i].assoc.id, SLOT_ID);
	}
	gw_op_submit(last, 0);
}

static void moved(struct gw_session *s)
{
	const bool again = s->moves_again && s->legs[GW_DEVICE].conn;
	s->is_moving = false;
	s->moves_again = false;
	if (again)
		(void)gw_keep_move(s);
}

static void roused(const struct gw_op *o, enum store_result r)
{
	struct gw_session *const s = o->session;
	if (r != STORE_OK) {
		gw_session_sleep(s); /* the next record tries again */
		return;
	}
	gw_roused(s, &o->row);
	if (!s->ended && s->probe)
		gw_probe_send(s);
}

static void tell(const struct gw_op *o, enum store_result r)
{
	struct gw_session *const s = o->session;
	for (size_t i = 0; i < GW_LEGS; i++) {
		if (o->legs[i].put && o->legs[i].serial == s->legs[i].serial)
			s->legs[i].putting = false;
		if (o->legs[i].lease)
			leased(o, (enum gw_leg_name)i, r);
	}
	if (o->legs[GW_DEVICE].move)
		moved(s);
	if (o->judges) {
		gw_judged(s, r);
	} else if (o->rouse) {
		roused(o, r);
	} else if (o->legs[GW_DEVICE].put) {
		device_kept(o, r);
	} else if (o->legs[GW_LINK].put) {
		link_kept(o, r);
	}
}

void gw_stored_received(struct gw_worker *w, const struct gw_stored *stored)
{
	struct gw_op *const o = stored->op;
	struct gw_session *const s = o->session;
	const enum store_result r = stored->result;
	const bool put = o->legs[GW_DEVICE].put || o->legs[GW_LINK].put;
	(void)w;
	const bool learns = o->learns != GW_LEARNS_NOTHING || o->learned;
	if (r != STORE_OK && !put && !learns)
		complain(o, r);
	if (s && learns)
		gw_learning_stored(o, r);
	if (!s) {
		gw_op_free(o);
		return;
	}
	if (o->blocks)
		s->blocked--;
	if (!s->ended)
		tell(o, r);
	else if (put && r == STORE_OK)
		orphan(o);
	gw_op_free(o);
	if (s->ended && s->ops == 0)
		gw_session_free(s);
	else if (!s->ended && s->heir != 0 && s->ops == 0)
		gw_claim_go_on(s);
	else if (!s->ended)
		gw_session_flow(s);
}
