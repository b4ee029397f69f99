/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/date: points in time and spans, as people write them: 2027-01-01T00:00:00Z, 24h.
 *
 * Promise: pure, total. A day that no calendar has is refused. Leap seconds are none (POSIX).
 * Errors:  a text: what is wrong, and what would be right.
 * Threads: any.
 * Source:  RFC 3339, of which it is the form in UTC with whole seconds.
 */
#ifndef LWG_CONF_DATE_H
#define LWG_CONF_DATE_H

#include "base/attr.h"

#include <stdint.h>

enum { CONF_DATE_TEXT = 24, CONF_SPAN_MAX_S = 31536000 };

/* "never" is 0. NULL: *ms is filled: since 1970. */
MUST_USE const char *conf_date_read(const char *text, uint64_t *ms);
/* 0: "never". What is later than the year 9999 is shown as its last second. Returns out. */
const char *conf_date_text(uint64_t ms, char out[CONF_DATE_TEXT]);
/* A number with s, m, h or d behind it, or of seconds; at most CONF_SPAN_MAX_S. NULL: *s is
   filled. */
MUST_USE const char *conf_span_read(const char *text, uint32_t *s);

#endif
