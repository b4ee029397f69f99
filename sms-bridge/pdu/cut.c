/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting: the other half of sms-bridge/segments. */
#include "sms-bridge/pdu/segments.h"

#include <string.h>

/* What stands before the octets of segment i of count. */
static struct udh header_of(const struct wire_text *t, uint16_t reference, size_t count, size_t i)
{
	return (struct udh){ .joined = count > 1,
		.reference = reference & UINT8_MAX,
		.total = (uint8_t)count,
		.number = (uint8_t)(i + 1),
		.marker = i == 0 ? t->marker : 0,
		.ported = t->port != 0, /* in each: it says to whom (TS 23.040 9.2.3.24.4) */
		.to_port = t->port };
}

static size_t space_of(const struct wire_text *t, size_t count, size_t i)
{
	uint8_t header[UDH_MAX];
	const struct udh u = header_of(t, 0, count, i);
	return UDH_SPACE - udh_write(&u, header);
}

size_t segments_count(const struct wire_text *t)
{
	enum { TWO = 2 };
	if (t->len <= space_of(t, 1, 0))
		return 1;
	const size_t first = space_of(t, TWO, 0), other = space_of(t, TWO, 1);
	const size_t count = 1 + (t->len - first + other - 1) / other;
	return count <= UINT8_MAX ? count : 0;
}

size_t segments_cut(const struct wire_text *t, uint16_t reference, size_t count, size_t i,
	uint8_t out[UDH_SPACE], bool *header)
{
	uint8_t head[UDH_MAX];
	const struct udh u = header_of(t, reference, count, i);
	const size_t head_len = udh_write(&u, head);
	const size_t first = space_of(t, count, 0), other = space_of(t, count, 1);
	const size_t begin = i == 0 ? 0 : first + (i - 1) * other;
	const size_t space = i == 0 ? first : other;
	const size_t left = begin < t->len ? t->len - begin : 0;
	const size_t len = left < space ? left : space;
	*header = head_len > 0;
	memcpy(out, head, head_len);
	if (len > 0)
		memcpy(out + head_len, t->data + begin, len);
	return head_len + len;
}
