/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/diff: what another policy would change, counted over facts that somebody hands in: each
 *              session, with each event that it is asked about.
 *
 * Promise: pure. Memory does not grow with the number of facts: counters of pairs of rules, and the
 *          first examples.
 * Errors:  NULL: memory is short.
 * Threads: the caller's.
 */
#ifndef LWG_POLICY_DIFF_H
#define LWG_POLICY_DIFF_H

#include "base/attr.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POLICY_DIFF_ENDPOINT = 256 };

/* From one rule to another, by their numbers; the number of rules is the default. */
struct policy_diff_pair {
	size_t from, to;
	uint64_t count;
	bool decision; /* the two decide differently; else only the name or the reason is another */
};

struct policy_diff_example {
	enum policy_event event;
	size_t from, to;
	char endpoint[POLICY_DIFF_ENDPOINT];
};

struct policy_diff;

/* Both policies outlive it. examples: how many are kept, of those whose decision changes. */
MUST_USE struct policy_diff *policy_diff_new(
	const struct policy *from, const struct policy *to, size_t examples);
void policy_diff_free(struct policy_diff *d);

void policy_diff_add(struct policy_diff *d, const struct policy_facts *f);
/* Adds what next() gives until it returns false. */
typedef bool policy_diff_next(void *context, struct policy_facts *out);
void policy_diff_run(struct policy_diff *d, policy_diff_next *next, void *context);

/* Facts that were looked at; those of which another decision would be made. */
uint64_t policy_diff_seen(const struct policy_diff *d);
uint64_t policy_diff_changed(const struct policy_diff *d);
/* The next pair that is another rule or another decision, at or behind *at, which then stands
   behind it; begin with 0. False: there are no more. */
MUST_USE bool policy_diff_pairs(
	const struct policy_diff *d, size_t *at, struct policy_diff_pair *out);
size_t policy_diff_examples(const struct policy_diff *d);
const struct policy_diff_example *policy_diff_example(const struct policy_diff *d, size_t number);
/* "1200: rule "a", device keep, ... -> rule "b", device drain ..." */
const char *policy_diff_say(
	const struct policy_diff *d, const struct policy_diff_pair *pair, char *out, size_t cap);

#endif
