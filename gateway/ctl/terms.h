/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/terms: what an operator writes of a credential beside what the device proves: labels, end,
 *            overlap, purpose, right, from a field of a file or an option.
 *
 * Promise: pure. The labels are those of conf/labels, in its order.
 * Errors:  a text: what is wrong, and what would be right; nothing of what stands there is in it.
 * Threads: any.
 */
#ifndef LWG_CTL_TERMS_H
#define LWG_CTL_TERMS_H

#include "base/attr.h"
#include "ctl/credential.h"

/* NULL: it is in *c, and is said. "a,b"; "": none. */
MUST_USE const char *ctl_terms_labels(struct ctl_cred *c, const char *text);
/* "": it does not expire. */
MUST_USE const char *ctl_terms_until(struct ctl_cred *c, const char *text);
/* "": it is not said. */
MUST_USE const char *ctl_terms_overlap(struct ctl_cred *c, const char *text);
/* "": any. */
MUST_USE const char *ctl_terms_purpose(struct ctl_cred *c, const char *text);
/* "": it may not. */
MUST_USE const char *ctl_terms_repository(struct ctl_cred *c, const char *text);

#endif
