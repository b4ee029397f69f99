/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/web_query: members of a query, "after=17&endpoint=urn%3Adev%3A1".
 *
 * Promise: pure, total; what is no good percent-encoding, or has a NUL in it, is not found.
 * Errors:  false. Threads: any.
 * Source:  WHATWG URL, application/x-www-form-urlencoded.
 */
#ifndef LWG_GATEWAY_WEB_QUERY_H
#define LWG_GATEWAY_WEB_QUERY_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first member with this name, decoded and terminated. query: NULL is empty. False: there is
   none, it is no good, or it does not fit. */
MUST_USE bool gw_web_query(const char *query, const char *name, char *out, size_t cap);
/* The same of a decimal number. */
MUST_USE bool gw_web_query_number(const char *query, const char *name, uint64_t *out);

#endif
