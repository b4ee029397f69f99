/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli_policy.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/rd.h"
#include "base/wr.h"
#include "ctl/cli.h"
#include "ctl/facts.h"
#include "policy/policy.h"

enum { TRIES = 5 }; /* of a text that changes while it comes */

struct text_page {
	uint32_t total;
	uint64_t digest;
	struct rd name, text;
};

static bool is_page(const struct cli_answer *a, struct text_page *out)
{
	struct rd r = rd_from(a->body, a->len);
	out->total = rd_u32(&r);
	out->digest = rd_u64(&r);
	out->name = rd_sub(&r, rd_u16(&r));
	out->text = r;
	return rd_ok(&r);
}

static int ask_text(struct cli *c, uint32_t from, struct text_page *out)
{
	struct ctl_request q = { .form = c->form, .verb = CTL_POLICY_TEXT };
	struct cli_answer a;
	uint8_t body[4];
	struct wr w = wr_into(body, sizeof(body));
	wr_u32(&w, from);
	q.body = body;
	q.body_len = w.len;
	const int status = cli_ask(c, &q, CLI_SHORT_MS, &a);
	if (status != CLI_DONE || a.status != CTL_DONE)
		return status != CLI_DONE ? status : cli_print(c, &a);
	return is_page(&a, out) ? CLI_DONE : cli_not_understood(c);
}

/* All pages of one text. *whole: they were of one. */
static int one_text(struct cli *c, struct cli_policy *p, bool *whole)
{
	struct text_page first = { 0 }, page = { 0 };
	int status = ask_text(c, 0, &first);
	if (status != CLI_DONE)
		return status;
	p->text.len = p->name.len = 0;
	ctl_out_bytes(&p->name, first.name.at, first.name.left);
	ctl_out_bytes(&p->text, first.text.at, first.text.left);
	*whole = true;
	while (p->text.len < first.total && *whole && !p->text.bad) {
		status = ask_text(c, (uint32_t)p->text.len, &page);
		if (status != CLI_DONE)
			return status;
		*whole = page.total == first.total && page.digest == first.digest;
		if (*whole && page.text.left == 0)
			return cli_not_understood(c);
		ctl_out_bytes(&p->text, page.text.at, page.text.left);
	}
	return *whole && p->text.len > first.total ? cli_not_understood(c) : CLI_DONE;
}

int cli_policy_fetch(struct cli *c, struct cli_policy *p)
{
	bool whole = false;
	for (int i = 0; i < TRIES && !whole; i++) {
		const int status = one_text(c, p, &whole);
		if (status != CLI_DONE)
			return status;
	}
	if (!whole)
		return cli_wrong("the policy changes all the time", "",
			"try again when nobody reloads the gateway");
	p->rules.len = p->text.len;
	ctl_out_bytes(&p->text, "", 1);
	ctl_out_bytes(&p->name, "", 1);
	if (p->text.bad || p->name.bad)
		return cli_wrong("no memory", "", "free some");
	p->rules.text = p->text.data;
	p->rules.name = p->name.data;
	return CLI_DONE;
}

void cli_policy_free(struct cli_policy *p)
{
	policy_free(p->policy);
	ctl_out_fini(&p->text);
	ctl_out_fini(&p->name);
}

/* The facts of one page; *from moves on. */
static int facts_page(
	struct cli *c, const char *endpoint, uint64_t *from, cli_take_facts *take, void *context)
{
	struct ctl_request q = { .form = c->form, .verb = CTL_POLICY_FACTS };
	struct cli_answer a;
	struct ctl_facts f;
	uint8_t body[8];
	struct wr w = wr_into(body, sizeof(body));
	wr_u64(&w, *from);
	q.body = body;
	q.body_len = w.len;
	if (endpoint != NULL)
		(void)snprintf(q.arg, sizeof(q.arg), "%s", endpoint);
	int status = cli_ask(c, &q, CLI_SHORT_MS, &a);
	if (status != CLI_DONE || a.status != CTL_DONE)
		return status != CLI_DONE ? status : cli_print(c, &a);
	struct rd r = rd_from(a.body, a.len);
	*from = rd_u64(&r);
	while (status == CLI_DONE && rd_ok(&r) && r.left > 0)
		status = ctl_facts_read(&r, &f) ? take(context, &f) : cli_not_understood(c);
	return rd_ok(&r) || status != CLI_DONE ? status : cli_not_understood(c);
}

int cli_policy_facts(struct cli *c, const char *endpoint, cli_take_facts *take, void *context)
{
	enum ctl_purpose purpose;
	int status = cli_purpose(c, &purpose);
	uint64_t from = endpoint != NULL ? purpose : 0;
	if (status != CLI_DONE)
		return status;
	do {
		status = facts_page(c, endpoint, &from, take, context);
	} while (status == CLI_DONE && from != 0);
	return status;
}
