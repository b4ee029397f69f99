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
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return conf_fail(d->error, d->name, v->line,
				"%s: holds a control character; use plain text", r->path);
	}
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

static bool take_texts(struct conf_draft *d, const struct conf_row *r, struct conf_value *v)
{
	const int type = config_setting_type(v->node);
	if (type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST)
		return conf_fail(d->error, d->name, v->line,
			"%s: is %s; write an array like [ \"a\", \"b\" ]", r->path,
			conf_tree_type(v->node));
	const int len = config_setting_length(v->node);
	if ((uint64_t)len > r->max)
		return conf_fail(d->error, d->name, v->line,
			"%s: has %d members; use at most %" PRIu64, r->path, len, r->max);
	for (int i = 0; i < len; i++) {
		const config_setting_t *member = config_setting_get_elem(v->node, (unsigned)i);
		if (config_setting_type(member) != CONFIG_TYPE_STRING)
			return conf_fail(d->error, d->name, v->line,
				"%s: member %d is %s; write a text in quotes", r->path, i + 1,
				conf_tree_type(member));
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
		return take_texts(d, r, v);
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

static bool take_listener(struct conf_draft *d, const config_setting_t *group)
{
	const struct conf_row *address = &conf_rows[KEY_LISTENER_ADDRESS];
	const unsigned line = config_setting_source_line(group);
	struct conf_value *into = d->listeners[d->listeners_len];
	if (!config_setting_is_group(group))
		return conf_fail(d->error, d->name, line, "listeners: member %zu is %s; write %s",
			d->listeners_len + 1, conf_tree_type(group), address->example);
	for (size_t i = 0; i < CONF_LISTENER_KEYS; i++)
		preset(&address[i], &into[i]);
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		enum conf_key key = KEY_COUNT;
		if (!key_of(d, "listeners", s, &key) ||
			!take(d, &conf_rows[key], s, &into[key - KEY_LISTENER_ADDRESS]))
			return false;
	}
	if (into[0].node == NULL)
		return conf_fail(d->error, d->name, line, "%s is missing; add: %s", address->path,
			address->example);
	d->listeners_len++;
	return true;
}

const struct conf_value *conf_listener_value(
	const struct conf_draft *d, size_t number, enum conf_key key)
{
	return d->listeners_len == 0 ? &d->values[key]
				     : &d->listeners[number][key - KEY_LISTENER_ADDRESS];
}

static bool take_listeners(struct conf_draft *d, const config_setting_t *list)
{
	const struct conf_row *r = &conf_rows[KEY_LISTENERS];
	const unsigned line = config_setting_source_line(list);
	if (!config_setting_is_list(list))
		return conf_fail(d->error, d->name, line, "listeners: is %s; write %s",
			conf_tree_type(list), conf_rows[KEY_LISTENER_ADDRESS].example);
	const int len = config_setting_length(list);
	if ((uint64_t)len < r->min || (uint64_t)len > r->max)
		return conf_fail(d->error, d->name, line,
			"listeners: has %d members; use %" PRIu64 " to %" PRIu64, len, r->min,
			r->max);
	for (int i = 0; i < len; i++) {
		if (!take_listener(d, config_setting_get_elem(list, (unsigned)i)))
			return false;
	}
	return true;
}

static bool take_top(struct conf_draft *d, const config_setting_t *s)
{
	const char *name = config_setting_name(s);
	if (strcmp(name, conf_rows[KEY_LISTENERS].path) == 0)
		return take_listeners(d, s);
	if (conf_key_is_group(name))
		return take_group(d, s);
	enum conf_key key = KEY_COUNT;
	return key_of(d, "", s, &key) && take(d, &conf_rows[key], s, &d->values[key]);
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
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct conf_row *r = &conf_rows[i];
		if (r->example != NULL && i != KEY_LISTENER_ADDRESS && d->values[i].node == NULL)
			return conf_fail(d->error, d->name, 0, "%s is missing; add: %s", r->path,
				r->example);
	}
	return true;
}
