/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wr.h"

#include <string.h>

uint8_t *wr_room(struct wr *w, size_t n)
{
	if (w->bad || w->cap - w->len < n) {
		w->bad = true;
		return NULL;
	}
	uint8_t *const p = w->data + w->len;
	w->len += n;
	return p;
}

void wr_bytes(struct wr *w, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	uint8_t *const p = wr_room(w, n);
	if (p)
		memcpy(p, bytes, n);
}

static void big_endian(struct wr *w, uint64_t v, size_t n)
{
	uint8_t *const p = wr_room(w, n);
	for (size_t i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void wr_u8(struct wr *w, uint8_t v)
{
	big_endian(w, v, 1);
}

void wr_u16(struct wr *w, uint16_t v)
{
	big_endian(w, v, 2);
}

void wr_u24(struct wr *w, uint32_t v)
{
	big_endian(w, v, 3);
}

void wr_u32(struct wr *w, uint32_t v)
{
	big_endian(w, v, 4);
}

void wr_u48(struct wr *w, uint64_t v)
{
	big_endian(w, v, 6);
}

void wr_u64(struct wr *w, uint64_t v)
{
	big_endian(w, v, 8);
}
