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

int64_t gw_clock_now_s(void *ctx)
{
	struct timespec t;
	(void)ctx;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return gw_clock_trusted_s((int64_t)t.tv_sec);
}
