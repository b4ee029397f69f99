/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/fail: one form for everything that is wrong in a file: "FILE:LINE: what; what would be
 * right".
 *
 * Promise: control characters of the file become '.', so an error is one line wherever it is
 *          printed. What is too long is cut. Callers never pass a key or a piece of one (I5).
 * Threads: any.
 */
#ifndef LWG_CONF_FAIL_H
#define LWG_CONF_FAIL_H

#include "base/attr.h"
#include "conf/config.h"

#include <stdbool.h>

/* line 0: the whole file is meant. Returns false, so that a reader can return it. */
bool conf_fail(struct conf_error *e, const char *name, unsigned line, const char *form, ...)
	PRINTF_LIKE(4, 5);

#endif
