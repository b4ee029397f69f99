/* SPDX-License-Identifier: Apache-2.0 */
/* For LD_PRELOAD: the wall clock as it is, and the seconds of the file LATER_FILE on top (int64_t,
   in the machine's order), which can be changed while a program runs. The other clocks go on. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *later;

__attribute__((constructor)) static void open_later(void)
{
	const char *const name = getenv("LATER_FILE");
	const int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*later), PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		(void)close(fd);
	later = at == MAP_FAILED ? NULL : at;
}

/* The names in the library's declaration are reserved. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int clock_gettime(clockid_t id, struct timespec *t)
{
	const long status = syscall(SYS_clock_gettime, id, t);
	if (status == 0 && id == CLOCK_REALTIME && later)
		t->tv_sec += (time_t)*later;
	return (int)status;
}
