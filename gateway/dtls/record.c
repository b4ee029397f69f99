/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/record.h"

#include "base/wr.h"

bool dtls_record_next(uint8_t **data, size_t *len, struct dtls_record *out)
{
	if (*len == 0)
		return false;
	struct rd r = rd_from(*data, *len);
	struct dtls_record record = { .type = rd_u8(&r) };
	record.version = rd_u16(&r);
	record.epoch = rd_u16(&r);
	record.seq = rd_u48(&r);
	record.len = rd_u16(&r);
	rd_skip(&r, record.len);
	/* No record may be longer, in any epoch. */
	if (!rd_ok(&r) || record.len > DTLS_CIPHER_MAX)
		return false;
	record.body = *data + DTLS_RECORD_HEADER;
	*data += DTLS_RECORD_HEADER + record.len;
	*len = r.left;
	*out = record;
	return true;
}

void dtls_record_header(
	uint8_t out[DTLS_RECORD_HEADER], uint16_t version, const struct dtls_number *n, size_t len)
{
	struct wr w = wr_into(out, DTLS_RECORD_HEADER);
	wr_u8(&w, n->type);
	wr_u16(&w, version);
	wr_u16(&w, n->epoch);
	wr_u48(&w, n->seq);
	wr_u16(&w, (uint16_t)len);
}
