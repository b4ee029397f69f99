/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/credentials_steps.h"

#include "base/wipe.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "conf/fail.h"
#include "gateway/credentials_same.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

static const char certificate_key[] = "the key of the certificate";
static const char upstream_key[] = "the upstream key";
static const char upstream_name[] = "the upstream identity"; /* one device may have it twice */

bool cred_stands_over_file(const struct store_cred *c)
{
	return c->origin != STORE_BY_FILE;
}

/* --- making the plan ------------------------------------------------------------------------- */

struct cred_step *cred_steps_add(struct cred_plan *p)
{
	if (p->len == p->cap) {
		const size_t cap = p->cap * 2 + 1;
		struct cred_step *steps = realloc(p->steps, cap * sizeof(*steps));
		if (steps == NULL)
			return NULL;
		p->steps = steps;
		p->cap = cap;
	}
	struct cred_step *s = &p->steps[p->len++];
	*s = (struct cred_step){ .entry = CRED_NO_ENTRY };
	return s;
}

bool cred_steps_no_memory(const struct cred_plan *p)
{
	return conf_fail(p->error, p->by->name, 0, "no memory for %zu credentials; free some",
		cred_count(p->set));
}

bool cred_steps_unreadable(const struct cred_plan *p)
{
	return conf_fail(p->error, p->by->name, 0,
		"the store in %s cannot be read: it is damaged, or its disk has failed; the log "
		"says "
		"which; put a backup back",
		p->by->folder ? p->by->folder : "memory");
}

static bool taken(const struct cred_plan *p, uint32_t entry, const char *what, const char *owner)
{
	return conf_fail(p->error, p->by->name, cred_line(p->set, entry),
		"%s is also that of %s in the store; each device needs its own (RFC 7925)", what,
		owner);
}

static bool is_its_endpoint(const struct cred_plan *p, uint32_t n, const struct store_cred *c)
{
	return strcmp(cred_endpoint(p->set, n), c->endpoint) == 0;
}

static bool excludes(uint8_t a, uint8_t b)
{
	return a == b || a == STORE_FOR_ANY || b == STORE_FOR_ANY;
}

/* One for short messages has a place of its own. */
static bool shares_place(const struct cred_plan *p, uint32_t n, const struct store_cred *c)
{
	const bool sms = c->kind == STORE_CRED_SMS;
	return sms == (cred_kind(p->set, n) == CRED_SMS) &&
	       (sms || excludes(p->steps[n].purpose, c->purpose));
}

/* Does this entry of the set take the place of c? */
static bool is_heir(const struct cred_plan *p, uint32_t n, const struct store_cred *c)
{
	return is_its_endpoint(p, n, c) && shares_place(p, n, c);
}

static bool has_heir(const struct cred_plan *p, const struct store_cred *c)
{
	static const enum conf_purpose all[] = { CONF_FOR_ANY, CONF_FOR_SERVER,
		CONF_FOR_BOOTSTRAP };
	uint32_t n = 0;
	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (cred_by_endpoint(p->set, c->endpoint, all[i], &n) && is_heir(p, n, c))
			return true;
	return cred_by_endpoint_sms(p->set, c->endpoint, &n) && is_heir(p, n, c);
}

/* Does the entry's endpoint have what lwgatectl or a bootstrap has said? Then nothing of the entry
   comes into the store, and it takes nothing from anybody. */
static bool entry_is_kept(const struct cred_plan *p, uint32_t entry)
{
	struct store_cred c = { .number = 0 };
	uint32_t number = 0;
	bool kept = false;
	while (p->by->mode == CRED_PLAN_FILE && !kept &&
		store_next_of_endpoint(p->by->reader, cred_endpoint(p->set, entry), &number, &c) ==
			STORE_OK)
		kept = cred_stands_over_file(&c) && shares_place(p, entry, &c);
	wipe(&c, sizeof(c));
	return kept;
}

/* What the store keeps is also in an entry of another. */
static bool clashes(
	const struct cred_plan *p, uint32_t entry, const struct store_cred *c, const char *what)
{
	return !is_heir(p, entry, c) && !entry_is_kept(p, entry) &&
	       !taken(p, entry, what, c->endpoint);
}

/* A device that also comes by short messages is the same to its server either way. */
static bool is_same_link(const struct cred_plan *p, uint32_t n, const struct store_cred *c)
{
	return is_its_endpoint(p, n, c) &&
	       (c->kind == STORE_CRED_SMS) != (cred_kind(p->set, n) == CRED_SMS);
}

/* What it has proved until now is its own while that is taken. */
static bool before_stays(const struct cred_plan *p, const struct store_cred *c)
{
	const struct store_cred_before *b = &c->before;
	const enum cred_kind kind = (enum cred_kind)c->kind;
	uint32_t n = 0;
	if (b->generation == 0 || b->until_ms <= p->by->now_ms)
		return true;
	if (cred_by_identity(p->set, kind, b->identity, b->identity_len, &n) &&
		clashes(p, n, c, cred_identity_words(kind)))
		return false;
	if (b->key_len > 0 && cred_by_key(p->set, b->key, b->key_len, &n) &&
		clashes(p, n, c, "the key"))
		return false;
	return true;
}

/* c stays as it is: nobody else of the set may have what it has. */
static bool stays(const struct cred_plan *p, const struct store_cred *c)
{
	const uint8_t *upstream = c->upstream_identity;
	size_t upstream_len = c->upstream_identity_len;
	uint32_t n = 0;
	if (upstream_len == 0) { /* derived: the endpoint's name */
		upstream = (const uint8_t *)c->endpoint;
		upstream_len = strlen(c->endpoint);
	}
	const enum cred_kind kind = (enum cred_kind)c->kind;
	if (cred_by_identity(p->set, kind, c->identity, c->identity_len, &n) &&
		clashes(p, n, c, cred_identity_words(kind)))
		return false;
	if (!before_stays(p, c))
		return false;
	if (c->pinned && cred_by_holder(p->set, c->pin, &n) && clashes(p, n, c, certificate_key))
		return false;
	if (cred_by_upstream_identity(p->set, upstream, upstream_len, &n) &&
		!is_its_endpoint(p, n, c) && clashes(p, n, c, upstream_name))
		return false;
	if (cred_by_key(p->set, c->key, c->key_len, &n) && clashes(p, n, c, "the key"))
		return false;
	if (c->upstream_key_len > 0 &&
		cred_by_key(p->set, c->upstream_key, c->upstream_key_len, &n) &&
		!is_same_link(p, n, c) && clashes(p, n, c, "the upstream key"))
		return false;
	return true;
}

/* Is somebody else of the set to have what c has? */
static bool wants_proof(const struct cred_plan *p, const struct store_cred *c)
{
	const enum cred_kind kind = (enum cred_kind)c->kind;
	uint32_t n = 0;
	if (cred_by_identity(p->set, kind, c->identity, c->identity_len, &n) && !is_heir(p, n, c))
		return true;
	return c->key_len > 0 && cred_by_key(p->set, c->key, c->key_len, &n) && !is_heir(p, n, c);
}

/* It is in both, and active, and not the same. */
static bool differs(struct cred_plan *p, struct cred_step *s, const struct store_cred *c,
	const struct store_cred *wanted)
{
	if (p->by->mode == CRED_PLAN_FILE && cred_stands_over_file(c)) {
		s->keep = true;
		return stays(p, c);
	}
	if (p->by->mode == CRED_PLAN_ADD)
		return conf_fail(p->error, p->by->name, cred_line(p->set, s->entry),
			"%s is in the store with another key, identity, certificate, label, "
			"right or end; replace it, or leave it out",
			c->endpoint);
	s->act = wants_proof(p, c) && !cred_same_name(c, wanted) ? CRED_SUCCEED : CRED_PUT;
	return true;
}

/* What becomes of that which the device has proved until now. */
static bool decide_before(struct cred_plan *p, struct cred_step *s, const struct store_cred *c,
	const struct store_cred *wanted)
{
	struct cred_terms t;
	cred_terms(p->set, s->entry, &t);
	const uint32_t span = t.says_overlap ? t.overlap_s : p->by->overlap_s;
	const uint64_t end = p->by->now_ms + (uint64_t)span * 1000;
	if (s->keep)
		return true;
	if (cred_same_proof(c, wanted)) {
		s->settle = t.says_overlap && span == 0 && c->before.generation != 0;
		s->act = s->settle ? CRED_PUT : s->act;
		return s->settle || before_stays(p, c);
	}
	/* Of what was over nothing is left to overlap. */
	const bool over = c->until_ms != 0 && c->until_ms <= p->by->now_ms;
	if (s->act == CRED_PUT && span > 0 && !over && c->kind != STORE_CRED_SMS &&
		c->kind == wanted->kind && !wants_proof(p, c))
		s->before_ms = c->until_ms != 0 && c->until_ms < end ? c->until_ms : end;
	return true;
}

static bool meet_entry(struct cred_plan *p, const struct store_cred *c, uint32_t entry)
{
	struct cred_step *s = &p->steps[entry];
	struct store_cred wanted;
	s->generation = c->generation;
	s->of_file = c->origin == STORE_BY_FILE;
	s->learned = c->origin == STORE_BY_BOOTSTRAP;
	if (c->state == STORE_CRED_REVOKED) { /* what lwgatectl has revoked, no file brings back */
		s->keep = p->by->mode == CRED_PLAN_FILE && cred_stands_over_file(c);
		return true;
	}
	s->number = c->number;
	cred_step_fill(p, entry, c, &wanted);
	s->act = CRED_LEAVE;
	const bool ok = (cred_same_all(c, &wanted) || differs(p, s, c, &wanted)) &&
			decide_before(p, s, c, &wanted);
	wipe(&wanted, sizeof(wanted));
	return ok;
}

/* --- a file, and all of the store ------------------------------------------------------------ */

/* One of the store. */
static bool meet(struct cred_plan *p, const struct store_cred *c)
{
	const enum conf_purpose purpose = (enum conf_purpose)c->purpose;
	uint32_t rivals[CRED_RIVALS], entry = 0;
	const bool sms = c->kind == STORE_CRED_SMS;
	if (sms && cred_by_endpoint_sms(p->set, c->endpoint, &entry))
		return meet_entry(p, c, entry);
	if (!sms && cred_by_endpoint(p->set, c->endpoint, purpose, &entry))
		return meet_entry(p, c, entry);
	/* What lwgatectl has said of one purpose, or of all, a file's other words do not undo. */
	const size_t len = sms ? 0 : cred_rivals(p->set, c->endpoint, purpose, rivals);
	for (size_t i = 0; i < len && cred_stands_over_file(c); i++)
		p->steps[rivals[i]].keep = true;
	if (c->state == STORE_CRED_REVOKED)
		return true;
	if (cred_stands_over_file(c))
		return stays(p, c);
	struct cred_step *s = cred_steps_add(p);
	if (s == NULL)
		return cred_steps_no_memory(p);
	s->act = CRED_REVOKE;
	s->number = c->number;
	s->generation = c->generation;
	return true;
}

static bool meet_all(struct cred_plan *p)
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
	return ok && (r == STORE_NONE || cred_steps_unreadable(p));
}

/* --- some, and what of the store they meet --------------------------------------------------- */

/* Who has what the entry wants: nobody, or one of the set, who gets something else. */
static bool is_free(const struct cred_plan *p, uint32_t entry, const char *what, uint32_t number)
{
	struct store_cred c;
	const enum store_result r = store_read_cred(p->by->reader, number, &c);
	bool ok = true;
	if (r != STORE_OK)
		ok = cred_steps_unreadable(p);
	else if (!has_heir(p, &c) && !(what == upstream_name && is_its_endpoint(p, entry, &c)) &&
		 !(what == upstream_key && is_same_link(p, entry, &c)))
		ok = taken(p, entry, what, c.endpoint);
	wipe(&c, sizeof(c));
	return ok;
}

static bool answered(const struct cred_plan *p, uint32_t entry, const char *what,
	enum store_result r, uint32_t number)
{
	if (r == STORE_NONE)
		return true;
	return r == STORE_OK ? is_free(p, entry, what, number) : cred_steps_unreadable(p);
}

static bool key_free(
	const struct cred_plan *p, uint32_t entry, const char *what, const uint8_t *key, size_t len)
{
	uint32_t number = 0;
	const enum store_result r = store_find_key(p->by->reader, key, len, &number);
	return answered(p, entry, what, r, number);
}

/* Who derives goes upstream by the endpoint's name. */
static bool derived_free(const struct cred_plan *p, uint32_t entry, const struct store_cred *wanted)
{
	char name[STORE_ENDPOINT_MAX + 1] = { 0 };
	struct store_cred c;
	uint32_t number = 0;
	enum store_result r;
	memcpy(name, wanted->upstream_identity, wanted->upstream_identity_len);
	do
		r = store_next_of_endpoint(p->by->reader, name, &number, &c);
	while (r == STORE_OK && (c.state != STORE_CRED_ACTIVE || c.upstream_key_len > 0));
	wipe(&c, sizeof(c));
	return answered(p, entry, upstream_name, r, number);
}

static bool upstream_free(
	const struct cred_plan *p, uint32_t entry, const struct store_cred *wanted)
{
	const bool derives = wanted->upstream_key_len == 0;
	uint32_t number = 0;
	const enum store_result r = store_find_upstream_identity(p->by->reader,
		derives ? (const uint8_t *)wanted->endpoint : wanted->upstream_identity,
		derives ? strlen(wanted->endpoint) : wanted->upstream_identity_len, &number);
	if (!answered(p, entry, upstream_name, r, number))
		return false;
	return derives || (derived_free(p, entry, wanted) &&
				  key_free(p, entry, upstream_key, wanted->upstream_key,
					  wanted->upstream_key_len));
}

/* Nobody's raw key is pinned. */
static bool pin_free(const struct cred_plan *p, uint32_t entry)
{
	const uint8_t *const pin = cred_pin(p->set, entry);
	struct store_cred c;
	if (pin == NULL)
		return true;
	const enum store_result r =
		store_find_identity(p->by->reader, STORE_CRED_RAW_KEY, pin, STORE_PIN_LEN, &c);
	const uint32_t number = c.number;
	wipe(&c, sizeof(c));
	return answered(p, entry, certificate_key, r, number);
}

/* Its key, if one is known, is in nobody's pin. */
static bool holder_free(const struct cred_plan *p, uint32_t entry, const struct store_cred *wanted)
{
	const bool raw = wanted->kind == STORE_CRED_RAW_KEY;
	uint32_t number = 0;
	if (!raw && !cred_pin_is_own(p->set, entry))
		return true;
	const enum store_result r =
		store_find_pin(p->by->reader, raw ? wanted->identity : wanted->pin, &number);
	return answered(p, entry, raw ? "the public key" : certificate_key, r, number);
}

static bool all_free(const struct cred_plan *p, uint32_t entry, const struct store_cred *wanted)
{
	struct store_cred c;
	const enum store_cred_kind kind = (enum store_cred_kind)wanted->kind;
	const enum store_result r = store_find_identity(
		p->by->reader, kind, wanted->identity, wanted->identity_len, &c);
	const uint32_t number = c.number;
	wipe(&c, sizeof(c));
	return answered(p, entry, cred_identity_words((enum cred_kind)kind), r, number) &&
	       holder_free(p, entry, wanted) && pin_free(p, entry) &&
	       upstream_free(p, entry, wanted) &&
	       (wanted->key_len == 0 ||
		       key_free(p, entry, "the key", wanted->key, wanted->key_len));
}

static bool look_up(struct cred_plan *p, uint32_t entry)
{
	struct store_cred c, wanted;
	if (!cred_step_place(p, entry))
		return false;
	const char *const endpoint = cred_endpoint(p->set, entry);
	const enum store_result r =
		cred_kind(p->set, entry) == CRED_SMS
			? store_find_endpoint_sms(p->by->reader, endpoint, &c)
			: store_find_endpoint(p->by->reader, endpoint,
				  (enum store_purpose)p->steps[entry].purpose, &c);
	bool ok = r == STORE_OK ? meet_entry(p, &c, entry)
				: r == STORE_NONE || cred_steps_unreadable(p);
	if (ok && p->steps[entry].act != CRED_LEAVE) {
		cred_step_fill(p, entry, NULL, &wanted);
		ok = all_free(p, entry, &wanted);
		wipe(&wanted, sizeof(wanted));
	}
	wipe(&c, sizeof(c));
	return ok;
}

static bool look_all_up(struct cred_plan *p)
{
	bool ok = true;
	for (uint32_t i = 0; ok && i < cred_count(p->set); i++)
		ok = look_up(p, i);
	store_reader_rest(p->by->reader);
	return ok;
}

/* A file's: all else of the store has been met. */
static bool pins_free(const struct cred_plan *p)
{
	bool ok = true;
	for (uint32_t i = 0; ok && i < cred_count(p->set); i++)
		ok = p->steps[i].act == CRED_LEAVE || pin_free(p, i);
	store_reader_rest(p->by->reader);
	return ok;
}

/* --- the whole plan -------------------------------------------------------------------------- */

static void count(struct cred_plan *p)
{
	struct cred_plan_made *m = &p->made;
	for (size_t i = 0; i < p->len; i++) {
		const struct cred_step *s = &p->steps[i];
		if (s->keep && m->kept == 0) {
			m->kept_first = s->entry;
			m->kept_learned = s->learned;
		}
		m->kept += s->keep;
		m->same += s->act == CRED_LEAVE && !s->keep;
		m->added += s->act == CRED_PUT && s->number == 0;
		m->replaced += s->act == CRED_SUCCEED || (s->act == CRED_PUT && s->number != 0);
		m->overlaps += s->before_ms != 0;
		m->revoked += s->act == CRED_REVOKE;
	}
}

static bool begin(struct cred_plan *p)
{
	const size_t n = cred_count(p->set);
	p->steps = calloc(n + 1, sizeof(*p->steps));
	if (p->steps == NULL)
		return cred_steps_no_memory(p);
	p->len = n;
	p->cap = n + 1;
	for (uint32_t i = 0; i < n; i++)
		p->steps[i] = (struct cred_step){
			.act = CRED_PUT, .entry = i, .purpose = (uint8_t)cred_purpose(p->set, i)
		};
	return true;
}

bool cred_steps_make(struct cred_plan *p)
{
	const size_t n = cred_count(p->set);
	if (!begin(p))
		return false;
	if (!(p->by->mode == CRED_PLAN_FILE ? meet_all(p) && pins_free(p) : look_all_up(p)))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p->steps[i].keep)
			p->steps[i].act = CRED_LEAVE;
	}
	count(p);
	return true;
}

bool cred_steps_try(struct cred_plan *p,
	void (*each)(void *ctx, const struct cred_step *s, const char *error), void *ctx)
{
	if (!begin(p))
		return false;
	for (uint32_t i = 0; i < cred_count(p->set); i++) {
		const bool ok = look_up(p, i);
		each(ctx, &p->steps[i], ok ? NULL : p->error->text);
	}
	store_reader_rest(p->by->reader);
	return true;
}
