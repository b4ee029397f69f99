/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribes by itself, without nng: its sub socket throws away what is not fetched in time and
   does not count it, while who does not read here is slow for the gateway, which counts and says
   so. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "conf/date.h"
#include "ctl/cli.h"
#include "ctl/cli_live.h"
#include "ctl/members.h"
#include "ctl/sp.h"
#include "policy/pattern.h"

enum { LOOK_MS = 200, ROOM = 1 << 16, LINE_MAX_LEN = ROOM - CTL_SP_FRAME_LEN };

static const char control_path[] = "/run/lwgate/control";

/* --- which ------------------------------------------------------------------------------------ */

struct wanted { /* patterns; NULL: any */
	const char *endpoint, *event, *rule;
	char since[CONF_DATE_TEXT]; /* "": any */
};

static bool is_member(struct ctl_piece line, const char *name, const char *pattern)
{
	char text[CTL_ARG_MAX + 1];
	return pattern == NULL ||
	       policy_pattern_fits(pattern, ctl_member_text(line, name, text, sizeof(text)));
}

/* A line that says that others are missing is for everybody. */
static bool is_wanted(const struct wanted *w, struct ctl_piece line)
{
	char time[CONF_DATE_TEXT + 8];
	enum { WHOLE_SECONDS = 19 };
	if (w->since[0] != '\0' && strncmp(ctl_member_text(line, "time", time, sizeof(time)),
					   w->since, WHOLE_SECONDS) < 0)
		return false;
	return ctl_member_of(line, "lost").len > 0 ||
	       (is_member(line, "endpoint", w->endpoint) && is_member(line, "event", w->event) &&
		       is_member(line, "rule", w->rule));
}

/* A time, or a span until now. */
static int read_since(const struct cli *c, struct wanted *w)
{
	const char *const text = c->options[CLI_SINCE];
	uint64_t ms = 0;
	uint32_t span_s = 0;
	if (text == NULL)
		return CLI_DONE;
	if (conf_span_read(text, &span_s) == NULL) {
		struct timespec now = { 0 };
		(void)clock_gettime(CLOCK_REALTIME, &now);
		ms = ((uint64_t)now.tv_sec - span_s) * 1000;
	} else if (conf_date_read(text, &ms) != NULL || ms == 0) {
		return cli_complain(CLI_USAGE, "write 10m, 24h or 2027-01-31T00:00:00Z",
			"--since: %s is no time", text);
	}
	(void)conf_date_text(ms, w->since);
	return CLI_DONE;
}

static void show(const struct wanted *w, const char *line, size_t len)
{
	if (is_wanted(w, (struct ctl_piece){ .at = line, .len = len }))
		(void)fwrite(line, 1, len, stdout);
}

static int flushed(void)
{
	return fflush(stdout) == 0 ? CLI_DONE : cli_wrong("cannot write", "", strerror(errno));
}

/* --- from the control socket: what was, and by looking again and again what comes ------------- */

static int look(struct cli *c, const struct wanted *w)
{
	struct cli_live live = { .cli = c, .verb = CTL_EVENTS };
	struct cli_lines lines;
	const char *line;
	size_t len;
	const bool goes_on = c->options[CLI_FOLLOW] != NULL;
	int status = CLI_DONE;
	do {
		status = cli_live_ask(&live, &lines);
		if (status != CLI_DONE)
			return status;
		if (lines.lost > 0)
			(void)printf("{\"lost\":%" PRIu64 "}\n", lines.lost);
		while (cli_lines_next(&lines, &line, &len))
			show(w, line, len);
		status = flushed();
		if (goes_on && status == CLI_DONE)
			cli_rest(LOOK_MS);
	} while (goes_on && status == CLI_DONE);
	return status;
}

/* --- from the events' own socket, where only what comes is told ------------------------------- */

struct listening {
	const char *path;
	const struct wanted *wanted;
	int fd;
	bool greeted;
	uint8_t *in; /* ROOM octets */
	size_t len;
};

static int wrong(const struct listening *l, const char *what, const char *remedy)
{
	return cli_complain(CLI_UNREACHED, remedy, "%s: %s", l->path, what);
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
		return cli_complain(CLI_USAGE, "use at most 107 bytes",
			"%s: the path is too long for a socket", l->path);
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
	show(l->wanted, (const char *)l->in + CTL_SP_FRAME_LEN, body);
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
				"-s names the control socket, or that of events.path");
		if (flushed() != CLI_DONE)
			return CLI_USAGE;
	}
}

/* Who listens there says first what it is. */
static bool is_control(const struct listening *l)
{
	uint8_t said[CTL_SP_GREETING_LEN];
	const ssize_t n = recv(l->fd, said, sizeof(said), MSG_PEEK | MSG_WAITALL);
	return n == (ssize_t)sizeof(said) &&
	       memcmp(said, ctl_sp_greeting, CTL_SP_GREETING_LEN) == 0;
}

static int listen_to(struct cli *c, const struct wanted *w)
{
	struct listening l = { .fd = -1, .path = c->path, .wanted = w };
	int status = reach(&l);
	if (status == CLI_DONE && is_control(&l)) {
		(void)close(l.fd);
		return look(c, w);
	}
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

int cli_events(struct cli *c)
{
	struct wanted w = { .endpoint = c->options[CLI_ENDPOINT],
		.event = c->options[CLI_EVENT],
		.rule = c->options[CLI_RULE] };
	const int status = read_since(c, &w);
	if (status != CLI_DONE)
		return status;
	return strcmp(c->path, control_path) == 0 ? look(c, &w) : listen_to(c, &w);
}
