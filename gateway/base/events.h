/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/events: the one table of what the log and the file of events say; lwgate-events(7) is
 * printed from it.
 *
 * Promise: each name of a line of the log (log_say, log_limited) and of an object of the file of
 *          events is here, with its levels, with who can cause it, what it means and what to do. A
 *          name is once in a part. What a stranger can cause is said by log_limited() only. A test
 *          compares all that with the sources.
 * Threads: any; constant.
 */
#ifndef LWG_BASE_EVENTS_H
#define LWG_BASE_EVENTS_H

#include "base/attr.h"
#include "base/log.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { /* levels; an object of the file of events has none */
	EVENT_ERROR = 1U << LOG_LEVEL_ERROR,
	EVENT_WARN = 1U << LOG_LEVEL_WARN,
	EVENT_INFO = 1U << LOG_LEVEL_INFO,
	EVENT_DEBUG = 1U << LOG_LEVEL_DEBUG,
};

enum {                            /* who can cause it */
	EVENT_OPERATOR = 1U << 0, /* of the gateway: lwgatectl, files, signals */
	EVENT_DEVICE = 1U << 1,   /* one that has proved itself, or whose network has */
	EVENT_STRANGER = 1U << 2, /* who sends a datagram or a short message, HTTP; an SMSC */
	EVENT_SERVER = 1U << 3,   /* of LwM2M, of images, a BSF, DNS */
	EVENT_SYSTEM = 1U << 4,   /* memory, disk, kernel, clock, the other daemon */
};

enum event_part {
	EVENTS_A_TO_L,
	EVENTS_M_TO_Z,
	EVENTS_BSF,
	EVENTS_SMSD,
	EVENTS_BOTH, /* daemons say it */
	EVENTS_JSON, /* of events.file, events.path and lwgatectl events */
	EVENT_PARTS
};

struct event_row {
	const char *name;
	uint8_t levels, who;
	const char *meaning, *remedy;
};

struct event_rows {
	const struct event_row *rows;
	size_t len;
};

/* By name, in the alphabet's order. */
MUST_USE const struct event_rows *events_of(enum event_part part);
/* What the log has by that name; NULL: nothing. A name of both programs' own is found for each. */
MUST_USE const struct event_row *events_logged(const char *name);
/* The part of the man page. */
void events_print(FILE *to);

#endif
