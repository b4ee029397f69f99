/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/expect: a table of what an operator expects of a policy: facts, and what is to be decided
 *                of them; so that a policy can be tested like a program.
 *
 * Promise: a table is read whole or not at all; facts that cannot be together are an error. Running
 *          is pure.
 * Errors:  NULL, with *error filled: "FILE:LINE: what; what would be right".
 * Memory:  one piece, not changed once it is made.
 * Threads: any.
 * Source:  lwgate-policy(5).
 */
#ifndef LWG_POLICY_EXPECT_H
#define LWG_POLICY_EXPECT_H

#include "base/attr.h"
#include "conf/config.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	POLICY_EXPECTATIONS_MAX = 10000,
	POLICY_EXPECT_LINE = 4096, /* bytes in which a result finds room, or nearly always */
};

struct policy_expect;

MUST_USE struct policy_expect *policy_expect_load(const char *file, struct conf_error *error);
MUST_USE struct policy_expect *policy_expect_parse(
	const char *text, const char *name, struct conf_error *error);
void policy_expect_free(struct policy_expect *t);

size_t policy_expect_len(const struct policy_expect *t);
/* Of the number-th; live as long as the table. */
const struct policy_facts *policy_expect_facts(const struct policy_expect *t, size_t number);
/* Is the number-th met? out becomes one line: "passed: FILE:LINE: ..." or "failed: FILE:LINE: ...",
   with what was expected, what came, and why the rules before it did not decide. */
bool policy_expect_run(const struct policy_expect *t, size_t number, const struct policy *p,
	char *out, size_t cap);
/* The first rule at or behind `from` that decides none of the table's facts; the number of rules:
   there is none. */
size_t policy_expect_untested(const struct policy_expect *t, const struct policy *p, size_t from);

#endif
