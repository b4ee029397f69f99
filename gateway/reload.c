/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/reload.h"

#include "base/log.h"
#include "conf/fail.h"
#include "gateway/advice.h"
#include "gateway/bsf.h"
#include "gateway/chronicle.h"
#include "gateway/clock.h"
#include "gateway/gateway_parts.h"
#include "gateway/material.h"
#include "gateway/notify.h"
#include "gateway/rules.h"
#include "gateway/sandbox.h"
#include "gateway/upgrade.h"
#include "io/inbox.h"
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double day_s = 86400.0;

void gw_say_rules(const struct gw_gateway *g)
{
	if (g->rules)
		log_say(g->log, LOG_LEVEL_INFO, "rules", "policy=%s rules=%zu",
			gw_rules_name(g->rules), policy_rules(gw_rules_policy(g->rules)));
}

/* What waits for a restart, and without which the rest would not be right: places are numbered, so
   a material for other listeners fits nobody; and what is proved to the server, and the name that
   it must have, go with what it is. */
static const char *unfit(const struct gw_gateway *g, const struct conf_gateway *next)
{
	const char *path = NULL;
	bool named = false;
	for (size_t i = 0; i < next->upstreams_len; i++)
		named = named || next->upstreams[i].dtls.proof != CONF_BY_PSK;
	for (size_t i = 0; (path = conf_fixed(g->shared.conf, next, i)); i++) {
		if (strcmp(path, "listeners") == 0 || strcmp(path, "upstreams") == 0 ||
			strcmp(path, "upstream.credential") == 0 ||
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
	if (strcmp(path, "upstreams") == 0)
		return conf_fail(error, g->self->conf_file, 0,
			"upstreams: their names have changed, which needs a restart, or "
			"lwgatectl upgrade");
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

static bool hand_out_rules(struct gw_gateway *g, struct gw_rules *r)
{
	bool good = true;
	for (size_t i = 0; i < g->running; i++) {
		const struct gw_ruled one = { .rules = gw_rules_ref(r) };
		if (inbox_post(g->inboxes[i], INBOX_SURE, GW_RULES, &one, sizeof(one)))
			continue;
		gw_rules_unref(one.rules);
		good = false;
	}
	return good;
}

/* What is read anew. */
struct fresh {
	struct gw_material *material;
	struct gw_rules *rules;
	struct gw_bsf_setup *bsf; /* NULL: nothing */
	bool other_rules;         /* they decide otherwise than those in force */
	unsigned raised;          /* waves */
};

/* "reloaded", and what of it must wait for a restart. */
static void say_done(const struct gw_gateway *g, const struct conf_gateway *next,
	const struct fresh *f, struct ctl_said *said)
{
	size_t len = (size_t)snprintf(said->text, sizeof(said->text),
		"reloaded: in effect for new handshakes%s%s",
		f->other_rules ? ", the policy for all sessions" : "",
		f->raised ? "; what sessions were based on has changed, and the policy decides "
			    "of them"
			  : "");
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

static bool read_all(struct gw_gateway *g, const struct conf_gateway *next, struct fresh *f,
	struct conf_error *error)
{
	f->material = fits(g, next, error) ? gw_material_new(next, error) : NULL;
	f->rules = f->material ? gw_rules_new(next->policy_file, error) : NULL;
	if (!f->rules)
		return false;
	f->other_rules =
		!g->rules || !policy_same(gw_rules_policy(g->rules), gw_rules_policy(f->rules));
	if (!gw_bsf_read(g->shared.bsf, next, &f->bsf, error))
		return false;
	/* The last that can fail, and the first that lasts. */
	return gw_store_follow(g, f->material, &f->raised) ||
	       conf_fail(error, g->self->conf_file, 0,
		       "the store cannot write down what has changed; see the log, and check the "
		       "disk");
}

/* All are in force from here on. Workers get the material first: rules are asked about what came
   with it. No worker looks at `shared` any more. */
static void put_in_force(struct gw_gateway *g, struct fresh *f)
{
	const bool material = hand_out(g, f->material);
	const bool rules = !f->other_rules || hand_out_rules(g, f->rules);
	if (!material || !rules)
		log_say(g->log, LOG_LEVEL_ERROR, "memory",
			"none left to tell a worker of the reload; remedy: reload again");
	gw_material_unref(g->material);
	gw_rules_unref(g->rules);
	g->material = g->shared.material = f->material;
	g->rules = g->shared.rules = f->rules;
	gw_bsf_take(g->shared.bsf, f->bsf);
	gw_chronicle_reopen(g->chronicle);
	if (f->other_rules || f->raised)
		gw_sweeping_all(g);
}

static bool take(struct gw_gateway *g, const struct conf_gateway *next, struct fresh *f,
	struct conf_error *error)
{
	if (!read_all(g, next, f, error)) {
		gw_material_unref(f->material);
		gw_rules_unref(f->rules);
		gw_bsf_setup_unref(f->bsf);
		return false;
	}
	put_in_force(g, f);
	gw_advise_timers(g->log, next);
	gw_material_say(g->material, g->log, gw_clock_now_s(NULL), GW_SAY_ALL);
	gw_say_rules(g);
	return true;
}

enum ctl_status gw_reload_asked(void *gateway, struct ctl_said *said)
{
	struct gw_gateway *const g = gateway;
	struct conf_gateway *const next = calloc(1, sizeof(*next));
	struct conf_error error = { "memory is short" };
	struct fresh f = { .material = NULL };
	gw_notify_reloading();
	const bool good =
		next && conf_load(g->self->conf_file, next, &error) && take(g, next, &f, &error);
	if (good)
		say_done(g, next, &f, said);
	else
		(void)snprintf(said->text, sizeof(said->text), "nothing was changed: %.400s%s",
			error.text, gw_sandbox_hint(error.text));
	if (next)
		conf_free(next);
	free(next);
	log_say(g->log, good ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "reload", "%s", said->text);
	gw_notify("READY=1");
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
