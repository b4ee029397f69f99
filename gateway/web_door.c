/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web_door.h"

#include "base/log.h"
#include "base/net.h"
#include "gateway/gateway_parts.h"
#include "gateway/web_api.h"
#include "gateway/web_host.h"
#include "gateway/web_idle.h"
#include "gateway/worker_parts.h"
#include "io/inbox.h"

#include <ev.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	AGAIN_S = 10,
	LOOK_S = 1,
	SPARE_FDS = 64, /* descriptors that are for devices and their links */
	QUESTIONS_A_TURN = 8,
	TURN_MS = 20, /* ... that begin in it; then whoever else waits for the main thread */
	OK = 200,
	BAD_TARGET = 414,
	MISDIRECTED = 421,
	BUSY = 503
};

struct gw_web {
	struct gw_gateway *g;
	struct inbox *inbox;
	nng_http_server *server; /* NULL: it is not served */
	_Atomic unsigned waiting;
	pthread_mutex_t lock; /* `closing`, and what is posted by who has read it */
	bool closing;
	bool said;                             /* that the port is not to be had */
	struct log_limit full, served, failed; /* who connects can cause them */
	struct log_limit crowd;                /* the same */
	struct gw_web_idle idle;
	ev_io io;
	ev_timer again;
	ev_timer look;
	struct inbox_message message;
};

struct question {
	nng_aio *aio;
	bool openmetrics;
	char target[GW_WEB_TARGET_MAX + 1];
};

_Static_assert(sizeof(struct question) <= INBOX_MESSAGE_MAX, "a question fits the inbox");

/* --- in nng's threads ------------------------------------------------------------------------ */

/* aio is the server's again. */
static void give(nng_aio *aio, nng_http_res *res)
{
	if (!res) {
		nng_aio_finish(aio, NNG_ENOMEM); /* the connection is closed */
		return;
	}
	(void)nng_aio_set_output(aio, 0, res);
	nng_aio_finish(aio, 0);
}

static void refuse(nng_aio *aio, uint16_t status)
{
	nng_http_res *res = NULL;
	(void)nng_http_res_alloc_error(&res, status);
	give(aio, res);
}

static bool post(struct gw_web *w, const struct question *q)
{
	(void)pthread_mutex_lock(&w->lock);
	const bool posted = !w->closing && atomic_fetch_add(&w->waiting, 1) < GW_WEB_WAIT &&
			    inbox_post(w->inbox, INBOX_SURE, 0, q, sizeof(*q));
	if (!posted && !w->closing)
		(void)atomic_fetch_sub(&w->waiting, 1);
	(void)pthread_mutex_unlock(&w->lock);
	return posted;
}

static void on_request(nng_aio *aio)
{
	nng_http_req *const req = nng_aio_get_input(aio, 0);
	nng_http_handler *const handler = nng_aio_get_input(aio, 1);
	struct gw_web *const w = nng_http_handler_get_data(handler);
	const char *const target = nng_http_req_get_uri(req);
	struct question q = { .aio = aio };
	if (!gw_web_host_is_ours(nng_http_req_get_header(req, "Host"))) {
		refuse(aio, MISDIRECTED);
		return;
	}
	if (!target || strlen(target) > GW_WEB_TARGET_MAX) {
		refuse(aio, BAD_TARGET);
		return;
	}
	memcpy(q.target, target, strlen(target) + 1);
	const char *const accept = nng_http_req_get_header(req, "Accept");
	q.openmetrics = accept && strstr(accept, "application/openmetrics-text");
	if (!post(w, &q))
		refuse(aio, BUSY);
}

/* --- in the main thread ---------------------------------------------------------------------- */

static void set_headers(nng_http_res *res, const struct gw_web_answer *a)
{
	static const struct {
		const char *name, *value;
	} always[] = {
		{ "Cache-Control", "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
	};
	for (size_t i = 0; i < COUNT_OF(always); i++)
		(void)nng_http_res_set_header(res, always[i].name, always[i].value);
	(void)nng_http_res_set_header(
		res, "Content-Security-Policy", a->csp ? a->csp : "default-src 'none'");
	(void)nng_http_res_set_header(res, "Content-Type", a->type ? a->type : "text/plain");
}

static nng_http_res *written(const struct gw_web_answer *a)
{
	nng_http_res *res = NULL;
	if (nng_http_res_alloc(&res) != 0)
		return NULL;
	(void)nng_http_res_set_status(res, (uint16_t)(a->status ? a->status : OK));
	set_headers(res, a);
	if (nng_http_res_copy_data(res, a->body.data ? a->body.data : "", a->body.len) == 0)
		return res;
	nng_http_res_free(res);
	return NULL;
}

static void answer(struct gw_web *w, struct question *q)
{
	struct gw_web_answer a;
	memset(&a, 0, sizeof(a));
	char *const query = strchr(q->target, '?');
	if (query)
		*query = '\0';
	const struct gw_web_question asked = {
		.path = q->target, .query = query ? query + 1 : NULL, .openmetrics = q->openmetrics
	};
	const bool good = gw_web_api(w->g, &asked, &a);
	give(q->aio, good && !a.body.bad ? written(&a) : NULL);
	ctl_out_fini(&a.body);
	(void)atomic_fetch_sub(&w->waiting, 1);
}

static bool take(struct gw_web *w, struct question *q)
{
	if (!inbox_take(w->inbox, &w->message))
		return false;
	memcpy(q, w->message.data, sizeof(*q));
	return true;
}

static void on_inbox(struct ev_loop *loop, ev_io *io, int events)
{
	struct gw_web *const w = io->data;
	struct question q;
	(void)loop;
	(void)events;
	const uint64_t end_ms = gw_worker_clock_ms() + TURN_MS;
	for (size_t i = 0; i < QUESTIONS_A_TURN && take(w, &q); i++) {
		answer(w, &q);
		if (gw_worker_clock_ms() >= end_ms)
			break;
	}
}

/* A body would be kept before anybody looks at its request: there is none in a GET. */
static bool add_handler(struct gw_web *w)
{
	nng_http_handler *h = NULL;
	if (nng_http_handler_alloc(&h, "", on_request) != 0)
		return false;
	nng_http_handler_collect_body(h, true, 0);
	if (nng_http_handler_set_tree(h) == 0 && nng_http_handler_set_data(h, w, NULL) == 0 &&
		nng_http_server_add_handler(w->server, h) == 0)
		return true;
	nng_http_handler_free(h);
	return false;
}

/* When it is set nothing is posted any more, also by who is in the middle of it. */
static void set_closing(struct gw_web *w, bool closing)
{
	(void)pthread_mutex_lock(&w->lock);
	w->closing = closing;
	(void)pthread_mutex_unlock(&w->lock);
}

/* "http://[::1]:9684" */
static int open_server(struct gw_web *w)
{
	char text[NET_TEXT_MAX], address[NET_TEXT_MAX + 8];
	nng_url *url = NULL;
	(void)snprintf(address, sizeof(address), "http://%s",
		net_addr_text(&w->g->shared.conf->web, text));
	int failed = nng_url_parse(&url, address);
	if (failed == 0)
		failed = nng_http_server_hold(&w->server, url);
	nng_url_free(url);
	if (failed == 0 && !add_handler(w))
		failed = NNG_ENOMEM;
	set_closing(w, false);
	if (failed == 0)
		failed = nng_http_server_start(w->server);
	if (failed != 0 && w->server) {
		nng_http_server_release(w->server);
		w->server = NULL;
	}
	return failed;
}

/* Takes back what handlers have put there: nobody answers it. */
static void turn_away(struct gw_web *w)
{
	struct question q;
	while (take(w, &q)) {
		refuse(q.aio, BUSY);
		(void)atomic_fetch_sub(&w->waiting, 1);
	}
}

static void shut(struct gw_web *w)
{
	set_closing(w, true);
	turn_away(w); /* all of them: it is stopped only when each has its answer */
	if (!w->server)
		return;
	nng_http_server_stop(w->server);
	nng_http_server_release(w->server);
	w->server = NULL;
}

/* nng takes as many connections as come, also more in a second than web_idle ends, and when no
   descriptor is left it tries for one without a pause. The lowest that is free says how many are
   in use. */
static bool is_short(const struct gw_web *w)
{
	struct rlimit most;
	const int fd = fcntl(inbox_fd(w->inbox), F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return true;
	(void)close(fd);
	return getrlimit(RLIMIT_NOFILE, &most) == 0 && (rlim_t)fd + SPARE_FDS > most.rlim_cur;
}

static void try_later(struct gw_web *w, struct ev_loop *loop)
{
	ev_timer_set(&w->again, AGAIN_S, 0.0);
	ev_timer_start(loop, &w->again);
}

static void look_at_idle(struct gw_web *w)
{
	const size_t more = gw_web_idle_look(&w->idle, &w->g->shared.conf->web, GW_WEB_IDLE_MS);
	if (more > 0)
		log_limited(w->g->log, &w->crowd, gw_worker_clock_ms(), LOG_LEVEL_WARN, "web-crowd",
			"%zu connections to the status page are closed: there are more than %d; "
			"remedy: who on this machine holds them?",
			more, GW_WEB_CONNECTIONS);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gw_web *const w = timer->data;
	(void)events;
	if (!w->server)
		return;
	if (!is_short(w)) {
		look_at_idle(w);
		return;
	}
	log_limited(w->g->log, &w->full, gw_worker_clock_ms(), LOG_LEVEL_WARN, "web-full",
		"all connections to the status page are closed for %d s: descriptors are short; "
		"remedy: "
		"who on this machine holds them? else LimitNOFILE= of the service, ulimit -n",
		AGAIN_S);
	shut(w);
	try_later(w, loop);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gw_web *const w = timer->data;
	char text[NET_TEXT_MAX];
	(void)events;
	const int failed = is_short(w) ? NNG_ENOFILES : open_server(w);
	const char *const address = net_addr_text(&w->g->shared.conf->web, text);
	if (failed == 0) {
		log_limited(w->g->log, &w->served, gw_worker_clock_ms(), LOG_LEVEL_INFO, "web",
			"the status page is http://%s/, metrics are "
			"http://%s/metrics",
			address, address);
		w->said = false;
		return;
	}
	if (!w->said)
		log_limited(w->g->log, &w->failed, gw_worker_clock_ms(), LOG_LEVEL_ERROR, "web",
			"http://%s cannot be served: %s; free the port, or set web.port; it is "
			"tried again each %d s",
			address, nng_strerror(failed), AGAIN_S);
	w->said = true;
	try_later(w, loop);
}

struct gw_web *gw_web_new(struct gw_gateway *g)
{
	struct gw_web *const w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->g = g;
	w->inbox = inbox_new();
	if (w->inbox && pthread_mutex_init(&w->lock, NULL) == 0)
		return w;
	inbox_free(w->inbox);
	free(w);
	return NULL;
}

void gw_web_free(struct gw_web *w)
{
	if (!w)
		return;
	(void)pthread_mutex_destroy(&w->lock);
	inbox_free(w->inbox);
	free(w);
}

void gw_web_begin(struct gw_web *w, struct ev_loop *loop)
{
	ev_io_init(&w->io, on_inbox, inbox_fd(w->inbox), EV_READ);
	w->io.data = w;
	ev_io_start(loop, &w->io);
	ev_timer_init(&w->again, on_again, 0.0, 0.0);
	w->again.data = w;
	ev_timer_start(loop, &w->again);
	ev_timer_init(&w->look, on_look, LOOK_S, LOOK_S);
	w->look.data = w;
	ev_timer_start(loop, &w->look);
}

void gw_web_end(struct gw_web *w, struct ev_loop *loop)
{
	ev_io_stop(loop, &w->io);
	ev_timer_stop(loop, &w->again);
	ev_timer_stop(loop, &w->look);
	shut(w);
}
