/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway.h"

#include "base/heap.h"
#include "base/log.h"
#include "base/net.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "gateway/ask.h"
#include "gateway/claim.h"
#include "gateway/notify.h"
#include "gateway/worker.h"
#include "io/inbox.h"
#include "io/steer.h"
#include "io/udp.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

_Static_assert((int)GW_LISTENERS_MAX >= (int)CONF_LISTENERS_MAX, "every listener has a place");
_Static_assert((int)CONF_WORKERS_MAX < (int)GW_TENURE_WORKER, "every worker fits into a tenure");

struct gw_gateway {
	struct gw_shared shared;
	const struct log *log;
	size_t len; /* workers */
	struct inbox *inboxes[CONF_WORKERS_MAX];
	struct gw_worker *workers[CONF_WORKERS_MAX];
	pthread_t threads[CONF_WORKERS_MAX];
	size_t running;       /* threads */
	time_t since_s;       /* CLOCK_BOOTTIME */
	struct ev_loop *loop; /* the main thread's */
	ev_io control_io;
	ev_signal term, interrupt, hangup;
};

static time_t clock_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

/* --- making it ------------------------------------------------------------------------------- */

static void fail_bind(struct conf_error *error, const struct net_addr *a, int why)
{
	char text[NET_TEXT_MAX];
	const char *remedy = why == EADDRINUSE
				     ? "another program has the port: stop it, or change listeners"
			     : why == EACCES ? "ports below 1024 need root, or CAP_NET_BIND_SERVICE"
					     : "an address of this machine is needed in listeners";
	(void)snprintf(error->text, sizeof(error->text), "cannot listen on %s: %s; %s",
		net_addr_text(a, text), strerror(why), remedy);
}

/* SO_REUSEPORT lets in whoever has the same user: the first socket asks without, so that a
   second gateway is told. */
static bool is_free(const struct net_addr *a, struct conf_error *error)
{
	const struct udp_options o = { .bind = *a };
	const int fd = udp_open(&o);
	if (fd < 0) {
		fail_bind(error, a, -fd);
		return false;
	}
	(void)close(fd);
	return true;
}

/* fds[worker][listener]; bound in the order of the workers, as the kernel's filter counts. */
typedef int socket_table[CONF_WORKERS_MAX][CONF_LISTENERS_MAX];

static bool bind_one(struct gw_gateway *g, socket_table fds, size_t l, struct conf_error *error)
{
	const struct udp_options o = {
		.bind = g->shared.conf->listeners[l],
		.reuse_port = g->len > 1,
	};
	if (!is_free(&o.bind, error))
		return false;
	for (size_t w = 0; w < g->len; w++) {
		fds[w][l] = udp_open(&o);
		if (fds[w][l] < 0) {
			fail_bind(error, &o.bind, -fds[w][l]);
			return false;
		}
	}
	if (g->len > 1 && !steer_attach(&g->shared.steer, fds[0][l], o.bind.family))
		log_say(g->log, LOG_LEVEL_WARN, "steer",
			"the kernel takes no filter (%s); workers hand strays to each other",
			strerror(errno));
	return true;
}

static bool bind_all(struct gw_gateway *g, socket_table fds, struct conf_error *error)
{
	for (size_t l = 0; l < g->shared.conf->listeners_len; l++) {
		if (!bind_one(g, fds, l, error))
			return false;
	}
	return true;
}

static bool make_workers(struct gw_gateway *g, socket_table fds)
{
	for (size_t i = 0; i < g->len; i++) {
		g->inboxes[i] = inbox_new();
		if (!g->inboxes[i])
			return false;
	}
	for (size_t i = 0; i < g->len; i++) {
		g->workers[i] = gw_worker_new(
			&g->shared, (uint32_t)i, fds[i], g->shared.conf->listeners_len);
		for (size_t l = 0; l < CONF_LISTENERS_MAX; l++)
			fds[i][l] = -1; /* the worker's now, or closed */
		if (!g->workers[i])
			return false;
	}
	return true;
}

static bool fill_shared(struct gw_gateway *g)
{
	const size_t credentials = cred_count(g->shared.creds);
	g->shared.inboxes = g->inboxes;
	g->shared.seats = calloc(credentials > 0 ? credentials : 1, sizeof(*g->shared.seats));
	g->shared.steer.owners = (uint32_t)g->len;
	return g->shared.seats &&
	       getrandom(&g->shared.steer.seed, sizeof(g->shared.steer.seed), 0) ==
		       sizeof(g->shared.steer.seed) &&
	       getrandom(&g->shared.identity_key, sizeof(g->shared.identity_key), 0) ==
		       sizeof(g->shared.identity_key);
}

static void close_all(socket_table fds)
{
	for (size_t i = 0; i < CONF_WORKERS_MAX; i++) {
		for (size_t l = 0; l < CONF_LISTENERS_MAX; l++) {
			if (fds[i][l] >= 0)
				(void)close(fds[i][l]);
		}
	}
}

struct gw_gateway *gw_open(const struct conf_gateway *conf, const struct cred_set *creds,
	const struct log *log, int keylog_fd, struct conf_error *error)
{
	socket_table fds;
	memset(fds, 0xff, sizeof(fds)); /* -1 */
	struct gw_gateway *g = calloc(1, sizeof(*g));
	if (!g) {
		(void)snprintf(error->text, sizeof(error->text), "memory is short");
		return NULL;
	}
	assert(conf->workers >= 1 && conf->workers <= CONF_WORKERS_MAX);
	g->log = log;
	g->len = conf->workers;
	g->since_s = clock_s();
	g->shared.conf = conf;
	g->shared.creds = creds;
	g->shared.keylog_fd = keylog_fd;
	g->shared.log_fd = log->fd;
	(void)snprintf(error->text, sizeof(error->text),
		"the workers cannot be made: memory or descriptors are short; fewer workers need "
		"less");
	if (fill_shared(g) && bind_all(g, fds, error) && make_workers(g, fds))
		return g;
	close_all(fds);
	gw_free(g);
	return NULL;
}

void gw_free(struct gw_gateway *g)
{
	if (!g)
		return;
	assert(g->running == 0);
	for (size_t i = 0; i < g->len; i++)
		gw_worker_free(g->workers[i]);
	for (size_t i = 0; i < g->len; i++)
		inbox_free(g->inboxes[i]);
	free(g->shared.seats);
	wipe(&g->shared.identity_key, sizeof(g->shared.identity_key));
	free(g);
}

/* --- running it ------------------------------------------------------------------------------ */

bool gw_start(struct gw_gateway *g, struct conf_error *error)
{
	heap_trim(); /* reading the configuration took more than stays */
	sigset_t all;
	sigset_t before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
	int failed = 0;
	for (; g->running < g->len && failed == 0; g->running++) {
		failed = pthread_create(
			&g->threads[g->running], NULL, gw_worker_run, g->workers[g->running]);
		if (failed != 0)
			break;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed == 0)
		return true;
	(void)snprintf(error->text, sizeof(error->text),
		"a worker cannot be started: %s; fewer workers need less", strerror(failed));
	return false;
}

static void on_control(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	ctl_serve(io->data);
}

static void on_end(struct ev_loop *loop, ev_signal *signal, int events)
{
	const struct gw_gateway *g = signal->data;
	(void)events;
	log_say(g->log, LOG_LEVEL_INFO, "stopping", "on signal %d", signal->signum);
	ev_break(loop, EVBREAK_ALL);
}

static void on_hangup(struct ev_loop *loop, ev_signal *signal, int events)
{
	const struct gw_gateway *g = signal->data;
	(void)loop;
	(void)events;
	log_say(g->log, LOG_LEVEL_WARN, "reload", "reload is not available yet; restart to apply");
}

static void watch_signal(struct gw_gateway *g, ev_signal *watcher, int number)
{
	watcher->data = g;
	watcher->signum = number;
	ev_signal_start(g->loop, watcher);
}

static void watch_control(struct gw_gateway *g, struct ctl_control *control)
{
	if (!control)
		return;
	ev_io_init(&g->control_io, on_control, ctl_fd(control), EV_READ);
	g->control_io.data = control;
	ev_io_start(g->loop, &g->control_io);
}

void gw_run(struct gw_gateway *g, struct ctl_control *control)
{
	g->loop = ev_default_loop(EVFLAG_NOENV);
	if (!g->loop) {
		log_say(g->log, LOG_LEVEL_ERROR, "loop", "the main loop cannot be made");
		return;
	}
	ev_init(&g->term, on_end);
	ev_init(&g->interrupt, on_end);
	ev_init(&g->hangup, on_hangup);
	watch_signal(g, &g->term, SIGTERM);
	watch_signal(g, &g->interrupt, SIGINT);
	watch_signal(g, &g->hangup, SIGHUP);
	watch_control(g, control);
	(void)ev_run(g->loop, 0);
	if (control)
		ev_io_stop(g->loop, &g->control_io);
	ev_signal_stop(g->loop, &g->term);
	ev_signal_stop(g->loop, &g->interrupt);
	ev_signal_stop(g->loop, &g->hangup);
}

bool gw_stop(struct gw_gateway *g)
{
	struct timespec until;
	bool good = true;
	for (size_t i = 0; i < g->running; i++)
		good = inbox_post(g->inboxes[i], INBOX_SURE, GW_STOP, NULL, 0) && good;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GW_STOP_S;
	while (g->running > 0) {
		if (pthread_timedjoin_np(g->threads[g->running - 1], NULL, &until) != 0)
			return false;
		g->running--;
	}
	return good;
}

/* --- what the control room asks -------------------------------------------------------------- */

static size_t workers(void *ctx)
{
	const struct gw_gateway *g = ctx;
	return g->len;
}

/* Asks one worker and waits. NULL: it did not answer. Else the caller releases it. */
static struct gw_ask *ask(struct gw_gateway *g, size_t number, enum gw_ask_what what, uint32_t cred)
{
	struct gw_ask *a = gw_ask_new(what, cred);
	if (!a)
		return NULL;
	if (gw_ask_post(a, g->inboxes[number]) && gw_ask_wait(a, GW_ASK_MS))
		return a;
	gw_ask_release(a);
	return NULL;
}

static bool worker(void *ctx, size_t number, struct ctl_worker *out)
{
	struct gw_gateway *g = ctx;
	if (number >= g->len)
		return false;
	struct gw_ask *a = ask(g, number, GW_ASK_NUMBERS, 0);
	if (!a)
		return false;
	*out = a->numbers;
	gw_ask_release(a);
	return true;
}

/* Adds a worker's sessions to those of the others. */
static bool join(struct gw_ask *a, struct ctl_session **out, size_t *len)
{
	if (a->len == 0)
		return true;
	struct ctl_session *all = realloc(*out, (*len + a->len) * sizeof(*all));
	if (!all)
		return false;
	memcpy(all + *len, a->sessions, a->len * sizeof(*all));
	*out = all;
	*len += a->len;
	return true;
}

static bool sessions(void *ctx, const char *endpoint, struct ctl_session **out, size_t *len)
{
	struct gw_gateway *g = ctx;
	uint32_t cred = 0;
	bool good = true;
	*out = NULL;
	*len = 0;
	if (endpoint && !cred_by_endpoint(g->shared.creds, endpoint, &cred))
		return true;
	for (size_t i = 0; i < g->len && good; i++) {
		struct gw_ask *a = ask(g, i, endpoint ? GW_ASK_SESSION : GW_ASK_SESSIONS, cred);
		if (!a)
			good = false;
		else
			good = (a->good || endpoint) && join(a, out, len);
		if (a)
			gw_ask_release(a);
	}
	if (good)
		return true;
	free(*out);
	*out = NULL;
	*len = 0;
	return false;
}

static bool close_endpoint(void *ctx, const char *endpoint)
{
	struct gw_gateway *g = ctx;
	uint32_t cred;
	bool closed = false;
	if (!cred_by_endpoint(g->shared.creds, endpoint, &cred))
		return false;
	for (size_t i = 0; i < g->len && !closed; i++) {
		struct gw_ask *a = ask(g, i, GW_ASK_CLOSE, cred);
		closed = a && a->good;
		if (a)
			gw_ask_release(a);
	}
	return closed;
}

static uint64_t uptime_s(void *ctx)
{
	const struct gw_gateway *g = ctx;
	return (uint64_t)(clock_s() - g->since_s);
}

struct ctl_source gw_source(struct gw_gateway *g)
{
	return (struct ctl_source){
		.ctx = g,
		.workers = workers,
		.worker = worker,
		.sessions = sessions,
		.close = close_endpoint,
		.uptime_s = uptime_s,
	};
}
