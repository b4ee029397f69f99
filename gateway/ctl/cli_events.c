/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribes by itself, without nng: its sub socket throws away what is not fetched in time and
   does not count it, while who does not read here is slow for the gateway, which counts and says
   so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/cli.h"
#include "ctl/sp.h"

enum { ROOM = 1 << 16, LINE_MAX_LEN = ROOM - CTL_SP_FRAME_LEN };

static const char control_path[] = "/run/lwgate/control", events_path[] = "/run/lwgate/events";

struct listening {
	const char *path;
	int fd;
	bool greeted;
	uint8_t *in; /* ROOM octets */
	size_t len;
};

static int wrong(const struct listening *l, const char *what, const char *remedy)
{
	(void)fprintf(stderr, "lwgatectl: %s: %s; %s\n", l->path, what, remedy);
	return CLI_USAGE;
}

static const char *remedy_of(int error)
{
	switch (error) {
	case ENOENT:
		return "is events.path set, and lwgated running? name it with -s";
	case ECONNREFUSED:
		return "is lwgated running? name another with -s";
	case EACCES:
		return "join the group of control.group";
	default:
		return "name another with -s";
	}
}

static int reach(struct listening *l)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (strlen(l->path) >= sizeof(to.sun_path))
		return wrong(l, "the path is too long for a socket", "use at most 107 bytes");
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", l->path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		return wrong(l, strerror(errno), remedy_of(errno));
	if (send(l->fd, ctl_sp_sub_greeting, CTL_SP_GREETING_LEN, MSG_NOSIGNAL) ==
		CTL_SP_GREETING_LEN)
		return CLI_DONE;
	return wrong(l, strerror(errno), "look into its log");
}

static void consume(struct listening *l, size_t len)
{
	l->len -= len;
	memmove(l->in, l->in + len, l->len);
}

/* One thing of what has come. */
static enum ctl_sp_result take(struct listening *l)
{
	size_t body = 0;
	if (!l->greeted) {
		const enum ctl_sp_result hello = ctl_sp_is_pub(l->in, l->len);
		if (hello == CTL_SP_GOOD) {
			l->greeted = true;
			consume(l, CTL_SP_GREETING_LEN);
		}
		return hello;
	}
	const enum ctl_sp_result r = ctl_sp_unframe(l->in, l->len, LINE_MAX_LEN, &body);
	if (r != CTL_SP_GOOD)
		return r;
	(void)fwrite(l->in + CTL_SP_FRAME_LEN, 1, body, stdout);
	consume(l, CTL_SP_FRAME_LEN + body);
	return r;
}

/* Until it ends. */
static int follow(struct listening *l)
{
	for (;;) {
		const ssize_t n = recv(l->fd, l->in + l->len, ROOM - l->len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return l->greeted ? wrong(l, "lwgated has gone",
						    "try again when it is "
						    "back")
					  : wrong(l, "nothing is said there, or too many listen",
						    "look into its log");
		l->len += (size_t)n;
		enum ctl_sp_result r = CTL_SP_GOOD;
		while (r == CTL_SP_GOOD)
			r = take(l);
		if (r == CTL_SP_BAD)
			return wrong(l, "no events are told there",
				"-s names the socket of events.path here");
		if (fflush(stdout) != 0)
			return wrong(l, "cannot write", strerror(errno));
	}
}

int cli_events(struct cli *c)
{
	struct listening l = { .fd = -1,
		.path = strcmp(c->path, control_path) == 0 ? events_path : c->path };
	int status = reach(&l);
	l.in = status == CLI_DONE ? malloc(ROOM) : NULL;
	if (l.in)
		status = follow(&l);
	else if (status == CLI_DONE)
		status = cli_wrong("no memory", "", "free some");
	free(l.in);
	if (l.fd >= 0)
		(void)close(l.fd);
	return status;
}
