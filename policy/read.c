/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/read.h"

#include <inttypes.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/fail.h"
#include "conf/mask.h"
#include "conf/text.h"
#include "conf/tree.h"
#include "policy/say.h"

enum { LIST_SHOWN = 400 }; /* bytes of a list of words in an error */

bool policy_fail(struct policy_reader *r, unsigned line, const char *form, ...)
{
	char what[CONF_ERROR_MAX];
	va_list args;
	va_start(args, form);
	(void)vsnprintf(what, sizeof(what), form, args);
	va_end(args);
	return conf_fail(
		r->error, r->name, line, "%s%s%s", r->where, r->where[0] == '\0' ? "" : ": ", what);
}

void policy_reader_at(struct policy_reader *r, const char *what, const char *name)
{
	struct policy_say s = policy_say_into(r->where, sizeof(r->where));
	policy_say(&s, "%s", what);
	if (name[0] != '\0')
		policy_say(&s, " \"%s\"", name);
}

/* --- one value -------------------------------------------------------------------------------- */

static const char *string_of(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : NULL;
}

static bool take_number(struct policy_reader *r, const struct policy_row *row,
	const config_setting_t *s, struct policy_value *v)
{
	int64_t n = 0;
	if (!conf_tree_number(s, &n))
		return policy_fail(r, v->line, "%s: is %s; write a decimal number: %s", row->name,
			conf_tree_type(s), row->example);
	if (n < 0 || (uint64_t)n < row->min || (uint64_t)n > row->max)
		return policy_fail(r, v->line,
			"%s: %" PRId64 " is out of range; use %" PRIu64 " to %" PRIu64 "%s%s",
			row->name, n, row->min, row->max, row->unit == NULL ? "" : " ",
			row->unit == NULL ? "" : row->unit);
	v->number = (uint64_t)n;
	return true;
}

static bool good_text(struct policy_reader *r, const struct policy_row *row,
	const config_setting_t *s, unsigned line)
{
	const char *text = string_of(s);
	if (text == NULL)
		return policy_fail(r, line, "%s: is %s; write a text in quotes: %s", row->name,
			conf_tree_type(s), row->example);
	const size_t len = strlen(text);
	if (len < row->min || len > row->max)
		return policy_fail(r, line,
			"%s: is %zu bytes long; use %" PRIu64 " to %" PRIu64 " bytes", row->name,
			len, row->min, row->max);
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return policy_fail(r, line, "%s: holds a control character; use plain text",
				row->name);
	}
	return true;
}

static bool good_word(struct policy_reader *r, const struct policy_row *row,
	const config_setting_t *s, unsigned line, size_t *out)
{
	char all[LIST_SHOWN];
	const char *text = string_of(s);
	if (text == NULL)
		return policy_fail(r, line, "%s: is %s; write a word in quotes: %s", row->name,
			conf_tree_type(s), row->example);
	if (policy_word_find(row->words, text, out))
		return true;
	const char *near = policy_word_nearest(row->words, text);
	if (near != NULL)
		return policy_fail(r, line, "%s: \"%.64s\" is not known; did you mean \"%s\"?",
			row->name, text, near);
	return policy_fail(r, line, "%s: \"%.64s\" is not known; use %s", row->name, text,
		policy_words_say(row->words, all, sizeof(all)));
}

static bool is_array(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_ARRAY ||
	       config_setting_type(s) == CONFIG_TYPE_LIST;
}

/* A single value stands for an array of one. */
static size_t members(const config_setting_t *s)
{
	return is_array(s) ? (size_t)config_setting_length(s) : 1;
}

static const config_setting_t *member(const config_setting_t *s, size_t number)
{
	return is_array(s) ? config_setting_get_elem(s, (unsigned)number) : s;
}

static bool good_length(struct policy_reader *r, const struct policy_row *row,
	const config_setting_t *s, const struct policy_value *v, size_t most)
{
	if (members(s) == 0)
		return policy_fail(r, v->line,
			"%s: is empty, which nothing fits; remove it, or write %s", row->name,
			row->example);
	if (members(s) > most)
		return policy_fail(r, v->line, "%s: has %zu members; use at most %zu", row->name,
			members(s), most);
	return true;
}

static bool take_words(struct policy_reader *r, const struct policy_row *row,
	const config_setting_t *s, struct policy_value *v)
{
	const bool events = row == &policy_rows[PKEY_EVENTS];
	if (!good_length(r, row, s, v, row->words->len))
		return false;
	if (events && members(s) == 1 && string_of(member(s, 0)) != NULL &&
		strcmp(string_of(member(s, 0)), "any") == 0) {
		v->number = (UINT64_C(1) << row->words->len) - 1;
		return true;
	}
	for (size_t i = 0; i < members(s); i++) {
		size_t place = 0;
		if (!good_word(r, row, member(s, i), v->line, &place))
			return false;
		if ((v->number >> place & 1) != 0)
			return policy_fail(r, v->line, "%s: \"%s\" stands there twice; leave one",
				row->name, string_of(member(s, i)));
		v->number |= UINT64_C(1) << place;
	}
	return true;
}

static bool take_texts(struct policy_reader *r, const struct policy_row *row,
	const config_setting_t *s, struct policy_value *v)
{
	if (!good_length(r, row, s, v, POLICY_TEXTS_MAX))
		return false;
	for (size_t i = 0; i < members(s); i++) {
		if (!good_text(r, row, member(s, i), v->line))
			return false;
		for (size_t k = 0; k < i; k++) {
			if (strcmp(string_of(member(s, i)), string_of(member(s, k))) == 0)
				return policy_fail(r, v->line,
					"%s: \"%s\" stands there twice; leave one", row->name,
					string_of(member(s, i)));
		}
	}
	return true;
}

static bool take_bool(struct policy_reader *r, const struct policy_row *row,
	const config_setting_t *s, struct policy_value *v)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		return policy_fail(r, v->line, "%s: is %s; write true or false, without quotes",
			row->name, conf_tree_type(s));
	v->number = config_setting_get_bool(s) != CONFIG_FALSE;
	return true;
}

static bool take_group(struct policy_reader *r, const struct policy_row *row,
	const config_setting_t *s, const struct policy_value *v)
{
	const int type = config_setting_type(s);
	if (row->type == PTYPE_LEG && type == CONFIG_TYPE_STRING)
		return true;
	if (row->type == PTYPE_LIST ? type == CONFIG_TYPE_LIST : type == CONFIG_TYPE_GROUP)
		return true;
	return policy_fail(
		r, v->line, "%s: is %s; write %s", row->name, conf_tree_type(s), row->example);
}

static bool take(struct policy_reader *r, enum policy_key key, const config_setting_t *s,
	struct policy_value *v)
{
	const struct policy_row *row = &policy_rows[key];
	size_t place = 0;
	*v = (struct policy_value){ .node = s, .line = config_setting_source_line(s) };
	switch (row->type) {
	case PTYPE_NUMBER:
		return take_number(r, row, s, v);
	case PTYPE_TEXT:
		v->text = string_of(s);
		return good_text(r, row, s, v->line);
	case PTYPE_WORD:
		if (!good_word(r, row, s, v->line, &place))
			return false;
		v->number = place;
		return true;
	case PTYPE_BOOL:
		return take_bool(r, row, s, v);
	case PTYPE_WORDS:
		return take_words(r, row, s, v);
	case PTYPE_TEXTS:
		return take_texts(r, row, s, v);
	case PTYPE_LEG:
	case PTYPE_GROUP:
	case PTYPE_LIST:
		break;
	}
	return take_group(r, row, s, v);
}

/* --- a group ---------------------------------------------------------------------------------- */

static bool unknown(struct policy_reader *r, const config_setting_t *s, enum policy_place place)
{
	const char *name = config_setting_name(s);
	const char *near = policy_key_nearest(name, place);
	const unsigned line = config_setting_source_line(s);
	if (near != NULL)
		return policy_fail(r, line, "unknown key %.64s; did you mean %s?", name, near);
	return policy_fail(r, line, "unknown key %.64s; see lwgate-policy(5) for all keys", name);
}

bool policy_read_group(struct policy_reader *r, const config_setting_t *group,
	enum policy_place place, struct policy_value *values)
{
	const unsigned line = config_setting_source_line(group);
	for (size_t i = 0; i < PKEYS; i++) {
		if ((policy_rows[i].places & (unsigned)place) != 0)
			values[i] = (struct policy_value){ .line = line };
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const enum policy_key key = policy_key_find(config_setting_name(s), place);
		if (key == PKEYS)
			return unknown(r, s, place);
		if (!take(r, key, s, &values[key]))
			return false;
	}
	for (size_t i = 0; i < PKEYS; i++) {
		const struct policy_row *row = &policy_rows[i];
		if ((row->required & (unsigned)place) != 0 && values[i].node == NULL)
			return policy_fail(
				r, line, "%s is missing; add: %s", row->name, row->example);
	}
	return true;
}

size_t policy_texts_len(const struct policy_value *v)
{
	return v->node == NULL ? 0 : members(v->node);
}

const char *policy_texts_at(const struct policy_value *v, size_t number)
{
	return string_of(member(v->node, number));
}

size_t policy_list_len(const struct policy_value *v)
{
	return (size_t)config_setting_length(v->node);
}

const config_setting_t *policy_list_at(const struct policy_value *v, size_t number, unsigned *line)
{
	const config_setting_t *s = config_setting_get_elem(v->node, (unsigned)number);
	*line = config_setting_source_line(s);
	return s;
}

bool policy_read_leg(
	struct policy_reader *r, const struct policy_value *v, struct policy_leg_read *out)
{
	struct policy_value values[PKEYS];
	*out = (struct policy_leg_read){ .line = v->line };
	if (config_setting_type(v->node) == CONFIG_TYPE_STRING) {
		size_t place = 0;
		const bool upstream = strcmp(config_setting_name(v->node), "upstream") == 0;
		const enum policy_key key = upstream ? PKEY_UPSTREAM : PKEY_DEVICE;
		out->word = true;
		if (!good_word(r, &policy_rows[key], v->node, v->line, &place))
			return false;
		out->leg.action = (enum policy_action)place;
		return true;
	}
	if (!policy_read_group(r, v->node, IN_LEG, values))
		return false;
	out->leg.action = (enum policy_action)values[PKEY_ACTION].number;
	out->has_within = values[PKEY_WITHIN].node != NULL;
	out->has_for = values[PKEY_FOR].node != NULL;
	out->has_until = values[PKEY_UNTIL_REGISTRATION].node != NULL;
	out->leg.bound_s = (uint32_t)values[out->has_within ? PKEY_WITHIN : PKEY_FOR].number;
	out->leg.until_registration = values[PKEY_UNTIL_REGISTRATION].number != 0;
	return true;
}

/* --- a file ----------------------------------------------------------------------------------- */

static bool read_root(struct policy_reader *r, const config_t *tree, const struct policy_root *root)
{
	const config_setting_t *top = config_root_setting(tree);
	const config_setting_t *found = NULL;
	for (int i = 0; i < config_setting_length(top); i++) {
		const config_setting_t *s = config_setting_get_elem(top, (unsigned)i);
		const unsigned line = config_setting_source_line(s);
		if (strcmp(config_setting_name(s), root->name) != 0)
			return policy_fail(r, line,
				"unknown key %.64s; the file holds %s and nothing else",
				config_setting_name(s), root->name);
		if (config_setting_type(s) != (root->list ? CONFIG_TYPE_LIST : CONFIG_TYPE_GROUP))
			return policy_fail(r, line, "%s: is %s; write %s", root->name,
				conf_tree_type(s), root->example);
		found = s;
	}
	if (found == NULL)
		return policy_fail(r, 0, "%s is missing; add: %s", root->name, root->example);
	return root->read(r, found, root->context);
}

static bool read_copy(struct conf_text *text, const char *name, const struct policy_root *root,
	struct conf_error *error)
{
	struct policy_reader r = { .name = name, .error = error };
	config_t tree;
	bool ok = conf_mask(text->data, NULL, name, NULL, error);
	if (ok) {
		ok = conf_tree_read(&tree, text->data, name, error) && read_root(&r, &tree, root);
		config_destroy(&tree);
	}
	conf_text_free(text);
	return ok;
}

bool policy_read_text(const char *text, const char *name, const struct policy_root *root,
	struct conf_error *error)
{
	struct conf_text copy = { 0 };
	return conf_text_copy(text, name, &copy, error) && read_copy(&copy, name, root, error);
}

bool policy_read_file(const char *file, const struct policy_root *root, struct conf_error *error)
{
	struct conf_text text = { 0 };
	return conf_text_read(file, false, &text, error) && read_copy(&text, file, root, error);
}
