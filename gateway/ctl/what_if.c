/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/what_if.h"

#include <stdint.h>

#include "base/attr.h"
#include "policy/diff.h"
#include "policy/world.h"

/* A rule has two bounds of a number at most. */
enum { STEPS_MAX = 2 * 2 * (POLICY_RULES_MAX + 1) };

static const enum policy_event counted[] = { POLICY_AGE, POLICY_IDLE, POLICY_RECORDS,
	POLICY_FORGED };

static bool ends_registration(enum policy_event e)
{
	return e == POLICY_REGISTRATION_EXPIRED || e == POLICY_DEREGISTERED;
}

const char *ctl_what_if(const struct policy_facts *f, enum policy_event e, struct policy_facts *out)
{
	*out = *f;
	out->event = e;
	if (!ends_registration(e))
		return policy_impossible(out);
	if (!f->registered)
		return "it has no registration that could end";
	out->registered = false;
	return policy_impossible(out);
}

void ctl_what_if_now(struct policy_diff *now, const struct policy_facts *f)
{
	struct policy_facts asked;
	for (size_t i = 0; i < POLICY_EVENTS; i++) {
		if (ctl_what_if(f, (enum policy_event)i, &asked) == NULL)
			policy_diff_add(now, &asked);
	}
}

/* What the event counts. */
static uint64_t *number_of(struct policy_facts *f, enum policy_event e)
{
	switch (e) {
	case POLICY_AGE:
		return &f->age_s;
	case POLICY_IDLE:
		return &f->idle_s;
	case POLICY_RECORDS:
		return &f->records;
	case POLICY_FORGED:
		return &f->forged;
	case POLICY_CRED_REPLACED:
	case POLICY_CRED_REVOKED:
	case POLICY_CRED_EXPIRED:
	case POLICY_CERT_REVOKED:
	case POLICY_ANCHOR_REMOVED:
	case POLICY_MAPPING_CHANGED:
	case POLICY_OWN_CHANGED:
	case POLICY_SERVER_DISTRUSTED:
	case POLICY_REGISTRATION_EXPIRED:
	case POLICY_DEREGISTERED:
	case POLICY_POWER_LOST:
	case POLICY_MOVED:
	case POLICY_NOSEC:
	case POLICY_SMS_KEY_STALE:
	case POLICY_EVENTS:
		break;
	}
	return NULL;
}

static uint64_t next_bound(
	const struct policy *from, const struct policy *to, enum policy_event e, uint64_t now)
{
	const uint64_t a = policy_next_bound(from, e, now), b = policy_next_bound(to, e, now);
	return a < b ? a : b;
}

void ctl_what_if_later(struct policy_diff *later, const struct policy *from,
	const struct policy *to, const struct policy_facts *f)
{
	struct policy_facts asked;
	for (size_t i = 0; i < COUNT_OF(counted); i++) {
		const enum policy_event e = counted[i];
		if (ctl_what_if(f, e, &asked) != NULL)
			continue;
		uint64_t *const number = number_of(&asked, e);
		for (size_t step = 0; step < STEPS_MAX; step++) {
			*number = next_bound(from, to, e, *number);
			if (*number == UINT64_MAX)
				break;
			policy_diff_add(later, &asked);
		}
	}
}
