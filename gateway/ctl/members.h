/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/members: looks into JSON, as the gateway writes it: the members of an object, one after the
 *              other, as pieces of the text.
 *
 * Promise: pure, total, bounded (I7): no octet past the end is read, nothing is allocated, nesting
 *          costs no stack. What is no good JSON ends a list early, or is passed over.
 * Memory:  pieces point into the text.
 * Errors:  false: there is none. Threads: any.
 * Source:  RFC 8259.
 */
#ifndef LWG_CTL_MEMBERS_H
#define LWG_CTL_MEMBERS_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_piece { /* of the text; len 0: none */
	const char *at;
	size_t len;
};

struct ctl_member {
	struct ctl_piece name; /* as it stands there, without its quotation marks */
	struct ctl_piece value;
};

struct ctl_members { /* what is left of an object, or an array */
	const char *at, *end;
	bool named;
};

/* Of an object or an array; of anything else there are none. */
struct ctl_members ctl_members_of(struct ctl_piece value);
MUST_USE bool ctl_members_next(struct ctl_members *m, struct ctl_member *out);
/* The value of the first member of that name. */
struct ctl_piece ctl_member_of(struct ctl_piece object, const char *name);
/* The same as a number without sign or fraction; 0: it is none. */
uint64_t ctl_member_number(struct ctl_piece object, const char *name);
/* As text, in UTF-8, as much as fits; "": it is none. Returns out. */
const char *ctl_member_text(struct ctl_piece object, const char *name, char *out, size_t cap);

#endif
