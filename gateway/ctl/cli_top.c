/* SPDX-License-Identifier: Apache-2.0 */
/* On a terminal a page that is drawn anew; elsewhere one look; in JSON an object a look. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctl/cli_live.h"
#include "ctl/screen.h"
#include "ctl/top.h"

enum { EVERY_MS = 1000, TIME_LEN = 40 };

struct watching {
	struct cli *cli;
	struct screen screen;
	struct top_look looks[2];
	size_t len; /* of them so far */
	struct top_lines decisions, failures;
	struct cli_live events, log;
	uint64_t every_ms;
};

static int take_look(struct watching *w)
{
	const struct ctl_request q = { .form = CTL_JSON, .verb = CTL_STATUS };
	struct cli_answer a;
	const int status = cli_ask(w->cli, &q, CLI_SHORT_MS, &a);
	if (status != CLI_DONE || a.status != CTL_DONE)
		return status != CLI_DONE ? status : cli_print(w->cli, &a);
	const struct ctl_piece text = { .at = (const char *)a.body, .len = a.len };
	w->looks[0] = w->looks[1];
	if (!top_look_read(text, cli_now_ms(), &w->looks[1]))
		return cli_not_understood(w->cli);
	w->len++;
	return CLI_DONE;
}

static int take_lines(struct cli_live *from, struct top_lines *to)
{
	struct cli_lines lines;
	const char *line;
	size_t len;
	const int status = cli_live_ask(from, &lines);
	while (status == CLI_DONE && cli_lines_next(&lines, &line, &len))
		top_lines_add(to, line, len);
	return status;
}

static int look(struct watching *w)
{
	int status = take_look(w);
	if (status == CLI_DONE)
		status = take_lines(&w->events, &w->decisions);
	return status == CLI_DONE ? take_lines(&w->log, &w->failures) : status;
}

static void say_time(bool json, char out[TIME_LEN])
{
	struct tm tm = { 0 };
	const time_t now = time(NULL);
	if (json)
		(void)gmtime_r(&now, &tm);
	else
		(void)localtime_r(&now, &tm);
	(void)strftime(out, TIME_LEN, json ? "%Y-%m-%dT%H:%M:%SZ" : "%H:%M:%S", &tm);
}

static int draw(struct watching *w)
{
	const bool json = w->cli->form == CTL_JSON;
	char wall[TIME_LEN];
	struct ctl_out o = { 0 };
	struct top_view v = {
		.before = &w->looks[w->len > 1 ? 0 : 1],
		.now = &w->looks[1],
		.decisions = &w->decisions,
		.failures = &w->failures,
		.every_ms = w->every_ms,
		.live = w->screen.live,
		.wall = wall,
	};
	say_time(json, wall);
	if (v.live) {
		screen_size(&v.columns, &v.rows);
		v.rows -= v.rows > 0; /* the cursor's own line */
		ctl_out_text(&o, "\033[H");
	}
	if (json)
		top_show_json(&o, &v);
	else
		top_show_text(&o, &v);
	if (v.live)
		ctl_out_text(&o, "\033[J");
	const int status = cli_put(&o);
	ctl_out_fini(&o);
	return status;
}

/* False: it is to end. A size that changes is no reason to count anew. */
static bool rest(struct watching *w, uint64_t until_ms, int *status)
{
	for (;;) {
		const uint64_t now_ms = cli_now_ms();
		if (now_ms >= until_ms)
			return true;
		switch (screen_wait(&w->screen, until_ms - now_ms)) {
		case SCREEN_END:
			return false;
		case SCREEN_AGAIN:
			*status = w->screen.live ? draw(w) : CLI_DONE;
			break;
		case SCREEN_TIME:
			break;
		}
		if (*status != CLI_DONE)
			return false;
	}
}

static int watch(struct watching *w)
{
	const bool once = !w->screen.live && w->cli->form != CTL_JSON;
	int status = CLI_DONE;
	for (;;) {
		/* A first look has no rates: only a page that goes on is shown with it. */
		if (w->screen.live || w->len > 1)
			status = draw(w);
		if (status != CLI_DONE || (once && w->len > 1) ||
			!rest(w, w->looks[1].at_ms + w->every_ms, &status))
			return status;
		status = look(w);
		if (status != CLI_DONE)
			return status;
	}
}

static int run(struct watching *w)
{
	struct cli *const c = w->cli;
	screen_open(&w->screen);
	int status = look(w); /* what is wrong is said on the screen that stays */
	if (status == CLI_DONE) {
		if (c->form == CTL_TEXT)
			screen_show(&w->screen);
		status = watch(w);
	}
	const bool unseen = w->screen.live && status == CLI_UNREACHED;
	screen_close(&w->screen);
	if (unseen)
		status = cli_complain(status, "is it running? look into its log",
			"lwgated at %s is not reached any more", c->path);
	return status;
}

int cli_top(struct cli *c)
{
	uint64_t every_ms = EVERY_MS;
	int status = cli_span(c, CLI_EVERY, "--every", &every_ms);
	if (status != CLI_DONE)
		return status;
	struct watching *const w = calloc(1, sizeof(*w));
	if (w == NULL)
		return cli_wrong("no memory", "", "free some");
	w->cli = c;
	w->every_ms = every_ms;
	w->events = (struct cli_live){ .cli = c, .verb = CTL_EVENTS };
	w->log = (struct cli_live){ .cli = c, .verb = CTL_HAPPENED };
	status = run(w);
	top_lines_fini(&w->decisions);
	top_lines_fini(&w->failures);
	free(w);
	return status;
}
