/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config_store.h"

#include <stdlib.h>
#include <string.h>

#include "conf/fail.h"
#include "conf/text.h"

static const char tpm_prefix[] = "tpm:";

bool conf_fill_path(const struct conf_draft *d, enum conf_key key, char **out)
{
	const char *text = d->values[key].text;
	*out = text[0] == '\0' ? NULL : conf_path(d->folder, text);
	return text[0] == '\0' || *out != NULL;
}

static bool fill_text(const struct conf_draft *d, enum conf_key key, char **out)
{
	const char *text = d->values[key].text;
	*out = text[0] == '\0' ? NULL : strdup(text);
	return text[0] == '\0' || *out != NULL;
}

static bool is_tpm_anchor(const char *name)
{
	return strncmp(name, tpm_prefix, sizeof(tpm_prefix) - 1) == 0;
}

/* The one place of the wrapping key: somebody who writes two of them means one, and we cannot know
   which. KEY_COUNT: refused. */
static enum conf_key key_place(const struct conf_draft *d)
{
	static const enum conf_key places[] = { KEY_STORE_KEY_FILE, KEY_STORE_KEY_CREDENTIAL,
		KEY_STORE_KEY_TPM };
	enum conf_key found = KEY_COUNT;
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		const struct conf_value *v = &d->values[places[i]];
		if (v->line == 0 || v->text[0] == '\0')
			continue;
		if (found != KEY_COUNT) {
			(void)conf_fail(d->error, d->name, v->line,
				"%s: line %u has %s; the key has one place: remove one of the two",
				conf_rows[places[i]].path, d->values[found].line,
				conf_rows[found].path);
			return KEY_COUNT;
		}
		found = places[i];
	}
	if (found != KEY_COUNT)
		return found;
	if (d->values[KEY_STORE_KEY_FILE].text[0] != '\0')
		return KEY_STORE_KEY_FILE;
	(void)conf_fail(d->error, d->name, d->values[KEY_STORE_KEY_FILE].line,
		"store.key_file: is empty, and neither store.key_credential nor store.key_tpm is "
		"set; the store needs a key: set one of them");
	return KEY_COUNT;
}

/* A credential is a name in a folder of systemd's, and leads nowhere else. */
static bool plain_name(const struct conf_draft *d)
{
	const struct conf_value *v = &d->values[KEY_STORE_KEY_CREDENTIAL];
	if (strchr(v->text, '/') == NULL && v->text[0] != '.')
		return true;
	return conf_fail(d->error, d->name, v->line,
		"store.key_credential: \"%s\" is a path; write the name that stands before the "
		"colon of LoadCredential=, or use store.key_file",
		v->text);
}

static bool fill_key(const struct conf_draft *d, enum conf_key place, struct conf_gateway *out)
{
	if (place == KEY_STORE_KEY_CREDENTIAL)
		return fill_text(d, place, &out->store_key_credential);
	return conf_fill_path(
		d, place, place == KEY_STORE_KEY_TPM ? &out->store_key_tpm : &out->store_key_file);
}

static bool fill_names(const struct conf_draft *d, struct conf_gateway *out)
{
	return conf_fill_path(d, KEY_STORE_PATH, &out->store_path) &&
	       conf_fill_path(d, KEY_STORE_TOKEN, &out->store_token) &&
	       conf_fill_path(d, KEY_STORE_HOT, &out->store_hot) &&
	       fill_text(d, KEY_STORE_TPM, &out->store_tpm) &&
	       (is_tpm_anchor(d->values[KEY_STORE_ANCHOR].text)
			       ? fill_text(d, KEY_STORE_ANCHOR, &out->store_anchor)
			       : conf_fill_path(d, KEY_STORE_ANCHOR, &out->store_anchor));
}

/* With one copy of the folder a thief must not have both (S16). */
static bool lies_in(const char *file, const char *folder)
{
	const size_t len = strlen(folder);
	return strncmp(file, folder, len) == 0 && (file[len] == '/' || folder[len - 1] == '/');
}

static bool key_apart(const struct conf_draft *d, const struct conf_gateway *c)
{
	if (c->store_path == NULL || c->store_key_file == NULL ||
		!lies_in(c->store_key_file, c->store_path))
		return true;
	const unsigned line = d->values[KEY_STORE_KEY_FILE].line;
	return conf_fail(d->error, d->name, line != 0 ? line : d->values[KEY_STORE_PATH].line,
		"store.key_file: %s lies in store.path, and whoever copies the store has its key; "
		"use another folder",
		c->store_key_file);
}

static enum conf_power_loss power_loss(const char *word)
{
	if (strcmp(word, "probe") == 0)
		return CONF_POWER_PROBE;
	return strcmp(word, "gap") == 0 ? CONF_POWER_GAP : CONF_POWER_RESUME;
}

static bool no_memory(const struct conf_draft *d)
{
	return conf_fail(d->error, d->name, 0, "no memory; free some");
}

bool conf_fill_store(const struct conf_draft *d, struct conf_gateway *out)
{
	const struct conf_value *v = d->values;
	out->store_after_power_loss = power_loss(v[KEY_STORE_AFTER_POWER_LOSS].text);
	out->store_evict_after_s = (uint32_t)v[KEY_STORE_EVICT_AFTER].number;
	out->store_any_filesystem = v[KEY_STORE_ANY_FILESYSTEM].number != 0;
	out->store_resumption = (uint32_t)v[KEY_STORE_RESUMPTION].number;
	out->store_resumption_days = (uint32_t)v[KEY_STORE_RESUMPTION_DAYS].number;
	out->store_rotation_days = (uint32_t)v[KEY_STORE_ROTATION_DAYS].number;
	if (!fill_names(d, out))
		return no_memory(d);
	if (out->store_path == NULL)
		return true;
	const enum conf_key place = key_place(d);
	if (place == KEY_COUNT || !plain_name(d))
		return false;
	return fill_key(d, place, out) ? key_apart(d, out) : no_memory(d);
}

void conf_free_store(struct conf_gateway *c)
{
	free(c->store_path);
	free(c->store_key_file);
	free(c->store_key_credential);
	free(c->store_key_tpm);
	free(c->store_tpm);
	free(c->store_token);
	free(c->store_hot);
	free(c->store_anchor);
}

static const char *policy_caveat(const struct conf_gateway *c)
{
	if (c->store_anchor != NULL || c->store_after_power_loss == CONF_POWER_RESUME)
		return NULL;
	return c->store_after_power_loss == CONF_POWER_PROBE
		       ? "store.after_power_loss = \"probe\" without store.anchor: after a power "
			 "loss nothing shows that the store is no older copy, so \"resume\" is "
			 "done instead; remedy: set store.anchor"
		       : "store.after_power_loss = \"gap\" without store.anchor: after a power "
			 "loss nothing shows that the store is no older copy, so \"resume\" is "
			 "done instead; remedy: set store.anchor";
}

static const char *memory_caveat(const struct conf_gateway *c)
{
	return c->store_path != NULL
		       ? NULL
		       : "store.path is empty: sessions, registrations and credentials that "
			 "lwgatectl adds are lost with the process; remedy: set store.path";
}

static const char *filesystem_caveat(const struct conf_gateway *c)
{
	return c->store_path == NULL || !c->store_any_filesystem
		       ? NULL
		       : "store.any_filesystem = true: what the store calls durable may not be, "
			 "and then keys may be used twice; remedy: a local disk, and without "
			 "this line";
}

const char *conf_caveat(const struct conf_gateway *c, size_t number)
{
	const char *(*const caveats[])(
		const struct conf_gateway *) = { memory_caveat, policy_caveat, filesystem_caveat };
	for (size_t i = 0; i < COUNT_OF(caveats); i++) {
		const char *said = caveats[i](c);
		if (said != NULL && number-- == 0)
			return said;
	}
	return NULL;
}
