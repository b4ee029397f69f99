/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smpp/pdu.h"

#include <string.h>

#include "base/wr.h"
#include "sms-bridge/smpp/pdu_parts.h"

/* size: with its NUL. */
static void put_text(struct wr *w, const char *text, size_t size)
{
	const size_t len = text ? strnlen(text, size) : 0;
	if (len == size) {
		w->bad = true;
		return;
	}
	wr_bytes(w, len > 0 ? text : "", len);
	wr_u8(w, 0);
}

static void put_address(struct wr *w, const struct smpp_address *a, size_t size)
{
	wr_u8(w, a->ton);
	wr_u8(w, a->npi);
	put_text(w, a->digits, size);
}

static void put_tlv_u8(struct wr *w, uint16_t tag, uint8_t v)
{
	wr_u16(w, tag);
	wr_u16(w, 1);
	wr_u8(w, v);
}

static void put_tlvs(struct wr *w, const struct smpp_sm *m)
{
	if (m->subunit != 0)
		put_tlv_u8(w, TLV_DEST_ADDR_SUBUNIT, m->subunit);
	if (m->sar) {
		wr_u16(w, TLV_SAR_REFERENCE);
		wr_u16(w, 2);
		wr_u16(w, m->sar_reference);
		put_tlv_u8(w, TLV_SAR_TOTAL, m->sar_total);
		put_tlv_u8(w, TLV_SAR_NUMBER, m->sar_number);
	}
	if (!m->payload)
		return;
	w->bad = w->bad || m->payload_len > UINT16_MAX || m->text_len > 0;
	wr_u16(w, TLV_PAYLOAD);
	wr_u16(w, (uint16_t)m->payload_len);
	wr_bytes(w, m->payload, m->payload_len);
}

static void put_sm(struct wr *w, const struct smpp_sm *m)
{
	put_text(w, m->service_type, SIZE_SERVICE_TYPE);
	put_address(w, &m->source, SIZE_ADDRESS);
	put_address(w, &m->destination, SIZE_ADDRESS);
	wr_u8(w, m->esm_class);
	wr_u8(w, m->pid);
	wr_u8(w, m->priority);
	put_text(w, m->schedule, SIZE_TIME);
	put_text(w, m->validity, SIZE_TIME);
	wr_u8(w, m->registered);
	wr_u8(w, m->replace);
	wr_u8(w, m->dcs);
	wr_u8(w, m->default_id);
	w->bad = w->bad || m->text_len > SMPP_TEXT_MAX;
	wr_u8(w, (uint8_t)m->text_len);
	if (m->text_len > 0)
		wr_bytes(w, m->text, m->text_len);
	put_tlvs(w, m);
}

static void put_data_sm(struct wr *w, const struct smpp_sm *m)
{
	put_text(w, m->service_type, SIZE_SERVICE_TYPE);
	put_address(w, &m->source, SIZE_LONG_ADDRESS);
	put_address(w, &m->destination, SIZE_LONG_ADDRESS);
	wr_u8(w, m->esm_class);
	wr_u8(w, m->registered);
	wr_u8(w, m->dcs);
	put_tlvs(w, m);
}

static void put_bind(struct wr *w, const struct smpp_bind *b)
{
	put_text(w, b->system_id, SIZE_SYSTEM_ID);
	put_text(w, b->password, SIZE_PASSWORD);
	put_text(w, b->system_type, SIZE_SYSTEM_TYPE);
	wr_u8(w, b->version);
	wr_u8(w, b->ton);
	wr_u8(w, b->npi);
	put_text(w, b->address_range, SIZE_ADDRESS_RANGE);
}

static void put_body(struct wr *w, const struct smpp_pdu *p)
{
	switch (p->id) {
	case SMPP_SUBMIT_SM:
	case SMPP_DELIVER_SM:
		put_sm(w, &p->sm);
		break;
	case SMPP_DATA_SM:
		put_data_sm(w, &p->sm);
		break;
	case SMPP_BIND_TRANSCEIVER:
		put_bind(w, &p->bind);
		break;
	case SMPP_BIND_TRANSCEIVER | SMPP_RESP:
		if (p->status == SMPP_OK)
			put_text(w, p->name, SIZE_SYSTEM_ID);
		break;
	case SMPP_SUBMIT_SM | SMPP_RESP:
		if (p->status == SMPP_OK)
			put_text(w, p->name, SIZE_MESSAGE_ID);
		break;
	case SMPP_DELIVER_SM | SMPP_RESP:
	case SMPP_DATA_SM | SMPP_RESP:
		put_text(w, p->name, SIZE_MESSAGE_ID);
		break;
	default:
		break;
	}
}

size_t smpp_write(const struct smpp_pdu *p, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap < SMPP_FRAME_MAX ? cap : SMPP_FRAME_MAX);
	wr_u32(&w, 0);
	wr_u32(&w, p->id);
	wr_u32(&w, p->status);
	wr_u32(&w, p->sequence);
	put_body(&w, p);
	if (!wr_ok(&w))
		return 0;
	struct wr length = wr_into(out, 4);
	wr_u32(&length, (uint32_t)w.len);
	return w.len;
}
