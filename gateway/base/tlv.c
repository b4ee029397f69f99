/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tlv.h"

enum {
	TYPE_SHIFT = 6,
	LONG_ID = 0x20,
	LENGTH_SHIFT = 3, /* how many octets the length has; 0: it is in the first one */
	LENGTH_MASK = 3,
	SHORT_MAX = 7,
};

bool tlv_next(struct rd *r, struct tlv *out)
{
	if (r->bad || r->left == 0)
		return false;
	const uint8_t head = rd_u8(r);
	out->type = (enum tlv_type)(head >> TYPE_SHIFT);
	out->id = (head & LONG_ID) != 0 ? rd_u16(r) : rd_u8(r);
	size_t len = head & SHORT_MAX;
	switch (head >> LENGTH_SHIFT & LENGTH_MASK) {
	case 1:
		len = rd_u8(r);
		break;
	case 2:
		len = rd_u16(r);
		break;
	case 3:
		len = rd_u24(r);
		break;
	default:
		break;
	}
	out->value = rd_sub(r, len);
	return !r->bad;
}

static unsigned length_octets(size_t len)
{
	if (len <= SHORT_MAX)
		return 0;
	if (len <= UINT8_MAX)
		return 1;
	return len <= UINT16_MAX ? 2 : 3;
}

void tlv_head(struct wr *w, enum tlv_type type, uint16_t id, size_t len)
{
	const unsigned octets = length_octets(len);
	unsigned head = (unsigned)type << TYPE_SHIFT | octets << LENGTH_SHIFT;
	if (id > UINT8_MAX)
		head |= LONG_ID;
	if (octets == 0)
		head |= (unsigned)len;
	if (len >> 24 != 0)
		w->bad = true;
	wr_u8(w, (uint8_t)head);
	if (id > UINT8_MAX)
		wr_u16(w, id);
	else
		wr_u8(w, (uint8_t)id);
	if (octets == 1)
		wr_u8(w, (uint8_t)len);
	else if (octets == 2)
		wr_u16(w, (uint16_t)len);
	else if (octets == 3)
		wr_u24(w, (uint32_t)len);
}
