/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/rule: one rule, or the default, from its group in the file.
 *
 * Errors:  false with the reader's *error filled.
 * Threads: any.
 */
#ifndef LWG_POLICY_RULE_H
#define LWG_POLICY_RULE_H

#include "base/attr.h"
#include "policy/parts.h"
#include "policy/read.h"

#include <stdbool.h>
#include <stddef.h>

/* The conditions: into when[number]; its names are added to the policy. */
MUST_USE bool policy_rule_when(struct policy_reader *r, const struct policy_value *values,
	struct policy *p, size_t number);
/* What is decided: into then[number], whose conditions are there; of the default: all facts. */
MUST_USE bool policy_rule_then(struct policy_reader *r, const struct policy_value *values,
	struct policy *p, size_t number);
/* Does what is decided make sense, for its legs and under its conditions? */
MUST_USE bool policy_sense(struct policy_reader *r, const struct policy_box *when,
	const struct policy_leg_read legs[2], const struct policy_value *values);

#endif
