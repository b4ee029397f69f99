/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/base64: octets written as base64, in either alphabet; blanks and line ends between do not
 * matter, '=' at the end may be missing.
 *
 * Promise: total; writes at most cap octets. What is read could have been written in one way only:
 *          bits that stand for nothing are 0.
 * Errors:  false: a character that is none, a length that cannot be, or no room. Threads: any.
 * Source:  RFC 4648 sections 4 and 5; RFC 6920 (base64url without padding).
 */
#ifndef LWG_CONF_BASE64_H
#define LWG_CONF_BASE64_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

MUST_USE bool conf_base64_read(
	const char *text, size_t len, uint8_t *out, size_t cap, size_t *out_len);

#endif
