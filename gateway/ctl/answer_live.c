/* SPDX-License-Identifier: Apache-2.0 */
/* What happens now: questions that are asked again and again, each with the number of the last line
   that was heard. */
#include "ctl/answer.h"

#include <stdlib.h>

#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"
#include "ctl/traced.h"

enum { LIVE_HEAD = 16 };

static void put_head(const struct ctl_ask *a, uint64_t next, uint64_t lost)
{
	uint8_t head[LIVE_HEAD];
	struct wr w = wr_into(head, sizeof(head));
	wr_u64(&w, next);
	wr_u64(&w, lost);
	ctl_out_bytes(a->out, head, w.len);
}

static enum ctl_status trace(const struct ctl_ask *a)
{
	const struct ctl_source *s = a->source;
	struct rd r = rd_from(a->q->body, a->q->body_len);
	struct ctl_trace_ask ask = { .after = rd_u64(&r) };
	struct ctl_trace found = { .lines = NULL };
	struct ctl_said said = { "" };
	ask.payload = rd_u8(&r) != 0;
	if (!rd_end(&r))
		return ctl_say_malformed(a);
	if (s->trace == NULL)
		return ctl_say(a, CTL_FAILED, "this gateway cannot trace; use a newer one");
	const enum ctl_status status = s->trace(s->ctx, a->q->arg, &ask, &found, &said);
	if (status != CTL_DONE) {
		free(found.lines);
		return status == CTL_UNKNOWN_ENDPOINT
			       ? ctl_say_arg(a, status,
					 "no credential has this endpoint; see "
					 "`lwgatectl credential list`")
			       : ctl_say(a, status, said.text);
	}
	put_head(a, found.next, found.lost);
	for (size_t i = 0; i < found.len; i++)
		ctl_show_traced(a->out, a->q->form, &found.lines[i]);
	if (found.lines != NULL)
		wipe(found.lines, found.len * sizeof(*found.lines));
	free(found.lines);
	return CTL_DONE;
}

/* of: NULL: the gateway has none. */
static enum ctl_status recent_lines(const struct ctl_ask *a,
	void (*of)(void *ctx, struct ctl_recent *recent, struct ctl_out *out))
{
	const struct ctl_source *s = a->source;
	struct rd r = rd_from(a->q->body, a->q->body_len);
	struct ctl_recent recent = { .from = rd_u64(&r) };
	struct ctl_out lines = { 0 };
	if (!rd_end(&r))
		return ctl_say_malformed(a);
	if (of == NULL)
		return ctl_say(a, CTL_FAILED, "this gateway tells no events; use a newer one");
	of(s->ctx, &recent, &lines);
	put_head(a, recent.next, recent.lost);
	ctl_out_bytes(a->out, lines.data, lines.len);
	a->out->bad = a->out->bad || lines.bad;
	ctl_out_fini(&lines);
	return CTL_DONE;
}

enum ctl_status ctl_answer_live(const struct ctl_ask *a)
{
	if (a->q->verb == CTL_TRACE)
		return trace(a);
	return recent_lines(a, a->q->verb == CTL_EVENTS ? a->source->events : a->source->happened);
}
