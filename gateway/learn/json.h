/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn/json: reads JSON (RFC 8259) where its reader knows what should come; the first error
 *             latches.
 *
 * Promise: total, no read past the end; nesting is bounded where it is passed over. Strings are
 *          UTF-8 as they stand there; escapes become UTF-8.
 * Errors:  latched: .bad.
 * Threads: any, one reader each.
 */
#ifndef LWG_LEARN_JSON_H
#define LWG_LEARN_JSON_H

#include "base/attr.h"
#include "learn/account.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct learn_json {
	const uint8_t *at;
	size_t left;
	bool bad;
};

/* White space, then this octet, if it comes next. */
MUST_USE bool learn_json_take(struct learn_json *j, char c);
/* The same; it must come. */
void learn_json_need(struct learn_json *j, char c);
/* White space, and then nothing. */
MUST_USE bool learn_json_end(struct learn_json *j);
/* Which value comes: '"', '{', '[', 't' (true, false), '0' (a number), 'n', or 0: none. */
MUST_USE char learn_json_next(struct learn_json *j);
/* A string of at most cap octets, and its length; one that is longer is passed over, and *len is
   cap + 1. */
void learn_json_string(struct learn_json *j, uint8_t *out, size_t cap, size_t *len);
/* A string of at most cap - 1 octets, none of which is 0, as a C string; else bad. */
void learn_json_name(struct learn_json *j, char *out, size_t cap);
/* A number: LEARN_INTEGER, or LEARN_OTHER where it has a point, an exponent or no room. */
void learn_json_number(struct learn_json *j, struct learn_value *out);
void learn_json_boolean(struct learn_json *j, struct learn_value *out);
/* Any value. */
void learn_json_pass(struct learn_json *j, unsigned depth);
/* Between the members of an object or an array, whose end is `close`: true, there is another one.
   *first: true to begin with. */
MUST_USE bool learn_json_more(struct learn_json *j, bool *first, char close);

#endif
