/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/csv: records of a CSV file as they come, piece by piece.
 *
 * Promise: total and bounded (I7): a record is at most CSV_RECORD_MAX octets and CSV_FIELDS_MAX
 *          fields, whatever comes. Fields are terminated, and hold no NUL. A line that is empty is
 *          no record; a byte order mark at the beginning is none of the first field. Errors quote
 *          nothing of the text, which may be a key (I5). Who holds the struct wipes it.
 * Errors:  false with why and line; nothing may follow.
 * Threads: any, one each.
 * Source:  RFC 4180; lines may end with LF alone.
 */
#ifndef LWG_CTL_CSV_H
#define LWG_CTL_CSV_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CSV_RECORD_MAX = 4096, CSV_FIELDS_MAX = 16 };

enum csv_state { CSV_BEGIN, CSV_PLAIN, CSV_QUOTED, CSV_AFTER_QUOTE, CSV_AFTER_CR };

struct csv {
	/* One record; line is where it begins. False: enough. */
	bool (*record)(void *ctx, char *const fields[], size_t len, unsigned line);
	void *ctx;
	/* The rest is ours; zero to begin with. */
	enum csv_state state;
	unsigned newlines, line; /* so far; of the record */
	size_t marks;            /* octets of the byte order mark that have come, or more */
	size_t at, fields_len;
	size_t begins[CSV_FIELDS_MAX];
	char text[CSV_RECORD_MAX];
	const char *why; /* what is wrong, and the remedy; NULL: record() had enough */
};

MUST_USE bool csv_feed(struct csv *c, const char *data, size_t len);
/* Nothing more comes. */
MUST_USE bool csv_end(struct csv *c);
/* The line of the octet at hand, for errors. */
unsigned csv_line(const struct csv *c);

#endif
