/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/value_field: fields that more than one value has: octets and texts with their length
 *                    before them.
 *
 * Promise: readers stay within max, or the reader is bad.
 * Threads: any. Clock, I/O, allocation: none.
 */
#ifndef LWG_STORE_VALUE_FIELD_H
#define LWG_STORE_VALUE_FIELD_H

#include "base/rd.h"
#include "base/wr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The length of what was written; 0: there was no room. */
static inline size_t wr_done(const struct wr *w)
{
	return wr_ok(w) ? w->len : 0;
}

static inline bool rd_flag(struct rd *r)
{
	const uint8_t flag = rd_u8(r);
	if (flag > 1)
		r->bad = true;
	return flag == 1;
}

/* At most max octets. Returns the length. */
static inline size_t rd_field(struct rd *r, uint8_t *out, size_t max)
{
	const size_t len = rd_u8(r);
	if (len > max) {
		r->bad = true;
		return 0;
	}
	rd_copy(r, out, len);
	return rd_ok(r) ? len : 0;
}

static inline void wr_field(struct wr *w, const void *octets, size_t len)
{
	wr_u8(w, (uint8_t)len);
	wr_bytes(w, octets, len);
}

/* A text has no NUL within; out gets one at its end and has room for it. */
static inline void rd_text(struct rd *r, char *out, size_t max)
{
	const size_t len = rd_field(r, (uint8_t *)out, max);
	out[len] = '\0';
	if (strlen(out) != len)
		r->bad = true;
}

static inline void wr_text(struct wr *w, const char *text, size_t max)
{
	wr_field(w, text, strnlen(text, max));
}

#endif
