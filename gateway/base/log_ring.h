/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log_ring: the last lines of a log, for who looks later than they were written.
 *
 * Promise: LOG_RING_LINES lines, each LOG_RING_TEXT octets at most; the oldest goes. Lines are
 *          numbered from 1 as they come.
 * Errors:  log_ring_new(): NULL: memory is short.
 * Memory:  one block.
 * Threads: any.
 */
#ifndef LWG_BASE_LOG_RING_H
#define LWG_BASE_LOG_RING_H

#include "base/attr.h"
#include "base/log.h"

#include <stddef.h>
#include <stdint.h>

enum { LOG_RING_LINES = 256, LOG_RING_TEXT = 400, LOG_RING_WORD = 40 };

struct log_ring;

struct log_ring_line {
	uint64_t number, wall_ms;
	enum log_level level;
	char source[LOG_RING_WORD], event[LOG_RING_WORD];
	char text[LOG_RING_TEXT]; /* without control characters */
};

MUST_USE struct log_ring *log_ring_new(void);
void log_ring_free(struct log_ring *r);
void log_ring_add(struct log_ring *r, const struct log *l, enum log_level level, const char *event,
	const char *text, size_t len);
/* Copies those with numbers above `after`, the oldest first, cap at most; returns how many. */
size_t log_ring_read(struct log_ring *r, uint64_t after, struct log_ring_line *out, size_t cap);

#endif
