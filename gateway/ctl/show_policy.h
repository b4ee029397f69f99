/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/show_policy: what lwgatectl tells those who write policies, as text for people or as JSON for
 *                  programs: the text in force, why something is decided, a table of expectations,
 *                  what another policy would change.
 *
 * Promise: pure. The JSON's names are documented in lwgatectl(1); facts and legs are called as in
 *          lwgate-policy(5).
 * Errors:  latched in the struct ctl_out. Threads: any.
 */
#ifndef LWG_CTL_SHOW_POLICY_H
#define LWG_CTL_SHOW_POLICY_H

#include "ctl/facts.h"
#include "ctl/out.h"
#include "ctl/proto.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_json;
struct policy_diff;
struct policy_expect;

struct ctl_rules { /* a policy, and from where */
	const char *name;
	const char *text; /* NULL: not known */
	size_t len;
	const struct policy *policy;
};

void ctl_show_rules(struct ctl_out *o, enum ctl_form form, const struct ctl_rules *r);
/* What would become of the session when the event of the facts happens; the rules that were passed
   over, and why. */
void ctl_show_explained(struct ctl_out *o, enum ctl_form form, const struct ctl_rules *r,
	const struct policy_facts *f, const struct ctl_facts_rest *rest);
/* Runs all expectations; returns how many failed. */
size_t ctl_show_expected(struct ctl_out *o, enum ctl_form form, const struct ctl_rules *r,
	const struct policy_expect *t);

struct ctl_compared {
	struct ctl_rules from, to;
	uint64_t sessions, awake;
	/* Asked by what holds now; and, of what is counted, by each number from which on one of the
	   two decides otherwise. */
	const struct policy_diff *now, *later;
};

void ctl_show_compared(struct ctl_out *o, enum ctl_form form, const struct ctl_compared *c);

/* Pieces: a member that is a policy; members that name a rule, within an object. */
void ctl_json_rules(struct ctl_json *j, const char *key, const struct ctl_rules *r);
void ctl_json_rule(struct ctl_json *j, const struct policy *p, size_t number);

#endif
