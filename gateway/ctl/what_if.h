/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/what_if: a session as it is, and something that might happen to it: what a policy would be
 *              asked then.
 *
 * Promise: pure. Facts that cannot be together (policy/world) are not asked about.
 * Threads: any.
 */
#ifndef LWG_CTL_WHAT_IF_H
#define LWG_CTL_WHAT_IF_H

#include "base/attr.h"
#include "policy/policy.h"

struct policy_diff;

/* The facts when e has happened to the session of *f; *out borrows from it. NULL: good; else why
   that cannot happen to it. */
MUST_USE const char *ctl_what_if(
	const struct policy_facts *f, enum policy_event e, struct policy_facts *out);
/* Asks both policies of `now` about each event that can happen to the session. */
void ctl_what_if_now(struct policy_diff *now, const struct policy_facts *f);
/* So of `later`, which has the same two, about age, idle, records and forged: at each number above
   that of the session from which on one of them decides otherwise than before. */
void ctl_what_if_later(struct policy_diff *later, const struct policy *from,
	const struct policy *to, const struct policy_facts *f);

#endif
