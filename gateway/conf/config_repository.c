/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config_repository.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "conf/address.h"
#include "conf/fail.h"
#include "conf/text.h"

/* As proxy/image has it of a segment that a device asks for. */
static bool segment_is_good(const char *s, size_t len)
{
	if (len == 0 || (s[0] == '.' && (len == 1 || (len == 2 && s[1] == '.'))))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] <= ' ' || s[i] > '~' || strchr("%\"\\", s[i]) != NULL)
			return false;
	}
	return true;
}

static bool prefix_is_good(const char *text)
{
	for (;;) {
		const size_t len = strcspn(text, "/");
		if (!segment_is_good(text, len))
			return false;
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

/* What is below these is a device's registration, bootstrap and reports: none of them would come to
   its server any more. */
static bool prefix_is_free(const char *text)
{
	static const char *const taken[] = { "rd", "bs", "dp" };
	const size_t len = strcspn(text, "/");
	for (size_t i = 0; i < COUNT_OF(taken); i++) {
		if (strlen(taken[i]) == len && memcmp(text, taken[i], len) == 0)
			return false;
	}
	return true;
}

static bool fails(const struct conf_draft *d, enum conf_key key, const char *why)
{
	const unsigned line = d->values[key].line;
	return conf_fail(d->error, d->name,
		line != 0 ? line : d->values[KEY_REPOSITORY_PREFIX].line, "%s%s",
		conf_rows[key].path, why);
}

/* One without the others is a slip, not a wish. */
static bool has_all_or_none(const struct conf_draft *d)
{
	const bool wanted = d->values[KEY_REPOSITORY_PREFIX].text[0] != '\0';
	for (enum conf_key k = KEY_REPOSITORY_ADDRESS; k <= KEY_REPOSITORY_SIZE; k++) {
		const struct conf_value *const v = &d->values[k];
		if (!wanted && v->line != 0)
			return fails(d, k,
				": there is no repository.prefix, without which nothing is asked "
				"for; "
				"add: prefix = \"fw\";");
		if (wanted && conf_rows[k].kind == CONF_TEXT && v->text[0] == '\0')
			return fails(
				d, k, " is missing, without which there is no repository; add it");
	}
	return true;
}

static bool fill_address(const struct conf_draft *d, struct conf_repository *out)
{
	const char *const text = d->values[KEY_REPOSITORY_ADDRESS].text;
	const uint16_t port = (uint16_t)d->values[KEY_REPOSITORY_PORT].number;
	struct net_addr found[CONF_ADDRESSES_MAX];
	size_t len = 1;
	const char *why = conf_address_parse(text, port, &found[0]);
	if (why && d->resolve)
		why = conf_address_resolve(text, port, 0, found, &len);
	if (!why)
		why = conf_address_unfit(&found[0]);
	if (why)
		return conf_fail(d->error, d->name, d->values[KEY_REPOSITORY_ADDRESS].line,
			"repository.address: \"%s\": %s", text, why);
	out->address = found[0];
	return true;
}

bool conf_fill_repository(const struct conf_draft *d, struct conf_gateway *out)
{
	struct conf_repository *const r = &out->repository;
	const char *const prefix = d->values[KEY_REPOSITORY_PREFIX].text;
	if (!has_all_or_none(d))
		return false;
	if (prefix[0] == '\0')
		return true;
	if (!prefix_is_good(prefix))
		return fails(d, KEY_REPOSITORY_PREFIX,
			": is no path of segments joined by single slashes; write it as \"a/fw\"");
	if (!prefix_is_free(prefix))
		return fails(d, KEY_REPOSITORY_PREFIX,
			": begins with rd, bs or dp, which are LwM2M's; write another, as \"fw\"");
	if (!fill_address(d, r))
		return false;
	r->size_mib = (uint32_t)d->values[KEY_REPOSITORY_SIZE].number;
	r->prefix = strdup(prefix);
	r->identity = strdup(d->values[KEY_REPOSITORY_IDENTITY].text);
	r->key_file = conf_path(d->folder, d->values[KEY_REPOSITORY_KEY].text);
	r->directory = conf_path(d->folder, d->values[KEY_REPOSITORY_DIRECTORY].text);
	return (r->prefix && r->identity && r->key_file && r->directory) ||
	       conf_fail(d->error, d->name, 0, "no memory; free some");
}

void conf_free_repository(struct conf_gateway *c)
{
	free(c->repository.prefix);
	free(c->repository.identity);
	free(c->repository.key_file);
	free(c->repository.directory);
	c->repository = (struct conf_repository){ 0 };
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool conf_same_repository(const struct conf_gateway *now, const struct conf_gateway *next)
{
	const struct conf_repository *const a = &now->repository, *const b = &next->repository;
	return same_text(a->prefix, b->prefix) && same_text(a->identity, b->identity) &&
	       same_text(a->key_file, b->key_file) && same_text(a->directory, b->directory) &&
	       a->size_mib == b->size_mib && net_addr_same(&a->address, &b->address);
}
