/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/rd: reads big-endian integers and bytes from a buffer; the first error latches.
 *
 * Promise: no read past the end, whatever the lengths say. After a short read every later read
 *          gives 0 (or NULL) and rd_ok() is false, so a parser may check once at its end.
 * Errors:  latched in the reader. Clock, I/O, allocation: none. The buffer is borrowed.
 * Threads: any, one reader each.
 */
#ifndef LWG_BASE_RD_H
#define LWG_BASE_RD_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd {
	const uint8_t *at; /* next byte; never read when left is 0 */
	size_t left;       /* bytes not yet read */
	bool bad;          /* a read asked for more than was left */
};

static inline struct rd rd_from(const uint8_t *data, size_t len)
{
	return (struct rd){ .at = data, .left = len };
}

/* n bytes of the buffer, or NULL when fewer are left. */
const uint8_t *rd_bytes(struct rd *r, size_t n);
/* Copies n bytes to out, or zeroes out when fewer are left. */
void rd_copy(struct rd *r, uint8_t *out, size_t n);
void rd_skip(struct rd *r, size_t n);
/* A reader over the next n bytes, which this one skips; bad when fewer are left (then both are). */
struct rd rd_sub(struct rd *r, size_t n);
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u24(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u48(struct rd *r);
uint64_t rd_u64(struct rd *r);

MUST_USE static inline bool rd_ok(const struct rd *r)
{
	return !r->bad;
}

/* True when everything was read and nothing was missing. */
MUST_USE static inline bool rd_end(const struct rd *r)
{
	return !r->bad && r->left == 0;
}

#endif
