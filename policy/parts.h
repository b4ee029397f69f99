/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/parts: what a policy is, for the files of this room.
 *
 * Promise: one piece of memory without pointers into it. Conditions (looked at for every fact) lie
 *          apart from what is decided. The default is the rule behind the last.
 * Threads: any, once it is made.
 */
#ifndef LWG_POLICY_PARTS_H
#define LWG_POLICY_PARTS_H

#include "base/attr.h"
#include "policy/box.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	POLICY_PATTERNS = 256,     /* different ones in one policy */
	POLICY_RULE_PATTERNS = 16, /* in one condition */
	POLICY_SLOTS = 128,        /* a power of 2, of the labels' index */
	POLICY_REKEY_DRAIN_S = 30, /* of rekey-on-wake without within_s */
};

/* The conditions of one rule: all of them must hold. */
struct policy_when {
	struct policy_box box;
	uint64_t any;         /* labels one of which must be there; 0: no such condition */
	bool labelled;        /* has a condition about labels */
	uint8_t bounded;      /* a bit for each bound that is one */
	uint8_t patterns_len; /* one of which must fit; 0: any endpoint */
	uint8_t patterns[POLICY_RULE_PATTERNS]; /* numbers of policy.patterns; of use: pattern */
};

struct policy_then {
	struct policy_leg device, upstream;
	bool refuse_resumption, alert;
	char name[POLICY_NAME_MAX + 1], reason[POLICY_REASON_MAX + 1];
	unsigned line; /* in the file */
};

struct policy_pattern {
	bool plain;         /* no '*', no '?' */
	uint8_t head, tail; /* octets before the first of them, and behind the last */
	char text[POLICY_PATTERN_MAX + 1];
};

struct policy {
	size_t rules_len;
	uint64_t words[POLICY_RULES_MAX]; /* when[].box.word, side by side */
	struct policy_when when[POLICY_RULES_MAX];
	struct policy_then then[POLICY_RULES_MAX + 1];
	bool suites_named; /* some rule looks at the suite */
	size_t listeners_len, labels_len, patterns_len;
	char listeners[POLICY_LISTENERS][POLICY_LISTENER_MAX + 1];
	char labels[POLICY_LABELS_NAMED][POLICY_LABEL_MAX + 1];
	uint8_t slots[POLICY_SLOTS]; /* of labels, by hash: number + 1; 0: empty */
	struct policy_pattern patterns[POLICY_PATTERNS];
};

/* The number of a name in the policy; added if it is new. False: there is no room for more. The
   name is not too long. */
MUST_USE bool policy_label_add(struct policy *p, const char *label, size_t *out);
MUST_USE bool policy_listener_add(struct policy *p, const char *name, size_t *out);
/* pattern is tidy. */
MUST_USE bool policy_pattern_add(struct policy *p, const char *pattern, size_t *out);
/* After the conditions of rule `number` are set: what decide() wants to know at once. */
void policy_when_ready(struct policy *p, size_t number);

/* The facts as bits of a box's word. p NULL: of a policy that looks at suites and names no
   listener. */
uint64_t policy_facts_word(const struct policy *p, const struct policy_facts *f);
/* The labels that the policy knows. */
uint64_t policy_facts_labels(const struct policy *p, const struct policy_facts *f);
uint64_t policy_facts_number(const struct policy_facts *f, enum policy_bound b);
bool policy_when_endpoint(
	const struct policy *p, const struct policy_when *w, const char *endpoint);

/* What a text says, without a look at what its rules cover: for policy/cover and its tests. NULL
   with *error filled. */
struct conf_error;
MUST_USE struct policy *policy_parse_uncovered(
	const char *text, const char *name, struct conf_error *error);

/* The conditions of the two are the same (not only: mean the same). */
bool policy_when_same(const struct policy_when *a, const struct policy_when *b);
/* So is what they decide; the words apart. */
bool policy_then_same(const struct policy_then *a, const struct policy_then *b);

/* "a, b or c": what a word has in this dimension. */
struct policy_say;
void policy_say_dim(struct policy_say *s, const struct policy *p, enum policy_dim d, uint64_t word);

#endif
