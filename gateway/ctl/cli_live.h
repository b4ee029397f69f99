/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/cli_live: questions that are asked again and again, for what happens now; and how long, how
 *               often, which.
 *
 * Errors:  an exit status, what is wrong having been printed.
 * Threads: one.
 */
#ifndef LWG_CTL_CLI_LIVE_H
#define LWG_CTL_CLI_LIVE_H

#include "base/attr.h"
#include "ctl/cli.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli_live {
	struct cli *cli;
	enum ctl_verb verb; /* CTL_TRACE or CTL_EVENTS */
	bool payload;       /* of CTL_TRACE */
	uint64_t after;     /* where it goes on */
};

struct cli_lines { /* until the next question */
	const char *text;
	size_t len;
	uint64_t lost; /* that have gone before */
};

/* CLI_DONE: *out is filled. What the gateway refuses is printed. */
MUST_USE int cli_live_ask(struct cli_live *l, struct cli_lines *out);
/* The next line of them, with its end; false: there is none. */
MUST_USE bool cli_lines_next(struct cli_lines *l, const char **line, size_t *len);
/* Says that lines are missing, in the form of the others. */
int cli_live_lost(const struct cli *c, uint64_t lost);

/* An option that is a span; *ms stays where it was not given. */
MUST_USE int cli_span(const struct cli *c, enum cli_option which, const char *name, uint64_t *ms);
/* CLOCK_MONOTONIC. */
uint64_t cli_now_ms(void);
void cli_rest(uint64_t ms);

#endif
