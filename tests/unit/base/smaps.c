/* SPDX-License-Identifier: Apache-2.0 */
#include "smaps.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE = 512 };

static bool holds(const char *line, const void *at)
{
	unsigned long first;
	unsigned long past;
	/* NOLINTNEXTLINE(cert-err34-c): the system's own form */
	return sscanf(line, "%lx-%lx ", &first, &past) == 2 && (uintptr_t)at >= first &&
	       (uintptr_t)at < past;
}

bool smaps_flag(const void *at, const char *flag)
{
	char line[LINE];
	char wanted[8];
	bool here = false;
	bool set = false;
	FILE *const f = fopen("/proc/self/smaps", "re");
	(void)snprintf(wanted, sizeof(wanted), " %s", flag);
	while (f && fgets(line, sizeof(line), f)) {
		if (holds(line, at))
			here = true;
		if (here && strncmp(line, "VmFlags:", 8) == 0) {
			set = strstr(line, wanted) != NULL;
			break;
		}
	}
	if (f)
		(void)fclose(f);
	return set;
}

bool smaps_resident(const void *at)
{
	unsigned char in = 0;
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): rounded to a page */
	return mincore((void *)((uintptr_t)at / page * page), 1, &in) == 0 && (in & 1);
}
