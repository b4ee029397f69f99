/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/rules: the policy in force: from its file, or the one that is built in, with its text for
 *                who asks what it says.
 *
 * Promise: read whole and checked, or not at all; not changed afterwards: a reload makes another
 *          one. Without policy.file: what is replaced is drained within 24 h, what is withdrawn is
 *          torn down at once, all else goes on.
 * Errors:  NULL with *error: FILE:LINE, what is wrong, what would be right.
 * Memory:  counted: each worker has a reference.
 * Threads: new: the main thread; the rest: any.
 * Source:  R-208; lwgate-policy(5).
 */
#ifndef LWG_GATEWAY_RULES_H
#define LWG_GATEWAY_RULES_H

#include "base/attr.h"

#include <stddef.h>

struct conf_error;
struct gw_rules;
struct policy;

struct gw_ruled {               /* GW_RULES */
	struct gw_rules *rules; /* a reference, the worker's to let go */
};

/* file NULL: the built-in one. */
MUST_USE struct gw_rules *gw_rules_new(const char *file, struct conf_error *error);
struct gw_rules *gw_rules_ref(struct gw_rules *r);
void gw_rules_unref(struct gw_rules *r);
const struct policy *gw_rules_policy(const struct gw_rules *r);
/* As it stands in the file. */
const char *gw_rules_text(const struct gw_rules *r, size_t *len);
/* The file's name; "built in". */
const char *gw_rules_name(const struct gw_rules *r);

#endif
