/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/bucket: how often something may happen: a bucket that is one number, the time at which it
 *              would be empty again.
 *
 * Promise: at first slack / ease + 1 times at once, then once each ease. Zeroed, it is empty.
 * Threads: one at a time. The clock is told, in any unit.
 */
#ifndef LWG_BASE_BUCKET_H
#define LWG_BASE_BUCKET_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/* May it happen now? Then it counts. */
MUST_USE static inline bool bucket_take(
	uint64_t *empty_at, uint64_t now, uint64_t ease, uint64_t slack)
{
	if (*empty_at > now + slack)
		return false;
	*empty_at = (*empty_at > now ? *empty_at : now) + ease;
	return true;
}

#endif
