/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/rouse.h"

#include "base/sip.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/judge.h"
#include "gateway/keep.h"
#include "gateway/lapse.h"
#include "gateway/routes.h"
#include "gateway/seats.h"
#include "gateway/worker.h"
#include "io/sources.h"

#include <assert.h>
#include <string.h>

/* A row may name a slot that was freed since, and is another's by now. */
static bool is_its(const struct gw_session *s, const struct gw_waking *k, enum store_role role)
{
	return k->assoc.cred == s->cred && k->assoc.path.role == role;
}

/* --- legs ------------------------------------------------------------------------------------ */

static bool take(struct gw_session *s, enum gw_leg_name name, const struct store_assoc *a,
	struct dtls_conn *c)
{
	struct gw_worker *const w = s->worker;
	struct gw_leg *const leg = &s->legs[name];
	struct slot *const hot = store_slot(w->shared->store, a->slot);
	if (!hot || !slot_take(hot, slot_owner(w->shared->incarnation, w->number)))
		return false;
	leg->conn = c;
	leg->hot = hot;
	leg->place = a->slot;
	memcpy(leg->id, a->id, sizeof(leg->id));
	dtls_conn_set_user(c, s);
	return true;
}

/* Asks for numbers where none of this incarnation are left over. */
static void need(struct gw_op *o, enum gw_leg_name name, const struct store_assoc *a)
{
	struct gw_op_leg *const leg = &o->legs[name];
	leg->lease = !a->leased || a->state.sent >= a->write_end;
	leg->edge = a->state.edge;
	leg->assoc.slot = a->slot;
	leg->assoc.state = a->state;
	memcpy(leg->assoc.id, a->id, sizeof(a->id));
}

/* Given back by gw_worker_reclaim() when the link is lost: its row has to go first. */
static void hold_slot(struct gw_session *s, const struct net_path *path)
{
	s->upstream = gw_worker_upstream(s->worker, path->sock);
	struct sources *const from = gw_session_sources(s);
	s->slot = sources_find(from, path);
	s->target = sources_target(from, &path->peer);
	if (s->slot == SOURCES_NONE)
		return;
	sources_hold(from, s->slot);
	sources_lead(from, s->slot, s->target);
}

/* A link of an upstream that s does not belong to any more is of no use. */
static bool leads_right(const struct gw_session *s, const struct net_path *path)
{
	const uint8_t upstream = gw_worker_upstream(s->worker, path->sock);
	return upstream != GW_NO_UPSTREAM &&
	       (s->upstream == GW_NO_UPSTREAM || s->upstream == upstream);
}

/* What gw_sleeper_look() has found of s goes back into the engine; *path is where. False: it
   cannot. */
static bool wake(struct gw_session *s, enum gw_leg_name name, const struct gw_waking *k,
	struct net_path *path)
{
	struct gw_worker *const w = s->worker;
	struct dtls_sleeper sleeper = { .role = name == GW_DEVICE ? DTLS_SERVER : DTLS_CLIENT };
	const bool good = k->verdict == GW_WAKE && gw_sleeper_fill(w, &k->assoc, &sleeper) &&
			  (name == GW_DEVICE || leads_right(s, &sleeper.path));
	*path = sleeper.path;
	struct dtls_conn *const c = good ? dtls_wake(w->dtls, &sleeper, w->now_ms) : NULL;
	wipe(&sleeper, sizeof(sleeper));
	if (c && take(s, name, &k->assoc, c))
		return true;
	if (c)
		dtls_sleep(w->dtls, c);
	return false;
}

/* The link of a session that comes back. False: it is lost, and o says so. */
static bool rouse_link(struct gw_session *s, struct gw_op *o, uint32_t place)
{
	struct gw_waking k;
	struct net_path path;
	const bool its = gw_sleeper_look(s->worker, place, &k) && is_its(s, &k, STORE_LINK);
	/* It may be back only to say goodbye. */
	if (its && k.ruling.is && k.assoc.trust == STORE_EXACT)
		k.verdict = GW_WAKE;
	const bool good = its && wake(s, GW_LINK, &k, &path);
	if (good) {
		hold_slot(s, &path);
		s->link_wakes = true;
		need(o, GW_LINK, &k.assoc);
	} else if (its) {
		o->legs[GW_LINK].drop = true;
		o->legs[GW_LINK].drop_place = k.assoc.slot;
		memcpy(o->legs[GW_LINK].drop_id, k.assoc.id, sizeof(k.assoc.id));
	}
	wipe(&k, sizeof(k));
	return good;
}

/* Only where what the device answers goes to: the worker that its CID, or its address, belongs
   to. */
static bool rouse_device(struct gw_session *s, struct gw_op *o, uint32_t place)
{
	struct gw_worker *const w = s->worker;
	struct gw_waking k;
	struct net_path path;
	const bool good = gw_sleeper_look(w, place, &k) && is_its(s, &k, STORE_DEVICE) &&
			  gw_sleeper_is_ours(w, &k.assoc) && gw_judge_adopt(s, o, &k) &&
			  wake(s, GW_DEVICE, &k, &path);
	if (good)
		need(o, GW_DEVICE, &k.assoc);
	wipe(&k, sizeof(k));
	return good;
}

/* --- sessions -------------------------------------------------------------------------------- */

struct gw_session *gw_session_seated(struct gw_worker *w, uint32_t cred)
{
	_Atomic uint32_t *const seat = gw_seat(w->shared->seats, cred);
	uint32_t tenure;
	if (!seat || !gw_seat_take_empty(seat, w->number, &tenure))
		return NULL;
	struct gw_session *const s = gw_session_new(w, cred, tenure);
	if (!s)
		gw_seat_leave(seat, tenure);
	return s;
}

static void keep_row(struct gw_op *o, const struct store_session *row, bool link_is_lost)
{
	o->row = *row;
	if (!link_is_lost)
		return;
	o->row.link = STORE_NO_SLOT;
	o->save = true;
}

static void submit(struct gw_session *s, struct gw_op *o)
{
	o->rouse = true;
	if (o->save || o->note || o->legs[GW_DEVICE].lease || o->legs[GW_LINK].lease ||
		o->legs[GW_LINK].drop) {
		o->blocks = true;
		gw_op_submit(o, 0);
		return;
	}
	/* All numbers are at hand: nothing is written. */
	const struct store_session row = o->row;
	gw_op_free(o);
	gw_roused(s, &row);
}

void gw_roused(struct gw_session *s, const struct store_session *row)
{
	struct gw_worker *const w = s->worker;
	struct relay_registration registration;
	gw_registration_from_row(w, row, &registration);
	if (s->closes) {
		gw_session_end(s, GW_FORGET, "an operator closed it");
		return;
	}
	if (!s->relay && !gw_session_begin(s, &registration))
		return;
	if (s->link_wakes && s->legs[GW_LINK].conn) {
		s->link_wakes = false;
		relay_link_up(s->relay, &s->link, w->now_ms);
	}
	gw_judge_begin(s);
}

void gw_rouse_to_part(struct gw_session *s, struct gw_op *o, uint32_t place)
{
	if (rouse_link(s, o, place)) /* otherwise o drops it */
		s->link_wakes = false;
}

void gw_rouse_link(struct gw_session *s, const struct store_session *row)
{
	struct gw_op *const o = gw_op_new(s->worker, s, s->cred);
	if (!o)
		return;
	const bool good = rouse_link(s, o, row->link);
	keep_row(o, row, !good);
	o->row.device = s->legs[GW_DEVICE].place;
	submit(s, o);
}

/* What must be had before a session can be made of the leg that woke. */
static bool make(struct gw_worker *w, const struct gw_waking *k, struct dtls_conn *c,
	const struct store_session *row, struct gw_op **op)
{
	const enum gw_leg_name name = dtls_conn_role(c) == DTLS_SERVER ? GW_DEVICE : GW_LINK;
	struct gw_session *const s = gw_session_seated(w, k->assoc.cred);
	struct gw_op *const o = s ? gw_op_new(w, s, k->assoc.cred) : NULL;
	*op = o;
	if (!o) {
		if (s)
			gw_session_sleep(s);
		return false;
	}
	gw_session_take_row(s, row);
	if (take(s, name, &k->assoc, c) && (k->verdict != GW_WAKE_PROBE || gw_probe_begin(s)))
		return true;
	gw_op_free(o);
	s->legs[name].conn = NULL;
	gw_session_sleep(s);
	return false;
}

/* The window begins anew, above everything that may have been let in before (S11). */
static bool begin_gap(struct gw_session *s, struct gw_op_leg *leg, const struct store_assoc *a)
{
	struct gw_worker *const w = s->worker;
	const struct slot_state window = { .edge = a->read_end, .seen = UINT64_MAX };
	leg->lease = true;
	leg->prove = true;
	leg->edge = a->read_end;
	slot_init(
		s->legs[GW_DEVICE].hot, store_slot_key(w->shared->store), a->slot, a->id, &window);
	return slot_take(s->legs[GW_DEVICE].hot, slot_owner(w->shared->incarnation, w->number));
}

static bool complete_device(struct gw_session *s, struct gw_op *o, const struct gw_waking *k,
	const struct store_session *row)
{
	if (!gw_judge_adopt(s, o, k) ||
		(k->verdict == GW_WAKE_GAP && !begin_gap(s, &o->legs[GW_DEVICE], &k->assoc)))
		return false;
	keep_row(o, row, row->link != STORE_NO_SLOT && !rouse_link(s, o, row->link));
	return true;
}

/* A server cannot reach a device whose association is not there; the device will come. */
static bool complete_link(struct gw_session *s, struct gw_op *o, const struct dtls_sleeper *sleeper,
	const struct store_session *row)
{
	if (!leads_right(s, &sleeper->path))
		return false;
	hold_slot(s, &sleeper->path);
	s->link_wakes = true;
	keep_row(o, row, false);
	return s->sms || (row->device != STORE_NO_SLOT && rouse_device(s, o, row->device));
}

bool gw_woken(void *worker, struct dtls_conn *c, const struct dtls_sleeper *sleeper)
{
	struct gw_worker *const w = worker;
	const struct gw_waking *const k = sleeper->token;
	const enum gw_leg_name name = sleeper->role == DTLS_SERVER ? GW_DEVICE : GW_LINK;
	struct store_session row;
	struct gw_op *o = NULL;
	dtls_conn_set_user(c, NULL);
	if (k->verdict == GW_FAREWELL) {
		if (!gw_judge_parts(w, k, c))
			dtls_conn_set_user(c, NULL);
		return true; /* gw_unproven() sees to the rest */
	}
	if (store_read_session(w->reader, k->assoc.cred, &row) != STORE_OK ||
		(name == GW_DEVICE ? row.device : row.link) != k->assoc.slot ||
		!make(w, k, c, &row, &o)) {
		dtls_conn_set_user(c, NULL);
		return false; /* the endpoint has another association by now, or memory is short */
	}
	struct gw_session *const s = o->session;
	need(o, name, &k->assoc);
	const bool good = name == GW_DEVICE ? complete_device(s, o, k, &row)
					    : complete_link(s, o, sleeper, &row);
	if (good) {
		submit(s, o);
		return true;
	}
	gw_op_free(o);
	s->legs[name].conn = NULL; /* the engine's to forget */
	slot_release(s->legs[name].hot, slot_owner(w->shared->incarnation, w->number),
		k->assoc.state.sent);
	gw_night_begins(w->shared->seats, k->assoc.slot, s->legs[name].hot,
		store_time(w->shared->store, w->now_ms));
	gw_session_sleep(s);
	dtls_conn_set_user(c, NULL);
	return false;
}

struct gw_session *gw_rouse(struct gw_worker *w, uint32_t cred)
{
	struct store_session row;
	if (store_read_session(w->reader, cred, &row) != STORE_OK ||
		(row.device == STORE_NO_SLOT && !w->smses))
		return NULL;
	struct gw_session *const s = gw_session_seated(w, cred);
	struct gw_op *const o = s ? gw_op_new(w, s, cred) : NULL;
	if (s)
		gw_session_take_row(s, &row);
	const bool device = o && row.device != STORE_NO_SLOT && rouse_device(s, o, row.device);
	if (!o || (!device && !s->sms)) {
		if (o)
			gw_op_free(o);
		if (s)
			gw_session_sleep(s);
		return NULL;
	}
	keep_row(o, &row, row.link != STORE_NO_SLOT && !rouse_link(s, o, row.link));
	submit(s, o);
	return s;
}
