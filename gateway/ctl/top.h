/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/top: how much of everything passes now: two looks at the gateway's counts, and what is
 *          between them.
 *
 * Promise: pure. A view for people is as wide and high as it is told, each line whole. A count that
 *          went back (the gateway has begun anew) is no rate.
 * Errors:  false: the status is not understood. Latched in struct ctl_out. Threads: any.
 */
#ifndef LWG_CTL_TOP_H
#define LWG_CTL_TOP_H

#include "base/attr.h"
#include "ctl/members.h"
#include "ctl/out.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOP_COUNTS = 64, TOP_WORKERS = 64, TOP_WORKER_COUNTS = 5, TOP_LINES = 64 };

struct top_look { /* what the counts were */
	uint64_t at_ms;
	uint64_t uptime_s;
	uint64_t counts[TOP_COUNTS]; /* in the order of top.c */
	uint64_t known;              /* devices in the store, awake or asleep */
	size_t workers_len;
	uint64_t workers[TOP_WORKERS][TOP_WORKER_COUNTS];
	char version[64];
};

/* The last decisions, or failures, as they came. */
struct top_lines {
	char *lines[TOP_LINES]; /* malloc'd; the newest is lines[(next - 1) % TOP_LINES] */
	size_t next;
};

struct top_view {
	const struct top_look *before, *now;
	const struct top_lines *decisions, *failures;
	size_t columns, rows; /* 0: as many as it takes */
	uint64_t every_ms;
	bool live;        /* on a terminal: with what ends it, and letters that are bold */
	const char *wall; /* the time of day, as shown */
};

/* The JSON of `status`. */
MUST_USE bool top_look_read(struct ctl_piece status, uint64_t at_ms, struct top_look *out);
void top_lines_add(struct top_lines *l, const char *line, size_t len);
void top_lines_fini(struct top_lines *l);
void top_show_text(struct ctl_out *o, const struct top_view *v);
/* One object, and a line's end. */
void top_show_json(struct ctl_out *o, const struct top_view *v);

#endif
