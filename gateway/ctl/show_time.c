/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show_time.h"

#include <inttypes.h>
#include <stdio.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

const char *ctl_time_text(uint64_t ms, char out[CTL_TIME_MAX])
{
	const uint64_t s = ms / 1000;
	if (s < MINUTE)
		(void)snprintf(out, CTL_TIME_MAX, "%" PRIu64 "s", s);
	else if (s < HOUR)
		(void)snprintf(
			out, CTL_TIME_MAX, "%" PRIu64 "m%02" PRIu64 "s", s / MINUTE, s % MINUTE);
	else if (s < DAY)
		(void)snprintf(out, CTL_TIME_MAX, "%" PRIu64 "h%02" PRIu64 "m", s / HOUR,
			s % HOUR / MINUTE);
	else
		(void)snprintf(
			out, CTL_TIME_MAX, "%" PRIu64 "d%02" PRIu64 "h", s / DAY, s % DAY / HOUR);
	return out;
}

const char *ctl_left_text(int64_t seconds, char out[CTL_TIME_MAX])
{
	if (seconds < 0)
		return "overdue";
	return ctl_time_text(
		(uint64_t)seconds > UINT64_MAX / 1000 ? UINT64_MAX : (uint64_t)seconds * 1000, out);
}
