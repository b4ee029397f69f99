/* SPDX-License-Identifier: Apache-2.0 */
/* What has gone wrong lately, as the log has it, for who looks now. */
#include "base/log_ring.h"
#include "ctl/json.h"
#include "gateway/gateway_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MS = 1000, YEAR_0 = 1900, TIME_LEN = 64 };

static void put_time(struct ctl_json *j, uint64_t wall_ms)
{
	struct tm tm = { 0 };
	char text[TIME_LEN];
	const time_t s = (time_t)(wall_ms / MS);
	(void)gmtime_r(&s, &tm);
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
		tm.tm_year + YEAR_0, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		(unsigned)(wall_ms % MS));
	ctl_json_key(j, "time");
	ctl_json_text(j, text);
}

static void put_line(struct ctl_out *out, const struct log_ring_line *l)
{
	struct ctl_json j = { .out = out };
	ctl_json_begin(&j, '{');
	put_time(&j, l->wall_ms);
	ctl_json_key(&j, "level");
	ctl_json_text(&j, l->level == LOG_LEVEL_ERROR ? "error" : "warn");
	ctl_json_key(&j, "event");
	ctl_json_text(&j, l->event);
	ctl_json_key(&j, "text");
	ctl_json_text(&j, l->text);
	ctl_json_end(&j, '}');
	ctl_out_text(out, "\n");
}

/* What is not there any more is not counted: the log has it. */
void gw_happened(void *ctx, struct ctl_recent *recent, struct ctl_out *out)
{
	const struct gw_gateway *const g = ctx;
	struct log_ring_line *const lines = calloc(LOG_RING_LINES, sizeof(*lines));
	const uint64_t after = recent->from > 0 ? recent->from - 1 : 0;
	const size_t len = lines && g->log->ring
				   ? log_ring_read(g->log->ring, after, lines, LOG_RING_LINES)
				   : 0;
	recent->next = len > 0 ? lines[len - 1].number + 1 : after + 1;
	for (size_t i = 0; i < len; i++) {
		if (lines[i].level <= LOG_LEVEL_WARN)
			put_line(out, &lines[i]);
	}
	free(lines);
}
