/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/rouse.h"

#include "base/sip.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/keep.h"
#include "gateway/lapse.h"
#include "gateway/places.h"
#include "gateway/seats.h"
#include "gateway/worker.h"
#include "io/sources.h"

#include <assert.h>
#include <string.h>

/* --- who may try (S24) ----------------------------------------------------------------------- */

enum { BLAME_EASE_MS = 1000, BLAMES_MS = 32 * BLAME_EASE_MS }; /* 32 failures at once */

static uint64_t prefix_of(const struct gw_worker *w, const struct net_addr *a)
{
	uint8_t prefix[8] = { a->family };
	memcpy(prefix + 1, a->ip, a->family == NET_IPV4 ? 3 : 7);
	return sip_hash(&w->shared->identity_key, prefix, sizeof(prefix));
}

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

/* --- a record on a path on which nothing is --------------------------------------------------- */

static void fill(struct dtls_sleeper *out, const struct store_assoc *a)
{
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
}

/* A row may name a slot that was freed since, and is another's by now. */
static bool is_its(const struct gw_session *s, const struct gw_waking *k, enum store_role role)
{
	return k->assoc.cred == s->cred && k->assoc.path.role == role;
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

/* Reads what is in a slot's row, and judges it. False: nobody is there. */
static bool look(struct gw_worker *w, uint32_t place, struct gw_waking *out)
{
	bool active = false;
	uint64_t generation = 0;
	const enum store_result r = store_read_assoc(w->reader, place, &out->assoc);
	if (r != STORE_OK)
		return false;
	distrust(w, &out->assoc);
	if (store_read_cred_mark(w->reader, out->assoc.cred, &generation, &active) != STORE_OK)
		active = false;
	out->verdict = gw_lapse_judge(w, &out->assoc, active, generation);
	return true;
}

static bool same_place(const struct store_path *a, const struct store_path *b)
{
	return a->role == b->role && net_addr_same(&a->peer, &b->peer) &&
	       net_addr_same(&a->local, &b->local);
}

/* Whom this run has not put to sleep yet is awake, or just being forgotten: a late word of his
   wakes nobody. */
static bool is_held(const struct gw_worker *w, const struct slot *hot)
{
	const uint64_t owner = atomic_load_explicit(&hot->owner, memory_order_relaxed);
	return owner >> 32 == w->shared->incarnation;
}

static bool find(struct gw_worker *w, const struct store_path *place, uint64_t seq)
{
	struct gw_waking *const k = &w->waking;
	uint32_t number;
	if (store_find_path(w->reader, place, &number) != STORE_OK)
		return false;
	const struct slot *const hot = store_slot(w->shared->store, number);
	k->bucket = sip_hash(&w->shared->identity_key, &number, sizeof(number));
	if (!hot || is_held(w, hot) || !may_wake(w, k))
		return false;
	if (slot_has_seen(hot, seq)) {
		w->stale_records++;
		return false;
	}
	return look(w, number, k) && same_place(&k->assoc.path, place);
}

/* Somebody sleeps at place, and this record may be for him. Keys are in w->waking then. */
static bool is_asleep(struct gw_worker *w, const struct store_path *place, uint64_t seq)
{
	const struct gw_waking *const k = &w->waking;
	if (!find(w, place, seq))
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

bool gw_asleep(void *worker, enum dtls_role role, const struct net_path *path, uint64_t seq,
	struct dtls_sleeper *out)
{
	struct gw_worker *const w = worker;
	struct gw_waking *const k = &w->waking;
	const enum store_role stored = role == DTLS_SERVER ? STORE_DEVICE : STORE_LINK;
	struct store_path place;
	k->prefix = prefix_of(w, &path->peer);
	if (w->stopping || !gw_place_to_store(w, stored, path, &place))
		return false;
	const bool asleep = is_asleep(w, &place, seq);
	if (asleep) {
		*out = (struct dtls_sleeper){ .path = *path, .role = role, .token = k };
		fill(out, &k->assoc);
		out->unproven = k->verdict == GW_FAREWELL || k->verdict == GW_WAKE_PROBE;
	}
	if (asleep && k->verdict == GW_WAKE_GAP) {
		out->numbers.edge = k->assoc.read_end;
		out->numbers.seen = UINT64_MAX;
	}
	wipe(k->assoc.context, sizeof(k->assoc.context)); /* a worker's memory is no secret one */
	return asleep;
}

void gw_not_woken(void *worker, const struct dtls_sleeper *s)
{
	struct gw_worker *const w = worker;
	const struct gw_waking *const k = s->token;
	struct slot *const hot = store_slot(w->shared->store, k->assoc.slot);
	if (hot)
		(void)atomic_fetch_add_explicit(&hot->forged, 1, memory_order_relaxed); /* S23 */
	blame(w, k->prefix);
	blame(w, k->bucket);
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
	s->slot = sources_find(s->worker->sources, path);
	if (s->slot != SOURCES_NONE)
		sources_hold(s->worker->sources, s->slot);
}

/* What look() has found of s goes back into the engine; *path is where. False: it cannot. */
static bool wake(struct gw_session *s, enum gw_leg_name name, const struct gw_waking *k,
	struct net_path *path)
{
	struct gw_worker *const w = s->worker;
	struct dtls_sleeper sleeper = { .role = name == GW_DEVICE ? DTLS_SERVER : DTLS_CLIENT };
	if (k->verdict != GW_WAKE || !gw_place_from_store(w, &k->assoc.path, &sleeper.path))
		return false;
	*path = sleeper.path;
	fill(&sleeper, &k->assoc);
	struct dtls_conn *const c = dtls_wake(w->dtls, &sleeper, w->now_ms);
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
	const bool its = look(s->worker, place, &k) && is_its(s, &k, STORE_LINK);
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

/* Only where what the device answers goes to: the worker that its address belongs to. */
static bool rouse_device(struct gw_session *s, struct gw_op *o, uint32_t place)
{
	struct gw_worker *const w = s->worker;
	struct gw_waking k;
	struct net_path path;
	const bool good = look(w, place, &k) && is_its(s, &k, STORE_DEVICE) &&
			  steer_owner(&w->shared->steer, &k.assoc.path.peer) == w->number &&
			  wake(s, GW_DEVICE, &k, &path);
	if (good)
		need(o, GW_DEVICE, &k.assoc);
	wipe(&k, sizeof(k));
	return good;
}

/* --- sessions -------------------------------------------------------------------------------- */

static struct gw_session *session_of(struct gw_worker *w, uint32_t cred)
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
	if (o->save || o->legs[GW_DEVICE].lease || o->legs[GW_LINK].lease ||
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
	if (s->probe)
		gw_probe_send(s);
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
	enum gw_leg_name name, struct gw_op **op)
{
	struct gw_session *const s = session_of(w, k->assoc.cred);
	struct gw_op *const o = s ? gw_op_new(w, s, k->assoc.cred) : NULL;
	*op = o;
	if (!o) {
		if (s)
			gw_session_sleep(s);
		return false;
	}
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
	if (k->verdict == GW_WAKE_GAP && !begin_gap(s, &o->legs[GW_DEVICE], &k->assoc))
		return false;
	keep_row(o, row, row->link != STORE_NO_SLOT && !rouse_link(s, o, row->link));
	return true;
}

/* A server cannot reach a device whose association is not there; the device will come. */
static bool complete_link(struct gw_session *s, struct gw_op *o, const struct dtls_sleeper *sleeper,
	const struct store_session *row)
{
	hold_slot(s, &sleeper->path);
	s->link_wakes = true;
	keep_row(o, row, false);
	return row->device != STORE_NO_SLOT && rouse_device(s, o, row->device);
}

bool gw_woken(void *worker, struct dtls_conn *c, const struct dtls_sleeper *sleeper)
{
	struct gw_worker *const w = worker;
	const struct gw_waking *const k = sleeper->token;
	const enum gw_leg_name name = sleeper->role == DTLS_SERVER ? GW_DEVICE : GW_LINK;
	struct store_session row;
	struct gw_op *o = NULL;
	dtls_conn_set_user(c, NULL);
	if (k->verdict == GW_FAREWELL)
		return true; /* gw_unproven() sees to it */
	if (store_read_session(w->reader, k->assoc.cred, &row) != STORE_OK ||
		(name == GW_DEVICE ? row.device : row.link) != k->assoc.slot ||
		!make(w, k, c, name, &o)) {
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
	gw_night_begins(w->shared->seats, k->assoc.slot, s->legs[name].hot);
	gw_session_sleep(s);
	dtls_conn_set_user(c, NULL);
	return false;
}

struct gw_session *gw_rouse(struct gw_worker *w, uint32_t cred)
{
	struct store_session row;
	if (store_read_session(w->reader, cred, &row) != STORE_OK || row.device == STORE_NO_SLOT)
		return NULL;
	struct gw_session *const s = session_of(w, cred);
	struct gw_op *const o = s ? gw_op_new(w, s, cred) : NULL;
	if (!o || !rouse_device(s, o, row.device)) {
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
