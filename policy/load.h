/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/load: a policy from its file: whole, or not at all.
 *
 * Promise: what is returned has a default, no rule that is never reached as far as that can be
 *          shown (policy/cover), none whose conditions cannot hold together, and no decision that
 *          makes no sense for its leg or its events (policy/sense). The same text gives the same
 *          policy.
 * Errors:  NULL, with *error filled: "FILE:LINE: rule "NAME": what is wrong; what would be right".
 * Memory:  one piece, the caller's, for policy_free().
 * Threads: any.
 * Source:  lwgate-policy(5), whose tables are printed by policy_print_table().
 */
#ifndef LWG_POLICY_LOAD_H
#define LWG_POLICY_LOAD_H

#include "base/attr.h"
#include "conf/config.h"
#include "policy/policy.h"

MUST_USE struct policy *policy_load(const char *file, struct conf_error *error);
/* The same from memory; name stands for the file in errors. */
MUST_USE struct policy *policy_parse(const char *text, const char *name, struct conf_error *error);

#endif
