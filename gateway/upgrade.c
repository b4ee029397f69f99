/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upgrade.h"

#include "base/log.h"
#include "base/wipe.h"
#include "gateway/chronicle.h"
#include "gateway/gateway_parts.h"
#include "gateway/inherit.h"
#include "gateway/sms.h"
#include "gateway/worker_parts.h"
#include "io/sources.h"
#include "store/store.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const double answer_s = 0.05; /* for the answer to who asked */
/* A handshake of two round trips and a copy lost; a slower device repeats its flight in vain and
   begins again by its own timer. */
enum { QUIET_MS = 4000 };
static const double look_s = 0.02;

static bool all_quiet(const struct gw_gateway *g)
{
	for (uint32_t i = 0; i < g->len; i++) {
		if (!g->workers[i]->quiet)
			return false;
	}
	return true;
}

static void on_quiet(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gw_gateway *const g = timer->data;
	(void)events;
	if (!all_quiet(g) && gw_worker_clock_ms() < g->quiet_by_ms)
		return;
	ev_timer_stop(loop, timer);
	g->end = GW_END_UPGRADE;
	ev_break(loop, EVBREAK_ALL);
}

/* Everything goes on meanwhile, but that nobody begins. */
static void finish_handshakes(struct gw_gateway *g)
{
	g->quiet_by_ms = gw_worker_clock_ms() + QUIET_MS;
	for (size_t i = 0; i < g->running; i++) {
		if (!inbox_post(g->inboxes[i], INBOX_SURE, GW_HUSH, NULL, 0))
			g->quiet_by_ms = 0; /* no memory */
	}
	ev_timer_init(&g->trial_due, on_quiet, 0.0, look_s);
	g->trial_due.data = g;
	ev_timer_start(g->loop, &g->trial_due);
}

static void on_trial(struct ev_loop *loop, ev_child *child, int events)
{
	struct gw_gateway *const g = child->data;
	(void)events;
	ev_child_stop(loop, child);
	if (WIFEXITED(child->rstatus) && WEXITSTATUS(child->rstatus) == 0) {
		log_say(g->log, LOG_LEVEL_INFO, "upgrade", "program=%s", g->self->program);
		finish_handshakes(g);
		return;
	}
	log_say(g->log, LOG_LEVEL_ERROR, "upgrade",
		"%s does not take %s (see above): everything stays as it is; correct it and try "
		"again",
		g->self->program, g->self->conf_file);
	g->trial_refused = true;
}

void gw_upgrade_begin(struct gw_gateway *g)
{
	char name[] = "lwgated", check[] = "-n", option[] = "-c", file[1024];
	char *const argv[] = { name, check, option, file, NULL };
	pid_t pid;
	if (ev_is_active(&g->trial))
		return; /* one is under way */
	(void)snprintf(file, sizeof(file), "%s", g->self->conf_file);
	g->trial_refused = false;
	const int error = posix_spawn(&pid, g->self->program, NULL, NULL, argv, environ);
	if (error != 0) {
		log_say(g->log, LOG_LEVEL_ERROR, "upgrade", "%s cannot be run: %s",
			g->self->program, strerror(error));
		g->trial_refused = true;
		return;
	}
	ev_child_init(&g->trial, on_trial, pid, 0);
	g->trial.data = g;
	ev_child_start(g->loop, &g->trial);
}

static void on_answered(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	gw_upgrade_begin(timer->data);
}

enum ctl_status gw_upgrade_asked(void *gateway, struct ctl_said *said)
{
	struct gw_gateway *const g = gateway;
	if (!g->shared.conf->store_path) {
		(void)snprintf(said->text, sizeof(said->text),
			"nothing outlives this program: set store.path, or restart it");
		return CTL_FAILED;
	}
	if (ev_is_active(&g->trial_due) || ev_is_active(&g->trial)) {
		(void)snprintf(said->text, sizeof(said->text), "an upgrade is under way already");
		return CTL_FAILED;
	}
	(void)snprintf(said->text, sizeof(said->text),
		"%s is tried with %s; the log tells the rest", g->self->program,
		g->self->conf_file);
	ev_timer_init(&g->trial_due, on_answered, answer_s, 0.0);
	g->trial_due.data = g;
	g->trial_refused = false;
	ev_timer_start(g->loop, &g->trial_due);
	return CTL_DONE;
}

void gw_upgrading(void *gateway, struct ctl_upgrading *out)
{
	struct gw_gateway *const g = gateway;
	*out = (struct ctl_upgrading){ .run = store_start(g->shared.store).incarnation,
		.version = LWG_VERSION };
	if (g->trial_refused)
		out->trial = CTL_TRIAL_REFUSED;
	else if (ev_is_active(&g->trial_due) || ev_is_active(&g->trial) || g->end == GW_END_UPGRADE)
		out->trial = CTL_TRIAL_ON;
}

static bool collect_links(const struct gw_worker *w, uint8_t upstream, struct gw_legacy *l)
{
	const struct gw_upstream *const u = &w->upstreams[upstream];
	bool good = true;
	for (size_t i = 0; i < u->links_len && good; i++)
		good = gw_legacy_link(
			l, w->number, upstream, sources_fd(u->sources, u->links[i]->sock));
	return good;
}

/* Worker by worker, so that the descriptors that are there twice stay few. */
static bool collect(struct gw_gateway *g, struct gw_legacy *l)
{
	bool good = true;
	for (uint32_t i = 0; i < g->len && good; i++) {
		struct gw_worker *const w = g->workers[i];
		for (size_t n = 0; n < w->listeners_len && good; n++)
			good = w->fds[n] < 0 || gw_legacy_listener(l, i, n, w->fds[n]);
		for (uint8_t n = 0; n < w->upstreams_len && good; n++)
			good = collect_links(w, n, l);
		gw_worker_free(w);
		g->workers[i] = NULL;
	}
	return good;
}

void gw_upgrade_exec(struct gw_gateway *g, int control)
{
	struct kek kek;
	store_kek(g->shared.store, &kek);
	struct gw_legacy *const l = gw_legacy_new(g->shared.conf, &kek);
	wipe(&kek, sizeof(kek));
	const int events = gw_chronicle_listener(g->chronicle);
	const int sms = gw_sms_desk_listener(g->sms);
	const bool good = l && collect(g, l) && (control < 0 || gw_legacy_control(l, control)) &&
			  (events < 0 || gw_legacy_events(l, events)) &&
			  (sms < 0 || gw_legacy_events(l, sms));
	gw_store_close(g);
	if (!good || !gw_legacy_write(l))
		log_say(g->log, LOG_LEVEL_WARN, "upgrade",
			"the sockets cannot be handed over: %s; they are opened anew",
			strerror(errno));
	(void)execv(g->self->program, g->self->argv);
	log_say(g->log, LOG_LEVEL_ERROR, "upgrade", "%s cannot be run: %s; the old one goes on",
		g->self->program, strerror(errno));
	(void)execv("/proc/self/exe", g->self->argv);
	log_say(g->log, LOG_LEVEL_ERROR, "upgrade", "nor can the old one: %s", strerror(errno));
	gw_legacy_free(l);
}
