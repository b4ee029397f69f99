/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/hex: octets written as hexadecimal digits, either case, nothing between them.
 *
 * Promise: writes at most len / 2 octets; looks no digit up in a table (no cache line depends on a
 *          key).
 * Errors:  false: an odd number of digits, or something else among them. Threads: any.
 */
#ifndef LWG_CONF_HEX_H
#define LWG_CONF_HEX_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* out has room for len / 2 octets. */
MUST_USE bool conf_hex_read(const char *text, size_t len, uint8_t *out);

#endif
