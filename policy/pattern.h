/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/pattern: names of endpoints with '*' (any characters, or none) and '?' (exactly one
 *                 octet); there is no escape.
 *
 * Promise: pure, total; at most strlen(pattern) * strlen(text) steps, no recursion.
 * Threads: any.
 */
#ifndef LWG_POLICY_PATTERN_H
#define LWG_POLICY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* Makes every run of '*' and '?' its '?' and then at most one '*', which is the same pattern; in
   place. */
void policy_pattern_tidy(char *pattern);
bool policy_pattern_fits(const char *pattern, const char *text);
/* True: whatever fits `inner` fits `outer`. False may be wrong, where a '?' of the one meets a '*'
   of the other ("??*" and "*ab"). Both are tidy. */
bool policy_pattern_holds(const char *outer, const char *inner);
/* A text that fits: '?' becomes fill, '*' run times fill. Cut at cap; false then. */
bool policy_pattern_sample(const char *pattern, char fill, size_t run, char *out, size_t cap);

#endif
