/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/error: what the operations of this room answer, and the words for an operator.
 */
#ifndef LWG_STORE_ERROR_H
#define LWG_STORE_ERROR_H

#include "base/attr.h"

#include <stdbool.h>

enum { STORE_ERROR_MAX = 512 };

struct store_error {
	char text[STORE_ERROR_MAX]; /* "FILE: what is wrong; what would be right" */
};

enum store_result {
	STORE_OK,
	STORE_NONE,    /* there is no such thing */
	STORE_STALE,   /* what the caller knew has changed: generation, owner, incarnation */
	STORE_FULL,    /* the disk or the configured bound; nothing was changed */
	STORE_DAMAGED, /* a value does not open under its key */
	STORE_BROKEN,  /* the medium failed; nothing that it covers may be used (S4) */
};

/* Fills text (cut when too long) and answers false, for "return store_fail(...)". error may be
   NULL. */
PRINTF_LIKE(2, 3)
bool store_fail(struct store_error *error, const char *format, ...);

#endif
