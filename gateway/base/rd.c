/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rd.h"

#include <string.h>

const uint8_t *rd_bytes(struct rd *r, size_t n)
{
	if (r->bad || r->left < n) {
		r->bad = true;
		r->left = 0;
		return NULL;
	}
	const uint8_t *const p = r->at;
	if (n > 0) {
		r->at += n;
		r->left -= n;
	}
	return p;
}

void rd_copy(struct rd *r, uint8_t *out, size_t n)
{
	const uint8_t *const p = rd_bytes(r, n);
	if (n == 0)
		return;
	if (p)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

void rd_skip(struct rd *r, size_t n)
{
	(void)rd_bytes(r, n);
}

struct rd rd_sub(struct rd *r, size_t n)
{
	const uint8_t *const p = rd_bytes(r, n);
	if (r->bad)
		return (struct rd){ .bad = true };
	return (struct rd){ .at = p, .left = n };
}

static uint64_t big_endian(struct rd *r, size_t n)
{
	const uint8_t *const p = rd_bytes(r, n);
	uint64_t v = 0;
	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)big_endian(r, 1);
}

uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)big_endian(r, 2);
}

uint32_t rd_u24(struct rd *r)
{
	return (uint32_t)big_endian(r, 3);
}

uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)big_endian(r, 4);
}

uint64_t rd_u48(struct rd *r)
{
	return big_endian(r, 6);
}

uint64_t rd_u64(struct rd *r)
{
	return big_endian(r, 8);
}
