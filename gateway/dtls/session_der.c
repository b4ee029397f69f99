/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/session_der.h"

#include "base/rd.h"
#include "base/wr.h"

#include <string.h>

enum {
	TAG_SEQUENCE = 0x30,
	TAG_PEER = 0xa3,     /* [3]: the certificate */
	TAG_PEER_RPK = 0xb4, /* [20]: the raw public key */
	LONG_1 = 0x81,       /* one octet of length follows */
	LONG_2 = 0x82,
	SHORT_MAX = 0x7f,
};

/* A tag of one octet, a length of at most two more. The content goes to *body. */
static bool next(struct rd *r, uint8_t *tag, struct rd *body)
{
	*tag = rd_u8(r);
	size_t len = rd_u8(r);
	if (len == LONG_1)
		len = rd_u8(r);
	else if (len == LONG_2)
		len = rd_u16(r);
	else if (len > SHORT_MAX)
		return false;
	*body = rd_sub(r, len);
	return rd_ok(r);
}

static void put_header(struct wr *w, size_t len)
{
	wr_u8(w, TAG_SEQUENCE);
	if (len > UINT8_MAX) {
		wr_u8(w, LONG_2);
		wr_u16(w, (uint16_t)len);
		return;
	}
	if (len > SHORT_MAX)
		wr_u8(w, LONG_1);
	wr_u8(w, (uint8_t)len);
}

/* Goes over the members: their length without those that fall away, and, if w is not NULL, they
   themselves. False: it is not understood. */
static bool members(struct rd all, size_t *kept, struct wr *w)
{
	*kept = 0;
	while (all.left > 0) {
		const uint8_t *const begin = all.at;
		uint8_t tag = 0;
		struct rd body;
		if (!next(&all, &tag, &body))
			return false;
		if (tag == TAG_PEER || tag == TAG_PEER_RPK)
			continue;
		const size_t len = (size_t)(all.at - begin);
		*kept += len;
		if (w)
			wr_bytes(w, begin, len);
	}
	return true;
}

size_t dtls_session_lean(const uint8_t *der, size_t len, uint8_t *out, size_t cap)
{
	struct rd r = rd_from(der, len);
	struct wr w = wr_into(out, cap);
	struct rd body;
	uint8_t tag = 0;
	size_t kept = 0;
	if (!next(&r, &tag, &body) || tag != TAG_SEQUENCE || r.left > 0 ||
		!members(body, &kept, NULL)) {
		wr_bytes(&w, der, len);
		return wr_ok(&w) ? w.len : 0;
	}
	put_header(&w, kept);
	(void)members(body, &kept, &w);
	return wr_ok(&w) ? w.len : 0;
}
