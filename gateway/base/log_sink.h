/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log_sink: where the lines of a process go, and in which form.
 *
 * Promise: the journal is asked by datagrams that do not wait; a line that it does not take (it is
 *          gone, starts anew, has too much to do) is written to stderr as text, which under systemd
 *          is the journal's, too. What that does not take either is counted, see base/log.
 * Errors:  log_sink_open(): where no socket can be made, the form is text.
 * Memory:  none but the caller's struct, which outlives all logs that name it.
 * Threads: all but opening and closing: any.
 */
#ifndef LWG_BASE_LOG_SINK_H
#define LWG_BASE_LOG_SINK_H

#include "base/attr.h"
#include "base/log.h"
#include "base/log_form.h"

#include <stdbool.h>
#include <stdint.h>

enum log_form {
	LOG_FORM_AUTO, /* the journal's where stderr is the journal's, else text */
	LOG_FORM_TEXT,
	LOG_FORM_LOGFMT,
	LOG_FORM_JOURNAL,
};

enum log_taken {
	LOG_TAKEN,
	LOG_TAKEN_NOT, /* it is the caller's to write it as text */
	LOG_TAKEN_LOST,
};

struct log_sink {
	const char *program;   /* static */
	enum log_form form;    /* not AUTO */
	int journal;           /* a socket; -1: none */
	_Atomic uint32_t lost; /* lines that were not written, and of which nothing was said */
};

/* False when text names no form. */
MUST_USE bool log_form_parse(const char *text, enum log_form *out);
void log_sink_open(struct log_sink *s, const char *program, enum log_form form);
void log_sink_close(struct log_sink *s);
enum log_taken log_sink_take(const struct log_sink *s, int fd, const struct log_line *l);

#endif
