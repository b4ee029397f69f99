/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/spool_row.h"

#include "base/rd.h"
#include "base/wr.h"

#include <string.h>

enum { PORTED = 1 };

static void write_number(struct wr *w, const struct wire_number *n)
{
	wr_u8(w, n->type);
	wr_u8(w, n->len);
	wr_bytes(w, n->digits, WIRE_DIGITS_MAX);
}

static bool read_number(struct rd *r, struct wire_number *out)
{
	out->type = rd_u8(r);
	out->len = rd_u8(r);
	rd_copy(r, (uint8_t *)out->digits, WIRE_DIGITS_MAX);
	if (out->len > WIRE_DIGITS_MAX)
		return false;
	memset(out->digits + out->len, 0, sizeof(out->digits) - out->len);
	return true;
}

/* Octets behind the digits would make another key of the same number. */
static struct wire_number plain(const struct wire_number *n)
{
	struct wire_number out = { .type = n->type, .len = n->len };
	memcpy(out.digits, n->digits, n->len);
	return out;
}

bool spool_row_key(const struct segments_part *p, uint8_t out[SPOOL_KEY])
{
	struct wr w = wr_into(out, SPOOL_KEY);
	if (p->text.peer.len > WIRE_DIGITS_MAX || p->text.own.len > WIRE_DIGITS_MAX)
		return false;
	const struct wire_number peer = plain(&p->text.peer);
	const struct wire_number own = plain(&p->text.own);
	write_number(&w, &peer);
	write_number(&w, &own);
	wr_u8(&w, p->udh.wide);
	wr_u16(&w, p->udh.reference);
	wr_u8(&w, p->udh.total);
	wr_u8(&w, p->udh.number);
	return wr_ok(&w);
}

size_t spool_row_write(const struct segments_part *p, uint64_t wall_ms, uint8_t out[SPOOL_ROW_MAX])
{
	struct wr w = wr_into(out, SPOOL_ROW_MAX);
	wr_u8(&w, SPOOL_VERSION);
	wr_u64(&w, wall_ms);
	wr_u8(&w, p->text.pid);
	wr_u8(&w, p->text.dcs);
	wr_u8(&w, p->udh.marker);
	wr_u8(&w, p->udh.ported ? PORTED : 0);
	wr_u16(&w, p->udh.to_port);
	wr_u16(&w, p->udh.from_port);
	if (p->text.len > 0)
		wr_bytes(&w, p->text.data, p->text.len);
	return wr_ok(&w) ? w.len : 0;
}

bool spool_row_read(const uint8_t *key, size_t key_len, const uint8_t *row, size_t len,
	struct segments_part *p, uint64_t *wall_ms)
{
	struct rd k = rd_from(key, key_len);
	struct rd r = rd_from(row, len);
	*p = (struct segments_part){ .udh.joined = true };
	if (!read_number(&k, &p->text.peer) || !read_number(&k, &p->text.own))
		return false;
	p->udh.wide = rd_u8(&k) != 0;
	p->udh.reference = rd_u16(&k);
	p->udh.total = rd_u8(&k);
	p->udh.number = rd_u8(&k);
	const uint8_t version = rd_u8(&r);
	*wall_ms = rd_u64(&r);
	p->text.pid = rd_u8(&r);
	p->text.dcs = rd_u8(&r);
	p->udh.marker = p->text.marker = rd_u8(&r);
	p->udh.ported = rd_u8(&r) == PORTED;
	p->udh.to_port = rd_u16(&r);
	p->udh.from_port = rd_u16(&r);
	p->text.port = p->udh.ported ? p->udh.to_port : 0;
	p->text.len = r.left;
	p->text.data = rd_bytes(&r, r.left);
	return rd_end(&k) && rd_ok(&r) && version == SPOOL_VERSION && p->udh.number > 0 &&
	       p->udh.number <= p->udh.total;
}
