/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/pdu/udh.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

enum { IE_JOINED = 0x00, IE_PORTS = 0x05, IE_JOINED_WIDE = 0x08 };

static void read_joined(struct rd *r, bool wide, struct udh *out)
{
	const uint16_t reference = wide ? rd_u16(r) : rd_u8(r);
	const uint8_t total = rd_u8(r), number = rd_u8(r);
	if (!rd_end(r) || total == 0 || number == 0 || number > total)
		return; /* as if it were not there (TS 23.040 9.2.3.24.1) */
	out->joined = true;
	out->wide = wide;
	out->reference = reference;
	out->total = total;
	out->number = number;
}

static void read_ports(struct rd *r, struct udh *out)
{
	const uint16_t to = rd_u16(r), from = rd_u16(r);
	if (!rd_end(r))
		return;
	out->ported = true;
	out->to_port = to;
	out->from_port = from;
}

static void read_element(uint8_t name, struct rd value, struct udh *out)
{
	switch (name) {
	case IE_JOINED:
	case IE_JOINED_WIDE:
		read_joined(&value, name == IE_JOINED_WIDE, out);
		break;
	case IE_PORTS:
		read_ports(&value, out);
		break;
	case UDH_COMMAND:
	case UDH_RESPONSE:
		out->marker = name;
		break;
	default:
		break;
	}
}

bool udh_read(const uint8_t *data, size_t data_len, struct udh *out, size_t *len)
{
	struct rd r = rd_from(data, data_len);
	memset(out, 0, sizeof(*out));
	*len = 0;
	struct rd elements = rd_sub(&r, rd_u8(&r));
	while (elements.left > 0 && rd_ok(&elements)) {
		const uint8_t name = rd_u8(&elements);
		const struct rd value = rd_sub(&elements, rd_u8(&elements));
		if (rd_ok(&elements))
			read_element(name, value, out);
	}
	if (rd_ok(&r) && rd_ok(&elements)) {
		*len = data_len - r.left;
		return true;
	}
	memset(out, 0, sizeof(*out));
	return false;
}

size_t udh_write(const struct udh *u, uint8_t out[UDH_MAX])
{
	struct wr w = wr_into(out, UDH_MAX);
	wr_u8(&w, 0);
	if (u->joined) {
		wr_u8(&w, u->wide ? IE_JOINED_WIDE : IE_JOINED);
		wr_u8(&w, u->wide ? 4 : 3);
		if (u->wide)
			wr_u16(&w, u->reference);
		else
			wr_u8(&w, (uint8_t)u->reference);
		wr_u8(&w, u->total);
		wr_u8(&w, u->number);
	}
	if (u->marker != 0) {
		wr_u8(&w, u->marker);
		wr_u8(&w, 0);
	}
	if (u->ported) {
		wr_u8(&w, IE_PORTS);
		wr_u8(&w, 4);
		wr_u16(&w, u->to_port);
		wr_u16(&w, u->from_port);
	}
	if (!wr_ok(&w) || w.len == 1)
		return 0;
	out[0] = (uint8_t)(w.len - 1);
	return w.len;
}
