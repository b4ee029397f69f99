/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli.h"

#include <errno.h>
#include <malloc.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/wipe.h"

enum { HEAD_LEN = 2, FREED = 0x5a };

struct cli_wire {
	nng_socket sock;
	nng_msg *answer; /* the last one, or NULL */
};

void cli_begin(void)
{
	const struct rlimit none = { 0, 0 };
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
#ifdef M_PERTURB
	/* nng frees what it has sent, libconfig what it has read, and neither wipes. */
	(void)mallopt(M_PERTURB, FREED);
#endif
}

int cli_wrong(const char *what, const char *detail, const char *remedy)
{
	return cli_complain(CLI_USAGE, remedy, "%s%s", what, detail);
}

static int unreachable(const char *path, const char *why, const char *remedy)
{
	return cli_complain(CLI_UNREACHED, remedy, "cannot reach lwgated at %s: %s", path, why);
}

int cli_not_understood(const struct cli *c)
{
	return unreachable(
		c->path, "its answer is not understood", "use the lwgatectl of its version");
}

/* --- connecting ------------------------------------------------------------------------------- */

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
		return CLI_DONE;
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

static int nng_failed(const char *path, int error, int timeout_ms)
{
	char why[64];
	if (error != NNG_ETIMEDOUT)
		return unreachable(path, nng_strerror(error), "look into its log");
	(void)snprintf(why, sizeof(why), "no answer in %d s", timeout_ms / 1000);
	return unreachable(path, why, "it is busy or hangs; look into its log");
}

/* 0, or an error of nng's. */
static int dial(struct cli_wire *w, const char *path)
{
	char url[sizeof("ipc://") + sizeof(((struct sockaddr_un *)0)->sun_path)];
	int error = nng_req0_open(&w->sock);
	if (error != 0)
		return error;
	(void)snprintf(url, sizeof(url), "ipc://%s", path);
	/* 0: the list of sessions may be long. No question is asked twice: it may change something.
	   NONBLOCK: only then is the time ours to limit. */
	if ((error = nng_socket_set_size(w->sock, NNG_OPT_RECVMAXSZ, 0)) == 0 &&
		(error = nng_socket_set_ms(
			 w->sock, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE)) == 0 &&
		(error = nng_dial(w->sock, url, NULL, NNG_FLAG_NONBLOCK)) == 0)
		return 0;
	(void)nng_close(w->sock);
	return error;
}

static int connect_to(struct cli *c)
{
	if (c->wire != NULL)
		return CLI_DONE;
	const int status = check_path(c->path);
	if (status != CLI_DONE)
		return status;
	struct cli_wire *w = calloc(1, sizeof(*w));
	if (w == NULL)
		return cli_wrong("no memory", "", "free some");
	const int error = dial(w, c->path);
	if (error == 0) {
		c->wire = w;
		return CLI_DONE;
	}
	free(w);
	return nng_failed(c->path, error, CLI_SHORT_MS);
}

static void forget(struct cli_wire *w)
{
	if (w->answer == NULL)
		return;
	wipe(nng_msg_body(w->answer), nng_msg_len(w->answer));
	nng_msg_free(w->answer);
	w->answer = NULL;
}

void cli_end(struct cli *c)
{
	if (c->wire == NULL)
		return;
	forget(c->wire);
	(void)nng_close(c->wire->sock);
	free(c->wire);
	c->wire = NULL;
}

/* --- asking ----------------------------------------------------------------------------------- */

static nng_duration left_ms(const struct timespec *start, int timeout_ms)
{
	struct timespec now = { 0 };
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	const long long ms =
		(now.tv_sec - start->tv_sec) * 1000LL + (now.tv_nsec - start->tv_nsec) / 1000000;
	return ms >= timeout_ms ? 1 : (nng_duration)(timeout_ms - ms);
}

/* nng_sendmsg() does not copy: what it frees later is this buffer. */
static int send_request(nng_socket sock, const struct ctl_request *q)
{
	nng_msg *m = NULL;
	const size_t cap = 4 + strlen(q->arg) + q->body_len;
	int error = nng_msg_alloc(&m, cap);
	if (error != 0)
		return error;
	if (ctl_request_write(q, nng_msg_body(m), cap) == cap)
		error = nng_sendmsg(sock, m, 0);
	else
		error = NNG_EMSGSIZE;
	if (error != 0) {
		wipe(nng_msg_body(m), nng_msg_len(m));
		nng_msg_free(m);
	}
	return error;
}

static int exchange(struct cli_wire *w, const struct ctl_request *q, int timeout_ms)
{
	struct timespec start = { 0 };
	int error = 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	if ((error = nng_socket_set_ms(w->sock, NNG_OPT_SENDTIMEO, timeout_ms)) != 0 ||
		(error = send_request(w->sock, q)) != 0 ||
		(error = nng_socket_set_ms(
			 w->sock, NNG_OPT_RECVTIMEO, left_ms(&start, timeout_ms))) != 0)
		return error;
	return nng_recvmsg(w->sock, &w->answer, 0);
}

/* lost: NULL, or who is told that the gateway has gone amid the question; then nothing is said. */
static int ask(struct cli *c, const struct ctl_request *q, int timeout_ms, struct cli_answer *a,
	bool *lost)
{
	if (lost != NULL)
		*lost = false;
	*a = (struct cli_answer){ .status = CTL_FAILED };
	const int status = connect_to(c);
	if (status != CLI_DONE)
		return status;
	forget(c->wire);
	const int error = exchange(c->wire, q, timeout_ms);
	if (lost != NULL)
		*lost = error == NNG_ECONNRESET || error == NNG_ECLOSED;
	if (error != 0)
		return lost != NULL && *lost ? CLI_UNREACHED
					     : nng_failed(c->path, error, timeout_ms);
	const uint8_t *body = nng_msg_body(c->wire->answer);
	const size_t len = nng_msg_len(c->wire->answer);
	if (len < HEAD_LEN || body[0] != CTL_VERSION || body[1] > CTL_FAILED)
		return cli_not_understood(c);
	*a = (struct cli_answer){
		.status = (enum ctl_status)body[1], .body = body + HEAD_LEN, .len = len - HEAD_LEN
	};
	return CLI_DONE;
}

int cli_ask(struct cli *c, const struct ctl_request *q, int timeout_ms, struct cli_answer *a)
{
	return ask(c, q, timeout_ms, a, NULL);
}

int cli_ask_again(struct cli *c, const struct ctl_request *q, int timeout_ms, struct cli_answer *a,
	bool *lost)
{
	const int status = ask(c, q, timeout_ms, a, lost);
	if (*lost)
		cli_end(c); /* another connection, the next time */
	return status;
}

int cli_one(struct cli *c, enum ctl_verb verb, int timeout_ms, struct cli_answer *a)
{
	struct ctl_request q = { .form = c->form, .verb = verb };
	enum ctl_purpose purpose;
	int status = cli_purpose(c, &purpose);
	if (status != CLI_DONE)
		return status;
	const uint8_t body = (uint8_t)purpose;
	(void)snprintf(q.arg, sizeof(q.arg), "%s", c->arg);
	if (purpose != CTL_FOR_UNSAID) { /* so that it is what an older gateway knows */
		q.body = &body;
		q.body_len = sizeof(body);
	}
	status = cli_ask(c, &q, timeout_ms, a);
	return status;
}

static int flushed(FILE *to)
{
	if (fflush(to) == 0)
		return CLI_DONE;
	(void)fprintf(stderr, "lwgatectl: cannot write: %s\n", strerror(errno));
	return CLI_USAGE;
}

/* JSON goes where the program looks for it, whatever it says; people's errors go to stderr. */
int cli_print(const struct cli *c, const struct cli_answer *a)
{
	const bool done = a->status == CTL_DONE;
	FILE *to = done || c->form == CTL_JSON ? stdout : stderr;
	if (to == stderr)
		(void)fputs("lwgatectl: ", to);
	(void)fwrite(a->body, 1, a->len, to);
	const int status = flushed(to);
	return status != CLI_DONE ? status : done ? CLI_DONE : CLI_REFUSED;
}

int cli_ask_print(struct cli *c, const struct ctl_request *q, int timeout_ms)
{
	struct cli_answer a;
	const int status = cli_ask(c, q, timeout_ms, &a);
	return status == CLI_DONE ? cli_print(c, &a) : status;
}

int cli_put(struct ctl_out *o)
{
	if (o->bad)
		return cli_wrong("no memory", "", "free some");
	if (o->len > 0)
		(void)fwrite(o->data, 1, o->len, stdout);
	o->len = 0;
	return flushed(stdout);
}
