/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/show_counts: numbers of a struct, for people with a label and a unit, in JSON by their names.
 *
 * Promise: pure. Errors: latched in the struct ctl_out. Threads: any.
 */
#ifndef LWG_CTL_SHOW_COUNTS_H
#define LWG_CTL_SHOW_COUNTS_H

#include <stddef.h>

struct ctl_json;
struct ctl_out;

struct show_count {
	const char *name;         /* in JSON */
	const char *label, *unit; /* for people */
	size_t at;                /* offset of a uint64_t */
};

/* clang-format off: its releases disagree on this line */
#define SHOW_COUNT(type, member, label, unit)                                                      \
	{                                                                                          \
#member, label, unit, offsetof(type, member)                                       \
	}
/* clang-format on */

/* A title, and a line for each. */
void show_counts_text(
	struct ctl_out *o, const void *facts, const struct show_count *counts, size_t len);
/* Members of the object that is being written. */
void show_counts_json(
	struct ctl_json *j, const void *facts, const struct show_count *counts, size_t len);

#endif
