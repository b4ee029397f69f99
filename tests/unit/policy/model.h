/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy a second time, slow and plain: rules as sets and texts, made at random, written as a
 * file, and looked at one condition after the other. What policy_decide() says is held against it.
 */
#ifndef LWG_TESTS_POLICY_MODEL_H
#define LWG_TESTS_POLICY_MODEL_H

#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MODEL_RULES = 24,
	MODEL_LABELS = 4,
	MODEL_LISTENERS = 2,
	MODEL_PATTERNS = 2, /* in one rule */
	MODEL_NUMBERS = 7,
	MODEL_TEXT = 64 * 1024,
};

struct model_rule {
	uint32_t events, kinds, channels, suites; /* sets; 0 (but of events): any */
	int awake, registered, upstream_up;       /* -1: any */
	uint32_t all, any, without, listeners;    /* sets; 0: no condition */
	size_t patterns_len;
	char patterns[MODEL_PATTERNS][8];
	uint64_t least[MODEL_NUMBERS], most[MODEL_NUMBERS]; /* 0 and UINT64_MAX: none */
};

struct model {
	size_t len;
	struct model_rule rules[MODEL_RULES];
	uint64_t salt; /* of what the rules decide */
};

/* Of which facts the rules of a model speak. */
enum model_world {
	MODEL_ALL, /* all of them */
	MODEL_FEW, /* few enough to try each: three events, three labels, no names, two numbers */
	MODEL_NO_NAMES, /* all but the endpoint's name */
	MODEL_SETS      /* of an age: labels, asleep or awake, and how old */
};

struct model_facts { /* with room for what they point to */
	struct policy_facts facts;
	const char *labels[MODEL_LABELS];
	char endpoint[16];
};

uint64_t model_random(uint64_t *state);
void model_make(struct model *m, uint64_t *random, enum model_world world);
/* Rules from `from` on are others. */
void model_remake(struct model *m, size_t from, uint64_t *random, enum model_world world);
/* The file; the caller frees it. */
char *model_text(const struct model *m);
/* Facts, near to what some rule of it wants. */
void model_facts(const struct model *m, uint64_t *random, struct model_facts *out);
/* Every one of the few facts of MODEL_FEW, by number; false: there are no more. */
bool model_few(size_t number, struct model_facts *out);
/* The same of MODEL_SETS. */
bool model_sets(size_t number, struct model_facts *out);
/* Does the rule take these? Labels that are not the model's do not matter. */
bool model_takes(const struct model_rule *r, const struct policy_facts *f);
/* The number of the rule that decides. */
size_t model_decides(const struct model *m, const struct policy_facts *f);

#endif
