/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log: one line per event: level, event name, who, then the words. To stderr, or where and in
 * the form that base/log_sink says.
 *
 * Promise: a line is written whole (one write(2)) and never longer than LOG_LINE_MAX; control
 *          characters of outside text become '.', so nobody forges a line. No function here takes a
 *          key (I5). log_limited() lets `burst` lines through and then one each `per_ms`, and says
 *          how many it held back.
 * Errors:  none; a line that cannot be written now is lost: nobody waits for who reads the log. How
 *          many were lost is said by the next that is written (log-lost), where there is a sink.
 * Threads: any; each worker has its own struct log.
 */
#ifndef LWG_BASE_LOG_H
#define LWG_BASE_LOG_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum { LOG_LINE_MAX = 1024 };
struct log_ring;
struct log_sink;
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
	int fd;                /* borrowed */
	enum log_level level;  /* lines above it are not written */
	const char *name;      /* program or worker, static or outliving the log; never NULL */
	struct log_ring *ring; /* where lines are kept, too; borrowed; NULL: nowhere */
	struct log_sink *sink; /* borrowed; NULL: text, to fd */
};

/* What one kind of line that strangers can provoke may cost. Zeroed = nothing said yet. */
struct log_limit {
	uint64_t next_ms;
	uint32_t said;
	uint32_t held; /* lines held back since the last that was said */
};

void log_say(const struct log *l, enum log_level level, const char *event, const char *form, ...)
	PRINTF_LIKE(4, 5);
/* As log_say, but for what a stranger can trigger: 10 lines at once, then one each 10 s. */
void log_limited(const struct log *l, struct log_limit *limit, uint64_t now_ms,
	enum log_level level, const char *event, const char *form, ...) PRINTF_LIKE(6, 7);
/* False when text names no level. */
MUST_USE bool log_level_parse(const char *text, enum log_level *out);
/* Static. */
const char *log_level_name(enum log_level level);

#endif
