/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli_policy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ctl/cli.h"
#include "ctl/facts.h"
#include "ctl/show_policy.h"
#include "ctl/what_if.h"
#include "policy/diff.h"
#include "policy/expect.h"
#include "policy/load.h"
#include "policy/words.h"

enum { EXAMPLES = 10, WORDS_MAX = 512 };

/* --- which policy ----------------------------------------------------------------------------- */

/* A file of a policy, or of expectations, that is not good. */
static int refused(const struct conf_error *error)
{
	return cli_complain(CLI_REFUSED, NULL, "%s", error->text);
}

static int readable(const char *file)
{
	return access(file, R_OK) == 0 ? CLI_DONE
				       : cli_wrong(file, " cannot be read", strerror(errno));
}

static int from_file(const char *file, struct cli_policy *out)
{
	struct conf_error error;
	const int status = readable(file);
	if (status != CLI_DONE)
		return status;
	out->rules.name = file;
	out->rules.policy = out->policy = policy_load(file, &error);
	return out->policy == NULL ? refused(&error) : CLI_DONE;
}

static int in_force(struct cli *c, struct cli_policy *out)
{
	struct conf_error error;
	const int status = cli_policy_fetch(c, out);
	if (status != CLI_DONE)
		return status;
	out->rules.policy = out->policy = policy_parse(out->rules.text, out->rules.name, &error);
	if (out->policy != NULL)
		return CLI_DONE;
	return cli_wrong("the policy in force is not understood: ", error.text,
		"use the lwgatectl of the gateway's version");
}

/* The one that is named, or else the one in force. */
static int chosen(struct cli *c, struct cli_policy *out)
{
	const char *file = c->options[CLI_POLICY];
	*out = (struct cli_policy){ 0 };
	return file == NULL ? in_force(c, out) : from_file(file, out);
}

static int put(struct ctl_out *o)
{
	const int status = cli_put(o);
	ctl_out_fini(o);
	return status;
}

int cli_policy_show(struct cli *c)
{
	struct cli_policy p = { 0 };
	struct ctl_out o = { 0 };
	int status = in_force(c, &p);
	if (status == CLI_DONE) {
		ctl_show_rules(&o, c->form, &p.rules);
		status = put(&o);
	}
	cli_policy_free(&p);
	return status;
}

/* --- explaining ------------------------------------------------------------------------------- */

static int no_such_event(const char *word)
{
	char remedy[WORDS_MAX + 16];
	char words[WORDS_MAX];
	const char *nearest = policy_word_nearest(&policy_words_event, word);
	if (nearest != NULL)
		(void)snprintf(remedy, sizeof(remedy), "use --event %s", nearest);
	else
		(void)snprintf(remedy, sizeof(remedy), "use %s",
			policy_words_say(&policy_words_event, words, sizeof(words)));
	return cli_wrong("no such event: ", word, remedy);
}

struct explaining {
	enum ctl_form form;
	enum policy_event event;
	const struct ctl_rules *rules;
	struct ctl_out out;
	bool found; /* one */
};

static int explain(void *context, const struct ctl_facts *found)
{
	struct explaining *e = context;
	struct policy_facts f;
	const char *why = ctl_what_if(&found->facts, e->event, &f);
	if (e->found)
		return cli_wrong(found->endpoint, " has several sessions",
			"say which: --purpose server, or --purpose bootstrap");
	e->found = true;
	if (why == NULL) {
		ctl_show_explained(&e->out, e->form, e->rules, &f, &found->rest);
		return CLI_DONE;
	}
	return cli_complain(CLI_REFUSED, "use another --event",
		"%s cannot happen to this session: %s", policy_event_word(e->event), why);
}

int cli_policy_explain(struct cli *c)
{
	const char *endpoint = c->options[CLI_ENDPOINT], *word = c->options[CLI_EVENT];
	struct cli_policy p;
	struct explaining e = { .form = c->form, .rules = &p.rules };
	if (endpoint == NULL || endpoint[0] == '\0')
		return cli_wrong("an endpoint is missing", "", "name one with --endpoint NAME");
	if (strlen(endpoint) > CTL_ARG_MAX)
		return cli_wrong("an endpoint has at most 255 bytes", "", "name another");
	if (word == NULL)
		return cli_wrong("an event is missing", "", "say what would happen with --event");
	if (!policy_event_of(word, &e.event))
		return no_such_event(word);
	int status = chosen(c, &p);
	if (status == CLI_DONE)
		status = cli_policy_facts(c, endpoint, explain, &e);
	if (status == CLI_DONE)
		status = cli_put(&e.out);
	ctl_out_fini(&e.out);
	cli_policy_free(&p);
	return status;
}

/* --- expectations ----------------------------------------------------------------------------- */

int cli_policy_test(struct cli *c)
{
	struct conf_error error;
	struct cli_policy p;
	struct ctl_out o = { 0 };
	int status = readable(c->arg);
	if (status != CLI_DONE)
		return status;
	struct policy_expect *t = policy_expect_load(c->arg, &error);
	if (t == NULL)
		return refused(&error);
	status = chosen(c, &p);
	if (status == CLI_DONE) {
		const size_t failed = ctl_show_expected(&o, c->form, &p.rules, t);
		status = put(&o);
		if (status == CLI_DONE && failed > 0)
			status = CLI_REFUSED;
	}
	cli_policy_free(&p);
	policy_expect_free(t);
	return status;
}

/* --- another policy --------------------------------------------------------------------------- */

struct comparing {
	struct ctl_compared shown;
	struct policy_diff *now, *later;
};

static int compare(void *context, const struct ctl_facts *f)
{
	struct comparing *k = context;
	k->shown.sessions++;
	k->shown.awake += f->facts.awake;
	ctl_what_if_now(k->now, &f->facts);
	ctl_what_if_later(k->later, k->shown.from.policy, k->shown.to.policy, &f->facts);
	return CLI_DONE;
}

static int compare_all(struct cli *c, struct comparing *k)
{
	const struct policy *from = k->shown.from.policy, *to = k->shown.to.policy;
	struct ctl_out o = { 0 };
	int status = CLI_USAGE;
	k->shown.now = k->now = policy_diff_new(from, to, EXAMPLES);
	k->shown.later = k->later = policy_diff_new(from, to, EXAMPLES);
	if (k->now == NULL || k->later == NULL)
		status = cli_wrong("no memory", "", "free some");
	else
		status = cli_policy_facts(c, NULL, compare, k);
	if (status == CLI_DONE) {
		ctl_show_compared(&o, c->form, &k->shown);
		status = put(&o);
	}
	policy_diff_free(k->now);
	policy_diff_free(k->later);
	return status;
}

int cli_policy_diff(struct cli *c)
{
	struct cli_policy from, to = { 0 };
	int status = from_file(c->arg, &to);
	if (status != CLI_DONE)
		return status;
	status = chosen(c, &from);
	if (status == CLI_DONE) {
		struct comparing k = { .shown = { .from = from.rules, .to = to.rules } };
		status = compare_all(c, &k);
	}
	cli_policy_free(&from);
	cli_policy_free(&to);
	return status;
}
