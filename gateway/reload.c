/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/reload.h"

#include "base/log.h"
#include "conf/fail.h"
#include "gateway/advice.h"
#include "gateway/clock.h"
#include "gateway/gateway_parts.h"
#include "gateway/material.h"
#include "gateway/notify.h"
#include "gateway/upgrade.h"
#include "io/inbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STATE = 64 };

static const double day_s = 86400.0;

/* A service manager must be able to tell this reload from the one before: sd_notify(3). */
static void tell_manager(bool begins)
{
	char state[STATE] = "READY=1";
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	if (begins)
		(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
			(uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000);
	gw_notify(state);
}

/* What waits for a restart, and without which the rest would not be right: places are numbered, so
   a material for other listeners fits nobody; and what is proved to the server, and the name that
   it must have, go with what it is. */
static const char *unfit(const struct gw_gateway *g, const struct conf_gateway *next)
{
	const char *path = NULL;
	for (size_t i = 0; (path = conf_fixed(g->shared.conf, next, i)); i++) {
		const bool named = next->upstream_dtls.proof != CONF_BY_PSK;
		if (strcmp(path, "listeners") == 0 || strcmp(path, "upstream.credential") == 0 ||
			(named && strcmp(path, "upstream.address") == 0))
			return path;
	}
	return NULL;
}

static bool fits(
	const struct gw_gateway *g, const struct conf_gateway *next, struct conf_error *error)
{
	const char *const path = unfit(g, next);
	if (!path)
		return true;
	if (strcmp(path, "listeners") == 0)
		return conf_fail(error, g->self->conf_file, 0,
			"listeners: their addresses have changed, which needs a restart, or "
			"lwgatectl upgrade");
	return conf_fail(error, g->self->conf_file, 0,
		"%s: has changed, which needs a restart, or lwgatectl upgrade", path);
}

static bool hand_out(struct gw_gateway *g, struct gw_material *m)
{
	bool good = true;
	for (size_t i = 0; i < g->running; i++) {
		const struct gw_renewed one = { .material = gw_material_ref(m) };
		if (inbox_post(g->inboxes[i], INBOX_SURE, GW_MATERIAL, &one, sizeof(one)))
			continue;
		gw_material_unref(one.material);
		good = false;
	}
	return good;
}

/* "reloaded", and what of it must wait for a restart. */
static void say_done(
	const struct gw_gateway *g, const struct conf_gateway *next, struct ctl_said *said)
{
	size_t len = (size_t)snprintf(
		said->text, sizeof(said->text), "reloaded: in effect for new handshakes");
	const char *path;
	for (size_t i = 0; (path = conf_fixed(g->shared.conf, next, i)); i++) {
		const int n = snprintf(said->text + len, sizeof(said->text) - len, "%s%s",
			i == 0 ? "; changed, but taken only by a restart or lwgatectl upgrade: "
			       : ", ",
			path);
		if (n < 0 || (size_t)n >= sizeof(said->text) - len)
			break;
		len += (size_t)n;
	}
}

static bool take(struct gw_gateway *g, const struct conf_gateway *next, struct conf_error *error)
{
	if (!fits(g, next, error))
		return false;
	struct gw_material *const m = gw_material_new(next, error);
	if (!m)
		return false;
	if (!hand_out(g, m))
		log_say(g->log, LOG_LEVEL_ERROR, "memory",
			"none left to tell a worker of the reload; remedy: reload again");
	gw_material_unref(g->material);
	g->material = m;
	g->shared.material = m; /* no worker looks there any more */
	gw_advise_timers(g->log, next);
	gw_material_say(m, g->log, gw_clock_now_s(NULL), GW_SAY_ALL);
	return true;
}

enum ctl_status gw_reload_asked(void *gateway, struct ctl_said *said)
{
	struct gw_gateway *const g = gateway;
	struct conf_gateway *const next = calloc(1, sizeof(*next));
	struct conf_error error = { "memory is short" };
	tell_manager(true);
	const bool good =
		next && conf_load(g->self->conf_file, next, &error) && take(g, next, &error);
	if (good)
		say_done(g, next, said);
	else
		(void)snprintf(
			said->text, sizeof(said->text), "nothing was changed: %.480s", error.text);
	if (next)
		conf_free(next);
	free(next);
	log_say(g->log, good ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "reload", "%s", said->text);
	tell_manager(false);
	return good ? CTL_DONE : CTL_FAILED;
}

static void on_day(struct ev_loop *loop, ev_timer *timer, int events)
{
	const struct gw_gateway *const g = timer->data;
	(void)loop;
	(void)events;
	gw_material_say(g->material, g->log, gw_clock_now_s(NULL), GW_SAY_WARNINGS);
}

void gw_reload_begin(struct gw_gateway *g)
{
	ev_timer_init(&g->day, on_day, day_s, day_s);
	g->day.data = g;
	if (g->material)
		ev_timer_start(g->loop, &g->day);
}

void gw_reload_end(struct gw_gateway *g)
{
	ev_timer_stop(g->loop, &g->day);
}
