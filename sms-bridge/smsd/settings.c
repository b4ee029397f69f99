/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/settings.h"

#include "base/secret.h"
#include "conf/fail.h"
#include "conf/mask.h"
#include "conf/text.h"
#include "conf/tree.h"
#include "sms-bridge/smsd/settings_keys.h"
#include "sms-bridge/smsd/settings_way.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_S = 20, ANSWER_MAX_S = 300 };

struct top { /* as it stands */
	char user[SETTINGS_WORD_MAX], group[SETTINGS_WORD_MAX], log_level[SETTINGS_WORD_MAX];
	char sandbox[SETTINGS_WORD_MAX], log_format[SETTINGS_WORD_MAX];
	char gateway[SETTINGS_PATH_MAX], spool[SETTINGS_PATH_MAX];
	uint32_t answer_s;
};

#define AT(type, member) offsetof(struct type, member)
static const struct settings_key keys[] = {
	{ "user", AT(top, user), "lwgate", 0, SETTINGS_WORD_MAX - 1, 0, KEY_TEXT, false },
	{ "group", AT(top, group), "lwgate", 0, SETTINGS_WORD_MAX - 1, 0, KEY_TEXT, false },
	{ "log_level", AT(top, log_level), "info", 1, SETTINGS_WORD_MAX - 1, 0, KEY_TEXT, false },
	{ "log_format", AT(top, log_format), "auto", 1, SETTINGS_WORD_MAX - 1, 0, KEY_TEXT, false },
	{ "sandbox", AT(top, sandbox), "try", 1, SETTINGS_WORD_MAX - 1, 0, KEY_TEXT, false },
	{ "gateway", AT(top, gateway), "/run/lwgate/sms", 1, SETTINGS_PATH_MAX - 1, 0, KEY_TEXT,
		false },
	{ "spool", AT(top, spool), "/var/lib/lwgate-smsd", 1, SETTINGS_PATH_MAX - 1, 0, KEY_TEXT,
		false },
	{ "answer_s", AT(top, answer_s), NULL, 1, ANSWER_MAX_S, ANSWER_S, KEY_NUMBER, false },
	{ "ways", 0, NULL, 0, 0, 0, KEY_GROUP, true },
};

static bool place(const struct settings_source *from, const char *folder, const char *what,
	const char *written, char out[SETTINGS_PATH_MAX])
{
	char *const path = conf_path(folder, written);
	const bool fits = path && strlen(path) < SETTINGS_PATH_MAX;
	if (fits)
		memcpy(out, path, strlen(path) + 1);
	free(path);
	return fits ? true : conf_fail(from->error, from->file, 0, "%s is too long", what);
}

static bool read_ways(const struct settings_source *from, const char *folder,
	const config_setting_t *list, struct settings *out)
{
	const int len = config_setting_length(list);
	if (!config_setting_is_list(list) || len > BRIDGE_WAYS_MAX)
		return conf_fail(from->error, from->file, config_setting_source_line(list),
			"ways must be a list ( ) of at most %d groups { }", BRIDGE_WAYS_MAX);
	for (int i = 0; i < len; i++) {
		config_setting_t *const group = config_setting_get_elem(list, (unsigned)i);
		struct settings_way *const w = &out->ways[i];
		if (!settings_way_read(from, folder, group, w))
			return false;
		for (size_t j = 0; j < out->ways_len; j++) {
			if (strcmp(out->ways[j].name, w->name) == 0)
				return conf_fail(from->error, from->file,
					config_setting_source_line(group),
					"there is a way \"%s\" already; give this one another name",
					w->name);
		}
		out->ways_len++;
	}
	return true;
}

static bool read_top(const struct settings_source *from, const char *folder,
	const struct config_t *tree, struct settings *out)
{
	config_setting_t *const root = config_root_setting(tree);
	struct top t;
	memset(&t, 0, sizeof(t));
	if (!settings_read(from, root, keys, COUNT_OF(keys), &t))
		return false;
	if (!log_level_parse(t.log_level, &out->log_level))
		return conf_fail(
			from->error, from->file, 0, "log_level must be error, warn, info or debug");
	if (!log_form_parse(t.log_format, &out->log_format))
		return conf_fail(from->error, from->file, 0,
			"log_format must be auto, text, logfmt or journal");
	if (!confine_mode_parse(t.sandbox, &out->sandbox))
		return conf_fail(from->error, from->file, 0, "sandbox must be try, on or off");
	memcpy(out->user, t.user, sizeof(out->user));
	memcpy(out->group, t.group, sizeof(out->group));
	out->answer_s = t.answer_s;
	return place(from, folder, "gateway", t.gateway, out->gateway) &&
	       place(from, folder, "spool", t.spool, out->spool) &&
	       read_ways(from, folder, config_setting_get_member(root, "ways"), out);
}

static bool read_text(const struct settings_source *from, struct settings *out)
{
	struct conf_text text = { 0 };
	struct config_t tree;
	char *const folder = conf_folder(from->file);
	bool good = false;
	config_init(&tree);
	if (folder && conf_text_read(from->file, false, &text, from->error) &&
		conf_mask(text.data, NULL, from->file, NULL, from->error)) {
		config_destroy(&tree);
		good = conf_tree_read(&tree, text.data, from->file, from->error) &&
		       read_top(from, folder, &tree, out);
	}
	config_destroy(&tree);
	conf_text_free(&text);
	free(folder);
	return good;
}

struct settings *settings_load(const char *file, struct conf_error *error)
{
	const struct settings_source from = { .file = file, .error = error };
	struct settings *const s = secret_new(sizeof(*s));
	(void)conf_fail(error, file, 0, "no memory");
	if (!s || read_text(&from, s))
		return s;
	settings_free(s);
	return NULL;
}

void settings_free(struct settings *s)
{
	secret_free(s, sizeof(*s));
}
