/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/record.h"

#include "base/wr.h"
#include "dtls/cid.h"

/* RFC 9146 4: the header does not say how long a CID is; only who has given it away knows. */
static bool take_cid(struct rd *r, struct dtls_record *record)
{
	record->cid_len = r->left > 0 ? dtls_cid_len(*r->at) : 0;
	record->cid = rd_bytes(r, record->cid_len);
	return record->cid_len > 0;
}

bool dtls_record_next(uint8_t **data, size_t *len, struct dtls_record *out)
{
	if (*len == 0)
		return false;
	struct rd r = rd_from(*data, *len);
	struct dtls_record record = { .type = rd_u8(&r) };
	record.version = rd_u16(&r);
	record.epoch = rd_u16(&r);
	record.seq = rd_u48(&r);
	if (record.type == DTLS_CID && !take_cid(&r, &record))
		return false;
	record.len = rd_u16(&r);
	rd_skip(&r, record.len);
	/* No record may be longer, in any epoch. */
	if (!rd_ok(&r) || record.len > DTLS_CIPHER_MAX)
		return false;
	record.body = *data + DTLS_RECORD_HEADER + record.cid_len;
	*data = record.body + record.len;
	*len = r.left;
	*out = record;
	return true;
}

void dtls_record_header(uint8_t *out, uint16_t version, const struct dtls_number *n, size_t len)
{
	struct wr w = wr_into(out, DTLS_RECORD_HEADER + n->cid_len);
	wr_u8(&w, n->cid_len > 0 ? DTLS_CID : n->type);
	wr_u16(&w, version);
	wr_u16(&w, n->epoch);
	wr_u48(&w, n->seq);
	wr_bytes(&w, n->cid, n->cid_len);
	wr_u16(&w, (uint16_t)len);
}
