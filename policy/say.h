/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/say: a line of text, piece by piece.
 *
 * Promise: never longer than the capacity, always ended; what does not fit is cut and nothing
 *          comes after it. Control characters become '.', so that it is one line wherever it is
 *          printed.
 * Threads: any, one struct each.
 */
#ifndef LWG_POLICY_SAY_H
#define LWG_POLICY_SAY_H

#include "base/attr.h"

#include <stddef.h>

struct policy_say {
	char *out;
	size_t cap, len;
};

/* cap >= 1 */
struct policy_say policy_say_into(char *out, size_t cap);
void policy_say(struct policy_say *s, const char *form, ...) PRINTF_LIKE(2, 3);
/* Before the number-th of len members: "", ", " or " or " (whatever `last` is). */
const char *policy_say_between(size_t number, size_t len, const char *last);

#endif
