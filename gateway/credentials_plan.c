/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/credentials_plan.h"

#include "base/wipe.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "conf/fail.h"
#include "gateway/store_wait.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

enum { DONT = 0xffffffff };

enum act {
	LEAVE,
	PUT,     /* under its number, or a new one */
	REVOKE,  /* of the store, not of the set */
	SUCCEED, /* revoke the number, put under a new one: another identity, which others may want */
};

struct step {
	enum act act;
	bool keep;           /* lwgatectl has said otherwise */
	uint32_t number;     /* in the store, active; 0: not there */
	uint32_t entry;      /* in the set */
	uint64_t generation; /* that it had when the plan was made */
};

struct plan {
	const struct cred_plan_by *by;
	const struct cred_set *set;
	struct step *steps; /* one for each of the set, then what is revoked */
	size_t len, cap;
	struct cred_plan_made made;
	struct conf_error *error;
};

/* --- the same? ------------------------------------------------------------------------------- */

static void fill(const struct plan *p, uint32_t entry, struct store_cred *out)
{
	struct cred_key k;
	*out = (struct store_cred){
		.changed_ms = p->by->now_ms,
		.state = STORE_CRED_ACTIVE,
		.origin = p->by->mode == CRED_PLAN_FILE ? STORE_BY_FILE : STORE_BY_CONTROL,
	};
	const char *endpoint = cred_endpoint(p->set, entry);
	memcpy(out->endpoint, endpoint, strlen(endpoint) + 1);
	cred_device_key(p->set, entry, &k);
	out->identity_len = (uint8_t)k.identity_len;
	out->key_len = (uint8_t)k.key_len;
	memcpy(out->identity, k.identity, k.identity_len);
	memcpy(out->key, k.key, k.key_len);
	/* Derived ones are not kept: the master secret may change. */
	if (!cred_derives(p->set, entry) && cred_upstream_key(p->set, entry, &k)) {
		out->upstream_identity_len = (uint8_t)k.identity_len;
		out->upstream_key_len = (uint8_t)k.key_len;
		memcpy(out->upstream_identity, k.identity, k.identity_len);
		memcpy(out->upstream_key, k.key, k.key_len);
	}
	wipe(&k, sizeof(k));
}

static bool same_octets(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && same_secret(a, b, a_len);
}

static bool same_identity(const struct store_cred *a, const struct store_cred *b)
{
	return same_octets(a->identity, a->identity_len, b->identity, b->identity_len);
}

static bool same_cred(const struct store_cred *a, const struct store_cred *b)
{
	return same_identity(a, b) && same_octets(a->key, a->key_len, b->key, b->key_len) &&
	       same_octets(a->upstream_identity, a->upstream_identity_len, b->upstream_identity,
		       b->upstream_identity_len) &&
	       same_octets(a->upstream_key, a->upstream_key_len, b->upstream_key,
		       b->upstream_key_len);
}

/* --- making the plan ------------------------------------------------------------------------- */

static struct step *add_step(struct plan *p)
{
	if (p->len == p->cap) {
		const size_t cap = p->cap * 2 + 1;
		struct step *steps = realloc(p->steps, cap * sizeof(*steps));
		if (steps == NULL)
			return NULL;
		p->steps = steps;
		p->cap = cap;
	}
	struct step *s = &p->steps[p->len++];
	*s = (struct step){ .entry = DONT };
	return s;
}

static bool no_memory(const struct plan *p)
{
	return conf_fail(p->error, p->by->name, 0, "no memory for %zu credentials; free some",
		cred_count(p->set));
}

static bool taken(const struct plan *p, uint32_t entry, const char *what, const char *owner)
{
	return conf_fail(p->error, p->by->name, cred_line(p->set, entry),
		"%s is also that of %s in the store; each device needs its own (RFC 7925)", what,
		owner);
}

/* c stays as it is: nobody else of the set may have what it has. */
static bool stays(const struct plan *p, const struct store_cred *c, uint32_t own)
{
	const uint8_t *upstream = c->upstream_identity;
	size_t upstream_len = c->upstream_identity_len;
	uint32_t n = 0;
	if (upstream_len == 0) { /* derived: the endpoint's name */
		upstream = (const uint8_t *)c->endpoint;
		upstream_len = strlen(c->endpoint);
	}
	if (cred_by_identity(p->set, c->identity, c->identity_len, &n) && n != own)
		return taken(p, n, "the identity", c->endpoint);
	if (cred_by_upstream_identity(p->set, upstream, upstream_len, &n) && n != own)
		return taken(p, n, "the upstream identity", c->endpoint);
	if (cred_by_key(p->set, c->key, c->key_len, &n) && n != own)
		return taken(p, n, "the key", c->endpoint);
	if (c->upstream_key_len > 0 &&
		cred_by_key(p->set, c->upstream_key, c->upstream_key_len, &n) && n != own)
		return taken(p, n, "the upstream key", c->endpoint);
	return true;
}

/* It is in both, and active, and not the same. */
static bool differs(struct plan *p, struct step *s, const struct store_cred *c,
	const struct store_cred *wanted)
{
	if (p->by->mode == CRED_PLAN_FILE && c->origin == STORE_BY_CONTROL) {
		s->keep = true;
		return stays(p, c, s->entry);
	}
	if (p->by->mode == CRED_PLAN_ADD)
		return conf_fail(p->error, p->by->name, cred_line(p->set, s->entry),
			"%s is in the store with another key or identity; replace it, or leave it "
			"out",
			c->endpoint);
	s->act = same_identity(c, wanted) ? PUT : SUCCEED;
	return true;
}

static bool meet_entry(struct plan *p, const struct store_cred *c, uint32_t entry)
{
	struct step *s = &p->steps[entry];
	struct store_cred wanted;
	s->generation = c->generation;
	if (c->state == STORE_CRED_REVOKED) { /* what lwgatectl has revoked, no file brings back */
		s->keep = p->by->mode == CRED_PLAN_FILE && c->origin == STORE_BY_CONTROL;
		return true;
	}
	s->number = c->number;
	fill(p, entry, &wanted);
	s->act = LEAVE;
	const bool ok = same_cred(c, &wanted) || differs(p, s, c, &wanted);
	wipe(&wanted, sizeof(wanted));
	return ok;
}

/* One of the store. */
static bool meet(struct plan *p, const struct store_cred *c)
{
	uint32_t entry = 0;
	if (cred_by_endpoint(p->set, c->endpoint, &entry))
		return meet_entry(p, c, entry);
	if (c->state == STORE_CRED_REVOKED)
		return true;
	if (p->by->mode != CRED_PLAN_FILE || c->origin != STORE_BY_FILE)
		return stays(p, c, DONT);
	struct step *s = add_step(p);
	if (s == NULL)
		return no_memory(p);
	s->act = REVOKE;
	s->number = c->number;
	s->generation = c->generation;
	return true;
}

static bool meet_all(struct plan *p)
{
	struct store_cred c = { 0 };
	enum store_result r = STORE_OK;
	bool ok = true;
	for (uint32_t number = 0, before = 0; ok; before = number) {
		r = store_next_cred(p->by->reader, &number, &c);
		if (r == STORE_DAMAGED && number > before)
			continue; /* the store tells of it; who has it does not come in */
		if (r != STORE_OK)
			break;
		ok = meet(p, &c);
	}
	wipe(&c, sizeof(c));
	store_reader_rest(p->by->reader);
	if (ok && r != STORE_NONE)
		return conf_fail(p->error, p->by->name, 0,
			"the store cannot be read; look into the log for the medium's errors");
	return ok;
}

static void count(struct plan *p)
{
	struct cred_plan_made *m = &p->made;
	for (size_t i = 0; i < p->len; i++) {
		const struct step *s = &p->steps[i];
		m->kept_first = s->keep && m->kept == 0 ? s->entry : m->kept_first;
		m->kept += s->keep;
		m->same += s->act == LEAVE && !s->keep;
		m->added += s->act == PUT && s->number == 0;
		m->replaced += s->act == SUCCEED || (s->act == PUT && s->number != 0);
		m->revoked += s->act == REVOKE;
	}
}

static bool make(struct plan *p)
{
	const size_t n = cred_count(p->set);
	p->steps = malloc((n + 1) * sizeof(*p->steps));
	if (p->steps == NULL)
		return no_memory(p);
	p->len = n;
	p->cap = n + 1;
	for (uint32_t i = 0; i < n; i++)
		p->steps[i] = (struct step){ .act = PUT, .entry = i };
	if (!meet_all(p))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p->steps[i].keep)
			p->steps[i].act = LEAVE;
	}
	count(p);
	return true;
}

/* --- doing it -------------------------------------------------------------------------------- */

/* S28: is it still as it was when the plan was made? */
static enum store_result unchanged(struct store_txn *t, const struct step *s)
{
	uint64_t generation = 0;
	bool active = false;
	if (s->act == LEAVE || s->number == 0)
		return STORE_OK;
	const enum store_result r =
		store_read_cred_mark(store_txn_reader(t), s->number, &generation, &active);
	if (r != STORE_OK)
		return r == STORE_NONE ? STORE_STALE : r;
	return active && generation == s->generation ? STORE_OK : STORE_STALE;
}

static enum store_result put(struct store_txn *t, const struct plan *p, const struct step *s)
{
	struct store_cred c;
	fill(p, s->entry, &c);
	c.number = s->act == PUT ? s->number : 0;
	const enum store_result r = store_cred_put(t, &c);
	wipe(&c, sizeof(c));
	return r;
}

/* All that goes makes room for what comes: an identity may pass from one to another. */
static enum store_result run_plan(struct store_txn *t, void *ctx)
{
	const struct plan *p = ctx;
	enum store_result r = STORE_OK;
	for (size_t i = 0; i < p->len && r == STORE_OK; i++)
		r = unchanged(t, &p->steps[i]);
	for (size_t i = 0; i < p->len && r == STORE_OK; i++) {
		const struct step *s = &p->steps[i];
		if (s->act == REVOKE || s->act == SUCCEED)
			r = store_cred_revoke(t, s->number);
	}
	for (size_t i = 0; i < p->len && r == STORE_OK; i++) {
		const struct step *s = &p->steps[i];
		if (s->act == PUT || s->act == SUCCEED)
			r = put(t, p, s);
	}
	return r;
}

static bool explain(const struct cred_plan_by *by, enum store_result r, struct conf_error *error)
{
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
			"the store is damaged there; nothing was changed; look into the log");
	case STORE_BROKEN:
		break;
	}
	return conf_fail(error, by->name, 0,
		"the store's medium failed; nothing was changed; look into the log, and restart on "
		"a sound disk");
}

static void tell(const struct plan *p)
{
	for (size_t i = 0; p->by->changed != NULL && i < p->len; i++) {
		const struct step *s = &p->steps[i];
		if (s->act != LEAVE && s->number != 0)
			p->by->changed(p->by->ctx, s->number);
	}
}

bool cred_plan_do(const struct cred_plan_by *by, const struct cred_set *set,
	struct cred_plan_made *made, struct conf_error *error)
{
	struct plan p = { .by = by, .set = set, .error = error };
	bool ok = make(&p);
	const size_t changes = p.made.added + p.made.replaced + p.made.revoked;
	if (ok && changes > 0) {
		/* What only takes away goes on when the disk is full. */
		const bool vital = changes == p.made.revoked;
		ok = explain(by, gw_store_do(by->store, run_plan, &p, vital), error);
		if (ok)
			tell(&p);
	}
	free(p.steps);
	*made = ok ? p.made : (struct cred_plan_made){ 0 };
	return ok;
}

/* --- revoking one ---------------------------------------------------------------------------- */

/* Whose word it was is kept with it, so that no file brings it back. */
static enum store_result run_revoke(struct store_txn *t, void *ctx)
{
	const struct store_cred *old = ctx;
	const struct step s = {
		.act = REVOKE, .number = old->number, .generation = old->generation
	};
	enum store_result r = unchanged(t, &s);
	if (r == STORE_OK && old->origin != STORE_BY_CONTROL) {
		struct store_cred c = *old;
		c.origin = STORE_BY_CONTROL;
		r = store_cred_put(t, &c);
		wipe(&c, sizeof(c));
	}
	return r == STORE_OK ? store_cred_revoke(t, old->number) : r;
}

bool cred_plan_revoke(
	const struct cred_plan_by *by, const struct store_cred *c, struct conf_error *error)
{
	struct store_cred copy = *c;
	const enum store_result r = gw_store_do(by->store, run_revoke, &copy, true);
	wipe(&copy, sizeof(copy));
	if (!explain(by, r, error))
		return false;
	if (by->changed != NULL)
		by->changed(by->ctx, c->number);
	return true;
}
