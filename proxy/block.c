/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/block.h"

#include "proxy/coap.h"

enum {
	/* What a sender adds to a request when it cuts it into blocks: Block1 (1 + 1 + 3), Size1
	   (1 + 1 + 4) and Request-Tag (1 + 2 + 8). */
	GROWTH = 22,
	VALUE_MAX = 3, /* bytes of the option */
	SZX_MAX = 6,   /* 1024 bytes; 7 is reserved */
	SZX_BASE = 4,  /* 2^4: the smallest block */
	NUMBER_SHIFT = 4
};

/* Of the block in the request; 0: it is not in blocks. */
static uint32_t number_of(const struct pdu *request)
{
	struct pdu_options it = pdu_options(request);
	struct pdu_option o;
	uint32_t v = 0;
	if (!pdu_next_of(&it, PDU_BLOCK1, &o) || o.len > VALUE_MAX)
		return 0;
	for (size_t i = 0; i < o.len; i++)
		v = v << 8 | o.value[i];
	return v >> NUMBER_SHIFT;
}

bool block_hint(const struct pdu *request, size_t room, uint32_t *value)
{
	const size_t around = request->len - request->payload_len + GROWTH;
	if (around > room)
		return false; /* also what is too long without a payload */
	uint32_t szx = SZX_MAX;
	while (szx > 0 && (size_t)1 << (szx + SZX_BASE) > room - around)
		szx--;
	if ((size_t)1 << (szx + SZX_BASE) > room - around)
		return false;
	/* The flag "more" is 0: this is the last word about the request (2.3). */
	*value = number_of(request) << NUMBER_SHIFT | szx;
	return true;
}
