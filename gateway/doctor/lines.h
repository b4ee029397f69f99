/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor/lines: on which line of lwgate.conf a setting stands.
 *
 * Promise: NULL and 0 for what is not there; never an error: it is help for who looks for it.
 * Threads: one.
 */
#ifndef LWG_DOCTOR_LINES_H
#define LWG_DOCTOR_LINES_H

#include "base/attr.h"

struct doctor_lines;

/* NULL: the file cannot be read, or is no configuration. */
MUST_USE struct doctor_lines *doctor_lines_new(const char *file);
void doctor_lines_free(struct doctor_lines *l);
/* "store.key_file", "listeners.[1].port"; of a setting that is not there the nearest above it that
   is; 0: none. l may be NULL. */
unsigned doctor_line(const struct doctor_lines *l, const char *setting);

#endif
