/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/wipe: secrets leave memory and are compared without telling where they differ (I5).
 *
 * Promise: wipe() is never optimised away, and leaves nothing in the vector registers either, which
 *          a core dump shows, too; same_secret() takes a time that depends on n only.
 * Threads: any.
 */
#ifndef LWG_BASE_WIPE_H
#define LWG_BASE_WIPE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

void wipe(void *secret, size_t n);
MUST_USE bool same_secret(const void *a, const void *b, size_t n);

#endif
