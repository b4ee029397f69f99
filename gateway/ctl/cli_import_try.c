/* SPDX-License-Identifier: Apache-2.0 */
/* What an import would do: asked of the gateway, which does none of it, and shown line by line. */
#include "ctl/cli_import.h"

#include <stdio.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/tried.h"

static const char *const words[CTL_TRIED_WHATS] = {
	[CTL_TRIED_ADD] = "add",
	[CTL_TRIED_REPLACE] = "replace",
	[CTL_TRIED_SAME] = "same",
	[CTL_TRIED_REFUSE] = "refuse",
};

enum { WORD_WIDTH = 8, ENOUGH = 65536 };

struct showing {
	const struct importing *i;
	struct ctl_out out;
	struct ctl_json json;
	size_t counts[CTL_TRIED_WHATS];
	int status;
};

bool cli_import_refused(void *ctx, unsigned line, const char *endpoint, const char *why)
{
	struct importing *i = ctx;
	struct ctl_tried t = { .what = CTL_TRIED_REFUSE, .line = line };
	(void)snprintf(t.endpoint, sizeof(t.endpoint), "%s", endpoint);
	(void)snprintf(t.why, sizeof(t.why), "%s", why);
	ctl_tried_write(&i->refused, &t);
	return true;
}

static void text_one(struct showing *s, const struct ctl_tried *t)
{
	ctl_out_column(&s->out, words[t->what], WORD_WIDTH);
	ctl_out_clean(&s->out, s->i->name);
	if (t->line > 0)
		ctl_out_form(&s->out, ":%u", (unsigned)t->line);
	if (t->endpoint[0] != '\0') {
		ctl_out_text(&s->out, ": ");
		ctl_out_clean(&s->out, t->endpoint);
	}
	if (t->why[0] != '\0') {
		ctl_out_text(&s->out, ": ");
		ctl_out_clean(&s->out, t->why);
	}
	ctl_out_text(&s->out, "\n");
}

static void json_one(struct ctl_json *j, const struct ctl_tried *t)
{
	ctl_json_begin(j, '{');
	ctl_json_pair(j, "what", words[t->what]);
	ctl_json_key(j, "line");
	if (t->line > 0)
		ctl_json_number(j, t->line);
	else
		ctl_json_null(j);
	ctl_json_pair(j, "endpoint", t->endpoint);
	ctl_json_pair(j, "why", t->why);
	ctl_json_end(j, '}');
}

/* False: it is not understood. */
static bool show_all(struct showing *s, const void *octets, size_t len)
{
	struct rd r = rd_from(octets, len);
	struct ctl_tried t;
	while (r.left > 0) {
		if (!ctl_tried_read(&r, &t))
			return false;
		s->counts[t.what]++;
		if (s->i->cli->form == CTL_JSON)
			json_one(&s->json, &t);
		else
			text_one(s, &t);
		if (s->out.len > ENOUGH && s->status == CLI_DONE)
			s->status = cli_put(&s->out);
	}
	return true;
}

static void show_counts(struct showing *s)
{
	const size_t *const n = s->counts;
	if (s->i->cli->form == CTL_JSON) {
		ctl_json_end(&s->json, ']');
		for (size_t i = 0; i < CTL_TRIED_WHATS; i++) {
			ctl_json_key(&s->json, words[i]);
			ctl_json_number(&s->json, n[i]);
		}
		ctl_json_end(&s->json, '}');
		ctl_out_text(&s->out, "\n");
		return;
	}
	ctl_out_form(&s->out, "dry run: %zu to add, %zu to replace, %zu as they are, %zu refused; ",
		n[CTL_TRIED_ADD], n[CTL_TRIED_REPLACE], n[CTL_TRIED_SAME], n[CTL_TRIED_REFUSE]);
	ctl_out_text(&s->out, n[CTL_TRIED_REFUSE] == 0
				      ? "nothing was changed\n"
				      : "nothing was changed, and an import would change "
					"nothing\n");
}

static int show(struct importing *i, const struct cli_answer *a)
{
	struct showing s = { .i = i, .status = CLI_DONE };
	s.json.out = &s.out;
	if (i->cli->form == CTL_JSON) {
		ctl_json_begin(&s.json, '{');
		ctl_json_key(&s.json, "credentials");
		ctl_json_begin(&s.json, '[');
	}
	const bool ok =
		show_all(&s, i->refused.data, i->refused.len) && show_all(&s, a->body, a->len);
	if (ok)
		show_counts(&s);
	if (s.status == CLI_DONE)
		s.status = cli_put(&s.out);
	ctl_out_fini(&s.out);
	if (!ok)
		return cli_not_understood(i->cli);
	if (s.status != CLI_DONE)
		return s.status;
	return s.counts[CTL_TRIED_REFUSE] > 0 ? CLI_REFUSED : CLI_DONE;
}

int cli_import_try(struct importing *i)
{
	const struct ctl_request q = { .form = i->cli->form, .verb = CTL_IMPORT_TRY };
	struct cli_answer a;
	i->status = cli_ask(i->cli, &q, CLI_LONG_MS, &a);
	if (i->status == CLI_DONE && a.status != CTL_DONE)
		i->status = cli_print(i->cli, &a);
	return i->status == CLI_DONE ? show(i, &a) : i->status;
}
