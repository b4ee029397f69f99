/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway.h"

#include "base/heap.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/wipe.h"
#include "gateway/bsf.h"
#include "gateway/chronicle.h"
#include "gateway/gateway_parts.h"
#include "gateway/inherit.h"
#include "gateway/listen_fds.h"
#include "gateway/material.h"
#include "gateway/reload.h"
#include "gateway/repository.h"
#include "gateway/resolver.h"
#include "gateway/rules.h"
#include "gateway/seats.h"
#include "gateway/sms.h"
#include "gateway/sms_keeper.h"
#include "gateway/trace.h"
#include "gateway/upgrade.h"
#include "gateway/web_door.h"
#include "io/inbox.h"
#include "io/steer.h"
#include "io/udp.h"
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

_Static_assert((int)GW_LISTENERS_MAX >= (int)CONF_LISTENERS_MAX, "every listener has a place");
_Static_assert((int)CONF_WORKERS_MAX < (int)GW_TENURE_WORKER, "every worker fits into a tenure");

static time_t clock_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

/* --- making it ------------------------------------------------------------------------------- */

static bool fill_shared(struct gw_gateway *g, const struct gw_settings *s)
{
	g->material = s->material ? gw_material_ref(s->material) : NULL;
	g->rules = s->rules ? gw_rules_ref(s->rules) : NULL;
	g->shared = (struct gw_shared){
		.conf = s->conf,
		.creds = s->creds,
		.material = g->material,
		.rules = g->rules,
		.inboxes = g->inboxes,
		.seats = gw_seats_new(),
		.tracing = gw_tracing_new(),
		.steer = { .owners = (uint32_t)g->len, .node = s->conf->cid_node },
		.keylog_fd = s->keylog_fd,
		.log_fd = s->log->fd,
		.log_ring = s->log->ring,
		.log_sink = s->log->sink,
	};
	memcpy(g->shared.masters, s->masters, sizeof(s->masters));
	return g->shared.seats && g->shared.tracing &&
	       getrandom(&g->shared.identity_key, sizeof(g->shared.identity_key), 0) ==
		       sizeof(g->shared.identity_key);
}

/* While still root, who may make files where they are wanted. */
static bool open_chronicle(struct gw_gateway *g, struct conf_error *error)
{
	const struct conf_gateway *const conf = g->shared.conf;
	const struct gw_chronicle_settings s = {
		.file = conf->events_file,
		.path = conf->events_path,
		.group = conf->control_group,
		.user = conf->user,
		.inherited = gw_inherit_events(g->inherited, conf->events_path),
		.log = g->log,
	};
	g->chronicle = gw_chronicle_open(&s, error->text, sizeof(error->text));
	g->shared.chronicle = g->chronicle ? gw_chronicle_inbox(g->chronicle) : NULL;
	return g->chronicle != NULL;
}

static bool open_sms(struct gw_gateway *g, struct conf_error *error)
{
	bool failed;
	g->sms = gw_sms_desk_open(g, &failed, error->text, sizeof(error->text));
	g->shared.sms = g->sms ? gw_sms_desk_inbox(g->sms) : NULL;
	return !failed;
}

static bool make_keeper(struct gw_gateway *g, struct conf_error *error)
{
	g->keeper = gw_sms_keeper_new(g, error);
	g->shared.keeper = g->keeper ? gw_sms_keeper_inbox(g->keeper)[0] : NULL;
	return g->keeper;
}

static void found(void *ctx, const struct gw_resolved *r)
{
	struct gw_gateway *const g = ctx;
	for (size_t i = 0; i < g->running; i++) {
		if (!inbox_post(g->inboxes[i], INBOX_SURE, GW_RESOLVED, r, sizeof(*r)))
			log_say(g->log, LOG_LEVEL_ERROR, "memory",
				"none left to tell a worker of a server's new addresses");
	}
}

static bool make_web(struct gw_gateway *g)
{
	if (g->shared.conf->web.family != 0)
		g->web = gw_web_new(g);
	return g->web || g->shared.conf->web.family == 0;
}

static bool make_resolver(struct gw_gateway *g)
{
	const struct gw_resolver_settings s = {
		.conf = g->shared.conf, .log = g->log, .ctx = g, .found = found
	};
	g->shared.resolver = gw_resolver_new(&s);
	return g->shared.resolver || !gw_resolver_is_needed(s.conf);
}

struct gw_gateway *gw_open(const struct gw_settings *s, struct conf_error *error)
{
	struct gw_gateway *g = calloc(1, sizeof(*g));
	if (!g) {
		(void)snprintf(error->text, sizeof(error->text), "memory is short");
		return NULL;
	}
	g->log = s->log;
	g->len = s->conf->workers;
	g->since_s = clock_s();
	g->inherited = s->inherited;
	g->self = s->self;
	g->discard_sessions = s->discard_sessions;
	g->claims_store = s->claims_store;
	memset(g->fds, 0xff, sizeof(g->fds)); /* -1 */
	(void)snprintf(error->text, sizeof(error->text), "memory is short");
	if (fill_shared(g, s) && make_keeper(g, error) && make_resolver(g) && make_web(g) &&
		gw_bind_all(g, error) && gw_store_prepare(g, error) && open_chronicle(g, error) &&
		open_sms(g, error) &&
		gw_repository_open(
			g->shared.conf, g->log, g->inboxes, &g->shared.repository, error) &&
		gw_bsf_open(g->shared.conf, g->log, gw_sms_keeper_inbox(g->keeper), &g->shared.bsf,
			error))
		return g;
	gw_free(g);
	return NULL;
}

static bool make_workers(struct gw_gateway *g)
{
	for (size_t i = 0; i < g->len; i++) {
		g->inboxes[i] = inbox_new();
		if (!g->inboxes[i])
			return false;
	}
	for (size_t i = 0; i < g->len; i++) {
		struct gw_sockets sockets = {
			.listeners = g->fds[i],
			.listeners_len = g->shared.conf->listeners_len,
		};
		for (size_t n = 0; n < g->shared.conf->upstreams_len; n++)
			sockets.links[n].fds = gw_inherit_links(g->inherited, g->shared.conf,
				(uint32_t)i, n, &sockets.links[n].len);
		g->workers[i] = gw_worker_new(&g->shared, (uint32_t)i, &sockets);
		memset(g->fds[i], 0xff, sizeof(g->fds[i])); /* the worker's now, or closed */
		if (!g->workers[i])
			return false;
	}
	return true;
}

/* The filter's seed is the store's, so that a device comes to the worker that has its link. */
static void steer(struct gw_gateway *g)
{
	for (size_t l = 0; l < g->shared.conf->listeners_len && g->len > 1; l++) {
		const int first = g->fds[0][l];
		if (first >= 0 && udp_shares_port(first) &&
			!steer_attach(&g->shared.steer, first, g->shared.conf->listeners[l].family))
			log_say(g->log, LOG_LEVEL_WARN, "steer",
				"the kernel takes no filter (%s); workers hand strays to each "
				"other",
				strerror(errno));
	}
}

void gw_free(struct gw_gateway *g)
{
	if (!g)
		return;
	assert(g->running == 0);
	for (size_t i = 0; i < g->len; i++)
		gw_worker_free(g->workers[i]);
	gw_store_close(g); /* answers to workers that never were have nowhere to go */
	gw_chronicle_close(g->chronicle);
	gw_sms_desk_close(g->sms);
	for (size_t i = 0; i < g->len; i++)
		inbox_free(g->inboxes[i]);
	gw_close_all(g->fds);
	gw_inherit_free(g->inherited);
	gw_resolver_free(g->shared.resolver);
	gw_repository_free(g->shared.repository);
	gw_bsf_free(g->shared.bsf);
	gw_sms_keeper_free(g->keeper);
	gw_web_free(g->web);
	gw_tracing_free(g->shared.tracing);
	gw_seats_free(g->shared.seats);
	gw_material_unref(g->material);
	gw_rules_unref(g->rules);
	wipe(&g->shared.identity_key, sizeof(g->shared.identity_key));
	wipe(g, sizeof(*g));
	free(g);
}

/* --- running it ------------------------------------------------------------------------------ */

static bool start(struct gw_gateway *g, struct conf_error *error)
{
	int failed = 0;
	if (!gw_store_open(g, error))
		return false;
	steer(g);
	if (!make_workers(g)) {
		(void)snprintf(error->text, sizeof(error->text),
			"the workers cannot be made: memory or descriptors are short; fewer "
			"workers need less");
		return false;
	}
	gw_listen_fds_say(gw_inherit_manager(g->inherited), g->log);
	gw_inherit_free(g->inherited);
	g->inherited = NULL;
	heap_trim(); /* reading the configuration took more than stays */
	for (; g->running < g->len && failed == 0; g->running++) {
		failed = pthread_create(
			&g->threads[g->running], NULL, gw_worker_run, g->workers[g->running]);
		if (failed != 0)
			break;
	}
	if (failed == 0)
		return gw_repository_start(g->shared.repository, error);
	(void)snprintf(error->text, sizeof(error->text),
		"a worker cannot be started: %s; fewer workers need less", strerror(failed));
	return false;
}

bool gw_start(struct gw_gateway *g, struct conf_error *error)
{
	sigset_t before;
	signals_block(&before); /* they are for the main thread, later */
	const bool good = start(g, error);
	signals_restore(&before);
	return good;
}

size_t gw_credentials_count(const struct gw_gateway *g)
{
	return (size_t)store_stats(g->shared.store).credentials;
}

static void on_control(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	ctl_serve(io->data);
}

static void on_chronicle(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	gw_chronicle_serve(io->data);
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
	struct ctl_said said;
	(void)loop;
	(void)events;
	(void)gw_reload_asked(signal->data, &said);
}

static void on_usr2(struct ev_loop *loop, ev_signal *signal, int events)
{
	struct gw_gateway *g = signal->data;
	struct ctl_said said;
	(void)loop;
	(void)events;
	if (gw_upgrade_asked(g, &said) != CTL_DONE)
		log_say(g->log, LOG_LEVEL_ERROR, "upgrade", "%s", said.text);
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

static void watch_chronicle(struct gw_gateway *g)
{
	ev_io_init(&g->chronicle_io, on_chronicle, gw_chronicle_fd(g->chronicle), EV_READ);
	g->chronicle_io.data = g->chronicle;
	ev_io_start(g->loop, &g->chronicle_io);
}

bool gw_watch(struct gw_gateway *g, struct ctl_control *control)
{
	g->loop = ev_default_loop(EVFLAG_NOENV);
	if (!g->loop) {
		log_say(g->log, LOG_LEVEL_ERROR, "loop", "the main loop cannot be made");
		return false;
	}
	ev_init(&g->term, on_end);
	ev_init(&g->interrupt, on_end);
	ev_init(&g->hangup, on_hangup);
	ev_init(&g->usr2, on_usr2);
	watch_signal(g, &g->term, SIGTERM);
	watch_signal(g, &g->interrupt, SIGINT);
	watch_signal(g, &g->hangup, SIGHUP);
	watch_signal(g, &g->usr2, SIGUSR2);
	watch_control(g, control);
	watch_chronicle(g);
	if (g->sms)
		gw_sms_desk_begin(g->sms, g->loop);
	gw_sms_keeper_begin(g->keeper, g->loop);
	if (g->web)
		gw_web_begin(g->web, g->loop);
	gw_sweeping_begin(g);
	gw_due_begin(g);
	gw_reload_begin(g);
	gw_watchdog_begin(g);
	if (g->shared.resolver)
		gw_resolver_begin(g->shared.resolver, g->loop);
	if (g->shared.bsf)
		gw_bsf_begin(g->shared.bsf, g->loop);
	return true;
}

enum gw_end gw_run(struct gw_gateway *g, struct ctl_control *control)
{
	(void)ev_run(g->loop, 0);
	if (control)
		ev_io_stop(g->loop, &g->control_io);
	ev_signal_stop(g->loop, &g->term);
	ev_signal_stop(g->loop, &g->interrupt);
	ev_signal_stop(g->loop, &g->hangup);
	ev_signal_stop(g->loop, &g->usr2);
	/* A second one must not end us, nor our successor. */
	(void)signal(SIGUSR2, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	if (g->shared.resolver)
		gw_resolver_end(g->shared.resolver);
	gw_bsf_end(g->shared.bsf);
	gw_sms_keeper_end(g->keeper, g->loop);
	if (g->web)
		gw_web_end(g->web, g->loop);
	gw_due_end(g);
	gw_sweeping_end(g);
	gw_watchdog_end(g);
	gw_reload_end(g);
	ev_io_stop(g->loop, &g->chronicle_io);
	if (g->sms)
		gw_sms_desk_end(g->sms, g->loop);
	return g->end;
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
	gw_repository_stop(g->shared.repository);
	gw_chronicle_serve(g->chronicle); /* what they said last */
	return good;
}
