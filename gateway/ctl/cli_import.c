/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/wipe.h"
#include "base/wr.h"
#include "conf/config.h"
#include "conf/credentials.h"
#include "ctl/csv_cred.h"
#include "ctl/security_object.h"

enum { READ_AT_ONCE = 65536 };

/* What import needs while it lasts, in memory for secrets. */
struct importing {
	struct cli *cli;
	const char *name;
	int status; /* the first that was not CLI_DONE */
	struct csv_cred csv;
	bool by_object; /* or it is: */
	struct security_object object;
	char read[READ_AT_ONCE];
	struct wr w; /* into body */
	uint8_t body[CTL_BODY_MAX];
};

/* False: the status is not CLI_DONE any more. */
static bool ask(struct importing *i, const struct ctl_request *q, int timeout_ms)
{
	struct cli_answer a;
	i->status = cli_ask(i->cli, q, timeout_ms, &a);
	if (i->status == CLI_DONE && a.status != CTL_DONE)
		i->status = cli_print(i->cli, &a);
	return i->status == CLI_DONE;
}

static bool begin(struct importing *i)
{
	const uint8_t replace = i->cli->options[CLI_REPLACE] != NULL;
	struct ctl_request q = { .form = i->cli->form,
		.verb = CTL_IMPORT_BEGIN,
		.body = &replace,
		.body_len = sizeof(replace) };
	(void)snprintf(q.arg, sizeof(q.arg), "%s", i->name);
	i->w = wr_into(i->body, sizeof(i->body));
	return ask(i, &q, CLI_SHORT_MS);
}

static bool stage(struct importing *i)
{
	const struct ctl_request q = {
		.form = i->cli->form,
		.verb = CTL_IMPORT_STAGE,
		.body = i->body,
		.body_len = i->w.len,
	};
	const bool ok = i->w.len == 0 || ask(i, &q, CLI_SHORT_MS);
	i->w = wr_into(i->body, sizeof(i->body));
	return ok;
}

static bool add(void *ctx, const struct ctl_cred *c)
{
	struct importing *i = ctx;
	struct ctl_cred whole = *c;
	if (sizeof(i->body) - i->w.len < CTL_CRED_MAX && !stage(i))
		return false;
	i->status = cli_terms(i->cli, &whole);
	if (i->status == CLI_DONE)
		ctl_cred_write(&i->w, &whole);
	wipe(&whole, sizeof(whole));
	return i->status == CLI_DONE;
}

/* All of it, or the gateway forgets what has come when we hang up. */
static int commit(struct importing *i)
{
	const struct ctl_request q = { .form = i->cli->form, .verb = CTL_IMPORT_COMMIT };
	if (!stage(i))
		return i->status;
	return cli_ask_print(i->cli, &q, CLI_LONG_MS);
}

/* --- CSV -------------------------------------------------------------------------------------- */

static int csv_wrong(const struct importing *i)
{
	unsigned line = 0;
	const char *why = i->by_object ? security_object_why(&i->object, &line)
				       : csv_cred_why(&i->csv, &line);
	if (i->status != CLI_DONE) /* it was not the file */
		return i->status;
	(void)fprintf(stderr, "lwgatectl: %s:%u: %s; nothing was changed\n", i->name, line, why);
	return CLI_REFUSED;
}

static bool feed(struct importing *i, size_t len)
{
	return i->by_object ? security_object_feed(&i->object, i->read, len)
			    : csv_cred_feed(&i->csv, i->read, len);
}

static bool end(struct importing *i)
{
	return i->by_object ? security_object_end(&i->object) : csv_cred_end(&i->csv);
}

/* Of devices, that belong to nobody else. */
static void tell_private_keys(const struct importing *i)
{
	if (i->object.private_keys > 0)
		(void)fprintf(stderr,
			"lwgatectl: %s: %zu private keys of devices are in it and were not taken; "
			"they belong into the devices alone: remove them from the file\n",
			i->name, i->object.private_keys);
}

static int import_csv(struct importing *i, const char *file)
{
	const int fd = cli_open_secret(file);
	ssize_t n = 0;
	bool ok = true;
	if (fd < 0)
		return CLI_USAGE;
	if (!begin(i)) {
		if (fd != STDIN_FILENO)
			(void)close(fd);
		return i->status;
	}
	csv_cred_begin(&i->csv, add, i);
	security_object_begin(&i->object, i->cli->options[CLI_ENDPOINT], add, i);
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
	tell_private_keys(i);
	return ok ? commit(i) : csv_wrong(i);
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
		(void)fprintf(stderr, "lwgatectl: %s; nothing was changed\n", error.text);
		return CLI_REFUSED;
	}
	bool ok = begin(i);
	for (uint32_t n = 0; ok && n < cred_count(s); n++) {
		from_set(s, n, &c);
		ok = add(i, &c);
	}
	wipe(&c, sizeof(c));
	cred_free(s);
	return ok ? commit(i) : i->status;
}

static bool is_csv(const char *file)
{
	const char *dot = strrchr(file, '.');
	return dot != NULL && strcmp(dot, ".csv") == 0;
}

int cli_cred_import(struct cli *c)
{
	const char *file = c->arg;
	const bool object = c->options[CLI_SECURITY_OBJECT] != NULL;
	const bool csv = object || c->options[CLI_CSV] != NULL || is_csv(file);
	if (!object && c->options[CLI_ENDPOINT] != NULL)
		return cli_wrong("--endpoint goes with --security-object", "", "leave it out");
	if (!csv && strcmp(file, "-") == 0)
		return cli_wrong("the standard input is read as CSV only", "", "add --csv");
	struct importing *i = secret_new(sizeof(*i));
	if (i == NULL)
		return cli_wrong("no memory", "", "free some");
	i->cli = c;
	i->by_object = object;
	i->name = strcmp(file, "-") == 0 ? "stdin" : file;
	const int status = csv ? import_csv(i, file) : import_libconfig(i, file);
	secret_free(i, sizeof(*i));
	return status;
}
