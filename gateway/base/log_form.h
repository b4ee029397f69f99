/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log_form: a log's line in the forms that machines read.
 *
 * logfmt:  ts level program thread event, the pairs of the words, and what is left of them as msg.
 * journal: a datagram of systemd-journald's own protocol: MESSAGE, PRIORITY (of syslog(3)),
 *          SYSLOG_IDENTIFIER, LWGATE_THREAD, LWGATE_EVENT, and a field LWGATE_KEY for each pair.
 *
 * Promise: a value of the words cannot be taken for a field: it is quoted, and the words have no
 *          control characters. A field that has no room is left out whole. A key of the words that
 *          is one of ours gets "said_" before it.
 * Errors:  none. Clock, I/O, memory: none. Threads: any.
 * Source:  systemd: Native Journal Protocol; systemd.journal-fields(7).
 */
#ifndef LWG_BASE_LOG_FORM_H
#define LWG_BASE_LOG_FORM_H

#include "base/log.h"

#include <stddef.h>
#include <stdint.h>

/* Room for each line of LOG_LINE_MAX, escaped. Below PIPE_BUF, so that a pipe takes it whole. */
enum { LOG_FORM_MAX = 3072 };

struct log_line {
	uint64_t wall_ms;
	enum log_level level;
	const char *program;
	const char *thread; /* may be the program's name: then it is not said */
	const char *event;
	const char *words; /* without control characters */
	size_t len;
};

/* Each returns the octets written, cap at most. */
size_t log_form_logfmt(const struct log_line *l, char *out, size_t cap);
size_t log_form_journal(const struct log_line *l, char *out, size_t cap);

#endif
