/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clock.h"

#include "base/build.h"

#include <time.h>

int64_t gw_clock_built_s(void)
{
	return LWG_BUILT_S;
}

int64_t gw_clock_trusted_s(int64_t shown_s)
{
	return shown_s >= gw_clock_built_s() ? shown_s : -1;
}

uint64_t gw_clock_shown_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t gw_clock_wall_ms(void)
{
	const uint64_t wall_ms = gw_clock_shown_ms();
	return gw_clock_trusted_s((int64_t)(wall_ms / 1000)) < 0 ? 0 : wall_ms;
}

int64_t gw_clock_now_s(void *ctx)
{
	(void)ctx;
	return gw_clock_trusted_s((int64_t)(gw_clock_shown_ms() / 1000));
}
