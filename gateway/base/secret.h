/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/secret: memory for secrets, away from the heap: not in core dumps, not in swap, wiped before
 * it goes (I5).
 *
 * Promise: the region is zeroed, kept out of core dumps, and out of swap as far as RLIMIT_MEMLOCK
 *          lets it.
 * Errors:  NULL when memory is short. Threads: any, one region each.
 */
#ifndef LWG_BASE_SECRET_H
#define LWG_BASE_SECRET_H

#include "base/attr.h"

#include <stddef.h>

/* len may be 0. */
MUST_USE void *secret_new(size_t len);
/* Nobody writes there any more; a stray write ends the process. */
void secret_seal(void *region, size_t len);
/* Wipes and gives back; region may be NULL. */
void secret_free(void *region, size_t len);

#endif
