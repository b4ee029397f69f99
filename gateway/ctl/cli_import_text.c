/* SPDX-License-Identifier: Apache-2.0 */
/* What must be there as a whole before it can be read. */
#include "ctl/cli_import.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "ctl/leshan.h"
#include "ctl/object_dump.h"
#include "learn/json.h"

/* 100,000 clients of Leshan have some 20 MB. */
enum { FIRST = 65536, MOST = 256 << 20 };

struct whole {
	uint8_t *at; /* memory for secrets */
	size_t len, size;
};

static bool grow(struct whole *w)
{
	const size_t size = w->size == 0 ? FIRST : w->size * 2;
	if (w->len < w->size)
		return true;
	uint8_t *const at = size > MOST ? NULL : secret_new(size);
	if (at == NULL)
		return false;
	if (w->len > 0)
		memcpy(at, w->at, w->len);
	secret_free(w->at, w->size);
	w->at = at;
	w->size = size;
	return true;
}

static int read_whole(const struct importing *i, int fd, struct whole *w)
{
	ssize_t n = 0;
	do {
		if (!grow(w))
			return cli_wrong(i->name, " is too long", "cut it into several files");
		n = read(fd, w->at + w->len, w->size - w->len);
		if (n > 0)
			w->len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n == 0 ? CLI_DONE : cli_wrong(i->name, " cannot be read", strerror(errno));
}

/* --- which JSON it is ------------------------------------------------------------------------- */

static enum cli_format of_label(const char *label)
{
	static const struct {
		const char *label;
		enum cli_format format;
	} all[] = {
		{ "endpoint", CLI_FORMAT_LESHAN },
		{ "ep", CLI_FORMAT_LESHAN },
		{ "bn", CLI_FORMAT_SENML_JSON },
		{ "n", CLI_FORMAT_SENML_JSON },
		{ "e", CLI_FORMAT_LWM2M_JSON },
	};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (strcmp(label, all[i].label) == 0)
			return all[i].format;
	}
	return CLI_FORMAT_JSON;
}

/* By the members of the first object. LwM2M JSON alone is no array, and has "bn", too. */
static enum cli_format which_json(const struct whole *w)
{
	struct learn_json j = { w->at, w->len, false };
	const bool array = learn_json_take(&j, '[');
	enum cli_format seen = CLI_FORMAT_JSON;
	bool first = true;
	if (array && learn_json_take(&j, ']'))
		return CLI_FORMAT_LESHAN; /* it has no client */
	learn_json_need(&j, '{');
	while (learn_json_more(&j, &first, '}')) {
		char label[LEARN_LABEL + 1];
		learn_json_name(&j, label, sizeof(label));
		learn_json_need(&j, ':');
		learn_json_pass(&j, 0);
		const enum cli_format f = j.bad ? CLI_FORMAT_JSON : of_label(label);
		seen = f != CLI_FORMAT_JSON ? f : seen;
		if (seen == CLI_FORMAT_LESHAN)
			break;
	}
	return seen == CLI_FORMAT_SENML_JSON && !array ? CLI_FORMAT_LWM2M_JSON : seen;
}

/* --- reading it ------------------------------------------------------------------------------- */

static int leshan(struct importing *i, const struct whole *w)
{
	struct leshan *const l = secret_new(sizeof(*l));
	if (l == NULL)
		return cli_wrong("no memory", "", "free some");
	l->each = cli_import_add;
	l->refused = i->dry ? cli_import_refused : NULL;
	l->ctx = i;
	const bool ok = leshan_read(l, w->at, w->len);
	int status = i->status;
	if (!ok && status == CLI_DONE)
		status = cli_complain(
			CLI_REFUSED, "nothing was changed", "%s:%u: %s", i->name, l->line, l->why);
	secret_free(l, sizeof(*l));
	return status;
}

static int dump(struct importing *i, const struct whole *w)
{
	static const enum learn_format formats[CLI_FORMATS] = {
		[CLI_FORMAT_TLV] = LEARN_TLV,
		[CLI_FORMAT_SENML_JSON] = LEARN_SENML_JSON,
		[CLI_FORMAT_SENML_CBOR] = LEARN_SENML_CBOR,
		[CLI_FORMAT_LWM2M_JSON] = LEARN_LWM2M_JSON,
	};
	struct object_dump d = { .each = cli_import_add,
		.refused = i->dry ? cli_import_refused : NULL,
		.ctx = i,
		.endpoint = i->cli->options[CLI_ENDPOINT] };
	if (d.endpoint == NULL)
		return cli_wrong(
			"a Security Object does not say whose it is", "", "add --endpoint NAME");
	const char *const why = object_dump_read(&d, formats[i->format], w->at, w->len);
	cli_import_tell_private_keys(i, d.private_keys);
	if (why == NULL || i->status != CLI_DONE)
		return i->status;
	return d.line == 0
		       ? cli_complain(CLI_REFUSED, "nothing was changed", "%s: %s", i->name, why)
		       : cli_complain(CLI_REFUSED, "nothing was changed", "%s: instance %u: %s",
				 i->name, d.line, why);
}

static int take(struct importing *i, const struct whole *w)
{
	if (i->format == CLI_FORMAT_JSON)
		i->format = which_json(w);
	if (i->format == CLI_FORMAT_JSON)
		return cli_complain(CLI_REFUSED,
			"export it from Leshan (GET /api/security/clients), or say --format",
			"%s: is no JSON that is known here", i->name);
	if (i->format == CLI_FORMAT_LESHAN && i->cli->options[CLI_ENDPOINT] != NULL)
		return cli_wrong("--endpoint goes with a Security Object", "", "leave it out");
	if (!cli_import_begin(i))
		return i->status;
	const int status = i->format == CLI_FORMAT_LESHAN ? leshan(i, w) : dump(i, w);
	return status == CLI_DONE ? cli_import_commit(i) : status;
}

int cli_import_text(struct importing *i, const char *file)
{
	struct whole w = { .at = NULL };
	const int fd = cli_open_secret(file);
	if (fd < 0)
		return CLI_USAGE;
	int status = read_whole(i, fd, &w);
	if (fd != STDIN_FILENO)
		(void)close(fd);
	if (status == CLI_DONE)
		status = take(i, &w);
	secret_free(w.at, w.size);
	return status;
}
