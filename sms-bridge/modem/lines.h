/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/modem/lines: what a modem says, cut into lines; and the fields of these.
 *
 * Promise: total, bounded (I7). CR and LF each end a line, empty ones are none, spaces before and
 *          NUL anywhere are dropped. A line that is longer than AT_LINE_MAX is told as such, once,
 *          at its end. The prompt "> " has no end of its own: it is told at its first character,
 *          at the beginning of a line and only when one is expected.
 * Threads: any, one reader each. Clock, I/O, allocation: none.
 * Source:  ITU-T V.250 5.7; TS 27.005 3.5.1.
 */
#ifndef LWG_SMS_BRIDGE_MODEM_LINES_H
#define LWG_SMS_BRIDGE_MODEM_LINES_H

#include "base/attr.h"
#include "base/rd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AT_LINE_MAX = 511 };

enum at_kind { AT_MORE, AT_LINE, AT_TOO_LONG, AT_PROMPT };

struct at_lines { /* zero: at the beginning */
	char text[AT_LINE_MAX + 1];
	size_t len;
	bool over;
};

/* Reads on. AT_LINE: text is the line, with a NUL, good until the next call. AT_MORE: r is at its
   end. */
enum at_kind at_lines_next(struct at_lines *l, struct rd *r, bool prompt);

/* Is name at the beginning of text? *rest: behind it, without spaces. */
MUST_USE bool at_is(const char *text, const char *name, const char **rest);
/* Field i (from 0) of a list with commas, as a number. False: there is none, or it is none. */
MUST_USE bool at_number(const char *fields, size_t i, uint32_t *out);
/* The last field. */
MUST_USE bool at_last_number(const char *fields, uint32_t *out);
/* Hex digits only, an even number of them. Returns the octets; 0: it is something else, or more
   than cap. */
MUST_USE size_t at_hex(const char *text, uint8_t *out, size_t cap);
/* Writes 2 * len digits and a NUL. */
void at_hex_write(const uint8_t *data, size_t len, char *out);

#endif
