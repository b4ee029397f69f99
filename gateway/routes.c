/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/routes.h"

#include "base/sip.h"
#include "conf/fail.h"
#include "gateway/material.h"
#include "policy/pattern.h"

#include <stdlib.h>
#include <string.h>

static const char only_name[] = "upstream";

struct route {
	uint8_t to;
	bool has_purpose;
	enum conf_purpose purpose;
	size_t listener; /* CONF_LISTENERS_MAX: any */
	char *endpoint;  /* tidy; NULL: any */
	struct conf_labels labels;
};

struct gw_routes {
	size_t len;
	struct route all[];
};

/* --- what is right --------------------------------------------------------------------------- */

static bool has_label(const struct conf_labels *l, const char *label)
{
	for (size_t i = 0; i < l->len; i++) {
		if (strcmp(l->at[i], label) == 0)
			return true;
	}
	return false;
}

/* Whoever takes the way `late` would have taken `early`. */
static bool covers(const struct route *early, const struct route *late)
{
	for (size_t i = 0; i < early->labels.len; i++) {
		if (!has_label(&late->labels, early->labels.at[i]))
			return false;
	}
	if (early->has_purpose && (!late->has_purpose || early->purpose != late->purpose))
		return false;
	if (early->listener < CONF_LISTENERS_MAX && early->listener != late->listener)
		return false;
	return !early->endpoint ||
	       policy_pattern_holds(early->endpoint, late->endpoint ? late->endpoint : "*");
}

static bool is_reached(const struct gw_routes *r, size_t number, const struct conf_gateway *conf,
	struct conf_error *error)
{
	for (size_t i = 0; i < number; i++) {
		if (!covers(&r->all[i], &r->all[number]))
			continue;
		return conf_fail(error, conf->file ? conf->file : "routes",
			conf->routes[number].line,
			"routes: nothing reaches the route to \"%s\", as the one in line %u takes "
			"all that it would; put it before that one, or remove it",
			conf->upstreams[conf->routes[number].to].name, conf->routes[i].line);
	}
	return true;
}

/* --- making it ------------------------------------------------------------------------------- */

static bool take(struct gw_routes *r, const struct conf_route *c)
{
	struct route *const to = &r->all[r->len++];
	*to = (struct route){ .to = (uint8_t)c->to,
		.has_purpose = c->has_purpose,
		.purpose = c->purpose,
		.listener = c->listener,
		.labels = c->labels };
	if (!c->endpoint || strcmp(c->endpoint, "*") == 0)
		return true;
	to->endpoint = strdup(c->endpoint);
	if (to->endpoint)
		policy_pattern_tidy(to->endpoint);
	return to->endpoint != NULL;
}

struct gw_routes *gw_routes_new(const struct conf_gateway *conf, struct conf_error *error)
{
	static const struct conf_route everybody = { .listener = CONF_LISTENERS_MAX };
	const size_t len = conf->routes_len > 0 ? conf->routes_len : 1;
	struct gw_routes *const r = calloc(1, sizeof(*r) + len * sizeof(r->all[0]));
	bool good = r != NULL;
	for (size_t i = 0; good && i < len; i++)
		good = take(r, conf->routes_len > 0 ? &conf->routes[i] : &everybody);
	if (!good)
		(void)conf_fail(error, "lwgated", 0, "no memory; free some");
	for (size_t i = 1; good && i < len; i++)
		good = is_reached(r, i, conf, error);
	if (good)
		return r;
	gw_routes_free(r);
	return NULL;
}

void gw_routes_free(struct gw_routes *r)
{
	for (size_t i = 0; r && i < r->len; i++)
		free(r->all[i].endpoint);
	free(r);
}

/* --- asking ---------------------------------------------------------------------------------- */

static bool is_labelled(const struct gw_route_facts *f, const char *label)
{
	for (size_t i = 0; i < f->labels_len; i++) {
		if (strcmp(f->labels[i], label) == 0)
			return true;
	}
	return false;
}

static bool holds(const struct route *r, const struct gw_route_facts *f)
{
	if ((r->has_purpose && r->purpose != f->purpose) ||
		(r->listener < CONF_LISTENERS_MAX && r->listener != f->listener))
		return false;
	for (size_t i = 0; i < r->labels.len; i++) {
		if (!is_labelled(f, r->labels.at[i]))
			return false;
	}
	return !r->endpoint || policy_pattern_fits(r->endpoint, f->endpoint);
}

uint8_t gw_routes_ask(const struct gw_routes *r, const struct gw_route_facts *f)
{
	for (size_t i = 0; i < r->len; i++) {
		if (holds(&r->all[i], f))
			return r->all[i].to;
	}
	return GW_NO_UPSTREAM;
}

uint8_t gw_routes_everybody(const struct gw_routes *r)
{
	const struct route *const first = &r->all[0];
	const bool any = !first->has_purpose && first->listener == CONF_LISTENERS_MAX &&
			 first->labels.len == 0 && !first->endpoint;
	return any ? first->to : (uint8_t)GW_NO_UPSTREAM;
}

static bool same(const struct route *a, const struct route *b)
{
	if (a->to != b->to || a->has_purpose != b->has_purpose || a->purpose != b->purpose ||
		a->listener != b->listener || a->labels.len != b->labels.len ||
		!a->endpoint != !b->endpoint)
		return false;
	for (size_t i = 0; i < a->labels.len; i++) {
		if (strcmp(a->labels.at[i], b->labels.at[i]) != 0)
			return false;
	}
	return !a->endpoint || strcmp(a->endpoint, b->endpoint) == 0;
}

bool gw_routes_same(const struct gw_routes *a, const struct gw_routes *b)
{
	bool good = a->len == b->len;
	for (size_t i = 0; good && i < a->len; i++)
		good = same(&a->all[i], &b->all[i]);
	return good;
}

/* --- names ----------------------------------------------------------------------------------- */

uint64_t gw_upstream_mark(const char *name)
{
	static const struct sip_key key = { .k0 = 7 };
	const uint64_t mark = sip_hash(&key, name, strlen(name));
	return mark > 0 ? mark : 1;
}

bool gw_upstream_same(uint64_t a, uint64_t b)
{
	return a == b || (a == 0 && b == gw_upstream_mark(only_name)) ||
	       (b == 0 && a == gw_upstream_mark(only_name));
}

uint8_t gw_upstream_marked(const struct conf_gateway *conf, uint64_t mark)
{
	for (size_t i = 0; i < conf->upstreams_len; i++) {
		if (gw_upstream_same(gw_upstream_mark(conf->upstreams[i].name), mark))
			return (uint8_t)i;
	}
	return GW_NO_UPSTREAM;
}

size_t gw_upstream_place(const struct conf_gateway *conf, uint64_t mark)
{
	return GW_MATERIAL_UPSTREAM + (size_t)gw_upstream_marked(conf, mark);
}

const char *gw_upstream_name(const struct conf_gateway *conf, uint8_t number)
{
	const bool plain =
		conf->upstreams_len == 1 && strcmp(conf->upstreams[0].name, only_name) == 0;
	return plain || number >= conf->upstreams_len ? "" : conf->upstreams[number].name;
}
