/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/keep.h"

#include "base/wipe.h"
#include "gateway/places.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <string.h>

enum {
	LEASE_WAIT_MS = 50,   /* half a lease is left then */
	TIDY_WAIT_MS = 1000,  /* what nobody waits for */
	REGISTER_WAIT_MS = 2, /* somebody waits, but not for milliseconds */
};

/* --- in the writer's thread ------------------------------------------------------------------ */

/* A row may name a slot that was freed, and is another's by now. */
static enum store_result drop(
	struct store_txn *t, uint32_t place, uint32_t cred, enum store_role role)
{
	struct store_assoc a;
	const enum store_result read = store_read_assoc(store_txn_reader(t), place, &a);
	const bool its = read == STORE_OK && a.cred == cred && a.path.role == role;
	const enum store_result r = its ? store_assoc_drop(t, place, a.id) : STORE_OK;
	wipe(&a, sizeof(a));
	return r == STORE_BROKEN || read == STORE_BROKEN ? STORE_BROKEN : STORE_OK;
}

/* What another life of this session has left: its registration goes on, its association does not,
   and its link only if its socket is this worker's. */
static enum store_result merge(struct store_txn *t, struct gw_op *o)
{
	struct store_session old;
	enum store_result r = store_read_session(store_txn_reader(t), o->cred, &old);
	if (r != STORE_OK)
		return r == STORE_BROKEN ? r : STORE_OK;
	const uint32_t mine = o->row.device;
	const uint32_t link = o->row.link;
	const bool same = old.worker == o->row.worker && old.workers == o->row.workers;
	if (old.device != STORE_NO_SLOT && old.device != mine)
		r = drop(t, old.device, o->cred, STORE_DEVICE);
	if (r == STORE_OK && old.link != STORE_NO_SLOT && old.link != link) {
		if (link == STORE_NO_SLOT && same)
			o->row.link = old.link;
		else
			r = drop(t, old.link, o->cred, STORE_LINK);
	}
	if (o->merge && r == STORE_OK) {
		o->row.registered = old.registered;
		memcpy(o->row.location, old.location, sizeof(o->row.location));
		o->row.lifetime_s = old.lifetime_s;
		o->row.expires_ms = old.expires_ms;
	}
	return r;
}

static bool is_at(struct store_txn *t, uint32_t place, const uint8_t id[SLOT_ID])
{
	struct store_assoc a;
	const bool its = store_read_assoc(store_txn_reader(t), place, &a) == STORE_OK &&
			 memcmp(a.id, id, sizeof(a.id)) == 0;
	wipe(&a, sizeof(a));
	return its;
}

static enum store_result forget(struct store_txn *t, const struct gw_op *o)
{
	struct store_session row;
	const struct gw_op_leg *const d = &o->legs[GW_DEVICE];
	const enum store_result r = store_read_session(store_txn_reader(t), o->cred, &row);
	if (r != STORE_OK)
		return r == STORE_NONE ? STORE_OK : r;
	/* The endpoint may have come back in the meantime, with another association. */
	if (row.device != STORE_NO_SLOT && !o->anyhow &&
		(!d->drop || row.device != d->drop_place || !is_at(t, row.device, d->drop_id)))
		return STORE_OK;
	return store_session_drop(t, o->cred);
}

/* Unless it is another registration by now. */
static enum store_result expire(struct store_txn *t, const struct gw_op *o)
{
	struct store_session row;
	const enum store_result r = store_read_session(store_txn_reader(t), o->cred, &row);
	if (r != STORE_OK || !row.registered || row.expires_ms != o->row.expires_ms)
		return r == STORE_BROKEN ? r : STORE_OK;
	row.registered = false;
	row.expires_ms = 0;
	return store_session_put(t, &row);
}

static enum store_result put_legs(struct store_txn *t, struct gw_op *o)
{
	for (size_t i = 0; i < GW_LEGS; i++) {
		struct gw_op_leg *const leg = &o->legs[i];
		enum store_result r = STORE_OK;
		if (leg->put)
			r = store_assoc_put(t, &leg->assoc, o->owner);
		else if (leg->lease)
			r = store_lease(t, &leg->assoc, leg->edge);
		if (r != STORE_OK)
			return r;
	}
	return STORE_OK;
}

/* All else of the association stays as it is. */
static enum store_result settle(struct store_txn *t, const struct store_assoc *anew)
{
	struct store_assoc a;
	enum store_result r = store_read_assoc(store_txn_reader(t), anew->slot, &a);
	if (r == STORE_OK && memcmp(a.id, anew->id, sizeof(a.id)) == 0) {
		memcpy(a.context, anew->context, sizeof(a.context));
		a.context_len = anew->context_len;
		r = store_assoc_rewrite(t, &a);
	}
	wipe(&a, sizeof(a));
	return r == STORE_BROKEN ? r : STORE_OK; /* it may be gone by now */
}

/* The row does not name what is dropped any more: the slot will be another's. */
static enum store_result unname(struct store_txn *t, const struct gw_op *o)
{
	struct store_session row;
	const struct gw_op_leg *const d = &o->legs[GW_DEVICE], *const l = &o->legs[GW_LINK];
	const enum store_result r = store_read_session(store_txn_reader(t), o->cred, &row);
	if (r != STORE_OK)
		return r == STORE_BROKEN ? r : STORE_OK;
	const bool device = d->drop && row.device == d->drop_place;
	const bool link = l->drop && row.link == l->drop_place;
	if (device)
		row.device = STORE_NO_SLOT;
	if (link)
		row.link = STORE_NO_SLOT;
	return device || link ? store_session_put(t, &row) : STORE_OK;
}

static enum store_result drop_legs(struct store_txn *t, struct gw_op *o)
{
	for (size_t i = 0; i < GW_LEGS; i++) {
		const struct gw_op_leg *const leg = &o->legs[i];
		const enum store_result r =
			leg->drop ? store_assoc_drop(t, leg->drop_place, leg->drop_id) : STORE_OK;
		if (r == STORE_BROKEN)
			return r;
	}
	return o->save || o->forget ? STORE_OK : unname(t, o);
}

/* Where a put was under way when o was made, it has been done by now: the row knows its place. */
static enum store_result complete(struct store_txn *t, struct gw_op *o)
{
	struct store_session row;
	if (!o->legs[GW_DEVICE].as_is && !o->legs[GW_LINK].as_is)
		return STORE_OK;
	const enum store_result r = store_read_session(store_txn_reader(t), o->cred, &row);
	if (r != STORE_OK)
		return r == STORE_BROKEN ? r : STORE_OK;
	if (o->legs[GW_DEVICE].as_is)
		o->row.device = row.device;
	if (o->legs[GW_LINK].as_is)
		o->row.link = row.link;
	return STORE_OK;
}

static enum store_result run(struct store_txn *t, struct store_op *op)
{
	struct gw_op *const o = CONTAINER_OF(op, struct gw_op, op);
	struct gw_op_leg *const device = &o->legs[GW_DEVICE];
	uint64_t full_ms;
	if (device->put && o->resumed &&
		store_resume_full_ms(store_txn_reader(t), o->cred, &full_ms) == STORE_OK)
		device->assoc.up_ms = full_ms;
	enum store_result r = put_legs(t, o);
	if (r == STORE_OK && o->save)
		r = complete(t, o);
	if (r != STORE_OK)
		return r;
	for (size_t i = 0; i < GW_LEGS && r == STORE_OK; i++) {
		if (o->legs[i].prove)
			r = store_assoc_prove(t, o->legs[i].assoc.slot, o->legs[i].assoc.id);
		if (o->legs[i].settle)
			r = settle(t, &o->legs[i].assoc);
	}
	if (device->put)
		o->row.device = device->assoc.slot;
	if (o->legs[GW_LINK].put)
		o->row.link = o->legs[GW_LINK].assoc.slot;
	if (r == STORE_OK && device->put)
		r = merge(t, o);
	if (r == STORE_OK && o->forget)
		r = forget(t, o);
	if (r == STORE_OK && o->expire)
		r = expire(t, o);
	if (r == STORE_OK)
		r = drop_legs(t, o);
	return r == STORE_OK && o->save ? store_session_put(t, &o->row) : r;
}

static void done(struct store_op *op, enum store_result result)
{
	struct gw_op *const o = CONTAINER_OF(op, struct gw_op, op);
	const struct gw_stored stored = { .op = o, .result = result };
	struct gw_worker *const w = o->worker;
	if (!inbox_post(
		    w->shared->inboxes[w->number], INBOX_SURE, GW_STORED, &stored, sizeof(stored)))
		abort(); /* memory ended: a session would wait for ever */
}

/* --- making operations ----------------------------------------------------------------------- */

struct gw_op *gw_op_new(struct gw_worker *w, struct gw_session *s, uint32_t cred)
{
	struct gw_op *const o = pool_take(&w->op_pool);
	if (!o)
		return NULL;
	o->op.run = run;
	o->op.done = done;
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
	if (o->blocks)
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
	row->registered = r->active;
	row->lifetime_s = r->lifetime_s;
	memcpy(row->location, r->location, sizeof(row->location));
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
		.lifetime_s = row->lifetime_s };
	memcpy(r->location, row->location, sizeof(r->location));
	/* The relay's clock may be younger than the registration. */
	const uint64_t ago_ms = now_ms > row->expires_ms ? now_ms - row->expires_ms : 0;
	if (row->expires_ms == UINT64_MAX)
		r->expires_ms = UINT64_MAX;
	else if (ago_ms > 0)
		r->expires_ms = w->now_ms > ago_ms ? w->now_ms - ago_ms : 0;
	else
		r->expires_ms = w->now_ms + (row->expires_ms - now_ms);
}
