/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway becomes another program, and who has asked for it learns what came of it. */
#include "ctl/cli_live.h"
#include "ctl/show.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 120000, LOOK_MS = 50, ANSWER_MAX = 200 };

/* The answer to CTL_UPGRADING, see ctl/proto. */
struct upgrading {
	char is[16], run[16], version[64];
};

/* The next word of *at, which goes behind it. */
static bool word(char **at, char *out, size_t cap)
{
	const size_t len = strcspn(*at, " \n");
	if (len == 0 || len >= cap)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len;
	*at += strspn(*at, " \n");
	return true;
}

static bool read_it(char *text, struct upgrading *out)
{
	return word(&text, out->is, sizeof(out->is)) && word(&text, out->run, sizeof(out->run)) &&
	       word(&text, out->version, sizeof(out->version));
}

/* *known: *out is filled. Not, and CLI_DONE: it is older and does not say, or has gone amid the
   question (*lost). */
static int look(struct cli *c, int timeout_ms, struct upgrading *out, bool *known, bool *lost)
{
	const struct ctl_request q = { .form = CTL_TEXT, .verb = CTL_UPGRADING };
	struct cli_answer a;
	char text[ANSWER_MAX];
	const int status = cli_ask_again(c, &q, timeout_ms, &a, lost);
	*known = false;
	if (*lost)
		return CLI_DONE;
	if (status != CLI_DONE || a.status != CTL_DONE || a.len >= sizeof(text))
		return status;
	memcpy(text, a.body, a.len);
	text[a.len] = '\0';
	*known = read_it(text, out);
	return status;
}

static int say_done(
	const struct cli *c, const struct upgrading *before, const struct upgrading *now)
{
	char text[ANSWER_MAX];
	struct ctl_out out = { 0 };
	(void)snprintf(text, sizeof(text), "upgraded: version %s goes on, after %s", now->version,
		before->version);
	ctl_show_sentence(&out, c->form, CTL_DONE, text);
	return cli_put(&out);
}

/* Until the trial is over, and then until another program answers: the question waits in the
   socket that it takes over. */
static int await(struct cli *c, const struct upgrading *before, uint64_t wait_ms)
{
	const uint64_t until_ms = cli_now_ms() + wait_ms;
	for (;;) {
		const uint64_t now_ms = cli_now_ms();
		struct upgrading now;
		bool known, lost;
		if (now_ms >= until_ms)
			return cli_complain(CLI_UNREACHED, "look into its log",
				"no other program has taken over within %llu s",
				(unsigned long long)(wait_ms / 1000));
		const int status = look(c, (int)(until_ms - now_ms), &now, &known, &lost);
		if (status != CLI_DONE)
			return status;
		if (!known && !lost)
			return cli_not_understood(c);
		if (known && strcmp(now.run, before->run) != 0)
			return say_done(c, before, &now);
		if (known && strcmp(now.is, "refused") == 0)
			return cli_complain(CLI_REFUSED,
				"its log says why; correct that and try again",
				"the program that is installed now does not take the "
				"configuration, and version %s goes on",
				now.version);
		cli_rest(LOOK_MS);
	}
}

int cli_upgrade(struct cli *c)
{
	const struct ctl_request q = { .form = c->form, .verb = CTL_UPGRADE };
	struct upgrading before;
	struct cli_answer a;
	uint64_t wait_ms = WAIT_MS;
	bool known = false, lost = false;
	int status = cli_span(c, CLI_FOR, "--for", &wait_ms);
	if (status == CLI_DONE && c->options[CLI_NO_WAIT] == NULL)
		status = look(c, CLI_SHORT_MS, &before, &known, &lost);
	if (status == CLI_DONE)
		status = cli_ask(c, &q, CLI_LONG_MS, &a);
	if (status != CLI_DONE)
		return status;
	/* An older gateway does not tell. */
	if (!known || a.status != CTL_DONE)
		return cli_print(c, &a);
	return await(c, &before, wait_ms);
}
