/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config_upstreams.h"

#include <assert.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"
#include "conf/fail.h"
#include "conf/purpose.h"
#include "conf/text.h"

static const char only_name[] = "upstream";

static bool no_memory(const struct conf_draft *d)
{
	return conf_fail(d->error, d->name, 0, "no memory; free some");
}

/* --- prefixes -------------------------------------------------------------------------------- */

static bool take_prefix(const struct conf_draft *d, const struct conf_prefixes *p, const char *text)
{
	struct conf_prefix *to = &p->all[*p->len];
	const char *why = conf_prefix_parse(text, to);
	if (why == NULL && p->one_family && to->base.family != p->all[0].base.family)
		why = "is not of the family of the one before; use one family, the server's";
	if (why != NULL)
		return conf_fail(
			d->error, d->name, p->value->line, "%s: \"%s\" %s", p->path, text, why);
	for (size_t k = 0; k < *p->len; k++) {
		if (conf_prefix_overlap(&p->all[k], to))
			return conf_fail(d->error, d->name, p->value->line,
				"%s: \"%s\" overlaps with \"%s\"; leave one", p->path, text,
				config_setting_get_string_elem(p->value->node, (int)k));
	}
	(*p->len)++;
	return true;
}

bool conf_fill_prefixes(const struct conf_draft *d, const struct conf_prefixes *p)
{
	const struct config_setting_t *node = p->value->node;
	const int len = node == NULL ? 0 : config_setting_length(node);
	for (int i = 0; i < len; i++) {
		if (!take_prefix(d, p, config_setting_get_string_elem(node, i)))
			return false;
	}
	return true;
}

/* --- addresses ------------------------------------------------------------------------------- */

struct place { /* an upstream that is being filled */
	const struct conf_draft *d;
	const struct conf_value *address;
	struct conf_upstream *to;
	uint16_t port;
	uint8_t family;  /* that all must have; 0: any yet */
	const char *why; /* the first name that was not found, and why; NULL: none */
	const char *unfound;
};

static bool refuse(const struct place *p, const char *text, const char *why)
{
	return conf_fail(p->d->error, p->d->name, p->address->line, "upstream.address: \"%s\": %s",
		text, why);
}

static bool has(const struct conf_upstream *u, const struct net_addr *a)
{
	for (size_t i = 0; i < u->addresses_len; i++) {
		if (net_addr_same(&u->addresses[i], a))
			return true;
	}
	return false;
}

static bool take_address(struct place *p, const char *text, const struct net_addr *a)
{
	struct conf_upstream *const u = p->to;
	const char *const why = conf_address_unfit(a);
	if (why != NULL)
		return refuse(p, text, why);
	if (p->family != 0 && p->family != a->family)
		return refuse(p, text,
			u->sources_len > 0 ? "is of another family than upstream.sources; use one "
					     "family"
					   : "is of another family than the one before; use one "
					     "family");
	p->family = a->family;
	if (!has(u, a) && u->addresses_len < CONF_ADDRESSES_MAX)
		u->addresses[u->addresses_len++] = *a;
	return true;
}

/* What a name stands for may be unknown at the moment, if something else is known. */
static bool take_name(struct place *p, const char *text)
{
	struct net_addr found[CONF_ADDRESSES_MAX];
	size_t len = 0;
	const char *const why = conf_address_resolve(text, p->port, p->family, found, &len);
	if (why != NULL && p->unfound == NULL) {
		p->unfound = text;
		p->why = why;
	}
	for (size_t i = 0; i < len; i++) {
		if (!take_address(p, text, &found[i]))
			return false;
	}
	return true;
}

static bool take_host(struct place *p, const char *text)
{
	struct conf_upstream *const u = p->to;
	struct net_addr a;
	const char *const why = conf_address_parse(text, p->port, &a);
	char *const copy = strdup(text);
	if (copy == NULL)
		return no_memory(p->d);
	u->hosts[u->hosts_len++] = copy;
	for (size_t i = 0; i + 1 < u->hosts_len; i++) {
		if (strcmp(u->hosts[i], text) == 0)
			return refuse(p, text, "is there twice; leave one");
	}
	if (why == NULL)
		return take_address(p, text, &a);
	return p->d->resolve ? take_name(p, text) : refuse(p, text, why);
}

static bool fill_addresses(const struct conf_draft *d, size_t number, struct conf_upstream *u)
{
	struct place p = {
		.d = d,
		.address = conf_upstream_value(d, number, KEY_UPSTREAM_ADDRESS),
		.to = u,
		.port = (uint16_t)conf_upstream_value(d, number, KEY_UPSTREAM_PORT)->number,
		.family = u->sources_len > 0 ? u->sources[0].base.family : (uint8_t)0,
	};
	const bool single = p.address->text != NULL;
	const int len = single ? 1 : config_setting_length(p.address->node);
	for (int i = 0; i < len; i++) {
		const char *text = single ? p.address->text
					  : config_setting_get_string_elem(p.address->node, i);
		if (!take_host(&p, text))
			return false;
	}
	return u->addresses_len > 0 || refuse(&p, p.unfound, p.why);
}

/* --- an upstream ----------------------------------------------------------------------------- */

/* It stands in the log and in the store's notes. */
static bool is_title(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == ' ' || *c == '"' || *c == '\\' || (unsigned char)*c >= 0x7f)
			return false;
	}
	return true;
}

static bool fill_title(const struct conf_draft *d, size_t number, struct conf_gateway *out)
{
	const struct conf_value *v = conf_upstream_value(d, number, KEY_UPSTREAM_TITLE);
	const char *text = d->upstreams_len == 0 ? only_name : v->text;
	if (!is_title(text))
		return conf_fail(d->error, d->name, v->line,
			"upstreams.name: \"%s\" has a blank, a quote or another odd character; use "
			"letters, digits, '-', '_' and '.'",
			text);
	for (size_t i = 0; i < number; i++) {
		if (strcmp(out->upstreams[i].name, text) == 0)
			return conf_fail(d->error, d->name, v->line,
				"upstreams.name: \"%s\" is there twice; use another name", text);
	}
	out->upstreams[number].name = strdup(text);
	return out->upstreams[number].name != NULL || no_memory(d);
}

static bool fill_upstream(const struct conf_draft *d, size_t number, struct conf_gateway *out)
{
	struct conf_upstream *const u = &out->upstreams[number];
	const char *master = conf_upstream_value(d, number, KEY_UPSTREAM_MASTER)->text;
	const struct conf_prefixes sources = {
		.value = conf_upstream_value(d, number, KEY_UPSTREAM_SOURCES),
		.path = conf_rows[KEY_UPSTREAM_SOURCES].path,
		.one_family = true,
		.all = u->sources,
		.len = &u->sources_len,
	};
	u->sockets = (uint32_t)conf_upstream_value(d, number, KEY_UPSTREAM_SOCKETS)->number;
	u->handshakes_per_s =
		(uint32_t)conf_upstream_value(d, number, KEY_UPSTREAM_HANDSHAKES)->number;
	u->handshakes_max =
		(uint32_t)conf_upstream_value(d, number, KEY_UPSTREAM_UNDER_WAY)->number;
	u->master_secret_file = master[0] == '\0' ? NULL : conf_path(d->folder, master);
	if (master[0] != '\0' && u->master_secret_file == NULL)
		return no_memory(d);
	return fill_title(d, number, out) && conf_fill_prefixes(d, &sources) &&
	       fill_addresses(d, number, u);
}

/* --- routes ---------------------------------------------------------------------------------- */

static bool find_upstream(const struct conf_draft *d, const struct conf_gateway *c,
	const struct conf_value *v, size_t *out)
{
	char names[CONF_UPSTREAMS_MAX * (CONF_UPSTREAM_NAME_MAX + 4)] = "";
	size_t len = 0;
	for (size_t i = 0; i < c->upstreams_len; i++) {
		const char *name = c->upstreams[i].name;
		assert(name != NULL);
		*out = i;
		if (strcmp(name, v->text) == 0)
			return true;
		const int n = snprintf(
			names + len, sizeof(names) - len, "%s\"%s\"", i > 0 ? ", " : "", name);
		len += n > 0 && (size_t)n < sizeof(names) - len ? (size_t)n : 0;
	}
	return conf_fail(d->error, d->name, v->line,
		"routes.to: no upstream has the name \"%s\"; use one of %s", v->text, names);
}

static bool find_listener(const struct conf_draft *d, const struct conf_gateway *c,
	const struct conf_value *v, size_t *out)
{
	char text[NET_TEXT_MAX];
	*out = CONF_LISTENERS_MAX;
	if (v->text[0] == '\0')
		return true;
	for (size_t i = 0; i < c->listeners_len; i++) {
		*out = i;
		if (strcmp(net_addr_text(&c->listeners[i], text), v->text) == 0)
			return true;
	}
	return conf_fail(d->error, d->name, v->line,
		"routes.listener: there is no listener \"%s\"; write address and port of one as "
		"lwgated shows them, like \"%s\"",
		v->text, net_addr_text(&c->listeners[0], text));
}

static bool fill_labels(
	const struct conf_draft *d, const struct conf_value *v, struct conf_labels *out)
{
	const int len = v->node == NULL ? 0 : config_setting_length(v->node);
	for (int i = 0; i < len; i++) {
		const char *text = config_setting_get_string_elem(v->node, i);
		const char *why = conf_labels_add(out, text, strlen(text));
		if (why != NULL)
			return conf_fail(d->error, d->name, v->line, "routes.labels: member %d %s",
				i + 1, why);
	}
	return true;
}

static bool fill_route(const struct conf_draft *d, size_t number, struct conf_gateway *out)
{
	struct conf_route *const r = &out->routes[number];
	const struct conf_value *to = conf_route_value(d, number, KEY_ROUTE_TO);
	const struct conf_value *purpose = conf_route_value(d, number, KEY_ROUTE_PURPOSE);
	const struct conf_value *endpoint = conf_route_value(d, number, KEY_ROUTE_ENDPOINT);
	r->line = to->line;
	r->has_purpose = purpose->node != NULL;
	r->endpoint = endpoint->node == NULL ? NULL : strdup(endpoint->text);
	if (endpoint->node != NULL && r->endpoint == NULL)
		return no_memory(d);
	const char *why = r->has_purpose ? conf_purpose_read(purpose->text, &r->purpose) : NULL;
	if (why != NULL)
		return conf_fail(d->error, d->name, purpose->line, "routes.purpose: %s", why);
	return find_upstream(d, out, to, &r->to) &&
	       fill_labels(d, conf_route_value(d, number, KEY_ROUTE_LABELS), &r->labels) &&
	       find_listener(d, out, conf_route_value(d, number, KEY_ROUTE_LISTENER), &r->listener);
}

static bool is_routed(const struct conf_gateway *c, size_t upstream)
{
	for (size_t i = 0; i < c->routes_len; i++) {
		if (c->routes[i].to == upstream)
			return true;
	}
	return false;
}

static bool fill_routes(const struct conf_draft *d, struct conf_gateway *out)
{
	if (d->routes_len == 0 && out->upstreams_len > 1)
		return conf_fail(d->error, d->name, d->upstreams_line,
			"there are %zu upstreams and no routes; add: routes = ( { to = \"%s\"; "
			"endpoint = \"...\"; }, { to = \"%s\"; } );",
			out->upstreams_len, out->upstreams[0].name, out->upstreams[1].name);
	if (d->routes_len == 0)
		return true;
	out->routes = calloc(d->routes_len, sizeof(out->routes[0]));
	if (out->routes == NULL)
		return no_memory(d);
	while (out->routes_len < d->routes_len) {
		out->routes_len++;
		if (!fill_route(d, out->routes_len - 1, out))
			return false;
	}
	for (size_t i = 0; i < out->upstreams_len; i++) {
		if (!is_routed(out, i))
			return conf_fail(d->error, d->name, d->routes_line,
				"routes: none leads to \"%s\"; add one, or remove that upstream",
				out->upstreams[i].name);
	}
	return true;
}

/* --- ports ----------------------------------------------------------------------------------- */

static uint32_t sockets_of_all(const struct conf_gateway *c)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < c->upstreams_len; i++)
		sum += c->upstreams[i].sockets;
	return sum;
}

/* The largest of those that the file has not set gets less, until there are ports for all. */
static void make_fit(const struct conf_draft *d, struct conf_gateway *out)
{
	uint32_t set = 0, unset = 0;
	for (size_t i = 0; i < out->upstreams_len; i++) {
		if (conf_upstream_value(d, i, KEY_UPSTREAM_SOCKETS)->line != 0)
			set += out->upstreams[i].sockets;
		else
			unset++;
	}
	const uint32_t all = CONF_PORTS / out->workers;
	const uint32_t share = all > set && unset > 0 ? (all - set) / unset : 0;
	for (size_t i = 0; share > 0 && i < out->upstreams_len; i++) {
		struct conf_upstream *const u = &out->upstreams[i];
		if (conf_upstream_value(d, i, KEY_UPSTREAM_SOCKETS)->line == 0 &&
			u->sockets > share)
			u->sockets = share;
	}
}

/* Each socket has a port of its own, whatever addresses its links have. */
static bool has_ports(const struct conf_draft *d, struct conf_gateway *out)
{
	unsigned line = 0;
	make_fit(d, out);
	const uint32_t sockets = sockets_of_all(out);
	if ((uint64_t)sockets * out->workers <= CONF_PORTS)
		return true;
	for (size_t i = 0; i < out->upstreams_len; i++) {
		const unsigned at = conf_upstream_value(d, i, KEY_UPSTREAM_SOCKETS)->line;
		line = at > 0 ? at : line;
	}
	return conf_fail(d->error, d->name, line,
		"upstream.sockets: %u sockets for links, for each of %u workers, need a port each, "
		"and there are %d; use fewer, with upstream.sources: links at once are at most "
		"workers times sockets times source addresses",
		sockets, out->workers, (int)CONF_PORTS);
}

bool conf_fill_upstreams(const struct conf_draft *d, struct conf_gateway *out)
{
	const size_t len = d->upstreams_len == 0 ? 1 : d->upstreams_len;
	out->upstreams = calloc(len, sizeof(out->upstreams[0]));
	if (out->upstreams == NULL)
		return no_memory(d);
	while (out->upstreams_len < len) {
		out->upstreams_len++;
		if (!fill_upstream(d, out->upstreams_len - 1, out))
			return false;
	}
	return has_ports(d, out) && fill_routes(d, out);
}

void conf_free_upstreams(struct conf_gateway *c)
{
	for (size_t i = 0; i < c->upstreams_len; i++) {
		free(c->upstreams[i].name);
		free(c->upstreams[i].master_secret_file);
		for (size_t k = 0; k < c->upstreams[i].hosts_len; k++)
			free(c->upstreams[i].hosts[k]);
	}
	for (size_t i = 0; i < c->routes_len; i++)
		free(c->routes[i].endpoint);
	free(c->upstreams);
	free(c->routes);
}
