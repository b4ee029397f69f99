/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { STATE = 64 };

void gw_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	if (path[0] == '@') /* an abstract name */
		to.sun_path[0] = '\0';
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	const socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to, len);
	(void)close(fd);
}

void gw_notify_reloading(void)
{
	char state[STATE];
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		(uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000);
	gw_notify(state);
}

/* A whole number and nothing else; 0: there is none. */
static uint64_t number_of(const char *name)
{
	const char *const text = getenv(name);
	char *end = NULL;
	const unsigned long long n = text ? strtoull(text, &end, 10) : 0;
	return text && end != text && *end == '\0' ? n : 0;
}

uint32_t gw_notify_watchdog_ms(void)
{
	const uint64_t ms = number_of("WATCHDOG_USEC") / 1000;
	if (getenv("WATCHDOG_PID") && number_of("WATCHDOG_PID") != (uint64_t)getpid())
		return 0; /* it is for another */
	return ms <= UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}
