/* SPDX-License-Identifier: Apache-2.0 */
/* The time of a town: workers read CLOCK_BOOTTIME, the store the wall clock, too; here both go
   faster when a test says so. */
#include "town.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t passed_ms; /* of all towns: the process has one clock */

/* In place of the C library's, whose name it has for the linker. */
int town_gettime(clockid_t id, struct timespec *t) __asm__("clock_gettime");

int town_gettime(clockid_t id, struct timespec *t)
{
	const int r = (int)syscall(SYS_clock_gettime, id, t);
	if (r == 0 && (id == CLOCK_BOOTTIME || id == CLOCK_REALTIME)) {
		const uint64_t ms = atomic_load(&passed_ms);
		const uint64_t ns = (uint64_t)t->tv_nsec + ms % 1000 * 1000000;
		t->tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
		t->tv_nsec = (long)(ns % 1000000000);
	}
	return r;
}

void town_pass(uint64_t ms)
{
	atomic_fetch_add(&passed_ms, ms);
}

uint64_t town_clock_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
