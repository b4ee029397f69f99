/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/wr: writes big-endian integers and bytes into a buffer of known capacity; the first error
 * latches.
 *
 * Promise: no write past the capacity. After a write that did not fit nothing more is written and
 *          wr_ok() is false, so an encoder may check once at its end.
 * Errors:  latched in the writer. Clock, I/O, allocation: none. The buffer is borrowed.
 * Threads: any, one writer each.
 */
#ifndef LWG_BASE_WR_H
#define LWG_BASE_WR_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wr {
	uint8_t *data;
	size_t cap; /* bytes that fit in data */
	size_t len; /* bytes written */
	bool bad;   /* a write did not fit */
};

static inline struct wr wr_into(uint8_t *data, size_t cap)
{
	return (struct wr){ .data = data, .cap = cap };
}

/* Room for n bytes that the caller fills, or NULL when they do not fit. */
uint8_t *wr_room(struct wr *w, size_t n);
void wr_bytes(struct wr *w, const void *bytes, size_t n);
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u24(struct wr *w, uint32_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u48(struct wr *w, uint64_t v);
void wr_u64(struct wr *w, uint64_t v);

MUST_USE static inline bool wr_ok(const struct wr *w)
{
	return !w->bad;
}

#endif
