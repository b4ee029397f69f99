/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli_import.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "conf/credentials.h"

bool cli_import_ask(struct importing *i, const struct ctl_request *q, int timeout_ms)
{
	struct cli_answer a;
	i->status = cli_ask(i->cli, q, timeout_ms, &a);
	if (i->status == CLI_DONE && a.status != CTL_DONE)
		i->status = cli_print(i->cli, &a);
	return i->status == CLI_DONE;
}

bool cli_import_begin(struct importing *i)
{
	const uint8_t how =
		(uint8_t)((i->cli->options[CLI_REPLACE] != NULL ? CTL_IMPORT_REPLACE : 0) |
			  (i->dry ? CTL_IMPORT_DRY : 0));
	struct ctl_request q = { .form = i->cli->form,
		.verb = CTL_IMPORT_BEGIN,
		.body = &how,
		.body_len = sizeof(how) };
	(void)snprintf(q.arg, sizeof(q.arg), "%s", i->name);
	i->w = wr_into(i->body, sizeof(i->body));
	return cli_import_ask(i, &q, CLI_SHORT_MS);
}

bool cli_import_stage(struct importing *i)
{
	const struct ctl_request q = {
		.form = i->cli->form,
		.verb = CTL_IMPORT_STAGE,
		.body = i->body,
		.body_len = i->w.len,
	};
	const bool ok = i->w.len == 0 || cli_import_ask(i, &q, CLI_SHORT_MS);
	i->w = wr_into(i->body, sizeof(i->body));
	return ok;
}

bool cli_import_add(void *ctx, const struct ctl_cred *c)
{
	struct importing *i = ctx;
	struct ctl_cred whole = *c;
	if (sizeof(i->body) - i->w.len < CTL_CRED_MAX && !cli_import_stage(i))
		return false;
	i->status = cli_terms(i->cli, &whole);
	if (i->status == CLI_DONE)
		ctl_cred_write(&i->w, &whole);
	wipe(&whole, sizeof(whole));
	return i->status == CLI_DONE;
}

int cli_import_commit(struct importing *i)
{
	const struct ctl_request q = { .form = i->cli->form, .verb = CTL_IMPORT_COMMIT };
	if (!cli_import_stage(i))
		return i->status;
	return i->dry ? cli_import_try(i) : cli_ask_print(i->cli, &q, CLI_LONG_MS);
}

/* --- CSV -------------------------------------------------------------------------------------- */

static int csv_wrong(const struct importing *i)
{
	unsigned line = 0;
	const char *why = i->format == CLI_FORMAT_OBJECT_CSV
				  ? security_object_why(&i->object, &line)
				  : csv_cred_why(&i->csv, &line);
	if (i->status != CLI_DONE) /* it was not the file */
		return i->status;
	return cli_complain(CLI_REFUSED, "nothing was changed", "%s:%u: %s", i->name, line, why);
}

static bool feed(struct importing *i, size_t len)
{
	return i->format == CLI_FORMAT_OBJECT_CSV ? security_object_feed(&i->object, i->read, len)
						  : csv_cred_feed(&i->csv, i->read, len);
}

static bool end(struct importing *i)
{
	return i->format == CLI_FORMAT_OBJECT_CSV ? security_object_end(&i->object)
						  : csv_cred_end(&i->csv);
}

/* They belong to nobody else. */
void cli_import_tell_private_keys(const struct importing *i, size_t n)
{
	if (n > 0)
		(void)fprintf(stderr,
			"lwgatectl: %s: %zu private keys of devices are in it and were not taken; "
			"they belong into the devices alone: remove them from the file\n",
			i->name, n);
}

static int import_csv(struct importing *i, const char *file)
{
	const int fd = cli_open_secret(file);
	ssize_t n = 0;
	bool ok = true;
	if (fd < 0)
		return CLI_USAGE;
	if (!cli_import_begin(i)) {
		if (fd != STDIN_FILENO)
			(void)close(fd);
		return i->status;
	}
	csv_cred_begin(&i->csv, cli_import_add, i);
	security_object_begin(&i->object, i->cli->options[CLI_ENDPOINT], cli_import_add, i);
	do {
		n = read(fd, i->read, sizeof(i->read));
		if (n > 0)
			ok = feed(i, (size_t)n);
	} while (ok && (n > 0 || (n < 0 && errno == EINTR)));
	const int error = errno;
	if (fd != STDIN_FILENO)
		(void)close(fd);
	if (ok && n < 0)
		return cli_wrong(i->name, " cannot be read", strerror(error));
	ok = ok && end(i);
	cli_import_tell_private_keys(i, i->object.private_keys);
	return ok ? cli_import_commit(i) : csv_wrong(i);
}

/* --- libconfig -------------------------------------------------------------------------------- */

static void from_set(const struct cred_set *s, uint32_t n, struct ctl_cred *out)
{
	struct cred_key k;
	struct cred_terms t;
	*out = (struct ctl_cred){ .line = cred_line(s, n), .has_keys = true };
	memcpy(out->endpoint, cred_endpoint(s, n), strlen(cred_endpoint(s, n)));
	cred_device_key(s, n, &k);
	const uint8_t *const pin = cred_pin(s, n);
	out->kind = (enum ctl_cred_kind)cred_kind(s, n);
	out->sms = cred_sms_of(s, n);
	out->pinned = pin != NULL;
	if (pin != NULL)
		memcpy(out->pin, pin, sizeof(out->pin));
	out->identity_len = (uint8_t)k.identity_len;
	out->key_len = (uint8_t)k.key_len;
	memcpy(out->identity, k.identity, k.identity_len);
	memcpy(out->key, k.key, k.key_len);
	if (!cred_derives(s, n) && cred_upstream_key(s, n, &k)) {
		out->upstream_identity_len = (uint8_t)k.identity_len;
		out->upstream_key_len = (uint8_t)k.key_len;
		memcpy(out->upstream_identity, k.identity, k.identity_len);
		memcpy(out->upstream_key, k.key, k.key_len);
	}
	wipe(&k, sizeof(k));
	cred_terms(s, n, &t);
	out->says_labels = t.says_labels;
	out->says_until = t.says_until;
	out->says_overlap = t.says_overlap;
	out->says_repository = t.says_repository;
	out->repository = t.repository;
	out->purpose = t.says_purpose ? (enum ctl_purpose)(1 + (int)t.purpose) : CTL_FOR_UNSAID;
	out->until_ms = t.until_ms;
	out->overlap_s = t.overlap_s;
	(void)conf_labels_text(&t.labels, out->labels);
}

static int import_libconfig(struct importing *i, const char *file)
{
	struct conf_error error;
	struct ctl_cred c;
	struct cred_set *s = cred_load_import(file, &error);
	if (s == NULL) {
		return cli_complain(CLI_REFUSED, "nothing was changed", "%s", error.text);
	}
	bool ok = cli_import_begin(i);
	for (uint32_t n = 0; ok && n < cred_count(s); n++) {
		from_set(s, n, &c);
		ok = cli_import_add(i, &c);
	}
	wipe(&c, sizeof(c));
	cred_free(s);
	return ok ? cli_import_commit(i) : i->status;
}

/* --- which of them ---------------------------------------------------------------------------- */

struct format_word {
	const char *word;
	enum cli_format format;
};

static bool ends_in(const char *file, const char *end)
{
	const size_t len = strlen(file), tail = strlen(end);
	return len > tail && strcmp(file + len - tail, end) == 0;
}

static enum cli_format by_name(const char *file)
{
	static const struct format_word ends[] = {
		{ ".csv", CLI_FORMAT_CSV },
		{ ".json", CLI_FORMAT_JSON },
		{ ".tlv", CLI_FORMAT_TLV },
		{ ".cbor", CLI_FORMAT_SENML_CBOR },
	};
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		if (ends_in(file, ends[i].word))
			return ends[i].format;
	}
	return CLI_FORMAT_CONF;
}

/* CLI_FORMATS: no such word. */
static enum cli_format by_word(const char *word)
{
	static const struct format_word words[] = {
		{ "conf", CLI_FORMAT_CONF },
		{ "csv", CLI_FORMAT_CSV },
		{ "security-csv", CLI_FORMAT_OBJECT_CSV },
		{ "json", CLI_FORMAT_JSON },
		{ "leshan", CLI_FORMAT_LESHAN },
		{ "tlv", CLI_FORMAT_TLV },
		{ "senml-json", CLI_FORMAT_SENML_JSON },
		{ "senml-cbor", CLI_FORMAT_SENML_CBOR },
		{ "lwm2m-json", CLI_FORMAT_LWM2M_JSON },
	};
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(word, words[i].word) == 0)
			return words[i].format;
	}
	return CLI_FORMATS;
}

static enum cli_format format_of(const struct cli *c)
{
	if (c->options[CLI_FORMAT] != NULL)
		return by_word(c->options[CLI_FORMAT]);
	if (c->options[CLI_SECURITY_OBJECT] != NULL)
		return CLI_FORMAT_OBJECT_CSV;
	return c->options[CLI_CSV] != NULL ? CLI_FORMAT_CSV : by_name(c->arg);
}

static int import(struct importing *i, const char *file)
{
	switch (i->format) {
	case CLI_FORMAT_CONF:
		return import_libconfig(i, file);
	case CLI_FORMAT_CSV:
	case CLI_FORMAT_OBJECT_CSV:
		return import_csv(i, file);
	case CLI_FORMAT_LESHAN:
	case CLI_FORMAT_TLV:
	case CLI_FORMAT_SENML_JSON:
	case CLI_FORMAT_SENML_CBOR:
	case CLI_FORMAT_LWM2M_JSON:
	case CLI_FORMAT_JSON:
		return cli_import_text(i, file);
	case CLI_FORMATS:
		break;
	}
	return cli_wrong("--format: no such format", "",
		"write conf, csv, security-csv, json, leshan, tlv, senml-json, senml-cbor or "
		"lwm2m-json");
}

int cli_cred_import(struct cli *c)
{
	const char *const file = c->arg;
	const enum cli_format format = format_of(c);
	const bool stdin_named = strcmp(file, "-") == 0;
	if (c->options[CLI_ENDPOINT] != NULL &&
		(format == CLI_FORMAT_CONF || format == CLI_FORMAT_CSV))
		return cli_wrong("--endpoint goes with --security-object", "", "leave it out");
	if (format == CLI_FORMAT_CONF && stdin_named)
		return cli_wrong("of the standard input it is not known what it is", "",
			"add --csv, or --format");
	struct importing *i = secret_new(sizeof(*i));
	if (i == NULL)
		return cli_wrong("no memory", "", "free some");
	i->cli = c;
	i->format = format;
	i->dry = c->options[CLI_DRY_RUN] != NULL;
	i->name = stdin_named ? "stdin" : file;
	const int status = import(i, file);
	ctl_out_fini(&i->refused);
	secret_free(i, sizeof(*i));
	return status;
}
