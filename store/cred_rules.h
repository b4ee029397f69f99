/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/cred_rules: what a credential may be, and what of a new one is another one's or an older
 *                   one's: its face is what a device proves (kind, identity, key, pin). What
 *                   was proved for one purpose is not proved for another.
 *
 * Threads: any. Clock, I/O, allocation: none.
 */
#ifndef LWG_STORE_CRED_RULES_H
#define LWG_STORE_CRED_RULES_H

#include "base/attr.h"
#include "store/staging.h"
#include "store/store.h"

#include <stdbool.h>

/* It has what its kind has, within bounds. */
MUST_USE bool cred_is_sound(const struct store_cred *c);
/* Of one endpoint: only one of them may be active. */
MUST_USE bool cred_excludes(const struct store_cred *a, const struct store_cred *b);
/* In all but origin and times of change. */
MUST_USE bool cred_same_content(const struct store_cred *a, const struct store_cred *b);
/* What a device proves, and nothing else, is compared. */
MUST_USE bool cred_same_face(const struct store_cred *a, const struct store_cred *b);
/* From here on *c is what was staged for it, and nothing that was before. */
void cred_take_face(struct store_cred *c, const struct store_staged *s);
/* *c is to replace *old: what it has of the older face, and since when it has its own (proved 0:
   from now on). False: its `before` is not what the device proves now. */
MUST_USE bool cred_succeeds(struct store_cred *c, const struct store_cred *old);
/* The same, as the head of its row has it. */
struct store_cred_mark cred_mark_of(const struct store_cred *c);

#endif
