/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/spool_row: one segment as it lies in the spool.
 *
 * A key begins with what tells one concatenation from another, so that the rows of one lie
 * together.
 *
 * Promise: pure, total, bounded (I7).
 * Errors:  false, or 0: it is none, or does not fit.
 * Threads: any. Clock, I/O, allocation: none.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_SPOOL_ROW_H
#define LWG_SMS_BRIDGE_SMSD_SPOOL_ROW_H

#include "base/attr.h"
#include "sms-bridge/pdu/segments.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SPOOL_VERSION = 1,
	SPOOL_NUMBER = 2 + WIRE_DIGITS_MAX, /* type, length, digits */
	SPOOL_GROUP = 2 * SPOOL_NUMBER + 4, /* of a key: both numbers, the concatenation */
	SPOOL_KEY = SPOOL_GROUP + 1,        /* the segment's number */
	SPOOL_ROW_MAX = 1 + 8 + 2 + 1 + 5 + UDH_SPACE,
};

MUST_USE bool spool_row_key(const struct segments_part *p, uint8_t out[SPOOL_KEY]);
MUST_USE size_t spool_row_write(
	const struct segments_part *p, uint64_t wall_ms, uint8_t out[SPOOL_ROW_MAX]);
/* p's data points into row. */
MUST_USE bool spool_row_read(const uint8_t *key, size_t key_len, const uint8_t *row, size_t len,
	struct segments_part *p, uint64_t *wall_ms);

#endif
