/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/listen_fds.h"

#include "base/log.h"
#include "io/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST = 3, FDS_MAX = 256, NAMES_MAX = 4096 };

static const char count_variable[] = "LISTEN_FDS";
static const char pid_variable[] = "LISTEN_PID";
static const char names_variable[] = "LISTEN_FDNAMES";

struct gw_listen_fds {
	size_t len;
	int fds[FDS_MAX]; /* -1: taken */
	char names[NAMES_MAX];
};

/* -1: it is none. */
static long number_of(const char *name)
{
	const char *const text = getenv(name);
	char *end = NULL;
	const long n = text ? strtol(text, &end, 10) : -1;
	return text && end != text && *end == '\0' ? n : -1;
}

static void take_all(struct gw_listen_fds *l, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const int fd = FIRST + (int)i;
		l->fds[i] = fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
	}
	l->len = len;
}

struct gw_listen_fds *gw_listen_fds_read(void)
{
	const long len = number_of(count_variable);
	const bool ours = number_of(pid_variable) == (long)getpid() && len > 0 && len <= FDS_MAX;
	struct gw_listen_fds *const l = ours ? calloc(1, sizeof(*l)) : NULL;
	if (l) {
		const char *const names = getenv(names_variable);
		(void)snprintf(l->names, sizeof(l->names), "%s", names ? names : "");
		take_all(l, (size_t)len);
	}
	(void)unsetenv(count_variable);
	(void)unsetenv(pid_variable);
	(void)unsetenv(names_variable);
	return l;
}

void gw_listen_fds_free(struct gw_listen_fds *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->len; i++) {
		if (l->fds[i] >= 0)
			(void)close(l->fds[i]);
	}
	free(l);
}

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

static bool bound_to(int fd, const struct net_addr *a)
{
	struct net_addr bound;
	return fd >= 0 && option_of(fd, SO_TYPE) == SOCK_DGRAM && udp_local(fd, &bound) &&
	       net_addr_same(&bound, a);
}

size_t gw_listen_fds_udp(struct gw_listen_fds *l, const struct net_addr *a, int *fds, size_t cap)
{
	size_t found = 0;
	for (size_t i = 0; l && i < l->len; i++) {
		if (!bound_to(l->fds[i], a))
			continue;
		if (found < cap) {
			fds[found] = l->fds[i];
			l->fds[i] = -1;
		}
		found++;
	}
	return found;
}

/* False: it is none that has a file. */
static bool file_of(int fd, struct sockaddr_un *name)
{
	socklen_t len = sizeof(*name);
	memset(name, 0, sizeof(*name));
	return getsockname(fd, (struct sockaddr *)name, &len) == 0 && name->sun_family == AF_UNIX &&
	       name->sun_path[0] == '/';
}

int gw_listen_fds_unix(struct gw_listen_fds *l, const char *path)
{
	struct sockaddr_un name;
	for (size_t i = 0; l && path && i < l->len; i++) {
		const int fd = l->fds[i];
		if (fd < 0 || option_of(fd, SO_ACCEPTCONN) != 1 ||
			option_of(fd, SO_TYPE) != SOCK_STREAM || !file_of(fd, &name) ||
			strcmp(name.sun_path, path) != 0)
			continue;
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		l->fds[i] = -1;
		return fd;
	}
	return -1;
}

/* The part of "a:b:c" with that number, for a message. */
static void name_of(const struct gw_listen_fds *l, size_t number, char out[64])
{
	const char *at = l->names;
	for (size_t i = 0; i < number && at; i++) {
		at = strchr(at, ':');
		at = at ? at + 1 : NULL;
	}
	const size_t len = at ? strcspn(at, ":") : 0;
	(void)snprintf(out, 64, "%.*s", len < 63 ? (int)len : 63, at ? at : "");
}

void gw_listen_fds_say(const struct gw_listen_fds *l, const struct log *log)
{
	for (size_t i = 0; l && i < l->len; i++) {
		char name[64], text[NET_TEXT_MAX] = "";
		struct sockaddr_un file;
		struct net_addr bound;
		if (l->fds[i] < 0)
			continue;
		name_of(l, i, name);
		const bool has_file = file_of(l->fds[i], &file);
		if (!has_file && udp_local(l->fds[i], &bound))
			(void)net_addr_text(&bound, text);
		log_say(log, LOG_LEVEL_WARN, "listen-fds",
			"name=%s at=%s why=\"the service manager's socket is none of the "
			"configuration's\" remedy=\"give both the same address\"",
			name, has_file ? file.sun_path : text);
	}
}
