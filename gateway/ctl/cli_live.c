/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cli_live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/rd.h"
#include "base/wr.h"
#include "conf/date.h"

int cli_live_ask(struct cli_live *l, struct cli_lines *out)
{
	struct ctl_request q = { .form = l->cli->form, .verb = l->verb };
	struct cli_answer a;
	uint8_t body[9];
	struct wr w = wr_into(body, sizeof(body));
	wr_u64(&w, l->after);
	if (l->verb == CTL_TRACE) {
		wr_u8(&w, l->payload);
		(void)snprintf(q.arg, sizeof(q.arg), "%s", l->cli->arg);
	}
	q.body = body;
	q.body_len = w.len;
	const int status = cli_ask(l->cli, &q, CLI_SHORT_MS, &a);
	if (status != CLI_DONE || a.status != CTL_DONE)
		return status != CLI_DONE ? status : cli_print(l->cli, &a);
	struct rd r = rd_from(a.body, a.len);
	l->after = rd_u64(&r);
	out->lost = rd_u64(&r);
	if (!rd_ok(&r))
		return cli_not_understood(l->cli);
	out->text = (const char *)r.at;
	out->len = r.left;
	return CLI_DONE;
}

bool cli_lines_next(struct cli_lines *l, const char **line, size_t *len)
{
	const char *const end = l->len > 0 ? memchr(l->text, '\n', l->len) : NULL;
	if (end == NULL)
		return false;
	*line = l->text;
	*len = (size_t)(end - l->text) + 1;
	l->text += *len;
	l->len -= *len;
	return true;
}

int cli_live_lost(const struct cli *c, uint64_t lost)
{
	if (lost == 0)
		return CLI_DONE;
	(void)printf(c->form == CTL_JSON ? "{\"lost\":%" PRIu64 "}\n"
					 : "-- %" PRIu64 " more, which came too fast\n",
		lost);
	return CLI_DONE;
}

int cli_span(const struct cli *c, enum cli_option which, const char *name, uint64_t *ms)
{
	uint32_t s = 0;
	if (c->options[which] == NULL)
		return CLI_DONE;
	const char *const why = conf_span_read(c->options[which], &s);
	if (why != NULL || s == 0)
		return cli_complain(CLI_USAGE, "write it as 90s, 30m, 24h or 7d",
			"%s: %s is no span of time", name, c->options[which]);
	*ms = (uint64_t)s * 1000;
	return CLI_DONE;
}

uint64_t cli_now_ms(void)
{
	struct timespec t = { 0 };
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void cli_rest(uint64_t ms)
{
	struct timespec left = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}
