/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/bind.h"

#include <stdlib.h>
#include <unistd.h>

enum { PATH_LEN = 4096 };

static const char name[] = "LD_BIND_NOW";

void gw_bind_now(char **argv)
{
	char program[PATH_LEN];
	const char *const set = getenv(name);
	if (set && set[0] != '\0')
		return;
	/* By its path: as /proc/self/exe it would be called "exe" in ps(1). */
	const ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (n <= 0 || setenv(name, "1", 1) != 0)
		return;
	program[n] = '\0';
	(void)execv(program, argv);
}
