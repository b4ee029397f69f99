/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/cover: which rules can ever decide.
 *
 * A rule is reached when there are facts that it takes and no earlier rule does. Its conditions are
 * boxes (policy/box); those of the earlier rules, and of what cannot be (policy/world), are cut out
 * of them. That is exact for all but the names of endpoints, of which there are too many: where
 * names matter, a rule is proved to be reached by a name for which it is, and proved not to be by
 * earlier patterns that hold the rule's own.
 *
 * Promise: UNREACHED is true: the rule decides of no possible facts. REACHED is, too, and has a
 *          witness. UNPROVED is what is neither: patterns that cover it only together, or more than
 *          POLICY_COVER_STEPS boxes to look at, for one rule. Without patterns, and within the
 *          steps, there is no UNPROVED.
 * Errors:  as said below. Allocation: about 2 MiB while it works.
 * Threads: any.
 */
#ifndef LWG_POLICY_COVER_H
#define LWG_POLICY_COVER_H

#include "base/attr.h"
#include "policy/parts.h"

#include <stdbool.h>
#include <stddef.h>

struct policy_reader;

enum { POLICY_COVER_STEPS = 200000, POLICY_WITNESS_NAME = 512 };

enum policy_reach {
	POLICY_REACHED,
	POLICY_UNREACHED, /* `by` are the rules that take all of it before */
	POLICY_NEVER,     /* no possible facts meet its conditions, whatever the other rules */
	POLICY_UNPROVED,
	POLICY_NO_MEMORY,
};

struct policy_cover {
	enum policy_reach reach;
	bool by[POLICY_RULES_MAX]; /* UNREACHED */
	const char *why;           /* NEVER: one of the reasons */
	/* REACHED: facts that the rule decides. They point into this struct (which must not be
	   moved) and the policy. */
	struct policy_facts facts;
	const char *labels[POLICY_LABELS_MAX];
	char endpoint[POLICY_WITNESS_NAME];
};

/* *out is filled. */
void policy_cover_rule(const struct policy *p, size_t number, struct policy_cover *out);
/* False: a rule is not reached, or cannot be; the reader's *error names it and those before it. */
MUST_USE bool policy_cover_check(struct policy_reader *r, const struct policy *p);

#endif
