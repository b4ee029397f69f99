/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/keep.h"

#include "base/bucket.h"
#include "base/wipe.h"
#include "dtls/cid.h"
#include "gateway/air.h"
#include "gateway/places.h"
#include "gateway/proof.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <string.h>

enum {
	LEASE_WAIT_MS = 50,   /* half a lease is left then */
	TIDY_WAIT_MS = 1000,  /* what nobody waits for */
	REGISTER_WAIT_MS = 2, /* somebody waits, but not for milliseconds */
	MOVE_WAIT_MS = 2,
	MOVE_SLOW_MS = 50,   /* of who moves all the time ... */
	MOVE_EASE_MS = 1000, /* ... more often than this ... */
	MOVES = 64,          /* ... after so many at once */
};

/* --- making operations ----------------------------------------------------------------------- */

struct gw_op *gw_op_new(struct gw_worker *w, struct gw_session *s, uint32_t cred)
{
	struct gw_op *const o = pool_take(&w->op_pool);
	if (!o)
		return NULL;
	o->op.run = gw_op_run;
	o->op.done = gw_op_done;
	o->op.vital = true;
	o->worker = w;
	o->session = s;
	o->cred = cred;
	o->owner = slot_owner(w->shared->incarnation, w->number);
	if (s)
		s->ops++;
	w->ops++;
	return o;
}

void gw_op_free(struct gw_op *o)
{
	struct gw_worker *const w = o->worker;
	if (o->session)
		o->session->ops--;
	w->ops--;
	wipe(o, sizeof(*o));
	pool_give(&w->op_pool, o);
}

void gw_op_submit(struct gw_op *o, uint32_t may_wait_ms)
{
	if (o->blocks && o->session)
		o->session->blocked++;
	o->op.may_wait_ms = may_wait_ms;
	store_submit(o->worker->shared->store, &o->op);
}

static void fill_row(struct gw_op *o, const struct gw_session *s)
{
	const struct gw_worker *const w = s->worker;
	o->save = true;
	o->row = (struct store_session){
		.cred = s->cred,
		.device = s->legs[GW_DEVICE].place,
		.link = s->legs[GW_LINK].place,
		.worker = w->number,
		.workers = w->shared->steer.owners,
		.upstream = s->upstream < w->upstreams_len ? w->upstreams[s->upstream].mark : 0,
	};
	for (size_t i = 0; i < GW_LEGS; i++)
		o->legs[i].as_is = s->legs[i].putting;
	if (s->relay)
		gw_registration_to_row(w, relay_device_registration(s->relay), &o->row);
}

static bool fill_assoc(struct gw_op *o, struct gw_session *s, enum gw_leg_name name)
{
	struct gw_worker *const w = s->worker;
	struct gw_op_leg *const leg = &o->legs[name];
	struct dtls_conn *const c = s->legs[name].conn;
	const struct dtls_numbers n = dtls_conn_numbers(c);
	struct store_assoc *const a = &leg->assoc;
	leg->put = true;
	a->cred = s->cred;
	a->generation = dtls_conn_generation(c);
	gw_proof_write(c, a);
	a->up_ms = store_time(w->shared->store, w->now_ms);
	a->state = (struct slot_state){ .edge = n.edge, .seen = n.seen, .sent = (uint32_t)n.next };
	/* What comes back of the leg's last association is not this one's. */
	memset(s->legs[name].id, 0, sizeof(s->legs[name].id));
	s->legs[name].leasing = false;
	s->legs[name].settled = false;
	s->legs[name].putting = true;
	leg->serial = ++s->legs[name].serial; /* by which its answer is known */
	leg->as_is = false;
	a->context_len = dtls_context_write(c, a->context);
	size_t cid_len = 0;
	const uint8_t *const cid = dtls_conn_cid(c, &cid_len);
	_Static_assert((int)STORE_CID_MAX >= (int)DTLS_CID_OURS_MAX, "a CID of ours fits a row");
	a->cid_len = (uint8_t)cid_len;
	if (cid)
		memcpy(a->cid, cid, cid_len);
	return gw_place_to_store(
		w, name == GW_DEVICE ? STORE_DEVICE : STORE_LINK, dtls_conn_path(c), &a->path);
}

static void drop_old(struct gw_op *o, struct gw_leg *old, enum gw_leg_name name)
{
	struct gw_op_leg *const leg = &o->legs[name];
	if (old->place == STORE_NO_SLOT)
		return;
	leg->drop = true;
	leg->drop_place = old->place;
	memcpy(leg->drop_id, old->id, sizeof(leg->drop_id));
	/* A lease for it that comes yet must not be taken for the next one's (S4). */
	memset(old->id, 0, sizeof(old->id));
	old->leasing = false;
	old->place = STORE_NO_SLOT;
	old->hot = NULL;
}

void gw_keep_device(struct gw_session *s, const struct relay_registration *registration)
{
	struct gw_op *const o = gw_op_new(s->worker, s, s->cred);
	if (!o) {
		gw_session_end(s, GW_KEEP, "memory is short");
		return;
	}
	drop_old(o, &s->legs[GW_DEVICE], GW_DEVICE);
	fill_row(o, s);
	if (registration)
		gw_registration_to_row(s->worker, registration, &o->row);
	o->merge = !registration;
	o->blocks = true;
	o->op.vital = false;
	o->resumed = dtls_conn_resumed(s->legs[GW_DEVICE].conn);
	if (!fill_assoc(o, s, GW_DEVICE)) {
		gw_op_free(o);
		gw_session_end(s, GW_KEEP, "its path is not known");
		return;
	}
	gw_op_submit(o, 0);
}

void gw_keep_link(struct gw_session *s)
{
	if (s->air) {
		gw_air_link_up(s);
		return;
	}
	struct gw_op *const o = gw_op_new(s->worker, s, s->cred);
	if (o)
		drop_old(o, &s->legs[GW_LINK], GW_LINK);
	const bool good = o && fill_assoc(o, s, GW_LINK);
	if (!good) {
		if (o)
			gw_op_free(o);
		s->link.ops->close(&s->link, CHANNEL_ORDERED);
		relay_link_down(s->relay, RELAY_LINK_FULL, s->worker->now_ms);
		return;
	}
	fill_row(o, s);
	o->blocks = true;
	o->op.vital = false;
	gw_op_submit(o, 0);
}

void gw_keep_registration(struct gw_session *s)
{
	if (s->air)
		return; /* see gateway/air */
	struct gw_op *const o = gw_op_new(s->worker, s, s->cred);
	if (!o)
		return; /* the next Update will tell */
	fill_row(o, s);
	o->blocks = true;
	gw_op_submit(o, REGISTER_WAIT_MS);
}

void gw_keep_no_link(struct gw_session *s)
{
	if (s->legs[GW_LINK].place == STORE_NO_SLOT)
		return;
	struct gw_op *const o = gw_op_new(s->worker, s, s->cred);
	if (!o)
		return; /* it will be found dead */
	drop_old(o, &s->legs[GW_LINK], GW_LINK);
	if (s->relay) /* which has the registration */
		fill_row(o, s);
	gw_op_submit(o, TIDY_WAIT_MS);
}

void gw_keep_settled(struct gw_session *s, enum gw_leg_name name)
{
	const struct gw_leg *const leg = &s->legs[name];
	struct gw_op *const o = gw_op_new(s->worker, s, s->cred);
	if (!o)
		return; /* the flight is kept a little longer */
	struct gw_op_leg *const l = &o->legs[name];
	l->settle = true;
	l->assoc.slot = leg->place;
	memcpy(l->assoc.id, leg->id, sizeof(l->assoc.id));
	l->assoc.context_len = dtls_context_write(leg->conn, l->assoc.context);
	gw_op_submit(o, TIDY_WAIT_MS);
}

static bool fill_move(struct gw_op *o, const struct gw_session *s)
{
	const struct gw_leg *const leg = &s->legs[GW_DEVICE];
	struct store_assoc *const a = &o->legs[GW_DEVICE].assoc;
	/* While its window is not known, anybody's old record may have come from there (S26). */
	const struct net_path *const candidate = s->probe ? NULL : dtls_conn_candidate(leg->conn);
	a->slot = leg->place;
	memcpy(a->id, leg->id, sizeof(a->id));
	a->adrift = dtls_conn_is_adrift(leg->conn);
	o->legs[GW_DEVICE].move = true;
	if (candidate && !gw_place_to_store(s->worker, STORE_DEVICE, candidate, &a->candidate))
		return false;
	return gw_place_to_store(s->worker, STORE_DEVICE, dtls_conn_path(leg->conn), &a->path);
}

/* A device that is never where it was must not wear out the disk: it waits, and others' operations
   take its own along. */
static uint32_t move_wait_ms(struct gw_session *s)
{
	const uint64_t slack_ms = (uint64_t)(MOVES - 1) * MOVE_EASE_MS;
	return bucket_take(&s->wear_ms, s->worker->now_ms, MOVE_EASE_MS, slack_ms) ? MOVE_WAIT_MS
										   : MOVE_SLOW_MS;
}

/* One at a time: a device that never stands still takes no more memory than another. */
bool gw_keep_move(struct gw_session *s)
{
	if (!s->legs[GW_DEVICE].hot)
		return true;
	s->moves_again = s->is_moving;
	if (s->is_moving)
		return true;
	struct gw_op *const o = gw_op_new(s->worker, s, s->cred);
	if (!o || !fill_move(o, s)) {
		if (o)
			gw_op_free(o);
		return false;
	}
	s->is_moving = true;
	o->blocks = true;
	gw_op_submit(o, move_wait_ms(s));
	return true;
}

void gw_keep_lease(struct gw_session *s, enum gw_leg_name name)
{
	const struct gw_leg *const leg = &s->legs[name];
	struct gw_op *const o = gw_op_new(s->worker, s, s->cred);
	if (!o)
		return;
	const struct dtls_numbers n = dtls_conn_numbers(leg->conn);
	struct gw_op_leg *const l = &o->legs[name];
	l->lease = true;
	l->edge = n.refused > n.edge ? n.refused : n.edge; /* a peer that is further is heard */
	l->assoc.slot = leg->place;
	l->assoc.state.sent = (uint32_t)n.next;
	memcpy(l->assoc.id, leg->id, sizeof(l->assoc.id));
	s->legs[name].leasing = true;
	gw_op_submit(o, n.next < n.write_end ? LEASE_WAIT_MS : 0);
}

void gw_keep_nothing(struct gw_session *s)
{
	struct gw_op *const o = gw_op_new(s->worker, s, s->cred);
	if (!o)
		return; /* it will be found dead */
	o->forget = true;
	for (size_t i = 0; i < GW_LEGS; i++)
		drop_old(o, &s->legs[i], (enum gw_leg_name)i);
	gw_op_submit(o, 0);
}

void gw_keep_drop(
	struct gw_worker *w, uint32_t cred, enum gw_leg_name name, const struct store_assoc *a)
{
	struct gw_op *const o = gw_op_new(w, NULL, cred);
	if (!o)
		return;
	o->legs[name].drop = true;
	o->legs[name].drop_place = a->slot;
	memcpy(o->legs[name].drop_id, a->id, sizeof(a->id));
	gw_op_submit(o, 0);
}

void gw_keep_part(struct gw_worker *w, const struct store_assoc *a, bool all, bool refuse)
{
	struct gw_op *const o = gw_op_new(w, NULL, a->cred);
	if (!o)
		return;
	o->forget = all;
	o->refuse = refuse;
	o->legs[GW_DEVICE].drop = true;
	o->legs[GW_DEVICE].drop_place = a->slot;
	memcpy(o->legs[GW_DEVICE].drop_id, a->id, sizeof(a->id));
	gw_op_submit(o, 0);
}

/* --- ports ----------------------------------------------------------------------------------- */

struct port_op {
	struct store_op op;
	uint32_t worker, at, value;
};

static enum store_result run_port(struct store_txn *t, struct store_op *op)
{
	const struct port_op *const o = CONTAINER_OF(op, struct port_op, op);
	return store_port_put(t, o->worker, o->at, o->value);
}

static void done_port(struct store_op *op, enum store_result r)
{
	(void)r; /* without it the links of the socket begin anew after a restart */
	free(CONTAINER_OF(op, struct port_op, op));
}

void gw_keep_port(struct gw_worker *w, uint32_t at, uint32_t value)
{
	struct port_op *const o = calloc(1, sizeof(*o));
	if (!o)
		return;
	*o = (struct port_op){ .op = { .run = run_port, .done = done_port, .vital = true },
		.worker = w->number,
		.at = at,
		.value = value };
	store_submit(w->shared->store, &o->op);
}

/* --- registrations --------------------------------------------------------------------------- */

void gw_registration_to_row(
	const struct gw_worker *w, const struct relay_registration *r, struct store_session *row)
{
	_Static_assert(sizeof(row->location) == sizeof(r->location), "both hold a location");
	_Static_assert(sizeof(row->sms) == sizeof(r->attributes.sms), "and a number");
	row->registered = r->active;
	row->lifetime_s = r->lifetime_s;
	memcpy(row->location, r->location, sizeof(row->location));
	row->binding = r->attributes.binding;
	row->version = r->attributes.version;
	row->queue = r->attributes.queue;
	row->stale = r->stale;
	row->channels = r->channels;
	memcpy(row->sms, r->attributes.sms, sizeof(row->sms));
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	row->expires_ms = now_ms + (r->expires_ms > w->now_ms ? r->expires_ms - w->now_ms : 0);
	if (r->expires_ms == UINT64_MAX) /* it has no end */
		row->expires_ms = UINT64_MAX;
	if (!r->active)
		row->expires_ms = 0;
}

void gw_registration_from_row(
	const struct gw_worker *w, const struct store_session *row, struct relay_registration *r)
{
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	*r = (struct relay_registration){ .active = row->registered,
		.lifetime_s = row->lifetime_s,
		.attributes = { .binding = row->binding,
			.version = row->version,
			.queue = row->queue },
		.stale = row->stale,
		.channels = row->channels };
	memcpy(r->location, row->location, sizeof(r->location));
	memcpy(r->attributes.sms, row->sms, sizeof(r->attributes.sms));
	/* The relay's clock may be younger than the registration. */
	const uint64_t ago_ms = now_ms > row->expires_ms ? now_ms - row->expires_ms : 0;
	if (row->expires_ms == UINT64_MAX)
		r->expires_ms = UINT64_MAX;
	else if (ago_ms > 0)
		r->expires_ms = w->now_ms > ago_ms ? w->now_ms - ago_ms : 0;
	else
		r->expires_ms = w->now_ms + (row->expires_ms - now_ms);
}
