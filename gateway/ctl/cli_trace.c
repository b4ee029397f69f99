/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli_live.h"

#include <stdio.h>

enum { LOOK_MS = 200 };

static int show(const struct cli *c, struct cli_lines *lines)
{
	(void)cli_live_lost(c, lines->lost);
	(void)fwrite(lines->text, 1, lines->len, stdout);
	return fflush(stdout) == 0 ? CLI_DONE
				   : cli_wrong("cannot write", "", "is anybody reading?");
}

int cli_trace(struct cli *c)
{
	struct cli_live live = {
		.cli = c, .verb = CTL_TRACE, .payload = c->options[CLI_PAYLOAD] != NULL
	};
	struct cli_lines lines;
	uint64_t for_ms = 0;
	int status = cli_span(c, CLI_FOR, "--for", &for_ms);
	if (status != CLI_DONE)
		return status;
	const uint64_t until_ms = for_ms > 0 ? cli_now_ms() + for_ms : UINT64_MAX;
	for (bool first = true; status == CLI_DONE; first = false) {
		status = cli_live_ask(&live, &lines);
		if (status == CLI_DONE && first && c->form == CTL_TEXT)
			(void)fprintf(stderr, "lwgatectl: tracing %s\n", c->arg);
		if (status == CLI_DONE)
			status = show(c, &lines);
		if (cli_now_ms() >= until_ms)
			break;
		if (status == CLI_DONE)
			cli_rest(LOOK_MS);
	}
	return status;
}
