/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/build.h"
#include "ctl/proto.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };
enum { TIMEOUT_MS = 5000, HEAD_LEN = 2 };

static const char default_path[] = "/run/lwgate/control";

static const struct {
	const char *name, *arg, *meaning;
	enum ctl_verb verb;
} commands[] = {
	{ "status", "", "counts since the start, and what is now", CTL_STATUS },
	{ "sessions", "", "all devices, one a line", CTL_SESSIONS },
	{ "session", " ENDPOINT", "everything about one device", CTL_SESSION },
	{ "close", " ENDPOINT", "close a device's association and its link", CTL_CLOSE },
};

static void usage(FILE *to)
{
	(void)fprintf(to, "usage: lwgatectl [-s SOCKET] [--json] COMMAND\n\ncommands:\n");
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		(void)fprintf(to, "  %s%-*s %s\n", commands[i].name,
			(int)(18 - strlen(commands[i].name)), commands[i].arg, commands[i].meaning);
	(void)fprintf(to,
		"\noptions:\n"
		"  -s, --socket SOCKET  the gateway's control socket (%s)\n"
		"  -j, --json           answer in JSON\n"
		"  -h, --help           print this\n"
		"  -V, --version        print the version\n"
		"\nexit status: 0 done; 1 the gateway says no; 2 wrong usage, or no gateway "
		"reached\n",
		default_path);
}

static int wrong(const char *what, const char *detail)
{
	(void)fprintf(stderr, "lwgatectl: %s%s; see lwgatectl --help\n", what, detail);
	return EXIT_USAGE;
}

static int unreachable(const char *path, const char *why, const char *remedy)
{
	(void)fprintf(stderr, "lwgatectl: cannot reach lwgated at %s: %s; %s\n", path, why, remedy);
	return EXIT_USAGE;
}

/* 0, or the error of connecting there. */
static int try_connect(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return errno;
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	const int error = connect(s, (const struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : errno;
	(void)close(s);
	return error;
}

/* nng knows one word for all of these. */
static int check_path(const char *path)
{
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return unreachable(
			path, "the path is too long for a socket", "use -s with at most 107 bytes");
	const int error = try_connect(path);
	switch (error) {
	case 0:
	case EAGAIN: /* it has much to do: then we wait */
		return EXIT_DONE;
	case ENOENT:
		return unreachable(path, "no such file", "is it running? use -s");
	case EACCES:
		return unreachable(path, "permission denied", "join the group of control.group");
	case ECONNREFUSED:
		return unreachable(path, "nobody listens there", "is it running? use -s");
	default:
		return unreachable(path, strerror(error), "use -s");
	}
}

static int nng_failed(const char *path, int error)
{
	if (error == NNG_ETIMEDOUT)
		return unreachable(
			path, "no answer in 5 s", "it is busy or hangs; look into its log");
	return unreachable(path, nng_strerror(error), "look into its log");
}

static nng_duration left_ms(const struct timespec *start)
{
	struct timespec now = { 0 };
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	const long long ms =
		(now.tv_sec - start->tv_sec) * 1000LL + (now.tv_nsec - start->tv_nsec) / 1000000;
	return ms >= TIMEOUT_MS ? 1 : (nng_duration)(TIMEOUT_MS - ms);
}

/* One request, one answer. 0 and *answer (nng's) or an error of nng's. */
static int talk(
	nng_socket sock, const char *path, const uint8_t *request, size_t len, nng_msg **answer)
{
	char url[sizeof("ipc://") + sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct timespec start = { 0 };
	uint8_t copy[CTL_REQUEST_MAX];
	int error = 0;
	memcpy(copy, request, len);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	(void)snprintf(url, sizeof(url), "ipc://%s", path);
	/* 0: the list of sessions may be long. NONBLOCK: only then is the time ours to limit. */
	if ((error = nng_socket_set_size(sock, NNG_OPT_RECVMAXSZ, 0)) != 0 ||
		(error = nng_dial(sock, url, NULL, NNG_FLAG_NONBLOCK)) != 0 ||
		(error = nng_socket_set_ms(sock, NNG_OPT_SENDTIMEO, left_ms(&start))) != 0 ||
		(error = nng_send(sock, copy, len, 0)) != 0 ||
		(error = nng_socket_set_ms(sock, NNG_OPT_RECVTIMEO, left_ms(&start))) != 0)
		return error;
	return nng_recvmsg(sock, answer, 0);
}

/* JSON goes where the program looks for it, whatever it says; people's errors go to stderr. */
static int print_answer(nng_msg *m, enum ctl_form form, const char *path)
{
	const uint8_t *body = nng_msg_body(m);
	const size_t len = nng_msg_len(m);
	if (len < HEAD_LEN || body[0] != CTL_VERSION || body[1] > CTL_FAILED)
		return unreachable(
			path, "its answer is not understood", "use the lwgatectl of its version");
	const bool done = body[1] == CTL_DONE;
	FILE *to = done || form == CTL_JSON ? stdout : stderr;
	if (to == stderr)
		(void)fputs("lwgatectl: ", to);
	(void)fwrite(body + HEAD_LEN, 1, len - HEAD_LEN, to);
	if (fflush(to) != 0) {
		(void)fprintf(stderr, "lwgatectl: cannot write: %s\n", strerror(errno));
		return EXIT_USAGE;
	}
	return done ? EXIT_DONE : EXIT_REFUSED;
}

static int ask(const char *path, const struct ctl_request *q)
{
	uint8_t request[CTL_REQUEST_MAX];
	nng_socket sock;
	nng_msg *answer = NULL;
	const size_t len = ctl_request_write(q, request, sizeof(request));
	int status = check_path(path);
	if (status != EXIT_DONE)
		return status;
	int error = nng_req0_open(&sock);
	if (error != 0)
		return nng_failed(path, error);
	error = talk(sock, path, request, len, &answer);
	if (error != 0) {
		status = nng_failed(path, error);
	} else {
		status = print_answer(answer, q->form, path);
		nng_msg_free(answer);
	}
	(void)nng_close(sock);
	return status;
}

/* The command and its argument. */
static int parse_command(int argc, char *const argv[], struct ctl_request *q)
{
	size_t i = 0;
	if (argc < 1)
		return wrong("a command is missing", "");
	while (i < COUNT_OF(commands) && strcmp(commands[i].name, argv[0]) != 0)
		i++;
	if (i == COUNT_OF(commands))
		return wrong("no such command: ", argv[0]);
	const bool wants_arg = commands[i].arg[0] != '\0';
	if (wants_arg && argc < 2)
		return wrong("an endpoint is missing after ", argv[0]);
	if (argc > (wants_arg ? 2 : 1))
		return wrong("too much said: ", argv[wants_arg ? 2 : 1]);
	q->verb = commands[i].verb;
	if (!wants_arg)
		return EXIT_DONE;
	const size_t len = strlen(argv[1]);
	if (len < 1 || len > CTL_ARG_MAX)
		return wrong("an endpoint has 1 to 255 bytes, not these: ", argv[1]);
	memcpy(q->arg, argv[1], len + 1);
	return EXIT_DONE;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = default_path;
	struct ctl_request q = { .form = CTL_TEXT };
	for (int option = 0; (option = getopt_long(argc, argv, "s:jhV", options, NULL)) != -1;) {
		switch (option) {
		case 's':
			path = optarg;
			break;
		case 'j':
			q.form = CTL_JSON;
			break;
		case 'h':
			usage(stdout);
			return EXIT_DONE;
		case 'V':
			(void)printf("lwgatectl %s\n", LWG_VERSION);
			return EXIT_DONE;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	const int status = parse_command(argc - optind, argv + optind, &q);
	return status != EXIT_DONE ? status : ask(path, &q);
}
