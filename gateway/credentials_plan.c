/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/credentials_plan.h"

#include "base/wipe.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "conf/fail.h"
#include "gateway/credentials_digest.h"
#include "gateway/credentials_steps.h"
#include "gateway/store_wait.h"
#include "store/staging.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

enum { NOTE_LEN = CRED_DIGEST + 1 };

/* What file the store was made to hold last: its digest, and whether something stood over it. */
static const char note_name[] = STORE_NOTE_OF_FILE;

struct doing {
	struct cred_plan plan;
	uint8_t note[NOTE_LEN]; /* to be kept with it */
	size_t note_len;
	bool notes; /* it is */
};

/* --- doing it -------------------------------------------------------------------------------- */

/* S28: is it still as it was when the plan was made? */
static enum store_result unchanged(struct store_txn *t, const struct cred_step *s)
{
	struct store_cred_mark mark;
	if (s->act == CRED_LEAVE || s->number == 0)
		return STORE_OK;
	const enum store_result r = store_read_cred_mark(store_txn_reader(t), s->number, &mark);
	if (r != STORE_OK)
		return r == STORE_NONE ? STORE_STALE : r;
	return mark.active && mark.generation == s->generation ? STORE_OK : STORE_STALE;
}

static enum store_result put(
	struct store_txn *t, const struct cred_plan *p, const struct cred_step *s)
{
	struct store_cred c, now = { 0 };
	enum store_result r = STORE_OK;
	if (s->number != 0)
		r = store_read_cred(store_txn_reader(t), s->number, &now);
	cred_step_fill(p, s->entry, s->number != 0 ? &now : NULL, &c);
	c.number = s->act == CRED_PUT ? s->number : 0;
	if (s->before_ms != 0)
		cred_step_keep(&now, s->before_ms, &c.before);
	if (r == STORE_OK)
		r = store_cred_put(t, &c);
	if (r == STORE_OK && s->settle)
		r = store_cred_settle(t, s->number);
	wipe(&c, sizeof(c));
	wipe(&now, sizeof(now));
	return r;
}

/* All that goes makes room for what comes: an identity may pass from one to another. */
static enum store_result run_plan(struct store_txn *t, void *ctx)
{
	const struct doing *d = ctx;
	const struct cred_plan *p = &d->plan;
	enum store_result r = STORE_OK;
	for (size_t i = 0; i < p->len && r == STORE_OK; i++)
		r = unchanged(t, &p->steps[i]);
	for (size_t i = 0; i < p->len && r == STORE_OK; i++) {
		const struct cred_step *s = &p->steps[i];
		if (s->act == CRED_REVOKE || s->act == CRED_SUCCEED)
			r = store_cred_revoke(t, s->number,
				s->act == CRED_REVOKE ? STORE_BY_FILE : STORE_BY_CONTROL);
	}
	for (size_t i = 0; i < p->len && r == STORE_OK; i++) {
		const struct cred_step *s = &p->steps[i];
		if (s->act == CRED_PUT || s->act == CRED_SUCCEED)
			r = put(t, p, s);
	}
	if (r == STORE_OK && d->notes)
		r = store_note_put(t, note_name, d->note, d->note_len);
	return r;
}

/* The file is the same as at the last start, and nobody has said otherwise since. */
static bool is_known(struct doing *d)
{
	const struct cred_plan *p = &d->plan;
	uint8_t last[NOTE_LEN];
	size_t len = 0;
	if (p->by->mode != CRED_PLAN_FILE ||
		!cred_digest(p->set, store_seed(p->by->store), d->note))
		return false;
	d->note[CRED_DIGEST] = 0;
	d->note_len = NOTE_LEN;
	const enum store_result r =
		store_read_note(p->by->reader, note_name, last, sizeof(last), &len);
	store_reader_rest(p->by->reader);
	return r == STORE_OK && len == NOTE_LEN && memcmp(last, d->note, NOTE_LEN) == 0;
}

/* A file's note is kept when it has been followed; it goes when lwgatectl changes what is a file's,
   as in staged_take(), so that the next start looks where they differ. */
static void decide_note(struct doing *d)
{
	const struct cred_plan *p = &d->plan;
	if (p->by->mode == CRED_PLAN_FILE) {
		d->note[CRED_DIGEST] = p->made.kept > 0;
		d->notes = d->note_len > 0;
		return;
	}
	for (size_t i = 0; i < p->len; i++)
		d->notes = d->notes || (p->steps[i].of_file && p->steps[i].act != CRED_LEAVE);
}

static bool explain(const struct cred_plan_by *by, enum store_result r, struct conf_error *error)
{
	const char *const where = by->folder ? by->folder : "memory";
	switch (r) {
	case STORE_OK:
		return true;
	case STORE_FULL:
		return conf_fail(error, by->name, 0,
			"the disk of the store is full; nothing was changed; make room");
	case STORE_STALE:
		return conf_fail(error, by->name, 0,
			"credentials changed at the same time; nothing was changed; try again");
	case STORE_NONE:
	case STORE_DAMAGED:
		return conf_fail(error, by->name, 0,
			"the store in %s is damaged; nothing was changed; the log says where",
			where);
	case STORE_BROKEN:
		break;
	}
	return conf_fail(error, by->name, 0,
		"the store in %s cannot be written any more: its disk failed, or it is damaged; "
		"nothing was changed; the log says which",
		where);
}

static void tell(const struct cred_plan *p)
{
	for (size_t i = 0; p->by->changed != NULL && i < p->len; i++) {
		const struct cred_step *s = &p->steps[i];
		if (s->act != CRED_LEAVE && s->number != 0)
			p->by->changed(p->by->ctx, s->number);
	}
}

bool cred_plan_do(const struct cred_plan_by *by, const struct cred_set *set,
	struct cred_plan_made *made, struct conf_error *error)
{
	struct doing d = { .plan = { .by = by, .set = set, .error = error } };
	struct cred_plan *p = &d.plan;
	if (is_known(&d)) {
		*made = (struct cred_plan_made){ .same = cred_count(set) };
		return true;
	}
	bool ok = cred_steps_make(p);
	const size_t changes = p->made.added + p->made.replaced + p->made.revoked;
	decide_note(&d);
	if (ok && (changes > 0 || d.notes)) {
		/* What only takes away, or only notes, goes on when the disk is full. */
		const bool vital = changes == p->made.revoked;
		ok = explain(by, gw_store_do(by->store, run_plan, &d, vital), error);
		if (ok)
			tell(p);
	}
	free(p->steps);
	*made = ok ? p->made : (struct cred_plan_made){ 0 };
	return ok;
}

/* --- trying it ------------------------------------------------------------------------------- */

struct trying {
	const struct cred_set *set;
	void (*each)(void *ctx, const struct cred_would_be *w);
	void *ctx;
};

static void tried(void *ctx, const struct cred_step *s, const char *why)
{
	const struct trying *t = ctx;
	const struct cred_would_be w = {
		.endpoint = cred_endpoint(t->set, s->entry),
		.line = cred_line(t->set, s->entry),
		.what = s->act == CRED_LEAVE ? CRED_WOULD_LEAVE
			: s->number == 0     ? CRED_WOULD_ADD
					     : CRED_WOULD_REPLACE,
		.why = why,
	};
	t->each(t->ctx, &w);
}

bool cred_plan_try(const struct cred_plan_by *by, const struct cred_set *set,
	void (*each)(void *ctx, const struct cred_would_be *w), void *ctx, struct conf_error *error)
{
	struct cred_plan p = { .by = by, .set = set, .error = error };
	struct trying t = { .set = set, .each = each, .ctx = ctx };
	const bool ok = cred_steps_try(&p, tried, &t);
	free(p.steps);
	return ok;
}

/* --- revoking one ---------------------------------------------------------------------------- */

/* Whose word it was is kept with it, so that no file brings it back. */
static enum store_result run_revoke(struct store_txn *t, void *ctx)
{
	const struct store_cred *const old = ctx;
	struct store_cred_mark mark;
	enum store_result r = store_read_cred_mark(store_txn_reader(t), old->number, &mark);
	if (r == STORE_OK && mark.generation != old->generation)
		r = STORE_STALE;
	if (r == STORE_OK)
		r = store_cred_revoke(t, old->number, STORE_BY_CONTROL);
	if (r == STORE_OK && old->origin == STORE_BY_FILE)
		r = store_note_put(t, note_name, NULL, 0);
	return r;
}

bool cred_plan_revoke(
	const struct cred_plan_by *by, const struct store_cred *c, struct conf_error *error)
{
	struct store_cred copy = *c;
	const enum store_result r = gw_store_do(by->store, run_revoke, &copy, true);
	wipe(&copy, sizeof(copy));
	if (!explain(by, r, error))
		return false;
	if (by->changed != NULL && c->state == STORE_CRED_ACTIVE)
		by->changed(by->ctx, c->number);
	return true;
}
