/* SPDX-License-Identifier: Apache-2.0 */
/* What an operation does in the store's writer thread, in a transaction with others. */
#include "base/wipe.h"
#include "gateway/keep.h"
#include "gateway/learning.h"
#include "gateway/routes.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <string.h>

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

/* It leads to another server by now, which knows nothing of what the other one was told. */
static bool is_elsewhere(const struct store_session *old, const struct store_session *row)
{
	return !gw_upstream_same(old->upstream, row->upstream);
}

/* The device has shaken hands since. */
static void keep_registration(const struct store_session *old, struct store_session *row)
{
	row->registered = row->stale = old->registered;
	row->channels = (uint16_t)(old->channels + 1);
	memcpy(row->location, old->location, sizeof(row->location));
	row->lifetime_s = old->lifetime_s;
	row->expires_ms = old->expires_ms;
	row->binding = old->binding;
	row->version = old->version;
	row->queue = old->queue;
	memcpy(row->sms, old->sms, sizeof(row->sms));
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
	const bool elsewhere = is_elsewhere(&old, &o->row);
	const bool same =
		old.worker == o->row.worker && old.workers == o->row.workers && !elsewhere;
	if (old.device != STORE_NO_SLOT && old.device != mine)
		r = drop(t, old.device, o->cred, STORE_DEVICE);
	if (r == STORE_OK && old.link != STORE_NO_SLOT && old.link != link) {
		if (link == STORE_NO_SLOT && same)
			o->row.link = old.link;
		else
			r = drop(t, old.link, o->cred, STORE_LINK);
	}
	if (o->merge && !elsewhere && r == STORE_OK)
		keep_registration(&old, &o->row);
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
		if (leg->put && i == GW_DEVICE)
			o->learned = gw_learning_proves(
				t, o->cred, leg->assoc.generation, &o->staged.kind);
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

/* A resumed session is as old as its full handshake (S29). */
static void date(struct store_txn *t, struct gw_op *o)
{
	uint64_t full_ms;
	if (o->legs[GW_DEVICE].put && o->resumed &&
		store_resume_full_ms(store_txn_reader(t), o->cred, &full_ms) == STORE_OK)
		o->legs[GW_DEVICE].assoc.up_ms = full_ms;
}

/* It may be gone by now, or have been replaced. */
static enum store_result move(struct store_txn *t, const struct store_assoc *a)
{
	const enum store_result r = store_assoc_move(t, a);
	return r == STORE_NONE || r == STORE_STALE ? STORE_OK : r;
}

static enum store_result change_legs(struct store_txn *t, struct gw_op *o)
{
	enum store_result r = STORE_OK;
	for (size_t i = 0; i < GW_LEGS && r == STORE_OK; i++) {
		const struct store_assoc *const a = &o->legs[i].assoc;
		if (o->legs[i].prove)
			r = store_assoc_prove(t, a->slot, a->id);
		if (o->legs[i].settle)
			r = settle(t, a);
		if (o->legs[i].move)
			r = move(t, a);
	}
	return r;
}

/* What was decided is of this association, and goes with it. */
static enum store_result note(struct store_txn *t, const struct gw_op *o)
{
	enum store_result r = STORE_OK;
	if (o->note && is_at(t, o->noted_place, o->noted_id))
		r = store_verdict_put(t, &o->verdict);
	if (o->refuse && (r == STORE_OK || r == STORE_NONE))
		r = store_resume_drop_cred(t, o->cred);
	return r == STORE_NONE ? STORE_OK : r;
}

static void name_legs(struct gw_op *o)
{
	if (o->legs[GW_DEVICE].put)
		o->row.device = o->legs[GW_DEVICE].assoc.slot;
	if (o->legs[GW_LINK].put)
		o->row.link = o->legs[GW_LINK].assoc.slot;
}

enum store_result gw_op_run(struct store_txn *t, struct store_op *op)
{
	struct gw_op *const o = CONTAINER_OF(op, struct gw_op, op);
	date(t, o);
	/* What may be refused comes first, while nothing is changed. */
	enum store_result r = put_legs(t, o);
	if (r == STORE_OK && o->learns != GW_LEARNS_NOTHING)
		r = gw_learning_run(t, o);
	if (r == STORE_OK && o->save)
		r = complete(t, o);
	if (r == STORE_OK)
		r = change_legs(t, o);
	if (r == STORE_OK)
		r = note(t, o);
	name_legs(o);
	if (r == STORE_OK && o->legs[GW_DEVICE].put)
		r = merge(t, o);
	if (r == STORE_OK && o->forget)
		r = forget(t, o);
	if (r == STORE_OK && o->expire)
		r = expire(t, o);
	if (r == STORE_OK)
		r = drop_legs(t, o);
	return r == STORE_OK && o->save ? store_session_put(t, &o->row) : r;
}

void gw_op_done(struct store_op *op, enum store_result result)
{
	struct gw_op *const o = CONTAINER_OF(op, struct gw_op, op);
	const struct gw_stored stored = { .op = o, .result = result };
	struct gw_worker *const w = o->worker;
	if (!inbox_post(
		    w->shared->inboxes[w->number], INBOX_SURE, GW_STORED, &stored, sizeof(stored)))
		abort(); /* memory ended: a session would wait for ever */
}
