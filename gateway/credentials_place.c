/* SPDX-License-Identifier: Apache-2.0 */
/* Which credential of its endpoint an entry is, by its purpose. */
#include "base/wipe.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "conf/fail.h"
#include "conf/purpose.h"
#include "gateway/credentials_steps.h"
#include "store/store.h"

static bool fails(const struct cred_plan *p, uint32_t entry, const char *what)
{
	return conf_fail(p->error, p->by->name, cred_line(p->set, entry), "%s %s",
		cred_endpoint(p->set, entry), what);
}

/* The active one; *len of them. */
static enum store_result only_one(
	const struct cred_plan *p, uint32_t entry, size_t *len, uint8_t *purpose)
{
	struct store_cred c;
	uint32_t number = 0;
	enum store_result r;
	*len = 0;
	while ((r = store_next_of_endpoint(
			p->by->reader, cred_endpoint(p->set, entry), &number, &c)) == STORE_OK) {
		if (c.state != STORE_CRED_ACTIVE || c.kind == STORE_CRED_SMS)
			continue;
		*purpose = c.purpose;
		(*len)++;
	}
	wipe(&c, sizeof(c));
	return r;
}

static bool choose(struct cred_plan *p, uint32_t entry)
{
	uint8_t *const purpose = &p->steps[entry].purpose;
	struct cred_terms t;
	size_t len = 0;
	cred_terms(p->set, entry, &t);
	if (t.says_purpose || p->by->mode != CRED_PLAN_REPLACE)
		return true;
	if (only_one(p, entry, &len, purpose) != STORE_NONE)
		return cred_steps_unreadable(p);
	if (len > 1)
		return fails(p, entry,
			"has credentials for server and for bootstrap; say which one it is: a "
			"column purpose");
	return *purpose != STORE_FOR_BOOTSTRAP || !t.repository ||
	       fails(p, entry, "has a credential for bootstrap, which repository does not go with");
}

/* Two entries may both be in the place of one for any purpose: it goes once. */
static bool goes_already(const struct cred_plan *p, uint32_t entry)
{
	const enum conf_purpose other =
		p->steps[entry].purpose == STORE_FOR_SERVER ? CONF_FOR_BOOTSTRAP : CONF_FOR_SERVER;
	uint32_t n = 0;
	return cred_by_endpoint(p->set, cred_endpoint(p->set, entry), other, &n) && n < entry;
}

/* */
static bool is_other_way(const struct cred_plan *p, uint32_t entry, const struct store_cred *c)
{
	return (c->kind == STORE_CRED_NOSEC) != (cred_kind(p->set, entry) == CRED_NOSEC);
}

static bool meet_rival(struct cred_plan *p, uint32_t entry, const struct store_cred *c)
{
	const bool is_any = c->purpose == STORE_FOR_ANY;
	if (is_other_way(p, entry, c))
		return conf_fail(p->error, p->by->name, cred_line(p->set, entry),
			"%s has a credential %s in the store, and a device that has DTLS never "
			"comes without it; revoke that one first, or leave this one out",
			c->endpoint, c->kind == STORE_CRED_NOSEC ? "without DTLS" : "for DTLS");
	if (p->by->mode != CRED_PLAN_REPLACE)
		return conf_fail(p->error, p->by->name, cred_line(p->set, entry),
			"%s has a credential for %s in the store, beside which there can be none "
			"for %s; revoke that one first, or leave this one out",
			c->endpoint, is_any ? "any purpose" : conf_purpose_word(c->purpose),
			is_any ? conf_purpose_word(p->steps[entry].purpose) : "any purpose");
	if (is_any && goes_already(p, entry))
		return true;
	struct cred_step *const s = cred_steps_add(p);
	if (s == NULL)
		return cred_steps_no_memory(p);
	s->act = CRED_REVOKE;
	s->number = c->number;
	s->generation = c->generation;
	s->of_file = c->origin == STORE_BY_FILE;
	return true;
}

static bool is_rival(const struct cred_plan *p, uint32_t entry, const struct store_cred *c)
{
	const uint8_t purpose = p->steps[entry].purpose;
	if (c->kind == STORE_CRED_SMS)
		return false;
	if (c->state == STORE_CRED_ACTIVE && c->purpose != purpose && is_other_way(p, entry, c))
		return true;
	return c->state == STORE_CRED_ACTIVE && c->purpose != purpose &&
	       (c->purpose == STORE_FOR_ANY || purpose == STORE_FOR_ANY);
}

bool cred_step_place(struct cred_plan *p, uint32_t entry)
{
	struct store_cred c;
	uint32_t number = 0;
	enum store_result r = STORE_OK;
	if (cred_kind(p->set, entry) == CRED_SMS)
		return true; /* there is one place for it, which nobody else has */
	bool ok = choose(p, entry);
	while (ok && (r = store_next_of_endpoint(p->by->reader, cred_endpoint(p->set, entry),
			      &number, &c)) == STORE_OK) {
		if (is_rival(p, entry, &c))
			ok = meet_rival(p, entry, &c);
		wipe(&c, sizeof(c));
	}
	return ok && (r == STORE_NONE || cred_steps_unreadable(p));
}
