/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/draft.h"

#include <inttypes.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/fail.h"
#include "conf/tree.h"

enum { PATH_MAX_SHOWN = 160 };

static bool unknown(struct conf_draft *d, const char *path, unsigned line)
{
	const char *near = conf_key_nearest(path);
	if (near == NULL)
		return conf_fail(d->error, d->name, line,
			"unknown key %s; see lwgate.conf(5) for all keys", path);
	return conf_fail(d->error, d->name, line, "unknown key %s; did you mean %s?", path, near);
}

static bool take_number(struct conf_draft *d, const struct conf_row *r, struct conf_value *v)
{
	int64_t n = 0;
	if (!conf_tree_number(v->node, &n))
		return conf_fail(d->error, d->name, v->line,
			"%s: is %s; write a decimal number like %" PRIu64, r->path,
			conf_tree_type(v->node), conf_row_number(r));
	if (n < 0 || (uint64_t)n < r->min || (uint64_t)n > r->max)
		return conf_fail(d->error, d->name, v->line,
			"%s: %" PRId64 " is out of range; use %" PRIu64 " to %" PRIu64 "%s%s",
			r->path, n, r->min, r->max, r->unit == NULL ? "" : " ",
			r->unit == NULL ? "" : r->unit);
	v->number = (uint64_t)n;
	return true;
}

static bool has_controls(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return true;
	}
	return false;
}

static bool take_text(struct conf_draft *d, const struct conf_row *r, struct conf_value *v)
{
	const char *text = config_setting_type(v->node) == CONFIG_TYPE_STRING
				   ? config_setting_get_string(v->node)
				   : NULL;
	if (text == NULL)
		return conf_fail(d->error, d->name, v->line, "%s: is %s; write a text in quotes",
			r->path, conf_tree_type(v->node));
	if (r->kind == CONF_WORD && !conf_word_known(r->words, text))
		return conf_fail(d->error, d->name, v->line,
			"%s: \"%s\" is not known; use one of %s", r->path, text, r->words);
	const size_t len = strlen(text);
	if (r->kind == CONF_TEXT && (len < r->min || len > r->max))
		return conf_fail(d->error, d->name, v->line,
			"%s: is %zu bytes long; use %" PRIu64 " to %" PRIu64, r->path, len, r->min,
			r->max);
	if (has_controls(text))
		return conf_fail(d->error, d->name, v->line,
			"%s: holds a control character; use plain text", r->path);
	v->text = text;
	return true;
}

static bool take_bool(struct conf_draft *d, const struct conf_row *r, struct conf_value *v)
{
	if (config_setting_type(v->node) != CONFIG_TYPE_BOOL)
		return conf_fail(d->error, d->name, v->line,
			"%s: is %s; write true or false, without quotes", r->path,
			conf_tree_type(v->node));
	v->number = config_setting_get_bool(v->node) != CONFIG_FALSE;
	return true;
}

static bool take_texts(
	struct conf_draft *d, const struct conf_row *r, struct conf_value *v, uint64_t most)
{
	const int type = config_setting_type(v->node);
	if (type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST)
		return conf_fail(d->error, d->name, v->line,
			"%s: is %s; write an array like [ \"a\", \"b\" ]", r->path,
			conf_tree_type(v->node));
	const int len = config_setting_length(v->node);
	if ((uint64_t)len > most)
		return conf_fail(d->error, d->name, v->line,
			"%s: has %d members; use at most %" PRIu64, r->path, len, most);
	for (int i = 0; i < len; i++) {
		const config_setting_t *member = config_setting_get_elem(v->node, (unsigned)i);
		if (config_setting_type(member) != CONFIG_TYPE_STRING)
			return conf_fail(d->error, d->name, v->line,
				"%s: member %d is %s; write a text in quotes", r->path, i + 1,
				conf_tree_type(member));
	}
	return true;
}

static bool take_hosts(struct conf_draft *d, const struct conf_row *r, struct conf_value *v)
{
	if (config_setting_type(v->node) == CONFIG_TYPE_STRING)
		return take_text(d, r, v);
	if (config_setting_type(v->node) != CONFIG_TYPE_ARRAY &&
		config_setting_type(v->node) != CONFIG_TYPE_LIST)
		return conf_fail(d->error, d->name, v->line,
			"%s: is %s; write a text in quotes, or an array of them", r->path,
			conf_tree_type(v->node));
	if (!take_texts(d, r, v, CONF_ADDRESSES_MAX))
		return false;
	if (config_setting_length(v->node) == 0)
		return conf_fail(d->error, d->name, v->line,
			"%s: is empty; write at least one address", r->path);
	for (int i = 0; i < config_setting_length(v->node); i++) {
		const char *text = config_setting_get_string_elem(v->node, i);
		const size_t len = strlen(text);
		if (len < r->min || len > r->max || has_controls(text))
			return conf_fail(d->error, d->name, v->line,
				"%s: member %d is no address and no name; write 1 to %" PRIu64
				" bytes of plain text",
				r->path, i + 1, r->max);
	}
	return true;
}

static bool take(struct conf_draft *d, const struct conf_row *r, const config_setting_t *s,
	struct conf_value *v)
{
	*v = (struct conf_value){ .node = s, .line = config_setting_source_line(s) };
	switch (r->kind) {
	case CONF_NUMBER:
		return take_number(d, r, v);
	case CONF_TEXT:
	case CONF_WORD:
		return take_text(d, r, v);
	case CONF_BOOL:
		return take_bool(d, r, v);
	case CONF_TEXTS:
		return take_texts(d, r, v, r->max);
	case CONF_HOSTS:
		return take_hosts(d, r, v);
	case CONF_GROUPS:
		break;
	}
	return conf_fail(d->error, d->name, v->line, "%s: cannot stand here", r->path);
}

static void preset(const struct conf_row *r, struct conf_value *v)
{
	*v = (struct conf_value){ .text = r->initial == NULL ? "" : r->initial };
	if (r->kind == CONF_NUMBER)
		v->number = conf_row_number(r);
	if (r->kind == CONF_BOOL)
		v->number = strcmp(v->text, "true") == 0;
}

/* The key of a member of a group; `group` is "" at the top. */
static bool key_of(
	struct conf_draft *d, const char *group, const config_setting_t *s, enum conf_key *out)
{
	char path[PATH_MAX_SHOWN];
	(void)snprintf(path, sizeof(path), "%s%s%s", group, group[0] == '\0' ? "" : ".",
		config_setting_name(s));
	*out = conf_key_find(path);
	return *out != KEY_COUNT || unknown(d, path, config_setting_source_line(s));
}

static bool take_group(struct conf_draft *d, const config_setting_t *group)
{
	const char *name = config_setting_name(group);
	if (!config_setting_is_group(group))
		return conf_fail(d->error, d->name, config_setting_source_line(group),
			"%s: is %s; write a group: %s = { ... };", name, conf_tree_type(group),
			name);
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		enum conf_key key = KEY_COUNT;
		if (!key_of(d, name, s, &key) || !take(d, &conf_rows[key], s, &d->values[key]))
			return false;
	}
	return true;
}

/* --- lists of groups ------------------------------------------------------------------------- */

struct list {
	enum conf_key list, first; /* the rows of a member begin with the latter */
	size_t keys;
	const char *other; /* a group whose keys a member may have, too; NULL: none */
	struct conf_value *values;
	size_t *len;
};

static bool member_key(
	struct conf_draft *d, const struct list *l, const config_setting_t *s, enum conf_key *out)
{
	const char *const groups[] = { conf_rows[l->list].path, l->other };
	char path[PATH_MAX_SHOWN];
	*out = KEY_COUNT;
	for (size_t i = 0; i < COUNT_OF(groups) && *out == KEY_COUNT && groups[i] != NULL; i++) {
		(void)snprintf(path, sizeof(path), "%s.%s", groups[i], config_setting_name(s));
		*out = conf_key_find(path);
	}
	return *out != KEY_COUNT || unknown(d, path, config_setting_source_line(s));
}

static bool has_needed(
	struct conf_draft *d, const struct list *l, const struct conf_value *member, unsigned line)
{
	for (size_t i = 0; i < l->keys; i++) {
		const struct conf_row *r = &conf_rows[l->first + i];
		if (r->example != NULL && member[i].node == NULL)
			return conf_fail(d->error, d->name, line, "%s is missing; add: %s", r->path,
				r->example);
	}
	return true;
}

static bool take_member(struct conf_draft *d, const struct list *l, const config_setting_t *group)
{
	const unsigned line = config_setting_source_line(group);
	struct conf_value *const into = l->values + *l->len * l->keys;
	if (!config_setting_is_group(group))
		return conf_fail(d->error, d->name, line, "%s: member %zu is %s; write %s",
			conf_rows[l->list].path, *l->len + 1, conf_tree_type(group),
			conf_rows[l->first].example);
	for (size_t i = 0; i < l->keys; i++)
		preset(&conf_rows[l->first + i], &into[i]);
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		enum conf_key key = KEY_COUNT;
		if (!member_key(d, l, s, &key) ||
			!take(d, &conf_rows[key], s, &into[key - l->first]))
			return false;
	}
	(*l->len)++;
	return has_needed(d, l, into, line);
}

static bool take_list(struct conf_draft *d, const struct list *l, const config_setting_t *list)
{
	const struct conf_row *r = &conf_rows[l->list];
	const unsigned line = config_setting_source_line(list);
	if (!config_setting_is_list(list))
		return conf_fail(d->error, d->name, line, "%s: is %s; write %s", r->path,
			conf_tree_type(list), conf_rows[l->first].example);
	const int len = config_setting_length(list);
	if ((uint64_t)len < r->min || (uint64_t)len > r->max)
		return conf_fail(d->error, d->name, line,
			"%s: has %d members; use %" PRIu64 " to %" PRIu64, r->path, len, r->min,
			r->max);
	for (int i = 0; i < len; i++) {
		if (!take_member(d, l, config_setting_get_elem(list, (unsigned)i)))
			return false;
	}
	return true;
}

const struct conf_value *conf_listener_value(
	const struct conf_draft *d, size_t number, enum conf_key key)
{
	return d->listeners_len == 0 ? &d->values[key]
				     : &d->listeners[number][key - KEY_LISTENER_ADDRESS];
}

const struct conf_value *conf_upstream_value(
	const struct conf_draft *d, size_t number, enum conf_key key)
{
	return d->upstreams_len == 0 ? &d->values[key]
				     : &d->upstreams[number][key - KEY_UPSTREAM_TITLE];
}

const struct conf_value *conf_route_value(
	const struct conf_draft *d, size_t number, enum conf_key key)
{
	return &d->routes[number][key - KEY_ROUTE_TO];
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool take_top(struct conf_draft *d, const config_setting_t *s)
{
	const struct list lists[] = {
		{ KEY_LISTENERS, KEY_LISTENER_ADDRESS, CONF_LISTENER_KEYS, NULL, d->listeners[0],
			&d->listeners_len },
		{ KEY_UPSTREAMS, KEY_UPSTREAM_TITLE, CONF_UPSTREAM_KEYS, "upstream",
			d->upstreams[0], &d->upstreams_len },
		{ KEY_ROUTES, KEY_ROUTE_TO, CONF_ROUTE_KEYS, NULL, d->routes[0], &d->routes_len },
	};
	const char *name = config_setting_name(s);
	const unsigned line = config_setting_source_line(s);
	if (strcmp(name, "upstream") == 0)
		d->upstream_line = line;
	if (strcmp(name, conf_rows[KEY_UPSTREAMS].path) == 0)
		d->upstreams_line = line;
	if (strcmp(name, conf_rows[KEY_ROUTES].path) == 0)
		d->routes_line = line;
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		if (strcmp(name, conf_rows[lists[i].list].path) == 0)
			return take_list(d, &lists[i], s);
	}
	if (conf_key_is_group(name))
		return take_group(d, s);
	enum conf_key key = KEY_COUNT;
	return key_of(d, "", s, &key) && take(d, &conf_rows[key], s, &d->values[key]);
}

/* Of what stands in no list. */
static bool is_missing(const struct conf_draft *d, size_t key)
{
	const bool member = key == KEY_LISTENER_ADDRESS || key == KEY_UPSTREAM_TITLE ||
			    key == KEY_ROUTE_TO ||
			    (key == KEY_UPSTREAM_ADDRESS && d->upstreams_len > 0);
	return !member && conf_rows[key].example != NULL && d->values[key].node == NULL;
}

bool conf_draft_read(struct conf_draft *d, const struct config_t *tree)
{
	const config_setting_t *root = config_root_setting(tree);
	for (size_t i = 0; i < KEY_COUNT; i++)
		preset(&conf_rows[i], &d->values[i]);
	for (int i = 0; i < config_setting_length(root); i++) {
		if (!take_top(d, config_setting_get_elem(root, (unsigned)i)))
			return false;
	}
	if (d->upstream_line != 0 && d->upstreams_line != 0)
		return conf_fail(d->error, d->name,
			d->upstream_line > d->upstreams_line ? d->upstream_line : d->upstreams_line,
			"upstream and upstreams are both there; move the one into the other, with "
			"a name");
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (is_missing(d, i))
			return conf_fail(d->error, d->name, 0, "%s is missing; add: %s",
				conf_rows[i].path, conf_rows[i].example);
	}
	return true;
}
