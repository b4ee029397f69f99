/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/settings_keys.h"

#include "conf/fail.h"
#include "conf/tree.h"

#include <libconfig.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 256 };

static void *member(void *out, const struct settings_key *k)
{
	return (char *)out + k->at;
}

static void by_default(void *out, const struct settings_key *k)
{
	char *const text = member(out, k);
	switch ((enum settings_type)k->type) {
	case KEY_TEXT:
		(void)snprintf(text, (size_t)k->max + 1, "%s", k->text ? k->text : "");
		break;
	case KEY_NUMBER:
		*(uint32_t *)member(out, k) = k->number;
		break;
	case KEY_BOOL:
		*(bool *)member(out, k) = k->number != 0;
		break;
	case KEY_GROUP:
	default:
		break;
	}
}

static bool wrong_type(const struct settings_source *from, config_setting_t *s, const char *right)
{
	return conf_fail(from->error, from->file, config_setting_source_line(s),
		"%s is %s; it must be %s", config_setting_name(s), conf_tree_type(s), right);
}

static bool read_text(const struct settings_source *from, config_setting_t *s,
	const struct settings_key *k, void *out)
{
	const char *const text = config_setting_get_string(s);
	if (!text)
		return wrong_type(from, s, "a text in quotes");
	const size_t len = strlen(text);
	if (len < k->min || len > k->max)
		return conf_fail(from->error, from->file, config_setting_source_line(s),
			"%s has %zu characters; it must have %u to %u", k->name, len, k->min,
			k->max);
	memcpy(member(out, k), text, len + 1);
	return true;
}

static bool read_number(const struct settings_source *from, config_setting_t *s,
	const struct settings_key *k, void *out)
{
	int64_t n = 0;
	if (!conf_tree_number(s, &n))
		return wrong_type(from, s, "a decimal number");
	if (n < k->min || n > k->max)
		return conf_fail(from->error, from->file, config_setting_source_line(s),
			"%s = %lld; it must be %u to %u", k->name, (long long)n, k->min, k->max);
	*(uint32_t *)member(out, k) = (uint32_t)n;
	return true;
}

static bool read_one(const struct settings_source *from, config_setting_t *s,
	const struct settings_key *k, void *out)
{
	switch ((enum settings_type)k->type) {
	case KEY_TEXT:
		return read_text(from, s, k, out);
	case KEY_NUMBER:
		return read_number(from, s, k, out);
	case KEY_BOOL:
		if (config_setting_type(s) != CONFIG_TYPE_BOOL)
			return wrong_type(from, s, "true or false");
		*(bool *)member(out, k) = config_setting_get_bool(s) != 0;
		return true;
	case KEY_GROUP:
	default:
		return true;
	}
}

static bool unknown(const struct settings_source *from, const config_setting_t *s,
	const struct settings_key *keys, size_t keys_len)
{
	char names[NAMES_MAX] = "";
	size_t len = 0;
	for (size_t i = 0; i < keys_len && len < sizeof(names); i++) {
		const int n = snprintf(
			names + len, sizeof(names) - len, "%s%s", i > 0 ? ", " : "", keys[i].name);
		len += n > 0 ? (size_t)n : 0;
	}
	return conf_fail(from->error, from->file, config_setting_source_line(s),
		"%s is no setting here; there are %s", config_setting_name(s), names);
}

static const struct settings_key *find(
	const char *name, const struct settings_key *keys, size_t keys_len)
{
	for (size_t i = 0; i < keys_len; i++) {
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

bool settings_read(const struct settings_source *from, config_setting_t *group,
	const struct settings_key *keys, size_t keys_len, void *out)
{
	for (size_t i = 0; i < keys_len; i++) {
		by_default(out, &keys[i]);
		if (keys[i].required && !config_setting_get_member(group, keys[i].name))
			return conf_fail(from->error, from->file, config_setting_source_line(group),
				"%s is missing here", keys[i].name);
	}
	const int len = config_setting_length(group);
	for (int i = 0; i < len; i++) {
		config_setting_t *const s = config_setting_get_elem(group, (unsigned)i);
		const struct settings_key *const k = find(config_setting_name(s), keys, keys_len);
		if (!k)
			return unknown(from, s, keys, keys_len);
		if (!read_one(from, s, k, out))
			return false;
	}
	return true;
}
