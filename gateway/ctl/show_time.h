/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/show_time: a length of time in at most seven letters: 12s, 5m07s, 3h05m, 12d03h.
 *
 * Promise: pure; always fits, up to the last millisecond of a uint64_t. Threads: any.
 */
#ifndef LWG_CTL_SHOW_TIME_H
#define LWG_CTL_SHOW_TIME_H

#include <stdint.h>

enum { CTL_TIME_MAX = 32 };

/* Returns out. */
const char *ctl_time_text(uint64_t ms, char out[CTL_TIME_MAX]);
/* Of seconds that are left; when they are negative, "overdue". */
const char *ctl_left_text(int64_t seconds, char out[CTL_TIME_MAX]);

#endif
